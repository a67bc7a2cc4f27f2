"""The way out: issue, remind, renew, and what the mail server took.

Nothing reissues by itself: only a reminder of the app, or the holder's own request, which goes to the address on file.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import TYPE_CHECKING

from .. import decisions
from ..errors import BadArgumentError, InvalidLinkError, ReissueRefusedError, StoreError
from ..events import MADE, Kind
from ..instants import read_instant, to_span
from ..records import Origin, Record, Supersede
from ..values import Link, Order
from .core import Core, best_effort, check_text, parse_link_id, read_link_id

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
        """Make a link and remember it; its series begins anew.

        `recipient` is the address that it will be mailed to: only its keyed digest is kept. `destination` is a path of
        the app's own site. `expires_at` (aware) may only shorten the policy's lifetime, and falls on the second before.
        `browser` is a nonce that only the browser that asked knows: a policy with `bind_browser` requires it, and no
        other takes it.

        Raises BadArgumentError (an argument that can't be taken, or a subject whose account may not be used) and
        UnavailableError; then nothing is remembered, and no mail should go out.
        """
        order = Order(
            policy=policy,
            subject=subject,
            resource=resource,
            recipient=recipient,
            destination=destination,
            expires_at=expires_at,
            browser=browser,
        )
        return (await self._issue([order]))[0]

    async def issue_many(self, orders: Iterable[Order]) -> list[Link]:
        """Make many links in one transaction, in the order of the orders: all or none.

        Raises as `issue` does.
        """
        if not isinstance(orders, Iterable):
            raise BadArgumentError("issue_many takes Orders")
        return await self._issue(list(orders))

    async def remind(
        self,
        policy: Policy,
        *,
        subject: str,
        resource: str | None = None,
        recipient: str | None = None,
        destination: str | None = None,
    ) -> Link:
        """Make a fresh link because the app reminds: same series, and the older ones end as the policy says.

        `destination` is the newest link's where none is given. Where the series has no link yet, this is its first.

        Raises ReissueRefusedError (`policy`, `account`, `series_ended`, `too_many`, `too_soon` with `retry_at`),
        BadArgumentError, UnavailableError.
        """
        order = Order(policy=policy, subject=subject, resource=resource, recipient=recipient, destination=destination)
        self._check_order(order)
        now = self._now()
        usable, stamp = await self._stamp(subject)
        if not usable:
            raise ReissueRefusedError("the account may not be used", reason=decisions.ACCOUNT)

        def fresh(newest: Record | None) -> tuple[Order, Plan, bytes | None]:
            told = order if newest is None or destination else replace(order, destination=newest.destination)
            return told, decisions.plan_reminder(policy, newest, now=now), newest.link_id if newest else None

        return await self._reissue(order, fresh, origin=Origin.REMIND, stamp=stamp, now=now)

    async def renew(self, token: str, *, to: str) -> Link:
        """Make a fresh link because the holder of a rejected one asks; mail it to `to`, the address on file.

        Raises ReissueRefusedError, with nothing written: `recipient` unless `to` is the address that the link was
        mailed to; `policy`, `revoked`, `outstanding`, `account`, `series_ended`, `too_many`, `too_soon` with
        `retry_at`. InvalidLinkError for a token that isn't genuine or unknown; BadArgumentError; UnavailableError.
        """
        genuine = self.open_token(token)
        del token
        if genuine is None:
            raise InvalidLinkError("the token isn't genuine")
        return await self.renew_link(genuine.link_id.hex(), to=to)

    async def renew_link(self, link_id: str, *, to: str) -> Link:
        """Do what `renew` does for a link that the web conversation has opened before."""
        address, now = self._recipient(to), self._now()
        presented = await self._record(read_link_id(link_id))
        policy = self.policies.get(presented.purpose)
        if policy is None:
            raise InvalidLinkError("the link is unknown")
        is_recipient = address is not None and self._digests.matches("recipient", presented.recipient, address)
        presented = decisions.tighten(presented, policy)
        decisions.check_renewable(policy, presented, is_recipient=is_recipient, now=now)
        is_same, stamp = await self._stamp(presented.subject, presented)
        if not is_same:
            raise ReissueRefusedError("the account has changed", reason=decisions.ACCOUNT)
        order = Order(
            policy=policy,
            subject=presented.subject,
            resource=presented.resource,
            recipient=to,
            destination=presented.destination,
        )

        def fresh(newest: Record | None) -> tuple[Order, Plan, bytes | None]:
            return order, decisions.plan_renewal(policy, newest or presented, now=now), presented.link_id

        return await self._reissue(order, fresh, origin=Origin.RENEW, stamp=stamp, now=now)

    async def mark_delivered(self, *link_ids: str) -> None:
        """Remember that the mail server took these links: what they replace ends now, as their policies say.

        Unknown ids are ignored. Raises BadArgumentError for what is no str, UnavailableError.
        """
        if not all(isinstance(each, str) for each in link_ids):
            raise BadArgumentError("mark_delivered takes link ids")
        known = [raw for raw in map(parse_link_id, link_ids) if raw is not None]
        now = self._now()
        await self._ask(self.store.mark_delivered, self.audience, known, now=now)
        if self._on_event is None:
            return
        for raw in known:
            with best_effort("telling of delivered", raw):
                record = await self._ask(self.store.get, self.audience, raw)
                if record is not None and record.delivered_at == now:
                    self._tell(Kind.DELIVERED, record, at=now)
                    if record.supersede == Supersede.ON_DELIVERY:
                        await self._tell_superseded(record, now, sharing="series")

    async def _issue(self, orders: Sequence[Order]) -> list[Link]:
        now = self._now()
        made = []
        renamed: dict[bytes, bytes] = {}
        for order in orders:
            self._check_order(order)
            _check_binding(order)
            usable, stamp = await self._stamp(order.subject)
            if not usable:
                raise BadArgumentError("the subject's account may not be used")
            ends = None if order.expires_at is None else read_instant(order.expires_at, "expires_at")
            plan = decisions.plan_issue(order.policy, now=now, expires_at=ends)
            names, addresses = self._names(order)
            renamed |= _renamed(names, addresses)
            made.append(self._make(order, plan, names, addresses, origin=Origin.ISSUE, stamp=stamp, now=now))
        records = [record for _, record in made]
        if records and not await self._ask(self.store.add, records, now=now, renamed=renamed):
            raise StoreError("the store refused new links")
        for record in records if self._is_heard else ():
            await self._told(record, now)
        return [link for link, _ in made]

    async def _reissue(
        self,
        order: Order,
        fresh: Callable[[Record | None], tuple[Order, Plan, bytes | None]],
        *,
        origin: Origin,
        stamp: bytes | None,
        now: int,
    ) -> Link:
        """Read the newest of the series, decide, and write only if both it and the subject's generation still stand."""
        names, addresses = self._names(order)
        for _ in range(TRIES):
            newest, generation = await self._ask(self.store.newest, self.audience, order.subject, names)
            told, plan, parent = fresh(newest)
            link, record = self._make(told, plan, names, addresses, origin=origin, stamp=stamp, now=now)
            number = 1 if newest is None or newest.number is None else newest.number + 1
            record = record._replace(number=number, generation=generation, parent=parent)
            renamed = _renamed(names, addresses)
            if await self._ask(self.store.add, [record], now=now, renamed=renamed):
                await self._told(record, now)
                return link
        raise StoreError("others kept reissuing the same link")

    def _check_order(self, order: Order) -> None:
        """Raise BadArgumentError for what can't be taken, before anything is asked or made."""
        if not isinstance(order, Order):
            raise BadArgumentError("issue_many takes Orders")
        self._registered(order.policy)
        check_text(order.subject, "subject")
        if order.resource is not None:
            check_text(order.resource, "resource")
        if order.browser is not None:
            check_text(order.browser, "browser")
        self.site.check_destination(order.destination)

    def _names(self, order: Order) -> tuple[tuple[bytes, ...], tuple[bytes, ...]]:
        """Name the order's series and its recipient under every key, the signing key first."""
        address = self._recipient(order.recipient)
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
        link, link_id = self._link(order, plan.expires_at)
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

    def _link(self, order: Order, expires_at: int) -> tuple[Link, bytes]:
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

    async def _told(self, record: Record, now: int) -> None:
        self._tell(MADE[record.origin], record, at=now)
        if record.supersede == Supersede.ON_ISSUE:
            await self._tell_superseded(record, now, sharing="series")


def _check_binding(order: Order) -> None:
    if order.policy.bind_browser and order.browser is None:
        raise BadArgumentError("a policy with bind_browser requires browser")
    # Kept, it would look as if it bound the link, and no use would ask for it.
    if order.browser is not None and not order.policy.bind_browser:
        raise BadArgumentError("browser is for policies with bind_browser")


def _renamed(names: Sequence[bytes], addresses: Sequence[bytes]) -> dict[bytes, bytes]:
    """Map names under retired keys to those under the signing key, so that a rotation splits no series."""
    return {retired: own[0] for own in (names, addresses) for retired in own[1:]}
