/* full_hub PROGRAM [--cells N] [--live N] [--backlog N] [--heavy N] [--calm S] [--churn S] [--seed S] [--bar MS] [--factor N]: a full hub.
 *
 * A real `PROGRAM serve` with its cells around it, over CURVE on loopback. The cells have no processes of their own (full_cell.c), but
 * replicas, keys and links. In turn:
 *
 *   calm    LIVE cells are on the line and edit; the hub's own news are pushed to all of them
 *   storm   the hub is killed, all cells write a backlog, the hub comes back, and all call at once
 *   churn   for S seconds cells come, write, leave, with a word and without; the hub's memory and descriptors are watched
 *   level   all meet the hub once more; then every change of each cell must be in it, all digests equal, and its `verify --full` clean
 *
 * --heavy N gives one cell a backlog of N instead, and asks that the others' last acknowledgement comes within FACTOR (2) times their time
 * without it: the storm is played twice. Where the system gives too few descriptors it says so and skips.
 */
#define _XOPEN_SOURCE 700
#include "full.h"
#include "shell/platform.h"
#include "values/feed.h"
#include "wardsync_plan.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#define DESCRIPTORS_A_CELL 10
#define PATIENCE_MS        120000
#define EDITS_A_SECOND     20
#define SAMPLE_MS          1000
#define CHANGE_MS          20 /* in the churn: one comes and one goes, often enough for a leak to be seen in a minute */

struct story {
    const char *program;
    size_t cells, live, backlog, heavy;
    int64_t calm_ms, churn_ms;
    uint64_t seed;
    double bar_ms, factor;
    struct full_ward ward;
    struct full_crowd crowd;
    struct dice dice;
    pid_t hub;
    int64_t edit_at_ms, news_at_ms;
    uint64_t passed, failed;
};

static void must(struct story *s, bool holds, const char *what)
{
    s->passed += holds;
    s->failed += !holds;
    if (!holds)
        printf("not ok: %s\n", what);
}

/* ---- the hub's process */

static void start_hub(struct story *s)
{
    char home[512], line[200] = "";
    int out[2];
    full_path(&s->ward, "hub", home);
    fflush(NULL);
    if (pipe(out) || (s->hub = fork()) < 0)
        full_die("the hub's process", NULL);
    if (s->hub == 0) {
        const char *at = s->crowd.address[0] ? s->crowd.address : "tcp://127.0.0.1:0";
        int nothing = open("/dev/null", O_WRONLY);
        dup2(out[1], 1);
        dup2(nothing, 2);
        close(out[0]);
        close(out[1]);
        execl(s->program, s->program, "--home", home, "serve", "--listen", at, "--every", "0", (char *)NULL);
        _exit(127);
    }
    close(out[1]);
    FILE *from = fdopen(out[0], "r");
    if (!from || !fgets(line, sizeof line, from) || sscanf(line, "listening on %127s", s->crowd.address) != 1)
        full_die("the hub does not listen", NULL);
    fclose(from);
}

static void end_hub(struct story *s, int signal)
{
    int status;
    kill(s->hub, signal);
    if (waitpid(s->hub, &status, 0) != s->hub)
        full_die("the hub's end", NULL);
    must(s, signal == SIGKILL || (WIFEXITED(status) && WEXITSTATUS(status) == 0), "the hub ends in good order");
}

static double hub_status(const struct story *s, const char *name)
{
    char path[64], line[128];
    double kib = 0;
    snprintf(path, sizeof path, "/proc/%d/status", (int)s->hub);
    FILE *f = fopen(path, "r");
    while (f && fgets(line, sizeof line, f))
        if (strncmp(line, name, strlen(name)) == 0)
            kib = strtod(line + strlen(name) + 1, NULL);
    if (f)
        fclose(f);
    return kib / 1024;
}

static double hub_seconds(const struct story *s)
{
    char path[64];
    unsigned long user = 0, system = 0;
    snprintf(path, sizeof path, "/proc/%d/stat", (int)s->hub);
    FILE *f = fopen(path, "r");
    if (!f || fscanf(f, "%*d %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %lu %lu", &user, &system) != 2)
        user = system = 0;
    if (f)
        fclose(f);
    return (double)(user + system) / (double)sysconf(_SC_CLK_TCK);
}

static size_t counted; /* nftw has no context */
static int count_one(const char *path, const struct stat *st, int type, struct FTW *at)
{
    (void)path, (void)st, (void)type;
    counted += at->level == 1;
    return 0;
}

static size_t hub_descriptors(const struct story *s)
{
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/fd", (int)s->hub);
    counted = 0;
    nftw(path, count_one, 4, FTW_PHYS);
    return counted;
}

/* ---- what goes on meanwhile */

static void spread_news(struct story *s)
{
    struct ward_error err = {0};
    struct ward_hash ward;
    struct ward_id event = {{1}};
    const size_t names = sizeof s->crowd.news_ms / sizeof s->crowd.news_ms[0];
    ward_space_of_ward(s->ward.hub, &ward);
    if (ward_replica_refresh(s->ward.hub, &err))
        full_die("the hub's home", &err);
    full_write(s->ward.hub, &ward, &event, &s->dice);
    struct ward_hash id;
    const struct ward_space *space = ward_directory_space_by_id(&s->ward.hub->dir, &ward);
    const struct ward_feed *f = ward_directory_feed_of(&s->ward.hub->dir, space, &s->crowd.hub.id, &id);
    s->crowd.news_ms[f->head_seq % names] = full_now();
}

/* Somebody who is there, or is not. */
static struct full_cell *anybody(struct story *s, bool there)
{
    size_t at = dice_below(&s->dice, s->crowd.count);
    while ((s->crowd.cells[at].mood != FULL_AWAY) != there)
        at = (at + 1) % s->crowd.count;
    return &s->crowd.cells[at];
}

/* Somebody who is on the line edits, now and then; the hub writes news each second. */
static void live_on(struct story *s)
{
    int64_t now = full_now();
    if (now >= s->edit_at_ms) {
        struct full_cell *x = anybody(s, true);
        if (full_cell_level(x) && x->last_ms)
            full_cell_write(&s->crowd, x, 1);
        s->edit_at_ms = now + 1000 / EDITS_A_SECOND;
    }
    if (now >= s->news_at_ms) {
        spread_news(s);
        s->news_at_ms = now + 1000;
    }
}

static size_t levelled(const struct story *s, size_t from, size_t to)
{
    size_t n = 0;
    for (size_t i = from; i < to; i++)
        n += s->crowd.cells[i].last_ms != 0;
    return n;
}

/* Until all of them have come level, or patience ends. */
static void wait_for(struct story *s, size_t from, size_t to, bool alive)
{
    int64_t until = full_now() + PATIENCE_MS;
    while (levelled(s, from, to) < to - from && full_now() < until) {
        full_crowd_step(&s->crowd);
        if (alive)
            live_on(s);
    }
    must(s, levelled(s, from, to) == to - from, "all come level with the hub");
}

static void call_all(struct story *s, size_t from, size_t to)
{
    int64_t now = full_now();
    for (size_t i = from; i < to; i++)
        full_cell_call(&s->crowd.cells[i], now);
}

static void hub_line(const struct story *s, const char *when)
{
    printf("%-44s hub: %.1f MiB resident, %zu descriptors, %.1f s of processor\n", when, hub_status(s, "VmRSS"), hub_descriptors(s),
           hub_seconds(s));
}

/* ---- the parts of the story */

static void calm(struct story *s)
{
    call_all(s, 0, s->live);
    wait_for(s, 0, s->live, false);
    int64_t until = full_now() + s->calm_ms;
    while (full_now() < until) {
        full_crowd_step(&s->crowd);
        live_on(s);
    }
    full_show("calm: an edit, until acknowledged and level", &s->crowd.edits);
    full_show("calm: news of the hub, until held by a cell", &s->crowd.news);
    hub_line(s, "calm");
}

static void show_storm(struct story *s, const char *name, size_t from, size_t to, double *last)
{
    struct full_times first = {0}, level = {0};
    char text[80];
    for (size_t i = from; i < to; i++) {
        const struct full_cell *x = &s->crowd.cells[i];
        if (x->first_ms)
            full_note(&first, (double)(x->first_ms - x->begun_ms));
        if (x->last_ms)
            full_note(&level, (double)(x->last_ms - x->begun_ms));
    }
    snprintf(text, sizeof text, "%s: until the first acknowledgement", name);
    full_show(text, &first);
    snprintf(text, sizeof text, "%s: until the last, and level", name);
    full_show(text, &level);
    must(s, first.count == to - from, "each has had an acknowledgement");
    must(s, full_at(&first, 0.99) <= s->bar_ms, "the first acknowledgement comes in time (p99)");
    *last = full_at(&level, 0.99);
    free(first.v);
    free(level.v);
}

static void show_trouble(struct story *s)
{
    printf("%-44s %llu calls, %llu broken:", "", (unsigned long long)s->crowd.calls, (unsigned long long)s->crowd.broken);
    for (int i = 0; i < 1000; i++)
        if (s->crowd.errors[i])
            printf(" %s %llu", i ? ward_error_name(i) : "left", (unsigned long long)s->crowd.errors[i]);
    printf("\n");
    memset(s->crowd.errors, 0, sizeof s->crowd.errors);
    s->crowd.calls = s->crowd.broken = 0;
}

/* The hub dies with all lines up; when it is back everybody calls. heavy: the first cell has that much to bring. */
static double storm(struct story *s, const char *name, size_t heavy)
{
    double last;
    end_hub(s, SIGKILL);
    for (size_t i = 0; i < s->crowd.count; i++)
        full_cell_leave(&s->crowd, &s->crowd.cells[i], false);
    for (size_t i = 0; i < s->crowd.count; i++)
        full_cell_write(&s->crowd, &s->crowd.cells[i], i == 0 && heavy ? heavy : s->backlog);
    start_hub(s);
    s->crowd.edits.count = s->crowd.news.count = 0;
    show_trouble(s);
    double worked = hub_seconds(s);
    int64_t begun = full_now();
    call_all(s, 0, s->crowd.count);
    wait_for(s, heavy != 0, s->crowd.count, !heavy);
    show_storm(s, name, heavy != 0, s->crowd.count, &last);
    if (heavy) {
        wait_for(s, 0, 1, false);
        printf("%-44s the heavy one is level after %.1f s\n", "", (double)(s->crowd.cells[0].last_ms - begun) / 1e3);
    } else {
        full_show("storm: an edit of one that was done", &s->crowd.edits);
        full_show("storm: news of the hub", &s->crowd.news);
    }
    show_trouble(s);
    printf("%-44s %.1f s of the hub's processor; %.1f s in all\n", "", hub_seconds(s) - worked, (double)(full_now() - begun) / 1e3);
    hub_line(s, name);
    return last;
}

/* Of the hub's memory and descriptors what the second half of the time has shown must be no more than the first half had. */
static void churn(struct story *s)
{
    int64_t begun = full_now(), sampled = 0, at = begun;
    double memory[2] = {0, 0};
    size_t descriptors[2] = {0, 0};
    s->crowd.edits.count = s->crowd.news.count = 0;
    for (size_t i = s->live; i < s->crowd.count; i++)
        full_cell_shut(&s->crowd, &s->crowd.cells[i]);
    while (full_now() < begun + s->churn_ms) {
        int64_t now = full_now();
        full_crowd_step(&s->crowd);
        live_on(s);
        if (now >= at) { /* one comes, one goes */
            struct full_cell *x = anybody(s, true), *y = anybody(s, false);
            full_cell_leave(&s->crowd, x, dice_chance(&s->dice, 500));
            full_cell_shut(&s->crowd, x);
            full_cell_write(&s->crowd, y, 1 + dice_below(&s->dice, 5));
            full_cell_call(y, now);
            at = now + CHANGE_MS;
        }
        if (now - sampled >= SAMPLE_MS) {
            bool late = now - begun > s->churn_ms / 2;
            double mib = hub_status(s, "VmRSS");
            size_t n = hub_descriptors(s);
            memory[late] = mib > memory[late] ? mib : memory[late];
            descriptors[late] = n > descriptors[late] ? n : descriptors[late];
            sampled = now;
        }
    }
    printf("churn: at most %.1f MiB and %zu descriptors in the first half, %.1f MiB and %zu in the second\n", memory[0], descriptors[0],
           memory[1], descriptors[1]);
    full_show("churn: an edit, until acknowledged and level", &s->crowd.edits);
    full_show("churn: news of the hub, until held by a cell", &s->crowd.news);
    show_trouble(s);
    must(s, memory[1] <= memory[0] * 1.1 + 2, "the hub's memory stays");
    must(s, descriptors[1] <= descriptors[0] + 64, "the hub's descriptors stay");
}

static void check(struct story *s)
{
    struct ward_error err = {0};
    struct ward_hash ward;
    size_t missing = 0, apart = 0;
    for (size_t i = 0; i < s->crowd.count; i++)
        full_cell_shut(&s->crowd, &s->crowd.cells[i]);
    for (size_t from = 0; from < s->crowd.count; from += s->live) {
        size_t to = from + s->live < s->crowd.count ? from + s->live : s->crowd.count;
        call_all(s, from, to);
        wait_for(s, from, to, false);
        for (size_t i = from; i < to; i++)
            full_cell_leave(&s->crowd, &s->crowd.cells[i], true);
    }
    poll(NULL, 0, 100);
    end_hub(s, SIGTERM);
    ward_space_of_ward(s->ward.hub, &ward);
    if (ward_replica_refresh(s->ward.hub, &err))
        full_die("the hub's home", &err);
    for (size_t i = 0; i < s->crowd.count; i++) {
        struct full_cell *x = &s->crowd.cells[i];
        struct ward_hash id;
        full_cell_open(&s->crowd, x);
        const struct ward_directory *d = &s->ward.hub->dir;
        const struct ward_space *there = ward_directory_space_by_id(d, &x->space),
                                *here = ward_directory_space_by_id(&x->r->dir, &x->space);
        const struct ward_feed *f = there ? ward_directory_feed_of(d, there, &x->r->self, &id) : NULL;
        missing += x->written != (f ? f->head_seq : 0);
        apart += x->written && (!there || !here || ward_hash_compare(&there->digest, &here->digest) != 0);
        apart +=
            ward_hash_compare(&ward_directory_space_by_id(d, &ward)->digest, &ward_directory_space_by_id(&x->r->dir, &ward)->digest) != 0;
        full_cell_shut(&s->crowd, x);
    }
    must(s, missing == 0, "every change of each cell is in the hub");
    must(s, apart == 0, "the cells and the hub hold the same");
    char home[512];
    int status;
    full_path(&s->ward, "hub", home);
    fflush(NULL);
    pid_t verify = fork();
    if (verify == 0) {
        execl(s->program, s->program, "--home", home, "verify", "--full", (char *)NULL);
        _exit(127);
    }
    must(s, waitpid(verify, &status, 0) == verify && WIFEXITED(status) && WEXITSTATUS(status) == 0, "verify is clean");
}

static void make_directory(char out[400], const char *in)
{
    snprintf(out, 400, "%s/full-hub.XXXXXX", in);
    if (!mkdtemp(out))
        full_die("a directory", NULL);
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *at)
{
    (void)st, (void)type, (void)at;
    return remove(path);
}

static void tell(struct story *s)
{
    int64_t begun = full_now();
    full_found(&s->ward, s->cells);
    full_crowd_open(&s->crowd, &s->ward, s->cells, s->seed);
    printf("full hub: %zu cells, %zu of them live, backlog %zu each; seed %llu; made in %.1f s\n", s->cells, s->live, s->backlog,
           (unsigned long long)s->seed, (double)(full_now() - begun) / 1e3);
    start_hub(s);
    hub_line(s, "at rest");
    calm(s);
    double usual = storm(s, "storm", 0);
    if (s->heavy) {
        double beside = storm(s, "storm beside a heavy one", s->heavy);
        printf("the others' last acknowledgement (p99): %.0f ms beside %zu changes of one, %.0f ms without: %.2f times\n", beside, s->heavy,
               usual, beside / usual);
        must(s, beside <= s->factor * usual, "one with much to bring does not delay the others");
    }
    if (s->churn_ms)
        churn(s);
    check(s);
    full_crowd_close(&s->crowd);
    ward_close(s->ward.hub);
}

static bool option(struct story *s, const char *name, const char *value)
{
    uint64_t n = strtoull(value, NULL, 10);
    if (strcmp(name, "--cells") == 0)
        s->cells = n;
    else if (strcmp(name, "--live") == 0)
        s->live = n;
    else if (strcmp(name, "--backlog") == 0)
        s->backlog = n;
    else if (strcmp(name, "--heavy") == 0)
        s->heavy = n;
    else if (strcmp(name, "--calm") == 0)
        s->calm_ms = (int64_t)n * 1000;
    else if (strcmp(name, "--churn") == 0)
        s->churn_ms = (int64_t)n * 1000;
    else if (strcmp(name, "--seed") == 0)
        s->seed = n;
    else if (strcmp(name, "--factor") == 0)
        s->factor = (double)n;
    else if (strcmp(name, "--bar") == 0)
        s->bar_ms = (double)n;
    else
        return false;
    return true;
}

int main(int argc, char **argv)
{
    static struct story s = {
        .cells = 1200, .live = 200, .backlog = 20, .calm_ms = 10000, .churn_ms = 60000, .seed = 1, .bar_ms = 5000, .factor = 2};
    struct rlimit limit;
    bool fine = argc >= 2 && argc % 2 == 0;
    s.program = argv[1];
    for (int i = 2; fine && i + 1 < argc; i += 2)
        fine = option(&s, argv[i], argv[i + 1]);
    if (!fine || s.live == 0 || s.live > s.cells) {
        fprintf(stderr, "usage: full_hub PROGRAM [--cells N] [--live N] [--backlog N] [--heavy N] [--calm S] [--churn S] [--seed S] [--bar "
                        "MS] [--factor N]\n");
        return 64;
    }
    setvbuf(stdout, NULL, _IOLBF, 0);
    ward_process_raise_descriptors();
    if (getrlimit(RLIMIT_NOFILE, &limit) || limit.rlim_cur < s.cells * DESCRIPTORS_A_CELL + 100) {
        printf("skip a full hub: %zu cells need %zu descriptors\n", s.cells, s.cells * DESCRIPTORS_A_CELL + 100);
        return 0;
    }
    const char *usual = getenv("TMPDIR") ? getenv("TMPDIR") : "/tmp";
    make_directory(s.ward.dir, usual);
    make_directory(s.ward.cells_dir, access("/dev/shm", W_OK) == 0 ? "/dev/shm" : usual);
    s.ward.options = (struct ward_options){.schema = ward_plan_schema(), .env = ward_platform_env()};
    s.dice = dice_for(s.seed, UINT64_MAX);
    tell(&s);
    nftw(s.ward.dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
    nftw(s.ward.cells_dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
    printf("%llu passed, %llu failed\n", (unsigned long long)s.passed, (unsigned long long)s.failed);
    return s.failed != 0;
}
