#!/usr/bin/env bash
# Devices that come without a network, get new keys, are replaced; what invitations leave behind; who may write what; the root gone.
. "$(dirname "$0")/lib.sh"

hub=$work/hub
found "$hub"
"$WARDSYNC" unit add CB01 "Chi bộ 1" >/dev/null
"$WARDSYNC" unit add UBKT "Uỷ ban Kiểm tra" >/dev/null
"$WARDSYNC" task add "Việc chung" --code A-01 --lead CB01 --due 2026-05-31 >/dev/null
value() { python3 -c 'import json, sys; print(eval(sys.argv[2], {"d": json.load(open(sys.argv[1], encoding="utf-8"))}))' "$out" "$1"; }
invited() { "$WARDSYNC" --home "$hub" invite --quiet "$@"; }

# ---- by files
code=$(invited --unit CB01)
at "$work/lap" --json join --request "$work/r" "$code" --device "máy chi bộ 1"
is "join --request: exit code" test "$rc" -eq 0
words=$(value 'd["words"]')
is "join --request: four words" test "$(wc -w <<<"$words")" -eq 4
is "the request holds nothing of the code" python3 -c '
import base64, sys
code = sys.argv[1][4:].replace("-", "")
raw = base64.b32decode(code + "=" * (-len(code) % 8))
secret = raw[1 + 1 + 34 + 34 + 1:][:16]
request = open(sys.argv[2], "rb").read()
sys.exit(secret in request or code.encode()[100:130] in request)' "$code" "$work/r"
at "$hub" --lang vi admit "$work/r" --out "$work/a"
is "admit, in Vietnamese: the same words" grep -q "$words" "$out"
at "$hub" admit "$work/r"
is "admit without --out: usage" test "$rc" -eq 64
at "$work/lap" join --accept "$work/r"
is "join --accept of something else: exit code 2, and what to do" bash -c 'test "$0" -eq 2 && grep -q "wardsync admit" "$1"' "$rc" "$err"
at "$work/lap" --json join --accept "$work/a"
is "join --accept: exit code" test "$rc" -eq 0
holds "join --accept" 'd["unit"] == "CB01" and d["role"] == "cell" and d["device_name"] == "máy chi bộ 1"'
is "join --accept: the same words" test "$(value 'd["words"]')" = "$words"
at "$work/lap" task list --json
holds "the records came with the answer" '[t["code"] for t in d] == ["A-01"]'
at "$work/lap" task set A-01 percent=10
is "and it writes at once" test "$rc" -eq 0
at "$work/lap" join --accept "$work/a"
is "join --accept again" test "$rc" -eq 0
at "$hub" --json device show "máy chi bộ 1"
holds "device show: the words" "d[\"words\"] == \"$words\""
at "$work/none" join --accept "$work/a"
is "join --accept where nothing was asked: exit code 2" test "$rc" -eq 2

# ---- what an invitation leaves
serve "$hub"
code=$(invited --unit CB01 --hub "$address")
is "the secret stands in no file of the hub's" python3 -c '
import base64, os, sys
code = sys.argv[1][4:].replace("-", "")
raw = base64.b32decode(code + "=" * (-len(code) % 8))
secret = raw[1 + 1 + 34 + 34 + 1:][:16]
assert len(secret) == 16
looked = 0
for folder, _, names in os.walk(sys.argv[2]):
    for name in names:
        data = open(os.path.join(folder, name), "rb").read()
        looked += len(data)
        for what in (secret, secret.hex().encode(), sys.argv[1].encode(), code.encode()[-60:]):
            if what in data: sys.exit(name)
sys.exit(looked < 10000)' "$code" "$hub"
at "$hub" --json invite --list
holds "invite --list" '[(i["state"], i["unit"]) for i in sorted(d, key=lambda i: i["state"])] == [("open", "CB01"), ("used", "CB01")]'
open=$(value '[i["id"] for i in d if i["state"] == "open"][0]')
at "$hub" --lang vi invite --cancel "${open:0:8}"
is "invite --cancel, in Vietnamese" grep -q 'thu hồi mã mời' "$out"
at "$work/late" --json join "$code"
holds "a withdrawn invitation lets nobody in" 'd["error"]["name"] == "invite-withdrawn" and d["error"]["hint"] != ""' "$err"
for _ in 1 2 3 4 5 6 7; do at "$work/late" join "$code"; done
at "$work/late" --json join "$code"
holds "tried again and again: not for a while" 'd["error"]["name"] == "join-tries"' "$err"
at "$hub" invite --cancel "${open:0:8}" --unit CB01
is "invite --cancel with --unit: usage" test "$rc" -eq 64

# ---- new keys
at "$work/lap" --json key rotate "$address"
is "key rotate: exit code" test "$rc" -eq 0
holds "key rotate: other words, the same name" "d[\"words\"] != \"$words\" and d[\"device_name\"] == \"máy chi bộ 1\""
new=$(value 'd["words"]')
is "serve says so, with the words" grep -q "$new" "$work/.events"
at "$hub" --json device list
holds "device list: one device with its history" '[(x["words"], len(x["former"]), x["former"][0]["ended"]) for x in d if not x["self"]] == [("'"$new"'", 1, True)]'
at "$work/lap" --json sync "$address"
is "it syncs under the new keys" test "$rc" -eq 0
at "$hub" --json task show A-01
holds "nothing it wrote under the old ones fell" 'd["percent"] == 10'
printf 'mật khẩu của máy\n' >"$work/pass"
chmod 600 "$work/pass"
at "$work/lap" --passphrase-file "$work/pass" key passphrase
at "$work/lap" --passphrase-file "$work/pass" --json key rotate "$address"
is "key rotate of sealed keys" test "$rc" -eq 0
is "they stay sealed" bash -c 'test "$(head -c2 "$0" | od -An -tx1 | tr -d " ")" = 8902' "$work/lap/device.key"
at "$work/lap" --passphrase-file "$work/pass" key passphrase --remove

# ---- modes of secret files
for file in lap/device.key hub/root.key; do
    chmod 644 "$work/$file"
    home=$work/${file%/*}
    case $file in
    lap/*) at "$home" --json task set A-01 percent=11 ;;
    *) at "$home" --json key sheet --sheet-passphrase-file "$work/pass" --out "$work/sheet" ;;
    esac
    holds "$file that others may read is refused" 'd["error"]["code"] == 811 and d["error"]["hint"] != ""' "$err"
    chmod 600 "$work/$file"
done
chmod 640 "$work/pass"
at "$work/lap" --json --passphrase-file "$work/pass" key passphrase
holds "a passphrase file that others may read is refused" 'd["error"]["code"] == 811' "$err"
chmod 600 "$work/pass"
at "$hub" key sheet --sheet-passphrase-file "$work/pass" --out "$work/sheet"
is "the sheet is written for its user alone" test "$(stat -c %a "$work/sheet")" = 600
at "$work/other" join --request "$work/r2" "$(invited --unit CB01)"
is "what a home notes while it asks is for its user alone" test "$(stat -c %a "$work/other/asked" "$work/other/device.key" | sort -u)" = 600
chmod 644 "$work/other/asked"
at "$work/other" --json join --accept "$work/a"
holds "and refused where others may read it" 'd["error"]["code"] == 811' "$err"

# ---- replaced
at "$work/lap" task set A-01 percent=20
at "$work/lap" sync "$address"
at "$work/lap" task set A-01 percent=30
code=$("$WARDSYNC" --home "$hub" device replace "máy chi bộ 1" --why "máy hỏng" --quiet)
is "device replace prints the code alone" grep -Eq '^WS1-[A-Z2-7-]+$' <<<"$code"
at "$work/lap" --json sync "$address"
holds "the old one is turned away, and told what to do" 'd["error"]["name"] == "revoked" and "join" in d["error"]["hint"]' "$err"
at "$work/new" --json join "$code" --device other-name
is "another laptop takes its place" test "$rc" -eq 0
holds "with unit, role and name" '(d["unit"], d["role"], d["device_name"]) == ("CB01", "cell", "máy chi bộ 1")'
at "$work/new" --json task show A-01
holds "and everything its unit holds" 'd["percent"] == 20'
at "$hub" --json device list
holds "still one device" 'len([x for x in d if x["name"] == "máy chi bộ 1"]) == 1 and max(len(x["former"]) for x in d) == 3'
at "$work/new" join "$(invited --unit UBKT)"
is "a folder does not go over to another unit: exit code 2" test "$rc" -eq 2
at "$work/lap" join "$(invited --unit CB01)" --device "máy cũ"
is "the old folder goes on by an invitation of its own" test "$rc" -le 1
at "$work/lap" --json task list
holds "with all it held" '[t["code"] for t in d] == ["A-01"]'
for home in "$hub" "$work/lap" "$work/new"; do
    at "$home" --json verify --full
    holds "verify of $(basename "$home")" 'd["bad"] == 0'
done

# ---- where a cut lies
at "$work/new" task set A-01 way_out="một"
at "$work/new" task set A-01 way_out="hai"
at "$work/new" sync "$address"
at "$hub" --json device show "máy chi bộ 1"
holds "device show numbers its changes" '[c["n"] for c in d["changes"]] == [1, 2]'
at "$hub" --json device revoke "máy chi bộ 1" --after 9 --why x --yes
holds "--after more than it wrote" 'd["error"]["code"] == 203' "$err"
at "$hub" --json device revoke "máy chi bộ 1" --after 1 --why "người khác dùng" --yes
is "device revoke --after: exit code" test "$rc" -eq 0
at "$hub" --json task show A-01
holds "what came after the first change has no effect" 'd["way_out"] == "một"'

# ---- who may write what
at "$work/lap" sync "$address"
at "$work/lap" --json task set A-01 due=2026-06-30
holds "a cell may not move a deadline: it proposes one" 'd["proposed"] == ["due"]'
at "$work/lap" --lang vi task set A-01 due=2026-07-31
is "and is told so" grep -q 'như một đề xuất' "$err"
at "$work/lap" --json task set A-01 obstacle="thiếu kinh phí"
holds "its own progress it may" 'd["proposed"] == []'
at "$work/lap" --json task show A-01
holds "the deadline stands" 'd["due"] == "2026-05-31" and d["fields"]["due"]["others"][0]["value"] == "2026-07-31"'
at "$work/lap" sync "$address"
at "$hub" --json status
holds "the operator sees it in status" 'd["proposals"] == 1'
at "$hub" --json task list --proposed
holds "and in task list --proposed" '[t["proposed"] for t in d] == [["due"]]'
at "$hub" task set A-01 due=2026-07-31
at "$hub" --json task show A-01
holds "and takes it by setting it" 'd["due"] == "2026-07-31" and d["proposed"] == [] and d["fields"]["due"]["others"] == []'
at "$work/lap" --json unit add CB09 "Chi bộ 9"
holds "a cell makes no units" 'd["error"]["code"] == 402' "$err"
at "$work/lap" --json invite --unit CB01
holds "nor invitations" 'd["error"]["code"] == 402' "$err"
at "$work/lap" --json device revoke hub --why x --yes
holds "nor ends devices" 'd["error"]["code"] == 402' "$err"
at "$work/lap" --json admit "$work/r2" --out "$work/a2"
is "nor admits them" test "$rc" -eq 2
at "$work/insp" join "$(invited --unit UBKT --role inspector)" --device "máy kiểm tra"
at "$work/insp" --json task show A-01
holds "an inspector reads what is of others" 'd["code"] == "A-01"'
at "$work/insp" --json task set A-01 percent=100
holds "and does not write it" 'd["error"]["code"] == 402' "$err"

# ---- the root gone, two operators left
at "$work/op2" join "$(invited --unit BXDD --role operator)" --device "máy điều phối 2"
rm "$hub/root.key"
at "$work/op2" --json device revoke hub --why "mất máy" --yes
is "one operator ends the other" test "$rc" -eq 0
at "$work/op3" join --request "$work/r3" "$("$WARDSYNC" --home "$work/op2" invite --unit BXDD --role operator --quiet)" --device "máy điều phối 3"
at "$work/op2" admit "$work/r3" --out "$work/a3"
at "$work/op3" --json join --accept "$work/a3"
holds "and admits a third" 'd["role"] == "operator"'
at "$work/op3" unit add CB07 "Chi bộ 7"
is "who goes on" test "$rc" -eq 0
at "$work/op3" --json key rotate
is "an operator gives itself new keys, with nobody there" test "$rc" -eq 0
at "$work/op3" --json device list
holds "and the old ones are ended" '[(x["name"], [f["ended"] for f in x["former"]]) for x in d if x["self"]] == [("máy điều phối 3", [True])]'
at "$work/op2" bundle write "$work/b"
at "$hub" --json status
holds "nobody has told the hub yet" 'd["ended"] is False'
at "$hub" bundle read "$work/b"
is "reading it, the hub hears that it was ended" test "$rc" -eq 1
is "and what to do" grep -q 'have been revoked.*wardsync join CODE' "$out"
is "the serving hub says so" timeout 20 bash -c 'until grep -q "have been revoked.*wardsync join CODE" "$0"; do sleep 0.1; done' "$work/.events"
is "once" test "$(grep -c '^The rights of this device' "$work/.events")" -eq 1
at "$hub" --json task set A-01 percent=1
holds "the one that was ended writes nothing more" 'd["error"]["name"] == "revoked"' "$err"
at "$hub" --json status
is "status: exit code" test "$rc" -eq 1
holds "status: it is ended" 'd["ended"] is True'
at "$hub" --lang vi status
is "status says so in Vietnamese, with the next step" grep -q 'Quyền của máy này đã bị thu hồi.*wardsync join' "$out"
kill "$server" && wait "$server" 2>/dev/null
serve "$hub"
is "served anew, it says so at once" timeout 20 bash -c 'until grep -q "have been revoked" "$0"; do sleep 0.1; done' "$work/.events"
kill "$server" && wait "$server" 2>/dev/null

# ---- a hub's keys are changed, and a code names those of before
keyed=$work/keyed
found "$keyed"
serve "$keyed"
code=$("$WARDSYNC" invite --unit BXDD --hub "$address" --quiet)
kill "$server" && wait "$server" 2>/dev/null
at "$keyed" key rotate
serve "$keyed" "$address"
at "$work/early" --json join "$code" --timeout 5
holds "a code that names the hub's former keys: said, and what to do" 'd["error"]["name"] == "invite-hub" and "join --request" in d["error"]["hint"]' "$err"
at "$work/early" --lang vi join "$code" --timeout 5
is "and in Vietnamese" grep -q 'không phải bằng khoá của máy chủ phường ghi trong mã mời' "$err"
at "$work/early" join --request "$work/r5" "$code" --device "máy đến sớm"
at "$keyed" admit "$work/r5" --out "$work/a5"
at "$work/early" --json join --accept "$work/a5"
holds "by files it is good" 'd["unit"] == "BXDD" and d["device_name"] == "máy đến sớm"'
at "$work/early" sync
is "and the hub is met by its new keys" test "$rc" -eq 0
