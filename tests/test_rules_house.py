"""Rules that look at who bought, who sold, what for, when, and at what else is on the books."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any

import pytest

from extractors.messages import say
from extractors.model import Finding, Kind, Line, Severity
from tests.test_verifiers_rules import TODAY, sound
from verifiers.policy import Policy
from verifiers.rules import run_rules
from verifiers.rules.case import History, Neighbour
from verifiers.rules.dates import rests
from verifiers.rules.sums import rate_in_use

OURS = Policy.model_validate(
    {
        "buyers": [
            {
                "name": "杭州市临澜实验学校（东校区）",
                "tax_ids": ["12330108LQ7N48R0T2"],
                "former_names": ["杭州市临澜中学"],
            }
        ],
        "words": [{"word": "礼品", "why": "不得报销"}],
        "sellers": [{"name": "云江市青禾商贸有限公司"}, {"tax_id": "91110000600037341L"}],
        "limits": [{"category": "餐饮", "words": ["餐饮"], "most": "100.00"}],
        "splitting": {"limit": "1000.00", "days": 7},
    }
)


def found(
    *, policy: Policy = OURS, history: History | None = None, **changes: Any
) -> list[Finding]:
    invoice = sound(**{"seller_tax_id": None, **changes})
    return list(run_rules(invoice, TODAY, policy, history))


def codes_found(**changes: Any) -> list[str]:
    return [finding.code for finding in found(**changes)]


@pytest.mark.parametrize(
    ("name", "tax_id", "code"),
    [
        ("杭州市临澜实验学校(东校区)", "12330108LQ7N48R0T2", None),
        ("杭州市 临澜实验学校〔东校区〕", "12330108lq7n48r0t2", None),
        ("杭州市临澜实验学校（东校区）", None, None),
        ("杭州市临澜中学", "12330108LQ7N48R0T2", "buyer_former_name"),
        ("杭州市临阑实验学校（东校区）", "12330108LQ7N48R0T2", "buyer_near_miss"),
        ("杭州市临阑实验学校（东校区）", None, "buyer_near_miss"),
        ("另一家公司", "12330108LQ7N48R0T2", "buyer_near_miss"),
        ("另一家公司", "91110000600037341L", "buyer_not_ours"),
        (None, "91110000600037341L", "buyer_not_ours"),
        (None, "12330108LQ7N48R0T2", None),
        ("杭州市临澜实验学校（东校区）", "91110000600037341L", "buyer_tax_id_differs"),
    ],
)
def test_the_buyer_is_one_of_us(name: str | None, tax_id: str | None, code: str | None) -> None:
    said = [c for c in codes_found(buyer_name=name, buyer_tax_id=tax_id) if c.startswith("buyer")]
    assert said == ([] if code is None else [code])


def test_papers_made_out_to_a_person_need_not_name_us() -> None:
    ticket = sound(Kind.TRAIN_TICKET, buyer_name="张三", seller_tax_id=None)
    assert not [f for f in run_rules(ticket, TODAY, OURS) if f.code.startswith("buyer")]


def test_without_our_names_nobody_is_a_stranger() -> None:
    assert "buyer_not_ours" not in codes_found(policy=Policy(), buyer_name="另一家公司")


def test_listed_sellers_by_name_or_id_and_listed_words() -> None:
    assert "listed_seller" in codes_found(seller_name="云江市青禾商贸有限公司")
    assert "listed_seller" in codes_found(seller_tax_id="91110000600037341L")
    assert "listed_seller" not in codes_found(seller_name="青禾商贸")
    gift = (Line(name="*工艺品*礼品盒"),)
    assert "listed_word" in codes_found(lines=gift)
    assert "listed_word" in codes_found(remarks="礼 品")


def test_a_category_has_its_limit() -> None:
    dinner = (Line(name="*餐饮服务*餐饮费"),)
    assert "over_limit" in codes_found(lines=dinner)
    assert "over_limit" not in codes_found(lines=dinner, total_with_tax=Decimal("100.00"))
    assert "over_limit" not in codes_found()


def neighbour(number: str, total: str = "600.00", day: int = 2, **more: Any) -> Neighbour:
    when, amount = dt.date(2026, 11, day), Decimal(total)
    facts: dict[str, Any] = {"invoice_code": "011002000111", "document_id": f"d{number}"} | more
    return Neighbour(invoice_number=number, issue_date=when, total_with_tax=amount, **facts)


@pytest.mark.parametrize(
    ("other", "told"),
    [
        (neighbour("12345679"), True),
        (neighbour("12345676"), True),
        (neighbour("12345681"), False),
        (neighbour("12345678"), False),
        (neighbour("12345679", invoice_code="011002000211"), False),
    ],
)
def test_numbers_in_a_row(other: Neighbour, *, told: bool) -> None:
    said = [finding.code for finding in found(history=History(same_seller=(other,)))]
    assert ("consecutive_numbers" in said) is told


@pytest.mark.parametrize(
    ("total", "others", "told"),
    [
        ("500.00", [neighbour("1")], True),
        ("400.00", [neighbour("1")], False),
        ("500.00", [neighbour("1", day=10)], False),
        ("500.00", [neighbour("1", "1000.01")], False),
        ("1000.01", [neighbour("1")], False),
        ("300.00", [neighbour("1", "400.00"), neighbour("2", "400.00", 9)], True),
    ],
)
def test_bills_taken_apart(total: str, others: list[Neighbour], *, told: bool) -> None:
    history = History(same_seller=tuple(others))
    changes: dict[str, Any] = {"total_with_tax": Decimal(total), "amount_in_words": None}
    assert ("bills_split" in [f.code for f in found(history=history, **changes)]) is told


def test_one_number_on_two_documents_is_louder_with_two_amounts() -> None:
    def said(other: Neighbour) -> list[tuple[str, Severity]]:
        history = History(same_number=(other,))
        return [
            (finding.code, finding.severity)
            for finding in found(history=history)
            if finding.code in ("possible_duplicate", "number_used_otherwise")
        ]

    again = neighbour("12345678", "113.00", invoice_code="")
    assert said(again) == [("possible_duplicate", Severity.BLOCK)]
    assert said(neighbour("12345678", "113.00", earlier=False)) == []
    assert said(neighbour("12345678", "999.00", earlier=False)) == [
        ("number_used_otherwise", Severity.BLOCK)
    ]
    assert said(neighbour("12345678", "999.00", invoice_code="011002000211")) == []


def test_every_finding_of_neighbours_is_told_in_words() -> None:
    history = History(
        same_seller=(neighbour("12345679"),), same_number=(neighbour("12345678", "9.00"),)
    )
    changes: dict[str, Any] = {"total_with_tax": Decimal("500.00"), "amount_in_words": None}
    for finding in found(history=history, buyer_name="另一家公司", **changes):
        for language in ("zh", "en"):
            assert "{" not in say(finding.code, language, finding.params)


@pytest.mark.parametrize(
    ("rate", "day", "used"),
    [
        ("0.17", dt.date(2018, 4, 30), True),
        ("0.17", dt.date(2018, 5, 1), False),
        ("0.16", dt.date(2018, 5, 1), True),
        ("0.13", dt.date(2019, 3, 31), False),
        ("0.13", dt.date(2019, 4, 1), True),
        ("0.13", dt.date(2017, 6, 30), True),
        ("0.01", dt.date(2020, 2, 29), False),
        ("0.015", dt.date(2024, 1, 1), True),
        ("0.07", dt.date(2024, 1, 1), False),
    ],
)
def test_rates_have_their_days(rate: str, day: dt.date, *, used: bool) -> None:
    assert rate_in_use(Decimal(rate), day) is used


def test_a_red_invoice_repeats_the_rate_of_what_it_offsets() -> None:
    line = (Line(name="笔", rate=Decimal("0.17")),)
    assert "rate_unknown" in codes_found(lines=line)
    red = {"total_with_tax": Decimal("-113.00"), "amount_in_words": None}
    assert "rate_unknown" not in codes_found(lines=line, **red)


def test_days_of_rest_follow_the_state_councils_order() -> None:
    assert rests(dt.date(2026, 10, 1))
    assert rests(dt.date(2026, 11, 22))
    assert not rests(dt.date(2026, 2, 14))  # a Saturday worked for the spring festival
    assert rests(dt.date(2099, 1, 3))  # no order yet: a Saturday


def test_issued_after_the_claim() -> None:
    invoice = sound()
    before = run_rules(invoice, TODAY, OURS, claimed_on=dt.date(2026, 11, 1))
    assert [f.code for f in before if f.code == "issued_after_claim"]
    same = run_rules(invoice, TODAY, OURS, claimed_on=dt.date(2026, 11, 2))
    assert not [f.code for f in same if f.code == "issued_after_claim"]


def test_no_kind_is_older_than_itself() -> None:
    early = {"issue_date": dt.date(2021, 11, 30), "invoice_code": None}
    invoice = sound(Kind.DIGITAL_NORMAL, invoice_number="21112000000123456789", **early)
    assert "kind_too_young" in [finding.code for finding in run_rules(invoice, TODAY, OURS)]


def test_a_codes_region_exists_and_is_usually_the_sellers() -> None:
    assert "code_region_unknown" in codes_found(invoice_code="099002000111")
    seller = {"seller_tax_id": "91330108MA27Y5GL6B"}
    assert "code_region_differs" in codes_found(**seller)
    assert "code_region_differs" not in codes_found(invoice_code="033002000111", **seller)
