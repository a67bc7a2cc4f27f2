"""Uses that meet an ending on a lock: the test holds the subject's row while both queue behind it, in either order.

On every store whose rows can be locked, and each isolation level. The other stores run one call after another.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING

import pytest

from magiclink import Redemption, ReissueRefusedError, RevokedLinkError, SupersededLinkError, UsedLinkError
from magiclink.testing import FrozenClock
from tests.stores.locations import BILL, LOCKING, ONCE, PROMPT, Bolt, links_on, new_location, outcome

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from magiclink import Link, MagicLinks, Policy

SUBJECT, ANN = "customer-7", "ann@acme.example"


@dataclass
class Core:
    """Links over a new store, their clock, and the lock of their subject's row."""

    links: MagicLinks
    clock: FrozenClock
    bolt: Bolt

    def issue(self, policy: Policy) -> Link:
        """Issue a link; all are for one subject."""
        return self.links.issue(policy, subject=SUBJECT, recipient=ANN)

    def remind(self, policy: Policy) -> Link:
        """Make a reminder's link."""
        return self.links.remind(policy, subject=SUBJECT, recipient=ANN)

    def uses(self, link: Link) -> int:
        """Tell how often a link was used."""
        return self.links.inspect(link.link_id).uses

    def outstanding(self) -> list[str]:
        """Return the ids of the links that can still be used."""
        found = self.links.find(subject=SUBJECT)
        return [each.link_id for each in found if each.state == "outstanding"]

    def redeem(self, link: Link) -> object:
        """Return what a use gets, whatever it is."""
        policy = self.links.flows.policies[link.purpose]
        return outcome(partial(self.links.redeem, link.token, policy))


@pytest.fixture(params=LOCKING)
def hall(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Core]:
    """Open a store on each store."""
    clock = FrozenClock()
    with new_location(request.param, tmp_path) as location, links_on(location.open(), clock=clock) as links:
        yield Core(links, clock, Bolt(location))


def place_in(order: str, end: Callable[[], object], use: Callable[[], object]) -> list[Callable[[], object]]:
    """Put an ending before, between or behind three uses."""
    at = {"first": 0, "between": 1, "last": 3}[order]
    calls = [use, use, use]
    calls.insert(at, end)
    return calls


@pytest.mark.parametrize("order", ["first", "between", "last"])
@pytest.mark.parametrize("whole", [False, True], ids=["revoke", "revoke_all"])
def test_use_after_a_revocation(hall: Core, whole: bool, order: str) -> None:
    """F04: once a revocation has returned, no use of the link is written, whichever of them waited first."""
    link = hall.issue(BILL)

    def revoke() -> int:
        if whole:
            hall.links.revoke_all(subject=SUBJECT)
        else:
            hall.links.revoke(link.link_id)
        return hall.uses(link)

    ends = hall.bolt.queued(*place_in(order, revoke, partial(hall.links.redeem, link.token, BILL)))
    [counted] = [each for each in ends if isinstance(each, int)]
    used = [each for each in ends if isinstance(each, Redemption)]
    assert all(isinstance(each, int | Redemption | RevokedLinkError) for each in ends)
    assert counted == len(used) == hall.uses(link)
    assert isinstance(hall.redeem(link), RevokedLinkError)


@pytest.mark.parametrize("order", ["first", "between", "last"])
def test_use_after_a_reminder(hall: Core, order: str) -> None:
    """F05: a reminder that supersedes at once leaves its own link alone, and no use of the older one comes later."""
    link = hall.issue(PROMPT)
    hall.clock.tick(timedelta(days=1))

    def remind() -> tuple[Link, int]:
        return hall.remind(PROMPT), hall.uses(link)

    ends = hall.bolt.queued(*place_in(order, remind, partial(hall.links.redeem, link.token, PROMPT)))
    [(fresh, counted)] = [each for each in ends if isinstance(each, tuple)]
    assert counted == len([each for each in ends if isinstance(each, Redemption)]) == hall.uses(link)
    assert isinstance(hall.redeem(link), SupersededLinkError)
    assert hall.outstanding() == [fresh.link_id]
    assert isinstance(hall.redeem(fresh), Redemption)


@pytest.mark.parametrize("order", ["first", "between", "last"])
def test_use_after_a_delivery(hall: Core, order: str) -> None:
    """F05: from the delivery of a reminder on, the link that it replaces isn't used; before it, both may be."""
    link = hall.issue(BILL)
    hall.clock.tick(timedelta(days=1))
    fresh = hall.remind(BILL)
    assert len(hall.outstanding()) == 2

    def deliver() -> int:
        hall.links.mark_delivered(fresh.link_id)
        return hall.uses(link)

    ends = hall.bolt.queued(*place_in(order, deliver, partial(hall.links.redeem, link.token, BILL)))
    [counted] = [each for each in ends if isinstance(each, int)]
    assert counted == len([each for each in ends if isinstance(each, Redemption)]) == hall.uses(link)
    assert isinstance(hall.redeem(link), SupersededLinkError)
    assert hall.outstanding() == [fresh.link_id]


@pytest.mark.parametrize("policy", [BILL, PROMPT], ids=["on delivery", "on issue"])
def test_reminders_that_both_go_out(hall: Core, policy: Policy) -> None:
    """F07: of three reminders at once one makes a link, and the others come too soon; delivered, it stands alone."""
    hall.links.mark_delivered(hall.issue(policy).link_id)
    hall.clock.tick(timedelta(days=1))
    ends = hall.bolt.queued(*[partial(hall.remind, policy)] * 3)
    [fresh] = [each for each in ends if not isinstance(each, Exception)]
    assert [each.reason for each in ends if isinstance(each, ReissueRefusedError)] == ["too_soon"] * 2
    hall.links.mark_delivered(fresh.link_id)
    assert hall.outstanding() == [fresh.link_id]


def test_issues_that_both_stay(hall: Core) -> None:
    """F07: of links of one series that are issued at once, one stays outstanding where issue ends what is older."""
    hall.issue(PROMPT)
    ends = hall.bolt.queued(*[partial(hall.issue, PROMPT)] * 3)
    assert len({link.link_id for link in ends}) == 3
    assert len(hall.outstanding()) == 1


@pytest.mark.parametrize("newer_first", [False, True])
def test_deliveries_that_end_each_other(hall: Core, newer_first: bool) -> None:
    """F05: whichever of two links of a series is delivered first, the newer one stays outstanding, and it alone."""
    older, newer = (hall.issue(BILL) for _ in range(2))
    pair = (newer, older) if newer_first else (older, newer)
    hall.bolt.queued(*[partial(hall.links.mark_delivered, link.link_id) for link in pair])
    assert hall.outstanding() == [newer.link_id]


def test_reissue_that_outlives_its_subject(hall: Core) -> None:
    """F05: of a reminder and the revocation of its subject, whichever comes first, no older link survives."""
    link = hall.issue(PROMPT)
    hall.clock.tick(timedelta(days=1))
    revoke = partial(hall.links.revoke_all, subject=SUBJECT)
    [_, fresh] = hall.bolt.queued(revoke, partial(hall.remind, PROMPT))
    assert isinstance(hall.redeem(link), RevokedLinkError)
    # A reminder that read its parent before the revocation reads again: it's an issue after it, or nothing.
    assert hall.outstanding() in ([], [getattr(fresh, "link_id", None)])


def test_use_during_a_purge(hall: Core) -> None:
    """E20: a purge of a subject's older links, and uses of its living one, all come to their end."""
    for _ in range(3):
        hall.issue(ONCE)
    hall.clock.tick(timedelta(days=400))
    link = hall.issue(ONCE)
    use = partial(hall.links.redeem, link.token, ONCE)
    purged, *uses = hall.bolt.queued(partial(hall.links.purge, keep=timedelta(days=366)), use, use)
    assert purged == 3
    assert sorted(type(each).__name__ for each in uses) == [Redemption.__name__, UsedLinkError.__name__]
