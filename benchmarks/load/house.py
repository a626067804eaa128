"""The whole system, started for one measurement, with a stand-in of the tax authority."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import httpx
from sqlalchemy import func, select, text

from archive.database import Database
from archive.records import AuditRow
from benchmarks.load.vendor import vendor
from fixtures import postgres
from fixtures.services import Running, running

Engine = Literal["sqlite", "postgresql"]
Road = Literal["vendor", "portal"]
#: A server that keeps its promises, unlike that of the tests.
_CAREFUL = ("fsync=on", "synchronous_commit=on", "full_page_writes=on", "max_connections=200")
_NO_LIMIT = "1000000"


@dataclass(frozen=True, slots=True)
class House:
    services: Running
    database: Database
    clients: tuple[httpx.Client, ...]


@contextlib.contextmanager
def house(
    known: Path, engine: Engine, road: Road, workers: int, clients: int = 2
) -> Iterator[House]:
    """Everything runs, on an empty data folder and database of its own, and so many clients are
    signed in."""
    with contextlib.ExitStack() as stack:
        data = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="yp-load-"))) / "data"
        settings = {
            "YANPIAO_OCR_WORKERS": str(workers),
            "YANPIAO_VERIFY_WORKERS": str(workers),
            "YANPIAO_ARCHIVE_WORKERS": str(workers),
            "YANPIAO_OCR_THREADS": "1",
            "YANPIAO_UPLOADS_PER_MINUTE": _NO_LIMIT,
            "YANPIAO_PORTAL_PER_MINUTE": _NO_LIMIT,
            "YANPIAO_PORTAL_PER_DAY": _NO_LIMIT,
        }
        url = f"sqlite:///{data / 'yanpiao.db'}"
        if engine == "postgresql":
            url = settings["DATABASE_URL"] = stack.enter_context(postgres.own_server(*_CAREFUL))
        if road == "vendor":
            settings |= stack.enter_context(vendor(data, known))
        services = stack.enter_context(
            running(data, known, operator=road == "portal", settings=settings)
        )
        database = Database(url)
        stack.callback(database.close)
        guests = tuple(stack.enter_context(services.client()) for _ in range(clients))
        yield House(services, database, guests)


def stored(here: House) -> dict[str, int]:
    """Bytes in the database, of originals and evidence, and of bags; rows of the audit trail."""
    data = here.services.data
    with here.database.read() as session:
        if here.database.engine.dialect.name == "postgresql":
            size = session.scalar(text("SELECT pg_database_size(current_database())"))
        else:
            pages = session.scalar(text("PRAGMA page_count")) or 0
            size = pages * (session.scalar(text("PRAGMA page_size")) or 0)
        trail = session.scalar(select(func.count()).select_from(AuditRow))
    return {
        "database": int(size or 0),
        "files": _bytes_below(data / "files"),
        "bags": _bytes_below(data / "bags"),
        "trail": int(trail or 0),
    }


def _bytes_below(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
