"""The captcha desk's page in real Chromium, with two people at once, and the portal behind it."""

from __future__ import annotations

import datetime as dt
import hashlib
import random
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager

import httpx
import pytest
from playwright.sync_api import Page, expect

from archive.actors import Role
from archive.records import now
from fixtures.portal import Clock, create_app, serving
from fixtures.portal.captcha import COLOURS, NAMES, Captcha, draw
from fixtures.posing import posing
from tests.browsing import Site, Width, check, chromium, visitor
from tests.browsing import serving as serving_site
from tests.test_portal_standin import NORMAL
from tests.test_verifiers_lane import as_read
from verifiers.model import CaptchaChallenge, Reason, Verification
from verifiers.portal.lane import PortalVerifier
from verifiers.portal.manners import LocalManners
from verifiers.portal.settings import PortalSettings
from worker import broker
from worker.captcha_desk import Posed, _text
from worker.services import Services
from worker.settings import Settings

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]


@pytest.fixture
def site(settings: Settings) -> Iterator[Site]:
    with broker.bundled(settings), serving_site(settings) as running:
        yield running


def _posed(
    services: Services, captchas: list[Captcha]
) -> AbstractContextManager[dict[str, str | None]]:
    """These captchas wait at the desk; what was answered, by `_id` of the picture."""
    challenges = (_challenge(one, 60 + number) for number, one in enumerate(captchas))
    return posing(services.desk, *challenges)


def _id(captcha: Captcha) -> str:
    return captcha.sha256[:24]


def _challenge(captcha: Captcha, seconds: float) -> CaptchaChallenge:
    return CaptchaChallenge(
        id=_id(captcha),
        document_id="d1",
        image_png=captcha.png,
        instruction="",
        colour=COLOURS[captcha.colour_number],
        expires_at=now() + dt.timedelta(seconds=seconds),
    )


def _captchas(many: int) -> list[Captcha]:
    source = random.Random(4)  # noqa: S311 - the pictures of a test
    return [draw(source) for _ in range(many)]


#: Keeps every picture that the page ever shows.
_REMEMBER = """window.seen = []; addEventListener('DOMContentLoaded', () => new MutationObserver(
    () => seen.push(document.getElementById('picture').src)
).observe(document.getElementById('picture'), {attributeFilter: ['src']}))"""
_DIGEST = """async (address) => Array.from(new Uint8Array(await crypto.subtle.digest('SHA-256',
    Uint8Array.from(atob(address.split(',')[1]), (one) => one.charCodeAt(0)))),
    (one) => one.toString(16).padStart(2, '0')).join('')"""


def _shown(page: Page) -> str:
    """The `_id` of the picture on the page."""
    digest: str = page.evaluate(_DIGEST, page.locator("#picture").get_attribute("src"))
    return digest[:24]


def _until(true: Callable[[], bool]) -> None:
    """Wait for something that comes within ten seconds."""
    deadline = time.monotonic() + 10
    while not true():
        assert time.monotonic() < deadline, "it did not come"
        time.sleep(0.02)


def test_two_people_type_and_never_see_the_same_one(site: Site) -> None:
    captchas = _captchas(8)
    right = {_id(one): one.answer for one in captchas}
    with (
        _posed(site.services, captchas) as answers,
        chromium() as browser,
        visitor(browser, site) as anna,
        visitor(browser, site, "phone") as berta,
    ):
        pages = []
        for person, role in ((anna, Role.REVIEWER), (berta, Role.ARCHIVIST)):
            person.sign_in(role)
            person.context.add_init_script(_REMEMBER)
            pages.append(person.visit("/captcha"))
        for page in pages:
            expect(page.locator("#desk")).to_be_visible()
        for _ in range(4):
            for page in pages:
                # Nothing is clicked: the field has the keys from the first captcha to the last.
                page.keyboard.type(right[shown := _shown(page)])
                page.keyboard.press("Enter")
                _until(lambda shown=shown: shown in answers)  # type: ignore[misc]
                expect(page.locator("#answer")).to_have_value("")
        for page in pages:
            expect(page.locator("#idle")).to_be_visible()
        assert answers == right
        seen = [set(page.evaluate("seen")) for page in pages]
        assert [len(one) for one in seen] == [4, 4]
        assert not seen[0] & seen[1]
        assert anna.complaints == berta.complaints == []


def test_the_reply_brings_the_next_one_and_the_keys_skip_and_renew(site: Site) -> None:
    captchas = _captchas(3)
    with (
        _posed(site.services, captchas) as answers,
        chromium() as browser,
        visitor(browser, site) as anna,
    ):
        anna.sign_in(Role.REVIEWER)
        page = anna.visit("/captcha")
        expect(page.locator("#desk")).to_be_visible()
        page.route("**/api/captcha/next*", lambda route: route.abort())
        expect(page.locator("#waiting")).to_have_text("3")
        first = _shown(page)
        page.keyboard.press("Escape")
        expect(page.locator("#message")).to_contain_text("已跳过")
        second = _shown(page)
        page.keyboard.press("F2")
        expect(page.locator("#waiting")).to_have_text("2")
        third = _shown(page)
        assert len({first, second, third}) == 3
        _until(lambda: second in answers)
        assert answers == {second: None}
        page.mouse.click(5, 500)
        page.keyboard.type("abc")
        page.keyboard.press("Enter")
        _until(lambda: third in answers)
        assert answers == {second: None, third: "abc"}
        expect(page.locator("#others")).to_be_visible()
        expect(page.locator("#announce")).to_contain_text("其他人")


@pytest.mark.parametrize("width", ["desk", "phone"])
def test_the_desk_is_fit_for_its_width(site: Site, width: Width) -> None:
    captchas = _captchas(1)
    with (
        _posed(site.services, captchas),
        chromium() as browser,
        visitor(browser, site, width) as anna,
    ):
        anna.sign_in(Role.REVIEWER)
        page = anna.visit("/captcha")
        expect(page.locator("#desk")).to_be_visible()
        check(anna, page)
        expect(page.locator("#answer")).to_be_focused()
        colour = NAMES.get(COLOURS[captchas[0].colour_number], "全部")
        expect(page.locator("#ask")).to_contain_text(colour)
        expect(page.locator("#announce")).to_contain_text(colour)
        size = "parseFloat(getComputedStyle(document.getElementById('answer')).fontSize)"
        assert page.evaluate(size) >= 16
        low = """[...document.querySelectorAll('#desk button, #desk input')]
            .map((one) => one.getBoundingClientRect()).filter((box) => box.height < 44).length"""
        assert page.evaluate(low) == 0
        box, field = page.locator("#picture").bounding_box(), page.locator("#answer").bounding_box()
        assert box is not None
        assert field is not None
        assert box["width"] == pytest.approx(field["width"])
        assert box["width"] >= (300 if width == "phone" else 480)
        send = page.locator("#desk button[type=submit]").bounding_box()
        assert send is not None
        assert send["y"] + send["height"] < (844 - 56 if width == "phone" else 900)


def test_another_picture_comes_from_the_portal_and_counts_as_no_wrong_answer(
    services: Services,
) -> None:
    clock = Clock()
    pictures: list[bytes] = []
    outcome: list[Verification] = []
    with (
        serving(create_app([NORMAL], clock, page_retry_seconds=0.2)) as url,
        PortalVerifier(
            PortalSettings(url=url, page_timeout=15, answer_timeout=15), clock, LocalManners(clock)
        ) as lane,
    ):
        verifying = threading.Thread(
            target=lambda: outcome.append(lane.verify("d1", as_read(NORMAL), services.desk))
        )
        verifying.start()
        for _ in range(4):  # more often than a visit may answer wrongly
            posed = _given(services)
            pictures.append(posed.image_png)
            assert services.desk.renew(posed.id, "anna")
        posed = _given(services)
        pictures.append(posed.image_png)
        digest = hashlib.sha256(posed.image_png).hexdigest()
        reply = httpx.get(f"{url}/fixture/captcha-answer", params={"sha256": digest})
        assert services.desk.answer(posed.id, reply.json()["answer"], "anna")
        verifying.join(60)
    assert len(set(pictures)) == 5
    assert outcome[0].reason is Reason.CONSISTENT
    counts = services.redis.hgetall("yanpiao:captcha:counts")
    assert {_text(name): _text(value) for name, value in counts.items()} == {
        "renewed": "4",
        "accepted": "1",
    }


def _given(services: Services) -> Posed:
    deadline = time.monotonic() + 40
    while (posed := services.desk.next_for("anna")) is None:
        assert time.monotonic() < deadline, "no captcha came"
        time.sleep(0.05)
    return posed
