"""A bag while it is tested: each file is read once for its digests, others only where an item
looks into them."""

from __future__ import annotations

import io
import os
from collections.abc import Iterator, Mapping
from functools import cached_property
from pathlib import Path

import pikepdf

from archive.bag_reading import BagContent, NotABag, read_bag
from archive.drawing.pdfa import UNREADABLE, running_parts
from archive.fixity import Inspection, inspect, listing


class UnderTest:
    """`content` is None where the bag does not say what it holds; `unread` tells why."""

    def __init__(
        self, folder: Path, expected_digest: str | None = None, *, recheck: bool = True
    ) -> None:
        self.folder = folder
        self.recheck = recheck
        self.expected_digest = expected_digest
        self.unread = ""
        self._bytes: dict[str, bytes] = {}
        self._running: dict[str, str] = {}

    @cached_property
    def fixity(self) -> Inspection:
        return inspect(self.folder, self.expected_digest)

    @cached_property
    def content(self) -> BagContent | None:
        try:
            return read_bag(self.folder)
        except NotABag as error:
            self.unread = error.params["detail"]
            return None

    @cached_property
    def entries(self) -> Mapping[str, os.stat_result]:
        """Everything below the folder by path (`archive.fixity.listing`)."""
        return listing(self.folder)

    def running(self, path: str) -> str:
        """Names of what would run in a PDF of the bag; "" for nothing, or where it is unreadable,
        which other items say."""
        if path not in self._running:
            try:
                with pikepdf.open(io.BytesIO(self.read(path))) as pdf:
                    self._running[path] = ", ".join(running_parts(pdf))
            except (*UNREADABLE, OSError):
                self._running[path] = ""
        return self._running[path]

    def read(self, path: str) -> bytes:
        """A file of the bag. Raises `OSError`."""
        if path not in self._bytes:
            self._bytes[path] = (self.folder / path).read_bytes()
        return self._bytes[path]

    def originals(self) -> Iterator[str]:
        """Paths of the originals, each once, in order."""
        if self.content is not None:
            yield from dict.fromkeys(invoice.original for invoice in self.content.invoices)

    def payload(self) -> list[str]:
        """Paths of every payload file that is there."""
        return [path for path in self.fixity.digests if path.startswith("data/")]

    def drawn(self) -> list[str]:
        """Paths of the PDF files that were drawn for the bag."""
        places = ("data/01-voucher/", "data/03-attachments/")
        return [path for path in self.payload() if path.startswith(places)]
