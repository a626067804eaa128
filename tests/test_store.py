"""Files by their digest: the same bytes back, and what was changed is noticed."""

from __future__ import annotations

from pathlib import Path

import pytest

from archive.store import FileStore, StoredFileDamaged, StoredFileMissing
from tests.helpers import sha256


def test_the_store_gives_back_the_same_bytes(tmp_path: Path) -> None:
    store = FileStore(tmp_path)
    digest = store.put(b"original")
    assert store.put(b"original") == digest == sha256(b"original")
    assert store.get(digest) == b"original"
    assert [path.name for path in tmp_path.rglob("*") if path.is_file()] == [digest]


def test_the_store_notices_a_changed_or_missing_file(tmp_path: Path) -> None:
    store = FileStore(tmp_path)
    digest = store.put(b"original")
    store.path(digest).chmod(0o600)
    store.path(digest).write_bytes(b"0riginal")
    with pytest.raises(StoredFileDamaged):
        store.get(digest)
    store.path(digest).unlink()
    with pytest.raises(StoredFileMissing):
        store.get(digest)


@pytest.mark.parametrize("digest", ["../../etc/passwd", "", "A" * 64, "0" * 63])
def test_the_store_takes_only_digests_for_names(tmp_path: Path, digest: str) -> None:
    with pytest.raises(ValueError, match="digest"):
        FileStore(tmp_path).path(digest)
