"""What recognition loses or adds on forms and slips: labels, lone digits, stars, stray signs.

Each page is a made one with that very loss; what is still certain must be read, what is mended
must be doubtful.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator

import pytest

from extractors.checks import CONFIDENT
from extractors.faces import invoice_from_words
from extractors.layout.slips import whole_certificate
from extractors.model import Box, Field, Invoice, Source
from extractors.second_look import _whole, keeps
from extractors.words import PageWords, Word
from fixtures.maker import Truth, draw_truth, pages
from tests.made_words import recognised_words, words_of_pages

TODAY = dt.date(2026, 11, 22)


def made(name: str, seed: int = 3) -> tuple[Truth, PageWords]:
    truth = draw_truth(name, seed, today=TODAY)
    return truth, recognised_words(words_of_pages(pages(truth, seed)), seed)[0]


def such(name: str, fits: Callable[[Truth], bool]) -> tuple[Truth, PageWords]:
    seed = next(s for s in range(200) if fits(draw_truth(name, s, today=TODAY)))
    return made(name, seed)


def read(page: PageWords) -> Invoice:
    return invoice_from_words([page], Source.OCR)


def edited(page: PageWords, edit: Callable[[Word], str]) -> PageWords:
    """Every word with the text that `edit` gives it; "" is not recognised at all."""

    def kept() -> Iterator[Word]:
        for word in page.words:
            if text := edit(word):
                yield word.model_copy(update={"text": text})

    return page.model_copy(update={"words": tuple(kept())})


def without(page: PageWords, *texts: str) -> PageWords:
    return edited(page, lambda word: "" if word.text.strip("：:") in texts else word.text)


def in_row(page: PageWords, text: str, x0: float, stray: str) -> PageWords:
    """A stray character of the margin or a seal, half above the row of a text."""
    box = next(word.box for word in page.words if word.text == text)
    height = box.y1 - box.y0
    place = Box(
        page=box.page, x0=x0, x1=x0 + 0.015, y0=box.y0 - 0.6 * height, y1=box.y1 - 0.6 * height
    )
    word = Word(text=stray, box=place, confidence=0.5)
    return page.model_copy(update={"words": (word, *page.words)})


@pytest.mark.parametrize("name", ["certificate", "engine_number"])
def test_a_value_whose_label_is_lost_is_known_by_the_next_label(name: str) -> None:
    truth, page = such(
        "vehicle",
        lambda truth: "certificate" in truth.extra and " " not in truth.extra["engine_number"],
    )
    label = {"certificate": "合格证号", "engine_number": "发动机号码"}[name]
    spread = edited(page, lambda word: "" if word.text in label else word.text)
    field = read(spread).extra[name]
    assert field.value == truth.extra[name]
    assert field.confidence < CONFIDENT


def test_the_dealers_half_is_found_without_the_label_of_the_total() -> None:
    truth, page = made("vehicle", 4)
    spread = edited(page, lambda word: "" if word.text in "价税合计" else word.text)
    invoice = read(spread)
    assert invoice.seller_name is not None
    assert invoice.seller_name.value == truth.seller_name
    assert invoice.extra["account"].value == truth.extra["account"]


def test_a_character_in_the_margin_costs_no_tax_id() -> None:
    truth, page = made("used_vehicle")
    invoice = read(in_row(page, truth.extra["market_tax_id"], 0.935, "螺"))
    assert invoice.extra["market_tax_id"].value == truth.extra["market_tax_id"]
    assert invoice.buyer_tax_id is not None


def test_an_account_read_with_little_certainty_is_doubtful() -> None:
    truth, page = made("vehicle")
    account = truth.extra["account"]
    unsure = tuple(
        word.model_copy(update={"confidence": 0.96 if word.text == account else 0.99})
        for word in page.words
    )
    field = read(page.model_copy(update={"words": unsure})).extra["account"]
    assert field.value == account
    assert field.confidence < CONFIDENT


def goods(truth: Truth) -> bool:
    return len(truth.lines) > 1 and any(line.quantity == 1 for line in truth.lines)


def test_a_lone_1_that_was_not_recognised_is_counted_from_price_and_amount() -> None:
    truth, page = such("vat_roll", goods)
    invoice = read(without(page, "1"))
    assert invoice.lines == truth.lines


def test_a_quantity_glued_to_its_amount_is_parted_by_the_price() -> None:
    truth, page = such("vat_roll", lambda truth: len(truth.lines) == 1)
    line = truth.lines[0]
    quantity, amount = f"{line.quantity}", f"{line.amount:.2f}"
    there = next(word for word in page.words if word.text == quantity)
    words = tuple(
        word.model_copy(
            update={
                "text": quantity + amount,
                "box": word.box.model_copy(update={"x0": there.box.x0}),
            }
        )
        if word.text == amount and abs(word.box.y0 - there.box.y0) < 0.01 and word.box.x0 > 0.7
        else word
        for word in page.words
        if word is not there
    )
    assert read(page.model_copy(update={"words": words})).lines == truth.lines


def test_a_second_look_reads_the_whole_word_and_may_lose_nothing() -> None:
    truth, page = made("machine_printed")
    invoice = read(page)
    word = next(word for word in page.words if word.text == truth.buyer_name)
    half = word.box.model_copy(update={"x0": (word.box.x0 + 3 * word.box.x1) / 4})
    assert _whole(half, page.words) == word.box
    assert _whole(word.box, page.words) == word.box
    assert keeps(invoice, invoice, [invoice])
    assert not keeps(invoice, invoice.model_copy(update={"buyer_name": None}), [invoice])


def test_a_lost_star_is_set_where_other_goods_have_theirs() -> None:
    truth, page = such("vat_roll", goods)
    first = truth.lines[0].name
    invoice = read(edited(page, lambda word: word.text.removeprefix("*") if word.text == first
                          else word.text))  # fmt: skip
    assert [line.name for line in invoice.lines] == [line.name for line in truth.lines]


def test_a_tax_id_far_below_a_name_is_doubtful() -> None:
    """The buyer's label is lost and the seller's id too: the buyer's id is not the seller's."""
    truth, page = such(
        "machine_roll", lambda truth: bool(truth.buyer_tax_id and truth.seller_tax_id)
    )
    seller, buyer = truth.seller_tax_id or "?", truth.buyer_name or "?"
    lost = edited(
        page,
        lambda word: "" if seller in word.text or buyer in word.text or "付款" in word.text
        or "购买" in word.text else word.text,
    )  # fmt: skip
    found = read(lost).seller_tax_id
    assert found is None or found.confidence < CONFIDENT


def test_fares_that_lost_their_title_are_not_given_to_another() -> None:
    truth, page = such("air_itinerary", lambda truth: truth.extra.get("fuel") not in (None, "0.00"))
    invoice = read(without(page, "票价", "FARE"))
    for name in ("fare", "fuel", "fund", "other_taxes"):
        field = invoice.extra.get(name)
        assert (
            field is None or field.value == truth.extra.get(name) or field.confidence < CONFIDENT
        ), name


def test_the_total_of_the_air_is_no_insurance() -> None:
    _, page = such("air_itinerary", lambda truth: "insurance" not in truth.extra)
    assert "insurance" not in read(without(page, "XXX")).extra


def test_stars_of_a_certificate_are_as_many_as_it_must_have() -> None:
    truth, page = such("digital_air", lambda truth: "*" * 8 in truth.extra["passenger_id"])
    field = read(edited(page, lambda word: word.text.replace("*" * 8, "***"))).extra["passenger_id"]
    assert field.value == truth.extra["passenger_id"]
    assert field.confidence < CONFIDENT


def test_a_class_that_lost_its_one_stroke_is_doubtful() -> None:
    _, page = such("train_ticket", lambda truth: truth.extra.get("seat_class") == "一等座")

    def worn(word: Word) -> str:
        return "等座" if word.text.endswith("一等座") else word.text

    field = read(edited(page, worn)).extra["seat_class"]
    assert field.value == "一等座"
    assert field.confidence < CONFIDENT


def test_a_kind_told_by_the_labels_of_a_poor_page_is_doubted() -> None:
    _, page = made("vat_special")
    words = tuple(word.model_copy(update={"confidence": 0.84}) for word in page.words)
    poor = page.model_copy(update={"words": words})
    titled = read(poor)
    untitled = read(edited(poor, lambda word: word.text.replace("专用发票", "专用发黑")))
    assert "kind" not in {finding.field for finding in titled.findings}
    assert untitled.kind is titled.kind
    assert "kind" in {finding.field for finding in untitled.findings}


def test_an_id_that_ends_in_a_star_is_no_whole_one() -> None:
    def certificate(text: str) -> Field[str]:
        return Field(value=text, raw=text, source=Source.OCR, confidence=0.95)

    assert whole_certificate(certificate("330108*"), recognised=True).confidence < CONFIDENT
    assert whole_certificate(certificate("330108********6763"), recognised=True).confidence > 0.9
    mended = whole_certificate(certificate("330108*****6763"), recognised=True)
    assert (mended.value, mended.confidence < CONFIDENT) == ("330108********6763", True)


def test_the_end_of_a_misread_label_and_a_misread_company_are_no_part_of_a_bank() -> None:
    truth, page = such("used_vehicle", lambda truth: "股份有限公司" in truth.extra["market_bank"])
    bank = truth.extra["market_bank"]
    place = next(word for word in page.words if bank.split()[0] in word.text.replace(" ", ""))
    found = read(edited(page, lambda word: f"张号 {word.text.replace('有限', '存限')}"
                        if word is place else word.text)).extra["market_bank"]  # fmt: skip
    assert (found.value.replace(" ", ""), found.confidence < CONFIDENT) == (
        bank.replace(" ", ""), True)  # fmt: skip


def test_a_receipt_whose_title_a_seal_covers_is_known_by_the_words_of_its_form() -> None:
    truth, page = made("receipt_form")
    bare = edited(page, lambda word: "" if "据" in word.text else word.text)
    assert len(bare.words) < len(page.words)
    invoice = read(bare)
    assert invoice.kind is truth.kind
    assert invoice.total_with_tax is not None
    assert invoice.total_with_tax.value == truth.total_with_tax
