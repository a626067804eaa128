"""Whoever is shown a document, a voucher or a proof leaves a row: asked of every route there is.

A route that is in neither table fails the test, so a new one is thought about here too.
"""

from __future__ import annotations

import datetime as dt
import json
import re
import secrets
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from io import BytesIO
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.routing import iter_route_contexts
from sqlalchemy import func, select, update
from starlette.testclient import TestClient

from archive import page_pictures
from archive.actors import Actor, Role
from archive.page_pictures import PageRow
from archive.records import AuditRow, EvidenceRow, now
from extractors.messages import codes
from tests.helpers import FixedReader, invoice, sign_in, visit, whole_road, xml
from tests.reviewing import NOT_FOUND
from verifiers.model import CaptchaChallenge
from web.app import create_app
from worker import broker
from worker.pipeline import Pipeline
from worker.services import Services
from worker.settings import Settings

#: What shows no document, voucher or proof, or many of them in a list; a list is no view of each.
SHOWS_NONE = (
    r"/sign-in(/.*)?|/sign-out|/link/\{token\}|/account(/.*)?|/people(/.*)?",
    r"/health|/ready|/metrics|/api/v1/(openapi\.json|me|webhooks.*)",
    r"/|/latest|/find|/find/results|/claims|/claims/rows|/new|/review|/review/bulk|/vouchers",
    r"/batches/\{batch_id\}(/rows)?",
    r"/dashboard(/.*)?|/notices(/.*)?|/api/events(/now)?|/audit|/audit/chain",
    r"/upload|/api/(upload|claims|known|transfers)(/.*)?",
    r"/captcha|/api/captcha/next",
)
#: Deeds at the captcha desk need a captcha that waits; they have a test of their own below.
AT_THE_DESK = r"/api/captcha/\{challenge_id\}(/\{aside\})?"
NUMBER = "26312000000000000002"


@dataclass
class Office:
    """One document in review, one sealed with its voucher, and who looks at them."""

    web: TestClient
    services: Services
    actor: Actor
    case: str
    sealed: str
    evidence: str


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    settings = Settings(data=tmp_path_factory.mktemp("views"), api_per_minute=100_000)
    with (
        broker.bundled(settings),
        TestClient(create_app(settings), base_url="http://localhost") as web,
    ):
        services: Services = web.app.state.services  # type: ignore[attr-defined]
        actor = sign_in(web, *Role)
        sealed = _handed_in(services, actor, "JZ-1", "sealed")
        whole_road(services, sealed)
        case = _handed_in(services, actor, "JZ-2", "case")
        pipeline = Pipeline(services)
        pipeline.read(case, FixedReader(invoice(NUMBER)))
        pipeline.verify(case, visit(NOT_FOUND))
        with services.database.write() as session:
            digest = services.store.put(b"a drawn page")
            row = PageRow(
                document_id=case, page=0, media_type="image/webp", width=1, height=1, sha256=digest
            )
            page_pictures.keep(session, case, [row])
            evidence = session.scalars(select(EvidenceRow.id)).first()
        assert evidence
        yield Office(web, services, actor, case, sealed, evidence)


def _handed_in(services: Services, actor: Actor, voucher: str, text: str) -> str:
    batch = services.intake.open_batch("http", actor.id, voucher)
    return services.intake.accept(batch, f"{text}.xml", BytesIO(xml(text))).document_id


def _routes(app: FastAPI) -> list[tuple[str, str]]:
    return sorted(
        (method, str(route.path))
        for route in iter_route_contexts(app.routes)
        for method in (route.methods or ())
        if method != "HEAD"
    )


def _shows(path: str) -> bool:
    return not any(re.fullmatch(pattern, path) for pattern in (*SHOWS_NONE, AT_THE_DESK))


def _voucher() -> dict[str, Any]:
    entries = [{"account_code": "1", "debit": "1"}, {"account_code": "2", "credit": "1"}]
    return {
        "fiscal_year": 2026, "period": 1, "number": 1, "voucher_date": "2026-01-31",
        "voucher_no": "JZ-9", "entries": entries,
    }  # fmt: skip


def _sent(office: Office, method: str, path: str) -> tuple[str, dict[str, Any]]:
    """The address with ids that are there, and a body with which it does something."""
    sealed = "/bags/" in path or path.startswith("/api/v1/vouchers/{voucher_no}/bags")
    ids = {
        "document_id": office.case,
        "evidence_id": office.evidence,
        "voucher_no": "JZ-1" if sealed else "JZ-2",
        "version": "1",
        "number": "0",
        "field": "invoice_number",
        "form": "csv",
        "action": "note",
    }
    address = re.sub(r"\{(\w+)(:\w+)?\}", lambda found: ids[found[1]], path)
    bodies: dict[str, dict[str, Any]] = {
        "/review/{document_id}/{action}": {"data": {"text": "x", "token": secrets.token_hex(8)}},
        "/claims/{document_id}/picture": {"files": {"file": ("b.xml", xml("better"))}},
        "/vouchers/{voucher_no}/accept": {"data": {"code": "nothing", "reason": "x"}},
        "/api/v1/documents": {"files": {"files": ("c.xml", xml("another"))}},
        "/api/v1/vouchers": {"json": _voucher()},
        "/api/v1/vouchers/{voucher_no}/documents": {"json": {"document": office.case}},
    }
    if method == "GET":
        return address, {"params": {"q": "000001"}} if path == "/api/v1/documents" else {}
    return address, bodies.get(path, {})


def _last(services: Services) -> int:
    with services.database.read() as session:
        return session.scalar(select(func.max(AuditRow.seq))) or 0


def _rows(services: Services, after: int) -> list[AuditRow]:
    with services.database.read() as session:
        return list(session.scalars(select(AuditRow).where(AuditRow.seq > after)))


def _long_ago(services: Services) -> None:
    """Let every earlier view be of another sitting."""
    with services.database.engine.begin() as connection:
        triggers = connection.exec_driver_sql(
            "SELECT name, sql FROM sqlite_master WHERE type='trigger' AND tbl_name='audit'"
        ).all()
        for name, _ in triggers:
            connection.exec_driver_sql(f'DROP TRIGGER "{name}"')
        connection.execute(update(AuditRow).values(at=now() - dt.timedelta(hours=1)))
        for _, made in triggers:
            connection.exec_driver_sql(made)


def _is_about(row: AuditRow) -> bool:
    named = row.document_id or row.voucher_no or "documents" in json.loads(row.detail)
    return bool(named) or row.action.endswith("_exported")


def _untold(office: Office) -> list[tuple[str, str]]:
    """Routes that show something and left no row of this actor about it."""
    app: FastAPI = office.web.app  # type: ignore[assignment]
    silent = []
    # Deeds after looks: a document that was taken back is looked at no more.
    for method, path in sorted(_routes(app), key=lambda route: (route[0] != "GET", route)):
        if not _shows(path):
            continue
        _long_ago(office.services)
        before = _last(office.services)
        address, sent = _sent(office, method, path)
        reply = office.web.request(method, address, follow_redirects=False, **sent)
        assert reply.status_code < (400 if method == "GET" else 500), (path, reply.text)
        if reply.status_code >= 300 and NUMBER not in reply.text:
            continue  # led on, or refused: nothing was shown
        mine = [row for row in _rows(office.services, before) if row.actor == office.actor.id]
        if not any(map(_is_about, mine)):
            silent.append((method, path))
    return silent


def test_every_route_that_shows_a_document_leaves_a_row(office: Office) -> None:
    assert _untold(office) == []
    app: FastAPI = office.web.app  # type: ignore[assignment]

    @app.get("/peep/{document_id}")
    def forgot(document_id: str) -> str:
        return document_id

    assert _untold(office) == [("GET", "/peep/{document_id}")]
    app.router.routes.pop()
    assert ("GET", "/peep/{document_id}") not in _routes(app)


def test_no_table_names_what_is_not_there(office: Office) -> None:
    app: FastAPI = office.web.app  # type: ignore[assignment]
    paths = {path for _, path in _routes(app)}
    for pattern in (*SHOWS_NONE, AT_THE_DESK):
        assert any(re.fullmatch(pattern, path) for path in paths), pattern


def test_a_page_that_draws_itself_again_is_one_view(office: Office) -> None:
    _long_ago(office.services)
    before = _last(office.services)
    office.web.get(f"/claims/{office.case}")
    for _ in range(3):
        office.web.get(f"/claims/{office.case}/way")
        office.web.get(f"/review/{office.case}/page/0")
    assert [row.action for row in _rows(office.services, before)] == ["document_viewed"]


def test_what_is_not_shown_leaves_no_row(office: Office) -> None:
    stranger = TestClient(office.web.app, base_url="http://localhost")
    sign_in(stranger, (Role.AUDITOR, "elsewhere"))
    before = _last(office.services)
    for address in (
        *(f"/documents/{office.case}", f"/review/{office.case}", f"/review/{office.case}/page/0"),
        *(f"/evidence/{office.evidence}", "/vouchers/JZ-1", "/vouchers/JZ-1/bags/1"),
    ):
        assert stranger.get(address).status_code == 404, address
    assert _rows(office.services, before) == []


def test_every_row_of_all_this_has_its_word(office: Office) -> None:
    with office.services.database.read() as session:
        actions = set(session.scalars(select(AuditRow.action).distinct()))
    for language in ("zh", "en"):
        known = codes(language)
        assert {one for one in actions if f"ui_action_{one}" not in known} == set()


# -- the captcha desk ----------------------------------------------------------------------


def _posed(office: Office, answers: list[str | None]) -> tuple[CaptchaChallenge, threading.Thread]:
    challenge = CaptchaChallenge(
        document_id=office.case,
        image_png=b"png",
        instruction="红色",
        colour="red",
        expires_at=now() + dt.timedelta(seconds=60),
    )
    asking = threading.Thread(
        target=lambda: answers.append(office.services.desk.ask(challenge)), daemon=True
    )
    asking.start()
    while office.services.desk.waiting() == 0:
        pass
    return challenge, asking


@pytest.mark.parametrize("accepted", [True, False])
def test_who_typed_a_captcha_and_how_it_ended_is_told(office: Office, accepted: bool) -> None:
    desk = office.services.desk
    answers: list[str | None] = []
    challenge, asking = _posed(office, answers)
    before = _last(office.services)
    assert office.web.get("/api/captcha/next", params={"operator": "page"}).status_code == 200
    address = f"/api/captcha/{challenge.id}"
    assert office.web.post(f"{address}/skip", params={"operator": "page"}).status_code == 200
    reply = office.web.post(address, json={"answer": "sEcr3t"})
    assert reply.status_code == 200
    asking.join(10)
    desk.report(challenge, accepted)
    rows = _rows(office.services, before)
    me = office.actor.id
    ending = "captcha_accepted" if accepted else "captcha_refused"
    assert [(row.action, row.actor) for row in rows] == [
        ("captcha_skipped", me),
        ("captcha_answered", me),
        (ending, "system"),
    ]
    assert {row.document_id for row in rows} == {office.case}
    assert json.loads(rows[-1].detail) == {"challenge": challenge.id, "operator": me}
    assert not any("sEcr3t" in row.detail for row in rows)


def test_another_picture_is_told_and_a_lost_captcha_is_not(office: Office) -> None:
    challenge, asking = _posed(office, [])
    before = _last(office.services)
    address = f"/api/captcha/{challenge.id}"
    assert office.web.post(f"{address}/refresh", params={"operator": "page"}).status_code == 200
    asking.join(10)
    for late in ("skip", "refresh"):
        assert office.web.post(f"{address}/{late}", params={"operator": "p"}).status_code == 410
    assert office.web.post(address, json={"answer": "abc"}).status_code == 410
    assert [row.action for row in _rows(office.services, before)] == ["captcha_renewed"]
