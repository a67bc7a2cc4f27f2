"""No policy can be built that breaks a rule without saying so, and some rules can't be broken at all."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from magiclink.errors import PolicyError
from magiclink.policy import CodeRule, Deviation, Opens, Policy
from magiclink.presets import CLIENT_PORTAL
from magiclink.rules import RULES

MICROSECOND = timedelta(microseconds=1)
MINUTES = timedelta(minutes=10)
LONGEST = timedelta(days=36_525)
REASON = "the product needs it"
NAMES = {"timedelta": timedelta, "Opens": Opens, "CodeRule": CodeRule, "Deviation": Deviation}


def policy(**changes: Any) -> Policy:
    """Build a policy for an account that breaks no rule, with changes."""
    plain: dict[str, Any] = {
        "purpose": "test",
        "opens": Opens.ACCOUNT,
        "lifetime": MINUTES,
        "session_lifetime": timedelta(hours=1),
        "ends_after": timedelta(days=1),
    }
    return Policy(**{**plain, **changes})


def document(**changes: Any) -> Policy:
    """Build a policy for a document that breaks no rule, with changes."""
    return policy(**{"opens": Opens.RESOURCE, **changes})


def refused(build: Any = policy, /, **changes: Any) -> PolicyError:
    """Return the error of a policy that can't be built."""
    with pytest.raises(PolicyError) as caught:
        build(**changes)
    return caught.value


# A rule, the source that it must name, and the fields that break it alone.
BROKEN: list[tuple[str, str, dict[str, Any]]] = [
    ("account-by-get", "ASVS 5.0, 3.5.3", {"confirm": False}),
    ("use-by-get", "ASVS 5.0, 3.5.3", {"opens": Opens.RESOURCE, "confirm": False}),
    ("use-by-get", "ASVS 5.0, 3.5.3", {"opens": Opens.RESOURCE, "confirm": False, "max_uses": 2**31 - 1}),
    ("browser-bound", "800-63B-4, 3.1.3", {"bind_browser": True, "renew_on_request": False}),
    ("browser-bound", "800-63B-4, 3.1.3", {"bind_browser": True, "reissue_on_reminder": False}),
    (
        "browser-bound",
        "800-63B-4, 3.1.3",
        {"opens": Opens.RESOURCE, "bind_browser": True, "renew_on_request": False, "reissue_on_reminder": False},
    ),
    ("account-lifetime", "ASVS 5.0, 6.5.5", {"lifetime": MINUTES + MICROSECOND}),
    ("account-reusable", "ASVS 5.0, 6.5.1", {"max_uses": None}),
    ("account-reusable", "ASVS 5.0, 6.5.1", {"max_uses": 2}),
    (
        "document-lifetime",
        "two weeks",
        {"opens": Opens.RESOURCE, "lifetime": timedelta(days=14) + MICROSECOND, "ends_after": timedelta(days=15)},
    ),
    ("code-guessable", "ASVS 5.0, 6.5.4", {"code": CodeRule(digits=5)}),
    ("code-lifetime", "ASVS 5.0, 6.5.5", {"code": CodeRule(lifetime=MINUTES + MICROSECOND)}),
    ("renewal-unlimited", "800-63B-4, 3.2.2", {"reissue_interval": timedelta(0)}),
    ("renewal-unlimited", "800-63B-4, 3.2.2", {"reissue_limit": None}),
    ("reissue-without-end", "ASVS 5.0, 7.3.2", {"ends_after": None}),
    ("reissue-without-end", "ASVS 5.0, 7.3.2", {"ends_after": None, "renew_on_request": False}),
    ("reissue-without-end", "ASVS 5.0, 7.3.2", {"ends_after": None, "reissue_on_reminder": False}),
    ("email-alone", "800-63B-4, 3.1.3", {"email_alone": True}),
]
FORBIDDEN = {"account-by-get", "use-by-get", "browser-bound"}
# How far a bounded rule is broken above, and one step past it.
BOUNDS: dict[str, tuple[Any, Any]] = {
    "account-lifetime": (MINUTES + MICROSECOND, MINUTES),
    "document-lifetime": (timedelta(days=14) + MICROSECOND, timedelta(days=14)),
    "code-guessable": (5, 6),
    "code-lifetime": (MINUTES + MICROSECOND, MINUTES),
}
ACKNOWLEDGED = [(name, changes) for name, _, changes in BROKEN if name not in FORBIDDEN]


def excuse(rule: str, **changes: Any) -> Deviation:
    """Build the deviation that a rule asks for, with changes."""
    return Deviation(**{"rule": rule, "reason": REASON, "up_to": BOUNDS.get(rule, (None, None))[0], **changes})


def test_rule_without_a_test() -> None:
    """Every rule is broken here, and the forbidden ones and those with a bound are these."""
    assert [rule.name for rule in RULES] == list(dict.fromkeys(name for name, _, _ in BROKEN))
    assert {rule.name for rule in RULES if rule.forbidden} == FORBIDDEN
    assert {rule.name: rule.bound for rule in RULES if rule.bound} == {n: type(b) for n, (b, _) in BOUNDS.items()}


def test_at_the_bound() -> None:
    """What stays at a bound breaks no rule, and what breaks none needs no deviation."""
    assert policy().deviations == document(lifetime=timedelta(days=14), ends_after=timedelta(days=14)).deviations == ()
    policy(code=CodeRule(digits=6, lifetime=MINUTES, attempts=100))
    document(confirm=False, max_uses=None)
    document(max_uses=7)
    policy(bind_browser=True, reissue_on_reminder=False, renew_on_request=False, ends_after=None)
    policy(renew_on_request=False, reissue_limit=None, reissue_interval=timedelta(0))
    policy(reissue_interval=MICROSECOND, reissue_limit=1)


@pytest.mark.parametrize(("rule", "source", "changes"), BROKEN)
def test_broken_rule(rule: str, source: str, changes: dict[str, Any]) -> None:
    """C19: a policy that breaks a rule raises; the message has the rule's name, its source and the ways out."""
    error = refused(**changes)
    assert error.rule == rule
    assert source in error.source
    assert error.ways_out
    assert all(part in str(error) for part in (rule, error.source, *error.ways_out))
    assert any("Deviation(" in way for way in error.ways_out) is (rule not in FORBIDDEN)
    assert any("up_to" in way for way in error.ways_out) is (rule in BOUNDS)


@pytest.mark.parametrize(("rule", "source", "changes"), BROKEN)
def test_way_out_that_leads_nowhere(rule: str, source: str, changes: dict[str, Any]) -> None:
    """Each way out is fields to write, maybe a colon and words; who writes them has a policy that holds."""
    for way in refused(**changes).ways_out:
        bound = BOUNDS.get(rule, (None,))[0]
        written = way.split(": ")[0].replace("'…'", repr(REASON)).replace("up_to=…", "up_to=bound")
        policy(**{**changes, **eval(f"dict({written})", {**NAMES, "bound": bound})})


@pytest.mark.parametrize(("rule", "changes"), ACKNOWLEDGED)
def test_acknowledged_rule(rule: str, changes: dict[str, Any]) -> None:
    """A rule that a deviation acknowledges, with a reason and its bound, may be broken as far as that."""
    assert policy(**changes, deviations=(excuse(rule),)).deviations == (excuse(rule),)


@pytest.mark.parametrize(("rule", "source", "changes"), [row for row in BROKEN if row[0] in FORBIDDEN])
def test_forbidden_rule_acknowledged(rule: str, source: str, changes: dict[str, Any]) -> None:
    """No deviation excuses an account by GET, a use by GET, or a browser bound to a mailed document or a reissue."""
    assert refused(**changes, deviations=(excuse(rule),)).rule == rule


@pytest.mark.parametrize(("rule", "changes"), [row for row in ACKNOWLEDGED if row[0] in BOUNDS])
def test_past_the_bound(rule: str, changes: dict[str, Any]) -> None:
    """C19: one step past what the deviation says, a microsecond or a digit, is refused, and the message says so."""
    error = refused(**changes, deviations=(excuse(rule, up_to=BOUNDS[rule][1]),))
    assert error.rule == rule
    assert "past the bound" in str(error)


def test_replaced_lifetime_inherits_an_excuse() -> None:
    """`replace(CLIENT_PORTAL, lifetime=…)` past its 14 days is refused, by a day or a microsecond; within, it holds."""
    for over in (timedelta(days=1), MICROSECOND):
        with pytest.raises(PolicyError, match="account-lifetime"):
            replace(CLIENT_PORTAL, lifetime=timedelta(days=14) + over)
    assert replace(CLIENT_PORTAL, lifetime=timedelta(days=13)).lifetime == timedelta(days=13)
    with pytest.raises(PolicyError, match="account-lifetime"):
        replace(CLIENT_PORTAL, lifetime=MINUTES)


@pytest.mark.parametrize("rule", [rule.name for rule in RULES])
def test_unneeded_deviation(rule: str) -> None:
    """A deviation from a rule that isn't broken is refused: it would hide the next change."""
    error = refused(deviations=(excuse(rule),))
    assert (error.rule, error.ways_out) == (rule, ("deviations=()",))
    assert "isn't needed" in str(error)
    assert error.source


@pytest.mark.parametrize(("rule", "changes"), ACKNOWLEDGED)
@pytest.mark.parametrize("reason", ["", " ", "\t\n\u00a0\u200b", "…", "-", None, 0, 5, True, b"because", ["x"]])
def test_blank_reason(rule: str, changes: dict[str, Any], reason: Any) -> None:
    """A deviation without a reason in words is refused, the … of a copied way out too."""
    error = refused(**changes, deviations=(excuse(rule, reason=reason),))
    assert error.rule == rule
    assert "reason" in str(error)


@pytest.mark.parametrize(("rule", "changes"), ACKNOWLEDGED)
@pytest.mark.parametrize("up_to", [None, True, False, 4.0, "5", 4, timedelta(days=3_650), float("nan"), (), object()])
def test_bound_of_another_type(rule: str, changes: dict[str, Any], up_to: Any) -> None:
    """`up_to` is of the bound's own type, neither missing nor a bool, and None where there is no bound."""
    wanted = type(BOUNDS[rule][0]) if rule in BOUNDS else type(None)
    if type(up_to) is wanted:
        policy(**changes, deviations=(excuse(rule, up_to=up_to),))
    else:
        error = refused(**changes, deviations=(excuse(rule, up_to=up_to),))
        assert error.rule == rule
        assert f"wanted {wanted.__name__ if rule in BOUNDS else None}" in str(error)


@pytest.mark.parametrize("rule", ["account-lifetimes", "Account-Lifetime", "", "lifetime", None, 5, True, [], {}, b"x"])
def test_unknown_rule(rule: Any) -> None:
    """C19: a deviation from a rule that isn't there is refused, and the message names the rules."""
    error = refused(
        lifetime=timedelta(hours=1), deviations=(excuse("account-lifetime"), Deviation(rule=rule, reason=REASON))
    )
    assert error.rule == "deviations"
    assert error.ways_out == tuple(rule.name for rule in RULES)


def test_doubled_deviation() -> None:
    """Two deviations from one rule are refused: only one of them would be read."""
    twice = (excuse("account-reusable"), excuse("account-reusable", reason="another"))
    assert refused(max_uses=None, deviations=twice).rule == "deviations"


def test_documents_rule_for_an_account() -> None:
    """The two weeks of a document are no second rule for an account: its one deviation is enough."""
    month = timedelta(days=30)
    policy(lifetime=month, ends_after=month, deviations=(excuse("account-lifetime", up_to=month),))


def test_two_rules_broken() -> None:
    """Each rule that is broken needs its own deviation."""
    both = {"max_uses": None, "lifetime": MINUTES + MICROSECOND}
    assert refused(**both, deviations=(excuse("account-reusable"),)).rule == "account-lifetime"
    assert refused(**both, deviations=(excuse("account-lifetime"),)).rule == "account-reusable"
    policy(**both, deviations=(excuse("account-lifetime"), excuse("account-reusable")))
