"""The dashboard's figures: what came in by month and campus, and what became of it.

They are added up by the clock and kept, so that the page costs the same with a hundred documents
and with a million. A month counts by the day of hand-in, in China's calendar; it is added up again
when a document of it has changed. Only the last `MONTHS` months are kept up to date.
"""

from __future__ import annotations

import datetime as dt
import math
import time
from collections import defaultdict
from collections.abc import Iterable
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Row, delete, exists, func, select
from sqlalchemy.orm import Session

from archive.database import Database
from archive.noticing import Figures
from archive.records import AuditRow, Batch, Document, InvoiceRow, State, Upload, now
from archive.reviewing import DeedStatus, ReviewDeed
from verifiers.model import Reason, Verdict
from worker.review.rules import Action

#: How many months the dashboard shows, the present one with them.
MONTHS = 12
#: Seconds between two looks at what has changed.
EVERY = 120
_CHINA = ZoneInfo("Asia/Shanghai")
_STEP = 1.05
#: Deeds that decide nothing.
_NO_HAND = (Action.NOTE, Action.ASSIGN, Action.UNDO)


def step_of(seconds: float) -> int:
    """The step, of 5 % each, that a duration falls into; all below a second are step 0."""
    return max(0, round(math.log(max(seconds, 1.0), _STEP)))


def seconds_at(durations: dict[str, int], share: float) -> float | None:
    """The duration in seconds that `share` (0 to 1) of them do not exceed, within 2.5 %; None
    where there are none."""
    wanted, passed = math.ceil(sum(durations.values()) * share), 0
    for step in sorted(map(int, durations)):
        passed += durations[str(step)]
        if passed >= wanted:
            return float(_STEP**step)
    return None


def months_until(moment: dt.datetime) -> list[str]:
    """The last `MONTHS` months as "2026-11", oldest first, the moment's own at the end."""
    here = moment.astimezone(_CHINA)
    last = here.year * 12 + here.month - 1
    return [f"{n // 12:04d}-{n % 12 + 1:02d}" for n in range(last - MONTHS + 1, last + 1)]


class Figuring:
    """Keeps the table up to date, a `round` at a time."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._looked = float("-inf")

    def round(self) -> None:
        if time.monotonic() - self._looked < EVERY:
            return
        self._looked = time.monotonic()
        bring_up_to_date(self._database)


def bring_up_to_date(database: Database) -> list[str]:
    """Add up every month in which something changed; which those were."""
    # Taken before looking: what changes meanwhile is newer than that and is seen next time.
    moment = now()
    done = []
    for month in months_until(moment):
        with database.read() as session:
            if not _changed(session, month):
                continue
            rows = _added_up(session, month, moment)
        with database.write() as session:
            session.execute(delete(Figures).where(Figures.month == month))
            session.add_all(rows)
        done.append(month)
    return done


def _span(month: str) -> tuple[dt.datetime, dt.datetime]:
    year, number = map(int, month.split("-"))
    begin = dt.datetime(year, number, 1, tzinfo=_CHINA)
    return begin, dt.datetime(year + number // 12, number % 12 + 1, 1, tzinfo=_CHINA)


def _changed(session: Session, month: str) -> bool:
    begin, end = _span(month)
    within = (Document.received_at >= begin, Document.received_at < end)
    newest = session.scalar(select(func.max(Document.updated_at)).where(*within))
    again = session.scalar(
        select(func.max(Upload.received_at)).where(
            Upload.received_at >= begin, Upload.received_at < end
        )
    )
    known = session.scalar(select(func.min(Figures.computed_at)).where(Figures.month == month))
    moments = [each for each in (newest, again) if each is not None]
    return bool(moments) and (known is None or max(moments) >= known)


def _added_up(session: Session, month: str, moment: dt.datetime) -> list[Figures]:
    begin, end = _span(month)
    found: dict[str, Figures] = {}

    def of(campus: str) -> Figures:
        return found.setdefault(campus, _empty(month, campus, moment))

    durations: dict[str, dict[str, int]] = defaultdict(lambda: defaultdict(int))
    for row in _documents(session, begin, end):
        _count(of(row.campus), row)
        if row.archived_at is not None:
            seconds = (row.archived_at - row.received_at).total_seconds()
            durations[row.campus][str(step_of(seconds))] += 1
    for campus, count in _repeated(session, begin, end):
        of(campus).duplicates += count
    for campus, steps in durations.items():
        of(campus).durations = dict(steps)
    return list(found.values())


def _empty(month: str, campus: str, moment: dt.datetime) -> Figures:
    numbers = ("received", "by_itself", "by_hand", "in_review", "waiting", "refused", "duplicates")
    return Figures(
        month=month,
        campus=campus,
        **dict.fromkeys(numbers, 0),
        money_checked=Decimal(0),
        money_stopped=Decimal(0),
        durations={},
        computed_at=moment,
    )


def _documents(session: Session, begin: dt.datetime, end: dt.datetime) -> Iterable[Row[Any]]:
    touched = exists().where(
        ReviewDeed.document_id == Document.id,
        ReviewDeed.action.not_in(_NO_HAND),
        ReviewDeed.status.in_((DeedStatus.DONE, DeedStatus.CONFIRMED)),
    )
    archived = (
        select(func.min(AuditRow.at))
        .where(AuditRow.document_id == Document.id, AuditRow.action == "document_archived")
        .scalar_subquery()
    )
    return session.execute(
        select(
            Document.campus,
            Document.state,
            Document.verdict,
            Document.reason,
            Document.received_at,
            InvoiceRow.total_with_tax.label("total"),
            touched.label("touched"),
            archived.label("archived_at"),
        )
        .outerjoin(InvoiceRow, InvoiceRow.document_id == Document.id)
        .where(Document.received_at >= begin, Document.received_at < end)
        .execution_options(yield_per=1000)
    )


def _count(figures: Figures, row: Row[Any]) -> None:
    figures.received += 1
    total = row.total or Decimal(0)
    if row.state in (State.PASSED, State.ARCHIVED):
        if row.touched:
            figures.by_hand += 1
        else:
            figures.by_itself += 1
    elif row.state == State.IN_REVIEW:
        figures.in_review += 1
    elif row.state == State.WAITING:
        figures.waiting += 1
    elif row.state in (State.REJECTED, State.FAILED):
        figures.refused += 1
    if row.verdict == Verdict.CONFIRMED:
        figures.money_checked += total
    if row.state == State.REJECTED or (
        row.state == State.IN_REVIEW and row.verdict == Verdict.CONTRADICTED
    ):
        figures.money_stopped += total
    if row.reason == Reason.DUPLICATE:
        figures.duplicates += 1


def _repeated(session: Session, begin: dt.datetime, end: dt.datetime) -> Iterable[tuple[str, int]]:
    """Files whose bytes were here already, by the campus that handed them in again."""
    query = (
        select(Batch.campus, func.count(Upload.id))
        .join(Batch, Batch.id == Upload.batch_id)
        .where(Upload.repeated, Upload.received_at >= begin, Upload.received_at < end)
        .group_by(Batch.campus)
    )
    return [(campus, count) for campus, count in session.execute(query)]
