"""What a document's link has opened: for whom, for how long, and what closes it at the next request."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from magiclink import INVOICE, SIGN_IN, StoreError
from magiclink.instants import to_span
from magiclink.links import run
from magiclink.web.cookies import MOST_GRANTS, make_tag
from tests.web.conftest import BOB, Site, told

OTHER = replace(INVOICE, purpose="receipt")


def test_grant_is_of_its_document() -> None:
    """B02: what one link opened is its own document, for its own purpose, in its own browser."""
    site = Site(INVOICE, OTHER, SIGN_IN)
    visitor, other = site.visitor(), site.visitor()
    visitor.get(site.invoice().token)
    assert visitor.opened()
    assert not visitor.opened("invoice:1002")
    assert not visitor.opened("invoice:10010")
    assert not visitor.opened("invoice:1001", OTHER)
    assert not other.opened()


def test_store_is_asked_about_one_document(site: Site) -> None:
    """A browser with eight documents open costs one look-up a request, and one without them none."""
    visitor = site.visitor()
    for number in range(MOST_GRANTS):
        visitor.get(site.invoice(resource=f"invoice:{number}").token)
    site.store.calls.clear()
    assert visitor.opened("invoice:3")
    assert site.store.calls == ["get"]
    assert not visitor.opened("invoice:1001")
    assert not site.visitor().opened("invoice:3")
    assert site.store.calls == ["get"]


def test_ninth_document_closes_the_first(site: Site) -> None:
    """A browser holds the eight documents that it opened last; its link opens the ninth again."""
    visitor = site.visitor()
    links = [site.invoice(resource=f"invoice:{number}") for number in range(MOST_GRANTS + 1)]
    for link in links:
        visitor.get(link.token)
    open_now = [visitor.opened(f"invoice:{number}") for number in range(MOST_GRANTS + 1)]
    assert open_now == [False] + [True] * MOST_GRANTS
    visitor.get(links[0].token)
    assert visitor.opened("invoice:0")
    assert not visitor.opened("invoice:1")


def test_closed_by_revocation(site: Site) -> None:
    """M14: what a revoked link opened closes at the next request, and its link says why."""
    link, visitor = site.invoice(), site.visitor()
    visitor.get(link.token)
    site.links.revoke(link.link_id)
    assert not visitor.opened()
    assert told(visitor.click(link)) == "410 revoked"


def test_closed_by_revoking_the_subject(site: Site) -> None:
    """M14: so does everything of a subject whose links are all withdrawn."""
    link, visitor = site.invoice(), site.visitor()
    visitor.get(link.token)
    site.links.revoke_all(subject="ann")
    assert not visitor.opened()


def test_closed_by_a_changed_account() -> None:
    """What a link opened closes when the account that it was made for changes."""
    stamps: dict[str, str | None] = {"ann": "first"}
    site = Site(settings={"security_stamp": stamps.get})
    link, visitor = site.invoice(), site.visitor()
    visitor.get(link.token)
    assert visitor.opened()
    for stamp in ("second", None):
        stamps["ann"] = stamp
        assert not visitor.opened()
        assert told(visitor.click(link)) == "410 revoked"


def test_closed_by_the_sessions_end(site: Site) -> None:
    """A document stays open for its policy's session: eight hours, not a microsecond longer."""
    link, visitor = site.invoice(), site.visitor()
    visitor.get(link.token)
    site.clock.tick(timedelta(hours=8) - timedelta(microseconds=1))
    assert visitor.opened()
    site.clock.tick(timedelta(microseconds=1))
    assert not visitor.opened()
    visitor.get(link.token)
    assert visitor.opened()


def test_open_past_expiry(site: Site) -> None:
    """What a link opened stays open after it has expired; and the click leads there, but opens nothing for others."""
    link, visitor, other = site.invoice(), site.visitor(), site.visitor()
    site.clock.set(link.expires_at)
    site.tick(hours=-1)
    visitor.get(link.token)
    site.tick(hours=2)
    assert visitor.opened()
    assert told(visitor.get(link.token)) == "303 /invoices/1001"
    assert told(other.click(link)) == "410 expired"
    site.tick(hours=6)
    assert told(visitor.click(link)) == "410 expired"


def test_open_past_supersession(site: Site) -> None:
    """What a link opened stays open when a newer one takes its place; others read that there is a newer one."""
    link, visitor, other = site.invoice(), site.visitor(), site.visitor()
    visitor.get(link.token)
    site.links.mark_delivered(site.invoice().link_id)
    assert visitor.opened()
    assert told(visitor.click(link)) == "303 /invoices/1001"
    assert told(other.click(link)) == "410 superseded"
    assert not other.opened()


def test_second_click_of_an_ended_link_grants_nothing_new(site: Site) -> None:
    """A click that is led on sets no cookie: the session that it belongs to isn't made longer."""
    link, visitor = site.invoice(), site.visitor()
    visitor.get(link.token)
    site.links.mark_delivered(site.invoice().link_id)
    assert visitor.get(link.token).cookies == ()
    site.tick(hours=8)
    assert told(visitor.click(link)) == "410 superseded"


def test_other_documents_lead_nowhere(site: Site) -> None:
    """An ended link leads on who holds its own document open, not who holds another."""
    link, visitor = site.invoice(resource="invoice:1"), site.visitor()
    visitor.get(site.invoice().token)
    site.links.mark_delivered(site.invoice(resource="invoice:1").link_id)
    assert told(visitor.click(link)) == "410 superseded"


def test_store_down(site: Site) -> None:
    """Without the store nothing is known to be open, and nothing to be closed: 503."""

    def down(*args: object, **kwargs: object) -> object:
        raise StoreError("down")

    visitor = site.visitor()
    visitor.get(site.invoice().token)
    site.store.__dict__["get"] = down
    with pytest.raises(StoreError):
        run(site.conversation.find_open(visitor.request(), INVOICE, "invoice:1001"))


def test_grant_of_another_contact(site: Site) -> None:
    """Two contacts' links open one document; revoking one contact's link closes it for him alone."""
    anns, bobs = site.invoice(), site.invoice(BOB)
    ann, bob = site.visitor(), site.visitor()
    ann.get(anns.token)
    bob.get(bobs.token)
    site.links.revoke(anns.link_id)
    assert (ann.opened(), bob.opened()) == (False, True)
    bob.get(anns.token)
    assert bob.opened()


def test_cookie_of_grants_copied(site: Site) -> None:
    """A cookie that was stolen is open as long as it was for its owner, and closes with it."""
    link, visitor, thief = site.invoice(), site.visitor(), site.visitor()
    visitor.get(link.token)
    thief.cookies = dict(visitor.cookies)
    assert thief.opened()
    site.links.revoke(link.link_id)
    assert not thief.opened()


def test_grant_whose_token_is_none(site: Site) -> None:
    """A grant around a token that isn't genuine opens nothing, and neither does one around another's tag."""
    link, visitor = site.invoice(), site.visitor()
    visitor.get(link.token)
    jar, now = site.conversation._jar, site.links.flows.read_clock()
    [grant] = jar.read_grants(visitor.request(), now)
    visitor.cookies.clear()
    for changed in (replace(grant, token="A" * 60), replace(grant, tag=b"\0" * 8)):
        cookie = jar.keep_grant(visitor.request(), changed, timedelta(hours=8), now)
        visitor.cookies = {cookie.name: cookie.value}
        assert not visitor.opened()


def test_grant_under_anothers_tag(site: Site) -> None:
    """The tag only finds a grant: what it opens is what its link's own record says."""
    visitor = site.visitor()
    visitor.get(site.invoice().token)
    jar, now = site.conversation._jar, site.links.flows.read_clock()
    [grant] = jar.read_grants(visitor.request(), now)
    changed = replace(grant, tag=make_tag("invoice", "invoice:1002"))
    cookie = jar.keep_grant(visitor.request(), changed, timedelta(hours=8), now)
    visitor.cookies = {cookie.name: cookie.value}
    assert not visitor.opened("invoice:1002")


@pytest.mark.parametrize("opened_at", [timedelta(days=-2), timedelta(minutes=5), timedelta(days=300_000)])
def test_grant_of_another_time(site: Site, opened_at: timedelta) -> None:
    """A grant from before its link, or from the future, opens nothing, and is never an answer that allows."""
    visitor = site.visitor()
    visitor.get(site.invoice().token)
    jar, now = site.conversation._jar, site.links.flows.read_clock()
    [grant] = jar.read_grants(visitor.request(), now)
    changed = replace(grant, opened_at=now + to_span(opened_at))
    cookie = jar.keep_grant(visitor.request(), changed, timedelta(hours=8), now)
    visitor.cookies = {cookie.name: cookie.value}
    assert not visitor.opened()
