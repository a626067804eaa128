"""The dashboard: its figures are those of the documents, and of one's own campuses only."""

from __future__ import annotations

import datetime as dt
import io
import re

import pytest
from sqlalchemy import update
from starlette.testclient import TestClient

from archive.actors import Role
from archive.noticing import Figures
from archive.records import Batch, Document, State, now
from tests.browsing import Width, check, chromium, serving, visitor
from tests.helpers import FixedReader, hand_in, invoice, sign_in, whole_road, xml
from web.charts import chart, round_up
from worker import broker
from worker.figures import MONTHS, bring_up_to_date, months_until, seconds_at, step_of
from worker.lanes import Lanes
from worker.pipeline import Pipeline
from worker.services import Services
from worker.settings import Settings


def fill(services: Services) -> None:
    """In 北: one archived, its bytes handed in twice; in 南: a second document of that invoice."""
    first = hand_in(services, xml("1")).document_id
    assert whole_road(services, first).state == State.ARCHIVED
    second = hand_in(services, xml("2")).document_id
    Pipeline(services).read(second, FixedReader(invoice()))
    batch = services.intake.open_batch("test")
    services.intake.accept(batch, "again.xml", io.BytesIO(xml("1")))
    with services.database.write() as session:
        session.execute(update(Document).where(Document.id == first).values(campus="北"))
        session.execute(update(Document).where(Document.id == second).values(campus="南"))
        session.execute(update(Batch).where(Batch.id == batch).values(campus="北"))


def kept(services: Services) -> dict[str, Figures]:
    with services.database.read() as session:
        return {row.campus: row for row in session.query(Figures)}


def test_months_count_back_over_the_new_year_by_chinas_calendar() -> None:
    months = months_until(dt.datetime(2026, 1, 31, 17, tzinfo=dt.UTC))
    assert (len(months), months[0], months[-1]) == (MONTHS, "2025-03", "2026-02")


def test_percentiles_come_within_a_step() -> None:
    steps: dict[str, int] = {}
    for seconds in range(1, 1001):
        steps[str(step_of(seconds))] = steps.get(str(step_of(seconds)), 0) + 1
    for share, true in ((0.5, 500), (0.95, 950)):
        assert seconds_at(steps, share) == pytest.approx(true, rel=0.05)
    assert seconds_at({}, 0.5) is None


def test_bars_reach_their_share_of_the_line() -> None:
    drawn = chart(["1", "2"], [[10, 5], [0, 15]], stacked=True)
    assert drawn.top == 20
    full = drawn.floor - drawn.ceiling
    assert [bar.height for bar in drawn.bars] == [full / 2, full / 4, full * 3 / 4]
    assert drawn.bars[2].y == drawn.ceiling
    assert [round_up(value) for value in (0, 1, 0.3, 21, 500)] == [1, 1, 0.5, 50, 500]


def test_figures_follow_the_documents(joined: Services) -> None:
    fill(joined)
    bring_up_to_date(joined.database)
    north, south = kept(joined)["北"], kept(joined)["南"]
    assert (north.received, north.by_itself, north.by_hand, north.duplicates) == (1, 1, 0, 1)
    assert (str(north.money_checked), str(north.money_stopped)) == ("113.00", "0")
    assert sum(north.durations.values()) == 1
    assert (south.received, south.in_review, south.duplicates) == (1, 1, 1)
    assert str(south.money_stopped) == "113.00"
    assert bring_up_to_date(joined.database) == [], "nothing changed since"
    hand_in(joined, xml("3"))
    assert bring_up_to_date(joined.database) == [months_until(now())[-1]]


def test_the_page_shows_the_campuses_one_works_in(web: TestClient, joined: Services) -> None:
    fill(joined)
    bring_up_to_date(joined.database)
    sign_in(web, Role.AUDITOR)
    page = web.get("/dashboard").text
    assert "北" in page
    assert "南" in page
    assert page.count('role="img"') == 3
    assert "拦下的重复" in page
    assert "不到 1 分钟" in page
    main = page.split("<main")[1].split("</main>")[0]
    assert re.findall(r"\{[^}]*\}|ui_dash_\w+", main) == [], "a sentence left unfilled"
    web.cookies.clear()
    sign_in(web, (Role.REVIEWER, "北"))
    page = web.get("/dashboard?campus=南").text
    assert "113.00" in page
    assert "南" not in page
    assert 'id="still"' not in page, "what waits in another campus"


def test_a_stopped_lane_stands_at_the_top(web: TestClient, joined: Services) -> None:
    sign_in(web, Role.ARCHIVIST)
    assert "已停" not in web.get("/dashboard").text
    Lanes(joined.database, str(joined.settings.portal_url)).stop("portal_blocked")
    assert "税务查验通道已停" in web.get("/dashboard").text


@pytest.mark.slow
@pytest.mark.timeout(200)
def test_both_widths_in_a_browser(settings: Settings) -> None:
    widths: tuple[Width, ...] = ("desk", "phone")
    with broker.bundled(settings), serving(settings) as site, chromium() as browser:
        fill(site.services)
        bring_up_to_date(site.services.database)
        for width in widths:
            with visitor(browser, site, width) as guest:
                guest.sign_in(Role.ADMIN)
                page = guest.visit("/dashboard")
                page.screenshot(path=settings.root / f"dashboard-{width}.png", full_page=True)
                page.locator("#by-month summary").click()
                assert page.locator("#by-month tbody tr").count() == MONTHS
                check(guest, page)
