"""The conversation in Django: requests are read, replies become responses, and Django's own `login` signs in.

It translates and decides nothing: every answer, with its headers, cookies and text, is that of `magiclink.web`.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from inspect import signature
from typing import TYPE_CHECKING, Any

from django.contrib.auth import authenticate, get_backends, login
from django.utils import timezone

from ..errors import ConfigurationError, UnavailableError
from ..links import run
from ..web.conversation import Conversation
from ..web.http import Reply
from .requests import Address, read, read_form, read_root, strip_address
from .responses import Response

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import timedelta
    from typing import Unpack

    from django.http import HttpRequest, HttpResponse

    from ..links import MagicLinks
    from ..policy import Policy
    from ..values import Link, Redemption
    from ..web.http import Job, Request
    from ..web.options import Options


def user_signed_in(request: HttpRequest) -> str | None:
    """Return the primary key of the user who is signed in, as a str: the subject of their links; or None."""
    user = getattr(request, "user", None)
    return str(user.pk) if user is not None and user.is_authenticated else None


class Adapter:
    """The conversation in Django.

    `options` are `magiclink.web.Options`, the same in every framework. `signed_in_as(request)` returns the subject who
    is signed in, or None. `landing(request, redemption)` is called after a login, and may return a path of the site to
    which the browser goes instead. `defer(job)` hands a job to the site's queue.

    Raises ConfigurationError for options that can't work.
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
        """Return the path at which this application has the routes. Raises ConfigurationError if there is none."""
        return self.conversation.find_mount(read_root(request))

    def answer(self, request: HttpRequest) -> HttpResponse:
        """Answer a request below the path of `base_url`."""
        address = self._strip_address(request)
        self.conversation.check_sign_ins(self.links.flows.policies if has_backend() else ())
        incoming = self._read(request, address, form=read_form(request))
        reply = run(self.conversation.answer(incoming))
        if reply.sign_in is not None:
            try:
                reply = self._sign_in(request, incoming, reply, reply.sign_in)
            except UnavailableError:
                reply = self.conversation.answer_unavailable(incoming)
        return self._respond(request, reply)

    def opened(self, request: HttpRequest, policy: Policy, resource: str) -> Redemption | None:
        """Return the redemption by which this browser has a document open, or None. Raises UnavailableError."""
        self.conversation.check_opens_document(policy)
        return run(self.conversation.find_open(self._read(request, Address()), policy, resource))

    def guard(self, request: HttpRequest, policy: Policy, resource: str) -> Redemption | HttpResponse:
        """Return the redemption by which this browser has a document open, or the response to send: 403 or 503."""
        self.conversation.check_opens_document(policy)
        found = run(self.conversation.guard(self._read(request, Address()), policy, resource))
        return self._respond(request, found) if isinstance(found, Reply) else found

    def send(self, link: Link, *, to: str, about: str = "", language: str | None = None) -> None:
        """Mail a link and mark it delivered, as `magiclink.django.send` says."""
        run(self.conversation.send(link, to=to, about=about, language=language))

    def remind(self, link_id: str) -> Link:
        """Mail a fresh link in place of one, as `magiclink.django.remind` says."""
        return run(self.conversation.remind(link_id))

    def run(self, job: Job) -> None:
        """Do a deferred job; one that is refused ends silently."""
        run(self.conversation.run(job))

    def _strip_address(self, request: HttpRequest) -> Address:
        try:
            return strip_address(request, self.mount(request))
        except ConfigurationError:
            # Django is about to log the error with the request, whose address may hold a token.
            strip_address(request, "/")
            raise

    def _read(self, request: HttpRequest, address: Address, **form: Any) -> Request:
        return read(request, address, signed_in_as=self._signed_in_as(request), **form)

    def _sign_in(self, request: HttpRequest, incoming: Request, reply: Reply, redemption: Redemption) -> Reply:
        """Sign in the subject of a redemption, under a new session key, so that one planted before is worthless."""
        user = authenticate(request, magiclink=redemption)
        if user is None:
            # Deactivated between the last check and now: the page of the link, as it stands, says so.
            return run(self.conversation.answer(replace(incoming, method="GET", path="", form=())))
        if reply.keeps_session:
            request.session.cycle_key()
        else:
            request.session.flush()
            self._limit_session(request, reply.session_left)
        login(request, user)
        landing = None if self._landing is None else self._landing(request, redemption)
        return self.conversation.lead_to(reply, landing) if isinstance(landing, str) else reply

    def _limit_session(self, request: HttpRequest, left: timedelta) -> None:
        """Let the session end when the redemption says, unless the site's own sessions are shorter."""
        if left.total_seconds() <= request.session.get_session_cookie_age():
            request.session.set_expiry(timezone.now() + left)

    def _respond(self, request: HttpRequest, reply: Reply) -> HttpResponse:
        response = Response(request, reply)
        if reply.after is not None:
            if self._defer is not None:
                self._defer(reply.after)
            else:
                response.after = partial(self._run_late, reply.after)
        return response

    def _run_late(self, job: Job) -> None:
        run(self.conversation.run_late(job))


def has_backend() -> bool:
    """Return whether one of the site's backends accepts a redemption."""
    # By name: Django's own backend accepts any keyword, and ignores it.
    return any("magiclink" in signature(backend.authenticate).parameters for backend in get_backends())
