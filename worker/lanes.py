"""The portal's lane: stopped after a block or a changed page until a person resumes it, held
back while the portal asked for patience."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from sqlalchemy import update

from archive import audit
from archive.database import Database
from archive.records import Document, Lane, State, now
from verifiers.model import Reason
from verifiers.outcome import STOPPING, backed_off
from worker.log import logger

log = logger("lanes")

#: How long documents keep off a stopped lane before they ask again whether it is open.
_STOPPED_LANE_PAUSE = dt.timedelta(minutes=10)
#: Beyond the longest back-off (`verifiers.outcome`).
_LONGEST_PATIENCE = dt.timedelta(hours=5)


@dataclass(frozen=True, slots=True)
class Hold:
    """Why no visit may be made now, and when to ask again."""

    reason: Reason
    until: dt.datetime


class Lanes:
    """The lane of one portal, kept in the database so that a lost Redis does not reopen it."""

    def __init__(self, database: Database, portal: str) -> None:
        self._database = database
        self._portal = portal

    def stopped(self) -> Reason | None:
        """Why the lane is stopped, or None while it is open."""
        lane = self.row()
        return Reason(lane.reason) if lane and lane.stopped_at and lane.reason else None

    def row(self) -> Lane | None:
        """What is known of the lane; None before its first trouble."""
        with self._database.read() as session:
            return session.get(Lane, self._portal)

    def hold(self) -> Hold | None:
        """What keeps visits back at the moment."""
        lane = self.row()
        if lane is None:
            return None
        if lane.stopped_at and lane.reason:
            return Hold(Reason(lane.reason), now() + _STOPPED_LANE_PAUSE)
        if (until := _patience(lane)) and until > now():
            return Hold(Reason.TOO_FREQUENT, until)
        return None

    def stop(self, reason: str) -> None:
        """Close the lane and raise the alarm, once."""
        with self._database.write() as session:
            lane = session.get(Lane, self._portal) or Lane(portal=self._portal)
            if lane.stopped_at is not None:
                return
            lane.stopped_at, lane.reason = now(), reason
            session.add(lane)
            audit.record(session, "lane_stopped", detail={"reason": reason})
        log.error("lane_stopped", portal=self._portal, reason=reason)

    def resume(self, actor: str) -> None:
        """Open the lane again; what waited for it is due at once."""
        with self._database.write() as session:
            lane = session.get(Lane, self._portal)
            if lane is None or lane.stopped_at is None:
                return
            lane.stopped_at = lane.reason = lane.resume_at = None
            lane.refusals = 0
            audit.record(session, "lane_resumed", actor=actor)
            session.execute(
                update(Document)
                .where(
                    Document.state == State.WAITING,
                    Document.reason.in_([str(reason) for reason in STOPPING]),
                    Document.next_try_at > now(),
                )
                .values(next_try_at=now())
            )

    def patience(self) -> dt.datetime | None:
        """Until when the portal asked to be left alone."""
        lane = self.row()
        return _patience(lane) if lane else None

    def back_off(self, planned: dt.datetime) -> dt.datetime:
        """The portal asked for patience until `planned`: wait longer after each such word."""
        with self._database.write() as session:
            lane = session.get(Lane, self._portal) or Lane(portal=self._portal, refusals=0)
            lane.refusals += 1
            until = backed_off(planned, now(), lane.refusals)
            before = _patience(lane)
            lane.resume_at = max(until, before) if before else until
            session.add(lane)
            resume_at = lane.resume_at
        log.warning("lane_held_back", portal=self._portal, until=resume_at.isoformat())
        return resume_at

    def welcome(self) -> None:
        """The portal answered properly after its patience was over: forget the refusals."""
        lane = self.row()
        if lane is None or lane.resume_at is None or lane.resume_at > now():
            return
        with self._database.write() as session:
            lane = session.get_one(Lane, self._portal)
            if lane.resume_at is not None and lane.resume_at <= now():
                lane.resume_at, lane.refusals = None, 0


def _patience(lane: Lane) -> dt.datetime | None:
    """Until when the portal asked for patience. It never asks for so long as a clock makes of it
    that has been put back since."""
    if lane.resume_at is None or lane.resume_at > now() + _LONGEST_PATIENCE:
        return None
    return lane.resume_at
