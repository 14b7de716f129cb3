#!/usr/bin/env bash
# The recovery sheet: printed, read back, typed in; typing errors named by line; the root key taken off the device.
. "$(dirname "$0")/lib.sh"

umask 077
echo "mật khẩu của máy" >"$work/own"
echo "bốn từ không ai đoán" >"$work/words"
echo "other words altogether" >"$work/other"
words=(--sheet-passphrase-file "$work/words")

found "$work/home"
echo "short" >"$work/short"
expect "the sheet's passphrase too short" 2 'too short' --lang en key sheet --sheet-passphrase-file "$work/short"
expect "nobody to ask for it" 2 'passphrase is needed' --lang en key sheet
expect "printed" 0 '^ +12   [A-Z2-7]{4} [A-Z2-7]{4} [A-Z2-7]{4} [A-Z2-7]{4}  [A-Z2-7]{4}$' key sheet "${words[@]}"
is "in both languages, for whom and when" sh -c "grep -q 'PHIẾU KHÔI PHỤC - RECOVERY SHEET' '$out' && grep -q 'Ward:   Phường Bạch Đằng' '$out' && grep -q 'Made: $(date +%Y-%m-%d)' '$out' && grep -q 'Phiếu này giữ khoá gốc' '$out' && grep -q 'holds the ward.s root key' '$out'"
is "no control character is in it" sh -c "! LC_ALL=C grep -q '[[:cntrl:]]' '$out'"

"$WARDSYNC" key passphrase --passphrase-file "$work/own" --quiet >/dev/null || not_ok "sealing the key files"
expect "the root key is sealed, too" 2 'passphrase is needed' --lang en key sheet "${words[@]}"
expect "with another passphrase" 2 'passphrase is wrong' --lang en --passphrase-file "$work/other" key sheet "${words[@]}"
expect "to a file" 0 '' --passphrase-file "$work/own" key sheet "${words[@]}" --out "$work/sheet"
is "the file is private" test "$(stat -c %a "$work/sheet")" = 600
expect "not over another file" 2 'exists' --lang en --passphrase-file "$work/own" key sheet "${words[@]}" --out "$work/sheet"
ward --json --passphrase-file "$work/own" key sheet "${words[@]}"
holds "as JSON" 'len(d["lines"]) == 12 and d["code"].startswith("WSR1-") and d["ward_name"] == "Phường Bạch Đằng" and d["file"] is None'
cp "$out" "$work/sheet.json"

# The picture, by a reader that is not ours.
if command -v zbarimg >/dev/null; then
    python3 "$here/qr_picture.py" "$work/sheet" "$work/qr.pgm"
    zbarimg -q --raw "$work/qr.pgm" >"$work/scanned" 2>/dev/null
    is "a camera reads the code" test "$(cat "$work/scanned")" = "$(grep ^WSR1- "$work/sheet")"
    expect "what a camera read is good" 0 'sheet is good' --lang en key check-sheet "$work/scanned" "${words[@]}"
else
    skip "a camera reads the code" "zbarimg (zbar-tools) is not installed"
fi

# Reading it back. No passphrase of the device is needed for that.
expect "from the file" 0 'sheet is good' --lang en key check-sheet "$work/sheet" "${words[@]}"
"$WARDSYNC" --lang en key check-sheet - "${words[@]}" <"$work/sheet" >"$out" 2>"$err"
is "from stdin" grep -q 'sheet is good' "$out"
ward --json key check-sheet "$work/sheet" "${words[@]}"
holds "as JSON" 'd["sheet"] == "good" and d["root"] == "here" and len(d["ward"]) == 64'
expect "with another passphrase" 2 'passphrase is wrong' --lang en key check-sheet "$work/sheet" --sheet-passphrase-file "$work/other"
grep -E '^ +[0-9]+   ' "$work/sheet" >"$work/lines"
# wrong NAME SED PATTERN: the sheet, altered.
wrong() {
    sed -E "$2" "$work/lines" >"$work/altered"
    expect "$1" 2 "$3" --lang en key check-sheet "$work/altered" "${words[@]}"
}
wrong "a typing error in line 7" '7s/^( +7   ..)./\19/' 'these lines are missing or mistyped: 7$'
wrong "lines 3 and 11 are missing" '3d;11d' 'mistyped: 3, 11$'
wrong "two lines exchanged" '2s/^ +2/ 5/;5s/^ +5/ 2/' 'mistyped: 2, 5$'
wrong "nothing there" '1,$d' 'mistyped: 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12$'
sed '7d' "$work/lines" >"$work/altered"
expect "in Vietnamese" 2 'Phiếu khôi phục chưa đủ hoặc gõ sai.*: 7$' --lang vi key check-sheet "$work/altered" "${words[@]}"
ward --json key check-sheet "$work/altered" "${words[@]}"
holds "a mistyped sheet as JSON" 'd["error"]["code"] == 818 and d["error"]["name"] == "sheet"' "$err"
"$WARDSYNC" --home "$work/elsewhere" init --ward "Phường khác" --unit A --unit-name A --device d --quiet >/dev/null
expect "another ward's" 2 'another ward' --lang en --home "$work/elsewhere" key check-sheet "$work/sheet" "${words[@]}"
expect "a file that is not there" 2 'none' key check-sheet "$work/none" "${words[@]}"
expect "nobody to type it in" 64 'nobody can be asked' --lang en key check-sheet "${words[@]}"

# Typed in from the paper: a line that does not fit is asked for again at once.
answers=()
for n in $(seq 12); do
    line=$(python3 -c 'import json, sys; print(json.load(open(sys.argv[1]))["lines"][int(sys.argv[2]) - 1])' "$work/sheet.json" "$n")
    [ "$n" != 4 ] || answers+=("(?m)^ 4:" "${line:0:6}9${line:7}")
    [ "$n" != 4 ] || answers+=("(?s)Line 4 does not fit.* 4:" "${line,,}")
    [ "$n" = 4 ] || answers+=("(?m)^ ?$n:" "$line")
done
typed "typed in, with an error on the way" 0 'sheet is good' "${answers[@]}" 'recovery sheet:' "bốn từ không ai đoán" -- key check-sheet
is "the passphrase is not shown" sh -c "! grep -q 'không ai đoán' '$out'"
typed "given up" 2 'stopped before' '1:' ^D -- key check-sheet

# The root key leaves the device, and only after the sheet has been seen to be good.
expect "not with a wrong passphrase" 2 'passphrase is wrong' --lang en key check-sheet "$work/sheet" --sheet-passphrase-file "$work/other" --remove-root
typed "not if told no" 2 'stopped before' '\[y/N\]' n -- key check-sheet "$work/sheet" "${words[@]}" --remove-root
is "the root key is still there" test -f "$work/home/root.key"
ward --json key check-sheet "$work/sheet" "${words[@]}" --remove-root
holds "taken off" 'd["root"] == "removed"'
is "root.key is gone" test ! -e "$work/home/root.key"
expect "no second sheet without it" 2 'root key is not on this device' --lang en --passphrase-file "$work/own" key sheet "${words[@]}"
expect "taken off already" 2 'root key is not on this device' --lang en key check-sheet "$work/sheet" "${words[@]}" --remove-root
expect "the sheet is still good" 0 'sheet is good' --lang en key check-sheet "$work/sheet" "${words[@]}"
expect "everyday work goes on" 0 '' --passphrase-file "$work/own" task add "Việc" --lead BXDD

# All operators' devices are lost; a cell has what it needs, and the sheet lies in the drawer.
WARDSYNC_HOME=$work/home "$WARDSYNC" --passphrase-file "$work/own" unit add CB3 "Chi bộ 3" >/dev/null
: >"$work/.serving"
WARDSYNC_HOME=$work/home "$WARDSYNC" --passphrase-file "$work/own" serve --listen tcp://127.0.0.1:0 >"$work/.serving" 2>"$work/.events" &
server=$!
pids+=("$server")
for _ in $(seq 300); do
    address=$(sed -n 's/^listening on //p' "$work/.serving") && [ -n "$address" ] && break
    sleep 0.1
done
code=$("$WARDSYNC" --passphrase-file "$work/own" invite --unit CB3 --hub "$address" 2>/dev/null)
expect "a cell joins while there is a hub" 0 '' --home "$work/cell" join "$code" --device may-cb3
"$WARDSYNC" --home "$work/cell" task add "Việc của chi bộ" --code T-07 --lead CB3 --quiet >/dev/null
kill "$server" && wait "$server" 2>/dev/null
mv "$work/home" "$work/lost"
expect "the cell writes a bundle" 0 '' --home "$work/cell" bundle write "$work/cell.wsb"

expect "recover without a bundle" 64 'bundle is required' --lang en --home "$work/new" recover "$work/sheet" --unit BXDD "${words[@]}"
expect "recover with a wrong passphrase" 2 'passphrase is wrong' --lang en --home "$work/new" recover "$work/sheet" --unit BXDD --bundle "$work/cell.wsb" --sheet-passphrase-file "$work/other"
"$WARDSYNC" --home "$work/elsewhere" bundle write "$work/else.wsb" >/dev/null
expect "recover from another ward's bundle" 2 'another ward' --lang en --home "$work/new" recover "$work/sheet" --unit BXDD --bundle "$work/else.wsb" "${words[@]}"
is "nothing stays behind" sh -c "! test -e '$work/new' || ! ls -A '$work/new' | grep -q ."
expect "recover where a home is" 2 'already in use' --lang en --home "$work/cell" recover "$work/sheet" --unit BXDD --bundle "$work/cell.wsb" "${words[@]}"
ward --json --home "$work/new" recover "$work/sheet" --unit BXDD --bundle "$work/cell.wsb" --device "máy mới" "${words[@]}"
is "recovered" test "$rc" -eq 0
holds "a new operator of the same ward" "d['role'] == 'operator' and d['unit'] == 'BXDD' and d['device_name'] == 'máy mới' and d['ward'] == '$(json 'd["ward"]' "$work/sheet.json")'"
is "the root key did not stay" test ! -e "$work/new/root.key"
expect "the cell's work is there" 0 'T-07' --home "$work/new" task list
expect "it writes" 0 '' --home "$work/new" task add "Việc sau khôi phục" --code T-08 --lead CB3
expect "it ends the rights of what was lost" 0 '' --home "$work/new" device revoke hub --why "mất máy"
expect "its bundle" 0 '' --home "$work/new" bundle write "$work/back.wsb"
expect "shown to the cell before it is read" 2 'reading it may make him known' --lang en --home "$work/cell" bundle show "$work/back.wsb"
expect "the cell takes it" 0 'refused: 0' --lang en --home "$work/cell" bundle read "$work/back.wsb"
expect "and sees the new operator's task" 0 'T-08' --home "$work/cell" task list
: >"$work/.serving"
serve "$work/new"
ward --home "$work/cell" sync "$address" --device "máy mới"
is "and syncs with it over the network" test "$rc" -le 1
expect "the device list has the new and ends the old" 0 'máy mới' --home "$work/cell" device list
digest() { "$WARDSYNC" --home "$1" status --json | python3 -c 'import json, sys; print(json.load(sys.stdin)["digest"])'; }
is "all hold the same" test "$(digest "$work/cell")" = "$(digest "$work/new")"
