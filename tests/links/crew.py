"""What the stories stand on: devices that run the real program, each with its own processes, which may be killed; and the one way to say
what must be."""
import json
import os
import re
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time

LIMIT_S = 120  # for any one thing that is waited for
BROKEN = re.compile(r"AddressSanitizer|LeakSanitizer|runtime error:|Assertion .* failed")
# Errors that no fault of a link and no death of a process may bring about.
NEVER = {"internal", "corrupt", "store", "io", "not-a-replica", "fork", "seal", "chain", "depth", "dep-hash", "dep-order", "gap",
         "noncanonical", "operation", "newer", "session-ward", "protocol", "protocol-version", "other-ward", "revoked", "memory", "bundle-damaged"}


class NotAsItMustBe(Exception):
    pass


class Answer:
    """What one command said. `code` is None if it was killed."""

    def __init__(self, words, code, out, err):
        self.words, self.code, self.err = words, code, err
        try:
            self.json = json.loads(out) if out.strip() else None
        except ValueError:
            self.json = None

    def error(self):
        """The name of the error it ended with, if it says one."""
        for line in (self.err, *self.err.splitlines()):
            try:
                return json.loads(line)["error"]["name"]
            except (ValueError, KeyError, TypeError):
                pass
        return None

    def __str__(self):
        return f"`{' '.join(self.words)[:100]}` ended with {self.code}: {self.err.strip()[:600]}"


class Crew:
    """All processes of one run, and the directory they work in."""

    def __init__(self, program):
        self.program = os.path.abspath(program)
        self.home = tempfile.mkdtemp(prefix="ward-links.")
        self.env = {k: v for k, v in os.environ.items() if not k.startswith(("WARDSYNC_", "LC_", "LANG", "XDG_"))}
        self.env.update(LANG="C.UTF-8", ASAN_OPTIONS="exitcode=86:handle_abort=1", UBSAN_OPTIONS="exitcode=86", LSAN_OPTIONS="exitcode=86")
        self.lock = threading.Lock()
        self.processes = set()
        self.errors, self.kills, self.checks = {}, {}, 0

    def path(self, name):
        return os.path.join(self.home, name)

    def start(self, command, err=subprocess.DEVNULL, **pipes):
        """A child of ours; `gone` takes it off the list again."""
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=err, env=self.env, **{"stdin": subprocess.DEVNULL, **pipes})
        with self.lock:
            self.processes.add(process)
        return process

    def gone(self, process):
        for pipe in (process.stdin, process.stdout, process.stderr):
            if pipe:
                pipe.close()
        with self.lock:
            self.processes.discard(process)

    def line(self, process):
        """The next line it prints; empty if it ends without one."""
        deadline, line = time.monotonic() + LIMIT_S, b""
        while not line.endswith(b"\n"):
            left = deadline - time.monotonic()
            if left <= 0 or not select.select([process.stdout], [], [], left)[0]:
                raise NotAsItMustBe(f"{process.args}: a line is waited for in vain")
            byte = os.read(process.stdout.fileno(), 1)
            if not byte:
                break
            line += byte
        return line.decode()

    def run(self, words, prefix=(), kill_after=None):
        """One command to its end, or killed after so many seconds."""
        process = self.start([*prefix, self.program, "--json", *words], err=subprocess.PIPE)
        try:
            out, err = process.communicate(timeout=LIMIT_S if kill_after is None else kill_after)
        except subprocess.TimeoutExpired as late:
            process.kill()
            out, err = process.communicate()
            if kill_after is None:
                raise NotAsItMustBe(f"`{' '.join(words)[:100]}` does not end") from late
        self.gone(process)
        code = None if process.returncode == -signal.SIGKILL else process.returncode
        answer = Answer(words, code, out.decode(errors="replace"), err.decode(errors="replace"))
        if code is None:
            self.count(self.kills, words[2])
        self.judge(answer)
        return answer

    def judge(self, answer):
        if answer.code not in (None, 0, 1, 2) or BROKEN.search(answer.err):
            raise NotAsItMustBe(f"a program that breaks: {answer}")
        name = answer.error()
        if name:
            self.count(self.errors, name)
        if name in NEVER:
            raise NotAsItMustBe(f"an error that must never come of it: {answer}")

    def count(self, counts, what, n=1):
        with self.lock:
            counts[what] = counts.get(what, 0) + n

    def must(self, holds, what, found=None):
        if not holds:
            raise NotAsItMustBe(what if found is None else f"{what}\n  found: {str(found)[:9000]}")
        self.checks += 1

    @staticmethod
    def files(device):
        return set(os.listdir(device.home))

    def close(self, keep=False):
        for process in list(self.processes):
            if process.poll() is None:
                process.kill()
            process.wait()
            self.gone(process)
        if keep:
            print(f"The replicas are left in {self.home}")
        else:
            shutil.rmtree(self.home)


def tell(arguments, play, name):
    """Plays a story with the program it is about, and says how it went: the exit code. play(crew, given) returns why it was passed over, or
    None."""
    arguments.add_argument("--keep", action="store_true")
    arguments.add_argument("program")
    arguments.add_argument("tools")
    arguments.add_argument("plan")
    given = arguments.parse_args()
    sys.stdout.reconfigure(encoding="utf-8", line_buffering=True)
    crew = Crew(given.program)
    try:
        skip = play(crew, given)
    except NotAsItMustBe as trouble:
        print(f"not ok {name}: {trouble}")
        return 1
    finally:
        crew.close(given.keep)
    print(f"skip {name}: {skip}" if skip else f"ok {name} ({crew.checks} things checked)")
    return 0


class Helper:
    """A program of ours that obeys lines and answers each with one."""

    def __init__(self, crew, command):
        self.crew = crew
        self.process = crew.start(command, err=None, stdin=subprocess.PIPE)
        self.first = crew.line(self.process).strip()

    def ask(self, order):
        self.process.stdin.write(order.encode() + b"\n")
        self.process.stdin.flush()
        return self.crew.line(self.process).strip()

    def report(self):
        return json.loads(self.ask("report"))

    def end(self):
        self.process.stdin.close()
        code = self.process.wait(LIMIT_S)
        self.crew.gone(self.process)
        return code


class Device:
    """One replica, and the `serve` that may be running on it."""

    def __init__(self, crew, name, unit, prefix=()):
        self.crew, self.name, self.unit, self.prefix = crew, name, unit, tuple(prefix)
        self.home = crew.path(name)
        self.events = self.home + ".events"
        self.server = self.address = None

    def run(self, *words, codes=(0, 1), kill_after=None):
        answer = self.crew.run(["--home", self.home, *words], self.prefix, kill_after)
        if codes is not None and answer.code not in codes:
            raise NotAsItMustBe(f"{self.name}: {answer}")
        return answer

    def ask(self, *words):
        return self.run(*words).json

    def serve(self, listen, every="1s"):
        """Returns when it listens; false if it ended first."""
        command = [*self.prefix, self.crew.program, "--home", self.home, "serve", "--listen", listen, "--every", every]
        with open(self.events, "ab") as events:
            self.server = self.crew.start(command, err=events)
        line = self.crew.line(self.server)
        if line.startswith("listening on "):
            self.address = line.removeprefix("listening on ").strip()
            return True
        self.reap()
        return False

    def kill(self, number=signal.SIGKILL):
        self.server.send_signal(number)
        self.reap()
        self.crew.count(self.crew.kills, "serve", number == signal.SIGKILL)

    def reap(self):
        code = self.server.wait(LIMIT_S)
        self.crew.gone(self.server)
        self.server = None
        if code not in (0, 2, -signal.SIGKILL):
            raise NotAsItMustBe(f"serve of {self.name} ended with {code}: {self.said()[-6000:]}")

    def descriptors(self):
        return len(os.listdir(f"/proc/{self.server.pid}/fd"))

    def said(self):
        try:
            with open(self.events, encoding="utf-8", errors="replace") as events:
                return events.read()
        except FileNotFoundError:
            return ""

    def spaces(self):
        return {s["id"]: (s["digest"], s["changes"]) for s in self.ask("status")["spaces"]}
