"""What a program of the house does with the interface, for its tests."""

from __future__ import annotations

import datetime as dt
from typing import Any

from starlette.testclient import TestClient

from archive import tokens
from archive.actors import Actor, Role
from archive.tokens import Scope
from tests.helpers import CONFIRMED, FixedReader, FixedVerifier, invoice, make_person, xml
from worker.pipeline import Pipeline
from worker.services import Services
from worker.visit import Visit

V1 = "/api/v1"
EVERY_ROLE = (Role.SUBMITTER, Role.ARCHIVIST, Role.REVIEWER)


def token(web: TestClient, actor: Actor, *scopes: Scope, lives: dt.timedelta | None = None) -> str:
    """Make a token and let this client send it."""
    services: Services = web.app.state.services  # type: ignore[attr-defined]
    with services.database.write() as session:
        text = tokens.make(session, actor, "test", list(scopes or Scope), lives)
    web.headers["Authorization"] = f"Bearer {text}"
    return text


def program(web: TestClient, *roles: Role | tuple[Role, str]) -> Actor:
    """A person, whose token with every scope the client sends from now on."""
    services: Services = web.app.state.services  # type: ignore[attr-defined]
    actor = make_person(services, *(roles or EVERY_ROLE))
    token(web, actor)
    return actor


def upload(web: TestClient, text: str = "1", **headers: str) -> Any:
    files = [("files", (f"{text}.xml", xml(text)))]
    return web.post(f"{V1}/documents", files=files, data={"voucher": "JZ-1"}, headers=headers)


def let_pass(services: Services, document_id: str) -> None:
    pipeline = Pipeline(services)
    pipeline.read(document_id, FixedReader(invoice()))
    pipeline.verify(document_id, Visit(FixedVerifier([CONFIRMED]), "http://portal.test/"))


def stated(**changes: object) -> dict[str, object]:
    return {
        "fiscal_year": 2026, "period": 10, "number": 12, "word": "记", "voucher_no": "JZ-1",
        "voucher_date": "2026-10-31", "agency_name": "某某学校", "attachments": 1,
        "entries": [
            {"account_code": "5001", "summary": "办公用品", "debit": "113.00"},
            {"account_code": "1002", "credit": "113.00"},
        ],
    } | changes  # fmt: skip
