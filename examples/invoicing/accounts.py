"""Contacts as the library knows them: their names in links, their addresses, and who of them is signed in.

A sign-in is kept in Flask's session as the link that did it and the instant of that, and the library is asked on every
request whether it still stands: a revoked link, a changed address and the end of the session sign out.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from flask import session
from magiclink import RejectedLinkError
from magiclink.web import Account

from .ledger import UnknownError

if TYPE_CHECKING:
    from magiclink import MagicLinks, Redemption

    from .ledger import Contact, Invoice, Ledger

_SIGNED_IN_BY = "signed-in-by"


def subject_of(contact: Contact) -> str:
    """Name a contact as links do."""
    return f"contact-{contact.id}"


def resource_of(invoice: Invoice) -> str:
    """Name an invoice as links do."""
    return f"invoice:{invoice.number}"


class Customers:
    """The library's `Directory` over the books."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    def by_email(self, address: str) -> list[Account]:
        """Return every contact who has this address."""
        return [_account(contact) for contact in self._ledger.contacts_at(address)]

    def by_subject(self, subject: str) -> Account | None:
        """Return the contact whom links call so."""
        try:
            return _account(self.contact(subject))
        except UnknownError:
            return None

    def contact(self, subject: str) -> Contact:
        """Look up the contact whom links call so."""
        return self._ledger.contact(int(subject.removeprefix("contact-")))


def _account(contact: Contact) -> Account:
    return Account(subject=subject_of(contact), addresses=(contact.address,), active=contact.active)


def sign_in(redemption: Redemption) -> None:
    """Remember in this browser's session which link signed it in; the library has cleared what was there before."""
    session[_SIGNED_IN_BY] = (redemption.link_id, redemption.redeemed_at.isoformat())


def signed_in_as(links: MagicLinks) -> str | None:
    """Return the subject who is signed in in this browser, if that still stands."""
    if _SIGNED_IN_BY not in session:
        return None
    link_id, redeemed_at = session[_SIGNED_IN_BY]
    try:
        return links.recall(link_id, redeemed_at=datetime.fromisoformat(redeemed_at)).subject
    except RejectedLinkError:
        return None
