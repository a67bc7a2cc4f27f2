"""What most tests of the PostgreSQL store stand on."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.stores.postgres.sandboxes import Sandbox

if TYPE_CHECKING:
    from collections.abc import Iterator

    from magiclink.stores.postgres import PostgresStore


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    """Return a schema, whose tables may have served another test."""
    with Sandbox() as made:
        yield made


@pytest.fixture
def fresh() -> Iterator[Sandbox]:
    """Return a schema that nobody has used, for a test that changes its tables or counts what happens to them."""
    with Sandbox(fresh=True) as made:
        yield made


@pytest.fixture
def store(sandbox: Sandbox) -> PostgresStore:
    """Return a new store."""
    return sandbox.store()
