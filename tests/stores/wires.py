"""A wire that can be cut: it stands between a store and the Unix socket of its server."""

from __future__ import annotations

import socket
from contextlib import ExitStack, suppress
from threading import Thread
from typing import TYPE_CHECKING

from tests.services import TIMEOUT

if TYPE_CHECKING:
    from pathlib import Path


class Wire:
    """Answers at `path` for a server, and ends the connection, once, where it is told to `cut`."""

    def __init__(self, server: Path, path: Path) -> None:
        self.path = path
        self._server = server
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(path))
        self._listener.listen()
        self._cut, self._left = "", 0
        self._accepting = Thread(target=self._serve)
        self._accepting.start()

    def cut(self, side: str, turn: int = 1) -> None:
        """Cut once: what the `client`, or the `server`, says at this turn from now isn't heard by the other."""
        self._left, self._cut = turn, side

    def close(self) -> None:
        """Take no more connections."""
        # A thread that waits in `accept` isn't woken by `close` alone.
        self._listener.shutdown(socket.SHUT_RDWR)
        self._accepting.join(TIMEOUT)

    def _serve(self) -> None:
        with self._listener, suppress(OSError), ExitStack() as ends:
            while True:
                client = ends.enter_context(self._listener.accept()[0])
                server = ends.enter_context(socket.socket(socket.AF_UNIX))
                server.connect(str(self._server))
                for ends_of in (("client", client, server), ("server", server, client)):
                    Thread(target=self._carry, args=ends_of, daemon=True).start()

    def _carry(self, side: str, speaker: socket.socket, listener: socket.socket) -> None:
        with suppress(OSError):
            while words := speaker.recv(1 << 16):
                self._left -= self._cut == side
                if self._cut == side and self._left == 0:
                    break
                listener.sendall(words)
        for end in (speaker, listener):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
