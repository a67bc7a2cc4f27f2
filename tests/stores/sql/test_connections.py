"""A database's trouble in our words: what is tried again, and that no word of a driver gets out."""

from __future__ import annotations

import traceback
from typing import TYPE_CHECKING

import pytest
from django.db import DataError, IntegrityError, OperationalError
from sqlalchemy import exc

from magiclink.errors import BadArgumentError, StoreError
from magiclink.stores.bindings import NotWrittenError
from magiclink.stores.sql.connections import RETRIES
from tests.stores.sql.databases import KINDS, open_store, put, run

if TYPE_CHECKING:
    from pathlib import Path

    from magiclink.stores.sql.connections import Session
    from magiclink.stores.sql.store import SQLStore


class DriverError(Exception):
    """What a driver raises: its code where drivers put it, and words with a value in them."""

    def __init__(self, code: object, **codes: str) -> None:
        super().__init__(code, "a secret value")
        vars(self).update(codes)


class Work:
    """Some work that fails so many times, as the store's library says it, and counts how often it was begun."""

    def __init__(self, store: SQLStore, times: int, error: Exception) -> None:
        self.times, self.error, self.begun = times, error, 0
        self.is_django = "django" in type(store).__module__

    def __call__(self, db: Session) -> int:
        """Do it."""
        self.begun += 1
        if self.begun <= self.times:
            if self.is_django:
                raise OperationalError("a secret value") from self.error
            raise exc.OperationalError("INSERT", {"subject": "a secret value"}, self.error) from self.error
        return self.begun


UNDONE = [
    DriverError(1213),
    DriverError(1205),
    DriverError(1020),
    DriverError("", sqlstate="40001"),
    DriverError("", sqlstate="40P01"),
    DriverError("", pgcode="40001"),
]
"""A deadlock or a lost race, as the drivers of MySQL, psycopg 3 and psycopg2 tell it."""


@pytest.mark.parametrize("error", UNDONE, ids=str)
def test_undone_for_another(store: SQLStore, error: DriverError) -> None:
    """E15: a transaction that was undone for another one's sake is run again, three times."""
    assert store._database.write(Work(store, RETRIES, error)) == RETRIES + 1 == 4
    work = Work(store, 99, error)
    with pytest.raises(StoreError, match="DriverError"):
        store._database.write(work)
    assert work.begun == RETRIES + 1


@pytest.mark.parametrize(
    "error", [DriverError(2013), DriverError("", sqlstate="08006"), DriverError({"C": "40001"})], ids=str
)
def test_unknown_outcome(store: SQLStore, error: DriverError) -> None:
    """E04: a call whose outcome isn't known is StoreError at once: run again, it might be done twice."""
    work = Work(store, 1, error)
    with pytest.raises(StoreError):
        store._database.write(work)
    assert work.begun == 1


def test_words_of_a_driver(store: SQLStore) -> None:
    """Names and codes are told; neither the error nor its trace holds a statement or its values."""
    with pytest.raises(StoreError) as caught:
        store._database.write(Work(store, 9, DriverError("", sqlite_errorname="SQLITE_FULL")))
    assert str(caught.value) == "the database failed: DriverError SQLITE_FULL"
    trace = "".join(traceback.format_exception(caught.value))
    assert "secret" not in trace
    assert "INSERT" not in trace


@pytest.mark.parametrize("error", [DataError, ValueError, OverflowError])
def test_value_that_does_not_fit(store: SQLStore, error: type[Exception]) -> None:
    """A value that a driver or the database won't take is the caller's."""

    def work(db: Session) -> None:
        if error is DataError and not Work(store, 0, DriverError(0)).is_django:
            raise exc.DataError("INSERT", {}, DriverError(0))
        raise error("secret")

    with pytest.raises(BadArgumentError, match="fit"):
        store._database.write(work)


def test_row_that_is_there(store: SQLStore) -> None:
    """A key that is there already undoes the transaction, and may become an answer."""

    def work(db: Session) -> None:
        if Work(store, 0, DriverError(0)).is_django:
            raise IntegrityError("secret")
        raise exc.IntegrityError("INSERT", {}, DriverError(0))

    with pytest.raises(NotWrittenError) as caught:
        store._database.write(work)
    assert "secret" not in str(caught.value)
    assert isinstance(caught.value, StoreError)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", ["sqlite", "postgresql", "mariadb"])
def test_table_that_is_missing(kind: str, name: str, tmp_path: Path) -> None:
    """A table or a column that is gone is StoreError at a call, which says how the tables come to be."""
    with open_store(kind, name, tmp_path) as store:
        link = put(store)
        run(store, "ALTER TABLE magiclink_links DROP COLUMN evidence", "DROP TABLE magiclink_lookups")
        with pytest.raises(StoreError, match=store._database.way_out):
            put(store, link_id=link.link_id)
        with pytest.raises(StoreError, match=store._database.way_out):
            store.get(link.audience, link.link_id)


@pytest.mark.parametrize("kind", KINDS)
def test_closed(kind: str, tmp_path: Path) -> None:
    """17: after it was closed nothing is asked."""
    with open_store(kind, "sqlite", tmp_path) as store:
        store.close()
        with pytest.raises(StoreError, match="closed"):
            store.get("https://billing.example", b"")
