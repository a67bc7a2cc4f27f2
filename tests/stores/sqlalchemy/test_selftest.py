"""The proof finds a database that folds, trims, rounds, loses or commits too soon."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from sqlalchemy import text

from magiclink.errors import ConfigurationError
from magiclink.stores.sqlalchemy import SQLAlchemyStore, metadata
from tests.stores.sqlalchemy.engines import STORES, new_engine

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from sqlalchemy import Engine


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    """Return an engine on a file of SQLite that has the tables."""
    with new_engine("sqlite", tmp_path) as engine:
        metadata.create_all(engine)
        yield engine


@pytest.mark.parametrize(
    ("table", "meddles"),
    [
        ("links", "UPDATE magiclink_links SET purpose = trim(purpose)"),
        ("links", "UPDATE magiclink_links SET audience = lower(audience)"),
        ("links", "UPDATE magiclink_links SET subject = substr(subject, 1, 254)"),
        ("links", "UPDATE magiclink_links SET destination = substr(destination, 1, 1999)"),
        ("links", "UPDATE magiclink_links SET revoke_reason = ''"),
        ("links", "UPDATE magiclink_links SET resource = NULL"),
        ("links", "UPDATE magiclink_links SET renewals = CAST(CAST(renewals AS REAL) AS INTEGER)"),
        ("links", "DELETE FROM magiclink_links"),
        ("notes", "UPDATE magiclink_notes SET kind = upper(kind)"),
        ("notes", "DELETE FROM magiclink_links"),
    ],
)
def test_meddling_database(engine: Engine, table: str, meddles: str) -> None:
    """E25: a database that changes what is written is ConfigurationError when the store is opened."""
    with engine.begin() as db:
        db.execute(text(f"CREATE TRIGGER meddler AFTER INSERT ON magiclink_{table} BEGIN {meddles}; END"))
    with pytest.raises(ConfigurationError, match="doesn't come back"):
        SQLAlchemyStore(engine)


@pytest.mark.parametrize("collation", ["utf8mb4_general_ci", "utf8mb4_bin", "utf8mb3_bin", "latin1_general_cs"])
def test_migration_of_another_type(tmp_path: Path, collation: str) -> None:
    """E25: on MariaDB a column of text that folds, ignores final spaces or can't hold a face is ConfigurationError."""
    with new_engine("mariadb", tmp_path) as engine:
        metadata.create_all(engine)
        kind = f"VARCHAR(255) CHARACTER SET {collation.partition('_')[0]} COLLATE {collation}"
        with engine.begin() as db:
            for table, column in (("links", "audience"), ("subjects", "audience"), ("subjects", "subject")):
                db.execute(text(f"ALTER TABLE magiclink_{table} MODIFY {column} {kind} NOT NULL"))
            db.execute(text("ALTER TABLE magiclink_links MODIFY subject VARCHAR(255) CHARACTER SET utf8mb4 NOT NULL"))
        with pytest.raises(ConfigurationError):
            SQLAlchemyStore(engine)


def test_table_without_transactions(tmp_path: Path) -> None:
    """On MariaDB a table whose rows can't be taken back is ConfigurationError, and keeps nothing of the proof."""
    with new_engine("mariadb", tmp_path) as engine:
        metadata.create_all(engine)
        with engine.begin() as db:
            db.execute(text("ALTER TABLE magiclink_links ENGINE = Aria"))
        with pytest.raises(ConfigurationError, match="InnoDB"):
            SQLAlchemyStore(engine)
        with engine.begin() as db:
            assert db.execute(text("SELECT count(*) FROM magiclink_links")).scalar() == 0


@pytest.mark.parametrize("store_name", STORES)
def test_sound_database(store_name: str, tmp_path: Path) -> None:
    """Each of the databases as it comes passes the proof, more than once."""
    with new_engine(store_name, tmp_path) as engine:
        store = SQLAlchemyStore(engine, create=True)
        store.check()
        with engine.connect() as db:
            assert db.execute(text("SELECT count(*) FROM magiclink_links")).scalar() == 0
