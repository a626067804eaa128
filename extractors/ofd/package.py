"""The ZIP around an OFD (GB/T 33190-2016, 6): entries by path, under ceilings.

Nothing is ever written to disk, so a path can only name an entry, never a file. What is guarded
is memory: entry count, unpacked sizes and ratios, checked before and while unpacking.
"""

from __future__ import annotations

import io
import lzma
import posixpath
import struct
import zipfile
import zlib

from extractors.errors import ArchiveBomb, DamagedFile, EncryptedFile
from extractors.limits import Limits
from extractors.safe_xml import Element, parse_xml

_CENTRAL_ENTRY = b"PK\x01\x02"
_ENCRYPTED = 0x1
_METHODS = frozenset({zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED})
#: Small entries compress well by nature (a few repeated tags); the ratio speaks above this.
_RATIO_COUNTS_ABOVE = 1024 * 1024
_BROKEN = (
    zipfile.BadZipFile,
    zlib.error,
    lzma.LZMAError,
    struct.error,
    EOFError,
    OSError,
    ValueError,
    IndexError,
    NotImplementedError,
    RuntimeError,
)


class Package:
    """Read-only entries of one OFD.

    Raises `ArchiveBomb` when count, size or ratio pass `limits`, `EncryptedFile` for entries
    with a password, `DamagedFile` for a broken directory or two entries of one name.
    """

    def __init__(self, data: bytes, limits: Limits) -> None:
        self._limits = limits
        self._unpacked = 0
        # Counted before opening: the library builds an object for each, whatever the trailer says.
        if data.count(_CENTRAL_ENTRY) > limits.max_zip_entries:
            raise ArchiveBomb(detail=f"more than {limits.max_zip_entries} entries")
        try:
            self._zip = zipfile.ZipFile(io.BytesIO(data))
            entries = self._zip.infolist()
        except _BROKEN as error:
            raise DamagedFile(detail="the ZIP directory cannot be read") from error
        self._refuse_bombs(entries)
        self._entries: dict[str, zipfile.ZipInfo] = {}
        for entry in entries:
            if not entry.is_dir():
                self._add(entry)
        self._by_lower = {name.lower(): name for name in self._entries}
        self._contents: dict[str, bytes] = {}
        self._roots: dict[str, Element] = {}

    def _refuse_bombs(self, entries: list[zipfile.ZipInfo]) -> None:
        if sum(entry.file_size for entry in entries) > self._limits.max_unpacked:
            raise ArchiveBomb(detail=f"unpacks to more than {self._limits.max_unpacked} bytes")
        for entry in entries:
            large = entry.file_size > _RATIO_COUNTS_ABOVE
            if large and entry.file_size > self._limits.max_ratio * max(1, entry.compress_size):
                raise ArchiveBomb(detail=f"a ratio above {self._limits.max_ratio}")

    def _add(self, entry: zipfile.ZipInfo) -> None:
        if entry.flag_bits & _ENCRYPTED:
            raise EncryptedFile
        name = _normal(entry.filename)
        if name in self._entries:
            # Two readers could see two documents: one signed, one shown.
            raise DamagedFile(detail="two entries of one name")
        self._entries[name] = entry

    @property
    def names(self) -> tuple[str, ...]:
        """Every entry's path, without a leading slash."""
        return tuple(self._entries)

    def find(self, path: str, base: str = "") -> str | None:
        """The entry that `path` names, seen from the file `base`; None when there is none.

        Absolute paths start at the package's root. Producers also write root-relative paths
        where the standard asks for relative ones, and differ in case: both are tried.
        """
        cleaned = path.strip().replace("\\", "/")
        if not cleaned:
            return None
        folder = posixpath.dirname(base)
        candidates = [_normal(cleaned)]
        if not cleaned.startswith("/"):
            candidates.insert(0, _normal(posixpath.join(folder, cleaned)))
        for candidate in candidates:
            name = candidate if candidate in self._entries else None
            name = name or self._by_lower.get(candidate.lower())
            if name is not None:
                return name
        return None

    def read(self, name: str) -> bytes:
        """One entry, unpacked once. Raises `KeyError`, `ArchiveBomb`, `DamagedFile`."""
        if name not in self._contents:
            self._contents[name] = self._unpack(self._entries[name])
        return self._contents[name]

    def _unpack(self, entry: zipfile.ZipInfo) -> bytes:
        if entry.compress_type not in _METHODS:
            raise DamagedFile(detail="an unusual compression method")
        left = self._limits.max_unpacked - self._unpacked
        try:
            with self._zip.open(entry) as stream:
                content = stream.read(left + 1)
        except _BROKEN as error:
            raise DamagedFile(detail="an entry cannot be unpacked") from error
        if len(content) > left:
            raise ArchiveBomb(detail=f"unpacks to more than {self._limits.max_unpacked} bytes")
        self._unpacked += len(content)
        return content

    def xml(self, name: str) -> Element:
        """The root of an XML entry, parsed once. Raises as `read` and `parse_xml` do."""
        if name not in self._roots:
            self._roots[name] = parse_xml(self.read(name), self._limits)
        return self._roots[name]


def _normal(path: str) -> str:
    """A path from the root, without dots; what climbs above the root stays at the root."""
    return posixpath.normpath("/" + path.replace("\\", "/")).lstrip("/")
