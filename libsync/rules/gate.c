#include "rules/gate.h"
#include "base/alloc.h"
#include "base/limits.h"

#include <string.h>

bool ward_bucket_has(struct ward_bucket *b, int64_t now_ms, uint32_t rate, uint32_t burst)
{
    int64_t full = (int64_t)burst * 1000;
    if (!b->begun)
        *b = (struct ward_bucket){.left = full, .at_ms = now_ms, .begun = true};
    int64_t gone = now_ms - b->at_ms;
    if (gone > 0) {
        b->at_ms = now_ms;
        b->left = gone > (full - b->left) / rate ? full : b->left + gone * rate;
    }
    return b->left > 0;
}

void ward_bucket_take(struct ward_bucket *b, uint64_t n)
{
    b->left -= (int64_t)n * 1000;
}

void ward_gate_init(struct ward_gate *g, const struct ward_env *env)
{
    *g = (struct ward_gate){.env = env};
}

void ward_gate_free(struct ward_gate *g)
{
    for (size_t i = 0; i < g->count; i++)
        ward_release(g->env, g->v[i]);
    ward_release(g->env, g->v);
    *g = (struct ward_gate){.env = g->env};
}

static struct ward_visitor *find(const struct ward_gate *g, const uint8_t link_pk[32])
{
    for (size_t i = 0; i < g->count; i++)
        if (memcmp(g->v[i]->link_pk, link_pk, 32) == 0)
            return g->v[i];
    return NULL;
}

/* One that may be forgotten: not here, no pause to sit out, unseen for the longest time. */
static struct ward_visitor *oldest(const struct ward_gate *g, int64_t now_ms)
{
    struct ward_visitor *best = NULL;
    for (size_t i = 0; i < g->count; i++) {
        struct ward_visitor *v = g->v[i];
        if (!v->links && v->pause_ms <= now_ms && (!best || v->seen_ms < best->seen_ms))
            best = v;
    }
    return best;
}

static struct ward_visitor *meet(struct ward_gate *g, const uint8_t link_pk[32], int64_t now_ms)
{
    struct ward_visitor *v = find(g, link_pk);
    if (!v && g->count >= WARD_GATE_KEYS) {
        v = oldest(g, now_ms);
        if (!v)
            return NULL;
        *v = (struct ward_visitor){.links = 0};
        memcpy(v->link_pk, link_pk, 32);
    }
    if (!v && ward_grow(g->env, (void **)&g->v, &g->cap, g->count, sizeof(struct ward_visitor *)) == 0) {
        v = ward_alloc(g->env, sizeof *v);
        if (v) {
            memcpy(v->link_pk, link_pk, 32);
            g->v[g->count++] = v;
        }
    }
    if (v)
        v->seen_ms = now_ms;
    return v;
}

int ward_gate_knock(struct ward_gate *g, const uint8_t link_pk[32], int64_t now_ms)
{
    struct ward_visitor *v = meet(g, link_pk, now_ms);
    if (!v)
        return WARD_OK;
    if (v->pause_ms > now_ms || !ward_bucket_has(&v->calls, now_ms, WARD_CALLS_RATE, WARD_CALLS_BURST))
        return WARD_ERR_PAUSE;
    ward_bucket_take(&v->calls, 1);
    return WARD_OK;
}

struct ward_visitor *ward_gate_enter(struct ward_gate *g, const uint8_t link_pk[32], int64_t now_ms)
{
    struct ward_visitor *v = meet(g, link_pk, now_ms);
    if (v)
        v->links++;
    return v;
}

void ward_gate_leave(struct ward_visitor *v, int64_t now_ms)
{
    v->links--;
    v->seen_ms = now_ms;
}

void ward_gate_strike(struct ward_visitor *v, int64_t now_ms)
{
    if (v->strikes && now_ms - v->struck_ms > 2 * (int64_t)WARD_PAUSE_MS_MAX)
        v->strikes = 0;
    int64_t pause = WARD_PAUSE_MS_MIN;
    for (unsigned i = 0; i < v->strikes && pause < WARD_PAUSE_MS_MAX; i++)
        pause *= 2;
    v->strikes++;
    v->struck_ms = now_ms;
    v->pause_ms = now_ms + (pause < WARD_PAUSE_MS_MAX ? pause : WARD_PAUSE_MS_MAX);
}

bool ward_gate_blames(int code)
{
    return code == WARD_ERR_WINDOW || code == WARD_ERR_QUOTA || code == WARD_ERR_FORGED || code == WARD_ERR_PROTOCOL ||
           (code >= 200 && code < 300 && code != WARD_ERR_VERSION && code != WARD_ERR_LIMIT_SPACES);
}

bool ward_gate_is_heavy(struct ward_visitor *v, int64_t now_ms)
{
    return !ward_bucket_has(&v->light, now_ms, WARD_LIGHT_RATE, WARD_LIGHT_BURST);
}

bool ward_gate_may_work(struct ward_visitor *v, int64_t now_ms, int64_t light_ms)
{
    bool heavy = ward_gate_is_heavy(v, now_ms);
    if (heavy && now_ms - light_ms < WARD_HEAVY_WAIT_MS && now_ms - v->worked_ms < WARD_HEAVY_WAIT_MS_MAX)
        return false;
    return ward_bucket_has(&v->work, now_ms, WARD_WORK_RATE, WARD_WORK_BURST);
}

int ward_gate_may_grow(struct ward_visitor *v, int64_t now_ms)
{
    return ward_bucket_has(&v->growth, now_ms, WARD_GROWTH_RATE, WARD_GROWTH_BURST) ? WARD_OK : WARD_ERR_QUOTA;
}

void ward_gate_worked(struct ward_visitor *v, int64_t now_ms, size_t bytes, size_t changes)
{
    v->worked_ms = now_ms;
    ward_bucket_take(&v->work, bytes + changes * WARD_WORK_CHANGE);
    ward_bucket_take(&v->light, bytes + changes * WARD_WORK_CHANGE);
    ward_bucket_take(&v->growth, bytes);
}
