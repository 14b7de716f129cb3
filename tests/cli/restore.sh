#!/usr/bin/env bash
# A backup put in place of the database: what comes back, what is kept, what is refused before anything changes.
. "$(dirname "$0")/lib.sh"

# unchanged NAME: the home is byte for byte what it was when `keep` was called last.
keep() { rm -rf "$work/as-it-was" && cp -a "$work/home" "$work/as-it-was"; }
unchanged() { is "$1: the home is as it was" diff -rq "$work/as-it-was" "$work/home"; }
# refused NAME PATTERN FILE: exit code 2, the words, and nothing changed.
refused() {
    keep
    expect "$1" 2 "$2" restore "$3"
    unchanged "$1"
}
tasks() { "$WARDSYNC" --json task list | python3 -c 'import json, sys; print(*sorted(x["code"] for x in json.load(sys.stdin)))'; }

found "$work/home"
"$WARDSYNC" task add "Trước bản sao" --code T-01 >/dev/null
"$WARDSYNC" backup "$work/a.db" >"$out" 2>"$err"
is "a backup is one file" test "$(find "$work" -maxdepth 1 -name 'a.db*' | wc -l)" -eq 1
"$WARDSYNC" task add "Sau bản sao" --code T-02 >/dev/null

expect "restore" 0 'wardsync sync' restore "$work/a.db"
is "restore: what it held is there" test "$(tasks)" = T-01
is "restore: what it replaced is kept" test -s "$work/home/before-restore-1.db"
is "restore: nothing else stays behind" test "$(find "$work/home" -name 'replica.db*' ! -name replica.db ! -name '*-wal' ! -name '*-shm' | wc -l)" -eq 0
ward verify --full --json
holds "restore: verify" 'd["bad"] == 0'
"$WARDSYNC" task add "Viết tiếp" --code T-03 >/dev/null
is "restore: writing goes on" test "$(tasks)" = "T-01 T-03"

ward restore --json "$work/home/before-restore-1.db"
is "what was kept can be restored, too" test "$rc" -eq 0
holds "restore as JSON" 'd["changes"] > 0 and d["kept"].endswith("/before-restore-2.db") and d["sync_first"] is True and "before-restore-1" in d["file"]'
is "what was kept is whole" test "$(tasks)" = "T-01 T-02"
is "what was kept stays where it is" test -s "$work/home/before-restore-1.db"
expect "restore in Vietnamese" 0 'hãy chạy `wardsync sync`' restore "$work/a.db" --lang vi

refused "no such file" 'wardsync: ' "$work/none.db"
echo "shopping list" >"$work/list.db"
refused "not a database" 'no database of this program' "$work/list.db"
head -c $(($(stat -c %s "$work/a.db") / 2)) "$work/a.db" >"$work/half.db"
refused "half a backup" 'damaged or not whole' "$work/half.db"
python3 -c 'import sys
b = bytearray(open(sys.argv[1], "rb").read()); b[len(b) // 2:len(b) // 2 + 4096] = bytes(4096); open(sys.argv[2], "wb").write(b)' "$work/a.db" "$work/holed.db"
refused "a backup with a hole" 'damaged or not whole' "$work/holed.db"
cp "$work/a.db" "$work/newer.db"
python3 -c 'import sqlite3, sys
c = sqlite3.connect(sys.argv[1]); c.execute("pragma user_version = 99"); c.commit()' "$work/newer.db"
refused "a backup of a newer version" 'newer version' "$work/newer.db"
cp "$work/a.db" "$work/in-use.db" && echo x >"$work/in-use.db-wal"
refused "a database with its log beside it" 'damaged or not whole' "$work/in-use.db"
(found "$work/other" && "$WARDSYNC" backup "$work/foreign.db" >/dev/null 2>&1)
refused "another device's backup" 'of another device or ward' "$work/foreign.db"
ward restore "$work/foreign.db" --json
holds "another device's backup as JSON" 'd["error"]["code"] == 613 and d["error"]["name"] == "backup-foreign" and d["error"]["hint"] != ""' "$err"

mv "$work/home/device.key" "$work/away.key"
refused "a home without its key" 'key of this device is missing' "$work/a.db"
mv "$work/away.key" "$work/home/device.key"
expect "no home at all" 2 'no data folder' --home "$work/none" restore "$work/a.db"
expect "no file named" 64 'something is missing: FILE' restore

# While another program has the database open it is not taken away.
serve "$work/home"
expect "while it is served" 2 'end every wardsync' restore "$work/a.db"
is "while it is served: no half-done thing stays" test "$(find "$work/home" -name 'replica.db.*' | wc -l)" -eq 0
kill "$server" && wait "$server" 2>/dev/null
expect "after that" 0 'before-restore-' restore "$work/a.db"

# A database that cannot be read any more, and one that is not there.
kept=$(find "$work/home" -name 'before-restore-*.db' | wc -l)
head -c 20000 /dev/zero >"$work/home/replica.db"
head -c 5000 /dev/urandom >"$work/home/replica.db-wal" # its log must not be taken for the restored one's
expect "over a ruined database" 0 'before-restore-' restore "$work/a.db"
is "over a ruined database: it is kept" test "$(find "$work/home" -name 'before-restore-*.db' | wc -l)" -eq $((kept + 1))
is "over a ruined database: its log goes with it" test "$(find "$work/home" -name 'before-restore-*.db-wal' -size 5000c | wc -l)" -eq 1
is "over a ruined database: all is back" test "$(tasks)" = T-01
rm "$work/home/replica.db"
expect "where the database is lost" 0 'wardsync sync' restore "$work/a.db"
is "where the database is lost: all is back" test "$(tasks)" = T-01

# What the others hold comes back with the next sync.
found "$work/hub"
serve "$work/hub"
at "$work/hub" --json invite --unit BXDD --hub "$address"
at "$work/laptop" join "$(json 'd["code"]')" --device "máy chi bộ"
at "$work/laptop" sync
at "$work/laptop" backup "$work/laptop.db"
at "$work/laptop" task add "Việc đã gửi" --code S-01
at "$work/laptop" sync
at "$work/laptop" restore "$work/laptop.db"
is "a cell's restore" test "$rc" -eq 0
is "a cell's restore: what was sent later is away" test -z "$(WARDSYNC_HOME=$work/laptop tasks)"
at "$work/laptop" sync
is "a cell's restore: it comes back by sync" test "$(WARDSYNC_HOME=$work/laptop tasks)" = S-01
at "$work/laptop" task add "Và viết tiếp" --code S-02
at "$work/laptop" --json sync
holds "a cell's restore: and writing goes on" 'd["sent"] >= 1'
at "$work/laptop" verify --full --json
holds "a cell's restore: verify" 'd["bad"] == 0'
