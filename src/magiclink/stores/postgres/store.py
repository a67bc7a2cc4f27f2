"""The PostgreSQL store, for many machines: psycopg 3, extra `postgres`.

A write has happened when its call returns, as far as the server's `synchronous_commit` promises it (on, as it comes).
It works under READ COMMITTED, REPEATABLE READ and SERIALIZABLE as the server's default, and behind a pooler in
transaction mode: no call needs anything of the session but what `prepared` says. This module says which
statement answers which call; `connections.py` runs them, and the conditions stand in `statements.py`.
"""

from __future__ import annotations

from contextlib import suppress
from datetime import timedelta
from typing import TYPE_CHECKING

from ...errors import ConfigurationError
from ...records import Record
from .. import bindings
from ..base import Store
from ..selftest import SAMPLES, check_same
from . import purging, queries, statements, transactions
from .connections import Database
from .schema import check as check_schema
from .schema import check_name, prepare

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from datetime import date, datetime

    import psycopg

    from ...records import Note, Selector, Terms
    from .connections import Session

POOL_SIZE = 8
"""Connections that one store opens at most."""

TIMEOUT = timedelta(seconds=5)
"""How long a call waits for one of them, and for the server to answer at all, until it raises StoreError."""


class PostgresStore(Store):
    """A store in one schema of a PostgreSQL database, 14 or newer, made where it is missing.

    `source` is a URL as libpq reads it, or the app's own function that opens a connection: it is the store's then.
    `prepared=False` is for a pooler in transaction mode that doesn't keep track of prepared statements: there, one
    client's may be another's. `partitioned` is how the tables are made, if they are: see `add_months`. Timeouts for
    statements and locks are the role's or the URL's: `ALTER ROLE app SET statement_timeout = '5s'`.

    Raises ConfigurationError where the database can't be reached, written or believed: a replica, another application's
    tables, a schema of another version, a missing column or privilege. A forked child opens connections of its own.
    """

    def __init__(
        self,
        source: str | Callable[[], psycopg.Connection],
        *,
        schema: str = "magiclink",
        partitioned: bool = False,
        prepared: bool = True,
        pool_size: int = POOL_SIZE,
        timeout: timedelta = TIMEOUT,
    ) -> None:
        if pool_size < 1:
            raise ConfigurationError(f"pool_size: at least 1 connection, got {pool_size}")
        bindings.require_timeout(timeout)
        self._schema = check_name(schema)
        self._database = Database(source, schema=schema, prepared=prepared, pool_size=pool_size, timeout=timeout)
        try:
            prepare(self._database, schema, partitioned=partitioned)
        finally:
            # Nothing stays open until the first use: a server that builds its store and then forks shares nothing.
            self._database.drain()

    def add(self, records: Sequence[Record], *, now: int, renamed: Mapping[bytes, bytes]) -> bool:
        try:
            if bindings.is_plain(records, renamed):
                self._database.run(statements.ISSUE, records[0]._asdict())
            else:
                self._database.transaction(lambda session: transactions.add(session, records, now, renamed))
        except bindings.NotWrittenError:
            return False
        return True

    def newest(self, audience: str, subject: str, series: Sequence[bytes]) -> tuple[Record | None, int]:
        values = {"audience": audience, "subject": subject, "series": list(series)}
        [(generation, *row)] = self._database.run(statements.READ_NEWEST, values)
        return (None if row[0] is None else Record._make(row)), generation

    def get(self, audience: str, link_id: bytes) -> Record | None:
        return bindings.read_first(self._database.run(statements.GET, {"audience": audience, "link_id": link_id}))

    def consume(self, link_id: bytes, terms: Terms) -> Record | None:
        values = bindings.bind_terms(link_id, terms)
        if not terms.ends_others:
            return bindings.read_first(self._database.run(statements.CONSUME, values))
        return self._database.transaction(lambda session: transactions.consume_alone(session, values))

    def mark_delivered(self, audience: str, link_ids: Sequence[bytes], *, now: int) -> None:
        self._database.transaction(lambda session: transactions.deliver(session, audience, list(link_ids), now))

    def find(self, selector: Selector, *, limit: int, after: bytes | None = None) -> Sequence[Record]:
        rows = self._database.run(*queries.find(selector, limit=limit, after=after))
        return [Record._make(row) for row in rows]

    def revoke(self, audience: str, link_id: bytes, *, now: int, reason: str) -> Record | None:
        values = {"audience": audience, "link_id": link_id, "now": now, "reason": reason}
        return bindings.read_first(self._database.run(statements.REVOKE, values)) or self.get(audience, link_id)

    def revoke_matching(self, selector: Selector, *, now: int, reason: str) -> None:
        bindings.require_fields(selector)
        self._database.run(*queries.revoke(selector, now=now, reason=reason))

    def revoke_subject(self, audience: str, subject: str, *, now: int, reason: str) -> None:
        values = {"audience": audience, "subject": subject, "now": now, "reason": reason}
        self._database.run(statements.REVOKE_SUBJECT, values)

    def hit(self, limit_key: bytes, *, now: int, limit: int, window: int) -> int | None:
        values = bindings.bind_hit(limit_key, now=now, limit=limit, window=window)
        return None if self._database.run(statements.HIT, values) else int(values["ends_at"])

    def count_attempt(self, audience: str, link_id: bytes, *, now: int, limit: int) -> Record | None:
        values = {"audience": audience, "link_id": link_id, "now": now, "limit": limit}
        return bindings.read_first(self._database.run(statements.COUNT_ATTEMPT, values))

    def note(self, note: Note) -> None:
        self._database.run(statements.NOTE, bindings.bind_note(note))

    def notes(self, audience: str, link_ids: Sequence[bytes]) -> Sequence[Note]:
        rows = self._database.run(statements.NOTES, {"audience": audience, "link_ids": list(link_ids)})
        return bindings.read_notes(audience, rows)

    def purge(self, audience: str, *, before: int, limit: int) -> int:
        """Forget what expired before an instant, in transactions of at most 5,000 links (15)."""
        return purging.purge(self._database, audience, before=before, limit=limit)

    def add_months(self, first: date, count: int = 1) -> None:
        """Make the partitions for links that expire in these months (UTC), before the first such link is issued.

        Where the tables were made with `partitioned=True`; links of a month without a partition go to that of the rest,
        and keep it from getting one. Months that are there stay as they are. Raises BadArgumentError, StoreError.
        """
        purging.add_months(self._database, first, count)

    def drop_months(self, before: datetime) -> list[str]:
        """Forget the months (UTC) of all audiences that ended before an instant; return their names, as `2026_03`.

        Dropping a partition costs the same however many links it has; `purge` is still needed for the rest. `before` is
        now less what `purge` would keep. Raises BadArgumentError, and StoreError where the table is busy for 2 seconds.
        """
        return purging.drop_months(self._database, before)

    def check(self) -> None:
        with suppress(bindings.NotWrittenError):
            self._database.transaction(self._check, ConfigurationError)

    def close(self) -> None:
        self._database.close()

    def _check(self, session: Session) -> None:
        check_schema(session, self._schema)
        _check_round_trip(session)
        raise bindings.NotWrittenError("nothing of the self-test is kept")


def _check_round_trip(session: Session) -> None:
    """Raise ConfigurationError unless samples come back as they went in."""
    for sample in SAMPLES:
        transactions.add(session, [sample], 0, {})
        check_same(sample, bindings.read_first(session.run(statements.GET, sample._asdict())))
