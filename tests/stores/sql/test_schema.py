"""The tables as this library, SQLAlchemy and Django have them: they say the same."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from django.apps import apps

from magiclink.records import Record
from magiclink.stores.sql.encoding import COLUMNS
from magiclink.stores.sql.schema import TABLES
from magiclink.stores.sqlalchemy import metadata

if TYPE_CHECKING:
    from django.db import models

KEYS = {
    "links": ("id",),
    "subjects": ("audience", "subject"),
    "lookups": ("period", "key", "link"),
    "notes": ("link", "kind", "hour"),
    "limits": ("ends_at", "limit_key", "span"),
    "settlements": ("audience", "resource"),
    "closings": ("link", "redeemed_at"),
    "waits": ("link", "nonce"),
}
"""Purging, and every look-up, reads along these: their order is the order of the rows."""


def test_column_of_a_record_that_is_missing() -> None:
    """A link's columns are a record's fields, with the key in the link id's place."""
    assert set(TABLES["links"].columns) == set(COLUMNS)
    assert [field for field in Record._fields if field not in COLUMNS] == ["link_id"]


def test_order_of_a_keys_columns() -> None:
    """The columns of a key stand in the order in which rows are read, for SQLAlchemy and Django too."""
    assert {name: table.key for name, table in TABLES.items()} == KEYS
    for name, key in KEYS.items():
        assert tuple(metadata.tables[f"magiclink_{name}"].primary_key.columns.keys()) == key
        pk = find_model(name)._meta.pk
        assert getattr(pk, "field_names", None) or (pk.attname,) == key


@pytest.mark.parametrize("name", TABLES)
def test_column_that_differs(name: str) -> None:
    """Django's models and SQLAlchemy's tables have the same columns, as long and as empty as each other."""
    columns = TABLES[name].columns
    table = metadata.tables[f"magiclink_{name}"]
    assert {each.name: (getattr(each.type, "size", None), each.nullable) for each in table.columns} == columns
    fields = [field for field in find_model(name)._meta.concrete_fields if field.column]
    assert {field.column: (getattr(field, "max_length", None), field.null) for field in fields} == columns


def find_model(name: str) -> type[models.Model]:
    """Return Django's model of a table."""
    found = apps.get_app_config("magiclink").get_models()
    return next(model for model in found if model._meta.db_table == f"magiclink_{name}")
