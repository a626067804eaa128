"""Sealed bags in a bucket, under the same names as in a folder.

A bag there is the same files, one object each, so that any S3 tool fetches it and any BagIt tool
checks it. The tag manifest is uploaded last and taken away first: without it there is no bag, so an
interrupted upload is never taken for one (docs/decisions/0020-files-and-bags-in-a-bucket.md).
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from archive.bags import SealedBag
from archive.buckets import Bucket
from archive.scratch import held_folder

#: What stands for the whole bag (`archive.bags.bag_digest`).
SEAL = "tagmanifest-sha256.txt"
#: As it is named, and as it is named when it lies sealed (`archive.encrypted`).
_SEALS = (SEAL, f"{SEAL}.age")


class S3Bags:
    """Bags in a bucket: `bags/VOUCHER/v0001/...`. `workshop` is where they are made."""

    def __init__(self, bucket: Bucket, workshop: Path) -> None:
        self._bucket = bucket
        self._workshop = workshop

    def seal(
        self, write: Callable[[Path], SealedBag], insist: Callable[[], None] = lambda: None
    ) -> SealedBag:
        with held_folder(self._workshop) as folder:
            sealed = write(folder)
            self._upload(folder / sealed.path, sealed.path, insist)
        return sealed

    def _upload(self, folder: Path, place: str, insist: Callable[[], None]) -> None:
        """Replace whatever an interrupted try left; the record decides what is a bag, and the
        caller holds the voucher's lease: it insists on that before each object."""
        base = f"bags/{place}/"
        for name in _SEALS:
            insist()
            self._bucket.delete(base + name)
        names = sorted(
            path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()
        )
        for stale in set(self._bucket.keys(base)) - {base + name for name in names}:
            insist()
            self._bucket.delete(stale)
        for name in sorted(names, key=lambda name: (name in _SEALS, name)):
            insist()
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

    def remove(self, place: str) -> None:
        base = f"bags/{place.strip('/')}/"
        self._bucket.delete(base + SEAL)
        for key in self._bucket.keys(base):
            self._bucket.delete(key)

    def where(self, place: str) -> str:
        return f"{self._bucket.address}bags/{place}"
