"""Several documents on one scan, read by real recognition, each by itself."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pytest

from extractors.leaves import Leaf, pack_most
from extractors.reader import Reader
from extractors.recognise import PaddleRecogniser
from extractors.words import PageWords
from fixtures.maker import draw_truth
from fixtures.maker.collage import make_collage

TODAY = dt.date(2026, 11, 22)


@pytest.mark.slow
@pytest.mark.parametrize("names", [("taxi",) * 3, ("vat_special", "vat_electronic_normal")])
def test_documents_pasted_on_one_sheet_are_read_each_by_itself(names: tuple[str, ...]) -> None:
    truths = [draw_truth(name, 7100 + place, today=TODAY) for place, name in enumerate(names)]
    sheet = make_collage(truths, 7100)
    found = Reader(recogniser=PaddleRecogniser(threads=1)).read_all(sheet.content)
    assert [invoice.invoice_number and invoice.invoice_number.value for invoice in found] == [
        truth.invoice_number for truth in sheet.truths
    ]
    assert [invoice.kind for invoice in found] == [truth.kind for truth in sheet.truths]
    for invoice, truth in zip(found, sheet.truths, strict=True):
        assert invoice.region is not None
        if invoice.total_with_tax is not None:
            assert invoice.total_with_tax.value == truth.total_with_tax


def test_pictures_of_a_long_scan_wait_packed() -> None:
    """Each takes some 12 MB until its invoice had its closer look."""
    page = np.full((400, 300, 3), 255, np.uint8)
    page[100:120, 50:250] = (20, 20, 160)
    leaves = [Leaf(index) for index in range(9)]
    for leaf in leaves:
        leaf.see(PageWords(page=leaf.page, width=300, height=400, words=()))
        leaf.hold(page)
        pack_most(leaves)
    as_they_are = [leaf.upright is page for leaf in leaves]
    assert as_they_are == [False] * 6 + [True] * 3
    for leaf in leaves:
        assert leaf.upright is not None
        assert np.abs(leaf.upright.astype(int) - page).mean() < 1
