"""Tables for spreadsheets, in which no cell is ever computed.

A cell that begins with `=`, `+`, `-`, `@` or a control character runs as a formula in Excel and its
kin (CWE-1236): such text gets an apostrophe in front, numbers stay numbers.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Sequence
from itertools import chain, islice
from typing import IO, TextIO

import openpyxl
from openpyxl.cell import Cell, WriteOnlyCell
from openpyxl.styles import Font
from openpyxl.utils import get_column_letter
from openpyxl.worksheet._write_only import WriteOnlyWorksheet

_RUNS = re.compile(r"^[\s]*[=+\-@＝＋－＠]|^[\t\r\n]")
_NUMBER = re.compile(r"-?\d+(\.\d+)?")
_UNPRINTABLE = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f]")
_WIDEST = 40
#: Rows that a sheet's columns are measured by.
_MEASURED = 500


def harmless(value: object) -> str:
    """The value as text that no spreadsheet computes; "" for None."""
    text = _UNPRINTABLE.sub("", "" if value is None else str(value))
    if _RUNS.match(text) and not _NUMBER.fullmatch(text):
        return f"'{text}"
    return text


def write_csv(stream: TextIO, head: Sequence[str], rows: Iterable[Sequence[object]]) -> int:
    """Rows as CSV, told to be UTF-8 so that Excel shows Chinese; how many there were."""
    stream.write("\ufeff")
    writer = csv.writer(stream, lineterminator="\r\n")
    writer.writerow([harmless(cell) for cell in head])
    count = 0
    for row in rows:
        writer.writerow([harmless(cell) for cell in row])
        count += 1
    return count


def csv_line(cells: Sequence[object]) -> str:
    """One such row, for whoever sends rows as they come."""
    stream = io.StringIO(newline="")
    csv.writer(stream, lineterminator="\r\n").writerow([harmless(cell) for cell in cells])
    return stream.getvalue()


def csv_bytes(head: Sequence[str], rows: Iterable[Sequence[object]]) -> bytes:
    """The same at once."""
    stream = io.StringIO(newline="")
    write_csv(stream, head, rows)
    return stream.getvalue().encode()


def xlsx_bytes(title: str, head: Sequence[str], rows: Iterable[Sequence[object]]) -> bytes:
    """`write_xlsx` at once."""
    stream = io.BytesIO()
    write_xlsx(stream, title, head, rows)
    return stream.getvalue()


def write_xlsx(
    stream: IO[bytes], title: str, head: Sequence[str], rows: Iterable[Sequence[object]]
) -> None:
    """One sheet of text cells: long numbers keep their digits, nothing is a formula. Rows are
    written as they come and not kept; columns are as wide as the first of them need."""
    book = openpyxl.Workbook(write_only=True)
    sheet = book.create_sheet(title[:31])
    coming = iter(rows)
    first = list(islice(coming, _MEASURED))
    for index, name in enumerate(head):
        widest = max([len(name) * 2, *(len(harmless(row[index])) for row in first)])
        letter = get_column_letter(index + 1)
        sheet.column_dimensions[letter].width = min(widest + 2, _WIDEST)
    sheet.freeze_panes = "A2"
    sheet.append([_text(sheet, name, bold=True) for name in head])
    for row in chain(first, coming):
        sheet.append([_text(sheet, cell) for cell in row])
    book.save(stream)


def _text(sheet: WriteOnlyWorksheet, value: object, *, bold: bool = False) -> Cell:
    cell = WriteOnlyCell(sheet, harmless(value))
    cell.data_type = "s"
    if bold:
        cell.font = Font(bold=True)
    return cell
