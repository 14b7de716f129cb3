#!/usr/bin/env bash
# Sync by a stick, and files that must be refused.
. "$(dirname "$0")/lib.sh"

hub=$work/hub laptop=$work/laptop
found "$hub"
"$WARDSYNC" unit add CB01 "Chi bộ 1" >/dev/null
"$WARDSYNC" task add "Việc" --code A-01 --lead CB01 >/dev/null
digest() { "$WARDSYNC" --home "$1" status --json | json 'd["digest"]' /dev/stdin; }

serve "$hub"
code=$("$WARDSYNC" --home "$hub" invite --unit CB01 --hub "$address" --quiet)
at "$laptop" join "$code" --device stick-only
kill "$server"
wait "$server"
at "$hub" task add "Việc sau" --code A-02 --lead CB01

at "$hub" --json bundle write "$work/down.wsb" --for CB01
is "bundle write: exit code" test "$rc" -eq 0
holds "bundle write" 'd["changes"] > 0 and d["bytes"] > 0 and d["device"] == "hub" and d["unit"] == "BXDD"'
at "$laptop" --json bundle read "$work/down.wsb"
is "bundle read: exit code" test "$rc" -eq 0
holds "bundle read" 'd["applied"] > 0 and d["refused"] == 0 and d["conflicts_new"] == 0'
at "$laptop" --json bundle read "$work/down.wsb"
holds "bundle read twice changes nothing" 'd["applied"] == 0 and d["refused"] == 0'
at "$laptop" --json task list
holds "the task has arrived" '[t["code"] for t in d] == ["A-01", "A-02"]'

at "$laptop" task set A-01 percent=30

# No network, and the hub is down: exit 1, what waits is said, nothing is lost.
at "$laptop" sync --timeout 3
is "sync with no network: exit code 1" test "$rc" -eq 1
is "sync with no network: says what waits" grep -q '1 change of this device is on no other device yet' "$out"
is "sync with no network: says why" grep -q '^wardsync: ' "$err"
at "$laptop" --json sync --timeout 3
is "sync with no network, JSON: exit code 1" test "$rc" -eq 1
holds "sync with no network, JSON" 'd["reached"] is False and d["sent"] == 0 and d["unsent"] == 1 and d["unsent_since"].endswith("Z")'
holds "sync with no network, JSON: the error" 'd["error"]["class"] == "retry"' "$err"
at "$laptop" --json sync nowhere
is "address that is none: exit code 2" test "$rc" -eq 2
holds "address that is none" 'd["error"]["name"] == "address"' "$err"
at "$laptop" --json task show A-01
holds "nothing is lost" 'd["percent"] == 30'

at "$laptop" bundle write "$work/up.wsb" --since-last
is "bundle write back" test "$rc" -eq 0
at "$hub" bundle show "$work/up.wsb"
is "bundle show, plain" grep -Eq '^Written by: +stick-only' "$out"
at "$hub" bundle show "$work/up.wsb" --lang vi
is "bundle show in Vietnamese" grep -Eq '^Máy tạo: +stick-only' "$out"
at "$hub" --json bundle read "$work/up.wsb"
holds "bundle read at the hub" 'd["applied"] == 1'
at "$hub" --json task show A-01
holds "the edit has arrived" 'd["percent"] == 30 and d["fields"]["percent"]["by"] == "stick-only"'

before=$(digest "$laptop")
at "$hub" task set A-01 "person=bí thư"
at "$hub" bundle write "$work/next.wsb" --for stick-only
size=$(stat -c %s "$work/next.wsb")
for cut in 0 1 40 $((size / 2)) $((size - 1)); do
    head -c "$cut" "$work/next.wsb" >"$work/cut.wsb"
    at "$laptop" bundle read "$work/cut.wsb"
    is "truncated bundle ($cut of $size bytes): exit code 2" test "$rc" -eq 2
    is "truncated bundle ($cut of $size bytes): is said" grep -Eq 'incomplete or was altered' "$err"
done
python3 -c 'import sys
b = bytearray(open(sys.argv[1], "rb").read()); b[len(b) // 2] ^= 1; open(sys.argv[2], "wb").write(b)' "$work/next.wsb" "$work/bent.wsb"
at "$laptop" --json bundle read "$work/bent.wsb"
is "altered bundle: exit code 2" test "$rc" -eq 2
holds "altered bundle: as JSON" 'd["error"]["name"].startswith("bundle-")' "$err"
is "nothing was taken from damaged files" test "$(digest "$laptop")" = "$before"
at "$laptop" bundle read "$work/none.wsb"
is "bundle that is not there: exit code 2" test "$rc" -eq 2

found "$work/other"
"$WARDSYNC" --home "$work/other" bundle write "$work/other.wsb" >/dev/null 2>&1
at "$laptop" bundle read "$work/other.wsb"
is "bundle of another ward: exit code 2" test "$rc" -eq 2
is "bundle of another ward: is said" grep -q 'another ward' "$err"
is "nothing was taken from it" test "$(digest "$laptop")" = "$before"
at "$laptop" bundle show "$work/other.wsb"
is "bundle show of another ward: exit code 2" test "$rc" -eq 2
at "$laptop" bundle read "$work/next.wsb"
is "the whole bundle goes in" test "$rc" -eq 0
