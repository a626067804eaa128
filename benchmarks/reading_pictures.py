"""Pictures of the worst read documents: the page with what was misread in boxes, and below it
every misread value large, with what it says, what was read, and why.

A value that recognition held whole in some line was lost by geometry or a check (orange); one
that it did not was lost by recognition (red). Where nothing was read, the box is the word most
like the truth. `worst.png` shows them all on one sheet: each page small, and its first faults.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont
from rapidfuzz import fuzz

from benchmarks.judging import Judgement, Verdict, plain
from benchmarks.reading_work import Bench, Reading, is_held
from extractors.model import Box
from extractors.words import Word
from fixtures.maker.fonts import path_of

_WIDTH, _PAGE_HEIGHT, _STRIP = 1500, 1000, 110
_FAULTS = 12
#: The sheet of all: a row a document, its page at the left, then so many faults.
_ROW, _THUMB, _SHEET_FAULTS = 190, 250, 4
_RED, _ORANGE = (208, 30, 40), (222, 130, 0)
#: How much a fault weighs when documents are ranked.
_WEIGHT = {Verdict.SILENT: 100, Verdict.FLAGGED: 3, Verdict.MISSING: 2, Verdict.RIGHT: 0}


@dataclass(frozen=True)
class _Shown:
    """One fault, where it stands on the page if that is known, and why it is one."""

    judgement: Judgement
    box: Box | None
    why: str
    held: bool


def draw_worst(readings: Sequence[Reading], bench: Bench, folder: Path, count: int) -> None:
    """Write one PNG for each of the worst pictures, and print what is on it."""
    folder.mkdir(parents=True, exist_ok=True)
    ranked = sorted((r for r in readings if _weight(r)), key=_weight, reverse=True)
    rows: list[Image.Image] = []
    print(f"\nThe worst documents, pictures in {folder}")
    for rank, old in enumerate(ranked[:count], 1):
        reading = bench.read(old.task)
        faults = [each for each in reading.judgements if each.verdict is not Verdict.RIGHT]
        faults.sort(key=lambda each: (-_WEIGHT[each.verdict], not each.key))
        shown = [_explained(each, bench) for each in faults]
        title = (
            f"{rank:2}. {reading.task.name}: {len(faults)} of {len(reading.judgements)} not right"
        )
        print(title)
        for each in shown[:_FAULTS]:
            j = each.judgement
            print(f"      {j.verdict} {j.name}: {j.read!r} for {j.truth!r}: {each.why}")
        if bench.engine.pages:
            picture = _drawn(bench, shown[:_FAULTS])
            picture.save(folder / f"{rank:02}-{reading.task.name.replace(' ', '-')}.png")
            rows.append(_row(bench, title, shown))
    if rows:
        _stacked(rows).save(folder / "worst.png", optimize=True)


def _weight(reading: Reading) -> int:
    weight = sum(_WEIGHT[each.verdict] * (5 if each.key else 1) for each in reading.judgements)
    return weight + (1000 if reading.error else 0)


def _explained(judgement: Judgement, bench: Bench) -> _Shown:
    if not bench.engine.pages:
        return _Shown(judgement, judgement.box, "an electronic file", True)
    words = [word for page in bench.engine.pages for word in page.words.words]
    if not judgement.truth:
        return _Shown(judgement, judgement.box, "the page shows no such value", True)
    if is_held(judgement, bench.words()):
        return _Shown(judgement, judgement.box or _nearest(judgement, words)[1],
                      "recognised whole, lost afterwards", True)  # fmt: skip
    likest, box = _nearest(judgement, words)
    return _Shown(judgement, judgement.box or box, f"recognised as {likest!r}", False)


def _nearest(judgement: Judgement, words: Sequence[Word]) -> tuple[str, Box | None]:
    """The recognised line that is most like the truth, and where it stands."""
    target = plain(judgement.truth)
    best = max(words, key=lambda word: fuzz.ratio(target, plain(word.text)), default=None)
    if best is None or fuzz.ratio(target, plain(best.text)) < 40:
        best = max(
            words, key=lambda word: fuzz.partial_ratio(target, plain(word.text)), default=None
        )
    return (best.text, best.box) if best else ("", None)


def _row(bench: Bench, title: str, shown: Sequence[_Shown]) -> Image.Image:
    """One document on the sheet of all."""
    page = _page(bench)
    font = ImageFont.truetype(str(path_of("hei")), 15)
    row = Image.new("RGB", (_WIDTH, _ROW), "white")
    draw = ImageDraw.Draw(row)
    draw.text((8, 4), title, "black", font)
    small = page.copy()
    small.thumbnail((_THUMB - 16, _ROW - 36))
    row.paste(small, (8, 28))
    width = (_WIDTH - _THUMB) // _SHEET_FAULTS
    for number, each in enumerate(shown[:_SHEET_FAULTS]):
        left, colour = _THUMB + number * width, _ORANGE if each.held else _RED
        if each.box is not None and each.box.page == bench.engine.pages[0].words.page:
            _paste_crop(row, page, each.box, (left, 28), (width - 12, 70))
            draw.rectangle(_edges(each.box, small.size, 1, (8, 28)), outline=colour)
        for line, text in enumerate(_lines(each)):
            draw.text((left, 104 + 20 * line), text[: width // 12], colour, font)
    return row


def _stacked(rows: Sequence[Image.Image]) -> Image.Image:
    sheet = Image.new("RGB", (_WIDTH, _ROW * len(rows)), "white")
    for number, row in enumerate(rows):
        sheet.paste(row, (0, number * _ROW))
    return sheet.quantize(64)  # a tenth of the bytes


def _page(bench: Bench) -> Image.Image:
    return Image.fromarray(np.ascontiguousarray(bench.engine.pages[0].image[:, :, ::-1]))


def _drawn(bench: Bench, shown: Sequence[_Shown]) -> Image.Image:
    page = _page(bench)
    scale = min(_WIDTH / page.width, _PAGE_HEIGHT / page.height)
    small = page.resize((round(page.width * scale), round(page.height * scale)))
    sheet = Image.new("RGB", (_WIDTH, small.height + _STRIP * len(shown) + 10), "white")
    sheet.paste(small, (0, 0))
    draw = ImageDraw.Draw(sheet)
    font = ImageFont.truetype(str(path_of("hei")), 20)
    for number, each in enumerate(shown, 1):
        colour = _ORANGE if each.held else _RED
        if each.box is not None and each.box.page == bench.engine.pages[0].words.page:
            edges = _edges(each.box, small.size, 2)
            draw.rectangle(edges, outline=colour, width=2)
            draw.text((edges[0], edges[1] - 20), str(number), colour, font)
            top = small.height + _STRIP * (number - 1) + 8
            _paste_crop(sheet, page, each.box, (8, top), (680, _STRIP - 16))
        _caption(draw, each, number, small.height + _STRIP * (number - 1) + 8, font)
    return sheet


def _paste_crop(
    sheet: Image.Image,
    page: Image.Image,
    box: Box,
    place: tuple[int, int],
    most: tuple[int, int],
) -> None:
    """What stands in the box and around it, enlarged to `most` pixels, at a place of the sheet."""
    left, upper, right, lower = _edges(box, page.size, 0)
    margin = max(6, (lower - upper) // 2)
    crop = page.crop((left - 3 * margin, upper - margin, right + 3 * margin, lower + margin))
    scale = min(most[0] / crop.width, most[1] / crop.height, 4.0)
    size = max(1, round(crop.width * scale)), max(1, round(crop.height * scale))
    sheet.paste(crop.resize(size), place)


def _caption(
    draw: ImageDraw.ImageDraw, each: _Shown, number: int, top: int, font: ImageFont.FreeTypeFont
) -> None:
    first, *lines = _lines(each)
    for row, line in enumerate((f"{number}. {first}", *lines)):
        draw.text((710, top + 24 * row), line, _ORANGE if each.held else _RED, font)


def _lines(each: _Shown) -> tuple[str, ...]:
    judgement = each.judgement
    certainty = "" if judgement.confidence is None else f" ({judgement.confidence:.2f})"
    return (
        f"{judgement.name}: {judgement.verdict}",
        f"truth {judgement.truth[:60]!r}",
        f"read  {judgement.read[:60]!r}{certainty}",
        each.why[:75],
    )


def _edges(
    box: Box, size: tuple[int, int], margin: int, origin: tuple[int, int] = (0, 0)
) -> tuple[int, int, int, int]:
    (width, height), (left, top) = size, origin
    return (
        left + round(box.x0 * width) - margin,
        top + round(box.y0 * height) - margin,
        left + round(box.x1 * width) + margin,
        top + round(box.y1 * height) + margin,
    )
