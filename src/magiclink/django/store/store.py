"""The Django store: links in the app's own database, on the connection that Django has for it.

For SQLite, PostgreSQL, MariaDB and MySQL. Inside `transaction.atomic` what is issued, delivered, revoked or purged goes
with the block, so that an invoice and its link are both there or neither; a link is never redeemed there, since a
rollback would hand out a login that the database has forgotten. This room says what happens in which transaction;
`connections.py` runs it, what is found and written is in `queries.py` and `writes.py`, and the tables
in `models.py`.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from ...errors import BadArgumentError
from . import counters as counting
from . import queries as lookups
from . import selftest as probe
from . import statements
from . import writes as writing
from .connections import AppDatabase, NotWrittenError
from .encoding import fitting, link_key, record

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ...records import Note, Record, Selector, Terms
    from .connections import Session
    from .encoding import Values


class DjangoStore:
    """A store in a database of the Django project, whose tables `manage.py migrate` makes.

    `using` is a database's name in DATABASES; without it the project's routers say where links are written, and they
    are read there too. It may be made before Django's apps are ready, and asks nothing until its first call; `check`
    proves the tables. A call raises ConfigurationError where Django or the database can't serve it at all: also for
    redeeming inside `transaction.atomic`.
    """

    def __init__(self, using: str | None = None) -> None:
        self._database = AppDatabase(using)

    @property
    def alias(self) -> str:
        """The name of the database in DATABASES. Raises ConfigurationError before Django is set up."""
        return self._database.alias

    def add(self, records: Sequence[Record], *, now: int, renamed: Mapping[bytes, bytes]) -> bool:
        """Write all of them or none (2–6)."""
        try:
            self._database.write(partial(writing.add, records=records, now=now, renamed=renamed))
        except NotWrittenError:
            return False
        return True

    def newest(self, audience: str, subject: str, series: Sequence[bytes]) -> tuple[Record | None, int]:
        """Return the newest record of a series, named under every key, and the subject's generation."""

        def read(db: Session) -> tuple[Record | None, int]:
            # Read first: were it read last, a revocation in between would go with the record before it.
            generation = db.ask(statements.GENERATION, {"audience": audience, "subject": subject})
            return lookups.newest(db, audience, series), generation[0][0] if generation else 0

        return self._database.read(read)

    def get(self, audience: str, link_id: bytes) -> Record | None:
        """Return one record, or None."""
        return self._database.read(partial(lookups.get, audience=audience, link_id=link_id))

    def consume(self, link_id: bytes, terms: Terms) -> Record | None:
        """Write one use if the terms are met, and give the record after it; else None (7)."""
        values = lookups.bound(link_id, terms)
        has = {"limited": terms.max_uses is not None, "stamped": terms.stamp is not None}

        def write(db: Session) -> Record | None:
            statement = statements.consume(db.dialect, **has, attempted=terms.attempt is not None)
            record = _changed(db, statement, values)
            if record is not None and terms.ends_others:
                lookups.supersede_others(db, record, now=terms.now)
            return record

        return self._database.decide(write, alone=not terms.ends_others)

    def mark_delivered(self, audience: str, link_ids: Sequence[bytes], *, now: int) -> None:
        """Remember that the mail server took them, and end what they replace (6)."""

        def write(db: Session) -> None:
            writing.lock_of(db, audience, [link_key(audience, link_id) for link_id in link_ids])
            for link_id in link_ids:
                writing.deliver(db, audience, link_id, now=now)

        self._database.write(write)

    def find(self, selector: Selector, *, limit: int, after: bytes | None = None) -> Sequence[Record]:
        """Return what matches, newest first (11)."""
        return self._database.read(partial(lookups.find, selector=selector, limit=limit, after=after))

    def revoke(self, audience: str, link_id: bytes, *, now: int, reason: str) -> Record | None:
        """Withdraw one link and give the record after it; None where it is unknown (9)."""
        links = [link_key(audience, link_id)]

        def write(db: Session) -> Record | None:
            writing.lock_of(db, audience, links)
            if lookups.get(db, audience, link_id) is not None:
                lookups.revoke(db, links, now=now, reason=reason)
            return lookups.get(db, audience, link_id)

        return self._database.write(write)

    def revoke_matching(self, selector: Selector, *, now: int, reason: str) -> None:
        """Withdraw every link that matches, row by row (9)."""
        if selector.is_empty:
            raise BadArgumentError("an empty selector would revoke every link of the audience")

        def write(db: Session) -> None:
            where, values = lookups.matching(db, selector)
            found = db.ask(f"SELECT id FROM magiclink_links AS links WHERE {where}", values)  # noqa: S608 - see there
            links = [link for (link,) in found]
            writing.lock_of(db, selector.audience, links)
            lookups.revoke(db, links, now=now, reason=reason)

        self._database.write(write)

    def revoke_subject(self, audience: str, subject: str, *, now: int, reason: str) -> None:
        """Withdraw every link that the subject has, by its generation (10)."""
        values = fitting("Subject", {"audience": audience, "subject": subject, "now": now, "reason": reason})
        self._database.change(lambda db: db.change(statements.REVOKE_SUBJECT, values))

    def hit(self, bucket: bytes, *, now: int, limit: int, window: int) -> int | None:
        """Count one in a bucket; None, or the instant from which to try again (12)."""
        return self._database.write(partial(counting.hit, bucket=bucket, now=now, limit=limit, window=window))

    def count_attempt(self, audience: str, link_id: bytes, *, now: int, limit: int) -> Record | None:
        """Count one try at a link's code; None when no more are allowed (13)."""
        values = {**lookups.link(audience, link_id), "now": now, "limit": limit}
        # Inside `atomic` the error that tells of a wrong code would take the count of it back.
        return self._database.decide(lambda db: _changed(db, statements.count_attempt(db.dialect), values), alone=True)

    def note(self, note: Note) -> None:
        """Remember something that changed nothing (14)."""
        self._database.write(partial(counting.note, note=note))

    def notes(self, audience: str, link_ids: Sequence[bytes]) -> Sequence[Note]:
        """Return the notes of some links, oldest first (14)."""
        return self._database.read(partial(counting.notes, audience=audience, link_ids=link_ids))

    def purge(self, audience: str, *, before: int, limit: int) -> int:
        """Forget what expired before an instant, and then names that lead nowhere: two short transactions (15)."""
        count = self._database.write(partial(writing.purge, audience=audience, before=before, limit=limit))
        self._database.write(partial(writing.purge_names, audience=audience, before=before, limit=limit))
        return count

    def check(self) -> None:
        """Prove the schema, the privileges and a round trip of bytes and integers; else ConfigurationError."""
        probe.prove(self._database)

    def close(self) -> None:
        """Take no more calls: a later one is StoreError. The connections are Django's, and stay as they are."""
        self._database.close()


def _changed(db: Session, statement: str, values: Values) -> Record | None:
    """Write a change that has its condition with it, and give the record after it; None where it wasn't met."""
    if db.dialect.returning:
        rows = db.ask(statement, values)
        return record(rows[0]) if rows else None
    # The subject's row is locked: what is read is what was written.
    writing.lock_of(db, values["audience"], [values["id"]])
    return lookups.first(db, statements.GET, values) if db.change(statement, values) else None
