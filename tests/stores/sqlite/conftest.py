"""What most tests of the SQLite store stand on."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from magiclink.stores.sqlite import SQLiteStore
from magiclink.stores.sqlite.connections import Database

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SQLiteStore]:
    """Return a new store."""
    opened = SQLiteStore(tmp_path / "links.db")
    yield opened
    opened.close()


@pytest.fixture
def file(tmp_path: Path) -> Iterator[Database]:
    """Return a new file, which waits for nothing long."""
    opened = Database(tmp_path / "links.db", timeout=timedelta(milliseconds=20))
    yield opened
    opened.close()
