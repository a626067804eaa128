"""Keys for what is kept: files in the age format (age-encryption.org/v1), which any age tool opens
with the same key file.

Each file has a random key of its own, sealed for the ring's first key (X25519); its content is
ChaCha20-Poly1305 in numbered pieces, so a changed, shortened or reordered file does not open. All
keys of the ring open, only the first seals: a new key is put before the old one, and the old one is
taken away once `yanpiao storage rekey` has found nothing left of it.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pyrage

from archive.store import StorageKeyMissing, StoredFileDamaged
from extractors.errors import YanpiaoError

#: What the library says where no key fits, or where the file's head was damaged.
_NO_KEY = "No matching keys"
_MAGIC = b"age-encryption.org/v1"


class BadStorageKey(YanpiaoError):
    """What is given as key is none."""

    code = "bad_storage_key"


@dataclass(frozen=True, slots=True)
class Keyring:
    """At least one key. Shows none when it is printed."""

    _keys: tuple[pyrage.x25519.Identity, ...]

    def __repr__(self) -> str:
        return f"Keyring({len(self._keys)})"

    @classmethod
    def parse(cls, text: str) -> Keyring | None:
        """The keys of a setting or an age key file: by blanks, commas or lines; what follows `#`
        is a remark. None where there is no key at all. Raises `BadStorageKey`."""
        lines = (line.partition("#")[0] for line in text.splitlines())
        words = [word for line in lines for word in line.replace(",", " ").split()]
        try:
            keys = tuple(pyrage.x25519.Identity.from_str(word) for word in words)
        except pyrage.IdentityError as error:
            raise BadStorageKey(path="STORAGE_KEY") from error
        return cls(keys) if keys else None

    @classmethod
    def load(cls, path: Path) -> Keyring:
        """The keys of a file. Raises `BadStorageKey`, also where there is none in it."""
        try:
            ring = cls.parse(path.read_text("utf-8"))
        except (OSError, UnicodeDecodeError) as error:
            raise BadStorageKey(path=path) from error
        if ring is None:
            raise BadStorageKey(path=path)
        return ring

    def seal(self, content: bytes) -> bytes:
        """The content, to be opened with the first key."""
        sealed: bytes = pyrage.encrypt(content, [self._keys[0].to_public()])
        return sealed

    def open(self, sealed: bytes, name: str = "") -> bytes:
        """The content of a sealed file. Raises `StorageKeyMissing`, or `StoredFileDamaged` where
        a key fits and the file does not."""
        return _opened(sealed, list(self._keys), name)

    def seal_file(self, source: Path, target: Path) -> None:
        """A sealed copy of a file of any size."""
        pyrage.encrypt_file(str(source), str(target), [self._keys[0].to_public()])

    def open_file(self, source: Path, target: Path) -> None:
        """An opened copy. Raises as `open` does."""
        try:
            pyrage.decrypt_file(str(source), str(target), list(self._keys))
        except pyrage.DecryptError as error:
            target.unlink(missing_ok=True)
            raise _told(error, source.name) from error

    def is_newest(self, sealed: bytes) -> bool:
        """Whether the first key opens it. Raises `StoredFileDamaged`."""
        try:
            _opened(sealed, [self._keys[0]], "")
        except StorageKeyMissing:
            return False
        return True


def is_sealed(path: Path) -> bool:
    """Whether a file begins as age files do."""
    with path.open("rb") as stream:
        return stream.read(len(_MAGIC)) == _MAGIC


def new_key() -> str:
    """A key, as it stands in a key file."""
    return str(pyrage.x25519.Identity.generate())


def _opened(sealed: bytes, keys: list[pyrage.x25519.Identity], name: str) -> bytes:
    try:
        content: bytes = pyrage.decrypt(sealed, keys)
    except pyrage.DecryptError as error:
        raise _told(error, name) from error
    return content


def _told(error: Exception, name: str) -> YanpiaoError:
    if _NO_KEY in str(error):
        return StorageKeyMissing(name=name)
    return StoredFileDamaged(sha256=name)
