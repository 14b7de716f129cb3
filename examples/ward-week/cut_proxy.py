#!/usr/bin/python3
"""A bad link: forwards one TCP port to another and breaks after so many bytes.

    cut_proxy.py tcp://HOST:PORT BYTES [up|down]

Prints `listening on tcp://127.0.0.1:PORT`. `up` (usual) counts what the caller sends, `down` what it gets. When the count is reached the
link is gone, in the middle of whatever it carried: just so many bytes arrive, the sender is reset, nobody gets through any more, and the
program ends with `cut after N bytes`.
"""
import selectors
import socket
import struct
import sys


def reset(connection):
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


def finish(connection):
    """Closes it so that what was sent on it arrives: a reset would throw that away."""
    try:
        connection.settimeout(10)
        connection.shutdown(socket.SHUT_WR)
        while connection.recv(4096):
            pass
    except OSError:
        pass
    connection.close()


def main():
    host, port = sys.argv[1].removeprefix("tcp://").rsplit(":", 1)
    left = limit = int(sys.argv[2])
    counted = sys.argv[3] if len(sys.argv) > 3 else "up"
    listener = socket.create_server(("127.0.0.1", 0))
    print(f"listening on tcp://127.0.0.1:{listener.getsockname()[1]}", flush=True)
    watch = selectors.DefaultSelector()
    watch.register(listener, selectors.EVENT_READ)
    ends = {}  # each end of a connection: (the other one, which way its bytes go)

    def drop(end):
        for one in (end, ends[end][0]):
            watch.unregister(one)
            del ends[one]
            reset(one)

    while left:
        for key, _ in watch.select():
            end = key.fileobj
            if end is listener:
                caller = listener.accept()[0]
                try:
                    answerer = socket.create_connection((host, int(port)))
                except OSError:
                    reset(caller)
                    continue
                ends[caller], ends[answerer] = (answerer, "up"), (caller, "down")
                watch.register(caller, selectors.EVENT_READ)
                watch.register(answerer, selectors.EVENT_READ)
                continue
            if end not in ends:  # dropped a moment ago
                continue
            other, way = ends[end]
            try:
                data = end.recv(min(left, 4096) if way == counted else 4096)
                other.sendall(data)
            except OSError:
                data = b""
            if not data:
                drop(end)
            elif way == counted:
                left -= len(data)
                if not left:
                    break
    listener.close()
    for end, (_, way) in ends.items():
        if way == counted:  # end was sending
            reset(end)
    print(f"cut after {limit} bytes", flush=True)
    for end, (_, way) in ends.items():
        if way != counted:
            finish(end)


if __name__ == "__main__":
    main()
