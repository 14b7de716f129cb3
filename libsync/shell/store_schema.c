/* store_schema.c - the tables and every statement over them. A change here raises USER_VERSION (store.c) and
 * adds a step to the migration: `tables` is format 1 but for the feeds, `tables_2` and `tables_3` what formats 2 and 3 added to it. A new
 * file is made in the last format at once, and holds what a migrated one holds (test_versions). */
#include "shell/store_sql.h"

#define FEED_COLUMNS_1 "fid, sid, id, grant_id, unit, role, head_seq, head_hash, head_depth, vv"
/* A feed may have branches: rows with its id and a number of their own, that leave the chain of row `parent` after seq `base`. Format 1 had
 * none, and its table ended with vv, and with UNIQUE at id. */
#define FEED_TABLE(name)                                                                                                                   \
    "CREATE TABLE " name "(fid INTEGER PRIMARY KEY, sid INTEGER NOT NULL, id BLOB NOT NULL, grant_id BLOB NOT NULL, unit BLOB NOT NULL,"   \
    " role INTEGER NOT NULL, head_seq INTEGER NOT NULL, head_hash BLOB NOT NULL, head_depth INTEGER NOT NULL, vv BLOB NOT NULL,"           \
    " parent INTEGER NOT NULL DEFAULT 0, base INTEGER NOT NULL DEFAULT 0, base_hash BLOB NOT NULL DEFAULT x'') STRICT;"
#define FEED_INDEX "CREATE UNIQUE INDEX ward_feed_by_id ON ward_feed(id) WHERE parent = 0;"

static const char tables[] =
    "CREATE TABLE ward_meta(key TEXT PRIMARY KEY, value BLOB NOT NULL) STRICT, WITHOUT ROWID;"
    "CREATE TABLE ward_space(sid INTEGER PRIMARY KEY, id BLOB NOT NULL UNIQUE, circle BLOB NOT NULL, digest BLOB NOT NULL,"
    " changes INTEGER NOT NULL) STRICT;"
    /* What operators wrote; which of it counts is decided when it is loaded. */
    "CREATE TABLE ward_grant(id BLOB NOT NULL, fid INTEGER NOT NULL, seq INTEGER NOT NULL, body BLOB NOT NULL, PRIMARY KEY(id, fid, seq))"
    " STRICT, WITHOUT ROWID;"
    "CREATE TABLE ward_cut(entity BLOB NOT NULL, fid INTEGER NOT NULL, seq INTEGER NOT NULL, depth INTEGER NOT NULL, body BLOB NOT NULL,"
    " PRIMARY KEY(entity, fid, seq)) STRICT, WITHOUT ROWID;"
    /* The log: a row per sealed run as it came or was committed, in order of arrival. AUTOINCREMENT: numbers are never reused. */
    "CREATE TABLE ward_segment(seg INTEGER PRIMARY KEY AUTOINCREMENT, fid INTEGER NOT NULL, first INTEGER NOT NULL, count INTEGER NOT NULL,"
    " codec INTEGER NOT NULL, last_hash BLOB NOT NULL, sig BLOB NOT NULL, data BLOB NOT NULL) STRICT;"
    "CREATE UNIQUE INDEX ward_segment_by_feed ON ward_segment(fid, first);"
    /* By space first: what one device sends lies together, so that taking it in touches few pages. */
    "CREATE TABLE ward_record(kind INTEGER NOT NULL, entity BLOB NOT NULL, sid INTEGER NOT NULL, conflicts INTEGER NOT NULL, state BLOB "
    "NOT NULL,"
    " PRIMARY KEY(sid, kind, entity)) STRICT, WITHOUT ROWID;"
    "CREATE INDEX ward_record_by_entity ON ward_record(kind, entity);"
    "CREATE TABLE ward_conflict(id BLOB PRIMARY KEY, sid INTEGER NOT NULL, kind INTEGER NOT NULL, entity BLOB NOT NULL, field INTEGER NOT "
    "NULL)"
    " STRICT, WITHOUT ROWID;"
    "CREATE TABLE ward_peer(grant_id BLOB PRIMARY KEY, last_contact_ms INTEGER NOT NULL, clock_offset_ms INTEGER NOT NULL,"
    " address TEXT NOT NULL, have BLOB NOT NULL) STRICT, WITHOUT ROWID;";

/* What format 2 has besides. A file of format 1 gets it when it is first opened for writing (migrate), in one transaction; one that
 * is only read goes without, so whoever reads these asks for the format before (store_receipt.c). */
static const char tables_2[] =
    /* What hubs have sealed of this device's own feeds, just as signed; the newest per feed and hub beside it, and what the hub showed when
     * it held less (held) or another history (rewritten) at the last meeting. */
    "CREATE TABLE ward_receipt(number INTEGER PRIMARY KEY AUTOINCREMENT, grant_id BLOB NOT NULL, wall_ms INTEGER NOT NULL,"
    " came_ms INTEGER NOT NULL, against INTEGER NOT NULL, heads BLOB NOT NULL, sig BLOB NOT NULL) STRICT;"
    "CREATE INDEX ward_receipt_by_grant ON ward_receipt(grant_id, number);"
    "CREATE TABLE ward_receipted(grant_id BLOB NOT NULL, fid INTEGER NOT NULL, seq INTEGER NOT NULL, wall_ms INTEGER NOT NULL,"
    " number INTEGER NOT NULL, held INTEGER NOT NULL, rewritten INTEGER NOT NULL, noticed_ms INTEGER NOT NULL,"
    " PRIMARY KEY(grant_id, fid)) STRICT, WITHOUT ROWID;"
    /* How far own feeds were handed to others. */
    "CREATE TABLE ward_published(fid INTEGER PRIMARY KEY, seq INTEGER NOT NULL) STRICT;"
    /* Withdrawn changes, prepared to be written anew (replica/late.h). */
    "CREATE TABLE ward_waiting(number INTEGER PRIMARY KEY AUTOINCREMENT, space BLOB NOT NULL, body BLOB NOT NULL) STRICT;";

/* The feeds of a file of format 1; they may have been handed to others as far as it holds them. */
static const char fill_2[] =
    FEED_TABLE("ward_feed_2") "INSERT INTO ward_feed_2(" FEED_COLUMNS_1 ") SELECT " FEED_COLUMNS_1 " FROM ward_feed;"
                              "DROP TABLE ward_feed; ALTER TABLE ward_feed_2 RENAME TO ward_feed;" FEED_INDEX
                              "INSERT INTO ward_published(fid, seq) SELECT fid, head_seq FROM ward_feed;";

/* What format 3 has besides. A file of format 2 or less that is only read has none of it. */
static const char tables_3[] =
    /* Of a space whose history is not held here, the state that it had come to (replica/base.h), as it was sealed. Rows
     * by space and number: 0 the head, behind its signature; then the parts. staged: not all of it has come yet. */
    "CREATE TABLE ward_base(space BLOB NOT NULL, staged INTEGER NOT NULL, number INTEGER NOT NULL, codec INTEGER NOT NULL,"
    " data BLOB NOT NULL, PRIMARY KEY(space, staged, number)) STRICT;"
    "CREATE TABLE ward_base_feed(fid INTEGER PRIMARY KEY, depth INTEGER NOT NULL, vv BLOB NOT NULL) STRICT;"
    /* History below a base, as it comes, until all of it is there (replica/backfill.h). */
    "CREATE TABLE ward_backfill(number INTEGER PRIMARY KEY AUTOINCREMENT, fid INTEGER NOT NULL, first INTEGER NOT NULL, count INTEGER NOT "
    "NULL,"
    " codec INTEGER NOT NULL, last_hash BLOB NOT NULL, sig BLOB NOT NULL, data BLOB NOT NULL) STRICT;"
    "CREATE INDEX ward_backfill_by_feed ON ward_backfill(fid, number);"
    /* What operators and hubs have proposed to settle of spaces, and closed (rules/floor.h): an operation of a change of feed fid each. */
    "CREATE TABLE ward_floor(fid INTEGER NOT NULL, seq INTEGER NOT NULL, nth INTEGER NOT NULL, space BLOB NOT NULL, body BLOB NOT NULL,"
    " depth INTEGER NOT NULL, closes INTEGER NOT NULL, PRIMARY KEY(fid, seq, nth)) STRICT, WITHOUT ROWID;";

#define SEGMENT_COLUMNS   "seg, fid, first, count, codec, last_hash, sig"
#define BACKFILL_COLUMNS  "number, fid, first, count, codec, last_hash, sig"
#define PEER_COLUMNS      "grant_id, last_contact_ms, clock_offset_ms, address, have"
#define RECEIPTED_COLUMNS "grant_id, fid, seq, wall_ms, number, held, rewritten, noticed_ms"

static const char *const statements[SQL_COUNT] = {
    [SQL_LOOK] = "BEGIN",
    [SQL_LOOKED] = "COMMIT",
    [SQL_BEGIN] = "BEGIN IMMEDIATE",
    [SQL_ROLLBACK] = "ROLLBACK",
    [SQL_META_GET] = "SELECT value FROM ward_meta WHERE key = ?1",
    [SQL_META_DROP] = "DELETE FROM ward_meta WHERE key = ?1",
    [SQL_META_PUT] = "INSERT INTO ward_meta(key, value) VALUES(?1, ?2) ON CONFLICT DO UPDATE SET value = ?2",
    [SQL_STAMP] = "PRAGMA data_version",
    [SQL_SPACES] = "SELECT sid, id, circle, digest, changes FROM ward_space ORDER BY sid",
    [SQL_SPACE_PUT] = "INSERT INTO ward_space(sid, id, circle, digest, changes) VALUES(?1, ?2, ?3, ?4, ?5)"
                      " ON CONFLICT DO UPDATE SET digest = ?4, changes = ?5",
    [SQL_FEEDS] = "SELECT " FEED_COLUMNS_1 ", parent, base, base_hash FROM ward_feed ORDER BY fid",
    [SQL_FEEDS_1] = "SELECT " FEED_COLUMNS_1 ", 0, 0, x'' FROM ward_feed ORDER BY fid",
    [SQL_FEED_PUT] = "INSERT INTO ward_feed(" FEED_COLUMNS_1 ", parent, base, base_hash)"
                     " VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13) ON CONFLICT(fid) DO UPDATE SET"
                     " head_seq = ?7, head_hash = ?8, head_depth = ?9, vv = ?10, parent = ?11, base = ?12, base_hash = ?13",
    /* What moves with each change. Apart from the rest: a statement that may move the others makes their index anew, a page a commit. */
    [SQL_FEED_MOVE] = "UPDATE ward_feed SET head_seq = ?2, head_hash = ?3, head_depth = ?4, vv = ?5"
                      " WHERE fid = ?1 AND parent = ?6 AND base = ?7 AND base_hash = ?8",
    [SQL_FEED_VV] = "SELECT vv FROM ward_feed WHERE fid = ?1",
    [SQL_GRANTS] = "SELECT id, fid, seq, body FROM ward_grant ORDER BY id, fid, seq",
    [SQL_GRANT_ADD] = "INSERT OR IGNORE INTO ward_grant(id, fid, seq, body) VALUES(?1, ?2, ?3, ?4)",
    [SQL_CUTS] = "SELECT entity, fid, seq, depth, body FROM ward_cut ORDER BY entity, fid, seq",
    [SQL_CUT_PUT] = "INSERT INTO ward_cut(entity, fid, seq, depth, body) VALUES(?1, ?2, ?3, ?4, ?5)"
                    " ON CONFLICT DO UPDATE SET body = ?5",
    [SQL_SEGMENT_ADD] = "INSERT INTO ward_segment(fid, first, count, codec, last_hash, sig, data) VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7)",
    [SQL_SEGMENT_NEXT] = "SELECT " SEGMENT_COLUMNS ", data FROM ward_segment WHERE seg > ?1 ORDER BY seg LIMIT 1",
    [SQL_SEGMENT_NEXT_HEAD] = "SELECT " SEGMENT_COLUMNS " FROM ward_segment WHERE seg > ?1 ORDER BY seg LIMIT 1",
    [SQL_SEGMENT_PRIOR] = "SELECT " SEGMENT_COLUMNS ", data FROM ward_segment WHERE seg < ?1 ORDER BY seg DESC LIMIT 1",
    [SQL_SEGMENTS_OF] = "SELECT seg, first FROM ward_segment WHERE fid = ?1 ORDER BY first",
    /* By the index alone, which holds all it asks for: the unary + keeps the number from being what is looked for. */
    [SQL_SEGMENTS_BACK] = "SELECT seg, first FROM ward_segment WHERE fid = ?1 AND +seg <= ?2 ORDER BY first DESC LIMIT ?3",
    [SQL_SEGMENTS_BETWEEN] = "DELETE FROM ward_segment WHERE fid = ?1 AND first >= ?2 AND first < ?3",
    [SQL_SEGMENT_FIND] = "SELECT " SEGMENT_COLUMNS ", data FROM ward_segment WHERE fid = ?1 AND first <= ?2 ORDER BY first DESC LIMIT 1",
    [SQL_SEGMENT_AFTER] = "SELECT " SEGMENT_COLUMNS ", data FROM ward_segment WHERE fid = ?1 AND first > ?2 ORDER BY first LIMIT 1",
    [SQL_SEGMENT_CUT] = "DELETE FROM ward_segment WHERE fid = ?1 AND first > ?2",
    [SQL_SEGMENT_MOVE] = "UPDATE ward_segment SET fid = ?2 WHERE fid = ?1",
    [SQL_SEGMENT_PUT_BACK] = "UPDATE ward_segment SET seg = ?2 WHERE seg = ?1",
    [SQL_SEGMENT_SHORTEN] = "UPDATE ward_segment SET count = ?2, codec = ?3, last_hash = ?4, sig = ?5, data = ?6 WHERE seg = ?1",
    [SQL_GRANT_FORGET] = "DELETE FROM ward_grant WHERE fid = ?1 AND seq > ?2",
    [SQL_CUT_FORGET] = "DELETE FROM ward_cut WHERE fid = ?1 AND seq > ?2",
    [SQL_FLOORS] = "SELECT fid, seq, nth, space, body, depth, closes FROM ward_floor ORDER BY fid, seq, nth",
    [SQL_FLOOR_PUT] = "INSERT OR IGNORE INTO ward_floor(fid, seq, nth, space, body, depth, closes) VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7)",
    [SQL_FLOOR_FORGET] = "DELETE FROM ward_floor WHERE fid = ?1 AND seq > ?2",
    [SQL_PUBLISHED] = "SELECT fid, seq FROM ward_published",
    [SQL_PUBLISHED_PUT] = "INSERT INTO ward_published(fid, seq) VALUES(?1, ?2) ON CONFLICT DO UPDATE SET seq = ?2",
    [SQL_WAITING_ADD] = "INSERT INTO ward_waiting(space, body) VALUES(?1, ?2)",
    [SQL_WAITING_NEXT] = "SELECT number, space, body FROM ward_waiting WHERE number > ?1 ORDER BY number LIMIT 1",
    [SQL_WAITING_DROP] = "DELETE FROM ward_waiting WHERE number = ?1",
    [SQL_WAITING_COUNT] = "SELECT count(*) FROM ward_waiting",
    [SQL_SEGMENT_UPTO] = "DELETE FROM ward_segment WHERE fid = ?1 AND first + count - 1 <= ?2",
    [SQL_SEGMENT_FRONT] = "UPDATE ward_segment SET first = ?2, count = ?3, codec = ?4, data = ?5 WHERE seg = ?1",
    [SQL_BASE_PUT] = "INSERT INTO ward_base(space, staged, number, codec, data) VALUES(?1, ?2, ?3, ?4, ?5)"
                     " ON CONFLICT DO UPDATE SET codec = ?4, data = ?5",
    [SQL_BASE_GET] = "SELECT codec, data FROM ward_base WHERE space = ?1 AND staged = ?2 AND number = ?3",
    [SQL_BASE_COUNT] = "SELECT count(*) FROM ward_base WHERE space = ?1 AND staged = ?2 AND number > 0",
    [SQL_BASE_CLEAR] = "DELETE FROM ward_base WHERE space = ?1 AND staged = ?2",
    [SQL_BASE_ADOPT] = "UPDATE ward_base SET staged = 0 WHERE space = ?1 AND staged = 1",
    [SQL_BASE_FEED_PUT] = "INSERT INTO ward_base_feed(fid, depth, vv) VALUES(?1, ?2, ?3) ON CONFLICT DO UPDATE SET depth = ?2, vv = ?3",
    [SQL_BASE_FEED_GET] = "SELECT depth, vv FROM ward_base_feed WHERE fid = ?1",
    [SQL_BASE_FEED_DROP] = "DELETE FROM ward_base_feed WHERE fid = ?1",
    [SQL_BACKFILL_ADD] = "INSERT INTO ward_backfill(fid, first, count, codec, last_hash, sig, data) VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7)",
    [SQL_BACKFILL_LAST] = "SELECT " BACKFILL_COLUMNS " FROM ward_backfill WHERE fid = ?1 ORDER BY number DESC LIMIT 1",
    [SQL_BACKFILL_FIND] =
        "SELECT " BACKFILL_COLUMNS ", data FROM ward_backfill WHERE fid = ?1 AND first <= ?2 ORDER BY number DESC LIMIT 1",
    [SQL_BACKFILL_NEXT] = "SELECT " BACKFILL_COLUMNS ", data FROM ward_backfill WHERE number > ?1 ORDER BY number LIMIT 1",
    [SQL_BACKFILL_DROP] = "DELETE FROM ward_backfill WHERE fid = ?1",
    [SQL_SEGMENT_DROP] = "DELETE FROM ward_segment WHERE seg = ?1",
    [SQL_SEGMENT_WEIGH] = "SELECT coalesce(sum(count), 0), coalesce(sum(length(data)), 0) FROM ward_segment"
                          " WHERE fid = ?1 AND first <= ?2 AND first + count - 1 <= ?2",
    [SQL_BASE_LACKS] = "UPDATE ward_base SET codec = 1 WHERE space = ?1 AND staged = 0 AND number = 0",
    [SQL_BASES_LACKING] = "SELECT space FROM ward_base WHERE staged = 0 AND number = 0 AND codec = 1",
    [SQL_SEGMENT_LAST] = "SELECT coalesce(max(seg), 0) FROM ward_segment",
    [SQL_RECORD_GET] = "SELECT conflicts, state FROM ward_record WHERE kind = ?1 AND entity = ?2 AND sid = ?3",
    [SQL_RECORD_PUT] = "INSERT INTO ward_record(kind, entity, sid, conflicts, state) VALUES(?1, ?2, ?3, ?4, ?5)"
                       " ON CONFLICT DO UPDATE SET conflicts = ?4, state = ?5",
    [SQL_RECORD_RANGE] = "SELECT sid, kind, entity, conflicts, state FROM ward_record WHERE kind = ?1 AND entity BETWEEN ?2 AND ?3"
                         " ORDER BY entity, sid",
    [SQL_RECORD_SPACE] = "SELECT sid, kind, entity, conflicts, state FROM ward_record WHERE sid = ?1 ORDER BY kind, entity",
    [SQL_RECORD_SPACES] = "SELECT sid FROM ward_record WHERE kind = ?1 AND entity = ?2 ORDER BY sid",
    [SQL_RECORD_CLEAR] = "DELETE FROM ward_record WHERE sid = ?1",
    [SQL_ENTRY_PUT] = "INSERT OR IGNORE INTO ward_index(number, key, entity, sid) VALUES(?1, ?2, ?3, ?4)",
    [SQL_ENTRY_DROP] = "DELETE FROM ward_index WHERE number = ?1 AND key = ?2 AND entity = ?3 AND sid = ?4",
    [SQL_ENTRY_GET] = "SELECT 1 FROM ward_index WHERE number = ?1 AND key = ?2 AND entity = ?3 AND sid = ?4",
    [SQL_ENTRIES] = "SELECT key, entity, sid FROM ward_index WHERE number = ?1 AND key >= ?2 AND key < ?3 ORDER BY key, entity, sid",
    [SQL_ENTRIES_BACKWARD] = "SELECT key, entity, sid FROM ward_index WHERE number = ?1 AND key >= ?2 AND key < ?3"
                             " ORDER BY key DESC, entity DESC, sid DESC",
    [SQL_ENTRY_COUNT] = "SELECT count(*) FROM ward_index WHERE number = ?1 AND key >= ?2 AND key < ?3",
    [SQL_CONFLICT_PUT] = "INSERT OR IGNORE INTO ward_conflict(id, sid, kind, entity, field) VALUES(?1, ?2, ?3, ?4, ?5)",
    [SQL_CONFLICT_CLEAR] = "DELETE FROM ward_conflict WHERE sid = ?1 AND kind = ?2 AND entity = ?3",
    [SQL_CONFLICT_CLEAR_SPACE] = "DELETE FROM ward_conflict WHERE sid = ?1",
    [SQL_CONFLICTS] = "SELECT id, sid, kind, entity, field FROM ward_conflict WHERE id BETWEEN ?1 AND ?2 ORDER BY id",
    [SQL_CONFLICT_COUNT] = "SELECT count(*) FROM ward_conflict",
    [SQL_PEER_PUT] = "INSERT INTO ward_peer(" PEER_COLUMNS ") VALUES(?1, ?2, ?3, ?4, ?5) ON CONFLICT DO UPDATE SET"
                     " last_contact_ms = ?2, clock_offset_ms = ?3, address = ?4, have = ?5",
    [SQL_PEER_GET] = "SELECT " PEER_COLUMNS " FROM ward_peer WHERE grant_id = ?1",
    [SQL_PEERS] = "SELECT " PEER_COLUMNS " FROM ward_peer ORDER BY grant_id",
    [SQL_RECEIPT_ADD] = "INSERT INTO ward_receipt(grant_id, wall_ms, came_ms, against, heads, sig) VALUES(?1, ?2, ?3, ?4, ?5, ?6)",
    [SQL_RECEIPTS] = "SELECT number, grant_id, wall_ms, came_ms, against, heads, sig FROM ward_receipt ORDER BY number",
    [SQL_RECEIPT_THIN] =
        "DELETE FROM ward_receipt WHERE grant_id = ?1 AND number <= (SELECT number FROM ward_receipt WHERE grant_id = ?1"
        " ORDER BY number DESC LIMIT 1 OFFSET ?2) AND number NOT IN (SELECT number FROM ward_receipted WHERE grant_id = ?1)",
    [SQL_RECEIPTED_PUT] = "INSERT INTO ward_receipted(" RECEIPTED_COLUMNS ") VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)"
                          " ON CONFLICT DO UPDATE SET seq = ?3, wall_ms = ?4, number = ?5, held = ?6, rewritten = ?7, noticed_ms = ?8"
                          " WHERE number <= ?5", /* another process may have been given a newer one meanwhile */
    [SQL_RECEIPTED] = "SELECT " RECEIPTED_COLUMNS " FROM ward_receipted ORDER BY grant_id, fid",
    [SQL_RECEIPTED_DROP] = "DELETE FROM ward_receipted WHERE fid = ?1 AND seq > ?2",
};

const char *store_sql(enum sql which)
{
    return statements[which];
}

int store_create(struct ward_store *s, struct ward_error *err)
{
    const char *const parts[] = {tables, FEED_TABLE("ward_feed") FEED_INDEX, tables_2, tables_3};
    int rc = WARD_OK;
    for (size_t i = 0; !rc && i < sizeof parts / sizeof parts[0]; i++)
        rc = store_exec(s, parts[i], err);
    return rc;
}

int store_add_format_2(struct ward_store *s, struct ward_error *err)
{
    int rc = store_exec(s, tables_2, err);
    return rc ? rc : store_exec(s, fill_2, err);
}

int store_add_format_3(struct ward_store *s, struct ward_error *err)
{
    return store_exec(s, tables_3, err);
}
