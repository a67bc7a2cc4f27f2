"""Engines for the tests of the SQLAlchemy store: SQLite in a file, PostgreSQL, and a MariaDB of the tests' own.

Each engine leads to tables that nobody else uses. MAGICLINK_TEST_MARIADB names a server to use instead of Debian's
`mariadb-server`; what is missing is a skip that says why.
"""

from __future__ import annotations

import atexit
import os
import shutil
import signal
import subprocess
import tempfile
import time
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import Engine, NullPool, create_engine, make_url, text

from tests.services import missing, new_schema, postgres, quiet

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy import URL

STORES = ("sqlite", "postgresql", "mariadb")
TIMEOUT = 60.0
"""Seconds that a server has to come up, and a writer to wait for a lock."""


@contextmanager
def new_database(store_name: str, folder: Path) -> Iterator[URL]:
    """Return the URL of an empty database of a store, and drop it afterwards."""
    if store_name == "sqlite":
        yield make_url(f"sqlite:///{folder / new_schema()}.db?timeout={TIMEOUT}")
        return
    name = new_schema()
    url = make_url(
        postgres().replace("postgresql:", "postgresql+psycopg:", 1) if store_name == "postgresql" else mariadb()
    )
    # No pool: whatever a test does, nothing stays open.
    server = create_engine(url, isolation_level="AUTOCOMMIT", poolclass=NullPool)
    with server.connect() as db:
        db.execute(text(f"CREATE SCHEMA {name}"))
        try:
            if store_name == "postgresql":
                yield url.update_query_dict({"options": f"-csearch_path={name}"})
            else:
                yield url.set(database=name)
        finally:
            db.execute(text(f"DROP SCHEMA {name}" + " CASCADE" * (store_name == "postgresql")))


@contextmanager
def new_engine(store_name: str, folder: Path, pool_size: int = 32) -> Iterator[Engine]:
    """Return an engine on an empty database, and drop it afterwards."""
    with new_database(store_name, folder) as url:
        engine = create_engine(url, pool_size=pool_size, pool_timeout=TIMEOUT)
        try:
            yield engine
        finally:
            engine.dispose()


def mariadb() -> str:
    """Return the URL of a MariaDB server; what is made in it is the caller's to name apart."""
    return os.environ.get("MAGICLINK_TEST_MARIADB") or _own_mariadb()


@cache
def _own_mariadb() -> str:
    if not (shutil.which("mariadbd") and shutil.which("mariadb-install-db")):
        missing("mariadbd isn't installed (Debian: mariadb-server), and no URL of another server was given")
    folder = Path(tempfile.mkdtemp(prefix="magiclink-maria-", dir="/tmp"))  # A socket's path is short.
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    who = []
    if os.geteuid() == 0:
        shutil.chown(folder, "mysql", "mysql")
        who = ["--user=mysql"]
    data = f"--datadir={folder / 'data'}"
    install = ["mariadb-install-db", "--no-defaults", *who, data, "--auth-root-authentication-method=normal"]
    subprocess.run(install, check=True, capture_output=True)
    path = folder / "socket"
    quick = ["--skip-networking", "--innodb-flush-log-at-trx-commit=0", f"--pid-file={folder / 'pid'}"]
    command = ["mariadbd", "--no-defaults", *who, data, f"--socket={path}", "--max-connections=300", *quick]
    server = subprocess.Popen(command, **quiet())
    atexit.register(server.wait, TIMEOUT)
    atexit.register(server.send_signal, signal.SIGTERM)
    deadline = time.monotonic() + TIMEOUT
    while not path.exists():
        if server.poll() is not None or time.monotonic() > deadline:
            missing(f"MariaDB didn't start (exit code {server.poll()})")
        time.sleep(0.02)
    return f"mariadb+pymysql://root@localhost/?unix_socket={path}&charset=utf8mb4"
