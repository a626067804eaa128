"""A small disk of one's own that can be filled to its last byte.

Where this process may mount, it is a tmpfs of a fixed size: writes beyond it fail with ENOSPC, for
every process, as on any full disk. Elsewhere `fill` takes from given processes the right to write
files at all (RLIMIT_FSIZE), and their writes fail with EFBIG.
"""

from __future__ import annotations

import contextlib
import resource
import subprocess
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil

_CHUNK = bytes(1 << 20)


@dataclass(frozen=True)
class Disk:
    """`root` is where everything lies; `mounted`: whether it really has an end."""

    root: Path
    mounted: bool

    @property
    def said(self) -> str:
        return "tmpfs filled to ENOSPC" if self.mounted else "RLIMIT_FSIZE 0 (no right to mount)"

    @contextmanager
    def full(self, processes: Iterable[psutil.Process]) -> Iterator[None]:
        """Without a free byte, for the length of a `with`."""
        if self.mounted:
            filler = self.root / "filler"
            try:
                _pour(filler)
                yield
            finally:
                filler.unlink(missing_ok=True)
            return
        limited = [process for process in processes if _limit(process, 0)]
        try:
            yield
        finally:
            for process in limited:
                _limit(process, resource.RLIM_INFINITY)


def _pour(filler: Path) -> None:
    with contextlib.suppress(OSError), filler.open("wb", buffering=0) as stream:
        while stream.write(_CHUNK):
            pass
    with contextlib.suppress(OSError), filler.open("ab", buffering=0) as stream:
        while stream.write(b"0"):
            pass


def _limit(process: psutil.Process, most: int) -> bool:
    with contextlib.suppress(psutil.Error, OSError):
        process.rlimit(psutil.RLIMIT_FSIZE, (most, resource.RLIM_INFINITY))
        return True
    return False


@contextmanager
def small_disk(mebibytes: int) -> Iterator[Disk]:
    """An empty disk of that size, gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="yp-") as folder:
        root = Path(folder)
        mount = ["mount", "-t", "tmpfs", "-o", f"size={mebibytes}m,mode=755", "endurance", folder]
        mounted = subprocess.run(mount, capture_output=True, check=False).returncode == 0
        try:
            yield Disk(root, mounted)
        finally:
            if mounted:
                subprocess.run(["umount", "-l", folder], check=False)
