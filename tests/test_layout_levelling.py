"""Pages that lean: rows are made of what stands level once the lean is taken off."""

from __future__ import annotations

import datetime as dt

import pytest

from extractors.faces import invoice_from_words
from extractors.layout.levelling import Lean, level_pages, levelled
from extractors.layout.page import Sheet
from extractors.model import Box, Source
from extractors.words import PageWords, Word

ROWS = (
    ("THE OLD MILL CAFE LIMITED", ""), ("14 HIGH STREET, LEEDS LS1 4DY", ""), ("CASH RECEIPT", ""),
    ("DATE: 26/08/2026 TIME: 20:50", ""), ("1 COFFEE LATTE", "19.91"), ("1 USB CABLE 1M", "5.63"),
    ("Sub-total", "£25.54"), ("VAT 20%", "£5.11"), ("TOTAL AMOUNT", "£30.65"), ("CASH", "£50.00"),
    ("CHANGE", "£19.35"), ("THANK YOU, PLEASE COME AGAIN", ""),
)  # fmt: skip
#: Gaps after some rows, as tills leave them.
GAPS = {3: 0.5, 5: 0.7, 8: 0.3, 10: 0.8}


def a_receipt(lean: float) -> PageWords:
    """A till's slip whose rows rise to the right by `lean` of their width."""
    words = []
    place = 0.2
    for index, row in enumerate(ROWS):
        for text, x0 in zip(row, (0.1, 0.8), strict=True):
            width = 0.018 * len(text)
            if text:
                y = place - lean * (x0 + width / 2)
                half = 0.012 + abs(lean) * width / 2
                box = Box(page=0, x0=x0, y0=y - half, x1=x0 + width, y1=y + half)
                words.append(Word(text=text, box=box, confidence=0.97))
        place += 0.035 * (1 + GAPS.get(index, 0.0))
    return PageWords(page=0, width=1000, height=1000, words=tuple(words))


@pytest.mark.parametrize("lean", [0.05, -0.05, 0.09])
def test_a_leaning_slip_is_read_as_a_level_one_is(lean: float) -> None:
    page, found = levelled(a_receipt(lean))
    assert found is not None
    assert found.across == pytest.approx(lean, abs=0.03)
    rows = {row.text for row in Sheet([page]).rows}
    assert {"Sub-total £25.54", "TOTAL AMOUNT £30.65", "CHANGE £19.35"} <= rows
    invoice = invoice_from_words([a_receipt(lean)], Source.OCR)
    assert invoice.total_with_tax is not None
    assert f"{invoice.total_with_tax.value:.2f}" == "30.65"


def test_boxes_of_a_levelled_page_stand_where_its_picture_shows_them() -> None:
    page = a_receipt(0.09)
    total = next(word for word in page.words if word.text == "£30.65")
    invoice = invoice_from_words([page], Source.OCR)
    assert invoice.total_with_tax is not None
    box = invoice.total_with_tax.box
    assert box is not None
    middle, drawn = (box.y0 + box.y1) / 2, (total.box.y0 + total.box.y1) / 2
    assert middle == pytest.approx(drawn, abs=0.008)


def test_level_pages_and_pages_of_few_words_stay_as_they_are() -> None:
    level = a_receipt(0.0)
    few = level.model_copy(update={"words": level.words[:5]})
    pages, leans = level_pages([level, few])
    assert pages == [level, few]
    assert not leans
    assert Lean(0.0, 0.0).at(0.5, 0.5) == 0


def test_a_labelled_day_stands_before_one_that_was_stamped() -> None:
    page = a_receipt(0.0)
    stamp = Word(
        text="2025.05.13", box=Box(page=0, x0=0.7, y0=0.05, x1=0.9, y1=0.08), confidence=0.97
    )
    stamped = page.model_copy(update={"words": (*page.words, stamp)})
    day = invoice_from_words([stamped], Source.OCR).issue_date
    assert day is not None
    assert day.value == dt.date(2026, 8, 26)
