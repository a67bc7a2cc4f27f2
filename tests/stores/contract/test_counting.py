"""Rules 12 and 13, broken: counters that begin with a call, count what they refuse, or try what has ended."""

# ruff: noqa: D102 - a broken method is told by its class.

from __future__ import annotations

from typing import TYPE_CHECKING

from magiclink.records import Record
from magiclink.stores.memory import MemoryStore
from magiclink.testing.contract.counting import Counting

if TYPE_CHECKING:
    from collections.abc import Callable


class OneMore(MemoryStore):
    """Refuses when the limit has been passed."""

    def hit(self, limit_key: bytes, *, now: int, limit: int, window: int) -> int | None:
        return super().hit(limit_key, now=now, limit=limit + 1, window=window)

    def count_attempt(self, audience: str, link_id: bytes, *, now: int, limit: int) -> Record | None:
        return super().count_attempt(audience, link_id, now=now, limit=limit + 1)


class SlidingWindows(MemoryStore):
    """Begins a window with the first call."""

    def hit(self, limit_key: bytes, *, now: int, limit: int, window: int) -> int | None:
        ends = next((ends for ends, _, known in self._hits if known == limit_key and ends > now), now + window)
        hits = self._hits.get((ends, window, limit_key), 0)
        self._hits[ends, window, limit_key] = hits + 1
        return None if hits < limit else ends


class CountsRefusals(MemoryStore):
    """Counts the calls that it refuses."""

    def hit(self, limit_key: bytes, *, now: int, limit: int, window: int) -> int | None:
        retry_at = super().hit(limit_key, now=now, limit=limit, window=window)
        if retry_at is not None:
            super().hit(limit_key, now=now, limit=2**52, window=window)
        return retry_at


class FirstIsFree(MemoryStore):
    """Lets the first call of a window through."""

    def hit(self, limit_key: bytes, *, now: int, limit: int, window: int) -> int | None:
        return super().hit(limit_key, now=now, limit=max(limit, 1), window=window)


class OneWindow(MemoryStore):
    """Takes windows that end at one instant for one."""

    def hit(self, limit_key: bytes, *, now: int, limit: int, window: int) -> int | None:
        ends = now - now % window + window
        hits = self._hits.get((ends, 0, limit_key), 0)
        self._hits[ends, 0, limit_key] = hits + 1
        return None if hits < limit else ends


class FoldsKeys(MemoryStore):
    """Folds limit keys."""

    def hit(self, limit_key: bytes, *, now: int, limit: int, window: int) -> int | None:
        return super().hit(limit_key.lower(), now=now, limit=limit, window=window)


class TriesOthers(MemoryStore):
    """Counts a try at the first link where it doesn't know one."""

    def count_attempt(self, audience: str, link_id: bytes, *, now: int, limit: int) -> Record | None:
        known = super().count_attempt(audience, link_id, now=now, limit=limit)
        return known or Record._make([audience, link_id, *[0] * (len(Record._fields) - 2)])


class TriesAlways(MemoryStore):
    """Asks no state."""

    def count_attempt(self, audience: str, link_id: bytes, *, now: int, limit: int) -> Record | None:
        record = self._look_up(audience, link_id)
        tried = record is not None and record.attempts < limit
        return self._keep(record._replace(attempts=record.attempts + 1)) if record and tried else None


class TriesUnused(MemoryStore):
    """Tries no link that was used at all, and gives it as it was before."""

    def count_attempt(self, audience: str, link_id: bytes, *, now: int, limit: int) -> Record | None:
        record = self._look_up(audience, link_id)
        if record is None or record.uses or not super().count_attempt(audience, link_id, now=now, limit=limit):
            return None
        return record


BROKEN: dict[type[MemoryStore], str] = {
    OneMore: "hits refused_hits limit_of_zero attempts",
    SlidingWindows: "aligned_windows",
    CountsRefusals: "refused_hits",
    FirstIsFree: "limit_of_zero",
    OneWindow: "windows_of_two_lengths",
    FoldsKeys: "other_limit_keys",
    TriesOthers: "attempt_at_an_unknown_link",
    TriesAlways: "attempt_at_an_expired_link attempt_at_a_used_link attempt_at_a_superseded_link "
    "attempt_at_a_revoked_link",
    TriesUnused: "attempts attempt_at_a_used_link",
}


def test_broken_store(broken: type[MemoryStore], name: str, fails: Callable[[type[MemoryStore], str], bool]) -> None:
    """A store that breaks a rule fails the contract's test of it; the same store unbroken doesn't."""
    assert fails(broken, name)
    assert not fails(MemoryStore, name)


def test_every_test_can_fail() -> None:
    """Each test of this part of the contract is failed by some broken store."""
    named = {f"test_{name}" for names in BROKEN.values() for name in names.split()}
    assert named == {name for name in vars(Counting) if name.startswith("test_")}
