"""The way in: verify, redeem, recall.

The token's signature is checked before the store is asked, and everything is checked before anything is used up. A link
is read first only where the app must be asked about it, and after a refusal, to say what happened; otherwise its use is
one conditional write.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from .. import decisions
from ..errors import (
    BadArgumentError,
    ExpiredLinkError,
    InvalidLinkError,
    NotAdmittedError,
    RejectedLinkError,
    RevokedLinkError,
    StoreError,
    SupersededLinkError,
    UsedLinkError,
)
from ..events import Event, Kind, emit
from ..instants import read_instant, to_datetime
from ..records import State
from ..values import LinkInfo, Preview, Redemption
from .core import LONGEST_TEXT, Core, digest_nonce, read_link_id

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from datetime import datetime

    from ..crypto.tokens import Genuine
    from ..policy import Policy
    from ..records import Record, Terms


class _Click(NamedTuple):
    """One try to open a link: what was proved, what was given with it, and the instant of it all."""

    link_id: bytes
    policy: Policy
    now: int
    browser: str | None
    attempt: bytes | None = None
    admit: Callable[[LinkInfo], bool | Awaitable[bool]] | None = None
    is_noted: bool = True


class Redeeming(Core):
    """verify, redeem, recall."""

    async def verify(self, token: str, policy: Policy | tuple[Policy, ...], *, browser: str | None = None) -> Preview:
        """Check a link and change nothing; give what may be shown before it is used.

        `policy` is what the caller expects, or several: a link for another purpose is InvalidLinkError.

        Raises RejectedLinkError of the fitting class (`link`, `at`), NotAdmittedError (`browser`), UnavailableError,
        BadArgumentError.
        """
        genuine = self.open_token(token)
        del token
        click = self._click(genuine, policy, browser=browser)
        record = await self._read(click)
        await self._check(click, record)
        await self._note(Kind.VERIFIED, record, at=click.now)
        return Preview(
            link_id=record.link_id.hex(),
            purpose=record.purpose,
            resource=record.resource,
            expires_at=to_datetime(record.expires_at),
        )

    async def redeem(
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
        genuine = self.open_token(token)
        del token
        click = self._click(genuine, policy, browser=browser, attempt=attempt, admit=admit)
        if click.policy.step_up and admit is None:
            raise BadArgumentError("a policy with step_up requires admit: is it the subject who is signed in?")
        # Reading costs a quarter of a use: only where the app, the stamp or the browser must be asked about the record.
        if admit is None and self._security_stamp is None and not click.policy.bind_browser:
            return await self._use(click, self._terms(click, None))
        record = await self._read(click)
        terms = self._terms(click, record)
        await self._check(click, record, terms)
        return await self._use(click, terms)

    async def recall(self, link_id: str, *, redeemed_at: datetime) -> Redemption:
        """Return whether what a link opened at `redeemed_at` is still open, and give its redemption again.

        Ask on every request. A revocation, a changed security stamp and the session's end close it; the link's expiry,
        use and supersession don't.

        Raises ExpiredLinkError (`at`: when the session ended), RevokedLinkError (`reason`), InvalidLinkError (unknown,
        or its policy is gone), UnavailableError, BadArgumentError (a `redeemed_at` that is no aware datetime).
        """
        raw = read_link_id(link_id)
        at, now = read_instant(redeemed_at, "redeemed_at"), self._now()
        record = await self._record(raw)
        policy = self.policies.get(record.purpose)
        if policy is None:
            raise InvalidLinkError("the link is unknown")
        record = decisions.tighten(record, policy)
        decisions.check_open(record, redeemed_at=at, now=now)
        if not (await self._stamp(record.subject, record))[0]:
            raise decisions.make_account_rejection(record, now)
        return Redemption.from_record(record, redeemed_at=at)

    def _click(
        self,
        genuine: Genuine | None,
        policy: Policy | tuple[Policy, ...],
        *,
        browser: str | None,
        attempt: str | None = None,
        admit: Callable[[LinkInfo], bool | Awaitable[bool]] | None = None,
    ) -> _Click:
        """Begin: the expected policy, a genuine token for it, and the one reading of the clock."""
        expected = tuple(map(self._registered, policy if isinstance(policy, tuple) else (policy,)))
        nonce, asking = digest_nonce(attempt), _from_cookie(browser)
        if admit is not None and not callable(admit):
            raise BadArgumentError("admit: something to call with a LinkInfo, or None")
        # A forgery costs no query, no event and no line of a log: a flood of them fills nothing.
        if genuine is None:
            raise InvalidLinkError("the token isn't genuine")
        for each in expected:
            if each.purpose == genuine.purpose:
                return _Click(genuine.link_id, each, self._now(), asking, nonce, admit)
        raise InvalidLinkError("the link is for another purpose")

    async def _read(self, click: _Click) -> Record:
        try:
            return decisions.tighten(await self._record(click.link_id), click.policy)
        except InvalidLinkError:
            refused = Event(
                kind=Kind.REFUSED,
                at=to_datetime(click.now),
                link_id=click.link_id.hex(),
                purpose=click.policy.purpose,
                reason="unknown",
            )
            emit(refused, self._on_event)
            raise

    def _terms(self, click: _Click, record: Record | None) -> Terms:
        stamp = record.stamp if record else None
        return decisions.make_terms(
            click.policy, audience=self.audience, now=click.now, stamp=stamp, attempt=click.attempt
        )

    async def _check(self, click: _Click, record: Record, terms: Terms | None = None) -> None:
        """Raise what keeps a link from being used, in the order of precedence, and note the refusal."""
        try:
            # A changed account is told as a revocation, which comes before what else has ended the link.
            if record.revoked_at is None and not (await self._stamp(record.subject, record))[0]:
                raise decisions.make_account_rejection(record, click.now)
            # A second click was let in once: what its own first click changed mustn't refuse it.
            if terms is None or record.revoked_at is not None or not terms.is_reclick(record):
                decisions.check_usable(record, click.now)
            info = LinkInfo.from_record(record, now=click.now)
            if click.policy.bind_browser and not self._is_browser(record, click.browser):
                raise NotAdmittedError("another browser asked for this link", reason="browser", link=info)
            if click.admit is not None and not await self._consult(click.admit, info):
                raise NotAdmittedError("the app doesn't admit this link now", reason="app", link=info)
        except RejectedLinkError as error:
            if click.is_noted:
                await self._note(Kind.REFUSED, record, at=click.now, reason=_reason(error))
            raise

    def _is_browser(self, record: Record, browser: str | None) -> bool:
        # A link from before the policy bound it names no browser, and so none may use it: tightened works at once.
        return record.browser is not None and self._digests.matches("browser", record.browser, browser)

    async def _use(self, click: _Click, terms: Terms) -> Redemption:
        """Write the use; after a refusal, read the link once more to say what happened."""
        used = await self._ask(self.store.consume, click.link_id, terms)
        if used is not None:
            record = decisions.tighten(used, click.policy)
            self._tell(Kind.REDEEMED if record.uses == 1 else Kind.REUSED, record, at=click.now)
            if terms.ends_others:
                await self._tell_superseded(record, click.now, sharing="recipient")
            return Redemption.from_record(record, redeemed_at=click.now)
        record = await self._read(click)
        # `admit` is asked once a click, and has had its say.
        await self._check(click._replace(admit=None), record, terms)
        if record.last_used_at is not None and terms.is_reclick(record):
            # A clock that was set back makes any time since then look short.
            decisions.check_clock(record.last_used_at, click.now)
            await self._note(Kind.RECLICKED, record, at=click.now)
            return Redemption.from_record(record, redeemed_at=record.last_used_at)
        raise StoreError("the store refused a use that its record allows")


_TOLD: dict[type[RejectedLinkError], str] = {
    ExpiredLinkError: State.EXPIRED,
    UsedLinkError: State.USED,
    SupersededLinkError: State.SUPERSEDED,
    RevokedLinkError: State.REVOKED,
}


def _reason(error: RejectedLinkError) -> str:
    """Name a refusal for the history: the link's state, or who said no."""
    if isinstance(error, NotAdmittedError):
        return error.reason
    if isinstance(error, RevokedLinkError) and error.at is None:
        return decisions.ACCOUNT
    # `admit` may raise a rejection of its own, of some other link: it passes through.
    return _TOLD.get(type(error), "app")


def _from_cookie(browser: object) -> str | None:
    """Read the nonce of a browser, which is free to send any text: one that no issue takes is as good as none."""
    if browser is not None and not isinstance(browser, str):
        raise BadArgumentError("browser: a str, or None")
    return None if browser is None or len(browser) > LONGEST_TEXT else browser
