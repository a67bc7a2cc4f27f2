"""A small honest browser for the tour: cookies of its own, redirects followed, buttons pressed as a page has them.

It sends what browsers send along: where a form comes from (Origin), and whether a click came from a mail or from a page
of the same site (Sec-Fetch-Site). It runs no script, for there is none.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from html.parser import HTMLParser
from http.cookiejar import CookieJar
from threading import Barrier
from typing import TYPE_CHECKING
from urllib.parse import urlencode, urljoin, urlsplit
from urllib.request import HTTPCookieProcessor, HTTPErrorProcessor, ProxyHandler, Request, build_opener

if TYPE_CHECKING:
    from collections.abc import Callable
    from http.client import HTTPResponse

MOST_REDIRECTS = 5


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer of the server, as it came."""

    method: str
    path: str
    status: int
    location: str | None
    page: Page


class Browser:
    """One person's browser on one site; `notify` hears of every answer, redirects too."""

    def __init__(self, site: str, notify: Callable[[Answer], object]) -> None:
        self._site = site
        self._notify = notify
        self._jar = CookieJar()
        # No proxy of the environment: the site is on this machine.
        self._opener = build_opener(ProxyHandler({}), HTTPCookieProcessor(self._jar), _EveryStatus())
        self.answer: Answer | None = None

    def visit(self, address: str, *, method: str = "GET", origin: str = "none") -> Answer:
        """Open an address as from a mail or the address bar, and follow where it leads."""
        answer = self._ask(method, urljoin(self._site, address), origin=origin)
        return self._follow(answer, origin)

    def press(self, label: str, **typed: str) -> Answer:
        """Press a button of the page that is shown, with what was typed into its form."""
        action, fields = self._form(label, typed)
        return self._follow(self._ask("POST", action, fields, origin="same-origin"), "same-origin")

    def press_twice(self, label: str) -> tuple[Answer, Answer]:
        """Press a button twice at once: both requests leave with the same cookies, and the last answer counts."""
        action, fields = self._form(label, {})
        both = [self._request("POST", action, fields, origin="same-origin") for _ in range(2)]
        for request in both:
            self._jar.add_cookie_header(request)
        start = Barrier(2)

        def send(request: Request) -> Answer:
            start.wait(timeout=10)
            return self._sent(request)

        with ThreadPoolExecutor(2) as hands:
            first, second = hands.map(send, both)
        for answer in (first, second):
            self._notify(answer)
        self._follow(second, "same-origin")
        return first, second

    def _follow(self, answer: Answer, origin: str) -> Answer:
        for _ in range(MOST_REDIRECTS):
            if answer.location is None:
                self.answer = answer
                return answer
            address = urljoin(self._site, answer.location)
            if not address.startswith(f"{self._site}/"):
                raise AssertionError("a redirect led away from the site")
            method = "HEAD" if answer.method == "HEAD" else "GET"
            answer = self._ask(method, address, origin=origin)
        raise AssertionError("redirects went on and on")

    def _form(self, label: str, typed: dict[str, str]) -> tuple[str, dict[str, str]]:
        shown = self.answer
        button = None if shown is None else shown.page.buttons.get(label)
        if shown is None or button is None:
            raise AssertionError(f"the page shows no button “{label}”")
        action = urljoin(self._site + shown.path, button.action)
        return action, {**button.form.fields, **button.fields, **typed}

    def _ask(self, method: str, address: str, fields: dict[str, str] | None = None, *, origin: str) -> Answer:
        answer = self._sent(self._request(method, address, fields, origin=origin))
        self._notify(answer)
        return answer

    def _request(self, method: str, address: str, fields: dict[str, str] | None = None, *, origin: str) -> Request:
        headers = {"Sec-Fetch-Site": origin, "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}
        if method == "POST":
            headers["Origin"] = self._site
        body = None if fields is None else urlencode(fields).encode()
        return Request(address, body, headers, method=method)  # noqa: S310  # of this machine's own server

    def _sent(self, request: Request) -> Answer:
        with self._opener.open(request, timeout=30) as response:
            text = response.read().decode()
            path = urlsplit(request.full_url).path
            return Answer(request.get_method(), path, response.status, response.headers["Location"], Page(text))


class _EveryStatus(HTTPErrorProcessor):
    """Takes every answer as it comes: a redirect is followed by hand, and 410 is no exception here."""

    def http_response(self, request: Request, response: HTTPResponse) -> HTTPResponse:  # noqa: ARG002  # urllib calls it so
        return response


@dataclass(slots=True)
class Form:
    """Where a form goes, and what its page has filled in."""

    action: str
    fields: dict[str, str] = field(default_factory=dict)


@dataclass(slots=True)
class Button:
    """One button of a form; it may have a name and a value, or an action, of its own."""

    form: Form
    action: str
    fields: dict[str, str]


class Page(HTMLParser):
    """What a page says, and its buttons by their labels."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.name = ""
        """Which of the library's pages it is, such as `expired`; nothing for a page of the app's own."""
        self.buttons: dict[str, Button] = {}
        self._text: dict[str, list[str]] = {"h1": [], "p": [], "button": [], "strong": []}
        self._inside: list[str] = []
        self._form: Form | None = None
        self._button: Button | None = None
        self.feed(text)
        self.close()

    @property
    def title(self) -> str:
        """The page's heading; nothing where the answer has no page."""
        return " ".join(self._text["h1"])

    def says(self, text: str) -> str | None:
        """Return the paragraph in which this is said."""
        return next((each for each in self._text["p"] + self._text["strong"] if text in each), None)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Begin a form, a button or a text; take the fields as they come."""
        given = {name: value or "" for name, value in attrs}
        if tag == "main":
            self.name = given.get("data-page", "")
        elif tag == "form":
            self._form = Form(given["action"])
        elif tag == "input" and self._form is not None:
            self._form.fields[given["name"]] = given.get("value", "")
        elif tag == "button" and self._form is not None:
            own = {given["name"]: given["value"]} if "name" in given else {}
            self._button = Button(self._form, given.get("formaction", self._form.action), own)
        if tag in self._text:
            self._inside.append(tag)
            self._text[tag].append("")

    def handle_endtag(self, tag: str) -> None:
        """End what has begun."""
        if tag in self._text and tag in self._inside:
            self._inside.remove(tag)
            self._text[tag][-1] = " ".join(self._text[tag][-1].split())
        if tag == "form":
            self._form = None
        elif tag == "button" and self._button is not None:
            self.buttons[self._text["button"][-1]] = self._button

    def handle_data(self, data: str) -> None:
        """Take text where it belongs."""
        for tag in self._inside:
            self._text[tag][-1] += data
