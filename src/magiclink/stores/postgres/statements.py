"""The PostgreSQL store's statements. Text only; values are bound. `@` stands before a table's name.

A condition here restates a rule of `records.py`, which is the reference: `State`, `Terms.met_by`, `Selector.matches`.

Whatever writes a link locks the row of its subject first, in the statement that writes. A statement that has waited for
a row reads that row anew, but no other: a generation from a plain subquery would be the one before the wait, and a use
would be written after the revocation has returned. The lock is exclusive. A shared one would let later uses overtake a
revocation that waits, for as long as they keep coming; and whoever has a link could keep it from being revoked.
"""

# ruff: noqa: S608
# No value is ever part of a text here: what is put in are the names of columns and other texts of this module.

from __future__ import annotations

from ...records import Record
from ..bindings import write_fields
from .schema import COLUMNS

FIELDS = write_fields(Record._fields)

_ALL = ", ".join(f"links.{field}" for field in Record._fields)

JOIN = "subjects.audience = links.audience AND subjects.subject = links.subject"

SELECT = f"SELECT {FIELDS} FROM @links links JOIN @subjects subjects ON {JOIN} WHERE "

_LINK = "links.audience = %(audience)s AND links.link_id = %(link_id)s"

_LOCK = "FOR NO KEY UPDATE OF subjects"

_LOCKED = f"""
WITH s AS MATERIALIZED (
SELECT subjects.generation FROM @links links JOIN @subjects subjects ON {JOIN} WHERE {_LINK} {_LOCK})"""

_OUTSTANDING = (
    "links.revoked_at IS NULL AND links.superseded_at IS NULL"
    " AND (links.max_uses IS NULL OR links.uses < links.max_uses) AND links.expires_at > %(now)s"
)

_TYPED = {field: f"%({field})s::{COLUMNS['links'][field][0]}" for field in Record._fields}

GET = SELECT + _LINK

# The generation is returned even where the series is empty.
READ_NEWEST = f"""
SELECT coalesce(mine.generation, 0), found.* FROM (SELECT %(audience)s AS audience, %(subject)s AS subject) AS input
LEFT JOIN @subjects mine ON mine.audience = input.audience AND mine.subject = input.subject
LEFT JOIN LATERAL (
{SELECT}links.audience = %(audience)s AND links.series = ANY(%(series)s::bytea[])
ORDER BY links.number DESC LIMIT 1) AS found ON true"""

CONSUME = f"""{_LOCKED}
UPDATE @links links SET uses = uses + 1, first_used_at = coalesce(first_used_at, %(now)s), last_used_at = %(now)s,
attempt = %(attempt)s::bytea FROM s
WHERE {_LINK} AND links.purpose = %(purpose)s AND links.generation = s.generation AND {_OUTSTANDING}
AND issued_at > %(issued_after)s AND issued_at <= %(issued_until)s
AND (%(max_uses)s::bigint IS NULL OR uses < %(max_uses)s::bigint) AND stamp IS NOT DISTINCT FROM %(stamp)s::bytea
AND (%(attempt)s::bytea IS NULL OR attempt IS DISTINCT FROM %(attempt)s::bytea OR last_used_at IS NULL
OR last_used_at <= %(reclick_after)s)
RETURNING {_ALL}"""
"""One use, where `Terms.met_by` holds."""

# Run after a use, in its transaction, under the lock that it has taken.
SUPERSEDE_OTHERS = f"""
UPDATE @links links SET superseded_at = %(now)s FROM @subjects subjects
WHERE {JOIN} AND links.audience = %(audience)s AND links.subject = %(subject)s AND links.purpose = %(purpose)s
AND links.recipient IS NOT DISTINCT FROM %(recipient)s::bytea AND links.link_id <> %(link_id)s
AND links.generation = subjects.generation AND {_OUTSTANDING}"""

COUNT_ATTEMPT = f"""{_LOCKED}
UPDATE @links links SET attempts = attempts + 1 FROM s
WHERE {_LINK} AND links.generation = s.generation AND {_OUTSTANDING} AND attempts < %(limit)s
RETURNING {_ALL}"""

REVOKE = f"""{_LOCKED}
UPDATE @links links SET revoked_at = %(now)s, revoke_reason = %(reason)s FROM s
WHERE {_LINK} AND links.revoked_at IS NULL AND links.generation = s.generation
RETURNING {_ALL}"""

REVOKE_SUBJECT = """
UPDATE @subjects SET generation = generation + 1, revoked_at = %(now)s, reason = %(reason)s
WHERE audience = %(audience)s AND subject = %(subject)s"""

# The first link of a subject makes its row; each link has the next number. An id that is there already undoes it all.
ISSUE = f"""
WITH s AS (
INSERT INTO @subjects AS mine (audience, subject, generation, number, reason)
VALUES (%(audience)s, %(subject)s, 0, 1, '')
ON CONFLICT (audience, subject) DO UPDATE SET number = mine.number + 1
RETURNING mine.number, mine.generation)
INSERT INTO @links ({", ".join(Record._fields)})
SELECT {", ".join((_TYPED | {"number": "s.number", "generation": "s.generation"}).values())} FROM s"""

# Counts as many numbers as there are links; those of reissues, which come with their own, stay free. Two batches lock
# the subjects that they share in one order.
UPSERT = """
INSERT INTO @subjects AS mine (audience, subject, generation, number, reason)
SELECT audience, subject, 0, links, ''
FROM unnest(%(audiences)s::text[], %(subjects)s::text[], %(links)s::bigint[]) AS new (audience, subject, links)
ORDER BY audience COLLATE "C", subject COLLATE "C"
ON CONFLICT (audience, subject) DO UPDATE SET number = mine.number + excluded.number
RETURNING mine.audience, mine.subject, mine.number, mine.generation"""

READ_NUMBERS = """
SELECT links.audience, links.series, max(links.number) FROM @links links
JOIN unnest(%(audiences)s::text[], %(series)s::bytea[]) AS input (audience, series)
ON links.audience = input.audience AND links.series = input.series GROUP BY links.audience, links.series"""

COPY = f"COPY @links ({', '.join(Record._fields)}) FROM STDIN (FORMAT BINARY)"

COPY_TYPES = [COLUMNS["links"][field][0].partition(" ")[0].replace("bigint", "int8") for field in Record._fields]

RENAME = tuple(
    f"""
UPDATE @links links SET {name} = renamed.new FROM unnest(%(old)s::bytea[], %(new)s::bytea[]) AS renamed (old, new)
WHERE links.audience = ANY(%(audiences)s) AND links.{name} = renamed.old"""
    for name in ("series", "recipient")
)

_SUPERSEDE = f"""
UPDATE @links links SET superseded_at = %(now)s FROM @subjects subjects, {{}}
WHERE {JOIN} AND links.audience = input.audience AND {{}}
AND links.revoked_at IS NULL AND links.generation = subjects.generation AND links.superseded_at IS NULL"""

SUPERSEDE_OLDER = _SUPERSEDE.format(
    "unnest(%(audiences)s::text[], %(series)s::bytea[], %(numbers)s::bigint[]) AS input (audience, series, number)",
    "links.series = input.series AND links.number < input.number",
)

SUPERSEDE_PARENTS = _SUPERSEDE.format(
    "unnest(%(audiences)s::text[], %(link_ids)s::bytea[]) AS input (audience, link_id)",
    "links.link_id = input.link_id",
)

# Subjects come first: rows are locked in the order of the tables.
LOCK_LINKS = f"""
SELECT {FIELDS} FROM @subjects subjects JOIN @links links ON {JOIN}
WHERE links.audience = %(audience)s AND links.link_id = ANY(%(link_ids)s::bytea[])
ORDER BY subjects.subject, links.link_id FOR NO KEY UPDATE"""

DELIVER = """
UPDATE @links SET delivered_at = %(now)s
WHERE audience = %(audience)s AND link_id = ANY(%(link_ids)s::bytea[]) AND delivered_at IS NULL"""

# Windows that ended go a few at a time, so that no call pays for a day's; other machines' clocks may still be in one.
HIT = """
WITH forgotten AS (
DELETE FROM @limits WHERE (ends_at, limit_key, span) IN (SELECT ends_at, limit_key, span FROM @limits
WHERE ends_at < %(ended)s ORDER BY ends_at, limit_key, span LIMIT 10 FOR UPDATE SKIP LOCKED))
INSERT INTO @limits AS mine (ends_at, limit_key, span, hits)
SELECT %(ends_at)s, %(limit_key)s, %(span)s, 1 WHERE %(limit)s > 0
ON CONFLICT (ends_at, limit_key, span) DO UPDATE SET hits = mine.hits + 1 WHERE mine.hits < %(limit)s
RETURNING hits"""

NOTE = """
INSERT INTO @notes (audience, link_id, kind, hour, at, reason)
SELECT %(audience)s, %(link_id)s, %(kind)s, %(hour)s, %(at)s, %(reason)s
WHERE EXISTS (SELECT 1 FROM @links WHERE audience = %(audience)s AND link_id = %(link_id)s)
AND (SELECT count(*) FROM @notes WHERE audience = %(audience)s AND link_id = %(link_id)s) < %(most)s
ON CONFLICT (audience, link_id, kind, hour) DO NOTHING"""

NOTES = """
SELECT link_id, kind, at, reason FROM @notes
WHERE audience = %(audience)s AND link_id = ANY(%(link_ids)s::bytea[])"""

READ_EXPIRED = """
SELECT link_id, subject FROM @links
WHERE audience = %(audience)s AND link_id < %(end)s ORDER BY link_id LIMIT %(limit)s"""

LOCK_SUBJECTS = """
SELECT subject FROM @subjects WHERE audience = %(audience)s AND subject = ANY(%(subjects)s)
ORDER BY subject FOR UPDATE"""

LOCK_FREE_SUBJECTS = LOCK_SUBJECTS + " SKIP LOCKED"

# By primary key and not by ctid, which means another row in each partition.
PURGE_LINKS = """
DELETE FROM @links WHERE audience = %(audience)s AND link_id = ANY(%(link_ids)s::bytea[])
AND link_id < %(end)s AND subject = ANY(%(subjects)s)
RETURNING 1"""

PURGE_NOTES = """
DELETE FROM @notes notes WHERE audience = %(audience)s AND link_id < %(end)s AND link_id <= %(last)s
AND NOT EXISTS (SELECT 1 FROM @links links WHERE links.audience = notes.audience AND links.link_id = notes.link_id)"""

PURGE_SUBJECTS = f"""
DELETE FROM @subjects subjects WHERE audience = %(audience)s AND subject = ANY(%(subjects)s)
AND NOT EXISTS (SELECT 1 FROM @links links WHERE {JOIN})"""

READ_MONTHS = r"""
SELECT right(c.relname, 7) FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
WHERE i.inhparent = to_regclass('@links') AND c.relname ~ '^links_\d{4}_\d{2}$' ORDER BY 1"""
"""The months that `links` has partitions for, as `2026_03`."""

READ_SUBJECTS = f"""
SELECT audience, subject, NOT EXISTS (SELECT 1 FROM @links links WHERE {JOIN}) FROM (
SELECT audience, subject FROM @subjects WHERE (audience, subject) > (%(audience)s, %(subject)s)
ORDER BY audience, subject LIMIT %(limit)s) AS subjects ORDER BY audience, subject"""
"""Some subjects, and whether each has no link."""
