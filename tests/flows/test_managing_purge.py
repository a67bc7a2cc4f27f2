"""purge: what is forgotten, and what is kept because it may still be open or reminded of."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from magiclink import (
    INVOICE,
    SIGN_IN,
    BadArgumentError,
    InvalidLinkError,
    StoreError,
)
from magiclink.flows import managing

if TYPE_CHECKING:
    from magiclink import Link, MagicLinks
    from tests.conftest import World

AP = "ap@acme.example"
DAY = timedelta(days=1)
KEEP = timedelta(days=365)


def invoices(links: MagicLinks, count: int, **order: Any) -> list[Link]:
    """Issue some invoices' links."""
    who = {"subject": "customer-7", "recipient": AP, **order}
    return [links.issue(INVOICE, **who, resource=f"invoice:{each}") for each in range(count)]


def test_purge(world: World) -> None:
    """What expired longer than `keep` ago is forgotten, and counted; what expired at that instant stays."""
    links = world.listening()
    old = invoices(links, 3)
    world.clock.tick(timedelta(seconds=1))
    kept = invoices(links, 2)
    world.clock.tick(14 * DAY + KEEP)
    assert links.purge(keep=KEEP) == 3
    assert (world.events[-1].kind, world.events[-1].reason) == ("purged", "3")
    assert {info.link_id for info in links.find(policy=INVOICE)} == {link.link_id for link in kept}
    with pytest.raises(InvalidLinkError):
        links.verify(old[0].token, INVOICE)
    assert links.purge(keep=KEEP) == 0


def test_purge_in_batches(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """L16: a purge forgets in small transactions, and comes to its end where the last one is full."""
    monkeypatch.setattr(managing, "PURGED_AT_ONCE", 2)
    links = world.links()
    invoices(links, 4)
    world.clock.tick(14 * DAY + KEEP + DAY)
    world.pop_calls()
    assert links.purge(keep=KEEP) == 4
    assert world.pop_calls() == ["purge"] * 3


BAD_SPANS: list[Any] = [None, 365, 1.5, "365 days", KEEP - timedelta(microseconds=1), timedelta(0), -KEEP]


@pytest.mark.parametrize("keep", BAD_SPANS, ids=repr)
def test_purge_too_early(world: World, keep: Any) -> None:
    """A purge that would close what is open, or forget a series that may still be reminded of, is refused."""
    with pytest.raises(BadArgumentError, match="365 days"):
        world.links().purge(keep=keep)
    assert world.pop_calls() == []


def test_purge_and_the_longest_session(world: World) -> None:
    """Where sessions outlast every series, they say what must be kept."""
    long = replace(SIGN_IN, session_lifetime=timedelta(days=30))
    with pytest.raises(BadArgumentError, match="30 days"):
        world.links(long).purge(keep=29 * DAY)
    assert world.links(long).purge(keep=30 * DAY) == 0


def test_purge_of_more_than_time(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """A `keep` that reaches behind 1970 forgets nothing, and asks no store for an instant of more than 63 bits."""
    purge, asked = world.store.inner.purge, []

    def purging(audience: str, *, before: int, limit: int) -> int:
        asked.append(before)
        return purge(audience, before=before, limit=limit)

    monkeypatch.setattr(world.store.inner, "purge", purging)
    assert world.links().purge(keep=timedelta.max) == 0
    assert asked == [0]


def test_purge_interrupted(world: World) -> None:
    """A purge that fails midway is StoreError and no event; the next one goes on."""
    links = world.listening()
    invoices(links, 1)
    world.clock.tick(14 * DAY + KEEP + DAY)
    world.fail("purge")
    with pytest.raises(StoreError):
        links.purge(keep=KEEP)
    world.heal()
    assert links.purge(keep=KEEP) == 1
    assert world.pop_events() == ["issued", "purged"]
