"""What several stores check, number, bind to their statements and read from their rows alike. Pure functions, no I/O.

Sums are made here, where an integer has no end: a database would fail on one that passes its integers, or round it.
"""

from __future__ import annotations

from dataclasses import asdict
from datetime import timedelta
from typing import TYPE_CHECKING

from ..errors import BadArgumentError, ConfigurationError, StoreError
from ..instants import SECOND
from ..records import CLOCK_SKEW, Note, Record, Supersede
from .base import HOUR, LARGEST, NOTES_A_LINK

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from ..records import Selector, Terms

    Numbers = dict[tuple[str, bytes], int]
    """By audience and series: a number."""
    Counters = dict[tuple[str, str], tuple[int, int]]
    """By audience and subject: the highest number, and the generation."""

# A sum that passes what stores keep is bound as one of these: a comparison comes out the same, and a double holds both.
_BELOW_ALL, _ABOVE_ALL = -LARGEST - 1, LARGEST + 1

LONGEST_TIMEOUT = timedelta(hours=1)

UNFIT = "a value doesn't fit: integers have 53 bits, text is UTF-8"
"""The message of BadArgumentError where a driver refuses a value."""


_ENDED = "CASE WHEN links.revoked_at IS NULL AND links.generation < subjects.generation THEN {} ELSE {} END"

_READ = {
    "revoked_at": _ENDED.format("subjects.revoked_at", "links.revoked_at"),
    "revoke_reason": _ENDED.format("subjects.reason", "links.revoke_reason"),
}


class NotWrittenError(StoreError):
    """Undoes what a transaction wrote: a link id is there already, or a reissue comes late."""


def write_fields(columns: Iterable[str]) -> str:
    """Return what a SELECT reads of a record: one of an older generation comes as revoked, as its subject was."""
    return ", ".join(_READ.get(column, f"links.{column}") for column in columns)


def number_records(records: Iterable[Record], counters: Counters, newest: Numbers) -> list[Record]:
    """Return the records with numbers and generations. Raises NotWrittenError where a reissue comes late.

    Given are what each subject had come to, and the newest number of each series that has a reissue.
    """
    numbered: list[Record] = []
    for record in records:
        subject, series = (record.audience, record.subject), (record.audience, record.series)
        number, generation = counters[subject]
        if record.number is None:
            numbered.append(record._replace(number=number + 1, generation=generation))
        elif (record.number, record.generation) == (newest.get(series, 0) + 1, generation):
            numbered.append(record)
        else:
            raise NotWrittenError("a link of the series, or a revocation of its subject, came first")
        newest[series] = numbered[-1].number or 0
        counters[subject] = max(number, newest[series]), generation
    return numbered


def bind_terms(link_id: bytes, terms: Terms) -> dict[str, object]:
    """Return the values with which a statement restates `Terms.met_by`."""
    return {
        "audience": terms.audience,
        "link_id": link_id,
        "purpose": terms.purpose,
        "now": terms.now,
        "issued_after": max(terms.now - terms.lifetime, _BELOW_ALL),
        "issued_until": min(terms.now + CLOCK_SKEW, _ABOVE_ALL),
        "max_uses": terms.max_uses,
        "stamp": terms.stamp,
        "attempt": terms.attempt,
        "reclick_after": max(terms.now - terms.reclick, _BELOW_ALL),
    }


def bind_hit(limit_key: bytes, *, now: int, limit: int, window: int) -> dict[str, int | bytes]:
    """Return the values of one hit; `ends_at` is the instant at which its window ends."""
    return {
        "limit_key": limit_key,
        "limit": limit,
        "span": window,
        "ends_at": end_window(now, window),
        # A machine whose clock is behind may still be in a window that has ended here.
        "ended": now - CLOCK_SKEW,
    }


def bind_note(note: Note) -> dict[str, object]:
    """Return the values of a note, with the hour that it lies in and how many notes a link may have."""
    return asdict(note) | {"hour": note.at // HOUR, "most": NOTES_A_LINK}


def end_window(now: int, window: int) -> int:
    """Return the instant at which a window of this length ends; windows are aligned to 1970."""
    return now - now % window + window


def derive_end(before: int) -> bytes:
    """Return the link id that comes after every link that expired before an instant, and before every other."""
    seconds = max(-(-before // SECOND), 0)
    return seconds.to_bytes(4, "big") if seconds < 2**32 else b"\xff" * 20


def read_first(rows: Sequence[Iterable[object]]) -> Record | None:
    """Return the record of the first row, or None where there is no row."""
    return Record._make(rows[0]) if rows else None


def read_notes(audience: str, rows: Iterable[tuple[bytes, str, int, str]]) -> list[Note]:
    """Return the notes of rows of link id, kind, instant and reason, oldest first."""
    notes = [
        Note(audience=audience, link_id=link_id, kind=kind, at=at, reason=reason) for link_id, kind, at, reason in rows
    ]
    return sorted(notes, key=lambda note: note.at)


def choose_lookup(selector: Selector) -> tuple[str, Sequence[bytes | str]] | None:
    """Return the kind of lookup key by which a selector finds fewest links, and its values; None where it has none."""
    if selector.recipients is not None:
        return "recipient", selector.recipients
    if selector.resource is not None:
        return "resource", [selector.resource]
    return None if selector.subject is None else ("subject", [selector.subject])


def is_plain(records: Sequence[Record], renamed: Mapping[bytes, bytes]) -> bool:
    """Return whether writing records looks nothing up and ends nothing: one new link, which one statement writes."""
    return (
        len(records) == 1 and not renamed and records[0].number is None and records[0].supersede != Supersede.ON_ISSUE
    )


def require_fields(selector: Selector) -> None:
    """Raise BadArgumentError where a selector has no field but its audience."""
    if selector.is_empty:
        raise BadArgumentError("an empty selector would revoke every link of the audience: give it a field")


def require_timeout(timeout: object) -> None:
    """Raise ConfigurationError unless a timeout lies between nothing and an hour."""
    if not isinstance(timeout, timedelta) or not timedelta(0) <= timeout <= LONGEST_TIMEOUT:
        raise ConfigurationError(f"timeout: wanted a timedelta from 0 to 1 hour, got {timeout!r}")
