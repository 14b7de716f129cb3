#include "shell/link_lines.h"
#include "base/alloc.h"
#include "base/limits.h"

#include <string.h>

#define WATCH_EVERY_MS 100
#define FAREWELL_MS    1000

void ward_lines_init(struct ward_lines *l, const struct ward_env *env)
{
    *l = (struct ward_lines){.env = env};
}

void ward_lines_free(struct ward_lines *l)
{
    ward_release(l->env, l->items);
    ward_lines_init(l, l->env);
}

static int64_t now(const struct ward_lines *l)
{
    return l->env->mono_ms(l->env->ctx);
}

static struct ward_line *find(const struct ward_lines *l, int fd)
{
    for (size_t i = 0; i < l->count; i++)
        if (l->items[i].fd == fd)
            return &l->items[i];
    return NULL;
}

/* Told of its end by libzmq, as of any other. Its place stays until then. */
static void cut(struct ward_lines *l, struct ward_line *line)
{
    ward_net_cut(line->fd, &line->source, !line->spoken);
    line->end_ms = INT64_MAX; /* once */
    l->cut++;
}

static bool same_source(const struct ward_line *a, const struct ward_line *b)
{
    return memcmp(a->source.address, b->source.address, sizeof a->source.address) == 0;
}

static bool waits(const struct ward_line *line)
{
    return !line->spoken && line->end_ms != INT64_MAX;
}

/* The oldest of the source that has more than half of the unfinished ones (or, if none has, of one that has many): honest ones are
 * finished in an instant, and go on even where they share their address with the flood. */
static void make_room(struct ward_lines *l)
{
    struct ward_line *most = NULL, *oldest = NULL;
    size_t lead = 0;
    for (size_t i = 0; i < l->count; i++) {
        struct ward_line *line = &l->items[i];
        if (!waits(line))
            continue;
        if (lead == 0)
            most = line;
        lead = same_source(line, most) ? lead + 1 : lead - 1;
    }
    for (size_t i = 0; most && i < l->count; i++)
        if (waits(&l->items[i]) && same_source(&l->items[i], most) && (!oldest || l->items[i].since_ms < oldest->since_ms))
            oldest = &l->items[i];
    if (oldest)
        cut(l, oldest);
}

void ward_lines_accepted(struct ward_lines *l, int fd)
{
    struct ward_line line = {.fd = fd, .since_ms = now(l)};
    void *items = l->items;
    ward_lines_ended(l, fd);
    if (!ward_net_source(fd, &line.source) || ward_grow(l->env, &items, &l->cap, l->count, sizeof *l->items))
        return;
    l->items = items;
    l->items[l->count++] = line;
    if (++l->unfinished > WARD_LINES_UNFINISHED)
        make_room(l);
}

void ward_lines_ended(struct ward_lines *l, int fd)
{
    struct ward_line *line = find(l, fd);
    if (!line)
        return;
    l->unfinished -= !line->spoken;
    *line = l->items[--l->count];
}

uint64_t ward_line_bytes(size_t len)
{
    size_t boxed = 8 + 8 + 16 + 1 + len; /* CURVE's MESSAGE: name, nonce, MAC, flags; ZMTP's header around it */
    return boxed + (boxed > 255 ? 9 : 2);
}

void ward_lines_frame(struct ward_lines *l, int fd, size_t len)
{
    struct ward_line *line = find(l, fd);
    if (!line)
        return;
    l->unfinished -= !line->spoken;
    line->spoken = true;
    line->read += ward_line_bytes(len);
}

void ward_lines_drop(struct ward_lines *l, int fd)
{
    struct ward_line *line = find(l, fd);
    if (line && !line->end_ms)
        line->end_ms = now(l) + FAREWELL_MS;
}

static bool due(const struct ward_line *line, int64_t at)
{
    if (line->end_ms)
        return line->end_ms <= at;
    if (!line->spoken)
        return at - line->since_ms > WARD_LINE_QUIET_MS || ward_net_bytes_in(line->fd) > WARD_LINE_AHEAD_MAX;
    return ward_net_bytes_in(line->fd) > line->read + WARD_LINE_AHEAD_MAX;
}

void ward_lines_watch(struct ward_lines *l)
{
    int64_t at = now(l);
    if (at - l->watched_ms < WATCH_EVERY_MS)
        return;
    l->watched_ms = at;
    for (size_t i = 0; i < l->count; i++)
        if (due(&l->items[i], at))
            cut(l, &l->items[i]);
}
