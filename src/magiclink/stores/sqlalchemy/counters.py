"""What the SQLAlchemy store counts and notes: buckets of calls, and what happened to a link and changed nothing.

No subject's row is locked here: a bucket's own row decides who was first, and a note is best effort.
"""

from __future__ import annotations

from dataclasses import asdict, fields
from typing import TYPE_CHECKING

from sqlalchemy import and_, bindparam, delete, func, select, update

from ...records import CLOCK_SKEW, Note
from ..base import HOUR, NOTES_A_LINK
from . import queries as lookups
from .schema import buckets, unless_there
from .schema import notes as kept

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import Connection

OLD_WINDOWS = 10
"""How many windows that are over are forgotten when one begins."""


def hit(db: Connection, *, bucket: bytes, now: int, limit: int, window: int) -> int | None:
    """Count one in a bucket; None, or the instant from which to try again."""
    ends_at = now - now % window + window
    place = {"ends_at": ends_at, "bucket": bucket, "span": window}
    own = and_(*(buckets.c[name] == value for name, value in place.items()))
    count = update(buckets).where(own, buckets.c.taken < limit).values(taken=buckets.c.taken + 1)
    if db.execute(count).rowcount:
        return None
    found = db.scalars(select(buckets.c.taken).where(own)).one_or_none()
    if found is None:
        # Other machines' clocks may still be in a window that ended here.
        _forget_windows(db, ended=now - CLOCK_SKEW)
        db.execute(unless_there(buckets, db.dialect).values(**place, taken=0))
    # Somebody else may have begun the window between the two statements above: it is counted in, not refused.
    again = found is None or found < limit
    return None if again and db.execute(count).rowcount else ends_at


def _forget_windows(db: Connection, *, ended: int) -> None:
    """Forget a few windows that are over, so that no call pays for a day's."""
    key = list(buckets.primary_key)
    old = select(buckets).where(buckets.c.ends_at < ended).order_by(*key).limit(OLD_WINDOWS)
    found = [{f"old_{name}": value for name, value in row.items()} for row in db.execute(old).mappings()]
    if found:
        db.execute(delete(buckets).where(*(column == bindparam(f"old_{column.name}") for column in key)), found)


def note(db: Connection, note: Note) -> None:
    """Remember something that changed nothing, unless its link is unknown or has been noted often enough."""
    own = kept.c.audience == note.audience, kept.c.link_id == note.link_id
    known = lookups.get(db, note.audience, note.link_id)
    if known is None or db.scalars(select(func.count()).select_from(kept).where(*own)).one() >= NOTES_A_LINK:
        return
    db.execute(unless_there(kept, db.dialect).values(**asdict(note), hour=note.at // HOUR))


def notes(db: Connection, audience: str, link_ids: Sequence[bytes]) -> list[Note]:
    """Return the notes of some links, oldest first."""
    rows = select(*(kept.c[field.name] for field in fields(Note))).where(kept.c.audience == audience)
    some = lookups.batches(list(dict.fromkeys(link_ids)))
    found = [Note(**row) for ids in some for row in db.execute(rows.where(kept.c.link_id.in_(ids))).mappings()]
    return sorted(found, key=lambda each: each.at)
