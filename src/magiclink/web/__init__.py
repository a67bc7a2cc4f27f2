"""The web conversation: requests in, replies out, and the mails that carry links. No framework is imported here.

Names are loaded when they are first used: an app that only sends mails loads no conversation, and one that only answers
requests loads no client of mail servers.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .conversation import Conversation
    from .directory import Account, Directory
    from .http import Button, Cookie, Field, Page, Reply, Request
    from .jobs import Job, Task
    from .languages import Catalogue, Language
    from .mail import compose
    from .mailers import FolderMailer, Mailer, Security, SMTPMailer
    from .options import Limits, Options

__all__ = ["Account", "Button", "Catalogue", "Conversation", "Cookie", "Directory", "Field", "FolderMailer", "Job"]
__all__ += ["Language", "Limits", "Mailer", "Options", "Page", "Reply", "Request", "SMTPMailer", "Security", "Task"]
__all__ += ["compose"]

_MODULES = {
    "conversation": ("Conversation",),
    "directory": ("Account", "Directory"),
    "http": ("Button", "Cookie", "Field", "Page", "Reply", "Request"),
    "jobs": ("Job", "Task"),
    "languages": ("Catalogue", "Language"),
    "options": ("Limits", "Options"),
    "mail": ("compose",),
    "mailers": ("FolderMailer", "Mailer", "SMTPMailer", "Security"),
}
_MODULE_OF = {name: module for module, names in _MODULES.items() for name in names}


# Hidden from type checkers, which would take it for a promise that any name exists.
if not TYPE_CHECKING:

    def __getattr__(name: str) -> object:
        if name not in _MODULE_OF:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        return getattr(import_module(f".{_MODULE_OF[name]}", __name__), name)


def __dir__() -> list[str]:
    return __all__
