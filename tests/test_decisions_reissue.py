"""What a new link takes over from its series: counts, intervals, ends, and why a fresh one is refused."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from magiclink import decisions
from magiclink.decisions import Plan
from magiclink.errors import BadArgumentError, ClockError, ReissueRefusedError
from magiclink.instants import SECOND, to_datetime
from magiclink.policy import Deviation
from magiclink.presets import INVOICE, SIGN_IN, STEP_UP
from magiclink.records import CLOCK_SKEW, Record
from magiclink.testing.contract.bench import DAY, NOW, record

MINUTE = 60 * SECOND
LIMITED = replace(INVOICE, reissue_limit=2)
UNLIMITED = replace(INVOICE, reissue_limit=None, renew_on_request=False)
SHORT = replace(INVOICE, ends_after=timedelta(days=14))
ENDLESS = replace(INVOICE, ends_after=None, deviations=(Deviation(rule="reissue-without-end", reason="a test of it"),))
ENDED = {"superseded_at": NOW + 1}


def refused(call: Any, /, *args: Any, **kwargs: Any) -> tuple[str, Any]:
    """Return the reason of a refusal, and from when to try again."""
    with pytest.raises(ReissueRefusedError) as caught:
        call(*args, **kwargs)
    return caught.value.reason, caught.value.retry_at


def written(plan: Plan, now: int, **changes: Any) -> Record:
    """Return the record that a plan leads to."""
    return record(issued_at=now, **plan._asdict(), **changes)


def test_issue_continues_a_series() -> None:
    """An issue begins its series anew: no counts, and its own instant as the start."""
    assert decisions.plan_issue(INVOICE, now=NOW, expires_at=None) == Plan(NOW, None, None, 0, 0, NOW + 14 * DAY)


@given(st.integers(0, 2**31 * SECOND))
def test_end_with_a_fraction(now: int) -> None:
    """Every link ends on a whole second, the one before its lifetime is over, and not before it began."""
    for plan in (
        decisions.plan_issue(INVOICE, now=now, expires_at=None),
        decisions.plan_reminder(INVOICE, None, now=now),
    ):
        assert plan.expires_at % SECOND == 0
        assert 0 <= now + 14 * DAY - plan.expires_at < SECOND
    shortest = replace(INVOICE, lifetime=timedelta(seconds=1))
    assert now < decisions.plan_issue(shortest, now=now, expires_at=None).expires_at <= now + SECOND


def test_given_end() -> None:
    """A given end may be the lifetime's, or earlier, and falls on the second before."""
    for wanted in (NOW + 14 * DAY, NOW + DAY, NOW + SECOND):
        assert decisions.plan_issue(INVOICE, now=NOW, expires_at=wanted).expires_at == wanted
    for wanted in (NOW + 14 * DAY - 1, NOW + DAY + 1, NOW + 2 * SECOND - 1):
        assert decisions.plan_issue(INVOICE, now=NOW, expires_at=wanted).expires_at == wanted // SECOND * SECOND


@pytest.mark.parametrize("since", [-DAY, -1, 0, 1, SECOND - 1, 14 * DAY + 1, 2**62])
def test_end_in_the_past_or_too_late(since: int) -> None:
    """A given end that is past, that falls on a second that is past, or beyond the lifetime is BadArgumentError."""
    with pytest.raises(BadArgumentError, match="expires_at"):
        decisions.plan_issue(INVOICE, now=NOW, expires_at=NOW + since)


def test_end_in_a_message() -> None:
    """An end that is past and one that is too late have messages of their own, each with both instants."""
    past = "expires_at: 2026-01-05 08:00:00 UTC is past, it is 2026-01-05 09:00:00 UTC: a later instant"
    with pytest.raises(BadArgumentError, match=f"^{past}$"):
        decisions.plan_issue(INVOICE, now=NOW, expires_at=NOW - 60 * MINUTE)
    late = "2026-02-04 09:00:00 UTC is past the policy's lifetime, which ends 2026-01-19 09:00:00 UTC"
    with pytest.raises(BadArgumentError, match=f"^expires_at: {late}: an earlier instant, or None$"):
        decisions.plan_issue(INVOICE, now=NOW, expires_at=NOW + 30 * DAY)


def test_early_reminder_in_a_message() -> None:
    """A reminder too soon says how long ago the last link was made, from when the next may be, and by which rule."""
    ago = "the last link of this series was made 20 s ago"
    then = r"the next from 2026-01-05 09:05:00 UTC \(reissue_interval 5 min\)"
    with pytest.raises(ReissueRefusedError, match=f"^{ago}; {then}$"):
        decisions.plan_reminder(INVOICE, record(), now=NOW + 20 * SECOND)
    spent = record(reminders=2)
    with pytest.raises(ReissueRefusedError, match=r"had its 2 fresh links \(reissue_limit 2\): issue a new link"):
        decisions.plan_reminder(LIMITED, spent, now=NOW + DAY)


def test_reminder_of_nothing() -> None:
    """Where the series has no link, a reminder is its first, and counts as one."""
    assert decisions.plan_reminder(INVOICE, None, now=NOW) == Plan(NOW, NOW, None, 1, 0, NOW + 14 * DAY)


def test_reminder_forgets_its_series() -> None:
    """A reminder continues from the newest: its start, the other budget, and one reminder more."""
    newest = record(
        series_started_at=NOW - DAY, reminded_at=NOW - MINUTE * 5, renewed_at=NOW - 1, reminders=3, renewals=4
    )
    assert decisions.plan_reminder(INVOICE, newest, now=NOW) == Plan(NOW - DAY, NOW, NOW - 1, 4, 4, NOW + 14 * DAY)


def test_renewal_forgets_its_series() -> None:
    """A renewal continues from the newest: its start, the other budget, and one renewal more."""
    newest = record(
        series_started_at=NOW - DAY, reminded_at=NOW - 1, renewed_at=NOW - MINUTE * 5, reminders=3, renewals=4
    )
    assert decisions.plan_renewal(INVOICE, newest, now=NOW) == Plan(NOW - DAY, NOW - 1, NOW, 3, 5, NOW + 14 * DAY)


@pytest.mark.parametrize("policy", [SIGN_IN, STEP_UP])
def test_reminder_against_the_policy(policy: Any) -> None:
    """S3: where no reminder carries a fresh link, none does, with a series or without."""
    assert refused(decisions.plan_reminder, policy, None, now=NOW) == ("policy", None)
    assert refused(decisions.plan_reminder, policy, record(), now=NOW + DAY) == ("policy", None)


@pytest.mark.parametrize(
    ("newest", "last"),
    [
        ({"series_started_at": NOW}, NOW),
        ({"series_started_at": NOW - DAY, "reminded_at": NOW}, NOW),
        ({"series_started_at": NOW - DAY, "reminded_at": NOW, "renewed_at": NOW + 4 * MINUTE}, NOW),
        ({"series_started_at": NOW, "renewed_at": NOW + 4 * MINUTE}, NOW),
    ],
)
def test_reminder_too_soon(newest: dict[str, Any], last: int) -> None:
    """The interval of reminders runs from the last issue or reminder, whatever the holder asked for since."""
    again = last + 5 * MINUTE
    assert refused(decisions.plan_reminder, INVOICE, record(**newest), now=again - 1) == (
        "too_soon",
        to_datetime(again),
    )
    assert decisions.plan_reminder(INVOICE, record(**newest), now=again).reminders == 1


def test_renewal_too_soon() -> None:
    """The interval of renewals runs from the last renewal, whatever the app reminded of since; the first is at once."""
    assert decisions.plan_renewal(INVOICE, record(), now=NOW).renewals == 1
    assert decisions.plan_renewal(INVOICE, record(reminded_at=NOW), now=NOW).renewals == 1
    newest = record(renewed_at=NOW, reminded_at=NOW + 4 * MINUTE)
    again = NOW + 5 * MINUTE
    assert refused(decisions.plan_renewal, INVOICE, newest, now=again - 1) == ("too_soon", to_datetime(again))
    assert decisions.plan_renewal(INVOICE, newest, now=again).renewals == 1


def test_clock_before_1970_renews() -> None:
    """The first renewal is never too soon, whatever the clock says."""
    newest = record()._replace(series_started_at=-2 * DAY, issued_at=-2 * DAY)
    assert decisions.plan_renewal(INVOICE, newest, now=-DAY).renewals == 1


@pytest.mark.parametrize(("reminders", "renewals"), [(2, 0), (2, 2), (3, 0)])
def test_too_many_reminders(reminders: int, renewals: int) -> None:
    """L07: reminders have their own budget, and no time from which to try again once it is spent."""
    newest = record(reminders=reminders, renewals=renewals)
    assert refused(decisions.plan_reminder, LIMITED, newest, now=NOW + DAY) == ("too_many", None)
    assert refused(decisions.plan_reminder, LIMITED, newest, now=NOW) == ("too_many", None)
    assert decisions.plan_reminder(LIMITED, newest._replace(reminders=1), now=NOW + DAY).reminders == 2
    assert decisions.plan_reminder(UNLIMITED, newest, now=NOW + DAY).reminders == reminders + 1


@pytest.mark.parametrize(("reminders", "renewals"), [(0, 2), (2, 2), (0, 3)])
def test_too_many_renewals(reminders: int, renewals: int) -> None:
    """L04, L07: the holder's requests have their own budget: no number of reminders spends it."""
    newest = record(reminders=reminders, renewals=renewals)
    assert refused(decisions.plan_renewal, LIMITED, newest, now=NOW + DAY) == ("too_many", None)
    assert decisions.plan_renewal(LIMITED, newest._replace(renewals=1), now=NOW + DAY).renewals == 2


@pytest.mark.parametrize("call", [decisions.plan_reminder, decisions.plan_renewal])
def test_reissue_outlives_its_series(call: Any) -> None:
    """D20: an hour before the series' end a fresh link lives an hour; at the end, and past it, there is none."""
    end = NOW + 14 * DAY
    assert call(SHORT, record(), now=end - 3600 * SECOND).expires_at == end
    assert call(SHORT, record(), now=end - 1).expires_at == end
    for now in (end, end + 1, end + DAY):
        assert refused(call, SHORT, record(), now=now) == ("series_ended", None)
    spent = record(reminders=99, renewals=99)
    assert refused(call, SHORT, spent, now=end) == ("series_ended", None)


@pytest.mark.parametrize("call", [decisions.plan_reminder, decisions.plan_renewal])
def test_series_that_ends_within_a_second(call: Any) -> None:
    """An end is a whole second too: a series that began at a fraction ends on the second before."""
    newest = record(series_started_at=NOW + 700_000)
    assert call(SHORT, newest, now=NOW + 14 * DAY - 1).expires_at == NOW + 14 * DAY
    assert refused(call, SHORT, newest, now=NOW + 14 * DAY) == ("series_ended", None)


@pytest.mark.parametrize("call", [decisions.plan_reminder, decisions.plan_renewal])
def test_series_without_an_end(call: Any) -> None:
    """A series whose policy names no end, by a deviation, goes on."""
    assert call(ENDLESS, record(), now=NOW + 9_999 * DAY).expires_at == NOW + 10_013 * DAY


@pytest.mark.parametrize("changes", [{"max_uses": 1, "uses": 1}, ENDED, {"expires_at": NOW + SECOND}])
def test_reissue_of_what_ended(changes: dict[str, Any]) -> None:
    """D21: what is used, superseded or expired may be reminded of and renewed."""
    assert decisions.plan_reminder(INVOICE, record(**changes), now=NOW + DAY).reminders == 1
    assert decisions.plan_renewal(INVOICE, record(**changes), now=NOW + DAY).renewals == 1
    decisions.check_renewable(INVOICE, record(**changes), is_recipient=True, now=NOW + DAY)


def test_reissue_of_what_was_revoked() -> None:
    """D21: after a revocation the app may remind, with the counts going on; the holder gets nothing."""
    revoked = record(revoked_at=NOW + 1, reminders=3)
    assert decisions.plan_reminder(INVOICE, revoked, now=NOW + DAY).reminders == 4
    assert refused(decisions.plan_renewal, INVOICE, revoked, now=NOW + DAY) == ("revoked", None)
    assert refused(decisions.plan_renewal, SHORT, revoked, now=NOW + 99 * DAY) == ("revoked", None)


@pytest.mark.parametrize("changes", [{"revoked_at": NOW}, {"revoked_at": NOW, **ENDED}])
def test_presented_link_was_revoked(changes: dict[str, Any]) -> None:
    """The holder of a revoked link gets no other, whatever else became of it and whatever the clock says."""
    for now in (NOW, NOW + DAY, NOW - DAY):
        refusal = refused(decisions.check_renewable, INVOICE, record(**changes), is_recipient=True, now=now)
        assert refusal == ("revoked", None)


def test_presented_link_still_works() -> None:
    """S4: as long as a link works nobody gets another by asking, up to the microsecond before its end."""
    for now in (NOW, NOW + 14 * DAY - 1, NOW - CLOCK_SKEW):
        refusal = refused(decisions.check_renewable, INVOICE, record(), is_recipient=True, now=now)
        assert refusal == ("outstanding", None)
    decisions.check_renewable(INVOICE, record(), is_recipient=True, now=NOW + 14 * DAY)


@pytest.mark.parametrize("changes", [{}, ENDED])
def test_presented_link_from_the_future(changes: dict[str, Any]) -> None:
    """D05: a link from more than 30 seconds in the future renews nothing: a clock is off."""
    with pytest.raises(ClockError):
        decisions.check_renewable(INVOICE, record(**changes), is_recipient=True, now=NOW - CLOCK_SKEW - 1)


@pytest.mark.parametrize("changes", [{}, ENDED, {"revoked_at": NOW}])
def test_renewal_for_somebody_else(changes: dict[str, Any]) -> None:
    """S4: who isn't the recipient on file learns nothing of the link's state; the policy's word comes first."""
    refusal = refused(decisions.check_renewable, INVOICE, record(**changes), is_recipient=False, now=NOW + DAY)
    assert refusal == ("recipient", None)
    for is_recipient in (True, False):
        refusal = refused(
            decisions.check_renewable, STEP_UP, record(**changes), is_recipient=is_recipient, now=NOW + DAY
        )
        assert refusal == ("policy", None)


PLANS = {"remind": decisions.plan_reminder, "renew": decisions.plan_renewal}


@given(st.lists(st.tuples(st.sampled_from(["issue", "remind", "renew"]), st.integers(0, 12)), max_size=25))
def test_series_against_a_model(steps: list[tuple[str, int]]) -> None:
    """Whatever the app and the holder do in turn, budgets, intervals and the end hold as in a model of five numbers."""
    policy = replace(LIMITED, lifetime=timedelta(minutes=10), ends_after=timedelta(minutes=40))
    newest, now = written(decisions.plan_issue(policy, now=NOW, expires_at=None), NOW), NOW
    started, renewed, reminded, reminders, renewals = NOW, NOW - 999 * MINUTE, NOW, 0, 0
    for step, minutes in steps:
        now += minutes * MINUTE
        since, count = (reminded, reminders) if step == "remind" else (renewed, renewals)
        allowed = now < started + 40 * MINUTE and count < 2 and now >= since + 5 * MINUTE
        if step == "issue":
            started, renewed, reminded, reminders, renewals = now, NOW - 999 * MINUTE, now, 0, 0
            newest = written(decisions.plan_issue(policy, now=now, expires_at=None), now)
        elif not allowed:
            refused(PLANS[step], policy, newest, now=now)
        else:
            plan = PLANS[step](policy, newest, now=now)
            assert now < plan.expires_at == min(now + 10 * MINUTE, started + 40 * MINUTE)
            newest = written(plan, now, origin=step)
            reminders, reminded = (reminders + 1, now) if step == "remind" else (reminders, reminded)
            renewals, renewed = (renewals + 1, now) if step == "renew" else (renewals, renewed)
        assert (newest.reminders, newest.renewals, newest.series_started_at) == (reminders, renewals, started)
