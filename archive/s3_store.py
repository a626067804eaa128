"""The file store in a bucket: `files/ab/cd/<sha256>`, each object written once as a whole."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from archive.buckets import Bucket
from archive.store import (
    SUFFIX,
    Derived,
    StorageKeyMissing,
    StoredFileMissing,
    checked,
    disk_fault,
    name_of,
)


class S3Store:
    """`archive.store.Store` on an S3 server. What is drawn of files stays on this machine, beside
    `root`: another one draws it again."""

    def __init__(self, bucket: Bucket, root: Path) -> None:
        self._bucket = bucket
        self._beside = Derived(root)

    def put(self, content: bytes) -> str:
        sha256 = hashlib.sha256(content).hexdigest()
        key = _key(sha256)
        if self._bucket.size(key) != len(content):
            self._bucket.put(key, content)
        return sha256

    def get(self, sha256: str) -> bytes:
        key = _key(sha256)
        try:
            content = self._bucket.get(key)
        except StoredFileMissing as error:
            if self._bucket.size(f"{key}{SUFFIX}") is not None:
                raise StorageKeyMissing(name=sha256) from error
            raise
        return checked(sha256, content)

    @contextmanager
    def local(self, sha256: str) -> Iterator[Path]:
        content = self.get(sha256)
        with ExitStack() as stack:
            try:
                folder = stack.enter_context(TemporaryDirectory(prefix="yanpiao-file-"))
                path = Path(folder) / sha256
                path.write_bytes(content)
            except OSError as error:
                raise disk_fault(error) from error
            yield path

    def place(self, sha256: str) -> str:
        return f"{self._bucket.address}{_key(sha256)}"

    def remove(self, sha256: str) -> None:
        self._beside.remove_derived(sha256)
        self._bucket.delete(_key(sha256))

    def check(self) -> None:
        self._bucket.check()

    def read_derived(self, sha256: str, name: str) -> bytes | None:
        return self._beside.read_derived(sha256, name)

    def keep_derived(self, sha256: str, name: str, content: bytes) -> None:
        self._beside.keep_derived(sha256, name, content)

    def tidy(self) -> int:
        return self._beside.tidy()


def _key(sha256: str) -> str:
    return f"files/{name_of(sha256)}"
