"""What every flow stands on: the configuration, the clock, the store's seam, stamps, events and notes."""

from __future__ import annotations

import logging
import math
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

import pytest

from magiclink import (
    CONFIRM_EMAIL,
    INVOICE,
    SIGN_IN,
    BadArgumentError,
    ClockError,
    CodeRule,
    ConfigurationError,
    InvalidLinkError,
    Key,
    KeyRing,
    MagicLinks,
    NotAdmittedError,
    RevokedLinkError,
    StoreError,
    UsedLinkError,
)
from magiclink.flows import hall
from magiclink.stores.memory import MemoryStore

if TYPE_CHECKING:
    from tests.conftest import World

    from magiclink import Event

BAD_SETTINGS: list[tuple[str, Any]] = [
    ("keys", None),
    ("keys", b"k" * 32),
    ("keys", [Key.generate()]),
    ("store", None),
    ("store", {}),
    ("policies", ()),
    ("policies", None),
    ("policies", INVOICE),
    ("policies", "invoice"),
    ("policies", b"invoice"),
    ("policies", {INVOICE.purpose: INVOICE}),
    ("policies", [INVOICE, "sign-in"]),
    ("policies", [INVOICE, replace(INVOICE, lifetime=timedelta(days=1))]),
    ("policies", [replace(SIGN_IN, code=CodeRule())]),
    ("policies", [replace(SIGN_IN, passphrase=True)]),
    ("base_url", None),
    ("base_url", ""),
    ("base_url", "http://billing.example/l/"),
    ("base_url", "https://ap@billing.example/l/"),
    ("base_url", "https://billing.example./l/"),
    ("base_url", "https://billing.example/l/?x=1"),
    ("audience", ""),
    ("audience", 5),
    ("audience", "a" * 256),
    ("audience", "a\0b"),
    ("audience", "\ud800"),
    ("clock", None),
    ("clock", datetime.now),
    ("security_stamp", "stamp"),
    ("on_event", []),
]


@pytest.mark.parametrize(("name", "value"), BAD_SETTINGS)
def test_bad_setting(small_world: World, name: str, value: Any) -> None:
    """C01, C14, C15: what can't work or isn't safe is refused when it is built, not at the first click."""
    settings = {**small_world.settings(), name: value}
    with pytest.raises(ConfigurationError):
        MagicLinks(**settings)
    assert small_world.asked() == []


def test_store_without_consume(small_world: World) -> None:
    """C24: a store that lacks a call of the contract is refused, and the message names the call."""

    class Lame(MemoryStore):
        consume = None  # type: ignore[assignment]

    with pytest.raises(ConfigurationError, match=r"Lame has no consume\(\)"):
        small_world.links(store=Lame())


def test_asynchronous_store(small_world: World) -> None:
    """C24: a store whose calls would have to be awaited is refused: its answer would be taken for a success."""

    class Waiting(MemoryStore):
        async def consume(self, *args: Any, **kwargs: Any) -> None:  # type: ignore[override]
            """Answer some day."""

    with pytest.raises(ConfigurationError, match="answers at once"):
        small_world.links(store=Waiting())


def test_asynchronous_on_event(small_world: World) -> None:
    """An `on_event` that nobody would await is refused, before every event is lost."""

    async def hear(event: Event) -> None:
        """Hear some day."""

    with pytest.raises(ConfigurationError, match="not awaited"):
        small_world.links(on_event=hear)


def test_audience_by_default(small_world: World) -> None:
    """The audience is the origin of the base URL, and its path names no other."""
    assert small_world.links().flows.audience == "https://billing.example"
    link = small_world.links().issue(INVOICE, subject="customer-7")
    elsewhere = small_world.links(base_url="https://billing.example/elsewhere/")
    assert elsewhere.verify(link.token, INVOICE).link_id == link.link_id


@pytest.mark.parametrize(
    "elsewhere", [{"audience": "shop"}, {"base_url": "https://shop.example/l/"}, {"audience": "https://billing.EXAMPLE"}]
)
def test_another_audience(world: World, elsewhere: dict[str, str]) -> None:
    """B04, M12: over one store and one key, another audience opens, finds, inspects and revokes nothing."""
    link = world.links().issue(INVOICE, subject="customer-7", resource="invoice:1", recipient="ap@acme.example")
    theirs = world.links(**elsewhere)
    world.asked()
    for refused in (theirs.verify, theirs.redeem):
        with pytest.raises(InvalidLinkError):
            refused(link.token, INVOICE)
    with pytest.raises(InvalidLinkError):
        theirs.renew(link.token, to="ap@acme.example")
    assert world.asked() == []
    for unknown in (theirs.inspect, theirs.revoke):
        with pytest.raises(InvalidLinkError):
            unknown(link.link_id)
    with pytest.raises(InvalidLinkError):
        theirs.recall(link.link_id, redeemed_at=world.clock.now())
    assert theirs.find(subject="customer-7") == theirs.history(subject="customer-7") == []
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
        """Give it, or raise it."""
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
    world.asked()
    calls = [
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
    assert world.asked() == []
    assert world.links().redeem(link.token, CONFIRM_EMAIL).link_id == link.link_id


def test_clock_asked_once(small_world: World) -> None:
    """Each call reads the clock once, so that no two of its instants differ."""
    clock = small_world.clock

    class Counting:
        asked = 0

        def now(self) -> datetime:
            """Give the frozen instant, and count."""
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


# The store's seam.


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
    """An error of this library comes out of the store's seam as it is."""
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


# Events and notes.


def test_on_event_raises(world: World, caplog: pytest.LogCaptureFixture) -> None:
    """What on_event raises is logged, and every call goes on."""

    def deaf(event: Event) -> None:
        raise RuntimeError("deaf")

    links = world.links(on_event=deaf)
    link = links.issue(CONFIRM_EMAIL, subject="customer-7")
    links.mark_delivered(link.link_id)
    links.verify(link.token, CONFIRM_EMAIL)
    assert links.redeem(link.token, CONFIRM_EMAIL).subject == "customer-7"
    with pytest.raises(UsedLinkError):
        links.redeem(link.token, CONFIRM_EMAIL)
    links.revoke_all(subject="customer-7")
    failed = [record.message for record in caplog.records if record.levelno == logging.ERROR]
    assert [message.split()[3] for message in failed] == [
        "issued", "delivered", "verified", "redeemed", "refused", "revoked"
    ]  # fmt: skip


def test_events_in_the_log(small_world: World, caplog: pytest.LogCaptureFixture) -> None:
    """M04: without on_event each event is one line at INFO, with the link id, and without subject or address."""
    caplog.set_level(logging.DEBUG)
    links = small_world.links()
    link = links.issue(INVOICE, subject="ap@acme.example", resource="secret plans", recipient="ap@acme.example")
    links.redeem(link.token, INVOICE)
    assert [record.name for record in caplog.records] == ["magiclink"] * 2
    assert all(link.link_id in record.message for record in caplog.records)
    assert not any("acme" in record.message or "secret" in record.message for record in caplog.records)


def test_log_that_nobody_reads(small_world: World, caplog: pytest.LogCaptureFixture) -> None:
    """Above INFO nothing is logged of what goes well."""
    caplog.set_level(logging.WARNING, logger="magiclink")
    links = small_world.links()
    links.redeem(links.issue(INVOICE, subject="customer-7").token, INVOICE)
    assert caplog.records == []


def test_note_once_an_hour(world: World) -> None:
    """A link that is tried all day asks the store for one note an hour and kind, and each try is an event."""
    links = world.listening()
    link = links.issue(CONFIRM_EMAIL, subject="customer-7")
    world.told()
    for minutes in (0, 20, 20, 20):
        world.clock.tick(timedelta(minutes=minutes))
        links.verify(link.token, CONFIRM_EMAIL)
    assert world.told() == ["verified"] * 4
    assert world.asked().count("note") == 2
    with pytest.raises(NotAdmittedError):
        links.redeem(link.token, CONFIRM_EMAIL, admit=lambda _: False)
    assert world.asked().count("note") == 1
    assert [event.kind for event in links.history(subject="customer-7")] == ["issued", "verified", "verified", "refused"]


def test_notes_of_many_links(small_world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a process remembers of its notes is bounded; a note that it forgot is dropped by the store."""
    monkeypatch.setattr(hall, "REMEMBERED_NOTES", 2)
    links = small_world.links()
    made = [links.issue(INVOICE, subject="customer-7") for _ in range(3)]
    for link in [*made, *made]:
        links.verify(link.token, INVOICE)
    assert len(links.flows._noted) <= 2
    assert small_world.asked().count("note") > 3
    assert [event.kind for event in links.history(subject="customer-7")].count(links.history(subject="customer-7")[-1].kind) == 3


@pytest.mark.parametrize("trouble", [StoreError("down"), OSError("down")])
def test_note_that_fails(world: World, caplog: pytest.LogCaptureFixture, trouble: Exception) -> None:
    """A store that takes no note changes no verdict: a warning names the link, and the next try is noted again."""
    links = world.links()
    link = links.issue(CONFIRM_EMAIL, subject="customer-7")
    world.store.faults["note"] = trouble
    assert links.verify(link.token, CONFIRM_EMAIL).link_id == link.link_id
    with pytest.raises(NotAdmittedError):
        links.redeem(link.token, CONFIRM_EMAIL, admit=lambda _: False)
    warnings = [record.message for record in caplog.records if record.levelno == logging.WARNING]
    assert len(warnings) == 2
    assert all(link.link_id in message for message in warnings)
    world.heal()
    links.verify(link.token, CONFIRM_EMAIL)
    assert [event.kind for event in links.history(subject="customer-7")] == ["issued", "verified"]


# Arguments that several calls share.

NO_POLICIES: list[Any] = [None, 5, "invoice", [INVOICE], b"", replace(INVOICE, lifetime=timedelta(days=7)), type(INVOICE)]


@pytest.mark.parametrize("policy", NO_POLICIES, ids=lambda policy: type(policy).__name__)
def test_policy_that_is_not_registered(small_world: World, policy: Any) -> None:
    """M11: only the very policies of the configuration are taken: a loosened twin is refused too."""
    links = small_world.links()
    link = links.issue(INVOICE, subject="customer-7")
    small_world.asked()
    for call in (
        lambda: links.issue(policy, subject="customer-7"),
        lambda: links.remind(policy, subject="customer-7"),
        lambda: links.verify(link.token, policy),
        lambda: links.redeem(link.token, policy),
        lambda: links.redeem(link.token, (INVOICE, policy)),
        lambda: links.find(policy=policy or 5),
        lambda: links.revoke_all(policy=policy or 5),
    ):
        with pytest.raises(BadArgumentError, match="policy"):
            call()
    assert small_world.asked() == []


def test_equal_policy(small_world: World) -> None:
    """A policy that equals the registered one is that policy, wherever it was built."""
    links = small_world.links()
    assert links.issue(replace(INVOICE), subject="customer-7").purpose == "invoice"


BAD_TEXTS: list[Any] = ["", "a\0b", "a" * 256, "\ud800", "ok \udfff", 5, b"customer-7", ["customer-7"], True]


@pytest.mark.parametrize("text", BAD_TEXTS, ids=repr)
def test_bad_name(small_world: World, text: Any) -> None:
    """A name of the app's is text of 1 to 255 characters that every database keeps: anything else is refused."""
    links = small_world.links()
    for call in (
        lambda: links.issue(INVOICE, subject=text),
        lambda: links.issue(INVOICE, subject="customer-7", resource=text),
        lambda: links.remind(INVOICE, subject=text),
        lambda: links.find(subject=text),
        lambda: links.find(resource=text),
        lambda: links.history(resource=text),
        lambda: links.revoke_all(subject=text),
    ):
        with pytest.raises(BadArgumentError):
            call()
    assert small_world.asked() == []


@pytest.mark.parametrize("subject", ["a" * 255, "é" * 255, "e\u0301 ", " customer-7", "customer\n7", "𝒜" * 255])
def test_name_kept_byte_for_byte(world: World, subject: str) -> None:
    """B09: a subject comes back as it was given, and one with a trailing space is somebody else."""
    links = world.links()
    link = links.issue(INVOICE, subject=subject)
    assert links.redeem(link.token, INVOICE).subject == subject
    assert links.find(subject=subject.strip() + "\u200b" if len(subject) < 255 else "b") == []


BAD_IDS: list[Any] = [None, 5, "", b"00" * 20, "0" * 39, "0" * 41, "g" * 40, "٠" * 40, "0 " * 20, "\ud800" * 40, ["0" * 40]]


@pytest.mark.parametrize("link_id", BAD_IDS, ids=repr)
def test_bad_link_id(small_world: World, link_id: Any) -> None:
    """What isn't 40 hexadecimal digits is an unknown link, and costs no query."""
    links = small_world.links()
    for call in (
        lambda: links.inspect(link_id),
        lambda: links.revoke(link_id),
        lambda: links.recall(link_id, redeemed_at=small_world.clock.now()),
    ):
        with pytest.raises(InvalidLinkError):
            call()
    assert small_world.asked() == []


def test_link_id_in_capitals(small_world: World) -> None:
    """A link id has one spelling."""
    links = small_world.links()
    link = next(link for link in iter(lambda: links.issue(INVOICE, subject="customer-7"), None) if not link.link_id.isdigit())
    with pytest.raises(InvalidLinkError):
        links.inspect(link.link_id.upper())


def test_ring_of_another_key(small_world: World) -> None:
    """B17: a token of a key that isn't on the ring isn't genuine."""
    link = small_world.links().issue(INVOICE, subject="customer-7")
    small_world.asked()
    with pytest.raises(InvalidLinkError):
        small_world.links(keys=KeyRing(signing=Key.generate(id=1))).redeem(link.token, INVOICE)
    assert small_world.asked() == []
