"""The customer's side: one invoice by its link, and all of them by a sign-in link. Nobody has a password."""

# ruff: noqa: ARG001
# Django calls a view with the request, whether it needs one or not.

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from django.contrib.auth.mixins import LoginRequiredMixin
from django.shortcuts import get_object_or_404, render
from django.views.decorators.http import require_POST, require_safe
from django.views.generic import DetailView, ListView

from magiclink import INVOICE
from magiclink.django.decorators import OpenedByMixin, opened_by

from .. import billing
from ..models import Invoice
from .answers import SeeOther

if TYPE_CHECKING:
    from django.db.models import QuerySet
    from django.http import HttpRequest, HttpResponse

    from magiclink import Redemption

    from ..models import Contact

    InvoiceDetail = DetailView[Invoice]
    InvoiceList = ListView[Invoice]
else:
    InvoiceDetail, InvoiceList = DetailView, ListView


def is_of_own_company(request: HttpRequest) -> bool:
    """Return whether the signed-in user needs no link for this invoice: it is their company's."""
    if not request.user.is_authenticated or request.resolver_match is None:
        return False
    invoice = get_object_or_404(Invoice, number=request.resolver_match.kwargs["number"])
    return cast("Contact", request.user).customer == invoice.customer


class InvoicePage(OpenedByMixin, InvoiceDetail):
    """The page of one invoice, which its link opens."""

    opened_by_policy = INVOICE
    opened_by_resource = "invoice:{number}"
    model = Invoice
    pk_url_kwarg = "number"
    template_name = "invoicing/invoice.html"

    def needs_no_link(self, request: HttpRequest) -> bool:
        """Show a signed-in user the invoices of their own company."""
        return is_of_own_company(request)


@require_POST
@opened_by(INVOICE, resource="invoice:{number}", unless=is_of_own_company)
def pay(request: HttpRequest, number: int, redemption: Redemption | None) -> HttpResponse:
    """Pay an invoice."""
    billing.mark_paid(get_object_or_404(Invoice, number=number))
    # The payment has ended the link that opened this page: who came by it can see nothing more.
    return SeeOther("invoices" if redemption is None else "thanks")


class Invoices(LoginRequiredMixin, InvoiceList):
    """The list that a sign-in link opens; others are redirected to the page that mails such a link."""

    template_name = "invoicing/invoices.html"
    context_object_name = "invoices"

    def get_queryset(self) -> QuerySet[Invoice]:
        """Return the invoices of the visitor's own company."""
        return Invoice.objects.filter(customer=cast("Contact", self.request.user).customer)


@require_safe
def thanks(request: HttpRequest) -> HttpResponse:
    """Thank a customer who paid by a link."""
    return render(request, "invoicing/thanks.html")
