"""Instants and spans as integer microseconds (since 1970, UTC). Nothing here reads the time."""

from datetime import UTC, datetime, timedelta

from .errors import BadArgumentError, describe_type

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_FIRST, _LAST = datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)
SECOND = 1_000_000
"""Microseconds in a second."""


def to_micros(instant: datetime) -> int:
    """Turn an aware datetime into integer microseconds since 1970: exact, where `timestamp()` is a float."""
    # The arithmetic of datetime itself: subclasses, like pendulum's, give differences that don't divide.
    return datetime.__sub__(instant, EPOCH) // MICROSECOND


def read_instant(value: object, what: str) -> int:
    """Read a caller's instant, of any zone; raise BadArgumentError unless it's an aware datetime."""
    if not isinstance(value, datetime) or value.utcoffset() is None:
        given = "a datetime without a zone" if isinstance(value, datetime) else describe_type(value)
        raise BadArgumentError(f"{what}: wanted an aware datetime such as datetime.now(UTC), got {given}")
    return to_micros(value)


def to_span(delta: timedelta) -> int:
    """Turn a timedelta into integer microseconds; subclasses as in `to_micros`."""
    return timedelta.__floordiv__(delta, MICROSECOND)


def to_datetime(at: int) -> datetime:
    """Turn integer microseconds since 1970 into an aware datetime in UTC.

    Past the years 1 to 9999 it is the nearest that a datetime can show: what is shown may be cut, but what is compared
    is an integer.
    """
    try:
        return EPOCH + timedelta(microseconds=at)
    except OverflowError:
        return _LAST if at > 0 else _FIRST


def spell_span(span: int) -> str:
    """Spell microseconds for a message, in the largest unit that whole seconds of them fill: `20 s`, `5 min`."""
    seconds = span // SECOND
    for unit, size in (("days", 86_400), ("h", 3_600), ("min", 60)):
        if seconds and seconds % size == 0:
            return f"{seconds // size} {unit}"
    return f"{seconds} s"


def spell_instant(at: int) -> str:
    """Spell microseconds since 1970 for a message, cut to the second: `2026-01-05 23:02:08 UTC`."""
    return f"{to_datetime(at):%Y-%m-%d %H:%M:%S} UTC"
