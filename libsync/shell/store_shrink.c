/* store_shrink.c - gives pages that hold nothing any more back to the disk.
 *
 * SQLite keeps a free page for what comes next, and a file never becomes smaller by itself. VACUUM would write all of it anew: beside the
 * file that takes its size twice over on the disk, which who compacts may not have, and every writer waits until it is done. So new files
 * keep a map of their pages (auto_vacuum=INCREMENTAL: one page of some 800), by which the last pages are moved into free ones before them,
 * a few at a time, each time in an ordinary transaction: others write in between, and the power may go at any point. What that costs is
 * that neighbours in a table come to lie apart; who compacts once a year reads little of what was moved. A file that was made without the
 * map keeps its size; what is free in it is used again.
 */
#include "shell/store_sql.h"

#include <stdio.h>

#define STEP_PAGES  256 /* moved in one transaction */
#define INCREMENTAL 2   /* PRAGMA auto_vacuum */

bool ward_store_may_shrink(struct ward_store *s)
{
    int64_t mode = 0;
    return store_pragma_int(s, "PRAGMA auto_vacuum", &mode, NULL) == WARD_OK && mode == INCREMENTAL;
}

static int take_step(struct ward_store *s, int64_t *pages, struct ward_error *err)
{
    char sql[64];
    int64_t before, after = 0;
    int rc = ward_store_begin(s, err);
    if (rc)
        return rc;
    snprintf(sql, sizeof sql, "PRAGMA incremental_vacuum(%d)", STEP_PAGES);
    rc = store_pragma_int(s, "PRAGMA page_count", &before, err);
    if (!rc)
        rc = store_exec(s, sql, err);
    if (!rc)
        rc = store_pragma_int(s, "PRAGMA page_count", &after, err);
    if (!rc)
        rc = ward_store_commit(s, err);
    else
        ward_store_rollback(s);
    *pages = rc ? 0 : before - after;
    return rc;
}

int ward_store_shrink(struct ward_store *s, uint64_t *bytes, struct ward_error *err)
{
    int64_t pages = 1, size = 0;
    *bytes = 0;
    if (!ward_store_may_shrink(s))
        return WARD_OK;
    int rc = store_pragma_int(s, "PRAGMA page_size", &size, err);
    while (!rc && pages > 0) {
        rc = take_step(s, &pages, err);
        *bytes += (uint64_t)(pages * size);
    }
    if (*bytes)
        store_settle_log(s); /* the file ends where it should when the log's pages have gone there */
    return rc;
}
