"""remind and renew: how soon, how often and how long a series is given fresh links; two budgets and one end."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from magiclink import (
    CONFIRM_EMAIL,
    INVOICE,
    ReissueRefusedError,
)

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


def test_reminder_too_soon(world: World) -> None:
    """A reminder waits for the interval since the last issue or reminder, and is told until when."""
    links = world.links(FEW)
    links.issue(FEW, **WHO)
    for _ in range(2):
        due = world.clock.now() + 5 * MINUTE
        world.clock.tick(5 * MINUTE - timedelta(microseconds=1))
        assert refused(lambda: links.remind(FEW, **WHO), "too_soon") == due
        world.clock.tick(timedelta(microseconds=1))
        links.remind(FEW, **WHO)


def test_first_renewal_at_once(world: World) -> None:
    """The holder's first request waits for nothing: its interval runs from the last renewal alone."""
    links = world.links()
    link = links.issue(CONFIRM_EMAIL, **WHO)
    links.redeem(link.token, CONFIRM_EMAIL)
    links.renew(link.token, to=AP)
    assert refused(lambda: links.renew(link.token, to=AP), "too_soon") == world.clock.now() + 5 * MINUTE
    world.clock.tick(5 * MINUTE)
    links.renew(link.token, to=AP)


def test_two_budgets(world: World) -> None:
    """L07: requests of a holder use up no reminder of the supplier's, and the other way round."""
    links = world.links(FEW)
    old = expired(world, links)
    for _ in range(2):
        links.renew(old.token, to=AP)
        world.clock.tick(5 * MINUTE)
    assert refused(lambda: links.renew(old.token, to=AP), "too_many") is None
    for _ in range(2):
        links.remind(FEW, **WHO)
        world.clock.tick(5 * MINUTE)
    assert refused(lambda: links.remind(FEW, **WHO), "too_many") is None


def test_intervals_apart(world: World) -> None:
    """A renewal a moment ago delays no reminder, and a reminder no renewal."""
    links = world.links(FEW)
    old = expired(world, links)
    links.renew(old.token, to=AP)
    links.remind(FEW, **WHO)
    refused(lambda: links.renew(old.token, to=AP), "too_soon")
    refused(lambda: links.remind(FEW, **WHO), "too_soon")
    world.clock.tick(5 * MINUTE)
    links.renew(old.token, to=AP)
    links.remind(FEW, **WHO)


def test_issue_begins_anew(world: World) -> None:
    """An issue begins the counts, the intervals and the absolute end of its series anew."""
    links = world.links(FEW)
    old = expired(world, links)
    for _ in range(2):
        links.remind(FEW, **WHO)
        links.renew(old.token, to=AP)
        world.clock.tick(5 * MINUTE)
    world.clock.tick(14 * DAY)
    links.issue(FEW, **WHO)
    started = world.clock.now()
    refused(lambda: links.remind(FEW, **WHO), "too_soon")
    links.renew(old.token, to=AP)
    world.clock.tick(20 * DAY)
    assert links.remind(FEW, **WHO).expires_at == started + 30 * DAY


def test_limit_of_one(world: World) -> None:
    """A limit of one is one fresh link, also where the series began with a reminder."""
    one = replace(FEW, reissue_limit=1)
    links = world.links(one)
    links.remind(one, **WHO)
    world.clock.tick(5 * MINUTE)
    refused(lambda: links.remind(one, **WHO), "too_many")


def test_first_link_by_a_reminder(world: World) -> None:
    """A series may begin with a reminder: S3's invoice was mailed before there were links. It counts."""
    links = world.links(FEW)
    first = links.remind(FEW, **WHO, destination="/invoices/1001")
    info = links.inspect(first.link_id)
    assert (info.origin, info.parent, info.destination) == ("remind", None, "/invoices/1001")
    refused(lambda: links.remind(FEW, **WHO), "too_soon")
    world.clock.tick(5 * MINUTE)
    links.remind(FEW, **WHO)
    world.clock.tick(5 * MINUTE)
    refused(lambda: links.remind(FEW, **WHO), "too_many")


def test_absolute_end(world: World) -> None:
    """D20: no reissue outlives the series, and past its end there is none."""
    links = world.links(FEW)
    old = expired(world, links)
    ends = old.expires_at + 16 * DAY
    world.clock.tick(5 * DAY)
    assert links.remind(FEW, **WHO).expires_at == links.renew(old.token, to=AP).expires_at == ends
    world.clock.tick(10 * DAY - timedelta(microseconds=1))
    assert links.remind(FEW, **WHO).expires_at == ends
    world.clock.tick(timedelta(microseconds=1))
    refused(lambda: links.remind(FEW, **WHO), "series_ended")
    refused(lambda: links.renew(old.token, to=AP), "series_ended")
    links.issue(FEW, **WHO)
