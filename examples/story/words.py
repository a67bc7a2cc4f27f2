"""Events, instants and amounts, in words that a supplier reads."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime

    from magiclink import Event

_WORDS = {
    "issued": "made for the invoice",
    "reminded": "made for a reminder",
    "renewed": "made because its reader asked",
    "delivered": "mailed",
    "verified": "opened",
    "redeemed": "used",
    "reused": "used again",
    "reclicked": "clicked twice",
    "refused": "refused",
    "limited": "asked for too often",
    "superseded": "replaced by a newer link",
    "revoked": "withdrawn",
}


def sentence(event: Event) -> str:
    """Return an event in a few words."""
    words = _WORDS.get(event.kind, str(event.kind))
    return f"{words}: {event.reason}" if event.reason else words


def stamp(at: datetime) -> str:
    """Return an instant in UTC, as a text."""
    return f"{at:%Y-%m-%d %H:%M:%S} UTC"


def money(cents: int) -> str:
    """Return an amount in euros, as a text."""
    return f"€\N{NO-BREAK SPACE}{cents / 100:,.2f}"
