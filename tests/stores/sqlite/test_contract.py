"""The SQLite store keeps the contract, every rule of it, on a real file."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from magiclink.stores.sqlite import SQLiteStore
from magiclink.testing.contract import StoreContract

if TYPE_CHECKING:
    from pathlib import Path


class TestSQLiteStore(StoreContract):
    """Every rule, on a fresh file each."""

    rounds = 10

    @pytest.fixture(autouse=True)
    def _in_a_folder(self, tmp_path: Path) -> None:
        self.folder = tmp_path

    def make_store(self) -> SQLiteStore:
        """Return a store in a new file."""
        return SQLiteStore(self.folder / "links.db")
