"""The synchronous API: `MagicLinks` runs each flow of `magiclink.flows` to its end with one `send(None)`.

A flow that would have to wait is ConfigurationError: it belongs to `magiclink.aio`. A token is deleted here before its
flow runs: error reporters collect the local variables of every frame that an exception comes through.
"""

from collections.abc import Awaitable, Callable, Coroutine, Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any, Self, TypeVar

from .clock import Clock, SystemClock
from .crypto.keys import KeyRing
from .errors import ConfigurationError
from .events import Event
from .flows import Flows
from .policy import Policy
from .stores.base import Store
from .values import Link, LinkInfo, Order, Preview, Redemption

T = TypeVar("T")


async def call_at_once(call: Callable[..., T], /, *args: Any, **kwargs: Any) -> T:
    """Call a store that answers at once."""
    return call(*args, **kwargs)


def run(flow: Coroutine[Any, Any, T]) -> T:
    """Run a flow to its end. Raises ConfigurationError if it would wait: half a flow has been run and is abandoned."""
    try:
        flow.send(None)
    except StopIteration as done:
        return done.value  # type: ignore[no-any-return]
    flow.close()
    raise ConfigurationError(
        "security_stamp or admit would have to be awaited: give plain functions, or use magiclink.aio.AsyncMagicLinks"
    )


class MagicLinks:
    """Issue, verify, redeem, reissue and revoke the links of one audience.

    `keys` sign; `store` remembers; `policies` are the rules, one a purpose; `base_url` (https, ending with `/`) is what
    links begin with, and never taken from a request. `audience` is the site or tenant, by default the origin of
    `base_url`. `clock` tells the time. `security_stamp(subject)` returns a text that changes when a subject's links
    must die (password, address, account state), or None if the account may not be used. `on_event` hears what happens,
    in place of the logger `magiclink`.

    Thread-safe, and safe across a fork as far as its store is. Raises ConfigurationError for what can't work or isn't
    safe.
    """

    def __init__(
        self,
        *,
        keys: KeyRing,
        store: Store,
        policies: Sequence[Policy],
        base_url: str,
        audience: str | None = None,
        clock: Clock = SystemClock(),  # noqa: B008  # it has no state
        security_stamp: Callable[[str], str | None] | None = None,
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
            store_call=call_at_once,
        )

    def issue(
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
        return run(self.flows.issue(order))

    def issue_many(self, orders: Iterable[Order]) -> list[Link]:
        """Make many links in one transaction, in the order of the orders: all or none.

        Raises as `issue` does.
        """
        return run(self.flows.issue_many(orders))

    def mark_delivered(self, *link_ids: str) -> None:
        """Remember that the mail server took these links: what they replace ends now, as their policies say.

        Unknown ids are ignored. Raises BadArgumentError for what is no str, and for a token or a URL; UnavailableError.
        """
        run(self.flows.mark_delivered(*link_ids))

    def verify(self, token: str, policy: Policy | tuple[Policy, ...], *, browser: str | None = None) -> Preview:
        """Check a link and change nothing; return what may be shown before it is used.

        `policy` is what the caller expects, or several: a link for another purpose is InvalidLinkError.

        Raises RejectedLinkError of the fitting class (`link`, `at`), NotAdmittedError (`browser`), UnavailableError,
        BadArgumentError.
        """
        flow = self.flows.verify(token, policy, browser=browser)
        del token
        return run(flow)

    def redeem(
        self,
        token: str,
        policy: Policy | tuple[Policy, ...],
        *,
        browser: str | None = None,
        attempt: str | None = None,
        admit: Callable[[LinkInfo], bool | Awaitable[bool]] | None = None,
    ) -> Redemption:
        """Check a link and use it: of any number of racers, as many win as the policy has uses.

        `policy` is what the caller expects, or several. `attempt` is a nonce of the caller's: the same one within the
        policy's `reclick` of the last use gives the same redemption and writes nothing (a double click). `admit` is the
        app's own last check (second factor pending, account locked), asked after every other and before the use is
        written; it gets a LinkInfo, and False is NotAdmittedError with nothing used.

        Raises RejectedLinkError of the fitting class (`link`, `at`), NotAdmittedError (`app`, `browser`),
        UnavailableError (nothing is known to be used: answer 503), BadArgumentError (a policy with `step_up` requires
        `admit`). What `admit` raises passes through with nothing used.
        """
        flow = self.flows.redeem(token, policy, browser=browser, attempt=attempt, admit=admit)
        del token
        return run(flow)

    def recall(self, link_id: str, *, redeemed_at: datetime) -> Redemption:
        """Check that what a link opened at `redeemed_at` is still open, and return its redemption again.

        Ask on every request. A revocation, a changed security stamp and the session's end close it; the link's expiry,
        use and supersession don't.

        Raises ExpiredLinkError (`at`: when the session ended), RevokedLinkError (`reason`), InvalidLinkError (unknown,
        or its policy is gone), UnavailableError, BadArgumentError (a `redeemed_at` that is no aware datetime).
        """
        return run(self.flows.recall(link_id, redeemed_at=redeemed_at))

    def remind(
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
        return run(self.flows.remind(order))

    def renew(self, token: str, *, to: str) -> Link:
        """Make a fresh link because the holder of a rejected one asks; mail it to `to`, the address on file.

        Raises ReissueRefusedError, with nothing written: `recipient` unless `to` is the address that the link was
        mailed to; `policy`, `revoked`, `outstanding`, `account`, `series_ended`, `too_many`, `too_soon` with
        `retry_at`. InvalidLinkError for a token that isn't genuine or unknown; BadArgumentError; UnavailableError.
        """
        flow = self.flows.renew(token, to=to)
        del token
        return run(flow)

    def revoke(self, link_id: str, *, reason: str = "") -> LinkInfo:
        """Withdraw one link in whatever state; what it opened closes. The first instant and reason stay.

        Raises InvalidLinkError (unknown), BadArgumentError, UnavailableError.
        """
        return run(self.flows.revoke(link_id, reason=reason))

    def revoke_all(
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
        run(
            self.flows.revoke_all(
                policy=policy,
                subject=subject,
                resource=resource,
                recipient=recipient,
                issued_before=issued_before,
                reason=reason,
            )
        )

    def inspect(self, link_id: str) -> LinkInfo:
        """Return all that is known of a link. The security stamp isn't asked.

        Raises InvalidLinkError (unknown), UnavailableError.
        """
        return run(self.flows.inspect(link_id))

    def find(
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
        return run(
            self.flows.find(
                policy=policy, subject=subject, resource=resource, recipient=recipient, limit=limit, after=after
            )
        )

    def history(self, *, subject: str | None = None, resource: str | None = None, limit: int = 100) -> list[Event]:
        """Return what happened to the links of a subject or resource: the latest `limit` events, oldest first.

        It answers "sent when, opened when, refused why" from the newest 1,000 links. What changed no record (looked at,
        refused, clicked again) is there at most once per link and hour.

        Raises BadArgumentError, UnavailableError.
        """
        return run(self.flows.history(subject=subject, resource=resource, limit=limit))

    def purge(self, *, keep: timedelta) -> int:
        """Forget links that expired longer than `keep` ago, in small transactions; return how many.

        A forgotten link is InvalidLinkError, and what it opened closes: `keep` is at least the longest session and
        `ends_after` of the policies. It may run at any time, twice at once too.

        Raises BadArgumentError, UnavailableError.
        """
        return run(self.flows.purge(keep=keep))

    def close(self) -> None:
        """Let go of the store's files and connections; a later call is StoreError."""
        run(self.flows.close())

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()
