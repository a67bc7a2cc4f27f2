"""Whatever the input, only errors of the library escape; and nothing is used, ended or left half done by them."""

from __future__ import annotations

import inspect
from contextlib import suppress
from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from magiclink import (
    CLIENT_PORTAL,
    CONFIRM_EMAIL,
    INVOICE,
    SIGN_IN,
    ConfigurationError,
    Key,
    KeyRing,
    MagicLinkError,
    MagicLinks,
    Order,
    State,
)
from magiclink.stores.memory import MemoryStore
from magiclink.testing.clock import FrozenClock

POLICIES = (INVOICE, SIGN_IN, CLIENT_PORTAL, CONFIRM_EMAIL)
AP = "ap@acme.example"
KEYS = KeyRing(signing=Key.generate())
HUGE = "x" * 10_000_000
EAST = timezone(timedelta(hours=14))


def world() -> tuple[MagicLinks, list[str]]:
    """Make the API over a fresh store with a genuine link; give it with the link's token and id."""
    links = MagicLinks(
        keys=KEYS, store=MemoryStore(), policies=POLICIES, base_url="https://billing.example/l/", clock=FrozenClock()
    )
    link = links.issue(CONFIRM_EMAIL, subject="customer-7", resource="address", recipient=AP)
    return links, [link.token, link.link_id]


WORLD, GENUINE = world()

NO_POLICY: Any = 5
SAMPLES: list[Any] = [
    *(None, 0, 5, -1, 2**63, True, 1.5, float("nan"), float("inf"), b"", b"\0", "", " ", "\0", "\ud800", "a\r\nb: c"),
    *("３" * 60, "x" * 60, "x" * 255, "x" * 256, "0" * 40, "/", "//evil.example", "/invoices/1001", AP, HUGE, *GENUINE),
    *([], [AP], (), {}, {"a": 1}, set(), object(), lambda: None, ValueError(), type, NotImplemented, date(2026, 1, 6)),
    *(datetime(2026, 1, 5), datetime(2026, 1, 6, tzinfo=UTC), timedelta(days=1), timedelta.max, timedelta.min),  # noqa: DTZ001
    *(datetime.max.replace(tzinfo=UTC), datetime.min.replace(tzinfo=UTC), datetime.min.replace(tzinfo=EAST)),
    *(INVOICE, SIGN_IN, CONFIRM_EMAIL, (INVOICE, CONFIRM_EMAIL), [INVOICE], (INVOICE, None), [None]),
    *(Order(policy=INVOICE, subject="customer-7"), [Order(policy=INVOICE, subject=NO_POLICY)]),
]
# Sampled and not built anew: a report of hypothesis names them shortly.
hostile = st.one_of(
    st.sampled_from(SAMPLES), st.text(max_size=300), st.binary(max_size=60), st.integers(), st.datetimes()
)

CALLS: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "issue": (("policy",), ("subject", "resource", "recipient", "destination", "expires_at", "browser")),
    "issue_many": (("orders",), ()),
    "remind": (("policy",), ("subject", "resource", "recipient", "destination")),
    "renew": (("token",), ("to",)),
    "mark_delivered": (("link_id", "another"), ()),
    "verify": (("token", "policy"), ("browser",)),
    "redeem": (("token", "policy"), ("browser", "attempt", "admit")),
    "recall": (("link_id",), ("redeemed_at",)),
    "revoke": (("link_id",), ("reason",)),
    "revoke_all": ((), ("policy", "subject", "resource", "recipient", "issued_before", "reason")),
    "inspect": (("link_id",), ()),
    "find": ((), ("policy", "subject", "resource", "recipient", "limit", "after")),
    "history": ((), ("subject", "resource", "limit")),
    "purge": ((), ("keep",)),
}

GOOD: dict[str, Any] = {
    "policy": CONFIRM_EMAIL,
    "subject": "customer-7",
    "resource": None,
    "recipient": AP,
    "destination": None,
    "expires_at": None,
    "browser": None,
    "orders": [],
    "token": GENUINE[0],
    "to": AP,
    "link_id": GENUINE[1],
    "another": GENUINE[1],
    "attempt": None,
    "admit": None,
    "redeemed_at": FrozenClock().now(),
    "reason": "",
    "issued_before": None,
    "limit": 100,
    "after": None,
    "keep": timedelta(days=365),
}

FREELY = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def refusal(call: str, values: dict[str, Any]) -> str:
    """Make a call with these values, and give what its refusal says; other errors pass through, and fail the test."""
    positional, named = CALLS[call]
    try:
        getattr(WORLD, call)(*[values[name] for name in positional], **{name: values[name] for name in named})
    except MagicLinkError as error:
        return str(error)
    except TypeError:
        # The app's own: an `admit` that takes no LinkInfo passes its error through.
        if not callable(values.get("admit")):
            raise
    return ""


def test_every_call_is_tried() -> None:
    """The table above names every public call of the API and every argument it takes."""
    public = {name for name in vars(MagicLinks) if not name.startswith("_")} - {"close"}
    assert public == set(CALLS)
    for call, (positional, named) in CALLS.items():
        parameters = [*inspect.signature(getattr(MagicLinks, call)).parameters]
        assert len(parameters) == 1 + len(positional) + len(named) or call == "mark_delivered"
        assert set(named) <= set(parameters)


@pytest.mark.parametrize("call", CALLS)
@FREELY
@given(data=st.data())
def test_one_hostile_argument(call: str, data: st.DataObject) -> None:
    """A call whose other arguments are good takes or refuses whatever one argument is."""
    positional, named = CALLS[call]
    name = data.draw(st.sampled_from([*positional, *named]))
    assert len(refusal(call, {**GOOD, name: data.draw(hostile)})) < 1_000


@pytest.mark.parametrize("call", CALLS)
@FREELY
@given(data=st.data())
def test_hostile_arguments(call: str, data: st.DataObject) -> None:
    """A call takes or refuses whatever all of its arguments are."""
    positional, named = CALLS[call]
    assert len(refusal(call, {name: data.draw(hostile) for name in (*positional, *named)})) < 1_000


BUILT = ("keys", "store", "policies", "base_url", "audience", "clock", "security_stamp", "on_event")


@FREELY
@given(name=st.sampled_from(BUILT), value=hostile)
def test_hostile_setting(name: str, value: Any) -> None:
    """Whatever a setting is, it is built or ConfigurationError is raised."""
    plain: dict[str, Any] = {
        "keys": KEYS, "store": MemoryStore(), "policies": POLICIES, "base_url": "https://billing.example/l/",
        "audience": None, "clock": FrozenClock(), "security_stamp": None, "on_event": None,
    }  # fmt: skip
    with suppress(ConfigurationError):
        MagicLinks(**{**plain, name: value})


@pytest.mark.parametrize("bad", [object(), 1.5, [HUGE], {"a": 1}], ids=lambda bad: type(bad).__name__)
def test_refused_calls_change_nothing(bad: Any) -> None:
    """One argument of a wrong type is enough to refuse any call, and then nothing is used, ended or written."""
    links, (token, link_id) = world()
    good = {**GOOD, "token": token, "link_id": link_id, "another": link_id}
    for positional, named, call in ((*CALLS[call], getattr(links, call)) for call in CALLS):
        for name in (*positional, *named):
            values = {**good, name: bad}
            with pytest.raises(MagicLinkError):
                call(*[values[each] for each in positional], **{each: values[each] for each in named})
    [info] = links.find(subject="customer-7")
    assert (info.state, info.uses, info.delivered_at) == (State.OUTSTANDING, 0, None)
    assert [event.kind for event in links.history(subject="customer-7")] == ["issued"]
