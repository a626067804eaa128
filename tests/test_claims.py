"""A submitter's pages in a real browser, at the desk and on a phone."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, Route, expect
from sqlalchemy import select, update

from archive.actors import Actor, Role
from archive.claiming import Transfer
from archive.records import Document, State
from tests.browsing import Site, Width, check, chromium, serving, visitor
from tests.helpers import FixedReader, invoice, sha256, whole_road, xml
from worker import broker
from worker.pipeline import Pipeline
from worker.settings import Settings

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

WIDTHS: tuple[Width, ...] = ("desk", "phone")


@pytest.fixture
def site(settings: Settings) -> Iterator[Site]:
    with broker.bundled(settings), serving(settings) as running:
        yield running


def _files(folder: Path, *names: str) -> list[str]:
    paths = []
    for name in names:
        path = folder / name
        path.write_bytes(xml(name * 50))
        paths.append(str(path))
    return paths


def _documents(site: Site) -> list[Document]:
    with site.services.database.read() as session:
        return list(session.scalars(select(Document).order_by(Document.id)))


def _hand_in(page: Page, paths: list[str]) -> None:
    page.set_input_files("#files", paths)
    expect(page.locator(".file")).to_have_count(len(paths))
    page.click("#send")


def _sent_one(site: Site, actor: Actor, page: Page, tmp_path: Path, name: str = "发票.xml") -> str:
    _hand_in(page, _files(tmp_path, name))
    expect(page.locator(".file.good")).to_have_count(1)
    return _documents(site)[-1].id


@pytest.mark.parametrize("width", WIDTHS)
def test_files_are_handed_in_and_followed(site: Site, tmp_path: Path, width: Width) -> None:
    with chromium() as browser, visitor(browser, site, width) as guest:
        guest.sign_in(Role.SUBMITTER)
        page = guest.visit("/new")
        check(guest, page)
        page.fill("#voucher", "JZ-1")
        _hand_in(page, _files(tmp_path, "a.xml", "b.xml", "c.xml"))
        expect(page.locator(".file.good")).to_have_count(3)
        expect(page.locator("#all")).to_contain_text("3")
        check(guest, page)
        assert {document.voucher_no for document in _documents(site)} == {"JZ-1"}
        page.locator(".file .open").first.click()
        expect(page.locator(".timeline > .now")).to_contain_text("识读")
        check(guest, page)
        page.goto(site.address + "/claims")
        expect(page.locator(".own li")).to_have_count(3)
        check(guest, page)


def test_the_same_file_is_noticed_before_it_is_sent(site: Site, tmp_path: Path) -> None:
    with chromium() as browser, visitor(browser, site, "phone") as guest:
        actor = guest.sign_in(Role.SUBMITTER)
        page = guest.visit("/new")
        _sent_one(site, actor, page, tmp_path)
        page = guest.visit("/new")
        page.set_input_files("#files", str(tmp_path / "发票.xml"))
        expect(page.locator(".file.warn .what")).to_contain_text("您以前提交过这个文件")
        expect(page.locator(".file .open")).to_be_visible()
        with site.services.database.read() as session:
            assert len(session.scalars(select(Transfer)).all()) == 1
        check(guest, page)


def test_a_lost_network_costs_only_time(site: Site, tmp_path: Path) -> None:
    path = tmp_path / "large.xml"
    path.write_bytes(xml("x" * 3_000_000))
    with chromium() as browser, visitor(browser, site, "phone") as guest:
        guest.sign_in(Role.SUBMITTER)
        page = guest.visit("/new")
        pieces: list[int] = []

        def count(route, request) -> None:  # type: ignore[no-untyped-def]
            if request.method == "PATCH":
                pieces.append(int(request.headers["upload-offset"]))
                if len(pieces) == 2:
                    guest.context.set_offline(True)
                    route.abort()
                    return
            route.continue_()

        page.route("**/api/transfers/*", count)
        _hand_in(page, [str(path)])
        expect(page.locator(".file.warn .what")).to_contain_text("网络中断")
        guest.context.set_offline(False)
        expect(page.locator(".file.good")).to_have_count(1, timeout=60_000)
        (document,) = _documents(site)
        assert document.sha256 == sha256(path.read_bytes())
        assert pieces.count(0) == 1, "the first piece went up twice"


def test_files_are_dropped_and_sent_though_the_network_is_away_as_they_begin(site: Site) -> None:
    with chromium() as browser, visitor(browser, site) as guest:
        guest.sign_in(Role.SUBMITTER)
        page = guest.visit("/new")
        dropped = page.evaluate_handle(
            """(content) => {
                const held = new DataTransfer();
                for (const name of ["a.xml", "b.xml"])
                    held.items.add(new File([content + name], name, { type: "text/xml" }));
                return held;
            }""",
            xml("dropped").decode(),
        )
        page.dispatch_event("#drop", "drop", {"dataTransfer": dropped})
        expect(page.locator(".file")).to_have_count(2)
        asked: list[str] = []

        def first_is_lost(route: Route) -> None:
            asked.append(route.request.url)
            if len(asked) == 1:
                route.abort()
            else:
                route.continue_()

        page.route("**/api/claims", first_is_lost)
        page.click("#send")
        expect(page.locator(".file.good")).to_have_count(2)
        assert len(_documents(site)) == 2
        assert len({document.voucher_no for document in _documents(site)}) == 1, "one claim"


def test_a_reload_goes_on_where_it_was(site: Site, tmp_path: Path) -> None:
    path = tmp_path / "large.xml"
    path.write_bytes(xml("y" * 3_000_000))
    with chromium() as browser, visitor(browser, site) as guest:
        guest.sign_in(Role.SUBMITTER)
        page = guest.visit("/new")
        seen: list[int] = []

        def stop_after_one(route, request) -> None:  # type: ignore[no-untyped-def]
            if request.method == "PATCH":
                seen.append(int(request.headers["upload-offset"]))
                if len(seen) > 1:
                    return  # hangs, as a dead network does
            route.continue_()

        page.route("**/api/transfers/*", stop_after_one)
        _hand_in(page, [str(path)])
        expect(page.locator(".file .what")).to_contain_text(re.compile("正在上传 [1-9]"))
        page.unroute("**/api/transfers/*")
        page.reload()
        expect(page.locator(".file.good")).to_have_count(1, timeout=60_000)
        (document,) = _documents(site)
        assert document.sha256 == sha256(path.read_bytes())


def test_the_way_moves_by_itself_and_says_what_to_do(site: Site, tmp_path: Path) -> None:
    with chromium() as browser, visitor(browser, site, "phone") as guest:
        actor = guest.sign_in(Role.SUBMITTER)
        document_id = _sent_one(site, actor, guest.visit("/new"), tmp_path)
        page = guest.visit(f"/claims/{document_id}")
        expect(page.locator(".timeline > .done")).to_have_count(1)
        Pipeline(site.services).read(document_id, FixedReader(invoice()))
        expect(page.locator(".timeline > .done")).to_have_count(2)
        whole_road(site.services, document_id)
        expect(page.locator(".timeline > .done")).to_have_count(5)
        check(guest, page)
        broken = tmp_path / "empty.pdf"
        broken.write_bytes(b"")
        page = guest.visit("/new")
        _hand_in(page, [str(broken)])
        expect(page.locator(".file.bad")).to_have_count(1)
        page.locator(".file .open").click()
        expect(page.locator(".retake")).to_contain_text("提交新图片")
        check(guest, page)
        page.goto(site.address + "/claims?show=todo")
        expect(page.locator(".own .todo")).to_have_count(1)
        check(guest, page)


@pytest.mark.parametrize("why", ["no such thing", "refused", "cut off"])
def test_without_a_stream_the_page_asks(site: Site, tmp_path: Path, why: str) -> None:
    """An old browser, a server with too many streams, a proxy that lets none through."""
    with chromium() as browser, visitor(browser, site) as guest:
        actor = guest.sign_in(Role.SUBMITTER)
        document_id = _sent_one(site, actor, guest.visit("/new"), tmp_path)
        page = guest.page()
        if why == "no such thing":
            page.add_init_script("delete window.EventSource")
        elif why == "refused":
            page.route("**/api/events", lambda route: route.fulfill(status=429))
        else:
            page.route("**/api/events", lambda route: route.abort())
        with page.expect_response("**/api/events/now", timeout=60_000):  # it asks by itself
            page.goto(f"{site.address}/claims/{document_id}")
        Pipeline(site.services).read(document_id, FixedReader(invoice()))
        expect(page.locator(".timeline > .done")).to_have_count(2, timeout=30_000)


def test_what_has_not_passed_can_be_taken_back(site: Site, tmp_path: Path) -> None:
    with chromium() as browser, visitor(browser, site, "phone") as guest:
        actor = guest.sign_in(Role.SUBMITTER)
        document_id = _sent_one(site, actor, guest.visit("/new"), tmp_path)
        page = guest.visit(f"/claims/{document_id}")
        page.click("[data-opens=withdraw]")
        check(guest, page)
        page.click("dialog button.danger")
        expect(page.locator(".notice")).to_contain_text("提交人已撤回")
        (document,) = _documents(site)
        assert (document.state, document.reason) == (State.REJECTED, "withdrawn")
        with site.services.database.write() as session:
            session.execute(update(Document).values(state=State.ARCHIVED))
        page.reload()
        expect(page.locator("[data-opens=withdraw]")).to_have_count(0)


def test_the_server_stops_soon_while_pages_listen(settings: Settings) -> None:
    with (
        broker.bundled(settings),
        chromium() as browser,
        serving(settings) as site,
        visitor(browser, site) as guest,
    ):
        guest.sign_in(Role.SUBMITTER)
        page = guest.visit("/claims")
        with page.expect_response("**/api/events"):
            page.reload()
        begun = time.monotonic()
        site.stop()
        assert time.monotonic() - begun < 3
