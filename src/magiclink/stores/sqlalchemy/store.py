"""The SQLAlchemy store: links in the app's own database, on the app's own engine, beside the app's tables.

For PostgreSQL, MariaDB, MySQL and SQLite. Each call is a transaction of its own and is committed when it returns: the
app's sessions and their transactions have no part in it. This room says what happens in which transaction;
`connections.py` runs it, what is found and written is in `queries.py` and `writes.py`, and
the tables in `schema.py`.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from sqlalchemy import create_engine, exc, func, select, update

from ...errors import BadArgumentError, ConfigurationError
from ...records import Record
from . import counters as counting
from . import queries as lookups
from . import writes as writing
from .connections import AppEngine, see_tables, see_version
from .schema import links, metadata, subjects
from .selftest import prove

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sqlalchemy import Connection, Engine, Update

    from ...records import Note, Selector, Terms

__all__ = ["SQLAlchemyStore", "metadata"]


class SQLAlchemyStore:
    """A store on an engine of the app's; with `create` it makes the tables that are missing, else a migration does.

    `dispose` closes the engine's pool with the store. Raises ConfigurationError where the engine can't be used, a table
    or column is missing, a record doesn't come back as it went in, or a transaction can't be taken back.
    """

    def __init__(self, engine: Engine, *, create: bool = False, dispose: bool = False) -> None:
        self._engine = AppEngine(engine, create=create)
        self._dispose = dispose
        self.check()

    @classmethod
    def from_url(cls, url: str) -> SQLAlchemyStore:
        """Open a store by SQLAlchemy's URL of a database, on an engine of its own, and make what tables are missing."""
        try:
            engine = create_engine(url, hide_parameters=True, pool_pre_ping=True)
        except (exc.ArgumentError, ValueError, TypeError):
            raise ConfigurationError("SQLAlchemy can't read the URL that follows sqlalchemy+") from None
        except ImportError as error:
            raise ConfigurationError(f"the driver {error.name} of the database isn't installed") from None
        return cls(engine, create=True, dispose=True)

    def add(self, records: Sequence[Record], *, now: int, renamed: Mapping[bytes, bytes]) -> bool:
        """Write all of them or none (2–6)."""
        return self._engine.write(partial(writing.add, records=records, now=now, renamed=renamed))

    def newest(self, audience: str, subject: str, series: Sequence[bytes]) -> tuple[Record | None, int]:
        """Return the newest record of a series, named under every key, and the subject's generation."""
        own = subjects.c.audience == audience, subjects.c.subject == subject

        def read(db: Connection) -> tuple[Record | None, int]:
            # Read first: were it read last, a revocation in between would go with the record before it.
            generation = db.scalars(select(subjects.c.generation).where(*own)).one_or_none()
            return lookups.newest(db, audience, series), generation or 0

        return self._engine.read(read)

    def get(self, audience: str, link_id: bytes) -> Record | None:
        """Return one record, or None."""
        return self._engine.read(partial(lookups.get, audience=audience, link_id=link_id))

    def consume(self, link_id: bytes, terms: Terms) -> Record | None:
        """Write one use if the terms are met, and give the record after it; else None (7)."""
        use = update(links).where(lookups.key(terms.audience, link_id), lookups.met(terms))
        first = func.coalesce(links.c.first_used_at, terms.now)
        use = use.values(uses=links.c.uses + 1, first_used_at=first, last_used_at=terms.now, attempt=terms.attempt)

        def write(db: Connection) -> Record | None:
            record = _changed(db, terms.audience, link_id, use)
            if record is not None and terms.ends_others:
                lookups.supersede_others(db, record, now=terms.now)
            return record

        return self._engine.write(write)

    def mark_delivered(self, audience: str, link_ids: Sequence[bytes], *, now: int) -> None:
        """Remember that the mail server took them, and end what they replace (6)."""

        def write(db: Connection) -> None:
            writing.lock_of(db, audience, link_ids)
            for link_id in link_ids:
                writing.deliver(db, audience, link_id, now=now)

        self._engine.write(write)

    def find(self, selector: Selector, *, limit: int, after: bytes | None = None) -> Sequence[Record]:
        """Return what matches, newest first (11)."""
        return self._engine.read(partial(lookups.find, selector=selector, limit=limit, after=after))

    def revoke(self, audience: str, link_id: bytes, *, now: int, reason: str) -> Record | None:
        """Withdraw one link and give the record after it; None where it is unknown (9)."""

        def write(db: Connection) -> Record | None:
            writing.lock_of(db, audience, [link_id])
            lookups.revoke(db, audience, [link_id], now=now, reason=reason)
            return lookups.get(db, audience, link_id)

        return self._engine.write(write)

    def revoke_matching(self, selector: Selector, *, now: int, reason: str) -> None:
        """Withdraw every link that matches, row by row (9)."""
        if selector.is_empty:
            raise BadArgumentError("an empty selector would revoke every link of the audience")

        def write(db: Connection) -> None:
            found = db.scalars(select(links.c.link_id).where(*lookups.matching(db, selector))).all()
            writing.lock_of(db, selector.audience, found)
            lookups.revoke(db, selector.audience, found, now=now, reason=reason)

        self._engine.write(write)

    def revoke_subject(self, audience: str, subject: str, *, now: int, reason: str) -> None:
        """Withdraw every link that the subject has, by its generation (10)."""
        own = subjects.c.audience == audience, subjects.c.subject == subject
        ended = {"generation": subjects.c.generation + 1, "revoked_at": now, "reason": reason}
        self._engine.write(lambda db: db.execute(update(subjects).where(*own).values(ended)).close())

    def hit(self, bucket: bytes, *, now: int, limit: int, window: int) -> int | None:
        """Count one in a bucket; None, or the instant from which to try again (12)."""
        return self._engine.write(partial(counting.hit, bucket=bucket, now=now, limit=limit, window=window))

    def count_attempt(self, audience: str, link_id: bytes, *, now: int, limit: int) -> Record | None:
        """Count one try at a link's code; None when no more are allowed (13)."""
        tried = update(links).where(lookups.key(audience, link_id), lookups.outstanding(now), links.c.attempts < limit)
        tried = tried.values(attempts=links.c.attempts + 1)
        return self._engine.write(lambda db: _changed(db, audience, link_id, tried))

    def note(self, note: Note) -> None:
        """Remember something that changed nothing (14)."""
        self._engine.write(partial(counting.note, note=note))

    def notes(self, audience: str, link_ids: Sequence[bytes]) -> Sequence[Note]:
        """Return the notes of some links, oldest first (14)."""
        return self._engine.read(partial(counting.notes, audience=audience, link_ids=link_ids))

    def purge(self, audience: str, *, before: int, limit: int) -> int:
        """Forget what expired before an instant, and then names that lead nowhere: two short transactions (15)."""
        count = self._engine.write(partial(writing.purge, audience=audience, before=before, limit=limit))
        self._engine.write(partial(writing.purge_names, audience=audience, before=before, limit=limit))
        return count

    def check(self) -> None:
        """Prove the schema, the privileges and a round trip of bytes and integers; else ConfigurationError."""
        self._engine.prove(see_tables, writes=False)
        self._engine.prove(see_version)
        self._engine.prove(prove)

    def close(self) -> None:
        """Take no more calls: a later one is StoreError. The engine stays open unless it's to be disposed of."""
        self._engine.close(dispose=self._dispose)


def _changed(db: Connection, audience: str, link_id: bytes, change: Update) -> Record | None:
    """Write a change that has its condition with it, and give the record after it; None where it wasn't met."""
    writing.lock_of(db, audience, [link_id])
    if db.dialect.update_returning:
        row = db.execute(change.returning(*links.c)).one_or_none()
        return None if row is None else Record._make(row)
    # The subject's row is locked: what is read is what was written.
    return lookups.get(db, audience, link_id) if db.execute(change).rowcount else None
