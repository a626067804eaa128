"""Sealing all that is kept with the newest key: what lies plain, and what is under a key that
shall be given up. May be broken off and begun again at any time, while everything runs."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from archive.blobs import Blobs
from archive.keyring import Keyring
from archive.store import SUFFIX, StorageKeyMissing, StoredFileDamaged, StoredFileMissing

#: What is looked through; a digest as name is that of the content.
FOLDERS = ("files", "files-derived", "bags")


@dataclass(slots=True)
class Rekeyed:
    """How many files were sealed for the first time, sealed anew, and right already; `faults` name
    those that were left as they are."""

    sealed: int = 0
    changed: int = 0
    right: int = 0
    faults: list[str] = field(default_factory=list)


def rekey(places: Iterable[Blobs], ring: Keyring) -> Rekeyed:
    """Seal every file of some places. Raises what the store raises when it is out of reach."""
    done = Rekeyed()
    for blobs in places:
        for name in _names(blobs):
            try:
                if name.endswith(SUFFIX):
                    _change(blobs, name, ring, done)
                else:
                    _seal(blobs, name, ring, done)
            except StoredFileMissing:
                continue  # replaced or thrown away meanwhile
            except StoredFileDamaged:
                done.faults.append(f"{name}: damaged")
            except StorageKeyMissing:
                done.faults.append(f"{name}: no key opens it")
    return done


def _names(blobs: Blobs) -> Iterator[str]:
    for folder in FOLDERS:
        # All names first: what is written meanwhile is right already.
        yield from list(blobs.names(folder))


def _change(blobs: Blobs, name: str, ring: Keyring, done: Rekeyed) -> None:
    sealed = blobs.read(name)
    if ring.is_newest(sealed):
        done.right += 1
        return
    content = _checked(name.removesuffix(SUFFIX), ring.open(sealed, name))
    _write(blobs, name, content, ring)
    done.changed += 1


def _seal(blobs: Blobs, name: str, ring: Keyring, done: Rekeyed) -> None:
    content = _checked(name, blobs.read(name))
    _write(blobs, f"{name}{SUFFIX}", content, ring)
    blobs.delete(name)
    done.sealed += 1


def _write(blobs: Blobs, name: str, content: bytes, ring: Keyring) -> None:
    """Write, and read back before the old one is given up."""
    blobs.write(name, ring.seal(content))
    if ring.open(blobs.read(name), name) != content:
        raise StoredFileDamaged(sha256=name)


def _checked(name: str, content: bytes) -> bytes:
    """Originals and evidence are filed under their digest: a changed one is not sealed as if it
    were right."""
    last = name.rpartition("/")[2]
    if name.startswith("files/") and hashlib.sha256(content).hexdigest() != last:
        raise StoredFileDamaged(sha256=last)
    return content
