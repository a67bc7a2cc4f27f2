"""The SQLite store, the default: one file, written safely by many threads and processes of one machine."""

from __future__ import annotations

from .store import SQLiteStore

__all__ = ["SQLiteStore"]
