/* bad_guest HOME ADDRESS WAY SECONDS [HUB-HOME]: a device of the ward in the hands of somebody who means ill. It opens the home, calls the
 * hub at ADDRESS with the home's keys and misbehaves for so many seconds; then it tells in a line of JSON what came of it.
 *
 *   runs       good changes, as many as fit a run, as fast as they are acknowledged, over four links
 *   until-cut  the same, until it is told that it was revoked
 *   forged     the same under bad seals
 *   window     good changes without waiting for any acknowledgement
 *   pings      nothing but pings
 *   big        frames of the greatest size that mean nothing
 *   storm      two hundred links a second, each dropped when it has said hello
 *   unknown    the same with a key that nobody knows
 *   keys       two hundred devices, invited by HUB-HOME beforehand, that come at once, say hello and stay
 */
#include "base/limits.h"
#include "replica/replica.h"
#include "replica/route.h"
#include "rules/frame.h"
#include "shell/link.h"
#include "shell/platform.h"
#include "values/feed.h"

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LINKS        8 /* of 32 calls each at most */
#define CALLS_A_LINK 28
#define KEYS         200
#define STORM_GAP_MS 5
#define CODES        1000

struct call {
    ward_peer peer; /* 0: none */
    uint8_t sk[32];
    bool up;
    uint64_t sent, acked;
};

struct guest {
    ward_replica *r;
    struct ward_link *links[LINKS];
    struct call calls[LINKS][CALLS_A_LINK];
    const char *address, *way;
    uint8_t hub_pk[32];
    struct ward_hash space, feed, head;
    struct ward_id unit;
    uint64_t seq, depth;
    struct ward_buf frame, body;
    uint64_t called, met, runs, acked, frames, bytes;
    unsigned ends[CODES], errors[CODES];
};

static void must(int rc, const char *what, const struct ward_error *err)
{
    if (rc == 0)
        return;
    fprintf(stderr, "bad_guest: %s: %d %s\n", what, rc, err ? err->detail : "");
    exit(2);
}

static int64_t now(void)
{
    return ward_platform_env()->mono_ms(NULL);
}

static bool is(const struct guest *g, const char *way)
{
    return strcmp(g->way, way) == 0;
}

static void say(struct guest *g, size_t l, struct call *c)
{
    if (ward_link_send(g->links[l], c->peer, g->frame.p, g->frame.len, NULL) == WARD_OK) {
        g->frames++;
        g->bytes += g->frame.len;
    }
    ward_buf_clear(&g->frame);
}

/* A digest that is not the other's, no space, no heads: then runs are taken. */
static void greet(struct guest *g, size_t l, struct call *c)
{
    struct ward_hash nothing = {{0}};
    ward_frame_hello(&g->frame, &g->r->ward, &nothing, NULL, 1750000000000, NULL, NULL);
    say(g, l, c);
    if (is(g, "storm") || is(g, "unknown") || is(g, "keys"))
        return;
    ward_frame_spaces(&g->frame, 0);
    say(g, l, c);
    ward_frame_begin(&g->frame, WARD_MSG_HEADS, 2);
    ward_put_array(&g->frame, 0);
    ward_put_bool(&g->frame, true);
    say(g, l, c);
    ward_frame_begin(&g->frame, WARD_MSG_CIRCLE, 1);
    ward_put_circle(&g->frame, &g->unit, 1);
    say(g, l, c);
}

/* Nobody knows the kind; it is kept and carried all the same. */
static void write_changes(struct guest *g, unsigned count)
{
    static const uint8_t text[] = {0x61, 'x'};
    struct ward_op op = {.kind = 60000, .field = WARD_FIELD(WARD_OPEN, 1), .raw = text, .raw_len = sizeof text};
    ward_buf_clear(&g->body);
    for (unsigned i = 0; i < count; i++) {
        size_t at = g->body.len;
        memcpy(op.entity.b, &g->seq, sizeof g->seq);
        op.entity.b[15] = 1;
        ward_change_write(&g->body, 1750000000000, ++g->depth, NULL, 0, &op, 1);
        g->seq++;
        ward_chain(&g->head, g->seq, &g->head, g->body.p + at, g->body.len - at);
    }
}

static void send_run(struct guest *g, size_t l, struct call *c, bool forged)
{
    uint8_t sig[WARD_SEAL_BYTES] = {0};
    struct ward_hash head = g->head;
    uint64_t seq = g->seq, depth = g->depth;
    write_changes(g, WARD_RUN_CHANGES_MAX);
    if (!forged)
        ward_seal_make(sig, &g->feed, g->seq, &g->head, &g->r->keys->sign);
    struct ward_run run = {.space8 = g->space.b,
                           .grant8 = g->r->self.b,
                           .first = seq + 1,
                           .count = WARD_RUN_CHANGES_MAX,
                           .data = g->body.p,
                           .len = g->body.len,
                           .sig = sig};
    ward_frame_run(&g->frame, &run);
    say(g, l, c);
    c->sent++;
    g->runs++;
    if (forged) {
        g->head = head;
        g->seq = seq;
        g->depth = depth;
    }
}

/* One step of the mischief on a link that is up. Good runs go over one link only: they are a chain. */
static void misbehave(struct guest *g, size_t l, struct call *c)
{
    static uint8_t nothing[WARD_FRAME_MAX - 16];
    if ((is(g, "runs") || is(g, "until-cut")) && c == &g->calls[0][0] && c->sent - c->acked < WARD_WINDOW)
        send_run(g, l, c, false);
    if (is(g, "window") && c == &g->calls[0][0])
        send_run(g, l, c, false);
    if (is(g, "forged") && c->sent - c->acked < WARD_WINDOW)
        send_run(g, l, c, true);
    if (is(g, "pings"))
        for (int i = 0; i < 20; i++) {
            ward_frame_simple(&g->frame, WARD_MSG_PING);
            say(g, l, c);
        }
    if (is(g, "big")) {
        ward_frame_begin(&g->frame, (enum ward_message_type)29, 1);
        ward_put_bytes(&g->frame, nothing, sizeof nothing);
        say(g, l, c);
    }
}

static struct call *find(struct guest *g, size_t l, ward_peer peer)
{
    for (size_t i = 0; i < CALLS_A_LINK; i++)
        if (g->calls[l][i].peer == peer)
            return &g->calls[l][i];
    return NULL;
}

static void hear(struct guest *g, struct call *c, const struct ward_link_event *e)
{
    struct ward_message m;
    if (ward_frame_parse(&m, e->p, e->len, NULL))
        return;
    if (m.type == WARD_MSG_ACK) {
        g->acked += m.acked - c->acked;
        c->acked = m.acked;
    }
    if (m.type == WARD_MSG_ERROR && m.error < CODES)
        g->errors[m.error]++;
}

/* What the hub kept of the chain is not known after a broken link: it is begun where it was acknowledged, as far as that can be told. */
static void attend(struct guest *g, size_t l)
{
    for (int i = 0; i < 64; i++) {
        struct ward_link_event e;
        struct ward_error err = {0};
        bool got;
        must(ward_link_step(g->links[l], 0, -1, &e, &got, &err), "step", &err);
        struct call *c = got ? find(g, l, e.peer) : NULL;
        if (!got)
            return;
        if (!c)
            continue;
        if (e.type == WARD_LINK_UP) {
            c->up = true;
            g->met++;
            greet(g, l, c);
            if (is(g, "storm")) {
                ward_link_drop(g->links[l], c->peer);
                c->peer = 0;
            }
        } else if (e.type == WARD_LINK_FRAME) {
            hear(g, c, &e);
        } else if (e.type == WARD_LINK_DOWN) {
            g->ends[e.code < CODES ? e.code : 0]++;
            c->peer = 0;
        }
    }
}

static void dial(struct guest *g, size_t l, struct call *c)
{
    if (ward_link_connect(g->links[l], g->address, g->hub_pk, c->sk, &c->peer, NULL))
        c->peer = 0;
    else
        g->called++;
    c->up = false;
    c->sent = c->acked = 0;
}

static void invite_all(struct guest *g, const char *home, const char *hub_home)
{
    struct ward_options options = {0};
    struct ward_error err = {0};
    ward_replica *hub, *r;
    struct ward_self self;
    const char *addresses[] = {g->address};
    char code[WARD_INVITE_MAX], path[600];
    must(ward_open(&hub, hub_home, &options, &err), "open the hub's home", &err);
    must(ward_self(hub, &self, &err), "self", &err);
    for (size_t i = 0; i < KEYS; i++) {
        snprintf(path, sizeof path, "%s.key%zu", home, i);
        must(ward_invite(hub, &self.unit, WARD_ROLE_CELL, addresses, 1, 3600000, code, sizeof code, &err), "invite", &err);
        must(ward_join(&r, path, code, "one of many", 20000, &options, &err), "join", &err);
        memcpy(g->calls[i / CALLS_A_LINK][i % CALLS_A_LINK].sk, r->keys->link_sk, 32);
        ward_close(r);
    }
    ward_close(hub);
}

static void set_up(struct guest *g, const char *home)
{
    struct ward_options options = {0};
    struct ward_error err = {0};
    struct ward_routes routes;
    struct ward_self self;
    must(ward_open(&g->r, home, &options, &err), "open", &err);
    must(ward_self(g->r, &self, &err), "self", &err);
    must(ward_routes_find(g->r, g->address, NULL, &routes, &err), "route", &err);
    memcpy(g->hub_pk, routes.v[0].link_pk, 32);
    g->unit = self.unit;
    must(ward_space_of_circle(g->r, &g->space, &self.unit, 1, &err), "space", &err);
    ward_name_feed(&g->feed, &g->r->ward, &g->space, &g->r->self);
    g->head = g->feed;
    const struct ward_feed *f = ward_directory_feed_by_id(&g->r->dir, &g->feed);
    if (f) {
        g->head = f->head_hash;
        g->seq = f->head_seq;
        g->depth = f->head_depth;
    }
    ward_buf_init(&g->frame, &g->r->env);
    ward_buf_init(&g->body, &g->r->env);
    struct ward_link_options link = {.env = &g->r->env};
    memcpy(link.link_sk, g->r->keys->link_sk, 32);
    for (size_t l = 0; l < LINKS; l++) {
        must(ward_link_open(&g->links[l], &link, &err), "link", &err);
        for (size_t i = 0; i < CALLS_A_LINK; i++) {
            memcpy(g->calls[l][i].sk, g->r->keys->link_sk, 32);
            if (is(g, "unknown"))
                randombytes_buf(g->calls[l][i].sk, 32);
        }
    }
}

static void run(struct guest *g, int64_t seconds)
{
    size_t links = is(g, "keys") ? LINKS : 1;
    bool storm = is(g, "storm") || is(g, "unknown");
    size_t calls = is(g, "keys") || storm ? CALLS_A_LINK : WARD_SESSIONS_PER_KEY;
    int64_t end = now() + seconds * 1000, next = 0;
    while (now() < end && !(is(g, "until-cut") && g->errors[WARD_ERR_CUT])) {
        for (size_t l = 0; l < links; l++) {
            for (size_t i = 0; i < calls && l * CALLS_A_LINK + i < KEYS; i++) {
                struct call *c = &g->calls[l][i];
                if (!c->peer && (!storm || now() >= next)) {
                    next = now() + STORM_GAP_MS;
                    dial(g, l, c);
                } else if (c->peer && c->up) {
                    misbehave(g, l, c);
                }
            }
            attend(g, l);
        }
        struct ward_link_event e;
        bool got;
        ward_link_step(g->links[LINKS - 1], links == LINKS ? 0 : 1, -1, &e, &got, NULL); /* a millisecond's rest */
    }
}

static void report(const struct guest *g)
{
    const char *comma = "";
    printf("{\"way\":\"%s\",\"called\":%llu,\"up\":%llu,\"runs\":%llu,\"acked\":%llu,\"frames\":%llu,\"bytes\":%llu,\"ends\":{", g->way,
           (unsigned long long)g->called, (unsigned long long)g->met, (unsigned long long)g->runs, (unsigned long long)g->acked,
           (unsigned long long)g->frames, (unsigned long long)g->bytes);
    for (int i = 0; i < CODES; i++)
        if (g->ends[i]) {
            printf("%s\"%s\":%u", comma, ward_error_name(i), g->ends[i]);
            comma = ",";
        }
    printf("},\"errors\":{");
    comma = "";
    for (int i = 0; i < CODES; i++)
        if (g->errors[i]) {
            printf("%s\"%s\":%u", comma, ward_error_name(i), g->errors[i]);
            comma = ",";
        }
    printf("}}\n");
}

int main(int argc, char **argv)
{
    static struct guest g;
    if (argc < 5)
        return fprintf(stderr, "usage: bad_guest HOME ADDRESS WAY SECONDS [HUB-HOME]\n"), 64;
    g.address = argv[2];
    g.way = argv[3];
    set_up(&g, argv[1]);
    if (is(&g, "keys") && argc > 5)
        invite_all(&g, argv[1], argv[5]);
    printf("ready\n");
    fflush(stdout);
    run(&g, strtoll(argv[4], NULL, 10));
    report(&g);
    for (size_t l = 0; l < LINKS; l++)
        ward_link_close(g.links[l]);
    ward_buf_free(&g.frame);
    ward_buf_free(&g.body);
    ward_close(g.r);
    return 0;
}
