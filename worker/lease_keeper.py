"""Keeps a lease alive while its step runs, so that a dead worker is noticed within seconds
however long a healthy one may take."""

from __future__ import annotations

import threading
import time
from contextvars import copy_context
from typing import Self

from sqlalchemy.exc import SQLAlchemyError

from archive import leases
from archive.database import Database
from extractors.errors import YanpiaoError
from worker.log import logger

log = logger("lease_keeper")

#: After this share of the lease without a renewal one no longer relies on it.
_RELIABLE = 0.8


class LeaseLost(YanpiaoError):
    """The lease could not be renewed in time: another worker may be at it, and what is done from
    here on might undo what that one did."""

    code = "lease_lost"
    retryable = True


class LeaseKeeper:
    """Renews one lease every third of its length for the length of a `with`."""

    def __init__(
        self, database: Database, table: leases.Row, key: str, token: str, seconds: float
    ) -> None:
        self._database = database
        self._table = table
        self._key = key
        self._token = token
        self._seconds = seconds
        self._over = threading.Event()
        self._renewed = time.monotonic()
        self._lost = False
        inside = copy_context()  # of the job: its ids belong into this thread's lines too
        self._thread = threading.Thread(
            target=inside.run, args=(self._run,), name="lease-keeper", daemon=True
        )

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def insist(self) -> None:
        """Return while the lease is surely ours; before what cannot be taken back. Raises
        `LeaseLost`."""
        if self._lost or time.monotonic() - self._renewed > _RELIABLE * self._seconds:
            raise LeaseLost(id=self._key)

    def _run(self) -> None:
        while not self._over.wait(self._seconds / 3):
            asked = time.monotonic()
            try:
                with self._database.write() as session:
                    ours = leases.renew(session, self._table, self._key, self._token, self._seconds)
            except SQLAlchemyError as error:
                log.warning("lease_not_renewed", id=self._key, error=type(error).__name__)
                continue
            self._renewed, self._lost = asked, not ours
            if not ours:
                log.warning("lease_lost", id=self._key)
                return
