"""Backups while everything runs: a consistent copy of the database, then every file.

    FOLDER/objects/ab/cd/<sha256>   each content once, however many backups hold it
    FOLDER/manifests/<time>.json    what a backup holds; written last, in one step

The database comes first: files are kept before the rows that name them, so every file that the
copy names is there when its turn comes. A backup without manifest is none; what an interrupted one
copied is used by the next. Copies are read back by their digest when they are restored.

Files that lie sealed are copied as they lie. With a key ring the database and the secrets are
sealed too (`archive.keyring`); the keys themselves are in no backup.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import hashlib
import json
import os
import secrets
import shutil
import sqlite3
import subprocess
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from archive.backup_places import PRIVATE, STORED, Place, places
from archive.keyring import Keyring, is_sealed
from archive.store import StorageKeyMissing, digest_of, sync_folder
from extractors.errors import YanpiaoError

_CHUNK = 1 << 20
_PRIVATE_MODE = 0o600


class NoBackup(YanpiaoError):
    """There is no finished backup there."""

    code = "backup_none"


class BackupDamaged(YanpiaoError):
    """A copy is missing or no longer what was copied."""

    code = "backup_damaged"


class BackupTargetNotEmpty(YanpiaoError):
    code = "backup_target_not_empty"


class DatabaseToolFailed(YanpiaoError):
    """pg_dump or pg_restore is missing, or ended with an error."""

    code = "backup_tool_failed"


@dataclass(frozen=True, slots=True)
class Copied:
    """One file: its path (`archive.backup_places`), its digest, size and time of change (ns)."""

    path: str
    sha256: str
    size: int
    changed: int


@dataclass(frozen=True, slots=True)
class Manifest:
    """A finished backup. `engine` is sqlite or postgresql; `new` and `new_bytes` tell what this
    one added to what was there."""

    id: str
    engine: str
    database: str
    files: tuple[Copied, ...]
    new: int
    new_bytes: int


class Objects:
    """Contents by digest, each written beside its place, flushed, and moved into it."""

    def __init__(self, root: Path, ring: Keyring | None = None) -> None:
        self.root = root
        self.new = self.new_bytes = 0
        self._ring = ring

    def path(self, sha256: str) -> Path:
        return self.root / sha256[:2] / sha256[2:4] / sha256

    def add(self, source: Path) -> tuple[str, int]:
        """Copy a file; its digest and size. Content that is there already is not copied."""
        with source.open("rb") as stream:
            sha256, size = digest_of(stream)
        if not self.has(sha256, size):
            self._copy(source, sha256)
            self.new, self.new_bytes = self.new + 1, self.new_bytes + size
        return sha256, size

    def add_private(self, source: Path) -> tuple[str, int]:
        """Copy a file that is nobody else's business: sealed, where there is a key."""
        if self._ring is None:
            return self.add(source)
        sealed = self.root / f".sealed-{secrets.token_hex(8)}"
        try:
            self._ring.seal_file(source, sealed)
            return self.add(sealed)
        finally:
            sealed.unlink(missing_ok=True)

    def open(self, path: Path) -> None:
        """Open a sealed file in its place. Raises `StorageKeyMissing`, `StoredFileDamaged`."""
        if not is_sealed(path):
            return
        if self._ring is None:
            raise StorageKeyMissing(name=path.name)
        opened = path.with_name(f"{path.name}.opened")
        self._ring.open_file(path, opened)
        opened.replace(path)

    def has(self, sha256: str, size: int) -> bool:
        target = self.path(sha256)
        return target.exists() and target.stat().st_size == size

    def _copy(self, source: Path, sha256: str) -> None:
        target = self.path(sha256)
        target.parent.mkdir(parents=True, exist_ok=True)
        temporary = target.with_name(f".{secrets.token_hex(8)}")
        digest = hashlib.sha256()
        try:
            with source.open("rb") as stream, temporary.open("xb") as out:
                while chunk := stream.read(_CHUNK):
                    digest.update(chunk)
                    out.write(chunk)
                out.flush()
                os.fsync(out.fileno())
            if digest.hexdigest() != sha256:
                raise BackupDamaged(path=source)  # it changed, or was read wrongly, in between
            temporary.chmod(0o400)
            temporary.replace(target)
        finally:
            temporary.unlink(missing_ok=True)
        sync_folder(target.parent)

    def sweep(self) -> None:
        """Throw away what interrupted copies left."""
        for left_over in (*self.root.glob("*/*/.*"), *self.root.glob(".sealed-*")):
            left_over.unlink()


def backup(
    folder: Path,
    data: Path,
    database_url: str,
    ring: Keyring | None = None,
    storage_url: str = "",
) -> Manifest:
    """Make a backup in `folder`; only what is new is copied, also from a bucket. Raises `OSError`,
    `DatabaseToolFailed`, `StorageUnreachable`; then there is no manifest, and so no backup."""
    objects = Objects(folder / "objects", ring)
    objects.root.mkdir(parents=True, exist_ok=True)
    folder.chmod(0o700)  # it holds keys
    objects.sweep()
    before = {each.path: each for each in _newest_files(folder)}
    engine, database = _copy_database(objects, folder, database_url)
    files = tuple(_copy_files(objects, places(data, storage_url), before))
    made = Manifest(_id(), engine, database, files, objects.new, objects.new_bytes)
    _write_manifest(folder, made)
    return made


def _id() -> str:
    return dt.datetime.now(dt.UTC).strftime("%Y%m%dT%H%M%S%fZ")


def _newest_files(folder: Path) -> tuple[Copied, ...]:
    known = backups(folder)
    return read_manifest(folder, known[-1]).files if known else ()


def _copy_database(objects: Objects, folder: Path, url: str) -> tuple[str, str]:
    """The engine, and the digest of the copy."""
    temporary = folder / f".database-{secrets.token_hex(8)}"
    for left_over in folder.glob(".database-*"):
        left_over.unlink()
    try:
        if url.startswith("sqlite:///"):
            engine, path = "sqlite", url.removeprefix("sqlite:///")
            with (
                closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as source,
                closing(sqlite3.connect(temporary)) as target,
            ):
                source.backup(target)  # one reader's view; writers go on meanwhile
                target.execute("PRAGMA journal_mode=DELETE")
        else:
            engine = "postgresql"
            _tool("pg_dump", "--format=custom", "--file", str(temporary), _libpq(url))
        return engine, objects.add_private(temporary)[0]
    finally:
        temporary.unlink(missing_ok=True)


def _libpq(url: str) -> str:
    return "postgresql://" + url.partition("://")[2]


def _tool(name: str, *arguments: str) -> None:
    try:
        done = subprocess.run([name, *arguments], capture_output=True, text=True, check=False)
    except OSError as error:
        raise DatabaseToolFailed(tool=name, detail=error.strerror) from error
    if done.returncode != 0:
        last = (done.stderr.strip().splitlines() or [""])[-1]
        raise DatabaseToolFailed(tool=name, detail=last)


def _copy_files(
    objects: Objects, found: Iterable[Place], before: Mapping[str, Copied]
) -> Iterator[Copied]:
    for entry in (entry for place in found for entry in place.entries()):
        known = before.get(entry.path)
        same = known is not None and (known.size, known.changed) == (entry.size, entry.changed)
        if known is not None and same and objects.has(known.sha256, known.size):
            yield known
        elif entry.sha256 is not None and objects.has(entry.sha256, entry.size):
            yield Copied(entry.path, entry.sha256, entry.size, entry.changed)
        else:
            with contextlib.suppress(FileNotFoundError), entry.local() as source:
                add = objects.add_private if entry.path in PRIVATE else objects.add
                sha256, size = add(source)
                yield Copied(entry.path, sha256, size, entry.changed)


def _write_manifest(folder: Path, made: Manifest) -> None:
    target = folder / "manifests" / f"{made.id}.json"
    target.parent.mkdir(exist_ok=True)
    body = json.dumps(asdict(made), ensure_ascii=False, sort_keys=True).encode()
    sealed = {"sha256": hashlib.sha256(body).hexdigest(), "manifest": body.decode()}
    temporary = target.with_name(f".{target.name}")
    with temporary.open("wb") as stream:
        stream.write(json.dumps(sealed).encode())
        stream.flush()
        os.fsync(stream.fileno())
    temporary.replace(target)
    sync_folder(target.parent)
    sync_folder(folder)


def backups(folder: Path) -> list[str]:
    """Ids of the finished backups, oldest first."""
    return sorted(path.stem for path in (folder / "manifests").glob("[!.]*.json"))


def read_manifest(folder: Path, backup_id: str) -> Manifest:
    """Raises `NoBackup`, `BackupDamaged`."""
    path = folder / "manifests" / f"{backup_id}.json"
    try:
        sealed = json.loads(path.read_bytes())
        body = sealed["manifest"].encode()
        if hashlib.sha256(body).hexdigest() != sealed["sha256"]:
            raise BackupDamaged(path=path)
        said: dict[str, Any] = json.loads(body)
    except FileNotFoundError as error:
        raise NoBackup(folder=folder) from error
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise BackupDamaged(path=path) from error
    files = tuple(Copied(**each) for each in said.pop("files"))
    return Manifest(**said, files=files)


def restore(
    folder: Path,
    data: Path,
    database_url: str,
    backup_id: str | None = None,
    ring: Keyring | None = None,
    storage_url: str = "",
) -> Manifest:
    """Bring a backup back (the newest, unless one is named) into an empty data folder, store and
    database, every file checked on its way. It may have been made of another kind of store. Raises
    `NoBackup`, `BackupDamaged`, `BackupTargetNotEmpty`, `DatabaseToolFailed`,
    `StorageKeyMissing`."""
    known = backups(folder)
    if not known:
        raise NoBackup(folder=folder)
    made = read_manifest(folder, backup_id or known[-1])
    stored, own = places(data, storage_url)
    _insist_on_empty(data, made.engine, database_url, (stored, own))
    objects = Objects(folder / "objects", ring)
    data.mkdir(parents=True, exist_ok=True)
    for each in made.files:
        path = _inside(each.path)
        place = stored if path.parts[0] in STORED else own
        mode = _PRIVATE_MODE if each.path in PRIVATE else 0o440
        with _checked(objects, each.sha256, place.room() or data, mode) as copy:
            place.bring(path, copy, each.changed)
    _bring_database(objects, made, data, database_url)
    return made


def _inside(path: str) -> PurePosixPath:
    pure = PurePosixPath(path)
    if pure.is_absolute() or ".." in pure.parts or not pure.parts:
        raise BackupDamaged(path=path)
    return pure


def _insist_on_empty(data: Path, engine: str, url: str, targets: Iterable[Place]) -> None:
    lite = url.startswith("sqlite:///")
    if lite != (engine == "sqlite"):
        raise DatabaseToolFailed(tool="restore", detail=f"the backup is of {engine}")
    if not all(place.is_empty() for place in targets):
        raise BackupTargetNotEmpty(folder=data)
    if lite and Path(url.removeprefix("sqlite:///")).exists():
        raise BackupTargetNotEmpty(folder=data)


@contextmanager
def _checked(objects: Objects, sha256: str, room: Path, mode: int) -> Iterator[Path]:
    """A copy beside its place, flushed and compared with its digest."""
    copy = room / f".restoring-{secrets.token_hex(8)}"
    try:
        _bring(objects, sha256, copy, mode)
        yield copy
    finally:
        copy.unlink(missing_ok=True)


def _bring(objects: Objects, sha256: str, target: Path, mode: int) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    source = objects.path(sha256)
    try:
        shutil.copyfile(source, target)
    except FileNotFoundError as error:
        raise BackupDamaged(path=source) from error
    with target.open("rb") as stream:
        if digest_of(stream)[0] != sha256:
            raise BackupDamaged(path=source)
    if mode == _PRIVATE_MODE:
        objects.open(target)
    with target.open("rb+") as stream:
        os.fsync(stream.fileno())
    target.chmod(mode)


def _bring_database(objects: Objects, made: Manifest, data: Path, url: str) -> None:
    """The database comes last: a restore that was interrupted leaves none behind."""
    if made.engine == "sqlite":
        target = Path(url.removeprefix("sqlite:///"))
        temporary = target.with_name(f".{target.name}.restoring")
        _bring(objects, made.database, temporary, _PRIVATE_MODE)
        temporary.replace(target)
        sync_folder(target.parent)
        return
    temporary = data / ".database.restoring"
    _bring(objects, made.database, temporary, _PRIVATE_MODE)
    try:
        options = ("--no-owner", "--exit-on-error", "--single-transaction", "--dbname")
        _tool("pg_restore", *options, _libpq(url), str(temporary))
    finally:
        temporary.unlink()
