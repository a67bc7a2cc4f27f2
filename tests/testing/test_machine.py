"""The state machine of stores finds what is broken, and nothing where nothing is."""

from __future__ import annotations

from itertools import count
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis.stateful import run_state_machine_as_test

from magiclink.stores.memory import MemoryStore
from magiclink.stores.sqlite import SQLiteStore
from magiclink.testing import StoreMachine

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from magiclink.records import Record, Terms
    from magiclink.stores.base import Store

STEADY = settings(
    max_examples=1_000,
    stateful_step_count=30,
    deadline=None,
    database=None,
    # What matters is whether something is found, not how small it can be made.
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)


class SoundStore(MemoryStore):
    """The model, which remembers windows while the clock of another machine may still be in them."""

    def hit(self, limit_key: bytes, *, now: int, limit: int, window: int) -> int | None:
        """Count one hit of a limit key."""
        ends_at = now - now % window + window
        hits = self._hits.get((ends_at, window, limit_key), 0)
        self._hits[ends_at, window, limit_key] = hits + (hits < limit)
        return None if hits < limit else ends_at


class UndeadStore(SoundStore):
    """Uses a link as it was written: what its subject's revocation ended works on."""

    def _look_up(self, audience: str, link_id: bytes) -> Record | None:
        return self._records.get((audience, link_id))


class ForgetfulStore(SoundStore):
    """Leaves names under a retired key as they are."""

    def add(self, records: Sequence[Record], *, now: int, renamed: Mapping[bytes, bytes]) -> bool:
        """Write records."""
        return super().add(records, now=now, renamed={})


class NarrowStore(SoundStore):
    """Leaves out a column that no call reads."""

    def add(self, records: Sequence[Record], *, now: int, renamed: Mapping[bytes, bytes]) -> bool:
        """Write records."""
        return super().add([record._replace(bounce=None) for record in records], now=now, renamed=renamed)


class LateStore(SoundStore):
    """Writes a reissue, whatever has happened to its series since its parent was read."""

    def add(self, records: Sequence[Record], *, now: int, renamed: Mapping[bytes, bytes]) -> bool:
        """Write records."""
        assigned = [record._replace(number=None, generation=None) for record in records]
        return super().add(assigned, now=now, renamed=renamed)


class HurriedStore(SoundStore):
    """Ends the others before it knows whether the terms are met."""

    def consume(self, link_id: bytes, terms: Terms) -> Record | None:
        """Use a link."""
        record = self._records.get((terms.audience, link_id))
        if record is not None and terms.ends_others:
            self._supersede(self._list_others(record, terms.now), terms.now)
        return super().consume(link_id, terms)


class LooseStore(SoundStore):
    """Forgets a link and keeps what was noted of it, for the next one of that id."""

    def purge(self, audience: str, *, before: int, limit: int) -> int:
        """Forget links."""
        notes = dict(self._notes)
        count = super().purge(audience, before=before, limit=limit)
        self._notes = notes
        return count


def run(make_store: Callable[[], Store], profile: settings = STEADY) -> None:
    """Run the machine on stores of one kind."""

    # The same examples every time, and a seed that finds what is broken soon.
    @seed(3)
    class Machine(StoreMachine):
        def make_store(self) -> Store:
            return make_store()

    run_state_machine_as_test(Machine, settings=profile)


def test_sound_store() -> None:
    """A store that keeps the contract is found to keep it."""
    run(SoundStore, settings(STEADY, max_examples=100))


def test_sound_database(tmp_path: Path) -> None:
    """A store whose numbers are of its own making is found to keep the contract as well."""
    files = count()
    run(lambda: SQLiteStore(tmp_path / f"{next(files)}.db"), settings(STEADY, max_examples=20))


@pytest.mark.parametrize(
    "broken",
    [UndeadStore, ForgetfulStore, NarrowStore, LateStore, HurriedStore, LooseStore],
    ids=lambda made: made.__name__,
)
def test_broken_store(broken: type[MemoryStore]) -> None:
    """A store that breaks one rule, at the right moment only, is found."""
    with pytest.raises(AssertionError):
        run(broken)


def test_store_is_required() -> None:
    """A machine without `make_store` runs nothing, instead of passing."""
    with pytest.raises(NotImplementedError):
        StoreMachine()
