"""Databases of made invoices that may be kept: making ten million takes longer than asking them.

A folder holds one database: SQLite's file or PostgreSQL's cluster, and `made.json`, which tells
what was made and how long that took. Without that file a database is unfinished and made anew.
"""

from __future__ import annotations

import json
import os
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from archive.database import Database
from benchmarks.archive_made import Made, make
from fixtures import postgres

#: What a small server is given: a quarter of 8 GB, and a disk that is no spinning one.
SETTINGS = (
    "shared_buffers=2GB",
    "effective_cache_size=6GB",
    "random_page_cost=1.1",
    "maintenance_work_mem=1GB",
    "max_wal_size=8GB",
)


_A_PIECE = 4 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Kept:
    """An open database, what is in it, and the seconds that it was made in."""

    engine: str
    own: Path
    database: Database
    made: Made
    seconds: float


@contextmanager
def kept(engine: str, count: int, folder: Path) -> Iterator[Kept]:
    """The database with `count` invoices in the folder, made now where it is not there, at the
    newest revision of the tables."""
    own = _own(engine, count, folder)
    note = own / "made.json"
    if not note.exists():
        shutil.rmtree(own, ignore_errors=True)
        own.mkdir(parents=True)
        own.chmod(0o755)
    with _opened(engine, own) as database:
        database.migrate()
        if not note.exists():
            began = time.monotonic()
            made = make(database.engine, count)
            note.write_text(json.dumps({**asdict(made), "seconds": time.monotonic() - began}))
        told = json.loads(note.read_text())
        seconds = told.pop("seconds")
        spans = {name: tuple(value) for name, value in told.items() if name != "count"}
        yield Kept(engine, own, database, Made(told["count"], **spans), seconds)


def into_memory(own: Path) -> None:
    """Read a database's files once, as a server has that has run for a while; not PostgreSQL's
    log of what was written, which nobody reads."""
    for path in sorted(own.rglob("*")):
        if path.is_file() and not path.is_symlink() and "pg_wal" not in path.parts:
            with path.open("rb", buffering=0) as file:
                while file.read(_A_PIECE):
                    pass


def out_of_memory(engine: str, count: int, folder: Path) -> None:
    """Have the system forget what it has read of a database that nobody has open."""
    for path in _own(engine, count, folder).rglob("*"):
        if path.is_file() and not path.is_symlink():
            with path.open("rb") as file:
                os.fsync(file.fileno())
                os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def _own(engine: str, count: int, folder: Path) -> Path:
    return folder / f"{engine}-{count}"


@contextmanager
def _opened(engine: str, own: Path) -> Iterator[Database]:
    if engine == "sqlite":
        database = Database(f"sqlite:///{own / 'search.db'}")
        try:
            yield database
        finally:
            database.close()
        return
    with postgres.kept(own, *SETTINGS) as server:
        database = Database(server.url)
        try:
            yield database
        finally:
            database.close()
