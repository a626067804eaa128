"""A vendor's HTTP interface, asked over real TCP, and the order of roads."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from pydantic import HttpUrl

from extractors.model import Invoice, Kind, Line
from fixtures.portal.known import KnownInvoice
from fixtures.portal.serve import serving
from fixtures.vendor import KEY, create_app
from tests.test_verifiers_compare import invoice_of
from verifiers.model import CaptchaDesk, Reason, Verdict, Verification
from verifiers.policy import Road, Roads
from verifiers.routes import OpenRoad, RoutedVerifier
from verifiers.vendor import BadVendor, Vendor, VendorVerifier, load_vendor

PATTERN = Path(__file__).parent.parent / "fixtures" / "vendor" / "vendor.toml"
NUMBER = "26112000000123456789"
VALUES: dict[str, Any] = {
    "invoice_number": NUMBER,
    "issue_date": dt.date(2026, 11, 2),
    "buyer_name": "某某大学",
    "seller_name": "某某公司",
    "total_without_tax": Decimal("100.00"),
    "total_tax": Decimal("13.00"),
    "total_with_tax": Decimal("113.00"),
}
LINE = {"name": "*文具*笔", "amount": Decimal("100.00"), "tax": Decimal("13.00")}


def held(**changes: Any) -> KnownInvoice:
    facts = {
        name: f"{value}" if isinstance(value, Decimal) else value for name, value in VALUES.items()
    }
    line = {"name": "*文具*笔", "amount": "100.00", "rate": "13%", "tax": "13.00"}
    base = {"kind": Kind.DIGITAL_NORMAL, "lines": [line], **facts}
    return KnownInvoice.model_validate({**base, **changes})


def read(kind: Kind = Kind.DIGITAL_NORMAL, **changes: Any) -> Invoice:
    values = {**VALUES, "lines": (Line.model_validate(LINE),), **changes}
    return invoice_of(**values).model_copy(update={"kind": kind})


class NoDesk:
    """A desk at which nobody sits: a vendor needs no captcha."""

    def ask(self, challenge: object) -> str | None:
        raise AssertionError("a vendor's road needs no captcha")

    def withdraw(self, challenge: object) -> None:
        raise AssertionError("a vendor asks for no captcha")

    def attended(self) -> bool:
        return False

    def report(self, challenge: object, accepted: bool) -> None:
        raise AssertionError


DESK: CaptchaDesk = NoDesk()
FAULTS: list[Any] = []
KEYS = {"YANPIAO_VENDOR_KEY": KEY}


@pytest.fixture
def address() -> Iterator[str]:
    FAULTS.clear()
    known = [held(), held(invoice_number="26112000000000000001", status="void")]
    with serving(create_app(known, FAULTS)) as url:
        yield url


@pytest.fixture
def road(address: str) -> Iterator[VendorVerifier]:
    opened = VendorVerifier(described(address), environment=KEYS)
    yield opened
    opened.close()


def described(address: str, **changes: Any) -> Vendor:
    update = {"url": HttpUrl(f"{address}/verify"), **changes}
    return load_vendor(PATTERN).model_copy(update=update)


def asked(road: VendorVerifier, invoice: Invoice) -> tuple[Verdict, Reason]:
    answer = road.verify("d1", invoice, DESK)
    assert (answer.verdict is Verdict.UNDECIDED) == (answer.portal_values is None) or (
        answer.verdict is Verdict.CONTRADICTED
    )
    return answer.verdict, answer.reason


def test_the_same_is_confirmed_with_the_answer_as_evidence(road: VendorVerifier) -> None:
    answer = road.verify("d1", read(), DESK)
    assert (answer.verdict, answer.reason) == (Verdict.CONFIRMED, Reason.CONSISTENT)
    assert answer.findings == ()
    assert {each.field for each in answer.compared} >= {"buyer_name", "total_with_tax", "lines"}
    [proof] = answer.evidence
    assert NUMBER.encode() in proof.content
    assert answer.portal_time == "2026-11-22 10:00:00"


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"buyer_name": "某某学院"}, (Verdict.CONTRADICTED, Reason.MISMATCH)),
        ({"total_with_tax": Decimal("1130.00")}, (Verdict.CONTRADICTED, Reason.INCONSISTENT)),
        ({"issue_date": dt.date(2026, 11, 3)}, (Verdict.CONTRADICTED, Reason.INCONSISTENT)),
        ({"invoice_number": "26112000000123456780"}, (Verdict.CONTRADICTED, Reason.NOT_FOUND)),
        ({"invoice_number": "26112000000000000001"}, (Verdict.CONTRADICTED, Reason.VOIDED)),
        ({"issue_date": None}, (Verdict.UNDECIDED, Reason.KEYS_INCOMPLETE)),
        ({"kind": Kind.TAXI}, (Verdict.UNDECIDED, Reason.NOT_COVERED)),
    ],
)
def test_every_answer_has_its_verdict(
    road: VendorVerifier, changes: dict[str, Any], expected: tuple[Verdict, Reason]
) -> None:
    assert asked(road, read(**changes)) == expected


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        (500, Reason.PORTAL_DOWN),
        (503, Reason.PORTAL_DOWN),
        (401, Reason.PORTAL_BLOCKED),
        (403, Reason.PORTAL_BLOCKED),
        (429, Reason.TOO_FREQUENT),
        (302, Reason.PORTAL_CHANGED),
        (404, Reason.PORTAL_CHANGED),
        ({}, Reason.PORTAL_CHANGED),
        ({"code": "7777"}, Reason.PORTAL_CHANGED),
        ({"code": "0000", "data": {}}, Reason.PORTAL_CHANGED),
        ({"code": "0000", "data": {"fphm": "26112000000123456780"}}, Reason.PORTAL_CHANGED),
        ({"code": "0000", "data": {"fphm": NUMBER, "jshj": "viel"}}, Reason.PORTAL_CHANGED),
        ({"code": "0000", "data": {"fphm": NUMBER, "mx": [{"je": "1"}]}}, Reason.PORTAL_CHANGED),
        ("no object at all", Reason.PORTAL_CHANGED),
        ({"code": "1010"}, Reason.PORTAL_DOWN),
        ({"code": "1002"}, Reason.DAILY_LIMIT),
        ({"code": "0000", "data": {"x": "y" * 3_000_000}}, Reason.PORTAL_CHANGED),
    ],
)
def test_no_fault_becomes_a_verdict(road: VendorVerifier, fault: Any, reason: Reason) -> None:
    FAULTS.append(fault)
    answer = road.verify("d1", read(), DESK)
    assert (answer.verdict, answer.reason) == (Verdict.UNDECIDED, reason)
    assert answer.retry_at is not None


def test_a_slow_or_absent_vendor_is_down(address: str) -> None:
    FAULTS.append(1.0)
    slow = VendorVerifier(described(address, seconds=0.2), environment=KEYS)
    assert asked(slow, read()) == (Verdict.UNDECIDED, Reason.PORTAL_DOWN)
    gone = VendorVerifier(described("http://127.0.0.1:9"), environment=KEYS)
    assert asked(gone, read()) == (Verdict.UNDECIDED, Reason.PORTAL_DOWN)


def test_without_its_key_the_vendor_lets_nobody_in(address: str) -> None:
    with pytest.raises(BadVendor):
        VendorVerifier(described(address), environment={})
    stranger = VendorVerifier(described(address), environment={"YANPIAO_VENDOR_KEY": "guess"})
    assert asked(stranger, read()) == (Verdict.UNDECIDED, Reason.PORTAL_BLOCKED)


@pytest.mark.parametrize(
    ("old", "new", "named"),
    [
        ("http://127.0.0.1:8099", "http://vendor.example", "https"),
        ("{fourth}", "{captcha}", "captcha"),
        ('invoice_number = "data.fphm"', "", "does not name its invoice"),
        ('buyer_name = "data.gfmc"', 'buyer = "data.gfmc"', "buyer"),
        ('"data.gfmc"', '"data..["', "not a path"),
        ('"not_found"', '"gone"', "answer.codes"),
        ("[answer]", "[answer", "not TOML"),
    ],
)
def test_a_faulty_description_is_refused(tmp_path: Path, old: str, new: str, named: str) -> None:
    text = PATTERN.read_text("utf-8")
    assert old in text
    path = tmp_path / "vendor.toml"
    path.write_text(text.replace(old, new), "utf-8")
    with pytest.raises(BadVendor) as raised:
        load_vendor(path)
    assert named in raised.value.message()


CONFIRMED = (Verdict.CONFIRMED, Reason.CONSISTENT)


class Said:
    """A road that always says the same."""

    def __init__(self, verdict: Verdict, reason: Reason, minutes: int | None = None) -> None:
        now = dt.datetime(2026, 11, 22, 2, tzinfo=dt.UTC)
        later = now + dt.timedelta(minutes=minutes) if minutes is not None else None
        self.answer = Verification(verdict=verdict, reason=reason, retry_at=later)
        self.asked = 0

    def verify(self, _document_id: str, _invoice: Invoice, _desk: CaptchaDesk) -> Verification:
        self.asked += 1
        return self.answer


def routed(**roads: Said) -> RoutedVerifier:
    """The roads by name, all usual, in the order given."""
    order = tuple(Road(name) for name in roads)
    opened = {Road(name): OpenRoad(f"the {name}", road) for name, road in roads.items()}
    return RoutedVerifier(Roads(usual=order, by_kind={}), opened)


def test_a_road_out_of_order_gives_way_and_one_that_spoke_does_not() -> None:
    down = Said(Verdict.UNDECIDED, Reason.PORTAL_DOWN, 5)
    good = Said(Verdict.CONFIRMED, Reason.CONSISTENT)
    answer = routed(portal=down, vendor=good).verify("d", read(), DESK)
    assert (answer.verdict, answer.road) == (Verdict.CONFIRMED, "the vendor")
    for reason in (Reason.NOT_FOUND, Reason.MISMATCH, Reason.VOIDED):
        bad, other = Said(Verdict.CONTRADICTED, reason), Said(Verdict.CONFIRMED, Reason.CONSISTENT)
        assert routed(portal=bad, vendor=other).verify("d", read(), DESK).reason is reason
        assert other.asked == 0


def test_what_waits_for_a_person_or_a_day_gives_no_way() -> None:
    for reason in (Reason.SAME_DAY, Reason.CAPTCHA_UNANSWERED, Reason.KEYS_INCOMPLETE):
        other = Said(Verdict.CONFIRMED, Reason.CONSISTENT)
        waiting = Said(Verdict.UNDECIDED, reason, 60)
        assert routed(portal=waiting, vendor=other).verify("d", read(), DESK).reason is reason
        assert other.asked == 0


def test_when_all_are_out_of_order_the_soonest_counts() -> None:
    roads = routed(
        portal=Said(Verdict.UNDECIDED, Reason.PORTAL_BLOCKED, 60),
        vendor=Said(Verdict.UNDECIDED, Reason.PORTAL_DOWN, 5),
        shenzhen=Said(Verdict.UNDECIDED, Reason.NOT_COVERED),
    )
    assert roads.verify("d", read(), DESK).reason is Reason.PORTAL_DOWN


def test_roads_go_by_kind() -> None:
    usual, own = (Said(Verdict.CONFIRMED, Reason.CONSISTENT) for _ in range(2))
    order = Roads(by_kind={Kind.BLOCKCHAIN: (Road.SHENZHEN,), Kind.TAXI: ()})
    roads = RoutedVerifier(
        order, {Road.PORTAL: OpenRoad("p", usual), Road.SHENZHEN: OpenRoad("s", own)}
    )
    roads.verify("d", read(Kind.BLOCKCHAIN), DESK)
    assert (usual.asked, own.asked) == (0, 1)
    assert roads.verify("d", read(Kind.TAXI), DESK).reason is Reason.NOT_COVERED
    assert roads.needs_only(Road.PORTAL, Kind.DIGITAL_NORMAL)
    assert not roads.needs_only(Road.PORTAL, Kind.BLOCKCHAIN)


def test_a_road_that_is_not_open_is_told_at_the_start() -> None:
    with pytest.raises(ValueError, match="shenzhen"):
        RoutedVerifier(Roads(), {Road.PORTAL: OpenRoad("p", Said(*CONFIRMED))})
