#!/usr/bin/python3
"""Writes proto/vectors/*.json. Keys come from fixed names, times are fixed, so that running it twice gives the same bytes.

make_vectors.py [DIRECTORY]
"""
import ctypes
import hashlib
import json
import os
import sys

sys.dont_write_bytecode = True
import cbor2
import nacl.bindings as sodium

import wardcheck as w
from wardcheck import H, Raw, enc, head

WALL = 1779235200000  # 2026-05-20T00:00:00Z
L = 2 ** 252 + 27742317777372353535851937790883648493


def seed(name, use):
    return hashlib.blake2b(("wardsync vector %s %s" % (use, name)).encode(), digest_size=32).digest()


def entity(name):
    """16 bytes in the form of a UUIDv7, from a name."""
    b = bytearray(hashlib.blake2b(name.encode(), digest_size=16).digest())
    b[0:6] = WALL.to_bytes(6, "big")
    b[6], b[8] = b[6] & 0x0f | 0x70, b[8] & 0x3f | 0x80
    return bytes(b)


_zstd = ctypes.CDLL("libzstd.so.1")
_zstd.ZSTD_compressBound.restype = _zstd.ZSTD_compress.restype = ctypes.c_size_t


def pack(data):
    size = _zstd.ZSTD_compressBound(ctypes.c_size_t(len(data)))
    out = ctypes.create_string_buffer(size)
    n = _zstd.ZSTD_compress(out, ctypes.c_size_t(size), data, ctypes.c_size_t(len(data)), 3)
    return out.raw[:n]


def pack_unsaid(data):
    """A zstd frame that does not state its content size."""
    _zstd.ZSTD_createCCtx.restype = ctypes.c_void_p
    _zstd.ZSTD_compress2.restype = ctypes.c_size_t
    cctx = ctypes.c_void_p(_zstd.ZSTD_createCCtx())
    _zstd.ZSTD_CCtx_setParameter(cctx, 200, 0)
    out = ctypes.create_string_buffer(len(data) + 512)
    n = _zstd.ZSTD_compress2(cctx, out, ctypes.c_size_t(len(out)), data, ctypes.c_size_t(len(data)))
    _zstd.ZSTD_freeCCtx(cctx)
    return out.raw[:n]


# ---------------------------------------------------------------- columns (columns.md)


def planes(numbers):
    out = b""
    while numbers:
        out += bytes(n & 127 | (128 if n > 127 else 0) for n in numbers)
        numbers = [n >> 7 for n in numbers if n > 127]
    return out


def zigzag(n):
    n = (n + (1 << 63)) % (1 << 64) - (1 << 63)
    return 2 * n if n >= 0 else -2 * n - 1


class ColumnsOf:
    """The columns of bodies, open to be altered: each a list of numbers by its name on the page; words; data, what the page calls bytes."""

    NAMES = ("wall", "depth", "deps", "ops", "dep feed", "dep seq", "record", "record time", "record kind", "field", "field number", "key", "key length", "value", "form",
             "number", "word count", "word")

    def __init__(self, bodies):
        self.col = {name: [] for name in self.NAMES}
        self.words, self.data, self.met, self.count = b"", b"", {}, len(bodies)
        wall = depth = 0
        for raw in bodies:
            b = w.read_body(raw)
            self.add(wall=zigzag(b.wall_ms - wall), depth=(b.depth - depth - 1) % (1 << 64), deps=len(b.deps), ops=len(b.ops))
            wall, depth = b.wall_ms, b.depth
            for feed, seq, hash_ in b.deps:
                if self.name("dep feed", feed):
                    self.data += feed
                before = self.met.get(("seq", feed), 0)
                self.met["seq", feed] = seq
                self.add(dep_seq=(seq - before) % (1 << 64))
                self.data += hash_
            for o in w.describe_ops(b):
                self.op(wall, o["kind"], *(bytes.fromhex(o[x]) for x in ("entity", "key", "value")), o["field"])

    def add(self, **numbers):
        for name, n in numbers.items():
            self.col[name.replace("_", " ")].append(n)

    def name(self, column, thing, within=None):
        """Names a thing; whether it is new."""
        met = self.met.setdefault((column, within), [])
        new = thing not in met
        self.col[column].append(0 if new else met.index(thing) + 1)
        if new:
            met.append(thing)
        return new

    def op(self, wall, kind, ent, key, value, field):
        if self.name("record", (ent, kind)):
            age = (wall - int.from_bytes(ent[:6], "big")) % (1 << 48)
            self.add(record_time=zigzag(age - (1 << 48) if age >> 47 else age), record_kind=kind)
            self.data += ent[6:]
        if self.name("field", field):
            self.add(field_number=field)
        if field % 4 == 2 and self.name("key", key):
            self.add(key_length=len(key))
            self.data += key
        if self.name("value", value, field):
            self.value(value)

    def value(self, value):
        c = w.Cursor(value)
        major, n = c.head()
        rest = value[c.i:]
        if major == 7:
            self.add(form={22: 0, 20: 1, 21: 2}[n])
        elif major < 2:
            self.add(form=3 + major, number=n)
        elif major == 2:
            self.add(form=5, number=n)
            self.data += rest
        elif major == 3:
            words = rest.split(b" ")
            self.add(form=6, word_count=len(words))
            self.words += b"".join(x + b" " for x in words if self.name("word", x))
        else:
            self.add(form=7, number=len(value))
            self.data += value

    def __bytes__(self):
        return b"".join(planes(self.col[name]) for name in self.NAMES) + self.words + self.data


# ---------------------------------------------------------------- people and places

UNITS = {name: entity("unit " + name) for name in ("XDD", "UBND", "CB1", "CB2", "CB3", "MTTQ")}


class Device:
    def __init__(self, name, unit, role):
        self.name, self.role = name, role
        self.sign_seed, self.link_sk = seed(name, "sign"), seed(name, "link")
        self.sign_pk, self.sign_sk = sodium.crypto_sign_seed_keypair(self.sign_seed)
        self.link_pk = sodium.crypto_scalarmult_base(self.link_sk)
        if role == w.ROOT:
            self.unit, self.id = None, w.ward_id(self.sign_pk)
        else:
            self.unit = UNITS[unit]
            self.grant = enc([1, self.sign_pk, self.link_pk, self.unit, role])
            self.id = H("wardsync grant", self.grant)

    @property
    def entity(self):
        return self.id[:16]

    def sign(self, message):
        return sodium.crypto_sign(message, self.sign_sk)[:64]


ROOT = Device("root", None, w.ROOT)
OP = Device("operator", "XDD", w.OPERATOR)
OP2 = Device("operator 2", "XDD", w.OPERATOR)
HUB = Device("hub", "UBND", w.HUB)
C1 = Device("cell 1", "CB1", w.CELL)
C2 = Device("cell 2", "CB2", w.CELL)
C3 = Device("cell 3", "CB3", w.CELL)
INSP = Device("inspector", "MTTQ", w.INSPECTOR)
STRANGER = Device("stranger", "CB1", w.CELL)
DEVICES = [ROOT, OP, OP2, HUB, C1, C2, C3, INSP, STRANGER]
WARD = ROOT.id
OTHER_WARD = w.ward_id(Device("other root", None, w.ROOT).sign_pk)


def circle(*names):
    return sorted(UNITS[n] for n in names)


JOINT = circle("CB1", "CB2")
ALONE = circle("CB1")
CIRCLES = [JOINT, ALONE]

TASK, PROPOSAL = 16, 17
T1, T2, T3 = entity("task 1"), entity("task 2"), entity("task 3")
TITLE, NOTE, DEADLINE, WITH, REACHED = 4, 8, 5, 6, 7  # by class: open, open, governed, member, sum


# ---------------------------------------------------------------- writing changes


def ops_enc(ops):
    """ops: (kind, entity, field, key, value) in logical form -> encoded array."""
    records, out = [], []
    for kind, ent, field, key, value in ops:
        tail = [field] + ([key] if key is not None else []) + [value]
        if (kind, ent) in records:
            out.append([records.index((kind, ent))] + tail)
        else:
            records.append((kind, ent))
            out.append([ent, kind] + tail)
    return Raw(enc(out))


def body(wall, depth, deps, ops):
    return enc([wall, depth, deps, ops_enc(ops) if not isinstance(ops, Raw) else ops])


def op(ent, field, value, key=None, kind=TASK):
    return (kind, ent, field, key, value)


def columns(log):
    return bytes(ColumnsOf([c["body"] for c in log]))


class Author:
    """One device in one space: writes its feed, and knows what it has seen."""

    def __init__(self, device, circle_):
        self.device, self.circle = device, circle_
        self.space = w.space_id(WARD, circle_)
        self.feed = w.feed_id(WARD, self.space, device.id)
        self.log, self.vector, self.depth, self.fresh = [], {}, 0, {}

    @property
    def prev(self):
        return self.log[-1]["hash"] if self.log else self.feed

    def see(self, other, seq=None):
        """Applies the other's feed up to seq, with all that those changes had seen."""
        seq = seq or len(other.log)
        c = other.log[seq - 1]
        for feed, (s, hash_) in c["vector"].items():
            if feed != self.feed and s > self.vector.get(feed, (0,))[0]:
                self.vector[feed] = s, hash_
                self.fresh[feed] = [feed, s, hash_]
        self.depth = max(self.depth, c["depth"])
        return self

    def write(self, *ops, wall=None, depth=None, deps=None):
        seq = len(self.log) + 1
        depth_ = depth if depth is not None else self.depth + 1
        deps_ = deps if deps is not None else [self.fresh[f] for f in sorted(self.fresh)]
        b = body(WALL + seq if wall is None else wall, depth_, deps_, list(ops))
        hash_ = w.change_hash(seq, self.prev, b)
        self.vector[self.feed] = seq, hash_
        self.log.append({"body": b, "hash": hash_, "depth": depth_, "vector": dict(self.vector)})
        self.depth, self.fresh = depth_, {}
        return self

    def write_late(self, seen, deps, *ops, depth=None):
        """A late change: of its own feed it had seen `seen`, of others (author, seq) in deps."""
        names = [[self.feed, seen, self.feed]] + [[a.feed, s, a.log[s - 1]["hash"]] for a, s in deps]
        for a, s in deps:
            if s > self.vector.get(a.feed, (0,))[0]:
                self.vector[a.feed] = s, a.log[s - 1]["hash"]
            self.depth = max(self.depth, a.log[s - 1]["depth"])
        waiting = self.fresh
        self.write(*ops, depth=depth, deps=sorted(names))
        self.fresh = {f: d for f, d in waiting.items() if d[1] > self.vector.get(f, (0,))[0]}
        return self

    def copy(self, upto=None):
        """Another that goes on from here, or from its change `upto`."""
        a = Author(self.device, self.circle)
        a.log, a.vector, a.depth, a.fresh = list(self.log), dict(self.vector), self.depth, dict(self.fresh)
        if upto is not None:
            a.log = a.log[:upto]
            a.vector, a.depth, a.fresh = dict(a.log[-1]["vector"]), a.log[-1]["depth"], {}
        return a

    def seal(self, seq=None):
        seq = seq or len(self.log)
        return self.device.sign(w.sig_structure(enc([self.feed, seq, self.log[seq - 1]["hash"]])))

    def run(self, first=1, last=None, codec=0, **change):
        last = last or len(self.log)
        data = b"".join(c["body"] for c in self.log[first - 1:last])
        m = {"version": 1, "type": 4, "space8": self.space[:8], "grant8": self.device.id[:8], "first": first, "count": last - first + 1,
             "codec": codec, "data": pack(columns(self.log[first - 1:last]) if codec == 2 else data) if codec else data, "signature": self.seal(last)}
        m.update(change)
        return enc(list(m.values()))


def grant_ops(d):
    return [(1, d.entity, 4, None, d.grant), (1, d.entity, 8, None, "máy " + d.name)]


def found(*devices):
    """The ward space: the root names the operator, the operator the others."""
    root = Author(ROOT, []).write(*grant_ops(OP), (4, WARD[:16], 4, None, "Phường Bạch Đằng"), (4, WARD[:16], 10, b"tcp://hub.example:7450", True))
    oper = Author(OP, []).see(root).write(*[o for d in devices for o in grant_ops(d)]) if devices else None
    return root, oper


# ---------------------------------------------------------------- output

DIR = sys.argv[1] if len(sys.argv) > 1 else os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../proto/vectors")
COUNT = {}


def save(family, cases):
    names = [c["name"] for c in cases]
    assert len(set(names)) == len(names), [n for n in names if names.count(n) > 1]
    text = json.dumps({"family": family, "cases": cases}, ensure_ascii=False, indent=1)
    with open(os.path.join(DIR, family + ".json"), "w", encoding="utf-8") as f:
        f.write(text + "\n")
    COUNT[family] = len(cases)


def hx(x):
    return bytes(x).hex()


# ---------------------------------------------------------------- keys, names


def keys():
    save("keys", [{"name": d.name, "sign_seed": hx(d.sign_seed), "sign_pk": hx(d.sign_pk), "link_sk": hx(d.link_sk), "link_pk": hx(d.link_pk)} for d in DEVICES])
    other = Device("other root", None, w.ROOT)
    save("ward", [{"name": n, "root_pk": hx(d.sign_pk), "certificate": hx(enc([1, d.sign_pk])), "ward": hx(d.id)} for n, d in (("ward", ROOT), ("another ward", other))])


def circles():
    many = sorted(entity("unit %d" % i) for i in range(257))
    good = [("ward space", []), ("one unit", ALONE), ("two units", JOINT), ("all units", sorted(UNITS.values())), ("256 units, the limit", many[:256])]
    save("circle", [{"name": n, "ward": hx(WARD), "circle": hx(enc(c)), "space": hx(w.space_id(WARD, c))} for n, c in good])
    a, b = JOINT
    bad = [("descending", enc([b, a]), w.ORDER), ("unit twice", enc([a, a]), w.ORDER), ("257 units", enc(many), w.L_CIRCLE),
           ("unit of 15 bytes", enc([a[:15]]), w.TYPE), ("text for a unit", enc(["CB1"]), w.TYPE), ("no array", enc(a), w.TYPE),
           ("indefinite array", b"\x9f" + enc(a) + b"\xff", w.NONCANONICAL), ("bytes after it", enc([a]) + b"\0", w.TRAILING),
           ("cut off", enc([a, b])[:-1], w.TRUNCATED), ("long head", b"\x98\x01" + enc(a), w.NONCANONICAL), ("empty", b"", w.TRUNCATED)]
    save("circle-bad", [{"name": n, "circle": hx(c), "error": e} for n, c, e in bad])


def geneses():
    good = []
    for d, c in ((ROOT, []), (OP, []), (C1, JOINT), (C1, ALONE), (INSP, circle("MTTQ"))):
        g = w.genesis(WARD, w.space_id(WARD, c), d.id)
        good.append({"name": "%s in a space of %d units" % (d.name, len(c)), "genesis": hx(g), "feed": hx(H("wardsync genesis", g))})
    save("genesis", good)
    g = w.genesis(WARD, w.space_id(WARD, JOINT), C1.id)
    bad = [("version 2", b"\x84\x02" + g[2:], w.VERSION), ("cut off", g[:-1], w.TRUNCATED), ("bytes after it", g + b"\0", w.TRAILING),
           ("three members", b"\x83" + g[1:-34], w.TYPE), ("version in two bytes", b"\x84\x18\x01" + g[2:], w.NONCANONICAL),
           ("ward of 31 bytes", enc([1, WARD[:31], w.space_id(WARD, JOINT), C1.id]), w.TYPE), ("text for the grant", enc([1, WARD, WARD, "x"]), w.TYPE)]
    save("genesis-bad", [{"name": n, "genesis": hx(b), "error": e} for n, b, e in bad])


def grants():
    save("grant", [{"name": d.name, "grant": hx(d.grant), "id": hx(d.id), "entity": hx(d.entity), "role": d.role, "unit": hx(d.unit)} for d in DEVICES if d.role != w.ROOT])
    s, k, u = C1.sign_pk, C1.link_pk, C1.unit
    small = bytes.fromhex("26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05")  # of order 8
    mixed = sodium.crypto_core_ed25519_add(s, small)
    nowhere = next(p for p in (bytes([i]) + bytes(31) for i in range(2, 99)) if not on_curve(p))
    bad = [("version 2", enc([2, s, k, u, 1]), w.VERSION), ("role 5", enc([1, s, k, u, 5]), w.RANGE), ("negative role", enc([1, s, k, u, -1]), w.TYPE),
           ("role as text", enc([1, s, k, u, "cell"]), w.TYPE), ("four members", enc([1, s, k, u]), w.TYPE), ("six members", enc([1, s, k, u, 1, 0]), w.TYPE),
           ("key of 31 bytes", enc([1, s[:31], k, u, 1]), w.TYPE), ("unit of 17 bytes", enc([1, s, k, u + b"\0", 1]), w.TYPE),
           ("bytes after it", C1.grant + b"\0", w.TRAILING), ("cut off", C1.grant[:-1], w.TRUNCATED), ("role in two bytes", C1.grant[:-1] + b"\x18\x01", w.NONCANONICAL),
           ("role as float", C1.grant[:-1] + b"\xf9\x3c\x00", w.NONCANONICAL), ("map", b"\xa0", w.NONCANONICAL),
           ("sign_pk all zero: small order", enc([1, bytes(32), k, u, 1]), w.KEY_POINT), ("sign_pk the neutral point", enc([1, b"\1" + bytes(31), k, u, 1]), w.KEY_POINT),
           ("sign_pk of order 8", enc([1, small, k, u, 1]), w.KEY_POINT), ("sign_pk of mixed order", enc([1, mixed, k, u, 1]), w.KEY_POINT),
           ("sign_pk not on the curve", enc([1, nowhere, k, u, 1]), w.KEY_POINT), ("sign_pk not reduced", enc([1, b"\xff" * 32, k, u, 1]), w.KEY_POINT),
           ("link_pk all zero", enc([1, s, bytes(32), u, 1]), w.KEY_POINT), ("link_pk of small order", enc([1, s, b"\1" + bytes(31), u, 1]), w.KEY_POINT)]
    cases = [{"name": n, "grant": hx(b), "error": e} for n, b, e in bad]
    cases.append({"name": "role root, which is never granted", "grant": hx(enc([1, s, k, u, 0])), "error": w.GRANT_BAD})
    cases.append({"name": "entity of another grant", "grant": hx(C1.grant), "entity": hx(C2.entity), "error": w.GRANT_BAD})
    save("grant-bad", cases)


def on_curve(p):
    prime = 2 ** 255 - 19
    y = int.from_bytes(p, "little") & (2 ** 255 - 1)
    d = -121665 * pow(121666, prime - 2, prime) % prime
    x2 = (y * y - 1) * pow(d * y * y + 1, prime - 2, prime) % prime
    return x2 == 0 or pow(x2, (prime - 1) // 2, prime) == 1


# ---------------------------------------------------------------- changes


def change_case(name, b, seq=1, prev=None, **more):
    parsed = w.read_body(b)
    assert cbor2.loads(b)[0] == parsed.wall_ms  # a third opinion on the encoding
    prev = prev or Author(C1, JOINT).feed
    return {"name": name, "seq": seq, "prev": hx(prev), "body": hx(b), "hash": hx(w.change_hash(seq, prev, b)), "wall_ms": parsed.wall_ms,
            "depth": parsed.depth, "deps": [[hx(f), s, hx(h)] for f, s, h in parsed.deps], "ops": w.describe_ops(parsed), **more}


def feed_ids(n):
    return sorted(H("wardsync genesis", b"%d" % i) for i in range(n))


def changes():
    out = []

    def one(name, *ops, wall=WALL, depth=1, deps=()):
        out.append(change_case(name, body(wall, depth, list(deps), list(ops))))
    one("title", op(T1, TITLE, "Xây dựng kế hoạch thực hiện Nghị quyết 05-NQ/TU"))
    values = [("null", None), ("false", False), ("true", True), ("0", 0), ("23", 23), ("24", 24), ("255", 255), ("256", 256), ("65535", 65535), ("65536", 65536),
              ("2^32-1", 2 ** 32 - 1), ("2^32", 2 ** 32), ("2^63-1", 2 ** 63 - 1), ("-1", -1), ("-24", -24), ("-25", -25), ("-256", -256), ("-257", -257),
              ("-2^63", -2 ** 63), ("empty text", ""), ("text of 23 bytes", "a" * 23), ("text of 24 bytes", "a" * 24), ("text of 256 bytes", "ạ" * 85 + "a"),
              ("decomposed text stays as typed", "Bạch Đằng"), ("text beyond the basic plane", "🌾 lúa"), ("U+FFFD, U+FEFF, U+10FFFF", "\ufffd\ufeff\U0010ffff"), ("control characters but U+0000", "\u0001\t\n\u007f"),
              ("empty bytes", b""), ("bytes", bytes(range(256))), ("empty array", []), ("mixed array", [None, True, -5, "đ", b"\0", []]),
              ("4 arrays deep, the limit", [[[[1, "hai", b"3"]]]]), ("array of 24", list(range(24))), ("array of 256 nulls", [None] * 256)]
    for n, v in values:
        one("value: " + n, op(T1, NOTE, v))
    one("value: text of 49,152 bytes encoded, the limit", op(T1, NOTE, "x" * (w.VALUE_MAX - 3)))
    one("value: bytes of 49,152 encoded, the limit", op(T1, NOTE, bytes(w.VALUE_MAX - 3)))
    one("value: array of 49,152 bytes encoded, the limit", op(T1, NOTE, [0] * (w.VALUE_MAX - 3)))
    one("governed", op(T1, DEADLINE, "2026-05-31"))
    one("member in", op(T1, WITH, True, key=UNITS["CB2"]))
    one("member out", op(T1, WITH, False, key=UNITS["CB2"]))
    one("key of 1 byte", op(T1, WITH, True, key=b"\0"))
    one("key of 64 bytes, the limit", op(T1, WITH, True, key=bytes(range(64))))
    one("sum", op(T1, REACHED, 41))
    one("sum, negative", op(T1, REACHED, -2 ** 63))
    one("deletion", op(T1, 1, False))
    one("kept", op(T1, 1, True))
    one("greatest kind and fields", op(T1, 65532, "o", kind=65535), op(T1, 65533, "g", kind=65535), op(T1, 65534, True, key=b"m", kind=65535), op(T1, 65535, 1, kind=65535))
    one("the core's kind 3", (3, entity("reason"), 4, None, "Đã thống nhất trong cuộc họp chi bộ"), (3, entity("reason"), 8, None, T1))
    one("the same record again by index", op(T1, TITLE, "Tên"), op(T1, NOTE, "Ghi chú"), op(T1, WITH, True, key=b"a"), op(T1, REACHED, 3))
    one("two records in turn", op(T1, TITLE, "Một"), op(T2, TITLE, "Hai"), op(T1, NOTE, "1"), op(T2, NOTE, "2"), op(T1, TITLE, "Một lần nữa"))
    one("one entity of two kinds", op(T1, TITLE, "a"), op(T1, TITLE, "b", kind=PROPOSAL), op(T1, NOTE, "c"))
    one("one slot written twice", op(T1, TITLE, "trước"), op(T1, TITLE, "sau"))
    one("30 records, an index above 23", *[op(entity("record %d" % i), TITLE, i) for i in range(30)], op(entity("record 29"), NOTE, "chỉ số 29"))
    one("1,024 operations, the limit", *[op(T1, NOTE, i) for i in range(1024)])
    one("1,024 records", *[op(entity("record %d" % i), TITLE, i) for i in range(1024)])
    one("wall time 0", op(T1, NOTE, 0), wall=0)
    one("wall time 2^53-1, the limit", op(T1, NOTE, 0), wall=w.WALL_MAX)
    one("depth 2^63-1", op(T1, NOTE, 0), depth=2 ** 63 - 1)
    one("one dep", op(T1, NOTE, 0), depth=8, deps=[[f, 7, H("wardsync change", f)] for f in feed_ids(1)])
    one("three deps", op(T1, NOTE, 0), depth=8, deps=[[f, 2 ** 40, H("wardsync change", f)] for f in feed_ids(3)])
    one("512 deps, the limit", op(T1, NOTE, 0), depth=2, deps=[[f, 1, H("wardsync change", f)] for f in feed_ids(512)])
    one("late, nothing seen", op(T1, NOTE, 0), depth=2, deps=[[f, 0, f] for f in feed_ids(1)])
    one("late, with what it had seen", op(T1, NOTE, 0), depth=8, deps=[[f, 2 ** 63 - 1 if i == 1 else 7, f if i == 1 else H("wardsync change", f)] for i, f in enumerate(feed_ids(3))])
    room = w.BODY_MAX - len(body(WALL, 1, [], [op(T1, NOTE, "x" * 40000), op(T1, TITLE, "x" * 20000)]))
    one("body of 65,536 bytes, the limit", op(T1, NOTE, "x" * 40000), op(T1, TITLE, "x" * (20000 + room)))
    assert len(out[-1]["body"]) == 2 * w.BODY_MAX
    a = Author(C1, JOINT).write(op(T1, TITLE, "Một")).write(op(T1, TITLE, "Hai")).write(op(T1, TITLE, "Ba"))
    for i, c in enumerate(a.log):
        out.append(change_case("chain, seq %d" % (i + 1), c["body"], i + 1, a.log[i - 1]["hash"] if i else a.feed, feed=hx(a.feed)))
    out.append(change_case("seq 2^32", a.log[0]["body"], 2 ** 32, a.prev))
    save("change", out)


def changes_bad():
    out = []
    wall = enc(WALL)

    def bad(name, b, error):
        out.append({"name": name, "body": hx(b), "error": error})

    def with_ops(name, ops_raw, error, count=None):
        """ops_raw: encoded operations."""
        bad(name, b"\x84" + wall + b"\x01\x80" + head(4, len(ops_raw) if count is None else count) + b"".join(ops_raw), error)

    def with_value(name, raw, error):
        with_ops(name, [b"\x84\x50" + T1 + b"\x10\x08" + raw], error)
    fine = body(WALL, 1, [], [op(T1, NOTE, "ghi")])
    one = [b"\x84\x50" + T1 + b"\x10\x08\x00"]
    tail = fine[1 + len(wall):]
    for n in (0, 1, 5, len(wall), len(wall) + 1, len(fine) // 2, len(fine) - 4, len(fine) - 1):
        bad("cut off after %d bytes" % n, fine[:n], w.TRUNCATED)
    bad("bytes after it", fine + b"\x00", w.TRAILING)
    bad("twice", fine + fine, w.TRAILING)
    bad("three members", b"\x83" + wall + b"\x01\x80", w.TYPE)
    bad("five members", b"\x85" + fine[1:] + b"\x00", w.TYPE)
    bad("text instead of an array", enc("x"), w.TYPE)
    bad("indefinite array", b"\x9f" + fine[1:] + b"\xff", w.NONCANONICAL)
    bad("array head of two bytes", b"\x98\x04" + fine[1:], w.NONCANONICAL)
    bad("wall time 2^53", body(2 ** 53, 1, [], [op(T1, NOTE, 0)]), w.RANGE)
    bad("wall time negative", body(-1, 1, [], [op(T1, NOTE, 0)]), w.TYPE)
    bad("wall time as text", b"\x84\x61a" + tail, w.TYPE)
    bad("wall time as float", b"\x84\xfb" + bytes(8) + tail, w.NONCANONICAL)
    bad("wall time tagged", b"\x84\xc1" + wall + tail, w.NONCANONICAL)
    bad("wall time 5 in two bytes", b"\x84\x18\x05" + tail, w.NONCANONICAL)
    bad("wall time 5 in nine bytes", b"\x84\x1b" + bytes(7) + b"\x05" + tail, w.NONCANONICAL)
    bad("wall time null", b"\x84\xf6" + tail, w.TYPE)
    bad("depth 0", body(WALL, 0, [], [op(T1, NOTE, 0)]), w.RANGE)
    bad("depth 2^63", body(WALL, 2 ** 63, [], [op(T1, NOTE, 0)]), w.RANGE)
    bad("depth true", b"\x84" + wall + b"\xf5\x80" + enc([Raw(one[0])]), w.TYPE)
    f = feed_ids(3)
    base = [op(T1, NOTE, 0)]
    bad("deps descending", body(WALL, 2, [[f[1], 1, f[0]], [f[0], 1, f[0]]], base), w.DEP_ORDER)
    bad("a feed twice in deps", body(WALL, 2, [[f[0], 1, f[0]], [f[0], 2, f[0]]], base), w.DEP_ORDER)
    bad("dep with seq 0", body(WALL, 2, [[f[0], 0, f[1]]], base), w.RANGE)
    bad("late twice", body(WALL, 2, [[f[0], 0, f[0]], [f[1], 0, f[1]]], base), w.DEP_ORDER)
    bad("late, the own seq negative", body(WALL, 2, [[f[0], -1, f[0]]], base), w.TYPE)
    bad("dep of two members", body(WALL, 2, [[f[0], 1]], base), w.TYPE)
    bad("dep of four members", body(WALL, 2, [[f[0], 1, f[0], 0]], base), w.TYPE)
    bad("dep with a feed of 31 bytes", body(WALL, 2, [[f[0][:31], 1, f[0]]], base), w.TYPE)
    bad("dep with a hash of 33 bytes", body(WALL, 2, [[f[0], 1, f[0] + b"\0"]], base), w.TYPE)
    bad("dep with text for the feed", body(WALL, 2, [["feed", 1, f[0]]], base), w.TYPE)
    bad("dep that is no array", body(WALL, 2, [1], base), w.TYPE)
    bad("deps null", b"\x84" + wall + b"\x01\xf6" + enc([Raw(one[0])]), w.TYPE)
    bad("513 deps", body(WALL, 2, [[x, 1, x] for x in feed_ids(513)], base), w.L_DEPS)
    bad("no operations", b"\x84" + wall + b"\x01\x80\x80", w.RANGE)
    bad("ops that are no array", b"\x84" + wall + b"\x01\x80\x00", w.TYPE)
    bad("ops indefinite", b"\x84" + wall + b"\x01\x80\x9f" + one[0] + b"\xff", w.NONCANONICAL)
    bad("1,025 operations", body(WALL, 1, [], [op(T1, NOTE, i) for i in range(1025)]), w.L_OPS)
    bad("body of 65,537 bytes", body(WALL, 1, [], [op(T1, NOTE, "x" * 40000), op(T1, TITLE, "x" * (20001 + w.BODY_MAX - len(body(WALL, 1, [], [op(T1, NOTE, "x" * 40000), op(T1, TITLE, "x" * 20000)]))))]), w.L_BODY)
    # operations
    e = b"\x50" + T1
    with_ops("op of two members", [b"\x82" + e + b"\x10"], w.OP)
    with_ops("op of one member", [b"\x81" + e], w.OP)
    with_ops("op of no members", [b"\x80"], w.OP)
    with_ops("op of six members", [b"\x86" + e + b"\x10\x06\x41a\xf5\x00"], w.OP)
    with_ops("op that is no array", [b"\x00"], w.TYPE)
    with_ops("op as map", [b"\xa0"], w.NONCANONICAL)
    with_ops("first op by index", [b"\x83\x00\x08\x00"], w.OP)
    with_ops("index of the next record", one + [b"\x83\x01\x08\x00"], w.OP)
    with_ops("index 1,023 of one record", one + [b"\x83" + enc(1023) + b"\x08\x00"], w.OP)
    with_ops("index in two bytes", one + [b"\x83\x18\x00\x08\x00"], w.NONCANONICAL)
    with_ops("record named in full again", one + [b"\x84" + e + b"\x10\x04\x00"], w.OP)
    with_ops("record named in full again after another", one + [b"\x84\x50" + T2 + b"\x10\x04\x00", b"\x84" + e + b"\x10\x04\x00"], w.OP)
    with_ops("full op of three members", [b"\x83" + e + b"\x10\x08"], w.OP)
    with_ops("op by index of five members", one + [b"\x85\x00\x06\x41a\xf5\x00"], w.OP)
    with_ops("entity of 15 bytes", [b"\x84\x4f" + T1[:15] + b"\x10\x08\x00"], w.TYPE)
    with_ops("entity of 17 bytes", [b"\x84\x51" + T1 + b"\0\x10\x08\x00"], w.TYPE)
    with_ops("entity as text", [b"\x84\x64task\x10\x08\x00"], w.TYPE)
    with_ops("entity null", [b"\x84\xf6\x10\x08\x00"], w.TYPE)
    with_ops("kind 0", [b"\x84" + e + b"\x00\x08\x00"], w.RANGE)
    with_ops("kind 65,536", [b"\x84" + e + enc(65536) + b"\x08\x00"], w.RANGE)
    with_ops("kind as text", [b"\x84" + e + b"\x61t\x08\x00"], w.TYPE)
    for n in (0, 2, 3):
        with_ops("field %d" % n, [b"\x84" + e + b"\x10" + enc(n) + b"\x00"], w.OP)
    with_ops("field 2 with a key", [b"\x85" + e + b"\x10\x02\x41a\xf5"], w.OP)
    with_ops("field 65,536", [b"\x84" + e + b"\x10" + enc(65536) + b"\x00"], w.RANGE)
    with_ops("field as bytes", [b"\x84" + e + b"\x10\x41\x08\x00"], w.TYPE)
    with_ops("member without a key", [b"\x84" + e + b"\x10\x06\xf5"], w.OP)
    with_ops("open with a key", [b"\x85" + e + b"\x10\x08\x41a\x00"], w.OP)
    with_ops("governed with a key", [b"\x85" + e + b"\x10\x05\x41a\x00"], w.OP)
    with_ops("sum with a key", [b"\x85" + e + b"\x10\x07\x41a\x00"], w.OP)
    with_ops("presence with a key", [b"\x85" + e + b"\x10\x01\x41a\xf5"], w.OP)
    with_ops("by index: member without a key", one + [b"\x83\x00\x06\xf5"], w.OP)
    with_ops("by index: open with a key", one + [b"\x84\x00\x08\x41a\x00"], w.OP)
    with_ops("empty key", [b"\x85" + e + b"\x10\x06\x40\xf5"], w.OP)
    with_ops("key of 65 bytes", [b"\x85" + e + b"\x10\x06" + enc(bytes(65)) + b"\xf5"], w.L_KEY)
    with_ops("key as text", [b"\x85" + e + b"\x10\x06\x61a\xf5"], w.TYPE)
    for n, raw in (("integer", b"\x01"), ("null", b"\xf6"), ("text", b"\x62vv")):
        with_ops("member with %s" % n, [b"\x85" + e + b"\x10\x06\x41a" + raw], w.OP)
        with_ops("presence with %s" % n, [b"\x84" + e + b"\x10\x01" + raw], w.OP)
    for n, raw in (("true", b"\xf5"), ("null", b"\xf6"), ("text", b"\x611"), ("array", b"\x81\x01")):
        with_ops("sum with %s" % n, [b"\x84" + e + b"\x10\x07" + raw], w.OP)
    with_ops("fewer operations than said", one, w.TRUNCATED, count=2)
    with_ops("more operations than said", one + [b"\x83\x00\x04\x00"], w.TRAILING, count=1)
    # values
    for n, raw in (("0 in two bytes", "1800"), ("23 in two bytes", "1817"), ("24 in three bytes", "190018"), ("255 in three bytes", "1900ff"), ("65,535 in five bytes", "1a0000ffff"),
                   ("2^32-1 in nine bytes", "1b00000000ffffffff"), ("-1 in two bytes", "3800"), ("-25 in three bytes", "390018"), ("text head of two bytes", "780161"),
                   ("text head of three bytes", "79000161"), ("bytes head of two bytes", "580161"), ("bytes head of five bytes", "5a0000000161"), ("array head of two bytes", "980100"),
                   ("array head of nine bytes", "9b000000000000000100"), ("indefinite text", "7f6161ff"), ("indefinite bytes", "5f4161ff"), ("indefinite array", "9f01ff"),
                   ("empty map", "a0"), ("map", "a10102"), ("indefinite map", "bfff"), ("tag 0", "c0613a"), ("tag 24", "d8184100"), ("bignum", "c249010000000000000000"),
                   ("half float", "f93c00"), ("single float", "fa3f800000"), ("double float", "fb3ff0000000000000"), ("NaN", "f97e00"), ("undefined", "f7"), ("simple 0", "e0"),
                   ("simple 16", "f0"), ("simple 32", "f820"), ("false as simple in two bytes", "f814"), ("break", "ff"), ("reserved head 28", "1c"), ("reserved head 30 of text", "7e"),
                   ("float in an array", "8201f90000"), ("map in an array", "81a0"), ("non-minimal in an array", "811801")):
        with_value("value: " + n, bytes.fromhex(raw), w.NONCANONICAL)
    with_value("value: 2^63", enc(2 ** 63), w.RANGE)
    with_value("value: 2^64-1", enc(2 ** 64 - 1), w.RANGE)
    with_value("value: -2^63-1", b"\x3b\x80" + bytes(7), w.RANGE)
    with_value("value: -2^64", b"\x3b" + b"\xff" * 8, w.RANGE)
    for n, raw in (("lone continuation", "80"), ("overlong slash", "c0af"), ("overlong in three", "e08080"), ("surrogate", "eda080"), ("beyond U+10FFFF", "f4908080"), ("cut in a letter", "e1ba"),
                   ("byte fe", "fe"), ("U+0000", "00"), ("U+0000 amid letters", "c49100c491"), ("Latin-1", "e9"), ("overlong U+0000", "c080")):
        with_value("text: " + n, enc(Raw(head(3, len(bytes.fromhex(raw))) + bytes.fromhex(raw))), w.UTF8)
    with_value("text in an array: bad UTF-8", b"\x81\x61\xff", w.UTF8)
    with_value("value cut off: text", b"\x65abc", w.TRUNCATED)
    with_value("value cut off: bytes", b"\x58\x20abc", w.TRUNCATED)
    with_value("value cut off: integer", b"\x1a\x00", w.TRUNCATED)
    with_value("value cut off: array", b"\x83\x01\x02", w.TRUNCATED)
    with_value("value cut off: bytes of 2^62", b"\x5b\x40" + bytes(7), w.TRUNCATED)
    with_value("5 arrays deep", enc([[[[[1]]]]]), w.L_NESTING)
    with_value("5 arrays deep, empty", enc([[[[[]]]]]), w.L_NESTING)
    with_value("40 arrays deep", b"\x81" * 40 + b"\x00", w.L_NESTING)
    with_value("text of 49,153 bytes encoded", enc("x" * (w.VALUE_MAX - 2)), w.L_VALUE)
    with_value("bytes of 49,153 encoded", enc(bytes(w.VALUE_MAX - 2)), w.L_VALUE)
    with_value("array of 49,153 bytes encoded", enc([0] * (w.VALUE_MAX - 2)), w.L_VALUE)
    save("change-bad", out)


# ---------------------------------------------------------------- seals


def all_columns():
    """The columns of bodies, and what makes them bad."""
    good, bads = [], []

    def ok(name, bodies, data=None):
        data = bytes(ColumnsOf(bodies)) if data is None else bytes(data)
        assert w.join_columns(data, len(bodies)) == b"".join(bodies)
        good.append({"name": name, "count": len(bodies), "columns": hx(data), "bodies": hx(b"".join(bodies))})

    def bad(name, data, error=w.CODEC, count=2):
        bads.append({"name": name, "count": count, "columns": hx(bytes(data)), "error": error})

    def bodies_of(*changes_, wall=WALL, deps=()):
        return [body(wall + i, i + 1, list(deps), list(ops)) for i, ops in enumerate(changes_)]

    vectors = [bytes.fromhex(c["body"]) for c in json.load(open(os.path.join(DIR, "change.json"), encoding="utf-8"))["cases"]]
    for i, b in enumerate(vectors):
        if len(b) < 3000:
            ok("alone: change %d" % (i + 1), [b])
    ok("all changes of up to 3,000 bytes, one after another", [b for b in vectors if len(b) < 3000])
    two = bodies_of([op(T1, TITLE, "Rà soát hộ nghèo"), op(T1, WITH, True, key=UNITS["CB2"])], [op(T1, TITLE, "Rà soát hộ cận nghèo"), op(T2, NOTE, -3), op(T2, WITH, True, key=UNITS["CB2"])])
    ok("two changes of one record", two)
    ok("texts of spaces", bodies_of(*[[op(T1, NOTE, x)] for x in ("", " ", "  ", " a", "a ", "a  a", "a a a")]))
    ok("time that goes back", [body(WALL - i * 100000, i + 1, [], [op(T1, NOTE, i)]) for i in range(3)])
    ok("an entity made after the change, by its id", [body(0, 1, [], [op(T1, NOTE, 0)])])
    ok("entities of no time", bodies_of([op(bytes(16), NOTE, 0)], [op(b"\xff" * 16, NOTE, 0)]))
    ok("one entity of two kinds, each a record", bodies_of([op(T1, NOTE, 1), op(T1, NOTE, 1, kind=PROPOSAL)], [op(T1, NOTE, 2, kind=PROPOSAL)]))
    f = feed_ids(2)
    ok("deps that go on, and back", [body(WALL, 9 + i, [[x, s, H("wardsync change", x)] for x, s in zip(f, seqs)], [op(T1, NOTE, i)]) for i, seqs in enumerate(((5, 7), (6, 2 ** 63 - 1), (1, 1)))])
    ok("the same value in two fields is two values", bodies_of([op(T1, NOTE, "x"), op(T1, TITLE, "x")], [op(T1, NOTE, "x"), op(T1, TITLE, "x")]))
    many = bodies_of(*[[op(entity("many %d" % i), TITLE, "việc số %d" % i)] for i in range(200)], *[[op(entity("many %d" % i), TITLE, "việc số %d" % i)] for i in range(200)])
    ok("200 records, values and words, named again", many)
    again = ColumnsOf(bodies_of([op(T1, NOTE, "a")], [op(T1, NOTE, "a")]))
    again.col["record"], again.col["record time"], again.col["record kind"] = [0, 0], again.col["record time"] + [zigzag(WALL + 1 - int.from_bytes(T1[:6], "big"))], [TASK] * 2
    again.data = T1[6:] * 2
    again.col["word"], again.col["value"], again.col["form"], again.col["word count"], again.words = [0, 0], [0, 0], [6, 6], [1, 1], b"a a "
    ok("a record, a value and a word each brought as new twice", bodies_of([op(T1, NOTE, "a")], [op(T1, NOTE, "a")]), again)

    def bent(change):
        c = ColumnsOf(two)
        change(c)
        return c
    bad("nothing", b"")
    bad("a byte left over", bytes(ColumnsOf(two)) + b"\0")
    bad("a byte too few", bytes(ColumnsOf(two))[:-1])
    bad("fewer changes than stated", ColumnsOf(two), count=3)
    bad("more changes than stated", ColumnsOf(two), count=1)
    for name, beyond in (("record", 3), ("field", 4), ("key", 2), ("value", 9), ("word", 99)):
        bad(name + ": names what was not met", bent(lambda c: c.col[name].__setitem__(-1, beyond)))
    bad("record: names one that comes later", bent(lambda c: c.col["record"].__setitem__(0, 1)))
    bad("value: names one of another field", bent(lambda c: c.col["value"].__setitem__(2, 2)))
    deps = ColumnsOf([body(WALL, 2, [[x, 1, H("wardsync change", x)] for x in f], [op(T1, NOTE, 0)])])
    deps.col["dep feed"][1] = 2
    bad("dep feed: names what was not met", deps, count=1)
    bad("form 8", bent(lambda c: c.col["form"].__setitem__(0, 8)))
    bad("a text of no words", bent(lambda c: (c.col["word count"].__setitem__(0, 0), c.col["word"].__delitem__(slice(0, 4)))))
    bad("an integer of 2^63", bent(lambda c: c.col["number"].__setitem__(0, 1 << 63)))
    bad("more operations than there can be", bent(lambda c: c.col["ops"].__setitem__(0, 1 << 63)))
    bad("two sums that come round", bent(lambda c: c.col.__setitem__("ops", [(1 << 64) - 1, 6])))
    bad("a key longer than what is left", bent(lambda c: c.col["key length"].__setitem__(0, 1000)))
    bad("bytes longer than what is left", ColumnsOf(bodies_of([op(T1, NOTE, b"abc")])).__bytes__()[:-1], count=1)
    bad("words without the last space", bent(lambda c: (setattr(c, "words", c.words.replace(b" ", b"x")), setattr(c, "data", c.data.replace(b" ", b"x")))))
    start = planes([zigzag(WALL), 2])
    rest = bytes(ColumnsOf(two))[len(start) + 2:]  # the depths, two zeros, are written otherwise
    bad("a number of two bytes that fits one", start + bytes([128, 0]) + b"\0" + rest)
    bad("a number of 65 bits", start + bytes([255, 0]) + b"\xff" * 8 + b"\x02" + rest)
    bad("a number of eleven bytes", start + bytes([255, 0]) + b"\xff" * 9 + b"\x01" + rest)
    big = ColumnsOf(bodies_of(*[[op(T1, NOTE, "x" * 40000)] for _ in range(6)]))
    bad("few bytes that stand for more than 229,376", big, w.L_RUN, count=6)
    wide = ColumnsOf(bodies_of([op(T1, NOTE, "y" * 1000)]))
    wide.col["word count"], wide.col["word"] = [300], [0] + [1] * 299
    bad("words that stand for more than 229,376", wide, w.L_RUN, count=1)
    save("columns", good)
    save("columns-bad", bads)


def seal_case(name, author, seq, **more):
    h = author.log[seq - 1]["hash"]
    payload, sig = enc([author.feed, seq, h]), author.seal(seq)
    assert cbor2.loads(w.cose_sign1(payload, sig)).value[2] == payload
    return {"name": name, "sign_pk": hx(author.device.sign_pk), "feed": hx(author.feed), "seq": seq, "hash": hx(h), "payload": hx(payload),
            "sig_structure": hx(w.sig_structure(payload)), "signature": hx(sig), "cose": hx(w.cose_sign1(payload, sig)), **more}


def seals():
    a = Author(C1, JOINT)
    for i in range(300):
        a.write(op(T1, REACHED, i))
    root, _ = found()
    save("seal", [seal_case("root's first change", root, 1)] + [seal_case("seq %d" % s, a, s) for s in (1, 23, 24, 255, 256, 300)])
    good = seal_case("", a, 24)
    out = []

    def bad(name, **change):
        case = {k: good[k] for k in ("sign_pk", "feed", "seq", "hash", "signature")}
        case.update(change)
        out.append({"name": name, **case, "error": w.SEAL})

    def flip(x, bit):
        b = bytearray(bytes.fromhex(x))
        b[bit // 8] ^= 1 << bit % 8
        return hx(b)
    sig = bytes.fromhex(good["signature"])
    for bit in (0, 100, 255, 256, 400, 503):
        bad("signature with bit %d flipped" % bit, signature=flip(good["signature"], bit))
    bad("hash with a bit flipped", hash=flip(good["hash"], 9))
    bad("feed with a bit flipped", feed=flip(good["feed"], 255))
    bad("another seq", seq=25)
    bad("another device's key", sign_pk=hx(C2.sign_pk))
    bad("key with a bit flipped", sign_pk=flip(good["sign_pk"], 3))
    s = int.from_bytes(sig[32:], "little")
    bad("S + L: not reduced", signature=hx(sig[:32] + (s + L).to_bytes(32, "little")))
    bad("S = L", signature=hx(sig[:32] + L.to_bytes(32, "little")))
    bad("all zero", signature=hx(bytes(64)))
    bad("key of small order, R neutral, S 0", sign_pk=hx(b"\1" + bytes(31)), signature=hx(b"\1" + bytes(63)))
    bad("key all zero, signature all zero", sign_pk=hx(bytes(32)), signature=hx(bytes(64)))
    payload = bytes.fromhex(good["payload"])
    bad("over the payload alone", signature=hx(C1.sign(payload)))
    bad("with the aad of a bundle", signature=hx(C1.sign(w.sig_structure(payload, w.AAD_BUNDLE))))
    bad("with no aad", signature=hx(C1.sign(w.sig_structure(payload, b""))))
    bad("with another protected header", signature=hx(C1.sign(enc(["Signature1", b"\xa0", w.AAD_SEAL, payload]))))
    bad("with context Signature", signature=hx(C1.sign(enc(["Signature", bytes.fromhex("a10127"), w.AAD_SEAL, payload]))))
    save("seal-bad", out)


# ---------------------------------------------------------------- receipts


def receipt(heads, signer=None, wall=WALL, ward=WARD, named=None, aad=w.AAD_RECEIPT):
    """As it stands alone: (payload, signature, cose)."""
    signer = signer or HUB
    payload = enc(w.receipt_payload(ward, (named or signer).id, wall, heads))
    signature = signer.sign(w.sig_structure(payload, aad))
    return payload, signature, w.COSE_HEAD + enc(payload) + enc(signature)


def receipts():
    a = Author(C1, JOINT)
    for i in range(300):
        a.write(op(T1, REACHED, i))
    one = [(a.feed, 24, a.log[23]["hash"])]
    many = sorted((H("vector feed", bytes([i])), i + 1, H("vector hash", bytes([i]))) for i in range(64))
    good = []
    for name, heads, wall in (("one feed", one, WALL), ("at the clock's first moment", one, 0), ("at its last", one, w.WALL_MAX), ("64 feeds, the limit", many, WALL),
                              ("the greatest seq", [(a.feed, w.INT_MAX, bytes(32))], WALL)):
        payload, signature, cose = receipt(heads, wall=wall)
        good.append({"name": name, "sign_pk": hx(HUB.sign_pk), "ward": hx(WARD), "grant": hx(HUB.id), "wall_ms": wall, "heads": [[hx(f), s, hx(h)] for f, s, h in heads], "payload": hx(payload),
                     "sig_structure": hx(w.sig_structure(payload, w.AAD_RECEIPT)), "signature": hx(signature), "cose": hx(cose)})
    save("receipt", good)
    out = []

    def bad(name, cose, error, pk=HUB.sign_pk):
        out.append({"name": name, "sign_pk": hx(pk), "cose": hx(cose), "error": error})

    def with_payload(payload):
        return w.COSE_HEAD + enc(payload) + enc(HUB.sign(w.sig_structure(payload, w.AAD_RECEIPT)))
    payload, signature, cose = receipt(one)
    bad("by another key", cose, w.R_SEAL, OP.sign_pk)
    bad("signed by another in its name", receipt(one, OP, named=HUB)[2], w.R_SEAL)
    bad("with the aad of a seal", receipt(one, aad=w.AAD_SEAL)[2], w.R_SEAL)
    bad("a later time under the same signature", w.COSE_HEAD + enc(enc(w.receipt_payload(WARD, HUB.id, WALL + 1, one))) + enc(signature), w.R_SEAL)
    bad("a higher seq under the same signature", w.COSE_HEAD + enc(enc(w.receipt_payload(WARD, HUB.id, WALL, [(a.feed, 25, one[0][2])]))) + enc(signature), w.R_SEAL)
    bad("signature of zeros", w.COSE_HEAD + enc(payload) + enc(bytes(64)), w.R_SEAL)
    bad("signature of 63 bytes", w.COSE_HEAD + enc(payload) + enc(signature[:63]), w.TYPE)
    bad("no heads", with_payload(enc([WARD, HUB.id, WALL, []])), w.RANGE)
    bad("65 heads", with_payload(enc([WARD, HUB.id, WALL, [list(h) for h in sorted(many + one)]])), w.RANGE)
    bad("heads descending", with_payload(enc([WARD, HUB.id, WALL, [list(h) for h in many[:2][::-1]]])), w.ORDER)
    bad("a feed twice", with_payload(enc([WARD, HUB.id, WALL, [list(h) for h in one + one]])), w.ORDER)
    bad("seq 0", with_payload(enc([WARD, HUB.id, WALL, [[a.feed, 0, a.feed]]])), w.RANGE)
    bad("feed of 31 bytes", with_payload(enc([WARD, HUB.id, WALL, [[a.feed[:31], 1, a.feed]]])), w.TYPE)
    bad("wall time 2^53", with_payload(enc([WARD, HUB.id, 2 ** 53, [list(h) for h in one]])), w.RANGE)
    bad("payload with a member more", with_payload(enc([WARD, HUB.id, WALL, [list(h) for h in one], 0])), w.TYPE)
    bad("a byte after the payload", with_payload(payload + b"\0"), w.TRAILING)
    bad("a byte after it", cose + b"\0", w.TRAILING)
    bad("without its tag", cose[1:], w.TYPE)
    bad("another algorithm", cose[:5] + b"\x26" + cose[6:], w.TYPE)
    for n in (0, 3, 7, 8, 40, len(cose) - 1):
        bad("cut off after %d bytes" % n, cose[:n], w.TRUNCATED)
    save("receipt-bad", out)


# ---------------------------------------------------------------- proof files


def proof(a, first, last, subjects, given, ward=WARD, circle=None, prev=None, count=None, signature=None, version=1, kind=34, bodies=None, body_kind=35, body_version=None):
    prev = prev or (a.log[first - 2]["hash"] if first > 1 else a.feed)
    header = enc([version, kind, ward, JOINT if circle is None else circle, a.device.id, first, prev, count or last - first + 1, signature or a.seal(last), subjects, [r[2] for r in given]])
    bodies = [c["body"] for c in a.log[first - 1:last]] if bodies is None else bodies
    return enc(header) + b"".join(enc(enc([version if body_version is None else body_version, body_kind, b])) for b in bodies)


def proofs():
    base, root, oper = world()
    s0 = setup_json(base)
    a = Author(C1, JOINT)
    for i in range(6):
        a.write(op(T1, REACHED, i))
    other = a.copy()
    other.log = other.log[:3]
    other.write(op(T1, REACHED, 99)).write(op(T1, REACHED, 100))

    def at(seq, wall, signer=None, of=a, more=(), **how):
        return receipt(sorted([(of.feed, seq, of.log[seq - 1]["hash"])] + list(more)), signer or HUB, wall, **how)
    stranger = (H("vector feed", b"x"), 9, bytes(32))
    h4, h6, o6 = at(4, WALL + 40), at(6, WALL + 60), at(6, WALL + 55, OP)
    good = []

    def ok(name, data, s=s0):
        r = w.Replica(bytes.fromhex(s["root_pk"]), [[bytes.fromhex(u) for u in c] for c in s["circles"]])
        for raw in s["held"]:
            r.ingest(w.read_frame(bytes.fromhex(raw))[1])
        good.append({"name": name, "setup": s, "proof": hx(data), **w.check_proof(data, r)})
    ok("one change, one receipt", proof(a, 4, 4, [4], [h4]))
    ok("from the beginning", proof(a, 1, 6, [1, 5], [h4, h6]))
    ok("two signers, each with its own clock", proof(a, 3, 6, [3, 6], [h4, h6, o6]))
    ok("the receipt names other feeds too", proof(a, 2, 4, [2], [at(4, WALL, more=[stranger])]))
    ok("the author's seal stands beyond the receipt", proof(a, 2, 6, [3], [h4]))
    ok("the same signer has sealed another history", proof(a, 2, 6, [6], [h6, at(5, WALL + 70, of=other)]))
    ok("the feed is held here", proof(a, 3, 6, [6], [h6]), setup_json(base + [a.run()]))
    ok("the reader may not read that space", proof(a, 4, 4, [4], [h4]), setup_json(base, reader=C3))
    save("proof", good)
    out = []
    fine = proof(a, 2, 4, [3], [h4])

    def bad(name, data, error):
        out.append({"name": name, "setup": s0, "proof": hx(data), "error": error})
    for n in (0, 1, 30, len(fine) // 2, len(fine) - 1):
        bad("cut off after %d bytes" % n, fine[:n], w.P_DAMAGED)
    bad("a body too many", fine + enc(enc([1, 35, a.log[4]["body"]])), w.P_DAMAGED)
    bad("a body too few", proof(a, 2, 4, [3], [h4], bodies=[c["body"] for c in a.log[1:3]]), w.P_DAMAGED)
    bad("a byte after it", fine + b"\0", w.P_DAMAGED)
    bad("another version", proof(a, 2, 4, [3], [h4], version=2), w.VERSION)
    bad("a bundle's header", proof(a, 2, 4, [3], [h4], kind=30), w.P_DAMAGED)
    bad("bodies of another type", proof(a, 2, 4, [3], [h4], body_kind=34), w.P_DAMAGED)
    bad("bodies of version 0", proof(a, 2, 4, [3], [h4], body_version=0), w.P_DAMAGED)
    bad("a body that is none", proof(a, 2, 4, [3], [h4], bodies=[b"\x80"] * 3), w.P_DAMAGED)
    bad("no subject", proof(a, 2, 4, [], [h4]), w.P_DAMAGED)
    bad("a subject before the first", proof(a, 2, 4, [1], [h4]), w.P_DAMAGED)
    bad("a subject beyond the last", proof(a, 2, 4, [5], [h4]), w.P_DAMAGED)
    bad("a subject twice", proof(a, 2, 4, [3, 3], [h4]), w.P_DAMAGED)
    bad("no receipt", proof(a, 2, 4, [3], []), w.P_DAMAGED)
    bad("a receipt that is none", proof(a, 2, 4, [3], [(0, 0, b"\xd2")]), w.P_DAMAGED)
    bad("circle descending", proof(a, 2, 4, [3], [h4], circle=JOINT[::-1]), w.P_DAMAGED)
    bad("another ward", proof(a, 2, 4, [3], [h4], ward=OTHER_WARD), w.P_WARD)
    bad("an author who is not known", proof(Author(STRANGER, JOINT).write(op(T1, REACHED, 1)), 1, 1, [1], [h4]), w.P_GRANT)
    bad("a signer who is not known", proof(a, 2, 4, [3], [at(4, WALL, STRANGER)]), w.P_GRANT)
    bad("a signer who may give none", proof(a, 2, 4, [3], [at(4, WALL, C2)]), w.P_FALSE)
    bad("a receipt of another ward", proof(a, 2, 4, [3], [at(4, WALL, ward=OTHER_WARD)]), w.P_FALSE)
    bad("a receipt signed by another", proof(a, 2, 4, [3], [at(4, WALL, OP, named=HUB)]), w.P_FALSE)
    bad("a seal in place of a receipt's signature", proof(a, 2, 4, [3], [at(4, WALL, aad=w.AAD_SEAL)]), w.P_FALSE)
    bad("a receipt of another feed", proof(a, 2, 4, [3], [receipt([stranger])]), w.P_FALSE)
    bad("a receipt beyond the last", proof(a, 2, 4, [3], [h6]), w.P_FALSE)
    bad("a receipt before the first", proof(a, 5, 6, [5], [h4]), w.P_FALSE)
    bad("a subject beyond the receipt", proof(a, 2, 6, [5], [h4]), w.P_FALSE)
    bad("another history under the receipt", proof(other, 2, 4, [4], [h4]), w.P_FALSE)
    bad("one body of another history", proof(a, 2, 4, [3], [h4], bodies=[a.log[1]["body"], other.log[3]["body"], a.log[3]["body"]]), w.P_FALSE)
    bad("another prev", proof(a, 2, 4, [3], [h4], prev=bytes(32)), w.P_FALSE)
    bad("from the first change, prev not the feed id", proof(a, 1, 4, [3], [h4], prev=bytes(32)), w.P_FALSE)
    bad("another circle", proof(a, 2, 4, [3], [h4], circle=[]), w.P_FALSE)
    bad("the author's seal of zeros", proof(a, 2, 4, [3], [h4], signature=bytes(63) + b"\1"), w.P_FALSE)
    bad("the author's seal at another seq", proof(a, 2, 4, [3], [h4], signature=a.seal(5)), w.P_FALSE)
    save("proof-bad", out)


# ---------------------------------------------------------------- fork proofs


def fork_proof(one, at, other, upto, **change):
    """One history sealed at `at`, the other at `upto`: what differs from an honest proof is named by its member."""
    m = {"version": 1, "type": 32, "ward": WARD, "grant": enc([1, one.device.sign_pk]) if one.device.role == w.ROOT else one.device.grant, "circle": one.circle,
         "a": at, "hash_a": one.log[at - 1]["hash"], "seal_a": one.seal(at), "other_a": other.log[at - 1]["hash"],
         "b": upto, "bodies": b"".join(c["body"] for c in other.log[at:upto]), "seal_b": other.seal(upto)}
    assert set(change) <= set(m)
    m.update(change)
    return enc(list(m.values()))


def two_histories(device, circle_, shared, mine, theirs):
    a = Author(device, circle_)
    for i in range(shared):
        a.write(op(T1, REACHED, i))
    b = a.copy()
    for i in range(mine):
        a.write(op(T1, TITLE, "một %d" % i))
    for i in range(theirs):
        b.write(op(T1, TITLE, "hai %d" % i))
    return a, b


def forks():
    good = []

    def ok(name, data):
        good.append({"name": name, "fork": hx(data), **w.check_fork(data)})
    a, b = two_histories(C1, JOINT, 3, 3, 4)
    ok("the seals stand at one seq", fork_proof(a, 4, b, 4))
    ok("changes between the seals", fork_proof(a, 5, b, 7))
    ok("the other way round", fork_proof(b, 4, a, 6))
    ok("from the first change on", fork_proof(*(lambda x, y: (x, 1, y, 2))(*two_histories(C1, JOINT, 0, 1, 2))))
    ok("in the ward space", fork_proof(*(lambda x, y: (x, 2, y, 2))(*two_histories(OP, [], 1, 1, 1))))
    ok("by the root, which has a certificate and no grant", fork_proof(*(lambda x, y: (x, 2, y, 3))(*two_histories(ROOT, [], 1, 1, 2))))
    ok("by a grant that nobody has given", fork_proof(*(lambda x, y: (x, 2, y, 3))(*two_histories(STRANGER, ALONE, 1, 1, 2))))
    many = circle(*UNITS)
    ok("a space that the device has nothing to do with", fork_proof(*(lambda x, y: (x, 2, y, 3))(*two_histories(C1, many, 1, 1, 2))))
    long_a, long_b = two_histories(C1, JOINT, 0, 1, 1026)
    ok("1,024 changes between the seals, the limit", fork_proof(long_a, 1, long_b, 1025))

    def told(data):
        """A second change that is these bytes, whatever they are, sealed by its author."""
        x, y = two_histories(C1, JOINT, 0, 1, 1)
        y.log.append({"body": data, "hash": w.change_hash(2, y.prev, data)})
        return fork_proof(x, 1, y, 2)
    h = H("vector hash", b"x")
    ok("a change between that says nothing", told(enc([0, 0, [], []])))
    ok("a change between that no replica would take", told(enc([WALL, 1, [[h, 3, h], [h, 2, bytes(32)]], [[], [1, "a", [None]]]])))
    save("fork", good)
    out = []

    def bad(name, data):
        out.append({"name": name, "fork": hx(data), "error": w.FORK_PROOF})
    fine = fork_proof(a, 5, b, 7)
    for n in (0, 1, 2, 40, len(fine) // 2, len(fine) - 1):
        bad("cut off after %d bytes" % n, fine[:n])
    bad("a byte after it", fine + b"\0")
    bad("a member more", bytes([fine[0] + 1]) + fine[1:] + b"\0")
    bad("an indefinite array", b"\x9f" + fine[1:] + b"\xff")
    bad("version in two bytes", fine[:1] + b"\x18\x01" + fine[2:])
    bad("another version", fork_proof(a, 5, b, 7, version=2))
    bad("another type", fork_proof(a, 5, b, 7, type=33))
    bad("one history", fork_proof(b, 5, b, 7))
    bad("one history, told twice at one seq", fork_proof(b, 5, b, 5))
    bad("one history, and another's hash", fork_proof(b, 5, b, 7, other_a=a.log[4]["hash"]))
    bad("where both agree", fork_proof(a, 3, b, 7))
    bad("a, 0", fork_proof(a, 4, b, 5, a=0))
    bad("b before a", fork_proof(a, 6, b, 6, b=5, seal_b=b.seal(5)))
    bad("1,025 changes between the seals", fork_proof(long_a, 1, long_b, 1026))
    bad("b far beyond the bodies", fork_proof(a, 5, b, 7, b=w.INT_MAX))
    bad("a body less", fork_proof(a, 5, b, 7, bodies=b.log[5]["body"]))
    bad("a body more", fork_proof(a, 5, b, 6, bodies=b.log[5]["body"] + b.log[6]["body"]))
    bad("a byte after the bodies", fork_proof(a, 5, b, 7, bodies=b.log[5]["body"] + b.log[6]["body"] + b"\0"))
    bad("bodies in another order", fork_proof(a, 5, b, 7, bodies=b.log[6]["body"] + b.log[5]["body"]))
    bad("a body of the other history", fork_proof(a, 5, b, 6, bodies=a.log[5]["body"]))
    bad("bodies as text", fork_proof(a, 5, b, 5, bodies=""))
    bad("a body that is none", told(b"\xf6"))
    bad("a body of five", told(enc([0, 1, [], [], 0])))
    bad("a body with a long head", told(b"\x84\x18\x00\x01\x80\x80"))
    bad("a body from after 2^53 ms", told(enc([2 ** 53, 1, [], []])))
    bad("a body with a negative depth", told(enc([0, -1, [], []])))
    bad("a body with a dep on change 0 of another", told(enc([0, 1, [[h, 0, bytes(32)]], []])))
    bad("a body with a value nested 5 deep", told(enc([0, 1, [], [[[[[[[1]]]]]]]])))
    bad("a body whose text is none", told(enc([0, 1, [], [[w.Raw(b"\x61\xff")]]])))
    bad("the first seal of zeros", fork_proof(a, 5, b, 7, seal_a=bytes(64)))
    bad("the second seal of zeros", fork_proof(a, 5, b, 7, seal_b=bytes(64)))
    bad("the first seal at another seq", fork_proof(a, 5, b, 7, seal_a=a.seal(6)))
    bad("the second seal at another seq", fork_proof(a, 5, b, 7, seal_b=b.seal(6)))
    bad("the seals exchanged", fork_proof(a, 5, b, 5, seal_a=b.seal(5), seal_b=a.seal(5)))
    bad("a seal of 63 bytes", fork_proof(a, 5, b, 7, seal_a=a.seal(5)[:63]))
    bad("a hash of 31 bytes", fork_proof(a, 5, b, 7, other_a=b.log[4]["hash"][:31]))
    bad("sealed by another in its name", fork_proof(a, 5, b, 7, seal_b=C2.sign(w.sig_structure(enc([b.feed, 7, b.log[6]["hash"]])))))
    bad("with the aad of a receipt", fork_proof(a, 5, b, 7, seal_b=C1.sign(w.sig_structure(enc([b.feed, 7, b.log[6]["hash"]]), w.AAD_RECEIPT))))
    bad("of another ward", fork_proof(a, 5, b, 7, ward=OTHER_WARD))
    bad("another grant", fork_proof(a, 5, b, 7, grant=C2.grant))
    bad("the same keys under another role", fork_proof(a, 5, b, 7, grant=enc([1, C1.sign_pk, C1.link_pk, C1.unit, w.OPERATOR])))
    bad("a grant of the role root", fork_proof(a, 5, b, 7, grant=enc([1, C1.sign_pk, C1.link_pk, C1.unit, w.ROOT])))
    bad("no grant", fork_proof(a, 5, b, 7, grant=b""))
    bad("a byte after the grant", fork_proof(a, 5, b, 7, grant=C1.grant + b"\0"))
    bad("a certificate in place of a grant", fork_proof(a, 5, b, 7, grant=enc([1, C1.sign_pk])))
    other_root = Device("other root", None, w.ROOT)
    bad("another ward's root", fork_proof(*(lambda x, y: (x, 2, y, 2))(*two_histories(other_root, [], 1, 1, 1))))
    bad("another circle", fork_proof(a, 5, b, 7, circle=ALONE))
    bad("circle descending", fork_proof(a, 5, b, 7, circle=JOINT[::-1]))
    bad("circle of 257", fork_proof(a, 5, b, 7, circle=sorted(entity("unit %d" % i) for i in range(257))))
    bad("more than 262,144 bytes", told(enc([0, 1, [], [[bytes(49000) for _ in range(6)]]])))
    save("fork-bad", out)


# ---------------------------------------------------------------- runs


def setup_json(held, circles_=CIRCLES, reader=None):
    s = {"root_pk": hx(ROOT.sign_pk), "circles": [[hx(u) for u in c] for c in circles_], "held": [hx(r) for r in held]}
    if reader:
        s["reader"] = hx(reader.id)
    return s


def world():
    root, oper = found(OP2, HUB, C1, C2, C3, INSP)
    return [root.run(), oper.run()], root, oper


def runs():
    base, root, oper = world()
    good, bads = [], []

    def ok(name, held, run, result, author, seq, **kw):
        good.append({"name": name, "setup": setup_json(base + held, **kw), "run": hx(run), "result": result, "head_seq": seq,
                     "head_hash": hx(author.log[seq - 1]["hash"])})

    def bad(name, held, run, error, **kw):
        kw.setdefault("circles_", CIRCLES)
        bads.append({"name": name, "setup": setup_json(kw.pop("base", base) + held, **kw), "run": hx(run), "error": error})

    a = Author(C1, JOINT).write(op(T1, TITLE, "Một")).write(op(T1, NOTE, "Hai")).write(op(T1, REACHED, 3)).write(op(T1, WITH, True, key=UNITS["CB2"]))
    b = Author(C2, JOINT).see(a, 2).write(op(T1, NOTE, "Bốn")).write(op(T1, NOTE, "Năm"))
    ok("first run of a feed", [], a.run(), "new", a, 4)
    ok("one change", [], a.run(1, 1), "new", a, 1)
    ok("the next run", [a.run(1, 2)], a.run(3, 4), "new", a, 4)
    ok("codec 1", [], a.run(codec=1), "new", a, 4)
    ok("codec 2", [], a.run(codec=2), "new", a, 4)
    ok("overlapping what is held", [a.run(1, 2)], a.run(1, 4), "new", a, 4)
    ok("overlapping, codec 1", [a.run(1, 3)], a.run(2, 4, codec=1), "new", a, 4)
    ok("overlapping, codec 2", [a.run(1, 3)], a.run(2, 4, codec=2), "new", a, 4)
    ok("a duplicate", [a.run(1, 4)], a.run(1, 4), "duplicate", a, 4)
    ok("a duplicate of a part", [a.run(1, 4)], a.run(2, 3), "duplicate", a, 4)
    ok("deps held", [a.run(1, 2)], b.run(), "new", b, 2)
    past = Author(C2, JOINT).see(a, 3).write(op(T1, NOTE, 1)).write_late(0, [(a, 1)], op(T1, NOTE, 0))
    ok("late: a dep that goes back, the own feed from its start", [a.run(1, 4)], past.run(), "new", past, 2)
    ok("deps held, the other further on", [a.run(1, 4)], b.run(), "new", b, 2)
    o = Author(OP, JOINT).see(b).write(op(T1, DEADLINE, "2026-05-31"))
    ok("an operator in a circle of others, two deps", [a.run(), b.run()], o.run(), "new", o, 1)
    i = Author(INSP, circle("MTTQ")).write(op(T3, TITLE, "Kết quả kiểm tra"))
    ok("an inspector in a circle of its unit", [], i.run(), "new", i, 1, circles_=[circle("MTTQ")])
    h = Author(HUB, []).see(oper).write(*grant_ops(STRANGER))
    ok("the hub in the ward space", [], h.run(), "new", h, 1)
    ok("for a reader in the circle", [], a.run(), "new", a, 4, reader=C2)
    ok("for an inspector as reader", [], a.run(), "new", a, 4, reader=INSP)
    long = Author(C1, JOINT)
    for n in range(1024):
        long.write(op(T1, REACHED, n))
    ok("1,024 changes, the limit, codec 1", [], long.run(codec=1), "new", long, 1024)
    ok("1,024 changes, the limit, codec 2", [], long.run(codec=2), "new", long, 1024)
    fat = Author(C1, JOINT)
    for n in range(4):
        fat.write(op(T1, NOTE, "x" * 49000), op(T1, TITLE, "y" * 8000))
    room = w.RUN_RAW_MAX - sum(len(c["body"]) for c in fat.log)
    fat = Author(C1, JOINT)
    for n in range(4):
        fat.write(op(T1, NOTE, "x" * 49000), op(T1, TITLE, "y" * (8000 + (room if n == 3 else 0))))
    assert sum(len(c["body"]) for c in fat.log) == w.RUN_RAW_MAX
    ok("229,376 bytes of bodies, the limit, codec 1", [], fat.run(codec=1), "new", fat, 4)
    ok("229,376 bytes of bodies, the limit, codec 2", [], fat.run(codec=2), "new", fat, 4)

    # 1: limits, codec
    over = Author(C1, JOINT)
    for n in range(4):
        over.write(op(T1, NOTE, "x" * 49000), op(T1, TITLE, "y" * (8000 + (room + 1 if n == 3 else 0))))
    bad("229,377 bytes of bodies, codec 1", [], over.run(codec=1), w.L_RUN)
    bad("229,377 bytes of bodies, codec 2", [], over.run(codec=2), w.L_RUN)
    bad("229,377 bytes of bodies, codec 0", [], over.run(), w.L_RUN)
    long.write(op(T1, REACHED, 1024))
    bad("1,025 changes", [], long.run(codec=1), w.L_RUN)
    bad("count 0", [], a.run(count=0, data=b""), w.RANGE)
    bad("first 0", [], enc([1, 4, a.space[:8], C1.id[:8], 0, 4, 0, b"".join(c["body"] for c in a.log), a.seal()]), w.RANGE)
    bad("codec 3", [], a.run(codec=3, data=b"x"), w.CODEC)
    bad("codec 2, columns that are not packed", [], a.run(codec=2, data=columns(a.log)), w.CODEC)
    bad("codec 2, bodies in place of columns", [], a.run(codec=2, data=pack(b"".join(c["body"] for c in a.log))), w.CODEC)
    bad("codec 2, columns of one change more", [], a.run(1, 3, codec=2, data=pack(columns(a.log))), w.CODEC)
    bad("codec 2, columns of one change fewer", [], a.run(codec=2, data=pack(columns(a.log[:3]))), w.CODEC)
    bad("codec 2, a byte after the columns", [], a.run(codec=2, data=pack(columns(a.log) + b"\0")), w.CODEC)
    bad("codec 2, a frame that does not state its size", [], a.run(codec=2, data=pack_unsaid(columns(a.log))), w.L_RUN)
    odd = ColumnsOf([c["body"] for c in a.log])
    odd.col["field number"][0] = 3
    bad("codec 2, good columns of a bad body", [], a.run(codec=2, data=pack(bytes(odd))), w.OP)
    odd = ColumnsOf([c["body"] for c in a.log])
    odd.words = odd.words.replace("Một".encode(), b"M\xff")
    bad("codec 2, a text that is not UTF-8", [], a.run(codec=2, data=pack(bytes(odd))), w.UTF8)
    bad("1 GiB claimed in a frame of 20 bytes", [], a.run(codec=1, data=bytes.fromhex("28b52ffda000000040") + bytes(11)), w.L_RUN)
    bodies = b"".join(c["body"] for c in a.log)
    bad("no grant named, and no session that would tell whose it is", [], enc([1, 4] + [b"" if k == "grant8" else v for k, v in w.read_frame(a.run())[1].items()]), w.GRANT_UNKNOWN)
    bad("codec 1, a frame that does not state its size", [], a.run(codec=1, data=pack_unsaid(bodies)), w.L_RUN)
    bad("codec 1, data that are no zstd frame", [], a.run(codec=1, data=bodies), w.CODEC)
    bad("codec 1, no data", [], a.run(codec=1, data=b""), w.CODEC)
    bad("codec 1, a frame cut off", [], a.run(codec=1, data=pack(bodies)[:-1]), w.CODEC)
    bad("codec 1, a byte after the frame", [], a.run(codec=1, data=pack(bodies) + b"\0"), w.CODEC)
    bad("codec 1, two frames", [], a.run(codec=1, data=pack(a.log[0]["body"]) + pack(b"".join(c["body"] for c in a.log[1:]))), w.CODEC)
    # 2: space, grant, right
    bad("space not known", [], Author(C3, circle("CB3")).write(op(T1, NOTE, 0)).run(), w.SPACE)
    bad("a space the reader may not hold", [], a.run(), w.SPACE, reader=C3)
    bad("grant not known", [], Author(STRANGER, ALONE).write(op(T1, NOTE, 0)).run(), w.GRANT_UNKNOWN)
    bad("grant not known yet", [], a.run(), w.GRANT_UNKNOWN, base=base[:1])
    bad("a cell in the ward space", [], Author(C1, []).write(op(T1, NOTE, 0)).run(), w.NOT_ENTITLED)
    bad("a cell in a circle without its unit", [], Author(C3, JOINT).write(op(T1, NOTE, 0)).run(), w.NOT_ENTITLED)
    bad("an inspector in a circle without its unit", [], Author(INSP, JOINT).write(op(T1, NOTE, 0)).run(), w.NOT_ENTITLED)
    bad("an inspector in the ward space", [], Author(INSP, []).write(op(T1, NOTE, 0)).run(), w.NOT_ENTITLED)
    bad("the hub in a circle", [], Author(HUB, circle("UBND")).write(op(T1, NOTE, 0)).run(), w.NOT_ENTITLED, circles_=[circle("UBND")])
    bad("the root in a circle", [], Author(ROOT, JOINT).write(op(T1, NOTE, 0)).run(), w.NOT_ENTITLED)
    evil = Author(HUB, []).see(oper).write(*grant_ops(Device("made operator", "CB1", w.OPERATOR)))
    made = Author(Device("made operator", "CB1", w.OPERATOR), JOINT).write(op(T1, NOTE, 0))
    ok("under a grant without effect: an operator made by the hub", [evil.run()], made.run(), "new", made, 1)
    made_cell = Author(Device("made cell", "CB3", w.CELL), JOINT).write(op(T1, NOTE, 0))
    bad("under a grant without effect, in a circle without its unit", [Author(HUB, []).see(oper).write(*grant_ops(made_cell.device)).run()], made_cell.run(), w.NOT_ENTITLED)
    wrong = Author(OP2, []).see(oper).write((1, C2.entity, 4, None, STRANGER.grant))
    bad("a grant under another's entity", [wrong.run()], Author(STRANGER, ALONE).write(op(T1, NOTE, 0)).run(), w.GRANT_UNKNOWN)
    cut = Author(OP2, []).see(oper).write((1, C1.entity, 12, None, [[a.feed, 2, a.log[1]["hash"]]]))
    ok("up to a cut", [cut.run()], a.run(1, 2), "new", a, 2)
    ok("beyond a cut", [a.run(1, 2), cut.run()], a.run(3, 4), "new", a, 4)
    ok("reaching beyond a cut", [cut.run()], a.run(1, 4), "new", a, 4)
    other = Author(C1, ALONE).write(op(T1, NOTE, 0))
    ok("another feed of a grant that was cut", [cut.run()], other.run(), "new", other, 1)
    on_cut = Author(C2, JOINT).see(a, 4).write(op(T1, NOTE, 0))
    ok("a dep beyond a cut", [cut.run(), a.run()], on_cut.run(), "new", on_cut, 1)
    bad("beyond a cut, with a bad seal", [a.run(1, 2), cut.run()], a.run(3, 4, signature=bytes(64)), w.SEAL)
    fallen = Author(Device("fallen", "CB2", w.CELL), JOINT).write(op(T1, NOTE, 0))
    giver = Author(OP2, []).see(oper).write(*grant_ops(fallen.device))
    against = oper.copy().write((1, OP2.entity, 12, None, []))
    ok("under a grant whose giver is cut before it", [giver.run(), against.run(2, 2)], fallen.run(), "new", fallen, 1)
    # 3: gap
    bad("gap of one", [a.run(1, 2)], a.run(4, 4), w.GAP)
    bad("gap at the start", [], a.run(2, 4), w.GAP)
    # 4: bodies
    body1 = a.log[0]["body"]
    bad("fewer bodies than count", [], a.run(1, 4, data=b"".join(c["body"] for c in a.log[:3])), w.TRUNCATED)
    bad("more bodies than count", [], a.run(1, 3, data=b"".join(c["body"] for c in a.log)), w.TRAILING)
    bad("a body cut off", [], a.run(1, 1, data=body1[:-1]), w.TRUNCATED)
    bad("a byte after the bodies", [], a.run(1, 1, data=body1 + b"\0"), w.TRAILING)
    bad("no bodies", [], a.run(1, 1, data=b""), w.TRUNCATED)
    evil = Author(C1, JOINT).write(op(T1, TITLE, "x"))
    evil.log[0]["body"] = b"\x84" + evil.log[0]["body"][1:].replace(b"\x61x", b"\x78\x01x")
    evil.log[0]["hash"] = w.change_hash(1, evil.feed, evil.log[0]["body"])
    bad("a body that is not canonical, sealed all the same", [], evil.run(), w.NONCANONICAL)
    # 5, 6: deps and depth
    bad("dep not held", [], b.run(), w.DEP_MISSING)
    bad("dep held only in part", [a.run(1, 1)], b.run(), w.DEP_MISSING)
    n0 = [op(T1, NOTE, 0)]
    bad("dep of another space", [Author(C1, ALONE).write(*n0).run()],
        Author(C2, JOINT).write(*n0, depth=2, deps=[[Author(C1, ALONE).feed, 1, Author(C1, ALONE).write(*n0).prev]]).run(), w.DEP_MISSING)
    bad("dep with another hash", [a.run()], Author(C2, JOINT).write(*n0, depth=3, deps=[[a.feed, 2, a.log[2]["hash"]]]).run(), w.DEP_HASH)
    me = Author(C1, JOINT).write(*n0)
    bad("late: the own seq is its own", [me.run()], me.copy().write_late(2, [], *n0).run(2, 2), w.DEP_ORDER)
    bad("late: another feed as the own", [me.run()], me.copy().write(*n0, deps=[[Author(C2, JOINT).feed, 1, Author(C2, JOINT).feed]]).run(2, 2), w.DEP_ORDER)
    bad("late: a dep with another hash", [a.run()], Author(C2, JOINT).write(*n0, depth=3, deps=sorted([[Author(C2, JOINT).feed, 0, Author(C2, JOINT).feed], [a.feed, 2, a.log[2]["hash"]]])).run(), w.DEP_HASH)
    bad("dep on the own feed", [me.run()], me.copy().write(*n0, depth=2, deps=[[me.feed, 1, me.prev]]).run(2, 2), w.DEP_ORDER)
    twice = Author(C2, JOINT).see(a, 3).write(*n0)
    bad("dep that does not advance", [a.run(), twice.run()], twice.copy().write(*n0, deps=[[a.feed, 3, a.log[2]["hash"]]]).run(2, 2), w.DEP_ORDER)
    bad("dep that goes back", [a.run(), twice.run()], twice.copy().write(*n0, deps=[[a.feed, 2, a.log[1]["hash"]]]).run(2, 2), w.DEP_ORDER)
    bad("dep that does not advance, with another hash", [a.run(), twice.run()], twice.copy().write(*n0, deps=[[a.feed, 3, a.log[1]["hash"]]]).run(2, 2), w.DEP_HASH)
    bad("dep that goes back, with another hash", [a.run(), twice.run()], twice.copy().write(*n0, deps=[[a.feed, 2, a.log[0]["hash"]]]).run(2, 2), w.DEP_HASH)
    bad("depth 2 at the start", [], Author(C1, JOINT).write(*n0, depth=2).run(), w.DEPTH)
    bad("depth that stands still", [me.run()], me.copy().write(*n0, depth=1).run(2, 2), w.DEPTH)
    bad("depth that jumps", [me.run()], me.copy().write(*n0, depth=3).run(2, 2), w.DEPTH)
    bad("depth without the dep's", [a.run()], Author(C2, JOINT).see(a).write(*n0, depth=1).run(), w.DEPTH)
    # 4 to 6 go body by body
    bad("a dep not held, then a body that is not canonical", [], b.run(data=b.log[0]["body"] + b"\x84\x18\x01"), w.DEP_MISSING)
    bad("a dep not held, then too few bodies", [], b.run(data=b.log[0]["body"]), w.DEP_MISSING)
    deep = Author(C1, JOINT).write(*n0, depth=7)
    bad("a wrong depth, then a byte after the bodies", [], deep.run(data=deep.log[0]["body"] + b"\0"), w.DEPTH)
    deep.write(*n0, depth=8, deps=[[b.feed, 1, b.feed]])
    bad("a wrong depth, then a dep not held", [], deep.run(), w.DEPTH)
    bad("a body cut off, and a bad seal", [], a.run(1, 1, data=body1[:-1], signature=bytes(64)), w.TRUNCATED)
    bad("a wrong depth and a bad seal", [], Author(C1, JOINT).write(*n0, depth=2).run(signature=bytes(64)), w.DEPTH)
    # 7: seal
    bad("signature with a bit flipped", [], a.run(signature=bytes([a.seal()[0] ^ 1]) + a.seal()[1:]), w.SEAL)
    bad("signature of the change before", [], a.run(1, 4, signature=a.seal(3)), w.SEAL)
    bad("signature of another device", [], a.run(signature=C2.sign(w.sig_structure(enc([a.feed, 4, a.prev])))), w.SEAL)
    forged = a.copy()
    forged.log[1] = dict(forged.log[1], body=body(WALL, 2, [], [op(T1, NOTE, "Giả mạo")]))
    bad("a body in the middle replaced", [], a.run(data=b"".join(c["body"] for c in forged.log)), w.SEAL)
    elsewhere = Author(C1, ALONE).write(*n0)
    bad("a run of another space under this one's name", [], elsewhere.run(space8=a.space[:8]), w.SEAL)
    branch = Author(C1, JOINT).write(op(T1, TITLE, "Một")).write(op(T1, NOTE, "nhánh khác")).write(op(T1, REACHED, 9)).write(op(T1, REACHED, 10))
    ok("the other branch of a fork, overlapping", [a.run(1, 3)], branch.run(1, 4), "branch", branch, 4)
    bad("the other branch of a fork, from the head on", [a.run(1, 3)], branch.run(4, 4), w.SEAL)
    ok("the other branch, overlapping from where it parts", [a.run(1, 3)], branch.run(2, 4), "branch", branch, 4)
    bad("the other branch, overlapping in part of it", [a.run(1, 3)], branch.run(3, 4), w.SEAL)
    ok("the other branch, overlapping, codec 1", [a.run(1, 3)], branch.run(1, 4, codec=1), "branch", branch, 4)
    ok("the other branch, up to the head", [a.run(1, 3)], branch.run(1, 3), "branch", branch, 3)
    ok("the other branch, ending before the head", [a.run(1, 4)], branch.run(1, 2), "branch", branch, 2)
    ok("a branch goes on", [a.run(1, 3), branch.run(1, 3)], branch.run(4, 4), "new", branch, 4)
    ok("the first one goes on, beside a branch", [a.run(1, 3), branch.run(2, 3)], a.run(4, 4), "new", a, 4)
    ok("a branch again", [a.run(1, 3), branch.run(1, 3)], branch.run(2, 3), "duplicate", branch, 3)
    ok("a branch goes on, overlapping", [a.run(1, 3), branch.run(1, 3)], branch.run(2, 4), "new", branch, 4)
    third = branch.copy(3).write(op(T1, NOTE, "nhánh thứ ba"))
    ok("a branch of a branch", [a.run(1, 3), branch.run(1, 4)], third.run(4, 4), "branch", third, 4)
    bad("beside a branch, a gap", [a.run(1, 3), branch.run(1, 3)], third.copy().write(op(T1, NOTE, "5")).write(op(T1, NOTE, "6")).run(6, 6), w.GAP)
    bad("beside a branch, under the seal of the other", [a.run(1, 3), branch.run(1, 3)], branch.run(4, 4, signature=a.seal(4)), w.SEAL)
    lost = branch.copy(3).write(op(T1, NOTE, "mất gốc"), depth=4, deps=[[b.feed, 1, b.log[0]["hash"]]])
    bad("a branch with a dep not held", [a.run(1, 3)], lost.run(1, 4), w.DEP_MISSING)
    bad("a branch with a wrong depth", [a.run(1, 3)], branch.copy(3).write(op(T1, NOTE, "sâu"), depth=9).run(1, 4), w.DEPTH)
    kept = [branch.copy(1).write(op(T1, NOTE, "nhánh %d" % n)) for n in range(9)]
    bad("a branch too many", [a.run(1, 4)] + [x.run(2, 2) for x in kept[:8]], kept[8].run(2, 2), w.BRANCHES)
    # floors
    heads = [[a.feed, 3, a.log[2]["hash"]]]
    propose, close = (6, a.space[:16], 4, None, heads), (6, a.space[:16], 8, None, w.H("wardsync floor", enc(heads)))
    proposed, settled = Author(OP2, []).see(oper).write(propose).run(), Author(OP2, []).see(oper).write(propose, close).run()
    ok("beyond a floor", [a.run(1, 3), settled], a.run(4, 4), "new", a, 4)
    ok("across a floor, where nothing was held", [settled], a.run(1, 4), "new", a, 4)
    ok("up to below a floor", [settled], a.run(1, 2), "new", a, 2)
    bad("a branch that leaves below a floor", [a.run(1, 4), settled], branch.run(2, 4), w.SETTLED)
    ok("a branch that leaves below a floor that is not closed", [a.run(1, 4), proposed], branch.run(2, 4), "branch", branch, 4)
    bad("a branch that leaves below a floor goes on", [a.run(1, 4), branch.run(2, 3), settled], branch.run(2, 4), w.SETTLED)
    above = a.copy(3).write(op(T1, NOTE, "trên mốc"))
    ok("a branch that leaves at a floor", [a.run(1, 4), settled], above.run(4, 4), "branch", above, 4)
    bad("another change where a floor stands", [settled], branch.run(1, 4), w.SETTLED)
    bad("another change where a floor stands, reached from a head below", [a.run(1, 1), settled], branch.run(2, 4), w.SETTLED)
    bad("another change where a floor stands, and a bad seal", [settled], branch.run(1, 4, signature=bytes(64)), w.SETTLED)
    bad("a wrong depth where a floor stands", [a.run(1, 2), settled], a.copy(2).write(op(T1, NOTE, "sâu"), depth=9).run(3, 3), w.DEPTH)
    strange = Author(C2, JOINT).write(*n0, depth=900, deps=[[a.feed, 2, bytes(32)]])
    ok("a dep below a floor is not looked up, nor its depth", [a.run(1, 4), settled], strange.run(), "new", strange, 1)
    bad("a dep below a floor that is not closed", [a.run(1, 4), proposed], strange.run(), w.DEP_HASH)
    bad("a dep below a floor, not held", [a.run(1, 1), settled], strange.run(), w.DEP_MISSING)
    bad("a dep below a floor, too deep", [a.run(1, 4), settled], Author(C2, JOINT).write(*n0, depth=2**32 + 1, deps=[[a.feed, 2, bytes(32)]]).run(), w.DEPTH)
    bad("a dep below a floor, not deep enough", [a.run(1, 4), settled], Author(C2, JOINT).write(*n0).write(*n0, depth=1, deps=[[a.feed, 2, bytes(32)]]).run(), w.DEPTH)
    bad("a dep beyond a floor, with another hash", [a.run(1, 4), settled], Author(C2, JOINT).write(*n0, depth=5, deps=[[a.feed, 4, bytes(32)]]).run(), w.DEP_HASH)
    bad("the other branch, overlapping, with a bad seal", [a.run(1, 3)], branch.run(1, 4, signature=bytes(64)), w.SEAL)
    bad("the other branch, overlapping, with the seal of the held one", [a.run(1, 3)], branch.run(1, 4, signature=a.seal(4)), w.SEAL)
    bad("the other branch, ending before the head, with the seal of the held one", [a.run(1, 4)], branch.run(1, 2, signature=a.seal(2)), w.SEAL)
    bad("a duplicate with a bad seal", [a.run(1, 4)], a.run(1, 4, signature=bytes(64)), w.SEAL)
    bad("a duplicate with the seal of another change", [a.run(1, 4)], a.run(1, 3, signature=a.seal(4)), w.SEAL)
    bad("overlapping, with a bad seal", [a.run(1, 2)], a.run(1, 4, signature=bytes(64)), w.SEAL)
    bad("overlapping, the new part not canonical", [a.run(1, 2)], a.run(1, 3, data=b"".join(c["body"] for c in a.log[:2]) + b"\x84\x18\x01"), w.NONCANONICAL)
    bad("overlapping, a byte after the bodies", [a.run(1, 2)], a.run(1, 4, data=b"".join(c["body"] for c in a.log) + b"\0"), w.TRAILING)
    ok("a duplicate of the first change alone", [a.run(1, 4)], a.run(1, 1), "duplicate", a, 4)
    ok("a duplicate under one seal of what came in two runs", [a.run(1, 2), a.run(3, 4)], a.run(2, 4), "duplicate", a, 4)
    save("run", good)
    save("run-bad", bads)


# ---------------------------------------------------------------- snapshots


class SnapshotOf:
    """A space of which these runs are held, as its state; open to be altered before it is written. Ends: {author: seq} where it is not all."""

    def __init__(self, held, authors, maker=HUB, circle_=JOINT, codec=2, most=1024):
        r = w.Replica(ROOT.sign_pk, CIRCLES)
        for run in held:
            r.ingest(w.read_frame(run)[1])
        self.space, self.circle, self.maker, self.codec = w.space_id(WARD, circle_), circle_, maker, codec
        authors = sorted(authors, key=lambda a: a.device.id)
        reach = {a.feed: min(len(a.log), r.bound(r.feeds[a.feed]) if a.device.id in r.grants else 0) for a in authors}
        self.feeds = []
        for a in authors:
            seq = reach[a.feed]
            seen = sorted((i, a.log[seq - 1]["vector"][b.feed][0]) for i, b in enumerate(authors) if b is not a and b.feed in a.log[seq - 1]["vector"]) if seq else []
            self.feeds.append([a.device.id[:8], seq, a.log[seq - 1]["hash"] if seq else a.feed, a.log[seq - 1]["depth"] if seq else 0,
                               a.seal(seq) if seq else b"", [x for pair in seen for x in pair]])
        self.state = r.state_digest(self.space)
        live = {}
        for slot, values in r.slots(self.space).items():
            for c, raw in values:
                live.setdefault((c.feed.id, c.seq), (c, []))[1].append((slot[0], slot[1], slot[2], slot[3] if slot[2] % 4 == 2 else None, Raw(raw)))
        self.parts = []
        for i, a in enumerate(authors):
            part = None
            for (_, seq), (c, ops) in sorted((x for x in live.items() if x[0][0] == a.feed), key=lambda x: x[0][1]):
                if part is None or len(part["bodies"]) >= most:
                    part = {"feed": i, "last": 0, "lags": [], "bodies": []}
                    self.parts.append(part)
                ops.sort(key=lambda o: (o[0], o[1], o[2], o[3] or b""))
                for n in range(0, len(ops), 1024):
                    part["bodies"].append(body(c.body.wall_ms, c.body.depth, [], ops[n:n + 1024]))
                    part["lags"].append(c.body.depth - seq)
                part["last"] = seq

    def packed(self, part):
        data = b"".join(part["bodies"])
        data = part.get("data") or (data if self.codec == 0 else pack(bytes(ColumnsOf(part["bodies"])) if self.codec == 2 else data))
        return part.get("codec", self.codec), data

    def head(self, **change):
        parts = []
        for p in self.parts:
            lags = []
            for lag in p["lags"]:
                if lags and lags[-2] == lag:
                    lags[-1] += 1
                else:
                    lags += [lag, 1]
            parts.append([p["feed"], p["last"], p.get("pairs", lags), p.get("hash") or w.part_hash(*self.packed(p))])
        m = {"circle": self.circle, "maker": self.maker.id, "feeds": self.feeds, "parts": parts}
        m.update(change)
        return enc(list(m.values()))

    def payload(self, raw, parts=None):
        return w.snapshot_payload(self.maker.id, self.space, raw, len(self.parts) if parts is None else parts)

    def frames(self, raw=None, signature=None, signer=None):
        raw = self.head() if raw is None else raw
        signature = signature or (signer or self.maker).sign(w.sig_structure(self.payload(raw), w.AAD_SNAPSHOT))
        return [enc([1, 15, raw, signature])] + [enc([1, 16, self.space[:8], i + 1, *self.packed(p)]) for i, p in enumerate(self.parts)]


def snapshots():
    base, root, oper = world()
    J, good, bads = JOINT, [], []

    def ok(name, authors, held=(), more=(), extra=(), **how):
        """held: what the reader has of it before; more: what the maker holds of the ward space besides, as the reader does."""
        s = SnapshotOf(base + list(more) + [a.run() if isinstance(a, Author) else a for a in extra or authors], [a for a in authors if isinstance(a, Author)], **how)
        good.append({"name": name, "setup": setup_json(base + list(more) + list(held)), "frames": [hx(f) for f in s.frames()], "space": hx(s.space), "payload": hx(s.payload(s.head())),
                     "feeds": [[hx(f[0]), f[1], f[3], [f[5][i:i + 2] for i in range(0, len(f[5]), 2)]] for f in s.feeds], "state": hx(s.state)})

    a = Author(C1, J).write(op(T1, TITLE, "Rà soát hộ nghèo"), op(T1, NOTE, "một")).write(op(T1, NOTE, "hai")).write(op(T2, TITLE, "Khám sức khoẻ"))
    for codec in (0, 1, 2):
        ok("one author, codec %d" % codec, [a], codec=codec)
    ok("a part for each change", [a], most=1)
    ok("by an operator", [a], maker=OP2)
    ok("by the root", [a], maker=ROOT)
    ok("what is held begins it", [a], held=[a.run(1, 1)])
    ok("what is held is in the middle of it", [a], held=[a.run(1, 2)])
    b = Author(C2, J).see(a, 2).write(op(T1, TITLE, "Rà soát hộ cận nghèo")).write(op(T1, WITH, True, key=UNITS["CB2"]), op(T1, WITH, True, key=UNITS["CB3"]))
    o = Author(OP, J).see(a).write(op(T1, DEADLINE, "2026-06-30"))
    c = Author(C1, J)
    c.log, c.vector, c.depth = list(a.log), dict(a.vector), a.depth
    c.see(b).see(o).write(op(T1, DEADLINE, "2026-07-15")).write(op(T1, NOTE, "ba"), op(T1, REACHED, 12)).write(op(T1, REACHED, 15)).write(op(T2, 1, False))
    d = b.copy().write(op(T2, NOTE, "sửa trong lúc đó")).write(op(T1, WITH, False, key=UNITS["CB3"])).write(op(T1, REACHED, -4)).write(op(T1, TITLE, "Rà soát"))
    ok("conflicts, a proposal, members, sums, a deletion", [c, d, o], extra=[a, b, o, c.run(4, 7), d.run(3, 6)])
    ok("the same, a part for each change", [c, d, o], extra=[a, b, o, c.run(4, 7), d.run(3, 6)], most=1)
    late = Author(C1, J).write(op(T1, TITLE, "một")).write(op(T1, TITLE, "hai")).write_late(1, [], op(T1, TITLE, "ba"))
    ok("two live values of one author in one slot", [late])
    kinds = Author(C1, J).write(op(T1, TITLE, "nhiệm vụ"), op(T1, TITLE, "đề xuất", kind=PROPOSAL), op(T1, 65532, [1, ["lạ"]], kind=60000), op(T1, 65534, True, key=b"\xff\x00", kind=60000),
                             op(T1, 65534, True, key=b"\xff", kind=60000), op(T1, 65534, True, key=b"\x00" * 64, kind=60000))
    ok("kinds and fields nobody knows, keys in order", [kinds])
    many = Author(C1, J).write(*[op(entity("many %d" % i), NOTE, i) for i in range(1024)])
    ok("a change whose live operations need two bodies", [many])
    big = Author(C1, J)
    for i in range(6):
        big.write(op(entity("big %d" % i), NOTE, "x" * 49000))
    ok("values of 49,000 bytes, in parts", [big], extra=[big.run(1, 3), big.run(4, 6)], most=4, codec=1)
    cut = Author(OP2, []).see(oper).write((1, C2.entity, 12, None, []))
    ok("an author of whom nothing has effect: seq 0", [a, Author(C2, J).write(op(T2, TITLE, "x"))], more=[cut.run()], extra=[a, Author(C2, J).write(op(T2, TITLE, "x"))])
    save("snapshot", good)

    def bad(name, error, frames, held=(), more=(), **kw):
        bads.append({"name": name, "setup": setup_json(base + list(more) + list(held), **kw), "frames": [hx(f) for f in frames], "error": error})

    def S(**how):
        return SnapshotOf(base + [a.run(), b.run()], [a, b], **how)

    def feeds(which, at, value):
        s = S()
        s.feeds[which][at] = value
        return s.frames()

    def heads(**change):
        s = S()
        raw = s.head(**change)
        return s.frames(raw, HUB.sign(w.sig_structure(s.payload(raw, len(change.get("parts", s.parts))), w.AAD_SNAPSHOT)))
    # 1: the head
    raw = S().head()
    for n in (0, 1, 20, 60, 200, len(raw) - 1):
        bad("head cut off after %d bytes" % n, w.TRUNCATED, S().frames(raw[:n]))
    bad("a byte after the head", w.TRAILING, S().frames(raw + b"\0"))
    bad("head of three members", w.TYPE, S().frames(b"\x83" + raw[1:]))
    bad("head as indefinite array", w.NONCANONICAL, S().frames(b"\x9f" + raw[1:] + b"\xff"))
    bad("of the ward space", w.RANGE, heads(circle=[]))
    bad("circle descending", w.ORDER, heads(circle=J[::-1]))
    bad("circle of 257", w.L_CIRCLE, heads(circle=sorted(entity("unit %d" % i) for i in range(257))))
    bad("maker of 8 bytes", w.TYPE, heads(maker=HUB.id[:8]))
    bad("feeds descending", w.ORDER, heads(feeds=S().feeds[::-1]))
    bad("a feed twice", w.ORDER, heads(feeds=[S().feeds[0]] * 2))
    bad("a feed of five members", w.TYPE, heads(feeds=[S().feeds[0][:5]]))
    bad("grant of 32 bytes", w.TYPE, feeds(0, 0, C1.id))
    bad("seq 2^63", w.RANGE, feeds(0, 1, 2 ** 63))
    bad("seq negative", w.TYPE, feeds(0, 1, -1))
    bad("hash of 31 bytes", w.TYPE, feeds(0, 2, bytes(31)))
    bad("depth less than seq", w.RANGE, feeds(0, 3, 1))
    bad("depth 0", w.RANGE, feeds(0, 3, 0))
    bad("seq 0 of some depth", w.RANGE, feeds(0, 1, 0))
    s = S()
    s.feeds[0][1] = s.feeds[0][3] = 0
    bad("seq 0 with a seal", w.RANGE, s.frames())
    bad("seal of 63 bytes", w.TYPE, feeds(0, 4, bytes(63)))
    bad("seal as text", w.TYPE, feeds(0, 4, "x" * 64))
    bad("seen: an index alone", w.TYPE, feeds(1, 5, [0]))
    bad("seen: an index beyond", w.RANGE, feeds(1, 5, [2, 1]))
    bad("seen: seq 0", w.ORDER, feeds(1, 5, [0, 0]))
    bad("seen: descending", w.ORDER, feeds(1, 5, [1, 1, 0, 1]))
    bad("seen: a feed twice", w.ORDER, feeds(1, 5, [0, 1, 0, 2]))
    bad("seen: more than there are feeds", w.TYPE, feeds(1, 5, [0, 1, 1, 1, 2, 1]))
    p0 = [0, 3, [0, 3], bytes(32)]

    def parts(*p):
        return heads(parts=[list(x) for x in p])
    bad("4,097 parts", w.RANGE, S().frames(S().head(parts=[])[:-1] + head(4, 4097) + bytes(4097)))
    bad("a part of three members", w.TYPE, parts(p0[:3]))
    bad("a part of a feed beyond", w.RANGE, parts([2] + p0[1:]))
    bad("a part that ends at 0", w.RANGE, parts([0, 0, [0, 1], bytes(32)]))
    bad("a part that ends beyond its feed", w.RANGE, parts([0, 9, [0, 3], bytes(32)]))
    bad("parts: feeds descending", w.ORDER, parts([1, 1, [0, 1], bytes(32)], [0, 1, [0, 1], bytes(32)]))
    bad("parts: ends descending", w.ORDER, parts([0, 2, [0, 1], bytes(32)], [0, 1, [0, 1], bytes(32)]))
    bad("parts: one twice", w.ORDER, parts([0, 2, [0, 1], bytes(32)], [0, 2, [0, 1], bytes(32)]))
    bad("no lags", w.RANGE, parts([0, 2, [], bytes(32)]))
    bad("a lag alone", w.TYPE, parts([0, 2, [0], bytes(32)]))
    bad("a lag of no bodies", w.RANGE, parts([0, 2, [0, 0], bytes(32)]))
    bad("lags descending", w.ORDER, parts([0, 2, [1, 1, 0, 1], bytes(32)]))
    bad("a lag twice", w.ORDER, parts([0, 2, [0, 1, 0, 1], bytes(32)]))
    bad("1,025 bodies", w.RANGE, parts([0, 2, [0, 1025], bytes(32)]))
    bad("1,025 bodies by two lags", w.RANGE, parts([0, 2, [0, 1024, 1, 1], bytes(32)]))
    bad("hash of a part of 8 bytes", w.TYPE, parts([0, 2, [0, 1], bytes(8)]))
    # 2: the maker
    bad("a circle that the reader may not read", w.SPACE, S().frames(), reader=C3)
    bad("a maker who is not known", w.GRANT_UNKNOWN, S(maker=STRANGER).frames())
    bad("a maker who is a cell", w.NOT_ENTITLED, S(maker=C1).frames())
    bad("a maker who is an inspector", w.NOT_ENTITLED, S(maker=INSP).frames())
    hub_cut = Author(OP2, []).see(oper).write((1, HUB.entity, 12, None, []))
    bad("a maker who is cut", w.NOT_ENTITLED, S().frames(), more=[hub_cut.run()])
    bad("signed by another", w.SEAL, S().frames(signer=OP))
    bad("signature of zeros", w.SEAL, S().frames(signature=bytes(63) + b"\1"))
    bad("with the aad of a seal", w.SEAL, S().frames(signature=HUB.sign(w.sig_structure(S().payload(raw), w.AAD_SEAL))))
    bad("signed for another number of parts", w.SEAL, S().frames(signature=HUB.sign(w.sig_structure(S().payload(raw, 1), w.AAD_SNAPSHOT))))
    bad("signed for another head", w.SEAL, S().frames(signature=HUB.sign(w.sig_structure(S().payload(raw[:-1]), w.AAD_SNAPSHOT))))
    s = S()
    s.space = w.space_id(WARD, ALONE)
    bad("signed for another space", w.SEAL, s.frames()[:1])
    # 3: the feeds
    bad("a feed of a grant that is not known", w.GRANT_UNKNOWN, heads(feeds=sorted([[STRANGER.id[:8]] + S().feeds[0][1:4] + [b"", []]] + [[f[0], f[1], f[2], f[3], f[4], []] for f in S().feeds[1:]]), parts=[]))
    insp = [f[:5] + [[]] for f in S().feeds] + [[INSP.id[:8], 1, bytes(32), 1, b"", []]]
    bad("a feed of one who may not write there", w.NOT_ENTITLED, heads(feeds=sorted(insp), parts=[]))
    bad("an author's seal over another hash", w.SEAL, feeds(0, 2, bytes(32)))
    bad("an author's seal of zeros", w.SEAL, feeds(0, 4, bytes(63) + b"\1"))
    empty = S()
    empty.feeds[0][1:] = [0, bytes(32), 0, b"", []]
    empty.parts = [p for p in empty.parts if p["feed"]]
    bad("an empty feed whose hash is not its id", w.CHAIN, empty.frames())
    # 4: what is held
    other = a.copy(1).write(op(T1, NOTE, "một nẻo")).write(op(T1, NOTE, "khác"))
    bad("another history is held", w.HISTORY, S().frames(), held=[other.run()])
    bad("a branch leaves below", w.HISTORY, S().frames(), held=[a.run(1, 2), other.run(2, 2)])
    # 5: the parts
    good_frames = S().frames()

    three = Author(C1, J).write(op(T1, TITLE, "Rà soát hộ nghèo")).write(op(T1, NOTE, "hai")).write(op(T2, TITLE, "Khám sức khoẻ"))

    def with_part(which, **change):
        """Of three bodies and codec 0; what it says of itself is signed."""
        s = SnapshotOf(base + [three.run()], [three], codec=0)
        s.parts[which].update(change)
        return s.frames()

    def altered(frame, at, value):
        m = [1, 16] + list(w.read_frame(frame)[1].values())
        m[at] = value
        return enc(m)
    bad("a part before its head", w.GAP, good_frames[1:])
    bad("a part of another space", w.GAP, [good_frames[0], altered(good_frames[1], 2, w.space_id(WARD, ALONE)[:8])])
    bad("a part beyond the last", w.RANGE, [good_frames[0], altered(good_frames[1], 3, len(good_frames))])
    bad("a part in place of another", w.CHAIN, [good_frames[0], altered(good_frames[1], 3, 2)])
    bad("a part's codec changed", w.CHAIN, [good_frames[0], altered(good_frames[1], 4, 1)])
    bad("a part with a byte more", w.CHAIN, [good_frames[0], altered(good_frames[1], 5, w.read_frame(good_frames[1])[1]["data"] + b"\0")])
    bad("a part that the head does not name", w.CHAIN, [good_frames[0], S(codec=0).frames()[1]])
    bodies = SnapshotOf(base + [three.run()], [three]).parts[0]["bodies"]
    plain = b"".join(bodies)
    bad("codec 3", w.CODEC, with_part(0, codec=3))
    bad("not a zstd frame", w.CODEC, with_part(0, codec=1))
    bad("a zstd frame without its size", w.L_RUN, with_part(0, codec=1, data=pack_unsaid(plain)))
    bad("229,377 bytes packed", w.L_RUN, with_part(0, codec=1, data=pack(bytes(w.RUN_RAW_MAX + 1))))
    bad("the head of a body alone", w.TRUNCATED, with_part(0, data=b"\x84"))
    bad("a body cut off", w.TRUNCATED, with_part(0, data=plain[:-1]))
    bad("a byte after the bodies", w.TRAILING, with_part(0, data=plain + b"\0"))
    bad("a body more", w.TRAILING, with_part(0, data=plain + bodies[-1]))
    bad("a body fewer", w.TRUNCATED, with_part(0, data=b"".join(bodies[:-1])))
    bad("bodies descending", w.ORDER, with_part(0, data=b"".join([bodies[0], bodies[2], bodies[1]])))
    bad("a body twice", w.ORDER, with_part(0, data=b"".join([bodies[0], bodies[1], bodies[1]])))
    bad("it ends early", w.RANGE, with_part(0, data=bodies[0] + bodies[1], pairs=[0, 2]))
    bad("a body beyond the end", w.RANGE, with_part(0, last=2))
    bad("a lag as great as the depth", w.RANGE, with_part(0, pairs=[1, 3]))
    bad("a body with deps", w.RANGE, with_part(0, data=body(WALL, 1, [[f, 1, H("wardsync change", f)] for f in feed_ids(1)], [op(T1, NOTE, 1)]) + bodies[1] + bodies[2]))
    bad("a late body", w.RANGE, with_part(0, data=body(WALL, 1, [[a.feed, 0, a.feed]], [op(T1, NOTE, 1)]) + bodies[1] + bodies[2]))
    bad("a body without operations", w.RANGE, with_part(0, data=body(WALL, 1, [], []) + bodies[1] + bodies[2]))
    bad("a field that there is not", w.OP, with_part(0, data=body(WALL, 1, [], [op(T1, 3, 1)]) + bodies[1] + bodies[2]))
    bad("an empty key", w.OP, with_part(0, data=body(WALL, 1, [], [op(T1, WITH, True, key=b"")]) + bodies[1] + bodies[2]))
    bad("text that is not UTF-8", w.UTF8, with_part(0, data=body(WALL, 1, [], [op(T1, NOTE, Raw(b"\x61\xff"))]) + bodies[1] + bodies[2]))
    for what, ops_ in (("kinds", [op(T1, NOTE, 1, kind=PROPOSAL), op(T1, NOTE, 1)]), ("entities", [op(max(T1, T2), NOTE, 1), op(min(T1, T2), NOTE, 1)]), ("fields", [op(T1, NOTE, 1), op(T1, TITLE, 1)]),
                       ("keys", [op(T1, WITH, True, key=b"b"), op(T1, WITH, True, key=b"a")]), ("keys, the longer first", [op(T1, WITH, True, key=b"ab"), op(T1, WITH, True, key=b"a")])):
        bad("operations descending: %s" % what, w.ORDER, with_part(0, data=body(WALL, 1, [], ops_) + bodies[1] + bodies[2]))
    bad("a slot twice", w.ORDER, with_part(0, data=body(WALL, 1, [], [op(T1, NOTE, 1), op(T1, NOTE, 2)]) + bodies[1] + bodies[2]))
    two = [body(WALL + 1, 1, [], [op(T1, 4 * n, n)]) for n in (5, 6)]
    for what, second in (("at another time", body(WALL + 2, 1, [], [op(T1, 24, 6)])), ("from before", body(WALL + 1, 1, [], [op(T1, 16, 6)])), ("with the same", two[0])):
        bad("a change that goes on %s" % what, w.ORDER, with_part(0, data=two[0] + second + bodies[1] + bodies[2], pairs=[0, 4]))
    bad("a change that goes on with another depth", w.ORDER, with_part(0, data=two[0] + body(WALL + 1, 2, [], [op(T1, 24, 6)]) + body(WALL, 4, [], [op(T1, NOTE, 1)]), pairs=[0, 1, 1, 2]))
    s = SnapshotOf(base + [three.run()], [three], codec=0, most=1)
    s.parts[1]["bodies"] = s.parts[0]["bodies"] + s.parts[1]["bodies"]
    s.parts[1]["lags"] = [0, 0]
    bad("a change that goes on in the next part", w.RANGE, s.frames())
    bad("columns of another count", w.CODEC, (lambda s: (s.parts[0].update(pairs=[0, 2], last=2), s.frames())[1])(SnapshotOf(base + [three.run()], [three])))
    save("snapshot-bad", bads)


# ---------------------------------------------------------------- frames


def frames():
    base, root, oper = world()
    a = Author(C1, JOINT).write(op(T1, TITLE, "Một"))
    s8 = sorted([w.space_id(WARD, [])[:8], a.space[:8]])
    g = sorted([C1.id[:8], C2.id[:8]])
    def greet(common=bytes(8), base=b"", wall=0, window=4, buckets=b"", ward=WARD[:4]):
        return [1, 1, w.PROTOCOL_NOW, ward, common, base, wall, window, buckets]
    hello = enc(greet(H("wardsync common", b"")[:8], wall=WALL // 1000))
    spaces = enc([1, 2, [[s, H("wardsync heads", s)[:8]] for s in s8]])
    heads = enc([1, 3, [[s8[0], [[g[0], 3, bytes(8)], [g[1], 1, b"\xff" * 8]]], [JOINT, []]], True])
    ack = enc([1, 5, 3, [[2, 306]]])
    secret = seed("invitation", "secret")[:16]
    pk = w.join_key(secret)[1]
    req = w.join_request(WARD, pk, "máy chi bộ 1", C1.sign_pk, C1.link_pk)
    join = enc([1, 20, "máy chi bộ 1", C1.sign_pk, C1.link_pk, C1.sign(req)])
    joined = enc([1, 21, ROOT.sign_pk, C1.grant])
    good = [("hello", 1, hello), ("hello, window 1", 1, enc(greet(window=1))), ("hello, window 16", 1, enc(greet(wall=w.WALL_MAX // 1000, window=16))), ("hello, with buckets", 1, enc(greet(buckets=bytes(range(48))))),
            ("hello, with a base", 1, enc(greet(base=H("wardsync common", b"\x80")[:8]))), ("hello, all is to be compared", 1, enc(greet(base=bytes(8)))),
            ("hello of protocol 1: not read further", 1, enc([1, 1, 1, WARD[:8], bytes(16), WALL, 4, b""])), ("hello of protocol 2: not read further", 1, enc([1, 1, 2, WARD[:4], bytes(16), b"", WALL // 1000, 4, b""])), ("hello of protocol 3: not read further", 1, enc([1, 1, 3, WARD[:4], bytes(8), bytes(8), b"", WALL // 1000, 4, b""])), ("hello of a protocol to come", 1, enc([1, 1, 5]) + b"\xff"),
            ("hello, a frame has begun to come", 1, enc(greet() + [2400, bytes(range(8))])), ("hello, all but a byte of the longest frame has come", 1, enc(greet() + [w.FRAME_MAX - 1, bytes(8)])),
            ("spaces", 2, spaces), ("spaces, none", 2, enc([1, 2, []])), ("4,096 spaces, the limit", 2, enc([1, 2, [[n.to_bytes(8, "big"), bytes(8)] for n in range(4096)]])),
            ("heads", 3, heads), ("heads, last and empty", 3, enc([1, 3, [], True])), ("heads, more to come", 3, enc([1, 3, [[JOINT, []]], False])),
            ("heads of the ward space by its circle", 3, enc([1, 3, [[[], []]], True])),
            ("run", 4, a.run()), ("run, codec 1", 4, a.run(codec=1)), ("ack", 5, ack), ("ack, nothing refused", 5, enc([1, 5, 0, []])), ("done", 6, enc([1, 6])), ("done, two wants have come", 6, enc([1, 6, 2])), ("done, limit", 6, enc([1, 6, w.INT_MAX])),
            ("error", 7, enc([1, 7, 405, "quyền của máy này đã bị thu hồi"])), ("bye", 8, enc([1, 8])), ("ping", 9, enc([1, 9])), ("circle", 10, enc([1, 10, JOINT])), ("heads, a feed with branches", 3, enc([1, 3, [[s8[0], [[g[0], 3, bytes(8)], [g[0], 3, b"\xff" * 8], [g[0], 5, bytes(8)]]]], True])),
            ("branch", 11, enc([1, 11, s8[0], g[0], [[1, bytes(8)], [4, bytes(8)], [4, b"\x01" * 8], [6, bytes(8)]]])), ("branch, nothing held", 11, enc([1, 11, s8[0], g[0], []])),
            ("branch, 256 samples, the limit", 11, enc([1, 11, s8[0], g[0], [[n, bytes(8)] for n in range(1, 257)]])), ("circle of the ward space", 10, enc([1, 10, []])), ("joined", 21, joined)]
    receipt_ = enc([1, 12, WALL, [[s, 3, H("vector hash", s)] for s in s8], bytes(range(64))])
    ask = enc([1, 13])
    agree, taken = enc([1, 17, 1, -3, 16]), enc([1, 18, 1, 250, bytes(range(64))])
    run_own = a.run()
    run_own = enc([1, 4] + [b"" if k == "grant8" else v for k, v in w.read_frame(run_own)[1].items()])
    good += [("receipt", 12, receipt_), ("receipt, 64 entries", 12, enc([1, 12, 0, [[n.to_bytes(8, "big"), w.INT_MAX, bytes(32)] for n in range(64)], bytes(64)])), ("ask", 13, ask), ("run of the sender's own", 4, run_own), ("agree", 17, agree), ("agree, equal", 17, enc([1, 17, 0, 0, 1])), ("agree, clocks far apart", 17, enc([1, 17, 3, w.WALL_MAX // 1000, 16])),
             ("agree, the other way", 17, enc([1, 17, 2, -(w.WALL_MAX // 1000), 16])), ("taken", 18, taken), ("taken, limits", 18, enc([1, 18, w.INT_MAX, w.WALL_MAX, bytes(64)]))]
    piece, got = enc([1, 19, 1200, 300, bytes(range(40))]), enc([1, 23, 2])
    good += [("agree, a frame has begun to come", 17, enc([1, 17, 0, 0, 16, 1, bytes(range(8))])), ("piece", 19, piece), ("piece, the first of one byte", 19, enc([1, 19, 0, 1, b"\x87"])), ("piece, the last of the longest frame", 19, enc([1, 19, w.FRAME_MAX - 1, 0, b"\0"])),
             ("piece, the first of the longest frame", 19, enc([1, 19, 0, w.FRAME_MAX - 1, b"\x87"])), ("got", 23, got), ("got, limit", 23, enc([1, 23, w.INT_MAX]))]
    shot = SnapshotOf(base + [a.run()], [a]).frames()
    want = enc([1, 14, True, s8])
    good += [("want", 14, want), ("want of a history", 14, enc([1, 14, False, s8[:1]])), ("4,096 wanted, the limit", 14, enc([1, 14, True, [n.to_bytes(8, "big") for n in range(4096)]])),
             ("snapshot", 15, shot[0]), ("part", 16, shot[1]), ("part 4,096 of nothing", 16, enc([1, 16, s8[0], 4096, 0, b""]))]
    cases = [{"name": n, "type": t, "frame": hx(f)} for n, t, f in good]
    cases.append({"name": "join", "type": 20, "frame": hx(join), "ward": hx(WARD), "invitation_secret": hx(secret), "invitation_pk": hx(pk), "request": hx(req)})
    cases.append({"name": "request", "type": 22, "frame": hx(request_frame(C1, 0, pk, voucher(secret)))})
    save("frame", cases)
    out = []

    def bad(name, f, error):
        out.append({"name": name, "frame": hx(f), "error": error})
    for n in range(len(hello)):
        bad("hello cut off after %d bytes" % n, hello[:n], w.TRUNCATED)
    for name, f in (("spaces", spaces), ("heads", heads), ("run", a.run()), ("ack", ack), ("done", enc([1, 6])), ("error", enc([1, 7, 405, "x"])), ("join", join), ("joined", joined), ("receipt", receipt_), ("ask", ask), ("agree", agree), ("taken", taken), ("want", want), ("snapshot", shot[0]), ("part", shot[1]), ("piece", piece), ("got", got)):
        bad("%s cut off by a byte" % name, f[:-1], w.TRUNCATED)
        bad("%s with a byte after it" % name, f + b"\0", w.TRAILING)
        bad("%s of version 2" % name, f[:1] + b"\x02" + f[2:], w.VERSION)
        bad("%s of version 0" % name, f[:1] + b"\x00" + f[2:], w.VERSION)
        bad("%s with a member more" % name, bytes([f[0] + 1]) + f[1:] + b"\0", w.RANGE if name == "done" else w.TYPE)
        bad("%s as indefinite array" % name, b"\x9f" + f[1:] + b"\xff", w.NONCANONICAL)
    for name, f in (("hello", greet()[:-1]), ("spaces", [1, 2]), ("heads", [1, 3, []]), ("ack", [1, 5, 0]), ("error", [1, 7, 405]), ("join", [1, 20, "m", C1.sign_pk, C1.link_pk]),
                    ("joined", [1, 21, ROOT.sign_pk]), ("receipt", [1, 12, WALL, [[s8[0], 1, bytes(32)]]]), ("agree", [1, 17, 0, 0]), ("taken", [1, 18, 1, 0]), ("branch", [1, 11, s8[0], g[0]]),
                    ("want", [1, 14, True]), ("snapshot", [1, 15, b""]), ("part", [1, 16, s8[0], 1, 0]), ("piece", [1, 19, 0, 0]), ("got", [1, 23])):
        bad("%s with a member less" % name, enc(f), w.TYPE)
    bad("no frame: an integer", b"\x01", w.TYPE)
    bad("no frame: a map", b"\xa1\x01\x02", w.NONCANONICAL)
    for t in (0, 24, 99, 65536):
        bad("type %d" % t, enc([1, t]), w.PROTOCOL)
    bad("version in two bytes", b"\x82\x18\x01\x06", w.NONCANONICAL)
    bad("type in two bytes", b"\x82\x01\x18\x06", w.NONCANONICAL)
    bad("hello, window 0", enc(greet(window=0)), w.RANGE)
    bad("hello, window 17", enc(greet(window=17)), w.RANGE)
    bad("hello, wall time of 2^53 ms", enc(greet(wall=w.WALL_MAX // 1000 + 1)), w.RANGE)
    bad("hello, ward of 8 bytes", enc(greet(ward=WARD[:8])), w.TYPE)
    bad("hello, base of 7 bytes", enc(greet(base=bytes(7))), w.TYPE)
    bad("hello, base of 16 bytes", enc(greet(base=bytes(16))), w.TYPE)
    bad("hello without anything", enc([1, 1]), w.TYPE)
    bad("hello, a member more", enc(greet() + [0]), w.TYPE)
    bad("hello, digest of 16 bytes", enc(greet(bytes(16))), w.TYPE)
    bad("agree, 4", enc([1, 17, 4, 0, 16]), w.RANGE)
    bad("agree, window 0", enc([1, 17, 0, 0, 0]), w.RANGE)
    bad("agree, window 17", enc([1, 17, 0, 0, 17]), w.RANGE)
    bad("agree, a clock too far ahead", enc([1, 17, 0, w.WALL_MAX // 1000 + 1, 16]), w.RANGE)
    bad("agree, a clock too far behind", enc([1, 17, 0, -(w.WALL_MAX // 1000) - 1, 16]), w.RANGE)
    bad("agree, the clock false", enc([1, 17, 0, False, 16]), w.TYPE)
    bad("agree, the clock as text", enc([1, 17, 0, "0", 16]), w.TYPE)
    bad("agree, two members more", enc([1, 17, 0, 0, 16, 1, bytes(8), 0]), w.TYPE)
    bad("agree, nothing has begun to come", enc([1, 17, 0, 0, 16, 0, bytes(8)]), w.RANGE)
    bad("agree, begun as text", enc([1, 17, 0, 0, 16, "1", bytes(8)]), w.TYPE)
    bad("hello, nothing has begun to come", enc(greet() + [0, bytes(8)]), w.RANGE)
    bad("hello, a whole frame of the longest has begun to come", enc(greet() + [w.FRAME_MAX, bytes(8)]), w.RANGE)
    bad("hello, begun with 7 bytes of its hash", enc(greet() + [1, bytes(7)]), w.TYPE)
    bad("piece of nothing", enc([1, 19, 0, 1, b""]), w.RANGE)
    bad("piece of a frame that is too long", enc([1, 19, 1, w.FRAME_MAX - 1, b"\0"]), w.L_FRAME)
    bad("piece beyond the longest frame", enc([1, 19, w.FRAME_MAX + 1, 0, b"\0"]), w.RANGE)
    bad("piece, too much left", enc([1, 19, 0, w.FRAME_MAX + 1, b"\0"]), w.RANGE)
    bad("piece as text", enc([1, 19, 0, 0, "x"]), w.TYPE)
    bad("got, n as text", enc([1, 23, "1"]), w.TYPE)
    bad("taken, after 2^53 ms", enc([1, 18, 1, w.WALL_MAX + 1, bytes(64)]), w.RANGE)
    bad("taken, n as text", enc([1, 18, "1", 0, bytes(64)]), w.TYPE)
    bad("taken, signature of 63 bytes", enc([1, 18, 1, 0, bytes(63)]), w.TYPE)
    bad("run, grant of 7 bytes", enc([1, 4] + [bytes(7) if k == "grant8" else v for k, v in w.read_frame(a.run())[1].items()]), w.TYPE)
    bad("circle out of order", enc([1, 10, JOINT[::-1]]), w.ORDER)
    bad("circle, unit of 15 bytes", enc([1, 10, [bytes(15)]]), w.TYPE)
    bad("hello, 47 bytes of buckets", enc(greet(buckets=bytes(47))), w.TYPE)
    bad("hello without buckets", enc(greet()[:-1]), w.TYPE)
    bad("hello, ward as text", enc(greet(ward="x" * 4)), w.TYPE)
    bad("spaces descending", enc([1, 2, [[s8[1], bytes(8)], [s8[0], bytes(8)]]]), w.ORDER)
    bad("a space twice", enc([1, 2, [[s8[1], bytes(8)], [s8[1], bytes(8)]]]), w.ORDER)
    bad("4,097 spaces", enc([1, 2, [[n.to_bytes(8, "big"), bytes(8)] for n in range(4097)]]), w.L_SPACES)
    bad("spaces with a triple", enc([1, 2, [[s8[0], bytes(8), 0]]]), w.TYPE)
    bad("spaces with a short digest", enc([1, 2, [[s8[0], bytes(7)]]]), w.TYPE)
    bad("heads, feeds descending", enc([1, 3, [[s8[0], [[g[1], 1, bytes(8)], [g[0], 1, bytes(8)]]]], True]), w.ORDER)
    bad("heads, of one feed descending", enc([1, 3, [[s8[0], [[g[1], 2, bytes(8)], [g[1], 1, bytes(8)]]]], True]), w.ORDER)
    bad("heads, of one feed at one seq descending", enc([1, 3, [[s8[0], [[g[1], 2, b"\x01" * 8], [g[1], 2, bytes(8)]]]], True]), w.ORDER)
    bad("heads, an entry twice", enc([1, 3, [[s8[0], [[g[1], 1, bytes(8)], [g[1], 1, bytes(8)]]]], True]), w.ORDER)
    bad("branch, descending", enc([1, 11, s8[0], g[0], [[2, bytes(8)], [1, bytes(8)]]]), w.ORDER)
    bad("branch, one twice", enc([1, 11, s8[0], g[0], [[2, bytes(8)], [2, bytes(8)]]]), w.ORDER)
    bad("branch, seq 0", enc([1, 11, s8[0], g[0], [[0, bytes(8)]]]), w.RANGE)
    bad("branch, 257 samples", enc([1, 11, s8[0], g[0], [[n, bytes(8)] for n in range(1, 258)]]), w.RANGE)
    bad("branch, hash of 32 bytes", enc([1, 11, s8[0], g[0], [[1, bytes(32)]]]), w.TYPE)
    bad("heads, seq 0", enc([1, 3, [[s8[0], [[g[0], 0, bytes(8)]]]], True]), w.RANGE)
    bad("heads, circle descending", enc([1, 3, [[JOINT[::-1], []]], True]), w.ORDER)
    bad("heads, circle of 257", enc([1, 3, [[sorted(entity("unit %d" % i) for i in range(257)), []]], True]), w.L_CIRCLE)
    bad("heads, ref as text", enc([1, 3, [["space", []]], True]), w.TYPE)
    bad("heads, ref of 16 bytes", enc([1, 3, [[bytes(16), []]], True]), w.TYPE)
    bad("heads, last as integer", enc([1, 3, [], 1]), w.TYPE)
    bad("heads, last null", enc([1, 3, [], None]), w.TYPE)
    bad("receipt, none", enc([1, 12, WALL, [], bytes(64)]), w.RANGE)
    bad("receipt, 65 entries", enc([1, 12, WALL, [[n.to_bytes(8, "big"), 1, bytes(32)] for n in range(65)], bytes(64)]), w.RANGE)
    bad("receipt, descending", enc([1, 12, WALL, [[s, 1, bytes(32)] for s in s8[::-1]], bytes(64)]), w.ORDER)
    bad("receipt, a space twice", enc([1, 12, WALL, [[s8[0], 1, bytes(32)], [s8[0], 2, bytes(32)]], bytes(64)]), w.ORDER)
    bad("receipt, seq 0", enc([1, 12, WALL, [[s8[0], 0, bytes(32)]], bytes(64)]), w.RANGE)
    bad("receipt, hash of 8 bytes", enc([1, 12, WALL, [[s8[0], 1, bytes(8)]], bytes(64)]), w.TYPE)
    bad("receipt, space of 32 bytes", enc([1, 12, WALL, [[bytes(32), 1, bytes(32)]], bytes(64)]), w.TYPE)
    bad("receipt, wall time 2^53", enc([1, 12, 2 ** 53, [[s8[0], 1, bytes(32)]], bytes(64)]), w.RANGE)
    bad("receipt, signature of 63 bytes", enc([1, 12, WALL, [[s8[0], 1, bytes(32)]], bytes(63)]), w.TYPE)
    bad("ask with a member", enc([1, 13, True]), w.TYPE)
    bad("done, no want has come", enc([1, 6, 0]), w.RANGE)
    bad("done, more wants than can be", enc([1, 6, w.INT_MAX + 1]), w.RANGE)
    bad("done, the wants themselves", enc([1, 6, [s8[0]]]), w.TYPE)
    bad("done with two members more", enc([1, 6, 1, 1]), w.TYPE)
    bad("want, descending", enc([1, 14, True, s8[::-1]]), w.ORDER)
    bad("want, a space twice", enc([1, 14, True, [s8[0], s8[0]]]), w.ORDER)
    bad("want, 4,097 spaces", enc([1, 14, True, [n.to_bytes(8, "big") for n in range(4097)]]), w.L_SPACES)
    bad("want, space of 7 bytes", enc([1, 14, True, [bytes(7)]]), w.TYPE)
    bad("want, states null", enc([1, 14, None, []]), w.TYPE)
    bad("snapshot, a head that is none", enc([1, 15, b"\x80", bytes(64)]), w.TYPE)
    bad("snapshot, an empty head", enc([1, 15, b"", bytes(64)]), w.TRUNCATED)
    bad("snapshot, signature of 63 bytes", enc([1, 15, w.read_frame(shot[0])[1]["raw"], bytes(63)]), w.TYPE)
    bad("part 0", enc([1, 16, s8[0], 0, 0, b""]), w.RANGE)
    bad("part 4,097", enc([1, 16, s8[0], 4097, 0, b""]), w.RANGE)
    bad("part, codec 2^32", enc([1, 16, s8[0], 1, 2 ** 32, b""]), w.RANGE)
    bad("part, data as text", enc([1, 16, s8[0], 1, 0, "x"]), w.TYPE)
    bad("part, space of 32 bytes", enc([1, 16, bytes(32), 1, 0, b""]), w.TYPE)
    bad("run, space of 7 bytes", a.run(space8=a.space[:7]), w.TYPE)
    bad("run, grant of 32 bytes", a.run(grant8=C1.id), w.TYPE)
    bad("run, signature of 63 bytes", a.run(signature=bytes(63)), w.TYPE)
    bad("run, data as text", a.run(data="x"), w.TYPE)
    bad("run, codec as text", a.run(codec="zstd", data=b"x"), w.TYPE)
    bad("run, count 0", a.run(count=0), w.RANGE)
    bad("run, first 0", enc([1, 4, a.space[:8], C1.id[:8], 0, 1, 0, b"", bytes(64)]), w.RANGE)
    bad("ack, pair of one", enc([1, 5, 3, [[2]]]), w.TYPE)
    bad("ack, n as text", enc([1, 5, "3", []]), w.TYPE)
    bad("error, text as bytes", enc([1, 7, 405, b"x"]), w.TYPE)
    bad("error, bad UTF-8", enc([1, 7, 405, Raw(b"\x61\xff")]), w.UTF8)
    bad("error, U+0000", enc([1, 7, 405, "a\0"]), w.UTF8)
    bad("join, bad UTF-8 in the name", enc([1, 20, Raw(b"\x62\xc3\x28"), C1.sign_pk, C1.link_pk, bytes(64)]), w.UTF8)
    bad("join, key of 31 bytes", enc([1, 20, "m", C1.sign_pk[:31], C1.link_pk, bytes(64)]), w.TYPE)
    bad("joined, root key of 33 bytes", enc([1, 21, ROOT.sign_pk + b"\0", C1.grant]), w.TYPE)
    over = a.run(data=bytes(w.FRAME_MAX))
    bad("a frame of more than 262,144 bytes", over[:w.FRAME_MAX + 1], w.L_FRAME)
    out.append({"name": "join signed for another ward", "frame": hx(join), "ward": hx(OTHER_WARD), "invitation_pk": hx(pk),
                "request": hx(w.join_request(OTHER_WARD, pk, "máy chi bộ 1", C1.sign_pk, C1.link_pk)), "error": w.SEAL})
    save("frame-bad", out)


# ---------------------------------------------------------------- admission


def voucher(secret):
    """Signs as the invitation does."""
    return lambda h: sign_with(w.voucher_key(secret)[0], h)


def sign_with(seed_, message):
    pk, sk = sodium.crypto_sign_seed_keypair(seed_)
    return sodium.crypto_sign(message, sk)[:64]


def request_frame(device, by, from_, vouch, name="máy chi bộ 1", ward=None, signer=None):
    h = w.request_hash(ward or WARD, by, from_, name, device.sign_pk, device.link_pk)
    return enc([1, 22, ward or WARD, by, from_, name, device.sign_pk, device.link_pk, (signer or device).sign(h), vouch(h)])


def requests():
    secret = seed("invitation", "secret")[:16]
    pk, vouch_pk = w.join_key(secret)[1], w.voucher_key(secret)[1]
    save("words", [{"name": d.name, "sign_pk": hx(d.sign_pk), "link_pk": hx(d.link_pk), "words": w.words(d.sign_pk, d.link_pk)} for d in DEVICES])
    good, out = [], []

    def one(name, device, by, from_, vouch, voucher_pk, device_name="máy chi bộ 1", **more):
        frame = request_frame(device, by, from_, vouch, device_name)
        h = w.request_hash(WARD, by, from_, device_name, device.sign_pk, device.link_pk)
        good.append({"name": name, "ward": hx(WARD), "voucher_pk": hx(voucher_pk), "frame": hx(frame), "file": hx(enc(frame)), "hash": hx(h),
                     "words": w.words(device.sign_pk, device.link_pk), **more})

    def bad(name, frame, voucher_pk, error):
        out.append({"name": name, "ward": hx(WARD), "voucher_pk": hx(voucher_pk), "frame": hx(frame), "error": error})
    one("by an invitation", C2, 0, pk, voucher(secret), vouch_pk, invitation_secret=hx(secret))
    one("by the grant to be followed", C2, 1, C1.id, C1.sign, C1.sign_pk)
    one("a name of 200 bytes, the limit", C2, 1, C1.id, C1.sign, C1.sign_pk, "m" * 200)
    one("no name", C2, 1, C1.id, C1.sign, C1.sign_pk, "")
    save("request", good)
    base = request_frame(C2, 0, pk, voucher(secret))
    bad("vouched for by another", request_frame(C2, 0, pk, C1.sign), vouch_pk, w.REQUEST)
    bad("signed by another", request_frame(C2, 0, pk, voucher(secret), signer=C1), vouch_pk, w.REQUEST)
    bad("the voucher of an invitation for a grant", base[:37] + b"\x01" + base[38:], vouch_pk, w.REQUEST)
    bad("of another ward", request_frame(C2, 0, pk, voucher(secret), ward=OTHER_WARD), vouch_pk, w.SESSION_WARD)
    bad("a name of 201 bytes", request_frame(C2, 0, pk, voucher(secret), "m" * 201), vouch_pk, w.RANGE)
    bad("by something else", request_frame(C2, 2, pk, voucher(secret)), vouch_pk, w.RANGE)
    for at in (5, 45, 80, 100, 130, 170, 240):
        bad("byte %d changed" % at, base[:at] + bytes([base[at] ^ 1]) + base[at + 1:], vouch_pk, error_of(base[:at] + bytes([base[at] ^ 1]) + base[at + 1:], vouch_pk))
    bad("cut off by a byte", base[:-1], vouch_pk, w.TRUNCATED)
    bad("with a byte after it", base + b"\0", vouch_pk, w.TRAILING)
    save("request-bad", out)


def error_of(frame, voucher_pk):
    try:
        w.check_request_frame(frame, WARD, voucher_pk)
    except w.Bad as e:
        return e.number
    raise AssertionError("it is taken")


# ---------------------------------------------------------------- invitations


def invites():
    secret = seed("invitation", "secret")[:16]
    good = []
    for name, addresses in (("one address", ["tcp://192.0.2.10:7450"]), ("no address", []), ("several", ["tcp://hub.example:7450", "tcp://[2001:db8::1]:7450", "tcp://192.0.2.10:7450"])):
        code = w.invite_encode(enc([1, WARD, HUB.link_pk, secret, addresses]))
        case = {"ward": hx(WARD), "hub_link_pk": hx(HUB.link_pk), "secret": hx(secret), "addresses": addresses, "link_sk": hx(w.join_key(secret)[0]), "link_pk": hx(w.join_key(secret)[1])}
        body_ = code[4:]
        good.append({"name": name, "code": code, **case})
        good.append({"name": name + ", in groups", "code": "WS1-" + "-".join(body_[i:i + 5] for i in range(0, len(body_), 5)), **case})
        good.append({"name": name + ", with blanks and a line break", "code": "WS1-" + " ".join(body_[i:i + 8] for i in range(0, 40, 8)) + "\n" + body_[40:], **case})
        good.append({"name": name + ", lower case", "code": "WS1-" + body_.lower(), **case})
    save("invite", good)
    payload = enc([1, WARD, HUB.link_pk, secret, ["tcp://192.0.2.10:7450"]])
    code = w.invite_encode(payload)
    other = "A" if code[20] != "A" else "B"
    bad = [("a letter changed", code[:20] + other + code[21:], 411), ("a letter missing", code[:30] + code[31:], 411), ("two letters swapped", swap(code), 411),
           ("the last letter missing", code[:-1], 411), ("half of it", code[:len(code) // 2], 411), ("without WS1-", code[4:], 411), ("WS2-", "WS2" + code[3:], 411), ("empty", "", 411),
           ("WS1- alone", "WS1-", 411), ("a digit that is not of base32", code[:20] + "1" + code[21:], 411), ("a letter of another alphabet", code[:20] + "Đ" + code[21:], 411),
           ("padding", code + "=", 411), ("the check of another payload", "WS1-" + b32(payload + H("wardsync invite", b"x")[:4]), 411), ("no check", "WS1-" + b32(payload), 411),
           ("version 2", w.invite_encode(enc([2, WARD, HUB.link_pk, secret, []])), w.VERSION)]
    save("invite-bad", [{"name": n, "code": c, "error": e} for n, c, e in bad])


def b32(data):
    import base64
    return base64.b32encode(data).decode().rstrip("=")


def swap(code):
    i = next(i for i in range(30, len(code)) if code[i] != code[i + 1])
    return code[:i] + code[i + 1] + code[i] + code[i + 2:]


# ---------------------------------------------------------------- bundles


def bundle(runs_, writer=C1, ward=WARD, for_=None, spaces=(), version=1, count=None, sign=None, aad=w.AAD_BUNDLE):
    n = len(runs_) if count is None else count
    data = enc(enc([version, 30, ward, writer.id, WALL, for_, list(spaces), n])) + b"".join(enc(r) for r in runs_)
    h = H("wardsync bundle", data)
    sig = (sign or writer).sign(w.sig_structure(enc([writer.id, h, n]), aad))
    return data + enc(enc([1, 31, h, sig]))


WORDS = "bốn từ không ai đoán"


def keyfiles():
    sign_seed, link_sk = C1.sign_seed, C1.link_sk
    sign_pk, salt = C1.sign_pk, seed("a salt", "salt")[:16]
    opened = enc([1, sign_seed, link_sk])
    good = []

    def one(name, file, passphrase, link=link_sk):
        good.append({"name": name, "file": hx(file), "passphrase": passphrase, "seed": hx(sign_seed), "link_sk": hx(link) if link else None,
                     "sign_pk": hx(sign_pk), "link_pk": hx(C1.link_pk) if link else None})

    def sealed(passphrase, passes=1, kib=8, **more):
        return w.keyfile_seal(sign_seed, link_sk, passphrase, salt, passes, kib, **more)

    import unicodedata
    one("open", opened, None)
    one("sealed as the program does it", sealed(WORDS, 3, 65536), WORDS)
    one("the seed alone", w.keyfile_seal(sign_seed, None, WORDS, salt, 1, 8), WORDS, None)
    one("8 passes, the limit", sealed(WORDS, 8, 8), WORDS)
    one("524,288 KiB, the limit", sealed(WORDS, 1, 524288), WORDS)
    one("sealed composed, opened decomposed", sealed(WORDS), unicodedata.normalize("NFD", WORDS))
    one("sealed decomposed, opened composed", sealed(unicodedata.normalize("NFD", WORDS)), WORDS)
    one("blanks belong to it", sealed(" " + WORDS + " "), " " + WORDS + " ")
    one("shorter than a new one may be", sealed("x"), "x")
    one("255 bytes, the limit", sealed("p" * 255), "p" * 255)
    save("keyfile", good)

    def altered(at, file=None):
        b = bytearray(file or sealed(WORDS))
        b[at] ^= 1
        return bytes(b)

    def rechecked(file):
        return file[:-9] + enc(H("wardsync keyfile", file[:-9])[:8])

    def asking(passes, kib, kdf=1):
        """A file that asks for so much; nobody is to try what its box holds."""
        front = head(4, 9) + b"".join(enc(x) for x in (2, sign_pk, C1.link_pk, kdf, passes, kib, salt, bytes(80)))
        return front + enc(H("wardsync keyfile", front)[:8])

    good_file = sealed(WORDS)
    box = good_file.index(b"\x58\x50")
    bad = [("another passphrase", good_file, "bốn từ không ai biết", 814), ("an empty passphrase", good_file, "", 814), ("case differs", good_file, WORDS.upper(), 814),
           ("version 3", enc([3, sign_seed, link_sk]), WORDS, w.VERSION), ("version 0", enc([0, sign_seed, link_sk]), WORDS, w.VERSION),
           ("another kdf", asking(1, 8, kdf=2), WORDS, w.VERSION), ("0 passes", asking(0, 8), WORDS, 812), ("9 passes", asking(9, 8), WORDS, 812),
           ("4,294,967,295 passes", asking(2 ** 32 - 1, 8), WORDS, 812), ("7 KiB", asking(1, 7), WORDS, 812), ("524,289 KiB", asking(1, 524289), WORDS, 812),
           ("64 GiB", asking(1, 2 ** 26), WORDS, 812), ("passes beyond 32 bits", asking(2 ** 32, 8), WORDS, 812),
           ("a bit of the box", altered(box + 5), WORDS, 812), ("a bit of the salt", altered(box - 1), WORDS, 812), ("a bit of the check", altered(-1), WORDS, 812),
           ("a bit of the box, the check made anew", rechecked(altered(box + 5)), WORDS, 814), ("a bit of the salt, the check made anew", rechecked(altered(box - 1)), WORDS, 814),
           ("a bit of sign_pk, the check made anew", rechecked(altered(5)), WORDS, 814),
           ("more passes than sealed with, the check made anew", rechecked(good_file.replace(enc(1) + enc(1) + enc(8) + b"\x50", enc(1) + enc(2) + enc(8) + b"\x50")), WORDS, 814),
           ("sealed with another's sign_pk", sealed(WORDS, sign_pk=HUB.sign_pk), WORDS, 812), ("sealed with another's link_pk", sealed(WORDS, link_pk=HUB.link_pk), WORDS, 812),
           ("empty", b"", WORDS, 812), ("cut short", good_file[:-1], WORDS, 812), ("one byte more", good_file + b"\0", WORDS, 812), ("open, one byte more", opened + b"\0", WORDS, 812),
           ("open, a short seed", enc([1, sign_seed[:31], link_sk]), WORDS, 812), ("open with three secrets", enc([1, sign_seed, link_sk, link_sk]), WORDS, 812),
           ("version 1 with the members of 2", b"\x89\x01" + good_file[2:], WORDS, 812), ("version not in its shortest form", b"\x83\x18\x01" + opened[2:], WORDS, 812),
           ("text", "mật khẩu".encode(), WORDS, 812), ("false for link_pk", head(4, 9) + enc(2) + enc(sign_pk) + enc(False), WORDS, 812)]
    save("keyfile-bad", [{"name": n, "file": hx(f), "passphrase": p, "error": e} for n, f, p, e in bad])


def sheets():
    salt = seed("a sheet's salt", "salt")[:16]
    root = ROOT.sign_seed

    def sheet(passes=1, kib=65536, salt=salt, root=root, **more):
        return w.keyfile_seal(root, None, WORDS, salt, passes, kib, **more)

    data = sheet()
    lines, code = w.sheet_lines(data), "WSR1-" + b32(data)
    typed = ["%2d  %s" % (n + 1, line) for n, line in enumerate(lines)]
    good = []

    def one(name, text, lines=lines, code=code):
        good.append({"name": name, "text": text, "passphrase": WORDS, "ward": hx(WARD), "root_pk": hx(ROOT.sign_pk), "lines": lines, "code": code})

    one("twelve lines", "\n".join(typed))
    one("among other text, in another order, with dots", "PHIẾU KHÔI PHỤC\n13 of these are not there\n" + "".join("%d. %s\r\n" % (n + 1, lines[n]) for n in reversed(range(12))) + "2026\n")
    one("lower case, without blanks or with others", "\n".join("%d)%s" % (n + 1, line.lower().replace(" ", "" if n % 2 else "-")) for n, line in enumerate(lines)))
    one("0, 1 and 8 for O, I and B", "\n".join(t[:4] + t[4:].replace("O", "0").replace("I", "1").replace("B", "8") for t in typed))
    one("a line again, right the second time", typed[4][:-1] + ("A" if typed[4][-1] != "A" else "B") + "\n" + "\n".join(typed))
    one("the code", code)
    one("the code among other text", "scanned: " + code.lower().replace("wsr1-", "WSR1-") + "\n" + typed[3])
    one("a damaged code beside good lines", code[:-1] + "\n" + "\n".join(typed))
    strong = sheet(4, 262144)
    one("as the program makes it", "WSR1-" + b32(strong), w.sheet_lines(strong), "WSR1-" + b32(strong))
    save("sheet", good)

    def mistyped(n, at):
        """Line n with another character at a place."""
        t = list(typed)
        t[n - 1] = t[n - 1][:at] + ("A" if t[n - 1][at] != "A" else "C") + t[n - 1][at + 1:]
        return "\n".join(t)

    def exchanged(a, b):
        t = list(typed)
        t[a - 1], t[b - 1] = "%d %s" % (a, lines[b - 1]), "%d %s" % (b, lines[a - 1])
        return "\n".join(t)

    other = w.sheet_lines(sheet(salt=seed("another sheet's", "salt")[:16]))
    mixed = "\n".join(typed[:11] + ["12 " + other[11]])
    everyone = list(range(1, 13))
    bad = [("another passphrase", "\n".join(typed), "bốn từ không ai biết", 814, []),
           ("a mistyped character in line 7", mistyped(7, 6), WORDS, 818, [7]), ("a mistyped check in line 12", mistyped(12, 25), WORDS, 818, [12]),
           ("line 3 left out", "\n".join(typed[:2] + typed[3:]), WORDS, 818, [3]), ("a character left out of line 1", "\n".join([typed[0][:-1]] + typed[1:]), WORDS, 818, [1]),
           ("a character too many in line 9", "\n".join(typed[:8] + [typed[8] + "A"] + typed[9:]), WORDS, 818, [9]),
           ("two lines exchanged", exchanged(2, 5), WORDS, 818, [2, 5]), ("9 in line 4, which does not occur", "\n".join(typed[:3] + [typed[3][:4] + "9" + typed[3][5:]] + typed[4:]), WORDS, 818, [4]),
           ("a letter beyond ASCII in line 6", "\n".join(typed[:5] + [typed[5][:4] + "Đ" + typed[5][5:]] + typed[6:]), WORDS, 818, [6]),
           ("a line again, wrong the second time", "\n".join(typed) + "\n5 " + lines[5], WORDS, 818, [5]),
           ("nothing", "", WORDS, 818, everyone), ("without numbers", "\n".join(lines), WORDS, 818, everyone), ("a code cut short", code[:-1], WORDS, 818, everyone),
           ("a mistyped code", code[:60] + ("A" if code[60] != "A" else "C") + code[61:], WORDS, 818, []), ("a line of another sheet", mixed, WORDS, 818, []),
           ("a device's key file", "WSR1-" + b32(w.keyfile_seal(C1.sign_seed, C1.link_sk, WORDS, salt, 1, 65536)[:120]), WORDS, 818, []),
           ("version 3", "WSR1-" + b32(bytes([data[0], 3]) + data[2:]), WORDS, w.VERSION, []),
           ("sealed with another root's key", "WSR1-" + b32(sheet(sign_pk=HUB.sign_pk)), WORDS, 818, [])]
    save("sheet-bad", [{"name": n, "text": t, "passphrase": p, "error": e, "bad": b} for n, t, p, e, b in bad])


def bundles():
    base, root, oper = world()
    a = Author(C1, JOINT).write(op(T1, TITLE, "Một")).write(op(T1, NOTE, "Hai")).write(op(T1, REACHED, 3))
    b = Author(C2, JOINT).see(a, 2).write(op(T1, NOTE, "Ba"))
    full = [JOINT, sorted([[C1.id[:8], 0, 3, a.prev[:8]], [C2.id[:8], 0, 1, b.prev[:8]]])]
    s0, held = setup_json(base), setup_json(base + [a.run(1, 2)])
    again = Author(ROOT, []).write(*grant_ops(OP), (4, WARD[:16], 4, None, "Phường Bạch Đằng"), (4, WARD[:16], 10, b"tcp://hub.example:7450", True))
    recovered = Device("recovered", "XDD", w.OPERATOR)
    again.see(oper).write(*grant_ops(recovered))  # the root's second word
    new = Author(recovered, []).see(again).write(op(T1, TITLE, "Lại"))
    good = [("two runs", s0, bundle([a.run(), b.run()], spaces=[full]), ["new", "new"]),
            ("for a unit", s0, bundle([a.run()], for_=UNITS["CB2"], spaces=[[JOINT, [[C1.id[:8], 0, 3, a.prev[:8]]]]]), ["new"]),
            ("for a device", s0, bundle([a.run()], for_=C2.id, spaces=[[JOINT, [[C1.id[:8], 0, 3, a.prev[:8]]]]]), ["new"]),
            ("nothing new, a receipt", s0, bundle([]), []), ("from a base on", held, bundle([a.run(3, 3), b.run()], spaces=[[JOINT, sorted([[C1.id[:8], 2, 3, a.prev[:8]], [C2.id[:8], 0, 1, b.prev[:8]]])]]), ["new", "new"]),
            ("what is held already", held, bundle([a.run(1, 2)], spaces=[[JOINT, [[C1.id[:8], 0, 2, a.log[1]["hash"][:8]]]]]), ["duplicate"]),
            ("by a new operator whom the root names in it", s0, bundle([a.run(), again.run(2, 2), new.run()], writer=recovered), ["new", "new", "new"]),
            ("into an empty replica, its writer in it", setup_json([]), bundle([root.run(), oper.run(), a.run()]), ["new", "new", "new"]),
            ("with the ward space, into an empty replica but the root's first change", setup_json(base[:1]), bundle([oper.run(), a.run()], writer=OP), ["new", "new"])]
    save("bundle", [{"name": n, "setup": s, "bundle": hx(x), "results": r, **({"introduces": True} if "writer in it" in n or "names in it" in n else {})} for n, s, x, r in good])
    fine = bundle([a.run(), b.run()], spaces=[full])
    out = []

    def bad(name, data, error, s=s0):
        out.append({"name": name, "setup": s, "bundle": hx(data), "error": error, **({"introduces": True} if "writer named" in name else {})})
    for n in (0, 1, 100, len(fine) // 2, len(fine) - 105, len(fine) - 1):
        bad("cut off after %d bytes" % n, fine[:n], w.B_DAMAGED)
    for at in (5, 60, 200, len(fine) - 80):
        bad("byte %d altered" % at, fine[:at] + bytes([fine[at] ^ 4]) + fine[at + 1:], w.B_DAMAGED)
    bad("a byte of the ward altered", fine.replace(WARD, WARD[:9] + bytes([WARD[9] ^ 4]) + WARD[10:], 1), w.B_DAMAGED)
    bad("bytes after it", fine + b"\0", w.B_DAMAGED)
    bad("a signature with a bit flipped", fine[:-1] + bytes([fine[-1] ^ 1]), w.B_DAMAGED)
    bad("signed by another device", bundle([a.run()], sign=C2), w.B_DAMAGED)
    bad("signed with the aad of a seal", bundle([a.run()], aad=w.AAD_SEAL), w.B_DAMAGED)
    bad("count 1 of two runs", bundle([a.run(), b.run()], count=1), w.B_DAMAGED)
    bad("count 3 of two runs", bundle([a.run(), b.run()], count=3), w.B_DAMAGED)
    bad("not a bundle: text", "Kế hoạch số 12".encode(), w.B_DAMAGED)
    bad("another ward", bundle([a.run()], ward=OTHER_WARD), w.B_WARD)
    bad("writer not known", bundle([a.run()], writer=STRANGER), w.B_WRITER)
    cut_short = Author(OP, []).see(root).write(*[o for d in (OP2, HUB, C1, C2, C3, INSP) for o in grant_ops(d)]).write(*grant_ops(STRANGER))
    end_of_it = cut_short.copy()
    end_of_it.write((1, STRANGER.entity, 12, None, []))
    by_cell = Author(C1, []).see(oper).write(*grant_ops(STRANGER))
    bad("writer named in it by a cell", bundle([by_cell.run()], writer=STRANGER), w.B_WRITER)
    bad("writer named in it under a seal that does not hold", bundle([cut_short.run(2, 2, signature=bytes(64))], writer=STRANGER), w.B_WRITER)
    bad("writer named in it, signed by another", bundle([cut_short.run(2, 2)], writer=STRANGER, sign=C2), w.B_DAMAGED)
    bad("writer named in it and cut in it", bundle([end_of_it.run(2, 3)], writer=STRANGER), w.B_WRITER)
    bad("header of version 2", bundle([a.run()], version=2), w.VERSION)
    bad("base beyond what is held", bundle([a.run(3, 3)], spaces=[[JOINT, [[C1.id[:8], 2, 3, a.prev[:8]]]]]), w.B_BASE)
    bad("a run in it with a bad seal", bundle([a.run(signature=bytes(64))], spaces=[[JOINT, [[C1.id[:8], 0, 3, a.prev[:8]]]]]), w.SEAL)
    save("bundle-bad", out)


# ---------------------------------------------------------------- histories


def history(name, why, *authors, circles_=CIRCLES):
    """authors: Author (whole feed, a run for each change) or run frames, in an order that is causally closed."""
    frames_ = [f for a in authors for f in ([a.run(i, i) for i in range(1, len(a.log) + 1)] if isinstance(a, Author) else [a])]
    r = w.Replica(ROOT.sign_pk, circles_)
    for f in frames_:
        assert r.ingest(w.read_frame(f)[1])[0] == "new", name
    assert all(w.read_frame(f)[0] == 4 for f in frames_)
    return {"name": name, "why": why, "root_pk": hx(ROOT.sign_pk), "circles": [[hx(u) for u in c] for c in circles_], "runs": [hx(f) for f in frames_],
            "grants": sorted(hx(g) for g in r.grants), "spaces": [w.describe_space(r, s) for s in sorted(r.circles) if r.heads(s)],
            "common": hx(r.common_digest(list(r.circles)))}


def histories():
    base, root, oper = world()
    J = JOINT
    out = []

    def add(name, why, *authors, **kw):
        out.append(history(name, why, *base, *authors, **kw))
    out.append(history("founding", "the root names the first operator", base[0]))
    out.append(history("the ward space", "grants by the root and the operator", *base))
    start = Author(C1, J).write(op(T1, TITLE, "Tuyên truyền nghị quyết"), op(T1, NOTE, "bắt đầu"))
    b = Author(C2, J).see(start).write(op(T1, TITLE, "Tuyên truyền Nghị quyết 05"))
    add("one after the other", "who has seen a value supersedes it", start, b)
    a2 = start.copy().write(op(T1, TITLE, "Tên của chi bộ 1"))
    add("concurrent titles", "neither had seen the other: both are live, a conflict", a2, b)
    same = start.copy().write(op(T1, TITLE, "Tuyên truyền Nghị quyết 05"))
    add("concurrent and equal", "two live values, equal as bytes: no conflict", same, b)
    res = Author(OP, J).see(a2).see(b).write(op(T1, TITLE, "Tuyên truyền Nghị quyết 05-NQ/TU"), (3, entity("reason 1"), 4, None, "Theo tên gọi trong kế hoạch"), (3, entity("reason 1"), 8, None, T1))
    add("a resolution", "it has seen both, so it alone is live", a2, b, res)
    c = Author(OP2, J).see(start).write(op(T1, TITLE, "Tên thứ ba"))
    add("three concurrent titles", "the operator's is shown: rank goes before depth", a2, b, c)
    half = Author(OP, J).see(b).write(op(T1, TITLE, "chỉ thấy một"))
    add("a value that had seen only one of two", "it supersedes that one, the other stays", a2, b, half)
    deep = start.copy().write(op(T1, NOTE, "x")).write(op(T1, NOTE, "y")).write(op(T1, TITLE, "sâu hơn"))
    add("depth decides among equals", "equal ranks: the deeper change is shown", deep, b)

    lead = Author(OP, J).see(start).write(op(T1, DEADLINE, "2026-05-31"))
    lesser = Author(C2, J).see(lead).write(op(T1, DEADLINE, "2026-06-30"))
    add("governed: a lesser rank after a greater", "the deadline stays, the cell's value stands beside it as a proposal", start, lead, lesser)
    again = Author(OP2, J).see(lesser).write(op(T1, DEADLINE, "2026-06-15"))
    add("governed: the greater decides", "a value of greater rank that has seen them supersedes both", start, lead, lesser, again)
    conc = Author(OP2, J).see(start).write(op(T1, DEADLINE, "2026-07-01"))
    add("governed: two operators apart", "equal greatest ranks: a conflict", start, lead, conc)
    early = Author(C2, J).see(start).write(op(T1, DEADLINE, "2026-08-01"))
    late = Author(OP, J).see(early).write(op(T1, DEADLINE, "2026-08-15"))
    own = Author(C2, J).see(start).write(op(T1, DEADLINE, "2026-08-01")).write(op(T1, DEADLINE, "2026-08-02"))
    add("governed: by a cell, then by the operator", "", start, early, late)
    add("governed: among cells", "equal ranks: seen is superseded", start, own)

    m1 = start.copy().write(op(T1, WITH, True, key=UNITS["CB2"]), op(T1, WITH, True, key=UNITS["CB3"]))
    m2 = Author(C2, J).see(m1).write(op(T1, WITH, False, key=UNITS["CB2"]))
    add("member: taken out", "", m1, m2)
    m3 = m1.copy().write(op(T1, WITH, True, key=UNITS["CB2"]))
    add("member: added again while taken out elsewhere", "a true and a false are live: add wins", m3, m2)
    s1 = start.copy().write(op(T1, REACHED, 10)).write(op(T1, REACHED, 25))
    s2 = Author(C2, J).see(start).write(op(T1, REACHED, 7))
    add("sum", "a slot for each feed, the last total of each: 32", s1, s2)
    l1 = start.copy().write(op(T1, TITLE, "viết khi đã biết")).write_late(1, [], op(T1, TITLE, "viết ở bản sao"))
    add("late: the own feed's later value was not seen", "the device's own two values stand against each other: a conflict", l1)
    l2 = Author(C2, J).see(start).write(op(T1, TITLE, "của chi bộ 2"))
    l3 = start.copy().see(l2).write(op(T1, NOTE, "đã thấy")).write_late(2, [], op(T1, TITLE, "chưa thấy"))
    add("late: another's value was not seen", "though its feed has seen it: both are live", start, l2, l3.run(2, 3))
    l4 = l3.copy().write(op(T1, TITLE, "về sau"))
    add("late: what comes after builds on all of it", "the next change is an ordinary one: it had seen both", start, l2, l4.run(2, 4))
    l5 = start.copy().write(op(T1, REACHED, 10)).write(op(T1, REACHED, 25)).write_late(1, [], op(T1, REACHED, 31))
    add("late: a sum", "a running total replaces the one before, seen or not: 31", l5)
    l6 = start.copy().write(op(T1, WITH, True, key=UNITS["CB2"])).write(op(T1, WITH, True, key=UNITS["CB2"])).write_late(2, [], op(T1, WITH, False, key=UNITS["CB2"]))
    add("late: a member", "it had seen the first of two: add wins", l6)
    s3 = Author(C2, J).see(s1, 1)
    s3.write(op(T1, REACHED, 7)).write(op(T1, REACHED, -3))
    add("sum, going down", "", s1, s3)

    d = Author(C2, J).see(start).write(op(T1, 1, False))
    add("deletion", "it had seen the edit: the record is gone", start, d)
    edit = start.copy().write(op(T1, NOTE, "sửa trong lúc đó"))
    add("an edit against a deletion", "presence true (unsaid) and false are live: a conflict", edit, d)
    d2 = Author(OP, J).see(start).write(op(T1, 1, False))
    add("an operator's deletion against a cell's edit", "whatever the ranks: a conflict", edit, d2)
    after = start.copy().see(d2).write(op(T1, NOTE, "sửa sau khi bị xoá"))
    add("a cell's edit after an operator's deletion", "presence is governed: the deletion is not superseded by a lesser rank", start, d2, after.run(2, 2))
    keep = Author(OP, J).see(edit).see(d).write(op(T1, 1, True))
    add("kept by the operator", "", edit, d, keep)
    both = Author(C1, J).write(op(T1, TITLE, "tạo và xoá"), op(T1, 1, False))
    add("made and deleted in one change", "presence was written: nothing is added", both)
    twice = Author(C1, J).write(op(T1, TITLE, "trước"), op(T2, TITLE, "khác"), op(T1, TITLE, "sau"))
    add("a slot written twice in one change", "the later operation holds", twice)
    kinds = Author(C1, J).write(op(T1, TITLE, "nhiệm vụ"), op(T1, TITLE, "đề xuất", kind=PROPOSAL), op(T1, 65532, [1, ["lạ"]], kind=60000), op(T1, 65534, True, key=b"\xff\x00", kind=60000),
                             op(T1, 65534, True, key=b"\xff", kind=60000), op(T1, 65534, True, key=b"\x00" * 64, kind=60000))
    add("kinds and fields nobody knows, keys in order", "all are kept; slots ascend by kind, entity, field, key", kinds)
    alone = Author(C1, ALONE).write(op(T3, TITLE, "việc riêng của chi bộ"))
    add("two spaces", "each has its digests; common is over both and the ward space", start, alone)
    hist = Author(C1, J).write(op(T1, NOTE, "01"), wall=WALL).write(op(T1, NOTE, "02"), wall=0).write(op(T1, NOTE, "03"), wall=w.WALL_MAX)
    far = Author(C2, J).write(op(T1, NOTE, "đồng hồ năm 2099"), wall=4070908800000)
    add("clocks that are wrong", "wall time decides nothing", hist, far)

    # authority
    edits = start.copy().write(op(T1, NOTE, "hai")).write(op(T1, NOTE, "ba"))
    seen2 = Author(C2, J).see(start).write(op(T1, TITLE, "chi bộ 2 viết"))
    cut = Author(OP2, []).see(oper).write((1, C1.entity, 12, None, [[edits.feed, 2, edits.log[1]["hash"]]]), (1, C1.entity, 20, None, "máy bị mất"))
    add("a cut", "what stands beyond seq 2 has no effect", edits, seen2, cut)
    # floors
    def floor(*entries, name=None, ops=(), by=None):
        heads = sorted(list(e) for e in entries)
        close = (6, edits.space[:16], 8, None, name or w.H("wardsync floor", enc(heads)))
        return (by or Author(OP2, []).see(oper)).write((6, edits.space[:16], 4, None, heads), close, *ops)
    at2, at3 = [edits.feed, 2, edits.log[1]["hash"]], [edits.feed, 3, edits.log[2]["hash"]]
    add("a floor", "all it settles has effect anyhow", edits, seen2, floor(at3))
    late_cut = floor(at3)
    late_cut.write((1, C1.entity, 12, None, [at2]))
    add("a cut below a floor", "it ends the feed at the floor", edits, seen2, late_cut)
    low_cut = oper.copy().write((1, C1.entity, 12, None, [at2]))
    high = Author(OP2, []).see(oper).write((6, entity("x"), 4, None, [])).write((6, entity("x"), 4, None, []))
    add("a floor over a cut", "the cut stands before it in the order, and yet: what is settled stays", edits, seen2, low_cut.run(len(oper.log) + 1), floor(at3, by=high))
    add("a floor that settles what has no effect", "nothing after seq 2 has effect, though nobody cuts it", edits, seen2, floor(at3 + [2]))
    open_ = Author(OP2, []).see(oper).write((6, edits.space[:16], 4, None, [at3 + [2]]))
    add("a floor that is not closed", "it settles nothing", edits, seen2, open_)
    add("a closing of another floor", "it settles nothing", edits, seen2, floor(at3 + [2], name=bytes(32)))
    twice = floor(at3 + [2])
    more = edits.copy().write(op(T1, NOTE, "bốn"))
    twice.write((6, edits.space[:16], 4, None, [[more.feed, 4, more.log[3]["hash"]]]), (6, edits.space[:16], 8, None, w.H("wardsync floor", enc([[more.feed, 4, more.log[3]["hash"]]]))))
    add("a second floor", "what had no effect before keeps having none", more, seen2, twice)
    fallen_by = floor(at3 + [2], by=Author(OP2, []).see(oper).write((6, entity("x"), 4, None, [])))
    end2 = oper.copy().write((1, OP2.entity, 12, None, []))
    add("a floor closed by who is cut before", "the cut has the lesser depth: the closing does not count", edits, seen2, fallen_by, end2.run(len(oper.log) + 1))
    end_late = oper.copy().see(fallen_by).write((1, OP2.entity, 12, None, []))
    add("a floor closed by who is cut later", "what was closed stays closed", edits, seen2, fallen_by, end_late.run(len(oper.log) + 1))
    add("a floor of another space's feed", "it settles nothing", edits, seen2, Author(OP2, []).see(oper).write(
        (6, Author(C1, ALONE).space[:16], 4, None, [at3 + [0]]), (6, Author(C1, ALONE).space[:16], 8, None, w.H("wardsync floor", enc([at3 + [0]])))))
    none = Author(OP2, []).see(oper).write((1, C1.entity, 12, None, []))
    add("a cut that names no feed", "nothing of the grant has effect", edits, seen2, none)
    on_top = Author(C2, J).see(edits).write(op(T1, NOTE, "dựa trên phần bị cắt"))
    add("a change that had seen what was cut", "it has effect; what was cut has not, though it was seen", edits, on_top, cut)
    longer = Author(OP2, []).see(oper).write((1, C1.entity, 12, None, [[edits.feed, 3, edits.log[2]["hash"]]]))
    oper2 = oper.copy().write((1, C1.entity, 12, None, [[edits.feed, 1, edits.log[0]["hash"]]]))
    add("two cuts of one grant", "the least seq holds", edits, longer, oper2.run(2, 2))
    by_hub = Author(HUB, []).see(oper).write((1, C1.entity, 12, None, []))
    add("a cut by the hub", "not entitled: no effect", edits, by_hub)
    bad_cut = Author(OP2, []).see(oper).write((1, C1.entity, 12, None, "tất cả"))
    add("a cut that is no list", "no effect", edits, bad_cut)
    # operators cutting each other: the shallower counts; the root's counts first
    x = oper.copy().write((1, OP2.entity, 12, None, []))
    y = Author(OP2, []).see(oper).write((3, entity("reason 2"), 4, None, "ghi trước")).write((1, OP.entity, 12, None, [[oper.feed, 1, oper.log[0]["hash"]]]))
    ring = [Device("ring %d" % i, "XDD", w.OPERATOR) for i in (1, 2)]
    r0 = oper.copy().write(*grant_ops(ring[0]), *grant_ops(ring[1]))
    r1 = Author(ring[0], []).see(r0).write(*grant_ops(ring[1]))
    r2 = Author(ring[1], []).see(r0).write(*grant_ops(ring[0]), *grant_ops(OP))
    ring_text = Author(ring[0], J).write(op(T1, NOTE, "ai cũng do người kia cấp quyền"))
    add("operators who grant each other", "", start, r0.run(2, 2), r1, r2, ring_text)
    r_cut = root.copy().see(oper).write((1, OP.entity, 12, None, []))
    add("operators who grant each other, their first giver cut", "neither is reached from the root any more", start, r0.run(2, 2), r1, r2, ring_text, r_cut.run(2, 2))
    add("two operators cut each other", "the cut of lesser depth counts, the other is set aside by it", x.run(2, 2), y)
    add("the root's cut goes before", "though it is deeper", x.run(2, 2), deep_root(root, x, oper))
    # a grant by someone who is cut before it
    late_dev = Device("late", "CB2", w.CELL)
    g2 = Author(OP2, []).see(oper).write(*grant_ops(late_dev))
    l1 = Author(late_dev, J).write(op(T2, TITLE, "máy được cấp quyền muộn"))
    add("a grant by the second operator", "", g2, l1)
    kill = oper.copy().write((1, OP2.entity, 12, None, []))
    add("a grant whose writer is cut before it", "neither the grant nor what its device wrote has effect", g2, l1, kill.run(2, 2))
    op3 = Device("operator 3", "XDD", w.OPERATOR)
    g3 = Author(OP2, []).see(oper).write(*grant_ops(op3))
    cut3 = Author(op3, []).see(g3).write((1, C1.entity, 12, None, []))
    add("a cut by one whose grant has fallen", "its writer's grant was set aside by an earlier cut, so it does not count", edits, g3, cut3, kill.run(2, 2))
    # cuts and who made them
    self_cut = oper.copy().write((1, OP.entity, 12, None, [[oper.feed, 1, oper.log[0]["hash"]]]))
    after_it = self_cut.copy().write(*grant_ops(late_dev))
    add("an operator cuts itself", "the cut counts though it lies beyond itself; what it grants afterwards has no effect", after_it.run(2, 3), l1)
    all_of_it = oper.copy().write((1, OP.entity, 12, None, []))
    add("an operator cuts itself from the start", "all that it gave falls, and all written under it", start, all_of_it.run(2, 2))
    on_root = oper.copy().write((1, WARD[:16], 12, None, []))
    add("a cut of the root", "the root cannot be cut: no effect", start, on_root.run(2, 2))
    p = Author(OP2, []).see(oper).write((1, C1.entity, 12, None, [[edits.feed, 1, edits.log[0]["hash"]]])).write((1, OP.entity, 12, None, [[oper.feed, 1, oper.log[0]["hash"]]]))
    q = oper.copy().write((1, OP2.entity, 12, None, [[p.feed, 1, p.log[0]["hash"]]]))
    add("mutual cuts, one change before them kept", "the first cut of the second operator is named by the other's cut, so it counts; its second does not", edits, q.run(2, 2), p)
    even_a = Author(OP2, []).see(oper).write((1, OP.entity, 12, None, [[oper.feed, 1, oper.log[0]["hash"]]]))
    even_b = oper.copy().write((1, OP2.entity, 12, None, []))
    assert even_a.depth == even_b.depth
    add("two operators cut each other at one depth", "the lesser feed id counts", edits, even_a, even_b.run(2, 2))
    third = Device("operator 4", "XDD", w.OPERATOR)
    named = oper.copy().write(*grant_ops(third))
    n1 = Author(OP2, []).see(named).write((1, third.entity, 12, None, []))
    n2 = Author(third, []).see(named).write((3, entity("reason 4"), 4, None, "trước")).write((1, OP.entity, 12, None, [[named.feed, 2, named.log[1]["hash"]]]))
    n3 = named.copy().write((3, entity("reason 5"), 4, None, "một")).write((3, entity("reason 6"), 4, None, "hai")).write((1, OP2.entity, 12, None, []))
    add("three operators cut each other in a ring", "the shallowest first: the third falls, so its cut of the first does not count, and the first's of the second comes last",
        named.run(2, 2), n1, n2, n3.run(3, 5))
    unmade = root.copy().see(oper).write((1, OP.entity, 12, None, []))
    add("the root cuts the operator from the start", "every grant it gave falls, and with them what was written under them", edits, seen2, unmade.run(2, 2))
    again = unmade.copy().write(*grant_ops(C1))
    add("a grant given by two, one of whom is cut", "one effective giver is enough", edits, seen2, again.run(2, 3))
    over_g = Author(HUB, []).see(oper).write(*grant_ops(op3))
    g3_text = Author(op3, J).write(op(T1, NOTE, "không có hiệu lực"))
    add("an operator made by the hub", "a hub may grant cells only: what the made one writes is held and has no effect", start, over_g, g3_text)
    meant = Author(op3, []).see(over_g).write((1, C1.entity, 12, None, []))
    add("a cut by an operator made by the hub", "without effect", start, over_g, meant)
    back = Author(C2, J).see(edits).write(op(T1, NOTE, "chi bộ 2")).write(op(T1, TITLE, "chi bộ 2 viết sau"))
    edits_far = edits.copy().see(back).write(op(T1, TITLE, "phần bị cắt đã thấy cả hai")).write(op(T1, 1, False))
    add("a deletion beyond a cut", "it had seen all and changes nothing", edits_far.run(1, 3), back, edits_far.run(4, 5), cut)
    inv_pk = w.join_key(seed("invitation", "secret")[:16])[1]
    inv = oper.copy().write((2, inv_pk[:16], 4, None, inv_pk), (2, inv_pk[:16], 8, None, UNITS["CB1"]), (2, inv_pk[:16], 12, None, 1), (2, inv_pk[:16], 16, None, WALL + 14 * 86400000))
    adm = Author(HUB, []).see(inv).write(*grant_ops(STRANGER), (1, STRANGER.entity, 16, None, inv_pk[:16]), (2, inv_pk[:16], 20, None, STRANGER.id))
    st = Author(STRANGER, ALONE).write(op(T3, TITLE, "máy mới của chi bộ 1"))
    add("an invitation and its use", "the hub may admit a cell", inv.run(2, 2), adm, st)
    save("history", out)


def histories_deep():
    """Authority as far as the pages let it go."""
    base, root, oper = world()
    J, out = JOINT, []

    def add(name, why, *authors):
        out.append(history(name, why, *base, *authors))
    a = Author(C1, J).write(op(T1, TITLE, "chi bộ 1"))
    b = Author(C2, J).write(op(T1, NOTE, "chi bộ 2"))
    chain, last, givers = [Device("chain %d" % i, "XDD", w.OPERATOR) for i in range(40)], oper.copy().write(*grant_ops(Device("chain 0", "XDD", w.OPERATOR))), []
    givers.append(last.run(2, 2))
    for i in range(1, 40):
        last = Author(chain[i - 1], []).see(last).write(*grant_ops(chain[i]))
        givers.append(last.run())
    end = Author(chain[-1], J).write(op(T1, TITLE, "người thứ bốn mươi"))
    add("a chain of 40 operators, each admitted by the one before", "the last one's word counts like any other's", *givers, end)
    assert C2.entity < OP.entity < C1.entity
    self_and = oper.copy().write((1, C1.entity, 12, None, []), (1, OP.entity, 12, None, [[oper.feed, 1, oper.log[0]["hash"]]]), (1, C2.entity, 12, None, []))
    add("an operator cuts itself and two others in one change", "cuts of one change stand at one place in the order: all three count", a, b, self_and.run(2, 2))
    ring = [Device("ring %d" % i, "XDD", w.OPERATOR) for i in (1, 2, 3)]
    first = oper.copy().write(*[o for d in ring for o in grant_ops(d)])
    each = [Author(d, []).see(first).write(*[o for e in ring if e is not d for o in grant_ops(e)]) for d in ring]
    text = Author(ring[0], J).write(op(T1, TITLE, "trong vòng"))
    fall = root.copy().see(oper).write((1, OP.entity, 12, None, []))
    add("three operators who all grant each other, their first giver cut", "none is reached from the root any more; to find that out must not take long", a, first.run(2, 2), *each, text, fall.run(2, 2))
    save("history-deep", out)


def deep_root(root, x, oper):
    r = root.copy().see(oper)
    r.write((3, entity("reason 3"), 4, None, "ghi trước")).write((1, OP.entity, 12, None, [[oper.feed, 1, oper.log[0]["hash"]]]))
    return r.run(2, 3)


def main():
    os.makedirs(DIR, exist_ok=True)
    for family in (keys, circles, geneses, grants, changes, changes_bad, all_columns, seals, receipts, proofs, forks, runs, snapshots, frames, requests, invites, keyfiles, sheets, bundles, histories, histories_deep):
        family()
    print(", ".join("%s %d" % x for x in COUNT.items()))
    print("%d good, %d bad" % (sum(n for f, n in COUNT.items() if not f.endswith("-bad")), sum(n for f, n in COUNT.items() if f.endswith("-bad"))))


main()
