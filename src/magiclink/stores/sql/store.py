"""The store that SQLAlchemy's and Django's are: which statements answer which call, and in what transaction.

`connections.py` says what is asked of a connection; what is found and written is in `queries.py` and `writes.py`, and
the tables in `schema.py`.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from .. import bindings
from ..base import Store
from . import counters, queries, selftest, statements, writes
from .encoding import fit, make_key

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ...records import Note, Record, Selector, Terms
    from .connections import Database, Session
    from .encoding import Values


class SQLStore(Store):
    """A store in a database of the app's."""

    _database: Database

    def add(self, records: Sequence[Record], *, now: int, renamed: Mapping[bytes, bytes]) -> bool:
        try:
            if self._database.dialect.locks_in_place and bindings.is_plain(records, renamed):
                self._database.change(partial(writes.issue, record=records[0]))
            else:
                self._database.write(partial(writes.add, records=records, now=now, renamed=renamed))
        except bindings.NotWrittenError:
            return False
        return True

    def newest(self, audience: str, subject: str, series: Sequence[bytes]) -> tuple[Record | None, int]:
        def read(db: Session) -> tuple[Record | None, int]:
            # Read first: were it read last, a revocation in between would go with the record before it.
            generation = db.ask(statements.GENERATION, {"audience": audience, "subject": subject})
            return queries.read_newest(db, audience, series), generation[0][0] if generation else 0

        return self._database.read(read)

    def get(self, audience: str, link_id: bytes) -> Record | None:
        return self._database.read(partial(queries.get, audience=audience, link_id=link_id))

    def consume(self, link_id: bytes, terms: Terms) -> Record | None:
        values = queries.bind_terms(link_id, terms)
        has = {"limited": terms.max_uses is not None, "stamped": terms.stamp is not None}

        def write(db: Session) -> Record | None:
            statement = statements.consume(db.dialect, **has, attempted=terms.attempt is not None)
            record = _change_one(db, statement, values)
            if record is not None and terms.ends_others:
                queries.supersede_others(db, record, now=terms.now)
            return record

        return self._database.decide(write, alone=not terms.ends_others)

    def mark_delivered(self, audience: str, link_ids: Sequence[bytes], *, now: int) -> None:
        def write(db: Session) -> None:
            writes.lock_subjects_of(db, audience, [make_key(audience, link_id) for link_id in link_ids])
            for link_id in link_ids:
                writes.deliver(db, audience, link_id, now=now)

        self._database.write(write)

    def find(self, selector: Selector, *, limit: int, after: bytes | None = None) -> Sequence[Record]:
        return self._database.read(partial(queries.find, selector=selector, limit=limit, after=after))

    def revoke(self, audience: str, link_id: bytes, *, now: int, reason: str) -> Record | None:
        links, values = [make_key(audience, link_id)], fit("links", {"now": now, "revoke_reason": reason})

        def write(db: Session) -> Record | None:
            writes.lock_subjects_of(db, audience, links)
            if queries.get(db, audience, link_id) is not None:
                queries.revoke(db, links, values)
            return queries.get(db, audience, link_id)

        return self._database.write(write)

    def revoke_matching(self, selector: Selector, *, now: int, reason: str) -> None:
        bindings.require_fields(selector)
        revoked = fit("links", {"now": now, "revoke_reason": reason})

        def write(db: Session) -> None:
            where, values = queries.match(db, selector)
            found = db.ask(f"SELECT id FROM magiclink_links AS links WHERE {where}", values)  # noqa: S608 - see there
            links = [link for (link,) in found]
            writes.lock_subjects_of(db, selector.audience, links)
            queries.revoke(db, links, revoked)

        self._database.write(write)

    def revoke_subject(self, audience: str, subject: str, *, now: int, reason: str) -> None:
        values = fit("subjects", {"audience": audience, "subject": subject, "now": now, "reason": reason})
        self._database.change(lambda db: db.change(statements.REVOKE_SUBJECT, values))

    def hit(self, limit_key: bytes, *, now: int, limit: int, window: int) -> int | None:
        work = partial(counters.hit, limit_key=limit_key, now=now, limit=limit, window=window)
        return self._database.write(work)

    def count_attempt(self, audience: str, link_id: bytes, *, now: int, limit: int) -> Record | None:
        values = {**queries.bind_link(audience, link_id), "now": now, "limit": limit}

        def write(db: Session) -> Record | None:
            return _change_one(db, statements.count_attempt(db.dialect), values)

        # In a transaction of the app's, the error that tells of a wrong code would take the count of it back.
        return self._database.decide(write, alone=True)

    def note(self, note: Note) -> None:
        self._database.write(partial(counters.note, note=note))

    def notes(self, audience: str, link_ids: Sequence[bytes]) -> Sequence[Note]:
        return self._database.read(partial(counters.list_notes, audience=audience, link_ids=link_ids))

    def purge(self, audience: str, *, before: int, limit: int) -> int:
        count = self._database.write(partial(writes.purge, audience=audience, before=before, limit=limit))
        self._database.write(partial(writes.purge_lookups, audience=audience, before=before, limit=limit))
        return count

    def check(self) -> None:
        selftest.check_database(self._database)

    def close(self) -> None:
        self._database.close()


def _change_one(db: Session, statement: str, values: Values) -> Record | None:
    """Write a change that has its condition with it, and return the record after it; None where it wasn't met."""
    if db.dialect.returning:
        return queries.read_first(db, statement, values)
    # The subject's row is locked: what is read is what was written.
    writes.lock_subjects_of(db, values["audience"], [values["id"]])
    return queries.read_first(db, statements.GET, values) if db.change(statement, values) else None
