/* hostile.c - forged frames over a good link. Whatever is forged must be refused by its name; what is only rude must cost nobody but its
 * sender. */
#include "hostile.h"
#include "check.h"
#include "model.h"
#include "net.h"
#include "replica/replica.h"
#include "rules/frame.h"
#include "shell/platform.h"
#include "values/feed.h"
#include "values/hash.h"
#include "work.h"

#include <stdlib.h>
#include <string.h>
#include <zstd.h>

#define PATIENCE_MS 20000
#define BOMB_BYTES  ((size_t)8 << 20)
#define FLOOD_LINKS 9
#define FLOOD_PINGS 40

/* One visit. */
struct visit {
    struct proc *p;
    struct device *victim;
    enum fault what;
    ward_replica *r;
    struct ward_link *link;
    ward_peer peer;
    struct ward_buf frame, body;
    struct ward_hash space, feed, head;
    uint64_t seq, depth; /* of the head */
    uint64_t runs;       /* sent */
    int expected;        /* the refusal of the last one; 0: it may be taken */
    int answer;          /* what came: a refusal, an error's number */
    bool over, taken;
};

static struct dice *dice(struct visit *v)
{
    return &v->p->w->peer_dice;
}

static void say(struct visit *v)
{
    if (!v->over && ward_link_send(v->link, v->peer, v->frame.p, v->frame.len, NULL))
        v->over = true;
    ward_buf_clear(&v->frame);
}

static void say_simple(struct visit *v, enum ward_message_type type)
{
    ward_frame_simple(&v->frame, type);
    say(v);
}

/* ---------------------------------------------------------------- hearing */

static void hear_ack(struct visit *v, struct ward_message *m)
{
    bool refused = false;
    for (size_t i = 0; i < m->count; i++) {
        uint64_t at, code;
        ward_frame_next_refusal(m, &at, &code);
        refused |= at == v->runs;
        v->answer = (int)code;
    }
    v->taken |= v->runs && m->acked >= v->runs && !refused;
}

/* Listens until the time is over, the peer goes, or `until` has been said (0: nothing in particular). */
static void hear(struct visit *v, int64_t ms, enum ward_message_type until)
{
    struct world *w = v->p->w;
    int64_t end = w->time.now + ms;
    while (!v->over && w->time.now < end) {
        struct ward_link_event e;
        struct ward_message m;
        bool got;
        if (ward_link_step(v->link, 500, -1, &e, &got, NULL)) {
            v->over = true;
            return;
        }
        if (!got)
            continue;
        if (e.type == WARD_LINK_DOWN && e.peer == v->peer)
            v->over = true;
        if (e.type != WARD_LINK_FRAME || ward_frame_parse(&m, e.p, e.len, NULL))
            continue;
        if (m.type == WARD_MSG_ERROR) {
            v->answer = (int)m.error;
            v->over = true;
        }
        if (m.type == WARD_MSG_ACK)
            hear_ack(v, &m);
        if (m.type == until)
            return;
    }
}

static bool call(struct visit *v)
{
    const struct ward_grant *g = ward_directory_grant(&v->r->dir, &v->victim->grant);
    struct ward_link_event e;
    bool got;
    if (!g || ward_link_connect(v->link, v->victim->address, g->link_pk, NULL, &v->peer, NULL))
        return false;
    for (int64_t end = v->p->w->time.now + PATIENCE_MS; v->p->w->time.now < end;) {
        if (ward_link_step(v->link, 500, -1, &e, &got, NULL))
            return false;
        if (got && e.peer == v->peer)
            return e.type == WARD_LINK_UP;
    }
    return false;
}

/* Up to where runs are taken: hello with a digest that is not the other's, no space, no heads. */
static bool greet(struct visit *v)
{
    struct ward_hash other;
    dice_fill(dice(v), other.b, sizeof other.b);
    ward_frame_hello(&v->frame, &v->r->ward, &other, NULL, device_wall(v->p->d), NULL, NULL);
    say(v);
    ward_frame_spaces(&v->frame, 0);
    say(v);
    ward_frame_begin(&v->frame, WARD_MSG_HEADS, 2);
    ward_put_array(&v->frame, 0);
    ward_put_bool(&v->frame, true);
    say(v);
    hear(v, PATIENCE_MS, WARD_MSG_HEADS);
    return !v->over;
}

/* ---------------------------------------------------------------- forging */

/* One change of one operation after the head; the forger chooses what is wrong with it. */
static void write_body(struct visit *v, uint64_t depth, const struct ward_dep *dep, const char *title)
{
    struct ward_op op = {.kind = KIND_TASK, .field = TASK_TITLE};
    struct ward_buf raw;
    struct ward_value value = ward_value_text(title);
    dice_fill(dice(v), op.entity.b, sizeof op.entity.b);
    ward_buf_init(&raw, ward_platform_env());
    ward_put_value(&raw, &value);
    op.raw = raw.p;
    op.raw_len = raw.len;
    ward_buf_clear(&v->body);
    ward_change_write(&v->body, 1, depth, dep, dep != NULL, &op, 1);
    ward_buf_free(&raw);
}

static void send_run(struct visit *v, uint32_t codec, const void *data, size_t len, const struct ward_hash *hash, int expected)
{
    uint8_t sig[64];
    ward_seal_make(sig, &v->feed, v->seq + 1, hash, &v->r->keys->sign);
    const struct ward_run run = {.space8 = v->space.b,
                                 .grant8 = v->r->self.b,
                                 .first = v->seq + 1,
                                 .count = 1,
                                 .codec = codec,
                                 .data = data,
                                 .len = len,
                                 .sig = sig};
    ward_frame_run(&v->frame, &run);
    v->runs++;
    v->expected = expected;
    v->taken = false;
    say(v);
    hear(v, PATIENCE_MS, WARD_MSG_ACK);
}

/* The body, well sealed. */
static void send_body(struct visit *v, int expected)
{
    struct ward_hash hash;
    ward_chain(&hash, v->seq + 1, &v->head, v->body.p, v->body.len);
    send_run(v, WARD_CODEC_RAW, v->body.p, v->body.len, &hash, expected);
}

static void work_in(struct visit *v, const struct ward_id *circle, size_t count)
{
    ward_name_space(&v->space, &v->r->ward, circle, count);
    ward_name_feed(&v->feed, &v->r->ward, &v->space, &v->r->self);
    const struct ward_feed *f = ward_directory_feed_by_id(&v->r->dir, &v->feed);
    v->head = f ? f->head_hash : v->feed;
    v->seq = f ? f->head_seq : 0;
    v->depth = f ? f->head_depth : 0;
    const struct model *m = v->p->w->model; /* what it sent before stands there, not in its own store */
    size_t known = model_find_feed(m, &v->feed);
    if (known != SIZE_MAX && m->feeds[known].count > v->seq) {
        const struct model_change *last = &m->feeds[known].changes[m->feeds[known].count - 1];
        v->head = last->hash;
        v->seq = m->feeds[known].count;
        v->depth = last->depth;
    }
    if (count) { /* named, so that the space is known there */
        ward_frame_begin(&v->frame, WARD_MSG_CIRCLE, 1);
        ward_put_circle(&v->frame, circle, count);
        say(v);
    }
}

/* ---------------------------------------------------------------- what it does */

static void send_two_histories(struct visit *v)
{
    write_body(v, v->depth + 1, NULL, "one history");
    send_body(v, 0);
    if (v->over || !v->taken)
        return;
    write_body(v, v->depth + 1, NULL, "and another");
    send_body(v, 0);
}

static void send_noncanonical(struct visit *v)
{
    write_body(v, v->depth + 1, NULL, "long way round");
    struct ward_buf longer;
    ward_buf_init(&longer, ward_platform_env());
    ward_buf_add(&longer, v->body.p, 1);
    ward_buf_add(&longer, "\x18\x01", 2); /* the time, 1, in two bytes */
    ward_buf_add(&longer, v->body.p + 2, v->body.len - 2);
    ward_buf_clear(&v->body);
    ward_buf_add(&v->body, longer.p, longer.len);
    ward_buf_free(&longer);
    send_body(v, WARD_ERR_NONCANONICAL);
}

static void send_bomb(struct visit *v)
{
    static uint8_t packed[4096]; /* made once: zeros pack well, and take their time */
    static size_t len;
    if (!len) {
        uint8_t *zeros = calloc(1, BOMB_BYTES);
        if (!zeros)
            abort();
        len = ZSTD_compress(packed, sizeof packed, zeros, BOMB_BYTES, 1);
        free(zeros);
        if (ZSTD_isError(len))
            abort();
    }
    send_run(v, WARD_CODEC_ZSTD, packed, len, &v->head, WARD_ERR_LIMIT_RUN);
}

static void send_dep(struct visit *v)
{
    struct ward_dep dep = {.seq = 1 + dice_below(dice(v), 9)};
    int expected = WARD_ERR_DEP_MISSING;
    dice_fill(dice(v), dep.feed.b, 32);
    dice_fill(dice(v), dep.hash.b, 32);
    const struct ward_space *s = ward_directory_space_by_id(&v->r->dir, &v->space);
    for (size_t i = 0; s && i < s->feed_count; i++) { /* a feed that is there, by another hash */
        const struct ward_feed *f = ward_directory_feed(&v->r->dir, s->feeds[i]);
        if (memcmp(f->id.b, v->feed.b, 32) != 0 && f->head_seq) {
            dep.feed = f->id;
            dep.seq = f->head_seq;
            expected = WARD_ERR_DEP_HASH;
        }
    }
    write_body(v, v->depth + 1, &dep, "what nobody said");
    send_body(v, expected);
}

static void send_garbage(struct visit *v)
{
    uint8_t bytes[600];
    size_t len = 1 + dice_below(dice(v), sizeof bytes);
    dice_fill(dice(v), bytes, len);
    ward_buf_add(&v->frame, bytes, len);
    say(v);
    hear(v, PATIENCE_MS, 0);
}

static void send_oversize(struct visit *v)
{
    static const uint8_t big[300000];
    ward_buf_add(&v->frame, big, sizeof big);
    say(v);
    hear(v, PATIENCE_MS, 0);
}

static void send_version(struct visit *v)
{
    static const uint8_t future[] = {0x82, 0x02, 0x09};
    ward_buf_add(&v->frame, future, sizeof future);
    say(v);
    hear(v, PATIENCE_MS, 0);
    if (v->answer && v->answer != WARD_ERR_VERSION && v->answer != WARD_ERR_CUT)
        violated(v->p->w, "S20", "a frame of a later version is answered with %s", ward_error_name(v->answer));
}

static void keep_back(struct visit *v)
{
    say_simple(v, WARD_MSG_DONE);
    hear(v, 3 * MINUTE_MS, 0); /* takes everything, acknowledges nothing */
}

static void flood(struct visit *v)
{
    for (int i = 0; i < FLOOD_LINKS && call(v); i++) {
        v->over = false;
        greet(v);
        for (int j = 0; j < FLOOD_PINGS; j++)
            say_simple(v, WARD_MSG_PING);
    }
    hear(v, MINUTE_MS, 0);
}

static void greet_from_elsewhere(struct visit *v)
{
    struct ward_hash other, nothing = {{0}};
    dice_fill(dice(v), other.b, sizeof other.b);
    ward_frame_hello(&v->frame, &other, &nothing, NULL, 1, NULL, NULL);
    say(v);
    hear(v, PATIENCE_MS, 0);
    if (v->answer && v->answer != WARD_ERR_SESSION_WARD && v->answer != WARD_ERR_CUT)
        violated(v->p->w, "S20", "a hello of another ward is answered with %s", ward_error_name(v->answer));
}

static void misbehave(struct visit *v)
{
    const struct device *d = v->p->d;
    struct ward_id stranger;
    if (v->what == FAULT_FOREIGN) {
        greet_from_elsewhere(v);
        return;
    }
    if (v->what == FAULT_FLOOD) {
        flood(v);
        return;
    }
    if (!greet(v))
        return;
    work_in(v, &d->unit, 1);
    switch (v->what) {
    case FAULT_EQUIVOCATE:
        send_two_histories(v);
        break;
    case FAULT_WITHHOLD:
        keep_back(v);
        break;
    case FAULT_OVERSIZE:
        send_oversize(v);
        break;
    case FAULT_BOMB:
        send_bomb(v);
        break;
    case FAULT_NONCANON:
        send_noncanonical(v);
        break;
    case FAULT_OUTSIDE:
        if (v->victim->role == WARD_ROLE_CELL) { /* its own circle, which is not the victim's */
            write_body(v, v->depth + 1, NULL, "not yours");
            send_body(v, WARD_ERR_SPACE);
            break;
        }
        memset(stranger.b, 'q', sizeof stranger.b);
        work_in(v, &stranger, dice_below(dice(v), 2)); /* another's circle, or the ward space */
        write_body(v, v->depth + 1, NULL, "not mine");
        send_body(v, WARD_ERR_NOT_ENTITLED);
        break;
    case FAULT_DEPTH:
        write_body(v, v->depth + 1 + 1000, NULL, "from the future");
        send_body(v, WARD_ERR_DEPTH);
        break;
    case FAULT_DEPS:
        send_dep(v);
        break;
    case FAULT_VERSION:
        send_version(v);
        break;
    default:
        send_garbage(v);
        break;
    }
}

/* S5, S20 and others: a forged run is never taken. Which of several things that are wrong is named first may differ with what is held. */
static void forged_runs_are_refused(const struct visit *v)
{
    if (v->expected && v->taken)
        violated(v->p->w, "S5", "%s takes a forged run: %s", v->victim->name, fault_name(v->what));
}

static void pay_visit(struct proc *p)
{
    struct visit v = {.p = p, .victim = p->peer, .what = (enum fault)p->result};
    struct ward_link_options options = {.env = &p->d->env};
    ward_buf_init(&v.frame, ward_platform_env()); /* forging takes no memory of the device's, which may have none */
    ward_buf_init(&v.body, ward_platform_env());
    if (device_take(p->d, &v.r, NULL) == WARD_OK) {
        memcpy(options.link_sk, v.r->keys->link_sk, 32);
        if (ward_link_open(&v.link, &options, NULL) == WARD_OK && (v.what == FAULT_FLOOD || call(&v))) {
            misbehave(&v);
            fault_note(p->w, v.what);
            forged_runs_are_refused(&v);
            trace(p->w, p->d, "misbehaves (%s); %s answers: %s", fault_name(v.what), v.victim->name,
                  v.answer ? ward_error_name(v.answer) : "nothing");
        }
        ward_link_close(v.link);
    }
    device_give_back(p->d, v.r, !p->dead);
    ward_buf_free(&v.frame);
    ward_buf_free(&v.body);
}

static struct device *enemy(struct world *w)
{
    for (size_t i = 0; i < w->count; i++)
        if (w->d[i].hostile)
            return &w->d[i];
    struct device *d = &w->d[dice_below(&w->peer_dice, w->count)];
    if (d->role != WARD_ROLE_CELL || !d->joined || d->revoked || d->may_fork || !device_is_up(d) || !device_is_idle(d))
        return NULL;
    device_close_app(d);
    d->hostile = true;
    d->options.schema = &work_schema;
    trace(w, d, "goes over to the enemy");
    return d;
}

/* A cell of another unit, which takes calls for a while. */
static struct device *neighbour(struct world *w, const struct device *d)
{
    struct device *o = &w->d[dice_below(&w->peer_dice, w->count)];
    if (o->role != WARD_ROLE_CELL || ward_id_equal(&o->unit, &d->unit) || !o->joined || o->hostile || !device_is_up(o))
        return NULL;
    work_serve(o, 10 * MINUTE_MS);
    return o;
}

void hostile_strike(struct world *w, enum fault what)
{
    struct device *d = enemy(w);
    struct device *victim = w->hub2 && dice_chance(&w->peer_dice, 300) ? w->hub2 : w->hub;
    struct device *other = d && what == FAULT_OUTSIDE ? neighbour(w, d) : NULL;
    victim = other ? other : victim;
    struct proc *p = d && device_is_idle(d) && victim->joined ? proc_start(d, pay_visit, victim) : NULL;
    if (p)
        p->result = (int)what;
}
