"""Every route, method and state of a link, as one table; and what no route may do."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from magiclink import INVOICE, SIGN_IN, ConfigurationError, Opens, StoreError, web
from magiclink.links import run
from magiclink.web import Conversation, Reply, Request
from magiclink.web.conversation import check_unless
from tests.web.conftest import ORIGIN, Site, Visitor

if TYPE_CHECKING:
    from collections.abc import Iterator

    from magiclink import Link

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE")


class Down:
    """What a store does that is down."""

    def __call__(self, *args: object, **kwargs: object) -> object:
        """Fail."""
        raise StoreError("down")


class Scene:
    """A link in a state, and a browser that has clicked it (`pending`), and may hold what it opened (`holds`)."""

    def __init__(self, kind: str, state: str, *, holds: bool = False) -> None:
        self.site = Site()
        self.visitor = self.site.visitor()
        self.kind = kind
        self.link = self.site.invoice() if kind == "document" else self.site.sign_in()
        self.wait()
        if holds:
            self.visitor.press(self.visitor.get())
            assert self.visitor.opened() or self.visitor.signed_in_as == "ann"
        self.bring_about(state)
        self.wait()
        self.form = self.form_of_the_page()
        if state == "down":
            self.site.store.__dict__.update(dict.fromkeys(("get", "consume", "note", "newest", "find"), Down()))

    def wait(self) -> None:
        """Let this browser wait with the link, whatever its kind: a document's waits where it can't be opened."""
        now = self.site.links.flows.read_clock()
        cookie = self.site.conversation._jar.keep_pending(self.request(), self.link.token, now)
        self.visitor.cookies[cookie.name] = cookie.value

    def request(self) -> Request:
        """A request of this browser."""
        cookies, who = dict(self.visitor.cookies), self.visitor.signed_in_as
        return Request(method="GET", path="", cookies=cookies, signed_in_as=who)

    def form_of_the_page(self) -> dict[str, str]:
        """The form that a page of this link carries for this browser."""
        jar = self.site.conversation._jar
        now = self.site.links.flows.read_clock()
        pending = jar.read_pending(self.request(), now)
        assert pending is not None
        return {"form": jar.seal_form(pending.token, pending.nonce, self.visitor.signed_in_as, now=now)}

    def bring_about(self, state: str) -> None:
        """Bring the link into a state."""
        links, policy = self.site.links, INVOICE if self.kind == "document" else SIGN_IN
        if state == "used":
            if self.visitor.signed_in_as is None:
                links.redeem(self.link.token, policy)
        elif state == "expired":
            self.site.clock.set(self.link.expires_at)
        elif state == "superseded":
            newer = self.site.invoice()
            links.mark_delivered(newer.link_id)
        elif state == "revoked":
            links.revoke(self.link.link_id, reason="paid")
        elif state == "gone":
            self.site.store.store.__dict__["_records"].clear()
            self.site.store.store.__dict__["_subjects"].clear()


# What each request answers: "status page", or "303 where". A document has no use limit, so it is never used up; a
# sign-in link is never superseded by another.
TABLE = {
    "document": {
        "outstanding": {
            "GET token": "303 /invoices/1001",
            "GET": "200 confirm",
            "POST": "303 /invoices/1001",
        },
        "expired": {"GET token": "303 /l/", "GET": "410 expired", "POST": "410 expired"},
        "superseded": {"GET token": "303 /l/", "GET": "410 superseded", "POST": "410 superseded"},
        "revoked": {"GET token": "303 /l/", "GET": "410 revoked", "POST": "410 revoked"},
        "gone": {"GET token": "303 /l/", "GET": "404 gone", "POST": "404 gone"},
        "down": {"GET token": "503 unavailable", "GET": "503 unavailable", "POST": "503 unavailable"},
    },
    "account": {
        "outstanding": {"GET token": "303 /l/", "GET": "200 confirm", "POST": "303 /invoices"},
        "used": {"GET token": "303 /l/", "GET": "410 used", "POST": "410 used"},
        "expired": {"GET token": "303 /l/", "GET": "410 expired", "POST": "410 expired"},
        "revoked": {"GET token": "303 /l/", "GET": "410 revoked", "POST": "410 revoked"},
        "gone": {"GET token": "303 /l/", "GET": "404 gone", "POST": "404 gone"},
        "down": {"GET token": "303 /l/", "GET": "503 unavailable", "POST": "503 unavailable"},
    },
}

# The same where this browser holds what the link opened: documents by a grant, accounts by being signed in. The grant
# of a document ends after eight hours, and an expired one is two weeks old: it isn't held any more.
HELD = {
    "document": {
        "outstanding": {"GET token": "303 /invoices/1001", "GET": "200 confirm", "POST": "303 /invoices/1001"},
        "superseded": {
            "GET token": "303 /invoices/1001",
            "GET": "303 /invoices/1001",
            "POST": "303 /invoices/1001",
        },
        "revoked": {"GET token": "303 /l/", "GET": "410 revoked", "POST": "410 revoked"},
        "gone": {"GET token": "303 /l/", "GET": "404 gone", "POST": "404 gone"},
        "down": {"GET token": "503 unavailable", "GET": "503 unavailable", "POST": "503 unavailable"},
    },
    "account": {
        "used": {"GET token": "303 /l/", "GET": "303 /invoices", "POST": "303 /invoices"},
        "expired": {"GET token": "303 /l/", "GET": "303 /invoices", "POST": "303 /invoices"},
        "revoked": {"GET token": "303 /l/", "GET": "410 revoked", "POST": "410 revoked"},
        "gone": {"GET token": "303 /l/", "GET": "404 gone", "POST": "404 gone"},
        "down": {"GET token": "303 /l/", "GET": "503 unavailable", "POST": "503 unavailable"},
    },
}

CELLS = [
    (kind, state, holds, route, expected)
    for holds, table in ((False, TABLE), (True, HELD))
    for kind, states in table.items()
    for state, routes in states.items()
    for route, expected in routes.items()
]


def told(reply: Reply) -> str:
    """Tell an answer in two words."""
    return f"{reply.status} {reply.location if reply.page is None else reply.page.name}"


def ask(scene: Scene, route: str) -> Reply:
    """Send the request of a row."""
    method, _, token = route.partition(" ")
    path = scene.link.token if token else ""
    return scene.visitor.ask(method, path, form=scene.form if method == "POST" else None)


@pytest.mark.parametrize(("kind", "state", "holds", "route", "expected"), CELLS)
def test_route_in_state(kind: str, state: str, holds: bool, route: str, expected: str) -> None:
    """K07: each route answers each state as the table says, whether or not the browser holds what the link opened."""
    assert told(ask(Scene(kind, state, holds=holds), route)) == expected


@pytest.mark.parametrize(("kind", "state", "holds", "route", "expected"), [cell for cell in CELLS if "GET" in cell[3]])
def test_head_answers_as_get(kind: str, state: str, holds: bool, route: str, expected: str) -> None:
    """G01: HEAD has the status and headers of GET, sets no cookie, and writes nothing at all."""
    scene = Scene(kind, state, holds=holds)
    scene.site.store.calls.clear()
    reply = ask(scene, route.replace("GET", "HEAD"))
    assert told(reply) == expected
    assert (reply.cookies, reply.sign_in, reply.after) == ((), None, None)
    assert scene.site.store.writes == []


@pytest.mark.parametrize(("kind", "state", "holds", "route", "expected"), [cell for cell in CELLS if "GET" in cell[3]])
def test_get_writes_but_a_note(kind: str, state: str, holds: bool, route: str, expected: str) -> None:
    """G02: no GET uses a link up, signs anybody in, or writes anything but one note."""
    scene = Scene(kind, state, holds=holds)
    scene.site.store.calls.clear()
    reply = ask(scene, route)
    assert told(reply) == expected
    assert reply.sign_in is None
    assert set(scene.site.store.writes) <= {"note"}
    assert len(scene.site.store.writes) <= 1


@pytest.mark.parametrize("state", ["outstanding", "used", "expired", "revoked", "gone", "down"])
def test_new_is_always_sent(state: str) -> None:
    """POST /new answers the same in every state, and asks the store nothing before its answer."""
    scene = Scene("account", state)
    request = Request(
        method="POST",
        path="new",
        form=tuple(scene.form.items()),
        headers={"origin": ORIGIN},
        cookies=dict(scene.visitor.cookies),
    )
    scene.site.store.calls.clear()
    reply = run(scene.site.conversation.answer(request))
    assert told(reply) == "200 sent"
    assert reply.after is not None
    assert scene.site.store.calls == []


ALLOWED = {
    "": {"GET", "HEAD", "POST"},
    "new": {"POST"},
    "sign-in": {"GET", "HEAD", "POST"},
    "A" * 60: {"GET", "HEAD"},
}


@pytest.mark.parametrize("path", ALLOWED)
@pytest.mark.parametrize("method", METHODS)
def test_method_not_allowed(site: Site, path: str, method: str) -> None:
    """Every other method is 405 with Allow, and does nothing."""
    reply = site.visitor().ask(method, path)
    assert (reply.status == 405) == (method not in ALLOWED[path])
    allow = dict(reply.headers).get("Allow")
    assert allow == (", ".join(sorted(ALLOWED[path])) if reply.status == 405 else None)


@pytest.mark.parametrize("path", ["new", "sign-in"])
@pytest.mark.parametrize("method", METHODS)
def test_no_directory(path: str, method: str) -> None:
    """Without a directory nobody can ask for mails: those routes aren't there."""
    assert Site(directory=None, mailer=None).visitor().ask(method, path).status == 404


def test_no_sign_in_policy() -> None:
    """Where the app has no policy for signing in, there is no page for it."""
    assert Site(INVOICE).visitor().get("sign-in").status == 404


@pytest.mark.parametrize("path", ["", "new"])
def test_pending_missing(site: Site, path: str) -> None:
    """Without the cookie of a click the page says so: 400."""
    assert told(site.visitor().ask("POST", path)) == "400 no-cookie"
    assert told(site.visitor().get()) == "400 no-cookie"


def test_pending_stale(site: Site) -> None:
    """A click waits ten minutes for its button."""
    visitor = site.visitor()
    page = visitor.click(site.sign_in())
    site.tick(minutes=10)
    assert told(visitor.press(page)) == "400 no-cookie"
    assert told(visitor.get()) == "400 no-cookie"


def test_pending_edited(site: Site) -> None:
    """G14: a cookie that was edited, or is of another kind, is none."""
    visitor = site.visitor()
    visitor.click(site.sign_in())
    [(name, value)] = visitor.cookies.items()
    for forged in (value[:-1] + ("A" if value[-1] != "A" else "B"), "", "x" * 5_000, value[4:]):
        visitor.cookies[name] = forged
        assert told(visitor.get()) == "400 no-cookie"


def test_cookie_of_another_kind(site: Site) -> None:
    """G14: what was sealed as one cookie is none in another's place."""
    visitor, names = site.visitor(), site.conversation._jar._names
    visitor.get(site.invoice().token)
    [grants] = visitor.cookies.values()
    assert visitor.opened()
    visitor.cookies = dict.fromkeys(names.values(), grants)
    assert told(visitor.get()) == "400 no-cookie"
    visitor.get(site.sign_in().token)
    visitor.cookies = dict.fromkeys(names.values(), visitor.cookies[names["pending"]])
    assert told(visitor.get()) == "200 confirm"
    assert not visitor.opened()


@pytest.mark.parametrize(
    "query",
    [
        (("token", "x"),),
        (("token[]", "x"),),
        (("Token", ""),),
        (("a", "1"), ("b", "A" * 60)),
        (("token", "a"), ("token", "b")),
    ],
)
def test_token_in_the_query(site: Site, query: tuple[tuple[str, str], ...]) -> None:
    """A05, G20, G21: a token in the query is refused, wherever it stands, and nothing is looked up."""
    visitor = site.visitor()
    site.store.calls.clear()
    for path in ("", site.invoice().token):
        site.store.calls.clear()
        assert told(visitor.ask("GET", path, query=query)) == "404 not-genuine"
        assert site.store.calls == []


def test_token_elsewhere(site: Site) -> None:
    """G22: a token in a header, a cookie or a form is no token."""
    link = site.sign_in()
    visitor = site.visitor()
    visitor.cookies = {"token": link.token, "magiclink-pending": link.token}
    assert visitor.ask("GET", headers={"authorization": f"Bearer {link.token}"}).status == 400
    assert visitor.ask("POST", form={"token": link.token}).status == 400


def test_other_query_is_ignored(site: Site) -> None:
    """What analytics and mail programs append to a link changes nothing; I29: nor where it leads."""
    query = (("utm_source", "mail"), ("next", "//evil.example"), ("destination", "/elsewhere"))
    reply = site.visitor().ask("GET", site.invoice().token, query=query)
    assert reply.location == "/invoices/1001"


@pytest.mark.parametrize(
    "path", ["A" * 59, "A" * 60, "A" * 61, "x/y", "%41", "\0", "a" * 1_000_000, "code", "..", "token"]
)
def test_not_genuine(site: Site, path: str) -> None:
    """G24, L01: what is no token of ours is 404, with a page that says how to copy one whole; no store call."""
    assert told(site.visitor().get(path)) == "404 not-genuine"
    assert site.store.calls == []


@pytest.mark.parametrize("tail", [".", ",", ")", ">", '"', "'", ";", "!"])
def test_punctuation_behind_a_link(site: Site, tail: str) -> None:
    """A27: one character of the sentence around a link is dropped, once, and nothing else is."""
    link = site.invoice()
    assert site.visitor().get(link.token + tail).location == "/invoices/1001"
    assert site.visitor().get(link.token + tail + tail).status == 404
    assert site.visitor().get(link.token + tail + "x").status == 404
    assert site.visitor().get(tail + link.token).status == 404


def test_form_too_large(site: Site) -> None:
    """G24: a form that was too large to be read is 413."""
    request = Request(method="POST", path="", form=None, headers={"origin": ORIGIN})
    assert told(run(site.conversation.answer(request))) == "413 too-large"


def test_clock_off(site: Site) -> None:
    """D05: a clock that is ten minutes behind is 503, and nothing is used."""
    visitor = site.visitor()
    link = site.sign_in()
    visitor.get(link.token)
    page = visitor.get()
    site.tick(minutes=-10)
    assert told(visitor.press(page)) == "503 unavailable"
    site.tick(minutes=10)
    assert told(visitor.press(page)) == "303 /invoices"


def test_no_token_in_an_answer(site: Site) -> None:
    """G32, rule 6: no answer to any request repeats the token, in a header, a page or a job."""
    for link in (site.invoice(), site.sign_in()):
        visitor = site.visitor()
        replies = [visitor.get(link.token), visitor.get()]
        if replies[-1].page is not None and replies[-1].page.buttons:
            replies += [visitor.press(replies[-1]), visitor.get()]
        site.links.revoke(link.link_id)
        replies += [visitor.get(link.token), visitor.get(), visitor.ask("PUT", link.token)]
        assert all(link.token not in repr((reply, reply.page, reply.headers, reply.after)) for reply in replies)


def test_headers_of_a_page(site: Site) -> None:
    """G26, G30: pages are kept by nobody, framed by nobody, load nothing and run nothing."""
    headers = dict(site.visitor().get("sign-in").headers)
    assert headers["Cache-Control"] == "no-store"
    assert headers["Vary"] == "Cookie"
    assert headers["Referrer-Policy"] == "same-origin"
    assert headers["X-Frame-Options"] == "DENY"
    policy = dict(each.split(" ", 1) for each in headers["Content-Security-Policy"].split("; "))
    assert policy["default-src"] == policy["frame-ancestors"] == policy["base-uri"] == "'none'"
    assert policy["form-action"] == "'self'"
    assert "unsafe" not in headers["Content-Security-Policy"]
    assert "script-src" not in policy


def test_headers_of_a_redirect(site: Site) -> None:
    """The redirect that takes the token off the address bar leaves no referrer, no copy and no trace in an index."""
    for link in (site.invoice(), site.sign_in()):
        headers = dict(site.visitor().get(link.token).headers)
        assert headers["Referrer-Policy"] == "no-referrer"
        assert headers["Cache-Control"] == "no-store"
        assert headers["X-Robots-Tag"] == "noindex, nofollow"
        assert link.token not in headers["Location"]


def test_redirects_are_303(site: Site) -> None:
    """G31: after a POST a redirect is 303: 307 and 308 would post again."""
    visitor = site.visitor()
    assert visitor.press(visitor.click(site.sign_in())).status == 303


def test_retry_after(site: Site) -> None:
    """503 says when to come back."""
    site.store.__dict__["get"] = Down()
    assert dict(site.visitor().get(site.invoice().token).headers)["Retry-After"] == "30"


def test_on_redeemed_missing(site: Site) -> None:
    """An account policy that nobody says how to sign in with is ConfigurationError, and so is one too many."""
    with pytest.raises(ConfigurationError, match=r"step-up.*: write @manager\.on_redeemed\(STEP_UP\)"):
        site.conversation.check_sign_ins({"sign-in"}, hint="@manager.on_redeemed({policy})")
    site.conversation.check_sign_ins({"sign-in", "step-up"})
    site.conversation.check_opens_account(SIGN_IN)
    with pytest.raises(ConfigurationError):
        site.conversation.check_opens_account(INVOICE)
    assert INVOICE.opens is Opens.RESOURCE


def test_policy_that_is_not_registered(site: Site) -> None:
    """P10: a guard or a login for a policy that is not the registered one is told what differs."""
    week = timedelta(days=7)
    with pytest.raises(ConfigurationError, match="opened_by: the purpose invoice is registered with another lifetime"):
        site.conversation.check_opens_document(replace(INVOICE, lifetime=week))
    with pytest.raises(ConfigurationError, match="on_redeemed: policy: registered are "):
        site.conversation.check_opens_account(replace(SIGN_IN, purpose="entry"))


@pytest.mark.parametrize(("root", "path"), [("/", "/l/"), ("", "/l/"), ("/l", "/"), ("/l/", "/")])
def test_mounted_at(site: Site, root: str, path: str) -> None:
    """G40: below a root of the framework's own, the routes are found without it."""
    assert site.conversation.find_mount(root) == path


def test_mounted_elsewhere(site: Site) -> None:
    """G40, M16: a base URL outside of the app's root can't be served."""
    with pytest.raises(ConfigurationError, match=r"path /l/, outside of the application's root: begin it with /app/"):
        site.conversation.find_mount("/app")


def test_landing(site: Site) -> None:
    """A sign-in may lead to a second factor's page, on the app's own site alone."""
    visitor: Visitor = site.visitor()
    reply = visitor.press(visitor.click(site.sign_in()))
    assert site.conversation.lead_to(reply, "/second-factor").location == "/second-factor"
    assert site.conversation.lead_to(reply, "//evil.example").location == "/"
    assert site.conversation.lead_to(reply, "/second-factor").sign_in == reply.sign_in


def test_guard(site: Site) -> None:
    """A document is seen by the browser that opened it, and no other; without the store nobody sees it."""
    link: Link = site.invoice()
    visitor, other = site.visitor(), site.visitor()
    visitor.get(link.token)
    assert visitor.opened()
    assert not visitor.opened("invoice:1002")
    assert not other.opened()
    request = Request(method="GET", path="", cookies=dict(other.cookies))
    closed = run(site.conversation.guard(request, INVOICE, "invoice:1001"))
    assert isinstance(closed, Reply)
    assert told(closed) == "403 closed"
    site.store.__dict__["get"] = Down()
    request = Request(method="GET", path="", cookies=dict(visitor.cookies))
    down = run(site.conversation.guard(request, INVOICE, "invoice:1001"))
    assert isinstance(down, Reply)
    assert told(down) == "503 unavailable"


def test_conversation_is_exported() -> None:
    """The conversation is what an adapter is built on: it's in `magiclink.web`."""
    assert web.Conversation is Conversation
    assert "Conversation" in web.__all__


def test_guard_answers_head(site: Site) -> None:
    """G01: HEAD on a closed document is 403 as well, and sets no cookie."""
    reply = run(site.conversation.guard(Request(method="HEAD", path=""), INVOICE, "invoice:1001"))
    assert isinstance(reply, Reply)
    assert (reply.status, reply.cookies) == (403, ())


def test_opened_by_an_account(site: Site) -> None:
    """A view is opened by links that open a document, and by those of this site alone."""
    site.conversation.check_opens_document(INVOICE)
    for policy in (SIGN_IN, replace(INVOICE, purpose="other")):
        with pytest.raises(ConfigurationError):
            site.conversation.check_opens_document(policy)


def test_unless_that_would_be_awaited() -> None:
    """An asynchronous `unless` is refused: its coroutine is true, whatever it would come to."""

    async def is_staff() -> bool:
        return False

    class Later:
        def __await__(self) -> Iterator[None]:
            yield

    for answer in (is_staff(), Later()):
        with pytest.raises(ConfigurationError, match="unless"):
            check_unless(answer)
    assert [check_unless(answer) for answer in (None, 0, "", "staff", True)] == [False, False, False, True, True]
