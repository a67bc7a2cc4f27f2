"""Where the tests of the PostgreSQL store happen: a schema of a test's own, locks that it holds, a proxy that cuts."""

from __future__ import annotations

import time
from contextlib import ExitStack, contextmanager
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING, Any, Self

import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from magiclink.stores.postgres import PostgresStore
from magiclink.testing.contract import record
from magiclink.testing.contract.bench import NOW
from tests.services import TIMEOUT, new_schema, postgres, spare_schema
from tests.stores.wires import Wire

if TYPE_CHECKING:
    from collections.abc import Iterator

    from magiclink.records import Record

LEVELS = ("read committed", "repeatable read", "serializable")


class Sandbox:
    """One schema, the stores in it, and a connection that goes behind their back; `@` stands before its tables.

    The schema may have been another test's before, who has left its tables empty. A test that changes tables, counts
    what happens to them or has a server of its own wants one that is `fresh`.
    """

    def __init__(self, url: str | None = None, *, fresh: bool = False, **settings: str) -> None:
        self._left = ExitStack()
        self.schema = new_schema() if fresh or url else self._left.enter_context(spare_schema())
        self.level = settings.get("default_transaction_isolation", LEVELS[0])
        options = " ".join(f"-c {name}={_escaped(value)}" for name, value in settings.items())
        self.url = make_conninfo(url or postgres(), application_name=self.schema, options=options)
        self.admin = psycopg.connect(url or postgres(), autocommit=True)
        self._stores: list[PostgresStore] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for store in self._stores:
            store.close()
        self.admin.close()
        self._left.close()

    def store(self, **settings: Any) -> PostgresStore:
        """Open a store; it's closed with the sandbox."""
        store = PostgresStore(self.url, schema=self.schema, **settings)
        self._stores.append(store)
        return store

    def run(self, statement: str) -> list[tuple[Any, ...]]:
        """Run a statement behind the stores' back."""
        return run(self.admin, self.schema, statement)

    def rows(self, *tables: str) -> list[int]:
        """Count the rows of some tables."""
        return [self.run(f"SELECT count(*) FROM @{table}")[0][0] for table in tables]

    @contextmanager
    def holding(self, statement: str) -> Iterator[psycopg.Connection]:
        """Keep the locks of a statement, in a transaction that is committed at the end."""
        with psycopg.connect(make_conninfo(self.url, application_name="holder")) as holder:
            run(holder, self.schema, statement)
            yield holder

    def wait_for(self, waiting: int) -> None:
        """Return when so many calls of the stores wait for a lock."""
        asked = f"SELECT count(*) FROM pg_stat_activity WHERE application_name = '{self.schema}'"
        deadline = time.monotonic() + TIMEOUT
        while self.run(f"{asked} AND wait_event_type = 'Lock'")[0][0] < waiting:
            assert time.monotonic() < deadline, "nobody waits for the lock"


class Call(Thread):
    """A call on a thread of its own: `result()` gives what it returned, or raises what it raised."""

    def __init__(self, call: Any) -> None:
        super().__init__(daemon=True)
        self._call = call
        self._result: Any = None
        self._error: BaseException | None = None
        self.start()

    def run(self) -> None:
        """Do it."""
        try:
            self._result = self._call()
        except BaseException as error:
            self._error = error

    def result(self) -> Any:
        """Wait for its end."""
        self.join(TIMEOUT)
        assert not self.is_alive()
        if self._error is not None:
            raise self._error
        return self._result


class Proxy(Wire):
    """A wire to the server of a URL; it answers at `url`."""

    def __init__(self, url: str, folder: Path) -> None:
        name = ".s.PGSQL.5432"
        super().__init__(Path(str(conninfo_to_dict(url)["host"])) / name, folder / name)
        self.url = make_conninfo(url, host=str(folder))


def run(connection: psycopg.Connection[Any], schema: str, statement: str) -> list[tuple[Any, ...]]:
    """Run a statement on a connection."""
    cursor = connection.execute(statement.replace("@", f"{schema}.").encode())
    return cursor.fetchall() if cursor.description else []


def _escaped(value: str) -> str:
    return value.replace(" ", "\\ ")


def put(store: PostgresStore, **changes: Any) -> Record:
    """Write one link, and give it as the store has it."""
    link = record(**changes)
    assert store.add([link], now=NOW, renamed={})
    found = store.get(link.audience, link.link_id)
    assert found is not None
    return found
