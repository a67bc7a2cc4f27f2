"""Instants and spans are exact integers, and come back as they went in."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from magiclink import instants
from magiclink.errors import BadArgumentError, MagicLinkError
from magiclink.instants import SECOND

ZONES = [UTC, ZoneInfo("Europe/Berlin"), timezone(timedelta(hours=-11, minutes=30))]
AWARE = st.datetimes(datetime(2, 1, 1), datetime(9999, 1, 1), timezones=st.sampled_from(ZONES))  # noqa: DTZ001


class Strange(datetime):
    """A datetime of another library, whose differences don't divide."""

    def __sub__(self, other: Any) -> Any:
        """Return something of its own."""
        return "a difference"

    __rsub__ = __sub__


class StrangeSpan(timedelta):
    """A timedelta of another library, which divides by its own kind only."""

    def __floordiv__(self, other: Any) -> Any:
        """Fail."""
        raise AttributeError("not my kind")


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
    assert instants.to_micros(instant) == micros
    assert instants.to_datetime(micros) == instant


@given(AWARE)
@example(datetime.max.replace(tzinfo=UTC))
@example(datetime.min.replace(tzinfo=UTC))
@example(datetime(2026, 10, 25, 2, 30, tzinfo=ZONES[1], fold=1))
def test_round_trip(instant: datetime) -> None:
    """D16: an instant of any zone, in a repeated hour too, comes back as itself, in UTC."""
    there = instants.to_micros(instant)
    assert type(there) is int
    assert instants.to_datetime(there) == instant.astimezone(UTC)
    assert instants.to_datetime(there).tzinfo is UTC
    assert instants.read_instant(instant, "expires_at") == there


@given(st.timedeltas())
def test_span_is_inexact(delta: timedelta) -> None:
    """A span is its exact number of microseconds."""
    assert timedelta(microseconds=instants.to_span(delta)) == delta


@pytest.mark.parametrize("at", [2**40 * SECOND, 2**62, 2**63 - 1, 253_402_300_800_000_000])
def test_year_ten_thousand(at: int) -> None:
    """D09: an instant past what a datetime can show is shown as the last or the first that it can."""
    assert instants.to_datetime(at) == datetime.max.replace(tzinfo=UTC)
    assert instants.to_datetime(-at) == datetime.min.replace(tzinfo=UTC)


def test_another_librarys_arithmetic() -> None:
    """Subclasses of datetime and timedelta, as pendulum has them, are read by datetime's own arithmetic."""
    strange = Strange(1970, 1, 1, 0, 0, 2, tzinfo=UTC)
    assert instants.to_micros(strange) == instants.read_instant(strange, "expires_at") == 2 * SECOND
    assert instants.to_span(StrangeSpan(seconds=3)) == 3 * SECOND


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        (None, "None"),
        (0, "the int 0"),
        (1.5, "a float"),
        (True, "a bool"),
        ("2026-01-05", "a str"),
        (datetime(2026, 1, 5), "a datetime without a zone"),  # noqa: DTZ001
    ],
)
def test_given_instant_is_naive(value: object, kind: str) -> None:
    """An argument that is no aware datetime is BadArgumentError; the message names it, and says what it got."""
    with pytest.raises(BadArgumentError, match="redeemed_at: wanted an aware datetime") as caught:
        instants.read_instant(value, "redeemed_at")
    assert isinstance(caught.value, MagicLinkError)
    assert str(caught.value).endswith(f"got {kind}")


@pytest.mark.parametrize(
    ("span", "spelled"),
    [
        (0, "0 s"),
        (1, "0 s"),
        (20 * SECOND, "20 s"),
        (90 * SECOND, "90 s"),
        (300 * SECOND, "5 min"),
        (7_200 * SECOND, "2 h"),
        (14 * 86_400 * SECOND, "14 days"),
    ],
)
def test_span_in_a_message(span: int, spelled: str) -> None:
    """A span is spelled in the largest unit that its whole seconds fill, so that none is rounded."""
    assert instants.spell_span(span) == spelled


def test_instant_in_a_message() -> None:
    """An instant is spelled to the second, in UTC."""
    assert instants.spell_instant(1_767_654_128_999_999) == "2026-01-05 23:02:08 UTC"
