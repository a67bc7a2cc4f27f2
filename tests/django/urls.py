"""The routes of the tests' Django site."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.urls import include, path

from magiclink import INVOICE
from magiclink.django.decorators import opened_by

if TYPE_CHECKING:
    from django.urls import URLPattern, URLResolver

    from magiclink import Redemption


def invoices(request: HttpRequest) -> HttpResponse:
    """Say who is signed in."""
    return HttpResponse(f"signed in: {request.user}")


@opened_by(INVOICE, resource="invoice:{number}")
def invoice(request: HttpRequest, number: int, redemption: Redemption) -> HttpResponse:
    """Say which invoice has been opened, and for whom."""
    return HttpResponse(f"invoice {number} of {redemption.subject}")


urlpatterns: list[URLPattern | URLResolver] = [
    path("admin/", admin.site.urls),
    path("invoices", invoices),
    path("invoices/<int:number>", invoice),
    path("l/", include("magiclink.django.urls")),
]
