"""Links that open an account: who is signed in already, who may step up, and in which browser."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from magiclink import CLIENT_PORTAL, INVOICE, SIGN_IN, STEP_UP
from magiclink.web import Account
from tests.web.conftest import ANN, Site, form_of, told, uses

BOUND = replace(SIGN_IN, bind_browser=True, renew_on_request=False)
STRANGER = "eve"


def test_signed_in_as_the_same(site: Site) -> None:
    """G19: whoever is signed in as this subject sees the same page, and the button uses the link."""
    link, visitor = site.sign_in(), site.visitor("ann")
    page = visitor.click(link)
    assert told(page) == "200 confirm"
    assert told(visitor.press(page)) == "303 /invoices"
    assert uses(site, link) == 1


def test_switch(site: Site) -> None:
    """G12: somebody who is signed in as another is told both addresses, masked, and switches by a button alone."""
    link, visitor = site.sign_in("bob"), site.visitor("ann")
    shown = visitor.click(link)
    assert told(shown) == "200 switch"
    assert shown.page is not None
    text = " ".join(shown.page.paragraphs)
    assert "a…@acme.example" in text
    assert "b…@acme.example" in text
    assert ANN not in repr(shown.page)
    assert visitor.signed_in_as == "ann"
    assert uses(site, link) == 0
    reply = visitor.press(shown)
    assert (told(reply), visitor.signed_in_as) == ("303 /invoices", "bob")
    assert not reply.keeps_session


@pytest.mark.parametrize(
    ("before", "after", "page"),
    [
        (None, "ann", "confirm"),
        ("ann", None, "confirm"),
        (None, "bob", "switch"),
        ("bob", None, "confirm"),
        ("bob", "ann", "confirm"),
        ("ann", "bob", "switch"),
        ("bob", "", "switch"),
    ],
)
def test_session_changed_between_page_and_press(site: Site, before: str | None, after: str | None, page: str) -> None:
    """G12: who signs in or out after the page was shown is shown it anew: what it said isn't what it would do now."""
    link, visitor = site.sign_in(), site.visitor(before)
    shown = visitor.click(link)
    visitor.signed_in_as = after
    assert told(visitor.press(shown)) == "303 /l/"
    assert (uses(site, link), visitor.signed_in_as) == (0, after)
    anew = visitor.get()
    assert told(anew) == f"200 {page}"
    assert told(visitor.press(anew)) == "303 /invoices"


def test_document_never_switches(site: Site) -> None:
    """The page of a document doesn't speak of switching: it signs nobody in."""
    visitor = site.visitor("bob")
    link = site.invoice()
    site.clock.set(link.expires_at)
    visitor.get(link.token)
    site.tick(seconds=-1)
    assert told(visitor.get()) == "200 confirm"


def test_used_link_leads_its_subject_on(site: Site) -> None:
    """A used link leads on whoever is signed in as its subject, and nobody else; signed in stays who was."""
    link, visitor = site.sign_in(), site.visitor()
    visitor.press(visitor.click(link))
    for subject, expected in (("ann", "303 /invoices"), ("bob", "410 used"), (None, "410 used")):
        other = site.visitor(subject)
        assert told(other.click(link)) == expected
        assert other.signed_in_as == subject


def test_withdrawn_link_leads_nobody_on(site: Site) -> None:
    """A used link that was withdrawn says so, to whoever is signed in as its subject too."""
    link, visitor = site.sign_in(), site.visitor()
    visitor.press(visitor.click(link))
    site.links.revoke(link.link_id)
    assert told(visitor.click(link)) == "410 revoked"


def test_page_names_the_address_that_was_mailed(site: Site) -> None:
    """Of several addresses on file the page names, masked, the one that the link went to."""
    site.accounts.known["ann"] = Account(subject="ann", addresses=("chief@acme.example", ANN))
    page = site.visitor().click(site.sign_in()).page
    assert page is not None
    assert "a…@acme.example" in page.paragraphs[0]


def test_unused_link_leads_nobody_on(site: Site) -> None:
    """A link that expired unused is told as expired, to its own subject too: it never worked."""
    link = site.sign_in()
    site.clock.set(link.expires_at)
    assert told(site.visitor("ann").click(link)) == "410 expired"


def test_one_sign_in_ends_the_others(site: Site) -> None:
    """L07: of several links that were asked for, the first one pressed ends the rest, and only then."""
    links = [site.sign_in(), site.sign_in(), site.sign_in()]
    visitor = site.visitor()
    assert [told(site.visitor().click(link)) for link in links] == ["200 confirm"] * 3
    visitor.press(visitor.click(links[1]))
    assert [told(site.visitor().click(link)) for link in links] == ["410 superseded", "410 used", "410 superseded"]


def test_reusable_account_link() -> None:
    """A reusable link of an account signs in as often as it is pressed, and never by a GET."""
    site = Site(CLIENT_PORTAL)
    link = site.sign_in(policy=CLIENT_PORTAL)
    for number in range(3):
        visitor = site.visitor()
        page = visitor.click(link)
        assert uses(site, link) == number
        visitor.press(page)
        assert (visitor.signed_in_as, uses(site, link)) == ("ann", number + 1)


@pytest.mark.parametrize("who", [None, "bob", STRANGER])
def test_step_up_by_another(site: Site, who: str | None) -> None:
    """A step-up is for who is signed in already: its page and its button are 403 for everybody else."""
    link = site.sign_in(policy=STEP_UP)
    visitor = site.visitor(who)
    assert told(visitor.click(link)) == "403 not-admitted"
    owner = site.visitor("ann")
    form = form_of(owner.click(link))
    owner.signed_in_as = who
    assert told(owner.ask("POST", form=form)) == "303 /l/"
    assert uses(site, link) == 0
    assert {owner.signed_in_as, visitor.signed_in_as} == {who}


def test_step_up_pressed_by_another(site: Site) -> None:
    """The step-up's own check stands at the press too, whatever page the form is of."""
    link, visitor = site.sign_in(policy=STEP_UP), site.visitor("ann")
    visitor.click(link)
    visitor.signed_in_as = "bob"
    jar = site.conversation._jar
    now = site.links.flows.read_clock()
    pending = jar.read_pending(visitor.request(), now)
    assert pending is not None
    form = {"form": jar.seal_form(pending.token, pending.nonce, "bob", now=now)}
    assert told(visitor.ask("POST", form=form)) == "403 not-admitted"
    assert uses(site, link) == 0


def test_step_up(site: Site) -> None:
    """A step-up keeps the session of who is signed in: nobody is signed out by proving once more who he is."""
    link, visitor = site.sign_in(policy=STEP_UP), site.visitor("ann")
    reply = visitor.press(visitor.click(link))
    assert told(reply) == "303 /invoices"
    assert reply.keeps_session
    assert reply.sign_in is not None
    assert reply.sign_in.purpose == "step-up"


def test_step_up_with_the_apps_own_check() -> None:
    """A step-up asks the app as well, once it is the right person; its no counts."""
    asked: list[str] = []

    def admit(link: object) -> bool:
        asked.append("asked")
        return len(asked) < 2

    site = Site(STEP_UP, admit=admit)
    link, visitor, other = site.sign_in(policy=STEP_UP), site.visitor("ann"), site.visitor("bob")
    assert told(other.click(link)) == "403 not-admitted"
    assert asked == []
    page = visitor.click(link)
    assert told(page) == "200 confirm"
    assert told(visitor.press(page)) == "403 not-admitted"
    assert (len(asked), uses(site, link)) == (2, 0)


def test_bound_browser() -> None:
    """A link bound to the browser that asked opens there, and in no other: neither its page nor its button."""
    site = Site(BOUND, INVOICE, sign_in=BOUND)
    asking, other = site.visitor(), site.visitor()
    asking.press(asking.get("sign-in"), email=ANN)
    token = site.outbox.last.url.removeprefix("https://billing.example/l/")
    other.get("sign-in")
    other.get(token)
    assert told(other.get()) == "403 not-admitted"
    assert told(other.ask("POST")) == "303 /l/"
    asking.get(token)
    page = asking.get()
    assert told(page) == "200 confirm"
    other.cookies = asking.cookies | {name: value for name, value in other.cookies.items() if "-browser-" in name}
    assert told(other.press(page)) == "403 not-admitted"
    assert told(asking.press(page)) == "303 /"
    assert (asking.signed_in_as, other.signed_in_as) == ("ann", None)


def test_bound_browser_without_its_cookie() -> None:
    """A browser that has no name any more is another one."""
    site = Site(BOUND, sign_in=BOUND)
    visitor = site.visitor()
    visitor.press(visitor.get("sign-in"), email=ANN)
    token = site.outbox.last.url.removeprefix("https://billing.example/l/")
    visitor.cookies.clear()
    visitor.get(token)
    page = visitor.get().page
    assert page is not None
    assert "other browser" in page.title


def test_page_left_open_before_asking() -> None:
    """The browser that sends the form is the one that asks, however long its page had been open."""
    site = Site(BOUND, sign_in=BOUND)
    visitor = site.visitor()
    page = visitor.get("sign-in")
    site.tick(hours=2)
    visitor.press(page, email=ANN)
    visitor.get(site.outbox.last.url.removeprefix("https://billing.example/l/"))
    assert told(visitor.press(visitor.get())) == "303 /"


def test_subject_named_by_nobody() -> None:
    """Without a directory the page names the subject as the app does, and offers no fresh link."""
    site = Site(directory=None, mailer=None)
    link, visitor = site.sign_in(), site.visitor()
    shown = visitor.click(link).page
    assert shown is not None
    assert "sign in as ann." in shown.paragraphs[0]
    site.clock.set(link.expires_at)
    ended = site.visitor().click(link).page
    assert ended is not None
    assert ended.buttons == ()


@pytest.mark.parametrize("state", ["expired", "revoked", "changed"])
def test_way_on(state: str) -> None:
    """An ended link offers a fresh one where there may be one: never where it was withdrawn, or its account changed."""
    stamps = {"ann": "first"}
    site = Site(settings={"security_stamp": stamps.get})
    link = site.sign_in()
    if state == "expired":
        site.clock.set(link.expires_at)
    elif state == "revoked":
        site.links.revoke(link.link_id)
    else:
        stamps["ann"] = "second"
    page = site.visitor().click(link).page
    assert page is not None
    assert page.name == ("expired" if state == "expired" else "revoked")
    assert [button.action for button in page.buttons] == (["/l/new"] if state == "expired" else [])


def test_way_on_of_a_policy_without_one() -> None:
    """A policy that gives its holders no fresh link has no button for one."""
    policy = replace(SIGN_IN, renew_on_request=False)
    site = Site(policy, sign_in=policy)
    link = site.sign_in(policy=policy)
    site.clock.set(link.expires_at)
    page = site.visitor().click(link).page
    assert page is not None
    assert page.buttons == ()


def test_session_that_is_left(site: Site) -> None:
    """A session begins with its whole span; a second click, which is the same use, makes it no longer."""
    visitor, span = site.visitor(), SIGN_IN.session_lifetime
    page = visitor.click(site.sign_in())
    assert visitor.press(page).session_left == span
    visitor.signed_in_as = None
    site.tick(seconds=20)
    again = visitor.press(page)
    assert told(again) == "303 /invoices"
    assert again.session_left == span - timedelta(seconds=20)
