"""What the tests of the PostgreSQL keeper run in processes of their own, which fork and race.

Run as `python postgres_processes.py NAME URL SCHEMA ROUNDS`; a failed assertion is an exit code that isn't 0.
"""

from __future__ import annotations

import os
import sys
import traceback
from functools import partial
from multiprocessing import get_context
from threading import Thread
from typing import TYPE_CHECKING

from magiclink.errors import StoreError
from magiclink.stores.postgres import PostgresStore
from magiclink.testing.contract import record, terms
from magiclink.testing.contract.bench import AUDIENCE, NOW
from magiclink.testing.contract.bench import race as at_once

if TYPE_CHECKING:
    from collections.abc import Callable

PROCESSES, THREADS = 8, 32


def several(count: int, work: Callable[[int], None]) -> None:
    """Run some work in forked processes, and see each end well."""
    children = []
    for number in range(count):
        if child := os.fork():
            children.append(child)
            continue
        try:
            work(number)
        except BaseException:
            traceback.print_exc()
            os._exit(1)
        os._exit(0)
    endings = [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children]
    assert endings == [0] * count, endings


def threads(store: PostgresStore, rounds: int) -> None:
    """Let 32 threads use one link, in each round: one wins, the others get None."""
    for turn in range(rounds):
        link = record(max_uses=1, subject=f"customer-{turn}")
        assert store.add([link], now=NOW, renamed={})
        won = at_once(*[partial(store.consume, link.link_id, terms())] * THREADS)
        assert sum(used is not None for used in won) == 1, turn


def processes(store: PostgresStore, rounds: int) -> None:
    """Let 8 processes use one link, in each round from one barrier: one wins. The store was open before the fork."""
    links = [record(max_uses=1, subject=f"customer-{turn}") for turn in range(rounds)]
    assert store.add(links, now=NOW, renamed={})
    context = get_context("fork")
    barrier, won = context.Barrier(PROCESSES), context.Array("i", rounds)

    def use(number: int) -> None:
        for turn, link in enumerate(links):
            barrier.wait(60)
            if store.consume(link.link_id, terms()):
                with won.get_lock():
                    won[turn] += 1
        store.close()

    several(PROCESSES, use)
    assert won[:] == [1] * rounds


def fifty(store: PostgresStore, rounds: int) -> None:
    """Let 50 threads use a link that has three uses: exactly three win."""
    for turn in range(rounds):
        link = record(max_uses=3, subject=f"customer-{turn}")
        assert store.add([link], now=NOW, renamed={})
        won = at_once(*[partial(store.consume, link.link_id, terms())] * 50)
        assert sorted(used.uses for used in won if used) == [1, 2, 3], turn


def flood(store: PostgresStore, rounds: int) -> None:
    """Let 7 threads use a reusable link without end: a revocation comes through, and no use after it."""
    for turn in range(rounds):
        link = record(subject=f"customer-{turn}")
        assert store.add([link], now=NOW, renamed={})
        users = [Thread(target=_use_until_refused, args=(store, link.link_id)) for _ in range(7)]
        for user in users:
            user.start()
        store.revoke_subject(AUDIENCE, link.subject, now=NOW, reason="")
        found = store.get(AUDIENCE, link.link_id)
        for user in users:
            user.join(60)
            assert not user.is_alive()
        assert store.get(AUDIENCE, link.link_id) == found


def _use_until_refused(store: PostgresStore, link_id: bytes) -> None:
    while store.consume(link_id, terms()):
        pass


def inherited(store: PostgresStore, rounds: int) -> None:
    """Fork while connections are open: parent and children go on, and nobody uses, or ends, what is another's."""
    link = record()
    assert store.add([link], now=NOW, renamed={})

    def use(_: int) -> None:
        for _turn in range(rounds):
            assert store.consume(link.link_id, terms())
        store.close()
        try:
            store.get(AUDIENCE, link.link_id)
        except StoreError:
            return
        raise AssertionError

    [mine] = store._database.run("SELECT pg_backend_pid()")
    several(4, use)
    assert store._database.run("SELECT pg_backend_pid()") == [mine]
    found = store.get(AUDIENCE, link.link_id)
    assert found is not None
    assert found.uses == 4 * rounds


if __name__ == "__main__":
    _, name, url, schema, told = sys.argv
    opened = PostgresStore(url, schema=schema, pool_size=THREADS)
    {each.__name__: each for each in (threads, processes, fifty, flood, inherited)}[name](opened, int(told))
    opened.close()
