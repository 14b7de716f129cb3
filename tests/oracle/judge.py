"""What the oracle says of what a replica holds, in the shape that site.c tells it."""
import change
import merge
import ward

# A view's policies are not the protocol's: the fields of each kind that may conflict under the library's own schema and those of site.c
# and of people.c.
OWN_KINDS = {1: (change.PRESENCE, 4), 2: (change.PRESENCE, 4, 8, 12, 16), 3: (change.PRESENCE,), 4: (change.PRESENCE, 4), 6: (change.PRESENCE,)}
MAY_CONFLICT = {
    "histories": {**OWN_KINDS, 100: (change.PRESENCE, 4, 5)},
    "people": {**OWN_KINDS, 100: (change.PRESENCE, 4, 17, 20), 101: (change.PRESENCE, 4)},
}


def slot_answer(space, slot, live, places):
    """[kind, entity, field, key, [[place of the feed, seq, depth, value] ...], what is made of them ...]"""
    kind, entity, field, key = slot
    told = [kind, entity.hex(), field, key.hex(), [[places[v.feed], v.seq, v.depth, v.value.hex()] for v in live]]
    if change.field_class(field) == change.MEMBER:
        return told + [merge.member_in(live)]
    return told + [live.index(merge.shown(live)), merge.in_conflict(slot, live), merge.slot_id(space, slot).hex()]


def slots_answer(space, slots, places):
    """Every slot, and before those of a record (as field 0) whether it is shown; in place of the rest sums have their sum."""
    told, last = [], None
    for slot, live in sorted(slots.items()):
        live = sorted(live)
        kind, entity, field, _ = slot
        if (kind, entity) != last:
            last = (kind, entity)
            told.append([kind, entity.hex(), 0, "", [], merge.record_shown(slots, kind, entity)])
        told.append(slot_answer(space, slot, live, places))
        if change.field_class(field) == change.SUM:
            told[-1][5:] = [merge.field_sum(slots, kind, entity, field)]
    return told


def head_order(chain):
    return len(chain), chain[-1].hash if chain else b""


def head_answer(feed, chain):
    return [len(chain), chain[-1].hash.hex(), chain[-1].depth] if chain else [0, feed.id.hex(), 0]


def cut_below(held, space, heads):
    """snapshot.md, With a base: something in the base has no effect, and the history is wanted."""
    return any(feed.base > heads.get(feed.id, 0) for feed in held.feeds.values() if feed.space == space)


def seen_beyond(held, space, heads):
    """The same: something in the base had seen what has effect beyond it, and only the history tells what was replaced of that."""
    feeds = [feed for feed in held.feeds.values() if feed.space == space]
    return any(
        feed is not other and feed.base and feed.chains[0][feed.base - 1].vector.get(other.id, 0) > other.base < heads.get(other.id, 0)
        for feed in feeds for other in feeds
    )


def wants(held, space, heads):
    return cut_below(held, space, heads) or seen_beyond(held, space, heads)


def passed_over(feed):
    return [chain for chain in feed.chains if chain not in feed.above]


def space_answer(held, space, heads, slots):
    feeds = sorted(feed for feed in held.feeds.values() if feed.space == space)
    places = {feed.id: place for place, feed in enumerate(feeds)}
    tops = [(feed, feed.chains[0][-1].vector if feed.chains[0] and not feed.forked else {}) for feed in feeds]
    return {
        "space": space.hex(),
        "digest": merge.space_digest([head for feed in feeds for head in feed.heads]).hex(),
        "state": merge.state_digest(slots).hex(),
        "feeds": [
            [feed.id.hex(), [head_answer(feed, chain) for chain in sorted(feed.above, key=head_order)],
             heads.get(feed.id, 0), {str(places[f]): seq for f, seq in seen.items()},
             [feed.settled.seq, feed.settled.effect], [[len(chain), chain[-1].hash.hex()] for chain in sorted(passed_over(feed), key=head_order)]]
            for feed, seen in tops
        ],
        "slots": slots_answer(space, slots, places),
    }


def conflict_answer(space, slot, live, feeds):
    """[id, [[feed, seq] of each different value], who had seen whom, row after row]; what a change below a base had seen is not known."""
    values = merge.listed(live)
    seen = "".join(str(int(v is w or (v.seq > feeds[v.feed].base and merge.had_seen(v, w)))) for v in values for w in values)
    return [merge.slot_id(space, slot).hex(), [[v.feed.hex(), v.seq] for v in values], seen]


def conflicts_answer(slots_by_space, may_conflict, feeds):
    """Every conflict under the schema."""
    return sorted(
        conflict_answer(space, slot, live, feeds)
        for space, slots in slots_by_space.items()
        for slot, live in slots.items()
        if slot[2] in may_conflict.get(slot[0], ()) and merge.in_conflict(slot, live)
    )


def answer(held, by):
    heads, grants = ward.effective_heads(held)
    spaces = sorted({feed.space for feed in held.feeds.values()})
    taken = {feed.id: max(feed.base, heads.get(feed.id, 0)) for feed in held.feeds.values()}  # a cut below a base waits for the history
    slots = {space: merge.slots_of(held, space, taken) for space in spaces}
    told = [space_answer(held, space, heads, slots[space]) for space in spaces]
    open_ = {space.hex() for space in spaces if seen_beyond(held, space, heads)}
    wanted = {space.hex() for space in spaces if wants(held, space, heads)}
    digests = [[bytes.fromhex(space["space"]), bytes.fromhex(space["digest"])] for space in told if any(head[0] for feed in space["feeds"] for head in feed[1])]
    return {
        "grants": sorted(grant.hex() for grant in grants),
        "common": merge.common_digest(digests).hex(),
        "conflicts": conflicts_answer(slots, MAY_CONFLICT[by], held.feeds),
        "spaces": told,
    }, open_, wanted
