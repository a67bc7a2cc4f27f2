"""The statements that read or change a record. Values are bound.

A condition here restates a rule of `records.py`, which is the reference: `State`, `Terms.met_by`, `Selector.matches`.
Whatever writes a link locks the row of its subject first. On PostgreSQL that happens in the statement that writes: a
statement that has waited for a row reads that row anew, but no other, so that a generation from a plain subquery would
be the one before the wait, and a use would be written after the revocation has returned.
"""

# ruff: noqa: S608
# No value is ever part of a text here: what is put in are names of columns, and as many placeholders as values.

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from ..bindings import write_fields
from .encoding import COLUMNS

if TYPE_CHECKING:
    from .dialects import Dialect

_JOINED = (
    "magiclink_links AS links JOIN magiclink_subjects AS subjects"
    " ON subjects.audience = links.audience AND subjects.subject = links.subject"
)

SELECT = f"SELECT {write_fields(COLUMNS)} FROM {_JOINED} WHERE "

_LINK = "links.id = %(id)s AND links.audience = %(audience)s"

GET = SELECT + _LINK

_GENERATION = (
    "(SELECT subjects.generation FROM magiclink_subjects AS subjects"
    " WHERE subjects.audience = links.audience AND subjects.subject = links.subject)"
)

LIVE = f"links.revoked_at IS NULL AND links.generation = {_GENERATION}"
"""Not revoked, neither by itself nor by its subject."""

_OPEN = (
    "links.revoked_at IS NULL AND links.superseded_at IS NULL"
    " AND (links.max_uses IS NULL OR links.uses < links.max_uses) AND links.expires_at > %(now)s"
)

OUTSTANDING = f"{_OPEN} AND links.generation = {_GENERATION}"

UPDATE = "UPDATE magiclink_links AS links SET "

_USE = (
    "uses = links.uses + 1, first_used_at = coalesce(links.first_used_at, %(now)s), last_used_at = %(now)s,"
    " attempt = %(attempt)s"
)

_ATTEMPT = "attempts = links.attempts + 1"

GENERATION = "SELECT generation FROM magiclink_subjects WHERE audience = %(audience)s AND subject = %(subject)s"

REVOKE_SUBJECT = (
    "UPDATE magiclink_subjects SET generation = generation + 1, revoked_at = %(now)s, reason = %(reason)s"
    " WHERE audience = %(audience)s AND subject = %(subject)s"
)

DELIVER = f"{UPDATE}delivered_at = %(now)s WHERE {_LINK} AND links.delivered_at IS NULL"

INSERT = (
    f"INSERT INTO magiclink_links ({', '.join(COLUMNS)}) VALUES ({', '.join(f'%({column})s' for column in COLUMNS)})"
)


@lru_cache(maxsize=64)
def consume(dialect: Dialect, *, limited: bool, stamped: bool, attempted: bool) -> str:
    """Write one use, where `Terms.met_by` holds; what the terms have says which conditions there are."""
    conditions = [
        "links.purpose = %(purpose)s AND links.issued_at > %(issued_after)s AND links.issued_at <= %(issued_until)s",
        "links.stamp = %(stamp)s" if stamped else "links.stamp IS NULL",
    ]
    if limited:
        conditions.append("links.uses < %(max_uses)s")
    if attempted:
        conditions.append(
            "(links.attempt IS NULL OR links.attempt <> %(attempt)s"
            " OR links.last_used_at IS NULL OR links.last_used_at <= %(reclick_after)s)"
        )
    return _change_outstanding(dialect, _USE, conditions)


@lru_cache(maxsize=8)
def count_attempt(dialect: Dialect) -> str:
    """Count one try at a code, while the link is outstanding and its tries are below a limit."""
    return _change_outstanding(dialect, _ATTEMPT, ["links.attempts < %(limit)s"])


def _change_outstanding(dialect: Dialect, change: str, conditions: list[str]) -> str:
    """Change one outstanding link, and return it as it is then where the database can."""
    where = " AND ".join([_LINK, _OPEN, *conditions, "links.generation = "])
    returned = f" RETURNING {', '.join(COLUMNS)}" if dialect.returning else ""
    if not dialect.locks_in_place:
        return f"{UPDATE}{change} WHERE {where}{_GENERATION}{returned}"
    locked = f"SELECT subjects.generation AS latest FROM {_JOINED} WHERE {_LINK}{dialect.lock} OF subjects"
    return f"WITH s AS MATERIALIZED ({locked}) {UPDATE}{change} FROM s WHERE {where}s.latest{returned}"


@lru_cache(maxsize=64)
def lock_subjects(dialect: Dialect, subjects: str) -> str:
    """Lock the rows of some subjects, as far as there are any, in one order for everybody."""
    where = f"audience = %(audience)s AND subject IN ({subjects})"
    return f"SELECT subject FROM magiclink_subjects WHERE {where} ORDER BY subject{dialect.lock}"


@lru_cache(maxsize=64)
def upsert_subjects(dialect: Dialect, count: int) -> str:
    """Lock the rows of some subjects, or make them; add to their numbers, and remember the highest link id."""
    columns = "audience, subject, generation, number, last_link, reason"
    rows = ", ".join(f"(%(audience{at})s, %(subject{at})s, 0, %(links{at})s, %(last{at})s, '')" for at in range(count))
    if not dialect.returning:
        changes = _add_links("{}", "VALUES({})")
        return f"INSERT INTO magiclink_subjects ({columns}) VALUES {rows} ON DUPLICATE KEY UPDATE {changes}"
    changes = _add_links("subjects.{}", "excluded.{}")
    return (
        f"INSERT INTO magiclink_subjects AS subjects ({columns}) VALUES {rows}"
        f" ON CONFLICT (audience, subject) DO UPDATE SET {changes} RETURNING audience, subject, number, generation"
    )


def _add_links(old: str, new: str) -> str:
    before, after = old.format("last_link"), new.format("last_link")
    last = f"last_link = CASE WHEN {before} < {after} THEN {after} ELSE {before} END"
    return f"number = {old.format('number')} + {new.format('number')}, {last}"


@lru_cache(maxsize=64)
def insert_lookups(dialect: Dialect, rows: str) -> str:
    """Write lookup keys, as far as they aren't there."""
    columns = f"period, {dialect.quote_name('key')}, link"
    return f"INSERT INTO magiclink_lookups ({columns}) VALUES {rows} {dialect.ignore_conflict('period')}"


@lru_cache(maxsize=8)
def issue(dialect: Dialect, keys: int) -> str:
    """Write one link with its subject and its lookup keys, where a statement can write several tables."""
    lookups = ", ".join(f"(%(period)s, %(key{index})s, %(id)s)" for index in range(keys))
    written = {"number": "(SELECT number FROM s)", "generation": "(SELECT generation FROM s)"}
    row = ", ".join(written.get(column, f"%({column})s") for column in COLUMNS)
    first = f"WITH s AS ({upsert_subjects(dialect, 1)}), l AS ({insert_lookups(dialect, lookups)})"
    return f"{first} INSERT INTO magiclink_links ({', '.join(COLUMNS)}) VALUES ({row})"


@lru_cache(maxsize=64)
def read_subjects(count: int) -> str:
    """Read what `upsert_subjects` has written, where it can't return it."""
    pairs = ", ".join(f"(%(audience{at})s, %(subject{at})s)" for at in range(count))
    return (
        f"SELECT audience, subject, number, generation FROM magiclink_subjects WHERE (audience, subject) IN ({pairs})"
    )
