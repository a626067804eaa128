"""What recognition does to words, and what geometry makes of it: cut names, glued cells, leaning
pages, seals. Words come from made faces, changed the way that engines were seen to change them."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable
from decimal import Decimal

import pytest

from extractors.checks import CONFIDENT
from extractors.faces import invoice_from_words
from extractors.layout.header import read_header
from extractors.layout.page import Sheet
from extractors.layout.reading import Face
from extractors.model import Box, Invoice, Kind, Source
from extractors.words import PageWords, Word
from fixtures.maker import Truth, make_truth
from fixtures.maker.truth import tax_free
from tests.cuts import TODAY, altered, whole, words_of
from tests.test_layout import INVOICES, cell

Change = Callable[[Word], Iterable[Word]]

BRACKETED = next(
    (kind, seed)
    for seed in range(100)
    for kind in (Kind.VAT_SPECIAL,)
    if "（" in (make_truth(kind, seed, today=TODAY).seller_name or "")
)


def recognised(page: PageWords) -> Invoice:
    return invoice_from_words([page], Source.OCR)


def changed(page: PageWords, change: Change) -> PageWords:
    words = tuple(new for word in page.words for new in change(word))
    return page.model_copy(update={"words": words})


def cut_at(word: Word, index: int) -> tuple[Word, Word]:
    """One word as two neighbours, a hair between them."""
    box = word.box
    edge = box.x0 + (box.x1 - box.x0) * index / len(word.text)
    return (
        Word(text=word.text[:index], box=box.model_copy(update={"x1": edge})),
        Word(text=word.text[index:], box=box.model_copy(update={"x0": edge + 0.001})),
    )


def with_seller(change: Change) -> tuple[Truth, Invoice]:
    """A specimen whose seller has brackets in the name, read after a change of that word."""
    truth = make_truth(BRACKETED[0], BRACKETED[1], today=TODAY)
    page = words_of(truth, BRACKETED[1], whole)
    return truth, recognised(
        changed(page, lambda word: change(word) if word.text == truth.seller_name else (word,))
    )


def test_a_name_cut_before_its_bracket_is_joined() -> None:
    truth, invoice = with_seller(lambda word: cut_at(word, word.text.index("（")))
    assert invoice.seller_name is not None
    assert invoice.seller_name.value == truth.seller_name
    assert invoice.seller_name.confidence > 0.9


def test_a_name_that_ends_in_its_bracket_is_doubtful() -> None:
    _, invoice = with_seller(lambda word: cut_at(word, word.text.index("（") + 1)[:1])
    assert invoice.seller_name is not None
    assert invoice.seller_name.confidence < 0.85


def test_a_name_whose_end_is_lost_is_doubtful() -> None:
    truth, invoice = with_seller(lambda word: cut_at(word, word.text.index("（"))[:1])
    assert truth.seller_name is not None
    assert invoice.seller_name is not None
    assert truth.seller_name.startswith(invoice.seller_name.value)
    assert invoice.seller_name.confidence < 0.85


def test_a_name_with_a_hole_is_doubtful() -> None:
    def swallowed(word: Word) -> Iterable[Word]:
        first, rest = cut_at(word, word.text.index("）") + 1)
        return (first, cut_at(rest, 1)[1])

    truth, invoice = with_seller(swallowed)
    assert invoice.seller_name is not None
    assert invoice.seller_name.value != truth.seller_name
    assert invoice.seller_name.confidence < 0.85


@pytest.mark.parametrize("slope", [-0.01, 0.01])
@pytest.mark.parametrize("kind", INVOICES)
def test_a_leaning_page_keeps_its_lines(kind: Kind, slope: float) -> None:
    truth = make_truth(kind, 2, today=TODAY)
    page = words_of(truth, 2, whole)
    lean = slope * page.width / page.height

    def leaning(word: Word) -> Iterable[Word]:
        shift = lean * (word.box.x0 + word.box.x1) / 2
        box = word.box
        place = box.model_copy(update={"y0": box.y0 + shift, "y1": box.y1 + shift})
        yield word.model_copy(update={"box": place})

    lines = recognised(changed(page, leaning)).lines
    assert [(line.name.replace(" ", ""), line.amount, line.tax) for line in lines] == [
        (line.name.replace(" ", ""), line.amount, line.tax) for line in truth.lines
    ]


TITLES = (
    *((0.08, "项目名称"), (0.26, "规格型号"), (0.37, "单位"), (0.44, "数量")),
    *((0.54, "单价"), (0.65, "金额"), (0.74, "税率"), (0.88, "税额")),
)


def goods(name: Word, source: Source = Source.OCR, more: Iterable[Word] = ()) -> Invoice:
    """A 数电票 of one line of 100 yuan at 6 %, whose name cell is given, and more cells perhaps."""
    words = [
        cell(0, 0.35, 0.03, "电子发票（普通发票）"),
        cell(0, 0.7, 0.05, "发票号码：26312000000000000017"),
        cell(0, 0.7, 0.09, "开票日期：2026年08月01日"),
        *(cell(0, x, 0.3, title) for x, title in TITLES),
        *(name, *more, cell(0, 0.65, 0.35, "100.00")),
        *(cell(0, 0.75, 0.35, "6%"), cell(0, 0.9, 0.35, "6.00")),
        *(cell(0, 0.64, 0.6, "¥100.00"), cell(0, 0.9, 0.6, "¥6.00")),
        *(cell(0, 0.1, 0.65, "壹佰零陆圆整"), cell(0, 0.7, 0.65, "¥106.00")),
    ]
    page = PageWords(page=0, width=210, height=140, words=tuple(words))
    return invoice_from_words([page], source)


def wide(x0: float, x1: float, text: str, confidence: float = 0.99) -> Word:
    box = Box(page=0, x0=x0, y0=0.35, x1=x1, y1=0.362)
    return Word(text=text, box=box, confidence=confidence)


def test_a_name_alone_is_a_line() -> None:
    invoice = goods(wide(0.02, 0.15, "*餐饮服务*餐费"))
    assert [(line.name, line.spec) for line in invoice.lines] == [("*餐饮服务*餐费", None)]
    assert invoice.findings == ()
    assert invoice.lines[0].amount == Decimal("100.00")


def test_a_name_glued_to_its_specification_is_cut_at_the_gap() -> None:
    invoice = goods(wide(0.02, 0.212, "*印刷品*义务教育教科书数学三年级 16开"))
    assert [(line.name, line.spec) for line in invoice.lines] == [
        ("*印刷品*义务教育教科书数学三年级", "16开")
    ]


def test_a_letter_alone_below_a_specification_goes_on_with_it() -> None:
    """The column of words begins where its words do, not half way between two titles."""
    spec = wide(0.183, 0.27, "14英寸 16G/512")
    below = Box(page=0, x0=0.183, y0=0.366, x1=0.189, y1=0.378)
    invoice = goods(
        wide(0.02, 0.15, "*计算机*笔记本电脑"),
        more=(spec, Word(text="G", box=below, confidence=0.99)),
    )
    assert [(line.name, line.spec) for line in invoice.lines] == [
        ("*计算机*笔记本电脑", "14英寸 16G/512G")
    ]


def test_a_text_layer_sets_its_own_gaps() -> None:
    invoice = goods(wide(0.02, 0.212, "*印刷品*义务教育教科书数学三年级 上册"), Source.PDF_TEXT)
    assert [line.name for line in invoice.lines] == ["*印刷品*义务教育教科书数学三年级 上册"]


@pytest.mark.parametrize(
    "name",
    [
        wide(0.02, 0.212, "*印刷品*义务教育教科书数学三年级16开"),
        wide(0.02, 0.15, "*餐饮服务*餐费", confidence=0.7),
        wide(0.02, 0.15, "餐饮眼务餐费"),
        wide(0.02, 0.15, "*餐饮服务*餐费（"),
    ],
    ids=["glued", "unsure", "without stars", "half a bracket"],
)
def test_a_doubtful_name_is_told(name: Word) -> None:
    invoice = goods(name)
    assert [line.amount for line in invoice.lines] == [Decimal("100.00")]
    assert [(finding.code, finding.field) for finding in invoice.findings] == [
        ("low_confidence", "lines")
    ]
    assert invoice.total_with_tax is not None
    assert invoice.total_with_tax.value == Decimal("106.00")


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("kind", INVOICES)
@pytest.mark.parametrize("source", [Source.PDF_TEXT, Source.OCR])
def test_exempt_lines_have_stars_for_their_tax(kind: Kind, seed: int, source: Source) -> None:
    truth = tax_free(make_truth(kind, seed, today=TODAY))
    invoice = invoice_from_words([words_of(truth, seed, whole)], source)
    assert [(line.name, line.amount, line.rate, line.tax) for line in invoice.lines] == [
        (line.name, line.amount, None, None) for line in truth.lines
    ]
    assert invoice.total_tax is None
    assert invoice.total_with_tax is not None
    assert invoice.total_with_tax.value == truth.total_with_tax


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("kind", INVOICES)
@pytest.mark.parametrize("source", [Source.PDF_TEXT, Source.OCR])
def test_remarks_keep_their_rows(kind: Kind, seed: int, source: Source) -> None:
    truth = make_truth(kind, seed, today=TODAY)
    invoice = invoice_from_words([words_of(truth, seed, whole)], source)
    assert (invoice.remarks.value if invoice.remarks else None) == truth.remarks


@pytest.mark.parametrize("ring", ["发票专用章", "南913201040XA9E8K35L"])
def test_remarks_under_a_seal_are_doubtful(ring: str) -> None:
    seed = next(
        seed for seed in range(100) if make_truth(Kind.VAT_SPECIAL, seed, today=TODAY).remarks
    )
    truth = make_truth(Kind.VAT_SPECIAL, seed, today=TODAY)
    page = words_of(truth, seed, whole)
    first = next(
        word for word in page.words if len(word.text) > 4 and word.text in (truth.remarks or "")
    )
    assert recognised(page).remarks is not None
    seal = first.model_copy(update={"text": ring})
    sealed = page.model_copy(update={"words": (*page.words, seal)})
    assert is_doubtful(recognised(sealed), truth.remarks)


def is_doubtful(invoice: Invoice, remarks: str | None = None) -> bool:
    """Are there remarks, and is a person told to look at them?"""
    assert invoice.remarks is not None
    return invoice.remarks.confidence < CONFIDENT and remarks in (None, invoice.remarks.value)


def ordered() -> PageWords:
    """A page whose remarks tell an order's number."""
    made = ((seed, make_truth(Kind.DIGITAL_NORMAL, seed, today=TODAY)) for seed in range(100))
    seed, truth = next(each for each in made if (each[1].remarks or "").startswith("订单号"))
    return words_of(truth, seed, whole)


def test_remarks_with_a_hole_are_doubtful() -> None:
    """What the ring of a seal swallowed leaves a gap in the row."""
    page = ordered()

    def swallowed(word: Word) -> Iterable[Word]:
        if not word.text.startswith("订单号"):
            return (word,)
        _, last = cut_at(word, 8)
        return (cut_at(word, 3)[0], last)

    assert recognised(page).remarks is not None
    assert is_doubtful(recognised(changed(page, swallowed)))


def test_a_leaning_piece_of_a_seals_ring_is_no_remark() -> None:
    seed = next(
        seed for seed in range(100) if not make_truth(Kind.VAT_SPECIAL, seed, today=TODAY).remarks
    )
    page = words_of(make_truth(Kind.VAT_SPECIAL, seed, today=TODAY), seed, whole)

    def ringed(word: Word) -> Iterable[Word]:
        if word.text != "备":
            return (word,)
        box = word.box
        wide, high = 3 * (box.x1 - box.x0), 3 * (box.y1 - box.y0)
        ring = {"x0": box.x1 + 0.005, "x1": box.x1 + 0.005 + wide, "y1": box.y0 + high}
        return (word, Word(text="河星湖", box=box.model_copy(update=ring), confidence=0.46))

    assert recognised(changed(page, ringed)).remarks is None


def test_remarks_above_a_lone_character_are_doubtful() -> None:
    """It is a piece of a seal's ring more likely than a row of its own."""
    page = ordered()

    def followed(word: Word) -> Iterable[Word]:
        if not word.text.startswith("订单号"):
            return (word,)
        box = word.box
        drop = {"y0": box.y0 + 0.035, "y1": box.y1 + 0.035, "x1": box.x0 + 0.015}
        return (word, Word(text="一", box=box.model_copy(update=drop), confidence=0.9))

    assert recognised(page).remarks is not None
    assert not is_doubtful(recognised(page))
    assert is_doubtful(recognised(changed(page, followed)))


def test_remarks_end_above_the_foot_though_its_label_was_cut() -> None:
    truth = make_truth(Kind.DIGITAL_NORMAL, 0, today=TODAY)
    assert truth.issuer
    page = words_of(truth, 0, whole)

    def cut(word: Word) -> Iterable[Word]:
        return cut_at(word, 2) if word.text.startswith("开票人") else (word,)

    remarks = recognised(changed(page, cut)).remarks
    assert (remarks.value if remarks is not None else None) == truth.remarks


def test_remarks_whose_label_lost_its_colon_are_doubtful() -> None:
    page = ordered()

    def without_colon(word: Word) -> Iterable[Word]:
        text = word.text.replace("订单号：", "订单号").replace("订单号:", "订单号")
        return (word.model_copy(update={"text": text}),)

    assert is_doubtful(recognised(changed(page, without_colon)))


def test_a_tax_by_which_the_sum_fails_is_told() -> None:
    """A tax misread within the tolerance of a line still breaks the sum. Where no other line shows
    which it is, all are kept as they were read."""
    truth = make_truth(Kind.DIGITAL_NORMAL, 3, today=TODAY)
    line = truth.lines[0]
    assert line.tax is not None
    printed, misread = f"{line.tax:.2f}", f"{line.tax + Decimal('0.01'):.2f}"
    page = words_of(truth, 3, whole)
    assert recognised(page).lines
    once = altered(page, lambda text: misread if text == printed else text)
    invoice = recognised(once)
    assert [line.amount for line in invoice.lines] == [line.amount for line in truth.lines]
    assert [line.tax for line in invoice.lines][1:] == [line.tax for line in truth.lines][1:]
    assert [(finding.code, finding.field) for finding in invoice.findings] == [
        ("low_confidence", "lines")
    ]


@pytest.mark.parametrize(
    ("pieces", "day", "sure"),
    [
        (("开票日期：2026年08月2", "2日"), 22, True),
        (("开票日期：2026年08月", "22日"), 22, True),
        (("开票日期：2026年08月2",), 2, False),
    ],
)
def test_a_day_cut_within_its_figures_is_read_whole(
    pieces: tuple[str, ...], day: int, *, sure: bool
) -> None:
    words, left = [cell(0, 0.7, 0.05, "发票号码：26312000000000000017")], 0.6
    for piece in pieces:
        words.append(cell(0, left, 0.09, piece))
        left = words[-1].box.x1
    page = PageWords(page=0, width=210, height=140, words=tuple(words))
    face = Face(Sheet([page]), Source.OCR)
    read_header(face, 1.0)
    assert face.found["issue_date"].value == dt.date(2026, 8, day)
    assert (face.found["issue_date"].confidence >= CONFIDENT) is sure


@pytest.mark.parametrize("kind", [Kind.DIGITAL_NORMAL, Kind.VAT_SPECIAL])
def test_a_table_none_of_whose_titles_could_be_read_keeps_its_lines(kind: Kind) -> None:
    truth = make_truth(kind, 2, today=TODAY)
    titles = {title for _, title in TITLES} | {"货物或应税劳务、服务名称", "税率/征收率"}
    page = words_of(truth, 2, whole)
    lost = changed(page, lambda word: () if word.text.replace(" ", "") in titles else (word,))
    assert len(lost.words) <= len(page.words) - len(TITLES)
    assert [(line.name, line.amount, line.tax) for line in recognised(lost).lines] == [
        (line.name, line.amount, line.tax) for line in truth.lines
    ]
