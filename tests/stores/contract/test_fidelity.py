"""Rules 16 and 17, broken: stores that change bytes, compare them carelessly, or go on when they are closed."""

# ruff: noqa: D102 - a broken method is told by its class.

from __future__ import annotations

import unicodedata
from typing import TYPE_CHECKING, Any

from magiclink.errors import StoreError
from magiclink.stores.memory import MemoryStore
from magiclink.testing.contract import record
from magiclink.testing.contract.fidelity import COLUMNS, Fidelity

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from magiclink.records import Record, Selector, Terms


class ChangesText(MemoryStore):
    """Changes text before it writes it."""

    def changed(self, text: str) -> str:
        """Return the text that is written."""
        raise NotImplementedError

    def _write(self, record: Record, now: int) -> bool:
        texts: dict[str, Any] = {name: value and self.changed(value) for name, value in _texts(record).items()}
        return super()._write(record._replace(**texts), now)


class Normalises(ChangesText):
    """Normalises."""

    def changed(self, text: str) -> str:
        return unicodedata.normalize("NFC", text)


class Trims(ChangesText):
    """Trims."""

    def changed(self, text: str) -> str:
        return text.strip()


class ThreeBytes(ChangesText):
    """Drops what takes four bytes in UTF-8."""

    def changed(self, text: str) -> str:
        return "".join(letter for letter in text if ord(letter) < 65536)


class ChangesReasons(MemoryStore):
    """Trims what is given as a reason."""

    def _revoke(self, record: Record, now: int, reason: str) -> Record:
        return super()._revoke(record, now, reason.strip())


class Folds(MemoryStore):
    """Compares text without case, as a careless collation does, and comes back with what went in."""

    def find(self, selector: Selector, *, limit: int, after: bytes | None = None) -> Sequence[Record]:
        def folded(one: str | None, other: str | None) -> bool:
            return other is None or (one is not None and one.casefold() == other.casefold())

        return [
            record
            for record in self._records.values()
            if folded(record.subject, selector.subject)
            and folded(record.resource, selector.resource)
            and folded(record.purpose, selector.purpose)
        ]

    def revoke_subject(self, audience: str, subject: str, *, now: int, reason: str) -> None:
        for _, each in list(self._subjects):
            if each.casefold() == subject.casefold():
                super().revoke_subject(audience, each, now=now, reason=reason)

    def get(self, audience: str, link_id: bytes) -> Record | None:
        known = [key for key in self._records if key[1] == link_id and key[0].lower() == audience.lower()]
        return super().get(*known[0]) if known else None

    def consume(self, link_id: bytes, terms: Terms) -> Record | None:
        record = self.get(terms.audience, link_id)
        folded = record is not None and record.purpose == terms.purpose.lower()
        return record if folded else None


class CutsBytes(MemoryStore):
    """Takes a zero for the end of bytes."""

    def _write(self, record: Record, now: int) -> bool:
        return super()._write(record._replace(stamp=record.stamp and record.stamp.rstrip(b"\x00")), now)


class FourBytes(MemoryStore):
    """Keeps integers in 32 bits."""

    def _write(self, record: Record, now: int) -> bool:
        return super()._write(record._replace(session_lifetime=record.session_lifetime % 2**32), now)


class Doubles(MemoryStore):
    """Keeps integers as floats."""

    def _write(self, record: Record, now: int) -> bool:
        return super()._write(record._replace(session_lifetime=int(float(record.session_lifetime))), now)


class ForgetsColumns(MemoryStore):
    """Leaves out a column that it knows nothing of."""

    def _write(self, record: Record, now: int) -> bool:
        return super()._write(record._replace(evidence=0), now)


class ResetsColumns(MemoryStore):
    """Begins to count attempts anew with each use."""

    def consume(self, link_id: bytes, terms: Terms) -> Record | None:
        used = super().consume(link_id, terms)
        return used and self._keep(used._replace(attempts=0))


class Milliseconds(MemoryStore):
    """Keeps instants to the millisecond."""

    def _write(self, record: Record, now: int) -> bool:
        return super()._write(record._replace(issued_at=record.issued_at // 1000 * 1000), now)


class EmptyIsNothing(MemoryStore):
    """Takes empty text for none."""

    def _write(self, record: Record, now: int) -> bool:
        return super()._write(record._replace(resource=record.resource or None), now)


class LeavesItsProof(MemoryStore):
    """Leaves what it wrote to prove that it works."""

    def check(self) -> None:
        for audience, subject in list(self._subjects):
            self.revoke_subject(audience, subject, now=0, reason="check")


class NeverCloses(MemoryStore):
    """Goes on when it is closed."""

    def close(self) -> None:
        pass


class ClosesInPart(MemoryStore):
    """Still looks links up when it is closed."""

    def get(self, audience: str, link_id: bytes) -> Record | None:
        try:
            return super().get(audience, link_id)
        except StoreError:
            return None


def _texts(record: Record) -> dict[str, Any]:
    return {name: getattr(record, name) for name in ("subject", "resource", "destination", "passphrase", "purpose")}


BROKEN: dict[type[MemoryStore], str] = {
    Normalises: "texts texts_that_look_alike",
    Trims: "texts",
    ThreeBytes: "texts",
    ChangesReasons: "texts",
    Folds: "texts_that_look_alike subjects_that_look_alike audiences_that_look_alike purposes_that_look_alike",
    CutsBytes: "bytes",
    FourBytes: "integers integers_that_are_larger",
    Doubles: "integers_that_are_larger",
    ForgetsColumns: "columns",
    ResetsColumns: "columns",
    Milliseconds: "integers",
    EmptyIsNothing: "nothing_is_not_empty",
    LeavesItsProof: "check",
    NeverCloses: "closed",
    ClosesInPart: "closed",
}


def test_broken_store(broken: type[MemoryStore], name: str, fails: Callable[[type[MemoryStore], str], bool]) -> None:
    """A store that breaks a rule fails the contract's test of it; the same store unbroken doesn't."""
    assert fails(broken, name)
    assert not fails(MemoryStore, name)


def test_every_column() -> None:
    """The contract gives each column that a built record leaves at its default another value, but those of an end."""
    plain = record()
    defaults = {name for name, value in plain._asdict().items() if value in (None, 0, "")}
    ends = {"number", "generation", "delivered_at", "superseded_at", "revoked_at", "revoke_reason"}
    assert COLUMNS.keys() == defaults - ends
    assert [name for name, value in COLUMNS.items() if value == getattr(plain, name)] == []


def test_every_test_can_fail() -> None:
    """Each test of this part of the contract is failed by some broken store."""
    named = {f"test_{name}" for names in BROKEN.values() for name in names.split()}
    assert named == {name for name in vars(Fidelity) if name.startswith("test_")}
