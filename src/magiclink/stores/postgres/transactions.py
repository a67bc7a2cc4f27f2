"""What the PostgreSQL store does where one statement isn't enough: for batches, reissues and deliveries.

Each function is the work of one transaction. It locks the subjects of its links before it reads what it decides by, all
at once and in order, so that whatever else happens to them is over or has not begun.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from ...records import Origin, Record, State, Supersede
from ..bindings import number_records, read_first
from . import statements

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ..bindings import Counters, Numbers
    from .connections import Session


def add(session: Session, records: Sequence[Record], now: int, renamed: Mapping[bytes, bytes]) -> None:
    """Write links, and end what they replace. Raises NotWrittenError where a reissue comes late or an id is there."""
    counters = _upsert_subjects(session, records)
    if renamed:
        audiences = sorted({record.audience for record in records})
        for statement in statements.RENAME:
            session.run(statement, {"audiences": audiences, "old": list(renamed), "new": list(renamed.values())})
    numbered = number_records(records, counters, _read_numbers(session, records))
    session.copy(statements.COPY, statements.COPY_TYPES, numbered)
    replaced = _Replaced()
    for record in numbered:
        if record.supersede == Supersede.ON_ISSUE:
            replaced.add(record)
    replaced.supersede(session, now)


def deliver(session: Session, audience: str, link_ids: list[bytes], now: int) -> None:
    """Remember deliveries, one after the other, and end what they replace."""
    values = {"audience": audience, "link_ids": link_ids, "now": now}
    found = {row[1]: Record._make(row) for row in session.run(statements.LOCK_LINKS, values)}
    session.run(statements.DELIVER, values)
    replaced = _Replaced()
    for link_id in dict.fromkeys(link_ids):
        record = found.get(link_id)
        if record is None or record.supersede != Supersede.ON_DELIVERY or record.state_at(now) is not State.OUTSTANDING:
            continue
        # What was found is older than this call: a link may have been replaced by one that was delivered before it.
        if not replaced.has(record):
            replaced.add(record)
    replaced.supersede(session, now)


def consume_alone(session: Session, values: dict[str, object]) -> Record | None:
    """Use a link, and end the others of its purpose, subject and recipient."""
    record = read_first(session.run(statements.CONSUME, values))
    if record is not None:
        session.run(statements.SUPERSEDE_OTHERS, {**record._asdict(), "now": values["now"]})
    return record


def _upsert_subjects(session: Session, records: Sequence[Record]) -> Counters:
    """Lock the subjects, and return the number that each had come to, and its generation."""
    links = Counter((record.audience, record.subject) for record in records)
    values = {
        "audiences": [audience for audience, _ in links],
        "subjects": [subject for _, subject in links],
        "links": list(links.values()),
    }
    return {
        (audience, subject): (number - links[audience, subject], generation)
        for audience, subject, number, generation in session.run(statements.UPSERT, values)
    }


def _read_numbers(session: Session, records: Sequence[Record]) -> Numbers:
    """Return the highest number of each series that has a reissue among the records."""
    series = {(record.audience, record.series) for record in records if record.number is not None}
    if not series:
        return {}
    values = {"audiences": [audience for audience, _ in series], "series": [name for _, name in series]}
    return {(audience, name): number for audience, name, number in session.run(statements.READ_NUMBERS, values)}


class _Replaced:
    """The links that some others replace: all below a number of their series, for a renewed link its parent only."""

    def __init__(self) -> None:
        self._parents: set[tuple[str, bytes]] = set()
        self._below: Numbers = {}

    def add(self, record: Record) -> None:
        """Add what a link replaces."""
        if record.origin != Origin.RENEW:
            series = record.audience, record.series
            self._below[series] = max(record.number or 0, self._below.get(series, 0))
        elif record.parent is not None:
            self._parents.add((record.audience, record.parent))

    def has(self, record: Record) -> bool:
        """Return whether a link is replaced."""
        below = self._below.get((record.audience, record.series), 0)
        return (record.number or 0) < below or (record.audience, record.link_id) in self._parents

    def supersede(self, session: Session, now: int) -> None:
        """End them."""
        if self._parents:
            audiences, link_ids = zip(*sorted(self._parents), strict=True)
            values = {"audiences": list(audiences), "link_ids": list(link_ids), "now": now}
            session.run(statements.SUPERSEDE_PARENTS, values)
        if self._below:
            audiences, series = zip(*self._below, strict=True)
            numbers = list(self._below.values())
            values = {"audiences": list(audiences), "series": list(series), "numbers": numbers, "now": now}
            session.run(statements.SUPERSEDE_OLDER, values)
