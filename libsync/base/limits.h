/* limits.h - every limit of the protocol and the program, in one place. Those of proto/change.md are part of the format. */
#ifndef WARD_LIMITS_H
#define WARD_LIMITS_H

#define WARD_BODY_MAX          65536u           /* bytes of one change body */
#define WARD_VALUE_MAX         49152u           /* bytes of one encoded value */
#define WARD_OPS_MAX           1024u            /* operations in a change */
#define WARD_DEPS_MAX          512u             /* deps in a change */
#define WARD_NESTING_MAX       4u               /* arrays within a value */
#define WARD_KEY_MAX           64u              /* bytes of a member's key */
#define WARD_CIRCLE_MAX        256u             /* units in a circle */
#define WARD_RUN_CHANGES_MAX   1024u            /* changes under one seal */
#define WARD_RUN_RAW_MAX       229376u          /* bytes of the bodies of a run, decompressed */
#define WARD_RUN_RAW_USUAL     16384u           /* where it usually ends: a slow link has it over soon */
#define WARD_RUN_RAW_SLOW      8192u            /* where it ends on a slow link */
#define WARD_FRAME_MAX         262144u          /* bytes of a frame */
#define WARD_FRAME_PARTS_MAX   1u               /* message parts of a frame */
#define WARD_WINDOW            16u              /* run frames in flight */
#define WARD_WINDOW_SLOW       2u               /* on a slow link: one that lives briefly takes little with it when it breaks */
#define WARD_ACK_QUICK_MS      500              /* a link is quick while acknowledgements come sooner */
#define WARD_WINDOW_MAX        16u              /* what a peer may ask for */
#define WARD_SPACES_MAX        4096u            /* spaces two peers may have in common */
#define WARD_BUCKETS           16u              /* groups of spaces in a hello, by the first four bits of their ids */
#define WARD_BUCKET_BYTES      3u               /* of each group's digest */
#define WARD_BUCKETS_FROM      9u               /* common spaces from which groups pay */
#define WARD_PEERS_MAX         1024u            /* sessions of one server */
#define WARD_SESSIONS_PER_KEY  4u               /* of one device */
#define WARD_HANDSHAKE_TRIES   3u               /* before a handshake that breaks off counts as refused */
#define WARD_WALL_MS_MAX       9007199254740991 /* 2^53 - 1 */
#define WARD_NAME_MAX          200u             /* bytes of a ward, unit or device name */
#define WARD_ADDRESS_MAX       64u              /* bytes of a hub address */
#define WARD_HUB_ADDRESSES_MAX 8u
#define WARD_SEAL_EVERY        256u /* an author keeps a seal at least that often */

#endif
