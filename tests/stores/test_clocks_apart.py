"""Two machines whose clocks are five minutes apart, over one store: order is the store's counter, never a clock's."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from magiclink import ClockError, RevokedLinkError, SupersededLinkError
from magiclink.testing import FrozenClock
from tests.stores.locations import BILL, EVERY, PROMPT, links_on, new_location

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from magiclink import Link, MagicLinks, Policy

SUBJECT, ANN = "customer-7", "ann@acme.example"
APART = timedelta(minutes=5)


@dataclass
class Machines:
    """Two faces over one store, each by its own clock."""

    ahead: MagicLinks
    behind: MagicLinks
    clocks: tuple[FrozenClock, FrozenClock]

    def wait(self, by: timedelta) -> None:
        """Let time pass on both."""
        for clock in self.clocks:
            clock.tick(by)

    def pairs(self) -> Iterator[tuple[MagicLinks, MagicLinks]]:
        """Return the one that begins and the one that ends, both ways round."""
        yield self.ahead, self.behind
        yield self.behind, self.ahead


@pytest.fixture(params=EVERY)
def machines(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Machines]:
    """Open a store twice, as two machines do."""
    clocks = FrozenClock(), FrozenClock()
    clocks[0].tick(APART)
    with ExitStack() as stack:
        location = stack.enter_context(new_location(request.param, tmp_path))
        ahead, behind = (stack.enter_context(links_on(location.open(2), clock=clock)) for clock in clocks)
        yield Machines(ahead, behind, clocks)


def issue(links: MagicLinks, policy: Policy) -> Link:
    """Issue a link of the one series."""
    return links.issue(policy, subject=SUBJECT, recipient=ANN)


def test_revocation_by_another_clock(machines: Machines) -> None:
    """D15: what was issued before a revoke_all is dead and what is issued after it works, whatever the clocks say."""
    for one, other in machines.pairs():
        dead = issue(one, BILL)
        other.revoke_all(subject=SUBJECT, reason="left")
        alive = issue(one, BILL)
        with pytest.raises(RevokedLinkError):
            one.redeem(dead.token, BILL)
        assert one.redeem(alive.token, BILL).link_id == alive.link_id
        assert machines.ahead.redeem(alive.token, BILL).link_id == alive.link_id


def test_delivery_by_another_clock(machines: Machines) -> None:
    """D15: the link that was issued last replaces the other one when it's delivered, though its clock shows earlier."""
    for one, other in machines.pairs():
        first, second = issue(one, BILL), issue(other, BILL)
        other.mark_delivered(second.link_id)
        one.mark_delivered(first.link_id)
        with pytest.raises(SupersededLinkError):
            one.redeem(first.token, BILL)
        assert other.redeem(second.token, BILL).link_id == second.link_id
        other.revoke(second.link_id)


def test_issue_by_another_clock(machines: Machines) -> None:
    """D15: where issue itself replaces, it does so in the order of the calls."""
    for one, other in machines.pairs():
        first, second = issue(one, PROMPT), issue(other, PROMPT)
        with pytest.raises(SupersededLinkError):
            one.redeem(first.token, PROMPT)
        assert other.redeem(second.token, PROMPT).link_id == second.link_id


def test_reminder_by_another_clock(machines: Machines) -> None:
    """D15: a reminder follows the newest link, and replaces it, though it was issued in the reminder's future."""
    for one, other in machines.pairs():
        first = issue(one, PROMPT)
        machines.wait(timedelta(days=1))
        fresh = other.remind(PROMPT, subject=SUBJECT, recipient=ANN)
        with pytest.raises(SupersededLinkError):
            one.redeem(first.token, PROMPT)
        assert other.redeem(fresh.token, PROMPT).link_id == fresh.link_id


def test_link_from_the_future(machines: Machines) -> None:
    """A link that was issued five minutes from now is ClockError, and isn't used: a clock is off."""
    link = issue(machines.ahead, BILL)
    with pytest.raises(ClockError):
        machines.behind.redeem(link.token, BILL)
    assert machines.ahead.inspect(link.link_id).uses == 0
