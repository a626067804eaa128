"""What a job costs the queue server: few messages, and nothing of it is left there."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from redis.connection import AbstractConnection
from rq.job import Job, JobStatus
from rq.registry import FinishedJobRegistry, StartedJobRegistry
from rq.serializers import JSONSerializer

from extractors.model import Invoice
from tests.helpers import FixedReader, hand_in, invoice, load, xml
from worker import jobs, workers
from worker.fair_queue import FairQueue
from worker.pipeline import Pipeline
from worker.queues import Stage, enqueue, job_id, queue_of, queued_keys
from worker.services import Services
from worker.workers import worker_class

#: Of a job: that it looks for work, takes it, fetches it, two that it begins, one that it is done.
#: Of what it hands on: pushed, and given its turn.
_MESSAGES = 6 + 2


class _Reader(FixedReader):
    """Reads another invoice off each file."""

    pid = None

    def read(self, path: Path) -> tuple[Invoice, ...]:
        self.answer = invoice(f"2631{self.calls:016d}")
        return super().read(path)

    def warm_up(self) -> None: ...

    def memory(self) -> None: ...


def work_off(services: Services) -> None:
    """Let a worker read whatever is queued."""
    kept = {"serializer": JSONSerializer, "queue_class": FairQueue}
    worker_class(Stage.OCR, services.settings)([], **kept).work(burst=True)


@pytest.fixture
def reading(services: Services, monkeypatch: pytest.MonkeyPatch) -> Services:
    """Services whose reading worker needs no engine."""
    tools = jobs._Tools(Pipeline(services), reader=_Reader(invoice()))  # type: ignore[arg-type]
    monkeypatch.setattr(jobs, "_tools", tools)
    monkeypatch.setattr(jobs, "prepare", lambda *_: None)
    monkeypatch.setattr(jobs, "tear_down", lambda: None)
    return services


def test_a_job_takes_six_messages(reading: Services, monkeypatch: pytest.MonkeyPatch) -> None:
    sent: list[None] = []
    send: Any = AbstractConnection.send_packed_command

    def counted(self: AbstractConnection, *args: Any, **kwargs: Any) -> Any:
        sent.append(None)
        return send(self, *args, **kwargs)

    monkeypatch.setattr(AbstractConnection, "send_packed_command", counted)
    monkeypatch.setattr(workers, "_BEAT_SECONDS", float("inf"))
    spent = []
    for run, count in enumerate((2, 7)):
        for number in range(count):
            hand_in(reading, xml(f"{run} {number}"))
        sent.clear()
        work_off(reading)
        spent.append(len(sent))
    # What a worker says when it starts and ends is in both.
    assert spent[1] - spent[0] <= 5 * _MESSAGES


def test_a_job_that_is_done_leaves_nothing_behind(reading: Services) -> None:
    document_id = hand_in(reading, xml()).document_id
    work_off(reading)
    assert load(reading, document_id).state == "read"
    client, queue = reading.redis, queue_of(Stage.OCR, reading.redis)
    assert not client.keys(f"rq:*{document_id}*")[1:], "only the job that it handed on"
    assert not client.exists(f"rq:job:{job_id(Stage.OCR, document_id)}")
    for registry in (StartedJobRegistry, FinishedJobRegistry):
        assert registry(queue=queue).get_job_ids() == []
    assert client.llen(queue.intermediate_queue_key) == 0
    assert enqueue(client, Stage.OCR, document_id)


def test_work_whose_job_failed_is_queued_under_its_name_again(services: Services) -> None:
    document_id = hand_in(services, xml()).document_id
    name = job_id(Stage.OCR, document_id)
    job = Job.fetch(name, services.redis, serializer=JSONSerializer)
    queue_of(Stage.OCR, services.redis).remove(job)
    job.set_status(JobStatus.FAILED)
    assert enqueue(services.redis, Stage.OCR, document_id)
    assert queued_keys(services.redis, Stage.OCR) == {name}
    assert not enqueue(services.redis, Stage.OCR, document_id), "it is queued already"
