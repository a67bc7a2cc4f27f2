"""Rules 7 and 8, broken: stores that forget a term, end the wrong links or undo what has happened."""

# ruff: noqa: D102 - a broken method is told by its class.

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from magiclink.records import Record, State, Terms
from magiclink.stores.memory import MemoryStore
from magiclink.testing.contract.consuming import Consuming

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable


class AsksLess(MemoryStore):
    """Changes the terms before it asks them."""

    def consume(self, link_id: bytes, terms: Terms) -> Record | None:
        record = self.get(terms.audience, link_id)
        return super().consume(link_id, terms if record is None else replace(terms, **self.changed(record, terms)))

    def changed(self, record: Record, terms: Terms) -> dict[str, Any]:
        """Return the terms that differ."""
        raise NotImplementedError


class AnyPurpose(AsksLess):
    """Forgets the purpose."""

    def changed(self, record: Record, terms: Terms) -> dict[str, Any]:
        return {"purpose": record.purpose}


class AnyPolicyLimit(AsksLess):
    """Forgets the policy's limit."""

    def changed(self, record: Record, terms: Terms) -> dict[str, Any]:
        return {"max_uses": None}


class InclusiveExpiry(AsksLess):
    """Lets a link in at the instant of its expiry."""

    def changed(self, record: Record, terms: Terms) -> dict[str, Any]:
        return {"now": terms.now - 1} if terms.now == record.expires_at else {}


class InclusiveLifetime(AsksLess):
    """Lets a link in at the instant at which its policy's lifetime is over."""

    def changed(self, record: Record, terms: Terms) -> dict[str, Any]:
        return {"lifetime": terms.lifetime + 1}


class AnySkew(AsksLess):
    """Uses a link from the future."""

    def changed(self, record: Record, terms: Terms) -> dict[str, Any]:
        return {"now": max(terms.now, record.issued_at)}


class NoSkew(AsksLess):
    """Takes clocks for exact."""

    def changed(self, record: Record, terms: Terms) -> dict[str, Any]:
        return {"purpose": ""} if record.issued_at > terms.now else {}


class AnyStamp(AsksLess):
    """Forgets the stamp."""

    def changed(self, record: Record, terms: Terms) -> dict[str, Any]:
        return {"stamp": record.stamp}


class StampWhereGiven(AsksLess):
    """Forgets the stamp where the terms have none."""

    def changed(self, record: Record, terms: Terms) -> dict[str, Any]:
        return {"stamp": terms.stamp or record.stamp}


class CountsSecondClicks(AsksLess):
    """Forgets that it was here a moment ago."""

    def changed(self, record: Record, terms: Terms) -> dict[str, Any]:
        return {"reclick": 0}


class InclusiveReclick(AsksLess):
    """Takes the instant at which `reclick` ends for a part of it."""

    def changed(self, record: Record, terms: Terms) -> dict[str, Any]:
        return {"reclick": terms.reclick + 1}


class RefusesSecondClicks(AsksLess):
    """Takes every click within `reclick` for the same browser's."""

    def changed(self, record: Record, terms: Terms) -> dict[str, Any]:
        return {"attempt": record.attempt or b"nobody"}


class NothingIsTheSame(AsksLess):
    """Takes two uses without an attempt for one."""

    def changed(self, record: Record, terms: Terms) -> dict[str, Any]:
        return {"purpose": ""} if record.uses and terms.attempt == record.attempt else {}


class EndsNobody(AsksLess):
    """Ends no others."""

    def changed(self, record: Record, terms: Terms) -> dict[str, Any]:
        return {"ends_others": False}


class EndsAlways(AsksLess):
    """Ends others whether it is asked to or not."""

    def changed(self, record: Record, terms: Terms) -> dict[str, Any]:
        return {"ends_others": True}


class EndsFirst(AsksLess):
    """Ends others before it asks the terms."""

    def changed(self, record: Record, terms: Terms) -> dict[str, Any]:
        self._supersede(self._list_others(record, terms.now) if terms.ends_others else [], terms.now)
        return {}


class StatesByClock(AsksLess):
    """Believes in no revocation or use that the clock says is yet to come."""

    def changed(self, record: Record, terms: Terms) -> dict[str, Any]:
        if (record.last_used_at or record.revoked_at or 0) > terms.now:
            self._keep(record._replace(revoked_at=None, uses=0))
        return {}


class AnyLinkLimit(MemoryStore):
    """Forgets the link's own limit."""

    def consume(self, link_id: bytes, terms: Terms) -> Record | None:
        record = self.get(terms.audience, link_id)
        if record is not None:
            self._keep(record._replace(max_uses=None))
        return super().consume(link_id, terms)


class AnyState(MemoryStore):
    """Forgets to ask whether a link was superseded or revoked."""

    def _look_up(self, audience: str, link_id: bytes) -> Record | None:
        record = super()._look_up(audience, link_id)
        return record and record._replace(superseded_at=None, revoked_at=None)


class UsesAnother(MemoryStore):
    """Uses the next best link where it doesn't know one."""

    def consume(self, link_id: bytes, terms: Terms) -> Record | None:
        known = (terms.audience, link_id) in self._records
        return super().consume(link_id if known else next(iter(self._records))[1], terms)


class GivesTheLinkBefore(MemoryStore):
    """Gives the link as it was before its use."""

    def consume(self, link_id: bytes, terms: Terms) -> Record | None:
        before = self.get(terms.audience, link_id)
        return before if super().consume(link_id, terms) else None


class WritesNothing(MemoryStore):
    """Gives the link after a use that it doesn't write."""

    def consume(self, link_id: bytes, terms: Terms) -> Record | None:
        before = self._records[terms.audience, link_id]
        used = super().consume(link_id, terms)
        self._keep(before)
        return used


class FirstUseMoves(MemoryStore):
    """Overwrites the instant of the first use."""

    def consume(self, link_id: bytes, terms: Terms) -> Record | None:
        used = super().consume(link_id, terms)
        return used and self._keep(used._replace(first_used_at=terms.now))


class EndsEverybody(MemoryStore):
    """Ends every outstanding link of the audience."""

    def _list_others(self, used: Record, now: int) -> list[Record]:
        return [old for old in self._records.values() if old.state_at(now) is State.OUTSTANDING and old != used]


class EndsSeries(MemoryStore):
    """Ends the others of a series only."""

    def _list_others(self, used: Record, now: int) -> list[Record]:
        return [old for old in super()._list_others(used, now) if old.series == used.series]


class EndsItself(MemoryStore):
    """Ends the link that is used with the others."""

    def consume(self, link_id: bytes, terms: Terms) -> Record | None:
        used = super().consume(link_id, terms)
        return used and self._keep(used._replace(superseded_at=terms.now if terms.ends_others else None))


class EndsTheNamed(MemoryStore):
    """Ends nothing where there is no recipient."""

    def _list_others(self, used: Record, now: int) -> list[Record]:
        return super()._list_others(used, now) if used.recipient else []


class EndsTheEnded(MemoryStore):
    """Ends the others whatever became of them."""

    def _list_others(self, used: Record, now: int) -> list[Record]:
        return [old for old in self._records.values() if old.purpose == used.purpose]


class EndsOlderGenerations(EndsEverybody):
    """Asks the others, not their subject, whether they were revoked."""

    def _supersede(self, records: Iterable[Record], now: int) -> None:
        for record in records:
            self._keep(record._replace(superseded_at=now))


class WritesBack(MemoryStore):
    """Revokes a link as it was when it was issued."""

    def revoke(self, audience: str, link_id: bytes, *, now: int, reason: str) -> Record | None:
        record = super().revoke(audience, link_id, now=now, reason=reason)
        return record and self._keep(record._replace(uses=0, attempts=0))


BROKEN: dict[type[MemoryStore], str] = {
    AnyPurpose: "other_purpose",
    AnyPolicyLimit: "used_up_under_a_tightened_policy",
    InclusiveExpiry: "expired",
    InclusiveLifetime: "lifetime_of_a_tightened_policy",
    AnySkew: "issued_in_the_future",
    NoSkew: "issued_in_the_future",
    AnyStamp: "stamp",
    StampWhereGiven: "stamp",
    CountsSecondClicks: "second_click",
    InclusiveReclick: "second_click",
    RefusesSecondClicks: "click_of_another",
    NothingIsTheSame: "click_of_another",
    EndsNobody: "ending_others ending_others_without_recipient",
    EndsAlways: "refused_use_ends_nothing",
    EndsFirst: "refused_use_ends_nothing",
    StatesByClock: "nothing_comes_back",
    AnyLinkLimit: "used_up used_up_under_a_tightened_policy",
    AnyState: "superseded revoked nothing_comes_back",
    UsesAnother: "unknown_link",
    GivesTheLinkBefore: "use second_use",
    WritesNothing: "use used_up",
    FirstUseMoves: "second_use",
    EndsEverybody: "ending_others_of_others ending_others_without_recipient",
    EndsSeries: "ending_others",
    EndsItself: "ending_others",
    EndsTheNamed: "ending_others_without_recipient",
    EndsTheEnded: "ending_others_that_have_ended",
    EndsOlderGenerations: "ending_others_of_an_older_generation",
    WritesBack: "late_writers",
}


def test_broken_store(broken: type[MemoryStore], name: str, fails: Callable[[type[MemoryStore], str], bool]) -> None:
    """A store that breaks a rule fails the contract's test of it; the same store unbroken doesn't."""
    assert fails(broken, name)
    assert not fails(MemoryStore, name)


def test_every_test_can_fail() -> None:
    """Each test of this part of the contract is failed by some broken store."""
    named = {f"test_{name}" for names in BROKEN.values() for name in names.split()}
    assert named == {name for name in vars(Consuming) if name.startswith("test_")}
