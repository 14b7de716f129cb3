#!/usr/bin/env bash
# Keys sealed with a passphrase: on a terminal and by scripts, what needs it and what does not, and where it may not stand.
. "$(dirname "$0")/lib.sh"

umask 077
echo "mật khẩu thứ nhất" >"$work/first"
echo "another one, the second" >"$work/second"
echo "yet another, the third" >"$work/third"
echo "short" >"$work/short"

fingerprint() { cat "$work/home/device.key" "$work/home/root.key" | sha256sum; }
unchanged() { [ "$(fingerprint)" = "$before" ]; }

found "$work/home"
"$WARDSYNC" task add "Việc" --code T-01 --lead BXDD >/dev/null

# By scripts.
expect "nothing to take off" 2 'no passphrase' --lang en key passphrase --remove
expect "a new one too short" 2 'too short' --lang en key passphrase --new-passphrase-file "$work/short"
expect "sealing" 0 'sealed with the passphrase' --lang en key passphrase --passphrase-file "$work/first"
is "sealed files stay private" test "$(stat -c %a "$work/home/device.key" "$work/home/root.key" | sort -u)" = 600
before=$(fingerprint)
expect "reading goes on without it" 0 'T-01' task list
expect "status goes on without it" 1 'Bạch Đằng' status
expect "backup goes on without it" 0 '' backup "$work/copy.db"
expect "verify goes on without it" 0 '' verify
expect "writing asks for it" 2 'passphrase is needed.*nobody can be asked' --lang en task set T-01 percent=10
is "the next step is told" grep -q -- '--passphrase-file FILE' "$err"
expect "writing with another one" 2 'passphrase is wrong' --lang en --passphrase-file "$work/second" task set T-01 percent=10
expect "in Vietnamese" 2 'Mật khẩu không đúng' --lang vi --passphrase-file "$work/second" task set T-01 percent=10
ward --json --passphrase-file "$work/second" task set T-01 percent=10
holds "as JSON" 'd["error"]["code"] == 814 and d["error"]["name"] == "passphrase" and d["error"]["hint"] != ""' "$err"
expect "writing with it" 0 '' --passphrase-file "$work/first" task set T-01 percent=10
expect "the same, after the command" 0 '' task set T-01 percent=20 --passphrase-file "$work/first"
expect "a change with a wrong one" 2 'passphrase is wrong' --lang en key passphrase --passphrase-file "$work/second" --new-passphrase-file "$work/third"
expect "a change without the one before" 2 'passphrase is needed' --lang en key passphrase --new-passphrase-file "$work/second"
is "nothing was changed by them" unchanged
ward --json key passphrase --passphrase-file "$work/first" --new-passphrase-file "$work/second"
holds "a change, as JSON" 'd == {"device": "sealed", "root": "sealed"}'
expect "the one before opens no more" 2 'passphrase is wrong' --lang en --passphrase-file "$work/first" task set T-01 percent=30
expect "the new one opens" 0 '' --passphrase-file "$work/second" task set T-01 percent=30

# The file is as private as a key file.
for mode in 644 640 400; do
    chmod $mode "$work/second"
    expect "passphrase file of mode $mode" 2 'chmod 600' --passphrase-file "$work/second" task set T-01 percent=40
done
chmod 600 "$work/second"
ln -s "$work/second" "$work/link"
expect "passphrase file that is a link" 2 'symbolic link' --passphrase-file "$work/link" task set T-01 percent=40
expect "passphrase file that is not there" 2 'passphrase is needed.*is not there' --lang en --passphrase-file "$work/none" task set T-01 percent=40

# A hub that nobody sits at.
"$WARDSYNC" --home "$work/home" --passphrase-file "$work/second" invite --unit BXDD --hub tcp://127.0.0.1:1 >/dev/null || not_ok "invite"
: >"$work/.serving"
"$WARDSYNC" serve --listen tcp://127.0.0.1:0 --passphrase-file "$work/second" >"$work/.serving" 2>"$err" &
server=$!
pids+=("$server")
for _ in $(seq 300); do
    [ -s "$work/.serving" ] || ! kill -0 "$server" 2>/dev/null && break
    sleep 0.1
done
is "serve with a passphrase file" grep -q '^listening on tcp' "$work/.serving"
is "nothing of it in the command line or the environment" sh -c "! tr '\\0' '\\n' </proc/$server/cmdline | cat - /proc/$server/environ 2>/dev/null | grep -aq 'another one'"
kill "$server" && wait "$server" 2>/dev/null
expect "serve without" 2 'passphrase is needed' --lang en serve --listen tcp://127.0.0.1:0

# On a terminal.
typed "asked where it is needed" 0 'Passphrase of the key file:' 'key file:' "another one, the second" -- task set T-01 percent=50
is "what was typed is not shown" sh -c "! grep -q 'another one' '$out'"
is "the terminal echoes again" grep -q '^\[echo on\]' "$out"
expect "it was written" 0 '50 ?%' task show T-01
typed "a wrong one on the terminal" 2 'passphrase is wrong' 'key file:' nonsense -- task set T-01 percent=60
typed "interrupted while asking" 130 'echo on' 'key file:' ^C -- task set T-01 percent=60
typed "end of input while asking" 2 'stopped before it was finished' 'key file:' ^D -- task set T-01 percent=60
before=$(fingerprint)
typed "changed on the terminal: not twice alike" 2 'not typed twice alike' 'key file:' "another one, the second" 'New passphrase:' "eine dritte" 'once more:' \
    "eine vierte" 'New passphrase:' "eine dritte" 'once more:' "" 'New passphrase:' "eine dritte" 'once more:' "eine Dritte" -- key passphrase
is "nothing was changed by it" unchanged
typed "changed on the terminal" 0 'sealed with the passphrase' 'key file:' "another one, the second" 'New passphrase:' "mật khẩu thứ ba" 'once more:' "mật khẩu thứ 3" \
    '(?s)not the same.*New passphrase:' "mật khẩu thứ ba" 'once more:' "mật khẩu thứ ba" -- key passphrase
printf 'mật khẩu thứ ba' | python3 -c 'import sys, unicodedata; sys.stdout.write(unicodedata.normalize("NFD", sys.stdin.read()))' >"$work/decomposed"
expect "typed by another keyboard: the same letters, decomposed" 0 '' --passphrase-file "$work/decomposed" task set T-01 percent=70
typed "not asked with --json" 2 '"code": 815' -- --json task set T-01 percent=80
typed "not asked for reading" 0 'T-01' -- task list
typed "taken off on the terminal" 0 'are open' 'key file:' "mật khẩu thứ ba" -- key passphrase --remove
expect "no passphrase any more" 0 '' task set T-01 percent=90
expect "a needless one does no harm" 0 '' --passphrase-file "$work/first" task set T-01 percent=100

# What somebody else put in its place.
python3 - "$work/home/device.key" <<'P'
import hashlib, sys
front = bytes.fromhex("89025820" + "11" * 32 + "5820" + "22" * 32 + "01" + "03" + "1a04000000" + "50" + "33" * 16 + "5850" + "44" * 80)  # 64 GiB
open(sys.argv[1], "wb").write(front + b"\x48" + hashlib.blake2b(b"wardsync keyfile" + front, digest_size=32).digest()[:8])
P
expect "a key file that asks for 64 GiB" 2 'more time or memory than is allowed' --passphrase-file "$work/first" task set T-01 percent=10
