"""The customer's side: one invoice by its link, and all of them by a sign-in link. Nobody has a password."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flask import Blueprint, redirect, render_template, request, session, url_for

from .policies import INVOICE

if TYPE_CHECKING:
    from werkzeug.wrappers import Response

    from magiclink import Redemption

    from .app import Invoicing


def pages(invoicing: Invoicing) -> Blueprint:
    """Build the customer's pages."""
    blueprint = Blueprint("customer", __name__)
    _add_invoice(blueprint, invoicing)
    _add_account(blueprint, invoicing)
    return blueprint


def _add_invoice(pages: Blueprint, invoicing: Invoicing) -> None:
    """Add what one invoice's link opens; who is signed in needs no link for the invoices of his own company."""
    ledger = invoicing.ledger

    def may_see() -> bool:
        visitor = invoicing.visitor()
        number = (request.view_args or {})["number"]
        return visitor is not None and visitor.customer == ledger.invoice(number).customer

    opened_by_link = invoicing.manager.opened_by(INVOICE, resource="invoice:{number}", unless=may_see)

    @pages.get("/invoices/<int:number>")
    @opened_by_link
    def invoice(number: int, redemption: Redemption | None) -> str:
        return render_template("invoice.html", invoice=ledger.invoice(number), redemption=redemption)

    @pages.post("/invoices/<int:number>/pay")
    @opened_by_link
    def pay(number: int, redemption: Redemption | None) -> Response:
        invoicing.mark_paid(ledger.invoice(number))
        # The payment has ended the link that opened this page: with it alone there is nothing more to see.
        return redirect(url_for(".invoices" if redemption is None else ".thanks"), 303)


def _add_account(pages: Blueprint, invoicing: Invoicing) -> None:
    """Add what a sign-in link opens."""

    @pages.get("/invoices")
    def invoices() -> str | Response:
        visitor = invoicing.visitor()
        if visitor is None:
            return redirect(url_for("magiclink.answer", path="sign-in"))
        found = invoicing.ledger.invoices_of(visitor.customer)
        return render_template("invoices.html", invoices=found, visitor=visitor)

    @pages.get("/thanks")
    def thanks() -> str:
        return render_template("thanks.html")

    @pages.post("/sign-out")
    def sign_out() -> Response:
        session.clear()
        return redirect(url_for(".invoices"), 303)
