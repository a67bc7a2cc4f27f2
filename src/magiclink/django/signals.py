"""What happened to links, told to the site's receivers: `link_event.connect(receiver)`.

Telling decides nothing: a receiver that fails is logged (by Django, as `django.dispatch`), and what has happened
stands.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.dispatch import Signal

from .. import events

if TYPE_CHECKING:
    from ..events import Event

link_event: Signal = Signal()
"""Something happened: a receiver gets `event`, a `magiclink.Event`, whose class is the sender."""


def send_signal(event: Event) -> None:
    """Send an event to whoever is connected to `link_event`, and to the log: `MagicLinks(…, on_event=send_signal)`."""
    events.log(event)
    link_event.send_robust(type(event), event=event)
