"""Where sealed bags lie: in a folder, or in a bucket (`archive.s3_bags`) under the same names."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Protocol

from archive.bags import SealedBag
from archive.store import sync_folder


class BagStore(Protocol):
    """Bags by their place, `VOUCHER/v0001`."""

    def seal(
        self, write: Callable[[Path], SealedBag], insist: Callable[[], None] = lambda: None
    ) -> SealedBag:
        """Let `write` make a bag in a folder, and keep it durably. `insist` raises where
        nothing may be changed any more, because another worker may be sealing the voucher."""
        ...

    def local(self, place: str) -> AbstractContextManager[Path]:
        """The bag as a folder of this machine, to be read only, for the length of a `with`.
        Where there is none, the folder is empty or missing, which an inspection reports."""
        ...

    def remove(self, place: str) -> None:
        """Delete a bag that was disposed of; nothing where there is none."""
        ...

    def where(self, place: str) -> str:
        """The bag's whole address, for its keeper."""
        ...


class FolderBags:
    """Bags in a folder of this machine."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def seal(
        self, write: Callable[[Path], SealedBag], insist: Callable[[], None] = lambda: None
    ) -> SealedBag:
        del insist  # `write` itself moves the bag into its place, and insists before
        return write(self.root)

    @contextmanager
    def local(self, place: str) -> Iterator[Path]:
        yield self.root / place

    def remove(self, place: str) -> None:
        target = self.root / place
        going = target.with_name(f".removing-{target.name}")
        if target.exists():
            target.rename(going)  # in one step: half a bag is never taken for one
            sync_folder(target.parent)
        if going.exists():
            shutil.rmtree(going)
        with contextlib.suppress(OSError):
            target.parent.rmdir()  # only where no other version is left

    def where(self, place: str) -> str:
        return str(self.root / place)
