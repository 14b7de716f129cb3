/* pen.h - runs written by hand with a device's own key, well formed or not: what a hostile or broken peer might send. After replicas.h. */
#ifndef WARD_TEST_PEN_H
#define WARD_TEST_PEN_H

#include "replicas.h"
#include "values/feed.h"
#include "values/seal.h"

struct pen {
    struct world *w;
    size_t who;
    struct ward_hash space, feed, head; /* head: the hash of the last change written */
    uint64_t first, seq;                /* the run's first change; the last one written */
    struct ward_buf bodies;
    uint8_t sig[WARD_SEAL_BYTES];
};

static inline void pen_start(struct pen *p, uint64_t first)
{
    p->first = first;
    p->seq = first - 1;
    ward_buf_clear(&p->bodies);
}

/* At the beginning of the device's feed in the space. */
static inline void pen_new(struct pen *p, struct world *w, size_t who, const struct ward_hash *space)
{
    *p = (struct pen){.w = w, .who = who, .space = *space};
    ward_buf_init(&p->bodies, &w->d[who].outside.env);
    ward_name_feed(&p->feed, &w->d[who].r->ward, space, &w->d[who].grant);
    p->head = p->feed;
    pen_start(p, 1);
}

static inline void pen_free(struct pen *p)
{
    ward_buf_free(&p->bodies);
}

/* Goes on behind what it has written: the next run. */
static inline void pen_next(struct pen *p)
{
    pen_start(p, p->seq + 1);
}

static inline void pen_write(struct pen *p, uint64_t depth, const struct ward_dep *deps, size_t dep_count, const struct ward_op *ops,
                             size_t op_count)
{
    size_t at = p->bodies.len;
    ward_change_write(&p->bodies, 1750000000000, depth, deps, dep_count, ops, op_count);
    assert_int_equal(ward_buf_status(&p->bodies), WARD_OK);
    p->seq++;
    ward_chain(&p->head, p->seq, &p->head, p->bodies.p + at, p->bodies.len - at);
}

/* One change that says `text` about the item. */
static inline void pen_say(struct pen *p, uint64_t depth, const struct ward_dep *deps, size_t dep_count, const char *text)
{
    uint8_t raw[64] = {(uint8_t)(0x60 + strlen(text))};
    assert_true(strlen(text) < 24);
    memcpy(raw + 1, text, strlen(text));
    const struct ward_op op = {.kind = KIND_ITEM, .entity = unit_id('#'), .field = NOTE, .raw = raw, .raw_len = 1 + strlen(text)};
    pen_write(p, depth, deps, dep_count, &op, 1);
}

static inline void pen_seal(struct pen *p)
{
    ward_seal_make(p->sig, &p->feed, p->seq, &p->head, &p->w->d[p->who].r->keys->sign);
}

static inline struct ward_run pen_run(const struct pen *p)
{
    return (struct ward_run){.space8 = p->space.b,
                             .grant8 = p->w->d[p->who].grant.b,
                             .first = p->first,
                             .count = (uint32_t)(p->seq - p->first + 1),
                             .codec = WARD_CODEC_RAW,
                             .data = p->bodies.p,
                             .len = p->bodies.len,
                             .sig = p->sig};
}

/* The run, in a transaction of its own. A refusal ends it in order, as in a session; anything else rolls it back. */
static inline int take_run(struct world *w, size_t to, const struct ward_run *run, struct ward_ingested *in)
{
    struct ward_apply a;
    w->err = (struct ward_error){0};
    int rc = ward_apply_begin(&a, w->d[to].r, &w->err);
    if (rc)
        return rc;
    rc = ward_ingest_run(&a, run, in, &w->err);
    int end = ward_apply_end(&a, ward_is_refusal(rc) ? WARD_OK : rc, ward_is_refusal(rc) ? NULL : &w->err);
    return rc ? rc : end;
}

static inline int pen_send(struct pen *p, size_t to, struct ward_ingested *in)
{
    const struct ward_run run = pen_run(p);
    return take_run(p->w, to, &run, in);
}

#endif
