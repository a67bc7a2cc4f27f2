"""The Redis and Valkey store: redis-py, extra `redis`."""

from __future__ import annotations

from .store import RedisStore

__all__ = ["RedisStore"]
