/* frame.h - the messages of a session and a bundle, checked whole when they come in. proto/session.md, proto/bundle.md. */
#ifndef WARD_FRAME_H
#define WARD_FRAME_H

#include "base/buf.h"
#include "values/cbor.h"
#include "wardsync.h"

#define WARD_SHORT_ID   8 /* bytes of an id by which a session says which is meant */
#define WARD_SHORT_WARD 4 /* of the ward's, in a hello */

enum ward_message_type {
    WARD_MSG_HELLO = 1,
    WARD_MSG_SPACES = 2,
    WARD_MSG_HEADS = 3,
    WARD_MSG_RUN = 4,
    WARD_MSG_ACK = 5,
    WARD_MSG_DONE = 6,
    WARD_MSG_ERROR = 7,
    WARD_MSG_BYE = 8,
    WARD_MSG_PING = 9,
    WARD_MSG_CIRCLE = 10,
    WARD_MSG_BRANCH = 11,
    WARD_MSG_RECEIPT = 12,
    WARD_MSG_ASK = 13,
    WARD_MSG_WANT = 14,
    WARD_MSG_SNAPSHOT = 15,
    WARD_MSG_PART = 16,
    WARD_MSG_AGREE = 17,
    WARD_MSG_TAKEN = 18,
    WARD_MSG_PIECE = 19,
    WARD_MSG_JOIN = 20,
    WARD_MSG_JOINED = 21,
    WARD_MSG_REQUEST = 22,
    WARD_MSG_GOT = 23,
    WARD_MSG_BUNDLE = 30,
    WARD_MSG_BUNDLE_END = 31
};
/* 1 knew no columns, and no base in a hello; 2 no agree, and no receipt within an acknowledgement; 3 no pieces */
#define WARD_PROTOCOL 4

/* What an agree answers to a hello. */
enum ward_agreement {
    WARD_AGREE_EQUAL = 0,
    WARD_AGREE_BEHIND = 1, /* the other's base is all that is held here */
    WARD_AGREE_AHEAD = 2,  /* what the other holds is the base here */
    WARD_AGREE_BASE = 3    /* both have one base, and more */
};

enum ward_codec { WARD_CODEC_RAW = 0, WARD_CODEC_ZSTD = 1, WARD_CODEC_COLUMNS = 2 };

/* A run as it travels. Pointers are into the frame. */
struct ward_run {
    const uint8_t *space8, *grant8; /* grant8 NULL, in a session: the sender's own */
    uint64_t first;
    uint32_t count;
    uint32_t codec;
    const uint8_t *data;
    size_t len;
    const uint8_t *sig;
};

/* What a peer holds of a frame that came in pieces until the link broke: how many bytes, and a hash of them. */
struct ward_begun {
    uint64_t len; /* 0: nothing */
    uint8_t hash8[8];
};

struct ward_message {
    enum ward_message_type type;
    struct {
        uint64_t protocol;                      /* of another than ours the rest is not read */
        const uint8_t *ward4, *common8, *base8; /* base8: NULL, or 8 bytes; zeros: the sender wants all compared */
        int64_t wall_ms;
        uint32_t window;
        const uint8_t *buckets; /* WARD_BUCKETS x WARD_BUCKET_BYTES, or NULL: the sender has few spaces */
    } hello;
    struct {
        enum ward_agreement how;
        int64_t clock_s; /* how far ahead of the hello's the answerer's clock is */
        uint32_t window;
    } agree;
    struct ward_begun begun; /* hello, agree */
    struct {
        uint64_t at, left; /* what goes before it of the frame, and what follows */
        const uint8_t *data;
        size_t len;
    } piece;
    /* spaces, heads, ack, receipt, bundle: a cursor at the first member of a list of `count`, already checked; see ward_frame_next_*. */
    struct ward_cbor list;
    size_t count;   /* circle: units, see ward_frame_circle_units */
    bool last;      /* heads */
    uint64_t acked; /* ack, taken; got: pieces */
    struct {
        const uint8_t *space8, *grant8;
    } branch; /* its list: samples */
    struct ward_run run;
    uint64_t error;
    const uint8_t *text; /* error, join, request */
    size_t text_len;
    struct {
        int64_t wall_ms; /* taken: since the time of its hello or agree */
        const uint8_t *signature;
    } receipt;
    uint64_t wants; /* done: want frames that had come before it, and are answered with it */
    bool states;    /* want: a snapshot will do of spaces of which nothing is held; its list: spaces whose history is wanted */
    struct {
        const uint8_t *raw, *signature;
        size_t len;
    } snapshot; /* its head, checked (rules/snapshot.h) */
    struct {
        const uint8_t *space8, *data;
        uint64_t number, codec;
        size_t len;
    } part;
    struct {
        const uint8_t *sign_pk, *link_pk, *signature;
    } join;
    struct {
        const uint8_t *root_pk, *grant;
        size_t grant_len;
    } joined;
    struct {
        const uint8_t *ward, *from, *sign_pk, *link_pk, *signature, *voucher;
        bool by_grant; /* from: the grant whose keys are to be replaced; else an invitation's link key */
    } request;
    struct {
        const uint8_t *ward, *grant, *addressee; /* addressee: NULL, 16 or 32 bytes */
        size_t addressee_len;
        int64_t wall_ms;
        uint64_t runs;
    } bundle;
    struct {
        const uint8_t *hash, *signature;
    } end;
};

/* WARD_ERR_LIMIT_FRAME, WARD_ERR_VERSION, WARD_ERR_2xx, WARD_ERR_PROTOCOL (unknown type). */
int ward_frame_parse(struct ward_message *out, const void *p, size_t len, struct ward_error *err);

struct ward_space_entry {
    const uint8_t *space8, *digest8;
};
struct ward_heads_entry {
    const uint8_t *space8;        /* or NULL: then the circle */
    const struct ward_id *circle; /* in `storage` */
    size_t circle_count;
    struct ward_cbor feeds;
    size_t feed_count;
};
struct ward_feed_entry {
    const uint8_t *grant8;
    uint64_t base; /* bundles only */
    uint64_t seq;
    const uint8_t *hash8;
};
struct ward_receipt_entry {
    const uint8_t *space8;
    uint64_t seq;
    const uint8_t *hash; /* 32 bytes */
};
struct ward_sample { /* of a chain */
    uint64_t seq;
    uint8_t hash8[8];
};
int ward_sample_compare(const struct ward_sample *a, const struct ward_sample *b); /* as they ascend in a list */
/* Members of a checked list, in turn. storage: WARD_CIRCLE_MAX ids. */
void ward_frame_next_space(struct ward_message *m, struct ward_space_entry *out);
void ward_frame_next_heads(struct ward_message *m, struct ward_heads_entry *out, struct ward_id *storage);
void ward_frame_next_feed(struct ward_heads_entry *h, bool bundle, struct ward_feed_entry *out);
void ward_frame_next_receipt(struct ward_message *m, struct ward_receipt_entry *out);
void ward_frame_circle_units(struct ward_message *m, struct ward_id *storage);
void ward_frame_next_sample(struct ward_message *m, struct ward_sample *out);
void ward_frame_next_wanted(struct ward_message *m, const uint8_t **space8);
void ward_frame_next_refusal(struct ward_message *m, uint64_t *i, uint64_t *error);

/* begun: NULL, nothing. */
void ward_frame_hello(struct ward_buf *b, const struct ward_hash *ward, const struct ward_hash *common, const uint8_t *base8,
                      int64_t wall_ms, const uint8_t *buckets, const struct ward_begun *begun);
void ward_frame_agree(struct ward_buf *b, enum ward_agreement how, int64_t clock_s, const struct ward_begun *begun);
void ward_frame_spaces(struct ward_buf *b, size_t count); /* then count times: */
void ward_frame_space(struct ward_buf *b, const struct ward_hash *space, const struct ward_hash *digest);
void ward_frame_run(struct ward_buf *b, const struct ward_run *run);
void ward_frame_ack(struct ward_buf *b, uint64_t n, const uint64_t (*refused)[2], size_t refused_count);
void ward_frame_taken(struct ward_buf *b, uint64_t n, int64_t after_ms, const uint8_t sig[64]);
/* samples in any order and with duplicates: they are sorted in place. */
void ward_frame_branch(struct ward_buf *b, const struct ward_hash *space, const struct ward_hash *grant, struct ward_sample *samples,
                       size_t count);
void ward_frame_simple(struct ward_buf *b, enum ward_message_type type); /* bye, ping, ask */
void ward_frame_done(struct ward_buf *b, uint64_t wants);
void ward_frame_receipt(struct ward_buf *b, int64_t wall_ms, size_t count); /* then count times _entry, ascending by space, then: */
void ward_frame_receipt_entry(struct ward_buf *b, const struct ward_hash *space, uint64_t seq, const struct ward_hash *hash);
void ward_frame_receipt_end(struct ward_buf *b, const uint8_t sig[64]);
void ward_frame_error(struct ward_buf *b, int code, const char *text);
void ward_frame_join(struct ward_buf *b, const char *name, const uint8_t sign_pk[32], const uint8_t link_pk[32], const uint8_t sig[64]);
void ward_frame_joined(struct ward_buf *b, const uint8_t root_pk[32], const void *grant, size_t grant_len);
void ward_frame_want(struct ward_buf *b, bool states, size_t count); /* then count times a space8, ascending */
void ward_frame_snapshot(struct ward_buf *b, const void *head, size_t len, const uint8_t sig[64]);
void ward_frame_part(struct ward_buf *b, const struct ward_hash *space, uint64_t number, uint64_t codec, const void *data, size_t len);
void ward_frame_piece(struct ward_buf *b, uint64_t at, uint64_t left, const void *data, size_t len);
void ward_frame_got(struct ward_buf *b, uint64_t pieces);
/* Whether it is acknowledged: a run, or a frame of a snapshot. These alone come in pieces. */
bool ward_frame_is_acknowledged(enum ward_message_type type);
/* The type of what may be a frame, unchecked; 0: it is none. */
unsigned ward_frame_type(const void *p, size_t len);
void ward_frame_begin(struct ward_buf *b, enum ward_message_type type, size_t members); /* of the others: [1, type, members ...] */
void ward_put_circle(struct ward_buf *b, const struct ward_id *circle, size_t count);

#endif
