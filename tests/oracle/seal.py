"""seal.md, Seal: whether a signature is a grant's over a feed up to a seq."""
from functools import lru_cache

from nacl.exceptions import BadSignatureError
from nacl.signing import VerifyKey

from cbor import Encoded, encode

SIGNATURE1 = Encoded(b"\x6aSignature1")  # as text


@lru_cache(65536)
def seal_holds(sign_pk, feed, seq, hash_, signature):
    payload = encode([feed, seq, hash_])
    signed = encode([SIGNATURE1, b"\xa1\x01\x27", b"wardsync/seal/1", payload])
    try:
        VerifyKey(sign_pk).verify(signed, signature)
    except BadSignatureError:
        return False
    return True
