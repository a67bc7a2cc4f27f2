"""What the Django store asks of a database before it trusts it with a link: its tables, and a round trip.

Everything is written under audiences of its own and taken back: that it can be taken back is part of the proof.
"""

# ruff: noqa: S608
# No value is ever part of a text here: what is put in are the names of tables and columns.

from __future__ import annotations

from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING

from django.apps import apps

from ...errors import ConfigurationError
from ...instants import SECOND
from ...records import Note
from ...stores.lookup_keys import PERIOD
from ...stores.selftest import SAMPLE, SAMPLES, check_same
from . import counters as counting
from . import queries as lookups
from . import writes as writing
from .connections import NotWrittenError

if TYPE_CHECKING:
    from .connections import AppDatabase, Session

OLDEST_SQLITE = (3, 35)
"""The first SQLite whose UPDATE returns what it wrote."""

_END = 2 * PERIOD * SECOND
"""An instant at which the probes are over, names and all."""


SUBJECTS = tuple(
    SAMPLE._replace(audience="Probe", subject=probe.audience, link_id=SAMPLE.link_id[:-1] + bytes([place]))
    for place, probe in enumerate(SAMPLES)
)
"""The same for subjects: texts that a collation may take for one."""


def prove(database: AppDatabase) -> None:
    """Prove that links can be kept. Raises ConfigurationError."""
    _require_version(database)
    for model in apps.get_app_config("magiclink").get_models():
        columns = ", ".join(field.column for field in model._meta.concrete_fields if field.column)
        _see(database, model._meta.db_table, f"SELECT {columns} FROM {model._meta.db_table} WHERE 1 = 0")
    with suppress(NotWrittenError):
        database.write(_prove, ConfigurationError)
    left = [
        database.write(partial(_purged, audience=probe.audience), ConfigurationError) for probe in (*SAMPLES, *SUBJECTS)
    ]
    if sum(left):
        raise ConfigurationError("what the database has written can't be taken back: on MariaDB and MySQL, take InnoDB")


def _require_version(database: AppDatabase) -> None:
    connection = database.connection
    if database.dialect.name == "sqlite" and connection.Database.sqlite_version_info < OLDEST_SQLITE:
        raise ConfigurationError(f"SQLite {connection.Database.sqlite_version} is too old: 3.35 or newer is needed")


def _see(database: AppDatabase, table: str, statement: str) -> None:
    try:
        database.read(lambda db: db.ask(statement, {}), ConfigurationError)
    except ConfigurationError as error:
        told = "is missing, lacks a column or can't be read: run manage.py migrate"
        raise ConfigurationError(f"the table {table} {told} ({error})") from None


def _prove(db: Session) -> None:
    """Prove that records come back as they went in; then undo it all."""
    for probe in (*SAMPLES, *SUBJECTS):
        writing.add(db, [probe], now=0, renamed={})
        check_same(probe, lookups.get(db, probe.audience, probe.link_id))
    note = Note(audience=SAMPLE.audience, link_id=SAMPLE.link_id, kind="probe", at=0)
    counting.note(db, note)
    counting.hit(db, bucket=b"probe", now=0, limit=1, window=1)
    if counting.notes(db, note.audience, [note.link_id]) != [note] or not _purged(db, note.audience):
        raise ConfigurationError("a note doesn't come back from the database, or a record can't be forgotten")
    raise NotWrittenError


def _purged(db: Session, audience: str) -> int:
    count = writing.purge(db, audience, before=_END, limit=1)
    writing.purge_names(db, audience, before=_END, limit=1)
    return count
