/* An invitation has its day. The hub's clock is the one that counts, and here it is the test's: the public header alone is used. */
#include <wardsync.h>

#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#define DAY_MS     86400000
#define STEPS_MAX  600 /* of 100 ms at most each */
#define TIMEOUT_MS 20000

struct world {
    char dir[64], hub[96], laptop[96], address[128];
    int64_t ahead_ms;
    ward_replica *replica;
    ward_server *server;
    char code[WARD_INVITE_MAX];
    struct ward_env env;
};

static int64_t wall_ms(void *ctx)
{
    const struct world *w = ctx;
    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000 + w->ahead_ms;
}

static int64_t mono_ms(void *ctx)
{
    (void)ctx;
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static void *alloc(void *ctx, void *p, size_t size)
{
    (void)ctx;
    if (size)
        return realloc(p, size);
    free(p);
    return NULL;
}

static int fill(void *ctx, void *out, size_t len)
{
    (void)ctx;
    for (size_t done = 0; done < len; done += 256) /* as much as one call gives */
        if (getentropy((uint8_t *)out + done, len - done < 256 ? len - done : 256))
            return -1;
    return 0;
}

static void on_event(void *ctx, const struct ward_event *event)
{
    struct world *w = ctx;
    if (event->type == WARD_EVENT_LISTENING)
        snprintf(w->address, sizeof w->address, "%s", event->text);
}

static int new_world(void **state)
{
    struct world *w = calloc(1, sizeof *w);
    assert_non_null(w);
    strcpy(w->dir, "/tmp/wardsync-expired.XXXXXX");
    assert_non_null(mkdtemp(w->dir));
    snprintf(w->hub, sizeof w->hub, "%s/hub", w->dir);
    snprintf(w->laptop, sizeof w->laptop, "%s/laptop", w->dir);
    *state = w;
    return 0;
}

static int end_world(void **state)
{
    struct world *w = *state;
    char command[128];
    ward_serve_close(w->server);
    ward_close(w->replica);
    snprintf(command, sizeof command, "rm -rf '%s'", w->dir);
    assert_int_equal(system(command), 0);
    free(w);
    return 0;
}

/* A hub that listens, and an invitation of a day. */
static void open_hub(struct world *w)
{
    static const char *const listen[] = {"tcp://127.0.0.1:0"};
    w->env = (struct ward_env){.ctx = w, .alloc = alloc, .wall_ms = wall_ms, .mono_ms = mono_ms, .random = fill};
    struct ward_options options = {.env = &w->env};
    struct ward_serve_options serving = {.listen = listen, .listen_count = 1, .on_event = on_event, .ctx = w};
    struct ward_error err = {0};
    struct ward_id unit = {{1}};
    assert_int_equal(ward_found(&w->replica, w->hub, "Phường thử", &unit, "hub", &options, &err), WARD_OK);
    assert_int_equal(ward_serve_open(w->replica, &serving, &w->server, &err), WARD_OK);
    for (int i = 0; i < STEPS_MAX && !w->address[0]; i++)
        assert_int_equal(ward_serve_step(w->server, 100, &err), WARD_OK);
    const char *const address[] = {w->address};
    assert_int_equal(ward_invite(w->replica, &unit, WARD_ROLE_CELL, address, 1, DAY_MS, w->code, sizeof w->code, &err), WARD_OK);
}

/* Another process tries to join; its outcome is the code of its error. */
static int join(struct world *w)
{
    struct ward_error err = {0};
    int status, steps = 0;
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        execl("/proc/self/exe", "join", w->laptop, w->code, (char *)NULL);
        _exit(99);
    }
    while (waitpid(child, &status, WNOHANG) == 0 && steps++ < STEPS_MAX)
        assert_int_equal(ward_serve_step(w->server, 100, &err), WARD_OK);
    if (steps >= STEPS_MAX)
        kill(child, SIGKILL);
    assert_true(steps < STEPS_MAX && WIFEXITED(status));
    return WEXITSTATUS(status);
}

static int as_laptop(const char *home, const char *code)
{
    ward_replica *r;
    struct ward_error err = {0};
    int rc = ward_join(&r, home, code, "laptop", TIMEOUT_MS, NULL, &err);
    if (rc)
        fprintf(stderr, "join: %d %s\n", rc, err.detail);
    else
        ward_close(r);
    return rc == WARD_OK ? 0 : rc == WARD_ERR_INVITE_EXPIRED ? 1 : 2;
}

static void in_time(void **state)
{
    struct world *w = *state;
    open_hub(w);
    w->ahead_ms = DAY_MS - 60000;
    assert_int_equal(join(w), 0);
}

static void too_late(void **state)
{
    struct world *w = *state;
    char replica[128];
    struct stat found;
    open_hub(w);
    w->ahead_ms = DAY_MS + 60000;
    assert_int_equal(join(w), 1);
    snprintf(replica, sizeof replica, "%s/replica.db", w->laptop);
    assert_int_equal(stat(replica, &found), -1);
    w->ahead_ms = 0; /* the clock was wrong: the invitation was not used up */
    assert_int_equal(join(w), 0);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(in_time, new_world, end_world),
        cmocka_unit_test_setup_teardown(too_late, new_world, end_world),
    };
    if (argc == 3)
        return as_laptop(argv[1], argv[2]);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
