"""The self-test finds a store that loses or changes what it is given, and leaves nothing in one that doesn't."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from magiclink.errors import ConfigurationError
from magiclink.stores.memory import MemoryStore
from magiclink.stores.redis import selftest

if TYPE_CHECKING:
    from collections.abc import Sequence

    from magiclink.records import Note, Record


class Trimming(MemoryStore):
    """A store that trims subjects."""

    def get(self, audience: str, link_id: bytes) -> Record | None:
        """Return one record, trimmed."""
        found = super().get(audience, link_id)
        return found and found._replace(subject=found.subject.strip())


class Refusing(MemoryStore):
    """A store that writes nothing."""

    def add(self, *args: Any, **changes: Any) -> bool:
        """Write nothing."""
        return False


class Unused(MemoryStore):
    """A store that uses nothing."""

    def consume(self, *args: Any) -> Record | None:
        """Use nothing."""
        return None


class Mute(MemoryStore):
    """A store without notes."""

    def notes(self, audience: str, link_ids: Sequence[bytes]) -> Sequence[Note]:
        """Return none."""
        return []


def test_sound_store() -> None:
    """A store that keeps the contract passes, and keeps nothing of the self-test."""
    store = MemoryStore()
    selftest.run(store)
    assert (store._records, store._subjects, store._notes, store._hits) == ({}, {}, {}, {})


@pytest.mark.parametrize("kind", [Trimming, Refusing, Unused, Mute])
def test_store_that_changes_what_it_is_given(kind: type[MemoryStore]) -> None:
    """E25: a store that trims, refuses or forgets is ConfigurationError, and keeps nothing of the self-test."""
    store = kind()
    with pytest.raises(ConfigurationError, match=r"(loses|changes|changed)"):
        selftest.run(store)
    assert store._records == {}
