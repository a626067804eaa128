"""A whole archive comes back from its bags, and the deep check agrees with what came back."""

from __future__ import annotations

import datetime as dt
import shutil
from pathlib import Path

import pytest
from sqlalchemy import select

from archive import restoring, search
from archive.actors import Role
from archive.agreement import disagreements
from archive.bag_store import FolderBags
from archive.database import Database
from archive.people import Person
from archive.records import BagRow, Document, State, VerificationRow
from archive.reviewing import deed_json, deeds_of
from archive.search import Query
from archive.store import FileStore
from archive.vouchers import metadata_of
from tests.helpers import (
    CONFIRMED,
    FixedReader,
    hand_in,
    invoice,
    load,
    make_person,
    visit,
    whole_road,
    xml,
)
from tests.reviewing import accept, at_once, in_review
from worker.pipeline import Pipeline
from worker.services import Services


@pytest.fixture
def archived(services: Services) -> tuple[str, str]:
    """Two documents of one voucher, sealed one after the other: two versions of its bag."""
    first = hand_in(services, xml("1"), voucher="JZ-1").document_id
    whole_road(services, first)
    second = hand_in(services, xml("2"), voucher="JZ-1").document_id
    pipeline = Pipeline(services)
    pipeline.read(second, FixedReader(invoice("26312000000000000002")))
    pipeline.verify(second, visit(CONFIRMED))
    pipeline.seal("JZ-1")
    assert load(services, second).state == State.ARCHIVED
    return first, second


def test_an_archive_comes_back_from_its_bags(
    services: Services, archived: tuple[str, str], database_url: str, tmp_path: Path
) -> None:
    database, store = Database(database_url), FileStore(tmp_path / "new" / "files")
    database.migrate()
    later = dt.datetime(2027, 1, 1, tzinfo=dt.UTC)
    bags = FolderBags(tmp_path / "new" / "bags")
    done = restoring.restore(database, store, services.settings.bags, bags, lambda _: later)
    assert (done.vouchers, done.bags, done.documents, done.faults) == (1, 2, 2, [])
    with database.read() as session, services.database.read() as before:
        for document_id in archived:
            new, old = (each.get_one(Document, document_id) for each in (session, before))
            assert metadata_of(new, ()) == metadata_of(old, ())
            assert (new.state, new.again_at) == (State.ARCHIVED, later)
            assert store.get(new.sha256) == services.store.get(old.sha256)
        assert len(list(session.scalars(select(VerificationRow)))) == 2
        assert [(r.version, r.digest) for r in session.scalars(select(BagRow))] == [
            (r.version, r.digest) for r in before.scalars(select(BagRow))
        ]
        found = search.run(session, Query(seller="杭州", number="0001")).hits
        assert [hit.document.id for hit in found] == [archived[0]]
        assert disagreements(session, bags, store) == []
    again = restoring.restore(database, store, services.settings.bags, bags)
    assert (again.vouchers, again.documents) == (1, 0)  # taken up, not done twice
    database.close()


def test_what_people_decided_comes_back_with_their_names(
    services: Services, tmp_path: Path
) -> None:
    reviewer = make_person(services, Role.REVIEWER, login="shen")
    document = in_review(services, voucher="JZ-2")
    accept(at_once(services), document, actor=reviewer, text="已电话核实")
    Pipeline(services).seal("JZ-2")
    database, store = Database(f"sqlite:///{tmp_path / 'n.db'}"), FileStore(tmp_path / "f")
    database.migrate()
    bags = FolderBags(tmp_path / "b")
    done = restoring.restore(database, store, services.settings.bags, bags)
    assert done.faults == []
    with database.read() as session, services.database.read() as before:
        [deed], [old] = (deeds_of(each, document) for each in (session, before))
        assert deed_json(deed) == deed_json(old)
        person = session.get_one(Person, deed.actor)
        assert (person.login, person.name, person.password_hash) == ("shen", "某人", None)
        assert person.disabled_at is not None
        assert person.grants == []
        assert disagreements(session, bags, store) == []
    database.close()


def test_a_damaged_bag_is_not_believed_and_the_one_before_it_is(
    services: Services, archived: tuple[str, str], tmp_path: Path
) -> None:
    source = tmp_path / "copy"
    shutil.copytree(services.settings.bags, source)
    victim = next((source / "JZ-1" / "v0002" / "data" / "metadata").glob("*.json"))
    victim.chmod(0o600)
    victim.write_bytes(victim.read_bytes().replace(b"26312", b"26313", 1))
    database, store = Database(f"sqlite:///{tmp_path / 'n.db'}"), FileStore(tmp_path / "f")
    database.migrate()
    done = restoring.restore(database, store, source, FolderBags(tmp_path / "b"))
    assert (done.bags, done.documents) == (1, 1)
    assert all("JZ-1/v0002" in fault for fault in done.faults)
    assert done.faults


def test_a_filled_database_is_not_restored_into(
    services: Services, archived: tuple[str, str], tmp_path: Path
) -> None:
    with pytest.raises(restoring.NotEmpty):
        restoring.restore(
            services.database, services.store, services.settings.bags, FolderBags(tmp_path)
        )
