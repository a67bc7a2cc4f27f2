"""When a fresh link ends the older ones: NEVER, ON_ISSUE and ON_DELIVERY by issue, remind and renew (section 5)."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest

from magiclink import (
    INVOICE,
    Link,
    ReissueRefusedError,
    State,
    StoreError,
    Supersede,
    SupersededLinkError,
)
from magiclink.testing.contract.bench import race

if TYPE_CHECKING:
    from magiclink import MagicLinks, Policy
    from tests.conftest import World

AP = "ap@acme.example"
WHO: dict[str, Any] = {"subject": "customer-7", "resource": "invoice:1001", "recipient": AP}
DAY = timedelta(days=1)
RULES = {
    rule: replace(
        INVOICE, purpose=f"s-{rule}", supersede=rule, reissue_interval=timedelta(seconds=1), ends_after=90 * DAY
    )
    for rule in Supersede
}


def states(links: MagicLinks, *made: Link) -> list[str]:
    """Return the states of some links."""
    return [links.inspect(link.link_id).state.value for link in made]


def three(world: World, policy: Policy) -> tuple[MagicLinks, Link, Link, Link]:
    """Make a series of an expired link, another expired one, and an outstanding one; and an innocent bystander."""
    links = world.listening(policy)
    first = links.issue(policy, **WHO)
    world.clock.tick(timedelta(seconds=2))
    second = links.remind(policy, **WHO)
    world.clock.tick(15 * DAY)
    third = links.remind(policy, **WHO)
    for elsewhere in ({"recipient": "boss@acme.example"}, {"resource": None}, {"subject": "customer-8"}):
        links.issue(policy, **{**WHO, **elsewhere})
    world.clock.tick(timedelta(seconds=2))
    world.pop_events()
    return links, first, second, third


def bystanders(links: MagicLinks, policy: Policy) -> set[str]:
    """Return the states of what belongs to other series."""
    others = [info for info in links.find(policy=policy) if info.resource is None or info.subject != "customer-7"]
    boss = links.find(recipient="boss@acme.example")
    return {info.state.value for info in [*others, *boss]}


BEFORE = {
    Supersede.NEVER: ["expired", "expired", "outstanding"],
    Supersede.ON_ISSUE: ["superseded", "superseded", "outstanding"],
    Supersede.ON_DELIVERY: ["expired", "expired", "outstanding"],
}
"""What has become of the three by the time the fourth is made: two reminders have ended what was before them or not."""


@pytest.mark.parametrize("rule", Supersede)
@pytest.mark.parametrize("call", ["issue", "remind"])
def test_issue_and_remind(world: World, rule: Supersede, call: str) -> None:
    """Issue and remind end every older link of the series: at once, at delivery, or never; another series' never."""
    policy = RULES[rule]
    links, *made = three(world, policy)
    assert states(links, *made) == BEFORE[rule]
    fresh = links.issue(policy, **WHO) if call == "issue" else links.remind(policy, **WHO)
    at_once = ["superseded"] * 3 if rule is Supersede.ON_ISSUE else BEFORE[rule]
    assert states(links, *made, fresh) == [*at_once, "outstanding"]
    links.mark_delivered(fresh.link_id)
    delivered = BEFORE[rule] if rule is Supersede.NEVER else ["superseded"] * 3
    assert states(links, *made, fresh) == [*delivered, "outstanding"]
    assert bystanders(links, policy) == {"outstanding"}
    ended = {Supersede.NEVER: 0, Supersede.ON_ISSUE: 1, Supersede.ON_DELIVERY: 3}[rule]
    told = world.pop_events()
    assert sorted(told[1:]) == ["delivered"] + ["superseded"] * ended


@pytest.mark.parametrize("rule", Supersede)
def test_renew(world: World, rule: Supersede) -> None:
    """A renewal ends the link that was presented, and no other: another reader of the mail may be about to click."""
    policy = RULES[rule]
    links, first, second, third = three(world, policy)
    fresh = links.renew(first.token, to=AP)
    assert states(links, second, third) == BEFORE[rule][1:]
    assert states(links, first, fresh) == [BEFORE[rule][0], "outstanding"]
    links.mark_delivered(fresh.link_id)
    ended = "expired" if rule is Supersede.NEVER else "superseded"
    assert states(links, first, fresh) == [ended, "outstanding"]
    assert states(links, second, third) == BEFORE[rule][1:]
    assert bystanders(links, policy) == {"outstanding"}


@pytest.mark.parametrize("rule", [Supersede.ON_ISSUE, Supersede.ON_DELIVERY])
def test_issue_after_a_renewal(world: World, rule: Supersede) -> None:
    """A renewed link stands beside the newest until the next issue or reminder, which ends both."""
    policy = RULES[rule]
    links, first, _, third = three(world, policy)
    renewed = links.renew(first.token, to=AP)
    links.mark_delivered(renewed.link_id)
    assert states(links, third, renewed) == ["outstanding", "outstanding"]
    fresh = links.remind(policy, **WHO)
    links.mark_delivered(fresh.link_id)
    assert states(links, third, renewed, fresh) == ["superseded", "superseded", "outstanding"]


def test_superseded_events(world: World) -> None:
    """What a delivery ended is told after it, naming the link that took its place; each once."""
    policy = RULES[Supersede.ON_DELIVERY]
    links, *made = three(world, policy)
    fresh = links.remind(policy, **WHO)
    links.mark_delivered(fresh.link_id)
    world.clock.tick(DAY)
    links.mark_delivered(fresh.link_id)
    told = [event for event in world.events if event.kind == "superseded"]
    assert {event.link_id for event in told} == {link.link_id for link in made}
    assert {event.reason for event in told} == {fresh.link_id}
    assert [event.kind for event in world.events][:2] == ["reminded", "delivered"]
    assert len(told) == 3


def test_click_on_the_old_link(world: World) -> None:
    """A customer may use the old link until the reminder's mail has been taken, and is then told of the newer one."""
    policy = RULES[Supersede.ON_DELIVERY]
    links = world.links(policy)
    old = links.issue(policy, **WHO)
    world.clock.tick(DAY)
    fresh = links.remind(policy, **WHO)
    links.redeem(old.token, policy)
    links.mark_delivered(fresh.link_id)
    with pytest.raises(SupersededLinkError) as caught:
        links.redeem(old.token, policy)
    assert caught.value.at == world.clock.now()
    assert caught.value.link is not None


def test_late_delivery(world: World) -> None:
    """Delivering a link that is no longer outstanding ends nothing: a mail queue that was down for two weeks."""
    policy = RULES[Supersede.ON_DELIVERY]
    links = world.links(policy)
    first = links.issue(policy, **WHO)
    world.clock.tick(DAY)
    second = links.remind(policy, **WHO)
    links.revoke(second.link_id)
    links.mark_delivered(second.link_id)
    assert states(links, first, second) == ["outstanding", "revoked"]
    assert links.inspect(second.link_id).delivered_at == world.clock.now()


def test_delivery_in_the_wrong_order(world: World) -> None:
    """The newer mail may be taken before the older one: the newer link stays."""
    policy = RULES[Supersede.ON_DELIVERY]
    links = world.links(policy)
    first = links.issue(policy, **WHO)
    world.clock.tick(DAY)
    second = links.remind(policy, **WHO)
    links.mark_delivered(second.link_id, first.link_id)
    assert states(links, first, second) == ["superseded", "outstanding"]
    assert links.inspect(first.link_id).delivered_at == world.clock.now()


def test_superseding_overlays(world: World) -> None:
    """Superseding is told of used and expired links too, never of a revoked one."""
    policy = replace(RULES[Supersede.ON_ISSUE], max_uses=1, confirm=True)
    links = world.links(policy)
    used, gone = links.issue(policy, **WHO), links.issue(policy, **{**WHO, "resource": None})
    links.redeem(used.token, policy)
    links.revoke(gone.link_id)
    links.issue(policy, **WHO)
    links.issue(policy, **{**WHO, "resource": None})
    assert states(links, used, gone) == ["superseded", "revoked"]


def test_two_reminders_at_once(world: World) -> None:
    """F07: a reminder job that runs twice at once writes one reminder, and one link is outstanding after delivery."""
    policy = replace(RULES[Supersede.ON_DELIVERY], reissue_interval=timedelta(minutes=5))

    def job(links: MagicLinks, who: dict[str, Any]) -> Link | None:
        try:
            fresh = links.remind(policy, **who)
        except (ReissueRefusedError, StoreError):
            return None
        links.mark_delivered(fresh.link_id)
        return fresh

    for each in range(20):
        who = {**WHO, "subject": f"customer-{each}"}
        links = world.links(policy)
        links.issue(policy, **who)
        world.clock.tick(timedelta(minutes=5))
        made = race(*[partial(job, world.links(policy), who) for _ in range(4)])
        assert sum(link is not None for link in made) == 1
        assert [info.state for info in links.find(subject=who["subject"])].count(State.OUTSTANDING) == 1


def test_two_issues_at_once(world: World) -> None:
    """Two issues that run at once leave one outstanding link once both are delivered."""
    policy = RULES[Supersede.ON_DELIVERY]

    def job(links: MagicLinks, who: dict[str, Any]) -> None:
        links.mark_delivered(links.issue(policy, **who).link_id)

    for each in range(20):
        who = {**WHO, "subject": f"customer-{each}"}
        race(*[partial(job, world.links(policy), who) for _ in range(3)])
        found = world.links(policy).find(subject=who["subject"])
        assert sorted(info.state.value for info in found) == ["outstanding", "superseded", "superseded"]
