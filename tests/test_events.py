"""Events hold no token and no address, forge no line of a log, and break no flow."""

from __future__ import annotations

import dataclasses
import itertools
import logging
from typing import TYPE_CHECKING

import pytest

from magiclink.events import MADE, Event, Kind, emit, log, logger, merge_history
from magiclink.instants import to_datetime
from magiclink.records import Note, Origin
from magiclink.testing.contract.bench import AUDIENCE, NOW, record

if TYPE_CHECKING:
    from magiclink.records import Record

LINK = record(subject="bob@acme.example", resource="invoice:bob@acme.example")
FORGED = "gone\r\n2026-01-05 redeemed link=0000\x1b[2J\x85\u2028\u202e\x00'\""


def noted(link: Record, kind: str, at: int, reason: str = "") -> Note:
    """Build a note of a link."""
    return Note(audience=AUDIENCE, link_id=link.link_id, kind=kind, at=at, reason=reason)


def test_event_of_another_record() -> None:
    """An event has the link's id, purpose, subject and resource, an instant and a reason; nothing else."""
    event = Event.from_record(Kind.REVOKED, LINK, at=NOW, reason="left us")
    assert dataclasses.asdict(event) == {
        "kind": Kind.REVOKED,
        "at": to_datetime(NOW),
        "link_id": LINK.link_id.hex(),
        "purpose": "invoice",
        "subject": "bob@acme.example",
        "resource": "invoice:bob@acme.example",
        "reason": "left us",
    }
    assert Event.from_record(Kind.ISSUED, LINK, at=NOW).reason == ""
    with pytest.raises(dataclasses.FrozenInstanceError):
        event.reason = "other"  # type: ignore[misc]


def test_event_about_no_link() -> None:
    """An event that isn't about one link has None for what it doesn't know."""
    event = Event(kind=Kind.PURGED, at=to_datetime(NOW))
    assert (event.link_id, event.purpose, event.subject, event.resource, event.reason) == (None, None, None, None, "")


def test_address_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    """M04: a line of the log holds kind, link id, purpose and reason, and no subject or resource."""
    caplog.set_level(logging.DEBUG, logger="magiclink")
    log(Event.from_record(Kind.REFUSED, LINK, at=NOW, reason="used"))
    (line,) = caplog.records
    assert line.name == "magiclink"
    assert line.levelno == logging.INFO
    assert line.getMessage() == f"refused link={LINK.link_id.hex()} purpose=invoice reason='used'"
    assert "acme" not in repr(vars(line))


def test_forged_line(caplog: pytest.LogCaptureFixture) -> None:
    """M06: line feeds, escape sequences and what turns text around are encoded: one event is one printable line."""
    caplog.set_level(logging.INFO, logger="magiclink")
    log(Event.from_record(Kind.REVOKED, LINK, at=NOW, reason=FORGED))
    message = caplog.records[0].getMessage()
    assert message.isprintable()
    assert len(message.splitlines()) == 1
    assert r"gone\r\n2026" in message


def test_event_without_a_sink(caplog: pytest.LogCaptureFixture) -> None:
    """Without a sink an event goes to the log."""
    caplog.set_level(logging.INFO, logger="magiclink")
    emit(Event.from_record(Kind.ISSUED, LINK, at=NOW), None)
    assert [line.getMessage().split()[0] for line in caplog.records] == ["issued"]


def test_event_emitted_twice(caplog: pytest.LogCaptureFixture) -> None:
    """With a sink an event goes there, once, and not to the log."""
    caplog.set_level(logging.DEBUG, logger="magiclink")
    heard: list[Event] = []
    event = Event.from_record(Kind.ISSUED, LINK, at=NOW)
    emit(event, heard.append)
    assert heard == [event]
    assert caplog.records == []


def test_sink_that_fails(caplog: pytest.LogCaptureFixture) -> None:
    """A sink that raises changes nothing that has happened: it is logged as an error, and swallowed."""

    def broken(event: Event) -> None:
        raise OSError("the queue is gone")

    emit(Event.from_record(Kind.REDEEMED, LINK, at=NOW), broken)
    (line,) = caplog.records
    assert line.levelno == logging.ERROR
    assert line.getMessage() == f"on_event failed for redeemed link={LINK.link_id.hex()}"
    assert "the queue is gone" in caplog.text
    assert "acme" not in caplog.text


def test_sink_that_is_interrupted() -> None:
    """A sink doesn't swallow what ends the process."""

    def interrupted(event: Event) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        emit(Event.from_record(Kind.REDEEMED, LINK, at=NOW), interrupted)


def test_logger_by_another_name() -> None:
    """The log is the logger `magiclink`, with no handler of its own."""
    assert logger is logging.getLogger("magiclink")
    assert logger.handlers == []


@pytest.mark.parametrize("origin", list(Origin))
def test_origin_without_an_event(origin: Origin) -> None:
    """Each origin of a record has an event of its own."""
    (event,) = merge_history([record(origin=origin.value)], [])
    assert event.kind is MADE[origin] is {"issue": Kind.ISSUED, "remind": Kind.REMINDED, "renew": Kind.RENEWED}[origin]
    assert event.at == to_datetime(NOW)


def test_history_out_of_order() -> None:
    """A history is oldest first: issued, delivered, used, used again, tried, superseded, revoked and why."""
    link = record(
        delivered_at=NOW + 1,
        first_used_at=NOW + 2,
        last_used_at=NOW + 4,
        uses=3,
        superseded_at=NOW + 6,
        revoked_at=NOW + 7,
        revoke_reason="left us",
    )
    notes = [noted(link, "refused", NOW + 5, "used"), noted(link, "reclicked", NOW + 3)]
    listed = [(event.kind.value, event.at, event.reason) for event in merge_history([link], notes)]
    assert listed == [
        ("issued", to_datetime(NOW), ""),
        ("delivered", to_datetime(NOW + 1), ""),
        ("redeemed", to_datetime(NOW + 2), ""),
        ("reclicked", to_datetime(NOW + 3), ""),
        ("reused", to_datetime(NOW + 4), ""),
        ("refused", to_datetime(NOW + 5), "used"),
        ("superseded", to_datetime(NOW + 6), ""),
        ("revoked", to_datetime(NOW + 7), "left us"),
    ]


def test_history_of_one_instant() -> None:
    """Things of one instant stand in the order in which they happen, and links by their ids."""
    link = record(delivered_at=NOW, first_used_at=NOW, last_used_at=NOW, uses=2, superseded_at=NOW, revoked_at=NOW)
    notes = [noted(link, kind, NOW) for kind in ("limited", "refused", "reclicked", "verified")]
    kinds = [event.kind for event in merge_history([link], notes)]
    assert kinds == [kind for kind in Kind if kind in kinds]
    assert len(kinds) == 10
    one, two = sorted([record(), record()])
    for order in itertools.permutations([one, two]):
        assert [event.link_id for event in merge_history(order, [])] == [one.link_id.hex(), two.link_id.hex()]


def test_single_use_listed_twice() -> None:
    """One use is one event, also where the last use is the first."""
    link = record(uses=1, first_used_at=NOW, last_used_at=NOW)
    assert [event.kind.value for event in merge_history([link], [])] == ["issued", "redeemed"]


def test_use_without_an_instant() -> None:
    """A use whose instant isn't known is no event."""
    assert [event.kind.value for event in merge_history([record(uses=2)], [])] == ["issued"]


def test_note_of_a_later_version() -> None:
    """A note of an unknown link, or of a kind that a later version wrote, is left out; a link twice is listed once."""
    notes = [noted(record(), "verified", NOW), noted(LINK, "teleported", NOW), noted(LINK, "verified", NOW)]
    assert [event.kind.value for event in merge_history([LINK, LINK], notes)] == ["issued", "verified"]
