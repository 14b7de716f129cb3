/* Frames: each type there and back, every truncation of it refused, and the refusals that no vector shows. proto/session.md. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "../vectors.h"
#include "base/limits.h"
#include "rules/frame.h"
#include "rules/snapshot.h"

static const uint8_t bytes[64] = {1, 2, 3, 4, 5, 6, 7, 8, 9};
static const struct ward_hash low = {{1}}, high = {{2}};

static int parse(struct ward_message *m, const void *p, size_t len)
{
    return ward_frame_parse(m, p, len, NULL);
}

static void build(struct ward_buf *b, enum ward_message_type type)
{
    const struct ward_id circle[] = {{{1}}, {{2}}};
    const uint64_t refused[][2] = {{3, 301}, {4, 404}};
    ward_buf_init(b, &vectors_env);
    switch (type) {
    case WARD_MSG_HELLO:
        ward_frame_hello(b, &low, &high, bytes, 1750000000000, bytes, NULL);
        break;
    case WARD_MSG_SPACES:
        ward_frame_spaces(b, 2);
        ward_frame_space(b, &low, &high);
        ward_frame_space(b, &high, &low);
        break;
    case WARD_MSG_HEADS:
        ward_frame_begin(b, type, 2);
        ward_put_array(b, 2);
        ward_put_array(b, 2);
        ward_put_bytes(b, low.b, 8);
        ward_put_array(b, 1);
        ward_put_array(b, 3);
        ward_put_bytes(b, high.b, 8);
        ward_put_uint(b, 300);
        ward_put_bytes(b, low.b, 8);
        ward_put_array(b, 2);
        ward_put_circle(b, circle, 2);
        ward_put_array(b, 0);
        ward_put_bool(b, true);
        break;
    case WARD_MSG_RUN: {
        const struct ward_run run = {
            .space8 = low.b, .grant8 = high.b, .first = 7, .count = 3, .codec = WARD_CODEC_ZSTD, .data = bytes, .len = 40, .sig = bytes};
        ward_frame_run(b, &run);
        break;
    }
    case WARD_MSG_ACK:
        ward_frame_ack(b, 4, refused, 2);
        break;
    case WARD_MSG_RECEIPT:
        ward_frame_receipt(b, 1750000000000, 2);
        ward_frame_receipt_entry(b, &low, 300, &high);
        ward_frame_receipt_entry(b, &high, 1, &low);
        ward_frame_receipt_end(b, bytes);
        break;
    case WARD_MSG_AGREE:
        ward_frame_agree(b, WARD_AGREE_AHEAD, -700, NULL);
        break;
    case WARD_MSG_TAKEN:
        ward_frame_taken(b, 4, 300, bytes);
        break;
    case WARD_MSG_DONE:
        ward_frame_done(b, 300);
        break;
    case WARD_MSG_WANT:
        ward_frame_want(b, true, 2);
        ward_put_bytes(b, low.b, 8);
        ward_put_bytes(b, high.b, 8);
        break;
    case WARD_MSG_PIECE:
        ward_frame_piece(b, 2400, 300, bytes, 40);
        break;
    case WARD_MSG_GOT:
        ward_frame_got(b, 300);
        break;
    case WARD_MSG_PART:
        ward_frame_part(b, &low, 3, WARD_CODEC_ZSTD, bytes, 40);
        break;
    case WARD_MSG_SNAPSHOT: {
        struct ward_buf head;
        ward_buf_init(&head, &vectors_env);
        ward_snapshot_put_begin(&head, circle, 2, &high, 1);
        ward_snapshot_put_feed(&head, &low, 7, &high, 9, bytes, 1);
        ward_snapshot_put_seen(&head, 0, 3);
        ward_snapshot_put_parts(&head, 1);
        ward_snapshot_put_part(&head, 0, 7, &(struct ward_lag){2, 5}, 1, &low);
        ward_frame_snapshot(b, head.p, head.len, bytes);
        ward_buf_free(&head);
        break;
    }
    case WARD_MSG_ERROR:
        ward_frame_error(b, 504, "phòng");
        break;
    case WARD_MSG_JOIN:
        ward_frame_join(b, "tablet", bytes, bytes, bytes);
        break;
    case WARD_MSG_JOINED:
        ward_frame_joined(b, bytes, bytes, 30);
        break;
    case WARD_MSG_REQUEST:
        ward_frame_begin(b, type, 8);
        ward_put_bytes(b, low.b, 32);
        ward_put_uint(b, 1);
        ward_put_bytes(b, high.b, 32);
        ward_put_text(b, "tablet", 6);
        ward_put_bytes(b, bytes, 32);
        ward_put_bytes(b, bytes, 32);
        ward_put_bytes(b, bytes, 64);
        ward_put_bytes(b, bytes, 64);
        break;
    case WARD_MSG_BUNDLE:
        ward_frame_begin(b, type, 6);
        ward_put_bytes(b, low.b, 32);
        ward_put_bytes(b, high.b, 32);
        ward_put_uint(b, 1);
        ward_put_bytes(b, bytes, 16);
        ward_put_array(b, 1);
        ward_put_array(b, 2);
        ward_put_circle(b, circle, 1);
        ward_put_array(b, 1);
        ward_put_array(b, 4);
        ward_put_bytes(b, high.b, 8);
        ward_put_uint(b, 2);
        ward_put_uint(b, 9);
        ward_put_bytes(b, low.b, 8);
        ward_put_uint(b, 5);
        break;
    case WARD_MSG_BUNDLE_END:
        ward_frame_begin(b, type, 2);
        ward_put_bytes(b, low.b, 32);
        ward_put_bytes(b, bytes, 64);
        break;
    case WARD_MSG_CIRCLE:
        ward_frame_begin(b, type, 1);
        ward_put_circle(b, (const struct ward_id *)bytes, 1);
        break;
    case WARD_MSG_BRANCH: {
        struct ward_sample samples[] = {{9, "ninth.."}, {2, "second."}, {9, "ninth.."}, {9, "another"}};
        ward_frame_branch(b, &low, &high, samples, 4);
        break;
    }
    default:
        ward_frame_simple(b, type);
    }
    assert_int_equal(ward_buf_status(b), WARD_OK);
}

static const enum ward_message_type types[] = {WARD_MSG_HELLO,   WARD_MSG_SPACES,   WARD_MSG_HEADS,  WARD_MSG_RUN,        WARD_MSG_ACK,
                                               WARD_MSG_DONE,    WARD_MSG_ERROR,    WARD_MSG_BYE,    WARD_MSG_PING,       WARD_MSG_CIRCLE,
                                               WARD_MSG_RECEIPT, WARD_MSG_ASK,      WARD_MSG_AGREE,  WARD_MSG_TAKEN,      WARD_MSG_JOIN,
                                               WARD_MSG_JOINED,  WARD_MSG_REQUEST,  WARD_MSG_BUNDLE, WARD_MSG_BUNDLE_END, WARD_MSG_BRANCH,
                                               WARD_MSG_WANT,    WARD_MSG_SNAPSHOT, WARD_MSG_PART,   WARD_MSG_PIECE,      WARD_MSG_GOT};
#define TYPES (sizeof types / sizeof types[0])

static void every_truncation(void **state)
{
    (void)state;
    for (size_t i = 0; i < TYPES; i++) {
        struct ward_buf b;
        struct ward_message m;
        build(&b, types[i]);
        assert_int_equal(parse(&m, b.p, b.len), WARD_OK);
        assert_int_equal(m.type, types[i]);
        for (size_t n = 0; n < b.len; n++) {
            uint8_t *cut = malloc(n ? n : 1);
            assert_non_null(cut);
            memcpy(cut, b.p, n);
            int rc = parse(&m, cut, n);
            if (rc != WARD_ERR_TRUNCATED)
                print_error("type %u cut to %zu of %zu: %d\n", (unsigned)types[i], n, b.len, rc);
            assert_int_equal(rc, WARD_ERR_TRUNCATED);
            free(cut);
        }
        ward_buf_add(&b, bytes, 1);
        assert_int_equal(parse(&m, b.p, b.len), WARD_ERR_TRAILING);
        b.len--;
        b.p[1] = 2; /* another version is never guessed at */
        assert_int_equal(parse(&m, b.p, b.len), WARD_ERR_VERSION);
        b.p[1] = 1;
        b.p[0]++; /* the byte behind it now is a member too many */
        assert_int_equal(parse(&m, b.p, b.len + 1), WARD_ERR_TYPE);
        ward_buf_free(&b);
    }
}

/* Where the items of a value begin and end, at every depth. */
struct items {
    size_t start[64], end[64], count;
};

static void list_items(struct ward_cbor *c, struct items *out)
{
    enum ward_type type;
    struct ward_value v;
    const uint8_t *raw;
    size_t len, at = out->count++;
    assert_true(at < 64);
    out->start[at] = c->pos;
    assert_true(ward_cbor_peek(c, &type));
    if (type == WARD_ARRAY) {
        assert_true(ward_cbor_array(c, &len));
        while (len--)
            list_items(c, out);
    } else {
        assert_true(ward_cbor_value(c, &v, &raw, &len));
    }
    out->end[at] = c->pos;
}

/* Each item of each frame, at every depth, with an item of another type in its place: refused, and nothing is read past it. */
static void every_item_of_another_type(void **state)
{
    size_t tried = 0;
    (void)state;
    for (size_t i = 0; i < TYPES; i++) {
        struct ward_buf b;
        struct ward_cbor c;
        struct items items = {.count = 0};
        build(&b, types[i]);
        ward_cbor_init(&c, b.p, b.len);
        list_items(&c, &items);
        for (size_t j = 0; j < items.count; j++) {
            static const uint8_t null[] = {0xf6};
            struct ward_buf wrong;
            struct ward_message m = {.type = (enum ward_message_type)99};
            ward_buf_init(&wrong, &vectors_env);
            ward_buf_add(&wrong, b.p, items.start[j]);
            ward_buf_add(&wrong, null, 1);
            ward_buf_add(&wrong, b.p + items.end[j], b.len - items.end[j]);
            bool addressee = types[i] == WARD_MSG_BUNDLE && items.start[j] == 4 + 34 + 34 + 1; /* null there: to anyone */
            int rc = parse(&m, wrong.p, wrong.len);
            if (rc != (addressee ? WARD_OK : WARD_ERR_TYPE))
                print_error("type %u, byte %zu: %d\n", (unsigned)types[i], items.start[j], rc);
            assert_int_equal(rc, addressee ? WARD_OK : WARD_ERR_TYPE);
            assert_int_equal(m.type, addressee ? WARD_MSG_BUNDLE : 99);
            ward_buf_free(&wrong);
            tried++;
        }
        ward_buf_free(&b);
    }
    assert_true(tried > 100);
}

/* What has begun to come stands at the end of hello and agree, and nothing there where nothing has. */
static void what_has_begun_to_come(void **state)
{
    const struct ward_begun some = {300, "hash.of"}, none = {0};
    (void)state;
    for (int kind = 0; kind < 2; kind++)
        for (int i = 0; i < 3; i++) {
            const struct ward_begun *begun = i == 0 ? &some : i == 1 ? &none : NULL;
            struct ward_message m;
            struct ward_buf b;
            ward_buf_init(&b, &vectors_env);
            if (kind)
                ward_frame_hello(&b, &low, &high, NULL, 1750000000000, NULL, begun);
            else
                ward_frame_agree(&b, WARD_AGREE_BASE, 3, begun);
            assert_int_equal(parse(&m, b.p, b.len), WARD_OK);
            assert_int_equal(m.begun.len, i == 0 ? 300 : 0);
            assert_memory_equal(m.begun.hash8, i == 0 ? some.hash8 : none.hash8, 8);
            ward_buf_free(&b);
        }
}

static void contents(void **state)
{
    struct ward_buf b;
    struct ward_message m;
    struct ward_space_entry space;
    struct ward_heads_entry heads;
    struct ward_feed_entry feed;
    static struct ward_id storage[WARD_CIRCLE_MAX];
    uint64_t i, error;
    (void)state;

    build(&b, WARD_MSG_HELLO);
    assert_int_equal(parse(&m, b.p, b.len), WARD_OK);
    assert_int_equal(m.hello.protocol, WARD_PROTOCOL);
    assert_memory_equal(m.hello.ward4, low.b, 4);
    assert_memory_equal(m.hello.common8, high.b, 8);
    assert_memory_equal(m.hello.base8, bytes, 8);
    assert_int_equal(m.hello.wall_ms, 1750000000000);
    assert_int_equal(m.hello.window, WARD_WINDOW);
    assert_memory_equal(m.hello.buckets, bytes, WARD_BUCKETS * WARD_BUCKET_BYTES);
    ward_buf_free(&b);

    build(&b, WARD_MSG_SPACES);
    assert_int_equal(parse(&m, b.p, b.len), WARD_OK);
    assert_int_equal(m.count, 2);
    ward_frame_next_space(&m, &space);
    assert_memory_equal(space.space8, low.b, 8);
    assert_memory_equal(space.digest8, high.b, 8);
    ward_frame_next_space(&m, &space);
    assert_memory_equal(space.space8, high.b, 8);
    ward_buf_free(&b);

    build(&b, WARD_MSG_HEADS);
    assert_int_equal(parse(&m, b.p, b.len), WARD_OK);
    assert_int_equal(m.count, 2);
    assert_true(m.last);
    ward_frame_next_heads(&m, &heads, storage);
    assert_memory_equal(heads.space8, low.b, 8);
    assert_int_equal(heads.feed_count, 1);
    ward_frame_next_feed(&heads, false, &feed);
    assert_memory_equal(feed.grant8, high.b, 8);
    assert_int_equal(feed.seq, 300);
    ward_frame_next_heads(&m, &heads, storage);
    assert_null(heads.space8);
    assert_int_equal(heads.circle_count, 2);
    assert_int_equal(heads.circle[1].b[0], 2);
    assert_int_equal(heads.feed_count, 0);
    ward_buf_free(&b);

    build(&b, WARD_MSG_RUN);
    assert_int_equal(parse(&m, b.p, b.len), WARD_OK);
    assert_int_equal(m.run.first, 7);
    assert_int_equal(m.run.count, 3);
    assert_int_equal(m.run.codec, WARD_CODEC_ZSTD);
    assert_int_equal(m.run.len, 40);
    assert_memory_equal(m.run.data, bytes, 40);
    assert_memory_equal(m.run.sig, bytes, 64);
    ward_buf_free(&b);

    build(&b, WARD_MSG_ACK);
    assert_int_equal(parse(&m, b.p, b.len), WARD_OK);
    assert_int_equal(m.acked, 4);
    assert_int_equal(m.count, 2);
    ward_frame_next_refusal(&m, &i, &error);
    assert_int_equal(i, 3);
    assert_int_equal(error, 301);
    ward_frame_next_refusal(&m, &i, &error);
    assert_int_equal(error, 404);
    ward_buf_free(&b);

    build(&b, WARD_MSG_RECEIPT);
    struct ward_receipt_entry receipt;
    assert_int_equal(parse(&m, b.p, b.len), WARD_OK);
    assert_int_equal(m.receipt.wall_ms, 1750000000000);
    assert_int_equal(m.count, 2);
    assert_memory_equal(m.receipt.signature, bytes, 64);
    ward_frame_next_receipt(&m, &receipt);
    assert_memory_equal(receipt.space8, low.b, 8);
    assert_int_equal(receipt.seq, 300);
    assert_memory_equal(receipt.hash, high.b, 32);
    ward_frame_next_receipt(&m, &receipt);
    assert_memory_equal(receipt.space8, high.b, 8);
    ward_buf_free(&b);

    build(&b, WARD_MSG_BRANCH);
    struct ward_sample sample;
    assert_int_equal(parse(&m, b.p, b.len), WARD_OK);
    assert_memory_equal(m.branch.space8, low.b, 8);
    assert_memory_equal(m.branch.grant8, high.b, 8);
    assert_int_equal(m.count, 3); /* in order, each once */
    ward_frame_next_sample(&m, &sample);
    assert_int_equal(sample.seq, 2);
    ward_frame_next_sample(&m, &sample);
    assert_int_equal(sample.seq, 9);
    assert_memory_equal(sample.hash8, "another", 8);
    ward_buf_free(&b);

    build(&b, WARD_MSG_AGREE);
    assert_int_equal(parse(&m, b.p, b.len), WARD_OK);
    assert_int_equal(m.agree.how, WARD_AGREE_AHEAD);
    assert_int_equal(m.agree.clock_s, -700);
    assert_int_equal(m.agree.window, WARD_WINDOW);
    ward_buf_free(&b);

    build(&b, WARD_MSG_TAKEN);
    assert_int_equal(parse(&m, b.p, b.len), WARD_OK);
    assert_int_equal(m.acked, 4);
    assert_int_equal(m.receipt.wall_ms, 300);
    assert_memory_equal(m.receipt.signature, bytes, 64);
    ward_buf_free(&b);

    build(&b, WARD_MSG_BUNDLE);
    assert_int_equal(parse(&m, b.p, b.len), WARD_OK);
    assert_int_equal(m.bundle.addressee_len, 16);
    assert_int_equal(m.bundle.runs, 5);
    ward_frame_next_heads(&m, &heads, storage);
    ward_frame_next_feed(&heads, true, &feed);
    assert_int_equal(feed.base, 2);
    assert_int_equal(feed.seq, 9);
    ward_buf_free(&b);
}

/* Small frames by hand, where one member is out of line. */
static int hello_with(uint64_t window, uint64_t wall)
{
    struct ward_buf b;
    struct ward_message m;
    ward_buf_init(&b, &vectors_env);
    ward_frame_begin(&b, WARD_MSG_HELLO, 7);
    ward_put_uint(&b, WARD_PROTOCOL);
    ward_put_bytes(&b, bytes, 4);
    ward_put_bytes(&b, bytes, 8);
    ward_put_bytes(&b, NULL, 0);
    ward_put_uint(&b, wall);
    ward_put_uint(&b, window);
    ward_put_bytes(&b, NULL, 0);
    int rc = parse(&m, b.p, b.len);
    ward_buf_free(&b);
    return rc;
}

static int spaces_with(size_t count, bool twice)
{
    struct ward_buf b;
    struct ward_message m;
    ward_buf_init(&b, &vectors_env);
    ward_frame_spaces(&b, count);
    for (size_t i = 0; i < count; i++) {
        size_t n = twice ? 0 : i;
        const struct ward_hash id = {{(uint8_t)(n >> 8), (uint8_t)n}};
        ward_frame_space(&b, &id, &id);
    }
    int rc = parse(&m, b.p, b.len);
    ward_buf_free(&b);
    return rc;
}

static int branch_with(size_t count, uint64_t from, bool descending)
{
    struct ward_buf b;
    struct ward_message m;
    ward_buf_init(&b, &vectors_env);
    ward_frame_begin(&b, WARD_MSG_BRANCH, 3);
    ward_put_bytes(&b, bytes, 8);
    ward_put_bytes(&b, bytes, 8);
    ward_put_array(&b, count);
    for (size_t i = 0; i < count; i++) {
        ward_put_array(&b, 2);
        ward_put_uint(&b, descending ? from + count - i : from + i);
        ward_put_bytes(&b, bytes, 8);
    }
    int rc = parse(&m, b.p, b.len);
    ward_buf_free(&b);
    return rc;
}

static int circle_with(size_t count, bool descending)
{
    struct ward_buf b;
    struct ward_message m;
    static struct ward_id circle[WARD_CIRCLE_MAX + 1];
    for (size_t i = 0; i < count; i++) {
        size_t n = descending ? count - i : i;
        circle[i] = (struct ward_id){{(uint8_t)(n >> 8), (uint8_t)n}};
    }
    ward_buf_init(&b, &vectors_env);
    ward_frame_begin(&b, WARD_MSG_HEADS, 2);
    ward_put_array(&b, 1);
    ward_put_array(&b, 2);
    ward_put_circle(&b, circle, count);
    ward_put_array(&b, 0);
    ward_put_bool(&b, false);
    int rc = parse(&m, b.p, b.len);
    ward_buf_free(&b);
    return rc;
}

static int ack_with(size_t count)
{
    static const uint64_t refused[WARD_WINDOW_MAX + 1][2] = {{1, 301}};
    struct ward_buf b;
    struct ward_message m;
    ward_buf_init(&b, &vectors_env);
    ward_frame_ack(&b, 20, refused, count);
    int rc = parse(&m, b.p, b.len);
    ward_buf_free(&b);
    return rc;
}

static int receipt_with(uint64_t wall, size_t count, uint64_t seq, bool twice)
{
    struct ward_buf b;
    struct ward_message m;
    ward_buf_init(&b, &vectors_env);
    ward_frame_begin(&b, WARD_MSG_RECEIPT, 3);
    ward_put_uint(&b, wall);
    ward_put_array(&b, count);
    for (size_t i = 0; i < count; i++) {
        const struct ward_hash space = {{twice ? 0 : (uint8_t)i}};
        ward_frame_receipt_entry(&b, &space, seq, &low);
    }
    ward_frame_receipt_end(&b, bytes);
    int rc = parse(&m, b.p, b.len);
    ward_buf_free(&b);
    return rc;
}

static int run_with(uint64_t first, uint32_t count)
{
    const struct ward_run run = {.space8 = bytes, .grant8 = bytes, .first = first, .count = count, .data = bytes, .len = 1, .sig = bytes};
    struct ward_buf b;
    struct ward_message m;
    ward_buf_init(&b, &vectors_env);
    ward_frame_run(&b, &run);
    int rc = parse(&m, b.p, b.len);
    ward_buf_free(&b);
    return rc;
}

static int run_frame_of(size_t size)
{
    uint8_t *data = calloc(1, size);
    struct ward_run run = {.space8 = bytes, .grant8 = bytes, .first = 1, .count = 1, .data = data, .sig = bytes};
    struct ward_buf b;
    struct ward_message m;
    assert_non_null(data);
    run.len = size - 96;
    ward_buf_init(&b, &vectors_env);
    ward_frame_run(&b, &run);
    run.len -= b.len - size;
    ward_buf_clear(&b);
    ward_frame_run(&b, &run);
    assert_int_equal(b.len, size);
    int rc = parse(&m, b.p, b.len);
    ward_buf_free(&b);
    free(data);
    return rc;
}

static int join_with(size_t name)
{
    char text[WARD_NAME_MAX + 2];
    struct ward_buf b;
    struct ward_message m;
    memset(text, 'n', sizeof text);
    text[name] = 0;
    ward_buf_init(&b, &vectors_env);
    ward_frame_join(&b, text, bytes, bytes, bytes);
    int rc = parse(&m, b.p, b.len);
    ward_buf_free(&b);
    return rc;
}

#define AS_TEXT SIZE_MAX

/* A bundle's head: whom it is for, in so many bytes or as a text, and one feed from `base` to `seq`. */
static int bundle_with(size_t addressee, bool named_short, uint64_t base, uint64_t seq)
{
    struct ward_buf b;
    struct ward_message m;
    ward_buf_init(&b, &vectors_env);
    ward_frame_begin(&b, WARD_MSG_BUNDLE, 6);
    ward_put_bytes(&b, low.b, 32);
    ward_put_bytes(&b, high.b, 32);
    ward_put_uint(&b, 1);
    if (addressee == AS_TEXT)
        ward_put_text(&b, "sixteen letters!", 16);
    else
        ward_put_bytes(&b, bytes, addressee);
    ward_put_array(&b, 1);
    ward_put_array(&b, 2);
    if (named_short)
        ward_put_bytes(&b, low.b, 8);
    else
        ward_put_circle(&b, (const struct ward_id *)bytes, 1);
    ward_put_array(&b, 1);
    ward_put_array(&b, 4);
    ward_put_bytes(&b, high.b, 8);
    ward_put_uint(&b, base);
    ward_put_uint(&b, seq);
    ward_put_bytes(&b, low.b, 8);
    ward_put_uint(&b, 5);
    int rc = parse(&m, b.p, b.len);
    ward_buf_free(&b);
    return rc;
}

static int heads_with(uint64_t seq, bool twice)
{
    struct ward_buf b;
    struct ward_message m;
    ward_buf_init(&b, &vectors_env);
    ward_frame_begin(&b, WARD_MSG_HEADS, 2);
    ward_put_array(&b, 1);
    ward_put_array(&b, 2);
    ward_put_bytes(&b, low.b, 8);
    ward_put_array(&b, 2);
    for (size_t i = 0; i < 2; i++) {
        ward_put_array(&b, 3);
        ward_put_bytes(&b, i && !twice ? high.b : low.b, 8);
        ward_put_uint(&b, seq);
        ward_put_bytes(&b, low.b, 8);
    }
    ward_put_bool(&b, true);
    int rc = parse(&m, b.p, b.len);
    ward_buf_free(&b);
    return rc;
}

static void limits_and_refusals(void **state)
{
    (void)state;
    assert_int_equal(hello_with(1, 0), WARD_OK);
    assert_int_equal(hello_with(16, WARD_WALL_MS_MAX / 1000), WARD_OK);
    assert_int_equal(hello_with(0, 0), WARD_ERR_RANGE);
    assert_int_equal(hello_with(17, 0), WARD_ERR_RANGE);
    assert_int_equal(hello_with(4, (uint64_t)WARD_WALL_MS_MAX / 1000 + 1), WARD_ERR_RANGE);
    assert_int_equal(spaces_with(0, false), WARD_OK);
    assert_int_equal(spaces_with(4096, false), WARD_OK);
    assert_int_equal(spaces_with(4097, false), WARD_ERR_LIMIT_SPACES);
    assert_int_equal(spaces_with(2, true), WARD_ERR_ORDER);
    assert_int_equal(branch_with(0, 1, false), WARD_OK);
    assert_int_equal(branch_with(WARD_BRANCH_SAMPLES, 1, false), WARD_OK);
    assert_int_equal(branch_with(WARD_BRANCH_SAMPLES + 1, 1, false), WARD_ERR_RANGE);
    assert_int_equal(branch_with(1, 0, false), WARD_ERR_RANGE);
    assert_int_equal(branch_with(2, 1, true), WARD_ERR_ORDER);
    assert_int_equal(circle_with(256, false), WARD_OK);
    assert_int_equal(circle_with(257, false), WARD_ERR_LIMIT_CIRCLE);
    assert_int_equal(circle_with(2, true), WARD_ERR_ORDER);
    assert_int_equal(ack_with(16), WARD_OK);
    assert_int_equal(ack_with(17), WARD_ERR_RANGE);
    assert_int_equal(receipt_with(0, 1, 1, false), WARD_OK);
    assert_int_equal(receipt_with(WARD_WALL_MS_MAX, WARD_RECEIPT_HEADS_MAX, INT64_MAX, false), WARD_OK);
    assert_int_equal(receipt_with((uint64_t)WARD_WALL_MS_MAX + 1, 1, 1, false), WARD_ERR_RANGE);
    assert_int_equal(receipt_with(0, 0, 1, false), WARD_ERR_RANGE);
    assert_int_equal(receipt_with(0, WARD_RECEIPT_HEADS_MAX + 1, 1, false), WARD_ERR_RANGE);
    assert_int_equal(receipt_with(0, 1, 0, false), WARD_ERR_RANGE);
    assert_int_equal(receipt_with(0, 1, (uint64_t)INT64_MAX + 1, false), WARD_ERR_RANGE);
    assert_int_equal(receipt_with(0, 2, 1, true), WARD_ERR_ORDER);
    assert_int_equal(run_with(1, 1), WARD_OK);
    assert_int_equal(run_with(0, 1), WARD_ERR_RANGE);
    assert_int_equal(run_with(1, 0), WARD_ERR_RANGE);
    assert_int_equal(run_frame_of(262144), WARD_OK);
    assert_int_equal(run_frame_of(262145), WARD_ERR_LIMIT_FRAME);
    assert_int_equal(bundle_with(16, false, 0, 1), WARD_OK);
    assert_int_equal(bundle_with(32, false, INT64_MAX, INT64_MAX), WARD_OK);
    assert_int_equal(bundle_with(0, false, 0, 1), WARD_ERR_TYPE);
    assert_int_equal(bundle_with(17, false, 0, 1), WARD_ERR_TYPE);
    assert_int_equal(bundle_with(AS_TEXT, false, 0, 1), WARD_ERR_TYPE);
    assert_int_equal(bundle_with(16, true, 0, 1), WARD_ERR_TYPE); /* its reader may not know the space: the circle must be there */
    assert_int_equal(bundle_with(16, false, 0, 0), WARD_ERR_RANGE);
    assert_int_equal(bundle_with(16, false, (uint64_t)INT64_MAX + 1, 1), WARD_ERR_RANGE);
    assert_int_equal(heads_with(1, false), WARD_OK);
    assert_int_equal(heads_with(0, false), WARD_ERR_RANGE);
    assert_int_equal(heads_with((uint64_t)INT64_MAX + 1, false), WARD_ERR_RANGE);
    assert_int_equal(heads_with(1, true), WARD_ERR_ORDER);
    assert_int_equal(join_with(200), WARD_OK);
    assert_int_equal(join_with(201), WARD_ERR_RANGE);
}

static void unknown_types(void **state)
{
    (void)state;
    for (uint64_t type = 0; type < 300; type++) {
        struct ward_buf b;
        struct ward_message m;
        bool known = false;
        for (size_t i = 0; i < TYPES; i++)
            known |= types[i] == type;
        if (known)
            continue;
        ward_buf_init(&b, &vectors_env);
        ward_put_array(&b, 2);
        ward_put_uint(&b, 1);
        ward_put_uint(&b, type);
        assert_int_equal(parse(&m, b.p, b.len), WARD_ERR_PROTOCOL);
        ward_buf_free(&b);
    }
}

/* What a frame is, before it is looked at closely: a type of this format, or none. */
static void type_of_anything(void **state)
{
    static const struct {
        uint8_t bytes[6];
        size_t len;
        unsigned type;
    } cases[] = {
        {{0x82, 1, 7}, 3, 7},
        {{0x82, 1, 0x18, 0xff}, 4, 255},
        {{0x82, 1, 0x19, 0x01, 0x00}, 5, 0}, /* beyond a byte */
        {{0x82, 2, 7}, 3, 0},                /* a later format */
        {{0x82, 0x60, 7}, 3, 0},
        {{0x82, 1, 0x60}, 3, 0},
        {{0x07}, 1, 0},
        {{0}, 0, 0},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        if (ward_frame_type(cases[i].bytes, cases[i].len) != cases[i].type)
            fail_msg("case %zu", i);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_truncation), cmocka_unit_test(every_item_of_another_type), cmocka_unit_test(what_has_begun_to_come),
        cmocka_unit_test(contents),         cmocka_unit_test(limits_and_refusals),        cmocka_unit_test(unknown_types),
        cmocka_unit_test(type_of_anything),
    };
    return cmocka_run_group_tests_name("frame", tests, NULL, NULL);
}
