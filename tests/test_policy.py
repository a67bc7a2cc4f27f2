"""Whatever a field is given, and whatever is combined, a policy is refused as PolicyError or keeps the strict rules."""

from __future__ import annotations

from dataclasses import MISSING, FrozenInstanceError, fields, replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from magiclink.errors import PolicyError
from magiclink.policy import CodeRule, Deviation, Opens, Policy
from magiclink.presets import INVOICE, SIGN_IN, STEP_UP
from magiclink.records import Supersede
from magiclink.rules import RULES

MICROSECOND = timedelta(microseconds=1)
MINUTES = timedelta(minutes=10)
LONGEST = timedelta(days=36_525)


def policy(**changes: Any) -> Policy:
    """Build a policy for an account that breaks no rule, with changes."""
    plain: dict[str, Any] = {
        "purpose": "test",
        "opens": Opens.ACCOUNT,
        "lifetime": MINUTES,
        "session_lifetime": timedelta(hours=1),
        "ends_after": timedelta(days=30),
    }
    return Policy(**{**plain, **changes})


def document(**changes: Any) -> Policy:
    """Build a policy for a document that breaks no rule, with changes."""
    return policy(**{"opens": Opens.RESOURCE, **changes})


def test_default_unlike_the_design() -> None:
    """What isn't written is what the design says: the safer side of every switch."""
    assert {field.name: field.default for field in fields(Policy) if field.default is not MISSING} == {
        "max_uses": 1,
        "confirm": True,
        "reclick": timedelta(seconds=30),
        "reissue_on_reminder": True,
        "renew_on_request": True,
        "supersede": Supersede.ON_DELIVERY,
        "reissue_interval": timedelta(minutes=5),
        "reissue_limit": 10,
        "ends_after": None,
        "bind_browser": False,
        "code": None,
        "passphrase": False,
        "step_up": False,
        "email_alone": False,
        "deviations": (),
    }
    assert CodeRule() == CodeRule(digits=8, lifetime=MINUTES, attempts=5)
    assert [each.value for each in Opens] == ["resource", "account"]


def refused(build: Any = policy, /, **changes: Any) -> PolicyError:
    """Return the error of a policy that can't be built."""
    with pytest.raises(PolicyError) as caught:
        build(**changes)
    return caught.value


ANYTHING: list[Any] = [None, "", "10", b"1", True, False, 0, 1, -1, 10, 2**31, 2**63, 1.5, float("nan"), float("inf")]
ANYTHING += [timedelta(0), -MICROSECOND, timedelta.max, timedelta.min, [], {}, (), (1,), object(), Opens, "account"]
ANYTHING += [LONGEST + MICROSECOND, "never", "test\n", "Login", "a:b", "a/b", "a\0b", "ä", "1a", "-a", "a" * 33]
ANYTHING += ["a" * 10_000, "\uff41", " a", "a_b", CodeRule(), [Deviation(rule="x", reason="x")], ("account-reusable",)]
FITS: dict[str, Any] = {
    "purpose": lambda v: v in ("account", "never"),
    "max_uses": lambda v: v is None or (type(v) is int and v in (1, 10)),
    "reclick": lambda v: v == timedelta(0),
    "reissue_interval": lambda v: v == timedelta(0),
    "reissue_limit": lambda v: v is None or (type(v) is int and v in (1, 10)),
    "ends_after": lambda v: v is None,
    "code": lambda v: v is None or v == CodeRule(),
    "deviations": lambda v: v == () and isinstance(v, tuple),
    **dict.fromkeys(["confirm", "reissue_on_reminder", "renew_on_request", "bind_browser"], lambda v: type(v) is bool),
    **dict.fromkeys(["passphrase", "step_up", "email_alone"], lambda v: type(v) is bool),
}


WANTED = {
    "lifetime": "a timedelta",
    "purpose": "a slug",
    "confirm": "True or False",
    "deviations": "a tuple of Deviation",
}


@pytest.mark.parametrize("field", [field.name for field in fields(Policy)])
def test_field_of_another_type(field: str) -> None:
    """B06, B07, C20, M11: whatever a field is given that it can't take, PolicyError names the field, nothing else."""
    wrong = [value for value in ANYTHING if not FITS.get(field, lambda _: False)(value)]
    assert len(wrong) > 30
    for value in wrong:
        error = refused(**{field: value})
        assert error.rule == field, value
        assert f"wanted {WANTED.get(field, '')}" in str(error)
        assert f"got {value!r:.80}" in str(error)
        assert len(str(error)) < 250


@pytest.mark.parametrize("field", ["digits", "lifetime", "attempts"])
def test_code_of_another_type(field: str) -> None:
    """C20: a short code has 4 to 12 digits, a lifetime, and 1 to 100 attempts, and no other thing for any of them."""
    for value in ANYTHING:
        if type(value) is not int or not 1 <= value <= 10:
            assert refused(code=CodeRule(**{field: value})).rule == "code", value


VALUES: dict[str, st.SearchStrategy[Any]] = {
    "opens": st.sampled_from(Opens),
    "lifetime": st.sampled_from([MINUTES, timedelta(hours=1), timedelta(days=14), timedelta(days=30)]),
    "max_uses": st.sampled_from([None, 1, 3]),
    "confirm": st.booleans(),
    "reissue_on_reminder": st.booleans(),
    "renew_on_request": st.booleans(),
    "supersede": st.sampled_from(Supersede),
    "reissue_interval": st.sampled_from([timedelta(0), timedelta(minutes=5)]),
    "reissue_limit": st.sampled_from([None, 5]),
    "ends_after": st.sampled_from([None, timedelta(days=30)]),
    "bind_browser": st.booleans(),
    "code": st.sampled_from([None, CodeRule(), CodeRule(digits=4), CodeRule(lifetime=timedelta(days=1))]),
    "passphrase": st.booleans(),
    "step_up": st.booleans(),
    "email_alone": st.booleans(),
}
FORBIDDEN = {rule.name for rule in RULES if rule.forbidden}
EXCUSES: dict[str, Any] = {"code-guessable": 4, "code-lifetime": timedelta(days=1)}
EXCUSES |= dict.fromkeys(["account-lifetime", "document-lifetime"], timedelta(days=30))


@settings(max_examples=200)
@given(st.fixed_dictionaries({}, optional=VALUES), st.booleans())
@example({"opens": Opens.ACCOUNT, "confirm": False, "max_uses": None}, True)
def test_any_combination(changes: dict[str, Any], excused: bool) -> None:
    """Whatever is combined and excused, a policy that can be built keeps the rules that no deviation acknowledges."""
    deviations: tuple[Deviation, ...] = ()
    for _ in range(len(RULES) + 1):
        try:
            built = policy(**changes, deviations=deviations)
            break
        except PolicyError as error:
            if not excused or error.rule in {"opens", *FORBIDDEN}:
                return
            deviations += (Deviation(rule=error.rule, reason="it must be", up_to=EXCUSES.get(error.rule)),)
    else:
        pytest.fail("each rule is refused once")
    assert built.confirm or (built.opens is Opens.RESOURCE and built.max_uses is None)
    assert not built.bind_browser or (built.opens is Opens.ACCOUNT and not built.reissues)
    assert built.opens is Opens.ACCOUNT or not (built.code or built.step_up or built.email_alone)
    assert deviations or (built.lifetime <= timedelta(days=14) and not built.email_alone)


@pytest.mark.parametrize(
    ("field", "last", "past"),
    [
        ("lifetime", timedelta(seconds=1), timedelta(seconds=1) - MICROSECOND),
        ("session_lifetime", timedelta(seconds=1), timedelta(seconds=1) - MICROSECOND),
        ("session_lifetime", LONGEST, LONGEST + MICROSECOND),
        ("ends_after", LONGEST, LONGEST + MICROSECOND),
        ("ends_after", MINUTES, MINUTES - MICROSECOND),
        ("reclick", timedelta(minutes=5), timedelta(minutes=5) + MICROSECOND),
        ("reclick", timedelta(0), -MICROSECOND),
        ("reissue_interval", LONGEST, LONGEST + MICROSECOND),
        ("reissue_limit", 1, 0),
        ("reissue_limit", 2**31 - 1, 2**31),
        ("purpose", "a" * 32, "a" * 33),
        ("purpose", "a-0", "0-a"),
        ("code", CodeRule(attempts=100), CodeRule(attempts=101)),
        ("code", CodeRule(attempts=1), CodeRule(attempts=0)),
        ("code", CodeRule(digits=12), CodeRule(digits=13)),
        ("code", CodeRule(lifetime=timedelta(seconds=1)), CodeRule(lifetime=timedelta(0))),
    ],
)
def test_field_past_its_range(field: str, last: Any, past: Any) -> None:
    """C20: the last value of a range holds, and the next doesn't."""
    assert getattr(policy(**{field: last}), field) == last
    assert refused(**{field: past}).rule == field


def test_uses_past_their_range() -> None:
    """C20: uses are counted from 1 to what every database keeps."""
    assert document(max_uses=2**31 - 1).max_uses == 2**31 - 1
    assert refused(document, max_uses=2**31).rule == "max_uses"
    assert refused(document, max_uses=0).rule == "max_uses"
    assert refused(code=CodeRule(digits=3)).rule == "code"


@pytest.mark.parametrize("changes", [{"code": CodeRule()}, {"step_up": True}, {"email_alone": True}])
def test_document_that_signs_in(changes: dict[str, Any]) -> None:
    """Codes, step-up and the address alone are for accounts, never for a document."""
    assert refused(document, **changes).rule == "opens"


def test_policy_changed_in_place() -> None:
    """A policy is frozen, keyword-only and equal by its fields: what was checked stays."""
    with pytest.raises(FrozenInstanceError):
        SIGN_IN.confirm = False  # type: ignore[misc]
    assert replace(INVOICE) == INVOICE
    assert hash(replace(INVOICE)) == hash(INVOICE)
    assert all(field.kw_only for kind in (Policy, CodeRule, Deviation) for field in fields(kind))
    for value, name in ((CodeRule(), "digits"), (Deviation(rule="account-lifetime", reason="a test"), "up_to")):
        with pytest.raises(FrozenInstanceError):
            setattr(value, name, 4)


def test_one_shot_and_reissues() -> None:
    """One use is one shot, None and two aren't; a reminder or a request alone reissues."""
    assert SIGN_IN.one_shot
    assert not INVOICE.one_shot
    assert not document(max_uses=2).one_shot
    assert SIGN_IN.reissues
    assert policy(renew_on_request=False).reissues
    assert not STEP_UP.reissues
