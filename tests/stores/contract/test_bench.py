"""What the contract's tests stand on."""

from __future__ import annotations

from contextlib import suppress
from threading import Barrier, BrokenBarrierError

from magiclink.stores.memory import MemoryStore
from magiclink.testing.contract.bench import Bench, race


def test_race_of_several_stores() -> None:
    """A race whose threads are the first to ask for the store runs on one store, not on one a thread."""
    makers = Barrier(2)

    class Slow(Bench):
        def make_store(self) -> MemoryStore:
            with suppress(BrokenBarrierError):
                makers.wait(0.1)
            return MemoryStore()

    bench = Slow()
    assert len({id(store) for store in race(*[lambda: bench.store] * 4)}) == 1
    bench.teardown_method()


def test_store_that_nobody_asked_for() -> None:
    """A test that asks for no store has none to close."""
    Bench().teardown_method()
