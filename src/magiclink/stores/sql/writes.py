"""What is written when links are made, delivered and forgotten: the calls that touch several links.

Whatever changes a link locks its subject's row first, in a statement of its own, and only then looks: so all that
happens to one subject's links happens one after the other. Nothing here begins or ends a transaction, save that `add`
has the one undone in which it was refused.
"""

# ruff: noqa: S608
# No value is ever part of a text here: what is put in are names of columns, and as many placeholders as values.

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from ...errors import ConfigurationError
from ...instants import SECOND
from ...records import Origin, Record, State, Supersede
from .. import bindings, lookup_keys
from . import queries, statements
from .encoding import fit, make_key, make_prefix, make_row, parse_key, to_hex

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from .connections import Rows, Session
    from .encoding import Values


def lock_subjects(db: Session, audience: str, subjects: Iterable[str]) -> None:
    """Lock the rows of some subjects, as far as there are any, in one order for everybody."""
    # By their bytes, as the tables are: Python's own order of text is the same.
    for some in queries.split(sorted(set(subjects))):
        listed, values = queries.bind_list("subject", some)
        db.ask(statements.lock_subjects(db.dialect, listed), values | {"audience": audience})


def lock_subjects_of(db: Session, audience: str, links: Sequence[str]) -> None:
    """Lock the subjects of some links. A link's subject never changes, so that it can be read before."""
    subjects: set[str] = set()
    for some in queries.split(links):
        listed, values = queries.bind_list("id", some)
        where = f"audience = %(audience)s AND id IN ({listed})"
        found = db.ask(f"SELECT subject FROM magiclink_links WHERE {where}", values | {"audience": audience})
        subjects.update(subject for (subject,) in found)
    lock_subjects(db, audience, subjects)


def add(db: Session, records: Sequence[Record], *, now: int, renamed: Mapping[bytes, bytes]) -> None:
    """Write all records. Raises NotWrittenError where a reissue comes late or an id is there."""
    rows = [make_row(record) for record in records]
    subjects = _upsert_subjects(db, records)
    for audience in sorted({record.audience for record in records}):
        _rename(db, audience, renamed)
    numbered = bindings.number_records(records, subjects, _read_numbers(db, records))
    for row, record in zip(rows, numbered, strict=True):
        row |= {"number": record.number, "generation": record.generation}
    if rows:
        db.change_each(statements.INSERT, rows)
        _add_lookups(db, numbered)
    for record in numbered:
        if record.supersede == Supersede.ON_ISSUE:
            _supersede_replaced(db, record, now)


def issue(db: Session, *, record: Record) -> None:
    """Write a link that looks nothing up and ends nothing, in one statement. Raises NotWrittenError as `add` does."""
    rows = lookup_keys.list_rows(record)
    values = make_row(record) | {"period": rows[0][0].hex()}
    values |= {f"key{index}": key.hex() for index, (_, key, _) in enumerate(rows)}
    values |= {"audience0": record.audience, "subject0": record.subject, "links0": 1, "last0": record.link_id.hex()}
    db.change(statements.issue(db.dialect, len(rows)), values)


def _upsert_subjects(db: Session, records: Sequence[Record]) -> bindings.Counters:
    """Lock every subject, one without links by making its row, and reserve as many numbers as there are links."""
    links = Counter((record.audience, record.subject) for record in records)
    last: dict[tuple[str, str], str] = {}
    for record in records:
        subject = record.audience, record.subject
        last[subject] = max(last.get(subject, ""), record.link_id.hex())
    subjects: bindings.Counters = {}
    for some in queries.split(sorted(links)):
        values: Values = {}
        for index, (audience, subject) in enumerate(some):
            values |= {f"audience{index}": audience, f"subject{index}": subject}
            values |= {f"links{index}": links[audience, subject], f"last{index}": last[audience, subject]}
        for audience, subject, number, generation in _upsert(db, values, len(some)):
            subjects[audience, subject] = number - links.get((audience, subject), 0), generation
    if subjects.keys() != links.keys():
        raise ConfigurationError(
            "the database takes two subjects for one: give the column subject of magiclink_subjects the collation"
            " that the library's migration gave it"
        )
    return subjects


def _upsert(db: Session, values: Values, count: int) -> Rows:
    statement = statements.upsert_subjects(db.dialect, count)
    if db.dialect.returning:
        return db.ask(statement, values)
    db.change(statement, values)
    return db.ask(statements.read_subjects(count), values)


def _read_numbers(db: Session, records: Sequence[Record]) -> bindings.Numbers:
    """Return the highest number of each series that has a reissue among the records."""
    series = {(record.audience, record.series) for record in records if record.number is not None}
    newest = {(audience, name): queries.read_newest(db, audience, [name]) for audience, name in series}
    return {name: record.number or 0 for name, record in newest.items() if record}


def _add_lookups(db: Session, records: Iterable[Record]) -> None:
    """Write the keys by which links are found."""
    rows = [
        {"period": period.hex(), "key": key.hex(), "link": make_key(record.audience, link_id)}
        for record in records
        for period, key, link_id in lookup_keys.list_rows(record)
    ]
    rows.sort(key=lambda row: (row["period"], row["key"], row["link"]))
    db.change_each(statements.insert_lookups(db.dialect, "(%(period)s, %(key)s, %(link)s)"), rows)


def _rename(db: Session, audience: str, renamed: Mapping[bytes, bytes]) -> None:
    """Put names under the signing key in the place of those under retired keys: series and recipients alike."""
    for old, new in renamed.items():
        for kind in ("series", "recipient"):
            keys = lookup_keys.derive_key(kind, old), lookup_keys.derive_key(kind, new)
            candidates, values = queries.select_candidates(db, audience, keys[:1])
            values |= fit("links", {"audience": audience, "old": to_hex(old), kind: to_hex(new)})
            where = f"id IN ({candidates}) AND audience = %(audience)s AND {kind} = %(old)s"
            found = [link for (link,) in db.ask(f"SELECT id FROM magiclink_links WHERE {where}", values)]
            for some in queries.split(found):
                listed, bound = queries.bind_list("id", some)
                change = f"UPDATE magiclink_links SET {kind} = %({kind})s WHERE id IN ({listed})"
                db.change(change, values | bound)
                _rename_lookups(db, some, *keys)


def _rename_lookups(db: Session, links: Sequence[str], old: bytes, new: bytes) -> None:
    listed, values = queries.bind_list("id", links)
    periods, bound = queries.bind_list("period", sorted({_derive_period(link) for link in links}))
    key = db.dialect.quote_name("key")
    where = f"period IN ({periods}) AND {key} = %(old)s AND link IN ({listed})"
    values |= bound | {"old": old.hex(), "new": new.hex()}
    db.change(f"UPDATE magiclink_lookups SET {key} = %(new)s WHERE {where}", values)


def _derive_period(link: str) -> str:
    link_id = parse_key(link)
    return link.removesuffix(link_id.hex()) + lookup_keys.number_period(link_id).hex()


def deliver(db: Session, audience: str, link_id: bytes, *, now: int) -> None:
    """Remember that the mail server took a link, and end what it replaces."""
    values = queries.bind_link(audience, link_id)
    db.change(statements.DELIVER, values | {"now": now})
    record = queries.read_first(db, statements.GET, values)
    if record and record.supersede == Supersede.ON_DELIVERY and record.state_at(now) is State.OUTSTANDING:
        _supersede_replaced(db, record, now)


def _supersede_replaced(db: Session, record: Record, now: int) -> None:
    if record.origin == Origin.RENEW:
        queries.supersede_parent(db, record, now=now)
    else:
        queries.supersede_older(db, record, now=now)


def purge(db: Session, audience: str, *, before: int, limit: int) -> int:
    """Forget the links that expired before an instant, the earliest first, with their notes; return how many."""
    values: Values = {"audience": audience, "first": make_prefix(audience)}
    values |= {"end": values["first"] + bindings.derive_end(before).hex(), "limit": max(limit, 0)}
    where = "id > %(first)s AND id < %(end)s AND audience = %(audience)s"
    gone = db.ask(f"SELECT id, subject FROM magiclink_links WHERE {where} ORDER BY id LIMIT %(limit)s", values)
    if not gone:
        return 0
    subjects = sorted({subject for _, subject in gone})
    lock_subjects(db, audience, subjects)
    count = 0
    for some in queries.split([link for link, _ in gone]):
        listed, bound = queries.bind_list("id", some)
        count += db.change(f"DELETE FROM magiclink_links WHERE id IN ({listed})", bound)
    values["last"] = gone[-1][0]
    db.change("DELETE FROM magiclink_notes WHERE link > %(first)s AND link <= %(last)s", values)
    _purge_subjects(db, audience, subjects, parse_key(values["last"]))
    return count


def _purge_subjects(db: Session, audience: str, subjects: Sequence[str], last: bytes) -> None:
    """Forget subjects whose highest id has been passed: links go strictly in the order of their ids."""
    for some in queries.split(subjects):
        listed, values = queries.bind_list("subject", some)
        where = f"audience = %(audience)s AND subject IN ({listed}) AND last_link <= %(last)s"
        db.change(f"DELETE FROM magiclink_subjects WHERE {where}", values | {"audience": audience, "last": last.hex()})


def purge_lookups(db: Session, audience: str, *, before: int, limit: int) -> None:
    """Forget lookup keys in periods that are over and have no link any more."""
    live = queries.list_periods(db, audience)
    begin, key = make_prefix(audience), db.dialect.quote_name("key")
    # Never a period that isn't over: another machine may just be issuing the first link in it.
    over = begin + lookup_keys.number_period(bindings.derive_end(before - SECOND)).hex()
    values: Values = {"first": begin, "dead": min([over, *live[:1]]), "most": max(limit, 0) * lookup_keys.KEYS_A_LINK}
    where = "period > %(first)s AND period < %(dead)s"
    order = f"ORDER BY period, {key}, link LIMIT 1 OFFSET %(most)s"
    last = db.ask(f"SELECT period, {key}, link FROM magiclink_lookups WHERE {where} {order}", values)
    if last:
        values |= dict(zip(("period", "key", "link"), last[0], strict=True))
        behind = f"{key} < %(key)s OR ({key} = %(key)s AND link <= %(link)s)"
        where += f" AND (period < %(period)s OR (period = %(period)s AND ({behind})))"
    db.change(f"DELETE FROM magiclink_lookups WHERE {where}", values)
