"""What platforms write into remarks and feet, misread on poor pages."""

from __future__ import annotations

import pytest

from extractors.layout.foot import read_issuer
from extractors.layout.page import Sheet
from extractors.layout.reading import Face
from extractors.layout.set_phrases import with_set_phrases
from extractors.layout.special import read_special
from extractors.model import Box, Source
from extractors.words import PageWords, Word


@pytest.mark.parametrize(
    ("read", "written"),
    [
        ("红字发票信混确认单编号：33012113", "红字发票信息确认单编号：33012113"),
        ("开具红增值税专用发震信息表编号0550", "开具红字增值税专用发票信息表编号0550"),
        ("不动产地址：学院路5号：", "不动产地址：学院路5号；"),
        (
            "租赁期起止：2026-11-01 00：00 2027-05-11 28：59：",
            "租赁期起止：2026-11-01 00：00 2027-05-11 23：59；",
        ),
        ("购方开户银行：某支行：银行账号：7207：", "购方开户银行：某支行；银行账号：7207；"),
        (
            "购方开户银行：中衡工商银行高新支行；银行账号：638876576469",
            "购方开户银行：中国工商银行高新支行；银行账号：638876576469；",
        ),
    ],
)
def test_set_phrases_are_put_right(read: str, written: str) -> None:
    assert with_set_phrases(read) == written


@pytest.mark.parametrize(
    "text",
    [
        "项目名称：教学楼维修\n合同编号：HT-353582739603",
        "订单号：0919",
        "2026年秋季学期",
        "",
        "联系人：王",
        "合同编号：",
    ],
)
def test_free_words_stay(text: str) -> None:
    assert with_set_phrases(text) == text


def face(*words: tuple[float, float, str]) -> Face:
    found = tuple(
        Word(
            text=text,
            box=Box(page=0, x0=x, y0=y - 0.01, x1=x + 0.015 * len(text), y1=y + 0.01),
            confidence=0.84,
        )
        for x, y, text in words
    )
    return Face(Sheet([PageWords(page=0, width=1.0, height=1.0, words=found)]), Source.OCR)


@pytest.mark.parametrize("label", ["开票人：", "开非人：", "开亲人:", "开是人。", "升票人："])
def test_the_issuer_stands_behind_what_is_left_of_the_label(label: str) -> None:
    seen = face((0.1, 0.9, "收款人：郭俊杰"), (0.5, 0.9, f"{label}刘海涛"))
    read_issuer(seen, 0.8)
    assert seen.found["issuer"].value == "刘海涛"


def test_nobody_else_is_taken_for_the_issuer() -> None:
    seen = face((0.1, 0.9, "收款人：郭俊杰"), (0.5, 0.9, "复核：刘海涛"))
    read_issuer(seen, 0.8)
    assert "issuer" not in seen.found


FREIGHT = (
    (0.05, 0.50, "运输工具种关"),
    (0.25, 0.50, "运输工具酵号"),
    (0.45, 0.50, "起适地"),
    (0.62, 0.50, "到达地"),
    (0.80, 0.50, "运粮货物名称"),
    (0.06, 0.53, "公路运输"),
    (0.26, 0.53, "浙AG2024"),
    (0.43, 0.53, "江苏省南京市"),
    (0.60, 0.53, "浙江省杭州市"),
    (0.81, 0.53, "体育器材"),
)


def test_a_box_is_read_under_misread_titles_and_tells_the_business() -> None:
    extra = read_special(face(*FREIGHT), [], 0.2, 0.46, 0.58)
    assert {name: field.value for name, field in extra.items()} == {
        "tool": "公路运输",
        "plate": "浙AG2024",
        "from": "江苏省南京市",
        "to": "浙江省杭州市",
        "goods": "体育器材",
        "special": "货物运输服务",
    }
    assert all(field.confidence < 0.85 for field in extra.values())


@pytest.mark.parametrize("seen", ["自产衣产品销售", "自产农产品销", "(自产农产品销售)"])
def test_a_tag_is_known_with_a_character_misread(seen: str) -> None:
    extra = read_special(face((0.15, 0.07, seen)), [], 0.2, 0.46, 0.58)
    assert extra["special"].value == "自产农产品销售"


@pytest.mark.parametrize("seen", ["成晶油", "差额征税-额开票", "自产自销农产品销售"])
def test_what_may_be_several_tags_or_none_is_none(seen: str) -> None:
    assert "special" not in read_special(face((0.15, 0.07, seen)), [], 0.2, 0.46, 0.58)
