"""For the tests of those who use the library, or write a store for it. Nothing of the library imports this package.

Each name is loaded when it is first used, so that a frozen clock costs neither the contract nor a mailer.
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
        modules = {"FrozenClock": "clock", "Outbox": "outbox", "StoreContract": "contract", "StoreMachine": "machine"}
        modules |= dict.fromkeys(("double_click", "scan"), "clicks")
        if name not in modules:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        try:
            return getattr(import_module(f".{modules[name]}", __name__), name)
        except ModuleNotFoundError as error:
            if error.name != "hypothesis":
                raise
            raise ModuleNotFoundError(f"{name} needs hypothesis: pip install hypothesis", name=error.name) from None


def __dir__() -> list[str]:
    return __all__
