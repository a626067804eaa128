"""Files by content: an original lies under the SHA-256 of its bytes, is written once, never
changed, and survives a power cut the moment `put` returns.

`Store` is what everybody works with; `FileStore` keeps the files in a folder, and
`archive.s3_store` in a bucket. `archive.storage` opens the one that the settings name.
"""

from __future__ import annotations

import ctypes
import errno
import hashlib
import os
import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import cache
from pathlib import Path
from typing import BinaryIO, Protocol

from archive.scratch import clear_dead_files, held_file
from extractors.errors import YanpiaoError

_CHUNK = 1 << 20
#: Where files lie while they are being written; no digest begins so.
INCOMING = ".incoming"
#: How the names of sealed files end.
SUFFIX = ".age"


class StoredFileDamaged(YanpiaoError):
    """Bytes in the store no longer match the digest they are filed under."""

    code = "stored_file_damaged"


class StoredFileMissing(YanpiaoError):
    code = "stored_file_missing"


class StorageKeyMissing(YanpiaoError):
    """A file lies sealed, and none of the given keys opens it (`archive.keyring`)."""

    code = "storage_key_missing"


class StorageUnreachable(YanpiaoError):
    """The store does not answer, is overloaded or broken. What was kept is safe, what was to be
    kept was not: whoever handed it in must be told so, and try again."""

    code = "storage_unreachable"
    retryable = True


class StorageFull(StorageUnreachable):
    """No room is left. Trying again helps once somebody has made some."""

    code = "storage_full"


def disk_fault(error: OSError) -> StorageUnreachable:
    """What a disk's refusal means to whoever wanted to keep something, or to work on a copy."""
    full = error.errno in (errno.ENOSPC, errno.EDQUOT)
    return (StorageFull if full else StorageUnreachable)(detail=error.strerror)


class StorageRefused(YanpiaoError):
    """The store answers and says no: wrong keys, no such bucket. Only its keeper can help."""

    code = "storage_refused"


class Store(Protocol):
    """Immutable files by digest. Every method may raise `StorageUnreachable` or
    `StorageRefused`."""

    def put(self, content: bytes) -> str:
        """Keep `content` durably and return its SHA-256. Keeping it twice is keeping it once."""
        ...

    def get(self, sha256: str) -> bytes:
        """The bytes, checked against their digest. Raises `StoredFileMissing`,
        `StoredFileDamaged` or `StorageKeyMissing`."""
        ...

    def local(self, sha256: str) -> AbstractContextManager[Path]:
        """The file at a path of this machine, to be read only, for the length of a `with`."""
        ...

    def place(self, sha256: str) -> str:
        """Where the file lies, in words for its keeper."""
        ...

    def read_derived(self, sha256: str, name: str) -> bytes | None:
        """Something drawn of a file, kept on this machine: it may be missing, and be thrown away,
        at any time."""
        ...

    def keep_derived(self, sha256: str, name: str, content: bytes) -> None:
        """Keep something drawn of a file."""
        ...

    def tidy(self) -> int:
        """Throw away what killed processes left half written; returns how many files."""
        ...

    def remove(self, sha256: str) -> None:
        """Delete a file that was disposed of, and what was drawn of it; nothing where there is
        none."""
        ...

    def check(self) -> None:
        """Return when the store could take a file right now; raise what forbids it."""
        ...


def name_of(sha256: str) -> str:
    """`ab/cd/<sha256>`: where a file lies in any store. Raises `ValueError` for no digest."""
    if len(sha256) != 64 or not set(sha256) <= set("0123456789abcdef"):
        raise ValueError("not a SHA-256 digest in hex")
    return f"{sha256[:2]}/{sha256[2:4]}/{sha256}"


def checked(sha256: str, content: bytes) -> bytes:
    """The content, if it is what it is filed under. Raises `StoredFileDamaged`."""
    if hashlib.sha256(content).hexdigest() != sha256:
        raise StoredFileDamaged(sha256=sha256)
    return content


def digest_of(stream: BinaryIO) -> tuple[str, int]:
    """SHA-256 in hex, and the size in bytes, of everything left in `stream`."""
    digest, size = hashlib.sha256(), 0
    while chunk := stream.read(_CHUNK):
        digest.update(chunk)
        size += len(chunk)
    return digest.hexdigest(), size


class Derived:
    """What is drawn of files, beside their folder."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def derived(self, sha256: str, name: str) -> Path:
        """Where something drawn of a file is kept beside the store: it may be missing, and be
        thrown away, at any time. Raises `ValueError` for no digest."""
        return self._beside / Path(name_of(sha256)).parent / f"{sha256}-{name}"

    def read_derived(self, sha256: str, name: str) -> bytes | None:
        """What was drawn of a file; None where that is not at hand."""
        try:
            return self.derived(sha256, name).read_bytes()
        except OSError:
            return None

    def keep_derived(self, sha256: str, name: str, content: bytes) -> None:
        """Keep something drawn of a file."""
        target = self.derived(sha256, name)
        target.parent.mkdir(parents=True, exist_ok=True)
        with held_file(self._beside / INCOMING) as temporary:
            temporary.write_bytes(content)
            temporary.replace(target)

    @property
    def _beside(self) -> Path:
        return self.root.with_name(f"{self.root.name}-derived")

    def tidy(self) -> int:
        """Throw away what killed processes left half written; returns how many files."""
        return clear_dead_files(self._beside / INCOMING)

    def remove_derived(self, sha256: str) -> None:
        """Delete all that was drawn of a file."""
        folder = self.derived(sha256, "").parent
        for path in folder.glob(f"{sha256}-*"):
            path.unlink(missing_ok=True)


class FileStore(Derived):
    """A folder of immutable files: `root/ab/cd/<sha256>`."""

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        root.mkdir(parents=True, exist_ok=True)

    def path(self, sha256: str) -> Path:
        """Where the file with this digest lies (or would). Raises `ValueError` for no digest."""
        return self.root / name_of(sha256)

    def place(self, sha256: str) -> str:
        return str(self.path(sha256))

    @contextmanager
    def local(self, sha256: str) -> Iterator[Path]:
        yield self.path(sha256)

    def remove(self, sha256: str) -> None:
        self.remove_derived(sha256)
        path = self.path(sha256)
        if path.exists():
            path.unlink()
            sync_folder(path.parent)

    def check(self) -> None:
        """Raises `StorageUnreachable` when the folder is gone or cannot be written."""
        if not os.access(self.root, os.W_OK | os.X_OK):
            raise StorageUnreachable(detail=f"{self.root} cannot be written")

    def put(self, content: bytes) -> str:
        """Keep `content` durably and return its digest. Keeping it twice is keeping it once."""
        sha256 = hashlib.sha256(content).hexdigest()
        target = self.path(sha256)
        if target.exists() and target.stat().st_size == len(content):
            return sha256
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            with durable(target, self.root / INCOMING) as stream:
                stream.write(content)
        except OSError as error:
            raise disk_fault(error) from error
        return sha256

    def tidy(self) -> int:
        return super().tidy() + clear_dead_files(self.root / INCOMING)

    def get(self, sha256: str) -> bytes:
        """The bytes, checked against their digest.

        Raises `StoredFileMissing` or `StoredFileDamaged`.
        """
        path = self.path(sha256)
        try:
            content = path.read_bytes()
        except FileNotFoundError as error:
            if path.with_name(f"{path.name}{SUFFIX}").exists():
                raise StorageKeyMissing(name=sha256) from error
            raise StoredFileMissing(sha256=sha256) from error
        except OSError as error:
            raise StorageUnreachable(detail=error.strerror) from error
        return checked(sha256, content)


@contextmanager
def durable(target: Path, incoming: Path) -> Iterator[BinaryIO]:
    """Write apart, flush to the disk, then move into place in one step."""
    with held_file(incoming) as temporary:
        with temporary.open("wb") as stream:
            yield stream
            stream.flush()
            os.fsync(stream.fileno())
        temporary.chmod(0o440)
        temporary.replace(target)
    sync_folder(target.parent)


def sync_folder(folder: Path) -> None:
    """Make a rename or a new name in `folder` survive a power cut."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def sync_tree(folder: Path) -> None:
    """Make everything below `folder` survive a power cut, in one go where the system can: many
    small files flushed one by one cost several times as much. Raises `OSError`."""
    if _sync_file_system(folder):
        return
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            _sync_file(path)
    for path in (folder, *(each for each in folder.rglob("*") if each.is_dir())):
        sync_folder(path)


def _sync_file_system(folder: Path) -> bool:
    """Linux's syncfs; False where there is none."""
    syncfs = getattr(_libc(), "syncfs", None)
    if syncfs is None:
        return False
    handle = os.open(folder, os.O_RDONLY)
    try:
        if syncfs(handle) != 0:
            number = ctypes.get_errno()
            raise OSError(number, os.strerror(number), str(folder))
    finally:
        os.close(handle)
    return True


@cache
def _libc() -> ctypes.CDLL | None:
    return ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None


def _sync_file(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
