#!/usr/bin/env bash
# same-story.sh WARDSYNC-SIM: a seed tells the same story in two processes, whatever their addresses, environment and time.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
for seed in 5 17; do
    "$1" --seed $seed --weeks 1 --faults all --trace | grep '^day' >"$work/one"
    env -i TZ=Asia/Ho_Chi_Minh FILL="$(printf '%4000s')" setarch -R "$1" --seed $seed --weeks 1 --faults all --trace | grep '^day' >"$work/two"
    lines=$(wc -l <"$work/one")
    if [ "$lines" -gt 50 ] && cmp "$work/one" "$work/two"; then
        echo "ok seed $seed tells the same $lines lines twice"
    else
        echo "not ok seed $seed tells two stories"
        exit 1
    fi
done
