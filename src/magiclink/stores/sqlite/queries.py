"""How the SQLite store finds links by lookup keys: statements whose text depends on how many values they have."""

# ruff: noqa: S608
# No value is ever part of a text here: what is put in are the names of columns, and as many marks as there are values.

from __future__ import annotations

from typing import TYPE_CHECKING

from .. import lookup_keys
from ..bindings import choose_lookup
from .statements import OUTSTANDING, REVOKE_WHERE, SELECT, SUPERSEDE_WHERE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ...records import Record, Selector

    Statement = tuple[str, dict[str, object]]

# Hops over the primary key from one period to the next; an audience has about as many as its links live months.
_PERIODS = """
WITH RECURSIVE periods (period) AS (
    SELECT min(lookups.period) FROM lookups WHERE lookups.period BETWEEN :first AND :last
    UNION ALL
    SELECT (SELECT min(lookups.period) FROM lookups WHERE lookups.period > periods.period AND lookups.period <= :last)
    FROM periods WHERE periods.period IS NOT NULL
)"""

_CANDIDATES = f"{_PERIODS} SELECT lookups.link_id FROM periods CROSS JOIN lookups ON lookups.period = periods.period"

_RENAME = f"""
UPDATE OR REPLACE lookups SET key = :new WHERE key = :key0 AND period IN ({_PERIODS} SELECT period FROM periods)"""

_BEHIND = "(SELECT issued_at, link_id FROM links WHERE audience = :audience AND link_id = :after)"


def read_newest(audience: str, series: Sequence[bytes]) -> Statement:
    """Read the record with the highest number of a series, which has a name under every key of the ring."""
    where, values = _look_up(audience, "series", series)
    return f"{SELECT}{where} ORDER BY links.number DESC LIMIT 1", values


def find(selector: Selector, *, limit: int, after: bytes | None) -> Statement:
    """Read a page of what matches, newest first."""
    where, values = _match(selector)
    behind = f"(:after IS NULL OR (links.issued_at, links.link_id) < {_BEHIND})"
    order = "ORDER BY links.issued_at DESC, links.link_id DESC LIMIT :limit"
    # For SQLite a limit below zero is none at all.
    return f"{SELECT}{where} AND {behind} {order}", values | {"after": after, "limit": max(limit, 0)}


def revoke(selector: Selector, *, now: int, reason: str) -> Statement:
    """Withdraw what matches."""
    where, values = _match(selector)
    return REVOKE_WHERE + where, values | {"now": now, "reason": reason}


def supersede_older(record: Record, *, now: int) -> Statement:
    """End every link of a record's series that has a lower number."""
    where, values = _look_up(record.audience, "series", [record.series])
    return f"{SUPERSEDE_WHERE}{where} AND number < :number", values | {"now": now, "number": record.number}


def supersede_others(record: Record, *, now: int) -> Statement:
    """End the other outstanding links of a record's purpose, subject and recipient."""
    where, values = _look_up(record.audience, "subject", [record.subject])
    others = f"purpose = :purpose AND recipient IS :recipient AND links.link_id <> :link_id AND {OUTSTANDING}"
    values |= {"now": now, "purpose": record.purpose, "recipient": record.recipient, "link_id": record.link_id}
    return f"{SUPERSEDE_WHERE}{where} AND {others}", values


def rename(audience: str, kind: str, old: bytes, new: bytes) -> list[Statement]:
    """Put a name under the signing key in the place of one under a retired key, for `series` or `recipient`."""
    where, values = _look_up(audience, kind, [old])
    records = f"UPDATE links SET {kind} = :new WHERE {where}", values | {"new": new}
    return [records, (_RENAME, values | {"new": lookup_keys.derive_key(kind, new)})]


def _match(selector: Selector) -> Statement:
    """Return the condition under which `Selector.matches`; the rarest field that it has leads to the candidates."""
    fields = {name: getattr(selector, name) for name in ("resource", "subject", "purpose")}
    conditions = [f"links.{name} = :{name}" for name, value in fields.items() if value is not None]
    if selector.issued_before is not None:
        conditions.append("links.issued_at < :issued_before")
    lookup = choose_lookup(selector)
    where, values = _look_up(selector.audience, *lookup) if lookup else ("links.audience = :audience", {})
    values |= {**fields, "audience": selector.audience, "issued_before": selector.issued_before}
    return " AND ".join([where, *conditions]), values


def _look_up(audience: str, kind: str, values: Sequence[bytes | str]) -> Statement:
    """Return the condition under which a link has one of some values. Lookup keys only give candidates."""
    first, last = lookup_keys.derive_bounds(audience)
    bound: dict[str, object] = {"audience": audience, "first": first, "last": last}
    bound |= {f"value{index}": value for index, value in enumerate(values)}
    bound |= {f"key{index}": lookup_keys.derive_key(kind, value) for index, value in enumerate(values)}
    marks = ", ".join(f":value{index}" for index in range(len(values)))
    candidates = f"{_CANDIDATES} AND lookups.key IN ({marks.replace(':value', ':key')})"
    return f"links.audience = :audience AND links.{kind} IN ({marks}) AND links.link_id IN ({candidates})", bound
