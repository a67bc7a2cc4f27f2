"""For the tests of those who use the library, or write a store for it. No room of the house imports this one.

Each name is loaded when it is first asked for, so that a frozen clock costs neither the contract nor a mailer.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

__all__ = ["FrozenClock", "Outbox", "StoreContract", "StoreMachine", "double_click", "scan"]

if TYPE_CHECKING:
    from .clicks import double_click, scan
    from .clock import FrozenClock
    from .contract import StoreContract
    from .machine import StoreMachine
    from .outbox import Outbox
else:
    # Hidden from type checkers, which would take it for a promise that any name exists.
    def __getattr__(name: str) -> object:
        rooms = {"FrozenClock": "clock", "Outbox": "outbox", "StoreContract": "contract", "StoreMachine": "machine"}
        rooms |= dict.fromkeys(("double_click", "scan"), "clicks")
        if name not in rooms:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        return getattr(import_module(f".{rooms[name]}", __name__), name)


def __dir__() -> list[str]:
    return __all__
