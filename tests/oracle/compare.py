#!/usr/bin/python3
"""Compares what replicas hold with what the oracle says they must: compare.py < what `histories` printed.

Each line is a history: the frames, in which order they came to which replica, and that replica's answer. A disagreement is shown with its
seed, its place and both answers, and the history is kept (--keep DIR) to be replayed. The last line: `N histories ...`; not 0 on a failure.
"""
import argparse
import json
import os
import sys
import time

import cbor
import judge
import ward
from seal import seal_holds


def read_run(frame):
    version, kind, *run = cbor.whole(bytes.fromhex(frame))
    if (version, kind, len(run)) != (1, 4, 7) or run[4] != 0:
        raise ValueError("not a plain run")
    return run


def difference(ours, theirs, path=""):
    """The first place where the two differ, in words."""
    if isinstance(ours, dict) and isinstance(theirs, dict):
        key = next((key for key in list(ours)[::-1] if ours[key] != theirs.get(key)), None)
        if key is not None:
            return difference(ours[key], theirs.get(key), f"{path}.{key}")
    if isinstance(ours, list) and isinstance(theirs, list):
        at = next((i for i, (a, b) in enumerate(zip(ours, theirs)) if a != b), None)
        if at is not None:
            where = f"{path}[{at}]" + (f" space {ours[at]['space'][:16]}" if isinstance(ours[at], dict) and "space" in ours[at] else "")
            return difference(ours[at], theirs[at], where)
    return f"{path}:\n  oracle:  {ours}\n  replica: {theirs}"


class Tally:
    histories = arrivals = refused = conflicts = without_effect = failed = 0
    settled = forked = both = passed_over = astray = rested = based = states = 0


def heads_beside(held, run):
    """The heads of the run's space but for its own feed."""
    space = next(s for s in held.circles if s[:8] == run[0])
    return {f.id: len(f.changes) for f in held.feeds.values() if f.space == space and f.grant.id[:8] != run[1]}


def written_honestly(held, run, new, before):
    """change.md, Body: an author's changes had seen just what it held when it wrote them."""
    feed = next(f for f in held.feeds.values() if f.space[:8] == run[0] and f.grant.id[:8] == run[1])
    return all({f: s for f, s in change.vector.items() if f != feed.id} == before for change in feed.changes[-new:])


TAKE_RUN, LET_GO, GIVE_STATE, TAKE_STATE = range(4)


class State:
    """The state of a space, as a replica gave it."""

    def __init__(self, held, given, result):
        """Checks it against what the oracle says that replica would give; self.wrong: in words."""
        self.space = [space for space in held.circles][1 + given["space"]]
        self.wrong, self.told = None, None
        if result < 0:
            return
        version, kind, head, signature = cbor.whole(bytes.fromhex(given["frames"][0]))
        circle, self.maker, feeds, _ = cbor.whole(head)
        if (version, kind, tuple(circle)) != (1, 15, held.circles[self.space]):
            self.wrong = "not a state of this space"
        theirs = [(grant8, seq, hash_, depth, {feeds[i][0]: s for i, s in zip(seen[::2], seen[1::2])}) for grant8, seq, hash_, depth, _, seen in feeds]
        names = [grant8 for grant8, *_ in theirs]
        # A base that is kept tells the feeds that were held when it was made: those of which it takes nothing in are as good as not told.
        self.told = [entry for entry in held.state(self.space, lambda feed: self.upto(held, feed)) if entry[1] or entry[0].grant.id[:8] in names]
        named = {feed.id: feed.grant.id[:8] for feed, *_ in self.told}
        ours = [(feed.grant.id[:8], seq, hash_, depth, {named[f]: s for f, s in seen.items() if f in named}) for feed, seq, hash_, depth, seen in self.told]
        self.wrong = self.wrong or (None if ours == theirs else difference(as_hex(ours), as_hex(theirs), "state"))

    def upto(self, held, feed):
        """How far the state takes a feed in: as the base does, where there is one; else up to the floor, where there is one."""
        if any(other.base for other in held.feeds.values() if other.space == self.space):
            return feed.base
        if held.holds_floor(self.space):
            return feed.settled.effect
        return ward.effective_heads(held)[0].get(feed.id, 0)


def as_hex(value):
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, dict):
        return {as_hex(key): as_hex(member) for key, member in value.items()}
    return [as_hex(member) for member in value] if isinstance(value, (list, tuple)) else value


def act(held, step, history, states, tally):
    """What a replica does besides taking runs; a disagreement in words, or None."""
    number, result, _, what, *more = step
    if what == LET_GO:
        heads, _ = ward.effective_heads(held)
        bases = {bytes.fromhex(feed): seq for feed, seq in more[0]}
        for feed in held.feeds.values():
            if bases.get(feed.id, 0) > feed.base and judge.wants(held, feed.space, heads):
                return f"feed {feed.id.hex()[:16]} is let go of, though its history is wanted"
        return held.let_go(bases)
    if what == GIVE_STATE:
        states[number] = State(held, history["states"][number], result)
        return states[number].wrong
    state = states.get(number)
    if not state or not state.told:
        return None
    try:
        ours = held.take_state(state.space, state.maker, state.told)
        tally.states += ours
    except ward.Bad as bad:
        ours = -bad.args[0]
    return None if ours == result else f"a state:\n  oracle:  {ours}\n  replica: {result}"


def deliver(held, runs, replica, history, states, tally):
    """Gives the oracle what the replica was given; a disagreement about one run in words, or None."""
    own_log = history["by"] == "people"
    for at, step in enumerate(replica["steps"]):
        number, result, _, what = step[:4]
        if what != TAKE_RUN:
            wrong = act(held, step, history, states, tally)
            if wrong:
                return f"step {at}: {wrong}"
            continue
        run = runs[number]
        own = own_log and run[1] == held.reader.id[:8]
        before = heads_beside(held, run) if own else None
        try:
            ours = held.take(run)
        except ward.Bad as bad:
            ours = -bad.args[0]
            tally.refused += 1
        if ours != result:
            return f"step {at}, run {number}:\n  oracle:  {ours}\n  replica: {result}"
        if own and not written_honestly(held, run, ours, before):
            return f"step {at}, run {number}: an own change had not seen just what was held here"
    return None


def meetings(held, tally):
    """Counts what this replica has come to hold beside plain histories."""
    feeds = held.feeds.values()
    tally.settled += any(feed.settled.seq for feed in feeds)
    tally.forked += any(len(feed.chains) > 1 for feed in feeds)
    tally.both += any(feed.settled.seq and len(feed.chains) > 1 for feed in feeds)
    tally.passed_over += any(len(feed.above) < len(feed.chains) for feed in feeds)
    tally.astray += any(feed.astray for feed in feeds)
    tally.rested += held.let_resting_go
    tally.based += any(feed.base for feed in feeds)


def compare_answers(held, ours, theirs, wanted, open_, seen):
    """What is wrong with a replica's answer, in words, or None. open_: spaces of which the state is not known before the history has come."""
    theirs = {**theirs, "spaces": [dict(space) for space in theirs["spaces"]]}
    for space in theirs["spaces"]:
        if not space.pop("wants") and space["space"] in wanted:
            return f"space {space['space'][:16]}: its history is not wanted"
    for answer in (ours, theirs) if open_ else ():
        answer["conflicts"] = []
        for space in answer["spaces"]:
            if space["space"] in open_:
                space["state"] = space["slots"] = None
    return difference(ours, theirs) if ours != theirs else what_counts(held, ours, wanted, seen)


def closes(feed):
    return any(ward.closings_in(change.body) for change in feed.every_change())


def what_counts(held, answer, wanted, seen):
    """Whoever holds the same changes says the same, in whatever order they came: `seen` has by the digests what was said of each space.
    Where the history is wanted, the state is not what it comes to; and which branches of a shattered feed are known, of which a root's words
    all count and anybody's closings, depends on what came first."""
    if any(feed.shattered and (feed.grant.role == ward.ROOT or closes(feed)) for feed in held.feeds.values()):
        return None
    digests = {space["space"]: space["digest"] for space in answer["spaces"]}
    for space in answer["spaces"]:
        feeds = [feed for feed in space["feeds"] if feed[1][-1][0]]
        if space["space"] in wanted:
            continue
        said = [space["state"], [[feed[0], feed[2], feed[4]] for feed in feeds]]
        before = seen.setdefault((digests.get(held.ward_space.hex()), space["digest"], space["space"]), said)
        if said != before:
            return difference(before, said, "another that holds the same")
    return None


def judge_history(history, tally, check_seal=None):
    """What is wrong in this history, in words, or None."""
    runs = [read_run(run) for run in history["runs"]]
    circles = [tuple(bytes.fromhex(unit) for unit in circle) for circle in history["circles"]]
    answers, states, seen = [], {}, {}
    for number, replica in enumerate(history["replicas"]):
        reader = ward.read_grant(cbor.encode(bytes.fromhex(replica["reader"])))
        held = ward.Held(bytes.fromhex(history["root_pk"]), circles, reader, check_seal)
        theirs = replica["answer"]
        answers.append(answers[theirs] if isinstance(theirs, int) else theirs)
        wrong = deliver(held, runs, replica, history, states, tally) or (replica["bad"] and "its own verification finds it damaged")
        if not wrong:
            ours, open_, wanted = judge.answer(held, history["by"])
            tally.arrivals += 1
            tally.conflicts += len(ours["conflicts"]) > 0
            tally.without_effect += any(feed[1][-1][0] != feed[2] for space in ours["spaces"] for feed in space["feeds"])
            meetings(held, tally)
            wrong = compare_answers(held, ours, answers[-1], wanted, open_, seen)
        if wrong:
            return f"replica {number}: {wrong}"
    return None


def keep(history, folder):
    """As `histories` reads it: without the answers, which are to be given anew."""
    os.makedirs(folder, exist_ok=True)
    path = os.path.join(folder, f"seed-{history['seed']}.json")
    del history["by"]
    for state in history["states"]:
        del state["frames"]
    for replica in history["replicas"]:
        del replica["answer"], replica["bad"]
    with open(path, "w", encoding="ascii") as out:
        out.write(as_text(history))
    return path


def as_text(history):
    """JSON with a line for each run and each replica."""
    lines = []
    for name, value in history.items():
        if name in ("runs", "replicas"):
            value = "[\n  " + ",\n  ".join(json.dumps(member) for member in value) + "\n ]"
        else:
            value = json.dumps(value)
        lines.append(f' "{name}": {value}')
    return "{\n" + ",\n".join(lines) + "\n}\n"


def main():
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--keep", metavar="DIR", help="where histories are kept that the two disagree about")
    arguments.add_argument("--seals", action="store_true", help="check every seal as well")
    arguments.add_argument("--each", action="store_true", help="name every history")
    arguments.add_argument("--stop", type=int, default=10, help="stop after so many failures")
    options = arguments.parse_args()
    tally, began = Tally(), time.monotonic()
    for line in sys.stdin:
        try:
            history = json.loads(line)
        except ValueError:
            print(f"not ok: broke off in {line[:30]}")
            return 1
        wrong = judge_history(history, tally, seal_holds if options.seals or history["branched"] else None)
        tally.histories += 1
        if wrong:
            tally.failed += 1
            print(f"not ok seed {history['seed']}: {wrong}")
            if options.keep:
                print(f"  kept: {keep(history, options.keep)}")
            if tally.failed == options.stop:
                break
        elif options.each:
            print(f"ok seed {history['seed']}")
    if tally.histories == 0:
        print("not ok: no history came")
        return 1
    seconds = time.monotonic() - began
    print(f"{tally.histories} histories, {tally.arrivals} arrivals ({tally.conflicts} with conflicts, {tally.without_effect} with changes"
          f" without effect, {tally.settled} with something settled, {tally.forked} with branches, {tally.both} with both of one feed,"
          f" {tally.passed_over} with branches passed over, {tally.astray} with another chain than the settled,"
          f" {tally.rested} without what rested on such, {tally.based} with a base,"
          f" {tally.states} states taken in), {tally.refused} runs refused, {tally.failed} disagreements;"
          f" {tally.histories / seconds:.0f} histories a second")
    return tally.failed > 0


if __name__ == "__main__":
    sys.exit(main())
