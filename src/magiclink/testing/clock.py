"""A clock for tests: it stands still until a test moves it. It reads no machine's clock."""

from datetime import UTC, datetime, timedelta
from threading import Lock

from ..errors import BadArgumentError


class FrozenClock:
    """A clock that shows one instant, in UTC, until `tick` or `set` moves it; threads may share it.

    Raises BadArgumentError for a naive datetime: it names no instant.
    """

    def __init__(self, start: datetime = datetime(2026, 1, 5, 9, 0, tzinfo=UTC)) -> None:
        self._lock = Lock()
        self._now = _in_utc(start)

    def now(self) -> datetime:
        """Return the instant at which it stands."""
        return self._now

    def tick(self, by: timedelta) -> None:
        """Move it on; backwards where `by` is negative, as a machine's clock may jump.

        Raises BadArgumentError past the years 1 to 9999, and the clock stays.
        """
        with self._lock:
            try:
                self._now += by
            except OverflowError:
                raise BadArgumentError("a clock shows the years 1 to 9999") from None

    def set(self, instant: datetime) -> None:
        """Move it to an instant. Raises BadArgumentError for a naive datetime."""
        with self._lock:
            self._now = _in_utc(instant)


def _in_utc(instant: datetime) -> datetime:
    if instant.utcoffset() is None:
        raise BadArgumentError("a clock is set to an aware datetime: this one has no time zone, give it tzinfo=UTC")
    try:
        return instant.astimezone(UTC)
    except OverflowError:
        raise BadArgumentError("a clock shows the years 1 to 9999") from None
