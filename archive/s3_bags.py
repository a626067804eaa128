"""Sealed bags in a bucket, under the same names as in a folder.

A bag there is the same files, one object each, so that any S3 tool fetches it and any BagIt tool
checks it. The tag manifest is uploaded last and taken away first: without it there is no bag, so an
interrupted upload is never taken for one (docs/decisions/0020-files-and-bags-in-a-bucket.md).
"""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from archive.bags import SealedBag
from archive.buckets import Bucket

#: What stands for the whole bag (`archive.bags.bag_digest`).
SEAL = "tagmanifest-sha256.txt"
_ABANDONED_SECONDS = 24 * 3600


class S3Bags:
    """Bags in a bucket: `bags/VOUCHER/v0001/...`. `workshop` is where they are made."""

    def __init__(self, bucket: Bucket, workshop: Path) -> None:
        self._bucket = bucket
        self._workshop = workshop

    def seal(self, write: Callable[[Path], SealedBag]) -> SealedBag:
        self._workshop.mkdir(parents=True, exist_ok=True)
        _clear(self._workshop)
        with tempfile.TemporaryDirectory(prefix="bag-", dir=self._workshop) as folder:
            sealed = write(Path(folder))
            self._upload(Path(folder) / sealed.path, sealed.path)
        return sealed

    def _upload(self, folder: Path, place: str) -> None:
        """Replace whatever an interrupted try left; the record decides what is a bag, and the
        caller holds the voucher's lease."""
        base = f"bags/{place}/"
        self._bucket.delete(base + SEAL)
        names = sorted(
            path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()
        )
        for stale in set(self._bucket.keys(base)) - {base + name for name in names}:
            self._bucket.delete(stale)
        for name in (*(name for name in names if name != SEAL), SEAL):
            self._bucket.put(base + name, (folder / name).read_bytes())

    @contextmanager
    def local(self, place: str) -> Iterator[Path]:
        base = f"bags/{place.strip('/')}/"
        with tempfile.TemporaryDirectory(prefix="yanpiao-bag-") as temporary:
            folder = Path(temporary) / place.strip("/")
            for key in self._bucket.keys(base):
                target = (folder / key.removeprefix(base)).resolve()
                if not target.is_relative_to(folder.resolve()):
                    continue  # nobody's key leads out of the folder; ours never do
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_bytes(self._bucket.get(key))
            yield folder

    def where(self, place: str) -> str:
        return f"{self._bucket.address}bags/{place}"


def _clear(workshop: Path) -> None:
    """Throw away what killed processes left half made; a bag is never so long in the making."""
    before = time.time() - _ABANDONED_SECONDS
    for left_over in workshop.glob("bag-*"):
        if left_over.stat().st_mtime < before:
            shutil.rmtree(left_over, ignore_errors=True)
