"""Signing in under a new session: what was planted before is worth nothing, and a step-up keeps what there is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from flask.sessions import SessionInterface, SessionMixin

from flask import session
from magiclink import INVOICE, SIGN_IN, STEP_UP
from tests.exchanges import ANN, ORIGIN
from tests.flask.site import Shop, Visitor, new_app, page_of, remember

if TYPE_CHECKING:
    from flask import Flask, Request, Response
    from magiclink import Redemption


class Kept(dict[str, Any], SessionMixin):
    """A session that is kept on the server, by its id."""

    sid = ""


class OnServer(SessionInterface):
    """Sessions on the server, as Flask-Session keeps them: an empty one gets no new id from `regenerate`."""

    def __init__(self) -> None:
        self.kept: dict[str, dict[str, Any]] = {}
        self.made = 0

    def new_id(self) -> str:
        """Name a session."""
        self.made += 1
        return f"session-{self.made}"

    def open_session(self, app: Flask, request: Request) -> Kept:
        """Read the session that a browser names, whoever gave it that name."""
        sid = request.cookies.get("session") or self.new_id()
        kept = Kept(self.kept.get(sid, {}))
        kept.sid = sid
        return kept

    def save_session(self, app: Flask, session: SessionMixin, response: Response) -> None:
        """Keep a session that holds something, or forget it."""
        assert isinstance(session, Kept)
        self.kept.pop(session.sid, None)
        if session:
            self.kept[session.sid] = dict(session)
            response.set_cookie("session", session.sid)

    def regenerate(self, session: Kept) -> None:
        """Forget the id, as Flask-Session does: for a session that holds something."""
        if session:
            self.kept.pop(session.sid, None)
            session.sid = self.new_id()


def on_server() -> tuple[Shop, OnServer]:
    """Return an app with sessions on the server, and them."""
    app, interface = new_app(), OnServer()
    app.session_interface = interface
    return Shop(INVOICE, SIGN_IN, STEP_UP, app=app, is_mounted=False), interface


def signed_in(shop: Shop, visitor: Visitor, policy: Any = SIGN_IN) -> str:
    """Sign in by a fresh link, and tell where that leads."""
    link = shop.links.issue(policy, subject="ann", recipient=ANN, destination="/invoices")
    return page_of(visitor.press(visitor.open(link.url)))


@pytest.mark.parametrize("planted", [{}, {"cart": "the attacker's"}])
def test_planted_session(planted: dict[str, str]) -> None:
    """G16: an id that an attacker has planted, with or without contents, is dead after the sign-in."""
    shop, interface = on_server()
    shop.manager.on_redeemed(STEP_UP)(remember)
    shop.manager.init_app(shop.app)
    interface.kept["planted"] = planted
    victim, attacker = shop.visitor(), shop.visitor()
    for visitor in (victim, attacker):
        visitor.client.set_cookie("session", "planted", domain="billing.example")
    assert signed_in(shop, victim) == "303 /invoices"
    assert victim.get("/invoices").text == "signed in: ann"
    assert attacker.get("/invoices").text == "signed in: None"
    assert all("cart" not in kept for kept in interface.kept.values())


def test_new_id_before_the_app_signs_in() -> None:
    """G16: `on_redeemed` finds a session that is new and empty, and may write down its id."""
    shop, interface = on_server()
    seen: list[tuple[str, dict[str, Any]]] = []

    @shop.manager.on_redeemed(SIGN_IN)
    def sign_in(redemption: Redemption) -> None:
        sid = session.sid  # type: ignore[attr-defined]  # a Kept, behind its proxy
        seen.append((sid, {name: value for name, value in session.items() if value is not None}))
        session["who"] = redemption.subject

    shop.manager.on_redeemed(STEP_UP)(remember)
    shop.manager.init_app(shop.app)
    interface.kept["planted"] = {"cart": "x"}
    visitor = shop.visitor()
    visitor.client.set_cookie("session", "planted", domain="billing.example")
    signed_in(shop, visitor)
    [(sid, contents)] = seen
    assert (sid in interface.kept, contents) == (True, {})


def test_failing_on_redeemed() -> None:
    """Where the app fails to sign in, nobody is signed in; the same button works again, within `reclick`."""
    shop = Shop(app=new_app(PROPAGATE_EXCEPTIONS=False))
    fails = [True]

    @shop.manager.on_redeemed(SIGN_IN)
    def sign_in(redemption: Redemption) -> None:
        if fails.pop():
            fails.append(False)
            raise RuntimeError("the database of users is down")
        session["who"] = redemption.subject

    visitor = shop.visitor()
    page = visitor.open(shop.url("sign_in"))
    assert visitor.press(page).status_code == 500
    assert visitor.get("/invoices").text == "signed in: None"
    assert page_of(visitor.press(page)) == "303 /invoices"
    assert visitor.get("/invoices").text == "signed in: ann"


def with_step_up() -> Shop:
    """Return an app in which something that matters asks for a step-up."""
    shop = Shop(INVOICE, SIGN_IN, STEP_UP)

    @shop.manager.on_redeemed(STEP_UP)
    def step_up(redemption: Redemption) -> str:
        session["proved"] = True
        return "/transfers"

    @shop.app.get("/basket")
    def basket() -> str:
        session.setdefault("basket", "three things")
        return f"{session.get('who')}, {session['basket']}, {session.get('proved')}"

    return shop


def test_session_of_a_step_up() -> None:
    """A step-up keeps the session and adds to it; where it leads is the app's word."""
    shop = with_step_up()
    visitor = shop.visitor()
    signed_in(shop, visitor)
    visitor.get("/basket")
    assert signed_in(shop, visitor, STEP_UP) == "303 /transfers"
    assert visitor.get("/basket").text == "ann, three things, True"


def test_session_of_a_sign_in() -> None:
    """Any other sign-in clears it: what was put there before belongs to nobody."""
    shop = with_step_up()
    visitor = shop.visitor()
    visitor.get("/basket")
    with visitor.client.session_transaction(base_url=ORIGIN) as planted:
        planted["basket"] = "the attacker's"
    signed_in(shop, visitor)
    assert visitor.get("/basket").text == "ann, three things, None"


def test_step_up_of_a_stranger() -> None:
    """A step-up link is for the one who is signed in: nobody else may press its button."""
    shop = with_step_up()
    link = shop.links.issue(STEP_UP, subject="ann", recipient=ANN)
    assert page_of(shop.visitor().open(link.url)) == "403 not-admitted"
    visitor = shop.visitor()
    signed_in(shop, visitor)
    assert page_of(visitor.open(link.url)) == "200 confirm"


def test_signed_out_by_the_app() -> None:
    """After the app has cleared its session, nobody is signed in for the links either."""
    shop = with_step_up()

    @shop.app.post("/sign-out")
    def sign_out() -> str:
        session.clear()
        return "bye"

    visitor = shop.visitor()
    signed_in(shop, visitor)
    link = shop.links.issue(STEP_UP, subject="ann", recipient=ANN)
    visitor.post("/sign-out")
    assert page_of(visitor.open(link.url)) == "403 not-admitted"
