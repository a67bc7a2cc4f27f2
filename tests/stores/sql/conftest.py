"""Both stores that run the one SQL text, each on a file of SQLite, emptied for every test."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.stores.sql.databases import KINDS, empty, open_store

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytest_django import DjangoDbBlocker

    from magiclink.stores.sql.store import SQLStore


@pytest.fixture(scope="module", autouse=True)
def _unblocked(django_db_blocker: DjangoDbBlocker) -> Iterator[None]:
    with django_db_blocker.unblock():
        yield


@pytest.fixture(scope="module", params=KINDS)
def opened(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, _unblocked: None
) -> Iterator[SQLStore]:
    """Return a store on a file of SQLite that the tests of a module share."""
    with open_store(request.param, "sqlite", tmp_path_factory.mktemp("links")) as store:
        yield store


@pytest.fixture
def store(opened: SQLStore) -> SQLStore:
    """Return the store in tables that are empty."""
    empty(opened)
    return opened
