"""`serve`: the app for a browser on this machine, with its outbox and a clock that is moved by hand."""

from __future__ import annotations

import re
from contextlib import ExitStack, closing
from pathlib import Path
from socket import create_server
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from werkzeug.serving import WSGIRequestHandler, make_server

from .demo import KeptClock, open_demo
from .web import create_app

if TYPE_CHECKING:
    import socket

HOST = "127.0.0.1"
"""Loopback alone: the supplier's desk has no login."""

_TOKEN = re.compile(r"(?<=/)[A-Za-z0-9_-]{50,}")


def main(port: int, folder: Path | None, store_url: str | None) -> int:
    """Serve until it is interrupted; without a folder of one's own, what was made goes with it."""
    with ExitStack() as stack:
        place = folder or Path(stack.enter_context(TemporaryDirectory()))
        place.mkdir(parents=True, exist_ok=True)
        listening = stack.enter_context(create_server((HOST, port)))
        site = site_of(listening)
        demo = open_demo(place, base_url=f"{site}/l/", clock=KeptClock(place / "clock"), store_url=store_url)
        stack.enter_context(closing(demo.invoicing))
        app = create_app(demo)
        server = make_server(HOST, 0, app, threaded=True, request_handler=Discreet, fd=listening.fileno())
        print(f"Point a browser at {site}/ for the supplier's desk, and at {site}/outbox for the mails.", flush=True)
        server.serve_forever()
    return 0


def site_of(listening: socket.socket) -> str:
    """Give the origin under which a socket is reached."""
    return f"http://{HOST}:{listening.getsockname()[1]}"


def masked(text: str) -> str:
    """Write a path as a log may keep it: a token is a secret, which opens what the link opens."""
    return _TOKEN.sub("<token>", text)


class Discreet(WSGIRequestHandler):
    """Logs requests without the tokens in their paths."""

    def log(self, type: str, message: str, *args: object) -> None:  # noqa: A002  # werkzeug's name for the level
        """Write one line."""
        super().log(type, message, *(masked(str(each)) for each in args))
