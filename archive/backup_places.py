"""Where what a backup holds lies, and is brought back to: folders of this machine, or a bucket.

Paths are the same in both: `files/ab/cd/<sha256>`, `bags/VOUCHER/v0001/...`, and in the data folder
alone keys and rules that nobody can make again.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Protocol

from archive.store import StoredFileMissing

if TYPE_CHECKING:  # boto3 loads slowly; who keeps files in a folder need not wait for it
    from archive.buckets import Bucket

#: Originals and evidence, bags.
STORED = ("files", "bags")
#: What of the data folder nobody can make again.
SINGLE = ("audit.key", "secret.key", "policy.toml", "alarms.toml")
#: Nobody else's business.
PRIVATE = frozenset({"audit.key", "secret.key"})


@dataclass(frozen=True, slots=True)
class Entry:
    """One file: its path, size in bytes, time of change (ns); `local` gives it as a file of this
    machine and raises `FileNotFoundError` where it has gone meanwhile. `sha256` where the name
    tells it."""

    path: str
    size: int
    changed: int
    local: Callable[[], AbstractContextManager[Path]]
    sha256: str | None = None


class Place(Protocol):
    """A part of what is backed up."""

    def entries(self) -> Iterator[Entry]: ...

    def is_empty(self) -> bool: ...

    def room(self) -> Path | None:
        """Where copies are checked before they are brought; None for anywhere."""
        ...

    def bring(self, path: PurePosixPath, source: Path, changed: int) -> None:
        """Put a checked copy in its place."""
        ...


class FolderPlace:
    """Files below some names of a folder: whole folders, or single files."""

    def __init__(self, root: Path, names: Sequence[str]) -> None:
        self._root, self._names = root, names

    def entries(self) -> Iterator[Entry]:
        for name in self._names:
            top = self._root / name
            for path in sorted(top.rglob("*")) if top.is_dir() else [top]:
                hidden = any(part.startswith(".") for part in path.relative_to(self._root).parts)
                if hidden or path.is_symlink() or not path.is_file():
                    continue
                try:
                    there = path.stat()
                except FileNotFoundError:
                    continue  # a half-written name that was moved to its place meanwhile
                relative = path.relative_to(self._root).as_posix()
                yield Entry(relative, there.st_size, there.st_mtime_ns, _here(path))

    def is_empty(self) -> bool:
        # The store makes its folder when it is opened; that alone is nothing.
        found = (self._root / name for name in self._names)
        return not any(any(p.iterdir()) if p.is_dir() else p.exists() for p in found)

    def room(self) -> Path | None:
        self._root.mkdir(parents=True, exist_ok=True)
        return self._root  # the same disk, so that a copy is moved and not copied again

    def bring(self, path: PurePosixPath, source: Path, changed: int) -> None:
        target = self._root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        os.utime(source, ns=(changed, changed))
        source.replace(target)


def _here(path: Path) -> Callable[[], AbstractContextManager[Path]]:
    return lambda: nullcontext(path)


class BucketPlace:
    """Objects of a bucket below `files/` and `bags/`."""

    def __init__(self, bucket: Bucket) -> None:
        self._bucket = bucket

    def entries(self) -> Iterator[Entry]:
        for name in STORED:
            for listed in self._bucket.listing(f"{name}/"):
                # A file's name is the digest that the server compared its bytes with.
                own = listed.key.rpartition("/")[2] if name == "files" else None
                yield Entry(listed.key, listed.size, listed.changed, self._fetch(listed.key), own)

    def _fetch(self, key: str) -> Callable[[], AbstractContextManager[Path]]:
        @contextmanager
        def fetched() -> Iterator[Path]:
            with tempfile.TemporaryDirectory(prefix="yanpiao-backup-") as folder:
                path = Path(folder) / "object"
                try:
                    path.write_bytes(self._bucket.get(key))
                except StoredFileMissing as error:
                    raise FileNotFoundError(key) from error
                yield path

        return fetched

    def is_empty(self) -> bool:
        return not any(any(self._bucket.listing(f"{name}/")) for name in STORED)

    def room(self) -> Path | None:
        return None

    def bring(self, path: PurePosixPath, source: Path, changed: int) -> None:
        del changed  # the server writes down when it took it
        self._bucket.put(str(path), source.read_bytes())
        source.unlink()


def places(data: Path, storage_url: str) -> tuple[Place, Place]:
    """Where files and bags lie by this `STORAGE_URL`, and the data folder's own. Raises
    `BadStorageUrl`."""
    own = FolderPlace(data, SINGLE)
    if not storage_url.startswith("s3://"):
        root = Path(storage_url.removeprefix("file://")).expanduser().resolve()
        return FolderPlace(root if storage_url else data, STORED), own
    from archive.bucket_address import BucketAddress
    from archive.buckets import Bucket

    return BucketPlace(Bucket(BucketAddress.parse(storage_url))), own
