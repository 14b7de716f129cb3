#!/bin/sh
# usage: exports.sh CC NM LIBRARY HEADER ... - fails if the library exports anything that no header declares, or lacks what one does.
set -eu
cc=$1
nm=$2
library=$3
shift 3
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT

# What the sanitizers add begins with an underscore, as everything that belongs to the compiler; libgcov alone brings a name of its own, mangle_path.
"$nm" -D --defined-only "$library" | awk 'NF == 3 {print $3} NF == 2 {print $2}' | sed 's/@.*//' | grep -vE '^_|^mangle_path$' | sort -u >"$dir/exported"
for header in "$@"; do
    "$cc" -std=c17 -E -P -I"$(dirname "$header")" -x c "$header"
done | grep -v '^ *typedef' | grep -oE '\bward_[a-z0-9_]+\(' | tr -d '(' | sort -u >"$dir/declared"

[ -s "$dir/declared" ] || { echo "no declaration found" >&2; exit 1; }
if ! diff "$dir/declared" "$dir/exported"; then
    echo "< declared but not exported   > exported but not declared" >&2
    exit 1
fi
echo "$(wc -l <"$dir/declared") functions"
