"""Figures for Prometheus, asked of database and Redis when they are scraped: any number of hosts
and processes needs no shared files, and any web process answers for all of them.

Counts of verdicts are those of the rows, so they outlive every restart. Labels hold states, codes
and stages, never names, numbers or ids.
"""

from __future__ import annotations

import datetime as dt
import shutil
from collections.abc import Iterator

import redis
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from rq import Worker
from sqlalchemy import func, select
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from archive.records import Alarm, Document, State, VerificationRow, now
from worker.lanes import Lanes
from worker.log import logger
from worker.queues import Stage, queue_of
from worker.readiness import readiness
from worker.services import Services

log = logger("metrics")

#: Which state's documents wait for which stage.
_WAITS_FOR = {State.RECEIVED: Stage.OCR, State.READ: Stage.VERIFY, State.PASSED: Stage.ARCHIVE}


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
    documents = GaugeMetricFamily("yanpiao_documents", "Documents by state", labels=["state"])
    age = GaugeMetricFamily(
        "yanpiao_queue_age_seconds", "How long the longest waits for a stage", labels=["stage"]
    )
    tries = GaugeMetricFamily(
        "yanpiao_tries", "Tries that open documents have behind them", labels=["state"]
    )
    query = select(
        Document.state,
        func.count(Document.id),
        func.min(Document.updated_at),
        func.sum(Document.attempts + Document.portal_tries),
    ).group_by(Document.state)
    for state, count, oldest, tried in session.execute(query):
        documents.add_metric([state], count)
        if stage := _WAITS_FOR.get(State(state)):
            age.add_metric([stage], (now() - oldest) / dt.timedelta(seconds=1))
            tries.add_metric([state], tried or 0)
    yield from (documents, age, tries)
    verdicts = CounterMetricFamily(
        "yanpiao_verifications", "Verifications by outcome", labels=["verdict", "reason"]
    )
    rows = select(
        VerificationRow.verdict, VerificationRow.reason, func.count(VerificationRow.id)
    ).group_by(VerificationRow.verdict, VerificationRow.reason)
    for verdict, reason, count in session.execute(rows):
        verdicts.add_metric([verdict, reason], count)
    yield verdicts
    alarms = GaugeMetricFamily("yanpiao_alarms", "Unsettled alarms", labels=["code"])
    open_ones = (
        select(Alarm.code, func.count(Alarm.id))
        .where(Alarm.settled_at.is_(None))
        .group_by(Alarm.code)
    )
    for code, count in session.execute(open_ones):
        alarms.add_metric([code], count)
    yield alarms


def _of_redis(services: Services) -> Iterator[Metric]:
    depth = GaugeMetricFamily("yanpiao_queue_depth", "Jobs in a stage's queue", labels=["stage"])
    workers = GaugeMetricFamily("yanpiao_workers", "Living workers of a stage", labels=["stage"])
    for stage in Stage:
        queue = queue_of(stage, services.redis)
        depth.add_metric([stage], queue.count)
        workers.add_metric([stage], Worker.count(queue=queue))
    yield from (depth, workers)
    waiting = GaugeMetricFamily("yanpiao_captchas_waiting", "Captchas that wait for a person")
    waiting.add_metric([], services.desk.waiting())
    yield waiting
