"""The customer clicks: the link arrives, its page is shown, its button is pressed.

A GET uses nothing and signs nobody in: scanners of mail fetch every link, follow redirects and run scripts. A link that
opens one document, and needs no button, is verified by its GET, and the browser gets a grant for that document alone.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from ..errors import MagicLinkError, NotAdmittedError, RejectedLinkError, RevokedLinkError, UnavailableError
from ..instants import to_datetime, to_micros
from ..policy import Opens
from ..records import State
from .cookies import Grant, make_tag
from .http import Reply
from .responses import Responses, is_ours

if TYPE_CHECKING:
    from ..crypto.tokens import Genuine
    from ..flows.redeeming import Attempt
    from ..policy import Policy
    from ..records import Record
    from ..values import LinkInfo, Redemption
    from .cookies import Pending
    from .http import Request

TRAILING = ".,;:!?)>]'\""
"""Programs that find links in text take the sentence's own punctuation along: one such character is dropped."""


class Redeeming(Responses):
    """GET /<token>, GET / and POST /."""

    async def arrive(self, request: Request, now: int) -> Reply:
        """Take the token off the address bar: to the clean page, or straight to a document that needs no button."""
        genuine = self.flows.open_token(_read_token(request))
        if genuine is None:
            return self.show_plain(request, 404, "not-genuine")
        is_direct = not self.flows.policies[genuine.purpose].confirm
        opened = await self._open_document(request, genuine, now) if is_direct else None
        if opened is not None:
            return opened
        return self.redirect(self.flows.site.path, self._jar.keep_pending(request, _read_token(request), now))

    async def show(self, request: Request, now: int) -> Reply:
        """Show the page of the link that waits: its button, or what happened, when, and the way on."""
        pending = self._jar.read_pending(request, now)
        if pending is None:
            return self.show_plain(request, 400, "no-cookie")
        attempt = self._begin_attempt(request, pending.genuine, now)
        try:
            record = await self.flows.check(attempt)
        except RejectedLinkError as error:
            return await self._refuse(request, pending, attempt, error)
        link, other = self.flows.describe(record, now), request.signed_in_as
        form = self._jar.seal_form(pending.token, pending.nonce, other, now=now)
        about = self.describe(link, self.choose_language(request))
        to, signs_in = self.name_subject(link.subject, record.recipient), self.signs_in(link)
        pages = self.choose_pages(request)
        if signs_in and other is not None and other != link.subject:
            return self.show_page(200, pages.switch(about, to=to, other=self.name_subject(other), form=form))
        return self.show_page(200, pages.confirm(about, to=to, form=form, signs_in=signs_in))

    async def use(self, request: Request, now: int) -> Reply:
        """Press the button: the link is used, once, and the browser lands where it leads."""
        pending = self._read_form(request, now)
        if isinstance(pending, Reply):
            return pending
        attempt = self._begin_attempt(request, pending.genuine, now, nonce=pending.nonce)
        try:
            redemption = await self.flows.use(attempt)
        except RejectedLinkError as error:
            return await self._refuse(request, pending, attempt, error)
        policy = attempt.policy
        if policy.opens is Opens.ACCOUNT:
            left = redemption.session_ends_at - to_datetime(now)
            reply = self.land(redemption.destination)
            return replace(reply, sign_in=redemption, keeps_session=policy.step_up, session_left=left)
        # A second click is shown the same redemption: it must not make the session longer.
        opened_at, tag = to_micros(redemption.redeemed_at), make_tag(policy.purpose, redemption.resource)
        grant = Grant(token=pending.token, opened_at=opened_at, tag=tag)
        return self.land(redemption.destination, self._jar.keep_grant(request, grant, policy.session_lifetime, now))

    async def _find_open(self, request: Request, policy: Policy, resource: str | None, now: int) -> Redemption | None:
        """Return what this browser has open of a document, or None; the store is asked about that document alone."""
        tag = make_tag(policy.purpose, resource)
        for grant in self._jar.read_grants(request, now):
            genuine = self.flows.open_token(grant.token) if grant.tag == tag else None
            found = None if genuine is None else await self._recall(genuine.link_id, None, grant.opened_at, now)
            if found is not None and (found.purpose, found.resource) == (policy.purpose, resource):
                return found
        return None

    def _read_form(self, request: Request, now: int) -> Pending | Reply:
        """Return the link whose page was sent back, or the answer to a form that isn't that page's."""
        ours = is_ours(request, self.flows.site.origin)
        pending = self._jar.read_pending(request, now)
        if ours is False:
            return self.show_plain(request, 403, "elsewhere")
        if pending is None:
            return self.show_plain(request, 400, "no-cookie")
        if self._jar.is_form(request, pending.token, pending.nonce, request.signed_in_as, now=now):
            return pending
        # Another tab, or another person signed in meanwhile: what this page showed is no longer what it would do.
        return self.redirect(self.flows.site.path) if ours else self.show_plain(request, 403, "elsewhere")

    def _begin_attempt(self, request: Request, genuine: Genuine, now: int, *, nonce: str | None = None) -> Attempt:
        subject, own, policy = request.signed_in_as, self._options.get("admit"), self.flows.policies[genuine.purpose]
        # A step-up is for the one who is signed in; the app's own check is the last.
        admit = (lambda link: link.subject == subject and (own is None or own(link))) if policy.step_up else own
        browser, is_noted = self._jar.read_browser(request, now), request.method != "HEAD"
        return self.flows.begin_attempt(genuine, now, browser=browser, nonce=nonce, admit=admit, is_noted=is_noted)

    async def _open_document(self, request: Request, genuine: Genuine, now: int) -> Reply | None:
        """Verify a document's link and grant it to this browser; None where its page must say what happened."""
        attempt = self._begin_attempt(request, genuine, now)
        try:
            record = await self.flows.check(attempt)
        except RejectedLinkError as error:
            return await self._land_again(request, attempt, self._find_grant(request, _read_token(request), now), error)
        # Read from the request once more: while the app was asked, no local variable held the token.
        grant = Grant(token=_read_token(request), opened_at=now, tag=make_tag(record.purpose, record.resource))
        cookie = self._jar.keep_grant(request, grant, attempt.policy.session_lifetime, now)
        return self.land(record.destination, cookie)

    async def _refuse(self, request: Request, pending: Pending, attempt: Attempt, error: RejectedLinkError) -> Reply:
        """Say what happened to a link, or lead on a browser that still holds what the link opened."""
        if isinstance(error, NotAdmittedError):
            return self.show_page(403, self.choose_pages(request).not_admitted(error.reason))
        if error.link is None:
            return self.show_plain(request, 404, "gone", self._jar.clear_pending())
        now = attempt.now
        landing = await self._land_again(request, attempt, self._find_grant(request, pending.token, now), error)
        if landing is not None:
            return landing
        renews = self._directory is not None and self.find_policy(error.link).renew_on_request
        form = self._jar.seal_form(pending.token, pending.nonce, request.signed_in_as, now=now) if renews else None
        state = State.REVOKED if isinstance(error, RevokedLinkError) else error.link.state
        about, signs_in = self.describe(error.link, self.choose_language(request)), self.signs_in(error.link)
        page = self.choose_pages(request).ended(
            state, about, at=error.at, now=to_datetime(now), form=form, signs_in=signs_in
        )
        return self.show_page(410, page)

    def _find_grant(self, request: Request, token: str, now: int) -> Grant | None:
        return next((grant for grant in self._jar.read_grants(request, now) if grant.token == token), None)

    async def _land_again(
        self, request: Request, attempt: Attempt, grant: Grant | None, error: RejectedLinkError
    ) -> Reply | None:
        """Lead to what a link opened if this browser still has it open, though the link itself has ended; else None."""
        link: LinkInfo | None = error.link
        if link is None or isinstance(error, RevokedLinkError):
            return None
        if self.signs_in(link):
            # Signed in as this subject already, and the link did work once: a second click isn't a refusal.
            is_open = link.uses > 0 and request.signed_in_as == link.subject
        elif grant is None:
            return None
        else:
            is_open = await self._recall(attempt.link_id, attempt.record, grant.opened_at, attempt.now) is not None
        return self.land(link.destination) if is_open else None

    async def _recall(self, link_id: bytes, record: Record | None, opened_at: int, now: int) -> Redemption | None:
        """Return what a link has open in this browser, or None; its record is read unless it is at hand."""
        try:
            record = record or await self.flows.read_record(link_id)
            return await self.flows.recall_record(record, redeemed_at=opened_at, now=now)
        except UnavailableError:
            raise
        except MagicLinkError:
            return None


def _read_token(request: Request) -> str:
    """Return the token of a request's path, without the character that the text around the link has left on it."""
    return request.path[:-1] if request.path[-1] in TRAILING else request.path
