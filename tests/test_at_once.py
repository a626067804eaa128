"""The same from several hands in one moment, on both databases: one document, one voucher, and
nobody is told of a fault."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO
from typing import TypeVar

import pytest
from sqlalchemy import select

from archive import audit, vouchers
from archive.database import Database
from archive.records import Document, Upload, Voucher
from archive.store import FileStore
from tests.helpers import xml
from worker.broker import connect
from worker.intake import Intake, Receipt
from worker.settings import Settings

_HANDS = 6
Result = TypeVar("Result")


def _together(work: Callable[[int], Result]) -> list[Result]:
    """What each of several threads makes of it, all begun in one moment."""
    barrier = threading.Barrier(_HANDS)

    def begun(number: int) -> Result:
        barrier.wait(30)
        return work(number)

    with ThreadPoolExecutor(_HANDS) as pool:
        return list(pool.map(begun, range(_HANDS)))


@pytest.fixture
def intake(database: Database, settings: Settings) -> Intake:
    """Without a queue server: taking in does not need one."""
    return Intake(settings, database, FileStore(settings.files), connect(settings))


def test_the_same_bytes_from_several_hands_are_one_document(
    intake: Intake, database: Database
) -> None:
    batches = [intake.open_batch("http", voucher_no=f"JZ-{one}") for one in range(_HANDS)]

    def hand_in(number: int) -> Receipt:
        return intake.accept(batches[number], f"{number}.xml", BytesIO(xml("same")))

    receipts = _together(hand_in)
    assert len({one.document_id for one in receipts}) == 1
    assert sorted(one.repeated for one in receipts) == [False] + [True] * (_HANDS - 1)
    with database.read() as session:
        assert session.query(Document).count() == 1
        assert session.query(Upload).count() == _HANDS
        assert audit.verify(session).sound


def test_one_new_voucher_named_by_several_is_one_voucher(
    intake: Intake, database: Database
) -> None:
    _together(lambda _: intake.open_batch("http", voucher_no="JZ-记-7"))
    with database.read() as session:
        assert list(session.scalars(select(Voucher.voucher_no))) == ["JZ-记-7"]


def test_a_voucher_that_is_being_made_is_waited_for(database: Database) -> None:
    """The second one comes while the first has not committed yet."""
    made, seen = threading.Event(), threading.Event()

    def first() -> None:
        with database.write() as session:
            vouchers.ensure(session, "JZ-1", "a")
            made.set()
            seen.wait(1)  # SQLite lets nobody in meanwhile, PostgreSQL does

    def second() -> None:
        made.wait(30)
        with database.write() as session:
            seen.set()
            vouchers.ensure(session, "JZ-1", "b")

    with ThreadPoolExecutor(2) as pool:
        for each in [pool.submit(first), pool.submit(second)]:
            each.result(60)
