#!/usr/bin/env bash
# A hub settles what all devices hold: a laptop holds it back, then does not; what is settled leaves both files, and cannot be revoked.
. "$(dirname "$0")/lib.sh"

hub=$work/hub laptop=$work/laptop
found "$hub"
"$WARDSYNC" unit add CB01 "Chi bộ 1" >/dev/null
"$WARDSYNC" task add "Việc chung" --code A-01 --lead CB01 >/dev/null
spaces='[s for s in d["spaces"] if s["name"] != "BXDD" and s["changes"] + s["settled"]]'

serve "$hub"
code=$("$WARDSYNC" invite --unit CB01 --hub "$address")
at "$laptop" join "$code" --device "máy chi bộ 1"
at "$laptop" sync
for percent in 10 20 30 40 50 60; do
    at "$laptop" task set A-01 percent=$percent
done

at "$hub" --json compact --dry-run
holds "dry run: the changes that could be settled" "sum(s['changes'] for s in $spaces) == 1"
holds "dry run: nothing is proposed" 'not any(s["proposed"] for s in d["spaces"])'
at "$hub" compact
is "too little: nothing is proposed" grep -q '^There is nothing to settle' "$out"

at "$laptop" sync
at "$hub" --json compact --least 1 --yes
holds "a floor is proposed" 'd["proposed"] == 1 and d["closed"] == 0 and d["dropped"] == 0'
at "$hub" --json compact --least 1 --yes
holds "the laptop holds it back" 'd["waiting"] == 1 and d["closed"] == 0'
is "something to attend to: exit code 1" test "$rc" -eq 1
at "$hub" --json compact --dry-run
holds "dry run: who holds it back" "[h['device'] for s in $spaces for h in s['held_back_by']] == ['máy chi bộ 1'] and not $spaces[0]['held_back_by'][0]['heard']"
holds "dry run: and since when, and by how much" "$spaces[0]['held_back_by'][0]['last_contact'] and $spaces[0]['held_back_by'][0]['behind'] == 0 and $spaces[0]['changes'] == 7"
at "$hub" compact --dry-run
is "dry run, for people: who" grep -q 'máy chi bộ 1' "$out"
at "$hub" --lang vi compact --dry-run
is "dry run, in Vietnamese" grep -q 'Đang chờ máy' "$out"

at "$laptop" sync
tries=0 # the hub that serves closes it by itself
until at "$hub" --json compact --dry-run && [ "$(json "sum(s['settled'] for s in d['spaces'])")" = 7 ] || [ $((tries += 1)) -gt 100 ]; do sleep 0.1; done
holds "all have it: the hub that serves closes it" "sum(s['settled'] for s in d['spaces']) == 7"
at "$hub" --json compact --yes
holds "what is closed leaves the hub's file" 'd["dropped"] == 7 and d["dropped_bytes"] > 0 and d["waiting"] == 0'
at "$hub" --json task show A-01
holds "what it came to stays" 'd["percent"] == 60'
expect "what remains proves itself" 0 '' --home "$hub" verify --full
expect "no revocation reaches below a floor" 2 'settled for ever' --home "$hub" device revoke "máy chi bộ 1" --after 3 --why "mất máy" --yes

at "$laptop" task set A-01 percent=70
at "$laptop" sync
at "$laptop" --json compact --yes
holds "a laptop lets go of it too, and settles nothing by itself" 'd["dropped"] == 7 and d["proposed"] == 0'
expect "the laptop's proves itself" 0 '' --home "$laptop" verify --full
at "$laptop" task set A-01 percent=80
at "$laptop" sync
is "work goes on" test "$rc" -eq 0
at "$hub" --json task show A-01
holds "and arrives" 'd["percent"] == 80'
at "$laptop" --json status
holds "both are equal" 'not d["unsent"]'
