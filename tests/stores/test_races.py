"""Every store that is shared has one winner: over threads and processes, under each isolation level, round by round.

Twenty rounds each; `python -m tests.long` runs two hundred, and tells in `docs/races.md` what it saw.
"""

from __future__ import annotations

import os
import subprocess
import sys
from contextlib import contextmanager
from datetime import timedelta
from functools import partial
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING, Any

import pytest

from magiclink import Redemption, RevokedLinkError, SupersededLinkError, UsedLinkError
from magiclink.testing import FrozenClock
from magiclink.testing.contract.bench import race
from tests.stores.locations import (
    BILL,
    EVERY,
    IS_LONG,
    ONCE,
    PROMPT,
    ROUNDS,
    SHARED,
    THRICE,
    links_on,
    new_location,
    outcome,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from magiclink import Link, MagicLinks

    Told = Callable[[str, object], None]

ROOT = Path(__file__).resolve().parents[2]
RACERS = [sys.executable, "-W", "ignore::DeprecationWarning", "-m", "tests.stores.racers"]
ANN = "ann@acme.example"
QUARTER = -(-ROUNDS // 4)
"""The rounds of what waits longer, or has four kinds."""


@contextmanager
def opened(store_name: str, folder: Path, *, threads: int, clock: FrozenClock | None = None) -> Iterator[MagicLinks]:
    """Return links over a new store, with connections for so many threads."""
    with (
        new_location(store_name, folder) as location,
        links_on(location.open(threads), clock=clock or FrozenClock()) as links,
    ):
        yield links


def rounds(store_name: str) -> int:
    """Tell how often a store races; in the suite those of one machine do so less often."""
    return ROUNDS if IS_LONG or store_name in SHARED else QUARTER


def told(outcomes: list[Any]) -> dict[str, int]:
    """Count outcomes by their kind."""
    kinds = [type(each).__name__ for each in outcomes]
    return {kind: kinds.count(kind) for kind in set(kinds)}


@pytest.mark.parametrize("store_name", EVERY)
def test_threads_that_both_win(store_name: str, tmp_path: Path, record_property: Told) -> None:
    """F01: of 32 threads that redeem one link at once, one wins, and the others are told that it is used."""
    record_property("seen", f"{rounds(store_name)} rounds")
    with opened(store_name, tmp_path, threads=32) as links:
        for turn in range(rounds(store_name)):
            link = links.issue(ONCE, subject=f"customer-{turn}", recipient=ANN)
            outcomes = race(*[partial(outcome, partial(links.redeem, link.token, ONCE))] * 32)
            assert told(outcomes) == {"Redemption": 1, UsedLinkError.__name__: 31}
            assert links.inspect(link.link_id).uses == 1


@pytest.mark.parametrize("store_name", EVERY)
def test_more_winners_than_uses(store_name: str, tmp_path: Path, record_property: Told) -> None:
    """F09: of 50 threads that redeem a link of three uses, exactly three win."""
    record_property("seen", f"{QUARTER} rounds")
    with opened(store_name, tmp_path, threads=32) as links:
        for turn in range(QUARTER):
            link = links.issue(THRICE, subject=f"customer-{turn}", recipient=ANN)
            outcomes = race(*[partial(outcome, partial(links.redeem, link.token, THRICE))] * 50)
            assert told(outcomes) == {"Redemption": 3, UsedLinkError.__name__: 47}
            assert links.inspect(link.link_id).uses == 3


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system can't fork")
@pytest.mark.parametrize("store_name", EVERY)
def test_processes_that_both_win(store_name: str, tmp_path: Path, record_property: Told) -> None:
    """F02: of 8 processes that redeem one link at once, one wins, and the others are told that it is used."""
    record_property("seen", f"{rounds(store_name)} rounds")
    with new_location(store_name, tmp_path) as location:
        command = [*RACERS, location.store_name, location.url, location.name, str(rounds(store_name))]
        ran = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120 + 5 * ROUNDS)
    assert (ran.returncode, ran.stderr) == (0, "")
    assert ran.stdout.splitlines() == ["1 7"] * rounds(store_name)


def _revoke(links: MagicLinks, link: Link) -> object:
    return links.revoke(link.link_id)


def _revoke_all(links: MagicLinks, link: Link) -> None:
    links.revoke_all(subject=links.inspect(link.link_id).subject)


def _remind(links: MagicLinks, link: Link) -> object:
    return links.remind(PROMPT, subject=links.inspect(link.link_id).subject, recipient=ANN)


def _deliver(links: MagicLinks, link: Link) -> None:
    fresh = links.issue(BILL, subject=links.inspect(link.link_id).subject, recipient=ANN)
    links.mark_delivered(fresh.link_id)


ENDINGS: dict[str, tuple[Callable[[MagicLinks, Link], object], Any, type[Exception]]] = {
    "revoke": (_revoke, BILL, RevokedLinkError),
    "revoke_all": (_revoke_all, BILL, RevokedLinkError),
    "remind": (_remind, PROMPT, SupersededLinkError),
    "mark_delivered": (_deliver, BILL, SupersededLinkError),
}


@pytest.mark.parametrize("ending", ENDINGS)
@pytest.mark.parametrize("store_name", EVERY)
def test_use_after_the_end(store_name: str, ending: str, tmp_path: Path, record_property: Told) -> None:
    """F04, F05: seven threads redeem one link again and again; once what ends it has returned, no use is written."""
    end, policy, error = ENDINGS[ending]
    clock = FrozenClock()
    record_property("seen", f"{ending}: {QUARTER} rounds")
    with opened(store_name, tmp_path, threads=8, clock=clock) as links:
        for turn in range(QUARTER):
            link = links.issue(policy, subject=f"customer-{turn}", recipient=ANN)
            clock.tick(timedelta(days=1))  # A reminder isn't too soon then.
            ended = Event()
            redeem = partial(_counted, partial(links.redeem, link.token, policy), error, ended)
            counted, *uses = race(partial(_finish, links, link, end, ended), *[redeem] * 7)
            assert counted == sum(uses) == links.inspect(link.link_id).uses
            living = [each for each in links.find(subject=f"customer-{turn}") if each.state == "outstanding"]
            assert len(living) == (error is SupersededLinkError)


def _counted(redeem: Callable[[], object], error: type[Exception], ended: Event) -> int:
    """Redeem until the link has ended, and once more; give how often it worked."""
    uses, is_last = 0, False
    while not is_last:
        is_last = ended.is_set()
        told = outcome(redeem)
        assert isinstance(told, error | Redemption)
        uses += isinstance(told, Redemption)
    return uses


def _finish(links: MagicLinks, link: Link, end: Callable[[MagicLinks, Link], object], ended: Event) -> int:
    """End a link, and give its uses as they are then."""
    try:
        end(links, link)
        return links.inspect(link.link_id).uses
    finally:
        ended.set()
