"""Cells of recognised lines are mended only where something proves them."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

import pytest

from extractors.checks import CONFIDENT
from extractors.faces import invoice_from_words
from extractors.layout import mending
from extractors.model import Box, Invoice, Source
from extractors.words import PageWords, Word

#: Right ends of a 数电票's columns of figures.
_ENDS = {"quantity": 0.51, "price": 0.61, "amount": 0.72, "rate": 0.78, "tax": 0.94}
_TITLES = (
    (0.10, "项目名称"),
    (0.27, "规格型号"),
    (0.37, "单位"),
    (0.44, "数量"),
    (0.54, "单价"),
    (0.65, "金额"),
    (0.74, "税率/征收率"),
    (0.88, "税额"),
)


def word(x0: float, y: float, text: str, *, low: bool = False) -> Word:
    width = sum(0.014 if ord(char) > 255 else 0.008 for char in text)
    box = Box(page=0, x0=x0, y0=y + (0.006 if low else 0), x1=x0 + width, y1=y + 0.016)
    return Word(text=text, box=box, confidence=0.99)


def figure(column: str, y: float, text: str, *, low: bool = False) -> Word:
    return word(_ENDS[column] - 0.008 * len(text), y, text, low=low)


def page(
    rows: Sequence[Sequence[Word]],
    sums: Sequence[str],
    words: str,
    total: str,
    titles: Sequence[tuple[float, str]] = _TITLES,
) -> Invoice:
    found = [
        word(0.35, 0.07, "电子发票（普通发票）"),
        word(0.70, 0.08, "发票号码：26427251000048925860"),
    ]
    found += [word(x0, 0.26, title) for x0, title in titles]
    found += [cell for row in rows for cell in row]
    ends = zip((_ENDS["amount"], _ENDS["tax"]), sums, strict=False)
    found += [word(0.12, 0.45, "合"), word(0.19, 0.45, "计")]
    found += [word(end - 0.008 * len(text), 0.45, text) for end, text in ends]
    found += [word(0.11, 0.49, "价税合计（大写）"), word(0.31, 0.49, words)]
    found += [word(0.70, 0.49, f"（小写）{total}")]
    return invoice_from_words(
        [PageWords(page=0, words=tuple(found), width=1.0, height=0.7)], Source.OCR
    )


def lodging(rate: str | None, *, tax: str = "6.00", quantity: str = "1") -> Invoice:
    row = [
        word(0.06, 0.30, "*住宿服务*住宿费"),
        figure("price", 0.30, "100"),
        figure("amount", 0.30, "100.00"),
        figure("tax", 0.30, tax),
    ]
    if quantity:
        row.append(figure("quantity", 0.30, quantity, low=True))
    if rate is not None:
        row.append(figure("rate", 0.30, rate))
    return page([row], ("¥100.00", "¥6.00"), "壹佰零陆圆整", "¥106.00")


@pytest.mark.parametrize("rate", ["6%", "68", "6", None])
def test_a_rate_that_was_misread_is_proven_by_the_tax(rate: str | None) -> None:
    (line,) = lodging(rate).lines
    assert (line.amount, line.rate, line.tax) == (
        Decimal("100.00"),
        Decimal("0.06"),
        Decimal("6.00"),
    )


@pytest.mark.parametrize("quantity", ["1", "o", ""])
def test_a_price_that_is_the_amount_needs_no_quantity(quantity: str) -> None:
    (line,) = lodging("6%", quantity=quantity).lines
    assert (line.quantity, line.price) == (Decimal(1), Decimal(100))


def test_a_rate_that_nothing_proves_stays_out() -> None:
    assert mending.proven_rate(Decimal("100.00"), Decimal("7.00")) is None
    assert mending.proven_rate(Decimal("0.10"), Decimal("0.01")) is None
    assert mending.proven_rate(Decimal("100.00"), Decimal("13.01")) == Decimal("0.13")


def test_a_quantity_that_nothing_proves_stays_out() -> None:
    assert mending.counted(Decimal("434.6322222222"), Decimal("3911.69")) == 9
    assert mending.counted(Decimal("434.68"), Decimal("3911.69")) is None
    assert mending.counted(Decimal("0.35"), Decimal("7.01")) is None


@pytest.mark.parametrize(
    "read",
    ["住宿服务*住宿费", "*住宿服务住宿费", "住宿服务住宿费", "住宿服务°住宿费", "*住宿服务*住宿费"],
)
def test_lost_stars_come_back(read: str) -> None:
    assert mending.with_stars(read) == "*住宿服务*住宿费"


@pytest.mark.parametrize("read", ["图书一批", "住宿服务", "某某服务费", "*详见清单"])
def test_no_stars_without_a_known_class(read: str) -> None:
    assert mending.with_stars(read) == read


def test_measures_and_units() -> None:
    assert mending.spec("250m1*16") == "250ml*16"
    assert mending.spec("250m1°16") == "250ml*16"
    assert mending.spec("M1 m10 16m1x") == "M1 m10 16m1x"
    assert mending.unit("间天") == "间·天"
    assert mending.unit("人天") == "人天"
    assert mending.unit("²", area=True) == "㎡"
    assert mending.unit("亩", area=True) == "亩"


def test_a_digit_taken_for_the_mark_of_a_sum_ends_no_table() -> None:
    """¥60.00 for 360.00: only sums bear the mark, but no goods stand beside them."""

    def row(y: float, amount: str, tax: str) -> list[Word]:
        figures = (("amount", amount), ("rate", "6%"), ("tax", tax))
        cells = [figure(column, y, text) for column, text in figures]
        return [word(0.06, y, "*住宿服务*住宿费"), *cells]

    rows = [row(0.30, "6000.00", "¥60.00"), row(0.34, "100.00", "6.00")]
    invoice = page(rows, ("¥6100.00", "¥366.00"), "陆仟肆佰陆拾陆圆整", "¥6466.00")
    amounts = [(line.amount, line.tax) for line in invoice.lines]
    assert amounts == [(Decimal(6000), Decimal(360)), (Decimal(100), Decimal(6))]


def test_an_amount_that_is_the_total_proves_that_there_is_no_tax() -> None:
    row = [
        word(0.06, 0.30, "*水果*柑橘"),
        figure("amount", 0.30, "100.00"),
        figure("rate", 0.30, "免税"),
    ]
    invoice = page([row], ("¥100.00",), "壹佰圆整", "¥100.00")
    assert invoice.total_without_tax is not None
    assert invoice.total_without_tax.value == Decimal("100.00")
    assert invoice.total_tax is None
    assert [line.amount for line in invoice.lines] == [Decimal("100.00")]


def building(*cells: Word) -> Invoice:
    titles = (
        *((0.08, "项目名称"), (0.20, "建筑服务发生地"), (0.40, "建筑项目名称")),
        *((0.65, "金额"), (0.74, "税率/征收率"), (0.88, "税额")),
    )
    figures = [figure(*each) for each in (("amount", 0.30, "100.00"), ("rate", 0.30, "6%"))]
    row = [word(0.025, 0.30, "*建筑服务*工程款"), *figures, figure("tax", 0.30, "6.00"), *cells]
    sums = ("¥100.00", "¥6.00")
    return page([row], sums, "壹佰零陆圆整", "¥106.00", titles)


def extra(invoice: Invoice) -> dict[str, str]:
    return {name: field.value for name, field in invoice.extra.items()}


def test_cells_run_together_are_cut_where_others_of_the_column_begin() -> None:
    glued = word(0.195, 0.30, "福建省厦门市思明临澜学校食堂改造及消防工程（")
    below = word(0.195, 0.32, "区文海路969号")
    invoice = building(glued, below, word(0.307, 0.32, "二期）"))
    assert extra(invoice) == {
        "site": "福建省厦门市思明区文海路969号",
        "project": "临澜学校食堂改造及消防工程（二期）",
        "special": "建筑服务",
    }
    assert invoice.extra["special"].confidence < CONFIDENT  # told by the titles alone
    assert [line.name for line in invoice.lines] == ["*建筑服务*工程款"]


def test_cells_run_together_are_kept_unsure_where_nothing_shows_the_cut() -> None:
    glued = word(0.195, 0.30, "福建省厦门市思明临澜学校食堂改造及消防工程")
    invoice = building(glued, word(0.195, 0.32, "区文海路969号"))
    assert invoice.extra["site"].confidence < CONFIDENT
    assert "project" not in invoice.extra
    assert [line.amount for line in invoice.lines] == [Decimal("100.00")]


def test_remarks_are_found_where_their_label_was_not_seen() -> None:
    side = Box(page=0, x0=0.02, y0=0.14, x1=0.04, y1=0.23)
    buyer = Word(text="购买方信息", box=side, confidence=0.99)
    invoice = building(buyer, word(0.055, 0.53, "扣除额：94.00"))
    assert invoice.remarks is not None
    assert invoice.remarks.value == "扣除额：94.00。"
    assert extra(invoice)["deduction"] == "94.00"
