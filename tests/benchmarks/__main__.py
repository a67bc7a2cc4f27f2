"""`python -m tests.benchmarks [row …]`: every benchmark that can run here, or the rows that are named, as one table.

A run of all rows also writes `docs/performance.md` and its plot. It takes some minutes, and is more precise on an idle
machine.
"""

from __future__ import annotations

import os
import sys
from importlib import import_module
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

from .pairs import Row, header, line, measure
from .plot import svg

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

DOCS = Path(__file__).resolve().parents[2] / "docs"
MODULES = ("tokens", "links", "postgres", "redis_store", "django_store", "sqlalchemy_store", "growth", "web", "peers")
SLOT = "<!-- table -->\n"
BUSY = "While it ran, {:.1f} processes wanted each processor: from two on, rows that wait for a disk say little."


def rows(chosen: Sequence[str]) -> Iterator[Row]:
    """Measure module by module; one whose driver or framework isn't installed is left out, with a line that says so."""
    for name in MODULES:
        try:
            measures = import_module(f".{name}", __package__).MEASURES
        except (ImportError, AttributeError) as error:
            print(f"{name}: {error}", file=sys.stderr)
        else:
            yield from measure(measures, chosen)


def write_page(found: Sequence[Row], load: float) -> None:
    """Write the table and the plot into the docs, and how busy the processors were."""
    page = DOCS / "performance.md"
    before, slot, _ = page.read_text(encoding="utf-8").partition(SLOT)
    table = ["| row | what | target | found | |", "|---|---|---|---|---|", *map(_write_row, sorted(found, key=_number))]
    page.write_text(f"{before}{slot}\n{BUSY.format(load)}\n\n" + "\n".join(table) + "\n", encoding="utf-8")
    (DOCS / "performance.svg").write_text(svg(sorted(found, key=_number)), encoding="utf-8")


def _number(row: Row) -> int:
    return int(row.number[1:])


def _write_row(row: Row) -> str:
    verdict = {True: "met", False: "missed", None: "not measured"}[row.is_met]
    return f"| {' | '.join((row.number, row.what.replace('|', '/'), *row.words, verdict))} |"


def main(chosen: Sequence[str]) -> None:
    """Print the table as it grows."""
    # The servers that measures start wait for the disk, as an app's do.
    os.environ["MAGICLINK_TEST_DURABLE"] = "yes"
    print(header())
    found, loads = [], []
    for row in rows(chosen):
        print(line(row), flush=True)
        found.append(row)
        loads.append(os.getloadavg()[0] / (os.cpu_count() or 1))
    if not chosen:
        write_page(found, median(loads))


if __name__ == "__main__":
    main(sys.argv[1:])
