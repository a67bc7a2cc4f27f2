"""The connections of the SQLite store: lent to threads, closed before a fork, refused after one, closed for good."""

from __future__ import annotations

import os
import sqlite3
import threading
from contextlib import closing
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from magiclink.errors import StoreError
from magiclink.stores.sqlite import connections
from magiclink.stores.sqlite.connections import READERS, Database

if TYPE_CHECKING:
    from pathlib import Path

AT_ONCE = timedelta(milliseconds=20)
MAKE = "INSERT INTO limits VALUES (1, ?, 1, 1)"
COUNT = "SELECT count(*) FROM limits"


def test_busy_threads(file: Database) -> None:
    """A call that waits for other threads of its process longer than `timeout` is StoreError."""
    with file.transaction(), pytest.raises(StoreError, match=r"busy for 0\.02 s: raise its `timeout`"):
        file.run(MAKE, (b"a",))
    file.run(MAKE, (b"a",))


def test_reads_beside_a_writer(file: Database) -> None:
    """Reads don't wait for the transaction of another thread, and see what was committed before."""
    with file.transaction() as db:
        db.execute(MAKE, (b"a",))
        assert file.read(COUNT, ()) == [(0,)]
    assert file.read(COUNT, ()) == [(1,)]


def test_many_readers(file: Database) -> None:
    """More threads than there are connections to read with all get their answer."""
    barrier, found = threading.Barrier(3 * READERS), []

    def read() -> None:
        barrier.wait()
        found.extend(file.read(COUNT, ()))

    threads = [threading.Thread(target=read) for _ in range(3 * READERS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [(0,)] * 3 * READERS


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system can't fork")
def test_fork(file: Database, tmp_path: Path) -> None:
    """A fork closes every connection before, so that the child has none, and the parent goes on with new ones."""
    file.run(MAKE, (b"a",))
    file.read(COUNT, ())
    if not (child := os.fork()):
        os._exit(len(list(tmp_path.iterdir())))
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 1
    assert file.read(COUNT, ()) == [(1,)]


def test_adopted(file: Database) -> None:
    """What a forked child does first, done here: with no connection open, the file is as if new."""
    connections._before_fork()
    connections._after_fork_in_child()
    file.run(MAKE, (b"a",))
    assert file.read(COUNT, ()) == [(1,)]


def test_another_process_without_connections(file: Database) -> None:
    """A process that isn't the one that opened the file begins anew where no connection was open."""
    file._process = -1
    file.run(MAKE, (b"a",))
    assert file._process == os.getpid()


def test_another_process_with_connections(file: Database) -> None:
    """A process that isn't the one that opened a connection is refused at every call, and doesn't close it."""
    file.run(MAKE, (b"a",))
    [db] = file._opened
    file._process = -1
    for _ in range(2):
        with pytest.raises(StoreError, match="open at the fork"):
            file.run(MAKE, (b"b",))
    assert db.execute(COUNT).fetchall() == [(1,)]
    file._process = os.getpid()


def test_closed(file: Database) -> None:
    """A closed file refuses every call, also when it is closed again, and leaves no log behind."""
    file.run(MAKE, (b"a",))
    file.close()
    file.close()
    for call in (file.run, file.read):
        with pytest.raises(StoreError, match="closed"):
            call(COUNT, ())
    with pytest.raises(StoreError, match="closed"), file.transaction():
        pass


def test_closed_in_the_middle(tmp_path: Path) -> None:
    """A transaction that is under way when the store is closed ends well, and its connection is closed then."""
    file = Database(tmp_path / "links.db", timeout=AT_ONCE)
    with file.transaction() as db:
        db.execute(MAKE, (b"a",))
        file.close()
    with pytest.raises(StoreError, match="closed"):
        file.read(COUNT, ())
    assert [path.name for path in tmp_path.iterdir()] == ["links.db"]
    with closing(sqlite3.connect(tmp_path / "links.db")) as other:
        assert other.execute(COUNT).fetchall() == [(1,)]
