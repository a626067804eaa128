"""Recognised sums of a VAT face: what proves them, what mends them, and what is never sure."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from extractors.checks import CONFIDENT
from extractors.layout.page import Sheet
from extractors.layout.reading import Face
from extractors.layout.totals import read_totals
from extractors.model import Box, Source
from extractors.words import PageWords, Word

AMOUNT, TAX, TOTAL = "total_without_tax", "total_tax", "total_with_tax"


def sums(
    amount: str,
    tax: str,
    words: str,
    total: str,
    *,
    line: tuple[str, ...] = (),
    known: dict[str, Any] | None = None,
) -> Face:
    """The foot of a table: a line (its amount and tax), the row of sums, the row of the total."""
    places = [
        (0.1, 0.3, "*餐饮服务*餐费"),
        *((x, 0.3, text) for x, text in zip((0.6, 0.85), line, strict=False)),
        (0.12, 0.5, "合计"),
        (0.6, 0.5, amount),
        (0.85, 0.5, tax),
        (0.1, 0.56, "价税合计（大写）"),
        (0.32, 0.56, words),
        (0.7, 0.56, f"（小写）{total}"),
    ]
    found = tuple(_word(x, y, text) for x, y, text in places if text)
    page = PageWords(page=0, width=1.0, height=1.0, words=found)
    face = Face(Sheet([page]), Source.OCR, known or {})
    read_totals(face, 0.2)
    return face


def _word(x: float, y: float, text: str) -> Word:
    box = Box(page=0, x0=x, y0=y - 0.01, x1=x + 0.01 * len(text), y1=y + 0.01)
    return Word(text=text, box=box, confidence=0.95)


def said(face: Face) -> dict[str, str]:
    return {
        name: f"{face.found[name].value}" for name in (AMOUNT, TAX, TOTAL) if name in face.found
    }


def sure(face: Face) -> set[str]:
    return {name for name, field in face.found.items() if field.confidence >= CONFIDENT}


def test_sums_that_agree_are_sure() -> None:
    face = sums("¥100.00", "¥6.00", "壹佰零陆圆整", "¥106.00")
    assert said(face) == {AMOUNT: "100.00", TAX: "6.00", TOTAL: "106.00"}
    assert sure(face) == {AMOUNT, TAX, TOTAL, "amount_in_words"}


@pytest.mark.parametrize(
    ("amount", "tax"),
    [
        ("¥25626.90", "¥3306.42"),
        ("¥25626.90", "¥2306|42"),
        ("¥25526.90", "¥2306.42"),
        ("125626.90", "¥2306.42"),
        ("¥25626.90", "2306,42"),
    ],
    ids=["tax misread", "tax broken", "amount misread", "sign read as 1", "comma"],
)
def test_one_misread_sum_is_what_the_others_leave(amount: str, tax: str) -> None:
    face = sums(amount, tax, "贰万柒仟玖佰叁拾叁圆叁角贰分", "¥27933.32")
    assert said(face) == {AMOUNT: "25626.90", TAX: "2306.42", TOTAL: "27933.32"}
    assert sure(face) == {TOTAL, "amount_in_words"}


def test_sums_that_may_be_mended_either_way_stay_as_read() -> None:
    face = sums("¥70.00", "¥20.00", "捌拾圆整", "¥80.00")  # 60 + 20 and 70 + 10 are as near
    assert said(face) == {AMOUNT: "70.00", TAX: "20.00", TOTAL: "80.00"}
    assert sure(face) == {TOTAL, "amount_in_words"}
    assert set(face.doubted) == {AMOUNT, TAX}


def test_the_total_of_words_and_parts_outweighs_misread_figures() -> None:
    face = sums("¥100.00", "¥6.00", "壹佰零陆圆整", "¥706.00")
    assert said(face)[TOTAL] == "106.00"
    assert TOTAL not in sure(face)
    assert face.doubted[TOTAL].value == Decimal("706.00")


def test_a_code_proves_and_never_fills() -> None:
    altered = sums("¥100.00", "¥6.00", "", "¥906.00", known={TOTAL: Decimal("106.00")})
    assert TOTAL not in altered.found
    assert altered.doubted[TOTAL].value == Decimal("906.00")
    old = sums("", "¥6.00", "壹佰零陆圆整", "¥106.00", known={AMOUNT: Decimal("100.00")})
    assert said(old) == {TAX: "6.00", TOTAL: "106.00"}


@pytest.mark.parametrize(
    ("words", "kept"),
    [
        ("查佰零陆圆整", "壹佰零陆圆整"),
        ("壹佰零陆回整", "壹佰零陆圆整"),
        ("柒佰零陆圆整", "柒佰零陆圆整"),
        ("项目名称餐饮费用", None),
    ],
    ids=["digit lost", "unit lost", "another amount", "other print"],
)
def test_words_are_mended_only_where_characters_were_lost(words: str, kept: str | None) -> None:
    face = sums("¥100.00", "¥6.00", words, "¥106.00")
    field = face.found.get("amount_in_words")
    assert (field.value if field else None) == kept
    assert words == kept or "amount_in_words" not in sure(face) or field is None


def test_figures_that_misread_words_do_not_gainsay_are_not_sure() -> None:
    face = sums("", "", "查佰零陆圆整", "¥706.00")
    assert said(face) == {TOTAL: "706.00"}
    assert sure(face) == set()


def test_the_only_line_stands_for_a_sum_that_was_not_read() -> None:
    face = sums(
        "¥25626.90", "", "贰万柒仟玖佰叁拾叁圆叁角贰分", "¥27933.32", line=("25626.90", "2306.42")
    )
    assert said(face) == {AMOUNT: "25626.90", TAX: "2306.42", TOTAL: "27933.32"}
    assert TAX not in sure(face)


def test_what_nothing_proves_is_kept_and_never_sure() -> None:
    face = sums("¥100.00", "¥6.00", "", "¥999.00")
    assert said(face) == {AMOUNT: "100.00", TAX: "6.00", TOTAL: "999.00"}
    assert sure(face) == set()


@pytest.mark.parametrize(("stars", "total"), [("宗宗", "¥106.00"), ("", "¥106.00"), ("宗宗", "")])
def test_an_amount_that_is_the_whole_of_a_proven_total_is_sure(stars: str, total: str) -> None:
    """Stars stand for a tax that is none, and are read as anything."""
    face = sums("¥106.00", stars, "壹佰零陆圆整", total)
    assert said(face).get(AMOUNT) == "106.00"
    assert TAX not in face.found
    assert (AMOUNT in sure(face)) is bool(total)
