"""The Redis store, for Redis 7 or newer and Valkey: one script a call, and no key that goes by itself.

All keys of an audience carry one hash tag, so that a cluster serves it from one machine: failover, not spread. A record
stays past its expiry until `purge` forgets it, so that a page can still explain.

What a failover can undo: Redis answers before its replicas have heard. A replica that takes over without the last
writes has lost a use (a one-shot link works a second time), a revocation (what was withdrawn works again, and what it
opened stays open), a record (its link is unknown) or a limit's count. Against it:

- `wait_replicas=1` or more: a call returns when so many replicas have its write, else it is StoreError. This narrows
  the gap and doesn't close it, since another replica may take over.
- `min-replicas-to-write 1` on the server: a primary that has been cut off soon refuses to write.
- `appendonly yes` with `appendfsync always`: what was answered survives a crash and a restart of the machine itself;
  with `everysec` its last second or two may not.
- Account policies, where a second use matters, are better kept in SQLite or PostgreSQL.

This room says which script answers which call; `connections.py` runs them, and the conditions are in
`scripts.py`.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, NamedTuple

from ...errors import BadArgumentError, ConfigurationError, StoreError
from ...records import CLOCK_SKEW, Note
from ..base import HOUR, NOTES_A_LINK
from . import encoding as packing
from . import scripts, selftest
from .connections import Server

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import redis

    from ...records import Record, Selector, Terms
    from .lua import Script

WAIT_TIMEOUT = timedelta(seconds=1)
"""How long a write waits for replicas, where it is asked to, until it is StoreError."""

PAGE = 1_000
"""How many records of a whole audience one script looks at: the server answers nobody else meanwhile."""

_EVERYTHING = 2**53
_ALL = packing.listed(b"a", b"")


class _Walk(NamedTuple):
    """Which lists a script walks, from where, how far in one go, and what it passes over."""

    lists: tuple[bytes, ...]
    most: int
    top: bytes
    wanted: tuple[bytes, ...]


class RedisStore:
    """A store in Redis or Valkey, opened by a URL or over a client of redis-py, which stays the caller's to close.

    `prefix` begins every key. `wait_replicas` is how many replicas must have a write before its call returns, waiting
    no longer than `wait_timeout` (1 ms to 5 s). Raises ConfigurationError where the server can't be reached, asks for
    a password, is older than 7.0, is a replica, is loading, or may drop records when its memory is short; or where the
    client decodes responses.
    """

    def __init__(
        self,
        url_or_client: str | redis.Redis | redis.RedisCluster,
        *,
        prefix: str = "magiclink",
        wait_replicas: int = 0,
        wait_timeout: timedelta = WAIT_TIMEOUT,
    ) -> None:
        # A brace in it would be the hash tag of every key, and one slot would hold all audiences.
        if not prefix or "{" in prefix or "}" in prefix:
            raise ConfigurationError("prefix: some characters, no braces")
        self._prefix = packing.encoded(prefix) + b":"
        self._server = Server(url_or_client, wait_replicas=wait_replicas, wait_timeout=wait_timeout)

    def add(self, records: Sequence[Record], *, now: int, renamed: Mapping[bytes, bytes]) -> bool:
        """Write all of them or none (2–6). Raises BadArgumentError where they are of more than one audience."""
        audiences = {record.audience for record in records}
        if len(audiences) > 1:
            raise BadArgumentError("Redis writes links of one audience at a time, or it couldn't write all or none")
        names = [packing.fitting(bytes, name) for pair in renamed.items() for name in pair] if records else []
        values = (packing.integer(now), b"%d" % (len(names) // 2), *names, *map(packing.packed, records))
        return bool(self._server.run(scripts.ADD, self._key(*audiences, *[""][len(audiences) :]), *values))

    def newest(self, audience: str, subject: str, series: Sequence[bytes]) -> tuple[Record | None, int]:
        """Return the newest record of a series, named under every key, and the subject's generation."""
        key, name = self._key(audience), packing.encoded(subject)
        generation, value = self._server.run(scripts.NEWEST, key, name, *series)
        return _record(value), packing.read_integer(generation)

    def get(self, audience: str, link_id: bytes) -> Record | None:
        """Return one record, or None."""
        return _record(self._server.run(scripts.GET, self._key(audience), packing.hexed(link_id)))

    def consume(self, link_id: bytes, terms: Terms) -> Record | None:
        """Write one use if the terms are met, and give the record after it; else None (7)."""
        return _record(self._server.run(scripts.CONSUME, self._key(terms.audience), *_bound(link_id, terms)))

    def mark_delivered(self, audience: str, link_ids: Sequence[bytes], *, now: int) -> None:
        """Remember that the mail server took them, and end what they replace (6)."""
        self._server.run(scripts.DELIVER, self._key(audience), packing.integer(now), *map(packing.hexed, link_ids))

    def find(self, selector: Selector, *, limit: int, after: bytes | None = None) -> Sequence[Record]:
        """Return what matches, newest first (11)."""
        last = None if after is None else self.get(selector.audience, after)
        if after is not None and last is None:
            return []
        found: list[Record] = []
        walk: _Walk | None = _walk(selector, last)
        while walk:
            wanted = b"%d" % max(1, limit - len(found))
            walk, values = self._walked(scripts.FIND, selector, walk, wanted)
            found += map(packing.unpacked, values)
            if len(found) >= limit:
                break
        return sorted(found, key=_age, reverse=True)[: max(limit, 0)]

    def revoke(self, audience: str, link_id: bytes, *, now: int, reason: str) -> Record | None:
        """Withdraw one link and give the record after it; None where it is unknown (9)."""
        values = packing.hexed(link_id), packing.integer(now), packing.encoded(reason)
        return _record(self._server.run(scripts.REVOKE, self._key(audience), *values))

    def revoke_matching(self, selector: Selector, *, now: int, reason: str) -> None:
        """Withdraw every link that matches, row by row (9)."""
        if selector.is_empty:
            raise BadArgumentError("an empty selector would revoke every link of the audience")
        values = packing.integer(now), packing.encoded(reason)
        walk: _Walk | None = _walk(selector, None)
        while walk:
            walk, _ = self._walked(scripts.REVOKE_MATCHING, selector, walk, *values)

    def revoke_subject(self, audience: str, subject: str, *, now: int, reason: str) -> None:
        """Withdraw every link that the subject has, by its generation (10)."""
        values = packing.encoded(subject), packing.integer(now), packing.encoded(reason)
        self._server.run(scripts.REVOKE_SUBJECT, self._key(audience), *values)

    def hit(self, bucket: bytes, *, now: int, limit: int, window: int) -> int | None:
        """Count one in a bucket; None, or the instant from which to try again (12)."""
        ends_at = now - now % window + window
        name = packing.place(ends_at) + packing.integer(window) + bucket
        # Other machines' clocks may still be in a window that ended here.
        ended = packing.place(now - CLOCK_SKEW)
        taken = self._server.run(scripts.TAKE, self._prefix + b"{buckets}", name, packing.integer(limit), ended)
        return None if taken else ends_at

    def count_attempt(self, audience: str, link_id: bytes, *, now: int, limit: int) -> Record | None:
        """Count one try at a link's code; None when no more are allowed (13)."""
        values = packing.hexed(link_id), packing.integer(now), packing.integer(limit)
        return _record(self._server.run(scripts.COUNT_ATTEMPT, self._key(audience), *values))

    def note(self, note: Note) -> None:
        """Remember something that changed nothing (14)."""
        name = packing.place(note.at // HOUR) + packing.encoded(note.kind)
        value = packing.integer(note.at) + packing.encoded(note.reason)
        link_id, most = packing.hexed(note.link_id), b"%d" % NOTES_A_LINK
        self._server.run(scripts.NOTE, self._key(note.audience), link_id, most, name, value)

    def notes(self, audience: str, link_ids: Sequence[bytes]) -> Sequence[Note]:
        """Return the notes of some links, oldest first (14)."""
        asked = list(dict.fromkeys(link_ids))
        answers = self._server.run(scripts.NOTES, self._key(audience), *map(packing.hexed, asked))
        found = [
            _note(audience, link_id, name, value)
            for link_id, answer in zip(asked, answers, strict=True)
            for name, value in zip(answer[::2], answer[1::2], strict=True)
        ]
        return sorted(found, key=lambda note: (note.at, note.kind))

    def purge(self, audience: str, *, before: int, limit: int) -> int:
        """Forget what expired before an instant: all of `limit` in one script, so not too many at once (15)."""
        end, most = packing.place(packing.clipped(before)), b"%d" % max(limit, 0)
        return int(self._server.run(scripts.PURGE, self._key(audience), end, most))

    def check(self) -> None:
        """Prove the server, the privileges and a round trip of bytes and integers; else ConfigurationError."""
        self._server.require_open()
        self._server.prove()
        try:
            selftest.prove(self)
        except StoreError as error:
            raise ConfigurationError(f"the server refuses what a store needs: {error}") from error

    def close(self) -> None:
        """Let go of the connections that were opened for it; a later call is StoreError."""
        self._server.close()

    def _key(self, audience: str) -> bytes:
        return self._prefix + packing.tag(audience)

    def _walked(
        self, script: Script, selector: Selector, walk: _Walk, *values: bytes
    ) -> tuple[_Walk | None, list[bytes]]:
        """Walk once, and give the walk that goes on from there, and what was found."""
        args = (b"%d" % walk.most, walk.top, *walk.wanted, *values, *walk.lists)
        top, found = self._server.run(script, self._key(selector.audience), *args)
        return (walk._replace(top=top) if top else None), found


def _record(value: bytes | None) -> Record | None:
    return None if value is None else packing.unpacked(value)


def _age(record: Record) -> tuple[int, bytes]:
    return record.issued_at, record.link_id


def _note(audience: str, link_id: bytes, name: bytes, value: bytes) -> Note:
    """Read a note: its hour stands before its kind, its instant before its reason."""
    at, kind, reason = packing.read_integer(value[:8]), name[8:].decode(), value[8:].decode()
    return Note(audience=audience, link_id=link_id, kind=kind, at=at, reason=reason)


def _bound(link_id: bytes, terms: Terms) -> tuple[bytes, ...]:
    """Bind the terms. Sums are made here, where an integer has no end."""
    instants = (
        terms.now,
        packing.clipped(terms.now - terms.lifetime),
        packing.clipped(terms.now + CLOCK_SKEW),
        terms.max_uses,
        packing.clipped(terms.now - terms.reclick),
    )
    return (
        packing.hexed(link_id),
        packing.encoded(terms.purpose),
        packing.optional(terms.stamp),
        packing.optional(terms.attempt),
        b"%d" % terms.ends_others,
        packing.integers(instants),
    )


def _walk(selector: Selector, last: Record | None) -> _Walk:
    """Begin a walk down the lists of the rarest field that is given, behind a record or below an instant."""
    tops = [] if last is None else [packing.place(last.issued_at) + packing.hexed(last.link_id)]
    if selector.issued_before is not None:
        tops.append(packing.place(packing.clipped(selector.issued_before)))
    lists = _lists(selector)
    return _Walk(
        lists=lists,
        # A list of one name is walked in one script: several of them are one address, whose links may be renamed.
        most=PAGE if lists == (_ALL,) else _EVERYTHING,
        top=min(tops, default=b""),
        wanted=tuple(map(packing.optional, (selector.purpose, selector.subject, selector.resource))),
    )


def _lists(selector: Selector) -> tuple[bytes, ...]:
    if selector.recipients is not None:
        return tuple(packing.listed(b"m", packing.optional(each)) for each in dict.fromkeys(selector.recipients))
    if selector.resource is not None:
        return (packing.listed(b"r", packing.optional(selector.resource)),)
    if selector.subject is not None:
        return (packing.listed(b"u", packing.encoded(selector.subject)),)
    return (_ALL,)
