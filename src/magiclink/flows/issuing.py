"""The way out: issue, remind, renew, and what the mail server took.

Nothing reissues by itself: only a reminder of the app, or the holder's own request, which goes to the address on file.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace

from .. import decisions
from ..decisions import Plan
from ..errors import BadArgumentError, InvalidLinkError, ReissueRefusedError, StoreError, describe_type
from ..events import MADE, Kind
from ..instants import read_instant, to_span
from ..records import Origin, Record, Supersede
from ..values import Link, Order
from .arguments import check_binding, check_order, read_link_ids
from .core import Core, suppress_failure

Keys = tuple[tuple[bytes, ...], tuple[bytes, ...]]
"""The names of a series and the digests of its recipient, each under every key, the signing key's first."""

TRIES = 3
"""How often a reissue that lost a race reads its series again: each loss means that another link was written."""


class Issuing(Core):
    """issue, issue_many, remind, renew, mark_delivered."""

    async def issue(self, order: Order) -> Link:
        """Make a link and remember it."""
        return (await self.issue_orders([order], self.read_clock()))[0][0]

    async def issue_many(self, orders: Iterable[Order]) -> list[Link]:
        """Make many links in one transaction."""
        if not isinstance(orders, Iterable):
            raise BadArgumentError(f"issue_many: wanted a list of Orders, got {describe_type(orders)}")
        return [link for link, _ in await self.issue_orders(list(orders), self.read_clock())]

    async def remind(self, order: Order) -> Link:
        """Make a fresh link because the app reminds."""
        check_order(order, self.policies, self.site)
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
                    await self._emit_with_ended(Kind.DELIVERED, record, now, ends=Supersede.ON_DELIVERY)

    async def deliver_record(self, record: Record, now: int) -> None:
        """Do what `mark_delivered` does with a link whose record is at hand."""
        await self._call_store(self.store.mark_delivered, self.audience, [record.link_id], now=now)
        if self._on_event is not None and record.delivered_at is None:
            await self._emit_with_ended(Kind.DELIVERED, record, now, ends=Supersede.ON_DELIVERY)

    async def issue_orders(self, orders: Sequence[Order], now: int) -> list[tuple[Link, Record]]:
        """Make links and their records in one transaction, in the order of the orders: all or none."""
        made = []
        renamed: dict[bytes, bytes] = {}
        for order in orders:
            check_order(order, self.policies, self.site)
            check_binding(order)
            usable, stamp = await self._read_stamp(order.subject)
            if not usable:
                raise BadArgumentError(_explain_account(order.subject))
            ends = None if order.expires_at is None else read_instant(order.expires_at, "expires_at")
            plan = decisions.plan_issue(order.policy, now=now, expires_at=ends)
            keys = self._derive_keys(order)
            renamed |= _map_renamed(keys)
            made.append(self._make(order, plan, keys, origin=Origin.ISSUE, stamp=stamp, now=now))
        records = [record for _, record in made]
        if records and not await self._call_store(self.store.add, records, now=now, renamed=renamed):
            raise StoreError("the store refused new links: a link id is there already")
        for record in records if self._has_listener else ():
            await self._emit_with_ended(MADE[record.origin], record, now, ends=Supersede.ON_ISSUE)
        return made

    async def remind_order(self, order: Order, now: int) -> tuple[Link, Record]:
        """Do what `remind` does with an order that has been checked."""
        usable, stamp = await self._read_stamp(order.subject)
        if not usable:
            raise ReissueRefusedError(_explain_account(order.subject), reason=decisions.ACCOUNT)
        return await self._reissue(order, None, stamp, now)

    async def renew_record(self, presented: Record, address: str | None, now: int) -> tuple[Link, Record]:
        """Do what `renew` does with a record that has been read; `address` is spelled as its digest is made."""
        policy, old = self.tighten(presented)
        is_recipient = address is not None and self._digests.matches("recipient", old.recipient, address)
        decisions.check_renewable(policy, old, is_recipient=is_recipient, now=now)
        is_same, stamp = await self._read_stamp(old.subject, old)
        if not is_same:
            message = "the account has changed since the link was issued: issue a new one"
            raise ReissueRefusedError(message, reason=decisions.ACCOUNT)
        order = Order(
            policy=policy, subject=old.subject, resource=old.resource, recipient=address, destination=old.destination
        )
        return await self._reissue(order, old, stamp, now)

    async def _reissue(
        self, order: Order, presented: Record | None, stamp: bytes | None, now: int
    ) -> tuple[Link, Record]:
        """Write a reminder's link, or with the link presented its renewal, if nothing has changed since it was decided.

        What is read, and must still stand as it is written: the newest of the series, and the subject's generation.
        """
        keys, origin = self._derive_keys(order), Origin.REMIND if presented is None else Origin.RENEW
        for _ in range(TRIES):
            newest, generation = await self._call_store(self.store.newest, self.audience, order.subject, keys[0])
            parent, filled = presented or newest, order
            if presented is not None:
                plan = decisions.plan_renewal(order.policy, newest or presented, now=now)
            else:
                plan = decisions.plan_reminder(order.policy, newest, now=now)
                if newest is not None and not order.destination:
                    filled = replace(order, destination=newest.destination)
            link, record = self._make(filled, plan, keys, origin=origin, stamp=stamp, now=now)
            record = record._replace(
                number=1 if newest is None or newest.number is None else newest.number + 1,
                generation=generation,
                parent=None if parent is None else parent.link_id,
            )
            if await self._call_store(self.store.add, [record], now=now, renamed=_map_renamed(keys)):
                await self._emit_with_ended(MADE[origin], record, now, ends=Supersede.ON_ISSUE)
                return link, record
        raise StoreError(f"others kept reissuing the same link: tried {TRIES} times")

    def _derive_keys(self, order: Order) -> Keys:
        address = self._fold_address(order.recipient)
        names = self._digests.name_series(order.policy.purpose, order.subject, order.resource, address)
        return names, () if address is None else self._digests.digest_all("recipient", address)

    def _make(
        self, order: Order, plan: Plan, keys: Keys, *, origin: Origin, stamp: bytes | None, now: int
    ) -> tuple[Link, Record]:
        """Make a link with its record. The token goes straight into the Link, which shows it nowhere."""
        policy, (names, addresses) = order.policy, keys
        token, link_id = self._tokens.make(policy.purpose, expires_at=plan.expires_at)
        link = Link(
            base_url=self.site.base_url,
            token=token,
            link_id=link_id.hex(),
            purpose=policy.purpose,
            resource=order.resource,
            expires_at=plan.expires_at,
        )
        del token
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
            issued_at=now,
            max_uses=policy.max_uses,
            session_lifetime=to_span(policy.session_lifetime),
            **plan._asdict(),
        )
        return link, record

    async def _emit_with_ended(self, kind: Kind, record: Record, now: int, *, ends: Supersede) -> None:
        """Emit what happened to a link, and which older ones of its series that ended."""
        self._emit(kind, record, at=now)
        if record.supersede == ends:
            await self._emit_superseded(record, now, sharing="series")


def _map_renamed(keys: Keys) -> dict[bytes, bytes]:
    """Map names under retired keys to those under the signing key, so that a rotation splits no series."""
    return {retired: names[0] for names in keys for retired in names[1:]}


def _explain_account(subject: str) -> str:
    """Say what the stamp of a subject was, which isn't named where it may be an address."""
    call = "security_stamp(subject)" if "@" in subject else f"security_stamp({subject!r})"
    return f"{call} gave None: no account of it may be used now"
