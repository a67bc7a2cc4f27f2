"""How all benchmarks measure, and what they return: ratios of two calls, timed in turns.

Absolute times differ from machine to machine and from minute to minute. So a call is timed right beside what it is
compared to (A B A B …), and the result is the median of the ratios of the rounds: what slows the machine down slows
both. The same holds for what a call adds to another one. Nothing here fails on a slow machine, and no test imports it.
"""

from __future__ import annotations

from statistics import median
from time import perf_counter
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    Call = Callable[[], object]
    Clock = Callable[[], float]
    Measure = Callable[[], Iterable["Row"]]
    Measures = Sequence[tuple[str, Measure]]


class Row(NamedTuple):
    """One line of the table: a target's number, what is divided by what, the target, and the ratio that was found."""

    number: str
    what: str
    bound: str
    """`≤` or `≥`."""
    target: float
    found: float | None
    """None where it couldn't be measured here; then `why` says what is missing."""
    why: str = ""

    @property
    def is_met(self) -> bool | None:
        """Return whether the target is met, to the digits that the table shows; None where nothing was measured."""
        if self.found is None:
            return None
        found = float(number(self.found))
        return found <= self.target if self.bound == "≤" else found >= self.target

    @property
    def worse(self) -> float:
        """Return how many times worse than its target it is; below one it's better."""
        found = self.found or self.target
        return found / self.target if self.bound == "≤" else self.target / found

    @property
    def words(self) -> tuple[str, str]:
        """Return the target and what was found, as a table shows them."""
        return f"{self.bound} {number(self.target)}", self.why if self.found is None else number(self.found)


def number(value: float) -> str:
    """Write a ratio: two decimals where it's small, one where it's larger, none from a hundred on."""
    return f"{value:.{2 if value < 10 else 1 if value < 100 else 0}f}"


def seconds(call: Call, calls: int, clock: Clock = perf_counter) -> float:
    """Time some calls in a row."""
    start = clock()
    for _ in range(calls):
        call()
    return clock() - start


def ratio(one: Call, other: Call, *, rounds: int, calls: int = 1, clock: Clock = perf_counter) -> float:
    """Return the median, over rounds, of what one costs in the time of the other."""
    return median(seconds(one, calls, clock) / seconds(other, calls, clock) for _ in range(rounds))


def ratio_of_added(one: Call, other: Call, bare: Call, *, rounds: int, calls: int = 1) -> float:
    """Return the median, over rounds, of what one adds to the bare call, in the time of the other."""
    times = [[seconds(call, calls) for call in (one, bare, other)] for _ in range(rounds)]
    return median((first - second) / third for first, second, third in times)


def header() -> str:
    """Write the first line of the table."""
    return f"{'':5}{'what':62}{'target':>8}  found"


def line(row: Row) -> str:
    """Write a row."""
    target, found = row.words
    return f"{row.number:5}{row.what:62}{target:>8}  {found}{'  missed' if row.is_met is False else ''}"


def measure(measures: Measures, chosen: Sequence[str] = ()) -> Iterator[Row]:
    """Measure the rows that were chosen by their numbers, or all."""
    for row_number, rows in measures:
        if not chosen or row_number in chosen:
            yield from rows()
