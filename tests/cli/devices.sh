#!/usr/bin/env bash
# Two devices: invitation, joining, syncing, a conflict from both sides and its end, care, revocation.
# shellcheck disable=SC2016 # some strings are for an inner shell
. "$(dirname "$0")/lib.sh"

hub=$work/hub laptop=$work/laptop
found "$hub"
for unit in CB01 CB02; do "$WARDSYNC" unit add $unit "Chi bộ ${unit#CB}" >/dev/null; done
"$WARDSYNC" task add "Việc chung" --code A-01 --lead CB01 --with CB02 --due 2026-05-31 >/dev/null

serve "$hub"
at "$hub" invite --unit CB01 --hub "$address"
is "invite: the code alone on one line" bash -c 'grep -Ecq "^WS1-[A-Z2-7-]+$" "$0" && [ "$(wc -l <"$0")" -eq 1 ]' "$out"
code=$(cat "$out")
at "$hub" --json invite --unit CB02 --role inspector --days 3
holds "invite as JSON" 'd["code"].startswith("WS1-") and d["role"] == "inspector" and d["unit"] == "CB02" and d["expires"].endswith("Z")'

at "$laptop" --json join "$code" --device "máy chi bộ 1"
is "join: exit code" test "$rc" -eq 0
holds "join" 'len(d["ward"]) == 64 and len(d["device"]) == 64 and d["unit"] == "CB01" and d["role"] == "cell" and d["device_name"] == "máy chi bộ 1"'
holds "join syncs a first time" 'd["sync"]["received"] > 0 and d["sync"]["refused"] == 0'
at "$work/second" join "$code"
is "used invitation: exit code 2" test "$rc" -eq 2
is "used invitation: is said" grep -q 'already been used' "$err"
is "used invitation: no replica is left" test ! -e "$work/second/replica.db"

at "$laptop" --json sync
is "sync: exit code" test "$rc" -eq 0
holds "sync" '{"sent", "received", "bytes_out", "bytes_in", "conflicts_new", "ms"} <= set(d)'
holds "sync again moves nothing" 'd["sent"] == 0 and d["received"] == 0 and d["bytes_in"] < 1000 and d["bytes_out"] < 1000'
at "$laptop" task list --json
holds "the task has arrived" '[t["code"] for t in d] == ["A-01"]'
at "$laptop" sync
is "sync, plain" grep -q '^Changes sent: 0, received: 0' "$out"

# The same field on both sides, apart: the laptop goes over an address where nobody is.
at "$hub" task set A-01 percent=60
at "$laptop" task set A-01 percent=40
at "$laptop" --json sync --plan
holds "sync --plan counts" 'd["plan"] is True and d["sent"] == 1'
at "$laptop" --json status
is "status with an unsent change: exit code 1" test "$rc" -eq 1
holds "status" 'd["unsent"] == 1 and d["conflicts"] == 0 and {"ward", "device", "digest", "spaces", "peers"} <= set(d)'
holds "status: spaces and peers" 'all({"id", "name", "digest", "changes"} <= set(s) for s in d["spaces"]) and [p["name"] for p in d["peers"]] == ["hub"]'
at "$laptop" --json sync
is "sync that brings a conflict: exit code 1" test "$rc" -eq 1
holds "sync that brings a conflict" 'd["conflicts_new"] == 1 and d["sent"] >= 1'
at "$laptop" status
is "status with a conflict: exit code 1" test "$rc" -eq 1
is "status with a conflict never says all is well" bash -c '! grep -q "All changes are delivered" "$0" && grep -q "1 conflict waits" "$0"' "$out"
at "$hub" --json status
holds "the conflict is seen at the hub too" 'd["conflicts"] == 1'

at "$laptop" --json conflict list
is "conflict list: exit code 1" test "$rc" -eq 1
holds "conflict list" 'len(d) == 1 and d[0]["kind"] == "task" and d[0]["field"] == "percent" and d[0]["title"] == "Việc chung"'
holds "conflict list: the values" '{v["value"] for v in d[0]["values"]} == {40, 60} and {v["unit"] for v in d[0]["values"]} == {"BXDD", "CB01"}'
holds "conflict list: what each had seen" 'all(v["seen"] == [] and v["at"].endswith("Z") and v["n"] in (1, 2) for v in d[0]["values"])'
conflict=$(json 'd[0]["id"][:8]')
at "$laptop" conflict list
is "conflict list, plain" grep -Eq "^$conflict +task +Việc chung +percent" "$out"
at "$laptop" conflict show "$conflict" --lang vi
is "conflict show in Vietnamese" grep -q 'chưa thấy giá trị nào khác' "$out"
at "$laptop" --json task show A-01
holds "the provisional value is marked" 'd["provisional"] == ["percent"] and d["fields"]["percent"]["provisional"] is True and len(d["fields"]["percent"]["others"]) == 1'
at "$laptop" task list
is "the provisional value is marked in the table" grep -Eq '(40|60) % \(!\)' "$out"
at "$hub" conflict resolve "$conflict" --take 9 --why "thử"
is "a value that is not there: exit code 2" test "$rc" -eq 2
n=$("$WARDSYNC" --home "$hub" conflict show "$conflict" --json | python3 -c 'import json, sys; print([v["n"] for v in json.load(sys.stdin)["values"] if v["value"] == 40][0])')
at "$hub" --json conflict resolve "$conflict" --take "$n" --why "theo báo cáo của chi bộ"
is "conflict resolve: exit code" test "$rc" -eq 0
holds "conflict resolve" 'd["conflicts"] == 0'
at "$laptop" --json sync
is "sync brings the decision" test "$rc" -eq 0
at "$laptop" --json task show A-01
holds "the decision is shown with its author" 'd["percent"] == 40 and d["conflicts"] == 0 and d["fields"]["percent"]["unit"] == "BXDD"'
at "$laptop" --json task log A-01
holds "the reason is in the log" 'any(c.get("reason") == "theo báo cáo của chi bộ" for c in d)'

# Asked on a terminal.
at "$hub" task set A-01 "budget=10 triệu"
at "$laptop" task set A-01 "budget=20 triệu"
at "$laptop" sync
at "$hub" --json conflict list
conflict=$(json 'd[0]["id"]')
if command -v script >/dev/null; then
    printf '=15 triệu\nhai bên thống nhất\n' | WARDSYNC_HOME=$hub script -qec "'$WARDSYNC' conflict resolve $conflict" /dev/null >"$out" 2>"$err"
    is "a terminal is asked" grep -q 'Which one' "$out"
    at "$hub" --json task show A-01
    holds "the answer is written" 'd["budget"] == "15 triệu" and d["conflicts"] == 0'
else
    skip "a terminal is asked" "no script(1) here"
    at "$hub" conflict resolve "$conflict" --value "15 triệu" --why "hai bên thống nhất"
fi
at "$laptop" sync

# An edit against a deletion; --value with a word.
at "$hub" task delete A-01 --yes
at "$laptop" task set A-01 "person=bí thư chi bộ"
at "$laptop" sync
at "$hub" --json conflict list
holds "an edit against a deletion is a conflict" 'len(d) == 1 and d[0]["field"] == "presence" and {v["value"] for v in d[0]["values"]} == {True, False}'
conflict=$(json 'd[0]["id"]')
at "$hub" conflict resolve "$conflict" --value keep --why "còn cần"
is "conflict resolve --value keep" test "$rc" -eq 0
at "$laptop" sync
at "$laptop" --json task show A-01
holds "the task is kept" 'd["person"] == "bí thư chi bộ"'

digest() { "$WARDSYNC" --home "$1" status --json | json '{s["id"]: s["digest"] for s in d["spaces"]}' /dev/stdin; }
digest "$hub" >"$work/a"
digest "$laptop" >"$work/b"
is "both hold the same in what the laptop may read" python3 -c 'import json, sys
a, b = (json.load(open(f)) for f in sys.argv[1:])
sys.exit(not (b and all(a[k] == b[k] for k in b)))' "$work/a" "$work/b"

at "$hub" --json device list
holds "device list" '{x["name"] for x in d} == {"hub", "máy chi bộ 1"} and [x["last_contact"] for x in d if not x["self"]][0].endswith("Z")'
at "$hub" device list --lang vi
is "device list in Vietnamese" grep -q 'máy này' "$out"

for home in "$hub" "$laptop"; do
    at "$home" --json verify --full
    is "verify of $(basename "$home"): exit code" test "$rc" -eq 0
    holds "verify of $(basename "$home")" 'd["bad"] == 0 and d["changes"] > 0 and d["seals"] > 0'
done
at "$hub" verify --lang vi
is "verify in Vietnamese" grep -q '^Đã kiểm tra: ' "$out"

at "$hub" --json backup "$work/backup.db"
holds "backup" 'd["bytes"] > 0 and d["file"].endswith("backup.db")'
at "$hub" backup "$work/backup.db"
is "backup where a file is: exit code 2" test "$rc" -eq 2

at "$hub" --json device revoke "máy chi bộ 1" --why "mất máy" --yes
is "device revoke: exit code" test "$rc" -eq 0
at "$laptop" task set A-01 percent=99
at "$laptop" --json sync
is "a revoked device is turned away" test "$rc" -ne 0
at "$hub" --json task show A-01
holds "what it writes has no effect" 'd["percent"] != 99'

WARDSYNC_HOME=$laptop "$WARDSYNC" serve --json --listen tcp://127.0.0.1:0 >"$work/serve.json" 2>"$work/serve.events" &
pids+=($!)
for _ in $(seq 200); do
    [ -s "$work/serve.json" ] && break
    sleep 0.1
done
kill -INT $!
wait $!
is "serve --json ends with 0 on SIGINT" test $? -eq 0
holds "serve --json" 'd["listening"][0].startswith("tcp://127.0.0.1:")' "$work/serve.json"
at "$hub" serve --listen "$address"
is "port taken: exit code 2" test "$rc" -eq 2
is "port taken: is said" grep -q 'already listens' "$err"

# A join that died can be done again, wherever it died: while the key was written, before the replica was laid out, before it had its first words.
mkdir "$work/died" && echo half >"$work/died/device.key.0123456789abcdef.tmp"
is "a join that died: its files are there" test -e "$work/died/device.key.0123456789abcdef.tmp"
again=$("$WARDSYNC" invite --unit CB01 --hub tcp://127.0.0.1:1 --quiet)
at "$work/died" join "$again" --timeout 1
is "a join that died: nothing of it is left" test "$rc" -eq 2 -a "$(ls "$work/died" | tr "\n" " ")" = "asked device.key "
python3 -c 'import sqlite3, sys; sqlite3.connect(sys.argv[1]).execute("pragma journal_mode = wal")' "$work/died/replica.db"
at "$work/died" status
is "a join that died: its home is none yet" test "$rc" -eq 2
at "$work/died" join "$again" --timeout 1
is "a join that died before the replica was laid out goes on: no answer yet" grep -q "does not answer\|nobody answers" "$err"
cp "$laptop/replica.db" "$work/died/replica.db" && rm -f "$work/died"/replica.db-*
python3 -c 'import sqlite3, sys
with sqlite3.connect(sys.argv[1]) as db:
    for (name,) in db.execute("select name from sqlite_schema where type = \"table\" and name like \"ward!_%\" escape \"!\"").fetchall():
        db.execute(f"delete from {name}")' "$work/died/replica.db"
again=$("$WARDSYNC" invite --unit CB01 --hub "$address" --quiet)
at "$work/died" join "$again" --device again
is "a join that died before its first words goes on" test "$rc" -eq 0
python3 -c 'import sqlite3, sys
with sqlite3.connect(sys.argv[1]) as db:
    for (name,) in db.execute("select name from sqlite_schema where type = \"table\" and name like \"ward!_%\" escape \"!\"").fetchall():
        if name != "ward_meta":
            db.execute(f"delete from {name}")' "$work/died/replica.db"
expect "a join that died at its very end: another invitation must be good for it" 2 'already been used' --home "$work/died" join "$code"
at "$work/died" join "$again"
is "a join that died at its very end is done when asked for again" test "$rc" -eq 0
at "$work/died" task list --json
holds "and everything comes" '[t["code"] for t in d] == ["A-01"]'
expect "what was joined goes on only by an invitation that is open" 2 'already been used' --home "$work/died" join "$code"

kill -TERM "$server"
wait "$server"
is "serve ends with 0 on SIGTERM" test $? -eq 0
is "serve told what happened on stderr" grep -q 'máy chi bộ 1' "$work/.events"
is "serve printed nothing but the address" test "$(wc -l <"$work/.serving")" -eq 1
