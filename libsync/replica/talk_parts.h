/* talk_parts.h - shared by the files of a session: talk.c, which steps it, and those that send and take for it. */
#ifndef WARD_TALK_PARTS_H
#define WARD_TALK_PARTS_H

#include "replica/talk.h"

/* talk.c */
int ward_talk_act(struct ward_talk *t, unsigned actions, struct ward_message *m,
                  struct ward_error *err); /* what a step says: WARD_SA_... */
/* Before anything is made of what was noted by a row's number. */
int ward_talk_forget_reused(struct ward_talk *t, struct ward_error *err);
void ward_talk_tell(struct ward_talk *t, enum ward_event_type type, int code, int64_t done, int64_t total, const char *text);
void ward_talk_tell_progress(struct ward_talk *t);

/* talk_send.c */
int ward_talk_send_simple(struct ward_talk *t, enum ward_message_type type, struct ward_error *err);
int ward_talk_send_done(struct ward_talk *t, struct ward_error *err);
/* theirs: the hello that this one answers, or NULL. What it makes needless is left out. */
int ward_talk_send_hello(struct ward_talk *t, const struct ward_message *theirs, struct ward_error *err);
int ward_talk_send_ack(struct ward_talk *t, struct ward_error *err);
int ward_talk_send_error(struct ward_talk *t, struct ward_error *err);
int ward_talk_stream(struct ward_talk *t, struct ward_error *err); /* runs, and states after them */
/* How long the other took to answer tells what the link bears: nobody knows beforehand. */
void ward_talk_note_answer(struct ward_talk *t, int64_t asked_ms);

/* talk_pieces.c */
int ward_talk_recall_begun(struct ward_talk *t, struct ward_error *err); /* of a frame that an earlier session did not bring to its end */
int ward_talk_keep_begun(struct ward_talk *t, struct ward_error *err);   /* for a later one; in a transaction */
struct ward_begun ward_talk_begun(const struct ward_talk *t);            /* of such a frame, for hello or agree */
/* *whole: t->begun is the frame, until it is cleared. */
int ward_talk_note_piece(struct ward_talk *t, const struct ward_message *m, bool *whole, struct ward_error *err);
/* Sends what stands in t->out, which is acknowledged: in pieces if the link is slow, and what the peer does not hold of it. */
int ward_talk_send_run(struct ward_talk *t, struct ward_error *err);
int ward_talk_send_pieces(struct ward_talk *t, struct ward_error *err); /* of what is on its way, as many as may go */
int ward_talk_note_got(struct ward_talk *t, struct ward_error *err);    /* and more, for some have come */

/* talk_take.c */
int ward_talk_ingest(struct ward_talk *t, struct ward_run *run, struct ward_error *err);
int ward_talk_ingest_snapshot(struct ward_talk *t, const struct ward_message *m, struct ward_error *err); /* a head or a part */
void ward_talk_note_ack(struct ward_talk *t, struct ward_message *m, uint64_t before);

#endif
