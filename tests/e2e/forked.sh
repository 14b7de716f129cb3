#!/usr/bin/env bash
# A laptop's folder was copied and both had told others before they met: the feed is frozen, nothing else is; the operator ends the device
# and invites both anew; each goes on in its folder, and every edit of both is there.
. "$(dirname "$0")/../cli/lib.sh"

hub=$work/hub laptop=$work/laptop copy=$work/copy other=$work/other
found "$hub"
for unit in CB01 CB02; do "$WARDSYNC" unit add $unit "Chi bộ ${unit#CB}" >/dev/null; done
for n in 1 2 3; do "$WARDSYNC" task add "Việc $n" --code "A-0$n" --lead CB01 --with CB02 >/dev/null; done
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

# Who it was is listed everywhere, and can be shown to anybody.
for home in "$hub" "$other"; do
    name=$(basename "$home")
    at "$home" --json fork list
    is "$name: fork list asks for attention" test "$rc" -eq 1
    holds "$name: fork list names the device" '[(f["unit"], f["device"], f["histories"], f["settled"]) for f in d["forks"]] == [("CB01", "máy 1", 2, False)]'
    at "$home" fork list
    is "$name: fork list says what to do" bash -c 'grep -q "CB01 .*máy 1 .* 2 .*not ended yet" "$0" && grep -q "wardsync device revoke" "$0"' "$out"
    at "$home" --lang vi fork list
    is "$name: in Vietnamese as well" bash -c 'grep -q "CB01 .*máy 1 .* 2 .*chưa thu hồi" "$0" && grep -q "wardsync device revoke" "$0"' "$out"
    at "$home" --json device list
    holds "$name: device list marks it, and no other" '[x["name"] for x in d if x["forked"]] == ["máy 1"]'
    at "$home" device list
    is "$name: device list says so" grep -q 'máy 1 .*has written two histories' "$out"
    at "$home" --lang vi device list
    is "$name: device list says so in Vietnamese" grep -q 'máy 1 .*đã ghi hai lịch sử' "$out"
    at "$home" --json status
    holds "$name: status names it" '[f["device"] for f in d["forks"]] == ["máy 1"] and [p["name"] for p in d["peers"] if p["forked"]] == ["máy 1"]'
done

at "$hub" --json fork export "máy 1" "$work/proof"
is "the proof is written" test "$rc" -eq 0
holds "it names the device and its two seals" '(d["unit"], d["device"], d["this_ward"]) == ("CB01", "máy 1", True) and 1 <= d["first"] <= d["last"]'
feed=$(json 'd["feed"]')
expect "no file is written over" 2 'already' --home "$hub" fork export "máy 1" "$work/proof"
expect "of a device with one history there is none" 2 'one history' --home "$hub" fork export "máy khác" "$work/none"
at "$work/beyond" init --ward "Phường khác" --unit VP --unit-name "Văn phòng" --device máy
for home in "$other" "$laptop" "$work/beyond"; do
    name=$(basename "$home")
    at "$home" --json fork check "$work/proof"
    is "$name: the proof holds" test "$rc" -eq "$([ "$name" = beyond ] && echo 1 || echo 0)"
    holds "$name: and says the same" 'd["feed"] == "'"$feed"'" and d["this_ward"] == '"$([ "$name" = beyond ] && echo False || echo True)"
done
expect "on another device: in words" 0 'CB01 máy 1' --home "$other" fork check "$work/proof"
expect "on another device: in Vietnamese" 0 'một khoá đã ký hai lịch sử' --home "$other" --lang vi fork check "$work/proof"
expect "in another ward it is one of another ward" 1 'of another ward' --home "$work/beyond" fork check "$work/proof"
expect "and in Vietnamese" 1 'phường khác' --home "$work/beyond" --lang vi fork check "$work/proof"
python3 - "$work/proof" "$work/damaged" "$work/short" <<'END'
import sys
good = open(sys.argv[1], "rb").read()
open(sys.argv[2], "wb").write(good[:-9] + bytes([good[-9] ^ 1]) + good[-8:])
open(sys.argv[3], "wb").write(good[:-1])
END
for file in damaged short; do
    at "$other" --json fork check "$work/$file"
    holds "$file: refused as no proof" 'd["error"]["code"] == 830' "$err"
done
expect "damaged: what to do" 2 'Copy the file again' --home "$other" fork check "$work/damaged"
expect "damaged: in Vietnamese as well" 2 'Hãy chép lại tệp' --home "$other" --lang vi fork check "$work/damaged"
expect "a proof that is not there" 2 'check its path' --home "$other" fork check "$work/nothing"

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
    at "$home" --json fork list
    is "$name: nothing is open any more" test "$rc" -eq 0
    holds "$name: the fork is told as ended" '[f["settled"] for f in d["forks"]] == [True]'
    at "$home" verify --full
    is "$name: verify" test "$rc" -eq 0
done
at "$laptop" task set A-03 percent=11
is "the laptop can write again" test "$rc" -eq 0
at "$laptop" sync
is "and is heard" test "$(percents "$hub" | sed 's/.*A-03/A-03/')" = "A-03=11"
