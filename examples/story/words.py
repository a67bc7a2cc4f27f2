"""Events, instants and amounts, in words that a supplier reads."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime

    from magiclink import Event

_TOLD = {
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
    """Tell an event in a few words."""
    told = _TOLD.get(event.kind, str(event.kind))
    return f"{told}: {event.reason}" if event.reason else told


def stamp(at: datetime) -> str:
    """Write an instant down."""
    return f"{at:%Y-%m-%d %H:%M:%S} UTC"


def money(cents: int) -> str:
    """Write an amount down."""
    return f"€\N{NO-BREAK SPACE}{cents / 100:,.2f}"
