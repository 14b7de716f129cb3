#include "proof.h"
#include "base/limits.h"
#include "check.h"
#include "disk.h"
#include "model.h"
#include "replica/replica.h"
#include "shell/platform.h"
#include "work.h"

#include <stdio.h>
#include <string.h>

#define PATH_BYTES 64

struct chosen {
    struct world *w;
    size_t seen, count;
    struct ward_hash feed;
    uint64_t seqs[2];
};

/* One or two changes that some hub has sealed, each as likely as the others. */
static int choose(void *ctx, const struct ward_receipt_info *receipt)
{
    struct chosen *c = ctx;
    struct dice *dice = &c->w->trust_dice;
    for (size_t i = 0; i < receipt->head_count && !receipt->against; i++) {
        const struct ward_receipted_head *h = &receipt->heads[i];
        if (dice_below(dice, ++c->seen) != 0)
            continue;
        c->feed = h->feed;
        c->count = h->seq > 1 && dice_chance(dice, 500) ? 2 : 1;
        c->seqs[0] = 1 + dice_below(dice, h->seq - (c->count - 1));
        c->seqs[1] = h->seq;
    }
    return 0;
}

/* What it says of each change must be what its author wrote. */
struct reading {
    struct world *w;
    const struct chosen *asked;
    size_t first, branch, count;
    bool moved;
};

static int on_subject(void *ctx, const struct ward_change_info *change, const struct ward_op_info *ops, size_t op_count)
{
    struct reading *x = ctx;
    const struct model *m = x->w->model;
    (void)ops;
    x->branch = model_find_branch(m, x->first, change->seq, change->hash.b);
    bool fits = x->branch != SIZE_MAX && x->count < x->asked->count && change->seq == x->asked->seqs[x->count++] &&
                model_change(m, x->branch, change->seq)->op_count == op_count;
    if (!fits)
        violated(x->w, "receipt", "a proof shows a change %llu that its author did not write", (unsigned long long)change->seq);
    return 0;
}

/* "They are a finger, not a claim": a turned bit may point at another of the changes that are proven (receipt.md). */
static int on_bent_subject(void *ctx, const struct ward_change_info *change, const struct ward_op_info *ops, size_t op_count)
{
    struct reading *x = ctx;
    (void)ops;
    (void)op_count;
    x->moved |= x->count >= x->asked->count || change->seq != x->asked->seqs[x->count];
    x->count++;
    return 0;
}

static const struct device *owner(const struct world *w, const struct ward_hash *grant)
{
    for (size_t i = 0; i < w->count; i++)
        if (w->d[i].joined && device_was(&w->d[i], grant))
            return &w->d[i];
    return NULL;
}

/* No hub has sealed what it did not hold, and a proof says what its reader can see for himself. */
static void check_proof(struct device *to, const struct ward_proof *p, const struct reading *x)
{
    struct world *w = to->w;
    const struct model *m = w->model;
    bool proved = false, one_history = m->feeds[x->first].next == SIZE_MAX;
    for (size_t i = 0; i < p->receipt_count; i++) {
        const struct ward_proof_receipt *r = &p->receipts[i];
        const struct device *giver = owner(w, &r->grant);
        proved |= r->agrees && r->seq >= x->asked->seqs[x->asked->count - 1];
        bool keeps = giver && !giver->may_fork && !device_lost(giver, &r->grant); /* what it once held */
        if (keeps && r->agrees && one_history && giver->held[x->first] < r->seq)
            violated(w, "receipt", "%s has sealed change %llu, which it never held", giver->name, (unsigned long long)r->seq);
        if (!r->agrees && one_history)
            violated(w, "receipt", "a proof says that a hub has sealed another history, and there is one alone");
        if (r->ended != (model_is_cut(m, to->held, &r->grant) || !model_has_effect(m, to->held, &r->grant)))
            violated(w, "receipt", "%s takes a hub for ended, or not, against what it knows", to->name);
    }
    if (!proved || x->count != x->asked->count)
        violated(w, "receipt", "%s finds a proof good that proves nothing", to->name);
    bool same = one_history && to->held[x->first] >= p->first; /* as far as it holds of them */
    bool settled = same && p->here == WARD_PROOF_NOT_HERE && (w->settles || m->change_count >= WARD_SNAPSHOT_FROM);
    if (one_history && !settled && (p->here != (same ? WARD_PROOF_SAME_HERE : WARD_PROOF_NOT_HERE)))
        violated(w, "receipt", "%s says of a proof that it holds the same, or not, against what it holds", to->name);
}

static int write_proof(struct device *from, struct chosen *c, const char *path, struct ward_proof *out)
{
    struct ward_error err = {0};
    ward_replica *r;
    c->w = from->w;
    faults_before_act(from);
    int rc = device_app(from, &r, &err);
    if (!rc)
        rc = ward_receipts(r, choose, c, &err);
    ward_file_remove(path);
    if (!rc)
        rc = c->count ? ward_proof_write(r, path, &c->feed, c->seqs, c->count, out, &err) : WARD_ERR_RECEIPT_NONE;
    bool excused = !c->count || from->may_fork || (rc >= 600 && rc < 700) || rc == WARD_ERR_MEMORY || rc == WARD_ERR_HISTORY;
    work_end_act(from, "writes a proof", rc, &err);
    if (rc && !excused)
        violated(from->w, "receipt", "%s cannot prove what is receipted: %d %s", from->name, rc, err.detail);
    if (!rc)
        deed(from->w, DEED_PROVE);
    return rc;
}

/* Whoever has not heard of the devices in question cannot judge. */
static bool knows_all(const ward_replica *r, const struct ward_proof *p)
{
    bool all = ward_grant_effective(&r->dir, &p->grant);
    for (size_t i = 0; i < p->receipt_count; i++)
        all &= ward_grant_effective(&r->dir, &p->receipts[i].grant);
    return all;
}

static int check_there(struct device *to, const struct chosen *c, const char *path, const struct ward_proof *wrote, bool bent)
{
    struct world *w = to->w;
    struct ward_error err = {0};
    struct ward_proof found;
    struct reading x = {.w = w, .asked = c, .first = model_find_feed(w->model, &c->feed)};
    ward_replica *r;
    faults_before_act(to);
    int rc = device_app(to, &r, &err);
    if (!rc)
        rc = ward_proof_check(r, path, bent ? on_bent_subject : on_subject, &x, &found, &err);
    bool excused = bent || (rc >= 600 && rc < 700) || rc == WARD_ERR_MEMORY || (rc == WARD_ERR_PROOF_GRANT && !knows_all(r, wrote));
    if (!rc && !bent)
        model_observe(to, r);
    work_end_act(to, "checks a proof", rc, &err);
    if (!rc && bent && !x.moved)
        violated(w, "S5", "%s finds a proof good in which a bit is turned over", to->name);
    else if (!rc && !bent)
        check_proof(to, &found, &x);
    else if (!excused)
        violated(w, "receipt", "%s does not find a proof good: %d %s", to->name, rc, err.detail);
    return rc;
}

bool proof_show_to(struct device *from, struct device *to)
{
    struct chosen c = {.w = from->w};
    struct ward_proof wrote;
    char there[PATH_BYTES], here[PATH_BYTES];
    size_t len;
    snprintf(there, sizeof there, "%s/proof.wsp", from->mount);
    snprintf(here, sizeof here, "%s/proof.wsp", to->mount);
    if (write_proof(from, &c, there, &wrote))
        return false;
    const uint8_t *p = disk_file(from->disk, there, &len);
    disk_set_file(to->disk, here, p, len, 0644);
    bool bent = fault_on(from->w, FAULT_FLIP) && dice_chance(&from->w->trust_dice, 200);
    if (bent) {
        disk_flip(to->disk, here, dice_below(&from->w->trust_dice, len), 1);
        fault_note(from->w, FAULT_FLIP);
    }
    bool good = check_there(to, &c, here, &wrote, bent) == WARD_OK;
    if (good)
        deed(from->w, DEED_PROVED);
    return good;
}

void proof_show(struct world *w)
{
    struct device *from = &w->d[dice_below(&w->trust_dice, w->count)], *to = &w->d[dice_below(&w->trust_dice, w->count)];
    bool may = from != to && device_counts(from) && device_counts(to) && device_is_up(from) && device_is_up(to) && !from->keys_open &&
               !to->keys_open;
    if (may && proof_show_to(from, to))
        fault_note(w, FAULT_DISPUTE);
}
