"""The cookies of the conversation: the link that waits for its button, what is open, and the browser's own name.

Each is sealed, with its expiry inside. Links are named by their *token*, never by their link id: whoever steals the
keys and reads the database could seal a link id, and can't make a token of it.
"""

from __future__ import annotations

import re
import secrets
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from hashlib import sha256
from hmac import compare_digest
from typing import TYPE_CHECKING

from ..instants import to_datetime, to_micros
from .http import Cookie

if TYPE_CHECKING:
    from ..flows import Flows
    from .http import Request

PENDING_FOR = timedelta(minutes=10)
"""How long a link that was clicked waits for its button."""

VISIT_FOR = timedelta(hours=1)
"""How long a browser that asked for a sign-in link is known."""

MOST_GRANTS = 8
"""How many documents one browser holds open at a time: a cookie has 4,096 bytes."""

# Seals are checked before: what has another shape was sealed by an older version, or with a stolen key.
_PENDING = re.compile(rb"([A-Za-z0-9_-]{60})([A-Za-z0-9_-]{22})")
_GRANT = re.compile(rb"([A-Za-z0-9_-]{60})(.{8})(.{8})", re.DOTALL)
_VISIT = re.compile(rb"[A-Za-z0-9_-]{22}")
_GRANT_SIZE = 60 + 8 + 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Pending:
    """A link that was clicked, and the nonce by which a second click of this browser is told from somebody else's."""

    token: str = field(repr=False)
    nonce: str = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant:
    """A document that this browser has open."""

    token: str = field(repr=False)
    opened_at: datetime
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
        self._names = {kind: f"{prefix}magiclink-{kind}-{digest}" for kind in ("pending", "grants", "visit")}

    async def pending(self, request: Request) -> Pending | None:
        """Return the link that waits in this browser."""
        found = _PENDING.fullmatch(await self._read(request, "pending"))
        return None if found is None else Pending(token=found[1].decode("ascii"), nonce=found[2].decode("ascii"))

    async def keep_pending(self, request: Request, token: str) -> Cookie:
        """Let a link wait. The same link again keeps its nonce: it's the same person clicking twice."""
        old = await self.pending(request)
        nonce = old.nonce if old is not None and old.token == token else secrets.token_urlsafe(16)
        return await self._write("pending", (token + nonce).encode("ascii"), PENDING_FOR)

    def clear_pending(self) -> Cookie:
        """Forget the link that waits."""
        return Cookie(name=self._names["pending"], value="", max_age=0, secure=self._secure)

    async def grants(self, request: Request) -> tuple[Grant, ...]:
        """Return what this browser has open, newest first."""
        value = await self._read(request, "grants")
        parts = [value[start : start + _GRANT_SIZE] for start in range(0, len(value), _GRANT_SIZE)]
        return tuple(_grant(found) for found in map(_GRANT.fullmatch, parts) if found is not None)

    async def keep_grant(self, request: Request, grant: Grant, lifetime: timedelta) -> Cookie:
        """Add what was just opened, and let go of the oldest beyond eight."""
        others = [old for old in await self.grants(request) if old.token != grant.token]
        kept = [grant, *others][:MOST_GRANTS]
        value = b"".join(
            each.token.encode("ascii") + to_micros(each.opened_at).to_bytes(8, "big") + each.tag for each in kept
        )
        # Each grant ends by itself, by its link's own record: the cookie is only the bag.
        return await self._write("grants", value, max(lifetime, timedelta(days=1)))

    async def visit(self, request: Request) -> str | None:
        """Return the nonce of this browser, if it has asked for a sign-in link lately."""
        found = _VISIT.fullmatch(await self._read(request, "visit"))
        return None if found is None else found[0].decode("ascii")

    async def keep_visit(self, request: Request) -> tuple[str, Cookie]:
        """Return this browser a nonce, or let it keep the one that it has."""
        nonce = await self.visit(request) or secrets.token_urlsafe(16)
        return nonce, await self._write("visit", nonce.encode("ascii"), VISIT_FOR)

    async def form(self, *shown: str | None) -> str:
        """Seal what a page shows into its form, so that a POST proves which page it comes from."""
        return await self._flows.seal("form", _shown(shown), lifetime=PENDING_FOR)

    async def is_form(self, request: Request, *shown: str | None) -> bool:
        """Return whether a request's form is of a page that showed just this."""
        fields = [value for name, value in request.form or () if name == "form"]
        value = await self._flows.unseal("form", fields[0]) if len(fields) == 1 else None
        return value is not None and compare_digest(value, _shown(shown))

    async def _read(self, request: Request, kind: str) -> bytes:
        return await self._flows.unseal(kind, request.cookies.get(self._names[kind])) or b""

    async def _write(self, kind: str, value: bytes, lifetime: timedelta) -> Cookie:
        sealed = await self._flows.seal(kind, value, lifetime=lifetime)
        max_age = int(lifetime.total_seconds())
        return Cookie(name=self._names[kind], value=sealed, max_age=max_age, secure=self._secure)


def tag_of(purpose: str, resource: str | None) -> bytes:
    """Return the mark by which the grant of a document is found."""
    return sha256(_bytes(f"{purpose}\0{resource}")).digest()[:8]


def _grant(found: re.Match[bytes]) -> Grant:
    opened_at = to_datetime(int.from_bytes(found[2], "big"))
    return Grant(token=found[1].decode("ascii"), opened_at=opened_at, tag=found[3])


def _shown(shown: tuple[str | None, ...]) -> bytes:
    parts = [None if part is None else _bytes(part) for part in shown]
    return sha256(b"".join(b"\0" if part is None else b"\1%d:" % len(part) + part for part in parts)).digest()


def _bytes(text: str) -> bytes:
    # Half of a surrogate pair, out of a path, is to differ and not to raise.
    return text.encode("utf-8", "surrogatepass")
