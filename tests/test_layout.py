"""Geometry without files or engine: made faces as words, cut the ways that sources cut them."""

from __future__ import annotations

import datetime as dt
import random
from collections.abc import Callable, Iterable
from decimal import Decimal

import pytest

from extractors.layout import invoice_from_words, values
from extractors.layout.page import Sheet, plain
from extractors.model import TEXT_FIELDS, Box, Invoice, Kind, Source
from extractors.words import PageWords, Word
from fixtures.maker import KINDS, Truth, face, make_truth
from fixtures.maker.fonts import width_of
from fixtures.maker.sheet import Text

TODAY = dt.date(2026, 11, 22)
SEEDS = range(6)
INVOICES = tuple(kind for kind in KINDS if kind is not Kind.TRAIN_TICKET)
#: Those that come with a text layer.
ELECTRONIC = (Kind.DIGITAL_NORMAL, Kind.DIGITAL_SPECIAL, Kind.VAT_ELECTRONIC_NORMAL)

Cutter = Callable[[Text], Iterable[Text]]


def whole(item: Text) -> Iterable[Text]:
    """As an OFD text object: everything that was set at once."""
    yield item


def characters(item: Text) -> Iterable[Text]:
    """As some PDF extractors give it: one word a character."""
    x = item.x
    for char in item.text:
        piece = Text(x, item.y, char, item.pen, item.value)
        x += piece.width
        if not char.isspace():
            yield piece


def spaced(item: Text) -> Iterable[Text]:
    """As other extractors do: cut at spaces."""
    x = item.x
    for part in item.text.split(" "):
        piece = Text(x, item.y, part, item.pen, item.value)
        x += width_of(part + " ", item.pen.font, item.pen.size)
        if part:
            yield piece


def garbage(item: Text) -> Iterable[Text]:
    """Labels in a subset font without a usable encoding: values right, labels nonsense."""
    if item.value:
        yield item
        return
    draw = random.Random(item.text)  # noqa: S311  # repeatable nonsense, no secret
    yield Text(item.x, item.y, "".join(draw.choice("ÃûÐÂæ§þ") for _ in item.text), item.pen)


def words_of(truth: Truth, seed: int, cut: Cutter) -> PageWords:
    sheet = face(truth, seed)
    words = []
    for item in sheet.items:
        if not isinstance(item, Text) or not item.text.strip():
            continue
        for piece in cut(item):
            box = Box(
                page=0,
                x0=piece.x / sheet.width,
                y0=(piece.y - 0.85 * piece.pen.size) / sheet.height,
                x1=(piece.x + piece.width) / sheet.width,
                y1=(piece.y + 0.15 * piece.pen.size) / sheet.height,
            )
            words.append(Word(text=piece.text, box=box))
    return PageWords(page=0, width=sheet.width, height=sheet.height, words=tuple(words))


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
@pytest.mark.parametrize("cut", [whole, characters, spaced])
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


def altered(page: PageWords, change: Callable[[str], str]) -> PageWords:
    words = tuple(word.model_copy(update={"text": change(word.text)}) for word in page.words)
    return page.model_copy(update={"words": words})


def test_a_misread_sum_is_not_believed() -> None:
    """A recognised total that contradicts its words and its parts is left out."""
    truth = make_truth(Kind.DIGITAL_NORMAL, 2, today=TODAY)
    total = f"{truth.total_with_tax:.2f}"
    misread = ("9" if total[0] != "9" else "8") + total[1:]
    page = altered(words_of(truth, 2, whole), lambda text: text.replace(total, misread))
    assert invoice_from_words([page], Source.OCR).total_with_tax is None
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


def test_a_misread_tax_id_is_left_out_and_a_lookalike_mended() -> None:
    truth = make_truth(Kind.DIGITAL_SPECIAL, 1, today=TODAY)
    page = words_of(truth, 1, whole)
    genuine = truth.seller_tax_id or ""
    wrong = genuine[:-2] + ("3" if genuine[-2] != "3" else "4") + genuine[-1]
    misread = altered(page, lambda text: text.replace(genuine, wrong))
    assert invoice_from_words([misread], Source.OCR).seller_tax_id is None
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


def test_vertical_print_stays_out_of_the_rows() -> None:
    words = (
        Word(text="购买方信息", box=Box(page=0, x0=0.02, y0=0.2, x1=0.04, y1=0.4)),
        Word(text="名称：甲", box=Box(page=0, x0=0.06, y0=0.25, x1=0.2, y1=0.28)),
    )
    sheet = Sheet([PageWords(page=0, width=210, height=140, words=words)])
    assert [row.raw for row in sheet.rows] == ["名称：甲"]
    assert [run.raw for run in sheet.upright] == ["购买方信息"]
