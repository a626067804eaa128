"""What watching machines are told, and who may ask."""

from __future__ import annotations

import pytest
from fastapi.testclient import TestClient
from prometheus_client.parser import text_string_to_metric_families
from pydantic import SecretStr

from fixtures.s3 import S3Server
from tests.helpers import hand_in, whole_road, xml
from web.app import create_app
from worker import broker
from worker.metrics import metrics_text
from worker.readiness import readiness
from worker.services import Services
from worker.settings import Settings
from worker.tallying import Tallying

HERE = ("127.0.0.1", 50000)


def _samples(services: Services) -> dict[tuple[str, ...], float]:
    text = metrics_text(services).decode()
    return {
        (sample.name, *sample.labels.values()): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def test_figures_follow_the_documents(services: Services) -> None:
    receipt = hand_in(services, xml("1"))
    before = _samples(services)
    assert before["yanpiao_documents", "received"] == 1
    assert before["yanpiao_queue_depth", "ocr"] == 1
    assert before["yanpiao_queue_age_seconds", "ocr"] >= 0
    assert before["yanpiao_workers", "ocr"] == 0
    tallying = Tallying(services.database)
    tallying.round()  # takes its place
    whole_road(services, receipt.document_id)
    tallying = Tallying(services.database)
    tallying.round()
    after = _samples(services)
    assert after["yanpiao_documents", "archived"] == 1
    assert after["yanpiao_moves_total", "archived"] == 1
    for stage in ("read", "verify", "archive"):
        assert after["yanpiao_stage_seconds_count", stage] == 1
        assert after["yanpiao_stage_seconds_bucket", "+Inf", stage] == 1
        assert after["yanpiao_stage_seconds_bucket", "86400.0", stage] == 1
    assert after["yanpiao_way_seconds_count",] == 1
    assert after["yanpiao_verifications_total", "consistent", "confirmed"] == 1
    assert ("yanpiao_documents", "received") not in after


def test_figures_are_told_without_a_queue_server(settings: Settings) -> None:
    services = Services.open(settings)
    samples = _samples(services)
    assert samples["yanpiao_ready", "queue_server"] == 0
    assert samples["yanpiao_ready", "database"] == 1
    assert ("yanpiao_queue_depth", "ocr") not in samples
    services.close()


def test_the_store_and_the_disk_count_for_readiness(
    s3_url: str, s3_server: S3Server, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("archive.buckets._TRIES", 1)
    chosen = settings.model_copy(update={"storage_url": s3_url})
    with broker.bundled(chosen):
        services = Services.open(chosen)
        assert all(readiness(services).values())
        s3_server.broken = 100
        assert [part for part, sound in readiness(services).items() if not sound] == ["storage"]
        services.close()
        s3_server.broken = 0
        full = Services.open(chosen.model_copy(update={"least_free_disk": 1 << 60}))
        assert [part for part, sound in readiness(full).items() if not sound] == ["disk"]
        full.close()


def test_ready_answers_by_its_status(settings: Settings) -> None:
    with TestClient(create_app(settings), "http://localhost") as web:
        assert web.get("/ready").status_code == 503
        assert web.get("/ready").json()["queue_server"] is False
        with broker.bundled(settings):
            assert web.get("/ready").status_code == 200


def test_metrics_are_for_this_machine_or_the_token(settings: Settings) -> None:
    app = create_app(settings)
    with TestClient(app, "http://localhost", client=HERE) as web:
        assert web.get("/metrics").status_code == 200
        assert web.get("/metrics", headers={"x-forwarded-for": "192.0.2.1"}).status_code == 403
    with TestClient(create_app(settings), "http://localhost", client=("192.0.2.1", 1)) as web:
        assert web.get("/metrics").status_code == 403
    guarded = settings.model_copy(update={"metrics_token": SecretStr("a-long-token")})
    with TestClient(create_app(guarded), "http://localhost", client=HERE) as web:
        assert web.get("/metrics").status_code == 403
        assert web.get("/metrics", headers={"authorization": "Bearer no"}).status_code == 403
        right = {"authorization": "Bearer a-long-token"}
        assert web.get("/metrics", headers=right).status_code == 200


def test_liveness_asks_nothing(settings: Settings) -> None:
    app = create_app(settings)
    with TestClient(app, "http://localhost") as web:
        app.state.services = None  # whoever asked it for anything would fail
        assert web.get("/health").json() == {"alive": True}
