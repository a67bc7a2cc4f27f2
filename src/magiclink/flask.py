"""Magic links in Flask: `LinkManager` mounts the conversation at the path of `base_url`, and decides nothing itself.

```python
manager = LinkManager(links, directory=Customers(), mailer=SMTPMailer("localhost"))
manager.init_app(app)
```

Every answer, with its headers, cookies and text, is that of `magiclink.web`; this porch reads requests and writes
responses.
"""

from __future__ import annotations

import logging
import sys
from functools import partial, wraps
from typing import TYPE_CHECKING, Any

import click
from blinker import Namespace
from flask import Blueprint, Response, current_app, make_response, request, session
from jinja2 import TemplateNotFound
from werkzeug.exceptions import RequestEntityTooLarge
from werkzeug.routing import BaseConverter

from . import cli, events
from .errors import ConfigurationError
from .links import run
from .presets import SIGN_IN
from .web.conversation import Conversation
from .web.exchange import Reply, Request
from .web.html import render
from .web.lobby import Limits

if TYPE_CHECKING:
    from collections.abc import Callable

    from flask import Flask
    from flask.ctx import AppContext

    from .events import Event
    from .links import MagicLinks
    from .policy import Policy
    from .values import Link, LinkInfo, Redemption
    from .web.directory import Directory
    from .web.jobs import Job
    from .web.mailers import Mailer

MOST_FORM_BYTES = 16_384
"""The largest form that is read: ours have an address and a seal."""

_METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"]
_SUBJECT = "magiclink.subject"

logger = logging.getLogger("magiclink")

link_event = Namespace().signal("magiclink", doc="Something happened to a link: `event` is a magiclink.Event.")


def send_signal(event: Event) -> None:
    """Send an event to whoever is connected to `link_event`, and to the log: `MagicLinks(…, on_event=send_signal)`."""
    events.log(event)
    link_event.send(None, event=event)


class LinkManager:
    """The conversation's porch in Flask: one manager may serve several apps of a process.

    `directory` knows the app's accounts, and `mailer` sends; without a directory nobody can ask for a fresh link.
    `home` is where links without a destination lead. `sign_in` is the policy of the links that `/sign-in` mails.
    `signed_in_as()` gives the subject who is signed in, or None; by default, who was signed in by a link in this
    session. `describe(link)` says in pages and mails what a link opens. `admit(link)` is the app's last check before a
    use. `limits` are quiet, an hour. `defer(job)` hands a mail that was asked for to the app's queue, which calls
    `manager.run(job)`; by default it is done after the response has been sent. `sender` and `reply_to` are for the
    mails' headers.

    Raises ConfigurationError for what can't work.
    """

    def __init__(
        self,
        links: MagicLinks,
        *,
        directory: Directory | None = None,
        mailer: Mailer | None = None,
        home: str = "/",
        sign_in: Policy = SIGN_IN,
        signed_in_as: Callable[[], str | None] | None = None,
        describe: Callable[[LinkInfo], str] | None = None,
        admit: Callable[[LinkInfo], bool] | None = None,
        limits: Limits = Limits(),  # noqa: B008  # it is frozen
        defer: Callable[[Job], object] | None = None,
        sender: str | None = None,
        reply_to: str | None = None,
    ) -> None:
        self.links = links
        self.conversation = Conversation(
            links.flows,
            directory=directory,
            mailer=mailer,
            home=home,
            sign_in=sign_in,
            describe=describe,
            admit=admit,
            limits=limits,
            sender=sender,
            reply_to=reply_to,
        )
        self._signed_in_as = signed_in_as or (lambda: session.get(_SUBJECT))
        self._defer = defer
        self._redeemed: dict[str, Callable[[Redemption], object]] = {}

    def init_app(self, app: Flask) -> None:
        """Mount the routes at the path of `base_url`, less the app's own APPLICATION_ROOT; add `flask magiclink …`."""
        if "magiclink" in app.extensions:
            raise ConfigurationError("this app has a LinkManager already")
        app.extensions["magiclink"] = self
        app.url_map.converters["magiclink_path"] = _AnyPath
        blueprint = Blueprint("magiclink", __name__)
        blueprint.add_url_rule(
            _mounted_at(self.links.flows.site.path, app.config["APPLICATION_ROOT"]) + "<magiclink_path:path>",
            "answer",
            self._answer,
            methods=_METHODS,
            provide_automatic_options=False,
            merge_slashes=False,
        )
        app.register_blueprint(blueprint)
        app.before_request(self._exempt)
        app.cli.add_command(_command(self.links))

    def on_redeemed(self, policy: Policy) -> Callable[[Callable[[Redemption], Any]], Callable[[Redemption], Any]]:
        """Say how a link of this policy signs its subject in: with Flask-Login's `login_user`, or into `flask.session`.

        The session has been cleared before, save for a step-up. What is returned, if it is a path of the app's own
        site, is where the browser lands instead: the page of a second factor, say.
        """
        self.conversation.check_opens_account(policy)

        def register(function: Callable[[Redemption], Any]) -> Callable[[Redemption], Any]:
            self._redeemed[policy.purpose] = function
            return function

        return register

    def opened_by(
        self, policy: Policy, *, resource: str, unless: Callable[[], object] | None = None
    ) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
        """Let a view be seen by whoever opened its document with a link of this policy; else 403, with the ways on.

        `resource` is a template over the view's arguments, such as `"invoice:{number}"`. The view gets `redemption`:
        the Redemption, or None where `unless()` said that this visitor needs no link.
        """

        def decorate(view: Callable[..., Any]) -> Callable[..., Any]:
            @wraps(view)
            def guarded(*args: Any, **kwargs: Any) -> Any:
                call = current_app.ensure_sync(view)
                if unless is not None and unless():
                    return call(*args, redemption=None, **kwargs)
                found = run(self.conversation.guard(self._request(""), policy, resource.format(**kwargs)))
                if isinstance(found, Reply):
                    return self._response(found)
                response = make_response(call(*args, redemption=found, **kwargs))
                # What one browser may see is no page for a shared cache.
                response.headers.setdefault("Cache-Control", "no-store")
                response.vary.add("Cookie")
                return response

            return guarded

        return decorate

    def send(self, link: Link, *, to: str, about: str = "") -> None:
        """Mail a link and mark it delivered; from a cron job too. `about` is what it opens, as `describe` says.

        Raises UnavailableError where the mail wasn't taken; then the link isn't marked, and older ones still work.
        """
        run(self.conversation.send(link, to=to, about=about))

    def run(self, job: Job) -> None:
        """Do what a deferred job asks for; what is refused ends without a word."""
        run(self.conversation.run(job))

    def _answer(self, path: str) -> Response:
        self.conversation.check_signs_in(self._redeemed)
        reply = run(self.conversation.answer(self._request(path)))
        return self._response(self._signed_in(reply))

    def _request(self, path: str) -> Request:
        return Request(
            method=request.method,
            path=path,
            query=tuple(request.args.items(multi=True)),
            form=_form(),
            headers={name.lower(): value for name, value in request.headers.items()},
            cookies=request.cookies,
            source=request.remote_addr,
            signed_in_as=self._signed_in_as(),
            languages=tuple(request.accept_languages.values()),
        )

    def _signed_in(self, reply: Reply) -> Reply:
        """Sign in whom the reply names, under a new session id: one that was planted before is worth nothing."""
        if reply.sign_in is None:
            return reply
        if not reply.keeps_session:
            session.clear()
        regenerate = getattr(current_app.session_interface, "regenerate", None)
        if regenerate is not None:
            regenerate(session)
        landing = self._redeemed[reply.sign_in.purpose](reply.sign_in)
        session[_SUBJECT] = reply.sign_in.subject
        return self.conversation.landing(reply, landing) if isinstance(landing, str) else reply

    def _response(self, reply: Reply) -> Response:
        response = Response(self._html(reply), status=reply.status, headers=list(reply.headers))
        for cookie in reply.cookies:
            response.headers.add("Set-Cookie", cookie.header())
        if reply.after is not None:
            self._after(response, reply.after)
        return response

    def _html(self, reply: Reply) -> str:
        if reply.page is None:
            return ""
        try:
            template = current_app.jinja_env.get_template("magiclink/page.html")
        except TemplateNotFound:
            return render(reply.page)
        return template.render(page=reply.page)

    def _after(self, response: Response, job: Job) -> None:
        if self._defer is not None:
            self._defer(job)
        elif current_app.testing:
            # Flask's test client closes responses late or never; there is nobody whose stopwatch tells anything.
            self.run(job)
        else:
            response.call_on_close(partial(self._run_late, current_app.app_context(), job))

    def _run_late(self, context: AppContext, job: Job) -> None:
        with context:
            try:
                self.run(job)
            except Exception:
                logger.exception("a mail that was asked for was not sent: %s", job.task)

    def _exempt(self) -> None:
        """Take our routes out of Flask-WTF's CSRF protection: their own check stands in every framework."""
        csrf = current_app.extensions.get("csrf")
        if csrf is not None:
            csrf.exempt(self._answer)


class _AnyPath(BaseConverter):
    """Whatever follows, slashes and nothing at all too: an odd link gets our page, no redirect that repeats it."""

    regex = ".*?"
    part_isolating = False
    weight = 300


def _form() -> tuple[tuple[str, str], ...] | None:
    request.max_content_length = MOST_FORM_BYTES
    try:
        return tuple(request.form.items(multi=True))
    except RequestEntityTooLarge:
        return None


def _mounted_at(path: str, root: str) -> str:
    root = root.rstrip("/") + "/"
    if not path.startswith(root):
        raise ConfigurationError("base_url lies outside of this app's APPLICATION_ROOT")
    return "/" + path.removeprefix(root)


def _command(links: MagicLinks) -> click.Command:
    """Give `flask magiclink …`: the operator's commands, on this app's links."""

    @click.command("magiclink", context_settings={"ignore_unknown_options": True, "help_option_names": []})
    @click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
    def command(arguments: tuple[str, ...]) -> None:
        """Inspect, revoke and purge links; see their history."""
        sys.exit(cli.main(arguments, links=links))

    return command
