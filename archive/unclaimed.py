"""Files of the store that no row names: a proof or an upload whose transaction failed after its
bytes were kept. They are set aside beside the store, never deleted: somebody may still ask for
them."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator

from archive.blobs import Blobs
from archive.database import Database
from archive.erasing import is_wanted
from archive.store import SUFFIX, StoredFileMissing

_FOLDER = "files"
#: Where they go, under the same name.
ASIDE = "unclaimed"


def unclaimed(database: Database, places: Iterable[Blobs]) -> Iterator[tuple[Blobs, str]]:
    """Each file that no row names right now. What is being written in this moment may be among
    them: its row follows. Raises what the store raises when it is out of reach."""
    for blobs in places:
        for name in list(blobs.names(_FOLDER)):
            if not _is_wanted(database, name):
                yield blobs, name


def set_aside(
    database: Database,
    places: Iterable[Blobs],
    patience: float,
    sleep: Callable[[float], object] = time.sleep,
) -> list[str]:
    """Move what was unclaimed before and after `patience` seconds, and return the names. A file
    that gets its row meanwhile stays, or comes back."""
    found = list(unclaimed(database, places))
    if found:
        sleep(patience)
    return [name for blobs, name in found if _moved(database, blobs, name)]


def _moved(database: Database, blobs: Blobs, name: str) -> bool:
    if _is_wanted(database, name):
        return False
    try:
        content = blobs.read(name)
    except StoredFileMissing:
        return False
    aside = ASIDE + name.removeprefix(_FOLDER)
    blobs.write(aside, content)
    blobs.delete(name)
    if _is_wanted(database, name):  # its row came between the look and the deed
        blobs.write(name, content)
        blobs.delete(aside)
        return False
    return True


def _is_wanted(database: Database, name: str) -> bool:
    sha256 = name.rpartition("/")[2].removesuffix(SUFFIX)
    with database.read() as session:
        return is_wanted(session, sha256)
