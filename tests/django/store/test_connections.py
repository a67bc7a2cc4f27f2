"""Django's connection: transactions of the app's, what is refused in them, and Django's own conditions."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest
from django.apps import apps
from django.core.management import call_command
from django.db import OperationalError, connections, transaction
from django.test import override_settings

from magiclink.django.store import DjangoStore
from magiclink.django.store.connections import AppDatabase
from magiclink.errors import ConfigurationError, StoreError
from tests.django.databases import database

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from pytest_django import DjangoDbBlocker

    from magiclink.stores.sql.connections import Session


class Work:
    """Some work that fails so many times as Django tells it, and counts how often it was begun."""

    def __init__(self, times: int = 0) -> None:
        self.times = times
        self.begun = 0

    def __call__(self, db: Session) -> int:
        """Do it."""
        self.begun += 1
        if self.begun <= self.times:
            raise OperationalError(1213, "a secret value")
        return self.begun


@pytest.fixture(autouse=True)
def _unblocked(django_db_blocker: DjangoDbBlocker) -> Iterator[None]:
    with django_db_blocker.unblock():
        yield


@pytest.fixture
def alias(tmp_path: Path) -> Iterator[str]:
    """Return a file of SQLite."""
    with database("sqlite", tmp_path) as alias:
        yield alias


def test_deadlock_inside_atomic(alias: str) -> None:
    """In the app's own block it isn't tried again: the database has undone the block."""
    work = Work(1)
    with transaction.atomic(using=alias), pytest.raises(StoreError):
        AppDatabase(alias).write(work)
    assert work.begun == 1


def test_statement_alone(alias: str) -> None:
    """One statement needs no transaction of its own; inside the app's it gets a savepoint."""
    statements: list[str] = []

    def watch(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        statements.append(sql.split(maxsplit=1)[0])
        return execute(sql, params, many, context)

    app, statement = AppDatabase(alias), "DELETE FROM magiclink_notes"
    with connections[alias].execute_wrapper(watch):
        app.change(lambda db: db.change(statement, {}))
        with transaction.atomic(using=alias):
            app.change(lambda db: db.change(statement, {}))
    assert statements == ["DELETE", "BEGIN", "SAVEPOINT", "UPDATE", "DELETE", "RELEASE"]


@pytest.mark.parametrize("alone", [True, False])
def test_decision_that_a_rollback_takes_back(alias: str, alone: bool) -> None:
    """What must be committed when it returns isn't begun inside a block of the app's."""
    work = Work()
    with transaction.atomic(using=alias), pytest.raises(ConfigurationError, match="non_atomic_requests"):
        AppDatabase(alias).decide(work, alone=alone)
    assert work.begun == 0
    assert AppDatabase(alias).decide(work, alone=alone) == 1


@pytest.mark.django_db
def test_decision_in_a_test_case() -> None:
    """A block that Django's TestCase opens is taken for no block, as `atomic(durable=True)` takes it."""
    assert AppDatabase(None).decide(Work(), alone=True) == 1
    with transaction.atomic(), pytest.raises(ConfigurationError):
        AppDatabase(None).decide(Work(), alone=True)


def test_event_loop_that_waits(alias: str) -> None:
    """In an event loop nothing is asked: the error names the API that asks in a thread."""

    async def ask() -> object:
        return AppDatabase(alias).read(Work())

    with pytest.raises(ConfigurationError, match="in an event loop"):
        asyncio.run(ask())


def test_app_that_is_missing() -> None:
    """Without `magiclink.django` in INSTALLED_APPS there are no tables, and the error says so."""
    with override_settings(INSTALLED_APPS=["django.contrib.contenttypes"]), pytest.raises(ConfigurationError) as caught:
        AppDatabase(None).read(Work())
    assert "INSTALLED_APPS" in str(caught.value)


def test_django_that_is_not_ready(monkeypatch: pytest.MonkeyPatch) -> None:
    """Before Django's models are ready nothing is asked of them."""
    monkeypatch.setattr(apps, "models_ready", False)
    with pytest.raises(ConfigurationError, match="set up"):
        AppDatabase("default").read(Work())


def test_tables_of_an_older_version(tmp_path: Path) -> None:
    """Tables of before the first release are told, and the way out leads to tables that `check` takes."""
    with database("sqlite", tmp_path) as alias:
        store = DjangoStore(using=alias)
        with connections[alias].cursor() as cursor:
            cursor.execute("ALTER TABLE magiclink_limits RENAME TO magiclink_buckets")
            cursor.execute("ALTER TABLE magiclink_lookups RENAME TO magiclink_names")
        with pytest.raises(ConfigurationError, match="migrate magiclink zero --fake, drop the tables"):
            store.check()
        call_command("migrate", "magiclink", "zero", database=alias, fake=True, verbosity=0)
        with connections[alias].cursor() as cursor:
            for table in connections[alias].introspection.table_names(cursor):
                if table.startswith("magiclink_"):
                    cursor.execute(f"DROP TABLE {table}")
        call_command("migrate", "magiclink", database=alias, verbosity=0)
        store.check()
