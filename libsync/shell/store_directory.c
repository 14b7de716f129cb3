/* store_directory.c - spaces, feeds, grants and cuts: written row by row, loaded whole. */
#include "base/alloc.h"
#include "base/err.h"
#include "base/limits.h"
#include "shell/store_sql.h"
#include "values/cbor.h"
#include "values/feed.h"
#include "values/hash.h"

#include <string.h>

static int corrupt(struct ward_error *err, const char *what)
{
    return ward_fail(err, WARD_ERR_CORRUPT, "%s: a row does not make sense", what);
}

/* Steps through a statement, giving each row to fn. */
static int each_row(struct ward_store *s, sqlite3_stmt *st, int (*fn)(void *, sqlite3_stmt *, struct ward_error *), void *ctx,
                    struct ward_error *err)
{
    int rc, code = WARD_OK;
    while (!code && (rc = sqlite3_step(st)) == SQLITE_ROW)
        code = fn(ctx, st, err);
    if (!code && rc != SQLITE_DONE)
        code = store_fail(s, rc, err, "read");
    sqlite3_reset(st);
    return code;
}

static int load_space(void *ctx, sqlite3_stmt *st, struct ward_error *err)
{
    struct ward_directory *d = ctx;
    struct ward_hash id, digest;
    size_t bytes = (size_t)sqlite3_column_bytes(st, 2), units = bytes / WARD_ID_BYTES;
    struct ward_id circle[WARD_CIRCLE_MAX];
    if (!column_exact(st, 1, id.b, sizeof id.b) || !column_exact(st, 3, digest.b, sizeof digest.b) || bytes % WARD_ID_BYTES ||
        units > WARD_CIRCLE_MAX)
        return corrupt(err, "space");
    if (units)
        memcpy(circle, sqlite3_column_blob(st, 2), bytes);
    uint32_t sid = (uint32_t)sqlite3_column_int64(st, 0);
    int rc = ward_directory_add_space(d, sid, &id, circle, units);
    if (rc)
        return ward_fail(err, rc, "space %u", (unsigned)sid);
    struct ward_space *space = ward_directory_space(d, sid);
    space->digest = digest;
    space->changes = (uint64_t)sqlite3_column_int64(st, 4);
    return WARD_OK;
}

static int load_feed(void *ctx, sqlite3_stmt *st, struct ward_error *err)
{
    struct ward_feed f = {.fid = (uint32_t)sqlite3_column_int64(st, 0),
                          .sid = (uint32_t)sqlite3_column_int64(st, 1),
                          .role = (enum ward_role)sqlite3_column_int(st, 5),
                          .head_seq = (uint64_t)sqlite3_column_int64(st, 6),
                          .head_depth = (uint64_t)sqlite3_column_int64(st, 8),
                          .parent = (uint32_t)sqlite3_column_int64(st, 10),
                          .base = (uint64_t)sqlite3_column_int64(st, 11),
                          .limit = UINT64_MAX};
    if (!column_exact(st, 2, f.id.b, sizeof f.id.b) || !column_exact(st, 3, f.grant.b, sizeof f.grant.b) ||
        !column_exact(st, 4, f.unit.b, sizeof f.unit.b) || !column_exact(st, 7, f.head_hash.b, sizeof f.head_hash.b))
        return corrupt(err, "feed");
    if ((f.parent || f.base) && !column_exact(st, 12, f.base_hash.b, sizeof f.base_hash.b))
        return corrupt(err, "branch");
    f.gone = f.parent && !f.head_seq;
    int rc = ward_directory_add_feed(ctx, &f);
    return rc ? ward_fail(err, rc, "feed %u", (unsigned)f.fid) : WARD_OK;
}

static int load_grant(void *ctx, sqlite3_stmt *st, struct ward_error *err)
{
    struct ward_grant g;
    if (ward_grant_read(&g, sqlite3_column_blob(st, 3), (size_t)sqlite3_column_bytes(st, 3), NULL) != WARD_OK)
        return corrupt(err, "grant");
    int rc = ward_directory_add_grant(ctx, &g, (uint32_t)sqlite3_column_int64(st, 1), (uint64_t)sqlite3_column_int64(st, 2));
    return rc ? ward_fail(err, rc, "grant") : WARD_OK;
}

static int load_cut(void *ctx, sqlite3_stmt *st, struct ward_error *err)
{
    struct ward_directory *d = ctx;
    struct ward_cut cut = {.fid = (uint32_t)sqlite3_column_int64(st, 1),
                           .seq = (uint64_t)sqlite3_column_int64(st, 2),
                           .depth = (uint64_t)sqlite3_column_int64(st, 3)};
    const struct ward_feed *f = ward_directory_feed(d, cut.fid);
    size_t bytes = (size_t)sqlite3_column_bytes(st, 4), count = 0, cap = bytes / 64 + 1;
    if (!f || !column_exact(st, 0, cut.grant_entity.b, sizeof cut.grant_entity.b))
        return corrupt(err, "cut");
    cut.rank = ward_role_rules(f->role)->rank;
    cut.author_feed = f->id;
    cut.author_grant = f->grant;
    struct ward_cut_entry *entries = ward_alloc(d->env, cap * sizeof *entries);
    if (!entries)
        return ward_fail(err, WARD_ERR_MEMORY, "cut");
    int rc = ward_cut_parse(entries, cap, &count, sqlite3_column_blob(st, 4), bytes);
    if (!rc)
        rc = ward_directory_add_cut(d, &cut, entries, count);
    ward_release(d->env, entries);
    return rc ? ward_fail(err, rc, "cut") : WARD_OK;
}

static int load_floor(void *ctx, sqlite3_stmt *st, struct ward_error *err)
{
    struct ward_directory *d = ctx;
    struct ward_id space;
    struct ward_hash name;
    const void *body = sqlite3_column_blob(st, 4);
    size_t bytes = (size_t)sqlite3_column_bytes(st, 4), count = 0, cap = bytes / 64 + 1;
    if (!column_exact(st, 3, space.b, sizeof space.b))
        return corrupt(err, "floor");
    struct ward_floor_entry *entries = ward_alloc(d->env, cap * sizeof *entries);
    if (!entries)
        return ward_fail(err, WARD_ERR_MEMORY, "floor");
    int rc = ward_floor_parse(entries, cap, &count, body, bytes);
    if (!rc) {
        ward_floor_name(&name, body, bytes);
        rc = ward_directory_add_floor(d, &space, &name, entries, count);
    }
    ward_release(d->env, entries);
    return !rc ? WARD_OK : rc == WARD_ERR_MEMORY ? ward_fail(err, rc, "floor") : corrupt(err, "floor");
}

static int load_closing(void *ctx, sqlite3_stmt *st, struct ward_error *err)
{
    struct ward_directory *d = ctx;
    struct ward_closing c = {.fid = (uint32_t)sqlite3_column_int64(st, 0),
                             .seq = (uint64_t)sqlite3_column_int64(st, 1),
                             .nth = (uint32_t)sqlite3_column_int64(st, 2),
                             .depth = (uint64_t)sqlite3_column_int64(st, 5)};
    const struct ward_feed *f = ward_directory_feed(d, c.fid);
    if (!f || !column_exact(st, 3, c.space.b, sizeof c.space.b) || !column_exact(st, 4, c.name.b, sizeof c.name.b))
        return corrupt(err, "floor");
    c.rank = ward_role_rules(f->role)->rank;
    c.author_feed = f->id;
    int rc = ward_directory_add_closing(d, &c);
    return rc ? ward_fail(err, rc, "floor") : WARD_OK;
}

static int load_floor_or_closing(void *ctx, sqlite3_stmt *st, struct ward_error *err)
{
    return sqlite3_column_int(st, 6) ? load_closing(ctx, st, err) : load_floor(ctx, st, err);
}

static int load_floors(struct ward_store *s, struct ward_directory *d, struct ward_error *err)
{
    if (s->format < 3)
        return WARD_OK;
    sqlite3_stmt *st = store_stmt(s, SQL_FLOORS, err);
    return st ? each_row(s, st, load_floor_or_closing, d, err) : s->code;
}

static int load_grants(struct ward_store *s, struct ward_directory *d, struct ward_error *err)
{
    sqlite3_stmt *st = store_stmt(s, SQL_GRANTS, err);
    struct ward_buf root;
    struct ward_grant g;
    ward_buf_init(&root, s->env);
    int rc = ward_store_meta_get(s, "root", &root, err);
    if (!rc && root.len == 32) {
        ward_grant_of_root(&g, &d->ward, root.p);
        rc = ward_directory_add_grant(d, &g, 0, 0);
        if (rc)
            ward_fail(err, rc, "grant");
    }
    ward_buf_free(&root);
    return rc ? rc : st ? each_row(s, st, load_grant, d, err) : s->code;
}

int ward_store_load(struct ward_store *s, struct ward_directory *d, struct ward_error *err)
{
    sqlite3_stmt *spaces = store_stmt(s, SQL_SPACES, err), *feeds = store_stmt(s, s->format < 2 ? SQL_FEEDS_1 : SQL_FEEDS, err),
                 *cuts = store_stmt(s, SQL_CUTS, err);
    if (!spaces || !feeds || !cuts)
        return s->code;
    int rc = each_row(s, spaces, load_space, d, err);
    if (!rc)
        rc = each_row(s, feeds, load_feed, d, err);
    if (!rc)
        rc = load_grants(s, d, err);
    if (!rc)
        rc = each_row(s, cuts, load_cut, d, err);
    if (!rc)
        rc = load_floors(s, d, err);
    if (!rc)
        rc = store_load_published(s, d, err);
    if (!rc)
        rc = store_load_lacks(s, d, err);
    if (rc)
        return rc;
    ward_directory_judge(d);
    for (size_t i = 0; i < d->feed_count; i++)
        d->feeds[i].applied_limit = d->feeds[i].limit;
    return WARD_OK;
}

int ward_store_put_space(struct ward_store *s, const struct ward_space *space, struct ward_error *err)
{
    sqlite3_stmt *st = store_stmt(s, SQL_SPACE_PUT, err);
    if (!st)
        return s->code;
    sqlite3_bind_int64(st, 1, space->sid);
    bind_hash(st, 2, &space->id);
    sqlite3_bind_blob(st, 3, space->circle_count ? (const void *)space->circle : "", (int)(space->circle_count * WARD_ID_BYTES),
                      SQLITE_STATIC);
    bind_hash(st, 4, &space->digest);
    sqlite3_bind_int64(st, 5, (sqlite3_int64)space->changes);
    return store_run(s, st, err);
}

static void bind_base(sqlite3_stmt *st, int i, const struct ward_feed *f)
{
    bool has = f->base || f->parent;
    sqlite3_bind_int64(st, i, f->parent);
    sqlite3_bind_int64(st, i + 1, (sqlite3_int64)f->base);
    sqlite3_bind_blob(st, i + 2, has ? (const void *)f->base_hash.b : "", has ? WARD_HASH_BYTES : 0, SQLITE_STATIC);
}

static void bind_head(struct ward_store *s, sqlite3_stmt *st, int i, const struct ward_feed *f)
{
    sqlite3_bind_int64(st, i, (sqlite3_int64)f->head_seq);
    bind_hash(st, i + 1, &f->head_hash);
    sqlite3_bind_int64(st, i + 2, (sqlite3_int64)f->head_depth);
    sqlite3_bind_blob(st, i + 3, s->scratch.p, (int)s->scratch.len, SQLITE_STATIC); /* the version vector, encoded */
}

/* A feed that is there and begins where it did. */
static int move_feed(struct ward_store *s, const struct ward_feed *f, bool *moved, struct ward_error *err)
{
    sqlite3_stmt *st = store_stmt(s, SQL_FEED_MOVE, err);
    if (!st)
        return s->code;
    sqlite3_bind_int64(st, 1, f->fid);
    bind_head(s, st, 2, f);
    bind_base(st, 6, f);
    int rc = store_run(s, st, err);
    *moved = !rc && sqlite3_changes(s->db) == 1;
    return rc;
}

int ward_store_put_feed(struct ward_store *s, const struct ward_feed *f, struct ward_error *err)
{
    bool moved = false;
    ward_buf_clear(&s->scratch);
    ward_vv_encode(&s->scratch, &f->vv);
    if (ward_buf_status(&s->scratch))
        return ward_fail(err, WARD_ERR_MEMORY, "feed");
    int rc = move_feed(s, f, &moved, err);
    if (rc || moved)
        return rc;
    sqlite3_stmt *st = store_stmt(s, SQL_FEED_PUT, err);
    if (!st)
        return s->code;
    sqlite3_bind_int64(st, 1, f->fid);
    sqlite3_bind_int64(st, 2, f->sid);
    bind_hash(st, 3, &f->id);
    bind_hash(st, 4, &f->grant);
    bind_id(st, 5, &f->unit);
    sqlite3_bind_int(st, 6, (int)f->role);
    bind_head(s, st, 7, f);
    bind_base(st, 11, f);
    return store_run(s, st, err);
}

int ward_store_load_vv(struct ward_store *s, struct ward_feed *f, struct ward_error *err)
{
    if (f->vv_loaded)
        return WARD_OK;
    sqlite3_stmt *st = store_stmt(s, SQL_FEED_VV, err);
    if (!st)
        return s->code;
    sqlite3_bind_int64(st, 1, f->fid);
    int rc = sqlite3_step(st), code = WARD_OK;
    if (rc == SQLITE_ROW)
        code = ward_vv_decode(&f->vv, s->env, sqlite3_column_blob(st, 0), (size_t)sqlite3_column_bytes(st, 0));
    else if (rc != SQLITE_DONE)
        code = store_fail(s, rc, err, "feed");
    sqlite3_reset(st);
    if (code)
        return ward_fail(err, code, "feed %u", (unsigned)f->fid);
    f->vv_loaded = true;
    return WARD_OK;
}

int ward_store_add_grant(struct ward_store *s, const struct ward_hash *id, const void *body, size_t len, uint32_t fid, uint64_t seq,
                         struct ward_error *err)
{
    sqlite3_stmt *st = store_stmt(s, SQL_GRANT_ADD, err);
    if (!st)
        return s->code;
    bind_hash(st, 1, id);
    sqlite3_bind_int64(st, 2, fid);
    sqlite3_bind_int64(st, 3, (sqlite3_int64)seq);
    sqlite3_bind_blob(st, 4, body, (int)len, SQLITE_STATIC);
    return store_run(s, st, err);
}

int ward_store_put_cut(struct ward_store *s, const struct ward_cut *cut, const void *body, size_t len, struct ward_error *err)
{
    sqlite3_stmt *st = store_stmt(s, SQL_CUT_PUT, err);
    if (!st)
        return s->code;
    bind_id(st, 1, &cut->grant_entity);
    sqlite3_bind_int64(st, 2, cut->fid);
    sqlite3_bind_int64(st, 3, (sqlite3_int64)cut->seq);
    sqlite3_bind_int64(st, 4, (sqlite3_int64)cut->depth);
    sqlite3_bind_blob(st, 5, body, (int)len, SQLITE_STATIC);
    return store_run(s, st, err);
}

static int hash_row(void *ctx, sqlite3_stmt *st, struct ward_error *err)
{
    (void)err;
    for (int i = 0; i < sqlite3_column_count(st); i++) {
        int64_t number = sqlite3_column_int64(st, i), len = sqlite3_column_bytes(st, i);
        bool blob = sqlite3_column_type(st, i) == SQLITE_BLOB;
        ward_hash_add(ctx, blob ? &len : &number, sizeof number);
        if (blob)
            ward_hash_add(ctx, sqlite3_column_blob(st, i), (size_t)len);
    }
    return WARD_OK;
}

int ward_store_hash_authority(struct ward_store *s, struct ward_hash *out, struct ward_error *err)
{
    static const enum sql tables[] = {SQL_GRANTS, SQL_CUTS, SQL_FLOORS}; /* the last is new in format 3 */
    const size_t count = s->format < 3 ? 2 : 3;
    ward_hasher h;
    int rc = WARD_OK;
    ward_hash_begin(&h, "authority");
    for (size_t i = 0; !rc && i < count; i++) {
        sqlite3_stmt *st = store_stmt(s, tables[i], err);
        rc = st ? each_row(s, st, hash_row, &h, err) : s->code;
        ward_hash_add(&h, &i, sizeof i);
    }
    ward_hash_end(&h, out);
    return rc;
}

int ward_store_put_floor(struct ward_store *s, const struct ward_store_floor *row, struct ward_error *err)
{
    sqlite3_stmt *st = store_stmt(s, SQL_FLOOR_PUT, err);
    if (!st)
        return s->code;
    sqlite3_bind_int64(st, 1, row->fid);
    sqlite3_bind_int64(st, 2, (sqlite3_int64)row->seq);
    sqlite3_bind_int64(st, 3, row->nth);
    bind_id(st, 4, &row->space);
    sqlite3_bind_blob(st, 5, row->body, (int)row->len, SQLITE_STATIC);
    sqlite3_bind_int64(st, 6, (sqlite3_int64)row->depth);
    sqlite3_bind_int(st, 7, row->closes);
    return store_run(s, st, err);
}
