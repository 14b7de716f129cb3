#!/usr/bin/python3
"""The week of week.py by many seeds, side by side: one is as the dice fall, so that what a bad link costs shows in many.

    weeks.py PROGRAM TOOLS PLAN [--seed S] [--count N] [--size small|full|heavy] [--most TIMES]"""
import argparse
import concurrent.futures
import pathlib
import re
import statistics
import subprocess
import sys

WEEK = pathlib.Path(__file__).with_name("week.py")


def main():
    arguments = argparse.ArgumentParser()
    for name in ("program", "tools", "plan"):
        arguments.add_argument(name)
    arguments.add_argument("--seed", type=int, default=1)
    arguments.add_argument("--count", type=int, default=16)
    arguments.add_argument("--size", choices=("small", "full", "heavy"), default="full")
    arguments.add_argument("--most", type=float, default=1.6, help="times the bytes of a clean run, in the mean; the aim is 1.3")
    given = arguments.parse_args()

    def one(seed):
        call = ["python3", "-B", WEEK, given.program, given.tools, given.plan, "--seed", str(seed), "--size", given.size, "--most", "9"]
        return subprocess.run(call, capture_output=True, text=True)

    ratios, links, failed = [], [], 0
    seeds = range(given.seed, given.seed + given.count)
    with concurrent.futures.ThreadPoolExecutor(given.count) as pool:
        for seed, ran in zip(seeds, pool.map(one, seeds)):
            ratio = re.search(r"TCP payload ([\d.]+) times", ran.stdout)
            bad = re.search(r"^bad .* (\d+) connections.*$", ran.stdout, re.M)
            if ran.returncode == 0 and not ratio:
                print(ran.stdout.strip() or "no network of our own")
                return 0
            if ran.returncode or not bad:
                failed += 1
                print(f"not ok seed {seed}: {ran.stdout[-600:]}{ran.stderr[-600:]}")
                continue
            ratios.append(float(ratio[1]))
            links.append(int(bad[1]))
            print(f"seed {seed}: {ratios[-1]:.2f} times, {links[-1]} connections")
    if ratios:
        print(f"TCP payload over a bad link against a clean one, {len(ratios)} weeks ({given.size}): mean {statistics.mean(ratios):.2f}, "
              f"median {statistics.median(ratios):.2f}, most {max(ratios):.2f} times; connections in the mean {statistics.mean(links):.1f}")
    good = not failed and ratios and statistics.mean(ratios) <= given.most
    print(f"{'ok' if good else 'not ok'} many weeks over a bad link")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
