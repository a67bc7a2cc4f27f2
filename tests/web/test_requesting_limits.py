"""Limits: how many mails one link, one address and one source may ask for in an hour; over one, all looks as before."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from magiclink import SIGN_IN
from magiclink.links import run
from magiclink.web import Account, Job, Limits, Task
from magiclink.web.requesting import name_source
from tests.web.conftest import ANN, BOB, ORIGIN, Site, form_of, shape, told, uses

if TYPE_CHECKING:
    from magiclink import Event, Link
    from magiclink.web import Reply
    from tests.web.conftest import Visitor

UNKNOWN = "nobody@acme.example"


def ask(site: Site, address: str, *, source: str | None = "192.0.2.7") -> Reply:
    """Ask for a sign-in link, from a fresh browser."""
    visitor = site.visitor()
    visitor.source = source
    return visitor.press(visitor.get("sign-in"), email=address)


def listening(**options: Any) -> tuple[Site, list[Event]]:
    """A site whose events are heard."""
    events: list[Event] = []
    return Site(settings={"on_event": events.append}, **options), events


def limited(events: list[Event]) -> list[str | None]:
    """The links, or None, of which too much was asked."""
    return [event.link_id for event in events if event.kind == "limited"]


def expired(site: Site, link: Link) -> Visitor:
    """A browser that looks at the page of an expired link."""
    site.clock.set(link.expires_at)
    visitor = site.visitor()
    visitor.click(link)
    return visitor


SOURCES = {
    "192.0.2.7": "192.0.2.7",
    "192.0.2.8": "192.0.2.8",
    "::ffff:192.0.2.7": "192.0.2.7",
    "::FFFF:C000:0207": "192.0.2.7",
    "192.0.2.7%eth0": "192.0.2.7",
    "2001:db8::1": "2001:db8::",
    "2001:db8::ffff:ffff:ffff:ffff": "2001:db8::",
    "2001:DB8:0:0:0::9": "2001:db8::",
    "2001:db8:0:1::1": "2001:db8:0:1::",
    "fe80::1%eth0": "fe80::",
    "::1": "::",
    "127.0.0.1": "127.0.0.1",
}
GARBAGE = [
    None,
    "",
    " ",
    "unix:",
    "localhost",
    "192.0.2.7:443",
    "[2001:db8::1]",
    "192.0.2.7, 198.51.100.1",
    "192.0.2.07",
    "192.0.2",
    "1",
    "%eth0",
    "192.0.2.256",
    "١٩٢.0.2.7",
    "x" * 100_000,
    "\0",
    "\ud800",
]


@pytest.mark.parametrize(("source", "name"), SOURCES.items())
def test_source(source: str, name: str) -> None:
    """G39: an IPv4 address counts for itself, however it is mapped; of IPv6 a network of 64 bits counts as one."""
    assert name_source(source) == name


@pytest.mark.parametrize("source", GARBAGE)
def test_source_of_nowhere(source: str | None) -> None:
    """G39: whatever is no address shares one limit: stricter, not none."""
    assert name_source(source) == "unknown"


def test_sources_of_nowhere_share_a_limit() -> None:
    """G39: requests without an address count together, and those with one apart from them."""
    site = Site(limits=Limits(per_source=2))
    for source, address in ((None, ANN), ("garbage", UNKNOWN), ("", BOB), ("2001:db8::1", BOB)):
        ask(site, address, source=source)
    assert [mail.to for mail in site.outbox.messages] == [ANN, BOB]


def test_one_network_shares_a_limit() -> None:
    """G39: whoever has a network of 64 bits has one address here."""
    site = Site(limits=Limits(per_source=1))
    for source in ("2001:db8::1", "2001:db8::2", "2001:db8:0:0:ffff::", "2001:db8:0:1::1"):
        ask(site, ANN, source=source)
    assert len(site.outbox) == 2


def test_address_limit() -> None:
    """L04, L06: one address gets five mails an hour, however often it is typed, in whatever case; then again five."""
    site, events = listening()
    first = ask(site, ANN)
    for number in range(20):
        reply = ask(site, ANN if number % 2 else ANN.upper(), source=f"192.0.2.{number}")
        assert shape(reply)[:4] == shape(first)[:4]
    assert len(site.outbox) == 5
    assert len(limited(events)) == 16
    assert len(site.links.find(subject="ann")) == 5
    ask(site, BOB)
    site.tick(hours=1)
    ask(site, ANN)
    assert [mail.to for mail in site.outbox.messages][5:] == [BOB, ANN]


def test_limited_event_names_nobody() -> None:
    """An event of a limit holds no address and no link: nothing tells whether the address is known."""
    site, events = listening(limits=Limits(per_address=1))
    for address in (UNKNOWN, UNKNOWN):
        ask(site, address)
    [event] = [event for event in events if event.kind == "limited"]
    assert (event.link_id, event.subject, event.purpose, event.reason) == (None, None, None, "")


def test_limits_say_nothing_of_existence() -> None:
    """K02: an unknown address has the same limit as a known one: the counted calls are the same up to its mail."""
    counted = []
    for address in (ANN, UNKNOWN):
        site = Site(limits=Limits(per_address=2))
        for _ in range(4):
            ask(site, address)
        counted.append([name for name in site.store.calls if name == "hit"])
    assert counted[0] == counted[1] == ["hit"] * 8


def test_source_limit() -> None:
    """L05: one source asks for thirty mails an hour, for whatever addresses; the rest leaves no trace in the store."""
    site, events = listening()
    for number in range(40):
        told_to = ask(site, f"nobody{number}@acme.example")
        assert told(told_to) == "200 sent"
    assert len(limited(events)) == 10
    limits = site.store.store.__dict__["_hits"]
    assert len(limits) == 31
    assert site.links.find(policy=SIGN_IN) == []
    ask(site, ANN)
    assert len(site.outbox) == 0
    ask(site, ANN, source="198.51.100.1")
    assert len(site.outbox) == 1


def test_one_source_does_not_use_up_addresses() -> None:
    """L06: a source over its limit counts nothing against the addresses that it types."""
    site = Site(limits=Limits(per_source=1, per_address=2))
    ask(site, BOB)
    for _ in range(10):
        ask(site, ANN)
    ask(site, ANN, source="198.51.100.1")
    assert [mail.to for mail in site.outbox.messages] == [BOB, ANN]


def test_odd_addresses_count_nothing(site: Site) -> None:
    """What is no address costs the store nothing."""
    ask(site, "no address")
    assert site.store.calls == []


def test_requests_supersede_nothing(site: Site) -> None:
    """L07: whoever keeps asking for an address ends no link that its owner is about to click."""
    ask(site, ANN)
    owners = site.outbox.last.url.removeprefix(f"{ORIGIN}/l/")
    for number in range(10):
        ask(site, ANN, source=f"198.51.100.{number}")
    visitor = site.visitor()
    visitor.get(owners)
    assert told(visitor.press(visitor.get())) == "303 /"
    assert visitor.signed_in_as == "ann"


def test_link_limit() -> None:
    """A link is renewed three times an hour at most; over it the same answer, no mail, and its history says so."""
    site, events = listening(limits=Limits(per_link=1))
    link = site.invoice()
    visitor = expired(site, link)
    first = visitor.press(visitor.get())
    site.tick(minutes=6)
    visitor.get(link.token)
    second = visitor.press(visitor.get())
    assert shape(first)[:4] == shape(second)[:4]
    assert len(site.outbox) == 1
    assert limited(events) == [link.link_id]
    assert limited(site.links.history(subject="ann")) == [link.link_id]


def test_links_and_addresses_have_their_own_limits() -> None:
    """A link that was renewed too often, or an address that got too much, takes nothing from any other."""
    site = Site(limits=Limits(per_link=1, per_address=1))
    links = [site.invoice(), site.invoice(BOB)]
    site.clock.set(links[0].expires_at)
    for link in links * 2:
        run(site.conversation.run(Job(task=Task.RENEW, source=None, link_id=link.link_id)))
    assert [mail.to for mail in site.outbox.messages] == [ANN, BOB]


def test_limit_of_a_link_that_is_gone() -> None:
    """A limit on a link whose record was purged is told by its link id."""
    site, events = listening(limits=Limits(per_link=1))
    for _ in range(2):
        run(site.conversation.run(Job(task=Task.RENEW, source=None, link_id="ab" * 20)))
    assert limited(events) == ["ab" * 20]


def test_renewals_count_for_the_address() -> None:
    """L06: fresh links for many documents of one address have one limit together, told in the link's history."""
    site, events = listening(limits=Limits(per_address=2))
    links = [site.invoice(resource=f"invoice:{number}") for number in range(3)]
    for link in links:
        visitor = expired(site, link)
        assert told(visitor.press(visitor.get())) == "200 sent"
    assert len(site.outbox) == 2
    assert limited(events) == [links[2].link_id]


def test_strangers_use_up_no_holders_budget() -> None:
    """L07: who types a customer's address all day keeps nobody from a fresh link for his document."""
    site = Site(limits=Limits(per_address=1))
    link = site.invoice()
    visitor = expired(site, link)
    for number in range(3):
        ask(site, ANN, source=f"198.51.100.{number}")
    page = visitor.get()
    visitor.press(page)
    assert len(site.outbox) == 2
    assert form_of(page)
    assert uses(site, link) == 0


def test_second_address_has_its_own_limit() -> None:
    """Two addresses of one account are two mailboxes, with a limit each."""
    site = Site(limits=Limits(per_address=1))
    site.accounts.known["ann"] = Account(subject="ann", addresses=(ANN, "ann@home.example"))
    for address in (ANN, "ann@home.example", ANN):
        ask(site, address)
    assert [mail.to for mail in site.outbox.messages] == [ANN, "ann@home.example"]


def test_limited_events_are_small(caplog: pytest.LogCaptureFixture) -> None:
    """L14: a request over a limit is one short line of the log, whatever was typed, and holds none of it."""
    site = Site(limits=Limits(per_address=1))
    with caplog.at_level("INFO", logger="magiclink"):
        for _ in range(5):
            ask(site, "a" * 60 + "@acme.example")
    lines = [record.getMessage() for record in caplog.records]
    assert lines == ["limited link=None purpose=None reason=''"] * 4


def test_success_resets_no_limit(site: Site) -> None:
    """F12: whoever signs in gets nobody's limit back: not another address's, not the source's, not the own one."""
    for _ in range(site.conversation.limits.per_address + 1):
        ask(site, ANN)
        ask(site, BOB)
    sent = len(site.outbox)
    visitor = site.visitor()
    assert visitor.press(visitor.click(site.sign_in("bob"))).sign_in is not None
    assert visitor.press(visitor.click(site.sign_in("ann"))).sign_in is not None
    ask(site, ANN)
    ask(site, BOB)
    assert len(site.outbox) == sent == 2 * site.conversation.limits.per_address
