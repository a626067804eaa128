"""Originals, evidence and bags: in the data folder, or where `STORAGE_URL` says."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from archive.bag_store import BagStore, FolderBags
from archive.blobs import Blobs, FolderBlobs
from archive.bucket_address import BucketAddress
from archive.encrypted import EncryptedBags, EncryptedStore
from archive.keyring import Keyring
from archive.store import FileStore, Store


@dataclass(frozen=True, slots=True)
class Storage:
    """The two stores of one installation. `local`: both lie on a disk of this machine. `places`:
    everything of them by name, for whoever looks through all of it."""

    files: Store
    bags: BagStore
    local: bool
    places: tuple[Blobs, ...] = ()


def open_storage(url: str, root: Path, ring: Keyring | None = None) -> Storage:
    """The stores of `url`: empty for `root`, `s3://...` for a bucket, else a folder (a plain path
    or `file://...`). With a `ring`, what is kept is sealed. Raises `BadStorageUrl`."""
    storage, beside = _plain(url, root)
    if ring is None:
        return storage
    files = EncryptedStore(storage.files, storage.places[0], ring, beside)
    return Storage(files, EncryptedBags(storage.bags, ring), storage.local, storage.places)


def _plain(url: str, root: Path) -> tuple[Storage, Path]:
    """The stores as they are, and the folder beside which drawn pictures lie."""
    if url.startswith("s3://"):
        # Loads slowly; who keeps files in a folder need not wait for it.
        from archive.bucket_blobs import BucketBlobs
        from archive.buckets import Bucket
        from archive.s3_bags import S3Bags
        from archive.s3_store import S3Store

        bucket = Bucket(BucketAddress.parse(url))
        files = S3Store(bucket, root / "files")
        bags = S3Bags(bucket, root / "sealing")
        places = (BucketBlobs(bucket), FolderBlobs(root))
        return Storage(files, bags, False, places), root / "files"
    folder = Path(url.removeprefix("file://")).expanduser().resolve() if url else root
    kept = FileStore(folder / "files")
    return Storage(kept, FolderBags(folder / "bags"), True, (FolderBlobs(folder),)), kept.root
