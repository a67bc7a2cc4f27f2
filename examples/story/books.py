"""What stands in the supplier's books when the story begins."""

from __future__ import annotations

from typing import NamedTuple

SUPPLIER = "Hill & Sons"
SENDER = f"{SUPPLIER} <billing@hill.example>"


class Company(NamedTuple):
    """A customer, with the addresses of its contacts and its invoices: number, title, cents."""

    name: str
    contacts: tuple[str, ...]
    invoices: tuple[tuple[int, str, int], ...]


COMPANIES = (
    Company(
        "Acme",
        contacts=("ann@acme.example", "bob@acme.example"),
        invoices=((1001, "Roof repair", 128_000), (1002, "New gutters", 64_250)),
    ),
    Company("Moor Ltd", contacts=("mallory@moor.example",), invoices=((1003, "Chimney sweeping", 9_500),)),
)
