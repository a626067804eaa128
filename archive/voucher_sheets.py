"""A voucher file from the accounting system, opened as rows of cells: CSV or XLSX.

Files come from strangers' programs: sizes are bounded before anything is unpacked, formulas are
never evaluated, and XML with a document type is refused.
"""

from __future__ import annotations

import csv
import datetime as dt
import io
import warnings
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypeAlias

import openpyxl
from openpyxl.cell.read_only import EmptyCell, ReadOnlyCell
from openpyxl.utils.exceptions import InvalidFileException

from extractors.errors import YanpiaoError

_MOST_BYTES = 20 * 1024**2
_MOST_UNPACKED = 200 * 1024**2
_MOST_ENTRIES = 500
_MOST_ROWS = 200_000
_MOST_COLUMNS = 100
_MOST_LETTERS = 2000
_ENCODINGS = ("utf-8-sig", "gb18030")
_CHUNK = 1 << 20


@dataclass(frozen=True, slots=True)
class Formula:
    """A cell that would be computed; what it shows is not what it says."""


@dataclass(frozen=True, slots=True)
class Oversized:
    """A cell with more text than any field of a voucher has."""


#: What a cell holds. Numbers of XLSX come as `float`, to be taken with care; dates as `date`.
Cell: TypeAlias = str | int | float | dt.date | Formula | Oversized | None


class VoucherFileUnreadable(YanpiaoError):
    """Neither CSV nor XLSX, or damaged, or locked with a password."""

    code = "voucher_file_unreadable"


class VoucherFileTooLarge(YanpiaoError):
    """More bytes, rows or columns than a voucher file may have."""

    code = "voucher_file_too_large"


def open_rows(content: bytes) -> tuple[str, Iterator[tuple[int, list[Cell]]]]:
    """The kind of file (`csv` or `xlsx`) and its rows, each with its number as a spreadsheet
    shows it (from 1); empty rows are left out.

    Raises `VoucherFileUnreadable` and `VoucherFileTooLarge`, the latter also while rows are read.
    """
    if len(content) > _MOST_BYTES:
        raise VoucherFileTooLarge(what="bytes", limit=_MOST_BYTES)
    if content.startswith(b"PK\x03\x04"):
        _look_through(content)
        return "xlsx", _bounded(_xlsx(content))
    return "csv", _bounded(_csv(content))


def _bounded(rows: Iterator[tuple[int, list[Cell]]]) -> Iterator[tuple[int, list[Cell]]]:
    taken = 0
    for number, cells in rows:
        while cells and cells[-1] in (None, ""):
            cells.pop()
        if not cells:
            continue
        taken += 1
        if taken > _MOST_ROWS:
            raise VoucherFileTooLarge(what="rows", limit=_MOST_ROWS)
        if len(cells) > _MOST_COLUMNS:
            raise VoucherFileTooLarge(what="columns", limit=_MOST_COLUMNS)
        yield number, cells


# -- CSV ---------------------------------------------------------------------------------------


def _csv(content: bytes) -> Iterator[tuple[int, list[Cell]]]:
    text = _decoded(content)
    first = text.partition("\n")[0]
    delimiter = max(",\t;", key=first.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    begins = 1
    try:
        for cells in reader:
            yield begins, [_short(cell.strip()) for cell in cells]
            begins = reader.line_num + 1
    except csv.Error as error:
        raise VoucherFileUnreadable(detail=f"CSV, line {reader.line_num}") from error


def _decoded(content: bytes) -> str:
    if b"\x00" in content:
        raise VoucherFileUnreadable(detail="not text")
    for encoding in _ENCODINGS:
        try:
            return content.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise VoucherFileUnreadable(detail="neither UTF-8 nor GB18030")


def _short(text: str) -> Cell:
    return text if len(text) <= _MOST_LETTERS else Oversized()


# -- XLSX --------------------------------------------------------------------------------------


def _look_through(content: bytes) -> None:
    """Unpack every part once, counting: the ZIP directory's own sizes prove nothing."""
    total = 0
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as package:
            entries = package.infolist()
            if len(entries) > _MOST_ENTRIES:
                raise VoucherFileTooLarge(what="parts", limit=_MOST_ENTRIES)
            for entry in entries:
                for chunk in _chunks(package, entry):
                    total += len(chunk)
                    if total > _MOST_UNPACKED:
                        raise VoucherFileTooLarge(what="bytes", limit=_MOST_UNPACKED)
    except (zipfile.BadZipFile, RuntimeError, NotImplementedError, EOFError, OSError) as error:
        raise VoucherFileUnreadable(detail="ZIP") from error


def _chunks(package: zipfile.ZipFile, entry: zipfile.ZipInfo) -> Iterator[bytes]:
    before = b""
    with package.open(entry) as stream:
        while chunk := stream.read(_CHUNK):
            # UTF-16 without its NUL bytes shows its ASCII part as plain ASCII.
            plain = (before + chunk).replace(b"\x00", b"").upper()
            if b"<!DOCTYPE" in plain or b"<!ENTITY" in plain:
                raise VoucherFileUnreadable(detail="document type")
            before = chunk[-32:]
            yield chunk


def _xlsx(content: bytes) -> Iterator[tuple[int, list[Cell]]]:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about styles and extensions that are not read
            book = openpyxl.load_workbook(
                io.BytesIO(content), read_only=True, keep_vba=False, keep_links=False
            )
            if not book.worksheets:
                return
            for number, row in enumerate(book.worksheets[0].iter_rows(), start=1):
                yield number, [_cell(cell) for cell in row[: _MOST_COLUMNS + 1]]
    except (InvalidFileException, KeyError, ValueError, TypeError, SyntaxError, OSError) as error:
        raise VoucherFileUnreadable(detail="XLSX") from error


def _cell(cell: ReadOnlyCell | EmptyCell | object) -> Cell:
    kind, value = getattr(cell, "data_type", "n"), getattr(cell, "value", None)
    if kind == "f":
        return Formula()
    if isinstance(value, bool) or value is None:
        return None if value is None else str(value).upper()
    if isinstance(value, dt.datetime):
        return value.date()
    if isinstance(value, (int, float, dt.date)):
        return value
    return _short(str(value).strip())
