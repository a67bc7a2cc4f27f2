"""Text columns are compared byte for byte by every database, and no index is made twice."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from django.db import connections

from magiclink.django.fields import ExactTextField
from magiclink.django.models import PasswordRehash
from tests.django.databases import STORES, database

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from pytest_django import DjangoDbBlocker

ALIKE = ("a", "A", "a ", "á", "a\u0301", "á ")


@pytest.fixture(autouse=True)
def _unblocked(django_db_blocker: DjangoDbBlocker) -> Iterator[None]:
    with django_db_blocker.unblock():
        yield


@pytest.mark.parametrize("store_name", STORES)
def test_texts_that_look_alike(tmp_path: Path, store_name: str) -> None:
    """B09: texts that differ by case, accent, spelling or a final space are two keys, and come back as they were."""
    with database(store_name, tmp_path) as alias:
        kept = PasswordRehash.objects.using(alias)
        for text in ALIKE:
            kept.create(subject=text, password="x", stamp="y")
        assert sorted(kept.values_list("subject", flat=True)) == sorted(ALIKE)
        assert [kept.filter(subject=text).count() for text in ALIKE] == [1] * len(ALIKE)


def test_second_index(tmp_path: Path) -> None:
    """PostgreSQL keeps one index of a primary key, in the order of its bytes."""
    with database("postgresql", tmp_path) as alias, connections[alias].cursor() as cursor:
        cursor.execute("SELECT indexdef FROM pg_indexes WHERE tablename = 'magiclink_links'")
        assert len(cursor.fetchall()) == 1


def test_migration_of_a_field() -> None:
    """A migration names the field by its place in this library."""
    assert ExactTextField().deconstruct()[1] == "magiclink.django.fields.ExactTextField"
