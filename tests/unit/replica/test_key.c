/* A home whose key files are sealed: what goes on without the passphrase, what needs it, and what a change that broke off leaves. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "replicas.h"

#include "base/err.h"
#include "shell/platform.h"

#define OLD "the first of them"
#define NEW "and another one"

struct asked {
    const char *text;
    size_t times;
    char *out; /* where the answer went */
};

static int answer(void *ctx, char out[WARD_PASSPHRASE_MAX], struct ward_error *err)
{
    struct asked *a = ctx;
    a->times++;
    a->out = out;
    if (!a->text)
        return ward_fail(err, WARD_ERR_CANCELLED, "nobody is here");
    strcpy(out, a->text);
    return WARD_OK;
}

static void path_in(char out[700], const char *home, const char *name)
{
    snprintf(out, 700, "%s/%s", home, name);
}

struct bytes {
    uint8_t b[600];
    size_t len;
};

static struct bytes file_of(const char *home, const char *name)
{
    char path[700];
    struct bytes out = {.len = 0};
    struct ward_error err = {0};
    path_in(path, home, name);
    assert_int_equal(ward_file_read_secret(path, out.b, sizeof out.b, &out.len, &err), WARD_OK); /* of mode 0600, too */
    return out;
}

static bool equal(struct bytes a, struct bytes b)
{
    return a.len == b.len && memcmp(a.b, b.b, a.len) == 0;
}

static void found_and_close(struct world *w)
{
    world_found(w, 1);
    ward_close(w->d[0].r);
    w->d[0].r = NULL;
}

static int opens_with(struct world *w, const char *passphrase)
{
    struct asked a = {.text = passphrase};
    struct device *d = &w->d[0];
    struct ward_options options = d->options;
    options.passphrase = answer;
    options.passphrase_ctx = &a;
    int rc = ward_open(&d->r, d->home, &options, &w->err);
    ward_close(d->r);
    d->r = NULL;
    return rc;
}

static void test_sealed_changed_and_taken_off(void **state)
{
    (void)state;
    struct world w;
    found_and_close(&w);
    const char *home = w.d[0].home;
    struct ward_key_state s;
    struct bytes open = file_of(home, "device.key"), open_root = file_of(home, "root.key");
    OK(&w, ward_key_state(home, &s, &w.err));
    assert_true(!s.device_sealed && s.root_here && !s.root_sealed);
    assert_int_equal(ward_key_passphrase(home, NULL, NULL, &w.d[0].options, NULL), WARD_ERR_NOTHING);

    OK(&w, ward_key_passphrase(home, NULL, OLD, &w.d[0].options, &w.err));
    OK(&w, ward_key_state(home, &s, &w.err));
    assert_true(s.device_sealed && s.root_here && s.root_sealed);
    struct bytes sealed = file_of(home, "device.key"), sealed_root = file_of(home, "root.key");
    for (size_t at = 0; at + 32 <= sealed.len; at++) /* the seed stands at 4, after its head */
        assert_int_not_equal(memcmp(sealed.b + at, open.b + 4, 32), 0);
    OK(&w, opens_with(&w, OLD));
    assert_int_equal(opens_with(&w, NEW), WARD_ERR_PASSPHRASE);
    assert_int_equal(opens_with(&w, NULL), WARD_ERR_CANCELLED);
    assert_int_equal(ward_open(&w.d[0].r, home, &w.d[0].options, NULL), WARD_ERR_PASSPHRASE_NEEDED);

    /* A wrong one, none at all, or a new one that is no good: not a byte changes. */
    assert_int_equal(ward_key_passphrase(home, "quite another", NEW, &w.d[0].options, NULL), WARD_ERR_PASSPHRASE);
    assert_int_equal(ward_key_passphrase(home, NULL, NEW, &w.d[0].options, NULL), WARD_ERR_PASSPHRASE_NEEDED);
    assert_int_equal(ward_key_passphrase(home, "quite another", NULL, &w.d[0].options, NULL), WARD_ERR_PASSPHRASE);
    assert_int_equal(ward_key_passphrase(home, OLD, "short", &w.d[0].options, NULL), WARD_ERR_PASSPHRASE_SHORT);
    assert_true(equal(file_of(home, "device.key"), sealed) && equal(file_of(home, "root.key"), sealed_root));

    OK(&w, ward_key_passphrase(home, OLD, NEW, &w.d[0].options, &w.err));
    assert_int_equal(opens_with(&w, OLD), WARD_ERR_PASSPHRASE);
    OK(&w, opens_with(&w, NEW));
    OK(&w, ward_key_passphrase(home, NEW, NULL, &w.d[0].options, &w.err));
    assert_true(equal(file_of(home, "device.key"), open) && equal(file_of(home, "root.key"), open_root));
    world_close(&w);
}

static size_t times_in_file(const char *home, const char *name, const void *what, size_t len)
{
    static uint8_t bytes[1 << 20];
    char path[700];
    size_t times = 0;
    path_in(path, home, name);
    FILE *f = fopen(path, "rb");
    size_t n = f ? fread(bytes, 1, sizeof bytes, f) : 0;
    assert_true(n < sizeof bytes);
    if (f)
        fclose(f);
    for (size_t at = 0; at + len <= n; at++)
        times += memcmp(bytes + at, what, len) == 0;
    return times;
}

/* Whoever is given the database alone gets no key with it: of a founder, and of a device that was let in. */
static void test_no_secret_beside_the_key_files(void **state)
{
    (void)state;
    struct world w;
    static const char *const elsewhere[] = {"replica.db", "replica.db-wal"};
    world_found(&w, 3);
    admit(&w, 'a', WARD_ROLE_CELL, 3);
    for (size_t i = 0; i < w.count; i++) {
        const struct ward_keys *k = w.d[i].r->keys;
        assert_int_equal(times_in_file(w.d[i].home, "device.key", k->sign.sk, 32), 1);
        for (size_t j = 0; j < 2; j++) {
            assert_int_equal(times_in_file(w.d[i].home, elsewhere[j], k->sign.sk, 32), 0);
            assert_int_equal(times_in_file(w.d[i].home, elsewhere[j], k->link_sk, 32), 0);
        }
    }
    world_close(&w);
}

/* Reading needs no secret; the answer is not even asked for, and what would need one says so. */
static void test_read_without_it(void **state)
{
    (void)state;
    struct world w;
    found_and_close(&w);
    struct device *d = &w.d[0];
    struct asked a = {.text = OLD};
    struct ward_options options = d->options;
    struct ward_self self, sealed_self;
    struct ward_sync_result result;
    struct ward_bundle_info info;
    ward_server *server;
    char path[700];
    OK(&w, ward_open(&d->r, d->home, &options, &w.err));
    OK(&w, ward_self(d->r, &self, &w.err));
    ward_close(d->r);
    OK(&w, ward_key_passphrase(d->home, NULL, OLD, &d->options, &w.err));
    options.passphrase = answer;
    options.passphrase_ctx = &a;
    options.read_only = true;
    OK(&w, ward_open(&d->r, d->home, &options, &w.err));
    assert_int_equal(a.times, 0);
    OK(&w, ward_self(d->r, &sealed_self, &w.err));
    assert_memory_equal(self.link_pk, sealed_self.link_pk, 32);
    path_in(path, w.dir, "stick");
    assert_int_equal(ward_bundle_write(d->r, path, &(struct ward_bundle_options){0}, &info, NULL), WARD_ERR_PASSPHRASE_NEEDED);
    assert_false(ward_file_exists(path));
    assert_int_equal(ward_sync(d->r, &(struct ward_sync_options){.address = "tcp://127.0.0.1:1"}, &result, NULL),
                     WARD_ERR_PASSPHRASE_NEEDED);
    assert_int_equal(ward_serve_open(d->r, &(struct ward_serve_options){0}, &server, NULL), WARD_ERR_PASSPHRASE_NEEDED);
    ward_close(d->r);

    options.read_only = false;
    OK(&w, ward_open(&d->r, d->home, &options, &w.err));
    assert_int_equal(a.times, 1);
    OK(&w, ward_bundle_write(d->r, path, &(struct ward_bundle_options){0}, &info, &w.err));
    world_close(&w);
}

/* A power cut after the first of two files: the same change again ends it, from either side. */
static void test_broken_off(void **state)
{
    (void)state;
    struct world w;
    found_and_close(&w);
    const char *home = w.d[0].home;
    char root[700], device[700], kept[700], left[700];
    struct ward_key_state s;
    path_in(root, home, "root.key");
    path_in(device, home, "device.key");
    path_in(kept, w.dir, "kept.key");
    snprintf(left, sizeof left, "%s/device.key.0123456789abcdef.tmp", home);

    copy_file(device, kept);
    OK(&w, ward_key_passphrase(home, NULL, OLD, &w.d[0].options, &w.err));
    copy_file(kept, device); /* sealing: the root's is done, the device's is not */
    copy_file(kept, left);   /* and what was being written lies about, open */
    assert_int_equal(ward_key_passphrase(home, NULL, NEW, &w.d[0].options, NULL), WARD_ERR_PASSPHRASE_NEEDED);
    OK(&w, ward_key_passphrase(home, NULL, OLD, &w.d[0].options, &w.err));
    OK(&w, ward_key_state(home, &s, &w.err));
    assert_true(s.device_sealed && s.root_sealed);
    assert_false(ward_file_exists(left));

    copy_file(device, kept);
    OK(&w, ward_key_passphrase(home, OLD, NEW, &w.d[0].options, &w.err));
    copy_file(kept, device); /* changing */
    assert_int_equal(ward_key_passphrase(home, OLD, "a third that fits none", &w.d[0].options, NULL), WARD_ERR_PASSPHRASE);
    OK(&w, ward_key_passphrase(home, OLD, NEW, &w.d[0].options, &w.err));
    OK(&w, opens_with(&w, NEW));

    copy_file(device, kept);
    OK(&w, ward_key_passphrase(home, NEW, NULL, &w.d[0].options, &w.err));
    copy_file(kept, device); /* taking off */
    OK(&w, ward_key_passphrase(home, NEW, NULL, &w.d[0].options, &w.err));
    OK(&w, ward_key_state(home, &s, &w.err));
    assert_true(!s.device_sealed && !s.root_sealed);
    world_close(&w);
}

static void test_files_that_are_refused(void **state)
{
    (void)state;
    struct world w;
    char path[700], out[WARD_PASSPHRASE_MAX] = "untouched";
    struct ward_key_state s;
    found_and_close(&w);
    const char *home = w.d[0].home;
    path_in(path, home, "root.key");
    assert_int_equal(chmod(path, 0644), 0);
    assert_int_equal(ward_key_state(home, &s, NULL), WARD_ERR_KEY_MODE);
    assert_int_equal(ward_key_passphrase(home, NULL, OLD, &w.d[0].options, NULL), WARD_ERR_KEY_MODE);
    assert_int_equal(unlink(path), 0); /* a device that did not found the ward has none */
    OK(&w, ward_key_passphrase(home, NULL, OLD, &w.d[0].options, &w.err));
    OK(&w, ward_key_state(home, &s, &w.err));
    assert_true(s.device_sealed && !s.root_here);
    assert_int_equal(ward_key_state(w.dir, &s, NULL), WARD_ERR_KEY_MISSING);
    assert_int_equal(ward_key_state("/nowhere/at/all", &s, NULL), WARD_ERR_HOME_MISSING);
    path_in(path, home, "replica.db");
    assert_int_equal(unlink(path), 0);
    assert_int_equal(ward_key_passphrase(home, OLD, NEW, &w.d[0].options, NULL), WARD_ERR_NOT_A_REPLICA);

    static const struct {
        const char *text;
        unsigned mode;
        int code;
        const char *line;
    } files[] = {{"one line\n", 0600, WARD_OK, "one line"},
                 {"no end", 0600, WARD_OK, "no end"},
                 {"dos\r\n", 0600, WARD_OK, "dos"},
                 {"first\nsecond\n", 0600, WARD_OK, "first"},
                 {"", 0600, WARD_OK, ""},
                 {"x\n", 0644, WARD_ERR_KEY_MODE, NULL},
                 {"x\n", 0400, WARD_ERR_KEY_MODE, NULL},
                 {"\xff\n", 0600, WARD_ERR_UTF8, NULL}};
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
        path_in(path, w.dir, "passphrase");
        OK(&w, ward_file_write(path, files[i].text, strlen(files[i].text), 0600, &w.err));
        assert_int_equal(chmod(path, files[i].mode), 0);
        strcpy(out, "untouched");
        assert_int_equal(ward_passphrase_read(path, out, NULL), files[i].code);
        assert_string_equal(out, files[i].line ? files[i].line : "untouched");
    }
    char longest[WARD_PASSPHRASE_MAX + 1];
    memset(longest, 'p', sizeof longest);
    longest[WARD_PASSPHRASE_MAX - 1] = '\n';
    OK(&w, ward_file_write(path, longest, WARD_PASSPHRASE_MAX, 0600, &w.err));
    OK(&w, ward_passphrase_read(path, out, &w.err));
    assert_int_equal(strlen(out), WARD_PASSPHRASE_MAX - 1);
    longest[WARD_PASSPHRASE_MAX - 1] = 'p';
    OK(&w, ward_file_write(path, longest, WARD_PASSPHRASE_MAX, 0600, &w.err));
    assert_int_equal(ward_passphrase_read(path, out, NULL), WARD_ERR_ARGUMENT);
    OK(&w, ward_file_write(path, longest, WARD_PASSPHRASE_MAX + 1, 0600, &w.err));
    assert_int_equal(ward_passphrase_read(path, out, NULL), WARD_ERR_ARGUMENT);
    assert_int_equal(ward_passphrase_read("/nowhere/at/all", out, NULL), WARD_ERR_PASSPHRASE_NEEDED);
    world_close(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sealed_changed_and_taken_off),
        cmocka_unit_test(test_no_secret_beside_the_key_files),
        cmocka_unit_test(test_read_without_it),
        cmocka_unit_test(test_broken_off),
        cmocka_unit_test(test_files_that_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
