"""What the whole conversation stands on: the app's options, and the two kinds of replies, each with all of its headers.

A framework adds no header and takes none away, so that every adapter gives the same answer.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from ..addresses import mask
from ..errors import BadArgumentError, ConfigurationError
from ..policy import Opens
from ..presets import SIGN_IN
from .cookies import Jar
from .html import STYLE_HASH
from .http import Reply
from .languages import Languages
from .options import Limits, check_home, check_sign_in
from .pages import Pages

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ..flows import Flows
    from ..policy import Policy
    from ..values import LinkInfo
    from .directory import Directory
    from .http import Cookie, Page, Request
    from .languages import Catalogue, Language
    from .mailers import Mailer

_ALWAYS = (
    ("X-Content-Type-Options", "nosniff"),
    ("X-Frame-Options", "DENY"),
    ("X-Robots-Tag", "noindex, nofollow"),
    ("Cross-Origin-Opener-Policy", "same-origin"),
)

# No script, nothing from elsewhere, in nobody's frame; a template of the app's own may use the site's styles and
# pictures.
_PAGE_POLICY = (
    f"default-src 'none'; style-src 'self' '{STYLE_HASH}'; img-src 'self'; font-src 'self'; form-action 'self'; "
    "frame-ancestors 'none'; base-uri 'none'"
)


class Responses:
    """The app's calls, checked once. Raises ConfigurationError for what can't work."""

    def __init__(
        self,
        flows: Flows,
        *,
        directory: Directory | None = None,
        mailer: Mailer | None = None,
        home: str = "/",
        sign_in: Policy = SIGN_IN,
        describe: Callable[[LinkInfo], str | Mapping[str, str]] | None = None,
        admit: Callable[[LinkInfo], bool] | None = None,
        limits: Limits = Limits(),  # noqa: B008  # it is frozen
        sender: str | None = None,
        reply_to: str | None = None,
        languages: Sequence[str] = ("en",),
        translations: Callable[[str], Catalogue | None] | None = None,
    ) -> None:
        self.flows = flows
        self.home: str = check_home(flows, home)
        self.sign_in_policy: Policy | None = check_sign_in(flows, sign_in)
        self.limits = limits
        self.languages: Languages = Languages(languages, translations)
        self._pages = {each.tag: Pages(flows.site.path, each) for each in self.languages}
        self._directory = directory
        self._mailer = mailer
        self._sender = sender
        self._reply_to = reply_to
        self._describe = describe
        self._admit = admit
        self._jar = Jar(flows)
        if directory is not None and mailer is None:
            raise ConfigurationError("a directory without a mailer: fresh links are mailed to the addresses on file")

    def policy_of(self, link: LinkInfo) -> Policy:
        """Return the policy of a link. Raises BadArgumentError where it isn't among the app's policies any more."""
        policy = self.flows.policies.get(link.purpose)
        if policy is None:
            raise BadArgumentError("the link's policy must be one of those that MagicLinks was made with")
        return policy

    def language(self, request: Request) -> Language:
        """Return the language of who asks, among those that the site offers."""
        return self.languages.preferred(request.languages)

    def pages(self, request: Request) -> Pages:
        """Return the pages in the language of who asks."""
        return self._pages[self.language(request).tag]

    def signs_in(self, link: LinkInfo) -> bool:
        """Return whether a link opens an account."""
        return self.policy_of(link).opens is Opens.ACCOUNT

    def described(self, link: LinkInfo, language: Language) -> str:
        """Say what a link opens, in the app's words; "" where it has none in this language."""
        told = "" if self._describe is None else self._describe(link)
        return told.get(language.tag, "") if isinstance(told, Mapping) else told

    def named(self, subject: str, recipient: bytes | None = None) -> str:
        """Name a subject on a page, masked: by the address that a link went to, or the main one where there is none.

        Whoever still reads an address that is no longer on file learns nothing of the new one.
        """
        account = self._directory.by_subject(subject) if self._directory is not None else None
        addresses = () if account is None else account.addresses
        told = next(iter(addresses), None) if recipient is None else self._addressed(addresses, recipient)
        # Some apps name their subjects by their addresses.
        return subject if told is None and "@" not in subject else mask(told or subject)

    def page(self, status: int, page: Page, *cookies: Cookie, allow: str = "") -> Reply:
        """Answer with a page. `same-origin`: with `no-referrer`, Chromium would send `Origin: null` from its form."""
        headers = (
            ("Content-Type", "text/html; charset=utf-8"),
            ("Cache-Control", "no-store"),
            ("Vary", "Cookie" if len(self.languages) == 1 else "Cookie, Accept-Language"),
            *_ALWAYS,
            ("Referrer-Policy", "same-origin"),
            ("Content-Security-Policy", _PAGE_POLICY),
            ("Content-Language", page.language),
            *((("Allow", allow),) if allow else ()),
            *((("Retry-After", "30"),) if status == 503 else ()),
        )
        return Reply(status=status, headers=headers, cookies=cookies, page=page)

    def redirect(self, location: str, *cookies: Cookie) -> Reply:
        """Answer with 303, which turns every method into a GET; no address that held a token goes on as a referrer."""
        headers = (
            ("Location", location),
            ("Content-Type", "text/html; charset=utf-8"),
            ("Cache-Control", "no-store"),
            ("Vary", "Cookie"),
            *_ALWAYS,
            ("Referrer-Policy", "no-referrer"),
            ("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'"),
        )
        return Reply(status=303, headers=headers, cookies=cookies)

    def land(self, link: LinkInfo, *cookies: Cookie) -> Reply:
        """Lead to where the link goes: the destination that was fixed at issue, or the app's home."""
        return self.redirect(self.checked(link.destination), *cookies)

    def checked(self, destination: str | None) -> str:
        """Return a destination that is still allowed; the configuration may have changed since it was stored."""
        try:
            return self.flows.site.check_destination(destination) or self.home
        except BadArgumentError:
            return self.home

    def _addressed(self, addresses: Sequence[str], recipient: bytes | None) -> str | None:
        return next((each for each in addresses if self.flows.is_recipient(recipient, each)), None)


def without_body(reply: Reply) -> Reply:
    """Return the answer to HEAD: the same status and headers, no cookie, nothing done."""
    return replace(reply, cookies=(), sign_in=None, after=None)


def is_ours(request: Request, origin: str) -> bool | None:
    """Return whether a POST comes from our own page; None where the browser says nothing, and the form decides.

    A browser that says `null` hides where it comes from, which our own pages never make it do.
    """
    said, site = request.headers.get("origin"), request.headers.get("sec-fetch-site")
    if said is None and site is None:
        return None
    return said in (None, origin) and site in (None, "same-origin")
