"""The fields of a policy: how the links of one purpose behave, as a value that can't be unsafe without saying so.

A `Policy` is built once, in the app's own `policies.py`. Its fields are checked here, and then against `rules.RULES`.

No I/O, key, clock or log: reading this file, `rules.py`, `presets.py` and `decisions.py` is reading every rule.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from .errors import PolicyError
from .records import Opens, Supersede
from .rules import ACCOUNT_LIFETIME, Deviation, check_rules

__all__ = ["CodeRule", "Deviation", "Opens", "Policy"]

CODE_ATTEMPTS = 100
"""NIST SP 800-63B-4, 3.2.2: no more than 100 failed tries at one authenticator in a row."""
LONGEST = timedelta(days=36_525)
"""A hundred years: spans beyond it are slips, and overflow a database."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CodeRule:
    """A short code beside an account link: how many digits, how long it works, how many tries it survives."""

    digits: int = 8
    lifetime: timedelta = ACCOUNT_LIFETIME
    attempts: int = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """How the links of one purpose behave; `dataclasses.replace` varies one, checked anew. Raises PolicyError."""

    purpose: str
    """What the link is for: a slug `[a-z][a-z0-9-]{0,31}`; keys are bound to it."""
    opens: Opens
    """What it opens: one document, or the subject's account."""
    lifetime: timedelta
    """How long a link works; `now >= expires_at` is expired, at the exact instant too."""
    session_lifetime: timedelta
    """How long what it opened stays open."""
    max_uses: int | None = 1
    """How often it may be used; None is any number until it expires."""
    confirm: bool = True
    """Whether a person must press a button before it is used: GET shows, POST uses."""
    reclick: timedelta = timedelta(seconds=30)
    """How long the browser that used it lands in the same place when it clicks again."""
    reissue_on_reminder: bool = True
    """Whether a reminder carries a fresh link."""
    renew_on_request: bool = True
    """Whether the holder of a rejected but genuine link may have a fresh one mailed to the address on file."""
    supersede: Supersede = Supersede.ON_DELIVERY
    """When the older links of the series end; another recipient's never do."""
    reissue_interval: timedelta = timedelta(minutes=5)
    """The least time between two reminders, and between two requests of the holder."""
    reissue_limit: int | None = 10
    """How many reminders a series may have, and how many requests of the holder: two budgets; None is any number."""
    ends_after: timedelta | None = None
    """The absolute end, counted from the last `issue` of the series; no reissue outlives it. None is no end."""
    bind_browser: bool = False
    """Whether only the browser that asked may redeem."""
    code: CodeRule | None = None
    """A short code beside an account link; None is none."""
    passphrase: bool = False
    """Whether the holder must also type a passphrase that was given elsewhere."""
    step_up: bool = False
    """Whether the subject must be the one who is signed in already; `redeem` then requires `admit`."""
    email_alone: bool = False
    """Whether an account without a password may be opened by its address alone, as the 2013 thread has it."""
    deviations: tuple[Deviation, ...] = ()
    """The rules that it breaks on purpose."""

    def __post_init__(self) -> None:
        _check_fields(self)
        check_rules(self)

    @property
    def one_shot(self) -> bool:
        """Return whether a link may be used only once."""
        return self.max_uses == 1

    @property
    def reissues(self) -> bool:
        """Return whether anything gives a fresh link in its series."""
        return self.reissue_on_reminder or self.renew_on_request


def _check_fields(policy: Policy) -> None:
    for field, fits, wanted in FIELDS:
        if not fits(getattr(policy, field)):
            raise PolicyError(f"wanted {wanted}, got {getattr(policy, field)!r:.80}", rule=field)
    if policy.ends_after is not None and policy.ends_after < policy.lifetime:
        message = f"wanted a span no shorter than the lifetime, {policy.lifetime}, got {policy.ends_after}"
        raise PolicyError(message, rule="ends_after")
    if policy.opens is not Opens.ACCOUNT and (policy.code or policy.step_up or policy.email_alone):
        raise PolicyError("code, step_up and email_alone are for links that open an account", rule="opens")


def _is_count(value: object, least: int, most: int = 2**31 - 1) -> bool:
    return type(value) is int and least <= value <= most


def _is_span(value: object, least: timedelta = timedelta(seconds=1), most: timedelta = LONGEST) -> bool:
    return isinstance(value, timedelta) and least <= value <= most


def _is_code(value: object) -> bool:
    return isinstance(value, CodeRule) and (
        _is_count(value.digits, 4, 12) and _is_span(value.lifetime) and _is_count(value.attempts, 1, CODE_ATTEMPTS)
    )


_SLUG = "[a-z][a-z0-9-]{0,31}"
_SPAN = "a timedelta of at least a second (links count whole seconds) and at most 100 years"
_FLAGS = ("confirm", "reissue_on_reminder", "renew_on_request", "bind_browser", "passphrase", "step_up", "email_alone")

# What each field must be before any rule can be asked of it; a bool is no number here.
FIELDS: tuple[tuple[str, Callable[[object], bool], str], ...] = (
    ("purpose", lambda v: isinstance(v, str) and bool(re.fullmatch(_SLUG, v)), f"a slug {_SLUG}"),
    ("opens", lambda v: isinstance(v, Opens), "Opens.RESOURCE or Opens.ACCOUNT"),
    ("lifetime", _is_span, _SPAN),
    ("session_lifetime", _is_span, _SPAN),
    ("max_uses", lambda v: v is None or _is_count(v, 1), "a number from 1, or None for any number"),
    ("reclick", lambda v: _is_span(v, timedelta(0), timedelta(minutes=5)), "a timedelta from 0 to 5 minutes"),
    ("supersede", lambda v: isinstance(v, Supersede), "Supersede.NEVER, ON_ISSUE or ON_DELIVERY"),
    ("reissue_interval", lambda v: _is_span(v, timedelta(0)), "a timedelta from 0 to 100 years"),
    ("reissue_limit", lambda v: v is None or _is_count(v, 1), "a number from 1, or None for any number"),
    ("ends_after", lambda v: v is None or _is_span(v), f"{_SPAN}, or None"),
    ("code", lambda v: v is None or _is_code(v), "a CodeRule of 4 to 12 digits and 1 to 100 attempts, or None"),
    ("deviations", lambda v: isinstance(v, tuple) and all(isinstance(d, Deviation) for d in v), "a tuple of Deviation"),
    *((flag, lambda v: type(v) is bool, "True or False") for flag in _FLAGS),
)
