"""The same exchanges through Flask and through Django: the same answers, but for the framework's own names."""

from __future__ import annotations

from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest
from django.core.handlers.wsgi import WSGIHandler
from werkzeug.test import Client as WSGIClient

from magiclink import SIGN_IN, StoreError
from tests.django.site import Shop, ann, by_asgi, by_async_client, by_client
from tests.exchanges import ANN, OPEN, ORIGIN, OURS, STORIES, ask, press
from tests.flask.site import Shop as FlaskShop
from tests.flask.site import by_client as by_flask_client
from tests.flask.site import by_socket, new_app, served
from tests.stage import Raw, compared

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from pytest_django.fixtures import Settings

    from tests.exchanges import Step
    from tests.stage import Answer, Send, Stage

pytestmark = pytest.mark.django_db
across_threads = pytest.mark.django_db(transaction=True)
WAYS = {"client": by_client, "async client": by_async_client, "asgi": by_asgi}
LANGUAGES = ["en", "de"]


def play(stage: Stage, story: Sequence[Step], send: Send) -> list[Answer]:
    """Play a story, and return answers whose cookies have their attributes in one order: each framework has its own."""
    return [_in_order(answer) for answer in stage.play(story, send)]


def _in_order(answer: Answer) -> Answer:
    return answer._replace(cookies=tuple("; ".join(sorted(cookie.strip().split("; "))) for cookie in answer.cookies))


def flask(**config: Any) -> FlaskShop:
    """Return the same site in Flask."""
    return FlaskShop(app=new_app(**config), languages=LANGUAGES)


# The stories that every adapter is put through.


@across_threads
@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("name", STORIES)
def test_answer_that_differs(name: str, way: str, settings: Settings) -> None:
    """Status, headers, cookies and text are those of Flask's adapter, whichever way the request comes."""
    ann()
    shop, other = Shop(settings), flask()
    answers = play(shop, STORIES[name], WAYS[way]())
    assert answers == play(other, STORIES[name], by_flask_client(other.app))
    assert len(shop.outbox) == len(other.outbox)


@across_threads
@pytest.mark.parametrize("name", STORIES)
def test_answer_that_differs_on_a_socket(name: str, settings: Settings) -> None:
    """The same on a server's socket."""
    ann()
    shop, other = Shop(settings), flask()
    with served(WSGIHandler()) as port:
        answers = play(shop, STORIES[name], by_host(port))
    assert answers == play(other, STORIES[name], by_flask_client(other.app))
    assert len(shop.outbox) == len(other.outbox)


def by_host(port: int) -> Send:
    """Send requests over a socket under the site's own name, as a proxy that ends TLS does."""
    send = by_socket(port)
    return lambda method, path, headers, body: send(method, path, {"Host": "billing.example", **headers}, body)


# Every state of a link, at every route.


def down(*_: object, **__: object) -> Any:
    """Fail, as a store that can't be reached."""
    raise StoreError("down")


def break_store(stage: Stage) -> None:
    """Let the store fail from now on."""
    for call in ("get", "consume", "put", "hit", "note"):
        if hasattr(stage.links.flows.store, call):
            setattr(stage.links.flows.store, call, down)


def forget(stage: Stage) -> None:
    """Let every record be purged."""
    stage.clock.tick(timedelta(days=800))
    stage.links.purge(keep=timedelta(days=400))
    stage.clock.tick(timedelta(days=-800))


def _supersede(stage: Stage) -> None:
    policy = stage.links.flows.policies["invoice"]
    newer = stage.links.issue(policy, subject="ann", resource="invoice:1001", recipient=ANN)
    stage.links.mark_delivered(newer.link_id)


STATES: dict[str, Callable[[Stage], object]] = {
    "outstanding": lambda stage: None,
    "used": lambda stage: stage.links.redeem(stage.tokens["sign_in"], SIGN_IN),
    "revoked": lambda stage: stage.links.revoke_all(subject="ann", reason="asked for"),
    "superseded": _supersede,
    "expired": lambda stage: stage.clock.tick(timedelta(minutes=9, seconds=59)),
    "gone": forget,
    "store down": break_store,
}
VISIT = (
    ask("/l/", ""),
    press(""),
    ask("/l/", ""),
    press("", "/l/new"),
    ask("/l/{sign_in}", ""),
    ask("/l/{invoice}", ""),
    ask("/invoices/1001", ""),
    ask("/l/", "", "HEAD"),
    ask("/l/sign-in", ""),
)


def after(count: int, change: Callable[[], object], send: Send) -> Send:
    """Let something happen after so many requests."""
    sent: list[None] = []

    def watched(method: str, path: str, headers: dict[str, str], body: str | None) -> Raw:
        if len(sent) == count:
            change()
        sent.append(None)
        return send(method, path, headers, body)

    return watched


@pytest.mark.parametrize("was_opened", [True, False])
@pytest.mark.parametrize("state", STATES)
def test_state_told_otherwise(state: str, was_opened: bool, settings: Settings) -> None:
    """In every state of its links, whether this browser holds what they opened or not, a visit goes as in Flask."""
    ann()
    before = (*OPEN, ask("/l/{invoice}", ""), ask("/l/{sign_in}", "")) if was_opened else OPEN
    visits = []
    for stage, send in ((Shop(settings), by_client()), (other := flask(TESTING=False), by_flask_client(other.app))):
        changing = after(len(before), partial(STATES[state], stage), send)
        answers = play(stage, (*before, *VISIT), changing)
        visits.append([_without_view(answer) for answer in answers])
    assert visits[0] == visits[1]
    assert len({answer.status for answer in visits[0]}) > 1


def _without_view(answer: Answer) -> Answer:
    """Return the answer of a view of the site's own without what is the framework's: its headers."""
    return answer._replace(headers=()) if answer.body.startswith("invoice ") else answer


# Requests that no browser sends.


class Hostile(NamedTuple):
    """One request, byte for byte."""

    method: str
    path: str
    kind: str = ""
    body: bytes = b""
    headers: dict[str, str] = {}  # noqa: RUF012  # it's only read


FORM = "application/x-www-form-urlencoded"
PARTS = "multipart/form-data; boundary=B"
PART = b'--B\r\nContent-Disposition: form-data; name="email"\r\n\r\nann@acme.example\r\n'
TOKEN = "A" * 60

HOSTILE = {
    "a form of parts": Hostile("POST", "/l/sign-in", PARTS, PART + b"--B--\r\n"),
    "many parts": Hostile("POST", "/l/sign-in", PARTS, PART * 200 + b"--B--\r\n"),
    "parts without an end": Hostile("POST", "/l/sign-in", PARTS, PART),
    "parts without a boundary": Hostile("POST", "/l/sign-in", "multipart/form-data", PART),
    "parts that are too large": Hostile("POST", "/l/sign-in", PARTS, PART + b"x" * 20_000),
    "a text that is too large": Hostile("POST", "/l/", "text/plain", b"x" * 20_000),
    "a form without a type": Hostile("POST", "/l/sign-in", "", b"email=ann%40acme.example"),
    "a form of another charset": Hostile("POST", "/l/sign-in", f"{FORM}; charset=utf-16", b"email=ann%40acme.example"),
    "a form of an unknown charset": Hostile("POST", "/l/sign-in", f"{FORM}; charset=tlh", b"email=ann%40acme.example"),
    "a form that is no UTF-8": Hostile("POST", "/l/sign-in", FORM, b"email=ann%40acme.example&x=\xff"),
    "an address that is no UTF-8": Hostile("POST", "/l/sign-in", FORM, b"email=%FF%FE"),
    "two addresses": Hostile("POST", "/l/sign-in", FORM, b"email=ann%40acme.example&email=eve%40evil.example"),
    "many fields": Hostile("POST", "/l/sign-in", FORM, b"email=ann%40acme.example" + b"&a=1" * 3_000),
    "JSON": Hostile("POST", "/l/sign-in", "application/json", b'{"email": "ann@acme.example"}'),
    "a body of GET": Hostile("GET", "/l/sign-in", FORM, b"email=ann%40acme.example"),
    "a large body of GET": Hostile("GET", "/l/sign-in", FORM, b"x" * 20_000),
    "a large body of PUT": Hostile("PUT", "/l/", FORM, b"x" * 20_000),
    "an overridden method": Hostile("POST", "/l/", FORM, b"_method=DELETE", {"X-HTTP-Method-Override": "DELETE"}),
    "another path in a header": Hostile("GET", "/l/", headers={"X-Original-URL": f"/l/{TOKEN}", "X-Rewrite-URL": "/"}),
    "NUL": Hostile("GET", f"/l/{TOKEN}%00"),
    "a line end": Hostile("GET", "/l/x%0d%0aSet-Cookie:%20a=b"),
    "no UTF-8": Hostile("GET", "/l/%ff%c0%af"),
    "no UTF-8 in the query": Hostile("GET", "/l/?x=%ff&%fe=1"),
    "half an escape": Hostile("GET", "/l/%zz%"),
    "a path upwards": Hostile("GET", "/l/../l/x"),
    "a semicolon": Hostile("GET", f"/l/;x={TOKEN}"),
    "two queries": Hostile("GET", f"/l/?a=1?x={TOKEN}"),
    "a token in capitals": Hostile("GET", "/l/?TOKEN=x"),
    "a token that is encoded": Hostile("GET", "/l/?%74oken=x"),
    "a charset of GET": Hostile("GET", f"/l/?x={TOKEN}", "text/html; charset=utf-16"),
    "a thousand parameters": Hostile("GET", "/l/?" + "&".join(["a=1"] * 1_100)),
    "a cookie that is none": Hostile("GET", "/l/", headers={"Cookie": '=;;a="b;\x7f; __Host-magiclink-pending-x=y'}),
    "many cookies": Hostile("GET", "/l/", headers={"Cookie": "; ".join(f"c{i}=1" for i in range(200))}),
    "languages": Hostile("GET", "/l/", headers={"Accept-Language": "de-AT;q=0.9, en;q=0.1"}),
    "languages that are none": Hostile("GET", "/l/", headers={"Accept-Language": "../../etc;q=nan, *;q=1" * 99}),
    "a forwarded host": Hostile("GET", "/l/", headers={"X-Forwarded-Host": "evil.example", "Forwarded": "host=evil"}),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_request(name: str, settings: Settings) -> None:
    """What no browser sends is answered as in Flask, to the header: never by an error page of Django's own."""
    shop, other = Shop(settings), flask()
    hostile = HOSTILE[name]
    answers = [by_wsgi(app, hostile) for app in (WSGIHandler(), other.app)]
    assert answers[0] == answers[1]
    assert 'data-page="' in answers[0].body
    assert [mail.to for mail in shop.outbox.messages] == [mail.to for mail in other.outbox.messages]


def by_wsgi(app: Any, hostile: Hostile) -> Answer:
    """Send a request to any WSGI application, as the same server would."""
    headers = {**OURS, **hostile.headers}
    client = WSGIClient(app, use_cookies=False)
    options: dict[str, Any] = {"method": hostile.method, "data": hostile.body, "content_type": hostile.kind}
    response = client.open(hostile.path, base_url=ORIGIN, buffered=True, headers=headers, **options)
    return _in_order(compared(Raw(response.status_code, response.headers.to_wsgi_list(), response.text)))
