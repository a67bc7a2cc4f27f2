"""What crosses the door between a framework and the conversation: a Request in, a Reply out, all frozen values."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ..values import Redemption
    from .jobs import Job

Pairs = tuple[tuple[str, str], ...]
"""Names and values in the order in which they came; a name may come twice, and then it means nothing."""

MAX_FORM_BYTES = 16_384
"""The largest form that an adapter reads: ours have an address and a seal."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One request, as the adapter has read it; percent-encoding is decoded exactly once, by the framework.

    Its repr shows nothing that opens a link or names a person: error reporters collect it.
    """

    method: str
    path: str = field(repr=False)
    """What follows the path of `base_url`: a token, `new`, `sign-in`, or nothing at all."""
    query: Pairs = field(default=(), repr=False)
    form: Pairs | None = field(default=(), repr=False)
    """The fields of a POST; None where the body was too large to be read."""
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    """By their names in lower case; one that came twice is joined by commas."""
    cookies: Mapping[str, str] = field(default_factory=dict, repr=False)
    source: str | None = None
    """The address that the request comes from, as far as the framework's own proxy settings trust it."""
    signed_in_as: str | None = None
    """The subject who is signed in, as the app says."""
    languages: tuple[str, ...] = ()
    """What the reader prefers, best first: tags such as `de-AT`, unchecked."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """One field of a form: hidden, or one that a person fills in (`email`, `password`, `text`)."""

    name: str
    value: str = field(default="", repr=False)
    kind: str = "hidden"
    label: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Button:
    """A form with one button: `action` is a path of the site, submitted by POST. `is_main` is the way on."""

    label: str
    action: str
    fields: tuple[Field, ...] = ()
    is_main: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """One page, in plain text: a template decides how it looks, never what it says."""

    name: str
    """Which page it is, such as `confirm` or `expired`: for styles and tests."""
    title: str
    paragraphs: tuple[str, ...] = ()
    buttons: tuple[Button, ...] = ()
    language: str = "en"


@dataclass(frozen=True, slots=True, kw_only=True)
class Cookie:
    """A cookie to set; an empty value with `max_age` 0 clears it."""

    name: str
    value: str = field(repr=False)
    max_age: int
    """Seconds."""
    secure: bool

    def header(self) -> str:
        """Return the value of its Set-Cookie header: for this host alone, out of reach of scripts, sent along by links.

        Lax, not Strict: the click comes from a webmail, another site, and must find its cookie (RFC 6265bis, 5.6.7).
        """
        attributes = f"Max-Age={self.max_age}; Path=/; HttpOnly; SameSite=Lax"
        return f"{self.name}={self.value}; {attributes}{'; Secure' if self.secure else ''}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What the adapter sends: a page or a redirect, with every header and cookie; nothing is added to it."""

    status: int
    headers: Pairs
    """All headers but Set-Cookie and Content-Length; Location is among them."""
    cookies: tuple[Cookie, ...] = ()
    page: Page | None = None
    sign_in: Redemption | None = None
    """Sign this subject in, under a new session id, before the redirect is sent."""
    keeps_session: bool = False
    """Whether the session goes on (a step-up) instead of being cleared before `sign_in`."""
    session_left: timedelta = timedelta(0)
    """How long from now on the session may last that `sign_in` begins."""
    after: Job | None = None
    """What to do once the reply has been sent."""

    @property
    def location(self) -> str | None:
        """Where the redirect leads."""
        return next((value for name, value in self.headers if name == "Location"), None)
