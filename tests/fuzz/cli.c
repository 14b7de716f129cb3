/* The whole program, run within this process: a line of the input is a word of the command line. It ends with one of its four exit codes;
 * what failed or was wrong usage has changed nothing; with --json its answer is one JSON document (but for help); what it says is UTF-8
 * without anything that moves a cursor. */
#include "disk.h"
#include "outside.h"
#include "planned.h"
#include "values/text.h"

#include <jansson.h>
#include <sqlite3.h>

int wardsync_main(int argc, char **argv);

#define WORDS_MAX 24

struct said {
    char *text;
    size_t len;
};

/* Those that wait for others. */
static bool waits(const char *word)
{
    return strcmp(word, "serve") == 0 || strcmp(word, "sync") == 0 || strcmp(word, "join") == 0 || strcmp(word, "init") == 0;
}

/* Help and the version are text, with --json too. */
static bool asks_for_text(const char *word)
{
    return strcmp(word, "help") == 0 || strncmp(word, "--he", 4) == 0 || strncmp(word, "--v", 3) == 0 || (word[0] == '-' && word[1] != '-');
}

static int split(char *text, char **argv)
{
    int argc = 1;
    argv[0] = (char *)(uintptr_t) "wardsync";
    for (bool last = false; !last && argc < WORDS_MAX;) {
        char *end = text + strcspn(text, "\n");
        last = *end == 0;
        *end = 0;
        argv[argc++] = text;
        if (waits(text))
            return 0;
        text = end + 1;
    }
    argv[argc] = NULL;
    return argc;
}

static void check_said(const struct said *said, bool json)
{
    CHECK(ward_text_valid((const uint8_t *)said->text, said->len));
    for (size_t i = 0; i < said->len; i++)
        CHECK((uint8_t)said->text[i] >= 0x20 || said->text[i] == '\n' || said->text[i] == '\t');
    if (json && said->len) {
        json_t *model = json_loadb(said->text, said->len, JSON_REJECT_DUPLICATES, NULL);
        CHECK(model);
        json_decref(model);
    }
}

static int run(int argc, char **argv, struct said *out, struct said *err)
{
    FILE *real_out = stdout, *real_err = stderr;
    stdout = open_memstream(&out->text, &out->len);
    stderr = open_memstream(&err->text, &err->len);
    CHECK(stdout && stderr);
    int rc = wardsync_main(argc, argv);
    fclose(stdout);
    fclose(stderr);
    stdout = real_out;
    stderr = real_err;
    return rc;
}

static void begin(void)
{
    static bool begun;
    if (begun)
        return;
    begun = true;
    CHECK(freopen("/dev/null", "r", stdin));
    setenv("WARDSYNC_HOME", "/p0/home", 1);
    setenv("WARDSYNC_TODAY", "2026-05-20", 1);
    setenv("TZ", "UTC", 1);
    planned_reset(0);
    CHECK(sqlite3_vfs_register(sqlite3_vfs_find(DISK_VFS), 1) == SQLITE_OK);
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t len)
{
    char *text = fuzz_text(p, len), *argv[WORDS_MAX + 1];
    struct said out = {0}, err = {0};
    bool json = false, plain = false;
    int argc = split(text, argv);
    begin();
    for (int i = 1; i < argc; i++) {
        json |= strcmp(argv[i], "--json") == 0;
        plain |= asks_for_text(argv[i]);
    }
    if (argc > 0) {
        ward_replica *r = planned_open(0);
        struct ward_hash before = planned_digest(r), after;
        ward_close(r);
        int rc = run(argc, argv, &out, &err);
        CHECK(rc == 0 || rc == 1 || rc == 2 || rc == 64);
        r = planned_reopen(0);
        after = planned_digest(r);
        ward_close(r);
        CHECK((rc != 2 && rc != 64) || memcmp(before.b, after.b, 32) == 0);
        check_said(&out, json && !plain && rc < 2);
        check_said(&err, false);
        free(out.text);
        free(err.text);
    }
    free(text);
    return 0;
}
