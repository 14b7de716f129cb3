#include "sched.h"
#include "disk_inside.h"

#include <stdlib.h>

static bool before(const struct sched_event *a, const struct sched_event *b)
{
    return a->at < b->at || (a->at == b->at && a->number < b->number);
}

static void swap(struct sched *s, size_t i, size_t j)
{
    struct sched_event e = s->heap[i];
    s->heap[i] = s->heap[j];
    s->heap[j] = e;
}

void sched_at(struct sched *s, int64_t at, sched_fn *fn, void *ctx, uint64_t n)
{
    if (s->count == s->cap) {
        s->cap = s->cap ? 2 * s->cap : 256;
        s->heap = disk_memory(s->heap, s->cap * sizeof *s->heap);
    }
    size_t i = s->count++;
    s->heap[i] = (struct sched_event){at < s->now ? s->now : at, s->number++, fn, ctx, n};
    for (; i > 0 && before(&s->heap[i], &s->heap[(i - 1) / 2]); i = (i - 1) / 2)
        swap(s, i, (i - 1) / 2);
}

static void remove_first(struct sched *s)
{
    s->heap[0] = s->heap[--s->count];
    for (size_t i = 0;;) {
        size_t least = i, left = 2 * i + 1, right = left + 1;
        if (left < s->count && before(&s->heap[left], &s->heap[least]))
            least = left;
        if (right < s->count && before(&s->heap[right], &s->heap[least]))
            least = right;
        if (least == i)
            return;
        swap(s, i, least);
        i = least;
    }
}

bool sched_step(struct sched *s, int64_t until)
{
    if (!s->count || s->heap[0].at >= until) {
        s->now = until;
        return false;
    }
    struct sched_event e = s->heap[0];
    remove_first(s);
    s->now = e.at;
    e.fn(e.ctx, e.n);
    return true;
}

void sched_free(struct sched *s)
{
    free(s->heap);
    *s = (struct sched){0};
}
