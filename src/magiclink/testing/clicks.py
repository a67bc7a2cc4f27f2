"""What happens to links that nobody in an office sees: a scanner of mails fetches them, a customer presses twice.

For the test clients of Flask, Werkzeug, Django and Starlette (httpx), which are known by their attributes; none is
imported here. Every request goes to the link's own origin, as a browser would send it, cookies included.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Any
from urllib.parse import urlencode, urljoin, urlsplit

from ..errors import BadArgumentError

MOST_REDIRECTS = 10

_BROWSER = {
    "User-Agent": "Mozilla/5.0",
    "Accept": "text/html",
    "Sec-Fetch-Site": "none",
    "Sec-Fetch-Mode": "navigate",
    "Sec-Fetch-Dest": "document",
}
_FORM_TYPE = "application/x-www-form-urlencoded"
_Pairs = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer of the app: its status, where it leads, if it's a redirect, and its body as text."""

    method: str
    status: int
    location: str | None
    text: str = field(repr=False)


def scan(client: Any, url: str) -> tuple[Answer, ...]:
    """Visit a link as scanners of mail do: HEAD, GET, and GET as a browser that follows redirects; press nothing.

    `client` is the scanner's own test client, not the customer's: it keeps the cookies that it gets. Returns every
    answer in order: that of HEAD, that of GET, and all that the browser saw; redirects to other sites aren't followed.
    """
    sender = _wrap(client)
    return sender.send("HEAD", url, {}), sender.send("GET", url, {}), *_visit(sender, url)


def double_click(client: Any, url: str) -> tuple[Answer, Answer]:
    """Open a link, and press the main button of its page twice, before the first answer has come.

    Both requests are built from the same page and leave with the same cookies, as those of one impatient customer.
    Returns both answers; their redirects aren't followed. Raises AssertionError where the page has no button.
    """
    sender = _wrap(client)
    *_, page = _visit(sender, url)
    form = _Forms.find_main(page.text)
    if form is None:
        raise AssertionError(f"a page with a button was expected; the answer was {page.status}")
    origin = _read_origin(url)
    headers = {**_BROWSER, "Origin": origin, "Sec-Fetch-Site": "same-origin"}
    return sender.post_twice(urljoin(origin, form.action), headers, form.fields)


def _visit(sender: "_Httpx", url: str) -> Iterator[Answer]:
    origin = _read_origin(url)
    for _ in range(MOST_REDIRECTS):
        answer = sender.send("GET", url, _BROWSER)
        yield answer
        if answer.location is None:
            return
        url = urljoin(url, answer.location)
        if _read_origin(url) != origin:
            return


def _read_origin(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"


def _wrap(client: Any) -> "_Httpx":
    for attribute, sender in (("application", _Werkzeug), ("generic", _Django), ("base_url", _Httpx)):
        if hasattr(client, attribute):
            return sender(client)
    found = f"got a {type(client).__name__}: app.test_client(), django.test.Client() or TestClient(app)"
    raise BadArgumentError(f"client: a test client of Flask, Werkzeug, Django or Starlette, {found}")


def _read_answer(method: str, response: Any) -> Answer:
    text = response.text if hasattr(response, "text") else response.content.decode(response.charset)
    return Answer(method, response.status_code, response.headers.get("Location"), text)


class _Httpx:
    """Starlette's client, which is httpx's: its cookies can be put back to what they were."""

    def __init__(self, client: Any) -> None:
        self.client = client

    def open(self, method: str, url: str, headers: _Pairs, form: _Pairs | None) -> Any:
        """Send one request, follow nothing, and return the client's own response."""
        return self.client.request(method, url, headers=headers, data=form, follow_redirects=False)

    def send(self, method: str, url: str, headers: _Pairs, form: _Pairs | None = None) -> Answer:
        return _read_answer(method, self.open(method, url, headers, form))

    def post_twice(self, url: str, headers: _Pairs, form: _Pairs) -> tuple[Answer, Answer]:
        """Send a form twice, with the same cookies."""
        cookies = type(self.client.cookies)(self.client.cookies)
        first = self.send("POST", url, headers, form)
        self.client.cookies = cookies
        return first, self.send("POST", url, headers, form)


class _Django(_Httpx):
    """Django's client, whose cookies are kept alike."""

    def open(self, method: str, url: str, headers: _Pairs, form: _Pairs | None) -> Any:
        path, secure = url.removeprefix(_read_origin(url)), url.startswith("https:")
        body = urlencode(form or {})
        return self.client.generic(method, path, body, _FORM_TYPE, secure=secure, headers=dict(headers))


class _Werkzeug(_Httpx):
    """Flask's client, and Werkzeug's own over any WSGI application."""

    def open(self, method: str, url: str, headers: _Pairs, form: _Pairs | None) -> Any:
        root = getattr(self.client.application, "config", {}).get("APPLICATION_ROOT", "/").rstrip("/")
        origin = _read_origin(url)
        path = url.removeprefix(origin).removeprefix(root)
        return self.client.open(path, base_url=origin + root, method=method, headers=headers, data=form)

    def post_twice(self, url: str, headers: _Pairs, form: _Pairs) -> tuple[Answer, Answer]:
        first = self.open("POST", url, headers, form)
        # Its own cookies have changed with that answer: the second press sends what the first one sent.
        without_cookies = _Werkzeug(type(self.client)(self.client.application, use_cookies=False))
        cookies = {"Cookie": first.request.headers.get("Cookie", "")}
        return _read_answer("POST", first), without_cookies.send("POST", url, {**headers, **cookies}, form)


@dataclass(slots=True)
class _Form:
    action: str
    fields: dict[str, str] = field(default_factory=dict)
    is_main: bool = False


class _Forms(HTMLParser):
    """The forms of a page, with what the page has filled in."""

    def __init__(self) -> None:
        super().__init__()
        self._found: list[_Form] = []
        self._open: _Form | None = None

    @classmethod
    def find_main(cls, page: str) -> _Form | None:
        """Return the form of the main button, or else the first one that carries a seal of ours."""
        forms = cls()
        forms.feed(page)
        sealed = [form for form in forms._found if "form" in form.fields]
        return next((form for form in sealed if form.is_main), sealed[0] if sealed else None)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        attributes = {name: value or "" for name, value in attrs}
        if tag == "form":
            self._open = _Form(attributes.get("action", ""))
            self._found.append(self._open)
        elif tag == "input" and self._open is not None:
            self._open.fields[attributes.get("name", "")] = attributes.get("value", "")
        elif tag == "button" and self._open is not None:
            self._open.is_main = "main" in attributes.get("class", "").split()

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self._open = None
