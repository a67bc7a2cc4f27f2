"""A small Flask app over the links, and the ways to speak to it: the test client, and two servers on a socket."""

from __future__ import annotations

import re
from contextlib import contextmanager
from http.client import HTTPConnection
from threading import Thread
from typing import TYPE_CHECKING, Any
from wsgiref.simple_server import WSGIRequestHandler, make_server

from werkzeug import serving

from flask import Flask, session
from magiclink import INVOICE, SIGN_IN
from magiclink.flask import LinkManager
from tests.exchanges import ORIGIN, OURS
from tests.stage import Accounts, Raw, Stage

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from flask.testing import FlaskClient
    from werkzeug.test import TestResponse

    from magiclink import Policy, Redemption
    from tests.stage import Send


class Shop(Stage):
    """An invoicing app in Flask: `/invoices/<number>` is opened by a link, `/invoices` says who is signed in."""

    def __init__(
        self,
        *policies: Policy,
        app: Flask | None = None,
        is_mounted: bool = True,
        path: str = "/l/",
        origin: str = ORIGIN,
        **options: Any,
    ) -> None:
        super().__init__(*policies, path=path, origin=origin)
        self.app = app or new_app()
        given: dict[str, Any] = {"directory": Accounts(), "mailer": self.outbox} | options
        self.manager = LinkManager(self.links, **given)
        self.manager.on_redeemed(SIGN_IN)(remember)
        _add_views(self.app, self.manager)
        if is_mounted:
            self.manager.init_app(self.app)

    def visitor(self) -> Visitor:
        """Open another browser."""
        return Visitor(self.app.test_client())

    def url(self, kind: str) -> str:
        """Return one of the two links, as in a mail."""
        return f"{self.links.flows.site.base_url}{self.tokens[kind]}"


class Visitor:
    """One browser over Flask's test client."""

    def __init__(self, client: FlaskClient) -> None:
        self.client = client

    def get(self, url: str, **given: Any) -> TestResponse:
        """Look at a page; a path is one of the site's."""
        return self.client.get(_absolute(url), **given)

    def post(self, url: str, form: dict[str, str] | None = None, **given: Any) -> TestResponse:
        """Send a form, as a page of ours would."""
        return self.client.post(_absolute(url), data=form or {}, **{"headers": OURS, **given})

    def press(self, page: TestResponse, **typed: str) -> TestResponse:
        """Press the first button of a page."""
        action, seal = action_of(page), seal_of(page)
        return self.post(action, {"form": seal, **typed})

    def open(self, url: str) -> TestResponse:
        """Click a link and look at what it leads to."""
        return self.get(self.get(url).location)


def action_of(page: TestResponse) -> str:
    """Return where the first form of a page goes."""
    [action, *_] = re.findall(r'<form method="post" action="([^"]+)"', page.text)
    return str(action)


def seal_of(page: TestResponse) -> str:
    """Return what the first form of a page carries."""
    [seal, *_] = re.findall(r'name="form" value="([^"]+)"', page.text)
    return str(seal)


def page_of(response: TestResponse) -> str:
    """Return an answer in two words: its status, and its page or where it leads."""
    found = re.search(r'data-page="([^"]+)"', response.text)
    return f"{response.status_code} {found[1] if found else response.location}"


def new_app(**config: Any) -> Flask:
    """Make an app with a secret, for tests."""
    app = Flask(__name__)
    app.config.update({"SECRET_KEY": "of these tests", "TESTING": True} | config)
    return app


def remember(redemption: Redemption) -> None:
    """Sign in, into Flask's session."""
    session["who"] = redemption.subject


def _add_views(app: Flask, manager: LinkManager) -> None:
    @app.get("/invoices")
    def invoices() -> str:
        return f"signed in: {session.get('who')}"

    @app.route("/invoices/<int:number>", methods=["GET", "POST"])
    @manager.opened_by(INVOICE, resource="invoice:{number}")
    def invoice(number: int, redemption: Redemption) -> str:
        return f"invoice {number} of {redemption.subject}"


def _absolute(url: str) -> str:
    return url if url.startswith("http") else ORIGIN + url


def by_client(app: Flask) -> Send:
    """Send requests by Flask's test client, without its own cookies."""
    client = app.test_client(use_cookies=False)

    def send(method: str, path: str, headers: dict[str, str], body: str | None) -> Raw:
        response = client.open(path, base_url=ORIGIN, method=method, headers=headers, data=body)
        return Raw(response.status_code, response.headers.to_wsgi_list(), response.text)

    return send


class _Quiet(WSGIRequestHandler):
    def log_message(self, *_: object) -> None:
        """Log nothing: the paths hold tokens."""


class QuietHandler(serving.WSGIRequestHandler):
    """Logs nothing: the paths hold tokens."""

    def log(self, *_: object) -> None:
        """Log nothing: the paths hold tokens."""


@contextmanager
def served(app: Callable[..., Any], kind: str = "wsgiref") -> Iterator[int]:
    """Serve an app on a port of this machine, by the standard library's server or by Werkzeug's."""
    if kind == "wsgiref":
        server: Any = make_server("127.0.0.1", 0, app, handler_class=_Quiet)
    else:
        server = serving.make_server("127.0.0.1", 0, app, threaded=True, request_handler=QuietHandler)
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def by_socket(port: int) -> Send:
    """Send requests over a socket, each on a connection of its own."""

    def send(method: str, path: str, headers: dict[str, str], body: str | None) -> Raw:
        connection = HTTPConnection("127.0.0.1", port, timeout=30)
        try:
            connection.request(method, path, body, headers)
            response = connection.getresponse()
            return Raw(response.status, response.getheaders(), response.read().decode())
        finally:
            connection.close()

    return send
