"""Files and bags that lie sealed (`archive.keyring`), in any of the two stores.

Digests, manifests and inspections are those of the plain content, so nothing else knows of it. What
was kept before a key was set stays readable, and so does what is under an older key of the ring. A
sealed file has the plain one's name and `.age`.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import stat
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from archive.bag_store import BagStore
from archive.bags import SealedBag
from archive.blobs import Blobs
from archive.keyring import Keyring
from archive.scratch import held_folder
from archive.store import (
    SUFFIX,
    Derived,
    StorageUnreachable,
    Store,
    StoredFileDamaged,
    StoredFileMissing,
    checked,
    name_of,
    sync_folder,
    sync_tree,
)
from extractors.errors import YanpiaoError

#: Memory in the shape of a folder; what is opened for a moment should not reach a disk.
_IN_MEMORY = Path("/dev/shm")  # noqa: S108 - that nobody else may look into is seen to
#: So much must be free there, or the usual temporary folder is taken.
_ROOM_BYTES = 1 << 30


@contextmanager
def private_room() -> Iterator[Path]:
    """A folder for opened files that only this process's user may look into, gone with its use and
    with this process: in memory where there is room, else where temporary files lie."""
    roomy = os.access(_IN_MEMORY, os.W_OK) and shutil.disk_usage(_IN_MEMORY).free > _ROOM_BYTES
    base = _IN_MEMORY if roomy else Path(tempfile.gettempdir())
    place = base / f"yanpiao-rooms-{os.getuid()}"
    place.mkdir(mode=0o700, exist_ok=True)
    seen = place.lstat()
    if not stat.S_ISDIR(seen.st_mode) or seen.st_uid != os.getuid() or seen.st_mode & 0o077:
        raise StorageUnreachable(detail=f"{place} is not this user's own")
    with held_folder(place) as room:
        inside = room / "opened"
        inside.mkdir(mode=0o700)
        yield inside


class EncryptedStore:
    """`archive.store.Store` that seals what it keeps. `plain` holds what was kept before."""

    def __init__(self, plain: Store, blobs: Blobs, ring: Keyring, root: Path) -> None:
        self._plain = plain
        self._blobs = blobs
        self._ring = ring
        self._beside = Derived(root)

    def put(self, content: bytes) -> str:
        sha256 = hashlib.sha256(content).hexdigest()
        # A damaged file is written anew: whoever hands it in again has the right bytes.
        with suppress(StoredFileMissing, StoredFileDamaged):
            self._sealed(sha256)
            return sha256
        self._blobs.write(_name(sha256), self._ring.seal(content))
        return sha256

    def get(self, sha256: str) -> bytes:
        with suppress(StoredFileMissing):
            return self._sealed(sha256)
        try:
            return self._plain.get(sha256)
        except StoredFileMissing:
            return self._sealed(sha256)  # it was being sealed just now

    def _sealed(self, sha256: str) -> bytes:
        return checked(sha256, self._ring.open(self._blobs.read(_name(sha256)), sha256))

    @contextmanager
    def local(self, sha256: str) -> Iterator[Path]:
        content = self.get(sha256)
        with private_room() as room:
            path = room / sha256
            path.write_bytes(content)
            yield path

    def place(self, sha256: str) -> str:
        return f"{self._plain.place(sha256)}{SUFFIX}"

    def remove(self, sha256: str) -> None:
        self._blobs.delete(_name(sha256))
        self._beside.remove_derived(sha256)
        self._plain.remove(sha256)

    def tidy(self) -> int:
        return self._plain.tidy()

    def check(self) -> None:
        self._plain.check()

    def read_derived(self, sha256: str, name: str) -> bytes | None:
        with suppress(YanpiaoError, OSError):
            return self._ring.open(self._beside.derived(sha256, f"{name}{SUFFIX}").read_bytes())
        return self._beside.read_derived(sha256, name)

    def keep_derived(self, sha256: str, name: str, content: bytes) -> None:
        self._beside.keep_derived(sha256, f"{name}{SUFFIX}", self._ring.seal(content))


def _name(sha256: str) -> str:
    return f"files/{name_of(sha256)}{SUFFIX}"


class EncryptedBags:
    """`archive.bag_store.BagStore` whose bags hold sealed files under their names and `.age`. They
    are made and looked at in a private room."""

    def __init__(self, inner: BagStore, ring: Keyring) -> None:
        self._inner = inner
        self._ring = ring

    def seal(
        self, write: Callable[[Path], SealedBag], insist: Callable[[], None] = lambda: None
    ) -> SealedBag:
        def write_sealed(root: Path) -> SealedBag:
            with private_room() as room:
                sealed = write(room)
                _seal_folder(room / sealed.path, root / sealed.path, self._ring, insist)
            return sealed

        return self._inner.seal(write_sealed, insist)

    @contextmanager
    def local(self, place: str) -> Iterator[Path]:
        with self._inner.local(place) as folder:
            if not any(folder.rglob(f"*{SUFFIX}")):
                yield folder
                return
            with private_room() as room:
                opened = room / place.strip("/")
                open_folder(folder, opened, self._ring)
                yield opened

    def remove(self, place: str) -> None:
        self._inner.remove(place)

    def where(self, place: str) -> str:
        return self._inner.where(place)


def _seal_folder(source: Path, target: Path, ring: Keyring, insist: Callable[[], None]) -> None:
    """A sealed copy of a finished bag, moved into its place in one step."""
    target.parent.mkdir(parents=True, exist_ok=True)
    for left_over in target.parent.glob(".sealing-*"):
        shutil.rmtree(left_over)
    temporary = Path(tempfile.mkdtemp(prefix=".sealing-", dir=target.parent))
    temporary.chmod(0o755)
    for path in source.rglob("*"):
        if path.is_file():
            copy = temporary / f"{path.relative_to(source)}{SUFFIX}"
            copy.parent.mkdir(parents=True, exist_ok=True)
            copy.write_bytes(ring.seal(path.read_bytes()))
            copy.chmod(0o440)
    sync_tree(temporary)
    insist()
    if target.exists():
        shutil.rmtree(target)
    temporary.rename(target)
    sync_folder(target.parent)


def open_folder(source: Path, target: Path, ring: Keyring) -> int:
    """Copy a folder with its sealed files opened; how many were. One that was altered is copied as
    it is, for the inspection to find. Raises `StorageKeyMissing`."""
    target.mkdir(parents=True, exist_ok=True)
    count = 0
    for path in sorted(source.rglob("*")):
        copy = target / path.relative_to(source)
        if not path.is_file():
            continue
        copy.parent.mkdir(parents=True, exist_ok=True)
        if path.suffix != SUFFIX:
            with suppress(FileNotFoundError):  # sealed just now: its sealed name comes or came
                copy.write_bytes(path.read_bytes())
            continue
        content = path.read_bytes()
        with suppress(StoredFileDamaged):
            content = ring.open(content, path.name)
        copy.with_suffix("").write_bytes(content)
        count += 1
    return count
