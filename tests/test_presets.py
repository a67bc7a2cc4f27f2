"""The presets are the table of the design, and nothing else."""

from __future__ import annotations

from dataclasses import fields
from datetime import timedelta

import pytest

import magiclink
from magiclink import presets
from magiclink.policy import Opens, Policy
from magiclink.records import Supersede

ACCOUNT, RESOURCE = Opens.ACCOUNT, Opens.RESOURCE
NEVER, ON_DELIVERY = Supersede.NEVER, Supersede.ON_DELIVERY
PLAIN = Policy(
    purpose="plain", opens=RESOURCE, lifetime=timedelta(1), session_lifetime=timedelta(1), ends_after=timedelta(1)
)


def minutes(count: int) -> timedelta:
    """Return a span of minutes."""
    return timedelta(minutes=count)


def hours(count: int) -> timedelta:
    """Return a span of hours."""
    return timedelta(hours=count)


def days(count: int) -> timedelta:
    """Return a span of days."""
    return timedelta(days=count)


COLUMNS = ["purpose", "opens", "lifetime", "max_uses", "confirm", "session_lifetime", "reissue_on_reminder"]
COLUMNS += ["renew_on_request", "supersede", "reissue_interval", "reissue_limit", "ends_after", "code"]
TEN, FORTNIGHT, YEAR = minutes(10), days(14), days(365)
YES, NO, ANY, DASH = True, False, None, None
# fmt: off
TABLE: dict[str, tuple[object, ...]] = {
    "SIGN_IN": (
        "sign-in", ACCOUNT, TEN, 1, YES, hours(12), NO, YES, NEVER, minutes(1), 5, hours(1), DASH),
    "INVOICE": (
        "invoice", RESOURCE, FORTNIGHT, ANY, NO, hours(8), YES, YES, ON_DELIVERY, minutes(5), 12, YEAR, DASH),
    "CLIENT_PORTAL": (
        "client-portal", ACCOUNT, FORTNIGHT, ANY, YES, hours(12), YES, YES, ON_DELIVERY, minutes(5), 12, YEAR, DASH),
    "CONFIRM_EMAIL": (
        "confirm-email", RESOURCE, hours(24), 1, YES, TEN, YES, YES, ON_DELIVERY, minutes(5), 5, days(7), DASH),
    "STEP_UP": (
        "step-up", ACCOUNT, TEN, 1, YES, minutes(15), NO, NO, NEVER, DASH, DASH, DASH, DASH),
    "SET_PASSWORD": (
        "set-password", RESOURCE, TEN, 1, YES, TEN, NO, YES, ON_DELIVERY, minutes(1), 5, hours(1), DASH),
}
# fmt: on
"""In the order of COLUMNS; short codes come later."""

IRRELEVANT = {("STEP_UP", "reissue_interval"), ("STEP_UP", "reissue_limit")}
"""What nothing reads where nothing reissues."""


@pytest.mark.parametrize("name", TABLE)
def test_preset_unlike_the_table(name: str) -> None:
    """A preset has the table's value in every column."""
    preset = getattr(presets, name)
    given = {column: getattr(preset, column) for column in COLUMNS if (name, column) not in IRRELEVANT}
    wanted = dict(zip(COLUMNS, TABLE[name], strict=True))
    assert given == {column: wanted[column] for column in given}


@pytest.mark.parametrize("name", TABLE)
def test_preset_with_something_unsaid(name: str) -> None:
    """What the table doesn't name is the default, save for `step_up` and the portal's deviations."""
    preset = getattr(presets, name)
    rest = {field.name for field in fields(Policy)} - set(COLUMNS)
    changed = {field for field in rest if getattr(preset, field) != getattr(PLAIN, field)}
    assert changed == {"STEP_UP": {"step_up"}, "CLIENT_PORTAL": {"deviations"}}.get(name, set())


def test_preset_missing() -> None:
    """The presets are those six; each has a purpose of its own and can be imported from `magiclink`."""
    policies = {name: value for name, value in vars(presets).items() if isinstance(value, Policy)}
    assert policies.keys() == TABLE.keys()
    assert len({preset.purpose for preset in policies.values()}) == 6
    assert all(getattr(magiclink, name) is preset for name, preset in policies.items())


def test_portal_without_its_reasons() -> None:
    """CLIENT_PORTAL writes out its two deviations: 14 days at most, and any number of uses."""
    lifetime, reusable = presets.CLIENT_PORTAL.deviations
    assert (lifetime.rule, lifetime.up_to) == ("account-lifetime", days(14))
    assert (reusable.rule, reusable.up_to) == ("account-reusable", None)
    assert all(len(each.reason.split()) >= 5 for each in (lifetime, reusable))


def test_step_up_for_anybody() -> None:
    """STEP_UP asks that its subject be the one who is signed in already."""
    assert presets.STEP_UP.step_up
