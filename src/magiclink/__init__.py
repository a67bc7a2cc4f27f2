"""Magic links: expiring signed links that let a customer open an invoice, or sign in, from a mail.

Every name below is loaded when it is first used: `import magiclink` costs next to nothing, and loads no
framework, no driver and none of itsdangerous, cryptography and argon2, which wait until a link is made or read.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .clock import Clock, SystemClock
    from .crypto.keys import Key, KeyRing
    from .errors import (
        BadArgumentError,
        ClockError,
        ConfigurationError,
        ExpiredLinkError,
        InvalidLinkError,
        LimitedError,
        MagicLinkError,
        NotAdmittedError,
        PolicyError,
        ReissueRefusedError,
        RejectedLinkError,
        RevokedLinkError,
        StoreError,
        SupersededLinkError,
        UnavailableError,
        UsedLinkError,
    )
    from .events import Event, Kind
    from .links import MagicLinks
    from .policy import CodeRule, Deviation, Opens, Policy
    from .presets import CLIENT_PORTAL, CONFIRM_EMAIL, INVOICE, SET_PASSWORD, SIGN_IN, STEP_UP
    from .records import State, Supersede
    from .values import Link, LinkInfo, Order, Preview, Redemption

__version__ = "0.1.0"

__all__ = ["Clock", "Key", "KeyRing", "MagicLinks", "SystemClock"]
__all__ += ["CodeRule", "Deviation", "Opens", "Policy", "Supersede"]
__all__ += ["CLIENT_PORTAL", "CONFIRM_EMAIL", "INVOICE", "SET_PASSWORD", "SIGN_IN", "STEP_UP"]
__all__ += ["Event", "Kind", "Link", "LinkInfo", "Order", "Preview", "Redemption", "State"]
__all__ += ["BadArgumentError", "ClockError", "ConfigurationError", "ExpiredLinkError", "InvalidLinkError"]
__all__ += ["LimitedError", "MagicLinkError", "NotAdmittedError", "PolicyError", "ReissueRefusedError"]
__all__ += ["RejectedLinkError", "RevokedLinkError", "StoreError", "SupersededLinkError", "UnavailableError"]
__all__ += ["UsedLinkError"]

# The module of each name that isn't an error's: a dozen dataclasses take longer to build than itsdangerous to import.
_MODULES = {
    "clock": ("Clock", "SystemClock"),
    "crypto.keys": ("Key", "KeyRing"),
    "events": ("Event", "Kind"),
    "links": ("MagicLinks",),
    "policy": ("CodeRule", "Deviation", "Opens", "Policy"),
    "presets": ("CLIENT_PORTAL", "CONFIRM_EMAIL", "INVOICE", "SET_PASSWORD", "SIGN_IN", "STEP_UP"),
    "records": ("State", "Supersede"),
    "values": ("Link", "LinkInfo", "Order", "Preview", "Redemption"),
}
_MODULE_OF = {name: module for module, names in _MODULES.items() for name in names}


# Hidden from type checkers, which would take it for a promise that any name exists.
if not TYPE_CHECKING:

    def __getattr__(name: str) -> object:
        if name not in __all__:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        value = getattr(import_module(f".{_MODULE_OF.get(name, 'errors')}", __name__), name)
        globals()[name] = value
        return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
