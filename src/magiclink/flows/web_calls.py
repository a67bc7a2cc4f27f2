"""What the web conversation borrows from the core, and neither face offers: a look at a link, seals, limits, the time.

It is trusted with more than an app: it sees whom a link is for before the link is used, and shows it to nobody.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from ..addresses import canonicalize, fold_case
from ..errors import BadArgumentError, InvalidLinkError
from ..events import Event, Kind, emit
from ..instants import to_datetime, to_span
from ..values import LinkInfo
from .core import parse_link_id, read_link_id
from .redeeming import Redeeming

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable
    from datetime import datetime, timedelta


class Seen(NamedTuple):
    """A link that may be used now, as the conversation sees it."""

    info: LinkInfo
    recipient: bytes | None
    """The digest of the address that it was mailed to."""


class WebCalls(Redeeming):
    """look, is_recipient, choose_recipient, seal, unseal, take, now."""

    async def look(
        self,
        token: str,
        *,
        browser: str | None = None,
        admit: Callable[[LinkInfo], bool | Awaitable[bool]] | None = None,
        note: bool = True,
    ) -> Seen:
        """Check a link of any policy and change nothing, as `verify` does; without `note`, not even its history.

        `admit` is the app's own last check, as `redeem` asks it. Raises as `verify`, and NotAdmittedError (`app`).
        """
        genuine = self.open_token(token)
        del token
        if genuine is None:
            raise InvalidLinkError("the token isn't genuine")
        policy = self.policies[genuine.purpose]
        click = self._click(genuine, policy, browser=browser, admit=admit)._replace(is_noted=note)
        record = await self._read(click)
        await self._check(click, record)
        if note:
            await self._note(Kind.VERIFIED, record, at=click.now)
        return Seen(LinkInfo.from_record(record, now=click.now), record.recipient)

    def is_recipient(self, recipient: bytes | None, address: str) -> bool:
        """Return whether an address on file is the one that a link was mailed to; what is no address isn't."""
        try:
            spelled = fold_case(canonicalize(address))
        except BadArgumentError:
            return False
        return self._digests.matches("recipient", recipient, spelled)

    async def choose_recipient(self, link_id: str, addresses: Iterable[str]) -> str | None:
        """Return that of the addresses on file to which a link was mailed, or None. Raises InvalidLinkError (unknown)."""
        record = await self._record(read_link_id(link_id))
        return next((each for each in addresses if self.is_recipient(record.recipient, each)), None)

    async def seal(self, kind: str, value: bytes, *, lifetime: timedelta) -> str:
        """Seal a value for a cookie or a form: a text that only `unseal` with the same kind reads, for `lifetime`."""
        return self._seals.seal(kind, value, expires_at=self._now() + to_span(lifetime))

    async def unseal(self, kind: str, text: object) -> bytes | None:
        """Return a sealed value; None for anything that isn't ours, of this kind and in date."""
        return self._seals.unseal(kind, text, now=self._now())

    async def hit(self, bucket: str, *, limit: int, window: timedelta) -> datetime | None:
        """Count one in a bucket that the caller names; None, or the instant from which to try again."""
        digest = self._digests.digest("bucket", bucket)
        retry_at = await self._ask(self.store.hit, digest, now=self._now(), limit=limit, window=to_span(window))
        return None if retry_at is None else to_datetime(retry_at)

    async def note_limited(self, link_id: str | None = None) -> None:
        """Tell that a mail was asked for once too often: in the history of its link, where it's about one."""
        now = self._now()
        raw = parse_link_id(link_id)
        record = None if raw is None else await self._ask(self.store.get, self.audience, raw)
        if record is None:
            emit(Event(kind=Kind.LIMITED, at=to_datetime(now), link_id=link_id), self._on_event)
        else:
            await self._note(Kind.LIMITED, record, at=now)

    def now(self) -> datetime:
        """Return the present instant."""
        return to_datetime(self._now())
