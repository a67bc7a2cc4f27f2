"""For the tests of those who use the library, or write a store for it. No room of the house imports this one.

Each name is loaded when it is first asked for, so that a frozen clock costs neither the contract nor a mailer.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .clock import FrozenClock
    from .contract import StoreContract
    from .outbox import Outbox

__all__ = ["FrozenClock", "Outbox", "StoreContract"]

_ROOMS = {"FrozenClock": "clock", "Outbox": "outbox", "StoreContract": "contract"}


def __getattr__(name: str) -> object:
    if name not in _ROOMS:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f".{_ROOMS[name]}", __name__), name)


def __dir__() -> list[str]:
    return __all__
