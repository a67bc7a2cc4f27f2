"""The cookies of the conversation: the link that waits for its button, what is open, and the browser's own nonce.

Each is sealed, with its expiry inside. Links are named by their *token*, never by their link id: whoever steals the
keys and reads the database could seal a link id, and can't make a token of it.
"""

from __future__ import annotations

import re
import secrets
from dataclasses import dataclass, field
from datetime import timedelta
from hashlib import sha256
from hmac import compare_digest
from typing import TYPE_CHECKING

from ..instants import to_span
from .http import Cookie, read_field

if TYPE_CHECKING:
    from ..crypto.tokens import Genuine
    from ..flows import Flows
    from .http import Request

PENDING_FOR = timedelta(minutes=10)
"""How long a link that was clicked waits for its button."""
BROWSER_FOR = timedelta(hours=1)
"""How long a browser that asked for a sign-in link is known."""
MOST_GRANTS = 8
"""How many documents one browser holds open at a time: a cookie has 4,096 bytes."""

# Seals are checked before: what has another shape was sealed by an older version, or with a stolen key.
_PENDING = re.compile(rb"([A-Za-z0-9_-]{60})([A-Za-z0-9_-]{22})")
_GRANT = re.compile(rb"([A-Za-z0-9_-]{60})(.{8})(.{8})", re.DOTALL)
_NONCE = re.compile(rb"[A-Za-z0-9_-]{22}")
_GRANT_SIZE = 60 + 8 + 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Pending:
    """A link that was clicked, and the nonce by which a second click of this browser is told from somebody else's."""

    token: str = field(repr=False)
    nonce: str = field(repr=False)
    genuine: Genuine
    """What its token proves: it is opened once a request."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant:
    """A document that this browser has open."""

    token: str = field(repr=False)
    opened_at: int
    """Microseconds since 1970."""
    tag: bytes
    """Finds the grant of a document without asking the store about the others."""


class Jar:
    """Reads and writes the cookies of one site; names differ by `base_url`, so that apps of one host don't collide."""

    def __init__(self, flows: Flows) -> None:
        self._flows = flows
        self._secure = flows.site.is_secure
        digest = sha256(flows.site.base_url.encode()).hexdigest()[:8]
        # `__Host-`: no other host of the domain can set it (RFC 6265bis, 4.1.3.2). Browsers take it on https alone.
        prefix = "__Host-" if self._secure else ""
        self._names = {kind: f"{prefix}magiclink-{kind}-{digest}" for kind in ("pending", "grants", "browser")}

    def read_pending(self, request: Request, now: int) -> Pending | None:
        """Return the link that waits in this browser; None where its token isn't genuine any more, too."""
        token, nonce = self._split_pending(request, now)
        genuine = self._flows.open_token(token)
        return None if genuine is None else Pending(token=token, nonce=nonce, genuine=genuine)

    def keep_pending(self, request: Request, token: str, now: int) -> Cookie:
        """Let a link wait. The same link again keeps its nonce: it's the same person clicking twice."""
        old, nonce = self._split_pending(request, now)
        value = token + (nonce if old == token else secrets.token_urlsafe(16))
        return self._write("pending", value.encode("ascii"), PENDING_FOR, now)

    def clear_pending(self) -> Cookie:
        """Forget the link that waits."""
        return Cookie(name=self._names["pending"], value="", max_age=0, secure=self._secure)

    def read_grants(self, request: Request, now: int) -> tuple[Grant, ...]:
        """Return what this browser has open, newest first."""
        value = self._read(request, "grants", now)
        parts = [value[start : start + _GRANT_SIZE] for start in range(0, len(value), _GRANT_SIZE)]
        return tuple(_parse_grant(found) for found in map(_GRANT.fullmatch, parts) if found is not None)

    def keep_grant(self, request: Request, grant: Grant, lifetime: timedelta, now: int) -> Cookie:
        """Add what was just opened, and let go of the oldest beyond eight."""
        others = [old for old in self.read_grants(request, now) if old.token != grant.token]
        kept = [grant, *others][:MOST_GRANTS]
        value = b"".join(each.token.encode("ascii") + each.opened_at.to_bytes(8, "big") + each.tag for each in kept)
        # Each grant ends by itself, by its link's own record: the cookie is only the bag.
        return self._write("grants", value, max(lifetime, timedelta(days=1)), now)

    def read_browser(self, request: Request, now: int) -> str | None:
        """Return the nonce of this browser, if it has asked for a sign-in link lately."""
        found = _NONCE.fullmatch(self._read(request, "browser", now))
        return None if found is None else found[0].decode("ascii")

    def keep_browser(self, request: Request, now: int) -> tuple[str, Cookie]:
        """Return a nonce for this browser, the one that it has or a new one, and the cookie that keeps it."""
        nonce = self.read_browser(request, now) or secrets.token_urlsafe(16)
        return nonce, self._write("browser", nonce.encode("ascii"), BROWSER_FOR, now)

    def seal_form(self, *shown: str | None, now: int) -> str:
        """Seal what a page shows into its form, so that a POST proves which page it comes from."""
        return self._flows.seal("form", _digest_shown(shown), expires_at=now + to_span(PENDING_FOR))

    def is_form(self, request: Request, *shown: str | None, now: int) -> bool:
        """Return whether a request's form is of a page that showed just this."""
        value = self._flows.unseal("form", read_field(request, "form"), now=now)
        return value is not None and compare_digest(value, _digest_shown(shown))

    def _split_pending(self, request: Request, now: int) -> tuple[str, str]:
        found = _PENDING.fullmatch(self._read(request, "pending", now))
        return ("", "") if found is None else (found[1].decode("ascii"), found[2].decode("ascii"))

    def _read(self, request: Request, kind: str, now: int) -> bytes:
        return self._flows.unseal(kind, request.cookies.get(self._names[kind]), now=now) or b""

    def _write(self, kind: str, value: bytes, lifetime: timedelta, now: int) -> Cookie:
        sealed = self._flows.seal(kind, value, expires_at=now + to_span(lifetime))
        max_age = int(lifetime.total_seconds())
        return Cookie(name=self._names[kind], value=sealed, max_age=max_age, secure=self._secure)


def make_tag(purpose: str, resource: str | None) -> bytes:
    """Return the mark by which the grant of a document is found."""
    return sha256(_encode(f"{purpose}\0{resource}")).digest()[:8]


def _parse_grant(found: re.Match[bytes]) -> Grant:
    return Grant(token=found[1].decode("ascii"), opened_at=int.from_bytes(found[2], "big"), tag=found[3])


def _digest_shown(shown: tuple[str | None, ...]) -> bytes:
    parts = [None if part is None else _encode(part) for part in shown]
    return sha256(b"".join(b"\0" if part is None else b"\1%d:" % len(part) + part for part in parts)).digest()


def _encode(text: str) -> bytes:
    # Half of a surrogate pair, out of a path, is to differ and not to raise.
    return text.encode("utf-8", "surrogatepass")
