"""`python -m tests.benchmarks [row …]`: every benchmark that can run here, or the rows that are named, as one table.

A run of all rows also writes `docs/performance.md` and the plot in it. It takes some minutes, and says more where
nothing else runs beside it.
"""

from __future__ import annotations

import sys
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

from .pairs import Row, found_by, header, line
from .plot import svg

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

DOCS = Path(__file__).resolve().parents[2] / "docs"
ROOMS = ("tokens", "links", "postgres", "redis_store", "growth", "web", "peers")
SLOT = "<!-- table -->\n"


def rows(chosen: Sequence[str]) -> Iterator[Row]:
    """Measure room by room; one whose driver or framework isn't here is left out, and says so."""
    for room in ROOMS:
        try:
            measures = import_module(f".{room}", __package__).MEASURES
        except (ImportError, AttributeError) as error:
            print(f"{room}: {error}", file=sys.stderr)
        else:
            yield from found_by(measures, chosen)


def tell(found: Sequence[Row]) -> None:
    """Put the table and the plot into the docs."""
    page = DOCS / "performance.md"
    before, slot, _ = page.read_text(encoding="utf-8").partition(SLOT)
    table = ["| row | what | target | found | |", "|---|---|---|---|---|", *map(_cells, sorted(found, key=_place))]
    page.write_text(before + slot + "\n" + "\n".join(table) + "\n", encoding="utf-8")
    (DOCS / "performance.svg").write_text(svg(sorted(found, key=_place)), encoding="utf-8")


def _place(row: Row) -> int:
    return int(row.number[1:])


def _cells(row: Row) -> str:
    verdict = {True: "met", False: "missed", None: "not measured"}[row.is_met]
    return f"| {' | '.join((row.number, row.what.replace('|', '/'), *row.words, verdict))} |"


def main(chosen: Sequence[str]) -> None:
    """Print the table as it grows."""
    print(header())
    found = []
    for row in rows(chosen):
        print(line(row), flush=True)
        found.append(row)
    if not chosen:
        tell(found)


if __name__ == "__main__":
    main(sys.argv[1:])
