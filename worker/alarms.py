"""Alarms of the system itself, by rules that are data (`alarms.toml`): raised once, settled by
themselves when they are over. The notices follow the audit trail, so people hear of them by the
ways they chose."""

from __future__ import annotations

import datetime as dt
import shutil
import time
import tomllib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated

import redis
from pydantic import BaseModel, ConfigDict, Field
from rq import Worker
from sqlalchemy import Select, func, select

from archive import audit
from archive.records import Alarm, Document, State, new_id, now
from worker.broker import answers
from worker.lanes import Lanes
from worker.log import logger
from worker.queues import Stage, queue_of
from worker.services import Services

log = logger("alarms")

#: The whole chain is walked so seldom; each row is bound to the one before it in the meantime too.
_CHAIN_SECONDS = 6 * 3600
#: The figures are asked for so seldom, however often the clock goes round.
_ROUND_SECONDS = 30
SETTLED_BY = "system"


class Rule(BaseModel):
    """One alarm: a figure beyond a limit for so many seconds."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    code: Annotated[str, Field(pattern=r"[a-z_]{1,48}")]
    figure: str
    above: float | None = None
    below: float | None = None
    seconds: Annotated[float, Field(ge=0)] = 0

    def broken_by(self, value: float) -> bool:
        """Whether the figure is beyond the limit."""
        too_high = self.above is not None and value > self.above
        return too_high or (self.below is not None and value < self.below)


def load_rules(path: Path | None = None) -> tuple[Rule, ...]:
    """The rules of a file; None: the shipped ones. Raises `ValueError` for what is none."""
    chosen = path or Path(__file__).with_name("alarms.toml")
    rules = tuple(Rule(**each) for each in tomllib.loads(chosen.read_text("utf-8"))["rule"])
    for rule in rules:
        if rule.figure not in FIGURES:
            raise ValueError(f"{chosen.name}: there is no figure {rule.figure!r}")
    return rules


# -- figures -------------------------------------------------------------------------------


def _queue_age(services: Services) -> float:
    """Hours since the longest waiting document was touched."""
    query = select(func.min(Document.updated_at)).where(
        Document.state.in_((State.RECEIVED, State.READ, State.VERIFIED))
    )
    with services.database.read() as session:
        oldest = session.scalar(query)
    return 0 if oldest is None else (now() - oldest) / dt.timedelta(hours=1)


def _lane_stopped(services: Services) -> float:
    return float(Lanes(services.database, str(services.settings.portal_url)).stopped() is not None)


def _disk_free(services: Services) -> float:
    return shutil.disk_usage(services.settings.root).free / 1024**3


def _without_worker(services: Services) -> float:
    """Stages nobody works on; 0 while the queue server, which knows, does not answer."""
    try:
        counts = [Worker.count(queue=queue_of(stage, services.redis)) for stage in Stage]
    except redis.RedisError:
        return 0
    return counts.count(0)


def _broker_unreachable(services: Services) -> float:
    try:
        return float(not answers(services.redis))
    except redis.RedisError:
        return 1


def _chain_faults(services: Services) -> float:
    with services.database.read() as session:
        return len(audit.verify(session).faults)


FIGURES: Mapping[str, Callable[[Services], float]] = {
    "queue_age_hours": _queue_age,
    "lane_stopped": _lane_stopped,
    "disk_free_gib": _disk_free,
    "stages_without_worker": _without_worker,
    "broker_unreachable": _broker_unreachable,
    "chain_faults": _chain_faults,
}
_SELDOM = {"chain_faults": _CHAIN_SECONDS}


# -- rounds --------------------------------------------------------------------------------


class Alarms:
    """Looks at the figures, raises and settles. `clock` gives seconds that only grow."""

    def __init__(self, services: Services, clock: Callable[[], float] = time.monotonic) -> None:
        own = services.settings.root / "alarms.toml"
        self._services = services
        self._rules = load_rules(own if own.exists() else None)
        self._clock = clock
        self._since: dict[str, float] = {}
        self._known: dict[str, tuple[float, float]] = {}

    def round(self) -> int:
        """Returns how many alarms were raised or settled."""
        changed = 0
        for rule in self._rules:
            if not rule.broken_by(self._value(rule.figure)):
                self._since.pop(rule.code, None)
                changed += self._settle(rule.code)
                continue
            since = self._since.setdefault(rule.code, self._clock())
            if self._clock() - since >= rule.seconds:
                changed += self._raise(rule)
        return changed

    def _value(self, figure: str) -> float:
        """The figure, asked anew when what is known has grown old."""
        at, value = self._known.get(figure, (float("-inf"), 0.0))
        if self._clock() - at >= _SELDOM.get(figure, _ROUND_SECONDS):
            value = FIGURES[figure](self._services)
            self._known[figure] = (self._clock(), value)
        return value

    def _raise(self, rule: Rule) -> int:
        value = f"{self._value(rule.figure):.1f}"
        with self._services.database.write() as session:
            if session.scalars(_open(rule.code)).first() is not None:
                return 0
            alarm = Alarm(id=new_id(), code=rule.code, params={"value": value})
            session.add(alarm)
            detail = {"alarm": alarm.id, "code": rule.code}
            audit.record(session, "alarm_raised", detail=detail)
        log.error("alarm_raised", code=rule.code, value=value)
        return 1

    def _settle(self, code: str) -> int:
        with self._services.database.read() as session:
            if session.scalars(_open(code)).first() is None:
                return 0
        with self._services.database.write() as session:
            settled = list(session.scalars(_open(code)))
            for alarm in settled:
                alarm.settled_at, alarm.settled_by = now(), SETTLED_BY
                detail = {"alarm": alarm.id, "code": code}
                audit.record(session, "alarm_settled", detail=detail)
        log.info("alarm_settled", code=code)
        return len(settled)


def _open(code: str) -> Select[Alarm]:
    """The system's unsettled alarms of a code."""
    return select(Alarm).where(
        Alarm.code == code,
        Alarm.document_id.is_(None),
        Alarm.voucher_no.is_(None),
        Alarm.settled_at.is_(None),
    )
