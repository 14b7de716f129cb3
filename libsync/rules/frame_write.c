/* frame_write.c - messages as they go out; those that come in: frame.c. */
#include "base/limits.h"
#include "rules/frame.h"
#include "values/feed.h"
#include "values/seal.h"

#include <stdlib.h>
#include <string.h>

void ward_frame_begin(struct ward_buf *b, enum ward_message_type type, size_t members)
{
    ward_put_array(b, 2 + members);
    ward_put_uint(b, WARD_FORMAT);
    ward_put_uint(b, (uint64_t)type);
}

static bool is_told(const struct ward_begun *begun)
{
    return begun && begun->len > 0;
}

static void put_begun(struct ward_buf *b, const struct ward_begun *begun)
{
    if (!is_told(begun))
        return;
    ward_put_uint(b, begun->len);
    ward_put_bytes(b, begun->hash8, sizeof begun->hash8);
}

void ward_frame_hello(struct ward_buf *b, const struct ward_hash *ward, const struct ward_hash *common, const uint8_t *base8,
                      int64_t wall_ms, const uint8_t *buckets, const struct ward_begun *begun)
{
    ward_frame_begin(b, WARD_MSG_HELLO, is_told(begun) ? 9 : 7);
    ward_put_uint(b, WARD_PROTOCOL);
    ward_put_bytes(b, ward->b, WARD_SHORT_WARD);
    ward_put_bytes(b, common->b, WARD_SHORT_ID);
    ward_put_bytes(b, base8, base8 ? WARD_SHORT_ID : 0);
    ward_put_uint(b, (uint64_t)wall_ms / 1000);
    ward_put_uint(b, WARD_WINDOW);
    ward_put_bytes(b, buckets, buckets ? WARD_BUCKETS * WARD_BUCKET_BYTES : 0);
    put_begun(b, begun);
}

void ward_frame_agree(struct ward_buf *b, enum ward_agreement how, int64_t clock_s, const struct ward_begun *begun)
{
    ward_frame_begin(b, WARD_MSG_AGREE, is_told(begun) ? 5 : 3);
    ward_put_uint(b, (uint64_t)how);
    ward_put_int(b, clock_s);
    ward_put_uint(b, WARD_WINDOW);
    put_begun(b, begun);
}

void ward_frame_piece(struct ward_buf *b, uint64_t at, uint64_t left, const void *data, size_t len)
{
    ward_frame_begin(b, WARD_MSG_PIECE, 3);
    ward_put_uint(b, at);
    ward_put_uint(b, left);
    ward_put_bytes(b, data, len);
}

void ward_frame_got(struct ward_buf *b, uint64_t pieces)
{
    ward_frame_begin(b, WARD_MSG_GOT, 1);
    ward_put_uint(b, pieces);
}

void ward_frame_spaces(struct ward_buf *b, size_t count)
{
    ward_frame_begin(b, WARD_MSG_SPACES, 1);
    ward_put_array(b, count);
}

void ward_frame_space(struct ward_buf *b, const struct ward_hash *space, const struct ward_hash *digest)
{
    ward_put_array(b, 2);
    ward_put_bytes(b, space->b, WARD_SHORT_ID);
    ward_put_bytes(b, digest->b, WARD_SHORT_ID);
}

void ward_put_circle(struct ward_buf *b, const struct ward_id *circle, size_t count)
{
    ward_put_array(b, count);
    for (size_t i = 0; i < count; i++)
        ward_put_bytes(b, circle[i].b, sizeof circle[i].b);
}

void ward_frame_run(struct ward_buf *b, const struct ward_run *run)
{
    ward_frame_begin(b, WARD_MSG_RUN, 7);
    ward_put_bytes(b, run->space8, WARD_SHORT_ID);
    ward_put_bytes(b, run->grant8, run->grant8 ? WARD_SHORT_ID : 0);
    ward_put_uint(b, run->first);
    ward_put_uint(b, run->count);
    ward_put_uint(b, run->codec);
    ward_put_bytes(b, run->data, run->len);
    ward_put_bytes(b, run->sig, WARD_SEAL_BYTES);
}

void ward_frame_ack(struct ward_buf *b, uint64_t n, const uint64_t (*refused)[2], size_t refused_count)
{
    ward_frame_begin(b, WARD_MSG_ACK, 2);
    ward_put_uint(b, n);
    ward_put_array(b, refused_count);
    for (size_t i = 0; i < refused_count; i++) {
        ward_put_array(b, 2);
        ward_put_uint(b, refused[i][0]);
        ward_put_uint(b, refused[i][1]);
    }
}

static int by_seq(const void *a, const void *b)
{
    return ward_sample_compare(a, b);
}

void ward_frame_branch(struct ward_buf *b, const struct ward_hash *space, const struct ward_hash *grant, struct ward_sample *samples,
                       size_t count)
{
    size_t n = 0;
    if (count)
        qsort(samples, count, sizeof *samples, by_seq);
    for (size_t i = 0; i < count; i++)
        if (n == 0 || ward_sample_compare(&samples[n - 1], &samples[i]) != 0)
            samples[n++] = samples[i];
    ward_frame_begin(b, WARD_MSG_BRANCH, 3);
    ward_put_bytes(b, space->b, WARD_SHORT_ID);
    ward_put_bytes(b, grant->b, WARD_SHORT_ID);
    ward_put_array(b, n);
    for (size_t i = 0; i < n; i++) {
        ward_put_array(b, 2);
        ward_put_uint(b, samples[i].seq);
        ward_put_bytes(b, samples[i].hash8, WARD_SHORT_ID);
    }
}

void ward_frame_simple(struct ward_buf *b, enum ward_message_type type)
{
    ward_frame_begin(b, type, 0);
}

void ward_frame_done(struct ward_buf *b, uint64_t wants)
{
    ward_frame_begin(b, WARD_MSG_DONE, wants ? 1 : 0);
    if (wants)
        ward_put_uint(b, wants);
}

void ward_frame_taken(struct ward_buf *b, uint64_t n, int64_t after_ms, const uint8_t sig[64])
{
    ward_frame_begin(b, WARD_MSG_TAKEN, 3);
    ward_put_uint(b, n);
    ward_put_uint(b, (uint64_t)after_ms);
    ward_put_bytes(b, sig, WARD_SEAL_BYTES);
}

void ward_frame_receipt(struct ward_buf *b, int64_t wall_ms, size_t count)
{
    ward_frame_begin(b, WARD_MSG_RECEIPT, 3);
    ward_put_uint(b, (uint64_t)wall_ms);
    ward_put_array(b, count);
}

void ward_frame_receipt_entry(struct ward_buf *b, const struct ward_hash *space, uint64_t seq, const struct ward_hash *hash)
{
    ward_put_array(b, 3);
    ward_put_bytes(b, space->b, WARD_SHORT_ID);
    ward_put_uint(b, seq);
    ward_put_bytes(b, hash->b, WARD_HASH_BYTES);
}

void ward_frame_receipt_end(struct ward_buf *b, const uint8_t sig[64])
{
    ward_put_bytes(b, sig, WARD_SEAL_BYTES);
}

void ward_frame_want(struct ward_buf *b, bool states, size_t count)
{
    ward_frame_begin(b, WARD_MSG_WANT, 2);
    ward_put_bool(b, states);
    ward_put_array(b, count);
}

void ward_frame_snapshot(struct ward_buf *b, const void *head, size_t len, const uint8_t sig[64])
{
    ward_frame_begin(b, WARD_MSG_SNAPSHOT, 2);
    ward_put_bytes(b, head, len);
    ward_put_bytes(b, sig, WARD_SEAL_BYTES);
}

void ward_frame_part(struct ward_buf *b, const struct ward_hash *space, uint64_t number, uint64_t codec, const void *data, size_t len)
{
    ward_frame_begin(b, WARD_MSG_PART, 4);
    ward_put_bytes(b, space->b, WARD_SHORT_ID);
    ward_put_uint(b, number);
    ward_put_uint(b, codec);
    ward_put_bytes(b, data, len);
}

void ward_frame_error(struct ward_buf *b, int code, const char *text)
{
    ward_frame_begin(b, WARD_MSG_ERROR, 2);
    ward_put_uint(b, (uint64_t)code);
    ward_put_text(b, text, strlen(text));
}

void ward_frame_join(struct ward_buf *b, const char *name, const uint8_t sign_pk[32], const uint8_t link_pk[32], const uint8_t sig[64])
{
    ward_frame_begin(b, WARD_MSG_JOIN, 4);
    ward_put_text(b, name, strlen(name));
    ward_put_bytes(b, sign_pk, 32);
    ward_put_bytes(b, link_pk, 32);
    ward_put_bytes(b, sig, WARD_SEAL_BYTES);
}

void ward_frame_joined(struct ward_buf *b, const uint8_t root_pk[32], const void *grant, size_t grant_len)
{
    ward_frame_begin(b, WARD_MSG_JOINED, 2);
    ward_put_bytes(b, root_pk, 32);
    ward_put_bytes(b, grant, grant_len);
}
