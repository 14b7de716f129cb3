#include "rules/frame.h"
#include "base/err.h"
#include "base/limits.h"
#include "rules/snapshot.h"
#include "values/feed.h"
#include "values/seal.h"

#include <string.h>

/* Nothing, or just so many bytes. */
static bool some_or_none(struct ward_cbor *c, const uint8_t **out, size_t size)
{
    size_t len;
    if (!ward_cbor_bytes(c, out, &len))
        return false;
    if (len == 0)
        *out = NULL;
    return ward_cbor_check(c, len == 0 || len == size, WARD_ERR_TYPE);
}

/* The last two members of a hello and an agree, which may be missing. */
static bool read_begun(struct ward_cbor *c, struct ward_message *m, bool told)
{
    const uint8_t *hash8;
    if (!told)
        return true;
    if (!ward_cbor_uint(c, &m->begun.len, WARD_FRAME_MAX - 1) || !ward_cbor_check(c, m->begun.len > 0, WARD_ERR_RANGE) ||
        !ward_cbor_bytes_exact(c, &hash8, sizeof m->begun.hash8))
        return false;
    memcpy(m->begun.hash8, hash8, sizeof m->begun.hash8);
    return true;
}

static bool read_hello(struct ward_cbor *c, struct ward_message *m)
{
    uint64_t wall, window;
    if (!ward_cbor_bytes_exact(c, &m->hello.ward4, WARD_SHORT_WARD) || !ward_cbor_bytes_exact(c, &m->hello.common8, WARD_SHORT_ID) ||
        !some_or_none(c, &m->hello.base8, WARD_SHORT_ID) || !ward_cbor_uint(c, &wall, WARD_WALL_MS_MAX / 1000) ||
        !ward_cbor_uint(c, &window, WARD_WINDOW_MAX))
        return false;
    if (window == 0)
        return ward_cbor_fail(c, WARD_ERR_RANGE);
    m->hello.wall_ms = (int64_t)wall * 1000;
    m->hello.window = (uint32_t)window;
    return some_or_none(c, &m->hello.buckets, (size_t)WARD_BUCKETS * WARD_BUCKET_BYTES);
}

/* How far a clock is ahead, in seconds. */
static bool read_clock(struct ward_cbor *c, int64_t *out)
{
    struct ward_value v;
    const uint8_t *raw;
    size_t len;
    if (!ward_cbor_value(c, &v, &raw, &len))
        return false;
    if (v.type != WARD_INT)
        return ward_cbor_fail(c, WARD_ERR_TYPE);
    *out = v.integer;
    return ward_cbor_check(c, v.integer <= WARD_WALL_MS_MAX / 1000 && v.integer >= -(WARD_WALL_MS_MAX / 1000), WARD_ERR_RANGE);
}

static bool read_agree(struct ward_cbor *c, struct ward_message *m)
{
    uint64_t how, window;
    if (!ward_cbor_uint(c, &how, WARD_AGREE_BASE) || !read_clock(c, &m->agree.clock_s) || !ward_cbor_uint(c, &window, WARD_WINDOW_MAX))
        return false;
    if (window == 0)
        return ward_cbor_fail(c, WARD_ERR_RANGE);
    m->agree.how = (enum ward_agreement)how;
    m->agree.window = (uint32_t)window;
    return true;
}

/* Opens a list: remembers where its members start, so that it can be walked again after it was checked. */
static bool open_list(struct ward_cbor *c, struct ward_message *m, size_t max, int too_many)
{
    if (!ward_cbor_array(c, &m->count))
        return false;
    if (m->count > max)
        return ward_cbor_fail(c, too_many);
    m->list = *c;
    return true;
}

static bool ascending(struct ward_cbor *c, const uint8_t *before, const uint8_t *now)
{
    return ward_cbor_check(c, !before || memcmp(before, now, WARD_SHORT_ID) < 0, WARD_ERR_ORDER);
}

static bool space_entry(struct ward_cbor *c, struct ward_space_entry *e)
{
    return ward_cbor_array_exact(c, 2) && ward_cbor_bytes_exact(c, &e->space8, WARD_SHORT_ID) &&
           ward_cbor_bytes_exact(c, &e->digest8, WARD_SHORT_ID);
}

static bool read_spaces(struct ward_cbor *c, struct ward_message *m)
{
    const uint8_t *before = NULL;
    if (!open_list(c, m, WARD_SPACES_MAX, WARD_ERR_LIMIT_SPACES))
        return false;
    for (size_t i = 0; i < m->count; i++) {
        struct ward_space_entry e;
        if (!space_entry(c, &e) || !ascending(c, before, e.space8))
            return false;
        before = e.space8;
    }
    return true;
}

static bool read_circle(struct ward_cbor *c, struct ward_id *storage, size_t *count)
{
    if (!ward_cbor_array(c, count))
        return false;
    if (*count > WARD_CIRCLE_MAX)
        return ward_cbor_fail(c, WARD_ERR_LIMIT_CIRCLE);
    for (size_t i = 0; i < *count; i++) {
        const uint8_t *unit;
        if (!ward_cbor_bytes_exact(c, &unit, WARD_ID_BYTES))
            return false;
        memcpy(storage[i].b, unit, WARD_ID_BYTES);
    }
    return ward_cbor_check(c, ward_circle_sorted(storage, *count), WARD_ERR_ORDER);
}

/* A space named by its circle while the session is on. */
static bool read_named_circle(struct ward_cbor *c, struct ward_message *m)
{
    struct ward_id storage[WARD_CIRCLE_MAX];
    m->list = *c;
    return read_circle(c, storage, &m->count);
}

static bool feed_entry(struct ward_cbor *c, bool bundle, struct ward_feed_entry *e)
{
    *e = (struct ward_feed_entry){0};
    return ward_cbor_array_exact(c, bundle ? 4 : 3) && ward_cbor_bytes_exact(c, &e->grant8, WARD_SHORT_ID) &&
           (!bundle || ward_cbor_uint(c, &e->base, INT64_MAX)) && ward_cbor_uint(c, &e->seq, INT64_MAX) &&
           ward_cbor_check(c, e->seq > 0, WARD_ERR_RANGE) && ward_cbor_bytes_exact(c, &e->hash8, WARD_SHORT_ID);
}

/* A feed with branches has an entry for each. */
static int compare_entries(const struct ward_feed_entry *a, const struct ward_feed_entry *b)
{
    int order = memcmp(a->grant8, b->grant8, WARD_SHORT_ID);
    if (order == 0)
        order = (a->seq > b->seq) - (a->seq < b->seq);
    return order ? order : memcmp(a->hash8, b->hash8, WARD_SHORT_ID);
}

/* One [ref, feeds]; the cursor stands behind it afterwards, h->feeds at its first feed. */
static bool heads_entry(struct ward_cbor *c, bool bundle, struct ward_heads_entry *h, struct ward_id *storage)
{
    enum ward_type type;
    *h = (struct ward_heads_entry){0};
    if (!ward_cbor_array_exact(c, 2) || !ward_cbor_peek(c, &type))
        return false;
    if (type == WARD_BYTES && !bundle) {
        if (!ward_cbor_bytes_exact(c, &h->space8, WARD_SHORT_ID))
            return false;
    } else {
        if (!read_circle(c, storage, &h->circle_count))
            return false;
        h->circle = storage;
    }
    if (!ward_cbor_array(c, &h->feed_count))
        return false;
    h->feeds = *c;
    struct ward_feed_entry before = {0};
    for (size_t i = 0; i < h->feed_count; i++) {
        struct ward_feed_entry e;
        if (!feed_entry(c, bundle, &e))
            return false;
        if (i > 0 && compare_entries(&before, &e) >= 0)
            return ward_cbor_fail(c, WARD_ERR_ORDER);
        before = e;
    }
    return true;
}

static bool read_heads(struct ward_cbor *c, struct ward_message *m, bool bundle)
{
    struct ward_id storage[WARD_CIRCLE_MAX];
    if (!open_list(c, m, WARD_SPACES_MAX, WARD_ERR_LIMIT_SPACES))
        return false;
    for (size_t i = 0; i < m->count; i++) {
        struct ward_heads_entry h;
        if (!heads_entry(c, bundle, &h, storage))
            return false;
    }
    return true;
}

static bool read_run(struct ward_cbor *c, struct ward_run *run)
{
    uint64_t count, codec;
    if (!ward_cbor_bytes_exact(c, &run->space8, WARD_SHORT_ID) || !some_or_none(c, &run->grant8, WARD_SHORT_ID) ||
        !ward_cbor_uint(c, &run->first, INT64_MAX) || !ward_cbor_uint(c, &count, UINT32_MAX) || !ward_cbor_uint(c, &codec, UINT32_MAX) ||
        !ward_cbor_bytes(c, &run->data, &run->len) || !ward_cbor_bytes_exact(c, &run->sig, WARD_SEAL_BYTES))
        return false;
    run->count = (uint32_t)count;
    run->codec = (uint32_t)codec;
    return ward_cbor_check(c, run->first > 0 && count > 0, WARD_ERR_RANGE);
}

static bool sample(struct ward_cbor *c, struct ward_sample *s)
{
    const uint8_t *hash8;
    if (!ward_cbor_array_exact(c, 2) || !ward_cbor_uint(c, &s->seq, INT64_MAX) || !ward_cbor_bytes_exact(c, &hash8, WARD_SHORT_ID))
        return false;
    memcpy(s->hash8, hash8, WARD_SHORT_ID);
    return ward_cbor_check(c, s->seq > 0, WARD_ERR_RANGE);
}

int ward_sample_compare(const struct ward_sample *a, const struct ward_sample *b)
{
    return a->seq != b->seq ? (a->seq > b->seq) - (a->seq < b->seq) : memcmp(a->hash8, b->hash8, sizeof a->hash8);
}

static bool read_branch(struct ward_cbor *c, struct ward_message *m)
{
    struct ward_sample before = {0};
    if (!ward_cbor_bytes_exact(c, &m->branch.space8, WARD_SHORT_ID) || !ward_cbor_bytes_exact(c, &m->branch.grant8, WARD_SHORT_ID) ||
        !open_list(c, m, WARD_BRANCH_SAMPLES, WARD_ERR_RANGE))
        return false;
    for (size_t i = 0; i < m->count; i++) {
        struct ward_sample s;
        if (!sample(c, &s))
            return false;
        if (i > 0 && ward_sample_compare(&before, &s) >= 0)
            return ward_cbor_fail(c, WARD_ERR_ORDER);
        before = s;
    }
    return true;
}

static bool refusal(struct ward_cbor *c, uint64_t *i, uint64_t *error)
{
    return ward_cbor_array_exact(c, 2) && ward_cbor_uint(c, i, UINT64_MAX) && ward_cbor_uint(c, error, 999);
}

static bool read_ack(struct ward_cbor *c, struct ward_message *m)
{
    if (!ward_cbor_uint(c, &m->acked, INT64_MAX) || !open_list(c, m, WARD_WINDOW_MAX, WARD_ERR_RANGE))
        return false;
    for (size_t i = 0; i < m->count; i++) {
        uint64_t at, error;
        if (!refusal(c, &at, &error))
            return false;
    }
    return true;
}

static bool receipt_entry(struct ward_cbor *c, struct ward_receipt_entry *e)
{
    return ward_cbor_array_exact(c, 3) && ward_cbor_bytes_exact(c, &e->space8, WARD_SHORT_ID) && ward_cbor_uint(c, &e->seq, INT64_MAX) &&
           ward_cbor_check(c, e->seq > 0, WARD_ERR_RANGE) && ward_cbor_bytes_exact(c, &e->hash, WARD_HASH_BYTES);
}

static bool read_receipt(struct ward_cbor *c, struct ward_message *m)
{
    const uint8_t *before = NULL;
    uint64_t wall;
    if (!ward_cbor_uint(c, &wall, WARD_WALL_MS_MAX) || !open_list(c, m, WARD_RECEIPT_HEADS_MAX, WARD_ERR_RANGE))
        return false;
    if (m->count == 0)
        return ward_cbor_fail(c, WARD_ERR_RANGE);
    m->receipt.wall_ms = (int64_t)wall;
    for (size_t i = 0; i < m->count; i++) {
        struct ward_receipt_entry e;
        if (!receipt_entry(c, &e) || !ascending(c, before, e.space8))
            return false;
        before = e.space8;
    }
    return ward_cbor_bytes_exact(c, &m->receipt.signature, WARD_SEAL_BYTES);
}

static bool read_taken(struct ward_cbor *c, struct ward_message *m)
{
    uint64_t after;
    if (!ward_cbor_uint(c, &m->acked, INT64_MAX) || !ward_cbor_uint(c, &after, WARD_WALL_MS_MAX))
        return false;
    m->receipt.wall_ms = (int64_t)after;
    return ward_cbor_bytes_exact(c, &m->receipt.signature, WARD_SEAL_BYTES);
}

/* A unit, a grant, or null for anyone. */
static bool read_addressee(struct ward_cbor *c, struct ward_message *m)
{
    struct ward_value v;
    const uint8_t *raw;
    size_t len;
    if (!ward_cbor_value(c, &v, &raw, &len))
        return false;
    if (v.type == WARD_NULL)
        return true;
    if (v.type != WARD_BYTES || (v.len != WARD_ID_BYTES && v.len != WARD_HASH_BYTES))
        return ward_cbor_fail(c, WARD_ERR_TYPE);
    m->bundle.addressee = v.p;
    m->bundle.addressee_len = v.len;
    return true;
}

static bool read_bundle(struct ward_cbor *c, struct ward_message *m)
{
    uint64_t wall;
    if (!ward_cbor_bytes_exact(c, &m->bundle.ward, 32) || !ward_cbor_bytes_exact(c, &m->bundle.grant, 32) ||
        !ward_cbor_uint(c, &wall, WARD_WALL_MS_MAX) || !read_addressee(c, m))
        return false;
    m->bundle.wall_ms = (int64_t)wall;
    return read_heads(c, m, true) && ward_cbor_uint(c, &m->bundle.runs, INT64_MAX);
}

static bool read_request(struct ward_cbor *c, struct ward_message *m)
{
    uint64_t by;
    if (!ward_cbor_bytes_exact(c, &m->request.ward, 32) || !ward_cbor_uint(c, &by, 1))
        return false;
    m->request.by_grant = by == 1;
    return ward_cbor_bytes_exact(c, &m->request.from, 32) && ward_cbor_text(c, &m->text, &m->text_len) &&
           ward_cbor_check(c, m->text_len <= WARD_NAME_MAX, WARD_ERR_RANGE) && ward_cbor_bytes_exact(c, &m->request.sign_pk, 32) &&
           ward_cbor_bytes_exact(c, &m->request.link_pk, 32) && ward_cbor_bytes_exact(c, &m->request.signature, WARD_SEAL_BYTES) &&
           ward_cbor_bytes_exact(c, &m->request.voucher, WARD_SEAL_BYTES);
}

static bool read_want(struct ward_cbor *c, struct ward_message *m)
{
    const uint8_t *before = NULL, *space8;
    if (!ward_cbor_bool(c, &m->states) || !open_list(c, m, WARD_SPACES_MAX, WARD_ERR_LIMIT_SPACES))
        return false;
    for (size_t i = 0; i < m->count; i++) {
        if (!ward_cbor_bytes_exact(c, &space8, WARD_SHORT_ID) || !ascending(c, before, space8))
            return false;
        before = space8;
    }
    return true;
}

/* A snapshot's head is looked at whole, so that who takes it has it checked. */
static bool read_snapshot(struct ward_cbor *c, struct ward_message *m)
{
    struct ward_snapshot_head h;
    if (!ward_cbor_bytes(c, &m->snapshot.raw, &m->snapshot.len) || !ward_cbor_bytes_exact(c, &m->snapshot.signature, WARD_SEAL_BYTES))
        return false;
    int rc = ward_snapshot_head_parse(&h, m->snapshot.raw, m->snapshot.len, m->snapshot.signature, NULL);
    return ward_cbor_check(c, rc == WARD_OK, rc);
}

static bool read_part(struct ward_cbor *c, struct ward_message *m)
{
    return ward_cbor_bytes_exact(c, &m->part.space8, WARD_SHORT_ID) && ward_cbor_uint(c, &m->part.number, WARD_PARTS_MAX) &&
           ward_cbor_check(c, m->part.number > 0, WARD_ERR_RANGE) && ward_cbor_uint(c, &m->part.codec, UINT32_MAX) &&
           ward_cbor_bytes(c, &m->part.data, &m->part.len);
}

static bool read_piece(struct ward_cbor *c, struct ward_message *m)
{
    if (!ward_cbor_uint(c, &m->piece.at, WARD_FRAME_MAX) || !ward_cbor_uint(c, &m->piece.left, WARD_FRAME_MAX) ||
        !ward_cbor_bytes(c, &m->piece.data, &m->piece.len) || !ward_cbor_check(c, m->piece.len > 0, WARD_ERR_RANGE))
        return false;
    return ward_cbor_check(c, m->piece.at + m->piece.len + m->piece.left <= WARD_FRAME_MAX, WARD_ERR_LIMIT_FRAME);
}

/* more: it has those beyond the least (more_of). */
static bool read_members(struct ward_cbor *c, struct ward_message *m, bool more)
{
    switch (m->type) {
    case WARD_MSG_HELLO:
        return read_hello(c, m) && read_begun(c, m, more);
    case WARD_MSG_SPACES:
        return read_spaces(c, m);
    case WARD_MSG_HEADS:
        return read_heads(c, m, false) && ward_cbor_bool(c, &m->last);
    case WARD_MSG_CIRCLE:
        return read_named_circle(c, m);
    case WARD_MSG_BRANCH:
        return read_branch(c, m);
    case WARD_MSG_RUN:
        return read_run(c, &m->run);
    case WARD_MSG_ACK:
        return read_ack(c, m);
    case WARD_MSG_RECEIPT:
        return read_receipt(c, m);
    case WARD_MSG_AGREE:
        return read_agree(c, m) && read_begun(c, m, more);
    case WARD_MSG_TAKEN:
        return read_taken(c, m);
    case WARD_MSG_WANT:
        return read_want(c, m);
    case WARD_MSG_SNAPSHOT:
        return read_snapshot(c, m);
    case WARD_MSG_PART:
        return read_part(c, m);
    case WARD_MSG_PIECE:
        return read_piece(c, m);
    case WARD_MSG_GOT:
        return ward_cbor_uint(c, &m->acked, INT64_MAX);
    case WARD_MSG_DONE:
        return !more || (ward_cbor_uint(c, &m->wants, INT64_MAX) && ward_cbor_check(c, m->wants > 0, WARD_ERR_RANGE));
    case WARD_MSG_ERROR:
        return ward_cbor_uint(c, &m->error, 999) && ward_cbor_text(c, &m->text, &m->text_len);
    case WARD_MSG_JOIN:
        return ward_cbor_text(c, &m->text, &m->text_len) && ward_cbor_check(c, m->text_len <= WARD_NAME_MAX, WARD_ERR_RANGE) &&
               ward_cbor_bytes_exact(c, &m->join.sign_pk, 32) && ward_cbor_bytes_exact(c, &m->join.link_pk, 32) &&
               ward_cbor_bytes_exact(c, &m->join.signature, WARD_SEAL_BYTES);
    case WARD_MSG_JOINED:
        return ward_cbor_bytes_exact(c, &m->joined.root_pk, 32) && ward_cbor_bytes(c, &m->joined.grant, &m->joined.grant_len);
    case WARD_MSG_REQUEST:
        return read_request(c, m);
    case WARD_MSG_BUNDLE:
        return read_bundle(c, m);
    case WARD_MSG_BUNDLE_END:
        return ward_cbor_bytes_exact(c, &m->end.hash, 32) && ward_cbor_bytes_exact(c, &m->end.signature, WARD_SEAL_BYTES);
    default:
        return true;
    }
}

/* The least members after [1, type; 0: no such type. */
static size_t members_of(uint64_t type)
{
    switch (type) {
    case WARD_MSG_HELLO:
        return 7;
    case WARD_MSG_SPACES:
    case WARD_MSG_CIRCLE:
    case WARD_MSG_GOT:
        return 1;
    case WARD_MSG_RECEIPT:
    case WARD_MSG_AGREE:
    case WARD_MSG_TAKEN:
    case WARD_MSG_BRANCH:
    case WARD_MSG_PIECE:
        return 3;
    case WARD_MSG_HEADS:
    case WARD_MSG_ACK:
    case WARD_MSG_WANT:
    case WARD_MSG_SNAPSHOT:
    case WARD_MSG_ERROR:
    case WARD_MSG_JOINED:
    case WARD_MSG_BUNDLE_END:
        return 2;
    case WARD_MSG_RUN:
        return 7;
    case WARD_MSG_JOIN:
    case WARD_MSG_PART:
        return 4;
    case WARD_MSG_REQUEST:
        return 8;
    case WARD_MSG_BUNDLE:
        return 6;
    default:
        return 0;
    }
}

/* Members that may follow these, all or none. */
static size_t more_of(uint64_t type)
{
    return type == WARD_MSG_HELLO || type == WARD_MSG_AGREE ? 2 : type == WARD_MSG_DONE ? 1 : 0;
}

int ward_frame_parse(struct ward_message *out, const void *p, size_t len, struct ward_error *err)
{
    struct ward_cbor c;
    struct ward_message m = {0};
    size_t members;
    uint64_t version, type;
    if (len > WARD_FRAME_MAX)
        return ward_fail(err, WARD_ERR_LIMIT_FRAME, "frame: %zu bytes", len);
    ward_cbor_init(&c, p, len);
    if (!ward_cbor_array(&c, &members) || !ward_cbor_uint(&c, &version, UINT64_MAX))
        return ward_fail(err, c.code, "frame: byte %zu", c.pos);
    if (version != WARD_FORMAT)
        return ward_fail(err, WARD_ERR_VERSION, "frame: version %llu", (unsigned long long)version);
    if (!ward_cbor_uint(&c, &type, UINT64_MAX))
        return ward_fail(err, c.code, "frame: byte %zu", c.pos);
    bool bare = type == WARD_MSG_DONE || type == WARD_MSG_BYE || type == WARD_MSG_PING || type == WARD_MSG_ASK;
    if (!bare && members_of(type) == 0)
        return ward_fail(err, WARD_ERR_PROTOCOL, "frame: type %llu", (unsigned long long)type);
    m.type = (enum ward_message_type)type;
    if (type == WARD_MSG_HELLO && members > 2) { /* so that each can tell the other which protocol it speaks, whatever that is */
        if (!ward_cbor_uint(&c, &m.hello.protocol, UINT32_MAX))
            return ward_fail(err, c.code, "frame: byte %zu", c.pos);
        if (m.hello.protocol != WARD_PROTOCOL) {
            *out = m;
            return WARD_OK;
        }
    }
    size_t longer = more_of(type);
    bool more = longer && members == 2 + longer + members_of(type);
    if (!more && members != 2 + members_of(type))
        return ward_fail(err, WARD_ERR_TYPE, "frame: type %llu with %zu members", (unsigned long long)type, members);
    if (!read_members(&c, &m, more) || !ward_cbor_end(&c))
        return ward_fail(err, c.code, "frame: type %llu, byte %zu", (unsigned long long)type, c.pos);
    *out = m;
    return WARD_OK;
}

/* These walk what ward_frame_parse has checked, so they cannot fail. */
void ward_frame_next_space(struct ward_message *m, struct ward_space_entry *out)
{
    space_entry(&m->list, out);
}

void ward_frame_next_heads(struct ward_message *m, struct ward_heads_entry *out, struct ward_id *storage)
{
    heads_entry(&m->list, m->type == WARD_MSG_BUNDLE, out, storage);
}

void ward_frame_next_feed(struct ward_heads_entry *h, bool bundle, struct ward_feed_entry *out)
{
    feed_entry(&h->feeds, bundle, out);
}

void ward_frame_circle_units(struct ward_message *m, struct ward_id *storage)
{
    size_t count;
    read_circle(&m->list, storage, &count);
}

void ward_frame_next_receipt(struct ward_message *m, struct ward_receipt_entry *out)
{
    receipt_entry(&m->list, out);
}

void ward_frame_next_sample(struct ward_message *m, struct ward_sample *out)
{
    sample(&m->list, out);
}

void ward_frame_next_wanted(struct ward_message *m, const uint8_t **space8)
{
    ward_cbor_bytes_exact(&m->list, space8, WARD_SHORT_ID);
}

void ward_frame_next_refusal(struct ward_message *m, uint64_t *i, uint64_t *error)
{
    refusal(&m->list, i, error);
}

unsigned ward_frame_type(const void *p, size_t len)
{
    struct ward_cbor c;
    size_t members;
    uint64_t version, type;
    ward_cbor_init(&c, p, len);
    return ward_cbor_array(&c, &members) && ward_cbor_uint(&c, &version, WARD_FORMAT) && ward_cbor_uint(&c, &type, 255) ? (unsigned)type
                                                                                                                        : 0;
}

bool ward_frame_is_acknowledged(enum ward_message_type type)
{
    return type == WARD_MSG_RUN || type == WARD_MSG_SNAPSHOT || type == WARD_MSG_PART;
}
