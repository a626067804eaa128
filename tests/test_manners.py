"""The manners that all workers share, on a real database and a real queue server; and how a
worker keeps several documents in hand."""

from __future__ import annotations

import datetime as dt
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from pydantic import ValidationError
from sqlalchemy import select, update
from typer.testing import CliRunner

from archive.records import Document, Lane, PortalCheck, State, now
from tests.helpers import (
    CONFIRMED,
    FixedReader,
    FixedVerifier,
    hand_in,
    invoice,
    load,
    undecided,
    visit,
    xml,
)
from verifiers.model import CaptchaChallenge, Evidence, PortalKeys, Reason, Verdict, Verification
from verifiers.portal.manners import LocalManners, Manners
from verifiers.portal.settings import PortalSettings
from worker.clock import Clock
from worker.lanes import Lanes
from worker.manners import SharedManners
from worker.pace import Pace
from worker.pipeline import Pipeline
from worker.portal_command import portal_app
from worker.services import Services
from worker.settings import Settings
from worker.tabs import Tabs
from worker.visit import Visit

KEYS = PortalKeys(
    invoice_code="011002000111",
    invoice_number="12345678",
    issue_date=dt.date(2026, 11, 2),
    fourth="654321",
)


@pytest.fixture
def manners(services: Services) -> SharedManners:
    return SharedManners(services)


def pace(services: Services, per_minute: int = 60, per_day: int = 1000) -> Pace:
    return Pace(services.database, services.redis, "p", per_minute=per_minute, per_day=per_day)


# -- an invoice's checks -------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["shared", "local"])
def test_an_invoice_has_five_checks_a_day(services: Services, kind: str) -> None:
    manners: Manners = SharedManners(services) if kind == "shared" else LocalManners()
    for left in range(5, 0, -1):
        assert manners.checks_left(KEYS) == left
        assert manners.begin_check(KEYS, "d1") is None
    assert manners.begin_check(KEYS, "d2") is Reason.DAILY_LIMIT
    other = KEYS.model_copy(update={"invoice_number": "87654321"})
    assert manners.begin_check(other, "d3") is None
    manners.uncount_check(KEYS)
    assert manners.checks_left(KEYS) == 1
    assert manners.begin_check(KEYS, "d1") is None
    assert manners.begin_check(KEYS, "d1") is Reason.DAILY_LIMIT


def test_racing_workers_never_get_a_sixth(services: Services, manners: SharedManners) -> None:
    start = threading.Barrier(8)

    def check(number: int) -> Reason | None:
        start.wait()
        return manners.begin_check(KEYS, f"d{number}")

    with ThreadPoolExecutor(8) as threads:
        granted = [reason is None for reason in threads.map(check, range(8))]
    assert sum(granted) == 5
    services.redis.flushall()
    assert SharedManners(services).checks_left(KEYS) == 0


def test_yesterdays_checks_do_not_count(services: Services, manners: SharedManners) -> None:
    for _ in range(5):
        manners.begin_check(KEYS, "d1")
    with services.database.write() as session:
        for row in session.scalars(select(PortalCheck)):
            row.day -= dt.timedelta(days=1)
    assert manners.checks_left(KEYS) == 5


# -- the pace ------------------------------------------------------------------------------


def test_so_many_a_minute_over_all_workers(services: Services) -> None:
    first, second = pace(services, per_minute=3), pace(services, per_minute=3)
    assert [one.turn() for one in (first, second, first)] == [dt.timedelta()] * 3
    wait = second.turn()
    assert wait is not None
    assert dt.timedelta(seconds=50) < wait <= dt.timedelta(minutes=1)


def test_no_wait_is_longer_than_the_minute_that_is_counted(services: Services) -> None:
    """A worker whose clock was days ahead dated the checks before the queue was wiped."""
    ours = pace(services, per_minute=1)
    ours.turn()
    log = "yanpiao:pace:p:minute"
    ahead = (dt.datetime.now(dt.UTC) + dt.timedelta(days=2)).timestamp() * 1000
    services.redis.zadd(log, {"astray": ahead})
    services.redis.zremrangebyrank(log, 0, 0)
    assert ours.turn() == dt.timedelta(minutes=1)


def test_so_many_a_day(services: Services) -> None:
    both = [pace(services, per_day=2), pace(services, per_day=2)]
    assert [one.turn() for one in both] == [dt.timedelta()] * 2
    assert both[0].turn() is None
    assert both[0].asked_today() == 2


def test_a_wiped_server_makes_nobody_faster(services: Services) -> None:
    with services.database.write() as session:
        session.add_all(
            PortalCheck(portal="p", invoice_key=f":{n}", day=_today(), ordinal=1, document_id="d")
            for n in range(3)
        )
    services.redis.flushall()
    wait = pace(services, per_minute=3).turn()
    assert wait is not None
    assert wait > dt.timedelta(seconds=30)
    services.redis.flushall()
    assert pace(services, per_day=3).turn() is None


def _today() -> dt.date:
    return now().astimezone(dt.timezone(dt.timedelta(hours=8))).date()


# -- the lane ------------------------------------------------------------------------------


def test_patience_is_shared_grows_and_survives_a_wiped_server(services: Services) -> None:
    ours, theirs = SharedManners(services), SharedManners(services)
    planned = now() + dt.timedelta(minutes=2)
    first = ours.back_off(planned)
    assert theirs.patience() == first == planned
    second = theirs.back_off(planned)
    assert second > first
    services.redis.flushall()
    assert ours.begin_check(KEYS, "d1") is Reason.TOO_FREQUENT
    ours.welcome()  # a visit that had begun before ends well: no reason to hurry
    assert ours.patience() == second
    with services.database.write() as session:
        session.execute(update(Lane).values(resume_at=now() - dt.timedelta(seconds=1)))
    ours.welcome()
    assert ours.patience() is None


def test_documents_keep_off_while_the_portal_wants_patience(services: Services) -> None:
    document_id = hand_in(services, xml()).document_id
    pipeline = Pipeline(services)
    pipeline.read(document_id, FixedReader(invoice()))
    lanes = Lanes(services.database, "http://portal.test/")
    until = lanes.back_off(now() + dt.timedelta(minutes=2))
    pipeline.verify(document_id, visit(CONFIRMED))
    document = load(services, document_id)
    assert (document.state, document.reason) == ("waiting", "too_frequent")
    assert (document.next_try_at, document.portal_tries) == (until, 0)


def test_a_stopped_lane_is_alarmed_once_and_resumed_for_what_waited(services: Services) -> None:
    document_id = hand_in(services, xml()).document_id
    pipeline = Pipeline(services)
    pipeline.read(document_id, FixedReader(invoice()))
    lanes = Lanes(services.database, "http://portal.test/")
    lanes.stop(Reason.PORTAL_CHANGED)
    lanes.stop(Reason.PORTAL_BLOCKED)
    assert lanes.stopped() is Reason.PORTAL_CHANGED
    pipeline.verify(document_id, visit(CONFIRMED))
    assert load(services, document_id).state == "waiting"
    lanes.resume("tester")
    pipeline.verify(document_id, visit(CONFIRMED))
    assert load(services, document_id).state == "passed"


# -- the desk ------------------------------------------------------------------------------


def _challenge(seconds: float = 60) -> CaptchaChallenge:
    return CaptchaChallenge(
        document_id="d1",
        image_png=b"png",
        instruction="请输入验证码文字",
        colour="all",
        expires_at=now() + dt.timedelta(seconds=seconds),
    )


def test_a_withdrawn_captcha_is_gone_at_once(services: Services) -> None:
    challenge, answers = _challenge(), list[str | None]()
    asking = threading.Thread(target=lambda: answers.append(services.desk.ask(challenge)))
    asking.start()
    while services.desk.next_for("anna") is None:
        pass
    services.desk.withdraw(challenge)
    asking.join()
    assert answers == [None]
    assert not services.desk.answer(challenge.id, "abc")
    assert services.desk.next_for("anna") is None


def test_nobody_is_given_a_captcha_that_is_about_to_expire(services: Services) -> None:
    asking = threading.Thread(target=services.desk.ask, args=(_challenge(seconds=3),))
    asking.start()
    while not services.desk.waiting():
        pass
    assert services.desk.next_for("anna") is None
    asking.join()


def test_what_found_nobody_at_the_desk_comes_back_when_somebody_sits_down(
    services: Services,
) -> None:
    document_id = hand_in(services, xml()).document_id
    pipeline = Pipeline(services)
    pipeline.read(document_id, FixedReader(invoice()))
    pipeline.verify(document_id, visit(undecided(Reason.CAPTCHA_UNANSWERED)))
    services.redis.flushall()
    services.desk.next_for("page", present=False)
    assert not services.desk.attended()
    assert Clock(services).round() == 0
    services.desk.next_for("anna")
    assert services.desk.attended()
    assert Clock(services).round() == 1


# -- several documents in hand ---------------------------------------------------------------


def test_as_many_documents_at_once_as_there_are_tabs() -> None:
    together, done = threading.Barrier(3, timeout=30), list[str]()

    def work(key: str) -> None:
        together.wait()
        done.append(key)
        if key == "b":
            raise RuntimeError("one that fails frees its tab")

    tabs = Tabs(3, work)
    for key in "abcdef":
        tabs.take(key)
    tabs.close()
    assert sorted(done) == list("abcdef")


def test_two_jobs_for_one_document_visit_the_portal_once(services: Services) -> None:
    document_id = hand_in(services, xml()).document_id
    pipeline, asked = Pipeline(services), visit(CONFIRMED)
    pipeline.read(document_id, FixedReader(invoice()))
    tabs = Tabs(2, lambda key: pipeline.verify(key, asked))
    tabs.take(document_id)
    tabs.take(document_id)
    tabs.close()
    assert getattr(asked.verifier, "calls", None) == 1
    with services.database.read() as session:
        assert session.get_one(Document, document_id).state == State.PASSED


# -- an attended browser -----------------------------------------------------------------------


@pytest.mark.parametrize(
    "url", ["http://192.168.1.7:9222", "http://chrome.example:9222", "file:///tmp/x", "9222"]
)
def test_a_browser_elsewhere_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match="this machine"):
        PortalSettings(url="http://p/", attach_url=url)
    with pytest.raises(ValidationError, match="this machine"):
        Settings(portal_chrome=url)


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:9222", "http://localhost:9222", "ws://[::1]:9222/devtools"]
)
def test_a_browser_on_this_machine_is_attached_to(url: str) -> None:
    assert PortalSettings(url="http://p/", attach_url=url).attended


# -- what stopped the lane ---------------------------------------------------------------------


def test_status_tells_what_stopped_the_lane_with_its_evidence(
    services: Services, tmp_path: Path
) -> None:
    portal = str(services.settings.portal_url)
    document_id = hand_in(services, xml()).document_id
    pipeline = Pipeline(services)
    pipeline.read(document_id, FixedReader(invoice()))
    changed = Verification(
        verdict=Verdict.UNDECIDED,
        reason=Reason.PORTAL_CHANGED,
        portal_message="missing on the page: fourth",
        retry_at=now() + dt.timedelta(hours=1),
        evidence=(
            Evidence(name="page.png", media_type="image/png", content=b"a picture"),
            Evidence(name="trace.zip", media_type="application/zip", content=b"a trace"),
        ),
    )
    pipeline.verify(document_id, Visit(FixedVerifier([changed]), portal))
    Lanes(services.database, portal).stop(Reason.PORTAL_CHANGED)
    saved = tmp_path / "saved"
    run = CliRunner().invoke(portal_app, ["status", "--save", str(saved)])
    assert run.exit_code == 1
    for told in ("stopped", "portal_changed", "missing on the page: fourth", document_id):
        assert told in run.stdout
    assert (saved / "trace.zip").read_bytes() == b"a trace"
    assert (saved / "page.png").read_bytes() == b"a picture"
    assert CliRunner().invoke(portal_app, ["resume"]).exit_code == 0
    run = CliRunner().invoke(portal_app, ["status"])
    assert (run.exit_code, "lane: open" in run.stdout) == (0, True)
