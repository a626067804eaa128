"""Webhooks: signed, once, tried again, and never to where they must not go."""

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

from archive.actors import Role
from archive.records import AuditRow, State, now
from archive.webhooks import WebhookDelivery
from tests.programs import V1, let_pass, program, upload
from worker import webhooks
from worker.pipeline import Pipeline
from worker.services import Services
from worker.settings import Settings


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """Addresses inside the house may be called, so that a receiver can stand here."""
    return settings.model_copy(update={"webhook_private": True})


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


def _hooked(web: TestClient, receiver: Receiver, *events: str) -> dict[str, Any]:
    """A webhook of a new program, which hears of these events."""
    program(web)
    wanted = {"url": receiver.url, "events": events or ("document.read",)}
    made: dict[str, Any] = web.post(f"{V1}/webhooks", json=wanted).json()
    return made


def test_a_webhook_is_told_signed_and_once(
    web: TestClient, joined: Services, receiver: Receiver
) -> None:
    webhooks.follow(joined)  # takes its place in the trail
    hook = _hooked(web, receiver, "document.read", "document.archived")
    assert hook["secret"]
    assert web.get(f"{V1}/webhooks").json()[0]["secret"] is None
    document_id = upload(web).json()["files"][0]["document"]
    let_pass(joined, document_id)
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
    hook = _hooked(web, receiver)
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
    hook = _hooked(web, receiver)
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
    hook = _hooked(web, receiver)
    web.post(f"{V1}/webhooks/{hook['id']}/ping")
    assert web.delete(f"{V1}/webhooks/{hook['id']}").status_code == 204
    assert webhooks.deliver(joined) == 0
    assert receiver.got == []
    assert web.delete(f"{V1}/webhooks/{hook['id']}").status_code == 404


def test_a_webhook_hears_only_of_what_its_person_sees(
    web: TestClient, joined: Services, receiver: Receiver
) -> None:
    webhooks.follow(joined)
    program(web, (Role.ARCHIVIST, "south"))
    web.post(f"{V1}/webhooks", json={"url": receiver.url, "events": ["document.received"]})
    program(web, (Role.SUBMITTER, "north"))
    assert upload(web).status_code == 201
    assert webhooks.follow(joined) == 0
    program(web, (Role.SUBMITTER, "south"))
    upload(web, "2")
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
    hook = _hooked(web, receiver)
    web.post(f"{V1}/webhooks/{hook['id']}/ping")
    monkeypatch.setattr(joined.settings, "webhook_private", False)
    assert webhooks.deliver(joined) == 0
    assert receiver.got == []
    with joined.database.read() as session:
        assert session.scalars(select(WebhookDelivery.answer)).one() == "bad_webhook_address"


def test_states_of_documents_are_events_of_webhooks() -> None:
    from archive.webhooks import Event

    told = {event.value.removeprefix("document.") for event in Event if event is not Event.RESULTS}
    assert told == set(State) - {State.VERIFIED}  # which lasts only for a second look
