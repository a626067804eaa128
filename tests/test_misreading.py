"""Misread or altered: only paper that says what the portal says explains a difference away."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extractors.model import Box, Source
from extractors.words import Look
from verifiers.comparison import Compared, Outcome
from verifiers.misreading import doubtful, explained, says

BOX = Box(page=0, x0=0.1, y0=0.1, x1=0.3, y1=0.12)


def differing(field: str, document: str, portal: str) -> Compared:
    return Compared(
        field=field,
        outcome=Outcome.DIFFERS,
        document=document,
        portal=portal,
        source=Source.OCR,
        confidence=0.8,
        box=BOX,
    )


def seen(*texts: str, score: float = 0.95) -> tuple[Look, ...]:
    return tuple(Look(text=text, score=score) for text in texts)


def outcome(each: Compared, looks: tuple[Look, ...]) -> Outcome:
    [judged] = explained([each], {each.field: looks})
    assert judged.looks == looks
    return judged.outcome


SELLER = differing("seller_name", "大连市丰未年文印服务部", "大连市丰禾年文印服务部")


def test_a_misreading_is_mended_with_its_score() -> None:
    looks = seen(*["名称：大连市丰禾年文印服务部"] * 4, "大连市丰木年文印服务部")
    [judged] = explained([SELLER], {"seller_name": looks})
    assert judged.outcome is Outcome.MENDED
    assert judged.score == pytest.approx(0.95)
    finding = judged.finding()
    assert finding is not None
    assert (finding.code, finding.params["score"]) == ("mended_from_portal", "0.95")


@pytest.mark.parametrize(
    "looks",
    [
        (),
        seen(*["大连市丰禾年文印服务部"] * 2),
        seen(*["大连市丰禾年文印服务部"] * 5, score=0.7),
        seen(*["大连市丰禾年文印服务部"] * 4, "大连市丰未年文印服务部"),
        seen(*["大连市丰禾年文印服务部"] * 3, "甲", "乙", "丙"),
        seen(*["大连市丰禾年文印服务部分部"] * 5),
        seen(*["", "", "", "", ""]),
    ],
)
def test_everything_else_goes_to_finance(looks: tuple[Look, ...]) -> None:
    assert outcome(SELLER, looks) is Outcome.DIFFERS


@given(
    st.decimals(min_value=1, max_value=10**6, places=2),
    st.decimals(min_value=1, max_value=10**6, places=2),
)
def test_plain_print_of_another_amount_is_never_explained(paper: Decimal, portal: Decimal) -> None:
    if paper == portal:
        return
    each = differing("total_with_tax", f"{paper}", f"{portal}")
    assert outcome(each, seen(*[f"（小写）¥{paper}"] * 5)) is Outcome.DIFFERS


@pytest.mark.parametrize(
    ("field", "text", "value", "said"),
    [
        ("total_with_tax", "（小写）￥1,438.98", "1438.98", True),
        ("total_with_tax", "14389.80", "1438.98", False),
        ("total_with_tax", "1438.98 86.34", "1438.98", False),
        ("issue_date", "开票日期：2026年11月10日", "2026-11-10", True),
        ("issue_date", "2026年11月01日", "2026-11-10", False),
        ("amount_in_words", "壹佰元正", "壹佰圆整", True),
        ("seller_tax_id", "纳税人识别号： 9121 0203X0QMP29XKB", "91210203X0QMP29XKB", True),
        ("seller_name", "名称：某某（集团）公司", "某某(集团)公司", True),
        ("seller_name", "某某公司分公司", "某某公司", False),
    ],
)
def test_what_a_text_says(field: str, text: str, value: str, *, said: bool) -> None:
    assert says(field, text, value) is said


def test_only_recognised_values_with_a_place_are_looked_at_again() -> None:
    typed = SELLER.model_copy(update={"source": Source.PDF_TEXT})
    nowhere = SELLER.model_copy(update={"box": None})
    same = SELLER.model_copy(update={"outcome": Outcome.SAME})
    assert doubtful([typed, nowhere, same]) == {}
    assert doubtful([SELLER]) == {"seller_name": SELLER}
