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
from .keys import Key, KeyRing, make_mac

VERSION, LENGTH, _parts = 1, 60, struct.Struct(">5s4s20s16s").unpack
# The decoder's own alphabet ends in + and /: written so, they become what its strict mode refuses.
_READ = bytes.maketrans(b"-_+/", b"+/!!")
_WRITE = bytes.maketrans(b"+/", b"-_")


class Genuine(NamedTuple):
    """What a token proves: that a holder of the key made it, for this purpose and audience."""

    purpose: str
    link_id: bytes
    """20 bytes: the expiry in seconds (4), then 16 of the SHA-256 of the secret."""


# HMAC-SHA-256, cut to 16 bytes, under one derived key that is set up once and copied for each token.
class _Tag(SigningAlgorithm):
    def __init__(self, key: Key, purpose: str, audience: str) -> None:
        self._copy_mac = make_mac(key, "token", purpose=purpose, audience=audience).copy

    def get_signature(self, key: bytes, value: bytes) -> bytes:  # noqa: ARG002
        copied = self._copy_mac()
        copied.update(value)
        return copied.finalize()[:16]


class Tokens:
    """Tokens of one audience's purposes: made under the signing key, opened under any key of the ring."""

    def __init__(self, ring: KeyRing, audience: str, contexts: Mapping[str, bytes]) -> None:
        self._signers = {}
        self._verifiers = {}
        for purpose, key in product(contexts, ring):
            head = bytes((VERSION, key.id)) + contexts[purpose]
            sign = _Tag(key, purpose, audience).get_signature
            self._verifiers[head] = purpose, sign
            if key is ring.signing:
                self._signers[purpose] = head, sign

    def make(self, purpose: str, *, expires_at: int) -> tuple[str, bytes]:
        """Return a token and its link id; BadArgumentError unless `expires_at` is a whole second (in µs) up to 2106."""
        signer = self._signers.get(purpose)
        if signer is None:
            known = ", ".join(self._signers)
            raise BadArgumentError(f"a token: wanted one of the purposes {known}, got {purpose!r:.40}")
        seconds = expires_at // SECOND
        if seconds * SECOND != expires_at or not 0 <= seconds < 2**32:
            raise BadArgumentError(f"a token's expiry: wanted a whole second from 1970 to 2106, got {expires_at} µs")
        head, sign = signer
        expiry = seconds.to_bytes(4)
        while True:
            secret = urandom(20)
            signed = head + expiry + secret
            token = b2a_base64(signed + sign(b"", signed), newline=False)
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
        verifier = self._verifiers.get(head)
        if verifier is None or not compare_digest(verifier[1](b"", raw[:29]), tag):
            return None
        # Straight to the tuple's constructor: half the cost of the named one's.
        return tuple.__new__(Genuine, (verifier[0], expiry + sha256(secret).digest()[:16]))
