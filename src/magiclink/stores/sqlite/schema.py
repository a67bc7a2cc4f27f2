"""The tables of the SQLite store, and the proof that a file has them. Only what a file must look like is said here."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...errors import ConfigurationError

if TYPE_CHECKING:
    import sqlite3

APPLICATION_ID = 0x6D6C6E6B
"""`mlnk`, in the file's header: tells a file of ours from any other SQLite database."""

VERSION = 2
"""The schema's version, in `meta`: an older library refuses a newer file."""

OLDEST_SQLITE = (3, 37)
"""The first SQLite with STRICT tables."""

TABLES = {
    # Keyed by expiry (a link id begins with it): inserts stay flat as the table grows, and purging is a range delete.
    "links": """CREATE TABLE links (
    audience TEXT NOT NULL,
    link_id BLOB NOT NULL,
    purpose TEXT NOT NULL,
    subject TEXT NOT NULL,
    resource TEXT,
    destination TEXT,
    recipient BLOB,
    stamp BLOB,
    browser BLOB,
    series BLOB NOT NULL,
    number INTEGER NOT NULL,
    origin TEXT NOT NULL,
    parent BLOB,
    supersede TEXT NOT NULL,
    generation INTEGER NOT NULL,
    series_started_at INTEGER NOT NULL,
    reminded_at INTEGER,
    renewed_at INTEGER,
    reminders INTEGER NOT NULL,
    renewals INTEGER NOT NULL,
    issued_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    max_uses INTEGER,
    session_lifetime INTEGER NOT NULL,
    mac BLOB,
    issued_to BLOB,
    bound INTEGER NOT NULL,
    opens TEXT NOT NULL,
    ends_with INTEGER NOT NULL,
    language TEXT,
    metadata TEXT,
    issued_by TEXT NOT NULL,
    code BLOB,
    passphrase TEXT,
    code_expires_at INTEGER,
    attempts INTEGER NOT NULL,
    openings INTEGER NOT NULL,
    first_opened_at INTEGER,
    last_opened_at INTEGER,
    evidence INTEGER NOT NULL,
    bounced_at INTEGER,
    bounce TEXT,
    uses INTEGER NOT NULL,
    first_used_at INTEGER,
    last_used_at INTEGER,
    attempt BLOB,
    delivered_at INTEGER,
    superseded_at INTEGER,
    superseded_by BLOB,
    revoked_at INTEGER,
    revoked_by TEXT NOT NULL,
    revoke_reason TEXT NOT NULL,
    PRIMARY KEY (audience, link_id)
) STRICT, WITHOUT ROWID""",
    # `number` counts up for all series of a subject, so that issuing looks nothing up. `last_link` is the highest link
    # id that the subject ever had: the row goes when purging has passed it.
    "subjects": """CREATE TABLE subjects (
    audience TEXT NOT NULL,
    subject TEXT NOT NULL,
    generation INTEGER NOT NULL,
    number INTEGER NOT NULL,
    last_link BLOB NOT NULL,
    revoked_at INTEGER,
    reason TEXT NOT NULL,
    PRIMARY KEY (audience, subject)
) STRICT, WITHOUT ROWID""",
    "lookups": """CREATE TABLE lookups (
    period BLOB NOT NULL,
    key BLOB NOT NULL,
    link_id BLOB NOT NULL,
    PRIMARY KEY (period, key, link_id)
) STRICT, WITHOUT ROWID""",
    "notes": """CREATE TABLE notes (
    audience TEXT NOT NULL,
    link_id BLOB NOT NULL,
    kind TEXT NOT NULL,
    hour INTEGER NOT NULL,
    at INTEGER NOT NULL,
    reason TEXT NOT NULL,
    PRIMARY KEY (audience, link_id, kind, hour)
) STRICT, WITHOUT ROWID""",
    "limits": """CREATE TABLE limits (
    ends_at INTEGER NOT NULL,
    limit_key BLOB NOT NULL,
    span INTEGER NOT NULL,
    hits INTEGER NOT NULL,
    PRIMARY KEY (ends_at, limit_key, span)
) STRICT, WITHOUT ROWID""",
    "settlements": """CREATE TABLE settlements (
    audience TEXT NOT NULL,
    resource TEXT NOT NULL,
    at INTEGER NOT NULL,
    reason TEXT NOT NULL,
    "by" TEXT NOT NULL,
    purpose TEXT,
    leads_to TEXT,
    destination TEXT,
    PRIMARY KEY (audience, resource)
) STRICT, WITHOUT ROWID""",
    "closings": """CREATE TABLE closings (
    audience TEXT NOT NULL,
    link_id BLOB NOT NULL,
    redeemed_at INTEGER NOT NULL,
    until INTEGER NOT NULL,
    PRIMARY KEY (audience, link_id, redeemed_at)
) STRICT, WITHOUT ROWID""",
    "waits": """CREATE TABLE waits (
    audience TEXT NOT NULL,
    link_id BLOB NOT NULL,
    nonce BLOB NOT NULL,
    until INTEGER NOT NULL,
    failures INTEGER NOT NULL,
    PRIMARY KEY (audience, link_id, nonce)
) STRICT, WITHOUT ROWID""",
    "meta": """CREATE TABLE meta (
    name TEXT NOT NULL PRIMARY KEY,
    value INTEGER NOT NULL
) STRICT, WITHOUT ROWID""",
}
"""Every table by its name, in the words by which SQLite remembers it."""


def require(version: tuple[int, ...]) -> None:
    """Refuse a SQLite that is too old. Raises ConfigurationError."""
    if version < OLDEST_SQLITE:
        raise ConfigurationError(f"SQLite {'.'.join(map(str, version))} is too old: 3.37 or newer is needed")


def prepare(db: sqlite3.Connection) -> bool:
    """Make the tables where the database is empty, inside the caller's transaction, and tell so; else prove them."""
    empty = _identity(db) == 0 and not _tables(db)
    if empty:
        _make(db)
    prove(db)
    return empty


def prove(db: sqlite3.Connection) -> None:
    """Prove that the database is ours, of this version, and whole. Raises ConfigurationError."""
    if _identity(db) != APPLICATION_ID:
        raise ConfigurationError("this is the database of another application")
    found = _tables(db)
    if (version := _version(db, found)) != VERSION:
        raise ConfigurationError(f"its schema has version {version}, this library reads {VERSION}")
    # The whole text, not the columns alone: a collation that folds case would make two link ids one.
    for table, text in TABLES.items():
        if found.get(table) != text:
            raise ConfigurationError(f"its table {table} is missing or differs from what this library makes")


def _make(db: sqlite3.Connection) -> None:
    for text in TABLES.values():
        db.execute(text)
    db.execute("INSERT INTO meta VALUES ('version', ?)", (VERSION,))
    db.execute(f"PRAGMA application_id = {APPLICATION_ID}")


def _identity(db: sqlite3.Connection) -> int:
    [(identity,)] = db.execute("PRAGMA application_id").fetchall()
    return int(identity)


def _tables(db: sqlite3.Connection) -> dict[str, str]:
    return dict(db.execute("SELECT name, sql FROM sqlite_schema WHERE type = 'table'").fetchall())


def _version(db: sqlite3.Connection, tables: dict[str, str]) -> int | None:
    if "meta" not in tables:
        return None
    found = db.execute("SELECT value FROM meta WHERE name = 'version'").fetchone()
    return found and int(found[0])
