"""What ends links that are out: a tightened policy, another sign-in, a changed account."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from magiclink import (
    CLIENT_PORTAL,
    CONFIRM_EMAIL,
    SIGN_IN,
    ConfigurationError,
    ExpiredLinkError,
    MagicLinks,
    RejectedLinkError,
    RevokedLinkError,
    State,
    UsedLinkError,
)

if TYPE_CHECKING:
    from magiclink import Policy
    from tests.conftest import World

AP = "ap@acme.example"
SECOND = timedelta(seconds=1)
DAY = timedelta(days=1)


def rejected(links: MagicLinks, token: str, policy: Policy, error: type[RejectedLinkError]) -> RejectedLinkError:
    """See verify and redeem refuse a link in the same words, and give the error."""
    with pytest.raises(RejectedLinkError) as verified:
        links.verify(token, policy)
    with pytest.raises(RejectedLinkError) as redeemed:
        links.redeem(token, policy)
    assert type(verified.value) is type(redeemed.value) is error
    assert str(verified.value) == str(redeemed.value)
    assert (verified.value.link, verified.value.at) == (redeemed.value.link, redeemed.value.at)
    return redeemed.value


def tightened(world: World, **changes: Any) -> tuple[MagicLinks, Policy, MagicLinks, Policy]:
    """Return two configurations over one store: before and after a policy was changed."""
    old = replace(CLIENT_PORTAL, purpose="portal", reissue_interval=timedelta(0) + SECOND)
    new = replace(old, **changes)
    return world.links(old), old, world.links(new), new


def test_lifetime_tightened(world: World) -> None:
    """A shorter lifetime works at once, for the links that are out as well; a longer one revives none."""
    before, old, after, new = tightened(world, lifetime=DAY)
    link = before.issue(old, subject="customer-7")
    world.clock.tick(DAY - SECOND)
    after.redeem(link.token, new)
    world.clock.tick(SECOND)
    assert rejected(after, link.token, new, ExpiredLinkError).at == world.clock.now()
    assert after.inspect(link.link_id).state is State.EXPIRED
    short = after.issue(new, subject="customer-7")
    world.clock.tick(DAY)
    rejected(before, short.token, old, ExpiredLinkError)


def test_uses_tightened(world: World) -> None:
    """A lower limit of uses works at once; a higher one revives nothing."""
    before, old, after, new = tightened(world, max_uses=2)
    link = before.issue(old, subject="customer-7")
    for _ in range(2):
        before.redeem(link.token, old)
    rejected(after, link.token, new, UsedLinkError)
    limited = after.issue(new, subject="customer-7")
    for _ in range(2):
        before.redeem(limited.token, old)
    rejected(before, limited.token, old, UsedLinkError)


def test_session_tightened(world: World) -> None:
    """A shorter session works at once: at the redemption and for what is open already."""
    before, old, after, new = tightened(world, session_lifetime=timedelta(hours=1))
    link = before.issue(old, subject="customer-7")
    redemption = before.redeem(link.token, old)
    assert redemption.session_ends_at == world.clock.now() + timedelta(hours=12)
    assert after.redeem(link.token, new).session_ends_at == world.clock.now() + timedelta(hours=1)
    world.clock.tick(timedelta(hours=1))
    before.recall(link.link_id, redeemed_at=redemption.redeemed_at)
    with pytest.raises(ExpiredLinkError):
        after.recall(link.link_id, redeemed_at=redemption.redeemed_at)


def test_link_of_a_tightened_policy_is_renewable(world: World) -> None:
    """A link that a tightened policy has ended may be renewed: for its holder it doesn't work."""
    before, old, after, _new = tightened(world, lifetime=DAY)
    link = before.issue(old, subject="customer-7", recipient=AP)
    world.clock.tick(DAY)
    assert after.renew(link.token, to=AP).expires_at == world.clock.now() + DAY


# One-shot account links.


def test_signing_in_ends_the_others(world: World) -> None:
    """Using a one-shot account link ends the other outstanding ones of its purpose, subject and recipient, no more."""
    links = world.listening()
    who: dict[str, Any] = {"subject": "customer-7", "recipient": AP}
    first, second, third = (links.issue(SIGN_IN, **who) for _ in range(3))
    bystanders = [
        links.issue(SIGN_IN, subject="customer-7", recipient="boss@acme.example"),
        links.issue(SIGN_IN, subject="customer-7"),
        links.issue(SIGN_IN, subject="customer-8", recipient=AP),
        links.issue(CLIENT_PORTAL, **who),
    ]
    links.revoke(third.link_id)
    world.pop_events()
    links.redeem(second.token, SIGN_IN)
    assert world.pop_events() == ["redeemed", "superseded"]
    assert links.inspect(first.link_id).superseded_at == world.clock.now()
    assert links.inspect(second.link_id).state is State.USED
    assert links.inspect(third.link_id).superseded_at is None
    assert {links.inspect(link.link_id).state for link in bystanders} == {State.OUTSTANDING}


def test_reusable_link_ends_no_other(world: World) -> None:
    """A reusable account link ends none, and neither does a one-shot document link."""
    links = world.links()
    for policy in (CLIENT_PORTAL, CONFIRM_EMAIL):
        first, second = (links.issue(policy, subject="customer-7") for _ in range(2))
        links.redeem(first.token, policy)
        assert links.inspect(second.link_id).state is State.OUTSTANDING


def test_telling_of_the_others_fails(world: World) -> None:
    """A use that was written is a redemption, though the store can't say which links it ended."""
    links = world.listening()
    link = links.issue(SIGN_IN, subject="customer-7")
    world.fail("find")
    assert links.redeem(link.token, SIGN_IN).subject == "customer-7"


# Stamps.


@pytest.mark.parametrize("stamp", ["second", None, ""])
def test_account_changed(world: World, stamp: str | None) -> None:
    """A changed password, address or account state ends every link at once; nothing is used."""
    links = world.stamped()
    link = links.issue(CONFIRM_EMAIL, subject="customer-7")
    world.stamps["customer-7"] = stamp
    error = rejected(links, link.token, CONFIRM_EMAIL, RevokedLinkError)
    assert isinstance(error, RevokedLinkError)
    assert (error.reason, error.at) == ("account", None)
    assert links.inspect(link.link_id).state is State.OUTSTANDING
    assert [info.state for info in links.find(subject="customer-7")] == [State.OUTSTANDING]
    world.stamps["customer-7"] = "first"
    links.redeem(link.token, CONFIRM_EMAIL)


def test_account_changed_and_more(world: World) -> None:
    """A changed account counts as a revocation: before used and expired, and after the app's own revocation."""
    links = world.stamped()
    used, gone = (links.issue(CONFIRM_EMAIL, subject="customer-7") for _ in range(2))
    links.redeem(used.token, CONFIRM_EMAIL)
    links.revoke(gone.link_id, reason="fraud")
    world.clock.tick(2 * DAY)
    world.stamps["customer-7"] = None
    for link, reason in ((used, "account"), (gone, "fraud")):
        error = rejected(links, link.token, CONFIRM_EMAIL, RevokedLinkError)
        assert isinstance(error, RevokedLinkError)
        assert error.reason == reason


def test_stamp_without_security_stamp(world: World) -> None:
    """A link with a stamp, where nobody can be asked for it, is a fault of the configuration and not used."""
    link = world.stamped().issue(CONFIRM_EMAIL, subject="customer-7", recipient=AP)
    links = world.links()
    for call in (
        lambda: links.verify(link.token, CONFIRM_EMAIL),
        lambda: links.redeem(link.token, CONFIRM_EMAIL),
        lambda: links.redeem(link.token, CONFIRM_EMAIL, admit=lambda _: True),
        lambda: links.recall(link.link_id, redeemed_at=world.clock.now()),
    ):
        with pytest.raises(ConfigurationError, match="security_stamp"):
            call()
    world.clock.tick(2 * DAY)
    with pytest.raises(ConfigurationError, match="security_stamp"):
        links.renew(link.token, to=AP)
    assert links.inspect(link.link_id).uses == 0


def test_stamp_that_raises(world: World) -> None:
    """What security_stamp raises passes through, and nothing is used."""
    link = world.stamped().issue(CONFIRM_EMAIL, subject="customer-7")

    def stamp(subject: str) -> str:
        raise LookupError(subject)

    for call in (world.links(security_stamp=stamp).verify, world.links(security_stamp=stamp).redeem):
        with pytest.raises(LookupError):
            call(link.token, CONFIRM_EMAIL)
    world.stamped().redeem(link.token, CONFIRM_EMAIL)


@pytest.mark.parametrize("first", ["get", "consume"])
def test_hour_passes_in_the_middle(world: World, first: str) -> None:
    """D15, D22, F06: a use is decided inside its write, against the one instant that the call has read."""
    links = world.links()
    link = links.issue(SIGN_IN, subject="customer-7", recipient=AP)
    world.clock.tick(SIGN_IN.lifetime - SECOND)
    now = world.clock.now()
    # A machine that sleeps for an hour between the reading of the clock and the write.
    world.store.before[first] = lambda: world.clock.tick(DAY)
    assert links.redeem(link.token, SIGN_IN, admit=lambda info: True).redeemed_at == now
    late = links.issue(SIGN_IN, subject="customer-7", recipient=AP)
    world.clock.tick(SIGN_IN.lifetime)
    world.store.before["consume"] = lambda: world.clock.tick(-DAY)
    with pytest.raises(ExpiredLinkError):
        links.redeem(late.token, SIGN_IN)
