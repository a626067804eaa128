"""Random changes, deletions and swaps behind the archive's back: is each one found, and nothing
else blamed?

    python -m benchmarks.tampering [--rounds 1000] [--seed 6] [--postgresql]

Builds a small archive on the real pipeline (`tests.helpers` stand in for reader and portal), signs
its trail, and copies the heads. Each round changes one thing in bags, stored files, audit rows,
signed heads, their copy, or database rows, runs the whole check (`yanpiao audit verify --deep`),
and puts it back. A round counts as found when a fault is named, and as rightly blamed when every
fault names what was touched or what contains it. Control rounds change nothing.

Every column is tried that `archive/proof.toml` says is guarded; what it says is free is not.
"""

from __future__ import annotations

import argparse
import random
import shutil
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table

from benchmarks.machine import machine
from benchmarks.tampering_archive import Archive, build
from benchmarks.tampering_rows import Deed, tables_by
from fixtures import postgres
from worker.log import configure


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


def in_audit(archive: Archive, draw: random.Random) -> Iterator[Deed]:
    with archive.tampered(["audit"], draw) as deed:
        yield Deed(deed.what, ("row", "rows", "trail"))


def in_heads(archive: Archive, draw: random.Random) -> Iterator[Deed]:
    with archive.tampered(["audit_heads"], draw) as deed:
        yield Deed(deed.what, ("head",))


def in_rows(archive: Archive, draw: random.Random) -> Iterator[Deed]:
    with archive.tampered(tables_by("bag", "trail", "source"), draw) as deed:
        yield deed


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
    parser.add_argument("--postgresql", action="store_true", help="instead of SQLite")
    options = parser.parse_args()
    console = Console(width=100)
    configure("warning")
    console.print(machine(), highlight=False)
    server = postgres.own_server() if options.postgresql else nullcontext("")
    with server as address, tempfile.TemporaryDirectory() as temporary:
        archive = build(Path(temporary), 3, 2, address)
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
