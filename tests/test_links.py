"""The synchronous API: written out as documented functions that agree with the flows, each run to its end at once."""

from __future__ import annotations

import asyncio
import inspect
import subprocess
import sys
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from magiclink import CONFIRM_EMAIL, INVOICE, ConfigurationError, MagicLinks, Order, StoreError
from magiclink.flows import Flows

if TYPE_CHECKING:
    from magiclink import LinkInfo
    from tests.conftest import World

CALLS = (
    "issue", "issue_many", "mark_delivered", "verify", "redeem", "recall", "remind", "renew",
    "revoke", "revoke_all", "inspect", "find", "history", "purge", "close",
)  # fmt: skip


def test_calls() -> None:
    """MagicLinks has 15 calls and no others: what only the web uses isn't among them."""
    assert {name for name in vars(MagicLinks) if not name.startswith("_")} == set(CALLS)


@pytest.mark.parametrize("call", CALLS)
def test_method_of_a_flow(call: str) -> None:
    """A call is a plain documented function, with its flow's name, parameters, annotations and defaults.

    The flows of issue and remind take an Order instead: its fields are the parameters, with their defaults.
    """
    method, flow = vars(MagicLinks)[call], getattr(Flows, call)
    assert inspect.isfunction(method)
    assert not inspect.iscoroutinefunction(method)
    assert (method.__name__, method.__qualname__) == (call, f"MagicLinks.{call}")
    assert method.__doc__
    if call in {"issue", "remind"}:
        named = [(each.name, each.default) for each in inspect.signature(method).parameters.values()][1:]
        assert (
            named == [(each.name, each.default) for each in inspect.signature(Order).parameters.values()][: len(named)]
        )
    else:
        assert inspect.signature(method) == inspect.signature(flow)
    assert "__wrapped__" not in vars(method)
    # Written once: whoever reads the flow finds the whole text here.
    assert method.__doc__ != flow.__doc__


def test_whole_documentation() -> None:
    """What a call raises is said here: every call but `close` has a paragraph of it."""
    assert [call for call in CALLS if "Raises" not in (getattr(MagicLinks, call).__doc__ or "")] == ["close"]


def test_call_of_an_instance(small_world: World) -> None:
    """Bound to an instance, a call shows the parameters without `self`."""
    assert [*inspect.signature(small_world.links().redeem).parameters][:2] == ["token", "policy"]


def test_ten_lines_to_a_working_link(world: World) -> None:
    """The API does what the flows say, over each store."""
    links = world.links()
    link = links.issue(INVOICE, subject="customer-7", resource="invoice:1001", destination="/invoices/1001")
    links.mark_delivered(link.link_id)
    redemption = links.redeem(link.token, INVOICE)
    assert links.recall(link.link_id, redeemed_at=redemption.redeemed_at) == redemption


def test_story(world: World) -> None:
    """S1 to S7: issue, deliver, verify, remind, renew, find, history, revoke, purge, each as its flow does it."""
    series: dict[str, Any] = {"subject": "customer-7", "resource": "invoice:1001", "recipient": "ap@acme.example"}
    links = world.links()
    [link] = links.issue_many([Order(policy=INVOICE, **series)])
    links.mark_delivered(link.link_id)
    assert links.verify(link.token, INVOICE).link_id == link.link_id
    world.clock.tick(timedelta(days=14))
    reminded = links.remind(INVOICE, **series)
    renewed = links.renew(link.token, to="ap@acme.example")
    assert links.inspect(renewed.link_id).parent == link.link_id
    assert {info.link_id for info in links.find(recipient="ap@acme.example")} >= {reminded.link_id, renewed.link_id}
    assert links.revoke(reminded.link_id, reason="paid").revoke_reason == "paid"
    links.revoke_all(subject="customer-7")
    assert {info.state.value for info in links.find(subject="customer-7")} == {"revoked"}
    assert "reminded" in [event.kind.value for event in links.history(resource="invoice:1001")]
    world.clock.tick(timedelta(days=800))
    assert links.purge(keep=timedelta(days=366)) == 3


def test_clock_of_the_machine(small_world: World) -> None:
    """Without a clock the machine's is asked."""
    settings = {**small_world.settings()}
    del settings["clock"]
    links = MagicLinks(**settings)
    link = links.issue(INVOICE, subject="customer-7")
    info = links.inspect(link.link_id)
    assert info.expires_at - info.issued_at <= timedelta(days=14)


def test_asynchronous_admit_that_waits(world: World) -> None:
    """A flow that would wait is told to go to magiclink.aio, and nothing is used."""
    closed = []

    async def admit(info: LinkInfo) -> bool:
        try:
            await asyncio.sleep(60)
        finally:
            closed.append(info.link_id)
        return True

    async def handler() -> None:
        with pytest.raises(ConfigurationError, match=r"magiclink\.aio") as caught:
            links.redeem(link.token, CONFIRM_EMAIL, admit=admit)
        # The error keeps the abandoned flow alive: it has been closed all the same.
        assert (closed, caught.value.__cause__) == ([link.link_id], None)

    links = world.links()
    link = links.issue(CONFIRM_EMAIL, subject="customer-7")
    asyncio.run(handler())
    assert links.inspect(link.link_id).uses == 0


def test_asynchronous_admit_that_answers_at_once(world: World) -> None:
    """An asynchronous callable that never waits is answered like any other."""

    async def admit(info: LinkInfo) -> bool:
        return info.subject == "customer-7"

    async def stamp(subject: str) -> str:
        return "first"

    links = world.links(security_stamp=stamp)
    link = links.issue(CONFIRM_EMAIL, subject="customer-7")
    assert links.redeem(link.token, CONFIRM_EMAIL, admit=admit).subject == "customer-7"


@pytest.mark.parametrize(
    ("args", "kwargs"),
    [
        ((), {}),
        (("token",), {}),
        (("token", INVOICE, None), {}),
        (("token", INVOICE), {"passphrase": "x"}),
        ((), {"tokens": 1}),
    ],
)
def test_wrong_signature(small_world: World, args: Any, kwargs: Any) -> None:
    """A call that Python itself refuses is TypeError, and its message shows no argument."""
    with pytest.raises(TypeError, match=r"redeem\(\)") as caught:
        small_world.links().redeem(*args, **kwargs)
    assert "x" not in str(caught.value).split("'")


def test_close(world: World) -> None:
    """The API is closed at the end of its block, also by an exception; a later call is StoreError."""
    with world.links() as links:
        link = links.issue(INVOICE, subject="customer-7")
    with pytest.raises(StoreError):
        links.redeem(link.token, INVOICE)


def test_close_after_an_exception(small_world: World) -> None:
    """What is raised in the block passes through, and the store is closed."""
    with pytest.raises(LookupError), small_world.links():
        raise LookupError
    assert small_world.pop_calls() == ["close"]


LAZY = """
import sys
from magiclink import INVOICE, SIGN_IN, Key, KeyRing, MagicLinks
from magiclink.stores.memory import MemoryStore
locks = {"itsdangerous", "cryptography", "argon2"}
links = MagicLinks(keys=KeyRing(signing=Key.generate()), store=MemoryStore(), policies=[INVOICE, SIGN_IN],
                   base_url="https://billing.example/l/")
assert not locks & set(sys.modules), locks & set(sys.modules)
assert not {"sqlite3", "asyncio", "flask", "django", "email"} & set(sys.modules)
links.issue(INVOICE, subject="customer-7")
assert {"itsdangerous", "cryptography"} <= set(sys.modules)
"""


def test_locks_wait_for_the_first_link() -> None:
    """Building MagicLinks loads none of itsdangerous, cryptography and argon2; making a link does."""
    told = subprocess.run([sys.executable, "-c", LAZY], capture_output=True, text=True, check=False)
    assert (told.returncode, told.stderr) == (0, "")
