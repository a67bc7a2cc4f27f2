"""Tokens, version 1: made and opened here, never stored, logged or shown; the format is this module.

`version(1) ‖ key id(1) ‖ context(3) ‖ expires_at(4, seconds) ‖ secret(20) ‖ tag(16)`, 60 characters in one spelling.
Checked in this order: length and alphabet; the first three parts, which name one key or none; the tag; the rest.
"""

import struct
from binascii import a2b_base64, b2a_base64
from collections.abc import Mapping
from hashlib import sha256
from hmac import compare_digest
from itertools import product
from os import urandom
from typing import NamedTuple

from itsdangerous.signer import SigningAlgorithm

from ..errors import BadArgumentError
from ..instants import SECOND
from .keys import Key, KeyRing, mac

VERSION, LENGTH, _parts = 1, 60, struct.Struct(">5sI20s16s").unpack
# The decoder's own alphabet ends in + and /: written so, they become what its strict mode refuses.
_READ = bytes.maketrans(b"-_+/", b"+/!!")
_WRITE = bytes.maketrans(b"+/", b"-_")


class Genuine(NamedTuple):
    """What a token proves: that a holder of the key made it, for this purpose and audience."""

    purpose: str
    link_id: bytes  # The expiry in seconds (4), then 16 of the SHA-256 of the secret.
    expires_at: int  # Microseconds since 1970.


# HMAC-SHA-256, cut to 16 bytes, under one derived key that is set up once and copied for each token.
class _Tag(SigningAlgorithm):
    def __init__(self, key: Key, purpose: str, audience: str) -> None:
        self._copy = mac(key, "token", purpose=purpose, audience=audience).copy

    def get_signature(self, key: bytes, value: bytes) -> bytes:  # noqa: ARG002
        one = self._copy()
        one.update(value)
        return one.finalize()[:16]


class Tokens:
    """Makes tokens under the signing key and opens them under any key of the ring, for the purposes of one audience."""

    def __init__(self, ring: KeyRing, audience: str, contexts: Mapping[str, bytes]) -> None:
        self._making = {}
        self._opening = {}
        for purpose, key in product(contexts, ring):
            head = bytes((VERSION, key.id)) + contexts[purpose]
            tag_of = _Tag(key, purpose, audience).get_signature
            self._opening[head] = purpose, tag_of
            if key is ring.signing:
                self._making[purpose] = head, tag_of

    def make(self, purpose: str, *, expires_at: int) -> tuple[str, bytes]:
        """Return a token and its link id; BadArgumentError unless `expires_at` is a whole second (in µs) up to 2106."""
        lock = self._making.get(purpose)
        seconds = expires_at // SECOND
        if lock is None or seconds * SECOND != expires_at or not 0 <= seconds < 2**32:
            raise BadArgumentError("a token needs a registered purpose and a whole second from 1970 to 2106")
        expiry = seconds.to_bytes(4)
        while True:
            secret = urandom(20)
            signed = lock[0] + expiry + secret
            token = b2a_base64(signed + lock[1](b"", signed), newline=False)
            # These two are written - and _, which programs that find links in a text cut off at its end.
            if token[-1] not in b"+/":
                return token.translate(_WRITE).decode(), expiry + sha256(secret).digest()[:16]

    def open(self, token: object) -> Genuine | None:
        """Return what a token proves, or None for whatever isn't genuine; never raises."""
        # A subclass may answer anything; the length of a str is known at once, so that megabytes go unread.
        if type(token) is not str or len(token) != LENGTH:
            return None
        try:
            raw = a2b_base64(token.encode().translate(_READ), strict_mode=True)
            head, expiry, secret, tag = _parts(raw)
        except (ValueError, struct.error):  # Foreign characters, half of a surrogate pair; padding, which shortens.
            return None
        # One look-up for version, key and purpose: what names no key is tried under none.
        lock = self._opening.get(head)
        if lock is None or not compare_digest(lock[1](b"", raw[:29]), tag):
            return None
        # Straight to the tuple's constructor: half the cost of the named one's.
        return tuple.__new__(Genuine, (lock[0], raw[5:9] + sha256(secret).digest()[:16], expiry * SECOND))
