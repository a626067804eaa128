"""Bar charts as plain numbers for `templates/_charts.html`, which draws them as SVG: no script, no
style attribute (the content policy allows neither)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

WIDTH, HEIGHT = 360, 190
_LEFT, _RIGHT, _TOP, _BOTTOM = 8, 8, 24, 26


@dataclass(frozen=True, slots=True)
class Bar:
    """A rectangle in the drawing's units; `series` counts from 0 and names its colour."""

    x: float
    y: float
    width: float
    height: float
    series: int


@dataclass(frozen=True, slots=True)
class Chart:
    """`top` is the value of the upper line, `labels` stand below with the middle of their place."""

    bars: tuple[Bar, ...]
    labels: tuple[tuple[float, str], ...]
    top: float
    width: int = WIDTH
    height: int = HEIGHT
    ceiling: int = _TOP
    floor: int = HEIGHT - _BOTTOM


def round_up(value: float) -> float:
    """The next 1, 2 or 5 with zeros; 1 for nothing at all."""
    if value <= 0:
        return 1
    power = 1.0
    while power * 10 <= value:
        power *= 10
    while power > value:
        power /= 10
    return next(step * power for step in (1, 2, 5, 10) if step * power >= value)


def chart(labels: Sequence[str], series: Sequence[Sequence[float]], *, stacked: bool) -> Chart:
    """One group of bars a label. Each of `series` has a value (not below 0) a label."""
    groups = list(zip(*series, strict=True))
    top = round_up(max((sum(g) if stacked else max(g) for g in groups), default=0))
    place = (WIDTH - _LEFT - _RIGHT) / max(1, len(labels))
    bars: list[Bar] = []
    for number, group in enumerate(groups):
        left = _LEFT + place * number + place * 0.14
        bars += _group(group, left, place * 0.72, top, stacked)
    middles = tuple((round(_LEFT + place * (n + 0.5), 1), text) for n, text in enumerate(labels))
    return Chart(tuple(bars), middles, top)


def _group(
    values: Sequence[float], left: float, width: float, top: float, stacked: bool
) -> list[Bar]:
    room, base = HEIGHT - _TOP - _BOTTOM, float(HEIGHT - _BOTTOM)
    each = width if stacked else width / len(values)
    found = []
    for series, value in enumerate(values):
        if value <= 0:
            continue
        height = value / top * room
        x = left if stacked else left + each * series
        found.append(
            Bar(round(x, 1), round(base - height, 1), round(each, 1), round(height, 1), series)
        )
        if stacked:
            base -= height
    return found
