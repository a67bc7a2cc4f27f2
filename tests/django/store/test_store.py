"""The Django store in its project: whose database, whose transaction, whose thread."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import TYPE_CHECKING

import pytest
from django.db import connections, transaction

from magiclink import CONFIRM_EMAIL, Key, KeyRing
from magiclink.aio import AsyncMagicLinks
from magiclink.django.models import Link
from magiclink.django.store import DjangoStore
from magiclink.errors import ConfigurationError
from magiclink.records import Note, Selector
from magiclink.stores.base import HOUR
from magiclink.testing.contract import record, terms
from magiclink.testing.contract.bench import AUDIENCE, DAY, NOW
from tests.django.databases import STORES, database, empty, put

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from pytest_django import DjangoDbBlocker, Settings

NO_REDEEMING = "non_atomic_requests"


class UndoneError(Exception):
    """What the app raises to have its block rolled back."""


class ToOther:
    """A router that writes links elsewhere, and must not be asked where to read them: a replica may lag."""

    def db_for_write(self, model: type, **hints: object) -> str | None:
        """Send links to the other database."""
        return "other" if model is Link else None

    def db_for_read(self, model: type, **hints: object) -> str:
        """Fail."""
        raise AssertionError


@pytest.fixture(scope="module", params=STORES)
def alias(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, django_db_blocker: DjangoDbBlocker
) -> Iterator[str]:
    """Return a database of each store."""
    with django_db_blocker.unblock(), database(request.param, tmp_path_factory.mktemp("links")) as alias:
        yield alias


@pytest.fixture
def store(alias: str) -> DjangoStore:
    """Return a store in tables that are empty."""
    empty(alias)
    return DjangoStore(using=alias)


def rows(alias: str) -> int:
    """Count the links."""
    return Link.objects.using(alias).count()


def undo(alias: str, call: Callable[[], object]) -> None:
    """Do something in a block of the app's that is rolled back."""
    with suppress(UndoneError), transaction.atomic(using=alias):
        call()
        raise UndoneError


def test_issue_without_invoice(store: DjangoStore, alias: str) -> None:
    """What the app's block writes and the link that is issued in it are both undone."""
    kept = put(store)
    undo(alias, lambda: put(store))
    assert list(store.find(Selector(audience=AUDIENCE), limit=9)) == [kept]


def test_invoice_and_link(store: DjangoStore, alias: str) -> None:
    """What the app's block writes and the link that is issued in it are both there."""
    with transaction.atomic(using=alias):
        link = put(store)
    assert store.get(AUDIENCE, link.link_id) == link


def test_refused_issue_that_breaks_the_block(store: DjangoStore, alias: str) -> None:
    """A link id that is there already is refused, and the block around it goes on: on PostgreSQL too."""
    known = put(store)
    with transaction.atomic(using=alias):
        before = put(store)
        assert not store.add([record(), known._replace(number=None, generation=None)], now=NOW, renamed={})
        after = put(store)
    assert rows(alias) == 3
    assert (before.number, after.number) == (2, 3)


def test_use_that_a_rollback_takes_back(store: DjangoStore, alias: str) -> None:
    """A link isn't redeemed, nor a code tried, inside `atomic`: the error names the way out, and nothing is used."""
    link = put(store, max_uses=1)
    calls: list[Callable[[], object]] = [
        lambda: store.consume(link.link_id, terms()),
        lambda: store.consume(link.link_id, terms(ends_others=True)),
        lambda: store.count_attempt(AUDIENCE, link.link_id, now=NOW, limit=3),
    ]
    for call in calls:
        with transaction.atomic(using=alias), pytest.raises(ConfigurationError, match=NO_REDEEMING):
            call()
        with (
            transaction.atomic(using=alias, durable=True),
            transaction.atomic(using=alias),
            pytest.raises(ConfigurationError),
        ):
            call()
    assert store.get(AUDIENCE, link.link_id) == link


def test_use_without_autocommit(store: DjangoStore, alias: str) -> None:
    """With autocommit off nothing is redeemed, since nobody knows whether it will be committed."""
    link = put(store, max_uses=1)
    transaction.set_autocommit(False, using=alias)
    try:
        with pytest.raises(ConfigurationError, match=NO_REDEEMING):
            store.consume(link.link_id, terms())
        transaction.rollback(using=alias)
    finally:
        transaction.set_autocommit(True, using=alias)
    assert store.get(AUDIENCE, link.link_id) == link


def test_call_that_outlives_its_block(store: DjangoStore, alias: str) -> None:
    """Whatever else a store writes goes with the block that it was written in."""
    link = put(store, supersede="on-delivery")
    note = Note(audience=AUDIENCE, link_id=link.link_id, kind="refused", at=NOW)
    calls: list[Callable[[], object]] = [
        lambda: store.mark_delivered(AUDIENCE, [link.link_id], now=NOW),
        lambda: store.revoke(AUDIENCE, link.link_id, now=NOW, reason=""),
        lambda: store.revoke_subject(AUDIENCE, link.subject, now=NOW, reason=""),
        lambda: store.revoke_matching(Selector(audience=AUDIENCE, subject=link.subject), now=NOW, reason=""),
        lambda: store.note(note),
        lambda: store.purge(AUDIENCE, before=NOW + 99 * DAY, limit=9),
        lambda: store.hit(b"key", now=NOW, limit=1, window=HOUR),
    ]
    for call in calls:
        undo(alias, call)
    assert store.get(AUDIENCE, link.link_id) == link
    assert store.newest(AUDIENCE, link.subject, [link.series]) == (link, 0)
    assert list(store.notes(AUDIENCE, [link.link_id])) == []
    assert store.hit(b"key", now=NOW, limit=1, window=HOUR) is None


def test_connection_of_djangos(store: DjangoStore, alias: str) -> None:
    """A store that is closed leaves the connection open: it is Django's."""
    put(store)
    connection = connections[alias].connection
    store.close()
    assert connections[alias].connection is connection
    assert connections[alias].is_usable()


@pytest.mark.django_db
def test_test_case() -> None:
    """Inside the block that Django's TestCase opens a link is redeemed as outside: or no app could test its views."""
    assert connections["default"].in_atomic_block
    store = DjangoStore()
    link = put(store, max_uses=1)
    with transaction.atomic(), pytest.raises(ConfigurationError):
        store.consume(link.link_id, terms())
    assert store.consume(link.link_id, terms(ends_others=True)) is not None
    assert store.consume(link.link_id, terms()) is None
    assert store.count_attempt(AUDIENCE, put(store).link_id, now=NOW, limit=1) is not None


@pytest.mark.django_db(databases=["default", "other"])
def test_router_that_is_not_asked(settings: Settings) -> None:
    """Without `using` the routers say where links are written, and there they are read: never from a replica."""
    settings.DATABASE_ROUTERS = ["tests.django.store.test_store.ToOther"]
    store = DjangoStore()
    assert store.alias == "other"
    link = put(store)
    assert (rows("default"), rows("other")) == (0, 1)
    assert DjangoStore(using="default").get(AUDIENCE, link.link_id) is None
    assert DjangoStore(using="other").get(AUDIENCE, link.link_id) == link


def test_unknown_database() -> None:
    """A database that isn't in DATABASES is told by its name."""
    with pytest.raises(ConfigurationError, match="nowhere"):
        DjangoStore(using="nowhere").check()


@pytest.mark.parametrize(("setup", "told"), [("", "isn't set up"), ("django.setup()", "INSTALLED_APPS")])
def test_store_that_is_made_early(setup: str, told: str) -> None:
    """A store is made whenever its module is imported; a call before Django is set up says what is missing."""
    lines = [
        "import django",
        "from django.conf import settings",
        "from magiclink.django.store import DjangoStore",
        "store = DjangoStore()",
        "settings.configure(INSTALLED_APPS=['django.contrib.contenttypes'])",
        setup,
        "store.get('a', b'')",
    ]
    command = [sys.executable, "-c", "\n".join(lines)]
    environment = {name: value for name, value in os.environ.items() if name != "DJANGO_SETTINGS_MODULE"}
    ran = subprocess.run(command, capture_output=True, text=True, env=environment)
    assert ran.returncode == 1
    assert "ConfigurationError" in ran.stderr
    assert told in ran.stderr


def test_event_loop(store: DjangoStore) -> None:
    """In an event loop the asynchronous API asks the store in a thread; the store itself refuses to block the loop."""
    keys = KeyRing(signing=Key.generate())
    links = AsyncMagicLinks(keys=keys, store=store, policies=[CONFIRM_EMAIL], base_url="https://billing.example/l/")

    async def story() -> str:
        asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(1))
        with pytest.raises(ConfigurationError, match="in an event loop"):
            store.get(AUDIENCE, b"")
        link = await links.issue(CONFIRM_EMAIL, subject="customer-7", recipient="ap@acme.example")
        redemption = await links.redeem(link.token, CONFIRM_EMAIL)
        await asyncio.to_thread(connections.close_all)
        return redemption.subject

    assert asyncio.run(story()) == "customer-7"


def test_old_sqlite(tmp_path: Path, django_db_blocker: DjangoDbBlocker) -> None:
    """A SQLite whose UPDATE returns nothing is refused by its version."""
    with django_db_blocker.unblock(), database("sqlite", tmp_path) as alias:
        connections[alias].ensure_connection()
        connections[alias].connection.create_function("sqlite_version", 0, lambda: "3.34.1")
        with pytest.raises(ConfigurationError, match=r"3\.34\.1"):
            DjangoStore(using=alias).check()


def test_role_that_may_not_write(tmp_path: Path, django_db_blocker: DjangoDbBlocker) -> None:
    """A role without a privilege that is needed is refused."""
    with django_db_blocker.unblock(), database("postgresql", tmp_path) as alias, connections[alias].cursor() as cursor:
        cursor.execute("CREATE ROLE reader")
        cursor.execute("SELECT current_schema()")
        schema = cursor.fetchone()[0]
        cursor.execute(f"GRANT USAGE ON SCHEMA {schema} TO reader")
        cursor.execute(f"GRANT SELECT, INSERT, UPDATE ON ALL TABLES IN SCHEMA {schema} TO reader")
        try:
            cursor.execute("SET ROLE reader")
            with pytest.raises(ConfigurationError, match="42501"):
                DjangoStore(using=alias).check()
        finally:
            cursor.execute("RESET ROLE")
            cursor.execute("DROP OWNED BY reader")
            cursor.execute("DROP ROLE reader")
