"""issue and issue_many: what a link is made of, what is refused, and nothing half made."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

import pytest

from magiclink import (
    INVOICE,
    SIGN_IN,
    STEP_UP,
    BadArgumentError,
    InvalidLinkError,
    Link,
    Order,
    State,
    StoreError,
    Supersede,
)
from magiclink.links import run
from magiclink.testing.clock import FrozenClock

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.conftest import World

BOUND = replace(STEP_UP, purpose="bound", step_up=False, bind_browser=True)
EAGER = replace(INVOICE, purpose="eager", supersede=Supersede.ON_ISSUE)
AP = "ap@acme.example"


def test_issue(world: World) -> None:
    """S1, S2: a link that opens one invoice for two weeks leads to the configured site, and is remembered whole."""
    links = world.listening()
    link = links.issue(
        INVOICE, subject="customer-7", resource="invoice:1001", recipient=AP, destination="/invoices/1001"
    )
    assert link.url == f"https://billing.example/l/{link.token}"
    assert (link.purpose, link.resource) == ("invoice", "invoice:1001")
    assert link.expires_at == world.clock.now() + timedelta(days=14)
    info = links.inspect(link.link_id)
    assert (info.state, info.origin, info.parent, info.uses) == (State.OUTSTANDING, "issue", None, 0)
    assert (info.subject, info.destination, info.issued_at) == ("customer-7", "/invoices/1001", world.clock.now())
    [event] = world.events
    assert (event.kind, event.link_id, event.purpose, event.reason) == ("issued", link.link_id, "invoice", "")
    assert (event.subject, event.resource, event.at) == ("customer-7", "invoice:1001", world.clock.now())


def test_issue_with_the_least(world: World) -> None:
    """A policy and a subject are enough: no resource, recipient or destination."""
    link = world.links().issue(INVOICE, subject="customer-7")
    redemption = world.links().redeem(link.token, INVOICE)
    assert (redemption.resource, redemption.destination) == (None, None)


def test_fraction_of_a_second(world: World) -> None:
    """A lifetime ends on the second before, for tokens count whole seconds."""
    world.clock.tick(timedelta(microseconds=1))
    link = world.links().issue(INVOICE, subject="customer-7")
    assert link.expires_at == world.clock.now() + timedelta(days=14, microseconds=-1)
    assert world.links().inspect(link.link_id).expires_at == link.expires_at


@pytest.mark.parametrize("after", [timedelta(seconds=1), timedelta(hours=1), timedelta(days=14)])
def test_expires_at_shortens(world: World, after: timedelta) -> None:
    """S2: a link's own expiry may shorten the policy's lifetime, in any zone, and works at the exact instant."""
    ends = (world.clock.now() + after).astimezone(timezone(timedelta(hours=-7)))
    link = world.links().issue(INVOICE, subject="customer-7", expires_at=ends)
    assert link.expires_at == ends
    world.clock.tick(after - timedelta(microseconds=1))
    assert world.links().verify(link.token, INVOICE).expires_at == ends


def test_expires_at_within_a_second(world: World) -> None:
    """An expiry falls on the second before, never after what was asked."""
    ends = world.clock.now() + timedelta(seconds=5, milliseconds=999)
    assert world.links().issue(INVOICE, subject="customer-7", expires_at=ends).expires_at == ends.replace(microsecond=0)


NOW = FrozenClock().now()
BAD_EXPIRIES: list[Any] = [
    NOW,
    NOW - timedelta(seconds=1),
    NOW + timedelta(milliseconds=999),
    NOW + timedelta(days=14, microseconds=1),
    datetime.max.replace(tzinfo=UTC),
    datetime.min.replace(tzinfo=UTC),
    datetime(2026, 1, 6, 9, 0),  # noqa: DTZ001
    date(2026, 1, 6),
    timedelta(days=1),
    1_767_700_000,
    "2026-01-06T09:00:00Z",
]


@pytest.mark.parametrize("ends", BAD_EXPIRIES, ids=repr)
def test_bad_expires_at(world: World, ends: Any) -> None:
    """An expiry in the past, beyond the lifetime or without a zone is refused, and nothing is written."""
    with pytest.raises(BadArgumentError):
        world.links().issue(INVOICE, subject="customer-7", expires_at=ends)
    assert world.pop_calls() == []


@pytest.mark.parametrize(
    "recipient", ["", "ap", "a@b@c.example", "ap@acme.example, x@evil.example", b"ap@acme.example", 5]
)
def test_bad_recipient(world: World, recipient: Any) -> None:
    """J01, J04, J11: one address or a refusal, and nothing is written."""
    for call in (world.links().issue, world.links().remind):
        with pytest.raises(BadArgumentError) as caught:
            call(INVOICE, subject="customer-7", recipient=recipient)
        assert "acme" not in str(caught.value)
    assert "add" not in world.pop_calls()


@pytest.mark.parametrize(
    "destination", ["", "//evil.example", "https://evil.example/", "/logout", "/l/x", "/a\nb", 5, b"/"]
)
def test_bad_destination(world: World, destination: Any) -> None:
    """I01, I12, I22, I26: a destination is a path of the app's own site, or a refusal, and nothing is written."""
    for call in (world.links().issue, world.links().remind):
        with pytest.raises(BadArgumentError):
            call(INVOICE, subject="customer-7", destination=destination)
    assert world.pop_calls() == []


def test_clock_past_the_tokens(world: World) -> None:
    """D09: past 2106 no token can be made, and that is told by an error of ours."""
    world.clock.set(datetime(2106, 2, 7, tzinfo=UTC))
    with pytest.raises(BadArgumentError):
        world.links().issue(INVOICE, subject="customer-7")
    world.clock.set(datetime(1969, 1, 1, tzinfo=UTC))
    with pytest.raises(BadArgumentError):
        world.links().issue(INVOICE, subject="customer-7")
    assert world.pop_calls() == []


def test_leap_day(world: World) -> None:
    """D14: 14 days across the end of February are 14 days."""
    world.clock.set(datetime(2028, 2, 20, 12, tzinfo=UTC))
    assert world.links().issue(INVOICE, subject="customer-7").expires_at == datetime(2028, 3, 5, 12, tzinfo=UTC)


def test_account_not_to_be_used(world: World) -> None:
    """J27: no link is made for an account whose stamp is None."""
    world.stamps["customer-7"] = None
    with pytest.raises(BadArgumentError, match="account"):
        world.stamped().issue(INVOICE, subject="customer-7")
    assert world.pop_calls() == []


def test_stamp_that_raises(world: World) -> None:
    """What security_stamp raises passes through, and nothing is written."""

    def stamp(subject: str) -> str:
        raise LookupError(subject)

    with pytest.raises(LookupError):
        world.links(security_stamp=stamp).issue(INVOICE, subject="customer-7")
    assert world.pop_calls() == []


BAD_BROWSERS: list[Any] = ["", "a\0b", "b" * 256, 5, b"nonce", "\ud800"]


@pytest.mark.parametrize("browser", [None, *BAD_BROWSERS], ids=repr)
def test_bad_browser(world: World, browser: Any) -> None:
    """A policy that binds the browser is issued to a browser, or not at all."""
    with pytest.raises(BadArgumentError):
        world.links(BOUND).issue(BOUND, subject="customer-7", browser=browser)
    assert world.pop_calls() == []


def test_browser_where_none_is_bound(world: World) -> None:
    """A browser given under a policy that binds none is refused: the caller would believe the link bound."""
    with pytest.raises(BadArgumentError, match="bind_browser"):
        world.links().issue(SIGN_IN, subject="customer-7", browser="nonce")
    assert world.pop_calls() == []


# The monthly run.


def orders(count: int) -> list[Order]:
    """Return orders for some customers."""
    return [
        Order(policy=INVOICE, subject=f"customer-{each}", resource=f"invoice:{each}", recipient=f"c{each}@acme.example")
        for each in range(count)
    ]


def test_issue_many(world: World) -> None:
    """The links of a monthly run come in the order of its orders, from one write."""
    made = world.listening().issue_many(iter(orders(50)))
    assert [link.resource for link in made] == [f"invoice:{each}" for each in range(50)]
    assert world.pop_calls() == ["add"]
    assert world.pop_events() == ["issued"] * 50
    assert len({link.token for link in made}) == 50


def test_issue_many_of_none(world: World) -> None:
    """A month without invoices asks the store for nothing."""
    assert world.links().issue_many([]) == []
    assert world.pop_calls() == []


def test_issue_many_with_one_bad_order(world: World) -> None:
    """All or none: one bad address and not one link is written."""
    bad = replace(orders(1)[0], recipient="nobody")
    with pytest.raises(BadArgumentError):
        world.links().issue_many([*orders(3), bad])
    assert world.pop_calls() == []


def test_issue_many_of_one_series(world: World) -> None:
    """Several orders for one series are numbered in their order: the last one's delivery ends the others."""
    made = world.links().issue_many(orders(1) * 3)
    world.links().mark_delivered(made[2].link_id)
    states = [world.links().inspect(link.link_id).state for link in made]
    assert states == [State.SUPERSEDED, State.SUPERSEDED, State.OUTSTANDING]


@pytest.mark.parametrize("bad", [None, 5, [None], ["customer-7"], "orders", [INVOICE], {"subject": "x"}], ids=repr)
def test_issue_many_of_no_orders(world: World, bad: Any) -> None:
    """issue_many takes Orders and nothing else."""
    with pytest.raises(BadArgumentError):
        world.links().issue_many(bad)
    assert world.pop_calls() == []


def test_orders_that_raise(world: World) -> None:
    """What the app's own generator raises passes through, and nothing is written."""

    def broken() -> Iterator[Order]:
        yield from orders(2)
        raise LookupError

    with pytest.raises(LookupError):
        world.links().issue_many(broken())
    assert world.pop_calls() == []


# Store trouble.


def test_store_down_at_issue(world: World) -> None:
    """E01: no link comes back from an issue that wasn't written, and the next one works."""
    world.fail("add")
    for call in (
        lambda: world.listening().issue(INVOICE, subject="customer-7"),
        lambda: world.listening().issue_many(orders(2)),
    ):
        with pytest.raises(StoreError):
            call()
    world.heal()
    assert world.pop_events() == []
    assert world.links().find(policy=INVOICE) == []
    assert isinstance(world.links().issue(INVOICE, subject="customer-7"), Link)


def test_link_id_that_is_there_already(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """A store that writes nothing gives nobody a link."""
    link = world.links().issue(INVOICE, subject="customer-7")
    links = world.links()
    monkeypatch.setattr(links.flows._tokens, "make", lambda *_, **__: (link.token, bytes.fromhex(link.link_id)))
    with pytest.raises(StoreError, match="refused new links"):
        links.issue(INVOICE, subject="customer-8")
    assert links.inspect(link.link_id).subject == "customer-7"


def test_telling_that_fails_after_the_write(world: World, caplog: pytest.LogCaptureFixture) -> None:
    """E02: what was written is told to the caller, though the store can't say which links it ended."""
    links = world.listening(EAGER)
    old = links.issue(EAGER, subject="customer-7")
    world.fail("find", "get")
    fresh = links.issue(EAGER, subject="customer-7")
    links.mark_delivered(fresh.link_id)
    world.heal()
    assert world.pop_events() == ["issued", "issued"]
    assert links.inspect(old.link_id).state is State.SUPERSEDED
    assert links.inspect(fresh.link_id).delivered_at == world.clock.now()
    assert [record.levelname for record in caplog.records] == ["WARNING", "WARNING"]
    assert fresh.link_id in caplog.text


# Delivery.


def test_delivered_twice(world: World) -> None:
    """The first delivery stays, and only it is told."""
    links = world.listening()
    link = links.issue(INVOICE, subject="customer-7")
    first = world.clock.now()
    links.mark_delivered(link.link_id)
    world.clock.tick(timedelta(hours=1))
    links.mark_delivered(link.link_id)
    assert links.inspect(link.link_id).delivered_at == first
    assert world.pop_events() == ["issued", "delivered"]


def test_delivery_of_unknown_links(world: World) -> None:
    """An unknown or misspelled id is ignored among others."""
    links = world.listening()
    link = links.issue(INVOICE, subject="customer-7")
    links.mark_delivered("0" * 40, link.link_id, "", "x", link.link_id.upper() + "x")
    assert world.pop_events() == ["issued", "delivered"]
    links.mark_delivered()


@pytest.mark.parametrize("bad", [None, 5, b"0" * 40, [], ["0" * 40]], ids=repr)
def test_delivery_of_no_link_id(world: World, bad: Any) -> None:
    """mark_delivered takes link ids one by one; a list of them is told, not ignored."""
    with pytest.raises(BadArgumentError):
        world.links().mark_delivered("0" * 40, bad)
    assert world.pop_calls() == []


def test_store_down_at_delivery(world: World) -> None:
    """A delivery that wasn't written is StoreError, ends nothing, and can be told again."""
    links = world.listening()
    old, fresh = (links.issue(INVOICE, subject="customer-7") for _ in range(2))
    world.fail("mark_delivered")
    with pytest.raises(StoreError):
        links.mark_delivered(fresh.link_id)
    world.heal()
    assert links.inspect(old.link_id).state is State.OUTSTANDING
    links.mark_delivered(fresh.link_id)
    assert world.pop_events() == ["issued", "issued", "delivered", "superseded"]


def test_delivery_that_nobody_hears(world: World) -> None:
    """Without on_event a delivery is one call of the store."""
    link = world.links().issue(INVOICE, subject="customer-7")
    world.pop_calls()
    world.links().mark_delivered(link.link_id)
    assert world.pop_calls() == ["mark_delivered"]


def test_revoked_between_issues(world: World) -> None:
    """In one frozen instant: what was issued before revoke_all is dead, what is issued after it works."""
    links = world.links()
    first = links.issue(SIGN_IN, subject="customer-7")
    links.revoke_all(subject="customer-7")
    second = links.issue(SIGN_IN, subject="customer-7")
    assert links.inspect(first.link_id).state is State.REVOKED
    assert links.redeem(second.token, SIGN_IN).link_id == second.link_id


def test_link_of_a_forgotten_purpose(world: World) -> None:
    """A token of a purpose that is no longer registered is none of ours; its record can still be looked at."""
    link = world.links(EAGER).issue(EAGER, subject="customer-7")
    with pytest.raises(InvalidLinkError):
        world.links().redeem(link.token, INVOICE)
    assert world.links().inspect(link.link_id).purpose == "eager"


@pytest.mark.parametrize("listens", [True, False])
def test_delivered_record(world: World, listens: bool) -> None:
    """A record that is at hand is marked delivered and told once, without being read again."""
    links = world.listening() if listens else world.links()
    old, new = (links.issue(INVOICE, subject="customer-7", resource="invoice:1") for _ in range(2))
    record = run(links.flows.find_record(new.link_id))
    assert record is not None
    world.pop_events()
    world.pop_calls()
    run(links.flows.deliver_record(record, links.flows.read_clock()))
    assert world.pop_calls() == (["mark_delivered", "find"] if listens else ["mark_delivered"])
    assert world.pop_events() == (["delivered", "superseded"] if listens else [])
    assert links.inspect(old.link_id).state.value == "superseded"
    again = run(links.flows.find_record(new.link_id))
    assert again is not None
    run(links.flows.deliver_record(again, links.flows.read_clock()))
    assert world.pop_events() == []
