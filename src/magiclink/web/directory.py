"""What the app tells of its accounts: who has an address, and which addresses a subject has."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence

MOST_ACCOUNTS = 5
"""How many accounts of one address get a sign-in mail: more is a mail bomb."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """A subject with its addresses on file, the first one the main one. One that isn't active gets no link."""

    subject: str
    """Whom it is, as the app names them in `issue`."""
    addresses: tuple[str, ...]
    """The addresses on file, in the spelling on file, the main one first."""
    active: bool = True
    """Whether it gets links."""


class Directory(Protocol):
    """The app's accounts; asked after the answer was sent, where its time could tell whether an address is known."""

    def by_email(self, address: str) -> Sequence[Account]:
        """Return every account that has this address on file.

        It comes in lower case, its domain as A-labels: compare it with the lower case of what is on file.
        """
        ...

    def by_subject(self, subject: str) -> Account | None:
        """Return a subject's account, or None."""
        ...
