"""The tables of the PostgreSQL store, and whether a schema has them. No record is read or written here.

There is no table of lookup keys: the planner walks four indexes of `links` more cheaply, a partition that is dropped
takes its part of them along, and no use of a link touches them (no column that a use changes is in an index).
"""

from __future__ import annotations

import re
from functools import partial
from typing import TYPE_CHECKING

from ...errors import ConfigurationError
from .. import tables

if TYPE_CHECKING:
    from .connections import Database, Session

# Byte order: a collation of the system's changes with its libraries, and leaves indexes in a wrong order.
_KINDS = {"text": 'text COLLATE "C"', "bytes": "bytea", "integer": "bigint"}

# The row of a subject is the lock of all that it has: whatever writes a link locks it first.
COLUMNS: dict[str, dict[str, tuple[str, bool]]] = {
    table: {name: (_KINDS[kind], is_required) for name, (kind, is_required) in columns.items()}
    for table, columns in tables.COLUMNS.items()
}
"""Every table with its columns: type, and whether it is never null."""

PARTITIONED = ("links", "notes")
"""The tables that may be partitioned by expiry, and are dropped by the month."""

FILL = {"links": 70, "subjects": 70, "limits": 50}
"""Per cent of a page that inserts fill: a row that changes has space beside itself, and no index is written."""

# A series and a recipient are keyed digests, rare enough by themselves.
INDEXES = {
    "links_series": "(series, number)",
    "links_subject": "(audience, subject)",
    "links_resource": "(audience, resource) WHERE resource IS NOT NULL",
    "links_recipient": "(recipient) WHERE recipient IS NOT NULL",
}

_READ_COLUMNS = """
SELECT t.relname, c.attname,
format_type(c.atttypid, c.atttypmod) || coalesce(' COLLATE ' || quote_ident(o.collname), ''), c.attnotnull
FROM pg_class t JOIN pg_attribute c ON c.attrelid = t.oid LEFT JOIN pg_collation o ON o.oid = c.attcollation
WHERE t.relnamespace = (SELECT oid FROM pg_namespace WHERE nspname = %(schema)s)
AND t.relkind IN ('r', 'p') AND NOT t.relispartition
AND c.attnum > 0 AND NOT c.attisdropped"""

_READ_KEYS = """
SELECT t.relname, c.attname FROM pg_class t
JOIN pg_index i ON i.indrelid = t.oid AND i.indisprimary AND i.indisvalid
CROSS JOIN unnest(i.indkey::smallint[]) WITH ORDINALITY AS k (number, index)
JOIN pg_attribute c ON c.attrelid = t.oid AND c.attnum = k.number
WHERE t.relnamespace = (SELECT oid FROM pg_namespace WHERE nspname = %(schema)s)
AND NOT t.relispartition ORDER BY k.index"""

_READ_MISSING_PRIVILEGES = """
SELECT t.relname, right_to FROM pg_class t
CROSS JOIN unnest(ARRAY['SELECT', 'INSERT', 'UPDATE', 'DELETE']) AS right_to
WHERE t.relnamespace = (SELECT oid FROM pg_namespace WHERE nspname = %(schema)s)
AND t.relname = ANY(%(tables)s)
AND NOT has_table_privilege(t.oid, right_to) ORDER BY 1, 2"""

_READ_SERVER = "SELECT current_setting('transaction_read_only'), current_setting('server_encoding')"

_READ_VERSION = "SELECT value FROM @meta WHERE name = 'version'"

# Held until the transaction ends: of processes that start at once, the first makes the tables, the others find them.
_LOCK = "SELECT pg_advisory_xact_lock(hashtextextended('magiclink ' || %(schema)s, 0))"


def check_name(schema: str) -> str:
    """Return the name of a schema. Raises ConfigurationError where it would need quoting."""
    if not re.fullmatch(r"(?!pg_)[a-z_][a-z0-9_]{0,47}", schema):
        raise ConfigurationError(f"schema: 1 to 48 of a-z, 0-9 and _, not a digit first, not pg_; got {schema!r}")
    return schema


def write_script(schema: str = "magiclink", *, partitioned: bool = False) -> str:
    """Return the SQL that makes all tables, for a role that may, where the application's own role may not.

    `partitioned`: `links` and `notes` come in partitions by expiry, at first the one for whatever has no month.
    """
    statements = [f"CREATE SCHEMA IF NOT EXISTS {check_name(schema)}", *_write_tables(partitioned=partitioned)]
    return ";\n\n".join(statements).replace("@", f"{schema}.") + ";\n"


def prepare(database: Database, schema: str, *, partitioned: bool) -> None:
    """Make the tables where the schema has none, and check them. Raises ConfigurationError."""
    if not database.transaction(partial(_has_tables, schema=schema), ConfigurationError):
        # A transaction of its own, which begins with the lock: what a session had looked up before, it may remember.
        database.transaction(partial(_make, schema=schema, partitioned=partitioned), ConfigurationError)
    database.transaction(partial(check, schema=schema), ConfigurationError)


def check(session: Session, schema: str) -> None:
    """Raise ConfigurationError unless the schema is ours, of this version, and whole."""
    found = _read_tables(session, schema)
    if not (COLUMNS["meta"].items() <= found.get("meta", {}).items()):
        raise ConfigurationError(f"the schema {schema} belongs to another application: name another by `schema`")
    try:
        tables.require_version(_read_version(session), f"drop it (DROP SCHEMA {schema} CASCADE) or name another")
    except ConfigurationError as error:
        raise ConfigurationError(f"the schema {schema} can't be used: {error}") from None
    keys: dict[str, tuple[str, ...]] = {}
    for table, column in session.run(_READ_KEYS, {"schema": schema}):
        keys[table] = (*keys.get(table, ()), column)
    for table, columns in COLUMNS.items():
        if not (columns.items() <= found.get(table, {}).items()) or keys.get(table) != tables.KEYS[table]:
            raise ConfigurationError(f"the table {schema}.{table} is missing or differs from what this library makes")
    for table, privilege in session.run(_READ_MISSING_PRIVILEGES, {"schema": schema, "tables": list(COLUMNS)}):
        grant = f"GRANT {privilege} ON {schema}.{table} TO …"
        raise ConfigurationError(f"the role lacks {privilege} on {schema}.{table}: {grant}")


def _has_tables(session: Session, schema: str) -> bool:
    """Return whether the schema has tables. Raises ConfigurationError where the server can't be used at all."""
    [(read_only, encoding)] = session.run(_READ_SERVER)
    if read_only != "off":
        raise ConfigurationError(
            "the PostgreSQL server is a replica, or its sessions only read: connect to the primary"
        )
    if encoding != "UTF8":
        raise ConfigurationError(f"the PostgreSQL database has the encoding {encoding}: UTF8 is needed")
    return bool(_read_tables(session, schema))


def _read_tables(session: Session, schema: str) -> dict[str, dict[str, tuple[str, bool]]]:
    found: dict[str, dict[str, tuple[str, bool]]] = {}
    for table, column, kind, is_required in session.run(_READ_COLUMNS, {"schema": schema}):
        found.setdefault(table, {})[column] = kind, is_required
    return found


def _read_version(session: Session) -> int | None:
    rows = session.run(_READ_VERSION)
    return rows[0][0] if rows else None


def _make(session: Session, schema: str, *, partitioned: bool) -> None:
    session.run(_LOCK, {"schema": schema})
    if _read_tables(session, schema):
        return
    # Looked up first: without the right to make schemas, IF NOT EXISTS fails for one that exists.
    if not session.run("SELECT 1 FROM pg_namespace WHERE nspname = %(schema)s", {"schema": schema}):
        session.run(f"CREATE SCHEMA {schema}")
    for statement in _write_tables(partitioned=partitioned):
        session.run(statement)


def _write_tables(*, partitioned: bool) -> list[str]:
    texts = [text for table in COLUMNS for text in _write_table(table, partitioned=partitioned)]
    texts += [f"CREATE INDEX {name} ON @links {columns}" for name, columns in INDEXES.items()]
    return [*texts, f"INSERT INTO @meta VALUES ('version', {tables.VERSION})"]  # noqa: S608 - a number of ours


def _write_table(table: str, *, partitioned: bool) -> list[str]:
    lines = [f'"{name}" {kind}{" NOT NULL" * is_required}' for name, (kind, is_required) in COLUMNS[table].items()]
    lines.append('PRIMARY KEY ("' + '", "'.join(tables.KEYS[table]) + '")')
    text = f"CREATE TABLE @{table} (\n    " + ",\n    ".join(lines) + "\n)"
    if not partitioned or table not in PARTITIONED:
        return [text + write_options(table)]
    rest = f"CREATE TABLE @{table}_rest PARTITION OF @{table} DEFAULT" + write_options(table)
    return [f"{text} PARTITION BY RANGE (link_id)", rest]


def write_options(table: str) -> str:
    """Return the clause that leaves space on a table's pages."""
    return f" WITH (fillfactor = {FILL[table]})" if table in FILL else ""
