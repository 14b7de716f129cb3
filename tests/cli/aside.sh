#!/usr/bin/env bash
# A laptop is revoked while it is away; what it wrote since comes in by a stick, is kept aside, looked at and released.
. "$(dirname "$0")/lib.sh"

hub=$work/hub laptop=$work/laptop
found "$hub"
"$WARDSYNC" unit add CB01 "Chi bộ 1" >/dev/null
"$WARDSYNC" task add "Việc chung" --code A-01 --lead CB01 >/dev/null
"$WARDSYNC" task add "Việc khác" --code A-02 --lead CB01 >/dev/null

serve "$hub"
code=$("$WARDSYNC" invite --unit CB01 --hub "$address")
at "$laptop" join "$code" --device "máy chi bộ 1"
at "$laptop" sync

at "$hub" aside list
is "nothing is set aside: is said" grep -q '^Nothing is set aside' "$out"
expect "nothing of a device is set aside" 2 'nothing of máy chi bộ 1 is set aside' --home "$hub" aside show "máy chi bộ 1"

at "$hub" device revoke "máy chi bộ 1" --why "mất máy" --yes
at "$laptop" task set A-01 percent=70
at "$laptop" task set A-02 percent=30
at "$laptop" bundle write "$work/stick"
at "$hub" task set A-02 percent=90
at "$hub" bundle read "$work/stick"
is "the stick of a revoked device is read" test "$rc" -le 1

at "$hub" --json status
holds "status counts what is set aside" 'd["quarantined"] == 2 and d["waiting"] == 0'
is "status: an operator's attention is asked for" test "$rc" -eq 1
at "$hub" status
is "status says where to look" grep -q 'wardsync aside list' "$out"
at "$hub" --json task show A-01
holds "what is set aside does not count" 'd["percent"] != 70'

at "$hub" --json aside list
holds "aside list" '[(a["device"], a["changes"], a["why"], a["unit"]) for a in d] == [("máy chi bộ 1", 2, "cut", "CB01")]'
at "$hub" aside list
is "aside list, plain" grep -Eq 'máy chi bộ 1.* 2 .*revoked' "$out"
at "$hub" aside show "máy chi bộ 1"
is "aside show tells what was written" bash -c 'grep -q 70 "$0" && grep -q 30 "$0" && grep -q "Việc chung" "$0"' "$out"
at "$hub" --json aside show "máy chi bộ 1"
holds "aside show" 'len(d) == 2 and all(c["device"] == "máy chi bộ 1" for c in d)'

expect "aside release wants a reason" 64 'why' --home "$hub" aside release "máy chi bộ 1"
at "$hub" --json aside release "máy chi bộ 1" --why "đã hỏi: đúng là chi bộ viết"
holds "aside release" 'd["changes"] == 2 and d["conflicts_new"] == 1'
is "aside release that brings a conflict: exit code 1" test "$rc" -eq 1
at "$hub" --json task show A-01
holds "what was released counts" 'd["percent"] == 70'
at "$hub" --json conflict list
holds "what was written meanwhile stands beside it" 'len(d) == 1 and d[0]["title"] == "Việc khác" and sorted(v["value"] for v in d[0]["values"]) == [30, 90]'
at "$hub" --json aside list
holds "released: nothing is left" 'd == []'
at "$hub" --json aside list --all
holds "released: still told with --all" 'len(d) == 1 and d[0]["changes"] == 0'
expect "released twice" 2 'nothing of máy chi bộ 1 is set aside' --home "$hub" aside release "máy chi bộ 1" --why again
at "$hub" log
is "the log tells the reason" grep -q 'đã hỏi: đúng là chi bộ viết' "$out"
at "$hub" verify --full
is "verify --full" test "$rc" -eq 0
at "$hub" --lang vi aside list --all
is "in Vietnamese" grep -q 'thu hồi' "$out"
