"""Rule 6, broken: stores that end too much, too little, too early or twice."""

# ruff: noqa: D102 - a broken method is told by its class.

from __future__ import annotations

from typing import TYPE_CHECKING

from magiclink.records import Record, State
from magiclink.stores.memory import MemoryStore
from magiclink.testing.contract.superseding import Superseding

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence


class EndsOne(MemoryStore):
    """Ends the link before, and not those before that."""

    def _list_replaced(self, record: Record) -> list[Record]:
        return super()._list_replaced(record)[-1:]


class EndsGivenNumbersOnly(MemoryStore):
    """Ends nothing where the number was assigned."""

    def _write(self, record: Record, now: int) -> bool:
        return super()._write(record._replace(supersede="never") if record.number is None else record, now)


class EndsWholeSeries(MemoryStore):
    """Ends what a renewed link stands beside."""

    def _list_replaced(self, record: Record) -> list[Record]:
        return super()._list_replaced(record._replace(origin="remind"))


class EndsItself(MemoryStore):
    """Ends the newer links too, and the one that ends them."""

    def _list_replaced(self, record: Record) -> list[Record]:
        return self._list_series(record.audience, [record.series])


class EndsOtherSeries(MemoryStore):
    """Ends what the subject has in other series."""

    def _list_replaced(self, record: Record) -> list[Record]:
        return [old for old in self._records.values() if old.subject == record.subject and old != record]


class EndsByClock(MemoryStore):
    """Ends what has an earlier instant."""

    def _list_replaced(self, record: Record) -> list[Record]:
        return [old for old in super()._list_replaced(record) if old.issued_at <= record.issued_at]


class EndsOnIssueAlways(MemoryStore):
    """Asks no policy when a link is written."""

    def _write(self, record: Record, now: int) -> bool:
        written = super()._write(record, now)
        if written:
            self._supersede(self._list_replaced(self._records[record.audience, record.link_id]), now)
        return written


class EndsOnDeliveryAlways(MemoryStore):
    """Asks no policy when a link is delivered, and takes every origin for a reminder."""

    def _deliver(self, record: Record, now: int) -> None:
        super()._deliver(record, now)
        older = self._list_series(record.audience, [record.series])
        self._supersede([old for old in older if (old.number or 0) < (record.number or 0)], now)


class NeverDelivers(MemoryStore):
    """Remembers deliveries and ends nothing."""

    def _deliver(self, record: Record, now: int) -> None:
        super()._deliver(record._replace(supersede="never"), now)


class DeliversAnew(MemoryStore):
    """Overwrites the instant of the first delivery."""

    def _deliver(self, record: Record, now: int) -> None:
        super()._deliver(record._replace(delivered_at=None), now)


class DeliversTheKnown(MemoryStore):
    """Remembers nothing where it doesn't know a link."""

    def mark_delivered(self, audience: str, link_ids: Sequence[bytes], *, now: int) -> None:
        if all((audience, link_id) in self._records for link_id in link_ids):
            super().mark_delivered(audience, link_ids, now=now)


class DeliversTheFirst(MemoryStore):
    """Looks at the first of several ids only."""

    def mark_delivered(self, audience: str, link_ids: Sequence[bytes], *, now: int) -> None:
        super().mark_delivered(audience, link_ids[:1], now=now)


class DeliversTheOutstanding(MemoryStore):
    """Remembers no delivery of a link that has ended."""

    def _deliver(self, record: Record, now: int) -> None:
        if self._read(record).state_at(now) is State.OUTSTANDING:
            super()._deliver(record, now)


class DeliversAtTheEnd(MemoryStore):
    """Takes a link for outstanding at the instant of its expiry."""

    def _deliver(self, record: Record, now: int) -> None:
        super()._deliver(record, now - 1)
        self._keep(self._records[record.audience, record.link_id]._replace(delivered_at=now))


class EndsTheLiving(MemoryStore):
    """Supersedes outstanding links only."""

    def _supersede(self, records: Iterable[Record], now: int) -> None:
        super()._supersede([old for old in records if old.state_at(now) is State.OUTSTANDING], now)


class EndsTheRevoked(MemoryStore):
    """Supersedes revoked links too."""

    def _supersede(self, records: Iterable[Record], now: int) -> None:
        for record in records:
            self._keep(record._replace(superseded_at=record.superseded_at or now))


class EndsOlderGenerations(MemoryStore):
    """Asks a link, not its subject, whether it was revoked."""

    def _supersede(self, records: Iterable[Record], now: int) -> None:
        for record in records:
            if record.revoked_at is None and record.superseded_at is None:
                self._keep(record._replace(superseded_at=now))


class EndsAnew(MemoryStore):
    """Overwrites the instant of the first superseding."""

    def _supersede(self, records: Iterable[Record], now: int) -> None:
        super()._supersede([old._replace(superseded_at=None) for old in records], now)


class EndsAfterTheBatch(MemoryStore):
    """Ends what was there before a batch, not what came with it."""

    def add(self, records: Sequence[Record], *, now: int, renamed: Mapping[bytes, bytes]) -> bool:
        written = super().add(records, now=now, renamed=renamed)
        for record in records:
            kept = self._records[record.audience, record.link_id]
            self._keep(kept._replace(superseded_at=None))
        return written


BROKEN: dict[type[MemoryStore], str] = {
    EndsOne: "on_issue on_delivery",
    EndsGivenNumbersOnly: "on_issue_by_assigned_numbers superseding_superseded_links",
    EndsWholeSeries: "on_issue_of_a_renewed_link on_delivery_of_a_renewed_link",
    EndsItself: "on_issue on_delivery delivered_in_the_wrong_order delivered_together",
    EndsOtherSeries: "other_series",
    EndsByClock: "order_is_the_number",
    EndsOnIssueAlways: "on_delivery_waits never",
    EndsOnDeliveryAlways: "never on_issue_of_a_renewed_link on_delivery_of_a_renewed_link delivery_of_a_used_link "
    "delivery_of_an_expired_link delivery_of_a_revoked_link",
    NeverDelivers: "on_delivery on_delivery_of_a_renewed_link delivered_twice",
    DeliversAnew: "delivered_at",
    DeliversTheKnown: "unknown_delivery",
    DeliversTheFirst: "delivered_together unknown_delivery",
    DeliversTheOutstanding: "delivery_of_a_used_link delivery_of_an_expired_link delivery_of_a_revoked_link "
    "delivery_after_revoke_subject delivered_in_the_wrong_order",
    DeliversAtTheEnd: "delivery_of_an_expired_link",
    EndsTheLiving: "superseding_used_and_expired_links",
    EndsTheRevoked: "superseding_revoked_links",
    EndsOlderGenerations: "superseding_revoked_links",
    EndsAnew: "superseding_superseded_links delivered_twice",
    EndsAfterTheBatch: "on_issue_in_a_batch",
}


def test_broken_store(broken: type[MemoryStore], name: str, fails: Callable[[type[MemoryStore], str], bool]) -> None:
    """A store that breaks a rule fails the contract's test of it; the same store unbroken doesn't."""
    assert fails(broken, name)
    assert not fails(MemoryStore, name)


def test_every_test_can_fail() -> None:
    """Each test of this part of the contract is failed by some broken store."""
    named = {f"test_{name}" for names in BROKEN.values() for name in names.split()}
    assert named == {name for name in vars(Superseding) if name.startswith("test_")}
