"""How the SQLAlchemy store finds links, and the conditions under which it changes them.

A condition here restates a rule of `records.py`, which is the reference: `State`, `Terms.met_by`, `Selector.matches`.
Nothing is decided here, and no transaction begins or ends.

Links are found by name first and then changed by their keys, in two statements: MariaDB reads a whole table for an
UPDATE whose condition is a subquery.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import and_, or_, select, update

from ...records import CLOCK_SKEW, Record
from .. import lookup_keys
from . import schema as tables
from .schema import links, subjects

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from sqlalchemy import ColumnElement, Connection, Row, Select

    from ...records import Selector, Terms

    Conditions = Sequence[ColumnElement[bool]]

BATCH = 500
"""How many keys one statement names."""

_LARGEST = 2**63 - 1

_GENERATION = (
    select(subjects.c.generation)
    .where(subjects.c.audience == links.c.audience, subjects.c.subject == links.c.subject)
    .correlate(links)
    .scalar_subquery()
)

STANDING = and_(links.c.revoked_at.is_(None), links.c.generation == _GENERATION)
"""Not revoked, neither by itself nor by its subject."""

_READ: Select[Any] = select(
    *links.c,
    subjects.c.generation.label("subject_generation"),
    subjects.c.revoked_at.label("subject_revoked_at"),
    subjects.c.reason.label("subject_reason"),
).join(subjects, and_(subjects.c.audience == links.c.audience, subjects.c.subject == links.c.subject))


def batches(keys: Sequence[Any]) -> Iterator[Sequence[Any]]:
    """Cut keys into as many as one statement may name."""
    return (keys[start : start + BATCH] for start in range(0, len(keys), BATCH))


def outstanding(now: int) -> ColumnElement[bool]:
    """Return the condition under which `state_at(now)` is outstanding."""
    left = or_(links.c.max_uses.is_(None), links.c.uses < links.c.max_uses)
    return and_(STANDING, links.c.superseded_at.is_(None), left, links.c.expires_at > now)


def met(terms: Terms) -> ColumnElement[bool]:
    """Return the condition under which `Terms.met_by` holds. Sums are made here: a database's would overflow."""
    conditions = [
        links.c.purpose == terms.purpose,
        outstanding(terms.now),
        links.c.issued_at > max(terms.now - terms.lifetime, -_LARGEST),
        links.c.issued_at <= min(terms.now + CLOCK_SKEW, _LARGEST),
        links.c.stamp.is_not_distinct_from(terms.stamp),
    ]
    if terms.max_uses is not None:
        conditions.append(links.c.uses < terms.max_uses)
    if terms.attempt is not None:
        since = max(terms.now - terms.reclick, -_LARGEST)
        other = links.c.attempt.is_distinct_from(terms.attempt)
        conditions.append(or_(other, links.c.last_used_at.is_(None), links.c.last_used_at <= since))
    return and_(*conditions)


def key(audience: str, *link_ids: bytes) -> ColumnElement[bool]:
    """Return the condition that names some links by their ids."""
    return and_(links.c.audience == audience, links.c.link_id.in_(link_ids))


def get(db: Connection, audience: str, link_id: bytes) -> Record | None:
    """Read one record, or None."""
    return seen(db.execute(_READ.where(key(audience, link_id))).one_or_none())


def seen(row: Row[Any] | None) -> Record | None:
    """Make a record of a row; one of an older generation comes as revoked, as its subject was."""
    if row is None:
        return None
    record = Record._make(row[: len(Record._fields)])
    if record.revoked_at is not None or record.generation == row.subject_generation:
        return record
    return record._replace(revoked_at=row.subject_revoked_at, revoke_reason=row.subject_reason)


def newest(db: Connection, audience: str, series: Sequence[bytes]) -> Record | None:
    """Read the record with the highest number of a series, which may go by several names."""
    where = _named(db, audience, "series", series)
    return seen(db.execute(_READ.where(*where).order_by(links.c.number.desc()).limit(1)).one_or_none())


def find(db: Connection, selector: Selector, *, limit: int, after: bytes | None) -> list[Record]:
    """Read a page of what matches, newest first."""
    where = matching(db, selector)
    if after is not None:
        last = get(db, selector.audience, after)
        if last is None:
            return []
        same = and_(links.c.issued_at == last.issued_at, links.c.link_id < last.link_id)
        where = [*where, or_(links.c.issued_at < last.issued_at, same)]
    page = _READ.where(*where).order_by(links.c.issued_at.desc(), links.c.link_id.desc())
    rows = db.execute(page.limit(min(max(limit, 0), _LARGEST)))
    return [record for record in map(seen, rows) if record is not None]


def matching(db: Connection, selector: Selector) -> Conditions:
    """Return the conditions under which `Selector.matches`, narrowed by the names of the rarest field that is given."""
    equal = {field: getattr(selector, field) for field in ("purpose", "resource", "subject")}
    conditions = [links.c[field] == value for field, value in equal.items() if value is not None]
    if selector.issued_before is not None:
        conditions.append(links.c.issued_at < selector.issued_before)
    return [*_narrowed(db, selector), *conditions]


def _narrowed(db: Connection, selector: Selector) -> Conditions:
    if selector.recipients is not None:
        return _named(db, selector.audience, "recipient", selector.recipients)
    if selector.resource is not None:
        return _named(db, selector.audience, "resource", [selector.resource])
    if selector.subject is not None:
        return _named(db, selector.audience, "subject", [selector.subject])
    return [links.c.audience == selector.audience]


def _named(db: Connection, audience: str, kind: str, sought: Sequence[bytes | str]) -> Conditions:
    """Return the conditions under which a link has one of some values; the record decides, its names only lead there."""
    led = led_by(db, audience, [lookup_keys.derive_key(kind, value) for value in sought])
    return [links.c.audience == audience, links.c[kind].in_(sought), links.c.link_id.in_(led)]


def led_by(db: Connection, audience: str, sought: Sequence[bytes]) -> Select[tuple[bytes]]:
    """Return the link ids to which some names lead, in all buckets that the audience may have links in."""
    kept = tables.names.c
    return select(kept.link_id).where(kept.bucket.in_(live(db, audience)), kept.name.in_(sought))


def live(db: Connection, audience: str) -> list[bytes]:
    """Return every bucket from that of the audience's first link to that of its last."""
    ids = select(links.c.link_id).where(links.c.audience == audience)
    # Not min() and max(), which PostgreSQL has for bytes since version 18 only.
    first, last = (
        ids.order_by(order).limit(1).scalar_subquery() for order in (links.c.link_id, links.c.link_id.desc())
    )
    ends = db.execute(select(first, last)).one()
    if ends[0] is None:
        return []
    first_period, last_period = (int.from_bytes(lookup_keys.number_period(link_id), "big") for link_id in ends)
    return [
        lookup_keys.derive_prefix(audience) + period.to_bytes(2, "big")
        for period in range(first_period, last_period + 1)
    ]


def supersede_older(db: Connection, record: Record, *, now: int) -> None:
    """End every link of a record's series that has a lower number."""
    where = _named(db, record.audience, "series", [record.series])
    _supersede(db, record.audience, [*where, links.c.number < record.number], now)


def supersede_parent(db: Connection, record: Record, *, now: int) -> None:
    """End the link that a record was reissued from."""
    _supersede(db, record.audience, [key(record.audience, record.parent or b"")], now)


def supersede_others(db: Connection, record: Record, *, now: int) -> None:
    """End the other outstanding links of a record's purpose, subject and recipient."""
    where = _named(db, record.audience, "subject", [record.subject])
    same = links.c.purpose == record.purpose, links.c.recipient.is_not_distinct_from(record.recipient)
    others = [*where, *same, links.c.link_id != record.link_id, outstanding(now)]
    _supersede(db, record.audience, others, now)


def _supersede(db: Connection, audience: str, where: Conditions, now: int) -> None:
    guard = and_(STANDING, links.c.superseded_at.is_(None))
    found = db.scalars(select(links.c.link_id).where(*where, guard)).all()
    for some in batches(found):
        db.execute(update(links).where(key(audience, *some), guard).values(superseded_at=now))


def revoke(db: Connection, audience: str, link_ids: Sequence[bytes], *, now: int, reason: str) -> None:
    """Withdraw some links, whatever became of them; what was revoked before keeps its instant and reason."""
    for some in batches(link_ids):
        db.execute(update(links).where(key(audience, *some), STANDING).values(revoked_at=now, revoke_reason=reason))
