"""The first visitor of a page waits for nothing that could be made ready before."""

from __future__ import annotations

import pytest
from fastapi import FastAPI
from sqlalchemy import func, select, update
from starlette.testclient import TestClient

from archive.actors import Role
from archive.records import AuditRow, Document
from tests.helpers import make_person, sign_in_as
from tests.reviewing import in_review
from web import warming
from web.app import create_app
from web.rendering import _environment
from worker.services import Services
from worker.settings import Settings

PAGES = ("/", "/review", "/review/{id}", "/documents/{id}", "/vouchers", "/vouchers/JZ-1")


def rows(services: Services) -> int | None:
    with services.database.read() as session:
        return session.scalar(select(func.count(AuditRow.seq)))


def test_every_statement_and_template_is_there_before_the_first_request(
    settings: Settings, services: Services
) -> None:
    document = in_review(services)
    reviewer = make_person(services, *Role)
    before = rows(services)
    with TestClient(create_app(settings, warm=True), base_url="http://localhost") as web:
        served: Services = web.app.state.services  # type: ignore[attr-defined]
        assert rows(services) == before, "a rehearsal leaves no row"
        assert {name for _, name in _environment.cache or ()} >= set(_environment.list_templates())
        sign_in_as(web, reviewer)
        web.get("/account")  # looks the session up, which no rehearsal does
        known = set(served.database.engine._compiled_cache or ())
        for page in PAGES:
            assert web.get(page.format(id=document)).status_code == 200
        later = set(served.database.engine._compiled_cache or ()) - known
        # What is left differs by the person: whether they handed it in themselves, say.
        assert len(later) <= 3, [str(each) for each in later]


def test_what_cannot_be_made_ready_does_not_keep_the_server_shut(
    settings: Settings, services: Services, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(_: Services) -> FastAPI:
        raise RuntimeError("no application")

    warming.warm(broken, services)
    assert "not every page" in caplog.text


def test_a_rehearsed_change_is_taken_back(services: Services) -> None:
    document = in_review(services)
    with services.database.rehearsal().write() as session:
        session.execute(update(Document).values(name="changed"))
    with services.database.read() as session:
        assert session.get_one(Document, document).name != "changed"


def test_a_slow_database_does_not_keep_the_server_shut(
    services: Services, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(warming, "LONGEST", -1.0)
    asked: list[str] = []
    monkeypatch.setattr(warming, "_ask", lambda _app, page, _host: asked.append(page))
    warming.warm(lambda _: FastAPI(), services)
    assert asked == []
    assert "too long" in caplog.text
