"""`request.magiclink`, and the token that no later middleware sees."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

import pytest
from asgiref.sync import async_to_sync
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.test import AsyncClient, RequestFactory
from django.urls import path

from magiclink import INVOICE, SIGN_IN, ConfigurationError, StoreError
from magiclink.django.middleware import MagicLinkMiddleware
from tests.django.site import MIDDLEWARE, Shop, page_of, text_of, written
from tests.django.urls import urlpatterns as plain

if TYPE_CHECKING:
    from django.http.response import HttpResponseBase
    from pytest_django.fixtures import Settings

pytestmark = pytest.mark.django_db(transaction=True)


def sync(request: Any, number: int) -> HttpResponse:
    """Say for whom an invoice has been opened."""
    found = request.magiclink.opened(INVOICE, f"invoice:{number}")
    return HttpResponse("nobody" if found is None else found.subject)


async def later(request: Any, number: int) -> HttpResponse:
    """Say it asynchronously."""
    found = await request.magiclink.aopened(INVOICE, f"invoice:{number}")
    return HttpResponse("nobody" if found is None else found.subject)


def template(request: Any) -> HttpResponse:
    """Ask for what no link opens."""
    return JsonResponse({"opened": str(request.magiclink.opened(SIGN_IN, "x"))})


def fail(request: HttpRequest) -> HttpResponse:
    """Fail."""
    raise ValueError("the site's own mistake")


urlpatterns = [
    path("l/of-the-site", fail),
    *plain,
    path("sync/<int:number>", sync),
    path("later/<int:number>", later),
    path("template", template),
    path("fail", fail),
]


@pytest.fixture
def shop(settings: Settings) -> Shop:
    """Return a site with these views."""
    settings.ROOT_URLCONF = "tests.django.test_middleware"
    return Shop(settings)


@pytest.mark.parametrize("kind", ["sync", "later"])
def test_what_this_browser_has_open(kind: str, shop: Shop) -> None:
    """A view asks for whom a document has been opened, in this browser; nothing is refused by asking."""
    visitor = shop.visitor()
    assert text_of(visitor.get(f"/{kind}/1001")) == "nobody"
    visitor.get(shop.url("invoice"))
    assert [text_of(visitor.get(f"/{kind}/{number}")) for number in (1001, 1002)] == ["ann", "nobody"]
    shop.links.revoke_all(subject="ann")
    assert text_of(visitor.get(f"/{kind}/1001")) == "nobody"


@pytest.mark.parametrize("kind", ["sync", "later"])
def test_asynchronous_site(kind: str, shop: Shop) -> None:
    """The same where Django itself is asynchronous."""

    @async_to_sync
    async def visit() -> str:
        client = AsyncClient()
        await client.get(f"/l/{shop.tokens['invoice']}", secure=True)
        return text_of(await client.get(f"/{kind}/1001", secure=True))

    assert visit() == "ann"


def test_store_that_nobody_asked(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    """The store is asked when a view asks, and no sooner; without it the view hears of it."""
    visitor = shop.visitor()
    visitor.get(shop.url("invoice"))

    def down(*_: object, **__: object) -> None:
        raise StoreError("down")

    monkeypatch.setattr(shop.links.flows.store, "get", down)
    assert text_of(visitor.get("/invoices")) == "signed in: AnonymousUser"
    with pytest.raises(StoreError):
        visitor.get("/sync/1001")


def test_policy_that_opens_no_document(shop: Shop) -> None:
    """Asking for what no link opens is a mistake, and is told."""
    with pytest.raises(ConfigurationError, match="opened_by"):
        shop.visitor().get("/template")


SEEN: list[str] = []


def watching(get_response: Any) -> Any:
    """Write down what a later middleware sees of a request."""

    def middleware(request: HttpRequest) -> HttpResponseBase:
        SEEN.append(f"{request} {request.path_info} {request.META} {request.GET}")
        response: HttpResponseBase = get_response(request)
        return response

    return middleware


def test_token_that_a_later_middleware_sees(shop: Shop, settings: Settings) -> None:
    """No middleware after ours sees a token; those before it do."""
    SEEN.clear()
    settings.MIDDLEWARE = [*MIDDLEWARE, "tests.django.test_middleware.watching"]
    token = shop.tokens["invoice"]
    visitor = shop.visitor()
    visitor.get(f"/l/{token}?x={token}")
    visitor.get(f"/l/x/{token}")
    visitor.get(f"/invoices?x={token}")
    assert [token in text for text in SEEN] == [False, False, True]
    settings.MIDDLEWARE = ["tests.django.test_middleware.watching", *MIDDLEWARE]
    shop.visitor().get(f"/l/{token}")
    assert token in SEEN[-1]


@pytest.mark.parametrize("target", ["/invoices/1001?page=2", "/l/of-the-site?page=2", "/lost"])
def test_path_of_the_site(target: str, shop: Shop) -> None:
    """Nothing is taken off the address of a page that isn't ours, below our path or found nowhere too."""
    assert passed(target).get_full_path() == target


def test_routes_that_are_not_included(shop: Shop) -> None:
    """Where a request has other routes, a path below that of `base_url` stays what it is."""
    assert passed("/l/x", urlconf=Empty).path == "/l/x"


class Empty:
    """Routes of a site that has none."""

    urlpatterns: tuple[Any, ...] = ()


def passed(target: str, **attributes: Any) -> HttpRequest:
    """Return a request as what comes after the middleware gets it."""
    request = RequestFactory().get(target)
    vars(request).update(attributes)
    MagicLinkMiddleware(lambda _: HttpResponse())(request)
    return request


def test_site_beside_its_own_prefix(shop: Shop) -> None:
    """Pages of a site go on where the server has it at a path that `base_url` doesn't know of."""
    answer = shop.visitor().get("/invoices", SCRIPT_NAME="/other")
    assert text_of(answer) == "signed in: AnonymousUser"


def test_missing_setting(settings: Settings) -> None:
    """The middleware without `MAGICLINK` is a mistake, told by the first request."""
    settings.MAGICLINK = {}
    with pytest.raises(ConfigurationError, match="LINKS"):
        MagicLinkMiddleware(lambda _: HttpResponse())(RequestFactory().get("/"))


def test_cookie_in_an_error_report(shop: Shop, caplog: pytest.LogCaptureFixture) -> None:
    """M04: what a browser has open isn't told by the report of any mistake of the site's, as its session isn't."""
    caplog.set_level(logging.DEBUG)
    visitor = shop.visitor()
    visitor.client.raise_request_exception = False
    visitor.get(shop.url("invoice"))
    visitor.get(shop.url("sign_in"))
    visitor.client.cookies["plain"] = "shown-to-the-staff"
    assert visitor.get("/fail").status_code == 500
    text = written(caplog)
    assert "shown-to-the-staff" in text
    sealed = [morsel.value for name, morsel in visitor.client.cookies.items() if "magiclink" in name]
    assert len(sealed) == 2
    assert not [value for value in sealed if value in text]


def test_closed_page_of_a_guarded_view(shop: Shop) -> None:
    """Guarded views work beside it as they do without."""
    visitor = shop.visitor()
    assert page_of(visitor.get("/invoices/1001")) == "403 closed"
    visitor.get(shop.url("invoice"))
    assert text_of(visitor.get("/invoices/1001")) == "invoice 1001 of ann"
