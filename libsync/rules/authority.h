/* authority.h - who may read and write what: a function of grants, circles and cuts alone. proto/authority.md. */
#ifndef WARD_AUTHORITY_H
#define WARD_AUTHORITY_H

#include "base/buf.h"
#include "wardsync.h"

struct ward_grant {
    struct ward_hash id;
    uint8_t sign_pk[32];
    uint8_t link_pk[32];
    struct ward_id unit;
    enum ward_role role;
    bool effective; /* in a directory: it counts, as judged */
};

/* What each role may; a row of the table in proto/authority.md. */
struct ward_role_rules {
    uint8_t rank;
    bool reads_all;      /* else the ward space and circles its unit is in */
    bool writes_ward;    /* the ward space */
    bool writes_circles; /* circles its unit is in */
    bool writes_all;     /* any circle */
    uint8_t may_grant;   /* bit per role number */
    bool may_cut;
};
/* A role that this version does not know has no more than a cell's rights. */
const struct ward_role_rules *ward_role_rules(enum ward_role role);
const char *ward_role_name(enum ward_role role);

void ward_grant_write(struct ward_buf *out, const struct ward_grant *g);
/* The structure alone, of bytes whose keys were checked when they came in. */
int ward_grant_read(struct ward_grant *out, const void *p, size_t len, struct ward_error *err);
/* Strict; sets id. Keys must be valid points, role one that can be granted. WARD_ERR_2xx, WARD_ERR_VERSION, WARD_ERR_KEY_POINT,
 * WARD_ERR_GRANT_BAD. */
int ward_grant_parse(struct ward_grant *out, const void *p, size_t len, struct ward_error *err);
/* The root's: id is the ward, its key seals the root's feed. */
void ward_grant_of_root(struct ward_grant *out, const struct ward_hash *ward, const uint8_t root_pk[32]);
void ward_grant_entity(struct ward_id *out, const struct ward_hash *grant);

/* circle_count 0: the ward space. */
bool ward_may_read(const struct ward_grant *g, const struct ward_id *circle, size_t circle_count);
bool ward_may_write(const struct ward_grant *g, const struct ward_id *circle, size_t circle_count);
bool ward_may_grant(enum ward_role writer, enum ward_role role);

struct ward_cut_entry {
    struct ward_hash feed;
    uint64_t seq;
    struct ward_hash hash;
};
/* One operation that cuts a grant. */
struct ward_cut {
    uint32_t fid; /* the author's feed */
    uint64_t seq, depth;
    uint8_t rank;
    struct ward_hash author_feed;
    struct ward_hash author_grant;
    struct ward_id grant_entity; /* what is cut */
    const struct ward_cut_entry *entries;
    size_t entry_count;
    bool effective; /* it counts: decided by ward_directory_judge */
};
void ward_cut_write(struct ward_buf *out, const struct ward_cut_entry *entries, size_t count);
/* Ascending by feed. WARD_ERR_2xx. entries has room for cap; WARD_ERR_RANGE beyond. */
int ward_cut_parse(struct ward_cut_entry *entries, size_t cap, size_t *count, const void *p, size_t len);
/* Where a change that decides over others stands among such: the root's first, then by depth, feed and seq. */
struct ward_place {
    uint8_t rank;
    uint64_t depth, seq;
    const struct ward_hash *feed;
};
int ward_place_compare(const struct ward_place *a, const struct ward_place *b);
/* The order in which cuts are decided: by that place, then by what they cut. */
void ward_cuts_sort(struct ward_cut *cuts, size_t count);
/* The last seq of the feed that the effective ones among these cuts leave; UINT64_MAX if its grant is not cut. */
uint64_t ward_cut_limit(const struct ward_cut *cuts, size_t count, const struct ward_hash *grant, const struct ward_hash *feed);

#endif
