"""How links are found, by lookup key first and then by primary key, and what is changed of those that were found.

Two statements, since MariaDB reads a whole table for an UPDATE whose condition is a subquery. Nothing is decided here,
and no transaction begins or ends.
"""

# ruff: noqa: S608
# No value is ever part of a text here: what is put in are names of columns, and as many placeholders as values.

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .. import bindings, lookup_keys
from ..base import LARGEST
from . import statements
from .encoding import make_key, make_prefix, parse_key, read_record, to_hex

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from ...records import Record, Selector, Terms
    from .connections import Session
    from .encoding import Values

    Condition = tuple[str, Values]

BATCH = 500
"""How many keys one statement names."""

# Not min() and max(), for which SQLite reads all that lies between.
_END = "(SELECT id FROM magiclink_links WHERE id > %(first)s AND id < %(last)s ORDER BY id {}LIMIT 1)"
_ENDS = f"SELECT {_END.format('')}, {_END.format('DESC ')}"


def split(keys: Sequence[Any]) -> Iterator[Sequence[Any]]:
    """Cut keys into as many as one statement may name."""
    return (keys[start : start + BATCH] for start in range(0, len(keys), BATCH))


def bind_list(name: str, items: Sequence[object]) -> Condition:
    """Return placeholders for some values, to stand in an IN, and the values by them; nothing is in an empty list."""
    values: Values = {f"{name}{index}": item for index, item in enumerate(items)}
    return ", ".join(f"%({each})s" for each in values) or "NULL", values


def bind_link(audience: str, link_id: bytes) -> Values:
    """Return the values that name one link."""
    return {"audience": audience, "id": make_key(audience, link_id)}


def bind_terms(link_id: bytes, terms: Terms) -> Values:
    """Return the values of terms, as the columns have them."""
    values = {name: to_hex(value) for name, value in bindings.bind_terms(link_id, terms).items()}
    return values | bind_link(terms.audience, link_id)


def read_first(db: Session, statement: str, values: Mapping[str, object]) -> Record | None:
    """Return the first record that a statement reads, or None."""
    rows = db.ask(statement, values)
    return read_record(rows[0]) if rows else None


def get(db: Session, audience: str, link_id: bytes) -> Record | None:
    """Return one record, or None."""
    return read_first(db, statements.GET, bind_link(audience, link_id))


def read_newest(db: Session, audience: str, series: Sequence[bytes]) -> Record | None:
    """Return the record with the highest number of a series, which may go by several names."""
    where, values = _match_any(db, audience, "series", series)
    return read_first(db, f"{statements.SELECT}{where} ORDER BY links.number DESC LIMIT 1", values)


def find(db: Session, selector: Selector, *, limit: int, after: bytes | None) -> list[Record]:
    """Return a page of what matches, newest first."""
    where, values = match(db, selector)
    if after is not None:
        last = get(db, selector.audience, after)
        if last is None:
            return []
        same = "links.issued_at = %(after_at)s AND links.id < %(after)s"
        where = f"{where} AND (links.issued_at < %(after_at)s OR ({same}))"
        values |= {"after_at": last.issued_at, "after": make_key(last.audience, last.link_id)}
    order = "ORDER BY links.issued_at DESC, links.id DESC LIMIT %(limit)s"
    values["limit"] = min(max(limit, 0), LARGEST)
    return [read_record(row) for row in db.ask(f"{statements.SELECT}{where} {order}", values)]


def match(db: Session, selector: Selector) -> Condition:
    """Return the condition under which `Selector.matches`, narrowed by the lookup keys of the rarest field it has."""
    equal = {field: getattr(selector, field) for field in ("purpose", "resource", "subject")}
    equal = {field: value for field, value in equal.items() if value is not None}
    conditions = [f"links.{field} = %({field})s" for field in equal]
    if selector.issued_before is not None:
        conditions.append("links.issued_at < %(issued_before)s")
    where, values = _match_rarest(db, selector)
    values |= equal | {"issued_before": selector.issued_before}
    return " AND ".join([where, *conditions]), values


def _match_rarest(db: Session, selector: Selector) -> Condition:
    lookup = bindings.choose_lookup(selector)
    if lookup is None:
        return "links.audience = %(audience)s", {"audience": selector.audience}
    return _match_any(db, selector.audience, *lookup)


def _match_any(db: Session, audience: str, kind: str, items: Sequence[bytes | str]) -> Condition:
    """Return the condition under which a link has one of some values; lookup keys only lead there, the row decides."""
    candidates, values = select_candidates(db, audience, [lookup_keys.derive_key(kind, item) for item in items])
    listed, bound = bind_list("value", [to_hex(item) for item in items])
    where = f"links.audience = %(audience)s AND links.{kind} IN ({listed}) AND links.id IN ({candidates})"
    return where, values | bound | {"audience": audience}


def select_candidates(db: Session, audience: str, keys: Sequence[bytes]) -> Condition:
    """Return the links to which some lookup keys lead, in all periods in which the audience may have links."""
    periods, values = bind_list("period", list_periods(db, audience))
    listed, bound = bind_list("key", [key.hex() for key in keys])
    column = db.dialect.quote_name("key")
    return f"SELECT link FROM magiclink_lookups WHERE period IN ({periods}) AND {column} IN ({listed})", values | bound


def list_periods(db: Session, audience: str) -> list[str]:
    """Return every period from that of the audience's first link to that of its last."""
    begin = make_prefix(audience)
    [(earliest, latest)] = db.ask(_ENDS, {"first": begin, "last": begin + "g"})
    if earliest is None:
        return []
    first, last = (int.from_bytes(lookup_keys.number_period(parse_key(each)), "big") for each in (earliest, latest))
    return [f"{begin}{period:04x}" for period in range(first, last + 1)]


def supersede_older(db: Session, record: Record, *, now: int) -> None:
    """End every link of a record's series that has a lower number."""
    where, values = _match_any(db, record.audience, "series", [record.series])
    _supersede(db, f"{where} AND links.number < %(number)s", values | {"number": record.number}, now)


def supersede_parent(db: Session, record: Record, *, now: int) -> None:
    """End the link that a record was reissued from."""
    where = "links.id = %(id)s AND links.audience = %(audience)s"
    _supersede(db, where, bind_link(record.audience, record.parent or b""), now)


def supersede_others(db: Session, record: Record, *, now: int) -> None:
    """End the other outstanding links of a record's purpose, subject and recipient."""
    where, values = _match_any(db, record.audience, "subject", [record.subject])
    same = db.dialect.match("links.recipient", "%(recipient)s")
    others = f"links.purpose = %(purpose)s AND {same} AND links.id <> %(id)s AND {statements.OUTSTANDING}"
    values |= bind_link(record.audience, record.link_id)
    values |= {"purpose": record.purpose, "recipient": to_hex(record.recipient)}
    _supersede(db, f"{where} AND {others}", values, now)


def _supersede(db: Session, where: str, values: Values, now: int) -> None:
    guard = f"links.superseded_at IS NULL AND {statements.LIVE}"
    found = db.ask(f"SELECT links.id FROM magiclink_links AS links WHERE {where} AND {guard}", values | {"now": now})
    for some in split([link for (link,) in found]):
        listed, bound = bind_list("id", some)
        change = f"{statements.UPDATE}superseded_at = %(now)s WHERE links.id IN ({listed}) AND {guard}"
        db.change(change, bound | {"now": now})


def revoke(db: Session, links: Sequence[str], values: Values) -> None:
    """Withdraw some links, whatever became of them; what was revoked before keeps its instant and reason."""
    for some in split(links):
        listed, bound = bind_list("id", some)
        change = f"{statements.UPDATE}revoked_at = %(now)s, revoke_reason = %(revoke_reason)s"
        db.change(f"{change} WHERE links.id IN ({listed}) AND {statements.LIVE}", values | bound)
