/* columns_join.c - bodies put together again from what anyone has sent. */
#include "base/arena.h"
#include "base/err.h"
#include "base/limits.h"
#include "values/cbor.h"
#include "values/columns.h"
#include "values/columns_table.h"

#include <assert.h>
#include <string.h>

static uint64_t unzigzag(uint64_t n)
{
    return n >> 1 ^ (n & 1 ? UINT64_MAX : 0);
}

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
