"""Which links the support desk sees: by purpose, by state, and by a name that is written out."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from django.db import DatabaseError, connection

from magiclink import CLIENT_PORTAL, INVOICE, SIGN_IN, State, StoreError
from magiclink.django.admin_lists import in_state, matching
from magiclink.django.models import Link as Row
from magiclink.instants import to_micros
from tests.django.desk import LIST, Desk, browser, customer, listed, page

if TYPE_CHECKING:
    from pytest_django.fixtures import Settings

    from magiclink import MagicLinks, Policy

pytestmark = pytest.mark.django_db

ONE_SHOT = replace(INVOICE, max_uses=1, confirm=True)
TIGHTER = [
    replace(INVOICE, lifetime=timedelta(minutes=5)),
    replace(CLIENT_PORTAL, lifetime=timedelta(days=1)),
    ONE_SHOT,
]
WAITS = [timedelta(), timedelta(minutes=4), timedelta(minutes=5), timedelta(days=2), timedelta(days=15)]


@pytest.fixture
def desk(settings: Settings) -> Desk:
    """Return a site whose links are in its database."""
    return Desk(settings)


def searched(term: str) -> list[str]:
    """Search for something, and give the links that are shown."""
    return listed(page(browser("view_link"), LIST, q=term))


@pytest.mark.parametrize("write", ["7", " 7 ", "invoice:1001", "ann@acme.example", "ANN@acme.example"])
def test_name_that_is_found(desk: Desk, write: str) -> None:
    """A subject, a resource or an address finds its links, and no others."""
    link = desk.links.issue(INVOICE, subject="7", resource="invoice:1001", recipient="ann@acme.example")
    desk.links.issue(INVOICE, subject="77", resource="invoice:10010", recipient="bob@acme.example")
    assert searched(write) == [link.link_id]


def test_link_id_that_is_found(desk: Desk) -> None:
    """A link id, out of a log or a complaint, finds its link."""
    link = desk.links.issue(INVOICE, subject="7", resource="invoice:1001")
    desk.links.issue(INVOICE, subject="7", resource="invoice:1002")
    assert searched(link.link_id) == [link.link_id]


@pytest.mark.parametrize("write", ["invoice", "invoice:%", "_", "INVOICE:1001", "00" * 20, "x" * 300, "%", "'"])
def test_part_of_a_name(desk: Desk, write: str) -> None:
    """What is no name, or only a part of one, finds nothing, and breaks nothing."""
    desk.links.issue(INVOICE, subject="7", resource="invoice:1001", recipient="ann@acme.example")
    assert searched(write) == []


def test_control_character(desk: Desk) -> None:
    """U+0000, which some databases can't be asked for, finds nothing; Django's own form doesn't let it come so far."""
    desk.links.issue(INVOICE, subject="7", resource="invoice:1001")
    assert matching("7\0") == []


def test_nothing_written(desk: Desk) -> None:
    """An empty search shows every link."""
    link = desk.links.issue(INVOICE, subject="7", resource="invoice:1001")
    assert searched("  ") == [link.link_id]


def test_search_while_the_database_fails(desk: Desk) -> None:
    """A search that the database fails is no empty list."""

    def fail(*_: object) -> None:
        raise DatabaseError("the connection is lost")

    with connection.execute_wrapper(fail), pytest.raises(StoreError):
        matching("7")


def test_purpose(desk: Desk) -> None:
    """The list is narrowed to a purpose, one of the site's."""
    ann = customer()
    invoice, sign_in = desk.invoice(ann), desk.links.issue(SIGN_IN, subject=str(ann.pk))
    client = browser("view_link")
    assert listed(page(client, LIST, purpose="sign-in")) == [sign_in.link_id]
    assert set(listed(page(client, LIST))) == {invoice.link_id, sign_in.link_id}
    assert "?purpose=client-portal" in page(client, LIST)


def test_state(desk: Desk) -> None:
    """The list is narrowed to a state, as it is shown."""
    ann = customer()
    invoice, sign_in = desk.invoice(ann), desk.links.issue(SIGN_IN, subject=str(ann.pk))
    desk.links.redeem(sign_in.token, SIGN_IN)
    client = browser("view_link")
    assert listed(page(client, LIST, state="used")) == [sign_in.link_id]
    assert listed(page(client, LIST, state="outstanding")) == [invoice.link_id]
    assert listed(page(client, LIST, state="superseded")) == []


def every_state(desk: Desk) -> None:
    """Issue links and let each end in its way, or in several."""
    links = desk.made(ONE_SHOT)
    for subject in "abcdefgh":
        portal = desk.links.issue(CLIENT_PORTAL, subject=subject)
        once = links.issue(ONE_SHOT, subject=subject, resource="receipt:1")
        desk.links.issue(INVOICE, subject=subject, resource="invoice:1")
        signs_in = desk.links.issue(SIGN_IN, subject=subject)
        if subject in "abcd":
            desk.links.redeem(signs_in.token, SIGN_IN)
            desk.links.redeem(portal.token, CLIENT_PORTAL)
            links.redeem(once.token, ONE_SHOT)
        if subject in "bc":
            desk.links.revoke(signs_in.link_id)
    desk.links.revoke_all(subject="d")
    desk.clock.tick(timedelta(minutes=6))
    for subject in "cef":
        fresh = desk.links.remind(INVOICE, subject=subject, resource="invoice:1")
        desk.links.mark_delivered(fresh.link_id)
        desk.links.issue(INVOICE, subject="d", resource=f"invoice:{subject}")
    soon = desk.clock.now() + timedelta(minutes=4)
    desk.links.issue(INVOICE, subject="g", resource="invoice:2", expires_at=soon)


@pytest.mark.parametrize("wait", WAITS, ids=str)
@pytest.mark.parametrize("tighter", [None, *TIGHTER])
def test_state_that_is_told_otherwise(desk: Desk, wait: timedelta, tighter: Policy | None) -> None:
    """What the filter takes for a state is what `inspect` tells of each link, under today's policies too."""
    every_state(desk)
    desk.clock.tick(wait)
    links = desk.made(*with_one(tighter))
    policies = links.flows.policies.values()
    now = to_micros(desk.clock.now())
    filtered = {
        state: {row.link_id for row in in_state(all_rows(), state, policies=policies, now=now)} for state in State
    }
    assert filtered == {state: {row.link_id for row in all_rows() if told(links, row) == state} for state in State}
    assert sum(map(len, filtered.values())) == all_rows().count()


def test_every_state(desk: Desk) -> None:
    """The links of the test above are in every state."""
    every_state(desk)
    desk.clock.tick(timedelta(minutes=5))
    assert {told(desk.links, row) for row in all_rows()} == set(State)


def with_one(changed: Policy | None) -> list[Policy]:
    """Return the site's policies, one of them changed."""
    known: list[Any] = [INVOICE, SIGN_IN, CLIENT_PORTAL]
    return [changed if changed is not None and each.purpose == changed.purpose else each for each in known]


def all_rows() -> Any:
    """Return every row."""
    return Row.objects.all()


def told(links: MagicLinks, row: Row) -> State:
    """Tell a link's state."""
    return links.inspect(row.link_id).state
