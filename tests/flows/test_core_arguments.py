"""What several calls take: policies, names, link ids; each is taken byte for byte or refused."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from magiclink import (
    INVOICE,
    BadArgumentError,
    InvalidLinkError,
    Key,
    KeyRing,
)

if TYPE_CHECKING:
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
    small_world.asked()
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
    assert small_world.asked() == []


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
    assert small_world.asked() == []


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
    assert small_world.asked() == []


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
    small_world.asked()
    with pytest.raises(InvalidLinkError):
        small_world.links(keys=KeyRing(signing=Key.generate(id=1))).redeem(link.token, INVOICE)
    assert small_world.asked() == []
