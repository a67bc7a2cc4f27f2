"""The mailer that remembers: what it shows is what a customer would get."""

from __future__ import annotations

import subprocess
import sys
from datetime import UTC, datetime
from email.message import EmailMessage
from email.policy import SMTP

import pytest

from magiclink.instants import to_micros
from magiclink.testing import Outbox
from magiclink.values import Link
from magiclink.web import Mailer, compose

TOKEN = "AQ" + "t0ken_-x" * 7 + "zz"
LINK = Link(
    base_url="https://billing.example/l/",
    token=TOKEN,
    link_id="6a" * 20,
    purpose="invoice",
    resource=None,
    expires_at=to_micros(datetime(2026, 12, 4, tzinfo=UTC)),
)


def written(text: str, subject: str = "Hello") -> EmailMessage:
    """Return a mail of an app's own."""
    message = EmailMessage()
    message["To"] = "ap@acme.example"
    message["Subject"] = subject
    message.set_content(text)
    return message


def test_mail_as_received() -> None:
    """The newest mail gives its link, recipient, subject and both parts, decoded."""
    outbox = Outbox()
    mailer: Mailer = outbox
    mailer.send(written("before"))
    mailer.send(compose(LINK, to="ap@acme.example", about="Rechnung für März"))
    assert len(outbox) == len(outbox.messages) == 2
    assert outbox.last is outbox.messages[1]
    assert outbox.last.url == LINK.url
    assert outbox.last.to == "ap@acme.example"
    assert outbox.last.subject == "Rechnung für März"
    assert outbox.last.text.startswith("Hello, this link opens Rechnung für März:\n\nhttps://")
    assert outbox.last.html.startswith('<!DOCTYPE html>\n<html lang="en">\n')
    assert outbox.last.message["Auto-Submitted"] == "auto-generated"


def test_mail_changed_after_it_was_sent() -> None:
    """What it keeps went through bytes: what happens to the message afterwards changes nothing."""
    outbox, message = Outbox(), written("first")
    outbox.send(message)
    message.set_content("second")
    assert outbox.last.text == "first"
    assert outbox.last.message is not message


def test_link_that_was_folded() -> None:
    """A link that a mailer broke into two lines isn't put together again: the test sees what a customer would."""
    outbox = Outbox()
    outbox.send(written(LINK.url[:60] + "\n" + LINK.url[60:]))
    assert outbox.last.url == LINK.url[:60]


@pytest.mark.parametrize("text", ["no link", f"see {LINK.url}", f"{LINK.url}\n{LINK.url}", "ftp://billing.example/"])
def test_mail_without_the_one_link(text: str) -> None:
    """A mail whose text has no line that is a URL, or two, has no link; the failure doesn't show any."""
    outbox = Outbox()
    outbox.send(written(text))
    with pytest.raises(AssertionError, match="a mail with one link was expected") as failed:
        _ = outbox.last.url
    assert TOKEN not in str(failed.value)


def test_empty_outbox() -> None:
    """Asking an empty outbox for its last mail says that none was sent."""
    with pytest.raises(AssertionError, match="none was sent"):
        _ = Outbox().last


def test_cleared_outbox() -> None:
    """Clearing forgets every mail."""
    outbox = Outbox()
    outbox.send(written("x"))
    outbox.clear()
    assert len(outbox) == 0
    assert outbox.messages == []


def test_link_in_a_repr() -> None:
    """M01: no repr shows the link, even where an app put it into the subject."""
    outbox = Outbox()
    outbox.send(compose(LINK, to="ap@acme.example", about="Invoice 1001"))
    outbox.send(written("x", subject=f"Open {LINK.url} now"))
    assert repr(outbox) == "<Outbox [<Received 'Invoice 1001'>, <Received 'Open hidden now'>]>"


def test_second_recipient() -> None:
    """J01: every recipient shows, whatever header it stands in, so that a test sees the one that shouldn't be there."""
    outbox, message = Outbox(), written("x")
    message["Cc"] = "Other <other@acme.example>, third@acme.example"
    message["Bcc"] = "hidden@acme.example"
    outbox.send(message)
    assert outbox.last.to == "ap@acme.example, other@acme.example, third@acme.example, hidden@acme.example"


def test_mail_with_nothing_in_it() -> None:
    """A mail without headers or parts shows as empty text."""
    outbox = Outbox()
    outbox.send(EmailMessage(policy=SMTP))
    assert (outbox.last.to, outbox.last.subject, outbox.last.html) == ("", "", "")


def test_kit_that_loads_the_web() -> None:
    """The outbox loads nothing of the web conversation and no framework."""
    ran = subprocess.run(
        [sys.executable, "-c", "import sys, magiclink.testing.outbox; print([m for m in sys.modules if '.web' in m])"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert ran.stdout.strip() == "[]"
