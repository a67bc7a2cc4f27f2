"""What several calls take: policies, names, link ids; each is taken byte for byte or refused."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any, cast

import pytest

from magiclink import (
    INVOICE,
    SIGN_IN,
    BadArgumentError,
    InvalidLinkError,
    Key,
    KeyRing,
    NotAdmittedError,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from magiclink import Policy
    from tests.conftest import World


NO_POLICIES: list[Any] = [
    None,
    5,
    "invoice",
    [INVOICE],
    b"",
    replace(INVOICE, lifetime=timedelta(days=7)),
    type(INVOICE),
]


@pytest.mark.parametrize("policy", NO_POLICIES, ids=lambda policy: type(policy).__name__)
def test_policy_that_is_not_registered(small_world: World, policy: Any) -> None:
    """M11: only the very policies of the configuration are taken: a loosened twin is refused too."""
    links = small_world.links()
    link = links.issue(INVOICE, subject="customer-7")
    unknown: Any = "invoice"
    small_world.pop_calls()
    for call in (
        lambda: links.issue(policy, subject="customer-7"),
        lambda: links.remind(policy, subject="customer-7"),
        lambda: links.verify(link.token, policy),
        lambda: links.redeem(link.token, policy),
        lambda: links.redeem(link.token, (INVOICE, policy)),
        lambda: links.find(policy=policy or unknown),
        lambda: links.revoke_all(policy=policy or unknown),
    ):
        with pytest.raises(BadArgumentError, match="policy"):
            call()
    assert small_world.pop_calls() == []


def test_equal_policy(small_world: World) -> None:
    """A policy that equals the registered one is that policy, wherever it was built."""
    links = small_world.links()
    assert links.issue(replace(INVOICE), subject="customer-7").purpose == "invoice"


BAD_TEXTS: list[Any] = ["", "a\0b", "a" * 256, "\ud800", "ok \udfff", 5, b"customer-7", ["customer-7"], True]


@pytest.mark.parametrize("text", BAD_TEXTS, ids=repr)
def test_bad_name(small_world: World, text: Any) -> None:
    """A name of the app's is text of 1 to 255 characters that every database keeps: anything else is refused."""
    links = small_world.links()
    for call in (
        lambda: links.issue(INVOICE, subject=text),
        lambda: links.issue(INVOICE, subject="customer-7", resource=text),
        lambda: links.remind(INVOICE, subject=text),
        lambda: links.find(subject=text),
        lambda: links.find(resource=text),
        lambda: links.history(resource=text),
        lambda: links.revoke_all(subject=text),
    ):
        with pytest.raises(BadArgumentError):
            call()
    assert small_world.pop_calls() == []


@pytest.mark.parametrize("subject", ["a" * 255, "é" * 255, "e\u0301 ", " customer-7", "customer\n7", "𝒜" * 255])
def test_name_kept_byte_for_byte(world: World, subject: str) -> None:
    """B09: a subject comes back as it was given, and one with a trailing space is somebody else."""
    links = world.links()
    link = links.issue(INVOICE, subject=subject)
    assert links.redeem(link.token, INVOICE).subject == subject
    assert links.find(subject=subject.strip() + "\u200b" if len(subject) < 255 else "b") == []


BAD_IDS: list[Any] = [
    None,
    5,
    "",
    b"00" * 20,
    "0" * 39,
    "0" * 41,
    "g" * 40,
    "٠" * 40,
    "0 " * 20,
    "\ud800" * 40,
    ["0" * 40],
]


@pytest.mark.parametrize("link_id", BAD_IDS, ids=repr)
def test_bad_link_id(small_world: World, link_id: Any) -> None:
    """What isn't 40 hexadecimal digits is an unknown link, and costs no query."""
    links = small_world.links()
    for call in (
        lambda: links.inspect(link_id),
        lambda: links.revoke(link_id),
        lambda: links.recall(link_id, redeemed_at=small_world.clock.now()),
    ):
        with pytest.raises(InvalidLinkError):
            call()
    assert small_world.pop_calls() == []


def test_link_id_in_capitals(small_world: World) -> None:
    """A link id has one spelling."""
    links = small_world.links()
    link = next(
        link for link in iter(lambda: links.issue(INVOICE, subject="customer-7"), None) if not link.link_id.isdigit()
    )
    with pytest.raises(InvalidLinkError):
        links.inspect(link.link_id.upper())


def test_ring_of_another_key(small_world: World) -> None:
    """B17: a token of a key that isn't on the ring isn't genuine."""
    link = small_world.links().issue(INVOICE, subject="customer-7")
    small_world.pop_calls()
    with pytest.raises(InvalidLinkError):
        small_world.links(keys=KeyRing(signing=Key.generate(id=1))).redeem(link.token, INVOICE)
    assert small_world.pop_calls() == []


def refuse(call: Callable[[], object]) -> str:
    """See a call refused, and return its message."""
    with pytest.raises((BadArgumentError, InvalidLinkError)) as caught:
        call()
    return str(caught.value)


def test_token_or_url_for_a_link_id(small_world: World) -> None:
    """P08: a token, a URL or a Link where a link id is wanted is named as such, and never shown."""
    links = small_world.links()
    link = links.issue(INVOICE, subject="customer-7")
    small_world.pop_calls()
    confusions: list[tuple[Any, str]] = [
        (link.token, "this looks like a token; wanted is a link id, 40 hexadecimal digits"),
        (link.url, "this looks like a URL; wanted is a link id, 40 hexadecimal digits"),
        (link, "got a Link"),
    ]
    for given, message in confusions:
        for call in (
            lambda given=given: links.inspect(given),
            lambda given=given: links.revoke(given),
            lambda given=given: links.recall(given, redeemed_at=small_world.clock.now()),
            lambda given=given: links.mark_delivered(link.link_id, given),
            lambda given=given: links.find(subject="customer-7", after=given),
        ):
            refusal = refuse(call)
            assert message in refusal
            assert link.token not in refusal
    assert refuse(lambda: links.inspect("abc")).endswith("got 3 characters")
    assert small_world.pop_calls() == []


def test_url_or_link_id_for_a_token(small_world: World) -> None:
    """P08: a URL, a link id or a Link where a token is wanted is named as such, and never shown."""
    links = small_world.links()
    link = links.issue(INVOICE, subject="customer-7")
    confusions: list[tuple[Any, str]] = [
        (link.url, "this looks like a URL: its last part is the token"),
        (link.link_id, "this looks like a link id, which opens nothing"),
        (link, "a token is a str: link.token; got a Link"),
        (link.token[:-1], "the token isn't genuine"),
        (link.url * 99, "the token isn't genuine"),
    ]
    for given, message in confusions:
        for call in (
            lambda given=given: links.verify(given, INVOICE),
            lambda given=given: links.redeem(given, INVOICE),
            lambda given=given: links.renew(given, to="ap@acme.example"),
        ):
            refusal = refuse(call)
            assert message in refusal
            assert link.token[:-1] not in refusal
            assert link.link_id not in refusal


def test_policy_that_differs(small_world: World) -> None:
    """P10: for a changed twin of a registered policy the message says what differs; for others, what is registered."""
    links = small_world.links(INVOICE, SIGN_IN)
    week = timedelta(days=7)
    twin = replace(INVOICE, lifetime=week, session_lifetime=timedelta(hours=1))
    unknown, named = replace(INVOICE, purpose="offer"), cast("Policy", "invoice")
    assert refuse(lambda: links.issue(twin, subject="customer-7")) == (
        "the purpose invoice is registered with another lifetime, session_lifetime: "
        "register this policy, or give it a purpose of its own"
    )
    assert refuse(lambda: links.issue(unknown, subject="customer-7")) == (
        "policy: registered are invoice, sign-in; got offer: add it to the policies of MagicLinks"
    )
    assert refuse(lambda: links.issue(named, subject="customer-7")) == (
        "policy: wanted a Policy, got the name 'invoice'; registered are invoice, sign-in"
    )
    assert "got a str;" in refuse(lambda: links.issue(cast("Policy", "ap@acme.example"), subject="customer-7"))


class Customer:
    """A model of an app's."""


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (7, "got the int 7: write str(customer.id)"),
        (10**5_000, "got an int: write str(customer.id)"),
        (True, "got a bool: write str(customer.id)"),
        (None, "got None: write str(customer.id)"),
        (Customer(), "got a Customer: write str(customer.id)"),
        ("", "got 0 characters"),
        ("x" * 1_000, "got 1,000 characters"),
        ("a\0b", "got U+0000"),
        ("\ud800", "got a lone surrogate, which is no Unicode text"),
    ],
    ids=lambda value: str(type(value).__name__),
)
def test_message_for_a_subject(small_world: World, value: Any, message: str) -> None:
    """What is no subject is named by its type or length, with what to write."""
    refusal = refuse(lambda: small_world.links().issue(INVOICE, subject=value))
    assert refusal == f"subject: a str of 1 to 255 characters, without U+0000; {message}"


def test_other_messages(small_world: World) -> None:
    """A message says what was given and what is wanted."""
    links: Any = small_world.links()
    link = links.issue(INVOICE, subject="customer-7")
    assert 'got the int 5: write f"invoice:{invoice.id}"' in refuse(lambda: links.find(resource=5))
    assert refuse(lambda: links.find(subject="a", limit=0)) == "limit: an int from 1 to 1,000; got the int 0"
    assert refuse(lambda: links.history(subject="a", limit="9")) == "limit: an int from 1 to 1,000; got a str"
    assert refuse(lambda: links.issue_many(7)) == "issue_many: wanted a list of Orders, got the int 7"
    assert refuse(lambda: links.issue_many([7])) == "issue_many: wanted Orders, got the int 7"
    assert refuse(lambda: links.redeem(link.token, INVOICE, browser=5)) == "browser: a str, or None; got the int 5"
    assert "admit: a function that takes a LinkInfo" in refuse(lambda: links.redeem(link.token, INVOICE, admit=True))
    assert "got 1 day" in refuse(lambda: links.purge(keep=timedelta(days=1)))
    assert "got the int 400" in refuse(lambda: links.purge(keep=400))
    long, none = (lambda reason=reason: links.revoke(link.link_id, reason=reason) for reason in ("x" * 256, None))
    assert refuse(long) == "reason: a str of at most 255 characters, without U+0000; got 256 characters"
    assert refuse(none) == "reason: a str of at most 255 characters, without U+0000; got None"
    assert "revoke_all would withdraw every link: give" in refuse(links.revoke_all)


def test_account_that_may_not_be_used(small_world: World) -> None:
    """A subject without an account is named by the call that says so; a subject that is an address isn't shown."""
    links = small_world.links(security_stamp=lambda subject: None)
    assert refuse(lambda: links.issue(INVOICE, subject="customer-7")).startswith(
        "security_stamp('customer-7') gave None"
    )
    assert refuse(lambda: links.issue(INVOICE, subject="ap@acme.example")).startswith(
        "security_stamp(subject) gave None"
    )


def test_browser(small_world: World) -> None:
    """A nonce of the browser is for policies that bind it, and these require one; other calls take any text as none."""
    bound = replace(SIGN_IN, purpose="bound", bind_browser=True, renew_on_request=False)
    links = small_world.links(INVOICE, bound)
    assert refuse(lambda: links.issue(bound, subject="a")).startswith("bound has bind_browser: give browser=")
    assert "invoice has none" in refuse(lambda: links.issue(INVOICE, subject="a", browser="nonce"))
    assert "browser: a str of 1 to 255" in refuse(lambda: links.issue(bound, subject="a", browser=""))
    link = links.issue(bound, subject="a", browser="n" * 255)
    with pytest.raises(NotAdmittedError):
        links.redeem(link.token, bound, browser="n" * 256)
    assert links.redeem(link.token, bound, browser="n" * 255, admit=lambda _: True).subject == "a"


def test_arguments_that_are_taken(small_world: World) -> None:
    """What is right passes: a limit, a span, a reason, a link id among ids that name no link."""
    links = small_world.links()
    link = links.issue(INVOICE, subject="customer-7")
    links.mark_delivered("x", link.link_id)
    assert links.inspect(link.link_id).delivered_at == small_world.clock.now()
    assert len(links.find(subject="customer-7", limit=1)) == 1
    assert links.purge(keep=timedelta(days=400)) == 0
    assert links.revoke(link.link_id, reason="paid").revoke_reason == "paid"
    api: Any = links
    assert "got None" in refuse(lambda: api.mark_delivered(None))
    assert "got the int 5" in refuse(lambda: api.mark_delivered(link.link_id, 5))
