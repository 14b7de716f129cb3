#!/usr/bin/env bash
# A laptop's folder is copied and both go on; a laptop is put back to an old backup and goes on: nobody has to do anything about it.
. "$(dirname "$0")/../cli/lib.sh"

hub=$work/hub laptop=$work/laptop copy=$work/copy
found "$hub"
"$WARDSYNC" unit add CB01 "Chi bộ 1" >/dev/null
for n in 1 2 3 4 5; do "$WARDSYNC" task add "Việc $n" --code "A-0$n" --lead CB01 --target 100 --measure "người" >/dev/null; done

serve "$hub"
code=$("$WARDSYNC" invite --unit CB01 --hub "$address")
at "$laptop" join "$code" --device "máy chi bộ 1"
at "$laptop" task set A-05 percent=10
at "$laptop" sync

# ---- two laptops with one folder

cp -a "$laptop" "$copy"
at "$laptop" task set A-01 percent=40
at "$laptop" task set A-02 percent=20
at "$copy" task set A-01 percent=60
at "$copy" task set A-03 percent=30
at "$copy" task note A-04 "đã họp chi bộ"
at "$laptop" sync
is "the laptop syncs" test "$rc" -le 1
at "$copy" --json sync
is "its copy syncs: exit code" test "$rc" -le 1
holds "its copy syncs" 'd["refused"] == 0'
at "$copy" sync
at "$laptop" sync
for home in "$hub" "$laptop" "$copy"; do
    name=$(basename "$home")
    at "$home" --json conflict list
    holds "$name: what both wrote stands side by side" '[sorted(v["value"] for v in c["values"]) for c in d] == [[40, 60]]'
    at "$home" --json task list
    holds "$name: every edit of both is there" '{t["code"]: t["percent"] for t in d if t["code"] in ("A-02", "A-03", "A-05")} == {"A-02": 20, "A-03": 30, "A-05": 10}'
    at "$home" --json task show A-04
    is "$name: the note is there" grep -q 'đã họp chi bộ' "$out"
    at "$home" verify --full
    is "$name: verify" test "$rc" -eq 0
    at "$home" --json status
    holds "$name: nothing is set aside, nothing waits" 'd["quarantined"] == 0 and d["waiting"] == 0'
done
at "$hub" conflict resolve "$("$WARDSYNC" --home "$hub" --json conflict list | python3 -c 'import json, sys; print(json.load(sys.stdin)[0]["id"])')" --take 1 --why "theo báo cáo"
is "settled" test "$rc" -eq 0

# They go on like that: the one that syncs later heals each time.
at "$laptop" sync
at "$copy" sync
at "$copy" task set A-03 percent=35
at "$laptop" task set A-02 percent=25
at "$copy" sync
at "$laptop" sync
at "$copy" sync
for home in "$hub" "$laptop" "$copy"; do
    at "$home" --json task list
    holds "$(basename "$home"): once more" '{t["code"]: t["percent"] for t in d if t["code"] in ("A-02", "A-03")} == {"A-02": 25, "A-03": 35}'
done

# ---- put back to an old backup

at "$laptop" backup "$work/old"
at "$laptop" task set A-02 percent=50
at "$laptop" sync
at "$laptop" restore "$work/old" --yes
is "restored" test "$rc" -eq 0
at "$laptop" task set A-03 percent=80
at "$laptop" sync
is "the restored laptop syncs" test "$rc" -le 1
at "$laptop" sync
for home in "$hub" "$laptop"; do
    at "$home" --json task list
    holds "$(basename "$home"): what came after the backup and what came after the restore" '{t["code"]: t["percent"] for t in d if t["code"] in ("A-02", "A-03")} == {"A-02": 50, "A-03": 80}'
    at "$home" verify --full
    is "$(basename "$home"): verify after the restore" test "$rc" -eq 0
done
