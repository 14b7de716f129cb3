#!/usr/bin/env bash
# Addresses that lead elsewhere: the hub of another ward, nobody, something that is no hub, a port that is taken.
. "$(dirname "$0")/../cli/lib.sh"

found "$work/other"
: >"$work/.serving"
serve "$work/other"
elsewhere=$address
found "$work/hub"
"$WARDSYNC" unit add CB01 "Chi bộ 1" >/dev/null
: >"$work/.serving" # what the other one said does not count
serve "$work/hub"
other_hub=$elsewhere

# An invitation that leads to another ward's hub.
code=$("$WARDSYNC" invite --unit CB01 --hub "$other_hub" --quiet)
ward --home "$work/lost" --json join "$code" --timeout 5
is "join at the hub of another ward: exit code 2" test "$rc" -eq 2
holds "join at the hub of another ward: is said" 'd["error"]["name"] in ("invite-hub", "session-ward") and d["error"]["hint"] != ""' "$err"
is "join at the hub of another ward: no replica is left" test ! -e "$work/lost/replica.db"

code=$("$WARDSYNC" invite --unit CB01 --hub "$address" --quiet)
ward --home "$work/laptop" join "$code" --device laptop
is "join at the right one" test "$rc" -le 1
ward --home "$work/laptop" sync
"$WARDSYNC" --home "$work/laptop" task add "Việc" --code T-01 >/dev/null
digest() { "$WARDSYNC" --home "$1" status --json | python3 -c 'import json, sys; print(json.load(sys.stdin)["digest"])'; }
before=$(digest "$work/laptop") before_other=$(digest "$work/other")

ward --home "$work/laptop" --json sync "$other_hub" --timeout 5
is "sync with the hub of another ward: not done" test "$rc" -eq 1 -o "$rc" -eq 2
holds "sync with the hub of another ward: is said" 'd["error"]["name"] in ("handshake", "session-ward", "ward")' "$err"
is "sync with the hub of another ward: nothing moves" test "$(digest "$work/laptop")$(digest "$work/other")" = "$before$before_other"

# Something answers there that does not speak our language: it takes what comes and says nothing.
python3 -u -c '
import socket
s = socket.create_server(("127.0.0.1", 0))
print("tcp://127.0.0.1:%d" % s.getsockname()[1])
held = []
while True: held.append(s.accept())' >"$work/mute.out" &
pids+=($!)
until [ -s "$work/mute.out" ] || ! kill -0 $! 2>/dev/null; do sleep 0.05; done
ward --home "$work/laptop" --json sync "$(cat "$work/mute.out")" --timeout 2
is "sync with something that says nothing: ends, exit code 1" test "$rc" -eq 1
holds "sync with something that says nothing: what waits" 'd["reached"] is False and d["unsent"] == 1'

ward --home "$work/other" --json serve --listen "$address"
is "port taken: exit code 2" test "$rc" -eq 2
holds "port taken: is said" 'd["error"]["name"] == "address-in-use" and d["error"]["hint"] != ""' "$err"

ward --home "$work/laptop" --json sync
holds "and with the right hub it goes on" 'd["reached"] is True and d["sent"] == 1 and d["unsent"] == 0'
