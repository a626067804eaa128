"""A ZIP of invoices as the files in it, without trusting anything that it says of itself.

The whole directory is judged before the first entry is opened: how many entries, how much they
unfold to, how strongly each is packed, whether one has a password. Names are labels, never paths;
nothing is written to the disk under them. A ZIP inside is opened too, one inside that is not: it
comes out as the file it is, and its reader says that it cannot be read.
"""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from io import BytesIO
from typing import BinaryIO

from extractors.errors import ArchiveBomb, DamagedFile, DocumentError, EncryptedFile
from extractors.zip_directory import open_zip

_ENCRYPTED = 0x1
_UTF8_NAME = 0x800
_DEEPEST = 2
#: Text packs well: XML of a thousand lines reaches 40; nothing that is no bomb reaches 200.
_MOST_RATIO = 200
_RATIO_FROM = 1024**2
_NOT_FILES = ("__macosx/",)
_NOT_NAMES = ("thumbs.db", "desktop.ini")
_FAULTS = (zipfile.BadZipFile, zlib.error, ValueError, OSError, EOFError, NotImplementedError)


@dataclass(frozen=True, slots=True)
class Limits:
    """`files`: most entries. `file_size`, `total`: most unfolded bytes, of one and of all."""

    files: int
    file_size: int
    total: int


@dataclass(frozen=True, slots=True)
class Unpacked:
    """One file out of a ZIP: its bytes (at most one more than `file_size`, so that whoever takes
    it sees that it is too large), or why it could not be taken out."""

    name: str
    content: bytes
    error: DocumentError | None = None


def is_bundle(stream: BinaryIO) -> bool:
    """Whether this is a ZIP that is no document itself (an OFD is a ZIP too). The stream is left
    at its beginning."""
    stream.seek(0)
    start = stream.read(4)
    stream.seek(0)
    if start != b"PK\x03\x04":
        return False
    try:
        with open_zip(stream) as package:
            names = {name.replace("\\", "/").lstrip("/").lower() for name in package.namelist()}
    except ArchiveBomb:
        return True  # no document has so many entries; `unpack` refuses it
    except _FAULTS:
        return False  # its reader says what is wrong with it
    finally:
        stream.seek(0)
    return "ofd.xml" not in names


def unpack(stream: BinaryIO, limits: Limits) -> Iterator[Unpacked]:
    """The files in a ZIP, in the order of its directory.

    Raises `EncryptedFile`, `ArchiveBomb` or `DamagedFile` before anything is given out; an entry
    that is damaged comes out with its error, the others go on.
    """
    yield from _unpack(stream, _Budget(limits.files, limits.total), limits.file_size, 1)


@dataclass
class _Budget:
    """What is left over for this ZIP and those inside it."""

    files: int
    total: int

    def spend(self, entries: list[zipfile.ZipInfo]) -> None:
        self.files -= len(entries)
        self.total -= sum(entry.file_size for entry in entries)
        if self.files < 0 or self.total < 0:
            raise ArchiveBomb(detail="more files, or more bytes, than one upload may hold")


def _unpack(stream: BinaryIO, budget: _Budget, file_size: int, depth: int) -> Iterator[Unpacked]:
    try:
        package = open_zip(stream)
    except _FAULTS:
        raise DamagedFile(detail="the ZIP directory cannot be read") from None
    with package:
        entries = [entry for entry in package.infolist() if _is_file(entry)]
        if any(entry.flag_bits & _ENCRYPTED for entry in entries):
            raise EncryptedFile
        if any(_is_bomb(entry) for entry in entries):
            raise ArchiveBomb(detail="an entry unfolds to more than it can honestly hold")
        budget.spend(entries)
        for entry in entries:
            taken = _take(package, entry, file_size)
            if taken.error is None and depth < _DEEPEST and is_bundle(BytesIO(taken.content)):
                yield from _inner(taken, budget, file_size, depth)
            else:
                yield taken


def _inner(outer: Unpacked, budget: _Budget, file_size: int, depth: int) -> Iterator[Unpacked]:
    try:
        yield from _unpack(BytesIO(outer.content), budget, file_size, depth + 1)
    except DocumentError as error:
        yield Unpacked(outer.name, b"", error)


def _take(package: zipfile.ZipFile, entry: zipfile.ZipInfo, file_size: int) -> Unpacked:
    name = _name(entry)
    try:
        with package.open(entry) as content:
            return Unpacked(name, content.read(file_size + 1))
    except _FAULTS:
        return Unpacked(name, b"", DamagedFile(detail="the entry of the ZIP cannot be unpacked"))


def _is_file(entry: zipfile.ZipInfo) -> bool:
    """Folders, and what operating systems leave in every ZIP, are nobody's invoices."""
    path = entry.filename.replace("\\", "/").lower()
    last = path.rsplit("/", 1)[-1]
    return bool(last) and not (
        path.startswith(_NOT_FILES) or last.startswith(".") or last in _NOT_NAMES
    )


def _is_bomb(entry: zipfile.ZipInfo) -> bool:
    ratio = entry.file_size / max(entry.compress_size, 1)
    return entry.file_size > _RATIO_FROM and ratio > _MOST_RATIO


def _name(entry: zipfile.ZipInfo) -> str:
    """The entry's name. Chinese Windows writes names in its own code page and does not say so;
    the ZIP library then takes them for code page 437."""
    if entry.flag_bits & _UTF8_NAME:
        return entry.filename
    try:
        return entry.filename.encode("cp437").decode("gb18030")
    except UnicodeError:
        return entry.filename
