"""A reviewer's day in a real browser, at both widths: by key and by thumb."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest
from playwright.sync_api import Page

from archive.actors import Role
from archive.records import State
from tests.browsing import Site, Width, check, chromium, serving, visitor
from tests.helpers import load
from tests.reviewing import differing
from worker import broker
from worker.settings import Settings

_WIDTHS: tuple[Width, ...] = ("desk", "phone")
pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]


@pytest.fixture
def site(settings: Settings) -> Iterator[Site]:
    with broker.bundled(settings), serving(settings) as running:
        yield running


def press(page: Page, *keys: str) -> None:
    for key in keys:
        page.keyboard.press(key)


def pinched(page: Page) -> float:
    """How many times larger the picture is after two fingers moved apart on it."""
    viewer = page.locator(".viewer")
    viewer.scroll_into_view_if_needed()
    box = viewer.bounding_box()
    assert box is not None
    x, y = box["x"] + box["width"] / 2, box["y"] + min(60, box["height"] / 2)
    touch = page.context.new_cdp_session(page)
    for kind, apart in (("touchStart", 20), ("touchMove", 40), ("touchMove", 80), ("touchEnd", 0)):
        points = [{"x": x - apart, "y": y, "id": 0}, {"x": x + apart, "y": y, "id": 1}]
        touch.send(
            "Input.dispatchTouchEvent",
            {"type": kind, "touchPoints": points if kind != "touchEnd" else []},
        )
    shown = "new DOMMatrix(getComputedStyle(document.querySelector('.stage')).transform).a"
    # Asked from outside: the page's own policy forbids what Playwright would wait with inside it.
    scale = 1.0
    end = time.monotonic() + 30
    while scale <= 1.5 and time.monotonic() < end:
        scale = float(page.evaluate(shown))
    return scale


def test_three_cases_by_keyboard(site: Site) -> None:
    services = site.services
    ids = [differing(services, seed, "杭州云栖文化传播有限公司") for seed in (3, 6, 7)]
    with chromium() as browser, visitor(browser, site) as guest:
        guest.sign_in(Role.REVIEWER)
        page = guest.visit("/review")
        check(guest, page)
        press(page, "Enter")
        page.wait_for_url(f"**/review/{ids[0]}?*")
        page.wait_for_selector("rect.lit")
        assert page.get_attribute("rect.lit", "data-field") == "seller_name"
        check(guest, page)
        press(page, "j")
        assert page.get_attribute("tr.here", "data-field") != "seller_name"
        press(page, "k")
        assert page.get_attribute("tr.here", "data-field") == "seller_name"
        before = page.get_attribute(".stage", "style")
        press(page, "+")
        assert page.get_attribute(".stage", "style") != before
        press(page, "?")
        assert page.is_visible("#help")
        press(page, "Escape")
        # Two keys reject, and the next case is there.
        press(page, "x", "3")
        page.wait_for_url(f"**/review/{ids[1]}?*")
        assert load(services, ids[0]).reason == "reject_differs"
        # A correction: e, the value, Enter. Where reading was sure of everything, there is nothing
        # to confirm, and c opens the field too.
        page.wait_for_selector("tr.here[data-field=seller_name]")
        press(page, "c")
        assert page.evaluate("document.activeElement.name") == "value_seller_name"
        press(page, "Escape", "e")
        page.keyboard.insert_text("杭州云栖文化传播有限公司")
        press(page, "Enter")
        page.wait_for_url(f"**/review/{ids[2]}?*")
        document = load(services, ids[1])
        assert document.invoice is not None
        large = (document.invoice.total_with_tax or 0) > 10_000
        assert document.state == (State.IN_REVIEW if large else State.PASSED)
        # Taken back from the next case with one key.
        press(page, "u")
        page.wait_for_url(f"**/review/{ids[1]}?*")
        assert load(services, ids[1]).state == State.IN_REVIEW
        assert page.inner_text("tr[data-field=seller_name] td span") != "杭州云栖文化传播有限公司"
        # Words of one's own.
        page.goto(f"{site.address}/review/{ids[2]}")
        press(page, "x", "7")
        page.keyboard.insert_text("请补盖章")
        press(page, "Enter")
        page.wait_for_url(f"**/review/{ids[1]}?*")
        assert load(services, ids[2]).reason_params == {"text": "请补盖章"}
        assert guest.complaints == []


def test_a_case_by_thumb_and_without_scripts(site: Site) -> None:
    services = site.services
    first, second = (differing(services, seed, "另一家公司") for seed in (3, 6))
    with chromium() as browser:
        with visitor(browser, site, "phone", "dark") as guest:
            guest.sign_in(Role.REVIEWER)
            for path in ("/review", "/review?reason=mismatch", f"/review/{first}"):
                page = guest.visit(path)
                check(guest, page)
            assert pinched(page) > 1.5
            for button in page.locator(".deeds button:visible, .deeds summary:visible").all():
                box = button.bounding_box()
                assert box is not None
                assert box["height"] >= 44
            page.click(".deeds summary:has-text('退回')")
            page.click(".choice:has-text('不符合报销规定')")
            page.wait_for_url(f"**/review/{second}?*")
        assert load(services, first).state == State.REJECTED
        context = browser.new_context(java_script_enabled=False)
        with visitor(browser, site) as guest:
            guest.sign_in(Role.REVIEWER)
            context.add_cookies(guest.context.cookies())  # type: ignore[arg-type]
            page = context.new_page()
            page.goto(f"{site.address}/review/{second}")
            page.click("tr[data-field=seller_name] summary")
            page.fill("tr[data-field=seller_name] input", "另一家公司")
            page.click("button[form=confirm]")
            assert "已" in page.inner_text(".notice.done")
        context.close()


def test_office_pages_at_both_widths(site: Site) -> None:
    document_id = differing(site.services, 3, "另一家公司")
    number = load(site.services, document_id).invoice
    assert number is not None
    with chromium() as browser:
        for width in _WIDTHS:
            with visitor(browser, site, width) as guest:
                guest.sign_in(Role.REVIEWER, Role.AUDITOR)
                for path in ("/vouchers", "/vouchers/JZ-1", "/find", "/audit"):
                    page = guest.visit(path)
                    check(guest, page)
                page.click("text=核验整条链")
                page.wait_for_selector("text=审计链完整")
                page = guest.visit("/find")
                page.fill("input[name=q]", number.invoice_number or "")
                page.wait_for_selector(f"#found >> text={number.invoice_number}")
                check(guest, page)
