"""Where records are kept, and how a store decides who was first: `base.py` is the contract, then a package a store.

This module imports no driver: `from_url` loads a store when its URL is opened.
"""

from __future__ import annotations

import os
from functools import partial
from importlib import import_module
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import unquote_to_bytes

from ..errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Callable

    from .base import Store

_FORMS = "memory:, sqlite:///path, postgresql://…, redis://… or sqlalchemy+…"


def from_url(url: str) -> Store:
    """Open a store by its URL: `sqlite:///links.db`, `postgresql://app@db.example/billing`, or `memory:` for tests.

    What follows `sqlite:///` is a path, relative to the working directory unless it begins with a fourth slash, and is
    percent-decoded once. A URL of PostgreSQL is read as libpq reads it; one of Redis or Valkey (`redis://`, `rediss://`,
    `unix://`, `valkey://`) as redis-py reads it; and what follows `sqlalchemy+` (`sqlalchemy+mysql+pymysql://…`) as
    SQLAlchemy reads it.

    Raises ConfigurationError where the URL isn't of these forms, or the store can't be opened.
    """
    if not isinstance(url, str):
        raise ConfigurationError(f"a store's URL is a str, got {type(url).__name__}: write {_FORMS}")
    scheme = url.partition(":")[0]
    open_store = _open_sqlalchemy if scheme.startswith("sqlalchemy+") else _OPENERS.get(scheme)
    if open_store is None:
        # The URL itself isn't repeated: it may hold a password.
        found = f"the scheme {scheme!r}" if "://" in url else "no scheme"
        raise ConfigurationError(f"no store has such a URL, with {found}: write {_FORMS}")
    return open_store(url)


def _open_memory(url: str) -> Store:
    from .memory import MemoryStore  # noqa: PLC0415

    if url != "memory:":
        raise ConfigurationError("the URL of a store in memory is memory: and nothing more")
    return MemoryStore()


def _open_sqlite(url: str) -> Store:
    from .sqlite import SQLiteStore  # noqa: PLC0415

    before, slashes, path = url.partition(":///")
    if before != "sqlite" or not slashes or not path or "?" in path or "#" in path:
        raise ConfigurationError(
            "the URL of a SQLite store is sqlite:///links.db, or sqlite:////var/links.db for an absolute path:"
            " no host and no query, and %3F and %23 for ? and # in the path"
        )
    return SQLiteStore(os.fsdecode(unquote_to_bytes(path)))


def _open_with_driver(extra: str, name: str, url: str) -> Store:
    return cast("Store", _load(extra, name)(url))


def _open_sqlalchemy(url: str) -> Store:
    return cast("Store", _load("sqlalchemy", "SQLAlchemyStore").from_url(url.removeprefix("sqlalchemy+")))


def _load(extra: str, name: str) -> Any:
    """Return the class of a store that needs a driver; its package and the extra with the driver have one name."""
    try:
        return getattr(import_module(f".{extra}", __name__), name)
    except ImportError as error:
        raise ConfigurationError(f"a driver is missing ({error}): pip install 'magiclink-auth[{extra}]'") from None


_OPENERS: dict[str, Callable[[str], Store]] = {
    "memory": _open_memory,
    "sqlite": _open_sqlite,
    **dict.fromkeys(("postgresql", "postgres"), partial(_open_with_driver, "postgres", "PostgresStore")),
    **dict.fromkeys(("redis", "rediss", "unix", "valkey"), partial(_open_with_driver, "redis", "RedisStore")),
}
