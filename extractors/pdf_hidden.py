"""Text of a PDF page that nobody can see: it must not be believed over what is seen.

The page is drawn once, small and grey, and text where no ink appears is hidden, whatever hid it:
the invisible mode, white on white, a layer switched off, a clip. Two ways leave ink of others in
the same place and are told by the objects themselves: pale text among dark, and text under a
picture or a filled rectangle that was drawn later.
"""

from __future__ import annotations

import ctypes
import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
import pypdfium2 as pdfium
import pypdfium2.raw as c

from extractors.pdf_glyphs import Frame, Glyph, Handle, Place
from extractors.recogniser import Image

#: Neighbouring pixels that differ by more show an edge of ink; paper's own noise is less.
_EDGE = 20
#: Fill colours from here up are pale, and show only on ground darker by `_PALER`.
_PALE = 225
_PALER = 40
#: An object more opaque than this hides what lies below (of 255).
_OPAQUE = 200
_LEAST_ALPHA = 12
#: A glyph lower than this, in points, is no print.
_LEAST_HEIGHT = 1.2
#: Share of a glyph that must be covered.
_COVERED = 0.6
#: Forms inside forms are followed this far.
_DEPTH = 6
_MOST_OBJECTS = 50_000
#: A rectangle is drawn with this many segments at most.
_RECTANGLE = 6
_INVISIBLE = frozenset({c.FPDF_TEXTRENDERMODE_INVISIBLE, c.FPDF_TEXTRENDERMODE_CLIP})
_STROKED = c.FPDF_TEXTRENDERMODE_STROKE

Matrix = tuple[float, float, float, float, float, float]
_IDENTITY: Matrix = (1.0, 0.0, 0.0, 1.0, 0.0, 0.0)


@dataclass(frozen=True, slots=True)
class _Ink:
    """How a text object is drawn: at which turn, and how bright (None: not at all)."""

    order: int
    brightness: int | None


@dataclass(frozen=True, slots=True)
class _Cover:
    """A rectangle or picture, drawn in turn; `opaque` is asked only when text lies beneath."""

    order: int
    place: Place
    opaque: Callable[[], bool]


@dataclass(slots=True)
class Drawing:
    """What the objects of a page say: how each text is drawn, and what covers what was before."""

    texts: dict[int, _Ink] = field(default_factory=dict)
    covers: list[_Cover] = field(default_factory=list)
    pictures: list[tuple[Handle, Place]] = field(default_factory=list)
    paths: int = 0


def drawing_of(document: pdfium.PdfDocument, page: pdfium.PdfPage, frame: Frame) -> Drawing:
    """The page's objects in the order in which they are drawn, forms opened."""
    drawing = Drawing()
    numbers = itertools.count()
    shown = frame.shown()
    for target, kind, matrix in _objects(page):
        order = next(numbers)
        if order >= _MOST_OBJECTS:
            break
        if kind == c.FPDF_PAGEOBJ_TEXT:
            drawing.texts[ctypes.addressof(target.contents)] = _Ink(order, _brightness(target))
        elif kind in (c.FPDF_PAGEOBJ_PATH, c.FPDF_PAGEOBJ_IMAGE):
            picture = kind == c.FPDF_PAGEOBJ_IMAGE
            drawing.paths += not picture
            if not picture and not _is_filled_rectangle(target):
                continue
            place = _place(target, matrix)
            if place is None:
                continue
            where = shown(*place)
            if picture:
                drawing.pictures.append((target, where))
            ask = _opaque_picture(document, page, target) if picture else _opaque_path(target)
            drawing.covers.append(_Cover(order, where, ask))
    return drawing


def hidden(
    glyphs: Sequence[Glyph], drawing: Drawing, grey: Image, frame: Frame
) -> npt.NDArray[np.bool_]:
    """Which of the glyphs cannot be seen. `grey` is the page drawn at any scale; spaces, which
    have nothing to see, go with what is visible."""
    if not glyphs:
        return np.zeros(0, dtype=bool)
    boxes = np.array([(glyph.x0, glyph.y0, glyph.x1, glyph.y1) for glyph in glyphs])
    pixels = _pixels(boxes, grey, frame)
    found = ~_has_ink(grey, pixels) | (boxes[:, 3] - boxes[:, 1] < _LEAST_HEIGHT)
    for index, glyph in enumerate(glyphs):
        ink = drawing.texts.get(glyph.owner)
        if glyph.char.isspace():
            found[index] = False
        elif ink is not None and not found[index]:
            found[index] = (
                ink.brightness is None
                or (ink.brightness >= _PALE and not _on_dark(grey, pixels[index], ink.brightness))
                or _is_covered(glyph, ink.order, drawing.covers)
            )
    return np.asarray(found)


def _objects(page: pdfium.PdfPage) -> Iterator[tuple[Handle, int, Matrix]]:
    """Every object that draws, with the matrix of the form that it stands in."""
    for index in range(c.FPDFPage_CountObjects(page)):
        yield from _opened(c.FPDFPage_GetObject(page, index), _IDENTITY, 0)


def _opened(target: Handle, matrix: Matrix, depth: int) -> Iterator[tuple[Handle, int, Matrix]]:
    kind = c.FPDFPageObj_GetType(target)
    if kind != c.FPDF_PAGEOBJ_FORM:
        yield target, kind, matrix
        return
    if depth >= _DEPTH:
        return
    own = c.FS_MATRIX()
    if c.FPDFPageObj_GetMatrix(target, own):
        matrix = _times((own.a, own.b, own.c, own.d, own.e, own.f), matrix)
    for index in range(max(0, c.FPDFFormObj_CountObjects(target))):
        yield from _opened(c.FPDFFormObj_GetObject(target, index), matrix, depth + 1)


def _times(one: Matrix, two: Matrix) -> Matrix:
    a, b, c_, d, e, f = one
    a2, b2, c2, d2, e2, f2 = two
    return (
        a * a2 + b * c2,
        a * b2 + b * d2,
        c_ * a2 + d * c2,
        c_ * b2 + d * d2,
        e * a2 + f * c2 + e2,
        e * b2 + f * d2 + f2,
    )


def _brightness(target: Handle) -> int | None:
    """Of a text's colour, 0 to 255; None when it is drawn invisibly."""
    mode = c.FPDFTextObj_GetTextRenderMode(target)
    if mode in _INVISIBLE:
        return None
    ask = c.FPDFPageObj_GetStrokeColor if mode == _STROKED else c.FPDFPageObj_GetFillColor
    colour = _colour(ask, target)
    if colour is None:
        return 0  # a pattern: whether it shows is seen on the drawn page
    red, green, blue, alpha = colour
    return None if alpha < _LEAST_ALPHA else min(red, green, blue)


def _colour(ask: Any, target: Handle) -> tuple[int, int, int, int] | None:
    parts = [ctypes.c_uint() for _ in range(4)]
    if not ask(target, *parts):
        return None
    red, green, blue, alpha = (part.value for part in parts)
    return red, green, blue, alpha


def _is_filled_rectangle(target: Handle) -> bool:
    """Only rectangles are told to cover: of other shapes the bounds say too little."""
    if c.FPDFPath_CountSegments(target) > _RECTANGLE:
        return False
    mode, stroked = ctypes.c_int(), ctypes.c_int()
    return bool(c.FPDFPath_GetDrawMode(target, mode, stroked)) and mode.value != 0


def _opaque_path(target: Handle) -> Callable[[], bool]:
    @cache
    def ask() -> bool:
        colour = _colour(c.FPDFPageObj_GetFillColor, target)
        return (
            not c.FPDFPageObj_HasTransparency(target)
            and colour is not None
            and colour[3] >= _OPAQUE
        )

    return ask


def _opaque_picture(
    document: pdfium.PdfDocument, page: pdfium.PdfPage, target: Handle
) -> Callable[[], bool]:
    """Drawn once by itself: a seal's picture lets the print beneath it show through a mask."""

    @cache
    def ask() -> bool:
        if c.FPDFPageObj_HasTransparency(target):
            return False
        bitmap = c.FPDFImageObj_GetRenderedBitmap(document, page, target)
        if not bitmap:
            return False
        # Freed when it is collected; nothing of it is kept.
        pixels = pdfium.PdfBitmap.from_raw(bitmap).to_numpy()
        masked = pixels.ndim == 3 and pixels.shape[2] == 4
        return not masked or float(pixels[:, :, 3].mean()) >= _OPAQUE

    return ask


def _place(target: Handle, matrix: Matrix) -> Place | None:
    """Left, bottom, right, top in the page's own coordinates."""
    left, bottom, right, top = (ctypes.c_float() for _ in range(4))
    if not c.FPDFPageObj_GetBounds(target, left, bottom, right, top):
        return None
    a, b, c_, d, e, f = matrix
    corners = [
        (a * x + c_ * y + e, b * x + d * y + f)
        for x in (left.value, right.value)
        for y in (bottom.value, top.value)
    ]
    xs, ys = [x for x, _ in corners], [y for _, y in corners]
    return min(xs), min(ys), max(xs), max(ys)


def _pixels(boxes: npt.NDArray[np.float64], grey: Image, frame: Frame) -> npt.NDArray[np.intp]:
    """Boxes in points as whole pixels of `grey`, inside it and never empty."""
    height, width = grey.shape[:2]
    scale = np.array([width / frame.width, height / frame.height] * 2)
    most = np.array([width, height, width, height])
    spread = np.stack([np.floor(boxes[:, :2] * scale[:2]), np.ceil(boxes[:, 2:] * scale[2:])])
    whole = np.concatenate([spread[0], spread[1]], axis=1)
    return np.asarray(np.clip(whole, 0, most), dtype=np.intp)


def _has_ink(grey: Image, pixels: npt.NDArray[np.intp]) -> npt.NDArray[np.bool_]:
    """Whether an edge shows inside each box; by a summed table, for all boxes at once."""
    if min(grey.shape) < 2:  # a page drawn as a line shows nothing either way
        return np.ones(len(pixels), dtype=np.bool_)
    edges = np.zeros(grey.shape, dtype=np.uint8)
    edges[:, 1:] |= cv2.absdiff(grey[:, 1:], grey[:, :-1]) > _EDGE
    edges[1:, :] |= cv2.absdiff(grey[1:, :], grey[:-1, :]) > _EDGE
    table = cv2.integral(edges)
    x0, y0, x1, y1 = pixels.T
    return np.asarray(table[y1, x1] - table[y0, x1] - table[y1, x0] + table[y0, x0] > 0)


def _on_dark(grey: Image, pixels: npt.NDArray[np.intp], brightness: int) -> bool:
    x0, y0, x1, y1 = pixels
    box = grey[y0:y1, x0:x1]
    return bool(box.size) and float(np.median(box)) <= brightness - _PALER


def _is_covered(glyph: Glyph, order: int, covers: Sequence[_Cover]) -> bool:
    area = (glyph.x1 - glyph.x0) * (glyph.y1 - glyph.y0)
    if area <= 0:
        return False
    return any(
        cover.order > order and _shared(glyph, cover.place) >= _COVERED * area and cover.opaque()
        for cover in covers
    )


def _shared(glyph: Glyph, place: Place) -> float:
    x0, y0, x1, y1 = place
    across = min(glyph.x1, x1) - max(glyph.x0, x0)
    down = min(glyph.y1, y1) - max(glyph.y0, y0)
    return across * down if across > 0 and down > 0 else 0.0
