"""What is counted and noted: calls under a limit key, and what happened to a link and changed nothing.

No subject's row is locked here: a window's own row decides who was first, and a note is best effort.
"""

# ruff: noqa: S608
# No value is ever part of a text here: what is put in are names of columns, and as many placeholders as values.

from __future__ import annotations

from typing import TYPE_CHECKING

from .. import bindings
from ..base import NOTES_A_LINK
from . import queries
from .encoding import fit, make_key, parse_key, to_hex

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ...records import Note
    from .connections import Session

OLD_WINDOWS = 10
"""How many windows that are over are forgotten when one begins."""

_WINDOW = "ends_at = %(ends_at)s AND limit_key = %(limit_key)s AND span = %(span)s"

_COUNT = f"UPDATE magiclink_limits SET hits = hits + 1 WHERE {_WINDOW} AND hits < %(limit)s"

_BEGIN = (
    "INSERT INTO magiclink_limits (ends_at, limit_key, span, hits) VALUES (%(ends_at)s, %(limit_key)s, %(span)s, 0)"
)

_OVER = (
    "SELECT ends_at, limit_key, span FROM magiclink_limits WHERE ends_at < %(ended)s"
    f" ORDER BY ends_at, limit_key, span LIMIT {OLD_WINDOWS}"
)

_NOTE = (
    "INSERT INTO magiclink_notes (link, kind, hour, at, reason)"
    " VALUES (%(link)s, %(kind)s, %(hour)s, %(at)s, %(reason)s)"
)


def hit(db: Session, *, limit_key: bytes, now: int, limit: int, window: int) -> int | None:
    """Count one under a limit key; None, or the instant from which to try again."""
    values = dict(bindings.bind_hit(limit_key, now=now, limit=limit, window=window), limit_key=to_hex(limit_key))
    fit("limits", values)
    if db.change(_COUNT, values):
        return None
    found = db.ask(f"SELECT hits FROM magiclink_limits WHERE {_WINDOW}", values)
    if not found:
        _forget_windows(db, ended=values["ended"])
        db.change(f"{_BEGIN} {db.dialect.ignore_conflict('ends_at')}", values)
    # Somebody else may have begun the window between the statements above: it is counted in, not refused.
    again = not found or found[0][0] < limit
    return None if again and db.change(_COUNT, values) else values["ends_at"]


def _forget_windows(db: Session, *, ended: int) -> None:
    """Forget a few windows that are over, so that no call pays for a day's."""
    for old in db.ask(_OVER, {"ended": ended}):
        values = dict(zip(("ends_at", "limit_key", "span"), old, strict=True))
        db.change(f"DELETE FROM magiclink_limits WHERE {_WINDOW}", values)


def note(db: Session, note: Note) -> None:
    """Remember something that changed nothing, unless its link is unknown or has been noted often enough."""
    values = fit("notes", {**bindings.bind_note(note), "link": make_key(note.audience, note.link_id)})
    if queries.get(db, note.audience, note.link_id) is None:
        return
    [(noted,)] = db.ask("SELECT count(*) FROM magiclink_notes WHERE link = %(link)s", values)
    if noted < NOTES_A_LINK:
        db.change(f"{_NOTE} {db.dialect.ignore_conflict('link')}", values)


def list_notes(db: Session, audience: str, link_ids: Sequence[bytes]) -> list[Note]:
    """Return the notes of some links, oldest first."""
    rows: list[tuple[str, str, int, str]] = []
    for some in queries.split([make_key(audience, link_id) for link_id in dict.fromkeys(link_ids)]):
        listed, values = queries.bind_list("link", some)
        rows += db.ask(f"SELECT link, kind, at, reason FROM magiclink_notes WHERE link IN ({listed})", values)
    return bindings.read_notes(audience, ((parse_key(row[0]), *row[1:]) for row in rows))
