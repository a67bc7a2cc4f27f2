"""Magic links: expiring signed links that let a customer open an invoice, or sign in, from a mail.

`import magiclink` loads no framework, no driver and none of itsdangerous, cryptography and argon2: the locks are loaded
when the first link is made or read.
"""

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

__all__ = [
    "CLIENT_PORTAL",
    "CONFIRM_EMAIL",
    "INVOICE",
    "SET_PASSWORD",
    "SIGN_IN",
    "STEP_UP",
    "BadArgumentError",
    "Clock",
    "ClockError",
    "CodeRule",
    "ConfigurationError",
    "Deviation",
    "Event",
    "ExpiredLinkError",
    "InvalidLinkError",
    "Key",
    "KeyRing",
    "Kind",
    "LimitedError",
    "Link",
    "LinkInfo",
    "MagicLinkError",
    "MagicLinks",
    "NotAdmittedError",
    "Opens",
    "Order",
    "Policy",
    "PolicyError",
    "Preview",
    "Redemption",
    "ReissueRefusedError",
    "RejectedLinkError",
    "RevokedLinkError",
    "State",
    "StoreError",
    "Supersede",
    "SupersededLinkError",
    "SystemClock",
    "UnavailableError",
    "UsedLinkError",
]
