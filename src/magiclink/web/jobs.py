"""What is done once the answer has been sent, so that its time shows nothing: look-up, limits, a link, a mail.

A job is a small frozen value without a token: an app may hand it to its own queue.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum


class Task(StrEnum):
    """Which mail is asked for."""

    RENEW = "renew"
    """A fresh link in place of an old one."""
    SIGN_IN = "sign-in"
    """A link that signs in."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One mail that somebody asked for: looked up, limited and sent after the answer, whose time then shows nothing."""

    task: Task
    """Which mail it is."""
    source: str | None
    """The IP address that asked, for the limits; None where the framework knows none."""
    link_id: str = ""
    """The link to be renewed; empty for a sign-in link."""
    address: str = field(default="", repr=False)
    """What was typed as an address, unchecked; empty for a renewal."""
    browser: str | None = field(default=None, repr=False)
    """The nonce of the browser that asked for a sign-in link, for policies that bind it; else None."""
    language: str = ""
    """The tag of the language of the page; empty means the site's own."""
