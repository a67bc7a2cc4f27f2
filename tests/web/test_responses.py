"""What the conversation stands on: calls that are checked once, replies with all their headers."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from magiclink import SIGN_IN, BadArgumentError, ConfigurationError, Key, KeyRing
from magiclink.links import run
from magiclink.web import Account, Language, Page, Request
from magiclink.web.languages import ENGLISH
from magiclink.web.responses import is_ours, strip_body
from tests.web.conftest import ANN, BOB, ORIGIN, Accounts, Site

if TYPE_CHECKING:
    from magiclink import LinkInfo

KEYS = KeyRing(signing=Key.generate())
HEADERS_OF_ALL = {
    "Cache-Control": "no-store",
    "Vary": "Cookie",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "X-Robots-Tag": "noindex, nofollow",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Content-Type": "text/html; charset=utf-8",
}


def info_of(site: Site, subject: str = "ann") -> LinkInfo:
    """What is known of a sign-in link."""
    return site.links.inspect(site.sign_in(subject).link_id)


def test_directory_without_mailer() -> None:
    """A directory without a mailer could only promise mails."""
    with pytest.raises(ConfigurationError, match="mailer"):
        Site(mailer=None)
    assert Site(directory=None).conversation is not None


def test_home_serves_links_without_a_destination() -> None:
    """A link without a destination leads home."""
    site = Site(home="/start?from=mail")
    assert site.visitor().get(site.invoice(destination=None).token).location == "/start?from=mail"


def test_destination_no_longer_allowed() -> None:
    """I30: a destination that was stored and is no longer allowed (the links have moved there) leads home instead."""
    store_name = Site(settings={"keys": KEYS})
    link = store_name.invoice(destination="/m/1001")
    moved = Site(store=store_name.store.store, settings={"keys": KEYS, "base_url": f"{ORIGIN}/m/"}, home="/start")
    assert store_name.visitor().get(link.token).location == "/m/1001"
    assert moved.visitor().get(link.token).location == "/start"


@pytest.mark.parametrize(
    "destination", ["//evil.example", "/\\evil.example", "https://evil.example/", "/l/", "/logout"]
)
def test_destination_checked_again(site: Site, destination: str) -> None:
    """I30: whatever a store holds is checked before it goes into Location."""
    assert site.conversation.land(destination).location == "/"
    assert site.conversation.land("/invoices/1001?x=//evil.example").location == "/invoices/1001?x=//evil.example"
    assert site.conversation.land(None).location == "/"


def test_find_policy(site: Site) -> None:
    """A link's policy is the app's own; that of a purpose which isn't registered any more is BadArgumentError."""
    info = info_of(site)
    assert site.conversation.find_policy(info) == SIGN_IN
    with pytest.raises(BadArgumentError):
        site.conversation.find_policy(replace(info, purpose="other"))


def test_described(site: Site) -> None:
    """Pages and mails say what a link opens in the app's words, where it has some."""
    assert site.conversation.describe(info_of(site), ENGLISH) == ""
    named = Site(describe=lambda info: f"what {info.subject} asked for")
    assert named.conversation.describe(info_of(named), ENGLISH) == "what ann asked for"


def test_described_in_another_language() -> None:
    """The app may have words for each language; where it has none for one, the page's own stand."""
    site = Site(describe=lambda info: {"en": f"Invoice of {info.subject}", "de": f"Rechnung von {info.subject}"})
    named = {tag: site.conversation.describe(info_of(site), Language(tag)) for tag in ("en", "de", "fr")}
    assert named == {"en": "Invoice of ann", "de": "Rechnung von ann", "fr": ""}


def test_describe_is_told_of_the_link() -> None:
    """`describe` gets the LinkInfo, and its words stand on the page and in the mail."""
    site = Site(describe=lambda info: f"Bill of {info.subject}" if info.resource else "Acme Billing")
    page = site.visitor().click(site.sign_in()).page
    assert page is not None
    assert page.title == "Sign in to Acme Billing"
    run(site.conversation.send(site.invoice(), to=ANN))
    assert site.outbox.last.subject == "Bill of ann"


def test_named_by_the_address_on_file(site: Site) -> None:
    """A page names people by masked addresses: never the whole local part."""
    assert site.conversation.name_subject("ann") == "a…@acme.example"


def test_named_by_the_address_that_was_mailed(site: Site) -> None:
    """Of several addresses on file the page names the one that the link went to."""
    site.accounts.known["ann"] = Account(subject="ann", addresses=("chief@acme.example", ANN))
    page = site.visitor().click(site.sign_in()).page
    assert page is not None
    assert "a…@acme.example" in page.paragraphs[0]
    assert site.conversation.name_subject("ann") == "c…@acme.example"


def test_new_address_is_not_told_to_the_old_mailbox(site: Site) -> None:
    """Whoever still reads an address that is no longer on file doesn't learn the new one, masked or not."""
    link = site.sign_in()
    site.accounts.known["ann"] = Account(subject="ann", addresses=("ann@rival.example",))
    page = site.visitor().click(link).page
    assert page is not None
    assert "rival" not in repr(page)


def test_named_without_an_address() -> None:
    """Without a directory, or an address on file, the subject's own name stands; an address in it is masked."""
    for site in (Site(directory=None), Site()):
        site.accounts.known.clear()
        assert site.conversation.name_subject("customer-7") == "customer-7"
        assert site.conversation.name_subject(BOB) == "b…@acme.example"
    site.accounts.known["customer-7"] = Account(subject="customer-7", addresses=())
    assert site.conversation.name_subject("customer-7") == "customer-7"


def test_address_on_file_that_is_none(site: Site) -> None:
    """What an app has on file may be no address at all: the page is shown all the same."""
    site.accounts.known["ann"] = Account(subject="ann", addresses=("n/a", "", ANN))
    page = site.visitor().click(site.sign_in()).page
    assert page is not None
    assert "a…@acme.example" in page.paragraphs[0]


def test_headers_of_a_page(site: Site) -> None:
    """A page has each header once, says its language, and sends its own address no further than to this site."""
    reply = site.conversation.show_page(200, Page(name="x", title="X", language="de"))
    headers = dict(reply.headers)
    assert len(headers) == len(reply.headers)
    assert HEADERS_OF_ALL.items() <= headers.items()
    assert headers["Content-Language"] == "de"
    assert headers["Referrer-Policy"] == "same-origin"
    assert {"Allow", "Retry-After"}.isdisjoint(headers)


def test_headers_of_some_pages(site: Site) -> None:
    """405 says what is allowed, 503 when to come back, and no other page does."""
    page = Page(name="x", title="X")
    assert dict(site.conversation.show_page(405, page, allow="GET, HEAD").headers)["Allow"] == "GET, HEAD"
    assert dict(site.conversation.show_page(503, page).headers)["Retry-After"] == "30"


def test_headers_of_a_redirect(site: Site) -> None:
    """A redirect is 303 with each header once, and nobody learns the address that it leaves."""
    reply = site.conversation.redirect("/invoices")
    headers = dict(reply.headers)
    assert (reply.status, reply.location, len(headers)) == (303, "/invoices", len(reply.headers))
    assert HEADERS_OF_ALL.items() <= headers.items()
    assert headers["Referrer-Policy"] == "no-referrer"
    assert headers["Content-Security-Policy"] == "default-src 'none'; frame-ancestors 'none'"


def test_strip_body(site: Site) -> None:
    """The answer to HEAD sets nothing, signs nobody in and leaves nothing to do."""
    visitor = site.visitor()
    pressed = visitor.press(visitor.click(site.sign_in()))
    sent = run(site.conversation.answer(visitor.request("POST", "sign-in", form=(("email", ANN),))))
    for reply in (pressed, sent):
        bare = strip_body(reply)
        assert (bare.status, bare.headers) == (reply.status, reply.headers)
        assert (bare.cookies, bare.sign_in, bare.after) == ((), None, None)


EVIL = "https://evil.example"
SOURCES: list[tuple[dict[str, str], bool | None]] = [
    ({}, None),
    ({"referer": EVIL}, None),
    ({"origin": ORIGIN}, True),
    ({"sec-fetch-site": "same-origin"}, True),
    ({"origin": ORIGIN, "sec-fetch-site": "same-origin"}, True),
    ({"origin": "null"}, False),
    ({"origin": "null", "sec-fetch-site": "same-origin"}, False),
    ({"origin": EVIL}, False),
    ({"origin": EVIL, "sec-fetch-site": "same-origin"}, False),
    ({"origin": ORIGIN, "sec-fetch-site": "cross-site"}, False),
    ({"sec-fetch-site": "cross-site"}, False),
    ({"sec-fetch-site": "same-site"}, False),
    ({"sec-fetch-site": "none"}, False),
    ({"sec-fetch-site": ""}, False),
    ({"origin": ""}, False),
    ({"origin": "http://billing.example"}, False),
    ({"origin": f"{ORIGIN}:443"}, False),
    ({"origin": f"{ORIGIN}."}, False),
    ({"origin": f"{ORIGIN}/"}, False),
    ({"origin": ORIGIN.upper()}, False),
    ({"origin": "https://billing.example.evil.example"}, False),
    ({"origin": f"{ORIGIN}, {EVIL}"}, False),
    ({"origin": f"{ORIGIN},{ORIGIN}"}, False),
]


@pytest.mark.parametrize(("headers", "expected"), SOURCES)
def test_where_a_post_comes_from(headers: dict[str, str], expected: bool | None) -> None:
    """G09, G10, H10: only our exact origin and `same-origin` are ours; each header that is there must say so."""
    assert is_ours(Request(method="POST", path="", headers=headers), ORIGIN) is expected


def test_directory_is_asked_for_names_only(site: Site) -> None:
    """A page that names nobody asks the directory nothing: its time tells nothing."""
    accounts: Accounts = site.accounts
    site.visitor().get("sign-in")
    site.visitor().get()
    assert accounts.asked == 0
