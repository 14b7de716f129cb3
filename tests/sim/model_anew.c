/* proto/fork.md and authority.md: what gives way is written anew. */
#include "check.h"
#include "model_parts.h"
#include "rules/schema.h"

#include <string.h>

static bool same_record(const struct model_op *a, const struct model_op *b)
{
    return a->kind == b->kind && memcmp(a->entity.b, b->entity.b, 16) == 0;
}

static bool same_slot(const struct model_op *a, const struct model_op *b)
{
    return same_record(a, b) && a->field == b->field && a->key_len == b->key_len && memcmp(a->key, b->key, a->key_len) == 0;
}

/* The change (seq) writes the slot of an operation of another (of), later on its chain or in it. To write anything of a record is to say
 * that it exists, so that also takes the place of what was said of that before, a deletion for one. */
static bool writes_later(const struct model_change *c, uint64_t seq, uint64_t of, const struct model_op *op)
{
    for (size_t k = 0; k < c->op_count; k++)
        if (seq > of ? same_slot(&c->ops[k], op) || (op->field == WARD_FIELD_PRESENCE && same_record(&c->ops[k], op))
                     : same_slot(&c->ops[k], op) && &c->ops[k] > op)
            return true;
    return false;
}

/* "Of several values of one slot only the last is told": a later one that followed it was withdrawn as well. */
static bool is_told_later(const struct model *m, const struct model_withdrawn *x, const struct model_op *op)
{
    for (size_t i = 0; i < m->withdrawn_count; i++) {
        const struct model_withdrawn *y = &m->withdrawn[i];
        bool follows = y->seq >= x->seq && model_branch_of(m, y->branch, x->seq) == x->branch;
        if (follows && writes_later(model_change(m, y->branch, y->seq), y->seq, x->seq, op))
            return true;
    }
    return false;
}

/* On whichever branch it was named. */
static uint64_t seen_of(const struct model *m, size_t first, const struct model_vv *vv)
{
    uint64_t seen = 0;
    for (size_t i = first; i != SIZE_MAX; i = m->feeds[i].next) /* a later branch may stand before an earlier one */
        seen = i < vv->count && vv->seq[i] > seen ? vv->seq[i] : seen;
    return seen;
}

/* Of other feeds than its own. */
static bool has_seen_more(const struct model *m, size_t own, const struct model_change *a, const struct model_change *b)
{
    for (size_t i = 0; i < a->sight.count; i++)
        if (m->feeds[i].first == i && i != m->feeds[own].first && seen_of(m, i, &a->sight) > seen_of(m, i, &b->sight))
            return true;
    return false;
}

/* Whether a late change tells it: the same value, or, in a sum, some. */
static bool tells(const struct model_op *op, const struct model_change *c, bool *as_existence)
{
    for (size_t k = 0; k < c->op_count; k++) {
        const struct model_op *now = &c->ops[k];
        bool sum = (op->field & 3u) == WARD_TALLY;
        bool exists = op->field == WARD_FIELD_PRESENCE && op->raw[0] == 0xf5; /* any value of it says so */
        *as_existence = exists && now->kind == op->kind && now->field != op->field && memcmp(now->entity.b, op->entity.b, 16) == 0;
        if (*as_existence || (same_slot(now, op) && (sum || (now->len == op->len && memcmp(now->raw, op->raw, op->len) == 0))))
            return true;
    }
    return false;
}

/* Whether a feed is the device's, or that of one whose home is a copy of the one in which the other was written: under a grant that they
 * share, or under one of its own, with a note of release for all. */
static bool is_of_a_copy(const struct model_feed *f, const struct model_feed *written, const struct device *d)
{
    return f->author == written->author || f->author == d || (f->author && device_was(f->author, &written->grant));
}

/* The same value may have been withdrawn, and told again, more than once, by copies as well: one of those that tell it must not have seen
 * more. Where all have, they may tell others, and this one waits yet: that is for the end to say. */
static bool op_is_anew(const struct model *m, struct model_withdrawn *x, const struct model_change *old, const struct model_op *op)
{
    const struct model_feed *from = &m->feeds[x->branch];
    bool as_existence;
    x->of_more = false;
    for (size_t i = 0; i < m->feed_count; i++) {
        const struct model_feed *f = &m->feeds[i];
        bool may_tell = f->space == from->space && is_of_a_copy(f, from, x->d);
        for (uint64_t n = f->count - f->base; may_tell && n > 0; n--) {
            const struct model_change *c = &f->changes[n - 1];
            if (!c->late || c->number <= old->number || !tells(op, c, &as_existence))
                continue;
            if (as_existence || (op->field & 3u) == WARD_TALLY || !has_seen_more(m, x->branch, c, old))
                return true;
            x->of_more = true;
        }
    }
    return is_told_later(m, x, op);
}

/* upto: what follows it of its row up to there was set aside with it; x->seq: nothing was. */
static bool find_anew(const struct model *m, struct model_withdrawn *x, uint64_t upto)
{
    const struct model_change *old = model_change(m, x->branch, x->seq);
    for (size_t k = 0; k < old->op_count; k++) {
        bool told = op_is_anew(m, x, old, &old->ops[k]);
        for (uint64_t seq = x->seq; !told && seq <= upto && upto > x->seq; seq++)
            told = writes_later(model_change(m, x->branch, seq), seq, x->seq, &old->ops[k]);
        if (!told)
            return false;
    }
    return true;
}

bool model_is_anew(const struct model *m, const struct device *d, size_t branch, uint64_t seq, uint64_t upto)
{
    struct model_withdrawn x = {.d = &m->w->d[d->i], .branch = branch, .seq = seq};
    return find_anew(m, &x, upto);
}

bool model_is_frozen(const struct model *m, const struct device *d, size_t space)
{
    for (size_t i = 0; i < m->feed_count; i++)
        if (m->feeds[i].space == space && memcmp(m->feeds[i].grant.b, d->grant.b, sizeof d->grant.b) == 0 &&
            model_fork_point(m, i, d->held) != UINT64_MAX)
            return true;
    return false;
}

const struct model_withdrawn *model_written_anew(struct model *m)
{
    const struct model_withdrawn *missing = NULL;
    for (size_t i = 0; i < m->withdrawn_count; i++) {
        struct model_withdrawn *x = &m->withdrawn[i];
        x->anew = x->anew || find_anew(m, x, x->seq);
        if (!x->anew && !missing && device_counts(x->d) && !model_is_frozen(m, x->d, m->feeds[x->branch].space))
            missing = x;
    }
    return missing;
}

void model_forget_withdrawn(struct model *m, const struct device *d)
{
    model_written_anew(m);
    for (size_t i = 0; i < m->withdrawn_count; i++)
        m->withdrawn[i].anew |= m->withdrawn[i].d == d;
}
