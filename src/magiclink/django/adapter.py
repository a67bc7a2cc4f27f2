"""The conversation's adapter in Django: requests in, responses out, and logins by Django's own authentication.

It translates and decides nothing: every answer, with its headers, cookies and text, is that of `magiclink.web`.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from inspect import signature
from typing import TYPE_CHECKING, Any

from django.contrib.auth import authenticate, get_backends, login
from django.http import HttpResponse
from django.http.response import ResponseHeaders
from django.template import TemplateDoesNotExist
from django.template.loader import get_template
from django.utils import timezone

from ..errors import ConfigurationError, UnavailableError
from ..links import run
from ..web.conversation import Conversation
from ..web.html import render
from ..web.http import Reply
from .requests import Address, form_of, put_away, read, root_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Unpack

    from django.http import HttpRequest

    from ..links import MagicLinks
    from ..policy import Policy
    from ..values import Link, Redemption
    from ..web.http import Page, Request
    from ..web.jobs import Job
    from ..web.options import Options

TEMPLATE = "magiclink/page.html"
"""A template of the site's own that takes the place of the library's pages; it gets `page`."""


def user_signed_in(request: HttpRequest) -> str | None:
    """Return the primary key of the user who is signed in, as a text: the subject of their links."""
    user = getattr(request, "user", None)
    return str(user.pk) if user is not None and user.is_authenticated else None


class Adapter:
    """The conversation in Django.

    `options` are `magiclink.web.Options`, the same in every framework. `signed_in_as(request)` gives the subject who is
    signed in, or None. `landing(request, redemption)` is called after a login, and may give a path of the site where
    the browser lands instead. `defer(job)` hands a mail that was asked for to the site's queue.

    Raises ConfigurationError for what can't work.
    """

    def __init__(
        self,
        links: MagicLinks,
        *,
        signed_in_as: Callable[[HttpRequest], str | None] = user_signed_in,
        landing: Callable[[HttpRequest, Redemption], str | None] | None = None,
        defer: Callable[[Job], object] | None = None,
        **options: Unpack[Options],
    ) -> None:
        self.links = links
        self.conversation: Conversation = Conversation(links.flows, **options)
        self._signed_in_as = signed_in_as
        self._landing = landing
        self._defer = defer

    def mount(self, request: HttpRequest) -> str:
        """Return the path at which this application has the routes. Raises ConfigurationError if it has them nowhere."""
        return self.conversation.find_mount(root_of(request))

    def answer(self, request: HttpRequest) -> HttpResponse:
        """Answer a request below the path of `base_url`."""
        address = self._address(request)
        self.conversation.check_sign_ins(self.links.flows.policies if signs_in() else ())
        asked = self._read(request, address, form=form_of(request))
        reply = run(self.conversation.answer(asked))
        if reply.sign_in is not None:
            try:
                reply = self._signed_in(request, asked, reply, reply.sign_in)
            except UnavailableError:
                reply = self.conversation.unavailable(asked)
        return self._response(request, reply)

    def opened(self, request: HttpRequest, policy: Policy, resource: str) -> Redemption | None:
        """Return what this browser has open of a document, or None. Raises UnavailableError."""
        self.conversation.check_opens_document(policy)
        return run(self.conversation.opened(self._read(request, Address()), policy, resource))

    def guard(self, request: HttpRequest, policy: Policy, resource: str) -> Redemption | HttpResponse:
        """Return what this browser has open of a document, or else the response: 403 with the ways on, or 503."""
        self.conversation.check_opens_document(policy)
        found = run(self.conversation.guard(self._read(request, Address()), policy, resource))
        return self._response(request, found) if isinstance(found, Reply) else found

    def send(self, link: Link, *, to: str, about: str = "", language: str | None = None) -> None:
        """Mail a link and mark it delivered, as `magiclink.django.send` says."""
        run(self.conversation.send(link, to=to, about=about, language=language))

    def remind(self, link_id: str) -> Link:
        """Mail a fresh link in place of one, as `magiclink.django.remind` says."""
        return run(self.conversation.remind(link_id))

    def run(self, job: Job) -> None:
        """Do what a deferred job asks for; what is refused ends without a word."""
        run(self.conversation.run(job))

    def _address(self, request: HttpRequest) -> Address:
        try:
            return put_away(request, self.mount(request))
        except ConfigurationError:
            # The error is about to be logged, with the request.
            put_away(request, "/")
            raise

    def _read(self, request: HttpRequest, address: Address, **form: Any) -> Request:
        return read(request, address, signed_in_as=self._signed_in_as(request), **form)

    def _signed_in(self, request: HttpRequest, asked: Request, reply: Reply, redemption: Redemption) -> Reply:
        """Sign in whom the reply names, under a new session key: one that was planted before is worth nothing."""
        user = authenticate(request, magiclink=redemption)
        if user is None:
            # Deactivated between the last check and now: the page of the link as it stands says so.
            return run(self.conversation.answer(replace(asked, method="GET", path="", form=())))
        if reply.keeps_session:
            request.session.cycle_key()
        else:
            request.session.flush()
            self._end_in_time(request, redemption)
        login(request, user)
        landing = None if self._landing is None else self._landing(request, redemption)
        return self.conversation.landing(reply, landing) if isinstance(landing, str) else reply

    def _end_in_time(self, request: HttpRequest, redemption: Redemption) -> None:
        """Let the session end when the link says, unless the site's own sessions are shorter."""
        left = redemption.session_ends_at - self.links.flows.now()
        if left.total_seconds() <= request.session.get_session_cookie_age():
            request.session.set_expiry(timezone.now() + left)

    def _response(self, request: HttpRequest, reply: Reply) -> HttpResponse:
        body = "" if reply.page is None else _html(request, reply.page)
        response = _Answer(reply, body, has_body=request.method != "HEAD")
        keep_out_of_caches(request)
        if reply.after is not None:
            if self._defer is not None:
                self._defer(reply.after)
            else:
                response.after = partial(self._run_late, reply.after)
        return response

    def _run_late(self, job: Job) -> None:
        run(self.conversation.run_late(job))


class _Answer(HttpResponse):
    """A reply as Django's response; `after` is done when it has been sent."""

    def __init__(self, reply: Reply, body: str, *, has_body: bool) -> None:
        super().__init__(body, status=reply.status, headers=dict(reply.headers))
        if not has_body:
            # As GET would say: a middleware that counts the bytes would say 0.
            self.headers["Content-Length"] = str(len(self.content))
            self.content = b""
        for cookie in reply.cookies:
            self.cookies.load(cookie.to_header())
        self.headers = _Headers(self.headers)
        self.after: Callable[[], object] | None = None

    @property
    def url(self) -> str:
        """Where it leads, as Django's own redirects tell it to test clients."""
        return self.headers["Location"]

    def close(self) -> None:
        """Do what is left, while the connections to the databases are still open."""
        after, self.after = self.after, None
        try:
            if after is not None:
                after()
        finally:
            super().close()


class _Headers(ResponseHeaders):
    """The headers of a reply, which no middleware changes: not one that it has, nor one that it left out on purpose.

    Others may be added: `Strict-Transport-Security` is the site's own affair. `Vary` needs no more: nothing is stored.
    """

    def __init__(self, data: ResponseHeaders) -> None:
        self._settled: frozenset[str] = frozenset()
        super().__init__(data)
        named = frozenset(name.lower() for name in data)
        self._settled = named | {"content-language", "content-security-policy-report-only"}

    def __setitem__(self, key: str, value: str | bytes | int) -> None:
        if key.lower() not in self._settled:
            super().__setitem__(key, value)


def keep_out_of_caches(request: HttpRequest) -> None:
    """Keep what this request is answered with out of the site's own cache, which pays no heed to `no-store`."""
    request._cache_update_cache = False  # type: ignore[attr-defined]


def _html(request: HttpRequest, page: Page) -> str:
    try:
        template = get_template(TEMPLATE)
    except TemplateDoesNotExist:
        return render(page)
    return template.render({"page": page}, request)


def signs_in() -> bool:
    """Return whether one of the site's backends takes a redemption."""
    # By name: Django's own backend takes whatever it is given, and leaves it.
    return any("magiclink" in signature(backend.authenticate).parameters for backend in get_backends())
