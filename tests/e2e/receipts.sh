#!/usr/bin/env bash
# A hub and three cells as real processes: receipts and what they prove; and the hub restored from an old backup, refilled by its cells with
# no command, with what the hub itself had written since.
. "$(dirname "$0")/../cli/lib.sh"

found "$work/hub"
hub=$work/hub
for n in 1 2 3; do "$WARDSYNC" unit add "CB0$n" "Chi bộ $n" >/dev/null; done
serve "$hub"
for n in 1 2 3; do
    code=$(WARDSYNC_HOME=$hub "$WARDSYNC" invite --unit "CB0$n" --hub "$address" --quiet)
    WARDSYNC_HOME=$work/c$n "$WARDSYNC" join "$code" --device "máy $n" >/dev/null 2>&1
done
export WARDSYNC_HOME=$work/c1
expect "nothing written yet: no receipt" 0 'No hub has confirmed' receipt list
"$WARDSYNC" task add "Hội nghị quý 3" --lead CB01 --code T-1 >/dev/null
report=$("$WARDSYNC" report add "Báo cáo quý 3" --task T-1 --period 2026-Q3 --json | python3 -c 'import json, sys; print(json.load(sys.stdin)["id"])')
expect "not sent: not confirmed" 1 'No hub has confirmed this yet' receipt show "$report"
expect "not sent: nothing to export" 2 'No hub has confirmed' receipt export "$report" "$work/p0"
is "not sent: no file" test ! -e "$work/p0"
expect "a sync says what was confirmed" 0 'hub has confirmed 2 changes' sync
expect "in Vietnamese" 0 'đã lưu giữ chắc chắn' --lang vi receipt show "$report"
expect "by which hub, by whose clock" 0 '^hub held this durably by .*its clock' receipt show "$report"
ward receipt show "$report" --json
holds "show as JSON" 'len(d["changes"]) == 1 and d["changes"][0]["receipts"][0]["hub"] == "hub" and d["changes"][0]["own"]'
hash=$(json 'd["changes"][0]["hash"]')
expect "by the task's code" 0 'held this durably' receipt show T-1
expect "by a change's id" 0 'held this durably' receipt show "${hash:0:12}"
expect "by nothing that there is" 2 'no such|not found|Nothing' receipt show ffffffffffff
expect "a list" 0 'CB01' receipt list
ward receipt list --json
holds "list as JSON" 'len(d["receipts"]) == 1 and d["receipts"][0]["heads"][0]["seq"] == 2 and not d["notices"]'
ward status --json
holds "status counts them" 'd["receipted"] == 2 and d["hub_lost"] == 0 and d["hub_rewrote"] == 0'
ward sync --json
holds "nothing new: no more bytes than ever" 'd["receipted"] == 0 and d["bytes_out"] + d["bytes_in"] <= 200'

# The proof, and who can check it.
expect "export says what it proves" 0 'hub held it durably by' receipt export "$report" "$work/proof"
expect "another cell checks it" 0 'Written by CB01 / máy 1 and sealed by its own key' --home "$work/c2" receipt check "$work/proof"
expect "another cell checks it: what was written" 0 'Báo cáo quý 3' --home "$work/c2" receipt check "$work/proof"
expect "another cell checks it: it holds none of it" 0 'does not hold these changes itself' --home "$work/c2" receipt check "$work/proof"
expect "the hub checks it" 0 'holds the same changes' --home "$hub" receipt check "$work/proof"
expect "in Vietnamese" 0 'Mọi dấu niêm phong đều hợp lệ' --lang vi --home "$work/c2" receipt check "$work/proof"
ward --home "$work/c2" receipt check "$work/proof" --json
holds "as JSON" 'd["receipts"][0]["agrees"] and d["here"] == "no" and len(d["changes"][0]["ops"]) > 0'
python3 -c 'import sys
b = bytearray(open(sys.argv[1], "rb").read()); b[-9] ^= 1; open(sys.argv[2], "wb").write(b)' "$work/proof" "$work/altered"
expect "altered: proves nothing" 2 'proves? ' --home "$work/c2" receipt check "$work/altered"
head -c 300 "$work/proof" >"$work/short"
expect "cut off: proves nothing" 2 'proves nothing' --home "$work/c2" receipt check "$work/short"
expect "no proof at all" 2 'proves nothing' --home "$work/c2" receipt check "$work/c1/replica.db"
WARDSYNC_HOME=$work/other "$WARDSYNC" init --ward Khác --unit K --unit-name K --quiet >/dev/null
expect "in another ward" 2 'another ward' --home "$work/other" receipt check "$work/proof"
expect "what others wrote" 2 'not written on this device' --home "$hub" receipt show T-1

# Work goes on after a backup; then the backup is put back.
WARDSYNC_HOME=$hub "$WARDSYNC" backup "$work/old.db" >/dev/null
for n in 1 2 3; do
    export WARDSYNC_HOME=$work/c$n
    "$WARDSYNC" task add "Việc sau khi sao lưu $n" --lead "CB0$n" --code "S-$n" >/dev/null
    "$WARDSYNC" sync >/dev/null
done
WARDSYNC_HOME=$hub "$WARDSYNC" task add "Việc của phường" --lead BXDD --with CB01 --code H-1 >/dev/null
for n in 1 2 3; do WARDSYNC_HOME=$work/c$n "$WARDSYNC" sync >/dev/null; done
for n in 1 2 3; do WARDSYNC_HOME=$work/c$n "$WARDSYNC" sync --quiet >/dev/null; done
before=$("$WARDSYNC" --home "$hub" status --json | python3 -c 'import json, sys; print(json.load(sys.stdin)["digest"])')
kill "$server" && wait "$server"
expect "restore says to sync first" 0 'before you write anything' --home "$hub" restore "$work/old.db"
serve "$hub" "$address"
is "serve says that it was restored" timeout 20 bash -c 'until grep -q restored "$0"; do sleep 0.1; done' "$work/.events"
export WARDSYNC_HOME=$work/c1
expect "a plan notices it" 1 'no longer holds' sync --plan
expect "a sync refills it, and says so" 1 'had lost [0-9]+ changes of this device' sync
expect "a sync refills it: and it is over" 0 'CB01' receipt list
holds_status() { ward --home "$1" status --json; holds "$2" 'd["hub_lost"] == 0'; }
holds_status "$work/c1" "the notice has ended"
for n in 2 3; do "$WARDSYNC" --home "$work/c$n" sync --json >"$work/s$n.json" 2>"$err"; holds "cell $n sends again by itself" 'd["hub_had_lost"] >= 1 and d["hub_lost"] == 0' "$work/s$n.json"; done
after=$("$WARDSYNC" --home "$hub" status --json | python3 -c 'import json, sys; print(json.load(sys.stdin)["digest"])')
is "the hub holds all that it had, its own writing too" test "$before" = "$after"
expect "the hub: sound" 0 '' --home "$hub" verify --full
expect "the old receipts still stand" 0 'All seals hold' --home "$hub" receipt check "$work/proof"
