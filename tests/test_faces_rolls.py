"""Rolls, fixed-value leaves and machine-printed invoices: read back whole, nothing falsified."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

import pytest

from extractors.build import invoice_from_texts
from extractors.checks import CONFIDENT, words_equal_figures
from extractors.faces import face_readers, invoice_from_words
from extractors.layout.page import Sheet
from extractors.layout.paper import is_paper_code, words_value
from extractors.layout.reading import Face
from extractors.model import Box, Invoice, Kind, Source
from extractors.words import PageWords, Word
from fixtures.maker import Truth, draw_truth, pages, specimens
from fixtures.maker.faces import machine, quota, roll
from tests.made_words import (
    differences,
    glued,
    leaning,
    recognised_words,
    replaced,
    without_seals,
    words_of_pages,
)

TODAY = dt.date(2026, 11, 22)
#: A few always, all forty on the slow road.
SEEDS = (range(5), pytest.param(range(5, 40), marks=pytest.mark.slow))
KEYS = {
    "vat_roll": ("cashier",),
    "quota": (),
    "machine_printed": ("trade",),
    "machine_roll": (),
    "toll_receipt": ("entry", "exit", "vehicle_kind", "exit_time"),
    "parking_receipt": ("plate", "entry_time", "exit_time"),
}
OURS = frozenset({"vehicle", "used vehicle", "vat roll", "quota", "machine printed"})


@pytest.fixture(autouse=True)
def _no_seals(monkeypatch: pytest.MonkeyPatch) -> None:
    without_seals(monkeypatch, machine, quota, roll)


@pytest.mark.parametrize("name", KEYS)
@pytest.mark.parametrize("seeds", SEEDS)
@pytest.mark.parametrize("source", [Source.PDF_TEXT, Source.OCR])
def test_every_value_of_forty_papers(name: str, source: Source, seeds: range) -> None:
    for seed in seeds:
        truth = draw_truth(name, seed, today=TODAY)
        words = words_of_pages(pages(truth, seed))
        if source is Source.OCR:
            words = recognised_words(words, seed)
        invoice = invoice_from_words(words, source)
        assert differences(truth, invoice, KEYS[name]) == [], seed


@pytest.mark.parametrize("name", KEYS)
@pytest.mark.parametrize("change", [glued, leaning])
def test_recognition_that_glues_or_leans_falsifies_nothing(name: str, change: object) -> None:
    for seed in range(4):
        truth = draw_truth(name, seed, today=TODAY)
        words = recognised_words(words_of_pages(pages(truth, seed)), seed)
        invoice = invoice_from_words([change(page) for page in words], Source.OCR)  # type: ignore[operator]
        wrong = [entry for entry in differences(truth, invoice, KEYS[name]) if entry[1] is not None]
        assert wrong == [], seed
        assert invoice.invoice_code is not None
        assert invoice.invoice_number is not None


@pytest.mark.slow
def test_our_faces_decline_what_is_not_theirs() -> None:
    ours = {"vehicle", "used_vehicle", *KEYS}
    for name in specimens():
        if name in ours:
            continue
        for seed in range(3):
            words = words_of_pages(pages(draw_truth(name, seed, today=TODAY), seed))
            face = Face(Sheet(words), Source.PDF_TEXT)
            scores = {reader.name: reader.score(face) for reader in face_readers()}
            theirs = max((s or 0) for reader, s in scores.items() if reader not in OURS)
            for reader in OURS:
                assert (scores[reader] or 0) < theirs, (name, seed, scores)


def test_a_roll_whose_sums_differ_has_a_doubtful_total_unless_its_goods_prove_one() -> None:
    truth, page = roll_of_several_goods()
    total = truth.total_with_tax or Decimal(0)
    wrong_words = replaced(page, truth.amount_in_words or "", "玖圆整")
    invoice = invoice_from_words([wrong_words], Source.OCR)
    assert invoice.total_with_tax is not None
    assert invoice.total_with_tax.value == total
    assert invoice.amount_in_words is None
    printed = f"{truth.lines[0].amount:.2f}"
    changed = replaced(wrong_words, printed, f"{(truth.lines[0].amount or 0) + 3:.2f}")
    invoice = invoice_from_words([changed], Source.OCR)
    assert invoice.total_with_tax is not None
    assert invoice.total_with_tax.confidence < CONFIDENT
    assert invoice.total_with_tax.value == total
    assert "words_mismatch" in {finding.code for finding in words_equal_figures(invoice)}
    assert ("low_confidence", "lines") in {(each.code, each.field) for each in invoice.findings}
    assert len(invoice.lines) == len(truth.lines)


def test_words_of_which_characters_were_misread_are_known_by_the_figures() -> None:
    truth, page = roll_of_several_goods()
    words = truth.amount_in_words or ""
    invoice = invoice_from_words(
        [replaced(page, words, words.replace(words[0], "册", 1))], Source.OCR
    )
    assert invoice.amount_in_words is not None
    assert invoice.amount_in_words.value == words
    assert invoice.amount_in_words.confidence < CONFIDENT


def roll_of_several_goods() -> tuple[Truth, PageWords]:
    """A roll whose words stand in one row."""
    for seed in range(100):
        truth = draw_truth("vat_roll", seed, today=TODAY)
        page = words_of_pages(pages(truth, seed))[0]
        whole = any(word.text == truth.amount_in_words for word in page.words)
        if whole and len(truth.lines) > 1:
            return truth, page
    raise AssertionError("no such roll")


def test_a_leaf_that_lost_a_character_of_its_value_is_doubtful() -> None:
    whole, holed = leaf("壹", "佰", "元", "整"), leaf("壹", "", "元", "整")
    for page in (whole, leaf("壹佰元整")):
        total = invoice_from_words([page], Source.OCR).total_with_tax
        assert total is not None
        assert total.value == Decimal("100.00")
        assert total.confidence >= CONFIDENT
    doubtful = invoice_from_words([holed], Source.OCR).total_with_tax
    assert doubtful is None or doubtful.confidence < CONFIDENT
    headless = invoice_from_words([leaf("拾元整")], Source.OCR).total_with_tax
    assert headless is None or headless.confidence < CONFIDENT


def leaf(*value: str) -> PageWords:
    """A 定额 leaf whose value is printed in the given pieces."""
    words = [
        word(0.3, 0.1, "浙江省国家税务局通用定额发票", 0.4),
        word(0.3, 0.3, "发票代码133002670123", 0.3),
        word(0.3, 0.4, "发票号码00412345", 0.26),
        *(
            word(0.2 + 0.08 * at, 0.6, text, 0.06 * len(text))
            for at, text in enumerate(value)
            if text
        ),
    ]
    return PageWords(page=0, width=120, height=70, words=tuple(words))


def word(x: float, y: float, text: str, width: float) -> Word:
    box = Box(page=0, x0=x, y0=y, x1=x + width, y1=y + 0.08)
    return Word(text=text, box=box, confidence=0.97)


def slip(*rows: str) -> Invoice:
    """A slip as recognition gives it: one word a row."""
    words = [
        Word(
            text=row,
            box=Box(
                page=0, x0=0.06, y0=0.04 + 0.05 * at, x1=0.06 + 0.03 * len(row), y1=0.07 + 0.05 * at
            ),
            confidence=0.97,
        )
        for at, row in enumerate(rows)
    ]
    return invoice_from_words(
        [PageWords(page=0, width=70, height=120, words=tuple(words))], Source.OCR
    )


def test_a_toll_slip_of_yunnan() -> None:
    """Wording of a real slip: its code looks like a vehicle's by the rule of the eighth digit."""
    invoice = slip(
        "云南通用机打发票",
        "国家税务总局",
        "发票联",
        "云南昆玉高速公路开发有限公司",
        "发票代码153012525093",
        "发票号码00582299",
        "车类：客1",
        "收费金额：15",
        "发票专用章",
    )
    assert invoice.kind is Kind.MACHINE_PRINTED
    assert invoice.invoice_code is not None
    assert invoice.invoice_code.value == "153012525093"
    assert invoice.invoice_number is not None
    assert invoice.invoice_number.value == "00582299"
    assert invoice.total_with_tax is not None
    assert invoice.total_with_tax.value == Decimal("15.00")
    # Nothing confirms the only figure: a person looks.
    assert invoice.total_with_tax.confidence < CONFIDENT
    assert invoice.extra["vehicle_kind"].value == "客1"


@pytest.mark.parametrize(
    ("text", "good"),
    [
        ("033002601306", True),
        ("144032658846", True),
        ("244032658846", True),
        ("344032658846", False),
        ("199032658846", False),
        ("3300261130", True),
        ("14403265884", False),
    ],
)
def test_paper_codes(text: str, *, good: bool) -> None:
    assert is_paper_code(text) is good


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("伍拾元", "50.00"),
        ("零万零仟壹佰零拾伍元零角零分", "105.00"),
        ("壹佰贰拾元零角零分", "120.00"),
        ("叁圆伍角整", "3.50"),
        ("元整", None),
    ],
)
def test_words_with_empty_places(text: str, value: str | None) -> None:
    assert words_value(text) == (None if value is None else Decimal(value))


def test_a_rolls_own_face_reads_it_whatever_face_declares_its_kind() -> None:
    """A code beside it names the kind; what a roll needs is declared by another face."""
    truth = draw_truth("vat_roll", 7, today=TODAY)
    texts = {"invoice_number": truth.invoice_number}
    code = invoice_from_texts(texts, Source.QR, kind=Kind.VAT_ROLL)
    words = words_of_pages(pages(truth, 7))
    read = invoice_from_words(words, Source.OCR, [code])
    assert read.seller_name is not None
    assert read.seller_name.value == truth.seller_name
