"""Views that a link opens: functions and classes, synchronous and asynchronous."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from asgiref.sync import async_to_sync
from django.test import AsyncClient, Client

from magiclink import INVOICE, ConfigurationError, StoreError
from magiclink.django.decorators import opened_by
from tests.django.guarded import later, sync
from tests.django.site import MIDDLEWARE, Shop, ann, page_of, text_of
from tests.exchanges import ANN

if TYPE_CHECKING:
    from pytest_django.fixtures import Settings

pytestmark = pytest.mark.django_db(transaction=True)
KINDS = ["sync", "later", "Sync", "Later"]


@pytest.fixture
def shop(settings: Settings) -> Shop:
    """Return a site with these views."""
    settings.ROOT_URLCONF = "tests.django.guarded"
    return Shop(settings)


@pytest.mark.parametrize("kind", KINDS)
def test_document_opens_for_its_browser_alone(kind: str, shop: Shop) -> None:
    """One click opens the document in the browser that clicked, and in no other; nor does it open another document."""
    visitor = shop.visitor()
    visitor.get(shop.url("invoice"))
    assert text_of(visitor.get(f"/{kind}/1001")) == "1001 of ann"
    assert page_of(visitor.get(f"/{kind}/1002")) == "403 closed"
    assert page_of(shop.visitor().get(f"/{kind}/1001")) == "403 closed"


@pytest.mark.parametrize("kind", KINDS)
def test_document_in_an_asynchronous_site(kind: str, shop: Shop) -> None:
    """The same where Django itself is asynchronous."""

    @async_to_sync
    async def visit() -> list[str]:
        browser, other = AsyncClient(), AsyncClient()
        url = shop.url("invoice").removeprefix("https://billing.example")
        closed: Any = await browser.get(f"/{kind}/1001", secure=True)
        await browser.get(url, secure=True)
        answers: list[Any] = [await each.get(f"/{kind}/1001", secure=True) for each in (browser, other)]
        return [text_of(answers[0]), *map(page_of, (closed, answers[1]))]

    assert visit() == ["1001 of ann", "403 closed", "403 closed"]


def test_class_of_djangos_own(shop: Shop) -> None:
    """A generic view is guarded as any class, and its template is shown."""
    visitor = shop.visitor()
    assert page_of(visitor.get("/Generic/1001")) == "403 closed"
    visitor.get(shop.url("invoice"))
    assert "<body" in text_of(visitor.get("/Generic/1001"))


@pytest.mark.parametrize("kind", KINDS)
def test_method_of_a_closed_document(kind: str, shop: Shop) -> None:
    """Every method is guarded, those that a class doesn't have too; HEAD gets no body and sets no cookie."""
    for method in ("HEAD", "PUT", "OPTIONS"):
        answer = Client().generic(method, f"/{kind}/1001", secure=True, headers={"Host": "billing.example"})
        assert answer.status_code == 403
        assert method != "HEAD" or (answer.content, answer.cookies.output()) == (b"", "")


@pytest.mark.parametrize("kind", ["Sync", "Later"])
def test_method_that_a_class_has_not(kind: str, shop: Shop) -> None:
    """Once the document is open, the class says itself which methods it has."""
    visitor = shop.visitor()
    visitor.get(shop.url("invoice"))
    visitor.client.handler.enforce_csrf_checks = False
    answer = visitor.client.generic("PATCH", f"/{kind}/1001", secure=True, headers={"Host": "billing.example"})
    assert (answer.status_code, answer["Allow"]) == (405, "GET, HEAD, OPTIONS")


def test_closed_page_leads_on(shop: Shop) -> None:
    """The page of a closed document takes an address, and its mail signs in."""
    visitor = shop.visitor()
    assert page_of(visitor.press(visitor.get("/sync/1001"), email=ANN)) == "200 sent"
    assert page_of(visitor.open(shop.outbox.last.url)) == "200 confirm"


@pytest.mark.parametrize("kind", KINDS)
def test_revoked_while_open(kind: str, shop: Shop) -> None:
    """M14: what a link opened closes at the next request after it was revoked."""
    visitor = shop.visitor()
    visitor.get(shop.url("invoice"))
    shop.links.revoke_all(subject="ann")
    assert page_of(visitor.get(f"/{kind}/1001")) == "403 closed"


@pytest.mark.parametrize("kind", KINDS)
def test_store_down_at_an_open_document(kind: str, shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    """A document is shown only after the store was asked: without it, 503."""
    visitor = shop.visitor()
    visitor.get(shop.url("invoice"))

    def down(*_: object, **__: object) -> None:
        raise StoreError("down")

    monkeypatch.setattr(shop.links.flows.store, "get", down)
    assert page_of(visitor.get(f"/{kind}/1001")) == "503 unavailable"


def cache_all(settings: Settings) -> None:
    """Let the site keep every page that may be kept, as its cache's two middlewares do."""
    cached = "django.middleware.cache"
    settings.MIDDLEWARE = [f"{cached}.UpdateCacheMiddleware", *MIDDLEWARE, f"{cached}.FetchFromCacheMiddleware"]


@pytest.mark.parametrize("kind", [*KINDS, "own_headers"])
def test_opened_page_in_a_cache(kind: str, shop: Shop, settings: Settings) -> None:
    """G30: what one browser may see is kept by no cache, not by the site's own either, and depends on its cookies."""
    cache_all(settings)
    visitor = shop.visitor()
    visitor.get(shop.url("invoice"))
    opened = visitor.get(f"/{kind}/1001")
    assert opened["Cache-Control"] == "private, no-store"
    assert "Cookie" in opened["Vary"]
    shop.links.revoke_all(subject="ann")
    assert page_of(visitor.get(f"/{kind}/1001")) == "403 closed"


def test_headers_of_the_view(shop: Shop) -> None:
    """O11: a view's own headers are kept, but for those that let a cache keep the page."""
    visitor = shop.visitor()
    visitor.get(shop.url("invoice"))
    answer = visitor.get("/own_headers/1001")
    assert (answer.status_code, answer["Cache-Control"], answer["X-Own"]) == (200, "private, no-store", "1")
    assert answer["Vary"].startswith("Accept-Encoding, Cookie")
    assert "X-Accel-Expires" not in answer


def test_view_that_raises(shop: Shop) -> None:
    """What a view raises stays the site's own affair."""
    visitor = shop.visitor()
    visitor.get(shop.url("invoice"))
    assert visitor.get("/missing/1001").status_code == 404


@pytest.mark.parametrize("kind", ["unless", "unless_later", "Sync"])
def test_visitor_who_needs_no_link(kind: str, shop: Shop) -> None:
    """Where the site says so, the view is shown without a redemption."""
    answer = shop.visitor().get(f"/{kind}/1001?staff=1")
    assert text_of(answer) in ("1001 by None", "1001 of nobody")
    assert page_of(shop.visitor().get(f"/{kind}/1001")) == "403 closed"


@pytest.mark.parametrize("kind", ["unless", "unless_later", "Sync", "unless_cached"])
def test_staff_before_a_stranger(kind: str, shop: Shop, settings: Settings) -> None:
    """N03: what staff were let in to see without a link, the site's caches never show to a stranger."""
    cache_all(settings)
    path = f"/{kind}/1001"
    seen = shop.visitor().get(path, headers={"X-Staff": "1"})
    assert (text_of(seen)[:4], seen["Cache-Control"]) == ("1001", "private, no-store")
    assert "Cookie" in seen["Vary"]
    assert page_of(shop.visitor().get(path)) == "403 closed"


def test_unless_that_would_be_awaited(shop: Shop) -> None:
    """An asynchronous `unless` lets nobody in: it raises an error."""
    with pytest.raises(ConfigurationError, match="unless"):
        shop.visitor().get("/unless_awaited/1001")


@pytest.mark.parametrize("kind", KINDS)
def test_wall_of_logins(kind: str, shop: Shop, settings: Settings) -> None:
    """LoginRequiredMiddleware lets guarded views through, whose links stand in for a login; others are behind it."""
    wall = "django.contrib.auth.middleware.LoginRequiredMiddleware"
    settings.MIDDLEWARE = [*MIDDLEWARE, wall]
    visitor = shop.visitor()
    visitor.get(shop.url("invoice"))
    assert text_of(visitor.get(f"/{kind}/1001")) == "1001 of ann"
    assert page_of(shop.visitor().get(f"/{kind}/1001")) == "403 closed"
    assert visitor.get("/invoices")["Location"].endswith("/login/?next=/invoices")


def test_template_of_a_resource(shop: Shop) -> None:
    """The resource is named by the view's own arguments, byte for byte; what a visitor writes there is no template."""
    for resource in ("file:a/b c/d", "file:{name}/x"):
        visitor = shop.visitor()
        visitor.get(shop.links.issue(INVOICE, subject="ann", resource=resource, recipient=ANN).url)
        where = resource.removeprefix("file:").replace(" ", "%20")
        assert text_of(visitor.get(f"/files/{where}")) == resource
        assert visitor.get(f"/files/{where}%20").status_code == 403


def test_template_that_does_not_fit_the_view() -> None:
    """A template that names no argument of its view is found at the decoration, and a view without `redemption` too."""
    guard = opened_by(INVOICE, resource="invoice:{id}")
    with pytest.raises(ConfigurationError, match=r"resource='invoice:\{id\}' names 'id', but sync takes request"):
        guard(sync)
    with pytest.raises(ConfigurationError, match=r"<lambda> takes request, id; give it a parameter redemption"):
        guard(lambda request, id: None)  # noqa: A006  # the name is what is tested


@pytest.mark.parametrize("kind", ["Misnamed", "positional"])
def test_template_that_does_not_fit_the_route(kind: str, shop: Shop) -> None:
    """A class can't be checked before its route is known: then the error says which names the route has."""
    names = "number" if kind == "Misnamed" else "nothing"
    with pytest.raises(ConfigurationError, match=f"the route, which has {names} by name"):
        shop.visitor().get(f"/{kind}/1001")


def test_policy_of_an_account(shop: Shop) -> None:
    """A policy that opens no document raises an error: its links would open nothing here."""
    with pytest.raises(ConfigurationError, match="opened_by"):
        shop.visitor().get("/for_accounts")


def test_large_upload_to_a_view(shop: Shop) -> None:
    """The bound on our own forms is none on the site's."""
    visitor = shop.visitor()
    visitor.get(shop.url("invoice"))
    visitor.client.handler.enforce_csrf_checks = False
    answer = visitor.post("/upload/1001", b"x" * 1_000_000, content_type="text/plain")
    assert text_of(answer) == "1000000"


def test_name_of_a_view(shop: Shop) -> None:
    """A guarded view keeps its name and its words."""
    assert (sync.__name__, later.__name__, sync.__doc__) == ("sync", "later", "Show an invoice.")


def test_signed_in_user(shop: Shop) -> None:
    """Who is signed in sees no more than others: a document is opened by its link."""
    visitor = shop.visitor()
    visitor.client.force_login(ann(), backend="tests.django.site.ByName")
    assert page_of(visitor.get("/sync/1001")) == "403 closed"
