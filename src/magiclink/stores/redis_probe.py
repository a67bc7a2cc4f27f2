"""The proof of a Redis keeper: one link goes through every call, in an audience of its own, and leaves nothing.

It shows that the server lets this user run every command that the scripts need, and that bytes and integers come back
as they went in.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import uuid4

from ..errors import ConfigurationError
from ..records import Note, Origin, Record, Selector, Supersede, Terms

if TYPE_CHECKING:
    from .base import Store

_LARGEST = 2**63 - 1

_PROBE = Record(
    audience="",
    link_id=bytes(range(236, 256)),
    purpose="A",
    subject="e\u0301 ",
    resource="",
    destination=None,
    recipient=bytes(17),
    stamp=None,
    browser=b"",
    series=bytes(16),
    number=None,
    origin=Origin.ISSUE,
    parent=None,
    supersede=Supersede.NEVER,
    generation=None,
    series_started_at=-_LARGEST,
    reminded_at=None,
    renewed_at=0,
    reminders=0,
    renewals=2**53 + 1,
    issued_at=1,
    expires_at=_LARGEST - 1,
    max_uses=None,
    session_lifetime=0,
)
"""A record of what keepers have been seen to lose: case, final spaces, NUL, accents, empty values, large integers."""


def prove(store: Store) -> None:
    """Put a link through a store's calls. Raises ConfigurationError where it comes back changed, and StoreError."""
    # Nobody else's: two proofs at once don't meet, and one that is cut off leaves a link that opens nothing.
    probe = _PROBE._replace(audience=f"Probe\0 \u00c9 {uuid4()}")
    try:
        store.add([probe], now=0, renamed={})
        expected = probe._replace(number=1, generation=0)
        if store.get(probe.audience, probe.link_id) != expected:
            raise ConfigurationError("a record doesn't come back from the server as it went in")
        _exercise(store, probe)
    finally:
        store.purge(probe.audience, before=_LARGEST, limit=1)


def _exercise(store: Store, probe: Record) -> None:
    audience, link_id = probe.audience, probe.link_id
    terms = Terms(audience=audience, purpose=probe.purpose, now=1, lifetime=1, max_uses=None, ends_others=True)
    note = Note(audience=audience, link_id=link_id, kind="a", at=0, reason="A ")
    selector = Selector(audience=audience, subject=probe.subject)
    store.note(note)
    store.take(audience.encode(), now=0, limit=0, window=1)
    used = store.consume(link_id, terms)
    store.revoke_subject(audience, probe.subject, now=2, reason="a ")
    expected = [used and used._replace(revoked_at=2, revoke_reason="a ")], [note]
    if (list(store.find(selector, limit=2)), list(store.notes(audience, [link_id]))) != expected:
        raise ConfigurationError("a use, a note or a revocation doesn't come back from the server as it went in")
