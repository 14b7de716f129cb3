/* Two whole replicas in a session, and between them a wire that does as the input says: delivers, loses, repeats, bends, makes up, sends
 * back; meanwhile clocks run, both write, commit, leave. What is not a run changes no replica; what is refused or no frame at all changes
 * nothing and ends the session; a closed session is silent. And whatever the wire did, an honest session afterwards makes both equal. */
#include "replica/talk.h"
#include "replica/base.h"
#include "shape.h"
#include "ward.h"

#define QUEUE 128

struct frame {
    uint8_t *p;
    size_t len;
};
struct side {
    enum who who, peer;
    ward_replica *r;
    struct ward_talk talk;
    struct ward_batch batch;
    struct side *other;
    struct frame in[QUEUE]; /* on their way to this side; those before `head` have been delivered */
    size_t head, tail;
    size_t sent;
    int last_type;
    bool states, history; /* takes snapshots; wants what lies below those it has */
};

static struct side sides[2];

static bool holds(const void *p, size_t len, const uint8_t secret[32])
{
    for (size_t i = 0; i + 32 <= len; i++)
        if (memcmp((const uint8_t *)p + i, secret, 32) == 0)
            return true;
    return false;
}

/* All that is sent is a frame, says nothing that the peer may not read, and no secret. */
static int send_frame(void *ctx, const void *p, size_t len, struct ward_error *err)
{
    struct side *s = ctx;
    struct side *to = s->other;
    struct ward_message m;
    CHECK(ward_frame_parse(&m, p, len, err) == WARD_OK && s->talk.s.error != WARD_ERR_INTERNAL);
    if (m.type == WARD_MSG_RUN && s->peer != OFFICE)
        CHECK(memcmp(m.run.space8, the_ward.spaces[s->peer == CELL_A ? SPACE_B : SPACE_A].b, 8) != 0);
    if (m.type == WARD_MSG_PART && s->peer != OFFICE)
        CHECK(memcmp(m.part.space8, the_ward.spaces[s->peer == CELL_A ? SPACE_B : SPACE_A].b, 8) != 0);
    CHECK(!holds(p, len, s->r->keys->seed) && !holds(p, len, s->r->keys->link_sk));
    s->sent++;
    s->last_type = (int)m.type;
    if (to->tail == QUEUE)
        return WARD_ERR_BUSY;
    struct frame *f = &to->in[to->tail++];
    f->p = malloc(len);
    f->len = len;
    CHECK(f->p);
    memcpy(f->p, p, len);
    return WARD_OK;
}

static void open_session(void)
{
    for (size_t i = 0; i < 2; i++) {
        struct side *s = &sides[i];
        const struct ward_talk_hooks hooks = {.ctx = s, .send = send_frame, .states = s->states, .history = s->history};
        s->other = &sides[1 - i];
        s->batch = (struct ward_batch){.r = s->r};
        CHECK_OK(ward_replica_refresh(s->r, err));
        const struct ward_grant *g = ward_directory_grant(&s->r->dir, &the_ward.d[s->peer].grant);
        CHECK(g);
        const struct ward_grant peer = *g;
        CHECK_OK(ward_talk_open(&s->talk, s->r, &peer, &s->batch, &hooks, err));
    }
    for (size_t i = 0; i < 2; i++)
        CHECK_OK(ward_talk_link_up(&sides[i].talk, err));
}

static void close_session(void)
{
    for (size_t i = 0; i < 2; i++) {
        struct side *s = &sides[i];
        CHECK_OK(ward_batch_commit(&s->batch, err));
        CHECK_OK(ward_talk_remember(&s->talk, "tcp://192.0.2.1:7450", err));
        ward_talk_free(&s->talk);
        for (size_t j = 0; j < s->tail; j++)
            free(s->in[j].p);
        s->head = s->tail = 0;
    }
}

static uint64_t held(const ward_replica *r)
{
    uint64_t n = 0;
    for (size_t i = 0; i < r->dir.feed_count; i++)
        n += r->dir.feeds[i].head_seq;
    return n;
}

static void deliver(struct side *s, const uint8_t *p, size_t len)
{
    struct ward_message m;
    struct ward_error why = {0};
    enum ward_session_state before = s->talk.s.state;
    uint64_t changes = held(s->r);
    size_t sent = s->sent;
    int refused = ward_frame_parse(&m, p, len, &why);
    CHECK_OK(ward_talk_frame(&s->talk, p, len, err));
    CHECK(s->talk.s.state >= before);
    if (before == WARD_S_CLOSED)
        CHECK(s->sent == sent);
    if (before == WARD_S_CLOSED || refused || !(ward_frame_is_acknowledged(m.type) || m.type == WARD_MSG_PIECE))
        CHECK(held(s->r) == changes);
    if (refused)
        CHECK(s->talk.s.state == WARD_S_CLOSED && (before == WARD_S_CLOSED || s->last_type == WARD_MSG_ERROR));
    if (before != WARD_S_CLOSED && s->talk.s.state == WARD_S_CLOSED)
        CHECK(s->last_type == WARD_MSG_ERROR || s->talk.s.error == WARD_ERR_TIMEOUT || (!refused && m.type == WARD_MSG_BYE) ||
              (!refused && m.type == WARD_MSG_ERROR));
    CHECK(s->talk.refused_count <= WARD_WINDOW_MAX);
}

static void settle(struct side *s)
{
    CHECK_OK(ward_batch_commit(&s->batch, err));
    CHECK_OK(ward_talk_committed(&s->talk, err));
}

/* ---- the wire's tricks */

static void bent(struct side *s, struct fuzz_input *in)
{
    struct frame *f = &s->in[s->head++];
    size_t room = f->len + 256;
    uint8_t *p = malloc(room);
    CHECK(p);
    memcpy(p, f->p, f->len);
    size_t len = f->len;
    for (unsigned edits = 1 + fuzz_byte(in) % 3; edits > 0; edits--)
        len = shape_bend(p, len, room, in);
    uint8_t *exact = malloc(len + 1);
    CHECK(exact);
    memcpy(exact, p, len);
    deliver(s, exact, len);
    free(exact);
    free(p);
}

static void made_up(struct side *s, struct fuzz_input *in)
{
    struct ward_buf frame;
    uint8_t how = fuzz_byte(in);
    struct fuzz_input part = fuzz_part(in, how & 15);
    ward_buf_init(&frame, &fuzz_env);
    if (how & 128) {
        ward_frame_begin(&frame, (enum ward_message_type)(fuzz_byte(in) % 32), how >> 4 & 7);
        ward_buf_add(&frame, part.p, part.len);
    } else if (how & 64) {
        enum ward_message_type type = (enum ward_message_type)(WARD_MSG_DONE + fuzz_byte(in) % 5);
        if (type == WARD_MSG_DONE)
            ward_frame_done(&frame, how >> 4 & 3);
        else
            ward_frame_simple(&frame, type);
    } else {
        uint64_t refused[1][2] = {{fuzz_byte(in), fuzz_byte(in)}};
        ward_frame_ack(&frame, fuzz_byte(in), (const uint64_t(*)[2])refused, how & 1);
    }
    deliver(s, frame.p, frame.len);
    ward_buf_free(&frame);
}

static void write_at(struct side *s, struct fuzz_input *in)
{
    uint8_t how = fuzz_byte(in);
    struct ward_value v = ward_value_int(fuzz_byte(in));
    settle(s);
    fuzz_write(s->r, &the_ward.spaces[how & 1 ? sides[1].who == CELL_A ? SPACE_A : SPACE_B : SPACE_BOTH], how >> 4,
               how & 2   ? COUNTED
               : how & 4 ? DUE
                         : LEVEL,
               &v);
    CHECK_OK(ward_talk_news(&s->talk, err));
}

static void step(struct fuzz_input *in, int64_t *now)
{
    uint8_t op = fuzz_byte(in);
    struct side *s = &sides[op & 1];
    bool waiting = s->head < s->tail;
    switch (op >> 1 & 15) {
    case 0:
        *now += fuzz_byte(in) * 400;
        CHECK_OK(ward_talk_tick(&s->talk, *now, err));
        break;
    case 1:
        write_at(s, in);
        break;
    case 2:
        settle(s);
        break;
    case 3:
        made_up(s, in);
        break;
    case 4: /* lost */
        s->head += waiting;
        break;
    case 5: /* again, or back to where it came from */
        if (s->head > 0)
            deliver(op & 128 ? s->other : s, s->in[s->head - 1].p, s->in[s->head - 1].len);
        break;
    case 6:
        if (op & 128)
            CHECK_OK(ward_talk_leave(&s->talk, err));
        break;
    case 7:
    case 8:
    case 9:
        if (waiting)
            bent(s, in);
        break;
    default:
        if (waiting) {
            deliver(s, s->in[s->head].p, s->in[s->head].len);
            s->head++;
        }
    }
}

/* An honest round. */
static void make_equal(void)
{
    struct ward_hash common[2];
    bool busy = true;
    open_session();
    while (busy) {
        busy = false;
        for (size_t i = 0; i < 2; i++) {
            struct side *s = &sides[i];
            for (; s->head < s->tail; s->head++, busy = true)
                deliver(s, s->in[s->head].p, s->in[s->head].len);
            s->head = s->tail == QUEUE ? QUEUE : s->head;
            if (ward_talk_uncommitted(&s->talk))
                settle(s);
        }
    }
    for (size_t i = 0; i < 2; i++) {
        struct side *s = &sides[i];
        CHECK(s->talk.s.state == WARD_S_LIVE && s->talk.refused_here == 0);
        ward_directory_common(&s->r->dir, ward_replica_grant(s->r), &s->talk.peer, &common[i]);
    }
    CHECK(memcmp(common[0].b, common[1].b, 32) == 0);
    close_session();
}

/* The history of its circles leaves the log: who holds less of them is given their state. */
static void settle_history(ward_replica *r)
{
    struct ward_apply a;
    struct ward_base_head heads[64];
    CHECK_OK(ward_apply_begin(&a, r, err));
    for (uint32_t sid = 2; sid <= r->dir.space_count; sid++) {
        const struct ward_space *s = ward_directory_space(&r->dir, sid);
        size_t n = 0;
        for (size_t i = 0; i < s->feed_count && n < 64; i++)
            heads[n++] = (struct ward_base_head){s->feeds[i], ward_directory_feed(&r->dir, s->feeds[i])->head_seq};
        CHECK_OK(ward_base_settle(&a, sid, heads, n, err));
    }
    CHECK_OK(ward_apply_end(&a, WARD_OK, err));
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t len)
{
    struct fuzz_input in = {p, len};
    int64_t now = 0;
    uint8_t how = fuzz_byte(&in);
    enum who cell = how & 1 ? CELL_B : CELL_A; /* few spaces in common, or many */
    sides[0] = (struct side){.who = OFFICE, .peer = cell, .r = fuzz_device_open(OFFICE, 0), .history = how & 8};
    sides[1] = (struct side){.who = cell, .peer = OFFICE, .r = fuzz_device_open(cell, 0), .states = how & 4, .history = how & 16};
    if (how & 2)
        settle_history(sides[0].r);
    open_session();
    now = sides[0].talk.s.now_ms;
    while (in.len > 0 && sides[0].tail < QUEUE && sides[1].tail < QUEUE)
        step(&in, &now);
    close_session();
    make_equal();
    for (size_t i = 0; i < 2; i++) {
        fuzz_verify(sides[i].r);
        ward_close(sides[i].r);
    }
    return 0;
}
