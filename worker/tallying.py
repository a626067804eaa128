"""Counts and times for monitoring, added up from the audit trail by the clock.

The trail says everything once, whichever host did it; so the counts are right for any number of
processes, and a scrape reads a few dozen rows however many million there are. Only what the trail
does not tell is counted where it happens (`worker.meters`).
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from archive.database import Database
from archive.noticing import Walk
from archive.records import AuditRow, Document, State
from archive.tallies import Counting, set_gauges
from verifiers.model import Verdict

_WALK = "tallies"
_MOST_ROWS = 2000
#: Batches of one round, so that the clock goes on with everything else after a long pause.
_MOST_BATCHES = 50
#: Documents that nothing moves any more; there are too many of them to be counted at each scrape.
SETTLED = (State.ARCHIVED, State.REJECTED, State.FAILED)
_RECOUNT_SECONDS = 300
#: A recount may take this part of the time.
_SHARE = 50

_MOVES = {f"document_{state}": str(state) for state in State}
_MOVES["document_split"] = str(State.RECEIVED)
_STAGES = {
    "document_read": "read",
    "document_verified": "verify",
    "document_archived": "archive",
}
_AGAIN = "document_verified_again"
_FAILED_TRY = "reading_retried"
_FOLLOWED = (*_MOVES, _AGAIN, _FAILED_TRY)


class Tallying:
    """Brings the counts up to date, a `round` at a time."""

    def __init__(self, database: Database, clock: Callable[[], float] = time.monotonic) -> None:
        self._database = database
        self._clock = clock
        self._recount_at = float("-inf")

    def round(self) -> int:
        """Follow the trail to its end; how many of its rows were counted. The first round ever
        only takes its place: counts begin there."""
        rows = 0
        for _ in range(_MOST_BATCHES):
            with self._database.write() as session:
                counted, more = _batch(session)
            rows += counted
            if not more:
                break
        if self._clock() >= self._recount_at:
            self._recount()
        return rows

    def _recount(self) -> None:
        """How many documents are settled, by an index alone; seldomer the longer it takes."""
        began = self._clock()
        query = (
            select(Document.state, func.count())
            .where(Document.state.in_(SETTLED))
            .group_by(Document.state)
        )
        with self._database.read() as session:
            found = {str(state): count for state, count in session.execute(query)}
        with self._database.write() as session:
            set_gauges(session, "settled", found)
        took = self._clock() - began
        self._recount_at = self._clock() + max(_RECOUNT_SECONDS, _SHARE * took)


def _batch(session: Session) -> tuple[int, bool]:
    """Count some rows, and move behind them: how many, and whether there are more."""
    last = session.scalar(select(func.max(AuditRow.seq))) or 0
    walk = session.get(Walk, _WALK, with_for_update=True)
    if walk is None:
        session.add(Walk(name=_WALK, seq=last))
        return 0, False
    upto = min(last, walk.seq + _MOST_ROWS)
    if upto <= walk.seq:
        return 0, False
    query = (
        select(AuditRow)
        .where(AuditRow.seq > walk.seq, AuditRow.seq <= upto, AuditRow.action.in_(_FOLLOWED))
        .order_by(AuditRow.seq)
    )
    rows = list(session.scalars(query))
    counting = Counting()
    for row in rows:
        _count(counting, row.action, json.loads(row.detail))
    _time_the_whole_way(session, counting, rows)
    counting.write(session)
    walk.seq = upto
    return len(rows), upto < last


def _count(counting: Counting, action: str, detail: Mapping[str, Any]) -> None:
    if state := _MOVES.get(action):
        counting.count("moves", state)
    if (stage := _STAGES.get(action)) and "seconds" in detail:
        counting.time(float(detail["seconds"]), "stage", stage)
    if action == _FAILED_TRY:
        counting.count("retries", "read", str(detail["code"]))
    if verdict := detail.get("verdict"):
        reason = str(detail.get("reason") or "")
        counting.count("verdicts", str(verdict), reason)
        if verdict == Verdict.UNDECIDED and action in (f"document_{State.WAITING}", _AGAIN):
            counting.count("retries", "verify", reason)


def _time_the_whole_way(session: Session, counting: Counting, rows: Iterable[AuditRow]) -> None:
    """From hand-in to archive, waiting and people's work included."""
    ended = {row.document_id: row.at for row in rows if row.action == f"document_{State.ARCHIVED}"}
    query = select(Document.id, Document.received_at).where(Document.id.in_(list(ended)))
    for document_id, received_at in session.execute(query) if ended else ():
        counting.time((ended[document_id] - received_at).total_seconds(), "way")
