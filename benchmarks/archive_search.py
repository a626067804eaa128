"""Search among a hundred thousand, a million, ten million archived invoices.

    python -m benchmarks.archive_search [--sizes 100000 1000000 10000000]
        [--engines sqlite postgresql] [--folder FOLDER] [--queries 300]

Makes the invoices (`benchmarks.archive_made`), asks each kind of query with values drawn from
what is there, each in a session of its own with its first page loaded as a page shows it, and
prints milliseconds and bytes of index an invoice. `--folder` is where the databases are made; it
needs about 1 GB a million, and holds nothing afterwards.
"""

from __future__ import annotations

import argparse
import os
import random
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path

from rich.console import Console
from rich.table import Table
from sqlalchemy import select, text

from archive import search
from archive.database import Database
from archive.records import Base, InvoiceRow
from archive.search import Query
from archive.search.tables import SearchInvoice, SearchName
from benchmarks.archive_made import CODES, PER_VOUCHER, Made, make
from benchmarks.machine import machine
from fixtures import postgres

Ask = Callable[[random.Random], Query]
#: What the bar asks (issue 6): kind of query, percentile, milliseconds.
BAR = {
    "exact number": (99, 5.0),
    "beginning, 12 digits": (99, 20.0),
    "last six digits": (99, 20.0),
    "seller, 2 characters": (95, 100.0),
}
_NUMBER_INDEXES = ("ix_invoices_invoice_number", "ix_invoices_number_reversed")


class _Asking:
    """Draws values that are there."""

    def __init__(self, database: Database, made: Made) -> None:
        self._database, self._made = database, made

    def number(self, draw: random.Random) -> str:
        key = f"{draw.randrange(1, self._made.count + 1):024d}"
        query = select(InvoiceRow.invoice_number).where(InvoiceRow.document_id == key)
        with self._database.read() as session:
            return session.scalar(query) or ""

    def name(self, column: str, draw: random.Random) -> str:
        """A name as often as invoices bear it."""
        row = draw.randrange(1, self._made.count + 1)
        name = getattr(SearchInvoice, column)
        query = select(SearchName.folded).join(SearchInvoice, name == SearchName.id)
        with self._database.read() as session:
            return session.scalar(query.where(SearchInvoice.id == row)) or ""

    def goods(self, draw: random.Random) -> str:
        first, count = self._made.goods
        with self._database.read() as session:
            return session.get_one(SearchName, draw.randrange(first, first + count)).folded


def _two(draw: random.Random, name: str) -> str:
    at = draw.randrange(len(name) - 1)
    return name[at : at + 2]


def asks(database: Database, made: Made) -> dict[str, Ask]:
    """Every kind of query, by its name."""
    there = _Asking(database, made)

    def amounts(draw: random.Random, width: str) -> Query:
        low = Decimal(draw.randrange(5_000_000)) / 100
        return Query(amount_min=low, amount_max=low + Decimal(width))

    return {
        "exact number": lambda draw: Query(digits=there.number(draw)),
        "beginning, 12 digits": lambda draw: Query(digits=there.number(draw)[:12]),
        "last six digits": lambda draw: Query(digits=there.number(draw)[-6:]),
        "beginning, 3 digits": lambda draw: Query(digits=there.number(draw)[:3]),
        "code, 12 digits": lambda draw: Query(
            code=f"{4400 + draw.randrange(30):06d}{draw.randrange(CODES):06d}"
        ),
        "seller, 2 characters": lambda draw: Query(
            seller=_two(draw, there.name("seller_id", draw))
        ),
        "seller, whole name": lambda draw: Query(seller=there.name("seller_id", draw)),
        "buyer, 2 characters": lambda draw: Query(buyer=_two(draw, there.name("buyer_id", draw))),
        "text, 2 characters": lambda draw: Query(text=_two(draw, there.goods(draw))),
        "line, whole": lambda draw: Query(text=there.goods(draw)),
        "amount": lambda draw: amounts(draw, "0"),
        "amounts, 10 yuan wide": lambda draw: amounts(draw, "10"),
        "voucher": lambda draw: Query(
            voucher=f"JZ-{draw.randrange(made.count) // PER_VOUCHER:08d}"
        ),
        "seller and amount": lambda draw: Query(
            seller=_two(draw, there.name("seller_id", draw)),
            amount_min=Decimal(100),
            amount_max=Decimal(5000),
        ),
        "seller in a campus": lambda draw: Query(
            seller=_two(draw, there.name("seller_id", draw)),
            campus=f"校区{draw.randrange(8)}",
        ),
    }


def measure(database: Database, ask: Ask, count: int) -> tuple[list[float], list[float], float]:
    """Milliseconds of each query, by the clock and of this process's own work, each sorted; and
    hits on a first page, on average. The second leaves out waiting, for others on a busy machine
    as for a database that is a process of its own."""
    draw = random.Random(count)
    spent, worked, hits = [], [], 0
    for number in range(count + 5):
        query = ask(draw)
        began, busy = time.perf_counter(), time.thread_time()
        with database.read() as session:
            found = len(search.run(session, query).hits)
        if number >= 5:  # the first few also load what every later one finds loaded
            spent.append((time.perf_counter() - began) * 1000)
            worked.append((time.thread_time() - busy) * 1000)
            hits += found
    return sorted(spent), sorted(worked), hits / count


def percentile(values: list[float], percent: float) -> float:
    return values[min(len(values) - 1, int(len(values) * percent / 100))]


def index_bytes(database: Database) -> int:
    """Bytes of everything that only the search needs."""
    tables = [name for name in Base.metadata.tables if name.startswith("search_")]
    with database.read() as session:
        if database.engine.dialect.name == "postgresql":
            sizes = [f"pg_total_relation_size('{name}')" for name in tables]
            sizes += [f"pg_relation_size('{name}')" for name in _NUMBER_INDEXES]
            return int(session.scalar(text(f"SELECT {' + '.join(sizes)}")))
        names = "', '".join((*tables, *_NUMBER_INDEXES))
        owned = f"name IN ('{names}') OR name LIKE '%\\_search\\_%' ESCAPE '\\'"
        statement = f"SELECT sum(pgsize) FROM dbstat WHERE aggregate = 1 AND ({owned})"
        return int(session.scalar(text(statement)))


@contextmanager
def _opened(engine: str, folder: Path) -> Iterator[Database]:
    if engine == "sqlite":
        path = folder / "search.db"
        database = Database(f"sqlite:///{path}")
        try:
            yield database
        finally:
            database.close()
            for each in folder.glob("search.db*"):
                each.unlink()
        return
    # What a small server is given: a quarter of 8 GB.
    settings = ("shared_buffers=2GB", "maintenance_work_mem=1GB", "max_wal_size=8GB", "jit=off")
    with postgres.own_server(*settings, folder=folder) as url:
        database = Database(url)
        try:
            yield database
        finally:
            database.close()


def _one(console: Console, engine: str, count: int, options: argparse.Namespace) -> None:
    with _opened(engine, options.folder) as database:
        database.migrate()
        began = time.monotonic()
        made = make(database.engine, count)
        loaded = time.monotonic() - began
        table = Table("query", "p50 ms", "p95 ms", "p99 ms", "own p50", "own p99", "hits", "bar")
        for name, ask in asks(database, made).items():
            spent, worked, hits = measure(database, ask, options.queries)
            figures = [percentile(spent, percent) for percent in (50, 95, 99)]
            figures += [percentile(worked, percent) for percent in (50, 99)]
            table.add_row(
                name, *(f"{each:.1f}" for each in figures), f"{hits:.1f}", _bar(name, spent)
            )
        console.print(f"\n{engine}, {count:,} invoices, made in {loaded:.0f} s", highlight=False)
        console.print(table)
        console.print(f"index: {index_bytes(database) / count:.0f} bytes an invoice")


def _bar(name: str, spent: list[float]) -> str:
    if name not in BAR:
        return ""
    percent, most = BAR[name]
    held = percentile(spent, percent) <= most
    return f"p{percent} <= {most:.0f}: {'held' if held else 'MISSED'}"


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--sizes", type=int, nargs="+", default=[100_000])
    parser.add_argument("--engines", nargs="+", default=["sqlite", "postgresql"])
    parser.add_argument("--folder", type=Path, default=Path(tempfile.gettempdir()))
    parser.add_argument("--queries", type=int, default=300)
    options = parser.parse_args()
    console = Console(width=100)
    load = ", ".join(f"{each:.1f}" for each in os.getloadavg())
    console.print(f"{machine()}, load before {load}", highlight=False)
    own = Path(tempfile.mkdtemp(prefix="yanpiao-search-", dir=options.folder))
    own.chmod(0o755)
    options.folder = own
    try:
        for engine in options.engines:
            for count in options.sizes:
                _one(console, engine, count, options)
    finally:
        shutil.rmtree(own)


if __name__ == "__main__":
    main()
