"""Originals, evidence and bags: in the data folder, or where `STORAGE_URL` says."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from archive.bag_store import BagStore, FolderBags
from archive.bucket_address import BucketAddress
from archive.store import FileStore, Store


@dataclass(frozen=True, slots=True)
class Storage:
    """The two stores of one installation. `local`: both lie on a disk of this machine."""

    files: Store
    bags: BagStore
    local: bool


def open_storage(url: str, root: Path) -> Storage:
    """The stores of `url`: empty for `root`, `s3://...` for a bucket, else a folder (a plain path
    or `file://...`). Raises `BadStorageUrl`."""
    if url.startswith("s3://"):
        # Loads slowly; who keeps files in a folder need not wait for it.
        from archive.buckets import Bucket
        from archive.s3_bags import S3Bags
        from archive.s3_store import S3Store

        bucket = Bucket(BucketAddress.parse(url))
        return Storage(
            S3Store(bucket, root / "files"), S3Bags(bucket, root / "sealing"), local=False
        )
    folder = Path(url.removeprefix("file://")).expanduser().resolve() if url else root
    return Storage(FileStore(folder / "files"), FolderBags(folder / "bags"), local=True)
