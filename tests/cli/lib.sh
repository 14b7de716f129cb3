# lib.sh - what the end-to-end tests of the program share. Each of them needs WARDSYNC, the program's path, works in a directory of its
# own and says `ok NAME`, `not ok NAME` or `skip NAME` for each thing it looks at; it fails if anything was not ok.
# shellcheck shell=bash disable=SC2034

set -u
: "${WARDSYNC:?the path of the program}"
WARDSYNC=$(realpath "$WARDSYNC")
unset WARDSYNC_HOME XDG_DATA_HOME LANGUAGE LC_ALL LC_MESSAGES WARDSYNC_TODAY NO_COLOR
export LANG=C.UTF-8

here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
out=$work/.out
err=$work/.err
failures=0
pids=()

finish() {
    for pid in "${pids[@]}"; do
        kill "$pid" 2>/dev/null
        wait "$pid" 2>/dev/null
    done
    rm -rf "$work"
    exit $((failures > 0))
}
trap finish EXIT
cd "$work" || exit 1

ok() { echo "ok $1"; }
skip() { echo "skip $1: $2"; }
not_ok() {
    echo "not ok $1"
    sed 's/^/#   out: /' "$out" 2>/dev/null | head -20
    sed 's/^/#   err: /' "$err" 2>/dev/null | head -20
    failures=$((failures + 1))
}

# ward ARGS...: runs the program; rc, $out and $err tell.
ward() {
    "$WARDSYNC" "$@" >"$out" 2>"$err" </dev/null
    rc=$?
    return 0
}

# at HOME ARGS...: the program on that home.
at() {
    local home=$1
    shift
    ward --home "$home" "$@"
}

# expect NAME RC PATTERN ARGS...: exit code, and an extended regular expression that a line of either stream matches.
expect() {
    local name=$1 want=$2 pattern=$3
    shift 3
    ward "$@"
    if [ "$rc" -eq "$want" ] && cat "$out" "$err" | grep -Eq -- "$pattern"; then
        ok "$name"
    else
        echo "#   exit code $rc, expected $want, and: $pattern"
        not_ok "$name"
    fi
}

# is NAME COMMAND...: the command succeeds.
is() {
    local name=$1
    shift
    if "$@"; then ok "$name"; else not_ok "$name"; fi
}

# json EXPRESSION [FILE]: prints a Python expression over the JSON document `d` (of the last answer); fails if it is no JSON.
json() {
    python3 -c 'import json, sys
d = json.load(open(sys.argv[2], encoding="utf-8"))
v = eval(sys.argv[1])
print(v if isinstance(v, str) else json.dumps(v))' "$1" "${2:-$out}"
}

# holds NAME EXPRESSION [FILE]: the expression over the JSON document is true.
holds() {
    if [ "$(json "$2" "${3:-$out}" 2>>"$err")" = true ]; then ok "$1"; else
        echo "#   not so: $2"
        not_ok "$1"
    fi
}

# found HOME: a ward for tests, and WARDSYNC_HOME set to it.
found() {
    export WARDSYNC_HOME=$1
    "$WARDSYNC" init --ward "Phường Bạch Đằng" --unit BXDD --unit-name "Ban Xây dựng Đảng" --device hub --quiet >/dev/null ||
        { not_ok "a ward to test with"; exit 1; }
}

# serve HOME [ADDRESS...]: starts the hub; $address is where it answers, the last of them.
serve() {
    local home=$1 where listen=() tries=0
    shift
    for where in "${@:-tcp://127.0.0.1:0}"; do listen+=(--listen "$where"); done
    : >"$work/.serving" # what an earlier one said does not count
    WARDSYNC_HOME=$home "$WARDSYNC" serve "${listen[@]}" >"$work/.serving" 2>"$work/.events" &
    server=$!
    pids+=("$server")
    until [ "$(grep -c '^listening on ' "$work/.serving")" -eq $((${#listen[@]} / 2)) ]; do
        tries=$((tries + 1))
        if [ $tries -gt 200 ] || ! kill -0 "$server" 2>/dev/null; then
            cat "$work/.serving" "$work/.events" >"$err"
            not_ok "serve listens"
            exit 1
        fi
        sleep 0.1
    done
    address=$(sed -n 's/^listening on //p' "$work/.serving" | tail -n 1)
}

# typed NAME RC PATTERN [PATTERN ANSWER]... -- ARGS...: on a terminal.
typed() {
    local name=$1 want=$2 pattern=$3 pairs=()
    shift 3
    while [ "$1" != -- ]; do pairs+=("$1"); shift; done
    shift
    : >"$err"
    python3 "$here/terminal.py" "${pairs[@]}" -- "$WARDSYNC" --lang en "$@" >"$out"
    rc=$?
    if [ "$rc" -eq "$want" ] && grep -Eq -- "$pattern" "$out"; then ok "$name"; else
        echo "#   exit code $rc, expected $want, and: $pattern"
        not_ok "$name"
    fi
}
