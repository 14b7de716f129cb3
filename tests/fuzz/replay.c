/* replay.c - runs a target over its corpus, and over seeded mutations of it: how the ordinary tests use the targets.
 *
 *     fuzz-TARGET [-m MUTATIONS] [-s SEED] [-n NTH] PATH...
 *
 * PATH is a pack (pack.py), one input, or a folder of these. -n runs one mutation alone: what the last words of a failed run say.
 */
#include "fuzz.h"

#include <dirent.h>
#include <inttypes.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#define INPUT_MAX (1u << 20)
#define PACKED    ".pack"

struct input {
    uint8_t *p;
    size_t len, at; /* at: which one of its pack */
    char *path;
};

static struct input *corpus;
static size_t count;

/* What is being run, for the last words. */
static char where[3000];

void __sanitizer_set_death_callback(void (*callback)(void)) __attribute__((weak));
#pragma weak LLVMFuzzerCustomMutator

static void last_words(void)
{
    fprintf(stderr, "not ok; it was: %s\n", where);
}

static void on_abort(int number)
{
    (void)number;
    last_words();
    signal(SIGABRT, SIG_DFL);
    abort();
}

/* ---- the corpus */

static void add(const uint8_t *p, size_t len, const char *path, size_t at)
{
    void *grown = realloc(corpus, (count + 1) * sizeof *corpus);
    CHECK(grown);
    corpus = grown;
    corpus[count] = (struct input){.p = malloc(len ? len : 1), .len = len, .at = at, .path = strdup(path)};
    CHECK(corpus[count].p && corpus[count].path);
    if (len)
        memcpy(corpus[count].p, p, len);
    count++;
}

static void add_pack(const uint8_t *p, size_t len, const char *path)
{
    for (size_t at = 0, n = 0; at < len; n++) {
        CHECK(len - at >= 4);
        size_t size = p[at] | (size_t)p[at + 1] << 8 | (size_t)p[at + 2] << 16 | (size_t)p[at + 3] << 24;
        at += 4;
        CHECK(size <= len - at);
        add(p + at, size, path, n);
        at += size;
    }
}

static void load_file(const char *path, size_t size)
{
    uint8_t *p = malloc(size ? size : 1);
    FILE *f = fopen(path, "rb");
    CHECK(p && f && fread(p, 1, size, f) == size);
    fclose(f);
    size_t n = strlen(path), suffix = strlen(PACKED);
    if (n > suffix && strcmp(path + n - suffix, PACKED) == 0)
        add_pack(p, size, path);
    else
        add(p, size, path, 0);
    free(p);
}

static int is_shown(const struct dirent *e)
{
    return e->d_name[0] != '.';
}

static void load(const char *path)
{
    struct stat st;
    struct dirent **entries;
    char inside[2000];
    if (stat(path, &st)) {
        fprintf(stderr, "not ok; %s is not there\n", path);
        exit(1);
    }
    if (!S_ISDIR(st.st_mode)) {
        load_file(path, (size_t)st.st_size);
        return;
    }
    int n = scandir(path, &entries, is_shown, alphasort);
    CHECK(n >= 0);
    for (int i = 0; i < n; i++) {
        snprintf(inside, sizeof inside, "%s/%s", path, entries[i]->d_name);
        free(entries[i]);
        load(inside);
    }
    free(entries);
}

/* On memory that is just as long, so that a read past the end is seen. */
static void run(const uint8_t *p, size_t len)
{
    uint8_t *own = malloc(len ? len : 1);
    CHECK(own);
    if (len)
        memcpy(own, p, len);
    LLVMFuzzerTestOneInput(own, len);
    free(own);
}

static void run_corpus(void)
{
    size_t bytes = 0;
    for (size_t i = 0; i < count; i++) {
        snprintf(where, sizeof where, "input %zu of %s", corpus[i].at, corpus[i].path);
        run(corpus[i].p, corpus[i].len);
        bytes += corpus[i].len;
    }
    printf("ok %zu inputs kept, %zu bytes\n", count, bytes);
}

/* ---- mutations */

static uint64_t dice; /* splitmix64 */

static uint64_t roll(void)
{
    uint64_t z = (dice += 0x9e3779b97f4a7c15u);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

static size_t below(size_t n)
{
    return n ? (size_t)(roll() % n) : 0;
}

/* One small edit: a bit, a byte, some bytes out, some twice, or on as another input goes on. What libFuzzer gives to custom mutators. */
size_t LLVMFuzzerMutate(uint8_t *p, size_t len, size_t len_max)
{
    size_t at = below(len), span = 1 + below(8);
    const struct input *other = &corpus[below(count)];
    size_t from = below(other->len);
    span = span < len - at ? span : len - at;
    switch (below(5)) {
    case 0:
        if (len)
            p[at] ^= (uint8_t)(1u << below(8));
        return len;
    case 1:
        if (len)
            p[at] = (uint8_t)roll();
        return len;
    case 2:
        memmove(p + at, p + at + span, len - at - span);
        return len - span;
    case 3:
        if (len + span > len_max)
            return len;
        memmove(p + at + span, p + at, len - at);
        return len + span;
    default:
        span = other->len - from < len_max - at ? other->len - from : len_max - at;
        if (span)
            memcpy(p + at, other->p + from, span);
        return at + span;
    }
}

static void run_mutation(uint64_t seed, uint64_t n)
{
    dice = seed ^ (n * 0x2545f4914f6cdd1du);
    const struct input *from = &corpus[below(count)];
    size_t len = from->len, len_max = len + 4096 < INPUT_MAX ? len + 4096 : INPUT_MAX;
    uint8_t *p = malloc(len_max);
    CHECK(p && len <= len_max);
    if (len)
        memcpy(p, from->p, len);
    snprintf(where, sizeof where, "-s %" PRIu64 " -n %" PRIu64 " and the same paths", seed, n);
    for (size_t edits = 1 + below(4); edits > 0; edits--)
        len = LLVMFuzzerCustomMutator ? LLVMFuzzerCustomMutator(p, len, len_max, (unsigned)roll()) : LLVMFuzzerMutate(p, len, len_max);
    run(p, len);
    free(p);
}

int main(int argc, char **argv)
{
    uint64_t seed = 1, mutations = 0, only = UINT64_MAX;
    for (int option; (option = getopt(argc, argv, "m:s:n:")) != -1;) {
        if (option == '?')
            return 64;
        uint64_t number = strtoull(optarg, NULL, 10);
        *(option == 'm' ? &mutations : option == 's' ? &seed : &only) = number;
    }
    for (; optind < argc; optind++)
        load(argv[optind]);
    if (count == 0)
        return fprintf(stderr, "not ok; there is no input\n"), 1;
    signal(SIGABRT, on_abort);
    if (__sanitizer_set_death_callback)
        __sanitizer_set_death_callback(last_words);
    if (only != UINT64_MAX) {
        run_mutation(seed, only);
    } else {
        run_corpus();
        for (uint64_t n = 0; n < mutations; n++)
            run_mutation(seed, n);
        if (mutations)
            printf("ok %" PRIu64 " mutations of them, seed %" PRIu64 "\n", mutations, seed);
    }
    for (size_t i = 0; i < count; i++) {
        free(corpus[i].p);
        free(corpus[i].path);
    }
    free(corpus);
    return 0;
}
