"""Where documents' time went, as the product itself recorded it: seconds of work by stage on each
document (`Document.seconds`), and the moments of its states in the audit trail."""

from __future__ import annotations

import datetime as dt
import statistics
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from sqlalchemy import func, select

from archive.database import Database
from archive.records import AuditRow, Document, State

#: What a document goes through, in order. "waits" is the time that no worker had it in hand.
STEPS = ("waits to be read", "read", "waits to be verified", "verify", "waits to be sealed",
         "archive")  # fmt: skip
_MOMENTS = ("received", "read", "verified", "archived")
#: Moments are those of rows, seconds those of a clock beside them: rounding may differ so much.
_ROUNDING = 0.05


@dataclass(frozen=True, slots=True)
class Way:
    """One archived document's way: seconds of each step, and when it was archived."""

    seconds: Mapping[str, float]
    received: dt.datetime
    archived: dt.datetime

    @property
    def whole(self) -> float:
        return (self.archived - self.received).total_seconds()


def reasons(database: Database) -> dict[str, int]:
    """How many documents were not archived, by the reason that they say."""
    query = (
        select(Document.reason, func.count())
        .where(Document.state != State.ARCHIVED)
        .group_by(Document.reason)
    )
    with database.read() as session:
        return {str(reason): count for reason, count in session.execute(query)}


def counts(database: Database) -> dict[str, int]:
    """Documents by state."""
    query = select(Document.state, func.count()).group_by(Document.state)
    with database.read() as session:
        return dict(session.execute(query).all())


def archived(database: Database) -> int:
    """How many documents are sealed."""
    return counts(database).get(State.ARCHIVED, 0)


def moving(database: Database) -> int:
    """Documents that workers have still to do with."""
    states = (State.RECEIVED, State.READ, State.VERIFIED, State.PASSED)
    query = select(func.count(Document.id)).where(Document.state.in_(states))
    with database.read() as session:
        return session.scalar(query) or 0


def ways(database: Database) -> list[Way]:
    """The way of every archived document. Raises `ValueError` where the product's records
    contradict one another: more seconds of work than passed between two moments."""
    moments: dict[str, dict[str, dt.datetime]] = defaultdict(dict)
    actions = [f"document_{name}" for name in _MOMENTS]
    with database.read() as session:
        rows = select(AuditRow.document_id, AuditRow.action, AuditRow.at).where(
            AuditRow.action.in_(actions)
        )
        for document_id, action, at in session.execute(rows):
            moments[document_id or ""][action.removeprefix("document_")] = at
        spent = {
            document_id: seconds or {}
            for document_id, seconds in session.execute(
                select(Document.id, Document.seconds).where(Document.state == State.ARCHIVED)
            )
        }
    return sorted((way(moments[key], spent[key]) for key in spent), key=lambda way: way.archived)


def way(at: Mapping[str, dt.datetime], spent: Mapping[str, float]) -> Way:
    read = (at["read"] - at["received"]).total_seconds()
    verified = (at["verified"] - at["read"]).total_seconds()
    archived = (at["archived"] - at["verified"]).total_seconds()
    seconds = {
        "waits to be read": read - spent["read"],
        "read": spent["read"],
        "waits to be verified": verified - spent["verify"],
        "verify": spent["verify"],
        # Its share of the voucher's sealing is recorded; the others' shares it waits for.
        "waits to be sealed": archived - spent["archive"],
        "archive": spent["archive"],
    }
    if min(seconds.values()) < -_ROUNDING:
        raise ValueError(f"the records of a document do not add up: {seconds}")
    return Way(seconds, at["received"], at["archived"])


def middle(found: list[Way]) -> list[Way]:
    """Without the first and the last fifth: there the machine fills and empties."""
    fifth = len(found) // 5
    return found[fifth : len(found) - fifth]


def rate(found: list[Way]) -> float:
    """Documents archived a second, from the first of these to the last."""
    if len(found) < 2:
        return 0.0
    span = (found[-1].archived - found[0].archived).total_seconds()
    return (len(found) - 1) / span if span else 0.0


def means(found: Iterable[Way]) -> dict[str, float]:
    """Mean seconds of each step."""
    each = list(found)
    return {step: statistics.fmean(way.seconds[step] for way in each) for step in STEPS}
