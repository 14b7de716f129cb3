#!/usr/bin/env bash
# Wrong input: a clear message, the right exit code, and nothing changed.
. "$(dirname "$0")/lib.sh"

found "$work/home"
"$WARDSYNC" unit add CB01 "Chi bộ 1" >/dev/null
"$WARDSYNC" unit add CB02 "Chi bộ 2" >/dev/null
for i in 1 2 3; do "$WARDSYNC" task add "Nhiệm vụ $i" --code "T-0$i" --lead CB01 --with CB02 --due 2026-05 >/dev/null; done
task=T-01

digest() { "$WARDSYNC" status --json | python3 -c 'import json, sys; print(json.load(sys.stdin)["digest"])'; }
before=$(digest)

# refused NAME NAME-OF-ERROR ARGS...: exit 2, the error as text and as JSON.
refused() {
    local name=$1 error=$2
    shift 2
    ward "$@"
    local first=$rc
    is "$name: exit code 2, said on stderr alone" test "$first" -eq 2 -a ! -s "$out" -a -s "$err"
    is "$name: what happened and what to do" test "$(wc -l <"$err")" -eq 2
    ward --json "$@"
    holds "$name: as JSON ($error)" "d[\"error\"][\"name\"] == \"$error\" and d[\"error\"][\"message\"] != \"\" and d[\"error\"][\"hint\"] != \"\"" "$err"
}

refused "unknown unit as lead" not-found task add "Việc" --lead NOBODY
refused "unknown unit as partner" not-found task set $task with=+NOBODY
refused "unknown unit in an invitation" not-found invite --unit NOBODY --hub tcp://127.0.0.1:7450
refused "unknown unit in a list" not-found task list --unit NOBODY
refused "bad date" date task add "Việc" --due 2026-02-30
refused "bad due form" date task set $task due=every:week
refused "bad day of an event" date event record huong-dan --on 31/05/2026
refused "bad day in the log" date log --since yesterday
refused "percent 140" value task set $task percent=140
refused "percent that is no number" value task set $task percent=half
refused "unknown status" value task set $task status=ready
refused "unknown status in a list" value task list --status ready
refused "unknown field" unknown-field task set $task colour=red
refused "fixed field" fixed task set $task code=T-99
refused "title not UTF-8" utf8 task add "$(printf 'Vi\xe1\xbbc')"
refused "value not UTF-8" utf8 task set $task "$(printf 'person=\xff')"
printf 'k\xc3\xa8m \xed\xa0\x80' >"$work/bad.txt"
refused "note not UTF-8, from a file" utf8 task note $task "@$work/bad.txt"
refused "note from a file that is not there" io task note $task "@$work/none.txt"
head -c 70000 /dev/zero | tr '\0' a >"$work/long.txt"
ward task note $task "@$work/long.txt"
is "value over the limit: exit code 2" test "$rc" -eq 2 -a ! -s "$out"
is "value over the limit: is said" grep -Eiq 'long|large|fit' "$err"
ward task add "$(head -c 5000 /dev/zero | tr '\0' a)"
is "title over the limit: exit code 2" test "$rc" -eq 2 -a ! -s "$out"
refused "unknown task" not-found task show T-77
refused "prefix too short" not-found task show 01
prefix=$("$WARDSYNC" task show T-01 --json | python3 -c 'import json, sys; print(json.load(sys.stdin)["id"][:4])')
refused "ambiguous prefix" ambiguous task show "$prefix"
refused "code that is taken" exists unit add CB01 "Khác"
refused "nothing to save" nothing task set $task "title=Nhiệm vụ 1"
refused "unknown conflict" not-found conflict show abcd1234
refused "unknown device" not-found device revoke nobody --why "thử"
WARDSYNC_TODAY=tomorrow expect "today that is no date" 2 'date is not valid' task list

# A plan with a bad row: line and column are named, nothing is imported.
cat >"$work/bad.csv" <<'CSV'
row,code,title
plan,KH-01,Kế hoạch thử
row,code,name,kind
unit,CB09,Chi bộ 9,party-cell
row,code,title,lead,due
task,II.9-01,Việc tốt,CB09,2026-05
task,II.9-02,Việc hỏng,CB09,2026-13
CSV
refused "plan with a bad row" plan-row plan import "$work/bad.csv"
ward plan import "$work/bad.csv"
is "plan with a bad row: its line is named" grep -q 'line 7' "$err"
is "plan with a bad row: its column is named" grep -q 'column 5' "$err"
refused "plan file that is not there" io plan import "$work/none.csv"

expect "conflict resolve with nothing chosen" 64 '--take N or --value V' conflict resolve abcd --why x
expect "conflict resolve without a reason" 64 '--why is required' conflict resolve abcd --take 1
expect "conflict resolve with both" 64 'exclude each other' conflict resolve abcd --take 1 --value 2 --why x
refused "sync where no hub is known" no-hub sync
refused "founding where a ward is" home-exists init --ward X --unit Y --unit-name Z

is "nothing was changed by all this" test "$(digest)" = "$before"

# Invitations that cannot be used.
code=$("$WARDSYNC" invite --unit CB01 --hub tcp://127.0.0.1:7450 --quiet)
mangled=${code%?}$([ "${code: -1}" = A ] && echo B || echo A)
for wrong in "$mangled" "${code%????}" "WS1-" "hello"; do
    refused "mangled invitation (${wrong:0:8}… of ${#wrong})" invite-mangled --home "$work/new" join "$wrong"
done
is "a mangled invitation leaves nothing behind" test ! -e "$work/new/replica.db"
