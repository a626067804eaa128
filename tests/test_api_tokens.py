"""Tokens and scopes: what a program may do with the one it has."""

from __future__ import annotations

import datetime as dt
import io
import json
import re
import zipfile
from typing import Any

import pytest
from sqlalchemy import select, update
from starlette.testclient import TestClient

from archive import accounts, tokens
from archive.actors import Role
from archive.people import ApiToken
from archive.records import AuditRow, Document, now
from archive.tokens import Scope
from tests.helpers import FixedReader, invoice, sign_in, xml
from tests.programs import V1, let_pass, program, stated, token, upload
from worker.pipeline import Pipeline
from worker.services import Services
from worker.settings import Settings


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """Addresses inside the house may be called, so that a receiver can stand here."""
    return settings.model_copy(update={"webhook_private": True})


#: Each call, and the scopes of which any one lets it through.
CALLS: list[tuple[str, str, dict[str, Any], set[Scope]]] = [
    ("POST", "/documents", {"files": [("files", ("a.xml", xml()))]}, {Scope.UPLOAD}),
    ("GET", "/documents", {"params": {"q": "1"}}, {Scope.READ}),
    ("GET", "/documents/{id}", {}, {Scope.READ}),
    ("GET", "/documents/{id}/verdict", {}, {Scope.READ}),
    ("GET", "/me", {}, {Scope.READ}),
    ("POST", "/vouchers", {"json": stated(voucher_no="JZ-9")}, {Scope.VOUCHERS}),
    ("GET", "/vouchers/JZ-1", {}, {Scope.VOUCHERS, Scope.VOUCHERS_READ}),
    ("GET", "/vouchers/JZ-1/bags/1", {}, {Scope.BAGS}),
    ("POST", "/vouchers/JZ-9/documents", {"json": {"document": "{id}"}}, {Scope.VOUCHERS}),
    ("GET", "/webhooks", {}, {Scope.WEBHOOKS}),
    ("POST", "/webhooks", {"json": {"url": "http://127.0.0.1/", "events": ["document.read"]}},
     {Scope.WEBHOOKS}),
]  # fmt: skip


@pytest.mark.parametrize(("method", "path", "sent", "scopes"), CALLS)
def test_a_token_does_what_its_scopes_say_and_nothing_else(
    web: TestClient,
    joined: Services,
    method: str,
    path: str,
    sent: dict[str, Any],
    scopes: set[Scope],
) -> None:
    actor = program(web)
    document_id = upload(web).json()["files"][0]["document"]
    if "/bags/" in path:
        let_pass(joined, document_id)
        Pipeline(joined).seal("JZ-1")
    address = V1 + path.replace("{id}", document_id)
    sent = json.loads(json.dumps(sent).replace("{id}", document_id)) if "json" in sent else sent
    token(web, actor, *(set(Scope) - scopes))
    refused = web.request(method, address, **sent)
    assert (refused.status_code, refused.json()["code"]) == (403, "scope_missing")
    for scope in scopes:
        token(web, actor, scope)
        assert web.request(method, address, **sent).is_success, scope


def test_every_call_of_the_interface_is_in_that_table(web: TestClient) -> None:
    described = web.get(f"{V1}/openapi.json").json()["paths"]
    listed = {
        (method, re.sub(r"JZ-\d", "{voucher_no}", path).replace("{id}", "{document_id}")
         .replace("/bags/1", "/bags/{version}"))
        for method, path, _, _ in CALLS
    }  # fmt: skip
    listed |= {("DELETE", "/webhooks/{webhook_id}"), ("POST", "/webhooks/{webhook_id}/ping")}
    found = {
        (method.upper(), path.removeprefix(V1))
        for path, calls in described.items() for method in calls
    }  # fmt: skip
    assert found == listed


def test_a_bag_is_taken_whole_or_not_at_all(web: TestClient, joined: Services) -> None:
    """It holds everything of its voucher: who may not see all of it gets none of it."""
    program(web, (Role.SUBMITTER, "north"))
    document_id = upload(web).json()["files"][0]["document"]
    let_pass(joined, document_id)
    Pipeline(joined).seal("JZ-1")
    program(web, (Role.ARCHIVIST, "north"))
    address = f"{V1}/vouchers/JZ-1/bags/1"
    reply = web.get(address)
    assert reply.headers["content-type"] == "application/zip"
    with zipfile.ZipFile(io.BytesIO(reply.content)) as packed:
        assert packed.testzip() is None
        assert any(name.endswith("/bagit.txt") for name in packed.namelist())
    for missing in (f"{V1}/vouchers/JZ-1/bags/2", f"{V1}/vouchers/JZ-0/bags/1"):
        assert (web.get(missing).status_code, web.get(missing).json()["code"]) == (
            404,
            "unknown_voucher",
        )
    with joined.database.write() as session:
        session.get_one(Document, document_id).campus = "south"
    assert web.get(address).status_code == 404
    program(web, (Role.SUBMITTER, "south"))
    assert web.get(address).json()["code"] == "not_allowed"
    program(web, (Role.AUDITOR, "south"))
    assert web.get(address).status_code == 200
    with joined.database.read() as session:
        taken = session.scalars(select(AuditRow).where(AuditRow.action == "bag_taken")).all()
    assert len(taken) == 2


def test_a_token_dies_by_age_revocation_lock_and_lost_roles(
    web: TestClient, joined: Services
) -> None:
    actor = program(web)
    assert web.get(f"{V1}/me").status_code == 200
    with joined.database.write() as session:
        session.execute(update(ApiToken).values(expires_at=now() - dt.timedelta(seconds=1)))
    assert web.get(f"{V1}/me").json()["code"] == "sign_in_needed"
    token(web, actor)
    with joined.database.write() as session:
        newest = session.scalars(select(ApiToken).order_by(ApiToken.id.desc())).first()
        assert newest
        tokens.revoke(session, actor, newest.id)
    assert web.get(f"{V1}/me").status_code == 401
    token(web, actor)
    with joined.database.write() as session:
        accounts.set_grants(session, accounts.by_id(session, actor.id), [])
    assert upload(web).json()["code"] == "not_allowed"
    with joined.database.write() as session:
        accounts.set_disabled(session, accounts.by_id(session, actor.id), disabled=True)
    assert web.get(f"{V1}/me").status_code == 401


def test_a_token_opens_no_page_and_a_wrong_one_is_no_session(
    web: TestClient, joined: Services
) -> None:
    program(web, *Role)
    for page in ("/", "/people", "/account", "/review"):
        assert web.get(page, follow_redirects=False).status_code == 303, page
    del web.headers["Authorization"]
    sign_in(web, *Role)
    assert web.get(f"{V1}/me").status_code == 200  # one's own session may look, too
    web.headers["Authorization"] = "Bearer yp_wrong"
    assert web.get(f"{V1}/me").status_code == 401  # and does not count beside a token
    del web.headers["X-CSRF-Token"]
    del web.headers["Authorization"]
    assert upload(web).json()["code"] == "form_too_old"


def test_tokens_see_their_persons_campuses_only(web: TestClient, joined: Services) -> None:
    program(web, (Role.SUBMITTER, "north"), (Role.ARCHIVIST, "north"))
    document_id = upload(web).json()["files"][0]["document"]
    Pipeline(joined).read(document_id, FixedReader(invoice()))
    assert web.post(f"{V1}/vouchers", json=stated(campus="north")).status_code == 201
    assert web.post(f"{V1}/vouchers", json=stated(campus="south")).status_code == 403
    assert web.post(f"{V1}/vouchers", json=stated(campus="")).status_code == 403
    program(web, (Role.SUBMITTER, "south"), (Role.ARCHIVIST, "south"))
    for path in (f"documents/{document_id}", f"documents/{document_id}/verdict", "vouchers/JZ-1"):
        assert web.get(f"{V1}/{path}").status_code == 404, path
    assert web.get(f"{V1}/documents", params={"number": "263"}).json()["documents"] == []
    stolen = web.post(f"{V1}/vouchers", json=stated(campus="south"))
    assert stolen.status_code == 403
    repeated = upload(web).json()["files"][0]
    assert repeated["repeated"] is True
    assert repeated["document"] is None
