#!/usr/bin/env bash
# Both languages on a machine with no locale but C.UTF-8, and a translation for every message.
. "$(dirname "$0")/lib.sh"
source=$here/../../cli

says() { # NAME LANGUAGE ASSIGNMENT...
    local name=$1 lang=$2 usage='^Usage:'
    [ "$lang" = vi ] && usage='^Cách dùng:'
    shift 2
    env -u LANG "$@" "$WARDSYNC" status --help >"$out" 2>"$err"
    is "$name" grep -q "$usage" "$out"
}
says "no locale at all: English" en A=
says "LANG=vi_VN.UTF-8, though it is not generated: Vietnamese" vi LANG=vi_VN.UTF-8
says "LC_ALL=vi_VN.UTF-8" vi LC_ALL=vi_VN.UTF-8
says "LC_MESSAGES=vi_VN" vi LC_MESSAGES=vi_VN
says "LANGUAGE=vi:en" vi LANGUAGE=vi:en LANG=C.UTF-8
says "LANG=C: English" en LANG=C
says "LC_ALL=C before LANG=vi_VN.UTF-8: English" en LC_ALL=C LANG=vi_VN.UTF-8

LANG=vi_VN.UTF-8 expect "--lang en before the locale" 0 '^Usage:' --lang en status --help
LC_ALL=C expect "--lang vi in the locale C" 0 '^Cách dùng:' status --help --lang=vi
expect "errors of the library in Vietnamese" 2 'Máy này chưa có thư mục dữ liệu' --lang vi --home "$work/none" status
expect "their hint too" 2 'wardsync join MÃ' --lang vi --home "$work/none" status

if command -v xgettext >/dev/null && command -v msgcmp >/dev/null; then
    (cd "$source" && xgettext --from-code=UTF-8 --language=C --keyword=_ --keyword=N_ --keyword=ngettext:1,2 -o "$work/all.pot" ./*.[ch])
    msgcmp "$source/po/vi.po" "$work/all.pot" >"$out" 2>"$err"
    is "every message is translated" test $? -eq 0
    msgfmt --check-format --statistics -o /dev/null "$source/po/vi.po" >"$out" 2>&1
    is "no translation is fuzzy or missing" grep -Eq '^[0-9]+ translated messages\.$' "$out"
else
    skip "every message is translated" "gettext's tools are not here"
fi
