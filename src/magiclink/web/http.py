"""What passes between a framework and the conversation: a Request in, a Reply out, all frozen values."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ..values import Redemption
    from .jobs import Job

Pairs = tuple[tuple[str, str], ...]
"""Names and values in the order in which they came. A name that comes twice means nothing."""
MAX_FORM_BYTES = 16_384
"""The largest form that an adapter reads: ours hold an address and a sealed value."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One request, as the adapter has read it; percent-encoding is decoded exactly once, by the framework.

    Its repr shows nothing that opens a link or names a person: error reporters collect it.
    """

    method: str
    """In upper case, as the browser sent it: `GET`, `POST` and any other."""
    path: str = field(repr=False)
    """What follows the path of `base_url`: a token, `new`, `sign-in`, or nothing at all."""
    query: Pairs = field(default=(), repr=False)
    """The fields of the query, blank values too."""
    form: Pairs | None = field(default=(), repr=False)
    """The fields of a POST, blank values too; empty for other methods, None where the body was too large to be read."""
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    """The headers by their names in lower case; the values of one that came twice are joined by commas."""
    cookies: Mapping[str, str] = field(default_factory=dict, repr=False)
    """The cookies by their names, as the browser sent them."""
    source: str | None = None
    """The IP address of the client, as far as the framework's own proxy settings trust it; None where there is none."""
    signed_in_as: str | None = None
    """The subject who is signed in, by whatever login the app has; None for nobody."""
    languages: tuple[str, ...] = ()
    """The languages that the reader prefers, best first: tags such as `de-AT`, unchecked."""


def read_field(request: Request, name: str) -> str:
    """Return a field of a request's form; "" where it isn't there exactly once."""
    values = [value for each, value in request.form or () if each == name]
    return values[0] if len(values) == 1 else ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """One field of a form."""

    name: str
    """The name under which it is sent."""
    value: str = field(default="", repr=False)
    """What it holds at first: the sealed value of a hidden field."""
    kind: str = "hidden"
    """`hidden`, or what a person fills in: `email`, `password` or `text`."""
    label: str = ""
    """The text beside it; empty for a hidden field."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Button:
    """A form with one button, sent by POST."""

    label: str
    """The text on the button."""
    action: str
    """The path of the site that the form is sent to."""
    fields: tuple[Field, ...] = ()
    """All fields of the form; each of them must be sent."""
    is_main: bool = True
    """Whether it is the first choice on the page, which stands out."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """One page, in plain text: a template decides how it looks, never what it says."""

    name: str
    """A stable name such as `confirm` or `expired`, for styles and tests."""
    title: str
    """The sentence that matters: the heading of the page and its title in the browser."""
    paragraphs: tuple[str, ...] = ()
    """The explanation below it, a paragraph each."""
    buttons: tuple[Button, ...] = ()
    """What the reader can do; empty where there is nothing to press."""
    language: str = "en"
    """The tag of the language that all of it is in."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cookie:
    """A cookie to set; an empty value with `max_age` 0 clears it."""

    name: str
    """Its name, with the prefix `__Host-` on https."""
    value: str = field(repr=False)
    """A sealed text."""
    max_age: int
    """How long the browser keeps it, in seconds."""
    secure: bool
    """Whether it is sent on https alone."""

    @property
    def attributes(self) -> dict[str, Any]:
        """Its attributes, True or False for a flag: for this host alone, out of reach of scripts, sent along by links.

        Lax, not Strict: the click comes from a webmail, another site, and must find its cookie (RFC 6265bis, 5.6.7).
        """
        fixed = {"Path": "/", "HttpOnly": True, "SameSite": "Lax"}
        return {"Max-Age": self.max_age, **fixed, "Secure": self.secure}

    def to_header(self) -> str:
        """Return the value of its Set-Cookie header."""
        written = [
            key if value is True else f"{key}={value}" for key, value in self.attributes.items() if value is not False
        ]
        return "; ".join([f"{self.name}={self.value}", *written])


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What the adapter sends: a page or a redirect, with every header and cookie; it adds nothing."""

    status: int
    """The HTTP status."""
    headers: Pairs
    """All headers but Set-Cookie and Content-Length; Location is among them."""
    cookies: tuple[Cookie, ...] = ()
    """The cookies to set."""
    page: Page | None = None
    """The page to render; None for a redirect."""
    sign_in: Redemption | None = None
    """Whom to sign in, under a new session id, before the redirect is sent; None for nobody."""
    keeps_session: bool = False
    """Whether the session goes on (a step-up); False: it is cleared before `sign_in`."""
    session_left: timedelta = timedelta(0)
    """How long from now on the session may last that `sign_in` begins."""
    after: Job | None = None
    """The mail to send once the reply has been sent; None where nothing was asked for."""

    @property
    def location(self) -> str | None:
        """The address that a redirect leads to; None for a page."""
        return next((value for name, value in self.headers if name == "Location"), None)
