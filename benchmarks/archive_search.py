"""Search among a hundred thousand, a million, ten million archived invoices.

    python -m benchmarks.archive_search [--sizes 100000 1000000 10000000]
        [--engines sqlite postgresql] [--keep FOLDER] [--queries 1000] [--cold] [--svg FILE]

Makes the invoices (`benchmarks.archive_made`), asks each kind of question (`benchmarks.
archive_asks`), each in a session of its own with its first page loaded as a page shows it, and
prints milliseconds and bytes of index an invoice. With `--keep` the databases stay in that folder
and are taken from it the next time; else they are made in a new one, which is gone afterwards.
They take about 1.2 GB a million, and each is made in 1 to 2 minutes a million.

"By the clock" is what a person waits; "own" is this process's own work, without waiting for the
processor, the disk, or a database that is a process of its own. The same was never asked before,
but the files of the database are in the machine's memory as far as they fit, as on a server that
has run for a while. With `--cold` a few are asked of each kind after everything was put out of
memory.
"""

from __future__ import annotations

import argparse
import os
import random
import shutil
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table
from sqlalchemy import text

from archive import search
from archive.database import Database
from archive.records import Base
from benchmarks.archive_asks import Ask, asks
from benchmarks.archive_growth import Point, draw, growth_table
from benchmarks.archive_kept import into_memory, kept, out_of_memory
from benchmarks.machine import machine
from web.warming import settle

#: What the bar asks (issue 6): kind of question, percentile, milliseconds.
BAR = {
    "exact number": (99, 5.0),
    "beginning, 12 digits": (99, 20.0),
    "last six digits": (99, 20.0),
    "seller, 2 characters": (95, 100.0),
}
_HEADINGS = ("p50 ms", "p95 ms", "p99 ms", "own p50", "own p99", "hits")
_NUMBER_INDEXES = ("ix_invoices_invoice_number", "ix_invoices_number_reversed")
#: Questions of a kind after memory was emptied; the later of them find what the first have read.
_COLD = 10


@dataclass(frozen=True, slots=True)
class Measured:
    """Milliseconds of each question, by the clock and of own work, each sorted; hits on a first
    page, on average."""

    spent: list[float]
    worked: list[float]
    hits: float


def measure(database: Database, ask: Ask, count: int, warming: int = 5) -> Measured:
    """Ask so many, after a few that also load what every later one finds loaded."""
    dice = random.Random(count)
    spent, worked, hits = [], [], 0
    for number in range(count + warming):
        if number == warming:
            settle()  # as the server does once it is warm
        question = ask(dice)
        began, busy = time.perf_counter(), time.thread_time()
        with database.read() as session:
            page = search.run(session, question.query, after=question.after, seen=question.seen)
        if number >= warming:
            spent.append((time.perf_counter() - began) * 1000)
            worked.append((time.thread_time() - busy) * 1000)
            hits += len(page.hits)
    return Measured(sorted(spent), sorted(worked), hits / count)


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


def _one(console: Console, engine: str, count: int, options: argparse.Namespace) -> Iterator[Point]:
    """Measure one database, a line as each kind is done; the kinds that have a bar come back."""
    with kept(engine, count, options.folder) as there:
        console.print(
            f"\n{engine}, {count:,} invoices, made in {there.seconds:.0f} s, "
            f"{options.queries} questions a kind"
        )
        into_memory(there.own)
        console.print(_line("query", _HEADINGS))
        for name, ask in asks(there.database, there.made).items():
            if options.only and name not in options.only:
                continue
            measured = measure(there.database, ask, options.queries)
            console.print(_line(name, _figures(measured), _verdict(name, measured.spent)))
            if name in BAR:
                percent, bar = BAR[name]
                spent = measured.spent
                telling = percentile(spent, percent)
                yield Point(engine, count, name, percentile(spent, 50), telling, percent, bar)
        console.print(f"load now {os.getloadavg()[0]:.1f}")
        console.print(f"index: {index_bytes(there.database) / count:.0f} bytes an invoice")
    if options.cold:
        _cold(console, engine, count, options)


def _line(name: str, figures: Sequence[str], last: str = "") -> str:
    return f"{name:30}" + "".join(f"{each:>10}" for each in figures) + f"  {last}"


def _figures(measured: Measured) -> list[str]:
    figures = [percentile(measured.spent, percent) for percent in (50, 95, 99)]
    figures += [percentile(measured.worked, percent) for percent in (50, 99)]
    return [f"{each:.1f}" for each in (*figures, measured.hits)]


def _cold(console: Console, engine: str, count: int, options: argparse.Namespace) -> None:
    """The first questions to a database of which nothing is in memory: what they ask was drawn
    before it was closed, put out of memory, and opened again."""
    table = Table("query, cold", "first ms", "p50 ms", "slowest ms")
    for name in BAR:
        with kept(engine, count, options.folder) as there:
            ask = asks(there.database, there.made)[name]
            dice = random.Random(7)
            questions = [ask(dice) for _ in range(_COLD)]
        out_of_memory(engine, count, options.folder)
        spent = []
        with kept(engine, count, options.folder) as there:
            for question in questions:
                began = time.perf_counter()
                with there.database.read() as session:
                    search.run(session, question.query)
                spent.append((time.perf_counter() - began) * 1000)
        figures = (spent[0], sorted(spent)[_COLD // 2], max(spent))
        table.add_row(name, *(f"{each:.1f}" for each in figures))
    console.print(table)


def _verdict(name: str, spent: list[float]) -> str:
    if name not in BAR:
        return ""
    percent, most = BAR[name]
    held = percentile(spent, percent) <= most
    return f"p{percent} <= {most:.0f}: {'held' if held else 'MISSED'}"


@contextmanager
def _folder(keep: Path | None) -> Iterator[Path]:
    if keep is not None:
        keep.mkdir(parents=True, exist_ok=True)
        yield keep
        return
    own = Path(tempfile.mkdtemp(prefix="yanpiao-search-"))
    own.chmod(0o755)  # the database's own user reads there
    try:
        yield own
    finally:
        shutil.rmtree(own)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--sizes", type=int, nargs="+", default=[100_000])
    parser.add_argument("--engines", nargs="+", default=["sqlite", "postgresql"])
    parser.add_argument("--keep", type=Path, help="folder in which databases stay")
    parser.add_argument("--queries", type=int, default=1000, help="questions of each kind")
    parser.add_argument("--only", nargs="+", help="only these kinds of question")
    parser.add_argument("--cold", action="store_true", help="ask an unread database too")
    parser.add_argument("--svg", type=Path, help="draw the growth there")
    options = parser.parse_args()
    console = Console(width=110, highlight=False)
    load = ", ".join(f"{each:.1f}" for each in os.getloadavg())
    console.print(f"{machine()}, load before {load}")
    points: list[Point] = []
    with _folder(options.keep) as options.folder:
        for engine in options.engines:
            for count in options.sizes:
                points += _one(console, engine, count, options)
    console.print(growth_table(points))
    if options.svg:
        draw(points, options.svg, f"{machine()}, load before {load}")


if __name__ == "__main__":
    main()
