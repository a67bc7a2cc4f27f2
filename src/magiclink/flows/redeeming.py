"""The way in: verify, redeem, recall.

The token's signature is checked before the store is asked, and everything is checked before anything is used up. A link
is read first only where the app must be asked about it, and after a refusal, to say what happened; otherwise its use is
one conditional write.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from .. import decisions
from ..errors import BadArgumentError, InvalidLinkError, NotAdmittedError, RejectedLinkError, StoreError, describe_type
from ..events import Kind
from ..instants import read_instant, to_datetime
from ..policy import Policy
from ..records import Record, Terms
from ..values import LinkInfo, Preview, Redemption
from .arguments import digest_nonce, find_policy, read_browser, read_link_id
from .core import Core

if TYPE_CHECKING:
    from ..crypto.tokens import Genuine

Admit = Callable[[LinkInfo], bool | Awaitable[bool]]
"""The app's own last check of a link, before its use is written."""


@dataclass(slots=True)
class Attempt:
    """One try to open a link: what was proved, what came with it, the instant of it all, and the record once read."""

    link_id: bytes
    policy: Policy
    now: int
    browser: str | None
    nonce: bytes | None = None
    admit: Admit | None = None
    is_noted: bool = True
    record: Record | None = None
    """The link as the store had it last, under today's policy; None until it has been read."""


class Redeeming(Core):
    """verify, redeem, recall."""

    async def verify(self, token: str, policy: Policy | tuple[Policy, ...], *, browser: str | None = None) -> Preview:
        """Check a link and change nothing but its notes."""
        proof = self._read_token(token)
        del token
        record = await self.check(self._begin(proof, policy, browser))
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
        """Check a link and use it."""
        proof = self._read_token(token)
        del token
        return await self.use(self._begin(proof, policy, browser, attempt, admit))

    async def recall(self, link_id: str, *, redeemed_at: datetime) -> Redemption:
        """Check that what a link opened is still open."""
        raw, at = read_link_id(link_id), read_instant(redeemed_at, "redeemed_at")
        now = self.read_clock()
        return await self.recall_record(await self.read_record(raw), redeemed_at=at, now=now)

    async def recall_record(self, record: Record, *, redeemed_at: int, now: int) -> Redemption:
        """Do what `recall` does with a record that has been read."""
        _, record = self.tighten(record)
        decisions.check_open(record, redeemed_at=redeemed_at, now=now)
        if not (await self._read_stamp(record.subject, record))[0]:
            raise decisions.make_account_rejection(record, now)
        return Redemption.from_record(record, redeemed_at=redeemed_at)

    async def check(self, attempt: Attempt) -> Record:
        """Read a link and raise what keeps it from being used; return its record."""
        record = await self._read(attempt)
        await self._check(attempt, record)
        if attempt.is_noted:
            await self._note(Kind.VERIFIED, record, at=attempt.now)
        return record

    async def use(self, attempt: Attempt) -> Redemption:
        """Use a link whose token has been opened: what `redeem` does."""
        if attempt.policy.step_up and attempt.admit is None:
            purpose = attempt.policy.purpose
            raise BadArgumentError(f"{purpose} has step_up: give admit=, which says whether link.subject is signed in")
        record = None
        # Reading costs a quarter of a use: only where the app, the stamp or the browser must be asked about the record.
        if attempt.admit is not None or self._security_stamp is not None or attempt.policy.bind_browser:
            record = await self._read(attempt)
        stamp = None if record is None else record.stamp
        terms = decisions.make_terms(
            attempt.policy, audience=self.audience, now=attempt.now, stamp=stamp, attempt=attempt.nonce
        )
        if record is not None:
            await self._check(attempt, record, terms)
        return await self._consume(attempt, terms)

    def _begin(
        self,
        proof: "Genuine | str",
        policy: Policy | tuple[Policy, ...],
        browser: str | None,
        nonce: str | None = None,
        admit: Admit | None = None,
    ) -> Attempt:
        """Begin: the expected policy, a genuine token for it, and the one reading of the clock."""
        expected = None
        for each in policy if isinstance(policy, tuple) else (policy,):
            known = find_policy(self.policies, each)
            if not isinstance(proof, str) and known.purpose == proof.purpose:
                expected = known
        digest, cookie = digest_nonce(nonce), read_browser(browser)
        if admit is not None and not callable(admit):
            raise BadArgumentError(f"admit: a function that takes a LinkInfo, or None; got {describe_type(admit)}")
        # A forgery costs no query, no event and no line of a log: a flood of them fills nothing.
        if isinstance(proof, str):
            raise InvalidLinkError(proof)
        if expected is None:
            raise InvalidLinkError(f"the link is for another purpose than the one expected: {proof.purpose}")
        return Attempt(proof.link_id, expected, self.read_clock(), cookie, digest, admit)

    async def _read(self, attempt: Attempt) -> Record:
        try:
            attempt.record = decisions.tighten(await self.read_record(attempt.link_id), attempt.policy)
        except InvalidLinkError:
            link_id, purpose = attempt.link_id.hex(), attempt.policy.purpose
            self._emit_event(Kind.REFUSED, attempt.now, reason="unknown", link_id=link_id, purpose=purpose)
            raise
        return attempt.record

    async def _check(self, attempt: Attempt, record: Record, terms: Terms | None = None) -> None:
        """Raise what keeps a link from being used, in the order of precedence, and note the refusal.

        With terms, a second click is let in. A rejection that `admit` raises, maybe of another link, passes through.
        """
        reason: str = decisions.ACCOUNT
        try:
            # A changed account counts as a revocation, which comes before whatever else has ended the link.
            if record.revoked_at is None and not (await self._read_stamp(record.subject, record))[0]:
                raise decisions.make_account_rejection(record, attempt.now)
            reason = record.state_at(attempt.now)
            # What the first click changed mustn't refuse the second click of the same browser.
            if record.revoked_at is not None or terms is None or not terms.is_reclick(record):
                decisions.check_usable(record, attempt.now)
            reason = "browser"
            if attempt.policy.bind_browser and not self._is_browser(record, attempt.browser):
                info = LinkInfo.from_record(record, now=attempt.now)
                raise NotAdmittedError("another browser asked for this link", reason=reason, link=info)
            reason = "app"
            if attempt.admit is not None:
                info = LinkInfo.from_record(record, now=attempt.now)
                if not await self._call_app(attempt.admit, info):
                    raise NotAdmittedError("the app doesn't admit this link now", reason=reason, link=info)
        except RejectedLinkError:
            if attempt.is_noted:
                await self._note(Kind.REFUSED, record, at=attempt.now, reason=reason)
            raise

    def _is_browser(self, record: Record, browser: str | None) -> bool:
        # A link from before the policy bound it names no browser, and so none may use it: tightened works at once.
        return record.browser is not None and self._digests.matches("browser", record.browser, browser)

    async def _consume(self, attempt: Attempt, terms: Terms) -> Redemption:
        """Write the use; after a refusal, read the link once more to say what happened."""
        used = await self._call_store(self.store.consume, attempt.link_id, terms)
        if used is not None:
            record = decisions.tighten(used, attempt.policy)
            self._emit(Kind.REDEEMED if record.uses == 1 else Kind.REUSED, record, at=attempt.now)
            if terms.ends_others:
                await self._emit_superseded(record, attempt.now, sharing="recipient")
            return Redemption.from_record(record, redeemed_at=attempt.now)
        record = await self._read(attempt)
        # `admit` is asked once an attempt, and has answered.
        attempt.admit = None
        await self._check(attempt, record, terms)
        if record.last_used_at is not None and terms.is_reclick(record):
            # A clock that was set back makes any time since then look short.
            decisions.check_clock(record.last_used_at, attempt.now)
            await self._note(Kind.RECLICKED, record, at=attempt.now)
            return Redemption.from_record(record, redeemed_at=record.last_used_at)
        raise StoreError("the store refused a use that its record allows")
