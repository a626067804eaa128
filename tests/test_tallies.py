"""Counts for monitoring: right for any number of processes, cheap for any number of rows."""

from __future__ import annotations

import datetime as dt
import multiprocessing
import os
import time
from collections import Counter
from threading import Thread

import pytest
from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy import event, select

from archive import audit
from archive.database import Database
from archive.noticing import Walk
from archive.records import AuditRow, State, new_id, now
from archive.tallies import STEPS, Tally, all_tallies, step_of
from extractors.errors import ReaderCrashed
from tests.helpers import FixedReader, hand_in, load, whole_road, xml
from verifiers.model import CaptchaChallenge
from worker.broker import connect
from worker.captcha_desk import RedisCaptchaDesk
from worker.meters import Meters
from worker.metrics import metrics_text
from worker.pipeline import Pipeline
from worker.reader_process import ReaderProcess
from worker.services import Services
from worker.settings import Settings
from worker.tallying import Tallying


def _count(database: Database, name: str, labels: str) -> int:
    with database.read() as session:
        row = session.get(Tally, (name, labels))
        return row.count if row else 0


def _deed(
    database: Database, action: str, document_id: str | None = None, **detail: object
) -> None:
    with database.write() as session:
        audit.record(session, action, detail=detail)


def _samples(services: Services) -> dict[tuple[str, ...], float]:
    return {
        (sample.name, *sample.labels.values()): sample.value
        for family in text_string_to_metric_families(metrics_text(services).decode())
        for sample in family.samples
    }


@pytest.mark.parametrize(("seconds", "bound"), [(0, 0.05), (0.05, 0.05), (0.051, 0.1), (3, 5.0)])
def test_a_time_stands_below_its_bound(seconds: float, bound: float) -> None:
    assert STEPS[int(step_of(seconds))] == bound


def test_a_time_above_all_bounds_has_a_step_of_its_own() -> None:
    assert int(step_of(STEPS[-1] + 1)) == len(STEPS)


def test_counting_begins_where_it_was_set_up_and_counts_each_row_once(database: Database) -> None:
    _deed(database, "document_read", seconds=1)
    assert Tallying(database).round() == 0
    for seconds in (0.2, 0.2, 4):
        _deed(database, "document_read", seconds=seconds)
    _deed(database, "somebody_looked")
    # Two that begin from the same place: as after a kill, or with a second clock by mistake.
    assert Tallying(database).round() == 3
    assert Tallying(database).round() == 0
    with database.read() as session:
        row = session.get_one(Tally, ("stage", "read"))
        assert (row.count, round(row.seconds, 3)) == (3, 4.4)
        assert row.steps == {step_of(0.2): 2, step_of(4): 1}
        assert session.get_one(Walk, "tallies").seq == 5


def test_a_long_trail_is_followed_in_parts(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("worker.tallying._MOST_ROWS", 3)
    tallying = Tallying(database)
    tallying.round()
    for _ in range(10):
        _deed(database, "reading_retried", code="reader_crashed")
    assert tallying.round() == 10
    assert _count(database, "retries", "read|reader_crashed") == 10


def test_two_clocks_at_once_count_nothing_twice(database: Database) -> None:
    Tallying(database).round()
    for _ in range(30):
        _deed(database, "document_waiting", verdict="undecided", reason="portal_down")
    clocks = [Thread(target=Tallying(database).round) for _ in range(4)]
    for clock in clocks:
        clock.start()
    for clock in clocks:
        clock.join()
    assert _count(database, "verdicts", "undecided|portal_down") == 30
    assert _count(database, "retries", "verify|portal_down") == 30


def test_counts_agree_with_the_trail_after_every_kind_of_end(services: Services) -> None:
    Tallying(services.database).round()
    for number in range(3):
        whole_road(services, hand_in(services, xml(str(number)), f"{number}.xml").document_id)
    failing = hand_in(services, xml("bad")).document_id
    for _ in range(services.settings.max_tries):
        Pipeline(services).read(failing, FixedReader(ReaderCrashed(detail="x")))
    assert load(services, failing).state == State.FAILED
    hand_in(services, xml("open"))
    Tallying(services.database).round()
    with services.database.read() as session:
        trail = Counter(session.scalars(select(AuditRow.action)))
        moves = {row.labels: row.count for row in all_tallies(session)["moves"]}
    assert moves == {state: trail[f"document_{state}"] for state in moves}
    assert set(moves) >= {"received", "read", "archived", "failed"}
    told = _samples(services)
    assert told["yanpiao_documents", "failed"] == 1
    assert told["yanpiao_retries_total", "reader_crashed", "read"] == 2


def test_settled_documents_are_counted_again_after_a_while(services: Services) -> None:
    moment = 0.0
    tallying = Tallying(services.database, lambda: moment)
    tallying.round()
    whole_road(services, hand_in(services, xml("1")).document_id)
    tallying.round()
    assert _count(services.database, "settled", "archived") == 0
    moment = 301
    tallying.round()
    assert _count(services.database, "settled", "archived") == 1


def test_a_scrape_reads_no_settled_row(services: Services) -> None:
    """What a scrape asks of the two large tables goes by index, and leaves out what is settled."""
    whole_road(services, hand_in(services, xml("1")).document_id)
    asked: list[str] = []
    event.listen(
        services.database.engine, "before_cursor_execute", lambda *given: asked.append(given[2])
    )
    metrics_text(services)
    assert not [query for query in asked if "verifications" in query or "audit" in query]
    (query,) = [query for query in asked if "FROM documents" in query]
    with services.database.engine.connect() as connection:
        states = [state for state in State if state.value not in ("archived", "rejected", "failed")]
        plan = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {query}", tuple(states)).all()
    assert all("USING INDEX ix_documents_state" in row[-1] for row in plan), plan


def _observe(redis_url: str, times: int) -> None:
    meters = Meters(connect(Settings(redis_url=redis_url)))
    for number in range(times):
        meters.time(0.001 * number, "captcha", "answered")
        meters.count("brought_back", "ocr", by=2)
    meters.reader(os.getpid(), 1000, 2000)


def test_many_processes_add_up(services: Services) -> None:
    socket = services.redis.connection_pool.connection_kwargs["path"]
    context = multiprocessing.get_context("fork")  # each opens a connection of its own
    processes = [context.Process(target=_observe, args=(f"unix://{socket}", 200)) for _ in range(4)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
        assert process.exitcode == 0
    told = _samples(services)
    assert told["yanpiao_captcha_wait_seconds_count", "answered"] == 800
    assert told["yanpiao_captcha_wait_seconds_sum", "answered"] == pytest.approx(4 * 19.9)
    assert told["yanpiao_captcha_wait_seconds_bucket", "answered", "0.05"] == 4 * 51
    assert told["yanpiao_brought_back_total", "ocr"] == 1600
    host = os.uname().nodename
    assert told["yanpiao_readers", host] == 4
    assert told["yanpiao_reader_memory_bytes", host] == 4000
    assert told["yanpiao_reader_memory_peak_bytes", host] == 2000


def test_a_reading_process_nobody_speaks_of_is_forgotten(
    services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    meters = Meters(services.redis)
    meters.reader(1, 1, 1)
    assert len(meters.readers()) == 1
    later = time.time() + 3600
    monkeypatch.setattr("worker.meters.time.time", lambda: later)
    assert meters.readers() == []


def test_meters_without_a_server_cost_nothing_but_the_count(settings: Settings) -> None:
    lost = Meters(connect(settings.model_copy(update={"redis_url": "redis://127.0.0.1:1/0"})))
    lost.count("a")
    lost.time(1, "b")
    lost.reader(1, 1, 1)


def test_a_captchas_wait_is_told_by_how_it_ended(services: Services) -> None:
    def posed(seconds: float) -> CaptchaChallenge:
        return CaptchaChallenge(
            document_id=new_id(), image_png=b"x", instruction="", colour="",
            expires_at=now() + dt.timedelta(seconds=seconds),
        )  # fmt: skip

    desk: RedisCaptchaDesk = services.desk
    assert desk.ask(posed(0.05)) is None
    one = posed(30)
    asking = Thread(target=desk.ask, args=(one,))
    asking.start()
    while desk.next_for("a") is None:
        pass
    assert desk.answer(one.id, "abc")
    asking.join()
    desk.report(one, accepted=True)
    told = _samples(services)
    assert told["yanpiao_captcha_wait_seconds_count", "answered"] == 1
    assert told["yanpiao_captcha_wait_seconds_count", "unanswered"] == 1
    assert told["yanpiao_captchas_total", "accepted"] == 1


@pytest.mark.slow
def test_a_real_reading_process_says_how_large_it_is(settings: Settings) -> None:
    with ReaderProcess(settings) as reader:
        assert reader.memory() is None
        reader.warm_up()
        memory = reader.memory()
        assert memory is not None
        resident, peak = memory
        assert 20 * 1024**2 < resident <= peak
