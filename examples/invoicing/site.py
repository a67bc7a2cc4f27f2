"""The Flask app as a site of the story."""

from __future__ import annotations

from contextlib import closing, contextmanager
from secrets import token_hex
from typing import TYPE_CHECKING

from ..story.props import KeptClock
from ..story.site import Opening, Site
from .demo import open_demo
from .web import create_app

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def open_site(opening: Opening) -> Iterator[Site]:
    """Open the app on the files of a folder."""
    demo = open_demo(
        opening.folder,
        base_url=f"{opening.origin}/l/",
        clock=KeptClock(opening.folder / "clock"),
        store_url=opening.kept_in,
        # A store that outlives the tour holds the links of every tour: each has an audience of its own.
        audience=f"tour-{token_hex(8)}" if opening.is_tour else None,
        on_event=opening.on_event,
    )
    with closing(demo.invoicing):
        yield Site(app=create_app(demo), links=demo.invoicing.links, mails=demo.mails, clock=demo.clock)
