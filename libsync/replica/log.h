/* log.h - the log as it grows: what arrived lately stands as it came; behind that, small segments of a feed are joined under one seal.
 *
 * A change that is committed or pushed by itself takes, beside its few bytes, a signature, two hashes' worth of row and index; in a long
 * run it takes a twentieth of that. A seal covers all of its feed before it (proto/seal.md), so segments of a feed that follow each other
 * prove as much under the last one's seal as each under its own, and seals are kept as often as authors make them in one go.
 *
 * What a segment's place tells besides is the order of arrival, in which nothing stands before what it rests on, and by which people see
 * and count changes. So only such segments are joined between which nothing arrived in their space, nor of their device in another, and the
 * last to arrive are left alone. Readers by (feed, seq) see no difference.
 *
 * History that is fetched in pieces from several peers may come behind what rests on it: then the log is put in causal order (log_order.c),
 * or whoever is given it would refuse it. What came from a single peer, or was written here, is in that order already.
 */
#ifndef WARD_LOG_H
#define WARD_LOG_H

#include "replica/replica.h"

/* Adds a segment to the log, of a feed that is in the directory, and now and then joins older ones of that feed: a bounded piece of work
 * in the transaction that is under way. Sets seg->seg. */
int ward_log_add(ward_replica *r, struct ward_segment *seg, struct ward_error *err);

/* Puts the log of a space in causal order where it is not: from the first segment that stood before what it rests on, all of the space go
 * behind the rest of the log. */
int ward_log_order(ward_replica *r, uint32_t sid, struct ward_error *err);

#endif
