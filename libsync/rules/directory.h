/* directory.h - the picture in memory of who and what a replica knows: grants, spaces, feeds, cuts. Loaded by the store, asked by everyone.
 *
 * A feed that its author has continued in two ways has branches: each is a row like a feed's, with the feed's id and a number of its own,
 * and begins where it leaves the chain of its parent. Which of them is the trunk depends on what came first, and so nothing else may.
 *
 * Spaces and feeds carry the store's own dense numbers (sid, fid >= 1). Rows live at stable numbers but not at stable addresses:
 * keep numbers, not pointers, across additions.
 */
#ifndef WARD_DIRECTORY_H
#define WARD_DIRECTORY_H

#include "rules/authority.h"
#include "rules/floor.h"
#include "rules/slot.h"
#include "values/vv.h"
#include "wardsync.h"

/* Numbers by the first 8 bytes of a hash; chains of equal prefixes are walked by the caller. */
struct ward_index {
    uint64_t *keys;
    uint32_t *values; /* 0: free */
    size_t count, cap;
};

struct ward_space {
    uint32_t sid;
    struct ward_hash id;
    struct ward_id *circle; /* owned; NULL for the ward space */
    size_t circle_count;
    struct ward_hash digest;
    uint64_t changes;   /* effective ones */
    bool lacks;         /* something came that needs the history below its base (replica/base.h) */
    uint64_t looked_at; /* how much was held when nothing rested on what lies beside (replica/beside.h) */
    uint32_t *feeds;    /* fids, ascending by feed id; a trunk before its branches */
    size_t feed_count, feed_cap;
};

struct ward_feed {
    uint32_t fid, sid;
    struct ward_hash id;
    uint32_t parent; /* of a branch: the row whose chain it leaves after seq `base`; 0: the feed's own row, its trunk */
    uint64_t base;   /* the log of the row begins after it; of a trunk: what lies up to there is in the space's base (replica/base.h) */
    struct ward_hash base_hash;
    uint32_t next;                   /* the next branch of the same feed, from the trunk on; 0: no more */
    bool gone;                       /* of a branch: it was given up; its row stays, and holds nothing */
    bool below;                      /* of a branch: it leaves the trunk below what is settled, and counts for nothing any more */
    bool forked;                     /* the feed has branches (but for those), */
    uint64_t fork;                   /* and this is the last seq that all of them share: nothing beyond it has effect */
    struct ward_floor_entry settled; /* of a trunk: what stands for ever; seq 0: nothing */
    int8_t astray;                   /* 1: it is another chain than the settled one, -1: it is that; 0: to be looked at (replica/own.h) */
    struct ward_hash grant;
    struct ward_id unit;
    enum ward_role role;
    uint64_t head_seq, head_depth;
    struct ward_hash head_hash; /* the feed id while empty */
    uint64_t published;         /* of an own feed: how far it may have reached others */
    uint64_t limit;             /* last seq with effect, by grants, cuts, forks and floors; UINT64_MAX: all */
    uint64_t applied_limit;     /* up to where the stored state holds it; beyond the head: all */
    bool torn;                  /* the stored state holds a change and lacks one before it */
    struct ward_vv vv;          /* of the last change; loaded on demand */
    bool vv_loaded, dirty;
};

/* Who brought a grant into the ward. Several may have; one that counts is enough. */
struct ward_grant_writer {
    uint32_t grant; /* index + 1 */
    uint32_t fid;
    uint64_t seq;
};

struct ward_directory {
    const struct ward_env *env;
    struct ward_hash ward;
    struct ward_grant *grants; /* the root's first; all that are known, effective or not */
    size_t grant_count, grant_cap;
    struct ward_grant_writer *writers;
    size_t writer_count, writer_cap;
    struct ward_space *spaces; /* [sid - 1] */
    size_t space_count, space_cap;
    struct ward_feed *feeds; /* [fid - 1] */
    size_t feed_count, feed_cap;
    struct ward_author *author_rows; /* [fid] */
    size_t author_cap;
    struct ward_authors authors;
    struct ward_cut *cuts; /* in their order; entries owned */
    size_t cut_count, cut_cap;
    struct ward_floor *floors; /* entries owned */
    size_t floor_count, floor_cap;
    struct ward_closing *closings; /* in the order of cuts */
    size_t closing_count, closing_cap;
    struct ward_index grant_index, space_index, feed_index, floor_index;
};

void ward_directory_init(struct ward_directory *d, const struct ward_env *env, const struct ward_hash *ward);
void ward_directory_free(struct ward_directory *d);

/* Each gives the row by number, or NULL. */
struct ward_space *ward_directory_space(const struct ward_directory *d, uint32_t sid);
struct ward_feed *ward_directory_feed(const struct ward_directory *d, uint32_t fid);

const struct ward_grant *ward_directory_grant(const struct ward_directory *d, const struct ward_hash *id);
const struct ward_grant *ward_directory_grant_short(const struct ward_directory *d, const uint8_t short_id[8]);
const struct ward_grant *ward_directory_grant_by_link(const struct ward_directory *d, const uint8_t link_pk[32]);
struct ward_space *ward_directory_space_by_id(const struct ward_directory *d, const struct ward_hash *id);
struct ward_space *ward_directory_space_short(const struct ward_directory *d, const uint8_t short_id[8]);
/* The trunk, as everywhere where a feed is asked for by its name. */
struct ward_feed *ward_directory_feed_by_id(const struct ward_directory *d, const struct ward_hash *id);
/* The feed of a grant in a space, or NULL; *id is its id in any case. */
struct ward_feed *ward_directory_feed_of(const struct ward_directory *d, const struct ward_space *space, const struct ward_hash *grant,
                                         struct ward_hash *id);

/* Rows of one feed, the trunk first: for (f = trunk; f; f = ward_directory_next(d, f)). */
static inline struct ward_feed *ward_directory_next(const struct ward_directory *d, const struct ward_feed *f)
{
    return ward_directory_feed(d, f->next);
}
/* The same, but for branches that leave below what is settled: they are not compared, and not passed on. */
static inline struct ward_feed *ward_directory_next_above(const struct ward_directory *d, const struct ward_feed *f)
{
    struct ward_feed *next = ward_directory_next(d, f);
    while (next && next->below)
        next = ward_directory_next(d, next);
    return next;
}
struct ward_feed *ward_directory_trunk(const struct ward_directory *d, const struct ward_feed *f);
size_t ward_directory_branches(const struct ward_directory *d, const struct ward_feed *trunk); /* beyond it, none below the floor */
/* The last seq that a row has in common with the trunk. */
uint64_t ward_directory_common_seq(const struct ward_directory *d, const struct ward_feed *f);
/* The last seq that two rows of one feed have in common. */
uint64_t ward_directory_shared_seq(const struct ward_directory *d, const struct ward_feed *a, const struct ward_feed *b);
/* No further branch is held: what lies beyond the fork is then not compared any more. */
bool ward_directory_shattered(const struct ward_directory *d, const struct ward_feed *trunk);
/* What of it counts for others: all, or as far as its branches agree. */
uint64_t ward_feed_agreed(const struct ward_feed *f);
/* The changes that a row adds to those of its parent. */
static inline uint64_t ward_feed_length(const struct ward_feed *f)
{
    return f->parent ? f->head_seq - f->base : f->head_seq;
}
/* Those of them that are in the log. */
static inline uint64_t ward_feed_logged(const struct ward_feed *f)
{
    return f->head_seq - f->base;
}

/* Rows are copied in; sid and fid must be the next number, a branch must leave a row of its own feed, not before that begins
 * (WARD_ERR_CORRUPT). WARD_ERR_MEMORY: nothing was added. */
int ward_directory_add_grant(struct ward_directory *d, const struct ward_grant *g, uint32_t writer_fid, uint64_t writer_seq);
int ward_directory_add_space(struct ward_directory *d, uint32_t sid, const struct ward_hash *id, const struct ward_id *circle,
                             size_t count);
int ward_directory_add_feed(struct ward_directory *d, const struct ward_feed *f);
/* After a branch was put in the place of another. */
void ward_directory_find_fork(struct ward_directory *d, struct ward_feed *trunk);
/* A second cut of one grant by the same change narrows the first. */
int ward_directory_add_cut(struct ward_directory *d, const struct ward_cut *cut, const struct ward_cut_entry *entries, size_t count);
/* That of a grant (its entity) by a change, or NULL. */
const struct ward_cut *ward_directory_cut(const struct ward_directory *d, uint32_t fid, uint64_t seq, const struct ward_id *entity);

/* A floor that is there already is not added again. */
int ward_directory_add_floor(struct ward_directory *d, const struct ward_id *space, const struct ward_hash *name,
                             const struct ward_floor_entry *entries, size_t count);
int ward_directory_add_closing(struct ward_directory *d, const struct ward_closing *closing);
const struct ward_floor *ward_directory_floor(const struct ward_directory *d, const struct ward_id *space, const struct ward_hash *name);
/* What is settled of a feed of the space, by the closings as judged; seq 0: nothing. */
void ward_directory_settled(const struct ward_directory *d, const struct ward_hash *space, const struct ward_hash *feed,
                            struct ward_floor_entry *out);
/* The change of the row's feed at seq is settled, and held: which it is is not asked any more. */
static inline bool ward_feed_settled_at(const struct ward_feed *trunk, uint64_t seq)
{
    return seq <= trunk->settled.seq && seq <= trunk->head_seq;
}

/* Decides which cuts and closings count and sets every feed's limit: a function of the sets of grants, cuts, floors and branches. After any
 * of them were added. */
void ward_directory_judge(struct ward_directory *d);
/* Brought in by a change that has effect. */
bool ward_grant_effective(const struct ward_directory *d, const struct ward_hash *grant);
bool ward_grant_is_cut(const struct ward_directory *d, const struct ward_hash *grant);
bool ward_grant_stands(const struct ward_directory *d, const struct ward_hash *grant); /* it has effect, and is not cut */
/* The last seq of the feed that has effect. */
uint64_t ward_directory_limit(const struct ward_directory *d, const struct ward_feed *f);

/* Digests of proto/merge.md. digest also counts the changes. common: over spaces that both grants may read; WARD_ERR_MEMORY. */
void ward_directory_digest(const struct ward_directory *d, struct ward_space *space);
int ward_directory_common(const struct ward_directory *d, const struct ward_grant *self, const struct ward_grant *peer,
                          struct ward_hash *out);
bool ward_space_is_common(const struct ward_space *s, const struct ward_grant *self, const struct ward_grant *peer);

#endif
