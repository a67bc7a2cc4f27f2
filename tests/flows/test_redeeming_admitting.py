"""The last checks before a use: admit, step-up, the browser that asked; and a second click of the same browser."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest

from magiclink import (
    CLIENT_PORTAL,
    CONFIRM_EMAIL,
    SIGN_IN,
    STEP_UP,
    BadArgumentError,
    ClockError,
    ExpiredLinkError,
    InvalidLinkError,
    LinkInfo,
    NotAdmittedError,
    RevokedLinkError,
    State,
    UsedLinkError,
)
from magiclink.testing.contract.bench import race

if TYPE_CHECKING:
    from magiclink import Policy, Redemption
    from tests.conftest import World

SECOND = timedelta(seconds=1)
BOUND = replace(STEP_UP, purpose="bound", step_up=False, bind_browser=True)
THRICE = replace(CONFIRM_EMAIL, purpose="thrice", max_uses=3)


# admit.


def test_admit(world: World) -> None:
    """The app is asked last, about an outstanding link, and the use is written after it has said yes."""
    links = world.listening()
    link = links.issue(CONFIRM_EMAIL, subject="customer-7")
    asked: list[LinkInfo] = []

    def admit(info: LinkInfo) -> bool:
        asked.append(info)
        return True

    links.redeem(link.token, CONFIRM_EMAIL, admit=admit)
    with pytest.raises(UsedLinkError):
        links.redeem(link.token, CONFIRM_EMAIL, admit=admit)
    [info] = asked
    assert (info.link_id, info.subject, info.state, info.uses) == (link.link_id, "customer-7", State.OUTSTANDING, 0)


@pytest.mark.parametrize("answer", [False, None, 0, ""])
def test_not_admitted(world: World, answer: Any) -> None:
    """G17: a link that the app doesn't admit now (a second factor pending) isn't used, and works later."""
    links = world.listening()
    link = links.issue(CONFIRM_EMAIL, subject="customer-7")
    with pytest.raises(NotAdmittedError) as caught:
        links.redeem(link.token, CONFIRM_EMAIL, admit=lambda _: answer)
    assert caught.value.reason == "app"
    assert caught.value.link is not None
    assert caught.value.link.uses == 0
    assert "consume" not in world.pop_calls()
    assert world.pop_events() == ["issued", "refused"]
    links.redeem(link.token, CONFIRM_EMAIL)


def test_admit_that_raises(world: World) -> None:
    """What admit raises passes through, and nothing is used."""
    links = world.listening()
    link = links.issue(CONFIRM_EMAIL, subject="customer-7")

    def admit(info: LinkInfo) -> bool:
        raise LookupError

    with pytest.raises(LookupError):
        links.redeem(link.token, CONFIRM_EMAIL, admit=admit)
    assert "consume" not in world.pop_calls()
    assert world.pop_events() == ["issued"]


@pytest.mark.parametrize("error", [InvalidLinkError("another link"), ExpiredLinkError("too old")])
def test_admit_that_rejects(world: World, error: Exception) -> None:
    """A rejection that admit raises, of whatever link, passes through as it is and is noted as the app's."""
    links = world.listening()
    link = links.issue(CONFIRM_EMAIL, subject="customer-7")

    def admit(info: LinkInfo) -> bool:
        raise error

    with pytest.raises(type(error)) as caught:
        links.redeem(link.token, CONFIRM_EMAIL, admit=admit)
    assert caught.value is error
    assert [(event.kind, event.reason) for event in world.events] == [("issued", ""), ("refused", "app")]
    assert links.inspect(link.link_id).uses == 0


@pytest.mark.parametrize("admit", [5, "yes", True, [], object()], ids=lambda admit: type(admit).__name__)
def test_admit_that_cannot_be_called(world: World, admit: Any) -> None:
    """An `admit` that can't be asked is no yes."""
    link = world.links().issue(CONFIRM_EMAIL, subject="customer-7")
    world.pop_calls()
    with pytest.raises(BadArgumentError, match="admit"):
        world.links().redeem(link.token, CONFIRM_EMAIL, admit=admit)
    assert world.pop_calls() == []


def test_admit_asked_once(world: World) -> None:
    """A click that loses the race after it was admitted asks the app no second time."""
    links = world.links()
    link = links.issue(CONFIRM_EMAIL, subject="customer-7")
    asked: list[str] = []

    def admit(info: LinkInfo) -> bool:
        asked.append(info.link_id)
        world.links().redeem(link.token, CONFIRM_EMAIL)
        return True

    with pytest.raises(UsedLinkError):
        links.redeem(link.token, CONFIRM_EMAIL, admit=admit)
    assert asked == [link.link_id]


def test_step_up_without_admit(world: World) -> None:
    """A step-up asks whether the subject is the one who is signed in: without `admit` nobody would."""
    links = world.links()
    link = links.issue(STEP_UP, subject="customer-7")
    world.pop_calls()
    with pytest.raises(BadArgumentError, match="admit"):
        links.redeem(link.token, STEP_UP)
    assert world.pop_calls() == []
    links.verify(link.token, STEP_UP)
    assert links.redeem(link.token, STEP_UP, admit=lambda info: info.subject == "customer-7").subject == "customer-7"


# The browser that asked.


def test_another_browser(world: World) -> None:
    """Only the browser that asked may look at or use a link that is bound to it."""
    links = world.listening(BOUND)
    link = links.issue(BOUND, subject="customer-7", browser="nonce")
    for browser in ("other", None, "", "Nonce", "nonce ", "\ud800", "x" * 10_000_000):
        for call in (links.verify, links.redeem):
            with pytest.raises(NotAdmittedError) as caught:
                call(link.token, BOUND, browser=browser)
            assert caught.value.reason == "browser"
    assert {event.reason for event in world.events} == {"", "browser"}
    assert "consume" not in world.pop_calls()
    links.verify(link.token, BOUND, browser="nonce")
    assert links.redeem(link.token, BOUND, browser="nonce").subject == "customer-7"


@pytest.mark.parametrize("browser", [5, b"nonce", ["nonce"], True], ids=repr)
@pytest.mark.parametrize("policy", [BOUND, CONFIRM_EMAIL], ids=lambda policy: str(policy.purpose))
def test_browser_of_a_wrong_type(world: World, policy: Policy, browser: Any) -> None:
    """A nonce that is no text is the caller's mistake, whether the policy asks for one or not."""
    links = world.links(BOUND, CONFIRM_EMAIL)
    link = links.issue(policy, subject="customer-7", browser="nonce" if policy is BOUND else None)
    world.pop_calls()
    for call in (links.verify, links.redeem):
        with pytest.raises(BadArgumentError, match="browser"):
            call(link.token, policy, browser=browser)
    assert world.pop_calls() == []


def test_browser_that_nobody_asks_for(world: World) -> None:
    """A nonce is no reason to refuse where the policy binds none."""
    links = world.links()
    link = links.issue(CONFIRM_EMAIL, subject="customer-7")
    links.verify(link.token, CONFIRM_EMAIL, browser="nonce")
    links.redeem(link.token, CONFIRM_EMAIL, browser="nonce")


def test_policy_that_binds_from_now_on(world: World) -> None:
    """A policy tightened to bind the browser works at once: older links name no browser, so none may use them."""
    loose = replace(BOUND, bind_browser=False)
    link = world.links(loose).issue(loose, subject="customer-7")
    for browser in (None, "nonce"):
        with pytest.raises(NotAdmittedError):
            world.links(BOUND).redeem(link.token, BOUND, browser=browser)
    world.links(loose).redeem(link.token, loose)


def test_expired_before_browser(world: World) -> None:
    """What has ended is told as ended: the browser is asked for after every other check."""
    links = world.links(BOUND)
    link = links.issue(BOUND, subject="customer-7", browser="nonce")
    world.clock.tick(timedelta(minutes=10))
    with pytest.raises(ExpiredLinkError):
        links.redeem(link.token, BOUND)


# A second click.


def redeem(world: World, token: str, policy: Policy, attempt: str | None) -> Redemption:
    """Click with the nonce of a browser."""
    return world.listening(policy).redeem(token, policy, attempt=attempt)


def test_second_click(world: World) -> None:
    """F15: the same attempt within `reclick` gives the same redemption and writes nothing; another is refused."""
    link = world.links().issue(CONFIRM_EMAIL, subject="customer-7")
    first = redeem(world, link.token, CONFIRM_EMAIL, "nonce")
    for _ in range(2):
        world.clock.tick(10 * SECOND)
        assert redeem(world, link.token, CONFIRM_EMAIL, "nonce") == first
        for other in ("other", None):
            with pytest.raises(UsedLinkError):
                redeem(world, link.token, CONFIRM_EMAIL, other)
    assert world.links().inspect(link.link_id).uses == 1
    assert world.pop_events() == ["redeemed", "reclicked", "refused", "refused", "reclicked", "refused", "refused"]


def test_edge_of_reclick(world: World) -> None:
    """At the exact end of `reclick` a second click is a second use."""
    link = world.links().issue(CONFIRM_EMAIL, subject="customer-7")
    redeem(world, link.token, CONFIRM_EMAIL, "nonce")
    world.clock.tick(30 * SECOND - timedelta(microseconds=1))
    redeem(world, link.token, CONFIRM_EMAIL, "nonce")
    world.clock.tick(timedelta(microseconds=1))
    with pytest.raises(UsedLinkError):
        redeem(world, link.token, CONFIRM_EMAIL, "nonce")


def test_reclick_of_nothing(world: World) -> None:
    """A policy may allow no second click at all."""
    none = replace(CONFIRM_EMAIL, reclick=timedelta(0))
    link = world.links(none).issue(none, subject="customer-7")
    redeem(world, link.token, none, "nonce")
    with pytest.raises(UsedLinkError):
        redeem(world, link.token, none, "nonce")


def test_second_click_after_supersession_and_expiry(world: World) -> None:
    """What ended the link after the first click doesn't refuse the second one of the same browser."""
    short = world.clock.now() + 5 * SECOND
    links = world.links()
    link = links.issue(CONFIRM_EMAIL, subject="customer-7", expires_at=short)
    first = redeem(world, link.token, CONFIRM_EMAIL, "nonce")
    links.mark_delivered(links.issue(CONFIRM_EMAIL, subject="customer-7").link_id)
    assert links.inspect(link.link_id).state is State.SUPERSEDED
    assert redeem(world, link.token, CONFIRM_EMAIL, "nonce") == first
    world.clock.tick(10 * SECOND)
    assert redeem(world, link.token, CONFIRM_EMAIL, "nonce") == first


@pytest.mark.parametrize("admit", [None, lambda _: True])
def test_second_click_after_revocation(world: World, admit: Any) -> None:
    """A revocation ends the second click too: of the link, of the subject, and by a changed account."""
    for end in ("revoke", "revoke_all", "stamp"):
        links = world.stamped(CONFIRM_EMAIL)
        link = links.issue(CONFIRM_EMAIL, subject=end)
        links.redeem(link.token, CONFIRM_EMAIL, attempt="nonce", admit=admit)
        if end == "revoke":
            links.revoke(link.link_id)
        elif end == "revoke_all":
            links.revoke_all(subject=end)
        else:
            world.stamps[end] = "second"
        with pytest.raises(RevokedLinkError):
            links.redeem(link.token, CONFIRM_EMAIL, attempt="nonce", admit=admit)


def test_second_click_not_admitted(world: World) -> None:
    """A second click is admitted anew, and by its own browser."""
    links = world.links()
    link = links.issue(CONFIRM_EMAIL, subject="customer-7")
    first = links.redeem(link.token, CONFIRM_EMAIL, attempt="nonce", admit=lambda _: True)
    with pytest.raises(NotAdmittedError):
        links.redeem(link.token, CONFIRM_EMAIL, attempt="nonce", admit=lambda _: False)
    assert links.redeem(link.token, CONFIRM_EMAIL, attempt="nonce", admit=lambda _: True) == first


def test_second_click_admitted_once(world: World) -> None:
    """A second click asks the app once, like the first."""
    links = world.links()
    link = links.issue(CONFIRM_EMAIL, subject="customer-7")
    asked: list[int] = []

    def admit(info: LinkInfo) -> bool:
        asked.append(info.uses)
        return True

    for _ in range(2):
        links.redeem(link.token, CONFIRM_EMAIL, attempt="nonce", admit=admit)
    assert asked == [0, 1]


def test_second_click_with_uses_left(world: World) -> None:
    """With uses left, a second click of the same browser takes none; it's the last use's nonce that counts."""
    link = world.links(THRICE).issue(THRICE, subject="customer-7")
    first = redeem(world, link.token, THRICE, "one")
    world.clock.tick(SECOND)
    assert redeem(world, link.token, THRICE, "one") == first
    second = redeem(world, link.token, THRICE, "two")
    assert second.redeemed_at == world.clock.now()
    assert redeem(world, link.token, THRICE, "two") == second
    third = redeem(world, link.token, THRICE, "one")
    assert third.redeemed_at == second.redeemed_at
    assert world.links(THRICE).inspect(link.link_id).uses == 3
    assert redeem(world, link.token, THRICE, "one") == third
    with pytest.raises(UsedLinkError):
        redeem(world, link.token, THRICE, "two")
    assert world.pop_events().count("reclicked") == 3


def test_two_clicks_without_a_nonce(world: World) -> None:
    """Without a nonce every click is a use of its own."""
    link = world.links(THRICE).issue(THRICE, subject="customer-7")
    for _ in range(3):
        redeem(world, link.token, THRICE, None)
    with pytest.raises(UsedLinkError):
        redeem(world, link.token, THRICE, None)


def test_second_click_and_the_clock_set_back(world: World) -> None:
    """D06: a clock that was set back makes no second click of what was clicked a day ahead."""
    link = world.links(CLIENT_PORTAL).issue(CLIENT_PORTAL, subject="customer-7")
    world.clock.tick(timedelta(days=5))
    redeem(world, link.token, CLIENT_PORTAL, "nonce")
    world.clock.tick(timedelta(days=-1))
    with pytest.raises(ClockError):
        redeem(world, link.token, CLIENT_PORTAL, "nonce")


def test_two_clicks_at_once(world: World) -> None:
    """F15: two clicks of one browser at once are one use, and both land in the same place."""
    for _ in range(10):
        link = world.links(SIGN_IN).issue(SIGN_IN, subject="customer-7")
        clicks = race(*[partial(redeem, world, link.token, SIGN_IN, "nonce")] * 4)
        assert len(set(clicks)) == 1
        assert world.links(SIGN_IN).inspect(link.link_id).uses == 1


@pytest.mark.parametrize("attempt", ["", "a\0b", "n" * 256, "\ud800", 5, b"nonce", True], ids=repr)
def test_bad_attempt(world: World, attempt: Any) -> None:
    """A nonce that couldn't be told from others is refused, and nothing is used."""
    link = world.links().issue(CONFIRM_EMAIL, subject="customer-7")
    world.pop_calls()
    with pytest.raises(BadArgumentError, match="attempt"):
        redeem(world, link.token, CONFIRM_EMAIL, attempt)
    assert world.pop_calls() == []
