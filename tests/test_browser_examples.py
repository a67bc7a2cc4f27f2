"""The story of an invoice in Chromium, on each example as `serve` serves it: the desk, the mailbox and the customer.

Nothing is looked into behind the pages: what is mailed is read in the outbox, and the desk moves the clock.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.chromium import Chromium, chromium, page_name
from tests.served import served

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from playwright.sync_api import Page

ATTEMPTS = 200
"""How often the outbox is looked into for what comes in milliseconds: a mail that is sent once the answer is out."""


@pytest.fixture(scope="module")
def browser() -> Iterator[Chromium]:
    """Chromium, once for both."""
    with chromium() as started:
        yield started


@pytest.fixture(params=["examples.invoicing", "examples.django_invoicing"])
def origin(request: pytest.FixtureRequest, browser: Chromium, tmp_path: Path) -> Iterator[str]:
    """Serve an example."""
    with served(request.param, tmp_path) as site:
        yield site.origin
        browser.close_pages()


class Told:
    """The story's people, each with a browser, and what the browsers complain of."""

    def __init__(self, browser: Chromium, origin: str) -> None:
        self.origin = origin
        self.complaints: list[str] = []
        self._browser = browser
        self._mails = 0
        self.desk = self.person()

    def person(self) -> Page:
        """Return somebody a browser."""
        page = self._browser.context().new_page()
        page.set_default_timeout(20_000)
        page.on("console", lambda message: self._hear(message.text))
        return page

    def press_at(self, path: str, button: str) -> None:
        """Press a button of the desk."""
        self.desk.goto(self.origin + path)
        self.desk.get_by_role("button", name=button, exact=True).click()

    def mail(self) -> str:
        """Return the link of the mail that was just sent, as its reader sees it."""
        self._mails += 1
        for _ in range(ATTEMPTS):
            self.desk.goto(f"{self.origin}/outbox")
            if self.desk.locator(".list a").count() == self._mails:
                self.desk.locator(".list a").first.click()
                return self.desk.locator(".mail a").inner_text()
        raise AssertionError("no mail was sent, or more than one")

    def _hear(self, text: str) -> None:
        # Chromium says of every page that isn't 200 that it isn't; ours are 410 and 403 on purpose.
        if "the server responded with a status of" not in text:
            self.complaints.append(text)


def test_story_of_an_invoice(browser: Chromium, origin: str) -> None:
    """S1 to S8: mailed, opened, expired after two weeks, renewed by its reader, seen after a sign-in, and paid."""
    browser.do(tell, browser, origin)


def tell(browser: Chromium, origin: str) -> None:
    """Run it, on Chromium's thread."""
    story = Told(browser, origin)
    ann = story.person()
    story.press_at("/desk/1001", "Send to ann@acme.example")
    first = story.mail()
    ann.goto(first)
    assert (ann.url, heading(ann)) == (f"{story.origin}/invoices/1001", "Invoice 1001")
    assert ann.evaluate("getComputedStyle(document.querySelector('button')).borderRadius") == "8px"
    for step in ("+ 13 days", "+ 1 day"):
        story.press_at("/", step)
    ann.goto(first)
    assert (ann.url, page_name(ann)) == (f"{story.origin}/l/", "expired")
    ann.get_by_role("button", name="Email me a new link").click()
    assert page_name(ann) == "sent"
    ann.goto(story.mail())
    assert heading(ann) == "Invoice 1001"
    sign_in(story, ann)
    ann.get_by_role("link", name="1001").click()
    ann.get_by_role("button", name="Pay").click()
    ann.wait_for_url("**/invoices")
    assert ann.locator(".state.paid").count() == 1
    phone = story.person()
    phone.goto(first)
    assert page_name(phone) == "revoked"
    story.desk.goto(f"{story.origin}/desk/1001")
    assert "refused: expired" in story.desk.inner_text(".history")
    assert story.complaints == []


def sign_in(story: Told, ann: Page) -> None:
    """Sign in by mail, and see one's own invoices."""
    ann.get_by_role("link", name="All my invoices").click()
    assert ann.url.startswith(f"{story.origin}/l/sign-in")
    ann.fill("input[type=email]", "ann@acme.example")
    ann.keyboard.press("Enter")
    ann.wait_for_selector("[data-page=sent]")
    ann.goto(story.mail())
    ann.get_by_role("button", name="Sign in").click()
    ann.wait_for_url("**/invoices")
    assert heading(ann) == "Your invoices"


def heading(page: Page) -> str:
    """Return a page's heading."""
    return page.inner_text("h1")
