"""The dashboard: what came in by campus and month and what became of it, what waits and why, and
the health of queues, portal lane and disk. It shows campuses in which one holds an office role."""

from __future__ import annotations

import re
import shutil
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from functools import partial
from typing import Annotated, Any

import redis
from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import HTMLResponse
from rq import Worker
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from archive.actors import Actor, Role
from archive.noticing import Figures
from archive.records import Document, State, now
from archive.visibility import SEEING, in_charge, seen_campuses
from extractors.messages import say
from web.asking import language_of, services_of
from web.charts import Chart, chart
from web.rendering import render
from web.review import query_of
from web.who import needs
from worker.figures import months_until, seconds_at
from worker.lanes import Lanes
from worker.queues import Stage, queue_of
from worker.review.queue import View, Wanted
from worker.services import Services

router = APIRouter()

Office = Annotated[Actor, Depends(needs(Role.REVIEWER, Role.ARCHIVIST, Role.AUDITOR, Role.ADMIN))]

_COUNTS = ("received", "by_itself", "by_hand", "in_review", "waiting", "refused", "duplicates")
#: The parts of a month's column, from below; what is on its way stands on top.
OUTCOMES = ("by_itself", "by_hand", "in_review", "waiting", "refused", "moving")


@dataclass
class Line:
    """Figures of one month, or one campus, added up."""

    counts: Counter[str] = field(default_factory=Counter)
    checked: Decimal = Decimal(0)
    stopped: Decimal = Decimal(0)
    durations: Counter[str] = field(default_factory=Counter)

    def add(self, row: Figures) -> None:
        self.counts.update({name: getattr(row, name) for name in _COUNTS})
        self.checked += row.money_checked
        self.stopped += row.money_stopped
        self.durations.update(row.durations)

    @property
    def moving(self) -> int:
        """Received and nowhere yet."""
        return self.counts["received"] - sum(self.counts[name] for name in OUTCOMES[:-1])

    def hours(self, share: float) -> float | None:
        """Hours from hand-in to archive that `share` of the documents did not exceed."""
        seconds = seconds_at(self.durations, share)
        return None if seconds is None else seconds / 3600

    def parts(self) -> list[int]:
        return [*(self.counts[name] for name in OUTCOMES[:-1]), self.moving]


@router.get("/dashboard")
def dashboard(
    request: Request, actor: Office, campus: Annotated[str | None, Query(max_length=64)] = None
) -> HTMLResponse:
    services = services_of(request)
    language, health = language_of(request), _health(services)
    months = months_until(now())
    with services.database.read() as session:
        rows = _figures(session, actor, months)
        campuses = sorted({row.campus for row in rows})
        chosen = campus if campus in campuses else None
        reasons = _reasons(session, actor, chosen)
    rows_shown = [row for row in rows if chosen is None or row.campus == chosen]
    by_month = {month: Line() for month in months}
    by_campus: dict[str, Line] = {name: Line() for name in campuses}
    whole = Line()
    for row in rows:
        by_campus[row.campus].add(row)
    for row in rows_shown:
        by_month[row.month].add(row)
        whole.add(row)
    values = {
        "months": by_month,
        "campuses": by_campus,
        "chosen": chosen,
        "whole": whole,
        "outcomes": OUTCOMES,
        "charts": _charts(by_month),
        "reasons": [_reason(language, *found) for found in reasons],
        "desk": partial(_desk, chosen or ""),
        "computed_at": min((row.computed_at for row in rows), default=None),
        "health": health,
        "hours": partial(_hours, language),
        "lane_why": _why(health["stopped"], language) if health["stopped"] else "",
    }
    return render(request, "dashboard.html", values)


def _figures(session: Session, actor: Actor, months: Sequence[str]) -> list[Figures]:
    query = select(Figures).where(Figures.month.in_(months))
    seen = seen_campuses(actor)
    if seen is not None:
        query = query.where(Figures.campus.in_(sorted(seen)))
    return list(session.scalars(query.order_by(Figures.month, Figures.campus)))


def _reasons(
    session: Session, actor: Actor, campus: str | None
) -> list[tuple[str, str | None, int]]:
    """What stands still this moment: state, code of the reason, how many; the most first."""
    count = func.count(Document.id)
    query = (
        select(Document.state, Document.reason, count)
        .where(Document.state.in_((State.WAITING, State.IN_REVIEW)), in_charge(actor, *SEEING))
        .group_by(Document.state, Document.reason)
        .order_by(count.desc())
    )
    if campus is not None:
        query = query.where(Document.campus == campus)
    return [(state, reason, number) for state, reason, number in session.execute(query)]


def _reason(language: str, state: str, reason: str | None, count: int) -> dict[str, Any]:
    return {"state": state, "reason": reason or "", "words": _why(reason, language), "count": count}


def _desk(campus: str, state: str, reason: str) -> str:
    """The query of the review desk that lists what a figure counts."""
    view = View.LATER if state == State.WAITING else View.OPEN
    return query_of(Wanted(view=view, reason=reason, campus=campus))


def _why(reason: str | None, language: str) -> str:
    """What a reason's code says in general: without the clauses that only a case fills."""
    if reason is None:
        return say("ui_dash_why_none", language)
    clauses = re.split(r"(?<=[，。；,;.:：])", say(reason, language))
    kept = [clause for clause in clauses if "{" not in clause]
    return "".join(kept).strip(" ，；,;：:") or reason


def _charts(lines: dict[str, Line]) -> dict[str, Chart]:
    labels = [str(int(month[5:])) for month in lines]
    parts = zip(*(line.parts() for line in lines.values()), strict=True)
    each = list(lines.values())
    return {
        "received": chart(labels, list(parts), stacked=True),
        "hours": chart(
            labels,
            [[line.hours(share) or 0 for line in each] for share in (0.5, 0.95)],
            stacked=False,
        ),
        "money": chart(
            labels,
            [
                [max(0.0, float(line.checked)) for line in each],
                [max(0.0, float(line.stopped)) for line in each],
            ],
            stacked=False,
        ),
    }


def _hours(language: str, hours: float | None) -> str:
    """Minutes below an hour, days from two of them; "" for None."""
    if hours is None:
        return ""
    if hours * 60 < 1:
        return say("ui_dash_less", language)
    if hours < 1:
        return say("ui_dash_minutes", language, {"n": f"{hours * 60:.0f}"})
    if hours < 48:
        return say("ui_dash_hours", language, {"n": f"{hours:.1f}"})
    return say("ui_dash_days", language, {"n": f"{hours / 24:.1f}"})


# -- health --------------------------------------------------------------------------------


def _health(services: Services) -> dict[str, Any]:
    """Queues are None when their server does not answer."""
    lane = Lanes(services.database, str(services.settings.portal_url))
    patience = lane.patience()
    disk = shutil.disk_usage(services.settings.root)
    try:
        queues: list[dict[str, Any]] | None = list(_queues(services))
        captchas: int | None = services.desk.waiting()
    except redis.RedisError:
        queues = captchas = None
    return {
        "queues": queues,
        "captchas": captchas,
        "stopped": lane.stopped(),
        "patience": patience if patience and patience > now() else None,
        "free": disk.free,
        "total": disk.total,
        "disk_short": disk.free < services.settings.least_free_disk,
    }


def _queues(services: Services) -> Iterable[dict[str, Any]]:
    for stage in Stage:
        queue = queue_of(stage, services.redis)
        yield {"stage": stage, "depth": queue.count, "workers": Worker.count(queue=queue)}
