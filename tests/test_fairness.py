"""Turns, back-pressure and cancelling, on a real queue server; no clock and no chance in it."""

from __future__ import annotations

import datetime as dt
from io import BytesIO

import pytest
from fastapi.testclient import TestClient
from rq import Queue
from rq.job import Job
from rq.serializers import JSONSerializer
from sqlalchemy import update
from typer.testing import CliRunner

from archive.actors import Role
from archive.records import Document, State, Upload, now
from tests.helpers import actions, hand_in, load, sign_in, xml
from verifiers.model import Reason
from web.app import create_app
from worker import broker, cli
from worker.cancelling import Cancelled, cancel_batch
from worker.clock import Clock
from worker.errors import UnknownBatch
from worker.fair_queue import FairQueue, Share, Urgency
from worker.pressure import DiskNearlyFull, QueueTooLong
from worker.queues import Stage, enqueue, queue_of
from worker.services import Services
from worker.settings import Settings
from worker.shares import SMALL_BATCH, share_of
from worker.watch import WatchedFolder


def _order(services: Services, stage: Stage = Stage.OCR) -> list[str]:
    """The keys in the order in which workers would get them."""
    queue = queue_of(stage, services.redis)
    taken = []
    while (found := _next(queue)) is not None:
        taken.append(found[0].args[0])
    return taken


def _next(queue: FairQueue) -> tuple[Job, Queue] | None:
    return FairQueue.dequeue_any([queue], None, queue.connection, serializer=JSONSerializer)


def _queue(services: Services, share: Share, *keys: str) -> None:
    for key in keys:
        assert enqueue(services.redis, Stage.OCR, key, share)


def test_one_submitters_work_goes_in_the_order_of_arrival(services: Services) -> None:
    _queue(services, Share("a"), "1", "2", "3")
    assert _order(services) == ["1", "2", "3"]


def test_submitters_take_turns(services: Services) -> None:
    _queue(services, Share("a"), *(f"a{n}" for n in range(6)))
    _queue(services, Share("b"), "b0", "b1", "b2")
    order = _order(services)
    assert order[:6] == ["a0", "b0", "a1", "b1", "a2", "b2"]
    assert order[6:] == ["a3", "a4", "a5"]


def test_a_photo_does_not_wait_for_a_thousand_of_somebody_else(services: Services) -> None:
    _queue(services, Share("batch", Urgency.BULK), *(f"x{n}" for n in range(1000)))
    _queue(services, Share("phone"), "photo")
    assert _order(services).index("photo") <= 1


def test_nor_for_a_thousand_of_ones_own(services: Services) -> None:
    _queue(services, Share("me", Urgency.BULK), *(f"x{n}" for n in range(1000)))
    queue = queue_of(Stage.OCR, services.redis)
    for _ in range(100):
        _next(queue)
    _queue(services, Share("me"), "photo")
    assert _order(services).index("photo") <= 1


def test_a_stream_of_small_ones_does_not_starve_the_bulk(services: Services) -> None:
    _queue(services, Share("batch", Urgency.BULK), *(f"x{n}" for n in range(20)))
    queue = queue_of(Stage.OCR, services.redis)
    got = []
    for n in range(160):
        _queue(services, Share("busy", Urgency.WAITED_FOR), f"p{n}")
        found = _next(queue)
        assert found is not None
        got.append(found[0].args[0])
    assert sum(key.startswith("x") for key in got) == 20


def test_an_idle_submitter_saves_up_no_turns(services: Services) -> None:
    _queue(services, Share("a"), *(f"a{n}" for n in range(50)))
    queue = queue_of(Stage.OCR, services.redis)
    for _ in range(40):
        _next(queue)
    _queue(services, Share("b"), *(f"b{n}" for n in range(10)))
    first = _order(services)[:8]
    assert sum(key.startswith("b") for key in first) in (4, 5)


def test_work_without_a_time_is_done_too(services: Services) -> None:
    _queue(services, Share("a"), *(f"a{n}" for n in range(20)))
    services.redis.delete("yanpiao:fair:ocr:times", "yanpiao:fair:ocr:flows")
    _queue(services, Share("b"), *(f"b{n}" for n in range(20)))
    assert len(_order(services)) == 40
    assert services.redis.keys("yanpiao:fair:*") == []


def test_a_job_that_was_deleted_is_passed_over(services: Services) -> None:
    _queue(services, Share("a"), "1", "2")
    queue_of(Stage.OCR, services.redis).remove("ocr-1")
    assert _order(services) == ["2"]


# -- which flow ----------------------------------------------------------------------------


def test_the_first_files_of_a_batch_are_no_bulk(services: Services) -> None:
    batch = services.intake.open_batch("test")
    ids = [
        services.intake.accept(batch, "a.xml", BytesIO(xml(str(n)))).document_id
        for n in range(SMALL_BATCH + 2)
    ]
    assert [load(services, one).bulk for one in ids] == [False] * SMALL_BATCH + [True] * 2


def test_who_found_no_captcha_to_type_is_served_first(services: Services) -> None:
    ids = [hand_in(services, xml(str(n))).document_id for n in range(3)]
    _order(services)
    with services.database.write() as session:
        session.execute(
            update(Document).values(
                state=State.WAITING, reason=Reason.PORTAL_DOWN, next_try_at=now()
            )
        )
        session.get_one(Document, ids[2]).reason = Reason.CAPTCHA_UNANSWERED
    assert share_of(load(services, ids[2])).urgency == Urgency.WAITED_FOR
    Clock(services).round()
    assert _order(services, Stage.VERIFY)[0] == ids[2]


# -- back-pressure -------------------------------------------------------------------------


def _again(services: Services, **limits: object) -> Services:
    return Services.open(services.settings.model_copy(update=limits))


def test_a_long_queue_takes_no_more(services: Services) -> None:
    hand_in(services, xml("1"))
    hand_in(services, xml("2"))
    narrow = _again(services, max_queue=2)
    with pytest.raises(QueueTooLong) as caught:
        narrow.intake.open_batch("test")
    assert caught.value.params["waiting"] == "2"
    assert narrow.intake.open_batch("web", admitted=True)


def test_an_old_queue_takes_no_more(services: Services) -> None:
    document_id = hand_in(services, xml()).document_id
    strict = _again(services, max_queue_age=3600)
    strict.intake.check_pressure()
    with services.database.write() as session:
        session.get_one(Document, document_id).received_at = now() - dt.timedelta(hours=2)
    with pytest.raises(QueueTooLong):
        _again(services, max_queue_age=3600).intake.open_batch("test")


def test_a_full_disk_takes_no_more(services: Services) -> None:
    with pytest.raises(DiskNearlyFull):
        _again(services, least_free_disk=1 << 60).intake.open_batch("test")


def test_http_says_when_to_come_again(settings: Settings) -> None:
    chosen = settings.model_copy(update={"least_free_disk": 1 << 60})
    with broker.bundled(chosen), TestClient(create_app(chosen), "http://localhost") as web:
        sign_in(web, Role.SUBMITTER)
        answer = web.post(
            "/api/upload", files={"files": ("a.xml", xml())}, headers={"origin": "http://localhost"}
        )
        assert answer.status_code == 503
        assert answer.headers["retry-after"] == "1800"
        assert answer.json()["code"] == "disk_nearly_full"
        assert answer.json()["detail"]


def test_the_inbox_keeps_what_may_not_come_in_yet(services: Services) -> None:
    full = _again(services, least_free_disk=1 << 60)
    watched = WatchedFolder(full)
    (watched.folder / "a.xml").write_bytes(xml())
    watched.scan()
    watched.scan()
    assert (watched.folder / "a.xml").exists()
    roomy = WatchedFolder(services)
    roomy.scan()
    roomy.scan()
    assert not (watched.folder / "a.xml").exists()


# -- cancelling ----------------------------------------------------------------------------


def test_a_cancelled_batch_is_rejected_and_the_rest_stays(services: Services) -> None:
    mine = hand_in(services, xml("mine"))
    other = hand_in(services, xml("other"))
    batch_id = _batch_of(services, mine.upload_id)
    assert cancel_batch(services.database, batch_id, "cli") == Cancelled(1, 0, 0)
    assert load(services, mine.document_id).reason == "batch_cancelled"
    assert load(services, other.document_id).state == State.RECEIVED
    assert "document_rejected" in actions(services, mine.document_id)
    assert cancel_batch(services.database, batch_id, "cli") == Cancelled(0, 0, 1)


def test_what_another_batch_brought_or_a_worker_holds_is_not_cancelled(services: Services) -> None:
    first = hand_in(services, xml("same"))
    again = hand_in(services, xml("same"))
    assert cancel_batch(
        services.database, _batch_of(services, again.upload_id), "cli"
    ) == Cancelled(0, 0, 1)
    with services.database.write() as session:
        document = session.get_one(Document, first.document_id)
        document.lease, document.lease_until = "x", now() + dt.timedelta(minutes=1)
    assert cancel_batch(
        services.database, _batch_of(services, first.upload_id), "cli"
    ) == Cancelled(0, 1, 0)
    with pytest.raises(UnknownBatch):
        cancel_batch(services.database, "nothing", "cli")


def test_cancel_by_command(services: Services, monkeypatch: pytest.MonkeyPatch) -> None:
    receipt = hand_in(services, xml())
    batch_id = _batch_of(services, receipt.upload_id)
    run = CliRunner().invoke(cli.app, ["cancel", batch_id])
    assert run.exit_code == 0, run.output
    assert load(services, receipt.document_id).state == State.REJECTED


def _batch_of(services: Services, upload_id: str) -> str:
    with services.database.read() as session:
        return session.get_one(Upload, upload_id).batch_id
