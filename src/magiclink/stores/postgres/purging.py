"""How the PostgreSQL store purges: links in batches, and whole months where the tables are partitioned by expiry.

A batch is one transaction. Subjects are locked first, as everywhere, and what somebody else holds is left for a second
turn that waits for it alone: so no lock is held while waiting for one that is held long.
"""

from __future__ import annotations

from datetime import UTC, date, datetime
from functools import partial
from itertools import pairwise
from typing import TYPE_CHECKING

from ...errors import BadArgumentError
from ...instants import read_instant, to_micros
from ..bindings import derive_end
from . import schema, statements

if TYPE_CHECKING:
    from .connections import Database, Session

AT_ONCE = 5_000
"""Links, or subjects, that one transaction forgets: nobody waits long for its locks."""


def purge(database: Database, audience: str, *, before: int, limit: int) -> int:
    """Forget what expired before an instant, and return how many."""
    end, count = derive_end(before), 0
    while count < limit:
        size = min(limit - count, AT_ONCE)
        purged = _purge_some(database, audience, end, size)
        count += purged
        if purged < size:
            break
    return count


def _purge_some(database: Database, audience: str, end: bytes, size: int) -> int:
    expired, purged = database.transaction(lambda session: _purge_batch(session, audience, end, size, waits=False))
    if purged < expired:
        left = expired - purged
        purged += database.transaction(lambda session: _purge_batch(session, audience, end, left, waits=True))[1]
    return purged


def _purge_batch(session: Session, audience: str, end: bytes, size: int, *, waits: bool) -> tuple[int, int]:
    """Forget links with their notes and subjects; return how many had expired, and how many were forgotten."""
    expired = session.run(statements.READ_EXPIRED, {"audience": audience, "end": end, "limit": size})
    subjects = _lock_subjects(session, audience, [subject for _, subject in expired], waits=waits)
    values = {"audience": audience, "end": end, "link_ids": [link_id for link_id, _ in expired], "subjects": subjects}
    purged = len(session.run(statements.PURGE_LINKS, values)) if subjects else 0
    # Notes may come late, of links that are gone: whatever lies before the first link that stays goes too.
    values["last"] = expired[-1][0] if len(expired) == size else end
    session.run(statements.PURGE_NOTES, values)
    if subjects:
        session.run(statements.PURGE_SUBJECTS, values)
    return len(expired), purged


def _lock_subjects(session: Session, audience: str, subjects: list[str], *, waits: bool) -> list[str]:
    statement = statements.LOCK_SUBJECTS if waits else statements.LOCK_FREE_SUBJECTS
    values = {"audience": audience, "subjects": sorted(set(subjects))}
    return [subject for (subject,) in session.run(statement, values)] if subjects else []


def add_months(database: Database, first: date, count: int) -> None:
    """Make the partitions of some months, each in a transaction of its own."""
    if count < 1:
        raise BadArgumentError(f"count: at least 1 month, got {count}")
    months = [_begin_month(first.year, first.month + later) for later in range(count + 1)]
    for month in pairwise(months):
        database.transaction(partial(_add_month, month=month))


def drop_months(database: Database, before: datetime) -> list[str]:
    """Drop the partitions of the months that ended before an instant, then lone subjects; return the months."""
    at = read_instant(before, "before")
    names = [name for (name,) in database.run(statements.READ_MONTHS)]
    past = [name for name in names if to_micros(_begin_month(int(name[:4]), int(name[5:]) + 1)) <= at]
    for name in past:
        database.transaction(partial(_drop_month, name=name))
    after: tuple[str, str] | None = ("", "") if past else None
    while after is not None:
        after = database.transaction(partial(_purge_subjects, after=after))
    return past


def _begin_month(year: int, month: int) -> datetime:
    """Return the first instant of a month; the 13th is the next year's first."""
    years, months = divmod(month - 1, 12)
    try:
        return datetime(year + years, months + 1, 1, tzinfo=UTC)
    except ValueError:
        raise BadArgumentError(f"first and count: a month past the year 9999, got {year}-{month}") from None


def _add_month(session: Session, month: tuple[datetime, datetime]) -> None:
    begin, end = (derive_end(to_micros(at)).hex() for at in month)
    for table in schema.PARTITIONED:
        partition = f"CREATE TABLE IF NOT EXISTS @{table}_{month[0]:%Y_%m} PARTITION OF @{table}"
        session.run(f"{partition} FOR VALUES FROM ('\\x{begin}') TO ('\\x{end}'){schema.write_options(table)}")


def _drop_month(session: Session, name: str) -> None:
    # Nobody may use the table while a part of it is dropped: better give up than let every call wait behind this one.
    session.run("SET LOCAL lock_timeout = '2s'")
    for table in schema.PARTITIONED:
        session.run(f"DROP TABLE IF EXISTS @{table}_{name}")


def _purge_subjects(session: Session, after: tuple[str, str]) -> tuple[str, str] | None:
    """Forget the subjects without links on the next page; return the last of the page, None at the end."""
    values = {"audience": after[0], "subject": after[1], "limit": AT_ONCE}
    page = session.run(statements.READ_SUBJECTS, values)
    unlinked = [(audience, subject) for audience, subject, has_none in page if has_none]
    for audience in sorted({audience for audience, _ in unlinked}):
        subjects = [subject for each, subject in unlinked if each == audience]
        locked = _lock_subjects(session, audience, subjects, waits=True)
        session.run(statements.PURGE_SUBJECTS, {"audience": audience, "subjects": locked})
    return (page[-1][0], page[-1][1]) if len(page) == AT_ONCE else None
