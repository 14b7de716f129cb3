#include "replica/ahead.h"
#include "base/alloc.h"
#include "base/limits.h"
#include "shell/pack.h"
#include "values/feed.h"
#include "values/seal.h"

#include <string.h>

#define RUNS_PASSED 16 /* that had their turn meanwhile: then nobody will come for it */

struct ward_ahead_run {
    struct ward_job job; /* first: it is what the helper is given */
    struct ward_ahead *ahead;
    bool begun;      /* and nobody has come for it yet */
    bool here;       /* not by the helper */
    bool known;      /* the hash before it, by the directory */
    uint64_t number; /* in the order of their beginning */
    size_t passed;
    struct ward_hash feed;
    uint64_t first; /* the run, as it came */
    uint32_t count, codec;
    struct ward_buf data;
    uint8_t sig[WARD_SEAL_BYTES], sign_pk[32];
    struct ward_reading reading; /* from here on the helper's while it is begun */
    struct ward_buf raw;
    struct ward_scratch scratch;
    int code;
};

/* Where a run that was read has ended: the next one of its feed may come before that is in the directory. */
struct end {
    struct ward_hash feed, hash;
    uint64_t seq;
};

struct ward_ahead {
    const struct ward_env *env;
    const struct ward_helper *helper;
    struct ward_ahead_run runs[WARD_AHEAD_RUNS];
    uint64_t begun;
    struct ward_packer packer, packer_there; /* there: from here on the helper's */
    struct end ends[WARD_AHEAD_RUNS];
    size_t ended;
};

int ward_ahead_open(struct ward_ahead **out, const struct ward_env *env, const struct ward_helper *helper)
{
    struct ward_ahead *a = helper ? ward_alloc(env, sizeof *a) : NULL;
    *out = a;
    if (!a)
        return helper ? WARD_ERR_MEMORY : WARD_OK;
    a->env = env;
    a->helper = helper;
    for (size_t i = 0; i < WARD_AHEAD_RUNS; i++) {
        struct ward_ahead_run *x = &a->runs[i];
        x->ahead = a;
        ward_buf_init(&x->data, env);
        ward_buf_init(&x->raw, env);
        ward_scratch_init(&x->scratch, env);
    }
    return WARD_OK;
}

static void finish(struct ward_ahead_run *x)
{
    if (x->begun && !x->here)
        x->ahead->helper->finish(x->ahead->helper->ctx, &x->job, true);
    x->begun = false;
}

void ward_ahead_close(struct ward_ahead *a)
{
    if (!a)
        return;
    for (size_t i = 0; i < WARD_AHEAD_RUNS; i++) {
        finish(&a->runs[i]);
        ward_buf_free(&a->runs[i].data);
        ward_buf_free(&a->runs[i].raw);
        ward_scratch_free(&a->runs[i].scratch);
    }
    ward_packer_free(&a->packer);
    ward_packer_free(&a->packer_there);
    ward_release(a->env, a);
}

static void read_run(struct ward_ahead_run *x, struct ward_packer *packer)
{
    x->code = ward_unpack(packer, &x->raw, x->codec, x->data.p, x->data.len, x->count, NULL);
    if (!x->code)
        ward_read_bodies(&x->reading, &x->scratch, x->raw.p, x->raw.len);
}

/* ---- in the other thread */

static void read_there(struct ward_job *job)
{
    struct ward_ahead_run *x = (struct ward_ahead_run *)job;
    struct ward_ahead *a = x->ahead;
    struct ward_reading *r = &x->reading;
    for (size_t i = 0; i < WARD_AHEAD_RUNS; i++)
        if (a->ends[i].seq + 1 == r->first && ward_hash_compare(&a->ends[i].feed, &r->feed) == 0)
            r->before = a->ends[i].hash;
    read_run(x, &a->packer_there);
    if (!x->code && !r->code)
        a->ends[a->ended++ % WARD_AHEAD_RUNS] = (struct end){.feed = r->feed, .hash = r->hash, .seq = r->last};
}

/* ---- in the caller's */

static struct ward_ahead_run *free_run(struct ward_ahead *a)
{
    for (size_t i = 0; a && i < WARD_AHEAD_RUNS; i++)
        if (!a->runs[i].begun || a->runs[i].passed > RUNS_PASSED)
            return &a->runs[i];
    return NULL;
}

bool ward_ahead_has_room(const struct ward_ahead *a)
{
    return free_run((struct ward_ahead *)a) != NULL;
}

void ward_ahead_begin(struct ward_ahead *a, const struct ward_run *run, const struct ward_reading *asked, bool known)
{
    struct ward_ahead_run *x = free_run(a);
    if (!x)
        return;
    finish(x);
    if (x->scratch.op_cap > (size_t)2 * WARD_AHEAD_OPS) /* it has been the caller's meanwhile */
        ward_scratch_free(&x->scratch);
    ward_buf_clear(&x->data);
    ward_buf_add(&x->data, run->data, run->len);
    if (ward_buf_status(&x->data))
        return;
    x->feed = asked->feed;
    x->first = run->first;
    x->count = run->count;
    x->codec = run->codec;
    memcpy(x->sig, run->sig, sizeof x->sig);
    memcpy(x->sign_pk, asked->sign_pk, sizeof x->sign_pk);
    x->reading = *asked;
    x->reading.sig = x->sig;
    x->reading.sign_pk = x->sign_pk;
    x->reading.ops_max = WARD_AHEAD_OPS;
    x->passed = 0;
    x->number = ++a->begun;
    x->known = known;
    x->here = false;
    x->begun = true;
    x->job = (struct ward_job){.run = read_there};
    a->helper->begin(a->helper->ctx, &x->job);
}

static bool is_of(const struct ward_ahead_run *x, const struct ward_run *run)
{
    return x->first == run->first && x->count == run->count && x->codec == run->codec && x->data.len == run->len &&
           (run->len == 0 || memcmp(x->data.p, run->data, run->len) == 0) && memcmp(x->sig, run->sig, sizeof x->sig) == 0;
}

/* The next of its feed waits to be read after it. */
static bool leads(const struct ward_ahead_run *x)
{
    bool does = false;
    for (size_t i = 0; i < WARD_AHEAD_RUNS; i++) {
        const struct ward_ahead_run *y = &x->ahead->runs[i];
        does |= y->begun && y->first == x->first + x->count && ward_hash_compare(&y->feed, &x->feed) == 0;
    }
    return does;
}

/* The helper has not come to it, and will not; what is read in a row it keeps. */
static bool withdraw(struct ward_ahead_run *x)
{
    return x->known && !x->here && !leads(x) && x->ahead->helper->withdraw(x->ahead->helper->ctx, &x->job);
}

static struct ward_ahead_run *next_after(struct ward_ahead_run *x)
{
    struct ward_ahead_run *next = NULL;
    for (size_t i = 0; i < WARD_AHEAD_RUNS; i++) {
        struct ward_ahead_run *y = &x->ahead->runs[i];
        if (y->begun && y->number > x->number && (!next || y->number < next->number))
            next = y;
    }
    return next;
}

/* Where the helper is at it, this thread reads the one behind it rather than wait, if the helper then has another one to go on with. */
static void wait_for(struct ward_ahead_run *x)
{
    const struct ward_helper *h = x->ahead->helper;
    struct ward_ahead_run *next = x->here || h->finish(h->ctx, &x->job, false) ? NULL : next_after(x);
    if (next && next_after(next) && withdraw(next)) {
        next->here = true;
        read_run(next, &x->ahead->packer);
    }
    finish(x);
}

struct ward_ahead_run *ward_ahead_take(struct ward_ahead *a, const struct ward_run *run, struct ward_buf *raw)
{
    struct ward_ahead_run *found = NULL;
    for (size_t i = 0; a && i < WARD_AHEAD_RUNS; i++) {
        struct ward_ahead_run *x = &a->runs[i];
        if (!found && x->begun && is_of(x, run))
            found = x;
        else
            x->passed++;
    }
    if (found && withdraw(found)) {
        found->begun = false;
        found = NULL;
    }
    if (!found)
        return NULL;
    wait_for(found);
    if (found->code)
        return NULL;
    struct ward_buf other = *raw;
    *raw = found->raw;
    found->raw = other;
    return found;
}

static bool is_asked(const struct ward_reading *a, const struct ward_reading *b)
{
    return a->first == b->first && a->last == b->last && a->mark == b->mark && ward_hash_compare(&a->feed, &b->feed) == 0 &&
           ward_hash_compare(&a->before, &b->before) == 0 && memcmp(a->sig, b->sig, WARD_SEAL_BYTES) == 0 &&
           memcmp(a->sign_pk, b->sign_pk, 32) == 0;
}

bool ward_ahead_read(struct ward_ahead_run *run, struct ward_reading *x, struct ward_scratch *s)
{
    if (!run || !is_asked(&run->reading, x) || run->reading.code == WARD_ERR_MEMORY)
        return false;
    struct ward_scratch other = *s;
    *s = run->scratch;
    run->scratch = other;
    *x = run->reading;
    return true;
}
