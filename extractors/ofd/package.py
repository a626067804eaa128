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
#: Signature, flags, method, lengths of name and extra field of an entry's own header.
_LOCAL_HEADER = struct.Struct("<4s2xHH16xHH")
_LOCAL_ENTRY = b"PK\x03\x04"
_ENCRYPTED = 0x1
_UTF8_NAME = 0x800
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
        self._data = data
        self._unpacked = 0
        # Counted before opening: the library builds an object for each, whatever the trailer says.
        if data.count(_CENTRAL_ENTRY) > limits.max_zip_entries:
            raise ArchiveBomb(detail=f"more than {limits.max_zip_entries} entries")
        try:
            entries = zipfile.ZipFile(io.BytesIO(data)).infolist()
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
        if entry.file_size > left:
            raise ArchiveBomb(detail=f"unpacks to more than {self._limits.max_unpacked} bytes")
        try:
            content = _unpacked(self._data, entry)
        except _BROKEN as error:
            raise DamagedFile(detail="an entry cannot be unpacked") from error
        self._unpacked += len(content)
        return content

    def xml(self, name: str) -> Element:
        """The root of an XML entry, parsed once. Raises as `read` and `parse_xml` do."""
        if name not in self._roots:
            self._roots[name] = parse_xml(self.read(name), self._limits)
        return self._roots[name]


def _unpacked(data: bytes, entry: zipfile.ZipInfo) -> bytes:
    """An entry of exactly the stated size and checksum; no byte more is ever unpacked. The
    library's own stream costs four times as much for parts of a few kilobytes. Raises one of
    `_BROKEN`."""
    signature, flags, _, name_length, extra_length = _LOCAL_HEADER.unpack_from(
        data, entry.header_offset
    )
    begin = entry.header_offset + _LOCAL_HEADER.size
    name = data[begin : begin + name_length]
    begin += name_length + extra_length
    packed = data[begin : begin + entry.compress_size]
    encoding = "utf-8" if flags & _UTF8_NAME else "cp437"
    if (
        signature != _LOCAL_ENTRY
        or name.decode(encoding) != entry.orig_filename
        or len(packed) != entry.compress_size
    ):
        raise zipfile.BadZipFile("an entry is not where the directory says")
    if entry.compress_type == zipfile.ZIP_DEFLATED:
        # A limit of 0 would mean none.
        content = zlib.decompressobj(-zlib.MAX_WBITS).decompress(packed, entry.file_size + 1)
    else:
        content = packed
    if len(content) != entry.file_size or zlib.crc32(content) != entry.CRC:
        raise zipfile.BadZipFile("size or checksum is wrong")
    return content


def _normal(path: str) -> str:
    """A path from the root, without dots; what climbs above the root stays at the root."""
    return posixpath.normpath("/" + path.replace("\\", "/")).lstrip("/")
