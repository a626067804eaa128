"""Runs: pieces of text that stand close together, with a place for every character.

Sources differ in how they cut text: single characters, words, cells, whole lines. A value cut
out of a run still has its own box, whatever it came from.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from operator import attrgetter
from typing import Any, Generic, TypeVar, overload

from extractors.words import Choices

T = TypeVar("T")


class lazy(Generic[T]):  # noqa: N801 - used as `property` is
    """`functools.cached_property` without its lock, which cost more than most values here."""

    def __init__(self, ask: Callable[[Any], T]) -> None:
        self._ask = ask
        self._name = ask.__name__
        self.__doc__ = ask.__doc__

    @overload
    def __get__(self, owner: None, kind: type) -> lazy[T]: ...
    @overload
    def __get__(self, owner: object, kind: type) -> T: ...
    def __get__(self, owner: object | None, kind: type) -> T | lazy[T]:
        if owner is None:
            return self
        value = owner.__dict__[self._name] = self._ask(owner)
        return value


@dataclass(slots=True, unsafe_hash=True)
class Glyph:
    """One character, its place on the sheet, the certainty of its word and what else it may be.
    Never changed; not declared frozen, since that makes its construction, done for each character,
    thrice as slow."""

    char: str
    x0: float
    y0: float
    x1: float
    y1: float
    score: float
    page: int
    weighed: Choices = ()


class Run:
    """Characters that belong together, left to right. Never empty, never changed.

    Most runs of a page are looked at for their text and place alone: those that a sheet makes
    know both from the start, and lay out their glyphs when the first is asked for.
    """

    def __init__(self, glyphs: tuple[Glyph, ...]) -> None:
        self.__dict__["glyphs"] = glyphs

    @lazy
    def glyphs(self) -> tuple[Glyph, ...]:
        """Its characters, each with its place. Runs that share a character share its glyph."""
        return self._laid()

    def _laid(self) -> tuple[Glyph, ...]:
        raise NotImplementedError

    def __eq__(self, other: object) -> bool:
        return self is other or (isinstance(other, Run) and self._told == other._told)

    def __hash__(self) -> int:
        return hash(self._told)

    @lazy
    def _told(self) -> tuple[object, ...]:
        return self.raw, self.page, self.x0, self.y0, self.x1, self.y1, self.score

    @lazy
    def raw(self) -> str:
        """The text as its source gave it, a space where the source left a gap."""
        return "".join([glyph.char for glyph in self.glyphs])

    @lazy
    def text(self) -> str:
        """`raw` with every character in its plain form (full width digits, brackets, colons and
        old code points mended), the same length as `raw`."""
        return plain(self.raw)

    @lazy
    def tight(self) -> Run:
        """The run without spaces; itself where it has none."""
        return Tight(self) if " " in self.raw else self

    @lazy
    def page(self) -> int:
        """The page, counted from the sheet's first, that it begins on."""
        return self.glyphs[0].page

    @lazy
    def x0(self) -> float:
        return min([glyph.x0 for glyph in self.glyphs])

    @lazy
    def x1(self) -> float:
        return max([glyph.x1 for glyph in self.glyphs])

    @lazy
    def y0(self) -> float:
        return min([glyph.y0 for glyph in self.glyphs])

    @lazy
    def y1(self) -> float:
        return max([glyph.y1 for glyph in self.glyphs])

    @lazy
    def begin(self) -> float:
        """Where its first character begins; lower than `x0` never, since prints may overlap."""
        return self.glyphs[0].x0

    @lazy
    def end(self) -> float:
        """Where its last character ends."""
        return self.glyphs[-1].x1

    @lazy
    def height(self) -> float:
        return self.y1 - self.y0

    @lazy
    def middle(self) -> float:
        """Of its height: the y of the row it stands in."""
        return (self.y0 + self.y1) / 2

    @lazy
    def centre(self) -> float:
        """Of its width."""
        return (self.x0 + self.x1) / 2

    @lazy
    def score(self) -> float:
        """The least certain of its words."""
        return min([glyph.score for glyph in self.glyphs])

    @property
    def weighed(self) -> tuple[Choices, ...]:
        """What else its characters may be; empty where its source told of none."""
        found = tuple([glyph.weighed for glyph in self.glyphs])
        return found if all(found) else ()

    def part(self, start: int, end: int) -> Run | None:
        """Characters `start` to `end` without outer spaces; None when nothing is left."""
        raw = self.raw
        if start == 0 and end == len(raw) and not raw[0].isspace() and not raw[-1].isspace():
            return self
        glyphs = self.glyphs[start:end]
        while glyphs and glyphs[0].char.isspace():
            glyphs = glyphs[1:]
        while glyphs and glyphs[-1].char.isspace():
            glyphs = glyphs[:-1]
        return Run(glyphs) if glyphs else None


class WordRun(Run):
    """A word as its source cut it: Chinese characters are twice as wide as the others."""

    def __init__(
        self,
        text: str,
        x0: float,
        y0: float,
        x1: float,
        y1: float,
        score: float,
        page: int,
        weighed: Sequence[Choices] = (),
    ) -> None:
        self._weighed = weighed
        self.__dict__.update(
            raw=text, x0=x0, y0=y0, x1=x1, y1=y1, begin=x0, end=x1, height=y1 - y0,
            middle=(y0 + y1) / 2, centre=(x0 + x1) / 2, score=score, page=page,
        )  # fmt: skip

    def _laid(self) -> tuple[Glyph, ...]:
        text, y0, y1, score, page = self.raw, self.y0, self.y1, self.score, self.page
        widths = [width_of(char) for char in text]
        step = (self.x1 - self.x0) / sum(widths)
        left, glyphs = self.x0, []
        for char, width in zip(text, widths, strict=True):
            right = left + width * step
            glyphs.append(Glyph(char, left, y0, right, y1, score, page))
            left = right
        glyphs[-1].x1 = self.x1  # what was added up may be off by the last bit
        for glyph, choices in zip(glyphs, self._weighed, strict=False):
            glyph.weighed = choices
        return tuple(glyphs)


class Joined(Run):
    """Several runs from left to right as one, a space wherever there was a gap."""

    def __init__(self, parts: Sequence[Run]) -> None:
        first, last = parts[0], parts[-1]
        x0 = first.x0  # they are in the order of x0
        x1, y0 = max([run.x1 for run in parts]), min([run.y0 for run in parts])
        y1, score = max([run.y1 for run in parts]), min([run.score for run in parts])
        texts = [first.raw]
        for run, before in zip(parts[1:], parts, strict=False):
            texts.append(f" {run.raw}" if _is_gap(before, run) else run.raw)
        self._parts = parts
        self.__dict__.update(
            raw="".join(texts), x0=x0, y0=y0, x1=x1, y1=y1, begin=first.begin, end=last.end,
            height=y1 - y0, middle=(y0 + y1) / 2, centre=(x0 + x1) / 2, score=score,
            page=first.page,
        )  # fmt: skip

    def _laid(self) -> tuple[Glyph, ...]:
        glyphs: list[Glyph] = []
        for index, run in enumerate(self._parts):
            own = run.glyphs
            if index and _is_gap(self._parts[index - 1], run):
                last = glyphs[-1]
                glyphs.append(
                    Glyph(" ", last.x1, last.y0, own[0].x0, last.y1, last.score, last.page)
                )
            glyphs.extend(own)
        return tuple(glyphs)


class Tight(Run):
    """A run without its spaces: they lie between other characters, and so take no place away."""

    def __init__(self, whole: Run) -> None:
        self._whole = whole
        self.__dict__["raw"] = "".join(whole.raw.split())
        if not whole.raw[0].isspace() and not whole.raw[-1].isspace():
            self.__dict__.update(
                x0=whole.x0, y0=whole.y0, x1=whole.x1, y1=whole.y1, begin=whole.begin,
                end=whole.end, height=whole.height, middle=whole.middle, centre=whole.centre,
                score=whole.score, page=whole.page,
            )  # fmt: skip

    def _laid(self) -> tuple[Glyph, ...]:
        return tuple([glyph for glyph in self._whole.glyphs if not glyph.char.isspace()])


_ALIKE = {"—": "-", "–": "-", "−": "-", "－": "-", "•": ".", "·": "·", "¥": "¥"}


def plain(text: str) -> str:
    """Every character in its plain form where that is a single character too."""
    return text if text.isascii() else text.translate(_PLAIN)


class _Plain(dict[int, str]):
    """The plain form of each character met so far."""

    def __missing__(self, code: int) -> str:
        char = chr(code)
        form = char if char.isascii() else unicodedata.normalize("NFKC", char)
        single = form if len(form) == 1 else char
        self[code] = found = _ALIKE.get(single, single)
        return found


_PLAIN = _Plain()


def join(runs: Sequence[Run]) -> Run:
    """Several runs as one, a space wherever there was more than a hair between them."""
    if len(runs) < 2:
        return runs[0] if runs else Run(())
    return Joined(sorted(runs, key=attrgetter("x0")))


def _is_gap(before: Run, run: Run) -> bool:
    return run.begin - before.end > 0.2 * run.height


def overlap(one: Run, two: Run) -> float:
    """Shared height as a share of the lower of the two."""
    shared = min(one.y1, two.y1) - max(one.y0, two.y0)
    least = min(one.height, two.height)
    return shared / least if least > 0 else 0.0


@cache
def width_of(char: str) -> float:
    """Of a character against its neighbours; 0 for one that does not print."""
    if unicodedata.category(char) == "Cc":
        return 0.0
    return 2.0 if unicodedata.east_asian_width(char) in "WFA" else 1.0
