"""The invoicing example in Flask: its pages, hostile forms, and its folder when it is opened again."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from magiclink.testing import FrozenClock
from tests.served import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from flask.testing import FlaskClient
    from werkzeug.test import TestResponse

    from examples.invoicing.demo import Demo

SITE = "http://127.0.0.1:8042"
BASE_URL = f"{SITE}/l/"
ANN, MALLORY = "1", "3"
"""The contacts' numbers in the books that the demonstration begins with; Mallory is another customer's."""


@dataclass
class Shop:
    """The app with one visitor's browser."""

    demo: Demo
    client: FlaskClient

    def get(self, path: str, **more: Any) -> TestResponse:
        """Open a page."""
        return self.client.get(path, base_url=SITE, **more)

    def post(self, path: str, _headers: dict[str, str] | None = None, **fields: str) -> TestResponse:
        """Submit a form."""
        return self.client.post(path, base_url=SITE, data=fields, headers=_headers)

    def mails(self) -> list[str]:
        """Return whom the mails went to."""
        return [mail.to for mail in self.demo.mails.all()]

    def click(self) -> TestResponse:
        """Click the link of the newest mail."""
        return self.get(self.demo.mails.all()[-1].url, follow_redirects=True)

    def sign_in(self, address: str) -> None:
        """Sign in by mail."""
        self.get("/l/sign-in")
        form = {"Origin": SITE, "Sec-Fetch-Site": "same-origin"}
        self.post("/l/sign-in", form, email=address)
        [value] = re.findall(r'name="form" value="([^"]+)"', self.click().text)
        assert self.post("/l/", form, form=value).location == "/invoices"


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Shop]:
    """Open the demonstration in a folder of its own."""
    monkeypatch.syspath_prepend(str(ROOT))
    from examples.invoicing.demo import open_demo
    from examples.invoicing.web import create_app

    demo = open_demo(tmp_path, base_url=BASE_URL, clock=FrozenClock())
    app = create_app(demo)
    app.testing = True
    yield Shop(demo, app.test_client())
    demo.invoicing.close()


# The pages.


@pytest.mark.parametrize("path", ["/", "/desk/1001", "/contacts", "/outbox", "/outbox/1", "/thanks", "/l/sign-in"])
def test_page_that_breaks(shop: Shop, path: str) -> None:
    """Every page opens, is kept by no cache, loads no script, and goes into nobody's frame."""
    shop.post("/desk/1001/send", contact=ANN)
    page = shop.get(path)
    assert page.status_code == 200
    assert page.headers["Cache-Control"] == "no-store"
    assert page.headers["Content-Security-Policy"].startswith("default-src 'none'; style-src 'self'")
    assert "frame-ancestors 'none'" in page.headers["Content-Security-Policy"]
    assert "<script" not in page.text


def test_desk_that_seems_guarded(shop: Shop) -> None:
    """The supplier's desk says that it has no login."""
    assert "has no login" in shop.get("/").text


def test_mail_that_cannot_be_clicked(shop: Shop) -> None:
    """A mail is shown with its reader, its subject and its link; the invoice it opens is the only one it opens."""
    shop.post("/desk/1001/send", contact=ANN)
    page = shop.get("/outbox/1").text
    assert "ann@acme.example" in page
    assert f'<a href="{shop.demo.mails.all()[0].url}"' in page
    assert "Roof repair" in shop.click().text
    assert [shop.get(f"/invoices/{number}").status_code for number in (1001, 1002, 1003)] == [200, 403, 403]


def test_neighbour_who_reads_along(shop: Shop) -> None:
    """Who is signed in sees the invoices of his own company, and no others; signed out, none."""
    assert shop.get("/invoices").location == "/l/sign-in"
    shop.sign_in("ann@acme.example")
    page = shop.get("/invoices").text
    assert "Roof repair" in page
    assert "Chimney" not in page
    assert [shop.get(f"/invoices/{number}").status_code for number in (1001, 1002, 1003, 9)] == [200, 200, 403, 404]
    shop.post("/sign-out")
    assert shop.get("/invoices/1001").status_code == 403


def test_sign_in_that_outlives_its_session(shop: Shop) -> None:
    """A sign-in ends with its 12 hours, and with the contact."""
    shop.sign_in("ann@acme.example")
    shop.demo.clock.tick(timedelta(hours=12))
    assert shop.get("/invoices").location == "/l/sign-in"
    shop.sign_in("bob@acme.example")
    shop.post("/contacts/2/leave")
    assert shop.get("/invoices").location == "/l/sign-in"


def test_payment_that_leaves_a_page_open(shop: Shop) -> None:
    """Whoever paid by a link is thanked, and the page is closed; who is signed in goes back to his invoices."""
    shop.post("/desk/1001/send", contact=ANN)
    shop.click()
    assert shop.post("/invoices/1001/pay").location == "/thanks"
    assert shop.get("/invoices/1001").status_code == 403
    shop.sign_in("ann@acme.example")
    assert shop.post("/invoices/1002/pay").location == "/invoices"
    assert "paid" in shop.get("/invoices/1002").text


# Hostile forms.


@pytest.mark.parametrize("path", ["/desk/1002/send", "/desk/1002/remind"])
@pytest.mark.parametrize(
    ("contact", "status"),
    [(MALLORY, 404), ("9", 404), ("-1", 404), ("9" * 30, 404), ("9" * 5_000, 400), ("1 OR 1=1", 400), ("", 400)],
    ids=["another customer's", "unknown", "negative", "beyond 63 bits", "endless", "SQL", "empty"],
)
def test_invoice_for_a_wrong_reader(shop: Shop, path: str, contact: str, status: int) -> None:
    """An invoice goes to its own customer's contacts and to nobody else."""
    assert shop.post(path, contact=contact).status_code == status
    assert shop.mails() == []


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
    ],
    ids=["J01", "J05", "J09", "encoded word", "script", "J11", "empty", "long"],
)
def test_address_that_is_none(shop: Shop, address: str) -> None:
    """J01, J05, J09, J11: what isn't exactly one address changes no book, and is not repeated."""
    for path in ("/contacts", "/contacts/1/address"):
        refused = shop.post(path, customer="1", address=address)
        assert refused.status_code == 400
        assert "script>" not in refused.text
    kept = [contact.address for contact in shop.demo.invoicing.ledger.contacts_of(1)]
    assert kept == ["ann@acme.example", "bob@acme.example"]


def test_address_that_is_markup(shop: Shop) -> None:
    """An address may hold what HTML takes for itself: it shows as text."""
    assert shop.post("/contacts", customer="1", address="o'neil&co@acme.example").status_code == 303
    page = shop.get("/contacts").text
    assert "o&#39;neil&amp;co@acme.example" in page
    assert "o'neil" not in page


@pytest.mark.parametrize("path", ["/desk/9", "/desk/" + "9" * 30, "/outbox/1", "/outbox/0", "/nothing"])
def test_number_of_nothing(shop: Shop, path: str) -> None:
    """What isn't in the books is 404, however large its number."""
    assert shop.get(path).status_code == 404


def test_form_from_elsewhere(shop: Shop) -> None:
    """G09, G10: a form that another site's page submits mails nothing, moves no clock and signs nobody out."""
    for headers in ({"Origin": "https://evil.example"}, {"Origin": "null"}, {"Sec-Fetch-Site": "cross-site"}):
        assert shop.post("/desk/1001/send", headers, contact=ANN).status_code == 403
        assert shop.post("/clock", headers, by="day").status_code == 403
        assert shop.post("/sign-out", headers).status_code == 403
    assert shop.mails() == []
    assert shop.demo.clock.now() == FrozenClock().now()


def test_host_of_somebody_else(shop: Shop) -> None:
    """H01: another host name that is pointed at this machine reads nothing of the desk (DNS rebinding)."""
    for path in ("/", "/outbox", "/l/sign-in"):
        assert shop.client.get(path, base_url="http://evil.example").status_code == 400


def test_form_too_large(shop: Shop) -> None:
    """L01: a form that is too large is not read."""
    assert shop.post("/contacts", customer="1", address="a" * 100_000).status_code == 413


@pytest.mark.parametrize("by", ["", "year", "-1", "timedelta(days=1)"])
def test_step_of_no_clock(shop: Shop, by: str) -> None:
    """The clock takes the steps that stand on its buttons, and no others."""
    assert shop.post("/clock", by=by).status_code == 400
    assert shop.post("/clock", by="13 days").status_code == 303
    assert shop.demo.clock.now() == FrozenClock().now() + timedelta(days=13)


def test_reminder_that_comes_too_soon(shop: Shop) -> None:
    """A reminder in the same minute is refused with the instant from which it isn't, and one for a paid invoice too."""
    shop.post("/desk/1001/send", contact=ANN)
    refused = shop.post("/desk/1001/remind", contact=ANN)
    assert (refused.status_code, "2026-01-05 09:05:00 UTC" in refused.text) == (409, True)
    shop.post("/desk/1001/paid")
    for path in ("send", "remind"):
        assert shop.post(f"/desk/1001/{path}", contact=ANN).status_code == 409
    assert shop.mails() == ["ann@acme.example"]


def test_folder_opened_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder that is opened again has its clock where it was left, its books, its mails, and links that open."""
    monkeypatch.syspath_prepend(str(ROOT))
    from examples.invoicing.demo import open_demo
    from examples.invoicing.web import create_app
    from examples.story.props import KeptClock

    def opened() -> Shop:
        demo = open_demo(tmp_path, base_url=BASE_URL, clock=KeptClock(tmp_path / "clock"))
        return Shop(demo, create_app(demo).test_client())

    before = opened()
    before.post("/desk/1001/send", contact=ANN)
    before.post("/clock", by="13 days")
    before.demo.invoicing.close()
    after = opened()
    assert after.demo.clock.now() == before.demo.clock.now()
    assert (after.mails(), len(after.demo.invoicing.ledger.invoices())) == (["ann@acme.example"], 3)
    assert after.click().status_code == 200
    after.demo.invoicing.close()
