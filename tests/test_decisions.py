"""Every verdict about a genuine token, to the microsecond; `test_decisions_reissue.py` has those on fresh ones."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from magiclink import decisions
from magiclink.errors import (
    BadArgumentError,
    ClockError,
    ExpiredLinkError,
    RejectedLinkError,
    RevokedLinkError,
    SupersededLinkError,
    UnavailableError,
    UsedLinkError,
)
from magiclink.instants import SECOND, to_datetime, to_span
from magiclink.presets import CLIENT_PORTAL, CONFIRM_EMAIL, INVOICE, SET_PASSWORD, SIGN_IN, STEP_UP
from magiclink.records import CLOCK_SKEW, Record, State, Terms
from magiclink.testing.contract.bench import AUDIENCE, DAY, NOW, record

if TYPE_CHECKING:
    from magiclink.policy import Policy

SESSION = 8 * 3600 * SECOND
ERRORS: dict[str, type[RejectedLinkError]] = {
    "revoked": RevokedLinkError,
    "superseded": SupersededLinkError,
    "used": UsedLinkError,
    "expired": ExpiredLinkError,
}
SHORTER = replace(INVOICE, lifetime=timedelta(days=7), session_lifetime=timedelta(hours=1))
TWICE = replace(CONFIRM_EMAIL, purpose="invoice", max_uses=2)


def verdict(link: Record, now: int) -> RejectedLinkError | UnavailableError | None:
    """Return what keeps a link from being used, or None."""
    try:
        decisions.check_usable(link, now)
    except (RejectedLinkError, UnavailableError) as error:
        return error
    return None


def model(link: Record, now: int) -> str:
    """Return the verdict in the words of the design, independently of the code."""
    applies = {
        "revoked": link.revoked_at is not None,
        "superseded": link.superseded_at is not None,
        "used": link.max_uses is not None and link.uses >= link.max_uses,
        "expired": now >= link.expires_at,
        "clock": link.issued_at - now > 30_000_000,
    }
    return next((name for name, is_so in applies.items() if is_so), "usable")


NEAR = st.integers(-3, 3) | st.sampled_from([-CLOCK_SKEW - 1, -CLOCK_SKEW, DAY - 1, DAY, DAY + 1, -DAY])
LINKS = st.builds(
    lambda **fields: record(expires_at=NOW + DAY, **fields),
    revoked_at=st.none() | st.just(NOW + 1),
    superseded_at=st.none() | st.just(NOW + 2),
    max_uses=st.none() | st.integers(1, 2),
    uses=st.integers(0, 3),
    last_used_at=st.just(NOW + 3),
    revoke_reason=st.sampled_from(["", "left us"]),
)


@given(LINKS, NEAR)
def test_precedence(link: Record, since: int) -> None:
    """D01, D02, D04, D05, D06: of revoked, superseded, used, expired and a clock that is off, the first is raised."""
    now, error = NOW + since, verdict(link, NOW + since)
    expected = model(link, now)
    assert type(error) is {**ERRORS, "clock": ClockError, "usable": type(None)}[expected]
    if isinstance(error, RejectedLinkError):
        assert error.link is not None
        assert error.link.link_id == link.link_id.hex()
        assert error.link.state == expected
        began = {"revoked": NOW + 1, "superseded": NOW + 2, "used": NOW + 3, "expired": NOW + DAY}[expected]
        assert error.at == to_datetime(began)
        assert str(error.at) in str(error)
    if isinstance(error, RevokedLinkError):
        assert error.reason == link.revoke_reason


@pytest.mark.parametrize("issued_at", [NOW, 1_835_395_200 * SECOND, 1_830_297_599 * SECOND + 999_999])
def test_exact_end(issued_at: int) -> None:
    """D01, D02, D14: from its instant up to the microsecond before its end; on 29 February and at a year's end too."""
    ends = issued_at + 14 * DAY
    link = record()._replace(issued_at=issued_at, expires_at=ends)
    assert verdict(link, issued_at) is None
    assert verdict(link, ends - 1) is None
    assert isinstance(verdict(link, ends), ExpiredLinkError)


@pytest.mark.parametrize("behind", [SECOND, CLOCK_SKEW])
def test_clock_just_behind(behind: int) -> None:
    """D04: a clock that is a second or 30 behind the issuer's opens a fresh link."""
    assert verdict(record(), NOW - behind) is None


@pytest.mark.parametrize("behind", [CLOCK_SKEW + 1, 600 * SECOND, DAY])
def test_clock_far_behind(behind: int) -> None:
    """D05: further behind than 30 seconds, by a microsecond, it is ClockError, and never a rejection."""
    assert isinstance(verdict(record(), NOW - behind), ClockError)


@pytest.mark.parametrize("changes", [{"revoked_at": NOW}, {"superseded_at": NOW}, {"max_uses": 1, "uses": 1}])
def test_clock_jumps_back(changes: dict[str, Any]) -> None:
    """D06, D07: what was revoked, superseded or used stays so, a day before it was issued too."""
    assert isinstance(verdict(record(**changes), NOW - DAY), RejectedLinkError)


def test_tightened_policy() -> None:
    """A policy tightened after the issue works at once: lifetime, uses and session."""
    link = record(uses=2)
    tight = decisions.tighten(link, SHORTER)
    assert tight == link._replace(expires_at=NOW + 7 * DAY, session_lifetime=3600 * SECOND)
    assert isinstance(verdict(tight, NOW + 7 * DAY), ExpiredLinkError)
    assert verdict(tight, NOW + 7 * DAY - 1) is None
    assert isinstance(verdict(decisions.tighten(link, TWICE), NOW), UsedLinkError)


def test_loosened_policy() -> None:
    """D19: a longer lifetime, more uses or a longer session than a link was issued with revives nothing."""
    link = record(expires_at=NOW + DAY, max_uses=1, uses=1, session_lifetime=SECOND)
    assert decisions.tighten(link, INVOICE) == link
    assert isinstance(verdict(decisions.tighten(link, INVOICE), NOW), UsedLinkError)
    assert isinstance(verdict(decisions.tighten(record(expires_at=NOW + DAY), INVOICE), NOW + DAY), ExpiredLinkError)


@given(st.none() | st.integers(1, 5), st.none() | st.integers(1, 5), st.integers(1, 20), st.integers(1, 14))
def test_tightening_loosens(kept: int | None, allowed: int | None, issued_days: int, policy_days: int) -> None:
    """Under any policy a link lives no longer, and works no more often, than both it and the policy say."""
    policy = replace(TWICE, max_uses=allowed, lifetime=timedelta(days=policy_days), ends_after=timedelta(days=99))
    tight = decisions.tighten(record(max_uses=kept, expires_at=NOW + issued_days * DAY), policy)
    assert tight.expires_at == NOW + min(issued_days, policy_days) * DAY
    assert (tight.max_uses or 99) == min(kept or 99, allowed or 99)
    assert tight.session_lifetime == min(SESSION, to_span(policy.session_lifetime))


def test_terms_of_another_policy() -> None:
    """What must hold in the write is today's policy, the call's instant, the stamp and the nonce."""
    asked = decisions.make_terms(INVOICE, audience=AUDIENCE, now=NOW, stamp=b"stamp", attempt=b"nonce")
    assert asked == Terms(
        audience=AUDIENCE,
        purpose="invoice",
        now=NOW,
        lifetime=14 * DAY,
        max_uses=None,
        stamp=b"stamp",
        attempt=b"nonce",
        reclick=30 * SECOND,
        ends_others=False,
    )


@pytest.mark.parametrize(
    ("policy", "ends_others"),
    [(SIGN_IN, True), (STEP_UP, True), (CLIENT_PORTAL, False), (SET_PASSWORD, False), (INVOICE, False)],
)
def test_sign_in_leaves_others(policy: Policy, ends_others: bool) -> None:
    """A one-shot account link ends the others that were asked for; a reusable one, or a document's, ends none."""
    asked = decisions.make_terms(policy, audience=AUDIENCE, now=NOW, stamp=None, attempt=None)
    assert asked.ends_others is ends_others
    assert asked.max_uses == policy.max_uses


@given(LINKS, NEAR, st.sampled_from([INVOICE, SHORTER, TWICE]))
def test_terms_and_verdict_differ(link: Record, since: int, policy: Policy) -> None:
    """The write allows a use exactly where the verdict about the tightened record does."""
    asked = decisions.make_terms(policy, audience=AUDIENCE, now=NOW + since, stamp=None, attempt=None)
    assert asked.met_by(link) is (verdict(decisions.tighten(link, policy), NOW + since) is None)


def test_account_changed() -> None:
    """A changed account is rejected as revoked, with its own reason and no instant: nobody wrote it down."""
    error = decisions.make_account_rejection(record(), NOW)
    assert type(error) is RevokedLinkError
    assert (error.reason, error.at) == ("account", None)
    assert error.link is not None
    assert error.link.state is State.OUTSTANDING


@pytest.mark.parametrize(
    "changes",
    [{}, {"max_uses": 1, "uses": 1}, {"superseded_at": NOW}, {"expires_at": NOW + SECOND}],
    ids=["outstanding", "used", "superseded", "expired"],
)
def test_open_page_closes(changes: dict[str, Any]) -> None:
    """Expiry, use and supersession close nothing that is open; the session's end does, at its exact instant."""
    link = record(**changes)
    decisions.check_open(link, redeemed_at=NOW, now=NOW)
    decisions.check_open(link, redeemed_at=NOW, now=NOW + SESSION - 1)
    with pytest.raises(ExpiredLinkError, match="session ended") as caught:
        decisions.check_open(link, redeemed_at=NOW, now=NOW + SESSION)
    assert caught.value.at == to_datetime(NOW + SESSION)
    assert str(caught.value.at) in str(caught.value)
    assert caught.value.link is not None


def test_open_page_outlives_a_revocation() -> None:
    """M14: a revocation closes what is open, with its reason; of several reasons it comes first."""
    link = record(revoked_at=NOW + 1, revoke_reason="left us")
    for redeemed_at, now in [(NOW, NOW + 2), (NOW, NOW + SESSION), (NOW + DAY, NOW), (0, NOW)]:
        with pytest.raises(RevokedLinkError) as caught:
            decisions.check_open(link, redeemed_at=redeemed_at, now=now)
        assert (caught.value.reason, caught.value.at) == ("left us", to_datetime(NOW + 1))


def test_opened_in_the_future() -> None:
    """D05: what was opened more than 30 seconds from now means that a clock is off."""
    decisions.check_open(record(), redeemed_at=NOW + CLOCK_SKEW, now=NOW)
    with pytest.raises(ClockError):
        decisions.check_open(record(), redeemed_at=NOW + CLOCK_SKEW + 1, now=NOW)


def test_opened_before_it_was_issued() -> None:
    """A link can't have opened anything before there was one, but for the 30 seconds by which clocks differ."""
    decisions.check_open(record(), redeemed_at=NOW - CLOCK_SKEW, now=NOW)
    with pytest.raises(BadArgumentError, match="before the link was issued"):
        decisions.check_open(record(), redeemed_at=NOW - CLOCK_SKEW - 1, now=NOW)
