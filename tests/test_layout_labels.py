"""Labels that recognition read badly."""

from __future__ import annotations

import pytest

from extractors.layout.labels import mended_text, relabelled
from extractors.layout.page import Sheet
from extractors.layout.reading import Face
from extractors.model import Box, Source
from extractors.words import PageWords, Word

LABELS = (
    "发票代码", "发票号码", "机器编号", "开票日期", "付款单位", "收款单位", "付款方名称",
    "收款方名称", "纳税人识别号", "合计(小写)", "合计(大写)", "入场时间", "出场时间",
    "行业分类", "通用机打发票",
)  # fmt: skip


@pytest.mark.parametrize(
    ("read", "mended"),
    [
        ("机盟编号 753603050939", "机器编号 753603050939"),
        ("收效单位：上海某某公司", "收款单位：上海某某公司"),
        ("的税入识制号 9111", "纳税人识别号 9111"),
        ("合计(小司¥2434.83", "合计(小写)¥2434.83"),
        ("行业分类，住宿业", "行业分类:住宿业"),
        ("某某税务局通甩机打发票", "某某税务局通用机打发票"),
    ],
)
def test_a_label_that_was_read_badly_is_set_right(read: str, mended: str) -> None:
    assert mended_text(read, LABELS) == mended


@pytest.mark.parametrize(
    "text",
    [
        "款单位：北京某某公司",  # who pays or who is paid?
        "场时间：2026-09-03",  # in or out?
        "北京锦程达办公用品有限公司",
        "2026-09-03 14:21",
        "发票号码：91780567",
    ],
)
def test_what_may_be_two_labels_or_none_stays_as_it_was_read(text: str) -> None:
    assert mended_text(text, LABELS) == text


def a_face(*texts: str, confidence: float, source: Source = Source.OCR) -> Face:
    words = tuple(
        Word(
            text=text,
            box=Box(page=0, x0=0.1, y0=0.1 * row, x1=0.1 + 0.02 * len(text), y1=0.1 * row + 0.02),
            confidence=confidence,
        )
        for row, text in enumerate(texts, start=1)
    )
    return Face(Sheet([PageWords(page=0, width=100, height=100, words=words)]), source)


def test_only_doubtful_words_of_recognition_are_mended() -> None:
    assert "收款单位" in relabelled(a_face("收效单位：某", confidence=0.8), LABELS).sheet.text
    for sure in (
        a_face("收效单位：某", confidence=0.97),
        a_face("收效单位：某", confidence=1.0, source=Source.PDF_TEXT),
    ):
        assert relabelled(sure, LABELS).sheet is sure.sheet
