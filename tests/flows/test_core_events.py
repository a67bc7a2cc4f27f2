"""Events and notes: what happened is emitted, whoever listens, and no verdict waits for it."""

from __future__ import annotations

import logging
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from magiclink import (
    CONFIRM_EMAIL,
    INVOICE,
    SIGN_IN,
    NotAdmittedError,
    State,
    StoreError,
    Supersede,
    UsedLinkError,
)
from magiclink.flows import core

if TYPE_CHECKING:
    from magiclink import Event, Policy
    from tests.conftest import World

EAGER = replace(INVOICE, purpose="eager", supersede=Supersede.ON_ISSUE)


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


@pytest.mark.parametrize("policy", [EAGER, SIGN_IN], ids=lambda policy: str(policy.purpose))
def test_superseding_that_nobody_hears(world: World, policy: Policy) -> None:
    """Without on_event the store isn't asked which links another one ended."""
    links = world.links(policy)
    first, second = (links.issue(policy, subject="customer-7") for _ in range(2))
    links.redeem(second.token, policy)
    assert "find" not in world.pop_calls()
    assert links.inspect(first.link_id).state is State.SUPERSEDED


def test_superseding_that_is_heard(world: World) -> None:
    """With on_event each link that ended is told once: others of the subject aren't."""
    links = world.listening(EAGER)
    first = links.issue(EAGER, subject="customer-7")
    links.issue(EAGER, subject="customer-7", resource="invoice:1")
    world.clock.tick(timedelta(seconds=1))
    second = links.issue(EAGER, subject="customer-7")
    world.clock.tick(timedelta(seconds=1))
    third = links.issue(EAGER, subject="customer-7")
    told = [(event.link_id, event.reason) for event in world.events if event.kind == "superseded"]
    assert told == [(first.link_id, second.link_id), (second.link_id, third.link_id)]


def test_superseding_in_one_instant(world: World) -> None:
    """What another series ended in the same instant is not told a second time."""
    links = world.listening(EAGER)
    ended = [links.issue(EAGER, subject="customer-7", resource=resource).link_id for resource in ("a", "b")]
    for resource in ("a", "b"):
        links.issue(EAGER, subject="customer-7", resource=resource)
    assert [event.link_id for event in world.events if event.kind == "superseded"] == ended


def test_signing_in_in_one_instant(world: World) -> None:
    """What another recipient's sign-in ended in the same instant is not told a second time."""
    links = world.listening()
    recipients = ("ap@acme.example", "boss@acme.example")
    ended = [links.issue(SIGN_IN, subject="customer-7", recipient=each).link_id for each in recipients]
    for recipient in recipients:
        links.redeem(links.issue(SIGN_IN, subject="customer-7", recipient=recipient).token, SIGN_IN)
    assert [event.link_id for event in world.events if event.kind == "superseded"] == ended


def test_seals(small_world: World) -> None:
    """The web's seals are those of the ring and the audience: another audience opens none."""
    here, there = small_world.links().flows, small_world.links(audience="shop").flows
    sealed = here.seal("pending", b"value", expires_at=10)
    assert small_world.links().flows.unseal("pending", sealed, now=9) == b"value"
    assert there.unseal("pending", sealed, now=9) is None


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
    world.pop_events()
    for minutes in (0, 20, 20, 20):
        world.clock.tick(timedelta(minutes=minutes))
        links.verify(link.token, CONFIRM_EMAIL)
    assert world.pop_events() == ["verified"] * 4
    assert world.pop_calls().count("note") == 2
    with pytest.raises(NotAdmittedError):
        links.redeem(link.token, CONFIRM_EMAIL, admit=lambda _: False)
    assert world.pop_calls().count("note") == 1
    assert [event.kind for event in links.history(subject="customer-7")] == [
        "issued",
        "verified",
        "verified",
        "refused",
    ]


def test_notes_of_many_links(small_world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a process remembers of its notes is bounded; a note that it forgot is dropped by the store."""
    monkeypatch.setattr(core, "REMEMBERED_NOTES", 2)
    links = small_world.links()
    made = [links.issue(INVOICE, subject="customer-7") for _ in range(3)]
    for link in [*made, *made]:
        links.verify(link.token, INVOICE)
    assert len(links.flows._noted) <= 2
    assert small_world.pop_calls().count("note") > 3
    assert [event.kind for event in links.history(subject="customer-7")].count(
        links.history(subject="customer-7")[-1].kind
    ) == 3


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
