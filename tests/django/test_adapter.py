"""The adapter: what views ask of it, and what is done after a response."""

from __future__ import annotations

import logging
from threading import Event
from typing import TYPE_CHECKING

import pytest
from django.contrib.auth.models import AnonymousUser
from django.core.handlers.wsgi import WSGIHandler
from django.test import Client, RequestFactory

from magiclink import INVOICE, SIGN_IN, ConfigurationError
from magiclink import django as front
from magiclink.django.conf import adapter
from magiclink.web import Limits
from tests.django.site import HOST, Shop, Visitor, page_of
from tests.exchanges import ANN, OURS
from tests.flask.site import by_socket, served

if TYPE_CHECKING:
    from email.message import EmailMessage

    from django.http import HttpRequest, HttpResponse
    from pytest_django.fixtures import Settings

    from magiclink.web import Job

pytestmark = pytest.mark.django_db


# What the site's own views ask.


def visited(shop: Shop) -> HttpRequest:
    """Return a request of a browser that has opened an invoice."""
    visitor = shop.visitor()
    visitor.get(shop.url("invoice"))
    request = RequestFactory().get("/invoices/1001")
    request.COOKIES = {name: morsel.value for name, morsel in visitor.client.cookies.items()}
    request.user = AnonymousUser()
    return request


def test_document_that_is_open(settings: Settings) -> None:
    """A view hears for whom a document has been opened, or gets the answer to give."""
    request = visited(Shop(settings))
    opened = [adapter().opened(request, INVOICE, f"invoice:{number}") for number in (1001, 1002)]
    assert [None if each is None else each.subject for each in opened] == ["ann", None]
    assert adapter().guard(request, INVOICE, "invoice:1001") == opened[0]
    assert page_of(adapter().guard(request, INVOICE, "invoice:1002")) == "403 closed"


def test_document_of_a_policy_that_opens_none(settings: Settings) -> None:
    """A policy that opens accounts opens no document, and asking is a mistake."""
    request = visited(Shop(settings))
    for ask_for in (adapter().opened, adapter().guard):
        with pytest.raises(ConfigurationError, match="opened_by"):
            ask_for(request, SIGN_IN, "invoice:1001")


def test_address_that_leads_nowhere(settings: Settings) -> None:
    """G40: where the server has the application beside `base_url`, that is an error, and the request keeps no token."""
    shop = Shop(settings)
    request = RequestFactory().get(f"/l/{shop.tokens['invoice']}", SCRIPT_NAME="/app")
    with pytest.raises(ConfigurationError, match="outside"):
        adapter().answer(request)
    assert shop.tokens["invoice"] not in f"{request} {request.META}"


def test_sign_ins_without_a_backend(settings: Settings) -> None:
    """Where no backend accepts the links that sign in, the error has the line to write, and the request no token."""
    shop = Shop(settings)
    settings.AUTHENTICATION_BACKENDS = ["django.contrib.auth.backends.ModelBackend"]
    request = RequestFactory().get(f"/l/{shop.tokens['invoice']}")
    line = '"magiclink.django.backends.MagicLinkBackend" in AUTHENTICATION_BACKENDS'
    with pytest.raises(ConfigurationError, match=f"^sign-in opens an account, and nothing says .*: write {line}$"):
        adapter().answer(request)
    assert shop.tokens["invoice"] not in f"{request} {request.META}"


# What is done afterwards, and without any request.


def test_mail_of_the_site(settings: Settings) -> None:
    """The site's own mails go the same way, in the language that it names."""
    shop = Shop(settings)
    link = shop.links.issue(INVOICE, subject="ann", resource="invoice:1", recipient=ANN)
    front.send(link, to=ANN, about="Rechnung 1", language="de")
    assert (shop.outbox.last.subject, shop.outbox.last.text.split(",")[0]) == ("Rechnung 1", "Guten Tag")


def ask(visitor: Visitor, address: str = ANN) -> HttpResponse:
    """Ask for a sign-in link."""
    response: HttpResponse = visitor.post("/l/sign-in", {"email": address})
    return response


class Watched:
    """A mailer that tells whether the customer had the whole answer when it was called."""

    def __init__(self) -> None:
        self.answered, self.done = Event(), Event()
        self.was_answered: list[bool] = []

    def send(self, message: EmailMessage) -> None:
        """Wait until the customer has read the answer; before it was sent, that never happens."""
        self.was_answered.append(self.answered.wait(timeout=5))
        self.done.set()


@pytest.mark.django_db(transaction=True)
def test_mail_before_the_answer(settings: Settings) -> None:
    """K10: a mail that was asked for is written once the browser has the whole answer: its time tells nothing."""
    mailer = Watched()
    Shop(settings, MAILER=mailer)
    headers = {"Host": HOST, **OURS, "Content-Type": "application/x-www-form-urlencoded"}
    with served(WSGIHandler()) as port:
        assert by_socket(port)("POST", "/l/sign-in", headers, f"email={ANN}").status == 200
        mailer.answered.set()
        assert mailer.done.wait(timeout=10)
    assert mailer.was_answered == [True]


def test_mail_handed_to_a_queue(settings: Settings) -> None:
    """`DEFER` gets the job, and `magiclink.django.run` does it, within the limits."""
    queue: list[Job] = []
    shop = Shop(settings, DEFER=queue.append, LIMITS=Limits(per_address=1))
    for _ in range(2):
        assert page_of(ask(shop.visitor())) == "200 sent"
    assert (len(queue), len(shop.outbox)) == (2, 0)
    for job in queue:
        front.run(job)
    assert len(shop.outbox) == 1


class Broken:
    """A mailer that says too much when it fails."""

    def send(self, message: EmailMessage) -> None:
        """Fail."""
        raise RuntimeError(f"nobody takes mails for {message['To']}")


def test_address_in_the_log(settings: Settings, caplog: pytest.LogCaptureFixture) -> None:
    """What a late mailer raises is logged, with what failed and where, and without the address that it names."""
    Shop(settings, MAILER=Broken)
    assert page_of(ask(Visitor(Client()))) == "200 sent"
    [record] = [record for record in caplog.records if record.levelno == logging.ERROR]
    assert record.name == "magiclink"
    assert "sign-in, RuntimeError" in record.getMessage()
    assert not record.exc_info
    assert "acme" not in caplog.text


def test_source_of_a_request(settings: Settings) -> None:
    """H07: who asks is the address that Django was told, and a forged header is nobody's."""
    shop = Shop(settings, LIMITS=Limits(per_source=1))
    for source in ("198.51.100.1", "198.51.100.2"):
        headers = {"Host": HOST, **OURS, "X-Forwarded-For": source}
        shop.visitor().post("/l/sign-in", {"email": ANN}, headers=headers)
    assert len(shop.outbox) == 1
    shop.visitor().post("/l/sign-in", {"email": ANN}, REMOTE_ADDR="198.51.100.3")
    assert len(shop.outbox) == 2
