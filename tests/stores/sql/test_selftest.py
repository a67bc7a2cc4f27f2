"""What `check` finds before a link is trusted to a database that folds, trims, rounds, loses or commits too soon."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from magiclink.errors import ConfigurationError
from tests.stores.sql.databases import KINDS, count, open_store, put, run

if TYPE_CHECKING:
    from pathlib import Path

    from magiclink.stores.sql.store import SQLStore

DATABASES = ("sqlite", "postgresql", "mariadb")


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", DATABASES)
def test_check_that_leaves_something(kind: str, name: str, tmp_path: Path) -> None:
    """A database that works passes, more than once, and keeps nothing of it."""
    with open_store(kind, name, tmp_path) as store:
        link = put(store)
        for _ in range(2):
            store.check()
        assert store.get(link.audience, link.link_id) == link
        assert [count(store, table) for table in ("links", "subjects", "lookups", "notes")] == [1, 1, 4, 0]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", DATABASES)
def test_column_that_is_missing(kind: str, name: str, tmp_path: Path) -> None:
    """E26: a table that lacks a column is named, with the way out."""
    with open_store(kind, name, tmp_path) as store:
        run(store, "ALTER TABLE magiclink_notes DROP COLUMN reason")
        with pytest.raises(ConfigurationError, match=r"magiclink_notes.* migrat"):
            store.check()


@pytest.mark.parametrize(
    ("table", "meddles"),
    [
        ("links", "UPDATE magiclink_links SET purpose = trim(purpose)"),
        ("links", "UPDATE magiclink_links SET audience = lower(audience)"),
        ("links", "UPDATE magiclink_links SET subject = substr(subject, 1, 254)"),
        ("links", "UPDATE magiclink_links SET destination = substr(destination, 1, 1999)"),
        ("links", "UPDATE magiclink_links SET revoke_reason = ''"),
        ("links", "UPDATE magiclink_links SET resource = NULL"),
        ("links", "UPDATE magiclink_links SET renewals = renewals & ~1"),
        ("links", "DELETE FROM magiclink_links"),
        ("notes", "UPDATE magiclink_notes SET kind = upper(kind)"),
        ("notes", "DELETE FROM magiclink_links"),
        ("notes", "DELETE FROM magiclink_notes"),
        ("links", "SELECT RAISE(ABORT, 'secret')"),
    ],
)
def test_meddling_database(store: SQLStore, table: str, meddles: str) -> None:
    """E25: a database that changes, loses or refuses what is written is ConfigurationError."""
    run(store, f"CREATE TRIGGER meddler AFTER INSERT ON magiclink_{table} BEGIN {meddles}; END")
    try:
        with pytest.raises(ConfigurationError) as caught:
            store.check()
    finally:
        run(store, "DROP TRIGGER meddler")
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("column", ["audience", "subject"])
@pytest.mark.parametrize("collation", ["utf8mb4_general_ci", "utf8mb4_bin", "utf8mb4_general_nopad_ci"])
def test_collation_that_folds(kind: str, column: str, collation: str, tmp_path: Path) -> None:
    """B09: a table that was given another collation folds case, accents or final spaces, and is refused."""
    with open_store(kind, "mariadb", tmp_path) as store:
        run(store, f"ALTER TABLE magiclink_subjects MODIFY {column} VARCHAR(255) COLLATE {collation} NOT NULL")
        with pytest.raises(ConfigurationError):
            store.check()


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("kind_of_text", ["CHARACTER SET utf8mb3", "CHARACTER SET latin1"])
def test_text_of_fewer_characters(kind: str, kind_of_text: str, tmp_path: Path) -> None:
    """E25: on MariaDB a column of text that can't hold a face is ConfigurationError."""
    with open_store(kind, "mariadb", tmp_path) as store:
        run(store, f"ALTER TABLE magiclink_links MODIFY subject VARCHAR(255) {kind_of_text} NOT NULL")
        with pytest.raises(ConfigurationError):
            store.check()


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("engine", ["MyISAM", "Aria"])
def test_table_without_transactions(kind: str, engine: str, tmp_path: Path) -> None:
    """A table whose rows can't be taken back is refused, and nothing of the test is left in it."""
    with open_store(kind, "mariadb", tmp_path) as store:
        run(store, f"ALTER TABLE magiclink_links ENGINE = {engine}")
        with pytest.raises(ConfigurationError, match="InnoDB"):
            store.check()
        assert count(store, "links") == 0


@pytest.mark.parametrize("kind", KINDS)
def test_column_that_rounds(kind: str, tmp_path: Path) -> None:
    """D16: a column that was changed into one that rounds is found by the round trip."""
    with open_store(kind, "postgresql", tmp_path) as store:
        run(store, "ALTER TABLE magiclink_links ALTER renewals TYPE real")
        with pytest.raises(ConfigurationError, match="renewals"):
            store.check()
