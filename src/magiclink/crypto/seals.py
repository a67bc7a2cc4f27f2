"""Seals: what a browser carries for us and may neither read nor change, in cookies and form values.

`version(1) ‖ key id(1) ‖ nonce(12) ‖ AES-256-GCM(expires_at(8, microseconds) ‖ value)` in base64url of one spelling.
Each kind has its own key, and kind, audience and key id are additional data: sealed for one cookie is none in another.
"""

from __future__ import annotations

from functools import cache
from os import urandom

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from ..errors import BadArgumentError
from .keys import Key, KeyRing, decode, derive, encode, framed

VERSION = 1
LONGEST = 3_900
"""Characters of a sealed text; a cookie with its name and attributes has 4,096 bytes (RFC 6265, section 6.1)."""
LONGEST_VALUE = LONGEST * 3 // 4 - 38
"""Bytes of a value: what head (2), nonce (12), expiry (8) and tag (16) leave of the longest text."""


class Seals:
    """Seals under the signing key and unseals under any key of the ring, for one audience."""

    def __init__(self, ring: KeyRing, audience: str) -> None:
        def lock(key: Key, kind: str) -> tuple[AESGCM, bytes]:
            return AESGCM(derive(key, f"seal:{kind}", audience=audience)), framed(kind, audience, str(key.id))

        self._ring = ring
        self._lock = cache(lock)

    def seal(self, kind: str, value: bytes, *, expires_at: int) -> str:
        """Give a text that `unseal` reads until `expires_at` (microseconds); BadArgumentError past 2,887 bytes."""
        if len(value) > LONGEST_VALUE or not 0 <= expires_at < 2**63:
            raise BadArgumentError(f"a sealed value has at most {LONGEST_VALUE} bytes and an expiry from 1970 on")
        key = self._ring.signing
        cipher, about = self._lock(key, kind)
        # Random nonces of 96 bits are safe for 2³² seals under one key (NIST SP 800-38D, section 8.3).
        nonce = urandom(12)
        return encode(
            bytes((VERSION, key.id)) + nonce + cipher.encrypt(nonce, expires_at.to_bytes(8, "big") + value, about)
        )

    def unseal(self, kind: str, text: object, *, now: int) -> bytes | None:
        """Give the value, or None for whatever isn't ours, of this kind, in date and spelled as sealed; never raises."""
        raw = decode(text) if type(text) is str and len(text) <= LONGEST else None
        key = self._ring.find(raw[1]) if raw and raw[0] == VERSION and len(raw) >= 38 else None
        if raw is None or key is None:
            return None
        cipher, about = self._lock(key, kind)
        try:
            opened = cipher.decrypt(raw[2:14], raw[14:], about)
        except InvalidTag:
            return None
        return opened[8:] if now < int.from_bytes(opened[:8], "big") else None
