"""Somebody asks for a mail: a fresh link, or a sign-in link. One neutral answer, whatever happens.

What could tell whether an address or a link is known (look-up, limits, issue, mail) is a Job, run after the answer has
been sent. Limits are quiet: a request that is over one looks like any other.
"""

from __future__ import annotations

from dataclasses import replace
from ipaddress import IPv6Address, ip_address
from traceback import format_tb
from typing import TYPE_CHECKING

from ..addresses import canonicalize, fold_case
from ..errors import BadArgumentError, ConfigurationError, ReissueRefusedError, RejectedLinkError
from ..events import logger
from .directory import MOST_ACCOUNTS
from .jobs import Job, Task
from .mail import compose
from .options import HOUR
from .responses import Responses, is_ours

if TYPE_CHECKING:
    from ..values import Link
    from .directory import Account, Directory
    from .http import Reply, Request

LONGEST_ADDRESS = 320
"""Characters of what was typed that a job carries; a longer address is none (RFC 5321, 4.5.3.1)."""


class Requesting(Responses):
    """POST /new, GET and POST /sign-in, and the jobs behind them."""

    async def ask_anew(self, request: Request) -> Reply:
        """Take the wish for a fresh link in place of the one that waits; the answer comes before any look-up."""
        ours = is_ours(request, self.flows.site.origin)
        pending = await self._jar.pending(request)
        genuine = None if pending is None else self.flows.open_token(pending.token)
        if ours is False:
            return self.show_page(403, self.choose_pages(request).elsewhere())
        if pending is None or genuine is None:
            return self.show_page(400, self.choose_pages(request).no_cookie())
        if not await self._jar.is_form(request, pending.token, pending.nonce, request.signed_in_as):
            return (
                self.redirect(self.flows.site.path)
                if ours
                else self.show_page(403, self.choose_pages(request).elsewhere())
            )
        language = self.choose_language(request).tag
        job = Job(task=Task.RENEW, source=request.source, link_id=genuine.link_id.hex(), language=language)
        return replace(self.show_page(200, self.choose_pages(request).sent()), after=job)

    async def sign_in_page(self, request: Request) -> Reply:
        """Show the page that asks for an address."""
        nonce, cookie = await self._jar.keep_visit(request)
        return self.show_page(200, self.choose_pages(request).sign_in(await self._jar.form("sign-in", nonce)), cookie)

    async def ask_to_sign_in(self, request: Request) -> Reply:
        """Take an address. Known or not, right or wrong, over a limit or not: the same answer and the same work."""
        ours = is_ours(request, self.flows.site.origin)
        nonce = await self._jar.visit(request)
        is_form = nonce is not None and await self._jar.is_form(request, "sign-in", nonce)
        if ours is False or (ours is None and not is_form):
            return self.show_page(403, self.choose_pages(request).elsewhere())
        # The page may have been open for longer than its cookie lived: this is the browser that asks.
        nonce, cookie = await self._jar.keep_visit(request)
        typed = [value for name, value in request.form or () if name == "email"]
        address = typed[0][: LONGEST_ADDRESS + 1] if len(typed) == 1 else ""
        language = self.choose_language(request).tag
        job = Job(task=Task.SIGN_IN, source=request.source, address=address, browser=nonce, language=language)
        return replace(self.show_page(200, self.choose_pages(request).sent(), cookie), after=job)

    async def closed(self, request: Request) -> Reply:
        """Show the page for a document that this browser doesn't have open, with the ways on."""
        if not self.offers_sign_in:
            return self.show_page(403, self.choose_pages(request).closed(None))
        nonce, cookie = await self._jar.keep_visit(request)
        return self.show_page(403, self.choose_pages(request).closed(await self._jar.form("sign-in", nonce)), cookie)

    @property
    def offers_sign_in(self) -> bool:
        """Return whether anybody may ask for a sign-in link here."""
        return self._directory is not None and self.sign_in_policy is not None

    async def run(self, job: Job) -> None:
        """Do what a job asks for, within the limits. Nobody waits for an answer: what is refused ends without a word.

        Raises UnavailableError, and what the app's own calls raise, for the adapter to log.
        """
        if self._directory is None:
            return
        if job.task is Task.RENEW:
            await self._renew(job, self._directory)
        else:
            await self._mail_sign_in(job, self._directory)

    async def run_late(self, job: Job) -> None:
        """Do what a job asks for when there is nobody left to answer: what fails is logged, and where it failed."""
        try:
            await self.run(job)
        except Exception as error:  # noqa: BLE001  # whatever an app's call may raise
            # Its message may hold an address, and so may its causes': neither is written down.
            failed = (job.task, type(error).__name__, "".join(format_tb(error.__traceback__)))
            logger.error("a mail that was asked for was not sent: %s, %s\n%s", *failed)

    async def send(self, link: Link, *, to: str, about: str = "", language: str | None = None) -> None:
        """Write the mail for a link, send it, and mark the link delivered once the mail server took it.

        `language` is the reader's, such as `de-AT`: the mail is in the nearest that the site offers, or in its own.
        """
        if self._mailer is None:
            raise BadArgumentError("there is no mailer: give the options mailer=SMTPMailer(…)")
        if not isinstance(language, str | None):
            raise BadArgumentError("language: a tag such as de, or None")
        info = await self.flows.inspect(link.link_id)
        spoken = self.languages.choose([language] if language else [])
        message = compose(
            link,
            to=to,
            about=about or self.describe(info, spoken) or None,
            opens=self.find_policy(info).opens,
            language=spoken,
            sender=self._sender,
            reply_to=self._reply_to,
            clock=self.flows.clock,
        )
        self._mailer.send(message)
        await self.flows.mark_delivered(link.link_id)

    async def remind(self, link_id: str) -> Link:
        """Mail a fresh link of a link's series to the address that it was mailed to; give it.

        For the support desk: a mail was lost, or its link is too old. Whether there may be a fresh one is for the
        link's policy to say, and where it goes is the address on file whose digest is the record's.

        Raises ReissueRefusedError: as `MagicLinks.remind`, `account` where the subject is no active account,
        `recipient` where the address isn't on file any more. InvalidLinkError (unknown), BadArgumentError (its policy
        is gone), UnavailableError (the mail wasn't taken: older links still work), ConfigurationError (no directory).
        """
        if self._directory is None:
            raise ConfigurationError("a reminder goes to an address on file, and there is no directory")
        info = await self.flows.inspect(link_id)
        policy = self.find_policy(info)
        account = self._directory.by_subject(info.subject)
        if account is None or not account.active:
            raise ReissueRefusedError("the account may not be used", reason="account")
        to = await self.flows.choose_recipient(link_id, account.addresses)
        if to is None:
            raise ReissueRefusedError("the address that the link was mailed to isn't on file", reason="recipient")
        link = await self.flows.remind(policy, subject=info.subject, resource=info.resource, recipient=to)
        await self.send(link, to=to)
        return link

    async def _renew(self, job: Job, directory: Directory) -> None:
        if not await self._within(job, f"link:{job.link_id}", self.limits.per_link):
            await self.flows.note_limited(job.link_id)
            return
        try:
            account = directory.by_subject((await self.flows.inspect(job.link_id)).subject)
            if account is None or not account.active:
                return
            to = await self.flows.choose_recipient(job.link_id, account.addresses)
            # An address that is no longer on file: the link is dead, and nobody learns where its mail went.
            if to is None:
                return
            # Not the bucket of sign-in links: anybody can use that up, and would keep customers from their documents.
            if not await self._takes(f"renew:{fold_case(canonicalize(to))}", self.limits.per_address):
                await self.flows.note_limited(job.link_id)
                return
            await self.send(await self.flows.renew_link(job.link_id, to=to), to=to, language=job.language)
        except (RejectedLinkError, ReissueRefusedError):
            return

    async def _mail_sign_in(self, job: Job, directory: Directory) -> None:
        try:
            address = canonicalize(job.address)
        except BadArgumentError:
            return
        if not await self._within(job, f"sign-in:{fold_case(address)}", self.limits.per_address):
            await self.flows.note_limited()
            return
        accounts = [account for account in directory.by_email(fold_case(address)) if account.active]
        for account in accounts[:MOST_ACCOUNTS]:
            await self._mail_account(account, address, job)

    async def _mail_account(self, account: Account, typed: str, job: Job) -> None:
        policy = self.sign_in_policy
        # The mail goes to the stored spelling, never to what was typed (CVE-2019-19844).
        to = next((each for each in account.addresses if _is_same(each, typed)), None)
        if to is None or policy is None:
            return
        browser = job.browser if policy.bind_browser else None
        try:
            link = await self.flows.issue(policy, subject=account.subject, recipient=to, browser=browser)
        except BadArgumentError:
            return
        await self.send(link, to=to, language=job.language)

    async def _within(self, job: Job, bucket: str, limit: int) -> bool:
        by_source = await self._takes(f"source:{source_bucket(job.source)}", self.limits.per_source)
        return by_source and await self._takes(bucket, limit)

    async def _takes(self, bucket: str, limit: int) -> bool:
        return await self.flows.hit(bucket, limit=limit, window=HOUR) is None


def _is_same(on_file: str, typed: str) -> bool:
    """Return whether an address on file is the one that was typed; what is no address is nobody's."""
    try:
        return fold_case(canonicalize(on_file)) == fold_case(typed)
    except BadArgumentError:
        return False


def source_bucket(source: str | None) -> str:
    """Name who asks: an IPv4 address, or an IPv6 network of 64 bits, which is one household's.

    Without an address all share one bucket: a stricter limit, not none.
    """
    try:
        address = ip_address((source or "").split("%")[0])
    except ValueError:
        return "unknown"
    if isinstance(address, IPv6Address):
        mapped = address.ipv4_mapped
        return str(mapped) if mapped is not None else str(IPv6Address(int(address) >> 64 << 64))
    return str(address)
