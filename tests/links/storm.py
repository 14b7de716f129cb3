#!/usr/bin/python3
"""A hub and its cells, over links that fail and with processes that are killed; afterwards all must be equal and nothing lost.

    storm.py --over proxy|net [--minutes M | --steps N] --seed S --cells N PROGRAM TOOLS PLAN
"""
import argparse
import json
import os
import signal
import sys
import threading
import time

from actors import Cell, Hub, Ledger, device, dice_of
from aftermath import Aftermath
from crew import Crew, Helper, NotAsItMustBe

BAD = {"slow": "rate=64000 rtt=800 loss=100 reorder=10 cut=20000 down=2000 queue=16000",
       "quick": "rate=2000000 rtt=40 loss=30 reorder=20 cut=5000 down=500 queue=32000"}


class Storm:
    def __init__(self, crew, given):
        self.crew, self.given, self.ledger = crew, given, Ledger()
        self.hub_lock = threading.Lock()
        self.short, self.long = (0.25, 3.0) if given.slow_program else (0.06, 1.5)  # when a write, when a round may be killed
        self.patience = "4"  # seconds a join or a round waits
        if given.over == "net" and given.link == "slow":
            self.long, self.patience = 15.0, "20"
        self.hub_listens = "tcp://127.0.0.1:0"
        self.failed = []
        self.hub, self.cells = None, []

    trouble = NotAsItMustBe

    # ---- places

    def joint_of(self, number):
        """Each cell shares one task with the next and one with the one before."""
        count = self.given.cells
        return [f"J-{number:02}", f"J-{(number - 1) % count:02}"] if count > 1 else []

    def every_task(self):
        return [f"J-{i:02}" for i in range(self.given.cells) if self.given.cells > 1] + ["ALL", "II.1-01", "II.1-02"]

    def invite(self, unit):
        return self.hub.device.ask("invite", "--unit", unit, "--hub", self.through)["code"]

    # ---- acts

    def lay_out(self):
        """The links. False: not permitted here."""
        tool = lambda name, *words: Helper(self.crew, [os.path.join(self.given.tools, name), *words])
        names = [f"cell-{i:02}" for i in range(self.given.cells)]
        inside = [()] * self.given.cells
        hub_inside = ()
        if self.given.over == "net":
            self.link = tool("bad_net", str(self.given.seed), str(self.given.cells))
            laid = json.loads(self.link.first or "{}")
            if "hub" not in laid:
                return laid.get("skip", "no network of our own")
            self.hub_listens = f"tcp://{laid['hub']['address']}:7450"
            hub_inside = ("nsenter", f"--net={laid['hub']['namespace']}")
            inside = [("nsenter", f"--net={c['namespace']}") for c in laid["cells"]]
        self.hub = Hub(self, device(self, "hub", "BXDD", hub_inside), dice_of(self.given.seed, "hub"))
        for i, name in enumerate(names):
            self.cells.append(Cell(self, device(self, name, f"TDP-{i + 1:02}", inside[i]), dice_of(self.given.seed, name), i))
        return None

    def found(self):
        hub = self.hub.device
        hub.run("init", "--ward", "Phường Bạch Đằng", "--unit", "BXDD", "--unit-name", "Ban Xây dựng Đảng", "--device", "hub")
        hub.run("plan", "import", self.given.plan)
        units = [c.device.unit for c in self.cells]
        for i, unit in enumerate(units):
            if len(units) > 1:
                hub.run("task", "add", "Việc chung của hai tổ", "--code", f"J-{i:02}", "--lead", unit, "--with", units[(i + 1) % len(units)])
        hub.run("task", "add", "Việc chung", "--code", "ALL", "--lead", "BXDD", *[w for u in units for w in ("--with", u)])
        self.hub.serve()
        self.through = hub.address
        if self.given.over == "proxy":
            self.link = Helper(self.crew, [os.path.join(self.given.tools, "bad_proxy"), str(self.given.seed), hub.address])
            self.through = self.link.first.removeprefix("listening on ")

    def worsen(self):
        self.link.ask("faults on" if self.given.over == "proxy" else f"set {BAD[self.given.link]}")

    def heal(self):
        self.link.ask("faults off" if self.given.over == "proxy" else "set rate=0 rtt=0 loss=0 reorder=0 cut=0 down=0")

    def each(self, what, actors):
        """All at once, each in a thread; the first trouble is told."""
        def guarded(actor):
            try:
                what(actor)
            except Exception as trouble:  # whatever it is, the others shall end and it be told
                self.failed.append(trouble)
        threads = [threading.Thread(target=guarded, args=(a,)) for a in actors]
        for t in threads:
            t.start()
        for t in threads:
            t.join()
        if self.failed:
            raise self.failed[0]

    def rage(self):
        end = time.monotonic() + self.given.minutes * 60
        def act(actor):
            while not self.failed and (actor.steps < self.given.steps if self.given.steps else time.monotonic() < end):
                actor.step()
        self.each(act, [*self.cells, self.hub])

    def calm(self):
        """No process runs any more but the hub's serve."""
        for cell in self.cells:
            if cell.device.server:
                cell.device.kill(signal.SIGTERM)

    def play(self):
        began = time.monotonic()
        skip = self.lay_out()
        if skip:
            return skip
        self.found()
        idle = self.hub.device.descriptors()
        self.worsen()
        self.each(lambda cell: cell.join(), self.cells)
        joined = time.monotonic()
        self.rage()
        raged = time.monotonic()
        self.calm()
        after = Aftermath(self)
        after.write_apart()
        self.heal()
        after.level()
        after.check(idle)
        report = self.link.report()
        self.crew.must(self.link.end() == 0, "the link ends")
        self.crew.must(not self.crew.processes, "no process is left", self.crew.processes)
        edits = [code for *_, code in self.ledger.edits]
        sums = self.ledger.counted.values()
        print(f"joined {joined - began:.0f} s, raged {raged - joined:.0f} s, healed and checked {time.monotonic() - raged:.0f} s")
        print(f"steps {sum(a.steps for a in [*self.cells, self.hub])}; edits {sum(c in (0, 1) for c in edits) + sum(s[0] for s in sums)} done, "
              f"{edits.count(2)} refused, {edits.count(None) + sum(s[1] for s in sums)} killed; rounds {sum(c.reached for c in self.cells)} "
              f"reached, {sum(c.unreached for c in self.cells)} broken off; killed {dict(sorted(self.crew.kills.items()))}")
        print(f"link {report}")
        print(f"errors met {dict(sorted(self.crew.errors.items()))}; {after.told}")
        return None


def main():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--over", choices=("proxy", "net"), default="proxy")
    arguments.add_argument("--link", choices=tuple(BAD), default="quick")
    arguments.add_argument("--minutes", type=float, default=1)
    arguments.add_argument("--steps", type=int, default=0)
    arguments.add_argument("--seed", type=int, default=1)
    arguments.add_argument("--cells", type=int, default=5)
    arguments.add_argument("--slow-program", action="store_true", help="it has sanitizers: kill it later")
    arguments.add_argument("--keep", action="store_true")
    for name in ("program", "tools", "plan"):
        arguments.add_argument(name)
    given = arguments.parse_args()
    sys.stdout.reconfigure(encoding="utf-8", line_buffering=True)
    what = f"a storm over {'a bad proxy' if given.over == 'proxy' else 'a bad network'}, {given.cells} cells, seed {given.seed}"
    print(f"#   {' '.join(sys.argv[1:])}")
    crew, kept = Crew(given.program), given.keep
    storm = Storm(crew, given)
    try:
        skip = storm.play()
    except Exception as trouble:
        print(f"not ok {what}: {trouble if isinstance(trouble, NotAsItMustBe) else repr(trouble)}")
        for actor in (storm.hub, *storm.cells):
            if actor and actor.device.server and actor.device.server.poll() is not None:
                print(f"#   serve of {actor.device.name} had ended by itself ({actor.device.server.returncode}): {actor.device.said()[-1000:]}")
        return 1
    finally:
        crew.close(kept)
    print(f"skip {what}: {skip}" if skip else f"ok {what}: {crew.checks} things checked")
    return 0


if __name__ == "__main__":
    sys.exit(main())
