"""The programming interface: tokens and scopes, the accounting system's round trip, requests sent
again, and signed webhooks."""

from __future__ import annotations

import datetime as dt
import hashlib
import hmac
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest
from sqlalchemy import select, update
from starlette.testclient import TestClient

from archive import accounts, tokens
from archive.actors import Actor, Role
from archive.people import ApiToken
from archive.records import AuditRow, Document, State, now
from archive.repeats import RequestKey
from archive.tokens import Scope
from archive.webhooks import WebhookDelivery
from tests.helpers import CONFIRMED, FixedReader, FixedVerifier, invoice, make_person, sign_in, xml
from web.app import create_app
from worker import broker, webhooks
from worker.pipeline import Pipeline
from worker.services import Services
from worker.settings import Settings
from worker.visit import Visit

V1 = "/api/v1"
EVERY_ROLE = (Role.SUBMITTER, Role.ARCHIVIST, Role.REVIEWER)


@pytest.fixture
def web(settings: Settings) -> Iterator[TestClient]:
    chosen = settings.model_copy(update={"webhook_private": True})
    with (
        broker.bundled(chosen),
        TestClient(create_app(chosen), base_url="http://localhost") as client,
    ):
        yield client


def _token(web: TestClient, actor: Actor, *scopes: Scope, lives: dt.timedelta | None = None) -> str:
    """Make a token and let this client send it."""
    services: Services = web.app.state.services  # type: ignore[attr-defined]
    with services.database.write() as session:
        text = tokens.make(session, actor, "test", list(scopes or Scope), lives)
    web.headers["Authorization"] = f"Bearer {text}"
    return text


def _program(web: TestClient, *roles: Role | tuple[Role, str]) -> Actor:
    """A person, whose token with every scope the client sends from now on."""
    services: Services = web.app.state.services  # type: ignore[attr-defined]
    actor = make_person(services, *(roles or EVERY_ROLE))
    _token(web, actor)
    return actor


def _upload(web: TestClient, text: str = "1", **headers: str) -> Any:
    files = [("files", (f"{text}.xml", xml(text)))]
    return web.post(f"{V1}/documents", files=files, data={"voucher": "JZ-1"}, headers=headers)


def _pass(services: Services, document_id: str) -> None:
    pipeline = Pipeline(services)
    pipeline.read(document_id, FixedReader(invoice()))
    pipeline.verify(document_id, Visit(FixedVerifier([CONFIRMED]), "http://portal.test/"))


def _stated(**changes: object) -> dict[str, object]:
    return {
        "fiscal_year": 2026, "period": 10, "number": 12, "word": "记", "voucher_no": "JZ-1",
        "voucher_date": "2026-10-31", "agency_name": "某某学校", "attachments": 1,
        "entries": [
            {"account_code": "5001", "summary": "办公用品", "debit": "113.00"},
            {"account_code": "1002", "credit": "113.00"},
        ],
    } | changes  # fmt: skip


# -- the round trip ------------------------------------------------------------------------


def test_the_accounting_systems_round_trip(web: TestClient, joined: Services) -> None:
    _program(web)
    taken = _upload(web)
    assert taken.status_code == 201
    document_id = taken.json()["files"][0]["document"]
    assert web.get(f"{V1}/documents/{document_id}").json()["state"] == "received"
    _pass(joined, document_id)
    made = web.post(f"{V1}/vouchers", json=_stated())
    assert made.status_code == 201, made.text
    assert made.json()["differences"] == []
    assert (made.json()["expected"], made.json()["total"]) == ("113.00", "113.00")
    Pipeline(joined).seal("JZ-1")

    document = web.get(f"{V1}/documents/{document_id}").json()
    assert (document["state"], document["verdict"]) == ("archived", "confirmed")
    assert document["total_with_tax"] == "113.00"
    verdict = web.get(f"{V1}/documents/{document_id}/verdict").json()
    assert verdict["portal_count"] == 1
    assert verdict["evidence"][0]["sha256"] == hashlib.sha256(b"a picture").hexdigest()
    voucher = web.get(f"{V1}/vouchers/JZ-1").json()
    assert voucher["bags"][0]["invoices"] == 1
    assert voucher["facts"]["attachments"] == 1
    again = web.post(f"{V1}/vouchers", json=_stated())
    assert again.status_code == 200
    otherwise = web.post(f"{V1}/vouchers", json=_stated(summary="otherwise"))
    assert (otherwise.status_code, otherwise.json()["code"]) == (409, "voucher_refused")


def test_documents_are_searched_page_by_page(web: TestClient, joined: Services) -> None:
    _program(web)
    for text in ("1", "2", "3"):
        document_id = _upload(web, text).json()["files"][0]["document"]
        number = f"2631200000000000000{text}"
        Pipeline(joined).read(document_id, FixedReader(invoice(number)))
    first = web.get(f"{V1}/documents", params={"seller": "杭州", "limit": 2}).json()
    assert len(first["documents"]) == 2
    rest = web.get(
        f"{V1}/documents", params={"seller": "杭州", "limit": 2, "after": first["next"]}
    ).json()
    assert len(rest["documents"]) == 1
    assert rest["next"] is None
    one = web.get(f"{V1}/documents", params={"number": "000002"}).json()["documents"]
    assert [each["invoice_number"] for each in one] == ["26312000000000000002"]
    assert web.get(f"{V1}/documents", params={"after": "nonsense", "q": "1"}).status_code == 422


def test_a_document_is_put_to_another_voucher_until_it_is_sealed(
    web: TestClient, joined: Services
) -> None:
    _program(web)
    document_id = _upload(web).json()["files"][0]["document"]
    address = f"{V1}/vouchers/JZ-2/documents"
    moved = web.post(address, json={"document": document_id})
    assert (moved.status_code, moved.json()["voucher"]) == (200, "JZ-2")
    assert web.post(address, json={"document": "0" * 24}).status_code == 404
    bad = web.post(f"{V1}/vouchers/a b/documents", json={"document": document_id})
    assert (bad.status_code, bad.json()["code"]) == (422, "bad_voucher_number")
    _pass(joined, document_id)
    Pipeline(joined).seal("JZ-2")
    late = web.post(f"{V1}/vouchers/JZ-3/documents", json={"document": document_id})
    assert (late.status_code, late.json()["code"]) == (409, "too_late_to_attach")
    actor = _program(web, (Role.ARCHIVIST, "elsewhere"))
    assert actor
    assert web.post(address, json={"document": document_id}).status_code == 404


# -- tokens --------------------------------------------------------------------------------


#: Each call, and the scope that it needs.
CALLS: list[tuple[str, str, dict[str, Any], Scope]] = [
    ("POST", "/documents", {"files": [("files", ("a.xml", xml()))]}, Scope.UPLOAD),
    ("GET", "/documents", {"params": {"q": "1"}}, Scope.READ),
    ("GET", "/documents/{id}", {}, Scope.READ),
    ("GET", "/documents/{id}/verdict", {}, Scope.READ),
    ("GET", "/me", {}, Scope.READ),
    ("POST", "/vouchers", {"json": _stated(voucher_no="JZ-9")}, Scope.VOUCHERS),
    ("GET", "/vouchers/JZ-1", {}, Scope.VOUCHERS),
    ("POST", "/vouchers/JZ-9/documents", {"json": {"document": "{id}"}}, Scope.VOUCHERS),
    ("GET", "/webhooks", {}, Scope.WEBHOOKS),
    ("POST", "/webhooks", {"json": {"url": "http://127.0.0.1/", "events": ["document.read"]}},
     Scope.WEBHOOKS),
]  # fmt: skip


@pytest.mark.parametrize(("method", "path", "sent", "scope"), CALLS)
def test_a_token_does_what_its_scopes_say_and_nothing_else(
    web: TestClient, joined: Services, method: str, path: str, sent: dict[str, Any], scope: Scope
) -> None:
    actor = _program(web)
    document_id = _upload(web).json()["files"][0]["document"]
    address = V1 + path.replace("{id}", document_id)
    sent = json.loads(json.dumps(sent).replace("{id}", document_id)) if "json" in sent else sent
    _token(web, actor, *(set(Scope) - {scope}))
    refused = web.request(method, address, **sent)
    assert (refused.status_code, refused.json()["code"]) == (403, "scope_missing")
    _token(web, actor, scope)
    assert web.request(method, address, **sent).is_success


def test_every_call_of_the_interface_is_in_that_table(web: TestClient) -> None:
    described = web.get(f"{V1}/openapi.json").json()["paths"]
    listed = {(method, path.replace("JZ-1", "{voucher_no}").replace("JZ-9", "{voucher_no}")
               .replace("{id}", "{document_id}")) for method, path, _, _ in CALLS}  # fmt: skip
    listed |= {("DELETE", "/webhooks/{webhook_id}"), ("POST", "/webhooks/{webhook_id}/ping")}
    found = {
        (method.upper(), path.removeprefix(V1))
        for path, calls in described.items() for method in calls
    }  # fmt: skip
    assert found == listed


def test_a_token_dies_by_age_revocation_lock_and_lost_roles(
    web: TestClient, joined: Services
) -> None:
    actor = _program(web)
    assert web.get(f"{V1}/me").status_code == 200
    with joined.database.write() as session:
        session.execute(update(ApiToken).values(expires_at=now() - dt.timedelta(seconds=1)))
    assert web.get(f"{V1}/me").json()["code"] == "sign_in_needed"
    _token(web, actor)
    with joined.database.write() as session:
        newest = session.scalars(select(ApiToken).order_by(ApiToken.id.desc())).first()
        assert newest
        tokens.revoke(session, actor, newest.id)
    assert web.get(f"{V1}/me").status_code == 401
    _token(web, actor)
    with joined.database.write() as session:
        accounts.set_grants(session, accounts.by_id(session, actor.id), [])
    assert _upload(web).json()["code"] == "not_allowed"
    with joined.database.write() as session:
        accounts.set_disabled(session, accounts.by_id(session, actor.id), disabled=True)
    assert web.get(f"{V1}/me").status_code == 401


def test_a_token_opens_no_page_and_a_wrong_one_is_no_session(
    web: TestClient, joined: Services
) -> None:
    _program(web, *Role)
    for page in ("/", "/people", "/account", "/review"):
        assert web.get(page, follow_redirects=False).status_code == 303, page
    del web.headers["Authorization"]
    sign_in(web, *Role)
    assert web.get(f"{V1}/me").status_code == 200  # one's own session may look, too
    web.headers["Authorization"] = "Bearer yp_wrong"
    assert web.get(f"{V1}/me").status_code == 401  # and does not count beside a token
    del web.headers["X-CSRF-Token"]
    del web.headers["Authorization"]
    assert _upload(web).json()["code"] == "form_too_old"


def test_tokens_see_their_persons_campuses_only(web: TestClient, joined: Services) -> None:
    _program(web, (Role.SUBMITTER, "north"), (Role.ARCHIVIST, "north"))
    document_id = _upload(web).json()["files"][0]["document"]
    Pipeline(joined).read(document_id, FixedReader(invoice()))
    assert web.post(f"{V1}/vouchers", json=_stated(campus="north")).status_code == 201
    assert web.post(f"{V1}/vouchers", json=_stated(campus="south")).status_code == 403
    assert web.post(f"{V1}/vouchers", json=_stated(campus="")).status_code == 403
    _program(web, (Role.SUBMITTER, "south"), (Role.ARCHIVIST, "south"))
    for path in (f"documents/{document_id}", f"documents/{document_id}/verdict", "vouchers/JZ-1"):
        assert web.get(f"{V1}/{path}").status_code == 404, path
    assert web.get(f"{V1}/documents", params={"number": "263"}).json()["documents"] == []
    stolen = web.post(f"{V1}/vouchers", json=_stated(campus="south"))
    assert stolen.status_code == 403
    repeated = _upload(web).json()["files"][0]
    assert repeated["repeated"] is True
    assert repeated["document"] is None


# -- sending again -------------------------------------------------------------------------


def test_the_same_request_again_does_nothing_again(web: TestClient, joined: Services) -> None:
    actor = _program(web)
    first = _upload(web, **{"Idempotency-Key": "k1"})
    again = _upload(web, **{"Idempotency-Key": "k1"})
    assert (again.status_code, again.json()) == (201, first.json())
    assert again.headers["idempotent-replayed"] == "true"
    other = _upload(web, "2", **{"Idempotency-Key": "k1"})
    assert (other.status_code, other.json()["code"]) == (422, "key_reused")
    with joined.database.read() as session:
        assert len(session.scalars(select(Document.id)).all()) == 1
        opened = select(AuditRow.seq).where(AuditRow.action == "batch_opened")
        assert len(session.scalars(opened).all()) == 1
    _program(web)  # another person's key of the same name is another key
    assert _upload(web, "2", **{"Idempotency-Key": "k1"}).status_code == 201
    assert actor


def test_a_request_that_failed_frees_its_key(web: TestClient, joined: Services) -> None:
    actor = _program(web)
    key = {"Idempotency-Key": "k1"}
    missing = {"document": "0" * 24}
    address = f"{V1}/vouchers/JZ-2/documents"
    assert web.post(address, json=missing, headers=key).status_code == 404
    document_id = _upload(web).json()["files"][0]["document"]
    assert web.post(address, json={"document": document_id}, headers=key).status_code == 200
    with joined.database.write() as session:
        session.execute(update(RequestKey).values(status=None))
    busy = web.post(address, json={"document": document_id}, headers=key)
    assert (busy.status_code, busy.json()["code"]) == (409, "still_being_done")
    with joined.database.write() as session:
        session.execute(update(RequestKey).values(begun_at=now() - dt.timedelta(minutes=6)))
    assert web.post(address, json={"document": document_id}, headers=key).status_code == 200
    assert actor


# -- webhooks ------------------------------------------------------------------------------


class Receiver:
    """The accounting system's end of a webhook, on a real port."""

    def __init__(self) -> None:
        self.status = 200
        self.got: list[tuple[dict[str, str], bytes]] = []
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                receiver.got.append((dict(self.headers), body))
                self.send_response(receiver.status)
                self.send_header("Location", "http://127.0.0.1:1/")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                return

        self.server = HTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/hook?a=1"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    made = Receiver()
    yield made
    made.server.shutdown()
    made.server.server_close()


def _due_now(services: Services) -> None:
    with services.database.write() as session:
        session.execute(update(WebhookDelivery).values(next_try_at=now()))


def test_a_webhook_is_told_signed_and_once(
    web: TestClient, joined: Services, receiver: Receiver
) -> None:
    _program(web)
    webhooks.follow(joined)  # takes its place in the trail
    wanted = {"url": receiver.url, "events": ["document.read", "document.archived"]}
    hook = web.post(f"{V1}/webhooks", json=wanted).json()
    assert hook["secret"]
    assert web.get(f"{V1}/webhooks").json()[0]["secret"] is None
    document_id = _upload(web).json()["files"][0]["document"]
    _pass(joined, document_id)
    Pipeline(joined).seal("JZ-1")
    assert webhooks.follow(joined) == 2
    assert webhooks.deliver(joined) == 2
    assert webhooks.follow(joined) == webhooks.deliver(joined) == 0
    events = set()
    for headers, body in receiver.got:
        signed = f"{headers['Yanpiao-Timestamp']}.".encode() + body
        expected = hmac.new(hook["secret"].encode(), signed, hashlib.sha256).hexdigest()
        assert headers["Yanpiao-Signature"] == f"v1={expected}"
        assert headers["Host"].startswith("127.0.0.1:")
        said = json.loads(body)
        events.add(said["event"])
        assert said["document"]["id"] == document_id
    assert events == {"document.read", "document.archived"}


def test_what_the_other_side_refuses_is_tried_again_later(
    web: TestClient, joined: Services, receiver: Receiver
) -> None:
    _program(web)
    hook = web.post(
        f"{V1}/webhooks", json={"url": receiver.url, "events": ["document.read"]}
    ).json()
    assert web.post(f"{V1}/webhooks/{hook['id']}/ping").status_code == 202
    receiver.status = 503
    assert webhooks.deliver(joined) == 0
    assert webhooks.deliver(joined) == 0
    assert len(receiver.got) == 1  # not before its time
    pauses = []
    for status in (302, 500):  # a redirect is no acceptance, and is not followed
        receiver.status = status
        _due_now(joined)
        webhooks.deliver(joined)
        with joined.database.read() as session:
            row = session.scalars(select(WebhookDelivery)).one()
        assert row.answer == str(status)
        pauses.append(round((row.next_try_at - now()).total_seconds()))
    assert pauses == [60, 120]
    receiver.status = 204
    _due_now(joined)
    assert webhooks.deliver(joined) == 1
    with joined.database.read() as session:
        assert session.scalars(select(WebhookDelivery)).one().delivered


def test_after_three_days_a_message_is_given_up(
    web: TestClient, joined: Services, receiver: Receiver
) -> None:
    _program(web)
    hook = web.post(
        f"{V1}/webhooks", json={"url": receiver.url, "events": ["document.read"]}
    ).json()
    web.post(f"{V1}/webhooks/{hook['id']}/ping")
    receiver.status = 500
    with joined.database.write() as session:
        long_ago = now() - dt.timedelta(days=4)
        session.execute(update(WebhookDelivery).values(created_at=long_ago))
    webhooks.deliver(joined)
    _due_now(joined)
    assert webhooks.deliver(joined) == 0
    assert len(receiver.got) == 1
    with joined.database.read() as session:
        assert session.scalars(
            select(AuditRow.action).where(AuditRow.action == "webhook_given_up")
        ).one()


def test_a_removed_webhook_is_told_nothing_more(
    web: TestClient, joined: Services, receiver: Receiver
) -> None:
    _program(web)
    hook = web.post(
        f"{V1}/webhooks", json={"url": receiver.url, "events": ["document.read"]}
    ).json()
    web.post(f"{V1}/webhooks/{hook['id']}/ping")
    assert web.delete(f"{V1}/webhooks/{hook['id']}").status_code == 204
    assert webhooks.deliver(joined) == 0
    assert receiver.got == []
    assert web.delete(f"{V1}/webhooks/{hook['id']}").status_code == 404


def test_a_webhook_hears_only_of_what_its_person_sees(
    web: TestClient, joined: Services, receiver: Receiver
) -> None:
    webhooks.follow(joined)
    _program(web, (Role.ARCHIVIST, "south"))
    web.post(f"{V1}/webhooks", json={"url": receiver.url, "events": ["document.received"]})
    _program(web, (Role.SUBMITTER, "north"))
    assert _upload(web).status_code == 201
    assert webhooks.follow(joined) == 0
    _program(web, (Role.SUBMITTER, "south"))
    _upload(web, "2")
    assert webhooks.follow(joined) == 1


@pytest.mark.parametrize(
    "url",
    [
        "http://example.com/", "https://127.0.0.1/", "https://localhost/", "https://10.0.0.1/",
        "https://192.168.1.1/x", "https://169.254.169.254/latest", "https://[::1]/",
        "https://[::ffff:127.0.0.1]/", "https://0.0.0.0/", "https://100.64.0.1/",
        "https://[fe80::1]/", "https://224.0.0.1/", "https://2130706433/", "https://0x7f.1/",
        "file:///etc/passwd", "ftp://example.com/", "https://user@example.com/", "https:///x",
        "nonsense", "https://[", "https://a:99999/",
    ],
)  # fmt: skip
def test_addresses_inside_the_house_are_not_called(url: str) -> None:
    with pytest.raises(webhooks.BadWebhookAddress):
        webhooks.reachable(webhooks.parted(url, private=False), private=False)


def test_a_name_that_turns_inside_later_is_not_called(
    web: TestClient, joined: Services, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The address is judged again at every try, and is the very one that is connected to."""
    _program(web)
    hook = web.post(
        f"{V1}/webhooks", json={"url": receiver.url, "events": ["document.read"]}
    ).json()
    web.post(f"{V1}/webhooks/{hook['id']}/ping")
    monkeypatch.setattr(joined.settings, "webhook_private", False)
    assert webhooks.deliver(joined) == 0
    assert receiver.got == []
    with joined.database.read() as session:
        assert session.scalars(select(WebhookDelivery.answer)).one() == "bad_webhook_address"


def test_states_of_documents_are_events_of_webhooks() -> None:
    from archive.webhooks import Event

    told = {event.value.removeprefix("document.") for event in Event}
    assert told == set(State) - {State.VERIFIED}  # which lasts only for a second look
