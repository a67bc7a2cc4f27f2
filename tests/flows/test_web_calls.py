"""What the web conversation borrows from the core: a look that changes nothing, seals, limits, the time."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from magiclink import (
    INVOICE,
    SIGN_IN,
    ClockError,
    ExpiredLinkError,
    InvalidLinkError,
    Key,
    KeyRing,
    NotAdmittedError,
    RevokedLinkError,
    StoreError,
)
from magiclink.links import run

if TYPE_CHECKING:
    from magiclink import Link, LinkInfo, MagicLinks
    from tests.conftest import World

AP = "ap@acme.example"
HOUR = timedelta(hours=1)
BOUND = replace(SIGN_IN, purpose="bound", bind_browser=True, renew_on_request=False)


def issued(links: MagicLinks) -> Link:
    """An invoice's link."""
    return links.issue(INVOICE, subject="customer-7", resource="invoice:1001", recipient=AP)


def test_look(world: World) -> None:
    """A look tells all of a link that may be used, with the digest of its recipient, and notes that it was seen."""
    links = world.listening()
    link = issued(links)
    world.told()
    seen = run(links.flows.look(link.token))
    assert (seen.info.link_id, seen.info.subject, seen.info.uses) == (link.link_id, "customer-7", 0)
    assert links.flows.is_recipient(seen.recipient, AP)
    assert world.told() == ["verified"]
    assert [event.kind.value for event in links.history(subject="customer-7")] == ["issued", "verified"]


def test_look_without_a_note(world: World) -> None:
    """G01: a look for HEAD reads once and writes nothing, whether the link works or not."""
    links = world.listening()
    link = issued(links)
    world.asked()
    run(links.flows.look(link.token, note=False))
    assert world.asked() == ["get"]
    world.clock.set(link.expires_at)
    with pytest.raises(ExpiredLinkError):
        run(links.flows.look(link.token, note=False))
    assert world.asked() == ["get"]
    assert world.told() == ["issued"]


def test_look_at_a_refused_link(world: World) -> None:
    """A refused look tells why, and notes it."""
    links = world.links()
    link = issued(links)
    links.revoke(link.link_id, reason="paid")
    with pytest.raises(RevokedLinkError) as caught:
        run(links.flows.look(link.token))
    assert caught.value.reason == "paid"
    assert "refused" in [event.kind.value for event in links.history(subject="customer-7")]


@pytest.mark.parametrize("token", ["", "A" * 60, None, 7, b"x"])
def test_look_at_a_forgery(world: World, token: object) -> None:
    """A token that isn't genuine costs no query and no event."""
    links = world.listening()
    with pytest.raises(InvalidLinkError):
        run(links.flows.look(token))  # type: ignore[arg-type]
    assert (world.asked(), world.told()) == ([], [])


def test_look_asks_the_app(small_world: World) -> None:
    """The app's own check is asked last, with what is known of the link; its no is told as its own, and noted."""
    links = small_world.listening()
    link = issued(links)
    asked: list[LinkInfo] = []

    def admit(info: LinkInfo) -> bool:
        asked.append(info)
        return len(asked) == 1

    assert run(links.flows.look(link.token, admit=admit)).info == asked[0]
    with pytest.raises(NotAdmittedError) as caught:
        run(links.flows.look(link.token, admit=admit))
    assert caught.value.reason == "app"
    small_world.clock.set(link.expires_at)
    with pytest.raises(ExpiredLinkError):
        run(links.flows.look(link.token, admit=admit))
    assert len(asked) == 2
    assert small_world.told() == ["issued", "verified", "refused", "refused"]


def test_look_from_another_browser(small_world: World) -> None:
    """A link that is bound to a browser is seen in that one alone."""
    links = small_world.links(BOUND)
    link = links.issue(BOUND, subject="customer-7", recipient=AP, browser="nonce")
    assert run(links.flows.look(link.token, browser="nonce")).info.link_id == link.link_id
    for browser in (None, "other", ""):
        with pytest.raises(NotAdmittedError):
            run(links.flows.look(link.token, browser=browser))


def test_recipient(small_world: World) -> None:
    """An address is recognised whatever its ASCII case; another isn't, and neither is what is no address."""
    links = small_world.links()
    seen = run(links.flows.look(issued(links).token))
    assert links.flows.is_recipient(seen.recipient, "AP@Acme.Example")
    for other in ("ap@acme.exampl", "ap+x@acme.example", "аp@acme.example", "n/a", "", f"{AP}, {AP}", None):
        assert not links.flows.is_recipient(seen.recipient, other)  # type: ignore[arg-type]
    assert not links.flows.is_recipient(None, AP)


def test_recipient_under_a_retired_key(small_world: World) -> None:
    """After a rotation the recipient of an older link is recognised, until its key leaves the ring."""
    old, new = Key.generate(id=1), Key.generate(id=2)
    link = issued(small_world.links(keys=KeyRing(signing=old)))
    turned = small_world.links(keys=KeyRing(signing=new, retired=(old,)))
    assert run(turned.flows.choose_recipient(link.link_id, [AP])) == AP
    forgot = small_world.links(keys=KeyRing(signing=new))
    assert run(forgot.flows.choose_recipient(link.link_id, [AP])) is None


def test_recipient_among(small_world: World) -> None:
    """Of the addresses on file the one that was mailed is given as it is spelled there, or none."""
    links = small_world.links()
    link = issued(links)
    among = links.flows.choose_recipient
    assert run(among(link.link_id, ["n/a", "x@acme.example", "AP@acme.example", AP])) == "AP@acme.example"
    assert run(among(link.link_id, ["x@acme.example"])) is None
    assert run(among(link.link_id, [])) is None
    nobodys = links.issue(INVOICE, subject="customer-7", resource="invoice:1001")
    assert run(among(nobodys.link_id, [AP])) is None
    for unknown in ("ab" * 20, "", "x", None):
        with pytest.raises(InvalidLinkError):
            run(among(unknown, [AP]))  # type: ignore[arg-type]


def test_seal(small_world: World) -> None:
    """A seal is read by its own kind, until the exact instant of its end."""
    flows = small_world.links().flows
    text = run(flows.seal("form", b"value", lifetime=HOUR))
    small_world.clock.tick(HOUR - timedelta(microseconds=1))
    assert run(flows.unseal("form", text)) == b"value"
    assert run(flows.unseal("pending", text)) is None
    assert run(flows.unseal("form", text[:-1])) is None
    small_world.clock.tick(timedelta(microseconds=1))
    assert run(flows.unseal("form", text)) is None


def test_seal_of_another_audience_or_key(small_world: World) -> None:
    """B04: what one tenant sealed is none for another, under the same keys; nor under other keys for the same."""
    text = run(small_world.links().flows.seal("form", b"value", lifetime=HOUR))
    assert run(small_world.links(audience="other").flows.unseal("form", text)) is None
    assert run(small_world.links(keys=KeyRing(signing=Key.generate())).flows.unseal("form", text)) is None


@pytest.mark.parametrize("text", [None, "", "x", 7, b"x", "A" * 5_000])
def test_unseal_of_nothing(small_world: World, text: object) -> None:
    """Whatever a browser sends in place of a seal is None, and raises nothing."""
    assert run(small_world.links().flows.unseal("form", text)) is None


def test_take(world: World) -> None:
    """A bucket takes as many as its limit in a window, then says from when on; another has its own count."""
    flows = world.links().flows
    world.clock.set(world.clock.now().replace(minute=10, second=0, microsecond=0))
    assert [run(flows.hit("a", limit=2, window=HOUR)) for _ in range(2)] == [None, None]
    retry_at = run(flows.hit("a", limit=2, window=HOUR))
    assert retry_at == world.clock.now().replace(minute=0) + HOUR
    assert run(flows.hit("b", limit=2, window=HOUR)) is None
    world.clock.set(retry_at)
    assert run(flows.hit("a", limit=2, window=HOUR)) is None


def test_bucket_is_a_keyed_digest(small_world: World) -> None:
    """A stolen table of buckets names no address and no source, and can't be tried without the key."""
    flows = small_world.links().flows
    run(flows.hit(f"address:{AP}", limit=2, window=HOUR))
    [(_, _, bucket)] = small_world.store.inner.__dict__["_hits"]
    assert b"ap@" not in bucket
    assert len(bucket) == 17
    assert flows._digests.digest("recipient", f"address:{AP}") != bucket
    others = small_world.links(keys=KeyRing(signing=Key.generate())).flows
    assert others._digests.digest("bucket", f"address:{AP}") != bucket


def test_take_with_a_store_that_is_down(small_world: World) -> None:
    """A limit that can't be counted is an error, never leave to go on."""
    small_world.fail("hit")
    with pytest.raises(StoreError):
        run(small_world.links().flows.hit("a", limit=2, window=HOUR))


def test_limited(world: World) -> None:
    """A limit on a link is told with what the link is for, and stands in its history once an hour."""
    links = world.listening()
    link = issued(links)
    world.events.clear()
    for _ in range(3):
        run(links.flows.note_limited(link.link_id))
    assert [event.kind.value for event in links.history(subject="customer-7")].count("limited") == 1
    assert {(event.link_id, event.subject) for event in world.events} == {(link.link_id, "customer-7")}
    assert world.told() == ["limited"] * 3


@pytest.mark.parametrize("link_id", [None, "ab" * 20, "x"])
def test_limited_without_a_record(small_world: World, link_id: str | None) -> None:
    """A limit that is about no link, or one that is forgotten, is an event and writes nothing."""
    links = small_world.listening()
    run(links.flows.note_limited(link_id))
    [event] = small_world.events
    assert (event.kind.value, event.link_id, event.subject) == ("limited", link_id, None)
    assert "note" not in small_world.asked()


def test_now(small_world: World) -> None:
    """The present instant is that of the clock, and a clock that can't be believed is ClockError."""
    assert small_world.links().flows.now() == small_world.clock.now()

    class Wrong:
        def now(self) -> str:
            return "now"

    with pytest.raises(ClockError):
        small_world.links(clock=Wrong()).flows.now()
