/* store.h - where a replica lives. What a store must do stands here; that it is SQLite is known to store*.c alone.
 *
 * A store keeps: the log (segments of sealed runs, just as they came), the directory (spaces, feeds, grants, cuts), the state (records: a
 * record's slots in one blob), conflicts, what is known of peers, and one plain table per kind of the schema, to be read by people.
 * All of it can be made anew from the log, except peers and receipts.
 *
 * Writing: one writer at a time over all processes, by a lock of our own around every write transaction and checkpoint; a
 * committed transaction survives power loss. Reading needs no lock. A store belongs to one thread at a time.
 */
#ifndef WARD_STORE_H
#define WARD_STORE_H

#include "base/buf.h"
#include "rules/directory.h"
#include "rules/index.h"
#include "wardsync.h"

struct ward_store;

struct ward_store_options {
    const struct ward_env *env;
    const struct ward_schema *schema;
    const char *vfs;
    const char *name; /* of the file in the home; NULL: WARD_STORE_NAME */
    bool read_only;
    bool create; /* where there is none; one whose making was broken off, so that nothing was noted in it yet, is taken up again */
    bool frozen; /* with read_only: nobody writes to the file, and nothing is made beside it */
    bool locked; /* the caller holds the home's lock: the store does not take it */
};
#define WARD_STORE_NAME "replica.db"
#define WARD_STORE_LOCK "replica.lock"
#define WARD_BUSY_MS    10000 /* how long a lock is waited for */

/* WARD_ERR_NOT_A_REPLICA, WARD_ERR_NEWER, WARD_ERR_HOME_READONLY, WARD_ERR_DISK_FULL, WARD_ERR_CORRUPT, WARD_ERR_IO. */
int ward_store_open(struct ward_store **out, const char *home, const struct ward_store_options *options, struct ward_error *err);
void ward_store_close(struct ward_store *s);
bool ward_store_read_only(const struct ward_store *s);

/* ---- transactions. Everything named put, add, delete or clear needs one. */
int ward_store_begin(struct ward_store *s, struct ward_error *err);
/* The same for what may be lost again: its commit waits for no disk. A power cut takes it whole or not at all, until a commit that lasts.
 */
int ward_store_begin_hint(struct ward_store *s, struct ward_error *err);
int ward_store_commit(struct ward_store *s, struct ward_error *err); /* durable on return; on failure rolled back */
void ward_store_rollback(struct ward_store *s);
bool ward_store_in_transaction(const struct ward_store *s);
/* Between the two all reading sees one moment, whatever others commit. May be nested, and lie within a transaction; one that is begun
 * within ends the moment. */
int ward_store_look(struct ward_store *s, struct ward_error *err);
void ward_store_looked(struct ward_store *s);
/* Changes whenever another connection has committed. */
int ward_store_stamp(struct ward_store *s, uint64_t *out, struct ward_error *err);
/* Makes it one file, with no log beside it, if nobody else has it open (WARD_ERR_BUSY). The last thing done to it. */
int ward_store_fold(struct ward_store *s, struct ward_error *err);
/* Free pages go back to the disk, a few in each of as many transactions as it takes. *bytes: what the file becomes smaller by, also where
 * it fails then. Nothing happens to a file that cannot: an earlier build made it. */
int ward_store_shrink(struct ward_store *s, uint64_t *bytes, struct ward_error *err);
bool ward_store_may_shrink(struct ward_store *s);
/* A consistent copy at path, which must not exist: whole and durable on return, or not there. */
int ward_store_backup(struct ward_store *s, const char *path, struct ward_error *err);
int ward_store_integrity(struct ward_store *s, struct ward_error *err);

int ward_store_meta_get(struct ward_store *s, const char *key, struct ward_buf *out, struct ward_error *err); /* WARD_ERR_NOT_FOUND */
int ward_store_meta_put(struct ward_store *s, const char *key, const void *p, size_t len, struct ward_error *err);
int ward_store_meta_drop(struct ward_store *s, const char *key, struct ward_error *err); /* also where it is not there */

/* ---- directory */
int ward_store_load(struct ward_store *s, struct ward_directory *d, struct ward_error *err); /* into an empty one, judged */
int ward_store_put_space(struct ward_store *s, const struct ward_space *space, struct ward_error *err);
int ward_store_put_feed(struct ward_store *s, const struct ward_feed *feed, struct ward_error *err); /* with its vv */
int ward_store_load_vv(struct ward_store *s, struct ward_feed *feed, struct ward_error *err);
int ward_store_add_grant(struct ward_store *s, const struct ward_hash *id, const void *body, size_t len, uint32_t fid, uint64_t seq,
                         struct ward_error *err);
/* What a row brought beyond `base`; and all that is noted, whichever row brought it. */
int ward_store_forget_authority(struct ward_store *s, uint32_t fid, uint64_t base, struct ward_error *err);
int ward_store_hash_authority(struct ward_store *s, struct ward_hash *out, struct ward_error *err);
int ward_store_put_cut(struct ward_store *s, const struct ward_cut *cut, const void *body, size_t len, struct ward_error *err);
struct ward_store_floor { /* one operation: heads (rules/floor.h), or the name of those that it closes */
    uint32_t fid;
    uint64_t seq;
    uint32_t nth;
    struct ward_id space;
    bool closes;
    uint64_t depth; /* of a closing */
    const void *body;
    size_t len;
};
int ward_store_put_floor(struct ward_store *s, const struct ward_store_floor *row, struct ward_error *err);

/* ---- log */
struct ward_segment {
    int64_t seg; /* order of arrival, ascending, never reused */
    uint32_t fid;
    uint64_t first;
    uint32_t count;
    uint32_t codec;
    const uint8_t *data; /* valid until the next call on the log */
    size_t len;
    uint8_t sig[64];
    struct ward_hash last_hash;
};
int ward_store_add_segment(struct ward_store *s, struct ward_segment *seg, struct ward_error *err); /* sets seg */
/* All of a row; what its changes made known stays so. */
int ward_store_drop_segments(struct ward_store *s, uint32_t fid, struct ward_error *err);
/* Those of one row go to another, where they are in the order of arrival. */
int ward_store_move_segments(struct ward_store *s, uint32_t fid, uint32_t to, struct ward_error *err);
/* Its place in the order of arrival is `to` from now on, behind all others. */
int ward_store_put_back_segment(struct ward_store *s, int64_t seg, int64_t to, struct ward_error *err);
/* The next one after `after` in order of arrival; *got false at the end. head_only: without data. */
int ward_store_next_segment(struct ward_store *s, int64_t after, bool head_only, struct ward_segment *out, bool *got,
                            struct ward_error *err);
/* The one before `before` in order of arrival. */
int ward_store_prior_segment(struct ward_store *s, int64_t before, struct ward_segment *out, bool *got, struct ward_error *err);
/* The segments of a row by number and first change, in the order of its changes. */
typedef int ward_store_segment_fn(void *ctx, int64_t seg, uint64_t first);
int ward_store_each_segment_of(struct ward_store *s, uint32_t fid, ward_store_segment_fn *fn, void *ctx, struct ward_error *err);
/* Of those with numbers up to `upto` the last ones, at most so many, the newest first. */
int ward_store_each_segment_back(struct ward_store *s, uint32_t fid, int64_t upto, size_t most, ward_store_segment_fn *fn, void *ctx,
                                 struct ward_error *err);
/* The segment joined->seg, which began with the change first_before, takes in those before it from joined->first on: they go, and it has
 * their changes with its own. Its number, seal and end stay. */
int ward_store_join_segments(struct ward_store *s, uint64_t first_before, const struct ward_segment *joined, struct ward_error *err);
/* The one that holds (fid, seq). WARD_ERR_NOT_FOUND. */
int ward_store_find_segment(struct ward_store *s, uint32_t fid, uint64_t seq, struct ward_segment *out, struct ward_error *err);
/* The same, or where the log has a hole there the next one of the feed; *got false: there is none. */
int ward_store_segment_from(struct ward_store *s, uint32_t fid, uint64_t seq, struct ward_segment *out, bool *got, struct ward_error *err);
/* What lies in segments of a row that end at `upto` or before. */
int ward_store_weigh_segments(struct ward_store *s, uint32_t fid, uint64_t upto, uint64_t *changes, uint64_t *bytes,
                              struct ward_error *err);
/* The number of the newest; 0 while there is none. */
int ward_store_last_segment(struct ward_store *s, int64_t *out, struct ward_error *err);
/* What zstd needs for whoever packs and unpacks beside this store (pack.h). */
struct ward_packer *ward_store_packer(struct ward_store *s);
/* The bodies of a segment, to `out`. WARD_ERR_CORRUPT. */
int ward_store_unpack(struct ward_store *s, const struct ward_segment *seg, struct ward_buf *out, struct ward_error *err);

/* The log of a feed begins after `upto` from now on: segments up to there go; the one that reaches beyond is made `shorter` (its seg is
 * that of the one held, its end the same; NULL: there is none such). */
int ward_store_forget_log(struct ward_store *s, uint32_t fid, uint64_t upto, const struct ward_segment *shorter, struct ward_error *err);

/* That segment alone goes. */
int ward_store_drop_segment(struct ward_store *s, int64_t seg, struct ward_error *err);

/* History below a base that has come, in the order in which it came; seg is its number there. A file of format 2 or less has none. */
int ward_store_add_backfill(struct ward_store *s, const struct ward_segment *seg, struct ward_error *err);
int ward_store_last_backfill(struct ward_store *s, uint32_t fid, struct ward_segment *out, bool *got, struct ward_error *err); /* no data */
/* The one with this change, where it has come: they follow on one another. */
int ward_store_find_backfill(struct ward_store *s, uint32_t fid, uint64_t seq, struct ward_segment *out, bool *got, struct ward_error *err);
int ward_store_next_backfill(struct ward_store *s, int64_t after, struct ward_segment *out, bool *got, struct ward_error *err);
int ward_store_drop_backfill(struct ward_store *s, uint32_t fid, struct ward_error *err);

/* ---- bases: what a space begins with where its history is not held (replica/base.h). By number: 0 the head, then its parts. */
struct ward_store_part {
    uint32_t codec;
    const uint8_t *data; /* valid until the next call on the store */
    size_t len;
};
int ward_store_put_base(struct ward_store *s, const struct ward_hash *space, bool staged, uint32_t number,
                        const struct ward_store_part *part, struct ward_error *err);
int ward_store_get_base(struct ward_store *s, const struct ward_hash *space, bool staged, uint32_t number, struct ward_store_part *out,
                        struct ward_error *err); /* WARD_ERR_NOT_FOUND */
int ward_store_count_base(struct ward_store *s, const struct ward_hash *space, bool staged, size_t *parts, struct ward_error *err);
int ward_store_clear_base(struct ward_store *s, const struct ward_hash *space, bool staged, struct ward_error *err);
/* Its history is wanted from now on (struct ward_space, lacks): until the base goes, or another takes its place. */
int ward_store_note_lack(struct ward_store *s, const struct ward_hash *space, struct ward_error *err);
int ward_store_adopt_base(struct ward_store *s, const struct ward_hash *space,
                          struct ward_error *err); /* what was staged takes its place */
/* Where a feed's log begins: the depth of the change before, and what it had seen. */
int ward_store_put_base_feed(struct ward_store *s, uint32_t fid, uint64_t depth, const struct ward_vv *seen, struct ward_error *err);
int ward_store_get_base_feed(struct ward_store *s, uint32_t fid, uint64_t *depth, struct ward_vv *seen, struct ward_error *err);
int ward_store_drop_base_feed(struct ward_store *s, uint32_t fid, struct ward_error *err);

/* ---- state */
int ward_store_get_record(struct ward_store *s, uint32_t sid, uint32_t kind, const struct ward_id *entity,
                          const struct ward_authors *authors, struct ward_state *out, size_t *conflicts,
                          struct ward_error *err); /* WARD_ERR_NOT_FOUND, WARD_ERR_CORRUPT */
int ward_store_put_record(struct ward_store *s, uint32_t sid, uint32_t kind, const struct ward_id *entity, const void *p, size_t len,
                          size_t conflicts, struct ward_error *err);
/* sid 0: any space; entity prefix: a range of ids. In order of (entity, sid). fn must not write; state blobs are valid during the call. */
typedef int ward_store_record_fn(void *ctx, uint32_t sid, uint32_t kind, const struct ward_id *entity, size_t conflicts, const void *p,
                                 size_t len);
int ward_store_each_record(struct ward_store *s, uint32_t kind, const struct ward_id *low, const struct ward_id *high,
                           ward_store_record_fn *fn, void *ctx, struct ward_error *err);
/* All of a space in order of (kind, entity). fn may write the record it is given. */
int ward_store_each_in_space(struct ward_store *s, uint32_t sid, ward_store_record_fn *fn, void *ctx, struct ward_error *err);
/* The spaces where a record of this kind and id stands, shown or not. */
typedef int ward_store_sid_fn(void *ctx, uint32_t sid);
int ward_store_each_space_of(struct ward_store *s, uint32_t kind, const struct ward_id *entity, ward_store_sid_fn *fn, void *ctx,
                             struct ward_error *err);
int ward_store_clear_space(struct ward_store *s, uint32_t sid, struct ward_error *err); /* records, plain rows, conflicts */

/* The plain row of a record, from what a view shows: a value per field of the kind (sets as JSON text in a text value). */
int ward_store_put_plain(struct ward_store *s, uint32_t sid, const struct ward_kind_def *kind, const struct ward_id *entity,
                         size_t conflicts, const struct ward_value *values, struct ward_error *err);
int ward_store_delete_plain(struct ward_store *s, uint32_t sid, const struct ward_kind_def *kind, const struct ward_id *entity,
                            struct ward_error *err);
/* Reads it back for comparison: text and bytes into buf, lengths and types in values. WARD_ERR_NOT_FOUND. */
int ward_store_get_plain(struct ward_store *s, uint32_t sid, const struct ward_kind_def *kind, const struct ward_id *entity,
                         struct ward_value *values, struct ward_buf *buf, struct ward_error *err);
int ward_store_count_plain(struct ward_store *s, const struct ward_kind_def *kind, uint64_t *out, struct ward_error *err);
/* Whether the plain tables were made by another schema than the one given at opening: then they must be filled anew. */
bool ward_store_plain_stale(const struct ward_store *s);
int ward_store_plain_renew(struct ward_store *s, struct ward_error *err); /* empty tables in the shape of the schema, marked fresh */

/* The entries of the schema's indexes (rules/index.h), made and renewed with the plain tables: stale when they are. */
int ward_store_put_entry(struct ward_store *s, const struct ward_index_entry *e, uint32_t sid, const struct ward_id *entity,
                         struct ward_error *err);
int ward_store_drop_entry(struct ward_store *s, const struct ward_index_entry *e, uint32_t sid, const struct ward_id *entity,
                          struct ward_error *err);
int ward_store_has_entry(struct ward_store *s, const struct ward_index_entry *e, uint32_t sid, const struct ward_id *entity, bool *out,
                         struct ward_error *err);
/* Those whose key begins with `prefix`, in order of (key, entity, sid), or the other way round. fn must not write. */
typedef int ward_store_entry_fn(void *ctx, const struct ward_index_entry *e, uint32_t sid, const struct ward_id *entity);
int ward_store_each_entry(struct ward_store *s, const struct ward_index_entry *prefix, bool backward, ward_store_entry_fn *fn, void *ctx,
                          struct ward_error *err);
int ward_store_count_entries(struct ward_store *s, const struct ward_index_entry *prefix, uint64_t *out, struct ward_error *err);

struct ward_store_conflict {
    struct ward_id id;
    uint32_t sid, kind, field;
    struct ward_id entity;
};
int ward_store_put_conflict(struct ward_store *s, const struct ward_store_conflict *c, struct ward_error *err);
int ward_store_clear_conflicts(struct ward_store *s, uint32_t sid, uint32_t kind, const struct ward_id *entity, struct ward_error *err);
typedef int ward_store_conflict_fn(void *ctx, const struct ward_store_conflict *c);
int ward_store_each_conflict(struct ward_store *s, const struct ward_id *low, const struct ward_id *high, ward_store_conflict_fn *fn,
                             void *ctx, struct ward_error *err);
int ward_store_count_conflicts(struct ward_store *s, size_t *out, struct ward_error *err);

/* ---- peers: hints for people and bundles; no sync depends on them */
struct ward_store_peer {
    struct ward_hash grant;
    int64_t last_contact_ms, clock_offset_ms;
    char address[128];
    struct ward_vv have; /* what it was known to hold; owned by the caller */
};
int ward_store_put_peer(struct ward_store *s, const struct ward_store_peer *p, struct ward_error *err);
int ward_store_get_peer(struct ward_store *s, const struct ward_hash *grant, struct ward_store_peer *out, struct ward_error *err);
typedef int ward_store_peer_fn(void *ctx, const struct ward_store_peer *p);
/* That peers hold more than up to seq `upto` of the row. */
int ward_store_forget_held(struct ward_store *s, uint32_t fid, uint64_t upto, struct ward_error *err);
int ward_store_each_peer(struct ward_store *s, ward_store_peer_fn *fn, void *ctx, struct ward_error *err);

/* ---- the own feeds' past (replica/own.h) */
int ward_store_put_published(struct ward_store *s, uint32_t fid, uint64_t seq, struct ward_error *err);
/* The log of a feed ends at base from now on: segments beyond go; the one that holds base and more is made `shorter` (its seg is that of
 * the one held; NULL: there is none such). Grants, cuts and floors that changes beyond base brought are forgotten. */
int ward_store_end_feed(struct ward_store *s, uint32_t fid, uint64_t base, const struct ward_segment *shorter, struct ward_error *err);
struct ward_store_waiting {
    int64_t number; /* ascending as they were added */
    struct ward_hash space;
    const uint8_t *body; /* valid until the next call on the store */
    size_t len;
};
int ward_store_add_waiting(struct ward_store *s, const struct ward_hash *space, const void *body, size_t len, struct ward_error *err);
int ward_store_next_waiting(struct ward_store *s, int64_t after, struct ward_store_waiting *out, bool *got, struct ward_error *err);
int ward_store_drop_waiting(struct ward_store *s, int64_t number, struct ward_error *err);
int ward_store_count_waiting(struct ward_store *s, size_t *out, struct ward_error *err);

/* ---- receipts: what hubs have sealed of this device's own feeds (proto/receipt.md). A file of format 1 that is only read holds none. */
struct ward_store_receipt {
    int64_t number;           /* ascending as they came */
    struct ward_hash grant;   /* who sealed it */
    int64_t wall_ms, came_ms; /* the signer's clock; this device's */
    bool against;             /* it speaks of another history than the one held here: kept as evidence */
    const uint8_t *heads;     /* the list as it was sealed; valid during the callback */
    size_t len;
    uint8_t sig[64];
};
int ward_store_add_receipt(struct ward_store *s, struct ward_store_receipt *receipt, struct ward_error *err); /* sets number */
/* Keeps the newest `keep` of a signer, and of the others those that the rows below name. */
int ward_store_thin_receipts(struct ward_store *s, const struct ward_hash *grant, size_t keep, struct ward_error *err);
typedef int ward_store_receipt_fn(void *ctx, const struct ward_store_receipt *receipt);
int ward_store_each_receipt(struct ward_store *s, ward_store_receipt_fn *fn, void *ctx, struct ward_error *err); /* fn must not write */

#define WARD_HELD_ALL (-1)
struct ward_store_receipted { /* the newest by signer and feed */
    struct ward_hash grant;
    uint32_t fid;
    uint64_t seq;
    int64_t wall_ms, number; /* of that receipt */
    int64_t held;            /* WARD_HELD_ALL, or what the signer showed when it held less */
    bool rewritten;          /* it showed another history */
    int64_t noticed_ms;      /* when either was seen last */
};
int ward_store_put_receipted(struct ward_store *s, const struct ward_store_receipted *row, struct ward_error *err);
typedef int ward_store_receipted_fn(void *ctx, const struct ward_store_receipted *row);
int ward_store_each_receipted(struct ward_store *s, ward_store_receipted_fn *fn, void *ctx, struct ward_error *err); /* fn must not write */
/* What reaches beyond seq `upto` of the row, of every signer. The receipts stay. */
int ward_store_forget_receipted(struct ward_store *s, uint32_t fid, uint64_t upto, struct ward_error *err);

#endif
