/* store_sql.h - shared by the store's files: the connection, its statements, and how SQLite's words become ours. */
#ifndef WARD_STORE_SQL_H
#define WARD_STORE_SQL_H

#include "shell/pack.h"
#include "shell/platform.h"
#include "shell/store.h"

#include <sqlite3.h>

enum sql {
    SQL_LOOK, /* a transaction for reading alone, and its end */
    SQL_LOOKED,
    SQL_BEGIN,
    SQL_ROLLBACK,
    SQL_META_GET,
    SQL_META_PUT,
    SQL_META_DROP,
    SQL_STAMP,
    SQL_SPACES,
    SQL_SPACE_PUT,
    SQL_FEEDS,
    SQL_FEEDS_1, /* of a file of format 1 */
    SQL_FEED_PUT,
    SQL_FEED_MOVE,
    SQL_FEED_VV,
    SQL_GRANTS,
    SQL_GRANT_ADD,
    SQL_CUTS,
    SQL_CUT_PUT,
    SQL_SEGMENT_ADD,
    SQL_SEGMENT_NEXT,
    SQL_SEGMENT_NEXT_HEAD,
    SQL_SEGMENT_PRIOR,
    SQL_SEGMENTS_OF,
    SQL_SEGMENTS_BACK,
    SQL_SEGMENTS_BETWEEN,
    SQL_SEGMENT_FIND,
    SQL_SEGMENT_AFTER,
    SQL_SEGMENT_CUT,
    SQL_SEGMENT_MOVE,
    SQL_SEGMENT_PUT_BACK,
    SQL_SEGMENT_SHORTEN,
    SQL_GRANT_FORGET,
    SQL_CUT_FORGET,
    SQL_FLOORS,
    SQL_FLOOR_PUT,
    SQL_FLOOR_FORGET,
    SQL_PUBLISHED,
    SQL_PUBLISHED_PUT,
    SQL_WAITING_ADD,
    SQL_WAITING_NEXT,
    SQL_WAITING_DROP,
    SQL_WAITING_COUNT,
    SQL_SEGMENT_LAST,
    SQL_BACKFILL_ADD,
    SQL_BACKFILL_LAST,
    SQL_BACKFILL_FIND,
    SQL_BACKFILL_NEXT,
    SQL_BACKFILL_DROP,
    SQL_SEGMENT_DROP,
    SQL_BASE_LACKS,
    SQL_BASES_LACKING,
    SQL_SEGMENT_UPTO,
    SQL_SEGMENT_FRONT,
    SQL_BASE_PUT,
    SQL_BASE_GET,
    SQL_BASE_COUNT,
    SQL_BASE_CLEAR,
    SQL_BASE_ADOPT,
    SQL_BASE_FEED_PUT,
    SQL_BASE_FEED_GET,
    SQL_BASE_FEED_DROP,
    SQL_SEGMENT_WEIGH,
    SQL_RECORD_GET,
    SQL_RECORD_PUT,
    SQL_RECORD_RANGE,
    SQL_RECORD_SPACE,
    SQL_RECORD_SPACES,
    SQL_RECORD_CLEAR,
    SQL_ENTRY_PUT,
    SQL_ENTRY_DROP,
    SQL_ENTRY_GET,
    SQL_ENTRIES,
    SQL_ENTRIES_BACKWARD,
    SQL_ENTRY_COUNT,
    SQL_CONFLICT_PUT,
    SQL_CONFLICT_CLEAR,
    SQL_CONFLICT_CLEAR_SPACE,
    SQL_CONFLICTS,
    SQL_CONFLICT_COUNT,
    SQL_PEER_PUT,
    SQL_PEER_GET,
    SQL_PEERS,
    SQL_RECEIPT_ADD,
    SQL_RECEIPTS,
    SQL_RECEIPT_THIN,
    SQL_RECEIPTED_PUT,
    SQL_RECEIPTED,
    SQL_RECEIPTED_DROP,
    SQL_COUNT
};

/* Statements of one plain table. */
struct plain {
    const struct ward_kind_def *kind;
    sqlite3_stmt *put, *del, *get;
};

struct ward_store {
    const struct ward_env *env;
    const struct ward_schema *schema;
    sqlite3 *db;
    sqlite3_stmt *stmts[SQL_COUNT];
    struct plain *plains;
    size_t plain_count;
    struct ward_lock lock;
    bool read_only, in_transaction, broken;
    bool plain_stale, plain_renewed; /* renewed: within this transaction */
    unsigned looks;                  /* nested */
    bool look_open;                  /* SQLite is in a transaction for them */
    bool loose;                      /* commits do not wait for the disk */
    int wal_frames;                  /* not checkpointed yet */
    bool wal_left; /* the log holds what this connection wrote, checkpointed or not: whoever opens the file next reads through it */
    int format;    /* of the file: its user_version */
    int code;      /* of the last failure, for those that return a pointer */
    struct ward_buf scratch;
    struct ward_packer packer;
};

/* Our code for one of SQLite's (extended) and, where a file could not be opened, the system's; and for a connection's last error. */
int store_code_of(int extended, int number);
int store_code_in(sqlite3 *db, int rc);
/* A file that nobody writes to: no lock is taken and nothing is made beside it. */
int store_open_frozen(struct ward_store *s, const char *path, const char *vfs, struct ward_error *err);
/* Who wrote the file, and in which version. *laid_out: it has tables. */
int store_identify(struct ward_store *s, bool create, bool *laid_out, struct ward_error *err);

/* Sets err from SQLite's last error; returns the code. */
int store_fail(struct ward_store *s, int rc, struct ward_error *err, const char *what);
/* The statement, reset and ready to bind; NULL with err and s->code set. */
sqlite3_stmt *store_stmt(struct ward_store *s, enum sql which, struct ward_error *err);
/* Runs a statement that gives no rows; the second one that has nothing to bind. */
int store_run(struct ward_store *s, sqlite3_stmt *st, struct ward_error *err);
int store_do(struct ward_store *s, enum sql which, struct ward_error *err);
int store_exec(struct ward_store *s, const char *sql, struct ward_error *err);
int store_pragma_int(struct ward_store *s, const char *sql, int64_t *out, struct ward_error *err); /* any statement that gives one number */
void store_settle_log(struct ward_store *s); /* what SQLite's log holds goes to the database, if nobody else writes */
int store_end_stale_look(struct ward_store *s, struct ward_error *err);
const char *store_sql(enum sql which);
int store_create(struct ward_store *s, struct ward_error *err);
int store_move_front(struct ward_store *s, const struct ward_segment *seg, struct ward_error *err); /* of the segment: where it begins */
int store_add_format_2(struct ward_store *s, struct ward_error *err);                               /* to format 1 */
int store_add_format_3(struct ward_store *s, struct ward_error *err);                               /* to format 2 */
int store_index_renew(struct ward_store *s, struct ward_error *err);                                /* an empty one */
int store_plain_prepare(struct ward_store *s, struct ward_error *err);
int store_load_lacks(struct ward_store *s, struct ward_directory *d, struct ward_error *err); /* which spaces want their history */
int store_load_published(struct ward_store *s, struct ward_directory *d, struct ward_error *err);
void store_plain_finalize(struct ward_store *s);

static inline void bind_hash(sqlite3_stmt *st, int i, const struct ward_hash *h)
{
    sqlite3_bind_blob(st, i, h->b, sizeof h->b, SQLITE_STATIC);
}
static inline void bind_id(sqlite3_stmt *st, int i, const struct ward_id *id)
{
    sqlite3_bind_blob(st, i, id->b, sizeof id->b, SQLITE_STATIC);
}
/* A blob column of exactly len bytes; false if it is not. */
bool column_exact(sqlite3_stmt *st, int i, void *out, size_t len);

#endif
