"""Random changes, deletions and swaps behind the archive's back: is each one found, and nothing
else blamed?

    python -m benchmarks.tampering [--rounds 1000] [--seed 6]

Builds a small archive on the real pipeline (`tests.helpers` stand in for reader and portal), signs
its trail, and copies the heads. Each round changes one thing in bags, stored files, audit rows,
signed heads, their copy, or database rows, runs the whole check (`yanpiao audit verify --deep`),
and puts it back. A round counts as found when a fault is named, and as rightly blamed when every
fault names what was touched or what contains it. Control rounds change nothing.

Not touched, because no seal can cover them: when and how often workers tried (`_MOVING`), and rows
that were never sealed (uploads, sessions, queues).
"""

from __future__ import annotations

import argparse
import random
import shutil
import sqlite3
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table

from archive.agreement import disagreements
from archive.audit_heads import HeadKey, copy_file, public_keys
from archive.audit_proof import prove
from archive.bag_store import FolderBags
from archive.database import Database
from archive.store import FileStore
from benchmarks.machine import machine
from tests.helpers import CONFIRMED, FixedReader, hand_in, invoice, load, visit, xml
from worker import broker
from worker.audit_signing import AuditSigner, key_path
from worker.log import configure
from worker.pipeline import Pipeline
from worker.services import Services
from worker.settings import Settings

#: Columns that only say how far work has come.
_MOVING = {
    "documents": {"updated_at", "attempts", "lease", "lease_until", "next_try_at", "again_at",
                  "portal_tries", "seconds"},
    "bags": {"id"},
    "search_invoices": {"id"},
}  # fmt: skip
#: Tables and the column that says whose row it is.
_ROWS = {
    "documents": "id",
    "invoices": "document_id",
    "verifications": "document_id",
    "evidence": "verification_id",
    "bags": "voucher_no",
    "search_invoices": "document_id",
    "invoice_claims": "document_id",
}


@dataclass(frozen=True, slots=True)
class Deed:
    """What was done, and the words of which a fault must name at least one."""

    what: str
    touched: tuple[str, ...]


class Archive:
    """A sealed archive in a folder of its own."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.data = settings.root
        self.database = self.data / "yanpiao.db"
        assert settings.audit_copy is not None
        self.copy = copy_file(settings.audit_copy)
        self.keys = public_keys([HeadKey.kept(key_path(settings)).public])

    def faults(self) -> tuple[str, ...]:
        """The whole check."""
        database = Database(f"sqlite:///{self.database}")
        try:
            with database.read() as session:
                proof = prove(session, self.keys, self.settings.audit_copy)
                store = FileStore(self.settings.files)
                return (
                    *proof.faults,
                    *disagreements(session, FolderBags(self.settings.bags), store),
                )
        finally:
            database.close()


def build(folder: Path, vouchers: int, each: int) -> Archive:
    """So many vouchers of so many invoices; the first is sealed a second time."""
    copy = folder / "second place"
    copy.mkdir(parents=True)
    settings = Settings(data=folder / "data", audit_copy=copy, lease_seconds=60)
    with broker.bundled(settings):
        services = Services.open(settings)
        signer = AuditSigner(settings, services.database)
        number = 0
        for voucher in [*range(vouchers), 0]:
            for _ in range(each):
                number += 1
                _archive(services, number, f"JZ-2026-{voucher:04d}")
            signer.now()
        services.close()
    with closing(sqlite3.connect(settings.root / "yanpiao.db")) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        connection.execute("PRAGMA journal_mode=DELETE")
    return Archive(settings)


def _archive(services: Services, number: int, voucher: str) -> None:
    document = hand_in(services, xml(str(number)), voucher=voucher).document_id
    pipeline = Pipeline(services)
    # Far apart: numbers in a row would be asked about.
    read = invoice(f"2631200000{number * 7_919_000:010d}")
    pipeline.read(document, FixedReader(read))
    pipeline.verify(document, visit(CONFIRMED))
    pipeline.seal(voucher)
    assert load(services, document).state == "archived", load(services, document).reason


@contextmanager
def _kept(path: Path) -> Iterator[None]:
    """Put the file or folder back as it was."""
    with tempfile.TemporaryDirectory() as temporary:
        saved = Path(temporary) / "saved"
        (shutil.copytree if path.is_dir() else shutil.copy2)(path, saved)
        try:
            yield
        finally:
            if path.is_dir():
                shutil.rmtree(path)
            else:
                path.unlink(missing_ok=True)
            (shutil.copytree if saved.is_dir() else shutil.copy2)(saved, path)


def _flip(path: Path, draw: random.Random) -> None:
    content = bytearray(path.read_bytes())
    at = draw.randrange(len(content))
    content[at] ^= draw.randrange(1, 256)
    path.chmod(0o600)
    path.write_bytes(content)


def _swap(one: Path, other: Path) -> None:
    first, second = one.read_bytes(), other.read_bytes()
    for path, content in ((one, second), (other, first)):
        path.chmod(0o600)
        path.write_bytes(content)


def _files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file() and path.stat().st_size)


def _in_files(folder: Path, name: Callable[[Path], str], draw: random.Random) -> Iterator[Deed]:
    """One change among the files of a folder."""
    files = _files(folder)
    path = draw.choice(files)
    deed = draw.choice(("byte", "deletion", "swap"))
    with _kept(folder):
        if deed == "byte":
            _flip(path, draw)
        elif deed == "deletion":
            path.unlink()
        else:
            others = [each for each in files if each.read_bytes() != path.read_bytes()]
            other = draw.choice(others)
            _swap(path, other)
            yield Deed(deed, (name(path), name(other)))
            return
        yield Deed(deed, (name(path),))


def in_bags(archive: Archive, draw: random.Random) -> Iterator[Deed]:
    root = archive.settings.bags

    def name(path: Path) -> str:
        return "bag " + "/".join(path.relative_to(root).parts[:2])

    yield from _in_files(root, name, draw)


def in_store(archive: Archive, draw: random.Random) -> Iterator[Deed]:
    yield from _in_files(archive.settings.files, lambda path: path.name, draw)


def in_copy(archive: Archive, draw: random.Random) -> Iterator[Deed]:
    with _kept(archive.copy):
        content = bytearray(archive.copy.read_bytes())
        lines = [at for at, byte in enumerate(content) if byte != ord("\n")]
        content[draw.choice(lines)] ^= draw.randrange(1, 128)
        archive.copy.write_bytes(content)
        yield Deed("byte", ("head",))


@contextmanager
def _opened(archive: Archive) -> Iterator[sqlite3.Connection]:
    """The database with its triggers and references out of the way, put back afterwards."""
    with closing(sqlite3.connect(archive.database)) as connection:
        connection.execute("PRAGMA foreign_keys=OFF")
        names = connection.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'")
        for (name,) in names.fetchall():
            connection.execute(f"DROP TRIGGER {name}")
        yield connection
        connection.commit()


def _other(value: object, draw: random.Random) -> object:
    """Another value of the same sort, one character or one bit away."""
    if value is None:
        return "1"
    if isinstance(value, int):
        return value ^ 1
    text = str(value)
    if not text:
        return "x"
    at = draw.randrange(len(text))
    digit = text[at].isdigit()
    choices = "0123456789" if digit else "abcdefghijklmnopqrstuvwxyz"
    changed = draw.choice([each for each in choices if each != text[at]])
    return text[:at] + changed + text[at + 1 :]


def in_audit(archive: Archive, draw: random.Random) -> Iterator[Deed]:
    yield from _in_rows(archive, draw, "audit", "seq", ("row", "rows", "trail"))


def in_heads(archive: Archive, draw: random.Random) -> Iterator[Deed]:
    yield from _in_rows(archive, draw, "audit_heads", "number", ("head",))


def in_rows(archive: Archive, draw: random.Random) -> Iterator[Deed]:
    table = draw.choice(list(_ROWS))
    yield from _in_rows(archive, draw, table, _ROWS[table], ())


def _in_rows(
    archive: Archive, draw: random.Random, table: str, owner: str, words: tuple[str, ...]
) -> Iterator[Deed]:
    """A value changed, a row deleted, or a value swapped between two rows."""
    with _kept(archive.database):
        with _opened(archive) as connection:
            described = connection.execute(f"PRAGMA table_info({table})").fetchall()
            columns = [row[1] for row in described if row[1] not in _MOVING.get(table, ())]
            rows = connection.execute(f"SELECT rowid, {', '.join(columns)} FROM {table}").fetchall()
            deed = draw.choice(("change", "deletion", "swap"))
            row, other = draw.sample(rows, 2)
            touched = {_whose(connection, table, owner, each[0]) for each in (row, other)}
            if deed == "deletion":
                connection.execute(f"DELETE FROM {table} WHERE rowid = ?", (row[0],))
            else:
                _write(connection, table, columns, row, other if deed == "swap" else None, draw)
            now_there = connection.execute(
                f"SELECT {owner} FROM {table} WHERE rowid IN (?, ?)", (row[0], other[0])
            ).fetchall()
            touched |= {str(value) for (value,) in now_there}
        yield Deed(f"{deed} in {table}", words or tuple(touched))


def _write(
    connection: sqlite3.Connection,
    table: str,
    columns: list[str],
    row: tuple[object, ...],
    other: tuple[object, ...] | None,
    draw: random.Random,
) -> None:
    at = draw.randrange(len(columns))
    if other is not None and row[at + 1] != other[at + 1]:
        values = {row[0]: other[at + 1], other[0]: row[at + 1]}
    else:
        values = {row[0]: _other(row[at + 1], draw)}
    try:
        for key, value in values.items():
            connection.execute(
                f"UPDATE {table} SET {columns[at]} = ? WHERE rowid = ?", (value, key)
            )
    except sqlite3.IntegrityError:  # a unique value cannot stand twice, even for a moment
        connection.rollback()
        connection.execute(f"DELETE FROM {table} WHERE rowid = ?", (row[0],))


def _whose(connection: sqlite3.Connection, table: str, owner: str, rowid: object) -> str:
    """The document or voucher that a row belongs to."""
    [value] = connection.execute(
        f"SELECT {owner} FROM {table} WHERE rowid = ?", (rowid,)
    ).fetchone()
    if owner == "verification_id":
        query = "SELECT document_id FROM verifications WHERE id = ?"
        [value] = connection.execute(query, (value,)).fetchone()
    return str(value)


PLACES: dict[str, Callable[[Archive, random.Random], Iterator[Deed]]] = {
    "bags": in_bags,
    "stored files": in_store,
    "audit rows": in_audit,
    "signed heads": in_heads,
    "heads' copy": in_copy,
    "database rows": in_rows,
}


@dataclass(slots=True)
class Tally:
    rounds: int = 0
    found: int = 0
    blamed_wrongly: int = 0


def run(archive: Archive, rounds: int, seed: int) -> tuple[dict[str, Tally], list[str]]:
    """Tallies by place, and each miss in words."""
    draw = random.Random(seed)
    tallies = {place: Tally() for place in PLACES}
    misses: list[str] = []
    for number in range(rounds):
        place = list(PLACES)[number % len(PLACES)]
        tally = tallies[place]
        for deed in PLACES[place](archive, draw):
            faults = archive.faults()
            tally.rounds += 1
            tally.found += bool(faults)
            wrong = [each for each in faults if not any(word in each for word in deed.touched)]
            tally.blamed_wrongly += bool(wrong)
            if not faults or wrong:
                misses.append(f"{place}: {deed.what} of {deed.touched}: {wrong or 'not found'}")
        if number % 50 == 0:
            control = archive.faults()
            misses += [f"control: {fault}" for fault in control]
    return tallies, misses


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rounds", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=6)
    options = parser.parse_args()
    console = Console(width=100)
    configure("warning")
    console.print(machine(), highlight=False)
    with tempfile.TemporaryDirectory() as temporary:
        archive = build(Path(temporary), 3, 2)
        assert archive.faults() == (), archive.faults()
        tallies, misses = run(archive, options.rounds, options.seed)
    table = Table("where", "changes", "found", "blamed wrongly")
    for place, tally in tallies.items():
        table.add_row(place, *map(str, (tally.rounds, tally.found, tally.blamed_wrongly)))
    console.print(table)
    console.print(f"control checks: {-(-options.rounds // 50)}")
    for miss, count in Counter(misses).items():
        console.print(f"{count} x {miss}", markup=False, soft_wrap=True)


if __name__ == "__main__":
    main()
