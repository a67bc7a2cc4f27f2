"""Views that links open, for the tests of the decorators: functions and classes, synchronous and asynchronous."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.http import Http404, HttpRequest, HttpResponse
from django.urls import path, re_path
from django.views import View
from django.views.decorators.cache import cache_page
from django.views.generic import TemplateView

from magiclink import INVOICE, SIGN_IN
from magiclink.django.decorators import OpenedByMixin, opened_by
from tests.django.urls import urlpatterns as plain

if TYPE_CHECKING:
    from magiclink import Redemption

GUARD = opened_by(INVOICE, resource="invoice:{number}")


@GUARD
def sync(request: HttpRequest, number: int, redemption: Redemption) -> HttpResponse:
    """Show an invoice."""
    return HttpResponse(f"{number} of {redemption.subject}")


@GUARD
async def later(request: HttpRequest, number: int, redemption: Redemption) -> HttpResponse:
    """Show an invoice, asynchronously."""
    return HttpResponse(f"{number} of {redemption.subject}")


def is_of_staff(request: HttpRequest) -> bool:
    """Return whether a visitor says so, in the query or in a header that no cache looks at."""
    return "staff" in request.GET or "X-Staff" in request.headers


async def is_staff(request: HttpRequest) -> bool:
    """Answer too late."""
    return False


@opened_by(INVOICE, resource="invoice:{number}", unless=is_staff)
def unless_awaited(request: HttpRequest, number: int, redemption: Redemption | None) -> HttpResponse:
    """Show an invoice to nobody."""
    return HttpResponse("seen")


def name_of(redemption: Redemption | None) -> str:
    """Name for whom a document was opened."""
    return "nobody" if redemption is None else redemption.subject


class Sync(OpenedByMixin, View):
    """Shows an invoice, as a class."""

    opened_by_policy = INVOICE
    opened_by_resource = "invoice:{number}"

    def get(self, request: HttpRequest, number: int) -> HttpResponse:
        """Show it."""
        return HttpResponse(f"{number} of {name_of(self.redemption)}")

    def needs_no_link(self, request: HttpRequest) -> bool:
        """Let the staff in."""
        return is_of_staff(request)


class Later(OpenedByMixin, View):
    """Shows an invoice, as a class of asynchronous methods."""

    opened_by_policy = INVOICE
    opened_by_resource = "invoice:{number}"

    async def get(self, request: HttpRequest, number: int) -> HttpResponse:
        """Show it."""
        return HttpResponse(f"{number} of {name_of(self.redemption)}")


class Misnamed(Sync):
    """Shows nothing: its template names no argument of its route."""

    opened_by_resource = "invoice:{id}"


class Generic(OpenedByMixin, TemplateView):
    """Shows an invoice by one of Django's own classes."""

    opened_by_policy = INVOICE
    opened_by_resource = "invoice:{number}"
    template_name = "admin/base.html"


@opened_by(INVOICE, resource="invoice:{number}", unless=is_of_staff)
def unless(request: HttpRequest, number: int, redemption: Redemption | None) -> HttpResponse:
    """Show an invoice to its customer, and to the staff."""
    return HttpResponse(f"{number} by {redemption}" if redemption is None else "opened")


@opened_by(INVOICE, resource="invoice:{number}", unless=is_of_staff)
async def unless_later(request: HttpRequest, number: int, redemption: Redemption | None) -> HttpResponse:
    """Show an invoice to its customer, and to the staff, asynchronously."""
    return HttpResponse(f"{number} by {redemption}" if redemption is None else "opened")


@GUARD
def own_headers(request: HttpRequest, number: int, redemption: Redemption) -> HttpResponse:
    """Answer with headers of its own."""
    headers = {"Cache-Control": "max-age=60", "Vary": "Accept-Encoding", "X-Own": "1", "X-Accel-Expires": "9"}
    return HttpResponse("x", headers=headers)


@GUARD
def missing(request: HttpRequest, number: int, redemption: Redemption) -> HttpResponse:
    """Find nothing."""
    raise Http404


@opened_by(INVOICE, resource="file:{folder}/{name}")
def file(request: HttpRequest, folder: str, name: str, redemption: Redemption) -> HttpResponse:
    """Name what has been opened."""
    return HttpResponse(redemption.resource)


@opened_by(SIGN_IN, resource="x")
def for_accounts(request: HttpRequest, redemption: Redemption) -> HttpResponse:
    """Can't work: links that sign in open no document."""
    raise AssertionError


@GUARD
def upload(request: HttpRequest, number: int, redemption: Redemption) -> HttpResponse:
    """Take a file."""
    return HttpResponse(str(len(request.body)))


SHOWN = {
    "sync": sync,
    "later": later,
    "Sync": Sync.as_view(),
    "Later": Later.as_view(),
    "Generic": Generic.as_view(),
    "Misnamed": Misnamed.as_view(),
    "unless": unless,
    "unless_awaited": unless_awaited,
    "unless_cached": cache_page(60)(unless),
    "unless_later": unless_later,
    "own_headers": own_headers,
    "missing": missing,
    "upload": upload,
}
urlpatterns = [
    *plain,
    *(path(f"{name}/<int:number>", view) for name, view in SHOWN.items()),
    re_path("^positional/([0-9]+)$", sync),
    path("files/<folder>/<path:name>", file),
    path("for_accounts", for_accounts),
]
