#!/usr/bin/env bash
# doctor: a home is broken in each way that can be thought of; it is said what is wrong, and mended or said what to do.
. "$(dirname "$0")/lib.sh"

sql() { python3 - "$@" <<'PY'
import sqlite3, sys
db = sqlite3.connect(sys.argv[1])
for statement in sys.argv[2:]:
    db.execute(statement)
db.commit()
db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
PY
}

# A hub and a cell, both with changes that the other has.
hub=$work/hub
found "$hub"
"$WARDSYNC" unit add CB01 "Chi bộ 01" >/dev/null
"$WARDSYNC" task add "Việc chung" --code A-01 --lead CB01 >/dev/null
"$WARDSYNC" serve --listen tcp://127.0.0.1:0 >"$work/serving" 2>/dev/null &
pids+=($!)
timeout 60 bash -c 'until grep -q listening "$0"; do sleep 0.05; done' "$work/serving"
address=$(sed 's/.* on //' "$work/serving")
cell=$work/cell
"$WARDSYNC" --home "$cell" join "$("$WARDSYNC" invite --unit CB01 --hub "$address" --quiet)" --device CB01 >/dev/null 2>&1
"$WARDSYNC" --home "$cell" sync >/dev/null 2>&1
"$WARDSYNC" --home "$work/lost" join "$("$WARDSYNC" invite --unit CB01 --hub "$address" --quiet)" --device lost >/dev/null 2>&1
"$WARDSYNC" --yes device revoke lost --why "mất máy" >/dev/null
for i in 1 2 3; do
    "$WARDSYNC" --home "$cell" task set A-01 percent=$((i * 10)) >/dev/null
    "$WARDSYNC" task set A-01 "budget=lần $i" >/dev/null
    "$WARDSYNC" --home "$cell" sync >/dev/null 2>&1
done
sound=$work/sound
cp -a "$cell" "$sound"
export WARDSYNC_HOME=$cell

# broken NAME KIND COMMAND...: a sound home, broken by the command; doctor finds that kind, changes nothing, and ends with 1.
broken() {
    local name=$1 kind=$2
    shift 2
    rm -rf "$cell"
    cp -a "$sound" "$cell"
    "$@" || { not_ok "$name: set up"; return; }
    (cd "$cell" && find . ! -name 'replica.db-*' -exec stat -c '%n %a' {} + | sort) >"$work/before"
    ward --json doctor
    is "$name: exit code 1" test "$rc" -eq 1
    holds "$name: found" "any(f['name'] == '$kind' and f['message'] and f['next'] for f in d['findings']) and d['mended'] == 0"
    (cd "$cell" && find . ! -name 'replica.db-*' -exec stat -c '%n %a' {} + | sort) >"$work/after"
    is "$name: looking changes nothing" cmp -s "$work/before" "$work/after"
}

# mended NAME: --mend mends all of it, and the next look finds nothing; the cell works on.
mended() {
    ward --json --yes doctor --mend
    is "$1: mended" test "$rc" -eq 0
    holds "$1: all of it" "d['found'] == d['mended'] and d['found'] > 0 and all(f['mended'] for f in d['findings'])"
    ward --json doctor
    is "$1: nothing is left" test "$rc" -eq 0
    ward task set A-01 "person=$1"
    is "$1: it can be written" test "$rc" -eq 0
    ward sync
    is "$1: and synced" test "$rc" -eq 0
    ward --json verify --full
    holds "$1: all proves itself" 'd["bad"] == 0'
    rm -rf "$sound" && cp -a "$cell" "$sound"
}

# stays NAME: it cannot be mended; said so, with 1.
stays() {
    ward --json --yes doctor --mend
    is "$1: not mended" test "$rc" -eq 1
    holds "$1: said what to do" 'any(not f["mended"] and f["next"] for f in d["findings"])'
}

expect "a sound home" 0 'Nothing is wrong' doctor
expect "a sound home, in Vietnamese" 0 'Không có gì sai' --lang vi doctor
expect "no home" 2 'wardsync join CODE' --home "$work/none" doctor

broken "key file readable by all" key-mode chmod 644 "$cell/device.key"
expect "key mode, in Vietnamese" 1 'Người khác dùng máy này có thể đọc' --lang vi doctor
mended "key file readable by all"
is "key mode is 600" test "$(stat -c %a "$cell/device.key")" = 600
broken "folder open to all" home-mode chmod 777 "$cell"
mended "folder open to all"
broken "database read-only" read-only chmod 400 "$cell/replica.db"
mended "database read-only"
make_log_read_only() { : >>"$cell/replica.db-wal" && chmod 444 "$cell/replica.db-wal"; }
broken "log read-only" read-only make_log_read_only
ward --yes doctor --mend
is "log read-only: mended" test "$rc" -eq 0
is "log read-only: it can be written" bash -c '[ ! -e "$0" ] || [[ $(stat -c %a "$0") =~ ^6 ]]' "$cell/replica.db-wal"
broken "leftover of a broken-off write" leftover touch "$cell/device.key.0123456789abcdef.tmp"
mended "leftover of a broken-off write"
broken "leftover of a restore" leftover cp "$cell/replica.db" "$cell/replica.db.unchecked"
mended "leftover of a restore"
broken "restore cut off before it began" restore cp "$cell/replica.db" "$cell/replica.db.restoring"
mended "restore cut off before it began"
cut_off_restore() { mv "$cell/replica.db" "$cell/replica.db.restoring" && cp "$sound/replica.db" "$cell/before-restore-1.db"; }
broken "restore cut off half-way" restore cut_off_restore
mended "restore cut off half-way"

broken "plain table out of step" plain sql "$cell/replica.db" "UPDATE task SET percent = 77"
mended "plain table out of step"
broken "row missing in a plain table" plain sql "$cell/replica.db" "DELETE FROM unit"
mended "row missing in a plain table"
broken "records out of step" state sql "$cell/replica.db" "DELETE FROM ward_record WHERE kind = (SELECT max(kind) FROM ward_record)" "DELETE FROM task" \
    "DELETE FROM ward_index WHERE entity NOT IN (SELECT entity FROM ward_record)"
mended "records out of step"
broken "entries of an index missing" plain sql "$cell/replica.db" "DELETE FROM ward_index WHERE number = 0"
mended "entries of an index missing"
broken "an entry of an index too many" plain sql "$cell/replica.db" "INSERT INTO ward_index SELECT 0, x'0400', randomblob(16), 1"
mended "an entry of an index too many"
broken "digest out of step" digest sql "$cell/replica.db" "UPDATE ward_space SET digest = randomblob(32)"
mended "digest out of step"
broken "head out of step" head sql "$cell/replica.db" "UPDATE ward_feed SET head_seq = head_seq + 1 WHERE fid = (SELECT max(fid) FROM ward_feed)"
mended "head out of step"

seen() { sql "$cell/replica.db" "UPDATE ward_feed SET vv = $1 WHERE vv <> x'80'"; }
broken "what others had seen cannot be read" head seen "zeroblob(10)"
mended "what others had seen cannot be read"
broken "what others had seen is forgotten" head seen "x'80'"
mended "what others had seen is forgotten"

# Who may write and who was revoked is made anew from the changes; nothing of what they wrote is taken out, and nobody is let in again.
is_revoked() {
    ward --json device list
    holds "$1: the lost laptop stays revoked" 'any(x["name"] == "lost" and x["ended"] for x in d)'
}
broken "a revocation is not noted" authority sql "$cell/replica.db" "DELETE FROM ward_cut"
mended "a revocation is not noted"
is_revoked "a revocation is not noted"
broken "a revocation is noted wrongly" authority sql "$cell/replica.db" "UPDATE ward_cut SET depth = depth + 1"
mended "a revocation is noted wrongly"
broken "a grant is not noted" authority sql "$cell/replica.db" "DELETE FROM ward_grant WHERE seq > 1"
holds "a grant is not noted: and what follows from it is not told" 'len(d["findings"]) == 1'
ward --json --yes doctor --mend
holds "a grant is not noted: nothing is taken out" 'd["mended"] == 1 and d["kept"] is None'
broken "a grant is not noted" authority sql "$cell/replica.db" "DELETE FROM ward_grant WHERE seq > 1"
mended "a grant is not noted"
broken "no grant is noted" authority sql "$cell/replica.db" "DELETE FROM ward_grant" "DELETE FROM ward_cut"
mended "no grant is noted"
is_revoked "no grant is noted"

# What is only a hint is done without.
rm -rf "$cell" && cp -a "$sound" "$cell"
sql "$cell/replica.db" "UPDATE ward_peer SET have = zeroblob(10)"
expect "a hint that makes no sense: nothing is wrong" 0 'Nothing is wrong' doctor
expect "a hint that makes no sense: it syncs" 0 '' sync

# Changes of the hub's feed, damaged here: taken out, and fetched again.
others="fid = (SELECT f.fid FROM ward_feed f JOIN ward_space s ON s.sid = f.sid WHERE length(s.circle) > 0 AND f.role = 2)"
broken "another's change damaged" log sql "$cell/replica.db" "UPDATE ward_segment SET sig = zeroblob(64) WHERE $others AND first = 2"
ward --json --yes doctor --mend
is "another's change damaged: mended" test "$rc" -eq 0
holds "another's change damaged: the database as it was is kept" "d['kept'].endswith('before-doctor-1.db')"
is "another's change damaged: it is there" test -s "$cell/before-doctor-1.db"
ward --json sync
holds "another's change damaged: fetched again" 'd["reached"] and d["received"] > 0'
ward --json verify --full
holds "another's change damaged: all proves itself" 'd["bad"] == 0'
ward --json task show A-01
holds "another's change damaged: what it said is there" 'd["budget"] == "lần 3"'
broken "another's bytes damaged" log sql "$cell/replica.db" "UPDATE ward_segment SET data = zeroblob(length(data)) WHERE $others AND first = 3"
mended "another's bytes damaged"
broken "another's segment missing" log sql "$cell/replica.db" "DELETE FROM ward_segment WHERE $others AND first = 2"
mended "another's segment missing"

# What cannot be mended is said.
own="fid = (SELECT f.fid FROM ward_feed f JOIN ward_space s ON s.sid = f.sid WHERE length(s.circle) > 0 AND f.role = 1)"
broken "own change damaged" log sql "$cell/replica.db" "UPDATE ward_segment SET sig = zeroblob(64) WHERE $own AND first = 1"
stays "own change damaged"
expect "own change damaged: what to do" 1 'wardsync restore' doctor
broken "receipt damaged" receipt sql "$cell/replica.db" "UPDATE ward_receipt SET sig = zeroblob(64)"
stays "receipt damaged"
expect "receipt damaged: what to do" 1 'wardsync receipt list' doctor
broken "receipt damaged, and a digest" digest sql "$cell/replica.db" "UPDATE ward_receipt SET heads = zeroblob(9)" "UPDATE ward_space SET digest = randomblob(32)"
ward --json --yes doctor --mend
holds "receipt damaged, and a digest: the one is mended" '{f["name"]: f["mended"] for f in d["findings"]} == {"receipt": False, "digest": True}'
broken "no database" not-joined rm "$cell/replica.db"
stays "no database"
broken "no key" key-missing rm "$cell/device.key"
stays "no key"
broken "key file damaged" key-file truncate -s 5 "$cell/device.key"
stays "key file damaged"
spoil() { printf 'no database' >"$cell/replica.db" && rm -f "$cell"/replica.db-*; }
broken "no database of ours" database spoil
stays "no database of ours"
expect "no database of ours: what to do" 1 'wardsync restore FILE' doctor
expect "the same in Vietnamese" 1 'wardsync restore TỆP' --lang vi doctor
tear() { dd if=/dev/urandom of="$cell/replica.db" bs=4096 seek=3 count=4 conv=notrunc status=none; }
broken "pages damaged" database tear
stays "pages damaged"
newer() { sql "$cell/replica.db" "PRAGMA user_version = 99"; }
broken "a newer version's" database newer
stays "a newer version's"

unfinished() { rm -rf "${cell:?}"/* && printf x >"$cell/unfinished" && touch "$cell/device.key"; }
broken "founding cut off" unfinished unfinished
ward --yes doctor --mend
is "founding cut off: cleared away" test "$rc" -eq 0 -a -z "$(ls -A "$cell")"

# Somebody writes, and does not end.
rm -rf "$cell" && cp -a "$sound" "$cell"
python3 -c 'import fcntl, struct, sys, time
f = open(sys.argv[1], "r+b")
fcntl.fcntl(f, 37, struct.pack("hhqqi4x", fcntl.F_WRLCK, 0, 0, 0, 0))
print("held", flush=True)
time.sleep(600)' "$cell/replica.lock" >"$work/holder" &
holder=$!
pids+=("$holder")
timeout 30 bash -c 'until grep -q held "$0"; do sleep 0.05; done' "$work/holder"
ward --json doctor
holds "somebody writes and does not end" 'any(f["name"] == "in-use" for f in d["findings"])'
kill "$holder"

# A file that is no backup.
printf 'not a database at all' >"$work/letter.txt"
expect "restore of what is no backup hints at backups" 2 'wardsync backup FILE' restore "$work/letter.txt"
