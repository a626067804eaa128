"""Geometry without files or engine: made faces as words, cut the ways that sources cut them."""

from __future__ import annotations

import datetime as dt
import random
from decimal import Decimal

import pytest

from extractors.checks import CONFIDENT
from extractors.faces import invoice_from_words
from extractors.layout.page import Sheet
from extractors.model import TEXT_FIELDS, Box, Invoice, Kind, Source
from extractors.words import PageWords, Word
from fixtures.maker import KINDS, Truth, make_truth
from tests.cuts import TODAY, Cutter, altered, characters, garbage, spaced, whole, words_of

SEEDS = range(6)
INVOICES = tuple(kind for kind in KINDS if kind is not Kind.TRAIN_TICKET)
#: Those that come with a text layer.
ELECTRONIC = (Kind.DIGITAL_NORMAL, Kind.DIGITAL_SPECIAL, Kind.VAT_ELECTRONIC_NORMAL)


def read_made(kind: Kind, seed: int, cut: Cutter = whole) -> tuple[Truth, Invoice]:
    truth = make_truth(kind, seed, today=TODAY)
    return truth, invoice_from_words([words_of(truth, seed, cut)], Source.PDF_TEXT)


def texts(invoice: Invoice) -> dict[str, object]:
    return {
        name: field.value if (field := getattr(invoice, name)) is not None else None
        for name in TEXT_FIELDS
    }


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("cut", [whole, pytest.param(characters, marks=pytest.mark.slow), spaced])
def test_every_field_of_every_face(kind: Kind, seed: int, cut: Cutter) -> None:
    truth, invoice = read_made(kind, seed, cut)
    assert invoice.kind == truth.kind
    assert texts(invoice) == {name: getattr(truth, name) for name in TEXT_FIELDS}


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("kind", INVOICES)
def test_lines_words_and_issuer(kind: Kind, seed: int) -> None:
    truth, invoice = read_made(kind, seed)
    assert invoice.lines == truth.lines
    assert invoice.issuer is not None
    assert invoice.issuer.value == truth.issuer
    assert invoice.amount_in_words is not None
    assert invoice.amount_in_words.value == truth.amount_in_words


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("kind", ELECTRONIC)
def test_unreadable_labels_lose_little_and_falsify_nothing(kind: Kind, seed: int) -> None:
    """Codes, numbers, dates and sums have shapes of their own; the rest may be missing."""
    truth, invoice = read_made(kind, seed, garbage)
    got = texts(invoice)
    wrong = {
        name: (value, getattr(truth, name))
        for name, value in got.items()
        if value is not None and value != getattr(truth, name)
    }
    assert not wrong
    for name in ("invoice_number", "issue_date", "total_without_tax", "total_with_tax"):
        assert got[name] == getattr(truth, name), name


def test_journey_of_a_train_ticket() -> None:
    truth, invoice = read_made(Kind.TRAIN_TICKET, 3)
    for name in ("from", "to", "train", "departure", "carriage", "seat", "passenger"):
        assert invoice.extra[name].value == truth.extra[name], name


def test_boxes_lie_on_their_values() -> None:
    truth = make_truth(Kind.DIGITAL_NORMAL, 1, today=TODAY)
    page = words_of(truth, 1, whole)
    number = invoice_from_words([page], Source.PDF_TEXT).invoice_number
    assert number is not None
    assert number.box is not None
    home = next(word.box for word in page.words if word.text == truth.invoice_number)
    assert abs(number.box.x0 - home.x0) < 0.002
    assert abs(number.box.y1 - home.y1) < 0.002


def test_a_misread_sum_is_not_believed() -> None:
    """A recognised total that contradicts its words and its parts is what those say, and never
    sure; what was read is kept beside it."""
    truth = make_truth(Kind.DIGITAL_NORMAL, 2, today=TODAY)
    total = f"{truth.total_with_tax:.2f}"
    misread = ("9" if total[0] != "9" else "8") + total[1:]
    page = altered(words_of(truth, 2, whole), lambda text: text.replace(total, misread))
    seen = invoice_from_words([page], Source.OCR)
    assert seen.total_with_tax is not None
    assert seen.total_with_tax.value == truth.total_with_tax
    assert seen.total_with_tax.confidence < CONFIDENT
    assert seen.doubted["total_with_tax"].value == Decimal(misread)
    given = invoice_from_words([page], Source.PDF_TEXT).total_with_tax
    # A text layer says what it says: the contradiction is for the rules to report.
    assert given is not None
    assert given.value == Decimal(misread)


def test_paper_numbers_that_differ_are_not_believed() -> None:
    truth = make_truth(Kind.VAT_SPECIAL, 1, today=TODAY)
    page = words_of(truth, 1, whole)
    seen: list[str] = []

    def misread_once(text: str) -> str:
        if text == truth.invoice_number and not seen:
            seen.append(text)
            return text[:-1] + ("1" if text[-1] != "1" else "7")
        return text

    assert invoice_from_words([altered(page, misread_once)], Source.OCR).invoice_number is None


def test_a_misread_tax_id_is_never_sure_and_a_lookalike_mended() -> None:
    truth = make_truth(Kind.DIGITAL_SPECIAL, 1, today=TODAY)
    page = words_of(truth, 1, whole)
    genuine = truth.seller_tax_id or ""
    wrong = genuine[:-2] + ("3" if genuine[-2] != "3" else "4") + genuine[-1]
    misread = altered(page, lambda text: text.replace(genuine, wrong))
    doubtful = invoice_from_words([misread], Source.OCR).seller_tax_id
    assert doubtful is not None
    assert doubtful.confidence < CONFIDENT
    looks_alike = altered(
        page, lambda text: text.replace(genuine, genuine.replace("0", "O").replace("1", "I"))
    )
    mended = invoice_from_words([looks_alike], Source.OCR).seller_tax_id
    assert mended is not None
    assert mended.value == genuine
    assert mended.raw != genuine
    assert mended.confidence < 0.99


def test_lines_over_two_pages_are_read_from_one_sheet() -> None:
    """Pages lie one below the other: the foot of the last page closes the table of the first."""
    truth = make_truth(Kind.DIGITAL_NORMAL, 5, today=TODAY)
    page = words_of(truth, 5, whole)
    cut = 0.5
    upper = tuple(word for word in page.words if word.box.y0 < cut)
    lower = tuple(
        word.model_copy(update={"box": word.box.model_copy(update={"page": 1})})
        for word in page.words
        if word.box.y0 >= cut
    )
    pages = [
        page.model_copy(update={"words": upper}),
        page.model_copy(update={"page": 1, "words": lower}),
    ]
    invoice = invoice_from_words(pages, Source.PDF_TEXT)
    assert invoice.pages == 2
    assert texts(invoice) == {name: getattr(truth, name) for name in TEXT_FIELDS}
    assert invoice.total_with_tax is not None
    assert invoice.total_with_tax.box is not None
    assert invoice.total_with_tax.box.page == 1


def cell(page: int, x: float, y: float, text: str) -> Word:
    box = Box(page=page, x0=x, y0=y, x1=x + 0.012 * len(text), y1=y + 0.012)
    return Word(text=text, box=box)


def list_page(number: int, rows: int, first: int) -> PageWords:
    """A 销货清单 as tax software prints it behind an old invoice, `rows` lines of 100 yuan."""
    titles = (
        *((0.05, "序号"), (0.2, "项目名称"), (0.55, "数量"), (0.65, "单价")),
        *((0.75, "金额"), (0.85, "税率"), (0.92, "税额")),
    )
    words = [cell(number, 0.4, 0.05, "销售货物或者提供应税劳务清单")]
    words += [cell(number, x, 0.2, title) for x, title in titles]
    for row in range(rows):
        y = 0.23 + 0.025 * row
        values = ((0.05, str(first + row)), (0.08, "*餐饮服务*餐费"), (0.75, "100.00"))
        words += [cell(number, x, y, text) for x, text in (*values, (0.85, "6%"), (0.93, "6.00"))]
    words.append(cell(number, 0.05, 0.9, "小计"))
    return PageWords(page=number, width=210, height=297, words=tuple(words))


@pytest.mark.parametrize(("rows", "believed"), [(3, True), (4, False)])
def test_a_list_behind_the_face_is_believed_only_if_it_sums_up(rows: int, believed: bool) -> None:
    truth = make_truth(Kind.VAT_ELECTRONIC_NORMAL, 2, today=TODAY)
    amount = Decimal("600.00")
    old, new = f"¥{truth.total_without_tax:.2f}", f"¥{amount}"
    front = altered(words_of(truth, 2, whole), lambda text: text.replace(old, new))
    pages = [front, list_page(1, 3, 1), list_page(2, rows, 4)]
    invoice = invoice_from_words(pages, Source.OFD_TEXT)
    assert invoice.pages == 3
    assert invoice.invoice_number is not None
    assert invoice.invoice_number.value == truth.invoice_number
    lines = [line.name for line in invoice.lines]
    assert (lines == ["*餐饮服务*餐费"] * 6) is believed


def test_an_itinerary_is_believed_only_if_its_parts_add_up() -> None:
    titles = ("票价", "燃油附加费", "增值税税率", "增值税税额", "民航发展基金", "其他税费", "合计")
    sums = ["477.06", "45.87", "9%", "47.07", "50.00", "0.00"]
    head = [
        cell(0, 0.3, 0.05, "电子发票（航空运输电子客票行程单）"),
        cell(0, 0.7, 0.15, "发票号码：26449122000000000017"),
        cell(0, 0.7, 0.9, "填开日期：2026-08-01"),
    ]

    def read_with(total: str) -> Invoice:
        words = [cell(0, 0.03 + 0.13 * place, 0.7, title) for place, title in enumerate(titles)]
        figures = enumerate([*sums, total])
        words += [cell(0, 0.06 + 0.13 * place, 0.74, text) for place, text in figures]
        page = PageWords(page=0, width=210, height=148, words=(*head, *words))
        return invoice_from_words([page], Source.PDF_TEXT)

    good = read_with("620.00")
    assert good.kind is Kind.DIGITAL_AIR
    assert texts(good)["invoice_number"] == "26449122000000000017"
    assert texts(good)["issue_date"] == dt.date(2026, 8, 1)
    assert texts(good)["total_with_tax"] == Decimal("620.00")
    assert texts(good)["total_tax"] == Decimal("47.07")
    assert texts(read_with("650.00"))["total_with_tax"] is None


def test_an_electronic_rail_ticket() -> None:
    words = (
        cell(0, 0.35, 0.05, "电子发票（铁路电子客票）"),
        cell(0, 0.05, 0.2, "发票号码：26339165000000000123"),
        cell(0, 0.65, 0.2, "开票日期：2026年08月03日"),
        cell(0, 0.1, 0.35, "杭州东站"),
        cell(0, 0.45, 0.35, "G7381"),
        cell(0, 0.7, 0.35, "宁波站"),
        cell(0, 0.1, 0.5, "2026年08月01日 07:15开"),
        cell(0, 0.6, 0.5, "06车11A号"),
        cell(0, 0.8, 0.5, "二等座"),
        cell(0, 0.1, 0.6, "票价：￥71.00"),
        cell(0, 0.1, 0.9, "购买方名称：杭州市临澜实验学校"),
        cell(0, 0.5, 0.9, "统一社会信用代码：12330108LQ7N48R0T2"),
    )
    page = PageWords(page=0, width=210, height=120, words=words)
    invoice = invoice_from_words([page], Source.PDF_TEXT)
    got = texts(invoice)
    assert invoice.kind is Kind.DIGITAL_RAIL
    assert got["invoice_number"] == "26339165000000000123"
    assert got["issue_date"] == dt.date(2026, 8, 3)
    assert got["total_with_tax"] == Decimal("71.00")
    assert got["buyer_name"] == "杭州市临澜实验学校"
    assert got["buyer_tax_id"] == "12330108LQ7N48R0T2"
    assert {name: field.value for name, field in invoice.extra.items()} == {
        "from": "杭州东",
        "to": "宁波",
        "train": "G7381",
        "departure": "2026-08-01 07:15",
        "carriage": "06",
        "seat": "11A",
        "seat_class": "二等座",
        "fare": "71.00",
    }


def test_what_is_no_invoice_yields_no_values() -> None:
    word = Word(text="会议通知 2026年11月22日", box=Box(page=0, x0=0.1, y0=0.1, x1=0.5, y1=0.15))
    page = PageWords(page=0, width=210, height=297, words=(word,))
    for pages in ([page], [], [PageWords(page=0, width=1, height=1, words=())]):
        invoice = invoice_from_words(pages, Source.OCR)
        assert invoice.kind is Kind.UNKNOWN
        assert all(value is None for value in texts(invoice).values())


def test_random_words_never_raise() -> None:
    """The contract: any words give an invoice, never an exception."""
    draw = random.Random(7)  # noqa: S311  # repeatable nonsense, no secret
    pieces = (
        *(
            "发票号码：",
            "¥12.00",
            "壹拾贰圆整",
            "名称：",
            "税率",
            "9%",
            "２０２６年１月３２日",
            "校验码",
        ),
        *("规格型号", "单价", "金额", "合计", "(小写)", "99999999", "购", "", " ", "站", "*"),
        *("纳税人识别号：", "1.2.3", "限乘当日", "12306", "07:15开"),
    )
    for _ in range(150):
        words = []
        for _ in range(draw.randrange(30)):
            x, y = draw.uniform(-0.1, 1), draw.uniform(-0.1, 1)
            box = Box(
                page=0,
                x0=x,
                y0=y,
                x1=x + draw.choice((0, 0.1, 0.3)),
                y1=y + draw.choice((0, 0.02, 0.3)),
            )
            words.append(Word(text=draw.choice(pieces), box=box, confidence=draw.random()))
        page = PageWords(page=0, width=210, height=140, words=tuple(words))
        for source in (Source.OCR, Source.PDF_TEXT):
            assert isinstance(invoice_from_words([page], source), Invoice)


def test_vertical_print_stays_out_of_the_rows() -> None:
    words = (
        Word(text="购买方信息", box=Box(page=0, x0=0.02, y0=0.2, x1=0.04, y1=0.4)),
        Word(text="名称：甲", box=Box(page=0, x0=0.06, y0=0.25, x1=0.2, y1=0.28)),
    )
    sheet = Sheet([PageWords(page=0, width=210, height=140, words=words)])
    assert [row.raw for row in sheet.rows] == ["名称：甲"]
    assert [run.raw for run in sheet.upright] == ["购买方信息"]
