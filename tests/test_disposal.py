"""Carrying out a disposal list: by two people, never on hold, whole however often it is killed."""

from __future__ import annotations

import datetime as dt
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from sqlalchemy import func, select, text
from sqlalchemy.exc import DatabaseError

from archive import fixity, restoring, retention, vouchers
from archive.actors import Role
from archive.agreement import disagreements
from archive.bag_store import FolderBags
from archive.database import Database
from archive.disposal_tables import DisposalRecord, DisposalTodo
from archive.records import AuditRow, Base, Document, EvidenceRow
from archive.retention import DisposalList
from archive.search.tables import SearchName
from archive.store import FileStore
from extractors.errors import YanpiaoError
from tests.helpers import CONFIRMED, FixedReader, hand_in, invoice, make_person, visit, xml
from tests.reviewing import accept, at_once, in_review
from worker.disposing import carry_out
from worker.pipeline import Pipeline
from worker.services import Services

TODAY = dt.date(2099, 1, 1)
_KILLED = """
import datetime as dt, os, signal, sys
from pathlib import Path
from types import SimpleNamespace
from archive import accounts, disposal
from archive.database import Database
from archive.storage import open_storage
from worker import disposing
steps = 0
def dying(name, after):
    plain = getattr(disposal, name)
    def step(*given):
        global steps
        done = None if not after else plain(*given)
        steps += 1
        if steps == int(sys.argv[5]):
            os.kill(os.getpid(), signal.SIGKILL)
        return done if after else plain(*given)
    setattr(disposal, name, step)
for name, after in (("keep_record", False), ("take_out", True), ("clear", True), ("end", False)):
    dying(name, after)
database = Database(sys.argv[1])
storage = open_storage("", Path(sys.argv[2]))
services = SimpleNamespace(database=database, store=storage.files, bags=storage.bags)
with database.read() as session:
    actor = accounts.actor_of(accounts.by_login(session, sys.argv[4]))
disposing.carry_out(services, sys.argv[3], actor, dt.date(2099, 1, 1))
"""


def _sealed(services: Services, voucher: str, number: int, content: bytes | None = None) -> str:
    document = hand_in(services, content or xml(str(number)), voucher=voucher).document_id
    pipeline = Pipeline(services)
    read = invoice(f"2631200000{number * 7_919_000:010d}")
    pipeline.read(document, FixedReader(read))
    pipeline.verify(document, visit(CONFIRMED))
    pipeline.seal(voucher)
    return document


@pytest.fixture
def approved(services: Services) -> str:
    """Two vouchers on an approved list, one in two versions and with a reviewer's decision; a third
    that stays."""
    _sealed(services, "JZ-1", 1)
    _sealed(services, "JZ-2", 2)
    _sealed(services, "JZ-3", 3)
    read = invoice(f"2631200000{4 * 7_919_000:010d}")
    accept(at_once(services), in_review(services, read=read, text="4", voucher="JZ-1"))
    Pipeline(services).seal("JZ-1")
    first = make_person(services, Role.ARCHIVIST, login="li")
    second = make_person(services, Role.ARCHIVIST, login="wang")
    with services.database.write() as session:
        listed = retention.propose(session, ["JZ-1", "JZ-2"], first, TODAY).id
    with services.database.write() as session:
        retention.approve(session, listed, second, TODAY)
    return listed


def _agrees(services: Services) -> bool:
    with services.database.read() as session:
        return disagreements(session, services.bags, services.store) == []


def _is_gone(services: Services, list_id: str) -> None:
    """Nothing of the two vouchers is left but what must stay; the third is whole."""
    with services.database.read() as session:
        assert list(session.scalars(select(Document.voucher_no))) == ["JZ-3"]
        for table in ("invoices", "bags", "review_deeds", "verifications", "uploads"):
            rows = session.scalar(select(func.count()).select_from(Base.metadata.tables[table]))
            assert rows == {"review_deeds": 0}.get(table, 1), table
        wanted = {
            *session.scalars(select(Document.sha256)),
            *session.scalars(select(EvidenceRow.sha256)),
        }
        assert session.scalar(select(func.count()).select_from(DisposalTodo)) == 0
        listed = session.get_one(DisposalList, list_id)
        assert listed.ended_at is not None
        record = session.get_one(DisposalRecord, list_id)
    folder = services.settings.bags / record.path
    assert fixity.inspect(folder, record.digest).sound
    assert sorted(path.name for path in services.settings.bags.iterdir()) == ["JZ-3", "_disposed"]
    assert {p.name for p in services.settings.files.rglob("*") if p.is_file()} == wanted
    assert _agrees(services)


def test_a_list_is_carried_out_and_stays(services: Services, approved: str) -> None:
    actor = make_person(services, Role.ARCHIVIST)
    assert _agrees(services)
    done = carry_out(services, approved, actor, TODAY)
    assert done.vouchers == 2
    assert done.deleted > 3  # three bags, and files
    _is_gone(services, approved)
    with services.database.read() as session:
        deeds = list(session.scalars(select(AuditRow.action).order_by(AuditRow.seq)))
        names = set(session.scalars(select(SearchName.folded)))
    assert deeds.count("voucher_disposed") == 2
    assert deeds[-1] == "disposal_done"
    assert any("杭州" in name for name in names)  # another voucher's seller is still found
    with pytest.raises(retention.UnknownList):
        carry_out(services, approved, actor, TODAY)
    for deed in ("DELETE FROM disposal_items", "UPDATE disposal_records SET digest = 'x'"):
        with pytest.raises(DatabaseError, match="append-only"), services.database.write() as s:
            s.execute(text(deed))


def test_a_number_that_was_disposed_of_is_not_used_again(services: Services, approved: str) -> None:
    actor = make_person(services, Role.ARCHIVIST)
    carry_out(services, approved, actor, TODAY)
    with services.database.write() as session:
        with pytest.raises(retention.BeingDisposed):
            vouchers.ensure(session, "JZ-1", "li")
        with pytest.raises(retention.BeingDisposed):
            retention.hold(session, "JZ-1", "诉讼", actor)


@pytest.mark.parametrize("why", ["hold", "waiting", "unapproved", "early", "nobody"])
def test_nothing_goes_that_may_not(services: Services, approved: str, why: str) -> None:
    actor = make_person(services, Role.ARCHIVIST)
    today: dt.date = TODAY
    expected: type[YanpiaoError] = retention.NotDue
    if why == "hold":
        with services.database.write() as session:
            retention.hold(session, "JZ-2", "诉讼", actor)
    elif why == "waiting":
        hand_in(services, xml("late"), voucher="JZ-2")
    elif why == "unapproved":
        with services.database.write() as session:
            approved = retention.propose(session, ["JZ-3"], actor, TODAY).id
        expected = retention.UnknownList
    elif why == "early":
        today = dt.date(2030, 1, 1)
    else:
        actor, expected = make_person(services, Role.REVIEWER), retention.MayNotDispose
    with pytest.raises(expected):
        carry_out(services, approved, actor, today)
    with services.database.read() as session:
        assert len(list(session.scalars(select(Document.id)))) == (5 if why == "waiting" else 4)
    assert not (services.settings.bags / "_disposed").exists()


@pytest.mark.slow
@pytest.mark.parametrize("at", [1, 2, 4, 6, 8, 10])
def test_a_killed_run_is_taken_up_where_it_stopped(
    services: Services, approved: str, at: int
) -> None:
    command = [sys.executable, "-c", _KILLED, services.settings.database]
    command += [str(services.settings.root), approved, "wang", str(at)]
    done = subprocess.run(command, check=False, env={**os.environ, "PYTHONPATH": os.getcwd()})  # noqa: PTH109
    assert done.returncode == -signal.SIGKILL
    carry_out(services, approved, make_person(services, Role.ARCHIVIST), TODAY)
    _is_gone(services, approved)


def test_a_file_that_another_voucher_names_stays(services: Services) -> None:
    """Bytes that hold two invoices are two documents, here in two vouchers."""
    both = hand_in(services, xml("both"), voucher="JZ-1").document_id
    pipeline = Pipeline(services)
    reads = tuple(
        invoice(f"2631200000{n * 7_919_000:010d}").model_copy(update={"part": n, "parts": 2})
        for n in (1, 2)
    )
    pipeline.read(both, FixedReader(reads))
    with services.database.write() as session:
        vouchers.ensure(session, "JZ-2", "li")
        documents = list(session.scalars(select(Document).order_by(Document.part)).unique())
        documents[1].voucher_no = "JZ-2"
    for each in documents:
        pipeline.verify(each.id, visit(CONFIRMED))
    for number in ("JZ-1", "JZ-2"):
        pipeline.seal(number)
    first, second = (make_person(services, Role.ARCHIVIST) for _ in range(2))
    with services.database.write() as session:
        listed = retention.propose(session, ["JZ-1"], first, TODAY).id
        retention.approve(session, listed, second, TODAY)
    carry_out(services, listed, second, TODAY)
    assert services.store.get(documents[1].sha256) == xml("both")


def test_a_restore_from_bags_does_not_bring_them_back(
    services: Services, approved: str, tmp_path: Path
) -> None:
    old = tmp_path / "old"
    shutil.copytree(services.settings.bags, old)  # a copy from before
    carry_out(services, approved, make_person(services, Role.ARCHIVIST), TODAY)
    shutil.copytree(services.settings.bags / "_disposed", old / "_disposed")
    database, store = Database(f"sqlite:///{tmp_path / 'n.db'}"), FileStore(tmp_path / "f")
    database.migrate()
    done = restoring.restore(database, store, old, FolderBags(tmp_path / "b"))
    assert (done.vouchers, done.lists, done.disposed, done.faults) == (1, 1, ["JZ-1", "JZ-2"], [])
    with database.write() as session:
        assert list(session.scalars(select(Document.voucher_no))) == ["JZ-3"]
        assert [item.voucher_no for item in session.get_one(DisposalList, approved).items] == [
            "JZ-1",
            "JZ-2",
        ]
        with pytest.raises(retention.BeingDisposed):
            vouchers.ensure(session, "JZ-1", "li")
    with database.read() as session:
        bags = FolderBags(tmp_path / "b")
        assert disagreements(session, bags, store) == []
    database.close()
