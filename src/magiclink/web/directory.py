"""The app's accounts, as the app looks them up: who has an address, and which addresses a subject has."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence

MOST_ACCOUNTS = 5
"""How many accounts of one address get a sign-in mail: more is a mail bomb."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """What the app has on file of one subject."""

    subject: str
    """The subject of its links, as the app names it."""
    addresses: tuple[str, ...]
    """The mail addresses, spelled as on file, the main one first; empty where there are none."""
    active: bool = True
    """Whether links may be mailed to it; False for a deactivated account."""


class Directory(Protocol):
    """Looks up the app's accounts: after the answer was sent, where the time of a look-up could show who is known."""

    def by_email(self, address: str) -> Sequence[Account]:
        """Return every account that has this address on file.

        It comes in lower case, its domain as A-labels: compare it with the lower case of what is on file.
        """

    def by_subject(self, subject: str) -> Account | None:
        """Return a subject's account, or None."""
