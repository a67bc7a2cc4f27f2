"""What the Django store writes when links are made, delivered and forgotten: the calls that touch several links.

Whatever changes a link locks its subject's row first, in a statement of its own, and only then looks: so all that
happens to one subject's links happens one after the other. Nothing here begins or ends a transaction, save that `add`
has the one undone in which it was refused.
"""

# ruff: noqa: S608
# No value is ever part of a text here: what is put in are the names of columns, and as many marks as there are values.

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from ...errors import ConfigurationError
from ...instants import SECOND
from ...records import Origin, Record, State, Supersede
from ...stores import lookup_keys
from . import queries as lookups
from . import statements
from .connections import NotWrittenError
from .encoding import fitting, hexed, link_id_of, link_key, prefix, row

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from .connections import Rows, Session
    from .encoding import Values

    Enrolled = dict[tuple[str, str], tuple[int, int]]
    """By audience and subject: the highest number, and the generation."""

NAMES_A_LINK = 8
"""Names that a purge forgets for each link it may forget: twice what a link has, so that it always catches up."""


def lock(db: Session, audience: str, wanted: Iterable[str]) -> None:
    """Lock the rows of some subjects, as far as there are any, in one order for everybody."""
    # By their bytes, as the tables are: Python's own order of text is the same.
    for some in lookups.batches(sorted(set(wanted))):
        listed, values = lookups.marks("subject", some)
        db.ask(statements.lock(db.dialect, listed), values | {"audience": audience})


def lock_of(db: Session, audience: str, links: Sequence[str]) -> None:
    """Lock the subjects of some links. A link's subject never changes, so that it can be read before."""
    wanted: set[str] = set()
    for some in lookups.batches(links):
        listed, values = lookups.marks("id", some)
        where = f"audience = %(audience)s AND id IN ({listed})"
        found = db.ask(f"SELECT subject FROM magiclink_links WHERE {where}", values | {"audience": audience})
        wanted.update(subject for (subject,) in found)
    lock(db, audience, wanted)


def add(db: Session, records: Sequence[Record], *, now: int, renamed: Mapping[bytes, bytes]) -> None:
    """Write all records. Raises NotWrittenError where a reissue comes late or an id is there."""
    written = [row(record) for record in records]
    enrolled = _enrol(db, records)
    for audience in sorted({record.audience for record in records}):
        _rename(db, audience, renamed)
    numbered = _numbered(db, records, enrolled)
    for values, record in zip(written, numbered, strict=True):
        values |= {"number": record.number, "generation": record.generation}
    if written:
        db.change_each(statements.INSERT, written)
        _name(db, numbered)
    for record in numbered:
        if record.supersede == Supersede.ON_ISSUE:
            _supersede_replaced(db, record, now)


def _enrol(db: Session, records: Sequence[Record]) -> Enrolled:
    """Lock every subject, one without links by making its row, and take as many numbers as there are links."""
    links = Counter((record.audience, record.subject) for record in records)
    last: dict[tuple[str, str], str] = {}
    for record in records:
        subject = record.audience, record.subject
        last[subject] = max(last.get(subject, ""), record.link_id.hex())
    enrolled: Enrolled = {}
    for some in lookups.batches(sorted(links)):
        values: Values = {}
        for place, (audience, subject) in enumerate(some):
            values |= {f"audience{place}": audience, f"subject{place}": subject}
            values |= {f"links{place}": links[audience, subject], f"last{place}": last[audience, subject]}
        for audience, subject, number, generation in _enrolled(db, values, len(some)):
            enrolled[audience, subject] = number - links.get((audience, subject), 0), generation
    if enrolled.keys() != links.keys():
        raise ConfigurationError("the database takes two subjects for one: its columns were given another collation")
    return enrolled


def _enrolled(db: Session, values: Values, count: int) -> Rows:
    statement = statements.enrol(db.dialect, count)
    if db.dialect.returning:
        return db.ask(statement, values)
    db.change(statement, values)
    return db.ask(statements.enrolled(count), values)


def _numbered(db: Session, records: Sequence[Record], enrolled: Enrolled) -> list[Record]:
    """Return the records with numbers and generations; those of a reissue must still follow what is there."""
    numbered: list[Record] = []
    for record in records:
        number, generation = enrolled[record.audience, record.subject]
        if record.number is None:
            numbered.append(record._replace(number=number + 1, generation=generation))
        elif record.generation == generation and _follows(db, record, numbered):
            numbered.append(record)
        else:
            raise NotWrittenError
        enrolled[record.audience, record.subject] = max(number, numbered[-1].number or 0), generation
    return numbered


def _follows(db: Session, record: Record, before: Sequence[Record]) -> bool:
    """Return whether a reissue's number is the next of its series, counting what comes with it."""
    newest = lookups.newest(db, record.audience, [record.series])
    same = [other for other in before if (other.audience, other.series) == (record.audience, record.series)]
    return record.number == 1 + max((other.number or 0 for other in (newest, *same) if other), default=0)


def _name(db: Session, numbered: Iterable[Record]) -> None:
    """Write the names under which links are found."""
    named = sorted((place, name, record) for record in numbered for place, name, _ in lookup_keys.list_rows(record))
    insert = "INSERT INTO magiclink_names (bucket, name, link) VALUES (%(bucket)s, %(name)s, %(link)s)"
    rows = [
        {"bucket": at.hex(), "name": name.hex(), "link": link_key(of.audience, of.link_id)} for at, name, of in named
    ]
    db.change_each(f"{insert} {db.dialect.unless_there('bucket')}", rows)


def _rename(db: Session, audience: str, renamed: Mapping[bytes, bytes]) -> None:
    """Put names under the signing key in the place of those under retired keys: series and recipients alike."""
    for old, new in renamed.items():
        for kind in ("series", "recipient"):
            led, values = lookups.led_by(db, audience, [lookup_keys.derive_key(kind, old)])
            values |= fitting("Link", {"audience": audience, "old": hexed(old), kind: hexed(new)})
            where = f"id IN ({led}) AND audience = %(audience)s AND {kind} = %(old)s"
            carriers = [link for (link,) in db.ask(f"SELECT id FROM magiclink_links WHERE {where}", values)]
            for some in lookups.batches(carriers):
                listed, given = lookups.marks("id", some)
                change = f"UPDATE magiclink_links SET {kind} = %({kind})s WHERE id IN ({listed})"
                db.change(change, values | given)
                _rename_names(db, some, lookup_keys.derive_key(kind, old), lookup_keys.derive_key(kind, new))


def _rename_names(db: Session, links: Sequence[str], old: bytes, new: bytes) -> None:
    listed, values = lookups.marks("id", links)
    buckets, given = lookups.marks("bucket", sorted({_bucket(link) for link in links}))
    where = f"bucket IN ({buckets}) AND name = %(old)s AND link IN ({listed})"
    values |= given | {"old": old.hex(), "new": new.hex()}
    db.change(f"UPDATE magiclink_names SET name = %(new)s WHERE {where}", values)


def _bucket(link: str) -> str:
    link_id = link_id_of(link)
    return link.removesuffix(link_id.hex()) + lookup_keys.number_period(link_id).hex()


def deliver(db: Session, audience: str, link_id: bytes, *, now: int) -> None:
    """Remember that the mail server took a link, and end what it replaces."""
    values = lookups.link(audience, link_id)
    db.change(statements.DELIVER, values | {"now": now})
    record = lookups.first(db, statements.GET, values)
    if record and record.supersede == Supersede.ON_DELIVERY and record.state_at(now) is State.OUTSTANDING:
        _supersede_replaced(db, record, now)


def _supersede_replaced(db: Session, record: Record, now: int) -> None:
    if record.origin == Origin.RENEW:
        lookups.supersede_parent(db, record, now=now)
    else:
        lookups.supersede_older(db, record, now=now)


def purge(db: Session, audience: str, *, before: int, limit: int) -> int:
    """Forget the links that expired before an instant, the earliest first, with their notes; tell how many."""
    values: Values = {"audience": audience, "first": prefix(audience), "end": prefix(audience) + _end(before)}
    values["limit"] = max(limit, 0)
    where = "id > %(first)s AND id < %(end)s AND audience = %(audience)s"
    gone = db.ask(f"SELECT id, subject FROM magiclink_links WHERE {where} ORDER BY id LIMIT %(limit)s", values)
    if not gone:
        return 0
    subjects = sorted({subject for _, subject in gone})
    lock(db, audience, subjects)
    count = 0
    for some in lookups.batches([link for link, _ in gone]):
        listed, given = lookups.marks("id", some)
        count += db.change(f"DELETE FROM magiclink_links WHERE id IN ({listed})", given)
    values["last"] = gone[-1][0]
    db.change("DELETE FROM magiclink_notes WHERE link > %(first)s AND link <= %(last)s", values)
    _forget(db, audience, subjects, link_id_of(values["last"]))
    return count


def _forget(db: Session, audience: str, subjects: Sequence[str], last: bytes) -> None:
    """Forget subjects whose highest id has been passed: links go strictly in the order of their ids."""
    for some in lookups.batches(subjects):
        listed, values = lookups.marks("subject", some)
        where = f"audience = %(audience)s AND subject IN ({listed}) AND last_link <= %(last)s"
        db.change(f"DELETE FROM magiclink_subjects WHERE {where}", values | {"audience": audience, "last": last.hex()})


def purge_names(db: Session, audience: str, *, before: int, limit: int) -> None:
    """Forget names in buckets that are over and have no link any more."""
    alive = lookups.live(db, audience)
    begin = prefix(audience)
    # Never a bucket that isn't over: another machine may just be issuing the first link in it.
    over = begin + lookup_keys.number_period(bytes.fromhex(_end(before - SECOND)[:8])).hex()
    values: Values = {"first": begin, "dead": min([over, *alive[:1]]), "most": max(limit, 0) * NAMES_A_LINK}
    where = "bucket > %(first)s AND bucket < %(dead)s"
    order = "ORDER BY bucket, name, link LIMIT 1 OFFSET %(most)s"
    last = db.ask(f"SELECT bucket, name, link FROM magiclink_names WHERE {where} {order}", values)
    if last:
        values |= dict(zip(("bucket", "name", "link"), last[0], strict=True))
        behind = "name < %(name)s OR (name = %(name)s AND link <= %(link)s)"
        where += f" AND (bucket < %(bucket)s OR (bucket = %(bucket)s AND ({behind})))"
    db.change(f"DELETE FROM magiclink_names WHERE {where}", values)


def _end(before: int) -> str:
    """Return the link id, in hex, before which all have expired before an instant: it begins with the second after."""
    seconds = max(-(-before // SECOND), 0)
    return f"{seconds:08x}" if seconds < 2**32 else "f" * 41
