"""The clock for tests stands still, moves when a test moves it, and never shows an instant that cannot be written."""

from __future__ import annotations

import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta, timezone

import pytest

from magiclink.clock import read
from magiclink.errors import BadArgumentError
from magiclink.testing import FrozenClock

NAIVE = datetime(2026, 1, 5, 9, 0)  # noqa: DTZ001
START = datetime(2026, 1, 5, 9, 0, tzinfo=UTC)


def test_stands_still() -> None:
    """A clock that nobody moves shows its start, however often it is asked."""
    clock = FrozenClock()
    assert {clock.now() for _ in range(100)} == {START}


def test_tick() -> None:
    """A tick moves it on, to the microsecond."""
    clock = FrozenClock(START)
    clock.tick(timedelta(days=14, microseconds=1))
    assert clock.now() == datetime(2026, 1, 19, 9, 0, 0, 1, tzinfo=UTC)


def test_negative_tick() -> None:
    """D06: a negative tick moves it back, as a machine's clock may jump."""
    clock = FrozenClock()
    clock.tick(timedelta(days=-1))
    assert clock.now() == START - timedelta(days=1)


def test_set() -> None:
    """It is set to an instant, later or earlier."""
    clock = FrozenClock()
    clock.set(START - timedelta(days=400))
    assert clock.now() == START - timedelta(days=400)


def test_other_zone() -> None:
    """An instant of another zone is shown in UTC: the core refuses any other as a clock that is off."""
    local = datetime(2026, 1, 5, 10, 0, tzinfo=timezone(timedelta(hours=1)))
    started, moved = FrozenClock(local), FrozenClock()
    moved.set(local)
    assert read(started) == read(moved) == read(FrozenClock())


def test_naive_datetime() -> None:
    """D10: a naive datetime is refused, at the start and later, and the clock stays."""
    clock = FrozenClock()
    with pytest.raises(BadArgumentError, match="aware"):
        FrozenClock(NAIVE)
    with pytest.raises(BadArgumentError, match="aware"):
        clock.set(NAIVE)
    assert clock.now() == START


def test_end_of_time() -> None:
    """D09: past the years that a datetime can show it is refused, and the clock stays."""
    clock = FrozenClock()
    with pytest.raises(BadArgumentError, match="9999"):
        clock.tick(timedelta(days=4_000_000))
    with pytest.raises(BadArgumentError, match="9999"):
        clock.set(datetime.max.replace(tzinfo=timezone(timedelta(hours=-1))))
    assert clock.now() == START


def test_threads_that_tick() -> None:
    """Of ticks on several threads none is lost."""
    clock, interval = FrozenClock(), sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        with ThreadPoolExecutor(8) as threads:
            list(threads.map(clock.tick, [timedelta(seconds=1)] * 4000))
    finally:
        sys.setswitchinterval(interval)
    assert clock.now() == START + timedelta(seconds=4000)
