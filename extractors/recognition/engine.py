"""The order in which the models look: cheap before dear.

Everything is found by the tiny detector and read by the tiny recogniser; the small recogniser,
trained further and five times as dear, reads only what `doubt` says. Poor pages are left to the
small models of both.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cache

import cv2
import numpy as np

from extractors.images import Pixels
from extractors.models import ModelFolders
from extractors.recognition.doubt import better, doubtful_part, joined
from extractors.recognition.find import POOR, USUAL, LineFinder, Quad, in_reading_order
from extractors.recognition.lexicon import Lexicon, common_words
from extractors.recognition.modules import load_best_detection, load_modules
from extractors.recognition.overlooked import overlooked
from extractors.recognition.poor import (
    BEYOND,
    WORN,
    Sight,
    line_picture,
    mended,
    with_room,
    without_room,
)
from extractors.recognition.printed import PrintedWords
from extractors.recognition.read import LineReader, Reading, best_of, cut, less_sure, part_of
from extractors.recognition.rows import parted, shared, united
from extractors.recognition.seams import apart

#: A glance less sure than this may be wrong; a page with so many of them is poor ...
_SURE, _FEW = 0.9, 3
#: ... if this share of its lines is less sure than that.
_LESS_SURE, _TYPICAL = 0.2, 0.978
#: A line of a poor page that is less sure than this is cut in other ways too.
_CLEAR = 0.98
#: A text longer than this that was read twice alike, as a name of goods, was hardly misread twice.
_REPEATED = 6
#: So much of a line lies in another that says the same and more.
_TWICE = 0.3
#: A second look at a part of a page enlarges it to this height at most, and so many times.
_CLOSE_HEIGHT, _CLOSE_TIMES = 320, 2.0
#: What must be done to a page by the orientation that the model names, and the clockwise
#: degrees of it.
_MENDING = {
    "0": (None, 0),
    "90": (cv2.ROTATE_90_COUNTERCLOCKWISE, 270),
    "180": (cv2.ROTATE_180, 180),
    "270": (cv2.ROTATE_90_CLOCKWISE, 90),
}


@dataclass(frozen=True, slots=True)
class Line:
    """A line of text: its corners in pixels, what was read in it, and whether on a poor page."""

    quad: Quad
    reading: Reading
    poor: bool = False


class Engine:
    """One instance serves one thread."""

    def __init__(
        self,
        folders: ModelFolders,
        threads: int,
        *,
        twice: bool,
        printed: Callable[[], Iterable[str]] = tuple,
        known: Callable[[], Iterable[str]] = tuple,
    ) -> None:
        """Loads the models; `twice` says whether doubtful lines get a second, dearer reading.
        On poor pages `printed` words are looked for where lines begin, and these and those
        `known` anywhere among common ones. Raises `EngineMissing`."""
        modules = load_modules(folders, threads, twice=twice)
        limits = POOR if folders.finds_further else USUAL
        self._closer_finder = cache(
            lambda: LineFinder(load_best_detection(folders, threads), limits)
        )
        self._orientation = modules.orientation
        self._finder = LineFinder(modules.detection)
        self._cheap = LineReader(modules.cheap)
        self._dear = LineReader(modules.dear) if modules.dear else None
        self._printed = cache(lambda reader: PrintedWords(printed(), reader.alphabet()))
        self._lexicon = cache(lambda: Lexicon(common_words(), (*printed(), *known())))

    def upright(self, picture: Pixels) -> tuple[Pixels, int]:
        """The picture turned upright, and the clockwise turn in degrees."""
        answer = self._orientation.predict(picture)[0]
        mending, degrees = _MENDING[str(answer["label_names"][0])]
        if mending is None:
            return picture, degrees
        return np.asarray(cv2.rotate(picture, mending), dtype=np.uint8), degrees

    def find(self, picture: Pixels) -> list[Quad]:
        """Where lines stand in an upright picture."""
        return self._finder.find(picture)

    def read(
        self,
        picture: Pixels,
        quads: Sequence[Quad],
        *,
        sight: Sight | None = None,
        poor: bool = False,
    ) -> list[Line]:
        """What the lines say: doubtful ones read twice. A page that is `poor`, or turns out to be,
        is looked at anew, for more lines as well; they are cut from what `sight` has of it."""
        if poor and self._dear is not None:
            return self._read_poor(self._dear, picture, quads, sight)
        found, quads = quads, parted(quads)
        readings = self._cheap.read([cut(picture, quad) for quad in quads])
        poor = is_poor([reading.score for reading in readings])
        if self._dear is not None:
            if poor:
                return self._read_poor(self._dear, picture, found, sight)
            lone = self._lone(picture, quads)
            quads, readings = (
                [*quads, *(quad for quad, _ in lone)],
                [*readings, *(r for _, r in lone)],
            )
            readings = self._twice(self._dear, lambda place: cut(picture, quads[place]), readings)
            if sight is not None and sight.photographed:
                readings = self._under_stamps(self._dear, sight, quads, readings)
        return [
            Line(*cell, poor)
            for quad, reading in zip(quads, readings, strict=True)
            for cell in apart(quad, reading)
        ]

    def _lone(self, picture: Pixels, quads: Sequence[Quad]) -> list[tuple[Quad, Reading]]:
        """Characters that stand by themselves in a row and were not found with its lines."""
        places = overlooked(picture, quads)
        looks = self._cheap.read([cut(picture, place) for place in places])
        return [each for each in zip(places, looks, strict=True) if each[1].score >= _SURE]

    def _read_poor(
        self, best: LineReader, picture: Pixels, quads: Sequence[Quad], sight: Sight | None
    ) -> list[Line]:
        """Every line by the best models alone: the cheap ones see too little of a poor page."""
        known = in_reading_order(united(self._closer_finder().find(picture), quads))
        views = [sight.pictures(quad) if sight else [line_picture(picture, quad)] for quad in known]
        readings = self._surest(best, views)
        if sight is not None:
            readings = self._aslant(best, sight, known, readings)
        return once(
            [
                Line(quad, reading.saying(mended(reading.text)), poor=True)
                for whole, seen in zip(known, readings, strict=True)
                for quad, reading in apart(whole, seen, BEYOND)
            ]
        )

    def _aslant(
        self, best: LineReader, sight: Sight, quads: Sequence[Quad], readings: Sequence[Reading]
    ) -> list[Reading]:
        """The readings, of those that are unsure the surest of what is seen by other cuts too."""
        found = list(readings)
        unsure = [place for place, reading in enumerate(found) if reading.score < _CLEAR]
        others = self._surest(best, [sight.aslant(quads[place]) for place in unsure])
        for place, other in zip(unsure, others, strict=True):
            found[place] = best_of([found[place], other])
        return found

    def _surest(self, best: LineReader, views: Sequence[Sequence[Pixels]]) -> list[Reading]:
        """Of each line the surest of what is seen in its views."""
        lines = [with_room(view) for each in views for view in each]
        looks = iter(self._as_form(best, lines))
        return [best_of([without_room(next(looks), view) for view in each]) for each in views]

    def _as_form(self, best: LineReader, lines: Sequence[Pixels]) -> list[Reading]:
        """What lines say in words that forms print, and in common ones."""
        return best.read_form(lines, self._printed(best), self._lexicon())

    def _under_stamps(
        self, dear: LineReader, sight: Sight, quads: Sequence[Quad], readings: Sequence[Reading]
    ) -> list[Reading]:
        """The readings of a photographed page, those of lines under a stamp read in every light
        and told to be unsure: ink and blur together hide strokes without a trace."""
        found = list(readings)
        for place, quad in enumerate(quads):
            if sight.is_stamped(quad):
                views = [with_room(view) for view in sight.pictures(quad)]
                best = best_of([found[place], *self._as_form(dear, views)])
                found[place] = replace(best, score=min(best.score, WORN), most=WORN)
        return found

    def certainty(self, picture: Pixels, quads: Sequence[Quad]) -> list[float]:
        """How sure the best model is of each of these lines, nothing else considered."""
        best = self._dear or self._cheap
        pictures = [with_room(cut(picture, quad)) for quad in quads]
        return [reading.score for reading in best.read(pictures)]

    @staticmethod
    def _twice(
        dear: LineReader, shown: Callable[[int], Pixels], readings: Sequence[Reading]
    ) -> list[Reading]:
        """The readings, what is doubtful of them replaced by what the better model says of the
        line `shown` for each place."""
        found = list(readings)
        parts = {
            place: part
            for place, reading in enumerate(readings)
            if (part := doubtful_part(reading)) is not None
        }
        short = {
            place: (start, end)
            for place, (start, end) in parts.items()
            if end - start < len(readings[place].text)
        }
        looks = dear.read(
            [part_of(shown(place), readings[place], *part) for place, part in short.items()]
        )
        shaken = set()
        for (place, part), look in zip(short.items(), looks, strict=True):
            if look.crowded:
                shaken.add(place)
            elif not look.holed and (whole := joined(readings[place], *part, look)) is not None:
                found[place] = whole
                del parts[place]
        firsts = _first_of_each(readings, parts)
        looks = dear.read([shown(place) for place in firsts])
        for place, look in zip(firsts, looks, strict=True):
            found[place] = better(readings[place], look)
            again = [other for other in firsts[place] if found[place].text != readings[place].text]
            for other, seen in zip(again, dear.read([shown(each) for each in again]), strict=True):
                found[other] = better(readings[other], seen)
        for place in shaken:
            found[place] = less_sure(found[place])
        return found

    def read_closely(self, part: Pixels) -> list[Line]:
        """The lines of a part of a page, enlarged, by the best model; corners in the part's own
        pixels."""
        times = min(_CLOSE_TIMES, max(1.0, _CLOSE_HEIGHT / part.shape[0]))
        large = part if times == 1.0 else _enlarged(part, times)
        quads = self._finder.find(large)
        best = self._dear or self._cheap
        readings = self._as_form(best, [with_room(cut(large, quad)) for quad in quads])
        return [
            Line(np.asarray(quad / times, dtype=np.float32), reading)
            for quad, reading in zip(quads, readings, strict=True)
        ]


def once(lines: Sequence[Line]) -> list[Line]:
    """The lines but for what two detectors found twice: the end of a line as one of its own."""
    return [
        line
        for place, line in enumerate(lines)
        if not any(
            line.reading.text in other.reading.text
            and (len(line.reading.text), -place) < (len(other.reading.text), -at)
            and shared(line.quad, other.quad) > _TWICE
            for at, other in enumerate(lines)
        )
    ]


def _first_of_each(readings: Sequence[Reading], places: Iterable[int]) -> dict[int, list[int]]:
    """Of lines that the cheap model read alike the most doubtful one, and the others: they need a
    look of their own only if that one was misread. Lines with figures stand each for itself."""
    alike: dict[str, list[int]] = {}
    for place in places:
        text = readings[place].text
        plain = len(text) > _REPEATED and not any(char.isdigit() for char in text)
        alike.setdefault(text if plain else str(place), []).append(place)
    ranked = (sorted(each, key=lambda place: -readings[place].doubt) for each in alike.values())
    return {first: rest for first, *rest in ranked}


def is_poor(glances: Sequence[float]) -> bool:
    """Is a page so worn, or taken in such a hurry, that no line of it is to be taken lightly?
    Ordinary pages have unsure lines too, under seals and in the small print of their margins, but
    four in five of their lines are as sure as can be. Of 115 made scans and photos two counted as
    poor, both under many seals, of 19 hurried ones 13."""
    unsure = sum(score < _SURE for score in glances)
    return unsure >= _FEW and float(np.quantile(glances, _LESS_SURE)) < _TYPICAL


def _enlarged(part: Pixels, times: float) -> Pixels:
    large = cv2.resize(part, None, fx=times, fy=times, interpolation=cv2.INTER_CUBIC)
    return np.asarray(large, dtype=np.uint8)
