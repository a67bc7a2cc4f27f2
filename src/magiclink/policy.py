"""The rules for one purpose, as a value that can't be unsafe without saying so.

A `Policy` is built once, in the app's own `policies.py`, and checked against RULES, which is the whole list: a broken
rule is a PolicyError with its name, its source and the ways out. A product that must break one on purpose writes a
`Deviation` with a reason and, where the rule has a bound, how far it may go; no deviation excuses a `forbidden` one.

No I/O, no key, no clock, no log: reading this file, `presets.py` and `decisions.py` is reading every rule.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from .errors import PolicyError
from .records import Supersede

if TYPE_CHECKING:
    from collections.abc import Callable

ACCOUNT_LIFETIME = timedelta(minutes=10)
"""OWASP ASVS 5.0, 6.5.5: an out-of-band request lives 10 minutes at most, and so does a code."""
DOCUMENT_LIFETIME = timedelta(days=14)
"""What invoicing products promise their customers: "expire them within 2 weeks for security"."""
CODE_DIGITS = 6
"""OWASP ASVS 5.0, 6.5.4: 20 bits of entropy, for which it counts six random digits as sufficient."""
CODE_ATTEMPTS = 100
"""NIST SP 800-63B-4, 3.2.2: no more than 100 failed tries at one authenticator in a row."""
LONGEST = timedelta(days=36_525)
"""A hundred years: spans beyond it are slips, and overflow a database."""


class Opens(StrEnum):
    """What a link opens: one document, or the subject's whole account."""

    RESOURCE = "resource"
    ACCOUNT = "account"


@dataclass(frozen=True, slots=True, kw_only=True)
class CodeRule:
    """A short code beside an account link: how many digits, how long it works, how many tries it survives."""

    digits: int = 8
    lifetime: timedelta = ACCOUNT_LIFETIME
    attempts: int = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Deviation:
    """A rule that this product breaks on purpose: `reason` is for the reviewer, `up_to` the bound it may reach."""

    rule: str
    reason: str
    up_to: timedelta | int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """How the links of one purpose behave; `dataclasses.replace` varies one, checked anew. Raises PolicyError."""

    purpose: str
    """What the link is for: a slug `[a-z][a-z0-9-]{0,31}`; keys are bound to it."""
    opens: Opens
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
    """How many reminders a series may have, and how many requests of the holder: two budgets."""
    ends_after: timedelta | None = None
    """The absolute end, counted from the last `issue` of the series; no reissue outlives it."""
    bind_browser: bool = False
    """Whether only the browser that asked may redeem."""
    code: CodeRule | None = None
    passphrase: bool = False
    """Whether the holder must also type a passphrase that was given elsewhere."""
    step_up: bool = False
    """Whether the subject must be the one who is signed in already; `redeem` then requires `admit`."""
    email_alone: bool = False
    """Whether an account without a password may be opened by its address alone, as the 2013 thread has it."""
    deviations: tuple[Deviation, ...] = ()

    def __post_init__(self) -> None:
        _check_fields(self)
        _check_rules(self)

    @property
    def one_shot(self) -> bool:
        """Whether one use is all that it has."""
        return self.max_uses == 1

    @property
    def reissues(self) -> bool:
        """Whether anything gives a fresh link in its series."""
        return self.reissue_on_reminder or self.renew_on_request


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One rule: `broken` tells whether a policy breaks it, `within` whether it keeps to a deviation's bound."""

    name: str
    source: str
    broken: Callable[[Policy], bool]
    message: str
    ways_out: tuple[str, ...]
    forbidden: bool = False
    bound: type[timedelta | int] | None = None
    within: Callable[[Policy, Any], bool] = lambda _policy, _up_to: True


RULES = (
    Rule(
        name="account-by-get",
        source="OWASP ASVS 5.0, 3.5.3; RFC 9110, 9.2.1",
        broken=lambda p: p.opens is Opens.ACCOUNT and not p.confirm,
        message="an account would be opened by a GET, which mail scanners send as well",
        ways_out=("confirm=True", "opens=Opens.RESOURCE, max_uses=None: for a link that opens one document"),
        forbidden=True,
    ),
    Rule(
        name="use-by-get",
        source="OWASP ASVS 5.0, 3.5.3; RFC 9110, 9.2.1",
        broken=lambda p: p.max_uses is not None and not p.confirm,
        message="a mail scanner's GET would use the link up before its reader clicks",
        ways_out=("confirm=True", "max_uses=None"),
        forbidden=True,
    ),
    Rule(
        name="browser-bound",
        source="NIST SP 800-63B-4, 3.1.3: an out-of-band answer is bound to the request that asked for it",
        broken=lambda p: p.bind_browser and (p.opens is Opens.RESOURCE or p.reissues),
        message="no browser has asked for a link that the app mails by itself, for a document or as a reissue",
        ways_out=("opens=Opens.ACCOUNT, reissue_on_reminder=False, renew_on_request=False", "bind_browser=False"),
        forbidden=True,
    ),
    Rule(
        name="account-lifetime",
        source="OWASP ASVS 5.0, 6.5.5",
        broken=lambda p: p.opens is Opens.ACCOUNT and p.lifetime > ACCOUNT_LIFETIME,
        message="a link that opens an account works for over 10 minutes",
        ways_out=("lifetime=timedelta(minutes=10)", "opens=Opens.RESOURCE: for a link that opens one document"),
        bound=timedelta,
        within=lambda p, up_to: p.lifetime <= up_to,
    ),
    Rule(
        name="account-reusable",
        source="OWASP ASVS 5.0, 6.5.1",
        broken=lambda p: p.opens is Opens.ACCOUNT and not p.one_shot,
        message="a link that opens an account works more than once",
        ways_out=("max_uses=1",),
    ),
    Rule(
        name="document-lifetime",
        source="what customers are promised: links expire within two weeks",
        broken=lambda p: p.opens is Opens.RESOURCE and p.lifetime > DOCUMENT_LIFETIME,
        message="a link that opens a document works for over 14 days",
        ways_out=("lifetime=timedelta(days=14): a reminder carries a fresh link",),
        bound=timedelta,
        within=lambda p, up_to: p.lifetime <= up_to,
    ),
    Rule(
        name="code-guessable",
        source="OWASP ASVS 5.0, 6.5.4",
        broken=lambda p: p.code is not None and p.code.digits < CODE_DIGITS,
        message="a code has under 20 bits",
        ways_out=("code=CodeRule(digits=6)",),
        bound=int,
        within=lambda p, up_to: p.code is not None and p.code.digits >= up_to,
    ),
    Rule(
        name="code-lifetime",
        source="OWASP ASVS 5.0, 6.5.5",
        broken=lambda p: p.code is not None and p.code.lifetime > ACCOUNT_LIFETIME,
        message="a code works for over 10 minutes",
        ways_out=("code=CodeRule(lifetime=timedelta(minutes=10))",),
        bound=timedelta,
        within=lambda p, up_to: p.code is not None and p.code.lifetime <= up_to,
    ),
    Rule(
        name="renewal-unlimited",
        source="NIST SP 800-63B-4, 3.2.2; OWASP ASVS 5.0, 6.3.1: limits against flooding and guessing",
        broken=lambda p: p.renew_on_request and (not p.reissue_interval or p.reissue_limit is None),
        message="whoever holds an old link may fill a mailbox with fresh ones",
        ways_out=("reissue_interval=timedelta(minutes=5), reissue_limit=10", "renew_on_request=False"),
    ),
    Rule(
        name="reissue-without-end",
        source="OWASP ASVS 5.0, 7.3.2: an absolute end, however often something is renewed",
        broken=lambda p: p.reissues and p.ends_after is None,
        message="one mail, once leaked, could be renewed for ever",
        ways_out=("ends_after=timedelta(days=365)", "reissue_on_reminder=False, renew_on_request=False"),
    ),
    Rule(
        name="email-alone",
        source="NIST SP 800-63B-4, 3.1.3: knowing an address proves nothing",
        broken=lambda p: p.email_alone,
        message="whoever knows an address would be let in without reading its mail",
        ways_out=("email_alone=False: a fresh link goes to the address on file",),
    ),
)


def _check_rules(policy: Policy) -> None:
    given = {str(each.rule): each for each in policy.deviations}
    if len(given) < len(policy.deviations) or given.keys() - {rule.name for rule in RULES}:
        raise PolicyError("wanted one a rule, by its name", rule="deviations", ways_out=[rule.name for rule in RULES])
    for rule in RULES:
        if rule.name in given:
            _check_deviation(rule, given[rule.name], policy)
        elif rule.broken(policy):
            raise _broken(rule, rule.message)


def _check_deviation(rule: Rule, deviation: Deviation, policy: Policy) -> None:
    if not rule.broken(policy):
        raise PolicyError("its deviation isn't needed", rule=rule.name, source=rule.source, ways_out=("deviations=()",))
    if rule.forbidden:
        raise _broken(rule, rule.message)
    # Without a letter there is no reason: the "…" of a way out that was copied won't do.
    if type(deviation.reason) is not str or not any(map(str.isalnum, deviation.reason)):
        raise _broken(rule, "its deviation needs a reason that a reviewer can judge")
    if type(deviation.up_to) is not (rule.bound or type(None)):
        raise _broken(rule, f"its deviation's up_to: wanted {rule.bound and rule.bound.__name__}")
    if not rule.within(policy, deviation.up_to):
        raise _broken(rule, f"{rule.message}, past the bound of its deviation")


def _broken(rule: Rule, message: str) -> PolicyError:
    named = f"deviations=(Deviation(rule={rule.name!r}, reason='…'{', up_to=…' if rule.bound else ''}),)"
    ways_out = rule.ways_out if rule.forbidden else (*rule.ways_out, named)
    return PolicyError(message, rule=rule.name, source=rule.source, ways_out=ways_out)


def _check_fields(policy: Policy) -> None:
    for field, fits, wanted in FIELDS:
        if not fits(getattr(policy, field)):
            raise PolicyError(f"wanted {wanted}", rule=field)
    if policy.ends_after is not None and policy.ends_after < policy.lifetime:
        raise PolicyError("wanted a span no shorter than the lifetime", rule="ends_after")
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
