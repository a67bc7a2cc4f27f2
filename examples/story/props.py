"""What only a demonstration has: a mailbox to look into, a clock to move, and a key of its own."""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime, timedelta
from email import message_from_bytes
from email.policy import SMTP
from typing import TYPE_CHECKING

from magiclink import Key, KeyRing
from magiclink.testing import FrozenClock
from magiclink.testing.outbox import Received
from magiclink.web import FolderMailer

if TYPE_CHECKING:
    from email.message import EmailMessage
    from pathlib import Path

STEPS = {"hour": timedelta(hours=1), "day": timedelta(days=1), "13 days": timedelta(days=13)}
"""How far a button of the desk moves the clock, by what stands on it."""


class Mails:
    """A mailer that keeps every mail in a folder, and shows what lies there."""

    def __init__(self, folder: Path, clock: FrozenClock) -> None:
        folder.mkdir(exist_ok=True)
        self._mailer = FolderMailer(folder, clock=clock)

    def send(self, message: EmailMessage) -> None:
        """Keep a mail."""
        self._mailer.send(message)

    def all(self) -> list[Received]:
        """Return every mail, oldest first, as its reader's program would."""
        files = sorted(self._mailer.path.glob("*.eml"))
        return [Received(message_from_bytes(file.read_bytes(), policy=SMTP)) for file in files]


class KeptClock(FrozenClock):
    """A clock that is moved by hand, and stands where it was left when the demonstration is started again."""

    def __init__(self, file: Path) -> None:
        self._file = file
        super().__init__(datetime.now(UTC).replace(microsecond=0))
        with suppress(FileNotFoundError):
            self.set(datetime.fromisoformat(file.read_text()))

    def tick(self, by: timedelta) -> None:
        """Move it on, and remember that."""
        super().tick(by)
        self._file.write_text(self.now().isoformat())


def keys_in(file: Path) -> KeyRing:
    """Read the key of a folder, made when it is first opened and readable by its owner alone."""
    if not file.exists():
        file.touch(mode=0o600)
        file.write_text(Key.generate().to_text() + "\n")
    return KeyRing.from_file(file)
