/* store_plain.c - one real table per kind, for people with any SQLite tool, and the schema's indexes. Filled in the same transactions as
 * the records. */
#include "base/alloc.h"
#include "base/err.h"
#include "rules/schema.h"
#include "shell/store_sql.h"
#include "values/hash.h"

#include <string.h>

static const char *column_type(const struct ward_field_def *f)
{
    if (f->policy == WARD_ADD_WINS)
        return "TEXT"; /* a JSON array of members */
    switch (f->type) {
    case WARD_TEXT:
        return "TEXT";
    case WARD_BOOL:
    case WARD_INT:
        return "INTEGER";
    default:
        return "BLOB";
    }
}

static int no_memory(struct ward_store *s, struct ward_error *err)
{
    s->code = WARD_ERR_MEMORY;
    return ward_fail(err, WARD_ERR_MEMORY, "sql");
}

static int exec_str(struct ward_store *s, sqlite3_str *sql, struct ward_error *err)
{
    char *text = sqlite3_str_finish(sql);
    if (!text)
        return no_memory(s, err);
    int rc = store_exec(s, text, err);
    sqlite3_free(text);
    return rc;
}

static int prepare_str(struct ward_store *s, sqlite3_str *sql, sqlite3_stmt **out, struct ward_error *err)
{
    char *text = sqlite3_str_finish(sql);
    if (!text)
        return no_memory(s, err);
    int rc = sqlite3_prepare_v3(s->db, text, -1, SQLITE_PREPARE_PERSISTENT, out, NULL);
    sqlite3_free(text);
    return rc ? store_fail(s, rc, err, "prepare") : WARD_OK;
}

static int create_table(struct ward_store *s, const struct ward_kind_def *k, struct ward_error *err)
{
    sqlite3_str *sql = sqlite3_str_new(s->db);
    sqlite3_str_appendf(
        sql, "DROP TABLE IF EXISTS \"%w\"; CREATE TABLE \"%w\"(id BLOB NOT NULL, space INTEGER NOT NULL, conflicts INTEGER NOT NULL",
        k->name, k->name);
    for (size_t i = 0; i < k->field_count; i++)
        sqlite3_str_appendf(sql, ", \"%w\" %s", k->fields[i].name, column_type(&k->fields[i]));
    sqlite3_str_appendf(sql, ", PRIMARY KEY(space, id)) STRICT, WITHOUT ROWID");
    return exec_str(s, sql, err);
}

/* What the shape of the tables depends on. */
static void fingerprint(const struct ward_store *s, struct ward_hash *out)
{
    ward_hasher h;
    ward_hash_begin(&h, "wardsync plain 2");
    for (size_t i = 0; i < s->plain_count; i++) {
        const struct ward_kind_def *k = s->plains[i].kind;
        ward_hash_add(&h, &k->number, sizeof k->number);
        ward_hash_add(&h, k->name, strlen(k->name) + 1);
        for (size_t j = 0; j < k->field_count; j++) {
            const struct ward_field_def *f = &k->fields[j];
            uint32_t shape[3] = {f->number, (uint32_t)f->type, (uint32_t)f->policy};
            ward_hash_add(&h, shape, sizeof shape);
            ward_hash_add(&h, f->name, strlen(f->name) + 1);
        }
    }
    for (size_t i = 0; s->schema && i < s->schema->index_count; i++) {
        const struct ward_index_def *def = &s->schema->indexes[i];
        uint32_t shape[2] = {def->kind, def->or_by};
        ward_hash_add(&h, shape, sizeof shape);
        ward_hash_add(&h, def->by, sizeof def->by);
    }
    ward_hash_end(&h, out);
}

static void finalize_table(struct plain *p)
{
    sqlite3_finalize(p->put);
    sqlite3_finalize(p->del);
    sqlite3_finalize(p->get);
    *p = (struct plain){.kind = p->kind};
}

/* Made when they are first needed: a program that lives for one command needs few of them. */
static sqlite3_stmt *make(struct ward_store *s, sqlite3_str *sql, sqlite3_stmt **out, struct ward_error *err)
{
    s->code = prepare_str(s, sql, out, err);
    return *out;
}

static sqlite3_stmt *put_of(struct ward_store *s, struct plain *p, struct ward_error *err)
{
    if (p->put)
        return p->put;
    sqlite3_str *sql = sqlite3_str_new(s->db);
    sqlite3_str_appendf(sql, "INSERT OR REPLACE INTO \"%w\" VALUES(?1, ?2, ?3", p->kind->name);
    for (size_t i = 0; i < p->kind->field_count; i++)
        sqlite3_str_appendf(sql, ", ?%d", (int)i + 4);
    sqlite3_str_appendf(sql, ")");
    return make(s, sql, &p->put, err);
}

static sqlite3_stmt *get_of(struct ward_store *s, struct plain *p, struct ward_error *err)
{
    if (p->get)
        return p->get;
    sqlite3_str *sql = sqlite3_str_new(s->db);
    sqlite3_str_appendf(sql, "SELECT conflicts");
    for (size_t i = 0; i < p->kind->field_count; i++)
        sqlite3_str_appendf(sql, ", \"%w\"", p->kind->fields[i].name);
    sqlite3_str_appendf(sql, " FROM \"%w\" WHERE id = ?1 AND space = ?2", p->kind->name);
    return make(s, sql, &p->get, err);
}

static sqlite3_stmt *del_of(struct ward_store *s, struct plain *p, struct ward_error *err)
{
    if (p->del)
        return p->del;
    sqlite3_str *sql = sqlite3_str_new(s->db);
    sqlite3_str_appendf(sql, "DELETE FROM \"%w\" WHERE id = ?1 AND space = ?2", p->kind->name);
    return make(s, sql, &p->del, err);
}

static void finalize_statements(struct ward_store *s)
{
    for (size_t i = 0; i < s->plain_count; i++)
        finalize_table(&s->plains[i]);
}

void store_plain_finalize(struct ward_store *s)
{
    finalize_statements(s);
    ward_release(s->env, s->plains);
    s->plains = NULL;
    s->plain_count = 0;
}

int store_plain_prepare(struct ward_store *s, struct ward_error *err)
{
    size_t app = s->schema ? s->schema->kind_count : 0, n = ward_core_schema.kind_count + app;
    struct ward_buf made;
    struct ward_hash now;
    s->plains = ward_alloc(s->env, n * sizeof *s->plains);
    if (!s->plains)
        return ward_fail(err, WARD_ERR_MEMORY, "store");
    s->plain_count = n;
    // NOLINTBEGIN(clang-analyzer-core.NullDereference): without a schema there are no more than the core's own kinds
    for (size_t i = 0; i < n; i++)
        s->plains[i].kind =
            i < ward_core_schema.kind_count ? &ward_core_schema.kinds[i] : &s->schema->kinds[i - ward_core_schema.kind_count];
    // NOLINTEND(clang-analyzer-core.NullDereference)
    fingerprint(s, &now);
    ward_buf_init(&made, s->env);
    int rc = ward_store_meta_get(s, "plain", &made, NULL);
    s->plain_stale = rc || made.len != sizeof now.b || memcmp(made.p, now.b, sizeof now.b) != 0;
    ward_buf_free(&made);
    /* Without a schema nothing is known of the application's tables: they stay as they are, to be renewed by who knows them. */
    if (rc && rc != WARD_ERR_NOT_FOUND)
        return ward_fail(err, rc, "plain tables");
    return WARD_OK;
}

bool ward_store_plain_stale(const struct ward_store *s)
{
    return s->plain_stale;
}

int ward_store_plain_renew(struct ward_store *s, struct ward_error *err)
{
    struct ward_hash now;
    finalize_statements(s);
    for (size_t i = 0; i < s->plain_count; i++) {
        int rc = create_table(s, s->plains[i].kind, err);
        if (rc)
            return rc;
    }
    int rc = store_index_renew(s, err);
    fingerprint(s, &now);
    if (!rc)
        rc = ward_store_meta_put(s, "plain", now.b, sizeof now.b, err);
    if (!rc) {
        s->plain_stale = false;
        s->plain_renewed = true;
    }
    return rc;
}

static struct plain *find(struct ward_store *s, const struct ward_kind_def *kind, struct ward_error *err)
{
    for (size_t i = 0; i < s->plain_count; i++)
        if (s->plains[i].kind == kind)
            return &s->plains[i];
    s->code = ward_fail(err, WARD_ERR_UNKNOWN_KIND, "%s", kind->name);
    return NULL;
}

static void bind_value(sqlite3_stmt *st, int i, const struct ward_value *v)
{
    switch (v->type) {
    case WARD_NULL:
        sqlite3_bind_null(st, i);
        break;
    case WARD_BOOL:
        sqlite3_bind_int(st, i, v->boolean);
        break;
    case WARD_INT:
        sqlite3_bind_int64(st, i, v->integer);
        break;
    case WARD_TEXT:
        sqlite3_bind_text(st, i, v->len ? (const char *)v->p : "", (int)v->len, SQLITE_STATIC);
        break;
    default:
        sqlite3_bind_blob(st, i, v->len ? (const void *)v->p : "", (int)v->len, SQLITE_STATIC);
    }
}

int ward_store_put_plain(struct ward_store *s, uint32_t sid, const struct ward_kind_def *kind, const struct ward_id *entity,
                         size_t conflicts, const struct ward_value *values, struct ward_error *err)
{
    struct plain *p = find(s, kind, err);
    sqlite3_stmt *st = p ? put_of(s, p, err) : NULL;
    if (!st)
        return s->code;
    sqlite3_reset(st);
    bind_id(st, 1, entity);
    sqlite3_bind_int64(st, 2, sid);
    sqlite3_bind_int64(st, 3, (sqlite3_int64)conflicts);
    for (size_t i = 0; i < kind->field_count; i++)
        bind_value(st, (int)i + 4, &values[i]);
    return store_run(s, st, err);
}

int ward_store_delete_plain(struct ward_store *s, uint32_t sid, const struct ward_kind_def *kind, const struct ward_id *entity,
                            struct ward_error *err)
{
    struct plain *p = find(s, kind, err);
    sqlite3_stmt *st = p ? del_of(s, p, err) : NULL;
    if (!st)
        return s->code;
    sqlite3_reset(st);
    bind_id(st, 1, entity);
    sqlite3_bind_int64(st, 2, sid);
    return store_run(s, st, err);
}

static struct ward_value column_value(sqlite3_stmt *st, int i, struct ward_buf *buf)
{
    struct ward_value v = ward_value_null();
    int type = sqlite3_column_type(st, i);
    if (type == SQLITE_INTEGER)
        return ward_value_int(sqlite3_column_int64(st, i));
    if (type == SQLITE_NULL)
        return v;
    v.type = type == SQLITE_TEXT ? WARD_TEXT : WARD_BYTES;
    v.p = sqlite3_column_blob(st, i);
    v.len = (size_t)sqlite3_column_bytes(st, i);
    ward_buf_add(buf, v.p, v.len);
    return v;
}

int ward_store_get_plain(struct ward_store *s, uint32_t sid, const struct ward_kind_def *kind, const struct ward_id *entity,
                         struct ward_value *values, struct ward_buf *buf, struct ward_error *err)
{
    struct plain *p = find(s, kind, err);
    sqlite3_stmt *st = p ? get_of(s, p, err) : NULL;
    if (!st)
        return s->code;
    sqlite3_reset(st);
    bind_id(st, 1, entity);
    sqlite3_bind_int64(st, 2, sid);
    int rc = sqlite3_step(st);
    ward_buf_clear(buf);
    ward_buf_room(buf, 1); /* to point into, where all texts are empty */
    for (size_t i = 0; rc == SQLITE_ROW && i < kind->field_count; i++)
        values[i] = column_value(st, (int)i + 1, buf);
    size_t at = 0; /* the buffer may have moved while it grew */
    for (size_t i = 0; rc == SQLITE_ROW && !ward_buf_status(buf) && i < kind->field_count; i++)
        if (values[i].type == WARD_TEXT || values[i].type == WARD_BYTES) {
            values[i].p = buf->p + at;
            at += values[i].len;
        }
    int code = rc == SQLITE_ROW    ? ward_buf_status(buf)
               : rc == SQLITE_DONE ? ward_fail(err, WARD_ERR_NOT_FOUND, "%s", kind->name)
                                   : store_fail(s, rc, err, "plain");
    sqlite3_reset(st);
    return code == WARD_ERR_MEMORY ? ward_fail(err, code, "plain") : code;
}

int ward_store_count_plain(struct ward_store *s, const struct ward_kind_def *kind, uint64_t *out, struct ward_error *err)
{
    sqlite3_str *sql = sqlite3_str_new(s->db);
    sqlite3_stmt *st = NULL;
    sqlite3_str_appendf(sql, "SELECT count(*) FROM \"%w\"", kind->name);
    int rc = prepare_str(s, sql, &st, err);
    if (rc)
        return rc;
    int step = sqlite3_step(st);
    if (step == SQLITE_ROW)
        *out = (uint64_t)sqlite3_column_int64(st, 0);
    else
        rc = store_fail(s, step, err, "plain");
    sqlite3_finalize(st);
    return rc;
}
