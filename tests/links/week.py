#!/usr/bin/python3
"""A cell's week, synced over a bad link and over a clean one: does it arrive, how long does it take, and what does it cost on the wire?

    week.py PROGRAM TOOLS [--seed S] [--rtt MS] [--size small|full] ...

The cell and the hub live in network namespaces; tests/links/bad_net.c stands between them. The same week is written twice, by the same
dice, for two cells of the same kind."""
import argparse
import json
import os
import random
import signal
import sys
import time

from crew import Device, Helper, tell

ROUNDS_MAX = 400
WORDS = ("chi bộ họp bàn nhiệm vụ tháng phân công tổ dân phố rà soát vận động người dân đoàn thể kinh phí tiến độ loa truyền thanh trường học "
         "sức khỏe môi trường nhựa văn minh hạnh phúc mô hình đề xuất báo cáo kiểm tra quý năm nghị quyết sinh hoạt").split()


def text(dice, size):
    """Minutes of a meeting: text that does not pack too well."""
    words, length = [], 0
    while length < size:
        words.append(dice.choice(WORDS) if dice.random() < 0.7 else str(dice.randrange(10**6)))
        length += len(words[-1].encode()) + 1
    return " ".join(words)


class Week:
    def __init__(self, crew, net, laid, index, unit):
        self.crew, self.net = crew, net
        self.cell = Device(crew, f"cell-{index}", unit, ["nsenter", f"--net={laid['cells'][index]['namespace']}"])
        self.task = f"II.1-03.{unit}"

    def write(self, hub, dice, size):
        """What a cell writes in a week, and what the hub writes for it meanwhile."""
        edits = {"small": 12, "full": 60, "heavy": 300}[size]
        for i in range(edits):
            self.cell.run("task", "set", self.task, f"obstacle={text(dice, 80)}", f"percent={i % 101}")
        for i in range(edits // 6):
            self.cell.run("task", "note", self.task, text(dice, 400))
        for month in range(edits // 12):
            self.cell.run("report", "add", f"Báo cáo tháng {month + 1}", "--task", self.task, "--period", f"2026-{month % 12 + 1:02}", "--body",
                          text(dice, 6000))
        for _ in range(edits // 3):
            hub.run("task", "note", self.task, text(dice, 300))
        return edits + edits // 6 + edits // 12, edits // 3

    def sync(self, timeout):
        """Rounds until one comes to its end with nothing left to move; the figures."""
        begun, broken, last = time.monotonic(), 0, None
        self.net.report()
        for rounds in range(1, ROUNDS_MAX + 1):
            last = self.cell.run("sync", "--timeout", str(timeout), codes=(0, 1, 2))
            if last.json and last.json.get("reached"):
                break
            broken += 1
        self.crew.must(last.json["reached"] and last.json["unsent"] == 0 and last.json["refused"] == 0, "the week arrives", last)
        return {"rounds": rounds, "broken": broken, "seconds": time.monotonic() - begun, **self.net.report()}


def total(figures, what):
    return figures["up"][what] + figures["down"][what]


def show(name, f):
    print(f"{name:22} {f['seconds']:7.1f} s {f['rounds']:4} rounds {f['connections']:4} connections {f['resets']:4} resets; IP sent "
          f"{total(f, 'bytes'):7} B in {total(f, 'packets')} packets, lost {total(f, 'lost')}, cut {total(f, 'cut')}, crowded "
          f"{total(f, 'crowded')}; TCP payload {total(f, 'payload'):7} B (up {f['up']['payload']}, down {f['down']['payload']}), sent again "
          f"{total(f, 'again')} B")


def play(crew, given):
    net = Helper(crew, [os.path.join(given.tools, "bad_net"), str(given.seed), "2"])
    laid = json.loads(net.first or "{}")
    if "hub" not in laid:
        return laid.get("skip", "no network of our own")
    hub = Device(crew, "hub", "BXDD", ["nsenter", f"--net={laid['hub']['namespace']}"])
    hub.run("init", "--ward", "Phường Bạch Đằng", "--unit", "BXDD", "--unit-name", "Ban Xây dựng Đảng", "--device", "hub")
    hub.run("plan", "import", given.plan)
    crew.must(hub.serve("tcp://10.77.0.1:7450", "0"), "the hub listens")
    weeks = [Week(crew, net, laid, i, f"TDP-0{i + 1}") for i in range(2)]
    bad = f"set rate={given.rate} rtt={given.rtt} loss={given.loss} reorder={given.reorder} cut={given.cut} down={given.down} queue=16000"
    clean = "set rate=0 rtt=0 loss=0 reorder=0 cut=0 down=0"
    print(f"link: {bad[4:]} (rtt there and back); seed {given.seed}")
    figures = []
    for week, link in zip(weeks, (clean, bad)):
        code = hub.ask("invite", "--unit", week.cell.unit, "--hub", hub.address)["code"]
        if given.join:
            net.ask(link)
            net.report()
            begun = time.monotonic()
            for rounds in range(1, ROUNDS_MAX + 1):
                if week.cell.run("join", code, "--device", week.cell.name, codes=(0, 1, 2)).code != 2:
                    break
            first = week.sync(given.timeout)
            print(f"{'join':22} {time.monotonic() - begun:7.1f} s, {rounds} tries, then {first['rounds']} rounds; TCP payload of these "
                  f"{total(first, 'payload')} B")
        else:
            week.cell.run("join", code, "--device", week.cell.name)
        net.ask(clean)
        crew.must(week.cell.run("sync").json["reached"], "level before the week begins")
        edits = week.write(hub, random.Random(given.seed), given.size)
        net.ask(link)
        figures.append(week.sync(given.timeout))
        show(f"{'clean' if link == clean else 'bad'} ({edits[0]} + {edits[1]} edits)", figures[-1])
        net.ask(clean)
        crew.must(week.cell.spaces().items() <= hub.spaces().items(), "cell and hub hold the same")
        crew.must(week.cell.run("verify", "--full").json["bad"] == 0, "verify is clean")
    hub.kill(signal.SIGTERM)
    crew.must(hub.run("verify", "--full").json["bad"] == 0, "verify of the hub is clean")
    crew.must(net.end() == 0, "the network ends")
    ratio = total(figures[1], "payload") / total(figures[0], "payload")
    wire = total(figures[1], "bytes") / total(figures[0], "bytes")
    print(f"bad against clean: TCP payload {ratio:.2f} times, IP with all that was sent again {wire:.2f} times")
    crew.must(ratio <= given.most, f"at most {given.most} times the bytes of a clean run", ratio)
    return None


def main():
    arguments = argparse.ArgumentParser()
    for name, usual in (("seed", 1), ("rate", 64000), ("rtt", 800), ("loss", 100), ("reorder", 10), ("cut", 20000), ("down", 2000),
                        ("timeout", 15)):
        arguments.add_argument(f"--{name}", type=int, default=usual)
    arguments.add_argument("--most", type=float, default=2.0, help="times the bytes of a clean run; the aim is 1.3, and the dice move it")
    arguments.add_argument("--size", choices=("small", "full", "heavy"), default="full")
    arguments.add_argument("--join", action="store_true", help="join over the bad link as well")
    return tell(arguments, play, "a week over a bad link")


if __name__ == "__main__":
    sys.exit(main())
