"""A store is opened by its URL, and no URL is guessed at."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from magiclink.errors import ConfigurationError
from magiclink.stores import from_url
from magiclink.stores.memory import MemoryStore
from magiclink.stores.sqlite import SQLiteStore

if TYPE_CHECKING:
    from pathlib import Path


def test_memory() -> None:
    """`memory:` is a store in memory."""
    assert isinstance(from_url("memory:"), MemoryStore)


def test_relative_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Three slashes and a path: a file under the working directory, wherever the process goes later."""
    monkeypatch.chdir(tmp_path)
    store = from_url("sqlite:///links.db")
    monkeypatch.chdir("/")
    store.check()
    store.close()
    assert isinstance(store, SQLiteStore)
    assert (tmp_path / "links.db").exists()


def test_absolute_path(tmp_path: Path) -> None:
    """A fourth slash makes the path absolute."""
    from_url(f"sqlite:///{tmp_path}/links.db").close()
    assert (tmp_path / "links.db").exists()


@pytest.mark.parametrize(
    ("written", "name"),
    [("a%20b.db", "a b.db"), ("a%2520b.db", "a%20b.db"), ("a%3Fmode=ro%23b.db", "a?mode=ro#b.db"), ("%C3%A9", "é")],
)
def test_percent_encoded_path(tmp_path: Path, written: str, name: str) -> None:
    """The path is decoded once, and what SQLite would take for a query or a fragment is part of the name."""
    store = from_url(f"sqlite:///{tmp_path}/{written}")
    store.check()
    store.close()
    assert [file.name for file in tmp_path.iterdir()] == [name]


@pytest.mark.parametrize(
    "url",
    [
        "",
        "links.db",
        "/links.db",
        "sqlite",
        "sqlite:",
        "sqlite:links.db",
        "sqlite:/links.db",
        "sqlite://",
        "sqlite:///",
        "sqlite://host/links.db",
        "sqlite://host:///links.db",
        "sqlite:///links.db?mode=ro",
        "sqlite:///links.db#part",
        "sqlite:///:memory:",
        "sqlite:///%00",
        "SQLite:///links.db",
        "memory:///",
        "mysql://secret@host/links",
    ],
)
def test_unknown_url(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    """A URL of no known form is ConfigurationError that doesn't repeat it, and no file appears."""
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ConfigurationError) as raised:
        from_url(url)
    assert "secret" not in str(raised.value)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("scheme", ["postgresql", "postgres"])
def test_postgres(scheme: str) -> None:
    """Both of libpq's schemes open the PostgreSQL store; a server that isn't there is ConfigurationError."""
    pytest.importorskip("psycopg")
    with pytest.raises(ConfigurationError, match="PostgreSQL") as raised:
        from_url(f"{scheme}://app:secret@/db?host=/nowhere")
    assert "secret" not in str(raised.value)


@pytest.mark.parametrize(
    ("url", "extra"),
    [
        ("postgresql:///db", "postgres"),
        ("postgres:///db", "postgres"),
        ("redis://localhost", "redis"),
        ("rediss://localhost", "redis"),
        ("unix:///run/valkey.sock", "redis"),
        ("valkey://localhost", "redis"),
        ("sqlalchemy+sqlite:///links.db", "sqlalchemy"),
    ],
)
def test_driver_that_is_missing(monkeypatch: pytest.MonkeyPatch, url: str, extra: str) -> None:
    """A store whose driver isn't installed is ConfigurationError that names the extra."""
    # Where a driver isn't installed, importing its store fails.
    monkeypatch.setitem(sys.modules, f"magiclink.stores.{extra}", None)
    with pytest.raises(ConfigurationError, match=rf"magiclink-auth\[{extra}\]"):
        from_url(url)


@pytest.mark.parametrize("url", ["mysql://localhost/db", "", "links.db", "sqlalchemy", "SQLITE:///links.db"])
def test_known_urls_are_named(url: str) -> None:
    """The message for an unknown scheme names those that are known, and not the URL."""
    with pytest.raises(ConfigurationError, match="memory:, sqlite:///path") as raised:
        from_url(url)
    assert not url or url not in str(raised.value).replace("sqlalchemy+", "")
    found = f"the scheme '{url.partition(':')[0]}'" if "://" in url else "no scheme"
    assert found in str(raised.value)


@pytest.mark.parametrize("url", [None, b"memory:", 7])
def test_url_that_is_no_text(url: Any) -> None:
    """A URL that is no str, as of a variable that isn't set, is ConfigurationError that says what was given."""
    with pytest.raises(ConfigurationError, match=f"a store's URL is a str, got {type(url).__name__}: write memory:"):
        from_url(url)


def test_module_that_raises(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a store's module raises while it is loaded is told as it is, unless something can't be imported."""

    def load(*_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr("magiclink.stores.import_module", load)
    with pytest.raises(ZeroDivisionError):
        from_url("postgresql:///db")


def test_no_driver_is_loaded() -> None:
    """Importing `magiclink.stores` loads no store and no driver."""
    code = "import sys, magiclink.stores; print(*({'sqlite3', 'magiclink.stores.memory'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout == "\n"
