"""Every exception of the library, as one tree; nothing else escapes its calls.

```
MagicLinkError
├── RejectedLinkError         the one class an adapter catches: .link, the LinkInfo of a genuine token, else None; .at
│   ├── InvalidLinkError      malformed, forged, other purpose or audience, unknown: one class on purpose
│   ├── ExpiredLinkError, UsedLinkError, SupersededLinkError
│   ├── RevokedLinkError      .reason
│   └── NotAdmittedError      .reason: app, browser, passphrase; nothing used
├── ReissueRefusedError       .reason, .retry_at
├── LimitedError              .retry_at
├── UnavailableError          fail closed: answer 503, never "rejected"
│   ├── StoreError            the store didn't answer, or its answer is unknown
│   └── ClockError            the clock can't be believed
├── BadArgumentError          also a ValueError: the caller's mistake
└── ConfigurationError        also a ValueError: found when something is built or opened
    └── PolicyError           .rule, .source, .ways_out
```

No message holds a token, an address or a key: `str(error)` is safe to log. This module imports no other of the library.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any


class MagicLinkError(Exception):
    """Base of everything that the library raises."""

    # Python unpickles an exception from its message alone, and one that needs more breaks the pool of processes that it
    # should have crossed: it is made without `__init__`, and its facts are put back.
    def __reduce__(self) -> tuple[object, ...]:
        return type(self).__new__, (type(self), *self.args), vars(self)


class RejectedLinkError(MagicLinkError):
    """A link that can't be used, whatever the reason; nothing was used up.

    Ask `error.link is None`: a LinkInfo has no truth value.
    """

    # A LinkInfo, typed as Any: its type would need an import, and every module may import this one.
    link: Any
    """The LinkInfo of a genuine link, for a page that says what happened; None where the token isn't genuine."""
    at: datetime | None
    """When the link, or the session that it had opened, ended (aware, UTC); None where no instant is known."""

    def __init__(self, message: str, *, link: Any = None, at: datetime | None = None) -> None:
        super().__init__(message)
        self.link = link
        self.at = at


class InvalidLinkError(RejectedLinkError):
    """Malformed, forged, for another purpose or audience, or unknown: one class, so that a guesser learns nothing."""


class ExpiredLinkError(RejectedLinkError):
    """Its lifetime, or the session that it opened, is over."""


class UsedLinkError(RejectedLinkError):
    """It was used as often as its policy allows."""


class RevokedLinkError(RejectedLinkError):
    """It was withdrawn; `reason` is what the app said, or `account` where the security stamp changed."""

    def __init__(self, message: str, *, reason: str = "", link: Any = None, at: datetime | None = None) -> None:
        super().__init__(message, link=link, at=at)
        self.reason = reason


class SupersededLinkError(RejectedLinkError):
    """A newer link of its series took its place."""


class NotAdmittedError(RejectedLinkError):
    """A good link that isn't let in now: `reason` is `app`, `browser` or `passphrase`."""

    def __init__(self, message: str, *, reason: str, link: Any = None) -> None:
        super().__init__(message, link=link)
        self.reason = reason


class ReissueRefusedError(MagicLinkError):
    """No fresh link, and nothing written.

    `reason` is one of `policy`, `too_soon`, `too_many`, `series_ended`, `revoked`, `recipient`, `outstanding`,
    `account`. `retry_at` is the instant (aware, UTC) from which it may be asked again, where there is one.
    """

    def __init__(self, message: str, *, reason: str, retry_at: datetime | None = None) -> None:
        super().__init__(message)
        self.reason = reason
        self.retry_at = retry_at


class LimitedError(MagicLinkError):
    """Too many tries; `retry_at` is the instant (aware, UTC) from which the next one counts anew."""

    def __init__(self, message: str, *, retry_at: datetime) -> None:
        super().__init__(message)
        self.retry_at = retry_at


class UnavailableError(MagicLinkError):
    """Nothing can be said now, so nothing is granted: a 503 and another try, never a verdict about the link."""


class StoreError(UnavailableError):
    """The store didn't answer, or the outcome of a write is unknown; what it holds afterwards decides."""


class ClockError(UnavailableError):
    """The clock raised, gave something other than an aware UTC datetime, or is off by more than 30 seconds."""


class BadArgumentError(MagicLinkError, ValueError):
    """An argument that the call can't take; nothing was done."""


class ConfigurationError(MagicLinkError, ValueError):
    """A setting that can't work or isn't safe, found when something is built or opened."""


class PolicyError(ConfigurationError):
    """A policy that breaks a rule: `rule` names it, `source` says whose it is, `ways_out` what to write instead."""

    def __init__(self, message: str, *, rule: str, source: str = "", ways_out: Sequence[str] = ()) -> None:
        sources = (f"Source: {source}.",) if source else ()
        super().__init__("\n".join((f"{rule}: {message}", *sources, *(f"- {way}" for way in ways_out))))
        self.rule = rule
        self.source = source
        self.ways_out: tuple[str, ...] = tuple(ways_out)


def describe_type(value: object) -> str:
    """Return what a value is, for a message: `None`, `the int 7`, `a str`; no text is shown."""
    if value is None:
        return "None"
    # Past 18 digits Python may refuse to spell it.
    if type(value) is int and abs(value) < 10**18:
        return f"the int {value}"
    name = type(value).__name__
    return f"{'an' if name[0].lower() in 'aeiou' else 'a'} {name}"
