"""What tells a story of `tests.exchanges` to an adapter: it keeps the cookies, presses buttons and lets time pass.

An adapter is a function that sends one request. `bare` is one: the conversation itself, without any framework.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import parse_qsl, unquote, urlencode

from magiclink import INVOICE, SIGN_IN, Key, KeyRing, MagicLinks
from magiclink.links import run
from magiclink.stores.memory import MemoryStore
from magiclink.testing import FrozenClock, Outbox
from magiclink.web import Account, Conversation, Request
from magiclink.web.html import render
from tests.exchanges import ANN, ORIGIN

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from magiclink import Event, Policy
    from magiclink.web import Reply
    from tests.exchanges import Step

    Send = Callable[[str, str, dict[str, str], str | None], "Raw"]
    """Sends one request: its method, its path as on the wire, its headers, and the body of a form."""


class Answer(NamedTuple):
    """What came back, as it can be compared: without what every server adds, and with seals and tokens hidden."""

    status: int
    headers: tuple[tuple[str, str], ...]
    cookies: tuple[str, ...]
    body: str

    def told(self) -> str:
        """Tell it in two words, as the stories expect it; for HEAD, which shows no page, the status alone."""
        page = re.search(r'data-page="([^"]+)"', self.body)
        where = page[1] if page else dict(self.headers).get("location", "")
        return f"{self.status} {where}".rstrip()


class Raw(NamedTuple):
    """What an adapter sent."""

    status: int
    headers: Sequence[tuple[str, str]]
    body: str


_SERVERS = {"date", "server", "connection", "content-length", "set-cookie"}
_SEALED = re.compile(r"[A-Za-z0-9_-]{60,}")


class Accounts:
    """A directory of one contact."""

    ann = Account(subject="ann", addresses=(ANN,))

    def by_email(self, address: str) -> Sequence[Account]:
        """Find who has an address."""
        return [self.ann] if address == ANN else []

    def by_subject(self, subject: str) -> Account | None:
        """Find a subject."""
        return self.ann if subject == "ann" else None


class Stage:
    """What a story needs of an app: its links, its clock, its mailbox, and one link of each kind."""

    def __init__(
        self,
        *policies: Policy,
        path: str = "/l/",
        on_event: Callable[[Event], None] | None = None,
        origin: str = ORIGIN,
    ) -> None:
        self.clock = FrozenClock()
        self.outbox = Outbox()
        self.links = MagicLinks(
            keys=KeyRing(signing=Key.generate()),
            store=MemoryStore(),
            policies=policies or (INVOICE, SIGN_IN),
            base_url=origin + path,
            clock=self.clock,
            on_event=on_event,
        )
        self.tokens = {
            "invoice": self.links.issue(
                INVOICE, subject="ann", resource="invoice:1001", recipient=ANN, destination="/invoices/1001"
            ).token,
            "sign_in": self.links.issue(SIGN_IN, subject="ann", recipient=ANN, destination="/invoices").token,
        }

    def play(self, story: Sequence[Step], send: Send) -> list[Answer]:
        """Tell a story, and give every answer."""
        cookies: dict[str, str] = {}
        seal, answers = "", []
        for step in story:
            self.clock.tick(step.wait)
            raw = send(step.method, self._filled(step.path), self._headers(step, cookies), _body(step, seal))
            _keep(cookies, raw)
            found = re.search(r'name="form" value="([^"]+)"', raw.body)
            seal = found[1] if found else seal
            answers.append(compared(raw))
        return answers

    def _filled(self, text: str) -> str:
        for name, token in self.tokens.items():
            text = text.replace(f"{{{name}}}", token)
        return text

    def _headers(self, step: Step, cookies: Mapping[str, str]) -> dict[str, str]:
        given = {name: self._filled(value) for name, value in step.headers.items()}
        if cookies:
            given["Cookie"] = "; ".join(f"{name}={value}" for name, value in cookies.items())
        if step.form is not None:
            given["Content-Type"] = "application/x-www-form-urlencoded"
        return given


def _body(step: Step, seal: str) -> str | None:
    if step.form is None:
        return None
    return urlencode({**step.form, "form": seal} if step.press else dict(step.form))


def _keep(cookies: dict[str, str], raw: Raw) -> None:
    for name, header in raw.headers:
        if name.lower() == "set-cookie":
            key, _, value = header.partition(";")[0].partition("=")
            cookies[key] = value
            if "Max-Age=0" in header:
                del cookies[key]


def compared(raw: Raw) -> Answer:
    """Return what came back as it can be compared."""
    headers = sorted((name.lower(), value) for name, value in raw.headers if name.lower() not in _SERVERS)
    set_cookies = [value for name, value in raw.headers if name.lower() == "set-cookie" and "magiclink-" in value]
    hidden = [_SEALED.sub("<sealed>", value) for value in set_cookies]
    return Answer(raw.status, tuple(headers), tuple(hidden), _SEALED.sub("<sealed>", raw.body))


def bare(stage: Stage) -> Send:
    """Return the conversation itself, without any adapter: what every adapter must answer."""
    conversation = Conversation(stage.links.flows, directory=Accounts(), mailer=stage.outbox)
    signed_in: list[str | None] = [None]

    def send(method: str, path: str, headers: dict[str, str], body: str | None) -> Raw:
        reply = run(conversation.answer(_request(method, path, headers, body, signed_in[-1])))
        if reply.sign_in is not None:
            signed_in.append(reply.sign_in.subject)
        if reply.after is not None:
            run(conversation.run(reply.after))
        return _raw(reply, method)

    return send


def _request(method: str, path: str, headers: dict[str, str], body: str | None, who: str | None) -> Request:
    path, _, query = path.partition("?")
    cookies = [each.partition("=") for each in headers.get("Cookie", "").split("; ")]
    form = tuple(parse_qsl(body or "", keep_blank_values=True))
    return Request(
        method=method,
        path=unquote(path).removeprefix("/l/"),
        query=tuple(parse_qsl(query, keep_blank_values=True)),
        form=None if len(body or "") > 16_384 else form,
        headers={name.lower(): value for name, value in headers.items()},
        cookies={name: value for name, _, value in cookies},
        source="127.0.0.1",
        signed_in_as=who,
    )


def _raw(reply: Reply, method: str) -> Raw:
    cookies = [("Set-Cookie", cookie.to_header()) for cookie in reply.cookies]
    body = "" if reply.page is None or method == "HEAD" else render(reply.page)
    return Raw(reply.status, [*reply.headers, *cookies], body)
