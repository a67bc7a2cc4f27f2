"""The clock is asked once and believed only where it gives an aware datetime in UTC."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone, tzinfo
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from magiclink import clock
from magiclink.clock import SystemClock
from magiclink.errors import ClockError
from magiclink.instants import SECOND, to_micros


class Says:
    """A clock that says what it is made to say, and counts how often it is asked."""

    def __init__(self, said: Any) -> None:
        self.said = said
        self.asked = 0

    def now(self) -> datetime:
        """Return anything at all."""
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


@pytest.mark.parametrize(
    ("said", "kind"),
    [(0, "the int 0"), (datetime(2026, 1, 5, 9, tzinfo=ZoneInfo("Europe/London")), "a datetime of no zone or another")],
)
def test_what_the_clock_said(said: object, kind: str) -> None:
    """The message says what was wanted, what came instead, and what to write."""
    with pytest.raises(ClockError, match=rf"wanted an aware datetime in UTC, got {kind}: write datetime\.now\(UTC\)"):
        clock.read(Says(said))


@pytest.mark.parametrize("error", [RuntimeError("no"), OverflowError("year 10000"), OSError("gone")])
def test_raising_clock(error: Exception) -> None:
    """D09, D11: a clock that raises, past the year 9999 for instance, is ClockError with that cause."""
    with pytest.raises(ClockError) as caught:
        clock.read(Says(error))
    assert caught.value.__cause__ is error
    assert str(caught.value) == f"the clock raised {type(error).__name__}"


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
    assert clock.read(SystemClock()) >= to_micros(now)


class Later(datetime):
    """A datetime of another library, whose differences don't divide."""

    def __sub__(self, other: Any) -> Any:
        """Return something of its own."""
        return "a difference"


def test_clock_of_another_library() -> None:
    """A subclass of datetime, as pendulum has one, is read by datetime's own arithmetic."""
    assert clock.read(Says(Later(1970, 1, 1, 0, 0, 2, tzinfo=UTC))) == 2 * SECOND


class NoDatetime(tzinfo):
    """A zone that claims to be UTC and gives nonsense."""

    def utcoffset(self, dt: datetime | None, /) -> timedelta | None:
        """Return no offset."""
        return None

    dst = utcoffset

    def tzname(self, dt: datetime | None, /) -> str:
        """Claim to be UTC."""
        return "UTC"


def test_zone_without_an_offset() -> None:
    """D10: a zone that has no offset makes a naive datetime, whatever it calls itself."""
    with pytest.raises(ClockError):
        clock.read(Says(datetime(2026, 1, 5, 9, tzinfo=NoDatetime())))
