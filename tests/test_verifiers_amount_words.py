"""Chinese amounts in words: every amount that can be written is read back, nothing is guessed."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from extractors.amount_words import parse_amount, spelled_amount

DIGITS = "零壹贰叁肆伍陆柒捌玖"


def write_group(value: int) -> str:
    """Up to four places, 零 for gaps inside (1005 -> 壹仟零伍)."""
    text, gap = "", False
    for worth, unit in ((1000, "仟"), (100, "佰"), (10, "拾"), (1, "")):
        digit = value // worth % 10
        if digit:
            text += ("零" if gap and text else "") + DIGITS[digit] + unit
            gap = False
        else:
            gap = True
    return text


def write(cents: int) -> str:
    """The textbook spelling of an amount below 10^12 yuan."""
    yuan, jiao, fen = cents // 100, cents // 10 % 10, cents % 10
    text = ""
    for worth, unit in ((10**8, "亿"), (10**4, "万"), (1, "")):
        group = yuan // worth % 10**4
        if group:
            text += ("零" if text and group < 1000 else "") + write_group(group) + unit
    text = f"{text}圆" if text else ""
    if not jiao and not fen:
        return (text or "零圆") + "整"
    if jiao:
        text += DIGITS[jiao] + "角"
    elif text:
        text += "零"
    return text + (DIGITS[fen] + "分" if fen else "整")


@settings(deadline=None)
@given(st.integers(min_value=0, max_value=10**14 - 1))
def test_every_amount_is_read_back(cents: int) -> None:
    assert parse_amount(write(cents)) == Decimal(cents) / 100


@settings(deadline=None)
@given(st.integers(min_value=1, max_value=10**14 - 1))
def test_what_is_spelled_is_read_back(cents: int) -> None:
    spelled = spelled_amount(Decimal(cents) / 100)
    assert spelled is not None
    assert parse_amount(spelled) == Decimal(cents) / 100


@pytest.mark.parametrize("amount", ["0", "-1", "0.001", "1000000000000"])
def test_what_print_does_not_spell_is_not_spelled(amount: str) -> None:
    assert spelled_amount(Decimal(amount)) is None


@settings(deadline=None)
@given(st.integers(min_value=1, max_value=10**11), st.sampled_from(["(负数)", "负", "（负数）"]))
def test_red_amounts_are_negative(cents: int, mark: str) -> None:
    assert parse_amount(mark + write(cents)) == -Decimal(cents) / 100


@settings(deadline=None)
@given(st.text(alphabet=DIGITS + "拾佰仟万亿圆元角分整正", max_size=12))
def test_whatever_is_read_has_one_value(text: str) -> None:
    amount = parse_amount(text)
    if amount is not None:
        assert amount >= 0
        assert parse_amount(write(int(amount * 100))) == amount


@settings(deadline=None)
@given(st.text(max_size=20))
def test_nothing_breaks_it(text: str) -> None:
    amount = parse_amount(text)
    assert amount is None or amount.is_finite()


@pytest.mark.parametrize(
    ("text", "amount"),
    [
        ("壹佰壹拾叁圆整", "113.00"),
        ("⊗ 柒佰伍拾玖元正", "759.00"),
        ("贰仟零肆拾圆零伍分", "2040.05"),
        ("拾伍元贰角整", "15.20"),
        ("壹万零叁佰圆整", "10300.00"),
        ("叁角", "0.30"),
        ("叁亿圆整", "300000000.00"),
        ("人民币 壹拾 圆 整", "10.00"),
    ],
)
def test_spellings(text: str, amount: str) -> None:
    assert parse_amount(text) == Decimal(amount)


@pytest.mark.parametrize(
    "text",
    ["", "整", "壹", "壹佰", "壹拾佰圆", "壹壹圆", "壹圆贰", "十百元", "圆整", "113.00", "壹角贰圆",
     "万圆整", "壹佰圆整壹"],
)  # fmt: skip
def test_nothing_is_guessed(text: str) -> None:
    assert parse_amount(text) is None
