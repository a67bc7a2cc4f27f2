"""The migrations make what the models say, on every database, and can be taken back."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from django.core.management import call_command
from django.db import connections

from tests.django.databases import STORES, database

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from pytest_django import DjangoDbBlocker


@pytest.fixture(autouse=True)
def _unblocked(django_db_blocker: DjangoDbBlocker) -> Iterator[None]:
    with django_db_blocker.unblock():
        yield


def tables(alias: str) -> list[str]:
    """Name the library's tables."""
    names = connections[alias].introspection.table_names()
    return [name for name in names if name.startswith("magiclink_")]


def test_model_without_its_migration(tmp_path: Path) -> None:
    """`makemigrations --check` has nothing to make."""
    with database("sqlite", tmp_path):
        call_command("makemigrations", "magiclink", check=True, dry_run=True, verbosity=0)


@pytest.mark.parametrize("store_name", STORES)
def test_way_back(tmp_path: Path, store_name: str) -> None:
    """Every database takes the migrations, forwards and back."""
    with database(store_name, tmp_path) as alias:
        assert len(tables(alias)) == 9
        call_command("migrate", "magiclink", "zero", database=alias, verbosity=0)
        assert tables(alias) == []
