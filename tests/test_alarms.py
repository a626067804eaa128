"""Alarms of the system itself: once, and over by themselves. The clock is the test's own."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import ValidationError
from sqlalchemy import select

from archive.records import Alarm, AuditRow
from extractors.messages import codes
from worker import alarms
from worker.alarms import Alarms, load_rules
from worker.lanes import Lanes
from worker.services import Services

RULE = '[[rule]]\ncode = "alarm_lane_stopped"\nfigure = "lane_stopped"\nabove = 0\nseconds = {}\n'


class _Hours:
    """Seconds as the test says."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def _rows(services: Services) -> list[tuple[str, bool]]:
    with services.database.read() as session:
        rows = session.scalars(select(Alarm).order_by(Alarm.id))
        return [(row.code, row.settled_at is not None) for row in rows]


def _only(services: Services, seconds: int) -> tuple[Alarms, _Hours]:
    (services.settings.root / "alarms.toml").write_text(RULE.format(seconds))
    clock = _Hours()
    return Alarms(services, clock), clock


def test_an_alarm_is_raised_once_and_settles_by_itself(services: Services) -> None:
    found, clock = _only(services, 0)
    lanes = Lanes(services.database, str(services.settings.portal_url))
    assert found.round() == 0
    lanes.stop("portal_blocked")
    clock.now += 60
    assert [found.round(), found.round()] == [1, 0]
    assert Alarms(services, clock).round() == 0  # nor by a clock that was started anew
    assert _rows(services) == [("alarm_lane_stopped", False)]
    lanes.resume("somebody")
    clock.now += 60
    assert [found.round(), found.round()] == [1, 0]
    assert _rows(services) == [("alarm_lane_stopped", True)]
    lanes.stop("portal_blocked")
    clock.now += 60
    found.round()
    assert _rows(services) == [("alarm_lane_stopped", True), ("alarm_lane_stopped", False)]
    with services.database.read() as session:
        said = list(session.scalars(select(AuditRow.action).order_by(AuditRow.seq)))
    deeds = [each for each in said if each.startswith("alarm")]
    assert deeds == ["alarm_raised", "alarm_settled", "alarm_raised"]


def test_what_lasts_a_moment_only_is_no_alarm(services: Services) -> None:
    found, clock = _only(services, 300)
    lanes = Lanes(services.database, str(services.settings.portal_url))
    lanes.stop("portal_blocked")
    found.round()
    clock.now += 100
    found.round()
    lanes.resume("somebody")
    clock.now += 100
    found.round()
    lanes.stop("portal_blocked")
    clock.now += 250
    assert found.round() == 0
    clock.now += 301
    assert found.round() == 1


def test_the_shipped_rules_see_that_nobody_works(services: Services) -> None:
    clock = _Hours()
    found = Alarms(services, clock)
    found.round()
    clock.now += 301
    found.round()
    assert "alarm_no_worker" in [code for code, _ in _rows(services)]


def test_a_broken_chain_is_an_alarm(services: Services, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(alarms._SELDOM, "chain_faults", 0)
    found = Alarms(services, _Hours())
    services.intake.open_batch("test")
    found.round()
    assert "alarm_chain" not in [code for code, _ in _rows(services)]
    with services.database.engine.begin() as connection:
        connection.exec_driver_sql("DROP TRIGGER audit_no_update")
        connection.exec_driver_sql("UPDATE audit SET actor = 'x' WHERE seq = 1")
    found.round()
    assert "alarm_chain" in [code for code, _ in _rows(services)]


def test_every_rule_has_its_sentence() -> None:
    for rule in load_rules():
        for language in ("zh", "en"):
            assert rule.code in codes(language)


@pytest.mark.parametrize(
    "text", [RULE.format(-1), RULE.format(0).replace("lane_stopped", "moon", 2)]
)
def test_a_rule_that_is_none_is_refused(text: str, tmp_path: Path) -> None:
    (tmp_path / "alarms.toml").write_text(text)
    with pytest.raises((ValueError, ValidationError)):
        load_rules(tmp_path / "alarms.toml")
