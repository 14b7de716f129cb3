"""What the story stands on: devices, a hub that can be up or down, a bad link, and the one way to say what must be."""
import json
import os
import random
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import time

LIMIT_S = 120  # for any one command; nothing here waits longer
HERE = os.path.dirname(os.path.abspath(__file__))


class NotAsItMustBe(Exception):
    pass


class Stage:
    def __init__(self, program, lang):
        self.program = os.path.abspath(program)
        self.lang = lang
        self.home = tempfile.mkdtemp(prefix="ward-week.")
        self.running = []
        self.checks = 0
        self.env = {k: v for k, v in os.environ.items() if not k.startswith(("WARDSYNC_", "LC_", "LANG", "XDG_"))}
        self.env["LANG"] = "C.UTF-8"

    def path(self, name):
        return os.path.join(self.home, name)

    def close(self, keep):
        for process in self.running:
            if process.poll() is None:
                process.kill()
            process.wait()
        if keep:
            print(f"\nThe replicas are left in {self.home}")
        else:
            shutil.rmtree(self.home)

    # ---- telling

    def chapter(self, title):
        print(f"\n{title}\n{'-' * len(title)}")

    def say(self, text):
        print(text)

    def must(self, holds, what, found=None):
        """A sentence of the story that has to be true."""
        if not holds:
            raise NotAsItMustBe(what if found is None else f"{what}\n  found: {found}")
        self.checks += 1
        print(f"  [ok] {what}")

    # ---- processes

    def run(self, home, *words, codes=(0,)):
        """One command; its JSON, or its error's. Its exit code must be one of `codes`."""
        command = [self.program, "--home", home, "--lang", self.lang, "--json", *words]
        done = subprocess.run(command, capture_output=True, timeout=LIMIT_S, env=self.env, stdin=subprocess.DEVNULL)
        said = done.stdout if done.stdout.strip() else done.stderr
        shown = " ".join(words)[:120]
        if done.returncode not in codes:
            raise NotAsItMustBe(f"`{shown}` ends with {done.returncode}, not {codes}\n{done.stderr.decode(errors='replace')[:2000]}")
        try:
            answer = json.loads(said)
        except ValueError as error:
            raise NotAsItMustBe(f"`{shown}` answers with one JSON document: {error}\n  found: {said[:500]}") from error
        if isinstance(answer, dict):
            answer["exit"] = done.returncode
        return answer

    def show(self, home, *words):
        """What the program says to people, in their language."""
        done = subprocess.run([self.program, "--home", home, "--lang", self.lang, *words], capture_output=True, timeout=LIMIT_S,
                              env=self.env, stdin=subprocess.DEVNULL)
        print(f"  $ wardsync {' '.join(words)}")
        for line in (done.stdout + done.stderr).decode().rstrip().splitlines():
            print(f"  | {line}")

    def start(self, command, log):
        """Starts what answers on an address, and waits for the line that says which."""
        with open(self.path(log), "ab") as errors:
            process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=errors, stdin=subprocess.DEVNULL, env=self.env)
        self.running.append(process)
        line = self.line(process)
        return process, line.removeprefix("listening on ") if line.startswith("listening on ") else None

    def line(self, process):
        deadline, line = time.monotonic() + LIMIT_S, b""
        while not line.endswith(b"\n"):
            left = deadline - time.monotonic()
            if left <= 0 or not select.select([process.stdout], [], [], left)[0]:
                raise NotAsItMustBe("a line is waited for in vain")
            byte = os.read(process.stdout.fileno(), 1)
            if not byte:
                break
            line += byte
        return line.decode().rstrip("\n")

    def proxy(self, address, limit):
        process, through = self.start([sys.executable, "-B", os.path.join(HERE, "cut_proxy.py"), address, str(limit)], "proxy.log")
        return process, through


class Device:
    """One laptop of one unit."""

    def __init__(self, stage, unit, name):
        self.stage, self.unit, self.name = stage, unit, name
        self.home = stage.path(unit)
        self.server = None
        self.address = None
        self.figures = {"edits": 0, "written": 0, "sent": 0, "received": 0, "bytes_out": 0, "bytes_in": 0, "rounds": 0}

    def run(self, *words, codes=(0,)):
        return self.stage.run(self.home, *words, codes=codes)

    def show(self, *words):
        self.stage.show(self.home, *words)

    def edit(self, *words):
        self.figures["edits"] += 1
        return self.run(*words)

    def status(self):
        return self.run("status", codes=(0, 1))

    def spaces(self):
        return {s["id"]: s for s in self.status()["spaces"]}

    def task(self, reference):
        return self.run("task", "show", reference)

    def conflicts(self):
        return self.run("conflict", "list", codes=(0, 1))

    # ---- meeting others

    def serve(self):
        """Same port as before if it is still free: the others know it."""
        for address in dict.fromkeys((self.address or "tcp://127.0.0.1:0", "tcp://127.0.0.1:0")):
            command = [self.stage.program, "--home", self.home, "--lang", self.stage.lang, "serve", "--listen", address, "--every", "0"]
            self.server, bound = self.stage.start(command, f"{self.unit}.serve.log")
            if bound:
                self.address = bound
                return
        raise NotAsItMustBe(f"{self.name} answers on an address")

    def down(self):
        self.server.send_signal(signal.SIGTERM)
        if self.server.wait(LIMIT_S) != 0:
            raise NotAsItMustBe(f"`serve` of {self.name} ends with 0, not {self.server.returncode}")
        self.server = None

    def take(self, round_):
        for figure in ("sent", "received", "bytes_out", "bytes_in"):
            if round_["reached"] or figure.startswith("bytes"):  # of a round that broke off nothing was confirmed
                self.figures[figure] += round_[figure]
        self.figures["rounds"] += 1

    def plan(self):
        """What a round with the hub would move."""
        return self.run("sync", "--plan", codes=(0, 1))

    def sync(self, *words, codes=(0, 1)):
        round_ = self.run("sync", *words, codes=codes)
        attention = bool(round_["conflicts"] or round_["unsent"] or round_["refused"] or not round_["reached"])
        if round_["exit"] != attention:
            raise NotAsItMustBe(f"sync ends with 1 exactly if something wants attention\n  found: {round_}")
        if round_["refused"]:
            raise NotAsItMustBe(f"no side refuses what the other sends\n  found: {round_}")
        self.take(round_)
        return round_


def minutes(seed, size):
    """The minutes of a long meeting: text that does not pack too well."""
    words = ("chi bộ họp bàn nhiệm vụ tháng phân công tổ dân phố rà soát vận động người dân đoàn thể kinh phí tiến độ loa truyền thanh "
             "trường học sức khỏe môi trường nhựa văn minh hạnh phúc mô hình đề xuất báo cáo kiểm tra quý năm nghị quyết sinh hoạt").split()
    dice, text = random.Random(seed), []
    length = 0
    while length < size:
        word = dice.choice(words) if dice.random() < 0.7 else str(dice.randrange(10**6))
        length += len(word.encode()) + 1
        text.append(word)
    return " ".join(text)
