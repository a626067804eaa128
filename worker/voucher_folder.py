"""The folder that the accounting system lays voucher files in: each is taken in once it lies
still, and moved aside with a report of what became of it."""

from __future__ import annotations

import json
import secrets
from pathlib import Path

from archive.records import now
from extractors.errors import YanpiaoError
from worker.log import logger
from worker.opening import take_vouchers
from worker.services import Services
from worker.voucher_reports import report_json

log = logger("voucher_folder")

ACCEPTED, REFUSED = ".accepted", ".refused"
_SUFFIXES = frozenset({".csv", ".xlsx", ".txt"})


class VoucherFolder:
    """Looks at the folder once a `scan`. A file with any bad row goes to `.refused/`, although
    its good vouchers were taken: somebody must look, and handing it in again does no harm."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self.folder = services.settings.voucher_inbox
        self.folder.mkdir(parents=True, exist_ok=True)
        self._seen: dict[Path, tuple[int, int]] = {}

    def scan(self) -> int:
        """Take in every file that lay still since the last scan; returns how many."""
        complete = self._complete()
        for path in complete:
            try:
                self._take(path)
            except OSError as error:
                log.warning("voucher_file_left", error=type(error).__name__)
        return len(complete)

    def _complete(self) -> list[Path]:
        looks: dict[Path, tuple[int, int]] = {}
        for path in sorted(self.folder.iterdir()):
            hidden = path.name.startswith((".", "~$"))
            if hidden or path.is_symlink() or not path.is_file():
                continue
            if path.suffix.lower() in _SUFFIXES:
                status = path.stat()
                looks[path] = (status.st_size, status.st_mtime_ns)
        complete = [path for path, look in looks.items() if self._seen.get(path) == look]
        self._seen = looks
        return complete

    def _take(self, path: Path) -> None:
        language = self._services.settings.language
        try:
            report = take_vouchers(self._services, path.read_bytes(), "folder")
        except YanpiaoError as error:
            said = {
                "code": error.code,
                "message": error.message(language),
                "hint": error.hint(language),
            }
            self._aside(path, REFUSED, {"error": said})
            return
        where = REFUSED if report.faults else ACCEPTED
        self._aside(path, where, report_json(report, language))
        log.info("vouchers_taken", created=len(report.created), faults=len(report.faults))

    def _aside(self, path: Path, where: str, report: dict[str, object]) -> None:
        aside = self.folder / where / f"{now():%Y-%m-%d}"
        aside.mkdir(parents=True, exist_ok=True)
        target = aside / path.name
        if target.exists():
            target = aside / f"{path.stem}-{secrets.token_hex(3)}{path.suffix}"
        path.rename(target)
        text = json.dumps(report, ensure_ascii=False, indent=2) + "\n"
        target.with_name(f"{target.name}.report.json").write_text(text, encoding="utf-8")
        self._seen.pop(path, None)
