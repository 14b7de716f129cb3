#!/usr/bin/python3
"""Lets the oracle judge histories of proto/vectors/: vectors.py FILE... prints `ok NAME` or `not ok NAME` for each."""
import json
import sys

import merge
import ward
from compare import difference, read_run
from seal import seal_holds


def slot_answer(space, slot, live):
    return {
        "kind": slot[0],
        "entity": slot[1].hex(),
        "field": slot[2],
        "key": slot[3].hex(),
        "live": [[v.feed.hex(), v.seq, v.depth, v.value.hex()] for v in sorted(live)],
        "shown": merge.shown(live).value.hex(),
        "conflict": merge.in_conflict(slot, live),
        "conflict_id": merge.slot_id(space, slot).hex(),
    }


def space_answer(held, space, heads):
    feeds = sorted(feed for feed in held.feeds.values() if feed.space == space)
    tops = sorted(head for feed in feeds for head in feed.heads)
    slots = merge.slots_of(held, space, heads)
    return {
        "space": space.hex(),
        "circle": [unit.hex() for unit in held.circles[space]],
        "heads": [[feed.hex(), seq, hash_.hex()] for feed, seq, hash_ in tops],
        "digest": merge.space_digest(tops).hex(),
        "effective": [[feed.id.hex(), heads[feed.id]] for feed in feeds if feed.id in heads],
        "state": merge.state_digest(slots).hex(),
        "slots": [slot_answer(space, slot, live) for slot, live in sorted(slots.items())],
    }


def answer(case):
    circles = [tuple(bytes.fromhex(unit) for unit in circle) for circle in case["circles"]]
    held = ward.Held(bytes.fromhex(case["root_pk"]), circles, check_seal=seal_holds)
    for run in case["runs"]:
        held.take(read_run(run))
    heads, grants = ward.effective_heads(held)
    spaces = [space_answer(held, space, heads) for space in sorted({feed.space for feed in held.feeds.values()})]
    digests = [[bytes.fromhex(space["space"]), bytes.fromhex(space["digest"])] for space in spaces]
    return {"grants": sorted(grant.hex() for grant in grants), "common": merge.common_digest(digests).hex(), "spaces": spaces}


def main():
    failed = 0
    for path in sys.argv[1:]:
        with open(path, encoding="utf-8") as file:
            cases = json.load(file)["cases"]
        for case in cases:
            ours = answer(case)
            theirs = {key: case[key] for key in ours}
            if ours == theirs:
                print(f"ok {case['name']}")
            else:
                failed += 1
                print(f"not ok {case['name']}: {difference(ours, theirs)}")
    return failed > 0


if __name__ == "__main__":
    sys.exit(main())
