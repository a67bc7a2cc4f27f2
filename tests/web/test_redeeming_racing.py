"""Many browsers press the button of one link at once, through the whole conversation."""

from __future__ import annotations

import sys
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import TYPE_CHECKING

import pytest

from magiclink.links import run
from magiclink.stores.memory import MemoryStore
from magiclink.stores.sqlite import SQLiteStore
from tests.web.conftest import Site, Visitor, form_of, told, uses

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from magiclink.records import Record, Terms
    from magiclink.stores.base import Store
    from magiclink.web import Reply, Request

BROWSERS = 8
ROUNDS = 12


@pytest.fixture(params=["memory", "sqlite"])
def site(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Site]:
    """A site over each store, with threads that switch as often as they can."""
    store: Store = MemoryStore() if request.param == "memory" else SQLiteStore(tmp_path / "links.db")
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield Site(store=store)
    sys.setswitchinterval(interval)
    store.close()


def pressing(visitor: Visitor, token: str) -> Request:
    """A browser that has clicked a link and is about to press its button."""
    visitor.get(token)
    return visitor.request("POST", form=tuple(form_of(visitor.get()).items()))


def at_once(site: Site, requests: list[Request]) -> list[Reply]:
    """Send requests from threads that all wait for the last one."""
    barrier = Barrier(len(requests))

    def send(request: Request) -> Reply:
        barrier.wait()
        return run(site.conversation.answer(request))

    with ThreadPoolExecutor(len(requests)) as threads:
        return list(threads.map(send, requests))


def test_eight_browsers(site: Site) -> None:
    """F01: of eight browsers that press at once one is signed in; the others read that the link was used."""
    for _ in range(ROUNDS):
        link = site.sign_in()
        replies = at_once(site, [pressing(site.visitor(), link.token) for _ in range(BROWSERS)])
        assert sum(reply.sign_in is not None for reply in replies) == 1
        assert sorted(map(told, replies)) == ["303 /invoices"] + ["410 used"] * (BROWSERS - 1)
        assert uses(site, link) == 1


class CarelessStore(MemoryStore):
    """The broken control: it reads, and writes once every racer has read."""

    def __init__(self) -> None:
        super().__init__()
        self._all_have_read = Barrier(BROWSERS)

    def consume(self, link_id: bytes, terms: Terms) -> Record | None:
        """Use a link, as nobody should."""
        record = self.get(terms.audience, link_id)
        if record is None or not terms.met_by(record):
            return None
        self._all_have_read.wait()
        return self._keep(record._replace(uses=record.uses + 1, last_used_at=terms.now, attempt=terms.attempt))


def test_race_over_a_careless_store() -> None:
    """The race above is one: over a store that reads first and writes later it signs all eight browsers in."""
    careless = Site(store=CarelessStore())
    link = careless.sign_in()
    replies = at_once(careless, [pressing(careless.visitor(), link.token) for _ in range(BROWSERS)])
    assert sum(reply.sign_in is not None for reply in replies) == BROWSERS


def test_one_browser_pressing_often(site: Site) -> None:
    """F15: one browser whose button is hit eight times at once lands eight times, on one use."""
    for _ in range(ROUNDS):
        link = site.sign_in()
        replies = at_once(site, [pressing(site.visitor(), link.token)] * BROWSERS)
        assert {told(reply) for reply in replies} == {"303 /invoices"}
        assert len({reply.sign_in for reply in replies}) == 1
        assert uses(site, link) == 1


def test_pressing_while_it_is_revoked(site: Site) -> None:
    """F04: a press that races a revocation signs in or reads that it was withdrawn; afterwards nothing is open."""
    for _ in range(ROUNDS):
        link = site.sign_in()
        request = pressing(site.visitor(), link.token)
        with ThreadPoolExecutor(1) as other:
            revoking = other.submit(site.links.revoke, link.link_id)
            reply = run(site.conversation.answer(request))
            revoking.result()
        assert told(reply) in {"303 /invoices", "410 revoked"}
        assert told(run(site.conversation.answer(request))) == "410 revoked"
