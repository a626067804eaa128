"""Sums whose words or figures recognition misread: known by one another, and never sure."""

from __future__ import annotations

from decimal import Decimal

import pytest

from extractors.checks import CONFIDENT
from extractors.layout.page import Sheet
from extractors.layout.reading import Face
from extractors.layout.spoken import read_spoken_total
from extractors.model import Box, Source
from extractors.words import PageWords, Word

#: As much as a word of a poor page claims.
POOR = 0.84


def page_of(*rows: str, score: float) -> Face:
    """Rows below one another, cells apart by `|`."""
    words = []
    for number, row in enumerate(rows):
        left = 0.05
        for cell in row.split("|"):
            right = left + 0.02 * len(cell)
            top = 0.1 + 0.05 * number
            box = Box(page=0, x0=left, y0=top, x1=right, y1=top + 0.03)
            words.append(Word(text=cell, box=box, confidence=score))
            left = right + 0.08
    page = PageWords(page=0, width=1000.0, height=1000.0, words=tuple(words))
    return Face(Sheet([page]), Source.OCR)


def total_of(*rows: str, label: str = "小写", score: float = POOR) -> tuple[object, object]:
    face = page_of(*rows, score=score)
    named = [run for run in face.sheet.runs if run.text.startswith(label)]
    cells = [part for run in named if (part := run.part(len(label), len(run.glyphs))) is not None]
    read_spoken_total(face, cells)
    for field in face.found.values():
        assert field.confidence < CONFIDENT or score > POOR
    total, words = (face.found.get(name) for name in ("total_with_tax", "amount_in_words"))
    return total and total.value, words and words.value


@pytest.mark.parametrize(
    ("rows", "total", "words"),
    [
        (("大写|渠仟贰佰伍拾贰酬伍角贰分|￥7252.52",), "7252.52", "柒仟贰佰伍拾贰圆伍角贰分"),
        (
            ("大写|壹佰贰拾叁万捌任柒佰贰拾肆元柒角查分|1.238.724.71",),
            "1238724.71",
            "壹佰贰拾叁万捌仟柒佰贰拾肆圆柒角壹分",
        ),
        (("大写|壹佰查拾伍元伍角删分|CN115.58",), "115.58", "壹佰壹拾伍圆伍角捌分"),
        # Of several amounts, the one that the words say best.
        (("合计|渠拾贰圆整|72.00", "实收|100.00", "找零|28.00"), "72.00", "柒拾贰圆整"),
    ],
)
def test_misread_words_say_which_figures_are_the_sum(
    rows: tuple[str, ...], total: str, words: str
) -> None:
    assert total_of(*rows) == (Decimal(total), words)


@pytest.mark.parametrize(
    ("rows", "total"),
    [
        (("大写|柒仟贰佰伍拾贰圆伍角贰分", "账号|123"), "7252.52"),
        (("大写|人民币查佰查拾伍元伍角删分", "账号|123"), "115.58"),
    ],
    ids=["whole", "lookalikes"],
)
def test_words_alone_are_the_sum(rows: tuple[str, ...], total: str) -> None:
    assert total_of(*rows)[0] == Decimal(total)


def test_labelled_figures_alone_are_the_sum() -> None:
    assert total_of("大写|（盖章）", "小写120.50|") == (Decimal("120.50"), None)


def test_a_part_of_the_words_is_no_sum() -> None:
    # 霑 stands where a capital was: what follows is not the whole amount.
    assert total_of("大写|玖佰霑伍角贰分|(盖章)") == (None, None)


def test_words_that_say_other_figures_than_any_are_not_bent_to_them() -> None:
    total, _ = total_of("大写|叁仟肆佰霑拾柒圆伍角贰分|￥7252.91")
    assert total is None
