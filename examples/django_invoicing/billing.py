"""What the app does with links: send, remind, mark paid."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.db import transaction

from magiclink import INVOICE
from magiclink.django import send as mail

from .links import links
from .models import Invoice

if TYPE_CHECKING:
    from magiclink import Link

    from .models import Contact


class PaidError(Exception):
    """The invoice has been paid already."""


def send(invoice: Invoice, contact: Contact) -> Link:
    """Mail an invoice to a contact. Raises PaidError."""
    link = links.issue(INVOICE, **_describe_order(invoice, contact))
    mail(link, to=contact.address)
    return link


def remind(invoice: Invoice, contact: Contact) -> Link:
    """Remind a contact of an invoice: the same invoice, a fresh link. Raises PaidError, ReissueRefusedError."""
    link = links.remind(INVOICE, **_describe_order(invoice, contact))
    mail(link, to=contact.address, about=f"Reminder: {invoice}")
    return link


def mark_paid(invoice: Invoice) -> None:
    """Record the first payment of an invoice, and revoke its links; what they opened closes."""
    # Links are in the same database, so that both are written or neither.
    with transaction.atomic():
        Invoice.objects.filter(pk=invoice.pk, paid_at=None).update(paid_at=settings.CLOCK.now())
        links.revoke_all(resource=invoice.resource, reason="paid")


def _describe_order(invoice: Invoice, contact: Contact) -> dict[str, Any]:
    if invoice.paid_at is not None:
        raise PaidError("This invoice has been paid.")
    return {
        "subject": str(contact.pk),
        "resource": invoice.resource,
        "recipient": contact.address,
        "destination": invoice.get_absolute_url(),
    }
