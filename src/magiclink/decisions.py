"""Every verdict about a genuine token: may it be used, why not, may a fresh one be had, is what it opened still open.

Pure functions of a record, a policy and `now` (integer microseconds). They ask no store and no clock, and write
nothing: a verdict that races with a write is decided by `Terms` inside that write. Where several reasons apply, the
first of revoked, superseded, used, expired is named, since it says most.
"""

from typing import NamedTuple

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
from .instants import SECOND, spell_instant, spell_span, to_datetime, to_span
from .policy import Policy
from .records import CLOCK_SKEW, Opens, Record, State, Terms
from .values import LinkInfo

ACCOUNT = "account"
"""The reason where the subject's security stamp has changed, or says that the account may not be used."""


def tighten(record: Record, policy: Policy) -> Record:
    """Return the record under today's policy: a tightened one works at once, a loosened one revives nothing."""
    expires_at = min(record.expires_at, record.issued_at + to_span(policy.lifetime))
    session_lifetime = min(record.session_lifetime, to_span(policy.session_lifetime))
    max_uses = policy.max_uses if record.max_uses is None else min(record.max_uses, policy.max_uses or record.max_uses)
    # A policy is seldom changed, and a copy of forty fields costs as much as opening a token.
    if (expires_at, session_lifetime, max_uses) == (record.expires_at, record.session_lifetime, record.max_uses):
        return record
    return record._replace(expires_at=expires_at, session_lifetime=session_lifetime, max_uses=max_uses)


def make_terms(policy: Policy, *, audience: str, now: int, stamp: bytes | None, attempt: bytes | None) -> Terms:
    """Return what must hold in the write that uses a link of this policy."""
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
    whatever the clock says, so revoked, superseded and used come before it.
    """
    state = record.state_at(now)
    if state is not State.OUTSTANDING:
        raise make_rejection(record, state, now)
    check_clock(record.issued_at, now)


def check_clock(at: int, now: int) -> None:
    """Raise ClockError if something that has happened lies more than 30 seconds in the future."""
    if at > now + CLOCK_SKEW:
        ahead = spell_span(at - now)
        raise ClockError(f"a clock is off: the link was issued or used {ahead} in the future: set machines by NTP")


def make_rejection(record: Record, state: State, now: int) -> RejectedLinkError:
    """Return the error for a record that can't be used, with the instant at which that began."""
    link = LinkInfo.from_record(record, now=now)
    if state is State.REVOKED:
        message = f"revoked at {link.revoked_at}"
        return RevokedLinkError(message, reason=record.revoke_reason, link=link, at=link.revoked_at)
    if state is State.SUPERSEDED:
        return SupersededLinkError(f"replaced at {link.superseded_at}", link=link, at=link.superseded_at)
    if state is State.USED:
        return UsedLinkError(f"used at {link.last_used_at}", link=link, at=link.last_used_at)
    return ExpiredLinkError(f"expired at {link.expires_at}", link=link, at=link.expires_at)


def make_account_rejection(record: Record, now: int) -> RevokedLinkError:
    """Return the error for a subject whose security stamp isn't the one that the link was issued under."""
    message = "the account has changed since the link was issued"
    return RevokedLinkError(message, reason=ACCOUNT, link=LinkInfo.from_record(record, now=now))


def check_open(record: Record, *, redeemed_at: int, now: int) -> None:
    """Raise unless what a (tightened) record opened is still open: expiry, use and supersession close nothing."""
    if record.state_at(now) is State.REVOKED:
        raise make_rejection(record, State.REVOKED, now)
    check_clock(redeemed_at, now)
    if redeemed_at < record.issued_at - CLOCK_SKEW:
        issued = spell_instant(record.issued_at)
        raise BadArgumentError(f"redeemed_at: {spell_instant(redeemed_at)} lies before the link was issued, {issued}")
    ended_at = redeemed_at + record.session_lifetime
    if now >= ended_at:
        at = to_datetime(ended_at)
        raise ExpiredLinkError(f"the session ended at {at}", link=LinkInfo.from_record(record, now=now), at=at)


class Plan(NamedTuple):
    """What a new link takes over from its series, or begins anew; instants in microseconds since 1970."""

    series_started_at: int
    """When the series was last begun by an issue."""
    reminded_at: int | None
    """When the series had its last reminder, this link included; None where it had none."""
    renewed_at: int | None
    """When the series had its last renewal, this link included; None where it had none."""
    reminders: int
    """How many reminders the series had, this link included."""
    renewals: int
    """How many renewals the series had, this link included."""
    expires_at: int
    """When the new link expires: a whole second."""


def plan_issue(policy: Policy, *, now: int, expires_at: int | None) -> Plan:
    """Plan a link that begins its series anew. `expires_at` may only shorten, and falls on the second before."""
    latest = now + to_span(policy.lifetime)
    end = latest if expires_at is None else expires_at
    if end > latest:
        late = f"{spell_instant(end)} is past the policy's lifetime, which ends {spell_instant(latest)}"
        raise BadArgumentError(f"expires_at: {late}: an earlier instant, or None")
    end -= end % SECOND
    if end <= now:
        raise BadArgumentError(f"expires_at: {spell_instant(end)} is past, it is {spell_instant(now)}: a later instant")
    return Plan(now, None, None, 0, 0, end)


def plan_reminder(policy: Policy, newest: Record | None, *, now: int) -> Plan:
    """Plan the fresh link of a reminder, or raise ReissueRefusedError: policy, series_ended, too_many, too_soon."""
    if not policy.reissue_on_reminder:
        message = f"{policy.purpose}: reissue_on_reminder is False, so that no reminder carries a fresh link: issue one"
        raise ReissueRefusedError(message, reason="policy")
    if newest is None:
        return Plan(now, now, None, 1, 0, _find_end(policy, now, now))
    last = newest.series_started_at if newest.reminded_at is None else newest.reminded_at
    end = _find_end(policy, newest.series_started_at, now)
    _check_budget(policy, newest.reminders, last, now)
    return Plan(newest.series_started_at, now, newest.renewed_at, newest.reminders + 1, newest.renewals, end)


def check_renewable(policy: Policy, presented: Record, *, is_recipient: bool, now: int) -> None:
    """Raise ReissueRefusedError unless a (tightened) link may be renewed: policy, recipient, revoked, outstanding."""
    if not policy.renew_on_request:
        message = f"{policy.purpose}: renew_on_request is False, so that a holder gets no fresh link: issue one"
        raise ReissueRefusedError(message, reason="policy")
    if not is_recipient:
        raise ReissueRefusedError("a fresh link goes to the link's recipient: `to` is another", reason="recipient")
    state = presented.state_at(now)
    if state is State.REVOKED:
        raise ReissueRefusedError("the link was revoked: issue or remind", reason="revoked")
    check_clock(presented.issued_at, now)
    if state is State.OUTSTANDING:
        end = spell_instant(presented.expires_at)
        raise ReissueRefusedError(f"the link still works, until {end}: no fresh one is needed", reason="outstanding")


def plan_renewal(policy: Policy, newest: Record, *, now: int) -> Plan:
    """Plan the link that a holder asks for; `newest` has the counts. Or: revoked, series_ended, too_many, too_soon."""
    if newest.state_at(now) is State.REVOKED:
        raise ReissueRefusedError("the newest link of the series was revoked: issue or remind", reason="revoked")
    end = _find_end(policy, newest.series_started_at, now)
    _check_budget(policy, newest.renewals, newest.renewed_at, now)
    return Plan(newest.series_started_at, newest.reminded_at, now, newest.reminders, newest.renewals + 1, end)


def _check_budget(policy: Policy, count: int, last: int | None, now: int) -> None:
    if policy.reissue_limit is not None and count >= policy.reissue_limit:
        message = f"the series had its {count} fresh links (reissue_limit {policy.reissue_limit}): issue a new link"
        raise ReissueRefusedError(message, reason="too_many")
    interval = to_span(policy.reissue_interval)
    if last is not None and now < last + interval:
        made = f"the last link of this series was made {spell_span(now - last)} ago"
        then = f"the next from {spell_instant(last + interval)} (reissue_interval {spell_span(interval)})"
        raise ReissueRefusedError(f"{made}; {then}", reason="too_soon", retry_at=to_datetime(last + interval))


def _find_end(policy: Policy, started_at: int, now: int) -> int:
    """Return when a link made now expires: no reissue outlives the series."""
    end = now + to_span(policy.lifetime)
    if policy.ends_after is not None:
        end = min(end, started_at + to_span(policy.ends_after))
    end -= end % SECOND
    if end <= now:
        message = f"the series began {spell_instant(started_at)} and has ended (ends_after): issue a new link"
        raise ReissueRefusedError(message, reason="series_ended")
    return end
