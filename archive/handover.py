"""Handing vouchers of a fiscal year over to the archives: the bags as transfer files, the list of
them (移交清册), and the catalogue of the year's volume (案卷目录).

79号令: accounting files are handed over with a list that both sides sign; lists are kept 30 years.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from zoneinfo import ZoneInfo

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from archive.accounting import VoucherFacts
from archive.bag_store import BagStore
from archive.bag_xml import RETENTION
from archive.drawing.pdfa import as_pdfa, binary_streams
from archive.drawing.sheet import Column, Sheet
from archive.four_properties import examine
from archive.hashing import digests_of_file
from archive.records import BagRow, Voucher
from archive.tabular import csv_bytes, xlsx_bytes
from archive.transfer import pack
from extractors.errors import YanpiaoError

_CHINA = ZoneInfo("Asia/Shanghai")
HEAD = (
    *("序号", "档号", "会计年度", "会计期间", "凭证字号", "凭证日期", "题名", "责任者", "金额"),
    *("原始凭证数", "版本", "保管期限", "四性检测", "文件名", "字节数", "SHA-256", "SM3", "包摘要"),
)
_SHOWN = (
    Column("序号", 0.6),
    Column("档号", 2.6),
    Column("凭证日期", 1.4),
    Column("题名", 3.2),
    Column("金额", 1.5, right=True),
    Column("件数", 0.7, right=True),
    Column("四性检测", 1.1),
    Column("SHA-256（前16位）", 2.0),
)


class NothingToHandOver(YanpiaoError):
    """No sealed voucher of that fiscal year."""

    code = "nothing_to_hand_over"


class HandoverFolderInUse(YanpiaoError):
    """The folder holds something already; a handover is never mixed with another."""

    code = "handover_folder_in_use"


@dataclass(frozen=True, slots=True)
class Item:
    """One voucher of the volume, with its newest bag; `facts` None where the accounting system
    stated none."""

    voucher_no: str
    bag: BagRow
    facts: VoucherFacts | None


@dataclass(frozen=True, slots=True)
class Handed:
    """One line of the list."""

    item: Item
    file: str
    size: int
    sha256: str
    sm3: str
    sound: bool


def of_year(session: Session, year: int) -> list[Item]:
    """The sealed vouchers of a fiscal year in the order of period, word and number; vouchers
    without facts belong to the year in which they were opened and come last."""
    newest = (
        select(BagRow.voucher_no, func.max(BagRow.version).label("version"))
        .group_by(BagRow.voucher_no)
        .subquery()
    )
    query = (
        select(BagRow, Voucher, VoucherFacts)
        .join(
            newest,
            (newest.c.voucher_no == BagRow.voucher_no) & (newest.c.version == BagRow.version),
        )
        .join(Voucher, Voucher.voucher_no == BagRow.voucher_no)
        .outerjoin(VoucherFacts, VoucherFacts.voucher_no == BagRow.voucher_no)
    )
    found = [
        Item(voucher.voucher_no, bag, facts)
        for bag, voucher, facts in session.execute(query)
        if (facts.fiscal_year if facts is not None else _opened(voucher)) == year
    ]
    return sorted(found, key=_order)


def _opened(voucher: Voucher) -> int:
    return voucher.created_at.astimezone(_CHINA).year


def _order(item: Item) -> tuple[object, ...]:
    facts = item.facts
    if facts is None:
        return (1, "", "", 0, "", 0, item.voucher_no)
    return (
        *(0, facts.agency_code, facts.account_set, facts.period, facts.word, facts.number),
        item.voucher_no,
    )


def hand_over(
    items: Sequence[Item], bags: BagStore, year: int, out: Path, moment: dt.datetime
) -> Path:
    """Write transfer files, lists and catalogue below `out`; the list as XLSX.

    Every bag has its four-property test first; one that fails is listed as failed and not packed.
    Raises `NothingToHandOver`, `HandoverFolderInUse`, `ArchiveFontMissing`.
    """
    if not items:
        raise NothingToHandOver(year=year)
    if out.exists() and any(out.iterdir()):
        raise HandoverFolderInUse(folder=out)
    (out / "bags").mkdir(parents=True, exist_ok=True)
    handed = [_handed(item, bags, out) for item in items]
    rows = [_row(order, each) for order, each in enumerate(handed, start=1)]
    listing = out / f"移交清册-{year}.xlsx"
    listing.write_bytes(xlsx_bytes(f"移交清册 {year}", HEAD, rows))
    (out / f"移交清册-{year}.csv").write_bytes(csv_bytes(HEAD, rows))
    (out / f"移交清册-{year}.pdf").write_bytes(_drawn(handed, year, moment))
    (out / f"案卷目录-{year}.csv").write_bytes(csv_bytes(*_volume(items, year)))
    return listing


def _handed(item: Item, bags: BagStore, out: Path) -> Handed:
    target = out / "bags" / f"{item.voucher_no}-v{item.bag.version:04d}.zip"
    with bags.local(item.bag.path) as folder:
        if not examine(folder, item.bag.digest).sound:
            return Handed(item, "", 0, "", "", sound=False)
        pack(folder, target)
    digests = digests_of_file(target)
    return Handed(
        item, f"bags/{target.name}", digests.size, digests.sha256, digests.sm3, sound=True
    )


def _row(order: int, handed: Handed) -> list[object]:
    item, facts = handed.item, handed.item.facts
    known: list[object] = ["", "", "", "", "", "", ""]
    if facts is not None:
        known = [
            *(facts.fiscal_year, facts.period, f"{facts.word}-{facts.number:04d}"),
            *(facts.voucher_date, facts.summary, facts.agency_name or facts.agency_code),
            f"{facts.debit_total:.2f}",
        ]
    return [
        *(order, item.voucher_no, *known, item.bag.invoices, item.bag.version, RETENTION),
        *("通过" if handed.sound else "不通过", handed.file, handed.size or ""),
        *(handed.sha256, handed.sm3, item.bag.digest),
    ]


def _volume(items: Sequence[Item], year: int) -> tuple[list[str], list[list[object]]]:
    """The year's volume month by month: how many vouchers, invoices, and what they come to."""
    months: dict[str, list[Item]] = {}
    for item in items:
        period = f"{year}-{item.facts.period:02d}" if item.facts else f"{year}-未编期间"
        months.setdefault(period, []).append(item)
    rows: list[list[object]] = []
    for period, own in months.items():
        amounts = [item.facts.debit_total for item in own if item.facts]
        invoices = sum(item.bag.invoices for item in own)
        first, last = own[0].voucher_no, own[-1].voucher_no
        total = f"{sum(amounts, Decimal(0)):.2f}"
        rows.append([period, first, last, len(own), invoices, total, RETENTION])
    head = ["会计期间", "起始档号", "截止档号", "凭证数", "原始凭证数", "金额合计", "保管期限"]
    return head, rows


@binary_streams()
def _drawn(handed: Sequence[Handed], year: int, moment: dt.datetime) -> bytes:
    sheet = Sheet(f"会计档案移交清册 {year}")
    sheet.title(f"会计档案移交清册（{year} 年度）")
    failed = sum(not each.sound for each in handed)
    sheet.pairs(
        [
            ("凭证数", str(len(handed))),
            ("原始凭证数", str(sum(each.item.bag.invoices for each in handed))),
            ("四性检测不通过", str(failed)),
            ("保管期限", RETENTION),
            ("编制日期", f"{moment:%Y-%m-%d}"),
        ]
    )
    sheet.table(_SHOWN, [_shown(order, each) for order, each in enumerate(handed, start=1)])
    sheet.heading("移交单位（盖章）：                         接收单位（盖章）：")
    sheet.heading("移交人：              监交人：              接收人：              日期：")
    return as_pdfa(sheet.done(), f"会计档案移交清册 {year}", moment)


def _shown(order: int, handed: Handed) -> list[str]:
    facts = handed.item.facts
    return [
        *(str(order), handed.item.voucher_no, str(facts.voucher_date) if facts else ""),
        *(facts.summary if facts else "", f"{facts.debit_total:.2f}" if facts else ""),
        *(str(handed.item.bag.invoices), "通过" if handed.sound else "不通过"),
        handed.sha256[:16],
    ]
