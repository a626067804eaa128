"""Boxes of lines that run over several rows of print, cut into them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from extractors.recognition.find import Quad, in_reading_order

#: A box this much higher than a line and than it is wide holds several rows.
_TALL = 1.4
#: A box is another's when so much of it lies there.
_COVERED = 0.4
#: A short box leans by chance: under this many times its height it is taken to be level.
_SHORT = 3.5
#: No line of a level page rises more than this share of its length.
_LEANING = 0.08
#: Cells above one another fill their rows: they are about as high as a line each. A label down the
#: side stands beside few rows far apart, and a high box of one line has no room for two.
_CROWDED, _FILLED = 0.85, 1.5


def parted(quads: Sequence[Quad]) -> list[Quad]:
    """The lines of a level page, cells above one another that were found as one (件 over 件, 12
    over 1) cut where the other columns have their rows, and lone characters set upright."""
    quads = [_level(quad) if _leans(quad) else quad for quad in quads]
    usual = _usual_height(quads)
    stacks = [quad for quad in quads if _is_tall(quad, usual)]
    if not stacks:
        return quads
    others = [quad for quad in quads if not _is_tall(quad, usual)]
    known = others
    for quad in stacks:
        top, bottom = bounds(quad)[1::2]
        parts = list(_rows(quad, others, usual))
        share = (bottom - top) / (usual * len(parts))
        fills = len(parts) > 1 and _CROWDED < share < _FILLED
        known = [*known, *(parts if fills else [quad])]
    return in_reading_order(known)


def united(best: Sequence[Quad], others: Sequence[Quad]) -> list[Quad]:
    """The lines of a level page from what two detectors found: all of `best`, cut into rows where
    they run over several, and what only the others saw."""
    usual = _usual_height([*best, *others])
    tall = [quad for quad in best if _is_tall(quad, usual)]
    level = [_level(quad) for quad in best if not _is_tall(quad, usual)]
    lone = [
        _level(quad)
        for quad in others
        if not _is_tall(quad, usual) and all(shared(quad, other) < _COVERED for other in level)
    ]
    known = [*level, *lone]
    for quad in tall:
        known.extend(_rows(quad, known, usual))
    return known


def _rows(tall: Quad, known: Sequence[Quad], usual: float) -> Iterator[Quad]:
    """The parts of a tall box that stand in rows which other boxes show; the box itself where no
    two do. Parts that are known already are left out."""
    left, top, right, bottom = bounds(tall)
    spans = sorted(
        (low, high)
        for quad in known
        for _, low, _, high in [bounds(quad)]
        if top - 0.3 * usual < low and high < bottom + 0.3 * usual and high - low < _TALL * usual
    )
    rows: list[list[tuple[float, float]]] = []
    for span in spans:
        if rows and (span[0] + span[1]) / 2 < float(np.median([high for _, high in rows[-1]])):
            rows[-1].append(span)
        else:
            rows.append([span])
    if len(rows) < 2 or right - left > 4 * usual:
        yield tall
        return
    for row in rows:
        low, high = (float(np.median([span[end] for span in row])) for end in (0, 1))
        part = _oblong(left, low, right, high)
        if all(shared(part, quad) < _COVERED and shared(quad, part) < _COVERED for quad in known):
            yield part


def _leans(quad: Quad) -> bool:
    across, down = quad[1] - quad[0]
    return bool(abs(down) > _LEANING * abs(across))


def _level(quad: Quad) -> Quad:
    along, down = sides(quad)
    return _oblong(*bounds(quad)) if along < _SHORT * down else quad


def _is_tall(quad: Quad, usual: float) -> bool:
    left, top, right, bottom = bounds(quad)
    return bottom - top > _TALL * usual and bottom - top > right - left


def _usual_height(quads: Sequence[Quad]) -> float:
    heights = [min(sides(quad)) for quad in quads]
    return float(np.median(heights)) if heights else 0.0


def sides(quad: Quad) -> tuple[float, float]:
    """How long and how high."""
    top, right, bottom, left = (
        float(np.hypot(*(quad[(corner + 1) % 4] - quad[corner]))) for corner in range(4)
    )
    return max(top, bottom, 1.0), max(left, right, 1.0)


def bounds(quad: Quad) -> tuple[float, float, float, float]:
    left, top = quad.min(axis=0).tolist()
    right, bottom = quad.max(axis=0).tolist()
    return left, top, right, bottom


def _oblong(left: float, top: float, right: float, bottom: float) -> Quad:
    return np.array([[left, top], [right, top], [right, bottom], [left, bottom]], dtype=np.float32)


def shared(one: Quad, two: Quad) -> float:
    """The common area as a share of the first one's."""
    left, top, right, bottom = bounds(one)
    others = bounds(two)
    across = min(right, others[2]) - max(left, others[0])
    down = min(bottom, others[3]) - max(top, others[1])
    return max(across, 0.0) * max(down, 0.0) / max((right - left) * (bottom - top), 1.0)
