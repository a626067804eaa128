"""Figures for Prometheus, asked of database and Redis when they are scraped: any number of hosts
and processes needs no shared files, and any web process answers for all of them.

What is open is counted by index; what was done stands added up (`worker.tallying` from the audit
trail, `worker.meters` in Redis), so that a scrape costs the same with millions of documents. Labels
hold states, codes, stages and hosts, never names, numbers or ids.
"""

from __future__ import annotations

import datetime as dt
import shutil
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping

import redis
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)
from prometheus_client.registry import Collector
from rq import Worker
from sqlalchemy import func, select
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from archive.records import Alarm, Document, State, now
from archive.tallies import STEPS, Tally, all_tallies
from verifiers.model import Reason
from worker.lanes import Lanes
from worker.log import logger
from worker.meters import Meters, Times
from worker.queues import Stage, queue_of
from worker.readiness import readiness
from worker.services import Services
from worker.tallying import SETTLED

log = logger("metrics")

#: Which state's documents wait for which stage.
_WAITS_FOR = {State.RECEIVED: Stage.OCR, State.READ: Stage.VERIFY, State.PASSED: Stage.ARCHIVE}
_OPEN = tuple(state for state in State if state not in SETTLED)
#: Undecided because of the portal, not of the invoice, the day or the desk.
_PORTAL_ERRORS = frozenset(
    {
        Reason.PORTAL_DOWN,
        Reason.PORTAL_BLOCKED,
        Reason.PORTAL_CHANGED,
        Reason.TOO_FREQUENT,
        Reason.CAPTCHA_REJECTED,
    }
)


def metrics_text(services: Services) -> bytes:
    """Everything, in Prometheus' text format."""
    registry = CollectorRegistry()
    registry.register(_Figures(services))
    return generate_latest(registry)


class _Figures(Collector):
    """A part that cannot be asked is missing from the answer; `yanpiao_ready` then says why."""

    def __init__(self, services: Services) -> None:
        self._services = services

    def collect(self) -> Iterator[Metric]:
        ready = GaugeMetricFamily("yanpiao_ready", "1 for each part that is ready", labels=["part"])
        for part, sound in readiness(self._services).items():
            ready.add_metric([part], float(sound))
        yield ready
        disk = GaugeMetricFamily("yanpiao_disk_free_bytes", "Free bytes of the data folder's disk")
        disk.add_metric([], shutil.disk_usage(self._services.settings.root).free)
        yield disk
        try:
            with self._services.database.read() as session:
                yield from _of_database(session)
            stopped = Lanes(self._services.database, str(self._services.settings.portal_url))
            lane = GaugeMetricFamily("yanpiao_lane_stopped", "1 while the portal's lane is stopped")
            lane.add_metric([], float(stopped.stopped() is not None))
            yield lane
        except SQLAlchemyError as error:
            log.warning("database_not_measured", error=type(error).__name__)
        try:
            yield from _of_redis(self._services)
        except redis.RedisError as error:
            log.warning("broker_not_measured", error=type(error).__name__)


def _of_database(session: Session) -> Iterator[Metric]:
    tallies = defaultdict(list, all_tallies(session))
    yield from _of_documents(session, tallies["settled"])
    yield from _of_the_past(tallies)
    alarms = GaugeMetricFamily("yanpiao_alarms", "Unsettled alarms", labels=["code"])
    open_ones = (
        select(Alarm.code, func.count(Alarm.id))
        .where(Alarm.settled_at.is_(None))
        .group_by(Alarm.code)
    )
    for code, count in session.execute(open_ones):
        alarms.add_metric([code], count)
    yield alarms


def _of_documents(session: Session, settled: Iterable[Tally]) -> Iterator[Metric]:
    documents = GaugeMetricFamily("yanpiao_documents", "Documents by state", labels=["state"])
    age = GaugeMetricFamily(
        "yanpiao_queue_age_seconds", "How long the longest waits for a stage", labels=["stage"]
    )
    tries = GaugeMetricFamily(
        "yanpiao_tries", "Tries that open documents have behind them", labels=["state"]
    )
    query = (
        select(
            Document.state,
            func.count(Document.id),
            func.min(Document.updated_at),
            func.sum(Document.attempts + Document.portal_tries),
        )
        .where(Document.state.in_(_OPEN))
        .group_by(Document.state)
    )
    for state, count, oldest, tried in session.execute(query):
        documents.add_metric([state], count)
        if stage := _WAITS_FOR.get(State(state)):
            age.add_metric([stage], (now() - oldest) / dt.timedelta(seconds=1))
            tries.add_metric([state], tried or 0)
    for row in settled:
        documents.add_metric([row.labels], row.count)
    yield from (documents, age, tries)


def _of_the_past(tallies: Mapping[str, list[Tally]]) -> Iterator[Metric]:
    moves = CounterMetricFamily(
        "yanpiao_moves", "Documents that came into a state", labels=["state"]
    )
    verdicts = CounterMetricFamily(
        "yanpiao_verifications", "Verifications by outcome", labels=["verdict", "reason"]
    )
    errors = CounterMetricFamily(
        "yanpiao_portal_errors", "Visits that the portal itself spoiled", labels=["reason"]
    )
    retries = CounterMetricFamily(
        "yanpiao_retries", "Tries that are made again", labels=["stage", "reason"]
    )
    for row in tallies["moves"]:
        moves.add_metric(row.values, row.count)
    for row in tallies["verdicts"]:
        verdicts.add_metric(row.values, row.count)
    spoiled = {row.values[1]: row.count for row in tallies["verdicts"]}
    for reason in _PORTAL_ERRORS & set(spoiled):
        errors.add_metric([reason], spoiled[reason])
    for row in tallies["retries"]:
        retries.add_metric(row.values, row.count)
    yield from (moves, verdicts, errors, retries)
    stages = {tuple(row.values): _times(row) for row in tallies["stage"]}
    yield _histogram("yanpiao_stage_seconds", "Seconds of work on a document", ["stage"], stages)
    way: dict[tuple[str, ...], Times] = {}
    for row in tallies["way"]:
        way[()] = _times(row)
    yield _histogram("yanpiao_way_seconds", "Seconds from hand-in to archive", [], way)


def _of_redis(services: Services) -> Iterator[Metric]:
    depth = GaugeMetricFamily("yanpiao_queue_depth", "Jobs in a stage's queue", labels=["stage"])
    workers = GaugeMetricFamily("yanpiao_workers", "Living workers of a stage", labels=["stage"])
    for stage in Stage:
        queue = queue_of(stage, services.redis)
        depth.add_metric([stage], queue.count)
        workers.add_metric([stage], Worker.count(queue=queue))
    yield from (depth, workers)
    yield from _of_the_desk(services)
    meters = Meters(services.redis)
    stalled = CounterMetricFamily(
        "yanpiao_brought_back", "Pieces of work that the clock enqueued again", labels=["stage"]
    )
    for labels, count in meters.counts("brought_back"):
        stalled.add_metric(labels, count)
    yield stalled
    yield from _of_readers(meters)


def _of_the_desk(services: Services) -> Iterator[Metric]:
    waiting = GaugeMetricFamily("yanpiao_captchas_waiting", "Captchas that wait for a person")
    waiting.add_metric([], services.desk.waiting())
    results = CounterMetricFamily(
        "yanpiao_captchas", "Captchas by what became of them", labels=["outcome"]
    )
    for outcome, count in services.desk.counts().items():
        results.add_metric([outcome], count)
    waits = Meters(services.redis).times("captcha")
    yield from (waiting, results)
    yield _histogram(
        "yanpiao_captcha_wait_seconds", "How long a captcha was posed", ["ended"], waits
    )


def _of_readers(meters: Meters) -> Iterator[Metric]:
    """By host: ids of processes would be new labels after each two hundred documents."""
    resident: dict[str, list[int]] = defaultdict(list)
    peaks: dict[str, list[int]] = defaultdict(list)
    for reader in meters.readers():
        resident[reader.host].append(reader.resident)
        peaks[reader.host].append(reader.peak)
    count = GaugeMetricFamily("yanpiao_readers", "Living reading processes", labels=["host"])
    memory = GaugeMetricFamily(
        "yanpiao_reader_memory_bytes", "Memory of all reading processes", labels=["host"]
    )
    peak = GaugeMetricFamily(
        "yanpiao_reader_memory_peak_bytes", "The most that one of them ever held", labels=["host"]
    )
    for host, sizes in resident.items():
        count.add_metric([host], len(sizes))
        memory.add_metric([host], sum(sizes))
        peak.add_metric([host], max(peaks[host]))
    yield from (count, memory, peak)


def _times(row: Tally) -> Times:
    return Times(row.count, row.seconds, row.steps)


def _histogram(
    name: str, told: str, labels: list[str], found: Mapping[tuple[str, ...], Times]
) -> Metric:
    metric = HistogramMetricFamily(name, told, labels=labels)
    for key, times in found.items():
        so_far, buckets = 0, []
        for place, bound in enumerate((*STEPS, None)):
            so_far += times.steps.get(str(place), 0)
            buckets.append(("+Inf" if bound is None else str(bound), float(so_far)))
        metric.add_metric(list(key), buckets, times.seconds)
    return metric
