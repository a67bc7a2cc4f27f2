"""Seals: what a browser carries for us and may neither read nor change, in cookies and form values.

`version(1) ‖ key id(1) ‖ nonce(12) ‖ AES-256-GCM(expires_at(8, microseconds) ‖ value)` in base64url of one spelling.
Each kind has its own key, and kind, audience and key id are additional data: sealed for one cookie is none in another.
"""

from functools import cache
from os import urandom

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from ..errors import BadArgumentError
from .keys import KeyRing, decode, derive, encode, frame

# Characters of a text, of the 4,096 that a cookie has with its name (RFC 6265, 6.1); bytes around a value.
VERSION, LONGEST, AROUND = 1, 3_900, 2 + 12 + 8 + 16


class Seals:
    """Seals under the signing key and unseals under any key of the ring, for one audience."""

    def __init__(self, ring: KeyRing, audience: str) -> None:
        self._ring = ring
        self._cipher = cache(lambda key, kind: AESGCM(derive(key, f"seal:{kind}", audience=audience)))
        self._about = cache(lambda key, kind: frame(kind, audience, str(key.id)))

    def seal(self, kind: str, value: bytes, *, expires_at: int) -> str:
        """Return a text that `unseal` reads until `expires_at` (microseconds); BadArgumentError past 2,887 bytes."""
        if len(value) > LONGEST * 3 // 4 - AROUND:
            raise BadArgumentError(f"a sealed value: wanted at most 2,887 bytes, got {len(value)}: seal less")
        if not 0 <= expires_at < 2**63:
            raise BadArgumentError(f"a sealed value's expiry: wanted microseconds from 1970 on, got {expires_at}")
        key = self._ring.signing
        # Random nonces of 96 bits are safe for 2³² seals under one key (NIST SP 800-38D, section 8.3).
        nonce = urandom(12)
        sealed = self._cipher(key, kind).encrypt(nonce, expires_at.to_bytes(8, "big") + value, self._about(key, kind))
        return encode(bytes((VERSION, key.id)) + nonce + sealed)

    def unseal(self, kind: str, text: object, *, now: int) -> bytes | None:
        """Return the value, or None for whatever isn't ours, of this kind, in date and spelled so; never raises."""
        raw = decode(text) if type(text) is str and len(text) <= LONGEST else None
        key = self._ring.find(raw[1]) if raw and raw[0] == VERSION and len(raw) >= AROUND else None
        if raw is None or key is None:
            return None
        try:
            plain = self._cipher(key, kind).decrypt(raw[2:14], raw[14:], self._about(key, kind))
        except InvalidTag:
            return None
        return plain[8:] if now < int.from_bytes(plain[:8], "big") else None
