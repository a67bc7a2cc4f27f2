"""recall: is what a link opened still open? Asked on every request, by link id and the instant of the redemption."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

import pytest

from magiclink import (
    CONFIRM_EMAIL,
    INVOICE,
    BadArgumentError,
    ClockError,
    ExpiredLinkError,
    InvalidLinkError,
    RevokedLinkError,
    StoreError,
)

if TYPE_CHECKING:
    from tests.conftest import World

HOUR = timedelta(hours=1)


def test_recall(world: World) -> None:
    """What a link opened stays open until its session's end, whatever zone the instant is written in."""
    links = world.links()
    link = links.issue(INVOICE, subject="customer-7", resource="invoice:1001", destination="/invoices/1001")
    redemption = links.redeem(link.token, INVOICE)
    world.clock.tick(8 * HOUR - timedelta(microseconds=1))
    assert links.recall(link.link_id, redeemed_at=redemption.redeemed_at) == redemption
    elsewhere = redemption.redeemed_at.astimezone(timezone(HOUR))
    assert links.recall(link.link_id, redeemed_at=elsewhere) == redemption
    world.clock.tick(timedelta(microseconds=1))
    with pytest.raises(ExpiredLinkError) as caught:
        links.recall(link.link_id, redeemed_at=redemption.redeemed_at)
    assert caught.value.at == redemption.session_ends_at
    assert caught.value.link is not None


def test_recall_of_the_first_of_two(world: World) -> None:
    """Each redemption has a session of its own."""
    links = world.links()
    link = links.issue(INVOICE, subject="customer-7")
    first = links.redeem(link.token, INVOICE)
    world.clock.tick(7 * HOUR)
    second = links.redeem(link.token, INVOICE)
    world.clock.tick(HOUR)
    with pytest.raises(ExpiredLinkError):
        links.recall(link.link_id, redeemed_at=first.redeemed_at)
    assert links.recall(link.link_id, redeemed_at=second.redeemed_at) == second


def test_recall_after_use_expiry_and_supersession(world: World) -> None:
    """The link's use, expiry and supersession close nothing that is open."""
    links = world.links()
    ends = world.clock.now() + timedelta(minutes=2)
    link = links.issue(CONFIRM_EMAIL, subject="customer-7", expires_at=ends)
    redemption = links.redeem(link.token, CONFIRM_EMAIL)
    links.mark_delivered(links.issue(CONFIRM_EMAIL, subject="customer-7").link_id)
    world.clock.tick(timedelta(minutes=5))
    assert links.recall(link.link_id, redeemed_at=redemption.redeemed_at) == redemption


@pytest.mark.parametrize("how", ["link", "subject", "resource"])
def test_recall_after_revocation(world: World, how: str) -> None:
    """M14: a revocation closes what is open at the next request, with its reason."""
    links = world.links()
    link = links.issue(INVOICE, subject="customer-7", resource="invoice:1001")
    redemption = links.redeem(link.token, INVOICE)
    if how == "link":
        links.revoke(link.link_id, reason="lost")
    elif how == "subject":
        links.revoke_all(subject="customer-7", reason="lost")
    else:
        links.revoke_all(resource="invoice:1001", reason="lost")
    with pytest.raises(RevokedLinkError) as caught:
        links.recall(link.link_id, redeemed_at=redemption.redeemed_at)
    assert (caught.value.reason, caught.value.at) == ("lost", world.clock.now())


@pytest.mark.parametrize("stamp", ["second", None])
def test_recall_after_a_change(world: World, stamp: str | None) -> None:
    """A changed or closed account closes what is open, without an instant."""
    links = world.stamped()
    link = links.issue(INVOICE, subject="customer-7")
    redemption = links.redeem(link.token, INVOICE)
    assert links.recall(link.link_id, redeemed_at=redemption.redeemed_at) == redemption
    world.stamps["customer-7"] = stamp
    with pytest.raises(RevokedLinkError) as caught:
        links.recall(link.link_id, redeemed_at=redemption.redeemed_at)
    assert (caught.value.reason, caught.value.at) == ("account", None)


def test_recall_of_an_unknown_link(world: World) -> None:
    """A link that never was, or was forgotten, has opened nothing."""
    links = world.links()
    with pytest.raises(InvalidLinkError):
        links.recall("0" * 40, redeemed_at=world.clock.now())
    link = links.issue(INVOICE, subject="customer-7")
    redemption = links.redeem(link.token, INVOICE)
    world.clock.tick(timedelta(days=800))
    links.purge(keep=timedelta(days=366))
    with pytest.raises(InvalidLinkError):
        links.recall(link.link_id, redeemed_at=redemption.redeemed_at)


def test_recall_of_a_forgotten_purpose(world: World) -> None:
    """What a link opened whose policy is gone is closed: nobody says how long it would be open."""
    link = world.links().issue(CONFIRM_EMAIL, subject="customer-7")
    world.links().redeem(link.token, CONFIRM_EMAIL)
    with pytest.raises(InvalidLinkError):
        world.links(INVOICE).recall(link.link_id, redeemed_at=world.clock.now())


def test_recall_from_the_future(world: World) -> None:
    """D05: a redemption more than 30 seconds ahead means that a clock is off; up to there machines differ."""
    links = world.links()
    link = links.issue(INVOICE, subject="customer-7")
    links.recall(link.link_id, redeemed_at=world.clock.now() + timedelta(seconds=30))
    for ahead in (timedelta(seconds=30, microseconds=1), timedelta(days=365 * 5000)):
        with pytest.raises(ClockError):
            links.recall(link.link_id, redeemed_at=world.clock.now() + ahead)


BAD_INSTANTS: list[Any] = [
    None,
    5,
    1.5,
    "2026-01-05",
    datetime(2026, 1, 5),  # noqa: DTZ001
    timedelta(0),
    datetime.min.replace(tzinfo=UTC),
]


@pytest.mark.parametrize("instant", BAD_INSTANTS, ids=repr)
def test_recall_of_no_instant(world: World, instant: Any) -> None:
    """An instant without a zone, or from before the link, is the caller's mistake."""
    links = world.links()
    link = links.issue(INVOICE, subject="customer-7")
    with pytest.raises(BadArgumentError):
        links.recall(link.link_id, redeemed_at=instant)


def test_store_down_at_recall(world: World) -> None:
    """A store that fails closes for the moment, and calls nothing expired."""
    links = world.links()
    link = links.issue(INVOICE, subject="customer-7")
    redemption = links.redeem(link.token, INVOICE)
    world.fail("get")
    with pytest.raises(StoreError):
        links.recall(link.link_id, redeemed_at=redemption.redeemed_at)
    world.heal()
    assert links.recall(link.link_id, redeemed_at=redemption.redeemed_at) == redemption
