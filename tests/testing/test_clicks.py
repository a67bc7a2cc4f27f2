"""The scanner and the double click, over every test client that can be imported here."""

from __future__ import annotations

from typing import Any

import pytest
from werkzeug.middleware.dispatcher import DispatcherMiddleware
from werkzeug.test import Client
from werkzeug.wrappers import Response

from flask import redirect, request
from magiclink import SIGN_IN, BadArgumentError
from magiclink.testing import double_click, scan
from magiclink.testing.clicks import MOST_REDIRECTS, Answer
from tests.exchanges import ORIGIN
from tests.flask.site import Shop, new_app, page_of


def statuses(answers: tuple[Answer, ...]) -> list[str]:
    """Tell answers by their methods and statuses."""
    return [f"{answer.method} {answer.status}" for answer in answers]


def test_scanner_of_a_document() -> None:
    """A scanner sees the document, as anybody with the mail does, and the customer after it."""
    shop = Shop()
    answers = scan(shop.app.test_client(), shop.url("invoice"))
    assert statuses(answers) == ["HEAD 303", "GET 303", "GET 303", "GET 200"]
    assert answers[-1].text == "invoice 1001 of ann"
    assert shop.visitor().open(shop.url("invoice")).text == "invoice 1001 of ann"


def test_scanner_of_a_sign_in() -> None:
    """G02, G04, G06: a scanner comes to the button, presses nothing, and the link is still good afterwards."""
    shop = Shop()
    answers = scan(shop.app.test_client(), shop.url("sign_in"))
    assert statuses(answers) == ["HEAD 303", "GET 303", "GET 303", "GET 200"]
    assert answers[2].location == "/l/"
    assert "<button" in answers[3].text
    visitor = shop.visitor()
    assert page_of(visitor.press(visitor.open(shop.url("sign_in")))) == "303 /invoices"


def test_scanner_of_a_link_that_get_uses_up() -> None:
    """An app whose GET uses the link is found out: that's what the scanner is for."""
    shop = Shop()

    @shop.app.get("/careless/<token>")
    def careless(token: str) -> str:
        return shop.links.redeem(token, SIGN_IN).subject

    shop.app.testing = False
    answers = scan(shop.app.test_client(), f"{ORIGIN}/careless/{shop.tokens['sign_in']}")
    assert statuses(answers) == ["HEAD 200", "GET 500", "GET 500"]


def test_scanner_led_away() -> None:
    """Redirects to other sites are not followed, and redirects without an end are given up."""
    shop = Shop()
    shop.app.add_url_rule("/away", "away", lambda: redirect("https://evil.example/"))
    shop.app.add_url_rule("/round", "round", lambda: redirect("/round"))
    client = shop.app.test_client()
    assert statuses(scan(client, f"{ORIGIN}/away")) == ["HEAD 302", "GET 302", "GET 302"]
    assert len(scan(client, f"{ORIGIN}/round")) == 2 + MOST_REDIRECTS


def test_double_click() -> None:
    """F15, G15: both presses land in the same place, and the customer is signed in."""
    shop = Shop()
    client = shop.app.test_client()
    first, second = double_click(client, shop.url("sign_in"))
    assert (first.status, first.location) == (second.status, second.location) == (303, "/invoices")
    assert client.get(f"{ORIGIN}/invoices").text == "signed in: ann"
    assert shop.links.inspect(shop.links.find(policy=SIGN_IN)[0].link_id).uses == 1


def test_presses_of_one_moment() -> None:
    """The second press leaves before the first answer has come: it knows nothing of its cookies."""
    shop = Shop()
    sent: list[str] = []

    @shop.app.before_request
    def watch() -> None:
        if request.method == "POST":
            sent.append(request.headers["Cookie"])

    double_click(shop.app.test_client(), shop.url("sign_in"))
    assert sent[0] == sent[1]
    assert "session=" not in sent[1]


def test_double_click_on_nothing() -> None:
    """A page without a button is no page to press twice."""
    shop = Shop()
    with pytest.raises(AssertionError, match="the answer was 200"):
        double_click(shop.app.test_client(), shop.url("invoice"))
    with pytest.raises(AssertionError, match="the answer was 404"):
        double_click(shop.app.test_client(), f"{ORIGIN}/l/x")


def test_main_button_among_others() -> None:
    """In a page of the app's own, the form of the main button is meant, or else the first that carries our seal."""
    search = '<form action="/search"><input name="q"><button class="main">Find</button></form><input name="form">'
    ours = '<form method="post" action="/l/{}"><input name="form" value="{}"><button{}>x</button></form>'
    shop = Shop()
    posted: list[tuple[str, dict[str, str]]] = []

    @shop.app.route("/own/<path:rest>", methods=["GET"])
    def own(rest: str) -> str:
        forms = [ours.format("a", "1", ""), ours.format("b", "2", " class='main'" if rest == "main" else "")]
        return search + "".join(forms)

    @shop.app.before_request
    def watch() -> str | None:
        if request.method == "POST":
            posted.append((request.path, dict(request.form)))
            return "taken"
        return None

    for rest in ("main", "first"):
        double_click(shop.app.test_client(), f"{ORIGIN}/own/{rest}")
    assert posted == [("/l/b", {"form": "2"})] * 2 + [("/l/a", {"form": "1"})] * 2


def test_below_a_root() -> None:
    """G40: an app below a root is visited there, by its own client and through a dispatcher."""
    for dispatched in (False, True):
        shop = Shop(path="/app/l/", app=new_app(APPLICATION_ROOT="/app"))
        mounted = DispatcherMiddleware(Response("nothing here", 404), {"/app": shop.app})
        client = Client(mounted) if dispatched else shop.app.test_client()
        first, second = double_click(client, shop.url("sign_in"))
        assert (first.status, second.status) == (303, 303)


def test_what_is_no_client() -> None:
    """Something that is no test client is refused."""
    for call in (scan, double_click):
        with pytest.raises(BadArgumentError, match="Flask"):
            call(object(), f"{ORIGIN}/l/x")


def test_answers_in_a_log() -> None:
    """The repr of an answer shows neither a page nor a token."""
    shop = Shop()
    output = repr(scan(shop.app.test_client(), shop.url("sign_in")))
    assert shop.tokens["sign_in"] not in output
    assert "<button" not in output


# The same conversation in the frameworks that have no adapter yet, over the plain WSGI app.


@pytest.fixture
def signed_in() -> list[str]:
    """Remember who was signed in."""
    return []


def test_starlette(signed_in: list[str]) -> None:
    """Starlette's client, which is httpx's, behaves the same."""
    pytest.importorskip("httpx2", reason="Starlette's test client is needed, and httpx2 for it")
    from starlette.testclient import TestClient

    shop = Shop()
    shop.manager.on_redeemed(SIGN_IN)(lambda redemption: signed_in.append(redemption.subject))
    client = TestClient(Bridge(shop), base_url=ORIGIN)
    assert statuses(scan(client, shop.url("sign_in"))) == ["HEAD 303", "GET 303", "GET 303", "GET 200"]
    first, second = double_click(TestClient(Bridge(shop), base_url=ORIGIN), shop.url("sign_in"))
    assert (first.status, first.location) == (second.status, second.location) == (303, "/invoices")
    assert signed_in == ["ann", "ann"]


def test_httpx(signed_in: list[str]) -> None:
    """And so is httpx's own, over any WSGI application."""
    httpx = pytest.importorskip("httpx", reason="httpx is needed")
    shop = Shop()
    shop.manager.on_redeemed(SIGN_IN)(lambda redemption: signed_in.append(redemption.subject))
    with httpx.Client(transport=httpx.WSGITransport(app=shop.app)) as client:
        assert statuses(scan(client, shop.url("sign_in"))) == ["HEAD 303", "GET 303", "GET 303", "GET 200"]
        first, second = double_click(client, shop.url("sign_in"))
    assert (first.status, first.location) == (second.status, second.location) == (303, "/invoices")
    assert signed_in == ["ann", "ann"]


class Bridge:
    """The Flask app as an ASGI application, as far as these requests need it."""

    def __init__(self, shop: Shop) -> None:
        self._client = shop.app.test_client(use_cookies=False)

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Answer one request."""
        headers = [(name.decode(), value.decode()) for name, value in scope["headers"]]
        body = (await receive()).get("body", b"")
        answer = self._client.open(scope["path"], base_url=ORIGIN, method=scope["method"], headers=headers, data=body)
        raw = [(name.lower().encode(), value.encode()) for name, value in answer.headers.to_wsgi_list()]
        await send({"type": "http.response.start", "status": answer.status_code, "headers": raw})
        await send({"type": "http.response.body", "body": answer.data})


def test_django(signed_in: list[str]) -> None:
    """Django's client behaves the same."""
    pytest.importorskip("django", reason="Django's test client is needed")
    from django.conf import settings
    from django.http import HttpRequest, HttpResponse
    from django.test import Client as DjangoClient
    from django.urls import re_path

    shop = Shop()
    shop.manager.on_redeemed(SIGN_IN)(lambda redemption: signed_in.append(redemption.subject))
    inner = shop.app.test_client(use_cookies=False)

    def view(request: HttpRequest) -> HttpResponse:
        given = {name: value for name, value in request.headers.items() if name != "Content-Length"}
        answer = inner.open(
            request.path, base_url=ORIGIN, method=request.method, headers=given, data=request.body or None
        )
        response = HttpResponse(answer.data, status=answer.status_code)
        for name, value in answer.headers:
            if name == "Set-Cookie":
                response.cookies.load(value)
            else:
                response.headers[name] = value
        return response

    class Urls:
        urlpatterns = (re_path("", view),)

    if not settings.configured:
        settings.configure(ALLOWED_HOSTS=["*"], ROOT_URLCONF=Urls, SECRET_KEY="of these tests", USE_TZ=True)
        import django

        django.setup()
    from django.test import override_settings

    with override_settings(ROOT_URLCONF=Urls, ALLOWED_HOSTS=["*"], MIDDLEWARE=[]):
        assert statuses(scan(DjangoClient(), shop.url("sign_in"))) == ["HEAD 303", "GET 303", "GET 303", "GET 200"]
        first, second = double_click(DjangoClient(), shop.url("sign_in"))
    assert (first.status, first.location) == (second.status, second.location) == (303, "/invoices")
    assert signed_in == ["ann", "ann"]
