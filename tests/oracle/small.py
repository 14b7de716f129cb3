#!/usr/bin/python3
"""The oracle over the small world of slots: small.py < what `worlds slots N` printed. Not 0 on a disagreement."""
import json
import sys
from types import SimpleNamespace

import merge
import ward
from change import FALSE, PRESENCE, TRUE, Body, Write
from compare import difference
from ward import Change, Feed, Grant

SPACE, RECORD = b"s" * 32, (100, b"r" * 16)
OPEN, GOVERNED, MEMBER, SUM = 4, 5, 6, 7
ROLES = (ward.OPERATOR, ward.CELL, ward.CELL)
IDS = [bytes([author + 1]) * 32 for author in range(len(ROLES))]
GRANTS = [Grant(id_, None, None, None, role) for id_, role in zip(IDS, ROLES)]


def edit(value, member):
    writes = [Write(*RECORD, field, key, value) for field, key in ((OPEN, b""), (GOVERNED, b""), (SUM, None))]
    return tuple(writes + [Write(*RECORD, MEMBER, b"m", member), Write(*RECORD, PRESENCE, b"", TRUE)])


ACTS = (edit(b"\x01", TRUE), edit(b"\x02", FALSE), (Write(*RECORD, PRESENCE, b"", FALSE),), (Write(*RECORD, PRESENCE, b"", TRUE),))


def world(events):
    """The changes of a history as if they were held, all with effect."""
    feeds = {id_: Feed(id_, SPACE, grant, []) for id_, grant in zip(IDS, GRANTS)}
    seqs, depths = [], []
    for author, act, knows, depth in events:
        feed = feeds[IDS[author]]
        known = [i for i in range(len(seqs)) if knows >> i & 1]
        vector = {}
        for i in known:
            vector[IDS[events[i][0]]] = max(seqs[i], vector.get(IDS[events[i][0]], 0))
        seqs.append(len(feed.changes) + 1)
        depths.append(1 + max((depths[i] for i in known), default=0))
        vector[feed.id] = seqs[-1]
        feed.chains[0].append(Change(feed.id, seqs[-1], b"", depths[-1], vector, vector, Body(0, depths[-1], (), ACTS[act], b"")))
        assert depths[-1] == depth
    return SimpleNamespace(feeds=feeds), {feed.id: len(feed.changes) for feed in feeds.values()}


def answer(events):
    held, heads = world(events)
    slots = merge.slots_of(held, SPACE, heads)
    told, sums = [], []
    for slot, live in sorted(slots.items()):
        live = sorted(live)
        places = [[IDS.index(v.feed), v.seq] for v in live]
        if slot[2] == SUM:
            sums += places
        elif slot[2] == MEMBER:
            told.append([MEMBER, places, merge.member_in(live)])
        else:
            told.append([slot[2], places, live.index(merge.shown(live)), merge.in_conflict(slot, live)])
    if sums:
        told.append([SUM, sums, merge.field_sum(slots, *RECORD, SUM)])
    return {"shown": merge.record_shown(slots, *RECORD), "slots": told}


def main():
    count = failed = 0
    for line in sys.stdin:
        theirs = json.loads(line)
        events = theirs.pop("events")
        ours = answer(events)
        count += 1
        if ours != theirs:
            failed += 1
            print(f"not ok {events}: {difference(ours, theirs)}")
            if failed == 10:
                break
    print(f"small world of slots: {count} histories judged, {failed} disagreements")
    return failed > 0 or count == 0


if __name__ == "__main__":
    sys.exit(main())
