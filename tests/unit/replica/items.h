/* items.h - items in the space of unit a, where most stories of one device play. After replicas.h. */
#ifndef WARD_TEST_ITEMS_H
#define WARD_TEST_ITEMS_H

#include "replicas.h"

static inline struct ward_hash its_space(struct world *w, size_t who)
{
    struct ward_id unit = unit_id('a');
    struct ward_hash space;
    OK(w, ward_space_of_circle(w->d[who].r, &space, &unit, 1, &w->err));
    return space;
}

static inline void put_value(struct world *w, size_t who, char item, uint32_t field, const char *key, struct ward_value v)
{
    ward_txn *t;
    struct ward_id id = unit_id(item);
    struct ward_hash space = its_space(w, who);
    OK(w, ward_begin(w->d[who].r, &t, &w->err));
    OK(w, ward_put(t, &space, KIND_ITEM, &id, field, key, key ? strlen(key) : 0, &v, &w->err));
    OK(w, ward_commit(t, NULL, &w->err));
}

static inline void put(struct world *w, size_t who, char item, uint32_t field, const char *text)
{
    put_value(w, who, item, field, NULL, ward_value_text(text));
}

static inline void drop(struct world *w, size_t who, char item)
{
    ward_txn *t;
    struct ward_id id = unit_id(item);
    struct ward_hash space = its_space(w, who);
    OK(w, ward_begin(w->d[who].r, &t, &w->err));
    OK(w, ward_delete(t, &space, KIND_ITEM, &id, &w->err));
    OK(w, ward_commit(t, NULL, &w->err));
}

#endif
