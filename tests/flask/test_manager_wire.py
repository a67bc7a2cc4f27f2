"""What a server sends: the same answers on a socket as in a test, whatever the request says of its host."""

from __future__ import annotations

from dataclasses import replace
from http.client import HTTPConnection
from socket import create_connection
from threading import Event
from typing import TYPE_CHECKING

import pytest
from werkzeug.middleware.proxy_fix import ProxyFix

from flask import current_app, has_request_context
from magiclink import INVOICE, SIGN_IN
from magiclink.web import Limits
from tests.exchanges import ANN, ORIGIN, OURS, STORIES, Step
from tests.flask.site import Shop, by_client, by_socket, new_app, served
from tests.stage import Stage, bare

if TYPE_CHECKING:
    from email.message import EmailMessage

FORM = {"Content-Type": "application/x-www-form-urlencoded"}


@pytest.mark.parametrize("name", STORIES)
def test_conversation_told_wrong(name: str) -> None:
    """The stories tell what the conversation itself answers, and so what every adapter must."""
    stage = Stage()
    for step, answer in zip(STORIES[name], stage.play(STORIES[name], bare(stage)), strict=True):
        assert step.expect.startswith(answer.told()) if step.method == "HEAD" else step.expect == answer.told()


@pytest.mark.parametrize("name", STORIES)
@pytest.mark.parametrize("way", ["client", "wsgiref", "werkzeug"])
def test_answer_that_differs(name: str, way: str) -> None:
    """Status, headers, cookies and body are those of the bare conversation, in a test and on two servers' sockets."""
    stage, shop = Stage(), Shop()
    expected = stage.play(STORIES[name], bare(stage))
    if way == "client":
        answers = shop.play(STORIES[name], by_client(shop.app))
    else:
        with served(shop.app, way) as port:
            answers = shop.play(STORIES[name], by_socket(port))
    assert answers == expected
    assert len(shop.outbox) == len(stage.outbox)


class Watched:
    """A mailer that tells whether the customer had the whole answer when it was called."""

    def __init__(self) -> None:
        self.answered, self.done = Event(), Event()
        self.was_answered: list[bool] = []

    def send(self, message: EmailMessage) -> None:
        """Wait until the customer has read the answer; before it was sent, that never happens."""
        self.was_answered.append(self.answered.wait(timeout=5))
        self.done.set()


@pytest.mark.parametrize("kind", ["wsgiref", "werkzeug"])
def test_mail_before_the_answer(kind: str) -> None:
    """A mail that was asked for is written once the browser has the whole answer: its time shows nothing (K10)."""
    mailer = Watched()
    shop = Shop(app=new_app(TESTING=False), mailer=mailer)
    with served(shop.app, kind) as port:
        [answer] = shop.play([ask_for_a_link(ANN)], by_socket(port))
        assert answer.told() == "200 sent"
        mailer.answered.set()
        assert mailer.done.wait(timeout=10)
    assert mailer.was_answered == [True]


def ask_for_a_link(address: str) -> Step:
    """Type an address on the sign-in page; without one, a browser that says where it comes from is enough."""
    return Step(method="POST", path="/l/sign-in", headers=OURS, form={"email": address}, expect="200 sent")


class Broken:
    """A mailer that says too much when it fails."""

    def send(self, message: EmailMessage) -> None:
        """Fail."""
        raise RuntimeError(f"nobody takes mails for {message['To']}")


def test_address_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    """What a late mailer raises is logged, with what failed and where, and without the address that it names."""
    shop = Shop(app=new_app(TESTING=False), mailer=Broken())
    with served(shop.app) as port:
        [answer] = shop.play([ask_for_a_link(ANN)], by_socket(port))
    assert answer.told() == "200 sent"
    [record] = [record for record in caplog.records if record.levelname == "ERROR"]
    assert record.name == "magiclink"
    assert "sign-in, RuntimeError" in record.getMessage()
    assert "in send" in record.getMessage()
    assert not record.exc_info
    assert "acme" not in caplog.text


def test_late_mail_knows_its_app() -> None:
    """A job has the app's context, as its database may need, though the request is over."""
    app, seen, done = new_app(TESTING=False), [], Event()

    class Asking:
        def send(self, message: EmailMessage) -> None:
            seen.append((current_app.name, has_request_context()))
            done.set()

    with served(Shop(app=app, mailer=Asking()).app) as port:
        by_socket(port)("POST", "/l/sign-in", {**OURS, **FORM}, f"email={ANN}")
    assert done.wait(timeout=10)
    assert seen == [(app.name, False)]


@pytest.mark.parametrize("kind", ["wsgiref", "werkzeug"])
@pytest.mark.parametrize("content_type", ["application/x-www-form-urlencoded", "multipart/form-data", "text/plain"])
def test_ten_megabytes(kind: str, content_type: str) -> None:
    """G24: a body of 10 MB is 413 by its announced length: not one byte of it has been sent, so none was read."""
    with served(Shop().app, kind) as port:
        connection = HTTPConnection("127.0.0.1", port, timeout=30)
        connection.putrequest("POST", "/l/")
        for name, value in {**OURS, "Content-Type": content_type, "Content-Length": "10000000"}.items():
            connection.putheader(name, value)
        connection.endheaders()
        response = connection.getresponse()
        assert (response.status, "too-large" in response.read().decode()) == (413, True)
        connection.close()


HOSTS = [
    ("evil.example",),
    ("billing.example@evil.example",),
    ("billing.example/evil.example",),
    ("billing.example#evil.example",),
    ("billing.example:80:80",),
    ("",),
    ("billing.example", "evil.example"),
    ("BILLING.example.",),
]


@pytest.mark.parametrize("hosts", HOSTS, ids=" and ".join)
@pytest.mark.parametrize("kind", ["wsgiref", "werkzeug"])
def test_hostile_host(kind: str, hosts: tuple[str, ...]) -> None:
    """H01, H04, H09, H10: whatever Host says from the first request on, mails and Locations are the site's own."""
    shop = Shop()
    with served(shop.app, kind) as port:
        visited = raw(port, "GET", f"/l/{shop.tokens['invoice']}", hosts)
        raw(port, "POST", "/l/sign-in", hosts, f"email={ANN}")
    assert "evil" not in visited.lower()
    assert "domain=" not in visited.lower()
    if visited.startswith(("HTTP/1.0 303", "HTTP/1.1 303")):
        assert "\r\nLocation: /invoices/1001\r\n" in visited
        assert "; Secure\r\n" in visited
    assert [mail.url.startswith(f"{ORIGIN}/l/") for mail in shop.outbox.messages] in ([], [True])


def test_absolute_request_target() -> None:
    """H05: a request that names another site in its first line gets nothing of it back."""
    shop = Shop()
    for kind in ("wsgiref", "werkzeug"):
        with served(shop.app, kind) as port:
            visited = raw(port, "GET", f"http://evil.example/l/{shop.tokens['invoice']}", ("billing.example",))
        assert "evil" not in visited


def raw(port: int, method: str, target: str, hosts: tuple[str, ...], body: str = "") -> str:
    """Send a request just as it is written here, and return the answer just as it came."""
    fields = {**OURS, **FORM, "Content-Length": str(len(body)), "Connection": "close"}
    lines = [f"{method} {target} HTTP/1.1", *(f"Host: {host}" for host in hosts)]
    lines += [f"{name}: {value}" for name, value in fields.items()]
    with create_connection(("127.0.0.1", port), timeout=30) as connection, connection.makefile("rb") as answer:
        connection.sendall("\r\n".join([*lines, "", body]).encode())
        return answer.read().decode()


FORWARDED = {
    "X-Forwarded-Host": "evil.example",
    "X-Forwarded-Proto": "http",
    "X-Forwarded-For": "203.0.113.1, 203.0.113.2",
    "X-Forwarded-Prefix": "/evil",
    "Forwarded": "host=evil.example;proto=http",
    "X-Original-URL": "/evil",
    "X-HTTP-Method-Override": "POST",
}


def test_forwarded_headers() -> None:
    """H02, H06: headers that only a proxy may set change nothing, in an answer or in a mail."""
    stage, shop = Stage(), Shop()
    story = [
        replace(step, headers={**step.headers, **FORWARDED}) for step in (*STORIES["signing in"], ask_for_a_link(ANN))
    ]
    expected = stage.play([*STORIES["signing in"], ask_for_a_link(ANN)], bare(stage))
    with served(shop.app) as port:
        assert shop.play(story, by_socket(port)) == expected
    assert shop.outbox.last.url.startswith(f"{ORIGIN}/l/")


@pytest.mark.parametrize(("hops", "mails"), [(0, 1), (1, 2)])
def test_forged_source(hops: int, mails: int) -> None:
    """H07: who asks is what the app's own proxy setting says, and without one a forged header is nobody's address."""
    shop = Shop(limits=Limits(per_source=1))
    shop.app.wsgi_app = ProxyFix(shop.app.wsgi_app, x_for=hops)  # type: ignore[method-assign]
    send = by_client(shop.app)
    for source in ("198.51.100.1", "198.51.100.2"):
        send("POST", "/l/sign-in", {**OURS, **FORM, "X-Forwarded-For": f"203.0.113.9, {source}"}, f"email={ANN}")
    assert len(shop.outbox) == mails


DESTINATIONS = [
    "/ok?x=//evil.example",
    "/ok?next=/x?next=//evil.example",
    "/a%20b/c?d=%2F%2Fevil.example",
    "/ok?u=https://evil.example/%C3%A9#part",
    "/it's;v=1,(2)?a=b&c=%26",
]


@pytest.mark.parametrize("destination", DESTINATIONS)
@pytest.mark.parametrize("kind", ["wsgiref", "werkzeug"])
def test_location_on_the_wire(kind: str, destination: str) -> None:
    """I27: the Location that leaves the server is, letter for letter, what was fixed at issue."""
    shop = Shop()
    link = shop.links.issue(INVOICE, subject="ann", resource="invoice:1", recipient=ANN, destination=destination)
    with served(shop.app, kind) as port:
        answer = raw(port, "GET", f"/l/{link.token}", ("billing.example",))
    assert f"\r\nLocation: {destination}\r\n" in answer


@pytest.mark.parametrize(
    "path",
    ["//evil.example", "/\t/evil.example", "/\\evil.example", "https://evil.example", "/ok\r\nX-Evil: 1", "ok", ""],
)
def test_landing_elsewhere(path: str) -> None:
    """I01, I06, I14: where `on_redeemed` sends a browser is checked as a destination is; anything else leads home."""
    shop = Shop(home="/home")
    shop.manager.on_redeemed(SIGN_IN)(lambda redemption: path)
    with served(shop.app) as port:
        *_, answer = shop.play(STORIES["signing in"][:3], by_socket(port))
    assert dict(answer.headers)["location"] == "/home"
    assert "x-evil" not in dict(answer.headers)
