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


def heads_beside(held, run):
    """The heads of the run's space but for its own feed."""
    space = next(s for s in held.circles if s[:8] == run[0])
    return {f.id: len(f.changes) for f in held.feeds.values() if f.space == space and f.grant.id[:8] != run[1]}


def written_honestly(held, run, new, before):
    """change.md, Body: an author's changes had seen just what it held when it wrote them."""
    feed = next(f for f in held.feeds.values() if f.space[:8] == run[0] and f.grant.id[:8] == run[1])
    return all({f: s for f, s in change.vector.items() if f != feed.id} == before for change in feed.changes[-new:])


def deliver(held, runs, steps, own_log, tally):
    """Gives the oracle what the replica was given; a disagreement about one run in words, or None."""
    for at, (number, result, _) in enumerate(steps):
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


def judge_history(history, tally, check_seal=None):
    """What is wrong in this history, in words, or None."""
    runs = [read_run(run) for run in history["runs"]]
    circles = [tuple(bytes.fromhex(unit) for unit in circle) for circle in history["circles"]]
    answers = []
    for number, replica in enumerate(history["replicas"]):
        reader = ward.read_grant(cbor.encode(bytes.fromhex(replica["reader"])))
        held = ward.Held(bytes.fromhex(history["root_pk"]), circles, reader, check_seal)
        theirs = replica["answer"]
        answers.append(answers[theirs] if isinstance(theirs, int) else theirs)
        wrong = deliver(held, runs, replica["steps"], history["by"] == "people", tally) or (replica["bad"] and "its own verification finds it damaged")
        if not wrong:
            ours = judge.answer(held, history["by"])
            tally.arrivals += 1
            tally.conflicts += len(ours["conflicts"]) > 0
            tally.without_effect += any(feed[1][-1][0] != feed[2] for space in ours["spaces"] for feed in space["feeds"])
            wrong = None if ours == answers[-1] else difference(ours, answers[-1])
        if wrong:
            return f"replica {number}: {wrong}"
    return None


def keep(history, folder):
    """As `histories` reads it: without the answers, which are to be given anew."""
    os.makedirs(folder, exist_ok=True)
    path = os.path.join(folder, f"seed-{history['seed']}.json")
    del history["by"]
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
          f" without effect), {tally.refused} runs refused, {tally.failed} disagreements; {tally.histories / seconds:.0f} histories a second")
    return tally.failed > 0


if __name__ == "__main__":
    sys.exit(main())
