"""The supplier's side: invoices, contacts, and what happened to the links.

It is for staff; but in a demonstration, which is bound to loopback, whoever reaches it is the supplier.
"""

# ruff: noqa: ARG001
# Django calls a view with the request, whether it needs one or not.

from __future__ import annotations

from typing import TYPE_CHECKING

from django.conf import settings
from django.contrib.admin.views.decorators import staff_member_required
from django.shortcuts import get_object_or_404, render
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from ...story.props import STEPS
from .. import billing
from ..forms import AddressForm, NewContactForm, ReaderForm, checked
from ..links import links
from ..models import Contact, Customer, Invoice
from .answers import SeeOther

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.http import HttpRequest, HttpResponse

    View = Callable[..., HttpResponse]


def for_the_supplier(view: View) -> View:
    """Let staff in, who sign in at the admin; in a demonstration, whoever is on this machine."""
    return view if settings.IS_DEMONSTRATION else staff_member_required(view)


@for_the_supplier
@require_safe
def invoices(request: HttpRequest) -> HttpResponse:
    """Show every invoice, and the clock."""
    found = Invoice.objects.select_related("customer")
    return render(request, "invoicing/desk/invoices.html", {"invoices": found, "steps": STEPS})


@for_the_supplier
@require_safe
def invoice(request: HttpRequest, number: int) -> HttpResponse:
    """Show one invoice: to whom it may be sent, and what happened to its links."""
    found = get_object_or_404(Invoice, number=number)
    history = links.history(resource=found.resource)
    readers = Contact.objects.in_bulk([int(event.subject) for event in history if event.subject])
    events = [(event, readers.get(int(event.subject or 0))) for event in history]
    return render(request, "invoicing/desk/invoice.html", {"invoice": found, "history": events})


@for_the_supplier
@require_POST
def send(request: HttpRequest, number: int) -> HttpResponse:
    """Mail an invoice."""
    billing.send(*_chosen(request, number))
    return SeeOther("desk:invoice", number=number)


@for_the_supplier
@require_POST
def remind(request: HttpRequest, number: int) -> HttpResponse:
    """Mail a reminder, with a fresh link."""
    billing.remind(*_chosen(request, number))
    return SeeOther("desk:invoice", number=number)


@for_the_supplier
@require_POST
def paid(request: HttpRequest, number: int) -> HttpResponse:
    """Write down a payment."""
    billing.mark_paid(get_object_or_404(Invoice, number=number))
    return SeeOther("desk:invoice", number=number)


@for_the_supplier
@require_http_methods(["GET", "HEAD", "POST"])
def contacts(request: HttpRequest) -> HttpResponse:
    """Show the contacts of every customer, or write down a new one."""
    if request.method == "POST":
        contact = checked(NewContactForm(request.POST)).save(commit=False)
        contact.set_password(None)
        contact.save()
        return SeeOther("desk:contacts")
    return render(request, "invoicing/desk/contacts.html", {"customers": Customer.objects.order_by("pk")})


@for_the_supplier
@require_POST
def change_address(request: HttpRequest, pk: int) -> HttpResponse:
    """Write down a contact's new address; the security stamp is made of it, and links to the old one die."""
    checked(AddressForm(request.POST, instance=get_object_or_404(Contact, pk=pk))).save()
    return SeeOther("desk:contacts")


@for_the_supplier
@require_POST
def leave(request: HttpRequest, pk: int) -> HttpResponse:
    """Write down that a contact has left; its links die."""
    contact = get_object_or_404(Contact, pk=pk)
    contact.is_active = False
    contact.save()
    return SeeOther("desk:contacts")


def _chosen(request: HttpRequest, number: int) -> tuple[Invoice, Contact]:
    """Read which invoice is meant, and which of its customer's contacts."""
    found = get_object_or_404(Invoice, number=number)
    return found, checked(ReaderForm(request.POST, invoice=found)).cleaned_data["contact"]
