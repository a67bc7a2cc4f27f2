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
        (models.Subject(audience="https://billing.example", subject="7"), "('https://billing.example', '7')"),
        (models.Lookup(period="0f", key="1f", link="2f"), "('0f', '1f', '2f')"),
        (models.Closing(link="2f", redeemed_at=0), "('2f', 0)"),
        (models.PasswordRehash(subject="7"), "7"),
    ],
)
def test_str(row: object, shown: str) -> None:
    """A row shows its key."""
    assert str(row) == shown
