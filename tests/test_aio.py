"""The asynchronous API: the same stories, awaited; a store that blocks is asked off the loop's thread."""

from __future__ import annotations

import asyncio
import inspect
from datetime import timedelta
from threading import Event as Flag
from threading import get_ident
from typing import TYPE_CHECKING, Any

import pytest

from magiclink import (
    CONFIRM_EMAIL,
    INVOICE,
    SIGN_IN,
    InvalidLinkError,
    NotAdmittedError,
    RevokedLinkError,
    State,
    StoreError,
    UsedLinkError,
)
from magiclink.aio import AsyncMagicLinks
from magiclink.flows import Flows
from magiclink.links import MagicLinks

if TYPE_CHECKING:
    from magiclink import LinkInfo
    from tests.conftest import World

AP = "ap@acme.example"
CALLS = [name for name in vars(MagicLinks) if not name.startswith("_")]


def asynchronous(world: World, **settings: Any) -> AsyncMagicLinks:
    """Make the asynchronous API."""
    return AsyncMagicLinks(**world.settings(**settings))


def test_calls() -> None:
    """Both classes have the same calls."""
    assert [name for name in vars(AsyncMagicLinks) if not name.startswith("_")] == CALLS


@pytest.mark.parametrize("call", CALLS)
def test_method_of_a_flow(call: str) -> None:
    """A call is a plain function, to be awaited, with one line of documentation and the synchronous signature."""
    method, same = vars(AsyncMagicLinks)[call], getattr(MagicLinks, call)
    assert inspect.isfunction(method)
    assert inspect.iscoroutinefunction(method)
    assert (method.__name__, method.__qualname__) == (call, f"AsyncMagicLinks.{call}")
    assert method.__doc__
    assert "\n" not in method.__doc__
    assert inspect.signature(method) == inspect.signature(same)
    # The flows of these two take an Order.
    if call not in {"issue", "remind"}:
        assert inspect.signature(method) == inspect.signature(getattr(Flows, call))


def test_story(world: World) -> None:
    """S1 to S7, awaited: issue, deliver, verify, redeem, recall, remind, renew, find, history, revoke, purge."""
    who: dict[str, Any] = {"subject": "customer-7", "resource": "invoice:1001", "recipient": AP}

    async def story() -> None:
        links = asynchronous(world, on_event=world.events.append)
        link = await links.issue(INVOICE, **who, destination="/invoices/1001")
        await links.mark_delivered(link.link_id)
        assert (await links.verify(link.token, INVOICE)).link_id == link.link_id
        redemption = await links.redeem(link.token, INVOICE)
        assert await links.recall(link.link_id, redeemed_at=redemption.redeemed_at) == redemption
        world.clock.tick(timedelta(days=14))
        reminded = await links.remind(INVOICE, **who)
        await links.mark_delivered(reminded.link_id)
        renewed = await links.renew(link.token, to=AP)
        assert (await links.inspect(renewed.link_id)).parent == link.link_id
        assert len(await links.find(recipient=AP)) == 3
        assert (await links.revoke(reminded.link_id)).state is State.REVOKED
        await links.revoke_all(subject="customer-7")
        with pytest.raises(RevokedLinkError):
            await links.redeem(renewed.token, INVOICE)
        assert len(await links.history(resource="invoice:1001")) > 8
        world.clock.tick(timedelta(days=800))
        assert await links.purge(keep=timedelta(days=366)) == 3
        assert await links.issue_many([]) == []

    asyncio.run(story())
    assert world.pop_events() == [
        "issued", "delivered", "verified", "redeemed", "reminded", "delivered", "superseded", "renewed",
        "revoked", "revoked", "refused", "purged",
    ]  # fmt: skip


def test_one_winner(world: World) -> None:
    """F14: of twenty redeems awaited at once, one wins."""

    async def click(links: AsyncMagicLinks, token: str) -> str:
        try:
            return (await links.redeem(token, CONFIRM_EMAIL)).subject
        except UsedLinkError:
            return "used"

    async def story() -> list[str]:
        links = asynchronous(world)
        link = await links.issue(CONFIRM_EMAIL, subject="customer-7")
        return await asyncio.gather(*[click(links, link.token) for _ in range(20)])

    assert sorted(asyncio.run(story())) == ["customer-7"] + ["used"] * 19


def test_store_off_the_loop(small_world: World) -> None:
    """A store that blocks is asked in another thread, and the loop goes on meanwhile."""
    asked, loop_went_on = [], Flag()

    def blocking() -> None:
        asked.append(get_ident())
        # Only the loop's own thread can set it: a store that blocks the loop waits for ever, which is 10 seconds here.
        assert loop_went_on.wait(10)

    async def story() -> int:
        links = asynchronous(small_world)
        link = await links.issue(CONFIRM_EMAIL, subject="customer-7")
        small_world.store.before["consume"] = blocking
        redeeming = asyncio.create_task(links.redeem(link.token, CONFIRM_EMAIL))
        while not asked:
            await asyncio.sleep(0)
        loop_went_on.set()
        await redeeming
        return get_ident()

    assert asyncio.run(story()) not in asked
    assert len(asked) == 1


def test_asynchronous_callables(world: World) -> None:
    """security_stamp and admit may wait; a refusal of theirs uses nothing, and both are asked on the loop's thread."""
    threads = set()

    async def stamp(subject: str) -> str | None:
        threads.add(get_ident())
        await asyncio.sleep(0)
        return world.stamps.get(subject, "first")

    async def admit(info: LinkInfo) -> bool:
        threads.add(get_ident())
        await asyncio.sleep(0)
        return info.uses == 0

    async def refuse(info: LinkInfo) -> bool:
        await asyncio.sleep(0)
        return False

    async def story() -> None:
        links = asynchronous(world, security_stamp=stamp)
        link = await links.issue(INVOICE, subject="customer-7")
        with pytest.raises(NotAdmittedError):
            await links.redeem(link.token, INVOICE, admit=refuse)
        redemption = await links.redeem(link.token, INVOICE, admit=admit)
        with pytest.raises(NotAdmittedError):
            await links.redeem(link.token, INVOICE, admit=admit)
        world.stamps["customer-7"] = "second"
        with pytest.raises(RevokedLinkError):
            await links.recall(link.link_id, redeemed_at=redemption.redeemed_at)
        threads.add(get_ident())

    asyncio.run(story())
    assert len(threads) == 1


def test_plain_callables(world: World) -> None:
    """Plain functions are as good."""

    async def story() -> str:
        links = asynchronous(world, security_stamp=lambda _: "first")
        link = await links.issue(CONFIRM_EMAIL, subject="customer-7")
        return (await links.redeem(link.token, CONFIRM_EMAIL, admit=lambda _: True)).subject

    assert asyncio.run(story()) == "customer-7"


def test_cancelled(small_world: World) -> None:
    """Cancelling a redeem loses nothing: its write ends in its thread, and what the store holds decides."""
    began, may_end = Flag(), Flag()

    def blocking() -> None:
        began.set()
        assert may_end.wait(10)

    async def story() -> None:
        links = asynchronous(small_world)
        link = await links.issue(CONFIRM_EMAIL, subject="customer-7")
        small_world.store.before["consume"] = blocking
        redeeming = asyncio.create_task(links.redeem(link.token, CONFIRM_EMAIL))
        while not began.is_set():
            await asyncio.sleep(0)
        redeeming.cancel()
        with pytest.raises(asyncio.CancelledError):
            await redeeming
        may_end.set()
        while (await links.inspect(link.link_id)).uses == 0:
            await asyncio.sleep(0)

    asyncio.run(story())


def test_store_down(world: World) -> None:
    """E01: trouble of the store is the same error as in the synchronous API."""

    async def story() -> None:
        links = asynchronous(world)
        link = await links.issue(SIGN_IN, subject="customer-7")
        for trouble in (OSError("down"), StoreError("down")):
            world.store.faults = {"consume": trouble}
            with pytest.raises(StoreError):
                await links.redeem(link.token, SIGN_IN)
        world.heal()
        await links.redeem(link.token, SIGN_IN)
        with pytest.raises(InvalidLinkError):
            await links.redeem("", SIGN_IN)

    asyncio.run(story())


def test_wrong_signature(small_world: World) -> None:
    """A call that Python itself refuses is TypeError, once awaited."""
    with pytest.raises(TypeError, match=r"redeem\(\)"):
        asyncio.run(asynchronous(small_world).redeem("token"))  # type: ignore[call-arg]


def test_close(world: World) -> None:
    """The API is closed at the end of its block; a later call is StoreError."""

    async def story() -> None:
        async with asynchronous(world) as links:
            link = await links.issue(INVOICE, subject="customer-7")
        with pytest.raises(StoreError):
            await links.redeem(link.token, INVOICE)

    asyncio.run(story())


def test_clock_of_the_machine(small_world: World) -> None:
    """Without a clock the machine's is asked."""
    settings = small_world.settings()
    del settings["clock"]
    link = asyncio.run(AsyncMagicLinks(**settings).issue(INVOICE, subject="customer-7"))
    assert link.purpose == "invoice"
