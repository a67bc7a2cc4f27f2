"""What MagicLinks is made with: whatever can't work is refused when it is built."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from magiclink import INVOICE, SIGN_IN, CodeRule, ConfigurationError, Key, MagicLinks
from magiclink.stores.base import Store
from magiclink.stores.memory import MemoryStore

if TYPE_CHECKING:
    from magiclink import Event
    from tests.conftest import World

BAD_SETTINGS: list[tuple[str, Any]] = [
    ("keys", None),
    ("keys", b"k" * 32),
    ("keys", [Key.generate()]),
    ("store", None),
    ("store", {}),
    ("policies", ()),
    ("policies", None),
    ("policies", INVOICE),
    ("policies", "invoice"),
    ("policies", b"invoice"),
    ("policies", {INVOICE.purpose: INVOICE}),
    ("policies", [INVOICE, "sign-in"]),
    ("policies", [INVOICE, replace(INVOICE, lifetime=timedelta(days=1))]),
    ("policies", [replace(SIGN_IN, code=CodeRule())]),
    ("policies", [replace(SIGN_IN, passphrase=True)]),
    ("base_url", None),
    ("base_url", ""),
    ("base_url", "http://billing.example/l/"),
    ("base_url", "https://ap@billing.example/l/"),
    ("base_url", "https://billing.example./l/"),
    ("base_url", "https://billing.example/l/?x=1"),
    ("audience", ""),
    ("audience", 5),
    ("audience", "a" * 256),
    ("audience", "a\0b"),
    ("audience", "\ud800"),
    ("clock", None),
    ("clock", datetime.now),
    ("security_stamp", "stamp"),
    ("on_event", []),
]


@pytest.mark.parametrize(("name", "value"), BAD_SETTINGS)
def test_bad_setting(small_world: World, name: str, value: Any) -> None:
    """C01, C14, C15: what can't work or isn't safe is refused when it is built, not at the first click."""
    settings = {**small_world.settings(), name: value}
    with pytest.raises(ConfigurationError):
        MagicLinks(**settings)
    assert small_world.pop_calls() == []


def test_store_without_consume(small_world: World) -> None:
    """C24: a store that lacks a call of the contract is refused, and the message names the call."""

    class Lame(MemoryStore):
        consume = None  # type: ignore[assignment]

    with pytest.raises(ConfigurationError, match=r"Lame has no consume\(\)"):
        small_world.links(store=Lame())


def test_store_with_a_promise_for_consume(small_world: World) -> None:
    """C24: a call that a store only inherits from the protocol does nothing, so that the store is refused."""

    class Lame(MemoryStore):
        consume = Store.consume

    with pytest.raises(ConfigurationError, match=r"Lame has no consume\(\)"):
        small_world.links(store=Lame())


def test_asynchronous_store(small_world: World) -> None:
    """C24: a store whose calls would have to be awaited is refused: its answer would be taken for a success."""

    class Waiting(MemoryStore):
        async def consume(self, *args: Any, **kwargs: Any) -> None:  # type: ignore[override]
            """Answer some day."""

    with pytest.raises(ConfigurationError, match="answers at once"):
        small_world.links(store=Waiting())


def test_asynchronous_on_event(small_world: World) -> None:
    """An `on_event` that nobody would await is refused, before every event is lost."""

    async def hear(event: Event) -> None:
        """Hear some day."""

    with pytest.raises(ConfigurationError, match="not awaited"):
        small_world.links(on_event=hear)


MESSAGES: list[tuple[str, Any, str]] = [
    ("keys", None, "keys: wanted a KeyRing, got None: is an environment variable missing?"),
    ("keys", "mlk1_1_secret", r"keys: wanted a KeyRing, got a str: KeyRing\.from_text\(…\) reads one"),
    ("store", "sqlite:///x.db", r"store: wanted a Store, got a str: magiclink\.stores\.from_url\(…\) opens one"),
    ("store", None, r"store: wanted a Store; None has no add\(\) that answers at once"),
    ("policies", (), "such as .INVOICE, SIGN_IN.; got none"),
    ("policies", "invoice", "such as .INVOICE, SIGN_IN.; got a str"),
    ("policies", [INVOICE, "sign-in"], "each a Policy, such as INVOICE; got a str"),
    ("audience", 5, "audience: a str of 1 to 255 characters, without U.0000; got the int 5"),
    ("clock", None, r"now\(\) that gives an aware UTC datetime; got None"),
    ("on_event", 7, "on_event: a function, or None; got the int 7"),
]


@pytest.mark.parametrize(("name", "value", "message"), MESSAGES)
def test_message(small_world: World, name: str, value: Any, message: str) -> None:
    """P06: a refusal says what was given, what is wanted and what to write, and shows no secret."""
    with pytest.raises(ConfigurationError, match=message) as caught:
        MagicLinks(**{**small_world.settings(), name: value})
    assert "secret" not in str(caught.value)
    assert "x.db" not in str(caught.value)


def test_good_settings(small_world: World) -> None:
    """What can work is taken as it is, and nothing is asked yet."""
    flows = MagicLinks(**small_world.settings(INVOICE, SIGN_IN)).flows
    assert flows.policies == {"invoice": INVOICE, "sign-in": SIGN_IN}
    assert flows.audience == "https://billing.example"
    assert (small_world.pop_calls(), small_world.clock.reads) == ([], 0)
