"""The mail that carries a link: a short text, the same in HTML, and headers that nobody else can write.

What may not happen here: a second recipient, a header or a link that comes from `about` or from an address, a link that
is folded or shortened on its way, anything loaded from elsewhere, a tracking pixel. This module sends nothing.
"""

from __future__ import annotations

import re
import secrets
from email.header import Header
from email.headerregistry import Address, BaseHeader, UnstructuredHeader
from email.message import EmailMessage
from email.policy import SMTP
from html import escape
from ipaddress import ip_address
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from ..addresses import canonicalize
from ..clock import SystemClock, read
from ..errors import BadArgumentError
from ..instants import to_datetime
from ..policy import Opens
from .humanize import NAME_LENGTH, flatten, format_date, shorten
from .languages import ENGLISH
from .languages import mark as _

if TYPE_CHECKING:
    from email.policy import Policy

    from ..clock import Clock
    from ..values import Link
    from .languages import Language

LINE_LENGTH = 998
"""Octets in a line of a mail, without its end (RFC 5322, 2.1.1); a longer one is cut by servers on the way."""

_HTML = """\
<!DOCTYPE html>
<html lang="{language}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<meta name="color-scheme" content="light dark">
<meta name="format-detection" content="telephone=no, date=no, address=no, email=no, url=no">
<title>{subject}</title>
</head>
<body dir="auto" style="margin: 0; padding: 24px; font: 16px/1.5 sans-serif">
<div style="max-width: 560px; margin: 0 auto">
<p>{lead}</p>
<p><a href="{url}"
style="display: inline-block; padding: 12px 24px; border-radius: 6px; background: #1a5fb4; color: #ffffff;
font-weight: bold; text-decoration: none">{button}</a></p>
{paragraphs}
<p style="font-size: 13px; word-break: break-all">
{url}
</p>
</div>
</body>
</html>
"""


# Subject and lead where the app names what the link opens, the same where it doesn't, the button, and the rest.
_DOCUMENT = (
    ("{about}", _("Hello, this link opens {about}:")),
    (_("Your document"), _("Hello, this link opens the document:")),
    _("Open"),
    _("The link works until {until}. You need no account and no password."),
    _("After that, open it anyway: the page shows you how to get a new link."),
    _("Anyone who has this link can open the same page, so forward it with care."),
    _("If you did not expect this email, you can ignore it."),
)
_ACCOUNT = (
    (_("Sign in to {about}"), _("Hello, this link signs you in to {about}:")),
    (_("Sign in to your account"), _("Hello, this link signs you in to your account:")),
    _("Sign in"),
    _("The link works until {until}. You need no password."),
    _("After that, open it anyway: the page shows you how to get a new link."),
    _("Anyone who has this link can sign in as you, so do not forward it."),
    _("If you did not expect this email, you can ignore it: nothing happens unless somebody opens the link."),
)


def compose(
    link: Link,
    *,
    to: str,
    about: str | None,
    opens: Opens = Opens.RESOURCE,
    sender: str | None = None,
    reply_to: str | None = None,
    language: Language = ENGLISH,
    clock: Clock = SystemClock(),  # noqa: B008
) -> EmailMessage:
    """Return the mail for a link, with a text and an HTML part; nothing is sent.

    `about` names what the link opens ("Invoice 1001") or, where `opens` is the account, what it signs in to ("Acme
    Billing"); with None the mail says "the document" or "your account". `sender` and `reply_to` are an address or
    `Name <address>`; without a sender the mail comes from `no-reply@` the link's own host. `language` is the reader's.
    `clock` dates the mail.

    Raises BadArgumentError for anything but exactly one address and for an `about` without a character to show;
    ClockError.
    Sources: RFC 5322 (3.6), RFC 3834 (5), MS-OXCMAIL (X-Auto-Response-Suppress).
    """
    source = Address(username="no-reply", domain=_find_domain(link.url)) if sender is None else _parse_mailbox(sender)
    named, unnamed, *others = _ACCOUNT if opens == Opens.ACCOUNT else _DOCUMENT
    facts = {"until": format_date(link.expires_at, language), "url": link.url, "language": language.tag}
    if about is not None:
        facts["about"] = disarm(about)
    texts = [*(unnamed if about is None else named), *others]
    # A subject that is the app's own words alone is no sentence of ours.
    subject, lead, button, *paragraphs = [each if each == "{about}" else language.gettext(each) for each in texts]
    text = "\n\n".join(each.format_map(facts) for each in (lead, "{url}", *paragraphs)) + "\n"
    html = _write_html(facts, subject, lead, button, *paragraphs)
    message = EmailMessage(policy=SMTP)
    message["From"] = source
    message["To"] = _parse_address(to)
    if reply_to is not None:
        message["Reply-To"] = _parse_mailbox(reply_to)
    message["Subject"] = _Subject("Subject", subject.format_map(facts))
    message["Date"] = to_datetime(read(clock))
    message["Message-ID"] = f"<{secrets.token_hex(16)}@{source.domain}>"
    message["Auto-Submitted"] = "auto-generated"
    # Exchange heeds its own header only. Never `All`: that would silence the bounces too.
    message["X-Auto-Response-Suppress"] = "OOF, AutoReply"
    message.set_content(text, cte=_choose_encoding(text))
    message.add_alternative(html, subtype="html", cte=_choose_encoding(html))
    return message


class _Subject(UnstructuredHeader, BaseHeader):
    # Python 3.11 loses spaces between encoded words, and with them what keeps `acme. com` from being a link.
    def fold(self, *, policy: Policy) -> str:
        charset = "us-ascii" if self.isascii() else "utf-8"
        folded = Header(str(self), charset, header_name=self.name).encode(linesep=policy.linesep)
        return f"{self.name}: {folded}{policy.linesep}"


def disarm(about: str) -> str:
    """Return `about` as one line of at most 200 characters in which no mail client finds a link or a header.

    Raises BadArgumentError where nothing is left of it.
    """
    if not isinstance(about, str):
        raise BadArgumentError(f'about: wanted a str such as "Invoice 1001", got {type(about).__name__}')
    # The first cut bounds the work, the last one the line: breaking a link makes text longer.
    line = _flatten(about[: NAME_LENGTH * 4])
    for pattern, instead in _BREAKS:
        line = pattern.sub(instead, line)
    if not line.split():
        raise BadArgumentError('about: nothing is left to show; write what the link opens, such as "Invoice 1001"')
    return shorten(" ".join(line.split()))


def _flatten(text: str) -> str:
    # An encoded word is decoded by the reader's client, after every check that was made here.
    return flatten(text).replace("=?", "= ?")


_BREAKS = (
    (re.compile(r"://+"), " "),
    # `mailto:` and the like need no slashes; a time such as 12:30 stays.
    (re.compile(r"(?<=[^\W\d_]):(?=\S)"), ": "),
    # Browsers take the full stops of other scripts for a dot. No top-level domain begins with a digit: 1.50 stays.
    (re.compile(r"(?<=\S)([.\u2024\u3002\uff0e\uff61])(?=[^\W\d_])"), r"\1 "),
    (re.compile(r"(www\.)(?=\w)", re.IGNORECASE), r"\1 "),
    (re.compile(r"(\d)\.(\d+)\.(\d+)\.(?=\d)"), r"\1. \2. \3. "),
    (re.compile(r"(?<=\S)([@\ufe6b\uff20])(?=\S)"), r"\1 "),
    (re.compile(r"\\\\+(?=\S)"), " "),
)
"""What a mail client would make a link of, and what stands there instead."""


def _parse_address(address: object) -> Address:
    # Handed over in parts, so that nothing in it is parsed again: a list stays one wrong address, not two right ones.
    username, _at, domain = canonicalize(address).rpartition("@")
    return Address(username=username, domain=domain)


def _parse_mailbox(mailbox: str) -> Address:
    if not isinstance(mailbox, str):
        wanted = "a str, an address or Name <address>"
        raise BadArgumentError(f"sender and reply_to: wanted {wanted}, got {type(mailbox).__name__}")
    named = re.fullmatch(r"([^<>]*)<([^<>]*)>", mailbox)
    if named is None:
        return _parse_address(mailbox)
    address = _parse_address(named[2])
    # What is left of the name needs no quoting rules: a quoted name is shown as the same words without its quotes.
    name = " ".join(re.sub(r'["\\]', " ", _flatten(named[1])).split())
    return Address(name, address.username, address.domain)


def _find_domain(url: str) -> str:
    host = urlsplit(url).hostname or "localhost"
    try:
        number = ip_address(host)
    except ValueError:
        return host
    # RFC 5321, 4.1.3: how an address without a name is written.
    return f"[IPv6:{number}]" if number.version == 6 else f"[{number}]"


def _choose_encoding(body: str) -> str:
    # Quoted-printable would fold the link; base64 keeps what seven bits or a line can't hold.
    whole = body.isascii() and all(len(line) <= LINE_LENGTH for line in body.splitlines())
    return "7bit" if whole else "base64"


def _write_html(facts: dict[str, str], *texts: str) -> str:
    safe = {name: escape(fact) for name, fact in facts.items()}
    subject, lead, button, *paragraphs = [escape(each).format_map(safe) for each in texts]
    content = "\n".join(f"<p>{each}</p>" for each in paragraphs)
    return _HTML.format(subject=subject, lead=lead, button=button, paragraphs=content, **safe)
