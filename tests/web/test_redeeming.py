"""The customer clicks and presses: what scanners, other sites, other tabs and other people can't do in between."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from magiclink import (
    CONFIRM_EMAIL,
    INVOICE,
    SIGN_IN,
    Key,
    KeyRing,
    StoreError,
)
from magiclink.links import run
from tests.web.conftest import ANN, ORIGIN, Site, form_of, told, uses

if TYPE_CHECKING:
    from tests.web.conftest import Visitor

EVIL = "https://evil.example"


ELSEWHERE = [
    {"origin": EVIL},
    {"origin": "null"},
    {"origin": ORIGIN, "sec-fetch-site": "cross-site"},
    {"sec-fetch-site": "same-site"},
    {"sec-fetch-site": "none"},
]


@pytest.mark.parametrize("headers", ELSEWHERE)
def test_button_on_another_site(site: Site, headers: dict[str, str]) -> None:
    """G09, G10: what comes from elsewhere is 403 and uses nothing, with the right form and cookie too."""
    link, visitor = site.sign_in(), site.visitor()
    page = visitor.click(link)
    reply = visitor.ask("POST", form=form_of(page), headers=headers)
    assert told(reply) == "403 elsewhere"
    assert (reply.sign_in, reply.cookies, uses(site, link)) == (None, (), 0)
    assert told(visitor.press(page)) == "303 /invoices"


def test_form_decides_without_headers(site: Site) -> None:
    """G11: a browser that says nothing of where it comes from is believed by the form, and by nothing else."""
    link, visitor = site.sign_in(), site.visitor()
    page = visitor.click(link)
    for form in ({}, {"form": ""}, {"form": form_of(page)["form"][:-1]}, {"from": form_of(page)["form"]}):
        assert told(visitor.ask("POST", form=form, headers={})) == "403 elsewhere"
    assert uses(site, link) == 0
    assert told(visitor.ask("POST", form=form_of(page), headers={})) == "303 /invoices"


def test_form_of_another_browser(site: Site) -> None:
    """Login CSRF: the attacker's form with the victim's cookie, or the other way round, uses nothing."""
    link, attacker, victim = site.sign_in("bob"), site.visitor(), site.visitor()
    form = form_of(attacker.click(link))
    assert told(victim.ask("POST", form=form)) == "400 no-cookie"
    victim.click(link)
    assert told(victim.ask("POST", form=form)) == "303 /l/"
    assert told(victim.ask("POST", form=form, headers={})) == "403 elsewhere"
    assert (uses(site, link), victim.signed_in_as) == (0, None)


def test_two_tabs(site: Site) -> None:
    """The first tab's button doesn't use the link that was clicked in the second: its page is shown anew."""
    anns, bobs = site.sign_in("ann"), site.sign_in("bob")
    visitor = site.visitor()
    first = visitor.click(anns)
    second = visitor.click(bobs)
    assert told(visitor.press(first)) == "303 /l/"
    assert (uses(site, anns), uses(site, bobs), visitor.signed_in_as) == (0, 0, None)
    shown = visitor.get().page
    assert shown is not None
    assert "b…@acme.example" in shown.paragraphs[0]
    assert told(visitor.press(second)) == "303 /invoices"
    assert (uses(site, anns), visitor.signed_in_as) == (0, "bob")


def test_link_swapped_under_the_victim(site: Site) -> None:
    """Login CSRF: an attacker who makes the victim's browser click his link gets no press of the victim's button."""
    victim = site.visitor()
    page = victim.click(site.sign_in("ann"))
    attackers = site.sign_in("bob")
    victim.get(attackers.token)
    assert told(victim.press(page)) == "303 /l/"
    assert (uses(site, attackers), victim.signed_in_as) == (0, None)


def test_same_link_in_two_tabs(site: Site) -> None:
    """The same link clicked twice is one person: either tab's button lands, and together they use it once."""
    link, visitor = site.sign_in(), site.visitor()
    pages = visitor.click(link), visitor.click(link)
    visitor.signed_in_as = None
    for page in pages:
        assert told(visitor.press(page)) == "303 /invoices"
        visitor.signed_in_as = None
    assert uses(site, link) == 1


def test_double_click(site: Site) -> None:
    """F15: the second click of a double click lands where the first did, and the link is used once."""
    link, visitor = site.sign_in(), site.visitor()
    request = visitor.request("POST", form=tuple(form_of(visitor.click(link)).items()))
    first, second = (run(site.conversation.answer(request)) for _ in range(2))
    assert told(first) == told(second) == "303 /invoices"
    assert first.sign_in == second.sign_in
    assert uses(site, link) == 1
    site.tick(seconds=30)
    assert told(run(site.conversation.answer(request))) == "410 used"


def test_double_click_after_the_session_began(site: Site) -> None:
    """F15: where the first answer has signed in before the second click arrives, that one is led on all the same."""
    link, visitor = site.sign_in(), site.visitor()
    page = visitor.click(link)
    visitor.press(page)
    assert told(visitor.press(page)) == "303 /l/"
    assert told(visitor.get()) == "303 /invoices"
    assert uses(site, link) == 1


def test_second_browser(site: Site) -> None:
    """F15, G15: another browser, within the same seconds, reads that the link has been used."""
    link, visitor, other = site.sign_in(), site.visitor(), site.visitor()
    pages = visitor.click(link), other.click(link)
    assert told(visitor.press(pages[0])) == "303 /invoices"
    assert told(other.press(pages[1])) == "410 used"
    assert told(other.get()) == "410 used"
    assert other.signed_in_as is None


def test_pending_kept_by_the_post(site: Site) -> None:
    """The cookie of the click stays as it is when the button is pressed: the second click needs its nonce."""
    visitor = site.visitor()
    page = visitor.click(site.sign_in())
    before = dict(visitor.cookies)
    assert visitor.press(page).cookies == ()
    assert visitor.cookies == before


def test_record_gone(site: Site) -> None:
    """A link whose record was purged is told as forgotten, and its cookie goes."""
    visitor = site.visitor()
    page = visitor.click(site.sign_in())
    site.store.store.__dict__["_records"].clear()
    reply = visitor.press(page)
    assert told(reply) == "404 gone"
    assert [cookie.max_age for cookie in reply.cookies] == [0]
    assert told(visitor.get()) == "400 no-cookie"


def test_key_retired_meanwhile() -> None:
    """A cookie whose token isn't genuine any more is as good as none, on every route."""
    site = Site()
    visitor = site.visitor()
    cookie = site.conversation._jar.keep_pending(visitor.request(), "A" * 60, site.links.flows.read_clock())
    visitor.cookies[cookie.name] = cookie.value
    assert [told(visitor.ask(*each)) for each in (("GET",), ("POST",), ("POST", "new"))] == ["400 no-cookie"] * 3


def test_confirmed_document() -> None:
    """A document that needs a button is used by the POST, once, and granted to this browser; nobody is signed in."""
    site = Site(CONFIRM_EMAIL)
    link = site.links.issue(CONFIRM_EMAIL, subject="ann", resource="email:1", recipient=ANN, destination="/confirmed")
    visitor, other = site.visitor(), site.visitor()
    page, late = visitor.click(link), other.click(link)
    assert not visitor.opened("email:1", CONFIRM_EMAIL)
    reply = visitor.press(page)
    assert (told(reply), reply.sign_in) == ("303 /confirmed", None)
    assert visitor.opened("email:1", CONFIRM_EMAIL)
    assert told(visitor.click(link)) == "303 /confirmed"
    assert told(other.press(late)) == "410 used"
    assert not other.opened("email:1", CONFIRM_EMAIL)


def test_double_click_makes_no_session_longer() -> None:
    """What a double click shows again ends when the first click said: ten minutes after the use."""
    site = Site(CONFIRM_EMAIL)
    link = site.links.issue(CONFIRM_EMAIL, subject="ann", resource="email:1", recipient=ANN)
    visitor = site.visitor()
    page = visitor.click(link)
    visitor.press(page)
    site.tick(seconds=29)
    visitor.press(page)
    site.tick(minutes=9, seconds=30)
    assert visitor.opened("email:1", CONFIRM_EMAIL)
    site.tick(seconds=1)
    assert not visitor.opened("email:1", CONFIRM_EMAIL)


def test_punctuation_behind_a_link(site: Site) -> None:
    """A27: one character of the sentence around a link is dropped, and not two."""
    link = site.invoice()
    assert told(site.visitor().get(f"{link.token}.")) == "303 /invoices/1001"
    assert told(site.visitor().get(f"{link.token}).")) == "404 not-genuine"


def test_head_leaves_no_note(site: Site) -> None:
    """G01: a look by GET is noted in the link's history, one by HEAD is not."""
    visitor = site.visitor()
    for method, noted in (("HEAD", False), ("GET", True)):
        visitor.get(site.sign_in().token)
        for path in ("", site.invoice().token):
            site.store.calls.clear()
            visitor.ask(method, path)
            assert ("note" in site.store.calls) == noted


def test_destination_no_longer_allowed() -> None:
    """I30: a destination that was stored and is no longer allowed leads home, after a press too."""
    settings = {"keys": KeyRing(signing=Key.generate())}
    store_name = Site(settings=settings)
    link = store_name.links.issue(SIGN_IN, subject="ann", recipient=ANN, destination="/m/1001")
    moved = Site(store=store_name.store.store, settings=settings | {"base_url": f"{ORIGIN}/m/"}, home="/start")
    visitor = moved.visitor()
    assert told(visitor.press(visitor.click(link))) == "303 /start"


def test_store_down(site: Site) -> None:
    """A store that is down is 503, at the click of a document and at the press; afterwards the link still works."""

    def down(*args: object, **kwargs: object) -> object:
        raise StoreError("down")

    visitor = site.visitor()
    page = visitor.click(site.sign_in())
    site.store.__dict__.update(get=down, consume=down)
    assert told(visitor.press(page)) == "503 unavailable"
    assert told(visitor.get(site.invoice().token)) == "503 unavailable"
    del site.store.__dict__["get"], site.store.__dict__["consume"]
    assert told(visitor.press(page)) == "303 /invoices"


def test_log_is_not_flooded(site: Site, caplog: pytest.LogCaptureFixture) -> None:
    """L02, L14: forged links cost neither a line of the log nor a call of the store."""
    with caplog.at_level("DEBUG", logger="magiclink"):
        for number in range(200):
            site.visitor().get(f"{number:060d}")
    assert caplog.records == []
    assert site.store.calls == []


def test_policy_without_confirm_is_a_document(site: Site) -> None:
    """What opens at the click opens one document for this browser alone, and says nothing of who is signed in."""
    visitor = site.visitor()
    reply = visitor.get(site.invoice().token)
    assert (reply.sign_in, visitor.signed_in_as) == (None, None)
    assert visitor.opened("invoice:1001", INVOICE)


def test_visitor_who_is_somebody(site: Site) -> None:
    """A document opens for whoever holds its link, signed in as another or not; the session stays as it is."""
    visitor: Visitor = site.visitor("bob")
    assert told(visitor.get(site.invoice().token)) == "303 /invoices/1001"
    assert visitor.signed_in_as == "bob"
