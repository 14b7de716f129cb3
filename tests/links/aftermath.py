"""What must be so when the storm is over."""
import re
import time

ROUNDS = 3  # all cells one after another: by then everything has been everywhere
FILES = {"replica.db", "replica.db-wal", "replica.db-shm", "replica.lock", "device.key", "root.key"}
TOKEN = re.compile(r"(?:hub|cell-\d\d|apart-\d\d)\.\d+")


class Aftermath:
    def __init__(self, storm):
        self.storm, self.crew, self.ledger = storm, storm.crew, storm.ledger
        self.hub, self.cells = storm.hub.device, [c.device for c in storm.cells]
        self.pairs, self.told = [], ""

    def write_apart(self):
        """Neighbours write the same field of their joint task without sight of each other: so many conflicts there must be, or the field was in
        conflict already."""
        for number, cell in enumerate(self.cells if len(self.cells) > 1 else []):
            other, task, tokens = self.cells[(number + 1) % len(self.cells)], f"J-{number:02}", []
            for writer, n in ((cell, 0), (other, 1)):
                token = f"apart-{number:02}.{n}"
                answer = writer.run("task", "set", task, f"product={token}", codes=(0, 1, 2))
                self.ledger.wrote(token, writer, ("apart",), answer)
                tokens.append(token if answer.code in (0, 1) else None)
            self.pairs.append((task, tokens))

    def level(self):
        begun, moved = time.monotonic(), 0
        for _ in range(ROUNDS):
            moved = 0
            for cell in self.cells:
                answer = cell.run("sync", "--timeout", "30")
                self.crew.must(answer.json["reached"] and answer.json["unsent"] == 0 and answer.json["refused"] == 0, f"{cell.name} is level", vars(answer))
                moved += answer.json["sent"] + answer.json["received"]
        self.crew.must(moved == 0, "after three rounds nothing moves any more", moved)
        self.told = f"level after {time.monotonic() - begun:.1f} s"

    def check(self, idle):
        self.descriptors(idle)
        self.hub.kill(15)
        self.equal()
        self.history()
        self.sums()
        self.conflicts()
        for device in (self.hub, *self.cells):
            verified = device.run("verify", "--full").json
            self.crew.must(verified["bad"] == 0, f"verify of {device.name} is clean", verified)
            left = self.crew.files(device) - FILES
            self.crew.must(not left, f"no file is left over at {device.name}", left)
            bad = [line for line in device.said().splitlines() if re.search(r"were refused \(\d+\)|Sanitizer|runtime error", line)]
            self.crew.must(not bad, f"serve of {device.name} refused nothing and broke nowhere", bad)

    def descriptors(self, idle):
        """All cells have left: the hub's serve holds no more than it did before the first of them came."""
        deadline = time.monotonic() + 60
        while self.hub.descriptors() > idle + 2 and time.monotonic() < deadline:
            time.sleep(0.2)
        self.crew.must(self.hub.descriptors() <= idle + 2, "no descriptor is left over at the hub", (idle, self.hub.descriptors()))

    def equal(self):
        """Space by space the hub's digest, and just the spaces of the unit."""
        at_hub = self.hub.spaces()
        names = {s["id"]: s["name"] for s in self.hub.ask("status")["spaces"]}
        for cell in self.cells:
            own = {i for i, name in names.items() if name == "ward" or cell.unit in name.split("+")}
            held = cell.spaces()
            self.crew.must(held.keys() == own, f"{cell.name} holds the spaces of its unit", (sorted(names[i] for i in own ^ held.keys())))
            self.crew.must(all(at_hub[i] == held[i] for i in held), f"{cell.name} and the hub hold the same",
                           {names[i]: (at_hub[i], held[i]) for i in held if at_hub[i] != held[i]})

    def history(self):
        """What was done is there, once; what was refused is not; what was killed is there once or not at all."""
        found = {}
        for change in self.hub.ask("log"):
            reason = change.get("reason")  # a resolution writes a value once more that somebody had written before
            said = [reason] if reason else [str(op["value"])[:40] for op in change["ops"]]
            for token in {t for text in said for t in TOKEN.findall(text)}:
                found[token] = found.get(token, 0) + 1
        for token, device, words, code in self.ledger.edits:
            times = found.pop(token, 0)
            good = times == 1 if code in (0, 1) else times == 0 if code == 2 else times <= 1
            self.crew.must(good, f"{token} of {device} ({' '.join(words)[:60]}), exit code {code}, is in the hub's history", times)
        self.crew.must(not found, "there is nothing in the history that nobody wrote", found)

    def sums(self):
        for task, (sure, perhaps) in self.ledger.counted.items():
            reached = self.hub.ask("task", "show", task)["reached"] or 0
            self.crew.must(sure <= reached <= sure + perhaps, f"all that was counted on {task} is in the sum", (sure, perhaps, reached))

    def conflicts(self):
        """Everyone sees the conflicts of its spaces, and those that must be are there."""
        at_hub = {c["id"]: c for c in self.hub.ask("conflict", "list")}
        seen = set()
        for cell in self.cells:
            for conflict in cell.ask("conflict", "list"):
                seen.add(conflict["id"])
                there = at_hub.get(conflict["id"])
                self.crew.must(there and values(there) == values(conflict), f"{cell.name} and the hub see the same conflict", (conflict, there))
        shared = {space for cell in self.cells for space in cell.spaces()}
        inside = {i for i, c in at_hub.items() if c["space"] in shared}
        self.crew.must(inside <= seen, "what the hub sees the cells see", inside - seen)
        for task, tokens in self.pairs:
            field = self.hub.ask("task", "show", task)["fields"].get("product", {"value": None, "others": []})
            shown = {field["value"], *(o["value"] for o in field["others"])}
            self.crew.must({t for t in tokens if t} <= shown, f"both values written apart on {task} are shown", (tokens, field))
        self.told += f", {len(at_hub)} conflicts open, {sum(all(t) for _, t in self.pairs)} made apart"


def values(conflict):
    return sorted(str(v["value"]) for v in conflict["values"])
