"""The asynchronous face of the core: the same flows, awaited; a store that blocks is asked in a thread.

`security_stamp` and `admit` may be asynchronous here. Cancelling a flow loses nothing: a write that was under way ends
in its thread, and what the store holds afterwards decides.
"""

from __future__ import annotations

import asyncio
import inspect
from typing import TYPE_CHECKING, Any, Concatenate, Final, ParamSpec, TypeVar

from .clock import Clock, SystemClock
from .flows import Flows

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine, Sequence
    from types import TracebackType
    from typing import Self

    from .crypto.keys import KeyRing
    from .events import Event
    from .policy import Policy
    from .stores.base import Store

P = ParamSpec("P")
T = TypeVar("T")


async def call_in_thread(call: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
    """Call a store that blocks in a thread of the loop's, and await it."""
    return await asyncio.to_thread(call, *args, **kwargs)


def _face(
    flow: Callable[Concatenate[Flows, P], Coroutine[Any, Any, T]],
) -> Callable[Concatenate[AsyncMagicLinks, P], Coroutine[Any, Any, T]]:
    async def call(self: AsyncMagicLinks, /, *args: P.args, **kwargs: P.kwargs) -> T:
        try:
            waiting = flow(self.flows, *args, **kwargs)
        finally:
            # An error reporter that collects local variables must not find the token in this frame.
            del args, kwargs
        return await waiting

    call.__name__ = flow.__name__
    call.__qualname__ = f"AsyncMagicLinks.{flow.__name__}"
    call.__doc__ = flow.__doc__
    call.__signature__ = inspect.signature(flow)  # type: ignore[attr-defined]
    return call


class AsyncMagicLinks:
    """MagicLinks for asynchronous programs: the same arguments, the same calls, each to be awaited."""

    def __init__(
        self,
        *,
        keys: KeyRing,
        store: Store,
        policies: Sequence[Policy],
        base_url: str,
        audience: str | None = None,
        clock: Clock = SystemClock(),  # noqa: B008  # it has no state
        security_stamp: Callable[[str], Awaitable[str | None] | str | None] | None = None,
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
            store_call=call_in_thread,
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

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.close()
