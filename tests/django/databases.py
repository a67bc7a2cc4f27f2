"""Databases for the tests of the Django store: a file of SQLite, PostgreSQL, and MariaDB where there is a server.

Each is added to Django's connections under a name of its own, migrated, and taken away again: no other test sees it.
"""

from __future__ import annotations

import sys
import threading
from contextlib import contextmanager
from functools import wraps
from importlib import import_module
from itertools import count
from typing import TYPE_CHECKING, Any

import psycopg
from django.core.management import call_command
from django.db import connections
from psycopg.conninfo import conninfo_to_dict
from sqlalchemy import make_url

from magiclink.django.store import DjangoStore
from magiclink.stores.sql.schema import TABLES
from magiclink.testing.contract import record
from magiclink.testing.contract.bench import NOW
from tests.services import new_schema, postgres
from tests.stores.sqlalchemy.engines import mariadb

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from magiclink.records import Record

STORES = ("sqlite", "postgresql", "mariadb")
TIMEOUT = 60
"""Seconds that a writer waits for a lock."""

_numbers = count(1)


@contextmanager
def database(store_name: str, folder: Path, **options: Any) -> Iterator[str]:
    """Return the alias of an empty database with the store's tables; `options` are those of DATABASES."""
    with place(store_name, folder) as settings:
        settings["OPTIONS"] = {**settings.get("OPTIONS", {}), **options}
        with alias_of(settings) as alias:
            call_command("migrate", "magiclink", database=alias, verbosity=0)
            yield alias


@contextmanager
def alias_of(settings: dict[str, Any]) -> Iterator[str]:
    """Return Django a database under a name of its own, and take it away again."""
    alias = f"links-{next(_numbers)}"
    configured = connections.configure_settings({"default": {}, alias: settings})
    connections.settings[alias] = configured[alias]
    try:
        yield alias
    finally:
        connections[alias].close()
        del connections[alias], connections.settings[alias]


@contextmanager
def place(store_name: str, folder: Path) -> Iterator[dict[str, Any]]:
    """Return what DATABASES says of an empty database of a store, and drop it afterwards."""
    made = {"sqlite": _sqlite, "postgresql": _postgresql, "mariadb": _mariadb}[store_name]
    with made(folder) as settings:
        yield settings


@contextmanager
def _sqlite(folder: Path) -> Iterator[dict[str, Any]]:
    # It needn't survive a loss of power.
    options = {"timeout": TIMEOUT, "init_command": "PRAGMA synchronous = OFF"}
    yield {"ENGINE": "django.db.backends.sqlite3", "NAME": str(folder / f"{new_schema()}.db"), "OPTIONS": options}


@contextmanager
def _postgresql(folder: Path) -> Iterator[dict[str, Any]]:
    schema = new_schema()
    with psycopg.connect(postgres(), autocommit=True) as server:
        server.execute(f"CREATE SCHEMA {schema}".encode())
        try:
            yield postgresql_at(postgres(), schema)
        finally:
            server.execute(f"DROP SCHEMA {schema} CASCADE".encode())


def postgresql_at(url: str, schema: str, **options: Any) -> dict[str, Any]:
    """Return what DATABASES says of a schema."""
    given = conninfo_to_dict(url)
    names = {"NAME": "dbname", "USER": "user", "PASSWORD": "password", "HOST": "host", "PORT": "port"}
    settings = {setting: given.get(name) or "" for setting, name in names.items()}
    options = {"options": f"-c search_path={schema}", **options}
    return {"ENGINE": "django.db.backends.postgresql", **settings, "OPTIONS": options}


@contextmanager
def _mariadb(folder: Path) -> Iterator[dict[str, Any]]:
    url = make_url(mariadb())
    # Django asks for mysqlclient, which is built from source; PyMySQL stands in for it under its name and number.
    pymysql: Any = import_module("pymysql")
    pymysql.version_info = (2, 2, 7, "final", 0)
    pymysql.install_as_MySQLdb()
    import_module("django.db.backends.mysql.base")
    # Django has what it asked for: to all others, mysqlclient isn't there.
    for name in ("MySQLdb", "_mysql"):
        sys.modules.pop(name, None)
    path = str(url.query.get("unix_socket", ""))
    with pymysql.connect(unix_socket=path, user=url.username, host=url.host) as server, server.cursor() as cursor:
        schema = new_schema()
        cursor.execute(f"CREATE SCHEMA {schema} CHARACTER SET utf8mb4")
        try:
            options = {"unix_socket": path}
            engine = "django.db.backends.mysql"
            yield {"ENGINE": engine, "NAME": schema, "USER": url.username, "HOST": url.host, "OPTIONS": options}
        finally:
            cursor.execute(f"DROP SCHEMA {schema}")


def empty(alias: str) -> None:
    """Take every row out of the store's tables."""
    with connections[alias].cursor() as cursor:
        for table in TABLES:
            cursor.execute(f"DELETE FROM magiclink_{table}")


class TidyStore(DjangoStore):
    """A store that closes the connection of a thread after each call, as Django does at the end of a request."""

    def __getattribute__(self, name: str) -> Any:
        """Return a call that tidies up after itself, where it's made on a thread of a race."""
        found = super().__getattribute__(name)
        return found if name.startswith("_") or not callable(found) else _tidy(found)


def _tidy(call: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(call)
    def tidy(*args: Any, **kwargs: Any) -> Any:
        try:
            return call(*args, **kwargs)
        finally:
            if threading.current_thread() is not threading.main_thread():
                connections.close_all()

    return tidy


@contextmanager
def two_connections(alias: str) -> Iterator[Any]:
    """Return a second connection to a database, as another process has one."""
    other = connections[alias].copy()
    try:
        yield other
    finally:
        other.close()


def put(store: DjangoStore, **changes: Any) -> Record:
    """Write one link, and give it as the store has it."""
    link = record(**changes)
    assert store.add([link], now=NOW, renamed={})
    found = store.get(link.audience, link.link_id)
    assert found is not None
    return found
