"""Rules 9 and 10, broken: stores that revoke too little, too much, twice or by the clock."""

# ruff: noqa: D102 - a broken method is told by its class.

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from magiclink.records import Record, Selector, State
from magiclink.stores.memory import MemoryStore
from magiclink.testing.contract.revoking import Revoking

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence


class RevokesTheLiving(MemoryStore):
    """Revokes outstanding links only."""

    def _revoke(self, record: Record, now: int, reason: str) -> Record:
        return super()._revoke(record, now, reason) if record.state_at(now) is State.OUTSTANDING else record


class RevokesAnew(MemoryStore):
    """Overwrites the first instant and reason."""

    def _revoke(self, record: Record, now: int, reason: str) -> Record:
        return self._keep(record._replace(revoked_at=now, revoke_reason=reason))


class RevokesWithoutReason(MemoryStore):
    """Forgets the reason."""

    def _revoke(self, record: Record, now: int, reason: str) -> Record:
        return super()._revoke(record, now, "")


class RevokesSilently(MemoryStore):
    """Gives the link as it was before."""

    def revoke(self, audience: str, link_id: bytes, *, now: int, reason: str) -> Record | None:
        before = self.get(audience, link_id)
        super().revoke(audience, link_id, now=now, reason=reason)
        return before


class RevokesOnce(MemoryStore):
    """Gives a link only where it was revoked by this very call."""

    def revoke(self, audience: str, link_id: bytes, *, now: int, reason: str) -> Record | None:
        before = self.get(audience, link_id)
        after = super().revoke(audience, link_id, now=now, reason=reason)
        return None if before == after else after


class RevokesAnother(MemoryStore):
    """Makes a link up where it knows none."""

    def revoke(self, audience: str, link_id: bytes, *, now: int, reason: str) -> Record | None:
        known = super().revoke(audience, link_id, now=now, reason=reason)
        return known or Record._make([audience, link_id, *[None] * (len(Record._fields) - 2)])


class Selects(MemoryStore):
    """Changes the selector before it revokes."""

    def revoke_matching(self, selector: Selector, *, now: int, reason: str) -> None:
        super().revoke_matching(self.changed(selector), now=now, reason=reason)

    def changed(self, selector: Selector) -> Selector:
        """Return the selector that it uses instead."""
        raise NotImplementedError


class SelectsByOne(Selects):
    """Asks the first field that is given."""

    def changed(self, selector: Selector) -> Selector:
        return replace(selector, purpose=None) if selector.subject else selector


class SelectsInPart(Selects):
    """Knows no resources."""

    def changed(self, selector: Selector) -> Selector:
        return replace(selector, resource=None, issued_before=2**62) if selector.resource else selector


class SelectsOneRecipient(Selects):
    """Asks the first digest only."""

    def changed(self, selector: Selector) -> Selector:
        return replace(selector, recipients=selector.recipients[:1]) if selector.recipients else selector


class SelectsAnybody(Selects):
    """Takes no digest for any."""

    def changed(self, selector: Selector) -> Selector:
        return replace(selector, recipients=None, issued_before=2**62) if selector.recipients == () else selector


class SelectsTheInstant(Selects):
    """Means those issued at the instant too."""

    def changed(self, selector: Selector) -> Selector:
        return replace(selector, issued_before=(selector.issued_before or 2**61) + 1)


class SelectsEverything(Selects):
    """Takes an empty selector for an order."""

    def changed(self, selector: Selector) -> Selector:
        return replace(selector, issued_before=2**62) if selector.is_empty else selector


class RefusesAfterwards(MemoryStore):
    """Refuses an empty selector when it has revoked everything."""

    def revoke_matching(self, selector: Selector, *, now: int, reason: str) -> None:
        super().revoke_matching(replace(selector, issued_before=2**62), now=now, reason=reason)
        super().revoke_matching(selector, now=now, reason=reason)


class RowByRow(MemoryStore):
    """Revokes the links that a subject has, and raises no generation."""

    def revoke_subject(self, audience: str, subject: str, *, now: int, reason: str) -> None:
        self.revoke_matching(Selector(audience=audience, subject=subject), now=now, reason=reason)


class ReadsItsOwn(MemoryStore):
    """Asks a link, not its subject, whether it was revoked."""

    def _read(self, record: Record) -> Record:
        return record


class FindsItsOwn(MemoryStore):
    """Gives by `find` what stands in the link alone."""

    def find(self, selector: Selector, *, limit: int, after: bytes | None = None) -> Sequence[Record]:
        return [self._records[found.audience, found.link_id] for found in super().find(selector, limit=limit)]


class ForgetsWhy(MemoryStore):
    """Keeps no reason of a subject's revocation."""

    def revoke_subject(self, audience: str, subject: str, *, now: int, reason: str) -> None:
        super().revoke_subject(audience, subject, now=now, reason="")


class RevokesTheOutstanding(MemoryStore):
    """Reads used and expired links as they were."""

    def _read(self, record: Record) -> Record:
        seen = super()._read(record)
        ended = record.uses == record.max_uses or record.expires_at < (seen.revoked_at or 0)
        return record if ended else seen


class SubjectFirst(MemoryStore):
    """Tells the subject's revocation of a link that has its own."""

    def _read(self, record: Record) -> Record:
        subject = self._subjects[record.audience, record.subject]
        older = record.generation != subject.generation
        return record._replace(revoked_at=subject.revoked_at, revoke_reason=subject.reason) if older else record


class OwnAfterwards(MemoryStore):
    """Writes a revocation into a link that its subject's has ended."""

    def _revoke(self, record: Record, now: int, reason: str) -> Record:
        kept = self._records[record.audience, record.link_id]
        return self._keep(kept._replace(revoked_at=kept.revoked_at or now, revoke_reason=kept.revoke_reason or reason))


class EverySubject(MemoryStore):
    """Raises every generation of the audience."""

    def revoke_subject(self, audience: str, subject: str, *, now: int, reason: str) -> None:
        for _, each in list(self._subjects):
            super().revoke_subject(audience, each, now=now, reason=reason)


class ByClock(MemoryStore):
    """Ends what was issued before the call's instant, by the clocks of the issuing machines."""

    def _read(self, record: Record) -> Record:
        subject = self._subjects[record.audience, record.subject]
        older = subject.revoked_at is not None and record.issued_at < subject.revoked_at
        return record._replace(revoked_at=subject.revoked_at, revoke_reason=subject.reason) if older else record


class ByInclusiveClock(MemoryStore):
    """Ends what was issued up to the call's instant."""

    def _read(self, record: Record) -> Record:
        subject = self._subjects[record.audience, record.subject]
        older = subject.revoked_at is not None and record.issued_at <= subject.revoked_at
        return record._replace(revoked_at=subject.revoked_at, revoke_reason=subject.reason) if older else record


class OnlyOnce(MemoryStore):
    """Knows two generations."""

    def revoke_subject(self, audience: str, subject: str, *, now: int, reason: str) -> None:
        super().revoke_subject(audience, subject, now=now, reason=reason)
        known = self._subjects.get((audience, subject))
        if known is not None:
            self._subjects[audience, subject] = known._replace(generation=known.generation % 2)


class LetsLateReissuesIn(MemoryStore):
    """Writes a reissue that was read before the call as if it were read after it."""

    def _write(self, record: Record, now: int) -> bool:
        known = self._subjects.get((record.audience, record.subject))
        late = known is not None and record.number is not None
        return super()._write(record._replace(generation=known.generation) if known and late else record, now)


class RevokesInAdvance(MemoryStore):
    """Remembers the revocation of a subject that it doesn't know, and reads it into the first link."""

    def revoke_subject(self, audience: str, subject: str, *, now: int, reason: str) -> None:
        super().revoke_subject(audience, subject, now=now, reason=reason)
        self.advance = (audience, subject)

    def _read(self, record: Record) -> Record:
        early = getattr(self, "advance", None) == (record.audience, record.subject)
        return record._replace(revoked_at=1) if early else super()._read(record)


BROKEN: dict[type[MemoryStore], str] = {
    RevokesTheLiving: "revoke_in_every_state",
    RevokesAnew: "revoke_twice",
    RevokesWithoutReason: "revoke revoke_matching_by_each_field",
    RevokesSilently: "revoke",
    RevokesOnce: "revoke_twice",
    RevokesAnother: "revoke_unknown",
    SelectsByOne: "revoke_matching_by_all_fields",
    SelectsInPart: "revoke_matching_by_each_field",
    SelectsOneRecipient: "revoke_matching_by_recipients",
    SelectsAnybody: "revoke_matching_by_recipients",
    SelectsTheInstant: "revoke_matching_by_instant",
    SelectsEverything: "revoke_matching_everything",
    RefusesAfterwards: "revoke_matching_everything",
    RowByRow: "revoke_subject revoke_subject_twice reissue_from_before",
    ReadsItsOwn: "revoke_subject use_after_revoke_subject revoke_subject_in_every_state frozen_instant",
    FindsItsOwn: "revoke_subject",
    ForgetsWhy: "revoke_subject revoked_after_revoke_subject",
    RevokesTheOutstanding: "revoke_subject_in_every_state",
    SubjectFirst: "revoked_before_revoke_subject",
    OwnAfterwards: "revoked_after_revoke_subject",
    EverySubject: "another_subject",
    ByClock: "frozen_instant clock_ahead",
    ByInclusiveClock: "frozen_instant clock_ahead",
    OnlyOnce: "revoke_subject_twice",
    LetsLateReissuesIn: "reissue_from_before",
    RevokesInAdvance: "revoke_unknown_subject",
}


def test_broken_store(broken: type[MemoryStore], name: str, fails: Callable[[type[MemoryStore], str], bool]) -> None:
    """A store that breaks a rule fails the contract's test of it; the same store unbroken doesn't."""
    assert fails(broken, name)
    assert not fails(MemoryStore, name)


def test_every_test_can_fail() -> None:
    """Each test of this part of the contract is failed by some broken store."""
    named = {f"test_{name}" for names in BROKEN.values() for name in names.split()}
    assert named == {name for name in vars(Revoking) if name.startswith("test_")}
