/* world.h - a ward in one process: devices with disks and clocks, the processes that run on them, and what has happened so far. */
#ifndef SIM_WORLD_H
#define SIM_WORLD_H

#include "dice.h"
#include "disk.h"
#include "faults.h"
#include "sched.h"
#include "wardsync.h"

#define DEVICES_MAX 14
#define PROCS_MAX   64
#define SECRETS_MAX 64
#define GRANTS_MAX  16
#define MINUTE_MS   ((int64_t)60000)
#define HOUR_MS     (60 * MINUTE_MS)
#define DAY_MS      (24 * HOUR_MS)
#define WEEK_MS     (7 * DAY_MS)

/* What was done, to be counted: a run in which a deed never occurs proves nothing about it. */
#define SIM_DEEDS(X)                                                                                                                       \
    X(CREATE, "create")                                                                                                                    \
    X(EDIT, "edit")                                                                                                                        \
    X(GOVERN, "govern")                                                                                                                    \
    X(MEMBER, "member")                                                                                                                    \
    X(ADD, "add")                                                                                                                          \
    X(DELETE, "delete")                                                                                                                    \
    X(RESTORE, "restore")                                                                                                                  \
    X(JOINT, "joint-space")                                                                                                                \
    X(LARGE, "large")                                                                                                                      \
    X(CONFLICT, "conflict")                                                                                                                \
    X(RESOLVE, "resolve")                                                                                                                  \
    X(INVITE, "invite")                                                                                                                    \
    X(JOIN, "join")                                                                                                                        \
    X(SYNC, "sync")                                                                                                                        \
    X(SYNC_BROKEN, "sync-broken")                                                                                                          \
    X(MEET, "meet")                                                                                                                        \
    X(LIVE, "live")                                                                                                                        \
    X(ROTATE, "rotate")                                                                                                                    \
    X(REJOIN, "rejoin")                                                                                                                    \
    X(ASKED, "asked")                                                                                                                      \
    X(ADMITTED, "admitted")                                                                                                                \
    X(ACCEPTED, "accepted")                                                                                                                \
    X(REPLACE, "replace")                                                                                                                  \
    X(REPLACED, "replaced")                                                                                                                \
    X(PROVE, "prove")                                                                                                                      \
    X(PROVED, "proved")                                                                                                                    \
    X(OPERATOR_KEYS, "operator-keys")                                                                                                      \
    X(ANNOUNCE, "announce")                                                                                                                \
    X(HUB_KEYS, "hub-keys")                                                                                                                \
    X(RECOVERED, "recovered")                                                                                                              \
    X(ANEW, "anew")                                                                                                                        \
    X(PROPOSED, "proposed")                                                                                                                \
    X(DROPPED, "dropped")                                                                                                                  \
    X(STATES, "states")                                                                                                                    \
    X(GONE_ON, "gone-on")                                                                                                                  \
    X(REUNITED, "reunited")                                                                                                                \
    X(RELEASE, "release")                                                                                                                  \
    X(RELEASED, "released")                                                                                                                \
    X(CUT, "cut")                                                                                                                          \
    X(BUNDLE_WRITE, "bundle-write")                                                                                                        \
    X(BUNDLE_READ, "bundle-read")                                                                                                          \
    X(BACKUP, "backup")                                                                                                                    \
    X(VERIFY, "verify")                                                                                                                    \
    X(BOOT, "boot")                                                                                                                        \
    X(ASTRAY, "astray")                                                                                                                    \
    X(WITHDRAWN, "withdrawn")                                                                                                              \
    X(FORK, "fork")                                                                                                                        \
    X(PULLED_BACK, "pulled-back")                                                                                                          \
    X(RECEIPT, "receipt")                                                                                                                  \
    X(HUB_LOST, "hub-lost")                                                                                                                \
    X(REFUSED, "refused")                                                                                                                  \
    X(COMMIT, "commit")                                                                                                                    \
    X(COMMIT_FAILED, "commit-failed")
enum deed {
#define X(id, name) DEED_##id,
    SIM_DEEDS(X)
#undef X
        DEEDS
};
const char *deed_name(enum deed deed);

struct proc;
struct net;
struct model;
struct fiber;

/* Burnt: nobody has another yet. Empty: there is one, and its device is not in again. */
enum machine { MACHINE_WHOLE, MACHINE_BURNT, MACHINE_EMPTY };

struct device {
    struct world *w;
    size_t i;
    char called[16]; /* in the ward's records: the name of the one whose place it takes, else its own */
    char name[16], mount[20], home[32], address[40], code[WARD_INVITE_MAX];
    struct ward_id unit;
    enum ward_role role;
    struct disk *disk;
    struct ward_env env;
    struct ward_options options;
    struct dice random;   /* what its programs get as randomness */
    int64_t boot_ms;      /* when mono began */
    int64_t wall_off_ms;  /* its wall clock beyond the true time */
    int64_t wall_stands;  /* not 0: it does not move */
    unsigned tries;       /* to join, in vain */
    bool shut_out;        /* its invitation came to nothing */
    bool stranded;        /* all who knew of its grant or invitation have forgotten: no door opens to it (see model_find_stranded) */
    bool joined;          /* has a replica, or had */
    bool away;            /* without power, until booted */
    enum machine machine; /* see burnt.h */
    unsigned moves;       /* it has answered at other addresses before; */
    bool moved;           /* the ward has not been told of this one, or */
    size_t told_branch;   /* it was by this change */
    uint64_t told_seq;
    bool hostile;                 /* its owner drives it by hand (hostile.c) */
    bool revoked;                 /* somebody has cut it */
    bool left;                    /* it was left behind: no floor waits for it */
    bool errand;                  /* it asks by files (errand.c), */
    struct device *admitter;      /* and was answered here */
    struct ward_hash granted;     /* this, */
    char words[WARD_FINGERPRINT]; /* to these words that it then showed */
    bool let_in;                  /* it is to join again, in its home */
    bool announcing;              /* its new keys; it goes on under the old ones, */
    struct ward_hash announced;   /* of this grant */
    bool keys_open;               /* it is getting new keys: nobody else may have its home open */
    bool rotates_later;           /* it will try again to take new keys */
    bool may_fork;                /* was restored from an older copy: its feeds may have two branches */
    bool restored;                /* ... or copied from one that was; the twin of one that was not is not */
    uint64_t unnoted;             /* changes up to this number may have gone out from a full disk, where nothing can be noted (own.h) */
    bool must_meet;               /* restored, and is to meet somebody before it writes */
    bool offline;                 /* never has a network: bundles only */
    struct ward_hash grant, was[GRANTS_MAX]; /* its grant, and the former ones that its home knows */
    size_t was_count;
    struct ward_hash gone[GRANTS_MAX]; /* whose keys were lost with the disk, when an older copy or an empty one took its place */
    size_t gone_count;
    uint8_t link_pk[32];
    const struct device *replaces; /* it was bought for that one, which was lost, */
    char place_name[16];
    struct ward_hash lost, place; /* whose grant was this, and got that */
    struct ward_id invited;       /* the record of its invitation */
    ward_replica *app;            /* kept open between acts, or NULL */
    ward_replica *idle;           /* kept open between syncs, or NULL */
    struct proc *serving;
    uint32_t met_by;        /* the sync that it serves for and nothing else; 0: none */
    struct disk_image *old; /* a copy made earlier */
    uint64_t *old_held;     /* what it held then; see model.h */
    uint64_t *old_own;
    size_t memory, blocks; /* in use by the library */
    int64_t alloc_left;    /* allocations until one fails; -1: none will */
    bool alloc_down;       /* from then on all do */
    int64_t trap_left;     /* calls on the disk until the trap springs; -1: none is set */
    enum fault trap;
    uint64_t *held; /* by the model's feed: the seq that is durable here */
    uint64_t *own;  /* ... that was written in this very folder: of two copies of one each has a branch of its own */
    struct begun {
        uint8_t *p;
        size_t len;
    } begun[DEVICES_MAX];  /* what has come of a frame in pieces, by whom it came from */
    bool met[DEVICES_MAX]; /* who has answered a whole round of its own since the faults ended */
};

struct world {
    uint64_t seed;
    uint64_t faults; /* that may happen */
    bool settles;    /* history is compacted */
    bool calm;       /* none may: while the ward is founded, and once it heals */
    struct sched time;
    struct dice plan, net_dice, fault_dice, work_dice, peer_dice, trust_dice, burnt_dice;
    struct device d[DEVICES_MAX];
    size_t count;
    struct ward_sheet sheet;   /* of the root's key, where one is printed */
    struct device *hub, *hub2; /* hub2: NULL if there is no second one */
    struct proc *procs[PROCS_MAX];
    size_t proc_count;
    uint32_t next_proc;
    struct proc *current;
    struct net *net;
    struct model *model;
    uint64_t deeds[DEEDS], injected[FAULTS];
    struct {
        uint8_t b[32];
        size_t len;
    } secrets[SECRETS_MAX]; /* which may stand in key files alone */
    size_t secret_count;
    uint8_t secret_marks[1 << 14]; /* bits, by the hash of each eight bytes that begin at one of a secret's first places */
    /* the trace */
    bool keep_trace, print_trace;
    char *trace;
    size_t trace_len, trace_cap;
    uint64_t trace_hash, trace_lines;
    /* the first thing that did not hold */
    bool failed;
    char violation[600];
};

void world_init(struct world *w, uint64_t seed, uint64_t faults);
void world_free(struct world *w); /* everything ends; nothing may be left open or allocated */

struct device *world_device(struct world *w, const char *name, char unit, enum ward_role role);
int64_t device_wall(const struct device *d);
bool device_is_up(const struct device *d);                               /* has power */
bool device_was(const struct device *d, const struct ward_hash *grant);  /* or is */
bool device_lost(const struct device *d, const struct ward_hash *grant); /* was, and its home knows nothing of it any more */
bool device_is_idle(const struct device *d);                             /* no process runs on it */
bool device_counts(const struct device *d);                              /* it is one of those that are to end up equal */
void device_close_app(struct device *d);                                 /* and what is kept for syncs */
/* For a process of its own; given back with whether it is still good. */
int device_take(struct device *d, ward_replica **out, struct ward_error *err);
void device_give_back(struct device *d, ward_replica *r, bool good);
/* Opens the home anew. For one act the app is used: device_app, and device_done after it. */
int device_open(struct device *d, ward_replica **out, struct ward_error *err);
int device_app(struct device *d, ward_replica **out, struct ward_error *err);
void device_done(struct device *d, int rc); /* after an error of the disk or of memory the app is closed */
/* Ends every process of the device, as power failing or kill -9 would; the disk comes back by device_boot. */
void device_stop(struct device *d);
void device_boot(struct device *d, enum disk_damage damage);
/* If a trap has cut its power: stops it, and has it booted after a while. True if so. */
bool device_fell(struct device *d);

/* Lines of a story: day, time, who, what. No pointer, no id and no length of compressed bytes may stand in it. */
void trace(struct world *w, const struct device *who, const char *format, ...) __attribute__((format(printf, 3, 4)));
bool trace_has(const struct world *w, const char *text);
void deed(struct world *w, enum deed deed);
/* Something does not hold: "S9", what and where. The first is kept, the run ends. */
void violated(struct world *w, const char *which, const char *format, ...) __attribute__((format(printf, 3, 4)));

/* ---- processes */

typedef void proc_fn(struct proc *p);
struct proc {
    struct world *w;
    struct device *d;
    uint32_t id, token;
    struct fiber *fiber;
    proc_fn *fn;
    bool sleeping, stop, kick; /* stop: it is asked to end of its own accord; kick: its home was written to */
    bool dead;                 /* its machine has no power, or it was killed: every call on the link fails */
    ward_replica *r;           /* what it works on, for the checks between its steps, */
    struct look *look;         /* and what it showed at the last of them */
    struct device *peer;
    bool last_failed;
    int result;
    int64_t until;
    size_t refused; /* runs, by either side */
    bool fork_told;
    bool disk_failed; /* by what it was told: it is to open its home anew */
};
struct proc *proc_start(struct device *d, proc_fn *fn, struct device *peer);
void proc_sleep(struct proc *p, int64_t until); /* or until somebody wakes it */
void proc_wake(struct proc *p);
bool proc_is_running(const struct world *w, uint32_t id);

void world_run(struct world *w, int64_t ms);                 /* virtual time */
bool world_run_until_quiet(struct world *w, int64_t ms_max); /* until no process but servers runs */

/* sqlite's allocations are made to fail through this device, or none */
void world_memory_of(struct device *d);
void world_memory_setup(void); /* once, before anything else */

#endif
