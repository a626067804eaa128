"""Several tabs of one real Chromium: working ahead, renewed captchas, a lane that stops under
all of them, a person's own browser, the probe, and weather."""

from __future__ import annotations

import datetime as dt
import json
import threading
import urllib.request
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from playwright.sync_api import sync_playwright

from extractors.model import Invoice, Kind
from fixtures.portal import Clock, create_app, serving
from fixtures.portal.known import LAYOUTS
from tests.test_portal_standin import NORMAL, TODAY
from tests.test_verifiers_lane import DIGITAL, StandInDesk, as_read, kill_own_browser
from verifiers.model import CaptchaChallenge, Reason, Verdict, Verification
from verifiers.portal import page
from verifiers.portal.lane import PortalVerifier
from verifiers.portal.layout import load_layout
from verifiers.portal.manners import LocalManners
from verifiers.portal.probe import probe
from verifiers.portal.settings import PortalSettings

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]


def numbered(count: int, **changes: Any) -> list[dict[str, Any]]:
    """So many invoices that differ by their number."""
    return [
        {**DIGITAL, "invoice_number": f"2611200000012345{n:04}", **changes} for n in range(count)
    ]


@dataclass
class ScriptedDesk(StandInDesk):
    """A desk that does something before it answers, and may be sat at."""

    before: Callable[[CaptchaChallenge], str | None] = field(default=lambda _: "right")
    sat_at: bool = False
    withdrawn: list[CaptchaChallenge] = field(default_factory=list)
    gone: threading.Event = field(default_factory=threading.Event)

    def ask(self, challenge: CaptchaChallenge) -> str | None:
        if self.before(challenge) is None:
            self.seen.append(challenge)
            return None
        return super().ask(challenge)

    def withdraw(self, challenge: CaptchaChallenge) -> None:
        self.withdrawn.append(challenge)
        self.gone.set()

    def attended(self) -> bool:
        return self.sat_at


@dataclass
class Place:
    url: str
    clock: Clock
    manners: LocalManners

    def lane(self, **settings: Any) -> PortalVerifier:
        chosen = {"page_timeout": 15.0, "answer_timeout": 15.0, **settings}
        return PortalVerifier(PortalSettings(url=self.url, **chosen), self.clock, self.manners)

    def weather(self, **weather: Any) -> None:
        httpx.post(f"{self.url}/fixture/weather", json=weather).raise_for_status()

    def order(self, **faults: Any) -> None:
        httpx.post(f"{self.url}/fixture/faults", json=faults).raise_for_status()

    def visits(self) -> list[dict[str, str]]:
        return list(httpx.get(f"{self.url}/fixture/visits").json())


@pytest.fixture
def place() -> Iterator[Place]:
    clock = Clock(TODAY)
    app = create_app([NORMAL, *numbered(12)], clock, page_retry_seconds=0.2)
    with serving(app) as url:
        yield Place(url, clock, LocalManners(clock))


def verify_all(
    lane: PortalVerifier, invoices: list[Invoice], desk: StandInDesk
) -> list[Verification]:
    with ThreadPoolExecutor(len(invoices)) as threads:
        verify = lane.verify
        return list(
            threads.map(lambda one: verify(f"d{one[0]}", one[1], desk), enumerate(invoices))
        )


# -- working ahead ---------------------------------------------------------------------------


def test_as_many_captchas_stand_ready_as_there_are_tabs(place: Place) -> None:
    ready = threading.Barrier(3, timeout=120)
    desk = ScriptedDesk(place.url, place.clock, before=lambda _: str(ready.wait()))
    with place.lane(tabs=3) as lane:
        outcomes = verify_all(lane, [as_read(known) for known in numbered(6)], desk)
    assert {outcome.verdict for outcome in outcomes} == {Verdict.CONFIRMED}
    assert len({challenge.image_png for challenge in desk.seen}) == 6


def test_an_expired_captcha_is_renewed_while_somebody_is_there(place: Place) -> None:
    answers = iter([None, None, "right"])
    desk = ScriptedDesk(place.url, place.clock, before=lambda _: next(answers), sat_at=True)
    with place.lane() as lane:
        assert lane.verify("d", as_read(NORMAL), desk).verdict is Verdict.CONFIRMED
    assert len({challenge.image_png for challenge in desk.seen}) == 3
    assert desk.reports == [True]


def test_a_captcha_that_the_page_swaps_is_taken_back_and_shown_anew(place: Place) -> None:
    place.weather(faults=["swap"], rate=1.0)
    desk = ScriptedDesk(place.url, place.clock)
    # The first is answered only after it was taken back, as if typed too slowly.
    desk.before = lambda _: "right" if desk.gone.wait(60) else None
    with place.lane() as lane:
        outcome = lane.verify("d", as_read(NORMAL), desk)
    assert outcome.verdict is Verdict.CONFIRMED
    assert desk.reports == [True]
    assert len(desk.withdrawn) == 1
    assert [visit["code"] for visit in place.visits() if visit["what"] == "query"] == ["001"]


def test_a_block_in_one_tab_stops_the_others_before_they_ask(place: Place) -> None:
    ready, blocked = threading.Barrier(3, timeout=120), threading.Event()

    def before(challenge: CaptchaChallenge) -> str | None:
        ready.wait()
        if challenge.document_id != "d0":
            blocked.wait(60)  # these people are still typing when the portal blocks
        return "right"

    desk = ScriptedDesk(place.url, place.clock, before=before)
    place.order(next=["020"])
    with place.lane(tabs=3) as lane:
        outcomes = verify_all(lane, [as_read(known) for known in numbered(3)], desk)
        blocked.set()
    assert {outcome.reason for outcome in outcomes} == {Reason.PORTAL_BLOCKED}
    assert place.manners.stopped() is Reason.PORTAL_BLOCKED
    assert len([visit for visit in place.visits() if visit["what"] == "query"]) == 1
    assert len(desk.withdrawn) == 2


def test_our_own_limits_hold_visits_back(place: Place) -> None:
    place.manners = LocalManners(place.clock, per_day=1)
    desk = StandInDesk(place.url, place.clock)
    with place.lane() as lane:
        assert lane.verify("d", as_read(NORMAL), desk).verdict is Verdict.CONFIRMED
        held = lane.verify("d", as_read(DIGITAL), desk)
    assert (held.verdict, held.reason) == (Verdict.UNDECIDED, Reason.DAY_FULL)
    assert held.retry_at == dt.datetime(2026, 11, 22, 16, 10, tzinfo=dt.UTC)
    assert len(desk.seen) == 1


# -- what the portal shows -------------------------------------------------------------------


#: An invoice code of each kind that bears one; the others have a number of 20 digits.
CODES = {
    Kind.VAT_SPECIAL: "1100201130",
    Kind.VEHICLE: "111002020011",
    Kind.VAT_NORMAL: "011002000104",
    Kind.VAT_ELECTRONIC_SPECIAL: "011002000113",
    Kind.VAT_ELECTRONIC_NORMAL: "011002000111",
    Kind.VAT_ROLL: "011002000106",
    Kind.VAT_TOLL: "011002000112",
    Kind.USED_VEHICLE: "011002000117",
    Kind.DIGITAL_PAPER_SPECIAL: "3300231130",
    Kind.DIGITAL_PAPER_NORMAL: "033002300104",
}


def of_kind(kind: Kind) -> dict[str, Any]:
    number = "87654321" if kind in CODES else f"26112000000{list(LAYOUTS).index(kind):09}"
    lines = [] if kind in (Kind.VEHICLE, Kind.USED_VEHICLE) else NORMAL["lines"]
    changes = {"kind": kind.value, "invoice_code": CODES.get(kind), "lines": lines}
    if kind in (Kind.DIGITAL_PAPER_SPECIAL, Kind.DIGITAL_PAPER_NORMAL):
        changes |= {"check_code": None, "extra": {"digital_number": "26332000000123456789"}}
    return {**NORMAL, **changes, "invoice_number": number}


def test_the_result_of_every_kind_is_parsed_and_compared(place: Place) -> None:
    """普 专 电子 卷 通行费 机动车 二手车 数电 数电纸 铁路 航空, each as the portal shows it."""
    known = [of_kind(kind) for kind in LAYOUTS]
    httpx.post(f"{place.url}/fixture/known", json=known).raise_for_status()
    desk = StandInDesk(place.url, place.clock)
    with place.lane(tabs=3) as lane:
        outcomes = verify_all(lane, [as_read(one) for one in known], desk)
        fakes = [as_read({**one, "seller_name": "杭州冒名有限公司"}) for one in known]
        altered = verify_all(lane, fakes, desk)
    for one, outcome in zip(known, outcomes, strict=True):
        assert outcome.verdict is Verdict.CONFIRMED, (one["kind"], outcome)
        shown = outcome.portal_values
        assert shown is not None
        for name in ("invoice_number", "seller_name", "seller_tax_id", "buyer_name"):
            assert getattr(shown, name) == one[name], (one["kind"], name)
        assert shown.invoice_code == one["invoice_code"]
        assert shown.issue_date == dt.date(2026, 11, 2)
        assert shown.total_with_tax == Decimal(one["total_with_tax"]), one["kind"]
        assert len(shown.lines) == len(one["lines"]), one["kind"]
        assert outcome.layout == load_layout().version
    assert {outcome.reason for outcome in altered} == {Reason.MISMATCH}


def test_a_result_window_that_never_arrives_is_an_outage(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its document stalls on the way: no look at it comes back, and the visit ends all the same."""
    monkeypatch.setattr(page, "_FILL_SECONDS", 2.0)
    monkeypatch.setattr(page, "_FRAME_SECONDS", 0.5)
    place.weather(seed=1, rate=1.0, faults=["stall"])
    with place.lane() as lane:
        outcome = lane.verify("d", as_read(NORMAL), StandInDesk(place.url, place.clock))
        assert (outcome.verdict, outcome.reason) == (Verdict.UNDECIDED, Reason.PORTAL_DOWN)
        assert outcome.retry_at is not None
        place.weather(seed=1, rate=0.0)
        after = lane.verify("d", as_read(NORMAL), StandInDesk(place.url, place.clock))
    assert after.verdict is Verdict.CONFIRMED


# -- a person's own browser --------------------------------------------------------------------


def tabs_of(own_browser: str) -> list[str]:
    address = own_browser.replace("ws://", "http://").partition("/devtools")[0]
    with urllib.request.urlopen(f"{address}/json/list") as reply:  # noqa: S310 - loopback
        return [tab["url"] for tab in json.load(reply) if tab["type"] == "page"]


def test_what_a_person_types_in_the_page_counts_when_it_is_first(
    place: Place, own_browser: str
) -> None:
    desk = ScriptedDesk(place.url, place.clock)
    over = threading.Event()

    def type_in_the_page(challenge: CaptchaChallenge) -> str | None:
        answer = StandInDesk(place.url, place.clock).ask(challenge)
        with sync_playwright() as playwright:
            browser = playwright.chromium.connect_over_cdp(own_browser)
            page = next(one for one in browser.contexts[0].pages if place.url in one.url)
            page.locator("#yzm").click()
            page.keyboard.type(str(answer))
            # Chinese characters arrive without the keyup that an input method's last key gives,
            # and the page shows its button only after one.
            page.keyboard.press("End")
            page.locator("#checkfp").click()
            over.wait(120)
        return None

    desk.before = type_in_the_page
    with place.lane(attach_url=own_browser) as lane:
        outcome = lane.verify("d", as_read(NORMAL), desk)
        over.set()
        assert outcome.verdict is Verdict.CONFIRMED, outcome
        assert desk.gone.is_set()
        assert desk.reports == []
        # At the desk it goes as well, in the same browser.
        desk.before = lambda _: "right"
        assert lane.verify("d", as_read(numbered(1)[0]), desk).verdict is Verdict.CONFIRMED


def test_a_block_leaves_the_persons_tab_as_it_stands(place: Place, own_browser: str) -> None:
    before = tabs_of(own_browser)
    place.order(captcha_next=["020"])
    with place.lane(attach_url=own_browser, tabs=2) as lane:
        outcome = lane.verify("d", as_read(NORMAL), StandInDesk(place.url, place.clock))
        assert outcome.reason is Reason.PORTAL_BLOCKED
    assert len(tabs_of(own_browser)) == len(before) + 1


# -- the probe -----------------------------------------------------------------------------------


def test_the_probe_finds_what_has_changed_and_asks_for_nothing(place: Place) -> None:
    settings = PortalSettings(url=place.url)
    assert [one for one in probe(settings) if not one.sound] == []
    place.order(rename={"kjjejy": "hint_v9"})
    assert [one.what for one in probe(settings) if not one.sound] == ["fourth_hint"]
    place.order(rename={"校验码后6位：": "新的标签："})
    assert {one.seen for one in probe(settings) if not one.sound} == {"新的标签："}
    place.order(status=500, target="page")
    assert [(one.what, one.sound) for one in probe(settings)] == [("page", False)]
    assert place.visits() == []


# -- faults ---------------------------------------------------------------------------------------


def test_an_untrusted_certificate_is_an_outage_and_nothing_is_typed(tmp_path: Path) -> None:
    clock = Clock(TODAY)
    desk = StandInDesk("", clock)
    with serving(create_app([NORMAL], clock), certificate=_self_signed(tmp_path)) as url:
        settings = PortalSettings(url=url)
        with PortalVerifier(settings, clock) as lane:
            outcome = lane.verify("d", as_read(NORMAL), desk)
    assert (outcome.verdict, outcome.reason) == (Verdict.UNDECIDED, Reason.PORTAL_DOWN)
    assert "CERT" in (outcome.portal_message or "")
    assert desk.seen == []


def _self_signed(folder: Path) -> tuple[Path, Path]:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "stand-in")])
    now = dt.datetime.now(dt.UTC)
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    files = folder / "certificate.pem", folder / "key.pem"
    files[0].write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    files[1].write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return files


#: What the portal looked up and counted.
_COUNTED = frozenset({"001", "006", "009", "002"})
_FAULTS = [
    *("slow", "500", "reset", "popup", "picker", "swap", "stall", "wrong", "expired"),
    *("busy", "timeout", "changed", "blocked"),
]


@pytest.mark.parametrize("seed", [1, 2])
def test_in_any_weather_every_document_ends_right(place: Place, seed: int) -> None:
    """Faults by chance, a desk that slips, a browser that is killed: what is decided is true,
    what is not has a next try, and no invoice is checked more than five times a day."""
    honest = [(as_read(known), Reason.CONSISTENT) for known in numbered(5)]
    known = numbered(12)
    cases = [
        *honest,
        (as_read(known[5], buyer_name="别的大学"), Reason.MISMATCH),
        (as_read({**known[6], "invoice_number": "26112000000199999999"}), Reason.NOT_FOUND),
        (as_read(known[7], total_with_tax="113.01"), Reason.INCONSISTENT),
    ]
    place.weather(seed=seed, rate=0.2, faults=_FAULTS, slow_seconds=1.0)
    asked = Counter[str]()

    def before(challenge: CaptchaChallenge) -> str | None:
        asked["captchas"] += 1
        if asked["captchas"] == 4:
            kill_own_browser()
        return None if asked["captchas"] % 7 == 0 else "right"

    desk = ScriptedDesk(place.url, place.clock, before=before, sat_at=True)
    left, ended = dict(enumerate(cases)), dict[int, Reason]()
    with place.lane(tabs=3, page_timeout=6.0, answer_timeout=8.0) as lane:
        for turn in range(12):
            if turn == 8:
                place.weather()  # the weather clears
            outcomes = verify_all(lane, [invoice for invoice, _ in left.values()], desk)
            for key, outcome in zip(list(left), outcomes, strict=True):
                if outcome.verdict is Verdict.UNDECIDED:
                    assert outcome.retry_at is not None, outcome
                    continue
                ended[key] = outcome.reason
                del left[key]
            if not left:
                break
            place.manners.resume()  # a person has looked
            place.clock.advance(dt.timedelta(hours=5))
    assert left == {}
    assert ended == {key: reason for key, (_, reason) in enumerate(cases)}
    checks = Counter(
        (visit["number"], visit["at"][:10])
        for visit in place.visits()
        if visit["what"] == "query" and visit["code"] in _COUNTED
    )
    assert max(checks.values()) <= 5
