"""What is given to the app: frozen, without a truth value, and with the token nowhere but in `url` and `token`."""

from __future__ import annotations

import copy
import dataclasses
import json
import logging
import pickle
import pprint
import traceback
from typing import Any

import pytest

from magiclink.instants import SECOND, to_datetime
from magiclink.presets import INVOICE
from magiclink.records import State
from magiclink.testing.contract.bench import DAY, NOW, record
from magiclink.values import Link, LinkInfo, Order, Preview, Redemption

TOKEN = "AQEsecretsecretsecret"
LINK_ID = "ab" * 20
LINK = Link(
    base_url="https://billing.example/l/",
    token=TOKEN,
    link_id=LINK_ID,
    purpose="invoice",
    resource="invoice:1001",
    expires_at=NOW,
)
USED = record(max_uses=1, uses=1, first_used_at=NOW + 1, last_used_at=NOW + 2, parent=b"\xab" * 20)
REDEMPTION = Redemption.from_record(USED, redeemed_at=NOW + 2)
INFO = LinkInfo.from_record(USED, now=NOW + 3)
PREVIEW = Preview(link_id=LINK_ID, purpose="invoice", resource=None, expires_at=to_datetime(NOW))


def test_link_that_cannot_be_mailed() -> None:
    """The token is in `url` and `token`, for the mail; the rest names the link."""
    assert LINK.url == "https://billing.example/l/" + TOKEN
    assert LINK.token == TOKEN
    assert (LINK.link_id, LINK.purpose, LINK.resource) == (LINK_ID, "invoice", "invoice:1001")
    assert LINK.expires_at == to_datetime(NOW)


@pytest.mark.parametrize(
    "shown",
    [
        repr,
        str,
        format,
        ascii,
        pprint.pformat,
        "{}".format,
        "{0!r:>80}".format,
        lambda link: "%s %r %a" % (link, link, link),  # noqa: UP031  # the old way is meant
        lambda link: repr([{"link": (link,)}]),
        lambda link: json.dumps({"link": link}, default=str),
        lambda link: json.dumps({"link": link}, default=repr),
    ],
)
def test_token_shown(shown: Any) -> None:
    """M01, M17: however a link is shown, its token isn't, nor its URL; its link id is."""
    assert TOKEN not in shown(LINK)
    assert "billing" not in shown(LINK)
    assert LINK_ID in shown(LINK)


def test_token_in_a_log(caplog: pytest.LogCaptureFixture) -> None:
    """M04, M07: a link that is logged at any level, or stands in a traceback's locals, shows no token."""
    caplog.set_level(logging.DEBUG)
    logging.getLogger("app").debug("mail is down for %s, %r", LINK, LINK)
    assert TOKEN not in caplog.text
    try:
        link = LINK
        raise RuntimeError(link)
    except RuntimeError as error:
        report = "".join(traceback.TracebackException.from_exception(error, capture_locals=True).format())
    assert LINK_ID in report
    assert TOKEN not in report


@pytest.mark.parametrize(
    "taken_apart",
    [
        vars,
        dataclasses.asdict,
        dataclasses.fields,
        dict,
        list,
        json.dumps,
        lambda link: json.dumps(link, default=vars),
        lambda link: link.__getstate__(),
        lambda link: link.__reduce__(),
        lambda link: link.__reduce_ex__(4),
        *(lambda link, protocol=protocol: pickle.dumps(link, protocol) for protocol in range(6)),
    ],
)
def test_link_taken_apart(taken_apart: Any) -> None:
    """M01, M02, M17: vars, asdict, JSON and every pickle of a link are refused, and the refusal shows no token."""
    with pytest.raises(TypeError) as caught:
        taken_apart(LINK)
    assert TOKEN not in str(caught.value)


def test_copy_of_a_link() -> None:
    """M02: a copy of a link is the link."""
    assert copy.copy(LINK) is LINK
    assert copy.deepcopy({"link": [LINK]}) == {"link": [LINK]}


@pytest.mark.parametrize("name", [*Link.__slots__, "url", "token", "expires_at", "note"])
def test_link_changed_in_place(name: str) -> None:
    """A link is frozen: no field of it can be set or deleted, and none added."""
    with pytest.raises(AttributeError, match="frozen"):
        setattr(LINK, name, "other")
    with pytest.raises(AttributeError, match="frozen"):
        delattr(LINK, name)
    assert LINK.url.endswith(TOKEN)


@pytest.mark.parametrize("value", [LINK, PREVIEW, REDEMPTION, INFO], ids=lambda value: type(value).__name__)
def test_result_read_as_success(value: object) -> None:
    """M09: a result has no truth value, and says by its name what to catch."""
    for asked in (bool, lambda each: not each, lambda each: each or None, lambda each: 1 if each else 2):
        with pytest.raises(TypeError, match=f"{type(value).__name__} has no truth value.*RejectedLinkError"):
            asked(value)


@pytest.mark.parametrize("value", [PREVIEW, REDEMPTION, INFO], ids=lambda value: type(value).__name__)
def test_result_changed_in_place(value: Preview | Redemption | LinkInfo) -> None:
    """A result is frozen, equal by its fields, and may be pickled: it opens nothing."""
    with pytest.raises(dataclasses.FrozenInstanceError):
        value.purpose = "sign-in"  # type: ignore[misc]
    again = pickle.loads(pickle.dumps(value))
    assert again is not value
    assert again == value
    assert hash(again) == hash(value)


def test_preview_to_log_in_with() -> None:
    """A preview tells what a link opens, and not whom it is for."""
    assert {field.name for field in dataclasses.fields(Preview)} == {"link_id", "purpose", "resource", "expires_at"}


def test_redemption_of_another_record() -> None:
    """A redemption is the record's, from the instant of its use to the end of its session."""
    assert dataclasses.asdict(REDEMPTION) == {
        "link_id": USED.link_id.hex(),
        "purpose": "invoice",
        "subject": "customer-7",
        "resource": "invoice:1001",
        "destination": "/invoices/1001",
        "redeemed_at": to_datetime(NOW + 2),
        "session_ends_at": to_datetime(NOW + 2 + 8 * 3600 * SECOND),
    }


def test_information_about_another_record() -> None:
    """A LinkInfo is all that is known of a record, in datetimes; what hasn't happened is None."""
    assert dataclasses.asdict(INFO) == {
        "link_id": USED.link_id.hex(),
        "purpose": "invoice",
        "subject": "customer-7",
        "resource": "invoice:1001",
        "destination": "/invoices/1001",
        "state": State.USED,
        "origin": "issue",
        "parent": "ab" * 20,
        "issued_at": to_datetime(NOW),
        "expires_at": to_datetime(NOW + 14 * DAY),
        "max_uses": 1,
        "uses": 1,
        "delivered_at": None,
        "first_used_at": to_datetime(NOW + 1),
        "last_used_at": to_datetime(NOW + 2),
        "superseded_at": None,
        "revoked_at": None,
        "revoke_reason": "",
    }
    ended = record(delivered_at=NOW, superseded_at=NOW + 1, revoked_at=NOW + 2, revoke_reason="left us")
    info = LinkInfo.from_record(ended, now=NOW + 3)
    assert (info.delivered_at, info.superseded_at, info.revoked_at) == tuple(to_datetime(NOW + n) for n in range(3))
    assert (info.state, info.revoke_reason, info.parent) == (State.REVOKED, "left us", None)


def test_state_at_another_instant() -> None:
    """A LinkInfo tells the state at the instant that it was asked for."""
    assert LinkInfo.from_record(record(), now=NOW + 14 * DAY - 1).state is State.OUTSTANDING
    assert LinkInfo.from_record(record(), now=NOW + 14 * DAY).state is State.EXPIRED


def test_digest_given_to_the_app() -> None:
    """Neither result holds a digest of the recipient, the stamp, the browser or the attempt."""
    kept = record(recipient=b"\x01recipient", stamp=b"\x01stamp", browser=b"\x01browser", attempt=b"attempt")
    for value in (LinkInfo.from_record(kept, now=NOW), Redemption.from_record(kept, redeemed_at=NOW)):
        assert not any(isinstance(each, bytes) for each in dataclasses.asdict(value).values())


def test_order_shows_an_address() -> None:
    """M04: an order that is logged shows neither the address nor the nonce of the browser."""
    order = Order(policy=INVOICE, subject="customer-7", recipient="ap@acme.example", browser="nonce-of-a-browser")
    assert "customer-7" in repr(order)
    assert "acme" not in repr(order)
    assert "nonce" not in repr(order)
    assert (order.recipient, order.browser) == ("ap@acme.example", "nonce-of-a-browser")
    bare = Order(policy=INVOICE, subject="customer-7")
    assert {bare.resource, bare.recipient, bare.destination, bare.expires_at, bare.browser} == {None}
