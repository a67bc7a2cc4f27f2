"""What the tests of the SQLite store run in processes of their own, which fork, are killed and run out of disk.

Run as `python sqlite_processes.py NAME FOLDER`; a failed assertion is an exit code that isn't 0.
"""

from __future__ import annotations

import atexit
import ctypes
import os
import random
import signal
import sqlite3
import sys
import traceback
from collections import Counter
from datetime import timedelta
from pathlib import Path
from threading import Event, Thread
from typing import TYPE_CHECKING

from magiclink.errors import ConfigurationError, StoreError
from magiclink.stores.sqlite import SQLiteStore
from magiclink.testing.contract import record, terms
from magiclink.testing.contract.bench import AUDIENCE, NOW

if TYPE_CHECKING:
    from collections.abc import Callable

    from magiclink.records import Record

ONCE = terms(max_uses=1)
LONG = timedelta(seconds=60)


def several(count: int, work: Callable[[int], None]) -> None:
    """Run some work in forked processes that all start at once, and see each end well."""
    start, go = os.pipe()
    children = []
    for number in range(count):
        if child := os.fork():
            children.append(child)
            continue
        os.close(go)
        os.read(start, 1)
        try:
            work(number)
        except BaseException:
            traceback.print_exc()
            os._exit(1)
        os._exit(0)
    os.close(go)
    endings = [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children]
    os.close(start)
    assert endings == [0] * count, endings


def filled(path: Path, count: int) -> list[Record]:
    """Write some links that may be used once, and leave the file closed."""
    written = [record(max_uses=1, subject=f"customer-{number}") for number in range(count)]
    store = SQLiteStore(path)
    assert store.add(written, now=NOW, renamed={})
    store.close()
    return written


def sound(path: Path) -> dict[bytes, int]:
    """See that the file is whole, and give how often each link was used."""
    with sqlite3.connect(path) as db:
        assert db.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        uses = dict(db.execute("SELECT link_id, uses FROM links"))
    db.close()
    return uses


def race(folder: Path) -> None:
    """Let 16 processes try each of 200 links: each is used once."""
    path = folder / "links.db"
    written = filled(path, 200)
    won, winners = os.pipe()

    def use(number: int) -> None:
        store = SQLiteStore(path, timeout=LONG)
        for link in written[number:] + written[:number]:
            if store.consume(link.link_id, ONCE):
                os.write(winners, link.link_id)
        store.close()

    several(16, use)
    os.close(winners)
    told = b"".join(iter(lambda: os.read(won, 1 << 16), b""))
    assert Counter(told[at : at + 20] for at in range(0, len(told), 20)) == {link.link_id: 1 for link in written}
    assert set(sound(path).values()) == {1}


def fresh(folder: Path) -> None:
    """Let eight processes open a file that isn't there, at once: all of them can write."""
    for turn in range(5):
        path = folder / f"{turn}.db"

        def begin(_: int, path: Path = path) -> None:
            store = SQLiteStore(path, timeout=LONG)
            assert store.add([record(link_id=os.urandom(20))], now=NOW, renamed={})
            store.close()

        several(8, begin)
        assert len(sound(path)) == 8


def kill(folder: Path) -> None:
    """Kill a process that adds and uses links, at random points: what it had told is in the file, once."""
    path = folder / "links.db"
    filled(path, 1)
    chance = random.Random(7)
    for turn in range(30):
        told, tell = os.pipe()
        if not (child := os.fork()):
            _write_and_tell(path, turn, tell)
        os.close(tell)
        reported = b"".join(os.read(told, 21) for _ in range(chance.randrange(1, 12)))
        for _ in range(chance.randrange(20_000)):
            pass
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        reported += b"".join(iter(lambda pipe=told: os.read(pipe, 1 << 16), b""))  # type: ignore[misc]
        os.close(told)
        _see_kept(path, [reported[at : at + 21] for at in range(0, len(reported), 21)])


def _write_and_tell(path: Path, turn: int, tell: int) -> None:
    store = SQLiteStore(path)
    while True:
        link = record(max_uses=1, subject=f"customer-{turn}", series=os.urandom(16), link_id=os.urandom(20))
        assert store.add([link], now=NOW, renamed={})
        os.write(tell, b"a" + link.link_id)
        assert store.consume(link.link_id, ONCE)
        os.write(tell, b"u" + link.link_id)


def _see_kept(path: Path, reports: list[bytes]) -> None:
    uses = sound(path)
    assert set(uses.values()) <= {0, 1}
    assert all(uses[report[1:]] >= (report[:1] == b"u") for report in reports)
    with sqlite3.connect(path) as db:
        [(half,)] = db.execute(
            "SELECT count(*) FROM links WHERE (SELECT count(*) FROM lookups WHERE lookups.link_id = links.link_id) <> 4"
        )
    db.close()
    assert half == 0


def full(folder: Path) -> None:
    """Let the disk be full for a while: StoreError, nothing half-written, and all is well once there is room."""
    import resource

    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    path = folder / "links.db"
    first, second = filled(path, 1)[0], record(max_uses=1)
    store = SQLiteStore(path)
    assert store.get(AUDIENCE, first.link_id)
    most = resource.getrlimit(resource.RLIMIT_FSIZE)[1]
    resource.setrlimit(resource.RLIMIT_FSIZE, (1024, most))
    for call in (lambda: store.consume(first.link_id, ONCE), lambda: store.add([second], now=NOW, renamed={})):
        for _ in range(3):
            assert _refused(call)
    resource.setrlimit(resource.RLIMIT_FSIZE, (most, most))
    assert sound(path) == {first.link_id: 0}
    assert store.add([second], now=NOW, renamed={})
    assert store.consume(first.link_id, ONCE)
    assert store.consume(first.link_id, ONCE) is None
    store.close()
    assert sound(path) == {first.link_id: 1, second.link_id: 0}


def _refused(call: Callable[[], object], error: type[Exception] = StoreError) -> bool:
    try:
        call()
    except error:
        return True
    return False


def read_only(folder: Path) -> None:
    """Take the right to write away, from someone who isn't root: found when opened, and later."""
    path, later = folder / "links.db", folder / "later"
    folder.chmod(0o755)
    filled(path, 1)
    path.chmod(0o444)
    later.mkdir()
    if os.geteuid() == 0:
        os.chown(later, 65534, 65534)
        os.setgid(65534)
        os.setuid(65534)
    else:
        folder.chmod(0o555)
        atexit.register(folder.chmod, 0o755)
    assert _refused(lambda: SQLiteStore(path), ConfigurationError)
    assert _refused(lambda: SQLiteStore(folder / "new.db"), ConfigurationError)
    [link] = filled(later / "links.db", 1)
    store = SQLiteStore(later / "links.db")
    (later / "links.db").chmod(0o444)
    assert _refused(lambda: store.consume(link.link_id, ONCE))
    assert _refused(store.check, ConfigurationError)
    (later / "links.db").chmod(0o000)
    assert _refused(lambda: SQLiteStore(later / "links.db"), ConfigurationError)
    for file in later.iterdir():
        file.chmod(0o600)
    assert store.consume(link.link_id, ONCE)
    store.close()


def fork(folder: Path) -> None:
    """Fork while threads of the parent use the store: what the children write is kept when the parent closes."""
    path = folder / "links.db"
    written = filled(path, 20)
    store = SQLiteStore(path)
    ended = Event()

    def busy() -> None:
        while not ended.is_set():
            store.get(AUDIENCE, written[0].link_id)
            store.hit(b"key", now=NOW, limit=5, window=1000)

    threads = [Thread(target=busy) for _ in range(4)]
    for thread in threads:
        thread.start()
    for turn in range(5):
        mine = written[turn * 4 : turn * 4 + 4]
        several(4, lambda number, mine=mine: _use(store, mine[number]))  # type: ignore[misc]
    ended.set()
    for thread in threads:
        thread.join()
    store.close()
    assert set(sound(path).values()) == {1}


def _use(store: SQLiteStore, link: Record) -> None:
    assert store.consume(link.link_id, ONCE)
    assert store.consume(link.link_id, ONCE) is None
    store.close()


def outlived(folder: Path) -> None:
    """Let the parent close while its child goes on: what the child writes afterwards is kept."""
    path = folder / "links.db"
    [link] = filled(path, 1)
    store = SQLiteStore(path)
    assert store.get(AUDIENCE, link.link_id)
    start, go = os.pipe()
    if not (child := os.fork()):
        assert store.get(AUDIENCE, link.link_id)
        os.read(start, 1)
        _use(store, link)
        os._exit(0)
    store.get(AUDIENCE, link.link_id)
    store.close()
    SQLiteStore(path).close()
    os.write(go, b"x")
    assert os.waitpid(child, 0)[1] == 0
    assert sound(path) == {link.link_id: 1}


def foreign_fork(folder: Path) -> None:
    """Fork behind Python's back, as an embedding server does: refused if a connection was open, else as if new."""
    path = folder / "links.db"
    [link] = filled(path, 1)
    store = SQLiteStore(path)
    _see_forked(lambda: store.get(AUDIENCE, link.link_id) is not None)
    assert store.get(AUDIENCE, link.link_id)
    _see_forked(lambda: all(_refused(lambda: store.get(AUDIENCE, link.link_id)) for _ in range(2)))
    assert store.consume(link.link_id, ONCE)
    store.close()


def _see_forked(seen: Callable[[], bool]) -> None:
    child = ctypes.PyDLL(None).fork()
    if not child:
        os._exit(0 if seen() else 1)
    assert os.waitpid(child, 0)[1] == 0


def hold(folder: Path) -> None:
    """Hold the write lock until killed."""
    db = sqlite3.connect(folder / "links.db", isolation_level=None)
    db.execute("BEGIN IMMEDIATE")
    sys.stdout.write("held\n")
    sys.stdout.flush()
    signal.pause()


if __name__ == "__main__":
    globals()[sys.argv[1]](Path(sys.argv[2]))
