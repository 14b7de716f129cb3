/* receipt.h - receipts of proto/receipt.md: given by hubs and operators to who called and asks for them, kept and compared by who called.
 */
#ifndef WARD_REPLICA_RECEIPT_H
#define WARD_REPLICA_RECEIPT_H

#include "replica/talk.h"

/* ---- the side that gives. The peer has asked for all that is held of its feeds now. */
int ward_receipts_note_ask(struct ward_talk *t, struct ward_error *err);
/* A run that the peer sent as its own was taken in, and is not durable yet. WARD_ERR_MEMORY. */
int ward_receipts_note_run(struct ward_talk *t, uint32_t fid, uint64_t last, struct ward_error *err);
/* An acknowledgement is due. What was taken in is durable now, if no batch is open: it is sealed and sent; *within: and acknowledged with
 * it. */
int ward_receipts_give(struct ward_talk *t, bool *within, struct ward_error *err);

/* ---- the side that keeps. */
/* Hello is about to go: who is called answers with its heads only after it. Only what was sealed up to now can be compared with them. */
int ward_receipts_note_hello(struct ward_talk *t, struct ward_error *err);
/* One has come, alone or within an acknowledgement. A wrong one is told and changes nothing. */
int ward_receipts_keep(struct ward_talk *t, struct ward_message *m, struct ward_error *err);
/* The peer's heads are known: does it still hold what it had sealed? */
int ward_receipts_compare(struct ward_talk *t, struct ward_error *err);
/* It shows another hash at seq of a feed of this device's own. */
int ward_receipts_other_history(struct ward_talk *t, uint32_t fid, uint64_t seq, struct ward_error *err);

/* For ward_status. */
int ward_receipts_status(ward_replica *r, struct ward_status *s, struct ward_error *err);

#endif
