"""New and used vehicles: every made form is read back whole, and what is wrong is told of."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

import pytest

from extractors.checks import CONFIDENT
from extractors.faces import invoice_from_words
from extractors.frames import frame_number_holds
from extractors.model import Kind, Source
from fixtures.maker import draw_truth, pages, vehicle_form
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
NEW = (
    "vehicle_kind", "model", "origin", "certificate", "import_certificate", "inspection",
    "engine_number", "frame_number", "tax_authority", "tax_authority_code", "tonnage", "seats",
    "rate", "tax_voucher", "phone", "account", "address", "bank",
)  # fmt: skip
USED = (
    "plate", "registration", "vehicle_kind", "frame_number", "model", "transfer_to", "market",
    "auctioneer", "auctioneer_tax_id", "buyer_phone", "seller_phone", "market_tax_id",
    "market_address", "market_bank", "market_phone",
)  # fmt: skip
KEYS = {"vehicle": NEW, "used_vehicle": USED}


@pytest.fixture(autouse=True)
def _no_seals(monkeypatch: pytest.MonkeyPatch) -> None:
    without_seals(monkeypatch, vehicle_form)


@pytest.mark.parametrize("name", KEYS)
@pytest.mark.parametrize("seeds", SEEDS)
@pytest.mark.parametrize("source", [Source.PDF_TEXT, Source.OCR])
def test_every_value_of_forty_forms(name: str, source: Source, seeds: range) -> None:
    for seed in seeds:
        truth = draw_truth(name, seed, today=TODAY)
        words = words_of_pages(pages(truth, seed))
        if source is Source.OCR:
            words = recognised_words(words, seed)
        invoice = invoice_from_words(words, source)
        assert differences(truth, invoice, KEYS[name]) == [], seed
        assert invoice.findings == ()


@pytest.mark.parametrize("name", KEYS)
@pytest.mark.parametrize("change", [glued, leaning])
def test_recognition_that_glues_or_leans_falsifies_nothing(name: str, change: object) -> None:
    for seed in range(4):
        truth = draw_truth(name, seed, today=TODAY)
        words = recognised_words(words_of_pages(pages(truth, seed)), seed)
        invoice = invoice_from_words([change(page) for page in words], Source.OCR)  # type: ignore[operator]
        wrong = [entry for entry in differences(truth, invoice, KEYS[name]) if entry[1] is not None]
        assert wrong == [], seed
        assert invoice.total_with_tax is not None


def test_a_misread_total_is_doubtful_but_price_and_tax_may_prove_it() -> None:
    truth = draw_truth("used_vehicle", 1, today=TODAY)
    page = words_of_pages(pages(truth, 1))[0]
    printed = f"{truth.total_with_tax:.2f}"
    misread = replaced(page, printed, f"{(truth.total_with_tax or Decimal(0)) + 1000:.2f}")
    invoice = invoice_from_words([misread], Source.OCR)
    # Whole words are believed before figures, but hardly.
    assert invoice.total_with_tax is not None
    assert invoice.total_with_tax.value == truth.total_with_tax
    assert invoice.total_with_tax.confidence < CONFIDENT
    assert "total_with_tax" in invoice.doubted

    truth = draw_truth("vehicle", 1, today=TODAY)
    page = words_of_pages(pages(truth, 1))[0]
    unread = replaced(page, truth.amount_in_words or "", "壹圆整")
    invoice = invoice_from_words([unread], Source.OCR)
    assert invoice.total_with_tax is not None
    assert invoice.total_with_tax.value == truth.total_with_tax
    assert invoice.amount_in_words is None


def test_printings_of_the_number_that_differ_are_doubtful() -> None:
    truth = draw_truth("vehicle", 2, today=TODAY)
    page = words_of_pages(pages(truth, 2))[0]
    number = truth.invoice_number
    other = number[:-1] + ("1" if number[-1] != "1" else "7")
    invoice = invoice_from_words([replaced(page, number, other, once=True)], Source.OCR)
    assert invoice.invoice_number is not None
    assert invoice.invoice_number.confidence < CONFIDENT
    assert {invoice.invoice_number.value, invoice.doubted["invoice_number"].value} <= {
        number,
        other,
    }
    assert invoice.invoice_code is not None


def test_a_frame_number_that_fails_its_check_is_told_of() -> None:
    truth = draw_truth("vehicle", 3, today=TODAY)
    frame = truth.extra["frame_number"]
    wrong = frame[:-1] + ("1" if frame[-1] != "1" else "7")
    page = words_of_pages(pages(truth, 3))[0]
    for source in (Source.PDF_TEXT, Source.OCR):
        invoice = invoice_from_words([replaced(page, frame, wrong)], source)
        assert [finding.field for finding in invoice.findings] == ["frame_number"]
        assert invoice.extra["frame_number"].value == wrong


def test_letters_that_no_frame_number_has_are_read_as_digits() -> None:
    seed = next(
        seed
        for seed in range(100)
        if "0" in draw_truth("vehicle", seed, today=TODAY).extra["frame_number"]
    )
    truth = draw_truth("vehicle", seed, today=TODAY)
    frame = truth.extra["frame_number"]
    page = replaced(words_of_pages(pages(truth, seed))[0], frame, frame.replace("0", "O"))
    invoice = invoice_from_words([page], Source.OCR)
    assert invoice.extra["frame_number"].value == frame


def test_check_digit_of_frame_numbers() -> None:
    assert frame_number_holds("1M8GDM9AXKP042788")  # the usual worked example of ISO 3779
    assert not frame_number_holds("1M8GDM9A0KP042788")
    assert not frame_number_holds("1M8GDM9AXKP04278")


def test_the_kinds_are_told_apart() -> None:
    for name, kind in (("vehicle", Kind.VEHICLE), ("used_vehicle", Kind.USED_VEHICLE)):
        truth = draw_truth(name, 4, today=TODAY)
        page = words_of_pages(pages(truth, 4))[0]
        untitled = page.model_copy(
            update={"words": tuple(word for word in page.words if "发票" not in word.text)}
        )
        assert invoice_from_words([untitled], Source.PDF_TEXT).kind is kind
