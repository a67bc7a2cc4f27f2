"""What the app is asked at a click: may this one be let in, is the account as it was; and what it does by raising."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from magiclink import SIGN_IN, ExpiredLinkError, NotAdmittedError, RejectedLinkError
from tests.web.conftest import Site, form_of, told, uses

if TYPE_CHECKING:
    from magiclink import LinkInfo


def test_app_does_not_admit() -> None:
    """G17: what the app's last check refuses is 403 on the page and at the press, and nothing is used."""
    locked: set[str] = set()
    site = Site(admit=lambda link: link.subject not in locked)
    link, visitor = site.sign_in(), site.visitor()
    page = visitor.click(link)
    locked.add("ann")
    assert told(visitor.press(page)) == "403 not-admitted"
    assert told(visitor.click(link)) == "403 not-admitted"
    assert uses(site, link) == 0
    locked.clear()
    assert told(visitor.press(page)) == "303 /invoices"


def test_app_does_not_admit_a_document() -> None:
    """A document that opens at the click is opened by nobody whom the app doesn't admit: its page says so."""
    locked = {"ann"}
    site = Site(admit=lambda link: link.subject not in locked)
    link, visitor = site.invoice(), site.visitor()
    assert told(visitor.get(link.token)) == "303 /l/"
    assert told(visitor.get()) == "403 not-admitted"
    assert not visitor.opened()
    locked.clear()
    assert told(visitor.get(link.token)) == "303 /invoices/1001"
    locked.add("ann")
    assert told(visitor.get(link.token)) == "303 /invoices/1001"
    assert visitor.opened()


def test_admit_of_another_mind() -> None:
    """An app's check that raises a rejection of its own, about no link, is told as a link that is gone."""

    def admit(link: LinkInfo) -> bool:
        site.links.verify("x", SIGN_IN)
        return True

    site = Site(admit=admit)
    assert told(site.visitor().click(site.sign_in())) == "404 gone"
    assert told(site.visitor().get(site.invoice().token)) == "303 /l/"


def test_admit_that_raises() -> None:
    """An app's check may say no by raising it: 403, and the link waits on; another rejection of its own is told."""
    error: RejectedLinkError = NotAdmittedError("locked", reason="app")

    def admit(link: LinkInfo) -> bool:
        raise error

    site = Site(admit=admit)
    link, visitor = site.sign_in(), site.visitor()
    assert told(visitor.click(link)) == "403 not-admitted"
    assert told(visitor.get()) == "403 not-admitted"
    error = ExpiredLinkError("something else has expired")
    assert told(visitor.get()) == "404 gone"
    assert uses(site, link) == 0


def test_token_in_no_frame() -> None:
    """Rule 6: what the app raises when it is asked finds no token in the local variables of the frames around it."""
    failing = False

    def stamp(subject: str) -> str:
        if failing:
            raise RuntimeError("the database of accounts is down")
        return "first"

    site = Site(settings={"security_stamp": stamp})
    links = site.sign_in(), site.invoice()
    for link in links:
        visitor = site.visitor()
        cookie = site.conversation._jar.keep_pending(visitor.request(), link.token, site.links.flows.read_clock())
        visitor.cookies[cookie.name] = cookie.value
        form = form_of(visitor.get())
        failing = True
        for method, sent in (("GET", {}), ("POST", form)):
            with pytest.raises(RuntimeError) as caught:
                visitor.ask(method, form=sent)
            frames = [each.frame.f_locals for each in caught.traceback if "magiclink" in str(each.path)]
            assert len(frames) > 3
            assert not [held for held in frames if link.token in repr(held)]
        failing = False


def test_token_in_no_frame_of_a_grant() -> None:
    """Rule 6: nor where the app is asked whether what this browser holds is still open."""
    answers = ["first"] * 9

    def stamp(subject: str) -> str:
        if not answers:
            raise RuntimeError("the database of accounts is down")
        return answers.pop()

    site = Site(settings={"security_stamp": stamp})
    link, visitor = site.invoice(), site.visitor()
    visitor.get(link.token)
    cookie = site.conversation._jar.keep_pending(visitor.request(), link.token, site.links.flows.read_clock())
    visitor.cookies[cookie.name] = cookie.value
    site.links.mark_delivered(site.invoice().link_id)
    # The page asks about the link first, and then about what it opened.
    answers[:] = ["first"]
    with pytest.raises(RuntimeError) as caught:
        visitor.get()
    frames = [each.frame.f_locals for each in caught.traceback if "magiclink" in str(each.path)]
    assert not [held for held in frames if link.token in repr(held)]
