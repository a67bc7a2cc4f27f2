"""What a request costs: the clock is asked once, its token opened once, and a record read once and handed on."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from magiclink import INVOICE, SIGN_IN
from magiclink.crypto.tokens import Tokens
from magiclink.links import run
from magiclink.web import Job, Task
from tests.conftest import WatchedClock
from tests.web.conftest import ANN, Site, form_of, told

if TYPE_CHECKING:
    from collections.abc import Callable

    from magiclink import Event
    from magiclink.crypto.tokens import Genuine


@dataclass
class Meter:
    """A site whose clock, token openings and store calls are counted."""

    site: Site
    clock: WatchedClock
    opened: list[object] = field(default_factory=list)

    def measure(self, call: Callable[[], object]) -> tuple[int, int, list[str]]:
        """Make one call; return how often the clock was asked, tokens were opened, and the store's calls."""
        self.clock.reads = 0
        self.opened.clear()
        self.site.store.calls.clear()
        call()
        return self.clock.reads, len(self.opened), self.site.store.calls[:]


def make_meter(monkeypatch: pytest.MonkeyPatch, on_event: Callable[[Event], None] | None = None) -> Meter:
    """Make a site that is counted."""
    clock, opens = WatchedClock(), Tokens.open
    meter = Meter(Site(INVOICE, SIGN_IN, settings={"clock": clock, "on_event": on_event}), clock)

    def watch(self: Tokens, token: object) -> Genuine | None:
        meter.opened.append(token)
        return opens(self, token)

    monkeypatch.setattr(Tokens, "open", watch)
    return meter


@pytest.fixture
def meter(monkeypatch: pytest.MonkeyPatch) -> Meter:
    """Return a site that is counted."""
    return make_meter(monkeypatch)


def test_signing_in(meter: Meter) -> None:
    """A link that waits for its button: three requests, each with one reading of the clock and one opened token."""
    link, visitor = meter.site.sign_in(), meter.site.visitor()
    assert meter.measure(lambda: visitor.get(link.token)) == (1, 1, [])
    page = visitor.get()
    assert meter.measure(visitor.get) == (1, 1, ["get"])
    assert meter.measure(lambda: visitor.press(page)) == (1, 1, ["consume"])
    assert visitor.signed_in_as == "ann"


def test_document(meter: Meter) -> None:
    """A document is opened by one reading of its record, and seen by one more."""
    link, visitor = meter.site.invoice(), meter.site.visitor()
    assert meter.measure(lambda: visitor.get(link.token)) == (1, 1, ["get", "note"])
    assert meter.measure(visitor.opened) == (1, 1, ["get"])


def test_document_that_has_ended_and_is_open(meter: Meter) -> None:
    """A refused link that this browser still has open: the record that refused it says so, read once."""
    link, visitor = meter.site.invoice(), meter.site.visitor()
    visitor.get(link.token)
    meter.site.links.mark_delivered(meter.site.invoice().link_id)
    assert meter.measure(lambda: visitor.get(link.token)) == (1, 1, ["get", "note"])
    assert told(visitor.get(link.token)) == "303 /invoices/1001"


def test_ended_link(meter: Meter) -> None:
    """The page of a link that has ended, and the button after it: one reading each."""
    link, visitor = meter.site.invoice(), meter.site.visitor()
    meter.clock.set(link.expires_at)
    page = visitor.click(link)
    assert told(page) == "410 expired"
    assert meter.measure(visitor.get) == (1, 1, ["get"])
    request = visitor.request("POST", "new", form=tuple(form_of(page).items()))
    assert meter.measure(lambda: run(meter.site.conversation.answer(request))) == (1, 1, [])


def test_closed_document(meter: Meter) -> None:
    """A guard that is closed asks the clock once, and neither store nor token."""
    request = meter.site.visitor().request()
    guard = meter.site.conversation.guard
    assert meter.measure(lambda: run(guard(request, INVOICE, "invoice:1"))) == (1, 0, [])
    assert meter.measure(lambda: run(meter.site.conversation.find_open(request, INVOICE, "invoice:1"))) == (1, 0, [])


def test_asking_to_sign_in(meter: Meter) -> None:
    """The sign-in page and its answer ask the clock once each; so does the job, which reads back nothing it made."""
    visitor = meter.site.visitor()
    page = visitor.get("sign-in")
    assert meter.measure(lambda: visitor.get("sign-in")) == (1, 0, [])
    request = visitor.request("POST", "sign-in", form=(("email", ANN),))
    assert told(page) == "200 sign-in"
    assert meter.measure(lambda: run(meter.site.conversation.answer(request))) == (1, 0, [])
    job = Job(task=Task.SIGN_IN, source=None, address=ANN)
    assert meter.measure(lambda: run(meter.site.conversation.run(job))) == (
        1,
        0,
        ["hit", "hit", "add", "mark_delivered"],
    )


@pytest.mark.parametrize("listens", [False, True])
def test_reminder_from_the_desk(monkeypatch: pytest.MonkeyPatch, listens: bool) -> None:
    """A reminder reads the link once and makes four calls of the store; who listens is told what was replaced, too."""
    events: list[Event] = []
    meter = make_meter(monkeypatch, events.append if listens else None)
    link = meter.site.invoice()
    meter.clock.tick(timedelta(days=1))
    expected = ["get", "newest", "add", "mark_delivered", *(["find"] if listens else [])]
    assert meter.measure(lambda: run(meter.site.conversation.remind(link.link_id))) == (1, 0, expected)
    kinds = ["issued", "reminded", "delivered", "superseded"]
    assert [event.kind.value for event in events] == (kinds if listens else [])


def test_renewal(meter: Meter) -> None:
    """The job of a fresh link reads the old one once."""
    link = meter.site.invoice()
    meter.clock.set(link.expires_at)
    job = Job(task=Task.RENEW, source=None, link_id=link.link_id)
    expected = ["hit", "hit", "get", "hit", "newest", "add", "mark_delivered"]
    assert meter.measure(lambda: run(meter.site.conversation.run(job))) == (1, 0, expected)


def test_send(meter: Meter) -> None:
    """A mail that the app sends reads its link once."""
    link = meter.site.invoice()
    expected = (1, 0, ["get", "mark_delivered"])
    assert meter.measure(lambda: run(meter.site.conversation.send(link, to=ANN))) == expected
