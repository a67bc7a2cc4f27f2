"""Root keys, the ring of them, and what is derived from them; no root key is ever used as it is.

No clock, store or environment is read. No repr, message or pickle holds a secret. A ring loads no cryptography.
"""

import base64
import os
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache, partial
from hashlib import sha256
from hmac import compare_digest
from itertools import combinations, pairwise
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn, Self

from ..errors import BadArgumentError, ConfigurationError, describe_type

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.hmac import HMAC

KEYGEN = "Make one with `python -m magiclink keygen`"
_TEXT = re.compile(r"mlk1_(0|[1-9][0-9]{0,2})_([A-Za-z0-9_-]{43,1366})", re.ASCII)
_PLACEHOLDERS = re.compile(rb"(?i)^mlk1_|change.?me|secret|password|insecure|default|example|placeholder|replace")


def encode(data: bytes) -> str:
    """Spell bytes as base64url without padding."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def decode(text: str) -> bytes | None:
    """Read base64url in the one spelling that `encode` gives; None for any other."""
    try:
        data = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except ValueError:
        return None
    # The library's decoder skips foreign characters and spare bits: only what it would write itself is taken.
    return data if encode(data) == text else None


def frame(*parts: str) -> bytes:
    """Join texts, each behind its length (2 bytes, big-endian): no two lists look alike; BadArgumentError past that."""
    joined = b""
    try:
        for part in parts:
            # Half of a surrogate pair, out of a cookie, is to differ and not to raise.
            text = part.encode("utf-8", "surrogatepass")
            joined += len(text).to_bytes(2) + text
    except OverflowError:
        raise BadArgumentError("a name has at most 65,535 bytes in UTF-8, this one more: shorten it") from None
    return joined


# Compared by identity: nothing needs to compare two secrets through `==`, and what isn't there leaks no time.
@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Key:
    """A root key: a public `id` (0–255), a `secret` of 32–1,024 random bytes; ConfigurationError for anything else."""

    id: int = 1
    secret: bytes = field(repr=False)

    def __post_init__(self) -> None:
        if type(self.id) is not int or not 0 <= self.id <= 255:
            raise ConfigurationError(f"a key's id: wanted an integer from 0 to 255, got {describe_type(self.id)}")
        if type(self.secret) is not bytes:
            raise ConfigurationError(f"a key's secret: wanted bytes, got {type(self.secret).__name__}. {KEYGEN}")
        if not 32 <= len(self.secret) <= 1024:
            raise ConfigurationError(f"a key's secret: wanted 32 to 1,024 bytes, got {len(self.secret)}. {KEYGEN}")
        if not _is_random(self.secret):
            raise ConfigurationError(f"a key's secret: wanted random bytes, got a pattern or a placeholder. {KEYGEN}")

    @classmethod
    def generate(cls, *, id: int = 1) -> Self:  # noqa: A002
        """Make a fresh key of 32 bytes from the system's generator."""
        return cls(id=id, secret=os.urandom(32))

    @classmethod
    def from_text(cls, text: str) -> Self:
        """Read `mlk1_<id>_<base64url>` exactly, nothing stripped; ConfigurationError for anything else."""
        if not text:
            raise ConfigurationError(f"no key: got {text!r}. Is MAGICLINK_KEY set? {KEYGEN}")
        found = _TEXT.fullmatch(text) if type(text) is str else None
        secret = decode(found[2]) if found else None
        if not found or not secret:
            given = f"{len(text)} characters" if type(text) is str else type(text).__name__
            wanted = "mlk1_<id>_<base64url> without quotes or spaces"
            raise ConfigurationError(f"a key's text: wanted {wanted}, got {given}. {KEYGEN}")
        return cls(id=int(found[1]), secret=secret)

    def to_text(self) -> str:
        """Return the text that `from_text` reads: the secret itself, for a vault and never for a log."""
        return f"mlk1_{self.id}_{encode(self.secret)}"

    # This is pickle, copy and deepcopy: a secret in a pickle is a secret in a cache, a queue or a crash report.
    def __reduce_ex__(self, protocol: object) -> NoReturn:
        raise TypeError("a key can't be pickled or copied: each process reads its own by KeyRing.from_text")


def _is_random(secret: bytes) -> bool:
    """Return whether bytes look like a generator's, of which one in 10¹⁰ doesn't."""
    steps = {(after - before) % 256 for before, after in pairwise(secret)}
    is_varied = len(set(secret)) >= 8 and len(steps) >= 8
    is_periodic = any(secret[n:] == secret[:-n] for n in range(1, len(secret) // 2 + 1))
    return is_varied and not is_periodic and not _PLACEHOLDERS.search(secret)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class KeyRing:
    """The key that signs, and retired ones that only verify; ConfigurationError for one id or one secret twice."""

    signing: Key
    retired: Sequence[Key] = ()

    def __post_init__(self) -> None:
        if type(self.retired) not in (tuple, list):
            raise ConfigurationError(f"retired: wanted a tuple of Key, got {describe_type(self.retired)}")
        for key in self:
            if type(key) is not Key:
                raise ConfigurationError(f"a ring: wanted a Key, got {describe_type(key)}: Key.from_text(…) reads one")
        # A list that its caller keeps could grow a key that was never checked.
        object.__setattr__(self, "retired", tuple(self.retired))
        if any(one.id == other.id or compare_digest(one.secret, other.secret) for one, other in combinations(self, 2)):
            way_out = "make another with `python -m magiclink keygen --id 2`"
            raise ConfigurationError(f"a ring: two of its keys have one id or one secret: {way_out}")

    @classmethod
    def from_text(cls, signing: str, *retired: str) -> Self:
        """Read keys from their texts, exactly as `Key.from_text` does."""
        return cls(signing=Key.from_text(signing), retired=tuple(map(Key.from_text, retired)))

    @classmethod
    def from_file(cls, signing: str | os.PathLike[str], *retired: str | os.PathLike[str]) -> Self:
        """Read keys from files of one text each, with one final newline or none; no error shows what is in them."""
        try:
            texts = [Path(path).read_bytes().decode("ascii").removesuffix("\n") for path in (signing, *retired)]
        except (OSError, TypeError, ValueError) as error:
            message = f"a key file can't be read ({type(error).__name__}): wanted paths of files, one key each"
            raise ConfigurationError(message) from None
        return cls.from_text(*texts)

    def __iter__(self) -> Iterator[Key]:
        return iter((self.signing, *self.retired))

    def find(self, key_id: int) -> Key | None:
        """Return the key with this id, or None."""
        return next((key for key in self if key.id == key_id), None)


def derive_context(purpose: str, audience: str) -> bytes:
    """Return the 3 bytes by which a token says which key to try; they prove nothing."""
    return sha256(frame(purpose, audience)).digest()[:3]


def derive_contexts(purposes: Iterable[str], audience: str) -> dict[str, bytes]:
    """Return each purpose's context. Raises ConfigurationError where two share one: a token would name two keys."""
    contexts = {purpose: derive_context(purpose, audience) for purpose in purposes}
    if len(set(contexts.values())) < len(contexts):
        raise ConfigurationError(f"policies: two of {', '.join(contexts)} share one context: rename one of them")
    return contexts


def derive(key: Key, use: str, *, purpose: str = "", audience: str) -> bytes:
    """Return the 32 bytes for one use, purpose and audience: HKDF-SHA-256 without salt (RFC 5869)."""
    from cryptography.hazmat.primitives.hashes import SHA256  # noqa: PLC0415
    from cryptography.hazmat.primitives.kdf.hkdf import HKDF  # noqa: PLC0415

    # Joined without lengths, "ab" and "c" would name the key of "a" and "bc" (CVE-2026-6873).
    return HKDF(SHA256(), 32, salt=None, info=frame(use, "1", purpose, audience)).derive(key.secret)


def make_mac(key: Key, use: str, *, purpose: str = "", audience: str) -> "HMAC":
    """Return HMAC-SHA-256 keyed for one use, to be copied for each message, since keying it anew costs more."""
    from cryptography.hazmat.primitives import hashes, hmac  # noqa: PLC0415

    return hmac.HMAC(derive(key, use, purpose=purpose, audience=audience), hashes.SHA256())


class Digester:
    """Keyed digests of what a record must compare and never hold: addresses, stamps, nonces, the names of series."""

    def __init__(self, ring: KeyRing, audience: str) -> None:
        make = partial(make_mac, audience=audience)
        self._macs = cache(lambda use, purpose: [(bytes((key.id,)), make(key, use, purpose=purpose)) for key in ring])

    def digest(self, use: str, value: str) -> bytes:
        """Return the signing key's id (1 byte) and its digest of a value (16 bytes)."""
        return self.digest_all(use, value)[0]

    def digest_all(self, use: str, value: str) -> tuple[bytes, ...]:
        """Return the digest of a value under every key of the ring, the signing key's first."""
        return tuple(self._digest(use, frame(value)))

    def matches(self, use: str, digest: bytes | None, value: str | None) -> bool:
        """Return, in constant time, whether a digest is of this value; None is of None alone."""
        if digest is None or value is None:
            return digest is None and value is None
        return any(compare_digest(one, digest) for one in self.digest_all(use, value))

    def name_series(self, purpose: str, subject: str, resource: str | None, recipient: str | None) -> tuple[bytes, ...]:
        """Return the names (16 bytes) of a series under every key, the signing key's first; None differs from ""."""
        optional = [b"\0" if part is None else b"\1" + frame(part) for part in (resource, recipient)]
        message = frame(subject) + b"".join(optional)
        return tuple([digest[1:] for digest in self._digest("series", message, purpose)])

    def _digest(self, use: str, message: bytes, purpose: str = "") -> Iterator[bytes]:
        for key_id, keyed in self._macs(use, purpose):
            copied = keyed.copy()
            copied.update(message)
            yield key_id + copied.finalize()[:16]
