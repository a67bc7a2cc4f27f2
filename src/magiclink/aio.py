"""The asynchronous API: the same flows, awaited; a store that blocks is asked in a thread.

`security_stamp` and `admit` may be asynchronous here. Cancelling a flow loses nothing: a write that was under way ends
in its thread, and what the store holds afterwards decides. A token is deleted before its flow runs, as in
`magiclink.links`.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any, Self, TypeVar

from .clock import Clock, SystemClock
from .crypto.keys import KeyRing
from .events import Event
from .flows import Flows
from .policy import Policy
from .stores.base import Store
from .values import Link, LinkInfo, Order, Preview, Redemption

T = TypeVar("T")


async def call_in_thread(call: Callable[..., T], /, *args: Any, **kwargs: Any) -> T:
    """Call a store that blocks in a thread of the loop's, and await it."""
    return await asyncio.to_thread(call, *args, **kwargs)


class AsyncMagicLinks:
    """MagicLinks for asynchronous programs: the same arguments, the same calls, each to be awaited."""

    def __init__(
        self,
        *,
        keys: KeyRing,
        store: Store,
        policies: Sequence[Policy],
        base_url: str,
        audience: str | None = None,
        clock: Clock = SystemClock(),  # noqa: B008  # it has no state
        security_stamp: Callable[[str], Awaitable[str | None] | str | None] | None = None,
        on_event: Callable[[Event], None] | None = None,
    ) -> None:
        self.flows: Flows = Flows(
            keys=keys,
            store=store,
            policies=policies,
            base_url=base_url,
            audience=audience,
            clock=clock,
            security_stamp=security_stamp,
            on_event=on_event,
            store_call=call_in_thread,
        )

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
        """Make a link and remember it, as `MagicLinks.issue` does."""
        order = Order(
            policy=policy,
            subject=subject,
            resource=resource,
            recipient=recipient,
            destination=destination,
            expires_at=expires_at,
            browser=browser,
        )
        return await self.flows.issue(order)

    async def issue_many(self, orders: Iterable[Order]) -> list[Link]:
        """Make many links in one transaction: all or none."""
        return await self.flows.issue_many(orders)

    async def mark_delivered(self, *link_ids: str) -> None:
        """Remember that the mail server took these links; what they replace ends now."""
        await self.flows.mark_delivered(*link_ids)

    async def verify(self, token: str, policy: Policy | tuple[Policy, ...], *, browser: str | None = None) -> Preview:
        """Check a link, change nothing, and return what may be shown before it is used."""
        flow = self.flows.verify(token, policy, browser=browser)
        del token
        return await flow

    async def redeem(
        self,
        token: str,
        policy: Policy | tuple[Policy, ...],
        *,
        browser: str | None = None,
        attempt: str | None = None,
        admit: Callable[[LinkInfo], bool | Awaitable[bool]] | None = None,
    ) -> Redemption:
        """Check a link and use it, as `MagicLinks.redeem` does; `admit` may be asynchronous."""
        flow = self.flows.redeem(token, policy, browser=browser, attempt=attempt, admit=admit)
        del token
        return await flow

    async def recall(self, link_id: str, *, redeemed_at: datetime) -> Redemption:
        """Return the redemption of what a link opened, if that is still open."""
        return await self.flows.recall(link_id, redeemed_at=redeemed_at)

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
        return await self.flows.remind(order)

    async def renew(self, token: str, *, to: str) -> Link:
        """Make a fresh link because the holder of a rejected one asks; mail it to `to`."""
        flow = self.flows.renew(token, to=to)
        del token
        return await flow

    async def revoke(self, link_id: str, *, reason: str = "") -> LinkInfo:
        """Withdraw one link in whatever state; what it opened closes."""
        return await self.flows.revoke(link_id, reason=reason)

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
        await self.flows.revoke_all(
            policy=policy,
            subject=subject,
            resource=resource,
            recipient=recipient,
            issued_before=issued_before,
            reason=reason,
        )

    async def inspect(self, link_id: str) -> LinkInfo:
        """Return all that is known of a link."""
        return await self.flows.inspect(link_id)

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
        return await self.flows.find(
            policy=policy, subject=subject, resource=resource, recipient=recipient, limit=limit, after=after
        )

    async def history(
        self, *, subject: str | None = None, resource: str | None = None, limit: int = 100
    ) -> list[Event]:
        """Return what happened to the links of a subject or resource, oldest first."""
        return await self.flows.history(subject=subject, resource=resource, limit=limit)

    async def purge(self, *, keep: timedelta) -> int:
        """Forget links that expired longer than `keep` ago; return how many."""
        return await self.flows.purge(keep=keep)

    async def close(self) -> None:
        """Let go of the store's files and connections."""
        await self.flows.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *error: object) -> None:
        await self.close()
