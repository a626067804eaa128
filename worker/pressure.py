"""Back-pressure: when too much waits already, or the disk is nearly full, nothing more is taken in.

Refusing with a clear word and a time is kinder than taking in what cannot be worked on for days,
and a full disk would stop what is on its way. What was taken in before is not touched.
"""

from __future__ import annotations

import datetime as dt
import shutil
import time

from sqlalchemy import func, select

from archive.database import Database
from archive.records import Document, State, now
from extractors.errors import YanpiaoError
from worker.settings import Settings

#: Seconds for which one look at the queue is good; intake must not slow down by counting.
_FRESH_SECONDS = 5


class Overloaded(YanpiaoError):
    """Not now. `RETRY_SECONDS` says when asking again makes sense."""

    code = "overloaded"
    retryable = True
    RETRY_SECONDS = 300


class QueueTooLong(Overloaded):
    code = "queue_too_long"


class DiskNearlyFull(Overloaded):
    code = "disk_nearly_full"
    RETRY_SECONDS = 1800


class Pressure:
    """The limits of the settings against what is there now."""

    def __init__(self, settings: Settings, database: Database) -> None:
        self._settings = settings
        self._database = database
        self._looked = float("-inf")
        self._waiting, self._oldest = 0, now()

    def check(self) -> None:
        """Return when more may be taken in. Raises `QueueTooLong` or `DiskNearlyFull`."""
        limits = self._settings
        free = shutil.disk_usage(limits.root).free
        if free < limits.least_free_disk:
            raise DiskNearlyFull(free=free // 1024**2, seconds=DiskNearlyFull.RETRY_SECONDS)
        if time.monotonic() - self._looked > _FRESH_SECONDS:
            self._look()
        hours = (now() - self._oldest) / dt.timedelta(hours=1)
        too_old = limits.max_queue_age and hours * 3600 > limits.max_queue_age
        too_long = limits.max_queue and self._waiting >= limits.max_queue
        if self._waiting and (too_long or too_old):
            raise QueueTooLong(
                waiting=self._waiting,
                hours=f"{hours:.1f}",
                seconds=QueueTooLong.RETRY_SECONDS,
            )

    def _look(self) -> None:
        query = select(func.count(Document.id), func.min(Document.received_at)).where(
            Document.state == State.RECEIVED
        )
        with self._database.read() as session:
            self._waiting, oldest = session.execute(query).one()
        self._oldest = oldest or now()
        self._looked = time.monotonic()
