/* world.h - a small ward on disks of memory: device i lives in /dI/home. Device 0 is the one that faults befall; the others never fail.
 *
 * Wall clocks stand still within a step and randomness is seeded by it, so that a step done again writes the same bytes.
 */
#ifndef WARD_FAULTS_WORLD_H
#define WARD_FAULTS_WORLD_H

#include "disk.h"
#include "wardsync.h"

#define DEVICES 3

enum {
    KIND_ITEM = 100,
    KIND_OTHER = 101,
    TITLE = WARD_FIELD(WARD_OPEN, 1),
    NOTE = WARD_FIELD(WARD_OPEN, 2),
    TAGS = WARD_FIELD(WARD_MEMBER, 6),
    COUNTED = WARD_FIELD(WARD_TALLY, 7),
    NAME = WARD_FIELD(WARD_OPEN, 1)
};
extern const struct ward_schema full_schema;
extern const struct ward_schema small_schema; /* what an older program knew */

struct device {
    ward_replica *r; /* NULL while closed */
    struct disk *disk;
    struct disk_image *base; /* as set-up left the disk */
    struct ward_env env;
    struct ward_options options;
    char home[32];
    struct ward_hash grant;
    struct ward_id unit;
    enum ward_role role;
    uint64_t dice;
    int64_t wall_ms, mono_ms;
    int64_t live; /* allocations not given back */
};

struct world {
    struct device d[DEVICES];
    const struct ward_schema *schema; /* of device 0: full_schema unless set-up says otherwise */
    int attempt;                      /* how often the work was begun again */
    bool hot;                         /* the base is taken while device 0 is open: its log is as long as it has become */
    struct ward_hash seen;            /* digest of what a step has read */
    char code[WARD_INVITE_MAX];
    /* A part of a step is durable. */
    void (*on_part)(void *ctx);
    void *ctx;
};

void world_open(struct world *w);
void world_close(struct world *w);
void world_keep(struct world *w);    /* closes all: the disks as they are now become the base */
void world_restore(struct world *w); /* all closed: back to the base */
void world_seed(struct world *w, int step);
void world_part(struct world *w);
ward_event_fn world_on_event; /* for what is done in batches: each may have been a part; ctx: the world */

int device_open(struct world *w, size_t i, struct ward_error *err);
void device_close(struct world *w, size_t i);

/* For set-up, and for what never fails: stops the program. */
void must(int rc, const struct ward_error *err, const char *what);
void set_up_found(struct world *w, size_t i, char unit);
/* A device with keys of its own, granted by device `by`; it holds what `by` may tell it. */
void set_up_admit(struct world *w, size_t i, size_t by, char unit, enum ward_role role);
/* An operator's device 0, cells 1 and 2 of units a and b. */
void set_up_ward(struct world *w);
/* The same, and a few records of each. */
void set_up_records(struct world *w);
/* By a bundle that lies on disk 1. The part of devices 1 and 2 never fails. */
int carry(struct world *w, size_t from, size_t to, struct ward_bundle_info *info, struct ward_error *err);
void must_carry(struct world *w, size_t from, size_t to);
void must_write(struct world *w, size_t i, const char *units, uint8_t number, const char *title);

/* The next run of what device `to` lacks of device `from`, *got false if there is none; and taking it in. */
struct ward_buf;
void next_run(struct world *w, size_t from, size_t to, struct ward_buf *frame, bool *got);
int take_run(struct world *w, size_t to, const struct ward_buf *frame, struct ward_error *err);

struct ward_id unit_id(char letter);
struct ward_id item_id(uint8_t number);
int space_of(struct world *w, size_t i, const char *units, struct ward_hash *out, struct ward_error *err);
/* Title, a tag and a count of an item into the space of these units, in a transaction under way. */
int put_item(struct world *w, size_t i, ward_txn *t, const char *units, uint8_t number, const char *title, struct ward_error *err);
int write_item(struct world *w, size_t i, const char *units, uint8_t number, const char *title, struct ward_error *err);

#endif
