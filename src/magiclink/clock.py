"""The clock that the hall asks, once a call.

Below the hall, time is an argument: integer microseconds since 1970, UTC.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Protocol

from .errors import BadArgumentError, ClockError

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
FIRST = datetime.min.replace(tzinfo=UTC)
LAST = datetime.max.replace(tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)
SECOND = 1_000_000
"""Microseconds in a second."""


class Clock(Protocol):
    """Anything that tells the time as an aware datetime in UTC."""

    def now(self) -> datetime:
        """Give the present instant."""
        ...


class SystemClock:
    """The machine's clock; keep it in step by NTP: instants more than 30 seconds apart are refused as `ClockError`."""

    def now(self) -> datetime:
        """Give the present instant."""
        return datetime.now(UTC)


def read(clock: Clock) -> int:
    """Ask the clock once, as integer microseconds since 1970.

    Raises ClockError where it raises, or gives anything but an aware datetime in UTC: a naive or a local time that is
    taken for UTC opens links hours after their end.
    """
    try:
        now: object = clock.now()
        # London's winter time is refused as well: a clock that is local must not fail in spring only.
        if isinstance(now, datetime) and now.utcoffset() == timedelta(0) and now.tzname() == "UTC":
            return micros(now)
    except Exception as error:
        raise ClockError("the clock raised an exception") from error
    raise ClockError("the clock must give an aware datetime in UTC")


def micros(instant: datetime) -> int:
    """Turn an aware datetime into integer microseconds since 1970: exact, where `timestamp()` is a float."""
    # The arithmetic of datetime itself: subclasses, like pendulum's, give differences that don't divide.
    return datetime.__sub__(instant, EPOCH) // MICROSECOND


def given(value: object, what: str) -> int:
    """Read an instant that a caller gives, in any zone; raise BadArgumentError unless it's an aware datetime."""
    if not isinstance(value, datetime) or value.utcoffset() is None:
        raise BadArgumentError(f"{what}: an aware datetime")
    return micros(value)


def span(delta: timedelta) -> int:
    """Turn a timedelta into integer microseconds."""
    # As in `micros`.
    return timedelta.__floordiv__(delta, MICROSECOND)


def instant(at: int) -> datetime:
    """Turn integer microseconds since 1970 into an aware datetime in UTC.

    Past the years 1 to 9999 it is the nearest that a datetime can show: what is told may be cut, what is compared is an
    integer.
    """
    try:
        return EPOCH + timedelta(microseconds=at)
    except OverflowError:
        return LAST if at > 0 else FIRST
