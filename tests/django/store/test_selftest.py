"""What `check` finds before a link is trusted to a database."""

from __future__ import annotations

import sqlite3.dbapi2
from typing import TYPE_CHECKING, Any

import pytest
from django.db import connections

from magiclink.django.models import Link, Subject
from magiclink.django.store import DjangoStore
from magiclink.errors import ConfigurationError
from tests.django.databases import STORES, alias_of, database, place, put

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from pytest_django import DjangoDbBlocker


@pytest.fixture(autouse=True)
def _unblocked(django_db_blocker: DjangoDbBlocker) -> Iterator[None]:
    with django_db_blocker.unblock():
        yield


def run(alias: str, *statements: str) -> None:
    """Do something behind the store's back."""
    with connections[alias].cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)


@pytest.mark.parametrize("store_name", STORES)
def test_check_that_leaves_something(tmp_path: Path, store_name: str) -> None:
    """A database that works passes, and keeps nothing of it."""
    with database(store_name, tmp_path) as alias:
        store = DjangoStore(using=alias)
        link = put(store)
        store.check()
        assert store.get(link.audience, link.link_id) == link
        assert [model.objects.using(alias).count() for model in (Link, Subject)] == [1, 1]


def test_migrations_that_were_not_run(tmp_path: Path) -> None:
    """A database without the tables is told, with the way out."""
    with (
        place("sqlite", tmp_path) as settings,
        alias_of(settings) as alias,
        pytest.raises(ConfigurationError) as caught,
    ):
        DjangoStore(using=alias).check()
    assert "manage.py migrate" in str(caught.value)


@pytest.mark.parametrize("store_name", STORES)
def test_column_that_is_missing(tmp_path: Path, store_name: str) -> None:
    """A table that lacks a column is named."""
    with database(store_name, tmp_path) as alias:
        run(alias, "ALTER TABLE magiclink_notes DROP COLUMN reason")
        with pytest.raises(ConfigurationError, match="magiclink_notes"):
            DjangoStore(using=alias).check()


@pytest.mark.parametrize("column", ["audience", "subject"])
@pytest.mark.parametrize("collation", ["utf8mb4_general_ci", "utf8mb4_bin", "utf8mb4_general_nopad_ci"])
def test_collation_that_folds(tmp_path: Path, column: str, collation: str) -> None:
    """B09: a table that was given another collation folds case, accents or final spaces, and is refused."""
    with database("mariadb", tmp_path) as alias:
        run(alias, f"ALTER TABLE magiclink_subjects MODIFY {column} VARCHAR(255) COLLATE {collation} NOT NULL")
        with pytest.raises(ConfigurationError):
            DjangoStore(using=alias).check()


def test_table_without_transactions(tmp_path: Path) -> None:
    """A table whose rows can't be taken back is refused."""
    with database("mariadb", tmp_path) as alias:
        run(alias, "ALTER TABLE magiclink_links ENGINE = MyISAM")
        with pytest.raises(ConfigurationError, match="InnoDB"):
            DjangoStore(using=alias).check()


def test_column_that_rounds(tmp_path: Path) -> None:
    """D16: a column that was changed into one that rounds is found by the round trip."""
    with database("postgresql", tmp_path) as alias:
        run(alias, "ALTER TABLE magiclink_links ALTER renewals TYPE double precision")
        with pytest.raises(ConfigurationError, match="come back"):
            DjangoStore(using=alias).check()


def test_note_that_is_lost(tmp_path: Path) -> None:
    """A database that drops notes is refused."""
    with database("sqlite", tmp_path) as alias:
        run(alias, "CREATE TRIGGER lost AFTER INSERT ON magiclink_notes BEGIN DELETE FROM magiclink_notes; END")
        with pytest.raises(ConfigurationError, match="note"):
            DjangoStore(using=alias).check()


def test_old_sqlite(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A SQLite whose UPDATE returns nothing is refused by its version."""

    class OldDatabase:
        sqlite_version, sqlite_version_info = "3.34.1", (3, 34, 1)

        def __getattr__(self, name: str) -> Any:
            return getattr(sqlite3.dbapi2, name)

    with database("sqlite", tmp_path) as alias:
        monkeypatch.setattr(connections[alias], "Database", OldDatabase())
        with pytest.raises(ConfigurationError, match=r"3\.34\.1"):
            DjangoStore(using=alias).check()


def test_role_that_may_not_write(tmp_path: Path) -> None:
    """A role without a privilege that is needed is refused."""
    with database("postgresql", tmp_path) as alias:
        run(
            alias,
            "CREATE ROLE reader",
            "GRANT SELECT, INSERT, UPDATE ON ALL TABLES IN SCHEMA public TO reader",
        )
        try:
            run(alias, "SET ROLE reader")
            with pytest.raises(ConfigurationError):
                DjangoStore(using=alias).check()
        finally:
            run(alias, "RESET ROLE", "DROP OWNED BY reader", "DROP ROLE reader")
