"""The site's links: their policies, where they are kept, and what ends them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.conf import settings

from magiclink import INVOICE, SIGN_IN, MagicLinks
from magiclink.django.signals import send_signal
from magiclink.django.stamps import security_stamp
from magiclink.django.store import DjangoStore

from ..story.books import SUPPLIER
from .models import Invoice

if TYPE_CHECKING:
    from magiclink import LinkInfo

links = MagicLinks(
    keys=settings.MAGICLINK_KEYS,
    store=DjangoStore(),
    policies=[INVOICE, SIGN_IN],
    base_url=f"{settings.SITE}/l/",
    clock=settings.CLOCK,
    # Links end when the contact's address changes, and when the contact leaves.
    security_stamp=security_stamp,
    on_event=send_signal,
)


def describe(link: LinkInfo) -> str:
    """Return what a link opens, for pages and mails."""
    number = (link.resource or "").removeprefix("invoice:")
    invoice = Invoice.objects.filter(number=number).first() if number else None
    return SUPPLIER if invoice is None else str(invoice)
