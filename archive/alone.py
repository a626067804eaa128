"""One at a time, whatever the clocks say: a lock that lasts exactly as long as who holds it.

A lease (`archive.leases`) ends by the clock, so that dead workers hold nothing up; a clock that
jumps ends it under a living one. What cannot be taken back is done under this lock besides. On
PostgreSQL it belongs to the connection, on SQLite to a file of the data folder.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import text

from archive.database import Database

#: Names share so many files; two that meet in one take turns without need, and no more.
_FILES = 64


@contextmanager
def alone(database: Database, folder: Path, name: str) -> Iterator[bool]:
    """True while nobody else is at `name`; False, at once, where somebody is. `folder` is where
    the locks lie, if they are files."""
    number = int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], signed=True)
    held = _by_database(database, number) if _is_postgresql(database) else _by_file(folder, number)
    with held as got:
        yield got


def _is_postgresql(database: Database) -> bool:
    return database.engine.dialect.name == "postgresql"


@contextmanager
def _by_database(database: Database, number: int) -> Iterator[bool]:
    key = {"key": number}
    with database.engine.connect() as connection:
        connection.execution_options(isolation_level="AUTOCOMMIT")
        got = bool(connection.scalar(text("SELECT pg_try_advisory_lock(:key)"), key))
        try:
            yield got
        finally:
            # Not back into the pool with a lock that nobody knows of: closing lets it go.
            if got:
                connection.invalidate()


@contextmanager
def _by_file(folder: Path, number: int) -> Iterator[bool]:
    folder.mkdir(parents=True, exist_ok=True)
    lock = os.open(folder / f"{number % _FILES:02d}", os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
    try:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
        else:
            yield True
    finally:
        os.close(lock)
