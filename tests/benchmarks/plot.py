"""The plot of the docs: every ratio against its target, on one scale, as an SVG without scripts or fonts."""

from __future__ import annotations

from math import log2
from typing import TYPE_CHECKING
from xml.sax.saxutils import escape

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from .pairs import Row

LINE, LABELS, SCALE = 22, 460, 90
"""Pixels: a row's height, the width of its name, and the length of a factor of two."""

REACH = 3
"""Factors of two to either side of the target; what lies beyond is cut there."""

WIDTH = LABELS + 2 * REACH * SCALE + 170
MET, MISSED = "#2a7f62", "#b3541e"
STYLE = "font: 12px system-ui, sans-serif; fill: #222"


def svg(rows: Sequence[Row]) -> str:
    """Draw the rows that were measured: a bar to the left of the line is better than its target, to the right worse."""
    drawn = [row for row in rows if row.found]
    height = LINE * (len(drawn) + 2)
    middle = LABELS + REACH * SCALE
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" height="{height}">',
        "<title>Every ratio against its target</title>",
        f'<rect width="{WIDTH}" height="{height}" fill="#fff"/>',
        f'<g style="{STYLE}">',
        *_draw_scale(middle, height),
        *(part for index, row in enumerate(drawn, 1) for part in _draw_bar(row, middle, index * LINE)),
        "</g>",
        "</svg>",
    ]
    return "\n".join(parts) + "\n"


def _draw_scale(middle: int, height: int) -> Iterator[str]:
    for factor in range(-REACH, REACH + 1):
        x, colour = middle + factor * SCALE, "#222" if factor == 0 else "#ddd"
        name = "target" if factor == 0 else f"{2 ** abs(factor)}× {'better' if factor < 0 else 'worse'}"
        yield f'<line x1="{x}" x2="{x}" y1="{LINE}" y2="{height - LINE // 2}" stroke="{colour}"/>'
        yield f'<text x="{x}" y="{LINE - 7}" text-anchor="middle">{name}</text>'


def _draw_bar(row: Row, middle: int, top: int) -> Iterator[str]:
    target, found = row.words
    length = max(-REACH, min(REACH, log2(row.worse))) * SCALE
    x, colour, mark = min(middle, middle + length), MET if row.is_met else MISSED, "" if row.is_met else " (missed)"
    yield f'<text x="{LABELS - 10}" y="{top + 15}" text-anchor="end">{row.number} {escape(row.what)}</text>'
    yield f'<rect x="{x:.1f}" y="{top + 4}" width="{abs(length):.1f}" height="{LINE - 8}" fill="{colour}"/>'
    yield f'<text x="{WIDTH - 160}" y="{top + 15}">{escape(f"{found}, {target}{mark}")}</text>'
