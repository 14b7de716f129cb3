#!/usr/bin/python3
"""Branch coverage from gcov: table.py BUILD UNREACHED prints a table by file, and what is not reached and not explained.

A branch is one of the ways gcc leaves a condition: `if (a || b)` has four. Lines with an assert() are left out: its other way is the
end of the program. UNREACHED explains what no test reaches, named by file, function and code, since line numbers rot:

    libsync/values/cbor.c: value: 1
        default:
      why it cannot, or need not, be reached

where 1 is how many branches with that code in that function no test takes; `never called` stands for a function as a whole. The
explanations themselves are held to: one that explains too much, or something that is reached, is an error as well. They do not make
the share look better: it counts every branch.
"""
import collections
import json
import os
import re
import subprocess
import sys

# What must be covered: name, files, least share of branches in percent.
GROUPS = [
    ("base", r"libsync/base/", 95),
    ("values", r"libsync/values/", 95),
    ("rules", r"libsync/rules/", 95),
    ("ingest", r"libsync/replica/(ingest(_\w+)?|reading|ahead|apply(_\w+)?|records|chain|stream|log)\.c", 95),
]
SHOWN = GROUPS + [  # for information alone
    ("replica (rest)", r"libsync/replica/", 0),
    ("shell", r"libsync/shell/", 0),
    ("domain", r"libsync/domain/", 0),
    ("cli", r"cli/", 0),
]

Point = collections.namedtuple("Point", "file function text")


class File:
    def __init__(self, name, source):
        self.name, self.source = name, source
        self.lines = {}  # number -> (count, function)
        self.branches = {}  # number -> [count]
        self.calls = {}  # function -> [count, line]; a header's has a count in each file that uses it

    def add(self, report):
        for line in report["lines"]:
            n = line["line_number"]
            count, _ = self.lines.get(n, (0, None))
            self.lines[n] = (count + line["count"], line.get("function_name", ""))
            if re.search(r"\bassert\(", self.source[n - 1]):
                continue
            taken = [b["count"] for b in line["branches"]]
            before = self.branches.get(n, [0] * len(taken))
            self.branches[n] = [a + b for a, b in zip(before, taken)]
        for f in report["functions"]:
            self.calls.setdefault(f["name"], [0, f["start_line"]])[0] += f["execution_count"]

    def unreached(self):
        """(point, line, branches not taken) in order."""
        idle = {name: line for name, (count, line) in self.calls.items() if count == 0}
        out = [(Point(self.name, name, "never called"), line, 1) for name, line in idle.items()]
        for n, taken in self.branches.items():
            function = self.lines[n][1]
            if taken.count(0) and function not in idle:
                out.append((Point(self.name, function, self.source[n - 1].strip()), n, taken.count(0)))
        return sorted(out, key=lambda u: u[1])


def notes_of(build):
    """gcov's notes on the sources that are built today: the folder may still hold notes on ones that have gone."""
    with open(os.path.join(build, "compile_commands.json"), encoding="utf-8") as f:
        commands = json.load(f)
    ours = [c for c in commands if os.path.relpath(c["file"]).startswith(("libsync/", "cli/"))]
    objects = [re.search(r" -o (\S+)\.o ", c["command"])[1] for c in ours]
    return [n for n in (os.path.join(build, o + ".gcno") for o in objects) if os.path.exists(n)]


def measure(build):
    notes = notes_of(build)
    if not notes:
        sys.exit(f"{build}: nothing built for gcov")
    text = subprocess.run(["gcov", "--json-format", "--stdout", "--branch-probabilities"] + sorted(notes), check=True, capture_output=True,
                          text=True).stdout
    files = {}
    for report in map(json.loads, text.splitlines()):
        for one in report["files"]:
            name = os.path.relpath(os.path.join(report["current_working_directory"], one["file"]))
            if not name.startswith(("libsync/", "cli/")):
                continue
            if name not in files:
                with open(name, encoding="utf-8") as source:
                    files[name] = File(name, source.read().splitlines())
            files[name].add(one)
    return files


def read_explained(path):
    """Point -> [branches, line in the file]; exits on what it cannot read. Several points may stand above one reason."""
    explained, heads = {}, []
    with open(path, encoding="utf-8") as f:
        lines = f.read().splitlines()
    for n, line in enumerate(lines, 1):
        new = re.fullmatch(r"(\S+): (\w+): (\d+)", line)
        if not line.strip() or line.startswith("#"):
            continue
        if new:
            heads.append([new[1], new[2], int(new[3]), None, n])
        elif heads and line.startswith("    ") and heads[-1][3] is None:
            heads[-1][3] = line.strip()
        elif re.match(r"  \S", line) and all(h[3] for h in heads):
            for file, function, branches, text, at in heads:
                explained[Point(file, function, text)] = [branches, at]
            heads = []
        else:
            sys.exit(f"{path}:{n}: neither `FILE: FUNCTION: BRANCHES`, code (4 spaces) nor a reason (2 spaces): {line}")
    return explained


def share(part, whole):
    return 100.0 * part / whole if whole else 100.0


def row(name, files):
    lines = [count for f in files for count, _ in f.lines.values()]
    branches = [count for f in files for taken in f.branches.values() for count in taken]
    hit_lines, hit = len(lines) - lines.count(0), len(branches) - branches.count(0)
    print(f"{name:34} {hit_lines:5} /{len(lines):5} {share(hit_lines, len(lines)):6.1f} % {hit:5} /{len(branches):5} {share(hit, len(branches)):6.1f} %")
    return share(hit, len(branches))


def main():
    files, explained = measure(sys.argv[1]), read_explained(sys.argv[2])
    wrong = []
    print(f"{'':34} {'lines':>21} {'branches':>21}")
    seen = set()
    for group, pattern, least in SHOWN:
        of = [files[n] for n in sorted(files) if re.match(pattern, n) and n not in seen]
        seen |= {f.name for f in of}
        if least:
            for f in of:
                row(f.name.removeprefix("libsync/"), [f])
        got = row(group.upper(), of)
        if got < least:
            wrong.append(f"{group}: {got:.1f} % of the branches, must be {least} %")
    print()
    missing, lines = collections.Counter(), collections.defaultdict(list)
    held = [f for f in files.values() if any(least and re.match(pattern, f.name) for _, pattern, least in SHOWN)]
    for f in sorted(held, key=lambda f: f.name):
        for point, line, n in f.unreached():
            missing[point] += n
            lines[point].append(line)
    for point, n in missing.items():
        known, _ = explained.get(point, (0, 0))
        if n > known:
            wrong.append(f"{point.file}:{','.join(map(str, lines[point]))}: {point.function}: {n - known} not reached: {point.text}")
    for point, (n, line) in explained.items():
        if n > missing[point]:
            wrong.append(f"{sys.argv[2]}:{line}: {n} branches explained, {missing[point]} unreached: {point.function}: {point.text}")
    total = sum(missing.values())
    print(f"{total} branches not reached, {sum(min(n, explained.get(p, (0, 0))[0]) for p, n in missing.items())} of them explained in {sys.argv[2]}")
    for w in wrong:
        print(w)
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
