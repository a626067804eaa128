"""What a seal or a fold hides of a page: known by its shape, its place or another print of it."""

from __future__ import annotations

import re
from decimal import Decimal

import pytest

from extractors.checks import CONFIDENT
from extractors.faces import invoice_from_words
from extractors.layout.values import clean_name
from extractors.model import Box, Kind, Source
from extractors.words import PageWords, Word
from fixtures.maker import draw_truth
from tests.test_faces_half_labels import TODAY, poor


@pytest.mark.parametrize("seed", [0])
def test_a_taxi_is_known_by_its_plate_alone(seed: int) -> None:
    def change(text: str) -> str:
        return re.sub(
            r"^(车号|车牌号?|牌号|车辆牌号)[:：]?", "车销专用章" if text.isalpha() else "", text
        )

    truth, page = poor("taxi", seed, change)
    plate = invoice_from_words([page], Source.OCR).extra["plate"]
    assert plate.value == truth.extra["plate"]
    assert plate.confidence < CONFIDENT


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_who_pays_stands_above_the_sum(seed: int) -> None:
    truth, page = poor(
        "receipt_form", seed, lambda text: re.sub("[今兹]收到|交款单位|交来", "", text)
    )
    invoice = invoice_from_words([page], Source.OCR)
    assert invoice.kind is Kind.RECEIPT
    assert invoice.buyer_name is not None
    assert invoice.buyer_name.value == truth.buyer_name
    assert invoice.buyer_name.confidence < CONFIDENT


@pytest.mark.parametrize("seed", [0, 1])
def test_a_date_with_other_signs_between_its_numbers_is_doubtful(seed: int) -> None:
    truth, page = poor(
        "vehicle", seed, lambda text: re.sub(r"(20\d\d-\d\d)-(\d\d)", r"\1:\2", text)
    )
    issued = invoice_from_words([page], Source.OCR).issue_date
    assert issued is not None
    assert issued.value == truth.issue_date
    assert issued.confidence < CONFIDENT


def test_an_id_that_the_seal_repeats_is_read_there() -> None:
    truth, page = poor("vehicle", 0, lambda text: text)
    seller = truth.seller_tax_id
    assert seller is not None
    misread = seller[:11] + ("8" if seller[11] != "8" else "3") + seller[12:16] + "QQ"
    words = [
        word.model_copy(update={"text": word.text.replace(seller, misread)}) for word in page.words
    ]
    box = Box(page=page.page, x0=0.28, y0=0.79, x1=0.39, y1=0.81)
    sealed = page.model_copy(
        update={"words": (*words, Word(text=seller, box=box, confidence=0.84))}
    )
    found = invoice_from_words([sealed], Source.OCR).seller_tax_id
    assert found is not None
    assert found.value == seller
    assert found.confidence < CONFIDENT


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_one_misread_sum_of_an_itinerary_is_what_the_total_leaves(seed: int) -> None:
    def change(text: str) -> str:
        return re.sub(r"^(CNY\s?\d*?)(\d)(\d\.\d\d)$", lambda m: m[1] + _other(m[2]) + m[3], text)

    def page_of(field: str, text: str) -> PageWords:
        _, page = poor("digital_air", seed, lambda each: each.replace("%", ""))
        words = tuple(
            word.model_copy(update={"text": change(word.text)})
            if text in word.text.replace(" ", "") and field == "fare"
            else word
            for word in page.words
        )
        return page.model_copy(update={"words": words})

    truth, _ = poor("digital_air", seed, lambda text: text)
    fare = truth.extra["fare"]
    invoice = invoice_from_words([page_of("fare", fare)], Source.OCR)
    assert invoice.total_with_tax is not None
    assert invoice.total_with_tax.value == truth.total_with_tax
    read = invoice.extra["fare"]
    assert read.confidence < CONFIDENT or read.value == fare
    assert invoice.total_tax is not None
    assert invoice.total_tax.value == truth.total_tax


def _other(digit: str) -> str:
    return str((int(digit) + 1) % 10)


def test_ruled_lines_are_no_words() -> None:
    truth, page = poor("machine_printed", 0, lambda text: text)
    ruled = tuple(
        Word(
            text="-" * 20,
            box=word.box.model_copy(update={"x0": word.box.x1, "x1": min(1.0, word.box.x1 + 0.2)}),
            confidence=0.84,
        )
        for word in page.words
        if word.text.endswith("公司")
    )
    with_lines = page.model_copy(update={"words": (*page.words, *ruled)})
    found = invoice_from_words([with_lines], Source.OCR)
    assert found.seller_name is not None
    assert found.seller_name.value == truth.seller_name
    assert found.total_with_tax is not None
    assert isinstance(found.total_with_tax.value, Decimal)


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("称 南京云栖谷信息技术有限公司", "南京云栖谷信息技术有限公司"),
        ("称:上海远岫票务有限公司", "上海远岫票务有限公司"),
        ("称心如意商行", "称心如意商行"),
    ],
)
def test_a_name_begins_behind_the_end_of_its_label(text: str, name: str) -> None:
    assert clean_name(text) == name


def test_traditional_characters_of_a_name_are_simple_and_doubtful() -> None:
    truth, page = poor("used_vehicle", 0, lambda text: text)
    buyer = truth.buyer_name
    assert buyer is not None
    words = tuple(
        word.model_copy(update={"text": word.text.replace(buyer, "黃海涛"), "confidence": 0.99})
        for word in page.words
    )
    found = invoice_from_words([page.model_copy(update={"words": words})], Source.OCR).buyer_name
    assert found is not None
    assert (found.value, found.raw) == ("黄海涛", "黃海涛")
    assert found.confidence < CONFIDENT


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_a_sum_of_an_itinerary_that_lost_its_end_is_what_the_total_leaves(seed: int) -> None:
    fare = draw_truth("digital_air", seed, today=TODAY).extra["fare"]
    cut = {f"CNY {fare}": f"CNY {fare[:-1]}"}
    truth, page = poor("digital_air", seed, lambda text: cut.get(text, text))
    invoice = invoice_from_words([page], Source.OCR)
    assert invoice.extra["fare"].value == fare
    assert invoice.extra["fare"].confidence < CONFIDENT
    assert invoice.total_with_tax is not None
    assert invoice.total_with_tax.value == truth.total_with_tax


def test_an_item_of_a_bill_whose_name_is_hidden_borrows_none() -> None:
    """A seal lies over the second group's title and name; both items stand in one row."""
    seeds = (seed for seed in range(60) if len(_names("fiscal_inpatient", seed)) == 2)
    seed = next(seeds)
    first, second = _names("fiscal_inpatient", seed)

    def change(text: str) -> str:
        return "" if text == second else text

    _, page = poor("fiscal_inpatient", seed, change)
    words = tuple(
        word.model_copy(
            update={
                "text": word.text.replace(
                    "项目名称", "目名称" if word.box.x0 > 0.5 else "项目名称"
                ),
                "confidence": 0.99,
            }
        )
        for word in page.words
    )
    invoice = invoice_from_words([page.model_copy(update={"words": words})], Source.OCR)
    assert [line.name for line in invoice.lines] in ([first, ""], [first])
    assert any(finding.field == "lines" for finding in invoice.findings)


def _names(name: str, seed: int) -> list[str]:
    return [line.name for line in draw_truth(name, seed, today=TODAY).lines]
