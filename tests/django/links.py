"""The links of the tests' Django site, as far as no test makes its own."""

from __future__ import annotations

from magiclink import INVOICE, Key, KeyRing, MagicLinks
from magiclink.django.store import DjangoStore

links = MagicLinks(
    keys=KeyRing(signing=Key.generate()),
    store=DjangoStore(),
    policies=[INVOICE],
    base_url="https://billing.example/l/",
)
