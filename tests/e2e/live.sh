#!/usr/bin/env bash
# Links that stay up: what another program writes on a served replica goes out at once, and on from the hub to whom it concerns.
. "$(dirname "$0")/../cli/lib.sh"

hub=$work/hub
found "$hub"
for unit in CB01 CB02; do "$WARDSYNC" unit add $unit "Chi bộ ${unit#CB}" >/dev/null; done
"$WARDSYNC" task add "Việc chung" --code A-01 --lead CB01 --with CB02 >/dev/null

# up HOME: a served replica; tells every event as a line of JSON in HOME.events, its address in $bound, its process in $up.
up() {
    : >"$1.serving"
    WARDSYNC_HOME=$1 "$WARDSYNC" serve --json --listen "${2:-tcp://127.0.0.1:0}" --every 1s >"$1.serving" 2>"$1.events" &
    up=$!
    pids+=("$up")
    timeout 60 bash -c 'until python3 -c "import json, sys; json.load(open(sys.argv[1]))" "$0" 2>/dev/null; do sleep 0.05; done' "$1.serving" ||
        { cat "$1.events" >"$err"; not_ok "serve of $(basename "$1") listens"; exit 1; }
    bound=$(json 'd["listening"][0]' "$1.serving")
}

# comes HOME EXPRESSION: until the expression over its task A-01 is true; at most 30 s.
comes() {
    WARDSYNC_HOME=$1 timeout 30 bash -c 'until "$WARDSYNC" task show A-01 --json 2>/dev/null |
        python3 -c "import json, sys; d = json.load(sys.stdin); sys.exit(not ($0))" 2>/dev/null; do sleep 0.05; done' "$2"
}
events() { grep -c "\"event\":\"$2\"" "$1.events"; }
more() { # HOME EVENT COUNT: until there are more of that event than COUNT
    timeout 30 bash -c 'until [ "$(grep -c "\"event\":\"$1\"" "$0")" -gt "$2" ]; do sleep 0.05; done' "$1.events" "$2" "$3"
}
export WARDSYNC

up "$hub"
hub_server=$up address=$bound
for unit in CB01 CB02; do
    code=$("$WARDSYNC" invite --unit $unit --hub "$address" --quiet)
    "$WARDSYNC" --home "$work/$unit" join "$code" --device "$unit" >/dev/null 2>&1
    "$WARDSYNC" --home "$work/$unit" sync >/dev/null 2>&1
done
met=$(events "$hub" peer_up)
up "$work/CB01"
up "$work/CB02"
cb02_server=$up
is "both cells come to the hub and stay" more "$hub" peer_up $((met + 1))
is "the second cell is level with the hub" more "$work/CB02" synced 0

# Written beside a running serve; told to the hub, and by the hub to the other cell.
taken=$(events "$work/CB02" ingested)
ward --home "$work/CB01" task set A-01 percent=35
is "the program writes while serve runs on the same replica" test "$rc" -eq 0
is "the hub has it" comes "$hub" 'd["percent"] == 35'
is "the other cell has it" comes "$work/CB02" 'd["percent"] == 35'
is "the other cell's serve said so" more "$work/CB02" ingested "$taken"
ward task set A-01 percent=40
is "written at the hub: the first cell has it" comes "$work/CB01" 'd["percent"] == 40'
is "written at the hub: the second cell has it" comes "$work/CB02" 'd["percent"] == 40'

# Twenty writes one after another, on both cells at once, with both served.
(for i in $(seq 20); do "$WARDSYNC" --home "$work/CB01" task set A-01 "person=số $i" >/dev/null || exit 1; done) &
first=$!
(for i in $(seq 20); do "$WARDSYNC" --home "$work/CB02" task set A-01 "budget=số $i" >/dev/null || exit 1; done) &
second=$!
wait $first
is "twenty writes beside one serve" test $? -eq 0
wait $second
is "twenty writes beside the other" test $? -eq 0
for home in "$hub" "$work/CB01" "$work/CB02"; do
    is "$(basename "$home"): both last values come" comes "$home" 'd["person"] == "số 20" and d["budget"] == "số 20" and d["conflicts"] == 0'
done

# A round by hand while serve is linked already.
ward --home "$work/CB01" --json sync
is "a round beside a live link: exit code" test "$rc" -eq 0
holds "a round beside a live link" 'd["reached"] is True and d["refused"] == 0'
(for i in $(seq 5); do "$WARDSYNC" --home "$work/CB01" --json sync >/dev/null 2>&1 || exit 1; done) &
first=$!
(for i in $(seq 5); do "$WARDSYNC" --home "$work/CB02" --json sync >/dev/null 2>&1 || exit 1; done) &
second=$!
wait $first
is "rounds of both cells at once" test $? -eq 0
wait $second
is "rounds of both cells at once: the other" test $? -eq 0

# The hub goes down and comes back where it was: the links come back by themselves.
kill -TERM "$hub_server"
wait "$hub_server"
is "the hub's serve ends with 0" test $? -eq 0
ward --home "$work/CB01" task set A-01 percent=55
up "$hub" "$address"
is "the hub is back: the links come back, the hub has what was written" comes "$hub" 'd["percent"] == 55'
is "and so has the other cell" comes "$work/CB02" 'd["percent"] == 55'
kill -TERM "$cb02_server"
wait "$cb02_server"
is "a cell's serve ends with 0" test $? -eq 0

for home in "$hub" "$work/CB01" "$work/CB02"; do
    ward --home "$home" --json verify --full
    holds "verify of $(basename "$home")" 'd["bad"] == 0'
done
