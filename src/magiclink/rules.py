"""The rules that refuse an unsafe policy, each with its source and the ways out: RULES is the whole list.

A broken rule is a PolicyError. A product that must break one on purpose writes a `Deviation` with a reason and, where
the rule has a bound, how far the policy may go. No deviation excuses a `forbidden` rule.

No I/O, key, clock or log. `Policy` stands above this module and calls it, so that no policy can be built unchecked.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from .errors import PolicyError
from .records import Opens

ACCOUNT_LIFETIME = timedelta(minutes=10)
"""OWASP ASVS 5.0, 6.5.5: an out-of-band request lives 10 minutes at most, and so does a code."""
DOCUMENT_LIFETIME = timedelta(days=14)
"""What invoicing products promise their customers: "expire them within 2 weeks for security"."""
CODE_DIGITS = 6
"""OWASP ASVS 5.0, 6.5.4: 20 bits of entropy, for which it counts six random digits as sufficient."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Deviation:
    """A rule that this product breaks on purpose."""

    rule: str
    """The rule's name in RULES."""
    reason: str
    """Why, in words that a reviewer can judge."""
    up_to: timedelta | int | None = None
    """The bound that the policy may reach; None where the rule has no bound."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One rule. Its functions take a Policy, whose fields have been checked for type and range."""

    name: str
    source: str
    broken: Callable[[Any], bool]
    """Whether a policy breaks it."""
    message: str
    ways_out: tuple[str, ...]
    """Fields to write instead, each maybe followed by a colon and words."""
    forbidden: bool = False
    """Whether no deviation excuses it."""
    bound: type[timedelta | int] | None = None
    """The type of a deviation's `up_to`; None where the rule has no bound."""
    within: Callable[[Any, Any], bool] = lambda _policy, _up_to: True
    """Whether a policy that breaks it keeps to a deviation's `up_to`."""


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


def check_rules(policy: Any) -> None:
    """Raise PolicyError for the first rule that a policy breaks without an excuse, or needn't be excused from."""
    deviations = {str(each.rule): each for each in policy.deviations}
    names = [rule.name for rule in RULES]
    if len(deviations) < len(policy.deviations) or deviations.keys() - set(names):
        raise PolicyError("wanted at most one Deviation a rule, by its name", rule="deviations", ways_out=names)
    for rule in RULES:
        deviation = deviations.get(rule.name)
        if rule.broken(policy):
            _check_excuse(rule, deviation, policy)
        elif deviation is not None:
            way_out = "deviations=()"
            raise PolicyError("its deviation isn't needed", rule=rule.name, source=rule.source, ways_out=(way_out,))


def _check_excuse(rule: Rule, deviation: Deviation | None, policy: Any) -> None:
    fault = _find_fault(rule, deviation, policy)
    if fault:
        excuse = f"deviations=(Deviation(rule={rule.name!r}, reason='…'{', up_to=…' if rule.bound else ''}),)"
        ways_out = rule.ways_out if rule.forbidden else (*rule.ways_out, excuse)
        raise PolicyError(fault, rule=rule.name, source=rule.source, ways_out=ways_out)


def _find_fault(rule: Rule, deviation: Deviation | None, policy: Any) -> str | None:
    """Return why a policy that breaks a rule is refused; None where the deviation excuses it."""
    if deviation is None or rule.forbidden:
        return rule.message
    # Without a letter there is no reason: the "…" of a way out that was copied won't do.
    if type(deviation.reason) is not str or not any(map(str.isalnum, deviation.reason)):
        return "its deviation needs a reason that a reviewer can judge"
    if type(deviation.up_to) is not (rule.bound or type(None)):
        wanted = rule.bound.__name__ if rule.bound else None
        return f"its deviation's up_to: wanted {wanted}, got {deviation.up_to!r:.80}"
    if not rule.within(policy, deviation.up_to):
        return f"{rule.message}, past the bound of its deviation ({deviation.up_to})"
    return None
