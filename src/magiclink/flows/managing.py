"""What the app and its support desk do with links that exist: withdraw, find, recount, forget."""

from datetime import datetime, timedelta

from ..errors import BadArgumentError, InvalidLinkError
from ..events import Event, Kind, merge_history
from ..instants import read_instant, to_span
from ..policy import Policy
from ..records import Selector
from ..values import LinkInfo
from .arguments import (
    PAGE,
    check_keep,
    check_limit,
    check_text,
    explain_link_id,
    find_policy,
    parse_link_id,
    read_link_id,
)
from .core import UNKNOWN, Core

PURGED_AT_ONCE = 500
"""Links a transaction of `purge`: small enough that nobody waits for its lock."""


class Managing(Core):
    """revoke, revoke_all, inspect, find, history, purge, close."""

    async def revoke(self, link_id: str, *, reason: str = "") -> LinkInfo:
        """Withdraw one link in whatever state."""
        raw, text, now = read_link_id(link_id), check_text(reason, "reason", may_be_empty=True), self.read_clock()
        record = await self._call_store(self.store.revoke, self.audience, raw, now=now, reason=text)
        if record is None:
            raise InvalidLinkError(UNKNOWN)
        if record.revoked_at == now:
            self._emit(Kind.REVOKED, record, at=now, reason=record.revoke_reason)
        return self.describe(record, now)

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
        """Withdraw every link that matches all that is given."""
        text = check_text(reason, "reason", may_be_empty=True)
        before = None if issued_before is None else read_instant(issued_before, "issued_before")
        missing = "revoke_all would withdraw every link: give a policy, subject, resource, recipient or issued_before"
        selector = self._select(missing, policy, subject, resource, recipient, issued_before=before)
        now = self.read_clock()
        if subject is not None and selector == Selector(audience=self.audience, subject=subject):
            await self._call_store(self.store.revoke_subject, self.audience, subject, now=now, reason=text)
        else:
            await self._call_store(self.store.revoke_matching, selector, now=now, reason=text)
        names = {"purpose": selector.purpose, "subject": subject, "resource": resource}
        self._emit_event(Kind.REVOKED, now, reason=text, **names)

    async def inspect(self, link_id: str) -> LinkInfo:
        """Return all that is known of a link."""
        raw, now = read_link_id(link_id), self.read_clock()
        return self.describe(await self.read_record(raw), now)

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
        """Return the links that match all that is given, newest first."""
        missing = "find: give a policy, subject, resource or recipient"
        selector = self._select(missing, policy, subject, resource, recipient)
        behind = None if after is None else parse_link_id(after)
        if after is not None and behind is None:
            raise BadArgumentError(f"after: {explain_link_id(after)}")
        now = self.read_clock()
        records = await self._call_store(self.store.find, selector, limit=check_limit(limit), after=behind)
        return [self.describe(record, now) for record in records]

    async def history(
        self, *, subject: str | None = None, resource: str | None = None, limit: int = 100
    ) -> list[Event]:
        """Return what happened to the links of a subject or resource, oldest first."""
        selector = self._select("history: give a subject or a resource", None, subject, resource, None)
        most = check_limit(limit)
        records = await self._call_store(self.store.find, selector, limit=PAGE)
        notes = await self._call_store(self.store.notes, self.audience, [record.link_id for record in records])
        return merge_history(records, notes)[-most:]

    async def purge(self, *, keep: timedelta) -> int:
        """Forget links that expired longer than `keep` ago; return how many."""
        span, now = to_span(check_keep(keep, self.policies.values())), self.read_clock()
        before, purged, count = max(0, now - span), 0, PURGED_AT_ONCE
        while count >= PURGED_AT_ONCE:
            count = await self._call_store(self.store.purge, self.audience, before=before, limit=PURGED_AT_ONCE)
            purged += count
        self._emit_event(Kind.PURGED, now, reason=str(purged))
        return purged

    async def close(self) -> None:
        """Let go of the store's files and connections."""
        await self._call_store(self.store.close)

    def _select(
        self,
        missing: str,
        policy: Policy | None,
        subject: str | None,
        resource: str | None,
        recipient: str | None,
        *,
        issued_before: int | None = None,
    ) -> Selector:
        """Return what is meant; raise BadArgumentError with the message `missing` where that is every link."""
        address = self._fold_address(recipient)
        selector = Selector(
            audience=self.audience,
            purpose=None if policy is None else find_policy(self.policies, policy).purpose,
            subject=None if subject is None else check_text(subject, "subject"),
            resource=None if resource is None else check_text(resource, "resource"),
            recipients=None if address is None else self._digests.digest_all("recipient", address),
            issued_before=issued_before,
        )
        if selector.is_empty:
            raise BadArgumentError(missing)
        return selector
