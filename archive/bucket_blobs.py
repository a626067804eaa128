"""Bytes by name in a bucket (`archive.blobs`)."""

from __future__ import annotations

from collections.abc import Iterator

from archive.buckets import Bucket


class BucketBlobs:
    """In a bucket."""

    def __init__(self, bucket: Bucket) -> None:
        self._bucket = bucket

    def read(self, name: str) -> bytes:
        return self._bucket.get(name)

    def write(self, name: str, content: bytes) -> None:
        self._bucket.put(name, content)

    def delete(self, name: str) -> None:
        self._bucket.delete(name)

    def names(self, below: str) -> Iterator[str]:
        yield from self._bucket.keys(f"{below}/")
