"""Labels of which a poor page kept a part: the value behind them is known, and doubtful."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable

import pytest

from extractors.checks import CONFIDENT
from extractors.faces import invoice_from_words
from extractors.model import Source
from extractors.words import PageWords
from fixtures.maker import Truth, draw_truth, pages
from tests.made_words import words_of_pages

TODAY = dt.date(2026, 11, 22)


def poor(name: str, seed: int, change: Callable[[str], str]) -> tuple[Truth, PageWords]:
    """A made page whose words are as `change` leaves them."""
    truth = draw_truth(name, seed, today=TODAY)
    page = words_of_pages(pages(truth, seed))[0]
    words = tuple(
        word.model_copy(update={"text": change(word.text), "confidence": 0.84})
        for word in page.words
    )
    return truth, page.model_copy(update={"words": tuple(word for word in words if word.text)})


@pytest.mark.parametrize(
    ("name", "label", "left"),
    [("bank_receipt_boc", "用途", "用金"), ("bank_receipt_icbc", "摘", "")],
)
@pytest.mark.parametrize("seed", [0, 1])
def test_a_purpose_stands_behind_half_of_its_label(
    name: str, label: str, left: str, seed: int
) -> None:
    truth, page = poor(name, seed, lambda text: text.replace(label, left))
    purpose = invoice_from_words([page], Source.OCR).extra["purpose"]
    assert purpose.value == truth.extra["purpose"]
    assert purpose.confidence < CONFIDENT


def test_a_market_is_known_though_a_character_of_its_label_is_not() -> None:
    def change(text: str) -> str:
        return text.replace("市", "率") if text.replace(" ", "") == "二手车市场" else text

    truth, page = poor("used_vehicle", 1, change)
    extra = invoice_from_words([page], Source.OCR).extra
    assert extra["market"].value == truth.extra["market"]
