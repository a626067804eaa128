"""Untrusted packages and tables taken apart by a process that can do nothing else.

A ZIP of invoices and a voucher file of the accounting system are opened by `worker.opening_child`,
confined as the reading process is (`worker.confinement`): no network, no other file, bounded memory
and time. It is started for the one file, given it as an open file, and sends back what is in it.
"""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Generator, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict
from io import BytesIO
from multiprocessing.connection import Connection
from pathlib import Path
from typing import IO, Any, BinaryIO

from archive.voucher_import import ImportReport, take_gathered
from archive.voucher_rows import Gathered, RowFault, VoucherData
from archive.voucher_sheets import VoucherFileUnreadable
from extractors.errors import DamagedFile, DocumentError, YanpiaoError
from worker.log import logger
from worker.reader_process import child_environment, error_from
from worker.services import Services
from worker.settings import Settings
from worker.unpacking import Limits, Unpacked

log = logger("opening")

_STOP_SECONDS = 5
#: Bytes of address space: a part of a spreadsheet may unfold to 200 MiB.
_MEMORY = 2 * 1024**3


class OpeningFailed(YanpiaoError):
    """The process that took a file apart died, or needed too long; `detail` says which."""

    code = "opening_failed"


def unpacked(settings: Settings, stream: BinaryIO, limits: Limits) -> Generator[Unpacked]:
    """The files in a ZIP (`worker.unpacking.unpack`). The stream may be anywhere, and is left
    there. Raises what that raises; `DamagedFile` where the process died of it."""
    try:
        with _taken_apart(settings, stream, "unpack", asdict(limits)) as answers:
            for said in answers:
                error = error_from(**said["error"]) if said["error"] else None
                content = next(answers)["content"] if error is None else b""
                if error is not None and not isinstance(error, DocumentError):
                    error = DamagedFile(detail=error.code)
                yield Unpacked(said["name"], content, error)
    except OpeningFailed as error:
        raise DamagedFile(detail=error.params["detail"]) from error


def gathered(settings: Settings, content: bytes) -> tuple[str, Gathered]:
    """The vouchers and faults in a file of the accounting system, and whether it is `csv` or
    `xlsx`. Raises `VoucherFileUnreadable`, `VoucherFileTooLarge`, `VoucherColumnsMissing`."""
    try:
        with _taken_apart(settings, BytesIO(content), "vouchers", {}) as answers:
            said = next(answers)
    except OpeningFailed as error:
        raise VoucherFileUnreadable(detail=error.params["detail"]) from error
    vouchers = [VoucherData.model_validate(each) for each in said["vouchers"]]
    return said["origin"], Gathered(vouchers, [RowFault(**each) for each in said["faults"]])


def take_vouchers(services: Services, content: bytes, actor: str) -> ImportReport:
    """Take in the vouchers of a file (`archive.voucher_import`), read by a process of its own.
    Raises as `gathered`; then nothing was taken."""
    origin, found = gathered(services.settings, content)
    return take_gathered(services.database, origin, found, actor)


@contextmanager
def _taken_apart(
    settings: Settings, stream: BinaryIO, what: str, request: Mapping[str, Any]
) -> Iterator[Iterator[dict[str, Any]]]:
    """The process's answers, one after another; it is gone at the end, however that comes."""
    ours, theirs = socket.socketpair()
    with _as_open_file(stream) as file:
        passed = [theirs.fileno(), file.fileno()]
        command = [sys.executable, "-m", "worker.opening_child", what, json.dumps(request)]
        process = subprocess.Popen(
            [*command, *map(str, passed), str(os.getpid()), str(_MEMORY)],
            pass_fds=passed,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            env=child_environment(settings),
        )
        theirs.close()
        channel: Connection[Any, Any] = Connection(ours.detach())
        try:
            yield _answers(channel, process, settings.reader_seconds)
        finally:
            channel.close()
            process.kill()
            process.wait(_STOP_SECONDS)


@contextmanager
def _as_open_file(stream: BinaryIO) -> Iterator[IO[bytes]]:
    """A file of the system's with the stream's bytes, from their beginning; the stream itself is
    left where it was. A copy, where one is needed, has no name anywhere."""
    try:
        stream.flush()
        # Opened anew, so that it has a place of its own to read at.
        again = Path(f"/proc/self/fd/{stream.fileno()}").open("rb")  # noqa: SIM115 - closed below
    except OSError:
        pass
    else:
        with again:
            yield again
        return
    place = stream.tell()
    with tempfile.TemporaryFile() as copy:
        stream.seek(0)
        shutil.copyfileobj(stream, copy)
        stream.seek(place)
        copy.seek(0)
        yield copy


def _answers(
    channel: Connection[Any, Any], process: subprocess.Popen[bytes], seconds: float
) -> Iterator[dict[str, Any]]:
    """Each answer as it comes; bytes as `content`. Raises the process's error, and
    `OpeningFailed`."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            if not channel.poll(max(0.0, deadline - time.monotonic())):
                raise OpeningFailed(detail=f"no answer in {seconds:g} s")
            raw = channel.recv_bytes()
        except (EOFError, OSError) as error:
            process.kill()
            status = process.wait(_STOP_SECONDS)
            log.warning("opening_process_died", status=status)
            raise OpeningFailed(detail=f"ended with status {status}") from error
        kind, body = raw[:1], raw[1:]
        if kind == b"c":
            yield {"content": body}
            continue
        said: dict[str, Any] = json.loads(body)
        if said.get("end"):
            return
        if "code" in said:
            raise error_from(**said)
        if said.get("missing"):
            log.warning("opening_less_confined", missing=said["missing"], remedy="yanpiao doctor")
            continue
        yield said
