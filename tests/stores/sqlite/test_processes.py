"""The SQLite store among processes that race, fork, are killed, run out of disk or lose the right to write."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from datetime import timedelta
from pathlib import Path

import pytest

from magiclink.errors import StoreError
from magiclink.stores.sqlite import SQLiteStore
from magiclink.testing.contract import record, terms
from magiclink.testing.contract.bench import AUDIENCE, NOW

SCRIPT = Path(__file__).with_name("processes.py")

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="this system can't fork")


def run(name: str, folder: Path) -> None:
    """Run one scene in a process of its own, and show what it said where it fails."""
    ran = subprocess.run([sys.executable, SCRIPT, name, folder], capture_output=True, text=True, timeout=120)
    assert ran.returncode == 0, ran.stderr


def test_race_of_processes(tmp_path: Path) -> None:
    """F02: 16 processes that try 200 links at once win exactly 200 times."""
    run("race", tmp_path)


def test_fresh_file_opened_at_once(tmp_path: Path) -> None:
    """Processes that open a missing file at once all open the same one, and none finds it locked."""
    run("fresh", tmp_path)


def test_killed_process(tmp_path: Path) -> None:
    """E05, E06: whatever is killed, the file is whole, no link is used twice, and what a call had told is kept."""
    run("kill", tmp_path)


def test_full_disk(tmp_path: Path) -> None:
    """E09, E10: a full disk is StoreError and changes nothing; with room again, the same store goes on."""
    run("full", tmp_path)


def test_read_only_file() -> None:
    """E11: a file that can't be written is ConfigurationError when opened, and StoreError later."""
    with tempfile.TemporaryDirectory() as folder:
        run("read_only", Path(folder))


def test_fork_between_threads(tmp_path: Path) -> None:
    """A forked child goes on with the store, though threads of its parent were using it."""
    run("fork", tmp_path)


def test_parent_closes_before_child_writes(tmp_path: Path) -> None:
    """What a forked child writes is kept, though its parent closed the file meanwhile."""
    run("outlived", tmp_path)


def test_fork_behind_the_back(tmp_path: Path) -> None:
    """A fork that Python doesn't see is harmless before the first use; after it, the child is refused."""
    run("foreign_fork", tmp_path)


def test_locked_by_another_process(tmp_path: Path) -> None:
    """E16: a write lock that another process keeps is StoreError after `timeout`; reads go on."""
    store = SQLiteStore(tmp_path / "links.db", timeout=timedelta(milliseconds=20))
    link = record(max_uses=1)
    store.add([link], now=NOW, renamed={})
    with subprocess.Popen([sys.executable, SCRIPT, "hold", tmp_path], stdout=subprocess.PIPE) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"held\n"
        with pytest.raises(StoreError, match="locked"):
            store.consume(link.link_id, terms(max_uses=1))
        assert store.get(AUDIENCE, link.link_id)
        holder.kill()
    assert store.consume(link.link_id, terms(max_uses=1))
    store.close()
