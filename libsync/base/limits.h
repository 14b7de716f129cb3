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
#define WARD_RUN_USUAL         12288u           /* bytes of its data, packed, where it usually ends: 1.5 s at 64 kbit/s */
#define WARD_AHEAD_RUNS        4u               /* runs read before their turn, at once: some 0.3 MiB each, */
#define WARD_AHEAD_OPS         4096u            /* and with so many operations: else when its turn comes */
#define WARD_PIECE             1200u            /* bytes of a run that go in one frame on a slow link: some packet's */
#define WARD_PIECES_FIRST      2u               /* on their way at first; more as the other tells that they come, */
#define WARD_PIECES_AHEAD      8u               /* up to this: what a link of 64 kbit/s carries in a second */
#define WARD_PIECES_ALL        33554432u        /* bytes of runs that have come in part, of all sessions */
#define WARD_PART_RAW_USUAL    131072u          /* where a part of a snapshot usually ends, unpacked; at most it is WARD_RUN_RAW_MAX */
#define WARD_SNAPSHOT_FROM     64u              /* changes of a space from which its state is sent rather than its history */
#define WARD_SNAPSHOT_SAVES    2u               /* how many times less than its history it must take, where either would do */
#define WARD_PARTS_MAX         4096u            /* of one snapshot */
#define WARD_FRAME_MAX         262144u          /* bytes of a frame */
#define WARD_WINDOW            16u              /* run frames in flight */
#define WARD_WINDOW_SLOW       2u               /* on a slow link, and until the first ack: one that lives briefly takes little with it */
#define WARD_ACK_QUICK_MS      500              /* a link is quick while answers (to hello, to runs) come sooner */
#define WARD_WINDOW_MAX        16u              /* what a peer may ask for */
#define WARD_SPACES_MAX        4096u            /* spaces two peers may have in common */
#define WARD_BUCKETS           16u              /* groups of spaces in a hello, by the first four bits of their ids */
#define WARD_BUCKET_BYTES      3u               /* of each group's digest */
#define WARD_BUCKETS_FROM      9u               /* common spaces from which groups pay */
#define WARD_NEAR_MS           300000           /* met so lately, two are likely to be near: spaces are not grouped */
#define WARD_NEAR_CHANGES      64u              /* beyond what two held when they met last: up to so many go at once, uncompared */
#define WARD_PEERS_MAX         2048u            /* sessions of one server */
#define WARD_SESSIONS_PER_KEY  4u               /* of one device */
#define WARD_HANDSHAKE_TRIES   3u               /* before a handshake that breaks off counts as refused */
#define WARD_WALL_MS_MAX       9007199254740991 /* 2^53 - 1 */
#define WARD_NAME_MAX          200u             /* bytes of a ward, unit or device name */
#define WARD_ADDRESS_MAX       64u              /* bytes of a hub address */
#define WARD_HUB_ADDRESSES_MAX 8u
#define WARD_ROUTES_MAX        32u           /* of a device to its hubs: addresses and whom to expect there */
#define WARD_RECEIPT_HEADS_MAX 64u           /* feeds in one receipt */
#define WARD_RECEIPTS_KEPT     4096u         /* of one hub; besides, always the newest for each feed */
#define WARD_BRANCHES_MAX      8u            /* of a feed that its author has continued in several ways, beyond the first */
#define WARD_FLOOR_FEEDS_MAX   512u          /* feeds in one floor: they fit a value */
#define WARD_BRANCH_SAMPLES    256u          /* hashes in a branch frame */
#define WARD_DEPTH_LEAP        4294967296ull /* how far a change's depth may lie beyond what is known, where that is not all */
#define WARD_SEAL_EVERY        256u          /* an author keeps a seal at least that often, */
#define WARD_SEAL_RAW          16384u        /* and after so many bytes of bodies */
#define WARD_LOG_RECENT        256           /* segments, the last to arrive, that stand as they came: a page of what people are shown */
#define WARD_JOIN_EVERY        32u           /* changes of a feed after which older segments of it may be joined, */
#define WARD_JOIN_LEAST        8u            /* where so many can be, */
#define WARD_JOIN_MOST         64u           /* and so many at once, */
#define WARD_JOIN_RAW          131072u       /* with so many bytes of bodies; of own feeds as an author seals */

/* What one peer may ask of this device. A device key is a peer, however many links it holds. The sizes leave honest devices alone: a ward's
 * year of edits is some tens of MiB, and the first copy of it fits the burst. */
#define WARD_TALK_BURST    512u      /* frames besides runs (pings, acks, circles, heads) at once */
#define WARD_TALK_RATE     32u       /* and again a second; a run taken in earns one, one sent two: its ack and a receipt */
#define WARD_FORGED_MAX    16u       /* runs in a session that no honest device passes on: a bad seal, bytes that are no change */
#define WARD_REFUSALS_TOLD 16u       /* refused runs of a session that are told as events: a flood must not fill a log */
#define WARD_WORK_RUN      4096u     /* what a run costs at least, in bytes */
#define WARD_WORK_CHANGE   64u       /* what a change costs beside its bytes, in bytes */
#define WARD_WORK_BURST    33554432u /* bytes of runs at once */
#define WARD_WORK_RATE     4194304u  /* and again a second; who is faster waits for his turn, and acknowledgements with him */
#define WARD_LIGHT_BURST   1048576u  /* who keeps to this, and */
#define WARD_LIGHT_RATE                                                                                                                    \
    1048576u                       /* to this a second, goes before those who do not: an edit does not wait behind a flood or a first copy \
                                    */
#define WARD_HEAVY_WAIT_MS     40  /* the others wait that long after each frame of one who does, */
#define WARD_HEAVY_WAIT_MS_MAX 100 /* but no longer than this for one run */
#define WARD_GROWTH_BURST      1073741824u /* bytes of runs before a peer is asked to come again later: it would fill the disk */
#define WARD_GROWTH_RATE       12428u      /* and again a second: as much a day */
#define WARD_QUEUE_MAX         8388608u    /* bytes of frames waiting for their turn, of one link: the widest window and some */
#define WARD_QUEUES_MAX        67108864u   /* of all links together: past it the longest queue's link is closed */
#define WARD_STEP_MS           10          /* before what has come is committed and acknowledged: others wait no longer for theirs, */
#define WARD_STEP_MS_MAX       100         /* but as long as the commit before took: where the disk is slow many share one */
#define WARD_CALLS_BURST       128u        /* links begun by one device at once */
#define WARD_CALLS_RATE        10u         /* and again a second */
#define WARD_JOINS_BURST       256u        /* requests to join, of all together: each writes a change of our own */
#define WARD_JOINS_RATE        2u          /* and again a second */
#define WARD_PAUSE_MS_MIN      1000        /* before who was shown out may come again; doubled each time, */
#define WARD_PAUSE_MS_MAX      600000      /* up to this; twice as long without a new reason, and it is forgiven */
#define WARD_GATE_KEYS         2048u       /* devices whose doings at the gate are remembered; the longest unseen is forgotten first */
#define WARD_ASIDE_MAX         65536u      /* changes kept of a feed beyond its cut: later ones are refused */
#define WARD_LINES_UNFINISHED  512u        /* connections that have not brought a frame yet; past it the oldest of whoever has most go */
#define WARD_LINE_QUIET_MS     20000       /* for a connection's handshake and first frame */
#define WARD_LINE_AHEAD_MAX    33554432u   /* bytes that came over a connection and made no whole frame yet */

#endif
