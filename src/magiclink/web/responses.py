"""What the whole conversation is built on: the app's options, and the two kinds of replies, each with all its headers.

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
from .options import Limits, check_home, check_names, check_sign_in
from .pages import Pages

if TYPE_CHECKING:
    from typing import Unpack

    from ..flows import Flows
    from ..policy import Policy
    from ..values import LinkInfo
    from .http import Cookie, Page, Request
    from .languages import Language
    from .options import Options

_ALWAYS = (
    ("X-Content-Type-Options", "nosniff"),
    ("X-Frame-Options", "DENY"),
    ("X-Robots-Tag", "noindex, nofollow"),
    ("Cross-Origin-Opener-Policy", "same-origin"),
    ("Content-Type", "text/html; charset=utf-8"),
    ("Cache-Control", "no-store"),
)

# No script, nothing from elsewhere, in nobody's frame; a template of the app's may use the site's styles and pictures.
_PAGE_POLICY = (
    f"default-src 'none'; style-src 'self' '{STYLE_HASH}'; img-src 'self'; font-src 'self'; form-action 'self'; "
    "frame-ancestors 'none'; base-uri 'none'"
)


class Responses:
    """The app's options, checked once, and replies. Raises ConfigurationError for what can't work."""

    def __init__(self, flows: Flows, **options: Unpack[Options]) -> None:
        check_names(options)
        self.flows = flows
        self.home: str = check_home(flows, options.get("home", "/"))
        self.sign_in_policy: Policy | None = check_sign_in(flows, options.get("sign_in", SIGN_IN))
        self.limits: Limits = options.get("limits", Limits())
        self.languages: Languages = Languages(options.get("languages", ("en",)), options.get("translations"))
        self._pages = {each.tag: Pages(flows.site.path, each) for each in self.languages}
        self._directory = options.get("directory")
        self._mailer = options.get("mailer")
        self._options: Options = options
        self._jar = Jar(flows)
        if self._directory is not None and self._mailer is None:
            raise ConfigurationError("a directory needs a mailer, for links that people ask for: mailer=SMTPMailer(…)")

    def find_policy(self, link: LinkInfo) -> Policy:
        """Return the policy of a link. Raises BadArgumentError where it isn't among the app's policies any more."""
        if link.purpose not in self.flows.policies:
            way_out = "keep its policy in MagicLinks(policies=[…]) while its links live"
            raise BadArgumentError(f"the link's purpose {link.purpose} is registered no more: {way_out}")
        return self.flows.policies[link.purpose]

    def choose_language(self, request: Request) -> Language:
        """Return the language of who asks, among those that the site offers."""
        return self.languages.choose(request.languages)

    def show_plain(self, request: Request, status: int, name: str, *cookies: Cookie, allow: str = "") -> Reply:
        """Answer with a page that says the same to everybody, such as `gone`."""
        return self.show_page(status, self.choose_pages(request).plain(name), *cookies, allow=allow)

    def choose_pages(self, request: Request) -> Pages:
        """Return the pages in the language of who asks."""
        return self._pages[self.choose_language(request).tag]

    def signs_in(self, link: LinkInfo) -> bool:
        """Return whether a link opens an account."""
        return self.find_policy(link).opens is Opens.ACCOUNT

    def describe(self, link: LinkInfo, language: Language) -> str:
        """Return what a link opens, in the app's words; "" where it has none in this language."""
        describe = self._options.get("describe")
        text = "" if describe is None else describe(link)
        return text.get(language.tag, "") if isinstance(text, Mapping) else text

    def name_subject(self, subject: str, recipient: bytes | None = None) -> str:
        """Return a subject's name for a page: the masked address that a link went to, or without one the main address.

        Whoever still reads an address that is no longer on file learns nothing of the new one.
        """
        account = None if self._directory is None else self._directory.by_subject(subject)
        for address in () if account is None else account.addresses:
            if recipient is None or self.flows.is_recipient(recipient, address):
                return mask(address)
        # Some apps name their subjects by their addresses.
        return mask(subject) if "@" in subject else subject

    def show_page(self, status: int, page: Page, *cookies: Cookie, allow: str = "") -> Reply:
        """Answer with a page. `same-origin`: with `no-referrer`, Chromium would send `Origin: null` from its form."""
        headers = (
            ("Vary", "Cookie" if len(self._pages) == 1 else "Cookie, Accept-Language"),
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
            ("Vary", "Cookie"),
            *_ALWAYS,
            ("Referrer-Policy", "no-referrer"),
            ("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'"),
        )
        return Reply(status=303, headers=headers, cookies=cookies)

    def land(self, destination: str | None, *cookies: Cookie) -> Reply:
        """Lead to a destination if it is still allowed, else home: settings may have changed since it was stored."""
        try:
            location = self.flows.site.check_destination(destination) or self.home
        except BadArgumentError:
            location = self.home
        return self.redirect(location, *cookies)


def strip_body(reply: Reply) -> Reply:
    """Return the answer to HEAD: the same status and headers, no cookie, nothing to do."""
    return replace(reply, cookies=(), sign_in=None, after=None)


def is_ours(request: Request, origin: str) -> bool | None:
    """Return whether a POST comes from our own page; None where the browser sends neither header, and the form decides.

    An Origin of `null` hides where the POST comes from, which our own pages never make a browser do.
    """
    sent_origin, site = request.headers.get("origin"), request.headers.get("sec-fetch-site")
    if sent_origin is None and site is None:
        return None
    return sent_origin in (None, origin) and site in (None, "same-origin")
