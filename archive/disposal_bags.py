"""The sealed record of a disposal list: a bag of its own, which stays when the vouchers are gone.

_disposed/LIST/bagit.txt, bag-info.txt, manifests in SHA-256 and SM3
_disposed/LIST/data/disposal.json         who, when, each voucher with its bags and originals
_disposed/LIST/data/disposal-list.csv     the same, one line a voucher
_disposed/LIST/data/disposal-list.pdf     the same to be signed and filed (PDF/A-2b)
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from archive.bag_layout import Payload, json_bytes
from archive.bags import SealedBag, place, write_folder
from archive.drawing.pdfa import as_pdfa, binary_streams
from archive.drawing.sheet import Column, Sheet
from archive.fixity import inspect
from archive.tabular import csv_bytes

#: No voucher's number begins so (`archive.bags.check_voucher_no`).
FOLDER = "_disposed"
_HEAD = (
    "序号",
    "档号",
    "会计年度",
    "应保管年限",
    "保管期满日",
    "原始凭证数",
    "封包版本数",
    "包摘要",
)
_WIDTHS = (0.5, 2.4, 0.8, 0.9, 1.2, 0.9, 0.9, 3.2)


def write(root: Path, record: Mapping[str, Any]) -> SealedBag:
    """Write the record of a list (`archive.disposal.record_of`) and move it into place; whatever an
    interrupted try left is replaced. Raises `ArchiveFontMissing`."""
    sealed_at = dt.datetime.fromisoformat(record["begun"]["at"])
    rows = [_row(order, each) for order, each in enumerate(record["vouchers"], start=1)]
    payload = Payload()
    payload.add("disposal.json", json_bytes(record))
    payload.add("disposal-list.csv", csv_bytes(list(_HEAD), rows))
    payload.add("disposal-list.pdf", _drawn(record, rows, sealed_at))
    info = {
        "Source-Organization": "Yanpiao",
        "Bagging-Date": sealed_at.date().isoformat(),
        "External-Identifier": f"disposal {record['list']}",
    }
    return place(root, f"{FOLDER}/{record['list']}", lambda at: write_folder(at, info, payload))


def _row(order: int, voucher: Mapping[str, Any]) -> list[object]:
    bags = voucher["bags"]
    return [
        *(order, voucher["voucher_no"], voucher["fiscal_year"], voucher["years"]),
        *(voucher["expired_on"], voucher["invoices"], len(bags)),
        bags[-1]["digest"] if bags else "",
    ]


@binary_streams()
def _drawn(record: Mapping[str, Any], rows: list[list[object]], moment: dt.datetime) -> bytes:
    sheet = Sheet(f"会计档案销毁清册 {record['list']}")
    sheet.title("会计档案销毁清册")
    sheet.pairs(
        [
            ("清册编号", record["list"]),
            ("凭证数", str(len(rows))),
            ("提出人", _who(record["proposed"])),
            ("批准人", _who(record["approved"])),
            ("执行人", _who(record["begun"])),
        ]
    )
    columns = [Column(name, share) for name, share in zip(_HEAD, _WIDTHS, strict=True)]
    shown = [[*map(str, row[:-1]), str(row[-1])[:32]] for row in rows]
    sheet.table(columns, shown)
    sheet.heading(
        "单位负责人：          档案机构负责人：          会计机构负责人：          监销人："
    )
    return as_pdfa(sheet.done(), f"会计档案销毁清册 {record['list']}", moment)


def _who(deed: Mapping[str, str]) -> str:
    return f"{deed['name'] or deed['by']}  {deed['at'][:10]}"


def read(source: Path) -> Iterator[tuple[Path, dict[str, Any], str]]:
    """The sound records in a bag store: folder, what it says, digest."""
    for folder in _folders(source):
        inspection = inspect(folder)
        if inspection.sound and inspection.digest is not None:
            yield folder, _said(folder), inspection.digest


def faults(source: Path) -> Iterator[str]:
    """Records that cannot be believed. What they name would come back at a restore."""
    for folder in _folders(source):
        for fault in inspect(folder).faults:
            yield f"bag {FOLDER}/{folder.name}: {fault}"


def _folders(source: Path) -> list[Path]:
    root = source / FOLDER
    return sorted(path for path in root.iterdir() if path.is_dir()) if root.is_dir() else []


def _said(folder: Path) -> dict[str, Any]:
    said: dict[str, Any] = json.loads((folder / "data" / "disposal.json").read_bytes())
    return said
