"""Figures of a table reckoned against each other and the sums: what was lost is set where one
figure fits, and stays open where none or several do."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest

from extractors.layout import figures
from extractors.layout.figures import Figure, Figures
from extractors.layout.reckoning import Sums, adds_up, reckon


def line(quantity: str, price: str, amount: str, rate: str, tax: str) -> Figures:
    return Figures(
        quantity=figures.number(quantity),
        price=figures.number(price),
        amount=figures.money(amount),
        rate=figures.rate(rate),
        tax=figures.money(tax),
    )


def cells(row: Figures) -> list[str]:
    shown = (row.quantity, row.price, row.amount, row.rate, row.tax)
    return ["" if cell.value is None else f"{cell.value:f}" for cell in shown]


SUMS = Sums(Decimal("698.14"), Decimal("6.98"))


@pytest.mark.parametrize(
    ("seen", "meant"),
    [
        (("200", ".25745", "451.49", "1%", "4.51"), "2.25745"),
        (("200", "2.25145", "451.49", "1%", "4.51"), "2.25745"),
        (("20O", "2.25745", "451<49", "1%", "4.5b"), "2.25745"),
        (("200", "2.25745", "461.49", "1%", "4.51"), "2.25745"),
        (("", "2.25745", "451.49", "", "4.51"), "2.25745"),
    ],
)
def test_one_misread_figure_is_set_right(seen: tuple[str, ...], meant: str) -> None:
    rows = [line(*seen), line("48", "5.1385416667", "246.65", "1%", "2.47")]
    reckon(rows, SUMS)
    assert cells(rows[0]) == ["200", meant, "451.49", "0.01", "4.51"]
    assert cells(rows[1]) == ["48", "5.1385416667", "246.65", "0.01", "2.47"]
    assert adds_up(rows, SUMS)
    assert rows[1].sure


def test_what_was_reckoned_is_not_sure() -> None:
    rows = [line("200", "2.25145", "451.49", "1%", "4.51")]
    reckon(rows, Sums(Decimal("451.49"), Decimal("4.51")))
    assert not rows[0].sure


def test_an_amount_not_seen_is_what_the_sum_leaves() -> None:
    rows = [line("", "", "", "1%", "4.51"), line("", "", "246.65", "1%", "2.47")]
    reckon(rows, SUMS)
    assert rows[0].amount.value == Decimal("451.49")
    assert not rows[0].sure


def test_two_amounts_not_seen_stay_empty() -> None:
    rows = [line("", "", "", "", ""), line("", "", "", "", "")]
    reckon(rows, SUMS)
    assert [row.amount.value for row in rows] == [None, None]


def test_an_amount_unlike_the_rest_stays_as_read() -> None:
    """Something else is wrong there; a figure made up would hide it."""
    rows = [line("", "", "98765.43", "1%", "4.51"), line("", "", "11111.11", "1%", "2.47")]
    reckon(rows, SUMS)
    assert [row.amount.value for row in rows] == [Decimal("98765.43"), Decimal("11111.11")]
    assert not adds_up(rows, SUMS)


def test_an_unproven_sum_mends_nothing() -> None:
    rows = [line("", "", "461.49", "1%", "4.61")]
    reckon(rows, Sums(Decimal("451.49"), firm=False))
    assert rows[0].amount.value == Decimal("461.49")


def test_a_red_invoice_gets_its_minus_back() -> None:
    rows = [line("2", "50.03", "100.06", "1%", "-1.00")]
    reckon(rows, Sums(Decimal("-100.06"), Decimal("-1.00")))
    assert cells(rows[0]) == ["-2", "50.03", "-100.06", "0.01", "-1.00"]


def test_price_and_quantity_that_contradict_the_amount_are_kept_and_open() -> None:
    rows = [line("7", "999.99", "451.49", "1%", "4.51")]
    reckon(rows, Sums(Decimal("451.49"), Decimal("4.51")))
    assert cells(rows[0]) == ["7", "999.99", "451.49", "0.01", "4.51"]
    assert rows[0].open


def test_free_of_tax_is_void_not_lost() -> None:
    rows = [line("", "", "451.49", "免税", "***"), line("", "", "246.65", "免税", "***")]
    reckon(rows, Sums(Decimal("698.14"), Decimal(0)))
    assert [row.tax.value for row in rows] == [None, None]
    assert all(row.sure for row in rows)


@pytest.mark.parametrize(
    ("text", "value", "sure"),
    [
        ("1,234.56", "1234.56", True),
        ("307,10", "307.10", False),
        ("1296|07", "1296.07", False),
        ("S31.90", "531.90", False),
        ("￥-5.00", "-5.00", False),
    ],
)
def test_money_of_worn_print(text: str, value: str, sure: bool) -> None:
    found = figures.money(text)
    assert (found.value, found.sure) == (Decimal(value), sure)


@pytest.mark.parametrize("text", ["", "合计", "12", "1.2.3.4"])
def test_what_is_no_money_has_no_value(text: str) -> None:
    assert figures.money(text).value is None


def test_the_rate_of_all_and_the_prices_set_amounts_right() -> None:
    """Rates misread throughout, an amount cut, one misread and one under a seal: the sums give the
    rate, price and tax the amounts."""
    rows = [
        line("", "623", "23.00", "64", "37.38"),
        line("2", "2112.34", "4224.66", "61", "253.48"),
        line("", "607.15", "", "m", "182.15"),
    ]
    reckon(rows, Sums(Decimal("7883.43"), Decimal("473.01")))
    assert [row.amount.value for row in rows] == [
        Decimal("623.00"),
        Decimal("4224.68"),
        Decimal("3035.75"),
    ]
    assert [row.rate.value for row in rows] == [Decimal("0.06")] * 3
    assert [row.quantity.value for row in rows] == [1, 2, 5]


def test_without_sums_a_line_is_set_right_by_its_own_figures() -> None:
    rows = [line("3", "259.16", "777.43", "6%", "46.65")]
    reckon(rows, Sums(firm=False))
    assert rows[0].amount.value == Decimal("777.48")
    assert not rows[0].sure


@pytest.mark.parametrize(
    ("price", "meant"),
    [
        ("5.1385416667", "5.1385416667"),
        ("5.1385716667", "5.1385416667"),
        ("5.138416667", "5.1385416667"),
        ("5.1385416666", "5.1385416666"),
        ("5.13854167", "5.13854167"),
    ],
)
def test_a_digit_of_a_quotient_is_set_right_but_not_its_last(price: str, meant: str) -> None:
    """Some programs round the last, some cut."""
    rows = [line("48", price, "246.65", "1%", "2.47")]
    reckon(rows, Sums(Decimal("246.65"), Decimal("2.47")))
    assert rows[0].price.value == Decimal(meant)


def test_an_offset_on_a_red_invoice_stays_positive() -> None:
    rows = [line("", "", "-100.06", "1%", "-1.00"), line("", "", "10.00", "1%", "0.10")]
    reckon(rows, Sums(Decimal("-90.06"), Decimal("-0.90")))
    assert [row.amount.value for row in rows] == [Decimal("-100.06"), Decimal("10.00")]


def weighed(cell: Figure, *others: tuple[int, str, float]) -> Figure:
    """The cell, of which the recogniser held other characters possible: place, which, cost."""
    choices = [[(char, 0.0)] for char in cell.text]
    for place, char, cost in others:
        choices[place].append((char, cost))
    return replace(cell, weighed=tuple(tuple(each) for each in choices))


def test_a_line_whose_figures_agree_is_not_changed_for_one_whose_do_not() -> None:
    """The product and the tax speak for the first; a discount is negative on a sale too."""
    rows = [
        line("48", "7.6697916667", "368.15", "9%", "33.13"),
        line("", "", "-73.83", "9%", "-6.63"),
    ]
    reckon(rows, Sums(Decimal("294.52"), Decimal("26.50")))
    assert [row.amount.value for row in rows] == [Decimal("368.15"), Decimal("-73.63")]


def test_of_two_misreadings_as_near_the_one_that_was_held_possible_is_undone() -> None:
    rows = [line("", "", "511.20", "***", ""), line("", "", "682.79", "***", "")]
    rows[1].amount = weighed(rows[1].amount, (0, "8", -2.0))
    reckon(rows, Sums(Decimal("1393.99")))
    assert [row.amount.value for row in rows] == [Decimal("511.20"), Decimal("882.79")]


def test_a_figure_misread_is_likelier_than_one_of_which_the_beginning_was_not_seen() -> None:
    rows = [line("", "", "70.44", "***", ""), line("", "", "682.79", "***", "")]
    reckon(rows, Sums(Decimal("953.23")))
    assert [row.amount.value for row in rows] == [Decimal("70.44"), Decimal("882.79")]


def test_two_figures_are_set_right_where_the_recogniser_held_both_possible() -> None:
    rows = [line("", "", amount, "***", "") for amount in ("403.56", "17.20", "88.10")]
    rows[0].amount = weighed(rows[0].amount, (2, "5", -0.4))
    rows[2].amount = weighed(rows[2].amount, (3, "7", -0.9), (1, "3", -3.0))
    reckon(rows, Sums(Decimal("511.46")))
    assert [row.amount.value for row in rows] == [
        Decimal("405.56"), Decimal("17.20"), Decimal("88.70")
    ]  # fmt: skip
    assert not rows[0].sure
    assert not rows[2].sure
