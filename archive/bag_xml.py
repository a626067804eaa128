"""The metadata of a bag as XML: the voucher's keys as DA/T 95-2022 names them, the items of each
file as DA/T 94-2022 names them (题名, 责任者, 保管期限 ...), digests by both algorithms.

The schema lies in the package and, so that a bag is complete in itself, in every bag.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from lxml import etree

from extractors.safe_xml import Element

if TYPE_CHECKING:
    from archive.bag_layout import Payload

NAMESPACE = "urn:yanpiao:voucher-bag:1"
SCHEMA_NAME = "voucher-bag-1.xsd"
#: Vouchers are kept for 30 years (会计档案管理办法, 财政部 国家档案局令第79号).
RETENTION = "30年"
_KEYS = (
    ("FISCAL_YEAR", "fiscal_year"),
    ("ACCT_SET_CODE", "account_set"),
    ("ACCT_PERIOD", "period"),
    ("AGENCY_CODE", "agency_code"),
    ("AGENCY_NAME", "agency_name"),
    ("CAMPUS", "campus"),
    ("VOUCHER_WORD", "word"),
    ("VOUCHER_NO", "number"),
    ("VOUCHER_DATE", "voucher_date"),
    ("POSTING_DATE", "posting_date"),
    ("SUMMARY", "summary"),
    ("INVOICE_AMOUNT", "invoice_amount"),
    ("DEBIT_TOTAL", "debit_total"),
    ("CREDIT_TOTAL", "credit_total"),
    ("INPUTER", "preparer"),
    ("AUDITOR", "reviewer"),
    ("POSTER", "poster"),
    ("VOU_CNT", "attachments"),
)
_ROLES = {
    "01-voucher": "记账凭证",
    "02-originals": "原始凭证",
    "03-attachments": "附件",
    "04-evidence": "查验凭据",
    "metadata": "元数据",
}


@cache
def schema_bytes() -> bytes:
    """The schema, as it lies in every bag."""
    return (Path(__file__).parent / "schemas" / SCHEMA_NAME).read_bytes()


@cache
def schema() -> etree.XMLSchema:
    """The package's own schema, ready to validate with."""
    return etree.XMLSchema(etree.fromstring(schema_bytes()))


def _put(parent: Element, name: str, text: object = None, **attributes: str) -> Element:
    clean = {key: _clean(value) for key, value in attributes.items()}
    child = etree.SubElement(parent, f"{{{NAMESPACE}}}{name}", clean)
    if text is not None:
        child.text = _clean(str(text))
    return child


def _clean(text: str) -> str:
    """Without the control characters that XML cannot hold."""
    return "".join(letter for letter in text if letter.isprintable() or letter in "\n\t")


def voucher_xml(
    said: Mapping[str, Any], metadata: Sequence[Mapping[str, Any]], payload: Payload
) -> bytes:
    """`said` is what voucher.json says; `metadata` that of its invoices, in their order."""
    root = etree.fromstring(f'<VoucherBag xmlns="{NAMESPACE}" version="1"/>')
    _voucher(root, said)
    invoices = _put(root, "Invoices")
    for listed, each in zip(said["invoices"], metadata, strict=True):
        _invoice(invoices, said, listed, each)
    files = _put(root, "Files")
    for order, path in enumerate(sorted(payload.files), start=1):
        _file(files, order, path, payload)
    return etree.tostring(root, xml_declaration=True, encoding="UTF-8", pretty_print=True)


def _voucher(root: Element, said: Mapping[str, Any]) -> None:
    facts = said["facts"] or {}
    voucher = _put(root, "Voucher")
    _put(voucher, "档号", said["voucher_no"])
    _put(voucher, "题名", f"记账凭证 {said['voucher_no']}")
    _put(voucher, "责任者", facts.get("agency_name") or facts.get("agency_code") or "")
    _put(voucher, "日期", facts.get("voucher_date") or said["sealed_at"][:10])
    _put(voucher, "保管期限", RETENTION)
    _put(voucher, "版本", said["version"])
    _put(voucher, "封存时间", said["sealed_at"])
    if said["previous_bag_digest"]:
        _put(voucher, "关联档案号", f"sha256:{said['previous_bag_digest']}")
    for name, key in _KEYS:
        if facts.get(key) not in (None, ""):
            _put(voucher, name, facts[key])
    if facts:
        _put(voucher, "RED_FLAG", "Y" if facts["red"] else "N")
    for entry in facts.get("entries", ()):
        _put(voucher, "Entry", **{name: str(value) for name, value in entry.items()})
    for decision in said["decisions"]:
        kept = {name: str(decision[name]) for name in ("code", "actor", "at")}
        _put(voucher, "Decision", decision["reason"], **kept)


def _invoice(
    parent: Element, said: Mapping[str, Any], listed: Mapping[str, Any], each: Mapping[str, Any]
) -> None:
    from archive.bag_layout import last_check, value_of

    facts = said["facts"] or {}
    invoice = _put(parent, "Invoice", order=str(listed["order"]))
    _put(invoice, "题名", value_of(each, "kind") or "票据")
    _put(invoice, "责任者", value_of(each, "seller_name"))
    for name, key in (
        ("发票代码", "invoice_code"),
        ("发票号码", "invoice_number"),
        ("日期", "issue_date"),
        ("购买方", "buyer_name"),
        ("合计金额", "total_with_tax"),
    ):
        if text := value_of(each, key):
            _put(invoice, name, text)
    if facts:
        _put(invoice, "会计年度", facts["fiscal_year"])
    _put(invoice, "凭证号", said["voucher_no"])
    check = last_check(each)
    result = {"time": str(check["portal_time"])} if check.get("portal_time") else {}
    _put(invoice, "查验结果", each.get("verdict") or "none", **result)
    _put(invoice, "电子签名", _signature(each))
    _put(invoice, "文件名", listed["original"])


def _signature(each: Mapping[str, Any]) -> str:
    """What was found out about the file's electronic signature when it was read."""
    found = (each.get("invoice") or {}).get("findings", ())
    codes = [f["code"] for f in found if "sign" in f["code"] or "seal" in f["code"]]
    return ", ".join(dict.fromkeys(codes)) or "none"


def _file(parent: Element, order: int, path: str, payload: Payload) -> None:
    digests = payload.digests[path]
    pure = PurePosixPath(path)
    file = _put(parent, "File", order=str(order))
    _put(file, "类别", _ROLES.get(pure.parts[0], "元数据"))
    _put(file, "文件名", path)
    _put(file, "格式", pure.suffix.lstrip(".") or "bin")
    _put(file, "大小", digests.size)
    _put(file, "哈希", digests.sha256, algorithm="SHA-256")
    _put(file, "哈希", digests.sm3, algorithm="SM3")
