"""What only the web conversation uses of the core: the check of an opened token, seals, limits, addresses on file."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from magiclink import (
    INVOICE,
    SIGN_IN,
    ClockError,
    ExpiredLinkError,
    Key,
    KeyRing,
    NotAdmittedError,
    RevokedLinkError,
    StoreError,
    UsedLinkError,
)
from magiclink.instants import to_datetime
from magiclink.links import run

if TYPE_CHECKING:
    from magiclink import Link, LinkInfo, MagicLinks
    from magiclink.records import Record
    from tests.conftest import World

AP = "ap@acme.example"
HOUR = 3_600_000_000
BOUND = replace(SIGN_IN, purpose="bound", bind_browser=True, renew_on_request=False)


def issued(links: MagicLinks) -> Link:
    """An invoice's link."""
    return links.issue(INVOICE, subject="customer-7", resource="invoice:1001", recipient=AP)


def check(links: MagicLinks, token: str, **given: Any) -> LinkInfo:
    """Open a token and check its link, as the conversation does."""
    flows = links.flows
    genuine, now = flows.open_token(token), flows.read_clock()
    assert genuine is not None
    attempt = flows.begin_attempt(genuine, now, **{"browser": None, **given})
    assert (attempt.link_id, attempt.now, attempt.record) == (genuine.link_id, now, None)
    record = run(flows.check(attempt))
    assert attempt.record == record
    return flows.describe(record, now)


def test_check(world: World) -> None:
    """A check returns the record of a link that may be used, and notes that it was seen."""
    links = world.listening()
    link = issued(links)
    world.pop_events()
    info = check(links, link.token)
    assert (info.link_id, info.subject, info.uses) == (link.link_id, "customer-7", 0)
    assert world.pop_events() == ["verified"]
    assert [event.kind.value for event in links.history(subject="customer-7")] == ["issued", "verified"]


def test_check_without_a_note(world: World) -> None:
    """G01: a check for HEAD reads once and writes nothing, whether the link works or not."""
    links = world.listening()
    link = issued(links)
    world.pop_calls()
    check(links, link.token, is_noted=False)
    assert world.pop_calls() == ["get"]
    world.clock.set(link.expires_at)
    with pytest.raises(ExpiredLinkError):
        check(links, link.token, is_noted=False)
    assert world.pop_calls() == ["get"]
    assert world.pop_events() == ["issued"]


def test_check_of_a_refused_link(world: World) -> None:
    """A refused check says why, and notes it."""
    links = world.links()
    link = issued(links)
    links.revoke(link.link_id, reason="paid")
    with pytest.raises(RevokedLinkError) as caught:
        check(links, link.token)
    assert caught.value.reason == "paid"
    assert "refused" in [event.kind.value for event in links.history(subject="customer-7")]


@pytest.mark.parametrize("token", ["", "A" * 60, None, 7, b"x"])
def test_token_that_proves_nothing(world: World, token: object) -> None:
    """A token that isn't genuine costs no query and no event, and raises nothing."""
    assert world.listening().flows.open_token(token) is None
    assert (world.pop_calls(), world.pop_events()) == ([], [])


def test_check_asks_the_app(small_world: World) -> None:
    """The app's own check is asked last, with what is known of the link; its no is told as its own, and noted."""
    links = small_world.listening()
    link = issued(links)
    asked: list[LinkInfo] = []

    def admit(info: LinkInfo) -> bool:
        asked.append(info)
        return len(asked) == 1

    assert check(links, link.token, admit=admit) == asked[0]
    with pytest.raises(NotAdmittedError) as caught:
        check(links, link.token, admit=admit)
    assert caught.value.reason == "app"
    small_world.clock.set(link.expires_at)
    with pytest.raises(ExpiredLinkError):
        check(links, link.token, admit=admit)
    assert len(asked) == 2
    assert small_world.pop_events() == ["issued", "verified", "refused", "refused"]


def test_check_from_another_browser(small_world: World) -> None:
    """A link that is bound to a browser is seen in that one alone."""
    links = small_world.links(BOUND)
    link = links.issue(BOUND, subject="customer-7", recipient=AP, browser="nonce")
    assert check(links, link.token, browser="nonce").link_id == link.link_id
    for browser in (None, "other", ""):
        with pytest.raises(NotAdmittedError):
            check(links, link.token, browser=browser)


def test_use_with_a_nonce(small_world: World) -> None:
    """A use of an opened token is a redeem: its nonce lets a second click in, and no other."""
    links = small_world.links(SIGN_IN)
    flows = links.flows
    genuine = flows.open_token(links.issue(SIGN_IN, subject="customer-7").token)
    assert genuine is not None
    uses = [
        run(flows.use(flows.begin_attempt(genuine, flows.read_clock(), browser=None, nonce="first click")))
        for _ in range(2)
    ]
    assert uses[0] == uses[1]
    with pytest.raises(UsedLinkError):
        run(flows.use(flows.begin_attempt(genuine, flows.read_clock(), browser=None, nonce="another")))


def recipient_of(links: MagicLinks) -> Record:
    """The record of a link that was mailed to the address."""
    record = run(links.flows.find_record(issued(links).link_id))
    assert record is not None
    return record


def test_recipient(small_world: World) -> None:
    """An address is recognised whatever its ASCII case; another isn't, and neither is what is no address."""
    links = small_world.links()
    recipient = recipient_of(links).recipient
    assert links.flows.is_recipient(recipient, "AP@Acme.Example")
    for other in ("ap@acme.exampl", "ap+x@acme.example", "аp@acme.example", "n/a", "", f"{AP}, {AP}", None):
        assert not links.flows.is_recipient(recipient, other)  # type: ignore[arg-type]
    assert not links.flows.is_recipient(None, AP)


def test_recipient_under_a_retired_key(small_world: World) -> None:
    """After a rotation the recipient of an older link is recognised, until its key leaves the ring."""
    old, new = Key.generate(id=1), Key.generate(id=2)
    record = recipient_of(small_world.links(keys=KeyRing(signing=old)))
    turned = small_world.links(keys=KeyRing(signing=new, retired=(old,)))
    assert turned.flows.choose_recipient(record, [AP]) == AP
    forgot = small_world.links(keys=KeyRing(signing=new))
    assert forgot.flows.choose_recipient(record, [AP]) is None


def test_recipient_among(small_world: World) -> None:
    """Of the addresses on file the one that was mailed is given as it is spelled there, or none."""
    links = small_world.links()
    record, among = recipient_of(links), links.flows.choose_recipient
    assert among(record, ["n/a", "x@acme.example", "AP@acme.example", AP]) == "AP@acme.example"
    assert among(record, ["x@acme.example"]) is None
    assert among(record, []) is None
    assert among(record._replace(recipient=None), [AP]) is None


@pytest.mark.parametrize("link_id", ["ab" * 20, "", "x", None])
def test_record_that_is_unknown(small_world: World, link_id: Any) -> None:
    """What names no link finds no record; what can't name one isn't looked for."""
    assert run(small_world.links().flows.find_record(link_id)) is None
    assert small_world.pop_calls() == (["get"] if link_id == "ab" * 20 else [])


def test_seal(small_world: World) -> None:
    """A seal is read by its own kind, until the exact instant of its end."""
    flows = small_world.links().flows
    text = flows.seal("form", b"value", expires_at=HOUR)
    assert flows.unseal("form", text, now=HOUR - 1) == b"value"
    assert flows.unseal("pending", text, now=HOUR - 1) is None
    assert flows.unseal("form", text[:-1], now=HOUR - 1) is None
    assert flows.unseal("form", text, now=HOUR) is None


def test_seal_of_another_audience_or_key(small_world: World) -> None:
    """B04: what one tenant sealed is none for another, under the same keys; nor under other keys for the same."""
    text = small_world.links().flows.seal("form", b"value", expires_at=HOUR)
    assert small_world.links(audience="other").flows.unseal("form", text, now=0) is None
    assert small_world.links(keys=KeyRing(signing=Key.generate())).flows.unseal("form", text, now=0) is None


@pytest.mark.parametrize("text", [None, "", "x", 7, b"x", "A" * 5_000])
def test_unseal_of_nothing(small_world: World, text: object) -> None:
    """Whatever a browser sends in place of a seal is None, and raises nothing."""
    assert small_world.links().flows.unseal("form", text, now=0) is None


def test_hit(world: World) -> None:
    """A limit key counts as many as its limit in a window; another key, and the next window, count anew."""
    flows = world.links().flows
    assert [run(flows.hit("a", limit=2, window=HOUR, now=5)) for _ in range(3)] == [True, True, False]
    assert run(flows.hit("b", limit=2, window=HOUR, now=5))
    assert run(flows.hit("a", limit=2, window=HOUR, now=HOUR))


def test_limit_key_is_a_keyed_digest(small_world: World) -> None:
    """A stolen table of limits names no address and no source, and can't be tried without the key."""
    flows = small_world.links().flows
    run(flows.hit(f"address:{AP}", limit=2, window=HOUR, now=0))
    [(_, _, limit_key)] = small_world.store.inner.__dict__["_hits"]
    assert b"ap@" not in limit_key
    assert len(limit_key) == 17
    assert flows._digests.digest("recipient", f"address:{AP}") != limit_key
    others = small_world.links(keys=KeyRing(signing=Key.generate())).flows
    assert others._digests.digest("limit", f"address:{AP}") != limit_key


def test_hit_with_a_store_that_is_down(small_world: World) -> None:
    """A limit that can't be counted is an error, never leave to go on."""
    small_world.fail("hit")
    with pytest.raises(StoreError):
        run(small_world.links().flows.hit("a", limit=2, window=HOUR, now=0))


def test_limited(world: World) -> None:
    """A limit on a link is told with what the link is for, and stands in its history once an hour."""
    links = world.listening()
    link = issued(links)
    world.events.clear()
    record = run(links.flows.find_record(link.link_id))
    for _ in range(3):
        run(links.flows.note_limited(record, links.flows.read_clock()))
    assert [event.kind.value for event in links.history(subject="customer-7")].count("limited") == 1
    assert {(event.link_id, event.subject) for event in world.events} == {(link.link_id, "customer-7")}
    assert world.pop_events() == ["limited"] * 3


@pytest.mark.parametrize("link_id", [None, "ab" * 20, "x"])
def test_limited_without_a_record(small_world: World, link_id: str | None) -> None:
    """A limit that is about no link, or one that is forgotten, is an event and writes nothing."""
    links = small_world.listening()
    run(links.flows.note_limited(None, links.flows.read_clock(), link_id=link_id))
    [event] = small_world.events
    assert (event.kind.value, event.link_id, event.subject) == ("limited", link_id, None)
    assert "note" not in small_world.pop_calls()


def test_clock_that_is_wrong(small_world: World) -> None:
    """The instant of a request is that of the clock, and a clock that can't be believed is ClockError."""
    assert to_datetime(small_world.links().flows.read_clock()) == small_world.clock.now()

    class Wrong:
        def now(self) -> str:
            return "now"

    with pytest.raises(ClockError):
        small_world.links(clock=Wrong()).flows.read_clock()
