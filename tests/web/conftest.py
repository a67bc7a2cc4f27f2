"""A site with its links, and visitors who speak to the conversation without a framework."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from datetime import timedelta
from gettext import NullTranslations
from typing import TYPE_CHECKING

import pytest

from magiclink import INVOICE, SIGN_IN, STEP_UP, Key, KeyRing, MagicLinks
from magiclink.links import run
from magiclink.stores.memory import MemoryStore
from magiclink.testing import FrozenClock, Outbox
from magiclink.web import Account, Conversation, Language, Reply, Request

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from magiclink import Link, Policy
    from magiclink.stores.base import Store

ORIGIN = "https://billing.example"
ANN = "ann@acme.example"
BOB = "bob@acme.example"


class Marked(NullTranslations):
    """A language that is English in brackets: what stands outside of them has escaped the translation."""

    def gettext(self, message: str) -> str:
        """Mark a sentence."""
        return f"«{message}»"

    def ngettext(self, one: str, many: str, count: int) -> str:
        """Mark a sentence with a number."""
        return f"«{one if count == 1 else many}»"


MARKED = Language("x-marked", Marked())


def unmarked(text: str) -> str:
    """Return what of a text stands outside of all brackets."""
    while (left := re.sub(r"«[^«»]*»", "", text)) != text:
        text = left
    return text.strip()


class Accounts:
    """A directory of two contacts; it counts how often it is asked."""

    def __init__(self) -> None:
        self.known = {
            "ann": Account(subject="ann", addresses=(ANN,)),
            "bob": Account(subject="bob", addresses=(BOB,)),
        }
        self.asked = 0

    def by_email(self, address: str) -> Sequence[Account]:
        """Find who has an address."""
        self.asked += 1
        return [account for account in self.known.values() if address in account.addresses]

    def by_subject(self, subject: str) -> Account | None:
        """Find a subject."""
        self.asked += 1
        return self.known.get(subject)


class CountingStore:
    """A store that counts its calls, by name."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.calls: list[str] = []

    def __getattr__(self, name: str) -> object:
        call = getattr(self.store, name)

        def counted(*args: object, **kwargs: object) -> object:
            self.calls.append(name)
            return call(*args, **kwargs)

        return counted

    @property
    def writes(self) -> list[str]:
        """The calls that may change something."""
        return [name for name in self.calls if name not in {"get", "newest", "find", "notes"}]


@dataclass
class Visitor:
    """One browser: it keeps cookies, follows nothing by itself, and says where its forms come from."""

    site: Site
    signed_in_as: str | None = None
    languages: tuple[str, ...] = ()
    cookies: dict[str, str] = field(default_factory=dict)
    source: str | None = "192.0.2.7"

    def ask(
        self,
        method: str,
        path: str = "",
        *,
        form: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        query: tuple[tuple[str, str], ...] = (),
    ) -> Reply:
        """Send one request, and keep the cookies of its answer."""
        request = self.request(method, path, form=tuple((form or {}).items()), headers=headers, query=query)
        reply = run(self.site.conversation.answer(request))
        self.keep(reply)
        if reply.sign_in is not None:
            self.signed_in_as = reply.sign_in.subject
        if reply.after is not None:
            run(self.site.conversation.run(reply.after))
        return reply

    def request(
        self,
        method: str = "GET",
        path: str = "",
        *,
        form: tuple[tuple[str, str], ...] = (),
        headers: Mapping[str, str] | None = None,
        query: tuple[tuple[str, str], ...] = (),
    ) -> Request:
        """Build one request of this browser, and send nothing."""
        sent = {"origin": ORIGIN, "sec-fetch-site": "same-origin"} if method == "POST" else {}
        return Request(
            method=method,
            path=path,
            query=query,
            form=form,
            headers=sent if headers is None else headers,
            cookies=dict(self.cookies),
            source=self.source,
            signed_in_as=self.signed_in_as,
            languages=self.languages,
        )

    def keep(self, reply: Reply) -> None:
        """Keep the cookies of an answer."""
        for cookie in reply.cookies:
            self.cookies[cookie.name] = cookie.value
            if cookie.max_age == 0:
                del self.cookies[cookie.name]

    def get(self, path: str = "") -> Reply:
        """Look at a page."""
        return self.ask("GET", path)

    def press(self, page: Reply, *, button: int = 0, **typed: str) -> Reply:
        """Press a button of a page, with what was typed into its form."""
        assert page.page is not None
        pressed = page.page.buttons[button]
        form = {field.name: field.value for field in pressed.fields} | typed
        return self.ask("POST", pressed.action.removeprefix(self.site.links.flows.site.path), form=form)

    def click(self, link: Link) -> Reply:
        """Click a link and follow it to its page; a document's link leads to the redirect that opens it."""
        arrived = self.get(link.token)
        return self.get() if arrived.location == self.site.links.flows.site.path else arrived

    def opened(self, resource: str = "invoice:1001", policy: Policy = INVOICE) -> bool:
        """Return whether the app would show this browser a document."""
        request = Request(method="GET", path="", cookies=dict(self.cookies), signed_in_as=self.signed_in_as)
        return not isinstance(run(self.site.conversation.guard(request, policy, resource)), Reply)


class Site:
    """One app's links, its directory, its mailbox, its clock and its conversation."""

    def __init__(
        self,
        *policies: Policy,
        store: Store | None = None,
        settings: Mapping[str, object] | None = None,
        **options: object,
    ) -> None:
        self.clock = FrozenClock()
        self.outbox = Outbox()
        self.accounts = Accounts()
        self.store = CountingStore(store or MemoryStore())
        usual: dict[str, object] = {
            "keys": KeyRing(signing=Key.generate()),
            "store": self.store,
            "policies": policies or (INVOICE, SIGN_IN, STEP_UP),
            "base_url": f"{ORIGIN}/l/",
            "clock": self.clock,
        }
        self.links = MagicLinks(**(usual | dict(settings or {})))  # type: ignore[arg-type]
        given: dict[str, object] = {"directory": self.accounts, "mailer": self.outbox} | options
        self.conversation = Conversation(self.links.flows, **given)  # type: ignore[arg-type]

    def visitor(self, signed_in_as: str | None = None, *languages: str) -> Visitor:
        """Open another browser, of somebody who reads these languages."""
        return Visitor(self, signed_in_as, languages)

    def invoice(self, recipient: str = ANN, **changes: object) -> Link:
        """Issue a link that opens an invoice at a click."""
        given: dict[str, object] = {"resource": "invoice:1001", "destination": "/invoices/1001"} | changes
        subject = recipient.partition("@")[0]
        return self.links.issue(INVOICE, subject=subject, recipient=recipient, **given)  # type: ignore[arg-type]

    def sign_in(self, subject: str = "ann", policy: Policy = SIGN_IN) -> Link:
        """Issue a link that signs in, once, by a button."""
        return self.links.issue(policy, subject=subject, recipient=f"{subject}@acme.example", destination="/invoices")

    def tick(self, **span: float) -> None:
        """Let time pass."""
        self.clock.tick(timedelta(**span))


def told(reply: Reply) -> str:
    """Tell an answer in two words."""
    return f"{reply.status} {reply.location if reply.page is None else reply.page.name}"


def form_of(page: Reply) -> dict[str, str]:
    """The fields of a page's first form."""
    assert page.page is not None
    return {field.name: field.value for field in page.page.buttons[0].fields}


def shape(reply: Reply) -> tuple[object, ...]:
    """All of an answer but the sealed values, which no two answers share."""
    cookies = [replace(cookie, value="") for cookie in reply.cookies]
    page = None if reply.page is None else (reply.page.name, reply.page.title, reply.page.paragraphs)
    return reply.status, reply.headers, cookies, page, reply.sign_in, reply.after


def uses(site: Site, link: Link) -> int:
    """How often a link has been used."""
    return site.links.inspect(link.link_id).uses


@pytest.fixture
def site() -> Site:
    """A site with its usual policies."""
    return Site()
