"""What the app does with links: send, remind, sign in, mark paid, change an address. All of it is a customer's code."""

from __future__ import annotations

from typing import TYPE_CHECKING

from magiclink import Link, MagicLinks, Opens
from magiclink.web import Mailer, compose

from .policies import INVOICE, POLICIES, SIGN_IN

if TYPE_CHECKING:
    from magiclink import Clock, KeyRing
    from magiclink.stores.base import Store

    from .ledger import Contact, Invoice, Ledger


class Invoicing:
    """One supplier's invoicing, with links in its mails."""

    def __init__(
        self, *, ledger: Ledger, mailer: Mailer, keys: KeyRing, store: Store, base_url: str, clock: Clock
    ) -> None:
        self.ledger = ledger
        self._mailer = mailer
        self._clock = clock
        self.links = MagicLinks(
            keys=keys,
            store=store,
            policies=POLICIES,
            base_url=base_url,
            clock=clock,
            security_stamp=self._stamp,
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
        self._mail(link, contact, about=f"Invoice {invoice.number}, {invoice.title}")
        return link

    def remind(self, invoice: Invoice, contact: Contact) -> Link:
        """Remind a contact of an invoice: the same invoice, a fresh link."""
        link = self.links.remind(
            INVOICE, subject=subject_of(contact), resource=resource_of(invoice), recipient=contact.address
        )
        self._mail(link, contact, about=f"Reminder: invoice {invoice.number}, {invoice.title}")
        return link

    def renew(self, token: str, contact: Contact) -> Link:
        """Mail a fresh link to the address on file, because the holder of an old one asks."""
        link = self.links.renew(token, to=contact.address)
        self._mail(link, contact, about="your invoice")
        return link

    def mail_sign_in(self, contact: Contact) -> Link:
        """Mail a sign-in link, with which a contact sees all invoices of the customer."""
        link = self.links.issue(
            SIGN_IN, subject=subject_of(contact), recipient=contact.address, destination="/invoices"
        )
        self._mail(link, contact, about="your invoices", opens=Opens.ACCOUNT)
        return link

    def mark_paid(self, invoice: Invoice) -> None:
        """Write down a payment; the invoice's links end with it."""
        self.ledger.pay(invoice.number, self._clock.now())
        self.links.revoke_all(resource=resource_of(invoice), reason="paid")

    def change_address(self, contact: Contact, address: str) -> Contact:
        """Write down a new address. The security stamp is made of it: links to the old one die by themselves."""
        self.ledger.move(contact.id, address)
        return self.ledger.contact(contact.id)

    def _mail(self, link: Link, contact: Contact, *, about: str, opens: Opens = Opens.RESOURCE) -> None:
        self._mailer.send(compose(link, to=contact.address, about=about, opens=opens, clock=self._clock))
        # Only now: had the mail server refused it, the older link would still be the customer's only one.
        self.links.mark_delivered(link.link_id)

    def _stamp(self, subject: str) -> str | None:
        contact = self.ledger.contact(int(subject.removeprefix("contact-")))
        return contact.address if contact.active else None


def subject_of(contact: Contact) -> str:
    """Name a contact as links do."""
    return f"contact-{contact.id}"


def resource_of(invoice: Invoice) -> str:
    """Name an invoice as links do."""
    return f"invoice:{invoice.number}"
