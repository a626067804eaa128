"""Bytes by name, in a folder or (`archive.bucket_blobs`) in a bucket: what sealed files lie in."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

from archive.store import INCOMING, StorageUnreachable, StoredFileMissing, disk_fault, durable


class Blobs(Protocol):
    """Names are paths with `/`. Every method may raise `StorageUnreachable` or
    `StorageRefused`."""

    def read(self, name: str) -> bytes:
        """Raises `StoredFileMissing`."""
        ...

    def write(self, name: str, content: bytes) -> None:
        """Keep durably, as a whole or not at all; in the place of what was there."""
        ...

    def delete(self, name: str) -> None: ...

    def names(self, below: str) -> Iterator[str]:
        """Every name that begins with the folder `below`; nothing hidden or half-written."""
        ...


class FolderBlobs:
    """In a folder of this machine."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def read(self, name: str) -> bytes:
        try:
            return (self._root / name).read_bytes()
        except FileNotFoundError as error:
            raise StoredFileMissing(sha256=name.rpartition("/")[2]) from error
        except OSError as error:
            raise StorageUnreachable(detail=error.strerror) from error

    def write(self, name: str, content: bytes) -> None:
        target = self._root / name
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            with durable(target, self._incoming(name)) as stream:
                stream.write(content)
        except OSError as error:
            raise disk_fault(error) from error

    def _incoming(self, name: str) -> Path:
        """Where it is written first: a place that the store keeps tidy."""
        first = name.partition("/")[0]
        return self._root / ("files" if first == "bags" else first) / INCOMING

    def delete(self, name: str) -> None:
        (self._root / name).unlink(missing_ok=True)

    def names(self, below: str) -> Iterator[str]:
        for path in (self._root / below).rglob("*"):
            relative = path.relative_to(self._root)
            if not any(part.startswith(".") for part in relative.parts) and path.is_file():
                yield relative.as_posix()
