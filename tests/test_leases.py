"""A lease is for one, and passes on when its holder is gone."""

from __future__ import annotations

from archive import leases
from archive.database import Database
from archive.records import Document, State
from tests.helpers import archived


def test_a_lease_is_for_one(database: Database) -> None:
    document_id = archived(database, "1")
    with database.write() as session:
        token = leases.take(session, Document, document_id, 60)
        assert token
        assert leases.take(session, Document, document_id, 60) is None
        assert leases.renew(session, Document, document_id, token, 60)
        assert not leases.end(session, Document, document_id, "somebody else's")
        assert leases.end(session, Document, document_id, token)
        assert leases.take(session, Document, document_id, 60)


def test_an_expired_lease_passes_on_and_its_holder_finds_out(database: Database) -> None:
    document_id = archived(database, "1")
    with database.write() as session:
        first = leases.take(session, Document, document_id, -1)
        second = leases.take(session, Document, document_id, 60)
        assert first
        assert second
        assert not leases.end(session, Document, document_id, first)
    with database.read() as session:
        assert session.get_one(Document, document_id).attempts == 2


def test_a_lease_asks_for_the_state(database: Database) -> None:
    document_id = archived(database, "1")
    with database.write() as session:
        assert leases.take(session, Document, document_id, 60, (State.RECEIVED,)) is None
        assert leases.take(session, Document, document_id, 60, (State.ARCHIVED,))
