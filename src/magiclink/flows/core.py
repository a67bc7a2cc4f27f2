"""What every flow stands on: the configuration, checked once; the clock, the store and the app, each behind one call.

A token lives in the arguments of a flow alone, and a flow deletes it before anything may raise: error reporters collect
the local variables of every frame of a traceback.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property
from hashlib import sha256
from typing import TYPE_CHECKING, Any, ParamSpec, Protocol, TypeVar

from .. import clock as clocks
from ..addresses import canonicalize, fold_case
from ..crypto.keys import Digester, KeyRing, derive_contexts
from ..destinations import Site
from ..errors import BadArgumentError, ConfigurationError, InvalidLinkError, MagicLinkError, StoreError
from ..events import Event, Kind, emit, logger
from ..policy import Policy
from ..records import Note, Record, Selector
from ..stores.base import HOUR
from .configuration import able, at_once, by_purpose, called, of_type

if TYPE_CHECKING:
    from ..clock import Clock
    from ..crypto.seals import Seals
    from ..crypto.tokens import Genuine, Tokens
    from ..stores.base import Store

P = ParamSpec("P")
T = TypeVar("T")

LONGEST_TEXT = 255
"""Characters of a subject, resource, audience or reason: what every database keeps in one column and index."""

REMEMBERED_NOTES = 4_096
"""How many notes of this hour one process remembers, so as not to ask the store to drop them again."""


class StoreCall(Protocol):
    """How a call of the store is made: at once, or in a thread that an event loop awaits."""

    def __call__(self, call: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Awaitable[T]:
        """Call it, and give its answer when it's there."""
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
        self.audience: str = _name(self.site.origin if audience is None else audience)
        self.policies: dict[str, Policy] = by_purpose(policies)
        self._keys = of_type(keys, KeyRing, "keys: a KeyRing")
        self._contexts = derive_contexts(self.policies, self.audience)
        self.store: Store = able(store)
        self.clock = clock
        self._security_stamp = called(security_stamp, "security_stamp")
        self._on_event = at_once(called(on_event, "on_event"))
        self._store_call = store_call
        self._noted: set[tuple[bytes, str, int]] = set()
        if not callable(getattr(clock, "now", None)):
            raise ConfigurationError("clock: an object whose now() gives an aware datetime in UTC")

    # Built when the first link is made or read, since importing the locks costs more than the rest of the library.

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

    # The calls.

    def _now(self) -> int:
        return clocks.read(self.clock)

    async def _ask(self, call: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        """Ask the store. Whatever it raises, the caller gets an error of this library: unknown outcomes fail closed."""
        try:
            return await self._store_call(call, *args, **kwargs)
        except MagicLinkError:
            raise
        except Exception as error:
            raise StoreError("the store failed") from error

    async def _consult(self, call: Callable[..., Any], /, *args: object) -> Any:
        """Ask the app. Its exceptions pass through; nothing has been used up. It may be asynchronous under `aio`."""
        answer = call(*args)
        return await answer if isinstance(answer, Awaitable) else answer

    # Arguments.

    def _registered(self, policy: object) -> Policy:
        known = self.policies.get(policy.purpose) if isinstance(policy, Policy) else None
        # Nearly always it is the very policy: comparing two, field by field, costs a third of opening a token.
        if known is None or (known is not policy and known != policy):
            raise BadArgumentError("the policy must be one of those that MagicLinks was made with")
        return known

    def _recipient(self, address: str | None) -> str | None:
        return None if address is None else fold_case(canonicalize(address))

    # What the security stamp, a recipient or a browser is compared by.

    async def _stamp(self, subject: str, record: Record | None = None) -> tuple[bool, bytes | None]:
        """Return whether the subject's account may be used, and give the digest of its stamp under the signing key.

        With a record: whether the stamp is also the one that it was issued under. The app is asked once, so that what
        is compared is what the next link gets.
        """
        issued_under = None if record is None else record.stamp
        if self._security_stamp is None:
            if issued_under is not None:
                raise ConfigurationError("the link carries a security stamp, and MagicLinks has no security_stamp")
            return True, None
        given = await self._consult(self._security_stamp, subject)
        if given is None:
            return False, None
        stamp = _stamp_of(subject, given)
        is_same = issued_under is None or self._digests.matches("stamp", issued_under, stamp)
        return is_same, self._digests.digest("stamp", stamp)

    # Reading.

    def open_token(self, token: object) -> Genuine | None:
        """Return what a token proves, or None; the store isn't asked, and nothing raises."""
        return self._tokens.open(token)

    async def _record(self, link_id: bytes) -> Record:
        """Return a link's record. Raises InvalidLinkError where it's unknown: never made here, or forgotten."""
        record = await self._ask(self.store.get, self.audience, link_id)
        if record is None:
            raise InvalidLinkError("the link is unknown")
        return record

    # Telling.

    @property
    def _is_heard(self) -> bool:
        """Return whether anybody listens: an event that nobody hears isn't built, it costs as much as opening a token."""
        return self._on_event is not None or logger.isEnabledFor(logging.INFO)

    def _tell(self, kind: Kind, record: Record, *, at: int, reason: str = "") -> None:
        if self._is_heard:
            emit(Event.from_record(kind, record, at=at, reason=reason), self._on_event)

    async def _note(self, kind: Kind, record: Record, *, at: int, reason: str = "") -> None:
        """Tell what changed nothing, and remember it for the history, at most once per link, kind and hour.

        Best effort, outside of every transaction: a store that can't take it changes no verdict.
        """
        self._tell(kind, record, at=at, reason=reason)
        grain = (record.link_id, kind, at // HOUR)
        if grain in self._noted:
            return
        if len(self._noted) >= REMEMBERED_NOTES:
            self._noted.clear()
        note = Note(audience=self.audience, link_id=record.link_id, kind=kind, at=at, reason=reason)
        with best_effort(f"note of {kind}", record.link_id):
            await self._ask(self.store.note, note)
            self._noted.add(grain)

    async def _tell_superseded(self, by: Record, now: int, *, sharing: str) -> None:
        """Tell an app that listens which links another one ended: those that share its series, or its recipient.

        Best effort: the store ended them in the same write.
        """
        if self._on_event is None:
            return
        selector = Selector(audience=self.audience, purpose=by.purpose, subject=by.subject)
        with best_effort("telling what was superseded by", by.link_id):
            for record in await self._ask(self.store.find, selector, limit=100):
                if record.superseded_at == now and getattr(record, sharing) == getattr(by, sharing):
                    self._tell(Kind.SUPERSEDED, record, at=now, reason=by.link_id.hex())


@contextmanager
def best_effort(what: str, link_id: bytes) -> Iterator[None]:
    """Log a store's failure to help with a telling: what it tells of stands, and no verdict changes."""
    try:
        yield
    except MagicLinkError as error:
        logger.warning("no %s link=%s: %s", what, link_id.hex(), error)


def _stamp_of(subject: str, stamp: object) -> str:
    """Write what is digested: two accounts with one stamp have two digests, or a stolen record tells who shares one."""
    if not isinstance(stamp, str):
        raise ConfigurationError("security_stamp(subject) must give a str, or None for an account not to be used")
    return f"{len(subject)}:{subject}{stamp}"


def digest_nonce(nonce: str | None) -> bytes | None:
    """Return the digest by which a nonce of the caller's is recognised; the record needn't know the nonce itself."""
    return None if nonce is None else sha256(check_text(nonce, "attempt").encode()).digest()[:16]


def check_text(value: object, what: str) -> str:
    """Return a name of the app's back, byte for byte, or raise BadArgumentError.

    Unicode of 1 to 255 characters without U+0000, which PostgreSQL can't keep; nothing is trimmed, folded or
    normalised.
    """
    if not isinstance(value, str) or not 0 < len(value) <= LONGEST_TEXT or "\0" in value:
        raise BadArgumentError(f"{what}: a str of 1 to {LONGEST_TEXT} characters, without U+0000")
    if not value.isascii() and any("\ud800" <= character <= "\udfff" for character in value):
        raise BadArgumentError(f"{what}: a lone surrogate is no Unicode text")
    return str(value)


def parse_link_id(link_id: object) -> bytes | None:
    """Read a link id in its one spelling, 40 hexadecimal digits in lower case; None for anything else."""
    if not isinstance(link_id, str) or len(link_id) != 40:
        return None
    try:
        raw = bytes.fromhex(link_id)
    except ValueError:
        return None
    return raw if raw.hex() == link_id else None


def read_link_id(link_id: object) -> bytes:
    """Read a link id, or raise InvalidLinkError as for one that is unknown."""
    raw = parse_link_id(link_id)
    if raw is None:
        raise InvalidLinkError("the link is unknown")
    return raw


def _name(audience: object) -> str:
    try:
        return check_text(audience, "audience")
    except BadArgumentError as error:
        raise ConfigurationError(str(error)) from None
