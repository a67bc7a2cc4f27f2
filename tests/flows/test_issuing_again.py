"""remind and renew: who gets a fresh link, how soon, how often, how long; what section 5's table says of a series."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from magiclink import (
    CONFIRM_EMAIL,
    INVOICE,
    SIGN_IN,
    STEP_UP,
    BadArgumentError,
    InvalidLinkError,
    ReissueRefusedError,
    State,
    StoreError,
)
from magiclink.errors import ClockError
from magiclink.links import run

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from magiclink import Link, MagicLinks
    from tests.conftest import World

AP = "ap@acme.example"
WHO: dict[str, Any] = {"subject": "customer-7", "resource": "invoice:1001", "recipient": AP}
MINUTE = timedelta(minutes=1)
DAY = timedelta(days=1)
FEW = replace(INVOICE, purpose="few", reissue_limit=2, reissue_interval=5 * MINUTE, ends_after=30 * DAY)
SILENT = replace(INVOICE, purpose="silent", reissue_on_reminder=False, renew_on_request=False, ends_after=None)
BOUND = replace(STEP_UP, purpose="bound", step_up=False, bind_browser=True)


def refused(call: Callable[[], object], reason: str) -> datetime | None:
    """See a reissue refused for a reason, and give the instant from which it may be asked again."""
    with pytest.raises(ReissueRefusedError) as caught:
        call()
    assert caught.value.reason == reason
    return caught.value.retry_at


def expired(world: World, links: MagicLinks) -> Link:
    """Issue a link and wait until it has expired."""
    link = links.issue(FEW, **WHO, destination="/invoices/1001")
    world.clock.tick(15 * DAY)
    return link


# The story of 2013.


def test_reminder_after_expiry(world: World) -> None:
    """S3: on day 14 the link has expired; a reminder carries a fresh one to the same invoice, and no new invoice."""
    links = world.listening()
    old = links.issue(INVOICE, **WHO, destination="/invoices/1001")
    world.clock.tick(14 * DAY)
    fresh = links.remind(INVOICE, **WHO)
    assert links.redeem(fresh.token, INVOICE).destination == "/invoices/1001"
    info = links.inspect(fresh.link_id)
    assert (info.origin, info.parent, info.expires_at) == ("remind", old.link_id, world.clock.now() + 14 * DAY)
    assert world.pop_events() == ["issued", "reminded", "redeemed"]


def test_holder_asks(world: World) -> None:
    """S5: the holder of an expired link gets a fresh one, mailed to the address on file."""
    links = world.listening()
    old = links.issue(INVOICE, **WHO, destination="/invoices/1001")
    world.clock.tick(14 * DAY)
    fresh = links.renew(old.token, to=AP)
    assert links.redeem(fresh.token, INVOICE).destination == "/invoices/1001"
    info = links.inspect(fresh.link_id)
    assert (info.origin, info.parent, info.resource) == ("renew", old.link_id, "invoice:1001")
    assert world.pop_events() == ["issued", "renewed", "redeemed"]


def test_nothing_reissues_by_itself(world: World) -> None:
    """S4: refusing an expired link makes no link."""
    links = world.links(FEW)
    link = expired(world, links)
    with pytest.raises(Exception, match="expired"):
        links.redeem(link.token, FEW)
    assert [info.link_id for info in links.find(subject="customer-7")] == [link.link_id]


# Who may.


def test_policy_that_reissues_nothing(world: World) -> None:
    """A policy without reminders or renewals refuses them, and nothing is written."""
    links = world.links(SILENT)
    link = links.issue(SILENT, **WHO)
    world.clock.tick(15 * DAY)
    world.pop_calls()
    refused(lambda: links.remind(SILENT, **WHO), "policy")
    refused(lambda: links.renew(link.token, to=AP), "policy")
    assert "add" not in world.pop_calls()


def test_reminder_of_a_bound_browser(world: World) -> None:
    """A policy that binds the browser reminds nobody: refused as any other that doesn't reissue."""
    refused(lambda: world.links(BOUND).remind(BOUND, subject="customer-7"), "policy")


def test_reminder_of_a_sign_in(world: World) -> None:
    """Nobody is reminded to sign in; the presets say so."""
    refused(lambda: world.links().remind(SIGN_IN, subject="customer-7"), "policy")


@pytest.mark.parametrize("to", ["other@acme.example", "ap@acme.example.evil.example", "ap+1@acme.example", None])
def test_renewal_to_another_address(world: World, to: Any) -> None:
    """A fresh link goes to the address that the old one was mailed to, and nowhere else."""
    links = world.links(FEW)
    link = expired(world, links)
    world.pop_calls()
    refused(lambda: links.renew(link.token, to=to), "recipient")
    assert "add" not in world.pop_calls()


def test_renewal_without_a_recipient(world: World) -> None:
    """A link that was mailed to nobody known is renewed to nobody."""
    links = world.links(FEW)
    link = links.issue(FEW, subject="customer-7")
    world.clock.tick(15 * DAY)
    refused(lambda: links.renew(link.token, to=AP), "recipient")
    refused(lambda: links.renew(link.token, to=None), "recipient")  # type: ignore[arg-type]


@pytest.mark.parametrize("to", ["AP@acme.example", "ap@ACME.example"])
def test_renewal_to_another_spelling(world: World, to: str) -> None:
    """J17: the address on file may have been typed in capitals; it's still that address and that series."""
    links = world.links(FEW)
    link = expired(world, links)
    fresh = links.renew(link.token, to=to)
    assert [info.link_id for info in links.find(recipient=AP)] == [fresh.link_id, link.link_id]


@pytest.mark.parametrize("to", ["", "nobody", "a@b@c", b"ap@acme.example", 5, [AP]])
def test_renewal_to_no_address(world: World, to: Any) -> None:
    """J04, J11: what is no address is an argument that can't be taken, and the store isn't asked."""
    links = world.links(FEW)
    link = expired(world, links)
    world.pop_calls()
    with pytest.raises(BadArgumentError):
        links.renew(link.token, to=to)
    assert world.pop_calls() == []


def test_renewal_of_an_outstanding_link(world: World) -> None:
    """L07: a link that works isn't renewed: asking ends no link that its owner is about to click."""
    links = world.links(FEW)
    link = links.issue(FEW, **WHO)
    refused(lambda: links.renew(link.token, to=AP), "outstanding")


def test_renewal_of_a_used_link(world: World) -> None:
    """D21: a used link may be renewed, and stays used."""
    links = world.links()
    link = links.issue(CONFIRM_EMAIL, **WHO)
    links.redeem(link.token, CONFIRM_EMAIL)
    fresh = links.renew(link.token, to=AP)
    assert links.inspect(link.link_id).state is State.USED
    links.mark_delivered(fresh.link_id)
    assert links.inspect(link.link_id).state is State.SUPERSEDED
    assert links.redeem(fresh.token, CONFIRM_EMAIL).link_id == fresh.link_id


def test_renewal_of_a_superseded_link(world: World) -> None:
    """A superseded link may be renewed: its holder need not find the newer mail."""
    links = world.links(FEW)
    old = links.issue(FEW, **WHO)
    newer = links.issue(FEW, **WHO)
    links.mark_delivered(newer.link_id)
    fresh = links.renew(old.token, to=AP)
    links.mark_delivered(fresh.link_id)
    assert links.inspect(newer.link_id).state is State.OUTSTANDING


def test_renewal_of_a_revoked_link(world: World) -> None:
    """D21: a revoked link is never renewed, expired or not."""
    links = world.links(FEW)
    link = links.issue(FEW, **WHO)
    links.revoke(link.link_id)
    refused(lambda: links.renew(link.token, to=AP), "revoked")
    world.clock.tick(15 * DAY)
    refused(lambda: links.renew(link.token, to=AP), "revoked")


def test_renewal_where_the_newest_was_revoked(world: World) -> None:
    """A withdrawn series can't be reopened through an older link of it."""
    links = world.links(FEW)
    old = expired(world, links)
    links.revoke(links.remind(FEW, **WHO).link_id)
    refused(lambda: links.renew(old.token, to=AP), "revoked")


def test_renewal_after_revoke_all(world: World) -> None:
    """A revocation of the subject reaches its expired links too."""
    links = world.links(FEW)
    link = expired(world, links)
    links.revoke_all(subject="customer-7")
    refused(lambda: links.renew(link.token, to=AP), "revoked")


def test_reminder_where_the_newest_was_revoked(world: World) -> None:
    """The app may remind after a revocation; the counts go on."""
    links = world.links(FEW)
    links.issue(FEW, **WHO)
    for _ in range(2):
        world.clock.tick(5 * MINUTE)
        fresh = links.remind(FEW, **WHO)
        links.revoke(fresh.link_id)
    world.clock.tick(5 * MINUTE)
    refused(lambda: links.remind(FEW, **WHO), "too_many")


def test_renewal_of_an_unknown_link(world: World) -> None:
    """A genuine token whose record is gone is InvalidLinkError."""
    links = world.links(FEW)
    link = links.issue(FEW, **WHO)
    world.clock.tick(800 * DAY)
    assert links.purge(keep=366 * DAY) == 1
    with pytest.raises(InvalidLinkError):
        links.renew(link.token, to=AP)


def test_renewal_by_a_record_of_a_forgotten_purpose(world: World) -> None:
    """The web's own renewal knows no link of a purpose that is no longer registered."""
    link = expired(world, world.links(FEW))
    flows = world.links().flows
    record = run(flows.find_record(link.link_id))
    assert record is not None
    with pytest.raises(InvalidLinkError, match="isn't registered any more"):
        run(flows.renew_record(record, AP, flows.read_clock()))


@pytest.mark.parametrize("token", [None, "", 5, b"x", [], ["tok"], {"a": 1}, True, 1.5, "x" * 60, "\ud800"], ids=repr)
def test_renewal_of_no_token(world: World, token: Any) -> None:
    """A01, A02, A04, A22: what is no token of ours costs no query."""
    with pytest.raises(InvalidLinkError):
        world.links().renew(token, to=AP)
    assert world.pop_calls() == []


def test_clock_behind_at_renewal(world: World) -> None:
    """D05: a link that was issued more than 30 seconds in the future means that a clock is off."""
    links = world.links(FEW)
    link = links.issue(FEW, **WHO)
    world.clock.tick(timedelta(seconds=-31))
    with pytest.raises(ClockError):
        links.renew(link.token, to=AP)


# What a fresh link takes over.


def test_destination_of_a_reminder(world: World) -> None:
    """A reminder leads where it is told, else where the newest link led."""
    links = world.links(FEW)
    links.issue(FEW, **WHO, destination="/old")
    world.clock.tick(5 * MINUTE)
    assert links.inspect(links.remind(FEW, **WHO, destination="/new").link_id).destination == "/new"
    world.clock.tick(5 * MINUTE)
    assert links.inspect(links.remind(FEW, **WHO).link_id).destination == "/new"


def test_destination_of_a_renewal(world: World) -> None:
    """A renewal leads where the link that was presented led, not where the newest does."""
    links = world.links(FEW)
    old = expired(world, links)
    links.issue(FEW, **WHO, destination="/new")
    assert links.inspect(links.renew(old.token, to=AP).link_id).destination == "/invoices/1001"


def test_two_contacts(world: World) -> None:
    """Two contacts of one customer are two series: intervals, counts and reminders of one don't touch the other's."""
    links = world.links(FEW)
    other = {**WHO, "recipient": "boss@acme.example"}
    unknown = {**WHO, "recipient": None}
    for who in (WHO, other, unknown, {**WHO, "resource": None}, {**WHO, "subject": "customer-8"}):
        links.issue(FEW, **who)
    world.clock.tick(5 * MINUTE)
    for _ in range(2):
        for who in (WHO, other, unknown):
            links.remind(FEW, **who)
        world.clock.tick(5 * MINUTE)
    for who in (WHO, other, unknown):
        refused(lambda: links.remind(FEW, **who), "too_many")  # noqa: B023


# Stamps.


def test_reminder_after_a_change(world: World) -> None:
    """The app may remind after a password change: the fresh link is under the new stamp."""
    links = world.stamped(FEW)
    links.issue(FEW, **WHO)
    world.stamps["customer-7"] = "second"
    world.clock.tick(5 * MINUTE)
    fresh = links.remind(FEW, **WHO)
    assert links.redeem(fresh.token, FEW).subject == "customer-7"
    world.stamps["customer-7"] = None
    world.clock.tick(5 * MINUTE)
    refused(lambda: links.remind(FEW, **WHO), "account")


@pytest.mark.parametrize("stamp", ["second", None])
def test_renewal_after_a_change(world: World, stamp: str | None) -> None:
    """A link of an account that has changed, or may not be used, isn't renewed."""
    links = world.stamped(FEW)
    old = expired(world, links)
    world.stamps["customer-7"] = stamp
    refused(lambda: links.renew(old.token, to=AP), "account")


def test_renewal_under_a_stamp(world: World) -> None:
    """A renewed link carries the stamp that was compared, asked for once."""
    links = world.stamped(FEW)
    old = expired(world, links)
    fresh = links.renew(old.token, to=AP)
    world.stamps["customer-7"] = "second"
    with pytest.raises(Exception, match="account has changed"):
        links.redeem(fresh.token, FEW)


def test_stamp_that_changes_while_asked(world: World) -> None:
    """Between the comparison and the fresh link there is no second question whose answer could differ."""
    links = world.stamped(FEW)
    old = expired(world, links)
    answers = iter(["first", None, "other"])
    asked = world.links(FEW, security_stamp=lambda _: next(answers))
    fresh = asked.renew(old.token, to=AP)
    assert links.redeem(fresh.token, FEW).subject == "customer-7"


# Races and trouble.


def test_race_lost_once(world: World) -> None:
    """A reissue that lost a race reads its series again, and is then told the truth: too soon."""
    links = world.links(FEW)
    links.issue(FEW, **WHO)
    world.clock.tick(5 * MINUTE)
    world.store.before["add"] = lambda: world.links(FEW).remind(FEW, **WHO)
    refused(lambda: links.remind(FEW, **WHO), "too_soon")
    assert len(links.find(subject="customer-7")) == 2


def test_race_with_an_issue(world: World) -> None:
    """A renewal that raced with an issue is written after it."""
    links = world.links(FEW)
    old = expired(world, links)
    world.store.before["add"] = lambda: world.links(FEW).issue(FEW, **WHO)
    fresh = links.renew(old.token, to=AP)
    assert links.inspect(fresh.link_id).state is State.OUTSTANDING
    assert len(links.find(subject="customer-7")) == 3


@pytest.mark.parametrize("call", ["remind", "renew"])
def test_race_with_a_revocation(world: World, call: str) -> None:
    """Nothing survives revoke_all(subject) that a reissue inserts from what it read before."""
    links = world.links(FEW)
    old = expired(world, links)
    world.store.before["add"] = lambda: world.links(FEW).revoke_all(subject="customer-7")
    if call == "renew":
        refused(lambda: links.renew(old.token, to=AP), "revoked")
    else:
        fresh = links.remind(FEW, **WHO)
        assert links.inspect(fresh.link_id).state is State.OUTSTANDING
    assert links.inspect(old.link_id).state is State.REVOKED
    assert world.pop_calls().count("newest") == 2


def test_race_lost_three_times(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """E15: a reissue that loses three races in a row gives up with StoreError, and gives no link."""
    links = world.listening(FEW)
    links.issue(FEW, **WHO)
    world.clock.tick(5 * MINUTE)
    monkeypatch.setattr(world.store.inner, "add", lambda *_, **__: False)
    world.pop_calls()
    with pytest.raises(StoreError, match="reissuing"):
        links.remind(FEW, **WHO)
    assert world.pop_calls() == ["newest", "add"] * 3
    assert world.pop_events() == ["issued"]


@pytest.mark.parametrize("call", ["newest", "add", "get"])
def test_store_down_at_a_reissue(world: World, call: str) -> None:
    """E01: a reissue that the store couldn't write gives no link; afterwards it works, and counted nothing."""
    links = world.links(FEW)
    old = expired(world, links)
    world.fail(call)
    with pytest.raises(StoreError):
        links.renew(old.token, to=AP)
    if call != "get":
        with pytest.raises(StoreError):
            links.remind(FEW, **WHO)
    world.heal()
    assert len(links.find(subject="customer-7")) == 1
    links.renew(old.token, to=AP)
    links.remind(FEW, **WHO)


def test_renewal_of_a_series_that_is_being_forgotten(small_world: World) -> None:
    """E19: a link whose series is forgotten between two readings is renewed from itself, or not at all."""
    links = small_world.links(FEW)
    link = expired(small_world, links)
    small_world.store.before["newest"] = lambda: small_world.store.inner.purge(
        links.flows.audience, before=2**62, limit=10
    )
    fresh = links.renew(link.token, to=AP)
    info = links.inspect(fresh.link_id)
    assert (info.parent, info.destination) == (link.link_id, "/invoices/1001")
