#!/usr/bin/python3
"""A corpus in one file, as replay.c reads it: each input as its length in four bytes, little-endian, then its bytes.

    pack.py pack PACK DIR...     all files of the folders, each content once, the shortest first
    pack.py unpack PACK DIR      one file each, named by its content
    pack.py count PACK...        inputs and bytes of each
"""
import hashlib
import os
import struct
import sys


def read(path):
    with open(path, "rb") as file:
        data = file.read()
    at, inputs = 0, []
    while at < len(data):
        (size,) = struct.unpack_from("<I", data, at)
        inputs.append(data[at + 4 : at + 4 + size])
        if len(inputs[-1]) != size:
            sys.exit(f"{path}: ends within an input")
        at += 4 + size
    return inputs


def pack(path, folders):
    inputs = set()
    for folder in folders:
        for name in os.listdir(folder):
            with open(os.path.join(folder, name), "rb") as file:
                inputs.add(file.read())
    with open(path, "wb") as out:
        for data in sorted(inputs, key=lambda i: (len(i), i)):
            out.write(struct.pack("<I", len(data)) + data)


def unpack(path, folder):
    os.makedirs(folder, exist_ok=True)
    for data in read(path):
        with open(os.path.join(folder, hashlib.sha1(data).hexdigest()), "wb") as out:
            out.write(data)


def count(paths):
    inputs = size = 0
    for path in paths:
        here = read(path)
        print(f"{os.path.basename(path):20} {len(here):6} {os.path.getsize(path):9}")
        inputs += len(here)
        size += os.path.getsize(path)
    print(f"{'all':20} {inputs:6} {size:9}")


if __name__ == "__main__":
    what, *rest = sys.argv[1:] or ["?"]
    if what == "pack" and len(rest) >= 2:
        pack(rest[0], rest[1:])
    elif what == "unpack" and len(rest) == 2:
        unpack(*rest)
    elif what == "count" and rest:
        count(rest)
    else:
        sys.exit(__doc__)
