#include "work.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct ward_field_def fields[] = {
    {BENCH_TITLE, "title", WARD_TEXT, WARD_CONFLICT, 0},      {BENCH_STATUS, "status", WARD_TEXT, WARD_CONFLICT, 0},
    {BENCH_LEAD, "lead_unit", WARD_BYTES, WARD_CONFLICT, 0},  {BENCH_DEADLINE, "deadline", WARD_TEXT, WARD_CONFLICT, 0},
    {BENCH_PERCENT, "percent", WARD_INT, WARD_LATEST, 0},     {BENCH_NOTE, "note", WARD_TEXT, WARD_CONFLICT, 0},
    {BENCH_PRIORITY, "priority", WARD_INT, WARD_CONFLICT, 0}, {BENCH_UPDATED_BY, "updated_by", WARD_BYTES, WARD_LATEST, 0}};
static const struct ward_kind_def kinds[] = {{BENCH_KIND_TASK, "task", fields, sizeof fields / sizeof fields[0]}};
const struct ward_schema bench_schema = {.kinds = kinds, .kind_count = 1, .version = 1};

/* One of each, status and percent twice. */
static const uint32_t mix[] = {BENCH_TITLE, BENCH_STATUS, BENCH_LEAD,    BENCH_DEADLINE, BENCH_PERCENT,
                               BENCH_NOTE,  BENCH_STATUS, BENCH_PERCENT, BENCH_PRIORITY, BENCH_UPDATED_BY};
#define MIX (sizeof mix / sizeof mix[0])

static const char *const words[] = {
    "rà",    "soát",  "danh",  "sách",   "hộ",    "nghèo", "cận",  "tổ",    "dân",    "phố",    "báo",    "cáo",   "kết",  "quả",   "kiểm",
    "tra",   "an",    "toàn",  "thực",   "phẩm",  "vệ",    "sinh", "môi",   "trường", "giải",   "quyết",  "đơn",   "thư",  "khiếu", "nại",
    "của",   "công",  "cập",   "nhật",   "hồ",    "sơ",    "địa",  "chính", "tuyên",  "truyền", "phòng",  "chống", "cháy", "nổ",    "tại",
    "chợ",   "phối",  "hợp",   "với",    "đoàn",  "thanh", "niên", "hội",   "phụ",    "nữ",     "tổng",   "vận",   "động", "hiến",  "máu",
    "lập",   "kế",    "hoạch", "đối",    "thoại", "thu",   "thuế", "đất",   "phi",    "nông",   "nghiệp", "sửa",   "chữa", "vỉa",   "hè",
    "đường", "chiếu", "sáng",  "ngõ",    "số",    "trước", "mùa",  "mưa",   "bão",    "đã",     "hoàn",   "thành", "chờ",  "ý",     "kiến",
    "Ủy",    "ban",   "nhân",  "phường", "đề",    "nghị",  "bổ",   "sung",  "kinh",   "phí",    "quý",    "tháng", "tuần", "này"};
static const char *const statuses[] = {"mới", "đang làm", "chờ phối hợp", "trình duyệt", "hoàn thành", "quá hạn"};

/* ---- numbers: splitmix64 */

uint64_t bench_next(struct bench_rng *r)
{
    uint64_t z = r->s += 0x9e3779b97f4a7c15u;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

unsigned bench_below(struct bench_rng *r, unsigned n)
{
    return (unsigned)((bench_next(r) >> 32) * n >> 32);
}

void bench_fill(struct bench_rng *r, void *out, size_t len)
{
    uint8_t *p = out;
    for (size_t i = 0; i < len; i++)
        p[i] = (uint8_t)(bench_next(r) >> 56);
}

/* ---- values */

static struct ward_value keep(struct bench_week *w, enum ward_type type, const void *p, size_t len)
{
    struct ward_value v = {.type = type, .p = w->text + w->text_len, .len = len};
    memcpy(w->text + w->text_len, p, len);
    w->text_len += len;
    return v;
}

/* Words until there are so many characters, give or take a fifth. */
static struct ward_value prose(struct bench_week *w, struct bench_rng *r, unsigned about)
{
    char buf[1024];
    size_t len = 0;
    unsigned chars = 0, aim = about * 4 / 5 + bench_below(r, about * 2 / 5 + 1);
    while (chars < aim && len < sizeof buf - 16) {
        const char *word = words[bench_below(r, sizeof words / sizeof words[0])];
        if (len) {
            buf[len++] = ' ';
            chars++;
        }
        for (; *word; word++) {
            chars += (*word & 0xc0) != 0x80;
            buf[len++] = *word;
        }
    }
    return keep(w, WARD_TEXT, buf, len);
}

static struct ward_value one_of_ids(struct bench_week *w, uint64_t seed, unsigned which)
{
    uint8_t id[16];
    struct bench_rng r = {seed * 977 + which};
    bench_fill(&r, id, sizeof id);
    return keep(w, WARD_BYTES, id, sizeof id);
}

struct task {
    uint8_t order[MIX];
    unsigned done, status, percent;
};

static struct ward_value value_of(struct bench_week *w, struct bench_rng *r, uint64_t seed, unsigned cell, struct task *t, uint32_t field)
{
    char date[32];
    switch (field) {
    case BENCH_TITLE:
        return prose(w, r, 60);
    case BENCH_NOTE:
        return prose(w, r, 120);
    case BENCH_STATUS:
        t->status = (t->status + 1 + bench_below(r, 5)) % 6;
        return keep(w, WARD_TEXT, statuses[t->status], strlen(statuses[t->status]));
    case BENCH_LEAD:
        return one_of_ids(w, seed, bench_below(r, 200));
    case BENCH_UPDATED_BY:
        return one_of_ids(w, seed + 1, cell * 5 + bench_below(r, 5));
    case BENCH_DEADLINE:
        snprintf(date, sizeof date, "2025-%02u-%02u", 1 + bench_below(r, 12), 1 + bench_below(r, 28));
        return keep(w, WARD_TEXT, date, strlen(date));
    case BENCH_PERCENT:
        t->percent = (t->percent + 5 * (1 + bench_below(r, 19))) % 105;
        return ward_value_int(t->percent);
    default:
        return ward_value_int(1 + bench_below(r, 5));
    }
}

static void shuffle(struct bench_rng *r, void *base, size_t n, size_t size)
{
    uint8_t *p = base, tmp[8];
    for (size_t i = n; i > 1; i--) {
        size_t j = bench_below(r, (unsigned)i);
        memcpy(tmp, p + (i - 1) * size, size);
        memcpy(p + (i - 1) * size, p + j * size, size);
        memcpy(p + j * size, tmp, size);
    }
}

int bench_week_make(struct bench_week *w, uint64_t seed, unsigned cell, unsigned tasks, unsigned edits)
{
    struct bench_rng r = {seed * 1000003 + cell};
    size_t n = (size_t)tasks * edits;
    struct task *t = calloc(tasks + 1, sizeof *t);
    uint32_t *turns = calloc(n + 1, sizeof *turns);
    *w = (struct bench_week){.edits = calloc(n + 1, sizeof *w->edits), .text = malloc(n * 512 + 1), .text_cap = n * 512 + 1};
    bool fine = t && turns && w->edits && w->text;
    for (unsigned i = 0; fine && i < tasks; i++) {
        for (unsigned k = 0; k < MIX; k++)
            t[i].order[k] = (uint8_t)k;
        shuffle(&r, t[i].order + 1, MIX - 1, 1);
        t[i].status = 5;
    }
    for (size_t i = 0; fine && i < n; i++)
        turns[i] = (uint32_t)(i % tasks);
    if (fine)
        shuffle(&r, turns, n, sizeof *turns);
    for (size_t i = 0; fine && i < n; i++) {
        struct task *at = &t[turns[i]];
        struct bench_edit *e = &w->edits[w->count++];
        e->task = turns[i];
        e->field = mix[at->order[at->done++ % MIX]];
        e->value = value_of(w, &r, seed, cell, at, e->field);
        w->value_bytes += e->value.type == WARD_INT ? 1 : e->value.len;
    }
    free(t);
    free(turns);
    return fine ? 0 : -1;
}

void bench_week_free(struct bench_week *w)
{
    free(w->edits);
    free(w->text);
}
