"""The way out: issue, remind, renew, and what the mail server took.

Nothing reissues by itself: only a reminder of the app, or the holder's own request, which goes to the address on file.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import TYPE_CHECKING

from .. import decisions
from ..errors import BadArgumentError, InvalidLinkError, ReissueRefusedError, StoreError, describe_type
from ..events import MADE, Kind
from ..instants import read_instant, to_span
from ..records import Origin, Record, Supersede
from ..values import Link, Order
from .arguments import check_binding, check_order, find_policy, read_link_ids
from .core import Core, suppress_failure

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime

    from ..decisions import Plan
    from ..policy import Policy

TRIES = 3
"""How often a reissue that lost a race reads its series again: each loss means that another link was written."""


class Issuing(Core):
    """issue, issue_many, remind, renew, mark_delivered."""

    async def issue(
        self,
        policy: Policy,
        *,
        subject: str,
        resource: str | None = None,
        recipient: str | None = None,
        destination: str | None = None,
        expires_at: datetime | None = None,
        browser: str | None = None,
    ) -> Link:
        """Make a link and remember it."""
        order = Order(
            policy=policy,
            subject=subject,
            resource=resource,
            recipient=recipient,
            destination=destination,
            expires_at=expires_at,
            browser=browser,
        )
        return (await self.issue_orders([order], self.read_clock()))[0][0]

    async def issue_many(self, orders: Iterable[Order]) -> list[Link]:
        """Make many links in one transaction."""
        if not isinstance(orders, Iterable):
            raise BadArgumentError(f"issue_many: wanted a list of Orders, got {describe_type(orders)}")
        return [link for link, _ in await self.issue_orders(list(orders), self.read_clock())]

    async def remind(
        self,
        policy: Policy,
        *,
        subject: str,
        resource: str | None = None,
        recipient: str | None = None,
        destination: str | None = None,
    ) -> Link:
        """Make a fresh link because the app reminds."""
        order = Order(policy=policy, subject=subject, resource=resource, recipient=recipient, destination=destination)
        self._check_order(order)
        return (await self.remind_order(order, self.read_clock()))[0]

    async def renew(self, token: str, *, to: str) -> Link:
        """Make a fresh link because the holder of a rejected one asks."""
        proof = self._read_token(token)
        del token
        if isinstance(proof, str):
            raise InvalidLinkError(proof)
        address, now = self._fold_address(to), self.read_clock()
        return (await self.renew_record(await self.read_record(proof.link_id), address, now))[0]

    async def mark_delivered(self, *link_ids: str) -> None:
        """Remember that the mail server took these links."""
        known = read_link_ids(link_ids)
        now = self.read_clock()
        await self._call_store(self.store.mark_delivered, self.audience, known, now=now)
        for raw in known if self._on_event is not None else ():
            with suppress_failure("event of delivered", raw):
                record = await self._call_store(self.store.get, self.audience, raw)
                if record is not None and record.delivered_at == now:
                    await self._emit_delivered(record, now)

    async def deliver_record(self, record: Record, now: int) -> None:
        """Do what `mark_delivered` does with a link whose record is at hand."""
        await self._call_store(self.store.mark_delivered, self.audience, [record.link_id], now=now)
        if self._on_event is not None and record.delivered_at is None:
            await self._emit_delivered(record, now)

    async def issue_orders(self, orders: Sequence[Order], now: int) -> list[tuple[Link, Record]]:
        """Make links and their records in one transaction, in the order of the orders: all or none."""
        made = []
        renamed: dict[bytes, bytes] = {}
        for order in orders:
            self._check_order(order)
            check_binding(order)
            usable, stamp = await self._read_stamp(order.subject)
            if not usable:
                raise BadArgumentError(f"{_show_stamp_call(order.subject)} gave None: no account of it may be used now")
            ends = None if order.expires_at is None else read_instant(order.expires_at, "expires_at")
            plan = decisions.plan_issue(order.policy, now=now, expires_at=ends)
            names, addresses = self._derive_keys(order)
            renamed |= _map_renamed(names, addresses)
            made.append(self._make(order, plan, names, addresses, origin=Origin.ISSUE, stamp=stamp, now=now))
        records = [record for _, record in made]
        if records and not await self._call_store(self.store.add, records, now=now, renamed=renamed):
            raise StoreError("the store refused new links: a link id is there already")
        for record in records if self._has_listener else ():
            await self._emit_made(record, now)
        return made

    async def remind_order(self, order: Order, now: int) -> tuple[Link, Record]:
        """Do what `remind` does with an order that has been checked."""
        usable, stamp = await self._read_stamp(order.subject)
        if not usable:
            message = f"{_show_stamp_call(order.subject)} gave None: no account of it may be used now"
            raise ReissueRefusedError(message, reason=decisions.ACCOUNT)

        def plan(newest: Record | None) -> tuple[Order, Plan, bytes | None]:
            planned = decisions.plan_reminder(order.policy, newest, now=now)
            if newest is None:
                return order, planned, None
            led = order if order.destination else replace(order, destination=newest.destination)
            return led, planned, newest.link_id

        return await self._reissue(order, plan, origin=Origin.REMIND, stamp=stamp, now=now)

    async def renew_record(self, presented: Record, address: str | None, now: int) -> tuple[Link, Record]:
        """Do what `renew` does with a record that has been read; `address` is spelled as its digest is made."""
        policy = self.policies.get(presented.purpose)
        if policy is None:
            raise InvalidLinkError(f"the policy of the link is gone: {presented.purpose} isn't registered any more")
        is_recipient = address is not None and self._digests.matches("recipient", presented.recipient, address)
        presented = decisions.tighten(presented, policy)
        decisions.check_renewable(policy, presented, is_recipient=is_recipient, now=now)
        is_same, stamp = await self._read_stamp(presented.subject, presented)
        if not is_same:
            raise ReissueRefusedError(
                "the account has changed since the link was issued: issue a new one", reason=decisions.ACCOUNT
            )
        order = Order(
            policy=policy,
            subject=presented.subject,
            resource=presented.resource,
            recipient=address,
            destination=presented.destination,
        )

        def plan(newest: Record | None) -> tuple[Order, Plan, bytes | None]:
            return order, decisions.plan_renewal(policy, newest or presented, now=now), presented.link_id

        return await self._reissue(order, plan, origin=Origin.RENEW, stamp=stamp, now=now)

    async def _reissue(
        self,
        order: Order,
        plan: Callable[[Record | None], tuple[Order, Plan, bytes | None]],
        *,
        origin: Origin,
        stamp: bytes | None,
        now: int,
    ) -> tuple[Link, Record]:
        """Read the newest of the series, decide, and write only if both it and the subject's generation still stand."""
        names, addresses = self._derive_keys(order)
        renamed = _map_renamed(names, addresses)
        for _ in range(TRIES):
            newest, generation = await self._call_store(self.store.newest, self.audience, order.subject, names)
            planned, terms, parent = plan(newest)
            link, record = self._make(planned, terms, names, addresses, origin=origin, stamp=stamp, now=now)
            number = 1 if newest is None or newest.number is None else newest.number + 1
            record = record._replace(number=number, generation=generation, parent=parent)
            if await self._call_store(self.store.add, [record], now=now, renamed=renamed):
                await self._emit_made(record, now)
                return link, record
        raise StoreError(f"others kept reissuing the same link: tried {TRIES} times")

    def _check_order(self, order: Order) -> None:
        """Raise BadArgumentError for what can't be taken, before anything is asked or made."""
        check_order(order)
        find_policy(self.policies, order.policy)
        self.site.check_destination(order.destination)

    def _derive_keys(self, order: Order) -> tuple[tuple[bytes, ...], tuple[bytes, ...]]:
        """Return the names of the order's series and of its recipient under every key, the signing key first."""
        address = self._fold_address(order.recipient)
        names = self._digests.name_series(order.policy.purpose, order.subject, order.resource, address)
        return names, () if address is None else self._digests.digest_all("recipient", address)

    def _make(
        self,
        order: Order,
        plan: Plan,
        names: tuple[bytes, ...],
        addresses: tuple[bytes, ...],
        *,
        origin: Origin,
        stamp: bytes | None,
        now: int,
    ) -> tuple[Link, Record]:
        """Make a link with its record. The token goes straight into the Link, which shows it nowhere."""
        policy = order.policy
        link, link_id = self._make_link(order, plan.expires_at)
        record = Record(
            audience=self.audience,
            link_id=link_id,
            purpose=policy.purpose,
            subject=order.subject,
            resource=order.resource,
            destination=order.destination,
            recipient=addresses[0] if addresses else None,
            stamp=stamp,
            browser=None if order.browser is None else self._digests.digest("browser", order.browser),
            series=names[0],
            number=None,
            origin=origin.value,
            parent=None,
            supersede=policy.supersede.value,
            generation=None,
            series_started_at=plan.series_started_at,
            reminded_at=plan.reminded_at,
            renewed_at=plan.renewed_at,
            reminders=plan.reminders,
            renewals=plan.renewals,
            issued_at=now,
            expires_at=plan.expires_at,
            max_uses=policy.max_uses,
            session_lifetime=to_span(policy.session_lifetime),
        )
        return link, record

    def _make_link(self, order: Order, expires_at: int) -> tuple[Link, bytes]:
        token, link_id = self._tokens.make(order.policy.purpose, expires_at=expires_at)
        link = Link(
            base_url=self.site.base_url,
            token=token,
            link_id=link_id.hex(),
            purpose=order.policy.purpose,
            resource=order.resource,
            expires_at=expires_at,
        )
        return link, link_id

    async def _emit_made(self, record: Record, now: int) -> None:
        self._emit(MADE[record.origin], record, at=now)
        if record.supersede == Supersede.ON_ISSUE:
            await self._emit_superseded(record, now, sharing="series")

    async def _emit_delivered(self, record: Record, now: int) -> None:
        self._emit(Kind.DELIVERED, record, at=now)
        if record.supersede == Supersede.ON_DELIVERY:
            await self._emit_superseded(record, now, sharing="series")


def _map_renamed(names: Sequence[bytes], addresses: Sequence[bytes]) -> dict[bytes, bytes]:
    """Map names under retired keys to those under the signing key, so that a rotation splits no series."""
    return {retired: keys[0] for keys in (names, addresses) for retired in keys[1:]}


def _show_stamp_call(subject: str) -> str:
    """Write the call that was made, unless the app names its subjects by their addresses."""
    return "security_stamp(subject)" if "@" in subject else f"security_stamp({subject!r})"
