#!/usr/bin/python3
"""A second implementation of the wardsync protocol, written from proto/ alone: slow, obvious, and only for checking.

As a program: wardcheck.py FILE.json ...   checks vector files (proto/vectors/README.md tells their shape).
It shares no code with the library. Needs PyNaCl (Ed25519, X25519) and libzstd.
"""
import base64
import copy
import ctypes
import hashlib
import itertools
import json
import os
import random
import re
import sys
import unicodedata

import nacl.bindings as sodium
import nacl.exceptions

INT_MIN, INT_MAX = -(1 << 63), (1 << 63) - 1
WALL_MAX = (1 << 53) - 1
BODY_MAX, VALUE_MAX, FRAME_MAX, RUN_RAW_MAX = 65536, 49152, 262144, 229376
OPS_MAX = RUN_CHANGES_MAX = 1024
DEPS_MAX = 512
NESTING_MAX, KEY_MAX, CIRCLE_MAX, SPACES_MAX, WINDOW_MAX = 4, 64, 256, 4096, 16
RECEIPT_HEADS_MAX, PROOF_CHANGES_MAX = 64, 65536

(TRUNCATED, TYPE, RANGE, NONCANONICAL, TRAILING, CODEC, VERSION, UTF8, ORDER, OP) = range(201, 211)
(L_BODY, L_VALUE, L_OPS, L_DEPS, L_NESTING, L_KEY, L_CIRCLE, L_RUN, L_FRAME, L_SPACES) = range(221, 231)
GAP, DEP_MISSING, DEP_HASH, DEP_ORDER, DEPTH, SEAL, FORK = range(301, 308)
CHAIN, BRANCHES, BRANCHES_MAX, HISTORY, PARTS_MAX = 308, 309, 8, 316, 4096
SETTLED, DEPTH_LEAP = 317, 2**32
OTHER_WARD, NOT_ENTITLED, GRANT_UNKNOWN, SPACE, REVOKED, GRANT_BAD, KEY_POINT = range(401, 408)
INVITE_MANGLED, SESSION_WARD, PROTOCOL, R_SEAL, REQUEST = 411, 502, 504, 515, 836
P_DAMAGED, P_WARD, P_GRANT, P_FALSE = range(820, 824)
FORK_PROOF = 830
B_DAMAGED, B_WARD, B_WRITER, B_BASE = 801, 802, 803, 804
KEY_FILE, PASSPHRASE, SHEET = 812, 814, 818

ROOT, CELL, OPERATOR, INSPECTOR, HUB = range(5)
RANK = {ROOT: 3, CELL: 1, OPERATOR: 2, INSPECTOR: 1, HUB: 2}


class Bad(Exception):
    """A refusal, with its number from proto/errors.md."""

    def __init__(self, number, why=""):
        super().__init__("%d %s" % (number, why))
        self.number = number


# ---------------------------------------------------------------- encoding (proto/README.md)


class Raw(bytes):
    """Bytes that are an encoded item already."""


def head(major, n):
    for size, info in ((1, 24), (2, 25), (4, 26), (8, 27)):
        if n < 24:
            return bytes([major << 5 | n])
        if n < 1 << 8 * size:
            return bytes([major << 5 | info]) + n.to_bytes(size, "big")
    raise ValueError(n)


def enc(x):
    if isinstance(x, Raw):
        return bytes(x)
    if x is None:
        return b"\xf6"
    if isinstance(x, bool):
        return b"\xf5" if x else b"\xf4"
    if isinstance(x, int):
        return head(0, x) if x >= 0 else head(1, -1 - x)
    if isinstance(x, bytes):
        return head(2, len(x)) + x
    if isinstance(x, str):
        return head(3, len(x.encode())) + x.encode()
    if isinstance(x, (list, tuple)):
        return head(4, len(x)) + b"".join(enc(y) for y in x)
    raise TypeError(type(x))


def H(tag, data):
    assert len(tag) <= 16
    return hashlib.blake2b(tag.encode().ljust(16, b"\0") + data, digest_size=32).digest()


class Cursor:
    """Reads one structure from left to right; the only place where bytes from outside are looked at."""

    def __init__(self, data):
        self.b, self.i = bytes(data), 0

    def take(self, n):
        if len(self.b) - self.i < n:
            raise Bad(TRUNCATED)
        self.i += n
        return self.b[self.i - n:self.i]

    def peek(self):
        if self.i >= len(self.b):
            raise Bad(TRUNCATED)
        return self.b[self.i] >> 5

    def head(self):
        first = self.take(1)[0]
        major, info = first >> 5, first & 31
        if major in (5, 6):
            raise Bad(NONCANONICAL, "map or tag")
        if major == 7:
            if info not in (20, 21, 22):
                raise Bad(NONCANONICAL, "float, other simple value or break")
            return major, info
        if info < 24:
            return major, info
        if info > 27:
            raise Bad(NONCANONICAL, "indefinite or reserved")
        n = int.from_bytes(self.take(1 << info - 24), "big")
        if n < (24, 1 << 8, 1 << 16, 1 << 32)[info - 24]:
            raise Bad(NONCANONICAL, "not minimal")
        if n > INT_MAX:
            raise Bad(RANGE if major < 2 else TRUNCATED, "beyond 63 bits")
        return major, n

    def of(self, *majors):
        major, n = self.head()
        if major not in majors:
            raise Bad(TYPE, "major type %d" % major)
        return major, n

    def uint(self, low=0, high=INT_MAX):
        n = self.of(0)[1]
        if not low <= n <= high:
            raise Bad(RANGE, "%d" % n)
        return n

    def bool(self):
        n = self.of(7)[1]
        if n == 22:
            raise Bad(TYPE, "null")
        return n == 21

    def bytes(self, size=None):
        n = self.of(2)[1]
        if size is not None and n != size:
            raise Bad(TYPE, "%d bytes instead of %d" % (n, size))
        return self.take(n)

    def text(self):
        raw = self.take(self.of(3)[1])
        try:
            text = raw.decode("utf-8", "strict")
        except UnicodeDecodeError:
            raise Bad(UTF8) from None
        if "\0" in text:
            raise Bad(UTF8, "U+0000")
        return text

    def array(self, size=None, limit=None, error=None):
        n = self.of(4)[1]
        if size is not None and n != size:
            raise Bad(TYPE, "%d members instead of %d" % (n, size))
        if limit is not None and n > limit:
            raise Bad(error, "%d members" % n)
        return n

    def value(self, nesting=0):
        """Any value; returns (python value, its encoding)."""
        start = self.i
        major, n = self.head()
        if major in (0, 1):
            x = n if major == 0 else -1 - n
        elif major == 2:
            x = self.take(n)
        elif major == 3:
            self.i = start
            x = self.text()
        elif major == 7:
            x = {20: False, 21: True, 22: None}[n]
        else:
            if nesting == NESTING_MAX:
                raise Bad(L_NESTING)
            x = [self.value(nesting + 1)[0] for _ in range(n)]
        if nesting == 0 and self.i - start > VALUE_MAX:
            raise Bad(L_VALUE, "%d bytes" % (self.i - start))
        return x, self.b[start:self.i]

    def end(self):
        if self.i != len(self.b):
            raise Bad(TRAILING, "%d bytes" % (len(self.b) - self.i))


def whole(data, reader):
    c = Cursor(data)
    result = reader(c)
    c.end()
    return result


def ascending(previous, item, error=ORDER):
    if previous is not None and item <= previous:
        raise Bad(error, "not ascending")
    return item


# ---------------------------------------------------------------- identifiers (change.md, authority.md)


def ward_id(root_pk):
    return H("wardsync ward", enc([1, root_pk]))


def space_id(ward, circle):
    return H("wardsync space", enc([ward, list(circle)]))


def genesis(ward, space, grant):
    return enc([1, ward, space, grant])


def feed_id(ward, space, grant):
    return H("wardsync genesis", genesis(ward, space, grant))


def change_hash(seq, prev, body):
    return H("wardsync change", enc([seq, prev, Raw(body)]))


def read_circle(c):
    units, last = [], None
    for _ in range(c.array(limit=CIRCLE_MAX, error=L_CIRCLE)):
        last = ascending(last, c.bytes(16))
        units.append(last)
    return units


def read_version(c):
    if c.uint() != 1:
        raise Bad(VERSION)


def read_genesis(c):
    c.array(4)
    read_version(c)
    return {"ward": c.bytes(32), "space": c.bytes(32), "grant": c.bytes(32)}


def valid_sign_pk(pk):
    return sodium.crypto_core_ed25519_is_valid_point(pk)


def valid_link_pk(pk):
    try:
        return any(sodium.crypto_scalarmult(b"\x40" + bytes(30) + b"\x40", pk))
    except (nacl.exceptions.CryptoError, RuntimeError):
        return False


class Grant:
    def __init__(self, raw):
        c = Cursor(raw)
        c.array(5)
        read_version(c)
        self.sign_pk, self.link_pk, self.unit = c.bytes(32), c.bytes(32), c.bytes(16)
        self.role = c.uint(0, 4)
        c.end()
        if self.role == ROOT:
            raise Bad(GRANT_BAD, "the root is not granted")
        if not valid_sign_pk(self.sign_pk) or not valid_link_pk(self.link_pk):
            raise Bad(KEY_POINT)
        self.raw, self.id = raw, H("wardsync grant", raw)


class RootGrant:
    """What the ward certificate stands for."""

    def __init__(self, root_pk):
        self.sign_pk, self.role, self.unit, self.id = root_pk, ROOT, None, ward_id(root_pk)


# ---------------------------------------------------------------- change (change.md)


class Op:
    def __init__(self, kind, entity, field, key, value, raw):
        self.kind, self.entity, self.field, self.key, self.value, self.raw = kind, entity, field, key, value, raw


class Body:
    """[wall_ms, depth, deps, ops], read from a cursor."""

    def __init__(self, c):
        start = c.i
        c.array(4)
        self.wall_ms = c.uint(0, WALL_MAX)
        self.depth = c.uint(1)
        self.deps, last, self.own_seen = [], None, None  # own_seen: None but in a late change
        for _ in range(c.array(limit=DEPS_MAX, error=L_DEPS)):
            c.array(3)
            feed = c.bytes(32)
            last = ascending(last, feed, DEP_ORDER)
            seq, hash_ = c.uint(0), c.bytes(32)
            self.deps.append((feed, seq, hash_))
            if hash_ == feed:
                if self.own_seen is not None:
                    raise Bad(DEP_ORDER, "late twice")
                self.own_seen = seq
            elif seq == 0:
                raise Bad(RANGE, "dep with seq 0")
        count = c.array(limit=OPS_MAX, error=L_OPS)
        if count == 0:
            raise Bad(RANGE, "no operation")
        self.records, self.ops = [], []
        for _ in range(count):
            self.ops.append(self.op(c))
        self.raw = c.b[start:c.i]
        if len(self.raw) > BODY_MAX:
            raise Bad(L_BODY)

    def op(self, c):
        n = c.array()
        if not 3 <= n <= 5:
            raise Bad(OP, "%d members" % n)
        if c.peek() == 2:
            entity, first = c.bytes(16), True
            if n == 3:
                raise Bad(OP, "too short")
            record = (c.uint(1, 65535), entity)
            if record in self.records:
                raise Bad(OP, "record named twice")
            self.records.append(record)
        else:
            index, first = c.uint(), False
            if n == 5:
                raise Bad(OP, "too long")
            if not 0 <= index < len(self.records):
                raise Bad(OP, "index")
            record = self.records[index]
        field = c.uint(0, 65535)
        if field in (0, 2, 3):
            raise Bad(OP, "field %d" % field)
        with_key = n == (5 if first else 4)
        if with_key != (field % 4 == 2):
            raise Bad(OP, "key")
        key = b""
        if with_key:
            key = c.bytes()
            if len(key) > KEY_MAX:
                raise Bad(L_KEY)
            if not key:
                raise Bad(OP, "empty key")
        value, raw = c.value()
        if (field % 4 == 2 or field == 1) and not isinstance(value, bool):
            raise Bad(OP, "not a boolean")
        if field % 4 == 3 and (isinstance(value, bool) or not isinstance(value, int)):
            raise Bad(OP, "not an integer")
        return Op(record[0], record[1], field, key, value, raw)


def read_body(data):
    if len(data) > BODY_MAX:
        raise Bad(L_BODY)
    return whole(data, Body)


# ---------------------------------------------------------------- seal (seal.md)

AAD_SEAL, AAD_BUNDLE, AAD_RECEIPT, AAD_SNAPSHOT = b"wardsync/seal/1", b"wardsync/bundle/1", b"wardsync/receipt/1", b"wardsync/snapshot/1"
COSE_HEAD = b"\xd2\x84\x43\xa1\x01\x27\xa0"


def sig_structure(payload, aad=AAD_SEAL):
    return enc(["Signature1", bytes.fromhex("a10127"), aad, payload])


def cose_sign1(payload, signature):
    return b"\xd2\x84\x43\xa1\x01\x27\xa0" + enc(payload) + enc(signature)


def verify(pk, message, signature):
    try:
        sodium.crypto_sign_open(signature + message, pk)
        return True
    except nacl.exceptions.BadSignatureError:
        return False


def verify_seal(pk, feed, seq, hash_, signature):
    if not verify(pk, sig_structure(enc([feed, seq, hash_])), signature):
        raise Bad(SEAL)


# ---------------------------------------------------------------- receipt (receipt.md)


def receipt_payload(ward, grant, wall_ms, heads):
    return [ward, grant, wall_ms, [list(h) for h in heads]]


def read_receipt_heads(c):
    out, last = [], None
    n = c.array()
    if not 1 <= n <= RECEIPT_HEADS_MAX:
        raise Bad(RANGE, "%d heads" % n)
    for _ in range(n):
        c.array(3)
        feed, seq, hash_ = c.bytes(32), c.uint(1), c.bytes(32)
        last = ascending(last, feed)
        out.append((feed, seq, hash_))
    return out


def read_receipt(data):
    """A receipt as it stands alone."""
    if data[:len(COSE_HEAD)] != COSE_HEAD[:len(data)]:
        raise Bad(TYPE)
    if len(data) < len(COSE_HEAD):
        raise Bad(TRUNCATED)
    c = Cursor(data[len(COSE_HEAD):])
    payload, signature = c.bytes(), c.bytes(64)
    c.end()

    def inside(c):
        c.array(4)
        return {"ward": c.bytes(32), "grant": c.bytes(32), "wall_ms": c.uint(0, WALL_MAX), "heads": read_receipt_heads(c)}
    r = whole(payload, inside)
    r.update(payload=payload, signature=signature)
    return r


def verify_receipt(pk, r):
    if not verify(pk, sig_structure(r["payload"], AAD_RECEIPT), r["signature"]):
        raise Bad(R_SEAL)


# ---------------------------------------------------------------- snapshot (snapshot.md)


class SnapshotHead:
    """[circle, maker, feeds, parts], read from a cursor."""

    def __init__(self, c):
        c.array(4)
        self.circle = read_circle(c)
        if not self.circle:
            raise Bad(RANGE, "the ward space")
        self.maker = c.bytes(32)
        count, last = c.array(), None
        self.feeds = []
        for _ in range(count):
            c.array(6)
            f = {"grant8": c.bytes(8), "seq": c.uint(), "hash": c.bytes(32), "depth": c.uint(), "seal": c.bytes(), "seen": []}
            if len(f["seal"]) not in (0, 64):
                raise Bad(TYPE, "seal")
            if (f["seq"] == 0) != (f["depth"] == 0) or f["seq"] == 0 and f["seal"] or f["depth"] < f["seq"]:
                raise Bad(RANGE, "depth")
            pairs, before = c.array(), None
            if pairs % 2 or pairs // 2 > count:
                raise Bad(TYPE, "pairs")
            for _ in range(pairs // 2):
                index, seq = c.uint(0, count - 1), c.uint()
                if seq == 0:
                    raise Bad(ORDER, "seen, seq 0")
                before = ascending(before, index)
                f["seen"].append((index, seq))
            last = ascending(last, f["grant8"])
            self.feeds.append(f)
        self.parts, last = [], (-1, 0)
        for _ in range(c.array(limit=PARTS_MAX, error=RANGE)):
            c.array(4)
            feed, upto = c.uint(), c.uint(1)
            if feed >= count:
                raise Bad(RANGE, "feed")
            before, last = last, ascending(last, (feed, upto))
            lags, total, lag_before = [], 0, None
            members = c.array()
            if members == 0:
                raise Bad(RANGE, "no lag")
            if members % 2:
                raise Bad(TYPE, "lags")
            for _ in range(members // 2):
                lag, n = c.uint(), c.uint(1)
                lag_before = ascending(lag_before, lag)
                total += n
                lags += [lag] * min(n, RUN_CHANGES_MAX + 1)
            if total > RUN_CHANGES_MAX or upto > self.feeds[feed]["seq"]:
                raise Bad(RANGE, "%d bodies, up to %d" % (total, upto))
            self.parts.append({"feed": feed, "after": before[1] if before[0] == feed else 0, "last": upto, "lags": lags, "hash": c.bytes(32)})


def part_hash(codec, data):
    return H("wardsync part", bytes([codec & 255]) + data)


def snapshot_payload(maker, space, raw, parts):
    return enc([maker, H("wardsync snap", space + raw), parts])


def place_of(op):
    return op.kind, op.entity, op.field, op.key


def read_part(part, codec, data):
    """The live values of a part: [(seq, depth, wall_ms, op)]."""
    c = Cursor(unpack(codec, data, len(part["lags"])))
    out, before = [], None
    for lag in part["lags"]:
        body = Body(c)
        seq = body.depth - lag
        if body.deps or seq < 1 or not part["after"] < seq <= part["last"]:
            raise Bad(RANGE, "deps, or seq %d" % seq)
        for op in body.ops:
            at = seq, body.depth, body.wall_ms, place_of(op)
            if before and not (before[0] < seq or before[:3] == at[:3] and before[3] < at[3]):
                raise Bad(ORDER)
            before = at
            out.append((seq, body.depth, body.wall_ms, op))
    c.end()
    if before[0] != part["last"]:
        raise Bad(RANGE, "it ends early")
    return out


# ---------------------------------------------------------------- frames (session.md, bundle.md)


def read_heads(c):
    out, last = [], None
    for _ in range(c.array()):
        c.array(3)
        last = ascending(last, (c.bytes(8), c.uint(1), c.bytes(8)))
        out.append(last)
    return out


def read_ref(c):
    return c.bytes(8) if c.peek() == 2 else read_circle(c)


def f_buckets(c):
    b = c.bytes()
    if len(b) not in (0, 48):
        raise Bad(TYPE, "%d bytes of buckets" % len(b))
    return b


def f_base(c):
    b = c.bytes()
    if len(b) not in (0, 8):
        raise Bad(TYPE, "%d bytes of a base" % len(b))
    return b


def f_begun(c, more):
    """What is held of a frame that came in pieces, where hello or agree says so."""
    return {"begun": c.uint(1, FRAME_MAX - 1), "begun8": c.bytes(8)} if more else {}


def f_hello(c, more):
    r = {"ward4": c.bytes(4), "common8": c.bytes(8), "base8": f_base(c), "wall_s": c.uint(0, WALL_MAX // 1000), "window": c.uint(1, WINDOW_MAX), "buckets": f_buckets(c)}
    return r | f_begun(c, more)


def f_spaces(c):
    out, last = [], None
    for _ in range(c.array(limit=SPACES_MAX, error=L_SPACES)):
        c.array(2)
        last = ascending(last, c.bytes(8))
        out.append((last, c.bytes(8)))
    return {"spaces": out}


def f_heads(c):
    out = []
    for _ in range(c.array(limit=SPACES_MAX, error=L_SPACES)):
        c.array(2)
        ref = read_ref(c)
        out.append((ref, read_heads(c)))
    return {"heads": out, "last": c.bool()}


def f_branch(c):
    space8, grant8, out, last = c.bytes(8), c.bytes(8), [], None
    for _ in range(c.array(limit=256, error=RANGE)):
        c.array(2)
        last = ascending(last, (c.uint(1), c.bytes(8)))
        out.append(last)
    return {"space8": space8, "grant8": grant8, "samples": out}


def f_run(c):
    r = {"space8": c.bytes(8), "grant8": f_base(c), "first": c.uint(1), "count": c.uint(1)}
    r["codec"], r["data"], r["signature"] = c.uint(0), c.bytes(), c.bytes(64)
    return r


def f_ack(c):
    n, out = c.uint(0), []
    for _ in range(c.array()):
        c.array(2)
        out.append((c.uint(1), c.uint(1)))
    return {"n": n, "refused": out}


def f_receipt(c):
    r, last = {"wall_ms": c.uint(0, WALL_MAX), "entries": []}, None
    n = c.array()
    if not 1 <= n <= RECEIPT_HEADS_MAX:
        raise Bad(RANGE, "%d entries" % n)
    for _ in range(n):
        c.array(3)
        space8, seq, hash_ = c.bytes(8), c.uint(1), c.bytes(32)
        last = ascending(last, space8)
        r["entries"].append((space8, seq, hash_))
    r["signature"] = c.bytes(64)
    return r


def f_agree(c, more):
    how, (clock, _) = c.uint(0, 3), c.value()
    if type(clock) is not int:
        raise Bad(TYPE)
    if abs(clock) > WALL_MAX // 1000:
        raise Bad(RANGE, "a clock %d s ahead" % clock)
    return {"how": how, "clock": clock, "window": c.uint(1, WINDOW_MAX)} | f_begun(c, more)


def f_taken(c):
    return {"n": c.uint(0), "after_ms": c.uint(0, WALL_MAX), "signature": c.bytes(64)}


def f_piece(c):
    at, left, data = c.uint(0, FRAME_MAX), c.uint(0, FRAME_MAX), c.bytes()
    if not data:
        raise Bad(RANGE, "an empty piece")
    if at + len(data) + left > FRAME_MAX:
        raise Bad(L_FRAME)
    return {"at": at, "left": left, "data": data}


def f_got(c):
    return {"n": c.uint(0)}


def f_want(c):
    states, out, last = c.bool(), [], None
    for _ in range(c.array(limit=SPACES_MAX, error=L_SPACES)):
        last = ascending(last, c.bytes(8))
        out.append(last)
    return {"states": states, "spaces": out}


def f_snapshot(c):
    raw, signature = c.bytes(), c.bytes(64)
    return {"head": whole(raw, SnapshotHead), "raw": raw, "signature": signature}


def f_part(c):
    return {"space8": c.bytes(8), "number": c.uint(1, PARTS_MAX), "codec": c.uint(0, (1 << 32) - 1), "data": c.bytes()}


def f_none(c):
    return {}


def f_done(c, more):
    return {"wants": c.uint(1) if more else 0}


def f_error(c):
    return {"number": c.uint(0), "text": c.text()}


def f_join(c):
    return {"device": c.text(), "sign_pk": c.bytes(32), "link_pk": c.bytes(32), "signature": c.bytes(64)}


def device_name(c):
    name = c.text()
    if len(name.encode()) > 200:
        raise Bad(RANGE)
    return name


def f_request(c):
    return {"ward": c.bytes(32), "by": c.uint(0, 1), "from": c.bytes(32), "device": device_name(c), "sign_pk": c.bytes(32), "link_pk": c.bytes(32), "signature": c.bytes(64), "voucher": c.bytes(64)}


def f_joined(c):
    return {"root_pk": c.bytes(32), "grant": c.bytes()}


def f_bundle_header(c):
    h = {"ward": c.bytes(32), "grant": c.bytes(32), "wall_ms": c.uint(0, WALL_MAX)}
    if c.peek() == 7:
        if c.head()[1] != 22:
            raise Bad(TYPE)
        h["for"] = None
    else:
        h["for"] = c.bytes()
        if len(h["for"]) not in (16, 32):
            raise Bad(TYPE)
    h["spaces"] = []
    for _ in range(c.array(limit=SPACES_MAX, error=L_SPACES)):
        c.array(2)
        circle, feeds, last = read_circle(c), [], None
        for _ in range(c.array()):
            c.array(4)
            last = ascending(last, c.bytes(8))
            feeds.append((last, c.uint(0), c.uint(1), c.bytes(8)))
        h["spaces"].append((circle, feeds))
    h["count"] = c.uint(0)
    return h


def f_bundle_trailer(c):
    return {"hash": c.bytes(32), "signature": c.bytes(64)}


PROTOCOL_NOW = 4
FRAMES = {1: ("hello", 7, f_hello), 2: ("spaces", 1, f_spaces), 3: ("heads", 2, f_heads), 4: ("run", 7, f_run), 5: ("ack", 2, f_ack),
          6: ("done", 0, f_done), 7: ("error", 2, f_error), 8: ("bye", 0, f_none), 9: ("ping", 0, f_none), 10: ("circle", 1, read_circle), 11: ("branch", 3, f_branch), 12: ("receipt", 3, f_receipt), 13: ("ask", 0, f_none),
          14: ("want", 2, f_want), 15: ("snapshot", 2, f_snapshot), 16: ("part", 4, f_part), 17: ("agree", 3, f_agree), 18: ("taken", 3, f_taken), 19: ("piece", 3, f_piece),
          20: ("join", 4, f_join), 21: ("joined", 2, f_joined), 22: ("request", 8, f_request), 23: ("got", 1, f_got)}
LONGER = {1: 2, 6: 1, 17: 2}  # members that may follow the others
BUNDLE_FRAMES = {4: FRAMES[4], 30: ("bundle header", 6, f_bundle_header), 31: ("bundle trailer", 2, f_bundle_trailer)}


def read_frame(data, table=None):
    """Returns (type, members)."""
    if len(data) > FRAME_MAX:
        raise Bad(L_FRAME)
    c = Cursor(data)
    n = c.array()
    if n < 2:
        raise Bad(TYPE, "%d members" % n)
    read_version(c)
    kind = c.uint(0)
    if kind not in (table or FRAMES):
        raise Bad(PROTOCOL, "type %d" % kind)
    if kind == 1 and n > 2:
        protocol = c.uint(0, (1 << 32) - 1)
        if protocol != PROTOCOL_NOW:
            return kind, {"protocol": protocol}
    _, members, reader = (table or FRAMES)[kind]
    more = kind in LONGER and n == members + 2 + LONGER[kind]
    if n != members + 2 and not more:
        raise Bad(TYPE, "%d members" % n)
    result = reader(c, more) if kind in LONGER else reader(c)
    c.end()
    return kind, result


# ---------------------------------------------------------------- zstd

_zstd = ctypes.CDLL("libzstd.so.1")
_zstd.ZSTD_getFrameContentSize.restype = ctypes.c_ulonglong
_zstd.ZSTD_decompress.restype = ctypes.c_size_t
_zstd.ZSTD_findFrameCompressedSize.restype = ctypes.c_size_t


def decompress(data):
    size = _zstd.ZSTD_getFrameContentSize(data, ctypes.c_size_t(len(data)))
    if size == (1 << 64) - 2:
        raise Bad(CODEC, "not zstd")
    if size == (1 << 64) - 1 or size > RUN_RAW_MAX:
        raise Bad(L_RUN, "size not stated or too large")
    if _zstd.ZSTD_findFrameCompressedSize(data, ctypes.c_size_t(len(data))) != len(data):
        raise Bad(CODEC, "not one frame")
    out = ctypes.create_string_buffer(max(1, size))
    n = _zstd.ZSTD_decompress(out, ctypes.c_size_t(size), data, ctypes.c_size_t(len(data)))
    if n != size:
        raise Bad(CODEC, "damaged")
    return out.raw[:size]


def unpack(codec, data, count):
    if codec > 2:
        raise Bad(CODEC)
    if codec == 0:
        if len(data) > RUN_RAW_MAX:
            raise Bad(L_RUN)
        return data
    data = decompress(data)
    return data if codec == 1 else join_columns(data, count)


# ---------------------------------------------------------------- columns (columns.md)

U64 = (1 << 64) - 1


def signed(n):
    return -((n + 1) // 2) if n & 1 else n // 2


class Columns:
    """A reader of columns from the front."""

    def __init__(self, data):
        self.data = data

    def take(self, n):
        if n > len(self.data):
            raise Bad(CODEC, "columns end early")
        part, self.data = self.data[:n], self.data[n:]
        return part

    def numbers(self, n):
        out, going_on = [0] * n, range(n)
        for plane in range(11):
            if not going_on:
                return out
            part, further = self.take(len(going_on)), []
            for i, byte in zip(going_on, part):
                if plane and byte == 0 or plane == 9 and byte > 1:
                    raise Bad(CODEC, "a number that is not the shortest, or too large")
                out[i] |= (byte & 127) << 7 * plane
                if byte & 128:
                    further.append(i)
            going_on = further


class Named:
    """Things named by number, in the order in which they were met."""

    def __init__(self, column, new):
        self.column, self.new, self.met = iter(column), new, []

    def next(self, new=None):
        n = next(self.column)
        if n > len(self.met):
            raise Bad(CODEC, "names what was not met")
        if n == 0:
            self.met.append((new or self.new)())
            n = len(self.met)
        return self.met[n - 1]


def join_columns(data, count):
    c = Columns(data)
    total = lambda column: min(sum(column), len(c.data) + 1)  # beyond that there are too few bytes anyway
    wall, depth, deps, ops = (c.numbers(count) for _ in range(4))
    feed, seq = c.numbers(total(deps)), c.numbers(total(deps))
    all_ops = total(ops)
    record = c.numbers(all_ops)
    times, kinds = c.numbers(record.count(0)), c.numbers(record.count(0))
    field = c.numbers(all_ops)
    new_fields = c.numbers(field.count(0))
    fields, of_op = Named(field, iter(new_fields).__next__), []
    for _ in field:
        number = fields.next()
        of_op.append((len(fields.met) if field[len(of_op)] == 0 else field[len(of_op)], number))
    key = c.numbers(sum(number % 4 == 2 for _, number in of_op))
    key_lengths = iter(c.numbers(key.count(0)))
    value = c.numbers(all_ops)
    form = c.numbers(value.count(0))
    if any(f > 7 for f in form):
        raise Bad(CODEC, "form")
    numbers = iter(c.numbers(sum(f in (3, 4, 5, 7) for f in form)))
    word_counts = c.numbers(form.count(6))
    word = c.numbers(total(word_counts))
    new_words = []
    for _ in range(word.count(0)):
        end = c.data.find(b" ")
        if end < 0:
            raise Bad(CODEC, "words end early")
        new_words.append(c.take(end + 1)[:-1])

    feeds = Named(feed, lambda: [c.take(32), 0])
    keys = Named(key, lambda: c.take(next(key_lengths)))
    words = Named(word, iter(new_words).__next__)
    forms, seqs, word_counts, values_left, times, kinds, of_op = map(iter, (form, seq, word_counts, value, times, kinds, of_op))
    values, out, at, depth_at = {}, b"", 0, 0

    def new_value():
        f = next(forms)
        n = next(numbers) if f in (3, 4, 5, 7) else 0
        if f == 6:
            how_many = next(word_counts)
            if how_many == 0:
                raise Bad(CODEC, "a text of no words")
            text = b" ".join(words.next() for _ in range(how_many))
            return head(3, len(text)) + text
        if n >> 63:
            raise Bad(CODEC, "number")
        return [lambda: b"\xf6", lambda: b"\xf4", lambda: b"\xf5", lambda: head(0, n), lambda: head(1, n), lambda: head(2, n) + c.take(n), None,
                lambda: c.take(n)][f]()

    def new_record():
        entity = ((at - signed(next(times))) & (1 << 48) - 1).to_bytes(6, "big") + c.take(10)
        return [entity, next(kinds), None, 0]

    records = Named(record, new_record)
    for change in range(count):
        at, depth_at = at + signed(wall[change]) & U64, depth_at + 1 + depth[change] & U64
        body = head(4, 4) + head(0, at) + head(0, depth_at) + head(4, deps[change])
        for _ in range(deps[change]):
            f = feeds.next()
            f[1] = f[1] + next(seqs) & U64
            body += head(4, 3) + head(2, 32) + f[0] + head(0, f[1]) + head(2, 32) + c.take(32)
        body += head(4, ops[change])
        named = 0
        for _ in range(ops[change]):
            nth_field, number = next(of_op)
            keyed = number % 4 == 2
            r = records.next()
            if r[2] == change:
                body += head(4, 3 + keyed) + head(0, r[3])
            else:
                r[2], r[3], named = change, named, named + 1
                body += head(4, 4 + keyed) + head(2, 16) + r[0] + head(0, r[1])
            body += head(0, number)
            if keyed:
                k = keys.next()
                body += head(2, len(k)) + k
            met = values.setdefault(nth_field, [])
            n = next(values_left)
            if n > len(met):
                raise Bad(CODEC, "names a value that was not met")
            if n == 0:
                met.append(new_value())
                n = len(met)
            body += met[n - 1]
            if len(out) + len(body) > RUN_RAW_MAX:
                raise Bad(L_RUN, "bodies too long")
        out += body
    if c.data:
        raise Bad(CODEC, "bytes left over")
    return out


# ---------------------------------------------------------------- authority (authority.md)


def may_write(grant, circle):
    if grant.role == OPERATOR:
        return True
    if not circle:
        return grant.role in (ROOT, HUB)
    return grant.role in (CELL, INSPECTOR) and grant.unit in circle


def may_read(grant, circle):
    return grant.role in (OPERATOR, INSPECTOR, HUB) or not circle or grant.unit in circle


def may_grant(writer_role, role):
    return role != ROOT and (writer_role in (ROOT, OPERATOR) or writer_role == HUB and role == CELL)


def may_cut(writer_role):
    return writer_role in (ROOT, OPERATOR)


def read_cut(raw):
    def heads(c):
        out, last = {}, None
        for _ in range(c.array()):
            c.array(3)
            last = ascending(last, c.bytes(32))
            out[last] = c.uint(1)
            c.bytes(32)
        return out
    return whole(raw, heads)


def read_floor(raw):
    """{feed: (seq, hash, effect)} of a value of field 4 of kind 6."""
    def heads(c):
        out, last = {}, None
        for _ in range(c.array()):
            members = c.array()
            if members not in (3, 4):
                raise Bad(TYPE)
            last = ascending(last, c.bytes(32))
            seq, hash_ = c.uint(1), c.bytes(32)
            effect = c.uint() if members == 4 else seq
            if members == 4 and effect >= seq:
                raise Bad(RANGE)
            out[last] = seq, hash_, effect
        return out
    return whole(raw, heads)


class Change:
    def __init__(self, feed, seq, hash_, body, vector):
        self.feed, self.seq, self.hash, self.body, self.vector = feed, seq, hash_, body, vector

    def saw(self, other):
        """Another change; a late one saw what its own deps name and nothing else."""
        if self.body.own_seen is None:
            return self.vector.get(other.feed.id, 0) >= other.seq
        return any(feed == other.feed.id and seq >= other.seq for feed, seq, _ in self.body.deps)


class Feed:
    """chains: the ways in which its author has continued it, usually one. What they share is what may have effect."""

    def __init__(self, id_, space, grant):
        self.id, self.space, self.grant, self.chains = id_, space, grant, [[]]
        self.settled = 0, None, 0  # seq, hash, effect

    @staticmethod
    def common(*chains):
        return [step[0] for step in itertools.takewhile(lambda step: len({c.hash for c in step}) == 1, zip(*chains))]

    @property
    def counting(self):
        """The chains but for those that leave the first below what is settled."""
        return self.chains[:1] + [x for x in self.chains[1:] if len(self.common(self.chains[0], x)) >= self.settled[0]]

    @property
    def changes(self):
        return self.common(*self.counting)

    @property
    def shattered(self):
        return len(self.counting) > BRANCHES_MAX

    def leaves(self):
        """After which seq each branch leaves the first chain."""
        return [sum(1 for _ in itertools.takewhile(lambda step: step[0].hash == step[1].hash, zip(self.chains[0], chain))) for chain in self.chains[1:]]

    def every_change(self):
        return list({c.hash: c for chain in self.chains for c in chain}.values())


class Replica:
    """All that is held, and the rules over it. reader: the grant id of who holds it, None for one that may hold everything."""

    def __init__(self, root_pk, circles=(), reader=None):
        self.root, self.ward = RootGrant(root_pk), ward_id(root_pk)
        self.reader = reader
        self.ward_space = space_id(self.ward, [])
        self.circles = {self.ward_space: []}
        for circle in circles:
            self.circles[space_id(self.ward, circle)] = list(circle)
        self.feeds = {}
        self.judge()

    def ward_changes(self):
        return [c for f in self.feeds.values() if f.space == self.ward_space for c in f.every_change()]

    def judge(self):
        """Which grants are known, which effective, and the cuts (authority.md): a function of the set of changes held."""
        cuts, written, floors, closings = [], [], {}, []
        for c in self.ward_changes():
            for op in c.body.ops:
                if op.kind not in (1, 6):
                    continue
                try:
                    if op.kind == 6 and op.field == 4:
                        floors[op.entity, H("wardsync floor", op.raw)] = read_floor(op.raw)
                    elif op.kind == 6 and op.field == 8 and isinstance(op.value, bytes) and len(op.value) == 32:
                        closings.append((c, op.entity, op.value))
                    elif op.kind == 1 and op.field == 12:
                        cuts.append((c, op.entity, read_cut(op.raw)))
                    elif op.kind == 1 and op.field == 4 and isinstance(op.value, bytes):
                        grant = Grant(op.value)
                        if grant.id[:16] == op.entity:
                            written.append((c, grant))
                except Bad:
                    pass
        self.written = written
        self.known = {self.root.id: self.root}
        self.known.update((grant.id, grant) for _, grant in written)
        words = sorted(cuts + closings, key=lambda x: (x[0].feed.grant.role != ROOT, x[0].body.depth, x[0].feed.id, x[0].seq))
        self.cuts, closed = {}, []
        self.grants = self.effective_grants()
        for change in dict.fromkeys(c for c, _, _ in words):  # those of one change stand at one place in the order
            if self.effective(change):
                closed += [(space, floors[space, name]) for c, space, name in closings if c is change and (space, name) in floors]
            if may_cut(change.feed.grant.role) and self.effective(change):
                for c, entity, named in cuts:
                    if c is change:
                        self.cuts.setdefault(entity, []).append(named)
                self.grants = self.effective_grants()
        self.closed = closed
        for feed in self.feeds.values():
            feed.settled = self.settled(feed)

    def settled(self, feed):
        """What of a feed stands for ever: seq, hash, effect."""
        seq, hash_, effect = 0, None, 0
        for space, floor in self.closed:
            s, h, e = floor.get(feed.id, (0, None, 0)) if feed.space[:16] == space and feed.space != self.ward_space else (0, None, 0)
            if s > seq:
                seq, hash_, effect = s, h, effect if effect < seq else max(e, seq)
        return seq, hash_, effect

    def effective_grants(self):
        """Those that the root's word reaches, by the cuts that count so far."""
        reached = {self.root.id: self.root}
        while True:
            new = {grant.id: grant for c, grant in self.written
                   if grant.id not in reached and c.feed.grant.id in reached and may_write(c.feed.grant, []) and c.seq <= self.bound(c.feed)
                   and may_grant(c.feed.grant.role, grant.role)}
            if not new:
                return reached
            reached.update(new)

    def bound(self, feed):
        """The last seq of the feed that its grant's cuts leave."""
        if feed.grant.role == ROOT:
            return INT_MAX
        return min([INT_MAX if len(feed.counting) == 1 else len(feed.changes)] + [c.get(feed.id, 0) for c in self.cuts.get(feed.grant.id[:16], [])])

    def effective(self, change):
        f = change.feed
        seq, _, effect = f.settled
        if effect < seq:
            return change.seq <= effect
        return change.seq <= seq or f.grant.id in self.grants and may_write(f.grant, self.circles[f.space]) and change.seq <= self.bound(f)

    # ------------------------------------------------------------ run (seal.md): checks 1 to 7

    def ingest(self, run):
        """Returns (what, head seq, head hash); raises Bad and holds nothing of it otherwise."""
        if run["count"] > RUN_CHANGES_MAX:                                                          # 1
            raise Bad(L_RUN)
        data = unpack(run["codec"], run["data"], run["count"])
        spaces = [s for s in self.circles if s[:8] == run["space8"]]                                # 2
        if not spaces:
            raise Bad(SPACE)
        space, circle = spaces[0], self.circles[spaces[0]]
        if self.reader is not None and not may_read(self.known[self.reader], circle):
            raise Bad(SPACE)
        grants = [g for g in self.known.values() if g.id[:8] == run["grant8"]]
        if not grants:
            raise Bad(GRANT_UNKNOWN)
        grant = grants[0]
        if not may_write(grant, circle):
            raise Bad(NOT_ENTITLED)
        fid = feed_id(self.ward, space, grant.id)
        feed = self.feeds.get(fid) or Feed(fid, space, grant)
        feed.settled = self.settled(feed)
        last = run["first"] + run["count"] - 1
        if run["first"] > max(len(chain) for chain in feed.chains) + 1:                             # 3
            raise Bad(GAP)
        c = Cursor(data)
        if len(feed.counting) == 1 and run["first"] == len(feed.chains[0]) + 1:
            chain = list(feed.chains[0])
            for seq in range(run["first"], last + 1):
                body = Body(c)                                                                      # 4
                chain.append(self.follow(feed, chain, seq, body))                                   # 5, 6
                self.keep_to_floor(feed, chain)
            c.end()
            verify_seal(grant.sign_pk, fid, last, chain[-1].hash, run["signature"])                 # 7
            feed.chains[0], what = chain, "new"
        else:
            what, chain = self.place(feed, run, c)
        if what != "duplicate":
            self.feeds[fid] = feed
            if space == self.ward_space:
                self.judge()
        return what, chain[-1].seq, chain[-1].hash

    def place(self, feed, run, c):
        """A run that begins before a head, or of a feed with branches: 4, 7, then where it goes on; 5 and 6 for what is new."""
        first, last = run["first"], run["first"] + run["count"] - 1
        bodies = [Body(c) for _ in range(run["count"])]
        c.end()

        def hashes_after(before):
            out = [before]
            for nth, body in enumerate(bodies):
                out.append(change_hash(first + nth, out[-1], body.raw))
            return out
        befores = {chain[first - 2].hash if first > 1 else feed.id for chain in feed.chains if len(chain) >= first - 1}
        for before in befores:
            hashes = hashes_after(before)
            try:
                verify_seal(feed.grant.sign_pk, feed.id, last, hashes[-1], run["signature"])
                break
            except Bad:
                pass
        else:
            raise Bad(SEAL)

        def shared(chain):
            held = [feed.id] + [x.hash for x in chain]
            return max([seq for seq in range(first - 1, last + 1) if seq < len(held) and held[seq] == hashes[seq - first + 1]], default=-1)
        chain = max(feed.chains, key=shared)
        upto = shared(chain)
        if upto == last:
            return "duplicate", chain
        leaves = upto < len(chain)
        beside = leaves or chain is not feed.chains[0]
        if beside and min(upto, len(feed.common(feed.chains[0], chain))) < feed.settled[0]:
            raise Bad(SETTLED)
        if leaves and feed.shattered:
            raise Bad(BRANCHES)
        new = chain[:upto]
        for seq in range(upto + 1, last + 1):
            new.append(self.follow(feed, new, seq, bodies[seq - first]))
            if not beside:
                self.keep_to_floor(feed, new)
        if leaves:
            feed.chains.append(new)
        else:
            feed.chains[feed.chains.index(chain)] = new
        return "branch" if leaves else "new", new

    @staticmethod
    def keep_to_floor(feed, chain):
        if len(chain) == feed.settled[0] and chain[-1].hash != feed.settled[1]:
            raise Bad(SETTLED)

    def follow(self, feed, chain, seq, body):
        """The next change of a chain: deps and depth."""
        prev = chain[-1] if chain else None
        change = Change(feed, seq, change_hash(seq, prev.hash if prev else feed.id, body.raw), body, None)
        vector, depth, vague = dict(prev.vector) if prev else {}, prev.body.depth if prev else 0, False
        for dep_feed, dep_seq, dep_hash in body.deps:                                               # 5
            if dep_hash == dep_feed:
                if dep_feed != feed.id or dep_seq >= seq:
                    raise Bad(DEP_ORDER, "late")
                continue
            if dep_feed == feed.id:
                raise Bad(DEP_ORDER, "own feed")
            other = self.feeds.get(dep_feed)
            reaching = [x[dep_seq - 1] for x in other.chains if len(x) >= dep_seq] if other and other.space == feed.space else []
            if not reaching:
                raise Bad(DEP_MISSING)
            named = [x for x in reaching if x.hash == dep_hash]
            below = dep_seq <= min(other.settled[0], len(other.chains[0]))  # it may be gone: not looked up
            vague |= below
            if not named and not below:
                raise Bad(DEP_HASH)
            if body.own_seen is None and dep_seq <= vector.get(dep_feed, 0):
                raise Bad(DEP_ORDER, "does not advance")
            vector[dep_feed] = max(dep_seq, vector.get(dep_feed, 0))
            if not below:
                depth = max(depth, named[0].body.depth)
        if not (depth < body.depth <= depth + DEPTH_LEAP if vague else body.depth == depth + 1):                                                                 # 6
            raise Bad(DEPTH, "%d instead of %d" % (body.depth, depth + 1))
        vector[feed.id] = seq
        change.vector = vector
        return change

    # ------------------------------------------------------------ snapshot (snapshot.md): checks 2 to 5

    def take_snapshot(self, frames):
        """The space, and the digest of the state that the snapshot says it has; None where all of it is held with its history."""
        head, raw, signature = frames[0]["head"], frames[0]["raw"], frames[0]["signature"]
        space = space_id(self.ward, head.circle)
        if self.reader is not None and not may_read(self.known[self.reader], head.circle):                # 2
            raise Bad(SPACE)
        maker = self.known.get(head.maker)
        if not maker:
            raise Bad(GRANT_UNKNOWN)
        if maker.role not in (ROOT, OPERATOR, HUB) or maker.id not in self.grants or self.cuts.get(maker.id[:16]):
            raise Bad(NOT_ENTITLED)
        if not verify(maker.sign_pk, sig_structure(snapshot_payload(maker.id, space, raw, len(head.parts)), AAD_SNAPSHOT), signature):
            raise Bad(SEAL)
        ids, needed = [], False
        for f in head.feeds:
            known = [g for g in self.known.values() if g.id[:8] == f["grant8"]]
            fid = feed_id(self.ward, space, known[0].id) if known else None
            ids.append(fid)
            feed = self.feeds.get(fid)
            needed |= f["seq"] > (len(feed.chains[0]) if feed else 0)
        if not needed:
            return space, None
        for f, fid in zip(head.feeds, ids):                                                                 # 3
            known = [g for g in self.known.values() if g.id[:8] == f["grant8"]]
            if not known:
                raise Bad(GRANT_UNKNOWN)
            if not may_write(known[0], head.circle):
                raise Bad(NOT_ENTITLED)
            if f["seal"]:
                verify_seal(known[0].sign_pk, fid, f["seq"], f["hash"], f["seal"])
            if f["seq"] == 0 and f["hash"] != fid:
                raise Bad(CHAIN)
            feed = self.feeds.get(fid)                                                                      # 4
            if not feed or not f["seq"]:
                continue
            if any(upto < f["seq"] for upto in feed.leaves()):
                raise Bad(HISTORY, "a branch")
            chain = feed.chains[0]
            if len(chain) >= f["seq"] and chain[f["seq"] - 1].hash != f["hash"]:
                raise Bad(HISTORY)
        values = []
        for frame in frames[1:]:                                                                            # 5
            if frame["space8"] != space[:8]:
                raise Bad(GAP)
            if frame["number"] > len(head.parts):
                raise Bad(RANGE)
            part = head.parts[frame["number"] - 1]
            if part_hash(frame["codec"], frame["data"]) != part["hash"]:
                raise Bad(CHAIN)
            values += [(ids[part["feed"]],) + v for v in read_part(part, frame["codec"], frame["data"])]
        slots = {}
        for fid, seq, depth, _, op in values:
            key = fid if op.field % 4 == 3 else op.key
            slots.setdefault((op.kind, op.entity, op.field, key), []).append([fid, seq, depth, Raw(op.raw)])
        return space, H("wardsync state", b"".join(enc(list(slot) + [sorted(live, key=lambda x: x[:2])]) for slot, live in sorted(slots.items())))

    # ------------------------------------------------------------ merge (merge.md)

    def space_changes(self, space):
        return [c for f in self.feeds.values() if f.space == space for c in f.chains[0] if self.effective(c)]

    def slots(self, space):
        """{(kind, entity, field, key): [(change, raw value) live]} straight from the definition."""
        writes = {}
        for c in self.space_changes(space):
            here, touched, named = {}, [], set()
            for op in c.body.ops:
                key = c.feed.id if op.field % 4 == 3 else op.key
                here[(op.kind, op.entity, op.field, key)] = op.raw  # a later operation of one change replaces an earlier one
                touched.append((op.kind, op.entity))
                if op.field == 1:
                    named.add((op.kind, op.entity))
            for record in touched:
                if record not in named:
                    here[record + (1, b"")] = enc(True)
            for slot, raw in here.items():
                writes.setdefault(slot, []).append((c, raw))

        def superseded(slot, d, all_):
            for c, _ in all_:
                if c is d:
                    continue
                if slot[2] % 4 == 3:
                    if c.seq > d.seq:  # a running total
                        return True
                elif c.saw(d) and (slot[2] % 4 != 1 or RANK[c.feed.grant.role] >= RANK[d.feed.grant.role]):
                    return True
            return False
        live = {}
        for slot, all_ in writes.items():
            live[slot] = sorted([w for w in all_ if not superseded(slot, w[0], all_)], key=lambda w: (w[0].feed.id, w[0].seq))
        return live

    @staticmethod
    def order(w):
        c = w[0]
        return RANK[c.feed.grant.role], c.body.depth, c.feed.id, c.seq

    def shown(self, live):
        return max(live, key=self.order)

    def in_conflict(self, slot, live):
        """Under policy `conflict`."""
        if slot[2] == 1:
            return len({raw for _, raw in live}) > 1
        if slot[2] % 4 == 0:
            return len({raw for _, raw in live}) > 1
        if slot[2] % 4 == 1:
            top = max(RANK[c.feed.grant.role] for c, _ in live)
            return len({raw for c, raw in live if RANK[c.feed.grant.role] == top}) > 1
        return False

    def state_digest(self, space):
        out = b""
        for slot, live in sorted(self.slots(space).items()):
            out += enc([slot[0], slot[1], slot[2], slot[3], [[c.feed.id, c.seq, c.body.depth, Raw(raw)] for c, raw in live]])
        return H("wardsync state", out)

    def heads(self, space):
        """Of what is held, with effect or not; of a shattered feed what its branches share."""
        return sorted([f.id, len(chain), chain[-1].hash if chain else f.id] for f in self.feeds.values() if f.space == space
                      for chain in ([f.changes] if f.shattered else f.counting))

    def effective_heads(self, space):
        """Up to where each feed has effect."""
        last = {}
        for c in self.space_changes(space):
            last[c.feed.id] = max(c.seq, last.get(c.feed.id, 0))
        return [[f, last[f]] for f in sorted(last)]

    def space_digest(self, space):
        return H("wardsync heads", enc(self.heads(space)))

    def common_digest(self, spaces):
        return H("wardsync common", enc([[s, self.space_digest(s)] for s in sorted(spaces) if self.heads(s)]))


def conflict_id(space, slot):
    return H("wardsync slot", enc([space, slot[0], slot[1], slot[2], slot[3]]))[:16]


# ---------------------------------------------------------------- invitation (authority.md)


def invite_encode(payload):
    return "WS1-" + base64.b32encode(payload + H("wardsync invite", payload)[:4]).decode().rstrip("=")


def invite_decode(code):
    text = "".join(code.split()).upper()
    if not text.startswith("WS1-"):
        raise Bad(INVITE_MANGLED)
    text = text[4:].replace("-", "")
    try:
        data = base64.b32decode(text + "=" * (-len(text) % 8))
    except ValueError:
        raise Bad(INVITE_MANGLED) from None
    if base64.b32encode(data).decode().rstrip("=") != text or len(data) < 5:
        raise Bad(INVITE_MANGLED)
    payload = data[:-4]
    if H("wardsync invite", payload)[:4] != data[-4:]:
        raise Bad(INVITE_MANGLED)
    c = Cursor(payload)
    c.array(5)
    read_version(c)
    out = {"ward": c.bytes(32), "hub_link_pk": c.bytes(32), "secret": c.bytes(16)}
    out["addresses"] = [c.text() for _ in range(c.array())]
    c.end()
    return out


def join_key(secret):
    """The X25519 key pair of an invitation."""
    sk = bytearray(H("wardsync joinkey", secret))
    sk[0] &= 248
    sk[31] = sk[31] & 127 | 64
    return bytes(sk), sodium.crypto_scalarmult_base(bytes(sk))


def join_request(ward, invitation_pk, device, sign_pk, link_pk):
    return H("wardsync joinreq", enc([ward, invitation_pk, device, sign_pk, link_pk]))


# ---------------------------------------------------------------- admission (admission.md)


def voucher_key(secret):
    """The Ed25519 seed by which an invitation vouches for a request in a file, and its public key."""
    seed_ = H("wardsync vouch", secret)
    return seed_, sodium.crypto_sign_seed_keypair(seed_)[0]


def request_hash(ward, by, from_, device, sign_pk, link_pk):
    return H("wardsync request", enc([ward, by, from_, device, sign_pk, link_pk]))


def check_request_frame(frame, ward, voucher_pk):
    """The members of a request that holds; 836 where one of its two signatures does not."""
    m = read_frame(frame)[1]
    if m["ward"] != ward:
        raise Bad(SESSION_WARD)
    h = request_hash(ward, m["by"], m["from"], m["device"], m["sign_pk"], m["link_pk"])
    if not verify(m["sign_pk"], h, m["signature"]) or not verify(voucher_pk, h, m["voucher"]):
        raise Bad(REQUEST)
    return m, h


def words(sign_pk, link_pk):
    """Twelve syllables of five bits each, three to a word."""
    n = int.from_bytes(H("wardsync words", enc([sign_pk, link_pk])), "big") >> (256 - 60)
    syllables = [n >> (55 - 5 * i) & 31 for i in range(12)]
    text = ["bhklmstv"[x >> 2] + "aiou"[x & 3] for x in syllables]
    return " ".join("".join(text[i:i + 3]) for i in range(0, 12, 3))


# ---------------------------------------------------------------- key file (keyfile.md)

PASSES_MAX, KIB_MIN, KIB_MAX = 8, 8, 524288
ARGON2ID13 = 2  # libsodium's number for it


def stretch(passphrase, salt, passes, kib):
    text = unicodedata.normalize("NFC", passphrase).encode()
    return sodium.crypto_pwhash_alg(32, text, salt, passes, kib * 1024, ARGON2ID13)


def keyfile_seal(sign_seed, link_sk, passphrase, salt, passes, kib, sign_pk=None, link_pk=None):
    """The file; the public keys are those of the secrets, unless others are named. link_sk None: a seed alone."""
    sign_pk = sign_pk or sodium.crypto_sign_seed_keypair(sign_seed)[0]
    link_pk = link_pk or (sodium.crypto_scalarmult_base(link_sk) if link_sk else None)
    front = head(4, 9) + b"".join(enc(x) for x in (2, sign_pk, link_pk, 1, passes, kib, salt))
    key = stretch(passphrase, salt, passes, kib)
    front += enc(sodium.crypto_aead_xchacha20poly1305_ietf_encrypt(sign_seed + (link_sk or b""), front, bytes(24), key))
    return front + enc(H("wardsync keyfile", front)[:8])


def keyfile_structure(c):
    """(members, where the box begins, where the check begins) of a sealed file; (seed, link_sk) of an open one."""
    count, version = c.array(), c.uint()
    if version not in (1, 2):
        raise Bad(VERSION)
    if count != (3, 9)[version - 1]:
        raise Bad(KEY_FILE)
    if version == 1:
        both = c.bytes(32), c.bytes(32)
        c.end()
        return both
    m = {"sign_pk": c.bytes(32)}
    if c.peek() == 7:
        if c.value()[0] is not None:
            raise Bad(KEY_FILE)
        m["link_pk"] = None
    else:
        m["link_pk"] = c.bytes(32)
    if c.uint(0, 2 ** 32 - 1) != 1:
        raise Bad(VERSION)
    m["passes"], m["kib"], m["salt"] = c.uint(0, 2 ** 32 - 1), c.uint(0, 2 ** 32 - 1), c.bytes(16)
    at = c.i
    m["box"] = c.bytes(80 if m["link_pk"] else 48)
    end = c.i
    m["check"] = c.bytes(8)
    c.end()
    return m, at, end


def keyfile_open(data, passphrase):
    """(seed, link_sk or None)"""
    try:
        parts = keyfile_structure(Cursor(data))
    except Bad as bad:
        raise bad if bad.number == VERSION else Bad(KEY_FILE) from None
    if len(parts) == 2:
        return parts
    m, at, end = parts
    if m["check"] != H("wardsync keyfile", data[:end])[:8]:
        raise Bad(KEY_FILE, "altered")
    if not (1 <= m["passes"] <= PASSES_MAX and KIB_MIN <= m["kib"] <= KIB_MAX):
        raise Bad(KEY_FILE, "asks for too much")
    try:
        secret = sodium.crypto_aead_xchacha20poly1305_ietf_decrypt(m["box"], data[:at], bytes(24), stretch(passphrase, m["salt"], m["passes"], m["kib"]))
    except nacl.exceptions.CryptoError:
        raise Bad(PASSPHRASE) from None
    link_sk = secret[32:] or None
    if m["sign_pk"] != sodium.crypto_sign_seed_keypair(secret[:32])[0] or link_sk and m["link_pk"] != sodium.crypto_scalarmult_base(link_sk):
        raise Bad(KEY_FILE, "keys that do not belong together")
    return secret[:32], link_sk


SHEET_LINES, LINE_BYTES = 12, 10
BASE32 = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
LINE = re.compile(r"[ \t]*(\d{1,2})[ \t.:)]+(.*)")


def sheet_line_check(number, data):
    return base64.b32encode(H("wardsync sheet", bytes([number]) + data)[:5]).decode()[:4]


def sheet_lines(data):
    lines = []
    for n in range(SHEET_LINES):
        part = data[n * LINE_BYTES:][:LINE_BYTES]
        chars = base64.b32encode(part).decode()
        lines.append(" ".join(chars[i:i + 4] for i in range(0, 16, 4)) + "  " + sheet_line_check(n + 1, part))
    return lines


def sheet_chars(text):
    """The characters that count, or None where others stand among them."""
    chars = re.sub("[ \t-]", "", text).upper().translate(str.maketrans("018", "OIB"))
    return chars if all(c in BASE32 for c in chars) else None


def sheet_line_read(number, text):
    chars = sheet_chars(text)
    if chars is None or len(chars) != 20:
        return None
    data = base64.b32decode(chars[:16])
    return data if sheet_line_check(number, data) == chars[16:] else None


def sheet_read(text):
    """(bytes of the sheet, []) or (None, [lines that are missing or wrong])"""
    at = text.find("WSR1-")
    chars = sheet_chars(re.split("[\r\n]", text[at + 5:])[0]) if at >= 0 else None
    if chars and len(chars) == 192:
        return base64.b32decode(chars), []
    lines = {}
    for line in text.split("\n"):
        m = LINE.match(line.rstrip("\r"))
        if m and 1 <= int(m[1]) <= SHEET_LINES:
            lines[int(m[1])] = sheet_line_read(int(m[1]), m[2])
    bad = [n for n in range(1, SHEET_LINES + 1) if not lines.get(n)]
    return (None, bad) if bad else (b"".join(lines[n] for n in range(1, SHEET_LINES + 1)), [])


def sheet_open(text, passphrase):
    """(root seed, lines that are wrong)"""
    data, bad = sheet_read(text)
    if bad:
        raise Bad(SHEET, repr(bad))
    try:
        parts = keyfile_structure(Cursor(data))
    except Bad as refused:
        raise refused if refused.number == VERSION else Bad(SHEET) from None
    if len(parts) == 2 or parts[0]["link_pk"]:
        raise Bad(SHEET, "no sheet's key")
    try:
        return keyfile_open(data, passphrase)[0]
    except Bad as refused:
        raise Bad(SHEET) if refused.number == KEY_FILE else refused from None


# ---------------------------------------------------------------- bundle (bundle.md)


def introduced(frames, writer, replica):
    """A writer who is known by nothing but the bundle's own runs of the ward space, and by them in effect."""
    trial = copy.deepcopy(replica)
    for raw in frames:
        try:
            kind, run = read_frame(raw, BUNDLE_FRAMES)
        except Bad:
            raise Bad(B_DAMAGED) from None
        if kind != 4:
            raise Bad(B_DAMAGED)
        if run["space8"] == trial.ward_space[:8]:
            try:
                trial.ingest(run)
            except Bad:
                pass
    if writer not in trial.grants or trial.cuts.get(writer[:16]):
        raise Bad(B_WRITER)
    return trial.grants[writer]


def check_bundle(data, replica):
    """Returns (header, list of runs) after the checks that come before anything is stored."""
    c, frames, starts = Cursor(data), [], []
    try:
        while c.i < len(c.b):
            starts.append(c.i)
            frames.append(c.bytes())
        if len(frames) < 2:
            raise Bad(TRUNCATED)
        kind, trailer = read_frame(frames[-1], BUNDLE_FRAMES)
    except Bad:
        raise Bad(B_DAMAGED) from None
    if kind != 31 or trailer["hash"] != H("wardsync bundle", data[:starts[-1]]):
        raise Bad(B_DAMAGED)
    kind, header = read_frame(frames[0], BUNDLE_FRAMES)
    if kind != 30 or header["count"] != len(frames) - 2:
        raise Bad(B_DAMAGED)
    if header["ward"] != replica.ward:
        raise Bad(B_WARD)
    writer = replica.known.get(header["grant"]) or introduced(frames[1:-1], header["grant"], replica)
    payload = enc([header["grant"], trailer["hash"], header["count"]])
    if not verify(writer.sign_pk, sig_structure(payload, AAD_BUNDLE), trailer["signature"]):
        raise Bad(B_DAMAGED)
    runs = []
    for raw in frames[1:-1]:
        kind, run = read_frame(raw, BUNDLE_FRAMES)
        if kind != 4:
            raise Bad(B_DAMAGED)
        runs.append(run)
    for circle, feeds in header["spaces"]:
        space = space_id(replica.ward, circle)
        replica.circles.setdefault(space, circle)
        held = {f.grant.id[:8]: len(f.changes) for f in replica.feeds.values() if f.space == space}
        for grant8, base, _, _ in feeds:
            if base > held.get(grant8, 0):
                raise Bad(B_BASE)
    return header, runs


# ---------------------------------------------------------------- proof file (receipt.md)


def check_proof(data, replica):
    """Returns what is proven: author, feed, first, last, [(seq, [(signer, wall_ms)])], [(signer, seq, agrees)]."""
    c, frames = Cursor(data), []
    try:
        while c.i < len(data):
            frames.append(c.bytes())
        h = Cursor(frames[0])
        n = h.array()
        version, kind = h.uint(0), None
    except (Bad, IndexError):
        raise Bad(P_DAMAGED)
    if version != 1:
        raise Bad(VERSION)
    try:
        if h.uint(0) != 34 or n != 11:
            raise Bad(P_DAMAGED)
        ward, circle, grant = h.bytes(32), read_circle(h), h.bytes(32)
        first, prev, count, signature = h.uint(1), h.bytes(32), h.uint(1, PROOF_CHANGES_MAX), h.bytes(64)
        last = first + count - 1
        subjects = [h.uint(first, last) for _ in range(h.array())]
        if not 1 <= len(subjects) <= 64 or subjects != sorted(set(subjects)):
            raise Bad(P_DAMAGED)
    except Bad:
        raise Bad(P_DAMAGED)
    if ward != replica.ward:
        raise Bad(P_WARD)
    author = replica.known.get(grant)
    if not author:
        raise Bad(P_GRANT)
    space = space_id(ward, circle)
    feed = feed_id(ward, space, grant)
    if first == 1 and prev != feed:
        raise Bad(P_FALSE)
    receipts = []
    try:
        raw = [h.bytes() for _ in range(h.array())]
        h.end()
        parsed = [read_receipt(r) for r in raw]
    except Bad:
        raise Bad(P_DAMAGED)
    if not 1 <= len(raw) <= 32:
        raise Bad(P_DAMAGED)
    for r in parsed:
        if r["ward"] != ward:
            raise Bad(P_FALSE)
        signer = replica.known.get(r["grant"])
        if not signer:
            raise Bad(P_GRANT)
        if signer.role not in (HUB, OPERATOR):
            raise Bad(P_FALSE)
        try:
            verify_receipt(signer.sign_pk, r)
        except Bad:
            raise Bad(P_FALSE)
        at = [(s, hash_) for f, s, hash_ in r["heads"] if f == feed]
        if not at or not first <= at[0][0] <= last:
            raise Bad(P_FALSE)
        receipts.append((r["grant"], r["wall_ms"], at[0][0], at[0][1]))
    if len(frames) != count + 1:
        raise Bad(P_DAMAGED)
    hashes = {first - 1: prev}
    for seq, raw in enumerate(frames[1:], first):
        try:
            b = Cursor(raw)
            b.array(3)
            if (b.uint(0), b.uint(0)) != (1, 35):
                raise Bad(P_DAMAGED)
            body = b.bytes()
            b.end()
            read_body(body)
        except Bad:
            raise Bad(P_DAMAGED)
        hashes[seq] = change_hash(seq, hashes[seq - 1], body)
    if not verify(author.sign_pk, sig_structure(enc([feed, last, hashes[last]])), signature):
        raise Bad(P_FALSE)
    agree = [(g, wall, seq) for g, wall, seq, hash_ in receipts if hashes[seq] == hash_]
    if max([seq for _, _, seq in agree], default=0) < subjects[-1]:
        raise Bad(P_FALSE)
    shown = [[s, sorted([g.hex(), min(w for g2, w, at in agree if g2 == g and at >= s)] for g in {g for g, _, at in agree if at >= s})] for s in subjects]
    return {"grant": grant.hex(), "feed": feed.hex(), "first": first, "last": last, "shown": shown, "receipts": [[g.hex(), wall, seq, hashes[seq] == hash_] for g, wall, seq, hash_ in receipts]}


# ---------------------------------------------------------------- fork proof (fork.md)


def skip_body(c):
    """The bytes of one body, judged no further than to find its end."""
    start = c.i
    c.array(4)
    c.uint(0, WALL_MAX)
    c.uint()
    for _ in range(c.array()):
        c.array(3)
        feed, seq, hash_ = c.bytes(32), c.uint(), c.bytes(32)
        if seq == 0 and hash_ != feed:
            raise Bad(RANGE, "dep with seq 0")
    for _ in range(c.array()):
        for _ in range(c.array()):
            c.value()
    return c.b[start:c.i]


def read_author(raw, ward):
    c = Cursor(raw)
    if c.array() != 2:
        return Grant(raw)
    read_version(c)
    root = RootGrant(c.bytes(32))
    c.end()
    if root.id != ward:
        raise Bad(FORK_PROOF, "another ward's root")
    return root


def read_fork(c):
    c.array(12)
    if (c.uint(), c.uint()) != (1, 32):
        raise Bad(FORK_PROOF)
    ward = c.bytes(32)
    author, circle = read_author(c.bytes(), ward), read_circle(c)
    a, hash_a, seal_a, hash_ = c.uint(1), c.bytes(32), c.bytes(64), c.bytes(32)
    b, bodies, seal_b = c.uint(a), Cursor(c.bytes()), c.bytes(64)
    if hash_ == hash_a or b - a > RUN_CHANGES_MAX:
        raise Bad(FORK_PROOF)
    for seq in range(a + 1, b + 1):
        hash_ = change_hash(seq, hash_, skip_body(bodies))
    bodies.end()
    space = space_id(ward, circle)
    feed = feed_id(ward, space, author.id)
    verify_seal(author.sign_pk, feed, a, hash_a, seal_a)
    verify_seal(author.sign_pk, feed, b, hash_, seal_b)
    return {"ward": ward.hex(), "space": space.hex(), "feed": feed.hex(), "grant": author.id.hex(), "unit": (author.unit or bytes(16)).hex(), "role": author.role, "first": a, "last": b}


def check_fork(data):
    """What a proof says; whatever is wrong with it has one number."""
    try:
        if len(data) > FRAME_MAX:
            raise Bad(L_FRAME)
        return whole(data, read_fork)
    except Bad as bad:
        raise Bad(FORK_PROOF, str(bad)) from None


# ---------------------------------------------------------------- vectors

def unhex(x):
    return bytes.fromhex(x)


def expect(what, got, wanted):
    if got != wanted:
        raise AssertionError("%s: %s instead of %s" % (what, got, wanted))


def setup(case):
    s = case["setup"]
    r = Replica(unhex(s["root_pk"]), [[unhex(u) for u in circle] for circle in s["circles"]])
    for raw in s["held"]:
        expect("held", r.ingest(read_frame(unhex(raw))[1])[0] in ("new", "branch"), True)
    if s.get("reader"):
        r.reader = unhex(s["reader"])
    return r


def describe_ops(body):
    return [{"kind": o.kind, "entity": o.entity.hex(), "field": o.field, "key": o.key.hex(), "value": o.raw.hex()} for o in body.ops]


def check_keys(k):
    expect("sign_pk", sodium.crypto_sign_seed_keypair(unhex(k["sign_seed"]))[0].hex(), k["sign_pk"])
    expect("link_pk", sodium.crypto_scalarmult_base(unhex(k["link_sk"])).hex(), k["link_pk"])


def check_ward(k):
    expect("certificate", enc([1, unhex(k["root_pk"])]).hex(), k["certificate"])
    expect("ward", ward_id(unhex(k["root_pk"])).hex(), k["ward"])


def check_circle(k):
    circle = whole(unhex(k["circle"]), read_circle)
    if "space" in k:
        expect("space", space_id(unhex(k["ward"]), circle).hex(), k["space"])


def check_genesis(k):
    g = whole(unhex(k["genesis"]), read_genesis)
    expect("genesis", genesis(g["ward"], g["space"], g["grant"]).hex(), k["genesis"])
    expect("feed", H("wardsync genesis", unhex(k["genesis"])).hex(), k["feed"])


def check_grant(k):
    g = Grant(unhex(k["grant"]))
    if "entity" in k and g.id[:16].hex() != k["entity"]:
        raise Bad(GRANT_BAD)
    if "id" in k:
        expect("id", g.id.hex(), k["id"])
        expect("role, unit", (g.role, g.unit.hex()), (k["role"], k["unit"]))


def check_change(k):
    body = read_body(unhex(k["body"]))
    if "error" in k:
        return
    expect("hash", change_hash(k["seq"], unhex(k["prev"]), body.raw).hex(), k["hash"])
    expect("wall, depth", (body.wall_ms, body.depth), (k["wall_ms"], k["depth"]))
    expect("deps", [[f.hex(), s, h.hex()] for f, s, h in body.deps], k["deps"])
    expect("ops", describe_ops(body), k["ops"])


def check_columns(k):
    bodies = join_columns(unhex(k["columns"]), k["count"])
    if "bodies" in k:
        expect("bodies", bodies.hex(), k["bodies"])


def check_seal(k):
    payload = enc([unhex(k["feed"]), k["seq"], unhex(k["hash"])])
    if "cose" in k:
        expect("payload", payload.hex(), k["payload"])
        expect("sig_structure", sig_structure(payload).hex(), k["sig_structure"])
        expect("cose", cose_sign1(payload, unhex(k["signature"])).hex(), k["cose"])
    verify_seal(unhex(k["sign_pk"]), unhex(k["feed"]), k["seq"], unhex(k["hash"]), unhex(k["signature"]))


def check_receipt(k):
    r = read_receipt(unhex(k["cose"]))
    if "payload" in k:
        expect("payload", r["payload"].hex(), k["payload"])
        expect("again", enc(receipt_payload(r["ward"], r["grant"], r["wall_ms"], r["heads"])).hex(), k["payload"])
        expect("sig_structure", sig_structure(r["payload"], AAD_RECEIPT).hex(), k["sig_structure"])
        expect("members", [r["ward"].hex(), r["grant"].hex(), r["wall_ms"], [[f.hex(), s, h.hex()] for f, s, h in r["heads"]]], [k["ward"], k["grant"], k["wall_ms"], k["heads"]])
        expect("signature", r["signature"].hex(), k["signature"])
    verify_receipt(unhex(k["sign_pk"]), r)


def check_proof_case(k):
    got = check_proof(unhex(k["proof"]), setup(k))
    if "shown" in k:
        expect("proven", got, {name: k[name] for name in ("grant", "feed", "first", "last", "shown", "receipts")})


def check_fork_case(k):
    got = check_fork(unhex(k["fork"]))
    if "feed" in k:
        expect("proven", got, {name: k[name] for name in ("ward", "space", "feed", "grant", "unit", "role", "first", "last")})


def check_run(k):
    r = setup(k)
    what, seq, hash_ = r.ingest(read_frame(unhex(k["run"]))[1])
    if "result" in k:
        expect("result", [what, seq, hash_.hex()], [k["result"], k["head_seq"], k["head_hash"]])


def check_snapshot(k):
    r = setup(k)
    frames = [read_frame(unhex(raw))[1] for raw in k["frames"]]
    if "head" not in frames[0]:
        raise Bad(GAP)
    space, state = r.take_snapshot(frames)
    if "state" in k:
        expect("space", space.hex(), k["space"])
        expect("payload", snapshot_payload(frames[0]["head"].maker, space, frames[0]["raw"], len(frames[0]["head"].parts)).hex(), k["payload"])
        expect("state", state.hex() if state else None, k["state"])
        expect("feeds", [[f["grant8"].hex(), f["seq"], f["depth"], [list(x) for x in f["seen"]]] for f in frames[0]["head"].feeds], k["feeds"])


def check_frame(k):
    kind, members = read_frame(unhex(k["frame"]))
    if "type" in k:
        expect("type", kind, k["type"])
    if "ward" in k:
        req = join_request(unhex(k["ward"]), unhex(k["invitation_pk"]), members["device"], members["sign_pk"], members["link_pk"])
        expect("request", req.hex(), k["request"])
        if not verify(members["sign_pk"], req, members["signature"]):
            raise Bad(SEAL)


def check_request(k):
    m, h = check_request_frame(unhex(k["frame"]), unhex(k["ward"]), unhex(k["voucher_pk"]))
    if "hash" in k:
        expect("hash", h.hex(), k["hash"])
        expect("words", words(m["sign_pk"], m["link_pk"]), k["words"])
    if "invitation_secret" in k:
        expect("voucher", voucher_key(unhex(k["invitation_secret"]))[1].hex(), k["voucher_pk"])
        expect("from", join_key(unhex(k["invitation_secret"]))[1].hex(), m["from"].hex())


def check_words(k):
    expect("words", words(unhex(k["sign_pk"]), unhex(k["link_pk"])), k["words"])


def check_invite(k):
    i = invite_decode(k["code"])
    if "secret" in k:
        expect("ward", i["ward"].hex(), k["ward"])
        expect("hub", i["hub_link_pk"].hex(), k["hub_link_pk"])
        expect("secret", i["secret"].hex(), k["secret"])
        expect("addresses", i["addresses"], k["addresses"])
        expect("link", join_key(i["secret"])[1].hex(), k["link_pk"])


def check_keyfile(k):
    sign_seed, link_sk = keyfile_open(unhex(k["file"]), k["passphrase"])
    if "seed" in k:
        expect("seed", sign_seed.hex(), k["seed"])
        expect("link_sk", link_sk.hex() if link_sk else None, k["link_sk"])
        expect("sign_pk", sodium.crypto_sign_seed_keypair(sign_seed)[0].hex(), k["sign_pk"])
        expect("link_pk", sodium.crypto_scalarmult_base(link_sk).hex() if link_sk else None, k["link_pk"])


def check_sheet(k):
    if "bad" in k:
        expect("bad lines", sheet_read(k["text"])[1], k["bad"])
    sign_seed = sheet_open(k["text"], k["passphrase"])
    root_pk = sodium.crypto_sign_seed_keypair(sign_seed)[0]
    expect("root_pk", root_pk.hex(), k["root_pk"])
    expect("ward", ward_id(root_pk).hex(), k["ward"])
    data = sheet_read(k["text"])[0]
    expect("lines", sheet_lines(data), k["lines"])
    expect("code", "WSR1-" + base64.b32encode(data).decode(), k["code"])


def check_bundle_case(k):
    r = setup(k)
    _, runs = check_bundle(unhex(k["bundle"]), r)
    results = []
    for run in runs:
        results.append(r.ingest(run)[0])
    if "results" in k:
        expect("results", results, k["results"])


def describe_slots(r, space):
    out = []
    for slot, live in sorted(r.slots(space).items()):
        out.append({"kind": slot[0], "entity": slot[1].hex(), "field": slot[2], "key": slot[3].hex(),
                    "live": [[c.feed.id.hex(), c.seq, c.body.depth, raw.hex()] for c, raw in live],
                    "shown": r.shown(live)[1].hex(), "conflict": r.in_conflict(slot, live), "conflict_id": conflict_id(space, slot).hex()})
    return out


def describe_space(r, space):
    return {"space": space.hex(), "circle": [u.hex() for u in r.circles[space]],
            "heads": [[f.hex(), s, h.hex()] for f, s, h in r.heads(space)], "effective": [[f.hex(), s] for f, s in r.effective_heads(space)],
            "digest": r.space_digest(space).hex(), "state": r.state_digest(space).hex(), "slots": describe_slots(r, space)}


def take_in_any_order(r, runs, rng):
    """A causally closed order by chance: what cannot be taken yet is tried again later."""
    waiting = list(runs)
    rng.shuffle(waiting)
    while waiting:
        later = []
        for run in waiting:
            try:
                expect("result", r.ingest(run)[0], "new")
            except Bad as bad:
                if bad.number not in (GAP, DEP_MISSING, GRANT_UNKNOWN):
                    raise
                later.append(run)
        if len(later) == len(waiting):
            raise AssertionError("runs that no order lets in")
        waiting = later


def check_history(k):
    runs = [read_frame(unhex(raw))[1] for raw in k["runs"]]
    for order in range(8):  # as given, then by chance
        r = Replica(unhex(k["root_pk"]), [[unhex(u) for u in circle] for circle in k["circles"]])
        if order:
            take_in_any_order(r, runs, random.Random(order))
        else:
            expect("results", {r.ingest(run)[0] for run in runs}, {"new"})
        expect("spaces held", sorted(s.hex() for s in r.circles if r.heads(s)), [s["space"] for s in k["spaces"]])
        for s in k["spaces"]:
            expect("space in order %d" % order, describe_space(r, unhex(s["space"])), s)
        expect("grants", sorted(g.hex() for g in r.grants), k["grants"])
        expect("common", r.common_digest(list(r.circles)).hex(), k["common"])


CHECKS = {"keys": check_keys, "request": check_request, "words": check_words, "ward": check_ward, "circle": check_circle, "genesis": check_genesis, "grant": check_grant, "change": check_change, "columns": check_columns,
          "seal": check_seal, "receipt": check_receipt, "proof": check_proof_case, "fork": check_fork_case, "run": check_run, "snapshot": check_snapshot, "frame": check_frame, "invite": check_invite, "keyfile": check_keyfile, "sheet": check_sheet, "bundle": check_bundle_case, "history": check_history}


def check_file(path):
    """Returns (passed, failed)."""
    with open(path, encoding="utf-8") as f:
        doc = json.load(f)
    passed = failed = 0
    check = CHECKS[doc["family"].split("-")[0]]
    for case in doc["cases"]:
        try:
            check(case)
            got = 0
        except Bad as bad:
            got = bad.number
        except AssertionError as wrong:
            got = str(wrong)
        if got == case.get("error", 0):
            passed += 1
        else:
            failed += 1
            print("%s: %s: %s instead of %s" % (os.path.basename(path), case["name"], got, case.get("error", 0)), file=sys.stderr)
    return passed, failed


def main():
    if len(sys.argv) < 2:
        print("usage: wardcheck.py FILE.json ...", file=sys.stderr)
        return 64
    results = [check_file(path) for path in sys.argv[1:]]
    passed, failed = (sum(column) for column in zip(*results))
    print("%d passed, %d failed" % (passed, failed))
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    sys.exit(main())
