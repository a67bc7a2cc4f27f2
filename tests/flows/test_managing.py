"""revoke, revoke_all, inspect, find, history and purge: what the app and its support desk do with links."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from magiclink import (
    CONFIRM_EMAIL,
    INVOICE,
    BadArgumentError,
    InvalidLinkError,
    RevokedLinkError,
    State,
    StoreError,
    UsedLinkError,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from magiclink import Link, MagicLinks
    from tests.conftest import World

AP = "ap@acme.example"
DAY = timedelta(days=1)
KEEP = timedelta(days=365)


def invoices(links: MagicLinks, count: int, **order: Any) -> list[Link]:
    """Issue some invoices' links."""
    who = {"subject": "customer-7", "recipient": AP, **order}
    return [links.issue(INVOICE, **who, resource=f"invoice:{each}") for each in range(count)]


# revoke.


def test_revoke(world: World) -> None:
    """A withdrawn link is told with its first instant and reason, however often it's withdrawn."""
    links = world.listening()
    [link] = invoices(links, 1)
    first = world.clock.now()
    assert links.revoke(link.link_id, reason="sent to the wrong one").state is State.REVOKED
    world.clock.tick(DAY)
    info = links.revoke(link.link_id, reason="another")
    assert (info.revoked_at, info.revoke_reason) == (first, "sent to the wrong one")
    assert [(event.kind, event.reason) for event in world.events[1:]] == [("revoked", "sent to the wrong one")]


def test_revoke_in_every_state(world: World) -> None:
    """E22: a revocation reaches used, expired and superseded links too, for what they opened must close."""
    links = world.links()
    used, old, new = (links.issue(CONFIRM_EMAIL, subject=name) for name in ("a", "b", "b"))
    redemption = links.redeem(used.token, CONFIRM_EMAIL)
    links.mark_delivered(new.link_id)
    for link, was in ((used, State.USED), (old, State.SUPERSEDED), (new, State.OUTSTANDING)):
        assert links.inspect(link.link_id).state is was
        assert links.revoke(link.link_id).state is State.REVOKED
    with pytest.raises(RevokedLinkError):
        links.recall(used.link_id, redeemed_at=redemption.redeemed_at)
    late = links.issue(CONFIRM_EMAIL, subject="c")
    world.clock.tick(2 * DAY)
    assert links.revoke(late.link_id).state is State.REVOKED


def test_revoke_of_an_unknown_link(world: World) -> None:
    """An unknown link can't be withdrawn, and that is told."""
    with pytest.raises(InvalidLinkError):
        world.links().revoke("0" * 40)


BAD_REASONS: list[Any] = [None, 5, b"lost", "x" * 256, "a\0b", "\ud800", ["lost"]]


@pytest.mark.parametrize("reason", BAD_REASONS, ids=lambda reason: repr(reason)[:20])
def test_bad_reason(world: World, reason: Any) -> None:
    """A reason is a short text; else nothing is withdrawn."""
    links = world.links()
    [link] = invoices(links, 1)
    for call in (
        lambda: links.revoke(link.link_id, reason=reason),
        lambda: links.revoke_all(subject="customer-7", reason=reason),
    ):
        with pytest.raises(BadArgumentError, match="reason"):
            call()
    links.verify(link.token, INVOICE)


def test_reason_that_forges_a_log_line(small_world: World, caplog: pytest.LogCaptureFixture) -> None:
    """M06: line feeds and escape sequences in a reason stay inside their line of the log."""
    caplog.set_level("INFO")
    links = small_world.links()
    [link] = invoices(links, 1)
    links.revoke(link.link_id, reason="x\nroot logged in\x1b[31m")
    assert not any(character in caplog.records[-1].getMessage() for character in "\n\x1b")


# revoke_all.


def test_revoke_all_of_a_subject(world: World) -> None:
    """M14: all links of a customer end in one short call; another customer's don't, and fresh ones work."""
    links = world.listening()
    mine, theirs = invoices(links, 5), invoices(links, 2, subject="customer-8")
    world.pop_calls()
    world.pop_events()
    links.revoke_all(subject="customer-7", reason="account closed")
    assert world.pop_calls() == ["revoke_subject"]
    [event] = world.events
    assert (event.kind, event.subject, event.link_id, event.reason) == ("revoked", "customer-7", None, "account closed")
    for link in mine:
        info = links.inspect(link.link_id)
        assert (info.state, info.revoked_at, info.revoke_reason) == (State.REVOKED, world.clock.now(), "account closed")
    assert {links.inspect(link.link_id).state for link in theirs} == {State.OUTSTANDING}
    [fresh] = invoices(links, 1)
    links.redeem(fresh.token, INVOICE)


@pytest.mark.parametrize(
    ("selector", "expected"),
    [
        ({"resource": "invoice:1"}, {1, 4}),
        ({"recipient": "AP@acme.example"}, {0, 1, 2}),
        ({"recipient": AP, "resource": "invoice:1"}, {1}),
        ({"policy": INVOICE}, {0, 1, 2, 3, 4}),
        ({"policy": CONFIRM_EMAIL}, {5}),
        ({"policy": INVOICE, "subject": "customer-7"}, {0, 1, 2}),
        ({"subject": "customer-7", "resource": "invoice:2"}, {2}),
        ({"subject": "customer"}, set()),
        ({"subject": "Customer-7"}, set()),
        ({"resource": "invoice:1 "}, set()),
        ({"recipient": "nobody@acme.example"}, set()),
    ],
    ids=str,
)
def test_revoke_all_by_selector(world: World, selector: dict[str, Any], expected: set[int]) -> None:
    """Selectors combine by AND, byte for byte; find and revoke_all mean the same links."""
    links = world.links()
    made = invoices(links, 3) + invoices(links, 2, subject="customer-8", recipient="boss@acme.example")
    made.append(links.issue(CONFIRM_EMAIL, subject="customer-9"))
    assert {info.link_id for info in links.find(**selector)} == {made[each].link_id for each in expected}
    links.revoke_all(**selector, reason="lost")
    revoked = {each for each, link in enumerate(made) if links.inspect(link.link_id).state is State.REVOKED}
    assert revoked == expected


def test_revoke_all_issued_before(world: World) -> None:
    """E14: after a restored backup, whatever was issued before an instant ends; what was issued at it doesn't."""
    links = world.links()
    old, since = invoices(links, 1), world.clock.now() + DAY
    world.clock.tick(DAY)
    new = invoices(links, 1)
    links.revoke_all(issued_before=since, reason="restored")
    assert links.inspect(old[0].link_id).revoke_reason == "restored"
    assert links.inspect(new[0].link_id).state is State.OUTSTANDING
    links.revoke_all(subject="customer-7", issued_before=since)
    assert links.inspect(new[0].link_id).state is State.OUTSTANDING
    links.revoke_all(issued_before=datetime.min.replace(tzinfo=UTC))
    links.revoke_all(issued_before=datetime.max.replace(tzinfo=UTC))
    assert links.inspect(new[0].link_id).state is State.REVOKED


def test_revoke_all_of_everything(world: World) -> None:
    """A selector that was forgotten withdraws nothing."""
    for reason in ("", "all"):
        with pytest.raises(BadArgumentError):
            world.links().revoke_all(reason=reason)
    assert world.pop_calls() == []


BAD_SELECTORS: list[dict[str, Any]] = [
    {"issued_before": datetime(2026, 1, 5)},  # noqa: DTZ001
    {"issued_before": 5},
    {"recipient": "nobody"},
    {"recipient": 5},
    {"policy": "invoice"},
    {"subject": ""},
    {"resource": "\0"},
]


@pytest.mark.parametrize("selector", BAD_SELECTORS, ids=str)
def test_revoke_all_by_a_bad_selector(world: World, selector: dict[str, Any]) -> None:
    """What can't be selected by withdraws nothing."""
    with pytest.raises(BadArgumentError):
        world.links().revoke_all(**selector)
    assert world.pop_calls() == []


@pytest.mark.parametrize("call", ["revoke", "revoke_subject", "revoke_matching"])
def test_store_down_at_revocation(world: World, call: str) -> None:
    """A revocation that wasn't written is told, and tells nobody else; it can be repeated."""
    links = world.listening()
    [link] = invoices(links, 1)
    world.fail(call)
    calls: dict[str, Callable[[], object]] = {
        "revoke": lambda: links.revoke(link.link_id),
        "revoke_subject": lambda: links.revoke_all(subject="customer-7"),
        "revoke_matching": lambda: links.revoke_all(resource="invoice:0"),
    }
    with pytest.raises(StoreError):
        calls[call]()
    assert world.pop_events() == ["issued"]
    world.heal()
    calls[call]()
    assert links.inspect(link.link_id).state is State.REVOKED


# inspect and find.


def test_inspect(world: World) -> None:
    """S7: all that is known of a link, whatever its state; the security stamp isn't asked."""
    links = world.stamped()
    [link] = invoices(links, 1)
    links.mark_delivered(link.link_id)
    links.redeem(link.token, INVOICE)
    world.stamps["customer-7"] = None
    info = links.inspect(link.link_id)
    now = world.clock.now()
    assert (info.uses, info.first_used_at, info.last_used_at, info.delivered_at) == (1, now, now, now)
    assert (info.state, info.resource, info.max_uses) == (State.OUTSTANDING, "invoice:0", None)
    assert AP not in repr(info)
    with pytest.raises(InvalidLinkError):
        links.inspect("0" * 40)


def test_find_in_pages(world: World) -> None:
    """Newest first by instant, then by link id; each page goes on behind the last one, and none is told twice."""
    links = world.links()
    for _ in range(3):
        invoices(links, 4)
        world.clock.tick(DAY)
    found = links.find(subject="customer-7")
    assert found == sorted(found, key=lambda info: (info.issued_at, info.link_id), reverse=True)
    assert len(found) == 12
    paged, after = [], None
    while page := links.find(subject="customer-7", limit=5, after=after):
        paged += page
        after = page[-1].link_id
    assert paged == found
    assert links.find(subject="customer-7", after="0" * 40) == []
    assert links.find(subject="customer-7", limit=1) == found[:1]


def test_find_in_every_state(world: World) -> None:
    """Find tells of every state, under today's policy."""
    links = world.links()
    made = invoices(links, 2)
    links.revoke(made[0].link_id)
    world.clock.tick(14 * DAY)
    assert {info.state for info in links.find(recipient=AP)} == {State.REVOKED, State.EXPIRED}
    short = replace(INVOICE, lifetime=DAY)
    [fresh] = invoices(links, 1)
    world.clock.tick(DAY)
    [found] = [info for info in world.links(short).find(recipient=AP) if info.link_id == fresh.link_id]
    assert (found.state, found.expires_at) == (State.EXPIRED, world.clock.now())


BAD_SEARCHES: list[dict[str, Any]] = [
    {},
    {"limit": 5},
    {"after": "0" * 40},
    *[{"subject": "a", "limit": limit} for limit in (0, -1, 1_001, True, 1.5, "5", None)],
    *[{"subject": "a", "after": after} for after in ("", "x", 5, b"0" * 40, "0" * 41)],
    *BAD_SELECTORS[2:],
]


@pytest.mark.parametrize("search", BAD_SEARCHES, ids=str)
def test_bad_search(world: World, search: dict[str, Any]) -> None:
    """A search without a selector, with a bad page size or behind no link is refused without a query."""
    with pytest.raises(BadArgumentError):
        world.links().find(**search)
    assert world.pop_calls() == []


@pytest.mark.parametrize("call", ["find", "notes", "get", "purge", "close"])
def test_store_down_at_a_look(world: World, call: str) -> None:
    """Trouble while looking, forgetting or closing is StoreError."""
    links = world.links()
    [link] = invoices(links, 1)
    world.fail(call)
    calls: dict[str, Callable[[], object]] = {
        "find": lambda: links.find(subject="customer-7"),
        "notes": lambda: links.history(subject="customer-7"),
        "get": lambda: links.inspect(link.link_id),
        "purge": lambda: links.purge(keep=KEEP),
        "close": links.close,
    }
    with pytest.raises(StoreError):
        calls[call]()


# history.


def test_history(world: World) -> None:
    """S7: sent when, opened when, refused why, reminded, used, revoked: the whole story of one invoice in order."""
    links = world.links()
    who: dict[str, Any] = {"subject": "customer-7", "resource": "invoice:1001", "recipient": AP}
    first = links.issue(CONFIRM_EMAIL, **who)
    world.clock.tick(timedelta(minutes=1))
    links.mark_delivered(first.link_id)
    for _ in range(2):
        world.clock.tick(timedelta(minutes=1))
        links.verify(first.token, CONFIRM_EMAIL)
    links.redeem(first.token, CONFIRM_EMAIL, attempt="nonce")
    world.clock.tick(timedelta(seconds=1))
    links.redeem(first.token, CONFIRM_EMAIL, attempt="nonce")
    world.clock.tick(DAY)
    with pytest.raises(UsedLinkError):
        links.redeem(first.token, CONFIRM_EMAIL)
    second = links.remind(CONFIRM_EMAIL, **who)
    world.clock.tick(timedelta(minutes=1))
    links.mark_delivered(second.link_id)
    links.revoke(second.link_id, reason="paid")
    links.issue(CONFIRM_EMAIL, subject="customer-8")
    told = links.history(subject="customer-7")
    assert [event.kind.value for event in told] == [
        "issued", "delivered", "verified", "redeemed", "reclicked", "reminded", "refused", "delivered", "superseded",
        "revoked",
    ]  # fmt: skip
    assert [event.reason for event in told if event.reason] == ["used", "paid"]
    assert [event.at for event in told] == sorted(event.at for event in told)
    assert (
        links.history(resource="invoice:1001") == links.history(subject="customer-7", resource="invoice:1001") == told
    )
    assert links.history(subject="customer-7", limit=3) == told[-3:]
    assert links.history(resource="invoice:1002") == []


@pytest.mark.parametrize(
    "search", [{}, {"limit": 5}, {"subject": "a", "limit": 0}, {"resource": "a", "limit": 1_001}], ids=str
)
def test_bad_history(world: World, search: dict[str, Any]) -> None:
    """A history of everything, or of none, is refused without a query."""
    with pytest.raises(BadArgumentError):
        world.links().history(**search)
    assert world.pop_calls() == []
