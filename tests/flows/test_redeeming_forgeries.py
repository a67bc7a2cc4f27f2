"""What isn't genuine costs nothing: no query, no event, no line of a log; and no respelling opens a used link again."""

from __future__ import annotations

import logging
from base64 import urlsafe_b64encode
from os import urandom
from string import ascii_letters, digits
from typing import TYPE_CHECKING, Any

import pytest

from magiclink import CONFIRM_EMAIL, INVOICE, SIGN_IN, BadArgumentError, InvalidLinkError, UsedLinkError
from magiclink.flows.redeeming import Redeeming
from magiclink.links import run

if TYPE_CHECKING:
    from magiclink import MagicLinks
    from tests.conftest import World

ALPHABET = ascii_letters + digits + "-_"
AP = "ap@acme.example"

NO_TOKENS: list[Any] = [
    None, "", b"", "\0", [], ["tok"], {"a": 1}, 5, True, 1.5, object(), "\ud800", "x" * 59, "x" * 60, "x" * 61,
    b"x" * 60, "３" * 60, "Ａ" * 60, "x" * 10_000_000, "../../etc/passwd", "eyJhbGciOiJub25lIn0.e30.",
]  # fmt: skip


def refuse(links: MagicLinks, token: Any) -> None:
    """See every call that takes a token refuse one."""
    for call in (
        lambda: links.verify(token, CONFIRM_EMAIL),
        lambda: links.redeem(token, CONFIRM_EMAIL),
        lambda: links.redeem(token, (CONFIRM_EMAIL, SIGN_IN), attempt="nonce", browser="nonce", admit=lambda _: True),
        lambda: links.renew(token, to=AP),
    ):
        with pytest.raises(InvalidLinkError) as caught:
            call()
        assert (caught.value.link, caught.value.at) == (None, None)


def respelled(token: str) -> list[str]:
    """Write a token in ways that careless decoders take for the same."""
    twins = [token[:-1] + twin for twin in ALPHABET if twin != token[-1]]
    appended = [
        token + tail for tail in ("=", "==", "====", "=AAAA", "\n", "\n\n\n\n", "    ", "\0", ".", ")", ">", "%0a")
    ]
    inserted = [token[:50] + junk + token[50:] for junk in ("<!!>", "=\r\n", " ", "\0", "-")]
    escaped = [f"%{ord(token[0]):02X}{token[1:]}", token.replace("-", "+").replace("_", "/") + "="]
    return [*twins, *appended, *inserted, *escaped, token + token, " " + token, token[1:], token[:-1], token.swapcase()]


@pytest.mark.parametrize(
    "token",
    NO_TOKENS,
    ids=lambda token: f"{type(token).__name__}-{ascii(token)[:20] if isinstance(token, (str, bytes)) else 0}",
)
def test_no_token(small_world: World, caplog: pytest.LogCaptureFixture, token: Any) -> None:
    """A01, A02, A04, A20, A21, A22, A36, L01, L14: no query, no event, no line of a log, and one error."""
    caplog.set_level(logging.DEBUG)
    refuse(small_world.links(), token)
    refuse(small_world.listening(), token)
    assert (small_world.pop_calls(), small_world.events, caplog.records) == ([], [], [])


def test_flood_of_forgeries(small_world: World, caplog: pytest.LogCaptureFixture) -> None:
    """L02: ten thousand random tokens of the right shape cost no query."""
    caplog.set_level(logging.DEBUG)
    links = small_world.links()
    for _ in range(10_000):
        with pytest.raises(InvalidLinkError):
            links.redeem(urlsafe_b64encode(urandom(45)).decode(), CONFIRM_EMAIL)
    assert (small_world.pop_calls(), caplog.records) == ([], [])


def test_respelled_token(small_world: World) -> None:
    """A06, A09, A14 to A19, A24 to A30, B19: no other spelling of a used token is one, let alone a fresh one."""
    links = small_world.listening()
    link = links.issue(CONFIRM_EMAIL, subject="customer-7")
    links.redeem(link.token, CONFIRM_EMAIL)
    small_world.pop_events()
    small_world.pop_calls()
    for spelling in respelled(link.token):
        refuse(links, spelling)
    assert (small_world.pop_calls(), small_world.pop_events()) == ([], [])
    with pytest.raises(UsedLinkError):
        links.redeem(link.token, CONFIRM_EMAIL)


def test_str_that_lies(small_world: World) -> None:
    """A subclass of str may answer anything: it is no token."""

    class Lying(str):
        __slots__ = ()

    links = small_world.links()
    link = links.issue(CONFIRM_EMAIL, subject="customer-7")
    small_world.pop_calls()
    refuse(links, Lying(link.token))
    assert small_world.pop_calls() == []


def test_bad_policy_and_forgery(small_world: World) -> None:
    """A wrong policy is told to the developer, whatever the token."""
    with pytest.raises(BadArgumentError):
        small_world.links().redeem("", "invoice")  # type: ignore[arg-type]


def test_check_without_a_note(small_world: World) -> None:
    """The web may check a link without a trace in its history; a refusal is then no event either."""
    links = small_world.listening()
    link = links.issue(CONFIRM_EMAIL, subject="customer-7")
    genuine = links.flows.open_token(link.token)
    assert genuine is not None
    attempt = links.flows.begin_attempt(genuine, links.flows.read_clock(), browser=None, is_noted=False)
    assert run(links.flows.check(attempt)).link_id.hex() == link.link_id
    assert small_world.pop_events() == ["issued"]
    links.redeem(link.token, CONFIRM_EMAIL)
    small_world.pop_events()
    with pytest.raises(UsedLinkError):
        run(links.flows.check(attempt))
    assert small_world.pop_events() == []
    assert isinstance(links.flows, Redeeming)
    assert links.history(subject="customer-7")[-1].kind == "redeemed"


def test_invoice_at_the_wrong_page(small_world: World) -> None:
    """B02: a link opens the one resource that it was issued for, whatever page it is clicked on."""
    links = small_world.links()
    link = links.issue(INVOICE, subject="customer-7", resource="invoice:1")
    assert links.redeem(link.token, INVOICE).resource == "invoice:1"
