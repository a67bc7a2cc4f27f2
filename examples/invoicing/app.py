"""What the app does with links: send, remind, mark paid, change an address. All of it is a customer's code."""

from __future__ import annotations

from typing import TYPE_CHECKING

from magiclink import MagicLinks
from magiclink.addresses import canonicalize
from magiclink.flask import LinkManager

from ..story.books import SENDER, SUPPLIER
from .accounts import Customers, resource_of, signed_in_as, subject_of
from .ledger import UnknownError
from .policies import INVOICE, POLICIES

if TYPE_CHECKING:
    from collections.abc import Callable

    from magiclink import Clock, Event, KeyRing, Link, LinkInfo
    from magiclink.stores.base import Store
    from magiclink.web import Mailer

    from .ledger import Contact, Invoice, Ledger


class Invoicing:
    """One supplier's invoicing, with links in its mails."""

    def __init__(
        self,
        *,
        ledger: Ledger,
        mailer: Mailer,
        keys: KeyRing,
        store: Store,
        base_url: str,
        clock: Clock,
        audience: str | None = None,
        on_event: Callable[[Event], None] | None = None,
    ) -> None:
        self.ledger = ledger
        self.clock = clock
        self.customers = Customers(ledger)
        self.links = MagicLinks(
            keys=keys,
            store=store,
            policies=POLICIES,
            base_url=base_url,
            audience=audience,
            clock=clock,
            security_stamp=self._stamp,
            on_event=on_event,
        )
        self.manager = LinkManager(
            self.links,
            directory=self.customers,
            mailer=mailer,
            home="/invoices",
            signed_in_as=lambda: signed_in_as(self.links),
            describe=self._describe,
            sender=SENDER,
        )

    def send(self, invoice: Invoice, contact: Contact) -> Link:
        """Mail an invoice to a contact."""
        link = self.links.issue(
            INVOICE,
            subject=subject_of(contact),
            resource=resource_of(invoice),
            recipient=contact.address,
            destination=f"/invoices/{invoice.number}",
        )
        self.manager.send(link, to=contact.address)
        return link

    def remind(self, invoice: Invoice, contact: Contact) -> Link:
        """Remind a contact of an invoice: the same invoice, a fresh link. Raises ReissueRefusedError."""
        link = self.links.remind(
            INVOICE,
            subject=subject_of(contact),
            resource=resource_of(invoice),
            recipient=contact.address,
            destination=f"/invoices/{invoice.number}",
        )
        self.manager.send(link, to=contact.address, about=f"Reminder: {_titled(invoice)}")
        return link

    def mark_paid(self, invoice: Invoice) -> None:
        """Write down a payment; the invoice's links end with it, and what they opened closes."""
        self.ledger.pay(invoice.number, self.clock.now())
        self.links.revoke_all(resource=resource_of(invoice), reason="paid")

    def change_address(self, contact: Contact, address: str) -> None:
        """Write down a new address. The security stamp is made of it: links to the old one die by themselves."""
        self.ledger.move(contact.id, canonicalize(address))

    def add_contact(self, customer: int, address: str) -> None:
        """Write down a new contact of a customer. Raises BadArgumentError for what isn't one address."""
        self.ledger.add_contact(customer, canonicalize(address))

    def contact_for(self, invoice: Invoice, contact: int) -> Contact:
        """Look up a contact who may get this invoice; UnknownError for another customer's."""
        found = self.ledger.contact(contact)
        if found not in self.ledger.contacts_of(invoice.customer):
            raise UnknownError("the invoice's customer has no such contact")
        return found

    def visitor(self) -> Contact | None:
        """Return the contact who is signed in in this browser."""
        subject = signed_in_as(self.links)
        return None if subject is None else self.customers.contact(subject)

    def close(self) -> None:
        """Close the files."""
        self.links.close()
        self.ledger.close()

    def _describe(self, link: LinkInfo) -> str:
        """Say on pages and in mails what a link opens."""
        if link.resource is None:
            return SUPPLIER
        return _titled(self.ledger.invoice(int(link.resource.removeprefix("invoice:"))))

    def _stamp(self, subject: str) -> str | None:
        contact = self.customers.contact(subject)
        return contact.address if contact.active else None


def _titled(invoice: Invoice) -> str:
    return f"Invoice {invoice.number}, {invoice.title}"
