"""A submitter's list, failed files and better pictures in a real browser, at the desk and on a
phone."""

from __future__ import annotations

import datetime as dt
import os
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, Request, Route, expect
from sqlalchemy import update

from archive.actors import Role
from archive.records import Document, State
from tests.browsing import Site, Width, check, chromium, grave_faults, serving, visitor
from tests.helpers import load, sha256, xml
from tests.retaking import draw, hand_in_page, photo, unreadable
from tests.reviewing import LI, do
from worker import broker
from worker.notices import Notices
from worker.review.desk import ReviewDesk
from worker.review.rules import Action
from worker.settings import Settings

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

WIDTHS: tuple[Width, ...] = ("desk", "phone")
#: How many files a page keeps for after a reload.
KEPT = """new Promise((done) => {
    const opening = indexedDB.open("yanpiao", 1);
    opening.onsuccess = () => {
        const count = opening.result.transaction("files").objectStore("files").count();
        count.onsuccess = () => done(count.result);
    };
})"""
#: Every test hands in what no other did: one site serves them all.
SEEDS: dict[Width, int] = {"desk": 5, "phone": 6}


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    settings = Settings(data=tmp_path_factory.mktemp("retaking"))
    with broker.bundled(settings), serving(settings) as running:
        yield running


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as opened:
        yield opened


def _shot(page: Page, name: str) -> None:
    if folder := os.environ.get("SHOTS"):
        page.screenshot(path=f"{folder}/{name}.png", full_page=True)


@pytest.mark.parametrize("width", WIDTHS)
def test_a_better_picture_from_the_notice_to_the_new_timeline(
    site: Site, browser: Browser, tmp_path: Path, width: Width
) -> None:
    with visitor(browser, site, width) as guest:
        actor = guest.sign_in(Role.SUBMITTER)
        follower = Notices(site.services.database)
        follower.round()
        old = unreadable(site.services, actor, photo(SEEDS[width]))
        draw(site.services, old)
        follower.round()
        page = guest.visit("/notices")
        check(guest, page)
        _shot(page, f"notices-{width}")
        page.click(".notice-link")
        expect(page.locator("#retake-title")).to_have_text("看不清：发票号码")
        picture = page.locator(".cuts svg")
        expect(picture).to_be_visible()
        box = picture.bounding_box()
        assert box is not None
        assert box["height"] > 30
        check(guest, page)
        _shot(page, f"retake-{width}")
        better = tmp_path / "better.jpg"
        better.write_bytes(photo(10 + SEEDS[width]))
        page.set_input_files(".better input[type=file]", str(better))
        page.click(".better button")
        expect(page.locator(".timeline .before")).to_have_count(1)
        expect(page.locator(".timeline > .now")).to_contain_text("识读")
        check(guest, page)
        _shot(page, f"retaken-{width}")
        page.click(".timeline .before a")
        expect(page.locator(".notice")).to_contain_text("代替")
        _shot(page, f"replaced-{width}")
        page.goto(site.address + "/claims?show=closed")
        expect(page.locator(".own li")).to_have_count(1)
        check(guest, page)
        assert load(site.services, old).state == State.REJECTED


@pytest.mark.parametrize("how", ["the network goes away", "the page is reloaded"])
def test_a_better_picture_goes_on_where_it_broke_off(
    site: Site, browser: Browser, tmp_path: Path, how: str
) -> None:
    """The first piece arrives, the second does not; only what lacks is sent again."""
    better = tmp_path / "better.xml"
    better.write_bytes(xml(how * 150_000))
    with visitor(browser, site, "phone") as guest:
        actor = guest.sign_in(Role.SUBMITTER)
        old = unreadable(site.services, actor, xml(how))
        page = guest.visit(f"/claims/{old}")
        pieces: list[int] = []

        def cut(route: Route, request: Request) -> None:
            if request.method == "PATCH":
                pieces.append(int(request.headers["upload-offset"]))
                if len(pieces) == 2 and how == "the page is reloaded":
                    return  # hangs, as a dead network does
                if len(pieces) == 2:
                    guest.context.set_offline(True)
                    route.abort()
                    return
            route.continue_()

        page.route("**/api/transfers/*", cut)
        page.set_input_files(".better input[type=file]", str(better))
        page.click(".better button")
        if how == "the page is reloaded":
            expect(page.locator(".going")).to_contain_text(re.compile("正在上传 [1-9]"))
            expect(page.locator(".better progress")).to_be_visible()
            expect(page.locator(".better button")).to_be_disabled()
            assert grave_faults(page) == []
            _shot(page, "retake-going")
            while len(pieces) < 2:
                page.wait_for_timeout(20)
            page.reload()
        else:
            expect(page.locator(".going")).to_contain_text("网络中断")
            _shot(page, "retake-broken")
            guest.context.set_offline(False)
        page.wait_for_url(lambda address: not address.endswith(old), timeout=60_000)
        new = page.url.rpartition("/")[2]
        assert load(site.services, new).sha256 == sha256(better.read_bytes())
        assert load(site.services, old).reason == "replaced"
        assert pieces.count(0) == 1, "the first piece went up twice"
        assert page.evaluate(KEPT) == 0, "what has come waits in the browser no more"


@pytest.mark.parametrize("width", WIDTHS)
def test_a_rejection_is_put_away(site: Site, browser: Browser, width: Width) -> None:
    with visitor(browser, site, width) as guest:
        actor = guest.sign_in(Role.SUBMITTER)
        document_id = unreadable(site.services, actor, photo(60 + SEEDS[width]))
        wish = {"reason": "reject_not_ours"}
        do(ReviewDesk(site.services), LI, document_id, Action.REJECT, **wish)
        page = guest.visit("/claims?show=todo")
        expect(page.locator(".chips [aria-current]")).to_contain_text("需要我处理 1")
        page.click(".own-link")
        expect(page.locator("#rejected-title")).to_be_visible()
        check(guest, page)
        _shot(page, f"rejected-{width}")
        page.click("text=知道了，收起")
        expect(page.locator(".page-head .state")).to_have_text("已退回，已收起")
        check(guest, page)
        _shot(page, f"put-away-{width}")
        page.click(".back a")
        expect(page.locator(".chips")).to_contain_text("需要我处理 0")
        expect(page.locator(".chips")).to_contain_text("已了结 1")
        check(guest, page)


def test_a_failed_file_says_why_and_takes_another(
    site: Site, browser: Browser, tmp_path: Path
) -> None:
    with visitor(browser, site, "phone") as guest:
        actor = guest.sign_in(Role.SUBMITTER)
        old = hand_in_page(site.services, actor, b"", "空白.pdf")
        page = guest.visit(f"/claims/{old}")
        expect(page.locator("#retake-title")).to_contain_text("空")
        check(guest, page)
        _shot(page, "failed-phone")
        wrong = tmp_path / "note.txt"
        wrong.write_text("nothing")
        page.set_input_files(".better input[type=file]", str(wrong))
        page.click(".better button")
        expect(page.locator(".timeline .before")).to_have_count(1)
        expect(page.locator("#retake-title")).to_be_visible()  # no better: it asks again
        right = tmp_path / "right.xml"
        right.write_bytes(xml("right"))
        page.set_input_files(".better input[type=file]", str(right))
        page.click(".better button")
        expect(page.locator(".timeline .before")).to_have_count(2)
        expect(page.locator(".retake")).to_have_count(0)
        check(guest, page)
        # The very same file again is refused on the page itself.
        page.goto(f"{site.address}/claims/{old}")
        expect(page.locator(".retake")).to_have_count(0)


def test_without_a_script_it_works_too(site: Site, browser: Browser, tmp_path: Path) -> None:
    better = tmp_path / "better.xml"
    better.write_bytes(xml("better"))
    with visitor(browser, site, "phone") as guest:
        actor = guest.sign_in(Role.SUBMITTER)
        old = unreadable(site.services, actor, photo(21))
        context = browser.new_context(java_script_enabled=False)
        context.add_cookies(guest.context.cookies())  # type: ignore[arg-type]
        page = context.new_page()
        page.goto(f"{site.address}/claims/{old}")
        page.set_input_files(".better input[type=file]", str(better))
        page.click(".better button")
        expect(page.locator(".timeline .before")).to_have_count(1)
        context.close()


@pytest.mark.parametrize("width", WIDTHS)
def test_the_own_list_is_narrowed_by_month_and_state(
    site: Site, browser: Browser, width: Width
) -> None:
    with visitor(browser, site, width) as guest:
        actor = guest.sign_in(Role.SUBMITTER)
        ids = [
            hand_in_page(
                site.services,
                actor,
                xml(f"{width}{n}") if n else width.encode(),
                f"办公用品{n}.xml",
            )
            for n in range(4)
        ]
        unreadable(site.services, actor, photo(30 + SEEDS[width]))
        with site.services.database.write() as session:
            session.execute(
                update(Document)
                .where(Document.id == ids[0])
                .values(received_at=dt.datetime(2026, 9, 3, tzinfo=dt.UTC))
            )
        page = guest.visit("/claims")
        expect(page.locator(".own li")).to_have_count(5)
        check(guest, page)
        _shot(page, f"claims-{width}")
        page.select_option("#month", "2026-09")
        expect(page.locator(".own li")).to_have_count(1)
        expect(page.locator(".chips [aria-current]")).to_contain_text("全部 1")
        check(guest, page)
        page.select_option("#month", "")
        expect(page.locator(".own li")).to_have_count(5)
        page.click(".chips a:has-text('需要我处理')")
        expect(page.locator(".own .todo")).to_have_count(2)
        expect(page.locator(".own li")).to_have_count(2)
        check(guest, page)
        page.goto(site.address + "/")
        expect(page.locator("form.upload")).to_have_count(0)
        page.click(".first .primary")
        page.wait_for_url("**/new")


@pytest.mark.parametrize("width", WIDTHS)
def test_notices_are_read_and_chosen(site: Site, browser: Browser, width: Width) -> None:
    with visitor(browser, site, width) as guest:
        actor = guest.sign_in(*Role)
        follower = Notices(site.services.database)
        follower.round()
        unreadable(site.services, actor, photo(40 + SEEDS[width]))
        follower.round()
        page = guest.visit("/notices")
        expect(page.locator(".notices .unread")).to_have_count(1)
        check(guest, page)
        page.click("text=全部标为已读")
        expect(page.locator(".notices .unread")).to_have_count(0)
        expect(page.locator("#bell .count")).to_be_hidden()
        page.uncheck("input[name=todo-app]")
        page.click("form[action='/notices/choices'] button")
        expect(page.locator(".notice.good")).to_have_text("已保存。")
        expect(page.locator("input[name=todo-app]")).not_to_be_checked()
        check(guest, page)
