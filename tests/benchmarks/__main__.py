"""`python -m tests.benchmarks [row …]`: every benchmark that can run here, or the rows that are named, as one table.

A run of all rows also writes `docs/performance.md` and the plot in it. It takes some minutes, and says more where
nothing else runs beside it.
"""

from __future__ import annotations

import os
import sys
from importlib import import_module
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

from .pairs import Row, found_by, header, line
from .plot import svg

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

DOCS = Path(__file__).resolve().parents[2] / "docs"
ROOMS = ("tokens", "links", "postgres", "redis_store", "django_store", "sqlalchemy_store", "growth", "web", "peers")
SLOT = "<!-- table -->\n"
BUSY = "While it ran, {:.1f} processes wanted each processor: from two on, rows that wait for a disk tell little."


def rows(chosen: Sequence[str]) -> Iterator[Row]:
    """Measure room by room; one whose driver or framework isn't here is left out, and says so."""
    for room in ROOMS:
        try:
            measures = import_module(f".{room}", __package__).MEASURES
        except (ImportError, AttributeError) as error:
            print(f"{room}: {error}", file=sys.stderr)
        else:
            yield from found_by(measures, chosen)


def tell(found: Sequence[Row], load: float) -> None:
    """Put the table and the plot into the docs, and how busy each processor was while it was measured."""
    page = DOCS / "performance.md"
    before, slot, _ = page.read_text(encoding="utf-8").partition(SLOT)
    table = ["| row | what | target | found | |", "|---|---|---|---|---|", *map(_cells, sorted(found, key=_place))]
    page.write_text(f"{before}{slot}\n{BUSY.format(load)}\n\n" + "\n".join(table) + "\n", encoding="utf-8")
    (DOCS / "performance.svg").write_text(svg(sorted(found, key=_place)), encoding="utf-8")


def _place(row: Row) -> int:
    return int(row.number[1:])


def _cells(row: Row) -> str:
    verdict = {True: "met", False: "missed", None: "not measured"}[row.is_met]
    return f"| {' | '.join((row.number, row.what.replace('|', '/'), *row.words, verdict))} |"


def main(chosen: Sequence[str]) -> None:
    """Print the table as it grows."""
    print(header())
    found, loads = [], []
    for row in rows(chosen):
        print(line(row), flush=True)
        found.append(row)
        loads.append(os.getloadavg()[0] / (os.cpu_count() or 1))
    if not chosen:
        tell(found, median(loads))


if __name__ == "__main__":
    main(sys.argv[1:])
