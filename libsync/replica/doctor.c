/* doctor.c - what is wrong with a home, and what of it can be mended without guessing.
 *
 * In order: the files and who may do what with them, what was cut off half-way, the database, and in it the log first, since all else is
 * made anew from it. Nothing that this device wrote is ever taken out: it may be the only copy. What is taken out of other devices' feeds
 * they still have; and a copy of the database as it was is made before.
 */
#include "base/alloc.h"
#include "base/err.h"
#include "replica/authority.h"
#include "shell/link.h"
#include "shell/platform.h"
#include "values/feed.h"

#include <stdio.h>
#include <string.h>

#define WAIT_MS      2000 /* for whoever writes at the moment */
#define FINDINGS_MAX 256  /* of the database that are told; a thousand more say no more */
#define ROOT_KEY     "root.key"

struct damage {
    struct ward_finding finding;
    uint32_t fid;
    char what[200];
};

struct doctor {
    char home[sizeof((ward_replica *)0)->home];
    bool mend;
    const struct ward_options *options;
    const struct ward_env *env;
    ward_finding_fn *fn;
    void *ctx;
    struct ward_doctor_result result;
    ward_replica *r;
    bool hindered; /* something is in the way of opening the database */
    struct damage *damage;
    size_t damage_count, damage_cap;
    bool no_memory;
};

const char *ward_finding_name(enum ward_finding_kind kind)
{
    static const char *const names[WARD_FINDING_COUNT] = {
        "library", "owner",  "home-mode", "key-mode", "key-missing", "key-file", "read-only", "unfinished", "not-joined", "leftover",
        "restore", "in-use", "database",  "log",      "head",        "digest",   "state",     "plain",      "authority",  "receipt"};
    return (size_t)kind < WARD_FINDING_COUNT ? names[kind] : "unknown";
}

static void tell(struct doctor *d, const struct ward_finding *f)
{
    d->result.found++;
    d->result.mended += f->mended;
    if (d->fn)
        d->fn(d->ctx, f);
}

/* ---- files */

static void path_of(const struct doctor *d, char out[WARD_HOME_PATH], const char *name)
{
    ward_home_path(out, d->home, name);
}

static bool is_there(const struct doctor *d, const char *name)
{
    char path[WARD_HOME_PATH];
    path_of(d, path, name);
    return ward_file_exists(path);
}

/* Owner first: nobody may change the mode of what is another's. */
static void look_at_mode(struct doctor *d, const char *path, enum ward_finding_kind kind, unsigned clear, unsigned set, int code)
{
    struct ward_file_rights rights;
    if (!ward_file_rights(path, &rights) || rights.link)
        return;
    struct ward_finding f = {.kind = kind, .code = code, .what = path, .mendable = true};
    if (!rights.own) {
        f = (struct ward_finding){.kind = WARD_FINDING_OWNER, .what = path};
        d->hindered |= !rights.writable;
        tell(d, &f);
        return;
    }
    if ((rights.mode & clear) == 0 && (rights.mode & set) == set)
        return;
    f.mended = d->mend && ward_file_set_mode(path, (rights.mode & ~clear) | set, NULL) == WARD_OK;
    d->hindered |= kind != WARD_FINDING_KEY_MODE && (rights.mode & set) != set && !f.mended;
    tell(d, &f);
}

static void look_at_key(struct doctor *d, const char *name, bool needed)
{
    static const struct ward_options public_halves = {.read_only = true};
    char path[WARD_HOME_PATH];
    path_of(d, path, name);
    look_at_mode(d, path, WARD_FINDING_KEY_MODE, 0077, 0400, WARD_ERR_KEY_MODE);
    struct ward_keys *keys = ward_keys_new();
    if (!keys) {
        d->no_memory = true;
        return;
    }
    int rc = needed || ward_file_exists(path) ? ward_keys_load(keys, path, &public_halves, NULL) : WARD_OK;
    ward_keys_free(keys);
    if (rc == WARD_ERR_KEY_MISSING)
        tell(d, &(struct ward_finding){.kind = WARD_FINDING_KEY_MISSING, .code = rc, .what = path});
    else if (rc == WARD_ERR_KEY_FILE)
        tell(d, &(struct ward_finding){.kind = WARD_FINDING_KEY_FILE, .code = rc, .what = path});
}

/* PATH.<16 hex digits>.tmp, as platform_file.c makes them. */
static bool is_leftover(const char *name)
{
    size_t n = strlen(name);
    return n > 21 && strcmp(name + n - 4, ".tmp") == 0 && name[n - 21] == '.' && strspn(name + n - 20, "0123456789abcdef") == 16;
}

static bool look_at_name(void *ctx, const char *name)
{
    struct doctor *d = ctx;
    char path[WARD_HOME_PATH], base[WARD_HOME_PATH];
    bool unchecked = strcmp(name, WARD_STORE_NAME ".unchecked") == 0;
    if (!unchecked && !is_leftover(name))
        return true;
    path_of(d, path, name);
    path_of(d, base, name);
    if (unchecked && d->mend)
        ward_file_remove(path);
    if (!unchecked) {
        base[strlen(base) - 21] = 0;
        if (d->mend)
            ward_file_sweep(base); /* not what somebody is writing at the moment */
    }
    tell(d, &(struct ward_finding){
                .kind = WARD_FINDING_LEFTOVER, .what = path, .mendable = true, .mended = d->mend && !ward_file_exists(path)});
    return true;
}

static void look_at_files(struct doctor *d)
{
    static const char *const stored[] = {WARD_STORE_NAME, WARD_STORE_NAME "-wal", WARD_STORE_NAME "-shm", WARD_STORE_LOCK};
    char path[WARD_HOME_PATH];
    look_at_mode(d, d->home, WARD_FINDING_HOME_MODE, 0022, 0700, 0);
    for (size_t i = 0; i < sizeof stored / sizeof stored[0]; i++) {
        path_of(d, path, stored[i]);
        look_at_mode(d, path, WARD_FINDING_READ_ONLY, 0, 0600, WARD_ERR_HOME_READONLY);
    }
    ward_dir_each(d->home, look_at_name, d);
}

/* ---- what was cut off */

/* Whether a home is here at all. */
static int look_at_beginning(struct doctor *d, bool *home, struct ward_error *err)
{
    *home = false;
    if (is_there(d, WARD_UNFINISHED)) {
        struct ward_finding f = {.kind = WARD_FINDING_UNFINISHED, .code = WARD_ERR_HOME_MISSING, .what = d->home, .mendable = true};
        int rc = d->mend ? ward_home_clear(d->home, err) : WARD_OK;
        f.mended = d->mend && !rc;
        tell(d, &f);
        return rc;
    }
    bool restoring = is_there(d, WARD_STORE_NAME ".restoring");
    if (!restoring && !is_there(d, WARD_STORE_NAME)) {
        bool key = is_there(d, WARD_DEVICE_KEY);
        if (!key && ward_dir_is_empty(d->home))
            return ward_fail(err, WARD_ERR_HOME_MISSING, "%s is empty", d->home);
        tell(d, &(struct ward_finding){.kind = key ? WARD_FINDING_NOT_JOINED : WARD_FINDING_DATABASE,
                                       .code = key ? WARD_ERR_HOME_MISSING : WARD_ERR_NOT_A_REPLICA,
                                       .what = d->home});
        return WARD_OK;
    }
    *home = true;
    if (!restoring)
        return WARD_OK;
    struct ward_finding f = {.kind = WARD_FINDING_RESTORE, .what = d->home, .mendable = true};
    int rc = d->mend ? ward_restore_settle(d->r, false, err) : WARD_OK;
    f.mended = d->mend && !rc;
    *home = !rc && is_there(d, WARD_STORE_NAME);
    tell(d, &f);
    return rc == WARD_ERR_BUSY ? WARD_OK : rc;
}

/* A lock ends with the process that held it: there are no stale ones, but a program that hangs may hold it. */
static void look_at_lock(struct doctor *d)
{
    char path[WARD_HOME_PATH];
    struct ward_lock lock = {-1};
    path_of(d, path, WARD_STORE_LOCK);
    if (!ward_file_exists(path) || ward_lock_open(&lock, path, NULL))
        return;
    bool busy = ward_lock_take(&lock, WAIT_MS, NULL) == WARD_ERR_BUSY;
    ward_lock_close(&lock);
    d->hindered |= busy;
    if (busy)
        tell(d, &(struct ward_finding){.kind = WARD_FINDING_IN_USE, .code = WARD_ERR_BUSY, .what = path});
}

/* ---- the database */

static int open_database(struct doctor *d, bool read_only, struct ward_error *err)
{
    struct ward_store_options o = {
        .env = &d->r->env, .schema = d->r->schema, .vfs = d->options ? d->options->vfs : NULL, .read_only = read_only};
    int rc = ward_store_open(&d->r->store, d->home, &o, err);
    return rc ? rc : ward_home_load(d->r, err);
}

static enum ward_finding_kind kind_of(enum ward_part part)
{
    static const enum ward_finding_kind kinds[] = {
        [WARD_PART_DATABASE] = WARD_FINDING_DATABASE,   [WARD_PART_LOG] = WARD_FINDING_LOG,        [WARD_PART_HEAD] = WARD_FINDING_HEAD,
        [WARD_PART_DIGEST] = WARD_FINDING_DIGEST,       [WARD_PART_STATE] = WARD_FINDING_STATE,    [WARD_PART_PLAIN] = WARD_FINDING_PLAIN,
        [WARD_PART_AUTHORITY] = WARD_FINDING_AUTHORITY, [WARD_PART_RECEIPT] = WARD_FINDING_RECEIPT};
    return kinds[part];
}

static struct damage *same_damage(struct doctor *d, enum ward_finding_kind kind, const struct ward_bad *bad)
{
    for (size_t i = 0; i < d->damage_count; i++) {
        struct damage *x = &d->damage[i];
        if (x->finding.kind != kind || memcmp(x->finding.feed.b, bad->feed.b, sizeof bad->feed.b) != 0)
            continue;
        if (kind != WARD_FINDING_PLAIN || strcmp(x->what, bad->what) == 0)
            return x;
    }
    return NULL;
}

/* One finding a feed, one a table: all that is bad in it has one cause and one remedy. */
static void on_bad(void *ctx, const struct ward_bad *bad)
{
    struct doctor *d = ctx;
    enum ward_finding_kind kind = kind_of(bad->part);
    struct damage *x = same_damage(d, kind, bad);
    if (x || d->damage_count == FINDINGS_MAX) {
        if (x && bad->seq < x->finding.seq)
            x->finding.seq = bad->seq;
        return;
    }
    if (ward_grow(d->env, (void **)&d->damage, &d->damage_cap, d->damage_count, sizeof *d->damage)) {
        d->no_memory = true;
        return;
    }
    x = &d->damage[d->damage_count++];
    *x = (struct damage){.finding = {.kind = kind, .code = bad->code, .feed = bad->feed, .seq = bad->seq}};
    snprintf(x->what, sizeof x->what, "%s", bad->what ? bad->what : "");
    const struct ward_feed *f = ward_directory_feed_by_id(&d->r->dir, &bad->feed);
    x->fid = f ? f->fid : 0;
}

static bool has_branches(const struct ward_directory *dir, uint32_t fid)
{
    if (ward_directory_feed(dir, fid)->parent)
        return true;
    for (size_t i = 0; i < dir->feed_count; i++)
        if (dir->feeds[i].parent == fid)
            return true;
    return false;
}

static bool has(const struct doctor *d, enum ward_finding_kind kind)
{
    for (size_t i = 0; i < d->damage_count; i++)
        if (d->damage[i].finding.kind == kind)
            return true;
    return false;
}

/* Where grants are noted wrongly, changes that are sound are taken for nobody's. */
static void drop_what_follows(struct doctor *d)
{
    size_t kept = 0;
    if (!has(d, WARD_FINDING_AUTHORITY))
        return;
    for (size_t i = 0; i < d->damage_count; i++) {
        int code = d->damage[i].finding.code;
        if (code != WARD_ERR_GRANT_UNKNOWN && code != WARD_ERR_NOT_ENTITLED)
            d->damage[kept++] = d->damage[i];
    }
    d->damage_count = kept;
}

/* A damaged log of this device is left alone, and with it all that would be made anew from it. So is a feed with two branches. Whether
 * there is something to be mended. */
static bool judge(struct doctor *d)
{
    bool sound = true, any = false;
    for (size_t i = 0; i < d->damage_count; i++) {
        struct damage *x = &d->damage[i];
        const struct ward_feed *f = x->fid ? ward_directory_feed(&d->r->dir, x->fid) : NULL;
        if (x->finding.kind == WARD_FINDING_LOG)
            x->finding.mendable = f && !ward_replica_was(d->r, &f->grant) && !has_branches(&d->r->dir, f->fid);
        else
            x->finding.mendable = x->finding.kind != WARD_FINDING_DATABASE && x->finding.kind != WARD_FINDING_RECEIPT && (!f || !f->parent);
        any |= x->finding.mendable;
        sound &= x->finding.mendable || (x->finding.kind != WARD_FINDING_DATABASE && x->finding.kind != WARD_FINDING_LOG);
    }
    for (size_t i = 0; !sound && i < d->damage_count; i++)
        d->damage[i].finding.mendable = false;
    return sound && any;
}

static int keep_copy(struct doctor *d, struct ward_error *err)
{
    char path[WARD_HOME_PATH], name[64];
    unsigned n = 1;
    do
        snprintf(name, sizeof name, "before-doctor-%u.db", n++);
    while (is_there(d, name));
    path_of(d, path, name);
    int rc = ward_store_backup(d->r->store, path, err);
    if (!rc)
        snprintf(d->result.kept, sizeof d->result.kept, "%s", name);
    return rc;
}

static int end_feed(struct doctor *d, uint32_t fid, uint64_t seq, struct ward_error *err)
{
    struct ward_hash hash;
    uint64_t depth;
    int rc = ward_chain_at(d->r, fid, seq, &hash, &depth, err);
    if (rc)
        return rc;
    struct ward_feed *f = ward_directory_feed(&d->r->dir, fid);
    f->head_seq = seq;
    f->head_hash = hash;
    f->head_depth = depth;
    f->dirty = true;
    return WARD_OK;
}

/* Where the log of each feed ends. */
static int settle_heads(struct doctor *d, struct ward_error *err)
{
    uint64_t *ends = ward_alloc(d->env, (d->r->dir.feed_count + 1) * sizeof *ends);
    struct ward_segment seg = {0};
    bool got = true;
    int rc = ends ? WARD_OK : ward_fail(err, WARD_ERR_MEMORY, "doctor");
    for (size_t i = 0; !rc && i < d->r->dir.feed_count; i++)
        ends[i + 1] = d->r->dir.feeds[i].base;
    while (!rc && got) {
        rc = ward_store_next_segment(d->r->store, seg.seg, true, &seg, &got, err);
        if (!rc && got && seg.fid <= d->r->dir.feed_count)
            ends[seg.fid] = seg.first + seg.count - 1;
    }
    for (uint32_t fid = 1; !rc && fid <= d->r->dir.feed_count; fid++)
        if (!ward_directory_feed(&d->r->dir, fid)->parent)
            rc = end_feed(d, fid, ends[fid], err);
    ward_release(d->env, ends);
    return rc;
}

static int make_anew(struct doctor *d, struct ward_error *err)
{
    struct ward_apply a;
    bool changed;
    int rc = ward_apply_begin(&a, d->r, err);
    if (rc)
        return rc;
    for (size_t i = 0; !rc && i < d->damage_count; i++)
        if (d->damage[i].finding.kind == WARD_FINDING_LOG)
            rc = ward_store_end_feed(d->r->store, d->damage[i].fid, d->damage[i].finding.seq - 1, NULL, err);
    ward_chain_forget(d->r);
    if (!rc && has(d, WARD_FINDING_AUTHORITY))
        rc = ward_authority_renew(&a, &changed, err);
    if (!rc)
        rc = settle_heads(d, err);
    if (!rc)
        rc = ward_store_plain_renew(d->r->store, err);
    for (uint32_t sid = 1; !rc && sid <= d->r->dir.space_count; sid++)
        rc = ward_apply_replay(&a, sid, err);
    return ward_apply_end(&a, rc, err);
}

/* What cannot be mended is no measure of what has been. */
static void count_left(void *ctx, const struct ward_bad *bad)
{
    *(size_t *)ctx += bad->part != WARD_PART_RECEIPT;
}

static int mend_database(struct doctor *d, struct ward_error *err)
{
    struct ward_verify_result again;
    size_t left = 0;
    int rc = has(d, WARD_FINDING_LOG) ? keep_copy(d, err) : WARD_OK;
    if (!rc)
        rc = make_anew(d, err);
    if (!rc)
        rc = ward_verify(d->r, true, count_left, &left, NULL, &again, err);
    for (size_t i = 0; !rc && i < d->damage_count; i++)
        d->damage[i].finding.mended = d->damage[i].finding.mendable && left == 0;
    return rc;
}

static void tell_database(struct doctor *d, int code, const char *what)
{
    tell(d, &(struct ward_finding){.kind = WARD_FINDING_DATABASE, .code = code, .what = what});
}

static bool is_damage(int code)
{
    return code == WARD_ERR_CORRUPT || code == WARD_ERR_NOT_A_REPLICA || code == WARD_ERR_NEWER || code == WARD_ERR_STORE;
}

static int look_inside(struct doctor *d, struct ward_error *err)
{
    struct ward_verify_result checked;
    struct ward_error why = {0};
    int rc = open_database(d, d->hindered, &why);
    if (!rc)
        rc = ward_verify(d->r, true, on_bad, d, NULL, &checked, &why);
    drop_what_follows(d);
    if (!rc && d->damage_count && judge(d) && d->mend && !d->hindered) {
        rc = mend_database(d, &why);
        if (rc && !is_damage(rc) && err)
            *err = why;
    }
    for (size_t i = 0; i < d->damage_count; i++) {
        d->damage[i].finding.what = d->damage[i].what;
        tell(d, &d->damage[i].finding);
    }
    if (is_damage(rc)) {
        if (!d->damage_count)
            tell_database(d, rc, why.detail);
        return WARD_OK;
    }
    if (rc && err)
        *err = why;
    return rc;
}

/* ---- all of it */

static int examine(struct doctor *d, struct ward_error *err)
{
    struct ward_error why = {0};
    bool home;
    if (ward_link_check(&why))
        tell(d, &(struct ward_finding){.kind = WARD_FINDING_LIBRARY, .code = why.code, .what = why.detail});
    int rc = ward_dir_check_local(d->home, err);
    if (rc)
        return rc;
    look_at_files(d);
    rc = look_at_beginning(d, &home, err);
    if (rc || !home)
        return rc;
    look_at_key(d, WARD_DEVICE_KEY, true);
    look_at_key(d, ROOT_KEY, false);
    look_at_lock(d);
    if (!is_there(d, WARD_STORE_NAME)) /* a restore that was cut off, and is not to be ended now */
        return WARD_OK;
    rc = look_inside(d, err);
    return !rc && d->no_memory ? ward_fail(err, WARD_ERR_MEMORY, "doctor") : rc;
}

int ward_doctor(const char *home, bool mend, const struct ward_options *options, ward_finding_fn *fn, void *ctx,
                struct ward_doctor_result *out, struct ward_error *err)
{
    int rc = ward_crypto_start(err);
    if (!rc)
        rc = ward_schema_check(options ? options->schema : NULL, err);
    if (rc)
        return rc;
    ward_replica *r = ward_replica_new(home, options, err);
    if (!r)
        return err ? err->code : WARD_ERR_MEMORY;
    struct doctor d = {.mend = mend, .options = options, .env = &r->env, .fn = fn, .ctx = ctx, .r = r};
    memcpy(d.home, r->home, sizeof d.home);
    rc = ward_dir_exists(home) ? examine(&d, err) : ward_fail(err, WARD_ERR_HOME_MISSING, "%s", home);
    ward_release(d.env, d.damage);
    ward_close(r);
    if (!rc)
        *out = d.result;
    return rc;
}
