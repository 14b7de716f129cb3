#!/usr/bin/python3
"""Runs a program on a terminal of its own and answers what it asks.

terminal.py [PATTERN ANSWER]... -- COMMAND...: waits for each pattern (a regular expression) in turn in what the program says, then types
its answer; an answer of ^C is that key, of ^D the end of input. What the terminal showed goes to stdout; the exit code is the program's,
128 + N after signal N, or 99 where a pattern did not come within a minute.
"""
import os
import pty
import re
import select
import sys
import termios
import time


def main():
    cut = sys.argv.index("--")
    pairs, command = sys.argv[1:cut], sys.argv[cut + 1:]
    pid, fd = pty.fork()
    if pid == 0:
        os.execvp(command[0], command)
    shown, seen = b"", 0
    steps = list(zip(pairs[::2], pairs[1::2]))
    deadline = time.monotonic() + 60
    missing = None
    while missing is None:
        if steps:
            at = re.search(steps[0][0].encode(), shown[seen:])
            if at:
                answer = steps.pop(0)[1]
                seen += at.end()
                os.write(fd, {"^C": b"\x03", "^D": b"\x04"}.get(answer, answer.encode() + b"\n"))
                continue
        ready = select.select([fd], [], [], max(0, deadline - time.monotonic()))[0]
        if not ready:
            missing = steps[0][0] if steps else "the end"
            break
        try:
            more = os.read(fd, 4096)
        except OSError:  # Linux: the other side is closed
            more = b""
        if not more:
            break
        shown += more
    echo = "?"
    try:
        echo = "on" if termios.tcgetattr(fd)[3] & termios.ECHO else "off"
    except termios.error:
        pass
    if missing is not None:
        os.kill(pid, 9)
    status = os.waitpid(pid, 0)[1]
    sys.stdout.buffer.write(shown.replace(b"\r\n", b"\n"))
    print("[echo %s]" % echo)
    if missing is not None or steps:
        print("[never seen: %s]" % (missing or steps[0][0]))
        return 99
    return os.WEXITSTATUS(status) if os.WIFEXITED(status) else 128 + os.WTERMSIG(status)


if __name__ == "__main__":
    sys.exit(main())
