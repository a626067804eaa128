"""PaddleOCR on ONNX Runtime: a page picture becomes words, in stages.

The engine is imported and loaded on first use (it takes seconds) and kept; one instance serves
one thread. Every model comes from a local folder: nothing is fetched over the network.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from statistics import median

import numpy as np

from extractors.faces import printed_words
from extractors.images import Pixels
from extractors.kinds import kind_from_name
from extractors.layout.mending import goods_classes
from extractors.model import Box, Kind
from extractors.models import ModelFolders, model_folders
from extractors.prepare import Prepared, prepared, quality
from extractors.recogniser import RecognisedPage
from extractors.recognition.doubt import PRINTED
from extractors.recognition.engine import Engine, Line
from extractors.recognition.find import Quad
from extractors.recognition.lean import levelled, upside_down
from extractors.recognition.poor import WORN, Sight
from extractors.recognition.read import Reading
from extractors.seal import Strip, title_without_seal
from extractors.words import PageWords, Word

#: Runs that the engine itself holds for noise.
LEAST_SCORE = 0.3
#: A region is cut with so much of its height around it: boxes hug their words.
_MARGIN = 0.35
_HALF_TURN = 180
#: Where the typical line scores less, a few of the longest are tried upside down, and the page
#: is turned if they score so much better.
_POOR, _FEW_LINES, _TRIED, _BETTER = 0.85, 5, 6, 0.1


class PaddleRecogniser:
    """The `Recogniser` of production. `threads` is per instance: a pool of one-thread processes
    has more throughput than one process with many. `size` is `small` (doubtful lines are read
    again by the small model) or `tiny` (they are not)."""

    def __init__(
        self, threads: int = 1, size: str = "small", folders: ModelFolders | None = None
    ) -> None:
        if threads < 1:
            raise ValueError("threads must be at least 1")
        if size not in ("small", "tiny"):
            raise ValueError(f"size must be small or tiny, not {size!r}")
        self._threads = threads
        self._size = size
        self._folders = folders
        self._engine: Engine | None = None

    def load(self) -> None:
        """Load the models now. Raises `EngineMissing`."""
        self._loaded()

    def recognise(self, image: Pixels, page: int) -> RecognisedPage:
        """Read one page picture (BGR uint8). The page is first cut out and levelled; boxes are
        fractions of the returned upright picture. `rotation` is the clockwise turn applied.
        Raises `EngineMissing`."""
        engine = self._loaded()
        ready = prepared(image)
        upright, turned = engine.upright(ready.pixels)
        worn = quality(upright).worn
        upright, lines, turned = _read_right_way_up(engine, ready, upright, turned, poor=worn)
        upright, quads = levelled(upright, [line.quad for line in lines])
        lines = [replace(line, quad=quad) for line, quad in zip(lines, quads, strict=True)]
        height, width = upright.shape[:2]
        found = _words(lines, width, height, page)
        if worn or any(line.poor for line in lines):
            found = tuple(_less_sure(word) for word in found)
        words = PageWords(page=page, width=width, height=height, words=found)
        return self._with_title(RecognisedPage(words=words, rotation=turned, image=upright))

    def upright(self, image: Pixels, rotation: int) -> Pixels:
        """The upright picture that `recognise` returned for a page which it turned by `rotation`,
        without reading it again: what its boxes lie on. Raises `EngineMissing`."""
        engine = self._loaded()
        picture, turned = engine.upright(prepared(image).pixels)
        quads = engine.find(picture)
        if (rotation - turned) % 360 == _HALF_TURN:
            picture, quads = upside_down(picture, quads)
        return levelled(picture, quads)[0]

    def recognise_region(self, image: Pixels, boxes: Iterable[Box]) -> tuple[Word, ...]:
        """A second, closer look at parts of a page: the words in `boxes` (fractions of `image`,
        an upright page as `recognise` returns it), read by the best model from an enlarged
        picture. Words come box by box; their boxes are fractions of the page.
        Raises `EngineMissing`."""
        engine = self._loaded()
        found: list[Word] = []
        for box in boxes:
            strip = _cut_out(image, box)
            if strip is None:
                continue
            height, width = strip.pixels.shape[:2]
            lines = engine.read_closely(strip.pixels)
            found.extend(_on_page(word, strip) for word in _words(lines, width, height, box.page))
        return tuple(found)

    def _loaded(self) -> Engine:
        if self._engine is None:
            folders = self._folders or model_folders()
            self._engine = Engine(
                folders,
                self._threads,
                twice=self._size == "small",
                printed=_printed,
                known=goods_classes,
            )
        return self._engine

    def _with_title(self, page: RecognisedPage) -> RecognisedPage:
        """The page with what a second look under the title's seal adds. Only where the first
        look found no title, and only at what the first look did not see."""
        if _has_title(page.words):
            return page
        strip = title_without_seal(page.image)
        if strip is None:
            return page
        engine, number = self._loaded(), page.words.page
        height, width = strip.pixels.shape[:2]
        lines = engine.read(strip.pixels, engine.find(strip.pixels))
        found = [_on_page(word, strip) for word in _words(lines, width, height, number)]
        added = [word for word in found if not _is_covered(word, page.words.words)]
        words = (*_not_replaced(page.words.words, added), *added)
        return replace(page, words=page.words.model_copy(update={"words": words}))


def _printed() -> frozenset[str]:
    return PRINTED | printed_words()


def _read_right_way_up(
    engine: Engine, ready: Prepared, picture: Pixels, turned: int, *, poor: bool
) -> tuple[Pixels, list[Line], int]:
    """The picture, its lines and its turn; upside down where it reads far better so. The look at
    the whole page mistakes slips, whose print is even, for their own reverse."""
    quads = engine.find(picture)
    lines = engine.read(picture, quads, sight=Sight(ready, turned), poor=poor)
    if len(lines) < _FEW_LINES or median(line.reading.score for line in lines) > _POOR:
        return picture, lines, turned
    longest = sorted(lines, key=lambda line: -_length(line.quad))[:_TRIED]
    over, tried = upside_down(picture, [line.quad for line in longest])
    before = median(line.reading.score for line in longest)
    if median(engine.certainty(over, tried)) < before + _BETTER:
        return picture, lines, turned
    over, quads = upside_down(picture, quads)
    turned = (turned + 180) % 360
    return over, engine.read(over, quads, sight=Sight(ready, turned), poor=poor), turned


def _length(quad: Quad) -> float:
    return float(np.hypot(*(quad[1] - quad[0])))


def _words(lines: Iterable[Line], width: int, height: int, page: int) -> tuple[Word, ...]:
    return tuple(
        _word(line.reading, _box(line.quad, width, height, page))
        for line in lines
        if line.reading.text.strip() and line.reading.score >= LEAST_SCORE
    )


def _word(reading: Reading, box: Box) -> Word:
    before = len(reading.text) - len(reading.text.lstrip())
    bare = reading.part(before, len(reading.text.rstrip()))
    sure = min(1.0, max(0.0, reading.score))
    return Word(text=bare.text, box=box, confidence=sure, most=reading.most, weighed=bare.weighed)


def _less_sure(word: Word) -> Word:
    """A word of a poor page: it counts where something else proves it, and is doubtful else."""
    return word.model_copy(update={"confidence": min(word.confidence, WORN), "most": WORN})


def _box(quad: Quad, width: int, height: int, page: int) -> Box:
    (left, top), (right, bottom) = quad.min(axis=0).tolist(), quad.max(axis=0).tolist()
    return Box(page=page, x0=left / width, y0=top / height, x1=right / width, y1=bottom / height)


def _cut_out(image: Pixels, box: Box) -> Strip | None:
    """The part of a page within `box` and a little around it; None where there is nothing."""
    height, width = image.shape[:2]
    margin = _MARGIN * (box.y1 - box.y0) * height
    left, right = max(0, int(box.x0 * width - margin)), min(width, int(box.x1 * width + margin))
    top, bottom = max(0, int(box.y0 * height - margin)), min(height, int(box.y1 * height + margin))
    if right - left < 2 or bottom - top < 2:
        return None
    pixels = np.ascontiguousarray(image[top:bottom, left:right])
    return Strip(pixels, left / width, top / height, right / width, bottom / height)


def _has_title(words: PageWords) -> bool:
    """Does the head of the page name a kind of invoice?"""
    head = [word.text for word in words.words if word.box.y1 < 0.3]
    return any(kind_from_name(text) is not Kind.UNKNOWN for text in (*head, "".join(head)))


def _on_page(word: Word, strip: Strip) -> Word:
    """A word of the strip, its box on the page."""
    across, down = strip.x1 - strip.x0, strip.y1 - strip.y0
    box = Box(
        page=word.box.page,
        x0=strip.x0 + word.box.x0 * across,
        y0=strip.y0 + word.box.y0 * down,
        x1=strip.x0 + word.box.x1 * across,
        y1=strip.y0 + word.box.y1 * down,
    )
    return word.model_copy(update={"box": box})


def _is_covered(word: Word, others: Sequence[Word]) -> bool:
    """Was the word seen before? A title is worth more than the pieces seen of it."""
    if kind_from_name(word.text) is not Kind.UNKNOWN:
        return False
    return any(_shared(word.box, other.box) > 0.2 for other in others)


def _not_replaced(words: Sequence[Word], added: Sequence[Word]) -> list[Word]:
    return [word for word in words if not any(_shared(word.box, new.box) > 0.5 for new in added)]


def _shared(one: Box, two: Box) -> float:
    """The common area as a share of the first box's area."""
    across = min(one.x1, two.x1) - max(one.x0, two.x0)
    down = min(one.y1, two.y1) - max(one.y0, two.y0)
    area = (one.x1 - one.x0) * (one.y1 - one.y0)
    return max(across, 0.0) * max(down, 0.0) / area if area > 0 else 0.0
