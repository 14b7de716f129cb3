"""README.md and change.md: identifiers, hashes, and the body of a change with its operations, as a reader must take them."""
from collections import namedtuple
from functools import lru_cache
from hashlib import blake2b

import cbor
from cbor import Bad, Encoded, encode

# ---------------------------------------------------------------- hashes and identifiers


def H(tag, data):
    return blake2b(tag.encode("ascii").ljust(16, b"\0") + data, digest_size=32).digest()


def ward_id(root_pk):
    return H("wardsync ward", encode([1, root_pk]))


@lru_cache(4096)
def space_id(ward, circle):
    return H("wardsync space", encode([ward, list(circle)]))


@lru_cache(65536)
def feed_id(ward, space, grant):
    return H("wardsync genesis", encode([1, ward, space, grant]))


def change_hash(seq, prev, body):
    return H("wardsync change", encode([seq, prev, Encoded(body)]))


# ---------------------------------------------------------------- the body and its operations

OPEN, GOVERNED, MEMBER, SUM = range(4)
PRESENCE = 1
TRUE, FALSE = b"\xf5", b"\xf4"

Dep = namedtuple("Dep", "feed seq hash")
Write = namedtuple("Write", "kind entity field key value")  # value: as encoded; key None: the author's feed
Body = namedtuple("Body", "wall_ms depth deps writes raw")


def field_class(field):
    return field % 4


def read_deps(data, at):
    count, at = cbor.array(data, at)
    if count > 512:
        raise Bad(224)
    deps = []
    for _ in range(count):
        members, at = cbor.array(data, at)
        if members != 3:
            raise Bad(202)
        feed, at = cbor.string(data, at, 32)
        seq, at = cbor.unsigned(data, at)
        hash_, at = cbor.string(data, at, 32)
        if seq == 0 and hash_ != feed:
            raise Bad(203)
        if deps and feed <= deps[-1].feed:
            raise Bad(304)
        deps.append(Dep(feed, seq, hash_))
    return deps, at


def read_operation(data, at, records):
    """One operation; records are the (kind, entity) named so far in this change."""
    members, at = cbor.array(data, at)
    major, _, _ = cbor.head(data, at)
    if major == cbor.BYTES:  # op-first
        entity, at = cbor.string(data, at, 16)
        kind, at = cbor.unsigned(data, at, 1, 65535)
        if (kind, entity) in records:
            raise Bad(210)
        records.append((kind, entity))
        index, rest = len(records) - 1, members - 2
    else:  # op-again
        index, at = cbor.unsigned(data, at)
        if index >= len(records):
            raise Bad(210)
        rest = members - 1
    field, at = cbor.unsigned(data, at, 0, 65535)
    if field in (0, 2, 3) or rest != (3 if field_class(field) == MEMBER else 2):
        raise Bad(210)
    key = b""
    if field_class(field) == MEMBER:
        key, at = cbor.string(data, at)
        if not key:
            raise Bad(210)
        if len(key) > 64:
            raise Bad(226)
    elif field_class(field) == SUM:
        key = None
    start = at
    value, at = cbor.value(data, at)
    if at - start > 49152:
        raise Bad(222)
    if field_class(field) == MEMBER or field == PRESENCE:
        good = isinstance(value, bool)
    else:
        good = field_class(field) != SUM or (isinstance(value, int) and not isinstance(value, bool))
    if not good:
        raise Bad(210)
    return index, Write(*records[index], field, key, data[start:at]), at


@lru_cache(65536)
def read_body(data, start):
    """The body that starts there, and where it ends."""
    members, at = cbor.array(data, start)
    if members != 4:
        raise Bad(202)
    wall_ms, at = cbor.unsigned(data, at, 0, 2**53 - 1)
    depth, at = cbor.unsigned(data, at, 1)
    deps, at = read_deps(data, at)
    count, at = cbor.array(data, at)
    if count > 1024:
        raise Bad(223)
    if count == 0:
        raise Bad(203)
    records, writes, with_presence = [], [], set()
    for _ in range(count):
        index, write, at = read_operation(data, at, records)
        writes.append(write)
        if write.field == PRESENCE:
            with_presence.add(index)
    if at - start > 65536:
        raise Bad(221)
    # To edit a thing is to hold that it exists.
    for index, record in enumerate(records):
        if index not in with_presence:
            writes.append(Write(*record, PRESENCE, b"", TRUE))
    return Body(wall_ms, depth, tuple(deps), tuple(writes), data[start:at]), at
