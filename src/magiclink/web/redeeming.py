"""The customer clicks: the link arrives, its page is shown, its button is pressed.

A GET uses nothing and signs nobody in: scanners of mail fetch every link, follow redirects and run scripts. A link that
opens one document, and needs no button, is verified by its GET, and the browser gets a grant for that document alone.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from ..errors import (
    MagicLinkError,
    NotAdmittedError,
    RejectedLinkError,
    RevokedLinkError,
    UnavailableError,
)
from ..policy import Opens
from ..records import State
from .cookies import Grant, tag_of
from .responses import Responses, is_ours

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..flows.web_calls import Seen
    from ..policy import Policy
    from ..values import LinkInfo, Redemption
    from .cookies import Pending
    from .http import Page, Reply, Request

TRAILING = ".,;:!?)>]'\""
"""Programs that find links in text take the sentence's own punctuation along: one such character is dropped."""


class Redeeming(Responses):
    """GET /<token>, GET / and POST /."""

    async def arrive(self, request: Request) -> Reply:
        """Take the token off the address bar: to the clean page, or straight to a document that needs no button."""
        token = request.path[:-1] if request.path[-1] in TRAILING else request.path
        genuine = self.flows.open_token(token)
        if genuine is None:
            return self.show_page(404, self.choose_pages(request).not_genuine())
        policy = self.flows.policies[genuine.purpose]
        if not policy.confirm:
            opened = await self._open_document(request, token, policy)
            if opened is not None:
                return opened
        return self.redirect(self.flows.site.path, await self._jar.keep_pending(request, token))

    async def show(self, request: Request) -> Reply:
        """Show the page of the link that waits: its button, or what happened, when, and the way on."""
        pending = await self._jar.pending(request)
        genuine = None if pending is None else self.flows.open_token(pending.token)
        if pending is None or genuine is None:
            return self.show_page(400, self.choose_pages(request).no_cookie())
        try:
            seen = await self._look(request, pending.token, self.flows.policies[genuine.purpose])
        except RejectedLinkError as error:
            return await self._refused(request, pending, error)
        return self.show_page(200, await self._confirm_page(request, pending, seen))

    async def use(self, request: Request) -> Reply:
        """Press the button: the link is used, once, and the browser lands where it leads."""
        ours = is_ours(request, self.flows.site.origin)
        pending = await self._jar.pending(request)
        genuine = None if pending is None else self.flows.open_token(pending.token)
        if ours is False:
            return self.show_page(403, self.choose_pages(request).elsewhere())
        if pending is None or genuine is None:
            return self.show_page(400, self.choose_pages(request).no_cookie())
        if not await self._jar.is_form(request, pending.token, pending.nonce, request.signed_in_as):
            # Another tab, or another person signed in meanwhile: what this page showed is no longer what it would do.
            return (
                self.redirect(self.flows.site.path)
                if ours
                else self.show_page(403, self.choose_pages(request).elsewhere())
            )
        policy = self.flows.policies[genuine.purpose]
        try:
            redemption = await self.flows.redeem(
                pending.token,
                policy,
                browser=await self._jar.visit(request),
                attempt=pending.nonce,
                admit=self._admission(request, policy),
            )
        except RejectedLinkError as error:
            return await self._refused(request, pending, error)
        return await self._opened(request, pending, policy, redemption)

    async def opened(self, request: Request, policy: Policy, resource: str | None) -> Redemption | None:
        """Return what this browser has open of a document, or None; the store is asked about that document alone."""
        tag = tag_of(policy.purpose, resource)
        for grant in await self._jar.grants(request):
            found = await self._recalled(grant) if grant.tag == tag else None
            if found is not None and (found.purpose, found.resource) == (policy.purpose, resource):
                return found
        return None

    async def _open_document(self, request: Request, token: str, policy: Policy) -> Reply | None:
        """Verify a document's link and grant it to this browser; None where its page must say what happened."""
        try:
            seen = await self._look(request, token, policy)
        except RejectedLinkError as error:
            if error.link is not None and await self._holds(request, token, error):
                return self.land(error.link)
            return None
        grant = Grant(token=token, opened_at=self.flows.now(), tag=tag_of(policy.purpose, seen.info.resource))
        return self.land(seen.info, await self._jar.keep_grant(request, grant, policy.session_lifetime))

    async def _look(self, request: Request, token: str, policy: Policy) -> Seen:
        looking = self.flows.look(
            token,
            browser=await self._jar.visit(request),
            admit=self._admission(request, policy),
            note=request.method != "HEAD",
        )
        # The app is asked now, and may raise: error reporters collect the local variables of every frame.
        del token
        return await looking

    async def _refused(self, request: Request, pending: Pending, error: RejectedLinkError) -> Reply:
        """Say what happened to a link, or lead on a browser that still holds what the link opened."""
        if isinstance(error, NotAdmittedError):
            return self.show_page(403, self.choose_pages(request).not_admitted(error.reason))
        if error.link is None:
            return self.show_page(404, self.choose_pages(request).gone(), self._jar.clear_pending())
        if await self._holds(request, pending.token, error):
            return self.land(error.link)
        return self.show_page(410, await self._ended_page(request, pending, error, error.link))

    async def _holds(self, request: Request, token: str, error: RejectedLinkError) -> bool:
        """Return whether this browser still has open what a link opened, though the link itself has ended."""
        link = error.link
        if link is None or isinstance(error, RevokedLinkError):
            return False
        if self.signs_in(link):
            # Signed in as this subject already, and the link did work once: a second click isn't a refusal.
            return link.uses > 0 and request.signed_in_as == link.subject
        held = [grant for grant in await self._jar.grants(request) if grant.token == token]
        del token
        return bool(held) and await self._recalled(held[0]) is not None

    async def _recalled(self, grant: Grant) -> Redemption | None:
        genuine = self.flows.open_token(grant.token)
        if genuine is None:
            return None
        try:
            return await self.flows.recall(genuine.link_id.hex(), redeemed_at=grant.opened_at)
        except UnavailableError:
            raise
        except MagicLinkError:
            return None

    async def _opened(self, request: Request, pending: Pending, policy: Policy, redemption: Redemption) -> Reply:
        location = self.check_destination(redemption.destination)
        if policy.opens is Opens.ACCOUNT:
            return replace(self.redirect(location), sign_in=redemption, keeps_session=policy.step_up)
        # A second click is shown the same redemption: it must not make the session longer.
        opened_at, tag = redemption.redeemed_at, tag_of(policy.purpose, redemption.resource)
        grant = Grant(token=pending.token, opened_at=opened_at, tag=tag)
        return self.redirect(location, await self._jar.keep_grant(request, grant, policy.session_lifetime))

    def _admission(self, request: Request, policy: Policy) -> Callable[[LinkInfo], bool] | None:
        """Return the last check: of a step-up, that it's the one who is signed in; and the app's own."""
        own = self._admit
        if not policy.step_up:
            return own
        return lambda link: request.signed_in_as == link.subject and (own is None or own(link))

    async def _confirm_page(self, request: Request, pending: Pending, seen: Seen) -> Page:
        form = await self._jar.form(pending.token, pending.nonce, request.signed_in_as)
        link, other = seen.info, request.signed_in_as
        about, to = self.describe(link, self.choose_language(request)), self.name_subject(link.subject, seen.recipient)
        signs_in = self.signs_in(link)
        if signs_in and other is not None and other != link.subject:
            return self.choose_pages(request).switch(about, to=to, other=self.name_subject(other), form=form)
        return self.choose_pages(request).confirm(about, to=to, form=form, signs_in=signs_in)

    async def _ended_page(self, request: Request, pending: Pending, error: RejectedLinkError, link: LinkInfo) -> Page:
        renews = self._directory is not None and self.find_policy(link).renew_on_request
        form = await self._jar.form(pending.token, pending.nonce, request.signed_in_as) if renews else None
        state = State.REVOKED if isinstance(error, RevokedLinkError) else link.state
        return self.choose_pages(request).ended(
            state,
            self.describe(link, self.choose_language(request)),
            at=error.at,
            now=self.flows.now(),
            form=form,
            signs_in=self.signs_in(link),
        )
