"""What passes between a framework and the conversation: frozen values, whose reprs an error reporter may collect."""

from __future__ import annotations

from dataclasses import FrozenInstanceError, fields, replace
from typing import TYPE_CHECKING, Any

import pytest

from magiclink.web import Button, Cookie, Field, Page, Reply, Request
from tests.web.conftest import ANN, ORIGIN

if TYPE_CHECKING:
    from tests.web.conftest import Site

COOKIE = Cookie(name="magiclink-pending-0", value="sealed", max_age=600, secure=True)
VALUES: dict[str, Any] = {
    "request": Request(method="GET", path="new"),
    "field": Field(name="form", value="sealed"),
    "button": Button(label="Open", action="/l/"),
    "page": Page(name="confirm", title="Open"),
    "cookie": COOKIE,
    "reply": Reply(status=200, headers=()),
}


@pytest.mark.parametrize("name", VALUES)
def test_frozen(name: str) -> None:
    """What passes between them can't be changed on its way."""
    value = VALUES[name]
    with pytest.raises(FrozenInstanceError):
        setattr(value, fields(value)[0].name, None)
    assert not hasattr(value, "__dict__")


def test_request_shows_no_secret(site: Site) -> None:
    """Rule 6: the repr of a request shows no token, no address, no cookie and nothing of its headers."""
    token = site.invoice().token
    request = Request(
        method="POST",
        path=token,
        query=(("t", token),),
        form=(("email", ANN),),
        headers={"referer": f"{ORIGIN}/l/{token}", "cookie": "grants=sealed", "authorization": "Bearer x"},
        cookies={"grants": "sealed"},
    )
    shown = repr(request)
    assert not [secret for secret in (token, ANN, "sealed", "Bearer") if secret in shown]
    assert "POST" in shown


def test_seals_are_not_shown() -> None:
    """Rule 6: what a form or a cookie carries isn't in a repr, nor in that of the page or the reply around it."""
    field = Field(name="form", value="sealed")
    page = Page(name="confirm", title="Open", buttons=(Button(label="Open", action="/l/", fields=(field,)),))
    assert "sealed" not in repr(Reply(status=200, headers=(), cookies=(COOKIE,), page=page))


def test_location() -> None:
    """A reply tells where it leads, or None; Location is one of its headers."""
    reply = Reply(status=303, headers=(("Vary", "Cookie"), ("Location", "/l/")))
    assert reply.location == "/l/"
    assert replace(reply, headers=()).location is None


def test_cookie_on_https() -> None:
    """G37: a cookie is for this host alone, out of reach of scripts, and sent along when a mail's link is clicked."""
    expected = "magiclink-pending-0=sealed; Max-Age=600; Path=/; HttpOnly; SameSite=Lax; Secure"
    assert COOKIE.to_header() == expected
    assert "domain" not in COOKIE.to_header().lower()


def test_cookie_on_loopback() -> None:
    """On plain http a browser would drop a Secure cookie: it isn't one."""
    header = replace(COOKIE, secure=False).to_header()
    assert header == "magiclink-pending-0=sealed; Max-Age=600; Path=/; HttpOnly; SameSite=Lax"


def test_cookie_cleared() -> None:
    """A cookie is cleared by an empty value that has run out."""
    assert replace(COOKIE, value="", max_age=0).to_header().startswith("magiclink-pending-0=; Max-Age=0; ")


def test_defaults() -> None:
    """A request without more says nothing: nobody is signed in, and its source is unknown."""
    request = Request(method="GET", path="")
    assert (request.query, request.form, request.headers, request.cookies) == ((), (), {}, {})
    assert (request.source, request.signed_in_as, request.languages) == (None, None, ())
    reply = Reply(status=200, headers=())
    assert (reply.cookies, reply.page, reply.sign_in, reply.keeps_session, reply.after) == ((), None, None, False, None)
