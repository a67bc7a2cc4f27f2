"""How the Django store finds links, by name first and then by key, and what it changes of those that it found.

Two statements, since MariaDB reads a whole table for an UPDATE whose condition is a subquery. Nothing is decided here,
and no transaction begins or ends.
"""

# ruff: noqa: S608
# No value is ever part of a text here: what is put in are the names of columns, and as many marks as there are values.

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ...records import CLOCK_SKEW, Record
from ...stores import lookup_keys
from ...stores.selftest import LARGEST
from . import statements
from .encoding import fitting, hexed, link_id_of, link_key, prefix, record

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from ...records import Selector, Terms
    from .connections import Session
    from .encoding import Values

    Condition = tuple[str, Values]

BATCH = 500
"""How many keys one statement names."""

# Not min() and max(), for which SQLite reads all that lies between.
_END = "(SELECT id FROM magiclink_links WHERE id > %(first)s AND id < %(last)s ORDER BY id {}LIMIT 1)"
_ENDS = f"SELECT {_END.format('')}, {_END.format('DESC ')}"


def batches(keys: Sequence[Any]) -> Iterator[Sequence[Any]]:
    """Cut keys into as many as one statement may name."""
    return (keys[start : start + BATCH] for start in range(0, len(keys), BATCH))


def marks(word: str, sought: Sequence[object]) -> Condition:
    """Return marks for some values, to stand in an IN, and the values by them; of none at all nothing is in."""
    values: Values = {f"{word}{place}": value for place, value in enumerate(sought)}
    return ", ".join(f"%({mark})s" for mark in values) or "NULL", values


def link(audience: str, link_id: bytes) -> Values:
    """Return the values that name one link."""
    return {"audience": audience, "id": link_key(audience, link_id)}


def bound(link_id: bytes, terms: Terms) -> Values:
    """Bind terms. Sums are made here: a database's would overflow."""
    return {
        "audience": terms.audience,
        "id": link_key(terms.audience, link_id),
        "purpose": terms.purpose,
        "now": terms.now,
        "issued_after": max(terms.now - terms.lifetime, -LARGEST),
        "issued_until": min(terms.now + CLOCK_SKEW, LARGEST),
        "max_uses": terms.max_uses,
        "stamp": hexed(terms.stamp),
        "attempt": hexed(terms.attempt),
        "reclick_after": max(terms.now - terms.reclick, -LARGEST),
    }


def first(db: Session, statement: str, values: Mapping[str, object]) -> Record | None:
    """Read one record, or None."""
    rows = db.ask(statement, values)
    return record(rows[0]) if rows else None


def get(db: Session, audience: str, link_id: bytes) -> Record | None:
    """Read one record, or None."""
    return first(db, statements.GET, link(audience, link_id))


def newest(db: Session, audience: str, series: Sequence[bytes]) -> Record | None:
    """Read the record with the highest number of a series, which may go by several names."""
    where, values = _named(db, audience, "series", series)
    return first(db, f"{statements.SELECT}{where} ORDER BY links.number DESC LIMIT 1", values)


def find(db: Session, selector: Selector, *, limit: int, after: bytes | None) -> list[Record]:
    """Read a page of what matches, newest first."""
    where, values = matching(db, selector)
    if after is not None:
        last = get(db, selector.audience, after)
        if last is None:
            return []
        same = "links.issued_at = %(after_at)s AND links.id < %(after)s"
        where = f"{where} AND (links.issued_at < %(after_at)s OR ({same}))"
        values |= {"after_at": last.issued_at, "after": link_key(last.audience, last.link_id)}
    order = "ORDER BY links.issued_at DESC, links.id DESC LIMIT %(limit)s"
    values["limit"] = min(max(limit, 0), LARGEST)
    return [record(row) for row in db.ask(f"{statements.SELECT}{where} {order}", values)]


def matching(db: Session, selector: Selector) -> Condition:
    """Return the condition under which `Selector.matches`, narrowed by the names of the rarest field that is given."""
    equal = {field: getattr(selector, field) for field in ("purpose", "resource", "subject")}
    equal = {field: value for field, value in equal.items() if value is not None}
    conditions = [f"links.{field} = %({field})s" for field in equal]
    if selector.issued_before is not None:
        conditions.append("links.issued_at < %(issued_before)s")
    where, values = _narrowed(db, selector)
    values |= equal | {"issued_before": selector.issued_before}
    return " AND ".join([where, *conditions]), values


def _narrowed(db: Session, selector: Selector) -> Condition:
    if selector.recipients is not None:
        return _named(db, selector.audience, "recipient", selector.recipients)
    if selector.resource is not None:
        return _named(db, selector.audience, "resource", [selector.resource])
    if selector.subject is not None:
        return _named(db, selector.audience, "subject", [selector.subject])
    return "links.audience = %(audience)s", {"audience": selector.audience}


def _named(db: Session, audience: str, kind: str, sought: Sequence[bytes | str]) -> Condition:
    """Return the condition under which a link has one of some values; the record decides, its names only lead there."""
    led, values = led_by(db, audience, [lookup_keys.derive_key(kind, value) for value in sought])
    equal, given = marks("value", [hexed(value) for value in sought])
    where = f"links.audience = %(audience)s AND links.{kind} IN ({equal}) AND links.id IN ({led})"
    return where, values | given | {"audience": audience}


def led_by(db: Session, audience: str, sought: Sequence[bytes]) -> Condition:
    """Return the keys to which some names lead, in all buckets that the audience may have links in."""
    buckets, values = marks("bucket", live(db, audience))
    named, given = marks("name", [each.hex() for each in sought])
    return f"SELECT link FROM magiclink_names WHERE bucket IN ({buckets}) AND name IN ({named})", values | given


def live(db: Session, audience: str) -> list[str]:
    """Return every bucket from that of the audience's first link to that of its last."""
    begin = prefix(audience)
    [(earliest, latest)] = db.ask(_ENDS, {"first": begin, "last": begin + "g"})
    if earliest is None:
        return []
    first_period, last_period = (
        int.from_bytes(lookup_keys.number_period(link_id_of(each)), "big") for each in (earliest, latest)
    )
    return [begin + period.to_bytes(2, "big").hex() for period in range(first_period, last_period + 1)]


def supersede_older(db: Session, record: Record, *, now: int) -> None:
    """End every link of a record's series that has a lower number."""
    where, values = _named(db, record.audience, "series", [record.series])
    _supersede(db, f"{where} AND links.number < %(number)s", values | {"number": record.number}, now)


def supersede_parent(db: Session, record: Record, *, now: int) -> None:
    """End the link that a record was reissued from."""
    where = "links.id = %(id)s AND links.audience = %(audience)s"
    _supersede(db, where, link(record.audience, record.parent or b""), now)


def supersede_others(db: Session, record: Record, *, now: int) -> None:
    """End the other outstanding links of a record's purpose, subject and recipient."""
    where, values = _named(db, record.audience, "subject", [record.subject])
    same = db.dialect.same("links.recipient", "%(recipient)s")
    others = f"links.purpose = %(purpose)s AND {same} AND links.id <> %(id)s AND {statements.OUTSTANDING}"
    values |= link(record.audience, record.link_id)
    values |= {"purpose": record.purpose, "recipient": hexed(record.recipient)}
    _supersede(db, f"{where} AND {others}", values, now)


def _supersede(db: Session, where: str, values: Values, now: int) -> None:
    guard = f"links.superseded_at IS NULL AND {statements.STANDING}"
    found = db.ask(f"SELECT links.id FROM magiclink_links AS links WHERE {where} AND {guard}", values | {"now": now})
    for some in batches([link for (link,) in found]):
        listed, given = marks("id", some)
        change = f"{statements.UPDATE}superseded_at = %(now)s WHERE links.id IN ({listed}) AND {guard}"
        db.change(change, given | {"now": now})


def revoke(db: Session, links: Sequence[str], *, now: int, reason: str) -> None:
    """Withdraw some links, whatever became of them; what was revoked before keeps its instant and reason."""
    values = fitting("Link", {"now": now, "revoke_reason": reason})
    for some in batches(links):
        listed, given = marks("id", some)
        change = f"{statements.UPDATE}revoked_at = %(now)s, revoke_reason = %(revoke_reason)s"
        db.change(f"{change} WHERE links.id IN ({listed}) AND {statements.STANDING}", values | given)
