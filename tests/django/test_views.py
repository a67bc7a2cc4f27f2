"""The routes within a site: beside its middleware, its walls and its databases, and what is written down of them."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

import pytest
from django.db import connections
from django.http import HttpRequest, HttpResponse
from django.test import Client, RequestFactory
from django.urls import include, path, re_path

from magiclink import ConfigurationError, StoreError
from magiclink.django import views
from tests.django.site import HOST, MIDDLEWARE, Shop, Visitor, ann, page_of, seal_of, text_of, written
from tests.django.urls import urlpatterns as plain
from tests.exchanges import ANN, OURS

if TYPE_CHECKING:
    from pytest_django.fixtures import Settings

pytestmark = pytest.mark.django_db


def own(request: HttpRequest, **_: str) -> HttpResponse:
    """Answer for the site."""
    return HttpResponse("the site's own")


urlpatterns = [
    path("l/help", own),
    *plain,
    path("app/account/", include("magiclink.django.urls")),
    path("", include("magiclink.django.urls")),
    re_path("", own),
]


def click_and_press(shop: Shop, url: str, where: str, **options: Any) -> None:
    """Click a link, press its button, and land."""
    visitor = shop.visitor()
    assert visitor.get(url, **options)["Location"] == where
    page = visitor.get(where, **options)
    assert f'action="{where}"' in text_of(page)
    assert page_of(visitor.post(where, {"form": seal_of(page)}, **options)) == "303 /invoices"


# Where the routes are.


@pytest.mark.parametrize(
    ("urlconf", "where", "is_ours"),
    [
        (None, "/l/x", True),
        (None, "/l", False),
        (None, "/invoices", False),
        ("tests.django.test_views", "/l/help", False),
        ("tests.django.test_views", "/l/helps", True),
    ],
)
def test_paths_that_the_view_answers(urlconf: str | None, where: str, is_ours: bool) -> None:
    """A path is ours if our view answers it: not one without a route, nor a view that the site has in between."""
    assert views.is_answered(where, urlconf) is is_ours


@pytest.mark.parametrize("mount", ["/l/", "/app/account/", "/"])
def test_at_any_path(mount: str, settings: Settings) -> None:
    """The routes are where `base_url` says and the site includes them, at the root too."""
    ann()
    settings.ROOT_URLCONF = "tests.django.test_views"
    shop = Shop(settings, path=mount, HOME="/invoices")
    click_and_press(shop, shop.url("sign_in"), mount)
    assert text_of(shop.visitor().get("/invoices")) == "signed in: AnonymousUser"


@pytest.mark.parametrize("forced", [None, "/app"])
def test_below_a_prefix(forced: str | None, settings: Settings) -> None:
    """G40: a site below a path of its host has its links there; cookies, forms and Locations have the whole path."""
    ann()
    shop = Shop(settings, path="/app/l/")
    settings.FORCE_SCRIPT_NAME = forced
    options: dict[str, Any] = {"SCRIPT_NAME": "/app"} if forced is None else {}
    visitor = Visitor(Client(enforce_csrf_checks=True, **options))
    assert visitor.get(shop.url("sign_in").replace("/app/", "/"))["Location"] == "/app/l/"
    page = visitor.get("/l/")
    assert 'action="/app/l/"' in text_of(page)
    assert page_of(visitor.post("/l/", {"form": seal_of(page)})) == "303 /invoices"


@pytest.mark.parametrize(("path", "message"), [("/app/l/", "outside"), ("/links/", "another path")])
def test_routes_elsewhere(path: str, message: str, settings: Settings, caplog: pytest.LogCaptureFixture) -> None:
    """M16: routes that are included where `base_url` doesn't lead are an error, which repeats no token."""
    shop = Shop(settings, path=path)
    settings.MIDDLEWARE = [each for each in MIDDLEWARE if "MagicLink" not in each]
    settings.FORCE_SCRIPT_NAME = "/other" if path == "/app/l/" else None
    client = Client(raise_request_exception=False)
    assert client.get(f"/l/{shop.tokens['sign_in']}", headers={"Host": HOST}).status_code == 500
    assert message in caplog.text
    assert shop.tokens["sign_in"] not in caplog.text
    with pytest.raises(ConfigurationError, match=message):
        Client().get("/l/", headers={"Host": HOST})


def test_view_of_the_site_below_our_path(settings: Settings) -> None:
    """A view that the site has before the routes, below the same path, is the site's."""
    settings.ROOT_URLCONF = "tests.django.test_views"
    assert text_of(Shop(settings).visitor().get("/l/help")) == "the site's own"


@pytest.mark.parametrize("slash", [True, False])
def test_missing_slash(slash: bool, settings: Settings) -> None:
    """No redirect that adds a slash repeats a token, or its query."""
    settings.APPEND_SLASH = slash
    shop = Shop(settings)
    visitor = shop.visitor()
    answers = [visitor.get(f"/l/{shop.tokens['sign_in']}{end}") for end in ("/", "//", "/x", "%2F")]
    answers.append(visitor.get(f"/l/?token={shop.tokens['sign_in']}"))
    assert [page_of(answer) for answer in answers] == ["404 not-genuine"] * 5
    assert shop.tokens["sign_in"] not in "".join(map(str, answers)) + "".join(str(each.headers) for each in answers)
    assert visitor.get("/l").status_code == (301 if slash else 404)


# Beside the site's middleware and databases.


def test_first_request_is_a_post(settings: Settings) -> None:
    """G34: our forms need no token of Django's, and our own check stands without it."""
    shop = Shop(settings)
    assert page_of(shop.visitor().post("/l/sign-in", {"email": ANN})) == "200 sent"
    for headers in ({"Origin": "https://evil.example"}, {"Origin": "null"}, {}):
        answer = shop.visitor().post("/l/sign-in", {"email": ANN}, headers={"Host": HOST, **headers})
        assert page_of(answer) == "403 elsewhere"
    assert len(shop.outbox) == 1
    assert shop.visitor().post("/invoices").status_code == 403


def test_wall_of_logins(settings: Settings) -> None:
    """LoginRequiredMiddleware lets our routes through: a redirect to the login would take the token along."""
    ann()
    wall = "django.contrib.auth.middleware.LoginRequiredMiddleware"
    shop = Shop(settings)
    settings.MIDDLEWARE = [*MIDDLEWARE, wall]
    click_and_press(shop, shop.url("sign_in"), "/l/")


def test_cookies_that_are_strict(settings: Settings) -> None:
    """G37: where session cookies are Strict, the click from a webmail comes without; the page is shown anew, and works.

    What the form shows is who was signed in: nobody then, somebody at the POST, which is one of our own site.
    """
    settings.SESSION_COOKIE_SAMESITE = "Strict"
    shop = Shop(settings)
    visitor = shop.visitor()
    visitor.client.force_login(ann(), backend="tests.django.site.ByName")
    session = visitor.client.cookies.pop("sessionid")
    page = visitor.open(shop.url("sign_in"))
    visitor.client.cookies["sessionid"] = session.value
    assert page_of(visitor.press(page)) == "303 /l/"
    assert page_of(visitor.press(visitor.get("/l/"))) == "303 /invoices"
    assert visitor.client.cookies["sessionid"]["samesite"] == "Strict"


@pytest.mark.django_db(databases=["default", "other"])
def test_request_in_a_transaction(settings: Settings) -> None:
    """With ATOMIC_REQUESTS our routes are outside of it, on every database: a rollback can't take back a use."""
    seen: list[bool] = []

    def describe(_: object) -> str:
        seen.extend(connections[alias].in_atomic_block for alias in connections)
        return "Acme"

    shop = Shop(settings, DESCRIBE=describe)
    for alias in connections:
        settings.DATABASES[alias]["ATOMIC_REQUESTS"] = True
    try:
        assert {*connections} <= views.answer._non_atomic_requests  # type: ignore[attr-defined]
        assert page_of(shop.visitor().open(shop.url("sign_in"))) == "200 confirm"
    finally:
        for alias in connections:
            settings.DATABASES[alias]["ATOMIC_REQUESTS"] = False
    assert seen


def test_site_wide_cache(settings: Settings) -> None:
    """G30: the site's own cache keeps none of our pages: the next one is of the link as it is then."""
    cached = "django.middleware.cache"
    ann()
    shop = Shop(settings)
    settings.MIDDLEWARE = [
        f"{cached}.UpdateCacheMiddleware",
        *MIDDLEWARE,
        f"{cached}.FetchFromCacheMiddleware",
    ]
    visitor = shop.visitor()
    visitor.get(shop.url("sign_in"))
    assert page_of(visitor.get("/l/")) == "200 confirm"
    shop.links.revoke_all(subject="ann")
    assert page_of(visitor.get("/l/")) == "410 revoked"


@pytest.mark.parametrize("method", ["PROPFIND", "BREW", "CONNECT", "get"])
def test_method_that_nobody_knows(method: str, settings: Settings) -> None:
    """A method beyond those of HTTP itself is refused, and nothing happens; Django writes them all in capitals."""
    shop = Shop(settings)
    answer = shop.visitor().client.generic(method, "/l/sign-in", secure=True, headers={"Host": HOST, **OURS})
    assert answer.status_code == (200 if method == "get" else 405)


def test_host_that_the_site_refuses(settings: Settings, caplog: pytest.LogCaptureFixture) -> None:
    """H04: another host than the site's own is Django's 400, and no token is in what is written of it."""
    caplog.set_level(logging.DEBUG)
    shop = Shop(settings)
    answer = shop.visitor().get(shop.url("sign_in"), headers={"Host": "evil.example"})
    assert answer.status_code == 400
    assert shop.tokens["sign_in"] not in written(caplog)


# What is written down.


def fail(*_: object, **__: object) -> Any:
    """Fail, as a store that can't be reached."""
    raise StoreError("down")


@pytest.mark.parametrize("has_middleware", [True, False])
def test_token_in_a_log(has_middleware: bool, settings: Settings, caplog: pytest.LogCaptureFixture) -> None:
    """M04, M05: at DEBUG nothing logged or reported of a 404, 405, 413 or 503 holds a token, wherever the token was."""
    caplog.set_level(logging.DEBUG)
    shop = Shop(settings)
    if not has_middleware:
        settings.MIDDLEWARE = [each for each in MIDDLEWARE if "MagicLink" not in each]
    visitor, token = shop.visitor(), shop.tokens["invoice"]
    pages = [visitor.get(f"/l/{token}/x"), visitor.get(f"/l/?token={token}")]
    pages.append(visitor.post(f"/l/{token}"))
    pages.append(visitor.post(f"/l/{token}", {"padding": "x" * 20_000}))
    shop.links.flows.store.get = fail  # type: ignore[method-assign]
    pages.append(visitor.get(f"/l/{token}"))
    assert [page.status_code for page in pages] == [404, 404, 405, 413, 503]
    assert len([record for record in caplog.records if record.name == "django.request"]) == 5
    assert token not in written(caplog)


@pytest.mark.parametrize("call", ["DESCRIBE", "ADMIT", "SIGNED_IN_AS"])
def test_token_in_an_error_report(call: str, settings: Settings, caplog: pytest.LogCaptureFixture) -> None:
    """M04: what the site's own code raises is reported without a token, a seal or an address that was typed."""

    def broken(_: object) -> str:
        raise ValueError("the site's own mistake")

    options: dict[str, Any] = {call: broken}
    shop = Shop(settings, **options)
    client = Client(raise_request_exception=False)
    visitor = Visitor(client)
    visitor.get(shop.url("sign_in"))
    assert visitor.get("/l/").status_code == 500
    form = {"form": "a-seal", "email": ANN}
    posted = visitor.post("/l/sign-in", form)
    text = written(caplog)
    assert "the site's own mistake" in text
    assert (shop.tokens["sign_in"] in text, shop.tokens["invoice"] in text) == (False, False)
    cookies = [morsel.value for morsel in client.cookies.values()]
    assert not [value for value in cookies if value and value in text]
    if call == "SIGNED_IN_AS":
        assert posted.status_code == 500
        assert ("a-seal" in text, ANN in text) == (False, False)


def test_view_hides_its_variables() -> None:
    """The view says itself that nothing of its form and its variables belongs into a report."""
    request = RequestFactory().post("/l/", {"email": ANN})
    assert views.answer(request).status_code == 400
    assert vars(request)["sensitive_post_parameters"] == "__ALL__"
    assert views.answer.csrf_exempt  # type: ignore[attr-defined]
    assert not views.answer.login_required  # type: ignore[attr-defined]
