/* records.h - the records that one write transaction has in hand: each is read once, changed in memory, and written once, with all that is
 * shown of it: its plain row, its conflicts, its places in the indexes.
 */
#ifndef WARD_RECORDS_H
#define WARD_RECORDS_H

#include "base/arena.h"
#include "rules/index.h"
#include "rules/slot.h"

/* One of them; valid until they are forgotten. */
struct ward_held {
    struct ward_held *next, *next_dirty;
    uint32_t sid, kind;
    struct ward_id entity;
    struct ward_state state;
    size_t conflicts;                  /* as stored */
    struct ward_index_entries entries; /* as stored; known while it is dirty */
    bool stored, dirty;
};

#define WARD_RECORDS_BYTES (3u << 19) /* held before they are written out: of a busy hub's memory this is what grows with its batches */

struct ward_records {
    ward_replica *r;
    struct ward_arena arena;
    struct ward_held **buckets;
    size_t bucket_count, count;
    struct ward_held *dirty;
    size_t dirty_count;
    struct ward_value *row; /* where a plain row is put together: one after another */
    size_t row_cap;
    size_t conflicts_new;
};

/* WARD_ERR_MEMORY. */
int ward_records_init(struct ward_records *rs, ward_replica *r, struct ward_error *err);
void ward_records_free(struct ward_records *rs);
/* The record as it stands within this transaction; one that is not there yet is empty, neither stored nor dirty. */
int ward_records_find(struct ward_records *rs, uint32_t sid, uint32_t kind, const struct ward_id *entity, struct ward_held **out,
                      struct ward_error *err);
/* To be called before its state is changed. */
int ward_records_touch(struct ward_records *rs, struct ward_held *held, struct ward_error *err);
/* Writes out what is dirty. */
int ward_records_write(struct ward_records *rs, struct ward_error *err);
/* Lets go of all, written or not. */
int ward_records_forget(struct ward_records *rs, struct ward_error *err);
/* Both, where more memory is held than one transaction may. */
int ward_records_bound(struct ward_records *rs, struct ward_error *err);
/* Shows every record of a space anew. */
int ward_records_reshow(struct ward_records *rs, uint32_t sid, struct ward_error *err);
/* Takes every record of a space out of the indexes, since it is about to be cleared. */
int ward_records_unindex(struct ward_records *rs, uint32_t sid, struct ward_error *err);

#endif
