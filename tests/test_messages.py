"""Sentences for people name fields and sources as people call them."""

from __future__ import annotations

import pytest

from extractors.messages import LANGUAGES, sentence, source_label
from extractors.model import Source


def test_a_disagreement_names_its_sources_in_the_readers_language() -> None:
    told = {
        "field": "total_without_tax",
        "first": "14389.80",
        "first_source": Source.PDF_TEXT.value,
        "second": "1438.98",
        "second_source": Source.QR.value,
    }
    assert sentence("sources_disagree", "zh", told) == (
        "合计金额：PDF 文字 为 14389.80，二维码 为 1438.98。"
    )
    assert "PDF text" in sentence("sources_disagree", "en", told)
    assert told["first_source"] == "pdf_text"  # what was handed in stays as it was


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_source_has_a_name(language: str) -> None:
    assert all(source_label(each.value, language) != each.value for each in Source)
    assert source_label("unheard of", language) == "unheard of"
