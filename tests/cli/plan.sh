#!/usr/bin/env bash
# The plan's commands, one after another, in both languages and as JSON.
# shellcheck disable=SC2016 # some strings are for an inner shell
. "$(dirname "$0")/lib.sh"

export WARDSYNC_TODAY=2026-05-20
found "$work/home"

# done_json NAME EXPRESSION ARGS...: exit 0, one JSON document on stdout of which the expression holds.
done_json() {
    local name=$1 expression=$2
    shift 2
    ward --json "$@"
    if [ "$rc" -ne 0 ]; then
        echo "#   exit code $rc"
        not_ok "$name"
        return
    fi
    holds "$name" "$expression"
}
id_of() { json 'd["id"]'; }

done_json "unit add" 'len(d["id"]) == 32 and d["code"] == "CB01"' unit add CB01 "Chi bộ tổ dân phố số 1"
expect "unit add, plain: its id" 0 '^[0-9a-f]{32}$' unit add UBND "Ủy ban nhân dân phường" --kind peoples-committee --parent BXDD
done_json "unit list" '[u["code"] for u in d] and {u["code"]: u["kind"] for u in d}["UBND"] == "peoples-committee"' unit list
expect "unit list, plain" 0 "^UBND +Ủy ban nhân dân phường +People's Committee +BXDD" unit list
expect "unit list in Vietnamese" 0 '^UBND +Ủy ban nhân dân phường +(Uỷ|Ủy) ban nhân dân' unit list --lang vi

cat >"$work/plan.csv" <<'CSV'
row,code,number,title,owner,select_max
plan,KH-01,01-KH/DU,Kế hoạch thử,BXDD,2

row,code,name,kind,parent
unit,MTTQ,Mặt trận Tổ quốc phường,fatherland-front,

row,code,title,lead,with,due,section
task,II.1-01,Xây dựng kế hoạch triển khai,BXDD,"UBND,MTTQ",2026-05,II.1
task,II.2-01,Xây dựng chương trình hành động,BXDD,UBND,2026-Q3,II.2

row,code,title,unit,origin
proposal,MH-01,Mô hình được giao,UBND,given
CSV
ward --json plan import "$work/plan.csv" --dry-run
if [ "$rc" -eq 0 ]; then
    holds "plan import --dry-run" 'd["dry_run"] is True and d["tasks"]["added"] == 2'
    done_json "the dry run wrote nothing" 'd == []' task list
    done_json "plan import" 'd["tasks"]["added"] == 2 and d["units"]["added"] == 1 and d["proposals"]["added"] == 1' plan import "$work/plan.csv"
    ward --json plan import "$work/plan.csv"
    holds "plan import twice changes nothing" 'd["tasks"]["added"] == 0 and d["tasks"]["changed"] == 0 and d["tasks"]["unchanged"] == 2'
    expect "plan import, plain" 0 '^nhiệm vụ +0 +0 +2' plan import "$work/plan.csv" --lang vi
    done_json "plan show" 'd["plans"][0]["code"] == "KH-01" and d["tasks"]["total"] == 2 and d["proposals"]["total"] == 1' plan show
    expect "plan show, plain" 0 '^Tasks: 2, overdue: 0' plan show
    expect "plan show in Vietnamese" 0 '^Nhiệm vụ: 2, quá hạn: 0' plan show --lang vi
else
    not_ok "plan import --dry-run"
fi

done_json "task add" 'len(d["id"]) == 32' task add "Tuyên truyền sâu rộng" --code A-01 --lead UBND --with CB01 --due 2026-05-10 --section II.1 \
    --product "bản tin" --target 100 --measure "%" --person "cán bộ văn hoá" --budget "ngân sách phường" --body "chi tiết"
task=$(id_of)
done_json "task add, recurring" 'len(d["id"]) == 32' task add "Báo cáo tiến độ" --code A-02 --lead UBND --due every:month --section III.2
done_json "task add, on an event" 'len(d["id"]) == 32' task add "Kế hoạch riêng" --code A-03 --lead UBND --due event:huong-dan+10
done_json "task add, standing" 'len(d["id"]) == 32' task add "Việc thường xuyên" --code A-04 --lead CB01 --due standing

done_json "task list" 'len([t for t in d if t["code"].startswith("A-")]) == 4' task list
holds "a row has what the contract names" \
    '{"id", "code", "title", "lead", "with", "due", "status", "percent", "conflicts"} <= set(d[0]) and [t["with"] for t in d if t["code"] == "A-01"] == [["CB01"]]'
done_json "task list --overdue" '[t["code"] for t in d] == ["A-01"] and d[0]["overdue"] and d[0]["days_left"] == -10' task list --overdue
done_json "task list --due-within" '"A-01" in [t["code"] for t in d] and "A-04" not in [t["code"] for t in d]' task list --due-within 2w
done_json "task list --unit" '{t["code"] for t in d} == {"A-01", "A-04"}' task list --unit CB01
done_json "task list --mine" 'all("BXDD" in [t["lead"], *t["with"]] for t in d)' task list --mine
done_json "task list --section" '{t["section"] for t in d} == {"III.2"}' task list --section III
done_json "task list --status" 'd == []' task list --status "done"
done_json "an event that has not happened: dormant" '[t["dormant"] for t in d if t["code"] == "A-03"] == [True]' task list
expect "task list, plain" 0 '^A-01 +Tuyên truyền sâu rộng +UBND +CB01 +2026-05-10 +2026-05-10 +not started +0 % +overdue' task list
expect "task list in Vietnamese" 0 '^A-02 +Báo cáo tiến độ +UBND +hằng tháng +chưa bắt đầu' task list --lang vi

done_json "task set" 'len(d["id"]) == 32' task set A-01 status=doing percent=40 "obstacle=thiếu kinh phí" reached=+25 documents=+CV-12
done_json "task show by code" 'd["status"] == "doing" and d["percent"] == 40 and d["reached"] == 25 and d["documents"] == ["CV-12"]' task show A-01
holds "fields with their authors" \
    '(lambda f: f["value"] == 40 and f["by"] == "hub" and f["unit"] == "BXDD" and f["at"].endswith("Z") and f["others"] == [])(d["fields"]["percent"])'
done_json "task show by id" 'd["code"] == "A-01"' task show "$task"
expect "task show, plain" 0 '^status +under way +BXDD / hub' task show A-01
expect "task show in Vietnamese" 0 '^trạng thái +đang làm +BXDD / hub' task show A-01 --lang vi
printf 'Dòng một\nDòng hai\n' >"$work/note.txt"
done_json "task note from a file" 'len(d["id"]) == 32' task note A-01 "@$work/note.txt"
printf 'Từ đầu vào' | "$WARDSYNC" task note A-01 - >"$out" 2>"$err"
is "task note from stdin" test $? -eq 0
done_json "notes are shown" '{n["text"] for n in d["notes"]} == {"Dòng một\nDòng hai", "Từ đầu vào"}' task show A-01
done_json "task log" 'any(o["field"] == "percent" and o["value"] == 40 for c in d for o in c["ops"]) and d[0]["unit"] == "BXDD"' task log A-01
expect "task log, plain" 0 'BXDD / hub +.*percent +40 %' task log A-01

done_json "task round" 'd["created"] is True' task round A-02 2026-06
first=$(id_of)
ward --json task round A-02 2026-06
holds "the same round again is the same task" "d['created'] is False and d['id'] == '$first'"
done_json "the round is due on its last day" 'd["last_day"] == "2026-06-30" and d["period"] == "2026-06"' task show "$first"
expect "a round of a task that does not recur" 2 'not possible from the present state' task round A-01

done_json "event record" 'len(d["id"]) == 32' event record huong-dan --on 2026-05-12 --text "văn bản của thành phố"
done_json "event list" 'd[0]["name"] == "huong-dan" and d[0]["on"] == "2026-05-12"' event list
expect "event list, plain" 0 '^huong-dan +2026-05-12' event list
done_json "what waited is due now" '[(t["dormant"], t["last_day"]) for t in d if t["code"] == "A-03"] == [(False, "2026-05-22")]' task list

done_json "report add on a task" 'len(d["id"]) == 32' report add "Tiến độ tuần" --task A-01 --body "đã phát 3 bản tin" --obstacle "loa hỏng" --way-out "sửa loa"
report=$(id_of)
done_json "report add on a period" 'len(d["id"]) == 32' report add "Báo cáo tháng 5" --period 2026-05 --body "@$work/note.txt"
done_json "report list" 'len(d) == 2' report list
done_json "report list --task" '[r["task"] for r in d] == ["A-01"]' report list --task "$task"
done_json "report list --period" '[r["period"] for r in d] == ["2026-05"]' report list --period 2026-05
done_json "report show" 'd["body"] == "đã phát 3 bản tin" and d["fields"]["obstacle"]["by"] == "hub"' report show "$report"
expect "report show in Vietnamese" 0 'đề xuất tháo gỡ +sửa loa' report show "$report" --lang vi

done_json "finding add" 'len(d["id"]) == 32' finding add "Chưa có kế hoạch riêng" --unit CB01 --due 2026-06-30 --body "kiểm tra ngày 12/5"
finding=$(id_of)
done_json "finding add on a task" 'len(d["id"]) == 32' finding add "Chậm tiến độ" --task A-01
done_json "finding list" 'len(d) == 2 and {f["status"] for f in d} == {"open"}' finding list
done_json "finding set" 'd["id"] != ""' finding set "$finding" status=mended "action=đã ban hành"
done_json "finding list --status" 'len(d) == 1 and d[0]["unit"] == "CB01"' finding list --status mended
done_json "finding show" 'd["status"] == "mended" and d["due"] == "2026-06-30"' finding show "$finding"
expect "finding list in Vietnamese" 0 'đã khắc phục' finding list --lang vi

done_json "proposal add" 'len(d["id"]) == 32' proposal add "Tổ dân phố không rác nhựa" --code MH-50 --unit BXDD "purpose=giảm rác"
expect "proposal submit with something missing" 2 'targets' proposal submit MH-50
done_json "proposal set" 'd["id"] != ""' proposal set MH-50 targets=100 measures=vận-động resources=xã-hội-hoá "roadmap=@$work/note.txt" assigned=CB01
done_json "proposal submit" 'd["id"] != ""' proposal submit MH-50
done_json "proposal select" 'd["id"] != ""' proposal select MH-50 --why "thống nhất"
done_json "proposal list" '{p["code"]: p["state"] for p in d}["MH-50"] == "selected"' proposal list
done_json "proposal list --state" '[p["code"] for p in d] == ["MH-50"]' proposal list --state selected
done_json "proposal show" 'd["state"] == "selected" and d["roadmap"].startswith("Dòng một")' proposal show MH-50
expect "proposal list in Vietnamese" 0 '^MH-50 +Tổ dân phố không rác nhựa +BXDD +tự đề xuất +được chọn' proposal list --lang vi

done_json "task delete" 'd["id"] != ""' task delete A-04 --yes
done_json "a deleted task is not listed" '"A-04" not in [t["code"] for t in d]' task list

done_json "log" 'len(d) > 10 and all({"at", "unit", "device", "hash", "ops"} <= set(c) and len(c["hash"]) == 64 for c in d)' log
done_json "log --unit" 'd == []' log --unit CB01
done_json "log --since" 'd == []' log --since 2200-01-01
expect "log, plain" 0 'BXDD / hub' log
expect "log in Vietnamese" 0 'nhiệm vụ Tuyên truyền sâu rộng' log --lang vi

# The table is aligned by characters, not by bytes.
"$WARDSYNC" unit list >"$out"
python3 - "$out" <<'PY'
import sys
lines = open(sys.argv[1], encoding="utf-8").read().splitlines()
at = lines[0].index("KIND") if "KIND" in lines[0] else lines[0].index("Kind")
sys.exit(not all(line[at - 1] == " " and line[at] != " " for line in lines[1:]))
PY
is "columns are aligned in Vietnamese text" test $? -eq 0
is "no colour and no control characters in a file" bash -c '! grep -q "$(printf "\033")" "$0"' "$out"
if command -v script >/dev/null; then
    script -qec "'$WARDSYNC' task list" /dev/null >"$out" 2>"$err" </dev/null
    is "colour on a terminal" grep -q "$(printf '\033')" "$out"
    NO_COLOR=1 script -qec "'$WARDSYNC' task list" /dev/null >"$out" 2>"$err" </dev/null
    is "NO_COLOR is honoured" bash -c '! grep -q "$(printf "\033\\[[0-9;]*m")" "$0"' "$out"
else
    skip "colour on a terminal" "no script(1) here"
fi
