"""What stands in a log line: the ids of the job, and nothing out of a document."""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Iterator
from concurrent.futures import CancelledError

import pytest
import structlog
from pydantic import BaseModel
from rq.job import Job
from rq.serializers import JSONSerializer

from archive.records import Document
from extractors.errors import FileTooLarge
from tests.helpers import hand_in, xml
from worker import jobs
from worker.lease_keeper import LeaseKeeper
from worker.log import configure, logger
from worker.queues import Stage
from worker.services import Services
from worker.tabs import Tabs
from worker.workers import worker_class

NAME = "张三丰"


class _Person(BaseModel):
    age: int


@pytest.fixture(autouse=True)
def _json() -> Iterator[None]:
    configure("info", "json")
    yield
    structlog.reset_defaults()


def _lines(capfd: pytest.CaptureFixture[str]) -> list[dict[str, str]]:
    return [json.loads(line) for line in capfd.readouterr().err.splitlines()]


def test_each_line_of_a_job_names_job_and_document(
    services: Services, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def work() -> jobs._Tools:
        logger("test").info("ours")
        logging.getLogger("a.library").warning("theirs")
        raise ValueError(f"{NAME} is no amount")

    monkeypatch.setattr(jobs, "_ready", work)
    monkeypatch.setattr(jobs, "prepare", lambda *_: None)
    configured = services.settings.model_copy(update={"log_format": "json"})
    document_id = hand_in(services, xml()).document_id
    capfd.readouterr()
    worker_class(Stage.OCR, configured)([], serializer=JSONSerializer).work(burst=True)
    written = capfd.readouterr().err
    assert NAME not in written
    lines = [json.loads(line) for line in written.splitlines()]
    inside = {line["event"]: line for line in lines if line.get("document_id") == document_id}
    assert {"ours", "theirs"} <= set(inside)
    assert all(line["job_id"] == f"ocr-{document_id}" for line in inside.values())
    assert inside["theirs"]["part"] == "a.library"
    failed = [line for line in lines if line.get("error") == "ValueError"]
    assert failed, "the job's own failure is told"
    assert all("test_log.py" in line["trace"] and "job_id" in line for line in failed)
    kept = Job.fetch(f"ocr-{document_id}", services.redis, serializer=JSONSerializer)
    result = kept.latest_result()
    assert result is not None
    assert "StepFailed: ValueError" in str(result.exc_string)
    assert NAME not in str(result.exc_string)


def test_threads_of_a_job_name_it_too(
    services: Services, capfd: pytest.CaptureFixture[str]
) -> None:
    def work(key: str) -> None:
        logger("test").info("in_a_tab", key=key)
        raise CancelledError

    with structlog.contextvars.bound_contextvars(job_id="j1"):
        tabs = Tabs(2, work)
        tabs.take("d1")
    tabs.close()
    lines = _lines(capfd)
    assert [line["event"] for line in lines] == ["in_a_tab", "visit_given_up"]
    assert {line["job_id"] for line in lines} == {"j1"}
    with (
        structlog.contextvars.bound_contextvars(job_id="j2"),
        LeaseKeeper(services.database, Document, "none", "t", 0.03) as keeper,
    ):
        keeper._thread.join(10)
    (lost,) = _lines(capfd)
    assert (lost["event"], lost["job_id"]) == ("lease_lost", "j2")


@pytest.mark.parametrize("form", ["line", "json"])
def test_an_error_is_told_without_its_words(form: str, capfd: pytest.CaptureFixture[str]) -> None:
    configure("info", form)
    try:
        _Person.model_validate({"age": NAME})
    except ValueError as error:
        wrapped = RuntimeError(NAME)
        wrapped.__cause__ = error
        logger("test").exception("a_step_failed")
        logger("test").error("another", exc_info=wrapped)
        logging.getLogger("library").exception("theirs")
    written = capfd.readouterr().err
    assert NAME not in written
    assert written.count("ValidationError") == 3  # twice the error, once the cause
    assert written.count("\n") == 3, "one line an event"


def test_words_about_machines_are_kept(capfd: pytest.CaptureFixture[str]) -> None:
    for error in (OSError(28, "No space left on device"), FileTooLarge(size=5, limit=3)):
        logger("test").error("x", exc_info=error)
    told = [line["words"] for line in _lines(capfd)]
    assert told == ["No space left on device", "file_too_large"]


def test_a_line_is_pairs_unless_json_is_asked_for(capfd: pytest.CaptureFixture[str]) -> None:
    configure("info")
    logger("test").info("an_event", count=3)
    line = capfd.readouterr().err
    assert re.match(r"timestamp='[^']+' level='info' event='an_event'", line)
