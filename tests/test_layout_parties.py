"""Parties on poor pages: labels misread or lost, ids misread, the buyer's box on the right."""

from __future__ import annotations

import pytest

from extractors.checks import CONFIDENT
from extractors.layout.id_mending import id_in, mended_id
from extractors.layout.page import Sheet
from extractors.layout.parties import Zone, name_labels, read_party, sides_swapped
from extractors.layout.reading import Face
from extractors.layout.values import check_character_holds
from extractors.model import Box, Source
from extractors.words import PageWords, Word

WHOLE = "12330108LQ7N48R0T2"
#: Beginning with the farmer's identity number (no person's: its check digit is wrong).
FARMER = "440303195806100986"


def face(*words: tuple[float, float, str]) -> Face:
    found = []
    for x, y, text in words:
        wide = sum(0.016 if char > "⺀" else 0.008 for char in text)
        box = Box(page=0, x0=x, y0=y - 0.01, x1=x + wide, y1=y + 0.01)
        found.append(Word(text=text, box=box, confidence=0.84))
    page = PageWords(page=0, width=1.0, height=1.0, words=tuple(found))
    return Face(Sheet([page]), Source.OCR)


BOX = Zone(0.0, 0.5, 0.2, 0.34)


@pytest.mark.parametrize(
    ("text", "mended"),
    [
        (WHOLE, WHOLE),
        ("12330108LQ7N48R0F2", WHOLE),
        ("12330108L07N48R0T2", WHOLE),
        ("1233O1O8LQ7N48ROT2", WHOLE),
        ("91330203XJGGDL.77J1G", "91330203XJGGDL77JG"),
        ("12330108LQ7N48R", None),
        (FARMER, None),
    ],
    ids=["whole", "likeness", "ring", "letters for digits", "doubled", "cut", "a person's"],
)
def test_a_misread_id_is_mended_where_one_reading_holds(text: str, mended: str | None) -> None:
    assert mended_id(text) == mended
    assert mended is None or check_character_holds(mended)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (f"统一社会信用代为的税入识利号：{WHOLE}", True),
        ("校验码 58832 43550 58570 5165", False),
        ("/49+3320*70-1/2>8832435505", False),
        (FARMER, True),
        ("55313 31985 18412 57210", False),
    ],
)
def test_an_id_is_told_by_its_shape(text: str, *, found: bool) -> None:
    run = face((0.1, 0.3, text)).sheet.runs[0]
    assert (id_in(run) is not None) is found


@pytest.mark.parametrize("label", ["名称：", "名作：", "名位：", "：", "名"])
def test_a_name_is_found_behind_what_is_left_of_its_label(label: str) -> None:
    seen = face((0.05, 0.24, f"{label}北京青石桥文印服务部"), (0.2, 0.3, WHOLE))
    read_party(seen, BOX, "buyer")
    name = seen.found["buyer_name"]
    assert name.value.endswith("北京青石桥文印服务部")
    assert name.confidence < 0.85
    assert seen.found["buyer_tax_id"].value == WHOLE


@pytest.mark.parametrize(("before", "after"), [("763", ""), ("", "10"), ("7", "5A")])
def test_an_id_that_a_stamps_print_stuck_to_is_found_and_unsure(before: str, after: str) -> None:
    found = face(
        (0.05, 0.24, "名称：杭州市临澜实验学校"),
        (0.05, 0.30, f"统一社会信用代码/纳税人识别号{before}{WHOLE}{after}"),
    )
    read_party(found, BOX, "buyer")
    kept = found.found["buyer_tax_id"]
    assert kept.value == WHOLE
    assert kept.confidence < CONFIDENT
    read_party(found := face((0.05, 0.30, f"1{'7' * 21}")), BOX, "buyer")
    assert "buyer_tax_id" not in found.found


def test_a_persons_number_is_not_proven_by_the_check_of_organisations() -> None:
    """830108198706173165 for 330108198706173165 satisfies GB 32100 by chance."""
    misread = "830108198706173165"
    assert check_character_holds(misread)
    found = face((0.05, 0.24, "名称：徐海涛"), (0.05, 0.30, f"纳税人识别号：{misread}"))
    read_party(found, BOX, "seller")
    assert found.found["seller_tax_id"].confidence < CONFIDENT


def test_labels_of_ids_are_no_names() -> None:
    seen = face((0.05, 0.24, "名称：孙俊杰"), (0.05, 0.27, "会信用代码/清税人识损号"))
    read_party(seen, BOX, "seller")
    assert seen.found["seller_name"].value == "孙俊杰"


def test_misread_labels_say_where_the_parties_begin() -> None:
    seen = face((0.05, 0.24, "名作：杭州第一中学"), (0.5, 0.24, "名春：北京文印服务部"))
    assert len(name_labels(seen, 0.0, 0.4)) == 2


def test_a_farmers_number_tells_his_box_where_side_print_is_lost() -> None:
    words = [(0.2, 0.1, "农产品收购"), (0.2, 0.3, FARMER), (0.7, 0.3, WHOLE)]
    left, right = Zone(0.0, 0.5, 0.2, 0.34), Zone(0.5, 1.0, 0.2, 0.34)
    assert sides_swapped(face(*words), left, right)
    assert not sides_swapped(face(*words[1:]), left, right)
    other = [words[0], (0.2, 0.3, WHOLE), (0.7, 0.3, FARMER)]
    assert not sides_swapped(face(*other), left, right)


@pytest.mark.parametrize("cut", [3, 12, 15])
@pytest.mark.parametrize("glued", [False, True])
def test_a_cut_id_is_one_where_its_check_character_holds(cut: int, *, glued: bool) -> None:
    first = (0.02, 0.32, "纳税人识别号：" + WHOLE[:cut]) if glued else (0.15, 0.32, WHOLE[:cut])
    left = 0.02 + 7 * 0.016 + cut * 0.008 if glued else 0.15 + cut * 0.008
    label = [] if glued else [(0.02, 0.32, "纳税人识别号：")]
    words = (0.02, 0.26, "名称：杭州市临澜实验学校"), *label, first, (left, 0.32, WHOLE[cut:])
    found = face(*words)
    read_party(found, BOX, "buyer")
    assert found.found["buyer_tax_id"].value == WHOLE
