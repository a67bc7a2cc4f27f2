"""The round trip that the SQLAlchemy keeper asks of a database before it trusts it with a link.

Everything is written under audiences of its own and taken back: that it can be taken back is part of the proof.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..errors import ConfigurationError
from ..instants import SECOND
from ..records import Note, Origin, Record, Supersede
from . import sqlalchemy_counting as counting
from . import sqlalchemy_lookups as lookups
from . import sqlalchemy_writing as writing
from .names import PERIOD

if TYPE_CHECKING:
    from sqlalchemy import Connection

_LARGEST = 2**63 - 1
_OVER = 2 * PERIOD * SECOND
"""An instant at which the probes are over, names and all."""

_PROBE = Record(
    audience="Probe \u00c9",
    link_id=b"\0\0\0\1" + bytes(range(240, 256)),
    purpose="A ",
    subject="\U0001f600" * 255,
    resource="",
    destination="/" * 2_000,
    recipient=bytes(17),
    stamp=None,
    browser=b"",
    series=b"\xff" * 16,
    number=None,
    origin=Origin.ISSUE,
    parent=None,
    supersede=Supersede.NEVER,
    generation=None,
    series_started_at=-_LARGEST,
    reminded_at=None,
    renewed_at=0,
    reminders=0,
    renewals=2**53 + 1,
    issued_at=1,
    expires_at=_LARGEST,
    max_uses=None,
    session_lifetime=0,
    passphrase="e\u0301",  # noqa: S106
    revoke_reason="\U0001f600" * 255,
)
PROBES = tuple(_PROBE._replace(audience=name) for name in ("Probe \u00c9", "probe \u00e9", "Probe \u00c9 ", "Probe E"))
"""Records of what databases have been seen to lose: case, accents, final spaces, long texts, zeros, large integers."""


def prove(db: Connection) -> None:
    """Prove that records come back as they went in, and that what was written can be taken back."""
    for probe in PROBES:
        written = writing.add(db, [probe], now=0, renamed={})
        if not written or lookups.get(db, probe.audience, probe.link_id) != probe._replace(number=1, generation=0):
            raise ConfigurationError("a record doesn't come back from the database as it went in")
    note = Note(audience=_PROBE.audience, link_id=_PROBE.link_id, kind="probe", at=0)
    counting.note(db, note)
    counting.take(db, bucket=b"probe", now=0, limit=1, window=1)
    if counting.notes(db, note.audience, [note.link_id]) != [note] or not _purged(db, note.audience):
        raise ConfigurationError("a note doesn't come back from the database, or a record can't be forgotten")
    db.rollback()
    if sum(_purged(db, probe.audience) for probe in PROBES):
        told = "what the database has written can't be taken back: no AUTOCOMMIT, and on MariaDB and MySQL InnoDB"
        raise ConfigurationError(told)


def _purged(db: Connection, audience: str) -> int:
    count = writing.purge(db, audience, before=_OVER, limit=1)
    writing.purge_names(db, audience, before=_OVER, limit=1)
    return count
