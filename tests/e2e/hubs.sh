#!/usr/bin/env bash
# Where the hub is found: addresses listed, added and removed by an operator; a hub that moves; a hub lost, and another made of the recovery
# sheet and a cell's bundle; cells find it. A device that only the lost hub had admitted hears what to do.
. "$(dirname "$0")/../cli/lib.sh"

found "$work/hub"
hub=$work/hub
for n in 1 2; do "$WARDSYNC" unit add "CB0$n" "Chi bộ $n" >/dev/null; done
serve "$hub"
first=$address
for n in 1 2; do
    code=$(WARDSYNC_HOME=$hub "$WARDSYNC" invite --unit "CB0$n" --hub "$first" --quiet)
    WARDSYNC_HOME=$work/c$n "$WARDSYNC" join "$code" --device "máy $n" >/dev/null 2>&1
done
export WARDSYNC_HOME=$work/c1
ward hub list --json
holds "list" '[a["address"] for a in d] == ["'"$first"'"] and d[0]["listed"] and d[0]["device"] == "hub"'
expect "a cell may not add one" 2 'wardsync: ' hub add tcp://127.0.0.1:9
expect "an address that is none" 2 'not valid' --home "$hub" hub add nowhere
expect "taking off what is not there" 2 'found' --home "$hub" hub remove tcp://127.0.0.1:9
expect "add" 0 'tcp://127.0.0.1:9' --home "$hub" hub add tcp://127.0.0.1:9
expect "add again" 0 'tcp://127.0.0.1:9' --home "$hub" hub add tcp://127.0.0.1:9
expect "in Vietnamese" 0 'Địa chỉ' --lang vi --home "$hub" hub list
expect "remove" 0 "$first" --home "$hub" hub remove tcp://127.0.0.1:9
for n in 2 3 4 5 6 7 8; do "$WARDSYNC" --home "$hub" hub add "tcp://127.0.0.1:$n" >/dev/null; done
expect "a ninth" 2 'the most there may be' --home "$hub" hub add tcp://127.0.0.1:9
for n in 2 3 4 5 6 7 8; do "$WARDSYNC" --home "$hub" hub remove "tcp://127.0.0.1:$n" >/dev/null; done

# The hub moves: the new address is there before the old one goes.
kill "$server" && wait "$server"
serve "$hub"
second=$address
"$WARDSYNC" --home "$hub" hub add "$second" >/dev/null
kill "$server" && wait "$server"
serve "$hub" "$first" "$second"
expect "over the old address they learn of the new one" 0 'received: [1-9]' sync
"$WARDSYNC" --home "$work/c2" sync >/dev/null
kill "$server" && wait "$server"
serve "$hub" "$second"
"$WARDSYNC" task add "Việc 1" --lead CB01 --code T-1 >/dev/null
expect "and find it there" 0 'has confirmed' sync
ward hub list --json
holds "who answered where" '{a["address"]: a["device"] for a in d}["'"$second"'"] == "hub"'

# The sheet is in the safe. One more cell joins; then the hub's machine burns down.
printf 'giấy trong két sắt\n' >"$work/word" && chmod 600 "$work/word"
expect "the sheet" 0 '' --home "$hub" key sheet --sheet-passphrase-file "$work/word" --out "$work/sheet.txt"
code=$("$WARDSYNC" --home "$hub" invite --unit CB02 --hub "$second" --quiet)
WARDSYNC_HOME=$work/c3 "$WARDSYNC" join "$code" --device "máy 3" >/dev/null 2>&1
kill "$server" && wait "$server"
mv "$hub" "$work/burnt"
"$WARDSYNC" task add "Việc 2" --lead CB01 --code T-2 >/dev/null
expect "nobody answers: work is safe here" 1 'safe here' sync --timeout 3

# A new machine: the sheet, a bundle of a cell, serve; its own bundle tells the cells of it.
"$WARDSYNC" bundle write "$work/c1.wsb" >/dev/null
expect "recover" 0 '' --home "$work/new" recover "$work/sheet.txt" --sheet-passphrase-file "$work/word" --bundle "$work/c1.wsb" --unit BXDD --device "máy chủ mới"
serve "$work/new"
third=$address
export WARDSYNC_HOME=$work/c1
expect "its address" 0 "$third" --home "$work/new" hub add "$third"
"$WARDSYNC" --home "$work/new" bundle write "$work/new.wsb" >/dev/null
expect "a cell that has not heard of it does not take it for the hub" 2 'not the one expected' sync "$third" --timeout 3
expect "a cell reads its bundle" 0 'taken in: [1-9]' bundle read "$work/new.wsb"
expect "and finds it, whatever answered before" 0 'máy chủ mới|has confirmed' sync
ward receipt list --json
holds "it confirms all again" 'any(r["hub"] == "máy chủ mới" for r in d["receipts"]) and not d["notices"]'
ward --home "$work/new" task show T-2 --json
is "the new hub has what was written meanwhile" test "$rc" -eq 0
"$WARDSYNC" --home "$work/c2" bundle read "$work/new.wsb" >/dev/null
expect "the next cell too" 0 'received' --home "$work/c2" sync

# The one that only the lost hub had admitted.
"$WARDSYNC" --home "$work/c3" bundle read "$work/new.wsb" >/dev/null 2>&1
"$WARDSYNC" --home "$work/c3" task add "Việc 3" --lead CB02 --code T-3 >/dev/null
ward --home "$work/c3" sync "$third" --timeout 3
is "stranded: not done" test "$rc" -eq 2
is "stranded: told what to do" grep -q 'bundle write' "$err"
"$WARDSYNC" --home "$work/c3" bundle write "$work/c3.wsb" >/dev/null
expect "its bundle brings it in" 0 'taken in' --home "$work/new" bundle read "$work/c3.wsb"
expect "and then the door opens" 0 'has confirmed|received' --home "$work/c3" sync "$third"
