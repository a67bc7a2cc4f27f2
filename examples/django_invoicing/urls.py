"""The routes: the customer's pages, the supplier's desk, the admin, and the library's own at the path of `base_url`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.conf import settings
from django.contrib import admin
from django.contrib.auth.views import LogoutView
from django.urls import include, path

from .views import customer, demonstration, supplier

if TYPE_CHECKING:
    from django.urls import URLPattern, URLResolver

_desk = [
    path("", supplier.invoices, name="invoices"),
    path("desk/<int:number>", supplier.invoice, name="invoice"),
    path("desk/<int:number>/send", supplier.send, name="send"),
    path("desk/<int:number>/remind", supplier.remind, name="remind"),
    path("desk/<int:number>/paid", supplier.paid, name="paid"),
    path("contacts", supplier.contacts, name="contacts"),
    path("contacts/<int:pk>/address", supplier.change_address, name="change-address"),
    path("contacts/<int:pk>/leave", supplier.leave, name="leave"),
]
_demonstration = [
    path("outbox", demonstration.outbox, name="outbox"),
    path("outbox/<int:number>", demonstration.mail, name="mail"),
    path("clock", demonstration.move_clock, name="clock"),
]

urlpatterns: list[URLPattern | URLResolver] = [
    path("l/", include("magiclink.django.urls")),
    path("invoices", customer.Invoices.as_view(), name="invoices"),
    path("invoices/<int:number>", customer.InvoicePage.as_view(), name="invoice"),
    path("invoices/<int:number>/pay", customer.pay, name="pay"),
    path("thanks", customer.thanks, name="thanks"),
    path("sign-out", LogoutView.as_view(next_page="invoices"), name="sign-out"),
    path("admin/", admin.site.urls),
    path("", include((_desk, "desk"))),
]
if settings.IS_DEMONSTRATION:
    urlpatterns.append(path("", include((_demonstration, "demonstration"))))
