"""What the SQLAlchemy store writes when links are made, delivered and forgotten: the calls that touch several links.

Whatever changes a link locks its subject's row first, in a statement of its own, and only then looks: so all that
happens to one subject's links happens one after the other. A condition on another table's row is no such lock: on
PostgreSQL a statement that waits for a row sees the other rows as they were before it waited. Nothing here begins or
ends a transaction, save that `add` takes back what it refuses.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import and_, delete, exc, insert, or_, select, update

from ...instants import SECOND
from ...records import Origin, Record, State, Supersede
from .. import lookup_keys
from . import queries as lookups
from . import schema as tables
from .schema import links, subjects, unless_there

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from sqlalchemy import ColumnElement, Connection

    Enrolled = dict[tuple[str, str], "_Subject"]

NAMES_A_LINK = 8
"""Names that a purge forgets for each link it may forget: twice what a link has, so that it always catches up."""


class _Subject:
    """What a locked row said, and what is to be written into it."""

    __slots__ = ("generation", "last_link", "number")

    def __init__(self, generation: int, number: int, last_link: bytes) -> None:
        self.generation, self.number, self.last_link = generation, number, last_link


def lock(db: Connection, audience: str, wanted: Iterable[str]) -> dict[str, _Subject]:
    """Lock the rows of some subjects, as far as there are any, in one order for everybody."""
    found = {}
    for some in lookups.batches(sorted(set(wanted))):
        rows = select(subjects.c.subject, subjects.c.generation, subjects.c.number, subjects.c.last_link)
        where = subjects.c.audience == audience, subjects.c.subject.in_(some)
        for row in db.execute(rows.where(*where).order_by(subjects.c.subject).with_for_update()):
            found[row.subject] = _Subject(row.generation, row.number, row.last_link)
    return found


def lock_of(db: Connection, audience: str, link_ids: Sequence[bytes]) -> None:
    """Lock the subjects of some links. A link's subject never changes, so that it can be read before."""
    wanted: set[str] = set()
    for some in lookups.batches(link_ids):
        wanted.update(db.scalars(select(links.c.subject).where(lookups.key(audience, *some))))
    lock(db, audience, wanted)


def add(db: Connection, records: Sequence[Record], *, now: int, renamed: Mapping[bytes, bytes]) -> bool:
    """Write all records or none, and tell which: a reissue may come late, a link id be there."""
    enrolled = _enrol(db, records)
    for audience in sorted({record.audience for record in records}):
        _rename(db, audience, renamed)
    numbered = _numbered(db, records, enrolled)
    if numbered is None or not _written(db, numbered):
        db.rollback()
        return False
    for (audience, subject), row in enrolled.items():
        own = subjects.c.audience == audience, subjects.c.subject == subject
        db.execute(update(subjects).where(*own).values(number=row.number, last_link=row.last_link))
    for record in numbered:
        if record.supersede == Supersede.ON_ISSUE:
            _supersede_replaced(db, record, now)
    return True


def _enrol(db: Connection, records: Sequence[Record]) -> Enrolled:
    """Lock every subject of the records; one without links gets its row, since what isn't there can't be locked."""
    enrolled: Enrolled = {}
    for audience in sorted({record.audience for record in records}):
        wanted = sorted({record.subject for record in records if record.audience == audience})
        found = lock(db, audience, wanted)
        # Asked again: a purge may have taken the row away before it was locked.
        while missing := [subject for subject in wanted if subject not in found]:
            first = {"audience": audience, "generation": 0, "number": 0, "last_link": b"", "reason": ""}
            db.execute(unless_there(subjects, db.dialect), [{**first, "subject": subject} for subject in missing])
            found |= lock(db, audience, missing)
        enrolled |= {(audience, subject): row for subject, row in found.items()}
    return enrolled


def _numbered(db: Connection, records: Sequence[Record], enrolled: Enrolled) -> list[Record] | None:
    """Return the records with their numbers and generations; None where one that came with them comes too late."""
    numbered: list[Record] = []
    for record in records:
        row = enrolled[record.audience, record.subject]
        row.last_link = max(row.last_link, record.link_id)
        if record.number is None:
            numbered.append(record._replace(number=row.number + 1, generation=row.generation))
        elif _follows(db, record, numbered) and record.generation == row.generation:
            numbered.append(record)
        else:
            return None
        # The counter is of all series of the subject, so that issuing looks nothing up.
        row.number = max(row.number, numbered[-1].number or 0)
    return numbered


def _follows(db: Connection, record: Record, before: Sequence[Record]) -> bool:
    """Return whether a reissue's number is the next of its series, counting what comes with it."""
    newest = lookups.newest(db, record.audience, [record.series])
    same = [other for other in before if (other.audience, other.series) == (record.audience, record.series)]
    return record.number == 1 + max((other.number or 0 for other in (newest, *same) if other), default=0)


def _written(db: Connection, numbered: Sequence[Record]) -> bool:
    rows = [row for record in numbered for row in lookup_keys.list_rows(record)]
    if not rows:
        return True
    try:
        db.execute(insert(links), [record._asdict() for record in numbered])
    except exc.IntegrityError:
        return False
    named = [dict(zip(("bucket", "name", "link_id"), row, strict=True)) for row in sorted(rows)]
    db.execute(unless_there(tables.names, db.dialect), named)
    return True


def _rename(db: Connection, audience: str, renamed: Mapping[bytes, bytes]) -> None:
    """Put names under the signing key in the place of those under retired keys: series and recipients alike."""
    if not renamed:
        return
    led = [lookup_keys.derive_key(kind, old) for old in renamed for kind in ("series", "recipient")]
    carries = or_(links.c.series.in_(renamed), links.c.recipient.in_(renamed))
    where = links.c.audience == audience, links.c.link_id.in_(lookups.led_by(db, audience, led)), carries
    carriers = db.execute(select(links.c.link_id, links.c.series, links.c.recipient).where(*where)).all()
    for kind in ("series", "recipient"):
        for old, new in renamed.items():
            for some in lookups.batches([link.link_id for link in carriers if getattr(link, kind) == old]):
                own = lookups.key(audience, *some), links.c[kind] == old
                db.execute(update(links).where(*own).values({kind: new}))
                led_by = _places(audience, some), tables.names.c.name == lookup_keys.derive_key(kind, old)
                db.execute(update(tables.names).where(*led_by).values(name=lookup_keys.derive_key(kind, new)))


def _places(audience: str, link_ids: Sequence[bytes]) -> ColumnElement[bool]:
    kept = tables.names.c
    return kept.bucket.in_({lookup_keys.derive_period(audience, each) for each in link_ids}) & kept.link_id.in_(
        link_ids
    )


def deliver(db: Connection, audience: str, link_id: bytes, *, now: int) -> None:
    """Remember that the mail server took a link, and end what it replaces."""
    never = lookups.key(audience, link_id), links.c.delivered_at.is_(None)
    db.execute(update(links).where(*never).values(delivered_at=now))
    record = lookups.get(db, audience, link_id)
    if record and record.supersede == Supersede.ON_DELIVERY and record.state_at(now) is State.OUTSTANDING:
        _supersede_replaced(db, record, now)


def _supersede_replaced(db: Connection, record: Record, now: int) -> None:
    if record.origin == Origin.RENEW:
        lookups.supersede_parent(db, record, now=now)
    else:
        lookups.supersede_older(db, record, now=now)


def purge(db: Connection, audience: str, *, before: int, limit: int) -> int:
    """Forget the links that expired before an instant, the earliest first, with their notes; tell how many."""
    where = links.c.audience == audience, links.c.link_id < _end(before)
    past = select(links.c.link_id, links.c.subject).where(*where).order_by(links.c.link_id)
    gone = db.execute(past.limit(max(limit, 0))).all()
    if not gone:
        return 0
    lock(db, audience, [link.subject for link in gone])
    count = 0
    for some in lookups.batches([link.link_id for link in gone]):
        count += db.execute(delete(links).where(lookups.key(audience, *some))).rowcount
    notes = tables.notes.c
    db.execute(delete(tables.notes).where(notes.audience == audience, notes.link_id <= gone[-1].link_id))
    for some in lookups.batches(sorted({link.subject for link in gone})):
        # Links go strictly in the order of their ids, so a subject whose highest id has been passed has none left.
        passed = subjects.c.subject.in_(some), subjects.c.last_link <= gone[-1].link_id
        db.execute(delete(subjects).where(subjects.c.audience == audience, *passed))
    return count


def purge_names(db: Connection, audience: str, *, before: int, limit: int) -> None:
    """Forget names in buckets that are over and have no link any more."""
    alive = lookups.live(db, audience)
    # Never a bucket that isn't over: another machine may just be issuing the first link in it.
    dead = min([lookup_keys.derive_prefix(audience) + lookup_keys.number_period(_end(before - SECOND)), *alive[:1]])
    kept = tables.names.c
    where = [kept.bucket >= lookup_keys.derive_prefix(audience) + lookup_keys.FIRST, kept.bucket < dead]
    places = select(kept.bucket, kept.name).where(*where).order_by(kept.bucket, kept.name, kept.link_id)
    last = db.execute(places.offset(max(limit, 0) * NAMES_A_LINK).limit(1)).one_or_none()
    if last is not None:
        where.append(or_(kept.bucket < last.bucket, and_(kept.bucket == last.bucket, kept.name <= last.name)))
    db.execute(delete(tables.names).where(*where))


def _end(before: int) -> bytes:
    """Return the link id before which all have expired before an instant: it begins with the second after."""
    seconds = max(-(-before // SECOND), 0)
    return seconds.to_bytes(4, "big") if seconds < 2**32 else b"\xff" * 20
