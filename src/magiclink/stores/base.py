"""The contract of a store, in prose and as a protocol. `magiclink.testing.StoreContract` is the same as tests.

A store keeps records and decides one thing: who was first. It holds no rule of its own, reads no clock (`now` is
handed in, integer microseconds) and never sees a token or an address.

What must hold, whatever locks a call waited for and in whatever process it runs:

1.  Every call sees its own audience only.
2.  `add` writes all of its records or none. A link id that is there already writes nothing and answers False.
3.  A record whose `number` and `generation` are None gets them from the store: a number above every other of its
    series, and the subject's generation. The subject is remembered from its first link on.
4.  A record that comes with a number and a generation (a reissue) is written only if the newest number of its
    series is still `number - 1` (0 where the series is empty) and the subject's generation is still the same.
    Otherwise nothing is written: False.
5.  `renamed` maps names under a retired key to their names under the signing key: series and recipients alike. It
    is applied first, in the same transaction, to every record of the audience that carries the old name, whatever
    subjects the new records have. A name that no record carries changes nothing.
6.  With `supersede` ON_ISSUE, `add` ends in the same write every older link of the series, for a renewed link its
    parent only. With ON_DELIVERY, `mark_delivered` does the same, provided that the delivered link is outstanding
    at `now`. With NEVER, neither. Superseding reaches outstanding, used and expired links, never revoked ones; the
    first instant stays. `mark_delivered` keeps the first `delivered_at`, and ignores ids that it doesn't know.
7.  `consume` is one conditional write. It succeeds when `Terms.met_by` holds, adds one to `uses`, sets
    `first_used_at` (once), `last_used_at` and `attempt`, and gives the record after it. Any number of racers:
    exactly `max_uses` win. With `ends_others` the same write supersedes the other outstanding links of its
    audience, purpose, subject and recipient.
8.  States only move forward. A slow writer un-uses and un-revokes nothing.
9.  `revoke` reaches every state, used and expired too; the first instant and reason stay. `revoke_matching` does
    the same row by row, and refuses an empty selector with BadArgumentError.
10. `revoke_subject` raises the subject's generation: one row, however many links. A record of an older generation
    is read as revoked, by every call, with that revocation's instant and reason (unless it was revoked by itself
    before). No `consume` succeeds after the call has returned, and nothing survives it that a reissue inserts from
    a parent read before. Order is the store's counter, never a clock's.
11. `find` gives the newest first, by `issued_at`, then by link id (both falling); `after` continues behind that
    link. An `after` that is unknown gives nothing.
12. `hit` counts the hits of a limit key in windows, aligned to multiples of `window` microseconds since 1970. The
    first `limit` hits of a window give None; later calls give the instant at which the next window begins, and count
    nothing. Racing calls never pass the limit.
13. `count_attempt` adds one to `attempts` and gives the record after it, while the link is outstanding at `now` and
    its attempts are below `limit`; else None. Racing calls never pass the limit.
14. `note` is best effort: at most one per link, kind and hour, and `NOTES_A_LINK` a link; more are dropped without
    a word. Notes of an unknown link may be dropped. `notes` gives them oldest first.
15. `purge` forgets at most `limit` links that expired before `before`, earliest first, with their notes, and
    tells how many; a subject goes with its last record. It may run while others redeem, and twice at once.
16. Bytes come back as they went in. Text is compared byte for byte: no case folding, no trimming, no normalising.
    Integers have 53 bits, from `-LARGEST` to `LARGEST`. What a store can't keep it refuses with BadArgumentError: it
    changes no value.
17. Trouble is StoreError, never a driver's exception and never a success: also where a write's outcome is unknown.
    What the store holds afterwards decides. Trouble found when a store is opened is ConfigurationError. Nothing is
    ever read from a replica that may lag.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ..records import Note, Record, Selector, Terms

NOTES_A_LINK = 100
"""How many notes a store keeps of one link: a link that is tried all day fills no table."""

HOUR = 3_600_000_000
"""Microseconds in an hour: of a link and a kind, a store keeps at most one note an hour."""

LARGEST = 2**53 - 1
"""The largest integer that every store keeps, also as microseconds since 1970: until the year 2255."""


class Store(Protocol):
    """Where records are kept. The module says what each call promises, by number."""

    def add(self, records: Sequence[Record], *, now: int, renamed: Mapping[bytes, bytes]) -> bool:
        """Write all of them or none (2–6)."""
        ...

    def newest(self, audience: str, subject: str, series: Sequence[bytes]) -> tuple[Record | None, int]:
        """Return the newest record of a series, named under every key, and the subject's generation."""
        ...

    def get(self, audience: str, link_id: bytes) -> Record | None:
        """Return one record, or None."""
        ...

    def consume(self, link_id: bytes, terms: Terms) -> Record | None:
        """Write one use if the terms are met, and give the record after it; else None (7)."""
        ...

    def mark_delivered(self, audience: str, link_ids: Sequence[bytes], *, now: int) -> None:
        """Remember that the mail server took them, and end what they replace (6)."""
        ...

    def find(self, selector: Selector, *, limit: int, after: bytes | None = None) -> Sequence[Record]:
        """Return what matches, newest first (11)."""
        ...

    def revoke(self, audience: str, link_id: bytes, *, now: int, reason: str) -> Record | None:
        """Withdraw one link and give the record after it; None where it is unknown (9)."""
        ...

    def revoke_matching(self, selector: Selector, *, now: int, reason: str) -> None:
        """Withdraw every link that matches, row by row (9)."""
        ...

    def revoke_subject(self, audience: str, subject: str, *, now: int, reason: str) -> None:
        """Withdraw every link that the subject has, by its generation (10)."""
        ...

    def hit(self, limit_key: bytes, *, now: int, limit: int, window: int) -> int | None:
        """Count one hit of a limit key; None, or the instant from which to try again (12)."""
        ...

    def count_attempt(self, audience: str, link_id: bytes, *, now: int, limit: int) -> Record | None:
        """Count one try at a link's code; None when no more are allowed (13)."""
        ...

    def note(self, note: Note) -> None:
        """Remember something that changed nothing (14)."""
        ...

    def notes(self, audience: str, link_ids: Sequence[bytes]) -> Sequence[Note]:
        """Return the notes of some links, oldest first (14)."""
        ...

    def purge(self, audience: str, *, before: int, limit: int) -> int:
        """Forget what expired before an instant (15)."""
        ...

    def check(self) -> None:
        """Test the schema, the privileges and a round trip of bytes and integers; else ConfigurationError."""
        ...

    def close(self) -> None:
        """Close files and connections; a later call is StoreError."""
        ...
