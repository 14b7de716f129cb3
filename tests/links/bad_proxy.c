/* bad_proxy.c - a bad link on loopback: forwards one TCP port to another, and lets each connection meet with one misfortune.
 *
 *     bad_proxy SEED tcp://127.0.0.1:PORT
 *
 * Prints `listening on tcp://127.0.0.1:PORT` and obeys the lines it reads, answering each with one line: `faults on`, `faults off` (from
 * then on, and connections that hang are dropped), `drop` (resets all there are), `report`. Ends when there is nothing more to read. What
 * happens to the n-th connection, and after how many bytes, depends on SEED and n alone. */
#include "dice.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define CONNECTIONS_MAX 256
#define CHUNK           16384u
#define TRICKLE         64u /* bytes at a time, one such sip each TRICKLE_MS */
#define TRICKLE_MS      10

enum fault { NONE, CUT, RESET, STALL, TRICKLING, DELAY, CORRUPT, HALF_OPEN, FAULTS };
static const char *const fault_names[FAULTS] = {"none", "cut", "reset", "stall", "trickle", "delay", "corrupt", "half_open"};

struct plan {
    enum fault fault;
    int way;       /* 0: what the caller sends, 1: what it gets */
    uint64_t at;   /* bytes that way before it happens */
    uint64_t span; /* ms, or bytes that trickle */
};

struct way {
    uint8_t held[CHUNK];
    size_t start, len;
    uint64_t passed;
    int64_t not_before_ms;
    bool ended; /* nothing more comes in */
};

struct connection {
    int end[2]; /* caller, answerer */
    struct way way[2];
    struct plan plan;
    bool met, hanging;
};

static struct connection *connections[CONNECTIONS_MAX];
static size_t connection_count;
static uint64_t seed, accepted, unanswered, met[FAULTS], bytes[2];
static bool faults = false;
static struct sockaddr_in target;

static int64_t now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static void die(const char *what)
{
    perror(what);
    exit(2);
}

/* ---- plans */

static struct plan draw_plan(uint64_t n)
{
    struct dice d = dice_for(seed, n);
    struct plan p = {.fault = (enum fault)dice_between(&d, 0, FAULTS - 1), .way = (int)dice_between(&d, 0, 1)};
    p.at = (uint64_t)dice_between(&d, 0, (int64_t)1 << dice_between(&d, 4, 15)); /* in handshakes as well as in the midst of runs */
    p.span = (uint64_t)dice_between(&d, 20, p.fault == DELAY ? 200 : 3000);
    return p;
}

/* ---- connections */

static void close_connection(size_t i, bool abruptly)
{
    struct connection *c = connections[i];
    for (int e = 0; e < 2; e++) {
        struct linger now = {.l_onoff = 1};
        if (c->end[e] < 0)
            continue;
        if (abruptly)
            setsockopt(c->end[e], SOL_SOCKET, SO_LINGER, &now, sizeof now);
        close(c->end[e]);
    }
    free(c);
    connections[i] = connections[--connection_count];
}

static int call_target(void)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        die("socket");
    if (connect(fd, (struct sockaddr *)&target, sizeof target) == 0) /* loopback: it answers at once or not at all */
        return fd;
    close(fd);
    return -1;
}

static void ready(int fd)
{
    int on = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (fcntl(fd, F_SETFL, O_NONBLOCK) != 0)
        die("fcntl");
}

static void accept_one(int listener)
{
    int caller = accept(listener, NULL, NULL);
    if (caller < 0)
        return;
    uint64_t n = accepted++;
    int answerer = connection_count < CONNECTIONS_MAX ? call_target() : -1;
    struct connection *c = answerer < 0 ? NULL : calloc(1, sizeof *c);
    if (!c) {
        unanswered++;
        close(caller);
        return;
    }
    ready(caller);
    ready(answerer);
    *c = (struct connection){.end = {caller, answerer}};
    if (faults)
        c->plan = draw_plan(n);
    connections[connection_count++] = c;
}

/* ---- misfortunes */

/* How many bytes may go on now; sets what holds the rest back. False: the connection is over. */
static bool may_pass(struct connection *c, int w, size_t *allowed, bool *abruptly, int64_t now)
{
    struct way *way = &c->way[w];
    struct plan *p = &c->plan;
    *allowed = way->len;
    if (p->fault == NONE || p->way != w)
        return true;
    uint64_t before = way->passed < p->at ? p->at - way->passed : 0;
    if (before > 0 || way->len == 0) {
        *allowed = before && before < way->len ? before : way->len;
        return true;
    }
    if (!c->met)
        met[p->fault]++;
    bool first = !c->met;
    c->met = true;
    switch (p->fault) {
    case CUT:
    case RESET:
        *abruptly = p->fault == RESET;
        return false;
    case HALF_OPEN:
        c->hanging = true;
        *allowed = 0;
        break;
    case STALL:
        if (first)
            way->not_before_ms = now + (int64_t)p->span;
        *allowed = way->not_before_ms > now ? 0 : way->len;
        break;
    case CORRUPT:
        if (first)
            way->held[way->start] ^= (uint8_t)(1u << p->span % 8);
        break;
    case TRICKLING:
        if (way->passed < p->at + p->span) {
            *allowed = way->not_before_ms > now ? 0 : way->len < TRICKLE ? way->len : TRICKLE;
            if (*allowed)
                way->not_before_ms = now + TRICKLE_MS;
        }
        break;
    case DELAY:
        *allowed = way->not_before_ms > now ? 0 : way->len;
        break;
    default:
        break;
    }
    return true;
}

static bool fill(struct connection *c, int w, int64_t now)
{
    struct way *way = &c->way[w];
    if (way->len || way->ended)
        return true;
    ssize_t n = read(c->end[w], way->held, sizeof way->held);
    if (n < 0)
        return errno == EAGAIN || errno == EINTR;
    way->ended = n == 0;
    way->start = 0;
    way->len = (size_t)n;
    if (c->plan.fault == DELAY && c->plan.way == w && n > 0)
        way->not_before_ms = now + (int64_t)c->plan.span;
    return true;
}

static bool drain(struct connection *c, int w, bool *abruptly, int64_t now)
{
    struct way *way = &c->way[w];
    size_t allowed;
    if (!may_pass(c, w, &allowed, abruptly, now))
        return false;
    if (allowed == 0)
        return !(way->ended && way->len == 0); /* one end has closed, and what it sent has arrived */
    ssize_t n = write(c->end[1 - w], way->held + way->start, allowed);
    if (n < 0)
        return errno == EAGAIN || errno == EINTR;
    way->start += (size_t)n;
    way->len -= (size_t)n;
    way->passed += (uint64_t)n;
    bytes[w] += (uint64_t)n;
    return !(way->ended && way->len == 0);
}

/* Neither end hears anything of the other any more, not even that it has left. */
static bool hang(struct connection *c)
{
    for (int e = 0; e < 2; e++) {
        uint8_t lost[CHUNK];
        ssize_t n = c->end[e] < 0 ? -1 : read(c->end[e], lost, sizeof lost);
        if (n > 0 || (n < 0 && (c->end[e] < 0 || errno == EAGAIN || errno == EINTR)))
            continue;
        close(c->end[e]);
        c->end[e] = -1;
    }
    return c->end[0] >= 0 || c->end[1] >= 0;
}

static void serve_connection(size_t i, int64_t now)
{
    struct connection *c = connections[i];
    bool abruptly = false, alive = true;
    for (int w = 0; alive && !c->hanging && w < 2; w++)
        alive = fill(c, w, now) && drain(c, w, &abruptly, now);
    if (alive && c->hanging)
        alive = hang(c);
    if (!alive)
        close_connection(i, abruptly);
}

/* ---- orders */

static void report(void)
{
    printf("{\"connections\": %" PRIu64 ", \"unanswered\": %" PRIu64 ", \"open\": %zu, \"up\": %" PRIu64 ", \"down\": %" PRIu64, accepted,
           unanswered, connection_count, bytes[0], bytes[1]);
    for (int f = 1; f < FAULTS; f++)
        printf(", \"%s\": %" PRIu64, fault_names[f], met[f]);
    printf("}\n");
}

static void drop(bool all)
{
    for (size_t i = connection_count; i > 0; i--)
        if (all || connections[i - 1]->hanging)
            close_connection(i - 1, true);
}

static void heal(void)
{
    faults = false;
    drop(false);
    for (size_t i = 0; i < connection_count; i++)
        connections[i]->plan.fault = NONE;
}

static void obey(const char *line)
{
    if (strcmp(line, "report\n") == 0) {
        report();
    } else {
        if (strcmp(line, "faults on\n") == 0)
            faults = true;
        else if (strcmp(line, "faults off\n") == 0)
            heal();
        else if (strcmp(line, "drop\n") == 0)
            drop(true);
        else
            die(line);
        printf("done\n");
    }
    fflush(stdout);
}

/* ---- the loop */

static bool parse_target(const char *address)
{
    const char *host = strncmp(address, "tcp://", 6) == 0 ? address + 6 : address, *colon = strrchr(host, ':');
    char literal[INET_ADDRSTRLEN];
    if (!colon || (size_t)(colon - host) >= sizeof literal)
        return false;
    memcpy(literal, host, (size_t)(colon - host));
    literal[colon - host] = '\0';
    target = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(colon + 1))};
    return inet_pton(AF_INET, literal, &target.sin_addr) == 1;
}

static int listen_somewhere(void)
{
    struct sockaddr_in own = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof own;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || bind(fd, (struct sockaddr *)&own, sizeof own) != 0 || listen(fd, 128) != 0 ||
        getsockname(fd, (struct sockaddr *)&own, &len) != 0 || fcntl(fd, F_SETFL, O_NONBLOCK) != 0)
        die("listening");
    printf("listening on tcp://127.0.0.1:%u\n", ntohs(own.sin_port));
    fflush(stdout);
    return fd;
}

/* What this connection waits for; the time until it has something to do by itself, -1: never. */
static int watch(const struct connection *c, struct pollfd pair[2], int64_t now)
{
    int wait = -1;
    for (int e = 0; e < 2; e++)
        pair[e] = (struct pollfd){.fd = c->end[e], .events = c->hanging || (!c->way[e].len && !c->way[e].ended) ? POLLIN : 0};
    for (int w = 0; !c->hanging && w < 2; w++) {
        int64_t left = c->way[w].not_before_ms - now;
        if (!c->way[w].len)
            continue;
        if (left > 0)
            wait = wait < 0 || left < wait ? (int)left : wait;
        else
            pair[1 - w].events = (short)(pair[1 - w].events | POLLOUT);
    }
    for (int e = 0; e < 2; e++)
        if (pair[e].events == 0)
            pair[e].fd = -1; /* else poll tells of its end again and again, before it may be passed on */
    return wait;
}

int main(int argc, char **argv)
{
    struct pollfd items[2 + 2 * CONNECTIONS_MAX];
    if (argc != 3 || !parse_target(argv[2])) {
        fprintf(stderr, "usage: bad_proxy SEED tcp://HOST:PORT\n");
        return 64;
    }
    seed = strtoull(argv[1], NULL, 10);
    signal(SIGPIPE, SIG_IGN);
    items[0] = (struct pollfd){.fd = STDIN_FILENO, .events = POLLIN};
    items[1] = (struct pollfd){.fd = listen_somewhere(), .events = POLLIN};
    for (;;) {
        char line[64];
        int wait = -1;
        int64_t now = now_ms();
        for (size_t i = 0; i < connection_count; i++) {
            int own = watch(connections[i], items + 2 + 2 * i, now);
            wait = own >= 0 && (wait < 0 || own < wait) ? own : wait;
        }
        if (poll(items, (nfds_t)(2 + 2 * connection_count), wait) < 0 && errno != EINTR)
            die("poll");
        now = now_ms();
        for (size_t i = connection_count; i > 0; i--)
            serve_connection(i - 1, now);
        if (items[1].revents)
            accept_one(items[1].fd);
        if (items[0].revents) {
            if (!fgets(line, sizeof line, stdin)) /* one line at a time is all that is ever asked before the answer */
                return 0;
            obey(line);
        }
    }
}
