"""What every face needs to turn runs into fields: confidence, labels, values beside labels."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from extractors.layout.page import Run, Sheet, join, overlap
from extractors.model import Field, Finding, Invoice, Kind, Source

T = TypeVar("T")

#: Certainty of a recognised value that only the engine vouches for ...
UNPROVEN = 0.95
#: ... and of one that a second printing, a sum or a check digit confirms.
PROVEN = 0.99

#: Certainty of a value found by its place alone, without its label.
UNLABELLED = 0.6

#: Certainty of a value that a rule had to mend.
MENDED = 0.8

#: Traditional forms that recognition takes simple ones for. What the tax system prints is simple; a
#: name that had others is doubtful all the same, for its bearer may be from where they are written.
SIMPLE = str.maketrans(
    "黃雲陳張劉楊趙吳孫馬葉蘇魯韓馮許鄭謝羅粵遼貴陝滬晉贛",
    "黄云陈张刘杨赵吴孙马叶苏鲁韩冯许郑谢罗粤辽贵陕沪晋赣",
)

#: Print that runs down the side of party, remark and cipher boxes, one character a row.
_SIDE_PRINT = frozenset("购买方销售货单位信息密码区备注卖")


@dataclass
class Face:
    """One document being read: where it came from, its sheet, and the fields found so far."""

    sheet: Sheet
    source: Source
    #: Values that an exact source of the same document (its QR code) states, by the names of
    #: `Invoice`. They fill nothing; they prove what was recognised.
    known: Mapping[str, Any] = field(default_factory=dict)
    found: dict[str, Any] = field(default_factory=dict)
    doubted: dict[str, Field[Any]] = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)

    @property
    def recognised(self) -> bool:
        """Is the text guessed from pixels (and so may be wrong) rather than given?"""
        return self.source is Source.OCR

    def keep(
        self, name: str, value: T | None, run: Run, *, proven: bool = False, most: float = 1.0
    ) -> None:
        """Record a value, its confidence at most `most`; None records nothing."""
        if value is not None:
            field = self.field(value, run, proven=proven)
            self.found[name] = field.model_copy(update={"confidence": min(field.confidence, most)})

    def doubt(self, name: str, value: object, run: Run) -> None:
        """Remember a value that was seen but cannot be believed: another source may confirm it,
        and one that says otherwise is not to pass over it in silence."""
        self.doubted[name] = self.field(value, run)

    def field(self, value: T, run: Run, *, proven: bool = False) -> Field[T]:
        """A value as it was given; a recognised one in simple characters."""
        sure = self.confidence(run, proven=proven)
        given: Any = value
        if self.recognised and isinstance(value, str):
            given = value.translate(SIMPLE)
            sure = sure if given == value else min(sure, MENDED)
        box = self.sheet.box(run)
        return Field[Any](value=given, raw=run.raw, source=self.source, confidence=sure, box=box)

    def confidence(self, run: Run, *, proven: bool = False) -> float:
        """A text layer says what it says; recognition is as good as its score, and better
        when something independent agrees."""
        if not self.recognised:
            return run.score
        if proven:
            return max(run.score, PROVEN)
        return min(run.score, UNPROVEN)

    def invoice(self, kind: Kind, **more: Any) -> Invoice:
        return Invoice(
            kind=kind,
            sources=(self.source,),
            doubted=self.doubted,
            findings=tuple(self.findings),
            **self.found,
            **more,
        )


@dataclass(frozen=True)
class FaceReader:
    """One face of a family of documents.

    `score` says how well a document suits it and declines with None; the highest reads. 4: its
    own title or signs that no other face has; 3: a title that others may show too; 2: several of
    its labels; 1: the last resort. `needed` names the fields of `Invoice` without which a
    document of a kind cannot be verified and booked. `printed` are words of its forms, in plain
    characters, that recognition may look for on a poor page.
    """

    name: str
    score: Callable[[Face], int | None]
    read: Callable[[Face], Invoice]
    needed: Mapping[Kind, tuple[str, ...]] = field(default_factory=dict)
    printed: tuple[str, ...] = ()


def compact(run: Run) -> Run:
    """The run without spaces, so that patterns need not mind where a source put gaps."""
    return run.tight


def cut(run: Run, match: re.Match[str], group: int | str = 1) -> Run | None:
    """The part of the run that a group of the match covers."""
    start, end = match.span(group)
    return run.part(start, end) if start >= 0 else None


def labelled(runs: Iterable[Run], pattern: str) -> list[Run]:
    """Group 1 of `pattern` in every run where it is found, spaces left out of account."""
    parts = []
    find = re.compile(pattern).finditer
    for run in runs:
        bare = run.tight
        for match in find(bare.text):
            part = cut(bare, match)
            if part is not None:
                parts.append(part)
    return parts


def beside(label: Run, runs: Sequence[Run], *, right: float = 1e9) -> Run | None:
    """What stands to the right of a label, up to the first wide gap or `right`.

    The first gap may be any width, since values are set in columns; later ones end the value.
    """
    row = [
        run
        for run in runs
        # Recognised boxes of neighbours may overlap by most of a character.
        if run.x0 >= label.x1 - 0.9 * label.height
        and run.centre > label.x1
        and run.centre < right
        and overlap(label, run) >= 0.5
        and not is_side_print(run)
    ]
    row.sort(key=lambda run: run.x0)
    value: list[Run] = []
    for run in row:
        if value and run.x0 - value[-1].x1 > 1.6 * run.height:
            break
        value.append(run)
    return join(value) if value else None


def is_side_print(run: Run) -> bool:
    return len(run.raw) == 1 and run.text in _SIDE_PRINT


def agreed(runs: Sequence[Run]) -> tuple[Run, bool] | None:
    """The one text that the runs (printings of one value) agree on, and whether at least two
    say so. None when there are none, or as many say otherwise."""
    counts: dict[str, list[Run]] = {}
    for run in runs:
        counts.setdefault(compact(run).text, []).append(run)
    ranked = sorted(counts.values(), key=len, reverse=True)
    if not ranked or (len(ranked) > 1 and len(ranked[0]) == len(ranked[1])):
        return None
    best = max(ranked[0], key=lambda run: run.score)
    return best, len(ranked[0]) > 1
