"""Magic links in Flask: extra `flask`."""

from __future__ import annotations

from .manager import LinkManager, link_event, send_signal

__all__ = ["LinkManager", "link_event", "send_signal"]
