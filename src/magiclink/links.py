"""The synchronous face of the core: `MagicLinks` runs each flow to its end with one `send(None)`.

There is one text of every flow, in `magiclink.flows`; this face is built from its signatures. A flow that would have to
wait is ConfigurationError: it belongs to `magiclink.aio`.
"""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any, Concatenate, Final, ParamSpec, TypeVar

from .clock import Clock, SystemClock
from .errors import ConfigurationError
from .flows import Flows

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Sequence
    from types import TracebackType
    from typing import Self

    from .crypto.keys import KeyRing
    from .events import Event
    from .policy import Policy
    from .stores.base import Store

P = ParamSpec("P")
T = TypeVar("T")


async def call_at_once(call: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
    """Call a store that answers at once."""
    return call(*args, **kwargs)


def run(flow: Coroutine[Any, Any, T]) -> T:
    """Run a flow to its end. Raises ConfigurationError if it would wait: half a flow has been run and is abandoned."""
    try:
        flow.send(None)
    except StopIteration as done:
        return done.value  # type: ignore[no-any-return]
    flow.close()
    raise ConfigurationError("something asked by this flow is asynchronous: use magiclink.aio.AsyncMagicLinks")


def _face(flow: Callable[Concatenate[Flows, P], Coroutine[Any, Any, T]]) -> Callable[Concatenate[MagicLinks, P], T]:
    def call(self: MagicLinks, /, *args: P.args, **kwargs: P.kwargs) -> T:
        try:
            waiting = flow(self.flows, *args, **kwargs)
        finally:
            # An error reporter that collects local variables must not find the token in this frame.
            del args, kwargs
        return run(waiting)

    call.__name__ = flow.__name__
    call.__qualname__ = f"MagicLinks.{flow.__name__}"
    call.__doc__ = flow.__doc__
    # Not `__wrapped__`: documentation tools would call it asynchronous.
    call.__signature__ = inspect.signature(flow)  # type: ignore[attr-defined]
    return call


class MagicLinks:
    """Issue, verify, redeem, reissue and revoke the links of one audience.

    `keys` sign; `store` remembers; `policies` are the rules, one a purpose; `base_url` (https, ending with `/`) is what
    links begin with, and never taken from a request. `audience` is the site or tenant, by default the origin of
    `base_url`. `clock` tells the time. `security_stamp(subject)` gives a text that changes when a subject's links must
    die (password, address, account state), or None if the account may not be used. `on_event` hears what happens, in
    place of the logger `magiclink`.

    Thread-safe, and safe across a fork as far as its store is. Raises ConfigurationError for what can't work or isn't
    safe.
    """

    def __init__(
        self,
        *,
        keys: KeyRing,
        store: Store,
        policies: Sequence[Policy],
        base_url: str,
        audience: str | None = None,
        clock: Clock = SystemClock(),  # noqa: B008  # it has no state
        security_stamp: Callable[[str], str | None] | None = None,
        on_event: Callable[[Event], None] | None = None,
    ) -> None:
        self.flows: Flows = Flows(
            keys=keys,
            store=store,
            policies=policies,
            base_url=base_url,
            audience=audience,
            clock=clock,
            security_stamp=security_stamp,
            on_event=on_event,
            store_call=call_at_once,
        )

    issue: Final = _face(Flows.issue)
    issue_many: Final = _face(Flows.issue_many)
    mark_delivered: Final = _face(Flows.mark_delivered)
    verify: Final = _face(Flows.verify)
    redeem: Final = _face(Flows.redeem)
    recall: Final = _face(Flows.recall)
    remind: Final = _face(Flows.remind)
    renew: Final = _face(Flows.renew)
    revoke: Final = _face(Flows.revoke)
    revoke_all: Final = _face(Flows.revoke_all)
    inspect: Final = _face(Flows.inspect)
    find: Final = _face(Flows.find)
    history: Final = _face(Flows.history)
    purge: Final = _face(Flows.purge)
    close: Final = _face(Flows.close)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()
