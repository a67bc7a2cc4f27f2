"""What only the demonstration has: a mailbox to look into, a clock to move, and books with something in them."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email import message_from_bytes
from email.policy import SMTP
from typing import TYPE_CHECKING

from magiclink import Key, KeyRing
from magiclink.stores import from_url
from magiclink.stores.sqlite import SQLiteStore
from magiclink.testing import FrozenClock
from magiclink.testing.outbox import Received
from magiclink.web import FolderMailer

from .app import Invoicing
from .ledger import Ledger

if TYPE_CHECKING:
    from collections.abc import Callable
    from email.message import EmailMessage
    from pathlib import Path

    from magiclink import Event


class Mails:
    """A mailer that keeps every mail in a folder, and shows what lies there."""

    def __init__(self, folder: Path, clock: FrozenClock) -> None:
        folder.mkdir(exist_ok=True)
        self._mailer = FolderMailer(folder, clock=clock)

    def send(self, message: EmailMessage) -> None:
        """Keep a mail."""
        self._mailer.send(message)

    def all(self) -> list[Received]:
        """Give every mail, oldest first, as its reader's program would."""
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


@dataclass(frozen=True, slots=True)
class Demo:
    """The app with what is shown around it."""

    invoicing: Invoicing
    mails: Mails
    clock: FrozenClock


def open_demo(
    folder: Path,
    *,
    base_url: str,
    clock: FrozenClock,
    store_url: str | None = None,
    audience: str | None = None,
    on_event: Callable[[Event], None] | None = None,
) -> Demo:
    """Open the app on the files of a folder, which are made where they are missing."""
    ledger = Ledger(folder / "books.db")
    if not ledger.customers():
        fill(ledger)
    mails = Mails(folder / "mails", clock)
    invoicing = Invoicing(
        ledger=ledger,
        mailer=mails,
        keys=_keys(folder / "key"),
        store=from_url(store_url) if store_url else SQLiteStore(folder / "links.db"),
        base_url=base_url,
        clock=clock,
        audience=audience,
        on_event=on_event,
    )
    return Demo(invoicing, mails, clock)


def fill(ledger: Ledger) -> None:
    """Enter two customers with their contacts and invoices."""
    acme, moor = ledger.add_customer("Acme"), ledger.add_customer("Moor Ltd")
    ledger.add_contact(acme.id, "ann@acme.example")
    ledger.add_contact(acme.id, "bob@acme.example")
    ledger.add_contact(moor.id, "mallory@moor.example")
    ledger.add_invoice(acme.id, "Roof repair", 128_000, number=1001)
    ledger.add_invoice(acme.id, "New gutters", 64_250, number=1002)
    ledger.add_invoice(moor.id, "Chimney sweeping", 9_500, number=1003)


def _keys(file: Path) -> KeyRing:
    """Read the key of this folder, made when it is first opened and readable by its owner alone."""
    if not file.exists():
        file.touch(mode=0o600)
        file.write_text(Key.generate().to_text() + "\n")
    return KeyRing.from_file(file)
