"""Blockchain invoices: the bureau's page as text, and the road to it in a real Chromium."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest

from extractors.limits import Limits
from extractors.model import Invoice, Kind
from extractors.reader import Reader
from fixtures.maker import Form, draw_truth, make
from fixtures.portal.serve import serving
from fixtures.shenzhen import create_app
from tests.test_vendor import DESK
from verifiers.errors import PortalChanged
from verifiers.model import Reason, Verdict
from verifiers.portal.settings import PortalSettings
from verifiers.shenzhen import ShenzhenVerifier
from verifiers.shenzhen.page import load_page_layout, read_page

LAYOUT = load_page_layout()
TRUTH = draw_truth("blockchain", 5, today=dt.date(2026, 11, 22))
SHOWN = """区块链电子发票查验
发票代码：144032509110
发票号码
01234567
开票日期：2026年11月02日
购买方名称： 某某 大学
价税合计：¥1,113.00
发票状态：正常"""


def test_values_stand_behind_their_labels_or_below_them() -> None:
    shown = read_page(SHOWN, LAYOUT, "01234567")
    assert shown.values is not None
    assert shown.values.invoice_code == "144032509110"
    assert shown.values.buyer_name == "某某大学"
    assert shown.values.total_with_tax == Decimal("1113.00")
    assert shown.values.issue_date == dt.date(2026, 11, 2)
    assert (shown.status, shown.answer) == (None, None)


def test_a_status_and_an_answer_are_told_by_their_words() -> None:
    voided = read_page(SHOWN.replace("正常", "已作废"), LAYOUT, "01234567")
    assert voided.status is not None
    assert voided.status.reason is Reason.VOIDED
    gone = read_page("抱歉，查无此票", LAYOUT, "01234567")
    assert gone.answer is not None
    assert gone.answer.reason is Reason.NOT_FOUND


@pytest.mark.parametrize(
    "text",
    [
        "",
        "欢迎使用",
        SHOWN.replace("01234567", "01234568"),
        SHOWN.replace("价税合计", "金额"),
        SHOWN.replace("¥1,113.00", "面议"),
        SHOWN.replace("2026年11月02日", "昨天"),
    ],
)
def test_a_page_that_is_not_understood_is_no_verdict(text: str) -> None:
    with pytest.raises(PortalChanged):
        read_page(text, LAYOUT, "01234567")


# -- in a real browser -------------------------------------------------------------------

FAULTS: list[Any] = []
STATUSES: dict[str, str] = {}
in_browser = [pytest.mark.slow, pytest.mark.timeout(300), pytest.mark.xdist_group("browser")]


@pytest.fixture(scope="module")
def road() -> Iterator[ShenzhenVerifier]:
    with serving(create_app([TRUTH], STATUSES, FAULTS)) as origin:
        settings = PortalSettings(url=origin, page_timeout=20)
        with ShenzhenVerifier(settings, origin=origin) as opened:
            yield opened


@pytest.fixture
def invoice() -> Invoice:
    """The made PDF as the reader reads it, address and all."""
    FAULTS.clear()
    STATUSES.clear()
    [read] = Reader(Limits()).read_all(make(TRUTH, Form.PDF, 5).content)
    assert read.kind is Kind.BLOCKCHAIN
    assert read.address is not None
    return read


def answer(road: ShenzhenVerifier, invoice: Invoice) -> tuple[Verdict, Reason]:
    said = road.verify("d1", invoice, DESK)
    return said.verdict, said.reason


class TestInBrowser:
    pytestmark = in_browser

    def test_the_same_is_confirmed_with_its_picture(
        self, road: ShenzhenVerifier, invoice: Invoice
    ) -> None:
        said = road.verify("d1", invoice, DESK)
        assert (said.verdict, said.reason) == (Verdict.CONFIRMED, Reason.CONSISTENT)
        assert {each.field for each in said.compared} >= {"seller_name", "total_with_tax"}
        assert said.evidence[0].content.startswith(b"\x89PNG")

    def test_an_altered_face_is_a_mismatch(self, road: ShenzhenVerifier, invoice: Invoice) -> None:
        assert invoice.seller_name is not None
        other = invoice.seller_name.model_copy(update={"value": "另一家公司"})
        forged = invoice.model_copy(update={"seller_name": other})
        assert answer(road, forged) == (Verdict.CONTRADICTED, Reason.MISMATCH)

    def test_void_and_unknown_have_the_pages_own_words(
        self, road: ShenzhenVerifier, invoice: Invoice
    ) -> None:
        STATUSES[TRUTH.invoice_number] = "已作废"
        assert answer(road, invoice) == (Verdict.CONTRADICTED, Reason.VOIDED)
        changed = (invoice.address or "").replace("hash=", "hash=0") + "0"
        unknown = invoice.model_copy(update={"address": changed})
        assert answer(road, unknown) == (Verdict.CONTRADICTED, Reason.NOT_FOUND)

    @pytest.mark.parametrize(
        ("fault", "reason"),
        [
            (500, Reason.PORTAL_DOWN),
            (403, Reason.PORTAL_BLOCKED),
            (429, Reason.TOO_FREQUENT),
            ("系统维护中", Reason.PORTAL_DOWN),
            ("今日公告", Reason.PORTAL_CHANGED),
        ],
    )
    def test_no_fault_becomes_a_verdict(
        self, road: ShenzhenVerifier, invoice: Invoice, fault: Any, reason: Reason
    ) -> None:
        FAULTS.append(fault)
        assert answer(road, invoice) == (Verdict.UNDECIDED, reason)

    @pytest.mark.parametrize(
        "address",
        [
            None,
            "https://bcfp.shenzhen.chinatax.gov.cn.example.com/verify/scan?bill_num=1",
            "http://bcfp.shenzhen.chinatax.gov.cn/verify/scan?bill_num=1",
            "https://bcfp.shenzhen.chinatax.gov.cn:8443/verify/scan?bill_num=1",
            "file:///etc/passwd",
        ],
    )
    def test_only_the_bureaus_own_address_is_opened(
        self, road: ShenzhenVerifier, invoice: Invoice, address: str | None
    ) -> None:
        elsewhere = invoice.model_copy(update={"address": address})
        assert answer(road, elsewhere) == (Verdict.UNDECIDED, Reason.KEYS_INCOMPLETE)
