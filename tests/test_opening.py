"""Packages and voucher files are taken apart by a process that can do nothing else."""

from __future__ import annotations

import datetime as dt
import io
import os
import signal
import subprocess
import tempfile
import zipfile
from io import BytesIO
from pathlib import Path

import psutil
import pytest

from archive.voucher_import import read_file
from archive.voucher_sheets import VoucherFileTooLarge, VoucherFileUnreadable
from extractors.errors import ArchiveBomb, DamagedFile, DocumentError, EncryptedFile, YanpiaoError
from tests.hostile.packages import PACKAGES
from tests.test_unpacking import _encrypted, packed
from tests.test_vouchers import _xlsx
from tests.vouchering import csv_file, of_voucher
from worker import opening
from worker.opening import gathered, unpacked
from worker.settings import Settings
from worker.unpacking import Limits, Unpacked, is_bundle, unpack

#: Of the corpus, one of each sort of attack; tests/test_hostile.py unpacks them all.
HOSTILE_BUNDLES = (
    "zip entries", "zip flat bomb", "zip link up", "zip locked", "zip many bombs",
    "zip name climbing", "zip name long", "zip nested bomb", "zip overlapping", "zip quine",
)  # fmt: skip
LIMITS = Limits(files=200, file_size=1 << 20, total=20 << 20)


def _names(settings: Settings, content: bytes) -> list[str]:
    return [entry.name for entry in unpacked(settings, BytesIO(content), LIMITS)]


def _children() -> list[psutil.Process]:
    found = psutil.Process().children()
    return [each for each in found if "worker.opening_child" in " ".join(each.cmdline())]


def test_files_come_out_as_they_would_here(settings: Settings, tmp_path: Path) -> None:
    content = packed({"a.xml": b"1", "差旅/b.pdf": b"2" * 100, "c.xml": os.urandom(1 << 21)})
    here = list(unpack(BytesIO(content), LIMITS))
    path = tmp_path / "a.zip"
    path.write_bytes(content)
    with path.open("rb") as on_disk, tempfile.SpooledTemporaryFile() as spooled:
        spooled.write(content)
        for stream in (BytesIO(content), on_disk, spooled):
            stream.seek(3)
            assert list(unpacked(settings, stream, LIMITS)) == here  # type: ignore[arg-type]
            assert stream.tell() == 3
    assert not _children()


def test_what_is_refused_here_is_refused_there(settings: Settings) -> None:
    bomb = packed({"a.xml": b"\0" * (8 << 20)})
    for content, error in (
        (bomb, ArchiveBomb),
        (_encrypted(), EncryptedFile),
        (b"PK\x03\x04 rubbish", DamagedFile),
        (packed({f"{n}.xml": b"" for n in range(201)}), ArchiveBomb),
    ):
        with pytest.raises(error):
            _names(settings, content)
    assert not _children()


def test_whoever_stops_listening_leaves_no_process(settings: Settings) -> None:
    entries = unpacked(settings, BytesIO(packed({f"{n}.xml": b"1" for n in range(9)})), LIMITS)
    assert next(entries).name == "0.xml"
    assert len(_children()) == 1
    entries.close()
    assert not _children()


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSEGV])
def test_a_process_that_dies_is_a_damaged_file(settings: Settings, number: int) -> None:
    # More than a socket holds, so that it cannot have ended already.
    large = os.urandom(1 << 20)
    entries = unpacked(settings, BytesIO(packed({"a": large, "b": large, "c": large})), LIMITS)
    next(entries)
    (child,) = _children()
    child.send_signal(number)
    with pytest.raises(DamagedFile):
        list(entries)


def test_a_process_that_hangs_is_ended(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    stuck = ["/bin/sleep", "60"]
    popen = subprocess.Popen
    monkeypatch.setattr(subprocess, "Popen", lambda _command, **given: popen(stuck, **given))
    hasty = settings.model_copy(update={"reader_seconds": 0.2})
    with pytest.raises(DamagedFile, match="no answer"):
        _names(hasty, packed({"a.xml": b"1"}))
    with pytest.raises(VoucherFileUnreadable, match="no answer"):
        gathered(hasty, b"a,b")


def test_it_is_confined_and_has_no_secrets(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The process says which layers it could not give up; its environment is looked into."""
    monkeypatch.setenv("STORAGE_KEY", "AGE-SECRET-KEY-1")
    monkeypatch.setenv("YANPIAO_SECRET_KEY", "secret")
    large = os.urandom(1 << 20)
    entries = unpacked(settings, BytesIO(packed({"a": large, "b": large})), LIMITS)
    next(entries)
    (child,) = _children()
    assert not {"STORAGE_KEY", "YANPIAO_SECRET_KEY"} & set(child.environ())
    status = Path(f"/proc/{child.pid}/status").read_text()
    assert "Seccomp:\t2" in status
    assert child.rlimit(psutil.RLIMIT_AS)[0] == opening._MEMORY
    assert child.rlimit(psutil.RLIMIT_NOFILE)[0] <= 256
    its, ours = Path(f"/proc/{child.pid}/ns/net"), Path("/proc/self/ns/net")
    assert its.readlink() != ours.readlink()
    entries.close()


@pytest.mark.slow
@pytest.mark.parametrize("name", HOSTILE_BUNDLES)
def test_every_hostile_bundle_ends_alike_there(name: str, settings: Settings) -> None:
    content = PACKAGES[name]()
    limits = Limits(files=200, file_size=50 << 20, total=100 << 20)

    def ending(entries: list[Unpacked] | type[YanpiaoError]) -> object:
        return entries if isinstance(entries, type) else [(e.name, len(e.content)) for e in entries]

    if not is_bundle(BytesIO(content)):
        return
    try:
        here: list[Unpacked] | type[YanpiaoError] = list(unpack(BytesIO(content), limits))
    except DocumentError as error:
        here = type(error)
    try:
        there: list[Unpacked] | type[YanpiaoError] = list(
            unpacked(settings, BytesIO(content), limits)
        )
    except DocumentError as error:
        there = type(error)
    assert ending(there) == ending(here)


# -- voucher files -------------------------------------------------------------------------


def test_vouchers_come_over_whole(settings: Settings) -> None:
    cells: list[list[object]] = [
        [2026, 11, "记", 12, None, dt.date(2026, 11, 5), 1, "王", "纸", 5001, "费用", 113.1, None],
        [2026, 11, "记", 12, None, dt.date(2026, 11, 5), 1, "王", "纸", 1002, "银行", None, 113.1],
    ]
    for content in (csv_file(of_voucher()), csv_file(of_voucher(), "gb18030"), _xlsx(cells)):
        origin, found = gathered(settings, content)
        origin_here, here = read_file(content)
        assert (origin, found.vouchers, found.faults) == (origin_here, here.vouchers, here.faults)
        assert found.vouchers


def _xlsx_parts(**parts: str | bytes) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as package:
        for name, content in parts.items():
            package.writestr(name.replace("__", "/").replace("_xml", ".xml"), content)
    return stream.getvalue()


_DEEP = "<a>" * 200_000


HOSTILE_SHEETS = {
    "bomb": (_xlsx_parts(xl__worksheets__sheet1_xml=b"\0" * (201 << 20)), VoucherFileTooLarge),
    "entities": (
        _xlsx_parts(xl__workbook_xml='<!DOCTYPE x [<!ENTITY a "b">]><x>&a;</x>'),
        VoucherFileUnreadable,
    ),
    "utf16 entities": (
        _xlsx_parts(xl__workbook_xml='<!DOCTYPE x [<!ENTITY a "b">]><x/>'.encode("utf-16")),
        VoucherFileUnreadable,
    ),
    "many parts": (_xlsx_parts(**{f"p{n}": b"" for n in range(501)}), VoucherFileTooLarge),
    "no parts": (_xlsx_parts(nothing="x"), VoucherFileUnreadable),
    "rubbish": (b"PK\x03\x04 rubbish", VoucherFileUnreadable),
    "deep": (
        _xlsx_parts(**{"[Content_Types]_xml": _DEEP, "xl__workbook_xml": _DEEP}),
        VoucherFileUnreadable,
    ),
    "not text": (b"a\x00b,c", VoucherFileUnreadable),
    "a quote that never ends": (b'a,"' + b"x" * 1_000_000, VoucherFileUnreadable),
    "too many columns": (b"," * 200 + b"x\n", VoucherFileTooLarge),
    "too large": (b"x" * (21 << 20), VoucherFileTooLarge),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(HOSTILE_SHEETS))
def test_each_hostile_voucher_file_ends_as_promised(name: str, settings: Settings) -> None:
    content, error = HOSTILE_SHEETS[name]
    with pytest.raises(error):
        gathered(settings, content)
    assert not _children()
