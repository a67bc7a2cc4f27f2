"""What happened to links, as values: for the app's `on_event`, for the log, and for the history of an invoice.

No event holds a token or an address. This module decides nothing and reads no clock.
"""

import logging
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Self

from .instants import to_datetime
from .records import Note, Record

logger: logging.Logger = logging.getLogger("magiclink")


class Kind(StrEnum):
    """What happened; the order is that of events of one instant."""

    ISSUED = "issued"
    REMINDED = "reminded"
    RENEWED = "renewed"
    DELIVERED = "delivered"
    VERIFIED = "verified"
    REDEEMED = "redeemed"
    REUSED = "reused"
    RECLICKED = "reclicked"
    REFUSED = "refused"
    LIMITED = "limited"
    SUPERSEDED = "superseded"
    REVOKED = "revoked"
    PURGED = "purged"


MADE = {"issue": Kind.ISSUED, "remind": Kind.REMINDED, "renew": Kind.RENEWED}
"""The kind of event by which a record's origin is shown."""

_ORDER = {kind: index for index, kind in enumerate(Kind)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One thing that happened; what `reason` means depends on the kind.

    | kind | reason |
    |---|---|
    | `revoked` | what the app said when it withdrew the link; empty where it said nothing |
    | `refused` | the link's state: `revoked`, `superseded`, `used` or `expired` |
    | | or `account`: the account has changed · `browser`: another browser asked for the link · `app`: `admit` said no |
    | | or `unknown`: the token is genuine, and the store has no such link |
    | `superseded` | to `on_event`: the link id of the one that ended it; in a history: empty |
    | `purged` | how many links were forgotten, in digits |
    | all others | empty |
    """

    kind: Kind
    """What happened."""
    at: datetime
    """When it happened (aware, UTC)."""
    link_id: str | None = None
    """The link's id in 40 hexadecimal digits; None where the event isn't about one link."""
    purpose: str | None = None
    """The purpose of its policy; None where the event isn't about one purpose."""
    subject: str | None = None
    """Whom it is for, as the app names them; None where the event isn't about one subject."""
    resource: str | None = None
    """The one thing it opens, as the app names it; None where the event isn't about one resource."""
    reason: str = ""
    """Why, as the table above says; empty where there is nothing to say."""

    @classmethod
    def from_record(cls, kind: Kind, record: Record, *, at: int, reason: str = "") -> Self:
        """Build an event about a record's link; `at` is in microseconds."""
        return cls(
            kind=kind,
            at=to_datetime(at),
            link_id=record.link_id.hex(),
            purpose=record.purpose,
            subject=record.subject,
            resource=record.resource,
            reason=reason,
        )


def log(event: Event) -> None:
    """Write an event to the logger `magiclink`: its kind, link id, purpose and reason.

    Subjects and resources stay out: they are the app's own text, and an app may name its customers by their addresses.
    `%r` keeps line feeds and escape sequences in a reason from forging lines (CWE-117).
    """
    logger.info("%s link=%s purpose=%s reason=%r", event.kind, event.link_id, event.purpose, event.reason)


def emit(event: Event, sink: Callable[[Event], None] | None) -> None:
    """Hand an event to the app's sink, or else to the log.

    What happened has happened: a failure of the sink is logged and goes no further.
    """
    if sink is None:
        log(event)
        return
    try:
        sink(event)
    except Exception:
        logger.exception("on_event failed for %s link=%s", event.kind, event.link_id)


def merge_history(records: Iterable[Record], notes: Iterable[Note]) -> list[Event]:
    """Merge what stands in the records with what was noted, oldest first; kinds of a later version are left out."""
    by_id = {record.link_id: record for record in records}
    events = [event for record in by_id.values() for event in _read_events(record)]
    events += [
        Event.from_record(Kind(note.kind), by_id[note.link_id], at=note.at, reason=note.reason)
        for note in notes
        if note.link_id in by_id and note.kind in _ORDER
    ]
    return sorted(events, key=lambda event: (event.at, _ORDER[event.kind], event.link_id or ""))


def _read_events(record: Record) -> Iterator[Event]:
    yield Event.from_record(MADE[record.origin], record, at=record.issued_at)
    if record.delivered_at is not None:
        yield Event.from_record(Kind.DELIVERED, record, at=record.delivered_at)
    if record.first_used_at is not None:
        yield Event.from_record(Kind.REDEEMED, record, at=record.first_used_at)
    if record.uses > 1 and record.last_used_at is not None:
        yield Event.from_record(Kind.REUSED, record, at=record.last_used_at)
    if record.superseded_at is not None:
        yield Event.from_record(Kind.SUPERSEDED, record, at=record.superseded_at)
    if record.revoked_at is not None:
        yield Event.from_record(Kind.REVOKED, record, at=record.revoked_at, reason=record.revoke_reason)
