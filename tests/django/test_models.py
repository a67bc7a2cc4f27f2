"""The tables as models: what a record has, nothing that opens a link, and rows that nobody adds by hand."""

from __future__ import annotations

import pytest
from django.apps import apps

from magiclink.django import models
from magiclink.stores.sql.encoding import make_key
from magiclink.stores.sql.schema import KEY

MODELS = (
    models.Link,
    models.Subject,
    models.Lookup,
    models.Note,
    models.Limit,
    models.Settlement,
    models.Closing,
    models.Wait,
    models.PasswordRehash,
)


def test_tables() -> None:
    """Every table of the app's is known here, and begins with its name."""
    known = list(apps.get_app_config("magiclink").get_models())
    assert set(known) == set(MODELS)
    assert all(model._meta.db_table.startswith("magiclink_") for model in MODELS)


def test_permission_to_add() -> None:
    """Links are viewed and changed, never added or deleted; of the other rows there are no permissions at all."""
    assert models.Link._meta.default_permissions == ("view", "change")
    assert {model._meta.default_permissions for model in MODELS[1:]} == {()}


def test_link_id() -> None:
    """A link shows its link id, by which logs name it."""
    link = models.Link(id=make_key("https://billing.example", bytes(range(20))))
    assert (str(link), link.link_id) == (bytes(range(20)).hex(),) * 2
    assert len(link.id) == KEY


@pytest.mark.parametrize(
    ("row", "shown"),
    [
        (models.Subject(subject="customer-7"), "customer-7"),
        (models.Lookup(key="0f"), "0f"),
        (models.Note(kind="refused", at=0), "refused 1970-01-01 00:00:00"),
        (models.Limit(limit_key="0f"), "0f"),
        (models.Settlement(resource="invoice:7"), "invoice:7"),
        (models.Closing(redeemed_at=0), "1970-01-01 00:00:00"),
        (models.Wait(until=0), "1970-01-01 00:00:00"),
        (models.PasswordRehash(subject="7"), "7"),
    ],
)
def test_str(row: object, shown: str) -> None:
    """A row says what it is in the admin's words."""
    assert str(row) == shown
