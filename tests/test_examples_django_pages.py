"""The invoicing example in Django over HTTP: its pages, and hostile forms."""

from __future__ import annotations

import re
from http.client import HTTPConnection
from typing import TYPE_CHECKING
from urllib.parse import urlencode, urlsplit

import pytest

from tests.served import ROOT, served

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from examples.story.browser import Answer, Browser
    from tests.served import Served

    People = Callable[[], Browser]

ANN, BOB, MALLORY = "ann@acme.example", "bob@acme.example", "mallory@moor.example"
ATTEMPTS = 1_000
"""How often the outbox is looked into for what comes in milliseconds: a mail that is sent once the answer is out."""


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """The served example, once for all of these."""
    with served("examples.django_invoicing", tmp_path_factory.mktemp("books")) as site:
        yield site


@pytest.fixture
def people(site: Served, monkeypatch: pytest.MonkeyPatch) -> People:
    """Return somebody a browser."""
    monkeypatch.syspath_prepend(str(ROOT))
    from examples.story.browser import Browser

    return lambda: Browser(site.origin, lambda _: None)


def raw(
    origin: str, method: str, path: str, form: dict[str, str] | None = None, **headers: str
) -> tuple[int, dict[str, str], str]:
    """Send one request without any browser."""
    connection = HTTPConnection(urlsplit(origin).netloc, timeout=30)
    body = urlencode(form) if form is not None else None
    kind = {"Content-Type": "application/x-www-form-urlencoded"} if form is not None else {}
    connection.request(method, path, body, kind | headers)
    with connection.getresponse() as answer:
        return answer.status, dict(answer.getheaders()), answer.read().decode()


def links(site: Served) -> list[str]:
    """Return the links in all mails, newest first."""
    numbers = re.findall(r'href="/outbox/([0-9]+)"', raw(site.origin, "GET", "/outbox")[2])
    mails = [raw(site.origin, "GET", f"/outbox/{number}")[2] for number in numbers]
    return [link for mail in mails for link in re.findall(r'<a href="(http[^"]+)"', mail)]


def mailed(site: Served, by: Callable[[], Answer]) -> str:
    """Do what has a mail sent, and give its link."""
    before = links(site)
    by()
    for _ in range(ATTEMPTS):
        after = links(site)
        if len(after) > len(before):
            return after[0]
    raise AssertionError("no mail was sent")


def sign_in(site: Served, browser: Browser, address: str) -> Answer:
    """Sign in by mail."""
    browser.visit("/invoices")
    browser.visit(mailed(site, lambda: browser.press("Email me a link", email=address)))
    return browser.press("Sign in")


@pytest.mark.parametrize("path", ["/", "/desk/1001", "/contacts", "/outbox", "/thanks", "/l/sign-in", "/nothing"])
def test_page_that_breaks(site: Served, path: str) -> None:
    """Every page opens, is kept by no cache, loads no script, and goes into nobody's frame."""
    status, headers, text = raw(site.origin, "GET", path)
    assert status == (404 if path == "/nothing" else 200)
    assert headers["Cache-Control"] == "no-store"
    assert headers["Content-Security-Policy"].startswith("default-src 'none'; style-src 'self'")
    assert "frame-ancestors 'none'" in headers["Content-Security-Policy"]
    assert "<script" not in text


def test_neighbour_who_reads_along(site: Served, people: People) -> None:
    """Who is signed in sees the invoices of his own company, and no others; signed out, none."""
    ann = people()
    page = sign_in(site, ann, ANN)
    assert (page.path, page.page.title) == ("/invoices", "Your invoices")
    assert [ann.visit(f"/invoices/{number}").status for number in (1001, 1002, 1003, 9)] == [200, 200, 403, 404]
    ann.visit("/invoices")
    assert ann.press("Sign out").path == "/l/sign-in"
    assert ann.visit("/invoices/1001").status == 403


def test_sign_in_that_outlives_its_session(site: Served, people: People) -> None:
    """A sign-in ends with its 12 hours by the library's clock, and with the contact who left."""
    bob, desk = people(), people()
    sign_in(site, bob, BOB)
    desk.visit("/")
    assert bob.visit("/invoices").path == "/invoices"
    desk.press("+ 1 day")
    assert bob.visit("/invoices").path == "/l/sign-in"
    desk.visit("/contacts")
    desk.press("Add to Acme", address="eve@acme.example")
    eve = people()
    sign_in(site, eve, "eve@acme.example")
    assert eve.visit("/invoices").path == "/invoices"
    desk.visit("/contacts")
    desk.press("Has left: eve@acme.example")
    assert eve.visit("/invoices").path == "/l/sign-in"


def test_payment_that_leaves_a_page_open(site: Served, people: People) -> None:
    """Whoever paid by a link is thanked, and the page is closed; who is signed in goes back to his invoices."""
    ann, desk = people(), people()
    desk.visit("/contacts")
    desk.press("Add to Moor Ltd", address="payer@moor.example")
    desk.visit("/desk/1003")
    ann.visit(mailed(site, lambda: desk.press("Send to payer@moor.example")))
    assert ann.press("Pay").path == "/thanks"
    assert ann.visit("/invoices/1003").status == 403
    assert sign_in(site, ann, "payer@moor.example").path == "/invoices"
    assert ann.visit("/invoices/1003").page.says("Thank you")


# Hostile forms.


@pytest.mark.parametrize(
    "contact",
    ["3", "9", "-1", "9" * 30, "9" * 5_000, "1 OR 1=1", ""],
    ids=["another customer's", "unknown", "negative", "beyond 63 bits", "endless", "SQL", "empty"],
)
def test_invoice_for_a_wrong_reader(site: Served, people: People, contact: str) -> None:
    """An invoice goes to its own customer's contacts and to nobody else."""
    desk, before = people(), links(site)
    for button in (f"Send to {BOB}", f"Remind {BOB}"):
        desk.visit("/desk/1002")
        assert desk.press(button, contact=contact).status == 400
    assert links(site) == before


@pytest.mark.parametrize(
    "address",
    [
        "ann@acme.example,mallory@moor.example",
        "mallory@moor.example <ann@acme.example>",
        "ann@acme.example\r\nBcc: mallory@moor.example",
        "=?utf-8?q?=41?=@acme.example",
        "<script>alert(1)</script>",
        "ann",
        "",
        "a" * 10_000,
        MALLORY,
    ],
    ids=["J01", "J05", "J09", "encoded word", "script", "J11", "empty", "long", "somebody else's"],
)
def test_address_that_is_none(people: People, address: str) -> None:
    """J01, J05, J09, J11: what isn't exactly one address that is free changes no book, and is not repeated."""
    desk = people()
    before = desk.visit("/contacts").page.buttons.keys()
    for button in ("Add to Acme", f"Change {BOB}"):
        desk.visit("/contacts")
        refused = desk.press(button, address=address)
        assert (refused.status, refused.page.title) == (400, "That cannot be taken")
    assert desk.visit("/contacts").page.buttons.keys() == before


@pytest.mark.parametrize("path", ["/desk/9", "/desk/" + "9" * 30, "/desk/" + "9" * 5_000, "/outbox/0", "/outbox/999"])
def test_number_of_nothing(site: Served, path: str) -> None:
    """What isn't in the books is 404, however large its number."""
    assert raw(site.origin, "GET", path)[0] == 404


@pytest.mark.parametrize("path", ["/desk/1001/send", "/contacts", "/clock", "/sign-out", "/invoices/1001/pay"])
def test_form_from_elsewhere(site: Served, path: str) -> None:
    """G09, G10: a form that another site's page submits does nothing."""
    for origin in ("https://evil.example", "null"):
        assert raw(site.origin, "POST", path, {"contact": "1", "by": "day"}, Origin=origin)[0] == 403


def test_host_of_somebody_else(site: Served) -> None:
    """H01: another host name that is pointed at this machine reads nothing of the desk (DNS rebinding)."""
    for path in ("/", "/outbox", "/l/sign-in"):
        assert raw(site.origin, "GET", path, Host="evil.example")[0] == 400


@pytest.mark.parametrize("by", ["", "year", "-1", "timedelta(days=1)"])
def test_step_of_no_clock(people: People, by: str) -> None:
    """The clock takes the steps that stand on its buttons, and no others."""
    desk = people()
    page = desk.visit("/").page
    before = page.says("It stands at")
    page.buttons["+ 1 day"].fields["by"] = by
    assert desk.press("+ 1 day").status == 400
    assert desk.visit("/").page.says("It stands at") == before


def test_reminder_that_comes_too_soon(people: People) -> None:
    """A reminder in the same minute is refused with the instant from which it isn't, and one for a paid invoice too."""
    desk = people()
    desk.visit("/contacts")
    desk.press("Add to Acme", address="slow@acme.example")
    desk.visit("/desk/1001")
    desk.press("Send to slow@acme.example")
    refused = desk.press("Remind slow@acme.example")
    assert (refused.status, refused.page.title) == (409, "No fresh link now")
    assert refused.page.says("Try again from")
    page = desk.visit("/desk/1001")
    desk.press("Mark as paid")
    desk.answer = page
    assert desk.press("Send to slow@acme.example").status == 409


def test_form_too_large(people: People) -> None:
    """L01: a form that is too large is not read."""
    desk = people()
    desk.visit("/contacts")
    assert desk.press("Add to Acme", address="a" * 100_000).status == 400
