#!/usr/bin/env bash
# Homes that cannot be used: missing, read-only, newer, not a replica, on a full disk; key files with the wrong mode.
# shellcheck disable=SC2016 # some strings are for an inner shell
. "$(dirname "$0")/lib.sh"

init=(init --ward "Phường thử" --unit A --unit-name "Đơn vị A" --quiet)

expect "missing home" 2 'no data folder' --home "$work/none" status
expect "empty home" 2 '(no data folder|not a database)' --home "$(mktemp -d -p "$work")" status

mkdir "$work/other" && echo "shopping list" >"$work/other/replica.db"
expect "not a replica: another file" 2 'not a database of this program' --home "$work/other" status
is "not a replica: the file is left alone" grep -q shopping "$work/other/replica.db"
mkdir "$work/sqlite" && python3 -c 'import sqlite3, sys; c = sqlite3.connect(sys.argv[1]); c.execute("create table t(x)"); c.commit()' "$work/sqlite/replica.db"
expect "not a replica: another program's database" 2 'not a database of this program' --home "$work/sqlite" status
expect "founding where something else is" 2 'already in use' --home "$work/other" "${init[@]}"

expect "founding with a unit code that is none" 2 'wardsync: ' --home "$work/undone" init --ward X --unit "A B" --unit-name A
is "founding with a unit code that is none: nothing stays behind" test ! -e "$work/undone"

found "$work/home"
"$WARDSYNC" task add "Việc" --code T-01 >/dev/null

cp -r "$work/home" "$work/newer"
python3 -c 'import sqlite3, sys
c = sqlite3.connect(sys.argv[1]); v = c.execute("pragma user_version").fetchone()[0]
c.execute("pragma user_version = %d" % (v + 1)); c.commit()' "$work/newer/replica.db"
expect "home of a newer version" 2 'newer version' --home "$work/newer" status

# A file of an older format is read as it stands, and brought up to date where it is written to.
cp -r "$work/home" "$work/older"
python3 -c 'import sqlite3, sys
c = sqlite3.connect(sys.argv[1])
tables_1 = {"meta", "space", "feed", "grant", "cut", "segment", "record", "conflict", "peer"}
for (name,) in c.execute("select name from sqlite_schema where type = \"table\" and name like \"ward\\_%\" escape \"\\\"").fetchall():
    if name[5:] not in tables_1:
        c.execute("drop table " + name)
c.execute("update ward_meta set value = randomblob(32) where key = \"plain\"") # made by a schema of that time
c.execute("pragma user_version = 1"); c.commit()' "$work/older/replica.db"
format_is() { [ "$(python3 -c 'import sqlite3, sys; print(sqlite3.connect(sys.argv[1]).execute("pragma user_version").fetchone()[0])' "$1")" = "$2" ]; }
expect "home of format 1, read" 1 'BXDD' --home "$work/older" status
is "home of format 1, read: as it was" format_is "$work/older/replica.db" 1
expect "home of format 1, written" 0 '' --home "$work/older" task add "Việc mới" --code T-02
is "home of format 1, written: of format 3" format_is "$work/older/replica.db" 3
expect "home of format 1, written: sound" 0 '' --home "$work/older" verify --full

for mode in 644 640 660; do
    chmod $mode "$work/home/device.key"
    expect "key file of mode $mode" 2 'chmod 600' task list
done
chmod 600 "$work/home/device.key"
expect "key file of mode 600" 0 'T-01' task list
mv "$work/home/device.key" "$work/away.key"
expect "key file that is away: nothing can be written" 2 'key of this device is missing' task set T-01 percent=10
ln -s "$work/away.key" "$work/home/device.key"
expect "key file that is a link" 2 'wardsync: ' task set T-01 percent=10
rm "$work/home/device.key" && mv "$work/away.key" "$work/home/device.key"

# The home is found by the environment too.
expect "WARDSYNC_HOME" 0 'T-01' task list
mkdir "$work/xdg" && cp -r "$work/home" "$work/xdg/wardsync"
expect "--home goes before WARDSYNC_HOME" 2 'no data folder' --home "$work/none" task list
unset WARDSYNC_HOME
XDG_DATA_HOME=$work/xdg expect "XDG_DATA_HOME" 0 'T-01' task list
mkdir -p "$work/person/.local/share" && cp -r "$work/home" "$work/person/.local/share/wardsync"
HOME=$work/person expect "HOME" 0 'T-01' task list
export WARDSYNC_HOME=$work/home

# Read-only and full disks, on file systems of our own: root writes through modes.
as_root=()
[ "$(id -u)" -eq 0 ] || as_root=(--map-root-user)
private() { unshare "${as_root[@]}" --mount bash -euc "$1"; }
export WARDSYNC work out err
mkdir "$work/full"
if private 'mount -t tmpfs none "$work/full"' 2>/dev/null; then
    private 'mount --bind "$work/home" "$work/home"; mount -o remount,bind,ro "$work/home"
        set +e
        "$WARDSYNC" task list >"$out" 2>"$err"; echo $? >"$work/rc.read"
        "$WARDSYNC" task set T-01 percent=10 >"$work/out.write" 2>"$work/err.write"; echo $? >"$work/rc.write"
        exit 0'
    is "read-only home: reading works" grep -qx 0 "$work/rc.read"
    is "read-only home: writing fails with 2" grep -qx 2 "$work/rc.write"
    is "read-only home: says so" grep -q 'cannot be written' "$work/err.write"

    private 'mount -t tmpfs -o size=768k none "$work/full"
        set +e
        "$WARDSYNC" --home "$work/full/home" init --ward X --unit A --unit-name A --quiet >"$out" 2>"$err" || exit 9
        head -c 900000 /dev/zero >"$work/full/ballast" 2>/dev/null
        for i in 1 2 3 4 5 6 7 8 9; do
            "$WARDSYNC" --home "$work/full/home" task add "Việc $i $(head -c 400 /dev/zero | tr "\0" a)" --code "F-$i" >"$out" 2>"$err"
            echo $? >"$work/rc.full"
            cp "$err" "$work/err.full"
            [ "$(cat "$work/rc.full")" -eq 0 ] || break
        done
        rm "$work/full/ballast"
        "$WARDSYNC" --home "$work/full/home" task add "Sau khi có chỗ" --code F-99 >"$out" 2>"$err"; echo $? >"$work/rc.after"
        "$WARDSYNC" --home "$work/full/home" verify --full --json >"$work/verify.full" 2>"$err"
        exit 0'
    if [ $? -eq 9 ]; then
        skip "full disk" "a ward did not fit on the small disk"
    else
        is "full disk: the write fails with 2" grep -qx 2 "$work/rc.full"
        is "full disk: says so" grep -q 'disk is full' "$work/err.full"
        is "full disk: with room again it goes on" grep -qx 0 "$work/rc.after"
        holds "full disk: nothing is damaged" 'd["bad"] == 0' "$work/verify.full"
    fi
    private 'mount -t tmpfs -o size=64k none "$work/full"
        set +e
        "$WARDSYNC" --home "$work/full/home" init --ward X --unit A --unit-name A --quiet >"$out" 2>"$work/err.found"; echo $? >"$work/rc.found"
        ls -A "$work/full/home" 2>/dev/null >"$work/left.found"
        exit 0'
    is "founding on a full disk: fails with 2" grep -qx 2 "$work/rc.found"
    is "founding on a full disk: nothing stays behind" test ! -s "$work/left.found"
else
    skip "read-only home" "no mount namespaces here"
    skip "full disk" "no mount namespaces here"
fi
