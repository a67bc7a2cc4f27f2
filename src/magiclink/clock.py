"""The clock that the core asks, once a call. No other module reads the time."""

from datetime import UTC, datetime, timedelta
from typing import Protocol

from .errors import ClockError, describe_type
from .instants import to_micros


class Clock(Protocol):
    """Anything that tells the time as an aware datetime in UTC."""

    def now(self) -> datetime:
        """Return the present instant."""
        ...


class SystemClock:
    """The machine's clock; keep it in step by NTP: instants more than 30 seconds apart are refused as `ClockError`."""

    def now(self) -> datetime:
        """Return the present instant."""
        return datetime.now(UTC)


def read(clock: Clock) -> int:
    """Ask the clock once, as integer microseconds since 1970.

    Raises ClockError where it raises, or gives anything but an aware datetime in UTC: a naive or a local time that is
    taken for UTC opens links hours after their end.
    """
    try:
        now: object = clock.now()
        # Nearly always it's Python's own answer, whose zone needn't be asked for its offset and name.
        if type(now) is datetime and now.tzinfo is UTC:
            return to_micros(now)
        # London's winter time is refused as well: a clock that is local must not fail in spring only.
        if isinstance(now, datetime) and now.utcoffset() == timedelta(0) and now.tzname() == "UTC":
            return to_micros(now)
    except Exception as error:
        raise ClockError(f"the clock raised {type(error).__name__}") from error
    given = "a datetime of no zone or another" if isinstance(now, datetime) else describe_type(now)
    raise ClockError(f"the clock's now(): wanted an aware datetime in UTC, got {given}: write datetime.now(UTC)")
