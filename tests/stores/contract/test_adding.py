"""Rules 2 to 5, broken: stores that write halves, number wrongly, let late reissues in or rename too little."""

# ruff: noqa: D102 - a broken method is told by its class.

from __future__ import annotations

from typing import TYPE_CHECKING

from magiclink.stores.memory import MemoryStore
from magiclink.testing.contract.adding import Adding

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence

    from magiclink.records import Record


class WritesHalves(MemoryStore):
    """Keeps what of a refused batch came before the link that doesn't fit."""

    def add(self, records: Sequence[Record], *, now: int, renamed: Mapping[bytes, bytes]) -> bool:
        self._rename({record.audience for record in records}, renamed)
        return all(self._write(record, now) for record in records)


class WritesTheRest(MemoryStore):
    """Writes what of a batch fits, and says so."""

    def add(self, records: Sequence[Record], *, now: int, renamed: Mapping[bytes, bytes]) -> bool:
        self._rename({record.audience for record in records}, renamed)
        written = [self._write(record, now) for record in records]
        return any(written)


class Overwrites(MemoryStore):
    """Puts a link in the place of one with the same id."""

    def _write(self, record: Record, now: int) -> bool:
        self._records.pop((record.audience, record.link_id), None)
        return super()._write(record, now)


class KeepsSilent(MemoryStore):
    """Leaves a known link as it was, and says that all was written."""

    def _write(self, record: Record, now: int) -> bool:
        return (record.audience, record.link_id) in self._records or super()._write(record, now)


class NumbersByCount(MemoryStore):
    """Numbers from 0 on."""

    def _write(self, record: Record, now: int) -> bool:
        written = super()._write(record, now)
        if record.number is None and written:
            kept = self._records[record.audience, record.link_id]
            self._keep(kept._replace(number=(kept.number or 0) - 1))
        return written


class NumbersAfterTheBatch(MemoryStore):
    """Gives all links of a batch the number that was next before it."""

    def add(self, records: Sequence[Record], *, now: int, renamed: Mapping[bytes, bytes]) -> bool:
        drafts = [MemoryStore() for _ in records]
        for draft, record in zip(drafts, records, strict=True):
            draft._records, draft._subjects = self._records.copy(), self._subjects.copy()
            draft.add([record], now=now, renamed=renamed)
        for draft, record in zip(drafts, records, strict=True):
            self._subjects.update(draft._subjects)
            self._keep(draft._records[record.audience, record.link_id])
        return True


class NumbersIssuesOnly(MemoryStore):
    """Leaves reissued links out when it looks for the next number."""

    def _list_series(self, audience: str, names: Sequence[bytes]) -> list[Record]:
        return [old for old in super()._list_series(audience, names) if old.origin == "issue"]


class NumbersBySubject(MemoryStore):
    """Takes all links of a subject for one series."""

    def _write(self, record: Record, now: int) -> bool:
        return super()._write(record._replace(series=record.subject.encode()), now)


class FirstGeneration(MemoryStore):
    """Writes every new link in generation 0."""

    def _write(self, record: Record, now: int) -> bool:
        written = super()._write(record, now)
        kept = self._records.get((record.audience, record.link_id))
        if written and kept is not None and record.generation is None:
            self._keep(kept._replace(generation=0))
        return written


class ForgetsGenerations(MemoryStore):
    """Tells the generation with a link only."""

    def newest(self, audience: str, subject: str, series: Sequence[bytes]) -> tuple[Record | None, int]:
        record, generation = super().newest(audience, subject, series)
        return record, generation if record else 0


class NewestByClock(MemoryStore):
    """Takes the link with the latest instant for the newest."""

    def newest(self, audience: str, subject: str, series: Sequence[bytes]) -> tuple[Record | None, int]:
        _, generation = super().newest(audience, subject, series)
        return max(self._list_series(audience, series), key=lambda r: r.issued_at, default=None), generation


class NewestOfNobody(MemoryStore):
    """Begins to count generations at 1."""

    def newest(self, audience: str, subject: str, series: Sequence[bytes]) -> tuple[Record | None, int]:
        record, generation = super().newest(audience, subject, series)
        return record, generation if record else generation + 1


class NewestOfOneName(MemoryStore):
    """Looks under the first name that has links."""

    def newest(self, audience: str, subject: str, series: Sequence[bytes]) -> tuple[Record | None, int]:
        named = [name for name in series if self._list_series(audience, [name])][:1]
        return super().newest(audience, subject, named)


class RenumbersReissues(MemoryStore):
    """Gives a reissue the next number, whatever it came with."""

    def _write(self, record: Record, now: int) -> bool:
        generation = self._subjects[record.audience, record.subject].generation if record.generation else 0
        fits = record.generation is None or record.generation == generation
        return fits and super()._write(record._replace(number=None, generation=None), now)


class AnyGeneration(MemoryStore):
    """Asks a reissue for its number only."""

    def _write(self, record: Record, now: int) -> bool:
        if record.number is not None and (record.audience, record.subject) in self._subjects:
            record = record._replace(generation=self._subjects[record.audience, record.subject].generation)
        return super()._write(record, now)


class RefusesReissues(MemoryStore):
    """Writes no reissue at all."""

    def _write(self, record: Record, now: int) -> bool:
        return record.number is None and super()._write(record, now)


class RenamesLast(MemoryStore):
    """Renames when the new links have their numbers."""

    def add(self, records: Sequence[Record], *, now: int, renamed: Mapping[bytes, bytes]) -> bool:
        written = super().add(records, now=now, renamed={})
        self._rename({record.audience for record in records if written}, renamed)
        return written


class RenamesSubjects(MemoryStore):
    """Renames the links of the subjects that are written to, in the state outstanding."""

    def _rename(self, audiences: Collection[str], renamed: Mapping[bytes, bytes]) -> None:
        old = {key: kept for key, kept in self._records.items() if kept.subject != "customer-7" or kept.uses}
        super()._rename(audiences, renamed)
        self._records.update(old)


class RenamesSeriesOnly(MemoryStore):
    """Leaves recipients under their old names."""

    def _rename(self, audiences: Collection[str], renamed: Mapping[bytes, bytes]) -> None:
        super()._rename(audiences, {old: new for old, new in renamed.items() if len(old) == 16})


class RenamesAfresh(MemoryStore):
    """Forgets what became of a link when it is renamed."""

    def _rename(self, audiences: Collection[str], renamed: Mapping[bytes, bytes]) -> None:
        super()._rename(audiences, renamed)
        for record in list(self._records.values()):
            self._keep(record._replace(uses=0) if renamed else record)


class LosesWhatItRenames(MemoryStore):
    """P09: Looks for the links to rename at the new link's subject, and drops them where that has none."""

    def add(self, records: Sequence[Record], *, now: int, renamed: Mapping[bytes, bytes]) -> bool:
        if any((record.audience, record.subject) not in self._subjects for record in records):
            links = self._records.items()
            self._records = {key: old for key, old in links if not {old.series, old.recipient} & renamed.keys()}
        return super().add(records, now=now, renamed=renamed)


class RefusesUnknownNames(MemoryStore):
    """Writes nothing where it is to rename what nobody is called."""

    def add(self, records: Sequence[Record], *, now: int, renamed: Mapping[bytes, bytes]) -> bool:
        known = {name for old in self._records.values() for name in (old.series, old.recipient)}
        return renamed.keys() <= known and super().add(records, now=now, renamed=renamed)


BROKEN: dict[type[MemoryStore], str] = {
    WritesHalves: "half_of_a_batch link_id_twice_in_a_batch late_reissue_in_a_batch refused_batch_renames_nothing",
    WritesTheRest: "half_of_a_batch link_id_twice_in_a_batch late_reissue_in_a_batch",
    Overwrites: "link_id_again link_id_twice_in_a_batch",
    KeepsSilent: "link_id_again half_of_a_batch",
    NumbersByCount: "numbers_rise",
    NumbersAfterTheBatch: "numbers_in_a_batch",
    NumbersIssuesOnly: "number_beside_a_renewed_link reissue_that_comes_second",
    NumbersBySubject: "reissue_beside_another_series",
    FirstGeneration: "generation_is_assigned",
    ForgetsGenerations: "generation_without_a_series",
    NewestByClock: "newest_of_a_series",
    NewestOfNobody: "newest_of_nothing",
    NewestOfOneName: "newest_under_every_key",
    RenumbersReissues: "reissue_of_nothing reissue_that_comes_second reissue_with_a_gap late_reissue_in_a_batch",
    AnyGeneration: "reissue_of_another_generation",
    RefusesReissues: "reissue reissue_of_nothing",
    RenamesLast: "renamed_series renamed_series_of_a_reissue",
    RenamesSubjects: "renamed_recipient",
    RenamesSeriesOnly: "renamed_recipient renaming_changes_names_only",
    RenamesAfresh: "renaming_changes_names_only",
    LosesWhatItRenames: "renaming_for_an_unknown_subject",
    RefusesUnknownNames: "renaming_of_nothing renaming_for_an_unknown_subject",
}


def test_broken_store(broken: type[MemoryStore], name: str, fails: Callable[[type[MemoryStore], str], bool]) -> None:
    """A store that breaks a rule fails the contract's test of it; the same store unbroken doesn't."""
    assert fails(broken, name)
    assert not fails(MemoryStore, name)


def test_every_test_can_fail() -> None:
    """Each test of this part of the contract is failed by some broken store."""
    named = {f"test_{name}" for names in BROKEN.values() for name in names.split()}
    assert named == {name for name in vars(Adding) if name.startswith("test_")}
