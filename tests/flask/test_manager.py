"""The manager itself: what it mounts, opens, signs in, sends and refuses."""

from __future__ import annotations

import pickle
from dataclasses import replace
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest

from flask import Flask, session
from magiclink import CONFIRM_EMAIL, INVOICE, SIGN_IN, STEP_UP, ConfigurationError, UnavailableError
from magiclink.flask import LinkManager
from tests.exchanges import ANN, ORIGIN, OURS, Step
from tests.flask.site import Shop, by_client, new_app, page_of, remember
from tests.stage import Accounts, Stage

if TYPE_CHECKING:
    from email.message import EmailMessage

    from magiclink import Redemption
    from magiclink.web import Job


def test_two_managers_in_an_app() -> None:
    """M16: a second manager, or the same one twice, is found when it is mounted."""
    shop = Shop()
    for manager in (shop.manager, LinkManager(shop.links)):
        with pytest.raises(ConfigurationError, match="already"):
            manager.init_app(shop.app)


def test_several_apps_in_a_process() -> None:
    """Each app has its own manager, links and mails; B04: one's link is nothing to the other."""
    first, second = Shop(), Shop()
    assert first.visitor().open(first.url("invoice")).text == "invoice 1001 of ann"
    assert page_of(second.visitor().get(first.url("invoice"))) == "404 not-genuine"
    second.visitor().post("/l/sign-in", {"email": ANN})
    assert (len(first.outbox), len(second.outbox)) == (0, 1)


def test_one_manager_in_two_apps() -> None:
    """One manager serves two apps of a process: what it knows of links is the same, sessions are each app's own."""
    shop, other = Shop(), new_app(SECRET_KEY="of the other")
    shop.manager.init_app(other)
    visitor = shop.visitor()
    visitor.press(visitor.open(shop.url("sign_in")))
    assert visitor.get("/invoices").text == "signed in: ann"
    again = other.test_client()
    again.get(shop.url("sign_in"))
    assert page_of(again.get(f"{ORIGIN}/l/")) == "410 used"


def test_account_without_on_redeemed() -> None:
    """An account policy without its `on_redeemed` is an error at the first request, before anything is used."""
    shop = Shop(INVOICE, SIGN_IN, STEP_UP)
    with pytest.raises(ConfigurationError, match="step-up"):
        shop.visitor().get("/l/")
    shop.manager.on_redeemed(STEP_UP)(remember)
    assert page_of(shop.visitor().get("/l/")) == "400 no-cookie"


@pytest.mark.parametrize("policy", [INVOICE, CONFIRM_EMAIL, replace(SIGN_IN, lifetime=timedelta(minutes=5))])
def test_on_redeemed_of_a_document(policy: Any) -> None:
    """A document's link signs nobody in, and a policy that isn't the app's is none."""
    with pytest.raises(ConfigurationError):
        Shop(INVOICE, SIGN_IN, CONFIRM_EMAIL).manager.on_redeemed(policy)


def test_line_to_write_for_an_account() -> None:
    """The error of an account policy that nobody signs in by has the line to write."""
    with pytest.raises(ConfigurationError, match=r"write @manager\.on_redeemed\(STEP_UP\)$"):
        Shop(INVOICE, SIGN_IN, STEP_UP).visitor().get("/l/")


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("sendr", "there is no option sendr; is sender meant?"),
        ("signed_as", "there is no option signed_as; is signed_in_as meant?"),
        ("defre", "there is no option defre; is defer meant?"),
        ("colour", "there is no option colour: there are admit, defer, describe, directory, home, language, "),
    ],
)
def test_unknown_option(name: str, message: str) -> None:
    """An option that doesn't exist is refused, with the one that was meant: Flask's own ones are among them."""
    given: Any = {name: None}
    with pytest.raises(ConfigurationError) as caught:
        LinkManager(Stage().links, **given)
    assert str(caught.value).startswith(message)


def answer_with(answer: object, redemption: Redemption) -> object:
    """Return something, whoever is signed in."""
    return answer


def test_landing_of_on_redeemed() -> None:
    """A path that `on_redeemed` returns is where the browser lands; anything else it returns says nothing."""
    shop = Shop()
    for returned, landed in (("/second-factor", "/second-factor"), (None, "/invoices"), (object(), "/invoices")):
        shop.manager.on_redeemed(SIGN_IN)(partial(answer_with, returned))
        visitor = shop.visitor()
        link = shop.links.issue(SIGN_IN, subject="ann", recipient=ANN, destination="/invoices")
        assert visitor.press(visitor.open(link.url)).location == landed


def test_decorator_keeps_the_function() -> None:
    """`on_redeemed` gives the function back."""
    assert Shop().manager.on_redeemed(SIGN_IN)(remember) is remember


def test_send_outside_of_a_request() -> None:
    """A cron job sends without any app: the link is mailed, marked delivered, and ends the one before."""
    shop = Shop()
    manager = LinkManager(shop.links, mailer=shop.outbox)
    shop.clock.tick(timedelta(minutes=5))
    link = shop.links.remind(INVOICE, subject="ann", resource="invoice:1001", recipient=ANN)
    manager.send(link, to=ANN, about="Invoice 1001")
    assert (shop.outbox.last.url, shop.outbox.last.to) == (link.url, ANN)
    assert "Invoice 1001" in shop.outbox.last.text
    assert page_of(shop.visitor().open(shop.url("invoice"))) == "410 superseded"


def test_reminder_outside_of_a_request() -> None:
    """A support desk's reminder needs no app: a fresh link goes to the address on file, and ends the one before."""
    shop = Shop()
    shop.clock.tick(timedelta(minutes=5))
    old = shop.links.find(subject="ann", policy=INVOICE)[0]
    link = shop.manager.remind(old.link_id)
    assert (shop.outbox.last.url, shop.outbox.last.to) == (link.url, ANN)
    assert page_of(shop.visitor().open(shop.url("invoice"))) == "410 superseded"


class Down:
    """A mailer whose server is down."""

    def send(self, message: EmailMessage) -> None:
        """Fail."""
        raise UnavailableError("the mail server did not take the mail")


def test_send_to_a_server_that_is_down() -> None:
    """A mail that wasn't taken is UnavailableError, and the link before it still opens."""
    shop = Shop(mailer=Down())
    shop.clock.tick(timedelta(minutes=5))
    link = shop.links.remind(INVOICE, subject="ann", resource="invoice:1001", recipient=ANN)
    with pytest.raises(UnavailableError):
        shop.manager.send(link, to=ANN)
    assert shop.visitor().open(shop.url("invoice")).text == "invoice 1001 of ann"


def test_failing_mailer_in_a_test() -> None:
    """While testing, a mail is sent at once, and a mailer that fails fails the test."""
    with pytest.raises(UnavailableError):
        Shop(mailer=Down()).visitor().post("/l/sign-in", {"email": ANN})


def test_deferred_job() -> None:
    """`defer` gets the job, which a queue may pickle; nothing is mailed until `run`, in whatever process."""
    queue: list[Job] = []
    shop = Shop(defer=queue.append)
    assert page_of(shop.visitor().post("/l/sign-in", {"email": ANN})) == "200 sent"
    assert len(shop.outbox) == 0
    shop.manager.run(pickle.loads(pickle.dumps(queue.pop())))
    assert shop.outbox.last.to == ANN


def test_deferred_job_of_an_old_link() -> None:
    """The job of a renewal holds no token, and its mail has the fresh link."""
    queue: list[Job] = []
    shop = Shop(defer=queue.append)
    visitor = shop.visitor()
    shop.clock.tick(timedelta(days=14))
    assert page_of(visitor.press(visitor.open(shop.url("invoice")))) == "200 sent"
    assert shop.tokens["invoice"] not in repr(queue)
    shop.manager.run(queue.pop())
    assert visitor.open(shop.outbox.last.url).text == "invoice 1001 of ann"


def test_limits_over_http() -> None:
    """L04: over a limit the answer is the same, and no mail goes out."""
    shop = Shop()
    asking = Step(method="POST", path="/l/sign-in", headers=OURS, form={"email": ANN})
    answers = [answer for _ in range(7) for answer in shop.play([asking], by_client(shop.app))]
    assert answers[0].told() == "200 sent"
    assert set(answers) == {answers[0]}
    assert len(shop.outbox) == 5


def test_fields_of_an_attacker() -> None:
    """G35: hidden fields that name another site, address or time are ignored."""
    shop = Shop()
    form = {
        "email": ANN,
        "redirect": "//evil.example",
        "base_url": "https://evil.example/",
        "email_to": "eve@evil.example",
    }
    assert page_of(shop.visitor().post("/l/sign-in?next=//evil.example", form)) == "200 sent"
    assert (shop.outbox.last.to, len(shop.outbox)) == (ANN, 1)
    assert "evil" not in shop.outbox.last.message.as_string()


def test_no_directory() -> None:
    """Without a directory there is nothing to ask for, and the closed page says so."""
    shop = Shop(directory=None, mailer=None)
    assert page_of(shop.visitor().get("/l/sign-in")) == "404 not-genuine"
    closed = shop.visitor().get("/invoices/1001")
    assert (page_of(closed), "<form" in closed.text) == ("403 closed", False)


def test_app_without_a_secret() -> None:
    """An app whose links open documents alone needs no session, and no secret for one."""
    shop = Shop.__new__(Shop)
    Stage.__init__(shop, INVOICE, SIGN_IN)
    app = Flask(__name__)
    app.testing = True
    manager = LinkManager(shop.links, directory=Accounts(), mailer=shop.outbox)
    manager.on_redeemed(SIGN_IN)(remember)
    manager.init_app(app)
    assert app.test_client().get(f"{ORIGIN}/l/{shop.tokens['invoice']}").location == "/invoices/1001"


def test_unused_session() -> None:
    """A document's link puts nothing into the app's session."""
    shop = Shop()
    with shop.app.test_client() as client:
        client.get(shop.url("invoice"))
        assert dict(session) == {}


def test_seal_of_another_browser() -> None:
    """G09, G11: without an Origin the form decides, and another browser's form is none."""
    shop = Shop()
    mine, theirs = shop.visitor(), shop.visitor()
    mine.open(shop.url("sign_in"))
    page = theirs.open(shop.url("sign_in"))
    seal = {"form": page.text.split('name="form" value="')[1].split('"')[0]}
    assert page_of(mine.post("/l/", seal, headers={})) == "403 elsewhere"
    assert page_of(theirs.post("/l/", seal, headers={})) == "303 /invoices"
