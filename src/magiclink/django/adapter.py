"""The conversation in Django: requests are read, replies become responses, and Django's own `login` signs in.

It translates and decides nothing: every answer, with its headers, cookies and text, is that of `magiclink.web`.
"""

from __future__ import annotations

from dataclasses import replace
from inspect import signature
from typing import TYPE_CHECKING, Any

from django.contrib.auth import authenticate, get_backends, login
from django.utils import timezone

from ..errors import ConfigurationError, UnavailableError
from ..links import MagicLinks, run
from ..web.conversation import Conversation
from ..web.http import Reply, Request
from .requests import Address, read, read_form, read_root, strip_address
from .responses import Response

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Unpack

    from django.http import HttpRequest, HttpResponse

    from ..policy import Policy
    from ..values import Redemption
    from ..web.jobs import Job
    from ..web.options import Options


_BACKEND = '"magiclink.django.backends.MagicLinkBackend" in AUTHENTICATION_BACKENDS'


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
        purposes = self.links.flows.policies if has_backend() else ()
        self.conversation.check_sign_ins(purposes, hint=_BACKEND)
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
            # The session ends when the redemption says, unless the site's own sessions are shorter.
            if reply.session_left.total_seconds() <= request.session.get_session_cookie_age():
                request.session.set_expiry(timezone.now() + reply.session_left)
        login(request, user)
        landing = None if self._landing is None else self._landing(request, redemption)
        return self.conversation.lead_to(reply, landing) if isinstance(landing, str) else reply

    def _respond(self, request: HttpRequest, reply: Reply) -> HttpResponse:
        response = Response(request, reply)
        job = reply.after
        if job is not None and self._defer is not None:
            self._defer(job)
        elif job is not None:
            response.after = lambda: run(self.conversation.run_late(job))
        return response


def has_backend() -> bool:
    """Return whether one of the site's backends accepts a redemption."""
    # By name: Django's own backend accepts any keyword, and ignores it.
    return any("magiclink" in signature(backend.authenticate).parameters for backend in get_backends())
