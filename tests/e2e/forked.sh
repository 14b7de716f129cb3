#!/usr/bin/env bash
# A laptop's folder was copied and both had told others before they met: the feed is frozen, nothing else is; the operator ends the device
# and invites both anew; each goes on in its folder, and every edit of both is there.
. "$(dirname "$0")/../cli/lib.sh"

hub=$work/hub laptop=$work/laptop copy=$work/copy other=$work/other
found "$hub"
for unit in CB01 CB02; do "$WARDSYNC" unit add $unit "Chi bộ ${unit#CB}" >/dev/null; done
for n in 1 2 3; do "$WARDSYNC" task add "Việc $n" --code "A-0$n" --lead CB01 --with CB02 >/dev/null; done
at() { # HOME ARGS...
    local home=$1
    shift
    ward --home "$home" "$@"
}
percents() { # HOME
    at "$1" --json task list
    json '" ".join("%s=%s" % (t["code"], t["percent"]) for t in sorted(d, key=lambda t: t["code"]))'
}

serve "$hub"
invite() { "$WARDSYNC" --home "$hub" invite --unit "$1" --hub "$address"; }
at "$laptop" join "$(invite CB01)" --device "máy 1"
at "$other" join "$(invite CB02)" --device "máy khác"
at "$laptop" task set A-03 percent=10
at "$laptop" sync

cp -a "$laptop" "$copy"
at "$laptop" task set A-01 percent=40
at "$copy" task set A-01 percent=60
at "$copy" task set A-02 percent=22
at "$copy" bundle write "$work/stick" # told
at "$laptop" sync                     # told, too
at "$hub" bundle read "$work/stick"
is "the stick is read" test "$rc" -le 1

at "$hub" --json status
holds "the operator hears of it" 'd["quarantined"] == 3'
is "the operator's attention is asked for" test "$rc" -eq 1
at "$hub" --json aside list
holds "both histories are set aside" 'sorted((a["changes"], a["why"]) for a in d) == [(1, "fork"), (2, "fork")]'
is "what was before the copy counts, and nothing after it" test "$(percents "$hub")" = "A-01=0 A-02=0 A-03=10"

# Nothing else is frozen.
at "$other" task set A-02 percent=5
at "$other" sync
at "$hub" sync
is "another device goes on" test "$(percents "$hub")" = "A-01=0 A-02=5 A-03=10"
is "it holds both histories too" test "$(at "$other" --json aside list && json 'len(d)')" = 2

at "$laptop" sync
at "$laptop" task set A-03 percent=11
is "the device itself cannot write" test "$rc" -eq 2
is "it says what happened and what to do" bash -c 'grep -q "two different histories" "$0" && grep -q "wardsync join" "$0"' "$err"
at "$laptop" --lang vi task set A-03 percent=11
is "in Vietnamese as well" grep -q 'wardsync join' "$err"

at "$hub" device revoke "máy 1" --why "hai bản sao" --yes
at "$laptop" join "$(invite CB01)" --device "máy 1"
is "the laptop goes on in its folder" test "$rc" -le 1
at "$copy" join "$(invite CB01)" --device "máy 2"
is "its copy goes on in its folder" test "$rc" -le 1
for _ in 1 2; do for home in "$laptop" "$copy" "$other"; do at "$home" sync; done; done
for home in "$hub" "$laptop" "$copy" "$other"; do
    name=$(basename "$home")
    at "$home" --json conflict list
    holds "$name: what both wrote stands side by side" '{tuple(sorted(v["value"] for v in c["values"])) for c in d} == {(40, 60), (5, 22)}'
    at "$home" --json aside list
    holds "$name: nothing is set aside any more" 'd == []'
    at "$home" verify --full
    is "$name: verify" test "$rc" -eq 0
done
at "$laptop" task set A-03 percent=11
is "the laptop can write again" test "$rc" -eq 0
at "$laptop" sync
is "and is heard" test "$(percents "$hub" | sed 's/.*A-03/A-03/')" = "A-03=11"
