"""Keeps a lease alive while its step runs, so that a dead worker is noticed within seconds
however long a healthy one may take."""

from __future__ import annotations

import threading
from typing import Self

from sqlalchemy.exc import SQLAlchemyError

from archive import leases
from archive.database import Database
from worker.log import logger

log = logger("lease_keeper")


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
        self._thread = threading.Thread(target=self._run, name="lease-keeper", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._over.wait(self._seconds / 3):
            try:
                with self._database.write() as session:
                    ours = leases.renew(session, self._table, self._key, self._token, self._seconds)
            except SQLAlchemyError as error:
                log.warning("lease_not_renewed", id=self._key, error=type(error).__name__)
                continue
            if not ours:
                log.warning("lease_lost", id=self._key)
                return
