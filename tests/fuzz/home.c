/* A damaged home: cells of the database replaced by what fits their type and says something else, bits of its file turned, the key file
 * bent. Whatever stands there, each call does its work or says what is wrong; none breaks, none calls it a fault of the program. */
#include "disk.h"
#include "shape.h"
#include "ward.h"

#include <sqlite3.h>

#define CELL_MAX 8192

static const struct table {
    const char *name, *key, *columns[13];
} tables[] = {
    {"ward_meta", "key", {"value"}},
    {"ward_space", "sid", {"id", "circle", "digest", "changes", "sid"}},
    {"ward_feed",
     "fid",
     {"sid", "id", "grant_id", "unit", "role", "head_seq", "head_hash", "head_depth", "vv", "fid", "parent", "base", "base_hash"}},
    {"ward_grant", "id, fid, seq", {"id", "fid", "seq", "body"}},
    {"ward_cut", "entity, fid, seq", {"entity", "fid", "seq", "depth", "body"}},
    {"ward_segment", "seg", {"fid", "first", "count", "codec", "last_hash", "sig", "data", "seg"}},
    {"ward_record", "sid, kind, entity", {"kind", "entity", "sid", "conflicts", "state"}},
    {"ward_record", "sid, kind, entity", {"state"}},
    {"ward_conflict", "id", {"id", "sid", "kind", "entity", "field"}},
    {"ward_peer", "grant_id", {"grant_id", "last_contact_ms", "clock_offset_ms", "address", "have"}},
    {"item", "id", {"title", "level", "due", "counted"}},
};
#define TABLES (sizeof tables / sizeof tables[0])

static void bind_other(sqlite3_stmt *to, sqlite3_stmt *from, struct fuzz_input *in)
{
    static uint8_t bytes[CELL_MAX + 512];
    uint8_t how = fuzz_byte(in);
    if (sqlite3_column_type(from, 0) == SQLITE_INTEGER) {
        sqlite3_int64 n = sqlite3_column_int64(from, 0);
        n = how < 64 ? n + 1 : how < 128 ? n - 1 : how < 160 ? 0 : how < 192 ? INT64_MAX : how < 208 ? -1 : (sqlite3_int64)fuzz_uint(in, 4);
        sqlite3_bind_int64(to, 1, n);
        return;
    }
    size_t len = (size_t)sqlite3_column_bytes(from, 0);
    len = len < CELL_MAX ? len : CELL_MAX;
    if (len)
        memcpy(bytes, sqlite3_column_blob(from, 0), len);
    if (how < 128)
        for (unsigned edits = 1 + how % 3; edits > 0; edits--)
            len = shape_bend(bytes, len, sizeof bytes, in);
    else if (how < 192 && len)
        bytes[fuzz_uint(in, 2) % len] ^= (uint8_t)(1u << how % 8);
    else
        len = len ? fuzz_uint(in, 2) % len : 0;
    if (sqlite3_column_type(from, 0) == SQLITE_TEXT)
        sqlite3_bind_text(to, 1, (const char *)bytes, (int)len, SQLITE_STATIC);
    else
        sqlite3_bind_blob(to, 1, len ? bytes : (const uint8_t *)"", (int)len, SQLITE_STATIC);
}

/* What a bit that turned, or a program that is not ours, may have left in a table. */
static void spoil_cell(sqlite3 *db, struct fuzz_input *in)
{
    const struct table *t = &tables[fuzz_byte(in) % TABLES];
    char sql[400];
    size_t columns = 0;
    sqlite3_stmt *from = NULL, *to = NULL;
    while (columns < 13 && t->columns[columns])
        columns++;
    CHECK(columns > 0);
    const char *column = t->columns[fuzz_byte(in) % columns];
    int row = fuzz_byte(in) % 24;
    snprintf(sql, sizeof sql, "SELECT %s FROM %s ORDER BY %s LIMIT 1 OFFSET %d", column, t->name, t->key, row);
    CHECK(sqlite3_prepare_v2(db, sql, -1, &from, NULL) == SQLITE_OK);
    snprintf(sql, sizeof sql, "UPDATE OR IGNORE %s SET %s = ?1 WHERE (%s) = (SELECT %s FROM %s ORDER BY %s LIMIT 1 OFFSET %d)", t->name,
             column, t->key, t->key, t->name, t->key, row);
    CHECK(sqlite3_prepare_v2(db, sql, -1, &to, NULL) == SQLITE_OK);
    if (sqlite3_step(from) == SQLITE_ROW) {
        bind_other(to, from, in);
        sqlite3_reset(from);
        sqlite3_step(to);
    }
    sqlite3_finalize(from);
    sqlite3_finalize(to);
}

/* A file whose bits turned is no database any more that cells could be replaced in. */
static void spoil(struct fuzz_input *in, bool *turned)
{
    struct disk *d = fuzz_device_disk(OFFICE, 0);
    char path[64];
    sqlite3 *db = NULL;
    uint8_t how = fuzz_byte(in);
    if (how >= 224) {
        static uint8_t bytes[1024];
        size_t len;
        snprintf(path, sizeof path, "%s/device.key", fuzz_device_home(OFFICE, 0));
        const uint8_t *p = disk_file(d, path, &len);
        CHECK(p && len < 256);
        memcpy(bytes, p, len);
        len = shape_bend(bytes, len, sizeof bytes, in);
        disk_set_file(d, path, bytes, len, how & 1 ? 0600 : 0644);
        return;
    }
    snprintf(path, sizeof path, "%s/replica.db", fuzz_device_home(OFFICE, 0));
    if (how >= 192) {
        for (unsigned n = how % 4 + 1; n > 0; n--)
            disk_flip(d, path, fuzz_uint(in, 3) % 300000, fuzz_byte(in));
        *turned = true;
    }
    if (*turned)
        return;
    CHECK(sqlite3_open_v2(path, &db, SQLITE_OPEN_READWRITE, DISK_VFS) == SQLITE_OK);
    for (unsigned n = how % 4 + 1; n > 0; n--)
        spoil_cell(db, in);
    sqlite3_close(db);
}

/* ---- everything that is done with a replica */

static int fine(int rc)
{
    CHECK(rc != WARD_ERR_INTERNAL && rc != WARD_ERR_MEMORY && rc != WARD_ERR_BUSY);
    return rc;
}

static int see_record(void *ctx, const ward_record *rec)
{
    struct ward_live live;
    (void)ctx;
    for (size_t i = 0; i < fuzz_schema.kinds[0].field_count; i++) {
        uint32_t field = fuzz_schema.kinds[0].fields[i].number;
        if ((field & 3u) == WARD_MEMBER) {
            ward_record_member_count(rec, field);
            continue;
        }
        ward_record_value(rec, field);
        ward_record_is_provisional(rec, field);
        for (size_t j = 0; j < ward_record_live_count(rec, field); j++)
            fine(ward_record_live(rec, field, j, &live, NULL));
    }
    return 0;
}

static int see_space(void *ctx, const struct ward_space_info *space)
{
    struct ward_hash digest;
    fine(ward_state_digest(ctx, &space->id, &digest, NULL));
    return 0;
}

static int see_change(void *ctx, const struct ward_change_info *change, const struct ward_op_info *ops, size_t op_count)
{
    (void)ctx, (void)change, (void)ops, (void)op_count;
    return 0;
}

static int see_conflict(void *ctx, const struct ward_conflict *conflict)
{
    (void)ctx, (void)conflict;
    return 0;
}

static int see_device(void *ctx, const struct ward_device *device)
{
    (void)ctx, (void)device;
    return 0;
}

static void see_bad(void *ctx, const struct ward_bad *bad)
{
    (void)ctx;
    CHECK(bad->what && bad->what[0]);
}

static void read_all(ward_replica *r)
{
    struct ward_self self;
    struct ward_status status;
    struct ward_verify_result seen;
    struct ward_id id = fuzz_entity(3);
    ward_record *rec;
    size_t n;
    fine(ward_self(r, &self, NULL));
    fine(ward_status(r, &status, NULL));
    fine(ward_spaces(r, see_space, r, NULL));
    fine(ward_each(r, KIND_ITEM, see_record, NULL, NULL));
    if (fine(ward_get(r, KIND_ITEM, &id, true, &rec, NULL)) == WARD_OK) {
        see_record(NULL, rec);
        ward_record_free(rec);
    }
    fine(ward_find_prefix(r, KIND_ITEM, "019e", &id, NULL));
    fine(ward_history(r, NULL, see_change, NULL, NULL));
    fine(ward_conflicts(r, see_conflict, NULL, NULL));
    fine(ward_conflict_count(r, &n, NULL));
    fine(ward_devices(r, see_device, NULL, NULL));
    fine(ward_verify(r, true, see_bad, NULL, NULL, &seen, NULL));
    fine(ward_backup(r, "/d00/copy.db", NULL));
}

static void write_one(ward_replica *r, int space, uint8_t entity, uint32_t field, int64_t n)
{
    struct ward_value v = ward_value_int(n);
    struct ward_id id = fuzz_entity(entity);
    ward_txn *t;
    if (fine(ward_begin(r, &t, NULL)))
        return;
    if (fine(ward_put(t, &the_ward.spaces[space], KIND_ITEM, &id, field, NULL, 0, &v, NULL)))
        ward_abort(t);
    else
        fine(ward_commit(t, NULL, NULL));
}

static void write_all(ward_replica *r)
{
    struct ward_bundle_options options = {.for_grant = &the_ward.d[CELL_A].grant};
    struct ward_bundle_info info;
    char code[WARD_INVITE_MAX];
    write_one(r, SPACE_BOTH, 3, DUE, 1);
    write_one(r, SPACE_A, 2, LEVEL, 9);
    write_one(r, SPACE_WARD, 1, COUNTED, 2);
    fine(ward_bundle_write(r, "/d00/out.bundle", &options, &info, NULL));
    options.since_last = true;
    fine(ward_bundle_write(r, "/d00/more.bundle", &options, &info, NULL));
    fine(ward_bundle_read(r, "/d00/out.bundle", NULL, NULL, &info, NULL));
    fine(ward_invite(r, &the_ward.d[CELL_A].unit, WARD_ROLE_CELL, NULL, 0, 1000, code, sizeof code, NULL));
    fine(ward_revoke(r, &the_ward.d[CELL_B].grant, "lost", NULL));
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t len)
{
    struct fuzz_input in = {p, len};
    struct ward_error err = {0};
    ward_replica *r = fuzz_device_open(OFFICE, 0);
    bool turned = false;
    ward_close(r);
    for (size_t n = 0; n < 4 && in.len > 0; n++)
        spoil(&in, &turned);
    for (size_t n = 0; n < 2; n++) { /* twice: what writing did to it is read again */
        int rc = fine(ward_open(&r, fuzz_device_home(OFFICE, 0), fuzz_options(), &err));
        CHECK(rc == WARD_OK || (rc == err.code && rc >= 200));
        if (rc)
            return 0;
        read_all(r);
        if (n == 0)
            write_all(r);
        ward_close(r);
    }
    return 0;
}
