"""Instants and spans as the house counts them: integer microseconds (since 1970, UTC). It knows no present."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from .errors import BadArgumentError

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
FIRST = datetime.min.replace(tzinfo=UTC)
LAST = datetime.max.replace(tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)
SECOND = 1_000_000
"""Microseconds in a second."""


def to_micros(instant: datetime) -> int:
    """Turn an aware datetime into integer microseconds since 1970: exact, where `timestamp()` is a float."""
    # The arithmetic of datetime itself: subclasses, like pendulum's, give differences that don't divide.
    return datetime.__sub__(instant, EPOCH) // MICROSECOND


def read_instant(value: object, what: str) -> int:
    """Read an instant that a caller gives, in any zone; raise BadArgumentError unless it's an aware datetime."""
    if not isinstance(value, datetime) or value.utcoffset() is None:
        raise BadArgumentError(f"{what}: an aware datetime")
    return to_micros(value)


def to_span(delta: timedelta) -> int:
    """Turn a timedelta into integer microseconds."""
    # As in `micros`.
    return timedelta.__floordiv__(delta, MICROSECOND)


def to_datetime(at: int) -> datetime:
    """Turn integer microseconds since 1970 into an aware datetime in UTC.

    Past the years 1 to 9999 it is the nearest that a datetime can show: what is told may be cut, what is compared is an
    integer.
    """
    try:
        return EPOCH + timedelta(microseconds=at)
    except OverflowError:
        return LAST if at > 0 else FIRST
