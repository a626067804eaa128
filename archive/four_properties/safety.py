"""安全性: that nothing in the bag runs, hides or lies open to change."""

from __future__ import annotations

import shutil
import stat
import subprocess

from archive.four_properties.model import Judge, Property, Result
from archive.four_properties.under_test import UnderTest

_judge = Judge(Property.SAFETY)
#: How programs begin: Windows, Linux, macOS, Java, scripts.
_PROGRAMS = (
    *(b"MZ", b"\x7fELF", b"\xca\xfe\xba\xbe", b"\xcf\xfa\xed\xfe", b"\xfe\xed\xfa\xce", b"#!"),
)
_OFFICE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_HEAD = 8
_SCAN_SECONDS = 120
_SCANNER = "clamdscan"
_OPEN_TO_OTHERS = stat.S_IWGRP | stat.S_IWOTH


def no_programs(under: UnderTest) -> Result:
    """No file is a program or a macro document, whatever it is called."""
    faults = [path for path in under.payload() if _is_program(under, path)]
    return _judge.faults("no_programs", faults, "evidence_programs", files=len(under.payload()))


def _is_program(under: UnderTest, path: str) -> bool:
    try:
        with (under.folder / path).open("rb") as stream:
            head = stream.read(_HEAD)
    except OSError:
        return False  # another item says that it is missing
    return head.startswith((*_PROGRAMS, _OFFICE))


def no_active_content(under: UnderTest) -> Result:
    """No PDF carries scripts, launches or media (活动内容)."""
    pdfs = [path for path in under.payload() if path.endswith(".pdf")]
    faults = [f"{path}: {names}" for path in pdfs if (names := under.running(path))]
    return _judge.faults("no_active_content", faults, "evidence_active", files=len(pdfs))


def malware(under: UnderTest) -> Result:
    """A scanner that runs on this machine (clamd) finds nothing (病毒检测)."""
    scanner = shutil.which(_SCANNER)
    if scanner is None:
        return _judge.not_applicable("malware", "evidence_no_scanner")
    try:
        run = subprocess.run(
            [scanner, "--fdpass", "--no-summary", "--infected", str(under.folder)],
            capture_output=True, text=True, timeout=_SCAN_SECONDS, check=False,
        )  # fmt: skip
    except (OSError, subprocess.TimeoutExpired):
        return _judge.not_applicable("malware", "evidence_scanner_silent")
    if run.returncode not in (0, 1):
        return _judge.not_applicable("malware", "evidence_scanner_silent")
    faults = [line for line in run.stdout.splitlines() if line.strip()]
    if run.returncode == 1 and not faults:
        faults = [str(under.folder)]
    return _judge.faults("malware", faults if run.returncode else [], "evidence_scanner")


def tamper_protection(under: UnderTest) -> Result:
    """No file may be written by others than its owner (防篡改)."""
    faults = [
        path
        for path, status in under.entries.items()
        if status.st_mode & _OPEN_TO_OTHERS and not stat.S_ISLNK(status.st_mode)
    ]
    return _judge.faults("tamper_protection", faults, "evidence_modes")


def plain_names(under: UnderTest) -> Result:
    """No links, no hidden files, no names that show otherwise than they are."""
    faults = [
        ascii(path)
        for path, status in under.entries.items()
        if stat.S_ISLNK(status.st_mode)
        or path.rpartition("/")[2].startswith(".")
        or not path.isprintable()
    ]
    return _judge.faults("plain_names", faults, "evidence_names")


ITEMS = (no_programs, no_active_content, malware, tamper_protection, plain_names)
