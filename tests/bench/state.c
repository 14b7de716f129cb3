/* state.c - what the states of all spaces take on the wire, and what they are made of. */
#include "bench.h"
#include "replica/base.h"
#include "shell/pack.h"
#include "values/columns.h"

#include <zstd.h>

static const char *const groups[WARD_COLUMN_GROUPS] = {"times", "numbers", "word_numbers", "word_lists", "ids"};

struct sum {
    double frames, heads, packed, groups[WARD_COLUMN_GROUPS];
};

/* Each group by itself, at the level at which parts are packed: together they are what the part is, but for some bytes. */
static void weigh_part(struct sum *sum, const struct ward_made_part *p, uint32_t count, struct ward_buf *raw, struct ward_buf *columns)
{
    static uint8_t packed[ZSTD_COMPRESSBOUND(WARD_RUN_RAW_MAX)];
    struct ward_error err = {0};
    size_t ends[WARD_COLUMN_GROUPS], at = 0;
    if (ward_unpack(NULL, raw, p->codec, p->data, p->len, count, &err) || ward_columns_split(columns, ends, raw->p, raw->len, count, &err))
        bench_die("part", &err);
    sum->packed += (double)p->len;
    for (size_t g = 0; g < WARD_COLUMN_GROUPS; at = ends[g++])
        sum->groups[g] += (double)ZSTD_compress(packed, sizeof packed, columns->p + at, ends[g] - at, 3);
}

static void weigh_space(struct sum *sum, ward_replica *r, uint32_t sid)
{
    struct ward_error err = {0};
    struct ward_giving *g;
    struct ward_snapshot_head h;
    struct ward_buf raw, columns;
    ward_buf_init(&raw, &r->env);
    ward_buf_init(&columns, &r->env);
    if (ward_giving_begin(&g, r, sid, &err) || ward_snapshot_head_parse(&h, g->made.head.p, g->made.head.len, g->signature, &err))
        bench_die("state", &err);
    for (size_t i = 0; i < g->made.part_count; i++) {
        struct ward_snapshot_part part;
        ward_snapshot_part(&h, i + 1, &part);
        weigh_part(sum, &g->made.parts[i], part.count, &raw, &columns);
    }
    sum->heads += (double)g->made.head.len;
    while (ward_giving_next(g, r, &raw))
        sum->frames += (double)raw.len;
    ward_giving_end(&g, r);
    ward_buf_free(&raw);
    ward_buf_free(&columns);
}

int bench_part_state(struct bench_ward *w, char **arg, double base)
{
    struct sum sum = {0};
    ward_replica *r = bench_open(w, arg[0]);
    (void)base;
    for (uint32_t sid = 1; sid <= r->dir.space_count; sid++) {
        const struct ward_space *s = ward_directory_space(&r->dir, sid);
        if (s->circle_count && s->changes)
            weigh_space(&sum, r, sid);
    }
    printf("frames %.9g\nheads %.9g\nparts %.9g\n", sum.frames, sum.heads, sum.packed);
    for (size_t g = 0; g < WARD_COLUMN_GROUPS; g++)
        printf("%s %.9g\n", groups[g], sum.groups[g]);
    ward_close(r);
    return 0;
}
