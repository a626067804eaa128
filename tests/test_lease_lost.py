"""A worker whose lease ran out while it sealed (a database that was away, a machine that slept)
does not touch the bag that another has sealed meanwhile."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from sqlalchemy import select
from sqlalchemy.exc import OperationalError

from archive import bags, gate, leases
from archive.records import BagRow, State
from archive.storage import open_storage
from tests.helpers import CONFIRMED, FixedReader, hand_in, invoice, load, visit, xml
from worker.lease_keeper import LeaseLost
from worker.pipeline import Pipeline
from worker.services import Services
from worker.settings import Settings

_DEADLINE = 60


@pytest.fixture
def settings(tmp_path: Path, storage_url: str) -> Settings:
    """Leases that are soon over, on each kind of store."""
    return Settings(data=tmp_path / "data", lease_seconds=1, STORAGE_URL=storage_url)


def test_who_lost_the_lease_leaves_the_sealed_bag_alone(
    services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    document_id = hand_in(services, xml()).document_id
    pipeline = Pipeline(services)
    pipeline.read(document_id, FixedReader(invoice()))
    pipeline.verify(document_id, visit(CONFIRMED))
    voucher_no = load(services, document_id).voucher_no
    approve = gate.approve

    def late(folder: Path, *rest: object) -> None:
        """The first to come here sees its lease run out, and another seal the voucher."""
        approve(folder, *rest)  # type: ignore[arg-type]
        monkeypatch.setattr(gate, "approve", approve)
        with monkeypatch.context() as away:
            away.setattr(leases, "renew", _away)
            until = time.monotonic() + _DEADLINE
            while time.monotonic() < until and load(services, document_id).state == State.PASSED:
                time.sleep(0.1)
                with away.context() as back:
                    back.setattr(leases, "renew", renew)
                    Pipeline(services).seal(voucher_no)

    renew = leases.renew
    monkeypatch.setattr(gate, "approve", late)
    with pytest.raises(LeaseLost):
        pipeline.seal(voucher_no)
    assert load(services, document_id).state == State.ARCHIVED
    with services.database.read() as session:
        row = session.scalars(select(BagRow)).one()
    storage = open_storage(services.settings.storage_url, services.settings.root)
    with storage.bags.local(row.path) as folder:
        assert bags.inspect(folder, row.digest).sound


def _away(*_: object) -> bool:
    raise OperationalError("UPDATE", {}, ConnectionError())
