"""The state machine of stores finds what is broken, and nothing where nothing is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from magiclink.stores.memory import MemoryStore
from magiclink.testing import StoreMachine

if TYPE_CHECKING:
    from collections.abc import Callable

    from magiclink.stores.base import Store

STEADY = settings(
    max_examples=300,
    stateful_step_count=30,
    deadline=None,
    derandomize=True,
    database=None,
    # Whether something is found is asked here, not how small it can be made.
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)


class SkewedStore(MemoryStore):
    """The model, but that it remembers the windows that are over: the clocks of machines differ."""

    def take(self, bucket: bytes, *, now: int, limit: int, window: int) -> int | None:
        """Count one in a bucket."""
        return super().take(bucket, now=now, limit=limit, window=window)


def run(make_store: Callable[[], Store], profile: settings = STEADY) -> None:
    """Run the machine on stores of one kind."""

    class Machine(StoreMachine):
        def make_store(self) -> Store:
            return make_store()

    run_state_machine_as_test(Machine, settings=profile)
