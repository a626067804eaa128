"""What lies where in a bag: names that say order and number, in the order of DA/T 95-2022 —
voucher, originals, attachments, evidence.

    data/voucher.json                        the voucher, its facts, decisions and invoices
    data/voucher.xml                         the same by the items of DA/T 95 and DA/T 94
    data/voucher-bag-1.xsd                   the schema of voucher.xml
    data/01-voucher/000-<voucher>.pdf        the cover sheet (PDF/A-2b)
    data/02-originals/001-<number>.<suffix>  the bytes as they were handed in
    data/03-attachments/001-<number>-searchable.pdf   of a scan (PDF/A-2b)
    data/04-evidence/001-<number>/...        result.png, result.pdf, portal.json
    data/metadata/001-<number>.json          values, sources, findings, verdict, verifications
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from archive.bag_xml import SCHEMA_NAME, schema_bytes, voucher_xml
from archive.drawing.cover import CoverLine, cover
from archive.hashing import Digests, digests_of

#: 1 is that of bags sealed before there were covers; `archive.bag_reading` reads both.
LAYOUT = 2
_UNSAFE = re.compile(r"[^0-9A-Za-z]+")
_UNSAFE_VOUCHER = re.compile(r"[^0-9A-Za-z\u4e00-\u9fff._-]+")


@dataclass(frozen=True, slots=True)
class BagItem:
    """One invoice of a bag. `suffix` is that of the sniffed type, never of a file name;
    `attachments` are derived files by name, `picture` a small JPEG of its page."""

    document_id: str
    invoice_number: str
    original: bytes
    suffix: str
    metadata: Mapping[str, Any]
    evidence: Mapping[str, bytes]
    attachments: Mapping[str, bytes] = field(default_factory=dict)
    picture: bytes | None = None


@dataclass(frozen=True, slots=True)
class BagVoucher:
    """The voucher of a bag: facts of the accounting system (`archive.voucher_json.facts_json`),
    None where it stated none, and the differences that people accepted."""

    voucher_no: str
    version: int
    sealed_at: dt.datetime
    previous_digest: str | None = None
    facts: Mapping[str, Any] | None = None
    decisions: Sequence[Mapping[str, Any]] = ()
    #: Whom its decisions and documents name by id: id, login and name of each.
    people: Sequence[Mapping[str, str]] = ()


@dataclass(slots=True)
class Payload:
    """The files of a bag by their path under `data/`, and their digests."""

    files: dict[str, bytes] = field(default_factory=dict)
    digests: dict[str, Digests] = field(default_factory=dict)

    def add(self, path: str, content: bytes) -> None:
        self.files[path] = content
        self.digests[path] = digests_of(content)


def json_bytes(value: object) -> bytes:
    """JSON with keys in order, Chinese left as it is."""
    return (json.dumps(value, ensure_ascii=False, indent=2, sort_keys=True) + "\n").encode()


def lay_out(voucher: BagVoucher, items: Sequence[BagItem]) -> Payload:
    """Every file of the payload. Raises `ArchiveFontMissing`."""
    payload = Payload()
    stem = _UNSAFE_VOUCHER.sub("", voucher.voucher_no)
    cover_path = f"01-voucher/000-{stem}.pdf"
    lines = [_cover_line(order, item) for order, item in enumerate(items, start=1)]
    payload.add(
        cover_path,
        cover(voucher.voucher_no, voucher.version, voucher.sealed_at, voucher.facts, lines),
    )
    originals: dict[str, str] = {}
    listed = [
        _lay_item(payload, order, item, originals) for order, item in enumerate(items, start=1)
    ]
    said = {
        "layout": LAYOUT,
        "voucher_no": voucher.voucher_no,
        "version": voucher.version,
        "previous_bag_digest": voucher.previous_digest,
        "sealed_at": voucher.sealed_at.isoformat(),
        "cover": cover_path,
        "facts": voucher.facts,
        "decisions": list(voucher.decisions),
        "people": list(voucher.people),
        "invoices": listed,
    }
    payload.add("voucher.json", json_bytes(said))
    payload.add(SCHEMA_NAME, schema_bytes())
    payload.add("voucher.xml", voucher_xml(said, [item.metadata for item in items], payload))
    return payload


def _lay_item(
    payload: Payload, order: int, item: BagItem, originals: dict[str, str]
) -> dict[str, Any]:
    stem = f"{order:03d}-{_UNSAFE.sub('', item.invoice_number) or item.document_id}"
    sha256 = hashlib.sha256(item.original).hexdigest()
    # A file that holds several invoices lies in the bag once.
    original = originals.setdefault(sha256, f"02-originals/{stem}.{item.suffix}")
    if original not in payload.files:
        payload.add(original, item.original)
    metadata = f"metadata/{stem}.json"
    payload.add(metadata, json_bytes(item.metadata))
    attachments = {f"03-attachments/{stem}-{n}": c for n, c in item.attachments.items()}
    evidence = {f"04-evidence/{stem}/{n}": c for n, c in item.evidence.items()}
    for path, content in {**attachments, **evidence}.items():
        payload.add(path, content)
    return {
        "order": order,
        "document_id": item.document_id,
        "invoice_number": item.invoice_number,
        "original": original,
        "metadata": metadata,
        "attachments": list(attachments),
        "evidence": list(evidence),
        "sha256": payload.digests[original].sha256,
        "sm3": payload.digests[original].sm3,
        "check_result": item.metadata.get("verdict"),
    }


def value_of(metadata: Mapping[str, Any], name: str) -> str:
    """A read value of an invoice as text, "" where there is none."""
    read = (metadata.get("invoice") or {}).get(name)
    value = read.get("value") if isinstance(read, Mapping) else read
    return "" if value is None else str(value)


def last_check(metadata: Mapping[str, Any]) -> Mapping[str, Any]:
    """The newest verification at which the tax authority answered; empty for none."""
    answered = [
        each
        for each in metadata.get("verifications", ())
        if each.get("verdict") in ("confirmed", "contradicted")
    ]
    return answered[-1] if answered else {}


def _cover_line(order: int, item: BagItem) -> CoverLine:
    return CoverLine(
        order=order,
        kind=value_of(item.metadata, "kind"),
        number=item.invoice_number,
        issue_date=value_of(item.metadata, "issue_date"),
        seller=value_of(item.metadata, "seller_name"),
        total=value_of(item.metadata, "total_with_tax"),
        result=str(item.metadata.get("verdict") or ""),
        checked_at=str(last_check(item.metadata).get("portal_time") or ""),
        suffix=item.suffix,
        picture=item.picture,
    )
