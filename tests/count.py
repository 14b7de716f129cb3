#!/usr/bin/python3
"""Counts what CTest ran: count.py JUNIT COUNTS writes `passed failed skipped`, and shows what failed.

A test whose output says `ok NAME`, `not ok NAME`, `skip NAME` (scripts) or `[       OK ] name` (cmocka) counts for each of these, any
other for one."""
import re
import sys
import xml.etree.ElementTree as tree

PASSED = re.compile(r"^(?:ok |\[ +OK \] )", re.M)
FAILED = re.compile(r"^(?:not ok |\[  FAILED  \] \w+$)", re.M)
SKIPPED = re.compile(r"^(?:skip |\[  SKIPPED \] \w+$)", re.M)


def main():
    total = [0, 0, 0]
    for case in tree.parse(sys.argv[1]).getroot().iter("testcase"):
        name, state, output = case.get("name"), case.get("status"), case.findtext("system-out") or ""
        counts = [len(p.findall(output)) for p in (PASSED, FAILED, SKIPPED)]
        cmocka = output.find("test(s), listed below:")
        if cmocka >= 0:  # it lists its failures a second time
            counts[1] -= len(FAILED.findall(output[cmocka:]))
        if state == "fail":
            counts[1] = max(counts[1], 1)
        elif state == "notrun" or state == "disabled":
            counts = [0, 0, 1]
        elif sum(counts) == 0:
            counts[0] = 1
        good = counts[1] == 0
        print(f"{'ok' if good else 'not ok'} {name}: {counts[0]} passed, {counts[1]} failed, {counts[2]} skipped ({float(case.get('time')):.1f} s)")
        if not good:
            print("".join(f"#   {line}\n" for line in output.splitlines()[-100:]), end="")
        total = [a + b for a, b in zip(total, counts)]
    with open(sys.argv[2], "w", encoding="ascii") as out:
        print(*total, file=out)


if __name__ == "__main__":
    main()
