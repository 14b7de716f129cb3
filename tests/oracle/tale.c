/* tale.c - what is written in a history by chance: who writes what on what knowledge. */
#include "tale.h"
#include "rules/floor.h"
#include "values/feed.h"

#include <stdlib.h>
#include <string.h>

static uint64_t roll(struct tale *t)
{
    uint64_t z = (t->dice += 0x9e3779b97f4a7c15u);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

size_t tale_below(struct tale *t, size_t n)
{
    return (size_t)(roll(t) % n);
}

bool tale_chance(struct tale *t, unsigned percent)
{
    return tale_below(t, 100) < percent;
}

/* ---------------------------------------------------------------- operations */

static struct ward_value some_value(struct tale *t)
{
    static const uint8_t list[] = {0x82, 0x01, 0x61, 'x'};
    switch (tale_below(t, 9)) {
    case 0:
        return ward_value_null();
    case 1:
        return ward_value_bool(tale_chance(t, 50));
    case 2:
        return ward_value_bytes("\x01\x02", 2);
    case 3:
        return (struct ward_value){.type = WARD_ARRAY, .p = list, .len = sizeof list};
    case 4:
        return ward_value_int((int64_t)tale_below(t, 600) - 300);
    default:
        return ward_value_text(tale_chance(t, 50) ? "north" : "south");
    }
}

static void write_field(struct tale *t, struct paper_ops *ops, uint32_t kind, const struct ward_id *entity, uint32_t field)
{
    switch (ward_field_class(field)) {
    case WARD_MEMBER:
        paper_op(ops, kind, entity, field, tale_chance(t, 60) ? "red" : "blue", ward_value_bool(tale_chance(t, 60)));
        break;
    case WARD_TALLY:
        paper_op(ops, kind, entity, field, NULL, ward_value_int(tale_chance(t, 3) ? INT64_MAX : (int64_t)tale_below(t, 300) - 100));
        break;
    default:
        paper_op(ops, kind, entity, field, NULL, field == WARD_FIELD_PRESENCE ? ward_value_bool(tale_chance(t, 30)) : some_value(t));
    }
}

/* Something that any application might write, and now and then something that none knows. */
static void add_data(struct tale *t, struct paper_ops *ops)
{
    static const uint32_t fields[] = {4, 4, 4, 4, 5, 5, 5, 6, 6, 7, 8, 9, 1, 1, 1, 40, 41, 42, 43, 65532, 65533};
    static const uint32_t kinds[] = {100, 100, 100, 100, 100, 101, 300, 65535, 3, 4, 2, 1};
    struct ward_id entity = {{(uint8_t)(1 + (tale_chance(t, 15) ? 1 : 0))}};
    if (tale_chance(t, 60)) {
        write_field(t, ops, 100, &entity, tale_chance(t, 15) ? WARD_FIELD_PRESENCE : t->favourite);
        return;
    }
    write_field(t, ops, kinds[tale_below(t, sizeof kinds / sizeof kinds[0])], &entity,
                fields[tale_below(t, sizeof fields / sizeof fields[0])]);
}

static void add_grant(struct tale *t, struct paper_ops *ops, size_t whom, uint16_t *brings)
{
    const struct author *a = &t->p->authors[whom];
    struct ward_id entity = a->entity;
    bool sound = true;
    if (tale_chance(t, 4)) {
        entity.b[15] ^= 1;
        sound = false;
    }
    paper_op(ops, WARD_KIND_GRANT, &entity, 4, NULL, ward_value_bytes(a->bytes, a->len));
    if (sound)
        *brings |= (uint16_t)(1u << a->of);
    if (tale_chance(t, 10))
        paper_op(ops, WARD_KIND_GRANT, &entity, tale_chance(t, 50) ? 8 : 1, NULL,
                 tale_chance(t, 50) ? ward_value_bool(false) : ward_value_bool(true));
    if (tale_chance(t, 4)) /* a later operation in its place */
        paper_op(ops, WARD_KIND_GRANT, &entity, 4, NULL, some_value(t));
}

static int by_feed(const void *a, const void *b)
{
    return ward_hash_compare(&((const struct ward_cut_entry *)a)->feed, &((const struct ward_cut_entry *)b)->feed);
}

static uint64_t cut_at(struct tale *t, size_t by, size_t feed)
{
    size_t known = t->p->knows[by][feed];
    if (tale_chance(t, 10))
        return known + 1 + tale_below(t, 2);
    return known && tale_chance(t, 40) ? 1 + tale_below(t, known) : known;
}

/* One of those that have this feed's id. */
static size_t some_twin(struct tale *t, size_t feed)
{
    const struct paper *p = t->p;
    size_t row = paper_origin(p, feed), rows = 1;
    for (size_t g = AUTHORS * SPACES + feed % SPACES; g < p->writers * SPACES; g += SPACES)
        if (paper_origin(p, g) == paper_origin(p, feed) && tale_below(t, ++rows) == 0)
            row = g;
    return row;
}

static size_t cut_entries(struct tale *t, size_t by, size_t whom, struct ward_cut_entry *entries)
{
    size_t n = 0;
    for (size_t space = 0; space < SPACES; space++) {
        size_t feed = some_twin(t, (tale_chance(t, 3) ? tale_below(t, AUTHORS) : whom) * SPACES + space);
        const struct paper_feed *f = &t->p->feeds[feed];
        uint64_t seq = cut_at(t, by, feed);
        if (seq == 0 || tale_chance(t, 15))
            continue;
        entries[n] = (struct ward_cut_entry){.feed = f->id, .seq = seq};
        if (seq <= f->count)
            entries[n].hash = t->p->changes[f->changes[seq - 1]].hash;
        n++;
    }
    qsort(entries, n, sizeof entries[0], by_feed);
    if (n && tale_chance(t, 3))
        entries[0].seq = 0; /* none such */
    if (n > 1 && tale_chance(t, 3)) {
        struct ward_cut_entry first = entries[0];
        entries[0] = entries[1];
        entries[1] = first;
    }
    return n;
}

static void add_cut(struct tale *t, struct paper_ops *ops, size_t by, size_t whom)
{
    struct ward_cut_entry entries[SPACES];
    size_t n = cut_entries(t, by, whom, entries);
    struct ward_buf b;
    ward_buf_init(&b, t->p->bodies.env);
    ward_cut_write(&b, entries, n);
    struct ward_value cut = {.type = WARD_ARRAY, .p = b.p, .len = b.len};
    paper_op(ops, WARD_KIND_GRANT, &t->p->authors[whom].entity, 12, NULL, tale_chance(t, 3) ? some_value(t) : cut);
    ward_buf_free(&b);
}

/* ---------------------------------------------------------------- floors */

static int by_settled_feed(const void *a, const void *b)
{
    return ward_hash_compare(&((const struct ward_floor_entry *)a)->feed, &((const struct ward_floor_entry *)b)->feed);
}

/* Mostly the heads that are known; now and then less, or what nobody wrote. Of a feed with twins any of them. */
static size_t floor_entries(struct tale *t, size_t by, size_t space, struct ward_floor_entry *entries)
{
    size_t n = 0, most = tale_chance(t, t->meets ? 30 : 50) ? 15 : 0;
    for (size_t first = space; first < AUTHORS * SPACES; first += SPACES) {
        size_t feed = some_twin(t, first);
        const struct paper_feed *f = &t->p->feeds[feed];
        uint64_t seq = most ? cut_at(t, by, feed) : t->p->knows[by][feed];
        if (seq == 0 || tale_chance(t, (unsigned)most))
            continue;
        entries[n] = (struct ward_floor_entry){.feed = f->id, .seq = seq, .effect = tale_chance(t, 80) ? seq : tale_below(t, seq + 1)};
        if (seq <= f->count && !tale_chance(t, 4))
            entries[n].hash = t->p->changes[f->changes[seq - 1]].hash;
        n++;
    }
    qsort(entries, n, sizeof entries[0], by_settled_feed);
    return n;
}

static void add_floor(struct tale *t, struct paper_ops *ops, size_t by, size_t space)
{
    struct ward_floor_entry entries[AUTHORS];
    size_t n = floor_entries(t, by, space, entries);
    struct ward_id entity;
    struct ward_buf b;
    ward_floor_entity(&entity, &t->p->spaces[space].id);
    ward_buf_init(&b, t->p->bodies.env);
    ward_floor_write(&b, entries, n);
    struct ward_value heads = {.type = WARD_ARRAY, .p = b.p, .len = b.len};
    if (t->floor_count < sizeof t->floors / sizeof t->floors[0]) {
        ward_floor_name(&t->floors[t->floor_count].name, b.p, b.len);
        t->floors[t->floor_count++].space = space;
    }
    paper_op(ops, WARD_KIND_FLOOR, &entity, 4, NULL, tale_chance(t, 3) ? some_value(t) : heads);
    ward_buf_free(&b);
}

static void add_closing(struct tale *t, struct paper_ops *ops)
{
    struct ward_id entity;
    if (!t->floor_count || tale_chance(t, 3)) { /* of what nobody proposed */
        struct ward_hash name;
        memset(name.b, (int)tale_below(t, 256), sizeof name.b);
        ward_floor_entity(&entity, &t->p->spaces[SPACE_AB].id);
        paper_op(ops, WARD_KIND_FLOOR, &entity, 8, NULL, ward_value_bytes(name.b, WARD_HASH_BYTES));
        return;
    }
    size_t which = tale_chance(t, 50) ? t->floor_count - 1 : tale_below(t, t->floor_count);
    size_t space = tale_chance(t, 4) ? tale_below(t, SPACES) : t->floors[which].space;
    ward_floor_entity(&entity, &t->p->spaces[space].id);
    struct ward_value name = ward_value_bytes(t->floors[which].name.b, WARD_HASH_BYTES);
    paper_op(ops, WARD_KIND_FLOOR, &entity, 8, NULL, tale_chance(t, 3) ? some_value(t) : name);
    t->closed = true;
}

static void add_left_behind(struct tale *t, struct paper_ops *ops)
{
    const struct ward_grant *left = &t->p->authors[t->crew[1 + tale_below(t, t->crew_count - 1)]].grant;
    struct ward_id entity;
    size_t before = ops->count;
    ward_floor_entity(&entity, &t->p->spaces[tale_chance(t, 80) ? SPACE_AB : tale_below(t, SPACES)].id);
    paper_op(ops, WARD_KIND_FLOOR, &entity, 14, "", ward_value_bool(tale_chance(t, 80)));
    if (ops->count > before) { /* a key of any bytes */
        ops->v[before].key = left->id.b;
        ops->v[before].key_len = WARD_HASH_BYTES;
    }
}

/* ---------------------------------------------------------------- steps */

static size_t someone_aboard(struct tale *t)
{
    for (;;) {
        size_t who = t->crew[tale_below(t, t->crew_count)];
        if (t->aboard[who] && (who != ROOT || tale_chance(t, 30)))
            return who;
    }
}

/* On what somebody had seen at some time: much of it or little, and not all feeds alike. */
static struct paper_change *write_late(struct tale *t, size_t who, size_t space, const struct paper_ops *ops)
{
    uint8_t most[FEEDS];
    uint8_t own = t->p->feeds[who * SPACES + space].count;
    for (size_t i = 0; i < AUTHORS * SPACES; i++)
        most[i] = (uint8_t)(tale_chance(t, 50) ? 255 : tale_below(t, 4));
    return paper_write_late(t->p, who, space, ops, tale_chance(t, 40) ? own : (uint8_t)tale_below(t, own + 1u), most);
}

static void commit(struct tale *t, size_t who, size_t space, struct paper_ops *ops, uint16_t brings)
{
    size_t pass_over = tale_chance(t, 6) ? tale_below(t, AUTHORS) * SPACES + space : FEEDS;
    t->p->mixes = tale_chance(t, 20);
    if (ops->count && (tale_chance(t, 12) ? write_late(t, who, space, ops) : paper_write(t->p, who, space, ops, pass_over)))
        t->brings[t->p->count - 1] = space == WARD_ITSELF ? brings : 0;
}

static size_t some_space(struct tale *t, size_t who)
{
    for (;;) {
        size_t space = tale_chance(t, t->meets ? 85 : 60) ? SPACE_AB : tale_below(t, SPACES);
        if (paper_may_write(t->p, who, space) || tale_chance(t, 1))
            return space;
    }
}

static void write_data(struct tale *t, size_t who)
{
    size_t space = some_space(t, who), n = tale_chance(t, 60) ? 1 : 2 + tale_below(t, 4);
    struct paper_ops ops = {.count = 0, .len = 0};
    uint16_t brings = 0;
    for (size_t i = 0; i < n; i++)
        add_data(t, &ops);
    if (tale_chance(t, 5))
        add_grant(t, &ops, 1 + tale_below(t, AUTHORS - 1), &brings);
    if (tale_chance(t, 5))
        add_cut(t, &ops, who, tale_below(t, AUTHORS));
    commit(t, who, space, &ops, brings);
}

static void write_grant(struct tale *t, size_t who)
{
    struct paper_ops ops = {.count = 0, .len = 0};
    uint16_t brings = 0;
    if (!paper_may_write(t->p, who, WARD_ITSELF))
        return;
    for (size_t n = tale_chance(t, 80) ? 1 : 2; n > 0; n--)
        add_grant(t, &ops, t->crew[1 + tale_below(t, t->crew_count - 1)], &brings);
    if (tale_chance(t, 10))
        add_cut(t, &ops, who, t->crew[tale_below(t, t->crew_count)]);
    commit(t, who, WARD_ITSELF, &ops, brings);
    for (size_t i = 1; i < AUTHORS; i++)
        if (brings >> i & 1 && !t->aboard[i]) {
            t->aboard[i] = true;
            paper_learn(t->p, i, who, FEEDS);
        }
}

/* A device goes on as two, from where it stands or from before; and does something at once, or much the same again and again. */
static void fork_off(struct tale *t, size_t who)
{
    uint8_t upto[SPACES];
    for (size_t n = tale_chance(t, 12) ? TWINS : 1; n > 0; n--) {
        for (size_t space = 0; space < SPACES; space++) {
            uint8_t count = t->p->feeds[who * SPACES + space].count;
            upto[space] = (uint8_t)(tale_chance(t, 50) ? count : tale_below(t, count + 1u));
        }
        size_t twin = paper_twin(t->p, who, upto);
        if (twin == SIZE_MAX)
            return;
        t->aboard[twin] = true;
        t->crew[t->crew_count++] = (uint8_t)twin;
        if (tale_chance(t, 70))
            write_data(t, twin);
    }
}

static void write_cut(struct tale *t, size_t who)
{
    struct paper_ops ops = {.count = 0, .len = 0};
    uint16_t brings = 0;
    if (!paper_may_write(t->p, who, WARD_ITSELF))
        return;
    add_cut(t, &ops, who, t->crew[tale_below(t, t->crew_count)]);
    if (tale_chance(t, 15))
        add_cut(t, &ops, who, t->crew[tale_below(t, t->crew_count)]);
    if (tale_chance(t, 10))
        add_grant(t, &ops, t->crew[1 + tale_below(t, t->crew_count - 1)], &brings);
    commit(t, who, WARD_ITSELF, &ops, brings);
}

static void write_floor(struct tale *t, size_t who)
{
    struct paper_ops ops = {.count = 0, .len = 0};
    if (!paper_may_write(t->p, who, WARD_ITSELF))
        return;
    if (!t->floor_count || tale_chance(t, 60))
        add_floor(t, &ops, who, tale_chance(t, 80) ? SPACE_AB : tale_below(t, SPACES));
    if (tale_chance(t, 70))
        add_closing(t, &ops);
    if (tale_chance(t, 10))
        add_closing(t, &ops);
    if (tale_chance(t, 10))
        add_left_behind(t, &ops);
    if (tale_chance(t, 10))
        add_cut(t, &ops, who, t->crew[tale_below(t, t->crew_count)]);
    commit(t, who, WARD_ITSELF, &ops, 0);
}

static void step(struct tale *t)
{
    size_t who = someone_aboard(t), what = tale_below(t, 100);
    if (t->settles && tale_chance(t, t->meets ? 25 : 20)) {
        for (size_t tries = 0; t->meets && tries < 20 && !paper_may_write(t->p, who, WARD_ITSELF); tries++)
            who = someone_aboard(t);
        for (size_t n = t->meets ? tale_below(t, 4) : 0; n > 0; n--)
            paper_learn(t->p, who, someone_aboard(t), FEEDS);
        write_floor(t, who);
        return;
    }
    if (tale_chance(t, t->forks)) {
        for (size_t tries = 0; t->meets && tries < 10 && !t->p->feeds[who * SPACES + SPACE_AB].count; tries++)
            who = someone_aboard(t);
        fork_off(t, who);
        return;
    }
    if (what < t->learns)
        paper_learn(t->p, who, someone_aboard(t), tale_chance(t, 80) ? FEEDS : tale_below(t, FEEDS));
    else if (what < t->learns + t->writes)
        write_data(t, who);
    else if (what < t->learns + t->writes + t->grants)
        write_grant(t, who);
    else
        write_cut(t, who);
}

static void found(struct tale *t)
{
    struct paper_ops ops = {.count = 0, .len = 0};
    uint16_t brings = 0;
    uint8_t all[AUTHORS];
    for (size_t i = 0; i < AUTHORS; i++)
        all[i] = (uint8_t)i;
    for (size_t i = AUTHORS - 1; i > 1; i--) { /* who comes after the root */
        size_t j = 1 + tale_below(t, i);
        uint8_t other = all[i];
        all[i] = all[j];
        all[j] = other;
    }
    t->crew_count = 3 + tale_below(t, 4);
    memcpy(t->crew, all, t->crew_count);
    if (tale_chance(t, 30)) { /* rivals: two operators, and another if there is room */
        static const uint8_t rivals[] = {FIRST, SECOND, THIRD};
        size_t n = t->crew_count > 3 ? 3 : 2;
        memcpy(t->crew + 1, rivals, n);
        for (size_t i = n + 1; i < t->crew_count; i++)
            t->crew[i] = (uint8_t)(CELL_A + i - n - 1);
    }
    t->aboard[ROOT] = true;
    if (t->meets) {
        static const uint8_t ward[] = {FIRST, CELL_A, CELL_B, SECOND, HUB, CHECK};
        t->crew_count = 4 + tale_below(t, 4);
        memcpy(t->crew + 1, ward, t->crew_count - 1);
    }
    for (size_t i = 1; t->meets && i < t->crew_count; i++) {
        const struct author *a = &t->p->authors[t->crew[i]];
        paper_op(&ops, WARD_KIND_GRANT, &a->entity, 4, NULL, ward_value_bytes(a->bytes, a->len));
        brings |= (uint16_t)(1u << t->crew[i]);
    }
    for (size_t n = t->meets ? 0 : 1 + tale_below(t, 2); n > 0; n--)
        add_grant(t, &ops, t->crew[tale_chance(t, 70) ? n : 1 + tale_below(t, t->crew_count - 1)], &brings);
    paper_op(&ops, WARD_KIND_WARD, &t->p->authors[ROOT].entity, 4, NULL, ward_value_text("North"));
    commit(t, ROOT, WARD_ITSELF, &ops, brings);
    for (size_t i = 1; i < AUTHORS; i++)
        t->aboard[i] = brings >> i & 1;
    for (size_t i = 1; i < AUTHORS; i++)
        if (t->aboard[i])
            paper_learn(t->p, i, ROOT, FEEDS);
}

void tale_tell(struct tale *t, struct paper *p, uint64_t seed)
{
    *t = (struct tale){.p = p, .dice = seed * 0x2545f4914f6cdd1du};
    paper_clear(p);
    t->meets = tale_chance(t, 40);
    found(t);
    t->favourite = (uint32_t)(4 + tale_below(t, 4));
    t->learns = 15 + (unsigned)tale_below(t, 30);
    t->writes = tale_chance(t, 30) ? 10 : 45;
    t->grants = 3 + (unsigned)tale_below(t, 15);
    t->settles = tale_chance(t, 50);
    t->forks = tale_chance(t, 40) ? 3 + (unsigned)tale_below(t, 15) : 0;
    if (t->meets) {
        t->settles = true;
        t->forks = 4 + (unsigned)tale_below(t, 16);
        t->grants = 2;
        t->writes = 50;
    }
    size_t steps = t->meets ? 8 + tale_below(t, 24) : tale_chance(t, 10) ? 12 + tale_below(t, 40) : 3 + tale_below(t, 12);
    for (size_t i = 0; i < steps; i++)
        step(t);
}
