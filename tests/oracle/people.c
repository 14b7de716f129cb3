/* Histories of honest devices: people write, delete, settle conflicts and revoke through the public calls, and carry bundles about. Told is
 * each device's log in its order of arrival, its own acts included, and what it holds: one line of JSON per history, for compare.py.
 *
 *   people FIRST COUNT     of the seeds FIRST ... FIRST + COUNT - 1
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "../unit/replica/replicas.h"
#include "stage.h"

#define PEOPLE  5
#define CIRCLES 3

/* A ward of five devices, made once; each history starts from copies of its homes. */
static struct world template;

static const struct {
    const char *units;
    size_t count;
} circles[CIRCLES] = {{"ab", 2}, {"a", 1}, {"abo", 3}};

static void make_template(void)
{
    static const char units[PEOPLE] = {'o', 'a', 'b', 'a', 'b'};
    static const enum ward_role roles[PEOPLE] = {0, WARD_ROLE_CELL, WARD_ROLE_CELL, WARD_ROLE_INSPECTOR, WARD_ROLE_OPERATOR};
    world_found(&template, 4712);
    for (size_t i = 1; i < PEOPLE; i++)
        admit_silent(&template, units[i], roles[i], 4712);
    for (size_t i = 1; i < PEOPLE; i++)
        carry_raw(&template, 0, i);
    for (size_t i = 0; i < PEOPLE; i++) {
        ward_close(template.d[i].r);
        template.d[i].r = NULL;
    }
}

struct story {
    struct world w;
    struct dice dice;
    struct ward_hash spaces[CIRCLES];
    struct history history;
};

static void begin(struct story *s, uint64_t seed)
{
    s->dice.state = seed * 0x2545f4914f6cdd1du;
    s->w = (struct world){.count = 2 + dice_below(&s->dice, PEOPLE - 1)};
    make_dir(s->w.dir, sizeof s->w.dir);
    for (size_t i = 0; i < s->w.count; i++) {
        struct device *d = &s->w.d[i];
        device_init(&s->w, i, seed);
        d->grant = template.d[i].grant;
        d->unit = template.d[i].unit;
        d->role = template.d[i].role;
        copy_home(template.d[i].home, d->home);
        OK(&s->w, ward_open(&d->r, d->home, &d->options, &s->w.err));
        for (size_t j = 0; j < CIRCLES; j++) {
            struct ward_id circle[3];
            for (size_t k = 0; k < circles[j].count; k++)
                circle[k] = unit_id(circles[j].units[k]);
            OK(&s->w, ward_space_of_circle(d->r, &s->spaces[j], circle, circles[j].count, &s->w.err));
        }
    }
}

/* ---------------------------------------------------------------- what people do; whatever is refused them, they leave */

static int put_something(struct story *s, ward_txn *t, const struct ward_hash *space, const struct ward_id *id)
{
    static const char *const words[] = {"north", "south", "east"};
    static const uint32_t fields[] = {TITLE, TITLE, TITLE, NOTE, LEVEL, DUE, DUE, OWNER, TAGS, TAGS, COUNTED, HELD};
    uint32_t field = fields[dice_below(&s->dice, sizeof fields / sizeof fields[0])];
    struct ward_value v = ward_value_text(words[dice_below(&s->dice, 3)]);
    if (field == TAGS || field == HELD)
        v = ward_value_bool(dice_below(&s->dice, 3) > 0);
    else if (field == LEVEL || field == DUE || field == COUNTED)
        v = ward_value_int((int64_t)dice_below(&s->dice, 5) - 2);
    return ward_put(t, space, KIND_ITEM, id, field, field == TAGS ? words[0] : NULL, field == TAGS ? 5 : 0, &v, NULL);
}

static void write_something(struct story *s, struct device *d)
{
    ward_txn *t;
    size_t acts = 1 + dice_below(&s->dice, 3);
    OK(&s->w, ward_begin(d->r, &t, &s->w.err));
    for (size_t i = 0; i < acts; i++) {
        size_t space = dice_below(&s->dice, CIRCLES);
        struct ward_id id = {{(uint8_t)(space + 1), (uint8_t)dice_below(&s->dice, 2)}};
        if (dice_below(&s->dice, 10) == 0)
            (void)ward_delete(t, &s->spaces[space], KIND_ITEM, &id, NULL);
        else
            (void)put_something(s, t, &s->spaces[space], &id);
    }
    (void)ward_commit(t, NULL, NULL);
}

struct pick {
    size_t left, count;
    struct ward_id id;
};

static int pick_conflict(void *ctx, const struct ward_conflict *c)
{
    struct pick *p = ctx;
    p->id = c->id;
    p->count = c->value_count;
    return p->left-- == 0;
}

static void settle_something(struct story *s, struct device *d)
{
    size_t n;
    OK(&s->w, ward_conflict_count(d->r, &n, &s->w.err));
    if (n == 0)
        return;
    struct pick p = {.left = dice_below(&s->dice, n)};
    ward_conflicts(d->r, pick_conflict, &p, NULL);
    (void)ward_resolve(d->r, &p.id, p.count, dice_below(&s->dice, p.count), NULL, "talked it over", NULL);
}

static void act(struct story *s)
{
    size_t who = dice_below(&s->dice, s->w.count), other = dice_below(&s->dice, s->w.count), what = dice_below(&s->dice, 40);
    struct ward_bundle_info info;
    if (what < 18)
        write_something(s, &s->w.d[who]);
    else if (what < 23)
        settle_something(s, &s->w.d[who]);
    else if (what < 38 && who != other)
        OK(&s->w, give_bundle(&s->w, who, other, dice_below(&s->dice, 2), &info));
    else if (what >= 38 && who != other && dice_below(&s->dice, 2))
        (void)ward_revoke(s->w.d[who].r, &s->w.d[other].grant, "lost", NULL);
}

/* ---------------------------------------------------------------- telling it */

/* The log as it lies there: a frame for each segment. */
static void note_log(struct story *s, struct device *d, struct arrival *a)
{
    struct ward_segment seg = {0};
    struct ward_buf raw, frame;
    bool got = true;
    ward_buf_init(&raw, &d->outside.env);
    ward_buf_init(&frame, &d->outside.env);
    for (a->count = 0; a->count < STEPS_MAX;) {
        OK(&s->w, ward_store_next_segment(d->r->store, seg.seg, false, &seg, &got, &s->w.err));
        if (!got)
            break;
        OK(&s->w, ward_store_unpack(d->r->store, &seg, &raw, &s->w.err));
        const struct ward_feed *f = ward_directory_feed(&d->r->dir, seg.fid);
        const struct ward_run run = {.space8 = ward_directory_space(&d->r->dir, f->sid)->id.b,
                                     .grant8 = f->grant.b,
                                     .first = seg.first,
                                     .count = seg.count,
                                     .data = raw.p,
                                     .len = raw.len,
                                     .sig = seg.sig};
        ward_buf_clear(&frame);
        ward_frame_run(&frame, &run);
        a->steps[a->count++] =
            (struct step){.run = (uint16_t)history_frame(&s->history, frame.p, frame.len), .end = 1, .result = (int)seg.count};
    }
    ward_buf_free(&raw);
    ward_buf_free(&frame);
}

static void note_reader(struct device *d, struct arrival *a)
{
    struct ward_buf b;
    ward_buf_init(&b, &d->outside.env);
    ward_grant_write(&b, ward_replica_grant(d->r));
    a->reader_len = b.len;
    memcpy(a->reader, b.p, b.len);
    ward_buf_free(&b);
}

static void tell(struct story *s, uint64_t seed)
{
    struct history *h = &s->history;
    h->seed = seed;
    h->by = "people";
    h->run_count = h->replica_count = 0;
    ward_buf_clear(&h->frames);
    memcpy(h->root_pk, s->w.d[0].r->root_pk, 32);
    h->circle_count = CIRCLES;
    for (size_t i = 0; i < CIRCLES; i++) {
        h->circles[i].circle_count = circles[i].count;
        for (size_t j = 0; j < circles[i].count; j++)
            h->circles[i].circle[j] = unit_id(circles[i].units[j]);
    }
    char *answers[PEOPLE];
    size_t len;
    h->replica_count = s->w.count;
    for (size_t i = 0; i < s->w.count; i++) {
        struct site site = {.r = s->w.d[i].r};
        FILE *out = open_memstream(&answers[i], &len);
        if (!out)
            must(WARD_ERR_MEMORY, NULL, "answer");
        OK(&s->w, ward_replica_refresh(site.r, &s->w.err));
        note_log(s, &s->w.d[i], &h->replicas[i]);
        note_reader(&s->w.d[i], &h->replicas[i]);
        site_answer(&site, out);
        fclose(out);
    }
    history_tell(h, answers);
    for (size_t i = 0; i < s->w.count; i++)
        free(answers[i]);
}

int main(int argc, char **argv)
{
    static struct story s;
    uint64_t first = argc == 3 ? strtoull(argv[1], NULL, 10) : 0, count = argc == 3 ? strtoull(argv[2], NULL, 10) : 0;
    if (count == 0) {
        fputs("people FIRST COUNT\n", stderr);
        return 64;
    }
    must(ward_crypto_start(NULL), NULL, "sodium");
    make_template();
    history_init(&s.history, &template.d[0].outside.env);
    for (uint64_t seed = first; seed < first + count; seed++) {
        begin(&s, seed);
        for (size_t n = 4 + dice_below(&s.dice, 40); n > 0; n--)
            act(&s);
        tell(&s, seed);
        world_close(&s.w);
    }
    history_free(&s.history);
    remove_tree(template.dir);
    return 0;
}
