"""Tables and archives as downloads: never shown in the page, never computed by a spreadsheet."""

from __future__ import annotations

import tempfile
import zipfile
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import IO
from urllib.parse import quote

from fastapi.responses import StreamingResponse

from archive.tabular import csv_line, write_xlsx

_CHUNK = 256 * 1024
_ROWS_A_PART = 500
_IN_MEMORY = 8 * 1024 * 1024
_XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"

Row = Sequence[object]


def _headers(name: str) -> dict[str, str]:
    return {
        "Content-Disposition": f"attachment; filename*=UTF-8''{quote(name)}",
        "Cache-Control": "no-store",
    }


def csv_download(name: str, head: Sequence[str], rows: Iterable[Row]) -> StreamingResponse:
    """Rows as CSV, sent as they come, some at a time."""

    def parts() -> Iterator[str]:
        coming = iter(rows)
        yield "\ufeff" + csv_line(head)
        while part := "".join(map(csv_line, islice(coming, _ROWS_A_PART))):
            yield part

    return StreamingResponse(parts(), media_type="text/csv; charset=utf-8", headers=_headers(name))


def xlsx_download(
    name: str, title: str, head: Sequence[str], rows: Iterable[Row]
) -> StreamingResponse:
    """Rows as one sheet of text cells, written to a temporary file before it is sent."""
    written = tempfile.SpooledTemporaryFile(max_size=_IN_MEMORY)  # noqa: SIM115 - closed once sent
    write_xlsx(written, title, head, rows)
    return StreamingResponse(_sent(written), media_type=_XLSX, headers=_headers(name))


def zip_download(name: str, folder: Path) -> StreamingResponse:
    """A folder with everything in it, under its own name; packed into a temporary file first, so
    that a fault shows as a fault and not as half an archive."""
    packed = tempfile.SpooledTemporaryFile(max_size=_IN_MEMORY)  # noqa: SIM115 - closed once sent
    top = f"{folder.parent.name}-{folder.name}"
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_STORED) as archive:
        for path in sorted(folder.rglob("*")):
            if path.is_file():
                archive.write(path, f"{top}/{path.relative_to(folder)}")
    return StreamingResponse(_sent(packed), media_type="application/zip", headers=_headers(name))


def _sent(file: IO[bytes]) -> Iterator[bytes]:
    """A temporary file from its beginning; closed, and thereby gone, afterwards."""
    with file:
        file.seek(0)
        while chunk := file.read(_CHUNK):
            yield chunk
