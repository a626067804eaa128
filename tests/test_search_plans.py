"""What a search costs among a hundred thousand invoices, in steps and pages rather than in time:
every question takes an index, and none reads a table from end to end.

`benchmarks.archive_search` measures milliseconds, up to ten million.
"""

from __future__ import annotations

import random
import re
import shutil
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, event, select, text, update

from archive import search
from archive.actors import EVERYWHERE, Actor, Role
from archive.database import Database
from archive.records import Document
from benchmarks.archive_asks import Ask, asks
from benchmarks.archive_kept import kept
from fixtures import postgres
from web import own_list

pytestmark = pytest.mark.slow

_COUNT, _EACH = 100_000, 5
#: Steps of SQLite's machine, at most. Twenty thousand invoices are counted in some hundred
#: thousand, which takes it a few milliseconds.
_FEW_STEPS, _STEPS = 20_000, 2_000_000
#: Pages that PostgreSQL looks at, at most.
_FEW_PAGES, _PAGES, _OWN_PAGES = 2_000, 200_000, 500
#: A number, an amount, a voucher: these never cost more however much lies there.
_CHEAP = (
    "exact number",
    "beginning, 12 digits",
    "last six digits",
    "code, 12 digits",
    "amount",
    "voucher",
    "odd verdict",
    "a reviewer's number",
)
_LARGE = "documents|invoices|search_invoices|search_lines|search_grams|search_names"
_WALK = "ix_search_invoices_walk"
#: Only the walk through the newest invoices goes without bounds, and it stops by itself.
_WHOLE = {
    "sqlite": re.compile(
        rf"SCAN ({_LARGE})(_\d+)?(?! USING COVERING INDEX ix_search_invoices_walk)"
    ),
    "postgresql": re.compile(rf"Seq Scan on ({_LARGE})\b"),
}


@contextmanager
def _listened(database: Database) -> Iterator[list[tuple[str, Any]]]:
    """Every statement that is sent meanwhile."""
    sent: list[tuple[str, Any]] = []

    def hear(_connection: Any, _cursor: Any, statement: str, values: Any, *_: Any) -> None:
        sent.append((statement, values))

    event.listen(database.engine, "before_cursor_execute", hear)
    yield sent
    event.remove(database.engine, "before_cursor_execute", hear)


def _asked(database: Database, ask: Ask) -> Iterator[tuple[str, Any]]:
    """What is sent to answer a few questions of a kind."""
    dice = random.Random(3)  # noqa: S311
    for _ in range(_EACH):
        question = ask(dice)
        with _listened(database) as sent, database.read() as session:
            search.run(session, question.query, after=question.after, seen=question.seen)
        yield from sent


def _steps(connection: Connection, statement: str, values: Any) -> int:
    """Steps of SQLite's machine, in hundreds."""
    driver = connection.connection.driver_connection
    assert isinstance(driver, sqlite3.Connection)
    hundreds = 0

    def tick() -> int:
        nonlocal hundreds
        hundreds += 1
        return 0

    driver.set_progress_handler(tick, 100)
    connection.exec_driver_sql(statement, values).all()
    driver.set_progress_handler(None, 0)
    return hundreds * 100


@pytest.fixture(scope="module")
def small_folder() -> Iterator[Path]:
    """Where PostgreSQL's own user may read."""
    folder = Path(tempfile.mkdtemp(prefix="yanpiao-plans-"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


def test_on_sqlite_no_question_costs_more_than_its_share(small_folder: Path) -> None:
    with kept("sqlite", _COUNT, small_folder) as there:
        for name, ask in asks(there.database, there.made).items():
            sent = list(_asked(there.database, ask))
            with there.database.engine.connect() as connection:
                for statement, values in sent:
                    if not statement.startswith("SELECT"):
                        continue
                    plan = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", values)
                    said = "\n".join(str(line[3]) for line in plan.all())
                    assert not _WHOLE["sqlite"].search(said), (name, said)
                    steps = _steps(connection, statement, values)
                    assert steps <= (_FEW_STEPS if name in _CHEAP else _STEPS), (name, said)


def test_on_postgresql_no_question_costs_more_than_its_share(small_folder: Path) -> None:
    if postgres.programs() is None:
        pytest.skip("PostgreSQL IS NOT INSTALLED: nothing of it is tested (make postgres)")
    with kept("postgresql", _COUNT, small_folder) as there:
        for name, ask in asks(there.database, there.made).items():
            sent = list(_asked(there.database, ask))
            with there.database.engine.connect() as connection:
                for statement, values in sent:
                    if "set_config" in statement:
                        connection.exec_driver_sql(statement, values)
                        continue
                    explained = f"EXPLAIN (ANALYZE, BUFFERS, TIMING OFF) {statement}"
                    plan = connection.exec_driver_sql(explained, values).scalars().all()
                    said = "\n".join(plan)
                    assert not _WHOLE["postgresql"].search(said), (name, said)
                    pages = _pages(said)
                    assert pages <= (_FEW_PAGES if name in _CHEAP else _PAGES), (name, said)


def test_on_postgresql_ones_own_list_looks_at_nobody_elses(small_folder: Path) -> None:
    """The first moment of one's own documents was once looked for among everybody's: dear for who
    hands in late and much."""
    if postgres.programs() is None:
        pytest.skip("PostgreSQL IS NOT INSTALLED: nothing of it is tested (make postgres)")
    with kept("postgresql", _COUNT // 2, small_folder) as there:
        with there.database.engine.begin() as connection:
            newest = select(Document.id).order_by(Document.received_at.desc()).limit(1_000)
            connection.execute(
                update(Document).where(Document.id.in_(newest)).values(submitter="late")
            )
            connection.execute(text("ANALYZE documents"))
        somebody = Actor("late", "late", "late", frozenset({(Role.SUBMITTER, EVERYWHERE)}))
        with _listened(there.database) as sent, there.database.read() as session:
            everything = own_list.Asked(show="all", month="", q="", before="")
            _, _, months = own_list.listed(session, somebody, everything)
        assert months
        with there.database.engine.connect() as connection:
            for statement, values in sent:
                explained = f"EXPLAIN (ANALYZE, BUFFERS, TIMING OFF) {statement}"
                said = "\n".join(connection.exec_driver_sql(explained, values).scalars().all())
                assert _pages(said) <= _OWN_PAGES, said


def _pages(plan: str) -> int:
    """Pages of the whole plan: its first line of buffers adds up all below."""
    found = re.search(r"Buffers: shared(?: hit=(\d+))?(?: read=(\d+))?", plan)
    return sum(int(number or 0) for number in found.groups()) if found else 0


def test_a_number_is_asked_for_in_one_statement(small_folder: Path) -> None:
    """More would be more turns to wait for on a busy server. Only what may be the beginning or
    the end of a code is looked for among these too."""
    with kept("sqlite", _COUNT, small_folder) as there:
        ask = asks(there.database, there.made)["exact number"]
        sent = [each for each, _ in _asked(there.database, ask) if each.startswith("SELECT")]
        dice = random.Random(3)  # noqa: S311
        lengths = [len(ask(dice).query.digits or "") for _ in range(_EACH)]
    assert set(lengths) == {8, 20}
    assert len(sent) == _EACH + lengths.count(8)
