"""`LinkManager`: mounts the conversation at the path of `base_url`, guards views, signs in, adds `flask magiclink …`.

This adapter reads requests and writes responses, and decides nothing: every answer, with its headers, cookies and text,
is that of `magiclink.web`.
"""

from __future__ import annotations

import sys
from functools import partial, wraps
from typing import TYPE_CHECKING, Any

import click
from werkzeug.routing import BaseConverter

from flask import Blueprint, Response, current_app, request, session

from .. import cli
from ..errors import ConfigurationError
from ..links import run
from ..web.conversation import Conversation, check_unless
from ..web.guards import check_view, keep_private
from ..web.http import Reply
from ..web.options import check_names
from .requests import read, read_form
from .responses import make_response

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Unpack

    from flask.ctx import AppContext

    from flask import Flask

    from ..links import MagicLinks
    from ..policy import Policy
    from ..values import Link, Redemption
    from ..web.http import Pairs, Request
    from ..web.jobs import Job
    from ..web.options import Options

    SignIn = Callable[[Redemption], Any]
    View = Callable[..., Any]

_METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"]
_SUBJECT = "magiclink.subject"
_ORDER = "opened_by stands above the route, which holds the view without its guard: write @app.get(…) above @opened_by"


class LinkManager:
    """The conversation's adapter in Flask: one manager may serve several apps of a process.

    `options` are `magiclink.web.Options`, the same in every framework. `signed_in_as()` returns the subject who is
    signed in, or None; by default it is who was signed in by a link in this session. `language()` returns the language
    that the app has chosen for the reader, as Flask-Babel's `get_locale` does; what the browser prefers comes after it.
    `defer(job)` hands a mail that was asked for to the app's queue, whose worker calls `manager.run(job)`; by default
    it is sent after the response.

    Raises ConfigurationError for an option that doesn't exist, and for what can't work.
    """

    def __init__(
        self,
        links: MagicLinks,
        *,
        signed_in_as: Callable[[], str | None] | None = None,
        language: Callable[[], object] | None = None,
        defer: Callable[[Job], object] | None = None,
        **options: Unpack[Options],
    ) -> None:
        check_names(options, also=("signed_in_as", "language", "defer"))
        self.links = links
        self.conversation: Conversation = Conversation(links.flows, **options)
        self._signed_in_as = signed_in_as or (lambda: session.get(_SUBJECT))
        self._language = language
        self._defer = defer
        self._sign_ins: dict[str, SignIn] = {}
        self._apps: list[Flask] = []
        self._bare: dict[int, View] = {}

    def init_app(self, app: Flask) -> None:
        """Mount the routes at the path of `base_url`, less the app's own APPLICATION_ROOT; add `flask magiclink …`.

        Raises ConfigurationError for a second manager, and for a `base_url` outside of APPLICATION_ROOT.
        """
        if "magiclink" in app.extensions:
            raise ConfigurationError("this app has a LinkManager already: call init_app once for each app")
        path = self.conversation.find_mount(app.config["APPLICATION_ROOT"]) + "<magiclink_path:path>"
        app.extensions["magiclink"] = self
        app.url_map.converters["magiclink_path"] = _AnyPath
        routes = Blueprint("magiclink", __name__)
        routes.add_url_rule(path, "answer", self._answer, methods=_METHODS, merge_slashes=False)
        # It comes before every before_request, and so before CSRF protection, whichever was set up first.
        routes.url_value_preprocessor(self._exempt)
        app.register_blueprint(routes)
        self._apps.append(app)
        app.before_request(self._check_endpoint)
        _add_commands(app, self.links)

    def on_redeemed(self, policy: Policy) -> Callable[[SignIn], SignIn]:
        """Say how a link of this policy signs its subject in: with Flask-Login's `login_user`, or into `flask.session`.

        The session has been cleared before, save for a step-up. What is returned, if it is a path of the app's own
        site, is where the browser lands instead: the page of a second factor, say.
        """
        self.conversation.check_opens_account(policy)

        def register(function: SignIn) -> SignIn:
            self._sign_ins[policy.purpose] = function
            return function

        return register

    def opened_by(
        self, policy: Policy, *, resource: str, unless: Callable[[], object] | None = None
    ) -> Callable[[View], View]:
        """Show a view to whoever opened its document with a link of this policy; else answer 403, with the ways on.

        `resource` is a template over the view's arguments, such as `"invoice:{number}"`. The view gets `redemption`:
        the Redemption, or None where `unless()` said that this visitor needs no link; ask `redemption is None`.

        Raises ConfigurationError at the decoration for a view that takes no `redemption`, for a template that names
        none of its arguments, and for a guard that stands above the route's decorator.
        """
        self.conversation.check_opens_document(policy)
        return partial(self._guard, policy=policy, resource=resource, unless=unless)

    def send(self, link: Link, *, to: str, about: str = "", language: str | None = None) -> None:
        """Mail a link and mark it delivered; from a cron job too. `about` is what it opens, as `describe` says.

        `language` is the reader's, such as `de-AT`: the mail is in the nearest that the site offers, or in its own.
        Raises UnavailableError where the mail wasn't taken; then the link isn't marked, and older ones still work.
        """
        run(self.conversation.send(link, to=to, about=about, language=language))

    def remind(self, link_id: str) -> Link:
        """Mail a fresh link to the address that an older one was mailed to; return it. See `Conversation.remind`."""
        return run(self.conversation.remind(link_id))

    def run(self, job: Job) -> None:
        """Do what a deferred job asks for; what is refused ends without a word."""
        run(self.conversation.run(job))

    def _answer(self, path: str) -> Response:
        self.conversation.check_sign_ins(self._sign_ins, hint="@manager.on_redeemed({policy})")
        reply = run(self.conversation.answer(self._read(path, read_form())))
        return self._respond(reply if reply.sign_in is None else self._sign_in(reply, reply.sign_in))

    def _guard(self, view: View, *, policy: Policy, resource: str, unless: Callable[[], object] | None) -> View:
        check_view(view, resource)
        if any(view is each for app in self._apps for each in app.view_functions.values()):
            raise ConfigurationError(_ORDER)
        self._bare[id(view)] = view

        @wraps(view)
        def guarded(*args: Any, **kwargs: Any) -> Any:
            show = current_app.ensure_sync(view)
            found = None
            if unless is None or not check_unless(unless()):
                found = run(self.conversation.guard(self._read(), policy, resource.format(**kwargs)))
            if isinstance(found, Reply):
                return self._respond(found)
            response = current_app.make_response(show(*args, redemption=found, **kwargs))
            keep_private(response.headers)
            response.vary.add("Cookie")
            return response

        return guarded

    def _check_endpoint(self) -> None:
        # A route that holds the view itself, and not the guarded one, would show the document to everybody.
        if id(current_app.view_functions.get(request.endpoint or "")) in self._bare:
            raise ConfigurationError(_ORDER)

    def _read(self, path: str = "", form: Pairs | None = ()) -> Request:
        return read(path, form, signed_in_as=self._signed_in_as(), language=self._language)

    def _sign_in(self, reply: Reply, redemption: Redemption) -> Reply:
        """Sign in whom the reply names, under a new session id: one that was planted before is worth nothing."""
        if not reply.keeps_session:
            session.clear()
        # Flask-Session gives a new id to a session only if it holds something.
        session.setdefault(_SUBJECT, None)
        if hasattr(current_app.session_interface, "regenerate"):
            current_app.session_interface.regenerate(session)
        landing = self._sign_ins[redemption.purpose](redemption)
        session[_SUBJECT] = redemption.subject
        return self.conversation.lead_to(reply, landing) if isinstance(landing, str) else reply

    def _respond(self, reply: Reply) -> Response:
        response, job = make_response(reply), reply.after
        if job is None:
            return response
        if self._defer is not None:
            self._defer(job)
        elif current_app.testing:
            # Flask's test client closes responses late or never, and in a test nobody measures the time of an answer.
            self.run(job)
        else:
            response.call_on_close(partial(self._run_late, current_app.app_context(), job))
        return response

    def _run_late(self, context: AppContext, job: Job) -> None:
        with context:
            run(self.conversation.run_late(job))

    def _exempt(self, *_: object) -> None:
        """Take our routes out of Flask-WTF's CSRF protection: their own check stands in every framework."""
        if "csrf" in current_app.extensions:
            current_app.extensions["csrf"].exempt(self._answer)


class _AnyPath(BaseConverter):
    """Whatever follows, slashes, line feeds and nothing at all too: an odd link gets our page, no redirect with it."""

    regex = "(?s:.*?)"
    part_isolating = False
    weight = 300


def _add_commands(app: Flask, links: MagicLinks) -> None:
    @app.cli.command("magiclink", context_settings={"ignore_unknown_options": True, "help_option_names": []})
    @click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
    def command(arguments: tuple[str, ...]) -> None:
        """Inspect, revoke and purge links; see their history."""
        sys.exit(cli.main(arguments, links=links))
