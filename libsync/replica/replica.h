/* replica.h - the inside of a ward_replica, shared by the files of this layer. */
#ifndef WARD_REPLICA_H
#define WARD_REPLICA_H

#include "base/arena.h"
#include "base/buf.h"
#include "rules/directory.h"
#include "rules/schema.h"
#include "shell/keys.h"
#include "shell/store.h"
#include "values/change.h"
#include "wardsync.h"

/* Hashes and depths within one segment, worked out once: deps often name changes in the middle of a run. */
struct ward_chain_map {
    uint32_t fid;
    uint64_t first;
    uint32_t count;
    struct ward_hash *hashes;
    uint64_t *depths;
    uint64_t used; /* for finding the least recently used */
};
#define WARD_CHAIN_MAPS 8

struct ward_circle {
    struct ward_hash space;
    struct ward_id *units;
    size_t count;
    uint64_t by; /* who named it: of a peer's grant, 0 for the application */
};
struct ward_circle_share {
    uint64_t by;
    size_t count;
};

/* From seq upto + 1 on the row's number names other changes than before, or none. */
struct ward_reuse {
    uint32_t fid;
    uint64_t upto;
};

struct ward_replica {
    struct ward_env env;
    const struct ward_schema *schema;
    char home[512];
    struct ward_store *store;
    struct ward_directory dir;
    uint64_t stamp; /* the store's when dir was loaded */
    /* A row's number may come to name other changes: a branch gives its own to the one that takes its place, own changes are taken back and
     * others written there, and what is rolled back is as if it had not been. Who keeps notes by number looks whether `reused` has grown,
     * and drops what `reuses` says has gone since. */
    struct ward_reuse *reuses; /* as they happened */
    size_t reused, reuse_cap;
    struct ward_keys *keys;
    struct ward_hash ward, self; /* self: own grant id */
    struct ward_grant own;       /* as joining brought it; id zero where it is to be looked up in dir */
    struct ward_hash *former;    /* own grants of this home before that, newest last */
    size_t former_count;
    uint8_t root_pk[32];
    struct ward_circle *circles; /* named by the application or a peer, not yet in the store */
    size_t circle_count, circle_cap;
    struct ward_circle_share *shares; /* how many of them are whose */
    size_t share_count, share_cap;
    struct ward_chain_map maps[WARD_CHAIN_MAPS];
    uint64_t map_clock;
    struct ward_ahead *ahead; /* NULL: no second thread */
    struct ward_talk *talks;  /* all sessions that are open */
    struct ward_scratch scratch;
    struct ward_buf unpacked, packed, bodies; /* scratch for one call; bodies: of a run on its way out */
    struct ward_arena arena;                  /* for one call */
};

/* Brings dir up to date if another process has committed. Not during a write transaction. */
int ward_replica_refresh(ward_replica *r, struct ward_error *err);
/* The same, and until ward_replica_looked what is read of the store is of the very moment the directory is of: another process may commit
 * at any time, and then records speak of feeds that the directory does not know. */
int ward_replica_look(ward_replica *r, struct ward_error *err);
void ward_replica_looked(ward_replica *r);
/* Loads dir anew, whatever its stamp; after a rollback. On failure it is not to be trusted until a refresh has succeeded. */
int ward_replica_reload(ward_replica *r, struct ward_error *err);
/* From seq upto + 1 on the number names other changes, or none: what sessions and the store had noted of them (what others hold, what hubs
 * have sealed) is dropped, and asked for afresh. Within a write transaction. */
int ward_replica_reuse_number(ward_replica *r, uint32_t fid, uint64_t upto, struct ward_error *err);
/* The own grant: known from joining on, even before the ward's own records have arrived. NULL if it is not known at all. */
const struct ward_grant *ward_replica_grant(const ward_replica *r);
/* The grants under which this home wrote before, newest last; valid until the home goes on under another. */
size_t ward_replica_former(ward_replica *r, const struct ward_hash **out);
/* This home's own grant, or one of those. */
bool ward_replica_was(const ward_replica *r, const struct ward_hash *grant);
/* Remembers a circle so that its space can be made when its first change comes. At most WARD_SPACES_MAX wait for that. When it is full, who
 * has named most makes room for who has named fewer, and gets no more himself (WARD_ERR_LIMIT_SPACES): whoever announces circles and sends
 * nothing in them wastes his own share. by: the grant whose device named it, NULL for the application. WARD_ERR_MEMORY. */
int ward_replica_hear_circle(ward_replica *r, const struct ward_hash *by, const struct ward_id *units, size_t count,
                             struct ward_hash *space);
int ward_replica_know_circle(ward_replica *r, const struct ward_id *units, size_t count, struct ward_hash *space);
const struct ward_circle *ward_replica_circle(const ward_replica *r, const struct ward_hash *space);
const struct ward_circle *ward_replica_circle_short(const ward_replica *r, const uint8_t short_id[8]);
int64_t ward_replica_now(const ward_replica *r);

/* chain.c: hash and depth of a held change; seq 0 gives the feed id and 0. Up to where a branch begins its changes are its parent's.
 * WARD_ERR_HISTORY: it lies below the base. */
int ward_chain_at(ward_replica *r, uint32_t fid, uint64_t seq, struct ward_hash *hash, uint64_t *depth, struct ward_error *err);
void ward_chain_forget(ward_replica *r);

/* history.c: the changes [from, to] of a feed, with effect or not. */
int ward_history_range(ward_replica *r, uint32_t fid, uint64_t from, uint64_t to, ward_history_fn *fn, void *ctx, struct ward_error *err);

/* The row of a feed that holds what a dep names, and its depth. WARD_ERR_DEP_MISSING, WARD_ERR_DEP_HASH. NULL: beyond where a shattered
 * feed parts nobody can hold all there is, so that there a dep is not looked up. */
int ward_dep_find(ward_replica *r, const struct ward_dep *dep, const struct ward_feed **row, uint64_t *depth, struct ward_error *err);
/* A dep that was found before, into a version vector: by seq alone (proto/change.md), for what it names may have given way to another
 * history since. */
int ward_dep_see(ward_replica *r, struct ward_vv *vv, const struct ward_dep *dep, struct ward_error *err);
/* The greatest seq of the feed that was ever named, on whichever branch. */
uint64_t ward_dep_seen(const ward_replica *r, const struct ward_vv *vv, const struct ward_feed *trunk);
/* The version vector as of a held change, from the deps of all before it; into an empty one. */
int ward_vv_at(ward_replica *r, uint32_t fid, uint64_t upto, struct ward_vv *out, struct ward_error *err);

/* sheet.c: the root key of a sheet. WARD_ERR_PASSPHRASE. */
int ward_sheet_open(struct ward_keys *root, const struct ward_sheet *sheet, const char *passphrase, struct ward_error *err);

/* The ids that start with a hex prefix (4 ... 32 digits); false: it is none (read.c). */
bool ward_id_range(const char *hex, struct ward_id *low, struct ward_id *high);
/* A snapshot of one record. */
struct ward_record {
    ward_replica *r;
    struct ward_arena arena;
    struct ward_state state;
    uint32_t sid, kind;
    struct ward_id entity;
    size_t conflicts;
    const struct ward_kind_def *def;
};
/* A live value with its author and the author's claim of the time (read.c). */
int ward_live_author(ward_replica *r, const struct ward_live_value *v, struct ward_live *out, struct ward_error *err);

#define WARD_HOME_PATH  640
#define WARD_DEVICE_KEY "device.key"
#define WARD_UNFINISHED "unfinished" /* stands in a home while it is being founded: until it goes, there is none */
void ward_home_path(char out[WARD_HOME_PATH], const char *home, const char *name);
/* Store, ward, own grant and directory, without the keys. r is new. */
int ward_home_open(ward_replica *r, const struct ward_options *options, struct ward_error *err);
/* From an open store: ward, root, own grant, directory. */
int ward_home_load(ward_replica *r, struct ward_error *err);
/* restore.c: when a backup was put back here in place of another file, by this device's clock; 0: never. Where it has not been noted yet:
 * now. To be noted at each opening for writing: a hint for people, so that it cannot be is no failure. */
int64_t ward_restore_time(const ward_replica *r);
void ward_restore_note(ward_replica *r);
/* Finishes or undoes what an interrupted restore has left. */
int ward_restore_settle(const ward_replica *r, bool read_only, struct ward_error *err);

/* Makes a home: store with ward and grant known, keys saved. Used by founding and joining. */
int ward_home_create(ward_replica **out, const char *home, const struct ward_options *options, struct ward_keys *keys,
                     const struct ward_hash *ward, const uint8_t root_pk[32], const struct ward_hash *grant, struct ward_error *err);
/* The same; what is noted besides is there from the first moment on: a home is made when its notes are, whole or not at all. */
struct ward_home_note {
    const char *key;
    const void *p;
    size_t len;
};
int ward_home_create_with(ward_replica **out, const char *home, const struct ward_options *options, struct ward_keys *keys,
                          const struct ward_hash *ward, const uint8_t root_pk[32], const struct ward_hash *grant,
                          const struct ward_home_note *notes, size_t note_count, struct ward_error *err);
/* WARD_ERR_HOME_EXISTS if there is a made home at this place. One whose making was broken off is none. */
int ward_home_is_free(const char *home, const struct ward_options *options, struct ward_error *err);
/* found.c: a home is founded or recovered between these two, whole or as if it had never been begun, whatever comes between. rc: how it
 * went. WARD_ERR_HOME_EXISTS. */
int ward_home_begin(char *home, struct ward_error *err);
int ward_home_end(char *home, int rc, struct ward_error *err);
int ward_home_clear(char *home, struct ward_error *err); /* removes what founding has left in a home that bears its mark */
/* Keeps the own grant as the hub answered it. */
int ward_home_keep_grant(ward_replica *r, const void *body, size_t len, struct ward_error *err);
ward_replica *ward_replica_new(const char *home, const struct ward_options *options, struct ward_error *err);

#endif
