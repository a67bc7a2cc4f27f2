"""The Redis store's self-test: one link goes through the calls, in an audience of its own, and leaves nothing.

It shows that the server lets this user run every command that the scripts need, and that bytes and integers come back
as they went in.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import uuid4

from ...errors import ConfigurationError
from ...records import Note, Record, Selector, Terms
from ..base import LARGEST
from ..selftest import SAMPLE, check_same

if TYPE_CHECKING:
    from ..base import Store


def run(store: Store) -> None:
    """Put a link through a store's calls. Raises ConfigurationError where it comes back changed, and StoreError."""
    # Nobody else's: two self-tests at once don't meet, and one that is cut off leaves a link that opens nothing.
    sample = SAMPLE._replace(audience=f"Self-test\0 \u00c9 {uuid4()}")
    try:
        store.add([sample], now=0, renamed={})
        check_same(sample, store.get(sample.audience, sample.link_id))
        _use(store, sample)
    finally:
        store.purge(sample.audience, before=LARGEST, limit=1)


def _use(store: Store, sample: Record) -> None:
    audience, link_id = sample.audience, sample.link_id
    terms = Terms(audience=audience, purpose=sample.purpose, now=1, lifetime=1, max_uses=None, ends_others=True)
    note = Note(audience=audience, link_id=link_id, kind="a", at=0, reason="A ")
    selector = Selector(audience=audience, subject=sample.subject)
    store.note(note)
    store.hit(audience.encode(), now=0, limit=0, window=1)
    used = store.consume(link_id, terms)
    store.revoke_subject(audience, sample.subject, now=2, reason="a ")
    expected = [used and used._replace(revoked_at=2, revoke_reason="a ")], [note]
    if (list(store.find(selector, limit=2)), list(store.notes(audience, [link_id]))) != expected:
        raise ConfigurationError(
            "a use, a note or a revocation comes back from the server changed: "
            "connect to the server itself, since something between changes what is sent"
        )
