"""The portal's lane: stopped after a block or a changed page until a person resumes it."""

from __future__ import annotations

from archive import audit
from archive.database import Database
from archive.records import Lane, now
from worker.log import logger

log = logger("lanes")


class Lanes:
    """The lane of one portal, kept in the database so that a lost Redis does not reopen it."""

    def __init__(self, database: Database, portal: str) -> None:
        self._database = database
        self._portal = portal

    def stopped(self) -> str | None:
        """Why the lane is stopped, or None while it is open."""
        with self._database.read() as session:
            lane = session.get(Lane, self._portal)
            return lane.reason if lane and lane.stopped_at else None

    def stop(self, reason: str) -> None:
        """Close the lane and raise the alarm."""
        log.error("lane_stopped", portal=self._portal, reason=reason)
        with self._database.write() as session:
            lane = session.get(Lane, self._portal) or Lane(portal=self._portal)
            lane.stopped_at, lane.reason = now(), reason
            session.add(lane)
            audit.record(session, "lane_stopped", detail={"reason": reason})

    def resume(self, actor: str) -> None:
        """Open the lane again; what waited comes back by itself."""
        with self._database.write() as session:
            lane = session.get(Lane, self._portal)
            if lane is not None and lane.stopped_at is not None:
                lane.stopped_at, lane.reason = None, None
                audit.record(session, "lane_resumed", actor=actor)
