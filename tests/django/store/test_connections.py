"""Django's connection: what is tried again, what is refused, and that no word of a driver gets out."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest
from django.apps import apps
from django.db import DataError, IntegrityError, OperationalError, connections, transaction
from django.test import override_settings

from magiclink.django.store.connections import RETRIES, AppDatabase, NotWrittenError
from magiclink.errors import BadArgumentError, ConfigurationError, StoreError
from tests.django.databases import database

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from pytest_django import DjangoDbBlocker

    from magiclink.django.store.connections import Session


class DriverError(Exception):
    """What a driver raises: its code where drivers put it, and words with a value in them."""

    def __init__(self, **told: str) -> None:
        super().__init__("a secret value")
        vars(self).update(told)


class Work:
    """Some work that fails so many times as Django tells it, and counts how often it was begun."""

    def __init__(self, times: int, *args: object, **told: str) -> None:
        self.times, self.args, self.told = times, args, told
        self.begun = 0

    def __call__(self, db: Session) -> int:
        """Do it."""
        self.begun += 1
        if self.begun <= self.times:
            raise OperationalError(*self.args) from DriverError(**self.told)
        return self.begun


UNDONE: list[tuple[tuple[object, ...], dict[str, str]]] = [
    ((1213, "a secret value"), {}),
    ((1205, "a secret value"), {}),
    (("a secret value",), {"sqlstate": "40001"}),
    (("a secret value",), {"sqlstate": "40P01"}),
    (("a secret value",), {"pgcode": "40001"}),
]
"""A deadlock or a lost race, as the drivers of MySQL, psycopg 3 and psycopg2 tell it."""


@pytest.fixture(autouse=True)
def _unblocked(django_db_blocker: DjangoDbBlocker) -> Iterator[None]:
    with django_db_blocker.unblock():
        yield


@pytest.fixture
def alias(tmp_path: Path) -> Iterator[str]:
    """Return a file of SQLite."""
    with database("sqlite", tmp_path) as alias:
        yield alias


@pytest.mark.parametrize(("args", "told"), UNDONE)
def test_deadlock_that_ends_a_call(alias: str, args: tuple[object, ...], told: dict[str, str]) -> None:
    """What the database has undone for another one's sake is done again."""
    assert AppDatabase(alias).write(Work(RETRIES, *args, **told)) == RETRIES + 1


def test_deadlock_without_end(alias: str) -> None:
    """It's tried again a few times, and then told."""
    work = Work(99, "a secret value", sqlstate="40001")
    with pytest.raises(StoreError, match="40001"):
        AppDatabase(alias).write(work)
    assert work.begun == RETRIES + 1


def test_deadlock_inside_atomic(alias: str) -> None:
    """In the app's own block it isn't tried again: the database has undone the block."""
    work = Work(1, "a secret value", sqlstate="40P01")
    with transaction.atomic(using=alias), pytest.raises(StoreError):
        AppDatabase(alias).write(work)
    assert work.begun == 1


def test_words_of_a_driver(alias: str) -> None:
    """Names and codes are told; neither the error nor its trace holds the values of a statement."""
    with pytest.raises(StoreError) as caught:
        AppDatabase(alias).write(Work(9, "a secret value", sqlite_errorname="SQLITE_FULL"))
    assert str(caught.value) == "the database failed: OperationalError SQLITE_FULL"
    assert (caught.value.__cause__, caught.value.__suppress_context__) == (None, True)


@pytest.mark.parametrize("error", [DataError("secret"), ValueError("secret"), OverflowError("secret")])
def test_value_that_does_not_fit(alias: str, error: Exception) -> None:
    """A value that a driver or the database won't take is the caller's."""

    def work(db: Session) -> None:
        raise error

    with pytest.raises(BadArgumentError, match="fit"):
        AppDatabase(alias).write(work)


def test_row_that_is_there(alias: str) -> None:
    """A key that is there already undoes the transaction, and who began it makes an answer of that."""

    def work(db: Session) -> None:
        raise IntegrityError("secret")

    with pytest.raises(NotWrittenError) as caught:
        AppDatabase(alias).write(work)
    assert str(caught.value) == ""


def test_closed(alias: str) -> None:
    """17: after it was closed nothing is asked."""
    app = AppDatabase(alias)
    app.close()
    with pytest.raises(StoreError, match="closed"):
        app.read(lambda db: db.ask("SELECT 1", {}))


def test_statement_alone(alias: str) -> None:
    """One statement needs no transaction of its own; inside the app's it gets a savepoint."""
    said: list[str] = []

    def watch(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        said.append(sql.split(maxsplit=1)[0])
        return execute(sql, params, many, context)

    app, statement = AppDatabase(alias), "DELETE FROM magiclink_notes"
    with connections[alias].execute_wrapper(watch):
        app.change(lambda db: db.change(statement, {}))
        with transaction.atomic(using=alias):
            app.change(lambda db: db.change(statement, {}))
    assert said == ["DELETE", "BEGIN", "SAVEPOINT", "UPDATE", "DELETE", "RELEASE"]


@pytest.mark.parametrize("alone", [True, False])
def test_decision_that_a_rollback_takes_back(alias: str, alone: bool) -> None:
    """What must be committed when it returns isn't begun inside a block of the app's."""
    work = Work(0)
    with transaction.atomic(using=alias), pytest.raises(ConfigurationError, match="non_atomic_requests"):
        AppDatabase(alias).decide(work, alone=alone)
    assert work.begun == 0
    assert AppDatabase(alias).decide(work, alone=alone) == 1


@pytest.mark.django_db
def test_decision_in_a_test_case() -> None:
    """A block that Django's TestCase opens is taken for no block, as `atomic(durable=True)` takes it."""
    assert AppDatabase(None).decide(Work(0), alone=True) == 1
    with transaction.atomic(), pytest.raises(ConfigurationError):
        AppDatabase(None).decide(Work(0), alone=True)


def test_event_loop_that_waits(alias: str) -> None:
    """In an event loop nothing is asked: the error names the face that asks in a thread."""

    async def ask() -> object:
        return AppDatabase(alias).read(Work(0))

    with pytest.raises(ConfigurationError, match="in an event loop"):
        asyncio.run(ask())


def test_app_that_is_missing() -> None:
    """Without `magiclink.django` in INSTALLED_APPS there are no tables, and the error says so."""
    with override_settings(INSTALLED_APPS=["django.contrib.contenttypes"]), pytest.raises(ConfigurationError) as caught:
        AppDatabase(None).read(Work(0))
    assert "INSTALLED_APPS" in str(caught.value)


def test_django_that_is_not_ready(monkeypatch: pytest.MonkeyPatch) -> None:
    """Before Django's models are ready nothing is asked of them."""
    monkeypatch.setattr(apps, "models_ready", False)
    with pytest.raises(ConfigurationError, match="set up"):
        AppDatabase("default").read(Work(0))
