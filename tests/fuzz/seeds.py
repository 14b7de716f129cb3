#!/usr/bin/python3
"""Seeds from proto/vectors, the examples and a few words: seeds.py FOLDER writes FOLDER/TARGET/N for every target that has some."""
import base64
import json
import os
import pathlib
import random
import re
import shlex
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
INPUT_MAX = 65536  # of a seed; larger ones teach a mutator little and cost much


def cases(family):
    return json.loads((ROOT / "proto/vectors" / f"{family}.json").read_text())["cases"]


def member(families, name):
    for family in families:
        for case in cases(family):
            if name in case:
                yield bytes.fromhex(case[name])


def run_parts(frame):
    """(count, codec, data) of a run frame [9]: 1, 4, space, grant, first, count, codec, data, signature."""
    at, found = 1, []
    while at < len(frame):
        head = frame[at]
        info, width = head & 31, {24: 1, 25: 2, 26: 4, 27: 8}.get(head & 31, 0)
        number = int.from_bytes(frame[at + 1 : at + 1 + width], "big") if width else info
        at += 1 + width
        if head >> 5 == 2:
            found.append(frame[at : at + number])
            at += number
        else:
            found.append(number)
    return found[5], found[6], found[7]


def runs():
    for family in ("run", "run-bad"):
        for case in cases(family):
            yield bytes.fromhex(case["run"])
    for case in cases("history"):
        yield from map(bytes.fromhex, case["runs"][:8])


def told(count):
    """As the targets read how many changes there are."""
    return ((count - 1) % 1024).to_bytes(2, "little")


def packed_runs():
    for frame in runs():
        try:
            count, codec, data = run_parts(frame)
            if isinstance(data, bytes) and isinstance(codec, int) and isinstance(count, int):
                yield bytes([codec & 255]) + told(count) + data
        except (IndexError, TypeError):
            pass  # a bad vector whose frame is not one


def columns():
    for family in ("columns", "columns-bad"):
        for case in cases(family):
            yield b"\0" + told(case["count"]) + bytes.fromhex(case["columns"])
    for case in cases("columns"):
        yield b"\1\0\0" + bytes.fromhex(case["bodies"])


def seals():
    for case in cases("seal"):
        yield (b"\0" * 3 + case["seq"].to_bytes(8, "little") + bytes(32) + bytes.fromhex(case["feed"]) +
               bytes.fromhex(case["hash"]) + bytes.fromhex(case["signature"]))


def forks(bodies):
    """Files, and what the target signs for itself: who, units, seq, bodies (some of them none)."""
    for proof in member(["fork", "fork-bad"], "fork"):
        yield b"\0" + proof
    for i, body in enumerate(bodies):
        yield bytes([1 + i % 5, i % 3, (1, 4, 199, 220, 255)[i % 5]]) + body * (i % 4)


def items(frame):
    """The members of a frame, as far as they are numbers and byte strings."""
    at, found = 1, []
    while at < len(frame):
        head = frame[at]
        info, width = head & 31, {24: 1, 25: 2, 26: 4, 27: 8}.get(head & 31, 0)
        number = int.from_bytes(frame[at + 1 : at + 1 + width], "big") if width else info
        at += 1 + width
        found.append(frame[at : at + number] if head >> 5 == 2 else number)
        at += number if head >> 5 == 2 else 0
    return found


def snapshots():
    """[head, number, bodies], of those whose parts are not packed."""
    string = lambda b: bytes([0x5a]) + len(b).to_bytes(4, "big") + b if len(b) > 65535 else bytes([0x59]) + len(b).to_bytes(2, "big") + b if len(b) > 255 else bytes([0x58, len(b)]) + b if len(b) > 23 else bytes([0x40 + len(b)]) + b
    for case in cases("snapshot") + cases("snapshot-bad"):
        try:
            frames = [items(bytes.fromhex(f)) for f in case["frames"]]
            head = frames[0][2]
            for frame in frames[1:3]:
                yield b"\x83" + string(head) + bytes([frame[3]]) + string(frame[5] if frame[4] == 0 else b"")
        except (IndexError, TypeError, ValueError):
            pass  # a bad one


def invites():
    for family in ("invite", "invite-bad"):
        for case in cases(family):
            yield b"\0" + case["code"].encode()
    for case in cases("invite"):
        letters = "".join(c for c in case["code"].strip().upper()[4:] if c not in "- \t\r\n")
        raw = base64.b32decode(letters + "=" * (-len(letters) % 8))
        yield b"\1" + raw[:-4]  # without the check, which the target puts there


def words(*texts):
    return [t.encode() for t in texts]


ADDRESSES = words("tcp://192.0.2.10:7450", "tcp://[2001:db8::1]:7450", "tcp://hub.ward.example:7450", "tcp://*:0", "tcp://127.0.0.1:*",
                  "tcp://[fe80::1%eth0]:1", "tcp://0.0.0.0:65535", "ipc:///tmp/x", "tcp://a-b.c_d:1", "tcp://[::ffff:1.2.3.4]:99")
DATES = words("2026-05-31", "2024-02-29", "2023-02-29", "2026-W05", "2026-Q3", "2026-H1", "2026-05", "2026", "standing", "every month",
              "every quarter", "every half", "every year", "2026-05-31..2026-06-30", "event:hoi-nghi+15", "event:x", "month", "quarter",
              "monthly", "Q3/2026", "31/05/2026", "after:meeting+15", "every:month", "hang thang", "by 2026-06-30", "period:2026-Q3")
TEXTS = words("Ủy ban nhân dân", "a\tb\nc", "\u200b", "-12", "1000000", "000", "+5", "KH-2026/01", "code with blank", "a,b", "\ufeff")


def pieces(files):
    """A few rows of each file at a time, under its first line."""
    for lines in (f.splitlines(True) for f in files):
        for i in range(1, len(lines), 9):
            yield b"".join(lines[:1] + lines[i : i + 4])


# The names of the examples, as planned.c has them.
HERE = {"CB03": "CB1", "UBND": "CB2", "BXDĐ": "BAN", "UBKT": "CB2", "MTTQ": "CB2", "II.1-01": "I-01", "III.2-01": "I-02", "MH-12": "P1",
        "status=doing": "status=in-progress", "máy chi bộ 3": "office"}
MORE = """task list --overdue;task list --unit CB1 --sort due;task list --status open;task show K1:I-02;task show 019;task log I-01;task add A B --lead CB1
task set I-01 with=+BAN,-CB2 due=2026-06-30;task set I-01 target=12 reached=+3;task set I-02 due=every:quarter;task round I-02 2026-05
task note I-01 hung;task delete I-01 --yes;task restore I-01;unit show CB1;unit set CB1 name=One;unit add X "Y" --kind party-cell --parent BAN
plan show;plan show K1;plan list;plan export;event list;event record closing --on 2026-05-02 --text fine;report add T --period 2026-05 --body b
report add T --task I-01 --body b --unit CB1;report list;proposal list;proposal show P1;proposal submit P1;proposal select P1 --why good
proposal withdraw P1;finding add bad --unit CB1 --due 2026-06-30;finding list;conflict list;conflict show 0000;device list;log;log --limit 3
log --since 2026-05-01;verify;verify --full;status;status --watch;invite --unit CB1;invite --unit CB1 --role cell --days 3 --hub tcp://10.0.0.5:7450
bundle write /p0/x.wsb;bundle show /p0/x.wsb;bundle read /p0/x.wsb;bundle write /p0/y --for CB1 --since-last;backup /p0/copy.db;help;--version
--help;help task;help task add;--lang vi help bundle write;--json --quiet status;task list --due-within 7d;task list --due-within 2w;nothing"""


def commands():
    """The examples of the program's help, as far as may be with the names of planned.c, and some more: a word on each line."""
    lines = MORE.replace("\n", ";").split(";")
    for path in sorted((ROOT / "cli").glob("*.c")):
        for line in re.findall(r'  wardsync ((?:[^"\\]|\\")*)\\n', path.read_text()):
            lines.append(line.replace('\\"', '"'))
    for line in lines:
        told = [HERE.get(w, w).replace("/media/usb/", "/p0/") for w in shlex.split(line)]
        for more in ([], ["--json"], ["--lang", "vi"]):
            yield "\n".join(told + more).encode()
    for line in lines:
        yield "\n".join(["help", *shlex.split(line)[:2]]).encode()


FIELDS = words("2026-05-31", "every:month", "event:opening+15", "I-01", "K1:I-02", "CB1", "+CB2,-BAN", "CB1,CB2", "12", "-3", "+4", "done",
               "in-progress", "7d", "2w", "standing", "own", "party-cell", "true", "Ủy ban", "")


def scripts(length, number):
    """What a target reads as its own little language: any bytes will do."""
    dice = random.Random(length)
    for i in range(number):
        yield dice.randbytes(1 + dice.randrange(length))


def targets():
    frames = list(member(["frame", "frame-bad"], "frame")) + list(runs()) + [bytes.fromhex(f) for case in cases("snapshot") for f in case["frames"]]
    bodies = list(member(["change", "change-bad"], "body"))
    values = [bytes.fromhex(op["value"]) for case in cases("change") for op in case["ops"]]
    grants = list(member(["grant", "grant-bad"], "grant"))
    plan = (ROOT / "tests/fuzz/planned.c").read_text()
    plan = plan[plan.index("plan[] = ") : plan.index(";\n\n#define MUST")]
    planned = "".join(re.findall(r'"((?:[^"\\]|\\.)*)"', plan)).encode().decode("unicode_escape").encode()
    example = (ROOT / "examples/second-plan/plan.json").read_bytes()
    files = [p.read_bytes() for p in (ROOT / "examples").rglob("plan.csv")]
    yield "cbor", values + bodies + grants + frames + list(member(["genesis"], "genesis")) + list(member(["circle"], "circle"))
    yield "change", bodies
    yield "frame", frames
    yield "grant", [b"\0" + g for g in grants] + [b"\1" + v for v in values]
    yield "unpack", list(packed_runs())
    yield "columns", list(columns())
    yield "seal", list(seals())
    yield "receipt", list(member(["receipt", "receipt-bad"], "cose"))
    yield "fork", list(forks(bodies))
    yield "snapshot", list(snapshots())
    yield "invite", list(invites())
    yield "address", ADDRESSES
    yield "due", DATES
    yield "text", TEXTS
    yield "plan", [planned, example, *pieces(files)]
    yield "rows", [planned, example, *pieces(files)]
    yield "value", [bytes([k, f]) + t for k in range(9) for f in range(24) for t in FIELDS[k % 4 :: 4]]
    yield "cli", list(dict.fromkeys(commands()))
    key = bytes([0x83, 1]) + (b"\x58\x20" + bytes(range(32))) * 2
    yield "keyfile", [b"\0" + key, *(b"\1" + script for script in scripts(60, 60))]
    for name in ("ingest", "talk", "bundle", "join", "home", "admission"):
        yield name, list(scripts(400, 60))
    yield "csv", list(pieces(files))


def main(folder):
    for name, inputs in targets():
        path = pathlib.Path(folder) / name
        os.makedirs(path, exist_ok=True)
        for i, data in enumerate(dict.fromkeys(d for d in inputs if len(d) <= INPUT_MAX)):
            (path / f"seed-{i}").write_bytes(data)


if __name__ == "__main__":
    main(sys.argv[1]) if len(sys.argv) == 2 else sys.exit(__doc__)
