"""A slow, obvious reference of wardsync: what a set of changes means, from the pages of proto/ and nothing else. This file: who may do what
(authority.md), what a replica takes in (seal.md), and what of it has effect; merge.py: what comes of it.

Nothing here is clever: whatever has to be known is worked out again from the whole set of changes.
"""
from collections import namedtuple
from contextlib import suppress
from functools import lru_cache

import cbor
from cbor import Bad
from change import H, change_hash, feed_id, read_body, space_id, ward_id

# ---------------------------------------------------------------- authority.md: grants, roles, circles

ROOT, CELL, OPERATOR, INSPECTOR, HUB = range(5)
RANK = {ROOT: 3, CELL: 1, OPERATOR: 2, INSPECTOR: 1, HUB: 2}
MAY_GRANT = {
    ROOT: (CELL, OPERATOR, INSPECTOR, HUB),
    OPERATOR: (CELL, OPERATOR, INSPECTOR, HUB),
    HUB: (CELL,),
    CELL: (),
    INSPECTOR: (),
}
KIND_GRANT, FIELD_GRANT, FIELD_CUT = 1, 4, 12
KIND_FLOOR, FIELD_HEADS, FIELD_CLOSED = 6, 4, 8

Grant = namedtuple("Grant", "id sign_pk link_pk unit role")
Settled = namedtuple("Settled", "seq hash effect")
NOTHING = Settled(0, None, 0)


def may_read(grant, circle):
    if grant.role in (OPERATOR, INSPECTOR, HUB) or not circle:
        return True
    return grant.role == CELL and grant.unit in circle


def may_write(grant, circle):
    if not circle:
        return grant.role in (ROOT, OPERATOR, HUB)
    return grant.role == OPERATOR or (grant.role in (CELL, INSPECTOR) and grant.unit in circle)


@lru_cache(4096)
def keys_valid(sign_pk, link_pk):
    from nacl.bindings import crypto_core_ed25519_is_valid_point, crypto_scalarmult
    from nacl.exceptions import CryptoError

    try:
        crypto_scalarmult(b"\x40" * 32, link_pk)
    except (CryptoError, RuntimeError):
        return False
    return crypto_core_ed25519_is_valid_point(sign_pk)


@lru_cache(4096)
def read_grant(value):
    """The grant in a value of field 4 of kind 1; None if that is none."""
    try:
        data = cbor.whole(value)
        if not isinstance(data, bytes):
            return None
        parts = cbor.whole(data)
    except Bad:
        return None
    if not isinstance(parts, list) or [type(part) for part in parts] != [int, bytes, bytes, bytes, int]:
        return None
    version, sign_pk, link_pk, unit, role = parts
    if version != 1 or (len(sign_pk), len(link_pk), len(unit)) != (32, 32, 16) or role not in (CELL, OPERATOR, INSPECTOR, HUB):
        return None
    return Grant(H("wardsync grant", data), sign_pk, link_pk, unit, role) if keys_valid(sign_pk, link_pk) else None


def grants_in(body):
    """The grants that a change of the ward space brings: well-formed ones whose entity and id agree."""
    for write in body.writes:
        if (write.kind, write.field) == (KIND_GRANT, FIELD_GRANT):
            grant = read_grant(write.value)
            if grant and grant.id[:16] == write.entity:
                yield grant


@lru_cache(4096)
def read_cut(value):
    """{feed: seq} of a value of field 12 of kind 1; None if that is no cut."""
    try:
        parts = cbor.whole(value)
    except Bad:
        return None
    if not isinstance(parts, list):
        return None
    cut, last = {}, b""
    for part in parts:
        if not isinstance(part, list) or [type(member) for member in part] != [bytes, int, bytes]:
            return None
        feed, seq, hash_ = part
        if len(feed) != 32 or len(hash_) != 32 or seq < 1 or feed <= last:
            return None
        cut[feed], last = seq, feed
    return cut


def cuts_in(body):
    """(entity of the grant that is cut, {feed: seq}) of a change of the ward space."""
    for write in body.writes:
        if (write.kind, write.field) == (KIND_GRANT, FIELD_CUT):
            cut = read_cut(write.value)
            if cut is not None:
                yield write.entity, cut


@lru_cache(4096)
def read_floor(value):
    """{feed: Settled} of a value of field 4 of kind 6; None if that is no floor."""
    try:
        parts = cbor.whole(value)
    except Bad:
        return None
    if not isinstance(parts, list):
        return None
    floor, last = {}, b""
    for part in parts:
        if not isinstance(part, list) or [type(member) for member in part] not in ([bytes, int, bytes], [bytes, int, bytes, int]):
            return None
        feed, seq, hash_ = part[:3]
        effect = part[3] if len(part) == 4 else seq
        if len(feed) != 32 or len(hash_) != 32 or not 1 <= seq < 2**63 or feed <= last:
            return None
        if len(part) == 4 and not 0 <= effect < seq:
            return None
        floor[feed], last = Settled(seq, hash_, effect), feed
    return floor


def floors_in(body):
    """(entity of the space, name of the floor, {feed: Settled}) of a change of the ward space."""
    for write in body.writes:
        if (write.kind, write.field) == (KIND_FLOOR, FIELD_HEADS):
            floor = read_floor(write.value)
            if floor is not None:
                yield write.entity, H("wardsync floor", write.value), floor


def closings_in(body):
    """(place in the change, name of the floor that is closed, entity of the space) of a change of the ward space."""
    for nth, write in enumerate(body.writes):
        if (write.kind, write.field) == (KIND_FLOOR, FIELD_CLOSED):
            name = cbor.whole(write.value)
            if isinstance(name, bytes) and len(name) == 32:
                yield nth, name, write.entity


# ---------------------------------------------------------------- what a replica holds

# context: what the change itself had seen; vector: what its feed has seen with it. They differ in late changes alone.
Change = namedtuple("Change", "feed seq hash depth context vector body")
BRANCHES_MAX, DEPTH_LEAP = 8, 2**32


class Feed:
    """A feed as it is held: its chains, none of which begins another. What they have in common is all that may have effect. Where its
    history is not held up to `base` (snapshot.md), the oracle knows it all the same, and asks it only what a replica could tell."""

    def __init__(self, id_, space, grant, changes=()):
        self.id, self.space, self.grant, self.chains, self.leaves = id_, space, grant, [list(changes)], [0]
        self.settled = NOTHING
        self.given_up = []  # changes of branches that made room for others: their words in the ward space are known
        self.base, self.below = 0, []  # below: the hashes of the history that has come so far to take the base's place
        self.sealed = set()  # the hashes of changes at which a run ended

    def copy(self):
        """As it is now."""
        feed = Feed(self.id, self.space, self.grant, self.chains[0])
        feed.sealed = set(self.sealed)
        return feed

    def __lt__(self, other):
        return self.id < other.id

    def shared(self, chain):
        """How many changes a chain has in common with the first."""
        count = 0
        while count < min(len(chain), len(self.chains[0])) and chain[count].hash == self.chains[0][count].hash:
            count += 1
        return count

    @property
    def above(self):
        """The chains that count: those that leave the first below what is settled are passed over."""
        return [chain for chain in self.chains if chain is self.chains[0] or self.shared(chain) >= self.settled.seq]

    @property
    def forked(self):
        return len(self.above) > 1

    @property
    def shattered(self):
        return len(self.above) > BRANCHES_MAX

    @property
    def changes(self):
        return self.chains[0][: min(map(self.shared, self.above))]

    @property
    def astray(self):
        """Whether the first chain is known to be another than the settled one."""
        chain, settled = self.chains[0], self.settled
        return self.base < settled.seq <= len(chain) and chain[settled.seq - 1].hash != settled.hash

    @property
    def short(self):
        """Whether it is too short to tell."""
        return len(self.chains[0]) < self.settled.seq

    def settled_at(self, seq):
        """Whether a change is settled, and held: which it is is not asked any more."""
        return seq <= min(self.settled.seq, len(self.chains[0])) and not self.astray

    @property
    def heads(self):
        if self.shattered:
            return [[self.id, len(self.changes), self.changes[-1].hash if self.changes else self.id]]
        return [[self.id, len(chain), chain[-1].hash] for chain in self.above if chain]

    def strays(self, chain):
        """Whether a chain goes on beyond what is settled, beside it."""
        settled = self.settled
        return self.base < settled.seq < len(chain) and chain[settled.seq - 1].hash != settled.hash

    def keep(self, chains):
        """These alone, [(chain, where it leaves)]; and of those, none that leaves one which is gone."""
        kept = [(list(chain), at) for chain, at in chains]
        while True:
            stem = [any(before < at <= len(other) and other[at - 1].hash == chain[at - 1].hash for other, before in kept if other is not chain)
                    for chain, at in kept]
            if all(has or at == 0 for has, (_, at) in zip(stem, kept)):
                break
            kept = [entry for has, entry in zip(stem, kept) if has or entry[1] == 0]
        self.chains, self.leaves = [chain for chain, _ in kept], [at for _, at in kept]
        self.sealed &= {change.hash for chain in self.chains for change in chain}

    def go_on_with_a_branch(self):
        """The first chain has ended: what leaves it beyond goes, and a branch that leaves it just there is the rest."""
        count, settled, rows = len(self.chains[0]), self.settled, list(zip(self.chains, self.leaves))
        settles = [len(chain) >= settled.seq > at and chain[settled.seq - 1].hash == settled.hash for chain, at in rows]
        self.keep(rows[:1] + [row for row, comes in zip(rows[1:], settles[1:]) if row[1] == count or (row[1] < count and not comes)])
        for nth, at in enumerate(self.leaves):
            if nth and at == count and self.shared(self.chains[nth]) == count < len(self.chains[nth]):
                self.chains[0] = self.chains.pop(nth)
                self.leaves.pop(nth)
                return

    def every_change(self):
        """Of all chains, also those given up, each once."""
        return {change.hash: change for chain in [*self.chains, self.given_up] for change in chain}.values()


class Held:
    """A set of changes, causally closed; takes in runs as seal.md says."""

    def __init__(self, root_pk, circles=(), reader=None, check_seal=None):
        """circles: those known besides the ward space; reader: the grant of the device, None where it may hold everything."""
        self.ward = ward_id(root_pk)
        self.reader = reader
        self.root = Grant(self.ward, root_pk, None, None, ROOT)
        self.circles = {space_id(self.ward, circle): circle for circle in ((), *circles)}
        self.ward_space = space_id(self.ward, ())
        self.grants = {self.ward: self.root}  # all that are known, with effect or not
        self.feeds = {}
        self.floors = None  # that count, until something comes into the ward space
        self.let_resting_go = False  # something that rested on what is beside has gone
        self.check_seal = check_seal

    def take(self, run):
        """seal.md, Run: the number of changes that were new; Bad if the run is refused."""
        space8, grant8, first, count, codec, data, signature = run
        space = next((s for s in self.circles if s[:8] == space8), None)
        if space is None or (self.reader and not may_read(self.reader, self.circles[space])):
            raise Bad(404)
        grant = next((g for g in self.grants.values() if g.id[:8] == grant8), None)
        if grant is None:
            raise Bad(403)
        if not may_write(grant, self.circles[space]):
            raise Bad(402)
        fid = feed_id(self.ward, space, grant.id)
        held = self.feeds.get(fid) or Feed(fid, space, grant)
        held.settled = self.settled(held)
        if first > max(map(len, held.chains)) + 1:
            raise Bad(301)
        last = first + count - 1
        if first <= held.base:  # snapshot.md, With a base
            beyond = max(held.base, len(held.chains[0])) < last
            if not beyond:
                self.fetch(held, first, count, data, signature)
            if last <= held.base or held.base == 0:
                return 0
            first, count, data = self.rest(held, first, count, data)
            try:
                new = self.take([space8, grant8, first, count, codec, data, signature])
            except Bad as bad:
                if not beyond or bad.args[0] not in (302, 316) or not self.keep_below(held, *run[2:4], run[5]):
                    raise
                new = self.take(run)
            if beyond:
                self.fetch(held, *run[2:4], run[5], signature)
            return new
        if held.forked or first != len(held.chains[0]) + 1:
            new = self.place(held, run, first, count, data, signature)
            if isinstance(new, int):  # taken at a second go
                return new
        else:
            new = self.go_on(held, first, count, data, signature)
        if new:
            held.sealed.add(new[-1].hash)
            self.feeds[fid] = held
            if space == self.ward_space:
                self.floors = None
                for change in new:
                    self.grants.update((g.id, g) for g in grants_in(change.body))
                for feed in self.feeds.values():
                    feed.settled = self.settled(feed)
        return len(new)

    @staticmethod
    def rest(held, first, count, data):
        """What a run has beyond the base."""
        at = 0
        for _ in range(first, held.base + 1):
            _, at = read_body(data, at)
        return held.base + 1, first + count - held.base - 1, data[at:]

    def keep_below(self, held, first, count, data):
        """snapshot.md: of a run that is refused the history, under the author's seal at the base; whether all is there now."""
        if held.chains[0][held.base - 1].hash not in held.sealed:
            return False
        at = 0
        for _ in range(first, held.base + 1):
            _, at = read_body(data, at)
        with suppress(Bad):
            self.fetch(held, first, held.base - first + 1, data[:at], None)
        return held.base == 0

    def fetch(self, held, first, count, data, signature):
        """session.md: history below a base is kept aside until all of the space is there; signature None: the one at the base."""
        if first != len(held.below) + 1 or len(held.below) >= held.base:
            return
        hashes, at = list(held.below), 0
        for seq in range(first, first + count):
            body, at = read_body(data, at)
            hashes.append(change_hash(seq, hashes[-1] if hashes else held.id, body.raw))
        if at != len(data):
            raise Bad(205)
        if signature and self.check_seal and not self.check_seal(held.grant.sign_pk, held.id, len(hashes), hashes[-1], signature):
            return
        chain = held.chains[0]
        if len(hashes) >= held.base and hashes[held.base - 1] != chain[held.base - 1].hash:
            raise Bad(316)
        if len(hashes) > held.base and (len(hashes) > len(chain) or hashes[-1] != chain[len(hashes) - 1].hash):
            return
        held.below = hashes
        held.sealed.add(hashes[-1])
        space = [feed for feed in self.feeds.values() if feed.space == held.space]
        if all(len(feed.below) >= feed.base for feed in space):
            for feed in space:
                feed.base, feed.below = 0, []

    def let_go(self, bases):
        """What a replica says it has let go of, {feed: seq}: what is wrong with that, in words, or None. How much it does is left to it."""
        for feed in self.feeds.values():
            base = bases.get(feed.id, 0)
            if base == feed.base:
                continue
            if not feed.base < base <= feed.settled.effect:
                return f"feed {feed.id.hex()[:16]} begins after {base}, settled is {feed.settled.effect}"
            if feed.astray or feed.short:
                return f"feed {feed.id.hex()[:16]} begins after {base}, and is not the settled history"
            feed.base = base
        return None

    def holds_floor(self, space):
        """snapshot.md, Head: whether something of the space is settled and has effect, and all that is settled of it is held."""
        feeds = [feed for feed in self.feeds.values() if feed.space == space]
        floors = effective_floors(self) if self.floors is None else self.floors
        named = [(self.feeds.get(feed), entry) for at, floor in floors if at == space[:16] for feed, entry in floor.items()]
        return (any(feed.settled.effect for feed in feeds) and not any(feed.astray for feed in feeds)
                and all(feed and len(feed.chains[0]) >= entry.seq for feed, entry in named))

    def state(self, space, upto):
        """snapshot.md, Head: [(feed, seq, hash, depth, {feed: seq seen})] of each feed as it is now, taken in as far as `upto` says."""
        state = []
        for feed in sorted((feed for feed in self.feeds.values() if feed.space == space), key=lambda feed: feed.grant.id[:8]):
            seq = upto(feed)
            top = feed.chains[0][seq - 1] if seq else None
            seen = {f: s for f, s in top.vector.items() if f != feed.id} if top else {}
            state.append((feed.copy(), seq, top.hash if top else feed.id, top.depth if top else 0, seen))
        return state

    def take_state(self, space, maker, state):
        """snapshot.md, Taking one in: whether it was taken in. Its parts are sound."""
        if self.reader and not may_read(self.reader, self.circles[space]):
            raise Bad(404)
        if maker not in self.grants:
            raise Bad(403)
        made_by = self.grants[maker]
        cuts = effective_cuts(self)
        if made_by.role not in (OPERATOR, HUB, ROOT) or maker not in effective_grants(self, cuts) or any(maker[:16] == cut[0] for cut in cuts):
            raise Bad(402)
        feeds = [self.feeds.get(theirs.id) for theirs, *_ in state]
        if not any(seq > (len(feed.chains[0]) if feed else 0) or (feed and self.beside(feed, seq, hash_)) for feed, (_, seq, hash_, *_) in zip(feeds, state)):
            return 0
        gives_way = [self.stands(feed, theirs, seq, hash_) for feed, (theirs, seq, hash_, *_) in zip(feeds, state)]
        named = [theirs.id for theirs, *_ in state]
        if any(feed.base and feed.id not in named for feed in self.feeds.values() if feed.space == space):
            raise Bad(316)
        for (theirs, seq, hash_, *_), goes in zip(state, gives_way):
            feed = self.feeds.setdefault(theirs.id, Feed(theirs.id, space, theirs.grant))
            feed.settled = self.settled(feed)
            if goes:
                self.give_way(feed, seq if self.is_own(feed) and self.same(feed, seq, hash_) else feed.base)
                if 0 < seq <= len(feed.chains[0]) and feed.chains[0][seq - 1].hash != hash_:
                    self.give_way(feed, feed.base)  # nor is the branch that took its place what the state is of
            if seq == 0:
                continue
            settled = list(theirs.chains[0][:seq])
            feed.sealed |= theirs.sealed & {hash_}  # the state has the author's seal, where its giver does
            above = [nth for nth, chain in enumerate(feed.chains) if nth and feed.shared(chain) >= seq]
            feed.chains = [settled + feed.chains[0][seq:]] + [settled + feed.chains[nth][seq:] for nth in above]
            feed.leaves = [0] + [feed.leaves[nth] for nth in above]
            feed.base = seq
        for feed in self.feeds.values():
            feed.settled = self.settled(feed)
        return 1

    @staticmethod
    def same(feed, seq, hash_):
        """Whether what is held of a feed lies on the state's chain."""
        return seq == 0 or (len(feed.chains[0]) >= seq and feed.chains[0][seq - 1].hash == hash_)

    @staticmethod
    def idle(feed, seq):
        """Whether more is held of a feed than a state tells, where what is settled has no effect: it may be another history."""
        return len(feed.chains[0]) > seq and feed.short and feed.settled.effect <= seq

    def beside(self, feed, seq, hash_):
        """Whether what is held of a feed is another history than the settled one, or may be."""
        return feed.astray or self.idle(feed, seq) or (feed.short and seq >= feed.base and not self.same(feed, seq, hash_))

    def stands(self, feed, theirs, seq, hash_):
        """Whether what is held of a feed gives way to a state of it; Bad if neither can."""
        if theirs.grant.id not in self.grants:
            raise Bad(403)
        if not may_write(theirs.grant, self.circles[theirs.space]):
            raise Bad(402)
        if feed is None:
            return False
        if any(feed.shared(chain) < seq for chain in feed.above[1:]) or feed.base > seq:
            raise Bad(316)
        held = len(feed.chains[0]) >= seq
        if self.same(feed, seq, hash_):  # where what is settled has effect beyond it, the runs that follow tell where it parts
            return len(feed.chains[0]) > seq and feed.settled.effect <= seq and (feed.astray or feed.short)
        if feed.base and feed.base == seq:
            raise Bad(316)
        if (feed.astray or feed.short) and (held or self.is_own(feed)):
            return True
        if held:
            raise Bad(316)
        return False

    def give_way(self, feed, upto):
        """Floor: the first chain ends there, if it is not shorter by now, and what rests on what is beside goes with it."""
        self.let_go_of_resting(feed.space)
        self.end(feed, min(upto, len(feed.chains[0])))

    def end(self, feed, upto):
        """The first chain ends there, another device's where a run of it did, and what leaves it beyond goes; a branch that is the settled
        history takes its place."""
        settled = feed.settled
        while not self.is_own(feed) and upto > feed.base and feed.chains[0][upto - 1].hash not in feed.sealed:
            upto -= 1
        stay, heir = [(feed.chains[0][:upto], 0)], None
        for chain, at in list(zip(feed.chains, feed.leaves))[1:]:
            settles = len(chain) >= settled.seq > at and chain[settled.seq - 1].hash == settled.hash
            if settles and at == upto:
                heir = chain
            elif at <= upto and not settles:
                stay.append((chain, at))
        if heir:
            stay[0] = list(heir), 0
        feed.keep(stay)

    def let_go_of_resting(self, space):
        """Floor: what names a change beside what is settled, or one that does, goes, and all that follows it; of a branch the whole."""
        for feed, first in self.resting(space):
            self.let_resting_go = True
            tips = [feed.chains[nth][-1].hash for nth in first]
            if 0 in first:
                self.end(feed, first[0] - 1)
            rows = list(zip(feed.chains, feed.leaves))
            feed.keep(rows[:1] + [(chain, at) for chain, at in rows[1:] if chain[-1].hash not in tips])
            for _ in first:
                feed.go_on_with_a_branch()

    def resting(self, space):
        """[(feed, {place of the chain: seq of its first change that rests on what is beside})]"""
        feeds = sorted(feed for feed in self.feeds.values() if feed.space == space)
        goes = {change.hash for feed in feeds for chain in feed.chains if feed.strays(chain) for change in chain[feed.settled.seq:]}
        resting, grown = {feed.id: {} for feed in feeds}, bool(goes)
        while grown:
            grown = False
            for feed in feeds:
                for nth, (chain, at) in enumerate(zip(feed.chains, feed.leaves)):
                    held = [] if feed.strays(chain) else chain[at if nth else feed.base:]
                    seq = next((change.seq for change in held if self.rests(goes, chain, change)), None)
                    if seq and seq != resting[feed.id].get(nth):
                        resting[feed.id][nth], grown = seq, True
                        goes.update(change.hash for change in chain[seq - 1:])
        return [(feed, resting[feed.id]) for feed in feeds if resting[feed.id]]

    def rests(self, goes, chain, change):
        """Whether a change follows one of these, or names one; of what is settled it names the one that is held."""
        if change.seq > 1 and chain[change.seq - 2].hash in goes:
            return True
        for dep in change.body.deps:
            other = self.feeds.get(dep.feed)
            if other and dep.hash != dep.feed:
                hash_ = other.chains[0][dep.seq - 1].hash if other.settled_at(dep.seq) else dep.hash
                if hash_ in goes:
                    return True
        return False

    def settled(self, feed):
        """Floor: what of a feed stands for ever."""
        settled = NOTHING
        if feed.space == self.ward_space:
            return settled
        if self.floors is None:
            self.floors = effective_floors(self)
        for space, floor in self.floors:
            entry = floor.get(feed.id) if space == feed.space[:16] else None
            if entry and entry.seq > settled.seq:
                effect = settled.effect if settled.effect < settled.seq else max(entry.effect, settled.seq)
                settled = Settled(entry.seq, entry.hash, effect)
        return settled

    def go_on(self, held, first, count, data, signature):
        """A run that begins where its feed ends."""
        chain, at, hash_ = list(held.chains[0]), 0, held.chains[0][-1].hash if held.chains[0] else held.id
        for seq in range(first, first + count):
            body, at = read_body(data, at)
            hash_ = change_hash(seq, hash_, body.raw)
            chain.append(self.follow(held, chain, seq, hash_, body))
            self.keep_to_floor(held, chain)
        if at != len(data):
            raise Bad(205)
        if self.check_seal and not self.check_seal(held.grant.sign_pk, held.id, first + count - 1, hash_, signature):
            raise Bad(306)
        self.grow(held, chain)
        return chain[first - 1:]

    @staticmethod
    def grow(held, chain):
        """The first chain goes on. What shares more with it than before is no branch any more: it may come anew, as far as it still is one."""
        stay = [(0, chain)]
        held_shared = [held.shared(other) for other in held.chains]
        held.chains[0] = chain
        stay += [(at, other) for other, at, had in list(zip(held.chains, held.leaves, held_shared))[1:] if held.shared(other) == had]
        held.chains, held.leaves = [other for _, other in stay], [at for at, _ in stay]

    def is_own(self, held):
        return self.reader is not None and held.grant.id == self.reader.id

    def stands_beside(self, held, proven):
        """Floor: whether this is known to be another history than the settled one; a shorter one of the device's own is taken for it, and
        anybody's where the run holds the settled one."""
        return held.astray or (held.short and (proven or self.is_own(held)))

    def part(self, held, upto):
        """Floor: the first chain gives way to a run that leaves it there."""
        if self.is_own(held):
            held.leaves = [min(at, upto) if at == held.shared(other) else at for other, at in zip(held.chains, held.leaves)]
            held.chains[0] = held.chains[0][:upto]  # what the device wrote there is withdrawn, to be written anew
            return
        self.give_way(held, upto)

    def place(self, held, run, first, count, data, signature):
        """Any other run: where it belongs is told by its seal and its bodies, before anything else is looked at."""
        bodies, at = [], 0
        for _ in range(count):
            body, at = read_body(data, at)
            bodies.append(body)
        if at != len(data):
            raise Bad(205)
        befores = {chain[first - 2].hash if first > 1 else held.id for chain in held.chains if len(chain) >= first - 1}
        for before in sorted(befores):
            hashes = [before]
            for nth, body in enumerate(bodies):
                hashes.append(change_hash(first + nth, hashes[-1], body.raw))
            if not self.check_seal or self.check_seal(held.grant.sign_pk, held.id, first + count - 1, hashes[-1], signature):
                break
        else:
            raise Bad(306)
        upto, chain = -1, None
        for other in held.chains:
            shared = [seq for seq in range(first - 1, min(first + count - 1, len(other)) + 1)
                      if (other[seq - 1].hash if seq else held.id) == hashes[seq - first + 1]]
            if shared and max(shared) > upto:
                upto, chain = max(shared), other
        if upto == first + count - 1:
            return []
        leaves = upto < len(chain)
        if (leaves or chain is not held.chains[0]) and min(upto, held.shared(chain)) < held.settled.seq:
            at = held.settled.seq - first + 1
            proven = 0 < at <= count and hashes[at] == held.settled.hash
            if leaves and chain is held.chains[0] and (proven or at > count) and self.stands_beside(held, proven):
                list(self.follow_all(held, chain[:upto], first, hashes, bodies))  # nothing gives way to what is refused
                self.part(held, upto)
                return self.take(run)
            raise Bad(317)
        if leaves and held.shattered and upto >= len(held.changes):
            raise Bad(309)
        for new in self.follow_all(held, chain[:upto], first, hashes, bodies):
            if chain is held.chains[0] and not leaves:
                self.keep_to_floor(held, new)
        if leaves and held.shattered:
            self.give_one_up(held)
        if leaves:
            held.chains.append(new)
            held.leaves.append(upto)
        elif chain is held.chains[0]:
            self.grow(held, new)
        else:
            held.chains[held.chains.index(chain)] = new
        return new[upto:]

    def follow_all(self, held, chain, first, hashes, bodies):
        """What a run has beyond the end of a chain. hashes: the one before its bodies, and after each."""
        new = list(chain)
        for nth in range(len(chain) - first + 1, len(bodies)):
            new.append(self.follow(held, new, first + nth, hashes[nth + 1], bodies[nth]))
            yield new

    @staticmethod
    def give_one_up(held):
        """The one that parts last; never the chain that came first."""
        above = [nth for nth in range(1, len(held.chains)) if held.shared(held.chains[nth]) >= held.settled.seq]
        last = max(above, key=lambda nth: held.leaves[nth])
        held.given_up += held.chains[last]
        del held.chains[last], held.leaves[last]

    @staticmethod
    def keep_to_floor(held, chain):
        if len(chain) == held.settled.seq and chain[-1].hash != held.settled.hash:
            raise Bad(317)

    def follow(self, held, chain, seq, hash_, body):
        """The next change of a chain of a feed, its deps and depth checked."""
        before = chain[-1] if chain else None
        vector = dict(before.vector) if before else {}
        depth = before.depth if before else 0
        vague = False
        own = [dep for dep in body.deps if dep.hash == dep.feed]
        late = own[0] if own else None
        context = {held.id: late.seq} if late else None
        for dep in body.deps:
            if dep.hash == dep.feed:
                if dep is not late or dep.feed != held.id or dep.seq >= seq:
                    raise Bad(304)
                continue
            other = self.feeds.get(dep.feed)
            if other is None or other.space != held.space:
                raise Bad(302)
            unsure = other.settled_at(dep.seq) or (other.shattered and dep.seq > len(other.changes))
            if dep.seq < other.base > len(other.below) and not unsure:
                raise Bad(316)
            reaching = [chain[dep.seq - 1] for chain in other.chains if len(chain) >= dep.seq]
            named = [change for change in reaching if change.hash == dep.hash]
            if not named and not unsure:
                raise Bad(303 if reaching else 302)
            if dep.feed == held.id or (not late and dep.seq <= vector.get(dep.feed, 0)):
                raise Bad(304)
            vector[dep.feed] = max(dep.seq, vector.get(dep.feed, 0))
            if late:
                context[dep.feed] = dep.seq
            vague |= unsure
            if not unsure:
                depth = max(depth, named[0].depth)
        if not (depth < body.depth <= depth + DEPTH_LEAP if vague else body.depth == depth + 1):
            raise Bad(305)
        vector[held.id] = seq
        return Change(held.id, seq, hash_, body.depth, context if late else vector, vector, body)


# ---------------------------------------------------------------- authority.md: what has effect


def before_cuts(cuts, feed, parted=True):
    """How many changes of a feed no cut among these lies before; parted: nor where its branches part."""
    count = len(feed.changes) if parted else 1 << 63
    for entity, cut in cuts:
        if entity == feed.grant.id[:16]:
            count = min(count, cut.get(feed.id, 0))
    return count


def effective_grants(held, cuts, parted=True):
    """The grants that stand under these cuts: the root's, and what effective changes of those who may give them wrote. parted False: were
    there no branches."""
    standing = {held.ward}
    grown = True
    while grown:
        grown = False
        for feed in held.feeds.values():
            if feed.space != held.ward_space or feed.grant.id not in standing:
                continue
            root = feed.grant.role == ROOT
            count = before_cuts(cuts, feed, parted)
            for change in feed.every_change() if root or not parted else feed.changes:
                if change.seq > count and not root:
                    continue
                for grant in grants_in(change.body):
                    if grant.role in MAY_GRANT[feed.grant.role] and grant.id not in standing:
                        standing.add(grant.id)
                        grown = True
    return standing


def effective_cuts(held, placed=False):
    """Cut: decided one change after the other, each by those before it. placed: each with its place in that order."""
    order = []
    for feed in held.feeds.values():
        if feed.space == held.ward_space and feed.grant.role in (ROOT, OPERATOR):
            for change in feed.every_change():
                made = [(entity, cut) for entity, cut in cuts_in(change.body) if entity != held.ward[:16]]
                if made:
                    order.append(((feed.grant.role != ROOT, change.depth, feed.id, change.seq), feed, change, made))
    counted, places = [], []
    for place, feed, change, made in sorted(order, key=lambda entry: entry[0]):
        counts = feed.grant.role == ROOT or change.seq <= before_cuts(counted, feed)
        if counts and feed.grant.id in effective_grants(held, counted):
            counted = counted + made
            places += [place] * len(made)
    return list(zip(places, counted)) if placed else counted


def effective_floors(held):
    """Floor: (entity of the space, {feed: Settled}) of those that are closed, in the order of their closings."""
    floors, order = {}, []
    for feed in held.feeds.values():
        if feed.space == held.ward_space:
            for change in feed.every_change():
                floors.update({(space, name): floor for space, name, floor in floors_in(change.body)})
                place = feed.grant.role != ROOT, change.depth, feed.id, change.seq
                order += [(place, *closing, feed) for closing in closings_in(change.body)]
    if not order:
        return []
    counted = effective_cuts(held, True)
    closed = []
    for place, _, name, space, feed in sorted(order, key=lambda entry: entry[:4]):
        cuts = [cut for at, cut in counted if at < place]
        counts = feed.grant.role == ROOT or place[3] <= before_cuts(cuts, feed, False)
        if counts and feed.grant.id in effective_grants(held, cuts, False) and (space, name) in floors:
            closed.append((space, floors[space, name]))
    return closed


def effective_heads(held):
    """{feed: the last change of it that has effect}, and the grants that are effective."""
    cuts = effective_cuts(held)
    grants = effective_grants(held, cuts)
    heads = {}
    for feed in held.feeds.values():
        seq = before_cuts(cuts, feed) if feed.grant.id in grants else 0
        if feed.settled.effect < feed.settled.seq:
            seq = feed.settled.effect
        else:
            seq = max(seq, feed.settled.seq)
        seq = min(seq, len(feed.chains[0]))
        if seq and may_write(feed.grant, held.circles[feed.space]):
            heads[feed.id] = seq
    return heads, grants
