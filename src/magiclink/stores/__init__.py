"""Where records are kept, and how a store tells who was first: `base.py` is the contract, then one file a store.

This front room imports no driver: `from_url` loads a store when it is asked for.
"""

from __future__ import annotations

import os
from importlib import import_module
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import unquote_to_bytes

from ..errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Callable

    from .base import Store


def from_url(url: str) -> Store:
    """Open a store by its URL: `sqlite:///links.db`, `postgresql://app@db.example/billing`, or `memory:` for tests.

    What follows `sqlite:///` is a path, relative to the working directory unless it begins with a fourth slash, and is
    percent-decoded once. A URL of PostgreSQL is read as libpq reads it; one of Redis or Valkey (`redis://`, `rediss://`,
    `unix://`, `valkey://`) as redis-py reads it; and what follows `sqlalchemy+` (`sqlalchemy+mysql+pymysql://…`) as
    SQLAlchemy reads it.

    Raises ConfigurationError where the URL isn't of these forms, or the store can't be opened.
    """
    scheme = url.partition(":")[0]
    opened = _sqlalchemy if scheme.startswith("sqlalchemy+") else _KEEPERS.get(scheme)
    if opened is None:
        # The URL itself isn't repeated: it may hold a password.
        known = "memory:, sqlite:///path, postgresql://, redis:// and sqlalchemy+"
        raise ConfigurationError(f"no store has such a URL; known are {known}")
    return opened(url)


def _memory(url: str) -> Store:
    from .memory import MemoryStore  # noqa: PLC0415

    if url != "memory:":
        raise ConfigurationError("the URL of a store in memory is memory: and nothing more")
    return MemoryStore()


def _sqlite(url: str) -> Store:
    from .sqlite import SQLiteStore  # noqa: PLC0415

    before, slashes, path = url.partition(":///")
    if before != "sqlite" or not slashes or not path or "?" in path or "#" in path:
        raise ConfigurationError("the URL of a SQLite store is sqlite:///path: no host, no query, % before ? and #")
    return SQLiteStore(os.fsdecode(unquote_to_bytes(path)))


def _postgres(url: str) -> Store:
    return cast("Store", _keeper("postgres", "PostgresStore")(url))


def _redis(url: str) -> Store:
    return cast("Store", _keeper("redis", "RedisStore")(url))


def _sqlalchemy(url: str) -> Store:
    return cast("Store", _keeper("sqlalchemy", "SQLAlchemyStore").from_url(url.removeprefix("sqlalchemy+")))


def _keeper(extra: str, name: str) -> Any:
    """Return a store that needs a driver; the room and the extra that installs its driver have one name."""
    try:
        return getattr(import_module(f".{extra}", __name__), name)
    except ImportError:
        raise ConfigurationError(f"a driver is missing: pip install 'magiclink-auth[{extra}]'") from None


_KEEPERS: dict[str, Callable[[str], Store]] = {
    "memory": _memory,
    "sqlite": _sqlite,
    "postgresql": _postgres,
    "postgres": _postgres,
    "redis": _redis,
    "rediss": _redis,
    "unix": _redis,
    "valkey": _redis,
}
