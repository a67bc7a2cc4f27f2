"""What the PostgreSQL store does where one statement isn't enough: for batches, reissues and deliveries.

Each function is the work of one transaction. It locks the subjects of its links before it reads what it decides by, all
at once and in order, so that whatever else happens to them is over or has not begun.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from ...records import Origin, Record, State, Supersede
from . import statements
from .connections import NotWrittenError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from .connections import Session

    Named = dict[tuple[str, bytes], int]
    """By audience and series: a number."""


def add(session: Session, records: Sequence[Record], now: int, renamed: Mapping[bytes, bytes]) -> None:
    """Write links, and end what they replace. Raises NotWrittenError where a reissue comes late or an id is there."""
    enrolled = _enrolled(session, records)
    if renamed:
        audiences = sorted({record.audience for record in records})
        for statement in statements.RENAME:
            session.ask(statement, {"audiences": audiences, "old": list(renamed), "new": list(renamed.values())})
    numbered = list(_numbered(records, enrolled, _newest(session, records)))
    session.copy(statements.COPY, statements.COPY_TYPES, numbered)
    _supersede(session, [record for record in numbered if record.supersede == Supersede.ON_ISSUE], now)


def deliver(session: Session, audience: str, link_ids: list[bytes], now: int) -> None:
    """Remember deliveries, in the order in which they are told, and end what they replace."""
    values = {"audience": audience, "link_ids": link_ids, "now": now}
    found = {row[1]: Record._make(row) for row in session.ask(statements.TO_DELIVER, values)}
    session.ask(statements.DELIVER, values)
    told = [found[link_id] for link_id in dict.fromkeys(link_ids) if link_id in found]
    _supersede(session, _standing(told, now), now)


def consume_alone(session: Session, values: dict[str, object]) -> Record | None:
    """Use a link, and end the others of its purpose, subject and recipient."""
    rows = session.ask(statements.CONSUME, values)
    if not rows:
        return None
    record = Record._make(rows[0])
    session.ask(statements.SUPERSEDE_OTHERS, {**record._asdict(), "now": values["now"]})
    return record


def _enrolled(session: Session, records: Sequence[Record]) -> dict[tuple[str, str], tuple[int, int]]:
    """Lock the subjects, and give the number that each had come to, and its generation."""
    links = Counter((record.audience, record.subject) for record in records)
    values = {
        "audiences": [audience for audience, _ in links],
        "subjects": [subject for _, subject in links],
        "links": list(links.values()),
    }
    return {
        (audience, subject): (number - links[audience, subject], generation)
        for audience, subject, number, generation in session.ask(statements.ENROL, values)
    }


def _newest(session: Session, records: Sequence[Record]) -> Named:
    """Return the highest number of each series that has a reissue among the records."""
    series = {(record.audience, record.series) for record in records if record.number is not None}
    if not series:
        return {}
    values = {"audiences": [audience for audience, _ in series], "series": [name for _, name in series]}
    return {(audience, name): number for audience, name, number in session.ask(statements.NUMBERS, values)}


def _numbered(
    records: Iterable[Record], enrolled: dict[tuple[str, str], tuple[int, int]], newest: Named
) -> Iterator[Record]:
    """Return the records with numbers and generations; those of a reissue must still follow what is there."""
    for record in records:
        subject, series = (record.audience, record.subject), (record.audience, record.series)
        number, generation = enrolled[subject]
        if record.number is None:
            fits = record._replace(number=number + 1, generation=generation)
        elif (record.number, record.generation) == (newest.get(series, 0) + 1, generation):
            fits = record
        else:
            raise NotWrittenError
        newest[series] = fits.number or 0
        enrolled[subject] = max(number, newest[series]), generation
        yield fits


def _standing(told: Iterable[Record], now: int) -> Iterator[Record]:
    """Return those that end others: outstanding, also after those before them have ended what they replace."""
    ended = _Ended()
    for record in told:
        if record.supersede != Supersede.ON_DELIVERY or record.state_at(now) is not State.OUTSTANDING:
            continue
        if not ended.has(record):
            ended.add(record)
            yield record


def _supersede(session: Session, records: Iterable[Record], now: int) -> None:
    """End every older link of a record's series, for a renewed link its parent only."""
    ended = _Ended()
    for record in records:
        ended.add(record)
    if ended.parents:
        audiences, link_ids = zip(*sorted(ended.parents), strict=True)
        values = {"audiences": list(audiences), "link_ids": list(link_ids), "now": now}
        session.ask(statements.SUPERSEDE_PARENTS, values)
    if ended.below:
        audiences, series = zip(*ended.below, strict=True)
        numbers = list(ended.below.values())
        values = {"audiences": list(audiences), "series": list(series), "numbers": numbers, "now": now}
        session.ask(statements.SUPERSEDE_OLDER, values)


class _Ended:
    """What some links replace."""

    def __init__(self) -> None:
        self.parents: set[tuple[str, bytes]] = set()
        self.below: Named = {}

    def add(self, record: Record) -> None:
        if record.origin != Origin.RENEW:
            series = record.audience, record.series
            self.below[series] = max(record.number or 0, self.below.get(series, 0))
        elif record.parent is not None:
            self.parents.add((record.audience, record.parent))

    def has(self, record: Record) -> bool:
        below = self.below.get((record.audience, record.series), 0)
        return (record.number or 0) < below or (record.audience, record.link_id) in self.parents
