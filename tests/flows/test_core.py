"""What every flow needs: the configuration, the clock, the store's call, stamps, events and notes."""

from __future__ import annotations

import math
from contextlib import suppress
from datetime import UTC, datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

import pytest

from magiclink import (
    CONFIRM_EMAIL,
    INVOICE,
    BadArgumentError,
    ClockError,
    ConfigurationError,
    InvalidLinkError,
    Order,
    ReissueRefusedError,
    RevokedLinkError,
    StoreError,
    UsedLinkError,
)
from magiclink.crypto.tokens import Tokens
from magiclink.testing import FrozenClock

if TYPE_CHECKING:
    from collections.abc import Callable

    from magiclink.crypto.tokens import Genuine
    from tests.conftest import World


def test_audience_by_default(small_world: World) -> None:
    """The audience is the origin of the base URL, and its path names no other."""
    assert small_world.links().flows.audience == "https://billing.example"
    link = small_world.links().issue(INVOICE, subject="customer-7")
    elsewhere = small_world.links(base_url="https://billing.example/elsewhere/")
    assert elsewhere.verify(link.token, INVOICE).link_id == link.link_id


@pytest.mark.parametrize(
    "elsewhere",
    [{"audience": "shop"}, {"base_url": "https://shop.example/l/"}, {"audience": "https://billing.EXAMPLE"}],
)
def test_another_audience(world: World, elsewhere: dict[str, str]) -> None:
    """B04, M12: over one store and one key, another audience opens, finds, inspects and revokes nothing."""
    link = world.links().issue(INVOICE, subject="customer-7", resource="invoice:1", recipient="ap@acme.example")
    theirs = world.links(**elsewhere)
    world.pop_calls()
    for refused in (theirs.verify, theirs.redeem):
        with pytest.raises(InvalidLinkError):
            refused(link.token, INVOICE)
    with pytest.raises(InvalidLinkError):
        theirs.renew(link.token, to="ap@acme.example")
    assert world.pop_calls() == []
    for unknown in (theirs.inspect, theirs.revoke):
        with pytest.raises(InvalidLinkError):
            unknown(link.link_id)
    with pytest.raises(InvalidLinkError):
        theirs.recall(link.link_id, redeemed_at=world.clock.now())
    assert [*theirs.find(subject="customer-7"), *theirs.history(subject="customer-7")] == []
    theirs.revoke_all(subject="customer-7")
    theirs.revoke_all(resource="invoice:1")
    theirs.mark_delivered(link.link_id)
    world.clock.tick(timedelta(days=800))
    assert theirs.purge(keep=timedelta(days=366)) == 0
    info = world.links().inspect(link.link_id)
    assert (info.revoked_at, info.delivered_at) == (None, None)


# The clock.


class Wrong:
    """A clock that gives whatever it was given."""

    def __init__(self, told: object) -> None:
        self.told = told

    def now(self) -> Any:
        """Return it, or raise it."""
        if isinstance(self.told, Exception):
            raise self.told
        return self.told


NO_TIMES: list[object] = [
    None,
    1_767_603_600,
    1_767_603_600.0,
    math.nan,
    math.inf,
    "2026-01-05T09:00:00Z",
    datetime(2026, 1, 5, 9, 0),  # noqa: DTZ001
    datetime(2026, 1, 5, 9, 0, tzinfo=timezone(timedelta(hours=1))),
    OSError("no clock"),
]


@pytest.mark.parametrize("told", NO_TIMES, ids=repr)
def test_wrong_clock(world: World, told: object) -> None:
    """D10, D11: a clock that raises or gives no UTC instant is ClockError in every call, and the store isn't asked."""
    link = world.links().issue(CONFIRM_EMAIL, subject="customer-7", recipient="ap@acme.example")
    links = world.links(clock=Wrong(told))
    world.pop_calls()
    calls: list[Callable[[], object]] = [
        lambda: links.issue(INVOICE, subject="customer-7"),
        lambda: links.issue_many([]),
        lambda: links.remind(INVOICE, subject="customer-7"),
        lambda: links.renew(link.token, to="ap@acme.example"),
        lambda: links.mark_delivered(link.link_id),
        lambda: links.verify(link.token, CONFIRM_EMAIL),
        lambda: links.redeem(link.token, CONFIRM_EMAIL),
        lambda: links.recall(link.link_id, redeemed_at=datetime.now(UTC)),
        lambda: links.revoke(link.link_id),
        lambda: links.revoke_all(subject="customer-7"),
        lambda: links.inspect(link.link_id),
        lambda: links.find(subject="customer-7"),
        lambda: links.purge(keep=timedelta(days=366)),
    ]
    for call in calls:
        with pytest.raises(ClockError):
            call()
    assert world.pop_calls() == []
    assert world.links().redeem(link.token, CONFIRM_EMAIL).link_id == link.link_id


def test_clock_asked_once(small_world: World) -> None:
    """Each call reads the clock once, so that no two of its instants differ."""
    clock = small_world.clock

    class Counting:
        asked = 0

        def now(self) -> datetime:
            """Return the frozen instant, and count."""
            self.asked += 1
            return clock.now()

    counting = Counting()
    links = small_world.stamped(clock=counting)
    link = links.issue(CONFIRM_EMAIL, subject="customer-7", recipient="ap@acme.example")
    links.verify(link.token, CONFIRM_EMAIL)
    links.redeem(link.token, CONFIRM_EMAIL, admit=lambda _: True)
    with pytest.raises(UsedLinkError):
        links.redeem(link.token, CONFIRM_EMAIL)
    links.renew(link.token, to="ap@acme.example")
    links.recall(link.link_id, redeemed_at=clock.now())
    links.revoke_all(subject="customer-7")
    assert counting.asked == 7


# The store's call.


@pytest.mark.parametrize("trouble", [OSError("gone"), KeyError("x"), RuntimeError(), StopIteration(), MemoryError()])
def test_foreign_exception_of_the_store(world: World, trouble: Exception) -> None:
    """E01: whatever a driver raises is StoreError; the cause stays for the developer."""
    link = world.links().issue(INVOICE, subject="customer-7")
    world.store.faults["consume"] = trouble
    with pytest.raises(StoreError) as caught:
        world.links().redeem(link.token, INVOICE)
    assert caught.value.__cause__ is not None
    world.heal()
    assert world.links().redeem(link.token, INVOICE).subject == "customer-7"


def test_own_exception_of_the_store(world: World) -> None:
    """An error of this library comes out of the store's call as it is."""
    link = world.links().issue(INVOICE, subject="customer-7")
    trouble = world.store.faults["get"] = BadArgumentError("too large")
    with pytest.raises(BadArgumentError) as caught:
        world.links().inspect(link.link_id)
    assert caught.value is trouble


# Security stamps.


@pytest.mark.parametrize("stamp", [5, b"first", True, ["first"], object()])
def test_stamp_of_a_wrong_type(world: World, stamp: Any) -> None:
    """A security_stamp that gives neither text nor None is told as such, and nothing is made or used."""
    link = world.stamped().issue(INVOICE, subject="customer-7")
    world.stamps["customer-7"] = stamp
    for call in (
        lambda: world.stamped().issue(INVOICE, subject="customer-7"),
        lambda: world.stamped().redeem(link.token, INVOICE),
    ):
        with pytest.raises(ConfigurationError, match="security_stamp"):
            call()
    assert [info.uses for info in world.links().find(subject="customer-7")] == [0]


def test_two_accounts_with_one_stamp(small_world: World) -> None:
    """Equal stamps of two subjects have two digests: a stolen table doesn't tell who shares one."""
    links = small_world.stamped()
    ids = [bytes.fromhex(links.issue(INVOICE, subject=name).link_id) for name in ("a", "b", "b")]
    records = [small_world.store.inner.get(links.flows.audience, link_id) for link_id in ids]
    digests = [record.stamp for record in records if record is not None]
    assert digests[0] != digests[1] == digests[2]


def test_subject_and_stamp_that_run_together(small_world: World) -> None:
    """B05: subject "a" with stamp "bc" and subject "ab" with stamp "c" have two digests."""
    small_world.stamps |= {"a": "bc", "ab": "c"}
    links = small_world.stamped()
    ids = [bytes.fromhex(links.issue(INVOICE, subject=name).link_id) for name in ("a", "ab")]
    one, other = [small_world.store.inner.get(links.flows.audience, link_id) for link_id in ids]
    assert one is not None
    assert other is not None
    assert one.stamp != other.stamp


def test_stamp_that_is_no_unicode(small_world: World) -> None:
    """A stamp is the app's own text: a lone surrogate in it is digested like any other."""
    small_world.stamps["customer-7"] = "\ud800"
    link = small_world.stamped().issue(INVOICE, subject="customer-7")
    assert small_world.stamped().verify(link.token, INVOICE).link_id == link.link_id


def test_link_from_before_there_were_stamps(world: World) -> None:
    """A link without a stamp works once security_stamp is configured, until the account may not be used."""
    link = world.links().issue(INVOICE, subject="customer-7")
    assert world.stamped().redeem(link.token, INVOICE).subject == "customer-7"
    world.stamps["customer-7"] = None
    with pytest.raises(RevokedLinkError):
        world.stamped().redeem(link.token, INVOICE)


def test_clock_once_a_call(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every call of the API asks the clock once and opens its token once, whatever becomes of it."""
    opened: list[object] = []
    opens = Tokens.open

    def watch(self: Tokens, token: object) -> Genuine | None:
        opened.append(token)
        return opens(self, token)

    monkeypatch.setattr(Tokens, "open", watch)
    links = world.listening()
    series: dict[str, Any] = {"subject": "customer-7", "resource": "invoice:1", "recipient": "ap@acme.example"}
    link = links.issue(INVOICE, **series)
    used = links.issue(CONFIRM_EMAIL, subject="customer-7")
    links.redeem(used.token, CONFIRM_EMAIL)
    calls: dict[str, Callable[[], object]] = {
        "issue": lambda: links.issue(INVOICE, **series),
        "issue_many": lambda: links.issue_many([Order(policy=INVOICE, **series)] * 3),
        "mark_delivered": lambda: links.mark_delivered(link.link_id),
        "verify": lambda: links.verify(link.token, INVOICE),
        "redeem": lambda: links.redeem(link.token, INVOICE, admit=lambda _: True),
        "redeem, refused": lambda: links.redeem(used.token, CONFIRM_EMAIL),
        "recall": lambda: links.recall(link.link_id, redeemed_at=clock.now()),
        "remind": lambda: links.remind(INVOICE, **series),
        "renew": lambda: links.renew(link.token, to="ap@acme.example"),
        "revoke": lambda: links.revoke(link.link_id),
        "revoke_all": lambda: links.revoke_all(subject="customer-7"),
        "inspect": lambda: links.inspect(link.link_id),
        "find": lambda: links.find(subject="customer-7"),
        "purge": lambda: links.purge(keep=timedelta(days=400)),
    }
    clock = FrozenClock(world.clock.now())
    for name, call in calls.items():
        world.clock.tick(timedelta(minutes=6))
        clock.tick(timedelta(minutes=6))
        world.clock.reads = 0
        opened.clear()
        with suppress(UsedLinkError, ReissueRefusedError):
            call()
        assert (name, world.clock.reads) == (name, 1)
        assert len(opened) == (name.split(",")[0] in {"verify", "redeem", "renew"})


def test_opened_token(small_world: World) -> None:
    """What a token proves is known without the store: its link and its purpose."""
    links = small_world.links()
    link = links.issue(INVOICE, subject="customer-7")
    small_world.pop_calls()
    genuine = links.flows.open_token(link.token)
    assert genuine is not None
    assert (genuine.link_id.hex(), genuine.purpose) == (link.link_id, "invoice")
    assert links.flows.open_token(link.token[:-1]) is None
    assert small_world.pop_calls() == []


def test_policy_that_is_gone(small_world: World) -> None:
    """A link whose policy isn't registered any more is still described, and what it opened is closed."""
    link = small_world.links().issue(CONFIRM_EMAIL, subject="customer-7", recipient="ap@acme.example")
    later = small_world.links(INVOICE)
    info = later.inspect(link.link_id)
    assert info.purpose == CONFIRM_EMAIL.purpose
    with pytest.raises(InvalidLinkError, match="confirm-email isn't registered any more"):
        later.recall(link.link_id, redeemed_at=info.issued_at)
