"""What the app and its support desk do with links that exist: withdraw, find, tell, forget."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from .. import decisions
from ..errors import BadArgumentError, InvalidLinkError
from ..events import Event, Kind, emit, merge_history
from ..instants import read_instant, to_datetime, to_span
from ..records import Selector
from ..values import LinkInfo
from .core import LONGEST_TEXT, Core, check_text, parse_link_id, read_link_id

if TYPE_CHECKING:
    from datetime import datetime

    from ..policy import Policy
    from ..records import Record

PAGE = 1_000
"""The most that one `find` or one `history` gives."""

PURGED_AT_ONCE = 500
"""Links a transaction of `purge`: small enough that nobody waits for its lock."""


class Managing(Core):
    """revoke, revoke_all, inspect, find, history, purge, close."""

    async def revoke(self, link_id: str, *, reason: str = "") -> LinkInfo:
        """Withdraw one link in whatever state; what it opened closes. The first instant and reason stay.

        Raises InvalidLinkError (unknown), BadArgumentError, UnavailableError.
        """
        raw, now = read_link_id(link_id), self._now()
        record = await self._ask(self.store.revoke, self.audience, raw, now=now, reason=_reason(reason))
        if record is None:
            raise InvalidLinkError("the link is unknown")
        if record.revoked_at == now:
            self._tell(Kind.REVOKED, record, at=now, reason=record.revoke_reason)
        return self._info(record, now)

    async def revoke_all(
        self,
        *,
        policy: Policy | None = None,
        subject: str | None = None,
        resource: str | None = None,
        recipient: str | None = None,
        issued_before: datetime | None = None,
        reason: str = "",
    ) -> None:
        """Withdraw every link that matches all that is given; at least one thing must be.

        `subject` alone takes the same short time however many links there are, and nothing survives it that was
        issued, or is being reissued, before it returns. `issued_before` is for a store restored from a backup.

        Raises BadArgumentError, UnavailableError.
        """
        text = _reason(reason)
        before = None if issued_before is None else read_instant(issued_before, "issued_before")
        selector = self._selector(policy, subject, resource, recipient, before)
        if selector.is_empty:
            raise BadArgumentError("revoke_all without a selector would withdraw every link")
        now = self._now()
        if subject is not None and selector == Selector(audience=self.audience, subject=subject):
            await self._ask(self.store.revoke_subject, self.audience, subject, now=now, reason=text)
        else:
            await self._ask(self.store.revoke_matching, selector, now=now, reason=text)
        told = Event(
            kind=Kind.REVOKED,
            at=to_datetime(now),
            purpose=selector.purpose,
            subject=subject,
            resource=resource,
            reason=text,
        )
        emit(told, self._on_event)

    async def inspect(self, link_id: str) -> LinkInfo:
        """Return all that is known of a link. The security stamp isn't asked.

        Raises InvalidLinkError (unknown), UnavailableError.
        """
        raw, now = read_link_id(link_id), self._now()
        return self._info(await self._record(raw), now)

    async def find(
        self,
        *,
        policy: Policy | None = None,
        subject: str | None = None,
        resource: str | None = None,
        recipient: str | None = None,
        limit: int = 100,
        after: str | None = None,
    ) -> list[LinkInfo]:
        """Return the links that match all that is given, in every state: newest first by instant, then link id.

        At most `limit` (1 to 1,000); `after`, the link id of the last one, gives those behind it. A subject, resource
        or recipient is looked up; a policy alone reads every link of the audience.

        Raises BadArgumentError, UnavailableError.
        """
        selector = self._selector(policy, subject, resource, recipient, None)
        if selector.is_empty:
            raise BadArgumentError("find needs a policy, subject, resource or recipient")
        behind = None if after is None else parse_link_id(after)
        if after is not None and behind is None:
            raise BadArgumentError("after: a link id")
        now = self._now()
        records = await self._ask(self.store.find, selector, limit=_limit(limit), after=behind)
        return [self._info(record, now) for record in records]

    async def history(
        self, *, subject: str | None = None, resource: str | None = None, limit: int = 100
    ) -> list[Event]:
        """Tell what happened to the links of a subject or resource: the latest `limit` events, oldest first.

        It answers "sent when, opened when, refused why" from the newest 1,000 links. What changed no record (looked at,
        refused, clicked again) is told at most once per link and hour.

        Raises BadArgumentError, UnavailableError.
        """
        selector = self._selector(None, subject, resource, None, None)
        if selector.is_empty:
            raise BadArgumentError("history needs a subject or a resource")
        most = _limit(limit)
        records = await self._ask(self.store.find, selector, limit=PAGE)
        notes = await self._ask(self.store.notes, self.audience, [record.link_id for record in records])
        return merge_history(records, notes)[-most:]

    async def purge(self, *, keep: timedelta) -> int:
        """Forget links that expired longer than `keep` ago, in small transactions; give how many.

        A forgotten link is InvalidLinkError, and what it opened closes: `keep` is at least the longest session and
        `ends_after` of the policies. It may run at any time, twice at once too.

        Raises BadArgumentError, UnavailableError.
        """
        if not _is_span(keep) or keep < self._retention():
            raise BadArgumentError(f"keep: a timedelta of at least {self._retention()}, the longest session or series")
        now = self._now()
        before, purged = max(0, now - to_span(keep)), 0
        while True:
            count = await self._ask(self.store.purge, self.audience, before=before, limit=PURGED_AT_ONCE)
            purged += count
            if count < PURGED_AT_ONCE:
                break
        emit(Event(kind=Kind.PURGED, at=to_datetime(now), reason=str(purged)), self._on_event)
        return purged

    async def close(self) -> None:
        """Let go of the store's files and connections."""
        await self._ask(self.store.close)

    def _selector(
        self,
        policy: Policy | None,
        subject: str | None,
        resource: str | None,
        recipient: str | None,
        issued_before: int | None,
    ) -> Selector:
        address = self._recipient(recipient)
        return Selector(
            audience=self.audience,
            purpose=None if policy is None else self._registered(policy).purpose,
            subject=None if subject is None else check_text(subject, "subject"),
            resource=None if resource is None else check_text(resource, "resource"),
            recipients=None if address is None else self._digests.digest_all("recipient", address),
            issued_before=issued_before,
        )

    def _info(self, record: Record, now: int) -> LinkInfo:
        policy = self.policies.get(record.purpose)
        return LinkInfo.from_record(record if policy is None else decisions.tighten(record, policy), now=now)

    def _retention(self) -> timedelta:
        spans = [policy.session_lifetime for policy in self.policies.values()]
        return max(spans + [policy.ends_after for policy in self.policies.values() if policy.ends_after])


def _is_span(value: object) -> bool:
    return isinstance(value, timedelta)


def _reason(reason: object) -> str:
    if not isinstance(reason, str) or len(reason) > LONGEST_TEXT:
        raise BadArgumentError(f"reason: a str of at most {LONGEST_TEXT} characters")
    return check_text(reason, "reason") if reason else ""


def _limit(limit: object) -> int:
    if type(limit) is not int or not 1 <= limit <= PAGE:
        raise BadArgumentError(f"limit: a number from 1 to {PAGE}")
    return limit
