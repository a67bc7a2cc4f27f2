"""The app as a demonstration: over the files of a folder, with books that have something in them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from magiclink.stores import from_url
from magiclink.stores.sqlite import SQLiteStore

from ..story.books import COMPANIES
from ..story.props import Mails, keys_in
from .app import Invoicing
from .ledger import Ledger

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from magiclink import Event
    from magiclink.testing import FrozenClock


@dataclass(frozen=True, slots=True)
class Demo:
    """The app with what is shown around it."""

    invoicing: Invoicing
    mails: Mails
    clock: FrozenClock


def open_demo(
    folder: Path,
    *,
    base_url: str,
    clock: FrozenClock,
    store_url: str | None = None,
    audience: str | None = None,
    on_event: Callable[[Event], None] | None = None,
) -> Demo:
    """Open the app on the files of a folder, which are made where they are missing."""
    store = from_url(store_url) if store_url else SQLiteStore(folder / "links.db")
    ledger = Ledger(folder / "books.db")
    if not ledger.customers():
        fill(ledger)
    mails = Mails(folder / "mails", clock)
    invoicing = Invoicing(
        ledger=ledger,
        mailer=mails,
        keys=keys_in(folder / "key"),
        store=store,
        base_url=base_url,
        clock=clock,
        audience=audience,
        on_event=on_event,
    )
    return Demo(invoicing, mails, clock)


def fill(ledger: Ledger) -> None:
    """Enter the customers of the story, with their contacts and invoices."""
    for company in COMPANIES:
        customer = ledger.add_customer(company.name)
        for address in company.contacts:
            ledger.add_contact(customer.id, address)
        for number, title, cents in company.invoices:
            ledger.add_invoice(customer.id, title, cents, number=number)
