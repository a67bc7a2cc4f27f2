"""Databases by URL: `sqlite:///<path>` and `postgresql://…`, for settings from the environment."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from magiclink import ConfigurationError


def parse_database(url: str) -> dict[str, Any]:
    """Return the entry of DATABASES for a URL. Raises ConfigurationError for another scheme."""
    scheme = urlsplit(url).scheme
    if scheme == "sqlite" and url.startswith("sqlite:///"):
        return _sqlite(unquote(url.removeprefix("sqlite:///")))
    if scheme in {"postgres", "postgresql"}:
        return _postgresql(url)
    raise ConfigurationError(
        f"the database's URL has the scheme {scheme!r}: write sqlite:///<path> or postgresql://<user>@<host>/<name>"
    )


def _sqlite(path: str) -> dict[str, Any]:
    # Writers wait for each other, and readers for nobody.
    options = {"timeout": 20, "transaction_mode": "IMMEDIATE", "init_command": "PRAGMA journal_mode = WAL"}
    return {"ENGINE": "django.db.backends.sqlite3", "NAME": path, "OPTIONS": options}


def _postgresql(url: str) -> dict[str, Any]:
    parts = urlsplit(url)
    options = dict(parse_qsl(parts.query))
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": parts.path.removeprefix("/"),
        "USER": unquote(parts.username or "") or options.pop("user", ""),
        "PASSWORD": unquote(parts.password or ""),
        "HOST": parts.hostname or options.pop("host", ""),
        "PORT": str(parts.port or ""),
        "OPTIONS": options,
    }
