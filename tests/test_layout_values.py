"""Single values as text: money, dates, and characters of other widths."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

import pytest

from extractors.layout import values
from extractors.layout.page import plain


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("¥1,234.56", Decimal("1234.56")),
        ("-¥5.00", Decimal("-5.00")),
        ("¥-5.00", Decimal("-5.00")),
        ("240.6", Decimal("240.60")),
        ("12,34.56", None),
        ("1.234", None),
        ("1O.00", None),
        ("", None),
    ],
)
def test_money(text: str, value: Decimal | None) -> None:
    assert values.money(text) == value


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("开票日期：2026年 02 月 28日", dt.date(2026, 2, 28)),
        ("2026年02月30日", None),
        ("2026年01月02日 2026年01月03日", None),
        ("2026-01-02", dt.date(2026, 1, 2)),
        ("0202年01月02日", None),
    ],
)
def test_dates(text: str, value: dt.date | None) -> None:
    assert values.date(text) == value


def test_plain_keeps_the_length() -> None:
    text = "（１２）￥：㎡⑫㈱〇"
    assert len(plain(text)) == len(text)
    assert plain("（１２）￥：") == "(12)¥:"
