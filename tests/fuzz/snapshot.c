/* [head, number, bodies]: the head of a snapshot, and unpacked bodies for one of its parts. What reads says all that its bytes say: written
 * anew it gives the same head; and the same bodies, where none goes on in another though it had room. */
#include "rules/snapshot.h"
#include "fuzz.h"

#define SIGNATURE ((const uint8_t *)"0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef")

static void put_feed(struct ward_buf *b, struct ward_cbor *feeds, size_t feed_count)
{
    struct ward_snapshot_feed f;
    struct ward_hash grant = {{0}};
    uint64_t before = 0;
    ward_snapshot_next_feed(feeds, &f);
    CHECK(f.depth >= f.seq && f.seen_count <= feed_count && (f.seq || !f.sealed));
    memcpy(grant.b, f.grant8, sizeof f.grant8);
    ward_snapshot_put_feed(b, &grant, f.seq, &f.hash, f.depth, f.sealed ? f.seal : NULL, f.seen_count);
    for (size_t i = 0; i < f.seen_count; i++) {
        uint32_t feed;
        uint64_t seq;
        ward_snapshot_next_seen(&f.seen, &feed, &seq);
        CHECK(feed < feed_count && seq > 0 && (i == 0 || feed > before));
        before = feed;
        ward_snapshot_put_seen(b, feed, seq);
    }
}

static void put_part(struct ward_buf *b, const struct ward_snapshot_head *h, size_t number)
{
    static struct ward_lag lags[WARD_RUN_CHANGES_MAX];
    struct ward_snapshot_part p;
    uint64_t count = 0;
    ward_snapshot_part(h, number, &p);
    CHECK(p.feed < h->feed_count && p.last > p.after && p.count > 0 && p.count <= WARD_RUN_CHANGES_MAX && p.lag_count <= p.count);
    for (size_t i = 0; i < p.lag_count; i++) {
        CHECK(ward_cbor_uint(&p.lags, &lags[i].lag, INT64_MAX) && ward_cbor_uint(&p.lags, &lags[i].count, WARD_RUN_CHANGES_MAX));
        count += lags[i].count;
    }
    CHECK(count == p.count);
    ward_snapshot_put_part(b, p.feed, p.last, lags, p.lag_count, &p.hash);
}

static void check_head(const struct ward_snapshot_head *h)
{
    struct ward_buf b;
    struct ward_hash maker;
    struct ward_cbor feeds = h->feeds;
    memcpy(maker.b, h->maker, sizeof maker.b);
    ward_buf_init(&b, &fuzz_env);
    ward_snapshot_put_begin(&b, h->circle, h->circle_count, &maker, h->feed_count);
    for (size_t i = 0; i < h->feed_count; i++)
        put_feed(&b, &feeds, h->feed_count);
    ward_snapshot_put_parts(&b, h->part_count);
    for (size_t i = 1; i <= h->part_count && i <= 40; i++) /* each is looked for from the front */
        put_part(&b, h, i);
    if (h->part_count <= 40)
        CHECK(fuzz_same(b.p, b.len, h->raw, h->raw_len));
    ward_buf_free(&b);
}

/* ---- bodies */

#define VALUES_MAX 8192

struct values {
    struct ward_snapshot_value v[VALUES_MAX];
    size_t count;
};
static struct values first, second;

static int gather(void *ctx, const struct ward_snapshot_value *v)
{
    struct values *x = ctx;
    if (x->count == VALUES_MAX)
        return WARD_ERR_CANCELLED;
    x->v[x->count++] = *v;
    return WARD_OK;
}

struct walk {
    size_t at;
    uint64_t seq;
};

static int follow(void *ctx, uint64_t seq, int64_t wall_ms)
{
    struct walk *w = ctx;
    CHECK(seq > w->seq);
    w->seq = seq;
    CHECK(w->at < first.count && first.v[w->at].seq == seq && first.v[w->at].wall_ms == wall_ms);
    while (w->at < first.count && first.v[w->at].seq == seq)
        w->at++;
    return WARD_OK;
}

static void compare_values(void)
{
    CHECK(first.count == second.count);
    for (size_t i = 0; i < first.count; i++) {
        const struct ward_snapshot_value *a = &first.v[i], *b = &second.v[i];
        CHECK(ward_snapshot_compare_places(a, b) == 0 && a->seq == b->seq && a->depth == b->depth && a->wall_ms == b->wall_ms);
        CHECK(fuzz_same(a->raw, a->raw_len, b->raw, b->raw_len));
    }
}

/* Written anew: as bodies, and what a head says of them. */
static void write_again(const struct ward_snapshot_part *part, const uint8_t *p, size_t len, struct ward_scratch *scratch)
{
    static struct ward_op ops[WARD_OPS_MAX];
    static struct ward_lag lags[WARD_RUN_CHANGES_MAX];
    struct ward_snapshot_head h;
    struct ward_snapshot_part again;
    struct ward_buf bodies, head;
    size_t n = 0;
    uint32_t count = 0;
    const struct ward_hash any = {{1}};
    const struct ward_id unit = {{1}};
    ward_buf_init(&bodies, &fuzz_env);
    ward_buf_init(&head, &fuzz_env);
    for (size_t from = 0, to; from < first.count; from = to) {
        const struct ward_snapshot_value *v = &first.v[from];
        for (to = from; to < first.count && first.v[to].seq == v->seq;)
            to++;
        uint32_t more = ward_snapshot_put_change(&bodies, v, to - from, ops);
        n += n == 0 || lags[n - 1].lag != v->depth - v->seq;
        if (lags[n - 1].lag != v->depth - v->seq || count == 0)
            lags[n - 1] = (struct ward_lag){v->depth - v->seq, 0};
        lags[n - 1].count += more;
        count += more;
    }
    CHECK(count <= part->count);
    if (count == part->count)
        CHECK(fuzz_same(bodies.p, bodies.len, p, len));
    ward_snapshot_put_begin(&head, &unit, 1, &any, 1);
    ward_snapshot_put_feed(&head, &any, part->last, &any, part->last, NULL, 0);
    ward_snapshot_put_parts(&head, 1);
    ward_snapshot_put_part(&head, 0, part->last, lags, n, &any);
    CHECK(ward_snapshot_head_parse(&h, head.p, head.len, SIGNATURE, NULL) == WARD_OK);
    ward_snapshot_part(&h, 1, &again);
    CHECK(ward_snapshot_part_check(&again, bodies.p, bodies.len, scratch, NULL) == WARD_OK);
    second.count = 0;
    CHECK(ward_snapshot_each_value(&again, bodies.p, bodies.len, scratch, gather, &second) == WARD_OK);
    compare_values();
    ward_buf_free(&bodies);
    ward_buf_free(&head);
}

static void check_part(const struct ward_snapshot_head *h, uint64_t number, const uint8_t *p, size_t len)
{
    static struct ward_scratch scratch;
    struct ward_snapshot_part part;
    struct walk w = {0};
    if (!scratch.env)
        ward_scratch_init(&scratch, &fuzz_env);
    ward_snapshot_part(h, (size_t)number, &part);
    int rc = ward_snapshot_part_check(&part, p, len, &scratch, NULL);
    CHECK(rc == WARD_OK || (rc >= 200 && rc < 300) || rc == WARD_ERR_DEP_ORDER);
    if (rc)
        return;
    first.count = 0;
    if (ward_snapshot_each_value(&part, p, len, &scratch, gather, &first))
        return;
    CHECK(first.count > 0 && first.v[0].seq > part.after && first.v[first.count - 1].seq == part.last);
    CHECK(ward_snapshot_each_change(&part, p, len, follow, &w) == WARD_OK && w.at == first.count);
    write_again(&part, p, len, &scratch);
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t len)
{
    struct ward_cbor c;
    struct ward_snapshot_head h;
    const uint8_t *head, *bodies;
    size_t head_len, bodies_len;
    uint64_t number;
    ward_cbor_init(&c, p, len);
    if (!ward_cbor_array_exact(&c, 3) || !ward_cbor_bytes(&c, &head, &head_len) || !ward_cbor_uint(&c, &number, WARD_PARTS_MAX) ||
        !ward_cbor_bytes(&c, &bodies, &bodies_len))
        return 0;
    int rc = ward_snapshot_head_parse(&h, head, head_len, SIGNATURE, NULL);
    CHECK(rc == WARD_OK || (rc >= 200 && rc < 300));
    if (rc)
        return 0;
    CHECK(h.part_count <= WARD_PARTS_MAX && h.circle_count >= 1 && h.circle_count <= WARD_CIRCLE_MAX);
    check_head(&h);
    if (number >= 1 && number <= h.part_count)
        check_part(&h, number, bodies, bodies_len);
    return 0;
}
