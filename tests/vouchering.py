"""Files of an accounting system as the import takes them, for the tests of vouchers."""

from __future__ import annotations

from archive.accounting import VoucherFacts
from archive.actors import Actor, Role
from archive.database import Database

HEAD = (
    *("会计年度", "期间", "凭证字", "凭证号", "验票凭证号", "凭证日期", "附单据数", "制单人"),
    *("摘要", "科目编码", "科目名称", "借方金额", "贷方金额"),
)
REVIEWER = Actor("u1", "li", "李审核", frozenset({(Role.REVIEWER, "")}))


def entry(debit: str, credit: str, **other: str) -> list[str]:
    row = {
        "会计年度": "2026", "期间": "11", "凭证字": "记", "凭证号": "12", "验票凭证号": "",
        "凭证日期": "2026-11-05", "附单据数": "1", "制单人": "王会计", "摘要": "办公用品",
        "科目编码": "5001", "科目名称": "业务活动费用", "借方金额": debit, "贷方金额": credit,
    }  # fmt: skip
    row.update(other)
    return [row[name] for name in HEAD]


def of_voucher(amount: str = "113.00", **other: str) -> list[list[str]]:
    return [entry(amount, "", **other), entry("", amount, **{"科目编码": "1002", **other})]


def csv_file(rows: list[list[str]], encoding: str = "utf-8", head: tuple[str, ...] = HEAD) -> bytes:
    return "\r\n".join(",".join(row) for row in (list(head), *rows)).encode(encoding)


def facts_of(database: Database, number: str) -> VoucherFacts:
    with database.read() as session:
        return session.get_one(VoucherFacts, number)
