/* bad_net.c - a bad network: namespaces of their own for a hub and its cells, and a link between each cell and the hub that is slow, late,
 * lossy and short-lived, under the real TCP. Needs root; nothing leaves the machine.
 *
 *     bad_net SEED CELLS
 *
 * Prints one JSON document: for the hub and each cell its address and the file that stands for its namespace (nsenter --net=FILE). Then it
 * obeys the lines it reads, answering each with one line of JSON:
 *
 *     set NAME=NUMBER ...   of all links, what is not named is kept: rate (bit/s, 0: endless), rtt (ms, half each way), loss, reorder (per
 *                           mille of packets), queue (bytes), cut (every so many ms, 0: never), down (for so many ms each time)
 *     report                what has passed since the last report
 *
 * A cut ends every connection on the link: its packets are answered with a reset in one half of the cuts, and with nothing in the other, as
 * phones do it. Ends when there is nothing more to read. Whether the n-th packet of a link is lost depends on SEED, the link and n alone.
 */
#include "dice.h"
#include "flow.h"
#include "tun.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define CELLS_MAX  64u
#define FLOWS      32u /* connections of a cell that are remembered */
#define MTU        1500u
#define SKIP       77
#define HUB        0x0a4d0001u /* 10.77.0.1 */
#define FIRST_CELL 10u

enum { UP, DOWN };

static struct {
    long rate, rtt, loss, reorder, queue, cut, down;
} set = {.queue = 65536};

struct packet {
    struct packet *next;
    int64_t due_us;
    int to; /* descriptor of the TUN */
    struct lane *lane;
    size_t len;
    uint8_t p[];
};

struct counts {
    uint64_t packets, bytes, delivered, lost, crowded, cut; /* bytes: of IP, all that was sent; the others: packets */
    uint64_t payload, again;                                /* bytes of TCP's: sent first, sent once more */
};

struct lane {        /* one way of a link */
    int64_t free_us; /* when the last packet has left */
    size_t queued;
    struct dice dice;
    struct counts counts;
};

struct flow {
    uint16_t port; /* the cell's */
    int64_t age;   /* how many cuts there had been when it began */
    uint32_t next[2];
    bool begun[2];
};

struct link {
    struct lane lane[2];
    struct flow flows[FLOWS];
    size_t flow_turn;
    uint64_t connections, resets;
    int tun;
};

static struct link links[CELLS_MAX];
static unsigned cells;
static int hub_tun;
static uint64_t seed;
static int64_t set_us; /* since when the settings hold: the first cut comes one period later */
static struct packet *on_the_way;

static int64_t now_us(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

static void die(const char *what)
{
    perror(what);
    exit(2);
}

/* ---- cuts */

/* How many cuts this link has had. *down: it is being cut. Links are cut one after another, not all at once. */
static int64_t cuts_of(unsigned cell, int64_t now, bool *down)
{
    int64_t period = set.cut * 1000, since = now - set_us + (period ? period / cells * cell : 0);
    *down = period && since >= period && since % period < set.down * 1000;
    return period ? since / period : 0;
}

static bool is_silent(unsigned cell, int64_t cut)
{
    struct dice d = dice_for(seed ^ (uint64_t)cut, 1000 + cell);
    return dice_chance(&d, 500);
}

/* ---- connections */

static struct flow *flow_of(struct link *l, const struct packet_view *v, int way, int64_t cuts)
{
    uint16_t port = way == UP ? v->from_port : v->to_port;
    bool begins = way == UP && v->syn;
    size_t i = 0;
    while (i < FLOWS && l->flows[i].port != port)
        i++;
    if (i < FLOWS && !(begins && l->flows[i].age != cuts))
        return &l->flows[i];
    struct flow *f = &l->flows[i < FLOWS ? i : l->flow_turn++ % FLOWS];
    *f = (struct flow){.port = port, .age = begins ? cuts : -1};
    l->connections += begins;
    return f;
}

static void count_payload(struct flow *f, struct counts *c, const struct packet_view *v, int way)
{
    uint32_t end = v->seq + (uint32_t)v->payload;
    if (!v->payload)
        return;
    uint32_t fresh = f->begun[way] ? end - f->next[way] : (uint32_t)v->payload;
    if ((int32_t)fresh < 0)
        fresh = 0;
    if (fresh > v->payload)
        fresh = (uint32_t)v->payload;
    c->payload += fresh;
    c->again += v->payload - fresh;
    if (fresh)
        f->next[way] = end;
    f->begun[way] = true;
}

static void answer_with_reset(struct link *l, const struct packet_view *v, int back)
{
    uint8_t reset[RESET_BYTES];
    if (v->rst)
        return;
    l->resets++;
    if (write(back, reset, packet_reset(reset, v)) < 0)
        perror("reset");
}

/* ---- packets */

static void put_on_the_way(struct packet *p)
{
    struct packet **at = &on_the_way;
    while (*at && (*at)->due_us <= p->due_us)
        at = &(*at)->next;
    p->next = *at;
    *at = p;
}

static void carry(unsigned cell, int way, const uint8_t *p, size_t len, const struct packet_view *v)
{
    struct link *l = &links[cell];
    struct lane *lane = &l->lane[way];
    int64_t now = now_us(), start = lane->free_us > now ? lane->free_us : now;
    bool down;
    int64_t cuts = cuts_of(cell, now, &down);
    bool lost = dice_chance(&lane->dice, (unsigned)set.loss), late = dice_chance(&lane->dice, (unsigned)set.reorder);
    struct flow *f = v->tcp ? flow_of(l, v, way, cuts) : NULL;
    lane->counts.packets++;
    lane->counts.bytes += len;
    if (f)
        count_payload(f, &lane->counts, v, way);
    if (down || (f && set.cut && f->age != cuts)) {
        lane->counts.cut++;
        if (!down && !is_silent(cell, cuts))
            answer_with_reset(l, v, way == UP ? l->tun : hub_tun);
        return;
    }
    if (set.rate && lane->queued + len > (size_t)set.queue) {
        lane->counts.crowded++;
        return;
    }
    lane->free_us = start + (set.rate ? (int64_t)len * 8000000 / set.rate : 0);
    if (lost) { /* having been sent */
        lane->counts.lost++;
        return;
    }
    struct packet *packet = malloc(sizeof *packet + len);
    if (!packet)
        die("malloc");
    *packet = (struct packet){.due_us = lane->free_us + set.rtt * 500 + (late ? set.rtt * 125 + 1000 : 0),
                              .to = way == UP ? hub_tun : l->tun,
                              .lane = lane,
                              .len = len};
    memcpy(packet->p, p, len);
    lane->queued += len;
    put_on_the_way(packet);
}

static void deliver(int64_t now)
{
    while (on_the_way && on_the_way->due_us <= now) {
        struct packet *p = on_the_way;
        on_the_way = p->next;
        p->lane->queued -= p->len;
        p->lane->counts.delivered++;
        if (write(p->to, p->p, p->len) < 0)
            perror("deliver");
        free(p);
    }
}

static unsigned cell_at(uint32_t address)
{
    return address - HUB + 1 - FIRST_CELL;
}

/* All that waits at one TUN. What is not between a cell and the hub goes nowhere. */
static void take(int tun, unsigned cell, int way)
{
    uint8_t p[MTU + 64];
    struct packet_view v;
    for (;;) {
        ssize_t n = read(tun, p, sizeof p);
        if (n <= 0)
            return;
        if (!packet_look(&v, p, (size_t)n) || (way == UP && v.to != HUB))
            continue;
        unsigned to = way == UP ? cell : cell_at(v.to);
        if (to < cells)
            carry(to, way, p, (size_t)n, &v);
    }
}

/* ---- orders */

static void report(void)
{
    struct counts sum[2] = {{0}};
    uint64_t connections = 0, resets = 0;
    for (unsigned i = 0; i < cells; i++) {
        connections += links[i].connections;
        resets += links[i].resets;
        links[i].connections = links[i].resets = 0;
        for (int w = 0; w < 2; w++) {
            struct counts *c = &links[i].lane[w].counts;
            sum[w].packets += c->packets, sum[w].bytes += c->bytes, sum[w].delivered += c->delivered;
            sum[w].lost += c->lost, sum[w].crowded += c->crowded, sum[w].cut += c->cut;
            sum[w].payload += c->payload, sum[w].again += c->again;
            *c = (struct counts){0};
        }
    }
    printf("{\"connections\": %" PRIu64 ", \"resets\": %" PRIu64, connections, resets);
    for (int w = 0; w < 2; w++)
        printf(", \"%s\": {\"packets\": %" PRIu64 ", \"bytes\": %" PRIu64 ", \"delivered\": %" PRIu64 ", \"lost\": %" PRIu64
               ", \"crowded\": %" PRIu64 ", \"cut\": %" PRIu64 ", \"payload\": %" PRIu64 ", \"again\": %" PRIu64 "}",
               w == UP ? "up" : "down", sum[w].packets, sum[w].bytes, sum[w].delivered, sum[w].lost, sum[w].crowded, sum[w].cut,
               sum[w].payload, sum[w].again);
    printf("}\n");
}

static void change(char *words)
{
    static const struct {
        const char *name;
        long *value;
    } names[] = {{"rate", &set.rate},   {"rtt", &set.rtt}, {"loss", &set.loss}, {"reorder", &set.reorder},
                 {"queue", &set.queue}, {"cut", &set.cut}, {"down", &set.down}};
    for (char *word = strtok(words, " \n"); word; word = strtok(NULL, " \n")) {
        char *number = strchr(word, '=');
        size_t i = 0;
        while (number && i < sizeof names / sizeof names[0] && strncmp(word, names[i].name, (size_t)(number - word)) != 0)
            i++;
        if (!number || i == sizeof names / sizeof names[0]) {
            fprintf(stderr, "not understood: %s\n", word);
            exit(64);
        }
        *names[i].value = strtol(number + 1, NULL, 10);
    }
    set_us = now_us();
    for (unsigned i = 0; i < cells; i++)
        for (size_t f = 0; f < FLOWS; f++)
            links[i].flows[f].age = 0; /* what runs goes on until the first cut to come */
    printf("{}\n");
}

static void obey(char *line)
{
    if (strcmp(line, "report\n") == 0)
        report();
    else if (strncmp(line, "set ", 4) == 0)
        change(line + 4);
    else {
        fprintf(stderr, "not understood: %s", line);
        exit(64);
    }
    fflush(stdout);
}

/* ---- beginning, and the loop */

static void lay_out(void)
{
    struct tun_end hub;
    if (!tun_open(&hub, HUB, MTU)) {
        printf("{\"skip\": \"namespaces and TUN devices: %s\"}\n", strerror(errno));
        exit(SKIP);
    }
    hub_tun = hub.tun;
    printf("{\"hub\": {\"namespace\": \"/proc/%d/fd/%d\", \"address\": \"10.77.0.1\"}, \"cells\": [", (int)getpid(), hub.ns);
    for (unsigned i = 0; i < cells; i++) {
        struct tun_end cell;
        if (!tun_open(&cell, HUB - 1 + FIRST_CELL + i, MTU))
            die("TUN");
        links[i].tun = cell.tun;
        for (unsigned w = 0; w < 2; w++)
            links[i].lane[w].dice = dice_for(seed, 2 * i + w);
        printf("%s{\"namespace\": \"/proc/%d/fd/%d\", \"address\": \"10.77.0.%u\"}", i ? ", " : "", (int)getpid(), cell.ns, FIRST_CELL + i);
    }
    printf("]}\n");
    fflush(stdout);
}

int main(int argc, char **argv)
{
    struct pollfd items[2 + CELLS_MAX] = {{.fd = STDIN_FILENO, .events = POLLIN}};
    cells = argc == 3 ? (unsigned)strtoul(argv[2], NULL, 10) : 0;
    if (cells < 1 || cells > CELLS_MAX) {
        fprintf(stderr, "usage: bad_net SEED CELLS\n");
        return 64;
    }
    seed = strtoull(argv[1], NULL, 10);
    lay_out();
    items[1] = (struct pollfd){.fd = hub_tun, .events = POLLIN};
    for (unsigned i = 0; i < cells; i++)
        items[2 + i] = (struct pollfd){.fd = links[i].tun, .events = POLLIN};
    for (;;) {
        char line[256];
        int64_t left_us = on_the_way ? on_the_way->due_us - now_us() : 0;
        int wait = !on_the_way ? -1 : left_us <= 0 ? 0 : (int)(left_us / 1000) + 1;
        if (poll(items, 2 + cells, wait) < 0 && errno != EINTR)
            die("poll");
        deliver(now_us());
        if (items[1].revents)
            take(hub_tun, 0, DOWN);
        for (unsigned i = 0; i < cells; i++)
            if (items[2 + i].revents)
                take(links[i].tun, i, UP);
        if (items[0].revents) {
            if (!fgets(line, sizeof line, stdin))
                return 0;
            obey(line);
        }
    }
}
