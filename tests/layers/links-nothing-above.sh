#!/bin/sh
# usage: links-nothing-above.sh PROGRAM BUILD-DIR - fails if the program, or the command that links it, names a library of the layers above.
set -eu
program=$1
build=$2
above='sqlite|zmq|zstd|jansson|smartcols|ward_shell|ward_replica|ward_domain'

needed=$(ldd "$program")
case $needed in *sodium*) ;; *) echo "ldd does not even name libsodium: $needed" >&2; exit 1 ;; esac
if echo "$needed" | grep -E "$above"; then
    echo "the core needs a library of the layers above" >&2
    exit 1
fi

# As far as the generator tells how it links: Ninja and Makefiles do.
if [ -f "$build/build.ninja" ]; then
    link=$(awk '/^build [^:]*core_only: / {on = 1} on && /^$/ {exit} on' "$build/build.ninja")
else
    link=$(find "$build" -path '*core_only.dir/link.txt' -exec cat {} +)
fi
if [ -n "$link" ] && echo "$link" | grep -E "$above"; then
    echo "the core is linked to a library of the layers above" >&2
    exit 1
fi
