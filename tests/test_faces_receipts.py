"""Receipts that are no tax invoices: fiscal bills, bank slips, card slips, tills.

Made ones are read back whole, from their text layers and as recognition would give them; rows
typed here stand for tills that nobody drew.
"""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

import pytest

from extractors.checks import CONFIDENT
from extractors.faces import invoice_from_words
from extractors.layout.days import Order, order_of, printed_dates
from extractors.limits import Limits
from extractors.merge import merge
from extractors.model import TEXT_FIELDS, Box, Invoice, Kind, Source
from extractors.pdf import PdfFile
from extractors.words import PageWords, Word
from fixtures.maker import Truth, draw_truth, pages, specimens
from fixtures.maker.pdf import pdf_bytes

TODAY = dt.date(2026, 11, 22)
KINDS = frozenset(
    {Kind.FISCAL_MEDICAL, Kind.FISCAL_NON_TAX, Kind.BANK_RECEIPT, Kind.POS_SLIP, Kind.RECEIPT}
)
OURS = tuple(name for name, drawn in specimens().items() if drawn.kind in KINDS)
OTHERS = tuple(name for name in specimens() if name not in OURS)


def words_of(name: str, seed: int) -> tuple[Truth, list[PageWords]]:
    truth = draw_truth(name, seed, today=TODAY)
    pdf = pdf_bytes(pages(truth, seed), title=truth.invoice_number)
    with PdfFile(pdf, Limits()) as file:
        return truth, list(file.words())


def shown(truth: Truth) -> dict[str, object]:
    names = (*TEXT_FIELDS, "amount_in_words", "remarks", "issuer")
    return {name: truth.shown(name) for name in names} | {"lines": truth.lines} | truth.extra


def read(invoice: Invoice) -> dict[str, object]:
    names = (*TEXT_FIELDS, "amount_in_words", "remarks", "issuer")
    fields = {
        name: None if (field := getattr(invoice, name)) is None else field.value for name in names
    }
    extra = {name: field.value for name, field in invoice.extra.items()}
    return fields | {"lines": invoice.lines} | extra


def check_whole(name: str, seed: int) -> None:
    truth, words = words_of(name, seed)
    invoice = invoice_from_words(words, Source.PDF_TEXT)
    assert invoice.kind is truth.kind
    assert read(invoice) == shown(truth)


@pytest.mark.parametrize("seed", range(2))
@pytest.mark.parametrize("name", OURS)
def test_every_value_of_every_face(name: str, seed: int) -> None:
    check_whole(name, seed)


@pytest.mark.slow
@pytest.mark.parametrize("name", OURS)
def test_every_value_of_forty_of_each(name: str) -> None:
    for seed in range(4, 44):
        check_whole(name, seed)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(2))
@pytest.mark.parametrize("name", OTHERS)
def test_other_families_are_left_alone(name: str, seed: int) -> None:
    _, words = words_of(name, seed)
    assert invoice_from_words(words, Source.PDF_TEXT).kind not in KINDS


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("name", OURS)
def test_recognised_words_yield_nothing_wrong_unflagged(name: str, seed: int) -> None:
    """As recognition cuts print: neighbours a hair apart run together."""
    truth, words = words_of(name, seed)
    recognised = [page.model_copy(update={"words": glued(page)}) for page in words]
    invoice = merge([invoice_from_words(recognised, Source.OCR)])
    assert invoice.kind is truth.kind
    expected = shown(truth)
    wrong = {
        field: value
        for field, value in read(invoice).items()
        if value and value != expected.get(field) and not flagged(invoice, field)
    }
    assert wrong == {}


def flagged(invoice: Invoice, name: str) -> bool:
    field = invoice.extra.get(name) or getattr(invoice, name, None)
    return getattr(field, "confidence", 1.0) < 0.85


def glued(page: PageWords) -> tuple[Word, ...]:
    joined: list[Word] = []
    for word in page.words:
        last = joined[-1] if joined else None
        height = word.box.y1 - word.box.y0
        gap = (word.box.x0 - last.box.x1) * page.width / page.height if last else 1.0
        level = last is not None and abs(last.box.y0 - word.box.y0) < 0.3 * height
        if last is not None and level and -0.2 * height < gap < 0.35 * height:
            box = Box(
                page=last.box.page,
                x0=last.box.x0,
                y0=min(last.box.y0, word.box.y0),
                x1=word.box.x1,
                y1=max(last.box.y1, word.box.y1),
            )
            joined[-1] = Word(text=last.text + word.text, box=box, confidence=0.96)
        else:
            joined.append(word.model_copy(update={"confidence": 0.97}))
    return tuple(joined)


def till(*rows: str, source: Source = Source.OCR) -> Invoice:
    """A narrow roll of the given rows; `|` parts cells, the last one set to the right."""
    words = []
    for number, row in enumerate(rows):
        cells = row.split("|")
        for index, text in enumerate(cells):
            width = 0.018 * sum(2 if ord(char) > 255 else 1 for char in text)
            x0 = 0.05 if index == 0 else 0.95 - width
            box = Box(page=0, x0=x0, y0=number * 0.02, x1=x0 + width, y1=number * 0.02 + 0.014)
            words.append(Word(text=text, box=box, confidence=0.97))
    page = PageWords(page=0, width=80, height=160, words=tuple(words))
    return invoice_from_words([page], source)


MALAYSIAN = (
    "SYARIKAT PERNIAGAAN GIN KEE",
    "(81109-A)",
    "NO 290, JALAN AIR PANAS,",
    "SETAPAK, 53200 KUALA LUMPUR",
    "TEL : 03-4021 0000",
    "GST ID : 000750673920",
    "SIMPLIFIED TAX INVOICE",
    "DOC NO. : CS00012465|DATE: 02/01/2018",
    "CASHIER : USER|TIME: 15:05:00",
    "1 CEMENT (50KG)|112.00",
    "TOTAL QTY: 7|112.00",
    "TOTAL SALES (EXCLUDING GST) :|105.66",
    "DISCOUNT :|0.00",
    "TOTAL GST :|6.34",
    "ROUNDING :|0.00",
    "TOTAL SALES (INCLUSIVE OF GST) :|112.00",
    "CASH :|120.00",
    "CHANGE :|8.00",
    "GST SUMMARY|AMOUNT(RM)  TAX(RM)",
    "SR @ 6%|105.66  6.34",
    "TOTAL :|105.66  6.34",
    "GOODS SOLD ARE NOT RETURNABLE, THANK YOU.",
)


def test_a_malaysian_till() -> None:
    invoice = till(*MALAYSIAN)
    assert invoice.kind is Kind.RECEIPT
    assert invoice.total_with_tax is not None
    assert invoice.total_with_tax.value == Decimal("112.00")
    assert invoice.issue_date is not None
    assert invoice.issue_date.value == dt.date(2018, 1, 2)
    assert invoice.seller_name is not None
    assert invoice.seller_name.value == "SYARIKAT PERNIAGAAN GIN KEE"
    assert invoice.extra["currency"].value == "MYR"


def test_a_name_with_a_colon_in_its_midst_was_misread() -> None:
    rows = ("RECEIPT", "25/12/2017 14:30", "PEN|9.43", "TOTAL|RM 9.43", "THANK YOU")
    plain, colon = till("KEDAI BUKU LIMA ENTERPRISE", *rows), till("KEDAI: BUKU ENTERPRISE", *rows)
    assert plain.seller_name is not None
    assert plain.seller_name.confidence >= CONFIDENT
    assert colon.seller_name is not None
    assert colon.seller_name.confidence < CONFIDENT


def test_rounding_makes_the_last_total_the_total() -> None:
    invoice = till(
        *("ONE STATIONERY SDN BHD", "RECEIPT", "25/12/2017 14:30", "PEN|9.43"),
        *("TOTAL|RM 9.43", "ROUNDING ADJ|0.02", "ROUNDED TOTAL|RM 9.45"),
        *("CASH|RM 10.00", "CHANGE|RM 0.55", "THANK YOU"),
    )
    assert invoice.total_with_tax is not None
    assert invoice.total_with_tax.value == Decimal("9.45")


def test_totals_that_nothing_decides_between_are_none() -> None:
    invoice = till(
        *("CORNER SHOP LTD", "RECEIPT", "12 Mar 2026", "PEN|£9.43"),
        *("TOTAL|£9.43", "TOTAL|£9.45", "CASHIER 4", "THANK YOU"),
    )
    assert invoice.total_with_tax is None


def test_an_american_diner_writes_the_month_first() -> None:
    invoice = till(
        *("Maple Diner", "480 Main St", "Boston, MA 02110", "(617) 555-0142", "Server: Ann"),
        *("03/04/2026 12:30 PM", "Burger|12.00", "Subtotal|$12.00", "Tax|$0.75"),
        *("Total|$12.75", "Visa|$12.75", "Tip guide 18% = $2.16"),
    )
    assert invoice.issue_date is not None
    assert invoice.issue_date.value == dt.date(2026, 3, 4)
    assert invoice.total_with_tax is not None
    assert invoice.total_with_tax.value == Decimal("12.75")
    assert invoice.extra["currency"].value == "USD"
    assert invoice.seller_name is not None
    assert invoice.seller_name.confidence < 0.85


def test_a_date_that_nothing_decides_is_none() -> None:
    invoice = till(
        *("CORNER SHOP", "RECEIPT", "03/04/2026 12:30", "PEN|9.43", "SUBTOTAL|9.43"),
        *("TOTAL|9.43", "CASH|10.00", "CHANGE|0.57"),
    )
    assert invoice.total_with_tax is not None
    assert invoice.issue_date is None


def test_a_chinese_supermarket() -> None:
    invoice = till(
        *("永辉超市", "欢迎光临", "流水号:20260312000123", "日期:2026-03-12 18:20:11"),
        *("品名  数量  单价|小计", "牛奶|59.90", "积分:59", "合计:|59.90", "实收:|100.00"),
        *("找零:|40.10", "谢谢惠顾"),
    )
    assert invoice.kind is Kind.RECEIPT
    assert invoice.total_with_tax is not None
    assert invoice.total_with_tax.value == Decimal("59.90")
    assert invoice.seller_name is not None
    assert invoice.seller_name.value == "永辉超市"


@pytest.mark.parametrize(
    "rows",
    [
        ("Dear parents,", "The fee for the trip is RM 45.00.", "Total: RM 45.00", "Tel 03-555",
         "Please pay cash before 12/03/2026 10:00.", "Sincerely, the school"),
        ("关于收取伙食费的通知", "各位家长：", "合计|￥450.00", "现金或微信支付", "2026年9月1日"),
        ("会议纪要", "议题：采购打印机", "数量 2  单价 1200.00", "合计|2400.00", "经手人：王敏"),
        ("PURCHASE ORDER", "QTY ITEM PRICE", "TOTAL|$500.00", "TAX|$5.00"),
    ],
    ids=["letter", "notice", "minutes", "order"],
)  # fmt: skip
def test_what_only_speaks_of_money_is_no_receipt(rows: tuple[str, ...]) -> None:
    assert till(*rows).kind is Kind.UNKNOWN


def test_words_that_contradict_the_figures_are_told_and_neither_is_sure() -> None:
    truth, words = words_of("bank_receipt_boc", 1)
    figures = f"{truth.total_with_tax:,.2f}"
    misread = figures[:-1] + ("1" if figures[-1] != "1" else "7")
    page = words[0]
    altered = tuple(
        word.model_copy(update={"text": word.text.replace(figures, misread)}) for word in page.words
    )
    assert altered != page.words
    changed = page.model_copy(update={"words": altered})
    for source in (Source.OCR, Source.PDF_TEXT):
        codes = [each.code for each in merge([invoice_from_words([changed], source)]).findings]
        assert "words_mismatch" in codes
    seen = invoice_from_words([changed], Source.OCR)
    assert seen.total_with_tax is not None
    assert seen.amount_in_words is not None
    assert max(seen.total_with_tax.confidence, seen.amount_in_words.confidence) < CONFIDENT


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("2026-03-12 18:20", dt.date(2026, 3, 12)),
        ("12 Mar 2026", dt.date(2026, 3, 12)),
        ("27 Aug 202620:42", dt.date(2026, 8, 27)),
        ("12-MAR-26", dt.date(2026, 3, 12)),
        ("March 12, 2026", dt.date(2026, 3, 12)),
        ("Ju1 28, 2026", dt.date(2026, 7, 28)),
        ("3 N0V 2026", dt.date(2026, 11, 3)),
        ("25/12/2017", dt.date(2017, 12, 25)),
        ("12/25/2017", dt.date(2017, 12, 25)),
        ("25/12/201814:30", dt.date(2018, 12, 25)),
        ("03.04.2026", dt.date(2026, 4, 3)),
        ("03/04/2026", None),
        ("05/05/2026", dt.date(2026, 5, 5)),
        ("18/03/12", None),
    ],
)
def test_days_as_tills_print_them(text: str, day: dt.date | None) -> None:
    found = printed_dates(text)
    assert [printed.day(None) for printed in found] == [day]


def test_what_decides_the_order() -> None:
    assert order_of("TOTAL RM 5.00") is Order.DAY_FIRST
    assert order_of("Boston, MA 02110") is Order.MONTH_FIRST
    assert order_of("25/12/2017\n03/04/2018") is Order.DAY_FIRST
    assert order_of("TOTAL 5.00") is None


def test_words_down_the_side_of_both_parties_are_no_label_of_one() -> None:
    """The middles of 付款人 and 收款人 may touch the row of the second account only."""
    truth, [page] = words_of("bank_receipt_ccb", 3)

    def moved(word: Word) -> Word:
        box, lower = word.box, 0.015
        left_account = box.x0 < 0.5 and word.text in ("账号", truth.extra["payer_account"])
        if word.text != "款" and not left_account:
            return word.model_copy(update={"confidence": 0.97})
        down = {"y0": box.y0 + lower, "y1": box.y1 + lower}
        return word.model_copy(update={"box": box.model_copy(update=down), "confidence": 0.97})

    words = tuple(moved(word) for word in page.words)
    invoice = invoice_from_words([page.model_copy(update={"words": words})], Source.OCR)
    for name in ("payer_account", "payee_account"):
        assert invoice.extra[name].value == truth.extra[name]


@pytest.mark.parametrize(
    ("total", "currency"), [("USD 198.96", "USD"), ("USD198.96", "USD"), ("USDA 198.96", None)]
)
def test_a_currency_may_be_set_close_before_its_figures(total: str, currency: str | None) -> None:
    slip = till(
        *("NORTHGATE BOOKS LLC", "MERCHANT ID:|717752253956884", "TERMINAL ID:|87610271"),
        *("DATE: 23 SEP 2026|TIME: 08:04", "BATCH NO:|000803", "SALE", f"TOTAL|{total}"),
        "*** CUSTOMER COPY ***",
    )
    found = slip.extra.get("currency")
    assert slip.kind is Kind.POS_SLIP
    assert (found.value if found is not None else None) == currency
