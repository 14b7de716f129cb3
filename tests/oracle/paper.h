/* paper.h - a ward on paper: the changes of some authors, put together below the library, so that they may also hold what honest code
 * would refuse to write. */
#ifndef WARD_TEST_PAPER_H
#define WARD_TEST_PAPER_H

#include "base/buf.h"
#include "rules/authority.h"
#include "values/change.h"
#include "values/seal.h"
#include "wardsync.h"

enum { ROOT, FIRST, SECOND, THIRD, CELL_A, CELL_B, OTHER_A, CHECK, HUB, AUTHORS }; /* FIRST to THIRD: operators */
enum { WARD_ITSELF, SPACE_A, SPACE_AB, SPACE_B, SPACES };
#define CIRCLE_MOST   3
#define TWINS         10 /* one more than the branches of a feed that a replica holds beside the first */
#define WRITERS       (AUTHORS + TWINS)
#define FEEDS         (WRITERS * SPACES) /* as somebody wrote them: a twin's has the id of another */
#define CHANGES_MAX   96
#define PAPER_OPS_MAX 12

struct author {
    struct ward_sign_key key;
    struct ward_grant grant;
    struct ward_id entity;
    uint8_t bytes[160]; /* the grant as it is written; none for the root */
    size_t len;
    size_t of; /* whose twin this is; itself: nobody's */
};

struct paper_space {
    struct ward_hash id;
    struct ward_id circle[CIRCLE_MOST];
    size_t circle_count;
};

/* The change at a seq of a feed. */
struct paper_change {
    uint8_t feed, seq;
    uint64_t depth;
    struct ward_hash hash;
    size_t at, len;          /* of its body in `bodies` */
    uint8_t seen[FEEDS];     /* what its feed has seen with it, twins' feeds counted as those whose twins they are */
    bool rests[CHANGES_MAX]; /* on which changes: those that its deps name */
    uint8_t sig[WARD_SEAL_BYTES];
    bool sealed;
};

struct paper_feed {
    struct ward_hash id;
    uint8_t changes[CHANGES_MAX]; /* by seq - 1 */
    uint8_t count;
};

struct paper {
    struct ward_hash ward;
    struct author authors[WRITERS]; /* then twins */
    size_t writers;
    struct paper_space spaces[SPACES];
    struct paper_feed feeds[FEEDS]; /* author * SPACES + space; a twin's begins with what it shares */
    struct paper_change changes[CHANGES_MAX];
    size_t count;
    struct ward_buf bodies, scratch;
    uint8_t knows[WRITERS][FEEDS]; /* how far each author has read each feed */
    bool mixes;                    /* who knows of twins names the feed on one of them and not up to where they part */
};

/* Keys are borrowed until the change is written. Not to be moved: values lie within. */
struct paper_ops {
    struct ward_op v[PAPER_OPS_MAX];
    size_t count;
    uint8_t bytes[2048]; /* the values as encoded */
    size_t len;
};
void paper_op(struct paper_ops *ops, uint32_t kind, const struct ward_id *entity, uint32_t field, const char *key, struct ward_value value);

/* The key of whoever has this public one; false: nobody here. */
bool paper_key(struct ward_sign_key *out, const uint8_t pk[32]);
void paper_init(struct paper *p, const struct ward_env *env);
void paper_free(struct paper *p);
void paper_clear(struct paper *p); /* the same authors, nothing written */

/* A second device that goes on under the keys of an author, from what he had written up to some change of each feed. SIZE_MAX: enough. */
size_t paper_twin(struct paper *p, size_t of, const uint8_t upto[SPACES]);
/* The feed whose id it has. */
size_t paper_origin(const struct paper *p, size_t feed);
/* How many changes two feeds have in common. */
size_t paper_shared(const struct paper *p, size_t a, size_t b);

/* The next change of author in space, on all that the author knows but what `pass_over` names (a feed, or FEEDS for none). */
struct paper_change *paper_write(struct paper *p, size_t author, size_t space, const struct paper_ops *ops, size_t pass_over);
/* A late one: it had seen what author knows but no more than `own` of its own feed, nor more than most[feed] of others (by the first of
 * that id). */
struct paper_change *paper_write_late(struct paper *p, size_t author, size_t space, const struct paper_ops *ops, uint8_t own,
                                      const uint8_t most[FEEDS]);
/* The author takes over what another knows and he may read; feed: of that feed alone, or FEEDS for all. */
void paper_learn(struct paper *p, size_t author, size_t from, size_t feed);
/* Whether `author` may read and write in `space` at all. */
bool paper_may_read(const struct paper *p, size_t author, size_t space);
bool paper_may_write(const struct paper *p, size_t author, size_t space);

/* A run frame of count changes of a feed. */
void paper_run(struct paper *p, struct ward_buf *out, size_t feed, size_t first, size_t count);
/* A well sealed run of one change that is not in the paper: at seq of feed, with this body in place of the one there. */
void paper_false_run(struct paper *p, struct ward_buf *out, size_t feed, size_t seq, const void *body, size_t len);
/* A body like the change's, but with another depth, a dep that is not there, another hash, the own feed, what was seen before, another
 * space's, a late one's own feed wrongly, or just another time. false: this change gives no room for it. */
enum paper_lie { LIE_DEPTH, LIE_DEP_SEQ, LIE_DEP_HASH, LIE_DEP_OWN, LIE_DEP_OLD, LIE_DEP_SPACE, LIE_LATE, LIE_BRANCH };
bool paper_lie(struct paper *p, struct ward_buf *out, const struct paper_change *c, enum paper_lie lie);

#endif
