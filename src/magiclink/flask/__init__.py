"""Magic links in Flask: extra `flask`."""

from __future__ import annotations

try:
    from .manager import LinkManager
    from .signals import link_event, send_signal
except ModuleNotFoundError as _error:
    raise ModuleNotFoundError(f"{_error}: pip install 'magiclink-auth[flask]'", name=_error.name) from None

__all__ = ["LinkManager", "link_event", "send_signal"]
