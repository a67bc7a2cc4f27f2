"""Who is first is decided once, whoever runs: processes, threads, and the same caller twice."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from threading import Barrier, Thread
from typing import TYPE_CHECKING

import pytest

from magiclink import Key, KeyRing, MagicLinkError, MagicLinks, Policy
from magiclink.stores.memory import MemoryStore
from magiclink.stores.sqlite import SQLiteStore
from tests.flows.racer import DOCUMENT

if TYPE_CHECKING:
    from magiclink.records import Record, Terms
    from magiclink.stores.base import Store

TIMEOUT = timedelta(minutes=5)


def made(store: Store, key: Key, policy: Policy = DOCUMENT) -> MagicLinks:
    """Make the calls of one process."""
    return MagicLinks(keys=KeyRing(signing=key), store=store, policies=[policy], base_url="https://billing.example/l/")


def tokens(links: MagicLinks, count: int, policy: Policy = DOCUMENT) -> list[str]:
    """Issue links, each for another document."""
    return [links.issue(policy, subject="customer-7", resource=f"document:{each}").token for each in range(count)]


def race(links: MagicLinks, token: str, racers: int, policy: Policy = DOCUMENT) -> Counter[str]:
    """Let threads click one link at once, and count the answers by their kind."""
    answers: Counter[str] = Counter()
    barrier = Barrier(racers)

    def click() -> None:
        barrier.wait()
        try:
            answers[type(links.redeem(token, policy)).__name__] += 1
        except MagicLinkError as error:
            answers[type(error).__name__] += 1

    threads = [Thread(target=click) for _ in range(racers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return answers


class ReadsThenWrites(MemoryStore):
    """A store that asks first and writes then: what a naive store does."""

    def __init__(self, racers: int) -> None:
        super().__init__()
        self.meeting = Barrier(racers)

    def consume(self, link_id: bytes, terms: Terms) -> Record | None:
        """Let everybody read before anybody writes."""
        record = self.get(terms.audience, link_id)
        self.meeting.wait(timeout=30)
        return record if record is not None and terms.met_by(record) else None


def test_processes_click_every_link(tmp_path: Path) -> None:
    """F02: 16 processes, 200 one-shot links, one SQLite file: 200 successes, and every other answer says "used"."""
    key, database = Key.generate(), tmp_path / "links.db"
    with made(SQLiteStore(database, timeout=TIMEOUT), key) as links:
        line = " ".join(tokens(links, 200)) + "\n"
    racer = Path(__file__).with_name("racer.py")
    command = [sys.executable, str(racer), str(database), key.to_text()]
    racers = [subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) for _ in range(16)]
    for each in racers:
        assert each.stdout is not None
        assert each.stdout.readline() == "ready\n"
    for each in racers:
        assert each.stdin is not None
        each.stdin.write(line)
        each.stdin.flush()
    answers: Counter[str] = Counter()
    for each in racers:
        told, _ = each.communicate()
        answers.update({name: int(count) for name, _, count in (word.partition("=") for word in told.split())})
    assert answers == {"Redemption": 200, "UsedLinkError": 15 * 200}


@pytest.mark.parametrize("racers", [2, 8, 32, 100])
def test_threads_click_one_link(tmp_path: Path, racers: int) -> None:
    """F01: any number of threads, one link: one success, and every other answer says "used"."""
    with made(SQLiteStore(tmp_path / "links.db", timeout=TIMEOUT), Key.generate()) as links:
        for token in tokens(links, 200 // racers):
            assert race(links, token, racers) == {"Redemption": 1, "UsedLinkError": racers - 1}


def test_threads_click_every_link(tmp_path: Path) -> None:
    """F02: 8 threads, 200 one-shot links: 200 successes."""
    with made(SQLiteStore(tmp_path / "links.db", timeout=TIMEOUT), Key.generate()) as links:
        answers = sum((race(links, token, 8) for token in tokens(links, 200)), Counter())
        assert answers == {"Redemption": 200, "UsedLinkError": 7 * 200}


def test_three_uses(tmp_path: Path) -> None:
    """F09: three uses and fifty racers: exactly three."""
    thrice = replace(DOCUMENT, max_uses=3)
    with made(SQLiteStore(tmp_path / "links.db", timeout=TIMEOUT), Key.generate(), thrice) as links:
        [token] = tokens(links, 1, thrice)
        assert race(links, token, 50, thrice) == {"Redemption": 3, "UsedLinkError": 47}


def test_broken_store_is_seen() -> None:
    """The same race over a store that reads and then writes lets everybody in: the race can fail."""
    links = made(ReadsThenWrites(8), Key.generate())
    [token] = tokens(links, 1)
    assert race(links, token, 8) == {"Redemption": 8}
