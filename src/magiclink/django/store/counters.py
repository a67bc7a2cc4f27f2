"""What the Django store counts and notes: buckets of calls, and what happened to a link and changed nothing.

No subject's row is locked here: a bucket's own row decides who was first, and a note is best effort.
"""

# ruff: noqa: S608
# No value is ever part of a text here: what is put in are the names of columns, and as many marks as there are values.

from __future__ import annotations

from typing import TYPE_CHECKING

from ...records import CLOCK_SKEW, Note
from ...stores.base import HOUR, NOTES_A_LINK
from . import queries as lookups
from .encoding import fitting, hexed, link_id_of, link_key

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .connections import Session

OLD_WINDOWS = 10
"""How many windows that are over are forgotten when one begins."""

_WINDOW = "ends_at = %(ends_at)s AND bucket = %(bucket)s AND span = %(span)s"

_COUNT = f"UPDATE magiclink_buckets SET taken = taken + 1 WHERE {_WINDOW} AND taken < %(limit)s"

_BEGIN = "INSERT INTO magiclink_buckets (ends_at, bucket, span, taken) VALUES (%(ends_at)s, %(bucket)s, %(span)s, 0)"

_OVER = "SELECT ends_at, bucket, span FROM magiclink_buckets WHERE ends_at < %(ended)s ORDER BY ends_at, bucket, span"

_NOTE = (
    "INSERT INTO magiclink_notes (link, kind, hour, at, reason)"
    " VALUES (%(link)s, %(kind)s, %(hour)s, %(at)s, %(reason)s)"
)


def hit(db: Session, *, bucket: bytes, now: int, limit: int, window: int) -> int | None:
    """Count one in a bucket; None, or the instant from which to try again."""
    ends_at = now - now % window + window
    values = fitting("Bucket", {"ends_at": ends_at, "bucket": hexed(bucket), "span": window, "limit": limit})
    if db.change(_COUNT, values):
        return None
    found = db.ask(f"SELECT taken FROM magiclink_buckets WHERE {_WINDOW}", values)
    if not found:
        # Other machines' clocks may still be in a window that ended here.
        _forget_windows(db, ended=now - CLOCK_SKEW)
        db.change(f"{_BEGIN} {db.dialect.unless_there('ends_at')}", values)
    # Somebody else may have begun the window between the statements above: it is counted in, not refused.
    again = not found or found[0][0] < limit
    return None if again and db.change(_COUNT, values) else ends_at


def _forget_windows(db: Session, *, ended: int) -> None:
    """Forget a few windows that are over, so that no call pays for a day's."""
    found = db.ask(f"{_OVER} LIMIT {OLD_WINDOWS}", {"ended": ended})
    for old in found:
        values = dict(zip(("ends_at", "bucket", "span"), old, strict=True))
        db.change(f"DELETE FROM magiclink_buckets WHERE {_WINDOW}", values)


def note(db: Session, note: Note) -> None:
    """Remember something that changed nothing, unless its link is unknown or has been noted often enough."""
    values = {"link": link_key(note.audience, note.link_id), "kind": note.kind, "at": note.at, "reason": note.reason}
    values = fitting("Note", values | {"hour": note.at // HOUR})
    if lookups.get(db, note.audience, note.link_id) is None:
        return
    [(noted,)] = db.ask("SELECT count(*) FROM magiclink_notes WHERE link = %(link)s", values)
    if noted < NOTES_A_LINK:
        db.change(f"{_NOTE} {db.dialect.unless_there('link')}", values)


def notes(db: Session, audience: str, link_ids: Sequence[bytes]) -> list[Note]:
    """Return the notes of some links, oldest first."""
    found = []
    for some in lookups.batches([link_key(audience, link_id) for link_id in dict.fromkeys(link_ids)]):
        listed, values = lookups.marks("link", some)
        found += db.ask(f"SELECT link, kind, at, reason FROM magiclink_notes WHERE link IN ({listed})", values)
    given = [
        Note(audience=audience, link_id=link_id_of(row[0]), kind=row[1], at=row[2], reason=row[3]) for row in found
    ]
    return sorted(given, key=lambda each: each.at)
