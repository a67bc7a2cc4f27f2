"""Events of links as Django's signals: `link_event.connect(receiver)`.

A receiver decides nothing: if it fails, Django logs that as `django.dispatch`, and what has happened stands.
"""

from __future__ import annotations

from django.dispatch import Signal

from ..events import Event, log

link_event: Signal = Signal()
"""Sent for each event: a receiver gets `event`, a `magiclink.Event`; the sender is its class."""


def send_signal(event: Event) -> None:
    """Log an event and send it to the receivers of `link_event`: `MagicLinks(…, on_event=send_signal)`."""
    log(event)
    link_event.send_robust(type(event), event=event)
