"""What the tests of the PostgreSQL store run in processes of their own, which fork and are flooded.

Run as `python postgres_processes.py NAME URL SCHEMA ROUNDS`; a failed assertion is an exit code that isn't 0.
"""

from __future__ import annotations

import os
import sys
import traceback
from threading import Thread
from typing import TYPE_CHECKING

from magiclink.errors import StoreError
from magiclink.stores.postgres import PostgresStore
from magiclink.testing.contract import record, terms
from magiclink.testing.contract.bench import AUDIENCE, NOW

if TYPE_CHECKING:
    from collections.abc import Callable


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
    opened = PostgresStore(url, schema=schema, pool_size=8)
    {each.__name__: each for each in (flood, inherited)}[name](opened, int(told))
    opened.close()
