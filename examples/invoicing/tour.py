"""The 2013 support thread, told right: the life of a customer's link, step by step, on a real SQLite file.

Time is a frozen clock that the tour moves by days. Every link is read out of the mail message, as the customer would.
"""

from __future__ import annotations

from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from magiclink import (
    ExpiredLinkError,
    Key,
    KeyRing,
    MagicLinkError,
    MagicLinks,
    ReissueRefusedError,
    RevokedLinkError,
    SupersededLinkError,
    UsedLinkError,
)
from magiclink.stores import from_url
from magiclink.testing import FrozenClock, Outbox

from .app import Invoicing, resource_of
from .ledger import Ledger
from .policies import INVOICE, SIGN_IN

if TYPE_CHECKING:
    from collections.abc import Iterator

    from magiclink import Event, LinkInfo, Policy

BASE_URL = "https://billing.example/l/"
START = datetime(2026, 1, 5, 9, 0, tzinfo=UTC)


def main() -> int:
    """Tell the story; give 0 when every step went as it should, or let AssertionError out."""
    with TemporaryDirectory() as folder:
        tour = Tour(Path(folder))
        with closing(tour):
            tour.tell()
    return 0


class Tour:
    """One supplier, one customer with two contacts, one invoice, and a clock to move."""

    def __init__(self, folder: Path, store_url: str | None = None) -> None:
        self.clock = FrozenClock(START)
        self.outbox = Outbox()
        self.app = Invoicing(
            ledger=Ledger(folder / "books.db"),
            mailer=self.outbox,
            keys=KeyRing(signing=Key.generate()),
            store=from_url(store_url or f"sqlite:///{folder}/links.db"),
            base_url=BASE_URL,
            clock=self.clock,
        )
        self.step_number = 0
        supplier = self.app.ledger.add_supplier("Hill & Sons")
        customer = self.app.ledger.add_customer(supplier, "Acme")
        self.ann = self.app.ledger.add_contact(customer, "ann@acme.example")
        self.bob = self.app.ledger.add_contact(customer, "bob@acme.example")
        self.invoice = self.app.ledger.add_invoice(customer, "Roof repair", 128_000, number=1001)

    @property
    def links(self) -> MagicLinks:
        """The library's calls."""
        return self.app.links

    def close(self) -> None:
        """Close the files."""
        self.links.close()
        self.app.ledger.close()

    def tell(self) -> None:
        """Tell the story from the first mail to the last page of its history."""
        first = self.mailed_and_opened()
        bobs = self.bob_joins()
        self.works_until_the_last_second(first)
        second = self.expires_and_is_renewed(first)
        self.reminded(second, bobs)
        self.signs_in_once()
        self.address_changes(bobs)
        self.paid(bobs)
        self.told()

    def mailed_and_opened(self) -> str:
        """The invoice goes out; one click opens it."""
        self.step("Hill & Sons mail invoice 1001 to ann@acme.example. The link stands in the mail, and nowhere else.")
        self.app.send(self.invoice, self.ann)
        first = self.mailed()
        self.step("Ann clicks. The invoice opens: no login, no account.")
        self.opens(first)
        return first

    def bob_joins(self) -> str:
        """A second contact gets a link of his own."""
        self.go_to(days=10)
        self.step("The same invoice goes to bob@acme.example as well: his link is a series of its own.")
        self.app.send(self.invoice, self.bob)
        return self.mailed()

    def works_until_the_last_second(self, first: str) -> None:
        """Two weeks are two weeks, to the second."""
        self.go_to(days=13)
        self.step("Ann clicks again: an invoice may be opened any number of times.")
        self.opens(first)
        self.go_to(days=14, seconds=-1)
        self.step("One second before two weeks are over, it still works.")
        self.opens(first)

    def expires_and_is_renewed(self, first: str) -> str:
        """Day 14: what happened, when, and the way on."""
        self.go_to(days=14)
        self.step("At the very second, it has expired. Ann is told so, and when; she needs no login to get on.")
        with self.refused(ExpiredLinkError):
            self.links.redeem(first, INVOICE)
        self.step("Ann asks, with one click: a fresh link goes to the address on file.")
        self.app.renew(first, self.ann)
        second = self.mailed()
        self.opens(second)
        self.step("Her first link now says that it was replaced.")
        with self.refused(SupersededLinkError):
            self.links.redeem(first, INVOICE)
        self.step("Somebody who found the old mail asks for a fresh link to another address.")
        with self.refused(ReissueRefusedError):
            self.links.renew(first, to="mallory@elsewhere.example")
        return second

    def reminded(self, second: str, bobs: str) -> None:
        """Day 20: "just send a reminder"."""
        self.go_to(days=20)
        self.step("Not paid yet: Hill & Sons send Ann a reminder. Same invoice, fresh link.")
        self.app.remind(self.invoice, self.ann)
        self.opens(self.mailed())
        with self.refused(SupersededLinkError):
            self.links.redeem(second, INVOICE)
        self.step("Bob's link, mailed on day 10, is untouched by Ann's reminder.")
        self.opens(bobs)

    def signs_in_once(self) -> None:
        """A sign-in link works once."""
        self.step("Ann wants to see all her invoices and asks for a sign-in link. It works once, within ten minutes.")
        self.app.mail_sign_in(self.ann)
        sign_in = self.mailed()
        self.opens(sign_in, SIGN_IN)
        self.clock.tick(timedelta(minutes=1))
        self.step("A minute later, a second try:")
        with self.refused(UsedLinkError):
            self.links.redeem(sign_in, SIGN_IN)

    def address_changes(self, bobs: str) -> None:
        """Links don't outlive the address that they were mailed to."""
        self.go_to(days=21)
        anns = self.outbox_link_to("ann@acme.example")
        self.step("Ann moves to accounts@acme.example. What was mailed to her old address dies; Bob's link doesn't.")
        self.ann = self.app.change_address(self.ann, "accounts@acme.example")
        with self.refused(RevokedLinkError):
            self.links.redeem(anns, INVOICE)
        self.opens(bobs)

    def paid(self, bobs: str) -> None:
        """A paid invoice needs no link."""
        self.go_to(days=22)
        self.step("The invoice is paid. Its links end, in every mailbox.")
        self.app.mark_paid(self.invoice)
        with self.refused(RevokedLinkError):
            self.links.redeem(bobs, INVOICE)

    def told(self) -> None:
        """What the supplier reads when a customer asks."""
        self.step("What Hill & Sons read when a customer writes that a link didn't work:")
        events = self.links.history(resource=resource_of(self.invoice))
        for event in events:
            print(f"      {stamp(event.at)}  link {(event.link_id or '')[-6:]}  {sentence(event)}")
        expect([str(event.kind) for event in events].count("revoked") > 1, "the payment stands in the history")
        print("\nThe end: every step went as it should.")

    # How it is told.

    def go_to(self, *, days: int, seconds: int = 0) -> None:
        """Move the clock."""
        self.clock.set(START + timedelta(days=days, seconds=seconds))

    def step(self, text: str) -> None:
        """Print what happens next."""
        self.step_number += 1
        day = (self.clock.now() - START).total_seconds() / 86_400
        print(f"\n{self.step_number:2}. Day {int(day)}, {stamp(self.clock.now())}\n    {text}")

    def mailed(self) -> str:
        """Read the token out of the newest mail's own text."""
        mail = self.outbox.last
        print(f"      mail to {mail.to}: {mail.subject}")
        return token_in(mail.url)

    def outbox_link_to(self, address: str) -> str:
        """Read the token of the newest invoice mail to an address."""
        mails = [mail for mail in self.outbox.messages if mail.to == address and "1001" in mail.subject]
        return token_in(mails[-1].url)

    def opens(self, token: str, policy: Policy = INVOICE) -> None:
        """Click: the link must open."""
        redemption = self.links.redeem(token, policy)
        opened = redemption.resource or "the account"
        info = self.links.inspect(redemption.link_id)
        print(f"      opens {opened} at {redemption.destination} for {redemption.subject}: {describe(info)}")

    @contextmanager
    def refused(self, kind: type[MagicLinkError]) -> Iterator[None]:
        """Click: it must be refused, for this reason."""
        try:
            yield
        except kind as error:
            reason = getattr(error, "reason", "")
            print(f"      refused: {kind.__name__}, {error}" + (f" ({reason})" if reason else ""))
        else:
            raise AssertionError(f"{kind.__name__} was expected")


def token_in(url: str) -> str:
    """Take the token off a link, as the web does."""
    expect(url.startswith(BASE_URL), "the link begins with the configured base URL")
    return url.removeprefix(BASE_URL)


def describe(link: LinkInfo) -> str:
    """Tell a link's state in a few words."""
    return f"{link.state}, used {link.uses} times, ends {stamp(link.expires_at)}"


def sentence(event: Event) -> str:
    """Tell an event in a few words."""
    words = {
        "issued": "made for the invoice",
        "reminded": "made for a reminder",
        "renewed": "made because its reader asked",
        "delivered": "taken by the mail server",
        "redeemed": "opened for the first time",
        "reused": "opened for the last time so far",
        "superseded": "replaced by a newer link",
    }
    told = words.get(event.kind, str(event.kind))
    return f"{told}: {event.reason}" if event.reason else told


def stamp(at: datetime) -> str:
    """Write an instant down."""
    return f"{at:%Y-%m-%d %H:%M:%S} UTC"


def expect(fact: object, what: str) -> None:
    """Stop the tour where something isn't as it should be."""
    if not fact:
        raise AssertionError(what)
