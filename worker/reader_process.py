"""A reading process kept warm: recognition loads once and serves many documents.

Untrusted files are taken apart only in there, by a process that can open neither other files nor
connections (`worker.confinement`): each is handed to it as an open file. It dies alone: a native
crash, a hang over the time limit or memory over its limit costs the document at hand, never the
worker, and the next document gets a new process. After a set number of documents it is replaced,
because native libraries leak.
"""

from __future__ import annotations

import base64
import contextlib
import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping
from multiprocessing import reduction
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, Self

import psutil
import structlog

from extractors import errors
from extractors.errors import DocumentError, ReaderCrashed, YanpiaoError
from extractors.model import Box, Finding, Invoice
from extractors.picturing import PagePicture
from extractors.words import Look
from verifiers.signatures import unreadable
from worker.log import logger
from worker.settings import Settings

log = logger("reader")

_START_SECONDS = 120
_STOP_SECONDS = 5
#: How the names of passed-on environment variables begin: of programs, libraries and language.
_PASSED_ON = ("PATH", "PYTHON", "LD_", "LANG", "LC_", "TZ", "HOME", "XDG_", "FONTCONFIG")
#: A signature takes a fifth of a second, a hostile file for ever.
_SIGNATURE_SECONDS = 30
_THUMBNAIL_SECONDS = 10


def _error_classes(root: type[YanpiaoError]) -> Iterator[type[YanpiaoError]]:
    yield root
    for child in root.__subclasses__():
        yield from _error_classes(child)


def error_from(code: str, params: dict[str, str]) -> YanpiaoError:
    """The error of this code as it was raised in the reading process."""
    for kind in _error_classes(errors.YanpiaoError):
        if kind.code == code:
            return kind(**params)
    return YanpiaoError(detail=code)


class ReaderProcess:
    """Reads documents in a child process. Not for several threads at once."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._process: subprocess.Popen[bytes] | None = None
        self._channel: Connection[Any, Any] | None = None
        self._served = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def pid(self) -> int | None:
        """Process id of the reading process, while there is one."""
        return self._process.pid if self._process else None

    def memory(self) -> tuple[int, int] | None:
        """Bytes that the reading process holds now, and held at most; None while there is none."""
        return _memory_of(self.pid) if self.pid is not None else None

    def read(self, path: Path) -> tuple[Invoice, ...]:
        """The invoices in one file, at least one.

        Raises the reader's own `YanpiaoError`s, and `ReaderCrashed` when the process died or
        gave no answer within `reader_seconds`.
        """
        found = self._asked(path, {})["invoices"]
        return tuple(Invoice.model_validate(each) for each in found)

    def look_again(
        self, path: Path, page: int, region: Box | None, places: Mapping[str, Box]
    ) -> dict[str, tuple[Look, ...]]:
        """Several closer looks at places of one page (see `Reader.look_again`). Raises as `read`
        does."""
        look = {
            "page": page,
            "region": region.model_dump() if region else None,
            "places": {name: box.model_dump() for name, box in places.items()},
        }
        found = self._asked(path, {"look": look})["looks"]
        return {
            name: tuple(Look.model_validate(each) for each in looks)
            for name, looks in found.items()
        }

    def signatures(self, path: Path) -> tuple[Finding, ...]:
        """What the signatures of one file prove (`verifiers.signatures`). A file that the check
        dies of, or does not get through in time, says so in a finding.

        Raises `BadRoots` where the trusted certificates cannot be read.
        """
        try:
            found = self._asked(path, {"signatures": True}, _SIGNATURE_SECONDS)["signatures"]
        except ReaderCrashed as error:
            return (unreadable(path.suffix.lstrip(".") or "file", error.params.get("detail", "")),)
        return tuple(Finding.model_validate(each) for each in found)

    def pictures(self, path: Path, invoice: Invoice | None) -> tuple[PagePicture, ...]:
        """The pages of one file, drawn anew (see `Reader.pictures`). Raises as `read` does."""
        data = invoice.model_dump(mode="json") if invoice else None
        found = self._asked(path, {"pictures": data})["pictures"]
        return tuple(PagePicture.model_validate(each) for each in found)

    def thumbnail(self, path: Path, page: int) -> bytes | None:
        """A small JPEG of a page (`archive.drawing.pages`); None where there is none, or where
        drawing it fails: nothing depends on it."""
        try:
            small = self._asked(path, {"thumbnail": page}, _THUMBNAIL_SECONDS)["thumbnail"]
        except (YanpiaoError, OSError):
            return None
        return base64.b64decode(small) if small is not None else None

    def _asked(
        self, path: Path, request: dict[str, Any], most: float | None = None
    ) -> dict[str, Any]:
        """The reading process's answer to one request about a file; its error, raised."""
        channel = self._ready()
        try:
            self._hand_over(channel, path, request)
        except OSError as error:
            raise ReaderCrashed(detail=self._cause_of_death()) from error
        seconds = min(self._settings.reader_seconds, most or self._settings.reader_seconds)
        answer: dict[str, Any] = json.loads(self._receive(channel, seconds))
        self._served += not {"signatures", "thumbnail"} & set(
            request
        )  # of a document that counts already
        if "error" not in answer:
            return answer
        fault = error_from(answer["error"]["code"], answer["error"]["params"])
        if isinstance(fault, ReaderCrashed):
            self.close()  # it spoke up, but after such a fault its memory is not to be trusted
        raise fault

    def _hand_over(
        self, channel: Connection[Any, Any], path: Path, request: dict[str, Any]
    ) -> None:
        """The request, then the open file. Raises `DocumentError` where it cannot be opened."""
        try:
            file = path.open("rb")
        except OSError as error:
            raise DocumentError(detail=error.strerror or type(error).__name__) from error
        ids = structlog.contextvars.get_contextvars()  # for the lines that it logs
        with file:
            channel.send_bytes(json.dumps({**request, "ids": ids}, default=str).encode())
            reduction.send_handle(channel, file.fileno(), self.pid)

    def _receive(self, channel: Connection[Any, Any], seconds: float) -> bytes:
        try:
            if channel.poll(seconds):
                return channel.recv_bytes()
        except (EOFError, OSError) as error:
            raise ReaderCrashed(detail=self._cause_of_death()) from error
        self._kill()
        raise ReaderCrashed(detail=f"no answer in {seconds:g} s")

    def warm_up(self) -> None:
        """Start the process and load recognition now rather than at the first document.

        Raises `ReaderCrashed` when it cannot start.
        """
        self._ready()

    def _ready(self) -> Connection[Any, Any]:
        if self._served >= self._settings.reader_documents:
            log.info("reader_recycled", documents=self._served)
            self.close()
        if self._channel is None or self._process is None or self._process.poll() is not None:
            self.close()
            return self._start()
        return self._channel

    def _start(self) -> Connection[Any, Any]:
        ours, theirs = socket.socketpair()
        handle = theirs.fileno()
        self._process = subprocess.Popen(
            [sys.executable, "-m", "worker.reader_child", str(handle), str(os.getpid())],
            pass_fds=[handle],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            env=child_environment(self._settings),
        )
        theirs.close()
        self._channel = Connection(ours.detach())
        self._served = 0
        missing = json.loads(self._receive(self._channel, _START_SECONDS))["missing"]
        log.info("reader_started", pid=self._process.pid)
        if missing:
            log.warning("reader_less_confined", missing=missing, remedy="yanpiao doctor")
        return self._channel

    def _cause_of_death(self) -> str:
        if self._process is None:
            return "it never started"
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(timeout=_STOP_SECONDS)
        status = self._process.poll()
        self._kill()
        if status is not None and status < 0:
            return f"ended by signal {-status}"
        return f"ended with status {status}"

    def _kill(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()
        if self._channel is not None:
            self._channel.close()
        self._process, self._channel = None, None

    def close(self) -> None:
        """Let the process end; it notices that nobody talks to it any more."""
        if self._channel is not None:
            self._channel.close()
            self._channel = None
        if self._process is not None:
            try:
                self._process.wait(timeout=_STOP_SECONDS)
            except subprocess.TimeoutExpired:
                self._kill()
        self._process = None


def _memory_of(pid: int) -> tuple[int, int] | None:
    """Resident bytes of a process, and the most there were; None when it has ended."""
    try:
        resident = psutil.Process(pid).memory_info().rss
        status = Path(f"/proc/{pid}/status").read_text()
    except (psutil.Error, OSError):
        return None
    highest = [int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM:")]
    return resident, max([resident, *(kib * 1024 for kib in highest)])


def child_environment(settings: Settings) -> dict[str, str]:
    """What the child needs, and none of the secrets that this process was started with. Its
    settings are made explicit: a test's are not in os.environ."""
    values = {name: value for name, value in os.environ.items() if name.startswith(_PASSED_ON)} | {
        "YANPIAO_LOG_LEVEL": settings.log_level,
        "YANPIAO_LOG_FORMAT": settings.log_format,
        "YANPIAO_READER_SECONDS": str(settings.reader_seconds),
        "YANPIAO_OCR_THREADS": str(settings.ocr_threads),
        "YANPIAO_READER_MEMORY": str(settings.reader_memory),
        "YANPIAO_MAX_FILE_SIZE": str(settings.max_file_size),
        "OMP_NUM_THREADS": str(settings.ocr_threads),
    }
    if settings.models is not None:
        values["YANPIAO_MODELS"] = str(settings.models.expanduser().resolve())
    if settings.signature_roots is not None:
        values["YANPIAO_SIGNATURE_ROOTS"] = str(settings.signature_roots.expanduser().resolve())
    if (policy := settings.policy_file) is not None:
        values["YANPIAO_POLICY"] = str(policy.expanduser().resolve())
    return values
