"""The watched folder: what is laid in it is taken in and moved aside, never deleted.

Files found together directly in the inbox are one batch; those in a subfolder belong to the
voucher that the subfolder names. Files are looked at, not listened for: network shares tell
nobody of changes. A file is complete when size and time are the same at two looks.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from pathlib import Path

from archive.bags import BadVoucherNumber, check_voucher_no
from archive.records import now
from extractors.errors import YanpiaoError
from worker.log import logger
from worker.services import Services

log = logger("watch")

_DONE = ".accepted"


@dataclass(frozen=True, slots=True)
class _Look:
    """Enough of a file to see whether somebody still writes it."""

    size: int
    modified_ns: int


class WatchedFolder:
    """Looks at the inbox once a `scan`."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self.folder = services.settings.watched
        self.folder.mkdir(parents=True, exist_ok=True)
        self._seen: dict[Path, _Look] = {}

    def scan(self) -> int:
        """Take in every file that lay still since the last scan; returns how many."""
        complete = self._complete()
        batches: dict[str | None, str] = {}
        for path in complete:
            voucher_no = self._voucher_of(path)
            try:
                if voucher_no not in batches:
                    batches[voucher_no] = self._services.intake.open_batch(
                        "folder", voucher_no=voucher_no
                    )
                self._services.intake.accept_path(batches[voucher_no], path)
                self._move_aside(path)
            except (OSError, YanpiaoError) as error:
                log.warning("inbox_file_left", error=type(error).__name__)
        return len(complete)

    def _complete(self) -> list[Path]:
        looks: dict[Path, _Look] = {}
        for path in sorted(self.folder.rglob("*")):
            relative = path.relative_to(self.folder)
            if path.is_symlink() or not path.is_file():
                continue
            if any(part.startswith(".") for part in relative.parts):
                continue
            status = path.stat()
            looks[path] = _Look(status.st_size, status.st_mtime_ns)
        complete = [path for path, look in looks.items() if self._seen.get(path) == look]
        self._seen = looks
        return complete

    def _voucher_of(self, path: Path) -> str | None:
        parts = path.relative_to(self.folder).parts
        if len(parts) == 1:
            return None
        try:
            return check_voucher_no(parts[0])
        except BadVoucherNumber:
            return None

    def _move_aside(self, path: Path) -> None:
        aside = self.folder / _DONE / f"{now():%Y-%m-%d}"
        aside.mkdir(parents=True, exist_ok=True)
        target = aside / path.name
        if target.exists():
            target = aside / f"{path.stem}-{secrets.token_hex(3)}{path.suffix}"
        path.rename(target)
        self._seen.pop(path, None)
