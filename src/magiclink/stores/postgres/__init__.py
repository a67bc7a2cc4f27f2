"""The PostgreSQL store, for many machines: psycopg 3, extra `postgres`."""

from __future__ import annotations

from .store import PostgresStore

__all__ = ["PostgresStore"]
