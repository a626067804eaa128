"""Ids by what each of their characters may be."""

from __future__ import annotations

import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extractors.faces import invoice_from_words
from extractors.layout.values import ALPHABET, check_character_holds
from extractors.model import Box, Source
from extractors.weighed import ALONE, likeliest_id
from extractors.words import Choices, PageWords, Word

SCHOOL, FIRM = "12330108LQ7N48R0T2", "911101081A6H9HC9WW"


def seen(text: str, others: dict[int, list[tuple[str, float]]]) -> tuple[Choices, ...]:
    return tuple(((char, 0.0), *others.get(place, [])) for place, char in enumerate(text))


def test_an_id_as_it_was_read_costs_nothing() -> None:
    assert likeliest_id(seen(SCHOOL, {})) == (SCHOOL, 0.0, ALONE)


def test_two_characters_taken_for_their_likes_are_found() -> None:
    others = {11: [("H", -0.6), ("N", -2.0)], 16: [("W", -0.7), ("M", -3.0)]}
    found = likeliest_id(seen("911101081A6R9HC9NW", others))
    assert found is not None
    assert found[0] == FIRM
    assert found[1] == pytest.approx(-1.3)


def test_a_rival_is_told() -> None:
    # Both satisfy the check character; the second is as likely but for two looks.
    other = SCHOOL[:16] + "77"
    assert check_character_holds(other)
    found = likeliest_id(seen(other, {16: [("T", -1.5)], 17: [("2", -2.0)]}))
    assert found is not None
    assert found[:2] == (other, 0.0)
    assert found[2] == pytest.approx(3.5)


@pytest.mark.parametrize(
    "text",
    [SCHOOL[:-1], SCHOOL + "0", "911101081A6R9HC9WW", "99990108LQ7N48R0T2", "O" * 18],
    ids=["short", "long", "misread", "no province", "no character of ids"],
)
def test_what_can_be_no_id_is_none(text: str) -> None:
    assert likeliest_id(seen(text, {})) is None


@given(st.lists(st.sampled_from(ALPHABET), min_size=12, max_size=12), st.data())
def test_the_likeliest_is_the_best_of_all(chars: list[str], data: st.DataObject) -> None:
    """As trying every choice finds it."""
    text = "91330108" + "".join(chars[:10])
    places = data.draw(st.lists(st.integers(8, 17), max_size=4, unique=True))
    others = {
        place: [(data.draw(st.sampled_from(ALPHABET)), float(-data.draw(st.integers(1, 60))))]
        for place in places
    }
    ways: dict[str, float] = {"": 0.0}
    for choices in seen(text, others):
        longer: dict[str, float] = {}
        for begun, cost in ways.items():
            for char, more in choices:
                longer[begun + char] = max(longer.get(begun + char, -1e9), cost + more)
        ways = longer
    good = {way: cost for way, cost in ways.items() if check_character_holds(way)}
    found = likeliest_id(seen(text, others))
    assert (found is None) == (not good)
    if found is not None:
        assert found[1] == max(good.values())
        assert good[found[0]] == found[1]


def page(tax_id: Word) -> PageWords:
    def word(text: str, x0: float, y0: float, x1: float) -> Word:
        return Word(text=text, box=Box(page=1, x0=x0, y0=y0, x1=x1, y1=y0 + 0.02), confidence=0.84)

    return PageWords(
        page=1,
        width=1000,
        height=640,
        words=(
            word("电子发票（普通发票）", 0.35, 0.05, 0.65),
            word("发票号码：26332000000012345678", 0.70, 0.05, 0.97),
            word("开票日期：2026年10月09日", 0.70, 0.10, 0.93),
            word("名称：杭州市临澜实验学校", 0.05, 0.22, 0.30),
            tax_id,
            word("名称：北京远岫旅行有限公司", 0.53, 0.22, 0.80),
            word("项目名称", 0.08, 0.35, 0.15),
            word("金额", 0.66, 0.35, 0.70),
            word("税率/征收率", 0.74, 0.35, 0.83),
            word("税额", 0.88, 0.35, 0.92),
        ),
    )


def labelled_id(text: str, others: dict[int, list[tuple[str, float]]]) -> Word:
    label = "统一社会信用代码/纳税人识别号："
    return Word(
        text=label + text,
        box=Box(page=1, x0=0.05, y0=0.29, x1=0.45, y1=0.31),
        confidence=0.84,
        weighed=(*(((char, 0.0),) for char in label), *seen(text, others)),
    )


@pytest.mark.parametrize(
    ("text", "others", "value", "sure"),
    [
        (SCHOOL, {}, SCHOOL, True),
        (SCHOOL[:17] + "3", {17: [("2", -1.0)]}, SCHOOL, False),
        (SCHOOL[:16] + "77", {16: [("T", -1.5)], 17: [("2", -2.0)]}, SCHOOL[:16] + "77", False),
        (SCHOOL[:17] + "3", {}, None, False),
    ],
    ids=["as read", "mended", "rivalled", "no id"],
)
def test_an_id_is_sure_where_its_check_character_leaves_no_other(
    text: str, others: dict[int, list[tuple[str, float]]], value: str | None, *, sure: bool
) -> None:
    invoice = invoice_from_words([page(labelled_id(text, others))], Source.OCR)
    assert invoice.issue_date is not None
    assert invoice.issue_date.value == dt.date(2026, 10, 9)
    assert invoice.buyer_tax_id is not None
    assert value is None or invoice.buyer_tax_id.value == value
    assert (invoice.buyer_tax_id.confidence >= 0.85) is sure
