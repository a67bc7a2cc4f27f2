"""What happened to links, as a signal: `link_event.connect(receiver)`. A receiver decides nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from blinker import NamedSignal, Namespace

from .. import events

if TYPE_CHECKING:
    from ..events import Event

link_event: NamedSignal = Namespace().signal("magiclink", doc="Something happened: `event` is a magiclink.Event.")


def send_signal(event: Event) -> None:
    """Send an event to whoever is connected to `link_event`, and to the log: `MagicLinks(…, on_event=send_signal)`."""
    events.log(event)
    link_event.send(None, event=event)
