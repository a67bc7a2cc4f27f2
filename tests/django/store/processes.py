"""What the tests of the Django store run in processes of their own, which fork and race.

Run as `python store_processes.py KEEPER ROUNDS LEVEL`; a failed assertion is an exit code that isn't 0. LEVEL is an
isolation level of PostgreSQL, or what SQLite's `journal_mode` is to be.
"""

from __future__ import annotations

import os
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from threading import Barrier, Lock
from typing import TYPE_CHECKING, Any

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.django.settings")
django.setup()

from django.db import connections  # noqa: E402 - Django wants to be set up first

from magiclink.django.store import DjangoStore  # noqa: E402
from magiclink.testing.contract import record, terms  # noqa: E402
from magiclink.testing.contract.bench import AUDIENCE, NOW  # noqa: E402
from tests.django.databases import TIMEOUT, database, empty  # noqa: E402
from tests.stores.postgres.processes import several  # noqa: E402

if TYPE_CHECKING:
    from collections.abc import Callable

    from magiclink.records import Record

PROCESSES, THREADS = 8, 32


def in_threads(count: int, work: Callable[[int], None]) -> None:
    """Run some work on threads, each with a connection of its own, and raise what one of them raises."""

    def run(number: int) -> None:
        try:
            work(number)
        finally:
            connections.close_all()

    with ThreadPoolExecutor(count) as pool:
        list(pool.map(run, range(count)))


def used_at_once(count: int, rounds: int, use: Callable[[int, int], Record | None]) -> list[int]:
    """Let many threads use links, in each round from one barrier, and tell how many won it."""
    barrier, lock, won = Barrier(count, timeout=60), Lock(), [0] * rounds

    def play(number: int) -> None:
        for turn in range(rounds):
            barrier.wait()
            if use(number, turn) is not None:
                with lock:
                    won[turn] += 1

    in_threads(count, play)
    return won


def put(store: DjangoStore, rounds: int, **changes: Any) -> list[Record]:
    """Write a link for each round, each for a subject of its own."""
    links = [record(subject=f"customer-{turn}", **changes) for turn in range(rounds)]
    assert store.add(links, now=NOW, renamed={})
    return links


def threads(store: DjangoStore, rounds: int) -> None:
    """Let 32 threads use one link, in each round: one wins, the others get None."""
    links = put(store, rounds, max_uses=1)
    won = used_at_once(THREADS, rounds, lambda _, turn: store.consume(links[turn].link_id, terms()))
    assert won == [1] * rounds


def fifty(store: DjangoStore, rounds: int) -> None:
    """Let 50 threads use a link that has three uses: exactly three win."""
    links = put(store, rounds, max_uses=3)
    won = used_at_once(50, rounds, lambda _, turn: store.consume(links[turn].link_id, terms()))
    assert won == [3] * rounds


def alone(store: DjangoStore, rounds: int) -> None:
    """Let 8 threads use 8 links of one subject, of which each ends the others: one wins."""
    links = [put(store, rounds, max_uses=1) for _ in range(8)]
    ending = terms(ends_others=True)
    won = used_at_once(8, rounds, lambda number, turn: store.consume(links[number][turn].link_id, ending))
    assert won == [1] * rounds


def processes(store: DjangoStore, rounds: int) -> None:
    """Let 8 processes use one link, in each round from one barrier: one wins. They were forked before they connect."""
    links = put(store, rounds, max_uses=1)
    # As everywhere in Django: who forks has no connection open, or its children would share it.
    connections.close_all()
    context = get_context("fork")
    barrier, won = context.Barrier(PROCESSES), context.Array("i", rounds)

    def use(number: int) -> None:
        for turn, link in enumerate(links):
            barrier.wait(60)
            if store.consume(link.link_id, terms()):
                with won.get_lock():
                    won[turn] += 1
        connections.close_all()

    several(PROCESSES, use)
    assert won[:] == [1] * rounds


def flood(store: DjangoStore, rounds: int) -> None:
    """Let 7 threads use a reusable link without end: a revocation comes through, and no use after it."""
    links = put(store, rounds)

    def use(number: int) -> None:
        for link in links:
            if number:
                while store.consume(link.link_id, terms()):
                    pass
                continue
            store.revoke_subject(AUDIENCE, link.subject, now=NOW, reason="")
            found = store.get(AUDIENCE, link.link_id)
            for _ in range(20):
                assert store.get(AUDIENCE, link.link_id) == found

    in_threads(8, use)


RACES = (threads, fifty, alone, processes, flood)


def main(store_name: str, rounds: int, level: str) -> None:
    """Run every race on a database that is set up as `level` says."""
    options = {"init_command": f"PRAGMA journal_mode = {level}; PRAGMA synchronous = OFF", "timeout": TIMEOUT}
    if store_name == "postgresql":
        options = {"isolation_level": int(level)}
    sys.setswitchinterval(1e-6)
    with tempfile.TemporaryDirectory() as folder, database(store_name, Path(folder), **options) as alias:
        for race in RACES:
            empty(alias)
            race(DjangoStore(using=alias), rounds)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), sys.argv[3])
