#!/usr/bin/python3
"""Small things over a thin link: what a round with nothing to do and one with a single change cost, and when a deadline arrives that
an operator moves while a megabyte of other news waits.

    small.py PROGRAM TOOLS PLAN [--rate BIT/S] [--rtt MS] [--bulk BYTES] [--seed S]

The cell and the hub live in network namespaces; tests/links/bad_net.c stands between them."""
import argparse
import json
import os
import random
import signal
import sys
import time

from crew import Device, Helper, tell
from week import text

CLEAN = "set rate=0 rtt=0 loss=0 reorder=0 cut=0 down=0"
DUE_SECONDS = 60  # a bar, not the aim: the machine may be busy


def rounds(crew, cell, hub, task, rtt):
    """Each told as turns there and back: the time over the link's own, beyond the six that TCP and CURVE take and the farewell."""
    figures = []

    def one(name):
        r = cell.ask("sync")
        crew.must(r["reached"] and r["refused"] == 0, name, r)
        figures.append((name, r["ms"], r["bytes_out"], r["bytes_in"]))

    one("nothing to do")
    cell.run("task", "set", task, "percent=7")
    one("one change of the cell's")
    hub.run("task", "set", task, "due=2026-11-30")
    one("one change of the hub's")
    cell.run("task", "set", task, "percent=8")
    hub.run("task", "set", task, "due=2026-12-01")
    one("one change of each")
    print(f"{'round':28} {'ms':>7} {'in rtt':>7} {'B out':>6} {'B in':>6}")
    for name, ms, out, back in figures:
        print(f"{name:28} {ms:7} {ms / rtt:7.1f} {out:6} {back:6}")
    crew.must(figures[0][2] <= 100 and figures[0][3] <= 100, "a round with nothing to do takes at most 100 bytes each way", figures[0])


def play(crew, given):
    net = Helper(crew, [os.path.join(given.tools, "bad_net"), str(given.seed), "1"])
    laid = json.loads(net.first or "{}")
    if "hub" not in laid:
        return laid.get("skip", "no network of our own")
    dice = random.Random(given.seed)
    at_hub = ["nsenter", f"--net={laid['hub']['namespace']}"]
    hub, office = Device(crew, "hub", "BXDD", at_hub), Device(crew, "office", "BXDD", at_hub)
    cell = Device(crew, "cell", "TDP-01", ["nsenter", f"--net={laid['cells'][0]['namespace']}"])
    task = "II.1-03.TDP-01"
    hub.run("init", "--ward", "Phường Bạch Đằng", "--unit", "BXDD", "--unit-name", "Ban Xây dựng Đảng", "--device", "hub")
    hub.run("plan", "import", given.plan)
    crew.must(hub.serve("tcp://10.77.0.1:7450", "0"), "the hub listens")
    office.run("join", hub.ask("invite", "--unit", "BXDD", "--role", "operator", "--hub", hub.address)["code"], "--device", "office")
    cell.run("join", hub.ask("invite", "--unit", "TDP-01", "--hub", hub.address)["code"], "--device", "cell")
    for device in (office, cell, cell):
        device.run("sync")
    link = f"set rate={given.rate} rtt={given.rtt} loss=0 reorder=0 cut=0 down=0 queue=16000"
    print(f"link: {link[4:]} (rtt there and back); seed {given.seed}")
    net.ask(link)
    rounds(crew, cell, hub, task, given.rtt)

    net.ask(CLEAN)
    office.run("sync")
    for _ in range(given.bulk // 12000):
        hub.run("task", "note", task, text(dice, 12000))
    office.run("task", "set", task, "due=2026-12-24")
    office.run("sync")
    net.ask(link)
    begun, came = time.monotonic(), None
    process = crew.start([*cell.prefix, crew.program, "--home", cell.home, "--json", "sync", "--timeout", "60"])
    while process.poll() is None:
        if came is None and cell.ask("task", "show", task).get("due") == "2026-12-24":
            came = time.monotonic() - begun
        time.sleep(0.25)
    whole = time.monotonic() - begun
    crew.gone(process)
    crew.must(came is not None, "the deadline arrives")
    print(f"a deadline beside {given.bulk // 12000 * 12} kB of notes in the same space: there after {came:.1f} s, all after {whole:.1f} s")
    crew.must(came <= DUE_SECONDS and came <= whole / 2, "the deadline does not wait for the bulk", (came, whole))
    net.ask(CLEAN)
    crew.must(cell.spaces().items() <= hub.spaces().items(), "cell and hub hold the same")
    crew.must(cell.run("verify", "--full").json["bad"] == 0, "verify is clean")
    hub.kill(signal.SIGTERM)
    crew.must(net.end() == 0, "the network ends")
    return None


def main():
    arguments = argparse.ArgumentParser()
    for name, usual in (("seed", 1), ("rate", 64000), ("rtt", 800), ("bulk", 1000000)):
        arguments.add_argument(f"--{name}", type=int, default=usual)
    return tell(arguments, play, "small news over a thin link")


if __name__ == "__main__":
    sys.exit(main())
