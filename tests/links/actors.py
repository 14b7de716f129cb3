"""Who acts in a storm: cells and the hub, each with dice of its own, so that what they do depends on the seed and not on one another."""
import os
import random
import time

from crew import Device

JOINT_FIELDS = ("person", "budget", "way_out")


class Ledger:
    """What was written, and with which exit code: the yardstick of the end."""

    def __init__(self):
        self.edits = []  # (token, device, command's words, exit code or None)
        self.counted = {}  # task -> [surely added, perhaps added]

    def wrote(self, token, device, words, answer):
        self.edits.append((token, device.name, words, answer.code))

    def added(self, task, answer):
        sums = self.counted.setdefault(task, [0, 0])
        if answer.code is None:
            sums[1] += 1
        elif answer.code in (0, 1):
            sums[0] += 1


class Actor:
    def __init__(self, storm, device, dice):
        self.storm, self.device, self.dice, self.n = storm, device, dice, 0
        self.crew, self.ledger = storm.crew, storm.ledger
        self.steps = self.reached = self.unreached = 0

    def token(self):
        self.n += 1
        return f"{self.device.name}.{self.n}"

    def fatal_moment(self, often, up_to):
        """Now and then: after how many seconds to kill it."""
        moment = self.dice.random() * up_to
        return moment if self.dice.random() < often else None

    def run(self, *words, kill=None):
        return self.device.run(*words, codes=(None, 0, 1, 2), kill_after=kill)

    # ---- what anybody may do

    def edit(self):
        token, kill, kind, task = self.token(), self.fatal_moment(0.15, self.storm.short), self.dice.randrange(6), self.dice.choice(self.tasks())
        size = self.dice.choice((0, 0, 40, 400, 4000))
        text = token + " " + "".join(self.dice.choice("abcdefghijklmnop ") for _ in range(size))
        if kind == 0:
            words = ("task", "note", task, text)
        elif kind == 1:
            words = ("report", "add", text[:150], "--task", task)
        elif kind == 2:
            answer = self.run("task", "set", task, "reached=+1", kill=kill)
            self.ledger.added(task, answer)
            return
        else:
            words = ("task", "set", task, f"{self.dice.choice(JOINT_FIELDS)}={text[:150]}")
        self.ledger.wrote(token, self.device, words, self.run(*words, kill=kill))

    def settle(self):
        token, kill, pick, take = self.token(), self.fatal_moment(0.1, self.storm.short), self.dice.random(), self.dice.choice("12")
        answer = self.run("conflict", "list")
        if answer.json:
            conflict = answer.json[int(pick * len(answer.json))]
            words = ("conflict", "resolve", conflict["id"], "--take", take, "--why", token)
            self.ledger.wrote(token, self.device, words, self.run(*words, kill=kill))

    def look(self):
        self.run(*self.dice.choice((("status",), ("task", "list", "--mine"), ("log",), ("verify",))))


class Cell(Actor):
    def __init__(self, storm, device, dice, number):
        super().__init__(storm, device, dice)
        self.number = number

    def tasks(self):
        return [f"II.1-03.{self.device.unit}", *self.storm.joint_of(self.number), "ALL"]

    def join(self):
        """Again and again with one invitation, killed now and then, until the device is enrolled."""
        code = self.storm.invite(self.device.unit)
        for attempt in range(200):
            answer = self.run("join", code, "--device", self.device.name, "--timeout", self.storm.patience, kill=self.fatal_moment(0.5, self.storm.long / 4))
            if answer.code in (0, 1):
                return attempt
            if answer.error() == "home-exists":  # it was enrolled, and died before it could say so
                self.device.run("status")
                return attempt
        raise self.storm.trouble(f"{self.device.name} cannot join: {answer}")

    def sync(self):
        answer = self.run("sync", "--timeout", self.storm.patience, kill=self.fatal_moment(0.25, self.storm.long))
        if answer.json and "reached" in answer.json:
            self.reached += answer.json["reached"]
            self.unreached += not answer.json["reached"]
            self.crew.must(answer.json["refused"] == 0, "no side refuses what the other sends", answer)

    def serve(self):
        if self.device.server:
            self.device.kill()
        else:
            self.device.serve("tcp://127.0.0.1:0")

    def stick(self):
        """A bundle there or back, written or read by a process that may die of it."""
        there, hub, path = self.dice.random() < 0.5, self.storm.hub.device, self.device.home + ".wsb"
        moments = [self.fatal_moment(0.15, self.storm.short) for _ in range(2)]
        if there:
            writer, reader, to = self.device, hub, ()
        else:
            writer, reader, to = hub, self.device, ("--for", self.device.name)
        written = writer.run("bundle", "write", path, *to, codes=(None, 0, 1, 2), kill_after=moments[0])
        if written.code in (0, 1):
            read = reader.run("bundle", "read", path, codes=(None, 0, 1, 2), kill_after=moments[1])
            if read.json and "refused" in read.json:
                self.crew.must(read.json["refused"] == 0, "nothing in a bundle is refused", read)
            os.remove(path)

    def step(self):
        self.steps += 1
        deeds = (self.edit, self.sync, self.serve, self.settle, self.stick, self.look)
        self.dice.choices(deeds, (12, 6, 2, 1, 1, 1))[0]()


class Hub(Actor):
    def tasks(self):
        return self.storm.every_task()

    def serve(self):
        """On its own address; one that was killed has left it free."""
        deadline = time.monotonic() + 30
        while not self.device.serve(self.device.address or self.storm.hub_listens, "0"):
            if time.monotonic() > deadline:
                raise self.storm.trouble(f"the hub cannot listen again: {self.device.said()[-1000:]}")

    def die(self):
        with self.storm.hub_lock:
            self.device.kill()
            self.serve()

    def step(self):
        self.steps += 1
        deeds = (self.edit, self.settle, self.die, self.look)
        self.dice.choices(deeds, (8, 3, 2, 1))[0]()


def dice_of(seed, name):
    return random.Random(f"{seed}/{name}")


def device(storm, name, unit, prefix):
    return Device(storm.crew, name, unit, prefix)
