"""Two never seal one voucher: a lease that runs out under a living worker (a clock that jumps, a
database that was away, a machine that slept) lets nobody else in, and its holder stops."""

from __future__ import annotations

import datetime as dt
import time
from pathlib import Path

import pytest
from sqlalchemy import select

from archive import bags, gate
from archive.alone import alone
from archive.database import Database
from archive.records import BagRow, State, Voucher, now
from archive.storage import open_storage
from tests.helpers import CONFIRMED, FixedReader, hand_in, invoice, load, visit, xml
from worker.lease_keeper import LeaseKeeper, LeaseLost
from worker.pipeline import Pipeline
from worker.services import Services
from worker.settings import Settings


@pytest.fixture
def settings(tmp_path: Path, storage_url: str) -> Settings:
    """Leases that are soon over, on each kind of store."""
    return Settings(data=tmp_path / "data", lease_seconds=1, STORAGE_URL=storage_url)


def test_a_lease_that_runs_out_lets_nobody_else_seal_and_its_holder_neither(
    services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    document_id = hand_in(services, xml()).document_id
    pipeline = Pipeline(services)
    pipeline.read(document_id, FixedReader(invoice()))
    pipeline.verify(document_id, visit(CONFIRMED))
    voucher_no = load(services, document_id).voucher_no
    approve = gate.approve

    def late(folder: Path, *rest: object) -> None:
        """While the first is here its lease runs out, by a clock that jumps and then in truth."""
        approve(folder, *rest)  # type: ignore[arg-type]
        monkeypatch.setattr(gate, "approve", approve)
        with services.database.write() as session:
            session.get_one(Voucher, voucher_no).lease_until = now() - dt.timedelta(days=1)
        Pipeline(services).seal(voucher_no)
        assert load(services, document_id).state == State.PASSED
        time.sleep(services.settings.lease_seconds)

    monkeypatch.setattr(gate, "approve", late)
    monkeypatch.setattr(LeaseKeeper, "_run", lambda _: None)  # nothing is renewed
    with pytest.raises(LeaseLost):
        pipeline.seal(voucher_no)
    assert load(services, document_id).state == State.PASSED
    with services.database.write() as session:
        session.get_one(Voucher, voucher_no).lease_until = None
    services.settings.lease_seconds = 60
    pipeline.seal(voucher_no)
    assert load(services, document_id).state == State.ARCHIVED
    with services.database.read() as session:
        row = session.scalars(select(BagRow)).one()
    storage = open_storage(services.settings.storage_url, services.settings.root)
    with storage.bags.local(row.path) as folder:
        assert bags.inspect(folder, row.digest).sound


def test_the_lock_is_one_s_own_until_its_end(database: Database, tmp_path: Path) -> None:
    with alone(database, tmp_path, "JZ-记-1") as first:
        assert first
        with alone(database, tmp_path, "JZ-记-1") as second:
            assert not second
        with alone(database, tmp_path, "JZ-记-1") as third:
            assert not third  # who did not get it does not let it go
    with alone(database, tmp_path, "JZ-记-1") as fourth:
        assert fourth
