"""How the SQLite store finds links by name: statements whose text depends on how many values are asked for."""

# ruff: noqa: S608
# No value is ever part of a text here: what is put in are the names of columns, and as many marks as there are values.

from __future__ import annotations

from typing import TYPE_CHECKING

from .. import lookup_keys
from .statements import OUTSTANDING, REVOKE_WHERE, SELECT, SUPERSEDE_WHERE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ...records import Record, Selector

    Statement = tuple[str, dict[str, object]]

# Hops over the primary key from one bucket to the next; an audience has about as many as its links live months.
_LIVE = """
WITH RECURSIVE live (period) AS (
    SELECT min(lookups.period) FROM lookups WHERE lookups.period BETWEEN :first AND :last
    UNION ALL
    SELECT (SELECT min(lookups.period) FROM lookups WHERE lookups.period > live.period AND lookups.period <= :last)
    FROM live WHERE live.period IS NOT NULL
)"""

_LED = f"{_LIVE} SELECT lookups.link_id FROM live CROSS JOIN lookups ON lookups.period = live.period"

_RENAME = f"UPDATE OR REPLACE lookups SET key = :new WHERE key = :key0 AND period IN ({_LIVE} SELECT period FROM live)"

_BEHIND = "(SELECT issued_at, link_id FROM links WHERE audience = :audience AND link_id = :after)"


def newest(audience: str, series: Sequence[bytes]) -> Statement:
    """Read the record with the highest number of a series, which may go by several names."""
    where, values = _named(audience, "series", series)
    return f"{SELECT}{where} ORDER BY links.number DESC LIMIT 1", values


def find(selector: Selector, *, limit: int, after: bytes | None) -> Statement:
    """Read a page of what matches, newest first."""
    where, values = _matching(selector)
    behind = f"(:after IS NULL OR (links.issued_at, links.link_id) < {_BEHIND})"
    order = "ORDER BY links.issued_at DESC, links.link_id DESC LIMIT :limit"
    # For SQLite a limit below zero is none at all.
    return f"{SELECT}{where} AND {behind} {order}", values | {"after": after, "limit": max(limit, 0)}


def revoke(selector: Selector, *, now: int, reason: str) -> Statement:
    """Withdraw what matches."""
    where, values = _matching(selector)
    return REVOKE_WHERE + where, values | {"now": now, "reason": reason}


def supersede_older(record: Record, *, now: int) -> Statement:
    """End every link of a record's series that has a lower number."""
    where, values = _named(record.audience, "series", [record.series])
    return f"{SUPERSEDE_WHERE}{where} AND number < :number", values | {"now": now, "number": record.number}


def supersede_others(record: Record, *, now: int) -> Statement:
    """End the other outstanding links of a record's purpose, subject and recipient."""
    where, values = _named(record.audience, "subject", [record.subject])
    others = f"purpose = :purpose AND recipient IS :recipient AND links.link_id <> :link_id AND {OUTSTANDING}"
    values |= {"now": now, "purpose": record.purpose, "recipient": record.recipient, "link_id": record.link_id}
    return f"{SUPERSEDE_WHERE}{where} AND {others}", values


def rename(audience: str, old: bytes, new: bytes) -> list[Statement]:
    """Put a name under the signing key in the place of one under a retired key: series and recipients alike."""
    return [statement for kind in ("series", "recipient") for statement in _rename(audience, kind, old, new)]


def _rename(audience: str, kind: str, old: bytes, new: bytes) -> list[Statement]:
    where, values = _named(audience, kind, [old])
    records = f"UPDATE links SET {kind} = :new WHERE {where}", values | {"new": new}
    return [records, (_RENAME, values | {"new": lookup_keys.derive_key(kind, new)})]


def _matching(selector: Selector) -> Statement:
    """Return the condition under which `Selector.matches`, narrowed by the names of the rarest field that is given."""
    equal = {field: getattr(selector, field) for field in ("resource", "subject", "purpose")}
    equal = {field: value for field, value in equal.items() if value is not None}
    conditions = [f"links.{field} = :{field}" for field in equal]
    if selector.issued_before is not None:
        conditions.append("links.issued_at < :issued_before")
    where, values = _narrowed(selector)
    values |= equal | {"issued_before": selector.issued_before}
    return " AND ".join([where, *conditions]), values


def _narrowed(selector: Selector) -> Statement:
    if selector.recipients is not None:
        return _named(selector.audience, "recipient", selector.recipients)
    if selector.resource is not None:
        return _named(selector.audience, "resource", [selector.resource])
    if selector.subject is not None:
        return _named(selector.audience, "subject", [selector.subject])
    return "links.audience = :audience", {"audience": selector.audience}


def _named(audience: str, kind: str, sought: Sequence[bytes | str]) -> Statement:
    """Return the condition under which a link has one of some values; the record decides, its names only lead there."""
    prefix = lookup_keys.derive_prefix(audience)
    values: dict[str, object] = {
        "audience": audience,
        "first": prefix + lookup_keys.FIRST,
        "last": prefix + lookup_keys.LAST,
    }
    values |= {f"value{place}": value for place, value in enumerate(sought)}
    values |= {f"key{place}": lookup_keys.derive_key(kind, value) for place, value in enumerate(sought)}
    marks = ", ".join(f":value{place}" for place in range(len(sought)))
    led = f"{_LED} AND lookups.key IN ({marks.replace(':value', ':key')})"
    return f"links.audience = :audience AND links.{kind} IN ({marks}) AND links.link_id IN ({led})", values
