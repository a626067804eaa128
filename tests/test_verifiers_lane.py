"""The portal lane in a real Chromium against the stand-in over real TCP."""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import httpx
import psutil
import pytest

from extractors.model import Field, Invoice, Kind, Source
from fixtures.portal import Clock, create_app, serving
from tests.test_portal_standin import NORMAL, TODAY, Visitor
from verifiers.errors import BrowserMissing
from verifiers.model import CaptchaChallenge, Reason, Verdict, Verification
from verifiers.portal.lane import PortalVerifier
from verifiers.portal.manners import LocalManners
from verifiers.portal.settings import PortalSettings

pytestmark = pytest.mark.slow

DIGITAL: dict[str, Any] = {
    **NORMAL,
    "kind": "电子发票（普通发票）",
    "invoice_code": None,
    "check_code": None,
    "invoice_number": "26112000000123456789",
}
SPECIAL: dict[str, Any] = {**NORMAL, "kind": "增值税专用发票", "invoice_code": "1100201130"}
USED_CAR: dict[str, Any] = {
    **NORMAL,
    "kind": "二手车销售统一发票",
    "invoice_code": "011002000117",
    "lines": [],
}
#: Next day, ten past midnight in China, as UTC.
TOMORROW = dt.datetime(2026, 11, 22, 16, 10, tzinfo=dt.UTC)


def read(value: object) -> Field[object]:
    return Field[object](value=value, raw=str(value), source=Source.PDF_TEXT, confidence=1.0)


def as_read(known: dict[str, Any], **changes: Any) -> Invoice:
    """The invoice as a perfect reader gives it, with changes."""
    texts = {**known, **changes}
    names = ("invoice_code", "invoice_number", "check_code", "buyer_name", "seller_name")
    money = ("total_without_tax", "total_tax", "total_with_tax")
    fields: dict[str, Any] = {name: read(texts[name]) for name in names if texts.get(name)}
    fields |= {name: read(Decimal(str(texts[name]))) for name in money if texts[name]}
    fields["issue_date"] = read(dt.date.fromisoformat(str(texts["issue_date"])))
    dumped = {
        name: value.model_dump() for name, value in fields.items() if isinstance(value, Field)
    }
    extra = {name: read(text).model_dump() for name, text in texts.get("extra", {}).items()}
    kind = Kind(str(texts["kind"]))
    return Invoice.model_validate({"kind": kind, **dumped, "extra": extra})


@dataclass
class StandInDesk:
    """A desk whose person looks the answers up at the stand-in, or slips as scripted."""

    url: str
    clock: Clock
    script: list[str] = field(default_factory=list)
    reports: list[bool] = field(default_factory=list)
    seen: list[CaptchaChallenge] = field(default_factory=list)

    def ask(self, challenge: CaptchaChallenge) -> str | None:
        self.seen.append(challenge)
        slip = self.script.pop(0) if self.script else "right"
        if slip == "nobody":
            return None
        if slip == "wrong":
            return "!!"
        if slip == "late":
            self.clock.advance(dt.timedelta(minutes=5))
        if slip == "crash":
            kill_own_browser()
        digest = hashlib.sha256(challenge.image_png).hexdigest()
        reply = httpx.get(f"{self.url}/fixture/captcha-answer", params={"sha256": digest})
        return str(reply.raise_for_status().json()["answer"])

    def withdraw(self, challenge: CaptchaChallenge) -> None:
        assert challenge in self.seen

    def attended(self) -> bool:
        return False

    def report(self, challenge: CaptchaChallenge, accepted: bool) -> None:
        assert challenge in self.seen
        self.reports.append(accepted)


def kill_own_browser() -> None:
    """Kill the browsers that this very test process started."""
    for child in psutil.Process().children(recursive=True):
        if "chrom" in child.name():
            child.kill()


@dataclass
class World:
    url: str
    clock: Clock
    lane: PortalVerifier
    manners: LocalManners
    desk: StandInDesk

    def verify(self, invoice: Invoice, *script: str) -> Verification:
        self.desk.script[:] = script
        return self.lane.verify("doc-1", invoice, self.desk)

    def order(self, **faults: Any) -> None:
        httpx.post(f"{self.url}/fixture/faults", json=faults).raise_for_status()

    def visits(self) -> int:
        return len(httpx.get(f"{self.url}/fixture/visits").json())


KNOWN: list[dict[str, Any]] = [NORMAL, DIGITAL, SPECIAL, USED_CAR]


@pytest.fixture
def world() -> Iterator[World]:
    clock = Clock(TODAY)
    app = create_app(KNOWN, clock, page_retry_seconds=0.2)
    with serving(app) as url:
        settings = PortalSettings(url=url, page_timeout=15, answer_timeout=15)
        manners = LocalManners(clock)
        with PortalVerifier(settings, clock, manners) as lane:
            yield World(url, clock, lane, manners, StandInDesk(url, clock))


@pytest.mark.parametrize("known", KNOWN, ids=lambda known: str(known["kind"]))
def test_found_and_consistent(world: World, known: dict[str, Any]) -> None:
    outcome = world.verify(as_read(known))
    assert (outcome.verdict, outcome.reason) == (Verdict.CONFIRMED, Reason.CONSISTENT)
    assert outcome.portal_code == "001"
    assert outcome.portal_count == 1
    assert outcome.portal_time is not None
    assert outcome.portal_time.startswith("2026-11-22")
    values = outcome.portal_values
    assert values is not None
    assert values.buyer_name == "某某大学"
    assert values.total_with_tax == Decimal("113.00")
    files = {item.name: item.content for item in outcome.evidence}
    assert files["result.png"].startswith(b"\x89PNG")
    assert files["result.pdf"].startswith(b"%PDF")
    assert world.desk.reports == [True]
    challenge = world.desk.seen[0]
    assert challenge.colour in {"all", "red", "yellow", "blue", "green"}
    assert "验证码" in challenge.instruction


def test_altered_name_is_a_mismatch(world: World) -> None:
    outcome = world.verify(as_read(NORMAL, buyer_name="别的大学"))
    assert (outcome.verdict, outcome.reason) == (Verdict.CONTRADICTED, Reason.MISMATCH)
    differing = [item.field for item in outcome.findings if item.code == "portal_differs"]
    assert differing == ["buyer_name"]


@pytest.mark.parametrize(("status", "reason"), [("void", "voided"), ("red", "red_offset")])
def test_void_and_red_are_contradicted(world: World, status: str, reason: str) -> None:
    httpx.post(f"{world.url}/fixture/known", json=[{**NORMAL, "status": status}])
    outcome = world.verify(as_read(NORMAL))
    assert (outcome.verdict, outcome.reason) == (Verdict.CONTRADICTED, Reason(reason))
    assert outcome.portal_values is not None
    assert outcome.portal_values.status_text


def test_words_of_a_void_in_the_remarks_are_no_void(world: World) -> None:
    remarks = "原发票作废重开 红冲"
    httpx.post(f"{world.url}/fixture/known", json=[{**NORMAL, "remarks": remarks}])
    assert world.verify(as_read(NORMAL)).verdict is Verdict.CONFIRMED


@pytest.mark.parametrize(
    ("changes", "reason", "code"),
    [
        ({"check_code": "01234567890123000000"}, Reason.INCONSISTENT, "006"),
        ({"invoice_number": "87654321"}, Reason.NOT_FOUND, "009"),
    ],
)
def test_failures_are_contradicted(
    world: World, changes: dict[str, Any], reason: Reason, code: str
) -> None:
    outcome = world.verify(as_read(NORMAL, **changes))
    assert (outcome.verdict, outcome.reason) == (Verdict.CONTRADICTED, reason)
    assert outcome.portal_code == code
    assert {item.name for item in outcome.evidence} == {"result.png", "result.pdf"}


def test_what_the_calendar_answers_costs_no_visit(world: World) -> None:
    same_day = world.verify(as_read(NORMAL, issue_date="2026-11-22"))
    assert (same_day.reason, same_day.retry_at) == (Reason.SAME_DAY, TOMORROW)
    old = world.verify(as_read(NORMAL, issue_date="2021-11-21"))
    assert (old.reason, old.retry_at) == (Reason.TOO_OLD, None)
    train = world.verify(as_read({**NORMAL, "kind": "火车票"}))
    assert train.reason is Reason.NOT_COVERED
    assert world.visits() == 0


def test_the_pages_label_decides_over_a_misread_kind(world: World) -> None:
    misread = as_read({**NORMAL, "kind": "增值税专用发票"})
    assert world.verify(misread).verdict is Verdict.CONFIRMED


def test_keys_that_the_page_refuses_wait_for_a_person(world: World) -> None:
    outcome = world.verify(as_read(NORMAL, invoice_code="011002000199"))
    assert (outcome.verdict, outcome.reason) == (Verdict.UNDECIDED, Reason.KEYS_INCOMPLETE)
    assert (outcome.portal_message, outcome.retry_at) == ("发票代码有误!", None)
    assert world.desk.seen == []
    assert world.manners.stopped() is None


def test_same_day_by_the_portals_own_word(world: World) -> None:
    world.order(next=["rqerr"])
    outcome = world.verify(as_read(NORMAL))
    assert (outcome.verdict, outcome.reason) == (Verdict.UNDECIDED, Reason.SAME_DAY)
    assert (outcome.portal_code, outcome.retry_at) == ("rqerr", TOMORROW)


def test_five_a_day(world: World) -> None:
    visitor = Visitor(world.url)
    for _ in range(5):
        httpx.post(f"{world.url}/fixture/clock", json={"advance_seconds": 3})
        assert visitor.check()["key1"] == "001"
    outcome = world.verify(as_read(NORMAL))
    assert (outcome.verdict, outcome.reason) == (Verdict.UNDECIDED, Reason.DAILY_LIMIT)
    assert (outcome.portal_code, outcome.retry_at) == ("002", TOMORROW)


def test_wrong_and_late_captchas_get_new_ones(world: World) -> None:
    outcome = world.verify(as_read(NORMAL), "wrong", "late", "right")
    assert outcome.verdict is Verdict.CONFIRMED
    assert world.desk.reports == [False, False, True]
    assert len({challenge.image_png for challenge in world.desk.seen}) == 3


def test_three_wrong_captchas_end_the_attempt(world: World) -> None:
    outcome = world.verify(as_read(NORMAL), "wrong", "wrong", "wrong")
    assert (outcome.verdict, outcome.reason) == (Verdict.UNDECIDED, Reason.CAPTCHA_REJECTED)
    assert outcome.retry_at is not None


def test_nobody_at_the_desk(world: World) -> None:
    outcome = world.verify(as_read(NORMAL), "nobody")
    assert (outcome.verdict, outcome.reason) == (Verdict.UNDECIDED, Reason.CAPTCHA_UNANSWERED)
    assert outcome.retry_at is not None
    assert world.manners.stopped() is None


def test_a_busy_portal_is_given_time(world: World) -> None:
    world.order(next=["016"])
    outcome = world.verify(as_read(NORMAL))
    assert (outcome.verdict, outcome.reason) == (Verdict.UNDECIDED, Reason.TOO_FREQUENT)
    assert outcome.portal_message == "服务器接收的请求太频繁，请稍后再试！"
    before = world.visits()
    held = world.verify(as_read(DIGITAL))
    assert (held.reason, held.retry_at) == (Reason.TOO_FREQUENT, world.manners.patience())
    assert world.visits() == before
    world.clock.advance(dt.timedelta(minutes=6))
    assert world.verify(as_read(DIGITAL)).verdict is Verdict.CONFIRMED
    assert world.manners.patience() is None


@pytest.mark.parametrize("place", ["next", "captcha_next"])
def test_a_block_stops_the_lane_until_a_person_reopens_it(world: World, place: str) -> None:
    world.order(**{place: ["020"]})
    outcome = world.verify(as_read(NORMAL))
    assert (outcome.verdict, outcome.reason) == (Verdict.UNDECIDED, Reason.PORTAL_BLOCKED)
    assert outcome.portal_code == "020"
    assert world.manners.stopped()
    before = world.visits()
    assert world.verify(as_read(DIGITAL)).reason is Reason.PORTAL_BLOCKED
    assert world.visits() == before
    world.manners.resume()
    assert world.verify(as_read(NORMAL)).verdict is Verdict.CONFIRMED


def test_a_refusing_server_stops_the_lane(world: World) -> None:
    world.order(status=403, target="page")
    assert world.verify(as_read(NORMAL)).reason is Reason.PORTAL_BLOCKED
    assert world.manners.stopped()


@pytest.mark.parametrize("target", ["page", "captcha", "query"])
def test_a_failing_server_is_an_outage(world: World, target: str) -> None:
    world.order(status=500, target=target)
    outcome = world.verify(as_read(NORMAL))
    assert (outcome.verdict, outcome.reason) == (Verdict.UNDECIDED, Reason.PORTAL_DOWN)
    assert outcome.retry_at is not None
    assert world.manners.stopped() is None
    httpx.delete(f"{world.url}/fixture/faults")
    assert world.verify(as_read(NORMAL)).verdict is Verdict.CONFIRMED


def test_a_portal_that_never_answers_is_an_outage(world: World) -> None:
    world.order(delay=600, target="query")
    outcome = world.verify(as_read(NORMAL))
    assert (outcome.verdict, outcome.reason) == (Verdict.UNDECIDED, Reason.PORTAL_DOWN)


def test_a_portal_that_is_away_is_an_outage() -> None:
    clock = Clock(TODAY)
    with serving(create_app([])) as url:
        pass
    with PortalVerifier(PortalSettings(url=url), clock) as lane:
        outcome = lane.verify("doc-1", as_read(NORMAL), StandInDesk(url, clock))
    assert (outcome.verdict, outcome.reason) == (Verdict.UNDECIDED, Reason.PORTAL_DOWN)


@pytest.mark.parametrize(
    "rename",
    [
        {"kjje": "amount_v9"},
        {"context": "label_v9"},
        {"dialog-body": "window_v9"},
        {"popup_container": "modal_v9"},
        {"cyjg": "outcome_v9"},
        {"开具金额(不含税)：": "新的标签：", "校验码后6位：": "新的标签："},
    ],
    ids=lambda rename: "+".join(rename),
)
def test_a_changed_page_is_a_developers_matter(world: World, rename: dict[str, str]) -> None:
    changes: dict[str, Any] = {"invoice_number": "87654321"} if "cyjg" in rename else {}
    faults = {"next": ["002"]} if "popup_container" in rename else {}
    world.order(rename=rename, **faults)
    outcome = world.verify(as_read(NORMAL, **changes))
    assert (outcome.verdict, outcome.reason) == (Verdict.UNDECIDED, Reason.PORTAL_CHANGED)
    assert world.manners.stopped()
    assert {item.name for item in outcome.evidence} == {"page.png", "page.html", "trace.zip"}


def test_a_browser_that_dies_is_an_outage_and_comes_back(world: World) -> None:
    outcome = world.verify(as_read(NORMAL), "crash")
    assert (outcome.verdict, outcome.reason) == (Verdict.UNDECIDED, Reason.PORTAL_DOWN)
    assert world.verify(as_read(NORMAL)).verdict is Verdict.CONFIRMED


def test_no_browser_is_said_plainly() -> None:
    settings = PortalSettings(url="http://127.0.0.1:9", chromium="no-such-browser")
    with PortalVerifier(settings, Clock(TODAY)) as lane, pytest.raises(BrowserMissing):
        lane.verify("doc-1", as_read(NORMAL), StandInDesk("", Clock(TODAY)))


def test_a_page_that_does_not_fetch_a_new_captcha_is_asked_by_a_click() -> None:
    clock = Clock(TODAY)
    with serving(create_app(KNOWN, clock, refresh_after_wrong=False)) as url:
        desk = StandInDesk(url, clock, script=["wrong", "right"])
        with PortalVerifier(PortalSettings(url=url), clock) as lane:
            assert lane.verify("doc-1", as_read(NORMAL), desk).verdict is Verdict.CONFIRMED
    assert desk.reports == [False, True]


def test_works_in_a_persons_own_browser_and_leaves_it_open(own_browser: str) -> None:
    clock = Clock(TODAY)
    with serving(create_app(KNOWN, clock)) as url:
        settings = PortalSettings(url=url, attach_url=own_browser)
        for known in (NORMAL, DIGITAL):
            # Twice, as two sessions: leaving the first must not have ended the browser.
            with PortalVerifier(settings, clock) as lane:
                outcome = lane.verify("doc-1", as_read(known), StandInDesk(url, clock))
            assert outcome.verdict is Verdict.CONFIRMED
