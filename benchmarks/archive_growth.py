"""How the time of a search grows with the archive: as a table, and as a drawing."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.table import Table

_COLOURS = {"sqlite": "#1f6f8b", "postgresql": "#c2571a"}
_WIDTH, _HEIGHT, _LEFT, _TOP = 300, 170, 46, 34
#: Milliseconds that a drawing reaches from and to, by powers of ten.
_LOW, _HIGH = -1, 3


@dataclass(frozen=True, slots=True)
class Point:
    """One kind of question on one engine at one size; milliseconds."""

    engine: str
    count: int
    kind: str
    median: float
    telling: float
    percent: int
    bar: float


def growth_table(points: Sequence[Point]) -> Table:
    """A row an engine and kind, a column a size: median and the percentile of the bar."""
    sizes = sorted({point.count for point in points})
    table = Table("engine", "query", *(f"{size:,}" for size in sizes), "bar", title="growth, ms")
    for engine, kind in dict.fromkeys((point.engine, point.kind) for point in points):
        row = {p.count: p for p in points if (p.engine, p.kind) == (engine, kind)}
        cells = [f"{row[s].median:.1f} / {row[s].telling:.1f}" if s in row else "" for s in sizes]
        some = next(iter(row.values()))
        table.add_row(engine, kind, *cells, f"p50 / p{some.percent} <= {some.bar:.0f}")
    return table


def draw(points: Sequence[Point], target: Path, caption: str) -> None:
    """The same as an SVG: a panel a kind, milliseconds against invoices, both by powers of ten;
    the bar is dashed."""
    kinds = list(dict.fromkeys(point.kind for point in points))
    width, height = 2 * (_WIDTH + _LEFT) + 20, math.ceil(len(kinds) / 2) * (_HEIGHT + 60) + 40
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}"',
        'font-family="sans-serif" font-size="11" fill="#333">',
        f'<rect width="{width}" height="{height}" fill="#fff"/>',
        f'<text x="10" y="{height - 10}">{caption}</text>',
    ]
    for at, kind in enumerate(kinds):
        across, down = at % 2 * (_WIDTH + _LEFT), at // 2 * (_HEIGHT + 60)
        panel = _panel([point for point in points if point.kind == kind], kind)
        parts.append(f'<g transform="translate({across + _LEFT} {down + _TOP})">{panel}</g>')
    for at, (engine, colour) in enumerate(_COLOURS.items()):
        parts.append(f'<text x="{width - 200 + at * 80}" y="{height - 10}" fill="{colour}">')
        parts.append(f"{engine}</text>")
    target.write_text("\n".join([*parts, "</svg>\n"]))


def _panel(points: Sequence[Point], kind: str) -> str:
    sizes = sorted({point.count for point in points})
    low, high = math.log10(sizes[0]), math.log10(sizes[-1])

    def x(count: int) -> float:
        return _WIDTH * 0.9 * (math.log10(count) - low) / (high - low or 1)

    def y(spent: float) -> float:
        power = min(max(math.log10(max(spent, 0.001)), _LOW), _HIGH)
        return _HEIGHT * (1 - (power - _LOW) / (_HIGH - _LOW))

    bar, percent = points[0].bar, points[0].percent
    parts = [f'<text x="0" y="-12" font-weight="bold">{kind}, p{percent}</text>']
    for power in range(_LOW, _HIGH + 1):
        at = y(10**power)
        parts.append(f'<line x1="0" x2="{_WIDTH}" y1="{at:.0f}" y2="{at:.0f}" stroke="#e4e4e4"/>')
        parts.append(f'<text x="-6" y="{at + 4:.0f}" text-anchor="end">{10**power:g} ms</text>')
    for size in sizes:
        anchor = f'x="{x(size):.0f}" y="{_HEIGHT + 16}"'
        parts.append(f"<text {anchor}>{size:,}</text>")
    at = y(bar)
    parts.append(
        f'<line x1="0" x2="{_WIDTH}" y1="{at:.0f}" y2="{at:.0f}" stroke="#a00" '
        'stroke-dasharray="5 4"/>'
    )
    for engine, colour in _COLOURS.items():
        line = sorted((p.count, p.telling) for p in points if p.engine == engine)
        path = " ".join(f"{x(count):.0f},{y(spent):.1f}" for count, spent in line)
        parts.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"/>')
        parts += [
            f'<circle cx="{x(count):.0f}" cy="{y(spent):.1f}" r="3" fill="{colour}"/>'
            for count, spent in line
        ]
    return "".join(parts)
