#!/usr/bin/env bash
# Links that break and hubs that die in the middle: what arrived stays, nothing is sent twice, nothing is damaged.
. "$(dirname "$0")/../cli/lib.sh"
proxy_program=$here/../../examples/ward-week/cut_proxy.py

# broken: the link has cut and is gone; if it was never needed so far, it is not waited for.
broken() {
    local cut=0
    grep -q '^cut after ' "$work/proxy.out" || cut=1
    kill "$proxy" 2>/dev/null
    wait "$proxy"
    return $cut
}

# hub_up: as serve, after a hub that died: its address does not count.
hub_up() {
    : >"$work/.serving"
    serve "$hub"
}

hub=$work/hub laptop=$work/laptop
found "$hub"
"$WARDSYNC" unit add CB01 "Chi bộ 1" >/dev/null
"$WARDSYNC" task add "Việc" --code A-01 --lead CB01 >/dev/null
hub_up
code=$("$WARDSYNC" invite --unit CB01 --hub "$address" --quiet)
"$WARDSYNC" --home "$laptop" join "$code" --device laptop >/dev/null 2>&1
"$WARDSYNC" --home "$laptop" sync >/dev/null
changes() { "$WARDSYNC" --home "$1" status --json | python3 -c 'import json, sys; print(json.load(sys.stdin)["changes"])'; }

# notes FROM TO: notes of 15 kB each that do not pack well.
notes() {
    local i
    for i in $(seq "$1" "$2"); do
        python3 -c 'import base64, random, sys; print(base64.b64encode(random.Random(int(sys.argv[1])).randbytes(11000)).decode())' "$i" >"$work/note.txt"
        "$WARDSYNC" --home "$laptop" task note A-01 "@$work/note.txt" >/dev/null || not_ok "note $i"
    done
}

# wait_for FILE PATTERN: until a line of it matches.
wait_for() {
    timeout 60 bash -c 'until grep -Eq "$1" "$0"; do sleep 0.05; done' "$1" "$2"
}

proxy() { # BYTES [up|down]: $through is its address
    : >"$work/proxy.out" # what the last one said does not count
    python3 -B "$proxy_program" "$address" "$@" >"$work/proxy.out" &
    proxy=$!
    pids+=("$proxy")
    wait_for "$work/proxy.out" '^listening on ' || { not_ok "the bad link"; exit 1; }
    through=$(sed -n 's/^listening on //p' "$work/proxy.out")
}

# The link is cut in the handshake, whichever end speaks: that is no refusal by the hub.
for way in up down; do
    proxy 100 $way
    ward --home "$laptop" --json sync "$through" --timeout 3
    is "cut in the handshake ($way): exit code 1" test "$rc" -eq 1
    holds "cut in the handshake ($way): said to be the network" 'd["error"]["name"] == "network"' "$err"
    is "cut in the handshake ($way): it was the link" broken
done

# The link is cut while the laptop sends, at several places.
notes 1 40
held=$(changes "$hub") waiting=40
for kibibytes in 1 8 200 150; do
    proxy $((kibibytes * 1024))
    ward --home "$laptop" --json sync "$through" --timeout 3
    is "cut after $kibibytes KiB out: exit code 1" test "$rc" -eq 1
    holds "cut after $kibibytes KiB out: not reached, the rest waits" 'd["reached"] is False and 0 < d["unsent"] <= 40'
    is "cut after $kibibytes KiB out: it was the link" broken
done
got=$(($(changes "$hub") - held))
is "some of it has arrived, and not all ($got of $waiting)" test "$got" -gt 0 -a "$got" -lt "$waiting"
ward --home "$laptop" --json sync
holds "the next round sends just the rest" "d[\"sent\"] == $waiting - $got and d[\"unsent\"] == 0"
is "the hub has all, once" test "$(changes "$hub")" -eq $((held + waiting))

# The link is cut while a new device gets its first share.
code=$("$WARDSYNC" invite --unit CB01 --hub "$address" --quiet)
"$WARDSYNC" --home "$work/second" join "$code" --device second >/dev/null 2>&1
is "a second laptop of the unit gets all of it" test "$(changes "$work/second")" -eq "$(changes "$hub")"
proxy $((200 * 1024)) down
code=$("$WARDSYNC" invite --unit CB01 --hub "$through" --quiet)
ward --home "$work/third" --json join "$code" --device third --timeout 3
is "cut while the first share comes: exit code 1, the device is enrolled" test "$rc" -eq 1 -a -e "$work/third/replica.db"
is "cut while the first share comes: it was the link" broken
ward --home "$work/third" --json sync "$address"
is "and the next round brings the rest" test "$(changes "$work/third")" -eq "$(changes "$hub")"
ward --home "$work/third" --json sync "$address"
holds "and then nothing" 'd["sent"] == 0 and d["received"] == 0 and d["bytes_in"] + d["bytes_out"] < 500'

# The hub is killed in the middle of a round, again and again.
notes 41 70
held=$(changes "$hub") waiting=30
for kibibytes in 30 250; do
    # The bad link tells when so much has passed; the hub dies then, before the laptop knows.
    proxy $((kibibytes * 1024))
    "$WARDSYNC" --home "$laptop" --json sync "$through" --timeout 3 >"$out" 2>"$err" </dev/null &
    round=$!
    wait_for "$work/proxy.out" '^cut after '
    kill -9 "$server"
    wait "$server" 2>/dev/null
    wait "$round"
    is "hub killed after $kibibytes KiB: the laptop ends with 1" test $? -eq 1
    ward --home "$hub" --json verify --full
    is "hub killed after $kibibytes KiB: verify ends with 0" test "$rc" -eq 0
    holds "hub killed after $kibibytes KiB: nothing is bad" 'd["bad"] == 0'
    hub_up
done
got=$(($(changes "$hub") - held))
ward --home "$laptop" --json sync "$address"
holds "the hub is back: just the rest is sent ($got had arrived)" "d[\"sent\"] == $waiting - $got and d[\"unsent\"] == 0"

# And the hub is killed while the laptop gets.
proxy $((100 * 1024)) down
"$WARDSYNC" --home "$work/third" --json sync "$through" --timeout 3 >"$out" 2>"$err" </dev/null &
round=$!
wait_for "$work/proxy.out" '^cut after '
kill -9 "$server"
wait "$server" 2>/dev/null
wait "$round"
is "hub killed while it sends: the other ends with 1" test $? -eq 1
hub_up
ward --home "$work/third" --json sync "$address"
is "the hub is back: both hold the same" test "$(changes "$work/third")" -eq "$(changes "$hub")"
for home in "$hub" "$laptop" "$work/third"; do
    ward --home "$home" --json verify --full
    holds "verify of $(basename "$home")" 'd["bad"] == 0'
done
