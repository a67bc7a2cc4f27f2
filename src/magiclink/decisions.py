"""Every verdict about a genuine token: may it be used, why not, may a fresh one be had, is what it opened still open.

Pure functions of a record, a policy and `now` (integer microseconds). They ask no store and no clock, and write
nothing: a verdict that races with a write is decided by `Terms` inside that write. Where several reasons apply, the
first of revoked, superseded, used, expired is told, since it says most.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from .errors import (
    BadArgumentError,
    ClockError,
    ExpiredLinkError,
    ReissueRefusedError,
    RejectedLinkError,
    RevokedLinkError,
    SupersededLinkError,
    UsedLinkError,
)
from .instants import SECOND, to_datetime, to_span
from .policy import Opens
from .records import CLOCK_SKEW, State, Terms
from .values import LinkInfo

if TYPE_CHECKING:
    from .policy import Policy
    from .records import Record

ACCOUNT = "account"
"""The reason told when the subject's security stamp has changed, or says that the account may not be used."""


def tighten(record: Record, policy: Policy) -> Record:
    """Return the record under today's policy: a tightened one works at once, a loosened one revives nothing."""
    expires_at = min(record.expires_at, record.issued_at + to_span(policy.lifetime))
    session_lifetime = min(record.session_lifetime, to_span(policy.session_lifetime))
    max_uses = record.max_uses if policy.max_uses is None else min(policy.max_uses, record.max_uses or policy.max_uses)
    # A policy is seldom changed, and a copy of forty fields costs as much as opening a token.
    if (expires_at, max_uses, session_lifetime) == (record.expires_at, record.max_uses, record.session_lifetime):
        return record
    return record._replace(expires_at=expires_at, max_uses=max_uses, session_lifetime=session_lifetime)


def make_terms(policy: Policy, *, audience: str, now: int, stamp: bytes | None, attempt: bytes | None) -> Terms:
    """State what must hold in the write that uses a link of this policy."""
    return Terms(
        audience=audience,
        purpose=policy.purpose,
        now=now,
        lifetime=to_span(policy.lifetime),
        max_uses=policy.max_uses,
        stamp=stamp,
        attempt=attempt,
        reclick=to_span(policy.reclick),
        # One sign-in is enough: the other links that were asked for meanwhile end with it (OWASP ASVS 5.0, 6.5.1).
        ends_others=policy.one_shot and policy.opens is Opens.ACCOUNT,
    )


def check_usable(record: Record, now: int) -> None:
    """Raise what keeps a (tightened) record from being used at `now`: RejectedLinkError of the fitting class.

    A link from more than 30 seconds in the future means that a clock is off: ClockError. What was written stands
    whatever the clock says, so revoked, superseded and used are told before.
    """
    state = record.state_at(now)
    if state is not State.OUTSTANDING:
        raise make_rejection(record, state, now)
    check_clock(record.issued_at, now)


def check_clock(at: int, now: int) -> None:
    """Raise ClockError if something that has happened lies more than 30 seconds in the future."""
    if at > now + CLOCK_SKEW:
        raise ClockError("a clock is off: the link was issued more than 30 seconds in the future")


def make_rejection(record: Record, state: State, now: int) -> RejectedLinkError:
    """Make the error for a record that can't be used, with the instant at which that began."""
    link = LinkInfo.from_record(record, now=now)
    if state is State.REVOKED:
        at = link.revoked_at
        return RevokedLinkError(f"revoked at {at}", reason=record.revoke_reason, link=link, at=at)
    if state is State.SUPERSEDED:
        return SupersededLinkError(f"replaced at {link.superseded_at}", link=link, at=link.superseded_at)
    if state is State.USED:
        return UsedLinkError(f"used at {link.last_used_at}", link=link, at=link.last_used_at)
    return ExpiredLinkError(f"expired at {link.expires_at}", link=link, at=link.expires_at)


def make_account_rejection(record: Record, now: int) -> RevokedLinkError:
    """Make the error for a subject whose security stamp isn't the one that the link was issued under."""
    message = "the account has changed since the link was issued"
    return RevokedLinkError(message, reason=ACCOUNT, link=LinkInfo.from_record(record, now=now))


def check_open(record: Record, *, redeemed_at: int, now: int) -> None:
    """Raise unless what a (tightened) record opened is still open: expiry, use and supersession close nothing."""
    if record.state_at(now) is State.REVOKED:
        raise make_rejection(record, State.REVOKED, now)
    check_clock(redeemed_at, now)
    if redeemed_at < record.issued_at - CLOCK_SKEW:
        raise BadArgumentError("redeemed_at lies before the link was issued")
    ended_at = redeemed_at + record.session_lifetime
    if now >= ended_at:
        at = to_datetime(ended_at)
        raise ExpiredLinkError(f"the session ended at {at}", link=LinkInfo.from_record(record, now=now), at=at)


class Plan(NamedTuple):
    """What a new link takes over from its series, or begins anew."""

    series_started_at: int
    reminded_at: int | None
    renewed_at: int | None
    reminders: int
    renewals: int
    expires_at: int


def plan_issue(policy: Policy, *, now: int, expires_at: int | None) -> Plan:
    """Plan a link that begins its series anew. `expires_at` may only shorten, and falls on the second before."""
    latest = now + to_span(policy.lifetime)
    wanted = latest if expires_at is None else expires_at
    end = wanted - wanted % SECOND
    if wanted > latest or end <= now:
        raise BadArgumentError("expires_at, on the second before, is past, or it is beyond the policy's lifetime")
    return Plan(now, None, None, 0, 0, end)


def plan_reminder(policy: Policy, newest: Record | None, *, now: int) -> Plan:
    """Plan the fresh link of a reminder, or raise ReissueRefusedError: policy, series_ended, too_many, too_soon."""
    if not policy.reissue_on_reminder:
        raise ReissueRefusedError("the policy lets no reminder carry a fresh link", reason="policy")
    if newest is None:
        return Plan(now, now, None, 1, 0, _end(policy, now, now))
    last = newest.series_started_at if newest.reminded_at is None else newest.reminded_at
    end = _end(policy, newest.series_started_at, now)
    _check_budget(policy, newest.reminders, last, now)
    return Plan(newest.series_started_at, now, newest.renewed_at, newest.reminders + 1, newest.renewals, end)


def check_renewable(policy: Policy, presented: Record, *, is_recipient: bool, now: int) -> None:
    """Raise ReissueRefusedError unless a (tightened) link may be renewed: policy, recipient, revoked, outstanding."""
    if not policy.renew_on_request:
        raise ReissueRefusedError("the policy gives the holder no fresh link", reason="policy")
    if not is_recipient:
        raise ReissueRefusedError("a fresh link goes to the recipient on file only", reason="recipient")
    state = presented.state_at(now)
    if state is State.REVOKED:
        raise ReissueRefusedError("the link was revoked", reason="revoked")
    check_clock(presented.issued_at, now)
    if state is State.OUTSTANDING:
        raise ReissueRefusedError("the link still works", reason="outstanding")


def plan_renewal(policy: Policy, newest: Record, *, now: int) -> Plan:
    """Plan the link that a holder asks for; `newest` has the counts. Or: revoked, series_ended, too_many, too_soon."""
    if newest.state_at(now) is State.REVOKED:
        raise ReissueRefusedError("the newest link of the series was revoked", reason="revoked")
    end = _end(policy, newest.series_started_at, now)
    _check_budget(policy, newest.renewals, newest.renewed_at, now)
    return Plan(newest.series_started_at, newest.reminded_at, now, newest.reminders, newest.renewals + 1, end)


def _check_budget(policy: Policy, count: int, last: int | None, now: int) -> None:
    if policy.reissue_limit is not None and count >= policy.reissue_limit:
        raise ReissueRefusedError("the series has had as many fresh links as its policy allows", reason="too_many")
    retry_at = now if last is None else last + to_span(policy.reissue_interval)
    if now < retry_at:
        raise ReissueRefusedError(
            "the last fresh link is too recent", reason="too_soon", retry_at=to_datetime(retry_at)
        )


def _end(policy: Policy, started_at: int, now: int) -> int:
    """Return the expiry of a link made now: no reissue outlives the series."""
    end = now + to_span(policy.lifetime)
    if policy.ends_after is not None:
        end = min(end, started_at + to_span(policy.ends_after))
    end -= end % SECOND
    if end <= now:
        raise ReissueRefusedError("the series has reached its absolute end: issue a new link", reason="series_ended")
    return end
