"""A bag while it is tested: each file is read once for its digests, others only where an item
looks into them."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from pathlib import Path

from archive.bag_reading import BagContent, NotABag, read_bag
from archive.fixity import Inspection, inspect


class UnderTest:
    """`content` is None where the bag does not say what it holds; `unread` tells why."""

    def __init__(self, folder: Path, expected_digest: str | None = None) -> None:
        self.folder = folder
        self.expected_digest = expected_digest
        self.unread = ""
        self._bytes: dict[str, bytes] = {}

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
