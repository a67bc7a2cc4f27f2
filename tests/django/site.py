"""A small Django site over the links, and the ways to speak to it: two test clients, and a real ASGI handler."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote_to_bytes

from asgiref.sync import async_to_sync
from asgiref.testing import ApplicationCommunicator
from django.contrib.auth.backends import BaseBackend
from django.contrib.auth.models import User
from django.core.handlers.asgi import ASGIHandler
from django.test import AsyncClient, Client
from django.views.debug import get_exception_reporter_class

from tests.exchanges import ANN, ORIGIN, OURS
from tests.stage import Accounts, Raw, Stage

if TYPE_CHECKING:
    import pytest
    from django.http import HttpRequest
    from pytest_django.fixtures import Settings

    from magiclink import Policy, Redemption
    from tests.stage import Send

Response = Any
"""What Django's test clients give: a response with more on it than its type has."""

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "magiclink.django.middleware.MagicLinkMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]


class ByName(BaseBackend):
    """Signs in by a user's name, which is the subject of the stories' links; deactivated users aren't taken."""

    def authenticate(self, request: HttpRequest | None, magiclink: Redemption | None = None, **_: Any) -> User | None:
        """Find whom a link is for."""
        if magiclink is None:
            return None
        return User.objects.filter(username=magiclink.subject, is_active=True).first()

    def get_user(self, user_id: int) -> User | None:
        """Find who is signed in."""
        return User.objects.filter(pk=user_id).first()


def name_of_user(request: HttpRequest) -> str | None:
    """Name who is signed in as the stories do."""
    return str(request.user) if request.user.is_authenticated else None


class Shop(Stage):
    """An invoicing site in Django: `/invoices/<number>` is opened by a link, `/invoices` says who is signed in."""

    def __init__(
        self, settings: Settings, *policies: Policy, path: str = "/l/", origin: str = ORIGIN, **options: Any
    ) -> None:
        super().__init__(*policies, path=path, origin=origin)
        settings.ALLOWED_HOSTS = [HOST, "testserver"]
        settings.AUTHENTICATION_BACKENDS = ["tests.django.site.ByName"]
        settings.MIDDLEWARE = MIDDLEWARE
        settings.LANGUAGES = [("en", "English"), ("de", "German")]
        settings.LANGUAGE_CODE = "en"
        settings.MAGICLINK = {
            "LINKS": self.links,
            "DIRECTORY": Accounts,
            "MAILER": self.outbox,
            "SIGNED_IN_AS": name_of_user,
        } | options

    def visitor(self) -> Visitor:
        """Open another browser."""
        return Visitor(Client(enforce_csrf_checks=True))

    def url(self, kind: str) -> str:
        """Return one of the two links, as in a mail."""
        return f"{self.links.flows.site.base_url}{self.tokens[kind]}"


class Visitor:
    """One browser over Django's test client."""

    def __init__(self, client: Client) -> None:
        self.client = client

    def get(self, url: str, **options: Any) -> Response:
        """Look at a page; a path is one of the site's."""
        arguments: dict[str, Any] = {"secure": True, "headers": {"Host": HOST}} | options
        return self.client.get(url.removeprefix(ORIGIN), **arguments)

    def post(self, url: str, form: dict[str, str] | bytes | None = None, **options: Any) -> Response:
        """Send a form, as a page of ours would."""
        arguments: dict[str, Any] = {"secure": True, "headers": {"Host": HOST, **OURS}} | options
        return self.client.post(url, form or {}, **arguments)

    def press(self, page: Response, **typed: str) -> Response:
        """Press the first button of a page."""
        return self.post(found(r'<form method="post" action="([^"]+)"', page), {"form": seal_of(page), **typed})

    def open(self, url: str) -> Response:
        """Click a link and look at what it leads to."""
        return self.get(self.get(url)["Location"])


HOST = ORIGIN.removeprefix("https://")


def found(pattern: str, page: Response) -> str:
    """Return what a page has first of a pattern."""
    [first, *_] = re.findall(pattern, text_of(page))
    return str(first)


def seal_of(page: Response) -> str:
    """Return what the first form of a page carries."""
    return found(r'name="form" value="([^"]+)"', page)


def text_of(response: Response) -> str:
    """Return the text of a page."""
    return str(response.content.decode())


def page_of(response: Response) -> str:
    """Tell an answer in two words: its status, and its page or where it leads."""
    named = re.search(r'data-page="([^"]+)"', text_of(response))
    return f"{response.status_code} {named[1] if named else response.headers.get('Location')}"


def written(caplog: pytest.LogCaptureFixture) -> str:
    """Return all that was logged, with the error report that Django makes of it."""
    texts = [caplog.text]
    for record in caplog.records:
        texts.append(repr(vars(record)))
        request: Any = getattr(record, "request", None)
        error = record.exc_info or (None, record.getMessage(), None)
        reporter: Any = get_exception_reporter_class(request)
        report = reporter(request, *error, is_email=True)
        texts += [report.get_traceback_text(), report.get_traceback_html()]
    return "\n".join(texts)


def ann() -> User:
    """Put Ann among the site's users."""
    return User.objects.create_user("ann", ANN)


def by_client(client: Client | None = None) -> Send:
    """Send requests by Django's test client, whose own cookies are put away; CSRF checks are as on a real site."""
    client = client or Client(enforce_csrf_checks=True)

    def send(method: str, path: str, headers: dict[str, str], body: str | None) -> Raw:
        client.cookies.clear()
        kind = headers.get("Content-Type", "")
        response = client.generic(method, path, body or "", kind, secure=True, headers={"Host": HOST, **headers})
        return _raw(response)

    return send


def by_async_client() -> Send:
    """Send requests by Django's asynchronous test client."""
    client = AsyncClient(enforce_csrf_checks=True)

    @async_to_sync
    async def send(method: str, path: str, headers: dict[str, str], body: str | None) -> Raw:
        # Its host, cookies and type are its own: those of a header would come twice.
        client.cookies.clear()
        client.cookies.load(headers.pop("Cookie", ""))
        kind = headers.pop("Content-Type", "")
        response = await client.generic(method, path, body or "", kind, secure=True, headers=headers)
        return _raw(response)

    return send


def _raw(response: Any) -> Raw:
    cookies = [("Set-Cookie", morsel.OutputString()) for morsel in response.cookies.values()]
    return Raw(response.status_code, [*response.items(), *cookies], text_of(response))


def by_asgi() -> Send:
    """Send requests by Django's ASGI handler, as a server does."""
    handler = ASGIHandler()

    @async_to_sync
    async def send(method: str, path: str, headers: dict[str, str], body: str | None) -> Raw:
        sent = (body or "").encode()
        scope = scope_of(method, path, {"Content-Length": str(len(sent)), **headers})
        asking: Any = ApplicationCommunicator(handler, scope)  # type: ignore[no-untyped-call]
        await asking.send_input({"type": "http.request", "body": sent})
        started, written = await asking.receive_output(timeout=60), await asking.receive_output(timeout=60)
        await asking.wait()
        answered = [(name.decode(), value.decode()) for name, value in started["headers"]]
        return Raw(started["status"], answered, written["body"].decode())

    return send


def scope_of(method: str, path: str, headers: dict[str, str], root: str = "") -> dict[str, Any]:
    """Return the scope of a request, as servers do."""
    raw, _, query = path.partition("?")
    return {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": method,
        "scheme": "https",
        "path": unquote_to_bytes(raw).decode(errors="replace"),
        "raw_path": raw.encode(),
        "query_string": query.encode(),
        "root_path": root,
        "headers": [(name.lower().encode(), value.encode()) for name, value in {"Host": HOST, **headers}.items()],
        "client": ("127.0.0.1", 50_000),
        "server": (HOST, 443),
    }
