"""One free box: what each word is taken for."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from archive.search import BadCursor, Query, parse
from archive.search.paging import Place


@pytest.mark.parametrize(
    ("box", "query"),
    [
        ("26312000000000000001", Query(digits="26312000000000000001")),
        ("尾号123456", Query(digits="123456")),
        ("113.40", Query(amount_min=Decimal("113.40"), amount_max=Decimal("113.40"))),
        ("￥1,113.40", Query(amount_min=Decimal("1113.40"), amount_max=Decimal("1113.40"))),
        ("100-200元", Query(amount_min=Decimal(100), amount_max=Decimal(200))),
        ("100.5~200", Query(amount_min=Decimal("100.5"), amount_max=Decimal(200))),
        (">100", Query(amount_min=Decimal("100.01"))),
        ("<=99.9", Query(amount_max=Decimal("99.9"))),
        ("2026.10", Query(amount_min=Decimal("2026.10"), amount_max=Decimal("2026.10"))),
        ("2026-10-01", Query(date_from=dt.date(2026, 10, 1), date_to=dt.date(2026, 10, 1))),
        ("2026年10月1日", Query(date_from=dt.date(2026, 10, 1), date_to=dt.date(2026, 10, 1))),
        ("2026-02", Query(date_from=dt.date(2026, 2, 1), date_to=dt.date(2026, 2, 28))),
        ("2024年2月", Query(date_from=dt.date(2024, 2, 1), date_to=dt.date(2024, 2, 29))),
        ("2026年", Query(date_from=dt.date(2026, 1, 1), date_to=dt.date(2026, 12, 31))),
        (
            "2026.1.5至2026.3.1",
            Query(date_from=dt.date(2026, 1, 5), date_to=dt.date(2026, 3, 1)),
        ),
        ("2026-06-31", Query(text="2026-06-31")),
        ("JZ-2026-0001", Query(voucher="JZ-2026-0001")),
        ("记-12", Query(voucher="记-12")),
        ("凭证：BX7", Query(voucher="BX7")),
        ("电子发票（普通发票）", Query(kind="电子发票（普通发票）")),
        ("销方:华为 购方:大学", Query(seller="华为", buyer="大学")),
        (
            "华为 住宿 113.40",
            Query(text="华为 住宿", amount_min=Decimal("113.40"), amount_max=Decimal("113.40")),
        ),
        ("金额:20..30", Query(amount_min=Decimal(20), amount_max=Decimal(30))),
        ("金额:20", Query(amount_min=Decimal(20), amount_max=Decimal(20))),
        ("日期:2026-02-30", Query(text="日期:2026-02-30")),
        ("12", Query(text="12")),
        ("", Query()),
    ],
)
def test_a_box_is_understood(box: str, query: Query) -> None:
    assert parse(box) == query


@given(st.text(max_size=60))
def test_no_box_is_refused(box: str) -> None:
    assert parse(box).empty == (not box.strip())


def test_a_place_comes_back_as_it_was_written() -> None:
    place = Place(2, "26312", "a" * 24)
    assert Place.read(place.written()) == place


@given(st.text(max_size=40))
def test_a_place_that_nobody_gave_out_is_refused(word: str) -> None:
    try:
        Place.read(word)
    except BadCursor:
        return
    assert isinstance(Place.read(word), Place)
