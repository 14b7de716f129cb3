/* faults.h - everything that can go wrong, by name; which of it may in a run; and how it is brought about. */
#ifndef SIM_FAULTS_H
#define SIM_FAULTS_H

#include "disk.h"

#include <stdbool.h>
#include <stdint.h>

struct world;
struct device;
struct conn;

/*      name          group      what it does */
#define SIM_FAULTS(X)                                                                                                                      \
    X(DROP, "drop", NETWORK)           /* a connection is cut between two frames */                                                        \
    X(RESET, "reset", NETWORK)         /* ... within a frame */                                                                            \
    X(TRUNCATE, "truncate", NETWORK)   /* a frame ends early: CURVE ends the connection, as with the next three */                         \
    X(FLIP, "flip", NETWORK)           /* a bit */                                                                                         \
    X(DUPLICATE, "duplicate", NETWORK) /* a frame comes twice */                                                                           \
    X(REORDER, "reorder", NETWORK)     /* two frames change places */                                                                      \
    X(REPLAY, "replay", NETWORK)       /* somebody without keys sends what he overheard: noise at the door */                              \
    X(DELAY, "delay", NETWORK)         /* up to some seconds each way */                                                                   \
    X(SLOW, "slow", NETWORK)           /* 64 kbit/s, and stalls */                                                                         \
    X(ONEWAY, "oneway", NETWORK)       /* one direction is silent from some frame on */                                                    \
    X(HALFOPEN, "halfopen", NETWORK)   /* both are, and nobody is told for a while */                                                      \
    X(KILL, "kill", STORAGE)           /* a process ends at some call on the disk; nothing written is lost */                              \
    X(CRASH, "crash", STORAGE)         /* the power fails at some call; unsynced writes are lost, torn, reordered */                       \
    X(READERR, "readerr", STORAGE)     /* one read fails */                                                                                \
    X(WRITEERR, "writeerr", STORAGE)   /* one write fails */                                                                               \
    X(SYNCERR, "syncerr", STORAGE)     /* one sync fails, and what it should have made durable is in doubt */                              \
    X(FULL, "full", STORAGE)           /* no room for some hours */                                                                        \
    X(MEMORY, "memory", STORAGE)       /* an allocation of ours or of SQLite's fails, once or from then on */                              \
    X(BUSY, "busy", STORAGE)           /* a lock is held by somebody else */                                                               \
    X(CLOCK, "clock", DEVICE)          /* years off, jumping, standing still */                                                            \
    X(ROLLBACK, "rollback", DEVICE)    /* restored from an older copy; it meets somebody before it writes */                               \
    X(CLONE, "clone", DEVICE)          /* ... or writes before it meets: the feed forks */                                                 \
    X(TWIN, "twin", DEVICE)            /* its folder is copied to another laptop, and both go on */                                        \
    X(HUB, "hub", DEVICE)              /* the hub is restored from an older copy */                                                        \
    X(REVOKE, "revoke", DEVICE)        /* a device is cut, also while it is connected */                                                   \
    X(VERSIONS, "versions", DEVICE)    /* some programs know fewer kinds and fields */                                                     \
    X(EQUIVOCATE, "equivocate", PEER)  /* two histories under good seals */                                                                \
    X(WITHHOLD, "withhold", PEER)      /* says done and kept things back; acknowledges what it forgets */                                  \
    X(FLOOD, "flood", PEER)            /* connections and frames without end */                                                            \
    X(GARBAGE, "garbage", PEER)        /* bytes */                                                                                         \
    X(OVERSIZE, "oversize", PEER)      /* a frame beyond the limit */                                                                      \
    X(BOMB, "bomb", PEER)              /* a run that unpacks to far more than it may */                                                    \
    X(NONCANON, "noncanonical", PEER)  /* the same meaning in other bytes */                                                               \
    X(FOREIGN, "foreign", PEER)        /* another ward */                                                                                  \
    X(OUTSIDE, "outside", PEER)        /* changes where its grant does not reach */                                                        \
    X(DEPTH, "depth", PEER)            /* a depth that does not follow */                                                                  \
    X(DEPS, "deps", PEER)              /* a dep on what is not there, or is otherwise */                                                   \
    X(VERSION, "version", PEER)        /* frames of a version of the future */                                                             \
    X(ENDED, "ended", DEVICE)          /* a laptop whose folder was copied is ended, and each copy goes on under a grant of its own */     \
    X(FILES, "files", DEVICE)          /* no hub is in reach: devices are let in, or get new keys, by request and answer files */          \
    X(LOST, "lost", DEVICE)            /* a laptop is lost, and another takes its place */                                                 \
    X(DISPUTE, "dispute", DEVICE)      /* somebody does not believe that a report had reached the hub: it is proved to him */              \
    X(KEYS, "keys", DEVICE)            /* an operator's or a hub's keys may be known to others: they are replaced */                       \
    X(HUBS, "hubs", DEVICE)            /* there are two hubs, and now the one, now the other is restored from an older copy */             \
    X(OLDER, "older", DEVICE)          /* a device's program is brought up to date, and its file is of the format of before */             \
    X(COMPACT, "compact", DEVICE)      /* history that all hold is settled, and let go of */                                               \
    X(BURNT, "burnt", DEVICE)          /* the machine of a hub or of the founder burns, and an empty one with new keys takes its place */

enum fault {
#define X(id, name, group) FAULT_##id,
    SIM_FAULTS(X)
#undef X
        FAULTS
};
enum fault_group { GROUP_NETWORK, GROUP_STORAGE, GROUP_DEVICE, GROUP_PEER, GROUPS };
const char *fault_name(enum fault fault);
enum fault_group fault_group_of(enum fault fault);
#define FAULT_BIT(fault) (UINT64_C(1) << (fault))
#define FAULTS_ALL       (FAULT_BIT(FAULTS) - 1)
/* "all", "none", or names of faults and groups with commas between. */
bool faults_parse(uint64_t *out, const char *list);
uint64_t faults_of_seed(uint64_t seed); /* a random subset, now and then all or none */
void faults_print(uint64_t mask, char *out, size_t size);

bool fault_on(const struct world *w, enum fault fault);
void fault_note(struct world *w, enum fault fault); /* it has happened */

/* The life of the faults that come by themselves: every device's from the beginning on; none after faults_end. */
void faults_begin(struct world *w);
void faults_end(struct world *w); /* heals: clocks, disks, memory, absent devices */
/* Decides what will become of a new connection. */
void faults_of_connection(struct world *w, struct conn *c);
void faults_set_trap(struct device *d, enum fault trap, int64_t calls); /* which springs after so many calls of its kind */
/* Sets a trap for the next act of the device's: most do not notice. */
void faults_before_act(struct device *d);
void faults_after_act(struct device *d);
void faults_copy(struct device *d);                      /* to be restored from */
void faults_restore(struct device *d, enum fault fault); /* now and then, if there is a copy */
void faults_make_twin(struct device *d);

#endif
