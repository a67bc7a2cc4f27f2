"""The SQLite store's statements: every text that reads or changes a record. Text only; values are bound.

A condition here restates a rule of `records.py`, which is the reference: `State`, `Terms.met_by`, `Selector.matches`.
"""

# ruff: noqa: S608
# No value is ever part of a text here: what is put in are the names of columns and other texts of this module.

from __future__ import annotations

from ...records import Record
from ..bindings import write_fields

_ALL = ", ".join(Record._fields)

SELECT = (
    f"SELECT {write_fields(Record._fields)} FROM links"
    " JOIN subjects ON subjects.audience = links.audience AND subjects.subject = links.subject WHERE "
)
_LINK = "links.audience = :audience AND links.link_id = :link_id"

_LIVE = (
    "links.revoked_at IS NULL AND links.generation = (SELECT subjects.generation FROM subjects"
    " WHERE subjects.audience = links.audience AND subjects.subject = links.subject)"
)

OUTSTANDING = f"{_LIVE} AND superseded_at IS NULL AND (max_uses IS NULL OR uses < max_uses) AND expires_at > :now"

GET = SELECT + _LINK

CONSUME = f"""
UPDATE links SET uses = uses + 1, first_used_at = coalesce(first_used_at, :now), last_used_at = :now, attempt = :attempt
WHERE {_LINK} AND purpose = :purpose AND {OUTSTANDING}
AND issued_at > :issued_after AND issued_at <= :issued_until
AND (:max_uses IS NULL OR uses < :max_uses) AND stamp IS :stamp
AND NOT (:attempt IS NOT NULL AND attempt IS :attempt AND last_used_at IS NOT NULL AND last_used_at > :reclick_after)
RETURNING {_ALL}"""
"""One use, where `Terms.met_by` holds."""

COUNT_ATTEMPT = f"""
UPDATE links SET attempts = attempts + 1
WHERE {_LINK} AND {OUTSTANDING} AND attempts < :limit
RETURNING {_ALL}"""

DELIVER = f"UPDATE links SET delivered_at = :now WHERE {_LINK} AND delivered_at IS NULL"

REVOKE_WHERE = f"UPDATE links SET revoked_at = :now, revoke_reason = :reason WHERE {_LIVE} AND "

REVOKE = REVOKE_WHERE + _LINK

REVOKE_SUBJECT = """
UPDATE subjects SET generation = generation + 1, revoked_at = :now, reason = :reason
WHERE audience = :audience AND subject = :subject"""

SUPERSEDE_WHERE = f"UPDATE links SET superseded_at = :now WHERE {_LIVE} AND superseded_at IS NULL AND "

SUPERSEDE = SUPERSEDE_WHERE + _LINK

# The first link of a subject makes its row; each link has the next number; a reissue has its own.
UPSERT = """
INSERT INTO subjects (audience, subject, generation, number, last_link, reason) VALUES (?, ?, 0, 1, ?, '')
ON CONFLICT (audience, subject) DO UPDATE SET number = number + 1, last_link = max(last_link, excluded.last_link)
RETURNING number, generation"""

INSERT = f"""
INSERT INTO links ({_ALL}) VALUES ({", ".join("?" * len(Record._fields))})
ON CONFLICT (audience, link_id) DO NOTHING"""

INSERT_LOOKUP = "INSERT INTO lookups (period, key, link_id) VALUES (?, ?, ?) ON CONFLICT DO NOTHING"

READ_GENERATION = "SELECT generation FROM subjects WHERE audience = :audience AND subject = :subject"

HIT = """
INSERT INTO limits (ends_at, limit_key, span, hits) SELECT :ends_at, :limit_key, :span, 1 WHERE :limit > 0
ON CONFLICT (ends_at, limit_key, span) DO UPDATE SET hits = hits + 1 WHERE hits < :limit
RETURNING hits"""

# A few at a time, so that no call pays for a day's; other machines' clocks may still be in a window that ended here.
FORGET_WINDOWS = """
DELETE FROM limits WHERE (ends_at, limit_key, span) IN
(SELECT ends_at, limit_key, span FROM limits WHERE ends_at < :ended ORDER BY ends_at, limit_key, span LIMIT 10)"""

NOTE = """
INSERT INTO notes (audience, link_id, kind, hour, at, reason)
SELECT :audience, :link_id, :kind, :hour, :at, :reason
WHERE EXISTS (SELECT 1 FROM links WHERE audience = :audience AND link_id = :link_id)
AND (SELECT count(*) FROM notes WHERE audience = :audience AND link_id = :link_id) < :most
ON CONFLICT (audience, link_id, kind, hour) DO NOTHING"""

NOTES = "SELECT link_id, kind, at, reason FROM notes WHERE audience = ? AND link_id = ?"

PURGE_TO = """
SELECT count(*), max(link_id) FROM
(SELECT link_id FROM links WHERE audience = :audience AND link_id < :end ORDER BY link_id LIMIT :limit)"""

# Links go strictly in order of their ids, so a subject whose highest id has been passed has none left.
PURGE = (
    """DELETE FROM subjects WHERE audience = :audience AND last_link <= :last AND subject IN
    (SELECT subject FROM links WHERE audience = :audience AND link_id <= :last)""",
    "DELETE FROM notes WHERE audience = :audience AND link_id <= :last",
    "DELETE FROM links WHERE audience = :audience AND link_id <= :last",
)

READ_EARLIEST = "SELECT min(link_id) FROM links WHERE audience = :audience"

PURGE_LOOKUPS_TO = """
SELECT period, key, link_id FROM lookups WHERE period >= :first AND period < :dead
ORDER BY period, key, link_id LIMIT 1 OFFSET :limit"""

PURGE_LOOKUPS = """
DELETE FROM lookups WHERE period >= :first AND (period, key, link_id) < (:period, :key, :link_id)"""
