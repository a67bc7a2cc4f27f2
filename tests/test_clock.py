"""The clock is asked once and believed only where it gives an aware datetime in UTC; instants are exact integers."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone, tzinfo
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from magiclink import clock
from magiclink.clock import SECOND, SystemClock
from magiclink.errors import BadArgumentError, ClockError, MagicLinkError

ZONES = [UTC, ZoneInfo("Europe/Berlin"), timezone(timedelta(hours=-11, minutes=30))]
AWARE = st.datetimes(datetime(2, 1, 1), datetime(9999, 1, 1), timezones=st.sampled_from(ZONES))  # noqa: DTZ001


class Says:
    """A clock that says what it is told to say, and counts how often it is asked."""

    def __init__(self, said: Any) -> None:
        self.said = said
        self.asked = 0

    def now(self) -> datetime:
        """Give anything at all."""
        self.asked += 1
        if isinstance(self.said, Exception):
            raise self.said
        answer: datetime = self.said
        return answer


class Raising(tzinfo):
    """A zone that fails when it is asked."""

    def utcoffset(self, dt: datetime | None, /) -> timedelta:
        """Fail."""
        raise OSError("no zone data")

    dst = utcoffset

    def tzname(self, dt: datetime | None, /) -> str:
        """Claim to be UTC."""
        return "UTC"


class Strange(datetime):
    """A datetime of another library, whose differences don't divide."""

    def __sub__(self, other: Any) -> Any:
        """Give something of its own."""
        return "a difference"

    __rsub__ = __sub__


class StrangeSpan(timedelta):
    """A timedelta of another library, which divides by its own kind only."""

    def __floordiv__(self, other: Any) -> Any:
        """Fail."""
        raise AttributeError("not my kind")


@pytest.mark.parametrize(
    "said",
    [
        1_767_603_600.0,
        float("nan"),
        float("inf"),
        None,
        True,
        0,
        "2026-01-05T09:00:00Z",
        datetime(2026, 1, 5, 9),  # noqa: DTZ001  # naive is meant
        datetime(2026, 1, 5, 9, tzinfo=ZoneInfo("Europe/Berlin")),
        datetime(2026, 1, 5, 9, tzinfo=ZoneInfo("Europe/London")),
        datetime(2026, 7, 5, 9, tzinfo=ZoneInfo("Europe/London")),
        datetime(2026, 1, 5, 9, tzinfo=timezone(timedelta(hours=1), "UTC")),
        datetime(2026, 1, 5, 9, tzinfo=timezone(timedelta(microseconds=1))),
        datetime(2026, 1, 5, 9, tzinfo=Raising()),
    ],
    ids=lambda said: f"{type(said).__name__}-{getattr(said, 'tzinfo', said)}"[:40],
)
def test_unbelievable_answer(said: object) -> None:
    """D10: a float, NaN, None, a naive datetime or another zone's is ClockError; London's is, in winter too."""
    with pytest.raises(ClockError):
        clock.read(Says(said))


@pytest.mark.parametrize("error", [RuntimeError("no"), OverflowError("year 10000"), OSError("gone")])
def test_raising_clock(error: Exception) -> None:
    """D09, D11: a clock that raises, past the year 9999 for instance, is ClockError with that cause."""
    with pytest.raises(ClockError) as caught:
        clock.read(Says(error))
    assert caught.value.__cause__ is error


@pytest.mark.parametrize("zone", [UTC, ZoneInfo("UTC"), ZoneInfo("Etc/UTC"), timezone(timedelta(0))])
def test_utc_by_another_name(zone: tzinfo) -> None:
    """UTC is UTC whichever library names it."""
    assert clock.read(Says(datetime(1970, 1, 1, 0, 0, 1, tzinfo=zone))) == SECOND


def test_clock_asked_twice() -> None:
    """One reading asks the clock once."""
    says = Says(datetime(2026, 1, 5, 9, tzinfo=UTC))
    assert clock.read(says) == 1_767_603_600 * SECOND
    assert says.asked == 1


def test_system_clock_in_local_time() -> None:
    """The machine's clock gives the present in UTC, between two readings of the same machine."""
    before = datetime.now(UTC)
    now = SystemClock().now()
    assert now.tzinfo is UTC
    assert before <= now <= datetime.now(UTC)
    assert clock.read(SystemClock()) >= clock.micros(now)


@pytest.mark.parametrize(
    ("instant", "micros"),
    [
        (datetime(1970, 1, 1, tzinfo=UTC), 0),
        (datetime(1969, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC), -1),
        (datetime(2038, 1, 19, 3, 14, 8, tzinfo=UTC), 2**31 * SECOND),
        (datetime(2106, 2, 7, 6, 28, 16, tzinfo=UTC), 2**32 * SECOND),
        (datetime(2242, 3, 16, 12, 56, 32, tzinfo=UTC), 2**33 * SECOND),
        (datetime(2016, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC), 1_483_228_799_999_999),
        (datetime(2017, 1, 1, tzinfo=UTC), 1_483_228_800_000_000),
        (datetime(2028, 2, 29, 23, 59, 59, 1, tzinfo=UTC), 1_835_481_599_000_001),
        (datetime(9999, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC), 253_402_300_799_999_999),
    ],
)
def test_float_loses_a_microsecond(instant: datetime, micros: int) -> None:
    """D09, D12: far dates, a leap second's neighbours and 29 February are exact to the microsecond, both ways."""
    assert clock.micros(instant) == micros
    assert clock.instant(micros) == instant


@given(AWARE)
@example(datetime.max.replace(tzinfo=UTC))
@example(datetime.min.replace(tzinfo=UTC))
@example(datetime(2026, 10, 25, 2, 30, tzinfo=ZONES[1], fold=1))
def test_round_trip(instant: datetime) -> None:
    """D16: an instant of any zone, in a repeated hour too, comes back as itself, in UTC."""
    there = clock.micros(instant)
    assert type(there) is int
    assert clock.instant(there) == instant.astimezone(UTC)
    assert clock.instant(there).tzinfo is UTC
    assert clock.given(instant, "expires_at") == there


@given(st.timedeltas())
def test_span_is_inexact(delta: timedelta) -> None:
    """A span is its exact number of microseconds."""
    assert timedelta(microseconds=clock.span(delta)) == delta


@pytest.mark.parametrize("at", [2**40 * SECOND, 2**62, 2**63 - 1, 253_402_300_800_000_000])
def test_year_ten_thousand(at: int) -> None:
    """D09: an instant past what a datetime can show is told as the last or the first that it can."""
    assert clock.instant(at) == datetime.max.replace(tzinfo=UTC)
    assert clock.instant(-at) == datetime.min.replace(tzinfo=UTC)


def test_another_librarys_arithmetic() -> None:
    """Subclasses of datetime and timedelta, as pendulum has them, are read by datetime's own arithmetic."""
    strange = Strange(1970, 1, 1, 0, 0, 2, tzinfo=UTC)
    assert clock.micros(strange) == clock.given(strange, "expires_at") == clock.read(Says(strange)) == 2 * SECOND
    assert clock.span(StrangeSpan(seconds=3)) == 3 * SECOND


@pytest.mark.parametrize("value", [None, 0, 1.5, True, "2026-01-05", datetime(2026, 1, 5)])  # noqa: DTZ001
def test_given_instant_is_naive(value: object) -> None:
    """An argument that is no aware datetime is BadArgumentError, and the message names it."""
    with pytest.raises(BadArgumentError, match="redeemed_at: an aware datetime") as caught:
        clock.given(value, "redeemed_at")
    assert isinstance(caught.value, MagicLinkError)
