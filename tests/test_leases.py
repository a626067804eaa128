"""A lease is for one, and passes on when its holder is gone."""

from __future__ import annotations

from archive import leases
from archive.database import Database
from archive.records import Document, InvoiceRow, State, Voucher, new_id
from tests.helpers import sha256


def _document(database: Database, number: str, voucher: str = "V1") -> str:
    document_id = new_id()
    with database.write() as session:
        if session.get(Voucher, voucher) is None:
            session.add(Voucher(voucher_no=voucher))
            session.flush()
        session.add(
            Document(
                id=document_id,
                sha256=sha256(number.encode()),
                size=1,
                name="a.pdf",
                voucher_no=voucher,
                state=State.ARCHIVED,
            )
        )
        session.flush()
        session.add(
            InvoiceRow(
                document_id=document_id,
                kind="x",
                invoice_number=number,
                number_reversed=number[::-1],
                data={},
            )
        )
    return document_id


def test_a_lease_is_for_one(database: Database) -> None:
    document_id = _document(database, "1")
    with database.write() as session:
        token = leases.take(session, Document, document_id, 60)
        assert token
        assert leases.take(session, Document, document_id, 60) is None
        assert leases.renew(session, Document, document_id, token, 60)
        assert not leases.end(session, Document, document_id, "somebody else's")
        assert leases.end(session, Document, document_id, token)
        assert leases.take(session, Document, document_id, 60)


def test_an_expired_lease_passes_on_and_its_holder_finds_out(database: Database) -> None:
    document_id = _document(database, "1")
    with database.write() as session:
        first = leases.take(session, Document, document_id, -1)
        second = leases.take(session, Document, document_id, 60)
        assert first
        assert second
        assert not leases.end(session, Document, document_id, first)
    with database.read() as session:
        assert session.get_one(Document, document_id).attempts == 2


def test_a_lease_asks_for_the_state(database: Database) -> None:
    document_id = _document(database, "1")
    with database.write() as session:
        assert leases.take(session, Document, document_id, 60, (State.RECEIVED,)) is None
        assert leases.take(session, Document, document_id, 60, (State.ARCHIVED,))
