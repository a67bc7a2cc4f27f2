"""T13: a sign-in by link in Flask, on SQLite, against the framework's own: what it adds to a route that does nothing.

Every request is a POST of one short form, answered by a redirect; it is handed to the WSGI application as it would come
from a server, with everything that a visitor brings along made before.
"""

from __future__ import annotations

import re
from functools import partial
from io import BytesIO
from typing import TYPE_CHECKING, Any

from werkzeug.test import EnvironBuilder, run_wsgi_app

from flask import Flask, redirect, request, session
from magiclink import SIGN_IN
from magiclink.flask import LinkManager
from magiclink.stores.sqlite import SQLiteStore

from .ground import SITE, drained, folder, issue, links_on, ordered
from .pairs import Row, ratio_of_added

if TYPE_CHECKING:
    from collections.abc import Iterator

    from werkzeug import Response

    from magiclink import MagicLinks, Redemption

    from .pairs import Call, Measures

ROUNDS = 400
ORIGIN = SITE.removesuffix("/l/")


def sign_ins() -> Iterator[Row]:
    """A view of the app's own that redeems, and the button of the conversation's page."""
    with folder() as place, links_on(SQLiteStore(place / "links.db")) as links:
        app = _app(links)
        tokens = [issue(links, order).token for order in ordered(2 * ROUNDS, SIGN_IN)]
        views = [_post(app, "/redeem", token) for token in tokens[:ROUNDS]]
        buttons = [_button(app, token) for token in tokens[ROUNDS:]]
        login, bare = _post(app, "/login", tokens[0]), _post(app, "/bare", tokens[0])
        for what, calls in (("a redeeming view", views), ("the page's button", buttons)):
            found = ratio_of_added(drained(calls), login, bare, rounds=ROUNDS)
            yield Row("T13", f"Flask, SQLite: what {what} adds / a session login", "≤", 1.6, found)


def _app(links: MagicLinks) -> Flask:
    app = Flask(__name__)
    app.secret_key = "of this benchmark"
    manager = LinkManager(links)
    manager.init_app(app)

    @manager.on_redeemed(SIGN_IN)
    def remember(redemption: Redemption) -> None:
        session["who"] = redemption.subject

    @app.post("/bare")
    def bare() -> Response:
        return redirect(request.form["form"] and "/invoices", 303)

    @app.post("/login")
    def login() -> Response:
        session.clear()
        session["who"] = "customer-7"
        return redirect(request.form["form"] and "/invoices", 303)

    @app.post("/redeem")
    def redeem() -> Response:
        redemption = links.redeem(request.form["form"], SIGN_IN)
        session.clear()
        session["who"] = redemption.subject
        return redirect(redemption.destination or "/", 303)

    return app


def _post(app: Flask, path: str, form: str, cookie: str = "") -> Call:
    headers = [("Origin", ORIGIN), ("Sec-Fetch-Site", "same-origin"), ("Cookie", cookie)]
    ask = EnvironBuilder(path, ORIGIN, method="POST", data={"form": form}, headers=headers)
    environ = ask.get_environ()
    return partial(_answered, app, environ, environ["wsgi.input"].read())


def _answered(app: Flask, environ: dict[str, Any], body: bytes) -> None:
    _, status, headers = run_wsgi_app(app, environ | {"wsgi.input": BytesIO(body)})
    if status[:3] != "303" or headers["Location"].endswith("/l/"):
        raise AssertionError(f"{status} {headers['Location']}")


def _button(app: Flask, token: str) -> Call:
    """Open a link as a browser does, and stop before its button is pressed."""
    browser = app.test_client(use_cookies=False)
    opened = browser.get(f"/l/{token}", base_url=ORIGIN)
    cookie = opened.headers["Set-Cookie"].partition(";")[0]
    page = browser.get("/l/", base_url=ORIGIN, headers={"Cookie": cookie})
    [form, *_] = re.findall(r'name="form" value="([^"]+)"', page.text)
    return _post(app, "/l/", form, cookie)


MEASURES: Measures = (("T13", sign_ins),)
