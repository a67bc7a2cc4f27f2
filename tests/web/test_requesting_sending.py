"""The page of a document that isn't open, and the mails that the app itself sends."""

from __future__ import annotations

from typing import Any

import pytest

from magiclink import INVOICE, SIGN_IN, STEP_UP, BadArgumentError, InvalidLinkError, UnavailableError
from magiclink.links import run
from magiclink.web import Account, Job, Task
from tests.web.conftest import ANN, BOB, Site, form_of, told


def test_closed_document_offers_the_sign_in_page(site: Site) -> None:
    """A document that isn't open is 403; who signs in by mail may ask for a link right there, from our own page."""
    visitor = site.visitor()
    closed = site.conversation.show_closed(visitor.request(), site.links.flows.read_clock())
    visitor.keep(closed)
    assert told(closed) == "403 closed"
    assert told(visitor.press(closed, email=ANN)) == "200 sent"
    form = {"email": BOB, "form": form_of(visitor.get("sign-in"))["form"]}
    assert told(visitor.ask("POST", "sign-in", form=form, headers={})) == "200 sent"
    assert [mail.to for mail in site.outbox.messages] == [ANN, BOB]


@pytest.mark.parametrize("options", [{}, {"directory": None}])
def test_closed_document_without_sign_in(options: dict[str, Any]) -> None:
    """Where nobody signs in by mail, the page says to look for the mail, has no form and sets no cookie."""
    site = Site(INVOICE, *([SIGN_IN] if options else []), **options)
    closed = site.conversation.show_closed(site.visitor().request(), site.links.flows.read_clock())
    assert closed.page is not None
    assert (closed.status, closed.page.buttons, closed.cookies) == (403, (), ())


def test_send(site: Site) -> None:
    """A mail that the server took ends what it replaces; `about` says what it opens, or else the app does."""
    older, newer = site.invoice(), site.invoice()
    run(site.conversation.send(newer, to=ANN, about="Invoice 1001"))
    assert (site.outbox.last.to, site.outbox.last.subject, site.outbox.last.url) == (ANN, "Invoice 1001", newer.url)
    assert site.links.inspect(newer.link_id).delivered_at == site.clock.now()
    assert told(site.visitor().click(older)) == "410 superseded"


def test_mail_of_an_account(site: Site) -> None:
    """A link of an account is mailed as a sign-in, dated by the app's own clock."""
    run(site.conversation.send(site.sign_in(), to=ANN, about="Acme Billing"))
    assert site.outbox.last.subject == "Sign in to Acme Billing"
    assert site.outbox.last.message["Date"].datetime == site.clock.now()


def test_mail_not_taken() -> None:
    """A mail that the server refused marks nothing delivered: the older link still works, and the error is told."""

    class Broken:
        def send(self, message: object) -> None:
            raise UnavailableError("the mail server is down")

    site = Site(mailer=Broken())
    older, newer = site.invoice(), site.invoice()
    with pytest.raises(UnavailableError):
        run(site.conversation.send(newer, to=ANN))
    assert site.links.inspect(newer.link_id).delivered_at is None
    assert told(site.visitor().click(older)) == "303 /invoices/1001"
    visitor = site.visitor()
    page = visitor.get("sign-in")
    with pytest.raises(UnavailableError):
        visitor.press(page, email=ANN)


def test_send_without_a_mailer() -> None:
    """Without a mailer nothing is sent, and nothing is marked."""
    site = Site(directory=None, mailer=None)
    link = site.invoice()
    with pytest.raises(BadArgumentError):
        run(site.conversation.send(link, to=ANN))
    assert site.links.inspect(link.link_id).delivered_at is None


def test_send_of_a_foreign_link(site: Site) -> None:
    """A link of another audience, or of a policy that this app hasn't, is refused by an error of the library."""
    with pytest.raises(InvalidLinkError):
        run(site.conversation.send(Site().invoice(), to=ANN))
    other = Site(STEP_UP, store=site.store.store)
    with pytest.raises(BadArgumentError):
        run(Site(SIGN_IN, store=site.store.store).conversation.send(other.sign_in(policy=STEP_UP), to=ANN))
    assert len(site.outbox) == 0


def test_language_that_is_no_text(site: Site) -> None:
    """A language that is no text is refused by an error of the library, and nothing is sent."""
    with pytest.raises(BadArgumentError, match="language"):
        run(site.conversation.send(site.sign_in(), to=ANN, language=7))  # type: ignore[arg-type]
    assert len(site.outbox) == 0


def test_sender_and_answers_to() -> None:
    """Mails come from whom the app says, and answers go there too."""
    site = Site(sender="Acme Billing <billing@acme.example>", reply_to="support@acme.example")
    run(site.conversation.send(site.invoice(), to=ANN))
    message = site.outbox.last.message
    assert (message["From"], message["Reply-To"]) == ("Acme Billing <billing@acme.example>", "support@acme.example")


def test_late_job_fails(site: Site, caplog: pytest.LogCaptureFixture) -> None:
    """M07: a job that fails late is logged by its task, its kind of error and the place, not by what the error says."""

    class Broken:
        def by_email(self, address: str) -> list[Account]:
            raise RuntimeError(f"no connection while asking for {address}")

        by_subject = by_email

    broken = Site(directory=Broken())
    job = Job(task=Task.SIGN_IN, source=None, address=ANN)
    run(broken.conversation.run_late(job))
    assert "sign-in, RuntimeError" in caplog.text
    assert "by_email" in caplog.text
    assert ANN not in caplog.text
    with pytest.raises(RuntimeError):
        run(broken.conversation.run(job))
