"""A reminder from the support desk: to whom it goes, and who gets none."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from django.contrib.auth.models import User

from magiclink import (
    CLIENT_PORTAL,
    INVOICE,
    SIGN_IN,
    ReissueRefusedError,
)
from magiclink.django import remind
from magiclink.stores.memory import MemoryStore
from tests.django.desk import Desk, customer

if TYPE_CHECKING:
    from pytest_django.fixtures import Settings

    from magiclink import Link

pytestmark = pytest.mark.django_db


@pytest.fixture
def desk(settings: Settings) -> Desk:
    """Return a site whose links are kept beside the database."""
    return Desk(settings, store=MemoryStore())


def refused(link: Link) -> str:
    """Remind of a link for which there is no reminder; give the reason."""
    with pytest.raises(ReissueRefusedError) as caught:
        remind(link.link_id)
    return caught.value.reason


def standing(desk: Desk) -> list[str]:
    """Return the states of every link to an invoice, newest first."""
    return [info.state.value for info in desk.links.find(policy=INVOICE)]


def test_fresh_link(desk: Desk) -> None:
    """A fresh link of the same series goes to the spelling on file, and leads where the newest one led."""
    link = desk.invoice(customer(email="Ann@acme.example"), recipient="ann@acme.example", destination="/invoices/1001")
    desk.clock.tick(timedelta(days=20))
    remind(link.link_id)
    assert desk.outbox.last.to == "Ann@acme.example"
    fresh = desk.links.redeem(desk.outbox.last.url.rpartition("/")[2], INVOICE)
    assert (fresh.resource, fresh.destination) == ("invoice:1001", "/invoices/1001")
    assert standing(desk) == ["outstanding", "superseded"]
    assert desk.links.inspect(fresh.link_id).parent == link.link_id


def test_account_link(desk: Desk) -> None:
    """A link that opens an account is reminded of as its policy says."""
    ann = customer()
    portal = desk.links.issue(CLIENT_PORTAL, subject=str(ann.pk), recipient=ann.email)
    desk.clock.tick(timedelta(days=1))
    remind(portal.link_id)
    assert desk.outbox.last.to == ann.email
    assert refused(desk.links.issue(SIGN_IN, subject=str(ann.pk), recipient=ann.email)) == "policy"


@pytest.mark.parametrize("change", [{"is_active": False}, None], ids=["inactive", "deleted"])
def test_nobody(desk: Desk, change: dict[str, Any] | None) -> None:
    """J27: who may not sign in, or is gone, isn't reminded."""
    ann = customer()
    link = desk.invoice(ann)
    users = User.objects.filter(pk=ann.pk)
    users.update(**change) if change else users.delete()
    desk.clock.tick(timedelta(days=1))
    assert refused(link) == "account"
    assert (len(desk.outbox), standing(desk)) == (0, ["outstanding"])
