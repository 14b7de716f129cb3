/* store_peer.c - what was last known of other devices: hints for people and for bundles. */
#include "base/alloc.h"
#include "base/err.h"
#include "shell/store_sql.h"

#include <stdio.h>
#include <string.h>

int ward_store_put_peer(struct ward_store *s, const struct ward_store_peer *p, struct ward_error *err)
{
    sqlite3_stmt *st = store_stmt(s, SQL_PEER_PUT, err);
    if (!st)
        return s->code;
    ward_buf_clear(&s->scratch);
    ward_vv_encode(&s->scratch, &p->have);
    if (ward_buf_status(&s->scratch))
        return ward_fail(err, WARD_ERR_MEMORY, "peer");
    bind_hash(st, 1, &p->grant);
    sqlite3_bind_int64(st, 2, p->last_contact_ms);
    sqlite3_bind_int64(st, 3, p->clock_offset_ms);
    sqlite3_bind_text(st, 4, p->address, -1, SQLITE_STATIC);
    sqlite3_bind_blob(st, 5, s->scratch.p, (int)s->scratch.len, SQLITE_STATIC);
    return store_run(s, st, err);
}

static int read_peer(struct ward_store *s, sqlite3_stmt *st, struct ward_store_peer *p, struct ward_error *err)
{
    *p = (struct ward_store_peer){.last_contact_ms = sqlite3_column_int64(st, 1), .clock_offset_ms = sqlite3_column_int64(st, 2)};
    if (!column_exact(st, 0, p->grant.b, sizeof p->grant.b))
        return ward_fail(err, WARD_ERR_CORRUPT, "peer");
    snprintf(p->address, sizeof p->address, "%s", (const char *)sqlite3_column_text(st, 3));
    int rc = ward_vv_decode(&p->have, s->env, sqlite3_column_blob(st, 4), (size_t)sqlite3_column_bytes(st, 4));
    if (rc)
        ward_vv_free(&p->have, s->env);
    return rc == WARD_ERR_MEMORY ? ward_fail(err, rc, "peer") : WARD_OK; /* a hint that makes no sense is none: nothing is known */
}

int ward_store_get_peer(struct ward_store *s, const struct ward_hash *grant, struct ward_store_peer *out, struct ward_error *err)
{
    sqlite3_stmt *st = store_stmt(s, SQL_PEER_GET, err);
    if (!st)
        return s->code;
    bind_hash(st, 1, grant);
    int rc = sqlite3_step(st);
    int code = rc == SQLITE_ROW    ? read_peer(s, st, out, err)
               : rc == SQLITE_DONE ? ward_fail(err, WARD_ERR_NOT_FOUND, "peer")
                                   : store_fail(s, rc, err, "peer");
    sqlite3_reset(st);
    return code;
}

int ward_store_each_peer(struct ward_store *s, ward_store_peer_fn *fn, void *ctx, struct ward_error *err)
{
    sqlite3_stmt *st = store_stmt(s, SQL_PEERS, err);
    if (!st)
        return s->code;
    int rc, code = WARD_OK;
    while (!code && (rc = sqlite3_step(st)) == SQLITE_ROW) {
        struct ward_store_peer p;
        code = read_peer(s, st, &p, err);
        if (!code) {
            code = fn(ctx, &p);
            ward_vv_free(&p.have, s->env);
        }
    }
    if (!code && rc != SQLITE_DONE)
        code = store_fail(s, rc, err, "peers");
    sqlite3_reset(st);
    return code;
}

struct holders {
    struct ward_store *s;
    struct ward_store_peer *v; /* with what they hold */
    size_t count, cap;
    uint32_t fid;
    uint64_t upto;
};

static int add_holder(void *ctx, const struct ward_store_peer *p)
{
    struct holders *h = ctx;
    if (ward_vv_get(&p->have, h->fid) <= h->upto)
        return WARD_OK;
    if (ward_grow(h->s->env, (void **)&h->v, &h->cap, h->count, sizeof *h->v))
        return WARD_ERR_MEMORY;
    h->v[h->count] = *p;
    h->v[h->count].have = (struct ward_vv){0};
    return ward_vv_copy(&h->v[h->count++].have, h->s->env, &p->have);
}

int ward_store_forget_held(struct ward_store *s, uint32_t fid, uint64_t upto, struct ward_error *err)
{
    struct holders h = {.s = s, .fid = fid, .upto = upto};
    int rc = ward_store_each_peer(s, add_holder, &h, err);
    if (rc == WARD_ERR_MEMORY)
        ward_fail(err, rc, "peers");
    for (size_t i = 0; !rc && i < h.count; i++) {
        ward_vv_lower(&h.v[i].have, fid, upto);
        rc = ward_store_put_peer(s, &h.v[i], err);
    }
    for (size_t i = 0; i < h.count; i++)
        ward_vv_free(&h.v[i].have, s->env);
    ward_release(s->env, h.v);
    return rc;
}
