"""Instants, spans and names in words: exact, never rounded up, in the reader's language, and in no disguise."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from magiclink.web.humanize import NAME_LENGTH, format_ago, format_date, to_one_line
from magiclink.web.languages import ENGLISH
from tests.web.conftest import MARKED

NOW = datetime(2026, 2, 2, 12, 0, tzinfo=UTC)

MINUTE, HOUR, DAY, TICK = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1), timedelta(microseconds=1)

SPANS = [
    (-DAY, "just now"),
    (timedelta(0), "just now"),
    (MINUTE - TICK, "just now"),
    (MINUTE, "a minute ago"),
    (2 * MINUTE - TICK, "a minute ago"),
    (2 * MINUTE, "2 minutes ago"),
    (HOUR - TICK, "59 minutes ago"),
    (HOUR, "an hour ago"),
    (2 * HOUR - TICK, "an hour ago"),
    (2 * HOUR, "2 hours ago"),
    (DAY - TICK, "23 hours ago"),
    (DAY, "yesterday"),
    (36 * HOUR, "yesterday"),
    (36 * HOUR + TICK, "a day ago"),
    (2 * DAY - TICK, "a day ago"),
    (2 * DAY, "2 days ago"),
    (14 * DAY - TICK, "13 days ago"),
    (14 * DAY, "2 weeks ago"),
    (62 * DAY - TICK, "8 weeks ago"),
    (62 * DAY, "2 months ago"),
    (366 * DAY - TICK, "11 months ago"),
    (366 * DAY, "a year ago"),
    (732 * DAY - TICK, "a year ago"),
    (732 * DAY, "2 years ago"),
]


@pytest.mark.parametrize(("passed", "text"), SPANS)
def test_span_rounded_up(passed: timedelta, text: str) -> None:
    """A span counts what has passed in full, to the microsecond at every border."""
    assert format_ago(NOW - passed, NOW, ENGLISH) == text


@given(st.timedeltas(min_value=timedelta(0), max_value=20 * 366 * DAY))
def test_longer_ago_than_it_is(passed: timedelta) -> None:
    """No span is written longer than it is, whatever the unit."""
    units = {"minute": MINUTE, "hour": HOUR, "day": DAY, "week": 7 * DAY, "month": 31 * DAY, "year": 366 * DAY}
    text = format_ago(NOW - passed, NOW, ENGLISH)
    words = {"just now": "0 minutes ago", "yesterday": "1 day ago"}.get(text, text).split()
    count = 1 if words[0] in {"a", "an"} else int(words[0])
    assert count * units[words[1].removesuffix("s")] <= passed


def test_seconds_that_say_nothing() -> None:
    """A full minute is written without its seconds, any other instant with them, day and hour without a locale."""
    assert format_date(datetime(2026, 1, 19, 9, 5, tzinfo=UTC), ENGLISH) == "Monday, 19 January 2026 (09:05 UTC)"
    assert format_date(datetime(2026, 8, 2, 0, 5, 7, tzinfo=UTC), ENGLISH) == "Sunday, 2 August 2026 (00:05:07 UTC)"


@pytest.mark.parametrize("month", range(1, 13))
def test_month_or_weekday_misnamed(month: int) -> None:
    """Each month and each weekday has its name."""
    moment = datetime(2026, month, month, 9, 0, tzinfo=UTC)
    assert format_date(moment, ENGLISH) == f"{moment:%A}, {month} {moment:%B} 2026 (09:00 UTC)"


def test_untranslated_words() -> None:
    """Dates and spans are wholly in the reader's language: every word and their order."""
    moment = datetime(2026, 1, 19, 9, 0, tzinfo=UTC)
    assert format_date(moment, MARKED) == "««Monday», 19 «January» 2026 (09:00 UTC)»"
    assert format_ago(moment, NOW, MARKED) == "«2 weeks ago»"
    assert format_ago(NOW - HOUR, NOW, MARKED) == "«an hour ago»"
    assert format_ago(NOW - DAY, NOW, MARKED) == "«yesterday»"
    assert format_ago(NOW, NOW, MARKED) == "«just now»"


def test_direction_override_in_a_name() -> None:
    """J30: marks of direction and control characters become spaces, and line ends don't break the line."""
    assert to_one_line("Invoice \u202e1001\u202c\r\nBcc: x\x00y\u2066\ud800") == "Invoice 1001 Bcc: x y"


def test_words_from_right_to_left() -> None:
    """A Hebrew or Arabic name is set apart, so that it doesn't carry the rest of the sentence along."""
    assert to_one_line("חשבונית 1001") == "\u2068חשבונית 1001\u2069"
    assert to_one_line("فاتورة") == "\u2068فاتورة\u2069"


def test_name_of_nothing() -> None:
    """A name of spaces and controls alone is none."""
    assert to_one_line("") == to_one_line(" \n\u200b\u202e ") == ""


def test_name_without_end() -> None:
    """A very long name is cut at 200 characters and shows that it was; one of 200 is whole."""
    assert to_one_line("x" * NAME_LENGTH) == "x" * NAME_LENGTH
    assert to_one_line("x" * 100_000) == "x" * (NAME_LENGTH - 1) + "…"
    assert to_one_line("x" * 198 + " " + "y" * 9) == "x" * 198 + "…"
