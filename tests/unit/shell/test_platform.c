/* Files, directories, locks: in a new directory under TMPDIR for each test. The second thread. */
#define _GNU_SOURCE /* sched_setaffinity */
#include "base/alloc.h"
#include "shell/platform.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static char dir[4096];

/* A path in the test's directory; good until the second call after this one. */
static const char *at(const char *name)
{
    static char paths[2][8192];
    static int turn;
    turn = !turn;
    snprintf(paths[turn], sizeof paths[turn], "%s/%s", dir, name);
    return paths[turn];
}

static int enter(void **state)
{
    (void)state;
    const char *tmp = getenv("TMPDIR");
    snprintf(dir, sizeof dir, "%s/ward-platform-XXXXXX", tmp ? tmp : "/tmp");
    return mkdtemp(dir) ? 0 : -1;
}

static int leave(void **state)
{
    (void)state;
    char command[5000];
    snprintf(command, sizeof command, "rm -rf '%s'", dir);
    return system(command);
}

static void put(const char *name, const char *text, mode_t mode)
{
    FILE *f = fopen(at(name), "w");
    assert_non_null(f);
    fputs(text, f);
    fclose(f);
    assert_int_equal(chmod(at(name), mode), 0);
}

static mode_t mode_of(const char *path)
{
    struct stat st;
    assert_int_equal(stat(path, &st), 0);
    return st.st_mode & 07777;
}

static void assert_text(const char *name, const char *text)
{
    char p[1000];
    FILE *f = fopen(at(name), "rb");
    assert_non_null(f);
    size_t len = fread(p, 1, sizeof p, f);
    fclose(f);
    assert_int_equal(len, strlen(text));
    assert_memory_equal(p, text, len);
}

static void environment(void **state)
{
    (void)state;
    const struct ward_env *env = ward_platform_env();
    assert_true(env->wall_ms(env->ctx) > 1500000000000);
    int64_t before = env->mono_ms(env->ctx);
    assert_true(env->mono_ms(env->ctx) >= before);
    uint8_t a[32], b[32];
    assert_int_equal(env->random(env->ctx, a, sizeof a), 0);
    assert_int_equal(env->random(env->ctx, b, sizeof b), 0);
    assert_memory_not_equal(a, b, sizeof a);
    void *p = env->alloc(env->ctx, NULL, 10);
    p = env->alloc(env->ctx, p, 100000);
    assert_non_null(p);
    assert_null(env->alloc(env->ctx, p, 0));
}

static int read_secret(const char *name, struct ward_error *err)
{
    uint8_t out[8];
    size_t len;
    return ward_file_read_secret(at(name), out, sizeof out, &len, err);
}

static void secrets(void **state)
{
    (void)state;
    struct ward_error err;
    put("key", "12345678", 0600);
    uint8_t out[8];
    size_t len;
    assert_int_equal(ward_file_read_secret(at("key"), out, sizeof out, &len, NULL), WARD_OK);
    assert_int_equal(len, 8);
    assert_memory_equal(out, "12345678", 8);

    assert_int_equal(read_secret("none", &err), WARD_ERR_KEY_MISSING);
    static const mode_t bad[] = {0644, 0640, 0604, 0700, 0400, 04600};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_int_equal(chmod(at("key"), bad[i]), 0);
        assert_int_equal(read_secret("key", &err), WARD_ERR_KEY_MODE);
        assert_non_null(strstr(err.detail, "chmod 600"));
    }
    assert_int_equal(chmod(at("key"), 0600), 0);
    assert_int_equal(symlink("key", at("link")), 0);
    assert_int_equal(read_secret("link", &err), WARD_ERR_KEY_MODE);
    assert_int_equal(mkfifo(at("fifo"), 0600), 0);
    assert_int_equal(read_secret("fifo", &err), WARD_ERR_KEY_MODE);
    assert_int_equal(mkdir(at("folder"), 0600), 0);
    assert_int_equal(read_secret("folder", &err), WARD_ERR_KEY_MODE);
    put("long", "123456789", 0600);
    assert_int_equal(read_secret("long", &err), WARD_ERR_KEY_FILE);
    assert_null(strstr(err.detail, "1234"));
}

static void secret_of_someone_else(void **state)
{
    (void)state;
    put("key", "12345678", 0600);
    if (chown(at("key"), geteuid() + 1, (gid_t)-1) != 0) {
        print_message("only root can give a file away\n");
        skip();
    }
    struct ward_error err;
    assert_int_equal(read_secret("key", &err), WARD_ERR_KEY_MODE);
    assert_non_null(strstr(err.detail, "belongs to"));
}

static void too_long_a_secret_leaves_nothing(void **state)
{
    (void)state;
    put("long", "123456789", 0600);
    uint8_t out[8], zero[8] = {0};
    size_t len = 77;
    assert_int_equal(ward_file_read_secret(at("long"), out, sizeof out, &len, NULL), WARD_ERR_KEY_FILE);
    assert_memory_equal(out, zero, sizeof out);
    assert_int_equal(len, 77);
}

static void writes_whole_files(void **state)
{
    (void)state;
    mode_t old = umask(0077);
    assert_int_equal(ward_file_write(at("a"), "one", 3, 0644, NULL), WARD_OK);
    umask(0);
    assert_int_equal(mode_of(at("a")), 0644);
    assert_int_equal(ward_file_write(at("a"), "second", 6, 0600, NULL), WARD_OK);
    umask(old);
    assert_int_equal(mode_of(at("a")), 0600);
    assert_text("a", "second");
    assert_int_equal(unlink(at("a")), 0);
    assert_true(ward_dir_is_empty(dir)); /* no temporary stayed */

    struct ward_error err;
    assert_int_equal(ward_file_write(at("no/such"), "x", 1, 0600, &err), WARD_ERR_IO);
    assert_int_equal(mkdir(at("folder"), 0700), 0);
    assert_int_equal(ward_file_write(at("folder"), "x", 1, 0600, &err), WARD_ERR_IO);
    assert_int_equal(rmdir(at("folder")), 0);
    assert_true(ward_dir_is_empty(dir));
}

static void a_link_is_replaced_not_followed(void **state)
{
    (void)state;
    put("target", "old", 0644);
    assert_int_equal(symlink("target", at("link")), 0);
    assert_int_equal(ward_file_write(at("link"), "new", 3, 0600, NULL), WARD_OK);
    assert_text("target", "old");
    assert_text("link", "new");
}

static void what_was_broken_off_is_swept(void **state)
{
    (void)state;
    struct ward_file_out *out;
    put("a.0123456789abcdef.tmp", "left by a power cut", 0600);
    put("a.0123456789abcde.tmp", "somebody's own", 0600);
    put("ab.0123456789abcdef.tmp", "of another file", 0600);
    assert_int_equal(ward_file_out_open(ward_platform_env(), at("a"), &out, NULL), WARD_OK);
    assert_false(ward_file_exists(at("a.0123456789abcdef.tmp")));
    assert_true(ward_file_exists(at("a.0123456789abcde.tmp")));
    assert_true(ward_file_exists(at("ab.0123456789abcdef.tmp")));
    assert_int_equal(ward_file_write(at("a"), "between", 7, 0600, NULL), WARD_OK); /* what is being written is not swept */
    assert_int_equal(ward_file_out_write(out, "after", 5, NULL), WARD_OK);
    assert_int_equal(ward_file_out_finish(out, NULL), WARD_OK);
    assert_text("a", "after");
    assert_int_equal(ward_file_rename(at("a"), at("b"), NULL), WARD_OK);
    assert_int_equal(ward_file_delete(at("b"), NULL), WARD_OK);
    assert_int_equal(ward_file_delete(at("b"), NULL), WARD_OK);
    assert_int_equal(unlink(at("a.0123456789abcde.tmp")), 0);
    assert_int_equal(unlink(at("ab.0123456789abcdef.tmp")), 0);
    assert_true(ward_dir_is_empty(dir));
}

/* A limit on file sizes stands for a full disk: the same error on the same path. */
static void limit_files(rlim_t bytes)
{
    struct rlimit limit;
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
    limit.rlim_cur = bytes < limit.rlim_max ? bytes : limit.rlim_max;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

static void full_disk(void **state)
{
    (void)state;
    signal(SIGXFSZ, SIG_IGN);
    static uint8_t bytes[20000];
    struct ward_error err;
    assert_int_equal(ward_file_write(at("a"), "old", 3, 0600, NULL), WARD_OK);
    struct ward_file_out *out;
    assert_int_equal(ward_file_out_open(ward_platform_env(), at("b"), &out, NULL), WARD_OK);
    limit_files(10000);
    int whole = ward_file_write(at("a"), bytes, sizeof bytes, 0600, &err);
    int stream = ward_file_out_write(out, bytes, sizeof bytes, NULL);
    limit_files(RLIM_INFINITY);
    assert_int_equal(whole, WARD_ERR_DISK_FULL);
    assert_non_null(strstr(err.detail, at("a")));
    assert_int_equal(stream, WARD_ERR_DISK_FULL);
    ward_file_out_abandon(out);
    assert_text("a", "old");
    assert_int_equal(unlink(at("a")), 0);
    assert_true(ward_dir_is_empty(dir));
}

static void read_only_home(void **state)
{
    (void)state;
    if (geteuid() == 0) {
        print_message("root may write everywhere\n");
        skip();
    }
    assert_int_equal(chmod(dir, 0500), 0);
    struct ward_error err;
    struct ward_lock lock;
    int file = ward_file_write(at("a"), "x", 1, 0600, &err);
    int locked = ward_lock_open(&lock, at("lock"), &err);
    chmod(dir, 0700);
    assert_int_equal(file, WARD_ERR_HOME_READONLY);
    assert_int_equal(locked, WARD_ERR_HOME_READONLY);
}

/* ---------------------------------------------------------------- streams */

static void streams(void **state)
{
    (void)state;
    const struct ward_env *env = ward_platform_env();
    struct ward_file_out *out;
    assert_int_equal(ward_file_out_open(env, at("b"), &out, NULL), WARD_OK);
    static uint8_t bytes[100000];
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (uint8_t)(i * 7);
    for (int i = 0; i < 5; i++)
        assert_int_equal(ward_file_out_write(out, bytes, sizeof bytes, NULL), WARD_OK);
    assert_false(ward_file_exists(at("b")));
    assert_int_equal(ward_file_out_finish(out, NULL), WARD_OK);

    struct ward_file_in *in;
    uint64_t size;
    assert_int_equal(ward_file_in_open(env, at("b"), &in, &size, NULL), WARD_OK);
    assert_true(size == 5 * sizeof bytes);
    static uint8_t back[100000];
    for (int round = 0; round < 2; round++) {
        uint64_t total = 0;
        size_t got = 1;
        while (got > 0) {
            assert_int_equal(ward_file_in_read(in, back, sizeof back, &got, NULL), WARD_OK);
            assert_memory_equal(back, bytes, got);
            total += got;
        }
        assert_true(total == size);
        assert_int_equal(ward_file_in_rewind(in, NULL), WARD_OK);
    }
    ward_file_in_close(in);
    ward_file_in_close(NULL);
    assert_int_equal(ward_file_in_open(env, at("none"), &in, &size, NULL), WARD_ERR_NOT_FOUND);
    assert_int_equal(ward_file_in_open(env, dir, &in, &size, NULL), WARD_ERR_IO);
    assert_int_equal(unlink(at("b")), 0);
    assert_true(ward_dir_is_empty(dir));
}

/* Someone else's bytes get into the temporary file: what reads back is not what was written. */
static void faulty_medium(void **state)
{
    (void)state;
    struct ward_file_out *out;
    assert_int_equal(ward_file_out_open(ward_platform_env(), at("b"), &out, NULL), WARD_OK);
    assert_int_equal(ward_file_out_write(out, "hello", 5, NULL), WARD_OK);
    char command[9000];
    snprintf(command, sizeof command, "for f in '%s'/b.*.tmp; do printf J | dd of=\"$f\" conv=notrunc status=none; done", dir);
    assert_int_equal(system(command), 0);
    struct ward_error err;
    assert_int_equal(ward_file_out_finish(out, &err), WARD_ERR_IO);
    assert_non_null(strstr(err.detail, "read back"));
    assert_true(ward_dir_is_empty(dir));
}

static void abandoned(void **state)
{
    (void)state;
    struct ward_file_out *out;
    assert_int_equal(ward_file_out_open(ward_platform_env(), at("b"), &out, NULL), WARD_OK);
    assert_int_equal(ward_file_out_write(out, "hello", 5, NULL), WARD_OK);
    assert_false(ward_dir_is_empty(dir));
    ward_file_out_abandon(out);
    ward_file_out_abandon(NULL);
    assert_true(ward_dir_is_empty(dir));
    assert_int_equal(ward_file_out_open(ward_platform_env(), at("no/b"), &out, NULL), WARD_ERR_IO);
}

/* ---------------------------------------------------------------- directories */

static void directories(void **state)
{
    (void)state;
    bool made = false;
    struct ward_error err;
    assert_int_equal(ward_dir_make(at("x/y/z"), &made, NULL), WARD_OK);
    assert_true(made);
    assert_true(ward_dir_exists(at("x/y/z")));
    assert_int_equal(mode_of(at("x/y/z")), 0700);
    assert_int_equal(ward_dir_make(at("x/y/z/"), &made, NULL), WARD_OK);
    assert_false(made);

    assert_int_equal(chmod(at("x/y/z"), 0755), 0);
    assert_int_equal(ward_dir_make(at("x/y/z"), &made, NULL), WARD_OK);
    assert_int_equal(mode_of(at("x/y/z")), 0700);
    assert_int_equal(chmod(at("x/y"), 0755), 0); /* someone's things are in it: left as it is */
    assert_int_equal(ward_dir_make(at("x/y"), &made, NULL), WARD_OK);
    assert_int_equal(mode_of(at("x/y")), 0755);

    put("file", "", 0600);
    assert_int_equal(ward_dir_make(at("file"), &made, &err), WARD_ERR_IO);
    assert_int_equal(ward_dir_make(at("file/x"), &made, &err), WARD_ERR_IO);
    assert_int_equal(ward_dir_make("", &made, &err), WARD_ERR_ARGUMENT);
    assert_false(ward_dir_exists(at("file")));
    assert_true(ward_dir_is_empty(at("x/y/z")));
    assert_false(ward_dir_is_empty(at("x")));
    assert_false(ward_dir_is_empty(at("none")));
    assert_true(ward_file_exists(at("file")));
    ward_file_remove(at("file"));
    assert_false(ward_file_exists(at("file")));
    assert_int_equal(ward_dir_check_local(dir, NULL), WARD_OK);
    assert_int_equal(ward_dir_check_local(at("none"), &err), WARD_ERR_NOT_FOUND);
}

/* ---------------------------------------------------------------- locks */

static void lock_excludes_handles(void **state)
{
    (void)state;
    struct ward_lock a, b;
    struct ward_error err;
    assert_int_equal(ward_lock_open(&a, at("lock"), NULL), WARD_OK);
    assert_int_equal(ward_lock_open(&b, at("lock"), NULL), WARD_OK);
    assert_int_equal(ward_lock_take(&a, 0, NULL), WARD_OK);
    assert_int_equal(ward_lock_take(&b, 0, &err), WARD_ERR_BUSY);
    assert_int_equal(ward_lock_take(&b, 20, &err), WARD_ERR_BUSY);
    ward_lock_release(&a);
    assert_int_equal(ward_lock_take(&b, 0, NULL), WARD_OK);
    ward_lock_close(&b); /* lets go as well */
    assert_int_equal(ward_lock_take(&a, 0, NULL), WARD_OK);
    ward_lock_close(&a);
    ward_lock_close(&a);
    assert_int_equal(symlink("elsewhere", at("link")), 0);
    assert_int_equal(ward_lock_open(&a, at("link"), &err), WARD_ERR_IO);
}

/* The child holds the lock, says so, and holds it until it is killed: then it is ours. */
static void lock_excludes_processes(void **state)
{
    (void)state;
    int ready[2];
    assert_int_equal(pipe(ready), 0);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        struct ward_lock held;
        bool ok = ward_lock_open(&held, at("lock"), NULL) == WARD_OK && ward_lock_take(&held, 0, NULL) == WARD_OK;
        ssize_t n = write(ready[1], ok ? "y" : "n", 1);
        if (n != 1)
            _exit(1);
        for (;;) /* until it is killed */
            pause();
    }
    char said = 0;
    assert_int_equal(read(ready[0], &said, 1), 1);
    assert_int_equal(said, 'y');
    struct ward_lock lock;
    assert_int_equal(ward_lock_open(&lock, at("lock"), NULL), WARD_OK);
    assert_int_equal(ward_lock_take(&lock, 10, NULL), WARD_ERR_BUSY);
    assert_int_equal(kill(child, SIGKILL), 0);
    assert_int_equal(ward_lock_take(&lock, 60000, NULL), WARD_OK);
    assert_int_equal(waitpid(child, NULL, 0), child);
    ward_lock_close(&lock);
    close(ready[0]);
    close(ready[1]);
}

/* ---------------------------------------------------------------- the process */

static void process(void **state)
{
    (void)state;
    struct rlimit before, after;
    getrlimit(RLIMIT_NOFILE, &before);
    ward_process_raise_descriptors();
    getrlimit(RLIMIT_NOFILE, &after);
    assert_true(after.rlim_cur >= before.rlim_cur);
    ward_process_harden();
    getrlimit(RLIMIT_CORE, &after);
    assert_true(after.rlim_cur == 0);
}

/* ---------------------------------------------------------------- the second thread */

#define JOBS 100

struct counting {
    struct ward_job job;
    int *count, at; /* at: how many had been done before it */
    pthread_t by;
};

static void count(struct ward_job *job)
{
    struct counting *c = (struct counting *)job;
    c->by = pthread_self();
    c->at = (*c->count)++;
    if (c->at % 7 == 3)
        sched_yield();
}

static void begin_all(const struct ward_helper *h, struct counting *jobs, int *counter)
{
    for (int i = 0; i < JOBS; i++) {
        jobs[i] = (struct counting){.job = {.run = count}, .count = counter};
        h->begin(h->ctx, &jobs[i].job);
    }
}

/* One after another, however they are asked for. */
static void jobs_in_order(void **state)
{
    (void)state;
    struct ward_helper *h;
    struct counting jobs[JOBS];
    int counter = 0;
    assert_int_equal(ward_helper_open(&h, NULL), WARD_OK);
    if (!h)
        skip(); /* one processor */
    begin_all(h, jobs, &counter);
    h->finish(h->ctx, &jobs[JOBS / 2].job, true);
    for (int i = 0; i <= JOBS / 2; i++)
        assert_int_equal(jobs[i].at, i);
    for (int i = JOBS - 1; i >= 0; i--) {
        h->finish(h->ctx, &jobs[i].job, true);
        assert_int_equal(jobs[i].at, i);
        assert_false(pthread_equal(jobs[i].by, pthread_self()));
    }
    h->begin(h->ctx, &jobs[0].job); /* again, when it was waiting for something to do */
    h->finish(h->ctx, &jobs[0].job, true);
    assert_int_equal(jobs[0].at, JOBS);
    begin_all(h, jobs, &counter);
    ward_helper_close(h); /* what was begun is done */
    assert_int_equal(counter, 2 * JOBS + 1);
    assert_int_equal(ward_helper_open(&h, NULL), WARD_OK);
    ward_helper_close(h); /* it never had anything to do */
    ward_helper_close(NULL);
}

/* Holds the thread until it may go on. */
static int gate[2];

static void wait_at_gate(struct ward_job *job)
{
    char c;
    if (read(gate[0], &c, 1) != 1)
        abort();
    count(job);
}

static void jobs_taken_back(void **state)
{
    (void)state;
    struct ward_helper *h;
    struct counting jobs[5];
    int counter = 0;
    assert_int_equal(ward_helper_open(&h, NULL), WARD_OK);
    if (!h)
        skip(); /* one processor */
    assert_int_equal(pipe(gate), 0);
    for (int i = 0; i < 4; i++) {
        jobs[i] = (struct counting){.job = {.run = i ? count : wait_at_gate}, .count = &counter, .at = -1};
        h->begin(h->ctx, &jobs[i].job);
    }
    assert_false(h->finish(h->ctx, &jobs[0].job, false));
    assert_true(h->withdraw(h->ctx, &jobs[1].job));
    assert_true(h->withdraw(h->ctx, &jobs[3].job)); /* the last */
    assert_false(h->withdraw(h->ctx, &jobs[3].job));
    jobs[4] = (struct counting){.job = {.run = count}, .count = &counter};
    h->begin(h->ctx, &jobs[4].job);
    assert_int_equal(write(gate[1], "", 1), 1);
    h->finish(h->ctx, &jobs[4].job, true);
    assert_true(h->finish(h->ctx, &jobs[0].job, false));
    assert_false(h->withdraw(h->ctx, &jobs[4].job));
    static const int at[] = {0, -1, 1, -1, 2};
    for (int i = 0; i < 5; i++)
        assert_int_equal(jobs[i].at, at[i]);
    ward_helper_close(h);
    close(gate[0]);
    close(gate[1]);
}

static int in_a_child(int (*body)(void))
{
    int status = -1;
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0)
        _exit(body());
    assert_int_equal(waitpid(child, &status, 0), child);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static int on_one_processor(void)
{
    struct ward_helper *h;
    cpu_set_t one;
    CPU_ZERO(&one);
    CPU_SET((size_t)sched_getcpu(), &one);
    if (sched_setaffinity(0, sizeof one, &one) != 0 || ward_helper_open(&h, NULL) != WARD_OK)
        return 2;
    return h != NULL;
}

/* Where the system allows no thread the caller does it himself. */
static int without_threads(void)
{
    struct ward_helper *h;
    struct counting jobs[JOBS];
    int counter = 0;
    const struct rlimit none = {0, 0};
    if (ward_helper_open(&h, NULL) != WARD_OK || (geteuid() == 0 && setuid(65534) != 0) || setrlimit(RLIMIT_NPROC, &none) != 0)
        return 2;
    if (!h)
        return 0;
    begin_all(h, jobs, &counter);
    for (int i = 0; i < JOBS; i++) {
        h->finish(h->ctx, &jobs[i].job, true);
        if (jobs[i].at != i || !pthread_equal(jobs[i].by, pthread_self()))
            return 1;
    }
    ward_helper_close(h);
    return 0;
}

static void threads_there_are_not(void **state)
{
    (void)state;
    assert_int_equal(in_a_child(on_one_processor), 0);
    assert_int_equal(in_a_child(without_threads), 0);
}

int main(void)
{
#define IN_A_DIRECTORY(f) cmocka_unit_test_setup_teardown(f, enter, leave)
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(environment),
        IN_A_DIRECTORY(secrets),
        IN_A_DIRECTORY(secret_of_someone_else),
        IN_A_DIRECTORY(too_long_a_secret_leaves_nothing),
        IN_A_DIRECTORY(writes_whole_files),
        IN_A_DIRECTORY(what_was_broken_off_is_swept),
        IN_A_DIRECTORY(a_link_is_replaced_not_followed),
        IN_A_DIRECTORY(full_disk),
        IN_A_DIRECTORY(read_only_home),
        IN_A_DIRECTORY(streams),
        IN_A_DIRECTORY(faulty_medium),
        IN_A_DIRECTORY(abandoned),
        IN_A_DIRECTORY(directories),
        IN_A_DIRECTORY(lock_excludes_handles),
        IN_A_DIRECTORY(lock_excludes_processes),
        cmocka_unit_test(process),
        cmocka_unit_test(jobs_in_order),
        cmocka_unit_test(jobs_taken_back),
        cmocka_unit_test(threads_there_are_not),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
