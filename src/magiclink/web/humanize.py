"""Instants, spans and names in the reader's words, for pages and mails.

Every text passes through the reader's language, whole, and is filled in afterwards. Nothing here asks the clock, and
nothing follows the locale of the server.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING
from unicodedata import bidirectional

from .languages import mark as _

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from .languages import Language

NAME_LENGTH = 200
"""How many characters of the app's words a page or a mail shows in one place."""

# Not strftime: its names follow the locale of the server, not the language of the reader.
_WEEKDAYS = (_("Monday"), _("Tuesday"), _("Wednesday"), _("Thursday"), _("Friday"), _("Saturday"), _("Sunday"))
_MONTHS: tuple[str, ...] = (_("January"), _("February"), _("March"), _("April"), _("May"), _("June"))
_MONTHS += (_("July"), _("August"), _("September"), _("October"), _("November"), _("December"))

_MINUTE, _HOUR, _DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
_WEEK, _MONTH, _YEAR = 7 * _DAY, 31 * _DAY, 366 * _DAY


def format_date(moment: datetime, language: Language) -> str:
    """Return an instant in UTC, such as "Monday, 19 January 2026 (09:00 UTC)", with its seconds where they aren't 0."""
    # The first of a month is an ordinal in some languages: 1er janvier, and then 2 janvier.
    first, other = _("{weekday}, 1 {month} {year} ({time} UTC)"), _("{weekday}, {day} {month} {year} ({time} UTC)")
    return language.gettext(first if moment.day == 1 else other).format(
        weekday=language.gettext(_WEEKDAYS[moment.weekday()]),
        day=moment.day,
        month=language.gettext(_MONTHS[moment.month - 1]),
        year=moment.year,
        time=f"{moment:%H:%M:%S}" if moment.second else f"{moment:%H:%M}",
    )


def format_ago(moment: datetime, now: datetime, language: Language) -> str:
    """Return how long ago an instant was, such as "3 hours ago"; one in the future is "just now".

    Only what has passed in full counts, so that nothing is rounded up: below a minute "just now", then minutes, hours
    (below 24), days (below 14), weeks (below 62 days), months of 31 days (below 366 days), years of 366 days. From 24
    hours and below 48 it's "yesterday", where the date (UTC) is the day before, else "a day ago".
    """
    passed = now - moment
    if _DAY <= passed < 2 * _DAY and moment.date() == now.date() - _DAY:
        return language.gettext("yesterday")
    for least, unit, write in _SPANS:
        if passed >= least:
            return write(language.ngettext, passed // unit).format(count=passed // unit)
    return language.gettext("just now")


def to_one_line(name: str) -> str:
    """Return the app's words as one line that can't disguise itself or the words around it; "" where nothing is left.

    Control characters and marks of direction become spaces, and 200 characters are kept. Words that are written from
    right to left are set apart, or they would carry the numbers and brackets around them along (UAX 9, 6.3).
    """
    # The first cut bounds the work, the last one the line.
    kept = shorten(flatten(name[: NAME_LENGTH * 4]))
    return f"\u2068{kept}\u2069" if any(bidirectional(each) in {"R", "AL"} for each in kept) else kept


def flatten(text: str) -> str:
    """Return a text as one line of characters that print."""
    # Line ends would write headers, direction marks would disguise text, and lone surrogates can't be encoded.
    return " ".join("".join(each if each.isprintable() else " " for each in text).split())


def shorten(line: str) -> str:
    """Return a line of at most 200 characters."""
    return line if len(line) <= NAME_LENGTH else line[: NAME_LENGTH - 1].rstrip() + "…"


_SPANS: tuple[tuple[timedelta, timedelta, Callable[[Callable[[str, str, int], str], int], str]], ...] = (
    (_YEAR, _YEAR, lambda ngettext, count: ngettext("a year ago", "{count} years ago", count)),
    (2 * _MONTH, _MONTH, lambda ngettext, count: ngettext("a month ago", "{count} months ago", count)),
    (2 * _WEEK, _WEEK, lambda ngettext, count: ngettext("a week ago", "{count} weeks ago", count)),
    (_DAY, _DAY, lambda ngettext, count: ngettext("a day ago", "{count} days ago", count)),
    (_HOUR, _HOUR, lambda ngettext, count: ngettext("an hour ago", "{count} hours ago", count)),
    (_MINUTE, _MINUTE, lambda ngettext, count: ngettext("a minute ago", "{count} minutes ago", count)),
)
"""The least that must have passed, the unit that is counted, and the text for a count; the longest come first."""
