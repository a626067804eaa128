"""Marks that go back to the accounting system as they change: checked, booked; signed, and tried
again where it did not take them."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Iterator

import pytest
from sqlalchemy import update

from archive import results_back
from archive import webhooks as kept
from archive.actors import Role
from archive.records import now
from archive.voucher_import import take_file
from archive.webhooks import Event, WebhookDelivery
from tests.helpers import CONFIRMED, FixedReader, hand_in, invoice, make_person, visit, xml
from tests.test_webhooks import Receiver
from tests.vouchering import HEAD, csv_file, of_voucher
from worker import broker, webhooks
from worker.pipeline import Pipeline
from worker.services import Services
from worker.settings import Settings

_CHECKED, _BOOKED = "WhetherEinvoiceHasBeenChecked", "WhetherEinvoiceHasBeenBooked"


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    made = Receiver()
    yield made
    made.server.shutdown()
    made.server.server_close()


@pytest.fixture
def joined(settings: Settings) -> Iterator[Services]:
    chosen = settings.model_copy(update={"webhook_private": True})
    with broker.bundled(chosen):
        opened = Services.open(chosen)
        yield opened
        opened.close()


def _marks(receiver: Receiver, secret: str) -> list[tuple[str, str, str]]:
    """State and marks of every message so far, each signature proved."""
    found = []
    for headers, body in receiver.got:
        signed = f"{headers['Yanpiao-Timestamp']}.".encode() + body
        expected = hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest()
        assert headers["Yanpiao-Signature"] == f"v1={expected}"
        said = json.loads(body)
        assert said["event"] == "document.results"
        assert tuple(said["results"]) == results_back.COLUMNS
        found.append(tuple(said["results"][name] for name in ("State", _CHECKED, _BOOKED)))
    return found


def _told(joined: Services) -> int:
    webhooks.follow(joined)
    return webhooks.deliver(joined)


def test_the_accounting_system_hears_of_each_mark(joined: Services, receiver: Receiver) -> None:
    actor = make_person(joined, Role.ARCHIVIST)
    with joined.database.write() as session:
        _, secret = kept.add(session, actor, receiver.url, [Event.RESULTS], joined.sealer)
    webhooks.follow(joined)  # takes its place in the trail
    document = hand_in(joined, xml(), voucher="JZ-1").document_id
    pipeline = Pipeline(joined)
    pipeline.read(document, FixedReader(invoice()))
    assert _told(joined) == 0  # nothing was checked yet
    pipeline.verify(document, visit(CONFIRMED))
    receiver.status = 503
    assert _told(joined) == 0
    receiver.status, tried = 200, len(receiver.got)
    assert tried == 1
    with joined.database.write() as session:
        session.execute(update(WebhookDelivery).values(next_try_at=now()))
    assert webhooks.deliver(joined) == 1
    pipeline.seal("JZ-1")
    assert _told(joined) == 1
    rows = [[*row, "赵记账", "2026-11-30"] for row in of_voucher(验票凭证号="JZ-1")]
    take_file(joined.database, csv_file(rows, head=(*HEAD, "记账人", "记账日期")), "test")
    assert _told(joined) == 1
    assert _told(joined) == 0
    assert _marks(receiver, secret) == [
        ("passed", "Y", "N"),
        ("passed", "Y", "N"),  # the same message again, with the same id
        ("archived", "Y", "N"),
        ("archived", "Y", "Y"),
    ]
    first, again = (json.loads(body)["id"] for _, body in receiver.got[:2])
    assert first == again
