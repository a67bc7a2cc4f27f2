"""The frozen values that stores are asked with: the state of a record, the terms of a use, what a selector means."""

from __future__ import annotations

from dataclasses import FrozenInstanceError, replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from magiclink.records import CLOCK_SKEW, Note, Origin, Record, Selector, State, Supersede, Terms
from magiclink.testing.contract.bench import AUDIENCE, DAY, ELSEWHERE, NOW, record, terms

NONCE = b"n" * 16
OTHER = b"o" * 16
RECIPIENT = b"\x01" + b"r" * 16
RETIRED = b"\x02" + b"r" * 16
STAMP = b"\x01" + b"s" * 16

REVOKED = {"revoked_at": NOW + 1}
SUPERSEDED = {"superseded_at": NOW + 1}
USED = {"max_uses": 1, "uses": 1}
EXPIRED = {"expires_at": NOW + DAY}


@pytest.mark.parametrize("revoked", [{}, REVOKED])
@pytest.mark.parametrize("superseded", [{}, SUPERSEDED])
@pytest.mark.parametrize("used", [{}, USED])
@pytest.mark.parametrize("expired", [{}, EXPIRED])
def test_state_that_says_less(
    revoked: dict[str, Any], superseded: dict[str, Any], used: dict[str, Any], expired: dict[str, Any]
) -> None:
    """Of several states the first of revoked, superseded, used and expired is the state."""
    state = record(**revoked, **superseded, **used, **expired).state_at(NOW + DAY)
    named = {"revoked": revoked, "superseded": superseded, "used": used, "expired": expired, "outstanding": True}
    assert state.value == next(name for name, applies in named.items() if applies)


def test_state_at_the_exact_end() -> None:
    """D01, D02: at the instant of issue a link works, at the instant of its end it has expired."""
    link = record(expires_at=NOW + DAY)
    assert link.state_at(NOW) is State.OUTSTANDING
    assert link.state_at(NOW + DAY - 1) is State.OUTSTANDING
    assert link.state_at(NOW + DAY) is State.EXPIRED


def test_instant_zero_reads_as_never() -> None:
    """What happened at the very first instant has happened: zero isn't None."""
    assert record(revoked_at=0).state_at(NOW) is State.REVOKED
    assert record(superseded_at=0).state_at(NOW) is State.SUPERSEDED
    assert record(max_uses=0).state_at(NOW) is State.USED


@pytest.mark.parametrize(("max_uses", "uses", "state"), [(3, 2, "outstanding"), (3, 3, "used"), (3, 4, "used")])
def test_use_past_the_limit(max_uses: int, uses: int, state: str) -> None:
    """A link is used once it has been used as often as it may be."""
    assert record(max_uses=max_uses, uses=uses).state_at(NOW) == state


def test_any_number_of_uses_runs_out() -> None:
    """None is any number of uses."""
    assert record(max_uses=None, uses=10**9).state_at(NOW) is State.OUTSTANDING


def test_plain_terms() -> None:
    """Terms that fit are met, at the first instant and at the last."""
    assert terms().met_by(record())
    assert terms(now=NOW + 14 * DAY - 1).met_by(record())
    assert terms(max_uses=2).met_by(record(uses=1))
    assert terms(stamp=STAMP).met_by(record(stamp=STAMP))


@pytest.mark.parametrize(
    ("asked", "kept"),
    [
        ({"audience": ELSEWHERE}, {}),
        ({}, {"audience": ELSEWHERE}),
        ({"audience": AUDIENCE + "/"}, {}),
        ({"purpose": "sign-in"}, {}),
        ({"purpose": "Invoice"}, {}),
        ({}, REVOKED),
        ({}, SUPERSEDED),
        ({}, USED),
        ({"now": NOW + DAY}, EXPIRED),
        ({"now": NOW + 14 * DAY}, {"expires_at": NOW + 15 * DAY}),
        ({"lifetime": DAY, "now": NOW + DAY}, {}),
        ({"now": NOW - CLOCK_SKEW - 1}, {}),
        ({"max_uses": 2}, {"uses": 2}),
        ({"max_uses": 0}, {}),
        ({}, {"stamp": STAMP}),
        ({"stamp": STAMP}, {}),
        ({"stamp": STAMP}, {"stamp": STAMP[:-1] + b"t"}),
        ({"attempt": NONCE, "reclick": 1}, {"attempt": NONCE, "last_used_at": NOW, "uses": 1}),
    ],
)
def test_one_term_unmet(asked: dict[str, Any], kept: dict[str, Any]) -> None:
    """Each term alone, turned over, forbids the use; turned back, it is allowed."""
    assert not terms(**asked).met_by(record(**kept))
    assert terms().met_by(record())


@pytest.mark.parametrize(("behind", "met"), [(0, True), (1, True), (CLOCK_SKEW, True), (CLOCK_SKEW + 1, False)])
def test_clock_behind_the_issuer(behind: int, met: bool) -> None:
    """D04, D05: up to 30 seconds behind the issuer a link works; a microsecond further back it doesn't."""
    assert terms(now=NOW - behind).met_by(record()) is met


@pytest.mark.parametrize(
    ("nonce", "kept", "last_used_at", "reclick", "is_second"),
    [
        (NONCE, NONCE, NOW, 1, True),
        (NONCE, NONCE, NOW - 29, 30, True),
        (NONCE, NONCE, NOW - 30, 30, False),
        (NONCE, NONCE, NOW, 0, False),
        (NONCE, OTHER, NOW, 30, False),
        (NONCE, None, NOW, 30, False),
        (NONCE, NONCE, None, 30, False),
        (None, None, NOW, 30, False),
        (None, NONCE, NOW, 30, False),
    ],
)
def test_second_click(
    nonce: bytes | None, kept: bytes | None, last_used_at: int | None, reclick: int, is_second: bool
) -> None:
    """F15: the last use's own nonce within `reclick` is a second click; two clicks without a nonce are two uses."""
    asked = terms(attempt=nonce, reclick=reclick)
    link = record(attempt=kept, last_used_at=last_used_at, uses=1)
    assert asked.is_reclick(link) is is_second
    assert asked.met_by(link) is not is_second


FIELDS: dict[str, tuple[Any, Any]] = {
    "purpose": ("invoice", "sign-in"),
    "subject": ("customer-7", "customer-7 "),
    "resource": ("invoice:1001", "Invoice:1001"),
    "recipients": ((RETIRED, RECIPIENT), (RETIRED,)),
    "issued_before": (NOW + 1, NOW),
}


@given(st.fixed_dictionaries({}, optional={name: st.booleans() for name in FIELDS}), st.booleans())
def test_selector_ignores_a_field(fits: dict[str, bool], is_ours: bool) -> None:
    """B04, B09: a record is meant where every field that is given matches, byte for byte, in one audience."""
    fields: dict[str, Any] = {name: FIELDS[name][0 if fit else 1] for name, fit in fits.items()}
    selector = Selector(audience=AUDIENCE if is_ours else ELSEWHERE, **fields)
    assert selector.matches(record(recipient=RECIPIENT)) is (is_ours and all(fits.values()))
    assert selector.is_empty is (not fits)


def test_selector_of_nothing_at_all() -> None:
    """No digest of an address matches nothing, the empty text isn't None, and no recipient is nobody's address."""
    assert not Selector(audience=AUDIENCE, recipients=()).matches(record())
    assert not Selector(audience=AUDIENCE, recipients=()).is_empty
    assert not Selector(audience=AUDIENCE, subject="").is_empty
    assert not Selector(audience=AUDIENCE, issued_before=0).is_empty
    assert not Selector(audience=AUDIENCE, subject="").matches(record())
    assert not Selector(audience=AUDIENCE, resource="").matches(record(resource=None))
    assert not Selector(audience=AUDIENCE, recipients=(RECIPIENT,)).matches(record(recipient=None))


@pytest.mark.parametrize(
    "value",
    [record(), terms(), Selector(audience=AUDIENCE), Note(audience=AUDIENCE, link_id=b"", kind="verified", at=NOW)],
    ids=lambda value: type(value).__name__,
)
def test_value_changed_in_place(value: Record | Terms | Selector | Note) -> None:
    """F16: what crosses the boundary of a store is frozen: nobody writes an old state back into it."""
    with pytest.raises((FrozenInstanceError, AttributeError)):
        value.audience = ELSEWHERE  # type: ignore[misc]
    assert value.audience == AUDIENCE


def test_new_link_with_a_past() -> None:
    """What a new record doesn't say hasn't happened, and what terms don't ask for isn't asked."""
    link = record()
    assert (link.uses, link.attempts, link.revoke_reason) == (0, 0, "")
    assert {link.code, link.passphrase, link.code_expires_at, link.attempt, link.delivered_at} == {None}
    assert {link.first_used_at, link.last_used_at, link.superseded_at, link.revoked_at} == {None}
    asked = Terms(audience=AUDIENCE, purpose="invoice", now=NOW, lifetime=DAY, max_uses=None)
    assert (asked.stamp, asked.attempt, asked.reclick, asked.ends_others) == (None, None, 0, False)


def test_changed_copy() -> None:
    """A change is a new value; the old one stays."""
    assert replace(terms(), now=NOW + 1) != terms()
    assert record()._replace(uses=1).uses == 1


def test_stored_words() -> None:
    """What stands in a database keeps its spelling: a record of today is read by every later version."""
    assert [state.value for state in State] == ["revoked", "superseded", "used", "expired", "outstanding"]
    assert [each.value for each in Supersede] == ["never", "on-issue", "on-delivery"]
    assert [origin.value for origin in Origin] == ["issue", "remind", "renew"]


def test_skew_is_thirty_seconds() -> None:
    """D04: clocks may differ by thirty seconds, to the microsecond."""
    assert CLOCK_SKEW == 30_000_000
    later = record(issued_at=NOW + 30_000_000)
    assert terms(now=NOW).met_by(later)
    assert not terms(now=NOW).met_by(later._replace(issued_at=NOW + 30_000_001))
