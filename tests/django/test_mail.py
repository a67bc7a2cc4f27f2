"""Mails by Django's own way out: whole, as they were composed, whichever backend the site has."""

from __future__ import annotations

import socket
import traceback
from contextlib import contextmanager
from email import message_from_bytes
from email.policy import SMTP
from typing import TYPE_CHECKING, Any

import django
import pytest
from aiosmtpd.controller import Controller
from django.core import mail
from django.core.mail.backends.base import BaseEmailBackend

from magiclink import INVOICE, BadArgumentError, UnavailableError
from magiclink import django as site
from magiclink.django.mail import DjangoMailer
from magiclink.web import compose
from tests.exchanges import ANN
from tests.stage import Stage

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from email.message import EmailMessage
    from pathlib import Path

    from pytest_django.fixtures import Settings

    from magiclink import Link

ACME = "Ácme Billing <billing@acme.example>"
LONG = "a-path-that-makes-every-link-longer-than-a-line-of-a-mail/" * 4


def issued(stage: Stage) -> Link:
    """Make a link."""
    return stage.links.issue(INVOICE, subject="ann", resource="invoice:1001", recipient=ANN)


def outbox() -> list[Any]:
    """Return what Django's own outbox has."""
    return list(mail.outbox)


def composed(path: str = "/l/", about: str = "Invoice 1001", **options: Any) -> tuple[EmailMessage, str]:
    """Return a mail as the conversation composes it, and the link that is in it."""
    link = issued(Stage(path=path))
    return compose(link, to=ANN, about=about, **options), link.url


def by_backend(settings: Settings, backend: str, **options: Any) -> None:
    """Let a site send by a backend, in the words of its version of Django."""
    if django.VERSION >= (6, 1):
        settings.MAILERS = {"default": {"BACKEND": backend, "OPTIONS": options}}
        return
    settings.EMAIL_BACKEND = backend
    for name, value in options.items():
        setattr(settings, f"EMAIL_{name.upper()}", value)


# What arrives.


@pytest.mark.parametrize("about", ["Invoice 1001", "Überweisung 1001 (Grüße)"])
@pytest.mark.parametrize("path", ["/l/", f"/{LONG}l/"])
def test_link_folded_in_the_outbox(path: str, about: str) -> None:
    """What Django's backends get is the mail as it was composed, each part and header: no line of a link is folded."""
    message, url = composed(path, about)
    DjangoMailer().send(message)
    [sent] = outbox()
    assert url in sent.body.splitlines()
    assert sent.message().as_bytes() == message.as_bytes(policy=SMTP)


def test_backend_that_speaks_to_a_service() -> None:
    """Backends that read field by field, as those of services do, find all there is."""
    message, url = composed(sender=ACME, reply_to="Help <help@acme.example>")
    DjangoMailer().send(message)
    [sent] = outbox()
    assert (sent.subject, sent.from_email, sent.to) == ("Invoice 1001", ACME, [ANN])
    assert (sent.cc, sent.bcc, sent.reply_to) == ([], [], ["Help <help@acme.example>"])
    [(html, kind)] = [tuple(each) for each in sent.alternatives]
    assert kind == "text/html"
    assert f'href="{url}"' in html
    assert sent.extra_headers == {
        name: message[name] for name in ("Date", "Message-ID", "Auto-Submitted", "X-Auto-Response-Suppress")
    }


def test_mail_of_one_part() -> None:
    """A mail without an HTML part, or without a text, is handed on as it is."""
    message, _ = composed()
    html = message.get_body(("html",))
    assert html is not None
    for name in ("From", "To", "Subject"):
        html[name] = message[name]
    DjangoMailer().send(html)  # type: ignore[arg-type]
    assert (outbox()[0].body, len(outbox()[0].alternatives)) == ("", 1)
    text = message.get_body(("plain",))
    assert text is not None
    for name in ("From", "To", "Subject"):
        text[name] = message[name]
    DjangoMailer().send(text)  # type: ignore[arg-type]
    assert (outbox()[1].body, outbox()[1].alternatives) == (text.get_content(), [])


class Server:
    """A mail server that keeps what it is told, or refuses it."""

    def __init__(self) -> None:
        self.mails: list[tuple[list[str], bytes]] = []
        self.answer = "250 OK"

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802  # named by aiosmtpd
        """Take a mail."""
        self.mails.append((envelope.rcpt_tos, envelope.content))
        return self.answer


@contextmanager
def serving(settings: Settings) -> Iterator[Server]:
    """Serve SMTP on a port of this machine, by which the site sends."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    server = Server()
    controller = Controller(server, hostname="127.0.0.1", port=port)
    controller.start()
    by_backend(settings, "django.core.mail.backends.smtp.EmailBackend", host="127.0.0.1", port=port)
    try:
        yield server
    finally:
        controller.stop()


@pytest.mark.parametrize("about", ["Invoice 1001", "Überweisung 1001 (Grüße)"])
def test_link_folded_on_the_wire(about: str, settings: Settings) -> None:
    """Over real SMTP the link arrives whole, and the mail byte for byte as it was composed."""
    message, url = composed(f"/{LONG}l/", about, sender=ACME)
    with serving(settings) as server:
        DjangoMailer().send(message)
    [(recipients, content)] = server.mails
    assert recipients == [ANN]
    assert content == message.as_bytes(policy=SMTP)
    text = message_from_bytes(content, policy=SMTP).get_body(("plain",))
    assert text is not None
    assert url in text.get_content().splitlines()
    assert about != "Invoice 1001" or url.encode() in content.splitlines()


def test_mail_on_a_console(settings: Settings, capsys: pytest.CaptureFixture[str]) -> None:
    """The backend for development prints it whole too."""
    message, url = composed()
    by_backend(settings, "django.core.mail.backends.console.EmailBackend")
    DjangoMailer().send(message)
    assert url in capsys.readouterr().out.splitlines()


def test_mail_in_a_file(settings: Settings, tmp_path: Path) -> None:
    """The backend that writes files does."""
    message, url = composed()
    by_backend(settings, "django.core.mail.backends.filebased.EmailBackend", file_path=str(tmp_path))
    DjangoMailer().send(message)
    [file] = tmp_path.iterdir()
    assert url in file.read_text().splitlines()


# What fails.


class Failing(BaseEmailBackend):
    """A backend that says too much when it fails."""

    def send_messages(self, email_messages: Sequence[Any]) -> int:
        """Fail."""
        raise RuntimeError(f"nobody takes mails for {email_messages[0].to}: {email_messages[0].body}")


class Silent(BaseEmailBackend):
    """A backend that fails without a word."""

    def send_messages(self, email_messages: Sequence[Any]) -> int:
        """Send nothing."""
        return 0


class Modest(BaseEmailBackend):
    """A backend that doesn't count."""

    def send_messages(self, email_messages: Sequence[Any]) -> int:
        """Say nothing."""
        return None  # type: ignore[return-value]


@pytest.mark.parametrize(
    ("backend", "message"),
    [("Failing", r"failed \(RuntimeError\): check it"), ("Silent", r"send_messages\(\) returned 0")],
)
def test_backend_that_fails(backend: str, message: str, settings: Settings) -> None:
    """A mail that wasn't accepted is UnavailableError; neither it nor its causes hold an address or a link."""
    by_backend(settings, f"tests.django.test_mail.{backend}")
    mail, url = composed()
    with pytest.raises(UnavailableError, match=message) as failed:
        DjangoMailer().send(mail)
    report = "".join(traceback.format_exception(failed.value))
    assert "acme" not in report
    assert url not in report


def test_backend_that_does_not_count(settings: Settings) -> None:
    """Not every backend says how many mails it took: one that raises nothing took it."""
    by_backend(settings, "tests.django.test_mail.Modest")
    DjangoMailer().send(composed()[0])


def test_server_that_refuses(settings: Settings) -> None:
    """What a mail server refuses is UnavailableError; the link isn't marked, and works."""
    stage = Stage()
    link = issued(stage)
    settings.MAGICLINK = {"LINKS": stage.links, "DIRECTORY": None}
    with serving(settings) as server:
        server.answer = "554 no, not for ann@acme.example"
        with pytest.raises(UnavailableError) as failed:
            site.send(link, to=ANN, about="Invoice 1001")
    assert "acme" not in str(failed.value)
    assert stage.links.inspect(link.link_id).delivered_at is None
    assert stage.links.verify(link.token, INVOICE).link_id == link.link_id


@pytest.mark.parametrize(
    "to",
    ["ann@acme.example\r\nBcc: eve@evil.example", "ann@acme.example, eve@evil.example", "=?utf-8?q?eve?=@x.example"],
)
def test_header_injected(to: str, settings: Settings) -> None:
    """Nobody writes headers or a second recipient: neither by what a mail is about, nor by an address."""
    stage = Stage()
    settings.MAGICLINK = {"LINKS": stage.links}
    with pytest.raises(BadArgumentError):
        site.send(issued(stage), to=to, about="Invoice 1001")
    site.send(issued(stage), to=ANN, about="Invoice\r\nBcc: eve@evil.example")
    [sent] = outbox()
    assert sent.recipients() == [ANN]
    assert "Bcc" not in sent.message()


# The calls of the front door.


def test_mail_from_a_job(settings: Settings) -> None:
    """`magiclink.django.send` composes, sends and marks the link delivered, outside of any request."""
    stage = Stage()
    link = issued(stage)
    settings.MAGICLINK = {"LINKS": stage.links, "LANGUAGES": ["en", "de"]}
    site.send(link, to=ANN, about="Invoice 1001")
    site.send(link, to=ANN, about="Invoice 1001", language="de-AT")
    assert [link.url in sent.body.splitlines() for sent in outbox()] == [True, True]
    assert [sent.body.split(",")[0] for sent in outbox()] == ["Hello", "Guten Tag"]
    assert stage.links.inspect(link.link_id).delivered_at is not None
