"""Somebody set the machine's clock a day on, work went on, and the clock was put back: nothing
waits for the day to come round again."""

from __future__ import annotations

import datetime as dt

import pytest

from archive import leases, repeats
from archive.actors import Role
from archive.records import Document, State, Voucher, now
from archive.repeats import StillBeingDone
from tests.helpers import CONFIRMED, FixedReader, hand_in, invoice, load, make_person, visit, xml
from worker.clock import Clock
from worker.lanes import Lanes
from worker.pipeline import Pipeline
from worker.queues import Stage, job_id, queued_keys
from worker.services import Services

_DAY = dt.timedelta(days=1)


def _tomorrow(services: Services, document_id: str) -> None:
    """The document as a worker left it that died while the clock was a day on."""
    with services.database.write() as session:
        document = session.get_one(Document, document_id)
        document.lease, document.lease_until = "a dead one's", now() + _DAY
        document.updated_at = now() + _DAY


def test_a_lease_of_tomorrow_holds_nothing_up(services: Services) -> None:
    document_id = hand_in(services, xml()).document_id
    Pipeline(services).read(document_id, FixedReader(invoice()))
    services.redis.flushall()
    _tomorrow(services, document_id)
    Clock(services).round()
    assert job_id(Stage.VERIFY, document_id) in queued_keys(services.redis, Stage.VERIFY)
    Pipeline(services).verify(document_id, visit(CONFIRMED))
    document = load(services, document_id)
    assert (document.state, document.lease) == (State.PASSED, None)
    with services.database.write() as session:
        voucher = session.get_one(Voucher, document.voucher_no)
        voucher.lease, voucher.lease_until = "a dead one's", now() + _DAY
    Clock(services).round()
    assert len(queued_keys(services.redis, Stage.ARCHIVE)) == 1
    Pipeline(services).seal(document.voucher_no)
    assert load(services, document_id).state == State.ARCHIVED


def test_a_lease_that_is_held_is_held(services: Services) -> None:
    """The longest that anything rests is an hour; that is no lease of tomorrow."""
    document_id = hand_in(services, xml()).document_id
    with services.database.write() as session:
        assert leases.take(session, Document, document_id, 3600)
    with services.database.write() as session:
        assert leases.take(session, Document, document_id, 20) is None
        assert leases.is_held(session.get_one(Document, document_id), now())


def test_a_request_s_key_of_tomorrow_is_free(services: Services) -> None:
    actor = make_person(services, Role.SUBMITTER)
    with services.database.write() as session:
        assert repeats.begin(session, actor.id, "k", "asked") is None
    with services.database.write() as session, pytest.raises(StillBeingDone):
        repeats.begin(session, actor.id, "k", "asked")
    with services.database.write() as session:
        session.get_one(repeats.RequestKey, (actor.id, "k")).begun_at = now() + _DAY
    with services.database.write() as session:
        assert repeats.begin(session, actor.id, "k", "asked") is None


def test_patience_of_tomorrow_holds_no_lane(services: Services) -> None:
    lanes = Lanes(services.database, "http://portal.test/")
    lanes.back_off(now() + dt.timedelta(minutes=2))
    assert lanes.hold() is not None
    lanes.back_off(now() + _DAY)
    assert lanes.hold() is None
    assert lanes.patience() is None
