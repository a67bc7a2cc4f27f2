"""verify and redeem: everything is checked before anything is used, and every refusal says what happened."""

from __future__ import annotations

from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest

from magiclink import (
    CLIENT_PORTAL,
    CONFIRM_EMAIL,
    INVOICE,
    SIGN_IN,
    ClockError,
    ExpiredLinkError,
    InvalidLinkError,
    MagicLinks,
    Redemption,
    RejectedLinkError,
    RevokedLinkError,
    State,
    StoreError,
    SupersededLinkError,
    UsedLinkError,
)
from magiclink.testing.contract.bench import race

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


# What works.


def test_verify(world: World) -> None:
    """A verification tells what may be shown, however often, and uses nothing up."""
    links = world.listening()
    link = links.issue(CONFIRM_EMAIL, subject="customer-7", resource="ap", recipient=AP)
    preview, *again = [links.verify(link.token, CONFIRM_EMAIL) for _ in range(3)]
    assert again == [preview, preview]
    assert (preview.link_id, preview.purpose, preview.resource) == (link.link_id, "confirm-email", "ap")
    assert preview.expires_at == link.expires_at
    assert not hasattr(preview, "subject")
    assert links.inspect(link.link_id).uses == 0
    assert world.pop_events() == ["issued", "verified", "verified", "verified"]


def test_redeem(world: World) -> None:
    """S1: a redemption says whom and what it opens, where it leads and how long it stays open, from one write."""
    links = world.listening()
    link = links.issue(INVOICE, subject="customer-7", resource="invoice:1001", destination="/invoices/1001")
    world.pop_calls()
    now = world.clock.now()
    assert links.redeem(link.token, INVOICE) == Redemption(
        link_id=link.link_id,
        purpose="invoice",
        subject="customer-7",
        resource="invoice:1001",
        destination="/invoices/1001",
        redeemed_at=now,
        session_ends_at=now + timedelta(hours=8),
    )
    assert world.pop_calls() == ["consume"]
    links.redeem(link.token, INVOICE)
    assert world.pop_events() == ["issued", "redeemed", "reused"]
    assert links.inspect(link.link_id).uses == 2


def test_results_have_no_truth(small_world: World) -> None:
    """M09: a result can't be taken for a yes or no: a refusal raises."""
    links = small_world.links()
    link = links.issue(INVOICE, subject="customer-7")
    for result in (link, links.verify(link.token, INVOICE), links.redeem(link.token, INVOICE)):
        with pytest.raises(TypeError, match="no truth value"):
            bool(result)


@pytest.mark.parametrize("policies", [(INVOICE, CONFIRM_EMAIL), (CONFIRM_EMAIL, INVOICE)])
def test_several_purposes(world: World, policies: tuple[Policy, ...]) -> None:
    """One page may expect links of several purposes: the link's own policy counts."""
    links = world.links()
    link = links.issue(CONFIRM_EMAIL, subject="customer-7")
    assert links.verify(link.token, policies).purpose == "confirm-email"
    links.redeem(link.token, policies)
    with pytest.raises(UsedLinkError):
        links.redeem(link.token, policies)


# What is refused.


@pytest.mark.parametrize("policy", [SIGN_IN, (SIGN_IN, CLIENT_PORTAL), ()])
def test_wrong_purpose(world: World, policy: Any) -> None:
    """B01: a link for another purpose is invalid, costs no query, and isn't used."""
    links = world.listening()
    link = links.issue(CONFIRM_EMAIL, subject="customer-7")
    world.pop_calls()
    error = rejected(links, link.token, policy, InvalidLinkError)
    assert (error.link, error.at) == (None, None)
    assert world.pop_calls() == []
    assert world.pop_events() == ["issued"]
    links.redeem(link.token, CONFIRM_EMAIL)


def test_expired(world: World) -> None:
    """D01, D02: a link works up to its end, and not at that instant."""
    links = world.links()
    link = links.issue(CONFIRM_EMAIL, subject="customer-7")
    links.verify(link.token, CONFIRM_EMAIL)
    world.clock.tick(DAY - timedelta(microseconds=1))
    links.verify(link.token, CONFIRM_EMAIL)
    world.clock.tick(timedelta(microseconds=1))
    error = rejected(links, link.token, CONFIRM_EMAIL, ExpiredLinkError)
    assert error.at == link.expires_at
    assert error.link is not None
    assert (error.link.state, error.link.uses) == (State.EXPIRED, 0)


def test_used(world: World) -> None:
    """A second use is told as such, with the instant of the first."""
    links = world.links()
    link = links.issue(CONFIRM_EMAIL, subject="customer-7")
    links.redeem(link.token, CONFIRM_EMAIL)
    used_at = world.clock.now()
    world.clock.tick(SECOND)
    assert rejected(links, link.token, CONFIRM_EMAIL, UsedLinkError).at == used_at


def test_used_and_the_clock_set_back(world: World) -> None:
    """D06: a used link stays used, whatever the clock says."""
    links = world.links()
    link = links.issue(CONFIRM_EMAIL, subject="customer-7")
    links.redeem(link.token, CONFIRM_EMAIL)
    world.clock.tick(-DAY)
    rejected(links, link.token, CONFIRM_EMAIL, UsedLinkError)


def test_revoked(world: World) -> None:
    """A revocation is told with the app's reason and its instant."""
    links = world.links()
    link = links.issue(CONFIRM_EMAIL, subject="customer-7")
    links.revoke(link.link_id, reason="paid by phone")
    error = rejected(links, link.token, CONFIRM_EMAIL, RevokedLinkError)
    assert isinstance(error, RevokedLinkError)
    assert (error.reason, error.at) == ("paid by phone", world.clock.now())


def test_forgotten(world: World) -> None:
    """E19: a genuine link whose record is gone is invalid, like one that never was; the app may hear of it."""
    links = world.listening()
    link = links.issue(CONFIRM_EMAIL, subject="customer-7")
    world.clock.tick(800 * DAY)
    links.purge(keep=366 * DAY)
    world.pop_events()
    error = rejected(links, link.token, CONFIRM_EMAIL, InvalidLinkError)
    assert (error.link, error.at) == (None, None)
    assert [(event.kind, event.reason, event.subject) for event in world.events] == [("refused", "unknown", None)] * 2


def test_precedence(world: World) -> None:
    """Where several apply, the one that says most is told: revoked, superseded, used, expired."""
    links = world.links()
    who: dict[str, Any] = {"subject": "customer-7", "recipient": AP}
    link = links.issue(CONFIRM_EMAIL, **who)
    links.redeem(link.token, CONFIRM_EMAIL)
    world.clock.tick(2 * DAY)
    rejected(links, link.token, CONFIRM_EMAIL, UsedLinkError)
    links.mark_delivered(links.issue(CONFIRM_EMAIL, **who).link_id)
    rejected(links, link.token, CONFIRM_EMAIL, SupersededLinkError)
    links.revoke(link.link_id)
    rejected(links, link.token, CONFIRM_EMAIL, RevokedLinkError)
    with pytest.raises(InvalidLinkError):
        links.redeem(link.token, INVOICE)


def test_refusals_are_told(world: World) -> None:
    """Each refusal of a genuine link is one event with its reason, by verify and redeem alike."""
    links = world.stamped(on_event=world.events.append)

    def reason_of(subject: str) -> str:
        """Try to redeem the subject's link and give the reason of the event."""
        with pytest.raises(RejectedLinkError):
            links.redeem(made[subject].token, CONFIRM_EMAIL, admit=lambda info: info.subject != "app")
        assert world.events[-1].kind == "refused"
        return world.events[-1].reason

    made = {
        name: links.issue(CONFIRM_EMAIL, subject=name) for name in ("used", "superseded", "revoked", "account", "app")
    }
    links.redeem(made["used"].token, CONFIRM_EMAIL)
    links.mark_delivered(links.issue(CONFIRM_EMAIL, subject="superseded").link_id)
    links.revoke(made["revoked"].link_id)
    world.stamps["account"] = "second"
    assert {subject: reason_of(subject) for subject in made} == {subject: subject for subject in made}
    world.clock.tick(DAY)
    assert reason_of("app") == "expired"


# The clock and the store.


@pytest.mark.parametrize("seconds", [1, 30])
def test_clock_a_little_behind(world: World, seconds: int) -> None:
    """D04: a machine whose clock is up to 30 seconds behind opens a fresh link."""
    links = world.links()
    link = links.issue(CONFIRM_EMAIL, subject="customer-7")
    world.clock.tick(timedelta(seconds=-seconds))
    links.verify(link.token, CONFIRM_EMAIL)
    links.redeem(link.token, CONFIRM_EMAIL)


def test_clock_far_behind(world: World) -> None:
    """D05: a link from more than 30 seconds in the future means that a clock is off: ClockError, nothing used."""
    links = world.links()
    link = links.issue(CONFIRM_EMAIL, subject="customer-7")
    world.clock.tick(timedelta(seconds=-30, microseconds=-1))
    for call in (links.verify, links.redeem):
        with pytest.raises(ClockError):
            call(link.token, CONFIRM_EMAIL)
    world.clock.tick(timedelta(minutes=1))
    links.redeem(link.token, CONFIRM_EMAIL)


@pytest.mark.parametrize("call", ["consume", "get"])
def test_store_down(world: World, call: str) -> None:
    """E17: a store that fails grants nothing, says nothing of the link, and nothing is used."""
    links = world.listening()
    link = links.issue(CONFIRM_EMAIL, subject="customer-7")
    world.fail(call)
    with pytest.raises(StoreError):
        links.redeem(link.token, CONFIRM_EMAIL, admit=lambda _: True)
    world.heal()
    assert world.pop_events() == ["issued"]
    links.redeem(link.token, CONFIRM_EMAIL)


def test_answer_lost(world: World) -> None:
    """E04: a use that was written and whose answer was lost is StoreError; the link counts as used."""
    links = world.links()
    link = links.issue(CONFIRM_EMAIL, subject="customer-7", recipient=AP)
    world.store.afterwards["consume"] = OSError("connection lost")
    with pytest.raises(StoreError):
        links.redeem(link.token, CONFIRM_EMAIL)
    world.heal()
    rejected(links, link.token, CONFIRM_EMAIL, UsedLinkError)
    links.renew(link.token, to=AP)


def test_store_that_contradicts_itself(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """A store that refuses a use which its own record allows grants nothing, used before or not."""
    links = world.links()
    fresh, used = (links.issue(INVOICE, subject="customer-7") for _ in range(2))
    links.redeem(used.token, INVOICE, attempt="nonce")
    monkeypatch.setattr(world.store.inner, "consume", lambda *_: None)
    for link in (fresh, used):
        for attempt in (None, "other"):
            with pytest.raises(StoreError, match="refused a use"):
                links.redeem(link.token, INVOICE, attempt=attempt)


def test_revoked_between_check_and_use(world: World) -> None:
    """F04, D22: what happens between the check and the use is decided in the write."""
    links = world.links()
    link = links.issue(CONFIRM_EMAIL, subject="customer-7")
    world.store.before["consume"] = lambda: world.links().revoke_all(subject="customer-7", reason="lost")
    with pytest.raises(RevokedLinkError) as caught:
        links.redeem(link.token, CONFIRM_EMAIL, admit=lambda _: True)
    assert caught.value.reason == "lost"
    assert links.inspect(link.link_id).uses == 0


def test_purged_between_check_and_use(world: World) -> None:
    """E19: a link that is forgotten while it is opened is unknown."""
    links = world.links()
    link = links.issue(CONFIRM_EMAIL, subject="customer-7")
    world.store.before["consume"] = lambda: world.store.inner.purge(links.flows.audience, before=2**62, limit=9)
    with pytest.raises(InvalidLinkError):
        links.redeem(link.token, CONFIRM_EMAIL, admit=lambda _: True)


def test_one_winner(world: World) -> None:
    """F01: of many threads with one link one wins, and the others are told that it was used."""

    def click(token: str) -> str:
        try:
            return world.links().redeem(token, CONFIRM_EMAIL).subject
        except UsedLinkError:
            return "used"

    for _ in range(10):
        link = world.links().issue(CONFIRM_EMAIL, subject="customer-7")
        assert sorted(race(*[partial(click, link.token)] * 8)) == ["customer-7"] + ["used"] * 7
