"""What every flow needs: the configuration, checked once; the clock, the store and the app, each behind one call.

A token lives in the arguments of a flow alone, and a flow deletes it before anything may raise: error reporters collect
the local variables of every frame of a traceback.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property
from typing import TYPE_CHECKING, Any, ParamSpec, Protocol, TypeVar

from .. import clock as clocks
from .. import decisions
from ..addresses import canonicalize, fold_case
from ..crypto.keys import Digester, KeyRing, derive_contexts
from ..destinations import Site
from ..errors import ConfigurationError, InvalidLinkError, MagicLinkError, StoreError, describe_type
from ..events import Event, Kind, emit, logger
from ..records import Note, Record, Selector
from ..stores.base import HOUR
from ..values import LinkInfo
from .arguments import explain_token
from .configuration import (
    check_audience,
    check_callable,
    check_clock,
    check_event_sink,
    check_keys,
    check_store,
    index_policies,
)

if TYPE_CHECKING:
    from ..clock import Clock
    from ..crypto.seals import Seals
    from ..crypto.tokens import Genuine, Tokens
    from ..policy import Policy
    from ..stores.base import Store

P = ParamSpec("P")
T = TypeVar("T")

REMEMBERED_NOTES = 4_096
"""How many notes of this hour one process remembers, so as not to ask the store to drop them again."""

UNKNOWN = "the link is unknown: never made here, or purged"


class StoreCall(Protocol):
    """How a call of the store is made: at once, or in a thread that an event loop awaits."""

    def __call__(self, call: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Awaitable[T]:
        """Call it, and return its answer when it's there."""
        ...


class Core:
    """The configuration that every flow shares. Raises ConfigurationError for what can't work or isn't safe."""

    def __init__(
        self,
        *,
        keys: KeyRing,
        store: Store,
        policies: Sequence[Policy],
        base_url: str,
        audience: str | None = None,
        clock: Clock,
        security_stamp: Callable[[str], Awaitable[str | None] | str | None] | None = None,
        on_event: Callable[[Event], None] | None = None,
        store_call: StoreCall,
    ) -> None:
        self.site: Site = Site.from_url(base_url)
        self.audience: str = check_audience(self.site.origin if audience is None else audience)
        self.policies: dict[str, Policy] = index_policies(policies)
        self._keys = check_keys(keys)
        self._contexts = derive_contexts(self.policies, self.audience)
        self.store: Store = check_store(store)
        self.clock = clock
        self._security_stamp = check_callable(security_stamp, "security_stamp")
        self._on_event = check_event_sink(on_event)
        self._store_call = store_call
        self._noted: set[tuple[bytes, str, int]] = set()
        check_clock(clock)

    # Built when the first link is made or read, since importing cryptography costs more than the rest of the library.

    @cached_property
    def _tokens(self) -> Tokens:
        from ..crypto.tokens import Tokens  # noqa: PLC0415

        return Tokens(self._keys, self.audience, self._contexts)

    @cached_property
    def _seals(self) -> Seals:
        from ..crypto.seals import Seals  # noqa: PLC0415

        return Seals(self._keys, self.audience)

    @cached_property
    def _digests(self) -> Digester:
        return Digester(self._keys, self.audience)

    # The clock, the store and the app.

    def read_clock(self) -> int:
        """Ask the clock, once a call: everything below is handed its answer, in microseconds. Raises ClockError."""
        return clocks.read(self.clock)

    async def _call_store(self, call: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        """Ask the store. Whatever it raises, the caller gets an error of this library: unknown outcomes fail closed."""
        try:
            return await self._store_call(call, *args, **kwargs)
        except MagicLinkError:
            raise
        except Exception as error:
            raise StoreError(f"the store failed ({type(error).__name__})") from error

    async def _call_app(self, call: Callable[..., Any], /, *args: object) -> Any:
        """Ask the app. Its exceptions pass through; nothing has been used up. It may be asynchronous under `aio`."""
        answer = call(*args)
        return await answer if isinstance(answer, Awaitable) else answer

    # What a recipient or a security stamp is compared by.

    def _fold_address(self, address: str | None) -> str | None:
        return None if address is None else fold_case(canonicalize(address))

    async def _read_stamp(self, subject: str, record: Record | None = None) -> tuple[bool, bytes | None]:
        """Return whether the subject's account may be used, and the digest of its stamp under the signing key.

        With a record: whether the stamp is also the one that it was issued under. The app is asked once, so that what
        is compared is what the next link gets.
        """
        issued_under = None if record is None else record.stamp
        if self._security_stamp is None:
            if issued_under is not None:
                raise ConfigurationError(
                    "the link was issued with a security stamp: give MagicLinks(security_stamp=…) again"
                )
            return True, None
        answer = await self._call_app(self._security_stamp, subject)
        if answer is None:
            return False, None
        stamp = _frame_stamp(subject, answer)
        is_same = issued_under is None or self._digests.matches("stamp", issued_under, stamp)
        return is_same, self._digests.digest("stamp", stamp)

    # Reading.

    def open_token(self, token: object) -> Genuine | None:
        """Return what a token proves, or None; the store isn't asked, and nothing raises."""
        return self._tokens.open(token)

    def _read_token(self, token: object) -> Genuine | str:
        """Return what a token proves, or else what its caller raises InvalidLinkError with, once it has deleted it."""
        return self._tokens.open(token) or explain_token(token)

    async def read_record(self, link_id: bytes) -> Record:
        """Return a link's record. Raises InvalidLinkError where it's unknown: never made here, or forgotten."""
        record = await self._call_store(self.store.get, self.audience, link_id)
        if record is None:
            raise InvalidLinkError(UNKNOWN)
        return record

    def describe(self, record: Record, now: int) -> LinkInfo:
        """Return all that is known of a link, under today's policy."""
        policy = self.policies.get(record.purpose)
        return LinkInfo.from_record(record if policy is None else decisions.tighten(record, policy), now=now)

    # Events and notes.

    @property
    def _has_listener(self) -> bool:
        """Return whether anybody listens: an event that nobody hears isn't built, it costs as much as a token."""
        return self._on_event is not None or logger.isEnabledFor(logging.INFO)

    def _emit(self, kind: Kind, record: Record, *, at: int, reason: str = "") -> None:
        if self._has_listener:
            emit(Event.from_record(kind, record, at=at, reason=reason), self._on_event)

    async def _note(self, kind: Kind, record: Record, *, at: int, reason: str = "") -> None:
        """Emit what changed nothing, and remember it for the history, at most once per link, kind and hour.

        Best effort, outside of every transaction: a store that can't take it changes no verdict.
        """
        self._emit(kind, record, at=at, reason=reason)
        dedupe_key = (record.link_id, kind, at // HOUR)
        if dedupe_key in self._noted:
            return
        if len(self._noted) >= REMEMBERED_NOTES:
            self._noted.clear()
        note = Note(audience=self.audience, link_id=record.link_id, kind=kind, at=at, reason=reason)
        with suppress_failure(f"note of {kind}", record.link_id):
            await self._call_store(self.store.note, note)
            self._noted.add(dedupe_key)

    async def _emit_superseded(self, by: Record, now: int, *, sharing: str) -> None:
        """Emit to an app that listens which links another one ended: those that share its series, or its recipient.

        Best effort: the store ended them in the same write.
        """
        if self._on_event is None:
            return
        selector = Selector(audience=self.audience, purpose=by.purpose, subject=by.subject)
        with suppress_failure("event of what was superseded by", by.link_id):
            for record in await self._call_store(self.store.find, selector, limit=100):
                if record.superseded_at == now and getattr(record, sharing) == getattr(by, sharing):
                    self._emit(Kind.SUPERSEDED, record, at=now, reason=by.link_id.hex())


@contextmanager
def suppress_failure(what: str, link_id: bytes) -> Iterator[None]:
    """Log a store's failure to help with an event or a note: what it is about stands, and no verdict changes."""
    try:
        yield
    except MagicLinkError as error:
        logger.warning("no %s link=%s: %s", what, link_id.hex(), error)


def _frame_stamp(subject: str, stamp: object) -> str:
    """Join what is digested: two accounts with one stamp have two digests, or a stolen record tells who shares one."""
    if not isinstance(stamp, str):
        raise ConfigurationError(
            "security_stamp(subject) must return a str, or None for an account not to be used; "
            f"it returned {describe_type(stamp)}"
        )
    return f"{len(subject)}:{subject}{stamp}"
