/* Random histories, each taken in by real replicas, and what these hold in the end: one line of JSON for each, for compare.py.
 *
 *   histories FIRST COUNT [--fresh] [--verify]     of the seeds FIRST ... FIRST + COUNT - 1
 *   histories FILE...                              of histories kept
 *
 * --fresh: a new home for each replica instead of one emptied; --verify: chains, seals and a replay are looked at as well.
 */
#include "shell/keys.h"
#include "stage.h"

#include <stdlib.h>
#include <string.h>

static bool is_number(const char *s)
{
    return *s && strspn(s, "0123456789") == strlen(s);
}

int main(int argc, char **argv)
{
    static struct history h;
    static struct paper paper;
    struct stage g;
    bool good = true;
    must(ward_crypto_start(NULL), NULL, "sodium");
    stage_open(&g);
    for (; argc > 1 && argv[argc - 1][0] == '-'; argc--) {
        g.fresh |= !strcmp(argv[argc - 1], "--fresh");
        g.verify |= !strcmp(argv[argc - 1], "--verify");
    }
    if (argc < 2) {
        fputs("histories FIRST COUNT | FILE... [--fresh] [--verify]\n", stderr);
        stage_close(&g);
        return 64;
    }
    history_init(&h, g.env);
    paper_init(&paper, g.env);
    if (argc == 3 && is_number(argv[1]) && is_number(argv[2])) {
        uint64_t first = strtoull(argv[1], NULL, 10), count = strtoull(argv[2], NULL, 10);
        for (uint64_t seed = first; seed < first + count; seed++) {
            history_make(&h, &paper, seed);
            stage_play(&g, &h);
        }
    } else {
        for (int i = 1; i < argc && good; i++)
            if ((good = history_load(&h, argv[i])))
                stage_play(&g, &h);
    }
    history_free(&h);
    paper_free(&paper);
    stage_close(&g);
    return good ? 0 : 1;
}
