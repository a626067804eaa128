"""The cover sheet of a voucher's bag (记账凭证封面): what the voucher says, its invoices with
their check results, and small pictures of their pages. Drawn in Chinese, as finance files it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from zoneinfo import ZoneInfo

from archive.drawing.pdfa import as_pdfa, binary_streams
from archive.drawing.sheet import Column, Sheet
from extractors.messages import say

_CHINA = ZoneInfo("Asia/Shanghai")
_ENTRIES = (
    Column("摘要", 3.2),
    Column("科目编码", 1.6),
    Column("科目名称", 2.6),
    Column("借方金额", 1.5, right=True),
    Column("贷方金额", 1.5, right=True),
)
_INVOICES = (
    Column("序", 0.5),
    Column("票据种类", 2.3),
    Column("号码", 3.4),
    Column("开票日期", 1.7),
    Column("销售方", 2.55),
    Column("价税合计", 1.85, right=True),
    Column("查验结果", 1.3),
    Column("查验时间", 1.65),
)
_FORMS = {"xml": "XML 数据文件", "ofd": "OFD 版式文件"}


@dataclass(frozen=True, slots=True)
class CoverLine:
    """One invoice as the cover shows it; texts, "" where unknown. `picture`: JPEG of its page."""

    order: int
    kind: str
    number: str
    issue_date: str
    seller: str
    total: str
    result: str
    checked_at: str
    suffix: str
    picture: bytes | None = None


@binary_streams()
def cover(
    voucher_no: str,
    version: int,
    sealed_at: dt.datetime,
    facts: Mapping[str, Any] | None,
    lines: Sequence[CoverLine],
) -> bytes:
    """The cover as PDF/A-2b. Raises `ArchiveFontMissing`."""
    moment = f"{sealed_at.astimezone(_CHINA):%Y-%m-%d %H:%M:%S}"
    sheet = Sheet(f"验票  {voucher_no}  第 {version} 版  封存于 {moment}（北京时间）")
    sheet.title("记账凭证归档封面")
    sheet.pairs(_pairs(voucher_no, version, facts))
    if facts and facts.get("entries"):
        sheet.heading("会计分录")
        sheet.table(_ENTRIES, [_entry(entry) for entry in facts["entries"]])
    sheet.heading(f"原始凭证（{len(lines)} 份）")
    sheet.table(_INVOICES, [_line(line) for line in lines])
    sheet.heading("页面缩略图")
    sheet.pictures(
        [
            (
                f"{line.order:03d}  {line.number}",
                line.picture,
                _FORMS.get(line.suffix, "无页面图像"),
            )
            for line in lines
        ]
    )
    return as_pdfa(sheet.done(), f"记账凭证归档封面 {voucher_no}", sealed_at)


def _pairs(voucher_no: str, version: int, facts: Mapping[str, Any] | None) -> list[tuple[str, str]]:
    pairs = [("凭证号", voucher_no), ("版本", str(version))]
    if facts is None:
        return pairs
    attachments = facts["attachments"]
    return [
        *pairs,
        ("会计年度", str(facts["fiscal_year"])),
        ("会计期间", str(facts["period"])),
        ("凭证字号", f"{facts['word']}-{facts['number']:04d}"),
        ("凭证日期", facts["voucher_date"]),
        ("单位", facts["agency_name"] or facts["agency_code"]),
        ("账套", facts["account_set"]),
        ("校区", facts["campus"]),
        ("附单据数", "" if attachments is None else str(attachments)),
        ("红字", "是" if facts["red"] else "否"),
        ("借方合计", facts["debit_total"]),
        ("制单人", facts["preparer"]),
        ("审核人", facts["reviewer"]),
        ("记账人", facts["poster"]),
        ("摘要", facts["summary"]),
    ]


def _entry(entry: Mapping[str, Any]) -> list[str]:
    amounts = ("" if entry[side] == "0.00" else entry[side] for side in ("debit", "credit"))
    return [entry["summary"], entry["account_code"], entry["account_name"], *amounts]


def _line(line: CoverLine) -> list[str]:
    return [
        *(f"{line.order}", line.kind, line.number, line.issue_date, line.seller, line.total),
        *(check_result(line.result), line.checked_at),
    ]


def check_result(verdict: str) -> str:
    """The check result (查验结果) in the words of the trade."""
    return say(f"check_result_{verdict or 'none'}", "zh")
