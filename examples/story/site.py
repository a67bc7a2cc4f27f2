"""A site as the story needs it: what answers, and what is looked into behind it. An example gives one function."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager
    from pathlib import Path
    from wsgiref.types import WSGIApplication

    from magiclink import Event, MagicLinks
    from magiclink.testing import FrozenClock

    from .props import Mails


@dataclass(frozen=True, slots=True, kw_only=True)
class Opening:
    """What a site is opened with."""

    folder: Path
    """Where everything is kept; what is missing there is made."""
    origin: str
    """Where it is reached."""
    kept_in: str | None = None
    """The URL of a store or of a database, in place of a file in the folder."""
    on_event: Callable[[Event], None] | None = None
    """Hears of everything that happens to links."""
    is_tour: bool = False
    """Whether this is the tour, which begins with nothing mailed and nothing paid."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """One site that answers, in whichever framework."""

    app: WSGIApplication
    links: MagicLinks
    mails: Mails
    clock: FrozenClock


class OpenSite(Protocol):
    """Opens a site for as long as the block lasts."""

    def __call__(self, opening: Opening) -> AbstractContextManager[Site]:
        """Open it."""
