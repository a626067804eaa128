"""Signing the audit trail's head at intervals, and copying the heads to a second place."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

from archive import audit_heads
from archive.audit_heads import HeadKey
from archive.database import Database
from archive.records import now
from worker.log import logger
from worker.settings import Settings

log = logger("audit")


def key_path(settings: Settings) -> Path:
    """Where the signing key lies: in the data folder, beside the database and not in it."""
    return settings.root / "audit.key"


class AuditSigner:
    """`round` does nothing until the interval is over; `now` always does."""

    def __init__(self, settings: Settings, database: Database) -> None:
        self._settings, self._database = settings, database
        self._pause = dt.timedelta(seconds=settings.audit_seconds)
        self._due: dt.datetime | None = None

    def round(self) -> None:
        moment = now()
        if self._due is None or moment >= self._due:
            self.now()
            self._due = moment + self._pause

    def now(self) -> audit_heads.Head | None:
        """Sign what is unsigned, and bring the copy up to date. A second place that cannot be
        reached is logged and tried again: it must not keep the first from being signed."""
        key = HeadKey.kept(key_path(self._settings))
        with self._database.write() as session:
            head = audit_heads.sign_head(session, key)
        place = self._settings.audit_copy
        if place is not None:
            try:
                with self._database.read() as session:
                    audit_heads.append_copy(session, place)
            except OSError as error:
                log.warning("audit_copy_failed", error=type(error).__name__)
        return head
