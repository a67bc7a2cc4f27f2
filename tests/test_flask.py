"""The manager itself: what it mounts, opens, signs in, sends and refuses."""

from __future__ import annotations

import pickle
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from flask import Flask, Response, abort, request, session
from flask.views import MethodView

from magiclink import CONFIRM_EMAIL, INVOICE, SIGN_IN, STEP_UP, ConfigurationError, StoreError, UnavailableError
from magiclink.flask import LinkManager, link_event, send_signal
from tests.exchanges import ANN, ORIGIN, OURS, Accounts, Stage, Step
from tests.flask_site import Shop, by_client, new_app, page_of, remember

if TYPE_CHECKING:
    from email.message import EmailMessage

    from magiclink import Event, Redemption
    from magiclink.web import Job


def test_document_opens_for_its_browser_alone() -> None:
    """One click opens the document in the browser that clicked, and in no other."""
    shop = Shop()
    visitor, other = shop.visitor(), shop.visitor()
    assert visitor.open(shop.url("invoice")).text == "invoice 1001 of ann"
    assert page_of(other.get("/invoices/1001")) == "403 closed"


def test_document_of_another_number() -> None:
    """B02: a link of one invoice opens no other one."""
    shop = Shop()
    visitor = shop.visitor()
    visitor.open(shop.url("invoice"))
    assert page_of(visitor.get("/invoices/1002")) == "403 closed"


def test_closed_page_leads_on() -> None:
    """The page of a closed document takes an address, and its mail signs in."""
    shop = Shop()
    visitor = shop.visitor()
    assert page_of(visitor.press(visitor.get("/invoices/1001"), email=ANN)) == "200 sent"
    assert page_of(visitor.open(shop.outbox.last.url)) == "200 confirm"


def test_revoked_while_open() -> None:
    """M14: what a link opened closes at the next request after it was revoked."""
    shop = Shop()
    visitor = shop.visitor()
    visitor.open(shop.url("invoice"))
    shop.links.revoke_all(subject="ann")
    assert page_of(visitor.get("/invoices/1001")) == "403 closed"


def test_store_down_at_an_open_document(monkeypatch: pytest.MonkeyPatch) -> None:
    """A document is shown only after the store was asked: without it, 503."""
    shop = Shop()
    visitor = shop.visitor()
    visitor.open(shop.url("invoice"))

    def down(*_: object, **__: object) -> None:
        raise StoreError("down")

    monkeypatch.setattr(shop.links.flows._store, "get", down)
    assert page_of(visitor.get("/invoices/1001")) == "503 unavailable"


def test_opened_page_in_a_shared_cache() -> None:
    """G30: what one browser may see is kept by no cache, and depends on its cookies."""
    shop = Shop()
    opened = shop.visitor().open(shop.url("invoice"))
    assert (opened.headers["Cache-Control"], opened.headers["Vary"]) == ("no-store", "Cookie")


def guarded(shop: Shop, view: Any, **options: Any) -> Any:
    """Guard a view by the invoice's link, and give its answer to the browser that clicked."""
    resource = options.pop("resource", "invoice:{number}")
    guard = shop.manager.opened_by(INVOICE, resource=resource, **options)
    shop.app.add_url_rule("/guarded/<int:number>", view_func=guard(view))
    visitor = shop.visitor()
    visitor.open(shop.url("invoice"))
    return visitor.get("/guarded/1001")


def test_headers_of_the_view() -> None:
    """A view's own headers are kept."""

    def view(number: int, redemption: Redemption) -> Response:
        return Response("x", 201, {"Cache-Control": "private, max-age=5", "Vary": "Accept-Language", "X-Own": "1"})

    answer = guarded(Shop(), view)
    assert (answer.status_code, answer.headers["Cache-Control"]) == (201, "private, max-age=5")
    assert (answer.headers["Vary"], answer.headers["X-Own"]) == ("Accept-Language, Cookie", "1")


def test_view_that_aborts() -> None:
    """What a view raises stays the app's own affair."""

    def view(number: int, redemption: Redemption) -> str:
        abort(418)

    assert guarded(Shop(), view).status_code == 418


def test_class_of_a_view() -> None:
    """A view in a class is guarded by its `decorators`."""
    shop = Shop()

    class Invoice(MethodView):
        decorators = (shop.manager.opened_by(INVOICE, resource="invoice:{number}"),)

        def get(self, number: int, redemption: Redemption) -> str:
            return f"{number} of {redemption.subject}"

    shop.app.add_url_rule("/by-class/<int:number>", view_func=Invoice.as_view("by_class"))
    visitor = shop.visitor()
    assert page_of(visitor.get("/by-class/1001")) == "403 closed"
    visitor.open(shop.url("invoice"))
    assert visitor.get("/by-class/1001").text == "1001 of ann"


def test_asynchronous_view() -> None:
    """An `async def` view is guarded like any other."""
    pytest.importorskip("asgiref", reason="Flask runs asynchronous views through asgiref")

    async def view(number: int, redemption: Redemption) -> str:
        return f"{number} of {redemption.subject}"

    assert guarded(Shop(), view).text == "1001 of ann"


def test_visitor_who_needs_no_link() -> None:
    """Where `unless` says so, the view is shown without a redemption, and nothing is put on its answer."""

    def view(number: int, redemption: Redemption | None) -> str:
        return f"{number} by {redemption}"

    shop = Shop()
    guard = shop.manager.opened_by(INVOICE, resource="invoice:{number}", unless=lambda: "staff" in request.args)
    shop.app.add_url_rule("/guarded/<int:number>", view_func=guard(view))
    answer = shop.visitor().get("/guarded/1001?staff=1")
    assert (answer.text, "Cache-Control" in answer.headers) == ("1001 by None", False)
    assert page_of(shop.visitor().get("/guarded/1001")) == "403 closed"


def test_template_of_a_resource() -> None:
    """The resource is named by the view's own arguments, byte for byte; what a visitor writes there is no template."""
    shop = Shop()

    @shop.app.get("/files/<folder>/<path:name>")
    @shop.manager.opened_by(INVOICE, resource="file:{folder}/{name}")
    def file(folder: str, name: str, redemption: Redemption) -> str:
        return redemption.resource or ""

    for resource in ("file:a/b c/d", "file:{name}/x"):
        link = shop.links.issue(INVOICE, subject="ann", resource=resource, recipient=ANN)
        shop.visitor().get(link.url)
        visitor = shop.visitor()
        visitor.get(link.url)
        path = resource.removeprefix("file:").replace(" ", "%20")
        assert visitor.get(f"/files/{path}").text == resource
        assert visitor.get(f"/files/{path}%20").status_code == 403


def test_large_upload_to_a_view() -> None:
    """The bound on our own forms is none on the app's."""
    shop = Shop()

    @shop.app.post("/uploads/<int:number>")
    @shop.manager.opened_by(INVOICE, resource="invoice:{number}")
    def upload(number: int, redemption: Redemption) -> str:
        return str(len(request.get_data()))

    visitor = shop.visitor()
    visitor.open(shop.url("invoice"))
    assert visitor.client.post(f"{ORIGIN}/uploads/1001", data=b"x" * 1_000_000).text == "1000000"


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
    """An account policy that nobody says how to sign in with is told at the first request, before anything is used."""
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


def test_landing_of_on_redeemed() -> None:
    """A path that `on_redeemed` returns is where the browser lands; anything else it returns says nothing."""
    shop = Shop()
    for returned, landed in (("/second-factor", "/second-factor"), (None, "/invoices"), (object(), "/invoices")):
        shop.manager.on_redeemed(SIGN_IN)(lambda redemption, answer=returned: answer)
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
    form = {"email": ANN, "redirect": "//evil.example", "base_url": "https://evil.example/", "email_to": "eve@evil.example"}
    assert page_of(shop.visitor().post("/l/sign-in?next=//evil.example", form)) == "200 sent"
    assert (shop.outbox.last.to, len(shop.outbox)) == (ANN, 1)
    assert "evil" not in shop.outbox.last.message.as_string()


def test_signals(caplog: pytest.LogCaptureFixture) -> None:
    """`on_event=send_signal` tells whoever listens to `link_event`, and the log."""
    caplog.set_level("INFO", "magiclink")
    heard: list[Event] = []

    def listen(sender: object, event: Event) -> None:
        heard.append(event)

    stage = Stage(on_event=send_signal)
    with link_event.connected_to(listen):
        stage.links.redeem(stage.tokens["sign_in"], SIGN_IN)
    assert caplog.messages[-1].startswith("redeemed link=")
    assert [event.kind for event in heard] == ["redeemed"]
    assert stage.tokens["sign_in"] not in repr(heard)


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


def test_source_that_is_missing() -> None:
    """G39: without an address of the client, everybody shares one bucket."""
    shop = Shop()
    for _ in range(2):
        answer = shop.visitor().post("/l/sign-in", {"email": ANN}, environ_overrides={"REMOTE_ADDR": ""})
        assert page_of(answer) == "200 sent"
    assert len(shop.outbox) == 2


def test_seal_of_another_browser() -> None:
    """G09, G11: without an Origin the form decides, and another browser's form is none."""
    shop = Shop()
    mine, theirs = shop.visitor(), shop.visitor()
    mine.open(shop.url("sign_in"))
    page = theirs.open(shop.url("sign_in"))
    seal = {"form": page.text.split('name="form" value="')[1].split('"')[0]}
    assert page_of(mine.post("/l/", seal, headers={})) == "403 elsewhere"
    assert page_of(theirs.post("/l/", seal, headers={})) == "303 /invoices"
