"""RQ workers that keep their tools warm, and the pool that replaces one that dies."""

from __future__ import annotations

import os
import time
from contextlib import suppress
from typing import Any

import structlog
from rq import SimpleWorker
from rq.exceptions import DeserializationError
from rq.serializers import JSONSerializer
from rq.worker_registration import REDIS_WORKER_KEYS

from archive.records import now
from extractors.errors import YanpiaoError
from worker import jobs, tracing
from worker.broker import connect, wait_for
from worker.fair_queue import FairQueue
from worker.living import die_with_parent, end_when_told, own_temporary_folder
from worker.log import configure, logger
from worker.pool import StagePool
from worker.queues import Stage, queue_of
from worker.settings import Settings

log = logger("workers")

#: A starting machine may bring its services up in any order.
_BROKER_START_SECONDS = 60
#: One sign of life in so many seconds is enough.
_BEAT_SECONDS = 1.0
#: An idle worker gives a sign of life 15 seconds before this is over, and counts as dead a minute
#: after it.
_SILENT_SECONDS = 30
#: So often RQ strikes out what killed workers were about to begin.
_TIDY_SECONDS = 60


class WarmWorker(SimpleWorker):
    """Works in its own process without forking for each job, so that engine and browser stay
    loaded. What could crash runs in a process of its own (`worker.reader_process`, Chromium)."""

    stage: Stage
    settings: Settings
    #: The process that keeps the pool.
    keeper: int

    def __init__(self, queues: Any, *args: Any, **kwargs: Any) -> None:
        # The pool knows how to make anew only a plain connection, not one that asks sentinels.
        del queues
        client = connect(self.settings)
        kwargs["connection"] = client
        self._beaten = float("-inf")
        kwargs["worker_ttl"] = _SILENT_SECONDS
        kwargs["maintenance_interval"] = _TIDY_SECONDS
        super().__init__([queue_of(self.stage, client)], *args, **kwargs)

    def work(self, *args: Any, **kwargs: Any) -> bool:
        if self.keeper != os.getpid():
            end_when_told()
            # Nobody would ever stop a worker whose pool is dead, and the next pool brings its own.
            die_with_parent(self.keeper)
        with own_temporary_folder():
            return self._work(*args, **kwargs)

    def _work(self, *args: Any, **kwargs: Any) -> bool:
        configure(self.settings.log_level, self.settings.log_format)
        kwargs["with_scheduler"] = False  # the clock schedules, from the database
        kwargs["logging_level"] = "WARNING"
        jobs.prepare(self.stage, self.settings)
        try:
            jobs.warm_up()
        except YanpiaoError as error:
            log.exception("warm_up_failed", code=error.code, detail=str(error))
        try:
            return super().work(*args, **kwargs)
        finally:
            jobs.tear_down()

    def set_state(self, state: str, pipeline: Any = None) -> None:
        """What the worker is at goes along with its next sign of life: RQ gives one at once."""
        self._state = state
        if pipeline is not None:
            super().set_state(state, pipeline)

    def heartbeat(self, timeout: int | None = None, pipeline: Any = None) -> None:
        """RQ gives a sign of life with other messages before and after each job, and beside them
        four times alone, in three messages each. Alone it is one message here, once a second."""
        if pipeline is not None:
            super().heartbeat(timeout, pipeline)
            super().set_state(self._state, pipeline)
            return
        moment = time.monotonic()
        if timeout is None and moment - self._beaten < _BEAT_SECONDS:
            return
        with self.connection.pipeline(transaction=False) as together:
            super().heartbeat(timeout, together)
            super().set_state(self._state, together)
            together.sismember(REDIS_WORKER_KEYS, self.key)
            *_, listed = together.execute()
        if not listed:
            # The queue server was wiped: else one that works would be missing from every list.
            self.connection.delete(self.key)
            self.register_birth()  # type: ignore[no-untyped-call]
        self._beaten = moment
        jobs.tell_memory()

    def perform_job(self, job: Any, *args: Any, **kwargs: Any) -> bool:
        """Every line that is logged meanwhile names the job and what it is about."""
        about = "voucher_no" if self.stage is Stage.ARCHIVE else "document_id"
        ids = {"job_id": job.id}
        with suppress(DeserializationError, IndexError):  # RQ itself says what is wrong with it
            ids[about] = job.args[0]
        tracing.queued_since(job.enqueued_at)
        with structlog.contextvars.bound_contextvars(**ids):
            return bool(super().perform_job(job, *args, **kwargs))

    def handle_execution_ended(self, job: Any, *_args: Any, **_kwargs: Any) -> None:
        job.ended_at = now()  # that it lives need not be said any more

    def handle_job_success(
        self, job: Any, queue: Any, started_job_registry: Any, execution: Any
    ) -> None:
        """What a job did stands in the database. So nothing of it is kept, in one message where RQ
        needs four: none of ours has others that wait for it, repeats, or has a result."""
        del queue, started_job_registry
        with self.connection.pipeline() as together:
            self.cleanup_execution(job, pipeline=together, execution=execution)
            together.delete(job.key)
            together.execute()

    def handle_warm_shutdown_request(self) -> None:
        jobs.hurry()


def worker_class(stage: Stage, settings: Settings) -> type[WarmWorker]:
    """A worker type bound to its stage and settings: the pool hands neither through."""
    kept = {"stage": stage, "settings": settings, "keeper": os.getpid()}
    return type(f"{stage.title()}Worker", (WarmWorker,), kept)


def run_pool(stage: Stage, settings: Settings, count: int) -> None:
    """Run `count` workers of a stage until told to stop; one that dies is replaced.

    Raises `BrokerUnreachable` when no Redis-protocol server answers within a minute.
    """
    client = connect(settings)
    wait_for(client, _BROKER_START_SECONDS)
    pool = StagePool(
        [queue_of(stage, client)],
        connection=client,
        num_workers=count,
        worker_class=worker_class(stage, settings),
        serializer=JSONSerializer,
        queue_class=FairQueue,
    )
    pool.start(logging_level="WARNING")


def counts(settings: Settings) -> dict[Stage, int]:
    """How many workers of each stage this machine runs."""
    return {
        Stage.OCR: settings.ocr_workers,
        Stage.VERIFY: settings.verify_workers,
        Stage.ARCHIVE: settings.archive_workers,
    }
