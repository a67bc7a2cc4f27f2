"""The Redis and Valkey store, for Redis 7 or newer: one script a call, and no key that goes by itself.

All keys of an audience carry one hash tag, so that a cluster serves it from one machine: failover, not spread. A record
stays past its expiry until `purge` forgets it, so that a page can still explain.

Redis answers before its replicas have a write, so a failover can undo a use (a one-shot link works a second time), a
revocation, a record or a limit's count. docs/redis.md lists what to set against it. Links that sign somebody in are
better kept in SQLite or PostgreSQL, since a second use matters there.

This module says which script answers which call; `connections.py` runs them, and the conditions are in `scripts.py`.
"""

from __future__ import annotations

from datetime import timedelta
from math import inf
from struct import Struct
from typing import TYPE_CHECKING, Any

from ...errors import BadArgumentError, ConfigurationError, StoreError
from ...records import CLOCK_SKEW, Note
from ..base import HOUR, LARGEST, NOTES_A_LINK, Store
from ..bindings import end_window, require_fields
from . import scripts, selftest
from .connections import TIMEOUT, Server
from .encoding import (
    derive_tag,
    encode_bytes,
    encode_id,
    encode_integer,
    encode_optional,
    encode_sortable,
    encode_text,
    name_list,
    pack_record,
    require_integer,
    unpack_record,
)
from .version import require_version

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    import redis

    from ...records import Record, Selector, Terms
    from .lua import Script

WAIT_TIMEOUT = timedelta(seconds=1)
"""How long a write waits for replicas, where it is asked to, until it raises StoreError."""

PAGE = 1_000
"""How many records of a whole audience one script looks at: the server answers nobody else meanwhile."""

_ALL = name_list(b"a", b"")
_NUMBERS = Struct(">5d")


class RedisStore(Store):
    """A store in Redis or Valkey, opened by a URL or over a client of redis-py, which stays the caller's to close.

    `prefix` begins every key. `timeout` is how long a call waits for a connection or an answer until it raises
    StoreError; a URL with `socket_timeout`, and a client, keep their own. `wait_replicas` is how many replicas must
    have a write before its call returns, waiting no longer than `wait_timeout` (at least 1 ms, less than `timeout`).

    Raises ConfigurationError where the server can't be reached, asks for a password, is older than 7.0, is a replica,
    is loading, may drop records when its memory is short, or holds keys of another version of this library; or where
    the client decodes responses.
    """

    def __init__(
        self,
        url_or_client: str | redis.Redis | redis.RedisCluster,
        *,
        prefix: str = "magiclink",
        timeout: timedelta = TIMEOUT,
        wait_replicas: int = 0,
        wait_timeout: timedelta = WAIT_TIMEOUT,
    ) -> None:
        # A brace in it would be the hash tag of every key, and one slot would hold all audiences.
        if not prefix or "{" in prefix or "}" in prefix:
            raise ConfigurationError(f"prefix: wanted one character or more, and no braces, got {prefix!r}")
        self._prefix = encode_text(prefix) + b":"
        self._server = Server(url_or_client, timeout=timeout, wait_replicas=wait_replicas, wait_timeout=wait_timeout)
        try:
            self._check_server()
        except ConfigurationError:
            self.close()
            raise

    def add(self, records: Sequence[Record], *, now: int, renamed: Mapping[bytes, bytes]) -> bool:
        """Write all of them or none (2–6). Raises BadArgumentError where they are of more than one audience."""
        if not records:
            return True
        audience, *others = {record.audience for record in records}
        if others:
            raise BadArgumentError(
                f"the links are of {1 + len(others)} audiences, which Redis can't write as all or none: "
                "issue those of each audience in a call of its own"
            )
        names = [encode_bytes(name) for pair in renamed.items() for name in pair]
        values = (encode_integer(now), b"%d" % len(renamed), *names, *map(pack_record, records))
        return bool(self._run(scripts.ADD, audience, *values))

    def newest(self, audience: str, subject: str, series: Sequence[bytes]) -> tuple[Record | None, int]:
        generation, value = self._run(scripts.NEWEST, audience, encode_text(subject), *series)
        return _unpack(value), generation

    def get(self, audience: str, link_id: bytes) -> Record | None:
        return _unpack(self._run(scripts.GET, audience, encode_id(link_id)))

    def consume(self, link_id: bytes, terms: Terms) -> Record | None:
        return _unpack(self._run(scripts.CONSUME, terms.audience, encode_id(link_id), *_bind_terms(terms)))

    def mark_delivered(self, audience: str, link_ids: Sequence[bytes], *, now: int) -> None:
        self._run(scripts.DELIVER, audience, encode_integer(now), *map(encode_id, link_ids))

    def find(self, selector: Selector, *, limit: int, after: bytes | None = None) -> Sequence[Record]:
        last = None if after is None else self.get(selector.audience, after)
        if limit <= 0 or (after is not None and last is None):
            return []
        found: list[Record] = []
        for page in self._walk(scripts.FIND, selector, _choose_top(selector, last), b"%d" % limit):
            found += map(unpack_record, page)
            if len(found) >= limit:
                break
        # Each list of a page is sorted, and one address may have several.
        return sorted(found, key=lambda record: (record.issued_at, record.link_id), reverse=True)[:limit]

    def revoke(self, audience: str, link_id: bytes, *, now: int, reason: str) -> Record | None:
        values = encode_id(link_id), encode_integer(now), encode_text(reason)
        return _unpack(self._run(scripts.REVOKE, audience, *values))

    def revoke_matching(self, selector: Selector, *, now: int, reason: str) -> None:
        require_fields(selector)
        values = encode_integer(now), encode_text(reason)
        for _ in self._walk(scripts.REVOKE_MATCHING, selector, _choose_top(selector, None), *values):
            pass

    def revoke_subject(self, audience: str, subject: str, *, now: int, reason: str) -> None:
        values = encode_text(subject), encode_integer(now), encode_text(reason)
        self._run(scripts.REVOKE_SUBJECT, audience, *values)

    def hit(self, limit_key: bytes, *, now: int, limit: int, window: int) -> int | None:
        ends_at = end_window(now, window)
        name = b"%b:%b:%b" % (encode_integer(ends_at), encode_integer(window), limit_key)
        # Other machines' clocks may still be in a window that ended here.
        values = name, encode_integer(limit), encode_integer(ends_at), b"%d" % (now - CLOCK_SKEW)
        return None if self._server.run(scripts.HIT, self._prefix + b"{limits}", *values) else ends_at

    def count_attempt(self, audience: str, link_id: bytes, *, now: int, limit: int) -> Record | None:
        values = encode_id(link_id), encode_integer(now), encode_integer(limit)
        return _unpack(self._run(scripts.COUNT_ATTEMPT, audience, *values))

    def note(self, note: Note) -> None:
        name = b"%d:%b" % (note.at // HOUR, encode_text(note.kind))
        value = b"%b:%b" % (encode_integer(note.at), encode_text(note.reason))
        self._run(scripts.NOTE, note.audience, encode_id(note.link_id), b"%d" % NOTES_A_LINK, name, value)

    def notes(self, audience: str, link_ids: Sequence[bytes]) -> Sequence[Note]:
        unique = list(dict.fromkeys(link_ids))
        answers = self._run(scripts.NOTES, audience, *map(encode_id, unique))
        found = [
            _read_note(audience, link_id, name, value)
            for link_id, answer in zip(unique, answers, strict=True)
            for name, value in zip(answer[::2], answer[1::2], strict=True)
        ]
        return sorted(found, key=lambda note: (note.at, note.kind))

    def purge(self, audience: str, *, before: int, limit: int) -> int:
        """Forget what expired before an instant: all of `limit` in one script, so not too many at once (15)."""
        return int(self._run(scripts.PURGE, audience, encode_sortable(before), b"%d" % max(limit, 0)))

    def check(self) -> None:
        self._server.require_open()
        self._check_server()
        try:
            selftest.run(self)
        except StoreError as error:
            raise ConfigurationError(f"the server refuses a command that the store needs: {error}") from error

    def close(self) -> None:
        self._server.close()

    def _check_server(self) -> None:
        self._server.check()
        require_version(self._server, self._prefix)

    def _run(self, script: Script, audience: str, *values: bytes) -> Any:
        return self._server.run(script, self._prefix + derive_tag(audience), *values)

    def _walk(self, script: Script, selector: Selector, top: bytes, *values: bytes) -> Iterator[list[bytes]]:
        """Run a script down the lists that hold what is selected, below `top`, and yield what each page found."""
        lists = _choose_lists(selector)
        # Only a whole audience is walked in pages. Several lists are those of one address: between two scripts, a link
        # could be renamed from one list to another and be missed.
        most = b"%d" % (PAGE if lists == (_ALL,) else LARGEST)
        fields = [encode_optional(each) for each in (selector.purpose, selector.subject, selector.resource)]
        while True:
            top, found = self._run(script, selector.audience, most, top, *fields, *values, *lists)
            yield found
            if not top:
                return


def _unpack(value: bytes | None) -> Record | None:
    return None if value is None else unpack_record(value)


def _read_note(audience: str, link_id: bytes, name: bytes, value: bytes) -> Note:
    """Read a note: its hour stands before its kind, its instant before its reason."""
    kind, (at, _, reason) = name.partition(b":")[2], value.partition(b":")
    return Note(audience=audience, link_id=link_id, kind=kind.decode(), at=int(at), reason=reason.decode())


def _bind_terms(terms: Terms) -> tuple[bytes, ...]:
    """Bind the terms, their numbers as doubles: a sum beyond 53 bits is rounded, and stays beyond every instant."""
    max_uses = inf if terms.max_uses is None else require_integer(terms.max_uses)
    now = require_integer(terms.now)
    return (
        encode_text(terms.purpose),
        encode_optional(terms.stamp),
        encode_optional(terms.attempt),
        b"%d" % terms.ends_others,
        _NUMBERS.pack(now, now - terms.lifetime, now + CLOCK_SKEW, max_uses, now - terms.reclick),
    )


def _choose_top(selector: Selector, last: Record | None) -> bytes:
    """Return below what a walk begins: behind the last record, before an instant, or at the newest, which is empty."""
    tops = [] if last is None else [encode_sortable(last.issued_at) + encode_id(last.link_id)]
    if selector.issued_before is not None:
        tops.append(encode_sortable(selector.issued_before))
    return min(tops, default=b"")


def _choose_lists(selector: Selector) -> tuple[bytes, ...]:
    """Return the lists of the rarest field that the selector has."""
    if selector.recipients is not None:
        return tuple(name_list(b"m", encode_optional(each)) for each in dict.fromkeys(selector.recipients))
    if selector.resource is not None:
        return (name_list(b"r", encode_optional(selector.resource)),)
    if selector.subject is not None:
        return (name_list(b"u", encode_text(selector.subject)),)
    return (_ALL,)
