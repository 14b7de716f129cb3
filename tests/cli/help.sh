#!/usr/bin/env bash
# Every command and subcommand shows its help, with an example, in both languages; wrong command lines are told apart from failures.
. "$(dirname "$0")/lib.sh"

# commands [NAME]: the words under the heading of commands.
commands() {
    "$WARDSYNC" "$@" --help --lang en | awk '/^ Commands:/ {on = 1; next} /^$/ {on = 0} on && /^  [a-z]/ {print $1}'
}

look() {
    local examples
    for lang in en vi; do
        [ $lang = en ] && examples='^Examples:' || examples='^Ví dụ:'
        expect "$*: help in $lang" 0 "$examples" "$@" --help --lang $lang
        is "$*: an example in $lang" grep -q "^  .*wardsync $*" "$out"
    done
    ward help "$@" --lang en
    is "$*: the same by help" cmp -s "$out" <("$WARDSYNC" "$@" --lang en -h)
}

count=0
for command in $(commands); do
    look "$command"
    count=$((count + 1))
    for sub in $(commands "$command"); do
        look "$command" "$sub"
        count=$((count + 1))
    done
done
is "help was shown for all commands ($count)" test "$count" -ge 45

expect "help of the program" 0 '^Usage: wardsync' --help
expect "help of the program in Vietnamese" 0 '^Cách dùng: wardsync' --lang vi --help
expect "version" 0 '^wardsync [0-9]+\.[0-9]+\.[0-9]+$' --version

expect "no command" 64 'which command' --lang en
expect "unknown command" 64 "no command 'bogus'" bogus
expect "unknown subcommand" 64 "no command 'bogus'" task bogus
expect "group without subcommand" 64 'which command' task
expect "unknown option" 64 "'--bogus'" status --bogus
expect "option without its value" 64 "'--timeout' needs a value" sync --timeout
expect "missing argument" 64 'something is missing: TITLE' task add
expect "argument too many" 64 "one word too many: 'b'" task show a b
expect "missing required option" 64 '--unit is required' invite
expect "number out of range" 64 '--timeout is a whole number' sync --timeout 0
expect "wrong span" 64 '--every is a span' serve --every soon
expect "wrong role" 64 "not 'king'" invite --unit A --role king
expect "wrong language" 64 "not 'fr'" --lang fr status
expect "usage in Vietnamese" 64 'Xem: wardsync task --help' --lang vi task bogus
expect "no field assignment" 64 "FIELD=VALUE, not 'b'" task set a b
ward status --bogus --json
is "usage as JSON: exit code" test "$rc" -eq 64
holds "usage as JSON" 'd["error"]["name"] == "argument" and "status --help" in d["error"]["hint"]' "$err"
