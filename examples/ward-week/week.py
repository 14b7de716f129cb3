#!/usr/bin/python3
"""The week of a ward, played with the real program; ends with 1 at the first thing that is not as it must be."""
import argparse
import csv
import os
import shutil
import signal
import sqlite3
import subprocess
import sys

from stage import HERE, LIMIT_S, Device, NotAsItMustBe, Stage, minutes

DATA = os.path.join(HERE, "..", "bach-dang")
PLAN = os.path.join(DATA, "plan.csv")
QUIET_BYTES = 500  # what a round may move when there is nothing to move


def names():
    """The first device of each unit, by devices.csv."""
    first = {}
    with open(os.path.join(DATA, "devices.csv"), encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            first.setdefault(row["unit"], row["name"])
    return first


class Week:
    def __init__(self, stage):
        self.stage, self.must, self.say = stage, stage.must, stage.say
        name = names()
        self.hub, self.cell1, self.cell2, self.cell3, self.office, self.inspector = (
            Device(stage, unit, name[unit]) for unit in ("BXDD", "TDP-01", "TDP-02", "TDP-03", "UBND", "UBKT"))
        self.joined = [self.cell1, self.cell2, self.cell3, self.office, self.inspector]
        self.online = [d for d in self.joined if d is not self.cell3]
        self.all = [self.hub, *self.joined]
        self.settled = 0

    # ---------------------------------------------------------------- Monday

    def found(self):
        self.stage.chapter("Monday: the ward is founded")
        hub = self.hub
        made = hub.run("init", "--ward", "Phường Bạch Đằng", "--unit", hub.unit, "--unit-name", "Ban Xây dựng Đảng", "--device", hub.name)
        self.say(f"The Party-building board founds the ward {made['ward'][:8]} on the device that will be its hub.")
        counts = hub.run("plan", "import", PLAN)
        self.say(f"It imports the plan: {counts['units']['added'] + counts['units']['changed']} units, {counts['tasks']['added']} tasks, "
                 f"{counts['proposals']['added']} models given from above.")
        self.must((counts["plans"]["added"], counts["tasks"]["added"], counts["proposals"]["added"]) == (1, 201, 11),
                  "the whole plan is in", counts)
        again = hub.run("plan", "import", PLAN)
        self.must(all(again[k]["added"] == again[k]["changed"] == 0 for k in ("plans", "units", "tasks", "proposals")),
                  "importing it again changes nothing", again)

        self.say("It gives the first cells joint work:")
        joint = [("C-01", "Ngày Chủ nhật xanh", "TDP-01", ["TDP-02"], "2026-05-31"),
                 ("C-02", "Tuyên truyền về sản phẩm nhựa dùng một lần", "TDP-01", ["TDP-02"], "2026-06"),
                 ("C-03", "Sửa loa truyền thanh hai tổ", "TDP-02", ["TDP-01"], "2026-06-15"),
                 ("C-04", "Khảo sát nhà văn hóa chung", "TDP-01", ["TDP-02"], "2026-Q3"),
                 ("C-05", "Giao ban liên tổ", "TDP-01", ["TDP-02"], "every:month"),
                 ("U-01", "Điểm đổi rác lấy cây", "UBND", ["TDP-03"], "2026-08-31"),
                 ("U-02", "Rà soát hộ kinh doanh hai bên chợ", "UBND", ["TDP-01", "TDP-03"], "2026-Q3")]
        for code, title, lead, others, due in joint:
            hub.run("task", "add", title, "--code", code, "--lead", lead, "--due", due, *[w for o in others for w in ("--with", o)])
            self.say(f"  {code} {title}: {lead} with {', '.join(others)}, due {due}")

    def join(self):
        self.stage.chapter("Monday: five laptops join")
        hub = self.hub
        hub.serve()
        self.say(f"The hub answers on {hub.address}.")
        for device in self.joined:
            role = ["--role", "inspector"] if device is self.inspector else []
            code = hub.run("invite", "--unit", device.unit, "--hub", hub.address, *role)["code"]
            joined = device.run("join", code, "--device", device.name)
            first = joined["sync"]
            device.take(first)
            self.say(f"{device.name} ({device.unit}, {joined['role']}) joins: {first['received']} changes, {first['bytes_in']} bytes in, "
                     f"{first['ms']} ms.")
        for device in self.online:  # by now every laptop hears of the later ones, over the address it remembers
            device.sync()
        self.only_their_own()
        everything = hub.status()["changes"]
        self.must(self.inspector.status()["changes"] == everything, f"the inspector holds everything: {everything} changes")

    def only_their_own(self):
        at_hub = self.hub.spaces()
        for device in self.joined:
            held = set(device.spaces())
            may = {i for i, s in at_hub.items()
                   if device is self.inspector or s["name"] == "ward" or device.unit in s["name"].split("+")}
            self.must(held == may, f"{device.name} holds {len(held)} of the hub's {len(at_hub)} spaces, and just those of its unit",
                      sorted(at_hub[i]["name"] if i in at_hub else i for i in held ^ may))

    # ---------------------------------------------------------------- Tuesday to Thursday

    def offline(self):
        self.stage.chapter("Tuesday to Thursday: everybody is offline, and works")
        self.hub.down()
        for device in self.all:
            before = device.status()
            {self.hub: self.at_hub, self.office: self.at_office, self.inspector: self.at_inspector}.get(device, self.at_cell)(device)
            after = device.status()
            device.figures["written"] = after["changes"] - before["changes"]
            self.say(f"{device.name} writes {device.figures['edits']} times: {device.figures['written']} changes, "
                     f"{after['unsent']} wait to be sent.")
            if device is not self.hub:
                self.must(after["unsent"] - before["unsent"] == device.figures["written"] and after["exit"] == 1,
                          "and status says how many wait", after)
        edits = sum(d.figures["edits"] for d in self.all)
        self.must(edits >= 100, f"more than a hundred edits in all: {edits}")
        late = self.cell1.sync("--timeout", "2")
        self.must(late["exit"] == 1 and not late["reached"] and late["unsent"] > 0,
                  f"with no network, sync ends with 1 and says what waits: {late['unsent']} changes", late)

    def at_cell(self, cell):
        """A cell's own work, then the joint tasks, each in its way."""
        number = int(cell.unit[-2:])
        own, resolution, report = (f"{s}.{cell.unit}" for s in ("II.1-03", "III.5-01", "III.5-02"))
        for percent in range(10, 80, 10):
            cell.edit("task", "set", own, f"percent={percent}", "status=doing")
            cell.edit("task", "set", own, f"reached=+{number}")
        for day in range(1, 9):
            cell.edit("task", "note", own, f"Sinh hoạt chi bộ, buổi {day}: thêm {number} đảng viên được phổ biến")
        cell.edit("task", "set", resolution, "obstacle=chưa có hướng dẫn", "way_out=đề nghị Ban Xây dựng Đảng hướng dẫn")
        cell.edit("task", "round", report, "2026-Q3")
        cell.edit("report", "add", "Báo cáo quý 3", "--task", report, "--period", "2026-Q3", "--body", f"Tổ {number}: đúng tiến độ")
        cell.edit("report", "add", "Kiến nghị", "--body", "Đề nghị sửa đèn ngõ", "--obstacle", "thiếu kinh phí")
        cell.edit("proposal", "add", f"Ngõ xanh tổ {number}", "--code", f"MH-{cell.unit}", "purpose=Ngõ sạch, có cây", "targets=12 ngõ",
                  "measures=Mỗi nhà một chậu cây", "resources=Xã hội hóa", "roadmap=Quý 3 làm thử, quý 4 mở rộng", "assigned=Chi bộ")
        cell.edit("proposal", "submit", f"MH-{cell.unit}")
        if cell is self.cell1:
            cell.edit("task", "set", "C-01", "person=Bí thư chi bộ 1")
            cell.edit("task", "set", "C-02", "percent=40")
            cell.edit("task", "set", "C-03", "status=doing")
            cell.edit("task", "set", "C-04", "percent=20")
            cell.edit("task", "round", "C-05", "2026-06")
            cell.edit("task", "set", "U-02", "obstacle=Nhiều hộ vắng nhà ban ngày")
        elif cell is self.cell2:
            cell.edit("task", "set", "C-01", "budget=5 triệu đồng")
            cell.edit("task", "set", "C-02", "percent=60")
            cell.edit("task", "set", "C-03", "status=doing")
            cell.edit("task", "round", "C-05", "2026-06")
        else:
            cell.edit("task", "set", "U-01", "percent=30")
            cell.edit("task", "set", "U-02", "obstacle=Thiếu danh sách hộ mới")

    def at_office(self, office):
        for n in range(1, 10):
            office.edit("task", "set", f"II.3.1-{n:02}", f"percent={5 * n}", "status=doing")
            office.edit("report", "add", f"Tiến độ mô hình {n}", "--task", f"II.3.1-{n:02}", "--body", f"Đã làm {5 * n} % việc của lộ trình")
        for n in range(1, 46):
            path = self.stage.path("minutes.txt")
            with open(path, "w", encoding="utf-8") as out:
                out.write(minutes(n, 15_000))
            office.edit("task", "note", f"II.3.1-{n % 9 + 1:02}", f"@{path}")
        office.edit("task", "round", "III.2-03", "2026-06")
        office.edit("task", "set", "U-01", "percent=50")
        office.edit("task", "set", "U-02", "percent=25")

    def at_inspector(self, inspector):
        inspector.edit("finding", "add", "Chưa có kế hoạch riêng", "--unit", "TDP-02", "--due", "2026-06-30")
        inspector.edit("finding", "add", "Sổ theo dõi chưa cập nhật", "--task", "II.1-03.TDP-01", "--due", "2026-06")

    def at_hub(self, hub):
        hub.edit("task", "set", "II.1-01", "due=2026-06-15", "status=doing")
        hub.edit("event", "record", "huong-dan-thanh-pho", "--on", "2026-05-20")
        hub.edit("task", "delete", "C-04", "--yes")
        hub.edit("task", "set", "C-01", "due=2026-06-07")

    # ---------------------------------------------------------------- Thursday: two cells meet

    def two_cells(self):
        self.stage.chapter("Thursday evening: two cells meet, no hub in reach")
        one, two = self.cell1, self.cell2
        one.serve()
        met = two.sync(one.address, "--device", one.name)
        self.say(f"{two.name} syncs with {one.name}: {met['sent']} changes there, {met['received']} back, {met['bytes_out']} bytes out, "
                 f"{met['bytes_in']} in, {met['conflicts_new']} new conflict.")
        again = two.sync(one.address, "--device", one.name)
        self.quiet(again, "a second round between them")
        one.down()
        self.must(met["sent"] > 0 and met["received"] > 0, "both have given and taken")
        common = self.same(one, two)
        self.must(common >= 2, f"in the {common} spaces both may read, both hold the same digests")

        for device in (one, two):
            merged = device.task("C-01")
            self.must((merged["person"], merged["budget"], merged["conflicts"]) == ("Bí thư chi bộ 1", "5 triệu đồng", 0),
                      f"{device.unit}: different fields of one task are merged (C-01)", merged)
            disputed = device.task("C-02")
            field = disputed["fields"]["percent"]
            self.must(disputed["provisional"] == ["percent"] and field["provisional"] and
                      {field["value"], *(o["value"] for o in field["others"])} == {40, 60},
                      f"{device.unit}: one field, two values: both stand there, {field['value']} % is shown meanwhile, and marked (C-02)",
                      disputed)
            agreed = device.task("C-03")
            self.must(agreed["status"] == "doing" and agreed["conflicts"] == 0, f"{device.unit}: one field, the same value twice: no conflict (C-03)",
                      agreed)
            rounds = [t for t in device.run("task", "list") if t["code"].startswith("C-05/")]
            self.must(len(rounds) == 1 and rounds[0]["conflicts"] == 0, f"{device.unit}: the June round, opened on both, is one task (C-05/2026-06)",
                      rounds)
            listed = device.conflicts()
            self.must([(c["title"], c["field"]) for c in listed] == [("Tuyên truyền về sản phẩm nhựa dùng một lần", "percent")] and
                      all(v["seen"] == [] for v in listed[0]["values"]),
                      f"{device.unit}: that one conflict is listed, and that neither had seen the other's value", listed)
        one.show("conflict", "show", one.conflicts()[0]["id"][:8])

    # ---------------------------------------------------------------- Friday: the hub is back

    def cut(self):
        self.stage.chapter("Friday: the hub is back, and a link breaks half way")
        hub, office, got = self.hub, self.office, 0
        hub.serve()
        held = hub.status()["changes"]
        waiting = office.plan()
        self.say(f"{office.name} has {waiting['sent']} changes to send.")
        for kibibytes in (160, 200, 240, 280):  # a run of changes counts when it has arrived whole; the first cut may come too early
            proxy, through = self.stage.proxy(hub.address, kibibytes * 1024)
            broken = office.sync(through, "--timeout", "3", codes=(1,))
            self.must(not broken["reached"], f"the link is cut after {kibibytes} KiB: sync ends with 1", broken)
            self.must(proxy.wait(LIMIT_S) == 0, "it was the link that broke")
            got = hub.status()["changes"] - held
            if got:
                break
        office.figures["sent"] += got
        left = waiting["sent"] - got
        self.must(0 < got < waiting["sent"], f"what arrived whole is kept: the hub has {got} of them", got)
        rest = office.sync()
        self.say(f"{office.name} syncs again: {rest['sent']} changes, {rest['bytes_out']} bytes out.")
        self.must(rest["sent"] == left, f"nothing is sent twice: {got} before the cut + {left} after it = {waiting['sent']}", rest)
        self.must(hub.status()["changes"] == held + waiting["sent"] and rest["unsent"] == 0, "the hub holds all of it, once")
        self.quiet(office.sync(), "a second round")

    def others(self):
        self.stage.chapter("Friday: the others come by")
        for device in (self.cell1, self.cell2, self.inspector):
            waiting = device.plan()
            round_ = device.sync()
            self.say(f"{device.name}: sent {round_['sent']}, received {round_['received']}, {round_['bytes_out']} bytes out, "
                     f"{round_['bytes_in']} in, new conflicts {round_['conflicts_new']}.")
            self.must((round_["sent"], round_["received"]) == (waiting["sent"], waiting["received"]), "just what --plan foretold", (waiting, round_))
            self.quiet(device.sync(), "a second round")
            if device is self.cell1:
                brought = {v["unit"] for c in self.hub.conflicts() for v in c["values"]}
                self.must({"TDP-01", "TDP-02"} <= brought, "with its own it brings the hub what the other cell had written", brought)

    def stick(self):
        self.stage.chapter("Friday: the third cell has no network, only a stick")
        cell, hub = self.cell3, self.hub
        self.carry(cell, hub)
        self.carry(hub, cell)
        self.must(self.same(cell, hub) == len(cell.spaces()), "in all the cell may read, cell and hub hold the same digests")
        titles = {(c["title"], c["field"]) for c in cell.conflicts()}
        self.must(titles == {("Điểm đổi rác lấy cây", "percent"), ("Rà soát hộ kinh doanh hai bên chợ", "obstacle")},
                  "conflicts come by the stick as well", titles)

    def carry(self, writer, reader):
        path = self.stage.path("stick.wsb")
        addressee = [] if reader is self.hub else ["--for", reader.name]
        written = writer.run("bundle", "write", path, "--since-last", *addressee)
        self.must(os.path.getsize(path) == written["bytes"], f"{writer.name} writes {written['changes']} changes to the stick, "
                  f"{written['bytes']} bytes")
        read = reader.run("bundle", "read", path, codes=(0, 1))
        self.must(read["refused"] == 0 and read["applied"] + read["known"] == written["changes"],
                  f"{reader.name} reads it: {read['applied']} new, {read['known']} known, {read['conflicts_new']} new conflicts", read)
        twice = reader.run("bundle", "read", path, codes=(0, 1))
        self.must(twice["applied"] == 0, "reading it again changes nothing", twice)
        writer.figures["sent"] += written["changes"]
        writer.figures["bytes_out"] += written["bytes"]
        reader.figures["received"] += read["applied"]
        reader.figures["bytes_in"] += written["bytes"]
        os.remove(path)

    # ---------------------------------------------------------------- Saturday: the operator settles

    def settle(self):
        self.stage.chapter("Saturday: the operator settles every conflict")
        hub = self.hub
        listed = hub.conflicts()
        found = {(c["title"], c["field"]) for c in listed}
        self.must(found == {("Tuyên truyền về sản phẩm nhựa dùng một lần", "percent"), ("Khảo sát nhà văn hóa chung", "presence"),
                            ("Điểm đổi rác lấy cây", "percent"), ("Rà soát hộ kinh doanh hai bên chợ", "obstacle")},
                  "the hub lists them all: three fields and an edit against a deletion", found)
        hub.show("conflict", "list")
        for conflict in listed:
            why = f"đã thống nhất với các đơn vị: {conflict['title']}"
            choice = ["--take", str(max(conflict["values"], key=lambda v: str(v["value"]))["n"])]
            if conflict["field"] == "presence":
                choice = ["--value", "keep"]
            elif conflict["field"] == "obstacle":
                choice = ["--value", "; ".join(sorted(v["value"] for v in conflict["values"]))]
            hub.run("conflict", "resolve", conflict["id"], *choice, "--why", why)
            self.settled += 1
            self.say(f"  {conflict['title']}, {conflict['field']}: {choice[1]}")
        self.must(hub.conflicts() == [], f"{self.settled} settled, none is left")
        self.must(hub.task("C-04")["percent"] == 20, "the deleted task is kept, and with it the edit")
        selected = hub.run("proposal", "select", "MH-TDP-01", "--why", "Ban Thường vụ thống nhất")
        self.must(len(selected["id"]) == 32, "and the Standing Committee selects a model")

    def final(self):
        self.stage.chapter("Saturday: a last round for everybody")
        hub = self.hub
        for device in self.online:
            round_ = device.sync()
            self.must(round_["exit"] == 0, f"{device.name}: sent {round_['sent']}, received {round_['received']}, nothing is left open", round_)
        for device in self.online:
            self.quiet(device.sync(), f"{device.name}: a second round")
        self.carry(hub, self.cell3)
        self.carry(self.cell3, hub)
        hub.down()
        self.only_their_own()
        for device in self.joined:
            count = self.same(hub, device)
            self.must(count == len(device.spaces()), f"{device.name} and the hub hold the same digests in all {count} spaces of the device")
            status = device.status()
            self.must(status["conflicts"] == 0, f"{device.name} shows no conflict any more", status)
        for device, code in ((self.cell1, "C-02"), (self.cell2, "C-02"), (self.cell3, "U-01"), (self.office, "U-01")):
            log = device.run("task", "log", code)
            task = device.task(code)
            self.must(task["fields"]["percent"]["unit"] == hub.unit and any("đã thống nhất" in (c.get("reason") or "") for c in log),
                      f"{device.name} shows the choice ({task['percent']} %), who made it and why ({code})", task)

    def same(self, a, b):
        """In how many spaces both hold; each must have one digest."""
        left, right = a.spaces(), b.spaces()
        for space in left.keys() & right.keys():
            if (left[space]["digest"], left[space]["changes"]) != (right[space]["digest"], right[space]["changes"]):
                raise NotAsItMustBe(f"{a.name} and {b.name} hold the same in {left[space]['name']}\n  found: {left[space]} and {right[space]}")
        return len(left.keys() & right.keys())

    def quiet(self, round_, what):
        total = round_["bytes_out"] + round_["bytes_in"]
        self.must((round_["sent"], round_["received"]) == (0, 0) and total <= QUIET_BYTES, f"{what} moves nothing: {total} bytes", round_)

    # ---------------------------------------------------------------- Sunday: everything is checked

    def check(self):
        self.stage.chapter("Sunday: everything is checked")
        for device in self.all:
            verified = device.run("verify", "--full")
            self.must(verified["bad"] == 0 and verified["changes"] == device.status()["changes"],
                      f"{device.name}: {verified['changes']} changes, {verified['seals']} seals, {verified['records']} records, none is bad",
                      verified)
        self.tamper()

    def tamper(self):
        """Somebody changes one byte in a change of the second cell, on a copy of the first cell's disk."""
        copy = self.stage.path("tampered")
        shutil.copytree(self.cell1.home, copy)
        author = next(d["id"] for d in self.cell1.run("device", "list") if d["name"] == self.cell2.name)
        with sqlite3.connect(os.path.join(copy, "replica.db")) as db:
            segment, feed, first, count, data = db.execute(
                "SELECT s.seg, f.id, s.first, s.count, s.data FROM ward_segment s JOIN ward_feed f USING (fid)"
                " WHERE f.grant_id = ? ORDER BY s.codec, length(s.data) DESC LIMIT 1", (bytes.fromhex(author),)).fetchone()
            at = len(data) // 2
            db.execute("UPDATE ward_segment SET data = ? WHERE seg = ?", (data[:at] + bytes([data[at] ^ 1]) + data[at + 1:], segment))
        db.close()
        self.say(f"On a copy of a replica one bit is turned: feed {feed.hex()[:8]}, changes {first} to {first + count - 1}, byte {at}.")
        verified = self.stage.run(copy, "verify", codes=(1,))
        named = [b for b in verified["found"] if b["feed"] == feed.hex() and first <= b["seq"] < first + count]
        self.must(verified["bad"] > 0 and named, f"verify ends with 1 and names it: feed {feed.hex()[:8]}, "
                  f"change {named[0]['seq'] if named else '?'}: {named[0]['message'] if named else ''}", verified)
        self.stage.show(copy, "verify")
        self.must(self.cell1.run("verify")["bad"] == 0, "the replica it was copied from is clean")

    def summary(self):
        self.stage.chapter("The week in figures")
        columns = ("edits", "changes", "rounds", "sent", "received", "bytes out", "bytes in", "spaces", "held")
        print(f"{'':20}" + "".join(f"{c:>11}" for c in columns) + "  digest")
        for device in self.all:
            status, f = device.status(), device.figures
            row = (f["edits"], f["written"], f["rounds"], f["sent"], f["received"], f["bytes_out"], f["bytes_in"], len(status["spaces"]),
                   status["changes"])
            print(f"{device.name:20}" + "".join(f"{n:>11}" for n in row) + f"  {status['digest'][:8]}")
        print(f"Edits: {sum(d.figures['edits'] for d in self.all)}; conflicts settled: {self.settled}; things checked: {self.stage.checks}.")

    def play(self):
        for act in (self.found, self.join, self.offline, self.two_cells, self.cut, self.others, self.stick, self.settle, self.final, self.check,
                    self.summary):
            act()


def main():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--lang", choices=("vi", "en"), default="en")
    arguments.add_argument("--keep", action="store_true")
    arguments.add_argument("program")
    given = arguments.parse_args()
    sys.stdout.reconfigure(encoding="utf-8", line_buffering=True)
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda number, _: sys.exit(128 + number))
    stage = Stage(given.program, given.lang)
    try:
        Week(stage).play()
    except (NotAsItMustBe, subprocess.TimeoutExpired) as error:
        print(f"\nward-week: not as it must be: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    finally:
        stage.close(given.keep)
    print("\nward-week: all as it must be")
    return 0


if __name__ == "__main__":
    sys.exit(main())
