"""Titles of a table on worn pages: misread ones are known by their likeness and order, lost ones
by what stands below."""

from __future__ import annotations

from extractors.faces import invoice_from_words
from extractors.layout.page import Sheet
from extractors.layout.reading import Face
from extractors.layout.titles import find_header
from extractors.model import Box, Source
from extractors.words import PageWords, Word

#: A 数电票's columns: text, left and right edge, in thousandths of the page.
TITLES = {
    "name": ("项目名称", 100, 160),
    "spec": ("规格型号", 280, 342),
    "unit": ("单位", 373, 415),
    "quantity": ("数量", 443, 486),
    "price": ("单价", 548, 590),
    "amount": ("金额", 649, 694),
    "rate": ("税率/征收率", 728, 813),
    "tax": ("税额", 865, 907),
}
ROWS = (
    (("*印刷服务*试卷印刷", 44, 180), ("8K", 257, 275), ("张", 385, 400), ("200", 481, 510),
     ("2.25745", 560, 620), ("451.49", 670, 726), ("1%", 763, 783), ("4.51", 917, 955)),
    (("*印刷服务*奖状印制", 44, 180), ("A4", 257, 275), ("张", 385, 400), ("48", 490, 510),
     ("5.1385416667", 519, 620), ("246.65", 670, 726), ("1%", 763, 783), ("2.47", 917, 955)),
)  # fmt: skip
SUMS = (("合", 110, 130), ("计", 180, 200), ("¥698.14", 660, 726), ("¥6.98", 905, 955))
TOTAL = (
    ("价税合计（大写）", 94, 208),
    ("柒佰零伍圆壹角贰分", 300, 459),
    ("（小写）¥705.12", 708, 831),
)


def page(titles: dict[str, str | None]) -> PageWords:
    """The table under the titles, each as `titles` says it was read (None: not at all)."""
    shown = tuple(
        (text, x0, x1)
        for name, (printed, x0, x1) in TITLES.items()
        if (text := titles.get(name, printed)) is not None
    )
    heads = (("电子发票（普通发票）", 345, 626),)
    rows = ((60, heads), (255, shown), (277, ROWS[0]), (298, ROWS[1]), (449, SUMS), (487, TOTAL))
    words = tuple(
        Word(text=text, box=box(x0, x1, y), confidence=0.84)
        for y, row in rows
        for text, x0, x1 in row
    )
    return PageWords(page=0, width=1000, height=1000, words=words)


def box(x0: int, x1: int, y: int) -> Box:
    return Box(page=0, x0=x0 / 1000, x1=x1 / 1000, y0=(y - 9) / 1000, y1=(y + 9) / 1000)


def names(titles: dict[str, str | None]) -> dict[str, str]:
    face = Face(Sheet([page(titles)]), Source.OCR)
    header = find_header(face)
    return {name: run.raw for name, run in header.titles.items()} if header else {}


def test_misread_titles_are_known_by_likeness_and_order() -> None:
    read = {"name": "项日名标", "quantity": "教量", "amount": "全额", "rate": "段单/征收率"}
    assert names({**read, "tax": "税链"}) == {
        **{name: text for name, (text, _, _) in TITLES.items()},
        **read,
        "tax": "税链",
    }


def test_what_is_like_no_title_is_none() -> None:
    assert "name" not in names({"name": "B必"})


def test_lines_are_read_under_misread_and_lost_titles() -> None:
    lost = {"name": "B必", "price": None, "amount": "公0", "tax": None, "unit": None}
    whole = invoice_from_words([page({})], Source.OCR).lines
    assert len(whole) == len(ROWS)
    assert all(cell is not None for line in whole for cell in line.model_dump().values())
    assert invoice_from_words([page(lost)], Source.OCR).lines == whole


def test_lines_of_a_poor_page_are_told_to_be_doubtful() -> None:
    findings = invoice_from_words([page({})], Source.OCR).findings
    assert [(finding.code, finding.field) for finding in findings] == [("low_confidence", "lines")]


def altered(changes: dict[str, str | None]) -> PageWords:
    """The table, cells that say a key now saying its value, or gone (None)."""
    whole = page({})
    words = tuple(
        word.model_copy(update={"text": text})
        for word in whole.words
        if (text := changes.get(word.text, word.text)) is not None
    )
    return whole.model_copy(update={"words": words})


def test_a_line_whose_figures_are_under_a_seal_is_still_a_line() -> None:
    """Its name begins with a class between stars, and the sums leave its amount and tax."""
    lost = altered({"451.49": None, "1%": None, "4.51": None, "200": None})
    first, second = invoice_from_words([lost], Source.OCR).lines
    whole = invoice_from_words([page({})], Source.OCR).lines
    assert second == whole[1]
    assert first.name == whole[0].name
    assert (first.amount, first.tax) == (whole[0].amount, whole[0].tax)


def test_specks_and_split_figures_are_read() -> None:
    specked = altered({"451.49": "451.49.", "4.51": "4,51", "246.65": "246|65"})
    assert invoice_from_words([specked], Source.OCR).lines == (
        invoice_from_words([page({})], Source.OCR).lines
    )


def test_a_stamp_across_the_table_is_no_specification() -> None:
    whole = page({})
    stamp = Word(text="已报销", box=box(290, 360, 290), confidence=0.7)
    stamped = whole.model_copy(update={"words": (*whole.words, stamp)})
    assert invoice_from_words([stamped], Source.OCR).lines == (
        invoice_from_words([whole], Source.OCR).lines
    )
