"""Archived invoices are verified again; what changed since becomes an alarm."""

from __future__ import annotations

import datetime as dt

import pytest
from sqlalchemy import select

from archive import audit, bags
from archive.records import Alarm, Document, State, VerificationRow, now
from tests.helpers import CONFIRMED, actions, hand_in, load, undecided, visit, whole_road, xml
from verifiers.model import Reason, Verdict, Verification
from verifiers.policy import Again, Policy
from worker.again import next_time
from worker.clock import Clock
from worker.inspecting import status_report
from worker.pipeline import Pipeline
from worker.queues import Stage, queued_keys
from worker.services import Services

NOON = dt.datetime(2026, 11, 22, 4, tzinfo=dt.UTC)
VOIDED = CONFIRMED.model_copy(
    update={"verdict": Verdict.CONTRADICTED, "reason": Reason.VOIDED, "evidence": ()}
)


@pytest.fixture
def archived(services: Services) -> str:
    """An archived document whose second verification is due."""
    document_id = hand_in(services, xml(), voucher="JZ-1").document_id
    document = whole_road(services, document_id)
    assert document.state == State.ARCHIVED
    assert document.again_at is not None
    assert document.again_at > now() + dt.timedelta(days=44)
    with services.database.write() as session:
        session.get_one(Document, document_id).again_at = now()
    return document_id


def asked(services: Services, document_id: str, answer: Verification) -> None:
    Pipeline(services).verify_again(document_id, visit(answer))


def alarms(services: Services) -> list[Alarm]:
    with services.database.read() as session:
        return list(session.scalars(select(Alarm)))


def test_what_is_still_in_order_is_kept_as_a_second_verification(
    services: Services, archived: str
) -> None:
    asked(services, archived, CONFIRMED)
    document = load(services, archived)
    assert document.state == State.ARCHIVED
    assert document.again_at is not None
    assert document.again_at > now() + dt.timedelta(days=44)
    assert alarms(services) == []
    with services.database.read() as session:
        assert len(session.query(VerificationRow).all()) == 2
        assert audit.verify(session).sound
    assert actions(services, archived)[-1] == "document_verified_again"


def test_voided_after_payment_is_an_alarm_on_the_voucher_and_touches_no_bag(
    services: Services, archived: str
) -> None:
    folder = services.settings.bags / "JZ-1" / "v0001"
    before = bags.inspect(folder).digest
    asked(services, archived, VOIDED)
    [alarm] = alarms(services)
    assert (alarm.code, alarm.voucher_no, alarm.document_id) == ("voided", "JZ-1", archived)
    assert load(services, archived).state == State.ARCHIVED
    assert bags.inspect(folder).digest == before
    [shown] = status_report(services)["alarms"]
    assert (shown["code"], shown["voucher"]) == ("voided", "JZ-1")
    assert actions(services, archived)[-2:] == ["document_verified_again", "alarm_raised"]


def test_one_alarm_however_often_it_is_found(services: Services, archived: str) -> None:
    for _ in range(2):
        asked(services, archived, VOIDED)
        with services.database.write() as session:
            session.get_one(Document, archived).again_at = now()
    assert len(alarms(services)) == 1


def test_an_outage_is_no_alarm_and_is_tried_again(services: Services, archived: str) -> None:
    later = now() + dt.timedelta(minutes=5)
    asked(services, archived, undecided(Reason.PORTAL_DOWN, later))
    assert alarms(services) == []
    document = load(services, archived)
    assert document.again_at == later
    asked(services, archived, VOIDED)
    assert alarms(services) == []  # not due yet


def test_the_clock_asks_only_while_nothing_else_waits(services: Services, archived: str) -> None:
    assert Clock(services).round() == 0  # its first verification is in the queue still
    services.redis.flushdb()
    assert Clock(services).round() == 1
    assert f"verify-{archived}" in queued_keys(services.redis, Stage.VERIFY)
    assert Clock(services).round() == 0


def test_days_are_planned_from_the_first_pass() -> None:
    policy = Again(after_days=(10, 40))
    day = dt.timedelta(days=1)
    assert next_time(policy, NOON, NOON) == NOON + 10 * day
    assert next_time(policy, NOON, NOON + 12 * day) == NOON + 40 * day
    assert next_time(policy, NOON, NOON + 41 * day) is None
    assert next_time(Again(after_days=()), NOON, NOON) is None


@pytest.mark.parametrize("days", [[5, 5], [9, 3], [0], [-1]])
def test_days_come_in_order(days: list[int]) -> None:
    with pytest.raises(ValueError, match="days"):
        Policy.model_validate({"again": {"after_days": days}})
