"""The round trip that the SQLAlchemy store asks of a database before it trusts it with a link.

Everything is written under audiences of its own and taken back: that it can be taken back is part of the proof.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...errors import ConfigurationError
from ...instants import SECOND
from ...records import Note
from ..lookup_keys import PERIOD
from ..selftest import SAMPLE, SAMPLES, check_same
from . import counters as counting
from . import queries as lookups
from . import writes as writing

if TYPE_CHECKING:
    from sqlalchemy import Connection

_OVER = 2 * PERIOD * SECOND
"""An instant at which the probes are over, names and all."""


def prove(db: Connection) -> None:
    """Prove that records come back as they went in, and that what was written can be taken back."""
    for probe in SAMPLES:
        writing.add(db, [probe], now=0, renamed={})
        check_same(probe, lookups.get(db, probe.audience, probe.link_id))
    note = Note(audience=SAMPLE.audience, link_id=SAMPLE.link_id, kind="probe", at=0)
    counting.note(db, note)
    counting.hit(db, bucket=b"probe", now=0, limit=1, window=1)
    if counting.notes(db, note.audience, [note.link_id]) != [note] or not _purged(db, note.audience):
        raise ConfigurationError("a note doesn't come back from the database, or a record can't be forgotten")
    db.rollback()
    if sum(_purged(db, probe.audience) for probe in SAMPLES):
        told = "what the database has written can't be taken back: no AUTOCOMMIT, and on MariaDB and MySQL InnoDB"
        raise ConfigurationError(told)


def _purged(db: Connection, audience: str) -> int:
    count = writing.purge(db, audience, before=_OVER, limit=1)
    writing.purge_names(db, audience, before=_OVER, limit=1)
    return count
