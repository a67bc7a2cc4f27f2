"""Rule 11, broken: stores that find too much, too little, in another order or twice."""

# ruff: noqa: D102 - a broken method is told by its class.

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from magiclink.records import Record, Selector, State
from magiclink.stores.memory import MemoryStore
from magiclink.testing.contract.bench import DAY, NOW
from magiclink.testing.contract.finding import Finding

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence


class Finds(MemoryStore):
    """Finds everything, and then picks."""

    def find(self, selector: Selector, *, limit: int, after: bytes | None = None) -> Sequence[Record]:
        return self.picked(list(super().find(selector, limit=9999, after=after)))[:limit]

    def picked(self, found: list[Record]) -> list[Record]:
        """Return what it finds instead."""
        raise NotImplementedError


class OldestFirst(Finds):
    """Gives the oldest first."""

    def picked(self, found: list[Record]) -> list[Record]:
        return found[::-1]


class LinkIdsRising(Finds):
    """Gives the lower link id of one instant first."""

    def picked(self, found: list[Record]) -> list[Record]:
        return sorted(found, key=lambda record: (-record.issued_at, record.link_id))


class LinkIdsSigned(Finds):
    """Compares link ids as signed bytes."""

    def picked(self, found: list[Record]) -> list[Record]:
        return sorted(found, key=lambda r: (r.issued_at, [(byte + 128) % 256 for byte in r.link_id]), reverse=True)


class Living(Finds):
    """Gives what can be used."""

    def picked(self, found: list[Record]) -> list[Record]:
        return [record for record in found if record.state_at(NOW) is State.OUTSTANDING]


class ThisMonth(Finds):
    """Looks into the nearest months only."""

    def picked(self, found: list[Record]) -> list[Record]:
        return [record for record in found if record.expires_at < NOW + 28 * DAY]


class LimitsFirst(MemoryStore):
    """Counts to the limit before it sorts."""

    def find(self, selector: Selector, *, limit: int, after: bytes | None = None) -> Sequence[Record]:
        found = [record for record in self._records.values() if selector.matches(record)][:limit]
        return sorted(found, key=lambda record: (record.issued_at, record.link_id), reverse=True)


class AfterTheInstant(MemoryStore):
    """Reads on behind the instant of a link."""

    def find(self, selector: Selector, *, limit: int, after: bytes | None = None) -> Sequence[Record]:
        found = super().find(selector, limit=9999)
        before = [record.issued_at for record in found if record.link_id == after]
        return [record for record in found if not before or record.issued_at < before[0]][:limit]


class AfterItself(MemoryStore):
    """Reads on from a link instead of behind it."""

    def find(self, selector: Selector, *, limit: int, after: bytes | None = None) -> Sequence[Record]:
        read = [record for record in self._records.values() if after is not None and record.link_id == after]
        return [*read, *super().find(selector, limit=limit, after=after)][:limit]


class AfterNothing(MemoryStore):
    """Begins anew behind a link that it doesn't know."""

    def find(self, selector: Selector, *, limit: int, after: bytes | None = None) -> Sequence[Record]:
        known = (selector.audience, after) in self._records
        return super().find(selector, limit=limit, after=after if known else None)


class ForgetsFields(MemoryStore):
    """Knows no purpose."""

    def find(self, selector: Selector, *, limit: int, after: bytes | None = None) -> Sequence[Record]:
        return super().find(replace(selector, purpose=None), limit=limit, after=after)


class AnybodyForNobody(MemoryStore):
    """Takes no digest for any."""

    def find(self, selector: Selector, *, limit: int, after: bytes | None = None) -> Sequence[Record]:
        return super().find(replace(selector, recipients=selector.recipients or None), limit=limit, after=after)


BROKEN: dict[type[MemoryStore], str] = {
    OldestFirst: "order limit links_of_many_months",
    LinkIdsRising: "order order_of_link_ids",
    LinkIdsSigned: "order_of_link_ids",
    Living: "every_state",
    ThisMonth: "links_of_many_months",
    LimitsFirst: "limit",
    AfterTheInstant: "after",
    AfterItself: "after",
    AfterNothing: "after_an_unknown_link",
    ForgetsFields: "selectors",
    AnybodyForNobody: "selectors",
}


def test_broken_store(broken: type[MemoryStore], name: str, fails: Callable[[type[MemoryStore], str], bool]) -> None:
    """A store that breaks a rule fails the contract's test of it; the same store unbroken doesn't."""
    assert fails(broken, name)
    assert not fails(MemoryStore, name)


def test_every_test_can_fail() -> None:
    """Each test of this part of the contract is failed by some broken store."""
    named = {f"test_{name}" for names in BROKEN.values() for name in names.split()}
    assert named == {name for name in vars(Finding) if name.startswith("test_")}
