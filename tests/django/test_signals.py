"""What happened to links, told to the site's receivers and to the log."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

import pytest

from magiclink import INVOICE, Event, Key, KeyRing, MagicLinks
from magiclink.django.signals import link_event, send_signal
from magiclink.stores.memory import MemoryStore

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def heard() -> Iterator[list[Event]]:
    """Connect a receiver, and give what it hears."""
    events: list[Event] = []

    def receive(sender: object, event: Event, **_: Any) -> None:
        assert sender is Event
        events.append(event)

    link_event.connect(receive)
    yield events
    link_event.disconnect(receive)


def make() -> MagicLinks:
    """Make links whose events are sent as signals."""
    return MagicLinks(
        keys=KeyRing(signing=Key.generate()),
        store=MemoryStore(),
        policies=[INVOICE],
        base_url="https://billing.example/l/",
        on_event=send_signal,
    )


def test_event_that_nobody_hears(heard: list[Event], caplog: pytest.LogCaptureFixture) -> None:
    """A receiver hears what happened, and the log has it too."""
    with caplog.at_level(logging.INFO, "magiclink"):
        link = make().issue(INVOICE, subject="7", resource="invoice:1")
    assert [(event.kind, event.link_id, event.subject) for event in heard] == [("issued", link.link_id, "7")]
    assert f"issued link={link.link_id}" in caplog.text
    assert link.token not in caplog.text


def test_receiver_that_fails(caplog: pytest.LogCaptureFixture) -> None:
    """A receiver's failure is logged; those after it hear all the same, and the link was made."""
    heard = []

    def fail(**_: Any) -> None:
        raise RuntimeError("the receiver is broken")

    def receive(event: Event, **_: Any) -> None:
        heard.append(event)

    link_event.connect(fail)
    link_event.connect(receive)
    try:
        links = make()
        link = links.issue(INVOICE, subject="7", resource="invoice:1")
    finally:
        link_event.disconnect(fail)
        link_event.disconnect(receive)
    assert links.inspect(link.link_id).subject == "7"
    assert len(heard) == 1
    assert "the receiver is broken" in caplog.text
