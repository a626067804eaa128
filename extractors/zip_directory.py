"""A ZIP's directory, read within bounds.

The ZIP library reads the whole directory and makes an object for each entry, before anybody can
count them: a million empty entries of some 80 MB become a gigabyte. Files of strangers are looked
at in the web process too, so they are opened by way of here.
"""

from __future__ import annotations

import zipfile
from typing import BinaryIO

from extractors.errors import ArchiveBomb

#: Bytes of a directory. An entry needs 46 and its name; two hundred invoices with names as long as
#: file systems allow take 200 KiB, the largest OFD that is read (`Limits.max_zip_entries`) as much.
_MOST = 1024**2


class _Guarded:
    """A stream that gives no more than `_MOST` bytes at once, until it is let go."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self.bounded = True
        self.seek, self.tell, self.seekable = stream.seek, stream.tell, stream.seekable

    def read(self, size: int = -1) -> bytes:
        if not self.bounded:
            return self._stream.read(size)
        # Not what is asked for counts, but what there is: a directory may lie about its size.
        found = self._stream.read(_MOST + 1 if size < 0 else min(size, _MOST + 1))
        if len(found) > _MOST:
            raise ArchiveBomb(detail=f"a directory of more than {_MOST} bytes")
        return found


def open_zip(stream: BinaryIO) -> zipfile.ZipFile:
    """The ZIP in a stream, which is the caller's to close. Raises `ArchiveBomb` for a directory
    that no honest package has, and whatever `zipfile.ZipFile` raises."""
    guarded = _Guarded(stream)
    package = zipfile.ZipFile(guarded)
    guarded.bounded = False
    return package
