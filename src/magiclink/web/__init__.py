"""The web conversation: requests in, replies out, and the mails that carry links. No framework is imported here.

Names are loaded when they are first asked for: an app that only sends mails loads no conversation, and one that only
converses loads no mail server's client.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .mail import compose
    from .mailers import FolderMailer, Mailer, Security, SMTPMailer

__all__ = ["FolderMailer", "Mailer", "SMTPMailer", "Security", "compose"]

_ROOMS = {
    "FolderMailer": "mailers",
    "Mailer": "mailers",
    "SMTPMailer": "mailers",
    "Security": "mailers",
    "compose": "mail",
}


def __getattr__(name: str) -> object:
    if name not in _ROOMS:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f".{_ROOMS[name]}", __name__), name)


def __dir__() -> list[str]:
    return __all__
