/* columns_split.c - bodies taken apart. */
#include "base/arena.h"
#include "base/err.h"
#include "values/change.h"
#include "values/columns.h"
#include "values/columns_table.h"

#include <string.h>

static uint64_t zigzag(uint64_t difference)
{
    return difference << 1 ^ (difference >> 63 ? UINT64_MAX : 0);
}

static uint64_t time_of(const uint8_t *entity)
{
    uint64_t t = 0;
    for (size_t i = 0; i < TIME_BYTES; i++)
        t = t << 8 | entity[i];
    return t;
}

/* How far entity's time lies before that of the change, within 48 bits, as a number with a sign. */
static uint64_t age(uint64_t wall, const uint8_t *entity)
{
    uint64_t difference = (wall - time_of(entity)) & TIME_MASK;
    return zigzag(difference >> 47 ? difference | ~TIME_MASK : difference);
}

/* What was met before, to be named by number. A place is looked for in a few steps: should someone have made things that all fall on one
 * place, some of them are written out twice, and no time is lost. */
#define STEPS 16
struct seen {
    uint64_t scope;
    const uint8_t *p;
    size_t len;
    uint32_t number; /* from 1 */
};
enum { SEEN_FEED, SEEN_RECORD, SEEN_FIELD, SEEN_KEY, SEEN_VALUE, SEEN_WORD };

/* A column that is being written; there is room for all that the bodies may hold. */
struct column_out {
    uint64_t *numbers;
    size_t count;
};
struct bytes_out {
    uint8_t *p;
    size_t len;
};

struct split {
    struct ward_arena arena;
    struct ward_scratch parsed;
    struct column_out column[COLUMNS];
    struct bytes_out words, bytes;
    struct seen *seen;
    size_t seen_mask;
    uint64_t *feed_seqs;  /* the last one named, of each feed */
    uint32_t *field_used; /* how many values it had */
    uint32_t *named;      /* the numbers of the records that the change at hand has named, by their index in it */
    uint32_t feeds, records, fields, keys, word_count;
    bool no_memory;
};

static void put(struct split *s, enum column which, uint64_t n)
{
    s->column[which].numbers[s->column[which].count++] = n;
}

static void add(struct bytes_out *b, const void *p, size_t len)
{
    if (len)
        memcpy(b->p + b->len, p, len);
    b->len += len;
}

static uint64_t hash_of(uint64_t scope, const uint8_t *p, size_t len)
{
    uint64_t h = 0xcbf29ce484222325u ^ scope * 0x9e3779b97f4a7c15u;
    for (size_t i = 0; i < len; i++)
        h = (h ^ p[i]) * 0x100000001b3u;
    return h ^ h >> 29;
}

/* Its number; 0 if it is new, and is `next` from now on. */
static uint32_t known(struct split *s, unsigned what, uint32_t within, const void *p, size_t len, uint32_t next)
{
    uint64_t scope = (uint64_t)what << 32 | within;
    size_t at = (size_t)hash_of(scope, p, len);
    for (int step = 0; step < STEPS; step++, at++) {
        struct seen *k = &s->seen[at & s->seen_mask];
        if (!k->number) {
            *k = (struct seen){scope, p, len, next};
            return 0;
        }
        if (k->scope == scope && k->len == len && (len == 0 || memcmp(k->p, p, len) == 0))
            return k->number;
    }
    return 0;
}

static void split_dep(struct split *s, const struct ward_dep *d)
{
    uint32_t number = known(s, SEEN_FEED, 0, d->feed.b, sizeof d->feed.b, s->feeds + 1);
    put(s, DEP_FEED, number);
    if (!number) {
        add(&s->bytes, d->feed.b, sizeof d->feed.b);
        number = ++s->feeds;
    }
    put(s, DEP_SEQ, d->seq - s->feed_seqs[number - 1]);
    s->feed_seqs[number - 1] = d->seq;
    add(&s->bytes, d->hash.b, sizeof d->hash.b);
}

/* What a change names again it names by the same number, whether or not there was a place to remember it: its index stands for it there.
 * *count: records that the change has named. */
static void split_record(struct split *s, const struct ward_op *op, uint64_t wall, uint32_t *count)
{
    bool again = op->record < *count;
    uint32_t number = again ? s->named[op->record] : known(s, SEEN_RECORD, op->kind, op->entity.b, sizeof op->entity.b, s->records + 1);
    put(s, RECORD, number);
    if (again)
        return;
    s->named[(*count)++] = number ? number : s->records + 1;
    if (number)
        return;
    s->records++;
    put(s, RECORD_TIME, age(wall, op->entity.b));
    put(s, RECORD_KIND, op->kind);
    add(&s->bytes, op->entity.b + TIME_BYTES, sizeof op->entity.b - TIME_BYTES);
}

static uint32_t split_field(struct split *s, const struct ward_op *op)
{
    uint32_t number = known(s, SEEN_FIELD, 0, &op->field, sizeof op->field, s->fields + 1);
    put(s, FIELD, number);
    if (number)
        return number;
    put(s, FIELD_NUMBER, op->field);
    return ++s->fields;
}

static void split_key(struct split *s, const struct ward_op *op)
{
    uint32_t number = known(s, SEEN_KEY, 0, op->key, op->key_len, s->keys + 1);
    put(s, KEY, number);
    if (number)
        return;
    s->keys++;
    put(s, KEY_LENGTH, op->key_len);
    add(&s->bytes, op->key, op->key_len);
}

static void split_text(struct split *s, const uint8_t *p, size_t len)
{
    const uint8_t *end = p + len;
    uint64_t count = 0;
    for (bool more = true; more; count++) {
        const uint8_t *space = p < end ? memchr(p, ' ', (size_t)(end - p)) : NULL, *stop = space ? space : end;
        uint32_t number = known(s, SEEN_WORD, 0, p, (size_t)(stop - p), s->word_count + 1);
        put(s, WORD, number);
        if (!number) {
            s->word_count++;
            add(&s->words, p, (size_t)(stop - p));
            add(&s->words, " ", 1);
        }
        more = space != NULL;
        p = more ? space + 1 : end;
    }
    put(s, WORD_COUNT, count);
}

static void split_value(struct split *s, const struct ward_op *op, uint32_t field)
{
    const struct ward_value *v = &op->value;
    uint32_t number = known(s, SEEN_VALUE, field, op->raw, op->raw_len, s->field_used[field - 1] + 1);
    put(s, VALUE, number);
    if (number)
        return;
    s->field_used[field - 1]++;
    switch (v->type) {
    case WARD_NULL:
        put(s, FORM, NULL_);
        break;
    case WARD_BOOL:
        put(s, FORM, v->boolean ? TRUE_ : FALSE_);
        break;
    case WARD_INT:
        put(s, FORM, v->integer < 0 ? NEGATIVE : UNSIGNED);
        put(s, NUMBER, v->integer < 0 ? ~(uint64_t)v->integer : (uint64_t)v->integer);
        break;
    case WARD_BYTES:
        put(s, FORM, BYTES);
        put(s, NUMBER, v->len);
        add(&s->bytes, v->p, v->len);
        break;
    case WARD_TEXT:
        put(s, FORM, TEXT);
        split_text(s, v->p, v->len);
        break;
    default:
        put(s, FORM, ENCODED);
        put(s, NUMBER, op->raw_len);
        add(&s->bytes, op->raw, op->raw_len);
    }
}

static void split_change(struct split *s, const struct ward_change *ch, const struct ward_change *before)
{
    uint64_t wall = (uint64_t)ch->wall_ms;
    put(s, WALL, zigzag(wall - (before ? (uint64_t)before->wall_ms : 0)));
    put(s, DEPTH, ch->depth - (before ? before->depth : 0) - 1);
    put(s, DEPS, ch->dep_count);
    put(s, OPS, ch->op_count);
    for (size_t i = 0; i < ch->dep_count; i++)
        split_dep(s, &s->parsed.deps[ch->dep_first + i]);
    uint32_t named = 0;
    for (size_t i = 0; i < ch->op_count; i++) {
        const struct ward_op *op = &s->parsed.ops[ch->op_first + i];
        split_record(s, op, wall, &named);
        uint32_t field = split_field(s, op);
        if (has_key(op->field))
            split_key(s, op);
        split_value(s, op, field);
    }
}

/* The low seven bits of all numbers, then the next seven of those that have more. */
static void put_planes(struct ward_buf *out, struct column_out *c)
{
    for (size_t n = c->count, more; n; n = more) {
        uint8_t *to = ward_buf_room(out, n);
        if (!to)
            return;
        more = 0;
        for (size_t i = 0; i < n; i++) {
            uint64_t v = c->numbers[i];
            to[i] = (uint8_t)((v & 127u) | (v > 127u ? 128u : 0u));
            if (v > 127u)
                c->numbers[more++] = v >> 7;
        }
        out->len += n;
    }
}

static int parse_all(struct split *s, const uint8_t *p, size_t len, uint32_t count, struct ward_error *err)
{
    size_t at = 0, used = 0;
    int rc = WARD_OK;
    for (uint32_t i = 0; !rc && i < count; i++, at += used)
        rc = ward_change_parse(&s->parsed, p + at, len - at, &used, err);
    if (!rc && at != len)
        rc = ward_fail(err, WARD_ERR_TRAILING, "%zu bytes after the last change", len - at);
    return rc;
}

static void *room(struct split *s, size_t count, size_t size)
{
    void *p = ward_arena_take(&s->arena, count * size);
    s->no_memory |= !p;
    return p;
}

/* Room for all there may be: a text of n spaces has n + 1 words. */
static bool make_room(struct split *s, size_t len)
{
    size_t deps = s->parsed.dep_count, ops = s->parsed.op_count, words = 0;
    for (size_t i = 0; i < ops; i++) {
        const struct ward_value *v = &s->parsed.ops[i].value;
        for (size_t k = 0; v->type == WARD_TEXT && k < v->len; k++)
            words += v->p[k] == ' ';
        words++;
    }
    for (enum column c = 0; c < COLUMNS; c++) {
        size_t most = c < DEP_FEED ? s->parsed.change_count : c < RECORD ? deps : c < WORD ? ops : words;
        s->column[c].numbers = room(s, most, sizeof *s->column[c].numbers);
    }
    for (s->seen_mask = 63; s->seen_mask < len / 8;)
        s->seen_mask = s->seen_mask << 1 | 1;
    s->seen = room(s, s->seen_mask + 1, sizeof *s->seen);
    s->feed_seqs = room(s, deps, sizeof *s->feed_seqs);
    s->field_used = room(s, ops, sizeof *s->field_used);
    s->named = room(s, ops, sizeof *s->named);
    s->words.p = room(s, len + words, 1);
    s->bytes.p = room(s, len, 1);
    return !s->no_memory;
}

static int split_all(struct split *s, struct ward_buf *out, size_t *ends, size_t len, struct ward_error *err)
{
    if (!make_room(s, len))
        return ward_fail(err, WARD_ERR_MEMORY, "columns");
    for (size_t i = 0; i < s->parsed.change_count; i++)
        split_change(s, &s->parsed.changes[i], i ? &s->parsed.changes[i - 1] : NULL);
    for (enum column c = 0; c < COLUMNS; c++) {
        put_planes(out, &s->column[c]);
        if (c == WALL)
            ends[0] = out->len;
        if (c == WORD_COUNT)
            ends[1] = out->len;
    }
    ends[2] = out->len;
    ward_buf_add(out, s->words.p, s->words.len);
    ends[3] = out->len;
    ward_buf_add(out, s->bytes.p, s->bytes.len);
    ends[4] = out->len;
    return ward_buf_status(out) ? ward_fail(err, WARD_ERR_MEMORY, "columns") : WARD_OK;
}

int ward_columns_split(struct ward_buf *out, size_t ends[WARD_COLUMN_GROUPS], const void *bodies, size_t len, uint32_t count,
                       struct ward_error *err)
{
    struct split s = {.seen_mask = 0};
    ward_arena_init(&s.arena, out->env);
    ward_scratch_init(&s.parsed, out->env);
    ward_buf_clear(out);
    int rc = parse_all(&s, bodies, len, count, err);
    if (!rc)
        rc = split_all(&s, out, ends, len, err);
    ward_scratch_free(&s.parsed);
    ward_arena_free(&s.arena);
    return rc;
}
