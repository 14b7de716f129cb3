#include "values/columns.h"
#include "base/arena.h"
#include "base/err.h"
#include "base/limits.h"
#include "values/cbor.h"
#include "values/change.h"

#include <assert.h>
#include <string.h>

/* The columns of numbers, in the order in which they stand. After them: the words, each with a space behind it, and the bytes. */
enum column {
    WALL,
    DEPTH,
    DEPS,
    OPS,
    DEP_FEED,
    DEP_SEQ,
    RECORD,
    RECORD_TIME,
    RECORD_KIND,
    FIELD,
    FIELD_NUMBER,
    KEY,
    KEY_LENGTH,
    VALUE,
    FORM,
    NUMBER,
    WORD_COUNT,
    WORD,
    COLUMNS
};
enum form { NULL_, FALSE_, TRUE_, UNSIGNED, NEGATIVE, BYTES, TEXT, ENCODED, FORMS };

#define PLANES     10 /* of seven bits each: a number has 64 at most */
#define TIME_BYTES 6  /* an entity begins with the time it was made */
#define TIME_MASK  0xffffffffffffu

static uint64_t zigzag(uint64_t difference)
{
    return difference << 1 ^ (difference >> 63 ? UINT64_MAX : 0);
}

static uint64_t unzigzag(uint64_t n)
{
    return n >> 1 ^ (n & 1 ? UINT64_MAX : 0);
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

static bool has_key(uint64_t field)
{
    return field % 4 == WARD_MEMBER;
}

/* ---- taking apart */

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

/* ---- putting together */

/* Numbers still to be read: where each plane stands. */
struct numbers {
    const uint8_t *at[PLANES];
    size_t count;
};
struct span {
    const uint8_t *p;
    size_t len;
};
struct record {
    const uint8_t *rest; /* of the entity, after its time */
    uint64_t time, kind;
    uint32_t change; /* that named it last, from 1 */
    uint32_t index;  /* in that change */
};
struct field {
    uint64_t number;
    size_t first, count, met; /* its values: where they stand in `values`, how many there will be, how many there were */
};
struct value {
    size_t at, len; /* in the bodies: as it was written the first time */
};
struct feed {
    const uint8_t *id;
    uint64_t seq;
};

struct join {
    const uint8_t *p; /* the columns, from here on */
    size_t left;
    struct numbers column[COLUMNS];
    struct feed *feeds;
    struct record *records;
    struct field *fields;
    struct span *keys, *words;
    struct value *values;
    size_t feed_count, record_count, field_count, key_count, word_count;
    struct ward_buf *out;
    struct ward_arena arena;
    struct ward_error *err;
    int code;
};

static bool bad(struct join *j, int code, const char *what)
{
    if (!j->code)
        j->code = ward_fail(j->err, code, "%s", what);
    return false;
}

static bool damaged(struct join *j)
{
    return bad(j, WARD_ERR_CODEC, "columns");
}

static bool take(struct join *j, uint64_t n, const uint8_t **out)
{
    if (n > j->left)
        return damaged(j);
    *out = j->p;
    j->p += n;
    j->left -= (size_t)n;
    return true;
}

/* A column of n numbers is looked through once; then they can be read one by one without a further look at bounds. */
static bool open_column(struct join *j, enum column which, size_t n)
{
    struct numbers *c = &j->column[which];
    c->count = n;
    for (int plane = 0; n; plane++) {
        size_t more = 0;
        const uint8_t *p;
        assert(plane < PLANES); /* the tenth byte says that no more follow */
        if (!take(j, n, &p))
            return false;
        c->at[plane] = p;
        for (size_t i = 0; i < n; i++) {
            more += p[i] >> 7;
            if ((plane && p[i] == 0) || (plane == PLANES - 1 && p[i] > 1)) /* not the shortest; more than 64 bits */
                return damaged(j);
        }
        n = more;
    }
    return true;
}

static uint64_t next(struct numbers *c)
{
    uint64_t n = 0;
    uint8_t b = 128;
    c->count--;
    for (unsigned plane = 0; b & 128; plane++) {
        b = *c->at[plane]++;
        n |= (uint64_t)(b & 127) << 7 * plane;
    }
    return n;
}

/* Of a column that was opened and not read yet. */
static bool sum(struct join *j, enum column which, size_t *out)
{
    struct numbers c = j->column[which];
    *out = 0;
    while (c.count) {
        uint64_t n = next(&c);
        if (n > j->left - *out) /* each stands for a byte still to come, at least */
            return damaged(j);
        *out += (size_t)n;
    }
    return true;
}

static size_t news(const struct join *j, enum column which)
{
    const struct numbers *c = &j->column[which];
    size_t n = 0;
    for (size_t i = 0; i < c->count; i++)
        n += c->at[0][i] == 0;
    return n;
}

/* One of `count` met before, or the next one, of which the caller then makes a new one. */
static bool choose(struct join *j, enum column which, size_t count, size_t *out, bool *is_new)
{
    uint64_t n = next(&j->column[which]);
    if (n > count)
        return damaged(j);
    *is_new = n == 0;
    *out = n ? (size_t)n - 1 : count;
    return true;
}

static void *table(struct join *j, size_t count, size_t size)
{
    void *p = ward_arena_take(&j->arena, (count + 1) * size);
    if (!p)
        bad(j, WARD_ERR_MEMORY, "columns");
    return p;
}

/* Which fields there are decides how many keys and values there are. */
static bool open_fields(struct join *j, size_t ops)
{
    if (!open_column(j, FIELD, ops) || !open_column(j, FIELD_NUMBER, news(j, FIELD)))
        return false;
    struct numbers refs = j->column[FIELD];
    size_t count = j->column[FIELD_NUMBER].count, met = 0, keys = 0, first = 0;
    j->fields = table(j, count, sizeof *j->fields);
    if (!j->fields)
        return false;
    for (size_t i = 0; i < count; i++)
        j->fields[i].number = next(&j->column[FIELD_NUMBER]);
    while (refs.count) {
        uint64_t n = next(&refs);
        if (n > met)
            return damaged(j);
        met += n == 0;
        keys += has_key(j->fields[n ? n - 1 : met - 1].number);
    }
    if (!open_column(j, KEY, keys) || !open_column(j, KEY_LENGTH, news(j, KEY)) || !open_column(j, VALUE, ops))
        return false;
    struct numbers values = j->column[VALUE];
    refs = j->column[FIELD];
    met = 0;
    while (refs.count) {
        uint64_t n = next(&refs);
        met += n == 0;
        j->fields[n ? n - 1 : met - 1].count += next(&values) == 0;
    }
    for (size_t i = 0; i < count; i++) {
        j->fields[i].first = first;
        first += j->fields[i].count;
    }
    return true;
}

static bool open_forms(struct join *j)
{
    size_t count = news(j, VALUE), numbers = 0, texts = 0, words = 0;
    if (!open_column(j, FORM, count))
        return false;
    for (struct numbers forms = j->column[FORM]; forms.count;) {
        uint64_t form = next(&forms);
        if (form >= FORMS)
            return damaged(j);
        numbers += form == UNSIGNED || form == NEGATIVE || form == BYTES || form == ENCODED;
        texts += form == TEXT;
    }
    return open_column(j, NUMBER, numbers) && open_column(j, WORD_COUNT, texts) && sum(j, WORD_COUNT, &words) &&
           open_column(j, WORD, words);
}

static bool open_words(struct join *j)
{
    size_t count = news(j, WORD);
    j->words = table(j, count, sizeof *j->words);
    for (size_t i = 0; j->words && i < count; i++) {
        const uint8_t *space = j->left ? memchr(j->p, ' ', j->left) : NULL;
        size_t len = space ? (size_t)(space - j->p) : 0;
        if (!space)
            return damaged(j);
        j->words[i] = (struct span){j->p, len};
        j->p += len + 1;
        j->left -= len + 1;
    }
    return j->words != NULL;
}

static bool open_all(struct join *j, uint32_t count)
{
    size_t deps, ops;
    if (!open_column(j, WALL, count) || !open_column(j, DEPTH, count) || !open_column(j, DEPS, count) || !open_column(j, OPS, count) ||
        !sum(j, DEPS, &deps) || !sum(j, OPS, &ops) || !open_column(j, DEP_FEED, deps) || !open_column(j, DEP_SEQ, deps) ||
        !open_column(j, RECORD, ops) || !open_column(j, RECORD_TIME, news(j, RECORD)) || !open_column(j, RECORD_KIND, news(j, RECORD)) ||
        !open_fields(j, ops) || !open_forms(j) || !open_words(j))
        return false;
    j->feeds = table(j, news(j, DEP_FEED), sizeof *j->feeds);
    j->records = table(j, news(j, RECORD), sizeof *j->records);
    j->keys = table(j, news(j, KEY), sizeof *j->keys);
    j->values = table(j, news(j, VALUE), sizeof *j->values);
    return !j->code;
}

/* Room for n more bytes of bodies; n is no more than there are in the columns. Only heads are written without asking. */
static bool fits(struct join *j, size_t n)
{
    if (j->out->len + n <= WARD_RUN_RAW_MAX)
        return true;
    return bad(j, WARD_ERR_LIMIT_RUN, "bodies too long");
}

static bool join_dep(struct join *j)
{
    const uint8_t *hash;
    size_t i = 0;
    bool is_new = false;
    if (!choose(j, DEP_FEED, j->feed_count, &i, &is_new))
        return false;
    struct feed *f = &j->feeds[i];
    j->feed_count += is_new;
    if ((is_new && !take(j, WARD_HASH_BYTES, &f->id)) || !take(j, WARD_HASH_BYTES, &hash) || !fits(j, (size_t)2 * WARD_HASH_BYTES))
        return false;
    f->seq += next(&j->column[DEP_SEQ]);
    ward_put_array(j->out, 3);
    ward_put_bytes(j->out, f->id, WARD_HASH_BYTES);
    ward_put_uint(j->out, f->seq);
    ward_put_bytes(j->out, hash, WARD_HASH_BYTES);
    return true;
}

/* Writes a record in full or by its index, as this change has named it before or not. *members: of the operation. */
static bool join_record(struct join *j, uint64_t wall, uint32_t change, uint32_t *named, bool keyed)
{
    size_t i = 0;
    bool is_new = false;
    if (!choose(j, RECORD, j->record_count, &i, &is_new))
        return false;
    struct record *r = &j->records[i];
    if (is_new) {
        j->record_count++;
        r->time = wall - unzigzag(next(&j->column[RECORD_TIME]));
        r->kind = next(&j->column[RECORD_KIND]);
        if (!take(j, WARD_ID_BYTES - TIME_BYTES, &r->rest))
            return false;
    }
    if (r->change == change) {
        ward_put_array(j->out, 3u + keyed);
        ward_put_uint(j->out, r->index);
        return true;
    }
    uint8_t entity[WARD_ID_BYTES];
    for (int k = 0; k < TIME_BYTES; k++)
        entity[k] = (uint8_t)(r->time >> 8 * (TIME_BYTES - 1 - k));
    memcpy(entity + TIME_BYTES, r->rest, sizeof entity - TIME_BYTES);
    r->change = change;
    r->index = (*named)++;
    ward_put_array(j->out, 4u + keyed);
    ward_put_bytes(j->out, entity, sizeof entity);
    ward_put_uint(j->out, r->kind);
    return true;
}

static bool join_key(struct join *j)
{
    size_t i = 0;
    bool is_new = false;
    if (!choose(j, KEY, j->key_count, &i, &is_new))
        return false;
    struct span *k = &j->keys[i];
    if (is_new) {
        uint64_t len = next(&j->column[KEY_LENGTH]);
        j->key_count++;
        if (!take(j, len, &k->p))
            return false;
        k->len = (size_t)len;
    }
    if (!fits(j, k->len))
        return false;
    ward_put_bytes(j->out, k->p, k->len);
    return true;
}

static bool join_text(struct join *j)
{
    size_t count = (size_t)next(&j->column[WORD_COUNT]), first = j->word_count, len = count;
    struct numbers refs = j->column[WORD];
    if (count == 0)
        return damaged(j);
    for (size_t i = 0, met = first; i < count; i++) { /* its length stands before it */
        uint64_t n = next(&refs);
        if (n > met)
            return damaged(j);
        len += j->words[n ? n - 1 : met].len;
        met += n == 0;
        if (!fits(j, len))
            return false;
    }
    len--;
    ward_put_text_head(j->out, len);
    for (size_t i = 0; i < count; i++) {
        uint64_t n = next(&j->column[WORD]);
        const struct span *w = &j->words[n ? n - 1 : j->word_count];
        j->word_count += n == 0;
        if (i)
            ward_buf_add(j->out, " ", 1);
        ward_buf_add(j->out, w->p, w->len);
    }
    return true;
}

static bool join_new_value(struct join *j)
{
    enum form form = (enum form)next(&j->column[FORM]);
    bool numbered = form == UNSIGNED || form == NEGATIVE || form == BYTES || form == ENCODED;
    uint64_t n = numbered ? next(&j->column[NUMBER]) : 0;
    const uint8_t *p;
    if (form == TEXT)
        return join_text(j);
    if (n > INT64_MAX)
        return damaged(j);
    if ((form == BYTES || form == ENCODED) && (!take(j, n, &p) || !fits(j, (size_t)n)))
        return false;
    if (form == UNSIGNED || form == NEGATIVE)
        ward_put_int(j->out, form == UNSIGNED ? (int64_t)n : -1 - (int64_t)n);
    else if (form == BYTES)
        ward_put_bytes(j->out, p, (size_t)n);
    else if (form == ENCODED)
        ward_buf_add(j->out, p, (size_t)n);
    else if (form == NULL_)
        ward_put_null(j->out);
    else
        ward_put_bool(j->out, form == TRUE_);
    return true;
}

static bool join_value(struct join *j, struct field *f)
{
    uint64_t n = next(&j->column[VALUE]);
    if (n > f->met)
        return damaged(j);
    struct value *v = &j->values[f->first + (n ? n - 1 : f->met)];
    if (n) {
        uint8_t *to = fits(j, v->len) ? ward_buf_room(j->out, v->len) : NULL;
        if (!to)
            return bad(j, WARD_ERR_MEMORY, "columns");
        memcpy(to, j->out->p + v->at, v->len);
        j->out->len += v->len;
        return true;
    }
    f->met++;
    v->at = j->out->len;
    bool fine = join_new_value(j);
    v->len = j->out->len - v->at;
    return fine;
}

static bool join_op(struct join *j, uint64_t wall, uint32_t change, uint32_t *named)
{
    size_t i = 0;
    bool is_new = false;
    if (!fits(j, WARD_ID_BYTES) || !choose(j, FIELD, j->field_count, &i, &is_new))
        return false;
    struct field *f = &j->fields[i];
    j->field_count += is_new;
    if (!join_record(j, wall, change, named, has_key(f->number)))
        return false;
    ward_put_uint(j->out, f->number);
    return (!has_key(f->number) || join_key(j)) && join_value(j, f);
}

static bool join_change(struct join *j, uint64_t wall, uint64_t depth, uint32_t change)
{
    size_t deps = (size_t)next(&j->column[DEPS]), ops = (size_t)next(&j->column[OPS]);
    uint32_t named = 0;
    ward_put_array(j->out, 4);
    ward_put_uint(j->out, wall);
    ward_put_uint(j->out, depth);
    ward_put_array(j->out, deps);
    while (deps--)
        if (!join_dep(j))
            return false;
    ward_put_array(j->out, ops);
    while (ops--)
        if (!join_op(j, wall, change, &named))
            return false;
    return true;
}

static bool join_all(struct join *j, uint32_t count)
{
    uint64_t wall = 0, depth = 0;
    if (!open_all(j, count))
        return false;
    for (uint32_t change = 1; change <= count; change++) {
        wall += unzigzag(next(&j->column[WALL]));
        depth += 1 + next(&j->column[DEPTH]);
        if (!join_change(j, wall, depth, change))
            return false;
    }
    if (j->left)
        return damaged(j);
    if (ward_buf_status(j->out))
        return bad(j, WARD_ERR_MEMORY, "columns");
    return fits(j, 0);
}

int ward_columns_join(struct ward_buf *out, const void *p, size_t len, uint32_t count, struct ward_error *err)
{
    struct join j = {.p = p, .left = len, .out = out, .err = err};
    ward_buf_clear(out);
    ward_arena_init(&j.arena, out->env);
    join_all(&j, count);
    ward_arena_free(&j.arena);
    return j.code;
}
