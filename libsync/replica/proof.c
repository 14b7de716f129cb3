/* proof.c - a file that shows a third party that a change had reached a hub by a certain time: proto/receipt.md, Proof file. */
#include "base/alloc.h"
#include "base/err.h"
#include "replica/replica.h"
#include "shell/platform.h"
#include "values/cbor.h"
#include "values/feed.h"
#include "values/receipt.h"
#include "values/seal.h"

#include <string.h>

#define TYPE_PROOF      34
#define TYPE_PROOF_BODY 35

/* ---- writing */

struct picked {
    struct ward_receipt receipt;
    uint64_t seq; /* of the feed in question */
    bool against;
};
struct pick {
    ward_replica *r;
    const struct ward_feed *feed;
    const uint64_t *seqs;
    size_t seq_count;
    struct picked *v;
    size_t count, cap;
    uint64_t last; /* the greatest seq that one of them names */
    bool any;      /* the feed is named in some receipt */
};

static bool is_news(const struct pick *x, const struct ward_hash *signer, uint64_t seq)
{
    for (size_t i = 0; i < x->seq_count; i++) {
        bool had = x->seqs[i] > seq;
        for (size_t j = 0; j < x->count && !had; j++)
            had = !x->v[j].against && ward_hash_compare(&x->v[j].receipt.grant, signer) == 0 && x->v[j].seq >= x->seqs[i];
        if (!had)
            return true;
    }
    return false;
}

/* The first of each signer that covers what is to be shown, and what speaks against a signer. */
static int pick_one(void *ctx, const struct ward_store_receipt *row)
{
    struct pick *x = ctx;
    struct picked one = {.against = row->against};
    if (ward_receipt_read_heads(&one.receipt, row->heads, row->len))
        return WARD_ERR_CORRUPT;
    for (size_t i = 0; i < one.receipt.count; i++)
        if (ward_hash_compare(&one.receipt.heads[i].feed, &x->feed->id) == 0)
            one.seq = one.receipt.heads[i].seq;
    x->any |= one.seq > 0;
    if (one.seq == 0 || x->count == WARD_PROOF_RECEIPTS_MAX || (!row->against && !is_news(x, &row->grant, one.seq)))
        return WARD_OK;
    if (ward_grow(&x->r->env, (void **)&x->v, &x->cap, x->count, sizeof *x->v))
        return WARD_ERR_MEMORY;
    one.receipt.ward = x->r->ward;
    one.receipt.grant = row->grant;
    one.receipt.wall_ms = row->wall_ms;
    memcpy(one.receipt.sig, row->sig, sizeof one.receipt.sig);
    x->last = one.seq > x->last ? one.seq : x->last;
    x->v[x->count++] = one;
    return WARD_OK;
}

static int put_frame(struct ward_file_out *file, const struct ward_buf *frame, struct ward_buf *scratch, struct ward_error *err)
{
    if (frame->len > WARD_FRAME_MAX)
        return ward_fail(err, WARD_ERR_PROOF_LONG, "%zu bytes", frame->len);
    ward_buf_clear(scratch);
    ward_put_bytes(scratch, frame->p, frame->len);
    if (ward_buf_status(frame) || ward_buf_status(scratch))
        return ward_fail(err, WARD_ERR_MEMORY, "proof");
    return ward_file_out_write(file, scratch->p, scratch->len, err);
}

static void put_header(struct ward_buf *out, const struct pick *x, uint64_t first, const struct ward_hash *prev, uint64_t last,
                       const uint8_t *sig, const uint64_t *subjects, size_t subject_count, struct ward_buf *scratch)
{
    const struct ward_space *s = ward_directory_space(&x->r->dir, x->feed->sid);
    struct ward_buf cose;
    ward_buf_init(&cose, out->env);
    ward_put_array(out, 11);
    ward_put_uint(out, WARD_FORMAT);
    ward_put_uint(out, TYPE_PROOF);
    ward_put_bytes(out, x->r->ward.b, WARD_HASH_BYTES);
    ward_put_array(out, s->circle_count);
    for (size_t i = 0; i < s->circle_count; i++)
        ward_put_bytes(out, s->circle[i].b, WARD_ID_BYTES);
    ward_put_bytes(out, x->feed->grant.b, WARD_HASH_BYTES);
    ward_put_uint(out, first);
    ward_put_bytes(out, prev->b, WARD_HASH_BYTES);
    ward_put_uint(out, last - first + 1);
    ward_put_bytes(out, sig, WARD_SEAL_BYTES);
    ward_put_array(out, subject_count);
    for (size_t i = 0; i < subject_count; i++)
        ward_put_uint(out, subjects[i]);
    ward_put_array(out, x->count);
    for (size_t i = 0; i < x->count; i++) {
        ward_buf_clear(&cose);
        ward_receipt_export(&cose, &x->v[i].receipt, scratch);
        ward_put_bytes(out, cose.p, cose.len);
        out->failed |= cose.failed;
    }
    ward_buf_free(&cose);
}

/* The bodies first ... last, each in a frame. */
static int put_bodies(ward_replica *r, uint32_t fid, uint64_t first, uint64_t last, struct ward_file_out *file, struct ward_error *err)
{
    struct ward_buf raw, frame, scratch;
    struct ward_segment seg;
    int rc = WARD_OK;
    ward_buf_init(&raw, &r->env);
    ward_buf_init(&frame, &r->env);
    ward_buf_init(&scratch, &r->env);
    for (uint64_t seq = first; !rc && seq <= last;) {
        size_t at = 0;
        rc = ward_store_find_segment(r->store, fid, seq, &seg, err);
        if (!rc)
            rc = ward_store_unpack(r->store, &seg, &raw, err);
        for (uint32_t i = 0; !rc && i < seg.count; i++) {
            struct ward_change_head head;
            if (ward_change_skip(raw.p + at, raw.len - at, &head)) {
                rc = ward_fail(err, WARD_ERR_CORRUPT, "change %llu", (unsigned long long)(seg.first + i));
                break;
            }
            if (seg.first + i >= seq && seg.first + i <= last) {
                ward_buf_clear(&frame);
                ward_put_array(&frame, 3);
                ward_put_uint(&frame, WARD_FORMAT);
                ward_put_uint(&frame, TYPE_PROOF_BODY);
                ward_put_bytes(&frame, raw.p + at, head.len);
                rc = put_frame(file, &frame, &scratch, err);
            }
            at += head.len;
        }
        seq = rc ? seq : seg.first + seg.count;
    }
    ward_buf_free(&raw);
    ward_buf_free(&frame);
    ward_buf_free(&scratch);
    return rc;
}

static int write_file(struct pick *x, const char *path, const uint64_t *subjects, size_t subject_count, struct ward_error *err)
{
    ward_replica *r = x->r;
    const uint32_t fid = x->feed->fid;
    struct ward_segment seg;
    struct ward_hash prev;
    struct ward_file_out *file = NULL;
    struct ward_buf frame, scratch;
    uint64_t depth, first = subjects[0];
    if (first <= x->feed->base)
        return ward_fail(err, WARD_ERR_HISTORY, "change %llu", (unsigned long long)first);
    int rc = ward_store_find_segment(r->store, fid, x->last, &seg, err); /* the author's own seal stands at its end */
    const uint64_t last = rc ? 0 : seg.first + seg.count - 1;
    if (!rc && last - first >= WARD_PROOF_CHANGES_MAX)
        rc = ward_fail(err, WARD_ERR_PROOF_LONG, "%llu changes", (unsigned long long)(last - first + 1));
    if (!rc)
        rc = ward_chain_at(r, fid, first - 1, &prev, &depth, err);
    if (rc)
        return rc;
    ward_buf_init(&frame, &r->env);
    ward_buf_init(&scratch, &r->env);
    put_header(&frame, x, first, &prev, last, seg.sig, subjects, subject_count, &scratch);
    rc = ward_file_out_open(&r->env, path, &file, err);
    if (!rc) {
        rc = put_frame(file, &frame, &scratch, err);
        if (!rc)
            rc = put_bodies(r, fid, first, last, file, err);
        if (rc)
            ward_file_out_abandon(file);
        else
            rc = ward_file_out_finish(file, err);
    }
    ward_buf_free(&frame);
    ward_buf_free(&scratch);
    return rc;
}

static int write_of_one_moment(ward_replica *r, const char *path, const struct ward_hash *feed, const uint64_t *seqs, size_t count,
                               struct ward_error *err)
{
    const struct ward_feed *f = ward_directory_feed_by_id(&r->dir, feed);
    if (!f || count == 0 || count > WARD_PROOF_SUBJECTS_MAX || seqs[0] == 0 || seqs[count - 1] > f->head_seq)
        return ward_fail(err, WARD_ERR_ARGUMENT, "proof");
    struct pick x = {.r = r, .feed = f, .seqs = seqs, .seq_count = count};
    int rc = ward_store_each_receipt(r->store, pick_one, &x, err);
    if (rc == WARD_ERR_MEMORY || rc == WARD_ERR_CORRUPT)
        ward_fail(err, rc, "receipts");
    size_t covered = 0; /* what no receipt covers is not claimed */
    uint64_t reach = 0;
    for (size_t i = 0; i < x.count; i++)
        reach = !x.v[i].against && x.v[i].seq > reach ? x.v[i].seq : reach;
    while (covered < count && seqs[covered] <= reach)
        covered++;
    if (!rc && covered == 0)
        rc = ward_fail(err, x.any || ward_hash_compare(&f->grant, &r->self) == 0 ? WARD_ERR_RECEIPT_NONE : WARD_ERR_PROOF_NOT_OWN,
                       "change %llu", (unsigned long long)seqs[0]);
    if (!rc)
        rc = write_file(&x, path, seqs, covered, err);
    ward_release(&r->env, x.v);
    return rc;
}

int ward_proof_write(ward_replica *r, const char *path, const struct ward_hash *feed, const uint64_t *seqs, size_t count,
                     struct ward_proof *out, struct ward_error *err)
{
    int rc = ward_replica_look(r, err);
    if (rc)
        return rc;
    rc = write_of_one_moment(r, path, feed, seqs, count, err);
    ward_replica_looked(r);
    return rc ? rc : ward_proof_check(r, path, NULL, NULL, out, err); /* what is handed out is what anyone will see in it */
}

/* ---- checking */

struct reader {
    ward_replica *r;
    struct ward_file_in *file;
    struct ward_buf frame;
    struct ward_proof p;
    struct ward_hash prev, last_hash;
    struct ward_hash heads[WARD_PROOF_RECEIPTS_MAX]; /* of the receipts, beside p.receipts */
    const struct ward_grant *author;
    uint8_t sig[WARD_SEAL_BYTES];
    struct ward_hash here; /* this replica's hash at p's seq `here_seq`, 0: it holds none of it */
    uint64_t here_seq;
    ward_history_fn *fn;
    void *ctx;
};

static int damaged(struct ward_error *err, const char *what)
{
    return ward_fail(err, WARD_ERR_PROOF_DAMAGED, "%s", what);
}

static int not_so(struct ward_error *err, const char *what)
{
    return ward_fail(err, WARD_ERR_PROOF_FALSE, "%s", what);
}

static int read_exact(struct reader *x, uint8_t *p, size_t len, struct ward_error *err)
{
    for (size_t sum = 0, got; sum < len; sum += got) {
        int rc = ward_file_in_read(x->file, p + sum, len - sum, &got, err);
        if (rc)
            return rc;
        if (got == 0)
            return damaged(err, "it ends too early");
    }
    return WARD_OK;
}

/* The next byte string of the sequence: a cursor over what is in it. */
static int next_frame(struct reader *x, struct ward_cbor *out, struct ward_error *err)
{
    uint8_t head[5];
    const uint8_t *p;
    size_t len = 0;
    struct ward_cbor whole;
    int rc = read_exact(x, head, 1, err);
    if (rc)
        return rc;
    size_t width = head[0] >= 0x40 && head[0] < 0x58 ? 0 : head[0] == 0x58 ? 1 : head[0] == 0x59 ? 2 : head[0] == 0x5a ? 4 : 9;
    if (width == 9)
        return damaged(err, "this is no proof");
    rc = read_exact(x, head + 1, width, err);
    if (rc)
        return rc;
    len = width ? 0 : head[0] & 0x1f;
    for (size_t i = 1; i <= width; i++)
        len = len << 8 | head[i];
    if (len > WARD_FRAME_MAX)
        return damaged(err, "a part is too long");
    ward_buf_clear(&x->frame);
    ward_buf_add(&x->frame, head, 1 + width);
    uint8_t *to = ward_buf_room(&x->frame, len + 1);
    if (!to)
        return ward_fail(err, WARD_ERR_MEMORY, "proof");
    rc = read_exact(x, to, len, err);
    if (rc)
        return rc;
    x->frame.len += len;
    ward_cbor_init(&whole, x->frame.p, x->frame.len);
    if (!ward_cbor_bytes(&whole, &p, &len) || !ward_cbor_end(&whole))
        return damaged(err, "not a frame");
    ward_cbor_init(out, p, len);
    return WARD_OK;
}

static bool read_subjects(struct ward_cbor *c, struct ward_proof *p)
{
    if (!ward_cbor_array(c, &p->subject_count))
        return false;
    if (p->subject_count == 0 || p->subject_count > WARD_PROOF_SUBJECTS_MAX)
        return ward_cbor_fail(c, WARD_ERR_RANGE);
    for (size_t i = 0; i < p->subject_count; i++) {
        if (!ward_cbor_uint(c, &p->subjects[i], INT64_MAX))
            return false;
        if (p->subjects[i] < p->first || p->subjects[i] > p->last || (i && p->subjects[i] <= p->subjects[i - 1]))
            return ward_cbor_fail(c, WARD_ERR_RANGE);
    }
    return true;
}

/* Everything before the receipts; *c then stands at their list. */
static bool read_members(struct reader *x, struct ward_cbor *c, struct ward_id *circle, size_t *circle_count)
{
    struct ward_proof *p = &x->p;
    const uint8_t *sig;
    uint64_t count;
    if (!ward_cbor_hash(c, &p->ward) || !ward_cbor_array(c, circle_count))
        return false;
    if (*circle_count > WARD_CIRCLE_MAX)
        return ward_cbor_fail(c, WARD_ERR_LIMIT_CIRCLE);
    for (size_t i = 0; i < *circle_count; i++) {
        const uint8_t *unit;
        if (!ward_cbor_bytes_exact(c, &unit, WARD_ID_BYTES))
            return false;
        memcpy(circle[i].b, unit, WARD_ID_BYTES);
    }
    if (!ward_circle_sorted(circle, *circle_count))
        return ward_cbor_fail(c, WARD_ERR_ORDER);
    if (!ward_cbor_hash(c, &p->grant) || !ward_cbor_uint(c, &p->first, INT64_MAX - WARD_PROOF_CHANGES_MAX) ||
        !ward_cbor_hash(c, &x->prev) || !ward_cbor_uint(c, &count, WARD_PROOF_CHANGES_MAX) ||
        !ward_cbor_bytes_exact(c, &sig, WARD_SEAL_BYTES))
        return false;
    if (p->first == 0 || count == 0)
        return ward_cbor_fail(c, WARD_ERR_RANGE);
    memcpy(x->sig, sig, WARD_SEAL_BYTES);
    p->last = p->first + count - 1;
    return read_subjects(c, p);
}

static int take_receipt(struct reader *x, const struct ward_receipt *receipt, struct ward_buf *scratch, struct ward_error *err)
{
    const struct ward_directory *d = &x->r->dir;
    struct ward_proof_receipt *to = &x->p.receipts[x->p.receipt_count];
    if (ward_hash_compare(&receipt->ward, &x->p.ward) != 0)
        return not_so(err, "a receipt of another ward");
    const struct ward_grant *g = ward_directory_grant(d, &receipt->grant);
    if (!g)
        return ward_fail(err, WARD_ERR_PROOF_GRANT, "who sealed a receipt");
    if (g->role != WARD_ROLE_HUB && g->role != WARD_ROLE_OPERATOR)
        return not_so(err, "a receipt by a device that may give none");
    int rc = ward_receipt_check(receipt, g->sign_pk, scratch);
    if (rc)
        return rc == WARD_ERR_RECEIPT_SEAL ? not_so(err, "the seal of a receipt") : ward_fail(err, rc, "proof");
    *to = (struct ward_proof_receipt){.grant = receipt->grant, .wall_ms = receipt->wall_ms};
    to->ended = !ward_grant_stands(d, &g->id);
    for (size_t i = 0; i < receipt->count; i++) {
        if (ward_hash_compare(&receipt->heads[i].feed, &x->p.feed) != 0)
            continue;
        to->seq = receipt->heads[i].seq;
        x->heads[x->p.receipt_count] = receipt->heads[i].hash;
    }
    if (to->seq < x->p.first || to->seq > x->p.last)
        return not_so(err, "a receipt that does not cover the changes in it");
    x->p.receipt_count++;
    return WARD_OK;
}

static int take_receipts(struct reader *x, struct ward_cbor *c, struct ward_error *err)
{
    struct ward_receipt *one = ward_alloc(&x->r->env, sizeof *one);
    struct ward_buf scratch;
    size_t count = 0;
    int rc = one ? WARD_OK : ward_fail(err, WARD_ERR_MEMORY, "proof");
    ward_buf_init(&scratch, &x->r->env);
    if (!rc && (!ward_cbor_array(c, &count) || count == 0 || count > WARD_PROOF_RECEIPTS_MAX))
        rc = damaged(err, "its receipts");
    x->p.receipt_count = 0;
    for (size_t i = 0; !rc && i < count; i++) {
        const uint8_t *p;
        size_t len;
        if (!ward_cbor_bytes(c, &p, &len) || ward_receipt_import(one, p, len))
            rc = damaged(err, "a receipt");
        else
            rc = take_receipt(x, one, &scratch, err);
    }
    if (!rc && !ward_cbor_end(c))
        rc = damaged(err, "its header");
    ward_release(&x->r->env, one);
    ward_buf_free(&scratch);
    return rc;
}

/* What this replica itself holds of that feed. */
static int look_here(struct reader *x, struct ward_error *err)
{
    const struct ward_feed *f = ward_directory_feed_by_id(&x->r->dir, &x->p.feed);
    uint64_t depth, seq = !f ? 0 : f->head_seq < x->p.last ? f->head_seq : x->p.last;
    x->here_seq = seq < x->p.first || (f && seq < f->base) ? 0 : seq; /* what went into a base is not here one by one */
    return x->here_seq ? ward_chain_at(x->r, f->fid, x->here_seq, &x->here, &depth, err) : WARD_OK;
}

static int read_header(struct reader *x, struct ward_error *err)
{
    struct ward_id circle[WARD_CIRCLE_MAX];
    struct ward_cbor c;
    size_t circle_count, members;
    uint64_t version, type;
    int rc = next_frame(x, &c, err);
    if (rc)
        return rc;
    if (!ward_cbor_array(&c, &members) || !ward_cbor_uint(&c, &version, UINT64_MAX))
        return damaged(err, "this is no proof");
    if (version != WARD_FORMAT)
        return ward_fail(err, WARD_ERR_VERSION, "proof: version %llu", (unsigned long long)version);
    if (!ward_cbor_uint(&c, &type, UINT64_MAX) || type != TYPE_PROOF || members != 11 || !read_members(x, &c, circle, &circle_count))
        return damaged(err, "its header");
    if (ward_hash_compare(&x->p.ward, &x->r->ward) != 0)
        return ward_fail(err, WARD_ERR_PROOF_WARD, "proof");
    x->author = ward_directory_grant(&x->r->dir, &x->p.grant);
    if (!x->author)
        return ward_fail(err, WARD_ERR_PROOF_GRANT, "who wrote it");
    ward_name_space(&x->p.space, &x->p.ward, circle, circle_count);
    ward_name_feed(&x->p.feed, &x->p.ward, &x->p.space, &x->p.grant);
    x->p.unit = x->author->unit;
    x->p.role = x->author->role;
    if (x->p.first == 1 && ward_hash_compare(&x->prev, &x->p.feed) != 0)
        return not_so(err, "the first change does not follow the feed's name");
    rc = take_receipts(x, &c, err);
    return rc ? rc : look_here(x, err);
}

static bool is_subject(const struct ward_proof *p, uint64_t seq)
{
    for (size_t i = 0; i < p->subject_count; i++)
        if (p->subjects[i] == seq)
            return true;
    return false;
}

static int give(struct reader *x, uint64_t seq, const struct ward_hash *hash, struct ward_error *err)
{
    const struct ward_change *ch = &x->r->scratch.changes[0];
    const struct ward_op *ops = x->r->scratch.ops + ch->op_first;
    struct ward_op_info *v = ward_alloc(&x->r->env, (ch->op_count + 1) * sizeof *v);
    if (!v)
        return ward_fail(err, WARD_ERR_MEMORY, "proof");
    for (size_t i = 0; i < ch->op_count; i++)
        v[i] = (struct ward_op_info){.kind = ops[i].kind,
                                     .entity = ops[i].entity,
                                     .field = ops[i].field,
                                     .key = ops[i].key,
                                     .key_len = ops[i].key_len,
                                     .value = ops[i].value};
    const struct ward_change_info info = {.space = x->p.space,
                                          .feed = x->p.feed,
                                          .seq = seq,
                                          .hash = *hash,
                                          .grant = x->p.grant,
                                          .unit = x->p.unit,
                                          .role = x->p.role,
                                          .wall_ms = ch->wall_ms,
                                          .depth = ch->depth,
                                          .op_count = ch->op_count,
                                          .own = ward_hash_compare(&x->p.grant, &x->r->self) == 0};
    int rc = x->fn(x->ctx, &info, v, ch->op_count);
    ward_release(&x->r->env, v);
    return rc;
}

static int walk(struct reader *x, bool tell, struct ward_error *err)
{
    struct ward_hash hash = x->prev;
    int rc = WARD_OK;
    for (uint64_t seq = x->p.first; !rc && seq <= x->p.last; seq++) {
        struct ward_cbor c;
        uint64_t version, type;
        const uint8_t *body;
        size_t len, used;
        rc = next_frame(x, &c, err);
        if (rc)
            break;
        if (!ward_cbor_array_exact(&c, 3) || !ward_cbor_uint(&c, &version, WARD_FORMAT) || version != WARD_FORMAT ||
            !ward_cbor_uint(&c, &type, UINT64_MAX) || type != TYPE_PROOF_BODY || !ward_cbor_bytes(&c, &body, &len) || !ward_cbor_end(&c))
            return damaged(err, "a change");
        ward_scratch_clear(&x->r->scratch);
        rc = ward_change_parse(&x->r->scratch, body, len, &used, err);
        if (rc == WARD_ERR_MEMORY)
            return rc;
        if (rc || used != len)
            return damaged(err, "a change");
        ward_chain(&hash, seq, &hash, body, len);
        for (size_t i = 0; i < x->p.receipt_count; i++)
            if (x->p.receipts[i].seq == seq)
                x->p.receipts[i].agrees = ward_hash_compare(&hash, &x->heads[i]) == 0;
        if (seq == x->here_seq)
            x->p.here = ward_hash_compare(&hash, &x->here) == 0 ? WARD_PROOF_SAME_HERE : WARD_PROOF_OTHER_HERE;
        if (tell && x->fn && is_subject(&x->p, seq))
            rc = give(x, seq, &hash, err);
    }
    x->last_hash = hash;
    return rc;
}

/* The author's own seal over all of it, and for each subject a receipt that covers it. */
static int judge(struct reader *x, struct ward_error *err)
{
    uint8_t more;
    size_t got = 0;
    uint64_t reach = 0;
    int rc = ward_file_in_read(x->file, &more, 1, &got, err);
    if (rc)
        return rc;
    if (got)
        return damaged(err, "something follows it");
    if (!ward_seal_check(x->sig, &x->p.feed, x->p.last, &x->last_hash, x->author->sign_pk))
        return not_so(err, "the author's seal");
    for (size_t i = 0; i < x->p.receipt_count; i++)
        reach = x->p.receipts[i].agrees && x->p.receipts[i].seq > reach ? x->p.receipts[i].seq : reach;
    return reach < x->p.subjects[x->p.subject_count - 1] ? not_so(err, "no receipt covers it") : WARD_OK;
}

int ward_proof_check(ward_replica *r, const char *path, ward_history_fn *fn, void *ctx, struct ward_proof *out, struct ward_error *err)
{
    struct reader *x;
    uint64_t size;
    int rc = ward_replica_refresh(r, err);
    if (rc)
        return rc;
    x = ward_alloc(&r->env, sizeof *x);
    if (!x)
        return ward_fail(err, WARD_ERR_MEMORY, "proof");
    *x = (struct reader){.r = r, .fn = fn, .ctx = ctx};
    ward_buf_init(&x->frame, &r->env);
    rc = ward_file_in_open(&r->env, path, &x->file, &size, err);
    if (!rc)
        rc = read_header(x, err);
    if (!rc)
        rc = walk(x, false, err);
    if (!rc)
        rc = judge(x, err);
    if (!rc && fn) { /* only now is there anything to show */
        struct ward_cbor c;
        rc = ward_file_in_rewind(x->file, err);
        if (!rc)
            rc = next_frame(x, &c, err);
        if (!rc)
            rc = walk(x, true, err);
    }
    if (!rc && out)
        *out = x->p;
    ward_file_in_close(x->file);
    ward_buf_free(&x->frame);
    ward_release(&r->env, x);
    return rc;
}
