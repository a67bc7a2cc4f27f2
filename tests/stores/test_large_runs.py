"""The monthly run, the purge of what is long over, and the revocation of a customer with very many links.

In the suite the numbers are middling. `python -m tests.long` makes them as large as the words say, compares the longest
waits, which no test of a suite may, and tells in `docs/races.md` what it saw.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

from magiclink import Order, StoreError
from magiclink.testing.contract import record
from magiclink.testing.contract.bench import DAY, NOW
from tests.stores.contents import contents
from tests.stores.locations import BILL, EVERY, IS_LONG, LEVELLED, SHARED, links_on, new_location
from tests.stores.postgres.sandboxes import Proxy

if TYPE_CHECKING:
    from collections.abc import Callable

    from magiclink import MagicLinks
    from magiclink.stores.base import Store

    Told = Callable[[str, object], None]

ROOT = Path(__file__).resolve().parents[2]
REDEEMER = [sys.executable, "-m", "tests.stores.redeemer"]
AT_ONCE = 10_000
INVOICES = 100_000 if IS_LONG else 10_000
FEW, MANY = 20, 100_000 if IS_LONG else 1_000
ORDERS = [
    Order(policy=BILL, subject=f"customer-{each}", resource=f"invoice:{each}", recipient=f"ap-{each}@acme.example")
    for each in range(INVOICES)
]


def long_over(store_name: str) -> int:
    """Tell how many expired links are purged: a million on PostgreSQL, in the long run."""
    if IS_LONG:
        return 1_000_000 if store_name == LEVELLED[0] else 50_000
    return 20_000 if store_name == LEVELLED[0] else 2_000


def fill(store: Store, count: int, **changes: Any) -> None:
    """Write very many links."""
    for begin in range(0, count, AT_ONCE):
        numbers = range(begin, min(begin + AT_ONCE, count))
        assert store.add([record(**{"subject": f"customer-{n}", **changes}) for n in numbers], now=NOW, renamed={})


# The monthly run.


def test_monthly_run(tmp_path: Path, record_property: Told) -> None:
    """L16: on PostgreSQL the links of a whole month are made by one call: all of them are there, and open."""
    with new_location(LEVELLED[0], tmp_path) as location, links_on(location.open()) as links:
        begun = time.perf_counter()
        issued = links.issue_many(ORDERS)
        record_property("seen", f"{INVOICES:,} links in {time.perf_counter() - begun:.1f} s")
        assert len(contents(location, "links")) == INVOICES
        for link in issued if IS_LONG else issued[:: INVOICES // 200]:
            assert links.redeem(link.token, BILL).resource == link.resource


def test_monthly_run_cut_off(tmp_path: Path) -> None:
    """E02: a connection that is lost in the middle of the month's links leaves none, and nothing else of them."""
    with (
        new_location(LEVELLED[0], tmp_path) as location,
        tempfile.TemporaryDirectory(prefix="ml-", dir="/tmp") as folder,
    ):
        proxy = Proxy(location.url, Path(folder))
        with links_on(replace(location, url=proxy.url).open(1)) as links:
            before = contents(location)
            for turn in (1, INVOICES // 1_000, INVOICES // 500):
                proxy.cut("client", turn)
                with pytest.raises(StoreError):
                    links.issue_many(ORDERS)
                assert contents(location) == before
        proxy.close()


def test_monthly_run_with_a_link_that_is_there(tmp_path: Path) -> None:
    """2: where the last of very many links is there already, none of the others is written."""
    with new_location(LEVELLED[0], tmp_path) as location, links_on(location.open()) as links:
        store: Store = links.flows.store
        known = record()
        assert store.add([known], now=NOW, renamed={})
        before = contents(location)
        batch = [record(subject=f"customer-{number}") for number in range(INVOICES)]
        assert not store.add([*batch, known], now=NOW, renamed={})
        assert contents(location) == before


# The purge.


class Timed:
    """A store that tells how long each of its purges took."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.spans: list[float] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    def purge(self, *args: Any, **kwargs: Any) -> int:
        """Purge a batch."""
        begun = time.perf_counter()
        try:
            return self._store.purge(*args, **kwargs)
        finally:
            self.spans.append(time.perf_counter() - begun)


class Waits(NamedTuple):
    """What a purge and a redeeming process had to wait for, in seconds."""

    links: int
    seconds: float
    redeemed: int
    batch: float
    beside: float
    alone: float

    @property
    def is_met(self) -> bool:
        """Whether no redeem took longer than a batch and what the longest redeem takes anyway."""
        return self.beside <= self.batch + self.alone

    def __str__(self) -> str:
        longest = f"longest batch {1000 * self.batch:.0f} ms, longest redeem {1000 * self.beside:.0f} ms"
        done = f"{self.links:,} links in {self.seconds:.1f} s, {self.redeemed:,} redeemed"
        return f"{done}; {longest}, alone {1000 * self.alone:.0f} ms"


def purged_beside_uses(store_name: str, folder: Path) -> Waits:
    """Purge very many links while another process redeems, and see that neither fails."""
    count = long_over(store_name)
    with new_location(store_name, folder) as location:
        store: Any = Timed(location.open())
        fill(store, count, expires_at=NOW - 400 * DAY)
        command = [*REDEEMER, location.store_name, location.url, location.name]
        pipes: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True, "cwd": ROOT}
        with links_on(store) as links, subprocess.Popen(command, **pipes) as other:
            assert other.stdout is not None
            assert other.stdout.readline() == "ready\n"
            begun = time.perf_counter()
            assert links.purge(keep=timedelta(days=366)) == count
            seconds = time.perf_counter() - begun
            told = json.loads(other.communicate(timeout=60)[0])
    assert other.returncode == 0
    return Waits(count, seconds, **told, batch=max(store.spans))


@pytest.mark.parametrize("store_name", EVERY)
def test_purge_beside_uses(store_name: str, tmp_path: Path, record_property: Told) -> None:
    """E20, L16: while very many links are purged, another process redeems: none fails, or waits longer than a batch."""
    waits = purged_beside_uses(store_name, tmp_path)
    # Clocks are compared in the long run alone. There a busy machine gets another try: what is waited for returns. The
    # writers of one file take turns as SQLite polls for its lock, so that a wait may be longer; it's told, and no more.
    for _ in range(2 * (IS_LONG and store_name in SHARED)):
        waits = waits if waits.is_met else purged_beside_uses(store_name, tmp_path)
    record_property("seen", str(waits))
    assert waits.is_met or not IS_LONG or store_name not in SHARED


# The revocation.


def took(links: MagicLinks, subject: str) -> float:
    """Revoke all of a subject's links, and tell the seconds."""
    begun = time.perf_counter()
    links.revoke_all(subject=subject)
    return time.perf_counter() - begun


@pytest.mark.parametrize("store_name", EVERY)
def test_revocation_that_writes_every_link(store_name: str, tmp_path: Path, record_property: Told) -> None:
    """10: revoking all that a subject has writes one row, however many links there are."""
    with new_location(store_name, tmp_path) as location, links_on(location.open()) as links:
        counts = {"few": FEW, "many": MANY}
        for subject, count in counts.items():
            fill(links.flows.store, count, subject=subject)
        for subject in counts:
            before = contents(location)
            links.revoke_all(subject=subject)
            assert len(contents(location) - before) == 1
            assert {each.state for each in links.find(subject=subject, limit=FEW)} == {"revoked"}
        spans = [[took(links, subject) for subject in counts] for _ in range(9)]
        few, many = (1000 * median(each) for each in zip(*spans, strict=True))
        record_property("seen", f"{FEW} links in {few:.1f} ms, {MANY:,} in {many:.1f} ms")
