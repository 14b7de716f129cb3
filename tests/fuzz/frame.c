/* A frame that parses says all that its bytes say: written anew from the parsed message it gives the same bytes. */
#include "rules/frame.h"
#include "base/limits.h"
#include "fuzz.h"
#include "values/feed.h"

static void put_begun(struct ward_buf *b, const struct ward_message *m)
{
    CHECK(m->begun.len < WARD_FRAME_MAX);
    if (m->begun.len == 0)
        return;
    ward_put_uint(b, m->begun.len);
    ward_put_bytes(b, m->begun.hash8, 8);
}

static void put_hello(struct ward_buf *b, const struct ward_message *m)
{
    CHECK(m->hello.window >= 1 && m->hello.window <= WARD_WINDOW_MAX);
    ward_frame_begin(b, m->type, m->begun.len ? 9 : 7);
    ward_put_uint(b, m->hello.protocol);
    ward_put_bytes(b, m->hello.ward4, 4);
    ward_put_bytes(b, m->hello.common8, 8);
    ward_put_bytes(b, m->hello.base8, m->hello.base8 ? 8 : 0);
    ward_put_uint(b, (uint64_t)m->hello.wall_ms / 1000);
    ward_put_uint(b, m->hello.window);
    ward_put_bytes(b, m->hello.buckets, m->hello.buckets ? WARD_BUCKETS * WARD_BUCKET_BYTES : 0);
    put_begun(b, m);
}

static void put_agree(struct ward_buf *b, const struct ward_message *m)
{
    CHECK(m->agree.window >= 1 && m->agree.window <= WARD_WINDOW_MAX && m->agree.how <= WARD_AGREE_BASE);
    ward_frame_begin(b, m->type, m->begun.len ? 5 : 3);
    ward_put_uint(b, m->agree.how);
    ward_put_int(b, m->agree.clock_s);
    ward_put_uint(b, m->agree.window);
    put_begun(b, m);
}

static struct ward_hash long_form(const uint8_t *short8)
{
    struct ward_hash h = {{0}};
    memcpy(h.b, short8, 8);
    return h;
}

static void put_spaces(struct ward_buf *b, struct ward_message *m)
{
    CHECK(m->count <= WARD_SPACES_MAX);
    ward_frame_spaces(b, m->count);
    for (size_t i = 0; i < m->count; i++) {
        struct ward_space_entry e;
        ward_frame_next_space(m, &e);
        struct ward_hash space = long_form(e.space8), digest = long_form(e.digest8);
        ward_frame_space(b, &space, &digest);
    }
}

static void put_feeds(struct ward_buf *b, struct ward_heads_entry *h, bool bundle)
{
    ward_put_array(b, h->feed_count);
    for (size_t i = 0; i < h->feed_count; i++) {
        struct ward_feed_entry e;
        ward_frame_next_feed(h, bundle, &e);
        CHECK(e.seq >= 1);
        ward_put_array(b, bundle ? 4 : 3);
        ward_put_bytes(b, e.grant8, 8);
        if (bundle)
            ward_put_uint(b, e.base);
        ward_put_uint(b, e.seq);
        ward_put_bytes(b, e.hash8, 8);
    }
}

static void put_heads(struct ward_buf *b, struct ward_message *m)
{
    struct ward_id storage[WARD_CIRCLE_MAX];
    ward_put_array(b, m->count);
    for (size_t i = 0; i < m->count; i++) {
        struct ward_heads_entry h;
        ward_frame_next_heads(m, &h, storage);
        ward_put_array(b, 2);
        if (h.space8)
            ward_put_bytes(b, h.space8, 8);
        else
            ward_put_circle(b, h.circle, h.circle_count);
        CHECK(h.space8 || ward_circle_sorted(h.circle, h.circle_count));
        put_feeds(b, &h, m->type == WARD_MSG_BUNDLE);
    }
}

static void put_ack(struct ward_buf *b, struct ward_message *m)
{
    uint64_t refused[WARD_WINDOW_MAX][2];
    CHECK(m->count <= WARD_WINDOW_MAX);
    for (size_t i = 0; i < m->count; i++)
        ward_frame_next_refusal(m, &refused[i][0], &refused[i][1]);
    ward_frame_ack(b, m->acked, (const uint64_t(*)[2])refused, m->count);
}

static void put_receipt(struct ward_buf *b, struct ward_message *m)
{
    CHECK(m->count >= 1 && m->count <= WARD_RECEIPT_HEADS_MAX);
    ward_frame_receipt(b, m->receipt.wall_ms, m->count);
    for (size_t i = 0; i < m->count; i++) {
        struct ward_receipt_entry e;
        struct ward_hash hash;
        ward_frame_next_receipt(m, &e);
        memcpy(hash.b, e.hash, sizeof hash.b);
        struct ward_hash space = long_form(e.space8);
        ward_frame_receipt_entry(b, &space, e.seq, &hash);
    }
    ward_frame_receipt_end(b, m->receipt.signature);
}

static void put_circle(struct ward_buf *b, struct ward_message *m)
{
    struct ward_id storage[WARD_CIRCLE_MAX];
    CHECK(m->count <= WARD_CIRCLE_MAX);
    ward_frame_circle_units(m, storage);
    ward_frame_begin(b, m->type, 1);
    ward_put_circle(b, storage, m->count);
}

static void put_branch(struct ward_buf *b, struct ward_message *m)
{
    struct ward_sample samples[WARD_BRANCH_SAMPLES];
    struct ward_hash space = long_form(m->branch.space8), grant = long_form(m->branch.grant8);
    CHECK(m->count <= WARD_BRANCH_SAMPLES);
    for (size_t i = 0; i < m->count; i++)
        ward_frame_next_sample(m, &samples[i]);
    ward_frame_branch(b, &space, &grant, samples, m->count);
}

static void put_bundle(struct ward_buf *b, struct ward_message *m)
{
    ward_frame_begin(b, m->type, 6);
    ward_put_bytes(b, m->bundle.ward, 32);
    ward_put_bytes(b, m->bundle.grant, 32);
    ward_put_uint(b, (uint64_t)m->bundle.wall_ms);
    if (m->bundle.addressee)
        ward_put_bytes(b, m->bundle.addressee, m->bundle.addressee_len);
    else
        ward_put_null(b);
    put_heads(b, m);
    ward_put_uint(b, m->bundle.runs);
}

static void put_texts(struct ward_buf *b, const struct ward_message *m)
{
    char *text = fuzz_text(m->text, m->text_len);
    if (m->type == WARD_MSG_ERROR)
        ward_frame_error(b, (int)m->error, text);
    else
        ward_frame_join(b, text, m->join.sign_pk, m->join.link_pk, m->join.signature);
    free(text);
}

static void put_request(struct ward_buf *b, const struct ward_message *m)
{
    ward_frame_begin(b, m->type, 8);
    ward_put_bytes(b, m->request.ward, 32);
    ward_put_uint(b, m->request.by_grant);
    ward_put_bytes(b, m->request.from, 32);
    ward_put_text(b, (const char *)m->text, m->text_len);
    ward_put_bytes(b, m->request.sign_pk, 32);
    ward_put_bytes(b, m->request.link_pk, 32);
    ward_put_bytes(b, m->request.signature, 64);
    ward_put_bytes(b, m->request.voucher, 64);
}

static void put_want(struct ward_buf *b, struct ward_message *m)
{
    CHECK(m->count <= WARD_SPACES_MAX);
    ward_frame_want(b, m->states, m->count);
    for (size_t i = 0; i < m->count; i++) {
        const uint8_t *space8;
        ward_frame_next_wanted(m, &space8);
        ward_put_bytes(b, space8, 8);
    }
}

static void put_part(struct ward_buf *b, const struct ward_message *m)
{
    struct ward_hash space = long_form(m->part.space8);
    ward_frame_part(b, &space, m->part.number, m->part.codec, m->part.data, m->part.len);
}

static void put(struct ward_buf *b, struct ward_message *m)
{
    switch (m->type) {
    case WARD_MSG_HELLO:
        put_hello(b, m);
        break;
    case WARD_MSG_SPACES:
        put_spaces(b, m);
        break;
    case WARD_MSG_HEADS:
        ward_frame_begin(b, m->type, 2);
        put_heads(b, m);
        ward_put_bool(b, m->last);
        break;
    case WARD_MSG_RUN:
        ward_frame_run(b, &m->run);
        break;
    case WARD_MSG_ACK:
        put_ack(b, m);
        break;
    case WARD_MSG_CIRCLE:
        put_circle(b, m);
        break;
    case WARD_MSG_BRANCH:
        put_branch(b, m);
        break;
    case WARD_MSG_RECEIPT:
        put_receipt(b, m);
        break;
    case WARD_MSG_AGREE:
        put_agree(b, m);
        break;
    case WARD_MSG_TAKEN:
        ward_frame_taken(b, m->acked, m->receipt.wall_ms, m->receipt.signature);
        break;
    case WARD_MSG_WANT:
        put_want(b, m);
        break;
    case WARD_MSG_SNAPSHOT:
        ward_frame_snapshot(b, m->snapshot.raw, m->snapshot.len, m->snapshot.signature);
        break;
    case WARD_MSG_PART:
        put_part(b, m);
        break;
    case WARD_MSG_PIECE:
        CHECK(m->piece.at + m->piece.len + m->piece.left <= WARD_FRAME_MAX && m->piece.len > 0);
        ward_frame_piece(b, m->piece.at, m->piece.left, m->piece.data, m->piece.len);
        break;
    case WARD_MSG_GOT:
        ward_frame_got(b, m->acked);
        break;
    case WARD_MSG_ERROR:
    case WARD_MSG_JOIN:
        put_texts(b, m);
        break;
    case WARD_MSG_JOINED:
        ward_frame_joined(b, m->joined.root_pk, m->joined.grant, m->joined.grant_len);
        break;
    case WARD_MSG_REQUEST:
        put_request(b, m);
        break;
    case WARD_MSG_BUNDLE:
        put_bundle(b, m);
        break;
    case WARD_MSG_BUNDLE_END:
        ward_frame_begin(b, m->type, 2);
        ward_put_bytes(b, m->end.hash, 32);
        ward_put_bytes(b, m->end.signature, 64);
        break;
    case WARD_MSG_DONE:
        ward_frame_done(b, m->wants);
        break;
    case WARD_MSG_BYE:
    case WARD_MSG_PING:
    case WARD_MSG_ASK:
        ward_frame_simple(b, m->type);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t len)
{
    struct ward_message m;
    struct ward_error err = {0};
    struct ward_buf out;
    int rc = ward_frame_parse(&m, p, len, &err);
    if (rc) {
        CHECK(rc == err.code && err.detail[0]);
        return 0;
    }
    CHECK(len <= WARD_FRAME_MAX);
    if (m.type == WARD_MSG_HELLO && m.hello.protocol != WARD_PROTOCOL) /* the rest is not read */
        return 0;
    ward_buf_init(&out, &fuzz_env);
    put(&out, &m);
    CHECK(fuzz_same(out.p, out.len, p, len));
    ward_buf_free(&out);
    return 0;
}
