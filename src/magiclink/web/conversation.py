"""The conversation: every request below the path of `base_url`, answered; no framework is known here.

| route | does |
|---|---|
| GET /<token> | takes the token off the address bar: to the clean page, or straight to a document |
| GET / | the page of the link that waits: its button, or what happened, when, and the way on |
| POST / | uses the link |
| POST /new | asks for a fresh link to the address on file |
| GET, POST /sign-in | asks for a sign-in link |

HEAD answers as GET, and neither sets a cookie nor writes. `Reply.after` is run by the adapter once the reply has been
sent. The clock is asked once a request, and its answer handed down as `now`.
"""

from __future__ import annotations

from collections.abc import Awaitable, Coroutine
from dataclasses import replace
from typing import TYPE_CHECKING

from ..errors import BadArgumentError, ConfigurationError, UnavailableError
from ..flows.arguments import find_policy, is_token_shaped
from ..policy import Opens
from .requesting import Requesting
from .responses import strip_body

if TYPE_CHECKING:
    from collections.abc import Callable, Container

    from ..policy import Policy
    from ..values import Redemption
    from .http import Reply, Request


class Conversation(Requesting):
    """What an adapter holds: `answer` a request, `run` a job, `find_open` documents, `send` a mail.

    All calls are flows, to be awaited or driven by `magiclink.links.run`. Raises ConfigurationError for wrong options.
    """

    async def answer(self, request: Request) -> Reply:
        """Answer a request. Trouble with the store or the clock is 503: never a verdict about the link."""
        try:
            reply = await self._answer(request)
        except UnavailableError:
            reply = self.answer_unavailable(request)
        return strip_body(reply) if request.method == "HEAD" else reply

    async def _answer(self, request: Request) -> Reply:
        # A token in the query isn't read: logs, analytics and referrers would keep it.
        if any(name.lower().startswith("token") or is_token_shaped(value) for name, value in request.query):
            return self.show_plain(request, 404, "not-genuine")
        if request.form is None:
            return self.show_plain(request, 413, "too-large")
        calls = self._find_calls(request.path)
        if not calls:
            return self.show_plain(request, 404, "not-genuine")
        call = calls.get("GET" if request.method == "HEAD" else request.method)
        if call is None:
            allow = sorted({*calls, "HEAD"} if "GET" in calls else calls)
            return self.show_plain(request, 405, "not-allowed", allow=", ".join(allow))
        return await call(request, self.flows.read_clock())

    def _find_calls(self, path: str) -> dict[str, Callable[[Request, int], Awaitable[Reply]]]:
        if path == "":
            return {"GET": self.show, "POST": self.use}
        if path == "new":
            return {"POST": self.request_renewal} if self._directory is not None else {}
        if path == "sign-in":
            return {"GET": self.show_sign_in, "POST": self.request_sign_in} if self.offers_sign_in else {}
        return {"GET": self.arrive}

    async def guard(self, request: Request, policy: Policy, resource: str) -> Redemption | Reply:
        """Return what this browser has open of a document, or else the answer to send: 403 with the ways on, or 503."""
        try:
            now = self.flows.read_clock()
            found = await self._find_open(request, policy, resource, now)
        except UnavailableError:
            return self.answer_unavailable(request)
        if found is not None:
            return found
        reply = self.show_closed(request, now)
        return strip_body(reply) if request.method == "HEAD" else reply

    async def find_open(self, request: Request, policy: Policy, resource: str | None) -> Redemption | None:
        """Return what this browser has open of a document, or None. Raises UnavailableError."""
        return await self._find_open(request, policy, resource, self.flows.read_clock())

    def answer_unavailable(self, request: Request) -> Reply:
        """Answer that nothing can be said now; for an adapter too, whose framework couldn't sign anybody in."""
        return self.show_plain(request, 503, "unavailable")

    def find_mount(self, root: str) -> str:
        """Return the path at which a framework finds the routes, whose application lives at `root` itself."""
        root = root.rstrip("/") + "/"
        path = self.flows.site.path
        if not path.startswith(root):
            raise ConfigurationError(
                f"base_url has the path {path}, outside of the application's root: begin it with {root}"
            )
        return "/" + path.removeprefix(root)

    def lead_to(self, reply: Reply, path: str) -> Reply:
        """Let a sign-in lead elsewhere on the app's own site: to the page of a second factor, say."""
        return replace(reply, headers=self.land(path).headers)

    def check_opens_account(self, policy: Policy) -> None:
        """Raise ConfigurationError for a policy whose links sign nobody in."""
        self._check_opens(policy, "on_redeemed", Opens.ACCOUNT)

    def check_opens_document(self, policy: Policy) -> None:
        """Raise ConfigurationError for a policy whose links open no document, or aren't made here."""
        self._check_opens(policy, "opened_by", Opens.RESOURCE)

    def check_sign_ins(self, purposes: Container[str], *, hint: str = "") -> None:
        """Raise ConfigurationError unless the app says how the links of each policy that opens an account sign in.

        `hint` is the framework's line to write; `{policy}` in it becomes the policy's name.
        """
        for policy in self.flows.policies.values():
            if policy.opens is Opens.ACCOUNT and policy.purpose not in purposes:
                name = policy.purpose.upper().replace("-", "_")
                end = f": write {hint.format(policy=name)}" if hint else ""
                raise ConfigurationError(
                    f"{policy.purpose} opens an account, and nothing says how its links sign in{end}"
                )

    def _check_opens(self, policy: Policy, name: str, opens: Opens) -> None:
        try:
            find_policy(self.flows.policies, policy)
        except BadArgumentError as error:
            raise ConfigurationError(f"{name}: {error}") from None
        if policy.opens is not opens:
            what = "an account" if opens is Opens.ACCOUNT else "a document"
            raise ConfigurationError(f"{name} is for policies that open {what}, not for {policy.purpose}")


def check_unless(answer: object) -> bool:
    """Return what an app's `unless` has answered: whether this browser needs no link.

    Raises ConfigurationError for what would have to be awaited: a coroutine is true, and would let everybody in.
    """
    if isinstance(answer, Awaitable):
        if isinstance(answer, Coroutine):
            answer.close()
        raise ConfigurationError("unless is called and not awaited: give a plain function, not an async def")
    return bool(answer)
