"""The programming interface: the accounting system's round trip, and requests sent again."""

from __future__ import annotations

import datetime as dt
import hashlib
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from sqlalchemy import select, update
from starlette.testclient import TestClient

from archive.actors import Role
from archive.records import AuditRow, Document, now
from archive.repeats import RequestKey
from tests.helpers import FixedReader, invoice
from tests.programs import V1, let_pass, program, stated, upload
from worker.pipeline import Pipeline
from worker.services import Services


def test_the_accounting_systems_round_trip(web: TestClient, joined: Services) -> None:
    program(web)
    taken = upload(web)
    assert taken.status_code == 201
    document_id = taken.json()["files"][0]["document"]
    assert web.get(f"{V1}/documents/{document_id}").json()["state"] == "received"
    let_pass(joined, document_id)
    made = web.post(f"{V1}/vouchers", json=stated())
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
    again = web.post(f"{V1}/vouchers", json=stated())
    assert again.status_code == 200
    otherwise = web.post(f"{V1}/vouchers", json=stated(summary="otherwise"))
    assert (otherwise.status_code, otherwise.json()["code"]) == (409, "voucher_refused")


def test_documents_are_searched_page_by_page(web: TestClient, joined: Services) -> None:
    program(web)
    for text in ("1", "2", "3"):
        document_id = upload(web, text).json()["files"][0]["document"]
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
    program(web)
    document_id = upload(web).json()["files"][0]["document"]
    address = f"{V1}/vouchers/JZ-2/documents"
    moved = web.post(address, json={"document": document_id})
    assert (moved.status_code, moved.json()["voucher"]) == (200, "JZ-2")
    assert web.post(address, json={"document": "0" * 24}).status_code == 404
    bad = web.post(f"{V1}/vouchers/a b/documents", json={"document": document_id})
    assert (bad.status_code, bad.json()["code"]) == (422, "bad_voucher_number")
    let_pass(joined, document_id)
    Pipeline(joined).seal("JZ-2")
    late = web.post(f"{V1}/vouchers/JZ-3/documents", json={"document": document_id})
    assert (late.status_code, late.json()["code"]) == (409, "too_late_to_attach")
    actor = program(web, (Role.ARCHIVIST, "elsewhere"))
    assert actor
    assert web.post(address, json={"document": document_id}).status_code == 404


# -- sending again -------------------------------------------------------------------------


def test_the_same_request_again_does_nothing_again(web: TestClient, joined: Services) -> None:
    actor = program(web)
    first = upload(web, **{"Idempotency-Key": "k1"})
    again = upload(web, **{"Idempotency-Key": "k1"})
    assert (again.status_code, again.json()) == (201, first.json())
    assert again.headers["idempotent-replayed"] == "true"
    other = upload(web, "2", **{"Idempotency-Key": "k1"})
    assert (other.status_code, other.json()["code"]) == (422, "key_reused")
    with joined.database.read() as session:
        assert len(session.scalars(select(Document.id)).all()) == 1
        opened = select(AuditRow.seq).where(AuditRow.action == "batch_opened")
        assert len(session.scalars(opened).all()) == 1
    program(web)  # another person's key of the same name is another key
    assert upload(web, "2", **{"Idempotency-Key": "k1"}).status_code == 201
    assert actor


def test_a_request_that_failed_frees_its_key(web: TestClient, joined: Services) -> None:
    actor = program(web)
    key = {"Idempotency-Key": "k1"}
    missing = {"document": "0" * 24}
    address = f"{V1}/vouchers/JZ-2/documents"
    assert web.post(address, json=missing, headers=key).status_code == 404
    document_id = upload(web).json()["files"][0]["document"]
    assert web.post(address, json={"document": document_id}, headers=key).status_code == 200
    with joined.database.write() as session:
        session.execute(update(RequestKey).values(status=None))
    busy = web.post(address, json={"document": document_id}, headers=key)
    assert (busy.status_code, busy.json()["code"]) == (409, "still_being_done")
    with joined.database.write() as session:
        session.execute(update(RequestKey).values(begun_at=now() - dt.timedelta(minutes=6)))
    assert web.post(address, json={"document": document_id}, headers=key).status_code == 200
    assert actor


def test_of_many_that_come_at_once_with_one_key_one_is_done(
    web: TestClient, joined: Services
) -> None:
    """Each gets the one answer, or is told that the first is still at it."""
    program(web)
    together = threading.Barrier(8)

    def send(_: int) -> Any:
        together.wait(30)
        return upload(web, **{"Idempotency-Key": "k1"})

    with ThreadPoolExecutor(8) as pool:
        replies = list(pool.map(send, range(8)))
    done = [reply for reply in replies if reply.status_code == 201]
    assert {reply.status_code for reply in replies} <= {201, 409}
    assert {reply.json()["code"] for reply in replies if reply.status_code == 409} <= {
        "still_being_done"
    }
    assert len([reply for reply in done if "idempotent-replayed" not in reply.headers]) == 1
    late = upload(web, **{"Idempotency-Key": "k1"})
    assert {reply.json()["batch"] for reply in (*done, late)} == {late.json()["batch"]}
    with joined.database.read() as session:
        assert len(session.scalars(select(Document.id)).all()) == 1
        opened = select(AuditRow.seq).where(AuditRow.action == "batch_opened")
        assert len(session.scalars(opened).all()) == 1
