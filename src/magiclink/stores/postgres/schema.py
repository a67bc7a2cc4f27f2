"""The tables of the PostgreSQL store, and the proof that a schema has them. Only what they look like is said here.

There is no table of names: the planner walks four indexes of `links` more cheaply, a partition takes its part of them
along when it is dropped, and no use of a link touches them (no column that a use changes is in an index).
"""

from __future__ import annotations

import re
from functools import partial
from typing import TYPE_CHECKING

from ...errors import ConfigurationError

if TYPE_CHECKING:
    from .connections import Database, Session

VERSION = 2
"""The schema's version, in `meta`: an older library refuses a newer schema."""

# Byte order: a collation of the system's changes with its libraries, and leaves indexes in a wrong order.
_TEXT, _BYTES, _INTEGER = 'text COLLATE "C"', "bytea", "bigint"


def _columns(**kinds: str) -> dict[str, tuple[str, bool]]:
    """Read `name="type?"` as a column that may be null, `name="type"` as one that may not."""
    return {name: (kind.rstrip("?"), not kind.endswith("?")) for name, kind in kinds.items()}


COLUMNS: dict[str, dict[str, tuple[str, bool]]] = {
    "links": _columns(
        audience=_TEXT,
        link_id=_BYTES,
        purpose=_TEXT,
        subject=_TEXT,
        resource=_TEXT + "?",
        destination=_TEXT + "?",
        recipient=_BYTES + "?",
        stamp=_BYTES + "?",
        browser=_BYTES + "?",
        series=_BYTES,
        number=_INTEGER,
        origin=_TEXT,
        parent=_BYTES + "?",
        supersede=_TEXT,
        generation=_INTEGER,
        series_started_at=_INTEGER,
        reminded_at=_INTEGER + "?",
        renewed_at=_INTEGER + "?",
        reminders=_INTEGER,
        renewals=_INTEGER,
        issued_at=_INTEGER,
        expires_at=_INTEGER,
        max_uses=_INTEGER + "?",
        session_lifetime=_INTEGER,
        mac=_BYTES + "?",
        issued_to=_BYTES + "?",
        bound=_INTEGER,
        opens=_TEXT,
        ends_with=_INTEGER,
        language=_TEXT + "?",
        metadata=_TEXT + "?",
        issued_by=_TEXT,
        code=_BYTES + "?",
        passphrase=_TEXT + "?",
        code_expires_at=_INTEGER + "?",
        attempts=_INTEGER,
        openings=_INTEGER,
        first_opened_at=_INTEGER + "?",
        last_opened_at=_INTEGER + "?",
        evidence=_INTEGER,
        bounced_at=_INTEGER + "?",
        bounce=_TEXT + "?",
        uses=_INTEGER,
        first_used_at=_INTEGER + "?",
        last_used_at=_INTEGER + "?",
        attempt=_BYTES + "?",
        delivered_at=_INTEGER + "?",
        superseded_at=_INTEGER + "?",
        superseded_by=_BYTES + "?",
        revoked_at=_INTEGER + "?",
        revoked_by=_TEXT,
        revoke_reason=_TEXT,
    ),
    # `number` counts up for all series of a subject, so that issuing looks nothing up. The row is the lock of all that
    # the subject has: whatever writes a link takes it first.
    "subjects": _columns(
        audience=_TEXT,
        subject=_TEXT,
        generation=_INTEGER,
        number=_INTEGER,
        revoked_at=_INTEGER + "?",
        reason=_TEXT,
    ),
    "notes": _columns(audience=_TEXT, link_id=_BYTES, kind=_TEXT, hour=_INTEGER, at=_INTEGER, reason=_TEXT),
    "limits": _columns(ends_at=_INTEGER, limit_key=_BYTES, span=_INTEGER, hits=_INTEGER),
    "settlements": _columns(
        audience=_TEXT,
        resource=_TEXT,
        at=_INTEGER,
        reason=_TEXT,
        by=_TEXT,
        purpose=_TEXT + "?",
        leads_to=_TEXT + "?",
        destination=_TEXT + "?",
    ),
    "closings": _columns(audience=_TEXT, link_id=_BYTES, redeemed_at=_INTEGER, until=_INTEGER),
    "waits": _columns(audience=_TEXT, link_id=_BYTES, nonce=_BYTES, until=_INTEGER, failures=_INTEGER),
    "meta": _columns(name=_TEXT, value=_INTEGER),
}
"""Every table with its columns: type, and whether it may not be null."""

KEYS: dict[str, tuple[str, ...]] = {
    "links": ("audience", "link_id"),
    "subjects": ("audience", "subject"),
    "notes": ("audience", "link_id", "kind", "hour"),
    "limits": ("ends_at", "limit_key", "span"),
    "settlements": ("audience", "resource"),
    "closings": ("audience", "link_id", "redeemed_at"),
    "waits": ("audience", "link_id", "nonce"),
    "meta": ("name",),
}
"""Every table's primary key. A link id begins with its expiry: purging reads from one end."""

PARTITIONED = ("links", "notes")
"""The tables that may be partitioned by expiry, and are dropped by the month."""

ROOM = {"links": 70, "subjects": 70, "limits": 50}
"""Per cent of a page that inserts fill: a row that changes finds room beside itself, and no index is written."""

# A series and a recipient are keyed digests, rare enough by themselves.
INDEXES = {
    "links_series": "(series, number)",
    "links_subject": "(audience, subject)",
    "links_resource": "(audience, resource) WHERE resource IS NOT NULL",
    "links_recipient": "(recipient) WHERE recipient IS NOT NULL",
}

_FOUND_COLUMNS = """
SELECT t.relname, c.attname,
format_type(c.atttypid, c.atttypmod) || coalesce(' COLLATE ' || quote_ident(o.collname), ''), c.attnotnull
FROM pg_class t JOIN pg_attribute c ON c.attrelid = t.oid LEFT JOIN pg_collation o ON o.oid = c.attcollation
WHERE t.relnamespace = (SELECT oid FROM pg_namespace WHERE nspname = %(schema)s)
AND t.relkind IN ('r', 'p') AND NOT t.relispartition
AND c.attnum > 0 AND NOT c.attisdropped"""

_FOUND_KEYS = """
SELECT t.relname, c.attname FROM pg_class t
JOIN pg_index i ON i.indrelid = t.oid AND i.indisprimary AND i.indisvalid
CROSS JOIN unnest(i.indkey::smallint[]) WITH ORDINALITY AS k (number, place)
JOIN pg_attribute c ON c.attrelid = t.oid AND c.attnum = k.number
WHERE t.relnamespace = (SELECT oid FROM pg_namespace WHERE nspname = %(schema)s)
AND NOT t.relispartition ORDER BY k.place"""

_FORBIDDEN = """
SELECT t.relname, right_to FROM pg_class t
CROSS JOIN unnest(ARRAY['SELECT', 'INSERT', 'UPDATE', 'DELETE']) AS right_to
WHERE t.relnamespace = (SELECT oid FROM pg_namespace WHERE nspname = %(schema)s)
AND t.relname = ANY(%(tables)s)
AND NOT has_table_privilege(t.oid, right_to) ORDER BY 1, 2"""

_SERVER = "SELECT current_setting('transaction_read_only'), current_setting('server_encoding')"

_VERSION = "SELECT value FROM @meta WHERE name = 'version'"

# Held until the transaction ends: of processes that start at once, the first makes the tables, the others find them.
_LOCK = "SELECT pg_advisory_xact_lock(hashtextextended('magiclink ' || %(schema)s, 0))"


def checked(schema: str) -> str:
    """Return the name of a schema, if it is one that needs no quoting. Raises ConfigurationError."""
    if not re.fullmatch(r"(?!pg_)[a-z_][a-z0-9_]{0,47}", schema):
        raise ConfigurationError("schema: 1 to 48 of a-z, 0-9 and _, not a digit first, not pg_")
    return schema


def script(schema: str = "magiclink", *, partitioned: bool = False) -> str:
    """Return the SQL that makes everything, for a role that may, where the application's own role may not.

    `partitioned`: `links` and `notes` come in partitions by expiry, at first the one for whatever has no month.
    """
    statements = [f"CREATE SCHEMA IF NOT EXISTS {checked(schema)}", *_tables(partitioned=partitioned)]
    return ";\n\n".join(statements).replace("@", f"{schema}.") + ";\n"


def prepare(database: Database, schema: str, *, partitioned: bool) -> None:
    """Make the tables where the schema has none, and prove them. Raises ConfigurationError."""
    if not database.transaction(partial(_is_there, schema=schema), ConfigurationError):
        # A transaction of its own, which begins with the lock: what a session had looked up before, it may remember.
        database.transaction(partial(_make, schema=schema, partitioned=partitioned), ConfigurationError)
    database.transaction(partial(prove, schema=schema), ConfigurationError)


def prove(session: Session, schema: str) -> None:
    """Prove that the schema is ours, of this version, and whole. Raises ConfigurationError."""
    found = _found(session, schema)
    if not (COLUMNS["meta"].items() <= found.get("meta", {}).items()):
        raise ConfigurationError(f"the schema {schema} belongs to another application")
    version = session.ask(_VERSION)
    if version != [(VERSION,)]:
        told = version[0][0] if version else None
        raise ConfigurationError(f"the schema {schema} has version {told}, this library reads {VERSION}")
    keys: dict[str, tuple[str, ...]] = {}
    for table, column in session.ask(_FOUND_KEYS, {"schema": schema}):
        keys[table] = (*keys.get(table, ()), column)
    for table, columns in COLUMNS.items():
        if not (columns.items() <= found.get(table, {}).items()) or keys.get(table) != KEYS[table]:
            raise ConfigurationError(f"the table {schema}.{table} is missing or differs from what this library makes")
    for table, privilege in session.ask(_FORBIDDEN, {"schema": schema, "tables": list(COLUMNS)}):
        raise ConfigurationError(f"the role lacks {privilege} on {schema}.{table}")


def _is_there(session: Session, schema: str) -> bool:
    """Return whether the schema has tables, on a server that can be used at all."""
    [(read_only, encoding)] = session.ask(_SERVER)
    if read_only != "off":
        raise ConfigurationError("the PostgreSQL server is a replica, or its sessions only read")
    if encoding != "UTF8":
        raise ConfigurationError(f"the PostgreSQL database has the encoding {encoding}: UTF8 is needed")
    return bool(_found(session, schema))


def _found(session: Session, schema: str) -> dict[str, dict[str, tuple[str, bool]]]:
    tables: dict[str, dict[str, tuple[str, bool]]] = {}
    for table, column, kind, required in session.ask(_FOUND_COLUMNS, {"schema": schema}):
        tables.setdefault(table, {})[column] = kind, required
    return tables


def _make(session: Session, schema: str, *, partitioned: bool) -> None:
    session.ask(_LOCK, {"schema": schema})
    if _found(session, schema):
        return
    # Asked first: without the right to make schemas, IF NOT EXISTS fails for one that exists.
    if not session.ask("SELECT 1 FROM pg_namespace WHERE nspname = %(schema)s", {"schema": schema}):
        session.ask(f"CREATE SCHEMA {schema}")
    for statement in _tables(partitioned=partitioned):
        session.ask(statement)


def _tables(*, partitioned: bool) -> list[str]:
    made = [statement for table in COLUMNS for statement in _table(table, partitioned=partitioned)]
    made += [f"CREATE INDEX {name} ON @links {columns}" for name, columns in INDEXES.items()]
    return [*made, f"INSERT INTO @meta VALUES ('version', {VERSION})"]  # noqa: S608 - a number of this room


def _table(table: str, *, partitioned: bool) -> list[str]:
    lines = [f'"{name}" {kind}{" NOT NULL" * required}' for name, (kind, required) in COLUMNS[table].items()]
    lines.append('PRIMARY KEY ("' + '", "'.join(KEYS[table]) + '")')
    made = f"CREATE TABLE @{table} (\n    " + ",\n    ".join(lines) + "\n)"
    if not partitioned or table not in PARTITIONED:
        return [made + room(table)]
    rest = f"CREATE TABLE @{table}_rest PARTITION OF @{table} DEFAULT" + room(table)
    return [f"{made} PARTITION BY RANGE (link_id)", rest]


def room(table: str) -> str:
    """Return the clause that leaves room on a table's pages."""
    return f" WITH (fillfactor = {ROOM[table]})" if table in ROOM else ""
