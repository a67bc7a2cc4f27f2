"""What is asked of a database before it is trusted with a link: its tables, and a round trip.

Everything is written under audiences of its own and taken back: that it can be taken back is part of the test.
"""

# ruff: noqa: S608
# No value is ever part of a text here: what is put in are the names of tables and columns.

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from ...errors import BadArgumentError, ConfigurationError
from ...instants import SECOND
from ...records import Note
from ..bindings import NotWrittenError
from ..lookup_keys import PERIOD
from ..selftest import SAMPLE, SAMPLES, check_same
from . import counters, queries, writes

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .connections import Database, Session

OLDEST_SQLITE = (3, 35)
"""The first SQLite whose UPDATE returns what it wrote."""

_END = 2 * PERIOD * SECOND
"""An instant at which the samples have expired, lookup keys and all."""

SUBJECTS = tuple(
    SAMPLE._replace(audience="Sample", subject=sample.audience, link_id=SAMPLE.link_id[:-1] + bytes([index]))
    for index, sample in enumerate(SAMPLES)
)
"""The same for subjects: texts that a collation may take for one."""


class _UndoError(NotWrittenError):
    """Undoes the round trip."""


def check_database(database: Database) -> None:
    """See that links can be kept. Raises ConfigurationError."""
    database.read(_require_version, ConfigurationError)
    for table, columns in database.tables.items():
        _check_table(database, table, columns)
    try:
        database.write(_check_round_trip, ConfigurationError)
    except _UndoError:
        pass
    except (NotWrittenError, BadArgumentError):
        raise ConfigurationError(
            "the tables refuse a record that those of the library take: have them made anew, without triggers and with"
            " the types that the migration or the metadata gives them"
        ) from None
    samples = (*SAMPLES, *SUBJECTS)
    left = [database.write(partial(_purge, audience=each.audience), ConfigurationError) for each in samples]
    if sum(left):
        raise ConfigurationError(
            "what the database has written can't be taken back: give the engine no AUTOCOMMIT, and the tables InnoDB"
            " on MariaDB and MySQL"
        )


def _require_version(db: Session) -> None:
    if db.dialect.name == "sqlite":
        [(version,)] = db.ask("SELECT sqlite_version()", {})
        if tuple(map(int, version.split("."))) < OLDEST_SQLITE:
            raise ConfigurationError(f"SQLite {version} is too old: install 3.35 or newer")


def _check_table(database: Database, table: str, columns: Sequence[str]) -> None:
    def read(db: Session) -> None:
        db.ask(f"SELECT {', '.join(map(db.dialect.quote_name, columns))} FROM {table} WHERE 1 = 0", {})

    try:
        database.read(read, ConfigurationError)
    except ConfigurationError as error:
        message = f"the table {table} is missing, lacks a column or can't be read: {database.way_out} ({error})"
        raise ConfigurationError(message) from None


def _check_round_trip(db: Session) -> None:
    """See that records come back as they went in; then undo it all."""
    for sample in (*SAMPLES, *SUBJECTS):
        writes.add(db, [sample], now=0, renamed={})
        check_same(sample, queries.get(db, sample.audience, sample.link_id))
    note = Note(audience=SAMPLE.audience, link_id=SAMPLE.link_id, kind="sample", at=0)
    counters.note(db, note)
    counters.hit(db, limit_key=b"sample", now=0, limit=1, window=1)
    if counters.list_notes(db, note.audience, [note.link_id]) != [note] or not _purge(db, note.audience):
        raise ConfigurationError(
            "a note doesn't come back from the database, or a record can't be forgotten: no trigger may change the"
            " rows of magiclink_notes and magiclink_links"
        )
    raise _UndoError


def _purge(db: Session, audience: str) -> int:
    count = writes.purge(db, audience, before=_END, limit=len(SUBJECTS))
    writes.purge_lookups(db, audience, before=_END, limit=len(SUBJECTS))
    return count
