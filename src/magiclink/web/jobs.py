"""What is done once the answer has been sent, so that its time tells nothing: look-up, limits, a link, a mail.

A job is a small frozen value without a token: an app may hand it to its own queue.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum


class Task(StrEnum):
    """What is asked for: a fresh link in place of an old one, or a sign-in link."""

    RENEW = "renew"
    SIGN_IN = "sign-in"


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One mail that somebody asked for; whether it goes out is decided when the job is run."""

    task: Task
    source: str | None
    link_id: str = ""
    """The link to be renewed."""
    address: str = field(default="", repr=False)
    """What was typed as an address, unchecked."""
    browser: str | None = field(default=None, repr=False)
    """The nonce of the browser that asks."""
    language: str = ""
    """The tag of the language in which it was asked for; the site's own where it's empty."""
