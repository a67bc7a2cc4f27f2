"""Rules 14 and 15, broken: stores that note too much, or forget too much or too early."""

# ruff: noqa: D102 - a broken method is told by its class.

from __future__ import annotations

from typing import TYPE_CHECKING

from magiclink.instants import SECOND
from magiclink.stores.base import HOUR
from magiclink.stores.memory import MemoryStore
from magiclink.testing.contract.keeping import Keeping

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from magiclink.records import Note, Record, Selector


class AsTheyCame(MemoryStore):
    """Gives notes link by link, in the order in which they came."""

    def notes(self, audience: str, link_ids: Sequence[bytes]) -> Sequence[Note]:
        return [note for link_id in link_ids for note in self._notes.get((audience, link_id), ())]


class EveryNote(MemoryStore):
    """Keeps every note."""

    def note(self, note: Note) -> None:
        self._notes.setdefault((note.audience, note.link_id), []).append(note)


class LastOfAnHour(MemoryStore):
    """Keeps the last note of an hour."""

    def note(self, note: Note) -> None:
        kept = self._notes.setdefault((note.audience, note.link_id), [])
        kept[:] = [old for old in kept if old.kind != note.kind or old.at // HOUR != note.at // HOUR]
        super().note(note)


class OneKind(MemoryStore):
    """Keeps one note an hour, of any kind."""

    def note(self, note: Note) -> None:
        kept = self._notes.get((note.audience, note.link_id), ())
        if not any(old.at // HOUR == note.at // HOUR for old in kept):
            super().note(note)


class OneBudget(MemoryStore):
    """Keeps a hundred notes in all."""

    def note(self, note: Note) -> None:
        if sum(map(len, self._notes.values())) < 100:
            super().note(note)


class ForgetsAtTheInstant(MemoryStore):
    """Forgets what expires at the instant."""

    def purge(self, audience: str, *, before: int, limit: int) -> int:
        return super().purge(audience, before=before + 1, limit=limit)


class ForgetsBySeconds(MemoryStore):
    """Compares whole seconds."""

    def purge(self, audience: str, *, before: int, limit: int) -> int:
        return super().purge(audience, before=before // SECOND * SECOND, limit=limit)


class ForgetsAll(MemoryStore):
    """Knows no limit."""

    def purge(self, audience: str, *, before: int, limit: int) -> int:
        return super().purge(audience, before=before, limit=9999)


class ForgetsByIssue(MemoryStore):
    """Forgets the earliest issued first."""

    def purge(self, audience: str, *, before: int, limit: int) -> int:
        past = sorted((old for old in self._records.values() if old.expires_at < before), key=lambda old: old.issued_at)
        for record in past[:limit]:
            del self._records[audience, record.link_id]
        return len(past[:limit])


class CountsTheLimit(MemoryStore):
    """Tells how many it was asked to forget."""

    def purge(self, audience: str, *, before: int, limit: int) -> int:
        return super().purge(audience, before=before, limit=limit) and limit


class KeepsNotes(MemoryStore):
    """Leaves the notes of what it forgets."""

    def purge(self, audience: str, *, before: int, limit: int) -> int:
        notes = self._notes.copy()
        gone = super().purge(audience, before=before, limit=limit)
        self._notes = notes
        return gone


class DropsNotes(MemoryStore):
    """Forgets all notes of the audience."""

    def purge(self, audience: str, *, before: int, limit: int) -> int:
        self._notes.clear()
        return super().purge(audience, before=before, limit=limit)


class KeepsNames(MemoryStore):
    """Finds what it has forgotten by its names."""

    def purge(self, audience: str, *, before: int, limit: int) -> int:
        self.names = self._records.copy()
        return super().purge(audience, before=before, limit=limit)

    def find(self, selector: Selector, *, limit: int, after: bytes | None = None) -> Sequence[Record]:
        return [record for record in self.names.values() if selector.matches(record)]


class ForgetsSubjectsEarly(MemoryStore):
    """Forgets a subject with its first link."""

    def purge(self, audience: str, *, before: int, limit: int) -> int:
        gone = {r.subject for r in self._records.values() if r.expires_at < before}
        for record in [r for r in self._records.values() if r.subject in gone]:
            self._keep(record._replace(generation=0))
            self._subjects[audience, record.subject] = self._subjects[audience, record.subject]._replace(generation=0)
        return super().purge(audience, before=before, limit=limit)


class KeepsSubjects(MemoryStore):
    """Remembers the subjects of what it has forgotten."""

    def _forget_subjects(self, names: Iterable[tuple[str, str]]) -> None:
        pass


BROKEN: dict[type[MemoryStore], str] = {
    AsTheyCame: "notes",
    EveryNote: "notes_of_one_hour notes_of_a_link_that_is_tried_all_day",
    LastOfAnHour: "notes_of_one_hour",
    OneKind: "notes_of_one_hour",
    OneBudget: "notes_of_a_link_that_is_tried_all_day",
    ForgetsAtTheInstant: "purge",
    ForgetsBySeconds: "purge purge_with_notes",
    ForgetsAll: "purge_in_steps",
    ForgetsByIssue: "purge_in_steps",
    CountsTheLimit: "purge",
    KeepsNotes: "purge_with_notes",
    DropsNotes: "purge_with_notes",
    KeepsNames: "purge_with_names",
    ForgetsSubjectsEarly: "purge_with_the_last_record",
    KeepsSubjects: "purge_with_the_last_record",
}


def test_broken_store(broken: type[MemoryStore], name: str, fails: Callable[[type[MemoryStore], str], bool]) -> None:
    """A store that breaks a rule fails the contract's test of it; the same store unbroken doesn't."""
    assert fails(broken, name)
    assert not fails(MemoryStore, name)


def test_every_test_can_fail() -> None:
    """Each test of this part of the contract is failed by some broken store."""
    named = {f"test_{name}" for names in BROKEN.values() for name in names.split()}
    assert named == {name for name in vars(Keeping) if name.startswith("test_")}
