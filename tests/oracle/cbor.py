"""The one form of CBOR that proto/README.md allows: a strict reader, and a writer of what hashes are made over."""


class Bad(Exception):
    """An input that must be refused; args[0] is the number of proto/errors.md."""


UNSIGNED, NEGATIVE, BYTES, TEXT, ARRAY, SIMPLE = 0, 1, 2, 3, 4, 7
INTEGER_MAX = 2**63 - 1
NESTING_MAX = 4


def head(data, at):
    """Major type, argument, and where the item's content starts."""
    if at >= len(data):
        raise Bad(201)
    major, short = data[at] >> 5, data[at] & 31
    at += 1
    if short < 24:
        argument = short
    elif short <= 27:
        size = 1 << (short - 24)
        if at + size > len(data):
            raise Bad(201)
        argument = int.from_bytes(data[at : at + size], "big")
        at += size
        if argument < 24 if size == 1 else argument < 1 << (size * 4):
            raise Bad(204)  # not the shortest form
    else:
        raise Bad(204)  # indefinite or reserved
    if major not in (UNSIGNED, NEGATIVE, BYTES, TEXT, ARRAY) and (major != SIMPLE or short not in (20, 21, 22)):
        raise Bad(204)
    if major in (UNSIGNED, NEGATIVE) and argument > INTEGER_MAX:
        raise Bad(203)
    return major, argument, at


def value(data, at, nesting=0):
    """One value and where it ends: None, bool, int, str, bytes or a list of such."""
    major, argument, at = head(data, at)
    if major == UNSIGNED:
        return argument, at
    if major == NEGATIVE:
        return -1 - argument, at
    if major == SIMPLE:
        return {20: False, 21: True, 22: None}[argument], at
    if argument > len(data) - at:
        raise Bad(201)
    if major == ARRAY:
        if nesting == NESTING_MAX:
            raise Bad(225)
        members = []
        for _ in range(argument):
            member, at = value(data, at, nesting + 1)
            members.append(member)
        return members, at
    content = data[at : at + argument]
    if major == BYTES:
        return content, at + argument
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError:
        raise Bad(208) from None
    if "\0" in text:
        raise Bad(208)
    return text, at + argument


def whole(data):
    """A structure that is all of the data."""
    got, at = value(data, 0)
    if at != len(data):
        raise Bad(205)
    return got


def array(data, at):
    major, count, at = head(data, at)
    if major != ARRAY:
        raise Bad(202)
    if count > len(data) - at:
        raise Bad(201)
    return count, at


def unsigned(data, at, least=0, most=INTEGER_MAX):
    major, number, at = head(data, at)
    if major != UNSIGNED:
        raise Bad(202)
    if not least <= number <= most:
        raise Bad(203)
    return number, at


def string(data, at, length=None):
    """A byte string, of this length if one is given."""
    major, size, at = head(data, at)
    if major != BYTES or (length is not None and size != length):
        raise Bad(202)
    if size > len(data) - at:
        raise Bad(201)
    return data[at : at + size], at + size


# ---------------------------------------------------------------- writing


def put(major, argument):
    if argument < 24:
        return bytes([major << 5 | argument])
    for code, size in ((24, 1), (25, 2), (26, 4), (27, 8)):
        if argument < 1 << (8 * size):
            return bytes([major << 5 | code]) + argument.to_bytes(size, "big")
    raise ValueError(argument)


class Encoded(bytes):
    """Stands in a structure as it is."""


def encode(item):
    if isinstance(item, Encoded):
        return item
    if isinstance(item, bytes):
        return put(BYTES, len(item)) + item
    if isinstance(item, int):
        return put(UNSIGNED, item)
    return put(ARRAY, len(item)) + b"".join(map(encode, item))
