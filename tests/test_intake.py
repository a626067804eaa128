"""Handing in, the watched folder, and the clock that brings back what stalled."""

from __future__ import annotations

import datetime as dt
import threading
from pathlib import Path

import pytest
from rq.job import JobStatus
from rq.serializers import JSONSerializer

from archive import leases
from archive.records import Document, now
from tests.helpers import (
    CONFIRMED,
    FixedReader,
    actions,
    hand_in,
    invoice,
    load,
    sha256,
    visit,
    xml,
)
from worker.clock import Clock
from worker.intake import clean_name
from worker.pipeline import Pipeline
from worker.queues import Stage, enqueue, job_id, queue_of, queued_keys
from worker.services import Services
from worker.settings import Settings
from worker.watch import WatchedFolder


def test_what_is_handed_in_is_kept_recorded_and_enqueued(services: Services) -> None:
    receipt = hand_in(services, xml(), "发票.xml", "JZ-1")
    document = load(services, receipt.document_id)
    assert services.store.get(document.sha256) == xml()
    assert (document.state, document.voucher_no, document.name) == ("received", "JZ-1", "发票.xml")
    assert queued_keys(services.redis, Stage.OCR) == {job_id(Stage.OCR, document.id)}
    assert actions(services, document.id) == ["document_received"]


def test_a_job_is_json_and_carries_an_id_only(services: Services) -> None:
    receipt = hand_in(services, xml())
    job = queue_of(Stage.OCR, services.redis).jobs[0]
    assert job.serializer is JSONSerializer
    assert (job.args, job.kwargs) == ([receipt.document_id], {})


def test_the_same_bytes_are_one_document(services: Services) -> None:
    first = hand_in(services, xml(), "a.xml", "JZ-1")
    second = hand_in(services, xml(), "b.xml", "JZ-2")
    assert first.document_id == second.document_id
    assert (first.repeated, second.repeated) == (False, True)
    assert load(services, first.document_id).voucher_no == "JZ-1"


def test_ten_at_once_are_one_document(services: Services) -> None:
    seen: list[str] = []

    def send() -> None:
        seen.append(hand_in(services, xml("race")).document_id)

    threads = [threading.Thread(target=send) for _ in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(seen) == 10
    assert len(set(seen)) == 1


@pytest.mark.parametrize(
    ("content", "code"),
    [(b"", "empty_file"), (b"MZ\x90\x00 no invoice", "unsupported_file")],
)
def test_what_cannot_be_an_invoice_gets_its_row(
    services: Services, content: bytes, code: str
) -> None:
    receipt = hand_in(services, content, "x.pdf")
    document = load(services, receipt.document_id)
    assert (document.state, document.reason) == ("failed", code)
    assert services.store.get(sha256(content)) == content
    assert receipt.error is not None
    assert receipt.error.hint("zh")
    assert receipt.error.hint("en")


def test_a_file_over_the_limit_is_measured_and_refused(tmp_path: Path) -> None:
    small = Services.open(Settings(data=tmp_path / "data", max_file_size=1000))
    receipt = hand_in(small, b"%PDF" + b"x" * 5000)
    document = load(small, receipt.document_id)
    assert (document.state, document.reason, document.kept) == ("failed", "file_too_large", False)
    assert document.reason_params == {"size": "5004", "limit": "1000"}
    assert hand_in(small, b"%PDF" + b"x" * 5000).repeated
    assert not hand_in(small, b"%PDF" + b"x" * 5001).repeated


def test_without_a_queue_server_nothing_is_lost(settings: Settings) -> None:
    alone = Services.open(settings)
    receipt = hand_in(alone, xml())
    assert load(alone, receipt.document_id).state == "received"


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("../../etc/passwd", "passwd"),
        ("C:\\temp\\发票.pdf", "发票.pdf"),
        ("a\x00b\n.pdf", "ab.pdf"),
        ("", "unnamed"),
        ("x" * 300 + ".pdf", ("x" * 300 + ".pdf")[-255:]),
    ],
)
def test_a_file_name_is_only_a_label(given: str, kept: str) -> None:
    assert clean_name(given) == kept


def _age(services: Services, document_id: str) -> None:
    """As if nothing had happened to the document for an hour."""
    from sqlalchemy import update

    with services.database.write() as session:
        session.execute(
            update(Document)
            .where(Document.id == document_id)
            .values(updated_at=now() - dt.timedelta(hours=1))
        )


def test_a_wiped_queue_server_costs_nothing(services: Services) -> None:
    received = hand_in(services, xml("1"))
    read = hand_in(services, xml("2"))
    passed = hand_in(services, xml("3"))
    pipeline = Pipeline(services)
    pipeline.read(read.document_id, FixedReader(invoice("26312000000000000002")))
    pipeline.read(passed.document_id, FixedReader(invoice("26312000000000000003")))
    pipeline.verify(passed.document_id, visit(CONFIRMED))
    services.redis.flushall()
    for receipt in (received, read, passed):
        _age(services, receipt.document_id)
    clock = Clock(services)
    assert clock.round() == 3
    assert clock.round() == 0  # queued once is enough
    assert all(queue_of(stage, services.redis).count == 1 for stage in Stage)


def test_work_in_hand_is_left_alone(services: Services) -> None:
    receipt = hand_in(services, xml())
    services.redis.flushall()
    with services.database.write() as session:
        leases.take(session, Document, receipt.document_id, 60)
    _age(services, receipt.document_id)
    assert Clock(services).round() == 0


def test_enqueuing_twice_is_enqueuing_once(services: Services) -> None:
    assert enqueue(services.redis, Stage.ARCHIVE, "记-2026")
    enqueue(services.redis, Stage.ARCHIVE, "记-2026")
    assert queue_of(Stage.ARCHIVE, services.redis).count == 1


def test_work_in_hand_is_queued_once_more_under_its_own_name(services: Services) -> None:
    enqueue(services.redis, Stage.ARCHIVE, "V1")
    queue = queue_of(Stage.ARCHIVE, services.redis)
    (job,) = queue.jobs
    queue.remove(job)
    job.set_status(JobStatus.STARTED)
    assert enqueue(services.redis, Stage.ARCHIVE, "V1")
    (again,) = queue.jobs
    assert again.id != job.id
    assert again.args == ["V1"]
    assert job.get_status(refresh=True) == JobStatus.STARTED


def test_the_watched_folder_takes_in_what_lies_still(services: Services) -> None:
    watched = WatchedFolder(services)
    (watched.folder / "a.xml").write_bytes(xml("a"))
    (watched.folder / "JZ-7").mkdir()
    (watched.folder / "JZ-7" / "b.xml").write_bytes(xml("b"))
    (watched.folder / ".hidden").write_bytes(xml("c"))
    assert watched.scan() == 0  # seen for the first time: perhaps still being written
    (watched.folder / "a.xml").write_bytes(xml("a, longer"))
    assert watched.scan() == 1
    assert watched.scan() == 1
    assert watched.scan() == 0
    with services.database.read() as session:
        documents = {one.name: one for one in session.query(Document)}
    assert set(documents) == {"a.xml", "b.xml"}
    assert documents["b.xml"].voucher_no == "JZ-7"
    assert services.store.get(documents["a.xml"].sha256) == xml("a, longer")
    moved = sorted(p.name for p in (watched.folder / ".accepted").rglob("*.xml"))
    assert moved == ["a.xml", "b.xml"]
