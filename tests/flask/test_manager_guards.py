"""Views that a link opens: for whom, with which headers, and what is left as the view made it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from flask.views import MethodView

from flask import Blueprint, Response, abort, request, send_file
from magiclink import INVOICE, ConfigurationError, StoreError
from tests.exchanges import ANN, ORIGIN
from tests.flask.site import Shop, page_of

if TYPE_CHECKING:
    from magiclink import Redemption


def test_document_opens_for_its_browser_alone() -> None:
    """One click opens the document in the browser that clicked, and in no other."""
    shop = Shop()
    visitor, other = shop.visitor(), shop.visitor()
    assert visitor.open(shop.url("invoice")).text == "invoice 1001 of ann"
    assert page_of(other.get("/invoices/1001")) == "403 closed"


def test_document_of_another_number() -> None:
    """B02: a link of one invoice opens no other one."""
    shop = Shop()
    visitor = shop.visitor()
    visitor.open(shop.url("invoice"))
    assert page_of(visitor.get("/invoices/1002")) == "403 closed"


def test_closed_page_leads_on() -> None:
    """The page of a closed document takes an address, and its mail signs in."""
    shop = Shop()
    visitor = shop.visitor()
    assert page_of(visitor.press(visitor.get("/invoices/1001"), email=ANN)) == "200 sent"
    assert page_of(visitor.open(shop.outbox.last.url)) == "200 confirm"


def test_revoked_while_open() -> None:
    """M14: what a link opened closes at the next request after it was revoked."""
    shop = Shop()
    visitor = shop.visitor()
    visitor.open(shop.url("invoice"))
    shop.links.revoke_all(subject="ann")
    assert page_of(visitor.get("/invoices/1001")) == "403 closed"


def test_store_down_at_an_open_document(monkeypatch: pytest.MonkeyPatch) -> None:
    """A document is shown only after the store was asked: without it, 503."""
    shop = Shop()
    visitor = shop.visitor()
    visitor.open(shop.url("invoice"))

    def down(*_: object, **__: object) -> None:
        raise StoreError("down")

    monkeypatch.setattr(shop.links.flows.store, "get", down)
    assert page_of(visitor.get("/invoices/1001")) == "503 unavailable"


def test_opened_page_in_a_shared_cache() -> None:
    """G30: what one browser may see is kept by no cache, and depends on its cookies."""
    shop = Shop(signed_in_as=lambda: None)
    opened = shop.visitor().open(shop.url("invoice"))
    assert (opened.headers["Cache-Control"], opened.headers["Vary"]) == ("private, no-store", "Cookie")


FOR_CACHES = {"CDN-Cache-Control": "max-age=9", "X-Accel-Expires": "9", "Expires": "0", "Pragma": "public"}


def guard_and_open(shop: Shop, view: Any, **options: Any) -> Any:
    """Guard a view by the invoice's link, and return its answer to the browser that clicked."""
    resource = options.pop("resource", "invoice:{number}")
    guard = shop.manager.opened_by(INVOICE, resource=resource, **options)
    shop.app.add_url_rule("/guarded/<int:number>", view_func=guard(view))
    visitor = shop.visitor()
    visitor.open(shop.url("invoice"))
    return visitor.get("/guarded/1001")


def test_headers_of_the_view() -> None:
    """A view's own headers are kept, but for those that let a cache keep the page."""

    def view(number: int, redemption: Redemption) -> Response:
        headers = {"Cache-Control": "public, max-age=5", "Vary": "Accept-Language", "X-Own": "1", **FOR_CACHES}
        return Response("x", 201, headers)

    answer = guard_and_open(Shop(), view)
    assert (answer.status_code, answer.headers["Cache-Control"]) == (201, "private, no-store")
    assert (answer.headers["Vary"], answer.headers["X-Own"]) == ("Accept-Language, Cookie", "1")
    assert not FOR_CACHES.keys() & set(answer.headers.keys())


@pytest.mark.parametrize("who", ["holder", "staff"])
def test_file_of_a_guarded_view(who: str) -> None:
    """N03, O11: a file that a guarded view sends is kept by no cache, whatever age the app gives to files."""
    shop = Shop()
    shop.app.config["SEND_FILE_MAX_AGE_DEFAULT"] = 3600

    def view(number: int, redemption: Redemption | None) -> Response:
        return send_file(__file__)

    answer = guard_and_open(shop, view, unless=lambda: who == "staff")
    answer.close()
    assert (answer.status_code, answer.headers["Cache-Control"]) == (200, "private, no-store")
    assert (answer.headers["Vary"], "Expires" in answer.headers) == ("Cookie", False)


def test_view_that_aborts() -> None:
    """What a view raises stays the app's own affair."""

    def view(number: int, redemption: Redemption) -> str:
        abort(418)

    assert guard_and_open(Shop(), view).status_code == 418


def test_class_of_a_view() -> None:
    """A view in a class is guarded by its `decorators`."""
    shop = Shop()

    class Invoice(MethodView):
        decorators = [shop.manager.opened_by(INVOICE, resource="invoice:{number}")]  # noqa: RUF012  # as Flask's docs do

        def get(self, number: int, redemption: Redemption) -> str:
            return f"{number} of {redemption.subject}"

    shop.app.add_url_rule("/by-class/<int:number>", view_func=Invoice.as_view("by_class"))
    visitor = shop.visitor()
    assert page_of(visitor.get("/by-class/1001")) == "403 closed"
    visitor.open(shop.url("invoice"))
    assert visitor.get("/by-class/1001").text == "1001 of ann"


def test_asynchronous_view() -> None:
    """An `async def` view is guarded like any other."""
    pytest.importorskip("asgiref", reason="Flask runs asynchronous views through asgiref")

    async def view(number: int, redemption: Redemption) -> str:
        return f"{number} of {redemption.subject}"

    assert guard_and_open(Shop(), view).text == "1001 of ann"


def test_visitor_who_needs_no_link() -> None:
    """N03: where `unless` says so, the view is shown without a redemption, and no cache keeps it for a stranger."""

    def view(number: int, redemption: Redemption | None) -> str:
        return f"{number} by {redemption}"

    shop = Shop()
    guard = shop.manager.opened_by(INVOICE, resource="invoice:{number}", unless=lambda: "staff" in request.args)
    shop.app.add_url_rule("/guarded/<int:number>", view_func=guard(view))
    answer = shop.visitor().get("/guarded/1001?staff=1")
    assert (answer.text, answer.headers["Cache-Control"]) == ("1001 by None", "private, no-store")
    assert answer.headers["Vary"] == "Cookie"
    assert page_of(shop.visitor().get("/guarded/1001")) == "403 closed"


def test_unless_that_would_be_awaited() -> None:
    """An asynchronous `unless` lets nobody in: it is a mistake, and an error says so."""

    async def is_staff() -> bool:
        return False

    shop = Shop()
    guard = shop.manager.opened_by(INVOICE, resource="invoice:{number}", unless=is_staff)
    shop.app.add_url_rule("/guarded/<int:number>", view_func=guard(lambda number, redemption: "seen"))
    with pytest.raises(ConfigurationError, match="unless"):
        shop.visitor().get("/guarded/1001")


def test_template_of_a_resource() -> None:
    """The resource is named by the view's own arguments, byte for byte; what a visitor writes there is no template."""
    shop = Shop()

    @shop.app.get("/files/<folder>/<path:name>")
    @shop.manager.opened_by(INVOICE, resource="file:{folder}/{name}")
    def file(folder: str, name: str, redemption: Redemption) -> str:
        return redemption.resource or ""

    for resource in ("file:a/b c/d", "file:{name}/x"):
        link = shop.links.issue(INVOICE, subject="ann", resource=resource, recipient=ANN)
        shop.visitor().get(link.url)
        visitor = shop.visitor()
        visitor.get(link.url)
        path = resource.removeprefix("file:").replace(" ", "%20")
        assert visitor.get(f"/files/{path}").text == resource
        assert visitor.get(f"/files/{path}%20").status_code == 403


def test_large_upload_to_a_view() -> None:
    """The bound on our own forms is none on the app's."""
    shop = Shop()

    @shop.app.post("/uploads/<int:number>")
    @shop.manager.opened_by(INVOICE, resource="invoice:{number}")
    def upload(number: int, redemption: Redemption) -> str:
        return str(len(request.get_data()))

    visitor = shop.visitor()
    visitor.open(shop.url("invoice"))
    assert visitor.client.post(f"{ORIGIN}/uploads/1001", data=b"x" * 1_000_000).text == "1000000"


def test_template_with_a_name_that_the_view_lacks() -> None:
    """A template over an argument that the view doesn't take is found when the view is decorated."""
    with pytest.raises(ConfigurationError, match="names 'id', but invoice takes number, redemption: name one of these"):

        @Shop().manager.opened_by(INVOICE, resource="invoice:{id}")
        def invoice(number: int, redemption: Redemption) -> str:
            raise AssertionError


def test_view_without_redemption() -> None:
    """A view that can't learn who opened it is found when it is decorated."""
    with pytest.raises(ConfigurationError, match="invoice takes number; give it a parameter redemption"):

        @Shop().manager.opened_by(INVOICE, resource="invoice:{number}")
        def invoice(number: int) -> str:
            raise AssertionError


def test_guard_above_the_route() -> None:
    """A guard above the route guards nothing, for the route holds the bare view: found when it is decorated."""
    shop = Shop()
    with pytest.raises(ConfigurationError, match="above"):

        @shop.manager.opened_by(INVOICE, resource="invoice:{number}")
        @shop.app.get("/bare/<int:number>", endpoint="bare")
        def invoice(number: int, redemption: Redemption | None = None) -> str:
            raise AssertionError


def test_guard_above_the_route_of_a_blueprint() -> None:
    """Where the app learns of the route later, the guard that stands above it is found at the request: none is open."""
    shop, sales = Shop(), Blueprint("sales", __name__)

    @shop.manager.opened_by(INVOICE, resource="invoice:{number}")
    @sales.get("/bare/<int:number>")
    def invoice(number: int, redemption: Redemption | None = None) -> str:
        raise AssertionError

    shop.app.register_blueprint(sales)
    with pytest.raises(ConfigurationError, match="above"):
        shop.visitor().get("/bare/1001")


def test_guards_before_the_app() -> None:
    """Views may be guarded before the manager has an app."""
    shop = Shop(is_mounted=False)
    shop.manager.init_app(shop.app)
    assert shop.visitor().open(shop.url("invoice")).text == "invoice 1001 of ann"
