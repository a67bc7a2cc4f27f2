"""The tour's stage: a real server on loopback, browsers, mailboxes, a frozen clock, and what is printed of it all.

No token is ever printed: paths are shown as `/l/<token>`.
"""

from __future__ import annotations

from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Condition
from typing import TYPE_CHECKING

from magiclink import Kind

from .browser import Answer, Browser
from .server import Silent, answer_in_background, listen, mask
from .site import Opening
from .words import stamp

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

    from magiclink import Event

    from .site import OpenSite, Site

START = datetime(2026, 1, 5, 9, 0, tzinfo=UTC)
TIMEOUT = 30
"""Seconds for what takes milliseconds: a mail that is sent once the answer is out."""


@dataclass(frozen=True, slots=True)
class Mailed:
    """A link as its reader has it, and its name in the supplier's books."""

    url: str = field(repr=False)
    link_id: str
    subject: str

    @property
    def token(self) -> str:
        """The last part of the link."""
        return self.url.rpartition("/")[2]


class Postman:
    """Hears of every mail that was delivered."""

    def __init__(self) -> None:
        self._delivered: list[str] = []

    def __call__(self, event: Event) -> None:
        """Take an event of the library."""
        if event.kind is Kind.DELIVERED and event.link_id is not None:
            self._delivered.append(event.link_id)

    def fetch(self) -> list[str]:
        """Return the ids of the links that were delivered since the last call."""
        fetched, self._delivered = self._delivered, []
        return fetched


class Attended:
    """An app that says when it is at rest: mails that were asked for go out after the answer, in its own time."""

    def __init__(self, app: WSGIApplication) -> None:
        self._app = app
        self._at_work = 0
        self._bell = Condition()

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer a request."""
        with self._bell:
            self._at_work += 1
        return _Ending(self._app(environ, start_response), self._done)

    def wait(self) -> None:
        """Wait until nothing is left to be done."""
        with self._bell:
            expect(self._bell.wait_for(lambda: self._at_work == 0, TIMEOUT), "the app never comes to rest")

    def _done(self) -> None:
        with self._bell:
            self._at_work -= 1
            self._bell.notify_all()


class _Ending:
    """The body of an answer; once the server has closed it, `then` is done."""

    def __init__(self, body: Iterable[bytes], then: Callable[[], None]) -> None:
        self._body = body
        self._then = then

    def __iter__(self) -> Iterator[bytes]:
        return iter(self._body)

    def close(self) -> None:
        """Let the app do what it does after its answer."""
        try:
            getattr(self._body, "close", lambda: None)()
        finally:
            self._then()


class Stage:
    """What the story is played with, and what is printed of it."""

    def __init__(self, site: Site, origin: str, postman: Postman, app: Attended) -> None:
        self.links = site.links
        self.origin = origin
        self._clock = site.clock
        self._mails = site.mails
        self._postman = postman
        self._app = app
        self._steps = 0

    def browser(self, whose: str) -> Browser:
        """Return somebody a browser, with no cookies yet."""

        def tell(answer: Answer) -> None:
            title = f"  {answer.page.title}" if answer.page.title and answer.location is None else ""
            print(f"      {whose:<16} {answer.method} {mask(answer.path)} -> {answer.status}{title}")

        return Browser(self.origin, tell)

    def go_to(self, *, days: int, seconds: int = 0) -> None:
        """Move the clock."""
        self._clock.set(START + timedelta(days=days, seconds=seconds))

    def wait(self, minutes: int) -> None:
        """Let some minutes pass."""
        self._clock.tick(timedelta(minutes=minutes))

    def step(self, text: str) -> None:
        """Print what happens next."""
        self._steps += 1
        now = self._clock.now()
        print(f"\n{self._steps:2}. Day {(now - START).days}, {stamp(now)}\n    {text}")

    def mail_to(self, address: str) -> Mailed:
        """Fetch the mail that was just sent; it must be for this address. The link is read out of its own text."""
        self._app.wait()
        link_ids = self._postman.fetch()
        expect(len(link_ids) == 1, f"one mail was to be sent, there are {len(link_ids)}")
        mail = self._mails.all()[-1]
        expect(mail.to == address, f"the mail was to go to {address}, it went to {mail.to}")
        expect(mail.url.startswith(f"{self.origin}/l/"), "the link begins with the configured base URL")
        print(f"      mail to {mail.to}: {mail.subject}")
        mailed = Mailed(mail.url, link_ids[0], mail.subject)
        self.state(mailed, "outstanding")
        return mailed

    def no_mail(self) -> None:
        """See to it that no mail was sent."""
        self._app.wait()
        expect(self._postman.fetch() == [], "no mail was to be sent")
        print("      no mail")

    def state(self, mailed: Mailed, expected: str, *, uses: int = 0) -> None:
        """Print a link's state, which must be the expected one."""
        link = self.links.inspect(mailed.link_id)
        used = "" if link.max_uses is None else f", used {link.uses} of {link.max_uses}"
        print(f"      link …{link.link_id[-6:]}: {link.state}{used}, works until {stamp(link.expires_at)}")
        expect(link.state == expected, f"the link was to be {expected}, it is {link.state}")
        expect(link.uses == uses, f"the link was to be used {uses} times, it was used {link.uses} times")


def expect(fact: object, what: str) -> None:
    """Stop the tour where something isn't as it should be."""
    if not fact:
        raise AssertionError(what)


def shows(answer: Answer, status: int, name: str, *texts: str) -> None:
    """Stop the tour unless an answer has this status and page, and the page says this."""
    page = answer.page
    came = f"{answer.method} {mask(answer.path)} was answered {answer.status} “{page.title}”"
    expect((answer.status, page.name or page.title) == (status, name), f"{came}, not {status} “{name}”")
    for text in texts:
        paragraph = page.says(text)
        expect(paragraph, f"{came}, and the page doesn't say “{text}”")
        print(f"      says: {paragraph}")


@contextmanager
def stage(open_site: OpenSite, kept_in: str | None) -> Iterator[Stage]:
    """Set everything up in a folder that goes away, and serve it on a free port of loopback."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory()))
        server, postman = stack.enter_context(listen(0, Silent)), Postman()
        opening = Opening(folder=folder, origin=server.origin, kept_in=kept_in, on_event=postman, is_tour=True)
        site = stack.enter_context(open_site(opening))
        site.clock.set(START)
        app = Attended(site.app)
        server.set_app(app)
        stack.enter_context(answer_in_background(server))
        yield Stage(site, server.origin, postman, app)
        # No file must go away under what is still being done.
        app.wait()
