"""Amounts in words as the maker writes them, read back by a parser of the test's own."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fixtures.maker.amounts import amount_in_words
from tests.helpers import spoken


@pytest.mark.parametrize(
    ("amount", "words"),
    [
        ("0", "零圆整"),
        ("0.05", "伍分"),
        ("0.30", "叁角整"),
        ("0.35", "叁角伍分"),
        ("1", "壹圆整"),
        ("10", "壹拾圆整"),
        ("107000.53", "壹拾万柒仟圆伍角叁分"),
        ("6007.14", "陆仟零柒圆壹角肆分"),
        ("325.04", "叁佰贰拾伍圆零肆分"),
        ("10600.00", "壹万零陆佰圆整"),
        ("10006", "壹万零陆圆整"),
        ("100000000", "壹亿圆整"),
        ("100000500.5", "壹亿零伍佰圆伍角整"),
        ("1000000000000", "壹万亿圆整"),
        ("1000100000000", "壹万零壹亿圆整"),
        ("-318.00", "（负数）叁佰壹拾捌圆整"),
    ],
)
def test_amounts_in_words(amount: str, words: str) -> None:
    assert amount_in_words(Decimal(amount)) == words


@given(st.decimals(Decimal(-9999999999999999), Decimal(9999999999999999), places=2))
def test_words_read_back_to_the_amount(amount: Decimal) -> None:
    words = amount_in_words(amount)
    assert spoken(words) == amount
    assert "零零" not in words
    assert "零圆" not in words or amount == 0


@pytest.mark.parametrize("amount", [Decimal("0.001"), Decimal(10) ** 16])
def test_words_refuse_what_no_invoice_holds(amount: Decimal) -> None:
    with pytest.raises(ValueError):
        amount_in_words(amount)
