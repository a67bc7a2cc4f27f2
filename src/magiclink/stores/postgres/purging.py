"""How the PostgreSQL store forgets: links in batches, and whole months where the tables are partitioned by expiry.

A batch is one transaction. Subjects are locked first, as everywhere, and what somebody else holds is left for a second
turn that waits for it alone: so no lock is held while waiting for one that is held long.
"""

from __future__ import annotations

from datetime import UTC, date, datetime
from functools import partial
from itertools import pairwise
from typing import TYPE_CHECKING

from ...errors import BadArgumentError
from ...instants import SECOND, read_instant, to_micros
from . import schema, statements

if TYPE_CHECKING:
    from .connections import Database, Session

AT_ONCE = 5_000
"""Links, or subjects, that one transaction forgets: nobody waits long for its locks."""


def purge(database: Database, audience: str, *, before: int, limit: int) -> int:
    """Forget what expired before an instant, and tell how many."""
    end, count = _end(before), 0
    while count < limit:
        wanted = min(limit - count, AT_ONCE)
        gone = _purged(database, audience, end, wanted)
        count += gone
        if gone < wanted:
            break
    return count


def _purged(database: Database, audience: str, end: bytes, limit: int) -> int:
    chosen, gone = database.transaction(lambda session: _batch(session, audience, end, limit, waits=False))
    if gone < chosen:
        left = chosen - gone
        gone += database.transaction(lambda session: _batch(session, audience, end, left, waits=True))[1]
    return gone


def _batch(session: Session, audience: str, end: bytes, limit: int, *, waits: bool) -> tuple[int, int]:
    """Forget links with their notes and subjects; tell how many were there to forget, and how many are forgotten."""
    chosen = session.ask(statements.TO_PURGE, {"audience": audience, "end": end, "limit": limit})
    subjects = _locked(session, audience, [subject for _, subject in chosen], waits=waits)
    values = {"audience": audience, "end": end, "link_ids": [link_id for link_id, _ in chosen], "subjects": subjects}
    gone = len(session.ask(statements.PURGE, values)) if subjects else 0
    # Notes may come late, of links that are gone: whatever lies before the first link that stays goes too.
    values["last"] = chosen[-1][0] if len(chosen) == limit else end
    session.ask(statements.PURGE_NOTES, values)
    if subjects:
        session.ask(statements.FORGET, values)
    return len(chosen), gone


def _locked(session: Session, audience: str, subjects: list[str], *, waits: bool) -> list[str]:
    statement = statements.TO_FORGET if waits else statements.TO_FORGET_NOW
    values = {"audience": audience, "subjects": sorted(set(subjects))}
    return [subject for (subject,) in session.ask(statement, values)] if subjects else []


def _end(before: int) -> bytes:
    """Return the link id before which all have expired before an instant: it begins with the second after."""
    seconds = -(-before // SECOND)
    return max(seconds, 0).to_bytes(4, "big") if seconds < 2**32 else b"\xff" * 21


def add_months(database: Database, first: date, count: int) -> None:
    """Make the partitions of some months, each in a transaction of its own."""
    if count < 1:
        raise BadArgumentError("count: at least one month")
    months = [_month(first.year, first.month + later) for later in range(count + 1)]
    for month in pairwise(months):
        database.transaction(partial(_add_month, month=month))


def drop_months(database: Database, before: datetime) -> list[str]:
    """Drop the partitions of the months that ended before an instant, then the subjects without links; name them."""
    at = read_instant(before, "before")
    found = [name for (name,) in database.run(statements.MONTHS)]
    past = [name for name in found if to_micros(_month(int(name[:4]), int(name[5:]) + 1)) <= at]
    for name in past:
        database.transaction(partial(_drop_month, name=name))
    place: tuple[str, str] | None = ("", "") if past else None
    while place is not None:
        place = database.transaction(partial(_forget_page, behind=place))
    return past


def _month(year: int, month: int) -> datetime:
    """Return the first instant of a month; the 13th is the next year's first."""
    years, months = divmod(month - 1, 12)
    try:
        return datetime(year + years, months + 1, 1, tzinfo=UTC)
    except ValueError:
        raise BadArgumentError("first: too late a date") from None


def _add_month(session: Session, month: tuple[datetime, datetime]) -> None:
    begin, end = (_end(to_micros(at)).hex() for at in month)
    for table in schema.PARTITIONED:
        made = f"CREATE TABLE IF NOT EXISTS @{table}_{month[0]:%Y_%m} PARTITION OF @{table}"
        session.ask(f"{made} FOR VALUES FROM ('\\x{begin}') TO ('\\x{end}'){schema.room(table)}")


def _drop_month(session: Session, name: str) -> None:
    # Nobody may use the whole table while a part goes: rather not today than that everybody queues behind this.
    session.ask("SET LOCAL lock_timeout = '2s'")
    for table in schema.PARTITIONED:
        session.ask(f"DROP TABLE IF EXISTS @{table}_{name}")


def _forget_page(session: Session, behind: tuple[str, str]) -> tuple[str, str] | None:
    """Forget the subjects without links on the next page; tell where it ended, None at the last."""
    values = {"audience": behind[0], "subject": behind[1], "limit": AT_ONCE}
    page = session.ask(statements.PAGE, values)
    bare = [(audience, subject) for audience, subject, is_bare in page if is_bare]
    for audience in sorted({audience for audience, _ in bare}):
        subjects = [subject for each, subject in bare if each == audience]
        locked = _locked(session, audience, subjects, waits=True)
        session.ask(statements.FORGET, {"audience": audience, "subjects": locked})
    return (page[-1][0], page[-1][1]) if len(page) == AT_ONCE else None
