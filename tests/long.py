"""`python -m tests.long`: the races two hundred times, and the large runs at their full size.

It writes the results into `docs/races.md`, below the mark there. It takes some twenty minutes and a few gigabytes of
temporary files. `MAGICLINK_TEST_ROUNDS` sets another number of rounds; words choose tests (`-k` of pytest), and then
nothing is written.
"""

from __future__ import annotations

import os
import sys
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

ROUNDS = "200"
STORES = Path(__file__).resolve().with_name("stores")
PAGE = Path(__file__).resolve().parents[1] / "docs" / "races.md"
FILES = ("test_races.py", "test_races_held.py", "test_wires_cut.py", "test_clocks_apart.py", "test_large_runs.py")
SLOT = "<!-- table -->\n"
BUSY = "While it ran, {:.1f} processes wanted each processor."
OUTCOMES = {"passed": "held", "failed": "failed", "skipped": "not run"}


@dataclass
class Line:
    """What one test reported of one store, or of all stores where it reports only that it held."""

    test: str
    stores: set[str] = field(default_factory=set)
    seen: list[str] = field(default_factory=list)
    cases: int = 0
    seconds: float = 0.0
    outcomes: set[str] = field(default_factory=set)

    def row(self) -> str:
        """Write it as a row of the table."""
        [store, *more] = sorted(self.stores)
        seen = "; ".join(self.seen) or f"{self.cases} case{'s' * (self.cases > 1)}"
        outcome = ", ".join(OUTCOMES[each] for each in sorted(self.outcomes))
        stores = f"{1 + len(more)} stores" if more else store
        return f"| {self.test} | {stores} | {seen} | {self.seconds:.0f} | {outcome} |"


class Account:
    """A plugin of pytest that keeps what the tests report, in their order."""

    def __init__(self) -> None:
        self.lines: dict[tuple[str, str], Line] = {}
        self.loads: list[float] = []
        self._stores: dict[str, str] = defaultdict(lambda: "PostgreSQL")

    def pytest_itemcollected(self, item: Any) -> None:
        """Remember which store a test is about: the parameter that names one."""
        from tests.stores.locations import EVERY

        for value in (getattr(item, "callspec", None) and item.callspec.params.values()) or ():
            if value in EVERY:
                self._stores[item.nodeid] = value

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Keep what a test reported, and how it ended."""
        if report.when != "call" and report.outcome == "passed":
            return
        store, reported = self._stores[report.nodeid], dict(report.user_properties)
        test = report.nodeid.rpartition("::")[2].partition("[")[0]
        line = self.lines.setdefault((test, store if reported else ""), Line(test))
        line.stores.add(store)
        line.seen += [str(reported["seen"])] if reported else []
        line.cases += 1
        line.seconds += report.duration
        line.outcomes.add(report.outcome)
        self.loads.append(os.getloadavg()[0] / (os.cpu_count() or 1))


def servers() -> Iterator[str]:
    """Return the servers that the tests ran on, with their versions."""
    import psycopg
    import redis
    from sqlalchemy import create_engine, text

    from tests.services import postgres, valkey
    from tests.stores.sqlalchemy.engines import mariadb

    with psycopg.connect(postgres()) as db:
        yield f"PostgreSQL {db.info.parameter_status('server_version')}"
    with redis.Redis.from_url(valkey()) as client:
        info = client.info("server")
        yield f"Valkey {info['valkey_version']}" if "valkey_version" in info else f"Redis {info['redis_version']}"
    with create_engine(mariadb()).connect() as maria:
        yield f"MariaDB {maria.execute(text('SELECT version()')).scalar_one().partition('-')[0]}"


def write_page(account: Account) -> None:
    """Write the table into the page, below the mark."""
    before, slot, _ = PAGE.read_text(encoding="utf-8").partition(SLOT)
    on = f"On {', '.join(servers())}.\n{BUSY.format(median(account.loads))}"
    table = ["| test | store | seen | seconds | |", "|---|---|---|---|---|"]
    table += [line.row() for line in account.lines.values()]
    PAGE.write_text(f"{before}{slot}\n{on}\n\n" + "\n".join(table) + "\n", encoding="utf-8")


def main(words: Sequence[str]) -> int:
    """Run the tests, write the page, and return pytest's exit code."""
    os.environ.setdefault("MAGICLINK_TEST_ROUNDS", ROUNDS)
    os.environ["MAGICLINK_TEST_LARGE"] = "1"
    account = Account()
    chosen = ["-k", " ".join(words)] if words else []
    files = [str(STORES / name) for name in FILES]
    # A large run takes longer than the suite's deadline for a test.
    code = int(pytest.main([*files, "--timeout=0", "-q", "-p", "no:cacheprovider", *chosen], plugins=[account]))
    for line in account.lines.values():
        print(line.row())
    if not words:
        write_page(account)
    return code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
