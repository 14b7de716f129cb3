/* wardsync.h - offline-first replicas of signed records that merge whenever they meet.
 *
 * A replica is a home directory: one SQLite database and one key file. Everything in it is written by this library;
 * the tables named after the schema's kinds may be read by any SQLite tool.
 *
 * Conventions. Functions that can fail return 0 or a code of enum ward_code and fill *err (which may be NULL); outputs are written
 * on success only. x_free(NULL) does nothing. Strings are UTF-8. Lengths are bytes, times milliseconds since 1970 UTC. A
 * ward_replica belongs to one thread at a time; any number of processes may open one home. The library never prints,
 * never exits and has no globals. The formats are specified in proto/.
 */
#ifndef WARDSYNC_H
#define WARDSYNC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif
#if defined(__GNUC__)
#pragma GCC visibility push(default) /* what stands here is exported, nothing else is */
#endif

#define WARDSYNC_VERSION "0.1.0"
#define WARD_ID_BYTES    16
#define WARD_HASH_BYTES  32

/* ---------------------------------------------------------------- errors */

/* What to do about an error: try again, wait for something, ask the operator, or mend the input or the setup. */
enum ward_class { WARD_CLASS_NONE, WARD_CLASS_RETRY, WARD_CLASS_WAIT, WARD_CLASS_OPERATOR, WARD_CLASS_FATAL };

/* Stable numbers (proto/errors.md). 1xx general, 2xx encoding, 3xx chain and seal, 4xx authority, 5xx session and link,
 * 6xx store and home, 7xx values and records, 8xx bundles and keys. */
enum ward_code {
    WARD_OK = 0,
    WARD_ERR_MEMORY = 101,
    WARD_ERR_ARGUMENT = 102,
    WARD_ERR_RANDOM = 103,
    WARD_ERR_CANCELLED = 104,
    WARD_ERR_INTERNAL = 105,

    WARD_ERR_TRUNCATED = 201,
    WARD_ERR_TYPE = 202,
    WARD_ERR_RANGE = 203,
    WARD_ERR_NONCANONICAL = 204,
    WARD_ERR_TRAILING = 205,
    WARD_ERR_CODEC = 206,
    WARD_ERR_VERSION = 207,
    WARD_ERR_UTF8 = 208,
    WARD_ERR_ORDER = 209,
    WARD_ERR_OP = 210,
    WARD_ERR_LIMIT_BODY = 221,
    WARD_ERR_LIMIT_VALUE = 222,
    WARD_ERR_LIMIT_OPS = 223,
    WARD_ERR_LIMIT_DEPS = 224,
    WARD_ERR_LIMIT_NESTING = 225,
    WARD_ERR_LIMIT_KEY = 226,
    WARD_ERR_LIMIT_CIRCLE = 227,
    WARD_ERR_LIMIT_RUN = 228,
    WARD_ERR_LIMIT_FRAME = 229,
    WARD_ERR_LIMIT_SPACES = 230,

    WARD_ERR_GAP = 301,
    WARD_ERR_DEP_MISSING = 302,
    WARD_ERR_DEP_HASH = 303,
    WARD_ERR_DEP_ORDER = 304,
    WARD_ERR_DEPTH = 305,
    WARD_ERR_SEAL = 306,
    WARD_ERR_FORK = 307,
    WARD_ERR_CHAIN = 308,
    WARD_ERR_BRANCHES = 309,
    WARD_ERR_FORKED = 310,
    WARD_ERR_HISTORY = 316,
    WARD_ERR_SETTLED = 317,
    WARD_ERR_SNAPSHOT = 318,

    WARD_ERR_WARD = 401,
    WARD_ERR_NOT_ENTITLED = 402,
    WARD_ERR_GRANT_UNKNOWN = 403,
    WARD_ERR_SPACE = 404,
    WARD_ERR_CUT = 405,
    WARD_ERR_GRANT_BAD = 406,
    WARD_ERR_KEY_POINT = 407,
    WARD_ERR_INVITE_MANGLED = 411,
    WARD_ERR_INVITE_UNKNOWN = 412,
    WARD_ERR_INVITE_USED = 413,
    WARD_ERR_INVITE_EXPIRED = 414,
    WARD_ERR_INVITE_WITHDRAWN = 415,
    WARD_ERR_JOIN_TRIES = 416,
    WARD_ERR_KEYS_WAIT = 417,
    WARD_ERR_KEYS_REPLACED = 418,
    WARD_ERR_HOME_HOLDS_MORE = 419,
    WARD_ERR_IDENTITY = 420,
    WARD_ERR_INVITE_HUB = 421,

    WARD_ERR_PROTOCOL_VERSION = 501,
    WARD_ERR_SESSION_WARD = 502,
    WARD_ERR_PEER_UNKNOWN = 503,
    WARD_ERR_PROTOCOL = 504,
    WARD_ERR_NETWORK = 505,
    WARD_ERR_HANDSHAKE = 506,
    WARD_ERR_TIMEOUT = 507,
    WARD_ERR_ADDRESS = 508,
    WARD_ERR_ADDRESS_IN_USE = 509,
    WARD_ERR_LINK_CLOSED = 510,
    WARD_ERR_PEERS = 511,
    WARD_ERR_NO_HUB = 512,
    WARD_ERR_LIBRARY_OLD = 513,
    WARD_ERR_RECEIPT_SIGNER = 514,
    WARD_ERR_RECEIPT_SEAL = 515,
    WARD_ERR_RECEIPT_AHEAD = 516,
    WARD_ERR_HUB_REWROTE = 517,
    WARD_ERR_HUB_LOST = 518,
    WARD_ERR_WINDOW = 520,
    WARD_ERR_QUOTA = 521,
    WARD_ERR_FORGED = 522,
    WARD_ERR_PAUSE = 523,
    WARD_ERR_KEY_REFUSED = 524,
    WARD_ERR_DOOR = 525,

    WARD_ERR_HOME_MISSING = 601,
    WARD_ERR_HOME_EXISTS = 602,
    WARD_ERR_HOME_READONLY = 603,
    WARD_ERR_NOT_A_REPLICA = 604,
    WARD_ERR_NEWER = 605,
    WARD_ERR_DISK_FULL = 606,
    WARD_ERR_IO = 607,
    WARD_ERR_BUSY = 608,
    WARD_ERR_CORRUPT = 609,
    WARD_ERR_STORE = 610,
    WARD_ERR_NETWORK_FS = 611,
    WARD_ERR_BACKUP_DAMAGED = 612,
    WARD_ERR_BACKUP_FOREIGN = 613,

    WARD_ERR_UNKNOWN_KIND = 701,
    WARD_ERR_UNKNOWN_FIELD = 702,
    WARD_ERR_VALUE = 703,
    WARD_ERR_NOT_FOUND = 704,
    WARD_ERR_AMBIGUOUS = 705,
    WARD_ERR_FIXED = 706,
    WARD_ERR_IN_CONFLICT = 707,
    WARD_ERR_STALE = 708,
    WARD_ERR_NO_RIGHT = 709,
    WARD_ERR_NOTHING = 710,
    WARD_ERR_DATE = 711,
    WARD_ERR_PLAN_ROW = 712,
    WARD_ERR_LIMIT_SELECTED = 713,
    WARD_ERR_STATE = 714,
    WARD_ERR_EXISTS = 715,
    WARD_ERR_REASON = 716,

    WARD_ERR_BUNDLE_DAMAGED = 801,
    WARD_ERR_BUNDLE_WARD = 802,
    WARD_ERR_BUNDLE_WRITER = 803,
    WARD_ERR_BUNDLE_BASE = 804,
    WARD_ERR_KEY_MODE = 811,
    WARD_ERR_KEY_FILE = 812,
    WARD_ERR_KEY_MISSING = 813,
    WARD_ERR_PASSPHRASE = 814,
    WARD_ERR_PASSPHRASE_NEEDED = 815,
    WARD_ERR_PASSPHRASE_SHORT = 816,
    WARD_ERR_ROOT_MISSING = 817,
    WARD_ERR_SHEET = 818,
    WARD_ERR_SHEET_WARD = 819,
    WARD_ERR_FORK_PROOF = 830,
    WARD_ERR_PROOF_DAMAGED = 820,
    WARD_ERR_PROOF_WARD = 821,
    WARD_ERR_PROOF_GRANT = 822,
    WARD_ERR_PROOF_FALSE = 823,
    WARD_ERR_RECEIPT_NONE = 824,
    WARD_ERR_PROOF_NOT_OWN = 825,
    WARD_ERR_PROOF_LONG = 826,
    WARD_ERR_REQUEST = 836,
    WARD_ERR_ANSWER = 837,
    WARD_ERR_ANSWER_FOREIGN = 838,
    WARD_ERR_NOT_ASKED = 839
};

/* Caller-owned; detail is built up as the error passes ("ingest: run 3: change 17: truncated"). No secret ever stands in it. */
struct ward_error {
    int code;
    char detail[400];
};

enum ward_lang { WARD_LANG_EN, WARD_LANG_VI };

const char *ward_error_name(int code); /* "gap", stable */
enum ward_class ward_error_class(int code);
const char *ward_error_class_name(int code); /* "retry", "wait", "operator", "fatal" */
const char *ward_error_text(int code, enum ward_lang lang);
const char *ward_error_hint(int code, enum ward_lang lang); /* the next step */

/* ---------------------------------------------------------------- small values */

/* Four words for a device's keys ("bakimo tusila hovamu likato"), the same on all devices: read to each other by two people, they show that
 * the device admitted is the one meant (proto/admission.md). */
#define WARD_FINGERPRINT 32

struct ward_id {
    uint8_t b[WARD_ID_BYTES];
};
struct ward_hash {
    uint8_t b[WARD_HASH_BYTES];
};

#define WARD_ID_HEX   (2 * WARD_ID_BYTES + 1)
#define WARD_HASH_HEX (2 * WARD_HASH_BYTES + 1)
void ward_id_hex(char out[WARD_ID_HEX], const struct ward_id *id);
void ward_hash_hex(char out[WARD_HASH_HEX], const struct ward_hash *hash);
bool ward_id_equal(const struct ward_id *a, const struct ward_id *b);
bool ward_id_is_zero(const struct ward_id *id);
/* The id that every replica derives alike from an application's rule: H("wardsync round", [a, text]), first 16 bytes. */
void ward_id_derive(struct ward_id *out, const struct ward_id *a, const char *text, size_t text_len);

enum ward_type { WARD_NULL, WARD_BOOL, WARD_INT, WARD_TEXT, WARD_BYTES, WARD_ARRAY };

/* A value; p/len: text (not terminated), bytes, or the deterministic CBOR of an array. Borrowed, see each function. */
struct ward_value {
    enum ward_type type;
    bool boolean;
    int64_t integer;
    const uint8_t *p;
    size_t len;
};
struct ward_value ward_value_null(void);
struct ward_value ward_value_bool(bool b);
struct ward_value ward_value_int(int64_t i);
struct ward_value ward_value_text(const char *text); /* NUL-terminated, borrowed */
struct ward_value ward_value_bytes(const void *p, size_t len);
struct ward_value ward_value_id(const struct ward_id *id);

/* ---------------------------------------------------------------- schema */

/* The class stands in the field's number (proto/merge.md): WARD_FIELD(class, n), n >= 1. */
enum ward_field_class { WARD_OPEN = 0, WARD_GOVERNED = 1, WARD_MEMBER = 2, WARD_TALLY = 3 };
#define WARD_FIELD(cls, n)  ((uint32_t)(((uint32_t)(n) << 2) | (uint32_t)(cls)))
#define WARD_FIELD_PRESENCE 1u

/* What a view shows of several live values, and whether they are a conflict.
 *   policy          shows                                     is a conflict when
 *   WARD_CONFLICT   the greatest by rank, depth, feed         two differ (governed: among the greatest rank)
 *   WARD_LATEST     the same                                  never
 *   WARD_MAX        the greatest integer                      never
 *   WARD_ADD_WINS   members with any live true                never
 *   WARD_SUM        the sum over all feeds                    never
 *   WARD_FIXED      as WARD_CONFLICT; ward_put refuses to change it once set */
enum ward_policy { WARD_CONFLICT, WARD_LATEST, WARD_MAX, WARD_ADD_WINS, WARD_SUM, WARD_FIXED };

struct ward_field_def {
    uint32_t number;
    const char *name; /* column of the plain table; [a-z_]+ */
    enum ward_type type;
    enum ward_policy policy;
    size_t len_max; /* of text or bytes; 0: the protocol's limit */
};
struct ward_kind_def {
    uint32_t number;  /* 16 ... 65535 */
    const char *name; /* the plain table; [a-z_]+ */
    const struct ward_field_def *fields;
    size_t field_count;
};
/* An order of a kind's records, kept beside them, by which ward_find finds some without reading the others: by the value that the first
 * field shows, then the second ..., then by id. Of a set each member has an entry, so a record may stand in several places. Text stands as
 * people count: II.2 before II.10. Of a long text the first 200 bytes count. */
#define WARD_INDEX_COLUMNS 4
#define WARD_BY_PROPOSED   0xffffffffu /* as the first field: each governed field beside whose value another one waits; its number */
struct ward_index_def {
    uint32_t kind;
    uint32_t by[WARD_INDEX_COLUMNS]; /* fields, 0 after the last; none: by id. A set only as the first */
    uint32_t or_by;                  /* 0, or a field: the same entries once more with this one in the place of the first */
};
/* Static data of the application; must outlive the replica. */
struct ward_schema {
    const struct ward_kind_def *kinds;
    size_t kind_count;
    uint32_t version;
    const struct ward_index_def *indexes;
    size_t index_count;
};

/* ---------------------------------------------------------------- the world outside */

/* Memory, clocks and randomness come from here; NULL in ward_options means the platform's. All functions are needed. Each function is
 * called from the thread that uses the replica only (but see struct ward_helper). alloc: realloc's contract (size 0 frees). wall_ms is
 * claimed in changes and orders nothing. */
struct ward_env {
    void *ctx;
    void *(*alloc)(void *ctx, void *p, size_t size);
    int64_t (*wall_ms)(void *ctx);
    int64_t (*mono_ms)(void *ctx);
    int (*random)(void *ctx, void *out, size_t len); /* 0, or not 0 where no randomness can be had */
};

/* A second thread, for work that can be done before its turn: what has come and waits is read ahead, that is unpacked, parsed, hashed and
 * its signature tried, while what came before is merged and written. What comes of it, errors and their order too, is the same without; it
 * takes less time where there are two processors, and some 1 MiB. Then `alloc` is called from both threads, and must bear that.
 *
 * begin: job->run(job) is to be called once, in any thread but one after another in the order of their beginning; finish: whether it has
 * returned, and with `wait` not before it has; withdraw: if it has not been called yet it will not be any more, and the answer is true.
 * next and done are for whoever does so. Each job is begun, and then finished or withdrawn, before it is begun again. */
struct ward_job {
    void (*run)(struct ward_job *job);
    struct ward_job *next;
    bool done;
};
struct ward_helper {
    void *ctx;
    void (*begin)(void *ctx, struct ward_job *job);
    bool (*finish)(void *ctx, struct ward_job *job, bool wait);
    bool (*withdraw)(void *ctx, struct ward_job *job);
};
/* The platform's, whose thread starts with the first job, for any number of replicas; *out is NULL where this process may use one processor
 * only, and nothing would be gained. WARD_ERR_MEMORY. */
int ward_helper_open(struct ward_helper **out, struct ward_error *err);
/* After all replicas that have it are closed. */
void ward_helper_close(struct ward_helper *helper);

/* Asked when a key file is sealed and its keys are needed: fills out with a text of less than WARD_PASSPHRASE_MAX bytes and returns 0, or
 * an error of its own (WARD_ERR_PASSPHRASE_NEEDED where nobody can be asked). The library wipes out after use. */
#define WARD_PASSPHRASE_MAX 256
typedef int ward_passphrase_fn(void *ctx, char out[WARD_PASSPHRASE_MAX], struct ward_error *err);

struct ward_options {
    const struct ward_schema *schema; /* NULL: core kinds only */
    const struct ward_env *env;       /* NULL: the platform's */
    bool read_only;                   /* a sealed key file then stays sealed: nothing can be written, signed or synced */
    const char *vfs;                  /* a registered SQLite VFS by name, or NULL */
    ward_passphrase_fn *passphrase;   /* NULL: sealed key files cannot be opened */
    void *passphrase_ctx;
    const struct ward_helper *helper; /* NULL: all is done in the caller's thread */
};

typedef struct ward_replica ward_replica;

/* ---------------------------------------------------------------- founding and opening */

enum ward_role { WARD_ROLE_ROOT = 0, WARD_ROLE_CELL = 1, WARD_ROLE_OPERATOR = 2, WARD_ROLE_INSPECTOR = 3, WARD_ROLE_HUB = 4 };

/* Founds a ward in `home`, an empty or missing directory: root key, this device's keys, its grant as operator for `unit`.
 * WARD_ERR_HOME_EXISTS, WARD_ERR_HOME_READONLY, WARD_ERR_DISK_FULL. Nothing stays behind on failure. */
int ward_found(ward_replica **out, const char *home, const char *ward_name, const struct ward_id *unit, const char *device_name,
               const struct ward_options *options, struct ward_error *err);

/* The process holds keys from now on, and leaves no core dumps any more (so with ward_found and ward_join).
 * WARD_ERR_HOME_MISSING, WARD_ERR_NOT_A_REPLICA, WARD_ERR_NEWER, WARD_ERR_KEY_MODE, WARD_ERR_CORRUPT, WARD_ERR_PASSPHRASE ... */
int ward_open(ward_replica **out, const char *home, const struct ward_options *options, struct ward_error *err);
void ward_close(ward_replica *r);

/* Opened by ward_options.read_only: all that would write gives WARD_ERR_HOME_READONLY. */
bool ward_is_read_only(const ward_replica *r);

struct ward_self {
    struct ward_hash ward;
    struct ward_hash grant;
    struct ward_id unit;
    enum ward_role role;
    char ward_name[256];
    char device_name[256];
    uint8_t link_pk[32];
    char words[WARD_FINGERPRINT]; /* of its keys */
};
int ward_self(ward_replica *r, struct ward_self *out, struct ward_error *err);

/* ---------------------------------------------------------------- keys */

/* Key files (proto/keyfile.md): device.key, and root.key where the ward was founded, open or sealed with a passphrase. */
struct ward_key_state {
    bool device_sealed;
    bool root_here, root_sealed;
};
/* WARD_ERR_KEY_MISSING, WARD_ERR_KEY_MODE, WARD_ERR_KEY_FILE. */
int ward_key_state(const char *home, struct ward_key_state *out, struct ward_error *err);
/* Seals both key files of a home anew with `now`; NULL leaves them open. before: what they are sealed with so far, or NULL. Each file is
 * replaced whole or not at all; where that broke off between the two, the same call again ends it. Takes a second or two.
 * WARD_ERR_PASSPHRASE (nothing was changed), WARD_ERR_PASSPHRASE_NEEDED, WARD_ERR_PASSPHRASE_SHORT. options: for env, may be NULL. */
int ward_key_passphrase(const char *home, const char *before, const char *now, const struct ward_options *options, struct ward_error *err);
/* The first line of a file that is as private as a key file must be: WARD_ERR_KEY_MODE, WARD_ERR_KEY_MISSING, WARD_ERR_UTF8. */
int ward_passphrase_read(const char *path, char out[WARD_PASSPHRASE_MAX], struct ward_error *err);

/* The recovery sheet: the ward's root key, sealed with a passphrase of the sheet's own, for paper. It names a new operator when all
 * operators' devices are lost. */
#define WARD_SHEET_LINES 12
#define WARD_SHEET_LINE  32
#define WARD_SHEET_CODE  208
struct ward_sheet {
    struct ward_hash ward;
    uint8_t root_pk[32];
    char line[WARD_SHEET_LINES][WARD_SHEET_LINE]; /* "ABCD EFGH IJKL MNOP  QRST", to stand after its number; the last group checks it */
    char code[WARD_SHEET_CODE];                   /* the same in one piece, of characters that a QR code packs well */
};
/* From the root.key of home; before: what that is sealed with, or NULL; now: the sheet's own passphrase. options: for env, may be NULL.
 * WARD_ERR_ROOT_MISSING, WARD_ERR_PASSPHRASE, WARD_ERR_PASSPHRASE_NEEDED, WARD_ERR_PASSPHRASE_SHORT. */
int ward_sheet_make(const char *home, const char *before, const char *now, const struct ward_options *options, struct ward_sheet *out,
                    struct ward_error *err);
/* From text that holds the numbered lines, in any order among others, or the code. WARD_ERR_SHEET; *bad (may be NULL) then has bit n - 1
 * set for each line n that is missing or mistyped, or is 0 where all are fine and are of different sheets. */
int ward_sheet_read(const char *text, struct ward_sheet *out, uint32_t *bad, struct ward_error *err);
/* Whether one line, without its number, is typed as it was printed. */
bool ward_sheet_line_fits(unsigned number, const char *typed);
/* Opens the sheet to see that it is good: this ward's, with this passphrase. remove_root: then root.key is taken off the home, for which
 * there is no other way. WARD_ERR_SHEET_WARD, WARD_ERR_PASSPHRASE, WARD_ERR_ROOT_MISSING. */
int ward_sheet_check(ward_replica *r, const struct ward_sheet *sheet, const char *passphrase, bool remove_root, struct ward_error *err);

/* Makes a new operator's device in `home`, empty or missing, from the sheet, when no operator is left to invite one. The ward's records
 * come first, from bundles of any of its devices (the newest there are, best of several); then the root writes the grant. All devices take
 * it that hold the root's earlier word. The root key is not kept. Nothing stays behind on failure; what a power cut leaves, the same call
 * clears away. WARD_ERR_PASSPHRASE, WARD_ERR_HOME_EXISTS, WARD_ERR_BUNDLE_*, WARD_ERR_GRANT_UNKNOWN (the bundles do not hold the records
 * from their beginning). */
int ward_recover(ward_replica **out, const char *home, const struct ward_sheet *sheet, const char *passphrase, const char *const *bundles,
                 size_t bundle_count, const struct ward_id *unit, const char *device_name, const struct ward_options *options,
                 struct ward_error *err);

/* ---------------------------------------------------------------- spaces */

/* The ward space, or the space of a circle. Ids only are computed; a space comes into being by the first change in it. */
void ward_space_of_ward(const ward_replica *r, struct ward_hash *out);
/* units in any order; duplicates count once. WARD_ERR_LIMIT_CIRCLE. The circle is remembered so that ward_put can found the space. */
int ward_space_of_circle(ward_replica *r, struct ward_hash *out, const struct ward_id *units, size_t count, struct ward_error *err);
/* Where a record lives. WARD_ERR_NOT_FOUND. If several spaces name the same record, the one with the greatest writer, oldest first. */
int ward_space_of_record(ward_replica *r, struct ward_hash *out, uint32_t kind, const struct ward_id *entity, struct ward_error *err);

struct ward_space_info {
    struct ward_hash id;
    struct ward_hash digest; /* equal digests: equal sets of changes */
    uint64_t changes;
    const struct ward_id *circle; /* valid during the callback; empty for the ward space */
    size_t circle_count;
};
/* Callbacks return 0 to go on; anything else ends the iteration and is returned. They must not write to the replica. */
typedef int ward_space_fn(void *ctx, const struct ward_space_info *space);
int ward_spaces(ward_replica *r, ward_space_fn *fn, void *ctx, struct ward_error *err);
/* H over all live slots of the space: the slow proof that two replicas hold the same state. */
int ward_state_digest(ward_replica *r, const struct ward_hash *space, struct ward_hash *out, struct ward_error *err);

/* ---------------------------------------------------------------- writing */

/* A transaction is one user's act: a change for each space it touches, several where it is too large for one, all durable together or not
 * at all. It must be committed or aborted, before its replica is closed. */
typedef struct ward_txn ward_txn;

int ward_begin(ward_replica *r, ward_txn **out, struct ward_error *err);
int ward_new_id(ward_replica *r, struct ward_id *out, struct ward_error *err); /* UUIDv7. WARD_ERR_RANDOM */

/* Writes a slot. key: member of a set (WARD_MEMBER), else NULL, 0. For WARD_TALLY fields the value is what to add to this device's own
 * total. Values are copied. Errors: WARD_ERR_UNKNOWN_KIND, WARD_ERR_UNKNOWN_FIELD, WARD_ERR_VALUE (type), WARD_ERR_UTF8, WARD_ERR_LIMIT_*,
 * WARD_ERR_NOT_ENTITLED, WARD_ERR_SPACE. After an error the transaction can go on without it. */
int ward_put(ward_txn *t, const struct ward_hash *space, uint32_t kind, const struct ward_id *entity, uint32_t field, const void *key,
             size_t key_len, const struct ward_value *value, struct ward_error *err);
/* The record is shown no more; what others write into it meanwhile stands against that as a conflict. Errors as ward_put. */
int ward_delete(ward_txn *t, const struct ward_hash *space, uint32_t kind, const struct ward_id *entity, struct ward_error *err);
/* Why: kept beside the changes of this transaction, about the record (kind 3, reason). WARD_ERR_REASON: it is empty; else as ward_put. */
int ward_reason(ward_txn *t, const struct ward_hash *space, uint32_t kind, const struct ward_id *entity, const char *text,
                struct ward_error *err);

struct ward_commit {
    size_t changes; /* at least one per space */
    size_t ops;
    uint64_t bytes;
};
/* Durable on return. What stands in the replica is looked at now: WARD_ERR_IN_CONFLICT (resolve it first), WARD_ERR_FIXED,
 * WARD_ERR_NOT_FOUND (the record was deleted), WARD_ERR_CUT. Writes that change nothing are left out; WARD_ERR_NOTHING if nothing is left
 * (the transaction is then over and nothing was written). The transaction is freed in any case. */
int ward_commit(ward_txn *t, struct ward_commit *out, struct ward_error *err);
void ward_abort(ward_txn *t);

/* ---------------------------------------------------------------- reading */

/* One live value of a slot with its author. */
struct ward_live {
    struct ward_value value; /* valid while the record is */
    struct ward_hash feed;
    uint64_t seq;
    struct ward_hash grant;
    struct ward_id unit;
    enum ward_role role;
    int64_t wall_ms; /* the author's claim */
};

/* A snapshot of one record. */
typedef struct ward_record ward_record;
/* WARD_ERR_NOT_FOUND also for deleted records unless with_deleted. */
int ward_get(ward_replica *r, uint32_t kind, const struct ward_id *entity, bool with_deleted, ward_record **out, struct ward_error *err);
void ward_record_free(ward_record *rec);
const struct ward_id *ward_record_id(const ward_record *rec);
const struct ward_hash *ward_record_space(const ward_record *rec);
bool ward_record_deleted(const ward_record *rec);
size_t ward_record_conflicts(const ward_record *rec);
/* The value a view shows; WARD_NULL where nothing was written. For sums the sum. Not for member fields. */
struct ward_value ward_record_value(const ward_record *rec, uint32_t field);
bool ward_record_is_provisional(const ward_record *rec, uint32_t field); /* in conflict: shown until someone decides */
bool ward_record_is_proposed(const ward_record *rec, uint32_t field); /* governed: a value of lesser authority waits beside the one shown */
/* Live values of a field, the shown one first, then in descending order (proto/merge.md): i from 0, below the count. A value lives as long
 * as the record. WARD_ERR_NOT_FOUND: there is no such value. */
size_t ward_record_live_count(const ward_record *rec, uint32_t field);
int ward_record_live(const ward_record *rec, uint32_t field, size_t i, struct ward_live *out, struct ward_error *err);
/* Members of a set that are in, ascending by key; *key lives as long as the record. WARD_ERR_NOT_FOUND: there are no more. */
size_t ward_record_member_count(const ward_record *rec, uint32_t field);
int ward_record_member(const ward_record *rec, uint32_t field, size_t i, const uint8_t **key, size_t *key_len);

typedef int ward_record_fn(void *ctx, const ward_record *rec);
/* All shown records of a kind, in order of id. The record is valid during the callback. */
int ward_each(ward_replica *r, uint32_t kind, ward_record_fn *fn, void *ctx, struct ward_error *err);
/* What is looked for in an index: entries whose first columns hold these values, in the index's order. */
struct ward_query {
    size_t index; /* in the schema's list */
    const struct ward_value *is;
    size_t is_count;
    const char *begins; /* NULL, or: the column after those is a text that begins so (a number within it taken whole) */
    bool backward;
};
/* The records found; as ward_each. A record with several entries that fit comes several times. Where the index was made by another schema
 * and could not be renewed yet (a replica that is only read), the kind's records are read instead. WARD_ERR_ARGUMENT: no such index. */
int ward_find(ward_replica *r, const struct ward_query *query, ward_record_fn *fn, void *ctx, struct ward_error *err);
int ward_find_count(ward_replica *r, const struct ward_query *query, uint64_t *out, struct ward_error *err);
/* The entries alone, without reading the records. columns: what the index holds of this one, valid during the callback. */
typedef int ward_entry_fn(void *ctx, const struct ward_id *id, const struct ward_value *columns, size_t column_count);
int ward_find_entries(ward_replica *r, const struct ward_query *query, ward_entry_fn *fn, void *ctx, struct ward_error *err);
/* The shown records of a kind whose id starts with a hex prefix (4 ... 32 digits), in order of id. WARD_ERR_NOT_FOUND: it is none. */
int ward_each_prefix(ward_replica *r, uint32_t kind, const char *hex_prefix, ward_record_fn *fn, void *ctx, struct ward_error *err);
/* Ids of a kind that start with a hex prefix (4 ... 32 digits): WARD_ERR_NOT_FOUND, WARD_ERR_AMBIGUOUS (count in detail). */
int ward_find_prefix(ward_replica *r, uint32_t kind, const char *hex_prefix, struct ward_id *out, struct ward_error *err);

/* ---------------------------------------------------------------- history */

struct ward_change_info {
    struct ward_hash space;
    struct ward_hash feed;
    uint64_t seq;
    struct ward_hash hash;
    struct ward_hash grant;
    struct ward_id unit;
    enum ward_role role;
    int64_t wall_ms;
    uint64_t depth;
    size_t op_count;
    bool own; /* written here */
};
struct ward_op_info {
    uint32_t kind;
    struct ward_id entity;
    uint32_t field;
    const uint8_t *key;
    size_t key_len;
    struct ward_value value;
};
/* Each change in order of arrival here, with its operations. entity NULL: all. */
typedef int ward_history_fn(void *ctx, const struct ward_change_info *change, const struct ward_op_info *ops, size_t op_count);
int ward_history(ward_replica *r, const struct ward_id *entity, ward_history_fn *fn, void *ctx, struct ward_error *err);

/* The same with a choice of what is looked at. Where it is about one record or one device, the log of others is not read. */
struct ward_history_query {
    uint32_t kind;                 /* with entity: the record that the changes are about; they come whole, with their other operations */
    const struct ward_id *entity;  /* NULL: any */
    const struct ward_hash *grant; /* the device that wrote them; NULL: any */
    bool backward;                 /* the newest arrival first; a callback that has enough returns what is not 0 */
};
int ward_history_find(ward_replica *r, const struct ward_history_query *query, ward_history_fn *fn, void *ctx, struct ward_error *err);

/* ---------------------------------------------------------------- set aside */

/* Changes that are held and have no effect: beyond where a device was cut, beyond where its feed was continued in two ways, or under a
 * grant that does not count. Nothing of them is lost: who is entitled writes them anew under an own name. */
enum ward_aside_why { WARD_ASIDE_CUT, WARD_ASIDE_FORK, WARD_ASIDE_GRANT };
struct ward_aside {
    struct ward_hash head; /* names it: the hash of its last change */
    struct ward_hash space, feed, grant;
    struct ward_id unit;
    enum ward_aside_why why;
    uint64_t first, last;   /* seqs in the feed */
    uint64_t released;      /* written anew up to this seq; 0: nothing */
    int64_t from_ms, to_ms; /* when the first and the last were written, by their author's clock */
    bool own;               /* of this home, under its grant or a former one */
};
typedef int ward_aside_fn(void *ctx, const struct ward_aside *aside);
int ward_asides(ward_replica *r, ward_aside_fn *fn, void *ctx, struct ward_error *err);
/* Its changes that were not released yet, with their operations. WARD_ERR_NOT_FOUND. */
int ward_aside_show(ward_replica *r, const struct ward_hash *head, ward_history_fn *fn, void *ctx, struct ward_error *err);
/* Writes what was not released yet anew, as changes of this device, with what their author had seen: where somebody wrote something else
 * meanwhile, both stand side by side as a conflict. Once released it is not released again, by anyone who has heard of it. Operators; and a
 * device that goes on in a home, for what it wrote there before, which also happens by itself. reason: for operators, required. changes:
 * how many were written. WARD_ERR_NOT_FOUND, WARD_ERR_NOT_ENTITLED, WARD_ERR_REASON, WARD_ERR_NOTHING: all of it was released before. */
int ward_aside_release(ward_replica *r, const struct ward_hash *head, const char *reason, size_t *changes, struct ward_error *err);

/* ---------------------------------------------------------------- conflicts */

struct ward_conflict {
    struct ward_id id;
    struct ward_hash space;
    uint32_t kind;
    struct ward_id entity;
    uint32_t field; /* WARD_FIELD_PRESENCE: an edit against a deletion */
    size_t value_count;
    const struct ward_live *values; /* distinct values, the provisional one first, in descending order; valid during the callback */
    const bool *seen;               /* value_count x value_count: seen[i * n + j]: the author of i had seen value j's change */
};
typedef int ward_conflict_fn(void *ctx, const struct ward_conflict *conflict);
int ward_conflicts(ward_replica *r, ward_conflict_fn *fn, void *ctx, struct ward_error *err);
/* Those whose id starts with a hex prefix (4 ... 32 digits). WARD_ERR_NOT_FOUND: it is none. */
int ward_conflicts_prefix(ward_replica *r, const char *hex_prefix, ward_conflict_fn *fn, void *ctx, struct ward_error *err);
int ward_conflict_count(ward_replica *r, size_t *out, struct ward_error *err);
/* Settles one: writes `value` (or, if NULL, the value with index take, as listed) with a reason. For a presence conflict the value is a
 * boolean: true keeps the record. expected_count guards against values that arrived meanwhile (WARD_ERR_STALE). WARD_ERR_NO_RIGHT: someone
 * of greater rank wrote one of the values. WARD_ERR_REASON: it is empty; WARD_ERR_NOT_FOUND, WARD_ERR_ARGUMENT (take); else as
 * ward_commit. */
int ward_resolve(ward_replica *r, const struct ward_id *conflict, size_t expected_count, size_t take, const struct ward_value *value,
                 const char *reason, struct ward_error *err);

/* ---------------------------------------------------------------- devices */

/* A one-time invitation; the code is the only place where the secret stands. out: at least WARD_INVITE_MAX bytes. address_count 0: the
 * addresses that the ward knows. WARD_ERR_NOT_ENTITLED, WARD_ERR_ADDRESS. */
#define WARD_INVITE_MAX 2048
int ward_invite(ward_replica *r, const struct ward_id *unit, enum ward_role role, const char *const *hub_addresses, size_t address_count,
                int64_t lifetime_ms, char *out, size_t out_size, struct ward_error *err);
/* A unit's device is gone and another takes its place: its rights are ended as by ward_revoke, and an invitation for the same unit, role
 * and name is made, in one change. Errors as those two. */
int ward_replace(ward_replica *r, const struct ward_hash *grant, const char *reason, const char *const *hub_addresses, size_t address_count,
                 int64_t lifetime_ms, char *out, size_t out_size, struct ward_error *err);

enum ward_invitation_state { WARD_INVITATION_OPEN, WARD_INVITATION_USED, WARD_INVITATION_EXPIRED, WARD_INVITATION_WITHDRAWN };
struct ward_invitation_info {
    struct ward_id id;
    struct ward_id unit;
    enum ward_role role;
    int64_t expires_ms; /* judged here by this replica's clock, when it is used by that of whoever admits */
    enum ward_invitation_state state;
    char name[256];           /* of the device to come, or "" */
    bool follows_one;         /* it is to take the place of another: */
    struct ward_hash follows; /* that one's grant */
    struct ward_hash used_by; /* WARD_INVITATION_USED */
};
typedef int ward_invitation_fn(void *ctx, const struct ward_invitation_info *invitation);
int ward_invitations(ward_replica *r, ward_invitation_fn *fn, void *ctx, struct ward_error *err);
/* Nobody gets in by it any more. WARD_ERR_INVITE_USED: too late, WARD_ERR_NOT_ENTITLED, WARD_ERR_NOTHING: it was withdrawn before. */
int ward_invite_withdraw(ward_replica *r, const struct ward_id *invitation, struct ward_error *err);

/* Enrols a device in `home` over the network: asks the first hub address that answers, checks the ward, stores keys and grant. Asking
 * again after a broken link, or where the first call ended before it could tell of its success, gives the same device.
 * A home of this ward that exists goes on under the new grant, with new keys and everything it holds; its old keys are not needed, but
 * where they were sealed the new ones are sealed with the same passphrase, which is asked. Nobody else may have it open.
 * WARD_ERR_INVITE_*, WARD_ERR_NETWORK, WARD_ERR_HOME_EXISTS, WARD_ERR_HOME_HOLDS_MORE. After a failure ask again with
 * the same home: what it holds by then is gone on with. */
int ward_join(ward_replica **out, const char *home, const char *code, const char *device_name, int timeout_ms,
              const struct ward_options *options, struct ward_error *err);

/* The same by files, where no hub is in reach (proto/admission.md). Each step can be done again and then does the same.
 * First, on the new device: makes its keys and a request that anyone may see. words: read them to the operator. */
int ward_join_request(const char *home, const char *code, const char *device_name, const char *path, const struct ward_options *options,
                      char words[WARD_FINGERPRINT], struct ward_error *err);
/* Last, there again: makes the home of it, or goes on under it in one that exists. WARD_ERR_ANSWER, WARD_ERR_ANSWER_FOREIGN,
 * WARD_ERR_NOT_ASKED. */
int ward_join_accept(ward_replica **out, const char *home, const char *path, const struct ward_options *options, struct ward_error *err);

/* In between, where someone may grant it: what a request file asks for. WARD_ERR_REQUEST, WARD_ERR_INVITE_UNKNOWN. */
struct ward_request_info {
    bool replaces_keys;      /* of a device, and by its old keys; else by an invitation */
    struct ward_hash device; /* that one */
    struct ward_id unit;
    enum ward_role role;
    char name[256];
    char words[WARD_FINGERPRINT];
    bool granted; /* already */
};
int ward_request_show(ward_replica *r, const char *path, struct ward_request_info *out, struct ward_error *err);
/* Grants it as a hub would online, and writes the answer (NULL: none; a device that asked for new keys over a link asks again). *grant: of
 * the device. WARD_ERR_REQUEST, WARD_ERR_INVITE_*, WARD_ERR_NOT_ENTITLED, WARD_ERR_KEYS_REPLACED, WARD_ERR_CUT. */
int ward_admit(ward_replica *r, const char *request, const char *answer, struct ward_hash *grant, struct ward_error *err);
/* The same for a device whose request a hub has noted (ward_device.asks), because it could not grant it itself. */
int ward_request_noted(ward_replica *r, const struct ward_hash *device, struct ward_request_info *out, struct ward_error *err);
int ward_admit_noted(ward_replica *r, const struct ward_hash *device, const char *answer, struct ward_hash *grant, struct ward_error *err);

/* New keys for this device: asked for by the old ones at the hub (address NULL: the ward's hub addresses in turn), or granted here where it
 * is an operator's; r is then the new device, in the same home. What a cell wrote and has not delivered lies beyond the cut of its old
 * keys: sync first. WARD_ERR_KEYS_WAIT: an operator decides; ask again later. options: for passphrase, as at ward_open. */
int ward_rotate(ward_replica *r, const char *address, int timeout_ms, const struct ward_options *options, struct ward_error *err);
/* Of an operator's device that others call (a hub's): writes the grant of the new keys and goes on under the old ones, until ward_rotate.
 * Those who sync meanwhile will know the new ones. WARD_ERR_NOT_ENTITLED. */
int ward_rotate_announce(ward_replica *r, const struct ward_options *options, char words[WARD_FINGERPRINT], struct ward_error *err);
/* The same by files: the request, with what is not known to be delivered; ward_admit; ward_join_accept. */
int ward_rotate_request(ward_replica *r, const char *path, const struct ward_options *options, char words[WARD_FINGERPRINT],
                        struct ward_error *err);

struct ward_device {
    struct ward_hash grant;
    struct ward_id unit;
    enum ward_role role;
    char name[256];
    bool self;
    bool ended;              /* cut */
    int64_t last_contact_ms; /* by this replica's clock; 0: never */
    int64_t clock_offset_ms; /* its clock minus ours at the last contact */
    uint64_t backlog_to;     /* changes here that it may read and had not at the last contact */
    bool backlog_known;
    char address[128];
    char words[WARD_FINGERPRINT]; /* of its keys */
    bool follows_one;             /* it goes on for another, under new keys or on new hardware: */
    struct ward_hash follows;     /* that one's grant */
    bool asks;                    /* for new keys, and a hub could not grant it (ward_admit_noted) */
};
typedef int ward_device_fn(void *ctx, const struct ward_device *device);
int ward_devices(ward_replica *r, ward_device_fn *fn, void *ctx, struct ward_error *err);
/* Ends a device's rights (a cut at what is known here of its feeds), for ever. Operators only: WARD_ERR_NOT_ENTITLED, WARD_ERR_NOT_FOUND,
 * WARD_ERR_REASON (it is empty), WARD_ERR_HISTORY (what is to be cut is not held here). */
int ward_revoke(ward_replica *r, const struct ward_hash *grant, const char *reason, struct ward_error *err);
/* The same, of what it wrote keeping no more than the first `changes` changes, in the order in which they arrived here (ward_history gives
 * them in that order). WARD_ERR_RANGE: it has not written so many. WARD_ERR_SETTLED: more of them are settled (ward_compact). */
int ward_revoke_after(ward_replica *r, const struct ward_hash *grant, uint64_t changes, const char *reason, struct ward_error *err);

/* ---------------------------------------------------------------- compaction */

/* The ward settles what all devices hold of a circle's history: a *floor* is proposed, closed once every device in force is known to hold
 * it and all that it settles, and from then on each device lets go of the changes below it and keeps what they came to. What is settled can
 * neither be cut nor be contradicted any more (proto/authority.md). */
struct ward_compact_holder { /* a device that holds a floor back */
    struct ward_hash grant;
    struct ward_id unit;
    enum ward_role role;
    char name[256];
    int64_t last_contact_ms; /* by this replica's clock; 0: it was never met here */
    uint64_t behind;         /* changes to be settled that it is not known to hold */
    bool unheard;            /* it is not known to hold the floor itself */
    bool left;               /* it was left behind: nothing waits for it */
};
struct ward_compact_space {
    struct ward_hash space;
    const struct ward_id *circle;
    size_t circle_count;
    uint64_t changes, bytes;                   /* that would leave the log here with the floor that is proposed, or could be now */
    uint64_t settled;                          /* changes settled before */
    bool proposed;                             /* it is, and waits to be closed */
    bool too_many;                             /* more devices wrote here than a floor can name */
    const struct ward_compact_holder *holders; /* valid during the callback */
    size_t holder_count;
    size_t holding; /* of them, those that were not left behind */
};
typedef int ward_compact_fn(void *ctx, const struct ward_compact_space *space);
/* Each space of a circle. What devices hold is known here of those that have met this one: it tells most at the hub. */
int ward_compact_plan(ward_replica *r, ward_compact_fn *fn, void *ctx, struct ward_error *err);

#define WARD_COMPACT_LEAST 256 /* what is less is not worth the bytes of a floor */
struct ward_compact_options {
    const struct ward_hash *leave; /* grants of devices that nothing waits for: what they write later still counts */
    size_t leave_count;
    uint64_t least; /* propose where so many changes would go */
    bool keep;      /* this device goes on holding the history: somebody should, for who asks for it */
};
struct ward_compact_result {
    size_t proposed, closed, waiting; /* spaces; waiting: proposed before, and held back */
    uint64_t dropped, dropped_bytes;  /* changes that left the log here, and what they took there */
    uint64_t shrunk;                  /* bytes by which the file has become smaller: all that was free in it */
    bool keeps_size;                  /* it cannot: an earlier build made the file. What is free in it is used again */
};
/* Operators and hubs: closes what every device holds, and proposes floors where enough would go. Every device: what is closed, and all held
 * here, leaves the log, and the state that it came to begins it (proto/snapshot.md); the file gives what is free in it back to the disk. */
int ward_compact(ward_replica *r, const struct ward_compact_options *options, struct ward_compact_result *out, struct ward_error *err);

/* ---------------------------------------------------------------- status */

struct ward_status {
    struct ward_hash digest; /* over all spaces held */
    size_t spaces;
    uint64_t changes;
    uint64_t unsent;         /* own changes that no other device is known to hold */
    int64_t unsent_since_ms; /* when the oldest of them was written; 0: none */
    size_t conflicts;
    size_t devices;
    uint64_t quarantined; /* changes that are set aside and not released */
    size_t waiting;       /* own changes that were withdrawn and are about to be written anew */
    uint64_t receipted;   /* own changes that a hub has sealed as held durably */
    uint64_t hub_lost;    /* of them, those that a hub did not hold any more when it was met last */
    size_t hub_rewrote;   /* feeds of which a hub showed another history than it had sealed */
    int64_t restored_ms;  /* when a backup was put back here in place of another file, by this clock; 0: never */
    size_t awaited;       /* devices not met since then: what was written after the backup comes back with them */
    size_t bases;         /* spaces that stand with the state their history had come to, and */
    uint64_t below_base;  /* the changes that are not held for that */
    size_t doubtful;      /* of them, spaces where a cut takes effect only when the history is here */
};
int ward_status(ward_replica *r, struct ward_status *out, struct ward_error *err);

/* ---------------------------------------------------------------- sync */

enum ward_event_type {
    WARD_EVENT_LISTENING,    /* text: the bound address */
    WARD_EVENT_PEER_UP,      /* grant, text: name */
    WARD_EVENT_PEER_DOWN,    /* grant, code: why (0: it left) */
    WARD_EVENT_PEER_REFUSED, /* code */
    WARD_EVENT_PROGRESS,     /* done of total changes, in either direction; total 0: not known yet */
    WARD_EVENT_INGESTED,     /* done: changes applied, from grant */
    WARD_EVENT_RUN_REFUSED,  /* code, text: where; from grant */
    WARD_EVENT_SYNCED,       /* grant: both are equal now */
    WARD_EVENT_JOINED,       /* grant of the new device, text: its name */
    WARD_EVENT_CLOCK,        /* done: the peer's clock is off by so many ms (signed) */
    WARD_EVENT_RECEIPT,      /* from grant; code 0: kept, done: own changes it newly covers; else why it was refused */
    WARD_EVENT_FORK,         /* grant has written two histories; done: the last change that they share */
    WARD_EVENT_HUB,          /* grant no longer holds what it had sealed: WARD_ERR_HUB_LOST, done: changes; or WARD_ERR_HUB_REWROTE */
    WARD_EVENT_BASE,         /* a space's history is here and says other than the snapshot that it had begun with; grant: who gave that */
    WARD_EVENT_ENDED         /* who serves: this device's own rights have ended, code WARD_ERR_CUT. It goes on answering, and has no say */
};
struct ward_event {
    enum ward_event_type type;
    int code;
    struct ward_hash grant;
    int64_t done, total;
    const char *text;  /* valid during the call, as all of it; NULL: nothing more to say */
    const char *words; /* WARD_EVENT_JOINED: of the new device's keys */
};
/* Called in the thread that syncs or serves. It must not write to that replica. */
typedef void ward_event_fn(void *ctx, const struct ward_event *event);

struct ward_sync_options {
    const char *address;            /* NULL: the ward's hub addresses in turn */
    const struct ward_hash *device; /* whose link key to expect at the address; NULL: the hub's, or who was met there before */
    int timeout_ms;                 /* without progress; 0: 15000 */
    bool plan;                      /* compare only, move nothing */
    bool history;                   /* spaces come with their whole history, also those that began with their state; else a space of which
                                     * nothing is held yet comes as its state, where the peer may vouch for it (proto/snapshot.md) */
    ward_event_fn *on_event;
    void *ctx;
    const bool *cancel; /* looked at between steps by the thread that called, and to be set there, in on_event; NULL: never.
                         * WARD_ERR_CANCELLED */
};
struct ward_sync_result {
    struct ward_hash peer;
    uint64_t sent, received;      /* changes (with plan: that would be) */
    uint64_t bytes_out, bytes_in; /* frames, above CURVE */
    uint64_t refused_here, refused_there;
    size_t conflicts_new;
    int64_t ms;
    int64_t clock_offset_ms;
    uint64_t receipted;      /* own changes that the peer has newly sealed as held durably */
    int64_t receipt_wall_ms; /* by its clock; 0: it sealed nothing new */
    uint64_t hub_lost;       /* own changes that it had sealed and no longer held when this round began; they are sent again by it */
    bool hub_rewrote;        /* it shows another history of this device than it had sealed */
    uint64_t states;         /* spaces that came as their state */
    uint64_t histories;      /* spaces whose history has come and taken the place of the state that they had begun with */
};
/* One round with one peer, until both hold the same. What was committed before an error stays, and *out (never NULL) tells of it then too.
 * WARD_ERR_NO_HUB (no address is known), WARD_ERR_ADDRESS; those that pass: WARD_ERR_NETWORK, WARD_ERR_TIMEOUT, WARD_ERR_PAUSE; those that
 * do not: WARD_ERR_HANDSHAKE and WARD_ERR_KEY_REFUSED (who answers is another, or does not know this device), WARD_ERR_CUT. */
int ward_sync(ward_replica *r, const struct ward_sync_options *options, struct ward_sync_result *out, struct ward_error *err);

struct ward_serve_options {
    const char *const *listen; /* tcp://HOST:PORT, port 0 picks one */
    size_t listen_count;
    int every_ms; /* sync upward with the hub that often, and at once after local changes; 0: never */
    ward_event_fn *on_event;
    void *ctx;
};
/* Answers peers and keeps live links. Writes of other processes on this home are noticed and pushed. A process that serves for days under
 * glibc before 2.38 does well to give blocks of 16 KiB their own pages, mallopt(M_MMAP_THRESHOLD, 16384): libzmq takes four for each
 * connection, and that glibc does not find them again in its heap. The program does so; a library leaves it to its host.
 *
 * The replica outlives the server, and is used by its thread. WARD_ERR_ADDRESS, WARD_ERR_ADDRESS_IN_USE, WARD_ERR_PASSPHRASE_NEEDED. After
 * an error a step can be taken again: what was not acknowledged comes again, when disk, memory or the lock are to be had
 * (WARD_ERR_DISK_FULL, WARD_ERR_MEMORY, WARD_ERR_BUSY). */
typedef struct ward_server ward_server;
int ward_serve_open(ward_replica *r, const struct ward_serve_options *options, ward_server **out, struct ward_error *err);
int ward_serve_step(ward_server *s, int timeout_ms, struct ward_error *err); /* returns after at most timeout_ms, or after work */
void ward_serve_close(ward_server *s);

/* ---------------------------------------------------------------- hubs */

/* Where the ward's hubs answer: a list that operators and hubs write and all devices read; and what this device's invitation named. */
struct ward_hub_address {
    char address[128];
    bool listed;             /* by the ward; else only this device's invitation named it */
    struct ward_hash grant;  /* who answered there last, */
    int64_t last_contact_ms; /* and when, by this device's clock; 0: nobody yet */
};
typedef int ward_hub_address_fn(void *ctx, const struct ward_hub_address *address);
int ward_hub_addresses(ward_replica *r, ward_hub_address_fn *fn, void *ctx, struct ward_error *err);
/* WARD_ERR_ADDRESS, WARD_ERR_NOT_ENTITLED, WARD_ERR_NOTHING (it is so already), WARD_ERR_NOT_FOUND (to take off), WARD_ERR_ARGUMENT (there
 * are 8). */
int ward_hub_address_set(ward_replica *r, const char *address, bool listed, struct ward_error *err);

/* ---------------------------------------------------------------- receipts */

/* A hub, or an operator's device that is called, seals which heads of the caller's own feeds it holds durably (proto/receipt.md). The last
 * ones of each hub are kept, and always the newest for each feed. */
struct ward_receipted_head {
    struct ward_hash space, feed;
    uint64_t seq;
    struct ward_hash hash;
};
struct ward_receipt_info {
    int64_t number;                          /* as they came here */
    struct ward_hash grant;                  /* who sealed it */
    int64_t wall_ms;                         /* when, by its clock */
    int64_t came_ms;                         /* when it came, by this device's clock */
    bool against;                            /* it speaks of another history than it had sealed before: evidence, no receipt */
    const struct ward_receipted_head *heads; /* valid during the callback */
    size_t head_count;
};
typedef int ward_receipt_fn(void *ctx, const struct ward_receipt_info *receipt);
int ward_receipts(ward_replica *r, ward_receipt_fn *fn, void *ctx, struct ward_error *err); /* in the order in which they came */

/* A hub that no longer holds what it had sealed: until a new receipt of it covers that again. */
struct ward_hub_notice {
    struct ward_hash grant, space, feed;
    uint64_t seq;    /* what it had sealed, */
    int64_t wall_ms; /* when, by its clock, */
    uint64_t held;   /* and what it held when it was met last */
    bool rewritten;  /* it showed another history */
    int64_t noticed_ms;
};
typedef int ward_hub_notice_fn(void *ctx, const struct ward_hub_notice *notice);
int ward_hub_notices(ward_replica *r, ward_hub_notice_fn *fn, void *ctx, struct ward_error *err);

/* A file that shows a third party that changes of one feed had reached a hub by a certain time: the changes up to the sealed head, the
 * author's seal and the receipts. To check it takes a replica of the ward, which knows whose keys these are. */
#define WARD_PROOF_SUBJECTS_MAX 64
#define WARD_PROOF_RECEIPTS_MAX 32
#define WARD_PROOF_CHANGES_MAX  65536
enum ward_proof_here { WARD_PROOF_NOT_HERE, WARD_PROOF_SAME_HERE, WARD_PROOF_OTHER_HERE };
struct ward_proof_receipt {
    struct ward_hash grant; /* who sealed it */
    int64_t wall_ms;        /* when, by its clock */
    uint64_t seq;           /* up to where */
    bool agrees;            /* with the changes in the file; else the signer has sealed another history of the same feed */
    bool ended;             /* the signer's rights have ended since, or never counted */
};
struct ward_proof {
    struct ward_hash ward, space, feed, grant; /* grant: the author's */
    struct ward_id unit;
    enum ward_role role;
    uint64_t first, last;                       /* changes in the file; the author's seal stands at the last */
    enum ward_proof_here here;                  /* whether this replica holds the same changes */
    uint64_t subjects[WARD_PROOF_SUBJECTS_MAX]; /* what it is about, ascending */
    size_t subject_count;
    struct ward_proof_receipt receipts[WARD_PROOF_RECEIPTS_MAX];
    size_t receipt_count;
};
/* seqs: ascending, of a feed of this device's own; those that no receipt covers are left out. Besides the first receipt of each hub for
 * each of them the file holds all that speaks against a hub. *out (may be NULL) as ward_proof_check finds it. WARD_ERR_RECEIPT_NONE,
 * WARD_ERR_PROOF_NOT_OWN, WARD_ERR_PROOF_LONG; those of writing a file. */
int ward_proof_write(ward_replica *r, const char *path, const struct ward_hash *feed, const uint64_t *seqs, size_t count,
                     struct ward_proof *out, struct ward_error *err);
/* Checks all of it, then gives each subject with its operations to fn (may be NULL). WARD_ERR_PROOF_*. */
int ward_proof_check(ward_replica *r, const char *path, ward_history_fn *fn, void *ctx, struct ward_proof *out, struct ward_error *err);

/* ---------------------------------------------------------------- forks */

/* A device that has continued one of its feeds in two ways: its folder was copied, an old backup was put in place, or it lies. */
struct ward_fork {
    struct ward_hash space, feed, grant;
    struct ward_id unit;
    enum ward_role role;
    uint64_t seq;     /* the last change that its histories share; nothing beyond it has effect */
    size_t histories; /* that are held here, 2 or more */
    bool settled;     /* the device's rights have ended */
};
typedef int ward_fork_fn(void *ctx, const struct ward_fork *fork);
int ward_fork_each(ward_replica *r, ward_fork_fn *fn, void *ctx, struct ward_error *err);
/* Writes a proof (proto/fork.md) of a fork of this device to a new file. WARD_ERR_NOT_FOUND: there is none. WARD_ERR_EXISTS; those of
 * writing a file. */
int ward_fork_export(ward_replica *r, const struct ward_hash *grant, const char *path, struct ward_error *err);
struct ward_fork_proof {
    struct ward_hash ward, space, feed, grant;
    struct ward_id unit;
    enum ward_role role;
    uint64_t first, last; /* where the two seals stand */
};
/* From the bytes of the file alone; whoever asks compares the ward. WARD_ERR_FORK_PROOF. */
int ward_fork_check(const void *bytes, size_t len, struct ward_fork_proof *out, struct ward_error *err);

/* ---------------------------------------------------------------- bundles */

struct ward_bundle_options {
    const struct ward_hash *for_grant; /* one of these, or neither: for the hub and operators */
    const struct ward_id *for_unit;
    bool since_last; /* only what the addressee is not known to hold */
    ward_event_fn *on_event;
    void *ctx;
};
struct ward_bundle_info {
    struct ward_hash writer;
    struct ward_id writer_unit;
    int64_t wall_ms;
    uint64_t runs, changes, bytes;
    uint64_t applied, known, refused; /* on reading */
    int first_refusal;
    size_t conflicts_new;
    uint64_t states; /* spaces that came as their state, since what they began with is not kept any more where they came from */
};
/* Written to a temporary name, flushed, read back and compared before it takes its name. out may be NULL. WARD_ERR_NOT_FOUND: no such
 * addressee; those of writing a file. */
int ward_bundle_write(ward_replica *r, const char *path, const struct ward_bundle_options *options, struct ward_bundle_info *out,
                      struct ward_error *err);
/* What fits is taken in and stays, run by run; *out tells how much was refused, and why the first. WARD_ERR_BUNDLE_*: of another ward, of a
 * writer who is not known or has no say, damaged. on_event may be NULL. */
int ward_bundle_read(ward_replica *r, const char *path, ward_event_fn *on_event, void *ctx, struct ward_bundle_info *out,
                     struct ward_error *err);
/* Checks and describes without storing anything. */
int ward_bundle_show(ward_replica *r, const char *path, struct ward_bundle_info *out, struct ward_error *err);

/* ---------------------------------------------------------------- care */

/* Where something that is bad was found. */
enum ward_part {
    WARD_PART_DATABASE,
    WARD_PART_LOG,
    WARD_PART_HEAD,
    WARD_PART_DIGEST,
    WARD_PART_STATE,
    WARD_PART_PLAIN,
    WARD_PART_AUTHORITY,
    WARD_PART_RECEIPT
};
struct ward_bad {
    int code;
    struct ward_hash space, feed;
    uint64_t seq; /* 0: not one change */
    const char *what;
    enum ward_part part;
};
typedef void ward_bad_fn(void *ctx, const struct ward_bad *bad);
struct ward_verify_result {
    uint64_t changes, seals, records, bad;
    uint64_t bases, below_base; /* spaces that begin with a snapshot, on its maker's word; changes whose history is not held */
};
/* Walks every chain and seal; full: replays all into an empty state and compares it with slots and plain tables, and grants and cuts with
 * what is noted of them, looks at receipts, and runs SQLite's integrity check. */
int ward_verify(ward_replica *r, bool full, ward_bad_fn *on_bad, void *ctx, ward_event_fn *on_event, struct ward_verify_result *out,
                struct ward_error *err);
/* A consistent copy of the database while others work on it; whole and durable on return, or not there. The device's keys are not in it.
 * WARD_ERR_EXISTS if path exists. */
int ward_backup(ward_replica *r, const char *path, struct ward_error *err);

struct ward_restored {
    char kept[64];    /* the file in home that holds what was replaced; "" where there was nothing */
    uint64_t changes; /* in the backup */
};
/* Puts a backup of this device in place of the database in home, which must be closed everywhere (WARD_ERR_BUSY). The device's key must
 * lie in home. The backup is checked before anything changes: WARD_ERR_BACKUP_DAMAGED (or no backup at all), WARD_ERR_BACKUP_FOREIGN (of
 * another device or ward), WARD_ERR_NEWER. What is replaced is kept in home under the name in *out (may be NULL). Cut off at any moment,
 * home holds the one or the other. What was written after the backup comes back from the others: sync before anything is written. */
int ward_restore(const char *home, const char *path, const struct ward_options *options, struct ward_restored *out, struct ward_error *err);

/* What can be wrong with a home. "Mended" tells what ward_doctor does about it when it is to mend. */
enum ward_finding_kind {
    WARD_FINDING_LIBRARY,   /* a system library older than is safe; what: which */
    WARD_FINDING_OWNER,     /* a file that is somebody else's */
    WARD_FINDING_HOME_MODE, /* others may change the folder, or its owner may not. Mended: mode 0700 */
    WARD_FINDING_KEY_MODE,  /* others may read a key file. Mended: mode 0600 */
    WARD_FINDING_KEY_MISSING,
    WARD_FINDING_KEY_FILE,   /* damaged */
    WARD_FINDING_READ_ONLY,  /* the database or its log may not be written. Mended: may be */
    WARD_FINDING_UNFINISHED, /* founding or recovering was cut off: there is no home here yet. Mended: what it left is removed */
    WARD_FINDING_NOT_JOINED, /* joining was cut off: the device has a key and nothing else */
    WARD_FINDING_LEFTOVER,   /* a file that a write which was cut off has left. Mended: removed */
    WARD_FINDING_RESTORE,    /* a restore that was cut off. Mended: ended, or as if it had never been */
    WARD_FINDING_IN_USE,     /* another program writes to the home, and has done so for a while */
    WARD_FINDING_DATABASE,   /* the database is missing, not this program's, of a newer version, or damaged; code: which */
    WARD_FINDING_LOG,        /* changes that do not prove themselves: feed, from seq on. Mended where they are another device's: taken out,
                                to be fetched again; the database as it was stays beside it */
    WARD_FINDING_HEAD,       /* where a feed ends is noted wrongly. Mended from the log, as the following three */
    WARD_FINDING_DIGEST,
    WARD_FINDING_STATE,     /* records are not what the changes say */
    WARD_FINDING_PLAIN,     /* the tables for people are not what the records say; what: which */
    WARD_FINDING_AUTHORITY, /* grants or cuts are noted otherwise than the changes say. Mended from the log */
    WARD_FINDING_RECEIPT,   /* a receipt that proves nothing any more; what: which, or the first of several */
    WARD_FINDING_COUNT
};
const char *ward_finding_name(enum ward_finding_kind kind); /* "key-mode", stable */
struct ward_finding {
    enum ward_finding_kind kind;
    int code;         /* an error's number where one fits, else 0 */
    const char *what; /* a path, a table, a cause; NULL: nothing more to say */
    struct ward_hash feed;
    uint64_t seq;  /* 0: not of one feed */
    bool mendable; /* by ward_doctor */
    bool mended;   /* it has been */
};
/* The finding is valid during the call. */
typedef void ward_finding_fn(void *ctx, const struct ward_finding *finding);
struct ward_doctor_result {
    size_t found, mended;
    char kept[64]; /* the file in home that holds the database as it was before changes were taken out; "" if none were */
};
/* Looks at a home, closed or in use, and tells each finding. mend: mends what can be mended; each is told once, after the attempt. No
 * passphrase is asked for. What a device has written itself is never taken out. WARD_ERR_HOME_MISSING; other codes where looking itself
 * failed (memory, I/O); a home that is damaged is a finding and no error. options: for env, schema and vfs, may be NULL. */
int ward_doctor(const char *home, bool mend, const struct ward_options *options, ward_finding_fn *fn, void *ctx,
                struct ward_doctor_result *out, struct ward_error *err);

#if defined(__GNUC__)
#pragma GCC visibility pop
#endif
#ifdef __cplusplus
}
#endif
#endif
