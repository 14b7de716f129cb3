#include "shell/link_guests.h"
#include "base/alloc.h"
#include "base/limits.h"

void ward_guests_init(struct ward_guests *g, const struct ward_env *env)
{
    g->env = env;
    g->items = NULL;
    g->count = g->cap = 0;
    g->dropped_count = g->dropped_next = 0;
}

void ward_guests_free(struct ward_guests *g)
{
    ward_release(g->env, g->items);
    ward_guests_init(g, g->env);
}

struct ward_guest *ward_guests_by_id(struct ward_guests *g, uint32_t id)
{
    for (size_t i = 0; i < g->count; i++)
        if (g->items[i].id == id)
            return &g->items[i];
    return NULL;
}

struct ward_guest *ward_guests_by_peer(struct ward_guests *g, ward_peer peer)
{
    for (size_t i = 0; i < g->count; i++)
        if (g->items[i].peer == peer)
            return &g->items[i];
    return NULL;
}

struct ward_guest *ward_guests_by_fd(struct ward_guests *g, int fd)
{
    for (size_t i = 0; i < g->count; i++)
        if (g->items[i].fd == fd && !g->items[i].gone)
            return &g->items[i];
    return NULL;
}

struct ward_guest *ward_guests_first_gone(struct ward_guests *g, uint64_t by)
{
    for (size_t i = 0; i < g->count; i++)
        if (g->items[i].gone && g->items[i].gone_by <= by)
            return &g->items[i];
    return NULL;
}

int ward_guests_add(struct ward_guests *g, const struct ward_guest *guest)
{
    if (g->count >= WARD_PEERS_MAX)
        return WARD_ERR_PEERS;
    void *items = g->items;
    int rc = ward_grow(g->env, &items, &g->cap, g->count, sizeof *g->items);
    if (rc)
        return rc;
    g->items = items;
    g->items[g->count++] = *guest;
    return WARD_OK;
}

void ward_guests_drop(struct ward_guests *g, struct ward_guest *guest)
{
    ward_guests_remember(g, guest->id);
    *guest = g->items[--g->count];
}

void ward_guests_remember(struct ward_guests *g, uint32_t id)
{
    g->dropped[g->dropped_next] = id;
    g->dropped_next = (g->dropped_next + 1) % WARD_GUESTS_DROPPED;
    if (g->dropped_count < WARD_GUESTS_DROPPED)
        g->dropped_count++;
}

bool ward_guests_was_dropped(const struct ward_guests *g, uint32_t id)
{
    for (size_t i = 0; i < g->dropped_count; i++)
        if (g->dropped[i] == id)
            return true;
    return false;
}
