"""The Flask app: the supplier's desk, the customer's pages, and the library's own routes at the path of `base_url`.

The desk has no login, for this is a demonstration: whoever reaches it is the supplier. It is served on loopback only.
"""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

from werkzeug.exceptions import HTTPException, SecurityError

from flask import Flask, abort, render_template, request
from magiclink import BadArgumentError, ReissueRefusedError, UnavailableError

from ..story import words
from ..story.books import SUPPLIER
from . import accounts, customer, supplier
from .ledger import UnknownError
from .policies import SIGN_IN

if TYPE_CHECKING:
    from collections.abc import Callable

    from flask import Response

    from .demo import Demo

_HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
    ),
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
}


def create_app(demo: Demo) -> Flask:
    """Build the app over an opened demonstration."""
    app = Flask(__name__)
    app.config.update(
        SECRET_KEY=secrets.token_bytes(32),
        SESSION_COOKIE_SAMESITE="Lax",
        MAX_CONTENT_LENGTH=16_384,
        # The desk has no login: no other host name may be pointed here to read it (DNS rebinding).
        TRUSTED_HOSTS=["127.0.0.1"],
    )
    app.extensions["invoicing"] = demo
    app.register_blueprint(supplier.desk)
    app.register_blueprint(customer.pages(demo.invoicing))
    demo.invoicing.manager.on_redeemed(SIGN_IN)(accounts.sign_in)
    demo.invoicing.manager.init_app(app)
    app.before_request(_refuse_elsewhere)
    app.after_request(_with_headers)
    app.jinja_env.filters.update(money=words.money, stamp=words.stamp, sentence=words.sentence)
    app.context_processor(lambda: {"now": demo.clock.now(), "supplier": SUPPLIER})
    _explain_errors(app)
    return app


def _refuse_elsewhere() -> None:
    """Refuse a form that another site's page submits; the library's routes have their own check and their own page."""
    if request.method != "POST" or request.blueprint == "magiclink":
        return
    is_ours = request.headers.get("Origin") in (None, request.host_url.rstrip("/"))
    if not is_ours or request.headers.get("Sec-Fetch-Site") not in (None, "same-origin"):
        abort(403, "This form was not sent by a page of this site, so nothing was done.")


def _with_headers(response: Response) -> Response:
    for name, value in _HEADERS.items():
        response.headers.setdefault(name, value)
    return response


def _explain_errors(app: Flask) -> None:
    for kind, status, title in (
        (UnknownError, 404, "Not in the books"),
        (BadArgumentError, 400, "That cannot be taken"),
        (ReissueRefusedError, 409, "No fresh link now"),
        (UnavailableError, 503, "Please try again in a minute"),
    ):
        app.register_error_handler(kind, _explained(status, title))
    app.register_error_handler(HTTPException, _page_of)
    # Of another host's name not even an address of ours can be made.
    app.register_error_handler(SecurityError, lambda _: ("This host name is not ours.", 400))


def _explained(status: int, title: str) -> Callable[[Exception], tuple[str, int]]:
    def page(error: Exception) -> tuple[str, int]:
        retry_at = getattr(error, "retry_at", None)
        return render_template("error.html", title=title, text=str(error), retry_at=retry_at), status

    return page


def _page_of(error: HTTPException) -> tuple[str, int]:
    return render_template("error.html", title=error.name, text=error.description or ""), error.code or 500
