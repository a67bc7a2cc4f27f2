"""The supplier's side: invoices, contacts, what happened to the links, and the demonstration's outbox and clock.

There is no login here: this is a demonstration, bound to loopback. A real desk would stand behind its own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from flask import Blueprint, abort, current_app, redirect, render_template, request, url_for

from ..story.props import STEPS
from .accounts import resource_of

if TYPE_CHECKING:
    from werkzeug.wrappers import Response

    from .app import Invoicing
    from .demo import Demo
    from .ledger import Contact, Invoice

desk = Blueprint("desk", __name__)


@desk.get("/")
def invoices() -> str:
    """Show every invoice, and the clock."""
    ledger = _invoicing().ledger
    names = {customer.id: customer.name for customer in ledger.customers()}
    return render_template("desk/invoices.html", invoices=ledger.invoices(), names=names, steps=STEPS)


@desk.get("/desk/<int:number>")
def invoice(number: int) -> str:
    """Show one invoice: to whom it may be sent, and what happened to its links."""
    invoicing = _invoicing()
    found = invoicing.ledger.invoice(number)
    return render_template(
        "desk/invoice.html",
        invoice=found,
        customer=invoicing.ledger.customer(found.customer),
        contacts=invoicing.ledger.contacts_of(found.customer),
        history=invoicing.links.history(resource=resource_of(found)),
        contact_named=invoicing.customers.contact,
    )


@desk.post("/desk/<int:number>/send")
def send(number: int) -> Response:
    """Mail an invoice."""
    _invoicing().send(*_unpaid(number))
    return redirect(url_for(".invoice", number=number), 303)


@desk.post("/desk/<int:number>/remind")
def remind(number: int) -> Response:
    """Mail a reminder, with a fresh link."""
    _invoicing().remind(*_unpaid(number))
    return redirect(url_for(".invoice", number=number), 303)


@desk.post("/desk/<int:number>/paid")
def paid(number: int) -> Response:
    """Write down a payment."""
    _invoicing().mark_paid(_invoicing().ledger.invoice(number))
    return redirect(url_for(".invoice", number=number), 303)


@desk.get("/contacts")
def contacts() -> str:
    """Show the contacts of every customer."""
    ledger = _invoicing().ledger
    listed = [(customer, ledger.contacts_of(customer.id)) for customer in ledger.customers()]
    return render_template("desk/contacts.html", listed=listed)


@desk.post("/contacts")
def add_contact() -> Response:
    """Write down a new contact."""
    _invoicing().add_contact(_number("customer"), request.form.get("address", ""))
    return redirect(url_for(".contacts"), 303)


@desk.post("/contacts/<int:contact>/address")
def change_address(contact: int) -> Response:
    """Write down a contact's new address; links to the old one die."""
    found = _invoicing().ledger.contact(contact)
    _invoicing().change_address(found, request.form.get("address", ""))
    return redirect(url_for(".contacts"), 303)


@desk.post("/contacts/<int:contact>/leave")
def leave(contact: int) -> Response:
    """Write down that a contact has left; its links die."""
    _invoicing().ledger.leave(contact)
    return redirect(url_for(".contacts"), 303)


@desk.get("/outbox")
def outbox() -> str:
    """Show the mails that were sent, newest first."""
    mails = list(enumerate(_demo().mails.all(), start=1))
    return render_template("desk/outbox.html", mails=mails[::-1])


@desk.get("/outbox/<int:number>")
def mail(number: int) -> str:
    """Show one mail as its reader sees it."""
    mails = _demo().mails.all()
    if not 0 < number <= len(mails):
        abort(404)
    return render_template("desk/mail.html", mail=mails[number - 1])


@desk.post("/clock")
def move_clock() -> Response:
    """Move the demonstration's clock."""
    step = STEPS.get(request.form.get("by", ""))
    if step is None:
        abort(400)
    _demo().clock.tick(step)
    return redirect(url_for(".invoices"), 303)


def _demo() -> Demo:
    return cast("Demo", current_app.extensions["invoicing"])


def _invoicing() -> Invoicing:
    return _demo().invoicing


def _unpaid(number: int) -> tuple[Invoice, Contact]:
    """Read which invoice is meant, and which of its customer's contacts."""
    invoice = _invoicing().ledger.invoice(number)
    if invoice.paid_at is not None:
        abort(409, "This invoice has been paid.")
    return invoice, _invoicing().contact_for(invoice, _number("contact"))


def _number(field: str) -> int:
    number = request.form.get(field, type=int)
    if number is None:
        abort(400)
    return number
