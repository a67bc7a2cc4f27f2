"""The model in memory keeps the contract; it belongs to one process, and to nobody once it is closed."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from magiclink.errors import StoreError
from magiclink.records import CLOCK_SKEW, Note
from magiclink.stores.memory import MemoryStore
from magiclink.testing.contract import StoreContract, record
from magiclink.testing.contract.bench import AUDIENCE, NOW

FORKED = """
import os, sys
from magiclink.errors import StoreError
from magiclink.stores.memory import MemoryStore

store = MemoryStore()
store._lock.acquire()
child = os.fork()
if child:
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    store._lock.release()
    store.check()
    sys.exit(status)
try:
    store.check()
except StoreError:
    os._exit(17)
os._exit(0)
"""


class TestMemoryStore(StoreContract):
    """The reference for every other store."""

    def make_store(self) -> MemoryStore:
        """Return a new one."""
        return MemoryStore()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system can't fork")
def test_forked_child() -> None:
    """C17: a forked child is refused, though a thread of its parent held the lock; the parent goes on."""
    ran = subprocess.run([sys.executable, "-c", FORKED], timeout=60)
    assert ran.returncode == 17


def test_closed_twice() -> None:
    """A store may be closed again, and stays closed."""
    store = MemoryStore()
    store.close()
    store.close()
    with pytest.raises(StoreError, match="closed"):
        store.check()


def test_two_stores() -> None:
    """Two stores share nothing."""
    one, two = MemoryStore(), MemoryStore()
    assert one.add([kept := record()], now=NOW, renamed={})
    assert two.get(AUDIENCE, kept.link_id) is None


def test_refused_batch_of_a_new_subject() -> None:
    """2: of a batch that was refused not even the subject is remembered."""
    store = MemoryStore()
    assert not store.add([record(number=2, generation=0)], now=NOW, renamed={})
    assert (store._records, store._subjects) == ({}, {})


def test_note_of_an_unknown_link() -> None:
    """14: a note of a link that isn't there is dropped, so that guesses fill no memory."""
    store = MemoryStore()
    store.note(Note(audience=AUDIENCE, link_id=record().link_id, kind="verified", at=NOW))
    assert store._notes == {}


def test_windows_that_are_over() -> None:
    """12: a window that has been over for 30 seconds is forgotten with the next call: limits fill no memory."""
    store, minute = MemoryStore(), 60_000_000
    for now in (0, minute, 2 * minute):
        store.hit(b"key", now=now, limit=1, window=minute)
    assert list(store._hits) == [(2 * minute, minute, b"key"), (3 * minute, minute, b"key")]


def test_window_of_a_clock_that_is_behind() -> None:
    """12: D04: a machine whose clock is behind by 30 seconds counts on in its window, which has ended elsewhere."""
    store, minute = MemoryStore(), 60_000_000
    assert store.hit(b"key", now=0, limit=1, window=minute) is None
    assert store.hit(b"key", now=minute + CLOCK_SKEW, limit=1, window=minute) is None
    assert store.hit(b"key", now=minute - 1, limit=1, window=minute) == minute
    assert store.hit(b"key", now=2 * minute + CLOCK_SKEW, limit=1, window=minute) is None
    assert (minute, minute, b"key") not in store.__dict__["_hits"]


def test_revocation_that_writes_every_link() -> None:
    """10: revoking all that a subject has writes one entry, and no record."""
    store = MemoryStore()
    assert store.add([record() for _ in range(1_000)], now=NOW, renamed={})
    records, subjects = store._records.copy(), store._subjects.copy()
    store.revoke_subject(AUDIENCE, record().subject, now=NOW, reason="left")
    assert store._records == records
    assert len(store._subjects.items() - subjects.items()) == 1
