"""Where the routes live: at the path of `base_url`, below whatever root the app has, beside whatever the app has."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from flask_login import LoginManager, current_user, login_required, login_user
from flask_wtf import CSRFProtect, FlaskForm
from werkzeug.middleware.dispatcher import DispatcherMiddleware
from werkzeug.middleware.proxy_fix import ProxyFix
from werkzeug.test import Client
from werkzeug.wrappers import Response

from flask import Flask, redirect, request, url_for
from magiclink import SIGN_IN, ConfigurationError
from tests.exchanges import ANN, ORIGIN, OURS
from tests.flask.site import Shop, new_app, page_of, seal_of

if TYPE_CHECKING:
    from magiclink import Redemption

NOWHERE = Response("nothing here", 404)


def test_below_a_root() -> None:
    """G40: an app that lives below `/app` has its links there; cookies, forms and Locations have the whole path."""
    shop = Shop(path="/app/l/", app=new_app(APPLICATION_ROOT="/app"))
    client = Client(DispatcherMiddleware(NOWHERE, {"/app": shop.app}))
    click_and_press(client, shop.url("sign_in"), "/app/l/")
    assert client.get("/app/invoices", base_url=ORIGIN).text == "signed in: ann"


def test_behind_a_proxy_that_strips_a_prefix() -> None:
    """G40: the same where a proxy takes the prefix off and names it in a header that the app trusts."""
    shop = Shop(path="/app/l/", app=new_app(APPLICATION_ROOT="/app"))
    shop.app.wsgi_app = ProxyFix(shop.app.wsgi_app, x_prefix=1)  # type: ignore[method-assign]
    client = Client(shop.app)
    url = shop.url("sign_in").replace("/app/l/", "/l/")
    prefixed = {**OURS, "X-Forwarded-Prefix": "/app"}
    assert client.get(url.removeprefix(ORIGIN), base_url=ORIGIN, headers=prefixed).location == "/app/l/"
    page = client.get("/l/", base_url=ORIGIN, headers=prefixed)
    assert 'action="/app/l/"' in page.text
    pressed = client.post("/l/", base_url=ORIGIN, headers=prefixed, data={"form": seal_of(page)})
    assert page_of(pressed) == "303 /invoices"


def click_and_press(client: Client, url: str, path: str) -> None:
    """Click a link, press its button, and land."""
    clicked = client.get(url.removeprefix(ORIGIN), base_url=ORIGIN)
    assert clicked.location == path
    page = client.get(path, base_url=ORIGIN)
    assert f'action="{path}"' in page.text
    pressed = client.post(path, base_url=ORIGIN, headers=OURS, data={"form": seal_of(page)})
    assert page_of(pressed) == "303 /invoices"


@pytest.mark.parametrize("path", ["/", "/l/", "/deep/er/links/"])
def test_at_any_path(path: str) -> None:
    """The routes are where `base_url` says, at the root of the site too; the app's own views stay."""
    shop = Shop(path=path, home="/invoices")
    click_and_press(shop.app.test_client(), shop.url("sign_in"), path)
    assert shop.visitor().get("/invoices").text == "signed in: None"


def test_root_that_is_the_links_own() -> None:
    """Where the app's root is the path of `base_url`, the routes are at the app's own `/`."""
    shop = Shop(path="/l/", app=new_app(APPLICATION_ROOT="/l"))
    client = Client(DispatcherMiddleware(NOWHERE, {"/l": shop.app}))
    click_and_press(client, shop.url("sign_in"), "/l/")


def test_base_url_outside_of_the_root() -> None:
    """G40, M16: a path that never reaches this app is found when it is mounted, and the app is left as it was."""
    shop = Shop(app=new_app(APPLICATION_ROOT="/app"), is_mounted=False)
    with pytest.raises(ConfigurationError, match="root"):
        shop.manager.init_app(shop.app)
    assert "magiclink" not in shop.app.extensions


def test_url_of_the_sign_in_page() -> None:
    """The app links to the sign-in page by name."""
    shop = Shop()
    with shop.app.test_request_context():
        assert url_for("magiclink.answer", path="sign-in") == "/l/sign-in"
        assert url_for("magiclink.answer", path="") == "/l/"


@pytest.mark.parametrize("path", ["/deep/l", "/deep//l/{sign_in}", "/deep/L/{sign_in}", "/x/deep/l/{sign_in}"])
def test_beside_the_path(path: str) -> None:
    """What isn't below the path is the app's own 404: no redirect puts it right, for that would repeat the token."""
    shop = Shop(path="/deep/l/")
    answer = shop.visitor().get(path.replace("{sign_in}", shop.tokens["sign_in"]))
    assert answer.status_code == 404
    assert answer.location is None


@pytest.mark.parametrize("path", ["/l//{sign_in}", "/l/{sign_in}/", "/l/{sign_in}//", "/l///x", "/l/./{sign_in}"])
def test_slashes_around_a_token(path: str) -> None:
    """No redirect repeats a token, whatever slashes are around it."""
    shop = Shop()
    answer = shop.visitor().get(path.replace("{sign_in}", shop.tokens["sign_in"]))
    assert page_of(answer) == "404 not-genuine"
    assert shop.tokens["sign_in"] not in str(answer.headers) + answer.text


@pytest.mark.parametrize("rule", ["/<path:anything>", "/<anything>/", "/<one>/<two>"])
def test_catch_all_of_the_app(rule: str) -> None:
    """A view of the app's own that takes any path takes none of ours."""
    app = new_app()
    app.add_url_rule(rule, "any", lambda **_: "the app's own", methods=["GET", "POST"])
    shop = Shop(app=app)
    click_and_press(app.test_client(), shop.url("sign_in"), "/l/")


def test_view_for_any_path_beside_the_root() -> None:
    """Links at the root of a site take what the app has no view for: a view for any path goes before them."""
    app = new_app()
    shop = Shop(app=app, path="/", home="/invoices")
    app.add_url_rule("/pages/<path:anything>", "page", lambda **_: "the app's own")
    assert shop.visitor().get("/pages/a/b").text == "the app's own"
    click_and_press(app.test_client(), shop.url("sign_in"), "/")
    app = new_app()
    shop = Shop(app=app, path="/", home="/invoices")
    app.add_url_rule("/<path:anything>", "any", lambda **_: "the app's own")
    assert [shop.visitor().get(path).text for path in ("/about", "/a/b")] == ["the app's own"] * 2


def test_method_that_nobody_knows() -> None:
    """A method beyond those of HTTP itself is refused, and nothing happens."""
    shop = Shop()
    visitor = shop.visitor()
    page = visitor.open(shop.url("sign_in"))
    for method in ("PROPFIND", "BREW"):
        answer = visitor.client.open(f"{ORIGIN}/l/", method=method, data={"form": seal_of(page)}, headers=OURS)
        assert (answer.status_code, "Set-Cookie" in answer.headers) == (405, False)
    assert page_of(shop.visitor().open(shop.url("sign_in"))) == "200 confirm"


def test_options_is_ours() -> None:
    """OPTIONS isn't answered by the framework: it is 405 with what a route allows."""
    answer = Shop().visitor().client.options(f"{ORIGIN}/l/")
    assert (answer.status_code, answer.headers["Allow"]) == (405, "GET, HEAD, POST")


# CSRF protection.


def protect(order: str) -> Shop:
    """Return an app with Flask-WTF's protection, set up before or after the links."""
    app = new_app()
    shop = Shop(app=app, is_mounted=False)
    csrf = CSRFProtect()
    if order == "before":
        csrf.init_app(app)
    shop.manager.init_app(app)
    if order == "after":
        csrf.init_app(app)

    @app.route("/pay", methods=["GET", "POST"])
    def pay() -> str:
        return str(FlaskForm().csrf_token)

    return shop


@pytest.mark.parametrize("order", ["before", "after"])
def test_first_request_is_a_post(order: str) -> None:
    """Our forms carry no token of Flask-WTF's, and the very first request of a process is let through as any other."""
    shop = protect(order)
    assert page_of(shop.visitor().post("/l/sign-in", {"email": ANN})) == "200 sent"
    assert len(shop.outbox) == 1


@pytest.mark.parametrize("order", ["before", "after"])
def test_our_check_under_protection(order: str) -> None:
    """G34: exempted from Flask-WTF's check, our routes still have their own."""
    shop = protect(order)
    visitor = shop.visitor()
    visitor.press(visitor.open(shop.url("sign_in")))
    for headers in ({"Origin": "https://evil.example"}, {"Origin": "null"}, {}):
        assert page_of(shop.visitor().post("/l/sign-in", {"email": ANN}, headers=headers)) == "403 elsewhere"
    assert len(shop.outbox) == 0


@pytest.mark.parametrize("order", ["before", "after"])
def test_protection_of_the_app(order: str) -> None:
    """The app's own views are protected as before: 400 without Flask-WTF's token, before and after our routes ran."""
    shop = protect(order)
    visitor = shop.visitor()
    for _ in range(2):
        assert visitor.post("/pay").status_code == 400
        assert visitor.open(shop.url("sign_in")).status_code == 200
    token = visitor.get("/pay").text.split('value="')[1].split('"')[0]
    headers = {**OURS, "Referer": f"{ORIGIN}/pay"}
    assert visitor.post("/pay", {"csrf_token": token}, headers=headers).status_code == 200


# Logins, and walls in front of everything.


class Customer:
    """A user, as Flask-Login wants them."""

    is_authenticated = is_active = True
    is_anonymous = False

    def __init__(self, name: str) -> None:
        self.name = name

    def get_id(self) -> str:
        """Name the user."""
        return self.name


def with_login() -> Shop:
    """Return an app that signs in with Flask-Login."""
    app = new_app()
    shop = Shop(app=app, is_mounted=False, signed_in_as=lambda: current_user.get_id())  # noqa: PLW0108  # it's a proxy
    logins = LoginManager(app)
    logins.user_loader(Customer)
    logins.login_view = "/l/sign-in"

    @shop.manager.on_redeemed(SIGN_IN)
    def sign_in(redemption: Redemption) -> None:
        login_user(Customer(redemption.subject))

    def account() -> str:
        return f"account of {current_user.get_id()}"

    app.add_url_rule("/account", "account", login_required(account))
    shop.manager.init_app(app)
    return shop


def test_flask_login() -> None:
    """`login_user` in `on_redeemed` signs in, and a second click leads on."""
    shop = with_login()
    visitor = shop.visitor()
    page = visitor.open(shop.url("sign_in"))
    assert page_of(visitor.press(page)) == "303 /invoices"
    assert visitor.get("/account").text == "account of ann"
    assert page_of(visitor.open(shop.url("sign_in"))) == "303 /invoices"
    stranger = shop.visitor()
    led = stranger.get("/account")
    assert led.location == "/l/sign-in?next=%2Faccount"
    assert page_of(stranger.get(led.location)) == "200 sign-in"


def test_link_of_somebody_else() -> None:
    """G12, G19: whoever is signed in as another reads so and decides, and lands as the one that the link is for."""
    shop = with_login()
    visitor = shop.visitor()
    bob = shop.links.issue(SIGN_IN, subject="bob", recipient="bob@acme.example", destination="/invoices")
    visitor.press(visitor.open(bob.url))
    page = visitor.open(shop.url("sign_in"))
    assert page_of(page) == "200 switch"
    visitor.press(page)
    assert visitor.get("/account").text == "account of ann"


def test_login_wall() -> None:
    """A wall in `before_request` lets the blueprint `magiclink` through, and all else behind it opens by links."""
    app = new_app()

    @app.before_request
    def wall() -> Response | None:
        if request.blueprint == "magiclink" or request.endpoint == "invoice" or current_user.is_authenticated:
            return None
        return redirect("/l/sign-in", 303)

    shop = Shop(app=app, is_mounted=False)
    LoginManager(app).user_loader(Customer)
    shop.manager.init_app(app)
    visitor = shop.visitor()
    assert visitor.get("/invoices").location == "/l/sign-in"
    assert visitor.open(shop.url("invoice")).text == "invoice 1001 of ann"
    assert page_of(visitor.open(shop.url("sign_in"))) == "200 confirm"


def test_host_that_the_app_refuses() -> None:
    """H04: where the app trusts its own hosts alone, another is Flask's 400, before anything of ours."""
    shop = Shop(app=new_app(TRUSTED_HOSTS=["billing.example"]))
    url = shop.url("invoice").removeprefix(ORIGIN)
    assert shop.app.test_client().get(url, base_url="https://evil.example").status_code == 400
    assert shop.app.test_client().get(url, base_url=ORIGIN).status_code == 303


def test_blueprint_of_an_app_factory() -> None:
    """A manager made at import time is mounted by a factory, after views of a blueprint were guarded by it."""
    shop = Shop(is_mounted=False)
    assert isinstance(shop.app, Flask)
    shop.manager.init_app(shop.app)
    assert shop.visitor().open(shop.url("invoice")).text == "invoice 1001 of ann"
