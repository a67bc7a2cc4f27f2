"""The 2013 support thread as it should have gone: the life of a customer's link over real HTTP, by separate browsers.

Time is a frozen clock that the tour moves by days. Every link is read out of the mail message, as the customer would;
every button that is pressed stands on the page that was shown.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from magiclink import ReissueRefusedError

from .stage import Stage, expect, shows, stage
from .words import sentence, stamp

if TYPE_CHECKING:
    from .site import OpenSite
    from .stage import Mailed

ANN, BOB, MALLORY = "ann@acme.example", "bob@acme.example", "mallory@moor.example"
MOVED = "accounts@acme.example"
NEW_LINK = "Email me a new link"
ASK = "Email me a link"


def tour(open_site: OpenSite, kept_in: str | None) -> int:
    """Tell the story on a site. Return 0; raises AssertionError at a step that goes wrong."""
    with stage(open_site, kept_in) as ready:
        Tour(ready).tell()
    return 0


class Tour:
    """One supplier, a customer with two contacts, somebody with bad intentions, and the links of one invoice."""

    def __init__(self, ready: Stage) -> None:
        self.stage = ready
        self.desk = ready.browser("Hill & Sons")
        self.ann = ready.browser("Ann")
        self.phone = ready.browser("Ann's phone")
        self.bob = ready.browser("Bob")

    def tell(self) -> None:
        """Tell the story from the first mail to the last page of its history."""
        first = self.mail_and_open()
        bobs = self.invite_bob()
        self.open_at_the_last_second(first)
        self.expire(first)
        second = self.renew(first)
        self.refuse_strangers(first)
        third = self.remind(second, bobs)
        sign_in = self.scan()
        self.sign_in_once(sign_in)
        self.attack()
        self.change_address(third, bobs)
        self.pay(bobs)
        self.read_history()

    def mail_and_open(self) -> Mailed:
        """The invoice goes out; one click opens it."""
        self.stage.step(f"Hill & Sons mail invoice 1001 to {ANN}. The link stands in the mail, and nowhere else.")
        shows(self.desk.visit("/desk/1001"), 200, "Invoice 1001")
        shows(self.desk.press(f"Send to {ANN}"), 200, "Invoice 1001")
        first = self.stage.mail_to(ANN)
        self.stage.step("Ann clicks. The invoice opens: no login, no account.")
        shows(self.ann.visit(first.url), 200, "Invoice 1001", "without an account")
        self.stage.state(first, "outstanding")
        return first

    def invite_bob(self) -> Mailed:
        """A second contact gets a link of his own."""
        self.stage.go_to(days=10)
        self.stage.step(f"The same invoice goes to {BOB} as well: his link is a series of its own.")
        shows(self.desk.press(f"Send to {BOB}"), 200, "Invoice 1001")
        return self.stage.mail_to(BOB)

    def open_at_the_last_second(self, first: Mailed) -> None:
        """Two weeks are two weeks, to the second."""
        self.stage.go_to(days=13)
        self.stage.step("Ann clicks again: an invoice may be opened any number of times.")
        shows(self.ann.visit(first.url), 200, "Invoice 1001")
        self.stage.go_to(days=14, seconds=-1)
        self.stage.step("One second before two weeks are over, it still works, on her phone too.")
        shows(self.phone.visit(first.url), 200, "Invoice 1001")
        self.stage.state(first, "outstanding")

    def expire(self, first: Mailed) -> None:
        """Day 14: what happened, when, and the way on."""
        self.stage.go_to(days=14)
        self.stage.step("At the very second, it has expired. The page says so, and when; Ann needs no login to go on.")
        shows(self.ann.visit(first.url), 410, "expired", "19 January 2026 (09:00 UTC)", "no account")
        self.stage.state(first, "expired")

    def renew(self, first: Mailed) -> Mailed:
        """One button mails a fresh link to the address on file."""
        self.stage.step("She presses the one button: a fresh link goes to the address on file.")
        shows(self.ann.press(NEW_LINK), 200, "sent", "on its way")
        second = self.stage.mail_to(ANN)
        shows(self.ann.visit(second.url), 200, "Invoice 1001")
        self.stage.step("Her first link now says that it was replaced.")
        shows(self.ann.visit(first.url), 410, "superseded", "newer link replaced it")
        self.stage.state(first, "superseded")
        return second

    def refuse_strangers(self, first: Mailed) -> None:
        """A mail that was found opens nothing, and mails nothing elsewhere."""
        self.stage.step("Somebody finds the old mail, and presses the button: the same answer, and no mail, so soon.")
        stranger = self.stage.browser("A stranger")
        shows(stranger.visit(first.url), 410, "superseded")
        shows(stranger.press(NEW_LINK), 200, "sent", "on its way")
        self.stage.no_mail()
        self.stage.step("Nor would the app's own code have a fresh link mailed to another address.")
        try:
            self.stage.links.renew(first.token, to=MALLORY)
        except ReissueRefusedError as error:
            expect(error.reason == "recipient", f"it was to be refused for its recipient, not for {error.reason}")
            print(f"      links.renew(…, to=another address): ReissueRefusedError, {error.reason}")
        else:
            raise AssertionError("a fresh link was made for another address")

    def remind(self, second: Mailed, bobs: Mailed) -> Mailed:
        """Day 20: "just send a reminder"."""
        self.stage.go_to(days=20)
        self.stage.step("Not paid yet: Hill & Sons send Ann a reminder. Same invoice, fresh link.")
        shows(self.desk.press(f"Remind {ANN}"), 200, "Invoice 1001")
        third = self.stage.mail_to(ANN)
        expect(third.subject.startswith("Reminder:"), "the newest mail is the reminder")
        shows(self.ann.visit(third.url), 200, "Invoice 1001")
        shows(self.phone.visit(second.url), 410, "superseded")
        self.stage.state(second, "superseded")
        self.stage.step("Bob's link, mailed on day 10, is untouched by all this.")
        shows(self.bob.visit(bobs.url), 200, "Invoice 1001")
        self.stage.state(bobs, "outstanding")
        return third

    def scan(self) -> Mailed:
        """A scanner of mails opens a sign-in link before its reader does."""
        self.stage.step("Ann wants to see all her invoices. There is no password: she asks for a sign-in link.")
        shows(self.ann.visit("/invoices"), 200, "sign-in")
        shows(self.ann.press(ASK, email="anne@acme.example"), 200, "sent", "on its way")
        self.stage.no_mail()
        self.stage.step("That address was mistyped, and nobody has it: the answer is the same. She tries again.")
        self.ann.visit("/invoices")
        shows(self.ann.press(ASK, email=ANN), 200, "sent", "on its way")
        sign_in = self.stage.mail_to(ANN)
        self.stage.step("The scanner of her mail server tries that link first, in three ways. It changes nothing.")
        shows(self.stage.browser("Scanner, HEAD").visit(sign_in.url, method="HEAD"), 400, "")
        for way in ("Scanner, GET", "Scanner, browser"):
            shows(self.stage.browser(way).visit(sign_in.url, origin="cross-site"), 200, "confirm")
        self.stage.state(sign_in, "outstanding")
        return sign_in

    def sign_in_once(self, sign_in: Mailed) -> None:
        """A person's button signs in, once, however often it is pressed."""
        self.stage.step("Ann clicks, and presses the button twice at once. It counts once, and she lands once.")
        shows(self.ann.visit(sign_in.url), 200, "confirm", "a…@acme.example")
        both = self.ann.press_twice("Sign in")
        expect([each.location for each in both] == ["/invoices"] * 2, "both clicks were to land at her invoices")
        shows(self.ann.visit("/invoices"), 200, "Your invoices", f"You are signed in as {ANN}.")
        self.stage.state(sign_in, "used", uses=1)
        self.stage.wait(minutes=1)
        self.stage.step("A minute later, the same link on her phone: it works once.")
        shows(self.phone.visit(sign_in.url), 410, "used", "25 January 2026 (09:00 UTC)")

    def attack(self) -> None:
        """A link of somebody else's doesn't quietly change who is signed in."""
        self.stage.step("Mallory asks for a sign-in link of her own, and has Ann click it.")
        mallory = self.stage.browser("Mallory")
        mallory.visit("/invoices")
        shows(mallory.press(ASK, email=MALLORY), 200, "sent")
        planted = self.stage.mail_to(MALLORY)
        page = self.ann.visit(planted.url, origin="cross-site")
        shows(page, 200, "switch", "a…@acme.example")
        expect("Sign in as m…@moor.example" in page.page.buttons, "the page was to ask before it signs Mallory in")
        self.stage.step("Ann closes the page. She is still herself, and the link is unused.")
        shows(self.ann.visit("/invoices"), 200, "Your invoices", f"You are signed in as {ANN}.")
        self.stage.state(planted, "outstanding")

    def change_address(self, third: Mailed, bobs: Mailed) -> None:
        """Links don't outlive the address that they were mailed to."""
        self.stage.step(f"Ann moves to {MOVED}. What went to her old address dies, and she is signed out; Bob isn't.")
        shows(self.desk.visit("/contacts"), 200, "Contacts")
        shows(self.desk.press(f"Change {ANN}", address=MOVED), 200, "Contacts")
        shows(self.phone.visit(third.url), 410, "revoked", "have changed")
        shows(self.ann.visit("/invoices/1001"), 403, "closed")
        shows(self.ann.visit("/invoices"), 200, "sign-in")
        shows(self.bob.visit(bobs.url), 200, "Invoice 1001")

    def pay(self, bobs: Mailed) -> None:
        """A paid invoice needs no link."""
        self.stage.go_to(days=22)
        self.stage.step("Hill & Sons mail the invoice to the new address. Bob has it open, too; Ann pays.")
        self.desk.visit("/desk/1001")
        shows(self.desk.press(f"Send to {MOVED}"), 200, "Invoice 1001")
        last = self.stage.mail_to(MOVED)
        shows(self.bob.visit(bobs.url), 200, "Invoice 1001")
        shows(self.ann.visit(last.url), 200, "Invoice 1001")
        shows(self.ann.press("Pay"), 200, "Thank you")
        self.stage.step("With the payment the links ended, in every mailbox, and the open page is closed.")
        shows(self.bob.visit("/invoices/1001"), 403, "closed")
        shows(self.bob.visit(bobs.url), 410, "revoked", "withdrawn")
        shows(self.ann.visit(last.url), 410, "revoked")
        self.stage.state(bobs, "revoked")
        self.stage.state(last, "revoked")

    def read_history(self) -> None:
        """What the supplier reads when a customer asks."""
        self.stage.step("What Hill & Sons read when a customer writes that a link didn't work:")
        page = self.desk.visit("/desk/1001")
        texts = ["made because its reader asked", "made for a reminder", "refused: expired", "withdrawn: paid"]
        for event in self.stage.links.history(resource="invoice:1001"):
            print(f"      {stamp(event.at)}  link …{(event.link_id or '')[-6:]}  {sentence(event)}")
        for text in texts:
            expect(page.page.says(text), f"the supplier's page was to say “{text}”")
        print("\nThe end: every step went as it should.")
