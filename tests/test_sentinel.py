"""Redis behind sentinels: addresses, and a master that is killed while work goes on."""

from __future__ import annotations

import threading
import time
from contextlib import suppress
from pathlib import Path

import pytest
from rq.exceptions import StopRequested
from rq.serializers import JSONSerializer
from rq.timeouts import TimerDeathPenalty
from rq.worker_pool import WorkerPool

from archive.records import State
from fixtures.sentinel import watched_pair
from tests.helpers import FixedReader, hand_in, invoice, load, xml
from worker import broker, jobs
from worker.clock import Clock
from worker.fair_queue import FairQueue
from worker.pipeline import Pipeline
from worker.queues import Stage, queue_of
from worker.sentinel import BadSentinelUrl, SentinelAddress
from worker.services import Services
from worker.settings import Settings
from worker.workers import WarmWorker, worker_class


def test_an_address_names_sentinels_and_service() -> None:
    address = SentinelAddress.parse("redis+sentinel://u:p%40ss@one:1,two:2,three/service/3")
    assert address.hosts == (("one", 1), ("two", 2), ("three", 26379))
    assert (address.service, address.database) == ("service", 3)
    assert (address.user, address.password) == ("u", "p@ss")


@pytest.mark.parametrize(
    "url", ["redis+sentinel://", "redis+sentinel://a:1", "redis+sentinel://a:x/s"]
)
def test_an_address_that_is_none(url: str) -> None:
    with pytest.raises(BadSentinelUrl):
        SentinelAddress.parse(url)


def test_work_goes_on_when_the_master_is_killed(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A document handed in before, one while no master is there, one after: all are read by one
    worker of the pool's own making, which stays connected through it all."""
    with watched_pair(tmp_path) as watched:
        chosen = settings.model_copy(update={"redis_url": watched.url})
        services = Services.open(chosen)
        broker.wait_for(services.redis, 20)
        pipeline = Pipeline(services)
        monkeypatch.setattr(
            jobs,
            "read_document",
            lambda key: pipeline.read(key, FixedReader(invoice(number_of(key)))),
        )
        monkeypatch.setattr(jobs, "prepare", lambda *_: None)
        monkeypatch.setattr(WarmWorker, "dequeue_timeout", 2)
        monkeypatch.setattr(WarmWorker, "death_penalty_class", TimerDeathPenalty)
        worker = worker_class(Stage.OCR, chosen)(
            [], name="w", connection=None, serializer=JSONSerializer, queue_class=FairQueue
        )
        monkeypatch.setattr(worker, "_install_signal_handlers", lambda: None)
        before = hand_in(services, xml("before")).document_id
        thread = threading.Thread(target=_until_stopped, args=(worker,), daemon=True)
        thread.start()
        try:
            _until(services, before)
            watched.master.kill()
            between = hand_in(services, xml("between")).document_id  # kept, not enqueued
            clock = Clock(services)
            _until(services, between, clock)
            after = hand_in(services, xml("after")).document_id
            _until(services, after, clock)
        finally:
            monkeypatch.setattr(worker, "heartbeat", _stop)
            thread.join(30)
            services.close()
        assert not thread.is_alive()


def number_of(key: str) -> str:
    return str(int(key, 16))[-20:].rjust(20, "1")


def _stop(*_: object, **__: object) -> None:
    raise StopRequested


def _until_stopped(worker: WarmWorker) -> None:
    with suppress(StopRequested):
        worker.work()


def _until(services: Services, document_id: str, clock: Clock | None = None) -> None:
    deadline = time.monotonic() + 60
    while load(services, document_id).state != State.READ:
        assert time.monotonic() < deadline, f"{load(services, document_id).state}"
        if clock is not None:
            clock.round()
        time.sleep(0.2)


def test_the_pool_makes_its_workers_connections_anew(settings: Settings, tmp_path: Path) -> None:
    """What RQ hands to a forked worker is no sentinel's connection; the worker makes its own."""
    with watched_pair(tmp_path) as watched:
        chosen = settings.model_copy(update={"redis_url": watched.url})
        client = broker.connect(chosen)
        pool = WorkerPool(
            [queue_of(Stage.OCR, client)],
            connection=client,
            worker_class=worker_class(Stage.OCR, chosen),
            queue_class=FairQueue,
        )
        made = pool._connection_class(connection_pool=None)
        worker = worker_class(Stage.OCR, chosen)([queue_of(Stage.OCR, made)], name="w")
        assert worker.connection.ping()
        assert [queue.name for queue in worker.queues] == ["ocr"]
