"""What most tests of the PostgreSQL store stand on."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.stores.postgres.places import Place

if TYPE_CHECKING:
    from collections.abc import Iterator

    from magiclink.stores.postgres import PostgresStore


@pytest.fixture
def place() -> Iterator[Place]:
    """Return a schema, whose tables may have served another test."""
    with Place() as made:
        yield made


@pytest.fixture
def fresh() -> Iterator[Place]:
    """Return a schema that nobody has used, for a test that changes its tables or counts what happens to them."""
    with Place(fresh=True) as made:
        yield made


@pytest.fixture
def store(place: Place) -> PostgresStore:
    """Return a new store."""
    return place.store()
