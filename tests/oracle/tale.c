/* tale.c - histories by chance: who writes what on what knowledge, and how it comes to the replicas. */
#include "history.h"
#include "rules/floor.h"
#include "values/feed.h"

#include <stdlib.h>
#include <string.h>

struct tale {
    struct paper *p;
    uint64_t dice;
    uint8_t crew[AUTHORS]; /* who takes part; the root first */
    size_t crew_count;
    bool aboard[AUTHORS];
    uint16_t brings[CHANGES_MAX];    /* the authors whose grants a change holds, as bits */
    unsigned writes, grants, learns; /* of 100 steps; the rest are cuts */
    uint32_t favourite;              /* the field that most write */
    bool settles;                    /* floors are written */
    struct {
        size_t space;
        struct ward_hash name;
    } floors[16]; /* those that were */
    size_t floor_count;
    bool closed; /* one of them at least */
};

static uint64_t roll(struct tale *t)
{
    uint64_t z = (t->dice += 0x9e3779b97f4a7c15u);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

static size_t below(struct tale *t, size_t n)
{
    return (size_t)(roll(t) % n);
}

static bool chance(struct tale *t, unsigned percent)
{
    return below(t, 100) < percent;
}

/* ---------------------------------------------------------------- operations */

static struct ward_value some_value(struct tale *t)
{
    static const uint8_t list[] = {0x82, 0x01, 0x61, 'x'};
    switch (below(t, 9)) {
    case 0:
        return ward_value_null();
    case 1:
        return ward_value_bool(chance(t, 50));
    case 2:
        return ward_value_bytes("\x01\x02", 2);
    case 3:
        return (struct ward_value){.type = WARD_ARRAY, .p = list, .len = sizeof list};
    case 4:
        return ward_value_int((int64_t)below(t, 600) - 300);
    default:
        return ward_value_text(chance(t, 50) ? "north" : "south");
    }
}

static void write_field(struct tale *t, struct paper_ops *ops, uint32_t kind, const struct ward_id *entity, uint32_t field)
{
    switch (ward_field_class(field)) {
    case WARD_MEMBER:
        paper_op(ops, kind, entity, field, chance(t, 60) ? "red" : "blue", ward_value_bool(chance(t, 60)));
        break;
    case WARD_TALLY:
        paper_op(ops, kind, entity, field, NULL, ward_value_int(chance(t, 3) ? INT64_MAX : (int64_t)below(t, 300) - 100));
        break;
    default:
        paper_op(ops, kind, entity, field, NULL, field == WARD_FIELD_PRESENCE ? ward_value_bool(chance(t, 30)) : some_value(t));
    }
}

/* Something that any application might write, and now and then something that none knows. */
static void add_data(struct tale *t, struct paper_ops *ops)
{
    static const uint32_t fields[] = {4, 4, 4, 4, 5, 5, 5, 6, 6, 7, 8, 9, 1, 1, 1, 40, 41, 42, 43, 65532, 65533};
    static const uint32_t kinds[] = {100, 100, 100, 100, 100, 101, 300, 65535, 3, 4, 2, 1};
    struct ward_id entity = {{(uint8_t)(1 + (chance(t, 15) ? 1 : 0))}};
    if (chance(t, 60)) {
        write_field(t, ops, 100, &entity, chance(t, 15) ? WARD_FIELD_PRESENCE : t->favourite);
        return;
    }
    write_field(t, ops, kinds[below(t, sizeof kinds / sizeof kinds[0])], &entity, fields[below(t, sizeof fields / sizeof fields[0])]);
}

static void add_grant(struct tale *t, struct paper_ops *ops, size_t whom, uint16_t *brings)
{
    const struct author *a = &t->p->authors[whom];
    struct ward_id entity = a->entity;
    bool sound = true;
    if (chance(t, 4)) {
        entity.b[15] ^= 1;
        sound = false;
    }
    paper_op(ops, WARD_KIND_GRANT, &entity, 4, NULL, ward_value_bytes(a->bytes, a->len));
    if (sound)
        *brings |= (uint16_t)(1u << whom);
    if (chance(t, 10))
        paper_op(ops, WARD_KIND_GRANT, &entity, chance(t, 50) ? 8 : 1, NULL,
                 chance(t, 50) ? ward_value_bool(false) : ward_value_bool(true));
    if (chance(t, 4)) /* a later operation in its place */
        paper_op(ops, WARD_KIND_GRANT, &entity, 4, NULL, some_value(t));
}

static int by_feed(const void *a, const void *b)
{
    return ward_hash_compare(&((const struct ward_cut_entry *)a)->feed, &((const struct ward_cut_entry *)b)->feed);
}

static uint64_t cut_at(struct tale *t, size_t by, size_t feed)
{
    size_t known = t->p->knows[by][feed];
    if (chance(t, 10))
        return known + 1 + below(t, 2);
    return known && chance(t, 40) ? 1 + below(t, known) : known;
}

static size_t cut_entries(struct tale *t, size_t by, size_t whom, struct ward_cut_entry *entries)
{
    size_t n = 0;
    for (size_t space = 0; space < SPACES; space++) {
        size_t feed = (chance(t, 3) ? below(t, AUTHORS) : whom) * SPACES + space;
        const struct paper_feed *f = &t->p->feeds[feed];
        uint64_t seq = cut_at(t, by, feed);
        if (seq == 0 || chance(t, 15))
            continue;
        entries[n] = (struct ward_cut_entry){.feed = f->id, .seq = seq};
        if (seq <= f->count)
            entries[n].hash = t->p->changes[f->changes[seq - 1]].hash;
        n++;
    }
    qsort(entries, n, sizeof entries[0], by_feed);
    if (n && chance(t, 3))
        entries[0].seq = 0; /* none such */
    if (n > 1 && chance(t, 3)) {
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
    paper_op(ops, WARD_KIND_GRANT, &t->p->authors[whom].entity, 12, NULL, chance(t, 3) ? some_value(t) : cut);
    ward_buf_free(&b);
}

/* ---------------------------------------------------------------- floors */

static int by_settled_feed(const void *a, const void *b)
{
    return ward_hash_compare(&((const struct ward_floor_entry *)a)->feed, &((const struct ward_floor_entry *)b)->feed);
}

/* Mostly the heads that are known; now and then less, or what nobody wrote. */
static size_t floor_entries(struct tale *t, size_t by, size_t space, struct ward_floor_entry *entries)
{
    size_t n = 0;
    for (size_t feed = space; feed < FEEDS; feed += SPACES) {
        const struct paper_feed *f = &t->p->feeds[feed];
        uint64_t seq = cut_at(t, by, feed);
        if (seq == 0 || chance(t, 15))
            continue;
        entries[n] = (struct ward_floor_entry){.feed = f->id, .seq = seq, .effect = chance(t, 80) ? seq : below(t, seq + 1)};
        if (seq <= f->count && !chance(t, 4))
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
    paper_op(ops, WARD_KIND_FLOOR, &entity, 4, NULL, chance(t, 3) ? some_value(t) : heads);
    ward_buf_free(&b);
}

static void add_closing(struct tale *t, struct paper_ops *ops)
{
    if (!t->floor_count)
        return;
    size_t which = chance(t, 50) ? t->floor_count - 1 : below(t, t->floor_count);
    size_t space = chance(t, 4) ? below(t, SPACES) : t->floors[which].space;
    struct ward_id entity;
    ward_floor_entity(&entity, &t->p->spaces[space].id);
    struct ward_value name = ward_value_bytes(t->floors[which].name.b, WARD_HASH_BYTES);
    paper_op(ops, WARD_KIND_FLOOR, &entity, 8, NULL, chance(t, 3) ? some_value(t) : name);
    t->closed = true;
}

/* ---------------------------------------------------------------- steps */

static size_t someone_aboard(struct tale *t)
{
    for (;;) {
        size_t who = t->crew[below(t, t->crew_count)];
        if (t->aboard[who] && (who != ROOT || chance(t, 30)))
            return who;
    }
}

/* On what somebody had seen at some time: much of it or little, and not all feeds alike. */
static struct paper_change *write_late(struct tale *t, size_t who, size_t space, const struct paper_ops *ops)
{
    uint8_t most[FEEDS];
    uint8_t own = t->p->feeds[who * SPACES + space].count;
    for (size_t i = 0; i < FEEDS; i++)
        most[i] = (uint8_t)(chance(t, 50) ? 255 : below(t, 4));
    return paper_write_late(t->p, who, space, ops, chance(t, 40) ? own : (uint8_t)below(t, own + 1u), most);
}

static void commit(struct tale *t, size_t who, size_t space, struct paper_ops *ops, uint16_t brings)
{
    size_t pass_over = chance(t, 6) ? below(t, AUTHORS) * SPACES + space : FEEDS;
    if (ops->count && (chance(t, 12) ? write_late(t, who, space, ops) : paper_write(t->p, who, space, ops, pass_over)))
        t->brings[t->p->count - 1] = space == WARD_ITSELF ? brings : 0;
}

static size_t some_space(struct tale *t, size_t who)
{
    for (;;) {
        size_t space = chance(t, 60) ? SPACE_AB : below(t, SPACES);
        if (paper_may_write(t->p, who, space) || chance(t, 1))
            return space;
    }
}

static void write_data(struct tale *t, size_t who)
{
    size_t space = some_space(t, who), n = chance(t, 60) ? 1 : 2 + below(t, 4);
    struct paper_ops ops = {.count = 0, .len = 0};
    uint16_t brings = 0;
    for (size_t i = 0; i < n; i++)
        add_data(t, &ops);
    if (chance(t, 5))
        add_grant(t, &ops, 1 + below(t, AUTHORS - 1), &brings);
    if (chance(t, 5))
        add_cut(t, &ops, who, below(t, AUTHORS));
    commit(t, who, space, &ops, brings);
}

static void write_grant(struct tale *t, size_t who)
{
    struct paper_ops ops = {.count = 0, .len = 0};
    uint16_t brings = 0;
    if (!paper_may_write(t->p, who, WARD_ITSELF))
        return;
    for (size_t n = chance(t, 80) ? 1 : 2; n > 0; n--)
        add_grant(t, &ops, t->crew[1 + below(t, t->crew_count - 1)], &brings);
    if (chance(t, 10))
        add_cut(t, &ops, who, t->crew[below(t, t->crew_count)]);
    commit(t, who, WARD_ITSELF, &ops, brings);
    for (size_t i = 1; i < AUTHORS; i++)
        if (brings >> i & 1 && !t->aboard[i]) {
            t->aboard[i] = true;
            paper_learn(t->p, i, who, FEEDS);
        }
}

static void write_cut(struct tale *t, size_t who)
{
    struct paper_ops ops = {.count = 0, .len = 0};
    uint16_t brings = 0;
    if (!paper_may_write(t->p, who, WARD_ITSELF))
        return;
    add_cut(t, &ops, who, t->crew[below(t, t->crew_count)]);
    if (chance(t, 15))
        add_cut(t, &ops, who, t->crew[below(t, t->crew_count)]);
    if (chance(t, 10))
        add_grant(t, &ops, t->crew[1 + below(t, t->crew_count - 1)], &brings);
    commit(t, who, WARD_ITSELF, &ops, brings);
}

static void write_floor(struct tale *t, size_t who)
{
    struct paper_ops ops = {.count = 0, .len = 0};
    if (!paper_may_write(t->p, who, WARD_ITSELF))
        return;
    if (!t->floor_count || chance(t, 60))
        add_floor(t, &ops, who, chance(t, 70) ? SPACE_AB : below(t, SPACES));
    if (chance(t, 70))
        add_closing(t, &ops);
    commit(t, who, WARD_ITSELF, &ops, 0);
}

static void step(struct tale *t)
{
    size_t who = someone_aboard(t), what = below(t, 100);
    if (t->settles && chance(t, 20)) {
        write_floor(t, who);
        return;
    }
    if (what < t->learns)
        paper_learn(t->p, who, someone_aboard(t), chance(t, 80) ? FEEDS : below(t, FEEDS));
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
        size_t j = 1 + below(t, i);
        uint8_t other = all[i];
        all[i] = all[j];
        all[j] = other;
    }
    t->crew_count = 3 + below(t, 4);
    memcpy(t->crew, all, t->crew_count);
    if (chance(t, 30)) { /* rivals: two operators, and another if there is room */
        static const uint8_t rivals[] = {FIRST, SECOND, THIRD};
        size_t n = t->crew_count > 3 ? 3 : 2;
        memcpy(t->crew + 1, rivals, n);
        for (size_t i = n + 1; i < t->crew_count; i++)
            t->crew[i] = (uint8_t)(CELL_A + i - n - 1);
    }
    t->aboard[ROOT] = true;
    for (size_t n = 1 + below(t, 2); n > 0; n--)
        add_grant(t, &ops, t->crew[chance(t, 70) ? n : 1 + below(t, t->crew_count - 1)], &brings);
    paper_op(&ops, WARD_KIND_WARD, &t->p->authors[ROOT].entity, 4, NULL, ward_value_text("North"));
    commit(t, ROOT, WARD_ITSELF, &ops, brings);
    for (size_t i = 1; i < AUTHORS; i++)
        t->aboard[i] = brings >> i & 1;
    for (size_t i = 1; i < AUTHORS; i++)
        if (t->aboard[i])
            paper_learn(t->p, i, ROOT, FEEDS);
}

/* ---------------------------------------------------------------- arrival */

struct travel {
    struct tale *t;
    struct history *h;
    struct arrival *to;
    size_t reader;
    uint8_t got[FEEDS];
    uint16_t known; /* authors whose grants have come, as bits */
    struct ward_buf frame, body;
};

static void send(struct travel *v)
{
    size_t run = history_frame(v->h, v->frame.p, v->frame.len);
    if (v->to->count < STEPS_MAX)
        v->to->steps[v->to->count++] = (struct step){.run = (uint16_t)run, .end = (uint8_t)(chance(v->t, 40) ? 1 + chance(v->t, 20) : 0)};
}

/* How many changes of the feed, of at most n, would be taken now from an honest peer. */
static size_t takable(const struct travel *v, size_t feed, size_t n)
{
    const struct paper *p = v->t->p;
    size_t author = feed / SPACES, space = feed % SPACES, i;
    if (!(v->known >> author & 1) || !paper_may_read(p, v->reader, space) || !paper_may_write(p, author, space))
        return 0;
    for (i = 0; i < n; i++) {
        const struct paper_change *c = &p->changes[p->feeds[feed].changes[v->got[feed] + i]];
        for (size_t g = space; g < FEEDS; g += SPACES)
            if (g != feed && c->seen[g] > v->got[g])
                return i;
    }
    return n;
}

static void arrive(struct travel *v, size_t feed, size_t n)
{
    const struct paper_feed *f = &v->t->p->feeds[feed];
    size_t first = v->got[feed] + 1u, back = first > 1 && chance(v->t, 8) ? 1 + below(v->t, first - 1) : 0;
    paper_run(v->t->p, &v->frame, feed, first - back, n + back);
    send(v);
    for (size_t i = 0; i < n; i++)
        v->known |= v->t->brings[f->changes[v->got[feed] + i]];
    v->got[feed] = (uint8_t)(v->got[feed] + n);
}

/* What no honest peer sends: too early, twice, or not what the author meant. */
static void arrive_badly(struct travel *v, size_t feed)
{
    struct paper *p = v->t->p;
    const struct paper_feed *f = &p->feeds[feed];
    size_t seq = 1 + below(v->t, f->count);
    const struct paper_change *c = &p->changes[f->changes[seq - 1]];
    enum paper_lie lie = chance(v->t, 20) ? LIE_BRANCH : (enum paper_lie)below(v->t, LIE_BRANCH);
    if (chance(v->t, 50))
        paper_run(p, &v->frame, feed, seq, 1 + below(v->t, f->count - seq + 1));
    else if (paper_lie(p, &v->body, c, lie))
        paper_false_run(p, &v->frame, feed, seq, v->body.p, v->body.len);
    else
        return;
    v->h->branched |= lie == LIE_BRANCH;
    send(v);
    if (chance(v->t, 10))
        send(v);
}

/* Mostly in some causal order, with errors on the way. */
static void travel(struct travel *v)
{
    struct paper *p = v->t->p;
    size_t most = chance(v->t, 20) ? below(v->t, p->count + 1) : SIZE_MAX, bad = chance(v->t, 25) ? 20 : 0, tries = 4 * p->count;
    for (size_t i = 0; i < tries && v->to->count < most; i++) {
        size_t feed = p->changes[below(v->t, p->count)].feed, left = p->feeds[feed].count - v->got[feed];
        if (chance(v->t, (unsigned)bad))
            arrive_badly(v, feed);
        size_t n = left ? takable(v, feed, 1 + below(v->t, left)) : 0;
        if (n)
            arrive(v, feed, n);
    }
    for (size_t i = 0; i < p->count && most == SIZE_MAX; i++) { /* what is left, as it was written */
        size_t feed = p->changes[i].feed;
        if (v->got[feed] < p->changes[i].seq && takable(v, feed, 1))
            arrive(v, feed, 1);
    }
    if (v->to->count)
        v->to->steps[v->to->count - 1].end = (uint8_t)(1 + chance(v->t, 50));
}

static void send_to(struct tale *t, struct history *h, size_t reader)
{
    struct travel v = {.t = t, .h = h, .to = &h->replicas[h->replica_count++], .reader = reader, .known = 1u << ROOT};
    const struct author *a = &t->p->authors[reader];
    v.to->count = 0;
    v.to->reader_len = a->len;
    memcpy(v.to->reader, a->bytes, a->len);
    ward_buf_init(&v.frame, t->p->bodies.env);
    ward_buf_init(&v.body, t->p->bodies.env);
    travel(&v);
    ward_buf_free(&v.frame);
    ward_buf_free(&v.body);
}

void history_make(struct history *h, struct paper *p, uint64_t seed)
{
    static const uint8_t readers[] = {FIRST, FIRST, FIRST, CHECK, CELL_A};
    struct tale t = {.p = p, .dice = seed * 0x2545f4914f6cdd1du};
    h->seed = seed;
    h->branched = false;
    h->run_count = h->replica_count = 0;
    ward_buf_clear(&h->frames);
    memcpy(h->root_pk, p->authors[ROOT].key.pk, 32);
    h->circle_count = SPACES - 1;
    memcpy(h->circles, p->spaces + 1, (SPACES - 1) * sizeof p->spaces[0]);
    paper_clear(p);
    found(&t);
    t.favourite = (uint32_t)(4 + below(&t, 4));
    t.learns = 15 + (unsigned)below(&t, 30);
    t.writes = chance(&t, 30) ? 10 : 45;
    t.grants = 3 + (unsigned)below(&t, 15);
    t.settles = chance(&t, 35);
    size_t steps = chance(&t, 10) ? 12 + below(&t, 40) : 3 + below(&t, 12);
    for (size_t i = 0; i < steps; i++)
        step(&t);
    h->branched = t.closed; /* what nobody takes else is taken where it is not asked what it rests on */
    for (size_t n = chance(&t, 15) ? 3 : 2; n > 0; n--)
        send_to(&t, h, readers[below(&t, sizeof readers)]);
}
