"""merge.md: slots and their live values, what is shown, conflicts, digests."""
from collections import namedtuple

import cbor
from cbor import Encoded, encode
from change import FALSE, GOVERNED, H, MEMBER, OPEN, PRESENCE, SUM, TRUE, field_class
from ward import RANK

Live = namedtuple("Live", "feed seq depth value rank context nth")


def slots_of(held, space, heads):
    """Every slot written in a space by effective changes: {(kind, entity, field, key): [Live ...]}."""
    slots = {}
    for feed in held.feeds.values():
        if feed.space != space:
            continue
        rank = RANK[feed.grant.role]
        for change in feed.chains[0][: heads.get(feed.id, 0)]:
            for nth, write in enumerate(change.body.writes):
                slot = (write.kind, write.entity, write.field, feed.id if write.key is None else write.key)
                written = Live(feed.id, change.seq, change.depth, write.value, rank, change.context, nth)
                slots.setdefault(slot, []).append(written)
    return {slot: [v for v in writes if not any(supersedes(slot, w, v) for w in writes)] for slot, writes in slots.items()}


def had_seen(w, v):
    """Whether the change that wrote w had seen the one that wrote v. Of its own feed all that it had seen is less deep."""
    return (w.feed, w.seq) == (v.feed, v.seq) or (w.context.get(v.feed, 0) >= v.seq and w.depth > v.depth)


def supersedes(slot, w, v):
    """Slot: whether writing w supersedes v."""
    if (w.feed, w.seq) == (v.feed, v.seq):
        return w.nth > v.nth  # a later operation of one change replaces an earlier one
    if field_class(slot[2]) == SUM:
        return w.seq > v.seq  # a running total
    return had_seen(w, v) and (field_class(slot[2]) != GOVERNED or w.rank >= v.rank)


def order(v):
    """Order among concurrent values."""
    return v.rank, v.depth, v.feed, v.seq


def shown(live):
    """The greatest."""
    return max(live, key=order)


def listed(live):
    """In descending order, equal ones once, under the greatest."""
    told = []
    for v in sorted(live, key=order, reverse=True):
        if v.value not in [w.value for w in told]:
            told.append(v)
    return told


def in_conflict(slot, live):
    """Conflict: under policy `conflict`."""
    return field_class(slot[2]) in (OPEN, GOVERNED) and len({v.value for v in counting(slot, live)}) > 1


def counting(slot, live):
    """The values that can stand against each other: in a governed slot, but for presence, those of the greatest rank."""
    field = slot[2]
    if field_class(field) != GOVERNED or field == PRESENCE:
        return live
    greatest = max(v.rank for v in live)
    return [v for v in live if v.rank == greatest]


def record_shown(slots, kind, entity):
    """Presence: unless every live value of it is false."""
    live = slots.get((kind, entity, PRESENCE, b""), ())
    return not live or any(v.value != FALSE for v in live)


def member_in(live):
    """A member is in if any live value is true."""
    return any(v.value == TRUE for v in live)


def field_sum(slots, kind, entity, field):
    """The sum over all feeds, brought into 64 bits."""
    total = sum(cbor.whole(v.value) for slot, live in slots.items() if slot[:3] == (kind, entity, field) for v in live)
    return max(-(2**63), min(2**63 - 1, total))


def slot_id(space, slot):
    return H("wardsync slot", encode([space, *slot]))[:16]


def space_digest(heads):
    return H("wardsync heads", encode(sorted(heads)))


def common_digest(digests):
    return H("wardsync common", encode(sorted(digests)))


def state_digest(slots):
    return H("wardsync state", b"".join(
        encode([*slot, [[v.feed, v.seq, v.depth, Encoded(v.value)] for v in sorted(live)]]) for slot, live in sorted(slots.items())))
