"""How the PostgreSQL store lends its connections, tries again, and tells trouble without a value in it."""

from __future__ import annotations

import tempfile
import time
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import psycopg
import pytest
from psycopg.conninfo import make_conninfo
from psycopg.rows import dict_row

from magiclink.errors import BadArgumentError, ConfigurationError, StoreError
from magiclink.records import Selector
from magiclink.stores.bindings import NotWrittenError
from magiclink.stores.postgres import PostgresStore, connections
from magiclink.stores.postgres.connections import Database
from magiclink.testing.contract import record, terms
from magiclink.testing.contract.bench import AUDIENCE, NOW
from tests.services import TIMEOUT, PostgresServer, missing, new_schema, postgres
from tests.stores.postgres.sandboxes import LEVELS, Call, Proxy, Sandbox, put

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

NOWHERE = "postgresql://app:hunter2@/db?host=/nowhere&connect_timeout=2"
SECRET = "customer-7-secret"


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    """Return a schema that nobody has used: tests make what they want in it."""
    with Sandbox(fresh=True) as made:
        yield made


@pytest.fixture
def database(sandbox: Sandbox) -> Iterator[Database]:
    """Return connections without a store."""
    sandbox.run(f"CREATE SCHEMA {sandbox.schema}")
    made = Database(sandbox.url, schema=sandbox.schema, prepared=True, pool_size=2, timeout=timedelta(0))
    yield made
    made.close()


# Lending.


def test_connections_all_lent(sandbox: Sandbox, store: PostgresStore) -> None:
    """A call that finds every connection lent waits its timeout, and then is StoreError; the next one works."""
    link, small = put(store), sandbox.store(pool_size=1, timeout=timedelta(0))
    with sandbox.holding("SELECT 1 FROM @subjects FOR UPDATE"):
        waits = Call(lambda: small.consume(link.link_id, terms()))
        sandbox.wait_for(1)
        with pytest.raises(StoreError, match="busy for 0 s: raise `pool_size` or `timeout`"):
            small.get(AUDIENCE, link.link_id)
    assert waits.result() is not None
    assert small.get(AUDIENCE, link.link_id) is not None


def test_closed_while_lent(sandbox: Sandbox, store: PostgresStore) -> None:
    """A connection that is lent while the store is closed does its work and is closed when it comes back."""
    link = put(store)
    with sandbox.holding("SELECT 1 FROM @subjects FOR UPDATE"):
        waits = Call(lambda: store.consume(link.link_id, terms()))
        sandbox.wait_for(1)
        store.close()
    assert waits.result() is not None
    with pytest.raises(StoreError, match="closed"):
        store.get(AUDIENCE, link.link_id)
    asked = f"SELECT count(*) FROM pg_stat_activity WHERE application_name = '{sandbox.schema}'"
    deadline = time.monotonic() + TIMEOUT
    while sandbox.run(asked) != [(0,)]:
        assert time.monotonic() < deadline, "the connection isn't closed"


def test_nothing_open_before_the_first_use(sandbox: Sandbox, store: PostgresStore) -> None:
    """A store that was built and not used holds no connection: what forks then shares none."""
    store.check()
    other = sandbox.store()
    assert len(store._database.inherited()) == 1
    assert other._database.inherited() == []


def test_idle_connections_that_were_ended(sandbox: Sandbox, store: PostgresStore) -> None:
    """Connections that the server has ended since their last use are no trouble of the next call."""
    link = put(store)
    with sandbox.holding("SELECT 1 FROM @subjects FOR UPDATE"):
        calls = [Call(lambda: store.consume(link.link_id, terms())) for _ in range(3)]
        sandbox.wait_for(3)
    assert all(call.result() for call in calls)
    ended = f"FROM pg_stat_activity WHERE application_name = '{sandbox.schema}'"
    assert len(sandbox.run(f"SELECT pg_terminate_backend(pid, 5000) {ended}")) == 3
    assert store.consume(link.link_id, terms()) is not None


def test_prepared(sandbox: Sandbox) -> None:
    """Statements are prepared, each once whatever its values; with `prepared=False` none is."""
    for prepared in (True, False):
        store = sandbox.store(prepared=prepared, pool_size=1)
        for changes in ({"max_uses": 1}, {"max_uses": 2**40}, {"max_uses": 70_000}):
            assert store.consume(put(store, **changes).link_id, terms()) is not None
        for part in (r"last\_used_at =", r"mine.number + 1\n"):
            told = f"SELECT count(*) FROM pg_prepared_statements WHERE statement LIKE E'%{part}%'"
            assert store._database.run(told) == [(int(prepared),)]


def test_nothing_of_the_session_is_used(sandbox: Sandbox, store: PostgresStore) -> None:
    """Behind a pooler any session may do the next call: no setting is left, no lock, no temporary table."""
    settings = "SELECT name FROM pg_settings WHERE source = 'session' ORDER BY 1"
    before = store._database.run(settings)
    link = put(store)
    store.consume(link.link_id, terms(ends_others=True))
    store.mark_delivered(AUDIENCE, [link.link_id], now=NOW)
    store.purge(AUDIENCE, before=NOW, limit=1)
    store.check()
    assert store._database.run(settings) == before
    held = "SELECT count(*) FROM pg_locks JOIN pg_stat_activity USING (pid) WHERE application_name"
    assert sandbox.run(f"{held} = '{sandbox.schema}'") == [(0,)]


def test_forked(database: Database) -> None:
    """In a forked child no connection is there, and the parent's are neither used nor closed."""
    [mine] = database.run("SELECT pg_backend_pid()")
    [inherited] = database.inherited()
    connections._after_fork_in_child()
    assert database.inherited() == []
    assert database.run("SELECT pg_backend_pid()") != [mine]
    assert inherited.execute("SELECT pg_backend_pid()").fetchall() == [mine]
    connections._INHERITED.remove(inherited)
    inherited.close()


# The app's own function.


def test_connection_of_the_app(sandbox: Sandbox) -> None:
    """Whatever the app's function has set on a connection, the store works, and commits."""

    def connect() -> psycopg.Connection[Any]:
        made = psycopg.connect(sandbox.url, row_factory=dict_row, cursor_factory=psycopg.ClientCursor)
        made.execute("SELECT 1")
        return made

    store = PostgresStore(connect, schema=sandbox.schema)
    link = put(store, max_uses=1)
    assert store.consume(link.link_id, terms(ends_others=True)) is not None
    store.close()
    found = sandbox.store().get(AUDIENCE, link.link_id)
    assert found is not None
    assert found.uses == 1


def test_function_of_the_app_that_raises(sandbox: Sandbox) -> None:
    """The driver's exceptions from the app's function are ours; the app's own pass through, and leak no slot."""
    raised: list[Exception] = [ZeroDivisionError(), psycopg.ProgrammingError(f"password={SECRET}")]

    def connect() -> psycopg.Connection[Any]:
        if raised:
            raise raised.pop()
        return psycopg.connect(sandbox.url)

    with pytest.raises(ConfigurationError) as refused:
        PostgresStore(connect, schema=sandbox.schema)
    assert SECRET not in str(refused.value)
    with pytest.raises(ZeroDivisionError):
        PostgresStore(connect, schema=sandbox.schema, pool_size=1)
    PostgresStore(connect, schema=sandbox.schema, pool_size=1).close()


# Opening.


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://app:hunter2@host/db?hunter2=1",
        "host=db password='hunter2",
        "postgresql://app:hunter2\ud800@host/db",
    ],
)
def test_url_that_can_not_be_read(url: str) -> None:
    """A URL that libpq refuses is ConfigurationError that quotes nothing of it."""
    with pytest.raises(ConfigurationError, match="can't be read") as raised:
        PostgresStore(url)
    assert "hunter2" not in str(raised.value)
    assert raised.value.__cause__ is None


def test_server_that_is_not_there() -> None:
    """E01: a server that can't be reached is ConfigurationError when opened, without the password."""
    with pytest.raises(ConfigurationError, match=r"<host>.*No such file") as raised:
        PostgresStore(NOWHERE)
    assert "hunter2" not in str(raised.value)


@pytest.mark.parametrize("url", ["postgresql://app:x@hunter2@/db", "postgresql://app@host:hunter2/hunter2"])
def test_url_that_is_read_otherwise(url: str) -> None:
    """A password with a sign that should have been encoded isn't told as what libpq takes it for."""
    with pytest.raises(ConfigurationError) as raised:
        PostgresStore(f"{url}?connect_timeout=2")
    assert "hunter2" not in str(raised.value)


def test_sessions_that_only_read(sandbox: Sandbox, store: PostgresStore) -> None:
    """E11: sessions that only read are ConfigurationError when opened, where everything is there already too."""
    url = make_conninfo(sandbox.url, options="-c default_transaction_read_only=on")
    with pytest.raises(ConfigurationError, match="only read"):
        PostgresStore(url, schema=sandbox.schema)


def test_old_server() -> None:
    """A server that doesn't tell whether it may write is refused in words."""
    old = SimpleNamespace(info=SimpleNamespace(server_version=130_014))
    with pytest.raises(psycopg.OperationalError, match="14 or newer") as raised:
        connections._require_writable(old)  # type: ignore[arg-type]
    assert connections._describe(raised.value) == "PostgreSQL: the server is too old: PostgreSQL 14 or newer is needed"


# Trying again.


COUNTED = "DO $$ BEGIN PERFORM nextval('@tries'); RAISE EXCEPTION '{}' USING ERRCODE = '{}', DETAIL = '{}'; END $$"


def tried(sandbox: Sandbox) -> int:
    """Tell how often it was tried: a sequence isn't rolled back."""
    return int(sandbox.run("SELECT last_value FROM @tries")[0][0])


@pytest.mark.parametrize("state", ["40001", "40P01"])
def test_tried_again(sandbox: Sandbox, database: Database, state: str) -> None:
    """E15: a call that failed to be serialised, or was a deadlock's victim, is tried three times more."""
    sandbox.run("CREATE SEQUENCE @tries")
    statement = COUNTED.format("in vain", state, SECRET)
    with pytest.raises(StoreError, match="in vain"):
        database.run(statement)
    assert tried(sandbox) == 4
    with pytest.raises(ConfigurationError):
        database.transaction(lambda session: session.run(statement), ConfigurationError)
    assert tried(sandbox) == 8


@pytest.mark.parametrize("level", LEVELS)
def test_tried_again_under_read_committed(level: str) -> None:
    """A statement that failed under the default is tried again where waiting for a row fails nothing."""
    told: list[str] = []

    def work(session: connections.Session) -> None:
        told.extend(session.run("SHOW transaction_isolation")[0])
        if len(told) < 3:
            raise psycopg.errors.SerializationFailure

    with Sandbox(default_transaction_isolation=level) as sandbox:
        database = Database(sandbox.url, schema="public", prepared=True, pool_size=1, timeout=timedelta(0))
        database._retry(work, StoreError, in_transaction=False)
        database.close()
    assert told == [level, "read committed", "read committed"]


def test_deadlock(sandbox: Sandbox, store: PostgresStore) -> None:
    """E15: the victim of a real deadlock tries again, and succeeds."""
    one, two = put(store, subject="customer-1"), put(store, subject="customer-2")
    with sandbox.holding("SELECT 1 FROM @subjects WHERE subject = 'customer-2' FOR UPDATE") as holder:
        holder.execute("SET LOCAL deadlock_timeout = '30s'")
        revocation = Call(
            lambda: store.revoke_matching(Selector(audience=AUDIENCE, issued_before=NOW + 1), now=NOW, reason="")
        )
        sandbox.wait_for(1)
        holder.execute(f"SELECT 1 FROM {sandbox.schema}.subjects WHERE subject = 'customer-1' FOR UPDATE".encode())
    revocation.result()
    found = [store.get(AUDIENCE, link.link_id) for link in (one, two)]
    assert [each and each.revoked_at for each in found] == [NOW, NOW]


# Trouble.


TROUBLE = {
    "42501": "in vain",
    "53300": "in vain",
    "57014": "in vain",
    "55P03": "in vain",
    "25006": "in vain",
    "23514": "CheckViolation",
    "P0001": "RaiseException",
    "XX000": "InternalError_",
}


@pytest.mark.parametrize("state", TROUBLE)
def test_trouble_with_a_value(sandbox: Sandbox, database: Database, state: str) -> None:
    """17: a driver's error is StoreError with its state; where its message may hold a value, without the message."""
    sandbox.run("CREATE SEQUENCE @tries")
    message = "in vain" if TROUBLE[state] == "in vain" else SECRET
    with pytest.raises(StoreError, match=rf"{TROUBLE[state]}.*\({state}\)") as raised:
        database.run(COUNTED.format(message, state, SECRET))
    assert SECRET not in str(raised.value)
    assert raised.value.__cause__ is None
    assert raised.value.__suppress_context__
    assert tried(sandbox) == 1


def test_other_trouble(sandbox: Sandbox, database: Database) -> None:
    """A value that doesn't fit is BadArgumentError; a key that is there ends what must leave nothing."""
    sandbox.run("CREATE SEQUENCE @tries")
    with pytest.raises(BadArgumentError) as raised:
        database.run(COUNTED.format(SECRET, "22001", SECRET))
    assert SECRET not in str(raised.value)
    with pytest.raises(NotWrittenError):
        database.run(COUNTED.format(SECRET, "23505", SECRET))


@pytest.mark.parametrize(("state", "kept"), [("22001", True), ("23505", True), ("57014", True), ("42501", False)])
def test_connection_after_trouble(sandbox: Sandbox, database: Database, state: str, kept: bool) -> None:
    """After trouble that says nothing about the connection it's used again; after any other it's shut."""
    sandbox.run("CREATE SEQUENCE @tries")
    with pytest.raises((StoreError, BadArgumentError)):
        database.run(COUNTED.format("", state, ""))
    assert len(database.inherited()) == kept


def test_interrupted(database: Database) -> None:
    """Somebody who interrupts a transaction leaves nothing of it, and no slot is lost."""

    def work(session: connections.Session) -> None:
        session.run("CREATE TABLE @half (id int)")
        raise KeyboardInterrupt

    for _ in range(3):
        with pytest.raises(KeyboardInterrupt):
            database.transaction(work)
    assert database.run("SELECT to_regclass('@half') IS NULL") == [(True,)]


@pytest.mark.parametrize("setting", ["statement_timeout", "lock_timeout"])
def test_timeout(setting: str) -> None:
    """E17: a use that runs into a timeout of the server's is StoreError, and the link is as it was."""
    given: dict[str, Any] = {setting: "500ms"}
    with Sandbox(**given) as sandbox:
        store = sandbox.store()
        link = put(store, max_uses=1)
        with sandbox.holding("SELECT 1 FROM @subjects FOR UPDATE"):
            for others in (False, True):
                with pytest.raises(StoreError, match=r"canceling statement"):
                    store.consume(link.link_id, terms(ends_others=others))
        assert store.get(AUDIENCE, link.link_id) == link
        assert store.consume(link.link_id, terms()) is not None


# Losing the server.


@pytest.fixture
def proxy(sandbox: Sandbox) -> Iterator[Proxy]:
    """Return a line to the server that can be cut."""
    # A folder of its own under a short name: a socket's path has room for a hundred characters.
    with tempfile.TemporaryDirectory(prefix="ml-", dir="/tmp") as folder:
        try:
            made = Proxy(sandbox.url, Path(folder))
        except KeyError:
            missing("the given PostgreSQL has no Unix socket to stand before")
        yield made
        made.close()


# How often the client speaks in a use: once, or to begin, use, end the others and commit.
TURNS = [(False, 1), (True, 4)]


@pytest.fixture
def far(sandbox: Sandbox, proxy: Proxy) -> PostgresStore:
    """Return a store behind the proxy, which has used links both ways before: its statements are prepared."""
    sandbox.url = proxy.url
    store = sandbox.store(pool_size=1)
    for others in (False, True):
        assert store.consume(put(store, subject="customer-8").link_id, terms(ends_others=others)) is not None
    return store


@pytest.mark.parametrize(("others", "turn"), [*TURNS, (True, 1), (True, 3)])
def test_cut_before_a_use(far: PostgresStore, proxy: Proxy, others: bool, turn: int) -> None:
    """E02, E05, E06: a connection that is lost before a use was committed is StoreError, and the link works."""
    link = put(far, max_uses=1)
    proxy.cut("client", turn)
    with pytest.raises(StoreError):
        far.consume(link.link_id, terms(ends_others=others))
    assert far.get(AUDIENCE, link.link_id) == link
    assert far.consume(link.link_id, terms(ends_others=others)) is not None


@pytest.mark.parametrize(("others", "turn"), TURNS)
def test_cut_after_a_use(far: PostgresStore, proxy: Proxy, others: bool, turn: int) -> None:
    """E04: a connection that is lost after a use was committed is StoreError, isn't tried again, and the use counts."""
    link = put(far, max_uses=2)
    proxy.cut("server", turn)
    with pytest.raises(StoreError):
        far.consume(link.link_id, terms(ends_others=others))
    found = far.get(AUDIENCE, link.link_id)
    assert found is not None
    assert found.uses == 1
    assert far.consume(link.link_id, terms()) is not None
    assert far.consume(link.link_id, terms()) is None


def test_cut_in_the_middle_of_a_batch(sandbox: Sandbox, far: PostgresStore, proxy: Proxy) -> None:
    """E02: a batch whose connection is lost on the way leaves nothing, and can be handed in again."""
    before = sandbox.rows("links", "subjects")
    links = [record(subject=f"customer-{number}") for number in range(1_000)]
    for turn in (1, 3, 5):
        proxy.cut("client", turn)
        with pytest.raises(StoreError):
            far.add(links, now=NOW, renamed={})
        assert sandbox.rows("links", "subjects") == before
    assert far.add(links, now=NOW, renamed={})


@pytest.fixture
def server() -> Iterator[PostgresServer]:
    """Return a server that the test may kill."""
    made = PostgresServer()
    yield made
    made.stop()


def test_server_that_is_killed(server: PostgresServer) -> None:
    """E05, E07: while the server is down every call is StoreError; when it is up again, all that was told is there."""
    with Sandbox(server.url) as sandbox:
        store = sandbox.store()
        used, unused = put(store, max_uses=1), put(store, max_uses=1)
        assert store.consume(used.link_id, terms()) is not None
        server.stop()
        for _ in range(3):
            with pytest.raises(StoreError):
                store.consume(unused.link_id, terms())
        server.start()
        assert store.consume(used.link_id, terms()) is None
        assert store.consume(unused.link_id, terms()) is not None


def test_server_that_becomes_a_replica(server: PostgresServer) -> None:
    """E11, E12: a server that comes back as a replica is StoreError, for reads too; ConfigurationError when opened."""
    with Sandbox(server.url) as sandbox:
        store = sandbox.store()
        link = put(store)
        server.stop()
        (server.socket.parent / "data" / "standby.signal").touch()
        server.start()
        calls: list[Callable[[], object]] = [
            lambda: store.get(AUDIENCE, link.link_id),
            lambda: store.consume(link.link_id, terms()),
        ]
        for call in calls:
            with pytest.raises(StoreError, match="replica"):
                call()
        with pytest.raises(ConfigurationError, match="replica"):
            sandbox.store()


def test_schema_of_another_store(sandbox: Sandbox) -> None:
    """Statements name the schema: two databases of one process never share a text."""
    names = [new_schema(), new_schema()]
    made = [Database(postgres(), schema=name, prepared=True, pool_size=1, timeout=timedelta(0)) for name in names]
    assert [each.text("SELECT 1 FROM @links") for each in made] == [f'SELECT 1 FROM "{name}".links' for name in names]
