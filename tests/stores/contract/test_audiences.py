"""Rule 1, broken: stores in which two audiences meet."""

# ruff: noqa: D102 - a broken method is told by its class.

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from magiclink.records import Note, Record, Selector, State, Terms
from magiclink.stores.memory import MemoryStore
from magiclink.testing.contract.audiences import Audiences

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence


class OneKeyspace(MemoryStore):
    """Takes a link id once in all audiences."""

    def _write(self, record: Record, now: int) -> bool:
        return all(old.link_id != record.link_id for old in self._records.values()) and super()._write(record, now)


class LooksAnywhere(MemoryStore):
    """Looks a link up by its id alone."""

    def _look_up(self, audience: str, link_id: bytes) -> Record | None:
        return next((self._read(old) for old in self._records.values() if old.link_id == link_id), None)


class UsesAnywhere(MemoryStore):
    """Uses a link by its id alone."""

    def consume(self, link_id: bytes, terms: Terms) -> Record | None:
        audience = next(old.audience for old in self._records.values() if old.link_id == link_id)
        return super().consume(link_id, replace(terms, audience=audience))


class WritesTwins(MemoryStore):
    """Writes by link id alone."""

    def _keep(self, record: Record) -> Record:
        for audience, link_id in list(self._records):
            if link_id == record.link_id:
                self._records[audience, link_id] = record._replace(audience=audience)
        return super()._keep(record)


class CountsAnywhere(MemoryStore):
    """Knows a series by its name alone."""

    def _list_series(self, audience: str, names: Sequence[bytes]) -> list[Record]:
        return [old for old in self._records.values() if old.series in names]


class EndsAnyParent(MemoryStore):
    """Ends a renewed link's parent by its id alone."""

    def _list_replaced(self, record: Record) -> list[Record]:
        return [old for old in self._records.values() if old.link_id == record.parent]


class RenamesAnywhere(MemoryStore):
    """Renames in every audience."""

    def _rename(self, audiences: Collection[str], renamed: Mapping[bytes, bytes]) -> None:
        super()._rename({old.audience for old in self._records.values()}, renamed)


class EndsOthersAnywhere(MemoryStore):
    """Ends the other links of a person in every audience."""

    def _list_others(self, used: Record, now: int) -> list[Record]:
        return [old for old in self._records.values() if old != used and old.state_at(now) is State.OUTSTANDING]


class FindsAnywhere(MemoryStore):
    """Gives links of every audience."""

    def find(self, selector: Selector, *, limit: int, after: bytes | None = None) -> Sequence[Record]:
        audiences = {old.audience for old in self._records.values()}
        pages = [super(FindsAnywhere, self).find(replace(selector, audience=each), limit=limit) for each in audiences]
        return [record for page in pages for record in page]


class ReadsOnAnywhere(MemoryStore):
    """Reads on behind a link of any audience."""

    def find(self, selector: Selector, *, limit: int, after: bytes | None = None) -> Sequence[Record]:
        known = after is None or any(link_id == after for _, link_id in self._records)
        return super().find(selector, limit=limit) if known else []


class RevokesAnywhere(MemoryStore):
    """Revokes what matches in every audience."""

    def revoke_matching(self, selector: Selector, *, now: int, reason: str) -> None:
        for audience in {old.audience for old in self._records.values()}:
            super().revoke_matching(replace(selector, audience=audience), now=now, reason=reason)


class RevokesAnySubject(MemoryStore):
    """Raises the generation of every subject of that name."""

    def revoke_subject(self, audience: str, subject: str, *, now: int, reason: str) -> None:
        for each, _ in list(self._subjects):
            super().revoke_subject(each, subject, now=now, reason=reason)


class NotesAnywhere(MemoryStore):
    """Reads the notes of a link id in every audience."""

    def notes(self, audience: str, link_ids: Sequence[bytes]) -> Sequence[Note]:
        return [note for (_, link_id), notes in self._notes.items() if link_id in link_ids for note in notes]


class DropsTwinNotes(MemoryStore):
    """Takes a note of another audience for the same note."""

    def note(self, note: Note) -> None:
        if not any(link_id == note.link_id for _, link_id in self._notes):
            super().note(note)


class PurgesAnywhere(MemoryStore):
    """Forgets in every audience."""

    def purge(self, audience: str, **when: Any) -> int:
        others = {old.audience for old in self._records.values()} - {audience}
        return super().purge(audience, **when) + sum(super(PurgesAnywhere, self).purge(each, **when) for each in others)


BROKEN: dict[type[MemoryStore], str] = {
    OneKeyspace: "same_link_id_in_two_audiences",
    LooksAnywhere: "get_elsewhere revoke_elsewhere attempts_elsewhere",
    UsesAnywhere: "consume_elsewhere",
    WritesTwins: "same_link_id_in_two_audiences consume_of_a_twin delivery_elsewhere revoke_elsewhere "
    "attempts_elsewhere superseding_elsewhere",
    CountsAnywhere: "newest_elsewhere numbers_elsewhere superseding_elsewhere",
    EndsAnyParent: "parent_elsewhere",
    RenamesAnywhere: "renaming_elsewhere",
    EndsOthersAnywhere: "ending_others_elsewhere",
    FindsAnywhere: "find_elsewhere",
    ReadsOnAnywhere: "find_elsewhere",
    RevokesAnywhere: "revoke_matching_elsewhere",
    RevokesAnySubject: "revoke_subject_elsewhere",
    NotesAnywhere: "notes_elsewhere",
    DropsTwinNotes: "notes_elsewhere",
    PurgesAnywhere: "purge_elsewhere",
}


def test_broken_store(broken: type[MemoryStore], name: str, fails: Callable[[type[MemoryStore], str], bool]) -> None:
    """A store that breaks a rule fails the contract's test of it; the same store unbroken doesn't."""
    assert fails(broken, name)
    assert not fails(MemoryStore, name)


def test_every_test_can_fail() -> None:
    """Each test of this part of the contract is failed by some broken store."""
    named = {f"test_{name}" for names in BROKEN.values() for name in names.split()}
    assert named == {name for name in vars(Audiences) if name.startswith("test_")}
