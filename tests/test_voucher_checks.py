"""Vouchers beside their invoices: differences that are found, and that hold sealing up."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

import pytest
from sqlalchemy import func, select

from archive import accounting, vouchers
from archive.actors import SYSTEM, Actor, Role
from archive.attaching import Attached, VoucherValues, check
from archive.records import AuditRow, BagRow, Document
from archive.voucher_import import take_file
from tests.helpers import hand_in, load, whole_road, xml
from tests.vouchering import HEAD, REVIEWER, csv_file, facts_of, of_voucher
from verifiers.policy import Policy
from worker.pipeline import Pipeline
from worker.services import Services

# -- checks --------------------------------------------------------------------------------


_DAY = dt.date(2026, 11, 5)
_VALUES = VoucherValues(2026, 11, _DAY, Decimal("113.00"), attachments=1, agency_name="某某学校")
_ITEM = Attached("d1", "1", dt.date(2026, 10, 1), "某某学校", None, Decimal("113.00"))


def _codes(values: VoucherValues, *items: Attached, still_open: int = 0) -> list[str]:
    return [found.code for found in check(values, items, still_open, Policy())]


def test_what_agrees_has_no_findings() -> None:
    assert _codes(_VALUES, _ITEM) == []


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"total": Decimal("113.02")}, "voucher_sum_differs"),
        ({"total": None}, "voucher_amount_unread"),
        ({"issue_date": dt.date(2026, 11, 6)}, "voucher_date_before_invoice"),
        ({"buyer_name": "别的学校"}, "voucher_buyer_differs"),
        ({"elsewhere": "JZ-9"}, "voucher_invoice_twice"),
    ],
)
def test_each_difference_is_found(change: dict[str, object], code: str) -> None:
    from dataclasses import replace

    assert _codes(_VALUES, replace(_ITEM, **change)) == [code]  # type: ignore[arg-type]


def test_counts_periods_and_open_documents() -> None:
    from dataclasses import replace

    assert _codes(replace(_VALUES, attachments=2), _ITEM) == ["voucher_attachments_differ"]
    assert _codes(replace(_VALUES, period=9), _ITEM) == ["voucher_period_before_invoice"]
    assert _codes(_VALUES, _ITEM, still_open=1) == ["voucher_documents_open"]
    assert _codes(_VALUES) == ["voucher_sum_differs", "voucher_attachments_differ"]


def test_a_cent_is_within_tolerance_and_red_turns_the_sign() -> None:
    from dataclasses import replace

    assert _codes(_VALUES, replace(_ITEM, total=Decimal("113.01"))) == []
    red = replace(_VALUES, red=True)
    assert _codes(red, replace(_ITEM, total=Decimal("-113.00"))) == []
    assert _codes(red, _ITEM) == ["voucher_sum_differs"]


def test_a_buyer_of_several_names_is_one() -> None:
    from dataclasses import replace

    policy = Policy.model_validate({"buyers": [{"name": "某某学校", "former_names": ["某某中学"]}]})
    item = replace(_ITEM, buyer_name="某某中学")
    assert check(_VALUES, [item], 0, policy) == []
    assert check(replace(_VALUES, agency_name=""), [item], 0, policy) == []
    assert check(replace(_VALUES, agency_name="别的"), [item], 0, policy) != []


# -- sealing -------------------------------------------------------------------------------


def _bags(services: Services, number: str) -> int:
    with services.database.read() as session:
        query = select(func.count(BagRow.id)).where(BagRow.voucher_no == number)
        return session.scalar(query) or 0


def test_a_voucher_that_agrees_is_sealed_and_then_stands_fast(services: Services) -> None:
    take_file(services.database, csv_file(of_voucher(验票凭证号="JZ-1")), "test")
    receipt = hand_in(services, xml(), voucher="JZ-1")
    assert whole_road(services, receipt.document_id).state == "archived"
    report = take_file(services.database, csv_file(of_voucher("99.00", 验票凭证号="JZ-1")), "test")
    assert [fault.code for fault in report.faults] == ["voucher_sealed"]
    assert facts_of(services.database, "JZ-1").debit_total == Decimal("113.00")


def test_a_difference_holds_sealing_up_until_a_person_decides(services: Services) -> None:
    take_file(services.database, csv_file(of_voucher("200.00", 验票凭证号="JZ-1")), "test")
    receipt = hand_in(services, xml(), voucher="JZ-1")
    assert whole_road(services, receipt.document_id).state == "passed"
    with services.database.read() as session:
        found = accounting.standing(session, "JZ-1", services.policy)
        assert [each.code for each in found.blocking] == ["voucher_sum_differs"]
        assert (found.expected, found.total) == (Decimal("200.00"), Decimal("113.00"))
        assert accounting.blocked_numbers(session) == ["JZ-1"]
        assert vouchers.vouchers_ready(session) == []  # the clock leaves it in peace
    for actor, reason, error in (
        (SYSTEM, "x", accounting.MayNotAccept),
        (Actor("u2", "s", "s", frozenset({(Role.SUBMITTER, "")})), "x", accounting.MayNotAccept),
        (REVIEWER, " ", accounting.ReasonMissing),
    ):
        with pytest.raises(error), services.database.write() as session:
            accounting.accept_difference(session, actor, "JZ-1", "voucher_sum_differs", reason)
    with services.database.write() as session:
        accounting.accept_difference(
            session, REVIEWER, "JZ-1", "voucher_sum_differs", "其余为纸质附件", services.policy
        )
    with services.database.read() as session:
        assert vouchers.vouchers_ready(session) == ["JZ-1"]
    Pipeline(services).seal("JZ-1")
    assert load(services, receipt.document_id).state == "archived"
    with services.database.read() as session:
        actions = list(session.scalars(select(AuditRow.action).order_by(AuditRow.seq)))
    assert actions.count("voucher_sealing_blocked") == 1
    assert actions.count("voucher_difference_accepted") == 1


def test_an_invoice_that_another_voucher_stands_for_is_found(services: Services) -> None:
    first = hand_in(services, xml("1"), voucher="JZ-1")
    whole_road(services, first.document_id)
    second = hand_in(services, xml("2"), voucher="JZ-2")
    assert whole_road(services, second.document_id).reason == "duplicate"
    with services.database.write() as session:  # as if somebody had let it pass all the same
        session.get_one(Document, second.document_id).state = "passed"
    take_file(services.database, csv_file(of_voucher(验票凭证号="JZ-2")), "test")
    with services.database.read() as session:
        (found,) = accounting.standing(session, "JZ-2").blocking
    assert (found.code, found.params["other"]) == ("voucher_invoice_twice", "JZ-1")


def test_an_acceptance_does_not_cover_another_difference(services: Services) -> None:
    take_file(services.database, csv_file(of_voucher("200.00", 验票凭证号="JZ-1")), "test")
    receipt = hand_in(services, xml(), voucher="JZ-1")
    whole_road(services, receipt.document_id)
    with services.database.write() as session:
        accounting.accept_difference(session, REVIEWER, "JZ-1", "voucher_sum_differs", "可以")
    take_file(services.database, csv_file(of_voucher("300.00", 验票凭证号="JZ-1")), "test")
    Pipeline(services).seal("JZ-1")
    assert load(services, receipt.document_id).state == "passed"
    with pytest.raises(accounting.NothingToAccept), services.database.write() as session:
        accounting.accept_difference(session, REVIEWER, "JZ-1", "voucher_buyer_differs", "可以")


def test_facts_that_come_after_sealing_make_a_new_version(services: Services) -> None:
    receipt = hand_in(services, xml(), voucher="JZ-1")
    whole_road(services, receipt.document_id)
    take_file(services.database, csv_file(of_voucher(验票凭证号="JZ-1")), "test")
    with services.database.read() as session:
        assert vouchers.vouchers_ready(session) == ["JZ-1"]
    Pipeline(services).seal("JZ-1")
    assert _bags(services, "JZ-1") == 2
    with services.database.read() as session:
        assert vouchers.vouchers_ready(session) == []
    posted = csv_file(of_voucher(验票凭证号="JZ-1", 制单人="王会计"))
    assert take_file(services.database, posted, "test").unchanged == ("JZ-1",)


def test_posting_a_sealed_voucher_is_taken_and_seals_nothing(services: Services) -> None:
    head = (*HEAD, "记账人", "记账日期")
    rows = [[*row, "", ""] for row in of_voucher(验票凭证号="JZ-1")]
    take_file(services.database, csv_file(rows, head=head), "test")
    receipt = hand_in(services, xml(), voucher="JZ-1")
    whole_road(services, receipt.document_id)
    rows = [[*row[:-2], "赵记账", "2026-11-30"] for row in rows]
    report = take_file(services.database, csv_file(rows, head=head), "test")
    assert (report.updated, report.faults) == (("JZ-1",), ())
    with services.database.read() as session:
        assert vouchers.vouchers_ready(session) == []
    rows = [[*row[:-2], "别人", "2026-11-30"] for row in rows]
    assert take_file(services.database, csv_file(rows, head=head), "test").faults
