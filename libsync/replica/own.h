/* own.h - a device that meets its own past: one whose database was restored or whose home was copied learns from others what it wrote
 * itself and does not know (architecture: self-healing). What it wrote meanwhile and never handed to anyone is withdrawn, waits, and is
 * written anew on top as late changes.
 */
#ifndef WARD_OWN_H
#define WARD_OWN_H

#include "replica/apply.h"
#include "replica/stream.h"

/* Whether the own changes of the feed from seq `from` on were never handed to anyone. */
bool ward_own_unpublished(const ward_replica *r, uint32_t fid, uint64_t from);
/* Before own changes go out they are noted as published, durably, in a transaction of its own: those that the stream is about to send, or
 * with NULL all. Where no note can be kept for want of room, or because the home was opened to read only, they go out all the same: what is
 * lost is that a device that was also copied heals by itself. After any other failure they must not go out. */
int ward_own_publish(ward_replica *r, const struct ward_stream *to, struct ward_error *err);
/* Somebody shows that he has the feed's changes up to seq, as they are here: a copy of this home, or what has been put back since, gave
 * them away. So they were published; noted like that, within the transaction if there is one. Of feeds that are not its own nothing is
 * noted. */
int ward_own_note_shown(ward_replica *r, uint32_t fid, uint64_t seq, struct ward_error *err);
bool ward_own_news(const ward_replica *r, const struct ward_stream *to); /* there is something to note */

/* Within a write transaction: the own changes beyond base leave the log and wait; the head falls to base and the state is replayed. The
 * directory is loaded anew: rows move. */
int ward_own_withdraw(struct ward_apply *a, uint32_t fid, uint64_t base, struct ward_error *err);
/* The same for a feed, own or not, of which another chain than the settled one came first (proto/authority.md, Floor): what lies beyond
 * base gives way to that, own work of it waits, and the settled history is taken from others. A foreign feed falls to the last seal up to
 * base. Branches that leave beyond, or that hold the settled chain, come anew with it. */
int ward_own_give_way(struct ward_apply *a, uint32_t fid, uint64_t base, struct ward_error *err);
/* Whether the feed's trunk cannot be the chain that is settled, or is too short to tell. */
int ward_own_is_astray(ward_replica *r, const struct ward_feed *trunk, bool *astray, bool *short_of_it, struct ward_error *err);
/* A branch that is given up: its row stays, for its number does, and holds nothing any more. */
int ward_own_clear_row(ward_replica *r, struct ward_feed *row, const struct ward_feed *trunk, struct ward_error *err);
/* Writes anew what waits, if anything, in a transaction of its own. What cannot be written (the device was cut) waits on. */
int ward_own_rewrite(ward_replica *r, struct ward_error *err);
/* The same within a transaction. */
int ward_own_rewrite_in(struct ward_apply *a, struct ward_error *err);

#endif
