"""Eight processes that redeem the same links, each round from one barrier: what `test_races.py` runs.

Run as `python -m tests.stores.racers KEEPER URL NAME ROUNDS`; it prints each round's number of winners and of losers.
Every process opens the store for itself after the fork; what isn't a win or `UsedLinkError` ends all of it.
"""

from __future__ import annotations

import os
import sys
import traceback
from multiprocessing import get_context
from typing import TYPE_CHECKING

from magiclink import UsedLinkError
from tests.stores.locations import ONCE, Location, links_on

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

PROCESSES = 8
TIMEOUT = 60


def several(count: int, work: Callable[[], None]) -> None:
    """Run some work in forked processes, and see each end well."""
    children = []
    for _ in range(count):
        if child := os.fork():
            children.append(child)
            continue
        try:
            work()
        except BaseException:
            traceback.print_exc()
            os._exit(1)
        os._exit(0)
    endings = [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children]
    assert endings == [0] * count, endings


def play(location: Location, tokens: Sequence[str]) -> list[tuple[int, int]]:
    """Let the processes redeem token after token, and give each round's winners and losers."""
    context = get_context("fork")
    barrier = context.Barrier(PROCESSES)
    won, lost = context.Array("i", len(tokens)), context.Array("i", len(tokens))

    def redeem() -> None:
        with links_on(location.open(1)) as links:
            for turn, token in enumerate(tokens):
                barrier.wait(TIMEOUT)
                try:
                    links.redeem(token, ONCE)
                    counted = won
                except UsedLinkError:
                    counted = lost
                with counted.get_lock():
                    counted[turn] += 1

    several(PROCESSES, redeem)
    return list(zip(won[:], lost[:], strict=True))


def main(store_name: str, url: str, name: str, rounds: str) -> None:
    """Issue a link for each round, play, and tell."""
    location = Location(store_name, url, name)
    with links_on(location.open(1)) as links:
        issued = [links.issue(ONCE, subject=f"customer-{turn}", recipient="a@b.example") for turn in range(int(rounds))]
    for winners, losers in play(location, [link.token for link in issued]):
        print(winners, losers)


if __name__ == "__main__":
    main(*sys.argv[1:])
