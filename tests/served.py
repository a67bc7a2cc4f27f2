"""The examples as processes of their own: commands, and what `serve` serves."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from signal import SIG_DFL, SIGINT, signal
from tempfile import TemporaryFile
from typing import IO, TYPE_CHECKING, Any
from urllib.error import HTTPError
from urllib.request import ProxyHandler, build_opener

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parent.parent
TOKEN = re.compile(r"[A-Za-z0-9_-]{60}")
LINK_ID = re.compile(r"(?<=link …)[0-9a-f]{6}")


def run(module: str, *arguments: str, **given: str) -> subprocess.CompletedProcess[str]:
    """Run an example as the README does, with every warning an error."""
    command = [sys.executable, "-W", "error", "-m", module, *arguments]
    pipes: dict[str, Any] = {"capture_output": True, "text": True, "timeout": 120}
    return subprocess.run(command, cwd=ROOT, env=environment(given), check=False, **pipes)


@dataclass
class Served:
    """A served example."""

    origin: str
    process: subprocess.Popen[str]
    _log: IO[str]

    def stop(self) -> str:
        """Press Ctrl-C, and return what it has logged."""
        self.process.send_signal(SIGINT)
        self.process.wait(timeout=30)
        self._log.seek(0)
        return self._log.read()


@contextmanager
def served(module: str, folder: Path) -> Iterator[Served]:
    """Serve an example on a free port, until it's stopped or no longer needed."""
    command = [sys.executable, "-W", "error", "-m", module, "serve", "--port", "0", "--folder", str(folder)]
    # A shell that starts something in the background has it ignore Ctrl-C, and so does all that it starts.
    given: dict[str, Any] = {"env": environment({}), "text": True, "preexec_fn": partial(signal, SIGINT, SIG_DFL)}
    # A file, not a pipe: nobody reads it before the end.
    with (
        TemporaryFile("w+") as log,
        subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=log, **given) as process,
    ):
        try:
            line = process.stdout.readline() if process.stdout else ""
            [origin] = re.findall(r"http://127\.0\.0\.1:\d+(?=/ )", line)
            yield Served(origin, process, log)
        finally:
            process.kill()


def fetch(address: str) -> int:
    """Open a page over HTTP, without the environment's proxies, and return its status."""
    try:
        with build_opener(ProxyHandler({})).open(address, timeout=30) as answer:
            return int(answer.status)
    except HTTPError as error:
        with error:
            return error.code


def environment(given: dict[str, str]) -> dict[str, str]:
    """Return the environment of a process: ours, save for what pytest-django sets, and what is given."""
    # pytest-django tells every process its own settings.
    return {name: value for name, value in os.environ.items() if name != "DJANGO_SETTINGS_MODULE"} | given
