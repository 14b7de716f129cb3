#!/usr/bin/env bash
# Who is not let in is told which of several reasons it is, and what to do, in both languages.
. "$(dirname "$0")/../cli/lib.sh"

hub=$work/hub
found "$hub"
"$WARDSYNC" unit add CB01 "Chi bộ 01" >/dev/null
"$WARDSYNC" backup "$work/before.db" >/dev/null
"$WARDSYNC" serve --json --listen tcp://127.0.0.1:0 >"$work/serving" 2>"$work/events" &
server=$!
pids+=("$server")
timeout 60 bash -c 'until python3 -c "import json, sys; json.load(open(sys.argv[1]))" "$0" 2>/dev/null; do sleep 0.05; done' "$work/serving"
address=$(json 'd["listening"][0]' "$work/serving")
for name in may-1 may-2; do
    "$WARDSYNC" --home "$work/$name" join "$("$WARDSYNC" invite --unit CB01 --hub "$address" --quiet)" --device $name >/dev/null 2>&1
    "$WARDSYNC" --home "$work/$name" sync >/dev/null 2>&1
done

# says NAME CODE ENGLISH VIETNAMESE HOME: sync there ends with that error, said in both languages with the next step.
says() {
    ward --home "$5" --json --lang en sync "$address"
    is "$1: the number" python3 -c 'import json, sys
text = open(sys.argv[1]).read() + open(sys.argv[2]).read()
sys.exit(not any(m in text for m in ("\"code\": " + sys.argv[3], "\"code\":" + sys.argv[3])))' "$out" "$err" "$2"
    ward --home "$5" --lang en sync "$address"
    is "$1: in English" grep -Eq "$3" "$err"
    ward --home "$5" --lang vi sync "$address"
    is "$1: in Vietnamese" grep -Eq "$4" "$err"
}

"$WARDSYNC" device revoke may-2 --why "mất máy" >/dev/null
says "a revoked device" 405 'revoked' 'thu hồi' "$work/may-2"
is "the hub says that it was" timeout 20 bash -c 'until grep -q "\"code\":405" "$0"; do sleep 0.1; done' "$work/events"

# The hub is restored to before it knew the device: to it the key is unknown.
kill -TERM "$server"
wait "$server"
ward restore "$work/before.db"
is "the hub is restored" test "$rc" -eq 0
"$WARDSYNC" serve --json --listen "$address" >"$work/serving" 2>"$work/events" &
pids+=($!)
timeout 60 bash -c 'until python3 -c "import json, sys; json.load(open(sys.argv[1]))" "$0" 2>/dev/null; do sleep 0.05; done' "$work/serving"
says "an unknown device" 524 "does not know this device's key.*|list" 'không biết khoá của máy này' "$work/may-1"
is "an unknown device: the network is not blamed" bash -c '! grep -Eqi "không.*kết nối được|network fault" "$0"' "$err"
is "the hub says so, too" timeout 20 bash -c 'until grep -q "\"code\":503" "$0"; do sleep 0.1; done' "$work/events"
ward --home "$work/may-1" bundle write "$work/out.wsb"
is "an unknown device: the way by a stick is open" test "$rc" -le 1

