"""A server on loopback for one WSGI application, from the standard library; its log has no tokens."""

from __future__ import annotations

import re
from contextlib import ExitStack, contextmanager, suppress
from errno import EADDRINUSE
from pathlib import Path
from socketserver import ThreadingMixIn
from tempfile import TemporaryDirectory
from threading import Thread
from typing import TYPE_CHECKING
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer

from magiclink import ConfigurationError

from .site import Opening

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .site import OpenSite

HOST = "127.0.0.1"
"""Loopback alone: the supplier's desk has no login."""

_TOKEN = re.compile(r"(?<=/)[A-Za-z0-9_-]{50,}")


class Server(ThreadingMixIn, WSGIServer):
    """Answers each request on a thread of its own; it has a port from the start, and gets its application later."""

    daemon_threads = True

    @property
    def origin(self) -> str:
        """The origin under which it is reached."""
        return f"http://{HOST}:{self.server_port}"


def mask(text: str) -> str:
    """Return a path as a log may keep it: a token is a secret, which opens what the link opens."""
    return _TOKEN.sub("<token>", text)


class Discreet(WSGIRequestHandler):
    """Logs requests without the tokens in their paths."""

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # http.server's name
        """Write one line."""
        super().log_message(format, *(mask(str(each)) for each in args))


class Silent(WSGIRequestHandler):
    """Logs no request: the tour tells itself what was answered."""

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # http.server's name
        """Write nothing."""


def listen(port: int, handler: type[WSGIRequestHandler]) -> Server:
    """Return a server on a port of loopback; 0 takes any that is free. Raises ConfigurationError for one in use."""
    try:
        return Server((HOST, port), handler)
    except OSError as error:
        if error.errno != EADDRINUSE:
            raise
        raise ConfigurationError(f"port {port} is taken: --port {port + 1}") from None


@contextmanager
def answer_in_background(server: Server) -> Iterator[None]:
    """Answer on another thread until the block ends."""
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        thread.join()


def serve(open_site: OpenSite, port: int, folder: Path | None, kept_in: str | None) -> int:
    """Serve until it is interrupted; without a folder of one's own, what was made goes with it."""
    with ExitStack() as stack:
        place = folder or Path(stack.enter_context(TemporaryDirectory()))
        place.mkdir(parents=True, exist_ok=True)
        server = stack.enter_context(listen(port, Discreet))
        site = stack.enter_context(open_site(Opening(folder=place, origin=server.origin, kept_in=kept_in)))
        server.set_app(site.app)
        print(f"Point a browser at {server.origin}/ for the supplier's desk, and at", end=" ")
        print(f"{server.origin}/outbox for the mails.", flush=True)
        with suppress(KeyboardInterrupt):
            server.serve_forever()
    return 0
