"""What the contract's tests share: a builder of records, a race, and the store under test.

Needs no pytest. It builds what the core would hand to a store, and decides nothing about it.
"""

import sys
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256
from itertools import count
from threading import Barrier, Lock
from typing import Any, TypeVar

from ...instants import SECOND
from ...records import Note, Record, Selector, Terms
from ...stores.base import Store

T = TypeVar("T")

NOW = 1_767_603_600 * SECOND
"""The instant at which the contract's links are issued: 5 January 2026, 09:00 UTC."""

LATER = NOW + 60 * SECOND
DAY = 86_400 * SECOND
AUDIENCE = "https://billing.example"
ELSEWHERE = "https://shop.example"

_MAKING = Lock()
_serial = count(1)
_PLAIN = Record(
    audience=AUDIENCE,
    link_id=b"",
    purpose="invoice",
    subject="customer-7",
    resource="invoice:1001",
    destination="/invoices/1001",
    recipient=b"\x01" + b"r" * 16,
    stamp=None,
    browser=None,
    series=b"",
    number=None,
    origin="issue",
    parent=None,
    supersede="never",
    generation=None,
    series_started_at=NOW,
    reminded_at=None,
    renewed_at=None,
    reminders=0,
    renewals=0,
    issued_at=NOW,
    expires_at=NOW + 14 * DAY,
    max_uses=None,
    session_lifetime=8 * 3600 * SECOND,
)


def record(**changes: Any) -> Record:
    """Build a link as the core hands it to `add`: issued at `NOW` for 14 days, reusable, superseding nothing.

    `changes` are fields of Record. What isn't among them follows from the rest as with real links: `link_id` is new and
    starts with the seconds of `expires_at` (keep that on whole seconds), and `series` names audience, purpose, subject,
    resource and recipient.
    """
    plain = _PLAIN._replace(**changes)
    series = (plain.audience, plain.purpose, plain.subject, plain.resource, plain.recipient)
    begins = (plain.expires_at // SECOND).to_bytes(4, "big")
    derived = {"link_id": begins + digest(next(_serial)), "series": digest(*series)}
    return plain._replace(**{**derived, **changes})


def digest(*values: object) -> bytes:
    """Return 16 bytes that name some values."""
    return sha256(repr(values).encode()).digest()[:16]


def terms(**changes: Any) -> Terms:
    """Build the terms that a link of `record()` meets at `NOW`; `changes` are fields of Terms."""
    plain: dict[str, Any] = {"audience": AUDIENCE, "purpose": "invoice", "now": NOW, "lifetime": 14 * DAY}
    return Terms(**{**plain, "max_uses": None, **changes})


def race(*calls: Callable[[], T]) -> list[T]:
    """Start all calls at once, each on a thread, and return what they returned, in the order of the calls.

    Threads change places as often as the interpreter lets them: otherwise a race is lost by luck alone. An exception of
    a call is raised here.
    """
    barrier = Barrier(len(calls))

    def start(call: Callable[[], T]) -> T:
        barrier.wait()
        return call()

    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        with ThreadPoolExecutor(len(calls)) as threads:
            return list(threads.map(start, calls))
    finally:
        sys.setswitchinterval(interval)


def raises(error: type[Exception], call: Callable[[], object]) -> bool:
    """Return whether a call raises this exception; any other passes through."""
    try:
        call()
    except error:
        return True
    return False


class Bench:
    """What every part of the contract shares: one store a test, made when it is first used."""

    rounds = 50
    """How often a race is run; a store that waits for a disk may lower it."""

    _store: Store | None = None

    def make_store(self) -> Store:
        """Return a new, empty store; the contract closes it after the test."""
        raise NotImplementedError

    @property
    def store(self) -> Store:
        """The store under test."""
        # A race may be the first to use it: a cached_property has no lock from Python 3.12 on, and would make several.
        with _MAKING:
            if self._store is None:
                self._store = self.make_store()
            return self._store

    def teardown_method(self) -> None:
        """Close the store; pytest calls it after each test."""
        if self._store is not None:
            self._store.close()

    def add(self, *records: Record, now: int = NOW, renamed: Mapping[bytes, bytes] | None = None) -> bool:
        """Add some records."""
        return self.store.add(records, now=now, renamed=renamed or {})

    def put(self, **changes: Any) -> Record:
        """Write a link that `record(**changes)` builds, and return it as the store has it."""
        written = record(**changes)
        assert self.add(written)
        return self.read(written)

    def read(self, known: Record) -> Record:
        """Return a link that must be there, as the store has it now."""
        found = self.store.get(known.audience, known.link_id)
        assert found is not None
        return found

    def make_reissue(self, parent: Record, **changes: Any) -> Record:
        """Build a link that follows `parent` in its series, as a reminder does."""
        follows = {"number": (parent.number or 0) + 1, "generation": parent.generation, "parent": parent.link_id}
        same = {name: getattr(parent, name) for name in ("audience", "purpose", "subject", "resource", "recipient")}
        return record(**{"origin": "remind", "series": parent.series, **same, **follows, **changes})

    def put_reissue(self, parent: Record, **changes: Any) -> Record:
        """Write a link that follows `parent` in its series, and return it as the store has it."""
        written = self.make_reissue(parent, **changes)
        assert self.add(written)
        return self.read(written)

    def find(self, *, limit: int = 99, after: Record | None = None, **fields: Any) -> list[Record]:
        """Look up what has these fields."""
        selector = Selector(audience=AUDIENCE, **fields)
        return list(self.store.find(selector, limit=limit, after=after and after.link_id))

    def note(self, known: Record, *, kind: str = "verified", at: int = NOW, reason: str = "") -> Note:
        """Write a note about a link, and return it."""
        note = Note(audience=known.audience, link_id=known.link_id, kind=kind, at=at, reason=reason)
        self.store.note(note)
        return note

    def consume(self, known: Record, **changes: Any) -> Record | None:
        """Use a link under `terms(**changes)`."""
        return self.store.consume(known.link_id, terms(**{"audience": known.audience, **changes}))

    def deliver(self, *known: Record, now: int = NOW) -> None:
        """Mark these links as delivered."""
        self.store.mark_delivered(AUDIENCE, [each.link_id for each in known], now=now)

    def revoke(self, known: Record, *, now: int = NOW, reason: str = "") -> Record | None:
        """Withdraw one link."""
        return self.store.revoke(known.audience, known.link_id, now=now, reason=reason)

    def revoke_subject(self, known: Record, *, now: int = NOW, reason: str = "") -> None:
        """Withdraw everything that a link's subject has."""
        self.store.revoke_subject(known.audience, known.subject, now=now, reason=reason)

    def generation(self, known: Record) -> int:
        """Return the generation of a link's subject."""
        return self.store.newest(known.audience, known.subject, [known.series])[1]

    def list_superseded(self, known: Sequence[Record]) -> list[int | None]:
        """Return when each of some links was superseded."""
        return [self.read(each).superseded_at for each in known]
