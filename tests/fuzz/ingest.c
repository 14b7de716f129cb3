/* Runs from elsewhere, told by the input and sealed by devices that may: bodies of any operations, dependencies, depths and bytes, also
 * grants, cuts, forks, false seals. What is refused leaves no trace; what is taken is taken once, is whole, and makes the same state in
 * whatever order and in whatever transactions it comes. */
#include "replica/ingest.h"
#include "base/limits.h"
#include "rules/authority.h"
#include "shape.h"
#include "shell/pack.h"
#include "values/feed.h"
#include "ward.h"

#define RUNS_MAX    12
#define CHANGES_MAX 4
#define OPS_MAX     6

enum { PACKED = 1, FALSE_SEAL = 2, EARLIER = 4, BENT_FRAME = 8, COMMIT_AFTER = 16, BENT_BODY = 32 };

struct made { /* a run, sealed */
    struct ward_buf frame;
    unsigned flags;
    struct ward_hash feed, last_hash;
    uint64_t last;
};

static struct made taken[RUNS_MAX]; /* those that were */
static size_t taken_count;

/* ---- operations */

static void put_cut(struct ward_buf *value, const ward_replica *r, const struct fuzz_device *d, uint8_t back)
{
    struct ward_cut_entry entries[16];
    size_t n = 0;
    for (size_t i = 0; i < r->dir.space_count; i++) { /* feeds of a device stand in order of space, not of name: sorted here */
        struct ward_hash id;
        const struct ward_feed *f = ward_directory_feed_of(&r->dir, &r->dir.spaces[i], &d->grant, &id);
        size_t at = n;
        if (!f || !f->head_seq || n == 16)
            continue;
        for (; at > 0 && ward_hash_compare(&entries[at - 1].feed, &id) > 0; at--)
            entries[at] = entries[at - 1];
        entries[at] = (struct ward_cut_entry){id, f->head_seq > back ? f->head_seq - back : 1, f->head_hash};
        n++;
    }
    ward_cut_write(value, entries, n);
}

static void put_grant(struct ward_buf *value, struct ward_id *entity, uint8_t n, uint8_t role)
{
    struct ward_grant g = {.role = (enum ward_role)(1 + role % 4)};
    struct ward_sign_key key;
    struct ward_buf body;
    struct ward_hash id;
    uint8_t seed[32] = {n};
    ward_sign_key_from_seed(&key, seed);
    memcpy(g.sign_pk, key.pk, 32);
    memcpy(g.link_pk, key.pk, 32);
    memset(g.unit.b, 'a' + n % 4, sizeof g.unit.b);
    ward_buf_init(&body, &fuzz_env);
    ward_grant_write(&body, &g);
    ward_name_grant(&id, body.p, body.len);
    ward_grant_entity(entity, &id);
    ward_put_bytes(value, body.p, body.len);
    ward_buf_free(&body);
}

static void put_value(struct ward_buf *value, struct fuzz_input *in)
{
    struct fuzz_input part;
    uint8_t how = fuzz_byte(in);
    switch (how % 6) {
    case 0:
        part = fuzz_part(in, how / 6 % 16);
        ward_put_text(value, (const char *)part.p, part.len);
        break;
    case 1:
        ward_put_int(value, (int64_t)fuzz_uint(in, how & 64 ? 8 : 1) - 3);
        break;
    case 2:
        ward_put_bool(value, how & 64);
        break;
    case 3:
        ward_put_null(value);
        break;
    case 4:
        part = fuzz_part(in, how / 6);
        ward_put_bytes(value, part.p, part.len);
        break;
    default:
        part = fuzz_part(in, 1 + how / 6);
        ward_buf_add(value, part.p, part.len);
        if (part.len == 0)
            ward_put_null(value);
    }
}

static void make_op(struct ward_op *op, struct ward_buf *value, const ward_replica *r, struct fuzz_input *in)
{
    static const uint32_t kinds[] = {KIND_ITEM,        KIND_ITEM,        KIND_ITEM,      KIND_ITEM, WARD_KIND_GRANT,
                                     WARD_KIND_INVITE, WARD_KIND_REASON, WARD_KIND_WARD, 101};
    static const uint32_t some_fields[] = {TITLE, NOTE, LEVEL, DUE, OWNER, TAGS, COUNTED, WARD_FIELD_PRESENCE, 400, WARD_GRANT_CUT};
    static const uint8_t keys[] = "tag\xc3\xa9 and a key of sixteen bytes";
    uint8_t how = fuzz_byte(in), which = fuzz_byte(in);
    const struct fuzz_device *d = &the_ward.d[which % DEVICES];
    *op = (struct ward_op){.kind = kinds[how % 9], .field = some_fields[which % 10], .entity = fuzz_entity(how / 9 % 8)};
    if (ward_field_class(op->field) == WARD_MEMBER) {
        op->key = keys;
        op->key_len = 1 + which % (sizeof keys - 1);
    }
    if (how >= 250) {
        op->kind = WARD_KIND_GRANT;
        op->field = WARD_GRANT_CUT;
        op->key_len = 0;
        ward_grant_entity(&op->entity, &d->grant);
        put_cut(value, r, d, which / DEVICES % 4);
    } else if (how >= 240) {
        op->kind = WARD_KIND_GRANT;
        op->field = WARD_GRANT_BODY;
        op->key_len = 0;
        put_grant(value, &op->entity, which % 8, which / 8);
    } else {
        put_value(value, in);
    }
}

/* Equal records get equal numbers, in order of first use. */
static void number_records(struct ward_op *ops, size_t count)
{
    uint32_t next = 0;
    for (size_t i = 0; i < count; i++) {
        ops[i].record = next;
        for (size_t j = 0; j < i && ops[i].record == next; j++)
            if (ops[j].kind == ops[i].kind && ward_id_equal(&ops[j].entity, &ops[i].entity))
                ops[i].record = ops[j].record;
        next += ops[i].record == next;
    }
}

/* ---- changes and runs */

static size_t make_deps(struct ward_dep *deps, uint64_t *depth, ward_replica *r, const struct ward_space *s, const struct ward_hash *own,
                        struct fuzz_input *in)
{
    uint8_t which = fuzz_byte(in);
    struct ward_feed *mine = ward_directory_feed_by_id(&r->dir, own);
    size_t n = 0;
    if (mine)
        CHECK_OK(ward_store_load_vv(r->store, mine, err));
    for (size_t i = 0; s && i < s->feed_count && i < 8; i++) {
        const struct ward_feed *f = ward_directory_feed(&r->dir, s->feeds[i]);
        bool seen = mine && ward_vv_get(&mine->vv, f->fid) >= f->head_seq, self = ward_hash_compare(&f->id, own) == 0;
        if (!(which >> i & 1) || ((seen || self) && which < 0xf0))
            continue;
        deps[n++] = (struct ward_dep){f->id, f->head_seq, f->head_hash};
        *depth = f->head_depth > *depth ? f->head_depth : *depth;
    }
    return n;
}

static void make_change(struct ward_buf *body, uint64_t *depth, ward_replica *r, const struct ward_space *s, const struct ward_hash *own,
                        bool first, struct fuzz_input *in)
{
    struct ward_dep deps[8];
    struct ward_op ops[OPS_MAX];
    struct ward_buf values[OPS_MAX];
    size_t count = 1 + fuzz_byte(in) % OPS_MAX, dep_count = first ? make_deps(deps, depth, r, s, own, in) : 0;
    uint8_t clock = fuzz_byte(in);
    for (size_t i = 0; i < count; i++) {
        ward_buf_init(&values[i], &fuzz_env);
        make_op(&ops[i], &values[i], r, in);
        ops[i].raw = values[i].p;
        ops[i].raw_len = values[i].len;
    }
    number_records(ops, count);
    *depth += clock == 255 ? 2 : 1;
    ward_change_write(body, 1750000000000 + clock, *depth, deps, dep_count, ops, count);
    for (size_t i = 0; i < count; i++)
        ward_buf_free(&values[i]);
}

static void bend(struct ward_buf *b, struct fuzz_input *in)
{
    size_t room = b->len + 256;
    ward_buf_room(b, 256);
    for (unsigned edits = 1 + fuzz_byte(in) % 3; edits > 0; edits--)
        b->len = shape_bend(b->p, b->len, room, in);
}

/* A run of the device in the space, following what is held here, or what was held some changes earlier. */
static void make_run(struct made *m, ward_replica *r, struct fuzz_input *in)
{
    uint8_t who = fuzz_byte(in);
    const struct fuzz_device *d = &the_ward.d[who % DEVICES];
    const struct ward_hash *space = &the_ward.spaces[who / DEVICES % SPACES];
    const struct ward_space *s = ward_directory_space_by_id(&r->dir, space);
    *m = (struct made){.flags = fuzz_byte(in)};
    ward_name_feed(&m->feed, &the_ward.ward, space, &d->grant);
    const struct ward_feed *f = ward_directory_feed_by_id(&r->dir, &m->feed);
    uint64_t depth = 0, head = f ? f->head_seq : 0, back = m->flags & EARLIER ? 1 + fuzz_byte(in) % 4 : 0;
    struct ward_hash hash = m->feed;
    head = head > back ? head - back : 0;
    if (f)
        CHECK_OK(ward_chain_at(r, f->fid, head, &hash, &depth, err));
    struct ward_buf bodies, body, packed;
    ward_buf_init(&bodies, &fuzz_env);
    ward_buf_init(&packed, &fuzz_env);
    uint32_t count = 1 + fuzz_byte(in) % CHANGES_MAX, codec = WARD_CODEC_RAW;
    for (uint32_t i = 0; i < count; i++) {
        ward_buf_init(&body, &fuzz_env);
        make_change(&body, &depth, r, s, &m->feed, i == 0, in);
        if (m->flags & BENT_BODY && i + 1 == count)
            bend(&body, in);
        ward_chain(&hash, head + i + 1, &hash, body.p, body.len);
        ward_buf_add(&bodies, body.p, body.len);
        ward_buf_free(&body);
    }
    uint8_t sig[64];
    m->last = head + count;
    m->last_hash = hash;
    ward_seal_make(sig, &m->feed, m->last, &hash, &d->sign);
    if (m->flags & FALSE_SEAL)
        sig[fuzz_byte(in) % 64] ^= (uint8_t)(1 + fuzz_byte(in) % 255);
    if (m->flags & PACKED)
        CHECK_OK(ward_pack(NULL, &packed, &codec, bodies.p, bodies.len, count, err));
    const struct ward_buf *data = codec ? &packed : &bodies;
    struct ward_run run = {space->b, d->grant.b, head + 1, count, codec, data->p, data->len, sig};
    ward_buf_init(&m->frame, &fuzz_env);
    ward_frame_run(&m->frame, &run);
    if (m->flags & BENT_FRAME)
        bend(&m->frame, in);
    ward_buf_free(&bodies);
    ward_buf_free(&packed);
}

/* ---- taking them */

static int take(struct ward_apply *a, const struct made *m, struct ward_ingested *in)
{
    struct ward_message message;
    struct ward_error err = {0};
    int rc = ward_frame_parse(&message, m->frame.p, m->frame.len, &err);
    if (!rc && message.type != WARD_MSG_RUN)
        rc = WARD_ERR_PROTOCOL;
    if (rc)
        return rc;
    rc = ward_ingest_run(a, &message.run, in, &err);
    CHECK(rc == WARD_OK || (ward_is_refusal(rc) && err.code == rc));
    return rc;
}

static void check_taken(const ward_replica *r, const struct made *m, const struct ward_ingested *in)
{
    const struct ward_feed *f = ward_directory_feed(&r->dir, in->fid);
    if (m->flags & BENT_FRAME)
        return;
    CHECK(!(m->flags & FALSE_SEAL));
    CHECK(f && memcmp(f->id.b, m->feed.b, 32) == 0 && in->last == m->last && f->head_seq >= m->last);
    if (in->applied)
        CHECK(f->head_seq == m->last && memcmp(f->head_hash.b, m->last_hash.b, 32) == 0);
}

/* The heads alone: cheap enough to be looked at for every run. */
static struct ward_hash heads_of(const ward_replica *r)
{
    struct ward_hash out = {{0}};
    for (size_t i = 0; i < r->dir.feed_count; i++)
        for (size_t j = 0; j < 32; j++)
            out.b[j] = (uint8_t)(3 * out.b[j] + r->dir.feeds[i].head_hash.b[j] + 1);
    return out;
}

static void take_all(ward_replica *r, struct fuzz_input *in)
{
    struct ward_apply a;
    CHECK_OK(ward_apply_begin(&a, r, err));
    for (size_t i = 0; i < RUNS_MAX && in->len > 0; i++) {
        struct made m;
        struct ward_ingested done = {0};
        make_run(&m, r, in);
        struct ward_hash before = heads_of(r), after;
        int rc = take(&a, &m, &done);
        after = heads_of(r);
        if (rc == WARD_OK) {
            check_taken(r, &m, &done);
            taken[taken_count++] = m;
        } else {
            CHECK(memcmp(before.b, after.b, 32) == 0 && done.applied == 0);
            ward_buf_free(&m.frame);
        }
        if (m.flags & COMMIT_AFTER) {
            CHECK_OK(ward_apply_end(&a, WARD_OK, err));
            CHECK_OK(ward_apply_begin(&a, r, err));
        }
    }
    CHECK_OK(ward_apply_end(&a, WARD_OK, err));
}

static void take_again(ward_replica *r)
{
    struct ward_apply a;
    struct ward_ingested in;
    struct ward_hash before = fuzz_print_of(r), after;
    CHECK_OK(ward_apply_begin(&a, r, err));
    for (size_t i = 0; i < taken_count; i++)
        CHECK(take(&a, &taken[i], &in) == WARD_OK && in.applied == 0);
    CHECK_OK(ward_apply_end(&a, WARD_OK, err));
    after = fuzz_print_of(r);
    CHECK(memcmp(before.b, after.b, 32) == 0);
}

/* What the device wrote itself and nobody was given gave way to another history of its feed: what rests on it is not for it any more. */
static bool gave_way(const ward_replica *r, const struct made *m)
{
    const struct ward_feed *f = ward_directory_feed_by_id(&r->dir, &m->feed);
    return f && ward_hash_compare(&f->grant, &the_ward.d[OFFICE].grant) == 0;
}

/* The last first, as far as causes allow, each in a transaction of its own. False: some are not to be taken in this order. */
static bool take_otherwise(ward_replica *r)
{
    bool done[RUNS_MAX] = {false};
    for (size_t left = taken_count; left > 0;) {
        size_t before = left;
        for (size_t i = taken_count; i-- > 0;) {
            struct ward_apply a;
            struct ward_ingested in;
            if (done[i])
                continue;
            CHECK_OK(ward_apply_begin(&a, r, err));
            done[i] = take(&a, &taken[i], &in) == WARD_OK;
            left -= done[i];
            CHECK_OK(ward_apply_end(&a, WARD_OK, err));
        }
        for (size_t i = 0; left == before && i < taken_count; i++)
            CHECK(done[i] || gave_way(r, &taken[i]));
        if (left == before)
            return false;
    }
    return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t len)
{
    struct fuzz_input in = {p, len};
    ward_replica *r = fuzz_device_open(OFFICE, 0);
    taken_count = 0;
    take_all(r, &in);
    take_again(r);
    fuzz_verify(r);
    if (taken_count > 1) {
        ward_replica *other = fuzz_device_open(OFFICE, 1);
        if (take_otherwise(other))
            fuzz_compare(r, other);
        ward_close(other);
    }
    ward_close(r);
    for (size_t i = 0; i < taken_count; i++)
        ward_buf_free(&taken[i].frame);
    return 0;
}
