"""Somebody asks for a mail: a fresh link, or a sign-in link. One neutral answer, whatever happens.

What could tell whether an address or a link is known (look-up, limits, issue, mail) is a Job, run after the answer has
been sent. Limits are quiet: a request that is over one looks like any other.
"""

from __future__ import annotations

from dataclasses import replace
from ipaddress import IPv6Address, ip_address
from traceback import format_tb
from typing import TYPE_CHECKING, NamedTuple

from ..addresses import canonicalize, fold_case
from ..errors import BadArgumentError, ConfigurationError, ReissueRefusedError, RejectedLinkError, describe_type
from ..events import logger
from ..flows.arguments import read_link_id
from ..instants import to_datetime
from ..stores.base import HOUR
from ..values import Order
from .directory import MOST_ACCOUNTS
from .http import Reply
from .jobs import Job, Task
from .mail import compose
from .redeeming import Redeeming
from .responses import is_ours

if TYPE_CHECKING:
    from datetime import datetime

    from ..records import Record
    from ..values import Link
    from .directory import Account, Directory
    from .http import Request

LONGEST_ADDRESS = 320
"""Characters of what was typed that a job carries; a longer address is none (RFC 5321, 4.5.3.1)."""


class Requesting(Redeeming):
    """POST /new, GET and POST /sign-in, and the jobs behind them."""

    async def request_renewal(self, request: Request, now: int) -> Reply:
        """Take the wish for a fresh link in place of the one that waits; the answer comes before any look-up."""
        pending = self._read_form(request, now)
        if isinstance(pending, Reply):
            return pending
        language = self.choose_language(request).tag
        job = Job(task=Task.RENEW, source=request.source, link_id=pending.genuine.link_id.hex(), language=language)
        return replace(self.show_page(200, self.choose_pages(request).sent()), after=job)

    async def show_sign_in(self, request: Request, now: int) -> Reply:
        """Show the page that asks for an address."""
        nonce, cookie = self._jar.keep_browser(request, now)
        form = self._jar.seal_form("sign-in", nonce, now=now)
        return self.show_page(200, self.choose_pages(request).sign_in(form), cookie)

    async def request_sign_in(self, request: Request, now: int) -> Reply:
        """Take an address. Known or not, right or wrong, over a limit or not: the same answer and the same work."""
        ours = is_ours(request, self.flows.site.origin)
        nonce = self._jar.read_browser(request, now)
        is_form = nonce is not None and self._jar.is_form(request, "sign-in", nonce, now=now)
        if ours is False or (ours is None and not is_form):
            return self.show_page(403, self.choose_pages(request).elsewhere())
        # The page may have been open for longer than its cookie lived: this is the browser that asks.
        nonce, cookie = self._jar.keep_browser(request, now)
        typed = [value for name, value in request.form or () if name == "email"]
        address = typed[0][: LONGEST_ADDRESS + 1] if len(typed) == 1 else ""
        language = self.choose_language(request).tag
        job = Job(task=Task.SIGN_IN, source=request.source, address=address, browser=nonce, language=language)
        return replace(self.show_page(200, self.choose_pages(request).sent(), cookie), after=job)

    def show_closed(self, request: Request, now: int) -> Reply:
        """Show the page for a document that this browser doesn't have open, with the ways on."""
        if not self.offers_sign_in:
            return self.show_page(403, self.choose_pages(request).closed(None))
        nonce, cookie = self._jar.keep_browser(request, now)
        form = self._jar.seal_form("sign-in", nonce, now=now)
        return self.show_page(403, self.choose_pages(request).closed(form), cookie)

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
        now = self.flows.read_clock()
        if job.task is Task.RENEW:
            await self._renew(job, self._directory, now)
        else:
            await self._mail_sign_in(job, self._directory, now)

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
        now = self.flows.read_clock()
        record = await self.flows.read_record(read_link_id(link.link_id))
        await self._send(link, record, now, to=to, about=about, language=language)

    async def remind(self, link_id: str) -> Link:
        """Mail a fresh link of a link's series to the address that it was mailed to; return it.

        For the support desk: a mail was lost, or its link is too old. Whether there may be a fresh one is for the
        link's policy to say, and where it goes is the address on file whose digest is the record's.

        Raises ReissueRefusedError: as `MagicLinks.remind`, `account` where the subject is no active account,
        `recipient` where the address isn't on file any more. InvalidLinkError (unknown), BadArgumentError (its policy
        is gone), UnavailableError (the mail wasn't taken: older links still work), ConfigurationError (no directory).
        """
        if self._directory is None:
            raise ConfigurationError("a reminder goes to an address on file: give directory=, the app's accounts")
        now = self.flows.read_clock()
        record = await self.flows.read_record(read_link_id(link_id))
        policy = self.find_policy(self.flows.describe(record, now))
        account = self._directory.by_subject(record.subject)
        if account is None or not account.active:
            raise ReissueRefusedError("the directory has no active account of the link's subject", reason="account")
        to = self.flows.choose_recipient(record, account.addresses)
        if to is None:
            raise ReissueRefusedError("the address that the link was mailed to isn't on file now", reason="recipient")
        order = Order(policy=policy, subject=record.subject, resource=record.resource, recipient=to)
        link, fresh = await self.flows.remind_order(order, now)
        await self._send(link, fresh, now, to=to)
        return link

    async def _send(
        self, link: Link, record: Record, now: int, *, to: str, about: str = "", language: str | None = None
    ) -> None:
        if self._mailer is None:
            raise BadArgumentError('there is no mailer: give mailer=, such as SMTPMailer("localhost")')
        if not isinstance(language, str | None):
            raise BadArgumentError(f"language: a tag such as de, or None; got {describe_type(language)}")
        info = self.flows.describe(record, now)
        reader = self.languages.choose([language] if language else [])
        message = compose(
            link,
            to=to,
            about=about or self.describe(info, reader) or None,
            opens=self.find_policy(info).opens,
            language=reader,
            sender=self._sender,
            reply_to=self._reply_to,
            clock=_At(to_datetime(now)),
        )
        self._mailer.send(message)
        await self.flows.deliver_record(record, now)

    async def _renew(self, job: Job, directory: Directory, now: int) -> None:
        if not await self._is_within(job, f"link:{job.link_id}", self.limits.per_link, now):
            await self.flows.note_limited(await self.flows.find_record(job.link_id), now, link_id=job.link_id)
            return
        record = await self.flows.find_record(job.link_id)
        account = None if record is None else directory.by_subject(record.subject)
        if record is None or account is None or not account.active:
            return
        to = self.flows.choose_recipient(record, account.addresses)
        # An address that is no longer on file: the link is dead, and nobody learns where its mail went.
        if to is None:
            return
        # Not the limit of sign-in links: anybody can use that up, and would keep customers from their documents.
        address = fold_case(canonicalize(to))
        if not await self._hit(f"renew:{address}", self.limits.per_address, now):
            await self.flows.note_limited(record, now)
            return
        try:
            link, fresh = await self.flows.renew_record(record, address, now)
            await self._send(link, fresh, now, to=to, language=job.language)
        except (RejectedLinkError, ReissueRefusedError):
            return

    async def _mail_sign_in(self, job: Job, directory: Directory, now: int) -> None:
        try:
            address = canonicalize(job.address)
        except BadArgumentError:
            return
        if not await self._is_within(job, f"sign-in:{fold_case(address)}", self.limits.per_address, now):
            await self.flows.note_limited(None, now)
            return
        accounts = [account for account in directory.by_email(fold_case(address)) if account.active]
        for account in accounts[:MOST_ACCOUNTS]:
            await self._mail_account(account, address, job, now)

    async def _mail_account(self, account: Account, typed: str, job: Job, now: int) -> None:
        policy = self.sign_in_policy
        # The mail goes to the stored spelling, never to what was typed (CVE-2019-19844).
        to = next((each for each in account.addresses if _is_same(each, typed)), None)
        if to is None or policy is None:
            return
        browser = job.browser if policy.bind_browser else None
        order = Order(policy=policy, subject=account.subject, recipient=to, browser=browser)
        try:
            [(link, record)] = await self.flows.issue_orders([order], now)
        except BadArgumentError:
            return
        await self._send(link, record, now, to=to, language=job.language)

    async def _is_within(self, job: Job, limit_key: str, limit: int, now: int) -> bool:
        by_source = await self._hit(f"source:{name_source(job.source)}", self.limits.per_source, now)
        return by_source and await self._hit(limit_key, limit, now)

    async def _hit(self, limit_key: str, limit: int, now: int) -> bool:
        return await self.flows.hit(limit_key, limit=limit, window=HOUR, now=now)


class _At(NamedTuple):
    """The instant of a request, for what asks a clock."""

    at: datetime

    def now(self) -> datetime:
        """Return it."""
        return self.at


def _is_same(on_file: str, typed: str) -> bool:
    """Return whether an address on file is the one that was typed; what is no address is nobody's."""
    try:
        return fold_case(canonicalize(on_file)) == fold_case(typed)
    except BadArgumentError:
        return False


def name_source(source: str | None) -> str:
    """Name who asks: an IPv4 address, or an IPv6 network of 64 bits, which is one household's.

    Without an address all share one limit: stricter, not none.
    """
    try:
        address = ip_address((source or "").split("%")[0])
    except ValueError:
        return "unknown"
    if isinstance(address, IPv6Address):
        mapped = address.ipv4_mapped
        return str(mapped) if mapped is not None else str(IPv6Address(int(address) >> 64 << 64))
    return str(address)
